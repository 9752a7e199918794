#include "../../src/base/status.h"
#include "../../src/plan/url.h"
#include "tap.h"

#include <apr_general.h>

static apr_pool_t *pool;
static jo_ctx cx;
static const char *const tokens[] = {"video=1000", "video=100", "textstream_zh-Hans=1000",
                                     "video=1000-1", "audio_eng=64000"};
static jo_url_match m;

static bool matches(const char *pattern, const char *path)
{
    char *copy = exact(path, strlen(path) + 1);
    bool good = jo_url_match_path(pattern, copy, "kite", tokens, 5, &m);

    free(copy);
    return good;
}

static void test_patterns(void)
{
    ok(matches("hls/$B-$T-$N.m4s", "hls/kite-video=100-17.m4s") && m.track == 1 && m.number == 17,
       "a segment");
    ok(matches("hls/$B-$T.m4s", "hls/kite-video=100.m4s") && m.track == 1 && m.number == -1,
       "an init");
    ok(matches("$B-$T-$N.ts", "kite-textstream_zh-Hans=1000-3.ts") && m.track == 2,
       "a token with '-'");
    ok(matches("$B-$T-$N.ts", "kite-video=1000-12.ts") && m.track == 0 && m.number == 12,
       "the shorter token where the longest does not fit");
    ok(matches("$B-$T-$N.ts", "kite-video=1000-1-2.ts") && m.track == 3 && m.number == 2,
       "the longest token where it fits");
    ok(matches("$B-$T.m3u8", "kite-video=1000-1.m3u8") && m.track == 3, "the longest token");
    ok(!matches("$B-$T.m3u8", "kite-video=10.m3u8") && m.track == -1, "an unknown token");
    ok(!matches("$B-$T.m3u8", "other-video=100.m3u8"), "another base");
    ok(!matches("$B-$T.m3u8", "kite-video=100.m3u8x") &&
           !matches("$B-$T.m3u8", "kite-video=100.m3u"),
       "the whole path counts");
    ok(!matches("$B-$T-$N.ts", "kite-video=100-0.ts") &&
           !matches("$B-$T-$N.ts", "kite-video=100-01.ts") &&
           !matches("$B-$T-$N.ts", "kite-video=100-.ts") &&
           !matches("$B-$T-$N.ts", "kite-video=100--1.ts"),
       "no number 0, leading zero, sign, or none");
    ok(matches("$B-$T-$N.ts", "kite-video=100-9223372036854775807.ts") && m.number == INT64_MAX,
       "the largest number");
    ok(!matches("$B-$T-$N.ts", "kite-video=100-9223372036854775808.ts") &&
           !matches("$B-$T-$N.ts", "kite-video=100-99999999999999999999999.ts"),
       "numbers beyond 63 bits");
    ok(matches("dash/$B-$T-$I.dash", "dash/kite-audio_eng=64000-0.dash") && m.number == 0,
       "time 0");
    ok(!matches("dash/$B-$T-$I.dash", "dash/kite-audio_eng=64000-00.dash"), "but not 00");
}

static void test_sound(void)
{
    ok(matches("$B-$A-$T-$N.ts", "kite-audio_eng=64000-video=100-7.ts") && m.sound == 4 &&
           m.track == 1 && m.number == 7,
       "a segment of picture and sound");
    ok(matches("$B-$A-$T.m3u8", "kite-audio_eng=64000-video=1000-1.m3u8") && m.sound == 4 &&
           m.track == 3,
       "their playlist");
    ok(matches("$B-$A-$T-$N.ts", "kite-video=1000-1-video=1000-1-1.ts") && m.sound == 3 &&
           m.track == 3 && m.number == 1,
       "tokens with '-'");
    ok(!matches("$B-$A-$T.m3u8", "kite-audio_eng=64000.m3u8") && m.sound == -1 &&
           !matches("$B-$T.m3u8", "kite-audio_eng=64000-video=100.m3u8") && m.track == -1,
       "one of them is not both");
    ok(!matches("$B-$A-$T.m3u8", "kite-audio_eng=64001-video=100.m3u8") && m.sound == -1 &&
           m.track == -1,
       "an unknown one");
    ok(matches("$B-$T.m3u8", "kite-audio_eng=64000.m3u8") && m.sound == -1 && m.track == 4,
       "without $A there is no sound");
}

static void test_wildcards(void)
{
    ok(matches("$*.m3u8", ".m3u8"), ".m3u8");
    ok(matches("$*.m3u8", "kite.m3u8") && matches("$*.m3u8", "a.m3u8.m3u8"), "<any>.m3u8");
    ok(matches("$*.m3u8", "kite-x.m3u8") && matches("$*.m3u8", "a=b.m3u8"),
       "any name without a token");
    ok(!matches("$*.m3u8", "kite-video=7.m3u8"), "but none that means a track");
    ok(!matches("$*.mpd", "kite-video=100.mpd"), "even of a known one");
    ok(!matches("$*.m3u8", "a/b.m3u8") && !matches("$*.m3u8", "m3u8"), "and no folder");
    ok(!jo_url_match_path("$B-$T.m3u8", "kite-.m3u8", "kite", NULL, 0, &m), "without tokens");
}

static const char *const streams[] = {"video=1000", "video=100", "audio_eng=64000", "a=b=1000",
                                      "a=1000",     "a b=7",     "video=1000_x=5",  "=5"};

static bool smooth(const char *path)
{
    char *copy = exact(path, strlen(path) + 1);
    bool good =
        jo_url_match_path("QualityLevels($Q)/Fragments($S=$I)", copy, "kite", streams, 8, &m);

    free(copy);
    return good;
}

static void test_smooth(void)
{
    ok(smooth("QualityLevels(100)/Fragments(video=0)") && m.track == 1 && m.number == 0,
       "a fragment");
    ok(smooth("QualityLevels(1000)/Fragments(video=20020000)") && m.track == 0 &&
           m.number == 20020000,
       "of another rung");
    ok(!smooth("QualityLevels(64000)/Fragments(video=0)") && m.track == -1 && m.number == -1,
       "a bit rate of another name");
    ok(!smooth("QualityLevels(10)/Fragments(video=0)") &&
           !smooth("QualityLevels(00100)/Fragments(video=0)") &&
           !smooth("QualityLevels()/Fragments(video=0)") &&
           !smooth("QualityLevels(99999999999999999999)/Fragments(video=0)"),
       "no bit rate, or a malformed one");
    ok(smooth("QualityLevels(1000)/Fragments(a=b=3)") && m.track == 3 && m.number == 3,
       "a name with '='");
    ok(smooth("QualityLevels(1000)/Fragments(a=3)") && m.track == 4, "and the shorter one");
    ok(smooth("QualityLevels(7)/Fragments(a b=3)") && m.track == 5, "a name with a space");
    ok(smooth("QualityLevels(5)/Fragments(video=1000_x=3)") && m.track == 6,
       "a name like another's token");
    ok(!smooth("QualityLevels(100)/Fragments(video=)") &&
           !smooth("QualityLevels(100)/Fragments(video=01)") &&
           !smooth("QualityLevels(100)/Fragments(video=-1)") &&
           !smooth("QualityLevels(100)/Fragments(video)") &&
           !smooth("QualityLevels(100)/Fragments(video=0") &&
           !smooth("QualityLevels(100)/Fragments(video=0)x"),
       "malformed times");
    ok(smooth("QualityLevels(100,hardwareProfile=1000)/Fragments(video=0)") && m.track == 1,
       "a custom attribute");
    ok(smooth("QualityLevels(100,a=1,b=,c=x=y)/Fragments(video=0)") && m.track == 1, "and several");
    ok(!smooth("QualityLevels(100,)/Fragments(video=0)") &&
           !smooth("QualityLevels(100,a)/Fragments(video=0)") &&
           !smooth("QualityLevels(100,=1)/Fragments(video=0)") &&
           !smooth("QualityLevels(100,a=1,)/Fragments(video=0)"),
       "malformed ones");
    ok(!jo_url_match_path("Fragments($S=$I)", "Fragments(video=0)", "kite", streams, 8, &m),
       "no name without a bit rate");
}

static const char *query(const char *args)
{
    char *copy = exact(args, strlen(args) + 1);
    jo_query_param *p;
    static char out[4096];
    int n;

    out[0] = '\0';
    jo_ctx_init(&cx, pool);
    if (jo_query_parse(&cx, copy, &p, &n) == APR_SUCCESS)
        for (int i = 0; i < n; i++)
            sprintf(out + strlen(out), "%s[%s%s%s]", i ? " " : "", p[i].name,
                    p[i].value || p[i].broken ? "|" : "",
                    p[i].broken  ? "broken"
                    : p[i].value ? p[i].value
                                 : "");
    else
        sprintf(out, "refused");
    free(copy);
    return out;
}

static void test_queries(void)
{
    jo_query_param *p;
    int n = 7;
    char many[256] = "a=1";

    jo_ctx_init(&cx, pool);
    ok(jo_query_parse(&cx, NULL, &p, &n) == APR_SUCCESS && n == 0, "no query");
    is_str(query(""), "", "an empty query");
    is_str(query("a=1&b=2"), "[a|1] [b|2]", "two parameters");
    is_str(query("hls_fmp4"), "[hls_fmp4]", "a flag");
    is_str(query("a=1&hls_fmp4&b="), "[a|1] [hls_fmp4] [b|]", "a flag between, an empty value");
    is_str(query("filter=(type==\"audio\"&&lang==\"en\")&sid=1"),
           "[filter|(type==\"audio\"&&lang==\"en\")] [sid|1]", "&& in parentheses");
    is_str(query("filter=type==\"a\"&&systemBitrate<5&sid=1"),
           "[filter|type==\"a\"&&systemBitrate<5] [sid|1]", "&& outside of them");
    is_str(query("filter=type==\"a\"&lang==\"b\"&sid=1"),
           "[filter|type==\"a\"&lang==\"b\"] [sid|1]", "name== starts no parameter");
    is_str(query("filter=x==\"a&b=c\"&sid=1"), "[filter|x==\"a&b=c\"] [sid|1]", "& in quotes");
    is_str(query("filter=x==%22a&b=c%22&sid=1"), "[filter|x==\"a&b=c\"] [sid|1]",
           "in encoded quotes");
    is_str(query("filter=%28a&b=c%29&sid=1"), "[filter|(a&b=c)] [sid|1]", "in encoded parentheses");
    is_str(query("filter=((a&b=1)&c=1)&sid=1"), "[filter|((a&b=1)&c=1)] [sid|1]",
           "nested parentheses");
    is_str(query("filter=x==\")\"&b=2"), "[filter|x==\")\"] [b|2]", "a parenthesis in quotes");
    is_str(query("a=(&b=2"), "[a|(] [b|2]", "a parenthesis that never closes");
    is_str(query("a=\"&b=2"), "[a|\"] [b|2]", "a quote that never closes");
    is_str(query("a=1%26b=2"), "[a|1&b=2]", "an encoded & ends nothing");
    is_str(query("a=1&unknown&b=2"), "[a|1&unknown] [b|2]", "an unknown word starts nothing");
    is_str(query("filter=x&&y%3C=2&&z%20%3e=3&&!a%21=4&a%5Bb%5D=1"),
           "[filter|x&&y<=2&&z >=3&&!a!=4] [a[b]|1]",
           "as browsers encode it: an operator is part of no name");
    is_str(query("a=1&hls_fmp4x&b=2"), "[a|1&hls_fmp4x] [b|2]", "nor does a longer flag");
    is_str(query("&a=1"), "[a|1]", "an & in front");
    is_str(query("a+b=c+d%2B"), "[a+b|c+d+]", "'+' is literal");
    is_str(query("a%3d=%41"), "[a=|A]", "names are decoded too");
    is_str(query("a=%4&b=1"), "[a|broken] [b|1]", "half an encoding");
    is_str(query("a=%zz"), "[a|broken]", "a broken encoding");
    is_str(query("a=x%00"), "[a|broken]", "an encoded NUL");
    is_str(query("a%=1&b%00=2&c=3"), "[c|3]", "names that can't be decoded are left out");
    for (int i = 1; i < 32; i++)
        strcat(many, "&a=1");
    ok(strcmp(query(many), "refused") != 0, "32 parameters");
    strcat(many, "&a=1");
    is_str(query(many), "refused", "33 parameters");
    is_int(cx.code, JO_EREQUEST, "is a malformed request");
}

static void test_long_query(void)
{
    size_t n = 200000;
    char *args = malloc(n + 1);
    jo_query_param *p;
    int count;

    memset(args, '(', n);
    args[n] = '\0';
    jo_ctx_init(&cx, pool);
    ok(jo_query_parse(&cx, args, &p, &count) == APR_SUCCESS && count == 1,
       "200000 parentheses, at once");
    memset(args, '"', n - 1);
    jo_ctx_init(&cx, pool);
    ok(jo_query_parse(&cx, args, &p, &count) == APR_SUCCESS && count == 1,
       "200000 quotes, at once");
    free(args);
}

static void splits(const char *path, bool direct, const char *descriptor, const char *base,
                   const char *vpath)
{
    char *copy = exact(path, strlen(path) + 1);
    jo_url_split s;

    if (!ok(jo_url_split_path(pool, copy, direct, &s) == (descriptor != NULL), "%s %s", path,
            descriptor ? "splits" : "does not split") ||
        !descriptor) {
        free(copy);
        return;
    }
    is_int((long long)s.descriptor_len, (long long)strlen(descriptor), "  descriptor");
    is_str(s.base, base, "  base");
    is_str(s.vpath, vpath, "  virtual path");
    is_int(s.direct, direct && !strstr(descriptor, ".ism"), "  direct");
    free(copy);
}

static void test_splitting(void)
{
    splits("/vod/kite.ism/hls/x.m4s", false, "/vod/kite.ism", "kite", "hls/x.m4s");
    splits("/vod/kite.ism", false, "/vod/kite.ism", "kite", NULL);
    splits("/vod/kite.ism/", false, "/vod/kite.ism", "kite", "");
    splits("/vod/kite.isml/.mpd", false, "/vod/kite.isml", "kite", ".mpd");
    splits("/old.ism/new.v2.ism/.mpd", false, "/old.ism/new.v2.ism", "new.v2", ".mpd");
    splits("/kite.ism.bak/.mpd", false, NULL, NULL, NULL);
    splits("/kite.ISM/.mpd", false, NULL, NULL, NULL);
    splits("/.ism/.mpd", false, NULL, NULL, NULL);
    splits("/kite.mp4/.mpd", false, NULL, NULL, NULL);
    splits("/kite.mp4/.mpd", true, "/kite.mp4", "kite", ".mpd");
    splits("/kite.mp4", true, "/kite.mp4", "kite", NULL);
    splits("/kite.ism/kite.mp4", true, "/kite.ism", "kite", "kite.mp4");
    splits("/kite.mp4/kite.mp4", true, "/kite.mp4", "kite", "kite.mp4");
    splits("/a/kite.mp4/kite.mp4", true, "/a/kite.mp4", "kite", "kite.mp4");
    splits("/a.mp4/kite.mp4", true, "/a.mp4/kite.mp4", "kite", NULL);
    splits("/ykite.mp4/kite.mp4", true, "/ykite.mp4/kite.mp4", "kite", NULL);
    splits("kite.mp4/kite.mp4", true, "kite.mp4/kite.mp4", "kite", NULL);
    splits("/kite.mp4/kite.mp4/.mpd", true, "/kite.mp4/kite.mp4", "kite", ".mpd");
    splits("/kite.mpd", true, NULL, NULL, NULL);
    splits("", true, NULL, NULL, NULL);
    splits("///", true, NULL, NULL, NULL);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_patterns();
    test_sound();
    test_wildcards();
    test_smooth();
    test_queries();
    test_long_query();
    test_splitting();
    apr_terminate();
    return tap_done();
}
