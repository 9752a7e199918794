/* AV1: "AV1 Codec ISO Media File Format Binding" 1.2, AV1 bitstream 5.3, 5.5. Also as Dolby Vision's dav1. */
#include "codec.h"
#include "dovi.h"
#include "sample_entry.h"

#include <apr_strings.h>
#include <string.h>

#define AV1C                JO_FOURCC('a', 'v', '1', 'C')
#define OBU_SEQUENCE_HEADER 1
#define RECORD_HEAD         4 /* bytes of av1C before its OBUs */
#define UNSPECIFIED         2 /* code point of 23091-2 */

typedef struct sequence {
    unsigned profile, level, tier;
    bool reduced; /* reduced_still_picture_header */
    uint32_t width, height;
    bool high_depth, twelve_bit, mono;
    unsigned sub_x, sub_y, position;
    jo_colour colour; /* known: color_description_present_flag */
} sequence;

/* -- sequence header OBU: 5.5.1 ------------------------------------------------------------------------ */

/* Lengths that the operating points need; 0: no decoder model. */
static unsigned read_timing(jo_bits *b)
{
    unsigned delay = 0;

    if (!jo_bits_read(b, 1)) {
        return 0;
    }
    jo_bits_read(b, 32);
    jo_bits_read(b, 32);
    if (jo_bits_read(b, 1)) {
        jo_bits_ue(b); /* uvlc() is the same code */
    }
    if (jo_bits_read(b, 1)) {
        delay = jo_bits_read(b, 5) + 1;
        jo_bits_read(b, 32);
        jo_bits_read(b, 10);
    }
    return delay;
}

static void read_points(jo_bits *b, sequence *s)
{
    unsigned delay = read_timing(b);
    bool display = jo_bits_read(b, 1);
    unsigned n = jo_bits_read(b, 5) + 1;

    for (unsigned i = 0; i < n; i++) {
        jo_bits_read(b, 12);
        unsigned level = jo_bits_read(b, 5);
        unsigned tier = level > 7 ? jo_bits_read(b, 1) : 0;
        if (i == 0) {
            s->level = level;
            s->tier = tier;
        }
        if (delay > 0 && jo_bits_read(b, 1)) {
            jo_bits_read(b, delay);
            jo_bits_read(b, delay);
            jo_bits_read(b, 1);
        }
        if (display && jo_bits_read(b, 1)) {
            jo_bits_read(b, 4);
        }
    }
}

static void read_size(jo_bits *b, sequence *s)
{
    unsigned w = jo_bits_read(b, 4) + 1, h = jo_bits_read(b, 4) + 1;

    s->width = jo_bits_read(b, w) + 1;
    s->height = jo_bits_read(b, h) + 1;
}

static void skip_tools(jo_bits *b, bool reduced)
{
    if (!reduced && jo_bits_read(b, 1)) { /* frame ids */
        jo_bits_read(b, 7);
    }
    jo_bits_read(b, 3);
    if (!reduced) {
        jo_bits_read(b, 4);
        bool order = jo_bits_read(b, 1);
        jo_bits_read(b, order ? 2 : 0);
        unsigned screen = jo_bits_read(b, 1) ? 2 : jo_bits_read(b, 1);
        if (screen > 0 && !jo_bits_read(b, 1)) {
            jo_bits_read(b, 1);
        }
        jo_bits_read(b, order ? 3 : 0);
    }
    jo_bits_read(b, 3);
}

static void read_subsampling(jo_bits *b, sequence *s)
{
    if (s->profile == 0) {
        s->sub_x = s->sub_y = 1;
    } else if (s->profile == 2 && s->twelve_bit) {
        s->sub_x = jo_bits_read(b, 1);
        s->sub_y = s->sub_x ? jo_bits_read(b, 1) : 0;
    } else if (s->profile == 2) {
        s->sub_x = 1;
    }
    if (s->sub_x && s->sub_y) {
        s->position = jo_bits_read(b, 2);
    }
}

/* 5.5.2 */
static void read_colour(jo_bits *b, sequence *s)
{
    jo_colour *c = &s->colour;

    s->high_depth = jo_bits_read(b, 1);
    s->twelve_bit = s->profile == 2 && s->high_depth && jo_bits_read(b, 1);
    s->mono = s->profile != 1 && jo_bits_read(b, 1);
    c->known = jo_bits_read(b, 1);
    c->primaries = c->transfer = c->matrix = UNSPECIFIED;
    if (c->known) {
        c->primaries = (uint8_t)jo_bits_read(b, 8);
        c->transfer = (uint8_t)jo_bits_read(b, 8);
        c->matrix = (uint8_t)jo_bits_read(b, 8);
    }
    if (s->mono) {
        c->full_range = jo_bits_read(b, 1);
        s->sub_x = s->sub_y = 1;
    } else if (c->primaries == 1 && c->transfer == 13 && c->matrix == 0) {
        c->full_range = true; /* sRGB */
    } else {
        c->full_range = jo_bits_read(b, 1);
        read_subsampling(b, s);
    }
}

static bool parse_sequence(const uint8_t *data, size_t len, sequence *s)
{
    jo_bits b;

    memset(s, 0, sizeof(*s));
    jo_bits_init(&b, data, len);
    s->profile = jo_bits_read(&b, 3);
    jo_bits_read(&b, 1);
    s->reduced = jo_bits_read(&b, 1);
    if (s->reduced) {
        s->level = jo_bits_read(&b, 5);
    } else {
        read_points(&b, s);
    }
    read_size(&b, s);
    skip_tools(&b, s->reduced);
    read_colour(&b, s);
    return !b.failed && s->profile <= 2;
}

/* -- OBUs: 5.3 --------------------------------------------------------------------------------------- */

static size_t read_leb128(jo_reader *r)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t c = jo_read_u8(r);
        v |= (uint64_t)(c & 0x7f) << 7 * i;
        if (!(c & 0x80)) {
            return v <= UINT32_MAX ? (size_t)v : SIZE_MAX;
        }
    }
    r->failed = true;
    return 0;
}

/* The first sequence header; *body its payload. */
static bool find_sequence(const uint8_t *data, size_t len, jo_reader *body)
{
    jo_reader r;

    jo_reader_init(&r, data, len);
    while (jo_reader_left(&r) > 0) {
        unsigned head = jo_read_u8(&r);
        if (head & 0x84) { /* forbidden bit, extension */
            r.failed = r.failed || head & 0x80;
            jo_read_skip(&r, 1);
        }
        size_t size = head & 2 ? read_leb128(&r) : jo_reader_left(&r);
        *body = jo_read_sub(&r, size);
        if (body->failed) {
            return false;
        }
        if ((head >> 3 & 15) == OBU_SEQUENCE_HEADER) {
            return true;
        }
    }
    return false;
}

static bool read_sequence(const uint8_t *obus, size_t len, sequence *s)
{
    jo_reader body;

    return find_sequence(obus, len, &body) && parse_sequence(body.at, jo_reader_left(&body), s);
}

/* -- configuration record ---------------------------------------------------------------------------- */

static const char *plain_name(const jo_track *t)
{
    return jo_dovi_named(t) ? "dav1" : "av01";
}

static void apply_sequence(jo_ctx *cx, jo_track *t, const sequence *s)
{
    if (t->width == 0 || t->height == 0) {
        t->width = (uint16_t)(s->width <= UINT16_MAX ? s->width : 0);
        t->height = (uint16_t)(s->height <= UINT16_MAX ? s->height : 0);
    }
    jo_entry_apply_colour(t, &s->colour);
    jo_dovi_describe(cx, t, "dav1");
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    sequence s;
    jo_dovi d;
    jo_reader r;

    if (!jo_entry_read_video(t) || !jo_entry_child(t, AV1C, &r)) {
        return jo_entry_refuse(t, "sample entry without av1C box");
    }
    if (jo_dovi_named(t) && !jo_dovi_read(t, &d)) {
        return jo_entry_refuse(t, "Dolby Vision sample entry without its configuration box");
    }
    size_t len = jo_reader_left(&r);
    if (len < RECORD_HEAD) {
        return jo_entry_refuse(t, "av1C box is cut short");
    }
    if (r.at[0] != 0x81) { /* marker and version */
        return jo_entry_refuse(t, "av1C box of an unknown version");
    }
    if (r.at[1] >> 5 > 2) {
        return jo_entry_refuse(t, "av1C box says an unknown profile");
    }
    jo_dovi_describe(cx, t, "dav1");
    if (read_sequence(r.at + RECORD_HEAD, len - RECORD_HEAD, &s)) {
        t->config = r.at;
        t->config_len = len;
        apply_sequence(cx, t, &s);
    }
    return jo_entry_check_size(t);
}

static bool wants_probe(const jo_track *t)
{
    return t->config == NULL;
}

/* The record with the sample's sequence header. */
static void probe(jo_ctx *cx, jo_track *t)
{
    jo_reader box, body;
    jo_writer w;
    sequence s;

    if (!find_sequence(t->probe, t->probe_len, &body) ||
        !parse_sequence(body.at, jo_reader_left(&body), &s) || !jo_entry_child(t, AV1C, &box)) {
        return;
    }
    size_t len = jo_reader_left(&body);
    jo_writer_init(&w, cx->pool, RECORD_HEAD + len + 6);
    jo_write_bytes(&w, box.at, RECORD_HEAD);
    jo_write_u8(&w, OBU_SEQUENCE_HEADER << 3 | 2);
    size_t left = len;
    for (; left > 0x7f; left >>= 7) {
        jo_write_u8(&w, 0x80 | (left & 0x7f));
    }
    jo_write_u8(&w, (unsigned)left);
    jo_write_bytes(&w, body.at, len);
    t->config = w.data;
    t->config_len = w.len;
    apply_sequence(cx, t, &s);
}

/* -- output ---------------------------------------------------------------------------------------------- */

static const uint8_t *record(const jo_track *t, size_t *len)
{
    jo_reader r;

    if (t->config != NULL) {
        *len = t->config_len;
        return t->config;
    }
    jo_entry_child(t, AV1C, &r); /* parse() made sure of it */
    *len = jo_reader_left(&r);
    return r.at;
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t len;
    const uint8_t *rec = record(t, &len);
    size_t at = jo_entry_open_video(w, t, plain_name(t));

    (void)style;
    jo_entry_write_box(w, "av1C", rec, len);
    jo_dovi_write(t, w);
    jo_entry_close_video(w, t, at);
}

/* What the record itself says, for want of a sequence header. */
static void read_head(const uint8_t *p, sequence *s)
{
    *s = (sequence){.profile = p[1] >> 5,
                    .level = p[1] & 31,
                    .tier = p[2] >> 7,
                    .high_depth = p[2] >> 6 & 1,
                    .twelve_bit = p[2] >> 5 & 1,
                    .mono = p[2] >> 4 & 1,
                    .sub_x = p[2] >> 3 & 1,
                    .sub_y = p[2] >> 2 & 1,
                    .position = p[2] & 3};
}

/* The binding, section 5. A colour that is not described is the default's. */
static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    size_t len;
    const uint8_t *rec = record(t, &len);
    sequence s;

    (void)style;
    if (jo_dovi_named(t)) {
        return jo_dovi_rfc6381(pool, t, plain_name(t));
    }
    if (!read_sequence(rec + RECORD_HEAD, len - RECORD_HEAD, &s)) {
        read_head(rec, &s);
    }
    unsigned depth = s.twelve_bit ? 12 : s.high_depth ? 10 : 8;
    unsigned position = s.sub_x && s.sub_y ? s.position : 0;
    jo_colour c = s.colour;
    if (!c.known) {
        c.primaries = c.transfer = c.matrix = 1;
    }
    const char *base =
        apr_psprintf(pool, "av01.%u.%02u%c.%02u", s.profile, s.level, s.tier ? 'H' : 'M', depth);
    if (!s.mono && s.sub_x && s.sub_y && position == 0 && c.primaries == 1 && c.transfer == 1 &&
        c.matrix == 1 && !c.full_range) {
        return base;
    }
    return apr_psprintf(pool, "%s.%d.%u%u%u.%02u.%02u.%02u.%d", base, s.mono, s.sub_x, s.sub_y,
                        position, c.primaries, c.transfer, c.matrix, c.full_range);
}

const jo_codec jo_codec_av1 = {.name = "AV1",
                               .kind = JO_VIDEO,
                               .parse = parse,
                               .wants_probe = wants_probe,
                               .probe = probe,
                               .write_entry = write_entry,
                               .rfc6381 = rfc6381};
