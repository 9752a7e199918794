/* Packed audio segments of HLS: ADTS, AC-3, E-AC-3 and MPEG audio as they are, behind an ID3 tag with the time of the first
 * frame. RFC 8216bis 3.4; ADTS: ISO/IEC 14496-3 1.A.2 and 13818-7 6.2. */
#ifndef JO_PACKED_H
#define JO_PACKED_H

#include "packager.h"

enum {
    JO_ADTS_HEADER = 7,
    JO_ADTS_MAX = 8191 - JO_ADTS_HEADER
}; /* bytes of a header, and of a frame behind it */

/* Can an ADTS header say what the track's AudioSpecificConfig does? Object types 1 to 4 with frames of 1024 samples, channel
 * configurations 1 to 7, the table's sampling frequencies. SBR and PS are implicit: what is named are the core's. */
bool jo_adts_carries(const jo_track *t);
/* The header of a frame of `size` bytes (without it); size + JO_ADTS_HEADER < 8192. */
void jo_adts_write(const jo_track *t, uint32_t size, uint8_t out[JO_ADTS_HEADER]);
/* Makes it the header of another frame of the same track. */
void jo_adts_resize(uint8_t header[JO_ADTS_HEADER], uint32_t size);

/* Can the track go out packed, whichever of its sample entries describes it? */
bool jo_packed_carries(const jo_track *t);
/* "aac", "ac3", "ec3", "mp3" */
const char *jo_packed_extension(const jo_track *t);
/* Bytes of segment i, exactly. */
int64_t jo_packed_segment_size(const jo_track *t, const jo_track_plan *tp, int i);

/* A row's render (packager.h). */
apr_status_t jo_packed_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                      const jo_resource *rs, jo_body *body);

#endif
