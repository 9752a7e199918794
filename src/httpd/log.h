/* The core's log and errors → httpd's error log. */
#ifndef JO_HTTPD_LOG_H
#define JO_HTTPD_LOG_H

#include "../base/log.h"

#include <httpd.h>

/* A log that writes to the request's; in r->pool. */
const jo_log *jo_log_make(request_rec *r);

/* One line about a request that failed while it was served, at the level that its status deserves. */
void jo_log_failure(request_rec *r, int status, const char *reason);

#endif
