/* Between demux_mp4.c (moov) and demux_fmp4.c (moof): the tracks of one file while it is read. */
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

typedef struct jo_mp4_track {
    jo_track *track;            /* NULL: only its id is of use (other kinds, codecs that can't be packaged) */
    uint32_t id;
    jo_reader stbl;
    jo_mp4_defaults defaults;
    jo_index_builder *builder;  /* NULL if track is */
    int64_t next_dts;           /* where a fragment without tfdt goes on */
    uint32_t added;             /* samples so far */
} jo_mp4_track;

typedef struct jo_mp4_file {
    jo_ctx *cx;         /* results */
    jo_ctx *scratch;    /* the same with a pool that ends with the read */
    jo_source *source;
    jo_mp4_track *tracks;
    int ntracks;
    bool fragmented;    /* mvex or moof seen */
} jo_mp4_file;

/* Adds a sample, which must lie within the file. */
apr_status_t jo_mp4_add(jo_mp4_file *f, jo_mp4_track *t, const jo_sample *s);

/* demux_fmp4.c: one moof payload. at: offset of the moof box; mdat_end: end of the mdat after it, 0 if none follows. */
apr_status_t jo_mp4_read_moof(jo_mp4_file *f, jo_reader moof, int64_t at, int64_t mdat_end);

#endif
