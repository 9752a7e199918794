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
    jo_index ix;
    vec stream; /* bytes */
    vec blocks;
    vec raps;
    vec fragments;
    uint32_t cts_rows;
    bool holding; /* open[nopen] waits for the next DTS to know its duration */
    bool held_begins, next_begins;
    bool listing; /* raps are listed: some sample is no sync sample, or pictures are reordered */
    bool mixed;   /* some sample is no sync sample */
    int64_t latest_pts;
    int64_t end_dts;
    uint32_t last_duration;         /* before the open block */
    jo_sample open[JO_INDEX_BLOCK]; /* samples that are not coded yet */
    uint8_t rows[JO_INDEX_BLOCK];   /* of their composition offsets */
    uint32_t nopen;
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
    uint64_t kept; /* its low `n` bits are not written yet */
    unsigned n;    /* < 32 */
} bit_writer;

/* v < 2^n, n ≤ 32 */
static void put_bits(bit_writer *w, uint32_t v, unsigned n)
{
    w->kept = w->kept << n | v;
    w->n += n;
    if (w->n >= 32) {
        w->n -= 32;
        jo_put_u32(w->at, (uint32_t)(w->kept >> w->n));
        w->at += 4;
    }
}

static void end_bits(bit_writer *w)
{
    put_bits(w, 0, (8 - w->n % 8) % 8);
    while (w->n > 0) {
        *w->at++ = (uint8_t)(w->kept >> (w->n - 8));
        w->n -= 8;
    }
}

static unsigned bit_length(uint64_t v)
{
    return 64 - (unsigned)__builtin_clzll(v | 1);
}

static void put_number(bit_writer *w, uint64_t v, unsigned k)
{
    if (v >> k < JO_INDEX_LONG) {
        unsigned ones = (unsigned)(v >> k);
        uint32_t unary = ((1u << ones) - 1) << 1, low = (uint32_t)v & ((1u << k) - 1);
        if (ones + 1 + k <= 32) {
            put_bits(w, (uint32_t)((uint64_t)unary << k) | low, ones + 1 + k);
        } else {
            put_bits(w, unary, ones + 1);
            put_bits(w, low, k);
        }
        return;
    }
    unsigned n = bit_length(v);
    put_bits(w, (1u << JO_INDEX_LONG) - 1, JO_INDEX_LONG);
    put_bits(w, n - 1, 6);
    if (n > 32) {
        put_bits(w, (uint32_t)(v >> 32), n - 32);
        n = 32;
    }
    put_bits(w, (uint32_t)(v & (0xffffffffu >> (32 - n))), n);
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
    uint8_t size_k, gap_k;
    uint8_t cts_bits;
    bool back; /* some gap is negative: gaps are zigzag numbers */
    uint32_t ngaps;
    uint64_t gaps[JO_INDEX_BLOCK];
} coding;

/* The Rice parameter for n numbers: near the length of their mean, where it costs least. */
static uint8_t choose_k(const uint32_t *v, uint32_t n)
{
    uint64_t sum = 0, least = UINT64_MAX;
    unsigned best = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += v[i];
    }
    unsigned top = n > 0 ? bit_length(sum / n) - 1 : 0;
    for (unsigned k = top < 31 ? top : 31, tries = 2; tries > 0; k--, tries--) {
        uint32_t bits = n * (k + 1);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t ones = v[i] >> k;
            bits += ones < 2 * JO_INDEX_LONG ? ones : 2 * JO_INDEX_LONG;
        }
        if (bits < least) {
            least = bits;
            best = k;
        }
        if (k == 0) {
            break;
        }
    }
    return (uint8_t)best;
}

static void choose_coding(const jo_index_builder *b, coding *c)
{
    int64_t place = b->open[0].offset;
    uint32_t sizes[JO_INDEX_BLOCK],
        gaps[JO_INDEX_BLOCK]; /* as far as they tell which parameter is best */
    uint8_t top_row = 0;

    c->back = false;
    c->ngaps = 0;
    for (uint32_t i = 0; i < b->nopen; i++) {
        const jo_sample *s = &b->open[i];
        c->back = c->back || s->offset < place;
        place = s->offset + s->size;
        top_row = b->rows[i] > top_row ? b->rows[i] : top_row;
        sizes[i] = s->size;
    }
    place = b->open[0].offset;
    for (uint32_t i = 0; i < b->nopen; i++) {
        int64_t gap = b->open[i].offset - place;
        if (gap != 0) {
            uint64_t v = c->back ? zigzag(gap) : (uint64_t)gap;
            gaps[c->ngaps] = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
            c->gaps[c->ngaps++] = v;
        }
        place = b->open[i].offset + b->open[i].size;
    }
    c->cts_bits = top_row == 0 ? 0 : (uint8_t)bit_length(top_row);
    c->size_k = choose_k(sizes, b->nopen);
    c->gap_k = choose_k(gaps, c->ngaps);
}

/* At most 8 bits of flags and row and four numbers of at most JO_INDEX_LONG + 6 + 64, 32, 32 and 33 bits. */
static void put_sample(bit_writer *w, const coding *c, const jo_sample *s, uint8_t row,
                       unsigned flags, unsigned flags_before, uint64_t gap)
{
    put_bits(w, flags == flags_before, 1);
    if (flags != flags_before) {
        put_bits(w, flags, 3);
    }
    put_bits(w, row, c->cts_bits);
    put_number(w, s->size, c->size_k);
    if (flags & JO_INDEX_PLACE) {
        put_number(w, gap, c->gap_k);
    }
    if (flags & JO_INDEX_DURATION) {
        put_number(w, s->duration, JO_INDEX_OTHER_K);
    }
    if (row == JO_INDEX_EXPLICIT) {
        put_number(w, zigzag(s->cts), JO_INDEX_OTHER_K);
    }
}

static void put_samples(const jo_index_builder *b, const coding *c, bit_writer *w)
{
    const uint64_t *gap = c->gaps;
    int64_t place = b->open[0].offset;
    uint32_t duration = b->last_duration;
    unsigned before = 0;

    put_bits(w, (uint32_t)(c->size_k << 11 | c->gap_k << 6 | c->cts_bits << 3 | c->back), 16);
    for (uint32_t i = 0; i < b->nopen; i++) {
        const jo_sample *s = &b->open[i];
        unsigned flags = (s->sync ? JO_INDEX_SYNC : 0) | (s->offset != place ? JO_INDEX_PLACE : 0) |
                         (s->duration != duration ? JO_INDEX_DURATION : 0);
        put_sample(w, c, s, b->rows[i], flags, before, flags & JO_INDEX_PLACE ? *gap++ : 0);
        place = s->offset + s->size;
        duration = s->duration;
        before = flags;
    }
}

static apr_status_t close_block(jo_index_builder *b, jo_ctx *cx)
{
    coding c;
    int64_t bytes = b->ix.bytes;

    if (b->stream.len > UINT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "more samples than an index holds");
    }
    if (vec_reserve(&b->stream, cx, BLOCK_BYTES) != APR_SUCCESS ||
        vec_reserve(&b->blocks, cx, 1) != APR_SUCCESS) {
        return cx->code;
    }
    bit_writer w = {.at = (uint8_t *)b->stream.data + b->stream.len};
    jo_index_block *k = vec_push(&b->blocks);
    for (uint32_t i = 0; i < b->nopen; i++) {
        bytes -= b->open[i].size;
    }
    *k = (jo_index_block){.dts = b->open[0].dts,
                          .offset = b->open[0].offset,
                          .bytes = bytes,
                          .at = (uint32_t)b->stream.len,
                          .duration = b->last_duration};
    choose_coding(b, &c);
    put_samples(b, &c, &w);
    end_bits(&w);
    b->stream.len = (size_t)(w.at - (uint8_t *)b->stream.data);
    b->last_duration = b->open[b->nopen - 1].duration;
    b->nopen = 0;
    return APR_SUCCESS;
}

/* -- figures kept while building ----------------------------------------------------------------------- */

static void note_times(jo_index *ix, const jo_sample *s)
{
    int64_t pts = s->dts + s->cts;

    if (ix->count == 0) {
        ix->cts = s->cts;
        ix->duration = s->duration;
        ix->first_dts = s->dts;
        ix->first_pts = pts;
        ix->end_pts = pts + s->duration;
    }
    ix->reordered = ix->reordered || s->cts != ix->cts;
    ix->first_pts = pts < ix->first_pts ? pts : ix->first_pts;
    ix->end_pts = pts + s->duration > ix->end_pts ? pts + s->duration : ix->end_pts;
    if (ix->const_until == ix->count && s->duration == ix->duration) {
        ix->const_until++;
    }
}

static jo_rap *last_rap(jo_index_builder *b)
{
    return b->raps.len > 0 ? (jo_rap *)b->raps.data + b->raps.len - 1 : NULL;
}

static apr_status_t push_rap(jo_index_builder *b, jo_ctx *cx, uint32_t number, int64_t pts)
{
    const uint32_t *fragments = (const uint32_t *)b->fragments.data;
    size_t n = b->fragments.len;

    if (vec_reserve(&b->raps, cx, 1) != APR_SUCCESS) {
        return cx->code;
    }
    *(jo_rap *)vec_push(&b->raps) =
        (jo_rap){number, n > 0 && fragments[n - 1] == number, false, pts};
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
static apr_status_t note_divider(jo_index_builder *b, jo_ctx *cx, uint32_t number, int64_t pts)
{
    while (b->raps.len > 0 && last_rap(b)->ept > pts) {
        b->raps.len--;
    }
    if (number > 0 && pts <= b->latest_pts) {
        return APR_SUCCESS;
    }
    b->latest_pts = pts;
    return push_rap(b, cx, number, pts);
}

static apr_status_t list(jo_index_builder *b, jo_ctx *cx, uint32_t number, const jo_sample *s)
{
    int64_t pts = s->dts + s->cts;

    if (!b->mixed) {
        return note_divider(b, cx, number, pts);
    }
    if (s->sync) {
        settle(b);
        return push_rap(b, cx, number, pts);
    }
    if (b->raps.len > 0) {
        lower(last_rap(b), pts);
    }
    return APR_SUCCESS;
}

/* Lists all samples so far, which are sync samples: sound never comes here, and pictures early. */
static apr_status_t list_all(jo_index_builder *b, jo_ctx *cx)
{
    jo_index coded = b->ix; /* the closed blocks */
    size_t nfragments = b->fragments.len;
    jo_cursor c;
    jo_sample s;

    coded.count = (uint32_t)(b->blocks.len * JO_INDEX_BLOCK);
    coded.blocks = (jo_index_block *)b->blocks.data;
    coded.stream = (uint8_t *)b->stream.data;
    jo_cursor_init(&c, &coded, 0);
    b->listing = true;
    b->raps.len = 0;
    b->fragments.len = 0; /* regrows with the samples: push_rap() looks at the last */
    for (uint32_t n = 0; n < b->ix.count && cx->code == APR_SUCCESS; n++) {
        if (b->fragments.len < nfragments &&
            ((uint32_t *)b->fragments.data)[b->fragments.len] == n) {
            b->fragments.len++;
        }
        if (!jo_cursor_next(&c, &s)) {
            s = b->open[n - coded.count];
        }
        list(b, cx, n, &s);
    }
    b->fragments.len = nfragments;
    return cx->code;
}

static apr_status_t note_rap(jo_index_builder *b, jo_ctx *cx, const jo_sample *s)
{
    bool mixes = !s->sync && !b->mixed; /* what divides is another question from here on */

    b->mixed = b->mixed || mixes;
    if ((mixes || (!b->listing && b->ix.reordered)) && list_all(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    return b->listing ? list(b, cx, b->ix.count, s) : APR_SUCCESS;
}

/* The held sample's duration is known now. */
static apr_status_t write_held(jo_index_builder *b, jo_ctx *cx)
{
    const jo_sample *s = &b->open[b->nopen];

    note_times(&b->ix, s);
    if (b->held_begins) {
        if (vec_reserve(&b->fragments, cx, 1) != APR_SUCCESS) {
            return cx->code;
        }
        *(uint32_t *)vec_push(&b->fragments) = b->ix.count;
    }
    if (note_rap(b, cx, s) != APR_SUCCESS) {
        return cx->code;
    }
    b->rows[b->nopen++] = cts_row(b, s->cts);
    b->ix.count++;
    b->ix.bytes += s->size;
    b->end_dts = s->dts + s->duration;
    return b->nopen == JO_INDEX_BLOCK ? close_block(b, cx) : APR_SUCCESS;
}

/* -- building ------------------------------------------------------------------------------------------- */

void jo_index_begin_fragment(jo_index_builder *b)
{
    b->next_begins = true;
}

static apr_status_t check(jo_index_builder *b, jo_ctx *cx, const jo_sample *s)
{
    if (s->dts < -TIME_LIMIT || s->dts > TIME_LIMIT) {
        return jo_fail(cx, JO_EMEDIA, "sample %u: decoding time out of bounds",
                       b->ix.count + b->holding);
    }
    if (s->offset < 0 || s->offset > TIME_LIMIT) {
        return jo_fail(cx, JO_EMEDIA, "sample %u: place out of bounds", b->ix.count + b->holding);
    }
    if (b->ix.count + b->holding >= cx->limits->samples) {
        return jo_fail(cx, JO_EMEDIA, "more than %u samples", cx->limits->samples);
    }
    return APR_SUCCESS;
}

/* Raises a DTS that runs back to the one before, keeping the PTS. */
static apr_status_t order(jo_index_builder *b, jo_ctx *cx, uint32_t timescale, int64_t *dts,
                          int32_t *cts)
{
    int64_t before = b->open[b->nopen].dts, back = before - *dts;

    if (back > timescale || *cts - back < INT32_MIN) {
        return jo_fail(cx, JO_EMEDIA, "sample %u: decoding time runs back by more than a second",
                       b->ix.count + 1);
    }
    *dts = before;
    *cts = (int32_t)(*cts - back);
    return APR_SUCCESS;
}

/* Ends the held sample where the next one begins. */
static apr_status_t end_held(jo_index_builder *b, jo_ctx *cx, int64_t dts)
{
    jo_sample *held = &b->open[b->nopen];
    int64_t duration = dts - held->dts;

    if (duration > UINT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "sample %u lasts too long", b->ix.count);
    }
    held->duration = (uint32_t)duration;
    return write_held(b, cx);
}

apr_status_t jo_index_add(jo_index_builder *b, jo_ctx *cx, const jo_sample *s, uint32_t timescale)
{
    int64_t dts = s->dts;
    int32_t cts = s->cts;

    if (check(b, cx, s) != APR_SUCCESS) {
        return cx->code;
    }
    if (b->holding &&
        ((dts < b->open[b->nopen].dts && order(b, cx, timescale, &dts, &cts) != APR_SUCCESS) ||
         end_held(b, cx, dts) != APR_SUCCESS)) {
        return cx->code;
    }
    jo_sample *held = &b->open[b->nopen];
    held->dts = dts;
    held->offset = s->offset;
    held->size = s->size;
    held->duration = s->duration;
    held->cts = cts;
    held->sync = s->sync;
    b->holding = true;
    b->held_begins = b->next_begins;
    b->next_begins = false;
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

    if (b->holding && write_held(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    if (b->nopen > 0 && close_block(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    if (vec_reserve(&b->stream, cx, TAIL) != APR_SUCCESS) {
        return cx->code;
    }
    memset(b->stream.data + b->stream.len, 0, TAIL);
    b->stream.len += TAIL;
    *ix = b->ix;
    ix->end_dts = b->end_dts;
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
