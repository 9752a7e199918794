/* H.265: 14496-15 8, 23008-2 7.3.2. Also under Dolby Vision's names, and with a second layer that is left alone
 * (MV-HEVC: 14496-15 9). */
#include "codec.h"
#include "dovi.h"
#include "nal.h"
#include "sample_entry.h"

#include <apr_strings.h>
#include <string.h>

#define HVCC JO_FOURCC('h', 'v', 'c', 'C')
#define HEV1 JO_FOURCC('h', 'e', 'v', '1')
#define DVHE JO_FOURCC('d', 'v', 'h', 'e')

enum { NAL_VPS = 32, NAL_SPS, NAL_PPS };
enum {
    PROFILE = 1,      /* of a record: general profile space, tier, idc */
    PROFILE_LEN = 12, /* to general_level_idc */
    LENGTHS = 21,     /* …, lengthSizeMinusOne */
    ARRAYS = 22,      /* numOfArrays */
    TYPE_MASK = 63
};

/* -- sequence parameter set ------------------------------------------------------------------------- */

typedef struct sps {
    uint8_t profile[PROFILE_LEN]; /* as a record has it */
    unsigned sub_layers;          /* minus 1 */
    bool nested;
    uint32_t chroma, luma_depth, chroma_depth; /* depths minus 8 */
    uint32_t poc_bits;
    uint32_t width, height; /* cropped; 0: impossible */
    jo_vui vui;
} sps;

/* 7.3.3, after the general part */
static void skip_sub_layers(jo_bits *b, unsigned n)
{
    bool profile[8], level[8];

    for (unsigned i = 0; i < n; i++) {
        profile[i] = jo_bits_read(b, 1);
        level[i] = jo_bits_read(b, 1);
    }
    if (n > 0) {
        jo_bits_read(b, 2 * (8 - n));
    }
    for (unsigned i = 0; i < n; i++) {
        for (int bytes = profile[i] ? 11 : 0; bytes > 0; bytes--) {
            jo_bits_read(b, 8);
        }
        jo_bits_read(b, level[i] ? 8 : 0);
    }
}

static void read_size(jo_bits *b, sps *s)
{
    uint64_t w, h, x = 0, y = 0;

    s->chroma = jo_bits_ue(b);
    bool planes = s->chroma == 3 && jo_bits_read(b, 1);
    w = jo_bits_ue(b);
    h = jo_bits_ue(b);
    if (jo_bits_read(b, 1)) { /* conformance window */
        uint64_t unit_x = s->chroma == 1 || s->chroma == 2 ? 2 : 1;
        uint64_t unit_y = s->chroma == 1 && !planes ? 2 : 1;
        x = jo_bits_ue(b) * unit_x;
        x += jo_bits_ue(b) * unit_x;
        y = jo_bits_ue(b) * unit_y;
        y += jo_bits_ue(b) * unit_y;
    }
    if (x < w && y < h && w - x <= UINT16_MAX && h - y <= UINT16_MAX) {
        s->width = (uint32_t)(w - x);
        s->height = (uint32_t)(h - y);
    }
}

/* 7.3.4 */
static void skip_scaling_lists(jo_bits *b)
{
    for (int size = 0; size < 4; size++) {
        for (int matrix = 0; matrix < 6 && !b->failed; matrix += size == 3 ? 3 : 1) {
            if (!jo_bits_read(b, 1)) {
                jo_bits_ue(b);
                continue;
            }
            int n = size == 0 ? 16 : 64;
            for (int i = size > 1 ? -1 : 0; i < n && !b->failed; i++) {
                jo_bits_se(b);
            }
        }
    }
}

/* 7.3.7; `before` and the result are NumDeltaPocs of the set before and of this one. */
static unsigned skip_ref_pic_set(jo_bits *b, unsigned index, unsigned before)
{
    unsigned n = 0;

    if (index > 0 && jo_bits_read(b, 1)) {
        jo_bits_read(b, 1);
        jo_bits_ue(b);
        for (unsigned i = 0; i <= before && !b->failed; i++) {
            n += jo_bits_read(b, 1) || jo_bits_read(b, 1) ? 1 : 0;
        }
        return n;
    }
    uint32_t negative = jo_bits_ue(b), positive = jo_bits_ue(b);
    if (negative > 16 || positive > 16) {
        b->failed = true;
        return 0;
    }
    for (n = 0; n < negative + positive; n++) {
        jo_bits_ue(b);
        jo_bits_read(b, 1);
    }
    return n;
}

static void skip_ref_pics(jo_bits *b, const sps *s)
{
    uint32_t sets = jo_bits_ue(b);
    unsigned n = 0;

    if (sets > 64) {
        b->failed = true;
    }
    for (uint32_t i = 0; i < sets && !b->failed; i++) {
        n = skip_ref_pic_set(b, i, n);
    }
    if (!b->failed && jo_bits_read(b, 1)) { /* long-term */
        uint32_t pics = jo_bits_ue(b);
        for (uint32_t i = 0; i < pics && i < 33 && !b->failed; i++) {
            jo_bits_read(b, s->poc_bits);
            jo_bits_read(b, 1);
        }
    }
}

/* What lies between the conformance window and the VUI. */
static void skip_tools(jo_bits *b, sps *s)
{
    s->luma_depth = jo_bits_ue(b);
    s->chroma_depth = jo_bits_ue(b);
    s->poc_bits = jo_bits_ue(b) + 4;
    if (s->poc_bits > 16) {
        b->failed = true;
        return;
    }
    for (unsigned i = jo_bits_read(b, 1) ? 0 : s->sub_layers; i <= s->sub_layers; i++) {
        jo_bits_ue(b);
        jo_bits_ue(b);
        jo_bits_ue(b);
    }
    for (int i = 0; i < 6; i++) {
        jo_bits_ue(b); /* block sizes and depths */
    }
    if (jo_bits_read(b, 1) && jo_bits_read(b, 1)) {
        skip_scaling_lists(b);
    }
    jo_bits_read(b, 2);
    if (jo_bits_read(b, 1)) { /* PCM */
        jo_bits_read(b, 8);
        jo_bits_ue(b);
        jo_bits_ue(b);
        jo_bits_read(b, 1);
    }
    skip_ref_pics(b, s);
    jo_bits_read(b, 2);
}

/* 7.3.2.2, of the base layer */
static bool parse_sps(const uint8_t *nal, size_t len, sps *s)
{
    uint8_t raw[4096]; /* scaling lists are the most of it */
    jo_bits b;

    memset(s, 0, sizeof(*s));
    if (len < 2) {
        return false;
    }
    size_t n = jo_nal_unescape(nal + 2, len - 2, raw, sizeof(raw));
    if (n < 1 + PROFILE_LEN) {
        return false;
    }
    s->sub_layers = raw[0] >> 1 & 7;
    s->nested = raw[0] & 1;
    memcpy(s->profile, raw + 1, PROFILE_LEN);
    jo_bits_init(&b, raw, n);
    b.pos = 8 * (1 + PROFILE_LEN);
    skip_sub_layers(&b, s->sub_layers);
    jo_bits_ue(&b);
    read_size(&b, s);
    if (b.failed || s->chroma > 3 || s->sub_layers > 6) {
        return false;
    }
    skip_tools(&b, s);
    if (jo_bits_read(&b, 1)) {
        jo_nal_vui(&b, &s->vui);
    }
    return s->luma_depth <= 8 && s->chroma_depth <= 8;
}

static void apply_sps(jo_track *t, const sps *s)
{
    if (s->width != 0) {
        t->width = (uint16_t)s->width;
        t->height = (uint16_t)s->height;
    }
    jo_nal_apply_vui(t, &s->vui);
}

/* -- configuration record: 14496-15 8.3.2.1 ------------------------------------------------------------- */

/* 64: a unit of another layer. */
static unsigned type_of(const uint8_t *nal, size_t len)
{
    return len >= 2 && !(nal[0] & 1) && nal[1] >> 3 == 0 ? nal[0] >> 1 & TYPE_MASK : 64;
}

static jo_nal_arrays arrays_of(const uint8_t *record, size_t len)
{
    jo_nal_arrays a;
    jo_reader r;

    jo_reader_init(&r, record, len);
    jo_read_skip(&r, ARRAYS);
    jo_nal_arrays_init(&a, r, TYPE_MASK, 0);
    return a;
}

/* A record with all its sets, and none elsewhere as far as it says: array_completeness, as hvc1 demands. */
static void keep_record(jo_ctx *cx, jo_track *t, const uint8_t *record, size_t len)
{
    uint8_t *copy = apr_pmemdup(cx->pool, record, len);
    jo_nal_arrays a = arrays_of(record, len);
    const uint8_t *nal;
    size_t nal_len;

    while (jo_nal_arrays_next(&a, &nal, &nal_len)) {
        if (a.type >= NAL_VPS && a.type <= NAL_PPS) {
            copy[ARRAYS + a.header_at] |= 0x80;
        }
    }
    t->config = copy;
    t->config_len = len;
}

/* Reads the parameter sets; false if the record is cut short. */
static bool read_record(jo_ctx *cx, jo_track *t, const uint8_t *record, size_t len)
{
    jo_nal_arrays a = arrays_of(record, len);
    bool seen[3] = {false, false, false}, sound = false;
    const uint8_t *nal;
    size_t nal_len;
    sps s;

    while (jo_nal_arrays_next(&a, &nal, &nal_len)) {
        unsigned type = type_of(nal, nal_len);
        if (type == NAL_SPS && !seen[1] && parse_sps(nal, nal_len, &s)) {
            apply_sps(t, &s);
            sound = true;
        }
        if (type >= NAL_VPS && type <= NAL_PPS) {
            seen[type - NAL_VPS] = true;
        }
    }
    if (a.r.failed) {
        return false;
    }
    if (seen[0] && seen[2] && sound) {
        keep_record(cx, t, record, (size_t)(a.r.at - record));
    }
    return true;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    jo_dovi d;
    jo_reader r;

    if (!jo_entry_read_video(t) || !jo_entry_child(t, HVCC, &r)) {
        return jo_entry_refuse(t, "sample entry without hvcC box");
    }
    if (jo_dovi_named(t) && !jo_dovi_read(t, &d)) {
        return jo_entry_refuse(t, "Dolby Vision sample entry without its configuration box");
    }
    size_t len = jo_reader_left(&r);
    if (len <= ARRAYS || !read_record(cx, t, r.at, len)) {
        return jo_entry_refuse(t, "hvcC box is cut short");
    }
    t->nal_length = (r.at[LENGTHS] & 3) + 1;
    t->in_band = t->fourcc == HEV1 || t->fourcc == DVHE;
    if (jo_dovi_named(t)) {
        t->formats &= ~(unsigned)JO_SMOOTH;
    }
    jo_dovi_describe(cx, t, "dvh1");
    return jo_entry_check_size(t);
}

static bool wants_probe(const jo_track *t)
{
    return t->config == NULL;
}

/* The fields before the arrays. */
static void write_head(const jo_track *t, const sps *s, jo_writer *w)
{
    jo_write_u8(w, 1);
    jo_write_bytes(w, s->profile, PROFILE_LEN);
    jo_write_u16(w, 0xf000); /* segmentation, parallelism, frame rate: unknown */
    jo_write_u8(w, 0xfc);
    jo_write_u8(w, 0xfc | s->chroma);
    jo_write_u8(w, 0xf8 | s->luma_depth);
    jo_write_u8(w, 0xf8 | s->chroma_depth);
    jo_write_u16(w, 0);
    jo_write_u8(w, (s->sub_layers + 1) << 3 | (unsigned)s->nested << 2 | (t->nal_length - 1u));
}

/* Makes the complete record from the sets that the sample carries. */
static void probe(jo_ctx *cx, jo_track *t)
{
    static const unsigned most[] = {16, 16, 64};
    jo_writer sets[3], w;
    unsigned n[3];
    sps s;

    for (unsigned i = 0; i < 3; i++) {
        jo_writer_init(&sets[i], cx->pool, 128);
        n[i] = jo_nal_collect(t, type_of, NAL_VPS + i, most[i], &sets[i]);
        if (n[i] == 0) {
            return;
        }
    }
    if (!parse_sps(sets[1].data + 2, (size_t)sets[1].data[0] << 8 | sets[1].data[1], &s) ||
        s.luma_depth > 7 || s.chroma_depth > 7) {
        return;
    }
    apply_sps(t, &s);
    jo_writer_init(&w, cx->pool, ARRAYS + 10 + sets[0].len + sets[1].len + sets[2].len);
    write_head(t, &s, &w);
    jo_write_u8(&w, 3);
    for (unsigned i = 0; i < 3; i++) {
        jo_write_u8(&w, 0x80 | (NAL_VPS + i));
        jo_write_u16(&w, n[i]);
        jo_write_bytes(&w, sets[i].data, sets[i].len);
    }
    t->config = w.data;
    t->config_len = w.len;
    jo_dovi_describe(cx, t, "dvh1");
}

/* -- output ---------------------------------------------------------------------------------------------- */

static const char *entry_name(const jo_track *t, jo_entry_style style)
{
    if (jo_dovi_named(t)) {
        return jo_nal_plain(t, style) ? "dvh1" : "dvhe";
    }
    return jo_nal_plain(t, style) ? "hvc1" : "hev1";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    /* the second layer's configuration, which eye it is for and what the camera saw: 14496-15 9.5, Apple's
     * "HEVC Stereo Video"; players of the base layer pass over them */
    static const uint32_t stereo[] = {JO_FOURCC('l', 'h', 'v', 'C'), JO_FOURCC('v', 'e', 'x', 'u'),
                                      JO_FOURCC('h', 'f', 'o', 'v'), 0};
    jo_reader r = jo_nal_record(t, style, HVCC);
    size_t at = jo_entry_open_video(w, t, entry_name(t, style));

    jo_entry_write_box(w, "hvcC", r.at, jo_reader_left(&r));
    jo_dovi_write(t, w);
    jo_entry_copy_boxes(w, t, stereo);
    jo_entry_close_video(w, t, at);
}

static uint32_t reversed(uint32_t v)
{
    uint32_t out = 0;

    for (int i = 0; i < 32; i++) {
        out = out << 1 | (v >> i & 1);
    }
    return out;
}

/* 14496-15 E.3 */
static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    static const char *const space[] = {"", "A", "B", "C"};
    const char *name = entry_name(t, style), *constraints = "";

    if (jo_dovi_named(t)) {
        return jo_dovi_rfc6381(pool, t, name);
    }
    const uint8_t *p = jo_nal_record(t, style, HVCC).at + PROFILE;
    if (t->config != NULL && ((p[0] & 31) == 0 || p[11] == 0)) {
        p = t->config + PROFILE; /* a record without sets may say nothing */
    }
    int n = 6;
    while (n > 0 && p[4 + n] == 0) {
        n--;
    }
    for (int i = 0; i < n; i++) {
        constraints = apr_psprintf(pool, "%s.%X", constraints, p[5 + i]);
    }
    return apr_psprintf(pool, "%s.%s%u.%X.%c%u%s", name, space[p[0] >> 6], p[0] & 31u,
                        reversed(jo_get_u32(p + 1)), p[0] & 0x20 ? 'H' : 'L', p[11], constraints);
}

/* MS-SSTR's amendment for HEVC; the VPS goes first all the same, as packagers and players have it. */
static bool smooth(jo_ctx *cx, const jo_track *t, jo_smooth *out)
{
    const uint8_t *nal;
    size_t len;
    jo_writer w;

    if (t->config == NULL) {
        return false;
    }
    jo_writer_init(&w, cx->pool, t->config_len);
    for (unsigned type = NAL_VPS; type <= NAL_PPS; type++) {
        jo_nal_arrays a = arrays_of(t->config, t->config_len);
        while (jo_nal_arrays_next(&a, &nal, &len)) {
            if (type_of(nal, len) == type) {
                jo_nal_write_annexb(&w, nal, len);
            }
        }
    }
    *out = (jo_smooth){.fourcc = "HVC1", .private_data = w.data, .private_len = w.len};
    return true;
}

const jo_codec jo_codec_hevc = {.name = "H.265",
                                .kind = JO_VIDEO,
                                .parse = parse,
                                .wants_probe = wants_probe,
                                .probe = probe,
                                .write_entry = write_entry,
                                .rfc6381 = rfc6381,
                                .smooth = smooth};
