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

void jo_dash_period_make(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan, int n,
                         jo_view *out)
{
    const jo_period *whole = &p->periods[0];
    int from = n > 0 ? plan->changes[n - 1] : 0;
    int until = n < plan->nchanges ? plan->changes[n] : plan->count;

    jo_view_make(cx, p, plan, from, until, out);
    out->plan.changes = plan->changes; /* of the whole: there are other periods */
    out->plan.nchanges = plan->nchanges;
    for (int i = 0; i < whole->ntracks; i++) {
        jo_track *t = out->period.tracks[i];
        jo_track_plan *part = &out->plan.tracks[i];
        cover_start(t, &plan->tracks[i], part, from, t->preroll);
        jo_track *seen =
            apr_pmemdup(cx->pool, jo_track_variant(t, part->cuts[part->first].sample), sizeof(*t));
        seen->preroll = t->preroll;
        seen->end = t->end;
        out->period.tracks[i] = seen;
    }
}
