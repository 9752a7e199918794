/* What happens in a segment. */
#ifndef JO_SEGMENT_EVENTS_H
#define JO_SEGMENT_EVENTS_H

#include "segment.h"

/* Events in segments [from, until) of a track: how many, and the first of them. With the track's first sample go those
 * before it, with its last those after it: every event of the list is in just one segment. */
static inline uint32_t jo_segment_events(const jo_event_list *l, const jo_track *t,
                                         const jo_track_plan *tp, int from, int until,
                                         const jo_event **first)
{
    const jo_cut *begin = &tp->cuts[from], *end = &tp->cuts[until];

    return jo_events_in(l, begin->sample <= t->span.in ? INT64_MIN : begin->time,
                        end->sample >= t->span.out ? INT64_MAX : end->time, t->timescale, first);
}

#endif
