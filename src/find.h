/* What a request names: route, plan, selection and segment, of a title that is loaded. */
#ifndef JO_FIND_H
#define JO_FIND_H

#include "plan/view.h"
#include "title.h"

typedef struct jo_found {
    const jo_packager *packager;
    const jo_route *route;
    jo_select select;
    bool versioned;      /* the path names the content */
    const char *version; /* "v-<fingerprint>/": what it does, or would, say */
    /* The whole title and plan, or a clip of them (view). */
    const jo_presentation *presentation;
    const jo_plan *plan;
    jo_view view;
    jo_options options;
    jo_resource resource;
} jo_found;

/* vpath and args as in jo_request (origin.h). JO_ENOTFOUND: there is no such resource, or nothing of it is left;
 * JO_EREQUEST: the query is malformed; JO_EMEDIA: the format can carry none of the title's tracks. */
apr_status_t jo_find(jo_ctx *cx, const jo_title *t, const char *vpath, const char *args,
                     const jo_settings *settings, jo_found *out);

/* Path and query below the title in their canonical form, as far as the URL alone tells it: equal for URLs that name the
 * same. */
apr_status_t jo_find_canonical(jo_ctx *cx, const char *base, const char *vpath, const char *args,
                               const jo_settings *settings, const char **out);

/* The canonical path and query of what was found; of what reads no query its path, as it is. */
const char *jo_find_location(apr_pool_t *pool, const jo_found *f, const char *vpath);

/* A reference from the URL of a segment to the next one of its track; NULL: it is the last. */
const char *jo_find_next(jo_ctx *cx, const jo_title *t, const jo_found *f);

#endif
