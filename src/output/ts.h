/* MPEG-2 transport streams: packets, PES, tables (ISO/IEC 13818-1).
 *
 * Sizes come before bytes: how many packets a unit makes follows from the numbers in jo_ts_unit alone, without its
 * samples, because Content-Length, bandwidths and continuity counters hang on it. A segment begins with one PAT and one
 * PMT, whose counters are the segment's number mod 16; every other PID counts on from segment to segment, without
 * stuffing: the caller says how many of its packets came before (jo_ts_counter).
 *
 * Nothing here allocates or fails halfway: the caller gives a buffer for all packets, and what was counted is written,
 * whatever the samples hold. */
#ifndef JO_TS_H
#define JO_TS_H

#include "../media/codec.h"

#define JO_TS_PACKET  188
#define JO_TS_TABLES  (2 * JO_TS_PACKET) /* bytes of PAT and PMT */
#define JO_TS_STREAMS 8                  /* at most, in one program */

enum {
    JO_TS_PMT_PID = 0x1000,
    JO_TS_FIRST_PID = 0x100, /* of elementary streams: this and the next ones, video first */
    JO_TS_HZ = 90000,
    JO_TS_PCR_APART = 9000, /* at most 100 ms: 13818-1 2.7.2 */
    /* A unit's DTS less its PCR: 200 ms. Its bytes lie before the next PCR, at most 100 ms on, so they are all there
     * (T-STD, 13818-1 2.4.2) with as much left for the sound that is muxed behind the picture. That waits as long, a PES
     * packet at a time: at 128 kbit/s 4 to 5 KB, more than the 3584 of AAC's buffer; longer would be more. */
    JO_TS_DELAY = 18000,
    JO_TS_FILL_MAX = 32,       /* stuffing bytes of a PES header: 13818-1 2.4.3.7 */
    JO_TS_PES_MAX = 65535 - 13 /* bytes of size + fill of a unit that isn't video */
};

/* Table 2-34 and, for AC-3 and E-AC-3, ATSC A/52 annexes A and G. */
typedef enum {
    JO_TS_MPEG1_AUDIO = 0x03,
    JO_TS_MPEG2_AUDIO = 0x04, /* 13818-3: half rates */
    JO_TS_AAC = 0x0f,         /* ADTS */
    JO_TS_ID3 = 0x15,         /* Timed Metadata for HTTP Live Streaming (Apple) */
    JO_TS_AVC = 0x1b,
    JO_TS_HEVC = 0x24,
    JO_TS_AC3 = 0x81,
    JO_TS_EAC3 = 0x87
} jo_ts_type;

typedef struct jo_ts_stream {
    jo_ts_type type;
    uint16_t pid;
    char lang[4];    /* ISO 639-2, three letters; "": not said */
    uint8_t counter; /* of its next packet with payload; the writer counts on */
} jo_ts_stream;

/* One PES packet. A random access unit is one with `random`: sync samples, the first sound of a stream without video. */
typedef struct jo_ts_unit {
    uint64_t size; /* bytes of elementary stream */
    uint8_t fill;  /* stuffing bytes in the PES header, which count like size; ≤ JO_TS_FILL_MAX */
    bool random;
    bool has_pcr;      /* all units of the PCR's PID */
    uint64_t pts, dts; /* 90 kHz, used mod 2^33; DTS is written where the two differ */
} jo_ts_unit;

/* -- sizes ------------------------------------------------------------------------------------------------ */

/* Packets of 188 bytes. Of the times it matters alone whether they differ. */
uint32_t jo_ts_pes_packets(const jo_ts_unit *u);

/* The first continuity counter of a PID after this many packets of it; those of jo_ts_write_pcr don't count. */
uint8_t jo_ts_counter(uint64_t packets_before);

/* Packets with a PCR alone that belong between two units whose DTS are this far apart. */
uint64_t jo_ts_pcr_between(uint64_t ticks);

/* How many of the next n audio frames go into one PES packet, ≥ 1: at most 2930 bytes, which is 16 packets, and `most`
 * frames, fewer where that fills its packets better. `extra` bytes go before each frame (ADTS). */
uint32_t jo_ts_group(const uint32_t *sizes, uint32_t n, uint32_t extra, uint32_t most);

/* -- bytes ------------------------------------------------------------------------------------------------ */

typedef struct jo_ts_writer {
    uint8_t *at;
    uint8_t *end;
    bool
        failed; /* a buffer too small, a unit too long, too many streams: our own bug; nothing was written of it */
    jo_ts_stream *stream; /* of the unit that is open */
    uint32_t room;        /* bytes left in this packet */
    uint64_t left;        /* bytes of the unit to come */
} jo_ts_writer;

void jo_ts_writer_init(jo_ts_writer *w, uint8_t *buffer, size_t size);

/* PAT and PMT of program 1, one packet each. pcr_pid: of the video, else of the first stream. At most one stream of
 * JO_TS_ID3. */
void jo_ts_write_tables(jo_ts_writer *w, const jo_ts_stream *streams, int n, uint16_t pcr_pid,
                        int64_t segment);

/* A unit: open, u->size bytes in any number of pieces, close. Bytes beyond u->size are dropped, missing ones are zero
 * (in Annex B: trailing_zero_8bits). */
void jo_ts_open(jo_ts_writer *w, jo_ts_stream *s, const jo_ts_unit *u);
void jo_ts_add(jo_ts_writer *w, const void *data, size_t len);
void jo_ts_close(jo_ts_writer *w);

/* A packet with a PCR alone, for the time at which a unit of this DTS would begin. */
void jo_ts_write_pcr(jo_ts_writer *w, const jo_ts_stream *s, uint64_t dts);

/* -- pictures: ts_video.c --------------------------------------------------------------------------------- */

/* How samples of AVC and HEVC become Annex B: an access unit delimiter, before random access units the parameter sets,
 * the sample's NAL units with start codes of four bytes. */
typedef struct jo_ts_video {
    bool hevc;
    uint8_t nal_length;  /* bytes of the length fields, 1 to 4 */
    const uint8_t *sets; /* Annex B; NULL: in the samples */
    size_t sets_len;
} jo_ts_video;

/* For a track of AVC or HEVC; sets, in cx->pool, where they are not in the samples. */
void jo_ts_video_init(jo_ctx *cx, const jo_track *t, jo_ts_video *v);

/* Bytes of the unit that a sample of this size makes. Where length fields are shorter than start codes it has room for as
 * many units as there may be in reason, and zeros in what they leave of it. */
uint64_t jo_ts_video_size(const jo_ts_video *v, uint64_t sample, bool random);

/* The whole unit, of the size that the above gave. A delimiter in the sample is kept, and the room for ours becomes
 * stuffing. False if the sample's NAL units don't add up, or are more than there is room for; the size is kept then
 * too. */
bool jo_ts_write_video(jo_ts_writer *w, jo_ts_stream *s, const jo_ts_video *v, const jo_ts_unit *u,
                       const uint8_t *sample, size_t len);

#endif
