/* Ranges of minutes (plan/clip.c) and the views that they make of a plan (plan/view.c). */
#include "../../src/output/hls.h"
#include "../../src/plan/view.h"
#include "tap.h"
#include "track_make.h"

#define S INT64_C(1000000)

static void again(void)
{
    cx.code = APR_SUCCESS;
    cx.message = NULL;
}

/* ---- parameters */

static void is_range(const char *vbegin, const char *vend, const char *t, int64_t begin,
                     int64_t end)
{
    jo_clip c;

    again();
    ok(jo_clip_parse(&cx, vbegin, vend, t, &c) == APR_SUCCESS && c.begin == begin && c.end == end,
       "%s, %s, %s", vbegin ? vbegin : "-", vend ? vend : "-", t ? t : "-");
}

static void is_wrong(const char *vbegin, const char *vend, const char *t, const char *why)
{
    jo_clip c;

    again();
    is_int(jo_clip_parse(&cx, vbegin, vend, t, &c), JO_EREQUEST, why);
    ok(cx.message && strlen(cx.message) < 200, "says why: %s", cx.message ? cx.message : "");
}

static void test_parameters(void)
{
    is_range(NULL, NULL, NULL, 0, INT64_MAX);
    is_range("00:01:30", NULL, NULL, 90 * S, INT64_MAX);
    is_range("01:30", "02:00.5", NULL, 90 * S, 120 * S + S / 2);
    is_range("90", "120", NULL, 90 * S, 120 * S);
    is_range("0.000001", NULL, NULL, 1, INT64_MAX);
    is_range(NULL, "100:00:00", NULL, 0, 360000 * S);
    is_range(NULL, NULL, "00:00:10-00:00:20", 10 * S, 20 * S);
    is_range(NULL, NULL, "100;450", 100 * S, 450 * S);
    is_range(NULL, NULL, "100-", 100 * S, INT64_MAX);
    is_range(NULL, NULL, "-5", 0, 5 * S);
    is_wrong("", NULL, NULL, "nothing");
    is_wrong("1m", NULL, NULL, "a unit");
    is_wrong("-1", NULL, NULL, "a negative time");
    is_wrong("1.", NULL, NULL, "a point without digits");
    is_wrong("1.1234567", NULL, NULL, "seven decimals");
    is_wrong("00:60:00", NULL, NULL, "60 minutes");
    is_wrong("1:2:3:4", NULL, NULL, "four places");
    is_wrong(":30", NULL, NULL, "an empty place");
    is_wrong("2024-01-01T00:00:00Z", NULL, NULL, "a date: this is not live");
    is_wrong("1e3", NULL, NULL, "an exponent");
    is_wrong("99999999999999999999", NULL, NULL, "beyond 64 bits");
    is_wrong("20", "10", NULL, "reversed");
    is_wrong("10", "10", NULL, "empty");
    is_wrong(NULL, "0", NULL, "ends where all begins");
    is_wrong(NULL, NULL, "10", "a range without an end mark");
    is_wrong(NULL, NULL, "-", "a range of nothing");
    is_wrong(NULL, NULL, "1-2-3", "three times");
    is_wrong("1", NULL, "1-2", "t beside vbegin");
}

static void test_folder(void)
{
    static const jo_clip clips[] = {{0, INT64_MAX}, {12500000, 30 * S}, {0, 1}, {S, INT64_MAX}};
    static const char *const wrong[] = {"clip-12.50-30/x", "clip-012-30/x", "clip-30-12/x",
                                        "clip-1-1/x",      "clip--3/x",     "clip-1/x",
                                        "clip-1-2",        "clip-1:00-/x",  "clip-1-2-3/x",
                                        "Clip-1-2/x",      "clip-1.-2/x",   "clip-1-2//"};

    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        jo_text t;
        jo_clip c;
        jo_text_init(&t, cx.pool, 0);
        jo_clip_write_folder(&clips[i], &t);
        jo_text_add(&t, "hls/x");
        const char *path = t.s;
        ok(jo_clip_read_folder(cx.pool, &path, &c) && c.begin == clips[i].begin &&
               c.end == clips[i].end && !strcmp(path, "hls/x"),
           "%s is read back", t.s);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *path = wrong[i];
        jo_clip c;
        bool read = jo_clip_read_folder(cx.pool, &path, &c);
        ok(!read || path[0] == '/', "%s is no folder", wrong[i]);
    }
}

/* ---- views */

static jo_track *tracks[3];
static jo_presentation *p;
static const jo_plan *whole;

/* 20 s: a picture with reordered frames, key frames every 2 s; one with key frames every second; sound. */
static void make_title(void)
{
    recipe v = video_25(50, 500), w = video_25(25, 500), a = aac_48k(938);

    v.reorder = true;
    v.edit.media_time = 1000;
    w.reorder = true;
    w.edit.media_time = 1000;
    a.edit.media_time = 1024;
    tracks[0] = make_track("video=2", v);
    tracks[1] = make_track("video=1", w);
    tracks[2] = make_track("audio=1", a);
    p = align(3, tracks);
    whole = plan(p, 4, 1);
}

static jo_view v; /* points into itself */

static const jo_plan *clip(int64_t begin, int64_t end, bool exact)
{
    jo_clip c = {begin, end};

    again();
    if (jo_view_clip(&cx, p, whole, &c, exact, &v) != APR_SUCCESS) {
        printf("Bail out! clip: %s\n", cx.message);
        exit(1);
    }
    return &v.plan;
}

static void test_segments(void)
{
    jo_clip late = {20 * S, INT64_MAX};

    clip(5 * S, 9 * S, false);
    is_int(v.plan.count, 2, "5 to 9 s touch two segments of 4 s");
    is_int(v.plan.base_number, 2, "the second of the title is the first");
    is_int(v.plan.tracks[0].cuts[0].time, 100000, "which starts at 4 s");
    is_int(v.plan.tracks[0].cuts[0].sample, whole->tracks[0].cuts[1].sample, "as in the title");
    is_int(v.period.tracks[0]->preroll, 100000, "and so does the view");
    is_int(v.period.tracks[2]->preroll, 192000, "in every track");
    is_int(jo_presentation_duration_ms(&v.presentation), 8011, "it lasts to the end of 8 to 12 s");
    ok(!v.plan.recut_head && !v.plan.recut_tail, "nothing is cut anew");
    is_int(tracks[0]->preroll, 0, "the title is as it was");
    is_int(clip(4 * S, 8 * S, false)->count, 1, "a range from cut to cut is one segment");
    is_int(clip(0, INT64_MAX, false)->count, whole->count, "everything is all segments");
    is_int(clip(0, 1, false)->count, 1, "a microsecond is a segment");
    is_int(clip(19 * S, 999 * S, false)->base_number, 5, "an end beyond the title is its end");
    jo_view out;
    again();
    is_int(jo_view_clip(&cx, p, whole, &late, false, &out), JO_ENOTFOUND,
           "after the title there is nothing");
}

/* PTS on the wire of sample n. */
static int64_t pts(const jo_track *t, uint32_t n)
{
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, t->index, n);
    return jo_cursor_next(&c, &s) ? s.dts + s.cts + t->span.shift : INT64_MAX;
}

static bool is_sync(const jo_track *t, uint32_t n)
{
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, t->index, n);
    return jo_cursor_next(&c, &s) && s.sync;
}

/* Is all there that is presented in [begin, end), and little more, in one piece? */
static bool holds(const jo_track *t, const jo_track_plan *tp, int count, int64_t begin, int64_t end)
{
    uint32_t from = tp->cuts[0].sample, until = tp->cuts[count].sample;
    int64_t from_pts = INT64_MAX, until_pts = INT64_MIN;
    uint32_t all = t->index->count;

    for (uint32_t n = from; n < until; n++) {
        int64_t at = pts(t, n);
        from_pts = at < from_pts ? at : from_pts;
        until_pts = at > until_pts ? at : until_pts;
    }
    for (uint32_t n = 0; n < all; n++) {
        int64_t at = pts(t, n);
        bool in = n >= from && n < until;
        if (!in && ((at + t->frame > begin && at < end) || (at > from_pts && at < until_pts))) {
            return false;
        }
    }
    return is_sync(t, from) && until_pts < end + 3 * t->frame &&
           tp->cuts[0].time == (from_pts > 0 ? from_pts : 0) &&
           (until == all || tp->cuts[count].time == until_pts + t->frame) &&
           tp->cuts[count].bytes - tp->cuts[0].bytes == (int64_t)(until - from) * 100;
}

static void test_exact(void)
{
    clip(3500000, 6100000, true);
    is_int(v.plan.count, 2, "3.5 to 6.1 s are in two segments");
    ok(v.plan.exact && v.plan.recut_head && v.plan.recut_tail, "both of them cut anew");
    is_int(v.plan.tracks[0].cuts[0].time, 50000, "the picture from its key frame at 2 s");
    is_int(v.plan.tracks[1].cuts[0].time, 50000, "the other one where this starts");
    ok(v.plan.tracks[2].cuts[0].time <= 96000 && v.plan.tracks[2].cuts[0].time > 96000 - 1024,
       "sound with the unit heard then");
    is_int(v.period.tracks[0]->preroll, 87500, "the view starts at 3.5 s");
    is_int(jo_presentation_duration_ms(&v.presentation), 2600, "and lasts 2.6 s");
    ok(whole->tracks[0].cuts[0].sample == 0 && !whole->recut_head, "the title is as it was");
    clip(2 * S, 3 * S, true);
    is_int(v.plan.count, 1, "a clip within one segment");
    ok(v.plan.tracks[0].cuts[0].time == 50000 && v.plan.recut_head && v.plan.recut_tail,
       "both ends of which are cut");
    clip(4 * S, 8 * S, true);
    ok(!v.plan.recut_head, "a clip that begins with a segment keeps it");

    unsigned seed = 1;
    bool good = true;
    for (int i = 0; i < 200; i++) {
        int64_t begin = (seed = seed * 1103515245 + 12345) / 65536 % 19900 * 1000;
        int64_t end = begin + 1000 + (seed = seed * 1103515245 + 12345) / 65536 % 9000 * 1000;
        clip(begin, end, true);
        for (int k = 0; k < 3; k++) {
            int64_t b = jo_ticks_round(begin, S, tracks[k]->timescale);
            int64_t e = jo_ticks_round(end, S, tracks[k]->timescale);
            if (!holds(tracks[k], &v.plan.tracks[k], v.plan.count, b, e)) {
                printf("# track %d of %lld to %lld µs\n", k, (long long)begin, (long long)end);
                good = false;
            }
        }
    }
    ok(good, "200 clips have what is presented in them, in one piece, and little more");
}

static void test_period_of_view(void)
{
    jo_view w;

    jo_view_make(&cx, p, whole, 2, 4, &v);
    is_int(v.start.num * 10 / v.start.den, 80, "a view of segments 2 and 3 starts at 8 s");
    is_int(v.plan.count, 2, "and has two");
    jo_view_make(&cx, &v.presentation, &v.plan, 1, 2, &w);
    is_int(w.start.num * 10 / w.start.den, 40, "a view of a view counts from that");
    is_int(w.plan.base_number, 4, "with the title's numbers");
    is_int(w.period.tracks[0]->preroll, 300000, "and times");
}

/* Sound that has ended before a view, and sound that begins after it. */
static void test_silent_tracks(void)
{
    recipe late = aac_48k(94);
    late.edit.empty = 672000; /* 14 s */
    jo_track *some[] = {make_track("video=1", video_25(50, 500)),
                        make_track("audio=1", aac_48k(94)), make_track("audio=2", late)};
    jo_presentation *q = align(3, some);
    const jo_plan *all = plan(q, 4, 1);
    jo_clip c = {5 * S, 7 * S};

    for (int exact = 0; exact < 2; exact++) {
        again();
        is_int(jo_view_clip(&cx, q, all, &c, exact, &v), APR_SUCCESS, "5 to 7 s");
        is_int(v.plan.count, 1, "are in one segment");
        for (int k = 1; k < 3; k++) {
            const jo_track_plan *tp = &v.plan.tracks[k];
            ok(tp->first == tp->last && tp->first >= 0 && tp->first <= v.plan.count,
               "in which track %d has nothing, within the view's cuts", k);
        }
    }
}

/* Pictures that begin late within a segment, which other tracks have begun before. */
static void test_late_reference(void)
{
    recipe late = video_25(50, 250);
    late.edit.empty = 250000; /* 10 s */
    jo_track *some[] = {make_track("video=1", late), make_track("audio=1", aac_48k(938))};
    jo_presentation *q = align(2, some);
    const jo_plan *all = plan(q, 4, 1);
    jo_clip c = {3 * S, 9500000}, after = {9 * S, 11 * S};

    is_int(all->tracks[0].cuts[2].time, 250000, "the third segment has pictures from 10 s on");
    for (int exact = 0; exact < 2; exact++) {
        again();
        jo_view_clip(&cx, q, all, &c, exact, &v);
        is_int(v.plan.count, 3, "3 to 9.5 s touch it: it starts at 8 s");
        ok(v.plan.tracks[1].cuts[3].time >= 9500 * 48, "and has the sound until then");
    }
    again();
    jo_view_clip(&cx, q, all, &after, false, &v);
    ok(v.period.tracks[1]->preroll < 8100 * 48, "a view of it alone starts with the sound");
}

/* Pictures that end early: what is left says where playlists start. */
static void test_early_end(void)
{
    jo_track *some[] = {make_track("video=1", video_25(50, 150)), /* 6 s */
                        make_track("audio=1", aac_48k(938))};
    jo_presentation *q = align(2, some);
    const jo_plan *all = plan(q, 4, 1);
    jo_clip c = {11 * S, 15 * S};
    jo_text start;

    again();
    jo_view_clip(&cx, q, all, &c, true, &v);
    jo_text_init(&start, cx.pool, 64);
    jo_hls_add_start(&start, &v.period, &v.plan);
    int64_t begun = v.plan.tracks[1].cuts[0].time;
    ok(v.plan.tracks[0].first == v.plan.tracks[0].last, "11 to 15 s have no pictures");
    ok(begun > 4 * 48000 && begun < 11 * 48000, "the sound starts before that");
    is_str(
        start.s,
        apr_psprintf(cx.pool, "#EXT-X-START:TIME-OFFSET=%.6g,PRECISE=YES\n", 11 - begun / 48000.0),
        "and how much before it is said, not when the pictures ended");
}

/* Key frames every 3 s beside a reference with one every 2 s: what a clip begins with may be in the segment before. */
static void test_unaligned(void)
{
    recipe own = video_25(75, 500);
    jo_track *some[] = {make_track("video=2", video_25(50, 500)), make_track("video=1", own)};
    jo_presentation *q = align(2, some);
    const jo_plan *all = plan(q, 4, 1);
    jo_clip c = {5 * S, 7500000};

    is_int(all->tracks[1].cuts[1].time, 150000, "the second segment of the other is from 6 s on");
    again();
    jo_view_clip(&cx, q, all, &c, false, &v);
    is_int(v.plan.base_number, 1, "a clip from 5 s starts with the first segment");
    again();
    jo_view_clip(&cx, q, all, &c, true, &v);
    ok(v.plan.base_number == 2 && v.plan.recut_head, "an exact one with the second, cut anew");
    is_int(v.plan.tracks[0].cuts[0].time, 100000, "the reference from its key frame at 4 s");
    is_int(v.plan.tracks[1].cuts[0].time, 75000, "the other from its own at 3 s");
    is_int(v.plan.tracks[1].cuts[0].bytes, 7500, "before which there are 75 samples");
    is_int(all->tracks[1].cuts[1].time, 150000, "the title is as it was");
    ok(v.plan.longest_ms >= 3000, "what is said to be the longest segment is not exceeded");
    c = (jo_clip){8 * S, 8 * S + 1};
    again();
    jo_view_clip(&cx, q, all, &c, true, &v);
    is_int(v.plan.tracks[0].cuts[1].sample - v.plan.tracks[0].cuts[0].sample, 1,
           "a microsecond is a picture");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_parameters();
    test_folder();
    again();
    make_title();
    test_segments();
    test_exact();
    test_period_of_view();
    test_silent_tracks();
    test_late_reference();
    test_early_end();
    test_unaligned();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
