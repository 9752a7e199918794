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
        hash_int(&to, ix->blocks[i].duration);
    }
    hash_int(&to, ix->nfragments);
    for (uint32_t i = 0; i < ix->nfragments; i++) {
        hash_int(&to, ix->fragments[i]);
    }
    hash_int(&to, (int64_t)ix->stream_len);
    flush(&to);
    jo_sha256_add(h, ix->stream, ix->stream_len);
}

/* -- blocks -------------------------------------------------------------------------------------------- */

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint32_t block_count(const jo_index *ix, uint32_t block)
{
    uint32_t left = ix->count - block * JO_INDEX_BLOCK;

    return left < JO_INDEX_BLOCK ? left : JO_INDEX_BLOCK;
}

/* Behind the sizes come durations. */
static const uint8_t *get_durations(const jo_index_block *k, unsigned head, const uint8_t *p,
                                    uint32_t n, uint32_t *out)
{
    if (head & JO_INDEX_DURATIONS) {
        return jo_column_get(p, n, out);
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = k->duration;
    }
    return p;
}

static const uint8_t *get_gaps(unsigned head, const uint8_t *p, int64_t *out)
{
    uint32_t low[JO_INDEX_BLOCK], high[JO_INDEX_BLOCK];

    memset(out, 0, JO_INDEX_BLOCK * sizeof(*out));
    if (!(head & JO_INDEX_GAPS)) {
        return p;
    }
    uint64_t mask = jo_index_get64(p);
    uint32_t n = (uint32_t)__builtin_popcountll(mask);
    p = jo_column_get(p + 8, n, low);
    p = head & JO_INDEX_WIDE ? jo_column_get(p, n, high) : p;
    for (uint32_t i = 0; i < n; i++, mask &= mask - 1) {
        uint64_t gap = low[i] | (head & JO_INDEX_WIDE ? (uint64_t)high[i] << 32 : 0);
        out[__builtin_ctzll(mask)] = head & JO_INDEX_ZIGZAG ? unzigzag(gap) : (int64_t)gap;
    }
    return p;
}

static const uint8_t *get_offsets(const jo_index *ix, unsigned head, const uint8_t *p, uint32_t n,
                                  int32_t *out)
{
    uint32_t v[JO_INDEX_BLOCK];
    unsigned how = head & JO_INDEX_CTS;

    if (how == JO_INDEX_CTS_SAME) {
        for (uint32_t i = 0; i < n; i++) {
            out[i] = ix->cts_table[*p];
        }
        return p + 1;
    }
    p = jo_column_get(p, n, v);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = how == JO_INDEX_CTS_COLUMN ? ix->cts_table[v[i]] : (int32_t)(v[i] ^ 0x80000000u);
    }
    return p;
}

static uint64_t get_syncs(unsigned head, const uint8_t *p)
{
    uint64_t mask = 0;

    switch (head & JO_INDEX_SYNC) {
    case JO_INDEX_SYNC_ALL:
        return ~mask;
    case JO_INDEX_SYNC_LIST:
        for (unsigned i = 1; i <= p[0]; i++) {
            mask |= (uint64_t)1 << p[i];
        }
        return mask;
    default:
        return jo_index_get64(p);
    }
}

/* -- cursors ------------------------------------------------------------------------------------------ */

static void open_block(jo_cursor *c, uint32_t block)
{
    const jo_index *ix = c->index;
    const jo_index_block *k = &ix->blocks[block];
    const uint8_t *p = ix->stream + k->at;
    uint32_t n = block_count(ix, block);
    unsigned head = *p++;

    p = jo_column_get(p, n, c->size);
    p = get_durations(k, head, p, n, c->duration);
    p = get_gaps(head, p, c->gap);
    p = get_offsets(ix, head, p, n, c->cts);
    c->sync = get_syncs(head, p);
    c->next = block * JO_INDEX_BLOCK;
    c->dts = k->dts;
    c->offset = k->offset;
}

void jo_cursor_init(jo_cursor *c, const jo_index *ix, uint32_t n)
{
    c->index = ix;
    c->next = n;
    if (n >= ix->count || n % JO_INDEX_BLOCK == 0) {
        return;
    }
    open_block(c, n / JO_INDEX_BLOCK);
    for (uint32_t i = 0; i < n % JO_INDEX_BLOCK; i++) {
        c->dts += c->duration[i];
        c->offset += c->gap[i] + c->size[i];
    }
    c->next = n;
}

bool jo_cursor_next(jo_cursor *c, jo_sample *out)
{
    uint32_t i = c->next % JO_INDEX_BLOCK;

    if (c->next >= c->index->count) {
        return false;
    }
    if (i == 0) {
        open_block(c, c->next / JO_INDEX_BLOCK);
    }
    out->dts = c->dts;
    out->offset = c->offset + c->gap[i];
    out->size = c->size[i];
    out->duration = c->duration[i];
    out->cts = c->cts[i];
    out->sync = c->sync >> i & 1;
    c->dts += out->duration;
    c->offset = out->offset + out->size;
    c->next++;
    return true;
}

/* -- shapes -------------------------------------------------------------------------------------------- */

static const uint8_t *skip_gaps(unsigned head, const uint8_t *p)
{
    if (!(head & JO_INDEX_GAPS)) {
        return p;
    }
    uint32_t n = (uint32_t)__builtin_popcountll(jo_index_get64(p));
    p = jo_column_skip(p + 8, n);
    return head & JO_INDEX_WIDE ? jo_column_skip(p, n) : p;
}

static void read_shapes(const jo_index *ix, uint32_t block, jo_shapes *s)
{
    const jo_index_block *k = &ix->blocks[block];
    const uint8_t *p = ix->stream + k->at;
    unsigned head = *p++;

    s->first = block * JO_INDEX_BLOCK;
    s->count = block_count(ix, block);
    p = jo_column_get(p, s->count, s->size);
    p = get_durations(k, head, p, s->count, s->duration);
    p = get_offsets(ix, head, skip_gaps(head, p), s->count, s->cts);
    s->sync = get_syncs(head, p);
}

uint32_t jo_index_shape(const jo_index *ix, uint32_t n, jo_shapes *s)
{
    if (n - s->first >= s->count) {
        read_shapes(ix, n / JO_INDEX_BLOCK, s);
    }
    return n - s->first;
}

/* -- asking -------------------------------------------------------------------------------------------- */

/* Durations of the samples of a block. */
static void read_durations(const jo_index *ix, uint32_t block, uint32_t *out)
{
    const jo_index_block *k = &ix->blocks[block];
    const uint8_t *p = ix->stream + k->at;
    uint32_t n = block_count(ix, block);

    get_durations(k, *p, jo_column_skip(p + 1, n), n, out);
}

int64_t jo_index_dts(const jo_index *ix, uint32_t n)
{
    uint32_t duration[JO_INDEX_BLOCK];

    if (n >= ix->count) {
        return ix->end_dts;
    }
    if (n <= ix->const_until) {
        return ix->first_dts + (int64_t)n * ix->duration;
    }
    int64_t dts = ix->blocks[n / JO_INDEX_BLOCK].dts;
    read_durations(ix, n / JO_INDEX_BLOCK, duration);
    for (uint32_t i = 0; i < n % JO_INDEX_BLOCK; i++) {
        dts += duration[i];
    }
    return dts;
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
    if (n >= ix->count) {
        return ix->bytes;
    }
    uint32_t block = n / JO_INDEX_BLOCK, first = n % JO_INDEX_BLOCK;
    const jo_index_block *k = &ix->blocks[block];
    return k->bytes +
           (first ? jo_column_sum(ix->stream + k->at + 1, block_count(ix, block), first) : 0);
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
static uint32_t find_in_blocks(const jo_index *ix, int64_t t, int64_t *dts)
{
    uint32_t duration[JO_INDEX_BLOCK];
    uint32_t block = find_block(ix, t), n = 0;

    if (block == 0) {
        *dts = ix->count > 0 ? ix->blocks[0].dts : ix->end_dts;
        return 0;
    }
    uint32_t count = block_count(ix, block - 1);
    *dts = ix->blocks[block - 1].dts;
    read_durations(ix, block - 1, duration);
    while (n < count && *dts < t) {
        *dts += duration[n++];
    }
    return (block - 1) * JO_INDEX_BLOCK + n;
}

jo_found_sample jo_index_find(const jo_index *ix, int64_t t)
{
    jo_found_sample f;

    if (find_constant(ix, t, &f.sample)) {
        f.dts = ix->first_dts + (int64_t)f.sample * ix->duration;
    } else {
        f.sample = find_in_blocks(ix, t, &f.dts);
    }
    f.bytes = bytes_before(ix, f.sample);
    return f;
}

uint32_t jo_index_find_dts(const jo_index *ix, int64_t t)
{
    uint32_t n;
    int64_t dts;

    return find_constant(ix, t, &n) ? n : find_in_blocks(ix, t, &dts);
}

/* Where it would be if groups of pictures lasted the same, which they nearly do. */
static uint32_t guess_rap(const jo_index *ix, int64_t t)
{
    const jo_rap *first = ix->raps, *last = first + ix->nraps - 1;

    if (t <= first->ept || t >= last->ept) {
        return t <= first->ept ? 0 : ix->nraps - 1;
    }
    double part = (double)(t - first->ept) / (double)(last->ept - first->ept);
    return (uint32_t)(part * (ix->nraps - 1));
}

uint32_t jo_index_find_rap(const jo_index *ix, int64_t t)
{
    if (ix->nraps == 0) {
        return 0;
    }
    uint32_t lo = guess_rap(ix, t), hi = lo, step = 1;

    for (; hi < ix->nraps && ix->raps[hi].ept < t;
         step *= 2) { /* raps before lo: less; from hi on: not */
        lo = hi + 1;
        hi = ix->nraps - hi > step ? hi + step : ix->nraps;
    }
    for (step = 1; lo > 0 && ix->raps[lo - 1].ept >= t; step *= 2) {
        hi = lo - 1;
        lo = lo > step ? lo - step : 0;
    }
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

uint32_t jo_index_size(const jo_index *ix, uint32_t n)
{
    uint32_t block = n / JO_INDEX_BLOCK;

    if (n >= ix->count) {
        return 0;
    }
    return jo_column_number(ix->stream + ix->blocks[block].at + 1, block_count(ix, block),
                            n % JO_INDEX_BLOCK);
}
