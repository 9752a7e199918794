/* ?filter=: grammar, variables, canonical form, limits. */
#include "../../src/media/codec.h"
#include "../../src/plan/filter.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

static apr_pool_t *pool;
static jo_ctx cx;

static const jo_filter *parse(const char *text)
{
    const jo_filter *f = NULL;
    char *copy = exact(text, strlen(text) + 1);

    jo_ctx_init(&cx, pool);
    if (jo_filter_parse(&cx, copy, &f) != APR_SUCCESS) {
        f = NULL;
    }
    free(copy);
    return f;
}

static const char *canonical(const char *text)
{
    const jo_filter *f = parse(text);
    jo_text out;

    if (f == NULL) {
        return cx.message;
    }
    jo_text_init(&out, pool, 64);
    jo_filter_write(f, &out);
    return out.s;
}

/* -- tracks ------------------------------------------------------------------------------------------------- */

/* 14496-12 12.1.3: a visual sample entry around one box. */
static void set_entry(jo_track *t, const char *code, const char *box, const void *body, size_t len)
{
    jo_writer w;

    jo_writer_init(&w, pool, 128);
    jo_write_u32(&w, (uint32_t)(8 + 78 + 8 + len));
    jo_write_bytes(&w, code, 4);
    jo_write_zeros(&w, 78);
    jo_write_u32(&w, (uint32_t)(8 + len));
    jo_write_bytes(&w, box, 4);
    jo_write_bytes(&w, body, len);
    t->entry = w.data;
    t->entry_len = w.len;
    t->config = w.data + w.len - len;
    t->config_len = len;
}

static jo_track *finish(jo_track *t, jo_kind kind, const char *code, const jo_codec *codec,
                        const char *name)
{
    const jo_track **self = apr_palloc(pool, sizeof(*self));

    *self = t;
    t->kind = kind;
    t->fourcc = JO_FOURCC(code[0], code[1], code[2], code[3]);
    t->codec = codec;
    t->name = name;
    t->language = t->language ? t->language : "";
    t->variants = self;
    t->nvariants = 1;
    return t;
}

/* 30000/1001 fps, High@3.1, 720p */
static jo_track *avc(const char *code)
{
    static const uint8_t avcc[] = {1, 100, 0, 31, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68};
    static jo_index ix = {.count = 100, .const_until = 100, .duration = 1001};
    jo_track *t = apr_pcalloc(pool, sizeof(*t));

    set_entry(t, code, "avcC", avcc, sizeof(avcc));
    t->id = 3;
    t->timescale = 30000;
    t->index = &ix;
    t->bitrate = 751000;
    t->width = 1280;
    t->height = 720;
    t->sar_w = t->sar_h = 1;
    t->formats = JO_HLS | JO_DASH | JO_SMOOTH;
    t->in_band = !strcmp(code, "avc3") || !strcmp(code, "hev1");
    return finish(t, JO_VIDEO, code, &jo_codec_avc, "video_eng");
}

/* Main 10 in PQ, 4K; no param set, which the record need not have here */
static jo_track *hevc(const char *code)
{
    static const uint8_t hvcc[] = {1,   2,    0x20, 0,    0,    0,    0xb0, 0, 0, 0,    0, 0,
                                   153, 0xf0, 0,    0xfc, 0xfd, 0xfa, 0xfa, 0, 0, 0x0f, 0};
    jo_track *t = avc(code);

    set_entry(t, code, "hvcC", hvcc, sizeof(hvcc));
    t->width = 3840;
    t->height = 2160;
    t->colour = (jo_colour){.known = true, .primaries = 9, .transfer = 16, .matrix = 9};
    return finish(t, JO_VIDEO, code, &jo_codec_hevc, "video");
}

/* 14496-3 1.6.2.1: object type (5: HE-AAC) */
static jo_track *aac(unsigned object_type, const char *lang)
{
    jo_track *t = apr_pcalloc(pool, sizeof(*t));
    uint8_t *config = apr_palloc(pool, 2);

    config[0] = (uint8_t)(object_type << 3 | 1); /* 48 kHz */
    config[1] = 0x90;                            /* stereo */
    t->config = config;
    t->config_len = 2;
    t->rfc6381 = object_type == 5 ? "mp4a.40.5" : "mp4a.40.2";
    t->id = 1;
    t->timescale = 48000;
    t->sample_rate = 48000;
    t->channels = 2;
    t->bitrate = 64000;
    t->language = lang;
    t->formats = JO_HLS | JO_DASH | JO_SMOOTH;
    return finish(t, JO_AUDIO, "mp4a", &jo_codec_aac, "audio_eng");
}

static jo_track *text(const char *code, const jo_codec *codec, const char *lang)
{
    jo_track *t = apr_pcalloc(pool, sizeof(*t));

    t->rfc6381 = code;
    t->timescale = 1000;
    t->bitrate = 1000;
    t->language = lang;
    return finish(t, JO_TEXT, code, codec, "textstream_zh-Hans");
}

static jo_track *with_params(jo_track *t, const jo_pair *params, int n)
{
    t->params = params;
    t->nparams = n;
    return t;
}

static void asks(const jo_track *t, const char *filter, bool wanted)
{
    const jo_filter *f = parse(filter);

    if (f == NULL) {
        ok(false, "%s: %s", filter, cx.message);
        return;
    }
    ok(jo_filter_keeps(&cx, f, t) == wanted, "%s: %s", filter, wanted ? "kept" : "not kept");
}

static void is(const jo_track *t, const char *filter)
{
    asks(t, filter, true);
}

static void isnt(const jo_track *t, const char *filter)
{
    asks(t, filter, false);
}

/* -- grammar -------------------------------------------------------------------------------------------------- */

static void test_grammar(void)
{
    static const struct {
        const char *filter, *canonical;
    } good[] = {
        {"type==\"audio\"", "type==\"audio\""},
        {"(((type==\"audio\")))", "type==\"audio\""},
        {" ( TYPE == 'Audio' ) ", "type==\"audio\""},
        {"type+==+\"audio\"", "type==\"audio\""},
        {"type==audio", "type==\"audio\""},
        {"type==\"text\"", "type==\"textstream\""},
        {"fourcc==aacl|FourCC==AVC1||FOURCC=='H264'", "FourCC==\"AACL\"||FourCC==\"AVC1\""},
        {"systemLanguage==\"eng\"&&systemlanguage==\"EN\"", "systemLanguage==\"en\""},
        {"systemLanguage=='zho-Hans'", "systemLanguage==\"zh-hans\""},
        {"systemLanguage=='und'||systemLanguage==\"\"", "systemLanguage==\"und\""},
        {"systemBitrate<=\"0100000.50\"", "systemBitrate<=100000.5"},
        {"systemBitrate<999999999999999999.999999", "systemBitrate<999999999999999999.999999"},
        {"frameRate>=29.970000000", "frameRate>=29.97"},
        {"frameRate>=0.000001", "frameRate>=0.000001"},
        {"avc_profile==avc_profile_high", "AVC_PROFILE==100"},
        {"AVC_PROFILE<=AVC_PROFILE_MAIN||AVC_PROFILE==\"AVC_PROFILE_BASELINE\"",
         "AVC_PROFILE<=77||AVC_PROFILE==66"},
        {"trackName=='a\"b'", "trackName=='a\"b'"},
        {"trackName==\"it's Ä (&|!=)\"", "trackName==\"it's Ä (&|!=)\""},
        {"role==Forced_Subtitle", "role==\"forced-subtitle\""},
        {"videoRange==pq", "videoRange==\"PQ\""},
        {"codec==MP4A.40.2", "codec==\"mp4a.40.2\""},
        {"true", "true"},
        {"!FALSE", "!false"},
        {"!!true", "true"},
        {"!type==audio", "!type==\"audio\""},
        {"!(type==audio)&&!(type==video||type==text)",
         "!(type==\"textstream\"||type==\"video\")&&!type==\"audio\""},
        {"type==video||type==audio&&channels==2", "Channels==2&&type==\"audio\"||type==\"video\""},
        {"(type==video||type==audio)&&channels==2",
         "Channels==2&&(type==\"audio\"||type==\"video\")"},
        {"(channels>1&&(channels>2&&type==audio))||false",
         "Channels>1&&Channels>2&&type==\"audio\"||false"},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        const char *first = canonical(good[i].filter);
        is_str(first, good[i].canonical, good[i].filter);
        is_str(canonical(first), first, "  and that is its own canonical form");
    }
}

static void test_same(void)
{
    static const char *const same[] = {
        "type==\"audio\"&&systemBitrate<100000||type==\"video\"&&systemBitrate<1024000",
        "(type==\"audio\"&&systemBitrate<100000)||(type==\"video\"&&systemBitrate<1024000)",
        "(systemBitrate<1024000.0 && type=='video') | (systemBitrate<0100000 && type==audio)",
        "TYPE==VIDEO&&SYSTEMBITRATE<\"1024000\"||(type==audio&&(systemBitrate<100000&&type==audio)"
        ")",
        ("((type==\"video\"&&systemBitrate<1024000)||type==\"audio\"&&systemBitrate<100000)||"
         "(type==\"audio\"&&systemBitrate<100000)"),
    };
    const char *wanted = canonical(same[0]);

    for (size_t i = 1; i < sizeof(same) / sizeof(*same); i++) {
        is_str(canonical(same[i]), wanted, same[i]);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *filter, *message;
    } bad[] = {
        {"", "1: expected a variable, \"(\", \"!\", true or false, found the end"},
        {"  ", "3: expected a variable, \"(\", \"!\", true or false, found the end"},
        {"\"audio\"==type", "1: expected a variable, \"(\", \"!\", true or false, found \"audio\""},
        {"type", "5: expected == or !=, found the end"},
        {"type=\"audio\"", "5: expected == or !=, found \"=\""},
        {"type<\"audio\"", "5: expected == or !=, found \"<\""},
        {"trackName >= 'a'", "11: expected == or !=, found \">=\""},
        {"systemBitrate=5", "14: expected ==, !=, <, <=, > or >=, found \"=\""},
        {"systemBitrate=>5", "14: expected ==, !=, <, <=, > or >=, found \"=>\""},
        {"systemBitrate<", "15: expected a number, found the end"},
        {"systemBitrate<abc", "15: expected a number, found \"abc\""},
        {"systemBitrate<\"abc\"", "15: expected a number, found \"abc\""},
        {"systemBitrate<-5", "15: expected a number, found \"-5\""},
        {"systemBitrate<5k", "15: expected a number, found \"5k\""},
        {"systemBitrate<5.",
         "15: expected a number of at most 18 digits and 6 decimals, found \"5.\""},
        {"systemBitrate<.5", "15: expected a number, found \".5\""},
        {"systemBitrate<systemBitrate", "15: expected a number, found \"systemBitrate\""},
        {"systemBitrate<1000000000000000000", "15: expected a number of at most 18 digits and 6 "
                                              "decimals, found \"1000000000000000000\""},
        {"frameRate<1.0000001",
         "11: expected a number of at most 18 digits and 6 decimals, found \"1.0000001\""},
        {"MaxHeight==AVC_PROFILE_HIGH", "12: expected a number, found \"AVC_PROFILE_HIGH\""},
        {"AVC_PROFILE==high", "14: expected a number, AVC_PROFILE_BASELINE, AVC_PROFILE_MAIN or "
                              "AVC_PROFILE_HIGH, found \"high\""},
        {"type==", "7: expected a string in quotes, found the end"},
        {"type==FourCC", "7: expected a string in quotes, found \"FourCC\""},
        {"type==true", "7: expected a string in quotes, found \"true\""},
        {"FourCC==AVC_PROFILE_HIGH", "9: expected a string in quotes, found \"AVC_PROFILE_HIGH\""},
        {"type==\"audio", "13: expected a closing \", found the end"},
        {"type=='audio\"", "14: expected a closing ', found the end"},
        {"type==\"audio\"&systemBitrate<5", "14: expected &&, || or the end, found \"&\""},
        {"type==\"audio\" type==\"video\"", "15: expected &&, || or the end, found \"type\""},
        {"type==\"audio\")", "14: expected &&, || or the end, found \")\""},
        {"(type==\"audio\"", "15: expected &&, || or \")\", found the end"},
        {"(type==\"audio\"&type==\"x\")", "15: expected &&, || or \")\", found \"&\""},
        {"()", "2: expected a variable, \"(\", \"!\", true or false, found \")\""},
        {"true&&", "7: expected a variable, \"(\", \"!\", true or false, found the end"},
        {"true|||true", "7: expected a variable, \"(\", \"!\", true or false, found \"|\""},
        {"!", "2: expected a variable, \"(\", \"!\", true or false, found the end"},
        {"true==true", "5: expected &&, || or the end, found \"==\""},
        {"trackName=='Ä'=", "15: expected &&, || or the end, found \"=\""},
        {"Ä==1", "1: expected a variable, \"(\", \"!\", true or false, found \"Ä\""},
        {"type=='audio'x'abcdefghijklmnopqrstuvwxyz0123456789abcÄÄ'",
         "14: expected &&, || or the end, found \"x\""},
        {"'abcdefghijklmnopqrstuvwxyz0123456789abcÄÄ'",
         "1: expected a variable, \"(\", \"!\", true or false, found "
         "\"'abcdefghijklmnopqrstuvwxyz0123456789abc…\""},
        {"systemBitrate<\"\x01\"", "15: expected a number, found \"?\""},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const jo_filter *f = parse(bad[i].filter);
        ok(f == NULL && cx.code == JO_EREQUEST, "refused: %s", bad[i].filter);
        is_str(f ? NULL : cx.message, apr_pstrcat(pool, "filter, column ", bad[i].message, NULL),
               "  saying why");
    }
    ok(parse("true&&bitrate<5") == NULL &&
           strstr(cx.message, "column 7: expected a variable, found "
                              "\"bitrate\"; there are type, "
                              "systemBitrate, ") != NULL,
       "an unknown name: %s", cx.message);
}

/* -- limits ------------------------------------------------------------------------------------------------------ */

/* before, n times `again`, middle, n times `after` */
static const char *repeated(const char *again, int n, const char *middle, const char *after)
{
    jo_text s;

    jo_text_init(&s, pool, 8192);
    for (int i = 0; i < n; i++) {
        jo_text_add(&s, again);
    }
    jo_text_add(&s, middle);
    for (int i = 0; i < n; i++) {
        jo_text_add(&s, after);
    }
    return s.s;
}

static void refused(const char *filter, const char *message, const char *what)
{
    ok(parse(filter) == NULL, "%s: refused", what);
    is_str(cx.message, message, "  saying why");
}

static void test_limits(void)
{
    const char *most = repeated(" ", 4092, "true", "");

    ok(parse(most) != NULL, "4096 characters");
    refused(apr_pstrcat(pool, " ", most, NULL), "filter: more than 4096 characters", "4097");
    ok(parse(repeated("(", 32, "true", ")")) != NULL, "32 parentheses");
    refused(repeated("(", 33, "true", ")"), "filter, column 33: more than 32 levels of ( and !",
            "33 parentheses");
    ok(parse(repeated("!", 32, "true", "")) != NULL, "32 times !");
    refused(repeated("!", 33, "true", ""), "filter, column 33: more than 32 levels of ( and !",
            "33 times !");
    ok(parse(repeated("!(", 16, "true", ")")) != NULL, "16 times both");
    ok(parse(repeated("width<1||", 255, "width<1", "")) != NULL, "256 comparisons");
    refused(repeated("width<1||", 256, "width<1", ""),
            "filter, column 2305: more than 256 comparisons", "257 comparisons");
    ok(parse(repeated("\x83", 2000, "", "")) == NULL && strlen(cx.message) < 200,
       "what is no UTF-8: refused");
    ok(parse(repeated("a", 2000, "", "b")) == NULL, "a name of 4000 letters");
    ok(strlen(cx.message) < 600, "  in a short message");
}

/* What is spelt out grows: it must not grow beyond what would be taken back. */
static void test_grown(void)
{
    jo_text s;

    jo_text_init(&s, pool, 8192);
    for (int i = 0; i < 240; i++) {
        jo_text_addf(&s, "%strackName==%04d", i ? "|" : "", i);
    }
    ok(s.len < 4096 && parse(s.s) == NULL, "longer than 4096 characters in canonical form");
    is_str(cx.message, "filter: more than 4096 characters, once words are quoted", "  saying so");
}

/* -- variables -------------------------------------------------------------------------------------------------- */

static void test_video(void)
{
    jo_track *t = avc("avc1");

    is(t, "type==video");
    is(t, "type!=meta");
    isnt(t, "type==meta");
    isnt(t, "type==data");
    is(t, "systemBitrate==751000");
    isnt(t, "systemBitrate<751000");
    is(t, "systemBitrate<=751000&&systemBitrate<751000.5");
    is(t, "trackID==3");
    is(t, "trackName==video_eng");
    isnt(t, "trackName==Video_eng");
    is(t, "TimeScale==30000");
    is(t, "MaxWidth==1280&&MaxHeight==720&&width==1280&&height==720");
    is(t, "DisplayWidth==1280&&DisplayHeight==720");
    is(t, "AVC_PROFILE==AVC_PROFILE_HIGH&&AVC_PROFILE>77");
    is(t, "AVC_LEVEL==31&&AVC_LEVEL<=\"31\"");
    is(t, "frameRate==29.97&&frameRate<=29.97&&frameRate>=29.97");
    isnt(t, "frameRate<29.97");
    isnt(t, "frameRate>29.97");
    isnt(t, "frameRate!=29.97");
    is(t, "frameRate<30&&frameRate!=30&&frameRate>29.969");
    is(t, "codec==avc1.64001F");
    is(t, "codec==avc1");
    isnt(t, "codec==avc");
    isnt(t, "codec==avc1.6400");
    isnt(t, "codec==\"\"");
    is(t, "FourCC==H264&&FourCC==avc1");
    isnt(t, "FourCC==avc3");
    is(t, "videoRange==SDR");
    isnt(t, "Channels==2");
    isnt(t, "Channels!=2");
    isnt(t, "SamplingRate>0||BitsPerSample>0||AudioTag!=0");
    t->sar_w = 4;
    t->sar_h = 3;
    is(t, "DisplayWidth==1707&&MaxWidth==1280");
}

static void test_codecs(void)
{
    jo_track *implicit = aac(2, "en");

    implicit->rfc6381 = "mp4a.40.5";
    is(avc("avc3"), "FourCC==avc3&&FourCC==AVC1&&codec==avc3&&codec==avc1");
    is(hevc("hvc1"), "FourCC==HVC1&&codec==hvc1.2.4.L153.B0");
    isnt(hevc("hvc1"), "FourCC==HEV1||AVC_PROFILE>0||AVC_LEVEL!=0");
    is(hevc("hev1"), "FourCC==HEV1&&FourCC==hvc1&&codec==hvc1&&codec==hev1");
    is(hevc("dvh1"), "FourCC==dvh1&&FourCC!=HVC1");
    is(hevc("hvc1"), "videoRange==PQ");
    isnt(hevc("hvc1"), "videoRange==HLG");
    is(aac(2, "en"), "FourCC==AACL&&FourCC==mp4a&&codec==\"mp4a.40.2\"&&codec==mp4a.40");
    isnt(aac(2, "en"), "FourCC!=AACL||FourCC==AACH||codec==mp4a.4");
    is(aac(5, "en"), "FourCC==AACH&&FourCC!=AACL");
    is(implicit, "FourCC==AACH&&FourCC!=AACL&&codec==mp4a.40.5");
    is(text("stpp", &jo_codec_stpp, ""), "FourCC==TTML&&FourCC==dfxp&&FourCC==stpp&&codec==stpp");
    is(text("wvtt", &jo_codec_wvtt, ""), "FourCC==wvtt&&FourCC!=TTML");
}

static void test_audio(void)
{
    jo_track *t = aac(2, "en");

    is(t, "type==audio&&SamplingRate==48000&&Channels==2&&BitsPerSample==16&&AudioTag==255");
    is(t, "systemLanguage==eng&&systemLanguage==en&&systemLanguage==\"EN\"");
    isnt(t, "systemLanguage==en-US");
    is(t, "systemLanguage!=ger&&systemLanguage!=und");
    isnt(t, "MaxHeight<=480");
    isnt(t, "MaxHeight>480");
    isnt(t, "frameRate>0||videoRange==SDR||videoRange!=SDR||width>0");
    is(t, "!(MaxHeight<=480)");
    is(aac(2, "de"), "systemLanguage==ger&&systemLanguage==deu&&systemLanguage==de");
    is(aac(2, ""), "systemLanguage==und&&systemLanguage!=eng");
    isnt(aac(2, ""), "systemLanguage==\"no tag\"");
    t->formats = JO_HLS | JO_DASH;
    isnt(t, "AudioTag==255");
}

static void test_text(void)
{
    jo_track *t = text("stpp", &jo_codec_stpp, "zh-Hans");

    is(t, "type==textstream&&type==text");
    is(t, "systemLanguage==\"zho-Hans\"&&systemLanguage==zh-hans");
    isnt(t, "systemLanguage==zh");
    isnt(t, "height>0||MaxHeight>0");
}

static void test_roles(void)
{
    const jo_role roles[] = {{JO_ROLE_SCHEME, "main"}, {JO_ROLE_SCHEME, "description"}};
    jo_track *t = aac(2, "en");

    is(t, "role!=commentary");
    isnt(t, "role==main");
    t->labels.roles = roles;
    t->labels.nroles = 2;
    is(t, "role==main&&role==Description&&role!=dub");
    isnt(t, "role!=main");
    t = text("wvtt", &jo_codec_wvtt, "en");
    t->labels.forced = true;
    is(t, "role==forced-subtitle&&role==forced_subtitle");
}

static void test_params(void)
{
    static const jo_pair params[] = {
        {"maxheight", "480"}, {"MaxWidth", " 848 "}, {"AVC_PROFILE", "avc_profile_main"},
        {"AVC_LEVEL", "3o"},  {"FourCC", "H264"},    {"Channels", "6"},
        {"TimeScale", ""},    {"trackName", "video"}};
    jo_track *t = with_params(avc("avc3"), params, 8);

    is(t, "MaxHeight==480&&height==720&&DisplayHeight==720");
    is(t, "MaxWidth==848");
    is(t, "AVC_PROFILE==77");
    is(t, "AVC_LEVEL==31");
    is(t, "FourCC==AVC1&&FourCC==H264&&FourCC!=avc3");
    is(t, "Channels==6");
    is(t, "TimeScale==30000");
    is(t, "trackName==video&&trackName==video_eng");
}

/* A track of several sizes counts as its largest, and has every codec that it has anywhere. */
static void test_variants(void)
{
    jo_track *t = avc("avc1"), *larger = avc("avc3");
    const jo_track *variants[] = {t, larger};

    larger->width = 1920;
    larger->height = 1080;
    t->variants = variants;
    t->nvariants = 2;
    is(t, "MaxHeight==1080&&MaxWidth==1920&&height==1080&&codec==avc3");
}

/* -- filters seen in the wild ------------------------------------------------------------------------------------ */

static void kept(const char *filter, const char *wanted)
{
    const struct {
        const char *letter;
        jo_track *track;
    } all[] = {{"V", avc("avc1")},
               {"H", hevc("hvc1")},
               {"A", aac(2, "en")},
               {"E", aac(5, "en")},
               {"T", text("stpp", &jo_codec_stpp, "en")}};
    const jo_filter *f = parse(filter);
    char got[8] = "";

    all[0].track->height = 480;
    all[1].track->bitrate = 8000000;
    for (size_t i = 0; f != NULL && i < sizeof(all) / sizeof(*all); i++) {
        strcat(got, jo_filter_keeps(&cx, f, all[i].track) ? all[i].letter : "");
    }
    is_str(f ? got : cx.message, wanted, filter);
}

static void test_real(void)
{
    kept("(type==\"audio\"&&systemBitrate<100000)||(type==\"video\"&&systemBitrate<1024000)",
         "VAE");
    kept("(type!=\"video\")", "AET");
    kept("(type!=\"meta\")", "VHAET");
    kept("(type==\"audio\")||(type==\"textstream\")||(type==\"video\"&&MaxHeight<=480)", "VAET");
    kept("(!(type==\"audio\"&&FourCC!=\"AACL\"))", "VHAT");
    kept("false", "");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_grammar();
    test_same();
    test_refused();
    test_limits();
    test_grown();
    test_video();
    test_codecs();
    test_audio();
    test_text();
    test_roles();
    test_params();
    test_variants();
    test_real();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
