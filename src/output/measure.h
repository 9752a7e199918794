/* Figures of a planned track that manifests state: bit rates and frame rate, exactly. */
#ifndef JO_MEASURE_H
#define JO_MEASURE_H

#include "../plan/segment.h"

typedef struct jo_rates {
    int64_t
        peak; /* bits/s: highest over any run of segments lasting 0.5 to 1.5 target durations (RFC 8216bis 4.4.6.2) */
    int64_t average; /* bits/s over all segments */
} jo_rates;

/* EXT-X-TARGETDURATION of a plan: its longest segment, rounded, in seconds. */
int64_t jo_measure_target(const jo_plan *plan);

/* Of the track's CMAF segments, headers included. */
jo_rates jo_measure_rates(const jo_track *t, const jo_track_plan *tp, int64_t target);

/* Frames per second as a reduced fraction; the mean, to a thousandth, if the rate varies. */
jo_fraction jo_measure_frame_rate(const jo_track *t);

/* Display width: luma samples × sample aspect ratio, rounded. */
uint32_t jo_measure_display_width(const jo_track *t);

#endif
