/* A title and its plan as seen through a range of its segments: a clip, or a DASH period. Wire times, segment numbers and
 * names stay what they are in the whole. A view points into itself: it is not copied. */
#ifndef JO_VIEW_H
#define JO_VIEW_H

#include "clip.h"

typedef struct jo_view {
    jo_presentation presentation;
    jo_period
        period; /* presentation.periods: tracks are copies whose preroll is the view's start on the wire */
    jo_plan plan;      /* the range's segments; its first and last may be cut anew (jo_view_clip) */
    jo_fraction start; /* seconds after the start of what it was made from */
} jo_view;

/* When segment `at` starts, seconds, by the reference, or else by the first track that has samples in it. */
jo_fraction jo_view_start(const jo_period *period, const jo_plan *plan, int at);

/* Segments [from, until) of a plan, in cx->pool. */
void jo_view_make(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan, int from, int until,
                  jo_view *out);

/* The segments that a clip touches. exact: the first one starts with the last random access point at or before the
 * clip's begin, the last one ends with the first access unit at or after its end before which nothing is missing, and the view's
 * start is the clip's own. JO_ENOTFOUND: the clip begins where the title has ended. */
apr_status_t jo_view_clip(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                          const jo_clip *clip, bool exact, jo_view *out);

#endif
