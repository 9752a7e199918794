#include "../base/bytes.h"
#include "index_code.h"

#include <string.h>

size_t jo_index_memory(const jo_index *ix)
{
    return sizeof(*ix) + ix->stream_len + ix->nblocks * sizeof(*ix->blocks) +
           ix->nraps * sizeof(*ix->raps) + ix->nfragments * sizeof(*ix->fragments);
}

/* Integers on their way into a hash, which is dear to call for each. */
typedef struct hashed {
    jo_sha256 *hash;
    size_t len;
    uint8_t bytes[1024];
} hashed;

static void flush(hashed *to)
{
    jo_sha256_add(to->hash, to->bytes, to->len);
    to->len = 0;
}

static void hash_int(hashed *to, int64_t v)
{
    jo_put_u32(to->bytes + to->len, (uint32_t)((uint64_t)v >> 32));
    jo_put_u32(to->bytes + to->len + 4, (uint32_t)v);
    to->len += 8;
    if (to->len == sizeof(to->bytes)) {
        flush(to);
    }
}

/* Just what the samples can be decoded from; all else follows from it. */
void jo_index_hash(const jo_index *ix, jo_sha256 *h)
{
    hashed to = {.hash = h};

    hash_int(&to, ix->count);
    hash_int(&to, ix->first_dts);
    for (size_t i = 0; i < sizeof(ix->cts_table) / sizeof(ix->cts_table[0]); i++) {
        hash_int(&to, ix->cts_table[i]);
    }
    for (uint32_t i = 0; i < ix->nblocks; i++) {
        hash_int(&to, ix->blocks[i].offset);
    }
    hash_int(&to, ix->nfragments);
    for (uint32_t i = 0; i < ix->nfragments; i++) {
        hash_int(&to, ix->fragments[i]);
    }
    hash_int(&to, (int64_t)ix->stream_len);
    flush(&to);
    jo_sha256_add(h, ix->stream, ix->stream_len);
}

/* -- bits -------------------------------------------------------------------------------------------- */

/* The next 57 bits at least, left-aligned. */
static uint64_t peek(const uint8_t *p, uint32_t bit)
{
    uint64_t v;

    memcpy(&v, p + bit / 8, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v << bit % 8;
}

typedef struct number {
    uint64_t value;
    uint32_t end; /* bit behind it */
} number;

/* A number that is written out, from its JO_INDEX_LONG ones on. */
static number get_long(const uint8_t *at, uint32_t bit)
{
    unsigned n = (unsigned)(peek(at, bit + JO_INDEX_LONG) >> 58) + 1, low = n > 32 ? 32 : n;
    uint64_t high = 0;

    bit += JO_INDEX_LONG + 6;
    if (n > 32) {
        high = peek(at, bit) >> (96 - n);
        bit += n - 32;
    }
    return (number){high << low | peek(at, bit) >> (64 - low), bit + low};
}

/* The number at `bit`; v: the bits from there on. */
static inline number take_number(const uint8_t *at, uint32_t bit, uint64_t v, unsigned k)
{
    unsigned ones = (unsigned)__builtin_clzll(~v | 1);

    if (ones >= JO_INDEX_LONG) {
        return get_long(at, bit);
    }
    return (number){(uint64_t)ones << k | (v << (ones + 1)) >> 1 >> (63 - k), bit + ones + 1 + k};
}

static inline number get_number(const uint8_t *at, uint32_t bit, unsigned k)
{
    return take_number(at, bit, peek(at, bit), k);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* -- cursors ------------------------------------------------------------------------------------------ */

static void open_block(jo_cursor *c, uint32_t block)
{
    const jo_index_block *k = &c->index->blocks[block];

    c->next = block * JO_INDEX_BLOCK;
    c->at = c->index->stream + k->at;
    c->bit = 16;
    uint32_t head = (uint32_t)c->at[0] << 8 | c->at[1];
    c->size_k = head >> 11;
    c->gap_k = head >> 6 & 31;
    c->cts_bits = head >> 3 & 7;
    c->back = head & 1;
    c->flags = 0;
    c->dts = k->dts;
    c->offset = k->offset;
    c->duration = k->duration;
}

/* Inline, so that loops that want but a part of it keep that in registers and drop the rest. */
static inline __attribute__((always_inline)) void step(jo_cursor *c, jo_sample *out)
{
    uint32_t bit = c->bit;
    unsigned n = 1;

    /* flags, row and size in one look: 4 + 4 + JO_INDEX_LONG + 31 bits at most */
    uint64_t v = peek(c->at, bit);
    if (!(v >> 63)) {
        c->flags = v >> 60 & 7;
        n = 4;
    }
    v <<= n;
    uint32_t row = (uint32_t)(v >> 1 >> (63 - c->cts_bits));
    number size = take_number(c->at, bit + n + c->cts_bits, v << c->cts_bits, c->size_k);
    bit = size.end;
    out->size = (uint32_t)size.value;
    out->sync = c->flags & JO_INDEX_SYNC;
    if (c->flags & JO_INDEX_PLACE) {
        number gap = get_number(c->at, bit, c->gap_k);
        c->offset += c->back ? unzigzag(gap.value) : (int64_t)gap.value;
        bit = gap.end;
    }
    if (c->flags & JO_INDEX_DURATION) {
        number duration = get_number(c->at, bit, JO_INDEX_OTHER_K);
        c->duration = (uint32_t)duration.value;
        bit = duration.end;
    }
    if (row == JO_INDEX_EXPLICIT) {
        number cts = get_number(c->at, bit, JO_INDEX_OTHER_K);
        out->cts = (int32_t)unzigzag(cts.value);
        bit = cts.end;
    } else {
        out->cts = c->index->cts_table[row];
    }
    out->dts = c->dts;
    out->offset = c->offset;
    out->duration = c->duration;
    c->dts += out->duration;
    c->offset += out->size;
    c->bit = bit;
    c->next++;
}

void jo_cursor_init(jo_cursor *c, const jo_index *ix, uint32_t n)
{
    jo_sample skipped;

    c->index = ix;
    c->next = n;
    if (n >= ix->count) {
        return;
    }
    open_block(c, n / JO_INDEX_BLOCK);
    while (c->next < n) {
        step(c, &skipped);
    }
}

bool jo_cursor_next(jo_cursor *c, jo_sample *out)
{
    if (c->next >= c->index->count) {
        return false;
    }
    if (c->next % JO_INDEX_BLOCK == 0) {
        open_block(c, c->next / JO_INDEX_BLOCK);
    }
    step(c, out);
    return true;
}

/* -- asking -------------------------------------------------------------------------------------------- */

int64_t jo_index_dts(const jo_index *ix, uint32_t n)
{
    jo_cursor c;

    if (n >= ix->count) {
        return ix->end_dts;
    }
    if (n <= ix->const_until) {
        return ix->first_dts + (int64_t)n * ix->duration;
    }
    jo_cursor_init(&c, ix, n);
    return n % JO_INDEX_BLOCK == 0 ? ix->blocks[n / JO_INDEX_BLOCK].dts : c.dts;
}

/* Where all samples last the same. */
static bool find_constant(const jo_index *ix, int64_t t, uint32_t *out)
{
    if (ix->duration == 0 || t <= ix->first_dts ||
        t > ix->first_dts + (int64_t)ix->const_until * ix->duration) {
        return false;
    }
    *out = (uint32_t)((t - ix->first_dts + ix->duration - 1) / ix->duration);
    return true;
}

/* Bytes of all samples before n. */
static int64_t bytes_before(const jo_index *ix, uint32_t n)
{
    jo_cursor c = {.index = ix};
    jo_sample s;

    if (n >= ix->count) {
        return ix->bytes;
    }
    int64_t bytes = ix->blocks[n / JO_INDEX_BLOCK].bytes;
    open_block(&c, n / JO_INDEX_BLOCK);
    while (c.next < n) {
        step(&c, &s);
        bytes += s.size;
    }
    return bytes;
}

/* First block whose first DTS is ≥ t. */
static uint32_t find_block(const jo_index *ix, int64_t t)
{
    uint32_t lo = 0, hi = ix->nblocks;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ix->blocks[mid].dts < t) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* Where samples last differently. */
static jo_found_sample find_in_blocks(const jo_index *ix, int64_t t)
{
    uint32_t block = find_block(ix, t);
    const jo_index_block *next = &ix->blocks[block];
    jo_found_sample none = {ix->count, ix->end_dts, ix->bytes};
    jo_cursor c = {.index = ix};
    jo_sample s;

    if (block < ix->nblocks) {
        none = (jo_found_sample){block * JO_INDEX_BLOCK, next->dts, next->bytes};
    }
    if (block == 0) {
        return none;
    }
    open_block(&c, block - 1);
    for (int64_t bytes = next[-1].bytes; c.next < none.sample; bytes += s.size) {
        step(&c, &s);
        if (s.dts >= t) {
            return (jo_found_sample){c.next - 1, s.dts, bytes};
        }
    }
    return none;
}

jo_found_sample jo_index_find(const jo_index *ix, int64_t t)
{
    uint32_t n;

    if (find_constant(ix, t, &n)) {
        return (jo_found_sample){n, ix->first_dts + (int64_t)n * ix->duration, bytes_before(ix, n)};
    }
    return find_in_blocks(ix, t);
}

uint32_t jo_index_find_dts(const jo_index *ix, int64_t t)
{
    uint32_t n;

    return find_constant(ix, t, &n) ? n : find_in_blocks(ix, t).sample;
}

uint32_t jo_index_find_rap(const jo_index *ix, int64_t t)
{
    uint32_t lo = 0, hi = ix->nraps;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ix->raps[mid].ept < t) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

int64_t jo_index_range_bytes(const jo_index *ix, uint32_t from, uint32_t to)
{
    return from < to ? bytes_before(ix, to) - bytes_before(ix, from) : 0;
}
