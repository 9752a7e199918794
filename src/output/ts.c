/* Packets and PES: ISO/IEC 13818-1 2.4.3. */
#include "ts.h"

#include <string.h>

#define PAYLOAD    184  /* bytes of a packet behind its header */
#define GROUP_SIZE 2930 /* 16 packets less a PES header with PTS */
#define PES_HEAD   9

enum { STREAM_ID_PRIVATE = 0xbd, STREAM_ID_AUDIO = 0xc0, STREAM_ID_VIDEO = 0xe0 };

/* -- sizes ------------------------------------------------------------------------------------------------ */

/* Bytes of the adaptation field that the first packet of a unit needs. */
static uint32_t field_size(const jo_ts_unit *u)
{
    return u->has_pcr ? 8 : u->random ? 2 : 0;
}

static uint32_t header_size(const jo_ts_unit *u)
{
    return PES_HEAD + (u->pts != u->dts ? 10u : 5u) + u->fill;
}

uint32_t jo_ts_pes_packets(const jo_ts_unit *u)
{
    return (uint32_t)((field_size(u) + header_size(u) + u->size + PAYLOAD - 1) / PAYLOAD);
}

uint8_t jo_ts_counter(uint64_t packets_before)
{
    return packets_before & 15;
}

uint64_t jo_ts_pcr_between(uint64_t ticks)
{
    return ticks ? (ticks - 1) / JO_TS_PCR_APART : 0;
}

uint32_t jo_ts_group(const uint32_t *sizes, uint32_t n, uint32_t extra, uint32_t most)
{
    jo_ts_unit u = {.size = 0};
    uint64_t best_size = 0, best_packets = 1;
    uint32_t best = 1;

    for (uint32_t i = 0; i < n && (i < most || i == 0); i++) {
        u.size += (uint64_t)sizes[i] + extra;
        if (i > 0 && u.size > GROUP_SIZE) {
            break;
        }
        uint64_t packets = jo_ts_pes_packets(&u);
        if (u.size * best_packets >= best_size * packets) {
            best = i + 1;
            best_size = u.size;
            best_packets = packets;
        }
    }
    return best;
}

/* -- packets ---------------------------------------------------------------------------------------------- */

void jo_ts_writer_init(jo_ts_writer *w, uint8_t *buffer, size_t size)
{
    *w = (jo_ts_writer){.at = buffer, .end = buffer + size};
}

/* Header of a packet of this PID with the flags' bits in place: 2.4.3.2 */
static uint32_t packet_header(unsigned pid, bool starts, bool field, bool payload, unsigned counter)
{
    return 0x47000000u | (starts ? 0x400000u : 0) | pid << 8 | (field ? 0x20u : 0) |
           (payload ? 0x10u : 0) | (counter & 15);
}

static void put_pcr(uint8_t *p, uint64_t dts)
{
    uint64_t base = (dts - JO_TS_DELAY) & 0x1ffffffff;

    jo_put_u32(p, (uint32_t)(base >> 1));
    p[4] = (uint8_t)((base & 1) << 7 | 0x7e); /* extension 0 */
    p[5] = 0;
}

/* An adaptation field of n bytes, n > 0, stuffed: 2.4.3.4 */
static void put_field(uint8_t *p, uint32_t n, const jo_ts_unit *u)
{
    memset(p, 0xff, n);
    p[0] = (uint8_t)(n - 1);
    if (n > 1) {
        p[1] = (uint8_t)((u->random ? 0x40 : 0) | (u->has_pcr ? 0x10 : 0));
    }
    if (u->has_pcr) {
        put_pcr(p + 2, u->dts);
    }
}

/* Begins a packet that carries the next of w->left bytes, behind a field of at least `field` bytes. */
static void begin_packet(jo_ts_writer *w, const jo_ts_unit *u, bool starts, uint32_t field)
{
    uint32_t room = PAYLOAD - field;

    if (w->left < room) {
        field += room - (uint32_t)w->left;
        room = (uint32_t)w->left;
    }
    jo_put_u32(w->at, packet_header(w->stream->pid, starts, field > 0, true, w->stream->counter));
    if (field > 0) {
        put_field(w->at + 4, field, u);
    }
    w->stream->counter = (w->stream->counter + 1) & 15;
    w->at += 4 + field;
    w->room = room;
}

static void next_packet(jo_ts_writer *w)
{
    static const jo_ts_unit plain = {0};

    begin_packet(w, &plain, false, 0);
}

static void took(jo_ts_writer *w, uint32_t n)
{
    w->at += n;
    w->room -= n;
    w->left -= n;
}

/* What is written may overlap what is read behind it, so it goes forward, each piece read before it is written. */
static inline void copy_payload(uint8_t *to, const uint8_t *from)
{
    enum { PIECE = 16, PIECES = PAYLOAD / PIECE, REST = PAYLOAD % PIECE };
    uint8_t piece[PIECE];

#pragma GCC unroll 12
    for (size_t i = 0; i < PIECES; i++) {
        memcpy(piece, from + i * PIECE, PIECE);
        memcpy(to + i * PIECE, piece, PIECE);
    }
    memcpy(piece, from + PAYLOAD - REST, REST);
    memcpy(to + PAYLOAD - REST, piece, REST);
}

/* Packets that this data fills: most of all there are. */
static size_t add_full(jo_ts_writer *w, const uint8_t *from, size_t len)
{
    uint64_t n = (len < w->left ? len : w->left) / PAYLOAD;
    uint8_t header[4];
    unsigned counter = w->stream->counter;
    uint8_t *at = w->at;

    jo_put_u32(header, packet_header(w->stream->pid, false, false, true, 0));
    for (uint64_t i = 0; i < n; i++) {
        memcpy(at, header, sizeof(header));
        at[3] = (uint8_t)(header[3] | (counter++ & 15));
        copy_payload(at + 4, from);
        at += JO_TS_PACKET;
        from += PAYLOAD;
    }
    w->stream->counter = counter & 15;
    w->at = at;
    w->left -= n * PAYLOAD;
    return (size_t)n * PAYLOAD;
}

void jo_ts_add(jo_ts_writer *w, const void *data, size_t len)
{
    const uint8_t *from = data;

    while (len > 0 && w->left > 0) {
        if (w->room == 0 && len >= PAYLOAD && w->left >= PAYLOAD) {
            size_t n = add_full(w, from, len);
            from += n;
            len -= n;
            continue;
        }
        if (w->room == 0) {
            next_packet(w);
        }
        uint32_t n = len < w->room ? (uint32_t)len : w->room;
        memmove(w->at, from, n); /* they may overlap, what is written before what is read */
        took(w, n);
        from += n;
        len -= n;
    }
}

void jo_ts_close(jo_ts_writer *w)
{
    while (w->left > 0) {
        if (w->room == 0) {
            next_packet(w);
        }
        memset(w->at, 0, w->room);
        took(w, w->room);
    }
}

static bool has_space(jo_ts_writer *w, uint64_t packets)
{
    if ((uint64_t)(w->end - w->at) / JO_TS_PACKET < packets) {
        w->failed = true;
    }
    return !w->failed;
}

void jo_ts_write_pcr(jo_ts_writer *w, const jo_ts_stream *s, uint64_t dts)
{
    const jo_ts_unit u = {.has_pcr = true, .dts = dts};

    if (has_space(w, 1)) {
        /* without payload the counter stays where it was: 2.4.3.3 */
        jo_put_u32(w->at, packet_header(s->pid, false, true, false, s->counter + 15u));
        put_field(w->at + 4, PAYLOAD, &u);
        w->at += JO_TS_PACKET;
    }
}

/* -- PES: 2.4.3.6 ----------------------------------------------------------------------------------------- */

static bool is_video(const jo_ts_stream *s)
{
    return s->type == JO_TS_AVC || s->type == JO_TS_HEVC;
}

static uint8_t stream_id(const jo_ts_stream *s)
{
    bool private = s->type == JO_TS_ID3 || s->type == JO_TS_AC3 || s->type == JO_TS_EAC3;
    return is_video(s) ? STREAM_ID_VIDEO : private ? STREAM_ID_PRIVATE : STREAM_ID_AUDIO;
}

static void put_stamp(uint8_t *p, unsigned prefix, uint64_t t)
{
    p[0] = (uint8_t)(prefix << 4 | (t >> 30 & 7) << 1 | 1);
    p[1] = (uint8_t)(t >> 22);
    p[2] = (uint8_t)(t >> 14 | 1);
    p[3] = (uint8_t)(t >> 7);
    p[4] = (uint8_t)(t << 1 | 1);
}

/* The header of a PES packet that is `total` bytes long with it. */
static void add_header(jo_ts_writer *w, const jo_ts_unit *u, uint64_t total)
{
    uint8_t h[PES_HEAD + 10 + JO_TS_FILL_MAX];
    bool has_dts = u->pts != u->dts;
    uint32_t size = header_size(u);

    memset(h, 0xff, sizeof(h));
    jo_put_u32(h, 0x100u | stream_id(w->stream));
    unsigned length = total - 6 > 65535 ? 0 : (unsigned)(total - 6);
    h[4] = (uint8_t)(length >> 8);
    h[5] = (uint8_t)length;
    h[6] = 0x84; /* data_alignment_indicator */
    h[7] = has_dts ? 0xc0 : 0x80;
    h[8] = (uint8_t)(size - PES_HEAD);
    put_stamp(h + 9, has_dts ? 3 : 2, u->pts);
    if (has_dts) {
        put_stamp(h + 14, 1, u->dts);
    }
    jo_ts_add(w, h, size);
}

/* Can it be said in a PES packet, and can the buffer hold it? */
static bool is_sound(const jo_ts_writer *w, const jo_ts_stream *s, const jo_ts_unit *u)
{
    return u->fill <= JO_TS_FILL_MAX && u->size <= (uint64_t)(w->end - w->at) &&
           (is_video(s) || u->size + header_size(u) - 6 <= 65535);
}

void jo_ts_open(jo_ts_writer *w, jo_ts_stream *s, const jo_ts_unit *u)
{
    w->room = 0;
    w->left = 0;
    w->failed |= !is_sound(w, s, u);
    if (has_space(w, jo_ts_pes_packets(u))) {
        w->stream = s;
        w->left = header_size(u) + u->size;
        begin_packet(w, u, true, field_size(u));
        add_header(w, u, w->left);
    }
}
