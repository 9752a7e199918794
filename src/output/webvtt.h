/* WebVTT files for HLS, made from the samples of wvtt tracks: 14496-30 7, RFC 8216 3.5. */
#ifndef JO_WEBVTT_H
#define JO_WEBVTT_H

#include "../base/text.h"
#include "packager.h"

#define JO_WEBVTT_TYPE "text/vtt; charset=utf-8"

/* A row's render (packager.h): the cues of the segment's samples, times counted from the presentation's time zero,
 * with the map that goes with fMP4 segments. A cue that was cut into several samples of the segment is whole again.
 * JO_ENOTFOUND for tracks that aren't wvtt; JO_EMEDIA for damaged samples and beyond limits->segment_size. */
apr_status_t jo_webvtt_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                      const jo_resource *rs, jo_body *body);

/* The same, with the map that goes with TS and packed audio. */
apr_status_t jo_webvtt_render_ts_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                         const jo_resource *rs, jo_body *body);

/* The file of samples [first, last) of a wvtt track, whose bytes lie one after the other in data. map: MPEG-TS time
 * (90 kHz) of the presentation's time zero. */
apr_status_t jo_webvtt_write(jo_ctx *cx, const jo_track *t, uint32_t first, uint32_t last,
                             const uint8_t *data, int64_t map, jo_text *out);

#endif
