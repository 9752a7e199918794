#include "reply.h"
#include "../base/text.h"
#include "claim.h"
#include "condition.h"
#include "lifetime.h"
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
        "Accept-Ranges, Age, Content-Length, Content-Location, Content-Range, Date, ETag, "
        "Last-Modified, Link, Server, Sunset");
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

static void set_date(request_rec *r, apr_table_t *headers, const char *name, apr_time_t t)
{
    char *date = apr_palloc(r->pool, APR_RFC822_DATE_LEN);
    apr_rfc822_date(date, t);
    apr_table_setn(headers, name, date);
}

/* Expires too, always: caches of HTTP/1.0 read nothing else, and mod_expires keeps out where it is set. */
static void set_lifetime(request_rec *r, apr_table_t *headers, const jo_lifetime *l)
{
    apr_table_setn(headers, "Cache-Control", l->cache_control);
    set_date(r, headers, "Expires", l->expires);
    if (l->sunset)
        set_date(r, headers, "Sunset", l->sunset);
}

static void set_caching(request_rec *r, const jo_dir_config *c, apr_table_t *headers,
                        jo_class class)
{
    jo_lifetime l = jo_lifetime_make(r->pool, c, class, r->request_time);
    set_lifetime(r, headers, &l);
}

/* ---- names */

/* A path in which nothing has a meaning in any list of keys: neither spaces nor commas. */
static const char *escape_path(apr_pool_t *pool, const char *path)
{
    jo_text out;
    jo_text_init(&out, pool, strlen(path) + 16);
    for (; *path; path++) {
        if (apr_isalnum(*path) || strchr("-._~/", *path))
            jo_text_add_n(&out, path, 1);
        else
            jo_text_addf(&out, "%%%02X", (unsigned char)*path);
    }
    return out.s;
}

void jo_reply_surrogate_key(request_rec *r, const jo_dir_config *c)
{
    const jo_claim *claim = jo_claim_of(r);
    if (!c->surrogate_key || !*c->surrogate_key || !claim)
        return;
    const char *title = jo_claim_title(r->pool, claim, r->uri);
    apr_table_setn(r->err_headers_out, c->surrogate_key, escape_path(r->pool, title));
}

/* A reference that is relative to the title as one that is relative to this request's URL. */
static const char *from_here(request_rec *r, const char *reference)
{
    const jo_claim *claim = jo_claim_of(r);
    const char *up = "";
    for (const char *p = claim->vpath; (p = strchr(p, '/')) != NULL; p++)
        up = apr_pstrcat(r->pool, up, "../", NULL);
    return apr_pstrcat(r->pool, up, reference, NULL);
}

static void set_links(request_rec *r, const jo_dir_config *c, const jo_reply *rp)
{
    if (rp->location)
        apr_table_setn(r->headers_out, "Content-Location", from_here(r, rp->location));
    if (rp->next && jo_config_prefetch(c))
        apr_table_setn(r->headers_out, "Link",
                       apr_pstrcat(r->pool, "<", rp->next, ">; rel=\"next\"", NULL));
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
    set_links(r, c, rp);
    ap_set_accept_ranges(r);
    if (rp->content_type)
        ap_set_content_type(r, rp->content_type);
}

int jo_reply_condition(request_rec *r, const char *etag, apr_time_t modified)
{
    set_validators(r, etag, modified);
    return jo_condition_of_client(r) ? ap_meets_conditions(r) : OK;
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

/* Nobody keeps what the next request may not get: failures of ours, and answers to a header of this one. */
static void set_error_caching(request_rec *r, const jo_dir_config *c, int status)
{
    static const char *const never = "no-store";
    jo_lifetime l = jo_lifetime_make(r->pool, c, JO_CLASS_ERROR, r->request_time);
    if (status >= HTTP_INTERNAL_SERVER_ERROR || status == HTTP_PRECONDITION_FAILED ||
        status == HTTP_RANGE_NOT_SATISFIABLE)
        l = (jo_lifetime){.cache_control = never, .expires = r->request_time};
    set_lifetime(r, r->err_headers_out, &l);
}

int jo_reply_error(request_rec *r, const jo_dir_config *c, int status, const char *reason)
{
    set_error_caching(r, c, status);
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
