/* Packed audio (RFC 8216bis 3.4) as text: ID3 tags, and the headers of frames of ADTS, AC-3, E-AC-3 and MPEG audio. */
#ifndef JO_CLI_DUMP_PACKED_H
#define JO_CLI_DUMP_PACKED_H

#include "../base/text.h"
#include "../io/source.h"

/* Appends what the source holds; runs of frames with equal headers are one line, damage one with !!. False: it is not
 * packed audio. Errors stay in cx. */
bool jo_dump_packed(jo_ctx *cx, jo_source *src, jo_text *out, bool *damaged);

#endif
