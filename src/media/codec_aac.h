/* What ADTS says of AAC: the coder beneath SBR and PS. */
#ifndef JO_CODEC_AAC_H
#define JO_CODEC_AAC_H

#include "codec.h"

typedef struct jo_aac_core {
    unsigned object_type;   /* 14496-3 table 1.17: never SBR or PS */
    unsigned frequency;     /* samplingFrequencyIndex of its rate, below 13 */
    unsigned configuration; /* channelConfiguration; 0: the stream's own */
    bool short_frames;      /* of 960 samples, not 1024 */
    bool layered;           /* decoded on top of another coder's stream: dependsOnCoreCoder */
} jo_aac_core;

/* From t->config, as jo_codec_aac left it. False if it isn't AAC, or of a rate that the table doesn't have. */
bool jo_aac_read_core(const jo_track *t, jo_aac_core *out);

#endif
