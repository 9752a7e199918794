/* The plan: where every track of a descriptor is cut. A pure function of the whole descriptor (never
 * of a selection), shared by manifests and segments, so that they can't disagree. */
#ifndef JO_SEGMENT_H
#define JO_SEGMENT_H

#include "../base/ticks.h"
#include "../media/presentation.h"

/* Where segment i of a track starts. */
typedef struct jo_cut {
    uint32_t sample;  /* first sample; equals the next cut's if the segment is empty */
    uint32_t packets; /* of TS before it, where the plan is counted (output/hls_ts.h) */
    int64_t time;     /* earliest presentation time on the wire, after the edit list, ticks */
    int64_t bytes;    /* of all samples of the track before `sample` */
} jo_cut;

typedef struct jo_track_plan {
    jo_cut *cuts;    /* count + 1: the last one is the end */
    bool aligned;    /* cut at the reference's boundaries (within half a frame) */
    int first, last; /* first non-empty segment and one past the last: [first, last) */
    bool holes;      /* some segment between them is empty */
    int64_t peak;    /* bits/s, set by the packager once the plan is made (output/measure.h) */
    int64_t average; /* bits/s, likewise */
    int lead;        /* likewise: track whose times name this one's segments, -1 none */
    int64_t
        lag; /* where the plan is counted: ticks that decode times are late in TS, so that none is after its PTS */
    const uint32_t
        *id3_packets; /* likewise, of pictures: packets of all timed ID3 before each event's */
    bool slow;        /* likewise: some pictures are more than 100 ms apart */
} jo_track_plan;

typedef struct jo_plan {
    int count;             /* segments; numbers are base_number .. base_number + count - 1 */
    int64_t base_number;   /* 1 for VOD */
    jo_track_plan *tracks; /* as in the period's tracks */
    int *changes; /* segments with which the sample entry of some track changes, rising; never 0 */
    int nchanges;
    /* Set by the packager once the plan is made: ticks of 10 MHz between wire times and those of Smooth, at least 0. It
     * has no edit list: what would have to be hidden of an access unit before time 0 moves the whole title instead. */
    int64_t offset;
    bool counted;       /* of TS: what cuts and tracks say of it holds */
    int64_t longest_ms; /* longest segment of any audio or video track, rounded up */
    /* A clip of the title; exact: it begins and ends where it was asked to, not with its segments. Its first or last
     * segment may then be cut otherwise than in the whole title, and has a URL of its own. */
    bool clip, exact, recut_head, recut_tail;
} jo_plan;

/* wanted.den == 0: cut at every source fragment or GOP (DASH's default). JO_EMEDIA beyond limits->segments. */
apr_status_t jo_plan_make(jo_ctx *cx, const jo_period *period, jo_fraction wanted, jo_plan **out);

/* The same, to be changed by a packager. */
jo_plan *jo_plan_copy(jo_ctx *cx, const jo_period *period, const jo_plan *plan);

/* (An empty segment inside a track lasts 0: the sample before it goes on to the next. Leading ones last as
 * long as the reference's.) */

/* Index of segment `number`, or of the non-empty segment of track t that starts exactly at wire time `time`;
 * -1 if there is none. */
int jo_plan_find_number(const jo_plan *p, int64_t number);
int jo_plan_find_time(const jo_plan *p, int t, int64_t time);

/* The longest segment that manifests list of a track, ticks. */
int64_t jo_plan_longest(const jo_track_plan *tp);

static inline int64_t jo_plan_duration(const jo_track_plan *t, int i)
{
    return t->cuts[i + 1].time - t->cuts[i].time;
}

static inline bool jo_plan_empty(const jo_track_plan *t, int i)
{
    return t->cuts[i].sample == t->cuts[i + 1].sample;
}

#endif
