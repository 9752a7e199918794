#include "audit.h"

#include "../base/text.h"

#include <apr_date.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, SKEW = 2 };

static const char *const mend_lifetime[] = {
    "JitOriginCacheControl manifest 300 (seconds), and nothing behind it that sets another",
    "JitOriginCacheControl init 86400, and nothing behind it that sets another",
    "JitOriginCacheControl segment 86400, and nothing behind it that sets another"};

static const char *const nouns[] = {"manifest", "init segment", "segment"};

static const char *cache_control(const jo_http_reply *r)
{
    return jo_audit_header(r, "Cache-Control");
}

/* What keeps a shared cache from keeping it: RFC 9111 3. */
static void ask_storable(jo_audit *a, const jo_subject *s)
{
    static const char *const words[] = {"no-store", "private"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (jo_audit_says(cache_control(&s->reply), words[i], NULL)) {
            jo_audit_fault(a, JO_ASK_STORABLE, JO_FAIL, s->url, mend_lifetime[s->class],
                           "Cache-Control: %s keeps every cache from keeping a %s", words[i],
                           nouns[s->class]);
            return;
        }
    }
    if (*jo_audit_header(&s->reply, "Set-Cookie"))
        jo_audit_fault(a, JO_ASK_STORABLE, JO_FAIL, s->url,
                       "Header unset Set-Cookie (mod_headers); no mod_usertrack, no sessions here",
                       "Set-Cookie: caches keep no %s that sets one, or give one viewer's to all",
                       nouns[s->class]);
    else if (strcasecmp(jo_audit_header(&s->reply, "Pragma"), "no-cache") == 0)
        jo_audit_fault(a, JO_ASK_STORABLE, JO_WARN, s->url, "Header unset Pragma",
                       "Pragma: no-cache, which some caches heed");
    else
        jo_audit_good(a, JO_ASK_STORABLE);
}

/* For how long a shared cache takes it for fresh (RFC 9111 4.2.1); -1: nothing says it. */
static int64_t lifetime(const jo_http_reply *r)
{
    apr_time_t expires = apr_date_parse_http(jo_audit_header(r, "Expires"));
    apr_time_t date = apr_date_parse_http(jo_audit_header(r, "Date"));
    int64_t seconds = -1;

    if (jo_audit_says(cache_control(r), "s-maxage", &seconds) ||
        jo_audit_says(cache_control(r), "max-age", &seconds))
        return seconds;
    if (!*jo_audit_header(r, "Expires"))
        return -1;
    return expires > date ? apr_time_sec(expires - date) : 0;
}

static void too_long(jo_audit *a, const jo_subject *s, jo_verdict v, int64_t seconds)
{
    jo_audit_fault(a, JO_ASK_LIFETIME, v, s->url, mend_lifetime[s->class],
                   "a %s is kept for %" APR_INT64_T_FMT " s: long after the title has changed",
                   nouns[s->class], seconds);
}

static void too_short(jo_audit *a, const jo_subject *s, jo_verdict v, int64_t seconds)
{
    jo_audit_fault(a, JO_ASK_LIFETIME, v, s->url, mend_lifetime[s->class],
                   "a %s is kept for only %" APR_INT64_T_FMT " s: the origin is asked for it again "
                   "and again",
                   nouns[s->class], seconds);
}

static void ask_lifetime(jo_audit *a, const jo_subject *s)
{
    int64_t seconds = lifetime(&s->reply);
    bool manifest = s->class == JO_IS_MANIFEST;

    if (jo_audit_says(cache_control(&s->reply), "no-store", NULL))
        return;
    if (seconds < 0)
        jo_audit_fault(a, JO_ASK_LIFETIME, JO_FAIL, s->url, mend_lifetime[s->class],
                       "nothing says how long a %s may be kept: each cache guesses (RFC 9111 "
                       "4.2.2)",
                       nouns[s->class]);
    else if (manifest && s->live && seconds > MINUTE)
        too_long(a, s, JO_FAIL, seconds);
    else if (manifest && seconds > HOUR)
        too_long(a, s, seconds > DAY ? JO_FAIL : JO_WARN, seconds);
    else if (seconds == 0 || (!manifest && seconds < MINUTE))
        too_short(a, s, manifest ? JO_WARN : JO_FAIL, seconds);
    else if (!manifest && seconds < HOUR)
        too_short(a, s, JO_WARN, seconds);
    else
        jo_audit_good(a, JO_ASK_LIFETIME);
}

/* Expires is for those who don't know max-age: it should tell them the same. */
static void ask_expires(jo_audit *a, const jo_subject *s)
{
    const char *expires = jo_audit_header(&s->reply, "Expires");
    apr_time_t at = apr_date_parse_http(expires);
    apr_time_t date = apr_date_parse_http(jo_audit_header(&s->reply, "Date"));
    int64_t age = -1;

    if (!*expires || !date || !jo_audit_says(cache_control(&s->reply), "max-age", &age) || age < 0)
        return;
    int64_t off = apr_time_sec(at - date) - age;
    if (off > SKEW || off < -SKEW)
        jo_audit_fault(a, JO_ASK_EXPIRES, JO_WARN, s->url,
                       "no mod_expires (ExpiresActive Off) and no second rule at the CDN: "
                       "mod_jitorigin sends both alike",
                       "Expires and max-age of a %s don't agree", nouns[s->class]);
    else
        jo_audit_good(a, JO_ASK_EXPIRES);
}

/* Below a folder that JitOriginUrlVersion makes: v-<fingerprint>/ */
static bool is_versioned(const char *url)
{
    for (const char *p = url; (p = strstr(p, "/v-")) != NULL; p++) {
        size_t n = strspn(p + 3, "0123456789abcdefABCDEF");
        if (n >= 8 && p[3 + n] == '/')
            return true;
    }
    return false;
}

static void ask_versioned(jo_audit *a, const jo_subject *s)
{
    bool versioned = is_versioned(s->url),
         immutable = jo_audit_says(cache_control(&s->reply), "immutable", NULL);

    if (!versioned && immutable)
        jo_audit_fault(a, JO_ASK_VERSIONED, JO_WARN, s->url,
                       "JitOriginUrlVersion On gives a replaced file new URLs",
                       "immutable, but the URL would stay the same for a replaced file");
    else if (versioned && !immutable)
        jo_audit_fault(a, JO_ASK_VERSIONED, JO_WARN, s->url,
                       "JitOriginCacheControl versioned \"max-age=31536000, immutable\"",
                       "a URL that names its content isn't immutable: players ask again");
    else if (versioned && lifetime(&s->reply) < 30 * DAY)
        jo_audit_fault(a, JO_ASK_VERSIONED, JO_WARN, s->url,
                       "JitOriginCacheControl versioned \"max-age=31536000, immutable\"",
                       "a URL that names its content is kept for less than 30 days");
    else if (versioned)
        jo_audit_good(a, JO_ASK_VERSIONED);
}

static void ask_vary(jo_audit *a, const jo_subject *s)
{
    char *rest = apr_pstrdup(a->scratch, jo_audit_header(&s->reply, "Vary")), *word;
    bool good = true;

    while ((word = apr_strtok(rest, ", \t", &rest)) != NULL) {
        bool origin = strcasecmp(word, "Origin") == 0;
        if (strcasecmp(word, "Accept-Encoding") == 0)
            continue;
        jo_audit_fault(a, JO_ASK_VARY, origin ? JO_WARN : JO_FAIL, s->url,
                       origin
                           ? "Access-Control-Allow-Origin: * (JitOriginCors On) needs none"
                           : "Header unset Vary, or take out what adds it: rewrite conditions on "
                             "headers, content negotiation, the CDN's device detection",
                       "Vary: %s makes an entry for each value of it", word);
        good = false;
    }
    if (good)
        jo_audit_good(a, JO_ASK_VARY);
}

static void ask_cors(jo_audit *a, const jo_subject *s)
{
    const char *allowed = jo_audit_header(&s->reply, "Access-Control-Allow-Origin");

    if (!*allowed)
        jo_audit_fault(a, JO_ASK_CORS, JO_FAIL, s->url,
                       "JitOriginCors On, and a cache or CDN that passes its headers on",
                       "no Access-Control-Allow-Origin: players in pages of other sites can't "
                       "read it");
    else if (strchr(allowed, ','))
        jo_audit_fault(a, JO_ASK_CORS, JO_FAIL, s->url, "let only one of origin and CDN set it",
                       "Access-Control-Allow-Origin twice, which browsers refuse");
    else if (strcmp(allowed, "*") != 0 &&
             !jo_audit_says(jo_audit_header(&s->reply, "Vary"), "Origin", NULL))
        jo_audit_fault(a, JO_ASK_CORS, JO_FAIL, s->url,
                       "Access-Control-Allow-Origin: * (JitOriginCors On)",
                       "Access-Control-Allow-Origin follows the request without Vary: Origin: a "
                       "cache gives one site's to all");
    else
        jo_audit_good(a, JO_ASK_CORS);
}

void jo_audit_headers(jo_audit *a, const jo_subject *s)
{
    ask_storable(a, s);
    ask_lifetime(a, s);
    ask_expires(a, s);
    ask_versioned(a, s);
    ask_vary(a, s);
    ask_cors(a, s);
}
