/* What the sample entries of all codecs have in common: their children, and the fields around the codec's own box.
 * 14496-12 8.5.2, 12.1.3, 12.2.3. */
#ifndef JO_SAMPLE_ENTRY_H
#define JO_SAMPLE_ENTRY_H

#include "../base/bytes.h"
#include "track.h"

/* Child boxes of a sample entry that follow its fixed fields; finds one by type. False if absent. *out reads its
 * payload. Tolerates trailing garbage. QuickTime sound description versions 1 and 2 and the `wave` box are looked
 * through for audio. */
bool jo_entry_child(const jo_track *t, uint32_t type, jo_reader *out);
/* All of them, for jo_entry_next(): false at the end or at what is no box. */
jo_reader jo_entry_children(const jo_track *t);
bool jo_entry_next(jo_reader *r, uint32_t *type, jo_reader *body);

/* Fills width, height, sample aspect ratio and colour from a visual sample entry. False if it is cut short. */
bool jo_entry_read_video(jo_track *t);
/* What the bitstream says of colour, where no colr box does. */
void jo_entry_apply_colour(jo_track *t, const jo_colour *c);
/* A parser's last word on a picture: refuses one without a size. */
apr_status_t jo_entry_check_size(jo_track *t);
/* Fills sample_rate and channels from the fixed fields of an audio sample entry. False if it is cut short. */
bool jo_entry_read_audio(jo_track *t);

/* A visual or audio sample entry up to its children; the codec's boxes come next, then the close with the `at` that
 * open gave. Closing a visual one first appends pasp, colr and the HDR boxes of the source. */
size_t jo_entry_open_video(jo_writer *w, const jo_track *t, const char type[4]);
void jo_entry_close_video(jo_writer *w, const jo_track *t, size_t at);
size_t jo_entry_open_audio(jo_writer *w, const jo_track *t, const char type[4]);
size_t jo_entry_open_plain(jo_writer *w, const char type[4]); /* text: no fields of their own */
void jo_entry_close(jo_writer *w, size_t at);
/* One child box with this payload. */
void jo_entry_write_box(jo_writer *w, const char type[4], const void *data, size_t len);

/* The source's child boxes of these types, as they are; types end with 0. */
void jo_entry_copy_boxes(jo_writer *w, const jo_track *t, const uint32_t *types);

/* Parsers' way out: the track can't be packaged, `why` says so; nobody may have asked for it. */
apr_status_t jo_entry_refuse(jo_track *t, const char *why);

#endif
