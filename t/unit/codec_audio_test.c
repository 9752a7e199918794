/* Audio codecs beside AAC LC and HE (codec_test.c): what their records say, and records that are damaged. */
#include "../../src/base/status.h"
#include "../../src/media/codec.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define MPEG   "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
#define DOLBY  "tag:dolby.com,2014:dash:audio_channel_configuration:2011"
#define DOLBY4 "tag:dolby.com,2015:dash:audio_channel_configuration:2015"
#define DTS    "tag:dts.com,2014:dash:audio_channel_configuration:2012"
#define DTSX   "tag:dts.com,2018:uhd:audio_channel_configuration"
#define CICP   "urn:mpeg:mpegB:cicp:ChannelConfiguration"

static apr_pool_t *pool;
static jo_ctx cx;
static void *entry; /* of the track under test, exact */

typedef struct sound_case {
    const char *what;
    const char *type; /* of the entry */
    const char *box;  /* its child; "esds": hex starts with the object type */
    const char *hex;
    const char *dash, *hls; /* RFC 6381; NULL: refused */
    const char *group;
    uint32_t rate;
    unsigned channels;
    const char *scheme, *value; /* DASH channel configuration, NULL by the count */
} sound_case;

static const sound_case cases[] = {
    /* 14496-3 1.6.2.1; 23003-3 5.2: UsacConfig */
    {"xHE, mono", "mp4a", "esds", "40f94824211cc0", "mp4a.40.42", "mp4a.40.42", "xhe", 44100, 1,
     NULL, NULL},
    {"xHE, 38.4 kHz, 5.1", "mp4a", "esds", "40f9485226", "mp4a.40.42", "mp4a.40.42", "xhe", 38400,
     6, NULL, NULL},
    {"xHE, rate written out, speakers listed", "mp4a", "esds", "40f9481f00303920180220",
     "mp4a.40.42", "mp4a.40.42", "xhe", 12345, 3, NULL, NULL},
    {"AAC-LD", "mp4a", "esds", "40b988", "mp4a.40.23", "mp4a.40.23", "aacld", 48000, 1, NULL, NULL},
    {"AAC-ELD, dual-rate SBR", "mp4a", "esds", "40f8ec2180", "mp4a.40.39", "mp4a.40.39", "aaceld",
     48000, 1, NULL, NULL},
    {"AAC Main", "mp4a", "esds", "400990", "mp4a.40.1", "mp4a.40.1", "aac", 48000, 2, NULL, NULL},
    {"AAC LC, 7.1 with wide front", "mp4a", "esds", "4011b8", "mp4a.40.2", "mp4a.40.2", "aacl",
     48000, 8, MPEG, "7"},
    {"AAC LC, 7.1 with back", "mp4a", "esds", "4011e0", "mp4a.40.2", "mp4a.40.2", "aacl", 48000, 8,
     MPEG, "12"},
    {"AAC LC, 5.1.2", "mp4a", "esds", "4011f0", "mp4a.40.2", "mp4a.40.2", "aacl", 48000, 8, MPEG,
     "14"},
    {"AAC LC, 5.1", "mp4a", "esds", "4011b0", "mp4a.40.2", "mp4a.40.2", "aacl", 48000, 6, NULL,
     NULL},
    {"MP3", "mp4a", "esds", "6b", "mp4a.6b", "mp4a.40.34", "mp3", 32000, 2, NULL, NULL},
    {"MP3 at half rates", "mp4a", "esds", "69", "mp4a.69", "mp4a.40.34", "mp3", 32000, 2, NULL,
     NULL},
    {"MP3 of QuickTime", ".mp3", "free", "", "mp4a.6b", "mp4a.40.34", "mp3", 32000, 2, NULL, NULL},
    {"DTS core by object type", "mp4a", "esds", "a9", "mp4a.a9", "mp4a.a9", "dtsc", 32000, 2, DTS,
     "2"},
    {"DTS Express by object type", "mp4a", "esds", "ac", "mp4a.ac", "mp4a.ac", "dtse", 32000, 2,
     DTS, "2"},
    /* ETSI TS 102 366 F.4, F.6, I.1.2.1; TS 103 420 8.3 */
    {"AC-3, 5.1", "ac-3", "dac3", "103dc0", "ac-3", "ac-3", "ac-3", 48000, 6, DOLBY, "F801"},
    {"AC-3, stereo, 44.1 kHz", "ac-3", "dac3", "501000", "ac-3", "ac-3", "ac-3", 44100, 2, DOLBY,
     "A000"},
    {"AC-3, mono", "ac-3", "dac3", "1008a0", "ac-3", "ac-3", "ac-3", 48000, 1, DOLBY, "4000"},
    {"AC-3, L R S", "ac-3", "dac3", "1020a0", "ac-3", "ac-3", "ac-3", 48000, 3, DOLBY, "A100"},
    {"E-AC-3, 5.1", "ec-3", "dec3", "0c00200f00", "ec-3", "ec-3", "ec-3", 48000, 6, DOLBY, "F801"},
    {"E-AC-3, 7.1 by a dependent substream", "ec-3", "dec3", "0c00200f0202", "ec-3", "ec-3", "ec-3",
     48000, 8, DOLBY, "FA01"},
    {"E-AC-3, all locations", "ec-3", "dec3", "0c00200f03ff", "ec-3", "ec-3", "ec-3", 48000, 20,
     DOLBY, "FFFB"},
    {"E-AC-3, two programmes: the first counts", "ec-3", "dec3", "0c01200400200f00", "ec-3", "ec-3",
     "ec-3", 48000, 2, DOLBY, "A000"},
    {"E-AC-3 at half rate: the entry's", "ec-3", "dec3", "0c00e00400", "ec-3", "ec-3", "ec-3",
     32000, 2, DOLBY, "A000"},
    /* ETSI TS 103 190-2 E.6, E.10, G.3.2 */
    {"AC-4, 5.1", "ac-4", "dac4", "20a401400000001fffffffe00109f9000009000011c000", "ac-4.02.01.01",
     "ac-4.02.01.01", "ac-4", 48000, 6, DOLBY4, "000047"},
    {"AC-4, immersive stereo before its double", "ac-4", "dac4",
     "20a402400000001fffffffe0020af8800000420000020000010af8800000420000020000", "ac-4.02.02.00",
     "ac-4.02.02.00", "ac-4", 48000, 2, DOLBY4, "000001"},
    {"AC-4, the lower level of two", "ac-4", "dac4",
     "208402400000001fffffffe00109fb000009000011c0000109f80000084000004000", "ac-4.02.01.00",
     "ac-4.02.01.00", "ac-4", 44100, 2, DOLBY4, "000001"},
    {"AC-4, objects", "ac-4", "dac4", "20a401400000001fffffffe00105f900000000", "ac-4.02.01.01",
     "ac-4.02.01.01", "ac-4", 48000, 2, DOLBY4, "800000"},
    /* ETSI TS 102 114 E.2.2.3.1, TS 103 491 B.2 */
    {"DTS-HD, 7.1 at 96 kHz", "dtsh", "ddts", "000177000016e3600016e3601863240000004f00", "dtsh",
     "dtsh", "dtsh", 96000, 8, DTS, "8"},
    {"DTS core, layout not said", "dtsc", "ddts", "0000bb8000000000000000001042084000000000",
     "dtsc", "dtsc", "dtsc", 48000, 2, DTS, "2"},
    {"DTS:X", "dtsx", "udts", "1c010000003fa000", "dtsx", "dtsx", "dtsx", 96000, 6, DTSX,
     "0000003F"},
    /* Opus in ISOBMFF 4.3.2, FLAC in ISOBMFF 3.3.2, ALAC's cookie */
    {"Opus", "Opus", "dOps", "0002013800000000000000", "opus", "opus", "opus", 48000, 2, NULL,
     NULL},
    {"Opus, 5.1 by a mapping", "Opus", "dOps", "0006013800005dc00000010402000401020305", "opus",
     "opus", "opus", 48000, 6, NULL, NULL},
    {"FLAC, 24 bits at 192 kHz", "fLaC", "dfLa",
     "0000000080000022100010000000000000002ee0037000000000"
     "00000000000000000000000000000000",
     "flac", "fLaC", "flac", 192000, 2, NULL, NULL},
    {"Apple Lossless", "alac", "alac",
     "00000000"
     "00001000"
     "0018280a0e06"
     "0000"
     "00000000"
     "00000000"
     "00017700",
     "alac", "alac", "alac", 96000, 6, NULL, NULL},
    /* 23008-3 20.5 */
    {"MPEG-H in MHAS, mono", "mhm1", "mhaC", "011001000410190040", "mhm1.0x10", "mhm1.0x10", "mhm1",
     48000, 1, CICP, "1"},
    {"MPEG-H, 7.1.4", "mha1", "mhaC", "010d1300040d1904c0", "mha1.0x0D", "mha1.0x0D", "mha1", 48000,
     12, CICP, "19"},
    {"MPEG-H, three speakers of no known layout", "mha2", "mhaC", "010d0000060d1911000000",
     "mha2.0x0D", "mha2.0x0D", "mha1", 48000, 3, NULL, NULL},
    {"MPEG-H, configuration elsewhere", "mhm2", "mhaC", "010b060000", "mhm2.0x0B", "mhm2.0x0B",
     "mhm1", 32000, 6, CICP, "6"},
};

/* -- making entries -------------------------------------------------------------------------------------- */

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtol(two, NULL, 16);
    }
    return n;
}

static jo_writer make(const char *type, const char *box, const uint8_t *data, size_t len)
{
    jo_writer w;

    jo_writer_init(&w, pool, 256);
    size_t at = open_sound(&w, type, 2, 32000);
    if (!strcmp(box, "esds")) {
        write_esds(&w, data[0], data + 1, len - 1);
    } else {
        size_t child = open_box(&w, box);
        jo_write_bytes(&w, data, len);
        close_box(&w, child);
    }
    close_box(&w, at);
    return w;
}

static jo_track parse(const jo_writer *w)
{
    jo_track t = {.kind = JO_AUDIO, .id = 1, .timescale = 1000};

    free(entry);
    entry = exact(w->data, w->len);
    t.entry = entry;
    t.entry_len = w->len;
    t.fourcc = jo_get_u32(t.entry + 4);
    jo_ctx_init(&cx, pool);
    jo_codec_parse(&cx, &t);
    return t;
}

static jo_track parse_hex(const char *type, const char *box, const char *hex)
{
    uint8_t data[128];
    size_t len = unhex(hex, data);
    jo_writer w = make(type, box, data, len);

    return parse(&w);
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* -- what records say ------------------------------------------------------------------------------------ */

static bool says(const jo_track *t, const sound_case *c)
{
    return t->codec && same(t->codec->rfc6381(pool, t, JO_ENTRY_SOURCE), c->dash) &&
           same(t->codec->rfc6381(pool, t, JO_ENTRY_PLAIN), c->hls) &&
           same(t->codec->group(t), c->group) && t->sample_rate == c->rate &&
           t->channels == c->channels && same(t->channel_scheme, c->scheme) &&
           same(t->channel_value, c->value);
}

static void explain(const jo_track *t)
{
    if (t->codec == NULL)
        printf("# refused: %s\n", t->why);
    else
        printf("# %s, %s, %s, %u Hz, %u channels, %s %s\n",
               t->codec->rfc6381(pool, t, JO_ENTRY_SOURCE),
               t->codec->rfc6381(pool, t, JO_ENTRY_PLAIN), t->codec->group(t), t->sample_rate,
               t->channels, t->channel_scheme, t->channel_value);
}

static void test_records(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sound_case *c = &cases[i];
        jo_track t = parse_hex(c->type, c->box, c->hex);
        if (!ok(cx.code == APR_SUCCESS && says(&t, c), "%s", c->what)) {
            explain(&t);
            continue;
        }
        jo_writer w;
        jo_writer_init(&w, pool, 16);
        t.codec->write_entry(&t, JO_ENTRY_SOURCE, &w);
        bool whole = w.len == jo_get_u32(w.data);
        t = parse(&w);
        if (!ok(whole && says(&t, c), "%s: the entry written says the same", c->what))
            explain(&t);
    }
}

/* Every length up to the whole; a record may be enough before its end, but never says something else then. */
static void test_cut(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sound_case *c = &cases[i];
        uint8_t data[128];
        size_t len = unhex(c->hex, data), first = !strcmp(c->box, "esds") ? 1 : 0;
        bool good = true;
        for (size_t n = first; n < len; n++) {
            jo_writer w = make(c->type, c->box, data, n);
            jo_track t = parse(&w);
            good = good && cx.code == APR_SUCCESS &&
                   (t.codec ? t.channels > 0 && t.sample_rate > 0 : t.why != NULL);
        }
        jo_writer whole = make(c->type, c->box, data, len);
        for (size_t n = 8; n < whole.len; n++) {
            jo_writer w;
            jo_writer_init(&w, pool, n);
            jo_write_bytes(&w, whole.data, n);
            jo_put_u32(w.data, (uint32_t)n);
            jo_track t = parse(&w);
            good = good && cx.code == APR_SUCCESS && (t.codec || t.why);
        }
        ok(good, "%s: cut anywhere", c->what);
    }
}

typedef struct refusal {
    const char *type, *box, *hex, *why;
} refusal;

static void test_refused(void)
{
    static const refusal refused[] = {
        {"mp4a", "esds", "a5", "'mp4a.a5' is not supported"},
        {"mp4a", "esds", "40f9", "AudioSpecificConfig"},
        {"mp4a", "free", "", "esds"},
        {"ac-3", "free", "", "dac3"},
        {"ac-3", "dac3", "103d", "dac3"},
        {"ec-3", "dec3", "0c00200f", "dec3"},
        {"ec-3", "dec3", "0c07200f00200f00", "dec3"}, /* eight programmes, two there */
        {"ac-4", "dac4", "00a4014000000000", "dac4"}, /* version 0 */
        {"ac-4", "dac4", "20a400400000001fffffffe0", "dac4"},
        {"ac-4", "dac4", "20a401400000001fffffffe001fff900", "dac4"},
        {"ac-4", "dac4", "20a401400000001fffffffe00103300000", "dac4"}, /* EMDF only */
        {"dtsc", "ddts", "0000bb80", "ddts"},
        {"dtsx", "ddts", "1c010000003fa000", "udts"},
        {"Opus", "dOps", "0102013800000000000000", "dOps"},
        {"Opus", "dOps", "0000013800000000000000", "dOps"},
        {"Opus", "dOps", "00060138000000000000010402", "dOps"},
        {"fLaC", "dfLa", "00000000040000220000", "dfLa"},
        {"alac", "alac", "0000000000001000", "configuration"},
        {"mha1", "free", "", "mhaC"},
        {"iamf", "iacb", "01", "'iamf' is not supported"},
        {"ipcm", "pcmC", "0000000001", "'ipcm' is not supported"},
        {"mlpa", "dmlp", "00", "'mlpa' is not supported"},
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const refusal *r = &refused[i];
        jo_track t = parse_hex(r->type, r->box, r->hex);
        if (!ok(cx.code == APR_SUCCESS && !t.codec && t.why && strstr(t.why, r->why),
                "%s %s %s: refused", r->type, r->box, r->hex))
            printf("# %s\n", t.codec ? t.rfc6381 : t.why);
    }
}

static void test_joc(void)
{
    jo_track t = parse_hex("ec-3", "dec3", "0c00200f000110");

    ok(t.codec && t.joc && t.joc_complexity == 16 && t.channels == 6, "Atmos in E-AC-3");
    is_str(t.hls_channels, "16/JOC", "CHANNELS of HLS");
    t = parse_hex("ec-3", "dec3", "0c00200f000010");
    ok(t.codec && !t.joc && t.hls_channels == NULL, "extension bits without the flag");
    t = parse_hex("ec-3", "dec3", "0c00200f0001");
    ok(t.codec && !t.joc, "the flag without its complexity index");
}

/* -- probes ---------------------------------------------------------------------------------------------- */

static void probe(jo_track *t, const char *hex, size_t cut)
{
    uint8_t data[64];
    size_t len = unhex(hex, data) - cut;
    void *sample = exact(data, len);

    t->probe = sample;
    t->probe_len = len;
    t->codec->probe(&cx, t);
    t->probe = NULL;
    free(sample);
}

static void test_mpeg_audio_probe(void)
{
    jo_track t = parse_hex("mp4a", "esds", "6b");

    ok(t.codec->wants_probe(&t), "MPEG audio wants a probe");
    probe(&t, "fffb90c4", 0); /* 11172-3 2.4.1.3 */
    ok(t.sample_rate == 44100 && t.channels == 1 && same(t.codec->group(&t), "mp3"),
       "mono, whatever the entry says");
    probe(&t, "fffd8400", 0);
    ok(t.sample_rate == 48000 && t.channels == 2 && same(t.codec->group(&t), "mp2"), "layer II");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), "mp4a.6b", "which Apple has no name for");
    probe(&t, "ffe39000", 0);
    is_int(t.sample_rate, 11025, "MPEG 2.5");
    static const char *const bad[] = {"",         "ff",       "fffb90",   "00000000",
                                      "ffeb90c4", "fff990c4", "fffb9cc4", "494433"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        t = parse_hex("mp4a", "esds", "6b");
        probe(&t, bad[i], 0);
        ok(t.sample_rate == 32000 && t.channels == 2, "no frame header in '%s'", bad[i]);
    }
}

static void test_dts_probe(void)
{
    jo_track t = parse_hex("mp4a", "esds", "a9");

    ok(t.codec->wants_probe(&t), "DTS without ddts wants a probe");
    /* TS 102 114 5.3.1: AMODE 9 (five), SFREQ 13 (48 kHz), LFF 2 */
    probe(&t, "7ffe8001fc3c3ff276c00c", 0);
    ok(t.sample_rate == 48000 && t.channels == 6 && same(t.channel_value, "6"), "5.1");
    for (size_t cut = 1; cut <= 11; cut++) {
        t = parse_hex("mp4a", "esds", "a9");
        probe(&t, "7ffe8001fc3c3ff276c00c", cut);
        ok(t.sample_rate == 32000 && t.channels == 2, "%zu bytes short: nothing", cut);
    }
    probe(&t, "64582025fc3c3ff276c00c", 0);
    ok(t.channels == 2, "no core, no change");
}

static void test_mpegh_probe(void)
{
    jo_track t = parse_hex("mhm1", "free", "");

    ok(t.codec && t.codec->wants_probe(&t), "MHAS without mhaC wants a probe");
    /* 23008-3 14.2.1: a sync packet (type 6), then the configuration (type 1) */
    static const char mhas[] = "c001a5280410190040";
    probe(&t, mhas, 0);
    is_str(t.rfc6381, "mhm1.0x10", "profile and level");
    ok(t.channels == 1 && same(t.channel_value, "1"), "and layout, by the configuration packet");
    for (size_t cut = 1; cut < 9; cut++) {
        t = parse_hex("mhm1", "free", "");
        probe(&t, mhas, cut);
        ok(same(t.rfc6381, "mhm1.0x0D"), "%zu bytes short: nothing", cut);
    }
    t = parse_hex("mhm1", "mhaC",
                  "01100100031019"
                  "40");
    ok(!t.codec->wants_probe(&t), "with mhaC: no probe");
}

/* -- entries and Smooth ---------------------------------------------------------------------------------- */

static void test_entries(void)
{
    jo_track t = parse_hex(
        "fLaC", "dfLa",
        "0000000080000022100010000000000000002ee003700000000000000000000000000000000000000000");
    jo_writer w;

    jo_writer_init(&w, pool, 16);
    t.codec->write_entry(&t, JO_ENTRY_SOURCE, &w);
    is_int(jo_get_u32(w.data + 32), 64000LL << 16, "FLAC: greatest regular division of 192 kHz");
    is_int(jo_get_u32(w.data + 24), 2 << 16 | 24, "and its sample size");
    t = parse_hex("alac", "alac", "00000000000010000018280a0e060000000000000000000000017700");
    jo_writer_init(&w, pool, 16);
    t.codec->write_entry(&t, JO_ENTRY_SOURCE, &w);
    is_int(jo_get_u32(w.data + 32), 0, "Apple Lossless: 96 kHz does not fit the entry");
}

static void is_hex(const uint8_t *data, size_t len, const char *want, const char *what)
{
    char *hex = apr_palloc(pool, 2 * len + 1);

    for (size_t i = 0; i < len; i++)
        apr_snprintf(hex + 2 * i, 3, "%02x", data[i]);
    is_str(hex, want, what);
}

static void test_smooth(void)
{
    jo_smooth s;
    jo_track t = parse_hex("mp4a", "esds", "401190");

    ok(t.formats & JO_SMOOTH && t.codec->smooth(&cx, &t, &s), "AAC LC");
    ok(same(s.fourcc, "AACL") && s.audio_tag == 255 && s.packet_size == 4, "is AACL, tag 255");
    is_hex(s.private_data, s.private_len, "1190", "with its configuration");
    t = parse_hex("mp4a", "esds", "402b118800");
    ok(t.formats & JO_SMOOTH && t.codec->smooth(&cx, &t, &s) && same(s.fourcc, "AACH"), "HE-AAC");
    t = parse_hex("ec-3", "dec3", "0600200f00");
    ok(t.formats & JO_SMOOTH && t.codec->smooth(&cx, &t, &s) && same(s.fourcc, "EC-3"), "E-AC-3");
    ok(s.audio_tag == 65534 && s.packet_size == 768, "tag, and frames of 192 kbit/s");
    is_hex(s.private_data, s.private_len, "00063f000000af87fba7022dfb42a4d405cd93843bdd0600200f00",
           "as real manifests have it, 5.1");
    t = parse_hex("ec-3", "dec3", "0600200400");
    t.codec->smooth(&cx, &t, &s);
    is_hex(s.private_data, s.private_len, "000603000000af87fba7022dfb42a4d405cd93843bdd0600200400",
           "and stereo");
    t = parse_hex("mp4a", "esds", "40f94824211cc0");
    ok(t.codec && !(t.formats & JO_SMOOTH), "no xHE in Smooth");
    t = parse_hex("mp4a", "esds", "6b");
    ok(t.codec && t.formats == (JO_HLS | JO_DASH), "no MP3 in Smooth");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_records();
    test_cut();
    test_refused();
    test_joc();
    test_mpeg_audio_probe();
    test_dts_probe();
    test_mpegh_probe();
    test_entries();
    test_smooth();
    free(entry);
    apr_terminate();
    return tap_done();
}
