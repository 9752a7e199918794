#include "segment.h"

#include "../base/log.h"
#include "../base/status.h"

#include <apr_tables.h>
#include <stdlib.h>

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
    int64_t most;          /* that limits->segments leaves to each track */
    const int64_t *forced; /* cuts that must be, rising, reference ticks */
    int nforced;
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

/* The first forced cut after a time, INT64_MAX if there is none. */
static int64_t next_forced(const boundaries *b, int64_t time)
{
    int lo = 0, hi = b->nforced;

    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (b->forced[mid] <= time) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < b->nforced ? b->forced[lo] : INT64_MAX;
}

/* The reference's own boundaries after its start. Forced cuts restart the count. */
static apr_status_t cut_reference(jo_ctx *cx, boundaries *b, const rule *r)
{
    int64_t prev = b->ref->start;

    for (;;) {
        jo_cut cut = {.time = 0};
        bool found = next_boundary(b->ref, r, prev, &cut) && cut.time > prev;
        int64_t forced = next_forced(b, prev), next = found ? cut.time : INT64_MAX;
        next = forced < next && forced < b->ref->end ? forced : next;
        if (next == INT64_MAX) {
            return APR_SUCCESS;
        }
        if (push(cx, b, next) != APR_SUCCESS) {
            return cx->code;
        }
        prev = next;
    }
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

/* Where the sample entry of a track changes. */
static bool changes_at(const jo_track *t, int run)
{
    return run > 0 && t->runs[run].variant != t->runs[run - 1].variant &&
           t->runs[run].sample > t->span.in && t->runs[run].sample < t->span.out;
}

/* Earliest presentation time of a sync sample on the wire. */
static int64_t sync_time(const jo_track *t, uint32_t sample)
{
    const jo_index *ix = t->index;
    uint32_t lo = 0, hi = ix->raps ? ix->nraps : 0;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ix->raps[mid].sample < sample) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (ix->raps != NULL && lo < ix->nraps) {
        return ix->raps[lo].ept + t->span.shift;
    }
    return jo_index_dts(ix, sample) + ix->cts + t->span.shift;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void find_forced(const jo_period *period, boundaries *b)
{
    apr_array_header_t *times = apr_array_make(b->pool, 4, sizeof(int64_t));

    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        for (int k = 1; k < t->nruns; k++) {
            if (changes_at(t, k)) {
                APR_ARRAY_PUSH(times, int64_t) = jo_ticks_floor(sync_time(t, t->runs[k].sample),
                                                                t->timescale, b->ref->timescale);
            }
        }
    }
    qsort(times->elts, (size_t)times->nelts, sizeof(int64_t), by_time);
    b->forced = (const int64_t *)times->elts;
    b->nforced = times->nelts;
}

/* Those outside the reference's own stretch. */
static apr_status_t add_forced(jo_ctx *cx, boundaries *b)
{
    for (int i = 0; i < b->nforced; i++) {
        int at = b->count;
        while (at > 0 && b->times[at - 1] > b->forced[i]) {
            at--;
        }
        if (at == 0 || b->times[at - 1] == b->forced[i]) {
            continue;
        }
        if (push(cx, b, b->forced[i]) != APR_SUCCESS) {
            return cx->code;
        }
        for (int k = b->count - 1; k > at; k--) {
            b->times[k] = b->times[k - 1];
        }
        b->times[at] = b->forced[i];
    }
    return APR_SUCCESS;
}

static apr_status_t find_boundaries(jo_ctx *cx, const jo_period *period, jo_fraction wanted,
                                    boundaries *all)
{
    const jo_track *ref = period->tracks[period->reference];
    boundaries own = *all;
    rule r = make_rule(ref, wanted);
    int64_t start, end;

    if (push(cx, &own, ref->start) != APR_SUCCESS || cut_reference(cx, &own, &r) != APR_SUCCESS) {
        return cx->code;
    }
    int64_t nominal = nominal_length(&own, wanted);
    if (own.count > 1 && ref->end - own.times[own.count - 1] < nominal / 2 &&
        next_forced(all, own.times[own.count - 1] - 1) != own.times[own.count - 1]) {
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
    if (cut_at_nominal(cx, all, next > ref->end ? next : ref->end, end, nominal) != APR_SUCCESS) {
        return cx->code;
    }
    return add_forced(cx, all);
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

/* A segment must not begin later than the sample entry changes: reference ticks may be too coarse to say where. */
static void settle_changes(const jo_track *t, int n, jo_track_plan *tp)
{
    for (int k = 1, i = 1; k < t->nruns; k++) {
        uint32_t sample = t->runs[k].sample;
        if (!changes_at(t, k)) {
            continue;
        }
        while (i < n && tp->cuts[i].sample < sample) {
            i++;
        }
        if (i < n && tp->cuts[i].sample != sample) {
            tp->cuts[i] = (jo_cut){sample, sync_time(t, sample), 0};
        }
    }
}

static void find_changes(jo_ctx *cx, const jo_period *period, jo_plan *p)
{
    p->changes = apr_pcalloc(cx->pool, sizeof(int) * (size_t)p->count);
    for (int i = 1; i < p->count; i++) {
        bool change = false;
        for (int k = 0; k < period->ntracks && !change; k++) {
            const jo_track *t = period->tracks[k];
            const jo_cut *cuts = p->tracks[k].cuts;
            change = t->nvariants > 1 && cuts[i].sample < t->span.out &&
                     jo_track_variant(t, cuts[i].sample) != jo_track_variant(t, cuts[i - 1].sample);
        }
        if (change) {
            p->changes[p->nchanges++] = i;
        }
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
    settle_changes(t, n, tp);
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
    find_forced(period, &b);
    apr_status_t rv = find_boundaries(cx, period, wanted, &b);
    if (rv == APR_SUCCESS) {
        plan_tracks(cx, period, &b, p);
        find_changes(cx, period, p);
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
