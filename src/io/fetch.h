/* Pieces of sources to where they are wanted, by as few reads as are sensible. */
#ifndef JO_FETCH_H
#define JO_FETCH_H

#include "source.h"

typedef struct jo_fetch {
    jo_ctx *cx;
    jo_source *source; /* of the pieces that wait for one read */
    int64_t from, to;  /* its range */
    struct iovec *pieces;
    int count;
    char *junk; /* for what lies between them */
} jo_fetch;

void jo_fetch_init(jo_ctx *cx, jo_fetch *f);
/* Bytes [off, off+len) of src to `to`, when the fetch is done at the latest. Pieces that follow each other in the source, up
 * to 64 KiB apart, share a read. Errors stay in cx and are returned. */
apr_status_t jo_fetch_add(jo_fetch *f, jo_source *src, int64_t off, size_t len, void *to);
apr_status_t jo_fetch_done(jo_fetch *f);

#endif
