#include "../../src/base/status.h"
#include "../../src/media/codec.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>

static apr_pool_t *pool;
static jo_ctx cx;
static void *entry; /* of the track under test, exact */

/* A track over the sample entry in w, parsed. */
static jo_track parse(const jo_writer *w, jo_kind kind)
{
    jo_track t = {.kind = kind, .id = 1, .timescale = 1000, .sar_w = 1, .sar_h = 1};

    free(entry);
    entry = exact(w->data, w->len);
    t.entry = entry;
    t.entry_len = w->len;
    t.fourcc = jo_get_u32(t.entry + 4);
    jo_ctx_init(&cx, pool);
    jo_codec_parse(&cx, &t);
    return t;
}

static jo_writer start(void)
{
    jo_writer w;

    jo_writer_init(&w, pool, 256);
    return w;
}

static void put(jo_writer *w, const char *type, const void *data, size_t len)
{
    size_t at = open_box(w, type);

    jo_write_bytes(w, data, len);
    close_box(w, at);
}

/* -- H.264 ------------------------------------------------------------------------------------------- */

static jo_writer video(const char *type, bool sets, const char *extra, size_t extra_len)
{
    jo_writer w = start();
    size_t at = open_visual(&w, type, 320, 192);

    write_avcc(&w, sets);
    jo_write_bytes(&w, extra, extra_len);
    close_box(&w, at);
    return w;
}

static void test_avc(void)
{
    jo_writer w = video("avc1", true, "", 0);
    jo_track t = parse(&w, JO_VIDEO);

    ok(cx.code == APR_SUCCESS && t.codec == &jo_codec_avc, "avc1");
    ok(t.width == 318 && t.height == 178, "cropped size from the SPS");
    ok(t.sar_w == 4 && t.sar_h == 3, "sample aspect ratio from the VUI");
    ok(t.nal_length == 4 && !t.in_band && !t.codec->wants_probe(&t), "NAL lengths, no probe");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_SOURCE), "avc1.64000C", "RFC 6381");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), "avc1.64000C", "the same in both styles");
    ok(t.config_len == 11 + sizeof(make_sps) + sizeof(make_pps) + 4, "configuration record");
    w = video("avc1", true, "\0\0\0\x10pasp\0\0\0\1\0\0\0\1", 16);
    t = parse(&w, JO_VIDEO);
    ok(t.sar_w == 1 && t.sar_h == 1, "pasp wins over the VUI");
    w = video("avc1", true, "\0\0\0\0", 4);
    parse(&w, JO_VIDEO);
    is_int(cx.code, APR_SUCCESS, "QuickTime's four zero bytes at the end");
}

/* A sample entry written by the codec, read back by the codec. */
static jo_track rewritten(const jo_track *t, jo_entry_style style, jo_writer *out)
{
    *out = start();
    jo_write_bytes(out, "before", 6);
    t->codec->write_entry(t, style, out);
    out->data += 6;
    out->len -= 6;
    return parse(out, t->kind);
}

static bool holds(const jo_writer *w, const void *bytes, size_t len)
{
    for (size_t i = 0; i + len <= w->len; i++) {
        if (!memcmp(w->data + i, bytes, len))
            return true;
    }
    return false;
}

static void test_avc_entry(void)
{
    static const char extra[] = "\0\0\0\x12"
                                "colrnclc\0\1\0\1\0\1"
                                "\0\0\0\x10"
                                "colrprofICC!"
                                "\0\0\0\x0c"
                                "colrwhat";
    jo_writer w = video("avc1", true, extra, sizeof extra - 1), out;
    jo_track t = parse(&w, JO_VIDEO), again = rewritten(&t, JO_ENTRY_SOURCE, &out);

    ok(jo_get_u32(out.data) == out.len && again.codec && again.width == 318 && again.sar_w == 4 &&
           again.sar_h == 3,
       "an entry written is read back the same");
    ok(again.config_len > 40 && holds(&out, make_sps, sizeof make_sps), "with its parameter sets");
    ok(holds(&out,
             "\0\0\0\x13"
             "colrnclx\0\1\0\1\0\1\0",
             19),
       "QuickTime's nclc as nclx");
    ok(holds(&out, "colrprofICC!", 12) && !holds(&out, "what", 4),
       "an ICC profile too, nothing unknown");
}

static void test_avc3(void)
{
    jo_writer w = video("avc3", false, "", 0), sample = start(), out;
    jo_track t = parse(&w, JO_VIDEO), again;

    ok(t.codec && t.in_band && t.codec->wants_probe(&t),
       "avc3 without parameter sets wants a probe");
    ok(t.width == 320 && t.height == 192, "size of the entry so far");
    rewritten(&t, JO_ENTRY_PLAIN, &out);
    ok(holds(&out, "avc3", 4), "stays avc3 while they are not known");
    t = parse(&w, JO_VIDEO);
    jo_write_u32(&sample, 2);
    jo_write_bytes(&sample, "\x09\xf0", 2);
    for (int i = 0; i < 2; i++) {
        jo_write_u32(&sample, sizeof make_sps);
        jo_write_bytes(&sample, make_sps, sizeof make_sps);
    }
    jo_write_u32(&sample, sizeof make_pps);
    jo_write_bytes(&sample, make_pps, sizeof make_pps);
    jo_write_u32(&sample, 1000); /* a slice that is not all there */
    t.probe = exact(sample.data, sample.len);
    t.probe_len = sample.len;
    t.codec->probe(&cx, &t);
    free((void *)t.probe);
    ok(t.width == 318 && t.height == 178 && t.sar_w == 4 && !t.codec->wants_probe(&t),
       "the probe tells");
    ok(t.config_len == 7 + 2 * (2 + sizeof make_sps) + 2 + sizeof make_pps + 4 &&
           !memcmp(t.config + t.config_len - 4, "\xfd\xf8\xf8", 4),
       "a complete record, with the chroma fields of High profile");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_SOURCE), "avc3.64000C",
           "RFC 6381 as the source signals it");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), "avc1.64000C", "and plain");
    jo_track copy = t;
    copy.codec->write_entry(&copy, JO_ENTRY_SOURCE, (out = start(), &out));
    ok(holds(&out, "avc3", 4) && !holds(&out, make_sps, sizeof make_sps),
       "source style: the source's record");
    again = rewritten(&t, JO_ENTRY_PLAIN, &out);
    ok(holds(&out, "avc1", 4) && again.width == 318 && !again.in_band,
       "plain style: an avc1 of its own");
}

static void test_avc_probe_damage(void)
{
    static const char *const samples[] = {"",
                                          "\0",
                                          "\0\0\0\4\x67",
                                          "\xff\xff\xff\xff\x67\x64",
                                          "\0\0\0\1\x67\0\0\0\1\x68",
                                          "\0\0\0\0\0\0\0\0"};
    static const size_t sizes[] = {0, 1, 5, 6, 10, 8};
    jo_writer w = video("avc3", false, "", 0);

    for (size_t i = 0; i < 6; i++) {
        jo_track t = parse(&w, JO_VIDEO);
        t.probe = exact(samples[i], sizes[i]);
        t.probe_len = sizes[i];
        t.codec->probe(&cx, &t);
        free((void *)t.probe);
        ok(t.config == NULL && t.width == 320, "damaged probe %zu changes nothing", i);
    }
}

static void test_avc_damage(void)
{
    jo_writer w = video("avc1", true, "", 0);
    bool good = true;

    for (size_t len = 8; len < w.len; len++) { /* shorter entries whose size says so */
        jo_writer cut = start();
        jo_write_bytes(&cut, w.data, len);
        jo_put_u32(cut.data, (uint32_t)len);
        if (len > 94)
            jo_put_u32(cut.data + 86, (uint32_t)(len - 86));
        jo_track t = parse(&cut, JO_VIDEO);
        good = good && cx.code == APR_SUCCESS && (t.codec || t.why);
    }
    ok(good, "an entry cut anywhere is refused or still says enough");
    w = start();
    close_box(&w, open_visual(&w, "avc1", 1, 1));
    jo_track none = parse(&w, JO_VIDEO);
    ok(cx.code == APR_SUCCESS && !none.codec && strstr(none.why, "avcC"), "no avcC");
    for (size_t at = 0; at < sizeof make_sps * 8; at++) { /* a bit of the SPS turned over */
        w = video("avc1", true, "", 0);
        w.data[86 + 8 + 8 + at / 8] ^= (uint8_t)(1 << at % 8);
        parse(&w, JO_VIDEO);
        good = good && cx.code == APR_SUCCESS;
    }
    ok(good, "damaged parameter sets do no harm");
}

/* -- AAC ------------------------------------------------------------------------------------------------ */

static jo_writer sound(unsigned object_type, const char *config, size_t len)
{
    jo_writer w = start();
    size_t at = open_sound(&w, "mp4a", 2, 44100);

    write_esds(&w, object_type, config, len);
    close_box(&w, at);
    return w;
}

typedef struct aac_case {
    const char *what;
    const char *rfc6381; /* NULL: not supported */
    const char *group;
    uint32_t rate;
    unsigned channels;
    unsigned object_type;
    size_t len;
    const char *config;
} aac_case;

static const aac_case cases[] = {
    {"LC, 48 kHz stereo", "mp4a.40.2", "aacl", 48000, 2, 0x40, 2, "\x11\x90"},
    {"LC, 7.1", "mp4a.40.2", "aacl", 48000, 8, 0x40, 2, "\x11\xb8"},
    {"LC, rate written out", "mp4a.40.2", "aacl", 12345, 1, 0x40, 5, "\x17\x80\x18\x1c\x88"},
    {"HE, explicit", "mp4a.40.5", "aach", 48000, 2, 0x40, 4, "\x2b\x11\x88\x00"},
    {"HE v2, explicit", "mp4a.40.29", "aach", 48000, 2, 0x40, 4, "\xeb\x09\x88\x00"},
    {"HE, sync extension", "mp4a.40.5", "aach", 44100, 2, 0x40, 5, "\x13\x90\x56\xe5\xa0"},
    {"HE v2, sync extension", "mp4a.40.29", "aach", 44100, 2, 0x40, 7,
     "\x13\x88\x56\xe5\xa5\x48\x80"},
    {"sync extension that denies SBR", "mp4a.40.2", "aacl", 22050, 2, 0x40, 5,
     "\x13\x90\x56\xe5\x00"},
    {"program config element, 5.1", "mp4a.40.2", "aacl", 48000, 6, 0x40, 10,
     "\x11\x80\x04\xc8\x05\x00\x01\x08\x80\x00"},
    {"program config element cut short", "mp4a.40.2", "aacl", 48000, 2, 0x40, 3, "\x11\x80\x04"},
    {"MPEG-2 LC", "mp4a.40.2", "aacl", 44100, 2, 0x67, 2, "\x12\x10"},
    {"BSAC", NULL, NULL, 0, 0, 0x40, 4, "\xb1\x90\x00\x00"},
    {"Vorbis", NULL, NULL, 0, 0, 0xdd, 0, ""},
};

static void test_aac(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const aac_case *c = &cases[i];
        jo_writer w = sound(c->object_type, c->config, c->len);
        jo_track t = parse(&w, JO_AUDIO);
        if (c->rfc6381 == NULL) {
            ok(cx.code == APR_SUCCESS && !t.codec && strstr(t.why, "not supported"), "%s: %s",
               c->what, t.why);
        } else {
            ok(t.codec && !strcmp(t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN), c->rfc6381) &&
                   t.sample_rate == c->rate && t.channels == c->channels &&
                   !strcmp(t.codec->group(&t), c->group) && t.config_len == c->len,
               "%s", c->what);
            if (t.codec && (t.sample_rate != c->rate || t.channels != c->channels))
                printf("# %s, %u Hz, %u channels\n", t.rfc6381, t.sample_rate, t.channels);
        }
    }
}

/* QuickTime's sound descriptions: version 1 with the esds in a wave box, version 2. */
static void test_quicktime(void)
{
    for (unsigned version = 0; version < 4; version++) {
        jo_writer w = start(), out;
        size_t at = open_sound(&w, "mp4a", 2, 44100);
        w.data[at + 17] = version == 3 ? 1 : (uint8_t)version;
        if (version == 1) {
            jo_write_u32(&w, 1024);
            jo_write_zeros(&w, 12);
        } else if (version == 2) {
            jo_write_u32(&w, 72);
            jo_write_zeros(&w, 32);
        }
        size_t wave = open_box(&w, "wave");
        put(&w, "frma", "mp4a", 4);
        write_esds(&w, 0x40, "\x12\x10", 2);
        jo_write_bytes(&w, "\0\0\0\x08\0\0\0\0", 8);
        close_box(&w, wave);
        close_box(&w, at);
        jo_track t = parse(&w, JO_AUDIO);
        if (!ok(t.codec && t.sample_rate == 44100 && t.channels == 2,
                "sound description version %s",
                version == 3   ? "1 of ISO"
                : version == 2 ? "2"
                : version == 1 ? "1"
                               : "0"))
            continue;
        t = rewritten(&t, JO_ENTRY_SOURCE, &out);
        ok(t.codec && out.data[17] == 0 && !holds(&out, "wave", 4), "is written as version 0");
    }
}

static void test_aac_entry(void)
{
    jo_writer w = sound(0x40, "\x13\x90\x56\xe5\xa0", 5), out;
    jo_track t = parse(&w, JO_AUDIO), again = rewritten(&t, JO_ENTRY_SOURCE, &out);

    ok(jo_get_u32(out.data) == out.len && again.codec && again.config_len == 5 &&
           !memcmp(again.config, "\x13\x90\x56\xe5\xa0", 5) && again.sample_rate == 44100,
       "an entry written is read back the same");
    ok(holds(&out, "\0\1\x77\0\0\0\xfa\0", 8), "with the source's bit rates");
    w = sound(0x40, "\x10\x10", 2); /* 96 kHz */
    t = parse(&w, JO_AUDIO);
    rewritten(&t, JO_ENTRY_SOURCE, &out);
    is_int(jo_get_u32(out.data + 32), 0,
           "a rate that 16 bits can't say is left to the configuration");
}

static void test_aac_damage(void)
{
    jo_writer w = sound(0x40, "\x11\x90", 2);
    bool good = true;

    for (size_t len = 8; len < w.len; len++) {
        jo_writer cut = start();
        jo_write_bytes(&cut, w.data, len);
        jo_put_u32(cut.data, (uint32_t)len);
        if (len > 44)
            jo_put_u32(cut.data + 36, (uint32_t)(len - 36));
        jo_track t = parse(&cut, JO_AUDIO);
        good = good && cx.code == APR_SUCCESS && (t.codec ? len > w.len - 4 : t.why != NULL);
    }
    ok(good, "an entry cut anywhere is refused, but for the tail that says nothing");
    w = sound(0x40, "\x11", 1);
    jo_track short_one = parse(&w, JO_AUDIO);
    ok(cx.code == APR_SUCCESS && !short_one.codec && strstr(short_one.why, "AudioSpecificConfig"),
       "a configuration of one byte");
}

/* -- others ------------------------------------------------------------------------------------------------ */

static void test_others(void)
{
    static const char *const types[] = {"encv", "mp4v", "zz\1\xff", "mp4a"};
    static const char *const whys[] = {"encrypted source", "codec 'mp4v' is not supported",
                                       "codec 'zz\\x01\\xFF' is not supported",
                                       "codec 'mp4a' is not supported"};

    for (int i = 0; i < 4; i++) {
        jo_writer w = video(types[i], true, "", 0);
        jo_track t = parse(&w, JO_VIDEO);
        ok(cx.code == APR_SUCCESS && !t.codec, "no codec for %s", whys[i]);
        is_str(t.why, whys[i], "and why");
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_avc();
    test_avc_entry();
    test_avc3();
    test_avc_probe_damage();
    test_avc_damage();
    test_aac();
    test_quicktime();
    test_aac_entry();
    test_aac_damage();
    test_others();
    free(entry);
    apr_terminate();
    return tap_done();
}
