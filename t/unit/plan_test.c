/* The time line (media/presentation.c) and the plan (plan/segment.c) on indexes made by hand. */
#include "tap.h"
#include "track_make.h"

static void test_usual_ladder(void)
{
    recipe v = video_25(50, 500), a = aac_48k(938);
    v.reorder = true;
    v.edit.media_time = 1000; /* as encoders write it: the reorder delay */
    a.edit.media_time = 1024; /* one access unit of priming */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a)};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 4, 1);

    is_int(p->preroll_num, 0, "no pre-roll");
    is_int(tracks[0]->start, 0, "video starts at 0");
    is_int(tracks[0]->end, 500000, "and lasts 20 s");
    is_int(tracks[0]->dts_shift, 1000, "the composition shift is the reorder delay");
    is_int(tracks[1]->priming, 1024, "audio priming stays and is known");
    is_int(tracks[1]->start, 0, "and does not count");
    is_int(h->count, 5, "20 s in 4 s are five segments");
    is_int(h->tracks[0].cuts[1].sample, 100, "video is cut at the second key frame");
    is_int(h->tracks[0].cuts[1].time, 100000, "at 4 s");
    /* unit k is heard at (k - 1) × 1024: the first at or after 192000 is 189 at 192512 */
    is_int(h->tracks[1].cuts[1].sample, 189, "audio at the first unit at or after it");
    is_int(h->tracks[1].cuts[1].time, 192512, "which is heard there");
    is_int(h->longest_ms, 4011, "longest segment, rounded up");
    is_int(plan(p, 0, 0)->count, 10, "without a length every GOP is a segment");
    is_int(jo_presentation_duration_ms(p), 20000, "duration");
}

static void test_lookup(void)
{
    jo_track *tracks[] = {make_track("video=1", video_25(50, 500))};
    jo_presentation *p = align(1, tracks);
    const jo_plan *h = plan(p, 4, 1);

    is_int(jo_plan_find_number(h, 1), 0, "number 1 is the first");
    is_int(jo_plan_find_number(h, 5), 4, "5 the last");
    is_int(jo_plan_find_number(h, 0), -1, "0 is none");
    is_int(jo_plan_find_number(h, 6), -1, "6 is none");
    is_int(jo_plan_find_number(h, INT64_MAX), -1, "nor is the largest number");
    is_int(jo_plan_find_time(h, 0, 200000), 2, "8 s is the third");
    is_int(jo_plan_find_time(h, 0, 200001), -1, "one tick later is none");
    is_int(jo_plan_find_time(h, 0, 0), 0, "0 is the first");
    is_int(jo_plan_find_time(h, 0, 500000), -1, "the end is none");
}

static void test_half_frame(void)
{
    /* GOPs of 3.96 s: "4 s" means that one, not the next */
    jo_track *tracks[] = {make_track("video=1", video_25(99, 990))};
    is_int(plan(align(1, tracks), 4, 1)->count, 5, "3.96 s is below 4 s by more than half a frame");
    is_int(plan(align(1, tracks), 198, 50)->count, 10, "198/50 s is met exactly");
    is_int(plan(align(1, tracks), 1981, 500)->count, 10, "3.962 s within half a frame");
}

static void test_tail(void)
{
    jo_track *a[] = {make_track("video=1", video_25(50, 530))};
    jo_track *b[] = {make_track("video=1", video_25(50, 560))};
    is_int(plan(align(1, a), 4, 1)->count, 5, "a tail of 1.2 s joins its predecessor");
    is_int(plan(align(1, b), 4, 1)->count, 6, "one of 2.4 s does not");
}

static void test_longer_audio(void)
{
    jo_track *tracks[] = {make_track("video=1", video_25(50, 500)),
                          make_track("audio=1", aac_48k(1407))}; /* 30.016 s */
    const jo_plan *h = plan(align(2, tracks), 4, 1);

    is_int(h->count, 8, "cutting goes on at nominal length past the video's end");
    is_int(h->tracks[0].last, 5, "where video has nothing");
    ok(jo_plan_empty(&h->tracks[0], 6), "so its segment 7 is empty");
    is_int(h->tracks[0].cuts[8].time, 500000, "and video still ends at 20 s");
    is_int(h->tracks[1].last, 8, "audio is there to the end");
    is_int(h->tracks[1].cuts[6].time, 1152000, "and is cut at 24 s");
}

static void test_late_video(void)
{
    recipe v = video_25(50, 250);
    v.edit.empty = 250000; /* 10 s */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", aac_48k(938))};
    const jo_plan *h = plan(align(2, tracks), 4, 1);

    is_int(tracks[0]->start, 250000, "video starts at 10 s");
    is_int(h->tracks[0].first, 2, "its first two segments are empty");
    is_int(jo_plan_duration(&h->tracks[0], 0), 100000, "and last 4 s each");
    is_int(h->tracks[0].cuts[2].time, 250000, "the third starts with the picture");
    is_int(h->tracks[1].cuts[1].sample, 188, "audio is cut at 4 s all the same");
}

static void test_smallest_empty_edit_goes(void)
{
    recipe v = video_25(50, 250), a = aac_48k(469);
    v.edit.empty = 50000;  /* 2 s */
    a.edit.empty = 144000; /* 3 s */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a)};
    align(2, tracks);
    is_int(tracks[0]->start, 0, "the 2 s that all tracks wait are removed");
    is_int(tracks[1]->start, 48000, "the third second of audio stays");
}

static void test_preroll(void)
{
    recipe v = video_25(50, 500), a = aac_48k(938);
    v.edit.media_time = 70000;  /* 2.8 s: the key frame before is at 2.0 s */
    a.edit.media_time = 134400; /* 2.8 s */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a)};
    jo_presentation *p = align(2, tracks);

    is_int(jo_ticks_round(p->preroll_num, p->preroll_den, 1000), 800, "P is 0.8 s");
    is_int(tracks[0]->span.in, 50, "video is kept from the key frame before the edit");
    is_int(tracks[0]->start, 0, "which is at wire time 0");

    /* a second and a part of a unit before 0.8 s: 0.2 s of it lie before wire time 0 */
    ok(tracks[1]->priming >= 9600 && tracks[1]->priming < 10624,
       "sound before wire time 0 is priming");
    is_int(tracks[1]->start, 0, "the rest goes with the pre-roll");
    is_int(jo_ticks_round(tracks[1]->end - tracks[1]->preroll, 48000, 1000),
           jo_ticks_round(938 * 1024 - 134400, 48000, 1000), "sound ends where it did");
}

static void test_edit_end(void)
{
    recipe v = video_25(50, 500), a = aac_48k(938);
    v.edit.end = 250000;
    a.edit.end = 480000;
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a)};
    align(2, tracks);
    is_int(tracks[0]->span.out, 250, "pictures after the edit's end are left out");
    is_int(tracks[0]->end, 250000, "video ends there");
    is_int(tracks[1]->span.out, 469, "the unit that the end falls into stays");
}

static void test_misaligned_rung(void)
{
    jo_track *tracks[] = {make_track("video=1", video_25(50, 500)),
                          make_track("video=2", video_25(60, 500)),
                          make_track("video=3", video_25(25, 500))};
    const jo_plan *h = plan(align(3, tracks), 4, 1);

    ok(!h->tracks[1].aligned, "a rung with other GOPs is told apart");
    is_int(h->tracks[1].cuts[1].sample, 120, "and cut at its own key frame");
    is_int(jo_plan_duration(&h->tracks[1], 0), 120000, "of which the duration is true");
    ok(h->tracks[2].aligned, "one with more key frames is aligned");
}

static void test_other_timescale(void)
{
    recipe a = {.kind = JO_VIDEO, .timescale = 30000, .duration = 1001, .gop = 60, .count = 600};
    recipe b = {.kind = JO_VIDEO, .timescale = 90000, .duration = 3003, .gop = 60, .count = 600};
    jo_track *tracks[] = {make_track("video=1", a), make_track("video=2", b)};
    const jo_plan *h = plan(align(2, tracks), 4, 1);

    ok(h->tracks[1].aligned, "boundaries are compared as exact fractions");
    is_int(h->tracks[1].cuts[1].time, 360360, "at 4.004 s");
    is_int(h->tracks[0].cuts[1].time, 120120, "in both");
}

static void test_fragments(void)
{
    recipe v = video_25(25, 400);
    v.fragment = 100;
    jo_track *tracks[] = {make_track("video=1", v)};
    is_int(plan(align(1, tracks), 0, 0)->count, 4,
           "without a length source fragments are segments");
    is_int(plan(align(1, tracks), 2, 1)->count, 8, "with one cuts may fall inside");
}

static void test_audio_only(void)
{
    jo_track *one[] = {make_track("audio=1", aac_48k(938))};
    is_int(plan(align(1, one), 0, 0)->count, 10, "audio alone: about 2 s");
    is_int(plan(align(1, one), 4, 1)->count, 5, "or as asked");
    recipe f = aac_48k(938);
    f.fragment = 5;
    jo_track *two[] = {make_track("audio=1", f)};
    const jo_plan *h = plan(align(1, two), 0, 0);
    ok(h->count >= 17 && h->count <= 20, "tiny source fragments are joined to about 1 s");
}

/* A late track: what was cut away before its edit start can't be hidden, so it is not kept. */
static void test_late_audio(void)
{
    recipe a = aac_48k(938);
    a.edit.media_time = 2048;
    a.edit.empty = 49440; /* 1.03 s */
    jo_track *tracks[] = {make_track("video=1", video_25(25, 500)), make_track("audio=1", a)};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 1, 1);

    is_int(tracks[1]->priming, 0, "a late track has no priming");
    is_int(tracks[1]->start, 49440, "and starts with its edit");
    ok(jo_plan_empty(&h->tracks[1], 0), "its first segment is empty");
    is_int(h->tracks[1].cuts[1].time, 49440, "the second starts with the sound");
    bool rising = true;
    for (int i = 0; i < h->count; i++) {
        rising = rising && h->tracks[1].cuts[i].time < h->tracks[1].cuts[i + 1].time;
    }
    ok(rising, "times rise throughout");
    ok(h->longest_ms >= 1030, "the gap ahead counts for the longest segment");
}

/* -- where the sample entry of a track changes ----------------------------------------------------------- */

/* To and fro between two sample entries at these samples, 0 after the last. */
static jo_track *change(jo_track *t, const uint32_t *at)
{
    jo_run *runs = apr_pcalloc(cx.pool, sizeof(*runs) * 16);
    const jo_track **variants = apr_pcalloc(cx.pool, sizeof(*variants) * 2);

    variants[0] = t;
    variants[1] = apr_pmemdup(cx.pool, t, sizeof(*t));
    t->nruns = 1;
    for (; *at != 0; at++) {
        runs[t->nruns] = (jo_run){*at, t->nruns % 2, 0};
        t->nruns++;
    }
    t->runs = runs;
    t->variants = variants;
    t->nvariants = 2;
    return t;
}
#define CHANGE(t, ...) change(t, (const uint32_t[]){__VA_ARGS__, 0})

/* No segment has samples of two sample entries, times rise, and what changes is listed. */
static bool is_sound(const jo_plan *h, int n, jo_track **tracks)
{
    int listed = 0;

    for (int i = 0; i < h->count; i++) {
        bool differs = false;
        for (int k = 0; k < n; k++) {
            const jo_track *t = tracks[k];
            const jo_cut *c = &h->tracks[k].cuts[i];
            if (c[1].sample < c->sample || c[1].time < c->time || c[1].bytes < c->bytes ||
                (t->nruns > 1 && c[1].sample > c->sample &&
                 jo_track_variant(t, c->sample) != jo_track_variant(t, c[1].sample - 1))) {
                printf("# track %d, segment %d: samples %u to %u\n", k, i, c->sample, c[1].sample);
                return false;
            }
            differs |= t->nruns > 1 && c[1].sample > c->sample && c->sample > t->span.in &&
                       jo_track_variant(t, c->sample) != jo_track_variant(t, c->sample - 1);
        }
        if (differs && (listed == h->nchanges || h->changes[listed++] != i)) {
            printf("# change with segment %d\n", i);
            return false;
        }
    }
    return listed == h->nchanges;
}

static bool starts(const jo_plan *h, int track, int count, const uint32_t *samples)
{
    bool good = h->count == count;

    for (int i = 0; i < h->count; i++) {
        good = good && h->tracks[track].cuts[i].sample == samples[i];
    }
    for (int i = 0; !good && i < h->count; i++) {
        printf("# segment %d of %d: sample %u\n", i, h->count, h->tracks[track].cuts[i].sample);
    }
    return good;
}
#define STARTS(h, track, ...)                                            \
    starts(h, track, (int)(sizeof((const uint32_t[]){__VA_ARGS__}) / 4), \
           (const uint32_t[]){__VA_ARGS__})

static void test_change_of_reference(void)
{
    jo_track *one[] = {CHANGE(make_track("video=1", video_25(25, 500)), 150)};
    const jo_plan *h = plan(align(1, one), 4, 1);

    ok(is_sound(h, 1, one), "a change in the reference");
    ok(STARTS(h, 0, 0, 100, 150, 250, 350, 450),
       "is a cut from which the length counts anew; the tail of 2 s is half a segment");
    ok(h->nchanges == 1 && h->changes[0] == 2, "and listed");
    one[0] = CHANGE(make_track("video=1", video_25(25, 500)), 475);
    h = plan(align(1, one), 4, 1);
    ok(is_sound(h, 1, one) && STARTS(h, 0, 0, 100, 200, 300, 400, 475),
       "a tail of another entry joins nothing");
    one[0] = CHANGE(make_track("video=1", video_25(25, 500)), 25, 50, 75);
    h = plan(align(1, one), 4, 1);
    ok(is_sound(h, 1, one) && h->nchanges == 3 && STARTS(h, 0, 0, 25, 50, 75, 175, 275, 375),
       "several; a tail of its own entry does");
    one[0] = CHANGE(make_track("audio=1", aac_48k(938)), 300);
    h = plan(align(1, one), 2, 1);
    ok(is_sound(h, 1, one) && h->tracks[0].cuts[4].sample == 300, "of sound alone");
    recipe f = video_25(25, 400);
    f.fragment = 100;
    one[0] = CHANGE(make_track("video=1", f), 125);
    h = plan(align(1, one), 0, 0);
    ok(is_sound(h, 1, one) && STARTS(h, 0, 0, 100, 125, 200, 300), "within a source fragment");
    f = aac_48k(938);
    one[0] = make_track("audio=1", f);
    jo_run same[] = {{0, 0, 0}, {77, 0, 1}};
    one[0]->runs = same;
    one[0]->nruns = 2;
    h = plan(align(1, one), 4, 1);
    ok(h->nchanges == 0 && h->count == 5, "another file is no change");
}

static void test_change_of_other(void)
{
    jo_track *two[] = {make_track("video=1", video_25(50, 500)),
                       CHANGE(make_track("audio=1", aac_48k(938)), 450)}; /* 9.6 s */
    const jo_plan *h = plan(align(2, two), 4, 1);

    ok(is_sound(h, 2, two), "a change of the sound alone");
    ok(STARTS(h, 0, 0, 100, 200, 250, 350, 450), "the reference goes on at its next key frame");
    is_int(h->tracks[1].cuts[3].sample, 450, "the sound changes on time");
    ok(h->tracks[0].aligned, "the reference is aligned with itself");
    two[1] = CHANGE(make_track("audio=1", aac_48k(938)), 377); /* 8.04 s, key frame at 8 s */
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && STARTS(h, 0, 0, 100, 200, 300, 400) &&
           h->tracks[1].cuts[2].sample == 377,
       "one near a key frame moves there but keeps its own sample");
    two[1] = CHANGE(make_track("audio=1", aac_48k(938)), 373); /* 7.957 s */
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && STARTS(h, 0, 0, 100, 200, 300, 400) &&
           h->tracks[1].cuts[2].sample == 373,
       "a little before it, too");
    two[0] = CHANGE(make_track("video=1", video_25(50, 500)), 250);
    two[1] = CHANGE(make_track("audio=1", aac_48k(938)), 470); /* 10.027 s: joined titles */
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 1 && STARTS(h, 0, 0, 100, 200, 250, 350, 450) &&
           h->tracks[1].cuts[3].sample == 470,
       "sound that changes with the pictures, or nearly, does so with one segment");
    two[0] = make_track("video=1", video_25(50, 500));
    two[1] = CHANGE(make_track("audio=1", aac_48k(938)), 450, 452, 454);
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 3, "changes within a few frames are all kept");
    recipe text = {.kind = JO_TEXT, .timescale = 1000, .duration = 5000, .count = 4};
    two[1] = CHANGE(make_track("text=1", text), 2); /* 10 s; none begins with the segment before */
    h = plan(align(2, two), 2, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 1 && h->changes[0] == 5 && h->tracks[1].holes,
       "text changes where it does, not with the empty segment before");
    two[1] = CHANGE(make_track("audio=1", aac_48k(938)), 1);
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 1, "at once");
}

static void test_change_of_rung(void)
{
    jo_track *three[] = {make_track("video=1", video_25(50, 500)),
                         CHANGE(make_track("video=2", video_25(50, 500)), 250),
                         make_track("audio=1", aac_48k(938))};
    const jo_plan *h = plan(align(3, three), 4, 1);

    ok(is_sound(h, 3, three) && STARTS(h, 0, 0, 100, 200, 250, 350, 450) && h->tracks[1].aligned,
       "a change in another rung cuts all");
    three[2] = CHANGE(make_track("audio=1", aac_48k(938)), 450);
    three[1] = make_track("video=2", video_25(50, 500));
    h = plan(align(3, three), 4, 1);
    ok(is_sound(h, 3, three) && h->tracks[1].aligned,
       "rungs are aligned where sound makes them wait for a key frame");
    three[1] = make_track("video=2", video_25(60, 500));
    h = plan(align(3, three), 4, 1);
    ok(!h->tracks[1].aligned, "and not if they wait for another");
}

static void test_change_outside(void)
{
    jo_track *two[] = {make_track("video=1", video_25(50, 250)),
                       CHANGE(make_track("audio=1", aac_48k(938)), 600, 900)};
    const jo_plan *h = plan(align(2, two), 4, 1);

    ok(is_sound(h, 2, two) && h->nchanges == 2, "changes beyond the reference's end");
    recipe late = video_25(50, 250);
    late.edit.empty = 250000;
    two[0] = make_track("video=1", late);
    two[1] = CHANGE(make_track("audio=1", aac_48k(938)), 100);
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 1, "and before its start");
    recipe cut = aac_48k(938);
    cut.edit.media_time = 200 * 1024;
    cut.edit.end = 500 * 1024;
    two[0] = make_track("video=1", video_25(50, 250));
    two[1] = CHANGE(make_track("audio=1", cut), 100, 600);
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 0, "what is cut away changes nothing");
    two[1] = CHANGE(make_track("audio=1", cut), 190);
    h = plan(align(2, two), 4, 1);
    ok(is_sound(h, 2, two) && h->nchanges == 1, "but in the priming it does");
}

/* A reference of one picture a second, in ticks of a second: it can't say when the other changes. */
static void test_coarse_change(void)
{
    recipe slides = {.kind = JO_VIDEO, .timescale = 1, .duration = 1, .gop = 5, .count = 20};
    recipe v = video_25(5, 500);
    jo_track *two[] = {make_track("video=1", slides),
                       CHANGE(make_track("video=2", v), 140, 145, 150)};
    const jo_plan *h = plan(align(2, two), 4, 1);

    ok(is_sound(h, 2, two) && h->nchanges == 3, "a coarse reference");
    for (uint32_t at = 5; at < 500; at += 45) {
        two[1] = CHANGE(make_track("video=2", v), at);
        h = plan(align(2, two), 4, 1);
        ok(is_sound(h, 2, two) && h->nchanges == 1, "with a change at picture %u", at);
    }
}

static void test_changes_at_random(void)
{
    uint32_t x = 1;
    bool good = true;

    for (int n = 0; n < 300 && good; n++) {
        jo_track *three[3];
        for (int k = 0; k < 3; k++) {
            uint32_t at[9] = {0}, step = k < 2 ? 10 : 1, last = 0;
            for (int i = 0; i < 8; i++) {
                x = x * 1664525 + 1013904223;
                last += step * (1 + (x >> 24) % (x & 0x100000 ? 60 / step : 4));
                at[i] = last < 480 ? last : 0;
            }
            recipe r = k < 2 ? video_25(10, 500) : aac_48k(938);
            if (k == 0 && n % 3 == 0) {
                r.timescale = 25;
                r.duration = 1;
            }
            three[k] = change(make_track("t", r), at);
        }
        const jo_plan *h = plan(align(3, three), n % 5, n % 5 ? 1 : 0);
        good = is_sound(h, 3, three);
    }
    ok(good, "changes anywhere, of three tracks");
}

static void test_bounds(void)
{
    recipe v = video_25(50, 100);
    v.edit.empty = (int64_t)1 << 59;
    jo_track *tracks[] = {make_track("video=1", video_25(50, 100)), make_track("video=2", v)};
    jo_presentation p = {.nperiods = 1};
    jo_period period = {.tracks = tracks, .ntracks = 2};
    jo_ctx own = cx;

    p.periods = &period;
    ok(jo_presentation_align(&own, &p) == JO_EMEDIA, "a title of centuries is refused");
}

static void test_limit(void)
{
    jo_track *tracks[] = {make_track("audio=1", aac_48k(938))};
    jo_presentation *p = align(1, tracks);
    jo_limits few = *cx.limits;
    jo_ctx small = cx;
    jo_plan *out;

    few.segments = 3;
    small.limits = &few;
    ok(jo_plan_make(&small, &p->periods[0], (jo_fraction){1, 1}, &out) == JO_EMEDIA,
       "more segments than allowed are refused");
    is_str(small.message, "more than 3 segments in all tracks", "with the reason");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_usual_ladder();
    test_lookup();
    test_half_frame();
    test_tail();
    test_longer_audio();
    test_late_video();
    test_smallest_empty_edit_goes();
    test_preroll();
    test_edit_end();
    test_misaligned_rung();
    test_other_timescale();
    test_fragments();
    test_audio_only();
    test_late_audio();
    test_change_of_reference();
    test_change_of_other();
    test_change_of_rung();
    test_change_outside();
    test_coarse_change();
    test_changes_at_random();
    test_bounds();
    test_limit();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
