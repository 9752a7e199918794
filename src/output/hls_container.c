#include "hls_container.h"

#include "hls.h"
#include "hls_ts.h"
#include "measure.h"
#include "packed.h"

#include <apr_strings.h>
#include <limits.h>

#define FMP4_VERSION 6 /* RFC 8216bis 7: EXT-X-MAP for more than I-frames */

/* TS can't say that pictures are to be turned or mirrored: tkhd's matrix, 14496-12 8.3.2. */
static bool is_turned(const jo_track *t)
{
    const uint32_t *m = t->matrix;

    return t->kind == JO_VIDEO && (m[1] != 0 || m[3] != 0 || m[0] >> 31 || m[4] >> 31);
}

static bool carries_all(const jo_period *period, const jo_settings *settings)
{
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        if (t->formats & JO_HLS && (!jo_ts_carries(t, settings) || is_turned(t))) {
            return false;
        }
    }
    return true;
}

bool jo_hls_in_ts(const jo_period *period, const jo_resource *rs)
{
    jo_container c = rs->settings->hls_container;

    if (rs->sound >= 0) {
        return true;
    }
    if (c == JO_CONTAINER_FMP4 || rs->options->hls_fmp4 ||
        rs->options->hls_version >= FMP4_VERSION) {
        return false;
    }
    return c == JO_CONTAINER_TS || carries_all(period, rs->settings);
}

/* -- bit rates --------------------------------------------------------------------------------------------------- */

/* What segments are of. */
typedef struct stream {
    const jo_period *period;
    const jo_plan *plan;
    int video, sound; /* into the period's tracks */
} stream;

static int64_t ts_size(const void *of, int i)
{
    const stream *s = of;

    return jo_ts_segment_size(s->period, s->plan, s->video, s->sound, i);
}

static int64_t packed_size(const void *of, int i)
{
    const stream *s = of;

    return jo_packed_segment_size(s->period->tracks[s->sound], &s->plan->tracks[s->sound], i);
}

jo_plan *jo_hls_ts_plan(apr_pool_t *pool, const jo_period *period, const jo_plan *plan,
                        const jo_resource *rs)
{
    jo_plan *out = apr_pmemdup(pool, plan, sizeof(*plan));
    int64_t target = jo_measure_target(plan);

    out->tracks = apr_pmemdup(pool, plan->tracks, sizeof(*plan->tracks) * (size_t)period->ntracks);
    for (int k = 0; k < rs->ntracks; k++) {
        int i = rs->tracks[k];
        const jo_track *t = period->tracks[i];
        stream s = {period, plan, i, -1};
        if (t->kind == JO_VIDEO) {
            jo_measure_rates(&out->tracks[i], t->timescale, target, ts_size, &s);
        } else if (t->kind == JO_AUDIO) {
            s.sound = i;
            jo_measure_rates(&out->tracks[i], t->timescale, target, packed_size, &s);
        }
    }
    return out;
}

/* -- picture and sound in one ------------------------------------------------------------------------------------- */

/* The first segment that has samples; INT_MAX: none has. */
static int first_of(const jo_track_plan *tp)
{
    return tp->first < tp->last ? tp->first : INT_MAX;
}

/* Where segment i starts: with its picture, else with its sound. What has neither lasts as long as the picture's gap if
 * it is before everything, else 0. */
static int64_t start_of(const jo_track_plan *v, const jo_track_plan *a, int64_t from, int64_t to,
                        int i, int64_t next)
{
    int64_t at = next;

    if ((i < first_of(v) && i < first_of(a)) || !jo_plan_empty(v, i)) {
        at = v->cuts[i].time;
    } else if (!jo_plan_empty(a, i)) {
        at = jo_ticks_round(a->cuts[i].time, from, to);
    }
    return at < next ? at : next;
}

static int64_t end_of(const jo_track_plan *v, const jo_track_plan *a, int64_t from, int64_t to,
                      int count)
{
    return v->last >= a->last ? v->cuts[count].time : jo_ticks_round(a->cuts[count].time, from, to);
}

static void cut(const jo_plan *plan, const jo_track_plan *v, const jo_track_plan *a, int64_t from,
                int64_t to, jo_cut *cuts)
{
    cuts[plan->count].time = end_of(v, a, from, to, plan->count);
    for (int i = plan->count - 1; i >= 0; i--) {
        cuts[i].time = start_of(v, a, from, to, i, cuts[i + 1].time);
    }
    for (int i = 0; i < plan->count; i++) {
        bool empty = jo_plan_empty(v, i) && jo_plan_empty(a, i);
        cuts[i + 1].sample = cuts[i].sample + !empty;
    }
}

jo_track_plan jo_hls_muxed_plan(apr_pool_t *pool, const jo_period *period, const jo_plan *plan,
                                int video, int sound)
{
    const jo_track_plan *v = &plan->tracks[video], *a = &plan->tracks[sound];
    const jo_track *vt = period->tracks[video], *at = period->tracks[sound];
    jo_track_plan out = {.lead = -1};
    stream s = {period, plan, video, sound};

    out.cuts = apr_pcalloc(pool, sizeof(jo_cut) * ((size_t)plan->count + 1));
    out.first = first_of(v) < first_of(a) ? first_of(v) : first_of(a);
    out.first = out.first == INT_MAX ? 0 : out.first;
    out.last = v->last > a->last ? v->last : a->last;
    cut(plan, v, a, at->timescale, vt->timescale, out.cuts);
    jo_measure_rates(&out, vt->timescale, jo_measure_target(plan), ts_size, &s);
    return out;
}
