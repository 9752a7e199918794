/* Dolby Vision in MP4: "Dolby Vision Streams Within the ISO Base Media File Format" 2.4, and the same for HLS 2.1. The
 * record rides in a sample entry of HEVC, AVC or AV1, or in one of Dolby's own names for these. */
#ifndef JO_DOVI_H
#define JO_DOVI_H

#include "../base/bytes.h"
#include "track.h"

typedef struct jo_dovi {
    uint8_t profile, level;
    uint8_t compatibility; /* bl_signal_compatibility_id: 1 HDR10, 2 SDR, 4 HLG, 0 none */
} jo_dovi;

/* From dvcC, dvvC or dvwC; false if there is none that says something. */
bool jo_dovi_read(const jo_track *t, jo_dovi *out);
/* No player without Dolby Vision shows its colours right: profile 5, and 10 without compatibility. */
bool jo_dovi_alone(const jo_dovi *d);
/* True if t's output must go by a name of Dolby's: it has one already, or has no compatible base. */
bool jo_dovi_named(const jo_track *t);
/* Fills t->supplemental for streams with a compatible base: `name` is the plain entry's ("dvh1"). Once t->colour is. */
void jo_dovi_describe(jo_ctx *cx, jo_track *t, const char *name);
/* "dvh1.05.06"; NULL without a record. */
const char *jo_dovi_rfc6381(apr_pool_t *pool, const jo_track *t, const char *name);
/* The source's boxes of Dolby Vision. */
void jo_dovi_write(const jo_track *t, jo_writer *w);

#endif
