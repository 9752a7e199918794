#include "log.h"

#include "text.h"

#include <stdarg.h>

void jo_log_write(jo_ctx *cx, jo_log_level level, const char *fmt, ...)
{
    va_list args;
    const char *line;

    if (!cx->log)
        return;
    va_start(args, fmt);
    line = jo_text_vformat(cx->pool, fmt, args);
    va_end(args);
    cx->log->write(cx->log->baton, level, line);
}
