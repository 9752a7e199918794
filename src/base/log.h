/* The core's log: a callback set by the server or the command. Errors that are returned are never
 * logged here; this is for what an operator should know although the request succeeds. */
#ifndef JO_LOG_H
#define JO_LOG_H

#include "jo.h"

typedef enum { JO_LOG_WARNING, JO_LOG_INFO, JO_LOG_DEBUG } jo_log_level;

struct jo_log {
    void (*write)(void *baton, jo_log_level level, const char *line);
    void *baton;
};

/* Writes one line; does nothing without cx->log. */
void jo_log_write(jo_ctx *cx, jo_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
