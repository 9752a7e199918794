/* A manifest that a server gave to `jitorigin audit`: playlist, MPD or Smooth. What it leads to is bounded, on the web, and
 * found once. */
#include "../../src/cli/walk.h"
#include "fuzz.h"

#include <apr_general.h>
#include <string.h>

unsigned long fuzz_successes;

#define MOST 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    apr_pool_t *pool;
    jo_walk w;

    if (!text)
        abort();
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_walk_init(&w, pool, 3);
    bool read = jo_walk_read(&w, "http://127.0.0.1/vod/kite.ism/.m3u8", text, len);
    FUZZ_CHECK(w.found->nelts <= MOST && (unsigned)w.found->nelts == apr_hash_count(w.seen));
    for (int i = 0; i < w.found->nelts; i++) {
        const jo_walk_found *f = &APR_ARRAY_IDX(w.found, i, jo_walk_found);
        FUZZ_CHECK(!strncmp(f->url, "http://", 7) || !strncmp(f->url, "https://", 8));
    }
    fuzz_successes += read && w.found->nelts > 0;
    apr_pool_destroy(pool);
    apr_terminate();
    free(text);
    return 0;
}
