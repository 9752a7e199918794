#include "index.h"

#include "../base/status.h"

#include <apr_strings.h>
#include <stdlib.h>

#define BLOCK 64 /* samples */
#define TABLE 15 /* composition offsets that need no bytes of their own */

/* Flags byte of a sample: low half what follows, high half its row in cts_table (15: explicit). */
#define F_SYNC 1
#define F_PLACE 2    /* signed varint: gap from the end of the sample before */
#define F_DURATION 4 /* varint: duration differs from the sample before */
#define CTS_EXPLICIT 15

/* Times beyond this are no media: leaves room for every sum the core makes. */
#define TIME_LIMIT ((int64_t)1 << 60)

struct jo_index_block {
    int64_t dts;
    int64_t offset; /* of its first sample */
    int64_t bytes;  /* of all samples before it */
    uint32_t at;    /* into the stream */
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

static void *vec_push(vec *v)
{
    if (v->len == v->cap) {
        size_t cap = v->cap ? v->cap + v->cap / 2 : 64;
        char *grown = realloc(v->data, cap * v->size);
        if (grown == NULL) {
            abort(); /* as pools do: out of memory */
        }
        v->data = grown;
        v->cap = cap;
    }
    return v->data + v->len++ * v->size;
}

/* Exact-size copy in pool; NULL for nothing. */
static void *vec_keep(const vec *v, apr_pool_t *pool)
{
    return v->len ? apr_pmemdup(pool, v->data, v->len * v->size) : NULL;
}

struct jo_index_builder {
    jo_index ix;
    vec stream;    /* bytes */
    vec blocks;
    vec raps;
    vec fragments;
    uint32_t cts_rows;
    jo_sample held; /* waits for the next DTS to know its duration */
    bool holding, held_begins, next_begins;
    int64_t place; /* where the last written sample ended */
    uint32_t last_duration;
    uint32_t syncs;
    int64_t end_dts;
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

/* -- the stream ------------------------------------------------------------------------------------- */

static void put(jo_index_builder *b, uint8_t v)
{
    *(uint8_t *)vec_push(&b->stream) = v;
}

static void put_varint(jo_index_builder *b, uint64_t v)
{
    while (v >= 0x80) {
        put(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    put(b, (uint8_t)v);
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static uint64_t get_varint(const uint8_t **p)
{
    uint64_t v = 0;
    unsigned shift = 0;

    for (;;) {
        uint8_t c = *(*p)++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            return v;
        }
        shift += 7;
    }
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint32_t cts_row(jo_index_builder *b, int32_t cts)
{
    for (uint32_t i = 0; i < b->cts_rows; i++) {
        if (b->ix.cts_table[i] == cts) {
            return i;
        }
    }
    if (b->cts_rows == TABLE) {
        return CTS_EXPLICIT;
    }
    b->ix.cts_table[b->cts_rows] = cts;
    return b->cts_rows++;
}

static void begin_block(jo_index_builder *b, const jo_sample *s)
{
    jo_index_block *k = vec_push(&b->blocks);
    k->dts = s->dts;
    k->offset = s->offset;
    k->bytes = b->ix.bytes;
    k->at = (uint32_t)b->stream.len;
    k->duration = b->last_duration;
    b->place = s->offset;
}

static void write_sample(jo_index_builder *b, const jo_sample *s)
{
    if (b->ix.count % BLOCK == 0) {
        begin_block(b, s);
    }
    uint32_t row = cts_row(b, s->cts);
    uint8_t flags = (uint8_t)(row << 4 | (s->sync ? F_SYNC : 0) | (s->offset != b->place ? F_PLACE : 0)
                              | (s->duration != b->last_duration ? F_DURATION : 0));
    put(b, flags);
    put_varint(b, s->size);
    if (flags & F_PLACE) {
        put_varint(b, zigzag(s->offset - b->place));
    }
    if (flags & F_DURATION) {
        put_varint(b, s->duration);
    }
    if (row == CTS_EXPLICIT) {
        put_varint(b, zigzag(s->cts));
    }
    b->place = s->offset + s->size;
    b->last_duration = s->duration;
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

static void note_rap(jo_index_builder *b, const jo_sample *s)
{
    int64_t pts = s->dts + s->cts;

    if (s->sync) {
        jo_rap *r = vec_push(&b->raps);
        *r = (jo_rap){b->ix.count, b->held_begins, false, pts};
        b->syncs++;
    } else if (b->raps.len > 0) {
        jo_rap *r = (jo_rap *)b->raps.data + b->raps.len - 1;
        if (pts < r->ept) {
            r->ept = pts;
            r->open = b->ix.open_gops = true;
        }
    }
}

/* The held sample's duration is known now. */
static void write_held(jo_index_builder *b)
{
    const jo_sample *s = &b->held;

    if (b->held_begins) {
        *(uint32_t *)vec_push(&b->fragments) = b->ix.count;
    }
    note_times(&b->ix, s);
    note_rap(b, s);
    write_sample(b, s);
    b->ix.count++;
    b->ix.bytes += s->size;
    b->ix.max_size = s->size > b->ix.max_size ? s->size : b->ix.max_size;
    if (s->offset + s->size > b->ix.source_end) {
        b->ix.source_end = s->offset + s->size;
    }
    b->end_dts = s->dts + s->duration;
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
        write_held(b);
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
    if (ix->all_sync && !ix->reordered) {
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

    if (b->holding) {
        write_held(b);
        b->holding = false;
    }
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
    c->state = (jo_sample){.dts = k->dts, .offset = k->offset, .duration = k->duration};
}

/* The sample's size of the state is what lies between its offset and the next place. */
static void step(jo_cursor *c, jo_sample *out)
{
    const jo_index *ix = c->index;
    jo_sample *s = &c->state; /* dts and offset are those of the sample to read, duration of the one before */
    uint8_t flags = *c->at++;
    uint32_t row = flags >> 4;

    s->size = (uint32_t)get_varint(&c->at);
    if (flags & F_PLACE) {
        s->offset += unzigzag(get_varint(&c->at));
    }
    if (flags & F_DURATION) {
        s->duration = (uint32_t)get_varint(&c->at);
    }
    s->cts = row == CTS_EXPLICIT ? (int32_t)unzigzag(get_varint(&c->at)) : ix->cts_table[row];
    s->sync = flags & F_SYNC;
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
    jo_cursor_init(&c, ix, n);
    return n % BLOCK == 0 ? ix->blocks[n / BLOCK].dts : c.state.dts;
}

uint32_t jo_index_find_dts(const jo_index *ix, int64_t t)
{
    uint32_t lo = 0, hi = ix->nblocks; /* first block whose first DTS is ≥ t */
    jo_cursor c;
    jo_sample s;

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
