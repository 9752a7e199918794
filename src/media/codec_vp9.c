/* VP8 and VP9: "VP Codec ISO Media File Format Binding" 1.0. */
#include "codec.h"
#include "sample_entry.h"

#include <apr_strings.h>

#define VPCC JO_FOURCC('v', 'p', 'c', 'C')
#define VP08 JO_FOURCC('v', 'p', '0', '8')

/* vpcC without its version and flags. */
typedef struct vpcc {
    unsigned profile, level, depth, chroma;
    jo_colour colour;
} vpcc;

static bool read_record(const uint8_t *p, size_t len, vpcc *v)
{
    jo_reader r;

    jo_reader_init(&r, p, len);
    jo_read_skip(&r, 4);
    v->profile = jo_read_u8(&r);
    v->level = jo_read_u8(&r);
    unsigned packed = jo_read_u8(&r);
    v->depth = packed >> 4;
    v->chroma = packed >> 1 & 7;
    v->colour = (jo_colour){.full_range = packed & 1};
    v->colour.primaries = jo_read_u8(&r);
    v->colour.transfer = jo_read_u8(&r);
    v->colour.matrix = jo_read_u8(&r);
    v->colour.known = v->colour.primaries != 2 || v->colour.transfer != 2 || v->colour.matrix != 2;
    jo_read_skip(&r, jo_read_u16(&r));
    return !r.failed;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    jo_reader r;
    vpcc v;

    (void)cx;
    if (!jo_entry_read_video(t) || !jo_entry_child(t, VPCC, &r)) {
        return jo_entry_refuse(t, "sample entry without vpcC box");
    }
    size_t len = jo_reader_left(&r);
    if (len < 4 || !read_record(r.at, len, &v)) {
        return jo_entry_refuse(t, "vpcC box is cut short");
    }
    if (r.at[0] != 1) {
        return jo_entry_refuse(t, "vpcC box of an unknown version");
    }
    if (v.profile > 3 || (v.depth != 8 && v.depth != 10 && v.depth != 12) || v.chroma > 3) {
        return jo_entry_refuse(t, "vpcC box says an impossible profile, depth or chroma format");
    }
    t->config = r.at;
    t->config_len = len;
    jo_entry_apply_colour(t, &v.colour);
    return jo_entry_check_size(t);
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t at = jo_entry_open_video(w, t, t->fourcc == VP08 ? "vp08" : "vp09");

    (void)style;
    jo_entry_write_box(w, "vpcC", t->config, t->config_len);
    jo_entry_close_video(w, t, at);
}

/* The lowest level that allows the picture, for records that leave it open: VP9's table of levels. */
static unsigned level_of(const jo_track *t)
{
    static const struct {
        uint32_t size;
        unsigned level;
    } levels[] = {{36864, 10},  {73728, 11},  {122880, 20},  {245760, 21},
                  {552960, 30}, {983040, 31}, {2228224, 40}, {8912896, 50}};
    uint32_t size = (uint32_t)t->width * t->height;

    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (size <= levels[i].size) {
            return levels[i].level;
        }
    }
    return 60;
}

/* The optional part goes with what is not its default: 4:2:0 colocated with luma, BT.709, limited range. */
static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    vpcc v;

    (void)style;
    read_record(t->config, t->config_len, &v); /* as parse() did */
    const jo_colour *c = &v.colour;
    const char *base = apr_psprintf(pool, "%s.%02u.%02u.%02u", t->fourcc == VP08 ? "vp08" : "vp09",
                                    v.profile, v.level ? v.level : level_of(t), v.depth);
    if (v.chroma == 1 && c->primaries == 1 && c->transfer == 1 && c->matrix == 1 &&
        !c->full_range) {
        return base;
    }
    return apr_psprintf(pool, "%s.%02u.%02u.%02u.%02u.%02d", base, v.chroma, c->primaries,
                        c->transfer, c->matrix, c->full_range);
}

const jo_codec jo_codec_vp9 = {.name = "VP9",
                               .kind = JO_VIDEO,
                               .parse = parse,
                               .write_entry = write_entry,
                               .rfc6381 = rfc6381};
