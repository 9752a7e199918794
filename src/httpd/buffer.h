/* Buffers for bodies that are copied. A buffer belongs to its bucket and comes back when that is destroyed, in whatever
 * thread; a bounded amount is kept for the next body, because fresh pages cost more than the copy. */
#ifndef JO_BUFFER_H
#define JO_BUFFER_H

#include <stddef.h>

void *jo_buffer_make(size_t len); /* NULL: no memory */
void jo_buffer_free(void *data);

#endif
