/* AC-4 in MP4: ETSI TS 103 190-2 annex E. */
#include "audio.h"

#include <apr_strings.h>

/* Channels of the speaker groups, TS 103 190-2 table A.27: L/R, C, Ls/Rs, Lb/Rb, Tfl/Tfr, Tbl/Tbr, LFE, Tl/Tr,
 * Tsl/Tsr, Tfc, Tbc, Tc, LFE2, Bfl/Bfr, Bfc, Cb, Lscr/Rscr, Lw/Rw, Vhl/Vhr. */
static const uint8_t widths[19] = {2, 1, 2, 2, 2, 2, 1, 2, 2, 1, 1, 1, 1, 2, 1, 1, 2, 2, 2};

#define OBJECT_BASED 0x800000 /* DASH's mask of what has no channels: G.3.2 */

typedef struct presentation {
    unsigned version, mdcompat;
    uint32_t mask; /* speaker groups; 0: not said */
} presentation;

/* ac4_presentation_v1_dsi up to its channel mask: E.10. False where it says nothing of the kind. */
static bool read_v1(jo_bits *b, presentation *p)
{
    if (jo_bits_read(b, 5) == 6) { /* presentation_config: EMDF only */
        return false;
    }
    p->mdcompat = jo_bits_read(b, 3);
    if (jo_bits_read(b, 1)) {
        jo_bits_read(b, 5);
    }
    jo_bits_read(b, 19); /* frame rate, EMDF version, key id */
    p->mask = OBJECT_BASED;
    if (jo_bits_read(b, 1)) {
        unsigned mode = jo_bits_read(b, 5);
        if (mode >= 11 && mode <= 14) {
            jo_bits_read(b, 3);
        }
        p->mask = jo_bits_read(b, 24);
    }
    return !b->failed;
}

/* The fields before the presentations: E.6. How many there are, b at the first. */
static unsigned read_head(jo_bits *b, unsigned *bitstream_version, uint32_t *rate)
{
    if (jo_bits_read(b, 3) != 1) {
        return 0;
    }
    *bitstream_version = jo_bits_read(b, 7);
    *rate = jo_bits_read(b, 1) ? 48000 : 44100;
    jo_bits_read(b, 4);
    unsigned n = jo_bits_read(b, 9);
    if (*bitstream_version > 1 && jo_bits_read(b, 1)) {
        jo_bits_read(b, 16);
        if (jo_bits_read(b, 1)) {
            for (int i = 0; i < 4; i++) {
                jo_bits_read(b, 32);
            }
        }
    }
    jo_bits_read(b, 2); /* ac4_bitrate_dsi */
    jo_bits_read(b, 32);
    jo_bits_read(b, 32);
    jo_bits_read(b, (unsigned)(8 - b->pos % 8) % 8);
    return b->failed ? 0 : n;
}

/* One presentation and its length, from the byte b is at; b moves past it. */
static bool read_presentation(jo_bits *b, presentation *p)
{
    jo_bits body;

    p->version = jo_bits_read(b, 8);
    size_t bytes = jo_bits_read(b, 8);
    if (bytes == 255) {
        bytes += jo_bits_read(b, 16);
    }
    size_t at = b->pos / 8;
    if (b->failed || bytes > b->len - at) {
        b->failed = true;
        return false;
    }
    b->pos += bytes * 8;
    jo_bits_init(&body, b->data + at, bytes);
    return (p->version == 1 || p->version == 2) && read_v1(&body, p);
}

/* The presentation that names the stream: of the lowest compatibility level, the first of equals (immersive stereo
 * comes before its double for old decoders). TS 103 190-2 E.13. */
static bool choose(jo_bits *b, unsigned n, presentation *best)
{
    bool found = false;

    for (unsigned i = 0; i < n && !b->failed; i++) {
        presentation p;
        if (read_presentation(b, &p) && (!found || p.mdcompat < best->mdcompat)) {
            *best = p;
            found = true;
        }
    }
    return found;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    jo_bits b;
    presentation p;
    unsigned version = 0;

    if (!jo_entry_read_audio(t) || !jo_audio_find_config(t, JO_FOURCC('d', 'a', 'c', '4'), 1)) {
        return jo_entry_refuse(t, "ac-4 sample entry without a dac4");
    }
    jo_bits_init(&b, t->config, t->config_len);
    unsigned n = read_head(&b, &version, &t->sample_rate);
    if (n == 0 || !choose(&b, n, &p)) {
        return jo_entry_refuse(t, "dac4 of an unknown version, damaged, or without presentation");
    }
    t->rfc6381 = apr_psprintf(cx->pool, "ac-4.%02x.%02x.%02x", version, p.version, p.mdcompat);
    unsigned channels = jo_audio_count(p.mask, widths, sizeof(widths));
    t->channels = channels ? (uint16_t)channels : t->channels;
    if (t->channels == 0) {
        return jo_entry_refuse(t, "no channels");
    }
    t->channel_scheme = "tag:dolby.com,2015:dash:audio_channel_configuration:2015";
    t->channel_value = apr_psprintf(cx->pool, "%06X", p.mask);
    return APR_SUCCESS;
}

static const char *group(const jo_track *t)
{
    (void)t;
    return "ac-4";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    (void)style;
    jo_audio_write_entry(t, "ac-4", 16, "dac4", w);
}

const jo_codec jo_codec_ac4 = {.name = "AC-4",
                               .kind = JO_AUDIO,
                               .group = group,
                               .parse = parse,
                               .write_entry = write_entry,
                               .rfc6381 = jo_audio_rfc6381};
