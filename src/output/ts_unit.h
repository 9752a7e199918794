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
    uint64_t pcrs;         /* of pictures: packets with a PCR alone between it and the next unit */
    uint64_t stop;         /* of sound: its PTS + duration */
    jo_ts_video video;     /* how its picture is written */
    const jo_track *as;    /* the track as its first sample's entry describes it */

    /* ts_unit.c's own */
    const jo_track *track;
    const jo_track_plan *plan;
    jo_ctx *cx;
    jo_cursor cursor;
    uint32_t until;          /* sample after the segment's last */
    uint32_t most;           /* frames of a unit */
    uint32_t apart;          /* ticks of 100 ms */
    uint32_t since, changes; /* samples that `as` describes */
    uint32_t at, end;        /* frames that are read and not yet of a unit: into the next two */
    uint32_t ahead[2 * JO_TS_GROUP];
    int64_t ahead_dts[2 * JO_TS_GROUP];
    bool ahead_last[2 * JO_TS_GROUP]; /* what follows doesn't follow on: it is of another unit */
    bool steady;                      /* none of the track's is such */
    int64_t ahead_end;                /* of the last that was read */
    jo_shapes shapes;                 /* of samples that are counted */
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
/* Packets with a PCR alone between the pictures of a segment. */
uint64_t jo_ts_units_pcrs(jo_ts_units *u, int segment);

/* -- sound where there are no pictures, which bear the clock ------------------------------------------------ */

/* Those of a segment, if there are `any`. */
typedef struct jo_ts_pictures {
    uint64_t from, to; /* DTS of the first, end of the last */
    uint64_t clock;    /* the last PCR */
    bool any;
} jo_ts_pictures;

void jo_ts_units_pictures(const jo_ts_units *u, int segment, jo_ts_pictures *out);

/* Puts packets with a PCR alone beside sound that comes more than 100 ms before the first picture or after the last. */
typedef struct jo_ts_clock {
    jo_ts_writer *w; /* NULL: they are only counted */
    const jo_ts_stream *stream;
    jo_ts_pictures pictures;
    uint64_t packets; /* so far */
    uint64_t at, end; /* the last PCR; what it is to go on to */
    bool runs, past;  /* past: sound that leads has ended */
} jo_ts_clock;

/* Is it before the pictures? */
bool jo_ts_clock_leads(const jo_ts_clock *c, const jo_ts_units *sound);
/* Before a unit that leads, and before each that is written behind the pictures. */
void jo_ts_clock_before(jo_ts_clock *c, const jo_ts_units *sound);
/* Behind the last that leads, and behind the last of all. */
void jo_ts_clock_finish(jo_ts_clock *c);
/* All packets of a segment that these make. */
uint64_t jo_ts_clock_count(const jo_ts_units *video, jo_ts_units *sound, int segment);

#endif
