/* Patterns (url.h) turned back into paths. */
#ifndef JO_URL_WRITE_H
#define JO_URL_WRITE_H

#include "../base/jo.h"

/* What fills the variables of a pattern. */
typedef struct jo_url_parts {
    const char *base;
    const char *token; /* of the track; NULL for a pattern without one */
    const char *sound; /* $A: of the track that comes with it, likewise */
    int64_t number;    /* or time */
} jo_url_parts;

/* The path, decoded, that `pattern` matches with these parts; "$*" stands for the base name. NULL where a pattern
 * asks for what is not given or is malformed. */
const char *jo_url_make_path(apr_pool_t *pool, const char *pattern, const jo_url_parts *parts);

#endif
