#include "cli.h"
#include "dump_packed.h"

#include "../base/crypto.h"
#include "../base/status.h"
#include "../base/text.h"
#include "../input/mp4_box.h"
#include "../media/codec.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16
#define SHOWN     6  /* entries of a long table that are printed */
#define PAYLOAD   64 /* bytes of an event message that are printed */

typedef struct dump {
    jo_ctx *cx;
    jo_text out;
    int depth;
    bool damaged;
} dump;

/* What is known of a box: how its fields are printed, and whether boxes follow them. */
typedef struct known {
    uint32_t type;
    void (*fields)(dump *d, jo_reader *r); /* NULL: none */
    bool children;
} known;

static void walk(dump *d, jo_reader *r);

/* ---- printing */

__attribute__((format(printf, 2, 3))) static void damage(dump *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    jo_text_addf(&d->out, "%*s!! %s\n", 2 * d->depth, "", jo_text_vformat(d->cx->pool, fmt, args));
    va_end(args);
    d->damaged = true;
}

static const char *fourcc(dump *d, uint32_t type)
{
    return jo_fourcc_text(d->cx->pool, type);
}

static void add_number(dump *d, const char *name, uint64_t v)
{
    jo_text_addf(&d->out, " %s=%llu", name, (unsigned long long)v);
}

static void add_signed(dump *d, const char *name, int64_t v)
{
    jo_text_addf(&d->out, " %s=%lld", name, (long long)v);
}

static void add_flags(dump *d, const char *name, uint32_t v)
{
    jo_text_addf(&d->out, " %s=0x%x", name, v);
}

static void add_fixed(dump *d, const char *name, int64_t v, int64_t one)
{
    jo_text_addf(&d->out, " %s=%s", name, v < 0 ? "-" : "");
    jo_text_add_decimal(&d->out, v < 0 ? -v : v, one, 6);
}

static void add_hex(dump *d, const char *name, const uint8_t *data, size_t n)
{
    if (data)
        jo_text_addf(&d->out, " %s=%s", name, jo_hex(d->cx->pool, data, n));
}

/* The text up to a NUL or the end of r, with what could break the line escaped. */
static void add_string(dump *d, const char *name, jo_reader *r)
{
    jo_text_addf(&d->out, " %s=\"", name);
    for (int c; jo_reader_left(r) > 0 && (c = jo_read_u8(r)) != 0;) {
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            jo_text_addf(&d->out, "\\x%02x", (unsigned)c);
        else
            jo_text_add_n(&d->out, (const char[]){(char)c}, 1);
    }
    jo_text_add(&d->out, "\"");
}

/* Version and flags of a full box; flags are printed if there are any. */
static uint8_t full_box(dump *d, jo_reader *r, uint32_t *flags)
{
    uint8_t version = jo_box_version(r, flags);

    add_number(d, "version", version);
    if (*flags)
        add_flags(d, "flags", *flags);
    return version;
}

static uint8_t version_of(dump *d, jo_reader *r)
{
    uint32_t flags;

    return full_box(d, r, &flags);
}

/* A field of 64 bits in version 1, of 32 before. */
static uint64_t read_wide(jo_reader *r, bool wide)
{
    return wide ? jo_read_u64(r) : jo_read_u32(r);
}

/* Prints the first entries of a table of `count`, by `entry`, which starts with a space. */
static void table(dump *d, jo_reader *r, uint32_t count, void (*entry)(dump *d, jo_reader *r))
{
    uint32_t i;

    for (i = 0; i < count && i < SHOWN && jo_reader_left(r) > 0; i++)
        entry(d, r);
    if (i < count && i == SHOWN)
        jo_text_add(&d->out, " ...");
    else if (i < count)
        r->failed = true;
}

static void counted(dump *d, jo_reader *r, size_t entry_size, void (*entry)(dump *d, jo_reader *r))
{
    uint32_t count = jo_read_u32(r);

    add_number(d, "entries", count);
    if (count > jo_reader_left(r) / entry_size) {
        r->failed = true;
        return;
    }
    table(d, r, count, entry);
}

/* ---- files and movies */

static void brand(dump *d, jo_reader *r)
{
    jo_text_addf(&d->out, " %s", fourcc(d, jo_read_u32(r)));
}

static void ftyp(dump *d, jo_reader *r)
{
    jo_text_addf(&d->out, " major=%s", fourcc(d, jo_read_u32(r)));
    add_number(d, "minor", jo_read_u32(r));
    jo_text_add(&d->out, " brands:");
    while (jo_reader_left(r) >= 4)
        brand(d, r);
}

static void mvhd(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;

    add_number(d, "created", read_wide(r, wide));
    add_number(d, "modified", read_wide(r, wide));
    add_number(d, "timescale", jo_read_u32(r));
    add_number(d, "duration", read_wide(r, wide));
    add_fixed(d, "rate", jo_read_i32(r), 65536);
    add_fixed(d, "volume", (int16_t)jo_read_u16(r), 256);
    jo_read_skip(r, 10 + 36 + 24);
    add_number(d, "next_track_ID", jo_read_u32(r));
}

static void matrix(dump *d, jo_reader *r)
{
    static const uint32_t identity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    uint32_t m[9];

    for (int i = 0; i < 9; i++)
        m[i] = jo_read_u32(r);
    if (memcmp(m, identity, sizeof m) == 0)
        return;
    jo_text_add(&d->out, " matrix:");
    for (int i = 0; i < 9; i++)
        jo_text_addf(&d->out, " %x", m[i]);
}

static void tkhd(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;

    add_number(d, "created", read_wide(r, wide));
    add_number(d, "modified", read_wide(r, wide));
    add_number(d, "track_ID", jo_read_u32(r));
    jo_read_skip(r, 4);
    add_number(d, "duration", read_wide(r, wide));
    jo_read_skip(r, 8);
    add_signed(d, "layer", (int16_t)jo_read_u16(r));
    add_number(d, "alternate_group", jo_read_u16(r));
    add_fixed(d, "volume", (int16_t)jo_read_u16(r), 256);
    jo_read_skip(r, 2);
    matrix(d, r);
    add_fixed(d, "width", jo_read_u32(r), 65536);
    add_fixed(d, "height", jo_read_u32(r), 65536);
}

static void mdhd(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;
    unsigned lang;

    add_number(d, "created", read_wide(r, wide));
    add_number(d, "modified", read_wide(r, wide));
    add_number(d, "timescale", jo_read_u32(r));
    add_number(d, "duration", read_wide(r, wide));
    lang = jo_read_u16(r);
    if (lang >= 0x400) /* 14496-12 8.4.2; below: QuickTime's numbers */
        jo_text_addf(&d->out, " language=%c%c%c", (char)(0x60 + (lang >> 10 & 31)),
                     (char)(0x60 + (lang >> 5 & 31)), (char)(0x60 + (lang & 31)));
    else
        add_number(d, "language", lang);
}

static void hdlr(dump *d, jo_reader *r)
{
    version_of(d, r);
    jo_read_skip(r, 4);
    jo_text_addf(&d->out, " type=%s", fourcc(d, jo_read_u32(r)));
    jo_read_skip(r, 12);
    add_string(d, "name", r);
}

static void elng(dump *d, jo_reader *r)
{
    version_of(d, r);
    add_string(d, "language", r);
}

static void elst_entry(dump *d, jo_reader *r, bool wide)
{
    uint64_t duration = read_wide(r, wide);
    int64_t time = wide ? jo_read_i64(r) : jo_read_i32(r);
    int32_t rate = jo_read_i32(r);

    jo_text_addf(&d->out, " [duration=%llu media_time=%lld", (unsigned long long)duration,
                 (long long)time);
    add_fixed(d, "rate", rate, 65536);
    jo_text_add(&d->out, "]");
}

static void elst_narrow(dump *d, jo_reader *r)
{
    elst_entry(d, r, false);
}

static void elst_wide(dump *d, jo_reader *r)
{
    elst_entry(d, r, true);
}

static void elst(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;

    counted(d, r, wide ? 20 : 12, wide ? elst_wide : elst_narrow);
}

/* ---- sample tables */

static void stsd(dump *d, jo_reader *r)
{
    version_of(d, r);
    add_number(d, "entries", jo_read_u32(r));
}

static void visual(dump *d, jo_reader *r)
{
    jo_read_skip(r, 6);
    add_number(d, "data_reference", jo_read_u16(r));
    jo_read_skip(r, 16);
    add_number(d, "width", jo_read_u16(r));
    add_number(d, "height", jo_read_u16(r));
    jo_read_skip(r, 12);
    add_number(d, "frame_count", jo_read_u16(r));
    jo_reader name = jo_read_sub(r, 32);
    size_t n = jo_read_u8(&name);
    jo_reader text = jo_read_sub(&name, n < 31 ? n : 31);
    add_string(d, "compressor", &text);
    add_number(d, "depth", jo_read_u16(r));
    jo_read_skip(r, 2);
}

static void audio(dump *d, jo_reader *r)
{
    unsigned version;

    if (jo_reader_left(r) == 4) /* QuickTime: `wave` holds an empty copy */
        return;
    jo_read_skip(r, 6);
    add_number(d, "data_reference", jo_read_u16(r));
    version = jo_read_u16(r);
    jo_read_skip(r, 6);
    add_number(d, "channels", jo_read_u16(r));
    add_number(d, "bits", jo_read_u16(r));
    jo_read_skip(r, 4);
    add_fixed(d, "rate", jo_read_u32(r), 65536);
    if (version) /* QuickTime's sound description */
        add_number(d, "qt_version", version);
    if (version == 1)
        jo_read_skip(r, 16);
    else if (version == 2)
        jo_read_skip(r, 36);
}

static void parameter_sets(dump *d, jo_reader *r, const char *name, unsigned count)
{
    while (count-- > 0 && !r->failed) {
        size_t n = jo_read_u16(r);
        add_hex(d, name, jo_read_bytes(r, n), n);
    }
}

static void avcc(dump *d, jo_reader *r) /* 14496-15 5.3.3.1 */
{
    add_number(d, "version", jo_read_u8(r));
    add_number(d, "profile", jo_read_u8(r));
    add_flags(d, "compatibility", jo_read_u8(r));
    add_number(d, "level", jo_read_u8(r));
    add_number(d, "nal_length", (jo_read_u8(r) & 3U) + 1);
    parameter_sets(d, r, "sps", jo_read_u8(r) & 31);
    parameter_sets(d, r, "pps", jo_read_u8(r));
    if (jo_reader_left(r) > 0) {
        size_t n = jo_reader_left(r);
        add_hex(d, "extension", jo_read_bytes(r, n), n);
    }
}

/* Header of an MPEG-4 descriptor, 14496-1 8.3.3; *r goes behind it. */
static unsigned descriptor(jo_reader *r, jo_reader *body)
{
    unsigned tag = jo_read_u8(r);
    size_t n = 0;
    uint8_t b = 0x80;

    for (int i = 0; i < 4 && b & 0x80; i++) {
        b = jo_read_u8(r);
        n = n << 7 | (b & 0x7f);
    }
    *body = jo_read_sub(r, n);
    return tag;
}

static void decoder_config(dump *d, jo_reader *r)
{
    jo_reader body;

    add_flags(d, "object_type", jo_read_u8(r));
    add_number(d, "stream_type", jo_read_u8(r) >> 2);
    add_number(d, "buffer", jo_read_u24(r));
    add_number(d, "max_bitrate", jo_read_u32(r));
    add_number(d, "avg_bitrate", jo_read_u32(r));
    while (jo_reader_left(r) >= 2) {
        if (descriptor(r, &body) == 5) {
            size_t n = jo_reader_left(&body);
            add_hex(d, "config", jo_read_bytes(&body, n), n);
        }
    }
}

static void esds(dump *d, jo_reader *r)
{
    jo_reader es, body;
    unsigned flags;

    version_of(d, r);
    if (descriptor(r, &es) != 3)
        return;
    add_number(d, "es_id", jo_read_u16(&es));
    flags = jo_read_u8(&es);
    jo_read_skip(&es, (flags & 0x80 ? 2 : 0) + (flags & 0x20 ? 2 : 0));
    if (flags & 0x40) {
        size_t url = jo_read_u8(&es);
        jo_read_skip(&es, url);
    }
    while (jo_reader_left(&es) >= 2) {
        if (descriptor(&es, &body) == 4)
            decoder_config(d, &body);
    }
    r->failed = r->failed || es.failed;
}

static void pasp(dump *d, jo_reader *r)
{
    add_number(d, "h", jo_read_u32(r));
    add_number(d, "v", jo_read_u32(r));
}

static void btrt(dump *d, jo_reader *r)
{
    add_number(d, "buffer", jo_read_u32(r));
    add_number(d, "max_bitrate", jo_read_u32(r));
    add_number(d, "avg_bitrate", jo_read_u32(r));
}

static void pair(dump *d, jo_reader *r)
{
    uint32_t count = jo_read_u32(r), v = jo_read_u32(r);

    jo_text_addf(&d->out, " %ux%u", count, v);
}

static void pair_signed(dump *d, jo_reader *r)
{
    uint32_t count = jo_read_u32(r);
    int32_t v = jo_read_i32(r);

    jo_text_addf(&d->out, " %ux%d", count, v);
}

static void stts(dump *d, jo_reader *r)
{
    version_of(d, r);
    counted(d, r, 8, pair);
}

static void ctts(dump *d, jo_reader *r)
{
    /* Writers put negative offsets into version 0, too; a large unsigned one does not occur. */
    version_of(d, r);
    counted(d, r, 8, pair_signed);
}

static void word(dump *d, jo_reader *r)
{
    jo_text_addf(&d->out, " %u", jo_read_u32(r));
}

static void long_word(dump *d, jo_reader *r)
{
    jo_text_addf(&d->out, " %llu", (unsigned long long)jo_read_u64(r));
}

static void words(dump *d, jo_reader *r) /* stss, stco */
{
    version_of(d, r);
    counted(d, r, 4, word);
}

static void co64(dump *d, jo_reader *r)
{
    version_of(d, r);
    counted(d, r, 8, long_word);
}

static void stsc_entry(dump *d, jo_reader *r)
{
    uint32_t first = jo_read_u32(r), samples = jo_read_u32(r), entry = jo_read_u32(r);

    jo_text_addf(&d->out, " [from=%u samples=%u entry=%u]", first, samples, entry);
}

static void stsc(dump *d, jo_reader *r)
{
    version_of(d, r);
    counted(d, r, 12, stsc_entry);
}

static void stsz(dump *d, jo_reader *r)
{
    uint32_t size;

    version_of(d, r);
    size = jo_read_u32(r);
    add_number(d, "sample_size", size);
    if (size)
        add_number(d, "entries", jo_read_u32(r));
    else
        counted(d, r, 4, word);
}

/* ---- fragments */

static void mehd(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;

    add_number(d, "duration", read_wide(r, wide));
}

static void trex(dump *d, jo_reader *r)
{
    version_of(d, r);
    add_number(d, "track_ID", jo_read_u32(r));
    add_number(d, "entry", jo_read_u32(r));
    add_number(d, "duration", jo_read_u32(r));
    add_number(d, "size", jo_read_u32(r));
    add_flags(d, "sample_flags", jo_read_u32(r));
}

static void mfhd(dump *d, jo_reader *r)
{
    version_of(d, r);
    add_number(d, "sequence", jo_read_u32(r));
}

static void tfhd(dump *d, jo_reader *r) /* 14496-12 8.8.7 */
{
    uint32_t flags;

    full_box(d, r, &flags);
    add_number(d, "track_ID", jo_read_u32(r));
    if (flags & 0x1)
        add_number(d, "base_data_offset", jo_read_u64(r));
    if (flags & 0x2)
        add_number(d, "entry", jo_read_u32(r));
    if (flags & 0x8)
        add_number(d, "duration", jo_read_u32(r));
    if (flags & 0x10)
        add_number(d, "size", jo_read_u32(r));
    if (flags & 0x20)
        add_flags(d, "sample_flags", jo_read_u32(r));
}

static void tfdt(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;

    add_number(d, "time", read_wide(r, wide));
}

static void trun_sample(dump *d, jo_reader *r, uint32_t flags)
{
    jo_text_add(&d->out, " [");
    if (flags & 0x100)
        add_number(d, "duration", jo_read_u32(r));
    if (flags & 0x200)
        add_number(d, "size", jo_read_u32(r));
    if (flags & 0x400)
        add_flags(d, "flags", jo_read_u32(r));
    if (flags & 0x800)
        add_signed(d, "cts", jo_read_i32(r));
    jo_text_add(&d->out, " ]");
}

static void trun(dump *d, jo_reader *r) /* 14496-12 8.8.8 */
{
    uint32_t flags, count, i;
    size_t entry_size = 0;

    full_box(d, r, &flags);
    count = jo_read_u32(r);
    add_number(d, "samples", count);
    if (flags & 0x1)
        add_signed(d, "data_offset", jo_read_i32(r));
    if (flags & 0x4)
        add_flags(d, "first_flags", jo_read_u32(r));
    for (i = 0x100; i <= 0x800; i <<= 1)
        entry_size += flags & i ? 4 : 0;
    for (i = 0; i < count && i < SHOWN && entry_size; i++)
        trun_sample(d, r, flags);
    if (i < count && entry_size)
        jo_text_add(&d->out, " ...");
    if (entry_size && count - i > jo_reader_left(r) / entry_size)
        r->failed = true;
}

static void sidx_entry(dump *d, jo_reader *r)
{
    uint32_t size = jo_read_u32(r), duration = jo_read_u32(r), sap = jo_read_u32(r);

    jo_text_addf(&d->out, " [%s size=%u duration=%u sap=0x%x]", size >> 31 ? "index" : "media",
                 size & 0x7fffffff, duration, sap);
}

static void sidx(dump *d, jo_reader *r)
{
    bool wide = version_of(d, r) == 1;
    uint32_t count;

    add_number(d, "reference_ID", jo_read_u32(r));
    add_number(d, "timescale", jo_read_u32(r));
    add_number(d, "time", read_wide(r, wide));
    add_number(d, "first_offset", read_wide(r, wide));
    jo_read_skip(r, 2);
    count = jo_read_u16(r);
    add_number(d, "entries", count);
    table(d, r, count, sidx_entry);
}

static void emsg_times(dump *d, jo_reader *r, bool wide)
{
    add_number(d, "timescale", jo_read_u32(r));
    add_number(d, wide ? "time" : "time_delta", read_wide(r, wide));
    add_number(d, "duration", jo_read_u32(r));
    add_number(d, "id", jo_read_u32(r));
}

static void emsg(dump *d, jo_reader *r) /* 23009-1 5.10.3.3 */
{
    bool late = version_of(d, r) == 1;

    if (late)
        emsg_times(d, r, true);
    add_string(d, "scheme", r);
    add_string(d, "value", r);
    if (!late)
        emsg_times(d, r, false);
    add_hex(d, "payload", r->at, jo_reader_left(r) < PAYLOAD ? jo_reader_left(r) : PAYLOAD);
    jo_text_add(&d->out, jo_reader_left(r) > PAYLOAD ? "..." : "");
}

/* ---- walking */

#define BOX(a, b, c, d) JO_FOURCC((a), (b), (c), (d))

static const known boxes[] = {
    {BOX('f', 't', 'y', 'p'), ftyp, false},  {BOX('s', 't', 'y', 'p'), ftyp, false},
    {BOX('m', 'o', 'o', 'v'), NULL, true},   {BOX('t', 'r', 'a', 'k'), NULL, true},
    {BOX('m', 'd', 'i', 'a'), NULL, true},   {BOX('m', 'i', 'n', 'f'), NULL, true},
    {BOX('s', 't', 'b', 'l'), NULL, true},   {BOX('e', 'd', 't', 's'), NULL, true},
    {BOX('d', 'i', 'n', 'f'), NULL, true},   {BOX('m', 'v', 'e', 'x'), NULL, true},
    {BOX('m', 'o', 'o', 'f'), NULL, true},   {BOX('t', 'r', 'a', 'f'), NULL, true},
    {BOX('m', 'f', 'r', 'a'), NULL, true},   {BOX('s', 'i', 'n', 'f'), NULL, true},
    {BOX('s', 'c', 'h', 'i'), NULL, true},   {BOX('w', 'a', 'v', 'e'), NULL, true},
    {BOX('m', 'v', 'h', 'd'), mvhd, false},  {BOX('t', 'k', 'h', 'd'), tkhd, false},
    {BOX('m', 'd', 'h', 'd'), mdhd, false},  {BOX('h', 'd', 'l', 'r'), hdlr, false},
    {BOX('e', 'l', 'n', 'g'), elng, false},  {BOX('e', 'l', 's', 't'), elst, false},
    {BOX('s', 't', 's', 'd'), stsd, true},   {BOX('a', 'v', 'c', '1'), visual, true},
    {BOX('a', 'v', 'c', '3'), visual, true}, {BOX('h', 'v', 'c', '1'), visual, true},
    {BOX('h', 'e', 'v', '1'), visual, true}, {BOX('a', 'v', '0', '1'), visual, true},
    {BOX('v', 'p', '0', '9'), visual, true}, {BOX('e', 'n', 'c', 'v'), visual, true},
    {BOX('m', 'p', '4', 'a'), audio, true},  {BOX('a', 'c', '-', '3'), audio, true},
    {BOX('e', 'c', '-', '3'), audio, true},  {BOX('e', 'n', 'c', 'a'), audio, true},
    {BOX('a', 'v', 'c', 'C'), avcc, false},  {BOX('e', 's', 'd', 's'), esds, false},
    {BOX('p', 'a', 's', 'p'), pasp, false},  {BOX('b', 't', 'r', 't'), btrt, false},
    {BOX('s', 't', 't', 's'), stts, false},  {BOX('c', 't', 't', 's'), ctts, false},
    {BOX('s', 't', 's', 's'), words, false}, {BOX('s', 't', 'c', 'o'), words, false},
    {BOX('c', 'o', '6', '4'), co64, false},  {BOX('s', 't', 's', 'c'), stsc, false},
    {BOX('s', 't', 's', 'z'), stsz, false},  {BOX('m', 'e', 'h', 'd'), mehd, false},
    {BOX('t', 'r', 'e', 'x'), trex, false},  {BOX('m', 'f', 'h', 'd'), mfhd, false},
    {BOX('t', 'f', 'h', 'd'), tfhd, false},  {BOX('t', 'f', 'd', 't'), tfdt, false},
    {BOX('t', 'r', 'u', 'n'), trun, false},  {BOX('s', 'i', 'd', 'x'), sidx, false},
    {BOX('e', 'm', 's', 'g'), emsg, false},
};

static const known *find_known(uint32_t type)
{
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        if (boxes[i].type == type)
            return &boxes[i];
    return NULL;
}

static void start_line(dump *d, uint32_t type, int64_t size)
{
    jo_text_addf(&d->out, "%*s%s size=%lld", 2 * d->depth, "", fourcc(d, type), (long long)size);
}

/* Fields, end of the line and children of a box. */
static void print_body(dump *d, uint32_t type, jo_reader r)
{
    const known *k = find_known(type);

    if (k && k->fields)
        k->fields(d, &r);
    jo_text_add(&d->out, "\n");
    d->depth++;
    if (r.failed)
        damage(d, "%s is too short for its fields", fourcc(d, type));
    else if (k && k->children)
        walk(d, &r);
    d->depth--;
}

static void walk(dump *d, jo_reader *r)
{
    jo_box box;
    const uint8_t *start = r->at;

    if (d->depth > DEPTH_MAX) {
        damage(d, "boxes nested too deeply");
        return;
    }
    for (jo_reader before = *r; jo_box_next(r, &box); before = *r) {
        start = r->at;
        start_line(d, box.type, r->at - before.at);
        print_body(d, box.type, box.body);
    }
    if (r->failed) {
        jo_reader rest = {start, r->end, false};
        uint32_t size = jo_read_u32(&rest), type = jo_read_u32(&rest);
        damage(d, "stops here: %s of %u bytes, its parent has %lld left", fourcc(d, type), size,
               (long long)(r->end - start));
    } else if (r->end > r->at) {
        jo_text_addf(&d->out, "%*s(%lld more bytes)\n", 2 * d->depth, "",
                     (long long)(r->end - r->at));
    }
}

/* A box of the file. Only known ones are read. */
static apr_status_t print_top(dump *d, jo_source *src, const jo_top_box *box)
{
    jo_reader payload;

    start_line(d, box->type, box->size);
    if (!find_known(box->type) || box->cut) {
        jo_text_add(&d->out, "\n");
        if (box->cut)
            damage(d, "stops here: the file ends after %lld bytes of it",
                   (long long)(src->id.size - box->offset));
        return APR_SUCCESS;
    }
    if (jo_top_box_load(d->cx, src, box, &payload) != APR_SUCCESS) {
        jo_text_add(&d->out, "\n");
        return d->cx->code;
    }
    print_body(d, box->type, payload);
    return APR_SUCCESS;
}

/* Prints what it can; the first error in the file, if any, is in d->cx. False if nobody takes the text. */
static bool print_file(dump *d, jo_source *src)
{
    jo_top_box box;
    int64_t at = 0;

    while (at < src->id.size) {
        apr_status_t rv = jo_top_box_read(d->cx, src, at, &box);
        if (rv == APR_EOF) {
            jo_text_addf(&d->out, "(%lld more bytes)\n", (long long)(src->id.size - at));
            return true;
        }
        if (rv != APR_SUCCESS || print_top(d, src, &box) != APR_SUCCESS || box.cut)
            return true;
        at += box.size;
        if (!jo_cli_write(d->out.s, d->out.len))
            return false;
        d->out.len = 0;
    }
    return true;
}

/* Standard input, whole, as a source. */
static apr_status_t open_stdin(jo_ctx *cx, jo_source **out)
{
    jo_opener *mem = jo_source_mem_opener(cx->pool);
    char piece[65536];
    jo_writer w;

    jo_writer_init(&w, cx->pool, sizeof piece);
    for (size_t n; (n = fread(piece, 1, sizeof piece, stdin)) > 0;)
        jo_write_bytes(&w, piece, n);
    jo_source_mem_add(mem, "/standard input", w.data, w.len);
    cx->opener = mem;
    return jo_source_open(cx, "/standard input", out);
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    const char *name = args->files[0];
    dump d = {0};
    jo_source *src;
    jo_ctx cx;
    apr_status_t rv;

    jo_cli_ctx(&cx, pool);
    d.cx = &cx;
    jo_text_init(&d.out, pool, 4096);
    rv = strcmp(name, "-") == 0 ? open_stdin(&cx, &src)
                                : jo_source_open(&cx, jo_cli_absolute(pool, name), &src);
    if (rv != APR_SUCCESS)
        return jo_cli_fail(&cx);
    if ((!jo_dump_packed(&cx, src, &d.out, &d.damaged) && !print_file(&d, src)) ||
        !jo_cli_write(d.out.s, d.out.len))
        return JO_EXIT_FAILED;
    if (cx.code == APR_SUCCESS && d.damaged)
        jo_fail(&cx, JO_EMEDIA, "damaged where the lines say !!");
    if (cx.code == APR_SUCCESS)
        return 0;
    jo_fail_in(&cx, src->name);
    return jo_cli_fail(&cx);
}

static const apr_getopt_option_t options[] = {JO_OPTION_HELP, {0}};

const jo_command jo_cmd_dump = {
    .name = "dump",
    .args = "FILE",
    .what = "print the boxes of an MP4 or CMAF file, or the frames of packed audio, as text",
    .more = "FILE - is standard input. What is damaged is marked by !!.",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
