/* Video codecs beside H.264 in its usual dress (codec_test.c): what their records say, what probes add, what is written,
 * and records that are damaged. Records are x265's, aomenc's and libvpx's of a test picture of 318x178, or by hand. */
#include "../../src/base/status.h"
#include "../../src/media/codec.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

static apr_pool_t *pool;
static jo_ctx cx;
static void *entry; /* of the track under test, exact */

/* Children of an entry: "hvcC:0102… pasp:…" */
static void put_boxes(jo_writer *w, const char *boxes)
{
    while (*boxes) {
        char type[5] = {0};
        memcpy(type, boxes, 4);
        size_t at = open_box(w, type);
        for (boxes += 5; *boxes && *boxes != ' '; boxes += 2) {
            char byte[3] = {boxes[0], boxes[1], 0};
            jo_write_u8(w, (unsigned)strtoul(byte, NULL, 16));
        }
        close_box(w, at);
        boxes += *boxes == ' ';
    }
}

static jo_writer video(const char *type, unsigned width, unsigned height, const char *boxes)
{
    jo_writer w;

    jo_writer_init(&w, pool, 256);
    size_t at = open_visual(&w, type, width, height);
    put_boxes(&w, boxes);
    close_box(&w, at);
    return w;
}

static jo_track parse(const jo_writer *w)
{
    jo_track t = {.kind = JO_VIDEO, .id = 1, .timescale = 1000, .sar_w = 1, .sar_h = 1};

    free(entry);
    entry = exact(w->data, w->len);
    t.entry = entry;
    t.entry_len = w->len;
    t.fourcc = jo_get_u32(t.entry + 4);
    jo_codec_parse(&cx, &t);
    return t;
}

static jo_writer written(const jo_track *t, jo_entry_style style)
{
    jo_writer w;

    jo_writer_init(&w, pool, 64);
    t->codec->write_entry(t, style, &w);
    return w;
}

static bool holds(const jo_writer *w, const char *type)
{
    for (size_t i = 0; i + 4 <= w->len; i++)
        if (!memcmp(w->data + i, type, 4))
            return true;
    return false;
}

static void probe(jo_track *t, const void *data, size_t len)
{
    t->probe = exact(data, len);
    t->probe_len = len;
    t->codec->probe(&cx, t);
    free((void *)t->probe);
    t->probe = NULL;
    t->probe_len = 0;
}

/* -- records, whole -------------------------------------------------------------------------------------- */

/* Main 10, level 2, PQ, sample aspect 4:3 */
#define MAIN10_VPS "40010c01ffff02200000030090000003000003003c959409"
#define MAIN10_SPS                                                                                 \
    "42010102200000030090000003000003003ca00a080c1d4436595952930bc39a8488048200000300020000030014" \
    "10"
#define MAIN10_PPS  "4401c073c189"
#define MAIN10_HEAD "0102200000009000000000003cf000fcfdfafa00000f"
#define MAIN10 \
    "hvcC:" MAIN10_HEAD "03a000010018" MAIN10_VPS "a10001002f" MAIN10_SPS "a200010006" MAIN10_PPS
/* 4:4:4 of the range extensions, HLG on BT.709, full range */
#define REXT                                                                                       \
    "hvcC:"                                                                                        \
    "0104080000009e08000000003cf000fcfff8f800000f03a00001001740010c01ffff0408000003009e080000"     \
    "0300003c959409a10001002e4201010408000003009e0800000300003c9001410173b9f2cacb24995e02dc044804" \
    "1"                                                                                            \
    "0000003001000000300a080a2000100084401c172860c4624"
/* high tier, scaling lists flag, sets not said to be complete */
#define HIGH                                                                                       \
    "hvcC:01216000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff2160000003009000000" \
    "30000030078959409210001002c420101216000000300900000030000030078a00a080c1d4465959529385e02d01" \
    "0000003001000000300a08022000100064401c073c189"
#define P5   " dvcC:01000a350000000000000000000000000000000000000000"
#define P81  " dvvC:010010351000000000000000000000000000000000000000"
#define P82  " dvvC:010010352000000000000000000000000000000000000000"
#define P84  " dvvC:010010354000000000000000000000000000000000000000"
#define P7   " dvcC:01000e376000000000000000000000000000000000000000"
#define P100 " dvvC:010014350000000000000000000000000000000000000000"
#define P101 " dvvC:010014351000000000000000000000000000000000000000"
#define P9   " dvvC:010012352000000000000000000000000000000000000000"
/* VVC: one layer; and profile 17 at high tier, output layer set 1 of 4 sublayers, two sub-profiles */
#define VVC_SETS "028f00010003007900900001000300810a"
#define VVC                             \
    "vvcC:00000000ff00155f010233800005" \
    "0002d00000" VVC_SETS
#define VVC_RICH                                                  \
    "vvcC:00000000ff00c55f032353c00001a0403302b5003c000000000105" \
    "0002d00000" VVC_SETS
#define AVC                                                                               \
    "avcC:0164000cffe1001e6764000cacd941419ea23016e1224128000003000800000300a078a14cb001" \
    "000668ebe3cb22c0fdf8f800"

typedef struct record_case {
    const char *what;
    const char *type; /* of the entry */
    const char *boxes;
    const char *source, *plain; /* RFC 6381; NULL: refused */
    const char *supplemental;
    const char *range;     /* VIDEO-RANGE */
    unsigned width, sar_w; /* 318x178 unless others are said */
    const char *colour;    /* primaries/transfer/matrix/full range; NULL: not known */
} record_case;

static const record_case records[] = {
    /* 14496-15 E.3 */
    {"Main 10, PQ", "hvc1", MAIN10, "hvc1.2.4.L60.90", "hvc1.2.4.L60.90", NULL, "PQ", 318, 4,
     "9/16/9/0"},
    {"the same in-band", "hev1", MAIN10, "hev1.2.4.L60.90", "hvc1.2.4.L60.90", NULL, "PQ", 318, 4,
     "9/16/9/0"},
    {"range extensions, HLG", "hvc1", REXT, "hvc1.4.10.L60.9E.8", "hvc1.4.10.L60.9E.8", NULL, "HLG",
     318, 1, "1/18/1/1"},
    {"high tier", "hev1", HIGH, "hev1.1.6.H120.90", "hvc1.1.6.H120.90", NULL, NULL, 318, 1, NULL},
    {"colr wins over the VUI", "hvc1", MAIN10 " colr:6e636c7800010001000100", "hvc1.2.4.L60.90",
     "hvc1.2.4.L60.90", NULL, "SDR", 318, 4, "1/1/1/0"},
    {"a colr that says nothing does not", "hvc1", MAIN10 " colr:6e636c7800020002000200",
     "hvc1.2.4.L60.90", "hvc1.2.4.L60.90", NULL, "PQ", 318, 4, "9/16/9/0"},
    {"pasp wins over the VUI", "hvc1", MAIN10 " pasp:0000000200000001", "hvc1.2.4.L60.90",
     "hvc1.2.4.L60.90", NULL, "PQ", 318, 2, "9/16/9/0"},
    {"profile space, no constraints", "hvc1",
     "hvcC:01c26000000000000000000000f000fcfdf8f800000f03a000010018" MAIN10_VPS
     "a10001002f" MAIN10_SPS "a200010006" MAIN10_PPS,
     "hvc1.C2.6.L0", "hvc1.C2.6.L0", NULL, "PQ", 318, 4, "9/16/9/0"},
    /* Dolby Vision */
    {"profile 5", "dvh1", HIGH P5, "dvh1.05.06", "dvh1.05.06", NULL, "PQ", 318, 1, NULL},
    {"profile 5 in-band", "dvhe", HIGH P5, "dvhe.05.06", "dvh1.05.06", NULL, "PQ", 318, 1, NULL},
    {"profile 5 under HEVC's name goes by Dolby's", "hvc1", HIGH P5, "dvh1.05.06", "dvh1.05.06",
     NULL, "PQ", 318, 1, NULL},
    {"profile 8.1", "hvc1", MAIN10 P81, "hvc1.2.4.L60.90", "hvc1.2.4.L60.90", "dvh1.08.06/db1p",
     "PQ", 318, 4, "9/16/9/0"},
    {"profile 8.1, colour not said", "hev1", HIGH P81, "hev1.1.6.H120.90", "hvc1.1.6.H120.90",
     "dvh1.08.06/db1p", "PQ", 318, 1, NULL},
    {"profile 8.2", "hvc1", HIGH P82, "hvc1.1.6.H120.90", "hvc1.1.6.H120.90", "dvh1.08.06/db2g",
     "SDR", 318, 1, NULL},
    {"profile 8.4", "hvc1", REXT P84, "hvc1.4.10.L60.9E.8", "hvc1.4.10.L60.9E.8", "dvh1.08.06/db4h",
     "HLG", 318, 1, "1/18/1/1"},
    {"profile 8.4, HLG told by SEI", "hvc1", HIGH P84 " colr:6e636c780009000e000900",
     "hvc1.1.6.H120.90", "hvc1.1.6.H120.90", "dvh1.08.06/db4g", "HLG", 318, 1, "9/14/9/0"},
    {"profile 8 under Dolby's name", "dvh1", MAIN10 P81, "dvh1.08.06", "dvh1.08.06", NULL, "PQ",
     318, 4, "9/16/9/0"},
    {"profile 7 has a base only", "hvc1", HIGH P7, "hvc1.1.6.H120.90", "hvc1.1.6.H120.90", NULL,
     "PQ", 318, 1, NULL},
    {"dvh1 without a record", "dvh1", MAIN10, NULL, NULL, NULL, NULL, 0, 0, NULL},
    {"a record of nothing", "dvh1", MAIN10 " dvcC:0100", NULL, NULL, NULL, NULL, 0, 0, NULL},
    {"AVC profile 9", "avc1", AVC P9, "avc1.64000C", "avc1.64000C", "dva1.09.06/db2g", "HLG", 318,
     1, "9/18/9/1"},
    {"AVC under Dolby's name", "dvav", AVC P9, "dvav.09.06", "dva1.09.06", NULL, "HLG", 318, 1,
     "9/18/9/1"},
    {"AVC, colour of the VUI", "avc3", AVC, "avc3.64000C", "avc1.64000C", NULL, "HLG", 318, 1,
     "9/18/9/1"},
    /* AV1 in ISO BMFF 5 */
    {"AV1, 10 bits, PQ", "av01", "av1C:81004c000a0e000000043cf6c4daf95091009040",
     "av01.0.00M.10.0.110.09.16.09.0", "av01.0.00M.10.0.110.09.16.09.0", NULL, "PQ", 318, 1,
     "9/16/9/0"},
    {"AV1, 4:4:4", "av01", "av1C:812000000a0a200000043cf6c4daf902",
     "av01.1.00M.08.0.000.01.01.01.0", "av01.1.00M.08.0.000.01.01.01.0", NULL, NULL, 318, 1, NULL},
    {"AV1, all defaults", "av01", "av1C:81000c000a0b000000043cf6c402f80040", "av01.0.00M.08",
     "av01.0.00M.08", NULL, NULL, 318, 1, NULL},
    {"AV1, grey, full range", "av01", "av1C:81001c000a0a000000043cf6c4daf92a",
     "av01.0.00M.08.1.110.01.01.01.1", "av01.0.00M.08.1.110.01.01.01.1", NULL, NULL, 318, 1, NULL},
    {"AV1, all fields", "av01",
     "av1C:814d0c000a2444000000040000007aa9000000014a611016e0280c9881a254f7ffa244075c34244825a4",
     "av01.2.13H.12.0.111.09.18.09.0", "av01.2.13H.12.0.111.09.18.09.0", NULL, "HLG", 318, 1,
     "9/18/9/0"},
    {"AV1, a still in sRGB", "av01", "av1C:813d00000a09391df1d8c040434008",
     "av01.1.04M.08.0.000.01.13.00.1", "av01.1.04M.08.0.000.01.13.00.1", NULL, "SDR", 318, 1,
     "1/13/0/1"},
    {"AV1, the record alone", "av01", "av1C:814d7e00", "av01.2.13M.12.1.112.01.01.01.0",
     "av01.2.13M.12.1.112.01.01.01.0", NULL, NULL, 318, 1, NULL},
    {"AV1 of another version", "av01", "av1C:82004c00", NULL, NULL, NULL, NULL, 0, 0, NULL},
    {"AV1, a profile that is none", "av01", "av1C:81ad7e00", NULL, NULL, NULL, NULL, 0, 0, NULL},
    {"AV1 without its box", "av01", "", NULL, NULL, NULL, NULL, 0, 0, NULL},
    {"Dolby Vision 10.1", "av01", "av1C:81004c000a0e000000043cf6c4daf95091009040" P101,
     "av01.0.00M.10.0.110.09.16.09.0", "av01.0.00M.10.0.110.09.16.09.0", "dav1.10.06/db1p", "PQ",
     318, 1, "9/16/9/0"},
    {"Dolby Vision 10.0 goes by Dolby's name", "av01",
     "av1C:81000c000a0b000000043cf6c402f80040" P100, "dav1.10.06", "dav1.10.06", NULL, "PQ", 318, 1,
     NULL},
    {"dav1", "dav1", "av1C:81000c000a0b000000043cf6c402f80040" P100, "dav1.10.06", "dav1.10.06",
     NULL, "PQ", 318, 1, NULL},
    /* VP codecs in ISO BMFF, "Codecs Parameter String" */
    {"VP9, all defaults", "vp09",
     "vpcC:01000000000a82010101"
     "0000",
     "vp09.00.10.08", "vp09.00.10.08", NULL, "SDR", 318, 1, "1/1/1/0"},
    {"VP9, all fields", "vp09", "vpcC:01000000030bc70912090000", "vp09.03.11.12.03.09.18.09.01",
     "vp09.03.11.12.03.09.18.09.01", NULL, "HLG", 318, 1, "9/18/9/1"},
    {"VP9, level and colour not said", "vp09",
     "vpcC:01000000000080020202"
     "0000",
     "vp09.00.11.08.00.02.02.02.00", "vp09.00.11.08.00.02.02.02.00", NULL, NULL, 318, 1, NULL},
    {"VP8", "vp08",
     "vpcC:01000000001e80020202"
     "0000",
     "vp08.00.30.08.00.02.02.02.00", "vp08.00.30.08.00.02.02.02.00", NULL, NULL, 318, 1, NULL},
    {"VP9, old record", "vp09",
     "vpcC:00000000000a80000000"
     "0000",
     NULL, NULL, NULL, NULL, 0, 0, NULL},
    {"VP9, impossible depth", "vp09",
     "vpcC:01000000000a92010101"
     "0000",
     NULL, NULL, NULL, NULL, 0, 0, NULL},
    /* 14496-15 E.6 */
    {"VVC", "vvc1", VVC, "vvc1.1.L51.CQA", "vvc1.1.L51.CQA", NULL, NULL, 318, 1, NULL},
    {"VVC in-band, all fields", "vvi1", VVC_RICH, "vvi1.17.H83.CYAAAC.SWUADYAA+AAAAAAI.O1+3",
     "vvc1.17.H83.CYAAAC.SWUADYAA+AAAAAAI.O1+3", NULL, NULL, 318, 1, NULL},
    {"VVC in-band without sets stays", "vvi1", "vvcC:00000000ff00155f0102338000050002d0000000",
     "vvi1.1.L51.CQA", "vvi1.1.L51.CQA", NULL, NULL, 318, 1, NULL},
    {"VVC without a profile", "vvc1", "vvcC:00000000fe" VVC_SETS, NULL, NULL, NULL, NULL, 0, 0,
     NULL},
};

static void check_colour(const record_case *c, const jo_track *t)
{
    const jo_colour *got = &t->colour;

    is_str(got->known ? apr_psprintf(pool, "%d/%d/%d/%d", got->primaries, got->transfer,
                                     got->matrix, got->full_range)
                      : NULL,
           c->colour, "colour");
}

/* An entry as written is accepted, and says the same. */
static void check_written(const record_case *c, const jo_track *t, jo_entry_style style,
                          const char *want)
{
    jo_writer w = written(t, style);

    ok(jo_get_u32(w.data) == w.len && !memcmp(w.data + 4, want, 4), "%s: entry %.4s", c->what,
       want);
    void *kept = entry;
    entry = NULL;
    jo_track again = parse(&w);
    ok(again.codec == t->codec && again.width == t->width && again.height == t->height &&
           again.sar_w == t->sar_w && again.sar_h == t->sar_h,
       "%s: read back", c->what);
    is_str(again.codec ? again.codec->rfc6381(pool, &again, style) : NULL, want,
           "and says the same");
    is_str(again.supplemental, t->supplemental, "and the same of Dolby Vision");
    free(entry);
    entry = kept;
}

static void test_record(const record_case *c)
{
    jo_writer w = video(c->type, 318, 178, c->boxes);
    jo_track t = parse(&w);

    if (c->source == NULL) {
        ok(cx.code == APR_SUCCESS && t.codec == NULL && t.why && *t.why, "%s: refused: %s", c->what,
           t.why ? t.why : "");
        return;
    }
    if (!ok(cx.code == APR_SUCCESS && t.codec != NULL, "%s: %s", c->what, t.why ? t.why : "good"))
        return;
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_SOURCE), c->source, "codec, as the source has it");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), c->plain, "codec, plain");
    is_str(t.supplemental, c->supplemental, "supplemental codec");
    is_str(jo_codec_video_range(&t), c->range, "video range");
    ok(t.width == c->width && t.height == 178 && t.sar_w == c->sar_w, "%s: size and aspect",
       c->what);
    check_colour(c, &t);
    check_written(c, &t, JO_ENTRY_SOURCE, c->source);
    check_written(c, &t, JO_ENTRY_PLAIN, c->plain);
}

/* An SPS by hand that has all the syntax before the VUI: three sublayers, 4:2:2, a window, scaling lists, PCM, sets of
 * short-term references predicted from others, long-term ones; ffmpeg reads 1914x1080, 640:541, 9/18/9, full range */
#define FULL_SPS                                                                           \
    "4201050408000003009c8000000300005dd000aaaa000003000003000003000003005a3cb003c0801106" \
    "9c4b6595cae579246f95d10ae885744294ae8857442ba21657442ba215d10b2ba215d10ae88595d10ae8" \
    "857442cae8857442ba215d10ae8857442ba215d10ae8857442ba215d10ae8a57442ba215d10ae8857442" \
    "ba215d10ae8857442ba215d10ae885752ba215d10ae8857442ba215d10ae8857442ba215d10ae8857442" \
    "ba95d10ae8857442ba215d10ae8857442ba215d10ae8857442ba215d4ae8857442ba215d10ae8857442b" \
    "a215d10ae8857442ba215d10aea72ba215d10ae8857442ba215d10ae8857442ba215d10ae8857442ba29" \
    "cae8857442ba215d10ae8857442ba215d10ae8857442ba215d10aea72ba215d10ae8857442ba215d10ae" \
    "8857442ba215d10ae8857442ba9cae8857442ba215d10ae8857442ba215d10ae8857442ba215d10aea72" \
    "ba215d10ae8857442ba215d10ae8857442ba215d10ae8857442ba9cae8857442ba215d10ae8857442ba2" \
    "15d10ae8857442ba215d10aea72ba215d10ae8857442ba215d10ae8857442ba215d10ae8857442baeef4" \
    "2b5ad129fc2f6abaa5ff8140010edb8489048010"
#define FULL                                                                   \
    "hvcC:0104080000009c80000000005df000fcfefafa00001f03a000010018" MAIN10_VPS \
    "a1000101b8" FULL_SPS "a200010006" MAIN10_PPS

static const record_case full = {
    "an SPS with everything", "hvc1", FULL, NULL, NULL, NULL, NULL, 0, 0, NULL};

static void test_full_sps(void)
{
    jo_writer w = video("hvc1", 1, 1, FULL);
    jo_track t = parse(&w);

    ok(t.codec && t.width == 1914 && t.height == 1080, "all before the VUI: size");
    ok(t.sar_w == 640 && t.sar_h == 541, "aspect written out");
    ok(t.colour.known && t.colour.transfer == 18 && t.colour.full_range, "colour");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), "hvc1.4.10.L93.9C.80", "codec");
}

/* -- sizes of the bitstream ----------------------------------------------------------------------------- */

static void test_sizes(void)
{
    jo_writer w = video("hvc1", 1, 1, MAIN10);
    jo_track t = parse(&w);

    ok(t.width == 318 && t.height == 178, "the SPS's cropped size wins over the entry's");
    w = video("av01", 0, 0, "av1C:81004c000a0e000000043cf6c4daf95091009040");
    t = parse(&w);
    ok(t.width == 318 && t.height == 178, "AV1: the sequence header's where the entry has none");
    w = video(
        "av01", 0, 0,
        "av1C:"
        "814d0c000a2444000000040000007aa9000000014a611016e0280c9881a254f7ffa244075c34244825a4");
    t = parse(&w);
    ok(t.width == 1920 && t.height == 1001, "AV1: past timing, decoder model, operating points");
    w = video("vvc1", 0, 0, VVC);
    t = parse(&w);
    ok(t.width == 1280 && t.height == 720, "VVC: the record's largest picture");
    static const char *const none[][2] = {{"vp09", "vpcC:01000000000a820101010000"},
                                          {"av01", "av1C:814d7e00"},
                                          {"hev1", "hvcC:" MAIN10_HEAD "00"},
                                          {"avc3", "avcC:0164000cffe000"}};
    for (size_t i = 0; i < 4; i++) {
        w = video(none[i][0], 0, 178, none[i][1]);
        t = parse(&w);
        ok(!t.codec && strstr(t.why, "size"), "%s without a size is refused", none[i][0]);
    }
}

/* -- probes ------------------------------------------------------------------------------------------------ */

static void put_unit(jo_writer *w, const char *hex)
{
    size_t at = w->len;

    jo_write_u32(w, 0);
    for (; *hex; hex += 2) {
        char byte[3] = {hex[0], hex[1], 0};
        jo_write_u8(w, (unsigned)strtoul(byte, NULL, 16));
    }
    jo_write_patch_u32(w, at, (uint32_t)(w->len - at - 4));
}

static jo_writer hevc_sample(void)
{
    jo_writer s;

    jo_writer_init(&s, pool, 256);
    put_unit(&s, "460110");
    put_unit(&s, MAIN10_VPS);
    put_unit(&s, "4209" MAIN10_SPS); /* the second layer's is not ours */
    put_unit(&s, MAIN10_SPS);
    put_unit(&s, MAIN10_PPS);
    put_unit(&s, MAIN10_PPS);
    jo_write_u32(&s, 1000); /* a slice that is not all there */
    return s;
}

static void test_hevc_probe(void)
{
    static const char *const whole = MAIN10_HEAD "03a000010018" MAIN10_VPS "a10001002f" MAIN10_SPS
                                                 "a200020006" MAIN10_PPS "0006" MAIN10_PPS;
    jo_writer s = hevc_sample();
    jo_writer w = video("hev1", 320, 180, "hvcC:01000000000000000000000000f000fcfdf8f800000f00");
    jo_track t = parse(&w);

    ok(t.codec && t.in_band && t.codec->wants_probe(&t), "hev1 without sets wants a probe");
    jo_writer before = written(&t, JO_ENTRY_PLAIN);
    ok(holds(&before, "hev1"), "and stays hev1 till then");
    probe(&t, s.data, s.len);
    ok(t.width == 318 && t.height == 178 && t.sar_w == 4 && t.colour.transfer == 16,
       "the probe tells size, aspect and colour");
    const char *hex = "";
    for (size_t i = 0; i < t.config_len; i++)
        hex = apr_psprintf(pool, "%s%02x", hex, t.config[i]);
    is_str(hex, whole, "a complete record of the base layer");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_SOURCE), "hev1.2.4.L60.90", "codec");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), "hvc1.2.4.L60.90", "codec, plain");
    jo_writer source = written(&t, JO_ENTRY_SOURCE), plain = written(&t, JO_ENTRY_PLAIN);
    ok(holds(&source, "hev1") && source.len < 140, "source style: the source's record");
    ok(holds(&plain, "hvc1") && plain.len > 200, "plain style: an hvc1 of its own");
    bool good = true;
    for (size_t len = 0; len < s.len; len++) {
        t = parse(&w);
        probe(&t, s.data, len);
        good = good && t.codec && (t.config != NULL) == (len >= s.len - 4 - 10);
    }
    ok(good, "a sample cut anywhere gives a whole record or none");
}

static void test_complete(void)
{
    jo_writer w = video("hev1", 318, 178, HIGH), out;
    jo_track t = parse(&w);

    out = written(&t, JO_ENTRY_PLAIN);
    ok(out.data[86 + 8 + 23] == 0xa0 && holds(&out, "hvc1"),
       "hvc1 made from hev1 says that its arrays are complete");
    out = written(&t, JO_ENTRY_SOURCE);
    ok(out.data[86 + 8 + 23] == 0x20 && holds(&out, "hev1"), "hev1 says what it said");
    w = video("vvi1", 318, 178, VVC);
    w.data[86 + 8 + 20] &= 0x7f;
    t = parse(&w);
    out = written(&t, JO_ENTRY_PLAIN);
    ok(holds(&out, "vvc1") && out.data[86 + 8 + 20] == 0x8f, "VVC alike");
}

static void test_av1_probe(void)
{
    static const uint8_t sample[] = "\x12\x00\x0a\x0e\x00\x00\x00\x04\x3c\xf6\xc4\xda\xf9\x50\x91"
                                    "\x00\x90\x40\x32\x7f";
    static const uint8_t bare[] =
        "\x0c\x08\x00\x00\x00\x04\x3c\xf6\xc4\xda\xf9\x50\x91\x00\x90\x40";
    jo_writer w = video("av01", 318, 178, "av1C:81004c00" P101);
    jo_track t = parse(&w);

    ok(t.codec->wants_probe(&t) && !t.colour.known, "AV1: a record alone wants a probe");
    probe(&t, sample, sizeof sample - 1);
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), "av01.0.00M.10.0.110.09.16.09.0", "codec");
    is_int((long long)t.config_len, 4 + 16, "the record gets the sequence header");
    ok(t.colour.transfer == 16, "colour");
    t = parse(&w);
    probe(&t, bare, sizeof bare - 1);
    ok(t.config_len == 4 + 16 && t.colour.transfer == 16, "one with an extension, to the end");
    bool none = true;
    for (size_t len = 0; len < 18; len++) {
        t = parse(&w);
        probe(&t, sample, len);
        none = none && t.config == NULL;
    }
    ok(none, "cut anywhere it is none");
}

/* -- boxes that are kept ---------------------------------------------------------------------------------- */

static void test_kept(void)
{
    static const char *const kept[] = {"dvvC", "hvcE", "lhvC", "vexu",
                                       "hfov", "mdcv", "clli", "colr"};
    jo_writer w =
        video("hvc1", 318, 178,
              MAIN10 P81 " hvcE:01 lhvC:01f000fcfd00 vexu:0000 hfov:0000fa00 "
                         "mdcv:0102 clli:03e80190 fiel:0100 zzzz:00 colr:6e636c6300090012000"
                         "9");
    jo_track t = parse(&w);
    jo_writer out = written(&t, JO_ENTRY_PLAIN);

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        ok(holds(&out, kept[i]), "%s is kept", kept[i]);
    ok(!holds(&out, "zzzz"), "nothing unknown is");
    w = video("vp09", 318, 178, "vpcC:01000000000a820101010000 SmDm:00 CoLL:00");
    t = parse(&w);
    out = written(&t, JO_ENTRY_SOURCE);
    ok(holds(&out, "SmDm") && holds(&out, "CoLL"), "VP9's HDR boxes");
}

/* -- Smooth ----------------------------------------------------------------------------------------------- */

static void check_smooth(const char *type, const char *boxes, const char *fourcc, const char *data)
{
    jo_writer w = video(type, 318, 178, boxes);
    jo_track t = parse(&w);
    jo_smooth s = {0};
    bool said = t.formats & JO_SMOOTH && t.codec->smooth(&cx, &t, &s);
    const char *hex = "";

    if (fourcc == NULL) {
        ok(!said, "%s: nothing for Smooth", type);
        return;
    }
    is_str(said ? s.fourcc : NULL, fourcc, "FourCC");
    for (size_t i = 0; i < s.private_len; i++)
        hex = apr_psprintf(pool, "%s%02x", hex, s.private_data[i]);
    is_str(hex, data, "CodecPrivateData");
}

static void test_smooth(void)
{
    static const char *const sets =
        "00000001" MAIN10_VPS "00000001" MAIN10_SPS "00000001" MAIN10_PPS;
    static const char *const avc =
        "000000016764000cacd941419ea23016e1224128000003000800000300a078a14cb00000000168ebe3cb22c0";

    check_smooth("hvc1", MAIN10, "HVC1", sets);
    check_smooth("hev1", MAIN10, "HVC1", sets);
    check_smooth("avc1", AVC, "H264", avc);
    check_smooth("avc3", AVC, "H264", avc);
    check_smooth("hev1", "hvcC:" MAIN10_HEAD "00", NULL, NULL);
    check_smooth("dvh1", HIGH P5, NULL, NULL);
    check_smooth("hvc1", HIGH P5, NULL, NULL);
    check_smooth("av01", "av1C:814d7e00", NULL, NULL);
}

/* -- damage --------------------------------------------------------------------------------------------- */

/* What is accepted has a size, names and an entry; what is not has a reason. */
static bool sound(const jo_track *t)
{
    if (cx.code != APR_SUCCESS)
        return false;
    if (t->codec == NULL)
        return t->why != NULL && *t->why;
    for (int style = JO_ENTRY_SOURCE; style <= JO_ENTRY_PLAIN; style++) {
        const char *name = t->codec->rfc6381(pool, t, (jo_entry_style)style);
        jo_writer w = written(t, (jo_entry_style)style);
        if (name == NULL || strlen(name) < 10 || jo_get_u32(w.data) != w.len)
            return false;
    }
    jo_smooth s;
    if (t->formats & JO_SMOOTH)
        t->codec->smooth(&cx, t, &s);
    return t->width && t->height && t->sar_w && t->sar_h;
}

static void test_damage(const record_case *c)
{
    jo_writer w = video(c->type, 318, 178, c->boxes);
    const size_t first = 86, size = jo_get_u32(w.data + first);
    apr_pool_t *all = pool;
    bool cut = true, flipped = true;

    apr_pool_create(&pool, all);
    cx.pool = pool;
    for (size_t len = 8; len < size; len++) { /* shorter boxes that say so */
        jo_writer s;
        jo_writer_init(&s, pool, w.len);
        jo_write_bytes(&s, w.data, first + len);
        jo_put_u32(s.data, (uint32_t)s.len);
        jo_put_u32(s.data + first, (uint32_t)len);
        jo_track t = parse(&s);
        cut = cut && sound(&t);
    }
    for (size_t bit = 0; bit < (w.len - first - 8) * 8; bit++) {
        uint8_t *at = w.data + first + 8 + bit / 8;
        *at ^= (uint8_t)(1 << bit % 8);
        jo_track t = parse(&w);
        flipped = flipped && sound(&t);
        *at ^= (uint8_t)(1 << bit % 8);
        if (bit % 256 == 0)
            apr_pool_clear(pool);
    }
    ok(cut, "%s: cut anywhere", c->what);
    ok(flipped, "%s: any bit turned over", c->what);
    apr_pool_destroy(pool);
    cx.pool = pool = all;
}

int main(void)
{
    const size_t n = sizeof records / sizeof *records;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    for (size_t i = 0; i < n; i++)
        test_record(&records[i]);
    test_sizes();
    test_full_sps();
    test_hevc_probe();
    test_complete();
    test_av1_probe();
    test_kept();
    test_smooth();
    for (size_t i = 0; i < n; i++)
        if (*records[i].boxes)
            test_damage(&records[i]);
    test_damage(&full);
    free(entry);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
