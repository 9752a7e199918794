#include "sample_entry.h"

#include "codec.h"

#include <string.h>

/* -- children of a sample entry ------------------------------------------------------------------ */

enum { BOX_HEADER = 8, ENTRY_FIELDS = 8, VIDEO_FIELDS = 70, AUDIO_FIELDS = 20 };

bool jo_entry_next(jo_reader *r, uint32_t *type, jo_reader *body)
{
    size_t left = jo_reader_left(r);

    if (left < BOX_HEADER) {
        return false;
    }
    uint32_t size = jo_read_u32(r);
    *type = jo_read_u32(r);
    if (size < BOX_HEADER || size > left) {
        return false; /* trailing garbage, QuickTime's terminator */
    }
    *body = jo_read_sub(r, size - BOX_HEADER);
    return true;
}

static bool looks_like_box(jo_reader r)
{
    size_t left = jo_reader_left(&r);
    uint32_t size = jo_read_u32(&r), type = jo_read_u32(&r);

    for (int shift = 24; shift >= 0; shift -= 8) {
        if ((type >> shift & 0xff) < 0x20) {
            return false;
        }
    }
    return !r.failed && size >= BOX_HEADER && size <= left;
}

/* QuickTime sound descriptions (QTFF "Sound Sample Descriptions"): version 1 has 16 more bytes, unless the
 * entry is an ISO AudioSampleEntryV1; version 2 says where its fields end, counted from the box. */
static void skip_audio_fields(jo_reader *r)
{
    uint16_t version = jo_read_u16(r);

    jo_read_skip(r, AUDIO_FIELDS - 2);
    if (version == 1 && !looks_like_box(*r)) {
        jo_read_skip(r, 16);
    } else if (version == 2 && !looks_like_box(*r)) {
        uint32_t fields = jo_read_u32(r);
        uint32_t passed = BOX_HEADER + ENTRY_FIELDS + AUDIO_FIELDS + 4;
        jo_read_skip(r, fields > passed ? fields - passed : 32);
    }
}

jo_reader jo_entry_children(const jo_track *t)
{
    jo_reader r;

    jo_reader_init(&r, t->entry, t->entry_len);
    jo_read_skip(&r, BOX_HEADER + ENTRY_FIELDS);
    if (t->kind == JO_VIDEO) {
        jo_read_skip(&r, VIDEO_FIELDS);
    } else if (t->kind == JO_AUDIO) {
        skip_audio_fields(&r);
    }
    return r;
}

static bool find_child(jo_reader r, uint32_t type, jo_reader *out)
{
    uint32_t found;
    jo_reader body;

    while (jo_entry_next(&r, &found, &body)) {
        if (found == type) {
            *out = body;
            return true;
        }
    }
    return false;
}

bool jo_entry_child(const jo_track *t, uint32_t type, jo_reader *out)
{
    jo_reader children = jo_entry_children(t), wave;

    if (find_child(children, type, out)) {
        return true;
    }
    return t->kind == JO_AUDIO && find_child(children, JO_FOURCC('w', 'a', 'v', 'e'), &wave) &&
           find_child(wave, type, out);
}

/* -- reading -------------------------------------------------------------------------------------- */

apr_status_t jo_entry_refuse(jo_track *t, const char *why)
{
    t->codec = NULL;
    t->why = why;
    return APR_SUCCESS;
}

static void read_pasp(jo_track *t)
{
    jo_reader r;

    if (jo_entry_child(t, JO_FOURCC('p', 'a', 's', 'p'), &r)) {
        uint32_t w = jo_read_u32(&r), h = jo_read_u32(&r);
        while (w > UINT16_MAX || h > UINT16_MAX) {
            w >>= 1;
            h >>= 1;
        }
        if (!r.failed && w != 0 && h != 0) {
            t->sar_w = (uint16_t)w;
            t->sar_h = (uint16_t)h;
        }
    }
}

/* nclx, or QuickTime's nclc: 14496-12 12.1.5 */
static void read_colr(jo_track *t)
{
    jo_reader children = jo_entry_children(t), r;

    for (uint32_t type; jo_entry_next(&children, &type, &r);) {
        uint32_t kind = type == JO_FOURCC('c', 'o', 'l', 'r') ? jo_read_u32(&r) : 0;
        bool nclx = kind == JO_FOURCC('n', 'c', 'l', 'x');
        if (nclx || kind == JO_FOURCC('n', 'c', 'l', 'c')) {
            jo_colour c = {.primaries = (uint8_t)jo_read_u16(&r),
                           .transfer = (uint8_t)jo_read_u16(&r),
                           .matrix = (uint8_t)jo_read_u16(&r)};
            c.full_range = nclx && jo_read_u8(&r) >> 7;
            if (!r.failed) {
                c.known = true;
                t->colour = c;
            }
        }
    }
}

static bool says_colour(const jo_colour *c)
{
    return c->known && (c->primaries != 2 || c->transfer != 2 || c->matrix != 2);
}

void jo_entry_apply_colour(jo_track *t, const jo_colour *c)
{
    if (says_colour(c) && !says_colour(&t->colour)) {
        t->colour = *c;
    }
}

apr_status_t jo_entry_check_size(jo_track *t)
{
    return t->width == 0 || t->height == 0 ? jo_entry_refuse(t, "has no picture size")
                                           : APR_SUCCESS;
}

bool jo_entry_read_video(jo_track *t)
{
    if (t->entry_len < BOX_HEADER + ENTRY_FIELDS + VIDEO_FIELDS) {
        return false;
    }
    t->width = (uint16_t)(t->entry[32] << 8 | t->entry[33]);
    t->height = (uint16_t)(t->entry[34] << 8 | t->entry[35]);
    read_pasp(t);
    read_colr(t);
    return true;
}

bool jo_entry_read_audio(jo_track *t)
{
    if (t->entry_len < BOX_HEADER + ENTRY_FIELDS + AUDIO_FIELDS) {
        return false;
    }
    t->channels = (uint16_t)(t->entry[24] << 8 | t->entry[25]);
    t->sample_rate = (uint32_t)(t->entry[32] << 8 | t->entry[33]);
    return true;
}

/* -- writing -------------------------------------------------------------------------------------- */

void jo_entry_write_box(jo_writer *w, const char type[4], const void *data, size_t len)
{
    jo_write_u32(w, (uint32_t)(len + BOX_HEADER));
    jo_write_bytes(w, type, 4);
    jo_write_bytes(w, data, len);
}

size_t jo_entry_open_plain(jo_writer *w, const char type[4])
{
    size_t at = w->len;

    jo_write_u32(w, 0);
    jo_write_bytes(w, type, 4);
    jo_write_zeros(w, 6);
    jo_write_u16(w, 1); /* data reference */
    return at;
}

size_t jo_entry_open_video(jo_writer *w, const jo_track *t, const char type[4])
{
    size_t at = jo_entry_open_plain(w, type);

    jo_write_zeros(w, 16);
    jo_write_u16(w, t->width);
    jo_write_u16(w, t->height);
    jo_write_u32(w, 0x480000); /* 72 dpi */
    jo_write_u32(w, 0x480000);
    jo_write_u32(w, 0);
    jo_write_u16(w, 1); /* frames per sample */
    jo_write_zeros(w, 32);
    jo_write_u16(w, 0x18);
    jo_write_u16(w, 0xffff);
    return at;
}

size_t jo_entry_open_audio(jo_writer *w, const jo_track *t, const char type[4])
{
    size_t at = jo_entry_open_plain(w, type);

    jo_write_zeros(w, 8);
    jo_write_u16(w, t->channels);
    jo_write_u16(w, 16);
    jo_write_zeros(w, 4);
    jo_write_u32(w, t->sample_rate <= UINT16_MAX ? t->sample_rate << 16 : 0);
    return at;
}

void jo_entry_close(jo_writer *w, size_t at)
{
    jo_write_patch_u32(w, at, (uint32_t)(w->len - at));
}

/* nclx as it is; QuickTime's nclc becomes nclx of limited range; ICC profiles are copied. */
static void write_colr(jo_reader r, jo_writer *w)
{
    size_t len = jo_reader_left(&r);

    if (len >= 10 && !memcmp(r.at, "nclc", 4)) {
        uint8_t nclx[11] = {'n', 'c', 'l', 'x'};
        memcpy(nclx + 4, r.at + 4, 6);
        jo_entry_write_box(w, "colr", nclx, sizeof(nclx));
    } else if (len >= 11 && !memcmp(r.at, "nclx", 4)) {
        jo_entry_write_box(w, "colr", r.at, 11);
    } else if (len > 4 && (!memcmp(r.at, "prof", 4) || !memcmp(r.at, "rICC", 4))) {
        jo_entry_write_box(w, "colr", r.at, len);
    }
}

static void write_pasp(const jo_track *t, jo_writer *w)
{
    uint8_t pasp[8];
    jo_reader r;

    if (t->sar_w != t->sar_h || jo_entry_child(t, JO_FOURCC('p', 'a', 's', 'p'), &r)) {
        jo_put_u32(pasp, t->sar_w);
        jo_put_u32(pasp + 4, t->sar_h);
        jo_entry_write_box(w, "pasp", pasp, sizeof(pasp));
    }
}

void jo_entry_copy_boxes(jo_writer *w, const jo_track *t, const uint32_t *types)
{
    jo_reader children = jo_entry_children(t), body;

    for (uint32_t type; jo_entry_next(&children, &type, &body);) {
        for (const uint32_t *wanted = types; *wanted != 0; wanted++) {
            if (type == *wanted) {
                uint8_t name[4];
                jo_put_u32(name, type);
                jo_entry_write_box(w, (const char *)name, body.at, jo_reader_left(&body));
            }
        }
    }
}

void jo_entry_close_video(jo_writer *w, const jo_track *t, size_t at)
{
    /* HDR10's static metadata, light of the room: 14496-12 12.1.5 to 12.1.8; the same in WebM's names */
    static const uint32_t hdr[] = {JO_FOURCC('m', 'd', 'c', 'v'),
                                   JO_FOURCC('c', 'l', 'l', 'i'),
                                   JO_FOURCC('c', 'c', 'l', 'v'),
                                   JO_FOURCC('a', 'm', 'v', 'e'),
                                   JO_FOURCC('S', 'm', 'D', 'm'),
                                   JO_FOURCC('C', 'o', 'L', 'L'),
                                   0};
    jo_reader children = jo_entry_children(t), body;

    write_pasp(t, w);
    for (uint32_t type; jo_entry_next(&children, &type, &body);) {
        if (type == JO_FOURCC('c', 'o', 'l', 'r')) {
            write_colr(body, w);
        }
    }
    jo_entry_copy_boxes(w, t, hdr);
    jo_entry_close(w, at);
}
