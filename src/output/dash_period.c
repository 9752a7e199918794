#include "dash_period.h"

#include <apr_strings.h>

int jo_dash_periods(const jo_plan *plan)
{
    return plan->nchanges + 1;
}

int jo_dash_variant(const jo_track *t, const jo_track_plan *tp)
{
    return t->nvariants > 1 ? t->runs[jo_track_run(t, tp->cuts[tp->first].sample)].variant : 0;
}

/* Segments [from, until) of a track. */
static jo_track_plan part_of(const jo_track_plan *tp, int from, int until)
{
    jo_track_plan part = *tp;

    part.cuts = tp->cuts + from;
    part.first = tp->first < from ? 0 : tp->first - from;
    part.last = tp->last > until ? until - from : tp->last - from;
    while (part.first < part.last && jo_plan_empty(&part, part.first)) {
        part.first++;
    }
    part.last = part.last < part.first ? part.first : part.last;
    return part;
}

/* A period's start may fall within a track's segment: one that starts after it, or has nothing in the period, has the
 * segment before it listed as well, so that the period is covered (DASH-IF timing model 5.2.5; dash.js jumps to the period
 * at once otherwise). The track's first segment is then -1, or less where there are empty ones between. */
static void cover_start(const jo_track *t, const jo_track_plan *whole, jo_track_plan *part,
                        int from, int64_t start)
{
    jo_track_plan before = *whole;
    bool any = part->first < part->last;
    int at = from - 1;

    while (at > whole->first && jo_plan_empty(whole, at)) {
        at--;
    }
    before.first = at;
    if (at < whole->first || whole->cuts[at].time >= start || whole->cuts[at + 1].time <= start ||
        (any && (part->cuts[part->first].time <= start ||
                 jo_dash_variant(t, &before) != jo_dash_variant(t, part)))) {
        return;
    }
    part->first = at - from;
    part->last = any ? part->last : 0;
}

/* When segment `at` starts, by the reference or else by any track that has samples in it. */
static jo_fraction start_of(const jo_period *period, const jo_plan *plan, int at)
{
    for (int k = -1; k < period->ntracks && at > 0; k++) {
        int i = k < 0 ? period->reference : k;
        const jo_track_plan *tp = &plan->tracks[i];
        if (at >= tp->first && at < tp->last && !jo_plan_empty(tp, at)) {
            const jo_track *t = period->tracks[i];
            return (jo_fraction){tp->cuts[at].time - t->preroll, t->timescale};
        }
    }
    return (jo_fraction){0, 1};
}

void jo_dash_period_make(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan, int n,
                         jo_dash_period *out)
{
    const jo_period *whole = &p->periods[0];
    int from = n > 0 ? plan->changes[n - 1] : 0;
    int until = n < plan->nchanges ? plan->changes[n] : plan->count;

    *out = (jo_dash_period){*p, *whole, *plan, start_of(whole, plan, from)};
    out->presentation.periods = &out->period;
    out->period.tracks = apr_palloc(cx->pool, sizeof(jo_track *) * (size_t)whole->ntracks);
    out->plan.tracks = apr_palloc(cx->pool, sizeof(jo_track_plan) * (size_t)whole->ntracks);
    out->plan.count = until - from;
    out->plan.base_number = plan->base_number + from;
    for (int i = 0; i < whole->ntracks; i++) {
        const jo_track *t = whole->tracks[i];
        int64_t start = t->preroll + jo_ticks_round(out->start.num, out->start.den, t->timescale);
        jo_track_plan *part = &out->plan.tracks[i];
        *part = part_of(&plan->tracks[i], from, until);
        cover_start(t, &plan->tracks[i], part, from, start);
        const jo_track *v = jo_track_variant(t, part->cuts[part->first].sample);
        jo_track *seen = apr_pmemdup(cx->pool, v, sizeof(*v));
        seen->preroll = start;
        out->period.tracks[i] = seen;
    }
}
