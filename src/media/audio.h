/* What the audio codecs share: the esds box, sample entries with one box, channel masks. */
#ifndef JO_AUDIO_H
#define JO_AUDIO_H

#include "codec.h"
#include "sample_entry.h"

/* Object type indications, 14496-1 7.2.6.6 and its registration authority (mp4ra.org). */
enum {
    JO_OTI_AAC = 0x40,
    JO_OTI_MPEG2_MAIN = 0x66,
    JO_OTI_MPEG2_LC = 0x67,
    JO_OTI_MPEG2_SSR = 0x68,
    JO_OTI_MPEG2_AUDIO = 0x69, /* 13818-3, layers I to III at half rates */
    JO_OTI_MPEG1_AUDIO = 0x6b, /* 11172-3 */
    JO_OTI_DTS_FIRST = 0xa9,   /* core, core + extensions, XLL, Express */
    JO_OTI_DTS_LAST = 0xac
};

/* What of an esds goes into ours: 14496-14 5.6, 14496-1 7.2.6. */
typedef struct jo_esds {
    uint8_t object_type;
    uint32_t max_bitrate, average_bitrate; /* bits/s, 0: not said */
    const uint8_t *config;                 /* DecoderSpecificInfo, NULL: none */
    size_t config_len;                     /* bytes, below 2^14 when written */
} jo_esds;

/* False if there is none that can be read. */
bool jo_audio_read_esds(const jo_track *t, jo_esds *out);
void jo_audio_write_esds(jo_writer *w, const jo_esds *e);

/* Hook of codecs whose name doesn't depend on the style: t->rfc6381. */
const char *jo_audio_rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style);

/* An audio sample entry of this type that holds the box of t->config; `bits` of a sample, 16 where they mean
 * nothing. */
void jo_audio_write_entry(const jo_track *t, const char type[4], unsigned bits, const char box[4],
                          jo_writer *w);

/* Finds the codec's own box in the entry as t->config. False if it is missing or shorter than `least` bytes. */
bool jo_audio_find_config(jo_track *t, uint32_t type, size_t least);

/* Channels of a mask of n bits whose lowest has widths[0] channels. */
unsigned jo_audio_count(uint32_t mask, const uint8_t *widths, size_t n);

/* Channels of a 23091-3 ChannelConfiguration (also that of USAC and MPEG-H), 0 if it doesn't say. */
unsigned jo_audio_cicp_channels(unsigned configuration);

/* Sampling rate by usacSamplingFrequencyIndex (23003-3 table 67) with its escape, 0 if reserved. The first 13 are
 * also those of 14496-3 table 1.18. */
uint32_t jo_audio_usac_rate(jo_bits *b);
/* escapedValue(): 23003-3 5.2. */
uint32_t jo_audio_escaped(jo_bits *b, unsigned n1, unsigned n2, unsigned n3);

#endif
