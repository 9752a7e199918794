#include "audit.h"

#include "../base/text.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* ---- had a cache the answer? */

static bool holds(const char *s, const char *word)
{
    size_t n = strlen(word);

    for (; *s; s++)
        if (strncasecmp(s, word, n) == 0)
            return true;
    return false;
}

/* The same, but not in the names of caches: "MISS from white.example". */
static bool says(const char *s, const char *word)
{
    size_t n = strlen(word);
    bool name = false;

    for (; *s; s++) {
        name = *s != ',' && (name || strncasecmp(s, " from ", 6) == 0);
        if (!name && strncasecmp(s, word, n) == 0)
            return true;
    }
    return false;
}

/* RFC 9211: one member for each cache, "hit" among its parameters. */
static jo_hit by_cache_status(const char *s)
{
    for (; *s; s++)
        if (*s == ';' && strncasecmp(s + 1 + strspn(s + 1, " "), "hit", 3) == 0)
            return JO_HIT;
    return JO_MISS;
}

/* mod_cache, Varnish, nginx, CloudFront, Fastly, Akamai and others in their own words. */
static jo_hit by_word(const char *s)
{
    static const char *const words[] = {"hit", "revalidate", "stale", "updating"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (says(s, words[i]))
            return JO_HIT;
    return JO_MISS;
}

jo_hit jo_audit_hit(const jo_http_reply *r)
{
    static const char *const names[] = {"CF-Cache-Status", "X-Cache", "X-Cache-Status",
                                        "X-Proxy-Cache"};
    const char *value = jo_audit_header(r, "Cache-Status");

    if (*value)
        return by_cache_status(value);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        value = jo_audit_header(r, names[i]);
        if (*value)
            return by_word(value);
    }
    value = jo_audit_header(r, "X-Varnish");
    if (*value) /* the request's number, and the one that brought the object */
        return strchr(value, ' ') ? JO_HIT : JO_MISS;
    value = jo_audit_header(r, "Age");
    return !*value ? JO_HIT_UNKNOWN : apr_strtoi64(value, NULL, 10) > 0 ? JO_HIT : JO_MISS;
}

/* Age alone can't tell a miss from what was kept within this second. */
static bool is_unsure(const jo_http_reply *r)
{
    static const char *const names[] = {"Cache-Status",   "CF-Cache-Status", "X-Cache",
                                        "X-Cache-Status", "X-Proxy-Cache",   "X-Varnish"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*jo_audit_header(r, names[i]))
            return false;
    return strcmp(jo_audit_header(r, "Age"), "0") == 0;
}

static bool ask(jo_audit *a, const char *url, jo_http_request rq, jo_http_reply *out)
{
    if (!jo_audit_ask(a, url, rq, NULL, out))
        return false;
    if (!is_unsure(out))
        return true;
    apr_sleep(APR_USEC_PER_SEC * 11 / 10);
    return jo_audit_ask(a, url, rq, NULL, out);
}

/* ---- the questions */

static jo_hit ask_again(jo_audit *a, const jo_subject *s)
{
    jo_http_reply r;
    jo_hit hit;

    if (!ask(a, s->url, (jo_http_request){0}, &r))
        return JO_HIT_UNKNOWN;
    hit = jo_audit_hit(&r);
    if (!s->live && !jo_audit_same_body(&r, &s->reply))
        jo_audit_fault(a, JO_ASK_HIT, JO_FAIL, s->url,
                       "nothing that changes by the request belongs into it: look for scripts, "
                       "filters and servers that differ",
                       "two requests, one after the other, get different bodies");
    else if (hit == JO_HIT)
        jo_audit_good(a, JO_ASK_HIT);
    else if (hit == JO_HIT_UNKNOWN)
        jo_audit_fault(a, JO_ASK_HIT, JO_WARN, s->url,
                       "put a cache in front (docker/default.vcl, or mod_cache with "
                       "jitorigin-cache.conf, which leaves segments to the files); if there is "
                       "one, let it say so: CacheHeader on, Cache-Status, X-Cache",
                       "no cache answers: there is no Cache-Status, X-Cache, CF-Cache-Status or "
                       "Age");
    else
        jo_audit_fault(a, JO_ASK_HIT, JO_FAIL, s->url,
                       "let the cache keep it: see storable, lifetime and vary; mod_cache: "
                       "CacheEnable and JitOriginCacheKey On; CDN: caching for this path",
                       "the second request is not a hit");
    return hit;
}

static const char *with_query(jo_audit *a, const char *url, const char *query)
{
    return apr_pstrcat(a->scratch, url, strchr(url, '?') ? "&" : "?", query, NULL);
}

#define MEND_KEY                                                                                 \
    "mod_cache: JitOriginCacheKey On; Varnish: docker/default.vcl; CDN: no query in the key of " \
    "segments, in that of manifests only filter, aws.manifestfilter, vbegin, vend, t, "          \
    "min_bitrate, "                                                                              \
    "max_bitrate, start_index, sorted"

static bool same_header(const jo_http_reply *a, const jo_http_reply *b, const char *name)
{
    return strcmp(jo_audit_header(a, name), jo_audit_header(b, name)) == 0;
}

static void ask_session(jo_audit *a, const jo_subject *s, jo_hit before)
{
    const char *url = with_query(a, s->url, apr_psprintf(a->scratch, "sid=%s", a->session));
    jo_http_reply r;

    if (!ask(a, url, (jo_http_request){0}, &r))
        return;
    if (r.status != s->reply.status)
        jo_audit_fault(a, JO_ASK_SESSION, JO_FAIL, s->url,
                       "let unknown parameters be ignored, by the origin or before it",
                       "with an unknown parameter (sid=) the status is %d", r.status);
    else if (!s->live && !jo_audit_same_body(&r, &s->reply))
        jo_audit_fault(a, JO_ASK_SESSION, JO_FAIL, s->url,
                       "let unknown parameters be ignored, by the origin or before it",
                       "an unknown parameter (sid=) changes the body");
    else if (!s->live && !same_header(&r, &s->reply, "ETag"))
        jo_audit_fault(a, JO_ASK_SESSION, JO_FAIL, s->url,
                       "the same body has one ETag: mod_jitorigin's is; look for what replaces it",
                       "an unknown parameter (sid=) changes the ETag");
    else if (!same_header(&r, &s->reply, "Content-Location"))
        jo_audit_fault(a, JO_ASK_SESSION, JO_FAIL, s->url,
                       "the canonical name leaves out what changes nothing",
                       "an unknown parameter (sid=) changes Content-Location");
    else if (before == JO_HIT && jo_audit_hit(&r) != JO_HIT)
        jo_audit_fault(a, JO_ASK_SESSION, JO_FAIL, s->url, MEND_KEY,
                       "an unknown parameter (sid=) makes another entry in the cache");
    else
        jo_audit_good(a, JO_ASK_SESSION);
}

/* Two parameters that keep everything, in both orders: the second request finds what the first one brought. */
static void ask_order(jo_audit *a, const jo_subject *s, jo_hit before)
{
    jo_http_reply one, other;

    if (!ask(a, with_query(a, s->url, "max_bitrate=999999999&min_bitrate=1"), (jo_http_request){0},
             &one) ||
        !ask(a, with_query(a, s->url, "min_bitrate=1&max_bitrate=999999999"), (jo_http_request){0},
             &other))
        return;
    if (one.status == other.status && one.status != s->reply.status)
        return; /* refused: the URL has one of them already */
    if (one.status != other.status || (!s->live && !jo_audit_same_body(&one, &other)))
        jo_audit_fault(a, JO_ASK_ORDER, JO_FAIL, s->url,
                       "let the origin not depend on the order; mod_jitorigin writes one canonical "
                       "query into manifests",
                       "the order of parameters (min_bitrate, max_bitrate) changes the answer");
    else if (!same_header(&one, &other, "Content-Location"))
        jo_audit_fault(a, JO_ASK_ORDER, JO_FAIL, s->url, "the canonical name has one order",
                       "the order of parameters (min_bitrate, max_bitrate) changes "
                       "Content-Location");
    else if (before == JO_HIT && jo_audit_hit(&other) != JO_HIT)
        jo_audit_fault(a, JO_ASK_ORDER, JO_FAIL, s->url, MEND_KEY,
                       "the order of parameters (min_bitrate, max_bitrate) makes another entry in "
                       "the cache");
    else
        jo_audit_good(a, JO_ASK_ORDER);
}

static void ask_agents(jo_audit *a, const jo_subject *s, jo_hit before)
{
    static const struct {
        const char *name, *value;
    } agents[] = {
        {"none", ""},
        {"Apple's", "AppleCoreMedia/1.0.0.21A329 (iPhone; U; CPU OS 17_0 like Mac OS X; en_us)"},
        {"Chrome's", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                     "Chrome/120.0.0.0 Safari/537.36"},
        {"a television's", "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) AppleWebKit/537.36"}};
    jo_http_reply r;

    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
        if (!ask(a, s->url, (jo_http_request){.agent = agents[i].value}, &r))
            return;
        if (r.status != s->reply.status || (!s->live && !jo_audit_same_body(&r, &s->reply))) {
            jo_audit_fault(a, JO_ASK_AGENT, JO_FAIL, s->url,
                           "give every client the same manifest; let the device ask for what it "
                           "plays: ?filter=",
                           "another User-Agent (%s) gets another answer", agents[i].name);
            return;
        }
        if (before == JO_HIT && jo_audit_hit(&r) != JO_HIT) {
            jo_audit_fault(a, JO_ASK_AGENT, JO_FAIL, s->url,
                           "take User-Agent out of the cache key and out of Vary",
                           "another User-Agent (%s) makes another entry in the cache",
                           agents[i].name);
            return;
        }
    }
    jo_audit_good(a, JO_ASK_AGENT);
}

/* With and without compression: the same document. */
static void ask_encoding(jo_audit *a, const jo_subject *s)
{
    const char *own = jo_audit_header(&s->reply, "Content-Encoding");
    jo_http_reply r;

    if (*own && strcasecmp(own, "identity") != 0) {
        jo_audit_fault(
            a, JO_ASK_ENCODING, JO_FAIL, s->url,
            "Vary: Accept-Encoding where the encoding is made, and a cache that heeds it",
            "a client without Accept-Encoding gets Content-Encoding: %s", own);
        return;
    }
    if (!ask(a, s->url, (jo_http_request){.gzip = true}, &r))
        return;
    bool zipped = holds(jo_audit_header(&r, "Content-Encoding"), "gzip");
    const char *etag = jo_audit_header(&r, "ETag");
    if (!s->live && !jo_audit_same_body(&r, &s->reply))
        jo_audit_fault(a, JO_ASK_ENCODING, JO_FAIL, s->url,
                       "compress what the origin sends, and nothing else",
                       "with Accept-Encoding: gzip the document is another one");
    else if (zipped && !jo_audit_says(jo_audit_header(&r, "Vary"), "Accept-Encoding", NULL))
        jo_audit_fault(a, JO_ASK_ENCODING, JO_FAIL, s->url,
                       "Header merge Vary Accept-Encoding, or what the server has for it",
                       "the compressed answer has no Vary: Accept-Encoding");
    else if (zipped && *etag && strncmp(etag, "W/", 2) != 0 && same_header(&r, &s->reply, "ETag"))
        jo_audit_fault(a, JO_ASK_ENCODING, JO_WARN, s->url,
                       "DeflateAlterETag AddSuffix, or a weak ETag",
                       "the compressed answer has the same strong ETag as the plain one");
    else
        jo_audit_good(a, JO_ASK_ENCODING);
}

void jo_audit_cache(jo_audit *a, const jo_subject *s)
{
    jo_hit hit = ask_again(a, s);

    ask_session(a, s, hit);
    if (s->class != JO_IS_MANIFEST)
        return;
    ask_order(a, s, hit);
    ask_agents(a, s, hit);
    ask_encoding(a, s);
}
