/* Key pictures (plan/keyframes.c): which are listed under what numbers; and I-frame playlists of them (output/hls_keyframes.c). */
#include "../../src/output/cmaf.h"
#include "../../src/output/hls_keyframes.h"
#include "tap.h"
#include "track_make.h"

static const jo_settings settings;
static const jo_options options;
static jo_source *sources[1];
static jo_resource rs = {.base = "kite",
                         .folder = "",
                         .query = "",
                         .clip = "",
                         .segment = -1,
                         .sound = -1,
                         .sources = sources,
                         .settings = &settings,
                         .options = &options};

static jo_track *video(recipe r)
{
    static const jo_run run;
    jo_track *t = make_track("video=1", r);

    t->runs = &run;
    t->nruns = 1;
    t->variants = apr_pmemdup(cx.pool, &t, sizeof(t));
    t->nvariants = 1;
    return t;
}

static jo_presentation *title(jo_track *t)
{
    return align(1, apr_pmemdup(cx.pool, &t, sizeof(t)));
}

/* "number:sample@time …", one after the other. */
static const char *listed(const jo_track *t)
{
    const char *all = "";
    jo_keyframes ks;
    jo_keyframe k;

    jo_keyframes_init(&ks, t);
    for (bool more = jo_keyframes_from(&ks, 0, &k); more; more = jo_keyframes_next(&ks, &k, &k)) {
        all = apr_psprintf(cx.pool, "%s%s%" APR_INT64_T_FMT ":%u@%" APR_INT64_T_FMT, all,
                           *all ? " " : "", k.number, k.sample, k.time);
    }
    return all;
}

/* Every number up to `most` is found where it is listed, as it is listed, and nowhere else. */
static bool found_as_listed(const jo_track *t, int64_t most)
{
    const char *all = "", *want = listed(t);
    jo_keyframes ks;
    jo_keyframe k;

    jo_keyframes_init(&ks, t);
    for (int64_t n = -1; n <= most; n++) {
        if (jo_keyframes_find(&ks, n, &k)) {
            all = apr_psprintf(cx.pool, "%s%s%" APR_INT64_T_FMT ":%u@%" APR_INT64_T_FMT, all,
                               *all ? " " : "", k.number, k.sample, k.time);
        }
    }
    return strcmp(all, want) == 0 && !jo_keyframes_find(&ks, INT64_MAX, &k);
}

static uint32_t first_from(const jo_track *t, uint32_t sample)
{
    jo_keyframes ks;
    jo_keyframe k;

    jo_keyframes_init(&ks, t);
    return jo_keyframes_from(&ks, sample, &k) ? k.sample : UINT32_MAX;
}

/* -- numbers ------------------------------------------------------------------------------------------------ */

static void test_closed(void)
{
    jo_track *t = video(video_25(50, 240));

    title(t);
    is_str(listed(t), "1:0@0 2:50@50000 3:100@100000 4:150@150000 5:200@200000",
           "every random access point");
    ok(found_as_listed(t, 9), "is found by its number");
    ok(first_from(t, 1) == 50 && first_from(t, 50) == 50, "the first from a sample on");
    ok(first_from(t, 201) == UINT32_MAX, "there is none after the last");
}

static void test_span(void)
{
    recipe r = video_25(50, 500);

    r.edit = (jo_edit){.media_time = 110000, .end = 290000};
    jo_track *t = video(r);
    title(t);
    is_str(listed(t), "1:100@0 2:150@50000 3:200@100000 4:250@150000",
           "of what is presented, with the pre-roll");
    ok(found_as_listed(t, 12), "is found by its number");
}

/* Decoded: I2 B0 B1, I5 B3 B4, … */
static jo_track *open_groups(void)
{
    jo_track *t = video(video_25(3, 3));
    jo_index_builder *b = jo_index_builder_make(&cx);

    for (uint32_t i = 0; i < 300; i++) {
        jo_sample s = {.dts = i * 10000,
                       .size = 100,
                       .duration = 10000,
                       .cts = i % 3 ? -10000 : 20000,
                       .sync = i % 3 == 0};
        jo_index_add(b, &cx, &s, t->timescale);
    }
    jo_index_finish(b, &cx, &t->index);
    return t;
}

static void test_open(void)
{
    jo_track *t = open_groups();
    jo_keyframes ks;
    jo_keyframe k;

    title(t);
    jo_keyframes_init(&ks, t);
    ok(t->index->open_gops && jo_keyframes_find(&ks, 2, &k), "a key picture of an open group");
    is_int(k.sample, 3, "which is decoded before its leading pictures");
    is_int(k.time, 50000, "is shown after them");
    is_int(k.size, 100, "and has its size alone");
}

/* -- thinning ------------------------------------------------------------------------------------------------- */

static void test_intra(void)
{
    jo_track *t = video(video_25(0, 90));

    title(t);
    is_str(listed(t), "1:0@0 2:25@25000 3:50@50000 4:75@75000",
           "of pictures that are all key pictures the first of each second");
    ok(found_as_listed(t, 9), "is found by its number");
    ok(first_from(t, 1) == 25 && first_from(t, 25) == 25 && first_from(t, 76) == UINT32_MAX,
       "from a sample on, those that are listed");
}

static void test_slow_intra(void)
{
    jo_track *slow =
        video((recipe){.kind = JO_VIDEO, .timescale = 1000, .duration = 250, .count = 8});
    jo_track *fast =
        video((recipe){.kind = JO_VIDEO, .timescale = 1000, .duration = 200, .count = 20});

    title(slow);
    title(fast);
    is_str(listed(slow), "1:0@0 2:1@250 3:2@500 4:3@750 5:4@1000 6:5@1250 7:6@1500 8:7@1750",
           "four a second are all listed");
    is_str(listed(fast), "1:0@0 2:5@1000 3:10@2000 4:15@3000", "five are not");
    ok(found_as_listed(slow, 12) && found_as_listed(fast, 12), "both are found by number");
}

static void test_short_groups(void)
{
    recipe r = video_25(2, 100);

    r.first_dts = 7000;
    jo_track *t = video(r);
    title(t);
    is_str(listed(t), "1:0@0 2:26@26000 3:50@50000 4:76@76000",
           "groups of two pictures: the first that begins in each second");
    ok(found_as_listed(t, 9), "is found by its number");
}

/* Ten pictures a second, of which the 20th lasts four. */
static void test_holes(void)
{
    jo_track *t = video(video_25(0, 1));
    jo_index_builder *b = jo_index_builder_make(&cx);
    int64_t dts = 0;

    for (uint32_t i = 0; i < 60; i++) {
        uint32_t duration = i == 19 ? 100000 : 2500;
        jo_sample s = {.dts = dts, .size = 100, .duration = duration, .sync = true};
        jo_index_add(b, &cx, &s, t->timescale);
        dts += duration;
    }
    jo_index_finish(b, &cx, &t->index);
    title(t);
    is_str(listed(t),
           "1:0@0 2:10@25000 6:20@147500 7:21@150000 8:31@175000 9:41@200000 10:51@225000",
           "seconds without a picture have no number");
    ok(found_as_listed(t, 12), "the others are found");
}

/* -- playlists ------------------------------------------------------------------------------------------------ */

static const char *body_text(const jo_body *body)
{
    char *text = apr_pcalloc(cx.pool, (size_t)body->length + 1);

    jo_body_read(&cx, body, 0, (size_t)body->length, text);
    return text;
}

static const char *playlist(const jo_presentation *p, const jo_plan *h)
{
    jo_body body;

    jo_body_init(&body, cx.pool);
    return jo_hls_render_keyframes(&cx, p, h, &rs, &body) == APR_SUCCESS ? body_text(&body) : NULL;
}

#define HEAD(version, sequence, target)                                                            \
    "#EXTM3U\n#EXT-X-VERSION:" version "\n## Created with mod_jitorigin\n"                         \
    "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:" sequence "\n#EXT-X-I-FRAMES-ONLY\n"         \
    "#EXT-X-TARGETDURATION:" target "\n#USP-X-TIMESTAMP-MAP:MPEGTS=0,LOCAL=1970-01-01T00:00:00Z\n" \
    "#EXT-X-MAP:URI=\"../hls/kite-video=1.m4s\"\n"

static void test_playlist(void)
{
    jo_track *t = video(video_25(60, 130));
    jo_presentation *p = title(t);

    is_str(playlist(p, plan(p, 4, 1)),
           HEAD("7", "1", "2") "#EXTINF:2.4, no desc\nkite-video=1-1.m4s\n#EXTINF:2.4, no "
                               "desc\nkite-video=1-2.m4s\n"
                               "#EXTINF:0.4, no desc\nkite-video=1-3.m4s\n#EXT-X-ENDLIST\n",
           "an entry lasts until the next picture is shown, or the track ends");
}

static void test_late(void)
{
    recipe v = video_25(50, 100);

    v.edit.empty = 125000; /* 5 s */
    jo_track *t = video(v);
    jo_track *tracks[] = {t, make_track("audio=1", aac_48k(470))};
    jo_presentation *p = align(2, tracks);
    is_str(
        playlist(p, plan(p, 2, 1)),
        HEAD("8", "0",
             "5") "#EXTINF:5, no desc\n#EXT-X-GAP\nkite-video=1-0.m4s\n"
                  "#EXTINF:2, no desc\nkite-video=1-1.m4s\n#EXTINF:2, no desc\nkite-video=1-2.m4s\n"
                  "#EXT-X-ENDLIST\n",
        "a track that starts late: the list starts where the others do, no entry is longer than "
        "the target");
}

static void test_leading(void)
{
    jo_presentation *p = title(open_groups());
    const char *text = playlist(p, plan(p, 6, 1));

    ok(strstr(text, "#EXTINF:2, no desc\nkite-video=1-1.m4s\n#EXTINF:1.2, no desc\n") != NULL,
       "the first one also stands for its leading pictures");
    ok(strstr(text, "#EXTINF:0.4, no desc\nkite-video=1-100.m4s\n#EXT-X-ENDLIST\n") != NULL,
       "the last one is shown until the end");
}

static void test_none(void)
{
    jo_track *t = video(video_25(50, 100));
    jo_presentation *p = title(t);
    const jo_plan *h = plan(p, 4, 1);
    int64_t peak, average;

    t->index->nraps = 0;
    ok(playlist(p, h) == NULL && cx.code == JO_ENOTFOUND, "no key pictures, no playlist");
    cx.code = APR_SUCCESS;
    ok(!jo_hls_keyframes_rates(&cx, &p->periods[0], h, &rs, 0, &peak, &average),
       "and no bit rates");
}

/* -- resources ------------------------------------------------------------------------------------------------ */

static int64_t rendered(const jo_presentation *p, const jo_plan *h, int64_t number)
{
    jo_body body;

    rs.keyframe = number;
    jo_body_init(&body, cx.pool);
    return jo_hls_render_keyframe(&cx, p, h, &rs, &body) == APR_SUCCESS ? body.length : -1;
}

static void test_sizes(void)
{
    recipe r = video_25(50, 200);

    for (int reorder = 0; reorder < 2; reorder++) {
        r.reorder = reorder;
        jo_track *t = video(r);
        jo_presentation *p = title(t);
        const jo_plan *h = plan(p, 4, 1);
        jo_keyframes ks;
        jo_keyframe k;
        int64_t peak = 0, average = 0;
        jo_keyframes_init(&ks, t);
        jo_keyframes_find(&ks, 2, &k);
        int64_t size = jo_cmaf_keyframe_size(t, &k);
        is_int(rendered(p, h, 2), size, reorder ? "size, reordered" : "size of a fragment");
        is_int(rendered(p, h, 4), size, "the last picture's, too");
        jo_hls_keyframes_rates(&cx, &p->periods[0], h, &rs, 0, &peak, &average);
        is_int(average, size * 8 / 2, "AVERAGE-BANDWIDTH");
        is_int(peak, average, "BANDWIDTH of pictures that are all alike");
    }
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_closed();
    test_span();
    test_open();
    test_intra();
    test_slow_intra();
    test_short_groups();
    test_holes();
    test_playlist();
    test_late();
    test_leading();
    test_none();
    test_sizes();
    apr_terminate();
    return tap_done();
}
