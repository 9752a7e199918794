/* AC-3 and E-AC-3 in MP4: ETSI TS 102 366 annex F; Dolby Atmos in E-AC-3: TS 103 420 8.3. */
#include "audio.h"

#include <apr_strings.h>
#include <string.h>

/* Locations as DASH's channel mask has them, TS 102 366 I.1.2.1 and E.1.3.1.8. */
enum {
    L = 0x8000,
    C = 0x4000,
    R = 0x2000,
    LS = 0x1000,
    RS = 0x0800,
    CS = 0x0100,
    LFE2 = 0x0002,
    LFE = 0x0001
};
/* From the mask's lowest bit: LFE, LFE2, Lts/Rts, Cvh, Lvh/Rvh, Lw/Rw, Lsd/Rsd, Ts, Cs, Lrs/Rrs, Lc/Rc, Rs, Ls, R,
 * C, L. */
static const uint8_t widths[16] = {1, 1, 2, 1, 2, 2, 2, 1, 1, 2, 2, 1, 1, 1, 1, 1};

static uint16_t coded_mask(unsigned acmod, unsigned lfe)
{
    static const uint16_t masks[] = {L | R,           C,
                                     L | R,           L | C | R,
                                     L | R | CS,      L | C | R | CS,
                                     L | R | LS | RS, L | C | R | LS | RS};

    return (uint16_t)(masks[acmod & 7] | (lfe ? LFE : 0));
}

/* chan_loc of dec3: bit 0 is Lc/Rc, which the mask has at bit 10, and so on down to Cvh; bit 8 is LFE2. */
static uint16_t dependent_mask(unsigned chan_loc)
{
    unsigned mask = chan_loc & 0x100 ? LFE2 : 0;

    for (int i = 0; i < 8; i++) {
        mask |= chan_loc >> i & 1 ? 0x400U >> i : 0;
    }
    return (uint16_t)mask;
}

static uint32_t rate_of(unsigned fscod, uint32_t otherwise)
{
    static const uint32_t rates[] = {48000, 44100, 32000, 0};

    return fscod < 3 ? rates[fscod] : otherwise; /* E-AC-3 at half rate: the entry knows */
}

static apr_status_t finish(jo_ctx *cx, jo_track *t, const char *rfc6381, unsigned fscod,
                           uint16_t mask)
{
    t->rfc6381 = rfc6381;
    t->sample_rate = rate_of(fscod, t->sample_rate);
    if (t->sample_rate == 0) {
        return jo_entry_refuse(t, "no sampling rate");
    }
    t->channels = (uint16_t)jo_audio_count(mask, widths, sizeof(widths));
    t->channel_scheme = "tag:dolby.com,2014:dash:audio_channel_configuration:2011";
    t->channel_value = apr_psprintf(cx->pool, "%04X", mask);
    return APR_SUCCESS;
}

/* AC3SpecificBox: F.4 */
static apr_status_t parse_ac3(jo_ctx *cx, jo_track *t)
{
    jo_bits b;

    if (!jo_entry_read_audio(t) || !jo_audio_find_config(t, JO_FOURCC('d', 'a', 'c', '3'), 3)) {
        return jo_entry_refuse(t, "ac-3 sample entry without a readable dac3");
    }
    jo_bits_init(&b, t->config, t->config_len);
    unsigned fscod = jo_bits_read(&b, 2);
    jo_bits_read(&b, 8);
    unsigned acmod = jo_bits_read(&b, 3), lfe = jo_bits_read(&b, 1);
    return finish(cx, t, "ac-3", fscod, coded_mask(acmod, lfe));
}

typedef struct dec3 {
    unsigned data_rate; /* kbit/s */
    unsigned fscod;
    uint16_t mask; /* of the first programme: independent substream 0 and those that depend on it */
    bool joc;
    unsigned complexity;
} dec3;

static void read_substream(jo_bits *b, dec3 *d, bool first)
{
    unsigned fscod = jo_bits_read(b, 2);

    jo_bits_read(b, 10); /* bsid, reserved, asvc, bsmod */
    unsigned acmod = jo_bits_read(b, 3), lfe = jo_bits_read(b, 1);
    jo_bits_read(b, 3);
    unsigned dependent = jo_bits_read(b, 4);
    unsigned chan_loc = jo_bits_read(b, dependent ? 9 : 1);
    if (first) {
        d->fscod = fscod;
        d->mask = (uint16_t)(coded_mask(acmod, lfe) | (dependent ? dependent_mask(chan_loc) : 0));
    }
}

/* EC3SpecificBox: F.6; what follows the substreams is the extension of TS 103 420. */
static bool read_dec3(const jo_track *t, dec3 *d)
{
    jo_bits b;

    memset(d, 0, sizeof(*d));
    jo_bits_init(&b, t->config, t->config_len);
    d->data_rate = jo_bits_read(&b, 13);
    unsigned independent = jo_bits_read(&b, 3) + 1;
    for (unsigned i = 0; i < independent; i++) {
        read_substream(&b, d, i == 0);
    }
    if (b.failed) {
        return false;
    }
    jo_bits_read(&b, 7);
    bool joc = jo_bits_read(&b, 1);
    d->complexity = jo_bits_read(&b, 8);
    d->joc = joc && !b.failed;
    return true;
}

static apr_status_t parse_eac3(jo_ctx *cx, jo_track *t)
{
    dec3 d;

    if (!jo_entry_read_audio(t) || !jo_audio_find_config(t, JO_FOURCC('d', 'e', 'c', '3'), 5) ||
        !read_dec3(t, &d)) {
        return jo_entry_refuse(t, "ec-3 sample entry without a readable dec3");
    }
    t->joc = d.joc;
    if (d.joc) {
        t->joc_complexity = d.complexity;
        t->hls_channels = apr_psprintf(cx->pool, "%u/JOC", d.complexity);
    }
    return finish(cx, t, "ec-3", d.fscod, d.mask);
}

static const char *group(const jo_track *t)
{
    return t->rfc6381;
}

static void write_ac3(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    (void)style;
    jo_audio_write_entry(t, "ac-3", 16, "dac3", w);
}

static void write_eac3(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    (void)style;
    jo_audio_write_entry(t, "ec-3", 16, "dec3", w);
}

/* -- Smooth -------------------------------------------------------------------------------------------- */

/* Microsoft's speaker positions (dwChannelMask of WAVEFORMATEXTENSIBLE) by bit of the mask above; Ts is its top
 * centre, the pairs beyond it have no place of their own. */
static uint32_t wave_mask(uint16_t mask)
{
    static const uint32_t positions[16] = {0x8,   0,     0,    0x2000, 0x5000, 0,   0,   0x800,
                                           0x100, 0x600, 0xc0, 0x20,   0x10,   0x2, 0x4, 0x1};
    uint32_t out = 0;

    for (int i = 0; i < 16; i++) {
        out |= mask >> i & 1 ? positions[i] : 0;
    }
    return out;
}

/* What follows cbSize in WAVEFORMATEXTENSIBLE, little-endian: samples per block, channel mask, the subtype of Dolby
 * Digital Plus (MFAudioFormat_Dolby_DDPlus), then the payload of dec3; as IIS's encoders and clients have it. */
static bool smooth(jo_ctx *cx, const jo_track *t, jo_smooth *out)
{
    static const uint8_t subtype[] = {0xaf, 0x87, 0xfb, 0xa7, 0x02, 0x2d, 0xfb, 0x42,
                                      0xa4, 0xd4, 0x05, 0xcd, 0x93, 0x84, 0x3b, 0xdd};
    enum { SAMPLES = 1536 };
    jo_writer w;
    dec3 d;

    read_dec3(t, &d);
    uint32_t mask = wave_mask(d.mask);
    jo_writer_init(&w, cx->pool, 22 + t->config_len);
    jo_write_u8(&w, SAMPLES & 0xff);
    jo_write_u8(&w, SAMPLES >> 8);
    for (int shift = 0; shift < 32; shift += 8) {
        jo_write_u8(&w, mask >> shift & 0xff);
    }
    jo_write_bytes(&w, subtype, sizeof(subtype));
    jo_write_bytes(&w, t->config, t->config_len);
    *out = (jo_smooth){.fourcc = "EC-3",
                       .private_data = w.data,
                       .private_len = w.len,
                       .audio_tag = 65534, /* WAVE_FORMAT_EXTENSIBLE */
                       .packet_size =
                           (unsigned)((uint64_t)d.data_rate * 1000 / 8 * SAMPLES / t->sample_rate)};
    return true;
}

const jo_codec jo_codec_ac3 = {.name = "AC-3",
                               .kind = JO_AUDIO,
                               .plain_units = true,
                               .group = group,
                               .parse = parse_ac3,
                               .write_entry = write_ac3,
                               .rfc6381 = jo_audio_rfc6381};

const jo_codec jo_codec_eac3 = {.name = "E-AC-3",
                                .kind = JO_AUDIO,
                                .plain_units = true,
                                .group = group,
                                .parse = parse_eac3,
                                .write_entry = write_eac3,
                                .rfc6381 = jo_audio_rfc6381,
                                .smooth = smooth};
