/* What a track is for, and how people choose it: params of the descriptor, else the source's `kind` boxes, → jo_labels.
 * docs/descriptor.md lists the params. Names match without regard to case, '_' and '-', with or without "track" in
 * front: track_role, trackRole and role are one. */
#ifndef JO_LABELS_H
#define JO_LABELS_H

#include "../media/track.h"
#include "ism.h"

/* The params alone. JO_EMEDIA naming line, param and value: a role that the DASH role scheme doesn't have, a value that
 * is no yes or no, no number. Strings are copied into cx->pool. */
apr_status_t jo_labels_parse(jo_ctx *cx, const jo_ism_track *it, jo_labels *out);

/* Fills t->labels: it's params (NULL: none), and where they say no role and no accessibility t->kinds. */
apr_status_t jo_labels_read(jo_ctx *cx, const jo_ism_track *it, jo_track *t);

/* Is a param of this name one of these (in the sense above)? */
bool jo_labels_same_name(const char *param, const char *name);

/* Value of the first param of that name (in the sense above) that isn't empty, or NULL. */
const char *jo_labels_param(const jo_ism_track *it, const char *name);

#endif
