#include "packed.h"

#include "../media/codec.h"

bool jo_packed_carries(const jo_track *t)
{
    return t->codec == &jo_codec_ac3 || t->codec == &jo_codec_eac3 ||
           t->codec == &jo_codec_mpeg_audio || (t->codec == &jo_codec_aac && jo_adts_carries(t));
}

bool jo_adts_carries(const jo_track *t)
{
    unsigned type = t->config_len >= 2 ? t->config[0] >> 3 : 0;
    return type >= 1 && type <= 4 && (t->config[1] >> 3 & 15) != 0;
}

void jo_adts_write(const jo_track *t, uint32_t size, uint8_t out[JO_ADTS_HEADER])
{
    unsigned rate = (t->config[0] & 7u) << 1 | t->config[1] >> 7, channels = t->config[1] >> 3 & 15;
    uint32_t all = size + JO_ADTS_HEADER;

    out[0] = 0xff;
    out[1] = 0xf1; /* MPEG-4, no CRC */
    out[2] = (uint8_t)((t->config[0] >> 3) - 1) << 6 | (uint8_t)(rate << 2 | channels >> 2);
    out[3] = (uint8_t)(channels << 6 | all >> 11);
    out[4] = (uint8_t)(all >> 3);
    out[5] = (uint8_t)(all << 5 | 0x1f);
    out[6] = 0xfc;
}
