/* EXT-X-MEDIA: tracks → renditions → groups. RFC 8216bis 4.4.6.1
 *
 * A rendition is what a person chooses: English, German, the commentary. A group is one encoding of all renditions, so
 * every group has all of them under the same attributes (4.4.6.1.1); where a rendition lacks a group's encoding,
 * the group lists it in another one. */
#ifndef JO_HLS_GROUPS_H
#define JO_HLS_GROUPS_H

#include "packager.h"

typedef struct jo_hls_rendition {
    const jo_track *track;       /* the first of them; labels and language are the same in all */
    int said;                    /* labels.is_default of any of its tracks: 1, 0, -1 */
    const char *name;            /* unique */
    const char *characteristics; /* NULL: none */
    bool is_default;             /* one at most */
    bool autoselect;
} jo_hls_rendition;

typedef struct jo_hls_group {
    const char *id;
    int *tracks;           /* into the period: one of each rendition, in their order */
    int64_t peak, average; /* bits/s, the largest of its tracks */
} jo_hls_group;

typedef struct jo_hls_groups {
    jo_hls_rendition *renditions;
    int nrenditions;
    jo_hls_group *list;
    int count;
    int first; /* rendition that plays if nobody chooses: the default one, else the first */
} jo_hls_groups;

/* Groups of the resource's audio tracks; of its text tracks one, "textstream", without TTML of what is there as WebVTT
 * too. count 0: there are none. */
jo_hls_groups jo_hls_audio_groups(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                                  const jo_resource *rs);
jo_hls_groups jo_hls_text_groups(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                                 const jo_resource *rs);

#endif
