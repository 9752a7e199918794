/* Errors: one call that keeps the first message, one table that maps codes to HTTP. */
#ifndef JO_STATUS_H
#define JO_STATUS_H

#include "jo.h"

/* Keeps code and message in cx if it holds no error yet, and returns the code that cx now holds
 * (so `return jo_fail(cx, JO_EMEDIA, …)`). The text names what and where: file, box, offset. */
apr_status_t jo_fail(jo_ctx *cx, apr_status_t code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the kept message (a caller knows the file name, the callee not).
 * Returns cx->code. */
apr_status_t jo_fail_in(jo_ctx *cx, const char *prefix);

/* HTTP status of a result code (APR_SUCCESS: 200; an unknown code: 500). */
int jo_status_http(apr_status_t code);

#endif
