/* What a reply says beside its body: headers, conditions, errors. */
#ifndef JO_REPLY_H
#define JO_REPLY_H

#include "../origin.h"
#include "config.h"

#include <httpd.h>

/* Cross-origin headers, on every reply including errors and 304. */
void jo_reply_cors(request_rec *r, const jo_dir_config *c);

/* The header by which all of a title is purged (JitOriginSurrogateKey), on every reply. */
void jo_reply_surrogate_key(request_rec *r, const jo_dir_config *c);

/* Type, validators, caching, names and Accept-Ranges of a 200 or 304. */
void jo_reply_headers(request_rec *r, const jo_dir_config *c, const jo_reply *rp);

/* What the request's conditions say of a representation: OK, 304 or 412. */
int jo_reply_condition(request_rec *r, const char *etag, apr_time_t modified);

/* Settles the Range header for a body of this length before httpd cuts it: HEAD has no ranges, several give the whole
 * (RFC 9110 14.2 allows both). False: it can't be satisfied, the answer is 416. The body's ETag and date must be
 * set. */
bool jo_reply_range(request_rec *r, int64_t length);

/* Answers OPTIONS. */
int jo_reply_options(request_rec *r);

/* Answers with status and a one-line reason as text/plain; where the operator has set an ErrorDocument for this status,
 * returns the status so that httpd sends that. */
int jo_reply_error(request_rec *r, const jo_dir_config *c, int status, const char *reason);

#endif
