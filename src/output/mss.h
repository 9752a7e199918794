/* Smooth Streaming ([MS-SSTR]): what its client manifest (mss.c) and its fragments (mss_fragment.c) share.
 *
 * Times of 10 MHz exist only here. A stream (StreamIndex) is the tracks of one name that are cut alike; the first of
 * them leads: its times name the segments of all. */
#ifndef JO_MSS_H
#define JO_MSS_H

#include "packager.h"

#define JO_MSS_TIMESCALE 10000000

/* Where segment i of a track starts (i == count: where it ends), given the plan's offset. */
int64_t jo_mss_time(const jo_track *t, const jo_track_plan *tp, int i, int64_t offset);

/* When segment i of a leading track's stream ends: where the next one starts, or with the latest of the stream's tracks where
 * a clip has cut them. */
int64_t jo_mss_end(const jo_period *period, const jo_plan *plan, int lead, int i);

/* Rows' renders (packager.h): moof and mdat, moof, sample data, moof and mdat of the first key picture alone.
 * JO_EMEDIA beyond limits->segment_size, JO_ENOTFOUND where there is no key picture. */
apr_status_t jo_mss_render_fragment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body);
apr_status_t jo_mss_render_info(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                const jo_resource *rs, jo_body *body);
apr_status_t jo_mss_render_raw(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                               const jo_resource *rs, jo_body *body);
apr_status_t jo_mss_render_key_frame(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                     const jo_resource *rs, jo_body *body);

#endif
