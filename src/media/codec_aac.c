/* AAC in MP4: 14496-14 5.6 (esds), 14496-1 7.2.6 (descriptors), 14496-3 1.6.2 (AudioSpecificConfig). */
#include "codec.h"
#include "sample_entry.h"

#include <apr_strings.h>
#include <string.h>

#define TAG_ES             3
#define TAG_DECODER_CONFIG 4
#define TAG_SPECIFIC_INFO  5
#define AOT_LC             2
#define AOT_SBR            5
#define AOT_PS             29
#define OTI_AAC            0x40
/* MPEG-2 AAC LC: the same bits as MPEG-4's, and written as that, because players know no other name for it. */
#define OTI_MPEG2_LC   0x67
#define SYNC_EXTENSION 0x2b7
#define PS_EXTENSION   0x548
#define MAX_CONFIG     1024 /* bytes: real ones have 2 to some 40 */

/* What of an esds goes into ours. */
typedef struct esds {
    uint8_t object_type;
    uint32_t max_bitrate, average_bitrate;
    const uint8_t *config;
    size_t config_len;
} esds;

/* Size of a descriptor: up to four bytes of 7 bits. */
static bool next_descriptor(jo_reader *r, unsigned tag, jo_reader *body)
{
    while (jo_reader_left(r) > 1) {
        unsigned got = jo_read_u8(r);
        size_t size = 0;
        for (int i = 0; i < 4; i++) {
            uint8_t c = jo_read_u8(r);
            size = size << 7 | (c & 0x7f);
            if (!(c & 0x80)) {
                break;
            }
        }
        /* sizes that run over are common; what is there counts */
        size_t left = jo_reader_left(r);
        *body = jo_read_sub(r, size < left ? size : left);
        if (got == tag) {
            return !body->failed;
        }
    }
    return false;
}

static bool parse_esds(const jo_track *t, esds *out)
{
    jo_reader box, es, dc, info;

    memset(out, 0, sizeof(*out));
    if (!jo_entry_child(t, JO_FOURCC('e', 's', 'd', 's'), &box)) {
        return false;
    }
    jo_read_skip(&box, 4);
    if (!next_descriptor(&box, TAG_ES, &es)) {
        return false;
    }
    jo_read_skip(&es, 2);
    unsigned flags = jo_read_u8(&es);
    if (flags & 0x80) {
        jo_read_skip(&es, 2);
    }
    if (flags & 0x40) {
        jo_read_skip(&es, jo_read_u8(&es));
    }
    if (flags & 0x20) {
        jo_read_skip(&es, 2);
    }
    if (!next_descriptor(&es, TAG_DECODER_CONFIG, &dc)) {
        return false;
    }
    out->object_type = jo_read_u8(&dc);
    jo_read_skip(&dc, 4);
    out->max_bitrate = jo_read_u32(&dc);
    out->average_bitrate = jo_read_u32(&dc);
    if (dc.failed) {
        return false;
    }
    if (next_descriptor(&dc, TAG_SPECIFIC_INFO, &info)) {
        out->config = info.at;
        out->config_len = jo_reader_left(&info);
    }
    return true;
}

/* -- AudioSpecificConfig ---------------------------------------------------------------------------------- */

typedef struct asc {
    unsigned aot; /* of the core */
    bool sbr, ps;
    uint32_t rate; /* after SBR */
    unsigned channels;
} asc;

static unsigned read_aot(jo_bits *b)
{
    unsigned aot = jo_bits_read(b, 5);
    return aot == 31 ? 32 + jo_bits_read(b, 6) : aot;
}

static uint32_t read_rate(jo_bits *b)
{
    static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
    unsigned i = jo_bits_read(b, 4);
    return i == 15 ? jo_bits_read(b, 24) : i < 13 ? rates[i] : 0;
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
    jo_bits_read(b, 1);
    if (jo_bits_read(b, 1)) {
        jo_bits_read(b, 14);
    }
    jo_bits_read(b, 1);
    if (configuration == 0) {
        a->channels = read_pce(b);
        a->channels = b->failed ? 0 : a->channels;
        return; /* what follows a PCE is byte-aligned comment; SBR is then signalled up front */
    }
    if (a->sbr || bits - b->pos < 16 || jo_bits_read(b, 11) != SYNC_EXTENSION ||
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

static bool parse_asc(const uint8_t *data, size_t len, asc *a)
{
    static const uint8_t channels[] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8};
    jo_bits b;

    memset(a, 0, sizeof(*a));
    jo_bits_init(&b, data, len);
    a->aot = read_aot(&b);
    a->rate = read_rate(&b);
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
    if (a->aot == AOT_LC) {
        read_ga(&b, a, configuration, len * 8);
    }
    if (a->ps && a->channels == 1) {
        a->channels = 2;
    }
    return true;
}

/* -- the codec ----------------------------------------------------------------------------------------------- */

static void name(apr_pool_t *pool, jo_track *t, const asc *a)
{
    t->rfc6381 = apr_psprintf(pool, "mp4a.40.%d", a->ps ? AOT_PS : a->sbr ? AOT_SBR : AOT_LC);
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    esds e;
    asc a;

    if (t->entry_len < 36 || !parse_esds(t, &e)) {
        return jo_entry_refuse(t, "mp4a sample entry without a readable esds");
    }
    if (e.object_type != OTI_AAC && e.object_type != OTI_MPEG2_LC) {
        return jo_entry_refuse(
            t, apr_psprintf(cx->pool, "codec 'mp4a.%02x' is not supported", e.object_type));
    }
    if (e.config == NULL || e.config_len > MAX_CONFIG || !parse_asc(e.config, e.config_len, &a)) {
        return jo_entry_refuse(t, "AudioSpecificConfig missing or damaged");
    }
    if (a.aot != AOT_LC) {
        return jo_entry_refuse(
            t, apr_psprintf(cx->pool, "codec 'mp4a.40.%u' is not supported", a.aot));
    }
    t->config = e.config;
    t->config_len = e.config_len;
    t->sample_rate = a.rate ? a.rate : (uint32_t)(t->entry[32] << 8 | t->entry[33]);
    t->channels =
        (uint16_t)(a.channels ? a.channels : (unsigned)(t->entry[24] << 8 | t->entry[25]));
    if (t->sample_rate == 0 || t->channels == 0) {
        return jo_entry_refuse(t, "no sampling rate or no channels");
    }
    name(cx->pool, t, &a);
    return APR_SUCCESS;
}

static const char *group(const jo_track *t)
{
    return !strcmp(t->rfc6381, "mp4a.40.5") || !strcmp(t->rfc6381, "mp4a.40.29") ? "aach" : "aacl";
}

/* Tag and size in one byte, or in two beyond 127 (MAX_CONFIG keeps it below 2^14). */
static void write_descriptor(jo_writer *w, unsigned tag, size_t size)
{
    jo_write_u8(w, tag);
    if (size > 127) {
        jo_write_u8(w, 0x80 | (unsigned)(size >> 7));
    }
    jo_write_u8(w, (unsigned)(size & 127));
}

static size_t descriptor_size(size_t size)
{
    return size + (size > 127 ? 3 : 2);
}

static void write_esds(const jo_track *t, jo_writer *w)
{
    size_t at = w->len, info = descriptor_size(t->config_len);
    size_t config = descriptor_size(13 + info);
    esds e;

    parse_esds(t, &e);
    jo_write_u32(w, 0);
    jo_write_bytes(w, "esds", 4);
    jo_write_u32(w, 0);
    write_descriptor(w, TAG_ES, 3 + config + 3);
    jo_write_u16(w, 0); /* ES_ID: 14496-14 3.1.2 */
    jo_write_u8(w, 0);
    write_descriptor(w, TAG_DECODER_CONFIG, 13 + info);
    jo_write_u8(w, OTI_AAC);
    jo_write_u8(w, 0x15); /* audio stream */
    jo_write_u24(w, 0);
    jo_write_u32(w, e.max_bitrate);
    jo_write_u32(w, e.average_bitrate);
    write_descriptor(w, TAG_SPECIFIC_INFO, t->config_len);
    jo_write_bytes(w, t->config, t->config_len);
    write_descriptor(w, 6, 1); /* SLConfig: 2, as MP4 requires */
    jo_write_u8(w, 2);
    jo_write_patch_u32(w, at, (uint32_t)(w->len - at));
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t at = jo_entry_open_audio(w, t, "mp4a");

    (void)style;
    write_esds(t, w);
    jo_entry_close(w, at);
}

static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    (void)pool;
    (void)style;
    return t->rfc6381;
}

const jo_codec jo_codec_aac = {.name = "AAC",
                               .kind = JO_AUDIO,
                               .group = group,
                               .parse = parse,
                               .write_entry = write_entry,
                               .rfc6381 = rfc6381};
