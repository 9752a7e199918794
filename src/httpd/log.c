#include "log.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

APLOG_USE_MODULE(jitorigin);

static void write_line(void *baton, jo_log_level level, const char *line)
{
    static const int levels[] = {
        [JO_LOG_WARNING] = APLOG_WARNING, [JO_LOG_INFO] = APLOG_INFO, [JO_LOG_DEBUG] = APLOG_DEBUG};
    request_rec *r = baton;
    ap_log_rerror(APLOG_MARK, levels[level], 0, r, "%s", line);
}

const jo_log *jo_log_make(request_rec *r)
{
    jo_log *log = apr_palloc(r->pool, sizeof *log);
    log->write = write_line;
    log->baton = r;
    return log;
}

static int level_of(int status)
{
    switch (status) {
    case HTTP_BAD_REQUEST:
    case HTTP_NOT_FOUND:
        return APLOG_INFO; /* anybody may ask for anything */
    case HTTP_SERVICE_UNAVAILABLE:
        return APLOG_WARNING;
    case HTTP_INTERNAL_SERVER_ERROR:
        return APLOG_CRIT;
    }
    return APLOG_ERR;
}

void jo_log_failure(request_rec *r, int status, const char *reason)
{
    ap_log_rerror(APLOG_MARK, level_of(status), 0, r, "%d %s: %s", status, r->uri, reason);
}
