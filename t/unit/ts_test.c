/* The transport stream writer against a demultiplexer of the test's own. */
#include "../../src/output/ts.h"
#include "tap.h"

#include <apr_general.h>

#define MASK33 0x1ffffffffull

/* -- demultiplexer ---------------------------------------------------------------------------------------- */

/* The packets of one PID, joined. */
typedef struct es {
    uint8_t data[1 << 18];
    size_t len;
    int packets, starts, randoms, pcrs, stuffed; /* stuffed: packets with adaptation stuffing */
    int counter;                                 /* of the last packet; -1 before */
    uint64_t pcr[64];
    const char *wrong;
} es;

static void read_field(es *e, const uint8_t *f, bool has_payload)
{
    unsigned n = f[0], used = 1;

    if (n == 0)
        return;
    e->randoms += f[1] >> 6 & 1;
    if (f[1] & ~0x50)
        e->wrong = "adaptation field flags";
    if (f[1] & 0x10) {
        uint64_t base = (uint64_t)f[2] << 25 | f[3] << 17 | f[4] << 9 | f[5] << 1 | f[6] >> 7;
        if ((f[6] & 0x7f) != 0x7e || f[7] != 0)
            e->wrong = "PCR extension";
        if (e->pcrs < 64)
            e->pcr[e->pcrs] = base;
        e->pcrs++;
        used += 6;
    }
    if (used > n)
        e->wrong = "adaptation field too short";
    e->stuffed += has_payload && used < n;
    for (unsigned i = used + 1; i <= n; i++) {
        if (f[i] != 0xff)
            e->wrong = "adaptation stuffing";
    }
}

static void read_packet(es *e, const uint8_t *p)
{
    unsigned control = p[3] >> 4 & 3, counter = p[3] & 15, at = 4;

    if (p[0] != 0x47 || (p[1] & 0xa0) || (p[3] & 0xc0) || control == 0)
        e->wrong = "packet header";
    if (e->counter >= 0 && counter != (unsigned)(e->counter + (control & 1)) % 16)
        e->wrong = "continuity";
    e->counter = (int)counter;
    e->packets++;
    e->starts += p[1] >> 6 & 1;
    if (control & 2) {
        at += 1u + p[4];
        if (at > JO_TS_PACKET || (control == 2) != (at == JO_TS_PACKET)) {
            e->wrong = "adaptation field length";
            return;
        }
        read_field(e, p + 4, control & 1);
    }
    memcpy(e->data + e->len, p + at, JO_TS_PACKET - at);
    e->len += JO_TS_PACKET - at;
}

static es *demux(const uint8_t *ts, size_t len, unsigned pid)
{
    static es e;

    e.len = 0;
    e.packets = e.starts = e.randoms = e.pcrs = e.stuffed = 0;
    e.counter = -1;
    e.wrong = len % JO_TS_PACKET ? "no whole packets" : NULL;
    for (; len >= JO_TS_PACKET; ts += JO_TS_PACKET, len -= JO_TS_PACKET) {
        if ((unsigned)((ts[1] & 31) << 8 | ts[2]) == pid)
            read_packet(&e, ts);
    }
    return &e;
}

typedef struct pes {
    unsigned id, length, stuffing;
    uint64_t pts, dts;
    bool has_dts;
    const uint8_t *data;
    size_t len;
} pes;

static bool read_stamp(const uint8_t *p, unsigned prefix, uint64_t *t)
{
    *t = (uint64_t)(p[0] >> 1 & 7) << 30 | p[1] << 22 | (p[2] >> 1) << 15 | p[3] << 7 | p[4] >> 1;
    return p[0] >> 4 == prefix && (p[0] & p[2] & p[4] & 1);
}

/* NULL, or what is wrong with the only PES packet of e. */
static const char *read_pes(const es *e, pes *out)
{
    const uint8_t *p = e->data;
    unsigned used;

    if (e->wrong)
        return e->wrong;
    if (e->len < 14 || p[0] || p[1] || p[2] != 1 || e->starts != 1)
        return "start code";
    *out = (pes){.id = p[3], .length = (unsigned)p[4] << 8 | p[5], .has_dts = p[7] & 0x40};
    if (p[6] != 0x84 || (p[7] & 0xbf) != 0x80)
        return "PES flags";
    used = out->has_dts ? 10 : 5;
    if (p[8] < used || p[8] > used + 32)
        return "PES header length";
    if (!read_stamp(p + 9, out->has_dts ? 3 : 2, &out->pts))
        return "PTS";
    out->dts = out->pts;
    if (out->has_dts && !read_stamp(p + 14, 1, &out->dts))
        return "DTS";
    out->stuffing = p[8] - used;
    for (unsigned i = 0; i < out->stuffing; i++) {
        if (p[9 + used + i] != 0xff)
            return "PES stuffing";
    }
    out->data = p + 9 + p[8];
    out->len = e->len - 9 - p[8];
    if (out->length && out->length != e->len - 6)
        return "PES_packet_length";
    return NULL;
}

/* -- units ------------------------------------------------------------------------------------------------ */

/* Bytes without a run that could hide a misplaced copy. */
static uint8_t *noise(size_t len)
{
    uint8_t *p = malloc(len ? len : 1);
    uint32_t x = 12345;

    for (size_t i = 0; p && i < len; i++) {
        x = x * 1664525 + 1013904223;
        p[i] = (uint8_t)(x >> 24);
    }
    return p;
}

/* Writes one unit in pieces into a buffer of exactly the size that was announced, and reads it back: NULL or what is
 * wrong. */
static const char *round_trip(jo_ts_type type, const jo_ts_unit *u, const uint8_t *data)
{
    jo_ts_stream s = {.type = type, .pid = 0x1abc, .counter = 13};
    uint32_t packets = jo_ts_pes_packets(u);
    uint8_t *buf = malloc((size_t)packets * JO_TS_PACKET);
    const char *wrong = NULL;
    jo_ts_writer w;
    pes p;

    jo_ts_writer_init(&w, buf, (size_t)packets * JO_TS_PACKET);
    jo_ts_open(&w, &s, u);
    for (size_t at = 0, n = 1; at < u->size; at += n, n = n % 400 * 3 + 1) {
        jo_ts_add(&w, data + at, u->size - at < n ? u->size - at : n);
    }
    jo_ts_close(&w);
    const es *e = demux(buf, (size_t)packets * JO_TS_PACKET, 0x1abc);
    wrong = read_pes(e, &p);
    if (w.failed || w.at != w.end)
        wrong = "size";
    else if (wrong == NULL && (p.len != u->size || memcmp(p.data, data, p.len) != 0))
        wrong = "payload";
    else if (wrong == NULL && (p.pts != (u->pts & MASK33) || p.dts != (u->dts & MASK33)))
        wrong = "times";
    else if (wrong == NULL && (p.stuffing != u->fill || p.has_dts != (u->pts != u->dts)))
        wrong = "PES header";
    else if (e->packets != (int)packets || s.counter != (13 + packets) % 16 || e->stuffed > 1)
        wrong = "packets";
    else if (e->randoms != u->random || e->pcrs != u->has_pcr)
        wrong = "flags";
    else if (u->has_pcr && e->pcr[0] != ((u->dts - JO_TS_DELAY) & MASK33))
        wrong = "PCR";
    free(buf);
    return wrong;
}

static void test_every_size(void)
{
    uint8_t *data = noise(2000);

    for (int bits = 0; bits < 16; bits++) {
        jo_ts_unit u = {.has_pcr = bits & 1,
                        .random = bits & 2,
                        .fill = bits & 8 ? 6 : 0,
                        .pts = 900000 + (bits & 4 ? 7200 : 0),
                        .dts = 900000};
        const char *wrong = NULL;
        for (u.size = 1; u.size <= 2000 && !wrong; u.size++) {
            wrong = round_trip(bits & 2 ? JO_TS_AVC : JO_TS_AC3, &u, data);
        }
        ok(!wrong, "every size up to 2000:%s%s%s%s", bits & 1 ? " PCR" : "",
           bits & 2 ? " random" : "", bits & 4 ? " DTS" : "", bits & 8 ? " fill" : "");
        if (wrong)
            printf("#   %s of %d bytes\n", wrong, (int)u.size - 1);
    }
    for (unsigned fill = 0; fill <= JO_TS_FILL_MAX; fill += JO_TS_FILL_MAX / 2) {
        jo_ts_unit u = {.size = 333, .fill = (uint8_t)fill};
        is_str(round_trip(JO_TS_AAC, &u, data), NULL, "stuffing in the PES header");
    }
    free(data);
}

static void test_minimum(void)
{
    jo_ts_unit u = {.size = 170};

    is_int(jo_ts_pes_packets(&u), 1, "170 bytes and a PTS fill one packet");
    u.size++;
    is_int(jo_ts_pes_packets(&u), 2, "one more takes another");
    u.size = 170 + 184 * 9;
    is_int(jo_ts_pes_packets(&u), 10, "ten full packets");
    u.dts = 1;
    u.size -= 5;
    is_int(jo_ts_pes_packets(&u), 10, "a DTS takes five bytes");
    u.random = true;
    u.size -= 2;
    is_int(jo_ts_pes_packets(&u), 10, "a flag takes two");
    u.has_pcr = true;
    u.size -= 6;
    is_int(jo_ts_pes_packets(&u), 10, "a PCR takes six more");
    u.size++;
    is_int(jo_ts_pes_packets(&u), 11, "and then it is full");
}

static void test_times(void)
{
    uint8_t *data = noise(1000);
    const uint64_t times[] = {
        0,      1,          JO_TS_DELAY - 1, JO_TS_DELAY,           0x7fff,
        0x8000, 0x3fffffff, 0x40000000,      0x155555555,           0xaaaaaaaa,
        MASK33, MASK33 + 1, MASK33 + 5,      5 * (MASK33 + 1) + 42, (uint64_t)INT64_MAX};
    const char *wrong = NULL;

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]) && !wrong; i++) {
        jo_ts_unit u = {.size = 1000, .has_pcr = true, .pts = times[i], .dts = times[i]};
        wrong = round_trip(JO_TS_AVC, &u, data);
        u.pts += 3003;
        wrong = wrong ? wrong : round_trip(JO_TS_AVC, &u, data);
    }
    is_str(wrong, NULL, "stamps of 33 bits, around the wrap too");
    free(data);
}

/* PES_packet_length of a unit of this many bytes; -1 if it is refused. */
static long length_of(jo_ts_type type, size_t size, unsigned *id)
{
    jo_ts_unit u = {.size = size, .pts = 1, .dts = 1};
    jo_ts_stream s = {.type = type, .pid = 0x100};
    size_t len = (size_t)jo_ts_pes_packets(&u) * JO_TS_PACKET;
    uint8_t *buf = malloc(len);
    jo_ts_writer w;
    pes p = {0};

    jo_ts_writer_init(&w, buf, len);
    jo_ts_open(&w, &s, &u);
    jo_ts_close(&w);
    const char *wrong = w.failed ? NULL : read_pes(demux(buf, len, 0x100), &p);
    long length = w.failed ? -1 : wrong || p.len != size ? -2 : (long)p.length;
    if (w.failed && w.at != buf)
        length = -3;
    if (id)
        *id = p.id;
    free(buf);
    return length;
}

static void test_length(void)
{
    unsigned id;

    is_int(length_of(JO_TS_AVC, 65535 - 8, &id), 65535, "the longest PES_packet_length");
    is_int(id, 0xe0, "stream_id of video");
    is_int(length_of(JO_TS_AVC, 65535 - 7, NULL), 0, "a longer picture doesn't say its length");
    is_int(length_of(JO_TS_HEVC, 200000, &id), 0, "nor does a much longer one");
    is_int(id, 0xe0, "stream_id of HEVC");
    is_int(length_of(JO_TS_AAC, 65535 - 8, &id), 65535, "the longest of sound");
    is_int(id, 0xc0, "stream_id of AAC");
    is_int(length_of(JO_TS_AAC, 65535 - 7, NULL), -1,
           "a longer one is refused, nothing is written");
    is_int(length_of(JO_TS_EAC3, JO_TS_PES_MAX, &id), JO_TS_PES_MAX + 8, "JO_TS_PES_MAX fits");
    is_int(id, 0xbd, "stream_id of E-AC-3");
    length_of(JO_TS_AC3, 10, &id);
    is_int(id, 0xbd, "stream_id of AC-3");
    length_of(JO_TS_ID3, 10, &id);
    is_int(id, 0xbd, "stream_id of ID3");
    length_of(JO_TS_MPEG1_AUDIO, 10, &id);
    is_int(id, 0xc0, "stream_id of MP3");
}

/* Whatever is added, the size stays as announced. */
static void test_promise(void)
{
    uint8_t *data = noise(3000), buf[4 * JO_TS_PACKET];
    jo_ts_unit u = {.size = 500};
    jo_ts_stream s = {.type = JO_TS_AVC, .pid = 0x100};
    jo_ts_writer w;
    pes p;

    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_open(&w, &s, &u);
    jo_ts_add(&w, data, 3000);
    jo_ts_add(&w, data, 1);
    jo_ts_close(&w);
    size_t len = (size_t)jo_ts_pes_packets(&u) * JO_TS_PACKET;
    ok(w.at == buf + len && !read_pes(demux(buf, len, 0x100), &p) && p.len == 500 &&
           !memcmp(p.data, data, 500),
       "more than announced is dropped");

    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_open(&w, &s, &u);
    jo_ts_add(&w, data, 100);
    jo_ts_close(&w);
    bool good = w.at == buf + len && !read_pes(demux(buf, len, 0x100), &p) && p.len == 500;
    for (size_t i = 100; good && i < 500; i++) {
        good = p.data[i] == 0;
    }
    ok(good && !memcmp(p.data, data, 100), "less is made up for by zeros");

    jo_ts_writer_init(&w, buf, len - 1);
    memset(buf, 0xaa, sizeof(buf));
    jo_ts_open(&w, &s, &u);
    jo_ts_add(&w, data, 500);
    jo_ts_close(&w);
    jo_ts_write_pcr(&w, &s, 0);
    ok(w.failed && w.at == buf && buf[0] == 0xaa, "a buffer too small takes nothing");
    u.fill = JO_TS_FILL_MAX + 1;
    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_open(&w, &s, &u);
    ok(w.failed, "more than 32 stuffing bytes are refused");
    u = (jo_ts_unit){.size = UINT64_MAX - 5};
    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_open(&w, &s, &u);
    jo_ts_add(&w, data, 3000);
    jo_ts_close(&w);
    ok(w.failed && w.at == buf, "and a size that wraps around");
    free(data);
}

/* -- counters and PCR ------------------------------------------------------------------------------------- */

static void write_units(jo_ts_writer *w, jo_ts_stream *s, const uint8_t *data, int from, int to)
{
    for (int i = from; i < to; i++) {
        jo_ts_unit u = {.size = 100 + 77 * (unsigned)i, .pts = (unsigned)i, .dts = (unsigned)i};
        jo_ts_open(w, s, &u);
        jo_ts_add(w, data, u.size);
        jo_ts_close(w);
    }
}

static void test_counters(void)
{
    static uint8_t whole[400 * JO_TS_PACKET], parts[400 * JO_TS_PACKET];
    uint8_t *data = noise(4000);
    jo_ts_stream s = {.type = JO_TS_AAC, .pid = 0x101};
    jo_ts_writer w;

    jo_ts_writer_init(&w, whole, sizeof(whole));
    write_units(&w, &s, data, 0, 40);
    size_t len = (size_t)(w.at - whole);
    ok(!w.failed && !demux(whole, len, 0x101)->wrong, "counters go up by one");

    jo_ts_writer_init(&w, parts, sizeof(parts));
    for (int i = 0; i < 40; i += 8) { /* segments of eight, each on its own */
        jo_ts_stream fresh = {.type = JO_TS_AAC, .pid = 0x101};
        fresh.counter = jo_ts_counter((uint64_t)(w.at - parts) / JO_TS_PACKET);
        write_units(&w, &fresh, data, i, i + 8);
    }
    ok((size_t)(w.at - parts) == len && !memcmp(whole, parts, len), "and on across segments");
    is_int(jo_ts_counter((1ull << 40) + 37), 5, "after many packets");
    free(data);
}

static void test_pcr(void)
{
    uint8_t buf[8 * JO_TS_PACKET], data[50] = {1};
    jo_ts_stream s = {.type = JO_TS_AVC, .pid = 0x100, .counter = 0};
    jo_ts_unit u = {.size = sizeof(data), .has_pcr = true, .pts = 900000, .dts = 900000};
    jo_ts_writer w;

    jo_ts_writer_init(&w, buf, sizeof(buf));
    for (int i = 0; i < 2; i++) {
        jo_ts_write_pcr(&w, &s, 890000);
        jo_ts_open(&w, &s, &u);
        jo_ts_add(&w, data, sizeof(data));
        jo_ts_close(&w);
        jo_ts_write_pcr(&w, &s, 909000);
    }
    const es *e = demux(buf, 6 * JO_TS_PACKET, 0x100);
    ok(!e->wrong && w.at == buf + 6 * JO_TS_PACKET, "packets with a PCR alone don't count");
    if (e->wrong)
        printf("#   %s\n", e->wrong);
    is_int((buf[3] & 15), 15, "not even the first");
    is_int(s.counter, 2, "two with payload");
    ok(e->pcrs == 6 && e->pcr[0] == 872000 && e->pcr[1] == 882000 && e->pcr[2] == 891000,
       "PCR is 200 ms before DTS");
    is_int((long long)jo_ts_pcr_between(0), 0, "none between units at one time");
    is_int((long long)jo_ts_pcr_between(9000), 0, "none in 100 ms");
    is_int((long long)jo_ts_pcr_between(9001), 1, "one in a little more");
    is_int((long long)jo_ts_pcr_between(90000), 9, "nine in a second");
}

/* -- tables ----------------------------------------------------------------------------------------------- */

/* Over a section with its CRC: 0 if that is right. Bit by bit, by polynomial division. */
static uint32_t remainder_of(const uint8_t *p, size_t len)
{
    uint32_t r = 0xffffffff;

    for (size_t i = 0; i < len * 8; i++) {
        unsigned in = p[i / 8] >> (7 - i % 8) & 1;
        unsigned out = r >> 31;
        r <<= 1;
        if (in != out)
            r ^= 0x04c11db7;
    }
    return r;
}

static bool is_packet(const uint8_t *p, const void *head, size_t len)
{
    if (memcmp(p, head, len))
        return false;
    for (size_t i = len; i < JO_TS_PACKET; i++) {
        if (p[i] != 0xff)
            return false;
    }
    return true;
}

static void test_tables(void)
{
    static const uint8_t pat[] = "\x47\x40\x00\x17\x00\x00\xb0\x0d\x00\x01\xc1\x00\x00\x00\x01\xf0"
                                 "\x00\x2a\xb1\x04\xb2";
    static const uint8_t pmt[] = "\x47\x50\x00\x17\x00\x02\xb0\x17\x00\x01\xc1\x00\x00\xe1\x00\xf0"
                                 "\x00\x1b\xe1\x00\xf0\x00\x0f\xe1\x01\xf0\x00\x2f\x44\xb9\x9b";
    const jo_ts_stream two[] = {{.type = JO_TS_AVC, .pid = 0x100},
                                {.type = JO_TS_AAC, .pid = 0x101}};
    uint8_t buf[JO_TS_TABLES];
    jo_ts_writer w;

    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_write_tables(&w, two, 2, 0x100, 16 * 1000000000ll + 7);
    ok(!w.failed && w.at == buf + sizeof(buf), "two packets");
    ok(is_packet(buf, pat, sizeof(pat) - 1), "PAT as everybody writes it");
    ok(is_packet(buf + JO_TS_PACKET, pmt, sizeof(pmt) - 1), "PMT of AVC and AAC");
    jo_ts_writer_init(&w, buf, sizeof(buf) - 1);
    jo_ts_write_tables(&w, two, 2, 0x100, 1);
    ok(w.failed && w.at == buf, "a buffer too small takes nothing");
}

/* The streams' part of the PMT, and that its CRC and lengths are right. */
static void pmt_is(const jo_ts_stream *s, int n, const char *want, size_t len, const char *what)
{
    uint8_t buf[JO_TS_TABLES];
    const uint8_t *section = buf + JO_TS_PACKET + 5;
    jo_ts_writer w;

    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_write_tables(&w, s, n, s->pid, 0);
    size_t size = 3 + (size_t)((section[1] & 15) << 8 | section[2]);
    bool good = !w.failed && size == 10 + len + 4 && !memcmp(section + 10, want, len) &&
                remainder_of(section, size) == 0;
    if (!ok(good, "PMT: %s", what)) {
        for (size_t i = 0; i < size && size < 184; i++) {
            printf(i ? " %02x" : "# %02x", section[i]);
        }
        printf("\n");
    }
}
#define PMT_IS(s, n, want, what) pmt_is(s, n, want, sizeof(want) - 1, what)

static void test_descriptors(void)
{
    const jo_ts_stream ac3 = {.type = JO_TS_AC3, .pid = 0x101, .lang = "fre"};
    const jo_ts_stream eac3 = {.type = JO_TS_EAC3, .pid = 0x101};
    const jo_ts_stream hevc = {.type = JO_TS_HEVC, .pid = 0x100};
    const jo_ts_stream mp3 = {.type = JO_TS_MPEG2_AUDIO, .pid = 0x101, .lang = "eng"};
    const jo_ts_stream id3[] = {{.type = JO_TS_AAC, .pid = 0x101},
                                {.type = JO_TS_ID3, .pid = 0x102}};
    jo_ts_stream many[JO_TS_STREAMS + 4];
    uint8_t buf[JO_TS_TABLES];
    jo_ts_writer w;

    PMT_IS(&ac3, 1,
           "\xf0\0\x81\xe1\x01\xf0\x0c\x05\x04"
           "AC-3\x0a\x04"
           "fre\0",
           "AC-3 in French");
    PMT_IS(&eac3, 1,
           "\xf0\0\x87\xe1\x01\xf0\x06\x05\x04"
           "EAC3",
           "E-AC-3");
    PMT_IS(&hevc, 1, "\xf0\0\x24\xe1\x00\xf0\x06\x05\x04HEVC", "HEVC");
    PMT_IS(&mp3, 1,
           "\xf0\0\x04\xe1\x01\xf0\x06\x0a\x04"
           "eng\0",
           "MP3 at half rates");
    PMT_IS(id3, 2,
           "\xf0\x11\x25\x0f\xff\xffID3 \xffID3 \0\x1f\0\x01\x0f\xe1\x01\xf0\0\x15\xe1\x02"
           "\xf0\x0f\x26\x0d\xff\xffID3 \xffID3 \0\x0f",
           "timed ID3");
    for (int i = 0; i < JO_TS_STREAMS + 4; i++) {
        many[i] = ac3;
        many[i].type = i == 0 ? JO_TS_ID3 : JO_TS_AC3;
    }
    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_write_tables(&w, many, JO_TS_STREAMS, 0x101, 0);
    ok(!w.failed, "JO_TS_STREAMS with all their descriptors fit");
    jo_ts_writer_init(&w, buf, sizeof(buf));
    jo_ts_write_tables(&w, many, JO_TS_STREAMS + 4, 0x101, 0);
    ok(w.failed && w.at == buf, "more than fit into a packet are refused");
}

/* -- pictures --------------------------------------------------------------------------------------------- */

/* What a sample becomes; want NULL: only that the size is kept. */
static void video_is(const jo_ts_video *v, bool random, bool sound, const char *sample, size_t len,
                     const char *want, size_t want_len, const char *what)
{
    uint8_t *in = exact(sample, len), *buf;
    jo_ts_unit u = {.random = random, .has_pcr = true, .pts = 9, .dts = 0};
    jo_ts_stream s = {.type = v->hevc ? JO_TS_HEVC : JO_TS_AVC, .pid = 0x100};
    jo_ts_writer w;
    pes p = {0};

    u.size = jo_ts_video_size(v, len, random);
    size_t size = (size_t)jo_ts_pes_packets(&u) * JO_TS_PACKET;
    buf = malloc(size);
    jo_ts_writer_init(&w, buf, size);
    bool said = jo_ts_write_video(&w, &s, v, &u, in, len);
    const char *wrong = w.failed || w.at != w.end ? "size" : read_pes(demux(buf, size, 0x100), &p);
    if (!wrong && said != sound)
        wrong = "damage";
    if (!wrong && p.len + p.stuffing != u.size)
        wrong = "not the announced size";
    while (!wrong && v->nal_length < 4 && p.len > want_len && p.data[p.len - 1] == 0)
        p.len--; /* room that was not needed */
    if (!wrong && (p.len != want_len || memcmp(p.data, want, want_len)))
        wrong = "bytes";
    if (!ok(!wrong, "%s", what)) {
        printf("# %s:", wrong);
        for (size_t i = 0; i < p.len; i++) {
            printf(" %02x", p.data[i]);
        }
        printf("\n");
    }
    free(in);
    free(buf);
}
#define VIDEO_IS(v, random, sound, sample, want, what) \
    video_is(v, random, sound, sample, sizeof(sample) - 1, want, sizeof(want) - 1, what)

#define AUD "\0\0\0\1\x09\xf0"

static void test_avc(void)
{
    jo_ts_video v = {
        .nal_length = 4, .sets = (const uint8_t *)"\0\0\0\1\x67S\0\0\0\1\x68P", .sets_len = 12};

    VIDEO_IS(&v, false, true, "\0\0\0\3\x41xy\0\0\0\2\x41z", AUD "\0\0\0\1\x41xy\0\0\0\1\x41z",
             "a delimiter goes before the slices");
    VIDEO_IS(&v, true, true, "\0\0\0\2\x65x", AUD "\0\0\0\1\x67S\0\0\0\1\x68P\0\0\0\1\x65x",
             "parameter sets before a key frame");
    VIDEO_IS(&v, true, true, "\0\0\0\2\x09\x10\0\0\0\2\x65x",
             "\0\0\0\1\x09\x10\0\0\0\1\x67S\0\0\0\1\x68P\0\0\0\1\x65x",
             "a delimiter of the sample stays first");
    VIDEO_IS(&v, false, true, "\0\0\0\0\0\0\0\2\x41z", AUD "\0\0\0\0\0\0\0\1\x41z",
             "an empty unit becomes zeros");
    VIDEO_IS(&v, false, false, "\0\0\0\xff\x41z", AUD "\0\0\0\1\x41z", "a unit beyond its sample");
    VIDEO_IS(&v, false, false, "\0\0\0\2\x41z\0\0", AUD "\0\0\0\1\x41z\0\0", "half a length field");
    VIDEO_IS(&v, false, false, "\xff\xff\xff\xff\x41", AUD "\0\0\0\1\x41", "a unit of 4 GB");
    VIDEO_IS(&v, true, true, "", AUD "\0\0\0\1\x67S\0\0\0\1\x68P", "an empty sample");
    v.sets = NULL;
    v.sets_len = 0;
    VIDEO_IS(&v, true, true, "\0\0\0\2\x65x", AUD "\0\0\0\1\x65x", "no sets, none are written");
    v.nal_length = 2;
    VIDEO_IS(&v, false, true, "\0\3\x41xy\0\2\x41z", AUD "\0\0\0\1\x41xy\0\0\0\1\x41z",
             "length fields of two bytes");
    VIDEO_IS(&v, false, false, "\0\3\x41xy\0\x09\x41z\0", AUD "\0\0\0\1\x41xy\0\0\0\1\x41z\0",
             "damaged ones");
    v.nal_length = 1;
    VIDEO_IS(&v, false, true, "\2\x09\xf0\3\x41xy", AUD "\0\0\0\1\x41xy", "of one byte, delimited");
}

static void test_hevc(void)
{
    jo_ts_video v = {.hevc = true, .nal_length = 4};

    VIDEO_IS(&v, true, true, "\0\0\0\4\x26\1xy", "\0\0\0\1\x46\1\x50\0\0\0\1\x26\1xy",
             "HEVC has a delimiter of its own");
    VIDEO_IS(&v, true, true, "\0\0\0\3\x46\1\x10\0\0\0\4\x26\1xy",
             "\0\0\0\1\x46\1\x10\0\0\0\1\x26\1xy", "and the sample's stays");
}

/* Samples of any bytes, with lengths that may or may not fit: the size is what was announced. */
static void test_damage(void)
{
    uint8_t *data = noise(1 << 16);
    const char *wrong = NULL;

    for (size_t i = 0; i < 4000 && !wrong; i++) {
        size_t len = data[i] * (i % 3 + 1u);
        uint8_t *in = exact(data + i * 16, len < 1500 ? len : 0);
        jo_ts_video v = {.hevc = i & 1, .nal_length = (uint8_t)(i % 4 + 1)};
        for (size_t at = 0; at + v.nal_length < len && i % 5;
             at += v.nal_length + in[at + v.nal_length - 1u]) {
            memset(in + at, 0, v.nal_length - 1u); /* most lengths are short */
        }
        jo_ts_unit u = {.pts = 1, .random = i & 2};
        jo_ts_stream s = {.type = JO_TS_AVC, .pid = 0x100};
        jo_ts_writer w;
        pes p;
        u.size = jo_ts_video_size(&v, len, u.random);
        size_t size = (size_t)jo_ts_pes_packets(&u) * JO_TS_PACKET;
        uint8_t *buf = malloc(size);
        jo_ts_writer_init(&w, buf, size);
        jo_ts_write_video(&w, &s, &v, &u, in, len);
        wrong = w.failed || w.at != w.end ? "size" : read_pes(demux(buf, size, 0x100), &p);
        if (!wrong && p.len + p.stuffing != u.size)
            wrong = "not the announced size";
        free(buf);
        free(in);
    }
    is_str(wrong, NULL, "samples of noise keep their size");
    free(data);
}

/* From a track: the sets out of avcC, none where they travel in the samples. */
static void test_video_init(apr_pool_t *pool)
{
    static const uint8_t avcc[] = "\1\x64\0\x1f\xff\xe1\0\5\x67\x64\0\x1f\xac\1\0\3\x68\xee\x3c";
    jo_track t = {.codec = &jo_codec_avc, .nal_length = 4, .config = avcc};
    jo_ts_video v;
    jo_ctx cx;

    t.config_len = sizeof(avcc) - 1;
    jo_ctx_init(&cx, pool);
    jo_ts_video_init(&cx, &t, &v);
    ok(!v.hevc && v.nal_length == 4 && v.sets_len == 16 &&
           !memcmp(v.sets, "\0\0\0\1\x67\x64\0\x1f\xac\0\0\0\1\x68\xee\x3c", 16),
       "parameter sets of avc1");
    t.in_band = true;
    jo_ts_video_init(&cx, &t, &v);
    ok(v.sets == NULL && v.sets_len == 0, "none for avc3");
}

/* -- sound ------------------------------------------------------------------------------------------------ */

static void test_group(void)
{
    const uint32_t even[] = {163, 163, 163, 163, 163, 163}; /* 170 with ADTS: a packet each */
    const uint32_t small[] = {30, 30, 30, 30, 30, 30};
    const uint32_t four[] = {40, 40, 40, 40}; /* three fit into a packet */
    const uint32_t big[] = {1500, 1400, 1400, 1400};
    const uint32_t huge[] = {8000, 8000};
    const uint32_t tail[] = {163, 10, 163};

    is_int(jo_ts_group(small, 6, 7, 4), 4, "as many as last 100 ms");
    is_int(jo_ts_group(small, 3, 7, 4), 3, "as many as there are");
    is_int(jo_ts_group(even, 6, 7, 4), 4, "of equal choices the longest");
    is_int(jo_ts_group(four, 4, 7, 4), 3, "fewer where they fill their packets better");
    is_int(jo_ts_group(big, 4, 7, 4), 2, "at most 2930 bytes");
    is_int(jo_ts_group(huge, 2, 7, 4), 1, "one is never too long");
    is_int(jo_ts_group(small, 6, 7, 0), 1, "nor lasts too long");
    is_int(jo_ts_group(tail, 2, 7, 4), 1, "a full packet is not spilt into the next");
    is_int(jo_ts_group(small, 0, 7, 4), 1, "of nothing, one");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_minimum();
    test_every_size();
    test_times();
    test_length();
    test_promise();
    test_counters();
    test_pcr();
    test_tables();
    test_descriptors();
    test_avc();
    test_hevc();
    test_damage();
    test_video_init(pool);
    test_group();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
