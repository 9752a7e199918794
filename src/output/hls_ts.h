/* HLS in MPEG-2 transport streams: pictures, alone or with one sound muxed in. RFC 8216bis 3.2, ISO/IEC 13818-1.
 *
 * Segments are cut as those of fMP4. Times on the wire are 10 s late (PTS = wire time × 90 000 + 900 000 mod 2^33), as
 * migrated catalogues have them. All sizes follow from the sample index and what jo_ts_plan() counted once for the title. */
#ifndef JO_HLS_TS_H
#define JO_HLS_TS_H

#include "packager.h"
#include "ts_unit.h"

#define JO_TS_TYPE "video/mp2t"

/* Can TS (or packed audio, or WebVTT) carry the track? HEVC: by settings. */
bool jo_ts_carries(const jo_track *t, const jo_settings *settings);

/* For titles that may be asked for in TS: what packets and continuity counters hang on, of every cut of every track.
 * JO_EMEDIA: a segment of 2^32 packets or more. */
apr_status_t jo_ts_plan(jo_ctx *cx, const jo_period *period, jo_plan *plan);

/* Again for the first and the last segment, after a clip has cut them anew. */
apr_status_t jo_ts_replan(jo_ctx *cx, const jo_period *period, jo_plan *plan);

/* Bytes of segment i of picture `video` with `sound` (into the period's tracks, -1 none). */
int64_t jo_ts_segment_size(const jo_period *period, const jo_plan *plan, int video, int sound,
                           int i);

/* A row's render (packager.h): rs->track is the picture, rs->sound what is muxed with it. */
apr_status_t jo_ts_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                  const jo_resource *rs, jo_body *body);

#endif
