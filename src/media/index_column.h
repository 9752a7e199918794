/* A column of the index: n ≤ JO_COLUMN numbers of at most 32 bits in as few bits as they need.
 *
 * A byte of their width (and a mark), a byte of a base's length, the base, which is to be added to all, the low
 * bits one after the other. Where few numbers have more bits than that, how many, the width of those bits, their positions
 * (a byte each) and those bits follow. Least significant bits and bytes come first. Reading and writing go up to 8 bytes
 * beyond the end. */
#ifndef JO_INDEX_COLUMN_H
#define JO_INDEX_COLUMN_H

#include "index.h"

#include <string.h>

enum { JO_COLUMN = JO_ROWS };

static inline uint64_t jo_index_get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline void jo_index_put64(uint8_t *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, 8);
}

/* All give what is behind the column. */

/* Writes v[0] … v[n - 1], n > 0; v is lost, all JO_COLUMN places of it. */
uint8_t *jo_column_put(uint8_t *p, uint32_t v[JO_COLUMN], uint32_t n);
/* The same, where v is not to be lost. */
uint8_t *jo_column_copy(uint8_t *p, const uint32_t v[JO_COLUMN], uint32_t n);
const uint8_t *jo_column_get(const uint8_t *p, uint32_t n, uint32_t *out);
const uint8_t *jo_column_skip(const uint8_t *p, uint32_t n);

/* The i-th of n numbers. */
uint32_t jo_column_number(const uint8_t *p, uint32_t n, uint32_t i);

/* Sum of the first `first` of n numbers. */
int64_t jo_column_sum(const uint8_t *p, uint32_t n, uint32_t first);

#endif
