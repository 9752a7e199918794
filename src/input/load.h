/* jo_ism → jo_presentation: the only place where descriptors, sources and demuxers meet. */
#ifndef JO_LOAD_H
#define JO_LOAD_H

#include "../media/presentation.h"
#include "ism.h"

/* Opens every source of the descriptor at `path`, demuxes, names the tracks (token rules of DESIGN 8) and
 * aligns them. descriptor: its bytes, for the fingerprint; modified: its mtime. A track that
 * can't be packaged is left out with a log line; if none is left, JO_EMEDIA says why. A missing source is JO_ENOTFOUND, one outside the roots JO_EFORBIDDEN. */
apr_status_t jo_load(jo_ctx *cx, const char *path, const jo_ism *ism, const void *descriptor,
                     size_t descriptor_len, apr_time_t modified, jo_presentation **out);

#endif
