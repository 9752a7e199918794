/* A bucket that stands for bytes of a body that nobody has read yet: they are read, a block at a time, when the connection
 * has room for them. A client that does not read costs one block instead of the body, and one descriptor instead of one
 * for each range. For connections of httpd's core alone: nothing may keep the bucket beyond its request. */
#ifndef JO_UNREAD_H
#define JO_UNREAD_H

#include "../io/body.h"

#include <httpd.h>
#include <util_filter.h>

/* Reads bytes of a body that is not produced, and makes sure that its files are still those that were opened. */
apr_status_t jo_unread_fetch(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf);

/* Appends the body, its first block read. cx and what is in b have to live as long as r. */
apr_status_t jo_unread_add(request_rec *r, jo_ctx *cx, apr_bucket_brigade *bb, const jo_body *b);

#endif
