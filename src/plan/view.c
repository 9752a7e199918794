#include "view.h"

#include "../base/status.h"

#include <apr_strings.h>

#define US 1000000

/* Segments [from, until) of a track. */
static jo_track_plan part_of(const jo_track_plan *tp, int from, int until)
{
    jo_track_plan part = *tp;

    part.cuts = tp->cuts + from;
    part.first = tp->first < from ? 0 : (tp->first < until ? tp->first : until) - from;
    part.last = tp->last > until ? until - from : tp->last - from;
    while (part.first < part.last && jo_plan_empty(&part, part.first)) {
        part.first++;
    }
    while (part.last > part.first && jo_plan_empty(&part, part.last - 1)) {
        part.last--;
    }
    part.last = part.last < part.first ? part.first : part.last;
    return part;
}

/* When track i has its first sample of segment `at`. */
static bool starts_at(const jo_period *period, const jo_plan *plan, int i, int at, jo_fraction *out)
{
    const jo_track *t = period->tracks[i];
    const jo_track_plan *tp = &plan->tracks[i];

    *out = (jo_fraction){tp->cuts[at].time - t->preroll, t->timescale};
    return at >= tp->first && at < tp->last && !jo_plan_empty(tp, at);
}

/* Where the reference itself begins, or has nothing, others may have begun before. */
jo_fraction jo_view_start(const jo_period *period, const jo_plan *plan, int at)
{
    jo_fraction start, least = {0, 1};
    bool found = false;

    if (at <= 0) {
        return least;
    }
    if (at > plan->tracks[period->reference].first &&
        starts_at(period, plan, period->reference, at, &start)) {
        return start;
    }
    for (int i = 0; i < period->ntracks; i++) {
        if (starts_at(period, plan, i, at, &start) &&
            (!found || jo_ticks_cmp(start.num, start.den, least.num, least.den) < 0)) {
            least = start;
            found = true;
        }
    }
    return least;
}

/* Changes of sample entries within the range, but not with its first segment. */
static void take_changes(jo_ctx *cx, const jo_plan *plan, int from, int until, jo_plan *out)
{
    out->changes = apr_palloc(cx->pool, sizeof(*out->changes) * (size_t)(plan->nchanges + 1));
    out->nchanges = 0;
    for (int i = 0; i < plan->nchanges; i++) {
        if (plan->changes[i] > from && plan->changes[i] < until) {
            out->changes[out->nchanges++] = plan->changes[i] - from;
        }
    }
}

static void start_tracks(jo_view *v)
{
    for (int i = 0; i < v->period.ntracks; i++) {
        jo_track *t = v->period.tracks[i];
        t->preroll += jo_ticks_round(v->start.num, v->start.den, t->timescale);
    }
}

static void make(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan, int from, int until,
                 jo_view *out)
{
    const jo_period *whole = &p->periods[0];

    *out = (jo_view){*p, *whole, *plan, jo_view_start(whole, plan, from)};
    out->presentation.periods = &out->period;
    out->period.tracks = apr_palloc(cx->pool, sizeof(jo_track *) * (size_t)whole->ntracks);
    out->plan.tracks = apr_palloc(cx->pool, sizeof(jo_track_plan) * (size_t)whole->ntracks);
    out->plan.count = until - from;
    out->plan.base_number = plan->base_number + from;
    take_changes(cx, plan, from, until, &out->plan);
    for (int i = 0; i < whole->ntracks; i++) {
        out->plan.tracks[i] = part_of(&plan->tracks[i], from, until);
        out->period.tracks[i] = apr_pmemdup(cx->pool, whole->tracks[i], sizeof(jo_track));
    }
}

void jo_view_make(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan, int from, int until,
                  jo_view *out)
{
    make(cx, p, plan, from, until, out);
    start_tracks(out);
}

/* -- clips -------------------------------------------------------------------------------------------------- */

/* Wire time of a moment of the clip, in a track of the whole title. */
static int64_t wire(const jo_track *t, int64_t us)
{
    return jo_ticks_add(t->preroll, jo_ticks_round(us, US, t->timescale));
}

static bool begins_after_end(const jo_period *period, int64_t begin)
{
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        if (jo_period_counts(period, t) &&
            jo_ticks_cmp(t->end - t->preroll, t->timescale, begin, US) > 0) {
            return false;
        }
    }
    return true;
}

/* Is a frame or more of what is presented at wire time `at` in the segment before: of a track that is not cut where the
 * reference is, or whose samples last over a cut? */
static bool reaches_back(const jo_track *t, const jo_cut *segment, int64_t at)
{
    return t->start <= at && t->end > at && segment[0].sample > t->span.in &&
           segment[0].time - at >= (t->kind == JO_TEXT || t->frame < 1 ? 1 : t->frame);
}

/* The segment that has what every picture and sound presents then: not all may be cut where the reference is. */
static int cover(const jo_period *period, const jo_plan *plan, int64_t begin, int from)
{
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        while (from > 0 && t->kind != JO_TEXT &&
               reaches_back(t, &plan->tracks[i].cuts[from], wire(t, begin))) {
            from--;
        }
    }
    return from;
}

/* The segments that the clip touches: [*from, *until), at least one. */
static void find_segments(const jo_period *period, const jo_plan *plan, const jo_clip *clip,
                          int *from, int *until)
{
    *from = 0;
    *until = plan->count;
    for (int i = 1; i < plan->count; i++) {
        jo_fraction start = jo_view_start(period, plan, i);
        if (start.num == 0) { /* nothing in it says when it starts */
            continue;
        }
        if (jo_ticks_cmp(start.num, start.den, clip->begin, US) <= 0) {
            *from = i;
        } else if (jo_ticks_cmp(start.num, start.den, clip->end, US) >= 0) {
            *until = i;
            return;
        }
    }
}

/* The last random access point of t at or before a wire time, from sample `least` and before the segment's end; where
 * there is none, what the segment starts with. */
static jo_cut last_cut(const jo_track *t, const jo_cut *segment, uint32_t least, int64_t time)
{
    const jo_index *ix = t->index;
    int64_t at = jo_ticks_sub(time, t->span.shift);
    jo_cut cut = segment[0];
    uint32_t until = segment[1].sample > cut.sample ? segment[1].sample : cut.sample;

    if (ix->raps == NULL) {
        uint32_t n = jo_index_find_dts(ix, jo_ticks_add(jo_ticks_sub(at, ix->cts), 1));
        if (n > least && n <= until && n - 1 != cut.sample) {
            cut.sample = n - 1;
            cut.time = jo_index_dts(ix, n - 1) + ix->cts + t->span.shift;
        }
    } else {
        uint32_t k = jo_index_find_rap(ix, jo_ticks_add(at, 1));
        if (k > 0 && ix->raps[k - 1].sample >= least && ix->raps[k - 1].sample < until &&
            ix->raps[k - 1].sample != cut.sample) {
            cut.sample = ix->raps[k - 1].sample;
            cut.time = ix->raps[k - 1].ept + t->span.shift;
        }
    }
    cut.time = cut.time < t->start ? t->start : cut.time;
    if (cut.sample < segment[0].sample) {
        cut.bytes -= jo_index_range_bytes(ix, cut.sample, segment[0].sample);
    } else {
        cut.bytes += jo_index_range_bytes(ix, segment[0].sample, cut.sample);
    }
    return cut;
}

/* The first sample from which on nothing but the segment's sample entry is needed: that of its first sample, or, where it
 * has none, of what it goes on with. */
static uint32_t first_alike(const jo_track *t, const jo_cut *segment)
{
    bool empty = segment[0].sample == segment[1].sample;
    int k = t->nvariants > 1 ? jo_track_run(t, segment[0].sample - (empty ? 1 : 0)) : 0;

    while (k > 0 && t->runs[k].variant == t->runs[k - 1].variant) {
        k--;
    }
    return k > 0 && t->runs[k].sample > t->span.in ? t->runs[k].sample : t->span.in;
}

/* Cuts the first segment of every track: the reference where it can be decoded from, the others where that starts, or
 * before it where they can only be decoded from there. */
static void cut_head(jo_view *v, int64_t begin)
{
    const jo_track *ref = v->period.tracks[v->period.reference];
    const jo_cut *first = v->plan.tracks[v->period.reference].cuts;
    int64_t at = wire(ref, begin);

    if (v->plan.tracks[v->period.reference].first == 0) {
        jo_cut cut = last_cut(ref, first, first->sample, at);
        v->plan.recut_head = cut.sample != first->sample;
        at = cut.time;
    }
    for (int i = 0; i < v->period.ntracks; i++) {
        const jo_track *t = v->period.tracks[i];
        v->plan.recut_head |= reaches_back(t, v->plan.tracks[i].cuts, wire(t, begin));
    }
    for (int i = 0; v->plan.recut_head && i < v->period.ntracks; i++) {
        const jo_track *t = v->period.tracks[i];
        jo_track_plan *tp = &v->plan.tracks[i];
        int64_t time = jo_ticks_round(at, ref->timescale, t->timescale);
        bool back = reaches_back(t, tp->cuts, wire(t, begin));
        if (back || (tp->first == 0 && tp->last > 0)) {
            tp->cuts[0] = last_cut(t, tp->cuts, back ? first_alike(t, tp->cuts) : tp->cuts->sample,
                                   time + (t->kind == JO_VIDEO ? t->frame / 2 : 0));
        }
        if (back) {
            tp->first = 0;
            tp->last = tp->last > 0 ? tp->last : 1;
            *tp = part_of(tp, 0, v->plan.count);
        }
        if (t->kind == JO_TEXT &&
            tp->cuts[0].time < time) { /* shown already when the clip begins */
            tp->cuts[0].time = time;
        }
    }
}

#define TRIES 8

/* What of the samples [first, last) a prefix has. */
typedef struct prefix {
    uint32_t count;
    int64_t latest; /* PTS */
    int64_t end;    /* PTS + duration of that */
} prefix;

/* The shortest prefix that has all samples presented before `limit`. */
static prefix take_until(const jo_index *ix, uint32_t first, uint32_t last, int64_t limit)
{
    prefix p = {0, INT64_MIN, INT64_MIN}, longest = p;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, ix, first);
    for (uint32_t n = first; n < last && jo_cursor_next(&c, &s); n++) {
        int64_t pts = s.dts + s.cts;
        longest.count++;
        if (pts > longest.latest) {
            longest.latest = pts;
            longest.end = pts + s.duration;
        }
        if (pts < limit) {
            p = longest;
        }
    }
    return p;
}

/* Where the segment ends so that it has all that is presented before wire time `time`, and nothing is missing between its
 * pictures: decoding order may want some that are presented later. */
static jo_cut end_cut(const jo_track *t, const jo_cut *segment, int64_t time)
{
    int64_t limit = jo_ticks_sub(time, t->span.shift);
    jo_cut cut = segment[1];
    prefix p = {0};

    for (int i = 0; i < TRIES; i++) {
        uint32_t before = p.count;
        p = take_until(t->index, segment[0].sample, segment[1].sample, limit);
        if (p.count == before) {
            break;
        }
        limit = jo_ticks_add(p.latest, 1);
    }
    if (p.count < segment[1].sample - segment[0].sample) {
        cut.sample = segment[0].sample + p.count;
        cut.time = p.count ? p.end + t->span.shift : segment[0].time;
        cut.bytes =
            segment[0].bytes + jo_index_range_bytes(t->index, segment[0].sample, cut.sample);
    }
    return cut;
}

/* Something is presented in the shortest of clips. */
static int64_t end_of(const jo_track *t, const jo_clip *clip)
{
    int64_t begin = wire(t, clip->begin), end = wire(t, clip->end);

    return end > begin ? end : jo_ticks_add(begin, 1);
}

static void cut_tail(jo_view *v, const jo_clip *clip)
{
    int k = v->plan.count - 1;

    for (int i = 0; i < v->period.ntracks; i++) {
        jo_track_plan *tp = &v->plan.tracks[i];
        if (tp->last != k + 1 || tp->first > k) {
            continue;
        }
        jo_cut cut = end_cut(v->period.tracks[i], &tp->cuts[k], end_of(v->period.tracks[i], clip));
        v->plan.recut_tail |= cut.sample != tp->cuts[k + 1].sample;
        tp->cuts[k + 1] = cut;
        *tp = part_of(tp, 0, k + 1);
    }
}

/* What was cut anew may be longer than any segment of the title. */
static void measure_edges(jo_view *v)
{
    for (int i = 0; i < v->period.ntracks; i++) {
        const jo_track *t = v->period.tracks[i];
        int64_t ms = jo_ticks_ceil(jo_plan_duration(&v->plan.tracks[i], 0), t->timescale, 1000);
        if (jo_period_counts(&v->period, t) && ms > v->plan.longest_ms) {
            v->plan.longest_ms = ms;
        }
    }
}

/* The cuts are the view's own from here on. */
static void own_cuts(jo_ctx *cx, jo_view *v)
{
    for (int i = 0; i < v->period.ntracks; i++) {
        jo_track_plan *tp = &v->plan.tracks[i];
        tp->cuts = apr_pmemdup(cx->pool, tp->cuts, sizeof(*tp->cuts) * (size_t)(v->plan.count + 1));
    }
}

/* Segments without samples that are the first of a range last as long as others', not nothing, as within the track. */
static void time_silence(jo_ctx *cx, const jo_period *whole, const jo_plan *plan, int from,
                         jo_plan *part)
{
    for (int i = 0; i < whole->ntracks; i++) {
        const jo_track *t = whole->tracks[i];
        jo_track_plan *tp = &part->tracks[i];
        if (plan->tracks[i].first >= from || tp->first == 0) {
            continue;
        }
        tp->cuts = apr_pmemdup(cx->pool, tp->cuts, sizeof(*tp->cuts) * (size_t)(part->count + 1));
        for (int k = 0; k < tp->first; k++) {
            jo_fraction start = jo_view_start(whole, plan, from + k);
            tp->cuts[k].time = jo_ticks_round(start.num, start.den, t->timescale) + t->preroll;
        }
    }
}

static void end_tracks(jo_view *v, int64_t end)
{
    for (int i = 0; i < v->period.ntracks; i++) {
        jo_track *t = v->period.tracks[i];
        int64_t last = v->plan.tracks[i].cuts[v->plan.count].time;
        int64_t at = end < INT64_MAX ? wire(t, end) : INT64_MAX;
        last = last < at ? last : at;
        t->end = t->end < last ? t->end : last;
    }
}

apr_status_t jo_view_clip(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                          const jo_clip *clip, bool exact, jo_view *out)
{
    int from, until;

    if (begins_after_end(&p->periods[0], clip->begin)) {
        return jo_fail(cx, JO_ENOTFOUND, "the clip begins where the title has ended, after %lld ms",
                       (long long)jo_presentation_duration_ms(p));
    }
    find_segments(&p->periods[0], plan, clip, &from, &until);
    from = exact ? from : cover(&p->periods[0], plan, clip->begin, from);
    make(cx, p, plan, from, until, out);
    out->plan.clip = true;
    if (exact) {
        out->plan.exact = true;
        own_cuts(cx, out);
        cut_head(out, clip->begin);
        cut_tail(out, clip);
        measure_edges(out);
        out->start = (jo_fraction){clip->begin, US};
    }
    time_silence(cx, &p->periods[0], plan, from, &out->plan);
    end_tracks(out, exact ? clip->end : INT64_MAX);
    start_tracks(out);
    return APR_SUCCESS;
}
