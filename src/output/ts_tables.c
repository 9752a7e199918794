/* PAT and PMT: ISO/IEC 13818-1 2.4.4. */
#include "ts.h"

#include <string.h>

enum { PROGRAM = 1, TABLE_PAT = 0, TABLE_PMT = 2 };
enum { REGISTRATION = 5, ISO_639_LANGUAGE = 10, METADATA_POINTER = 37, METADATA = 38 }; /* tags */

#define SECTION_MAX 183 /* behind the packet's header and the pointer_field */
#define CRC_SIZE    4

/* A section that is being built; `failed` once it would not fit. */
typedef struct section {
    uint8_t data[SECTION_MAX];
    size_t len;
    bool failed;
} section;

static void put(section *s, const void *data, size_t len)
{
    if (len > SECTION_MAX - CRC_SIZE - s->len) {
        s->failed = true;
    } else {
        memcpy(s->data + s->len, data, len);
        s->len += len;
    }
}

static void put_u8(section *s, unsigned v)
{
    uint8_t b = (uint8_t)v;
    put(s, &b, 1);
}

static void put_u16(section *s, unsigned v)
{
    put_u8(s, v >> 8);
    put_u8(s, v);
}

/* Room for a 12-bit length below four reserved bits, and the filling in of it. */
static size_t open_length(section *s)
{
    put_u16(s, 0);
    return s->len;
}

static void close_length(section *s, size_t at, unsigned reserved, size_t more)
{
    unsigned n = (unsigned)(s->len - at + more);

    s->data[at - 2] = (uint8_t)(reserved | n >> 8);
    s->data[at - 1] = (uint8_t)n;
}

/* CRC-32 of annex A: not reflected, from all ones, not inverted. Some 60 bytes twice a segment need no table. */
static uint32_t crc(const uint8_t *p, size_t n)
{
    uint32_t c = UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        c ^= (uint32_t)p[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            c = c << 1 ^ (c >> 31 ? 0x04c11db7u : 0);
        }
    }
    return c;
}

/* From table_id to last_section_number; returns what close_section() wants. */
static size_t open_section(section *s, unsigned table, unsigned id)
{
    *s = (section){.len = 0};
    put_u8(s, table);
    size_t at = open_length(s);
    put_u16(s, id);
    put_u8(s, 0xc1); /* version 0, applies now */
    put_u16(s, 0);   /* the only section */
    return at;
}

static void close_section(section *s, size_t at)
{
    close_length(s, at, 0xb0, CRC_SIZE);
    jo_put_u32(s->data + s->len, crc(s->data, s->len));
    s->len += CRC_SIZE;
}

static void write_section(jo_ts_writer *w, const section *s, unsigned pid, int64_t segment)
{
    uint8_t *p = w->at;

    jo_put_u32(p, 0x47400010u | pid << 8 | ((uint64_t)segment & 15));
    p[4] = 0; /* pointer_field */
    memcpy(p + 5, s->data, s->len);
    memset(p + 5 + s->len, 0xff, JO_TS_PACKET - 5 - s->len);
    w->at += JO_TS_PACKET;
}

/* -- descriptors ------------------------------------------------------------------------------------------ */

/* What both metadata descriptors begin with (2.6.58, 2.6.60): both formats are named by 'ID3 ', service 0. */
#define ID3_FORMAT "\xff\xffID3 \xffID3 \0"

static void put_descriptor(section *s, unsigned tag, const void *data, size_t len)
{
    put_u8(s, tag);
    put_u8(s, (unsigned)len);
    put(s, data, len);
}

static const char *registration(jo_ts_type type)
{
    switch (type) {
    case JO_TS_HEVC:
        return "HEVC";
    case JO_TS_AC3:
        return "AC-3";
    case JO_TS_EAC3:
        return "EAC3";
    default:
        return NULL;
    }
}

static void put_stream(section *s, const jo_ts_stream *st)
{
    const char *name = registration(st->type);

    put_u8(s, st->type);
    put_u16(s, 0xe000u | st->pid);
    size_t at = open_length(s);
    if (name != NULL) {
        put_descriptor(s, REGISTRATION, name, 4);
    }
    if (st->type == JO_TS_ID3) {
        put_descriptor(s, METADATA, ID3_FORMAT "\x0f", 13); /* no decoder configuration */
    }
    if (st->lang[0] != '\0') {
        put_descriptor(s, ISO_639_LANGUAGE, st->lang, 4); /* its NUL is audio_type 0 */
    }
    close_length(s, at, 0xf0, 0);
}

/* The program's own descriptors. */
static void put_program(section *s, const jo_ts_stream *streams, int n)
{
    size_t at = open_length(s);

    for (int i = 0; i < n; i++) {
        if (streams[i].type == JO_TS_ID3) { /* carried in this stream, program 1 */
            put_descriptor(s, METADATA_POINTER, ID3_FORMAT "\x1f\0\x01", 15);
        }
    }
    close_length(s, at, 0xf0, 0);
}

void jo_ts_write_tables(jo_ts_writer *w, const jo_ts_stream *streams, int n, uint16_t pcr_pid,
                        int64_t segment)
{
    section pat, pmt;
    size_t at = open_section(&pat, TABLE_PAT, 1);

    put_u16(&pat, PROGRAM);
    put_u16(&pat, 0xe000u | JO_TS_PMT_PID);
    close_section(&pat, at);
    at = open_section(&pmt, TABLE_PMT, PROGRAM);
    put_u16(&pmt, 0xe000u | pcr_pid);
    put_program(&pmt, streams, n);
    for (int i = 0; i < n; i++) {
        put_stream(&pmt, &streams[i]);
    }
    close_section(&pmt, at);
    w->failed |= pmt.failed || w->end - w->at < JO_TS_TABLES;
    if (!w->failed) {
        write_section(w, &pat, 0, segment);
        write_section(w, &pmt, JO_TS_PMT_PID, segment);
    }
}
