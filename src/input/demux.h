/* Demuxers: a source's bytes → tracks with their indexes. */
#ifndef JO_DEMUX_H
#define JO_DEMUX_H

#include "../base/crypto.h"
#include "../io/source.h"
#include "../media/codec.h"
#include "../media/presentation.h"
#include "../media/track.h"

typedef struct jo_demuxed {
    jo_track **
        tracks; /* audio, video and text tracks in file order; others are left out, but for their events */
    int ntracks;
    jo_source_ref
        *files; /* that hold samples; [0] is the source itself. Their runs count in these */
    int nfiles;
    const jo_events *events; /* on the edited time line; NULL: none */
    /* of indexes, events, moov but its sample tables, codec configurations and file sizes */
    uint8_t fingerprint[JO_SHA256_SIZE];
} jo_demuxed;

typedef struct jo_demuxer {
    const char *name;
    /* True if the first bytes (up to 64) look like this format. */
    bool (*probe)(const uint8_t *head, size_t len);
    apr_status_t (*read)(jo_ctx *cx, jo_source *src, jo_demuxed *out);
} jo_demuxer;

/* The demuxer for a source's first bytes, NULL if there is none. */
apr_status_t jo_demux_find(jo_ctx *cx, jo_source *src, const jo_demuxer **out);

/* Picks the demuxer and reads; errors are prefixed with the source's name. Everything goes into cx->pool, nothing
 * refers to the source afterwards. JO_EMEDIA: not a known format, damaged, beyond limits, encrypted ('encv'/'enca'
 * tracks: t->codec NULL with a why, not an error), samples that lie past the end of the file. Tracks that can't be
 * packaged come with codec NULL and why. */
apr_status_t jo_demux(jo_ctx *cx, jo_source *src, jo_demuxed *out);

extern const jo_demuxer jo_demuxer_mp4; /* progressive and fragmented ISO BMFF, QuickTime */

#endif
