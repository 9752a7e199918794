/* Big-endian bytes: a bounded reader and a bit reader with sticky errors, and a growing writer.
 * After the first read past the end every read gives 0 and `failed` stays set, so that a parser
 * reads a box straight down and checks once. */
#ifndef JO_BYTES_H
#define JO_BYTES_H

#include "jo.h"

typedef struct jo_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} jo_reader;

void jo_reader_init(jo_reader *r, const void *data, size_t len);
size_t jo_reader_left(const jo_reader *r); /* 0 once failed */
uint8_t jo_read_u8(jo_reader *r);
uint16_t jo_read_u16(jo_reader *r);
uint32_t jo_read_u24(jo_reader *r);
uint32_t jo_read_u32(jo_reader *r);
uint64_t jo_read_u64(jo_reader *r);
int32_t jo_read_i32(jo_reader *r);
int64_t jo_read_i64(jo_reader *r);
void jo_read_skip(jo_reader *r, size_t n);
/* The next n bytes in place, or NULL (and failed) if there are fewer. n = 0 gives a non-NULL pointer. */
const uint8_t *jo_read_bytes(jo_reader *r, size_t n);
/* A reader over the next n bytes, which are skipped here; failed (both) if there are fewer. */
jo_reader jo_read_sub(jo_reader *r, size_t n);

/* Most significant bit first; used for codec configuration records. */
typedef struct jo_bits {
    const uint8_t *data;
    size_t len; /* bytes */
    size_t pos; /* bits */
    bool failed;
} jo_bits;

void jo_bits_init(jo_bits *b, const void *data, size_t len);
uint32_t jo_bits_read(jo_bits *b, unsigned n); /* n ≤ 32 */
uint32_t jo_bits_ue(jo_bits *b);               /* Exp-Golomb, 14496-10 9.1 */
int32_t jo_bits_se(jo_bits *b);

/* Grows in its pool; never fails. */
typedef struct jo_writer {
    apr_pool_t *pool;
    uint8_t *data;
    size_t len;
    size_t cap;
} jo_writer;

void jo_writer_init(jo_writer *w, apr_pool_t *pool, size_t expected);
void jo_write_u8(jo_writer *w, unsigned v);
void jo_write_u16(jo_writer *w, unsigned v);
void jo_write_u24(jo_writer *w, uint32_t v);
void jo_write_u32(jo_writer *w, uint32_t v);
void jo_write_u64(jo_writer *w, uint64_t v);
void jo_write_bytes(jo_writer *w, const void *data, size_t len);
void jo_write_zeros(jo_writer *w, size_t n);
/* Room for n bytes that the caller fills at once (hot loops); counted in len already. */
uint8_t *jo_write_reserve(jo_writer *w, size_t n);
void jo_write_patch_u32(jo_writer *w, size_t at, uint32_t v); /* overwrites 4 bytes at `at` */

static inline void jo_put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline uint32_t jo_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
