#include "events.h"

#include "../base/bytes.h"
#include "../base/log.h"
#include "../base/text.h"
#include "../base/ticks.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>

#define NS   1000000000
#define COST 64              /* bytes that an event counts for, beside its texts and payload */
#define FAR  (INT64_MAX / 4) /* ns: no track that is kept gets there */

/* Repetitions are no further apart: who says an event in each of several tracks may count from their own fragments. */
#define NEAR (NS / 10)

struct jo_events_builder {
    jo_ctx *cx;
    const char *name;
    apr_pool_t *scratch;
    apr_hash_t *seen;            /* key of an event */
    apr_hash_t *stream_of;       /* scheme and value → place in streams + 1 */
    apr_array_header_t *list;    /* entry */
    apr_array_header_t *streams; /* jo_event_stream */
    jo_writer key;               /* of the event that is added */
    size_t size;
    uint32_t left_out;
};

typedef struct entry {
    jo_event event;
    uint32_t n; /* of those with one time, the first met comes first */
} entry;

int64_t jo_event_ticks(const jo_event *e, uint32_t timescale)
{
    return jo_ticks_round(e->time, NS, timescale);
}

/* Number of the first event at or after a time. */
static uint32_t find(const jo_event_list *l, int64_t at, uint32_t timescale)
{
    uint32_t lo = 0, hi = l->count;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (jo_event_ticks(&l->at[mid], timescale) < at) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

uint32_t jo_events_in(const jo_event_list *l, int64_t from, int64_t until, uint32_t timescale,
                      const jo_event **first)
{
    uint32_t begin = find(l, from, timescale), end = find(l, until, timescale);

    *first = l->at + begin;
    return end > begin ? end - begin : 0;
}

/* -- collecting -------------------------------------------------------------------------------------------- */

jo_events_builder *jo_events_builder_make(jo_ctx *cx, const char *name)
{
    jo_events_builder *b = apr_pcalloc(cx->pool, sizeof(*b));

    b->cx = cx;
    b->name = name;
    return b;
}

/* Nearly all files have none: nothing is made for them. */
static void begin(jo_events_builder *b)
{
    if (b->scratch == NULL) {
        apr_pool_create(&b->scratch, b->cx->pool);
        b->seen = apr_hash_make(b->scratch);
        b->stream_of = apr_hash_make(b->scratch);
        b->list = apr_array_make(b->scratch, 16, sizeof(entry));
        b->streams = apr_array_make(b->scratch, 4, sizeof(jo_event_stream));
        jo_writer_init(&b->key, b->scratch, 256);
    }
}

static void write_text(jo_writer *w, const char *s)
{
    jo_write_bytes(w, s, strlen(s) + 1);
}

/* What repetitions have in common, and room for the time in steps of NEAR. */
static void write_key(jo_writer *w, const jo_event_found *e)
{
    w->len = 0;
    jo_write_u64(w, 0);
    jo_write_u32(w, e->id);
    write_text(w, e->scheme);
    write_text(w, e->value);
    jo_write_bytes(w, e->payload, e->len);
}

/* Is it near one that was there before? The key is left with its own step. */
static bool repeats(jo_events_builder *b, const jo_event_found *e)
{
    static const int around[] = {-1, 1, 0};

    write_key(&b->key, e);
    for (int i = 0; i < 3; i++) {
        uint64_t step = (uint64_t)(e->time / NEAR + around[i]);
        jo_write_patch_u32(&b->key, 0, (uint32_t)(step >> 32));
        jo_write_patch_u32(&b->key, 4, (uint32_t)step);
        const int64_t *time = apr_hash_get(b->seen, b->key.data, (apr_ssize_t)b->key.len);
        if (time != NULL && llabs(*time - e->time) < NEAR) {
            return true;
        }
    }
    return false;
}

static uint32_t find_stream(jo_events_builder *b, const jo_event_found *e)
{
    jo_writer w;

    jo_writer_init(&w, b->scratch, 64);
    write_text(&w, e->scheme);
    write_text(&w, e->value);
    const int *known = apr_hash_get(b->stream_of, w.data, (apr_ssize_t)w.len);
    if (known != NULL) {
        return (uint32_t)*known;
    }
    int *place = apr_palloc(b->scratch, sizeof(*place));
    *place = b->streams->nelts;
    APR_ARRAY_PUSH(b->streams, jo_event_stream) =
        (jo_event_stream){apr_pstrdup(b->cx->pool, e->scheme), apr_pstrdup(b->cx->pool, e->value)};
    apr_hash_set(b->stream_of, w.data, (apr_ssize_t)w.len, place);
    return (uint32_t)*place;
}

static void keep(jo_events_builder *b, const jo_event_found *e)
{
    entry *x = apr_array_push(b->list);
    size_t len = b->key.len;

    *x = (entry){.event = {.time = e->time,
                           .duration = e->duration,
                           .id = e->id,
                           .stream = find_stream(b, e),
                           .len = (uint32_t)e->len,
                           .payload = e->len ? apr_pmemdup(b->cx->pool, e->payload, e->len) : NULL},
                 .n = (uint32_t)b->list->nelts};
    apr_hash_set(b->seen, apr_pmemdup(b->scratch, b->key.data, len), (apr_ssize_t)len,
                 apr_pmemdup(b->scratch, &e->time, sizeof(e->time)));
}

void jo_events_add(jo_events_builder *b, const jo_event_found *e)
{
    size_t most = b->cx->limits->events_size;
    size_t texts = strlen(e->scheme) + strlen(e->value) + 2;

    if (e->time > FAR || e->time < -FAR) {
        return;
    }
    if (e->len > most || texts > most) {
        b->left_out++;
        return;
    }
    begin(b);
    if (repeats(b, e)) {
        return;
    }
    if (b->size + COST + texts + e->len > most) {
        b->left_out++;
        return;
    }
    b->size += COST + texts + e->len;
    keep(b, e);
}

void jo_events_leave_out(jo_events_builder *b)
{
    b->left_out++;
}

void jo_events_add_from(jo_events_builder *b, const jo_events *e, uint32_t i, int64_t time)
{
    const jo_event *x = &e->all.at[i];

    jo_events_add(b, &(jo_event_found){.time = time,
                                       .duration = x->duration,
                                       .id = x->id,
                                       .scheme = e->streams[x->stream].scheme,
                                       .value = e->streams[x->stream].value,
                                       .payload = x->payload,
                                       .len = x->len});
}

/* -- the result -------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    return x->event.time != y->event.time ? (x->event.time > y->event.time ? 1 : -1)
                                          : (x->n > y->n) - (x->n < y->n);
}

static int by_id(const void *a, const void *b)
{
    const jo_event *x = *(jo_event *const *)a, *y = *(jo_event *const *)b;

    return x->stream != y->stream ? (x->stream > y->stream ? 1 : -1)
                                  : (x->id > y->id) - (x->id < y->id);
}

/* Players take what has the id of an event before for that event (23009-1 5.10.3.3.4). */
static void number(jo_events_builder *b, jo_event *list, uint32_t count)
{
    size_t streams = (size_t)b->streams->nelts;
    uint32_t *next = apr_pcalloc(b->scratch, sizeof(*next) * streams); /* 0: ids stay */
    jo_event **sorted = apr_palloc(b->scratch, sizeof(*sorted) * count);

    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &list[i];
    }
    qsort(sorted, count, sizeof(*sorted), by_id);
    for (uint32_t i = 1; i < count; i++) {
        if (by_id(&sorted[i - 1], &sorted[i]) == 0) {
            next[sorted[i]->stream] = 1;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (next[list[i].stream] > 0) {
            list[i].id = next[list[i].stream]++;
        }
    }
}

/* The second is what it was called before; files have it. */
static bool is_id3(const jo_event *e, const jo_event_stream *s)
{
    return (jo_text_same(s->scheme, JO_ID3_SCHEME) ||
            jo_text_same(s->scheme, "https://developer.apple.com/streaming/emsg-id3")) &&
           e->len >= 10 && !memcmp(e->payload, "ID3", 3);
}

static jo_event_list only_id3(jo_ctx *cx, const jo_event *all, uint32_t count,
                              const jo_event_stream *streams)
{
    jo_event *list = apr_palloc(cx->pool, sizeof(*list) * count);
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (is_id3(&all[i], &streams[all[i].stream])) {
            list[n++] = all[i];
        }
    }
    return (jo_event_list){list, n};
}

static const jo_events *make(jo_events_builder *b, bool unique)
{
    jo_ctx *cx = b->cx;
    uint32_t count = (uint32_t)b->list->nelts, streams = (uint32_t)b->streams->nelts;
    jo_events *out = apr_palloc(cx->pool, sizeof(*out));
    entry *found = (entry *)b->list->elts;
    jo_event *list = apr_palloc(cx->pool, sizeof(*list) * count);

    qsort(found, count, sizeof(*found), by_time);
    for (uint32_t i = 0; i < count; i++) {
        list[i] = found[i].event;
    }
    if (unique) {
        number(b, list, count);
    }
    out->streams = apr_pmemdup(cx->pool, b->streams->elts, sizeof(*out->streams) * streams);
    out->nstreams = streams;
    out->all = (jo_event_list){list, count};
    out->id3 = only_id3(cx, list, count, out->streams);
    return out;
}

const jo_events *jo_events_finish(jo_events_builder *b, bool unique)
{
    const jo_events *out = NULL;

    if (b->left_out > 0 && b->cx->limits->events_size > 0) {
        jo_log_write(b->cx, JO_LOG_WARNING,
                     "%s: %u event messages are left out: only %zu bytes of them are kept", b->name,
                     b->left_out, b->cx->limits->events_size);
    }
    if (b->scratch != NULL) {
        out = b->list->nelts > 0 ? make(b, unique) : NULL;
        apr_pool_destroy(b->scratch);
        b->scratch = NULL;
    }
    return out;
}

void jo_events_hash(const jo_events *e, jo_sha256 *h)
{
    for (uint32_t i = 0; e != NULL && i < e->all.count; i++) {
        const jo_event *x = &e->all.at[i];
        jo_sha256_add_int(h, x->time);
        jo_sha256_add_int(h, x->duration);
        jo_sha256_add_int(h, x->id);
        jo_sha256_add_str(h, e->streams[x->stream].scheme);
        jo_sha256_add_str(h, e->streams[x->stream].value);
        jo_sha256_add_int(h, x->len);
        jo_sha256_add(h, x->payload, x->len);
    }
}

size_t jo_events_memory(const jo_events *e)
{
    size_t n = e != NULL ? sizeof(*e) : 0;

    for (uint32_t i = 0; e != NULL && i < e->all.count; i++) {
        n += 2 * sizeof(jo_event) + e->all.at[i].len;
    }
    for (uint32_t i = 0; e != NULL && i < e->nstreams; i++) {
        n += sizeof(jo_event_stream) + strlen(e->streams[i].scheme) + strlen(e->streams[i].value);
    }
    return n;
}
