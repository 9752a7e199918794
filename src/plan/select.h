/* What a query chooses: tracks (filter, aws.manifestfilter, min_bitrate, max_bitrate, start_index), minutes (vbegin,
 * vend, t), options of the manifest, and the container of HLS (hls_fmp4). One parser serves rendering and cache keys; what it does not know is ignored and
 * is in no canonical query. */
#ifndef JO_SELECT_H
#define JO_SELECT_H

#include "../media/options.h"
#include "clip.h"
#include "filter.h"
#include "manifest_filter.h"

/* What a kind of resource reads of a query, as bits. */
enum {
    JO_TAKES_TRACKS = 1,  /* filter, aws.manifestfilter, min_bitrate, max_bitrate */
    JO_TAKES_ORDER = 2,   /* start_index */
    JO_TAKES_CLIP = 4,    /* vbegin, vend, t */
    JO_TAKES_OPTIONS = 8, /* of what JitOriginQueryOptions lists: mpd_… and iss_… */
    /* hls_fmp4, and of what is listed hls_client_manifest_version: what decides the container of HLS */
    JO_TAKES_CONTAINER = 16,
    JO_TAKES_VARIANTS = 32 /* of what is listed: hls_no_multiplex, hls_no_audio_only */
};

/* Options of the manifest that the query names. */
typedef struct jo_query_options {
    unsigned given; /* JO_OPTION_… */
    jo_options as;  /* of these, the values */
} jo_query_options;

typedef struct jo_select {
    const jo_filter *filter;                   /* NULL: none */
    const jo_manifest_filter *manifest_filter; /* NULL: none */
    int64_t min_bitrate, max_bitrate;          /* bits/s, inclusive; 0 and INT64_MAX: not given */
    int64_t start_index;                       /* variant to list first, from 0; -1: not given */
    jo_clip clip;
    jo_query_options options;
} jo_select;

/* args: the raw query, may be NULL. takes: what the resource reads; the rest of the query is ignored, except that
 * aws.manifestfilter (if settings allow it) is refused where it isn't taken. JO_EREQUEST says what is wrong with which
 * parameter. A parameter given twice: JO_EREQUEST. */
apr_status_t jo_select_parse(jo_ctx *cx, const char *args, unsigned takes,
                             const jo_settings *settings, jo_select *out);

/* The query in canonical form: what of it a resource that reads `takes` reads, sorted by name, with as little
 * percent-encoding as RFC 3986 allows; "" or "?name=value&…". Parsing it gives an equal selection. */
const char *jo_select_query(apr_pool_t *pool, const jo_select *s, unsigned takes);

/* Narrows a list of tracks of the period to those chosen, start_index's first of its kind. min_bitrate and max_bitrate
 * choose pictures, or sound where there is none. JO_ENOTFOUND: none is left; JO_EREQUEST: by aws.manifestfilter. */
apr_status_t jo_select_tracks(jo_ctx *cx, const jo_select *s, const jo_period *period, int *tracks,
                              int *ntracks);

/* The descriptor's options with the query's in their place. */
jo_options jo_select_options(const jo_select *s, const jo_options *of_title);

#endif
