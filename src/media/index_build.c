#include "../base/bytes.h"
#include "../base/status.h"
#include "index_code.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 2304 /* no block is coded longer: see put_sample() */
#define TAIL        8    /* zero bytes behind the stream, so that a reader may look ahead */

/* Times beyond this are no media: leaves room for every sum the core makes. */
#define TIME_LIMIT ((int64_t)1 << 60)

/* -- growing arrays of the builder ------------------------------------------------------------------- */

typedef struct vec {
    char *data;
    size_t len, cap; /* elements */
    size_t size;     /* of one */
} vec;

/* Room for n more; JO_EBUSY where memory is out. */
static apr_status_t vec_reserve(vec *v, jo_ctx *cx, size_t n)
{
    if (n > v->cap - v->len) {
        size_t cap = v->cap + v->cap / 2 + n;
        char *grown = realloc(v->data, cap * v->size);
        if (grown == NULL) {
            return jo_fail(cx, JO_EBUSY, "out of memory");
        }
        v->data = grown;
        v->cap = cap;
    }
    return APR_SUCCESS;
}

/* Into room that is there. */
static void *vec_push(vec *v)
{
    return v->data + v->len++ * v->size;
}

static apr_status_t free_data(void *data)
{
    free(data);
    return APR_SUCCESS;
}

/* Hands the elements over to pool, in no more memory than they need; NULL for nothing. */
static void *vec_keep(vec *v, apr_pool_t *pool)
{
    if (v->len == 0) {
        return NULL;
    }
    char *exact = realloc(v->data, v->len * v->size);
    char *kept = exact != NULL ? exact : v->data;

    v->data = NULL;
    apr_pool_cleanup_register(pool, kept, free_data, apr_pool_cleanup_null);
    return kept;
}

struct jo_index_builder {
    jo_index ix; /* of the blocks that are coded */
    vec stream;  /* bytes */
    vec blocks;
    vec raps;
    vec fragments;
    size_t next_fragment; /* the first that does not begin before the sample to list */
    uint32_t cts_rows;
    bool next_begins;
    bool listing; /* raps are listed: some sample is no sync sample, or pictures are reordered */
    bool mixed;   /* some sample is no sync sample */
    int64_t latest_pts;
    uint32_t last_duration; /* before the open block */
    uint32_t duration;      /* of the last sample so far, if none follows */

    /* Samples that are not coded yet. The one past a block tells how long the last of the block lasts. */
    uint32_t nopen;
    int64_t dts[JO_INDEX_BLOCK + 1];
    int64_t offset[JO_INDEX_BLOCK + 1];
    uint32_t size[JO_INDEX_BLOCK + 1];
    int32_t cts[JO_INDEX_BLOCK + 1];
    bool sync[JO_INDEX_BLOCK + 1];
    uint32_t durations[JO_INDEX_BLOCK];
};

static apr_status_t free_builder(void *p)
{
    jo_index_builder *b = p;
    free(b->stream.data);
    free(b->blocks.data);
    free(b->raps.data);
    free(b->fragments.data);
    b->stream.data = b->blocks.data = b->raps.data = b->fragments.data = NULL;
    return APR_SUCCESS;
}

jo_index_builder *jo_index_builder_make(jo_ctx *cx)
{
    jo_index_builder *b = apr_pcalloc(cx->pool, sizeof(*b));

    b->stream.size = 1;
    b->blocks.size = sizeof(jo_index_block);
    b->raps.size = sizeof(jo_rap);
    b->fragments.size = sizeof(uint32_t);
    apr_pool_cleanup_register(cx->pool, b, free_builder, apr_pool_cleanup_null);
    return b;
}

/* -- bits -------------------------------------------------------------------------------------------- */

typedef struct bit_writer {
    uint8_t *at;
    uint64_t kept; /* its low n bits are not counted into `at` yet */
    unsigned n;    /* < 8 */
} bit_writer;

/* v < 2^n, n ≤ 56. Writes up to 8 bytes more than it counts. */
static inline void put_bits(bit_writer *w, uint64_t v, unsigned n)
{
    w->kept = w->kept << n | v;
    w->n += n;
    uint64_t out = w->kept << (63 - w->n) << 1;
    jo_put_u32(w->at, (uint32_t)(out >> 32));
    jo_put_u32(w->at + 4, (uint32_t)out);
    w->at += w->n / 8;
    w->n %= 8;
}

static unsigned bit_length(uint64_t v)
{
    return 64 - (unsigned)__builtin_clzll(v | 1);
}

/* By value, so that loops can keep the writer in registers. */
static bit_writer put_long(bit_writer w, uint64_t v)
{
    unsigned n = bit_length(v);

    put_bits(&w, (1u << JO_INDEX_LONG) - 1, JO_INDEX_LONG);
    put_bits(&w, n - 1, 6);
    if (n > 32) {
        put_bits(&w, v >> 32, n - 32);
        n = 32;
    }
    put_bits(&w, v & (0xffffffffu >> (32 - n)), n);
    return w;
}

/* A number after the low n ≤ 8 bits of head. */
static inline void put_number(bit_writer *w, uint32_t head, unsigned n, uint64_t v, unsigned k)
{
    uint64_t ones = v >> k;

    if (ones < JO_INDEX_LONG) {
        unsigned len = (unsigned)ones + 1 + k;
        uint64_t low = v & (((uint64_t)1 << k) - 1);
        put_bits(w, (uint64_t)head << len | (((uint64_t)2 << ones) - 2) << k | low, n + len);
        return;
    }
    put_bits(w, head, n);
    *w = put_long(*w, v);
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

/* -- coding a block ------------------------------------------------------------------------------------ */

static uint8_t cts_row(jo_index_builder *b, int32_t cts)
{
    for (uint32_t i = 0; i < b->cts_rows; i++) {
        if (b->ix.cts_table[i] == cts) {
            return (uint8_t)i;
        }
    }
    if (b->cts_rows == JO_INDEX_EXPLICIT) {
        return JO_INDEX_EXPLICIT;
    }
    b->ix.cts_table[b->cts_rows] = cts;
    return (uint8_t)b->cts_rows++;
}

/* How a block is coded. */
typedef struct coding {
    uint32_t n; /* samples */
    uint8_t size_k, gap_k;
    uint8_t cts_bits;
    bool back; /* some gap is negative: all are zigzag numbers */
    uint8_t rows[JO_INDEX_BLOCK];
    int64_t gaps[JO_INDEX_BLOCK]; /* from the end of the sample before, as they are coded */
} coding;

/* The Rice parameter for n numbers that are `sum` together, with zeros behind them: near the length of their mean, where
 * it costs least. */
static uint8_t choose_k(const uint32_t v[JO_INDEX_BLOCK], uint32_t n, uint64_t sum)
{
    unsigned k = n > 0 ? bit_length(sum / n) - 1 : 0;
    int32_t more = 0, ones = 0; /* bits in unary by k - 1 and by k */

    k = k < 31 ? k : 31;
    if (k == 0) {
        return 0;
    }
    for (int i = 0; i < JO_INDEX_BLOCK; i++) {
        int32_t y = (int32_t)(v[i] >> 1 >> (k - 1)), x = 2 * y + (v[i] >> (k - 1) & 1);
        more += x < 2 * JO_INDEX_LONG ? x : 2 * JO_INDEX_LONG;
        ones += y < 2 * JO_INDEX_LONG ? y : 2 * JO_INDEX_LONG;
    }
    return (uint8_t)(more < ones + (int32_t)n ? k - 1 : k);
}

static void choose_rows(jo_index_builder *b, coding *c)
{
    uint8_t top = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        c->rows[i] = i > 0 && b->cts[i] == b->cts[i - 1] ? c->rows[i - 1] : cts_row(b, b->cts[i]);
        top = c->rows[i] > top ? c->rows[i] : top;
    }
    c->cts_bits = top == 0 ? 0 : (uint8_t)bit_length(top);
}

static void choose_gaps(const jo_index_builder *b, coding *c)
{
    uint32_t v[JO_INDEX_BLOCK] = {0}, n = 0; /* as far as they tell which parameter is best */
    uint64_t sum = 0;
    int64_t all = 0;

    c->gaps[0] = 0;
    for (uint32_t i = 1; i < c->n; i++) {
        c->gaps[i] = b->offset[i] - b->offset[i - 1] - b->size[i - 1];
        all |= c->gaps[i];
    }
    c->back = all < 0;
    c->gap_k = 0;
    if (all == 0) {
        return;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        uint64_t gap = c->back ? zigzag(c->gaps[i]) : (uint64_t)c->gaps[i];
        c->gaps[i] = (int64_t)gap;
        v[n] = gap < UINT32_MAX ? (uint32_t)gap : UINT32_MAX;
        sum += v[n];
        n += gap != 0;
    }
    c->gap_k = choose_k(v, n, sum);
}

/* Gives the sizes' sum. */
static int64_t choose_sizes(const jo_index_builder *b, coding *c)
{
    uint32_t v[JO_INDEX_BLOCK] = {0};
    uint64_t sum = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        v[i] = b->size[i];
        sum += v[i];
    }
    c->size_k = choose_k(v, c->n, sum);
    return (int64_t)sum;
}

/* A sample takes at most 8 bits of flags and row and four numbers of at most JO_INDEX_LONG + 6 + 64, 32, 32 and 33
 * bits. */
static bit_writer put_samples(const jo_index_builder *b, const coding *c, bit_writer w)
{
    const unsigned size_k = c->size_k, gap_k = c->gap_k, cts_bits = c->cts_bits;
    uint32_t duration = b->last_duration;
    unsigned before = 0;

    put_bits(&w, size_k << 11 | gap_k << 6 | cts_bits << 3 | c->back, 16);
    for (uint32_t i = 0; i < c->n; i++) {
        unsigned flags = (b->sync[i] ? JO_INDEX_SYNC : 0) | (c->gaps[i] ? JO_INDEX_PLACE : 0) |
                         (b->durations[i] != duration ? JO_INDEX_DURATION : 0);
        bool same = flags == before;
        uint32_t head = (same ? 1 : flags) << cts_bits | c->rows[i];
        put_number(&w, head, (same ? 1 : 4) + cts_bits, b->size[i], size_k);
        if (flags & JO_INDEX_PLACE) {
            put_number(&w, 0, 0, (uint64_t)c->gaps[i], gap_k);
        }
        if (flags & JO_INDEX_DURATION) {
            put_number(&w, 0, 0, b->durations[i], JO_INDEX_OTHER_K);
        }
        if (c->rows[i] == JO_INDEX_EXPLICIT) {
            put_number(&w, 0, 0, zigzag(b->cts[i]), JO_INDEX_OTHER_K);
        }
        duration = b->durations[i];
        before = flags;
    }
    return w;
}

static apr_status_t code_block(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    coding c;

    if (b->stream.len > UINT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "more samples than an index holds");
    }
    if (vec_reserve(&b->stream, cx, BLOCK_BYTES) != APR_SUCCESS ||
        vec_reserve(&b->blocks, cx, 1) != APR_SUCCESS) {
        return cx->code;
    }
    bit_writer w = {.at = (uint8_t *)b->stream.data + b->stream.len};
    *(jo_index_block *)vec_push(&b->blocks) = (jo_index_block){.dts = b->dts[0],
                                                               .offset = b->offset[0],
                                                               .bytes = b->ix.bytes,
                                                               .at = (uint32_t)b->stream.len,
                                                               .duration = b->last_duration};
    c.n = n;
    choose_rows(b, &c);
    choose_gaps(b, &c);
    b->ix.bytes += choose_sizes(b, &c);
    w = put_samples(b, &c, w);
    b->stream.len = (size_t)(w.at - (uint8_t *)b->stream.data) + (w.n > 0);
    b->last_duration = b->durations[n - 1];
    return APR_SUCCESS;
}

/* -- figures kept while building ----------------------------------------------------------------------- */

static void note_first(jo_index_builder *b)
{
    jo_index *ix = &b->ix;

    ix->cts = b->cts[0];
    ix->duration = b->durations[0];
    ix->first_dts = b->dts[0];
    ix->first_pts = b->dts[0] + b->cts[0];
    ix->end_pts = ix->first_pts + b->durations[0];
}

static void note_times(jo_index_builder *b, uint32_t n)
{
    jo_index *ix = &b->ix;
    int64_t first = ix->first_pts, end = ix->end_pts;
    uint32_t same = 0;

    for (uint32_t i = 0; i < n; i++) {
        int64_t pts = b->dts[i] + b->cts[i], next = b->dts[i + 1] + b->cts[i];
        first = pts < first ? pts : first;
        end = next > end ? next : end;
        ix->reordered |= b->cts[i] != ix->cts;
    }
    ix->first_pts = first;
    ix->end_pts = end;
    ix->end_dts = b->dts[n];
    if (ix->const_until == ix->count) {
        while (same < n && b->durations[same] == ix->duration) {
            same++;
        }
        ix->const_until += same;
    }
}

/* Of a sample to be listed. */
typedef struct place {
    int64_t pts;
    int64_t bytes; /* of all samples before it */
} place;

static jo_rap *last_rap(jo_index_builder *b)
{
    return b->raps.len > 0 ? (jo_rap *)b->raps.data + b->raps.len - 1 : NULL;
}

static apr_status_t push_rap(jo_index_builder *b, jo_ctx *cx, uint32_t number, const place *p)
{
    const uint32_t *fragments = (const uint32_t *)b->fragments.data;

    if (vec_reserve(&b->raps, cx, 1) != APR_SUCCESS) {
        return cx->code;
    }
    while (b->next_fragment < b->fragments.len && fragments[b->next_fragment] < number) {
        b->next_fragment++;
    }
    bool begins = b->next_fragment < b->fragments.len && fragments[b->next_fragment] == number;
    *(jo_rap *)vec_push(&b->raps) = (jo_rap){number, begins, false, p->pts, p->bytes};
    return APR_SUCCESS;
}

static void lower(jo_rap *r, int64_t pts)
{
    if (pts < r->ept) {
        r->ept = pts;
        r->open = true;
    }
}

/* The last group is complete: where it does not begin later than the one before, they are one. */
static void settle(jo_index_builder *b)
{
    for (; b->raps.len > 1 && last_rap(b)->ept <= last_rap(b)[-1].ept; b->raps.len--) {
        lower(last_rap(b) - 1, last_rap(b)->ept);
    }
}

/* Where every sample is a sync sample but pictures are reordered, only those are random access points that
 * divide the presentation: all before are shown earlier, all after later. */
static apr_status_t note_divider(jo_index_builder *b, jo_ctx *cx, uint32_t number, const place *p)
{
    while (b->raps.len > 0 && last_rap(b)->ept > p->pts) {
        b->raps.len--;
    }
    if (number > 0 && p->pts <= b->latest_pts) {
        return APR_SUCCESS;
    }
    b->latest_pts = p->pts;
    return push_rap(b, cx, number, p);
}

static apr_status_t list(jo_index_builder *b, jo_ctx *cx, uint32_t number, bool sync,
                         const place *p)
{
    if (!b->mixed) {
        return note_divider(b, cx, number, p);
    }
    if (sync) {
        settle(b);
        return push_rap(b, cx, number, p);
    }
    if (b->raps.len > 0) {
        lower(last_rap(b), p->pts);
    }
    return APR_SUCCESS;
}

/* Lists all that is coded, anew: sync samples, else it were listed. Sound never comes here, and pictures early. */
static apr_status_t list_coded(jo_index_builder *b, jo_ctx *cx)
{
    jo_index coded = b->ix;
    place p = {0, 0};
    jo_cursor c;
    jo_sample s;

    coded.blocks = (jo_index_block *)b->blocks.data;
    coded.stream = (uint8_t *)b->stream.data;
    b->listing = true;
    b->raps.len = 0;
    b->next_fragment = 0;
    jo_cursor_init(&c, &coded, 0);
    while (cx->code == APR_SUCCESS && jo_cursor_next(&c, &s)) {
        p.pts = s.dts + s.cts;
        list(b, cx, c.next - 1, s.sync, &p);
        p.bytes += s.size;
    }
    return cx->code;
}

static apr_status_t note_raps(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    bool mixes = !b->mixed && memchr(b->sync, false, n) != NULL;

    b->mixed = b->mixed || mixes; /* what divides is another question from here on */
    if ((mixes || (!b->listing && b->ix.reordered)) && list_coded(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    place p = {0, b->ix.bytes};
    for (uint32_t i = 0; b->listing && i < n; i++) {
        p.pts = b->dts[i] + b->cts[i];
        if (list(b, cx, b->ix.count + i, b->sync[i], &p) != APR_SUCCESS) {
            return cx->code;
        }
        p.bytes += b->size[i];
    }
    return APR_SUCCESS;
}

/* Codes the first n open samples; dts[n] is where they end. */
static apr_status_t close_block(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t duration = b->dts[i + 1] - b->dts[i];
        if (duration > UINT32_MAX) {
            return jo_fail(cx, JO_EMEDIA, "sample %u lasts too long", b->ix.count + i);
        }
        b->durations[i] = (uint32_t)duration;
    }
    if (b->ix.count == 0) {
        note_first(b);
    }
    note_times(b, n);
    if (note_raps(b, cx, n) != APR_SUCCESS || code_block(b, cx, n) != APR_SUCCESS) {
        return cx->code;
    }
    b->ix.count += n;
    b->nopen = 0;
    return APR_SUCCESS;
}

/* -- building ------------------------------------------------------------------------------------------- */

void jo_index_begin_fragment(jo_index_builder *b)
{
    b->next_begins = true;
}

static apr_status_t begin_fragment(jo_index_builder *b, jo_ctx *cx)
{
    if (b->next_begins) {
        if (vec_reserve(&b->fragments, cx, 1) != APR_SUCCESS) {
            return cx->code;
        }
        *(uint32_t *)vec_push(&b->fragments) = b->ix.count + b->nopen;
        b->next_begins = false;
    }
    return APR_SUCCESS;
}

/* Raises DTS of the open samples from `from` on that run back to the one before, keeping the PTS. */
static apr_status_t order(jo_index_builder *b, jo_ctx *cx, uint32_t from, uint32_t timescale)
{
    for (uint32_t i = from > 0 ? from : 1; i < b->nopen; i++) {
        int64_t back = b->dts[i - 1] - b->dts[i];
        if (back <= 0) {
            continue;
        }
        if (back > timescale || b->cts[i] - back < INT32_MIN) {
            return jo_fail(cx, JO_EMEDIA,
                           "sample %u: decoding time runs back by more than a second",
                           b->ix.count + i);
        }
        b->dts[i] += back;
        b->cts[i] = (int32_t)(b->cts[i] - back);
    }
    return APR_SUCCESS;
}

static bool in_bounds(int64_t dts, int64_t offset)
{
    return dts >= -TIME_LIMIT && dts <= TIME_LIMIT && offset >= 0 && offset <= TIME_LIMIT;
}

static apr_status_t check(const jo_index_builder *b, jo_ctx *cx, uint32_t from)
{
    for (uint32_t i = from; i < b->nopen; i++) {
        if (!in_bounds(b->dts[i], b->offset[i])) {
            return jo_fail(cx, JO_EMEDIA, "sample %u: %s out of bounds", b->ix.count + i,
                           in_bounds(b->dts[i], 0) ? "place" : "decoding time");
        }
    }
    return APR_SUCCESS;
}

/* The usual case of both. */
static bool is_orderly(const jo_index_builder *b, uint32_t from)
{
    int64_t before = b->dts[from > 0 ? from - 1 : 0];
    bool bad = b->dts[from] < -TIME_LIMIT;

    for (uint32_t i = from; i < b->nopen; i++) {
        bad |= b->dts[i] < before || (uint64_t)b->offset[i] > TIME_LIMIT;
        before = b->dts[i];
    }
    return !bad && before <= TIME_LIMIT;
}

/* Takes the samples that were written into the columns behind the open ones: n of them, which fit. */
static apr_status_t open_more(jo_index_builder *b, jo_ctx *cx, uint32_t n, uint32_t timescale)
{
    uint32_t from = b->nopen;

    b->nopen += n;
    if (b->ix.count + b->nopen > cx->limits->samples) {
        return jo_fail(cx, JO_EMEDIA, "more than %u samples", cx->limits->samples);
    }
    if (!is_orderly(b, from) &&
        (check(b, cx, from) != APR_SUCCESS || order(b, cx, from, timescale) != APR_SUCCESS)) {
        return cx->code;
    }
    if (b->nopen <= JO_INDEX_BLOCK) {
        return APR_SUCCESS;
    }
    if (close_block(b, cx, JO_INDEX_BLOCK) != APR_SUCCESS) {
        return cx->code;
    }
    b->dts[0] = b->dts[JO_INDEX_BLOCK];
    b->offset[0] = b->offset[JO_INDEX_BLOCK];
    b->size[0] = b->size[JO_INDEX_BLOCK];
    b->cts[0] = b->cts[JO_INDEX_BLOCK];
    b->sync[0] = b->sync[JO_INDEX_BLOCK];
    b->nopen = 1;
    return APR_SUCCESS;
}

apr_status_t jo_index_add(jo_index_builder *b, jo_ctx *cx, const jo_sample *s, uint32_t timescale)
{
    uint32_t i = b->nopen;

    if (begin_fragment(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    b->dts[i] = s->dts;
    b->offset[i] = s->offset;
    b->size[i] = s->size;
    b->cts[i] = s->cts;
    b->sync[i] = s->sync;
    b->duration = s->duration;
    return open_more(b, cx, 1, timescale);
}

apr_status_t jo_index_add_rows(jo_index_builder *b, jo_ctx *cx, const jo_rows *rows,
                               uint32_t timescale)
{
    if (rows->count > 0 && begin_fragment(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    for (uint32_t from = 0, n; from < rows->count; from += n) {
        uint32_t to = b->nopen, room = JO_INDEX_BLOCK + 1 - to;
        n = rows->count - from < room ? rows->count - from : room;
        memcpy(b->dts + to, rows->dts + from, n * sizeof(*b->dts));
        memcpy(b->offset + to, rows->offset + from, n * sizeof(*b->offset));
        memcpy(b->size + to, rows->size + from, n * sizeof(*b->size));
        memcpy(b->cts + to, rows->cts + from, n * sizeof(*b->cts));
        memcpy(b->sync + to, rows->sync + from, n * sizeof(*b->sync));
        if (open_more(b, cx, n, timescale) != APR_SUCCESS) {
            return cx->code;
        }
    }
    b->duration = rows->duration;
    return APR_SUCCESS;
}

static void keep_raps(jo_index_builder *b, apr_pool_t *pool, jo_index *ix)
{
    if (!b->listing) {
        return;
    }
    settle(b);
    for (size_t i = 0; i < b->raps.len; i++) {
        ix->open_gops = ix->open_gops || ((jo_rap *)b->raps.data)[i].open;
    }
    ix->nraps = (uint32_t)b->raps.len;
    ix->raps = vec_keep(&b->raps, pool);
    if (ix->raps == NULL) { /* "none" must differ from "every sample" */
        ix->raps = apr_pcalloc(pool, sizeof(*ix->raps));
    }
}

apr_status_t jo_index_finish(jo_index_builder *b, jo_ctx *cx, jo_index **out)
{
    jo_index *ix = apr_palloc(cx->pool, sizeof(*ix));

    if (b->nopen > 0) {
        b->dts[b->nopen] = b->dts[b->nopen - 1] + b->duration;
        if (close_block(b, cx, b->nopen) != APR_SUCCESS) {
            return cx->code;
        }
    }
    if (vec_reserve(&b->stream, cx, TAIL) != APR_SUCCESS) {
        return cx->code;
    }
    memset(b->stream.data + b->stream.len, 0, TAIL);
    b->stream.len += TAIL;
    *ix = b->ix;
    ix->all_sync = !b->mixed;
    keep_raps(b, cx->pool, ix);
    ix->blocks = vec_keep(&b->blocks, cx->pool);
    ix->nblocks = (uint32_t)b->blocks.len;
    ix->fragments = vec_keep(&b->fragments, cx->pool);
    ix->nfragments = (uint32_t)b->fragments.len;
    ix->stream = vec_keep(&b->stream, cx->pool);
    ix->stream_len = b->stream.len;
    apr_pool_cleanup_run(cx->pool, b, free_builder);
    *out = ix;
    return APR_SUCCESS;
}
