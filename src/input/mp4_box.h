/* Walking ISO BMFF boxes (14496-12 4.2) in memory and in a source. */
#ifndef JO_MP4_BOX_H
#define JO_MP4_BOX_H

#include "../base/bytes.h"
#include "../io/source.h"

typedef struct jo_box {
    uint32_t type;
    jo_reader body; /* payload */
} jo_box;

/* Next box of r; false at the end. Four stray zero bytes at the end (QuickTime's list terminator) and
 * fewer than 8 trailing bytes are ignored; a box that runs past r fails r. size 0 runs to the end. */
bool jo_box_next(jo_reader *r, jo_box *box);
/* First child of that type, searched from a copy of r. */
bool jo_box_find(jo_reader r, uint32_t type, jo_reader *body);
/* Version and flags of a full box. */
uint8_t jo_box_version(jo_reader *body, uint32_t *flags);

/* A top-level box in a source. */
typedef struct jo_top_box {
    uint32_t type;
    int64_t offset; /* of the box */
    int64_t size;   /* whole, header included; to the end of the file for size 0 */
    int header;     /* 8 or 16 */
    bool cut;       /* runs past the end of the file (size is as declared) */
} jo_top_box;

/* Box at `offset`; JO_ENOTFOUND-free: returns APR_EOF at or past the end (also for fewer than 8 bytes left). */
apr_status_t jo_top_box_read(jo_ctx *cx, jo_source *src, int64_t offset, jo_top_box *out);
/* Payload of a box, read whole into malloc-like exact storage in cx->pool, bounded by limits->moov_size. */
apr_status_t jo_top_box_load(jo_ctx *cx, jo_source *src, const jo_top_box *box, jo_reader *payload);

#endif
