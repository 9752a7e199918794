#include "dash_set.h"

#include "../base/log.h"
#include "../media/role.h"
#include "measure.h"

#include <string.h>

static bool same_timeline(const jo_track_plan *a, const jo_track_plan *b, int count)
{
    if (a->first != b->first || a->last != b->last) {
        return false;
    }
    for (int i = a->first; i <= count; i++) {
        if (a->cuts[i].time != b->cuts[i].time) {
            return false;
        }
    }
    return true;
}

static bool same_picture(const jo_track *x, const jo_track *y)
{
    bool wide = jo_dash_wide(x);

    return wide == jo_dash_wide(y) && !x->supplemental == !y->supplemental &&
           (!wide ||
            (x->colour.primaries == y->colour.primaries &&
             x->colour.transfer == y->colour.transfer && x->colour.matrix == y->colour.matrix));
}

/* May a player switch between the two? */
static bool switchable(const jo_period *period, const jo_plan *plan, int a, int b)
{
    const jo_track *x = period->tracks[a], *y = period->tracks[b];

    if (x->kind != y->kind || x->fourcc != y->fourcc || x->timescale != y->timescale ||
        strcmp(x->language, y->language) || !jo_role_same(x, y)) {
        return false;
    }
    if (x->kind == JO_VIDEO) {
        return plan->tracks[a].aligned && plan->tracks[b].aligned && same_picture(x, y);
    }
    return jo_measure_same_sound(x, y) && x->joc_complexity == y->joc_complexity;
}

bool jo_dash_numbers_fit(const jo_presentation *p, const jo_track *t, const jo_track_plan *tp,
                         int n, int64_t *duration)
{
    int64_t total = jo_ticks_ceil(jo_presentation_duration_ms(p), 1000, t->timescale);
    int64_t d = (total + n - 1) / n;

    *duration = d < 1 ? 1 : d;
    if (tp->holes || tp->first != 0 || tp->last != n || (total + *duration - 1) / *duration != n) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        int64_t off = tp->cuts[i].time - t->preroll - i * *duration;
        if (2 * (off < 0 ? -off : off) > *duration) {
            return false;
        }
    }
    return true;
}

static void settle_set(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                       const jo_resource *rs, jo_dash_set *s)
{
    const jo_period *period = &p->periods[0];
    const jo_track *first = period->tracks[s->tracks[0]];
    int64_t duration;

    s->template = rs->options->mpd_template;
    if (rs->settings->cmaf_urls && s->template == JO_TEMPLATE_TIME) {
        s->template = JO_TEMPLATE_NUMBER_TIMELINE; /* HLS knows segments by number alone */
    }
    s->shared_timeline = true;
    for (int k = 0; k < s->ntracks; k++) {
        const jo_track *t = period->tracks[s->tracks[k]];
        const jo_track_plan *tp = &plan->tracks[s->tracks[k]];
        if (!same_timeline(tp, &plan->tracks[s->tracks[0]], plan->count) ||
            jo_dash_variant(t, tp) != jo_dash_variant(first, &plan->tracks[s->tracks[0]])) {
            s->shared_timeline = false;
        }
        if (s->template == JO_TEMPLATE_NUMBER &&
            (plan->nchanges > 0 || !jo_dash_numbers_fit(p, t, tp, plan->count, &duration))) {
            s->template = JO_TEMPLATE_NUMBER_TIMELINE;
            jo_log_write(cx, JO_LOG_INFO,
                         "track %s: segments are too uneven for mpd_segment_template=number; "
                         "number_timeline is used",
                         t->token);
        }
    }
}

/* Other sound in a language that was there before is an alternate; the same sound in another codec or another
 * rung is as much the main one. */
static bool alternate(const jo_period *period, const jo_dash_set *sets, int n, const jo_track *t)
{
    for (int i = 0; i < n; i++) {
        const jo_track *other = period->tracks[sets[i].tracks[0]];
        if (t->kind == JO_AUDIO && other->kind == JO_AUDIO &&
            !strcmp(other->language, t->language) && strcmp(other->name, t->name)) {
            return true;
        }
    }
    return false;
}

int jo_dash_make_sets(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                      const jo_resource *rs, jo_dash_set *sets)
{
    const jo_period *period = &p->periods[0];
    int n = 0;

    for (int j = 0; j < rs->ntracks; j++) {
        int i = rs->tracks[j], k = 0;
        if (plan->tracks[i].first >= plan->tracks[i].last) {
            continue;
        }
        while (k < n && !switchable(period, plan, sets[k].tracks[0], i)) {
            k++;
        }
        if (k == n) {
            sets[n].tracks = apr_palloc(cx->pool, sizeof(int) * (size_t)period->ntracks);
            sets[n].alternate = alternate(period, sets, n, period->tracks[i]);
            n++;
        }
        sets[k].tracks[sets[k].ntracks++] = i;
    }
    for (int k = 0; k < n; k++) {
        settle_set(cx, p, plan, rs, &sets[k]);
    }
    return n;
}

/* -- from period to period ------------------------------------------------------------------------------------- */

static bool id_used(const jo_dash_set *sets, int n, int id)
{
    for (int k = 0; k < n; k++) {
        if (sets[k].id == id) {
            return true;
        }
    }
    return false;
}

static bool goes_on(const jo_view *q, const jo_dash_set *s, const jo_dash_before *before)
{
    for (int k = 0; k < s->ntracks; k++) {
        int i = s->tracks[k];
        if (before->id[i] != s->id ||
            before->variant[i] != jo_dash_variant(q->period.tracks[i], &q->plan.tracks[i])) {
            return false;
        }
    }
    return before->period > 0;
}

static bool starts_exactly(const jo_view *q, const jo_dash_set *s)
{
    for (int k = 0; k < s->ntracks; k++) {
        const jo_track_plan *tp = &q->plan.tracks[s->tracks[k]];
        if (tp->cuts[tp->first].time != q->period.tracks[s->tracks[k]]->preroll) {
            return false;
        }
    }
    return true;
}

void jo_dash_identify_sets(jo_ctx *cx, const jo_view *q, jo_dash_set *sets, int n,
                           jo_dash_before *before)
{
    size_t tracks = (size_t)q->period.ntracks;

    if (before->id == NULL) {
        before->id = apr_pcalloc(cx->pool, sizeof(int) * tracks);
        before->variant = apr_pcalloc(cx->pool, sizeof(int) * tracks);
    }
    for (int k = 0; k < n; k++) {
        int known = before->id[sets[k].tracks[0]];
        sets[k].id = known > 0 && !id_used(sets, k, known) ? known : ++before->ids;
        sets[k].seamless = starts_exactly(q, &sets[k]);
        sets[k].continues = goes_on(q, &sets[k], before) ? before->period : 0;
    }
    for (int i = 0; i < q->period.ntracks; i++) {
        before->variant[i] = -1;
    }
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < sets[k].ntracks; j++) {
            int i = sets[k].tracks[j];
            before->id[i] = sets[k].id;
            before->variant[i] = jo_dash_variant(q->period.tracks[i], &q->plan.tracks[i]);
        }
    }
    before->period++;
}
