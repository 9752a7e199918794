/* DASH periods: a new one where the sample entry of some track changes, because an adaptation set has one
 * initialization. Times on the wire, segment numbers and ids go on as if there were one. */
#ifndef JO_DASH_PERIOD_H
#define JO_DASH_PERIOD_H

#include "../plan/view.h"
#include "packager.h"

/* How many there are: ≥ 1. */
int jo_dash_periods(const jo_plan *plan);

/* Period n, from 0 on: tracks are the variants that are valid in it, their preroll is the period's
 * presentationTimeOffset. */
void jo_dash_period_make(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan, int n,
                         jo_view *out);

/* Number of the variant that the first segment of a track's plan has. */
int jo_dash_variant(const jo_track *t, const jo_track_plan *tp);

#endif
