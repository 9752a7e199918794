/* Memory of bodies that are copied: how much may wait for clients, and the buffers. A buffer belongs to its bucket and
 * comes back when that is destroyed, in whatever thread; some are kept for the next body, because fresh pages cost more
 * than the copy. What nobody needed for a while goes back to the system. */
#ifndef JO_BUFFER_H
#define JO_BUFFER_H

#include <apr_pools.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of bodies that may wait for clients at a time; a quarter of it may be kept as free buffers. */
void jo_buffer_limit(size_t bytes);
/* Counts a buffer for len bytes as waiting until the pool is gone: the request's, which outlives what connection filters make of them.
 * False: that would be too much. One body of any size may always wait. */
bool jo_buffer_charge(apr_pool_t *pool, size_t len);

void *jo_buffer_make(size_t len); /* NULL: no memory */
void jo_buffer_free(void *data);
/* Gives back what lay idle; to be called now and then. */
void jo_buffer_trim(void);

#endif
