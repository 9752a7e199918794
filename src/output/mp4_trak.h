/* The boxes of a movie and its tracks that say nothing of samples: 14496-12 8.2 to 8.7. */
#ifndef JO_MP4_TRAK_H
#define JO_MP4_TRAK_H

#include "../media/codec.h"
#include "mp4_write.h"

/* What a trak says beyond what its track does. */
typedef struct jo_trak {
    uint32_t id;
    uint32_t flags;    /* of tkhd: JO_TRAK_… */
    uint16_t group;    /* alternate_group, 0: none */
    uint64_t duration; /* movie timescale, 0: in the fragments */
    uint64_t media;    /* duration in the track's own, likewise */
} jo_trak;

enum { JO_TRAK_ENABLED = 1, JO_TRAK_IN_MOVIE = 2 };

/* Text as XML documents: its own handler and media header (14496-30 5.2). */
bool jo_trak_is_xml(const jo_track *t);

/* Boxes with durations are of version 1 where 32 bits don't hold them. */
void jo_trak_write_mvhd(jo_writer *w, uint32_t timescale, uint64_t duration, uint32_t next_id);
void jo_trak_write_tkhd(jo_writer *w, const jo_track *t, const jo_trak *trak);
/* mdhd, hdlr, and elng where the language needs more than three letters. */
void jo_trak_write_media(jo_writer *w, const jo_track *t, const jo_trak *trak);
/* vmhd, smhd, nmhd or sthd; dinf: all data in this file. */
void jo_trak_write_media_info(jo_writer *w, const jo_track *t);

#endif
