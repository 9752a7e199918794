#include "segment.h"

#include "../base/log.h"
#include "../base/status.h"

/* Audio without video and without fragments of its own, where no length is asked for. */
#define AUDIO_GOP_MS 2000
/* Tracks of which every sample is a sync sample: their "GOP" is no useful segment. */
#define SHORTEST_GOP_MS 1000
/* No segment is asked to be shorter, whatever a descriptor says or key frames allow. */
#define SHORTEST_MS 100

/* -- boundaries of the reference ------------------------------------------------------------------- */

typedef struct boundaries {
    apr_pool_t *pool;
    const jo_track *ref;
    int64_t *times; /* wire time, reference ticks; times[0] is the start of everything */
    int count;
    int cap;
    int64_t most; /* that limits->segments leaves to each track */
} boundaries;

static apr_status_t push(jo_ctx *cx, boundaries *b, int64_t time)
{
    if (b->count >= b->most) {
        return jo_fail(cx, JO_EMEDIA, "more than %u segments in all tracks", cx->limits->segments);
    }
    if (b->count == b->cap) {
        int cap = b->cap ? b->cap * 2 : 256;
        int64_t *grown = apr_palloc(b->pool, sizeof(*grown) * (size_t)cap);
        for (int i = 0; i < b->count; i++) {
            grown[i] = b->times[i];
        }
        b->times = grown;
        b->cap = cap;
    }
    b->times[b->count++] = time;
    return APR_SUCCESS;
}

static bool has_fragment_raps(const jo_index *ix)
{
    for (uint32_t i = 1; i < ix->nraps; i++) {
        if (ix->raps[i].fragment) {
            return true;
        }
    }
    return false;
}

/* First random access point of t at or after wire time `time`; false if there is none in its span.
 * fragments: only those that start a source fragment. */
static bool find_cut(const jo_track *t, int64_t time, bool fragments, jo_cut *out)
{
    const jo_index *ix = t->index;
    int64_t at = jo_ticks_sub(time, t->span.shift);

    if (ix->raps == NULL) {
        uint32_t n = jo_index_find_dts(ix, jo_ticks_sub(at, ix->cts));
        n = n < t->span.in ? t->span.in : n;
        out->sample = n;
        out->time = n < t->span.out ? jo_index_dts(ix, n) + ix->cts + t->span.shift : t->end;
        return n < t->span.out;
    }
    for (uint32_t k = jo_index_find_rap(ix, at); k < ix->nraps; k++) {
        const jo_rap *r = &ix->raps[k];
        if (r->sample >= t->span.out) {
            break;
        }
        if (r->sample >= t->span.in && (!fragments || r->fragment)) {
            out->sample = r->sample;
            out->time = r->ept + t->span.shift;
            return true;
        }
    }
    return false;
}

/* Next boundary of an all-sync reference with source fragments: the first that starts at or after `time`. */
static bool find_fragment(const jo_track *t, int64_t time, jo_cut *out)
{
    const jo_index *ix = t->index;
    uint32_t lo = 0, hi = ix->nfragments;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (jo_index_dts(ix, ix->fragments[mid]) + ix->cts + t->span.shift < time) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == ix->nfragments || ix->fragments[lo] >= t->span.out) {
        return false;
    }
    out->sample = ix->fragments[lo];
    out->time = jo_index_dts(ix, out->sample) + ix->cts + t->span.shift;
    return true;
}

/* How a reference is cut: shortest distance between boundaries in ticks, and at what. */
typedef struct rule {
    int64_t wanted;
    bool fragments;
} rule;

static rule make_rule(const jo_track *t, jo_fraction wanted)
{
    const jo_index *ix = t->index;
    rule r = {0, false};

    if (wanted.den != 0) {
        r.wanted = jo_ticks_round(wanted.num, wanted.den, t->timescale) - t->frame / 2;
    } else if (ix->raps != NULL) {
        r.fragments = has_fragment_raps(ix);
    } else {
        r.fragments = ix->nfragments > 1;
        int64_t ms = r.fragments || t->kind == JO_VIDEO ? SHORTEST_GOP_MS : AUDIO_GOP_MS;
        r.wanted = jo_ticks_round(ms, 1000, t->timescale) - t->frame / 2;
    }
    int64_t least = jo_ticks_ceil(SHORTEST_MS, 1000, t->timescale);
    r.wanted = r.wanted < least ? least : r.wanted;
    return r;
}

static bool next_boundary(const jo_track *t, const rule *r, int64_t prev, jo_cut *out)
{
    int64_t from = jo_ticks_add(prev, r->wanted);

    if (r->fragments && t->index->raps == NULL) {
        return find_fragment(t, from, out);
    }
    return find_cut(t, from, r->fragments, out);
}

/* The reference's own boundaries after its start. */
static apr_status_t cut_reference(jo_ctx *cx, boundaries *b, const rule *r)
{
    jo_cut cut;
    int64_t prev = b->ref->start;

    while (next_boundary(b->ref, r, prev, &cut) && cut.time > prev) {
        if (push(cx, b, cut.time) != APR_SUCCESS) {
            return cx->code;
        }
        prev = cut.time;
    }
    return APR_SUCCESS;
}

/* Length of a usual segment: as asked for, or the mean of what the reference's key frames gave. */
static int64_t nominal_length(const boundaries *b, jo_fraction wanted)
{
    int64_t ts = b->ref->timescale;
    int64_t n = wanted.den != 0 ? jo_ticks_round(wanted.num, wanted.den, ts)
                                : (b->ref->end - b->ref->start) / (b->count > 0 ? b->count : 1);
    return n < 1 ? 1 : n;
}

/* Start and end of all tracks, reference ticks. */
static void extent(const jo_period *period, const jo_track *ref, int64_t *start, int64_t *end)
{
    *start = ref->start;
    *end = ref->end;
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        if (!jo_period_counts(period, t)) {
            continue;
        }
        int64_t s = jo_ticks_floor(t->start, t->timescale, ref->timescale);
        int64_t e = jo_ticks_ceil(t->end, t->timescale, ref->timescale);
        *start = s < *start ? s : *start;
        *end = e > *end ? e : *end;
    }
}

static apr_status_t cut_at_nominal(jo_ctx *cx, boundaries *b, int64_t from, int64_t until,
                                   int64_t nominal)
{
    for (int64_t at = from; until - at >= nominal / 2 && until > at; at += nominal) {
        if (push(cx, b, at) != APR_SUCCESS) {
            return cx->code;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t find_boundaries(jo_ctx *cx, const jo_period *period, jo_fraction wanted,
                                    boundaries *all)
{
    const jo_track *ref = period->tracks[period->reference];
    boundaries own = {.pool = all->pool, .ref = ref, .most = all->most};
    rule r = make_rule(ref, wanted);
    int64_t start, end;

    if (push(cx, &own, ref->start) != APR_SUCCESS || cut_reference(cx, &own, &r) != APR_SUCCESS) {
        return cx->code;
    }
    int64_t nominal = nominal_length(&own, wanted);
    if (own.count > 1 && ref->end - own.times[own.count - 1] < nominal / 2) {
        own.count--; /* a tail under half a segment joins its predecessor */
    }
    extent(period, ref, &start, &end);
    if (push(cx, all, start) != APR_SUCCESS) {
        return cx->code;
    }
    for (int64_t at = start + nominal; ref->start - at >= 0; at += nominal) {
        if (push(cx, all, at) != APR_SUCCESS) {
            return cx->code;
        }
    }
    for (int i = 1; i < own.count; i++) {
        if (push(cx, all, own.times[i]) != APR_SUCCESS) {
            return cx->code;
        }
    }
    int64_t next = all->times[all->count - 1] + nominal;
    return cut_at_nominal(cx, all, next > ref->end ? next : ref->end, end, nominal);
}

/* -- cutting a track at the boundaries ---------------------------------------------------------------- */

/* True if wire time `time` of t is within half a frame of reference time `boundary`, exactly. */
static bool near(const jo_track *t, int64_t time, const jo_track *ref, int64_t boundary)
{
    __int128 d = (__int128)time * ref->timescale - (__int128)boundary * t->timescale;
    return (d < 0 ? -d : d) * 2 <= (__int128)t->frame * ref->timescale;
}

/* Where t is cut for one boundary. Notes in *aligned if it had no random access point there. */
static jo_cut cut_track(const jo_track *t, const jo_track *ref, int64_t boundary, bool *aligned)
{
    const jo_cut none = {t->span.out, t->end, 0};
    int64_t at = jo_ticks_ceil(boundary, ref->timescale, t->timescale);
    jo_cut cut;

    if (t->kind == JO_VIDEO) {
        at -= t->frame / 2;
    }
    if (at <= t->start) { /* nothing before it but what is hidden */
        return (jo_cut){t->span.in, t->start, 0};
    }
    if (at >= t->end || !find_cut(t, at, false, &cut) || cut.time >= t->end) {
        cut = none;
    }
    if (t->kind == JO_VIDEO && at < t->end && !near(t, cut.time, ref, boundary)) {
        *aligned = false;
    }
    return cut;
}

/* Empty segments ahead of the track last as long as the reference's; others last nothing. */
static void time_empty(jo_track_plan *tp, const jo_track *t, const boundaries *b, int n)
{
    int first = 0;
    while (first < n && jo_plan_empty(tp, first)) {
        first++;
    }
    for (int i = 0; i < first; i++) {
        tp->cuts[i].time = jo_ticks_round(b->times[i], b->ref->timescale, t->timescale);
    }
    tp->first = first;
    tp->last = first;
    for (int i = n - 1; i > first; i--) {
        if (jo_plan_empty(tp, i)) {
            tp->cuts[i].time = tp->cuts[i + 1].time;
        } else if (tp->last == first) {
            tp->last = i + 1;
        }
    }
    if (first < n && tp->last == first) {
        tp->last = first + 1;
    }
}

static void plan_track(jo_ctx *cx, const jo_track *t, const boundaries *b, jo_track_plan *tp)
{
    int n = b->count;

    tp->cuts = apr_pcalloc(cx->pool, sizeof(*tp->cuts) * (size_t)(n + 1));
    tp->aligned = true;
    tp->cuts[0] = (jo_cut){t->span.in, t->start, 0};
    for (int i = 1; i < n; i++) {
        tp->cuts[i] = cut_track(t, b->ref, b->times[i], &tp->aligned);
    }
    tp->cuts[n] = (jo_cut){t->span.out, t->end, 0};
    time_empty(tp, t, b, n);
    for (int i = 1; i <= n; i++) {
        tp->cuts[i].bytes =
            tp->cuts[i - 1].bytes +
            jo_index_range_bytes(t->index, tp->cuts[i - 1].sample, tp->cuts[i].sample);
    }
}

static int64_t longest_ms(const jo_track *t, const jo_track_plan *tp)
{
    int64_t longest = 0;
    for (int i = 0; i < tp->last; i++) { /* gaps ahead of the track are listed too */
        int64_t d = jo_plan_duration(tp, i);
        longest = d > longest ? d : longest;
    }
    return jo_ticks_ceil(longest, t->timescale, 1000);
}

static void plan_tracks(jo_ctx *cx, const jo_period *period, const boundaries *b, jo_plan *p)
{
    p->count = b->count;
    p->base_number = 1;
    p->tracks = apr_pcalloc(cx->pool, sizeof(*p->tracks) * (size_t)period->ntracks);
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        plan_track(cx, t, b, &p->tracks[i]);
        int64_t ms = jo_period_counts(period, t) ? longest_ms(t, &p->tracks[i]) : 0;
        p->longest_ms = ms > p->longest_ms ? ms : p->longest_ms;
        if (!p->tracks[i].aligned) {
            jo_log_write(cx, JO_LOG_WARNING,
                         "track %s: key frames do not match those of %s; it is cut at its own",
                         t->token, b->ref->token);
        }
    }
}

apr_status_t jo_plan_make(jo_ctx *cx, const jo_period *period, jo_fraction wanted, jo_plan **out)
{
    jo_plan *p = apr_pcalloc(cx->pool, sizeof(*p));
    boundaries b = {.ref = period->tracks[period->reference],
                    .most = cx->limits->segments / (uint32_t)period->ntracks};

    apr_pool_create(&b.pool, cx->pool);
    apr_status_t rv = find_boundaries(cx, period, wanted, &b);
    if (rv == APR_SUCCESS) {
        plan_tracks(cx, period, &b, p);
    }
    apr_pool_destroy(b.pool);
    *out = p;
    return rv;
}

/* -- looking up ------------------------------------------------------------------------------------- */

int jo_plan_find_number(const jo_plan *p, int64_t number)
{
    int64_t i = jo_ticks_sub(number, p->base_number);
    return i >= 0 && i < p->count ? (int)i : -1;
}

int jo_plan_find_time(const jo_plan *p, int t, int64_t time)
{
    const jo_track_plan *tp = &p->tracks[t];
    int lo = tp->first, hi = tp->last;

    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (tp->cuts[mid].time < time) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    while (lo < tp->last && tp->cuts[lo].time == time && jo_plan_empty(tp, lo)) {
        lo++;
    }
    return lo < tp->last && tp->cuts[lo].time == time ? lo : -1;
}
