/* Event messages: emsg boxes and tracks of events in sources, their place on the wire, in segments and in the MPD. */
#include "../../src/base/log.h"
#include "../../src/base/status.h"
#include "../../src/input/mp4_box.h"
#include "../../src/media/codec.h"
#include "../../src/origin.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define NS  1000000000LL
#define MS  1000000LL
#define ID3 JO_ID3_SCHEME
#define TAG "ID3\x04\0\0\0\0\0\0" /* 10 bytes: an empty tag */

static apr_pool_t *pool;
static jo_ctx cx;
static jo_limits limits;
static int warnings;
static size_t kept; /* bytes of the title */
static char last_warning[256];

static void count_warning(void *baton, jo_log_level level, const char *line)
{
    *(int *)baton += level == JO_LOG_WARNING;
    if (level == JO_LOG_WARNING)
        snprintf(last_warning, sizeof last_warning, "%s", line);
}

static const jo_log counting = {count_warning, &warnings};

typedef struct message {
    unsigned fragment; /* that it stands before, or whose sample holds it */
    unsigned version;
    uint32_t timescale;
    uint64_t time; /* or delta */
    uint32_t duration, id;
    const char *scheme, *value;
    const char *payload;
    size_t len;
} message;

/* A fragmented file: 4 fragments of 25 samples of 10 bytes. */
typedef struct film {
    const char *path;
    char kind;           /* of write_stsd() */
    uint32_t timescale;  /* 0: 25; a sample lasts a 25th of a second */
    uint32_t media_time; /* of the edit list, track ticks */
    uint32_t empty;      /* ms */
    const message *messages;
    size_t n;
    const char *meta; /* a second track: "evte" or the URI of 'urim' */
    const void *tail; /* after the emsg boxes of fragment 1 */
    size_t tail_len;
} film;

static void write_edits(jo_writer *w, const film *m)
{
    size_t edts = open_box(w, "edts"), elst = open_full(w, "elst", 0, 0);

    jo_write_u32(w, m->empty ? 2 : 1);
    if (m->empty) {
        jo_write_u32(w, m->empty);
        jo_write_u32(w, 0xffffffff);
        jo_write_u32(w, 0x10000);
    }
    jo_write_u32(w, 0);
    jo_write_u32(w, m->media_time);
    jo_write_u32(w, 0x10000);
    close_box(w, elst);
    close_box(w, edts);
}

static void write_empty_tables(jo_writer *w)
{
    TABLE(w, "stts", 2);
    TABLE(w, "stsc", 3);
    TABLE(w, "stco", 1);
    size_t at = open_full(w, "stsz", 0, 0);
    jo_write_zeros(w, 8);
    close_box(w, at);
}

static void write_meta_entry(jo_writer *w, const char *meta)
{
    size_t at = open_full(w, "stsd", 0, 0), entry, uri;

    jo_write_u32(w, 1);
    entry = open_box(w, strcmp(meta, "evte") ? "urim" : "evte");
    jo_write_zeros(w, 6);
    jo_write_u16(w, 1);
    if (strcmp(meta, "evte")) {
        uri = open_full(w, "uri ", 0, 0);
        jo_write_bytes(w, meta, strlen(meta) + 1);
        close_box(w, uri);
    }
    close_box(w, entry);
    close_box(w, at);
}

static void write_trak(jo_writer *w, const film *m, uint32_t id)
{
    size_t trak = open_box(w, "trak"), media[3];

    write_tkhd(w, id);
    if (m->media_time || m->empty)
        write_edits(w, m);
    open_media(w, m->timescale, id == 2 ? "meta" : m->kind == 'a' ? "soun" : "vide", 0x55c4, media);
    if (id == 2)
        write_meta_entry(w, m->meta);
    else
        write_stsd(w, m->kind);
    write_empty_tables(w);
    close_media(w, media);
    close_box(w, trak);
}

static void write_moov(jo_writer *w, const film *m)
{
    size_t moov = open_box(w, "moov"), mvex;

    write_mvhd(w, 1000);
    for (uint32_t id = 1; id <= (m->meta ? 2 : 1); id++)
        write_trak(w, m, id);
    mvex = open_box(w, "mvex");
    for (uint32_t id = 1; id <= (m->meta ? 2 : 1); id++) {
        size_t trex = open_full(w, "trex", 0, 0);
        for (int i = 0; i < 5; i++)
            jo_write_u32(w, (const uint32_t[]){id, 1, m->timescale / 25, 10, 0x10000}[i]);
        close_box(w, trex);
    }
    close_box(w, mvex);
    close_box(w, moov);
}

static void write_texts(jo_writer *w, const message *e)
{
    jo_write_bytes(w, e->scheme, strlen(e->scheme) + 1);
    jo_write_bytes(w, e->value, strlen(e->value) + 1);
}

static void write_emsg(jo_writer *w, const message *e)
{
    size_t at = open_full(w, "emsg", e->version, 0);

    if (e->version == 0)
        write_texts(w, e);
    jo_write_u32(w, e->timescale);
    if (e->version == 0)
        jo_write_u32(w, (uint32_t)e->time);
    else
        jo_write_u64(w, e->time);
    jo_write_u32(w, e->duration);
    jo_write_u32(w, e->id);
    if (e->version != 0)
        write_texts(w, e);
    jo_write_bytes(w, e->payload, e->len);
    close_box(w, at);
}

/* A sample of the second track: 23001-18 6.1, or a tag. */
static void write_instances(jo_writer *w, const film *m, unsigned fragment)
{
    for (size_t i = 0; i < m->n; i++) {
        const message *e = &m->messages[i];
        if (e->fragment != fragment)
            continue;
        if (strcmp(m->meta, "evte")) {
            jo_write_bytes(w, e->payload, e->len);
            continue;
        }
        size_t at = open_full(w, "emib", 0, 0);
        jo_write_u32(w, 0);
        jo_write_u64(w, e->time);
        jo_write_u32(w, e->duration);
        jo_write_u32(w, e->id);
        write_texts(w, e);
        jo_write_bytes(w, e->payload, e->len);
        close_box(w, at);
    }
    if (!strcmp(m->meta, "evte")) {
        size_t at = open_box(w, "emeb");
        close_box(w, at);
    }
}

/* A traf; gives where its data offset is to be written. */
static size_t write_traf(jo_writer *w, const film *m, uint32_t id, unsigned fragment, uint32_t len)
{
    size_t traf = open_box(w, "traf"), at = open_full(w, "tfhd", 0, 0x20000), offset;

    jo_write_u32(w, id);
    close_box(w, at);
    at = open_full(w, "tfdt", 1, 0);
    jo_write_u64(w, (uint64_t)fragment * m->timescale);
    close_box(w, at);
    at = open_full(w, "trun", 0, id == 1 ? 5 : 0x301);
    jo_write_u32(w, id == 1 ? 25 : 1);
    offset = w->len;
    jo_write_u32(w, 0);
    if (id == 1) {
        jo_write_u32(w, 0x2000000);
    } else {
        jo_write_u32(w, m->timescale);
        jo_write_u32(w, len);
    }
    close_box(w, at);
    close_box(w, traf);
    return offset;
}

static void write_fragment(jo_writer *w, const film *m, unsigned fragment)
{
    jo_writer meta;

    jo_writer_init(&meta, pool, 64);
    for (size_t i = 0; i < m->n && !m->meta; i++)
        if (m->messages[i].fragment == fragment)
            write_emsg(w, &m->messages[i]);
    if (fragment == 1)
        jo_write_bytes(w, m->tail, m->tail_len);
    if (m->meta)
        write_instances(&meta, m, fragment);
    size_t moof = open_box(w, "moof");
    size_t first = write_traf(w, m, 1, fragment, 0);
    size_t second = m->meta ? write_traf(w, m, 2, fragment, (uint32_t)meta.len) : 0;
    close_box(w, moof);
    jo_put_u32(w->data + first, (uint32_t)(w->len - moof + 8));
    if (second)
        jo_put_u32(w->data + second, (uint32_t)(w->len - moof + 8 + 250));
    size_t mdat = open_box(w, "mdat");
    jo_write_zeros(w, 250);
    jo_write_bytes(w, meta.data, meta.len);
    close_box(w, mdat);
}

static apr_status_t free_bytes(void *data)
{
    free(data);
    return APR_SUCCESS;
}

static void add_film(jo_opener *mem, film m)
{
    jo_writer w;

    m.kind = m.kind ? m.kind : 'v';
    m.timescale = m.timescale ? m.timescale : 25;
    jo_writer_init(&w, pool, 4096);
    write_ftyp(&w);
    write_moov(&w, &m);
    for (unsigned i = 0; i < 4; i++)
        write_fragment(&w, &m, i);
    void *bytes = exact(w.data, w.len);
    apr_pool_cleanup_register(pool, bytes, free_bytes, apr_pool_cleanup_null);
    jo_source_mem_add(mem, m.path, bytes, w.len);
}

static void begin(jo_opener *mem)
{
    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    cx.log = &counting;
    cx.limits = &limits;
    warnings = 0;
}

/* Events of a title of one or two files; NULL: none, or it does not load. */
static const jo_events *load(film a, const film *b)
{
    jo_opener *mem = jo_source_mem_opener(pool);
    const char *text;
    jo_title *t;

    kept = 0;
    a.path = "/t/a.mp4";
    add_film(mem, a);
    if (b) {
        film other = *b;
        other.path = "/t/b.mp4";
        add_film(mem, other);
    }
    text = apr_psprintf(pool, "<smil><body><switch><video src=\"a.mp4\"/>%s</switch></body></smil>",
                        b ? "<video src=\"b.mp4\"/>" : "");
    jo_source_mem_add(mem, "/t/k.ism", text, strlen(text));
    begin(mem);
    if (jo_title_make(&cx, "/t/k.ism", 0, &t) != APR_SUCCESS) {
        printf("# %s\n", cx.message);
        return NULL;
    }
    kept = jo_title_memory(t);
    return t->presentation->periods[0].events;
}

static const jo_events *load_messages(const message *list, size_t n)
{
    return load((film){.messages = list, .n = n}, NULL);
}
#define LOAD(...)                                 \
    load_messages((const message[]){__VA_ARGS__}, \
                  sizeof((const message[]){__VA_ARGS__}) / sizeof(message))

/* "time/id …" in ms */
static const char *times(const jo_events *e)
{
    const char *all = "";

    for (uint32_t i = 0; e && i < e->all.count; i++)
        all = apr_psprintf(pool, "%s%s%.9g/%u", all, i ? " " : "", (double)e->all.at[i].time / MS,
                           e->all.at[i].id);
    return all;
}

#define M(f, v, ts, t, i)                                   \
    {                                                       \
        f, v, ts, t, 0xffffffff, i, "urn:x", "1", "data", 4 \
    }

static void test_times(void)
{
    const message both[] = {M(2, 1, 1000, 40, 1), M(0, 0, 1000, 500, 2), M(2, 0, 1000, 500, 3)};
    const jo_events *e;

    is_str(times(LOAD(M(0, 1, 1000, 1234, 7), M(2, 0, 90000, 9000, 8))), "1234/7 2100/8",
           "version 1 says when, version 0 how long after its fragment's start");
    is_str(times(load((film){.messages = both, .n = 3, .media_time = 2}, NULL)),
           "120/1 580/2 2500/3",
           "an edit list: the time line begins where it says, and what was kept before it is P");
    is_str(times(load((film){.messages = both, .n = 3, .empty = 1000}, NULL)), "500/2 2500/3",
           "the silence that all tracks begin with is not on the wire");
    e = LOAD(M(0, 1, 44100, 44101, 1), M(0, 1, 1, 2, 2), M(0, 1, 0xffffffff, 0xffffffff, 3));
    ok(e && e->all.count == 3 && e->all.at[1].time == 1000022676 && e->all.at[2].time == 2 * NS,
       "any timescale");
    e = LOAD(M(0, 1, 1000, 4000, 1), M(0, 1, 1000, 4001, 2), M(0, 1, 1, UINT64_MAX, 3),
             M(3, 0, 1, 0xffffffff, 4));
    is_str(times(e), "4000/1", "nothing after the end");
    e = LOAD({1, 1, 90000, 90000, 45000, 1, "urn:x", "1", "", 0}, M(1, 1, 1000, 1500, 2));
    ok(e && e->all.at[0].duration == NS / 2 && e->all.at[0].len == 0 && e->all.at[1].duration == -1,
       "durations, known or not; no payload");
    is_int(warnings, 0, "  no warning");
}

static void test_ticks(void)
{
    static const uint32_t scales[] = {1,     25,    1000,   12800,    24000,    30000,
                                      44100, 90000, 240000, 10000000, 100000000};
    bool good = true;

    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        for (int64_t n = 1; n < INT64_C(1) << 40; n = n * 3 + 1) {
            jo_event e = {.time = jo_ticks_round(n, scales[i], NS)};
            good &= e.time >= NS * 1000000 || jo_event_ticks(&e, scales[i]) == n;
        }
    ok(good, "ticks come back from ns");
}

static void test_repetitions(void)
{
    const message m[] = {M(0, 1, 1000, 500, 1), M(1, 1, 1000, 500, 1), M(1, 1, 90000, 50400, 1),
                         M(2, 1, 1000, 500, 2)};
    const film other = {.messages = m, .n = 4, .kind = 'v', .timescale = 90000};

    is_str(times(LOAD(m[0], m[1], m[2], m[3])), "500/1 500/2",
           "repeated by later fragments, about then; another id is another event");
    is_str(times(load((film){.messages = m, .n = 4}, &other)), "500/1 500/2", "  and by files");
    is_str(times(LOAD(M(0, 1, 1000, 500, 7), M(0, 1, 1000, 600, 7), M(0, 1, 1000, 100, 9))),
           "100/1 500/2 600/3", "different ones of one id: numbered anew, by time");
    const jo_events *e = LOAD(m[0], {0, 1, 1000, 500, 0, 1, "urn:x", "2", "data", 4},
                              {0, 1, 1000, 500, 0, 1, "urn:y", "1", "data", 4},
                              {0, 1, 1000, 500, 0, 1, "urn:x", "1", "dat", 3});
    ok(e && e->all.count == 4 && e->nstreams == 3, "scheme, value and payload tell events apart");
    ok(e && e->all.at[0].id == 1 && e->all.at[1].id == 1 && e->all.at[3].id == 2,
       "  ids count in their stream");
}

static void test_id3(void)
{
    const jo_events *e =
        LOAD({2, 1, 1000, 2500, 0, 1, ID3, "", TAG, 10},
             {0, 1, 1000, 1, 0, 2, ID3, "", "XD3456789x", 10},
             {0, 1, 1000, 2, 0, 3, ID3, "", TAG, 9}, M(0, 1, 1000, 3, 4),
             {0, 1, 1000, 700, 0, 5, "https://developer.apple.com/streaming/emsg-id3", "", TAG, 10},
             {0, 1, 1000, 4, 0, 6, "urn:scte:scte35:2013:bin", "1001", TAG, 10});
    const jo_event *first;

    ok(e && e->all.count == 6 && e->id3.count == 2, "which of them are ID3");
    ok(e && e->id3.at[0].time == 700 * MS && !memcmp(e->id3.at[1].payload, TAG, 10), "  in order");
    is_int(jo_events_in(&e->id3, 0, 2500, 1000, &first), 1, "of a range");
    ok(first->id == 5, "  that one");
    is_int(jo_events_in(&e->id3, 2500, 2501, 1000, &first), 1, "its begin is in it");
    ok(first->id == 1, "  that one");
    is_int(jo_events_in(&e->id3, 2501, 9999, 1000, &first), 0, "beyond");
    is_int(jo_events_in(&e->id3, 3000, 100, 1000, &first), 0, "no range");
}

static void test_damage(void)
{
    static const char cut[] = "\0\0\0\x12"
                              "emsg\1\0\0\0abcdef";
    static const char open_text[] = "\0\0\0\x10"
                                    "emsg\0\0\0\0abcd";
    const message good = M(0, 1, 1000, 500, 1);
    const jo_events *e;

    e = load((film){.messages = &good, .n = 1, .tail = cut, .tail_len = 18}, NULL);
    ok(e && e->all.count == 1 && warnings == 1 && strstr(last_warning, "cut short"), "a box cut");
    e = load((film){.messages = &good, .n = 1, .tail = open_text, .tail_len = 16}, NULL);
    ok(e && e->all.count == 1 && warnings == 1, "a text without end");
    e = LOAD(good, M(0, 2, 1000, 600, 1), M(0, 1, 0, 600, 1), {0, 1, 1, 1, 0, 1, "", "", "", 0},
             {0, 1, 1, 1, 0, 1, "urn x", "", "", 0}, {0, 1, 1, 1, 0, 1, "urn:x", "\x01", "", 0});
    ok(e && e->all.count == 1, "version 2, no timescale, no scheme, no text");
    is_int(warnings, 1, "  are left out with one warning");
}

static void test_limits(void)
{
    message many[64];
    const jo_events *e;

    for (unsigned i = 0; i < 64; i++)
        many[i] = (message){i % 4, i % 2, 1000, i * 10, 0, i, "urn:x", "1", "data", 4};
    limits.events_size = 10 * (64 + 8 + 4);
    e = load_messages(many, 64);
    ok(e && e->all.count == 10, "ten of 64 are kept");
    ok(warnings >= 1 && strstr(last_warning, "left out: only 760 bytes"), "  and the log says so");
    limits.events_size = 0;
    ok(load_messages(many, 64) == NULL && warnings == 0 && cx.code == APR_SUCCESS,
       "none, if asked");
    size_t without = kept;
    limits = jo_limits_default;
    e = load_messages(many, 64);
    ok(e && e->all.count == 64 && warnings == 0, "all within a megabyte");
    ok(kept > without + 128 * sizeof(jo_event), "the title's memory counts them");
    ok(jo_events_memory(e) > 64 * sizeof(jo_event) && jo_events_memory(NULL) == 0,
       "memory counted");
}

static void test_tracks(void)
{
    const message in[] = {M(1, 0, 0, 5, 1), M(2, 0, 0, (uint64_t)-20, 1), M(2, 0, 0, 10, 2)};
    const message tags[] = {{1, 0, 0, 0, 0, 0, "", "", TAG, 10},
                            {3, 0, 0, 0, 0, 0, "", "", TAG, 10}};
    const jo_events *e;

    is_str(times(load((film){.meta = "evte", .messages = in, .n = 3}, NULL)), "1200/1 2400/2",
           "a track of events says each while it lasts");
    e = load((film){.meta = ID3, .messages = tags, .n = 2, .media_time = 5}, NULL);
    is_str(times(e), "1000/2 3000/4", "a track of ID3 tags");
    ok(e && e->id3.count == 2 && e->id3.at[0].duration == NS, "  are ID3, and last as its samples");
    e = load((film){.meta = "http://www.id3.org/", .messages = in, .n = 3}, NULL);
    ok(e == NULL && warnings == 1 && strstr(last_warning, "no ID3 tag"), "what is no tag is none");
    ok(load((film){.meta = "urn:other", .messages = tags, .n = 2}, NULL) == NULL &&
           cx.code == APR_SUCCESS,
       "other metadata is none");
}

/* -- what is made of them -------------------------------------------------------------------------------------- */

static jo_opener *served;

static const char *fetch_with(const jo_settings *settings, const char *vpath, const char *args,
                              size_t *len)
{
    jo_request rq = {.path = "/t/k.ism", .vpath = vpath, .args = args, .settings = settings};
    jo_reply rp = {.status = 0};

    begin(served);
    if (jo_origin_serve(&cx, &rq, &rp) != APR_SUCCESS) {
        printf("# %s: %s\n", vpath, cx.message);
        *len = 0;
        return "";
    }
    *len = (size_t)rp.body.length;
    char *text = apr_pcalloc(pool, *len + 1);
    jo_body_read(&cx, &rp.body, 0, *len, text);
    return text;
}

static const char *fetch(const char *vpath, size_t *len)
{
    static const jo_settings settings;
    return fetch_with(&settings, vpath, NULL, len);
}

/* Times of the emsg boxes between styp and the first moof; "!" where others are, or any that is not as it should be. */
static const char *emsgs(const char *vpath, const char *args, bool exact_clips)
{
    const jo_settings settings = {.exact_clips = exact_clips};
    const char *all = "";
    size_t len;
    jo_reader r;
    jo_box box;
    uint32_t flags;
    bool moof = false;

    const char *data = fetch_with(&settings, vpath, args, &len);
    jo_reader_init(&r, data, len);
    if (!jo_box_next(&r, &box) || box.type != JO_FOURCC('s', 't', 'y', 'p'))
        return "no styp";
    while (jo_box_next(&r, &box)) {
        moof |= box.type == JO_FOURCC('m', 'o', 'o', 'f');
        if (box.type != JO_FOURCC('e', 'm', 's', 'g'))
            continue;
        unsigned version = jo_box_version(&box.body, &flags);
        uint32_t timescale = jo_read_u32(&box.body);
        uint64_t time = jo_read_u64(&box.body);
        uint32_t duration = jo_read_u32(&box.body), id = jo_read_u32(&box.body);
        bool good = version == 1 && !moof && duration == 0xffffffff &&
                    !memcmp(box.body.at,
                            "urn:x\0"
                            "1\0data",
                            12) &&
                    jo_reader_left(&box.body) == 12;
        all = apr_psprintf(pool, "%s%s%u:%u/%u%s", all, *all ? " " : "", (unsigned)time, timescale,
                           id, good ? "" : "!");
    }
    return r.failed || !moof ? "damaged" : all;
}

static void serve(const film *a, const film *b, const char *elements)
{
    film m = *a;

    served = jo_source_mem_opener(pool);
    m.path = "/t/a.mp4";
    add_film(served, m);
    if (b) {
        m = *b;
        m.path = "/t/b.mp4";
        add_film(served, m);
    }
    const char *text =
        apr_psprintf(pool,
                     "<smil><head><meta name=\"hls_minimum_fragment_length\" content=\"1\"/>"
                     "<meta name=\"mpd_minimum_fragment_length\" content=\"1\"/></head>"
                     "<body><switch>%s</switch></body></smil>",
                     elements);
    jo_source_mem_add(served, "/t/k.ism", text, strlen(text));
}

static const message spread[] = {M(0, 1, 1000, 0, 1), M(0, 1, 1000, 960, 2), M(0, 1, 1000, 1000, 3),
                                 M(0, 1, 1000, 3500, 4), M(0, 1, 1000, 4000, 5)};

static void test_segments(void)
{
    const film video = {.messages = spread, .n = 5}, audio = {.kind = 'a', .timescale = 48000};
    const film plain = {.n = 0};
    size_t len, without, with;

    serve(&video, &audio,
          "<video src=\"a.mp4\" systemBitrate=\"1000\"/>"
          "<audio src=\"b.mp4\" systemBitrate=\"2000\"/>");
    is_str(emsgs("hls/k-video=1000-1.m4s", NULL, false), "0:25/1 24:25/2", "those of a segment");
    is_str(emsgs("hls/k-video=1000-2.m4s", NULL, false), "25:25/3", "  of the next");
    is_str(emsgs("hls/k-video=1000-3.m4s", NULL, false), "", "  of one without");
    is_str(emsgs("hls/k-video=1000-4.m4s", NULL, false), "88:25/4 100:25/5",
           "the last segment has what happens as it ends");
    is_str(emsgs("dash/k-video=1000-0.dash", NULL, false), "0:25/1 24:25/2", "DASH");
    is_str(emsgs("hls/k-audio=2000-1.m4s", NULL, false), "", "sound beside pictures has none");
    fetch("hls/k-video=1000-1.m4s", &with);
    fetch("hls/k-video=1000-3.m4s", &without);
    is_int((long long)(with - without), 2 * (12 + 20 + 8 + 4), "bytes of two events");
    const char *mpd = fetch(".mpd", &len);
    ok(strstr(mpd, apr_psprintf(pool, "bandwidth=\"%u\"", (unsigned)with * 8)) != NULL,
       "BANDWIDTH counts them");
    const char *declared = strstr(mpd, "<InbandEventStream schemeIdUri=\"urn:x\" value=\"1\"/>");
    ok(declared && !strstr(declared + 20, "InbandEventStream") &&
           declared < strstr(mpd, "<Role ") && strstr(mpd, "contentType=\"audio\"") > declared,
       "the MPD declares them where they are");
    ok(!strstr(fetch("Manifest", &len), "emsg") &&
           !memmem(fetch("QualityLevels(1000)/Fragments(video=0)", &len), len, "emsg", 4) &&
           len > 250,
       "Smooth has none");
    serve(&plain, NULL, "<video src=\"a.mp4\" systemBitrate=\"1000\"/>");
    is_str(emsgs("hls/k-video=1000-1.m4s", NULL, false), "", "a title without");
    ok(!strstr(fetch(".mpd", &len), "Inband"), "  nor in its MPD");
    serve(&audio, NULL, "<audio src=\"a.mp4\" systemBitrate=\"2000\"/>");
    is_str(emsgs("hls/k-audio=2000-1.m4s", NULL, false), "", "sound alone");
}

#define RUNG(rate)                                                             \
    "<video src=\"b.mp4\" systemBitrate=\"" rate "\"><param name=\"trackID\" " \
    "value=\"1\"/></video>"

static void test_carriers(void)
{
    const film audio = {
        .kind = 'a', .timescale = 48000, .messages = spread, .n = 5, .media_time = 1920};
    const film video = {.timescale = 90000, .media_time = 3600}, late = {.empty = 1000};

    serve(&audio, NULL, "<audio src=\"a.mp4\" systemBitrate=\"2000\"/>");
    is_str(emsgs("hls/k-audio=2000-1.m4s", NULL, false), "0:48000/1 46080:48000/2",
           "sound alone carries them; its priming is not counted");
    serve(&audio, &video,
          "<audio src=\"a.mp4\" systemBitrate=\"2000\"/>" RUNG("1000") RUNG("1500"));
    is_str(emsgs("hls/k-video=1000-1.m4s", NULL, false), "3600:90000/1",
           "pictures carry what the sound's file has, P later");
    is_str(emsgs("hls/k-video=1000-2.m4s", NULL, false), "90000:90000/2 93600:90000/3", "  and on");
    is_str(emsgs("hls/k-video_1=1500-2.m4s", NULL, false), "90000:90000/2 93600:90000/3",
           "all rungs");
    serve(&audio, &late,
          "<audio src=\"a.mp4\" systemBitrate=\"2000\"/>"
          "<video src=\"b.mp4\" systemBitrate=\"1000\"/>");
    is_str(emsgs("dash/k-video=1000-25.dash", NULL, false), "0:25/1 24:25/2 25:25/3",
           "pictures that start late have first what was before them");
}

static void test_clips(void)
{
    static const jo_settings exact_clips = {.exact_clips = true};
    const film video = {.messages = spread, .n = 5};
    size_t len;

    serve(&video, NULL, "<video src=\"a.mp4\" systemBitrate=\"1000\"/>");
    ok(!strstr(fetch_with(&exact_clips, ".mpd", "vbegin=2&vend=3", &len), "Inband") && len > 0,
       "a clip without events declares none");
    ok(strstr(fetch_with(&exact_clips, ".mpd", "vbegin=3&vend=3.6", &len), "Inband") != NULL,
       "one with some does");
    is_str(emsgs("clip-0-0.5/hls/k-video=1000-1.m4s", NULL, true), "0:25/1",
           "a segment that is cut anew has the events of what it shows");
    is_str(emsgs("clip-3-3.4/hls/k-video=1000-4.m4s", NULL, true), "", "  or none");
}

static void test_fingerprint(void)
{
    message m = spread[1];
    const film video = {.messages = &m, .n = 1};
    const char *tags[3];

    for (int i = 0; i < 3; i++) {
        jo_request rq = {.path = "/t/k.ism",
                         .vpath = "hls/k-video=1000-3.m4s",
                         .settings = &(const jo_settings){0}};
        jo_reply rp = {.status = 0};
        m.payload = i == 1 ? "dat4" : "data";
        serve(&video, NULL, "<video src=\"a.mp4\" systemBitrate=\"1000\"/>");
        begin(served);
        jo_origin_serve(&cx, &rq, &rp);
        tags[i] = rp.etag ? rp.etag : "";
    }
    ok(*tags[0] && strcmp(tags[0], tags[1]) && !strcmp(tags[0], tags[2]), "ETags know events");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    limits = jo_limits_default;
    test_times();
    test_ticks();
    test_repetitions();
    test_id3();
    test_damage();
    test_limits();
    test_tracks();
    test_segments();
    test_carriers();
    test_clips();
    test_fingerprint();
    apr_terminate();
    return tap_done();
}
