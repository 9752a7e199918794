/* Which requests are ours: decided before httpd looks for types, read by the handler. */
#ifndef JO_CLAIM_H
#define JO_CLAIM_H

#include <httpd.h>
#include <stdbool.h>

#define JO_HANDLER         "jitorigin"
#define JO_HANDLER_SYNONYM "smooth-streaming.extensions"

typedef enum {
    JO_CLAIM_TITLE,      /* something below a descriptor, or below a media file played directly */
    JO_CLAIM_DESCRIPTOR, /* the bare descriptor: never shown */
    JO_CLAIM_SOURCE      /* a bare media file: refused */
} jo_claim_kind;

typedef struct jo_claim {
    jo_claim_kind kind;
    const char *path;  /* descriptor or media file, absolute */
    const char *vpath; /* TITLE: what is asked for below it, decoded, without a leading '/' */
    bool direct;       /* path is a media file */
} jo_claim;

/* Claims the request where JitOrigin is On (or AddHandler named us and it is not Off): sets r->handler. Runs twice: in
 * type_checker before MultiViews looks for something similar, and in fixups after AddHandler and AddLanguage have had
 * their say. */
int jo_claim_hook(request_rec *r);

/* The claim on this request, or NULL: httpd came here by a way around the URL (an index file, MultiViews). */
const jo_claim *jo_claim_of(const request_rec *r);

/* URL path of the claim's title, of the path that was asked for (decoded); all of it where a rewrite leaves no telling. */
const char *jo_claim_title(apr_pool_t *pool, const jo_claim *claim, const char *path);

#endif
