/* What files say of key frames, durations and edits beyond the usual boxes. */
#include "../../src/base/log.h"
#include "../../src/base/status.h"
#include "../../src/input/demux.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>

#define COUNT 8 /* samples of a film, 10 bytes each */

static apr_pool_t *pool;
static jo_ctx cx;
static jo_demuxed got;
static int warnings;

static void count_warning(void *baton, jo_log_level level, const char *line)
{
    (void)line;
    *(int *)baton += level == JO_LOG_WARNING;
}

static const jo_log counting = {count_warning, &warnings};

/* Numbers of a table, their count first. */
typedef const uint32_t *numbers;
#define N(...) ((const uint32_t[]){sizeof((const uint32_t[]){__VA_ARGS__}) / 4, __VA_ARGS__})
#define NONE   ((const uint32_t[]){0})

typedef struct film {
    uint32_t timescale; /* 0: 25 */
    char kind;          /* of write_stsd(), 0: 'v' */
    numbers stts;       /* NULL: each lasts 1 */
    numbers stss, stps; /* NULL: no such box */
    numbers group;      /* runs of an sbgp of type `type` */
    const char *type;
    unsigned group_version;
    uint32_t group_claim;
    numbers edits; /* duration, media time, rate of each */
    bool moofs;    /* two, whose samples are no sync samples; the group is in each */
} film;

static void write_group(jo_writer *w, const film *m)
{
    size_t at;

    if (m->group == NULL)
        return;
    at = open_full(w, "sbgp", m->group_version, 0);
    jo_write_bytes(w, m->type, 4);
    if (m->group_version == 1)
        jo_write_u32(w, 0);
    jo_write_u32(w, m->group[0] / 2 + m->group_claim);
    for (uint32_t i = 0; i < m->group[0]; i++)
        jo_write_u32(w, m->group[i + 1]);
    close_box(w, at);
}

static void write_numbers(jo_writer *w, const char *type, unsigned per, numbers n)
{
    if (n != NULL)
        write_table(w, type, per, n + 1, n[0]);
}

static void write_edits(jo_writer *w, const film *m)
{
    if (m->edits == NULL)
        return;
    size_t edts = open_box(w, "edts");
    write_numbers(w, "elst", 3, m->edits);
    close_box(w, edts);
}

static void write_samples(jo_writer *w, const film *m, uint32_t mdat)
{
    uint32_t n = m->moofs ? 0 : COUNT;
    size_t at;

    if (m->stts)
        write_numbers(w, "stts", 2, m->stts);
    else
        TABLE(w, "stts", 2, n, 1);
    TABLE(w, "stsc", 3, 1, COUNT, 1);
    TABLE(w, "stco", 1, mdat);
    at = open_full(w, "stsz", 0, 0);
    jo_write_u32(w, 10);
    jo_write_u32(w, n);
    close_box(w, at);
    write_numbers(w, "stss", 1, m->stss);
    write_numbers(w, "stps", 1, m->stps);
    if (!m->moofs)
        write_group(w, m);
}

static void write_moov(jo_writer *w, const film *m, uint32_t mdat)
{
    size_t moov = open_box(w, "moov"), trak, media[3];
    uint32_t timescale = m->timescale ? m->timescale : 25;

    write_mvhd(w, 1000);
    trak = open_box(w, "trak");
    write_tkhd(w, 1);
    write_edits(w, m);
    open_media(w, timescale, m->kind == 'a' ? "soun" : "vide", 0x55c4, media);
    write_stsd(w, m->kind ? m->kind : 'v');
    write_samples(w, m, mdat);
    close_media(w, media);
    close_box(w, trak);
    if (m->moofs) {
        size_t mvex = open_box(w, "mvex"), trex = open_full(w, "trex", 0, 0);
        for (int i = 0; i < 5; i++)
            jo_write_u32(w, (const uint32_t[]){1, 1, 1, 10, 0x10000}[i]);
        close_box(w, trex);
        close_box(w, mvex);
    }
    close_box(w, moov);
}

/* Of which tfhd and trun leave everything to trex. */
static void write_moof(jo_writer *w, const film *m, uint32_t time)
{
    size_t moof = open_box(w, "moof"), traf = open_box(w, "traf"), at;

    at = open_full(w, "tfhd", 0, 0x20000);
    jo_write_u32(w, 1);
    close_box(w, at);
    at = open_full(w, "tfdt", 0, 0);
    jo_write_u32(w, time);
    close_box(w, at);
    size_t offset = w->len + 16;
    at = open_full(w, "trun", 0, 1);
    jo_write_u32(w, COUNT / 4);
    jo_write_u32(w, 0);
    close_box(w, at);
    at = open_full(w, "trun", 0, 0); /* goes on behind the first */
    jo_write_u32(w, COUNT / 4);
    close_box(w, at);
    write_group(w, m);
    close_box(w, traf);
    close_box(w, moof);
    jo_put_u32(w->data + offset, (uint32_t)(w->len - moof + 8));
    at = open_box(w, "mdat");
    jo_write_zeros(w, COUNT / 2 * 10);
    close_box(w, at);
}

static jo_writer make(const film *m)
{
    jo_writer w, probe;

    jo_writer_init(&w, pool, 1024);
    jo_writer_init(&probe, pool, 1024);
    write_ftyp(&w);
    write_moov(&probe, m, 0);
    write_moov(&w, m, (uint32_t)(w.len + probe.len + 8));
    if (m->moofs) {
        write_moof(&w, m, 0);
        write_moof(&w, m, COUNT / 2);
        return w;
    }
    size_t at = open_box(&w, "mdat");
    jo_write_zeros(&w, (size_t)COUNT * 10);
    close_box(&w, at);
    return w;
}

static const jo_index *demux(film m)
{
    jo_writer w = make(&m);
    jo_opener *mem = jo_source_mem_opener(pool);
    void *copy = exact(w.data, w.len);
    jo_source *src;

    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    cx.log = &counting;
    warnings = 0;
    got.ntracks = 0;
    jo_source_mem_add(mem, "/f.mp4", copy, w.len);
    if (jo_source_open(&cx, "/f.mp4", &src) == APR_SUCCESS)
        jo_demux(&cx, src, &got);
    free(copy);
    if (cx.code != APR_SUCCESS || got.ntracks == 0) {
        printf("# %s\n", cx.message ? cx.message : "no track");
        return NULL;
    }
    return got.tracks[0]->index;
}

/* "1..1...." */
static bool syncs_are(film m, const char *want)
{
    const jo_index *ix = demux(m);
    char have[COUNT + 1] = "";
    jo_cursor c;
    jo_sample s;

    if (ix == NULL)
        return false;
    jo_cursor_init(&c, ix, 0);
    for (int i = 0; i < COUNT && jo_cursor_next(&c, &s); i++)
        have[i] = s.sync ? '1' : '.';
    if (strcmp(have, want) != 0)
        printf("# %s\n", have);
    return strcmp(have, want) == 0;
}

static void test_syncs(void)
{
    ok(syncs_are((film){0}, "11111111"), "no stss: every sample");
    ok(syncs_are((film){.stss = N(1, 5)}, "1...1..."), "stss");
    ok(syncs_are((film){.stss = NONE}, "1.......") && warnings == 1,
       "an empty one: the first alone, which is told");
    ok(syncs_are((film){.stss = NONE, .kind = 'a'}, "11111111") && warnings == 0,
       "but of sound that has no key frames all");
    ok(syncs_are((film){.stss = N(1), .stps = N(4, 7)}, "1..1..1."), "QuickTime's partial ones");
    ok(syncs_are((film){.stss = NONE, .stps = N(2)}, "11......") && warnings == 0,
       "partial ones alone");
    ok(syncs_are((film){.stss = N(3, 2, 0, 6)}, "..1..1.."), "numbers that run back are passed");
    demux((film){.stss = N(1), .stps = N(4)});
    ok(cx.code == APR_SUCCESS && got.tracks[0]->index->nraps == 2, "they are places to cut at");
}

static void test_groups(void)
{
    film m = {.stss = N(1), .group = N(3, 0, 1, 1, 2, 0, 1, 1), .type = "rap "};

    ok(syncs_are(m, "1..1..1."), "key frames of open GOPs, as a sample group");
    m.group_version = 1;
    ok(syncs_are(m, "1..1..1."), "the same in version 1");
    m.group_claim = 100;
    ok(syncs_are(m, "1......."), "entries that aren't there: the group says nothing");
    m = (film){.stss = N(1), .group = N(3, 0, 5, 1), .type = "roll"};
    ok(syncs_are(m, "1......."), "another group is no key frame");
    m = (film){.group = N(1, 0, 1, 1), .type = "rap "};
    ok(syncs_are(m, "11111111"), "without stss all are sync samples all the same");
    m = (film){.stss = N(1), .group = N(0, 1, 0, 1, UINT32_MAX, 0, UINT32_MAX, 1), .type = "rap "};
    ok(syncs_are(m, "1......."), "runs longer than the film");
}

static void test_fragments(void)
{
    film m = {.moofs = true, .group = N(1, 0x10001, 2, 0, 1, 0x10001), .type = "rap "};
    const jo_index *ix;

    ok(syncs_are(m, "1..11..1"), "groups in fragments, over several truns");
    ix = demux(m);
    ok(ix != NULL && ix->count == COUNT && ix->nfragments == 2 && ix->bytes == COUNT * 10 &&
           ix->end_dts == COUNT,
       "all that tfhd and trun don't say is trex's");
}

/* DTS of the last sample. */
static int64_t last_dts(film m)
{
    const jo_index *ix = demux(m);

    return ix != NULL ? jo_index_dts(ix, COUNT - 1) : -1;
}

static void test_durations(void)
{
    ok(last_dts((film){.timescale = UINT32_MAX, .stts = N(COUNT, UINT32_MAX)}) ==
           (int64_t)UINT32_MAX * (COUNT - 1),
       "a second of 2^32 - 1 ticks");
    ok(last_dts((film){.timescale = 10000000, .stts = N(COUNT, 0xb0000000)}) ==
           (int64_t)0xb0000000 * (COUNT - 1),
       "five minutes at 10 MHz");
    ok(last_dts((film){.timescale = 25, .stts = N(3, 2, 1, (uint32_t)-1, 4, 2)}) ==
           3 * 2 - 1 + 3 * 2,
       "a duration below 0 is one");
    ok(last_dts((film){.timescale = 1, .stts = N(COUNT, 3)}) == 21, "a timescale of 1");
}

static bool edit_is(numbers edits, int64_t empty, int64_t media_time, int64_t end, int warned)
{
    film m = {.timescale = 1000, .stts = N(COUNT, 40), .edits = edits};

    if (demux(m) == NULL)
        return false;
    const jo_edit *e = &got.tracks[0]->edit;
    if (e->empty != empty || e->media_time != media_time || e->end != end || warnings != warned)
        printf("# %lld %lld %lld, %d warnings\n", (long long)e->empty, (long long)e->media_time,
               (long long)e->end, warnings);
    return e->empty == empty && e->media_time == media_time && e->end == end && warnings == warned;
}

static void test_edits(void)
{
    const uint32_t one = 0x10000, silence = UINT32_MAX;

    ok(edit_is(N(200, 40, one), 0, 40, 240, 0), "an edit");
    ok(edit_is(N(100, 40, 0, 200, 40, one), 100, 40, 240, 1),
       "a picture that stands before it: the track is late by that");
    ok(edit_is(N(200, 0, one, 100, 200, 0, 80, silence, one), 0, 0, 200, 1),
       "or stands behind it: the end");
    ok(edit_is(N(200, 40, 0), 0, 40, INT64_MAX, 1), "no speed and nothing else: played");
    ok(edit_is(N(400, 40, one / 2), 0, 40, INT64_MAX, 1), "half speed: played through");
    ok(edit_is(N(100, silence, 0, 200, 40, one), 100, 40, 240, 0), "silence has no speed");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_syncs();
    test_groups();
    test_fragments();
    test_durations();
    test_edits();
    apr_terminate();
    return tap_done();
}
