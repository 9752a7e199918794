/* The pipeline: request → URL → title → plan → packager → body, and nothing of any server. */
#ifndef JO_ORIGIN_H
#define JO_ORIGIN_H

#include "output/packager.h"

/* Tracks that a format can carry, in the order of its manifests. */
typedef struct jo_selection {
    int *tracks; /* into the period's tracks */
    int ntracks;
} jo_selection;

/* A loaded title: immutable, allocated wholly in one pool. */
typedef struct jo_title {
    const char *path;
    const char *base; /* descriptor name without extension */
    bool direct;      /* path is a media file, played without a descriptor */
    jo_identity id;   /* of the descriptor */
    jo_options options;
    jo_presentation *presentation;
    jo_plan *plans[JO_PACKAGERS]; /* one for each of jo_packagers */
    jo_selection selections[JO_PACKAGERS];
    const char *const *tokens; /* of all tracks, for URL matching */
    int ntokens;
    const char *hash; /* hex: descriptor and index fingerprints */
} jo_title;

/* Keeps loaded titles between requests. get() returns a title that matches the files on disk (the descriptor is
 * always checked) and stays valid until cx->pool is destroyed; on a miss it runs jo_title_make()
 * in a pool of its own, once for concurrent requests. NULL store: made in cx->pool. */
struct jo_title_store {
    apr_status_t (*get)(const jo_title_store *self, jo_ctx *cx, const char *path, bool direct,
                        const jo_title **out);
    /* The title's sources are no longer what was indexed: forget it if it is still this one. */
    void (*drop)(const jo_title_store *self, jo_ctx *cx, const jo_title *title);
};

/* Loads a title into cx->pool. direct: path is a media file. */
apr_status_t jo_title_make(jo_ctx *cx, const char *path, bool direct, jo_title **out);
/* Bytes of memory a title holds, for cache budgets: an estimate that counts indexes and plans. */
size_t jo_title_memory(const jo_title *t);

typedef struct jo_request {
    const char *path; /* absolute path of the descriptor, or of the media file if direct */
    bool direct;
    const char *vpath;           /* virtual path below it, decoded, no leading '/' */
    const char *args;            /* raw query, NULL if none */
    const jo_settings *settings; /* never NULL */
    /* If given and it returns true for the strong ETag, the reply is 304: body is not rendered. */
    bool (*not_modified)(void *baton, const char *etag, apr_time_t modified);
    void *baton;
} jo_request;

typedef struct jo_reply {
    int status; /* 200 or 304; errors are the return code */
    jo_class class;
    const char *content_type;
    const char *etag; /* strong, quoted */
    apr_time_t modified;
    jo_body body;
} jo_reply;

/* Serves one request: cx->pool holds the reply. Errors: JO_E… with cx->message. */
apr_status_t jo_origin_serve(jo_ctx *cx, const jo_request *rq, jo_reply *rp);

#endif
