#include "measure.h"

#include "../media/role.h"
#include "cmaf.h"

#include <string.h>

int64_t jo_measure_target(const jo_plan *plan)
{
    int64_t s = (plan->longest_ms + 500) / 1000;
    return s < 1 ? 1 : s;
}

int64_t jo_measure_track_target(const jo_track *t, const jo_track_plan *tp)
{
    int64_t s = jo_ticks_round(jo_plan_longest(tp), t->timescale, 1);
    return s < 1 ? 1 : s;
}

/* bits/s of `bytes` over `ticks`, rounded up. */
static int64_t rate(int64_t bytes, int64_t ticks, int64_t timescale)
{
    return ticks <= 0 ? 0 : (int64_t)(((__int128)bytes * 8 * timescale + ticks - 1) / ticks);
}

/* A run of more segments than this is not looked at: bounds the work on a title of many tiny ones. */
#define LONGEST_RUN 256

typedef struct measure {
    const jo_track_plan *tp;
    int64_t timescale;
    int64_t target; /* seconds */
    jo_measure_size *size;
    const void *of;
    int known;                  /* segments whose size was asked for, once each */
    int64_t sizes[LONGEST_RUN]; /* of the last of them, by number */
} measure;

static int64_t size_of(measure *m, int i)
{
    for (; m->known <= i; m->known++) {
        m->sizes[m->known % LONGEST_RUN] =
            jo_plan_empty(m->tp, m->known) ? 0 : m->size(m->of, m->known);
    }
    return m->sizes[i % LONGEST_RUN];
}

/* Highest rate of the runs that start with segment i. */
static int64_t peak_from(measure *m, int i)
{
    int64_t bytes = 0, peak = 0;
    int end = m->tp->last - i > LONGEST_RUN ? i + LONGEST_RUN : m->tp->last;

    for (int k = i; k < end; k++) {
        int64_t ticks = m->tp->cuts[k + 1].time - m->tp->cuts[i].time;
        if (jo_plan_empty(m->tp, k)) {
            continue;
        }
        bytes += size_of(m, k);
        if (2 * ticks > 3 * m->target * m->timescale) {
            break;
        }
        if (2 * ticks >= m->target * m->timescale) {
            int64_t r = rate(bytes, ticks, m->timescale);
            peak = r > peak ? r : peak;
        }
    }
    return peak;
}

void jo_measure_rates(jo_track_plan *tp, int64_t timescale, int64_t target, jo_measure_size *size,
                      const void *of)
{
    measure m;
    int64_t bytes = 0;

    m.tp = tp;
    m.timescale = timescale;
    m.target = target;
    m.size = size;
    m.of = of;
    m.known = tp->first;
    tp->peak = 0;
    for (int i = tp->first; i < tp->last; i++) {
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        int64_t peak = peak_from(&m, i);
        tp->peak = peak > tp->peak ? peak : tp->peak;
        bytes += size_of(&m, i);
    }
    tp->average = rate(bytes, tp->cuts[tp->last].time - tp->cuts[tp->first].time, timescale);
    tp->peak = tp->peak > tp->average ? tp->peak : tp->average;
}

typedef struct cmaf {
    const jo_track *track;
    const jo_track_plan *plan;
} cmaf;

static int64_t cmaf_size(const void *of, int i)
{
    const cmaf *c = of;

    return jo_cmaf_segment_size(c->track, c->plan, i);
}

void jo_measure_plan(const jo_period *period, jo_plan *plan)
{
    int64_t target = jo_measure_target(plan);

    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        cmaf c = {t, &plan->tracks[i]};
        jo_measure_rates(&plan->tracks[i], t->timescale, target, cmaf_size, &c);
    }
}

bool jo_measure_same_sound(const jo_track *a, const jo_track *b)
{
    return a->kind == JO_AUDIO && b->kind == JO_AUDIO && !strcmp(a->name, b->name) &&
           !strcmp(a->language, b->language) && !strcmp(a->codec->group(a), b->codec->group(b)) &&
           a->sample_rate == b->sample_rate && a->channels == b->channels && a->joc == b->joc &&
           jo_role_same(a, b);
}
