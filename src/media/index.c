#include "index.h"

#include "../base/bytes.h"
#include "../base/status.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64        /* samples */
#define TABLE 15        /* composition offsets that have a row of their own */
#define EXPLICIT TABLE  /* the row of all others */
#define BLOCK_BYTES 2304 /* no block is coded longer: see put_sample() */
#define TAIL 8          /* zero bytes behind the stream, so that a reader may look ahead */

/* Times beyond this are no media: leaves room for every sum the core makes. */
#define TIME_LIMIT ((int64_t)1 << 60)

/* A block is coded in bits, most significant first: 16 bits of parameters, then for each sample
 *   1 bit      set if the flags are those of the sample before, else followed by the 3 flags,
 *   0..4 bits  row of its composition offset in cts_table,
 *   number     size; then, where a flag says so, gap from the end of the sample before, and duration;
 *   number     composition offset if the row is EXPLICIT.
 * Numbers are Rice codes whose parameter each block chooses for its own sizes and gaps. */
#define F_SYNC 4
#define F_PLACE 2
#define F_DURATION 1
#define OTHER_K 9 /* parameter of durations and explicit offsets */
#define LONG 12   /* as many leading ones announce a number written out: 6 bits of length, then itself */

struct jo_index_block {
    int64_t dts;
    int64_t offset;    /* of its first sample */
    int64_t bytes;     /* of all samples before it */
    uint32_t at;       /* into the stream */
    uint32_t duration; /* of the sample before it */
};

size_t jo_index_memory(const jo_index *ix)
{
    return sizeof(*ix) + ix->stream_len + ix->nblocks * sizeof(*ix->blocks)
           + ix->nraps * sizeof(*ix->raps) + ix->nfragments * sizeof(*ix->fragments);
}

/* -- growing arrays of the builder ------------------------------------------------------------------- */

typedef struct vec {
    char *data;
    size_t len, cap; /* elements */
    size_t size;     /* of one */
} vec;

/* Room for n more; they are not counted yet. */
static void *vec_room(vec *v, size_t n)
{
    if (n > v->cap - v->len) {
        size_t cap = v->cap + v->cap / 2 + n;
        char *grown = realloc(v->data, cap * v->size);
        if (grown == NULL) {
            abort(); /* as pools do: out of memory */
        }
        v->data = grown;
        v->cap = cap;
    }
    return v->data + v->len * v->size;
}

static void *vec_push(vec *v)
{
    void *p = vec_room(v, 1);

    v->len++;
    return p;
}

/* Exact-size copy in pool; NULL for nothing. */
static void *vec_keep(const vec *v, apr_pool_t *pool)
{
    return v->len ? apr_pmemdup(pool, v->data, v->len * v->size) : NULL;
}

struct jo_index_builder {
    jo_index ix;
    vec stream; /* bytes */
    vec blocks;
    vec raps;
    vec fragments;
    uint32_t cts_rows;
    jo_sample held; /* waits for the next DTS to know its duration */
    bool holding, held_begins, next_begins;
    bool listing; /* raps are listed: some sample is no sync sample, or pictures are reordered */
    uint32_t syncs;
    int64_t end_dts;
    uint32_t last_duration;   /* before the open block */
    jo_sample open[BLOCK];    /* samples that are not coded yet */
    uint8_t rows[BLOCK];      /* of their composition offsets */
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
    if (v >> k < LONG) {
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
    put_bits(w, (1u << LONG) - 1, LONG);
    put_bits(w, n - 1, 6);
    if (n > 32) {
        put_bits(w, (uint32_t)(v >> 32), n - 32);
        n = 32;
    }
    put_bits(w, (uint32_t)(v & (0xffffffffu >> (32 - n))), n);
}

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

/* n from 1 to 32 */
static uint32_t get_bits(jo_cursor *c, unsigned n)
{
    uint64_t v = peek(c->at, c->bit);

    c->bit += n;
    return (uint32_t)(v >> (64 - n));
}

static uint64_t get_long(jo_cursor *c)
{
    c->bit += LONG;
    unsigned n = get_bits(c, 6) + 1;
    uint64_t high = n > 32 ? get_bits(c, n - 32) : 0;
    return high << 32 | get_bits(c, n > 32 ? 32 : n);
}

static uint64_t get_number(jo_cursor *c, unsigned k)
{
    uint64_t v = peek(c->at, c->bit);
    unsigned ones = (unsigned)__builtin_clzll(~v | 1);

    if (ones >= LONG) {
        return get_long(c);
    }
    c->bit += ones + 1 + k;
    v <<= ones + 1;
    return (uint64_t)ones << k | (k > 0 ? v >> (64 - k) : 0);
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* -- coding a block ------------------------------------------------------------------------------------ */

static uint8_t cts_row(jo_index_builder *b, int32_t cts)
{
    for (uint32_t i = 0; i < b->cts_rows; i++) {
        if (b->ix.cts_table[i] == cts) {
            return (uint8_t)i;
        }
    }
    if (b->cts_rows == TABLE) {
        return EXPLICIT;
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
    uint64_t gaps[BLOCK];
} coding;

/* The Rice parameter for n numbers: near the length of their mean, where it costs least. */
static uint8_t choose_k(const uint32_t *v, uint32_t n)
{
    uint64_t sum = 0, least = UINT64_MAX;
    unsigned best = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += v[i];
    }
    unsigned top = n > 0 ? bit_length(sum / n) : 0;
    for (unsigned k = top < 31 ? top : 31, tries = 3; tries > 0; k--, tries--) {
        uint32_t bits = n * (k + 1);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t ones = v[i] >> k;
            bits += ones < 2 * LONG ? ones : 2 * LONG;
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
    uint32_t sizes[BLOCK], gaps[BLOCK]; /* as far as they tell which parameter is best */
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

/* At most 8 bits of flags and row and four numbers of at most LONG + 6 + 64, 32, 32 and 33 bits. */
static void put_sample(bit_writer *w, const coding *c, const jo_sample *s, uint8_t row, unsigned flags,
                       unsigned flags_before, uint64_t gap)
{
    put_bits(w, flags == flags_before, 1);
    if (flags != flags_before) {
        put_bits(w, flags, 3);
    }
    put_bits(w, row, c->cts_bits);
    put_number(w, s->size, c->size_k);
    if (flags & F_PLACE) {
        put_number(w, gap, c->gap_k);
    }
    if (flags & F_DURATION) {
        put_number(w, s->duration, OTHER_K);
    }
    if (row == EXPLICIT) {
        put_number(w, zigzag(s->cts), OTHER_K);
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
        unsigned flags = (s->sync ? F_SYNC : 0) | (s->offset != place ? F_PLACE : 0)
                         | (s->duration != duration ? F_DURATION : 0);
        put_sample(w, c, s, b->rows[i], flags, before, flags & F_PLACE ? *gap++ : 0);
        place = s->offset + s->size;
        duration = s->duration;
        before = flags;
    }
}

static apr_status_t close_block(jo_index_builder *b, jo_ctx *cx)
{
    coding c;
    bit_writer w = {.at = vec_room(&b->stream, BLOCK_BYTES)};
    jo_index_block *k = vec_push(&b->blocks);
    int64_t bytes = b->ix.bytes;

    if (b->stream.len > UINT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "more samples than an index holds");
    }
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

static void open_block(jo_cursor *c, uint32_t block);
static void step(jo_cursor *c, jo_sample *out);

static void push_rap(jo_index_builder *b, uint32_t number, const jo_sample *s)
{
    const uint32_t *fragments = (const uint32_t *)b->fragments.data;
    size_t n = b->fragments.len;
    jo_rap *r = vec_push(&b->raps);

    *r = (jo_rap){number, n > 0 && fragments[n - 1] == number, false, s->dts + s->cts};
}

/* Lists all samples so far, which are sync samples: sound never comes here, and pictures early. */
static void begin_listing(jo_index_builder *b)
{
    jo_index coded = b->ix;
    jo_cursor c = {.index = &coded};
    size_t nfragments = b->fragments.len;
    jo_sample s;

    coded.blocks = (jo_index_block *)b->blocks.data;
    coded.stream = (uint8_t *)b->stream.data;
    b->listing = true;
    b->fragments.len = 0; /* regrows with the samples: push_rap() looks at the last */
    for (uint32_t n = 0; n < b->ix.count; n++) {
        if (b->fragments.len < nfragments
            && ((uint32_t *)b->fragments.data)[b->fragments.len] == n) {
            b->fragments.len++;
        }
        if (n / BLOCK < b->blocks.len) {
            if (n % BLOCK == 0) {
                open_block(&c, n / BLOCK);
            }
            step(&c, &s);
        } else {
            s = b->open[n % BLOCK];
        }
        push_rap(b, n, &s);
    }
    b->fragments.len = nfragments;
}

static void note_rap(jo_index_builder *b, const jo_sample *s)
{
    int64_t pts = s->dts + s->cts;

    b->syncs += s->sync;
    if (!b->listing && (!s->sync || b->ix.reordered)) {
        begin_listing(b);
    }
    if (!b->listing) {
        return;
    }
    if (s->sync) {
        push_rap(b, b->ix.count, s);
    } else if (b->raps.len > 0) {
        jo_rap *r = (jo_rap *)b->raps.data + b->raps.len - 1;
        if (pts < r->ept) {
            r->ept = pts;
            r->open = b->ix.open_gops = true;
        }
    }
}

/* The held sample's duration is known now. */
static apr_status_t write_held(jo_index_builder *b, jo_ctx *cx)
{
    const jo_sample *s = &b->held;

    note_times(&b->ix, s);
    if (b->held_begins) {
        *(uint32_t *)vec_push(&b->fragments) = b->ix.count;
    }
    note_rap(b, s);
    b->rows[b->nopen] = cts_row(b, s->cts);
    b->open[b->nopen++] = *s;
    b->ix.count++;
    b->ix.bytes += s->size;
    b->ix.max_size = s->size > b->ix.max_size ? s->size : b->ix.max_size;
    if (s->offset + s->size > b->ix.source_end) {
        b->ix.source_end = s->offset + s->size;
    }
    b->end_dts = s->dts + s->duration;
    return b->nopen == BLOCK ? close_block(b, cx) : APR_SUCCESS;
}

/* -- building ------------------------------------------------------------------------------------------- */

void jo_index_begin_fragment(jo_index_builder *b)
{
    b->next_begins = true;
}

static apr_status_t check(jo_index_builder *b, jo_ctx *cx, const jo_sample *s)
{
    if (s->dts < -TIME_LIMIT || s->dts > TIME_LIMIT) {
        return jo_fail(cx, JO_EMEDIA, "sample %u: decoding time out of bounds", b->ix.count + b->holding);
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
static apr_status_t order(jo_index_builder *b, jo_ctx *cx, jo_sample *s, uint32_t timescale)
{
    int64_t back = b->held.dts - s->dts;

    if (back <= 0) {
        return APR_SUCCESS;
    }
    int64_t cts = (int64_t)s->cts - back;
    if (back > timescale || cts < INT32_MIN) {
        return jo_fail(cx, JO_EMEDIA, "sample %u: decoding time runs back by more than a second",
                       b->ix.count + 1);
    }
    s->dts = b->held.dts;
    s->cts = (int32_t)cts;
    return APR_SUCCESS;
}

apr_status_t jo_index_add(jo_index_builder *b, jo_ctx *cx, const jo_sample *given, uint32_t timescale)
{
    jo_sample s = *given;

    if (check(b, cx, &s) != APR_SUCCESS) {
        return cx->code;
    }
    if (b->holding) {
        if (order(b, cx, &s, timescale) != APR_SUCCESS) {
            return cx->code;
        }
        int64_t duration = s.dts - b->held.dts;
        if (duration > UINT32_MAX) {
            return jo_fail(cx, JO_EMEDIA, "sample %u lasts too long", b->ix.count);
        }
        b->held.duration = (uint32_t)duration;
        if (write_held(b, cx) != APR_SUCCESS) {
            return cx->code;
        }
    }
    b->held = s;
    b->holding = true;
    b->held_begins = b->next_begins;
    b->next_begins = false;
    return APR_SUCCESS;
}

/* Where every sample is a sync sample but pictures are reordered, only those are random access points that
 * divide the presentation: all before are shown earlier, all after later. */
static void keep_clean_points(jo_index_builder *b)
{
    jo_rap *r = (jo_rap *)b->raps.data;
    size_t n = b->raps.len, kept = 0;
    int64_t *later = malloc(n * sizeof(*later)); /* earliest PTS of the samples from i on */
    int64_t before = INT64_MIN;

    if (later == NULL) {
        abort();
    }
    for (size_t i = n; i-- > 0;) {
        later[i] = i + 1 < n && later[i + 1] < r[i].ept ? later[i + 1] : r[i].ept;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t pts = r[i].ept;
        if (before < pts && later[i] >= pts) {
            r[kept++] = r[i];
        }
        before = pts > before ? pts : before;
    }
    free(later);
    b->raps.len = kept;
}

static void keep_raps(jo_index_builder *b, apr_pool_t *pool, jo_index *ix)
{
    if (!b->listing) {
        return;
    }
    if (ix->all_sync) {
        keep_clean_points(b);
    }
    ix->raps = vec_keep(&b->raps, pool);
    ix->nraps = (uint32_t)b->raps.len;
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
    memset(vec_room(&b->stream, TAIL), 0, TAIL);
    b->stream.len += TAIL;
    *ix = b->ix;
    ix->end_dts = b->end_dts;
    ix->all_sync = b->syncs == ix->count;
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

/* -- asking --------------------------------------------------------------------------------------------- */

static void open_block(jo_cursor *c, uint32_t block)
{
    const jo_index_block *k = &c->index->blocks[block];

    c->next = block * BLOCK;
    c->at = c->index->stream + k->at;
    c->bit = 0;
    uint32_t head = get_bits(c, 16);
    c->size_k = (uint8_t)(head >> 11);
    c->gap_k = head >> 6 & 31;
    c->cts_bits = head >> 3 & 7;
    c->back = head & 1;
    c->flags = 0;
    c->state = (jo_sample){.dts = k->dts, .offset = k->offset, .duration = k->duration};
}

/* Of the state, dts and offset are those of the sample to read, the duration that of the one before. */
static void step(jo_cursor *c, jo_sample *out)
{
    jo_sample *s = &c->state;

    if (!get_bits(c, 1)) {
        c->flags = (uint8_t)get_bits(c, 3);
    }
    uint32_t row = c->cts_bits > 0 ? get_bits(c, c->cts_bits) : 0;
    s->size = (uint32_t)get_number(c, c->size_k);
    if (c->flags & F_PLACE) {
        uint64_t gap = get_number(c, c->gap_k);
        s->offset += c->back ? unzigzag(gap) : (int64_t)gap;
    }
    if (c->flags & F_DURATION) {
        s->duration = (uint32_t)get_number(c, OTHER_K);
    }
    s->cts = row == EXPLICIT ? (int32_t)unzigzag(get_number(c, OTHER_K)) : c->index->cts_table[row];
    s->sync = c->flags & F_SYNC;
    *out = *s;
    s->dts += s->duration;
    s->offset += s->size;
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
    open_block(c, n / BLOCK);
    while (c->next < n) {
        step(c, &skipped);
    }
}

bool jo_cursor_next(jo_cursor *c, jo_sample *out)
{
    if (c->next >= c->index->count) {
        return false;
    }
    if (c->next % BLOCK == 0) {
        open_block(c, c->next / BLOCK);
    }
    step(c, out);
    return true;
}

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
    return n % BLOCK == 0 ? ix->blocks[n / BLOCK].dts : c.state.dts;
}

/* Where all samples last the same. */
static bool find_constant(const jo_index *ix, int64_t t, uint32_t *out)
{
    if (ix->duration == 0 || t <= ix->first_dts
        || t > ix->first_dts + (int64_t)ix->const_until * ix->duration) {
        return false;
    }
    *out = (uint32_t)((t - ix->first_dts + ix->duration - 1) / ix->duration);
    return true;
}

uint32_t jo_index_find_dts(const jo_index *ix, int64_t t)
{
    uint32_t lo = 0, hi = ix->nblocks; /* first block whose first DTS is ≥ t */
    jo_cursor c;
    jo_sample s;

    if (find_constant(ix, t, &lo)) {
        return lo;
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ix->blocks[mid].dts < t) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == 0) {
        return 0;
    }
    uint32_t end = lo < ix->nblocks ? lo * BLOCK : ix->count;
    jo_cursor_init(&c, ix, (lo - 1) * BLOCK);
    while (c.next < end) {
        step(&c, &s);
        if (s.dts >= t) {
            return c.next - 1;
        }
    }
    return end;
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

/* Bytes of all samples before n. */
static int64_t bytes_before(const jo_index *ix, uint32_t n)
{
    jo_cursor c;
    jo_sample s;

    if (n >= ix->count) {
        return ix->bytes;
    }
    int64_t bytes = ix->blocks[n / BLOCK].bytes;
    jo_cursor_init(&c, ix, n / BLOCK * BLOCK);
    while (c.next < n) {
        step(&c, &s);
        bytes += s.size;
    }
    return bytes;
}

int64_t jo_index_range_bytes(const jo_index *ix, uint32_t from, uint32_t to)
{
    return from < to ? bytes_before(ix, to) - bytes_before(ix, from) : 0;
}
