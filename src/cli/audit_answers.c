#include "audit.h"

#include "../base/text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* ---- conditions */

static bool is_weak(const char *etag)
{
    return strncmp(etag, "W/", 2) == 0;
}

/* RFC 9110 8.8.3.2: weak comparison */
static bool same_etag(const char *a, const char *b)
{
    return strcmp(is_weak(a) ? a + 2 : a, is_weak(b) ? b + 2 : b) == 0;
}

/* A 304 says again what the 200 says: RFC 9110 15.4.5. NULL, or the header that it says otherwise. */
static const char *differing(const jo_http_reply *r304, const jo_http_reply *r200)
{
    const char *etag = jo_audit_header(r304, "ETag"), *was = jo_audit_header(r200, "ETag");
    const char *cc = jo_audit_header(r304, "Cache-Control");

    if (*etag && !same_etag(etag, was))
        return "ETag";
    return *cc && strcmp(cc, jo_audit_header(r200, "Cache-Control")) != 0 ? "Cache-Control" : NULL;
}

static void judge_304(jo_audit *a, const jo_subject *s, jo_question q, const char *condition,
                      const jo_http_reply *was, const jo_http_reply *now)
{
    const char *other = now->status == 304 ? differing(now, was) : NULL;

    if (other)
        jo_audit_fault(a, q, JO_WARN, s->url,
                       "a 304 repeats the headers of the 200: look for rules that set them by "
                       "status (Header without \"always\")",
                       "the 304 to %s has another %s than the 200", condition, other);
    else if (now->status == 304)
        jo_audit_good(a, q);
    else if (s->live && now->status == 200)
        return; /* it may have changed */
    else
        jo_audit_fault(a, q, JO_FAIL, s->url,
                       q == JO_ASK_GZIP
                           ? "compress by mod_deflate in front of mod_jitorigin, which then knows "
                             "its ETags; no filter that compresses without changing the ETag"
                           : "pass conditions on to the origin or answer them in the cache; no "
                             "Header unset ETag, FileETag None, or body-changing filter",
                       "%s is answered by %d, not 304", condition, now->status);
}

static void ask_etag(jo_audit *a, const jo_subject *s)
{
    const char *etag = jo_audit_header(&s->reply, "ETag");
    jo_http_reply r;

    if (!*etag)
        jo_audit_fault(a, JO_ASK_ETAG, JO_FAIL, s->url,
                       "let through what mod_jitorigin sends: no Header unset ETag, no CDN rule "
                       "that drops it",
                       "no ETag: what is stale must be sent again as a whole");
    else if (jo_audit_ask(a, s->url, (jo_http_request){0},
                          apr_pstrcat(a->scratch, "If-None-Match: ", etag, NULL), &r))
        judge_304(a, s, JO_ASK_ETAG, "If-None-Match", &s->reply, &r);
}

static void ask_modified(jo_audit *a, const jo_subject *s)
{
    const char *date = jo_audit_header(&s->reply, "Last-Modified");
    jo_http_reply r;

    if (!*date)
        jo_audit_fault(a, JO_ASK_MODIFIED, JO_WARN, s->url,
                       "let through what mod_jitorigin sends: no Header unset Last-Modified",
                       "no Last-Modified: caches that know only that can't ask whether it is "
                       "still good");
    else if (jo_audit_ask(a, s->url, (jo_http_request){0},
                          apr_pstrcat(a->scratch, "If-Modified-Since: ", date, NULL), &r))
        judge_304(a, s, JO_ASK_MODIFIED, "If-Modified-Since", &s->reply, &r);
}

static void ask_gzip(jo_audit *a, const jo_subject *s)
{
    jo_http_reply zipped, r;

    if (!jo_audit_ask(a, s->url, (jo_http_request){.gzip = true}, NULL, &zipped))
        return;
    const char *etag = jo_audit_header(&zipped, "ETag");
    if (!*etag || !*jo_audit_header(&zipped, "Content-Encoding"))
        return;
    if (jo_audit_ask(a, s->url, (jo_http_request){.gzip = true},
                     apr_pstrcat(a->scratch, "If-None-Match: ", etag, NULL), &r))
        judge_304(a, s, JO_ASK_GZIP, "If-None-Match with Accept-Encoding: gzip", &zipped, &r);
}

/* ---- HEAD */

/* Of a GET that comes in chunks, the length is that of its body. */
static const char *of_get(jo_audit *a, const jo_subject *s, const char *name)
{
    const char *value = jo_audit_header(&s->reply, name);

    return *value || strcmp(name, "Content-Length") != 0
               ? value
               : apr_psprintf(a->scratch, "%lu", (unsigned long)s->reply.len);
}

static void ask_head(jo_audit *a, const jo_subject *s)
{
    enum { LENGTH = 1 }; /* which HEAD may leave out: RFC 9110 9.3.2 */
    static const char *const names[] = {"Content-Type",  "Content-Length", "ETag",
                                        "Last-Modified", "Cache-Control",  "Content-Location"};
    static const char *const mend =
        "let HEAD go the way of GET: no rule by method, no cache that makes up its own";
    jo_http_reply r;

    if (!jo_audit_ask(a, s->url, (jo_http_request){.method = "HEAD"}, NULL, &r))
        return;
    if (r.status != s->reply.status) {
        jo_audit_fault(a, JO_ASK_HEAD, JO_FAIL, s->url, mend, "HEAD is answered by %d, GET by %d",
                       r.status, s->reply.status);
        return;
    }
    for (size_t i = 0; !s->live && i < sizeof names / sizeof *names; i++) {
        const char *value = jo_audit_header(&r, names[i]);
        if (strcmp(value, of_get(a, s, names[i])) != 0 && (*value || i != LENGTH)) {
            jo_audit_fault(a, JO_ASK_HEAD, JO_FAIL, s->url, mend,
                           "HEAD has another %s than GET, or none", names[i]);
            return;
        }
    }
    jo_audit_good(a, JO_ASK_HEAD);
}

/* ---- ranges */

#define MEND_RANGES                                                                                \
    "let the origin or the cache cut ranges of what they have as a whole; no filter that changes " \
    "segments"

/* False: that was a fault. */
static bool ask_range(jo_audit *a, const jo_subject *s, size_t from, size_t to, bool suffix)
{
    size_t len = s->reply.len;
    const char *range =
        suffix ? apr_psprintf(a->scratch, "bytes=-%lu", (unsigned long)(len - from))
               : apr_psprintf(a->scratch, "bytes=%lu-%lu", (unsigned long)from, (unsigned long)to);
    const char *wanted = apr_psprintf(a->scratch, "bytes %lu-%lu/%lu", (unsigned long)from,
                                      (unsigned long)to, (unsigned long)len);
    jo_http_reply r;

    if (!jo_audit_ask(a, s->url, (jo_http_request){0},
                      apr_pstrcat(a->scratch, "Range: ", range, NULL), &r))
        return false;
    const char *got = jo_audit_header(&r, "Content-Range");
    if (r.status == 200) {
        jo_audit_fault(a, JO_ASK_RANGES, JO_WARN, s->url, MEND_RANGES,
                       "a range is answered by the whole (200)");
    } else if (r.status != 206) {
        jo_audit_fault(a, JO_ASK_RANGES, JO_FAIL, s->url, MEND_RANGES, "a range is answered by %d",
                       r.status);
    } else if (strcmp(got, wanted) != 0) {
        jo_audit_fault(a, JO_ASK_RANGES, JO_FAIL, s->url, MEND_RANGES,
                       "the Content-Range is not the range that was asked for");
    } else if (r.len != to - from + 1 || memcmp(r.body, s->reply.body + from, r.len) != 0) {
        jo_audit_fault(a, JO_ASK_RANGES, JO_FAIL, s->url, MEND_RANGES,
                       "a range has other bytes than the whole");
    } else {
        return true;
    }
    return false;
}

static void ask_ranges(jo_audit *a, const jo_subject *s)
{
    size_t len = s->reply.len, middle = len / 2;

    if (len < 2)
        return;
    if (ask_range(a, s, 0, len < 100 ? len - 1 : 99, false) &&
        ask_range(a, s, middle, len - middle > 100 ? middle + 99 : len - 1, false) &&
        ask_range(a, s, len - (len < 7 ? len : 7), len - 1, true))
        jo_audit_good(a, JO_ASK_RANGES);
}

/* ---- what isn't there */

/* The segment's URL with another number in its name: one that no title gets to. */
static const char *bogus(apr_pool_t *pool, const char *url)
{
    size_t end = strcspn(url, "?"), from;
    size_t name = end, stop;

    while (name > 0 && url[name - 1] != '/')
        name--;
    for (stop = end; stop > name && url[stop - 1] != '.'; stop--)
        ;
    stop = stop > name ? stop - 1 : end; /* before the extension */
    while (stop > name && !apr_isdigit(url[stop - 1]))
        stop--;
    for (from = stop; from > name && apr_isdigit(url[from - 1]); from--)
        ;
    return apr_psprintf(pool, "%.*s%s%s", (int)from, url,
                        stop > name ? "987654321987654321" : "no-such-", url + stop);
}

static void ask_missing(jo_audit *a, const jo_subject *s)
{
    const char *url = bogus(a->scratch, s->url), *mend = "JitOriginCacheControl error 5";
    jo_http_reply r;
    int64_t seconds = -1;

    if (!jo_audit_ask(a, url, (jo_http_request){0}, NULL, &r))
        return;
    const char *cc = jo_audit_header(&r, "Cache-Control");
    bool said = jo_audit_says(cc, "s-maxage", &seconds) || jo_audit_says(cc, "max-age", &seconds);
    if (r.status != 404 && r.status != 410)
        jo_audit_fault(a, JO_ASK_ERRORS, r.status >= 500 || r.status < 300 ? JO_FAIL : JO_WARN, url,
                       "let the origin's 404 through: no ErrorDocument that redirects, no custom "
                       "error page at the CDN",
                       "a segment that does not exist is answered by %d, not 404", r.status);
    else if (said && seconds > 60)
        jo_audit_fault(a, JO_ASK_ERRORS, seconds > 300 ? JO_FAIL : JO_WARN, url, mend,
                       "a 404 is kept for %" APR_INT64_T_FMT
                       " s: a segment that comes later stays missing",
                       seconds);
    else if (jo_audit_says(cc, "no-store", NULL) || (said && seconds <= 0))
        jo_audit_fault(a, JO_ASK_ERRORS, JO_WARN, url, mend,
                       "a 404 is not kept: every player that asks gets to the origin");
    else if (!said)
        jo_audit_fault(a, JO_ASK_ERRORS, JO_WARN, url, mend,
                       "nothing says how long a 404 may be kept: CDNs take minutes");
    else
        jo_audit_good(a, JO_ASK_ERRORS);
}

void jo_audit_answers(jo_audit *a, const jo_subject *s)
{
    ask_etag(a, s);
    ask_modified(a, s);
    if (s->class == JO_IS_MANIFEST)
        ask_gzip(a, s);
    ask_head(a, s);
    if (s->class != JO_IS_MANIFEST)
        ask_ranges(a, s);
    if (s->class == JO_IS_SEGMENT && s->first)
        ask_missing(a, s);
}
