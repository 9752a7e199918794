/* The descriptor: SMIL (.ism) → jo_ism. Forms of IIS, Azure and Unified; what is left out is probed
 * later (load.h). Unknown elements, metas and params are ignored. */
#ifndef JO_ISM_H
#define JO_ISM_H

#include "../base/jo.h"
#include "../media/options.h"
#include "../media/track.h"

typedef enum { JO_ISM_VIDEO, JO_ISM_AUDIO, JO_ISM_TEXT } jo_ism_type;

/* One <video>, <audio> or <textstream>. Absent values: NULL or 0. */
typedef struct jo_ism_track {
    jo_ism_type type;
    const char *src;
    uint64_t bitrate;  /* systemBitrate, or param of that name; bits/s */
    const char *lang;  /* systemLanguage, or param */
    const char *name;  /* param trackName (or attribute trackName) */
    uint32_t track_id; /* param trackID */
    unsigned line;     /* in the descriptor, for messages */
    jo_pair *params;   /* all of them, in order; names as written */
    int nparams;
} jo_ism_track;

typedef struct jo_ism {
    jo_ism_track *tracks;
    int ntracks;
    jo_options options;
    jo_pair *metas; /* every head meta, for later stages */
    int nmetas;
} jo_ism;

/* Parses a whole descriptor. JO_EMEDIA naming line and reason: not SMIL, no media element, a src that is
 * missing or empty, a '/' in a trackName, a value that is no number, more than limits->tracks elements. */
apr_status_t jo_ism_parse(jo_ctx *cx, const void *data, size_t len, const jo_ism **out);

/* The descriptor that direct play of one file stands for: video, audio and text of the file. */
const jo_ism *jo_ism_direct(apr_pool_t *pool, const char *src);

/* Value of a param by name without regard to case, or NULL. */
const char *jo_ism_param(const jo_ism_track *t, const char *name);

/* Writes a descriptor that jo_ism_parse() reads back the same (UTF-8, Unified's form). */
struct jo_text;
void jo_ism_write(const jo_ism *ism, struct jo_text *out);

#endif
