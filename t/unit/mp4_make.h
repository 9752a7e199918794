/* Small MP4 files made by hand, for the tests of the demuxers. */
#ifndef MP4_MAKE_H
#define MP4_MAKE_H

#include "../../src/base/bytes.h"

#include <string.h>

static inline size_t open_box(jo_writer *w, const char *type)
{
    size_t at = w->len;

    jo_write_u32(w, 0);
    jo_write_bytes(w, type, 4);
    return at;
}

static inline size_t open_full(jo_writer *w, const char *type, unsigned version, uint32_t flags)
{
    size_t at = open_box(w, type);

    jo_write_u32(w, version << 24 | flags);
    return at;
}

static inline void close_box(jo_writer *w, size_t at)
{
    jo_write_patch_u32(w, at, (uint32_t)(w->len - at));
}

/* A full box of a count and that many u32 values, `per` of them to an entry. */
static inline void write_table(jo_writer *w, const char *type, unsigned per, const uint32_t *v,
                               size_t n)
{
    size_t at = open_full(w, type, 0, 0);

    jo_write_u32(w, (uint32_t)(n / per));
    for (size_t i = 0; i < n; i++)
        jo_write_u32(w, v[i]);
    close_box(w, at);
}
#define TABLE(w, type, per, ...)                               \
    write_table(w, type, per, (const uint32_t[]){__VA_ARGS__}, \
                sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* SPS and PPS that x264 wrote for 318x178 (cropped from 320x192), sample aspect ratio 4:3, High at level 1.2. */
static const uint8_t make_sps[] = {0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9e,
                                   0xa2, 0x30, 0xe1, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
                                   0x00, 0x03, 0x00, 0x32, 0x0f, 0x14, 0x29, 0x96};
static const uint8_t make_pps[] = {0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0};

static inline void write_avcc(jo_writer *w, bool sets)
{
    size_t at = open_box(w, "avcC");

    jo_write_bytes(w, "\x01\x64\x00\x0c\xff", 5);
    if (sets) {
        jo_write_u8(w, 0xe1);
        jo_write_u16(w, sizeof(make_sps));
        jo_write_bytes(w, make_sps, sizeof(make_sps));
        jo_write_u8(w, 1);
        jo_write_u16(w, sizeof(make_pps));
        jo_write_bytes(w, make_pps, sizeof(make_pps));
        jo_write_bytes(w, "\xfd\xf8\xf8\x00", 4);
    } else {
        jo_write_bytes(w, "\xe0\x00", 2);
    }
    close_box(w, at);
}

/* VisualSampleEntry up to its children. */
static inline size_t open_visual(jo_writer *w, const char *type, unsigned width, unsigned height)
{
    size_t at = open_box(w, type);

    jo_write_zeros(w, 6);
    jo_write_u16(w, 1);
    jo_write_zeros(w, 16);
    jo_write_u16(w, width);
    jo_write_u16(w, height);
    jo_write_zeros(w, 50);
    return at;
}

/* AudioSampleEntry version 0 up to its children. */
static inline size_t open_sound(jo_writer *w, const char *type, unsigned channels, uint32_t rate)
{
    size_t at = open_box(w, type);

    jo_write_zeros(w, 6);
    jo_write_u16(w, 1);
    jo_write_zeros(w, 8);
    jo_write_u16(w, channels);
    jo_write_u16(w, 16);
    jo_write_u32(w, 0);
    jo_write_u32(w, rate << 16);
    return at;
}

static inline void write_esds(jo_writer *w, unsigned object_type, const void *config, size_t len)
{
    size_t at = open_full(w, "esds", 0, 0);

    jo_write_u8(w, 3);
    jo_write_u8(w, (unsigned)(3 + 2 + 13 + 2 + len + 3));
    jo_write_u16(w, 0);
    jo_write_u8(w, 0);
    jo_write_u8(w, 4);
    jo_write_u8(w, (unsigned)(13 + 2 + len));
    jo_write_u8(w, object_type);
    jo_write_u8(w, 0x15);
    jo_write_u24(w, 0);
    jo_write_u32(w, 96000);
    jo_write_u32(w, 64000);
    jo_write_u8(w, 5);
    jo_write_u8(w, (unsigned)len);
    jo_write_bytes(w, config, len);
    jo_write_bytes(w, "\x06\x01\x02", 3);
    close_box(w, at);
}

static inline void write_ftyp(jo_writer *w)
{
    size_t at = open_box(w, "ftyp");

    jo_write_bytes(w, "isom\0\0\0\0isom", 12);
    close_box(w, at);
}

static inline void write_mvhd(jo_writer *w, uint32_t timescale)
{
    size_t at = open_full(w, "mvhd", 0, 0);

    jo_write_zeros(w, 8);
    jo_write_u32(w, timescale);
    jo_write_zeros(w, 84);
    close_box(w, at);
}

static inline void write_tkhd(jo_writer *w, uint32_t id)
{
    size_t at = open_full(w, "tkhd", 0, 3);

    jo_write_zeros(w, 8);
    jo_write_u32(w, id);
    jo_write_zeros(w, 24);
    for (int i = 0; i < 9; i++)
        jo_write_u32(w, i == 8 ? 0x40000000 : i % 4 ? 0 : 0x10000);
    jo_write_zeros(w, 8);
    close_box(w, at);
}

/* mdia with mdhd and hdlr, then minf and stbl, left open: at[0..2] of them. */
static inline void open_media(jo_writer *w, uint32_t timescale, const char *handler, unsigned lang,
                              size_t at[3])
{
    at[0] = open_box(w, "mdia");
    size_t box = open_full(w, "mdhd", 0, 0);
    jo_write_zeros(w, 8);
    jo_write_u32(w, timescale);
    jo_write_u32(w, 0);
    jo_write_u16(w, lang);
    jo_write_u16(w, 0);
    close_box(w, box);
    box = open_full(w, "hdlr", 0, 0);
    jo_write_u32(w, 0);
    jo_write_bytes(w, handler, 4);
    jo_write_zeros(w, 13);
    close_box(w, box);
    at[1] = open_box(w, "minf");
    at[2] = open_box(w, "stbl");
}

static inline void close_media(jo_writer *w, const size_t at[3])
{
    close_box(w, at[2]);
    close_box(w, at[1]);
    close_box(w, at[0]);
}

/* stsd with one entry of the kind of the track: 'v' AVC, 'p' AVC without parameter sets (avc3), 'a' AAC LC. */
static inline void write_stsd(jo_writer *w, char kind)
{
    size_t at = open_full(w, "stsd", 0, 0), entry;

    jo_write_u32(w, 1);
    if (kind == 'a') {
        entry = open_sound(w, "mp4a", 2, 48000);
        write_esds(w, 0x40, "\x11\x90", 2);
    } else {
        entry = open_visual(w, kind == 'p' ? "avc3" : "avc1", 320, 180);
        write_avcc(w, kind == 'v');
    }
    close_box(w, entry);
    close_box(w, at);
}

#endif
