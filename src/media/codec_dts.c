/* DTS in MP4: dtsc, dtsh, dtsl, dtse with ddts (ETSI TS 102 114 annex E), dtsx with udts (TS 103 491 annex B), and
 * mp4a with an object type of its own. */
#include "audio.h"

#include <apr_strings.h>

#define FOURCC_DTSX JO_FOURCC('d', 't', 's', 'x')
#define FOURCC_MP4A JO_FOURCC('m', 'p', '4', 'a')
#define CORE_SYNC   0x7ffe8001

/* ChannelLayout of ddts, TS 102 114 table E.5: C, L/R, Ls/Rs, LFE1, Cs, Lh/Rh, Lsr/Rsr, Ch, Oh, Lc/Rc, Lw/Rw,
 * Lss/Rss, LFE2, Lhs/Rhs, Chr, Lhr/Rhr. */
static const uint8_t widths[16] = {1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 2, 1, 2, 1, 2};

static apr_status_t finish(jo_ctx *cx, jo_track *t)
{
    if (t->sample_rate == 0 || t->channels == 0) {
        return jo_entry_refuse(t, "no sampling rate or no channels");
    }
    if (t->channel_scheme == NULL) {
        t->channel_scheme = "tag:dts.com,2014:dash:audio_channel_configuration:2012";
        t->channel_value = apr_psprintf(cx->pool, "%u", t->channels);
    }
    return APR_SUCCESS;
}

/* DTSSpecificBox: TS 102 114 E.2.2.3.1. False if it is cut short. */
static bool read_ddts(jo_track *t)
{
    jo_bits b;

    jo_bits_init(&b, t->config, t->config_len);
    uint32_t rate = jo_bits_read(&b, 32);
    jo_bits_read(&b, 32); /* bit rates, sample depth */
    jo_bits_read(&b, 32);
    jo_bits_read(&b, 8);
    jo_bits_read(&b, 2 + 5 + 1 + 6 + 14);
    bool downmix = jo_bits_read(&b, 1);
    jo_bits_read(&b, 3);
    uint32_t layout = jo_bits_read(&b, 16);
    if (b.failed) {
        return false;
    }
    unsigned channels = jo_audio_count(layout, widths, sizeof(widths));
    t->sample_rate = rate ? rate : t->sample_rate;
    t->channels = channels ? (uint16_t)channels : downmix && !t->channels ? 2 : t->channels;
    return true;
}

/* udts: TS 103 491 B.2 */
static bool read_udts(jo_ctx *cx, jo_track *t)
{
    jo_bits b;

    jo_bits_init(&b, t->config, t->config_len);
    jo_bits_read(&b, 6 + 2 + 3 + 5);
    uint32_t mask = jo_bits_read(&b, 32);
    uint32_t base = jo_bits_read(&b, 1) ? 48000 : 44100;
    unsigned modifier = jo_bits_read(&b, 2);
    if (b.failed) {
        return false;
    }
    unsigned channels = 0;
    for (int i = 0; i < 32; i++) {
        channels += mask >> i & 1; /* one bit, one speaker */
    }
    t->sample_rate = base << modifier;
    t->channels = channels ? (uint16_t)channels : t->channels;
    if (mask != 0) {
        t->channel_scheme = "tag:dts.com,2018:uhd:audio_channel_configuration";
        t->channel_value = apr_psprintf(cx->pool, "%08X", mask);
    }
    return true;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    jo_esds e;

    if (!jo_entry_read_audio(t)) {
        return jo_entry_refuse(t, "sample entry cut short");
    }
    t->rfc6381 = jo_fourcc_text(cx->pool, t->fourcc);
    if (t->fourcc == FOURCC_MP4A) {
        jo_audio_read_esds(t, &e);
        t->rfc6381 = apr_psprintf(cx->pool, "mp4a.%02x", e.object_type);
    } else if (t->fourcc == FOURCC_DTSX) {
        if (!jo_audio_find_config(t, JO_FOURCC('u', 'd', 't', 's'), 1) || !read_udts(cx, t)) {
            return jo_entry_refuse(t, "dtsx sample entry without a readable udts");
        }
    } else if (!jo_audio_find_config(t, JO_FOURCC('d', 'd', 't', 's'), 1) || !read_ddts(t)) {
        return jo_entry_refuse(t, "DTS sample entry without a readable ddts");
    }
    return finish(cx, t);
}

/* mp4a has no ddts, and its entry says stereo as often as not: 14496-14 5.6. */
static bool wants_probe(const jo_track *t)
{
    return t->fourcc == FOURCC_MP4A;
}

/* Header of a core frame: TS 102 114 5.3.1. DTS Express and lossless without a core leave the entry's word. */
static void probe(jo_ctx *cx, jo_track *t)
{
    static const uint16_t rates[16] = {0,     8000,  16000, 32000, 0,     0,     11025,
                                       22050, 44100, 0,     0,     12000, 24000, 48000};
    static const uint8_t channels[16] = {1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8};
    jo_bits b;

    jo_bits_init(&b, t->probe, t->probe_len);
    uint32_t sync = jo_bits_read(&b, 32);
    jo_bits_read(&b, 1 + 5 + 1 + 7 + 14);
    unsigned amode = jo_bits_read(&b, 6), rate = rates[jo_bits_read(&b, 4)];
    jo_bits_read(&b, 5 + 5 + 3 + 2);
    unsigned lfe = jo_bits_read(&b, 2);
    if (b.failed || sync != CORE_SYNC || amode >= sizeof(channels) || rate == 0) {
        return;
    }
    t->sample_rate = rate;
    t->channels = (uint16_t)(channels[amode] + (lfe == 1 || lfe == 2));
    t->channel_value = apr_psprintf(cx->pool, "%u", t->channels);
}

static const char *group(const jo_track *t)
{
    static const char *const words[] = {"dtsc", "dtsh", "dtsl", "dtse"}; /* 0xa9..0xac */
    jo_esds e;

    if (t->fourcc != FOURCC_MP4A || !jo_audio_read_esds(t, &e)) {
        return t->rfc6381;
    }
    return words[(e.object_type - JO_OTI_DTS_FIRST) & 3];
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t at;
    jo_esds e;

    (void)style;
    if (t->fourcc == FOURCC_MP4A) {
        at = jo_entry_open_audio(w, t, "mp4a");
        jo_audio_read_esds(t, &e);
        e.config_len = 0;
        jo_audio_write_esds(w, &e);
        jo_entry_close(w, at);
        return;
    }
    jo_audio_write_entry(t, t->rfc6381, 16, t->fourcc == FOURCC_DTSX ? "udts" : "ddts", w);
}

const jo_codec jo_codec_dts = {.name = "DTS",
                               .kind = JO_AUDIO,
                               .group = group,
                               .parse = parse,
                               .wants_probe = wants_probe,
                               .probe = probe,
                               .write_entry = write_entry,
                               .rfc6381 = jo_audio_rfc6381};
