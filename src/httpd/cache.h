/* Loaded titles, kept per child process: least recently used go first, bounded in bytes, each loaded once however
 * many requests ask for it at the same time. The error of a title that can't be loaded is kept for a few seconds.
 *
 * Each title has a pool and an allocator of its own, and is freed when it has left the cache and the last request that
 * uses it is over. The cache itself is left to process exit: httpd destroys pchild while requests still run. */
#ifndef JO_CACHE_H
#define JO_CACHE_H

#include "../origin.h"

typedef struct jo_cache jo_cache;

/* For one child; budget in bytes. The title used last stays even if it alone is larger. */
jo_cache *jo_cache_make(size_t budget);

/* The cache as a request with these roots sees it: what one root allows must not answer for another. The roots live as
 * long as pool. */
const jo_title_store *jo_cache_view(jo_cache *cache, apr_pool_t *pool, const char *const *roots,
                                    int nroots);

#endif
