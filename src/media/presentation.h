/* The title as all inputs fill it and all outputs read it: immutable once loaded. */
#ifndef JO_PRESENTATION_H
#define JO_PRESENTATION_H

#include "../base/crypto.h"
#include "../io/source.h"
#include "events.h"
#include "track.h"

typedef struct jo_source_ref {
    const char *path; /* absolute */
    jo_identity id;   /* when it was indexed */
} jo_source_ref;

/* Tracks that are played together on one time line. One period today. */
typedef struct jo_period {
    int64_t start;     /* ms on the presentation's time line */
    jo_track **tracks; /* packageable tracks in descriptor order */
    int ntracks;
    int reference; /* track whose random access points set the boundaries: first video, else first audio, else text */
    int64_t late_num,
        late_den; /* seconds of the edited time line before all tracks, which the wire's has not */
    size_t events_memory;    /* bytes that these take, and what files say of them */
    const jo_events *events; /* on the wire time line, within the title; NULL: none */
} jo_period;

typedef struct jo_presentation {
    jo_period *periods;
    int nperiods;
    jo_source_ref *sources;
    int nsources;
    int64_t preroll_num, preroll_den; /* P, seconds: wire time = edited time + P */
    uint8_t
        fingerprint[JO_SHA256_SIZE]; /* of the descriptor and of what was indexed of every source */
    apr_time_t modified;             /* newest mtime of descriptor and sources */
} jo_presentation;

/* Puts all tracks on the common time line: fills span, origin, end, preroll, frame and dts_shift of every
 * track from edit and index (DESIGN 4 "Time zero"), and drops tracks that present no sample. JO_EMEDIA
 * where times span more than 10^7 s. */
apr_status_t jo_presentation_align(jo_ctx *cx, jo_presentation *p);

/* A moment of the edited time line on the wire, ns. */
int64_t jo_period_wire(const jo_presentation *p, const jo_period *period, int64_t ns);

/* Does a track say how long the presentation lasts? Text only if there is nothing else: it may be shown, or be silent,
 * far beyond the end. */
bool jo_period_counts(const jo_period *period, const jo_track *t);

/* End of the latest track, counted from the presentation's time zero (P not included), in ms, rounded. */
int64_t jo_presentation_duration_ms(const jo_presentation *p);

#endif
