/* How far a long command is: a bar that redraws itself on a terminal, a line now and then elsewhere. */
#ifndef JO_PROGRESS_H
#define JO_PROGRESS_H

#include "../base/jo.h"

typedef struct jo_progress {
    bool quiet;
    bool terminal;
    int64_t expected;  /* bytes, about */
    int64_t seen;      /* of the expected ones */
    int64_t written;   /* bytes, really */
    int files, nfiles; /* done, all */
    apr_time_t started;
    apr_time_t shown;
    size_t width; /* of the line on the terminal */
} jo_progress;

void jo_progress_start(jo_progress *p, bool quiet, int64_t expected, int nfiles);
/* One more file is done, of `expected` and really `written` bytes. */
void jo_progress_step(jo_progress *p, int64_t expected, int64_t written);
/* Clears the bar. */
void jo_progress_end(jo_progress *p);
/* "12.3 MB" */
const char *jo_progress_bytes(apr_pool_t *pool, int64_t bytes);

#endif
