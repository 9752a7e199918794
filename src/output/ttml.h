/* Times of TTML documents. W3C TTML2 10.3, 12. */
#ifndef JO_TTML_H
#define JO_TTML_H

#include "../base/bytes.h"

/* Appends the document with its times moved so that what stood at `zero` (ns) stands at 0; what began before begins at 0,
 * shorter. As it is where its times can't be moved: UTF-16, no XML, a time base that isn't the media's, a sequence. */
void jo_ttml_move(const uint8_t *data, size_t len, int64_t zero, jo_writer *out);

#endif
