/* NAL units of AVC, HEVC and VVC. */
#ifndef JO_NAL_H
#define JO_NAL_H

#include "../base/bytes.h"
#include "codec.h"

/* The next unit of a sample of length-prefixed units (14496-15 5.3.4.2); false at the end or at damage. */
bool jo_nal_next(jo_reader *r, unsigned length_bytes, const uint8_t **nal, size_t *len);

/* Copies a unit without emulation prevention bytes (14496-10 7.4.1), at most cap bytes; how many. */
size_t jo_nal_unescape(const uint8_t *nal, size_t len, uint8_t *out, size_t cap);

/* Sample aspect ratio by aspect_ratio_idc (23091-2 8.6); false for values that are reserved or not said. 255 is the
 * caller's to read. */
bool jo_nal_sar(unsigned idc, uint16_t *w, uint16_t *h);

/* What the VUI of AVC and HEVC begins with alike: 14496-10 E.1.1, 23008-2 E.2.1 */
typedef struct jo_vui {
    uint16_t sar_w, sar_h; /* 0: not said */
    jo_colour colour;      /* known: as in jo_track */
} jo_vui;

/* From the first bit of vui_parameters(). A VUI that is cut short says nothing. */
void jo_nal_vui(jo_bits *b, jo_vui *out);
/* Into t where its sample entry is silent: there pasp and colr win. */
void jo_nal_apply_vui(jo_track *t, const jo_vui *v);

/* Type of a unit, or a value that no type has for units that don't count (other layers). len may be 0. */
typedef unsigned (*jo_nal_type)(const uint8_t *nal, size_t len);

/* Appends t->probe's units of one type, at most `most`, each after its length in 16 bits; how many. */
unsigned jo_nal_collect(const jo_track *t, jo_nal_type type_of, unsigned type, unsigned most,
                        jo_writer *w);

/* The arrays at the end of hvcC and vvcC: 14496-15 8.3.2.1, 11.2.4.2. */
typedef struct jo_nal_arrays {
    jo_reader r;      /* from numOfArrays on */
    uint8_t type_of;  /* mask of NAL_unit_type in the array's header */
    uint32_t single;  /* bits: types whose arrays hold one unit and no count */
    unsigned arrays;  /* left */
    unsigned units;   /* left in this array */
    uint8_t type;     /* of this array */
    size_t header_at; /* offset of this array's header from the start of r as given */
    const uint8_t *base;
} jo_nal_arrays;

void jo_nal_arrays_init(jo_nal_arrays *a, jo_reader r, uint8_t type_of, uint32_t single);
/* False at the end or at damage (then a->r.failed). */
bool jo_nal_arrays_next(jo_nal_arrays *a, const uint8_t **nal, size_t *len);

/* Are the parameter sets in the sample entry of this style (avc1, hvc1, vvc1)? */
bool jo_nal_plain(const jo_track *t, jo_entry_style style);
/* The record that goes with the style: t->config, else the source's box of this type, which parse() has seen. */
jo_reader jo_nal_record(const jo_track *t, jo_entry_style style, uint32_t box);

/* One unit after a start code: 14496-10 Annex B. */
void jo_nal_write_annexb(jo_writer *w, const uint8_t *nal, size_t len);

#endif
