/* The pipeline: request → URL → title → plan → packager → body, and nothing of any server. */
#ifndef JO_ORIGIN_H
#define JO_ORIGIN_H

#include "title.h"

typedef struct jo_request {
    const char *path; /* absolute path of the descriptor, or of the media file if direct */
    bool direct;
    const char *vpath;           /* virtual path below it, decoded, no leading '/' */
    const char *args;            /* raw query, NULL if none */
    const jo_settings *settings; /* never NULL */
    bool want_next;              /* the reply says what comes next */
    /* If given and it returns true for the strong ETag, the reply is 304: body is not rendered. */
    bool (*not_modified)(void *baton, const char *etag, apr_time_t modified);
    void *baton;
} jo_request;

typedef struct jo_reply {
    int status; /* 200 or 304; errors are the return code */
    jo_class class;
    const char *content_type;
    const char *location; /* of a manifest: its canonical URL, relative to the title's; else NULL */
    const char
        *next; /* relative reference to the segment after this one; NULL: none, or not wanted */
    const char *etag; /* strong, quoted */
    apr_time_t modified;
    jo_body body;
} jo_reply;

/* Keeps manifests between requests: what has the same ETag is the same. */
struct jo_manifest_store {
    /* Adds the manifest, valid until cx->pool is destroyed; false if it is not kept. */
    bool (*get)(const jo_manifest_store *self, jo_ctx *cx, const char *etag, jo_body *body);
    void (*put)(const jo_manifest_store *self, jo_ctx *cx, const char *etag, const jo_body *body);
};

/* Serves one request: cx->pool holds the reply. Errors: JO_E… with cx->message. */
apr_status_t jo_origin_serve(jo_ctx *cx, const jo_request *rq, jo_reply *rp);

#endif
