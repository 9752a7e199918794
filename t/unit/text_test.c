#include "../../src/base/crypto.h"
#include "../../src/base/log.h"
#include "../../src/base/status.h"
#include "../../src/base/text.h"
#include "tap.h"

#include <apr_general.h>

static apr_pool_t *pool;

static const char *decimal(int64_t num, int64_t den, unsigned digits)
{
    jo_text t;

    jo_text_init(&t, pool, 0);
    jo_text_add_decimal(&t, num, den, digits);
    return t.s;
}

static const char *escaped(void (*add)(jo_text *, const char *), const char *s)
{
    char *copy = exact(s, strlen(s) + 1);
    jo_text t;

    jo_text_init(&t, pool, 0);
    add(&t, copy);
    free(copy);
    return t.s;
}

static void test_building(void)
{
    jo_text t;

    jo_text_init(&t, pool, 0);
    is_str(t.s, "", "a new text is empty");
    for (int i = 0; i < 1000; i++)
        jo_text_add(&t, "0123456789");
    is_int((long long)t.len, 10000, "length after growing");
    jo_text_addf(&t, "%s%05d", "x", 42);
    is_str(t.s + 10000, "x00042", "formatted");
    jo_text_init(&t, pool, 0);
    jo_text_addf(&t, "%0200d", 7);
    ok(t.len == 200 && strlen(t.s) == 200 && t.s[199] == '7', "a format longer than the room");
    jo_text_init(&t, pool, 0);
    jo_text_add_int(&t, INT64_MIN);
    jo_text_add_int(&t, 0);
    jo_text_add_int(&t, INT64_MAX);
    is_str(t.s, "-922337203685477580809223372036854775807", "integers");
}

static void test_decimals(void)
{
    is_str(decimal(96, 25, 6), "3.84", "96/25");
    is_str(decimal(4, 1, 6), "4", "4");
    is_str(decimal(1, 3, 6), "0.333333", "1/3");
    is_str(decimal(2, 3, 6), "0.666667", "2/3 is rounded");
    is_str(decimal(999999, 1000, 2), "1000", "rounding carries into the whole part");
    is_str(decimal(1, 2, 0), "1", "no digits: halves up");
    is_str(decimal(0, 7, 9), "0", "0");
    is_str(decimal(INT64_MAX, 1, 9), "9223372036854775807", "the largest");
    is_str(decimal(INT64_MAX, 10000000, 6), "922337203685.477581", "a large one with digits");
    is_str(decimal(30000, 1001, 3), "29.97", "29.97");
}

static void test_escaping(void)
{
    is_str(escaped(jo_text_add_xml, "a<b>&\"c'\n"), "a&lt;b&gt;&amp;&quot;c&#39;&#10;", "XML");
    is_str(escaped(jo_text_add_xml, "\x01z\xc3\xa9\xe4\xb8\xad\xf0\x9f\x8e\xac"),
           "z\xc3\xa9\xe4\xb8\xad\xf0\x9f\x8e\xac", "XML keeps UTF-8, drops control characters");
    is_str(escaped(jo_text_add_xml, "a\xff\xc0\x80\xed\xa0\x80\xef\xbf\xbe\xe4\xb8"), "a",
           "XML drops broken UTF-8, surrogates and U+FFFE");
    is_str(escaped(jo_text_add_uri, "audio_eng=1(2),3+4~-./ %\xc3\xa9"),
           "audio_eng=1(2),3+4~-.%2F%20%25%C3%A9", "URI");
    is_str(escaped(jo_text_add_quoted, "a\"b\r\nc"), "a'b  c", "HLS quoted-string");
    is_str(escaped(jo_text_add_quoted, "\tb\x7f"
                                       "c\xc2\x85\xc2\xa0\xc3\x85\xc2"),
           " b c \xc2\xa0\xc3\x85\xc2", "HLS quoted-string without control characters");
    ok(jo_text_same("TrackName", "trackname") && jo_text_same("", ""), "same without case");
    ok(!jo_text_same("track", "trackname") && !jo_text_same("trackname", "track"),
       "prefixes differ");
}

static void keep_line(void *baton, jo_log_level level, const char *line)
{
    *(const char **)baton = line;
}

static void test_errors(void)
{
    const char *line = NULL;
    jo_log log = {keep_line, &line};
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    ok(cx.limits && cx.limits->xml_depth == 32 && cx.code == APR_SUCCESS, "a fresh context");
    jo_log_write(&cx, JO_LOG_WARNING, "nowhere");
    is_int(jo_fail(&cx, JO_EMEDIA, "stsz: %u entries, box holds %zu", 7, (size_t)3), JO_EMEDIA,
           "jo_fail gives its code");
    is_int(jo_fail(&cx, JO_EBUG, "second"), JO_EMEDIA, "the first error stays");
    is_str(cx.message, "stsz: 7 entries, box holds 3", "and its message");
    is_int(jo_fail_in(&cx, "kite.mp4"), JO_EMEDIA, "jo_fail_in keeps the code");
    is_str(cx.message, "kite.mp4: stsz: 7 entries, box holds 3", "and puts the place in front");
    cx.log = &log;
    jo_log_write(&cx, JO_LOG_INFO, "%s left out", "track 3");
    is_str(line, "track 3 left out", "a log line");
    is_int(jo_status_http(APR_SUCCESS), 200, "success is 200");
    is_int(jo_status_http(JO_EREQUEST), 400, "JO_EREQUEST is 400");
    is_int(jo_status_http(JO_EFORBIDDEN), 403, "JO_EFORBIDDEN is 403");
    is_int(jo_status_http(JO_ENOTFOUND), 404, "JO_ENOTFOUND is 404");
    is_int(jo_status_http(JO_EMEDIA), 415, "JO_EMEDIA is 415");
    is_int(jo_status_http(JO_EREMOTE), 502, "JO_EREMOTE is 502");
    is_int(jo_status_http(JO_EBUSY), 503, "JO_EBUSY is 503");
    is_int(jo_status_http(JO_ETIMEOUT), 504, "JO_ETIMEOUT is 504");
    is_int(jo_status_http(APR_ENOENT), 500, "anything else is 500");
}

static void test_hashes(void)
{
    jo_sha256 *h = jo_sha256_make(pool), *g = jo_sha256_make(pool);
    uint8_t a[JO_SHA256_SIZE], b[JO_SHA256_SIZE];

    jo_sha256_add(h, "ab", 2);
    jo_sha256_add(h, "c", 1);
    jo_sha256_finish(h, a);
    is_str(jo_hex(pool, a, sizeof a),
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
           "SHA-256 of abc (FIPS 180-4)");
    h = jo_sha256_make(pool);
    jo_sha256_add_str(h, "ab");
    jo_sha256_add_int(h, 1);
    jo_sha256_finish(h, a);
    jo_sha256_add(g, "ab\0\0\0\0\0\0\0\0\1", 11);
    jo_sha256_finish(g, b);
    ok(memcmp(a, b, sizeof a) == 0, "strings go in with their NUL, integers as 8 bytes");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_building();
    test_decimals();
    test_escaping();
    test_errors();
    test_hashes();
    apr_terminate();
    return tap_done();
}
