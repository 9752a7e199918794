#include "dump_packed.h"

#include "../base/bytes.h"

#include <string.h>

enum {
    SHOWN = 6,
    TAG_HEADER = 10
}; /* sizes of a run's frames that are printed; bytes of an ID3 tag's header */

/* What a frame says of itself, and how long it is, header included. */
typedef struct frame {
    jo_text said;
    size_t size; /* 0: it is none */
} frame;

/* ---- frames */

/* 14496-3 1.A.2.2 */
static void read_adts(jo_bits *b, frame *f)
{
    static const uint32_t rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                       22050, 16000, 12000, 11025, 8000,  7350};

    jo_bits_read(b, 12);
    unsigned mpeg2 = jo_bits_read(b, 1);
    jo_bits_read(b, 2);
    unsigned unprotected = jo_bits_read(b, 1), type = jo_bits_read(b, 2) + 1;
    unsigned rate = rates[jo_bits_read(b, 4)];
    jo_bits_read(b, 1);
    unsigned channels = jo_bits_read(b, 3);
    jo_bits_read(b, 4);
    f->size = jo_bits_read(b, 13);
    unsigned fullness = jo_bits_read(b, 11), blocks = jo_bits_read(b, 2) + 1;
    jo_text_addf(&f->said,
                 "ADTS mpeg=%d crc=%d object_type=%u rate=%u channels=%u fullness=0x%x blocks=%u",
                 mpeg2 ? 2 : 4, !unprotected, type, rate, channels, fullness, blocks);
    f->size = f->size < (unprotected ? 7 : 9) ? 0 : f->size;
}

/* ETSI TS 102 366 4.3 */
static void read_ac3(jo_bits *b, frame *f)
{
    static const uint16_t rates[] = {32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
                                     192, 224, 256, 320, 384, 448, 512, 576, 640};
    static const uint32_t hz[] = {48000, 44100, 32000};

    jo_bits_read(b, 32);
    unsigned fscod = jo_bits_read(b, 2), code = jo_bits_read(b, 6), bsid = jo_bits_read(b, 5);
    unsigned bsmod = jo_bits_read(b, 3), acmod = jo_bits_read(b, 3);
    if (acmod & 1 && acmod != 1)
        jo_bits_read(b, 2);
    if (acmod & 4)
        jo_bits_read(b, 2);
    if (acmod == 2)
        jo_bits_read(b, 2);
    unsigned lfe = jo_bits_read(b, 1);
    if (fscod == 3 || code / 2 >= sizeof rates / sizeof *rates)
        return;
    unsigned words = rates[code / 2] * 96000U / hz[fscod]; /* of 1536 samples */
    f->size = 2 * (words + (fscod == 1 ? code & 1 : 0));
    jo_text_addf(&f->said, "AC-3 bsid=%u bsmod=%u rate=%u kbps=%u acmod=%u lfe=%u", bsid, bsmod,
                 hz[fscod], rates[code / 2], acmod, lfe);
}

/* ETSI TS 102 366 E.1.2 */
static void read_eac3(jo_bits *b, frame *f)
{
    static const uint32_t hz[] = {48000, 44100, 32000, 0};
    static const uint8_t blocks[] = {1, 2, 3, 6};

    jo_bits_read(b, 16);
    unsigned type = jo_bits_read(b, 2), id = jo_bits_read(b, 3);
    f->size = 2 * (jo_bits_read(b, 11) + 1);
    unsigned fscod = jo_bits_read(b, 2), second = jo_bits_read(b, 2);
    unsigned acmod = jo_bits_read(b, 3), lfe = jo_bits_read(b, 1), bsid = jo_bits_read(b, 5);
    jo_text_addf(&f->said, "E-AC-3 bsid=%u type=%u substream=%u rate=%u blocks=%u acmod=%u lfe=%u",
                 bsid, type, id, fscod == 3 ? hz[second] / 2 : hz[fscod],
                 fscod == 3 ? 6 : blocks[second], acmod, lfe);
}

static void read_dolby(jo_bits *b, frame *f)
{
    jo_bits ahead = *b;

    jo_bits_read(&ahead, 32);
    jo_bits_read(&ahead, 8);
    unsigned bsid = jo_bits_read(&ahead, 5);
    if (bsid <= 10)
        read_ac3(b, f);
    else if (bsid <= 16)
        read_eac3(b, f);
}

/* kbit/s by version (1, then 2 and 2.5), layer and index: 11172-3 2.4.2.3, 13818-3 2.4.2.3 */
static const uint16_t kbps[2][3][15] = {
    {{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
     {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
     {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
    {{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
     {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
     {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}}};

static size_t mpeg_size(unsigned layer, bool half, unsigned bits, unsigned rate, unsigned padding)
{
    if (layer == 1)
        return (12 * bits / rate + padding) * 4;
    return (layer == 3 && half ? 72 : 144) * bits / rate + padding;
}

/* 11172-3 2.4.1.3; version 0 is the half-rate "2.5". */
static void read_mpeg(jo_bits *b, frame *f)
{
    static const uint32_t hz[] = {44100, 48000, 32000};
    static const char *const versions[] = {"2.5", "", "2", "1"};

    jo_bits_read(b, 11);
    unsigned version = jo_bits_read(b, 2), layer = 4 - jo_bits_read(b, 2);
    jo_bits_read(b, 1);
    unsigned bits = jo_bits_read(b, 4), rate = jo_bits_read(b, 2), padding = jo_bits_read(b, 1);
    jo_bits_read(b, 1);
    unsigned mode = jo_bits_read(b, 2);
    if (version == 1 || layer == 4 || bits == 0 || bits == 15 || rate == 3)
        return;
    rate = hz[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    f->size =
        mpeg_size(layer, version != 3, kbps[version != 3][layer - 1][bits] * 1000U, rate, padding);
    jo_text_addf(&f->said, "MPEG audio version=%s layer=%u rate=%u channels=%d", versions[version],
                 layer, rate, mode == 3 ? 1 : 2);
}

static bool is_adts(const uint8_t *p)
{
    return p[0] == 0xff && (p[1] & 0xf6) == 0xf0;
}

static void read_frame(const uint8_t *data, size_t len, frame *f)
{
    jo_bits b;

    f->said.len = 0;
    f->size = 0;
    jo_bits_init(&b, data, len);
    if (len >= 2 && is_adts(data))
        read_adts(&b, f);
    else if (len >= 2 && data[0] == 0xff && data[1] >= 0xe0)
        read_mpeg(&b, f);
    else if (len >= 2 && data[0] == 0x0b && data[1] == 0x77)
        read_dolby(&b, f);
    if (b.failed)
        f->size = 0;
}

/* ---- ID3 tags: ID3v2.4.0 3.1, 4 */

static uint32_t synchsafe(jo_reader *r)
{
    uint32_t v = jo_read_u32(r);

    return (v >> 24 & 0x7f) << 21 | (v >> 16 & 0x7f) << 14 | (v >> 8 & 0x7f) << 7 | (v & 0x7f);
}

static void add_text(jo_text *out, jo_reader *r)
{
    for (int c; jo_reader_left(r) > 0 && (c = jo_read_u8(r)) != 0;) {
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            jo_text_addf(out, "\\x%02x", (unsigned)c);
        else
            jo_text_addf(out, "%c", c);
    }
}

static void print_priv(jo_text *out, jo_reader *body)
{
    jo_text_add(out, " owner=\"");
    add_text(out, body);
    jo_text_add(out, "\"");
    if (jo_reader_left(body) == 8)
        jo_text_addf(out, " time=%llu", (unsigned long long)jo_read_u64(body));
    else
        jo_text_addf(out, " (%zu more bytes)", jo_reader_left(body));
}

/* What is behind the tag, in *r. */
static bool print_tag(jo_text *out, jo_reader *r)
{
    jo_read_skip(r, 3);
    unsigned version = jo_read_u8(r), revision = jo_read_u8(r), flags = jo_read_u8(r);
    uint32_t size = synchsafe(r);
    jo_reader tag = jo_read_sub(r, size);

    jo_text_addf(out, "ID3 version=2.%u.%u flags=0x%x size=%u\n", version, revision, flags, size);
    while (jo_reader_left(&tag) >= TAG_HEADER && tag.at[0] != 0) {
        char id[5] = "";
        memcpy(id, jo_read_bytes(&tag, 4), 4);
        jo_reader name = {(const uint8_t *)id, (const uint8_t *)id + 4, false};
        size = synchsafe(&tag);
        flags = jo_read_u16(&tag);
        jo_reader body = jo_read_sub(&tag, size);
        jo_text_add(out, "  ");
        add_text(out, &name);
        jo_text_addf(out, " flags=0x%x size=%u", flags, size);
        if (strcmp(id, "PRIV") == 0)
            print_priv(out, &body);
        jo_text_add(out, "\n");
    }
    return !r->failed && !tag.failed;
}

/* ---- all of it */

/* Frames of equal headers. */
typedef struct run {
    frame of;
    unsigned count;
    size_t bytes;
    size_t sizes[SHOWN];
} run;

static void print_run(jo_text *out, run *r)
{
    if (r->count == 0)
        return;
    jo_text_add_n(out, r->of.said.s, r->of.said.len);
    jo_text_addf(out, " frames=%u bytes=%zu sizes:", r->count, r->bytes);
    for (unsigned i = 0; i < r->count && i < SHOWN; i++)
        jo_text_addf(out, " %zu", r->sizes[i]);
    jo_text_add(out, r->count > SHOWN ? " ...\n" : "\n");
    r->count = 0;
    r->bytes = 0;
}

static void add_to_run(jo_text *out, run *r, const frame *f)
{
    const jo_text *had = &r->of.said;

    if (had->len != f->said.len || memcmp(had->s, f->said.s, had->len) != 0) {
        print_run(out, r);
        r->of.said.len = 0;
        jo_text_add_n(&r->of.said, f->said.s, f->said.len);
    }
    if (r->count < SHOWN)
        r->sizes[r->count] = f->size;
    r->count++;
    r->bytes += f->size;
}

/* Tags and frames up to the end, or to what is neither. */
static bool print_all(jo_text *out, jo_reader *r, run *frames, frame *f)
{
    while (jo_reader_left(r) > 0) {
        if (jo_reader_left(r) >= TAG_HEADER && memcmp(r->at, "ID3", 3) == 0) {
            print_run(out, frames);
            if (!print_tag(out, r))
                return false;
            continue;
        }
        read_frame(r->at, jo_reader_left(r), f);
        if (f->size == 0 || f->size > jo_reader_left(r))
            return false;
        add_to_run(out, frames, f);
        jo_read_skip(r, f->size);
    }
    return true;
}

static void print(jo_ctx *cx, const uint8_t *data, size_t len, jo_text *out, bool *damaged)
{
    jo_reader r;
    run frames = {.count = 0};
    frame f;

    jo_reader_init(&r, data, len);
    jo_text_init(&frames.of.said, cx->pool, 128);
    jo_text_init(&f.said, cx->pool, 128);
    *damaged = !print_all(out, &r, &frames, &f);
    print_run(out, &frames);
    if (*damaged)
        jo_text_addf(out, "!! stops here: %zu bytes left, no whole frame or tag\n",
                     jo_reader_left(&r));
}

static bool begins(const uint8_t *data)
{
    return memcmp(data, "ID3", 3) == 0 || (data[0] == 0xff && data[1] >= 0xe0) ||
           (data[0] == 0x0b && data[1] == 0x77);
}

bool jo_dump_packed(jo_ctx *cx, jo_source *src, jo_text *out, bool *damaged)
{
    int64_t size = src->id.size;
    uint8_t head[3];

    if (size < (int64_t)sizeof head || size > (int64_t)cx->limits->segment_size ||
        jo_source_read(cx, src, 0, sizeof head, head) != APR_SUCCESS || !begins(head))
        return false;
    uint8_t *data = apr_palloc(cx->pool, (size_t)size);
    if (jo_source_read(cx, src, 0, (size_t)size, data) == APR_SUCCESS)
        print(cx, data, (size_t)size, out, damaged);
    return true;
}
