/* NAL units of AVC, HEVC and VVC. */
#ifndef JO_NAL_H
#define JO_NAL_H

#include "../base/bytes.h"

/* The next unit of a sample of length-prefixed units (14496-15 5.3.4.2); false at the end or at damage. */
bool jo_nal_next(jo_reader *r, unsigned length_bytes, const uint8_t **nal, size_t *len);

/* Copies a unit without emulation prevention bytes (14496-10 7.4.1), at most cap bytes; how many. */
size_t jo_nal_unescape(const uint8_t *nal, size_t len, uint8_t *out, size_t cap);

/* Sample aspect ratio by aspect_ratio_idc (23091-2 8.6); false for values that are reserved or not said. 255 is the
 * caller's to read. */
bool jo_nal_sar(unsigned idc, uint16_t *w, uint16_t *h);

#endif
