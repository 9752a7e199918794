#include "segment.h"

#include "../base/log.h"
#include "../base/status.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>

/* Audio without video and without fragments of its own, where no length is asked for. */
#define AUDIO_GOP_MS 2000
/* Tracks of which every sample is a sync sample: their "GOP" is no useful segment. */
#define SHORTEST_GOP_MS 1000
/* No segment is asked to be shorter, whatever a descriptor says or key frames allow. */
#define SHORTEST_MS 100

/* -- boundaries of the reference ------------------------------------------------------------------- */

/* Another sample entry within a track: no segment may hold samples of both. */
typedef struct change {
    int track; /* into the period's */
    uint32_t sample;
    int64_t time; /* reference ticks, rounded up */
    int64_t at;   /* of the boundary that it is given, which nearby changes of other tracks share */
} change;

typedef struct boundaries {
    apr_pool_t *pool;
    const jo_track *ref;
    int64_t *times; /* wire time, reference ticks; times[0] is the start of everything */
    int count;
    int cap;
    int64_t most;    /* that limits->segments leaves to each track */
    change *changes; /* by boundary, then by track */
    int nchanges;
    int64_t *forced; /* boundaries that must be, rising, reference ticks */
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

/* Bytes of all samples of t's source before one. */
static int64_t bytes_before(const jo_track *t, uint32_t sample)
{
    return jo_index_range_bytes(t->index, 0, sample);
}

static jo_cut start_of(const jo_track *t)
{
    return (jo_cut){t->span.in, 0, t->start, bytes_before(t, t->span.in)};
}

static jo_cut end_of(const jo_track *t)
{
    return (jo_cut){t->span.out, 0, t->end, bytes_before(t, t->span.out)};
}

/* First random access point of t at or after wire time `time`; false if there is none in its span. Until plan_track() is
 * done, the bytes of a cut are those of all samples of the source before it.
 * fragments: only those that start a source fragment. */
static bool find_cut(const jo_track *t, int64_t time, bool fragments, jo_cut *out)
{
    const jo_index *ix = t->index;
    int64_t at = jo_ticks_sub(time, t->span.shift);

    if (ix->raps == NULL) {
        jo_found_sample f = jo_index_find(ix, jo_ticks_sub(at, ix->cts));
        if (f.sample < t->span.in) {
            f = (jo_found_sample){t->span.in, jo_index_dts(ix, t->span.in),
                                  bytes_before(t, t->span.in)};
        }
        out->sample = f.sample;
        out->time = f.sample < t->span.out ? f.dts + ix->cts + t->span.shift : t->end;
        out->bytes = f.bytes;
        return f.sample < t->span.out;
    }
    for (uint32_t k = jo_index_find_rap(ix, at); k < ix->nraps; k++) {
        const jo_rap *r = &ix->raps[k];
        if (r->sample >= t->span.out) {
            break;
        }
        if (r->sample >= t->span.in && (!fragments || r->fragment)) {
            out->sample = r->sample;
            out->time = r->ept + t->span.shift;
            out->bytes = r->bytes;
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

/* The reference's own boundaries after its start. Forced cuts restart the count, from the next place where the
 * reference can be cut. */
static apr_status_t cut_reference(jo_ctx *cx, boundaries *b, const rule *r)
{
    int64_t last = b->ref->start, from = last;

    for (;;) {
        jo_cut cut = {.time = 0};
        bool found = next_boundary(b->ref, r, from, &cut) && cut.time > from;
        int64_t forced = next_forced(b, last), next = found ? cut.time : INT64_MAX;
        next = forced <= next && forced < b->ref->end ? forced : next;
        if (next == INT64_MAX) {
            return APR_SUCCESS;
        }
        if (push(cx, b, next) != APR_SUCCESS) {
            return cx->code;
        }
        last = from = next;
        if (next == forced && find_cut(b->ref, next - b->ref->frame / 2, false, &cut)) {
            from = cut.time > next ? cut.time : next;
        }
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
    const change *x = a, *y = b;

    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return x->track != y->track ? x->track - y->track : x->sample < y->sample ? -1 : 1;
}

static int by_track(const void *a, const void *b)
{
    const change *x = a, *y = b;

    return x->track != y->track ? x->track - y->track : x->sample < y->sample ? -1 : 1;
}

static void find_all_changes(const jo_period *period, boundaries *b)
{
    apr_array_header_t *found = apr_array_make(b->pool, 4, sizeof(change));

    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        for (int k = 1; k < t->nruns; k++) {
            if (changes_at(t, k)) {
                uint32_t sample = t->runs[k].sample;
                int64_t time = jo_ticks_ceil(sync_time(t, sample), t->timescale, b->ref->timescale);
                APR_ARRAY_PUSH(found, change) = (change){i, sample, time, time};
            }
        }
    }
    b->changes = (change *)found->elts;
    b->nchanges = found->nelts;
    qsort(b->changes, (size_t)b->nchanges, sizeof(change), by_time);
}

static bool has_track(const change *first, const change *end, int track)
{
    while (first < end && first->track != track) {
        first++;
    }
    return first < end;
}

/* Where changes [first, end), near each other, are cut: where the reference changes, else where it can be cut. */
static int64_t settle_on(const jo_period *period, const boundaries *b, const change *first,
                         const change *end, int64_t close)
{
    const jo_track *ref = b->ref;
    jo_cut cut;

    for (const change *c = first; c < end; c++) {
        if (c->track == period->reference) {
            return c->time;
        }
    }
    if ((find_cut(ref, first->time - ref->frame / 2, false, &cut) &&
         cut.time - first->time <= close && cut.time > ref->start) ||
        (find_cut(ref, first->time - close, false, &cut) && cut.time <= first->time + close &&
         cut.time > ref->start)) {
        return cut.time;
    }
    return first->time;
}

/* Tracks that were joined end within a frame or so of each other: what changes that near by is one boundary, which
 * each track meets at its own sample. */
static void find_forced(const jo_period *period, int64_t start, boundaries *b)
{
    int64_t close = jo_ticks_floor(SHORTEST_MS, 1000, b->ref->timescale), last = start;

    find_all_changes(period, b);
    b->forced = apr_palloc(b->pool, sizeof(*b->forced) * (size_t)(b->nchanges + 1));
    for (change *c = b->changes, *end = c + b->nchanges, *next; c < end; c = next) {
        next = c + 1;
        while (next < end && next->time - c->time <= close && !has_track(c, next, next->track)) {
            next++;
        }
        int64_t at = settle_on(period, b, c, next, close);
        last = at > last ? at : last + 1;
        b->forced[b->nforced++] = last;
        for (change *k = c; k < next; k++) {
            k->at = last;
        }
    }
    qsort(b->changes, (size_t)b->nchanges, sizeof(change), by_track);
}

/* Those outside the reference's own stretch, too. */
static apr_status_t add_forced(jo_ctx *cx, boundaries *b)
{
    boundaries own = *b;
    int i = 0, k = 0;

    b->times = NULL;
    b->count = b->cap = 0;
    while (i < own.count || k < b->nforced) {
        int64_t x = i < own.count ? own.times[i] : INT64_MAX;
        int64_t y = k < b->nforced ? b->forced[k] : INT64_MAX;
        if (push(cx, b, x < y ? x : y) != APR_SUCCESS) {
            return cx->code;
        }
        i += x <= y;
        k += y <= x;
    }
    return APR_SUCCESS;
}

static apr_status_t find_boundaries(jo_ctx *cx, const jo_period *period, jo_fraction wanted,
                                    boundaries *all)
{
    const jo_track *ref = period->tracks[period->reference];
    rule r = make_rule(ref, wanted);
    int64_t start, end;

    extent(period, ref, &start, &end);
    find_forced(period, start, all);
    boundaries own = *all;
    if (push(cx, &own, ref->start) != APR_SUCCESS || cut_reference(cx, &own, &r) != APR_SUCCESS) {
        return cx->code;
    }
    int64_t nominal = nominal_length(&own, wanted);
    if (own.count > 1 && ref->end - own.times[own.count - 1] < nominal / 2 &&
        next_forced(all, own.times[own.count - 1] - 1) != own.times[own.count - 1]) {
        own.count--; /* a tail under half a segment joins its predecessor */
    }
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

/* How much before a boundary t may be cut. Sound at a forced one: the access unit that sounds then, so that what begins
 * there (a DASH period) has sound from its start. */
static int64_t leeway(const jo_track *t, const boundaries *b, int64_t boundary)
{
    if (t->kind == JO_VIDEO) {
        return t->frame / 2;
    }
    return t->kind == JO_AUDIO && next_forced(b, boundary - 1) == boundary ? t->frame - 1 : 0;
}

/* Where t is cut for one boundary. Notes in *aligned if it had no random access point there, or where the
 * reference has one if that is later: met. */
static jo_cut cut_track(const jo_track *t, const boundaries *b, int64_t boundary, int64_t met,
                        bool *aligned)
{
    const jo_track *ref = b->ref;
    int64_t at = jo_ticks_ceil(boundary, ref->timescale, t->timescale) - leeway(t, b, boundary);
    jo_cut cut;

    if (at <= t->start) { /* nothing before it but what is hidden */
        return start_of(t);
    }
    if (at >= t->end || !find_cut(t, at, false, &cut) || cut.time >= t->end) {
        cut = end_of(t);
    }
    if (t->kind == JO_VIDEO && at < t->end && !near(t, cut.time, ref, met)) {
        *aligned = false;
    }
    return cut;
}

/* Where the reference is cut for boundary i: later than that where another track forced it. */
static int64_t where_met(const boundaries *b, const jo_track_plan *reference, int i)
{
    int64_t boundary = b->times[i];

    return reference->cuts[i].time > boundary && boundary > b->ref->start && boundary < b->ref->end
               ? reference->cuts[i].time
               : boundary;
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
            tp->holes |= tp->last > first;
        } else if (tp->last == first) {
            tp->last = i + 1;
        }
    }
    if (first < n && tp->last == first) {
        tp->last = first + 1;
    }
}

static int find_boundary(const boundaries *b, int64_t time)
{
    int lo = 0, hi = b->count;

    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (b->times[mid] < time) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* A change of track n is cut just there, wherever nearby boundaries fell. */
static void cut_changes(const jo_track *t, int n, const boundaries *b, jo_track_plan *tp)
{
    for (int k = 0; k < b->nchanges; k++) {
        const change *c = &b->changes[k];
        if (c->track != n) {
            continue;
        }
        int i = find_boundary(b, c->at);
        int64_t time = sync_time(t, c->sample);
        tp->cuts[i] =
            (jo_cut){c->sample, 0, time > t->start ? time : t->start, bytes_before(t, c->sample)};
        for (int j = i - 1; j > 0 && tp->cuts[j].sample > c->sample; j--) {
            tp->cuts[j] = tp->cuts[i];
        }
        for (int j = i + 1; j < b->count && tp->cuts[j].sample < c->sample; j++) {
            tp->cuts[j] = tp->cuts[i];
        }
    }
}

/* Marks the segments with which the sample entry of a track changes. Empty ones have none. */
static void mark_changes(const jo_track *t, const jo_track_plan *tp, bool *changed)
{
    const jo_track *before = NULL;

    for (int i = tp->first; i < tp->last && t->nvariants > 1; i++) {
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        const jo_track *v = jo_track_variant(t, tp->cuts[i].sample);
        changed[i] |= before != NULL && before != v;
        before = v;
    }
}

static void find_changes(const jo_period *period, apr_pool_t *scratch, jo_plan *p)
{
    bool *changed = apr_pcalloc(scratch, sizeof(*changed) * (size_t)p->count);

    for (int k = 0; k < period->ntracks; k++) {
        mark_changes(period->tracks[k], &p->tracks[k], changed);
    }
    for (int i = 1; i < p->count; i++) {
        if (changed[i]) {
            p->changes[p->nchanges++] = i;
        }
    }
}

/* reference: its plan; NULL for its own. */
static void plan_track(jo_ctx *cx, const jo_period *period, int number, const boundaries *b,
                       const jo_track_plan *reference, jo_track_plan *tp)
{
    const jo_track *t = period->tracks[number];
    int n = b->count;

    tp->cuts = apr_pcalloc(cx->pool, sizeof(*tp->cuts) * (size_t)(n + 1));
    tp->aligned = true;
    tp->cuts[0] = start_of(t);
    for (int i = 1; i < n; i++) {
        int64_t met = reference != NULL ? where_met(b, reference, i) : b->times[i];
        tp->cuts[i] = cut_track(t, b, b->times[i], met, &tp->aligned);
    }
    tp->aligned |= reference == NULL;
    tp->cuts[n] = end_of(t);
    cut_changes(t, number, b, tp);
    time_empty(tp, t, b, n);
    int64_t before = tp->cuts[0].bytes;
    for (int i = 0; i <= n; i++) {
        tp->cuts[i].bytes -= before;
    }
}

int64_t jo_plan_longest(const jo_track_plan *tp)
{
    int64_t longest = 0;

    for (int i = 0; i < tp->last; i++) { /* gaps ahead of the track are listed too */
        int64_t d = jo_plan_duration(tp, i);
        longest = d > longest ? d : longest;
    }
    return longest;
}

static void plan_tracks(jo_ctx *cx, const jo_period *period, const boundaries *b, jo_plan *p)
{
    p->count = b->count;
    p->base_number = 1;
    p->tracks = apr_pcalloc(cx->pool, sizeof(*p->tracks) * (size_t)period->ntracks);
    plan_track(cx, period, period->reference, b, NULL, &p->tracks[period->reference]);
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        if (i != period->reference) {
            plan_track(cx, period, i, b, &p->tracks[period->reference], &p->tracks[i]);
        }
        int64_t longest = jo_period_counts(period, t) ? jo_plan_longest(&p->tracks[i]) : 0;
        int64_t ms = jo_ticks_ceil(longest, t->timescale, 1000);
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
        p->changes = apr_pcalloc(cx->pool, sizeof(*p->changes) * (size_t)p->count);
        find_changes(period, b.pool, p);
    }
    apr_pool_destroy(b.pool);
    *out = p;
    return rv;
}

jo_plan *jo_plan_copy(jo_ctx *cx, const jo_period *period, const jo_plan *plan)
{
    jo_plan *p = apr_pmemdup(cx->pool, plan, sizeof(*p));

    p->tracks = apr_pmemdup(cx->pool, plan->tracks, sizeof(*p->tracks) * (size_t)period->ntracks);
    for (int i = 0; i < period->ntracks; i++) {
        p->tracks[i].cuts =
            apr_pmemdup(cx->pool, plan->tracks[i].cuts, sizeof(jo_cut) * (size_t)(plan->count + 1));
    }
    return p;
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
