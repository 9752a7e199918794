/* A segment of a track as the units (ts.h) that TS makes of it: each picture its own, frames of sound in groups. Counting
 * and writing go through the same steps, so that what was counted is what is written. */
#ifndef JO_TS_UNIT_H
#define JO_TS_UNIT_H

#include "../plan/segment.h"
#include "ts.h"

enum {
    JO_TS_START = 900000, /* PTS of wire time 0 */
    JO_TS_GROUP = 512     /* frames of a unit of sound, at most */
};

typedef struct jo_ts_units {
    /* of the unit that jo_ts_units_next() found */
    jo_ts_unit unit;
    uint32_t first; /* its samples */
    uint32_t count;
    const uint32_t *sizes; /* of them, as in the source */
    uint32_t extra;        /* bytes before each: an ADTS header */
    uint64_t pcrs;         /* packets with a PCR alone that belong between it and the next unit */
    jo_ts_video video;     /* how its picture is written */
    const jo_track *as;    /* the track as its first sample's entry describes it */

    /* ts_unit.c's own */
    const jo_track *track;
    const jo_track_plan *plan;
    jo_ctx *cx;
    jo_cursor cursor;
    uint32_t until;          /* sample after the segment's last */
    uint32_t apart;          /* ticks of 100 ms */
    uint32_t since, changes; /* samples that `as` describes */
    uint32_t at, end;        /* frames that are read and not yet of a unit: into the next two */
    uint32_t ahead[2 * JO_TS_GROUP];
    int64_t ahead_dts[2 * JO_TS_GROUP];
    jo_shapes shapes; /* of samples that are counted */
} jo_ts_units;

/* A wire time, ticks, as PTS or DTS, not yet mod 2^33. */
int64_t jo_ts_time(const jo_track *t, int64_t wire);

/* The units of a track that TS can carry; its lag (plan/segment.h) is known. */
void jo_ts_units_init(jo_ctx *cx, jo_ts_units *u, const jo_track *t, const jo_track_plan *tp);
/* From the start of a segment on. */
void jo_ts_units_seek(jo_ts_units *u, int segment);
/* False at the segment's end. */
bool jo_ts_units_next(jo_ts_units *u);
/* Packets of all units of a segment; *slow is set if some have a PCR alone behind them. */
uint64_t jo_ts_units_count(jo_ts_units *u, int segment, bool *slow);
/* Packets with a PCR alone in a segment: of pictures those between them; of sound, where there are no pictures, one before
 * each unit. */
uint64_t jo_ts_units_pcrs(jo_ts_units *u, int segment);

#endif
