#include "measure.h"

#include "cmaf.h"

int64_t jo_measure_target(const jo_plan *plan)
{
    int64_t s = (plan->longest_ms + 500) / 1000;
    return s < 1 ? 1 : s;
}

/* bits/s of `bytes` over `ticks`, rounded up. */
static int64_t rate(int64_t bytes, int64_t ticks, int64_t timescale)
{
    return ticks <= 0 ? 0 : (int64_t)(((__int128)bytes * 8 * timescale + ticks - 1) / ticks);
}

/* Highest rate of the runs that start with segment i. */
static int64_t peak_from(const jo_track *t, const jo_track_plan *tp, int i, int64_t target)
{
    int64_t bytes = 0, peak = 0;

    for (int k = i; k < tp->last; k++) {
        int64_t ticks = tp->cuts[k + 1].time - tp->cuts[i].time;
        if (jo_plan_empty(tp, k)) {
            continue;
        }
        bytes += jo_cmaf_segment_size(t, tp, k);
        if (2 * ticks > 3 * target * t->timescale) {
            break;
        }
        if (2 * ticks >= target * t->timescale) {
            int64_t r = rate(bytes, ticks, t->timescale);
            peak = r > peak ? r : peak;
        }
    }
    return peak;
}

jo_rates jo_measure_rates(const jo_track *t, const jo_track_plan *tp, int64_t target)
{
    jo_rates r = {0, 0};
    int64_t bytes = 0;

    for (int i = tp->first; i < tp->last; i++) {
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        int64_t p = peak_from(t, tp, i, target);
        r.peak = p > r.peak ? p : r.peak;
        bytes += jo_cmaf_segment_size(t, tp, i);
    }
    r.average = rate(bytes, tp->cuts[tp->last].time - tp->cuts[tp->first].time, t->timescale);
    r.peak = r.peak > r.average ? r.peak : r.average;
    return r;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

jo_fraction jo_measure_frame_rate(const jo_track *t)
{
    const jo_index *ix = t->index;
    jo_fraction f = {t->timescale, ix->duration};

    if (ix->const_until + 1 < ix->count || ix->duration == 0) {
        int64_t ticks = ix->end_dts - ix->first_dts;
        f.num = ticks > 0 ? jo_ticks_round((int64_t)ix->count * 1000, ticks, t->timescale) : 1000;
        f.den = 1000;
    }
    int64_t g = gcd(f.num, f.den);
    return g > 0 ? (jo_fraction){f.num / g, f.den / g} : (jo_fraction){1, 1};
}

uint32_t jo_measure_display_width(const jo_track *t)
{
    return t->sar_w && t->sar_h ? ((uint32_t)t->width * t->sar_w + t->sar_h / 2) / t->sar_h
                                : t->width;
}
