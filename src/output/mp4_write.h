/* Writing ISO BMFF boxes. */
#ifndef JO_MP4_WRITE_H
#define JO_MP4_WRITE_H

#include "../base/bytes.h"

/* Starts a box and returns where, for jo_box_close(), which fills in its size. */
size_t jo_box_open(jo_writer *w, const char type[4]);
size_t jo_full_box_open(jo_writer *w, const char type[4], uint8_t version, uint32_t flags);
void jo_box_close(jo_writer *w, size_t at);

#endif
