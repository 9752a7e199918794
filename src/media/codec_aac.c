/* AAC in MP4: 14496-3 1.6.2 (AudioSpecificConfig), 23003-3 (USAC, that is xHE-AAC). mp4a also holds others by
 * their object type: parse() hands those on. */
#include "codec_aac.h"

#include "audio.h"

#include <apr_strings.h>
#include <string.h>

/* Audio object types: 14496-3 table 1.17 */
enum {
    AOT_MAIN = 1,
    AOT_LC = 2,
    AOT_LTP = 4,
    AOT_SBR = 5,
    AOT_LD = 23,
    AOT_PS = 29,
    AOT_ELD = 39,
    AOT_USAC = 42
};
#define SYNC_EXTENSION 0x2b7
#define PS_EXTENSION   0x548
#define MAX_CONFIG     1024 /* bytes: real ones have 2 to some 40 */

/* -- AudioSpecificConfig ---------------------------------------------------------------------------------- */

typedef struct asc {
    unsigned aot; /* of the core */
    bool sbr, ps;
    uint32_t rate;      /* after SBR */
    uint32_t core_rate; /* before */
    unsigned channels;
    bool short_frames;      /* of 960 samples, not 1024 */
    bool layered;           /* decoded on top of another coder's stream */
    unsigned configuration; /* channelConfiguration: 23091-3; 0: the stream's own */
} asc;

static unsigned read_aot(jo_bits *b)
{
    unsigned aot = jo_bits_read(b, 5);
    return aot == 31 ? 32 + jo_bits_read(b, 6) : aot;
}

/* 14496-3 table 1.18 */
static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                 22050, 16000, 12000, 11025, 8000,  7350};
enum { RATES = sizeof(rates) / sizeof(*rates), ESCAPE = 15 };

static uint32_t read_rate(jo_bits *b)
{
    unsigned i = jo_bits_read(b, 4);
    return i == ESCAPE ? jo_bits_read(b, 24) : i < RATES ? rates[i] : 0;
}

/* program_config_element's channel count: 14496-3 4.4.1.1 */
static unsigned read_pce(jo_bits *b)
{
    unsigned counts[3], channels = 0;

    jo_bits_read(b, 10);
    for (int i = 0; i < 3; i++) {
        counts[i] = jo_bits_read(b, 4); /* front, side, back */
    }
    unsigned lfe = jo_bits_read(b, 2);
    jo_bits_read(b, 7); /* data elements, coupling channels */
    for (int i = 0; i < 2; i++) {
        if (jo_bits_read(b, 1)) {
            jo_bits_read(b, 4); /* mono, stereo mixdown */
        }
    }
    if (jo_bits_read(b, 1)) {
        jo_bits_read(b, 3); /* matrix mixdown */
    }
    for (int i = 0; i < 3; i++) {
        for (unsigned k = 0; k < counts[i]; k++) {
            channels += 1 + jo_bits_read(b, 1);
            jo_bits_read(b, 4);
        }
    }
    return channels + lfe;
}

/* GASpecificConfig, then a backward compatible extension if one follows. */
static void read_ga(jo_bits *b, asc *a, unsigned configuration, size_t bits)
{
    a->short_frames = jo_bits_read(b, 1);
    a->layered = jo_bits_read(b, 1);
    if (a->layered) {
        jo_bits_read(b, 14);
    }
    jo_bits_read(b, 1);
    if (configuration == 0) {
        a->channels = read_pce(b);
        a->channels = b->failed ? 0 : a->channels;
        return; /* what follows a PCE is byte-aligned comment; SBR is then signalled up front */
    }
    if (a->sbr || a->aot == AOT_LD || bits - b->pos < 16 || jo_bits_read(b, 11) != SYNC_EXTENSION ||
        read_aot(b) != AOT_SBR || !jo_bits_read(b, 1)) {
        return;
    }
    uint32_t rate = read_rate(b);
    if (b->failed) {
        return;
    }
    a->sbr = true;
    a->rate = rate ? rate : a->rate;
    if (bits - b->pos >= 12 && jo_bits_read(b, 11) == PS_EXTENSION) {
        a->ps = jo_bits_read(b, 1) && !b->failed;
    }
}

/* ELDSpecificConfig, 14496-3 4.6.20: dual-rate SBR doubles the rate. */
static void read_eld(jo_bits *b, asc *a)
{
    jo_bits_read(b, 4);
    if (jo_bits_read(b, 1) && jo_bits_read(b, 1) && !b->failed && a->rate <= UINT32_MAX / 2) {
        a->rate *= 2;
    }
}

/* UsacConfig, 23003-3 5.2: rate and channels of the output, whatever the tools. */
static bool read_usac(jo_bits *b, asc *a)
{
    uint32_t rate = jo_audio_usac_rate(b);

    jo_bits_read(b, 3);
    unsigned configuration = jo_bits_read(b, 5);
    a->rate = rate ? rate : a->rate;
    a->configuration = configuration;
    a->channels =
        configuration ? jo_audio_cicp_channels(configuration) : jo_audio_escaped(b, 5, 8, 16);
    return !b->failed;
}

static bool parse_asc(const uint8_t *data, size_t len, asc *a)
{
    static const uint8_t channels[] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8};
    jo_bits b;

    memset(a, 0, sizeof(*a));
    jo_bits_init(&b, data, len);
    a->aot = read_aot(&b);
    a->rate = a->core_rate = read_rate(&b);
    unsigned configuration = jo_bits_read(&b, 4);
    if (a->aot == AOT_SBR || a->aot == AOT_PS) {
        a->sbr = true;
        a->ps = a->aot == AOT_PS;
        a->rate = read_rate(&b);
        a->aot = read_aot(&b);
    }
    if (b.failed) {
        return false;
    }
    a->channels = configuration < sizeof(channels) ? channels[configuration] : 0;
    a->configuration = configuration;
    if ((a->aot >= AOT_MAIN && a->aot <= AOT_LTP) || a->aot == AOT_LD) {
        read_ga(&b, a, configuration, len * 8);
    } else if (a->aot == AOT_ELD) {
        read_eld(&b, a);
    } else if (a->aot == AOT_USAC) {
        return read_usac(&b, a);
    }
    if (a->ps && a->channels == 1) {
        a->channels = 2;
    }
    return true;
}

bool jo_aac_read_core(const jo_track *t, jo_aac_core *out)
{
    asc a;

    if (t->codec != &jo_codec_aac || !parse_asc(t->config, t->config_len, &a)) {
        return false;
    }
    *out = (jo_aac_core){.object_type = a.aot,
                         .configuration = a.configuration,
                         .short_frames = a.short_frames,
                         .layered = a.layered};
    while (out->frequency < RATES && rates[out->frequency] != a.core_rate) {
        out->frequency++;
    }
    return out->frequency < RATES;
}

/* -- the codec ----------------------------------------------------------------------------------------------- */

static bool is_supported(const asc *a)
{
    bool general = a->aot >= AOT_MAIN && a->aot <= AOT_LTP;

    return a->aot == AOT_LC ||
           (!a->sbr && (general || a->aot == AOT_LD || a->aot == AOT_ELD || a->aot == AOT_USAC));
}

/* Smooth has names for LC and HE only: MS-SSTR 2.2.2.5. */
static void name(apr_pool_t *pool, jo_track *t, const asc *a)
{
    t->rfc6381 = apr_psprintf(pool, "mp4a.40.%u",
                              a->ps    ? (unsigned)AOT_PS
                              : a->sbr ? (unsigned)AOT_SBR
                                       : a->aot);
    if (a->aot != AOT_LC) {
        t->formats &= ~(unsigned)JO_SMOOTH;
    }
    t->plain_units = a->aot != AOT_USAC; /* which has key frames: 23003-3 */
}

/* Up to 6 the configuration is the count. Beyond, several layouts have one count: 7.1 of the cinema (7) and of the living
 * room (12), 5.1.2 (14). */
static void set_layout(apr_pool_t *pool, jo_track *t, const asc *a)
{
    if (a->configuration > 6 && a->channels > 0) {
        t->channel_scheme = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
        t->channel_value = apr_psprintf(pool, "%u", a->configuration);
    }
}

static apr_status_t parse_aac(jo_ctx *cx, jo_track *t, const jo_esds *e)
{
    asc a;

    if (e->config == NULL || e->config_len > MAX_CONFIG ||
        !parse_asc(e->config, e->config_len, &a)) {
        return jo_entry_refuse(t, "AudioSpecificConfig missing or damaged");
    }
    if (!is_supported(&a)) {
        return jo_entry_refuse(
            t, apr_psprintf(cx->pool, "codec 'mp4a.40.%u' is not supported", a.aot));
    }
    t->config = e->config;
    t->config_len = e->config_len;
    t->sample_rate = a.rate ? a.rate : t->sample_rate;
    t->channels = a.channels && a.channels <= UINT16_MAX ? (uint16_t)a.channels : t->channels;
    if (t->sample_rate == 0 || t->channels == 0) {
        return jo_entry_refuse(t, "no sampling rate or no channels");
    }
    name(cx->pool, t, &a);
    set_layout(cx->pool, t, &a);
    return APR_SUCCESS;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    jo_esds e;

    if (!jo_entry_read_audio(t) || !jo_audio_read_esds(t, &e)) {
        return jo_entry_refuse(t, "mp4a sample entry without a readable esds");
    }
    unsigned oti = e.object_type;
    if (oti == JO_OTI_AAC || (oti >= JO_OTI_MPEG2_MAIN && oti <= JO_OTI_MPEG2_SSR)) {
        return parse_aac(cx, t, &e);
    }
    if (oti == JO_OTI_MPEG1_AUDIO || oti == JO_OTI_MPEG2_AUDIO) {
        t->codec = &jo_codec_mpeg_audio;
    } else if (oti >= JO_OTI_DTS_FIRST && oti <= JO_OTI_DTS_LAST) {
        t->codec = &jo_codec_dts;
    } else {
        return jo_entry_refuse(t,
                               apr_psprintf(cx->pool, "codec 'mp4a.%02x' is not supported", oti));
    }
    t->formats &= JO_HLS | JO_DASH;
    t->plain_units = t->codec->plain_units;
    return t->codec->parse(cx, t);
}

static const char *group(const jo_track *t)
{
    static const struct {
        const char *rfc6381, *word;
    } words[] = {{"mp4a.40.2", "aacl"}, {"mp4a.40.5", "aach"},   {"mp4a.40.29", "aach"},
                 {"mp4a.40.42", "xhe"}, {"mp4a.40.23", "aacld"}, {"mp4a.40.39", "aaceld"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!strcmp(t->rfc6381, words[i].rfc6381)) {
            return words[i].word;
        }
    }
    return "aac";
}

/* MPEG-2 AAC holds the same bits as MPEG-4's, and is written as that: players know no other name for it. */
static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t at = jo_entry_open_audio(w, t, "mp4a");
    jo_esds e;

    (void)style;
    jo_audio_read_esds(t, &e);
    e.object_type = JO_OTI_AAC;
    e.config = t->config;
    e.config_len = t->config_len;
    jo_audio_write_esds(w, &e);
    jo_entry_close(w, at);
}

/* As IIS and its encoders write it: wFormatTag 255 (raw AAC), block of 4 bytes. The name and the rate are those that the
 * configuration begins with: where SBR is only appended to it, clients without a word for HE-AAC (GStreamer) or with
 * a wrong one (shaka-player 4) play it as AACL, and dash.js and shaka-player take the rate for the core's. */
static bool smooth(jo_ctx *cx, const jo_track *t, jo_smooth *out)
{
    jo_bits b;

    (void)cx;
    jo_bits_init(&b, t->config, t->config_len);
    unsigned aot = read_aot(&b);
    *out = (jo_smooth){.fourcc = aot == AOT_SBR || aot == AOT_PS ? "AACH" : "AACL",
                       .private_data = t->config,
                       .private_len = t->config_len,
                       .audio_tag = 255,
                       .packet_size = 4,
                       .sample_rate = read_rate(&b)};
    return true;
}

const jo_codec jo_codec_aac = {.name = "AAC",
                               .kind = JO_AUDIO,
                               .plain_units = true,
                               .group = group,
                               .parse = parse,
                               .write_entry = write_entry,
                               .rfc6381 = jo_audio_rfc6381,
                               .smooth = smooth};
