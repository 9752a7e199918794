/* Every resource of a title: what the manifests lead to, for tools that fetch all of it. */
#ifndef JO_LIST_H
#define JO_LIST_H

#include "origin.h"

typedef struct jo_listed {
    const char *path; /* below the descriptor, decoded: jo_request.vpath */
    const jo_packager *packager;
    jo_class class;
    int track;     /* into the period's tracks, -1 none; of picture and sound in one the picture */
    int segment;   /* into the plan, -1 none */
    int64_t bytes; /* of its samples: about its size; 0 for manifests and inits */
} jo_listed;

/* The resources of these formats (JO_HLS | …) as settings have them, of which hls_container and hevc_in_ts count, into
 * cx->pool: segments first, manifests of tracks after them, manifests
 * of the title last, so that who writes them in this order never publishes a manifest before what it names. */
apr_status_t jo_title_list(jo_ctx *cx, const jo_title *t, unsigned formats,
                           const jo_settings *settings, jo_listed **out, int *count);

/* list_hls.c: what HLS playlists name, and they themselves. ranks: arrays of jo_listed, of segments and inits, of media
 * playlists, of multivariant ones. */
enum { JO_LIST_RANKS = 3 };
apr_status_t jo_list_hls(jo_ctx *cx, const jo_title *t, const jo_settings *settings,
                         struct apr_array_header_t *ranks[JO_LIST_RANKS]);

#endif
