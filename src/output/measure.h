/* Figures of a planned track that manifests state: bit rates, exactly. */
#ifndef JO_MEASURE_H
#define JO_MEASURE_H

#include "../plan/segment.h"

/* EXT-X-TARGETDURATION of a plan: its longest segment, rounded, in seconds. */
int64_t jo_measure_target(const jo_plan *plan);

/* The same of one track alone: text may have longer segments than picture and sound. */
int64_t jo_measure_track_target(const jo_track *t, const jo_track_plan *tp);

/* Bytes of segment i, which isn't empty. */
typedef int64_t jo_measure_size(const void *of, int i);

/* Sets peak and average of one track's segments. peak: the highest over any run of segments lasting 0.5 to 1.5 target
 * durations (RFC 8216bis 4.4.6.2), at least the average. */
void jo_measure_rates(jo_track_plan *tp, int64_t timescale, int64_t target, jo_measure_size *size,
                      const void *of);

/* The same for every track, of its CMAF segments with their headers. */
void jo_measure_plan(const jo_period *period, jo_plan *plan);

/* Are two audio tracks the same sound at other bit rates, so that a player may switch between them? */
bool jo_measure_same_sound(const jo_track *a, const jo_track *b);

#endif
