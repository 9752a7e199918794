/* What a manifest leads to: playlists, and of each track the init segment and a sample of the media segments. walk.c is
 * the frame; one file for each format. */
#ifndef JO_WALK_H
#define JO_WALK_H

#include "../base/jo.h"

#include <apr_hash.h>
#include <apr_tables.h>

typedef enum { JO_IS_MANIFEST, JO_IS_INIT, JO_IS_SEGMENT, JO_IS_CLASSES } jo_walk_class;

typedef struct jo_walk_found {
    const char *url;
    jo_walk_class class;
    bool first; /* segment: the first one found of its track */
} jo_walk_found;

typedef struct jo_walk {
    apr_pool_t *pool;
    apr_pool_t *scratch;       /* cleared after each manifest */
    apr_array_header_t *found; /* of jo_walk_found, in the order of finding */
    apr_hash_t *seen;          /* their URLs */
    int samples;               /* media segments wanted of each track, at least 1 */
    bool full;                 /* there was more than we look at */
    /* of the manifest at hand */
    const char *base; /* its URL */
    bool live;        /* it will change */
    const char *why;  /* not all of it could be read; NULL */
} jo_walk;

void jo_walk_init(jo_walk *w, apr_pool_t *pool, int samples);
/* Finds what the document at `url` leads to. False: it is no manifest. */
bool jo_walk_read(jo_walk *w, const char *url, const char *body, size_t len);

/* ---- for the formats */

/* Adds one URL as it stands in the manifest; true if it is new. */
bool jo_walk_add(jo_walk *w, const char *base, const char *reference, jo_walk_class class);
/* One media segment. */
void jo_walk_segment(jo_walk *w, const char *base, const char *reference, bool first);
/* Which of `count` segments is sample i of those that are asked for; -1: there is none. */
int64_t jo_walk_sample(const jo_walk *w, int64_t count, int i);

struct jo_xml_node;

/* A run of segments of one length. */
typedef struct jo_walk_run {
    int64_t time, duration, count;
} jo_walk_run;

/* Runs of <S t d r> (DASH) or <c t d r> (Smooth) below `n`, which ends at `end` (ticks, -1 unknown). in_all: r says
 * how often in all (Smooth), not how often more. The sum of their counts. */
int64_t jo_walk_timeline(jo_walk *w, const struct jo_xml_node *n, const char *name, int64_t end,
                         bool in_all, apr_array_header_t **runs);
/* Start of segment i of these. */
int64_t jo_walk_time(const apr_array_header_t *runs, int64_t i);

void jo_walk_hls(jo_walk *w, const char *body);
void jo_walk_dash(jo_walk *w, const struct jo_xml_node *mpd);
void jo_walk_smooth(jo_walk *w, const struct jo_xml_node *manifest);

#endif
