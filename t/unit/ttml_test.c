/* Moving the times of TTML documents: time expressions, nesting, what must stay as it is, damage. */
#include "../../src/output/ttml.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define S INT64_C(1000000000)

static apr_pool_t *pool;

static const char *move(const char *doc, int64_t zero)
{
    size_t len = strlen(doc);
    char *copy = exact(doc, len);
    jo_writer w;

    jo_writer_init(&w, pool, 16);
    jo_ttml_move((uint8_t *)copy, len, zero, &w);
    free(copy);
    return apr_pstrndup(pool, (char *)w.data, w.len);
}

/* A paragraph's times, moved by 10 s. */
static void times(const char *root, const char *p, const char *want)
{
    const char *got = move(apr_psprintf(pool, "<tt %s><body><p %s/></body></tt>", root, p), 10 * S);

    is_str(got, apr_psprintf(pool, "<tt %s><body><p %s/></body></tt>", root, want), p);
}

static void test_expressions(void)
{
    times("", "begin='00:00:12.5' end=\"00:00:13\"", "begin='00:00:02.500' end=\"00:00:03\"");
    times("", "begin='12.25s' end='20000.5ms'", "begin='2.25s' end='10.001s'");
    times("", "begin='0.5m' end='1h'", "begin='20s' end='3590s'");
    times("", "begin='315f' end='11t'", "begin='0.5s' end='1s'");
    times("ttp:frameRate='25'", "begin='00:00:10:05' end='300f'", "begin='00:00:00.200' end='2s'");
    times("ttp:frameRate='25'", "begin='275t' end='00:00:11:00'", "begin='1s' end='00:00:01'");
    times("ttp:frameRate='30' ttp:frameRateMultiplier='1000 1001'", "begin='330f'",
          "begin='1.011s'");
    times("ttp:frameRate='25' ttp:subFrameRate='2'", "begin='00:00:11:10.1'",
          "begin='00:00:01.420'");
    times("ttp:tickRate='10000000'", "begin='105000000t'", "begin='0.5s'");
    times("", "begin='123:00:10'", "begin='123:00:00'");
    times("", "begin='soon' end='00:00:12.0x' dur='3'", "begin='soon' end='00:00:12.0x' dur='3'");
    times("ttp:timeBase='media'", "begin='11s'", "begin='1s'");
    times("ttp:timeBase='smpte'", "begin='11s'", "begin='11s'");
    times("ttp:timeBase='clock'", "begin='11s'", "begin='11s'");
    times("", "begin='8s' end='12s'", "begin='0s' end='2s'");
    times("", "begin='8s' dur='5s'", "begin='0s' dur='3s'");
    times("", "begin='11s' dur='5s'", "begin='1s' dur='5s'");
    times("", "begin='1s' end='2s'", "begin='0s' end='0s'");
    times("", "dur='15s'", "dur='5s'");
}

static void test_nesting(void)
{
    is_str(move("<tt><body begin='10s'><div begin='2s'><p begin='1s'/></div></body></tt>", 10 * S),
           "<tt><body begin='0s'><div begin='2s'><p begin='1s'/></div></body></tt>",
           "what is below a timed element counts from there");
    is_str(move("<tt><body begin='4s'><div begin='2s' end='20s'><p begin='5s'/><p begin='1s'/>"
                "</div></body></tt>",
                10 * S),
           "<tt><body begin='0s'><div begin='0s' end='14s'>"
           "<p begin='1s'/><p begin='0s'/></div></body></tt>",
           "or by what remains");
    is_str(move("<tt><body><div><p begin='11s'><span begin='1s'>a</span></p></div>"
                "<div><p begin='12s'>b</p></div></body></tt>",
                10 * S),
           "<tt><body><div><p begin='1s'><span begin='1s'>a</span></p></div>"
           "<div><p begin='2s'>b</p></div></body></tt>",
           "siblings");
    is_str(move("<t:tt xmlns:t='x'><t:body><t:p begin='11s' x='a>b'/></t:body></t:tt>", 10 * S),
           "<t:tt xmlns:t='x'><t:body><t:p begin='1s' x='a>b'/></t:body></t:tt>",
           "prefixes; a bracket within quotes");
    is_str(move("<tt><body><p begin='1s' dur='2s'/></body></tt>", -10 * S),
           "<tt><body><p begin='11s' dur='2s'/></body></tt>", "the other way");
}

static void stays(const char *doc, const char *what)
{
    is_str(move(doc, 10 * S), doc, what);
}

static void test_kept(void)
{
    stays("<tt><head><p begin='11s'/></head></tt>", "no body");
    stays("<tt><head><set begin='11s'/></head><body/></tt>", "an empty one");
    stays("<tt><body><p begin='11s'/><div timeContainer='seq'/></body></tt>", "a sequence");
    stays("<!DOCTYPE tt [<!ENTITY a 'b'>]><tt><body><p begin='11s'/></body></tt>", "a DTD");
    stays("<tt><body><!-- <p begin='11s'/> --><![CDATA[<p begin='11s'>]]></body></tt>",
          "what is no tag");
    stays("<tt><body></body></tt><p begin='11s'/>", "what follows the body");
    stays("", "nothing");
    stays("\xff\xfe<", "UTF-16");
    is_str(move("<tt><body><p begin='11s'/></body></tt>", 0),
           "<tt><body><p begin='11s'/></body></tt>", "by nothing");
}

static void test_damage(void)
{
    static const char doc[] =
        "<?xml version='1.0'?><tt ttp:frameRate='25' ttp:frameRateMultiplier='1000 1001'><!-- x -->"
        "<body begin='00:00:01:10'><p end=\"12.5s\" dur='3f'><![CDATA[a]]></p></body></tt>";
    int bad = 0;

    for (size_t n = 0; n < sizeof(doc); n++)
        bad += move(apr_pstrndup(pool, doc, n), 10 * S) == NULL;
    for (size_t i = 0; i < (sizeof(doc) - 1) * 8; i++) {
        char *turned = apr_pstrdup(pool, doc);
        turned[i / 8] ^= (char)(1 << i % 8);
        bad += move(turned, 10 * S) == NULL;
    }
    is_int(bad, 0, "cut at every length, every bit turned");
    char *deep = apr_palloc(pool, 3 * 5000 + 20), *at = deep;
    at += sprintf(at, "<tt><body>");
    for (int i = 0; i < 5000; i++, at += 3)
        memcpy(at, "<p>", 3);
    *at = '\0';
    stays(deep, "too deep");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_expressions();
    test_nesting();
    test_kept();
    test_damage();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
