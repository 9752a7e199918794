/* MPEG-H 3D Audio in MP4: 23008-3 clause 20 (mha1, mha2, mhm1, mhm2, mhaC) and 14 (MHAS). */
#include "audio.h"

#include <apr_strings.h>

enum { MHAC_HEAD = 5, PACKET_CONFIG = 1, MAX_PACKETS = 16 };

/* What a configuration tells: mhaC repeats it, MHAS samples hold it. */
typedef struct config {
    unsigned profile; /* mpegh3daProfileLevelIndication */
    uint32_t rate;    /* 0: reserved */
    unsigned layout;  /* CICP speaker layout, 0: none of them */
    unsigned speakers;
} config;

/* mpegh3daConfig up to the reference layout: 5.2.2.1, 5.2.2.2 (SpeakerConfig3d). */
static bool read_config(const uint8_t *data, size_t len, config *c)
{
    jo_bits b;

    jo_bits_init(&b, data, len);
    c->profile = jo_bits_read(&b, 8);
    c->rate = jo_audio_usac_rate(&b);
    jo_bits_read(&b, 3 + 1 + 1);
    unsigned type = jo_bits_read(&b, 2);
    c->layout = type == 0 ? jo_bits_read(&b, 6) : 0;
    uint32_t speakers =
        type == 0 ? jo_audio_cicp_channels(c->layout) : jo_audio_escaped(&b, 5, 8, 16) + 1;
    c->speakers = speakers <= UINT16_MAX ? speakers : 0;
    return !b.failed;
}

static void take(jo_ctx *cx, jo_track *t, const config *c)
{
    t->rfc6381 =
        apr_psprintf(cx->pool, "%s.0x%02X", jo_fourcc_text(cx->pool, t->fourcc), c->profile);
    t->sample_rate = c->rate ? c->rate : t->sample_rate;
    t->channels = c->speakers ? (uint16_t)c->speakers : t->channels;
    if (c->layout != 0) {
        t->channel_scheme = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
        t->channel_value = apr_psprintf(cx->pool, "%u", c->layout);
    }
}

static bool read_mhac(jo_ctx *cx, jo_track *t)
{
    config c;

    if (!jo_audio_find_config(t, JO_FOURCC('m', 'h', 'a', 'C'), MHAC_HEAD)) {
        return false;
    }
    size_t len = (size_t)t->config[3] << 8 | t->config[4];
    if (len > t->config_len - MHAC_HEAD || !read_config(t->config + MHAC_HEAD, len, &c)) {
        c = (config){.layout = t->config[2], .speakers = jo_audio_cicp_channels(t->config[2])};
    }
    c.profile = t->config[1];
    take(cx, t, &c);
    return true;
}

static bool is_mhas(const jo_track *t)
{
    return (t->fourcc >> 8 & 0xff) == 'm';
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    if (!jo_entry_read_audio(t)) {
        return jo_entry_refuse(t, "sample entry cut short");
    }
    if (!read_mhac(cx, t)) {
        if (!is_mhas(t)) {
            return jo_entry_refuse(t, "MPEG-H sample entry without a readable mhaC");
        }
        /* the configuration is in the samples; until the probe: Low Complexity profile, level 3 */
        t->config = NULL;
        take(cx, t, &(config){.profile = 0x0d});
    }
    /* where nothing says it: a rate beyond 16 bits is the time scale, as a rule; stereo */
    t->sample_rate = t->sample_rate ? t->sample_rate : t->timescale;
    t->channels = t->channels ? t->channels : 2;
    return APR_SUCCESS;
}

static bool wants_probe(const jo_track *t)
{
    return is_mhas(t) && t->config == NULL;
}

/* The configuration among the packets of an MHAS sample: 14.2.1. */
static void probe(jo_ctx *cx, jo_track *t)
{
    jo_bits b;
    config c;

    jo_bits_init(&b, t->probe, t->probe_len);
    for (int i = 0; i < MAX_PACKETS; i++) {
        uint32_t type = jo_audio_escaped(&b, 3, 8, 8);
        jo_audio_escaped(&b, 2, 8, 32);
        size_t len = jo_audio_escaped(&b, 11, 24, 24), at = b.pos / 8;
        if (b.failed || len > b.len - at) {
            return;
        }
        if (type == PACKET_CONFIG) {
            if (read_config(b.data + at, len, &c)) {
                take(cx, t, &c);
            }
            return;
        }
        b.pos += len * 8;
    }
}

static const char *group(const jo_track *t)
{
    return is_mhas(t) ? "mhm1" : "mha1";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    char type[4];

    (void)style;
    jo_put_u32((uint8_t *)type, t->fourcc);
    if (t->config != NULL) {
        jo_audio_write_entry(t, type, 16, "mhaC", w);
    } else {
        jo_entry_close(w, jo_entry_open_audio(w, t, type));
    }
}

const jo_codec jo_codec_mpegh = {.name = "MPEG-H",
                                 .kind = JO_AUDIO,
                                 .group = group,
                                 .parse = parse,
                                 .wants_probe = wants_probe,
                                 .probe = probe,
                                 .write_entry = write_entry,
                                 .rfc6381 = jo_audio_rfc6381};
