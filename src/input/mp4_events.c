/* Event messages in files: emsg boxes between fragments (23009-1 5.10.3.3), tracks of them (23001-18) and tracks of ID3
 * tags (DASH-IF Live Media Ingest, "Requirements for Timed Metadata"). */
#include "../base/log.h"
#include "../base/status.h"
#include "../base/ticks.h"
#include "mp4_tracks.h"

#include <apr_strings.h>
#include <string.h>

#define NS           1000000000
#define UNKNOWN      0xffffffffu /* duration */
#define ENTRY_HEADER 16          /* bytes of a sample entry before its boxes */
#define LEAST_SAMPLE 16          /* bytes that a sample of an event track counts for */
#define MOST_REPEATS 16          /* tracks of events say each again while it lasts */

const jo_codec jo_mp4_event_codec = {.name = "event messages", .kind = JO_META};

/* An event of a file that is not as it should be. */
static void complain(jo_mp4_file *f, const char *what)
{
    if (!f->odd_events) {
        jo_log_write(f->cx, JO_LOG_WARNING, "%s: an event message is left out: %s", f->source->name,
                     what);
    }
    f->odd_events = true;
}

static int64_t to_ns(int64_t ticks, uint32_t timescale)
{
    return jo_ticks_round(ticks, timescale, NS);
}

int64_t jo_mp4_edited(const jo_track *t, int64_t pts)
{
    return jo_ticks_add(to_ns(jo_ticks_sub(pts, t->edit.media_time), t->timescale),
                        to_ns(t->edit.empty, t->timescale));
}

/* A string that ends with a NUL, in place. */
static const char *read_string(jo_reader *r)
{
    const uint8_t *nul = r->failed ? NULL : memchr(r->at, 0, jo_reader_left(r));
    const char *s = nul != NULL ? (const char *)r->at : "";

    jo_read_skip(r, nul != NULL ? (size_t)(nul - r->at) + 1 : jo_reader_left(r) + 1);
    return s;
}

/* No scheme is anything but printable ASCII: a URI. */
static bool is_scheme(const char *s)
{
    const char *c = s;

    while (*c > ' ' && *c <= '~') {
        c++;
    }
    return c > s && *c == '\0';
}

static bool is_value(const char *s)
{
    while ((unsigned char)*s >= ' ' && *s != 0x7f) {
        s++;
    }
    return *s == '\0';
}

static bool check(jo_mp4_file *f, const jo_reader *r, const jo_event_found *e)
{
    if (r->failed) {
        complain(f, "its box is cut short");
        return false;
    }
    if (!is_scheme(e->scheme) || !is_value(e->value)) {
        complain(f, "its scheme or value is no text");
        return false;
    }
    return true;
}

/* From the scheme on; the payload is the rest. */
static void read_texts(jo_reader *r, jo_event_found *e)
{
    e->scheme = read_string(r);
    e->value = read_string(r);
}

static void read_payload(jo_reader *r, jo_event_found *e)
{
    e->len = jo_reader_left(r);
    e->payload = r->at;
}

static int64_t read_duration(jo_reader *r, uint32_t timescale)
{
    uint32_t ticks = jo_read_u32(r);
    return ticks == UNKNOWN ? -1 : to_ns(ticks, timescale);
}

/* -- emsg ------------------------------------------------------------------------------------------------------ */

/* False: left out. Times of version 0 count from the fragment that follows. */
static bool parse_emsg(jo_mp4_file *f, jo_reader r, jo_event_found *e, bool *relative)
{
    uint32_t flags, timescale;
    uint8_t version = jo_box_version(&r, &flags);

    *relative = version == 0;
    if (version > 1) {
        complain(f, "its version is not known");
        return false;
    }
    if (version == 0) {
        read_texts(&r, e);
    }
    timescale = jo_read_u32(&r);
    uint64_t time = version == 0 ? jo_read_u32(&r) : jo_read_u64(&r);
    if (!r.failed && timescale == 0) {
        complain(f, "its timescale is 0");
        return false;
    }
    timescale += timescale == 0;
    e->time = to_ns(time > INT64_MAX ? INT64_MAX : (int64_t)time, timescale);
    e->duration = read_duration(&r, timescale);
    e->id = jo_read_u32(&r);
    if (version == 1) {
        read_texts(&r, e);
    }
    read_payload(&r, e);
    return check(f, &r, e);
}

/* Keeps an event until its fragment comes. */
static void wait_for_fragment(jo_mp4_file *f, const jo_event_found *e)
{
    apr_pool_t *pool = f->scratch->pool;
    size_t size = sizeof(*e) + strlen(e->scheme) + strlen(e->value) + e->len;

    if (f->early == NULL) {
        f->early = apr_array_make(pool, 4, sizeof(jo_event_found));
        f->early_size = 0;
    }
    f->early_size += size;
    if (f->early_size > f->cx->limits->events_size) {
        jo_events_leave_out(f->events);
        return;
    }
    jo_event_found *kept = apr_array_push(f->early);
    *kept = *e;
    kept->scheme = apr_pstrdup(pool, e->scheme);
    kept->value = apr_pstrdup(pool, e->value);
    kept->payload = e->len ? apr_pmemdup(pool, e->payload, e->len) : NULL;
}

void jo_mp4_place_events(jo_mp4_file *f, int64_t earliest)
{
    for (int i = 0; f->early != NULL && i < f->early->nelts; i++) {
        jo_event_found *e = &APR_ARRAY_IDX(f->early, i, jo_event_found);
        e->time = jo_ticks_add(e->time, earliest);
        jo_events_add(f->events, e);
    }
    f->early = NULL;
}

/* One that is larger than all events may be is not even read. */
static bool too_large(const jo_mp4_file *f, int64_t size)
{
    const jo_limits *limits = f->cx->limits;

    return (uint64_t)size > limits->events_size || (uint64_t)size > limits->moov_size;
}

apr_status_t jo_mp4_read_emsg(jo_mp4_file *f, const jo_top_box *box)
{
    apr_pool_t *outer = f->scratch->pool, *pool;
    jo_event_found e;
    jo_reader r;
    bool relative;

    if (box->cut || too_large(f, box->size - box->header)) {
        jo_events_leave_out(f->events);
        return APR_SUCCESS;
    }
    apr_pool_create(&pool, outer);
    f->scratch->pool = pool;
    apr_status_t rv = jo_top_box_load(f->scratch, f->source, box, &r);
    f->scratch->pool = outer;
    if (rv != APR_SUCCESS) {
        rv = jo_fail(f->cx, rv, "%s", f->scratch->message);
    } else if (parse_emsg(f, r, &e, &relative)) {
        if (relative) {
            wait_for_fragment(f, &e);
        } else {
            jo_events_add(f->events, &e);
        }
    }
    apr_pool_destroy(pool);
    return rv;
}

/* -- tracks ---------------------------------------------------------------------------------------------------- */

/* 14496-12 12.3.3: the scheme of what samples hold */
static const char *read_uri(const uint8_t *entry, size_t len)
{
    jo_reader r, body;
    uint32_t flags;

    if (len < ENTRY_HEADER) {
        return "";
    }
    jo_reader_init(&r, entry + ENTRY_HEADER, len - ENTRY_HEADER);
    if (!jo_box_find(r, JO_FOURCC('u', 'r', 'i', ' '), &body)) {
        return "";
    }
    jo_box_version(&body, &flags);
    return read_string(&body);
}

/* The URI is that of event messages, or of those who made ID3. */
static bool is_id3_uri(const char *uri)
{
    return !strcmp(uri, JO_ID3_SCHEME) || !strcmp(uri, "http://www.id3.org") ||
           !strcmp(uri, "http://www.id3.org/");
}

static bool is_event_entry(const uint8_t *entry, size_t len)
{
    uint32_t type = jo_get_u32(entry + 4);

    return type == JO_FOURCC('e', 'v', 't', 'e') ||
           (type == JO_FOURCC('u', 'r', 'i', 'm') && is_id3_uri(read_uri(entry, len)));
}

bool jo_mp4_holds_events(jo_reader stbl)
{
    jo_reader r;

    if (!jo_box_find(stbl, JO_FOURCC('s', 't', 's', 'd'), &r)) {
        return false;
    }
    jo_read_skip(&r, 8);
    uint32_t size = jo_reader_left(&r) >= ENTRY_HEADER ? jo_get_u32(r.at) : 0;
    return size >= ENTRY_HEADER && size <= jo_reader_left(&r) && is_event_entry(r.at, size);
}

/* A sample of an event message track: the events that are active, each in an emib (23001-18 6.1). */
static void read_instances(jo_mp4_file *f, const jo_track *t, jo_reader r, int64_t pts)
{
    jo_box box;
    uint32_t flags;

    while (jo_box_next(&r, &box)) {
        jo_reader b = box.body;
        jo_event_found e;
        if (box.type != JO_FOURCC('e', 'm', 'i', 'b')) {
            continue;
        }
        jo_box_version(&b, &flags);
        jo_read_skip(&b, 4);
        e.time = jo_mp4_edited(t, jo_ticks_add(pts, jo_read_i64(&b)));
        e.duration = read_duration(&b, t->timescale);
        e.id = jo_read_u32(&b);
        read_texts(&b, &e);
        read_payload(&b, &e);
        if (check(f, &b, &e)) {
            jo_events_add(f->events, &e);
        }
    }
}

/* A sample that is one tag; an empty one says that there is none. No duration: that is not known yet. */
static void read_tag(jo_mp4_file *f, const jo_track *t, jo_reader r, const jo_sample *s, uint32_t n)
{
    jo_event_found e = {.time = jo_mp4_edited(t, jo_ticks_add(s->dts, s->cts)),
                        .duration = s->duration > 0 ? to_ns(s->duration, t->timescale) : -1,
                        .id = n,
                        .scheme = JO_ID3_SCHEME,
                        .value = ""};

    read_payload(&r, &e);
    if (e.len >= 3 && !memcmp(e.payload, "ID3", 3)) {
        jo_events_add(f->events, &e);
    } else if (e.len > 0) {
        complain(f, "it is no ID3 tag");
    }
}

static apr_status_t read_sample(jo_mp4_file *f, const jo_mp4_track *mt, const jo_sample *s,
                                uint32_t n)
{
    const jo_run *run = &APR_ARRAY_IDX(mt->runs, 0, jo_run);
    apr_pool_t *pool;
    jo_reader r;

    for (int i = 1; i < mt->runs->nelts && run[1].sample <= n; i++) {
        run++;
    }
    apr_pool_create(&pool, f->scratch->pool);
    uint8_t *buf = apr_palloc(pool, (size_t)s->size + 1);
    apr_status_t rv = jo_source_read(f->cx, f->files[run->source], s->offset, s->size, buf);
    const uint8_t *entry = mt->entries[run->variant].data;
    if (rv == APR_SUCCESS && is_event_entry(entry, mt->entries[run->variant].len)) {
        jo_reader_init(&r, buf, s->size);
        if (jo_get_u32(entry + 4) == JO_FOURCC('e', 'v', 't', 'e')) {
            read_instances(f, mt->track, r, jo_ticks_add(s->dts, s->cts));
        } else {
            read_tag(f, mt->track, r, s, n + 1);
        }
    }
    apr_pool_destroy(pool);
    return rv;
}

apr_status_t jo_mp4_read_event_track(jo_mp4_file *f, const jo_mp4_track *mt)
{
    uint64_t most = (uint64_t)f->cx->limits->events_size * MOST_REPEATS, read = 0;
    jo_cursor c;
    jo_sample s;

    if (mt->track->codec == NULL) {
        complain(f, mt->track->why);
        return APR_SUCCESS;
    }
    jo_cursor_init(&c, mt->track->index, 0);
    for (uint32_t n = 0; jo_cursor_next(&c, &s); n++) {
        read += s.size + LEAST_SAMPLE;
        if (read > most) {
            jo_events_leave_out(f->events);
            return APR_SUCCESS;
        }
        if (read_sample(f, mt, &s, n) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    return APR_SUCCESS;
}
