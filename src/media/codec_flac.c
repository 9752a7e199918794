/* FLAC in MP4: xiph.org "Encapsulation of FLAC in ISO Base Media File Format" 3.3.1, 3.3.2; STREAMINFO: RFC 9639
 * 8.2. */
#include "audio.h"

enum { STREAMINFO = 0, STREAMINFO_SIZE = 34, BLOCKS_AT = 4, HEADER = 4 };

typedef struct streaminfo {
    uint32_t rate;
    unsigned channels, bits;
} streaminfo;

static bool read_streaminfo(const jo_track *t, streaminfo *s)
{
    jo_bits b;

    jo_bits_init(&b, t->config, t->config_len);
    if (jo_bits_read(&b, 32) != 0) { /* version and flags */
        return false;
    }
    jo_bits_read(&b, 1);
    if (jo_bits_read(&b, 7) != STREAMINFO || jo_bits_read(&b, 24) != STREAMINFO_SIZE) {
        return false;
    }
    jo_bits_read(&b, 32); /* block and frame sizes */
    jo_bits_read(&b, 24);
    jo_bits_read(&b, 24);
    s->rate = jo_bits_read(&b, 20);
    s->channels = jo_bits_read(&b, 3) + 1;
    s->bits = jo_bits_read(&b, 5) + 1;
    return !b.failed && s->rate != 0;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    streaminfo s;

    (void)cx;
    if (!jo_entry_read_audio(t) ||
        !jo_audio_find_config(t, JO_FOURCC('d', 'f', 'L', 'a'),
                              BLOCKS_AT + HEADER + STREAMINFO_SIZE) ||
        !read_streaminfo(t, &s)) {
        return jo_entry_refuse(t, "fLaC sample entry without a readable dfLa");
    }
    t->sample_rate = s.rate;
    t->channels = (uint16_t)s.channels;
    return APR_SUCCESS;
}

static const char *group(const jo_track *t)
{
    (void)t;
    return "flac";
}

/* The entry's 16 bits hold the greatest regular division of a rate beyond them, 65535 if there is none: 3.3.1. */
static uint32_t entry_rate(uint32_t rate)
{
    for (uint32_t n = 1; n <= 16; n++) {
        if (rate % n == 0 && rate / n <= UINT16_MAX) {
            return rate / n;
        }
    }
    return UINT16_MAX;
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t at = w->len;
    streaminfo s;

    (void)style;
    read_streaminfo(t, &s);
    jo_audio_write_entry(t, "fLaC", s.bits, "dfLa", w);
    jo_write_patch_u32(w, at + 32, entry_rate(t->sample_rate) << 16);
}

/* HLS: the entry's own name, as Apple's authoring specification has it. DASH: "flac", which every browser's MSE
 * knows and the other packagers write. */
static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    (void)pool;
    (void)t;
    return style == JO_ENTRY_PLAIN ? "fLaC" : "flac";
}

const jo_codec jo_codec_flac = {.name = "FLAC",
                                .kind = JO_AUDIO,
                                .plain_units = true,
                                .group = group,
                                .parse = parse,
                                .write_entry = write_entry,
                                .rfc6381 = rfc6381};
