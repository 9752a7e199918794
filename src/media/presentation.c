#include "presentation.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../base/ticks.h"

/* Sound that is kept before an audio track's edit start: decoders need some of it (AAC 1 to 6 access units), and other
 * readers keep as much. What lies further back was cut away on purpose. */
#define MAX_PRIMING_MS 1000

#define NS             1000000000

#define LONGEST_S      10000000 /* of a title, seconds: 115 days */

/* Wire-free first step: what of the media is kept. Gives the earliest kept PTS. */
static int64_t keep_video(jo_track *t)
{
    const jo_index *ix = t->index;
    if (ix->raps == NULL) {
        uint32_t n = jo_index_find_dts(ix, jo_ticks_sub(t->edit.media_time, ix->cts));
        if (n > 0 && (n == ix->count || jo_index_dts(ix, n) + ix->cts > t->edit.media_time)) {
            n--;
        }
        t->span.in = n;
        return jo_index_dts(ix, n) + ix->cts;
    }
    if (ix->nraps == 0) {
        t->span.in = 0;
        return ix->first_pts;
    }
    uint32_t k = jo_index_find_rap(ix, t->edit.media_time);
    if (k == ix->nraps || (k > 0 && ix->raps[k].ept > t->edit.media_time)) {
        k--;
    }
    t->span.in = ix->raps[k].sample;
    return ix->raps[k].ept;
}

/* Access unit that is heard at media time t, or the first. */
static uint32_t unit_at(const jo_index *ix, int64_t t)
{
    uint32_t n = jo_index_find_dts(ix, jo_ticks_sub(t, ix->cts));

    if (n == ix->count || (n > 0 && jo_index_dts(ix, n) + ix->cts > t)) {
        n--;
    }
    return n;
}

static int64_t keep_audio(jo_track *t)
{
    int64_t second = t->kind == JO_TEXT ? 0 : jo_ticks_round(MAX_PRIMING_MS, 1000, t->timescale);

    t->span.in = unit_at(t->index, jo_ticks_sub(t->edit.media_time, second));
    return jo_index_dts(t->index, t->span.in) + t->index->cts;
}

/* One past the last sample, in decoding order, that is shown before media time `end`. */
static uint32_t last_shown(const jo_index *ix, uint32_t from, int64_t end)
{
    jo_cursor c;
    jo_sample s;
    uint32_t out = from;

    if (ix->raps != NULL && ix->nraps > 0) {
        uint32_t k = jo_index_find_rap(ix, end);
        if (k > 0 && ix->raps[k - 1].sample > from) {
            from = ix->raps[k - 1].sample;
        }
    }
    jo_cursor_init(&c, ix, from);
    while (jo_cursor_next(&c, &s)) {
        if (s.dts + s.cts < end) {
            out = c.next;
        } else if (s.dts >= end) {
            break; /* nothing later is shown earlier than it is decoded, but for negative offsets */
        }
    }
    return out;
}

/* Sets span.in and span.out; gives first kept PTS and media end. False if nothing is left. */
static bool keep(jo_track *t, int64_t *first_pts, int64_t *end)
{
    const jo_index *ix = t->index;

    if (ix == NULL || ix->count == 0 || t->edit.media_time >= ix->end_pts ||
        t->edit.end <= t->edit.media_time) {
        return false;
    }
    *first_pts = t->kind == JO_VIDEO ? keep_video(t) : keep_audio(t);
    t->span.out = ix->count;
    if (t->edit.end < ix->end_pts) {
        t->span.out = last_shown(ix, t->span.in, t->edit.end);
    }
    /* a cut tail leaves pictures that are shown later than they last, with holes before them */
    *end = *first_pts + jo_index_dts(ix, t->span.out) - jo_index_dts(ix, t->span.in);
    return t->span.in < t->span.out;
}

typedef struct kept {
    int64_t first_pts; /* media time */
    int64_t end;       /* media time */
} kept;

/* Where the track's media begins on the edited time line, ticks ≥ 0. */
static int64_t edited_start(const jo_track *t, const kept *k)
{
    int64_t late = jo_ticks_sub(k->first_pts, t->edit.media_time);
    return late > 0 ? jo_ticks_add(t->edit.empty, late) : t->edit.empty;
}

/* What lies before wire time 0 is priming: the init's edit list hides it. Later than that nothing can hide
 * it, so a track that starts late keeps none. */
static void place(jo_track *t, kept *k, int64_t common)
{
    const jo_index *ix = t->index;
    int64_t late = jo_ticks_sub(t->edit.empty, common);

    if (t->kind != JO_VIDEO && late > 0) {
        uint32_t in = unit_at(ix, t->edit.media_time);
        t->span.in = in > t->span.in ? in : t->span.in;
        k->first_pts = jo_index_dts(ix, t->span.in) + ix->cts;
    }
    t->span.shift = jo_ticks_sub(jo_ticks_add(late, t->preroll), t->edit.media_time);
    t->start = jo_ticks_add(k->first_pts, t->span.shift);
    if (t->start == -1) { /* P and the common start were rounded to this timescale */
        t->span.shift++;
        t->start = 0;
    }
    t->end = jo_ticks_add(k->end, t->span.shift);
    if (t->kind != JO_VIDEO && t->start < 0) {
        t->priming = -t->start;
        t->start = 0;
    }
    t->dts_shift = k->first_pts - jo_index_dts(ix, t->span.in);
    int64_t frame = (ix->end_dts - ix->first_dts) / ix->count;
    t->frame = (uint32_t)(frame < 1 ? 1 : frame > UINT32_MAX ? UINT32_MAX : frame);
}

/* Bounds every time that is computed from here on: 10^7 s of 2^32 ticks fit 64 bits with room for
 * products by small numbers. */
static apr_status_t check_bounds(jo_ctx *cx, const jo_track *t)
{
    int64_t most = (int64_t)LONGEST_S * t->timescale;

    if (t->start < 0 || t->start > most || t->end < t->start || t->end > most ||
        t->preroll > most || t->priming > most) {
        return jo_fail(cx, JO_EMEDIA, "track %s: its times span more than %d s", t->token,
                       LONGEST_S);
    }
    return APR_SUCCESS;
}

/* Drops tracks that present nothing; keeps order and the reference's index right. */
static void drop_empty(jo_ctx *cx, jo_period *period, kept *ks)
{
    int n = 0;

    for (int i = 0; i < period->ntracks; i++) {
        jo_track *t = period->tracks[i];
        if (keep(t, &ks[n].first_pts, &ks[n].end)) {
            period->tracks[n++] = t;
        } else {
            jo_log_write(cx, JO_LOG_WARNING, "track %s presents no sample: left out", t->token);
        }
    }
    period->ntracks = n;
}

static int find_reference(const jo_period *period)
{
    for (jo_kind kind = JO_VIDEO; kind <= JO_AUDIO; kind++) {
        for (int i = 0; i < period->ntracks; i++) {
            if (period->tracks[i]->kind == kind) {
                return i;
            }
        }
    }
    return 0;
}

static apr_status_t align_period(jo_ctx *cx, jo_presentation *p, jo_period *period)
{
    kept *ks = apr_pcalloc(cx->pool, sizeof(*ks) * (size_t)(period->ntracks + 1));
    int64_t common = 0, common_ts = 0;

    drop_empty(cx, period, ks);
    period->reference = find_reference(period);
    p->preroll_num = 0;
    p->preroll_den = 1;
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        int64_t start = edited_start(t, &ks[i]);
        if (common_ts == 0 || jo_ticks_cmp(start, t->timescale, common, common_ts) < 0) {
            common = start;
            common_ts = t->timescale;
        }
        int64_t preroll = t->kind == JO_VIDEO ? t->edit.media_time - ks[i].first_pts : 0;
        if (jo_ticks_cmp(preroll, t->timescale, p->preroll_num, p->preroll_den) > 0) {
            p->preroll_num = preroll;
            p->preroll_den = t->timescale;
        }
    }
    period->late_num = common;
    period->late_den = common_ts > 0 ? common_ts : 1;
    for (int i = 0; i < period->ntracks; i++) {
        jo_track *t = period->tracks[i];
        t->preroll = jo_ticks_round(p->preroll_num, p->preroll_den, t->timescale);
        place(t, &ks[i], jo_ticks_round(common, common_ts, t->timescale));
        if (check_bounds(cx, t) != APR_SUCCESS) {
            return cx->code;
        }
    }
    return APR_SUCCESS;
}

apr_status_t jo_presentation_align(jo_ctx *cx, jo_presentation *p)
{
    for (int i = 0; i < p->nperiods; i++) {
        if (align_period(cx, p, &p->periods[i]) != APR_SUCCESS) {
            return cx->code;
        }
    }
    return APR_SUCCESS;
}

int64_t jo_period_wire(const jo_presentation *p, const jo_period *period, int64_t ns)
{
    int64_t late = jo_ticks_round(period->late_num, period->late_den, NS);

    return jo_ticks_add(jo_ticks_sub(ns, late), jo_ticks_round(p->preroll_num, p->preroll_den, NS));
}

bool jo_period_counts(const jo_period *period, const jo_track *t)
{
    return t->kind != JO_TEXT || period->tracks[period->reference]->kind == JO_TEXT;
}

int64_t jo_presentation_duration_ms(const jo_presentation *p)
{
    int64_t longest = 0;

    for (int i = 0; i < p->nperiods; i++) {
        for (int k = 0; k < p->periods[i].ntracks; k++) {
            const jo_track *t = p->periods[i].tracks[k];
            if (!jo_period_counts(&p->periods[i], t)) {
                continue;
            }
            int64_t ms =
                p->periods[i].start + jo_ticks_round(t->end - t->preroll, t->timescale, 1000);
            longest = ms > longest ? ms : longest;
        }
    }
    return longest;
}
