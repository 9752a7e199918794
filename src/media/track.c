#include "track.h"

#include "../base/text.h"

#include <string.h>

int jo_track_run(const jo_track *t, uint32_t sample)
{
    int lo = 0, hi = t->nruns - 1;

    while (lo < hi) {
        int mid = lo + (hi - lo + 1) / 2;
        if (t->runs[mid].sample <= sample) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

const jo_track *jo_track_variant(const jo_track *t, uint32_t sample)
{
    return t->nvariants > 1 ? t->variants[t->runs[jo_track_run(t, sample)].variant] : t;
}

void jo_track_follow(jo_track *variant, const jo_track *t)
{
    size_t from = offsetof(jo_track, name);

    memcpy((char *)variant + from, (const char *)t + from, sizeof(*t) - from);
    variant->index = t->index;
    variant->edit = t->edit;
    variant->lang = t->lang;
}

const char *jo_track_param(const jo_track *t, const char *name)
{
    for (int i = 0; i < t->nparams; i++) {
        if (*t->params[i].value && jo_text_same(t->params[i].name, name)) {
            return t->params[i].value;
        }
    }
    return NULL;
}

size_t jo_track_params_memory(const jo_track *t)
{
    size_t n = sizeof(*t->params) * (size_t)t->nparams;

    for (int i = 0; i < t->nparams; i++) {
        n += strlen(t->params[i].name) + strlen(t->params[i].value) + 2;
    }
    return n;
}

jo_fraction jo_track_frame_rate(const jo_track *t)
{
    const jo_index *ix = t->index;
    jo_fraction f = {t->timescale, ix->duration};

    if (ix->const_until + 1 < ix->count || ix->duration == 0) {
        int64_t ticks = ix->end_dts - ix->first_dts;
        f.num = ticks > 0 ? jo_ticks_round((int64_t)ix->count * 1000, ticks, t->timescale) : 1000;
        f.den = 1000;
    }
    int64_t g = jo_gcd(f.num, f.den);
    return g > 0 ? (jo_fraction){f.num / g, f.den / g} : (jo_fraction){1, 1};
}

const jo_track *jo_track_largest_picture(const jo_track *t)
{
    const jo_track *largest = t;

    for (int v = 1; v < t->nvariants; v++) {
        const jo_track *o = t->variants[v];
        if ((uint64_t)o->width * o->height > (uint64_t)largest->width * largest->height) {
            largest = o;
        }
    }
    return largest;
}

uint32_t jo_track_display_width(const jo_track *t)
{
    return t->sar_w && t->sar_h ? ((uint32_t)t->width * t->sar_w + t->sar_h / 2) / t->sar_h
                                : t->width;
}
