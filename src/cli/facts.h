/* Figures of a track that people ask for and no format states, from its index. */
#ifndef JO_FACTS_H
#define JO_FACTS_H

#include "../media/track.h"

/* How far apart key frames are, in ticks of the track. The piece behind the last one counts only if it is the longest,
 * or the only one. */
typedef struct jo_key_facts {
    uint32_t count;
    int64_t shortest, longest, average;
} jo_key_facts;

void jo_facts_keys(const jo_track *t, jo_key_facts *out);

/* bits/s over the whole track, rounded; 0 if it lasts nothing. */
int64_t jo_facts_average(const jo_track *t);
/* bits/s in the fullest second of decoding time; of a shorter track, its average. */
int64_t jo_facts_peak(const jo_track *t);
/* "video", "audio", "text", "meta" */
const char *jo_facts_kind(jo_kind kind);
/* "HLS, DASH", by the rows of packager.h; "" if no format carries the track. */
const char *jo_facts_formats(apr_pool_t *pool, const jo_track *t);
/* RFC 6381 value as HLS states it; NULL if the track can't be packaged. */
const char *jo_facts_codec(apr_pool_t *pool, const jo_track *t);

#endif
