/* H.266: 14496-15 11. */
#include "../base/text.h"
#include "codec.h"
#include "nal.h"
#include "sample_entry.h"

#include <apr_strings.h>
#include <string.h>

#define VVCC JO_FOURCC('v', 'v', 'c', 'C')
#define VVI1 JO_FOURCC('v', 'v', 'i', '1')

enum { NAL_OPI = 12, NAL_DCI = 13, NAL_SPS = 15, NAL_PPS = 16, TYPE_MASK = 31 };

/* VvcDecoderConfigurationRecord up to its arrays: 11.2.4.2 */
typedef struct vvcc {
    uint8_t nal_length;
    bool ptl; /* false: none of what follows, but the arrays */
    unsigned ols, sub_layers;
    unsigned profile, tier, level;
    const uint8_t
        *constraints; /* two flags of the profile_tier_level, then general_constraint_info */
    size_t constraints_len;
    const uint8_t *sub_profiles; /* 4 bytes each */
    unsigned nsub_profiles;
    uint16_t width, height; /* of the largest picture, not cropped */
    jo_reader arrays;
} vvcc;

/* VvcPTLRecord */
static void read_ptl(jo_reader *r, vvcc *v)
{
    v->constraints_len = jo_read_u8(r) & 63;
    unsigned packed = jo_read_u8(r);
    v->profile = packed >> 1;
    v->tier = packed & 1;
    v->level = jo_read_u8(r);
    /* the two flags take a byte even where nothing follows them */
    v->constraints_len = v->constraints_len > 0 ? v->constraints_len : 1;
    v->constraints = jo_read_bytes(r, v->constraints_len);
    if (v->sub_layers > 1) {
        for (unsigned present = jo_read_u8(r); present & 0xff; present <<= 1) {
            jo_read_skip(r, present >> 7 & 1); /* a level for each flag that is set */
        }
    }
    v->nsub_profiles = jo_read_u8(r);
    v->sub_profiles = jo_read_bytes(r, 4 * (size_t)v->nsub_profiles);
}

static bool read_record(jo_reader r, vvcc *v)
{
    memset(v, 0, sizeof(*v));
    jo_read_skip(&r, 4); /* version, flags */
    unsigned head = jo_read_u8(&r);
    v->nal_length = (head >> 1 & 3) + 1;
    v->ptl = head & 1;
    if (v->ptl) {
        unsigned packed = jo_read_u16(&r);
        v->ols = packed >> 7;
        v->sub_layers = packed >> 4 & 7;
        jo_read_skip(&r, 1);
        read_ptl(&r, v);
        v->width = jo_read_u16(&r);
        v->height = jo_read_u16(&r);
        jo_read_skip(&r, 2);
    }
    v->arrays = r;
    return !r.failed;
}

static jo_nal_arrays arrays_of(const vvcc *v)
{
    jo_nal_arrays a;

    jo_nal_arrays_init(&a, v->arrays, TYPE_MASK, 1u << NAL_OPI | 1u << NAL_DCI);
    return a;
}

static bool is_set(unsigned type)
{
    return type >= NAL_DCI && type <= NAL_PPS;
}

/* A record with its sets, complete as vvc1 demands; false if it is cut short. */
static bool keep_record(jo_ctx *cx, jo_track *t, const uint8_t *record, const vvcc *v)
{
    jo_nal_arrays a = arrays_of(v), again = a;
    bool sps = false, pps = false;
    const uint8_t *nal;
    size_t len;

    while (jo_nal_arrays_next(&a, &nal, &len)) {
        sps = sps || (a.type == NAL_SPS && len > 2);
        pps = pps || (a.type == NAL_PPS && len > 2);
    }
    if (a.r.failed) {
        return false;
    }
    if (sps && pps) {
        t->config_len = (size_t)(a.r.at - record);
        uint8_t *copy = apr_pmemdup(cx->pool, record, t->config_len);
        while (jo_nal_arrays_next(&again, &nal, &len)) {
            if (is_set(again.type)) {
                copy[(size_t)(again.base - record) + again.header_at] |= 0x80;
            }
        }
        t->config = copy;
    }
    return true;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    jo_reader r;
    vvcc v;

    if (!jo_entry_read_video(t) || !jo_entry_child(t, VVCC, &r)) {
        return jo_entry_refuse(t, "sample entry without vvcC box");
    }
    if (!read_record(r, &v) || !keep_record(cx, t, r.at, &v)) {
        return jo_entry_refuse(t, "vvcC box is cut short");
    }
    if (!v.ptl) {
        return jo_entry_refuse(t, "vvcC box without profile and level");
    }
    t->nal_length = v.nal_length;
    t->in_band = t->fourcc == VVI1;
    if (t->width == 0 || t->height == 0) {
        t->width = v.width;
        t->height = v.height;
    }
    return jo_entry_check_size(t);
}

/* -- output ---------------------------------------------------------------------------------------------- */

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    jo_reader r = jo_nal_record(t, style, VVCC);
    size_t at = jo_entry_open_video(w, t, jo_nal_plain(t, style) ? "vvc1" : "vvi1");

    jo_entry_write_box(w, "vvcC", r.at, jo_reader_left(&r));
    jo_entry_close_video(w, t, at);
}

/* RFC 4648 6, without the padding, as 14496-15 E.6 wants it. */
static void add_base32(jo_text *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    for (size_t bit = 0; bit < len * 8; bit += 5) {
        unsigned pair = (unsigned)data[bit / 8] << 8;
        pair |= bit / 8 + 1 < len ? data[bit / 8 + 1] : 0;
        jo_text_add_n(out, &digits[pair >> (11 - bit % 8) & 31], 1);
    }
}

/* 14496-15 E.6: profile, tier and level, then constraints, sub-profiles and the operating point they are of. */
static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    jo_text out;
    vvcc v;

    read_record(jo_nal_record(t, style, VVCC), &v); /* as parse() did */
    jo_text_init(&out, pool, 64);
    jo_text_addf(&out, "%s.%u.%c%u.C", jo_nal_plain(t, style) ? "vvc1" : "vvi1", v.profile,
                 v.tier ? 'H' : 'L', v.level);
    add_base32(&out, v.constraints, v.constraints_len);
    for (unsigned i = 0; i < v.nsub_profiles; i++) {
        jo_text_add(&out, i == 0 ? ".S" : "+");
        add_base32(&out, v.sub_profiles + 4 * (size_t)i, 4);
    }
    if (v.ols != 0 && v.sub_layers > 0) {
        jo_text_addf(&out, ".O%u+%u", v.ols, v.sub_layers - 1);
    }
    return out.s;
}

const jo_codec jo_codec_vvc = {.name = "H.266",
                               .kind = JO_VIDEO,
                               .parse = parse,
                               .write_entry = write_entry,
                               .rfc6381 = rfc6381};
