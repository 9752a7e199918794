/* HLS in fMP4 or in TS (output/hls_container.c): who decides, and segments of a picture with a sound in it. */
#include "../../src/media/codec.h"
#include "../../src/output/hls_container.h"
#include "../../src/output/hls_ts.h"
#include "../../src/output/measure.h"
#include "../../src/output/ts_unit.h"
#include "tap.h"
#include "track_make.h"

#include <string.h>

/* -- the container ------------------------------------------------------------------------------------------ */

enum { PLAIN, AVC_TEXT, HEVC, AV1, TTML, SMOOTH_ONLY, TURNED, TITLES };

static jo_track avc = {.kind = JO_VIDEO, .fourcc = JO_FOURCC('a', 'v', 'c', '1'), .formats = 7};
static jo_track hevc = {.kind = JO_VIDEO, .fourcc = JO_FOURCC('h', 'v', 'c', '1'), .formats = 3};
static jo_track av1 = {.kind = JO_VIDEO, .fourcc = JO_FOURCC('a', 'v', '0', '1'), .formats = 3};
static jo_track vc1 = {.kind = JO_VIDEO, .fourcc = JO_FOURCC('v', 'c', '-', '1'), .formats = 4};
static jo_track ac3 = {.kind = JO_AUDIO, .formats = 3};
static jo_track wvtt = {.kind = JO_TEXT, .fourcc = JO_FOURCC('w', 'v', 't', 't'), .formats = 3};
static jo_track stpp = {.kind = JO_TEXT, .fourcc = JO_FOURCC('s', 't', 'p', 'p'), .formats = 7};

static jo_track turned = {.kind = JO_VIDEO,
                          .fourcc = JO_FOURCC('a', 'v', 'c', '1'),
                          .formats = 7,
                          .matrix = {0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000}};

static jo_track *titles[TITLES][3] = {{&avc, &ac3},       {&avc, &ac3, &wvtt}, {&avc, &hevc, &ac3},
                                      {&avc, &av1, &ac3}, {&avc, &ac3, &stpp}, {&avc, &ac3, &vc1},
                                      {&turned, &ac3}};

static const struct {
    jo_container container;
    bool hevc;
    bool fmp4;
    unsigned version;
    unsigned in_ts; /* bits: titles */
    const char *what;
} rows[] = {
    {JO_CONTAINER_FMP4, false, false, 0, 0, "fmp4"},
    {JO_CONTAINER_FMP4, true, false, 3, 0, "fmp4, whatever the version"},
    {JO_CONTAINER_TS, false, false, 0, 0x7f, "ts: all, and what can't be carried is left out"},
    {JO_CONTAINER_TS, false, false, 5, 0x7f, "ts, version 5"},
    {JO_CONTAINER_TS, false, false, 6, 0, "ts, version 6: fMP4"},
    {JO_CONTAINER_TS, false, true, 0, 0, "ts, hls_fmp4: fMP4"},
    {JO_CONTAINER_TS, false, true, 1, 0, "ts, hls_fmp4, version 1: fMP4"},
    {JO_CONTAINER_AUTO, false, false, 0, 1 << PLAIN | 1 << AVC_TEXT | 1 << SMOOTH_ONLY,
     "auto: titles of which all that HLS lists is carried"},
    {JO_CONTAINER_AUTO, true, false, 0, 1 << PLAIN | 1 << AVC_TEXT | 1 << HEVC | 1 << SMOOTH_ONLY,
     "auto, HEVC too"},
    {JO_CONTAINER_AUTO, true, false, 7, 0, "auto, version 7: fMP4"},
    {JO_CONTAINER_AUTO, true, true, 0, 0, "auto, hls_fmp4: fMP4"},
};

static void test_decision(void)
{
    ac3.codec = &jo_codec_ac3;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        jo_settings settings = {.hls_container = rows[r].container, .hevc_in_ts = rows[r].hevc};
        jo_options options = {.hls_fmp4 = rows[r].fmp4, .hls_version = rows[r].version};
        jo_resource rs = {.track = -1, .sound = -1, .settings = &settings, .options = &options};
        unsigned got = 0;
        for (unsigned i = 0; i < TITLES; i++) {
            jo_period period = {.tracks = titles[i], .ntracks = titles[i][2] ? 3 : 2};
            got |= (unsigned)jo_hls_in_ts(&period, &rs) << i;
        }
        is_int(got, rows[r].in_ts, rows[r].what);
    }
}

/* -- both in one ------------------------------------------------------------------------------------------------- */

/* Ten packets of each track in each segment. */
static jo_track_plan mux(const jo_presentation *p, const jo_plan *h)
{
    for (int t = 0; t < p->periods[0].ntracks; t++) {
        for (int i = 0; i <= h->count; i++) {
            h->tracks[t].cuts[i].packets = (uint32_t)i * 10;
        }
    }
    return jo_hls_muxed_plan(cx.pool, &p->periods[0], h, 0, 1);
}

static bool as_video(const jo_plan *h, const jo_track_plan *m)
{
    for (int i = 0; i <= h->count; i++) {
        if (m->cuts[i].time != h->tracks[0].cuts[i].time) {
            return false;
        }
    }
    return true;
}

static void test_usual(void)
{
    jo_track *tracks[] = {make_track("video=1", video_25(50, 500)),
                          make_track("audio=1", aac_48k(940))};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 4, 1);
    jo_track_plan m = mux(p, h);

    ok(as_video(h, &m), "segments last as long as the pictures in them");
    ok(m.first == 0 && m.last == 5 && !jo_plan_empty(&m, 4), "and there are as many");
    is_int(m.average, ((JO_TS_TABLES + 20 * JO_TS_PACKET) * 5 * 8 + 19) / 20,
           "the bit rate is that of both and their tables");
}

static void test_sound_goes_on(void)
{
    jo_track *tracks[] = {make_track("video=1", video_25(50, 250)),
                          make_track("audio=1", aac_48k(940))};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 4, 1);
    jo_track_plan m = mux(p, h);
    int last = h->tracks[0].last;

    ok(last < h->tracks[1].last && m.last == h->tracks[1].last, "sound goes on after the pictures");
    is_int(m.cuts[last].time, jo_ticks_round(h->tracks[1].cuts[last].time, 48000, 25000),
           "segments without pictures are cut as the sound is");
    is_int(m.cuts[m.last].time, jo_ticks_round(h->tracks[1].cuts[m.last].time, 48000, 25000),
           "up to the end");
}

static void test_late_pictures(void)
{
    recipe v = video_25(50, 250);
    v.edit.empty = 200000; /* 8 s */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", aac_48k(940))};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 4, 1);
    jo_track_plan m = mux(p, h);
    bool rising = true;

    for (int i = 0; i < m.last; i++) {
        rising = rising && m.cuts[i].time < m.cuts[i + 1].time && !jo_plan_empty(&m, i);
    }
    ok(h->tracks[0].first > 0 && m.first == 0, "sound comes before the pictures");
    ok(rising, "all segments last, and none is empty");
    is_int(m.cuts[0].time, 0, "from the sound's beginning");
}

static void test_late_both(void)
{
    recipe v = video_25(50, 250), a = aac_48k(470);
    v.edit.empty = 300000; /* 12 s */
    a.edit.empty = 384000; /* 8 s */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a),
                          make_track("video=2", video_25(50, 550))};
    jo_presentation *p = align(3, tracks);
    const jo_plan *h = plan(p, 4, 1);
    jo_track_plan m = mux(p, h);

    ok(m.first == h->tracks[1].first && m.first > 0, "a gap before both");
    ok(jo_plan_empty(&m, 0) && jo_plan_duration(&m, 0) > 0, "which lasts as the others do there");
    ok(!jo_plan_empty(&m, m.first), "and ends with the sound");
}

/* -- the clock ------------------------------------------------------------------------------------------------- */

/* Packets with a PCR alone beside the sound of segment i. */
static int clocks(const jo_presentation *p, const jo_plan *h, int i)
{
    jo_ts_units v, s;

    jo_ts_units_init(NULL, &v, p->periods[0].tracks[0], &h->tracks[0]);
    jo_ts_units_init(NULL, &s, p->periods[0].tracks[1], &h->tracks[1]);
    return (int)jo_ts_clock_count(&v, &s, i);
}

static void test_clock(void)
{
    recipe v = video_25(50, 250);
    v.edit.empty = 62500; /* 2.5 s */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", aac_48k(940))};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 4, 1);

    is_int(h->tracks[0].first, 0, "pictures from the middle of the first segment on");
    is_int(clocks(p, h, 0), 25, "PCRs every 100 ms from the sound's start to theirs");
    is_int(clocks(p, h, 1), 0, "none of their own beside pictures");
    int last = h->tracks[0].last - 1;
    int64_t ms = jo_ticks_round(h->tracks[1].cuts[last + 1].time, 48000, 1000) - 12460;
    is_int(clocks(p, h, last), (ms - 1) / 100, "behind the last picture: on to the segment's end");
    ms = jo_ticks_round(jo_plan_duration(&h->tracks[1], last + 1), 48000, 1000);
    is_int(clocks(p, h, last + 1), 1 + (ms - 1) / 100, "without pictures: all the time");
}

/* A sparse file has samples of 4 GB, as many as one likes, one over the other. */
static void test_counts(void)
{
    recipe a = aac_48k(400);
    a.size = UINT32_MAX;
    jo_track *tracks[] = {make_track("audio=1", a)};
    jo_presentation *p = align(1, tracks);
    jo_ctx scratch = cx;

    tracks[0]->codec = &jo_codec_ac3;
    ok(jo_ts_plan(&scratch, &p->periods[0], jo_plan_copy(&cx, &p->periods[0], plan(p, 1, 1))) ==
           APR_SUCCESS,
       "segments of a second, as many packets as they take");
    ok(jo_ts_plan(&scratch, &p->periods[0], jo_plan_copy(&cx, &p->periods[0], plan(p, 4, 1))) ==
           JO_EMEDIA,
       "of four: more packets than a count holds");
    ok(scratch.message != NULL && strstr(scratch.message, "audio=1") != NULL, "which is said");
}

/* Silence takes few bytes, but a PTS is due: 13818-1 2.7.4. */
static void test_stamps(void)
{
    recipe a = aac_48k(400);
    a.size = 6;
    jo_track *tracks[] = {make_track("audio=1", a)};
    jo_presentation *p = align(1, tracks);
    const jo_plan *h = plan(p, 4, 1);
    uint64_t before = 0, longest = 0;
    jo_ts_units u;

    static const jo_run run;
    const jo_track *self = tracks[0];
    tracks[0]->codec = &jo_codec_ac3;
    tracks[0]->runs = &run;
    tracks[0]->variants = &self;
    tracks[0]->nruns = tracks[0]->nvariants = 1;
    jo_ts_units_init(&cx, &u, tracks[0], &h->tracks[0]);
    jo_ts_units_seek(&u, 0);
    for (int n = 0; jo_ts_units_next(&u); n++) {
        longest = n > 0 && u.unit.pts - before > longest ? u.unit.pts - before : longest;
        before = u.unit.pts;
    }
    ok(longest > 50000 && longest <= 63000, "small frames: a unit lasts %llu of 63000 ticks",
       (unsigned long long)longest);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_decision();
    test_usual();
    test_sound_goes_on();
    test_late_pictures();
    test_late_both();
    test_clock();
    test_stamps();
    test_counts();
    apr_terminate();
    return tap_done();
}
