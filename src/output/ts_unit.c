#include "ts_unit.h"

#include "packed.h"

#include <string.h>

int64_t jo_ts_time(const jo_track *t, int64_t wire)
{
    return jo_ticks_add(jo_ticks_round(wire, t->timescale, JO_TS_HZ), JO_TS_START);
}

void jo_ts_units_init(jo_ctx *cx, jo_ts_units *u, const jo_track *t, const jo_track_plan *tp)
{
    u->cx = cx;
    u->track = t;
    u->plan = tp;
    u->as = NULL;
    u->unit = (jo_ts_unit){0};
    u->count = 0;
    u->extra = t->codec == &jo_codec_aac ? JO_ADTS_HEADER : 0;
    u->apart = (uint32_t)((uint64_t)t->timescale * JO_TS_PCR_APART / JO_TS_HZ);
}

void jo_ts_units_seek(jo_ts_units *u, int segment)
{
    const jo_cut *cut = &u->plan->cuts[segment];

    jo_cursor_init(&u->cursor, u->track->index, cut[0].sample);
    u->until = cut[1].sample;
    u->at = u->end = 0;
}

/* Whose parameter sets go before a picture. */
static void describe(jo_ts_units *u, uint32_t sample)
{
    const jo_track *t = u->track;
    int run;

    if (u->as != NULL && sample >= u->since && sample < u->changes) {
        return;
    }
    run = jo_track_run(t, sample);
    u->since = t->runs[run].sample;
    u->changes = run + 1 < t->nruns ? t->runs[run + 1].sample : UINT32_MAX;
    if (u->as != t->variants[t->runs[run].variant]) {
        u->as = t->variants[t->runs[run].variant];
        if (t->kind == JO_VIDEO) {
            jo_ts_video_init(u->cx, u->as, &u->video);
        }
    }
}

static uint64_t stamp(const jo_ts_units *u, int64_t media)
{
    return (uint64_t)jo_ts_time(u->track, jo_ticks_add(media, u->track->span.shift));
}

/* -- pictures --------------------------------------------------------------------------------------------- */

static bool next_picture(jo_ts_units *u, jo_sample *s)
{
    uint32_t n = u->cursor.next;

    if (n >= u->until || !jo_cursor_next(&u->cursor, s)) {
        return false;
    }
    describe(u, n);
    u->first = n;
    u->unit.random = s->sync;
    u->unit.size = jo_ts_video_size(&u->video, s->size, s->sync);
    return true;
}

static void stamp_picture(jo_ts_units *u, const jo_sample *s)
{
    int64_t dts = jo_ticks_add(s->dts, u->plan->lag);

    u->unit.has_pcr = true;
    u->unit.pts = stamp(u, s->dts + s->cts);
    u->unit.dts = s->cts == u->plan->lag ? u->unit.pts : stamp(u, dts);
    u->pcrs = s->duration > u->apart
                  ? jo_ts_pcr_between(stamp(u, jo_ticks_add(dts, s->duration)) - u->unit.dts)
                  : 0;
}

static uint32_t count_pictures(jo_ts_units *u, bool *slow)
{
    bool coarse = u->track->timescale <= JO_TS_HZ; /* other ticks are other times */
    uint32_t packets = 0;
    jo_sample s;

    u->unit = (jo_ts_unit){.has_pcr = true};
    u->first = u->cursor.next;
    while (next_picture(u, &s)) {
        if (coarse && s.duration <= u->apart) {
            u->unit.pts = s.cts != u->plan->lag;
            u->unit.dts = 0;
        } else {
            stamp_picture(u, &s);
            *slow |= u->pcrs > 0;
        }
        packets += jo_ts_pes_packets(&u->unit);
    }
    return packets;
}

/* -- sound ------------------------------------------------------------------------------------------------ */

/* At least a group's worth of frames, unless the segment ends. */
static void read_ahead(jo_ts_units *u)
{
    jo_sample s;

    if (u->end - u->at >= JO_TS_GROUP || u->cursor.next >= u->until) {
        return;
    }
    u->end -= u->at;
    memmove(u->ahead, u->ahead + u->at, sizeof(*u->ahead) * u->end);
    memmove(u->ahead_dts, u->ahead_dts + u->at, sizeof(*u->ahead_dts) * u->end);
    u->at = 0;
    while (u->end < 2 * JO_TS_GROUP && u->cursor.next < u->until &&
           jo_cursor_next(&u->cursor, &s)) {
        u->ahead[u->end] = s.size;
        u->ahead_dts[u->end++] = s.dts + s.cts;
    }
}

static bool next_frames(jo_ts_units *u)
{
    read_ahead(u);
    if (u->at == u->end) {
        return false;
    }
    u->first = u->cursor.next - (u->end - u->at);
    u->sizes = u->ahead + u->at;
    u->count = jo_ts_group(u->sizes, u->end - u->at, u->extra, JO_TS_GROUP, false);
    u->unit = (jo_ts_unit){.size = (uint64_t)u->count * u->extra};
    for (uint32_t k = 0; k < u->count; k++) {
        u->unit.size += u->sizes[k];
    }
    u->at += u->count;
    return true;
}

static uint32_t count_frames(jo_ts_units *u)
{
    uint32_t packets = 0;

    while (next_frames(u)) {
        packets += jo_ts_pes_packets(&u->unit);
    }
    return packets;
}

/* -- both ------------------------------------------------------------------------------------------------- */

bool jo_ts_units_next(jo_ts_units *u)
{
    jo_sample s;

    if (u->track->kind == JO_VIDEO) {
        if (!next_picture(u, &s)) {
            return false;
        }
        u->count = 1;
        u->ahead[0] = s.size;
        u->sizes = u->ahead;
        stamp_picture(u, &s);
        return true;
    }
    if (!next_frames(u)) {
        return false;
    }
    describe(u, u->first);
    u->unit.pts = u->unit.dts = stamp(u, u->ahead_dts[u->at - u->count]);
    u->pcrs = 0;
    return true;
}

uint32_t jo_ts_units_count(jo_ts_units *u, int segment, bool *slow)
{
    jo_ts_units_seek(u, segment);
    return u->track->kind == JO_VIDEO ? count_pictures(u, slow) : count_frames(u);
}

uint64_t jo_ts_units_pcrs(jo_ts_units *u, int segment)
{
    uint64_t n = 0;
    jo_sample s;

    jo_ts_units_seek(u, segment);
    if (u->track->kind != JO_VIDEO) {
        while (next_frames(u)) {
            n++;
        }
        return n;
    }
    while (u->cursor.next < u->until && jo_cursor_next(&u->cursor, &s)) {
        stamp_picture(u, &s);
        n += u->pcrs;
    }
    return n;
}
