/* Packagers: the model → bytes. A packager is a name and constant rows; a row says which URL it
 * answers, what it needs loaded, what it is, and how it is rendered. origin.c matches a URL over all rows
 * in order. A new format is one .c file, its rows, and its tests. */
#ifndef JO_PACKAGER_H
#define JO_PACKAGER_H

#include "../io/body.h"
#include "../media/options.h"
#include "../plan/select.h"

typedef enum {
    JO_CLASS_MANIFEST,
    JO_CLASS_INIT,
    JO_CLASS_SEGMENT,
    JO_CLASS_ERROR,
    JO_CLASS_VERSIONED, /* init or segment whose URL names its content */
    JO_CLASSES
} jo_class;

/* Part of every ETag: raise it when the same title and URL give other bytes than in the release before. */
#define JO_OUTPUT_VERSION "1"

typedef enum {
    JO_NEED_INDEX,   /* the title, and every source still the one that was indexed */
    JO_NEED_SAMPLES, /* this track's source, open and still the one that was indexed */
    JO_NEED_ALL      /* likewise of all listed tracks */
} jo_need;

/* What a URL asked for, looked up. */
typedef struct jo_resource {
    const char *base; /* descriptor's name, for derived names */
    const int *
        tracks; /* of a manifest: those to list, into the period's tracks, in the order to list them */
    int ntracks;      /* ≥ 1 */
    int track;        /* into the period's tracks, -1 none */
    int sound;        /* muxed with it: another of them, -1 none */
    int segment;      /* into the plan, -1 none */
    int variant;      /* of the track: whose init is asked for */
    int64_t keyframe; /* its number (plan/keyframes.h); 0 none */
    uint32_t sample;  /* that is it */
    /* JO_NEED_SAMPLES: those of the presentation's sources that hold the segment's samples, open; others NULL.
     * JO_NEED_ALL: those of the listed tracks. */
    jo_source **sources;
    const jo_options *options;
    const jo_settings *settings;
    /* Of a manifest, for the URLs in it: what stands before the folders of init and media segments ("" or
     * "v-<fingerprint>/"), and in addition before those of a clip's segments that are cut anew ("clip-10-20/", "" if none
     * is); and what media playlists take of the query ("" or "?vbegin=10"). */
    const char *folder;
    const char *clip;
    const char *query;
} jo_resource;

/* The open source that holds a sample of the segment. */
static inline jo_source *jo_resource_source(const jo_resource *rs, const jo_track *t, uint32_t n)
{
    return rs->sources[t->runs[t->nruns > 1 ? jo_track_run(t, n) : 0].source];
}

/* All that are open, up to a NULL: for a jo_maker (io/body.h). */
jo_source *const *jo_resource_sources(jo_ctx *cx, const jo_presentation *p, const jo_resource *rs);

/* JO_BY_VARIANT: not a segment, but 2 and up for the init of the track's second sample entry and up. JO_BY_KEYFRAME: a
 * key picture (plan/keyframes.h). */
typedef enum { JO_BY_NOTHING, JO_BY_NUMBER, JO_BY_TIME, JO_BY_VARIANT, JO_BY_KEYFRAME } jo_address;

typedef struct jo_route {
    const char *pattern; /* plan/url.h */
    jo_address address;  /* what the pattern's number names */
    jo_need need;
    jo_class class;
    const char *type[3]; /* content type of video (and of what is of no track), audio, text */
    apr_status_t (*render)(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                           const jo_resource *rs, jo_body *body);
    bool (*serves)(const jo_track *t); /* of tracks that the format can carry; NULL: all */
    bool silence;          /* segments without samples are served too, up to the track's last */
    unsigned takes;        /* of a query: JO_TAKES_… (plan/select.h) */
    const char *canonical; /* of a manifest with several names: its path; NULL: as asked for */
    bool (*enabled)(const jo_settings *settings); /* NULL: always */
} jo_route;

typedef struct jo_packager {
    const char *name; /* for messages: "HLS" */
    unsigned format;  /* its bit in jo_track.formats */
    const jo_route *routes;
    int nroutes;
    /* Wanted segment length of a descriptor; den 0: every GOP or source fragment. NULL: the plan is that of HLS. */
    jo_fraction (*length)(const jo_options *options);
    /* What is cut otherwise in this format, once for each plan, or NULL. */
    void (*settle)(const jo_period *period, jo_plan *plan);
    /* Bit rates that its manifests state, once for each plan and for each clip of it, or NULL. */
    void (*measure)(const jo_period *period, jo_plan *plan);
    /* For titles that may be asked for in TS, once for each plan, or NULL. */
    apr_status_t (*count)(jo_ctx *cx, const jo_period *period, jo_plan *plan);
    /* For a plan that was counted and then clipped: its first and last segment are other ones. */
    apr_status_t (*recount)(jo_ctx *cx, const jo_period *period, jo_plan *plan);
    /* Segment of a track for the number of a JO_BY_TIME row, -1 none, and the number of a segment, -1 if it has none.
     * NULL: numbers are the track's wire times. */
    int (*find_time)(const jo_presentation *p, const jo_plan *plan, int track, int64_t time);
    int64_t (*segment_time)(const jo_presentation *p, const jo_plan *plan, int track, int segment);
} jo_packager;

/* The number that a row's URL gives segment `segment` of a track; -1 if it has none. */
int64_t jo_packager_number(const jo_packager *packager, const jo_route *route,
                           const jo_presentation *p, const jo_plan *plan, int track, int segment);

extern const jo_packager jo_packager_hls;
extern const jo_packager jo_packager_dash;
extern const jo_packager jo_packager_mss;
extern const jo_packager jo_packager_progressive;

/* The first JO_STREAMING, of which HLS is the first, have manifests, and a bit of their own in jo_track.formats. */
enum { JO_STREAMING = 3, JO_PACKAGERS = 4 };
extern const jo_packager *const jo_packagers[JO_PACKAGERS];

#endif
