/* Every resource of a title: what the manifests lead to, for tools that fetch all of it. */
#ifndef JO_LIST_H
#define JO_LIST_H

#include "origin.h"

typedef struct jo_listed {
    const char *path; /* below the descriptor, decoded: jo_request.vpath */
    const jo_packager *packager;
    jo_class class;
    int track;     /* into the period's tracks, -1 none */
    int segment;   /* into the plan, -1 none */
    int64_t bytes; /* of its samples: about its size; 0 for manifests and inits */
} jo_listed;

/* The resources of these formats (JO_HLS | …), into cx->pool: segments first, manifests of tracks after them, manifests
 * of the title last, so that who writes them in this order never publishes a manifest before what it names. */
apr_status_t jo_title_list(jo_ctx *cx, const jo_title *t, unsigned formats, jo_listed **out,
                           int *count);

#endif
