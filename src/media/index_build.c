#include "../base/bytes.h"
#include "../base/status.h"
#include "index_code.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES \
    1536 /* no block is coded longer: four columns, 4 bytes a sample (of gaps 9), and 8 bytes that only get in the way */
#define TAIL 8 /* zero bytes behind the stream, so that a reader may look ahead */

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
    uint32_t duration; /* of the last sample so far, if none follows */

    /* Samples that are not coded yet. The one past a block tells how long the last of the block lasts. */
    uint32_t nopen;
    int64_t dts[JO_INDEX_BLOCK + 1];
    int64_t offset[JO_INDEX_BLOCK + 1];
    uint32_t size[JO_INDEX_BLOCK + 1];
    int32_t cts[JO_INDEX_BLOCK + 1];
    bool sync[JO_INDEX_BLOCK + 1];
    uint32_t durations[JO_INDEX_BLOCK]; /* once a block is complete */
    bool one_duration, one_cts;         /* all of the block have the same */
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

/* An array that is empty gets room for n, if there is memory. */
static void vec_expect(vec *v, size_t n)
{
    if (v->data == NULL) {
        v->data = malloc(n * v->size);
        v->cap = v->data != NULL ? n : 0;
    }
}

void jo_index_expect(jo_index_builder *b, uint32_t n)
{
    vec_expect(&b->blocks, n / JO_INDEX_BLOCK + 1);
    vec_expect(&b->stream, (size_t)n * 2 + n / 2 + BLOCK_BYTES);
}

/* -- coding a block ------------------------------------------------------------------------------------ */

/* The gaps behind samples; gives all their bits. */
static int64_t find_gaps(const jo_index_builder *b, uint32_t n, int64_t gaps[JO_INDEX_BLOCK])
{
    int64_t all = 0;

    for (uint32_t i = 0; i < JO_INDEX_BLOCK; i++) {
        gaps[i] = b->offset[i + 1] - b->offset[i] - b->size[i];
    }
    for (uint32_t i = n - 1; i < JO_INDEX_BLOCK; i++) {
        gaps[i] = 0;
    }
    for (uint32_t i = 0; i < JO_INDEX_BLOCK; i++) {
        all |= gaps[i];
    }
    return all;
}

/* Bits `shift` and on of all gaps. */
static void narrow(const int64_t gaps[JO_INDEX_BLOCK], unsigned shift, uint32_t out[JO_INDEX_BLOCK])
{
    for (uint32_t i = 0; i < JO_INDEX_BLOCK; i++) {
        out[i] = (uint32_t)((uint64_t)gaps[i] >> shift);
    }
}

/* Which of n gaps there are. */
static uint64_t find_places(const int64_t *gaps, uint32_t n)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < n; i++) {
        mask |= (uint64_t)(gaps[i] != 0) << i;
    }
    return mask;
}

/* A column of those whose bit is set. */
static uint8_t *put_some(uint8_t *p, uint32_t v[JO_INDEX_BLOCK], uint64_t mask, uint32_t n)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < n && mask & (mask + 1); i++) { /* not just the first */
        v[found] = v[i];
        found += mask >> i & 1;
    }
    return jo_column_put(p, v, (uint32_t)__builtin_popcountll(mask));
}

static uint8_t *put_gaps(const jo_index_builder *b, uint32_t n, uint8_t *p, uint8_t *head)
{
    uint32_t v[JO_INDEX_BLOCK];
    int64_t gaps[JO_INDEX_BLOCK], all = find_gaps(b, n, gaps);

    if (all == 0) {
        return p;
    }
    *head |= JO_INDEX_GAPS;
    for (uint32_t i = 0; i < JO_INDEX_BLOCK && all < 0; i++) {
        gaps[i] = (int64_t)((uint64_t)gaps[i] << 1) ^ gaps[i] >> 63;
        *head |= JO_INDEX_ZIGZAG;
    }
    uint64_t mask = find_places(gaps, n - 1);
    jo_index_put64(p, mask << 1); /* are before the next samples */
    narrow(gaps, 0, v);
    p = put_some(p + 8, v, mask, n - 1);
    if (all < 0 || all > UINT32_MAX) {
        *head |= JO_INDEX_WIDE;
        narrow(gaps, 32, v);
        p = put_some(p, v, mask, n - 1);
    }
    return p;
}

/* JO_INDEX_CTS_ROWS for what has no room. */
static uint32_t cts_row(jo_index_builder *b, int32_t cts)
{
    uint32_t i = 0;

    while (i < b->cts_rows && b->ix.cts_table[i] != cts) {
        i++;
    }
    if (i == b->cts_rows && i < JO_INDEX_CTS_ROWS) {
        b->ix.cts_table[b->cts_rows++] = cts;
    }
    return i;
}

static uint8_t *put_plain_offsets(const jo_index_builder *b, uint32_t n, uint8_t *p, uint8_t *head)
{
    uint32_t v[JO_INDEX_BLOCK];

    for (uint32_t i = 0; i < n; i++) {
        v[i] = (uint32_t)b->cts[i] ^ 0x80000000u;
    }
    *head |= JO_INDEX_CTS_PLAIN;
    return jo_column_put(p, v, n);
}

static uint8_t *put_offsets(jo_index_builder *b, uint32_t n, uint8_t *p, uint8_t *head)
{
    uint32_t rows[JO_INDEX_BLOCK], top;

    top = rows[0] = cts_row(b, b->cts[0]);
    for (uint32_t i = 1; i < n && !b->one_cts; i++) {
        rows[i] = b->cts[i] == b->cts[i - 1] ? rows[i - 1] : cts_row(b, b->cts[i]);
        top = rows[i] > top ? rows[i] : top;
    }
    if (top == JO_INDEX_CTS_ROWS) {
        return put_plain_offsets(b, n, p, head);
    }
    if (b->one_cts) {
        *p = (uint8_t)top;
        return p + 1;
    }
    *head |= JO_INDEX_CTS_COLUMN;
    return jo_column_put(p, rows, n);
}

static uint8_t *put_syncs(const jo_index_builder *b, uint32_t n, uint8_t *p, uint8_t *head)
{
    uint64_t mask = 0;

    if (memchr(b->sync, false, n) == NULL) {
        return p;
    }
    for (uint32_t i = 0; i < n; i++) {
        mask |= (uint64_t)b->sync[i] << i;
    }
    unsigned syncs = (unsigned)__builtin_popcountll(mask);
    if (syncs >= 7) {
        *head |= JO_INDEX_SYNC_MASK;
        jo_index_put64(p, mask);
        return p + 8;
    }
    *head |= JO_INDEX_SYNC_LIST;
    *p++ = (uint8_t)syncs;
    for (; mask != 0; mask &= mask - 1) {
        *p++ = (uint8_t)__builtin_ctzll(mask);
    }
    return p;
}

static int64_t sum_sizes(const jo_index_builder *b, uint32_t n)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < JO_INDEX_BLOCK; i++) {
        sum += b->size[i];
    }
    for (uint32_t i = n; i < JO_INDEX_BLOCK; i++) {
        sum -= b->size[i];
    }
    return sum;
}

static apr_status_t code_block(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    if (b->stream.len > UINT32_MAX) {
        return jo_fail(cx, JO_EMEDIA, "more samples than an index holds");
    }
    if (vec_reserve(&b->stream, cx, BLOCK_BYTES) != APR_SUCCESS ||
        vec_reserve(&b->blocks, cx, 1) != APR_SUCCESS) {
        return cx->code;
    }
    uint8_t *head = (uint8_t *)b->stream.data + b->stream.len, *p = head + 1;
    *(jo_index_block *)vec_push(&b->blocks) =
        (jo_index_block){.dts = b->dts[0],
                         .offset = b->offset[0],
                         .bytes = b->ix.bytes,
                         .at = (uint32_t)b->stream.len,
                         .duration = b->one_duration ? b->durations[0] : 0};
    *head = b->one_duration ? 0 : JO_INDEX_DURATIONS;
    p = jo_column_copy(p, b->size, n);
    p = b->one_duration ? p : jo_column_copy(p, b->durations, n);
    p = put_gaps(b, n, p, head);
    p = put_offsets(b, n, p, head);
    p = put_syncs(b, n, p, head);
    b->stream.len += (size_t)(p - head);
    b->ix.bytes += sum_sizes(b, n);
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

static void note_pts(jo_index_builder *b, uint32_t n)
{
    jo_index *ix = &b->ix;
    int64_t first = ix->first_pts, end = ix->end_pts;
    uint32_t step = b->one_cts && n > 1 ? n - 1 : 1; /* only the first and the last matter then */

    for (uint32_t i = 0; i < n; i += step) {
        int64_t pts = b->dts[i] + b->cts[i], next = b->dts[i + 1] + b->cts[i];
        first = pts < first ? pts : first;
        end = next > end ? next : end;
    }
    ix->first_pts = first;
    ix->end_pts = end;
}

static void note_times(jo_index_builder *b, uint32_t n)
{
    jo_index *ix = &b->ix;
    uint32_t same = 0;

    note_pts(b, n);
    ix->reordered |= !b->one_cts || b->cts[0] != ix->cts;
    ix->end_dts = b->dts[n];
    if (ix->const_until == ix->count) {
        while (same < n && b->durations[same] == ix->duration) {
            same = b->one_duration ? n : same + 1;
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

/* The usual case of list(): pictures of which some are sync samples. */
static apr_status_t list_mixed(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    int64_t bytes = b->ix.bytes, none = INT64_MIN;
    const int64_t *ept = b->raps.len > 0 ? &last_rap(b)->ept : &none;

    for (uint32_t i = 0; i < n; i++) {
        place p = {b->dts[i] + b->cts[i], bytes};
        bytes += b->size[i];
        if (b->sync[i] || p.pts < *ept) {
            if (list(b, cx, b->ix.count + i, b->sync[i], &p) != APR_SUCCESS) {
                return cx->code;
            }
            ept = &last_rap(b)->ept;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t note_raps(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    bool mixes = !b->mixed && memchr(b->sync, false, n) != NULL;

    b->mixed = b->mixed || mixes; /* what divides is another question from here on */
    if ((mixes || (!b->listing && b->ix.reordered)) && list_coded(b, cx) != APR_SUCCESS) {
        return cx->code;
    }
    if (b->mixed) {
        return list_mixed(b, cx, n);
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

/* Durations of the first n open samples, and what they have in common. */
static apr_status_t look(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    int64_t longest = 0;
    uint32_t durations = 0;
    int32_t offsets = 0;

    for (uint32_t i = n; i < JO_INDEX_BLOCK; i++) {
        b->dts[i + 1] = b->dts[i];
        b->cts[i] = b->cts[0];
    }
    for (uint32_t i = 0; i < JO_INDEX_BLOCK; i++) {
        int64_t duration = b->dts[i + 1] - b->dts[i];
        longest |= duration;
        b->durations[i] = (uint32_t)duration;
    }
    for (uint32_t i = 0; i < n && longest > UINT32_MAX; i++) {
        if (b->dts[i + 1] - b->dts[i] > UINT32_MAX) {
            return jo_fail(cx, JO_EMEDIA, "sample %u lasts too long", b->ix.count + i);
        }
    }
    for (uint32_t i = n; i < JO_INDEX_BLOCK; i++) {
        b->durations[i] = b->durations[0];
    }
    for (uint32_t i = 0; i < JO_INDEX_BLOCK; i++) {
        offsets |= b->cts[i] ^ b->cts[0];
        durations |= b->durations[i] ^ b->durations[0];
    }
    b->one_duration = durations == 0;
    b->one_cts = offsets == 0;
    return APR_SUCCESS;
}

/* Codes the first n open samples; dts[n] is where they end. */
static apr_status_t close_block(jo_index_builder *b, jo_ctx *cx, uint32_t n)
{
    if (look(b, cx, n) != APR_SUCCESS) {
        return cx->code;
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

/* The usual case of both: true only if neither finds anything to do. */
static inline __attribute__((always_inline)) bool
are_orderly(const int64_t *before, const int64_t *dts, const int64_t *offset, uint32_t n)
{
    uint64_t places = 0, times = 0, steps = 0;

    for (uint32_t i = 0; i < n; i++) {
        places |= (uint64_t)offset[i];
        times |= (uint64_t)dts[i] + TIME_LIMIT;
        steps |= (uint64_t)dts[i] - (uint64_t)before[i];
    }
    return places < TIME_LIMIT && times < 2 * (uint64_t)TIME_LIMIT && steps >> 63 == 0;
}

static bool is_orderly(const jo_index_builder *b, uint32_t from, uint32_t n)
{
    const int64_t *dts = b->dts + from, *offset = b->offset + from;

    if (from == 0) {
        return false;
    }
    if (n == JO_ROWS) {
        return are_orderly(dts - 1, dts, offset, JO_ROWS);
    }
    return are_orderly(dts - 1, dts, offset, n);
}

/* Takes the samples that were written into the columns behind the open ones: n of them, which fit. */
static apr_status_t open_more(jo_index_builder *b, jo_ctx *cx, uint32_t n, uint32_t timescale)
{
    uint32_t from = b->nopen;

    b->nopen += n;
    if (b->ix.count + b->nopen > cx->limits->samples) {
        return jo_fail(cx, JO_EMEDIA, "more than %u samples", cx->limits->samples);
    }
    if (!is_orderly(b, from, n) &&
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
