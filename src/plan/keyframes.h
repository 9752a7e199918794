/* The key pictures of a track, as I-frame playlists list them: its random access points, in presentation order.
 *
 * Of a track that has more than four of them a second (intra-only codecs) the first of each second is listed. A
 * picture's number is then that of its second, from the track's first key picture on, else its place among them; 1 is the
 * first, always. So a number is a function of the title alone, and is looked up in O(log n). */
#ifndef JO_KEYFRAMES_H
#define JO_KEYFRAMES_H

#include "../media/track.h"

typedef struct jo_keyframes {
    const jo_track *track;
    uint32_t first; /* of the span: into the index's raps; where those are all samples, a sample */
    uint32_t count; /* random access points of the span */
    bool thinned;   /* those of one second share a number */
} jo_keyframes;

typedef struct jo_keyframe {
    uint32_t at; /* keyframes.c's own */
    uint32_t sample;
    uint32_t size; /* bytes */
    int64_t number;
    int64_t time; /* presentation time on the wire, ticks */
} jo_keyframe;

void jo_keyframes_init(jo_keyframes *ks, const jo_track *t);

/* The one of this number; the first listed one that is not before a sample; the one listed after another, which may be
 * *out itself. False: there is none. */
bool jo_keyframes_find(const jo_keyframes *ks, int64_t number, jo_keyframe *out);
bool jo_keyframes_from(const jo_keyframes *ks, uint32_t sample, jo_keyframe *out);
bool jo_keyframes_next(const jo_keyframes *ks, const jo_keyframe *k, jo_keyframe *out);

#endif
