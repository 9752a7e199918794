/* jo_body → bucket brigade. Nothing that is sent is shared with another request: a file is the request's own,
 * a buffer belongs to its bucket until that is destroyed. A body goes down whole, in one brigade with its EOS, so that httpd
 * cuts ranges out of it; a produced one, which may be of any size, in blocks that wait for the client, and its ranges are
 * cut here. */
#ifndef JO_SEND_H
#define JO_SEND_H

#include "../io/body.h"

#include <httpd.h>

/* For this child, before its first request: bytes of bodies that may wait for clients in memory, and produced bodies that may
 * be under way (each holds a thread; 0: any number). Beyond these jo_send_body() fails with JO_EBUSY. */
void jo_send_limits(size_t memory, unsigned downloads);

/* Sends the body with status 200, or 206 for a range. mode: as jo_config_send_mode(). An error return (cx->message) means that nothing was
 * sent; else *result is the handler's result: a body that breaks off is one that no client takes as complete. */
apr_status_t jo_send_body(request_rec *r, jo_ctx *cx, const jo_body *body, int mode, int *result);

/* Sends a short text with the status and type that are set. */
int jo_send_text(request_rec *r, const char *text);
/* Sends headers alone. */
int jo_send_nothing(request_rec *r);

#endif
