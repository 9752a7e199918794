#include "mp4_trak.h"

#include "../media/lang.h"

#include <string.h>

static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};

bool jo_trak_is_xml(const jo_track *t)
{
    return t->fourcc == JO_FOURCC('s', 't', 'p', 'p');
}

static void write_matrix(jo_writer *w, const uint32_t matrix[9])
{
    for (int i = 0; i < 9; i++) {
        jo_write_u32(w, matrix[i]);
    }
}

/* A full box of the version that has room for the duration. */
static size_t open_timed(jo_writer *w, const char type[4], uint64_t duration, uint32_t flags)
{
    return jo_full_box_open(w, type, duration > UINT32_MAX, flags);
}

static void write_timed(jo_writer *w, bool wide, uint64_t v)
{
    if (wide) {
        jo_write_u64(w, v);
    } else {
        jo_write_u32(w, (uint32_t)v);
    }
}

/* Creation and modification: no clock goes into the bytes. */
static void write_dates(jo_writer *w, bool wide)
{
    jo_write_zeros(w, wide ? 16 : 8);
}

void jo_trak_write_mvhd(jo_writer *w, uint32_t timescale, uint64_t duration, uint32_t next_id)
{
    bool wide = duration > UINT32_MAX;
    size_t at = open_timed(w, "mvhd", duration, 0);

    write_dates(w, wide);
    jo_write_u32(w, timescale);
    write_timed(w, wide, duration);
    jo_write_u32(w, 0x10000);
    jo_write_u16(w, 0x100);
    jo_write_zeros(w, 10);
    write_matrix(w, unity);
    jo_write_zeros(w, 24);
    jo_write_u32(w, next_id);
    jo_box_close(w, at);
}

void jo_trak_write_tkhd(jo_writer *w, const jo_track *t, const jo_trak *trak)
{
    bool wide = trak->duration > UINT32_MAX;
    uint64_t display = (uint64_t)t->width * t->sar_w * 0x10000 / (t->sar_h ? t->sar_h : 1);
    size_t at = open_timed(w, "tkhd", trak->duration, trak->flags);

    write_dates(w, wide);
    jo_write_u32(w, trak->id);
    jo_write_u32(w, 0);
    write_timed(w, wide, trak->duration);
    jo_write_zeros(w, 8);
    jo_write_u16(w, 0);
    jo_write_u16(w, trak->group);
    jo_write_u16(w, t->kind == JO_AUDIO ? 0x100 : 0);
    jo_write_u16(w, 0);
    write_matrix(w, t->kind == JO_VIDEO ? t->matrix : unity);
    jo_write_u32(w,
                 t->kind == JO_VIDEO ? (uint32_t)(display > UINT32_MAX ? UINT32_MAX : display) : 0);
    jo_write_u32(w, t->kind == JO_VIDEO ? (uint32_t)t->height << 16 : 0);
    jo_box_close(w, at);
}

/* ISO 639-2/T code in 5-bit letters: 14496-12 8.4.2.3 */
static unsigned packed_language(const jo_track *t)
{
    const char *code = jo_lang_three(t->language);
    return (unsigned)((code[0] - 0x60) << 10 | (code[1] - 0x60) << 5 | (code[2] - 0x60));
}

static void write_mdhd(jo_writer *w, const jo_track *t, uint64_t duration)
{
    bool wide = duration > UINT32_MAX;
    size_t at = open_timed(w, "mdhd", duration, 0);

    write_dates(w, wide);
    jo_write_u32(w, t->timescale);
    write_timed(w, wide, duration);
    jo_write_u16(w, packed_language(t));
    jo_write_u16(w, 0);
    jo_box_close(w, at);
}

/* Text: 14496-30 5.2, 7.2 */
static void write_hdlr(jo_writer *w, const jo_track *t)
{
    static const char *const names[] = {"video", "audio", "text"};
    const char *type = t->kind == JO_VIDEO ? "vide" : t->kind == JO_AUDIO ? "soun" : "text";
    size_t at = jo_full_box_open(w, "hdlr", 0, 0);

    jo_write_u32(w, 0);
    jo_write_bytes(w, jo_trak_is_xml(t) ? "subt" : type, 4);
    jo_write_zeros(w, 12);
    jo_write_bytes(w, names[t->kind], strlen(names[t->kind]) + 1);
    jo_box_close(w, at);
}

/* Extended tag: 14496-12 8.4.6 */
static void write_elng(jo_writer *w, const jo_track *t)
{
    if (strchr(t->language, '-') == NULL) {
        return;
    }
    size_t at = jo_full_box_open(w, "elng", 0, 0);
    jo_write_bytes(w, t->language, strlen(t->language) + 1);
    jo_box_close(w, at);
}

void jo_trak_write_media(jo_writer *w, const jo_track *t, const jo_trak *trak)
{
    write_mdhd(w, t, trak->media);
    write_hdlr(w, t);
    write_elng(w, t);
}

static void write_media_header(jo_writer *w, const jo_track *t)
{
    const char *type = t->kind == JO_VIDEO ? "vmhd" : t->kind == JO_AUDIO ? "smhd" : "nmhd";
    size_t at = jo_full_box_open(w, jo_trak_is_xml(t) ? "sthd" : type, 0, t->kind == JO_VIDEO);

    jo_write_zeros(w, t->kind == JO_VIDEO ? 8 : t->kind == JO_AUDIO ? 4 : 0);
    jo_box_close(w, at);
}

void jo_trak_write_media_info(jo_writer *w, const jo_track *t)
{
    write_media_header(w, t);
    size_t dinf = jo_box_open(w, "dinf");
    size_t dref = jo_full_box_open(w, "dref", 0, 0);
    jo_write_u32(w, 1);
    jo_box_close(w, jo_full_box_open(w, "url ", 0, 1)); /* in this file */
    jo_box_close(w, dref);
    jo_box_close(w, dinf);
}
