/* Text codecs: what sample entries and documents say of TTML's profile, WebVTT's head; what is written; damage. */
#include "../../src/base/status.h"
#include "../../src/media/codec.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define TTML       "http://www.w3.org/ns/ttml"
#define STRINGS(s) s, sizeof(s) /* with the literal's own NUL */

static apr_pool_t *pool;
static jo_ctx cx;
static void *entry; /* of the track under test, exact */

static jo_writer make(const char *type, const void *fields, size_t len)
{
    jo_writer w;

    jo_writer_init(&w, pool, 128);
    open_box(&w, type);
    jo_write_zeros(&w, 6);
    jo_write_u16(&w, 1);
    jo_write_bytes(&w, fields, len);
    close_box(&w, 0);
    return w;
}

static jo_track parse(const jo_writer *w)
{
    jo_track t = {.kind = JO_TEXT, .id = 1, .timescale = 1000};

    free(entry);
    entry = exact(w->data, w->len);
    t.entry = entry;
    t.entry_len = w->len;
    t.fourcc = jo_get_u32(t.entry + 4);
    jo_ctx_init(&cx, pool);
    jo_codec_parse(&cx, &t);
    return t;
}

static void probe(jo_track *t, const void *data, size_t len)
{
    t->probe = exact(data, len);
    t->probe_len = len;
    t->codec->probe(&cx, t);
    free((void *)t->probe);
}

/* What the track is called once its first document was looked at, if the codec asks for it. */
static const char *name_of(const char *fields, size_t len, const char *document)
{
    jo_writer w = make("stpp", fields, len);
    jo_track t = parse(&w);

    if (t.codec == NULL)
        return t.why;
    if (t.codec->wants_probe(&t))
        probe(&t, document, strlen(document));
    return t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN);
}

/* -- TTML ---------------------------------------------------------------------------------------------------- */

static void test_profiles(void)
{
    static const char plain[] = "<tt xmlns='" TTML "'/>";
    static const char im2t[] =
        "<tt xmlns:ttp='" TTML "#parameter' ttp:profile='" TTML "/profile/imsc1.1/text'/>";
    static const char im1i[] =
        "<tt ttp:contentProfiles=' " TTML "/profile/imsc1/image'><body/></tt>";

    is_str(name_of(STRINGS(TTML "\0\0"), plain), "stpp.ttml.im1t", "nothing said");
    is_str(name_of(STRINGS(TTML "\0\0"), im2t), "stpp.ttml.im2t", "ttp:profile");
    is_str(name_of(STRINGS(TTML "\0\0"), im1i), "stpp.ttml.im1i", "ttp:contentProfiles");
    is_str(name_of(STRINGS(TTML "\0\0"), ""), "stpp.ttml.im1t", "an empty document");
    is_str(name_of(STRINGS(TTML "#parameter " TTML " urn:ebu:style\0\0"), plain), "stpp.ttml.im1t",
           "several namespaces");
    is_str(name_of(STRINGS(TTML "\0\0image/png"), plain),
           "TTML with pictures beside it is not supported", "pictures beside it");
    is_str(name_of(STRINGS("\0\0"), plain), "stpp.ttml.im1t", "no namespace at all");
    is_str(name_of(STRINGS(TTML), plain), "stpp.ttml.im1t", "an old entry of one string");
    is_str(
        name_of(STRINGS(TTML "\0\0\0\0\0\x2cmime\0\0\0\0application/ttml+xml;codecs=a b c"), plain),
        "stpp.ttml.im1t", "a profile that can't be one");
    is_str(name_of(STRINGS("http://www.w3.org/2000/svg\0\0"), plain),
           "stpp of another namespace than TTML is not supported", "another namespace");
    is_str(name_of(TTML, sizeof(TTML) - 1, plain), "stpp sample entry without a namespace",
           "a string without end");
}

static void test_mime(void)
{
    static const char im2t[] = "<tt ttp:profile='" TTML "/profile/imsc1.1/text'/>";
    static const struct {
        const char *type, *name;
    } cases[] = {
        {"application/ttml+xml;codecs=im1t", "stpp.ttml.im1t"},
        {"application/ttml+xml; charset=utf-8; codecs=\"im1t|etd1\"", "stpp.ttml.im1t|etd1"},
        {"application/ttml+xml", "stpp.ttml.im2t"},
        {"application/ttml+xml;codecs=<im1t>", "stpp.ttml.im2t"},
        {"application/ttml+xml;codecs=", "stpp.ttml.im2t"},
        {"application/ttml+xml;codecs=\"im\n1\"", "stpp.ttml.im2t"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jo_writer f;
        jo_writer_init(&f, pool, 128);
        jo_write_bytes(&f, STRINGS(TTML "\0\0"));
        size_t at = open_full(&f, "mime", 0, 0);
        jo_write_bytes(&f, cases[i].type, strlen(cases[i].type) + 1);
        close_box(&f, at);
        is_str(name_of((const char *)f.data, f.len, im2t), cases[i].name, cases[i].type);
    }
}

/* As written, it says the same without its document. */
static void test_written(void)
{
    jo_writer w = make("stpp", STRINGS(TTML "\0schema\0font/otf"));
    jo_track t = parse(&w);
    jo_writer out;
    jo_smooth s = {.private_len = 1};

    probe(&t, STRINGS("<tt ttp:profile='" TTML "/profile/imsc1.1/image'/>"));
    jo_writer_init(&out, pool, 64);
    t.codec->write_entry(&t, JO_ENTRY_SOURCE, &out);
    ok(t.codec->smooth(&cx, &t, &s) && !strcmp(s.fourcc, "TTML") && s.private_len == 0, "Smooth");
    ok(jo_get_u32(out.data) == out.len, "stpp written: size");
    ok(!memcmp(out.data + 16, STRINGS(TTML "\0schema\0font/otf")), "its strings");
    jo_track again = parse(&out);
    ok(again.codec && !again.codec->wants_probe(&again), "read back: no probe wanted");
    is_str(again.rfc6381, "stpp.ttml.im2i", "the same profile");
    ok(again.formats == (JO_HLS | JO_DASH | JO_SMOOTH), "its formats");
}

/* -- WebVTT -------------------------------------------------------------------------------------------------- */

static void test_wvtt(void)
{
    jo_writer w = make("wvtt", "\0\0\0\x17vttCWEBVTT\n\nSTYLE\nx\0\0\0\x0cvlabname", 35);
    jo_track t = parse(&w);
    jo_writer out;

    ok(t.codec == &jo_codec_wvtt && t.formats == (JO_HLS | JO_DASH), "wvtt");
    is_str(t.codec->rfc6381(pool, &t, JO_ENTRY_SOURCE), "wvtt", "its name");
    ok(t.config_len == 15 && !memcmp(t.config, "WEBVTT\n\nSTYLE\nx", 15), "its head");
    jo_writer_init(&out, pool, 64);
    t.codec->write_entry(&t, JO_ENTRY_SOURCE, &out);
    ok(out.len == w.len && !memcmp(out.data, w.data, w.len), "written as it was");
    w = make("wvtt", "", 0);
    t = parse(&w);
    ok(t.codec && t.config_len == 6 && !memcmp(t.config, "WEBVTT", 6),
       "without vttC: a plain head");
    w = make("tx3g", "\0\0\0\0", 4);
    t = parse(&w);
    ok(t.codec == NULL && strstr(t.why, "'tx3g' is not supported"), "tx3g is refused");
}

/* -- damage -------------------------------------------------------------------------------------------------- */

static void look(const jo_writer *w)
{
    jo_track t = parse(w);
    jo_writer out;

    if (t.codec == NULL)
        return;
    if (t.codec->wants_probe && t.codec->wants_probe(&t)) {
        static const char doc[] = "<tt ttp:profile='" TTML "/profile/imsc1.2/text'/>";
        for (size_t n = 0; n < sizeof(doc); n++)
            probe(&t, doc, n);
    }
    jo_writer_init(&out, pool, 64);
    t.codec->write_entry(&t, JO_ENTRY_SOURCE, &out);
    if (jo_get_u32(out.data) != out.len || !t.codec->rfc6381(pool, &t, JO_ENTRY_PLAIN))
        ok(false, "a damaged entry is written whole");
}

static void test_damage(const char *type, const void *fields, size_t len)
{
    for (size_t n = 0; n <= len; n++) {
        jo_writer w = make(type, fields, n);
        look(&w);
    }
    for (size_t i = 0; i < len * 8; i++) {
        jo_writer w = make(type, fields, len);
        w.data[16 + i / 8] ^= (uint8_t)(1 << i % 8);
        look(&w);
    }
    ok(cx.code == APR_SUCCESS, "%s: cut at every length, every bit turned: nothing fails", type);
}

int main(void)
{
    static const char stpp[] = "" TTML "\0\0font/otf\0\0\0\0\x2cmime\0\0\0\0"
                               "application/ttml+xml;codecs=im1i";
    static const char wvtt[] = "\0\0\0\x0evttCWEBVTT\0\0\0\x0cvlabname";

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_profiles();
    test_mime();
    test_written();
    test_wvtt();
    test_damage("stpp", stpp, sizeof(stpp));
    test_damage("wvtt", wvtt, sizeof(wvtt) - 1);
    free(entry);
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
