#include "keyframes.h"

#define MOST 4 /* a second, without thinning */

static bool is_listed(const jo_keyframes *ks)
{
    return ks->track->index->raps != NULL;
}

static uint32_t sample_at(const jo_keyframes *ks, uint32_t at)
{
    return is_listed(ks) ? ks->track->index->raps[ks->first + at].sample : ks->first + at;
}

/* By which they are in order, on the media's time line. */
static int64_t order_at(const jo_keyframes *ks, uint32_t at)
{
    const jo_index *ix = ks->track->index;

    return is_listed(ks) ? ix->raps[ks->first + at].ept : jo_index_dts(ix, ks->first + at);
}

/* The first whose order is not less; count: none. */
static uint32_t find_order(const jo_keyframes *ks, int64_t order)
{
    const jo_index *ix = ks->track->index;
    uint32_t n = is_listed(ks) ? jo_index_find_rap(ix, order) : jo_index_find_dts(ix, order);

    n = n > ks->first ? n - ks->first : 0;
    return n < ks->count ? n : ks->count;
}

/* The first whose sample is not before `sample`, into all of the index's. */
static uint32_t find_sample(const jo_index *ix, uint32_t sample)
{
    uint32_t lo = 0, hi = ix->nraps;

    if (ix->raps == NULL) {
        return sample;
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (ix->raps[mid].sample < sample) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static int64_t number_of(const jo_keyframes *ks, uint32_t at)
{
    int64_t since = ks->thinned ? order_at(ks, at) - order_at(ks, 0) : at;

    return 1 + (ks->thinned ? since / ks->track->timescale : since);
}

/* Order of the first that may have the number. */
static int64_t order_of(const jo_keyframes *ks, int64_t number)
{
    return order_at(ks, 0) + (number - 1) * ks->track->timescale;
}

void jo_keyframes_init(jo_keyframes *ks, const jo_track *t)
{
    *ks = (jo_keyframes){.track = t, .first = find_sample(t->index, t->span.in)};
    ks->count = find_sample(t->index, t->span.out) - ks->first;
    if (ks->count > MOST) {
        int64_t ticks = order_at(ks, ks->count - 1) - order_at(ks, 0);
        ks->thinned = ks->count > MOST * (ticks / t->timescale + 1);
    }
}

/* Only of open groups does the index not know it by heart. */
static int64_t wire_time(const jo_keyframes *ks, const jo_keyframe *k)
{
    const jo_track *t = ks->track;
    const jo_index *ix = t->index;
    int64_t pts = order_at(ks, k->at) + (is_listed(ks) ? 0 : ix->cts);
    jo_cursor c;
    jo_sample s;

    if (is_listed(ks) && ix->raps[ks->first + k->at].open) {
        jo_cursor_init(&c, ix, k->sample);
        if (jo_cursor_next(&c, &s)) {
            pts = s.dts + s.cts;
        }
    }
    return pts + t->span.shift;
}

static bool fill(const jo_keyframes *ks, uint32_t at, jo_keyframe *out)
{
    if (at >= ks->count) {
        return false;
    }
    uint32_t n = sample_at(ks, at);
    *out = (jo_keyframe){.at = at, .sample = n, .number = number_of(ks, at)};
    out->size = jo_index_size(ks->track->index, n);
    out->time = wire_time(ks, out);
    return true;
}

bool jo_keyframes_find(const jo_keyframes *ks, int64_t number, jo_keyframe *out)
{
    if (ks->count == 0 || number < 1 || number > number_of(ks, ks->count - 1)) {
        return false;
    }
    uint32_t at = ks->thinned ? find_order(ks, order_of(ks, number)) : (uint32_t)(number - 1);
    return fill(ks, at, out) && out->number == number;
}

bool jo_keyframes_from(const jo_keyframes *ks, uint32_t sample, jo_keyframe *out)
{
    uint32_t n = find_sample(ks->track->index, sample);
    uint32_t at = n > ks->first ? n - ks->first : 0;

    if (ks->thinned && at > 0 && at < ks->count && number_of(ks, at) == number_of(ks, at - 1)) {
        at = find_order(ks, order_of(ks, number_of(ks, at) + 1));
    }
    return fill(ks, at, out);
}

bool jo_keyframes_next(const jo_keyframes *ks, const jo_keyframe *k, jo_keyframe *out)
{
    uint32_t at = ks->thinned ? find_order(ks, order_of(ks, k->number + 1)) : k->at + 1;

    return fill(ks, at, out);
}
