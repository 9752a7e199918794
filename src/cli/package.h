/* `package`: between cmd_package.c, which reads the command line and mirrors the server, and masters.c, which joins
 * CMAF tracks. */
#ifndef JO_PACKAGE_H
#define JO_PACKAGE_H

#include "../list.h"
#include "files.h"
#include "progress.h"

#include <signal.h>

typedef struct jo_package {
    jo_ctx *cx;
    const jo_title *title;
    jo_settings settings; /* as if the server had them */
    const char *folder;   /* absolute */
    bool force;
    bool quiet;
    jo_progress progress;
    volatile const sig_atomic_t *stop; /* set by a signal */
} jo_package;

/* Renders one resource and appends it to an open file; scratch goes into cx->pool. */
apr_status_t jo_package_add(jo_ctx *cx, jo_package *p, const jo_listed *item, jo_file_out *out);

/* One CMAF track file for each track, and a descriptor that plays them. */
apr_status_t jo_masters_write(jo_package *p);

#endif
