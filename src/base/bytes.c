#include "bytes.h"

#include <string.h>

/* ---- reader */

void jo_reader_init(jo_reader *r, const void *data, size_t len)
{
    /* A NULL of length 0 becomes a real address: NULL + 0 is undefined, and read_bytes(0) is not NULL. */
    r->at = data ? data : (const uint8_t *)"";
    r->end = r->at + (data ? len : 0);
    r->failed = false;
}

size_t jo_reader_left(const jo_reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

const uint8_t *jo_read_bytes(jo_reader *r, size_t n)
{
    const uint8_t *p = r->at;

    if (r->failed || n > (size_t)(r->end - r->at)) {
        r->failed = true;
        return NULL;
    }
    r->at += n;
    return p;
}

static uint64_t read_be(jo_reader *r, size_t n)
{
    const uint8_t *p = jo_read_bytes(r, n);
    uint64_t v = 0;

    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t jo_read_u8(jo_reader *r)
{
    return (uint8_t)read_be(r, 1);
}

uint16_t jo_read_u16(jo_reader *r)
{
    return (uint16_t)read_be(r, 2);
}

uint32_t jo_read_u24(jo_reader *r)
{
    return (uint32_t)read_be(r, 3);
}

uint32_t jo_read_u32(jo_reader *r)
{
    const uint8_t *p = jo_read_bytes(r, 4);

    return p ? jo_get_u32(p) : 0;
}

uint64_t jo_read_u64(jo_reader *r)
{
    return read_be(r, 8);
}

int32_t jo_read_i32(jo_reader *r)
{
    return (int32_t)jo_read_u32(r);
}

int64_t jo_read_i64(jo_reader *r)
{
    return (int64_t)jo_read_u64(r);
}

void jo_read_skip(jo_reader *r, size_t n)
{
    (void)jo_read_bytes(r, n);
}

jo_reader jo_read_sub(jo_reader *r, size_t n)
{
    jo_reader sub;
    const uint8_t *p = jo_read_bytes(r, n);

    jo_reader_init(&sub, p, p ? n : 0);
    sub.failed = !p;
    return sub;
}

/* ---- bits */

void jo_bits_init(jo_bits *b, const void *data, size_t len)
{
    *b = (jo_bits){.data = data, .len = len};
}

uint32_t jo_bits_read(jo_bits *b, unsigned n)
{
    uint32_t v = 0;

    if (b->failed || n > b->len * 8 - b->pos) {
        b->failed = true;
        return 0;
    }
    for (; n > 0; n--, b->pos++)
        v = v << 1 | (b->data[b->pos / 8] >> (7 - b->pos % 8) & 1);
    return v;
}

uint32_t jo_bits_ue(jo_bits *b)
{
    unsigned zeros = 0;

    while (!b->failed && jo_bits_read(b, 1) == 0)
        zeros++;
    if (b->failed || zeros > 31) { /* 14496-10 allows up to 2^32 - 2 */
        b->failed = true;
        return 0;
    }
    uint32_t low = jo_bits_read(b, zeros);
    return b->failed ? 0 : (uint32_t)((1ULL << zeros) - 1) + low;
}

int32_t jo_bits_se(jo_bits *b)
{
    uint32_t k = jo_bits_ue(b); /* 14496-10 9.1.1: 0, 1, -1, 2, -2 … */

    return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}

/* ---- writer */

void jo_writer_init(jo_writer *w, apr_pool_t *pool, size_t expected)
{
    *w = (jo_writer){.pool = pool, .cap = expected < 64 ? 64 : expected};
    w->data = apr_palloc(pool, w->cap);
}

uint8_t *jo_write_reserve(jo_writer *w, size_t n)
{
    if (n > w->cap - w->len) {
        size_t cap = w->cap * 2 > w->len + n ? w->cap * 2 : w->len + n;
        uint8_t *data = apr_palloc(w->pool, cap);
        memcpy(data, w->data, w->len);
        w->data = data;
        w->cap = cap;
    }
    w->len += n;
    return w->data + w->len - n;
}

void jo_write_u8(jo_writer *w, unsigned v)
{
    *jo_write_reserve(w, 1) = (uint8_t)v;
}

void jo_write_u16(jo_writer *w, unsigned v)
{
    uint8_t *p = jo_write_reserve(w, 2);

    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void jo_write_u24(jo_writer *w, uint32_t v)
{
    uint8_t *p = jo_write_reserve(w, 3);

    p[0] = (uint8_t)(v >> 16);
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)v;
}

void jo_write_u32(jo_writer *w, uint32_t v)
{
    jo_put_u32(jo_write_reserve(w, 4), v);
}

void jo_write_u64(jo_writer *w, uint64_t v)
{
    uint8_t *p = jo_write_reserve(w, 8);

    jo_put_u32(p, (uint32_t)(v >> 32));
    jo_put_u32(p + 4, (uint32_t)v);
}

void jo_write_bytes(jo_writer *w, const void *data, size_t len)
{
    uint8_t *p = jo_write_reserve(w, len);

    if (len > 0)
        memcpy(p, data, len);
}

void jo_write_zeros(jo_writer *w, size_t n)
{
    memset(jo_write_reserve(w, n), 0, n);
}

void jo_write_patch_u32(jo_writer *w, size_t at, uint32_t v)
{
    jo_put_u32(w->data + at, v);
}
