/* A loaded title: all that does not depend on the request. */
#ifndef JO_TITLE_H
#define JO_TITLE_H

#include "output/packager.h"

/* Tracks that a format can carry, in the order of its manifests. */
typedef struct jo_selection {
    int *tracks; /* into the period's tracks */
    int ntracks;
} jo_selection;

/* How a title is loaded, as bits. */
enum {
    JO_TITLE_DIRECT = 1, /* its path is a media file, played without a descriptor */
    JO_TITLE_TS = 2      /* it may be asked for in transport streams */
};

/* A loaded title: immutable, allocated wholly in one pool. */
typedef struct jo_title {
    const char *path;
    const char *base; /* descriptor name without extension */
    unsigned how;     /* JO_TITLE_… */
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
    apr_status_t (*get)(const jo_title_store *self, jo_ctx *cx, const char *path, unsigned how,
                        const jo_title **out);
    /* The title's sources are no longer what was indexed: forget it if it is still this one. */
    void (*drop)(const jo_title_store *self, jo_ctx *cx, const jo_title *title);
};

/* Loads a title into cx->pool. how: JO_TITLE_… */
apr_status_t jo_title_make(jo_ctx *cx, const char *path, unsigned how, jo_title **out);
/* How a title is loaded for these settings. */
unsigned jo_title_how(bool direct, const jo_settings *settings);
/* Bytes of memory a title holds, for cache budgets: an estimate that counts indexes and plans. */
size_t jo_title_memory(const jo_title *t);

/* Name of a file, without the folders before it: what messages say. */
const char *jo_title_file_name(const char *path);
/* Why a format has no place for a track. */
const char *jo_title_why_not(const jo_track *t);

#endif
