/* H.264: 14496-15 5, 14496-10 7.3.2.1. Also under Dolby Vision's names. */
#include "codec.h"
#include "dovi.h"
#include "nal.h"
#include "sample_entry.h"

#include <apr_strings.h>
#include <string.h>

#define AVCC    JO_FOURCC('a', 'v', 'c', 'C')
#define AVC3    JO_FOURCC('a', 'v', 'c', '3')
#define DVAV    JO_FOURCC('d', 'v', 'a', 'v')
#define NAL_SPS 7
#define NAL_PPS 8

/* -- sequence parameter set ------------------------------------------------------------------------- */

typedef struct sps {
    uint8_t profile, compatibility, level;
    uint32_t chroma, luma_depth, chroma_depth;
    uint32_t width, height; /* cropped */
    jo_vui vui;
} sps;

static void skip_scaling_list(jo_bits *b, int size)
{
    int last = 8, next = 8;

    for (int i = 0; i < size && !b->failed; i++) {
        if (next != 0) {
            next = (int)((unsigned)last + (unsigned)jo_bits_se(b)) & 0xff;
        }
        last = next == 0 ? last : next;
    }
}

static bool has_chroma_info(unsigned profile)
{
    static const uint8_t list[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    return memchr(list, (int)profile, sizeof(list)) != NULL;
}

static void read_chroma(jo_bits *b, sps *s)
{
    s->chroma = jo_bits_ue(b);
    if (s->chroma == 3) {
        jo_bits_read(b, 1);
    }
    s->luma_depth = jo_bits_ue(b);
    s->chroma_depth = jo_bits_ue(b);
    jo_bits_read(b, 1);
    if (jo_bits_read(b, 1)) {
        for (int i = 0; i < (s->chroma == 3 ? 12 : 8); i++) {
            if (jo_bits_read(b, 1)) {
                skip_scaling_list(b, i < 6 ? 16 : 64);
            }
        }
    }
}

static void skip_order_count(jo_bits *b)
{
    uint32_t type = jo_bits_ue(b);

    if (type == 0) {
        jo_bits_ue(b);
    } else if (type == 1) {
        jo_bits_read(b, 1);
        jo_bits_se(b);
        jo_bits_se(b);
        uint32_t n = jo_bits_ue(b);
        for (uint32_t i = 0; i < n && i < 256 && !b->failed; i++) {
            jo_bits_se(b);
        }
    }
}

static void read_size(jo_bits *b, sps *s)
{
    uint64_t w = (uint64_t)jo_bits_ue(b) + 1, h = (uint64_t)jo_bits_ue(b) + 1;
    uint32_t frames_only = jo_bits_read(b, 1);
    uint64_t crop_x = 0, crop_y = 0;

    if (!frames_only) {
        jo_bits_read(b, 1);
    }
    jo_bits_read(b, 1);
    w *= 16;
    h *= 16u * (2 - frames_only);
    if (jo_bits_read(b, 1)) {
        uint64_t unit_x = s->chroma == 1 || s->chroma == 2 ? 2 : 1;
        uint64_t unit_y = (s->chroma == 1 ? 2u : 1u) * (2 - frames_only);
        crop_x = jo_bits_ue(b) * unit_x;
        crop_x += jo_bits_ue(b) * unit_x;
        crop_y = jo_bits_ue(b) * unit_y;
        crop_y += jo_bits_ue(b) * unit_y;
    }
    if (crop_x < w && crop_y < h && w - crop_x <= UINT16_MAX && h - crop_y <= UINT16_MAX) {
        s->width = (uint32_t)(w - crop_x);
        s->height = (uint32_t)(h - crop_y);
    }
}

static bool parse_sps(const uint8_t *nal, size_t len, sps *s)
{
    uint8_t raw[1024]; /* what we read lies well within */
    jo_bits b;

    memset(s, 0, sizeof(*s));
    s->chroma = 1;
    if (len < 5) {
        return false;
    }
    jo_bits_init(&b, raw, jo_nal_unescape(nal + 1, len - 1, raw, sizeof(raw)));
    s->profile = (uint8_t)jo_bits_read(&b, 8);
    s->compatibility = (uint8_t)jo_bits_read(&b, 8);
    s->level = (uint8_t)jo_bits_read(&b, 8);
    jo_bits_ue(&b);
    if (has_chroma_info(s->profile)) {
        read_chroma(&b, s);
    }
    jo_bits_ue(&b);
    skip_order_count(&b);
    jo_bits_ue(&b);
    jo_bits_read(&b, 1);
    read_size(&b, s);
    if (b.failed) {
        return false;
    }
    if (jo_bits_read(&b, 1)) {
        jo_nal_vui(&b, &s->vui);
    }
    return true;
}

static void apply_sps(jo_track *t, const uint8_t *nal, size_t len)
{
    sps s;

    if (!parse_sps(nal, len, &s)) {
        return;
    }
    if (s.width != 0) {
        t->width = (uint16_t)s.width;
        t->height = (uint16_t)s.height;
    }
    jo_nal_apply_vui(t, &s.vui);
}

/* -- configuration record: 14496-15 5.3.3.1 --------------------------------------------------------------- */

/* Reads `n` parameter sets; gives the first one of them. */
static void read_sets(jo_reader *r, unsigned n, const uint8_t **first, size_t *len)
{
    for (unsigned i = 0; i < n && !r->failed; i++) {
        size_t size = jo_read_u16(r);
        const uint8_t *set = jo_read_bytes(r, size);
        if (set != NULL && *first == NULL && size > 0) {
            *first = set;
            *len = size;
        }
    }
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    const uint8_t *sps_nal = NULL, *pps_nal = NULL;
    size_t sps_len = 0, pps_len = 0;
    jo_dovi d;
    jo_reader r;

    if (!jo_entry_read_video(t) || !jo_entry_child(t, AVCC, &r)) {
        return jo_entry_refuse(t, "sample entry without avcC box");
    }
    if (jo_dovi_named(t) && !jo_dovi_read(t, &d)) {
        return jo_entry_refuse(t, "Dolby Vision sample entry without its configuration box");
    }
    const uint8_t *record = r.at;
    size_t record_len = jo_reader_left(&r);
    jo_read_skip(&r, 4);
    t->nal_length = (jo_read_u8(&r) & 3) + 1;
    read_sets(&r, jo_read_u8(&r) & 31, &sps_nal, &sps_len);
    read_sets(&r, jo_read_u8(&r), &pps_nal, &pps_len);
    if (r.failed || record_len < 7) {
        return jo_entry_refuse(t, "avcC box is cut short");
    }
    t->in_band = t->fourcc == AVC3 || t->fourcc == DVAV;
    if (sps_nal != NULL) {
        apply_sps(t, sps_nal, sps_len);
    }
    if (sps_nal != NULL && pps_nal != NULL) {
        t->config = record;
        t->config_len = record_len;
    }
    jo_dovi_describe(cx, t, "dva1");
    return jo_entry_check_size(t);
}

static bool wants_probe(const jo_track *t)
{
    return t->config == NULL;
}

static unsigned type_of(const uint8_t *nal, size_t len)
{
    return len > 0 ? nal[0] & 31u : 32;
}

static void write_chroma(const sps *s, jo_writer *w)
{
    if (s->profile == 100 || s->profile == 110 || s->profile == 122 || s->profile == 144) {
        jo_write_u8(w, 0xfcu | (s->chroma & 3));
        jo_write_u8(w, 0xf8u | (s->luma_depth & 7));
        jo_write_u8(w, 0xf8u | (s->chroma_depth & 7));
        jo_write_u8(w, 0); /* no SPS extensions */
    }
}

/* Makes the complete record from the sets that the sample carries. */
static void probe(jo_ctx *cx, jo_track *t)
{
    jo_writer sets, w;
    sps s;

    jo_writer_init(&sets, cx->pool, 256);
    unsigned n_sps = jo_nal_collect(t, type_of, NAL_SPS, 31, &sets);
    size_t sps_end = sets.len;
    unsigned n_pps = jo_nal_collect(t, type_of, NAL_PPS, 255, &sets);
    if (n_sps == 0 || n_pps == 0) {
        return;
    }
    size_t first = (size_t)sets.data[0] << 8 | sets.data[1];
    if (!parse_sps(sets.data + 2, first, &s)) {
        return;
    }
    apply_sps(t, sets.data + 2, first);
    jo_writer_init(&w, cx->pool, sets.len + 11);
    jo_write_u8(&w, 1);
    jo_write_bytes(&w, sets.data + 3, 3);
    jo_write_u8(&w, 0xfcu | (t->nal_length - 1u));
    jo_write_u8(&w, 0xe0u | n_sps);
    jo_write_bytes(&w, sets.data, sps_end);
    jo_write_u8(&w, n_pps);
    jo_write_bytes(&w, sets.data + sps_end, sets.len - sps_end);
    write_chroma(&s, &w);
    t->config = w.data;
    t->config_len = w.len;
    jo_dovi_describe(cx, t, "dva1");
}

/* -- output ---------------------------------------------------------------------------------------------- */

static const char *entry_name(const jo_track *t, jo_entry_style style)
{
    if (jo_dovi_named(t)) {
        return jo_nal_plain(t, style) ? "dva1" : "dvav";
    }
    return jo_nal_plain(t, style) ? "avc1" : "avc3";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    jo_reader r = jo_nal_record(t, style, AVCC);
    size_t at = jo_entry_open_video(w, t, entry_name(t, style));

    jo_entry_write_box(w, "avcC", r.at, jo_reader_left(&r));
    jo_dovi_write(t, w);
    jo_entry_close_video(w, t, at);
}

static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    const uint8_t *rec = jo_nal_record(t, style, AVCC).at;

    if (jo_dovi_named(t)) {
        return jo_dovi_rfc6381(pool, t, entry_name(t, style));
    }
    if (t->config != NULL && (rec[1] == 0 || (rec[5] & 31) == 0)) {
        rec = t->config; /* a record without SPS is not believed */
    }
    return apr_psprintf(pool, "%s.%02X%02X%02X", entry_name(t, style), rec[1], rec[2], rec[3]);
}

static void write_sets(jo_reader *r, unsigned n, jo_writer *w)
{
    for (unsigned i = 0; i < n && !r->failed; i++) {
        size_t size = jo_read_u16(r);
        const uint8_t *set = jo_read_bytes(r, size);
        if (set != NULL) {
            jo_nal_write_annexb(w, set, size);
        }
    }
}

/* MS-SSTR 2.2.2.5 */
static bool smooth(jo_ctx *cx, const jo_track *t, jo_smooth *out)
{
    jo_reader r;
    jo_writer w;

    if (t->config == NULL) {
        return false;
    }
    jo_reader_init(&r, t->config, t->config_len);
    jo_writer_init(&w, cx->pool, t->config_len + 8);
    jo_read_skip(&r, 5);
    write_sets(&r, jo_read_u8(&r) & 31, &w);
    write_sets(&r, jo_read_u8(&r), &w);
    *out = (jo_smooth){.fourcc = "H264", .private_data = w.data, .private_len = w.len};
    return true;
}

const jo_codec jo_codec_avc = {.name = "H.264",
                               .kind = JO_VIDEO,
                               .parse = parse,
                               .wants_probe = wants_probe,
                               .probe = probe,
                               .write_entry = write_entry,
                               .rfc6381 = rfc6381,
                               .smooth = smooth};
