/* Loaded titles, kept per child process: least recently used go first, bounded in bytes, each loaded once however
 * many requests ask for it at the same time. That a title's media are damaged, or may not be read, is remembered for a
 * few seconds.
 *
 * Loading can take long. So that titles on a slow disk don't hold every thread while others could be served, there are
 * bounds on the titles that are being loaded at once, on the requests that load or wait, and on how long
 * these wait; beyond each of them: JO_EBUSY.
 *
 * Each title has a pool and an allocator of its own, and is freed when it has left the cache and the last request that
 * uses it is over. The cache itself is left to process exit: httpd destroys pchild while requests still run. */
#ifndef JO_CACHE_H
#define JO_CACHE_H

#include "../origin.h"

typedef struct jo_cache jo_cache;

/* The title used last stays even if it alone is larger than `memory`, unless that is 0: then none is kept. */
typedef struct jo_cache_limits {
    size_t memory; /* bytes of titles */
    int loads;     /* titles that are being loaded */
    int busy;      /* requests that load, or wait for a load */
    int seconds;   /* that a request waits */
} jo_cache_limits;

/* For one child. */
jo_cache *jo_cache_make(const jo_cache_limits *limits);

/* The cache as a request with these roots sees it: what one root allows must not answer for another. The roots live as
 * long as pool. */
const jo_title_store *jo_cache_view(jo_cache *cache, apr_pool_t *pool, const char *const *roots,
                                    int nroots);

#endif
