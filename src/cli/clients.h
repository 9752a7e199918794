/* Which clients play a codec, as far as that can be said of all of them: the same facts as docs/codecs.md. */
#ifndef JO_CLIENTS_H
#define JO_CLIENTS_H

#include "../media/track.h"

typedef enum {
    JO_PLAYS_NO,
    JO_PLAYS_SOME,
    JO_PLAYS_YES
} jo_plays; /* some: with the right hardware or system */

typedef struct jo_clients {
    const char *codec; /* "H.265": for people */
    jo_plays apple;    /* Safari and AVFoundation */
    jo_plays chromium; /* Chrome and Edge */
    jo_plays firefox;
    jo_plays android; /* ExoPlayer, Android TV */
    jo_plays tv;      /* sets and boxes of the last years */
} jo_clients;

/* The row of a sample entry (and its profile, where that decides); NULL if nothing is known of it. */
const jo_clients *jo_clients_find(apr_pool_t *pool, const jo_track *t);
/* "Chromium, Firefox": who plays it at least at `least`; "nobody" if none. */
const char *jo_clients_names(apr_pool_t *pool, const jo_clients *c, jo_plays least);
/* Who doesn't play it at all; "" if none. */
const char *jo_clients_missing(apr_pool_t *pool, const jo_clients *c);

#endif
