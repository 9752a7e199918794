/* A whole file, as a rule a progressive one. */
#include "demux_fuzz.h"

#include <apr_general.h>

unsigned long fuzz_successes;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    apr_pool_t *pool;

    if (len > 1 << 20)
        return 0;
    apr_initialize(); /* counted by APR: only the first does anything */
    apr_pool_create(&pool, NULL);
    fuzz_demux(pool, data, len);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
