/* I-frame playlists (RFC 8216bis 4.4.3.6) and what they name: each key picture (plan/keyframes.h) is a resource of its own, a
 * fragment or a transport stream. An entry lasts until the next key picture is shown. */
#ifndef JO_HLS_KEYFRAMES_H
#define JO_HLS_KEYFRAMES_H

#include "packager.h"

/* BANDWIDTH and AVERAGE-BANDWIDTH of a video track's I-frame playlist, bits/s, exactly. False: the track has no key pictures
 * there, and no such playlist. */
bool jo_hls_keyframes_rates(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                            const jo_resource *rs, int track, int64_t *peak, int64_t *average);

/* Rows' renders (packager.h): the playlist; the picture rs->keyframe as a fragment, which has the duration that the whole
 * title's playlist says, and in TS. */
apr_status_t jo_hls_render_keyframes(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                     const jo_resource *rs, jo_body *body);
apr_status_t jo_hls_render_keyframe(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body);
apr_status_t jo_hls_render_ts_keyframe(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                       const jo_resource *rs, jo_body *body);

#endif
