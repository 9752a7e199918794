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
    u->extra = t->codec == &jo_codec_aac ? JO_ADTS_HEADER : 0;
    u->at = u->end = 0;
}

void jo_ts_units_seek(jo_ts_units *u, int segment)
{
    const jo_cut *cut = &u->plan->cuts[segment];

    jo_cursor_init(&u->cursor, u->track->index, cut[0].sample);
    u->until = cut[1].sample;
    u->first = cut[0].sample;
    u->count = 0;
    u->at = u->end = 0;
}

/* At least a group's worth of samples, unless the segment ends. */
static void read_ahead(jo_ts_units *u)
{
    jo_sample s;

    if (u->end - u->at >= JO_TS_GROUP || u->cursor.next >= u->until) {
        return;
    }
    memmove(u->ahead, u->ahead + u->at, sizeof(*u->ahead) * (u->end - u->at));
    memmove(u->ahead_sizes, u->ahead_sizes + u->at, sizeof(*u->ahead_sizes) * (u->end - u->at));
    u->end -= u->at;
    u->at = 0;
    while (u->end < 2 * JO_TS_GROUP && u->cursor.next < u->until &&
           jo_cursor_next(&u->cursor, &s)) {
        u->ahead_sizes[u->end] = s.size;
        u->ahead[u->end++] = (struct jo_ts_ahead){s.size, s.duration, s.dts, s.cts, s.sync};
    }
}

static uint64_t stamp(const jo_ts_units *u, int64_t media)
{
    return (uint64_t)jo_ts_time(u->track, jo_ticks_add(media, u->track->span.shift));
}

static void describe(jo_ts_units *u)
{
    const jo_track *as = jo_track_variant(u->track, u->first);

    if (as != u->as) {
        u->as = as;
        if (as->kind == JO_VIDEO) {
            jo_ts_video_init(u->cx, as, &u->video);
        }
    }
}

static void take_picture(jo_ts_units *u)
{
    const struct jo_ts_ahead *s = &u->ahead[u->at];
    int64_t dts = jo_ticks_add(s->dts, u->plan->lag);

    u->count = 1;
    u->unit = (jo_ts_unit){.size = jo_ts_video_size(&u->video, s->size, s->sync),
                           .random = s->sync,
                           .has_pcr = true,
                           .pts = stamp(u, s->dts + s->cts),
                           .dts = stamp(u, dts)};
    u->pcrs = 0;
    if ((uint64_t)s->duration * JO_TS_HZ > (uint64_t)u->track->timescale * JO_TS_PCR_APART) {
        u->pcrs = jo_ts_pcr_between(stamp(u, jo_ticks_add(dts, s->duration)) - u->unit.dts);
    }
}

static void take_frames(jo_ts_units *u)
{
    const struct jo_ts_ahead *s = &u->ahead[u->at];

    u->count = jo_ts_group(u->ahead_sizes + u->at, u->end - u->at, u->extra, JO_TS_GROUP, false);
    u->unit = (jo_ts_unit){.pts = stamp(u, s->dts + s->cts)};
    u->unit.dts = u->unit.pts;
    for (uint32_t k = 0; k < u->count; k++) {
        u->unit.size += (uint64_t)u->sizes[k] + u->extra;
    }
}

bool jo_ts_units_next(jo_ts_units *u)
{
    u->first += u->count;
    u->count = 0;
    read_ahead(u);
    if (u->at == u->end) {
        return false;
    }
    u->sizes = u->ahead_sizes + u->at;
    describe(u);
    if (u->track->kind == JO_VIDEO) {
        take_picture(u);
    } else {
        take_frames(u);
    }
    u->at += u->count;
    return true;
}
