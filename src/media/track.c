#include "track.h"

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
