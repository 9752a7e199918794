#include "reply.h"
#include "send.h"

#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <string.h>
#include <strings.h>

static const char methods[] = "GET, HEAD, OPTIONS";

void jo_reply_cors(request_rec *r, const jo_dir_config *c)
{
    if (!jo_config_cors(c))
        return;
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", "*");
    apr_table_setn(
        r->err_headers_out, "Access-Control-Expose-Headers",
        "Accept-Ranges, Age, Content-Length, Content-Range, Date, ETag, Last-Modified, Server");
    if (r->method_number != M_OPTIONS)
        return;
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods", methods);
    apr_table_setn(
        r->err_headers_out, "Access-Control-Allow-Headers",
        "accept, accept-encoding, accept-language, cache-control, content-type, if-match, "
        "if-modified-since, if-none-match, if-range, if-unmodified-since, origin, pragma, range, "
        "x-requested-with");
    apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", "86400");
}

/* Expires too, always: caches of HTTP/1.0 read nothing else, and mod_expires keeps out where it is set. */
static void set_caching(request_rec *r, const jo_dir_config *c, apr_table_t *headers,
                        jo_class class)
{
    const jo_cache_rule *rule = jo_config_cache(c, class);
    char *expires = apr_palloc(r->pool, APR_RFC822_DATE_LEN);
    apr_rfc822_date(expires, r->request_time + apr_time_from_sec(rule->age));
    apr_table_setn(headers, "Cache-Control", rule->value);
    apr_table_setn(headers, "Expires", expires);
}

static void set_validators(request_rec *r, const char *etag, apr_time_t modified)
{
    apr_table_setn(r->headers_out, "ETag", etag);
    if (modified > 0) {
        ap_update_mtime(r, modified);
        ap_set_last_modified(r);
    }
}

void jo_reply_headers(request_rec *r, const jo_dir_config *c, const jo_reply *rp)
{
    set_validators(r, rp->etag, rp->modified);
    set_caching(r, c, r->headers_out, rp->class);
    ap_set_accept_ranges(r);
    if (rp->content_type)
        ap_set_content_type(r, rp->content_type);
}

/* mod_deflate sends "x" as "x-gzip", and never knows it again when a client sends it back. */
static const char *without_gzip_suffix(apr_pool_t *pool, const char *tags)
{
    static const char suffix[] = "-gzip\"";
    char *copy = apr_pstrdup(pool, tags);
    for (char *at = copy; (at = strstr(at, suffix)) != NULL;)
        memmove(at, at + strlen(suffix) - 1, strlen(at + strlen(suffix) - 1) + 1);
    return copy;
}

/* httpd judges the headers as they stand, and lets an old date overrule a tag: RFC 9110 13.2.2 wants the tag
 * alone to count. */
int jo_reply_condition(request_rec *r, const char *etag, apr_time_t modified)
{
    apr_table_t *as_sent = r->headers_in;
    const char *tags = apr_table_get(as_sent, "If-None-Match");
    set_validators(r, etag, modified);
    if (tags) {
        r->headers_in = apr_table_copy(r->pool, as_sent);
        apr_table_setn(r->headers_in, "If-None-Match", without_gzip_suffix(r->pool, tags));
        apr_table_unset(r->headers_in, "If-Modified-Since");
    }
    int condition = ap_meets_conditions(r);
    r->headers_in = as_sent;
    return condition;
}

/* Whether the one range in the header starts past the end, or is the last 0 bytes. */
static bool starts_past(const char *range, int64_t length)
{
    static const char unit[] = "bytes=";
    if (strncasecmp(range, unit, strlen(unit)) != 0)
        return false;
    range += strlen(unit);
    if (*range == '-')
        return apr_isdigit(range[1]) && (length == 0 || apr_strtoi64(range + 1, NULL, 10) == 0);
    return apr_isdigit(*range) && apr_strtoi64(range, NULL, 10) >= length;
}

bool jo_reply_range(request_rec *r, int64_t length)
{
    const char *range = apr_table_get(r->headers_in, "Range");
    if (!range)
        return true;
    if (r->header_only || strchr(range, ',')) {
        apr_table_unset(r->headers_in, "Range");
        return true;
    }
    if (!starts_past(range, length) ||
        ap_condition_if_range(r, r->headers_out) == AP_CONDITION_NOMATCH)
        return true;
    apr_table_setn(r->err_headers_out, "Content-Range",
                   apr_psprintf(r->pool, "bytes */%" APR_INT64_T_FMT, length));
    return false;
}

int jo_reply_options(request_rec *r)
{
    apr_table_setn(r->headers_out, "Allow", methods);
    r->status = HTTP_NO_CONTENT;
    return jo_send_nothing(r);
}

int jo_reply_error(request_rec *r, const jo_dir_config *c, int status, const char *reason)
{
    set_caching(r, c, r->err_headers_out, JO_CLASS_ERROR);
    if (status == HTTP_METHOD_NOT_ALLOWED)
        apr_table_setn(r->err_headers_out, "Allow", methods);
    if (status == HTTP_SERVICE_UNAVAILABLE)
        apr_table_setn(r->err_headers_out, "Retry-After", "1");
    if (ap_response_code_string(r, ap_index_of_response(status)))
        return status;
    apr_table_clear(r->headers_out);
    apr_table_unset(r->headers_in, "Range");
    r->status = status;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    return jo_send_text(r, apr_pstrcat(r->pool, reason, "\n", NULL));
}
