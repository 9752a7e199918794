/* Between demux_mp4.c (moov), mp4_table.c (stbl) and demux_fmp4.c (moof): the tracks of one file while it is read. */
#ifndef JO_MP4_TRACKS_H
#define JO_MP4_TRACKS_H

#include "demux.h"
#include "mp4_box.h"

/* Track extends: defaults of fragments, 14496-12 8.8.3 */
typedef struct jo_mp4_defaults {
    uint32_t description;
    uint32_t duration;
    uint32_t size;
    uint32_t flags;
} jo_mp4_defaults;

/* One entry of a track's stsd: 14496-12 8.5.2 */
typedef struct jo_mp4_entry {
    const uint8_t *data; /* the whole box, in cx->pool */
    size_t len;
    const char *why;      /* no sample of it can be had; NULL */
    const char *location; /* of the file with its samples (dref 'url '); NULL: the file itself */
    int file;             /* into files once a sample needs it, -1 before */
    uint32_t same;        /* the earliest entry that says the same but for its data reference */
} jo_mp4_entry;

typedef struct jo_mp4_track {
    jo_track *track; /* NULL: of a kind that is left out; only its id is of use */
    uint32_t id;
    jo_reader stbl;
    jo_mp4_entry *entries;
    uint32_t nentries;
    uint32_t description;     /* entry of the sample added last, from 1; 0: none yet */
    apr_array_header_t *runs; /* jo_run; variant: the entry, from 0; source: into files */
    jo_mp4_defaults defaults;
    jo_index_builder *builder; /* if track */
    int64_t next_dts;          /* where a fragment without tfdt goes on */
    uint32_t added;            /* samples so far */
    uint32_t declared;         /* samples that the moov speaks of */
    bool served;               /* only serves another track: chapter titles and pictures */
    int64_t last_moof;         /* offset of the last moof with samples of it, -1 */
} jo_mp4_track;

typedef struct jo_mp4_file {
    jo_ctx *cx;      /* results */
    jo_ctx *scratch; /* the same with a pool that ends with the read */
    jo_source *source;
    jo_source *
        *files; /* with samples: [0] the source itself; others by reference, while it is read */
    int nfiles;
    apr_pool_t *files_pool; /* they live here */
    jo_mp4_track *tracks;
    int ntracks;
    uint32_t timescale; /* of the movie */
    uint32_t boxes;     /* walked so far */
    uint64_t samples;   /* that all tracks together announced */
    uint64_t own;       /* of them, those that can only lie in the source itself */
    uint64_t added;     /* samples of all tracks so far */
    uint64_t bytes;     /* of all files */
    bool fragmented;    /* mvex or moof seen */
    jo_events_builder *events;
    apr_array_header_t
        *early;        /* jo_event_found: those that count from the fragment that follows; NULL */
    size_t early_size; /* bytes of them */
    bool odd_events;   /* some were left out, and the log says so */
} jo_mp4_file;

/* Counts n samples of a track that will be added, before any work is done for them. Beyond limits->samples or the
 * file's size in bytes: JO_EMEDIA. */
apr_status_t jo_mp4_announce(jo_mp4_file *f, const jo_mp4_track *t, uint32_t n);

/* Adds samples described by an entry (from 1; 0 counts as 1), which must lie within its file. If that makes the track
 * one that can't be packaged (its codec is NULL then), succeeds. */
apr_status_t jo_mp4_add(jo_mp4_file *f, jo_mp4_track *t, jo_rows *rows, uint32_t description);

/* mp4_entry.c: the sample descriptions of a track and the files they refer to. */

/* Reads stsd and dref; the track is described by the first entry that can be packaged. */
apr_status_t jo_mp4_read_entries(jo_mp4_file *f, jo_reader minf, jo_mp4_track *mt);
/* The next sample is described by this entry, from 1: finds its file and begins a run where that changes something. */
apr_status_t jo_mp4_describe(jo_mp4_file *f, jo_mp4_track *mt, uint32_t description);
/* Fills runs and variants of a track that has all its samples; each variant is probed where its codec wants it. */
apr_status_t jo_mp4_finish_entries(jo_mp4_file *f, jo_mp4_track *mt);

/* mp4_table.c: all samples of the moov. */
apr_status_t jo_mp4_read_table(jo_mp4_file *f, jo_mp4_track *t);

#define JO_MP4_RAP JO_FOURCC('r', 'a', 'p', ' ') /* of an open GOP: 14496-12 10.4 */

/* Which samples are in a group of some type: sbgp, 14496-12 8.9.2 */
typedef struct jo_mp4_groups {
    jo_reader r;
    uint32_t entries;     /* left to read */
    uint32_t left, index; /* of the entry that was read last */
} jo_mp4_groups;

/* The sbgp of that type among the boxes of parent; nothing where there is none or it is damaged. */
void jo_mp4_open_groups(jo_reader parent, uint32_t type, jo_mp4_groups *out);
/* Is the next sample in a group? */
bool jo_mp4_next_group(jo_mp4_groups *g);

/* mp4_events.c: event messages, 23009-1 5.10.3.3, and tracks of them. */

/* A top-level emsg. */
apr_status_t jo_mp4_read_emsg(jo_mp4_file *f, const jo_top_box *box);
/* The fragment after them presents its first picture or sound then, ns of the edited time line. */
void jo_mp4_place_events(jo_mp4_file *f, int64_t earliest);
/* Time of a track's media on the edited time line, ns. */
int64_t jo_mp4_edited(const jo_track *t, int64_t pts);
/* Does a metadata track hold events? By its first sample entry. */
bool jo_mp4_holds_events(jo_reader stbl);
/* Reads the events of such a track, which has all its samples. */
apr_status_t jo_mp4_read_event_track(jo_mp4_file *f, const jo_mp4_track *mt);
/* Stands for the codec of such tracks, which have none. */
extern const jo_codec jo_mp4_event_codec;

/* demux_fmp4.c: one moof payload. at: offset of the moof box; mdat_end: end of the mdat after it, 0 if none follows. */
apr_status_t jo_mp4_read_moof(jo_mp4_file *f, jo_reader moof, int64_t at, int64_t mdat_end);

#endif
