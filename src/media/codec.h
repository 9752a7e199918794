/* The codec table: what a sample entry means. One file per codec family. */
#ifndef JO_CODEC_H
#define JO_CODEC_H

#include "../base/bytes.h"
#include "track.h"

#define JO_FOURCC(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* How the sample entry of an output's init segment is written. */
typedef enum {
    JO_ENTRY_SOURCE, /* as the source signals it (avc3 stays avc3): DASH */
    JO_ENTRY_PLAIN   /* parameter sets in the entry (avc3 → avc1) where they are known: HLS */
} jo_entry_style;

/* What Smooth's QualityLevel says of a codec: MS-SSTR 2.2.2.5 */
typedef struct jo_smooth {
    const char *fourcc;          /* "H264", "HVC1", "AACL", "EC-3", "TTML" */
    const uint8_t *private_data; /* CodecPrivateData, in cx->pool */
    size_t private_len;
    unsigned audio_tag;   /* wFormatTag: 255 AAC, 65534 extensible */
    unsigned packet_size; /* nBlockAlign */
    uint32_t sample_rate; /* SamplingRate where it is not the track's; 0 */
} jo_smooth;

struct jo_codec {
    const char *name; /* "H.264", "AAC": for messages */
    jo_kind kind;
    bool plain_units; /* its samples need no key frames; parse may take it back from a track */
    /* Group word of HLS audio and text groups, e.g. "aacl"; NULL for video. */
    const char *(*group)(const jo_track *t);
    /* Reads t->entry; fills the codec part of t. Damage, or a variant that can't be packaged, sets t->codec = NULL
     * and t->why and succeeds: nobody may have asked for this track. */
    apr_status_t (*parse)(jo_ctx *cx, jo_track *t);
    /* True if the configuration record left something open that t->probe would tell. NULL: never. */
    bool (*wants_probe)(const jo_track *t);
    /* Reads t->probe (after parse). Never fails for damage: leaves t as it is. */
    void (*probe)(jo_ctx *cx, jo_track *t);
    /* Appends the sample entry box for an init segment, built from the facts in t (never a blind copy of
     * QuickTime variants): base fields, configuration, pasp, colr. */
    void (*write_entry)(const jo_track *t, jo_entry_style style, jo_writer *w);
    /* RFC 6381 value that goes with write_entry(style). */
    const char *(*rfc6381)(apr_pool_t *pool, const jo_track *t, jo_entry_style style);
    /* NULL: Smooth has no name for it. Called for tracks whose formats have JO_SMOOTH; false: this one can't be said. */
    bool (*smooth)(jo_ctx *cx, const jo_track *t, jo_smooth *out);
};

/* Which sample entries are known, as what, and which formats carry them: the codec table of docs/codecs.md. */
typedef struct jo_codec_row {
    uint32_t fourcc;
    const jo_codec *codec;
    unsigned formats; /* a codec's parse may take bits away from the track's */
} jo_codec_row;

/* Row i, or NULL past the last. */
const jo_codec_row *jo_codec_row_at(int i);

/* Finds the codec and parses; an unknown entry sets t->why ("codec 'hvc1' is not supported") and succeeds. */
apr_status_t jo_codec_parse(jo_ctx *cx, jo_track *t);
const char *jo_fourcc_text(apr_pool_t *pool,
                           uint32_t fourcc); /* "avc1"; unprintable bytes as \xNN */

/* HLS VIDEO-RANGE: "SDR", "PQ", "HLG"; NULL where neither colour nor Dolby Vision's record says it. */
const char *jo_codec_video_range(const jo_track *t);

extern const jo_codec jo_codec_avc;  /* codec_avc.c: avc1, avc3, dva1, dvav */
extern const jo_codec jo_codec_hevc; /* codec_hevc.c: hvc1, hev1, dvh1, dvhe */
extern const jo_codec jo_codec_vvc;
extern const jo_codec jo_codec_av1;
extern const jo_codec jo_codec_vp9; /* codec_vp9.c: vp08 too */
extern const jo_codec jo_codec_aac; /* codec_aac.c: mp4a, by object type also the next and DTS */
extern const jo_codec jo_codec_mpeg_audio;
extern const jo_codec jo_codec_ac3;
extern const jo_codec jo_codec_eac3; /* codec_ac3.c */
extern const jo_codec jo_codec_ac4;
extern const jo_codec jo_codec_dts;
extern const jo_codec jo_codec_opus;
extern const jo_codec jo_codec_flac;
extern const jo_codec jo_codec_alac;
extern const jo_codec jo_codec_mpegh;
extern const jo_codec jo_codec_stpp;
extern const jo_codec jo_codec_wvtt; /* codec_text.c */

#endif
