/* CMAF tracks (23000-19): the init and media segments that HLS fMP4 and DASH share. */
#ifndef JO_CMAF_H
#define JO_CMAF_H

#include "../media/codec.h"
#include "../plan/keyframes.h"
#include "packager.h"

/* ftyp + moov of one track, without samples. */
void jo_cmaf_init(jo_ctx *cx, const jo_track *t, jo_entry_style style, jo_body *body);

/* A row's render (packager.h): styp + emsg of the track's events + moof + mdat of the segment that the resource names, header in memory, samples as
 * ranges of its source. JO_EMEDIA beyond limits->segment_size. */
apr_status_t jo_cmaf_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body);

/* Bytes of segment i of a track, without building it. */
int64_t jo_cmaf_segment_size(const jo_track *t, const jo_track_plan *tp, int i);

/* styp + moof + mdat of a key picture that is shown for `duration` ticks, and how many bytes that is. */
apr_status_t jo_cmaf_keyframe(jo_ctx *cx, const jo_track *t, const jo_keyframe *k, int64_t duration,
                              const jo_resource *rs, jo_body *body);
int64_t jo_cmaf_keyframe_size(const jo_track *t, const jo_keyframe *k);

#endif
