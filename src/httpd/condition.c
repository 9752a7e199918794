#include "condition.h"

#include "../base/text.h"
#include "claim.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>
#include <util_filter.h>

/* Notes on the request: If-None-Match as the client sent it; that a filter which compresses is on the way. */
static const char sent[] = "jitorigin-if-none-match", compressing[] = "jitorigin-compressing";

static const char *const suffixes[] = {"-gzip", "-br", NULL};

/* The notes with where the conditions are that the client sent or the fixup made of them. */
static const struct {
    const char *header, *note;
} conditions[] = {
    {"If-None-Match", "jitorigin-tags"}, {"If-Modified-Since", "jitorigin-date"}, {NULL, NULL}};

static ap_filter_rec_t *filter;

/* ---- tags */

/* Length of the suffix that ends the tag whose closing quote is at `quote`, or 0. */
static size_t suffix_length(const char *tags, const char *quote)
{
    for (int i = 0; suffixes[i]; i++) {
        size_t n = strlen(suffixes[i]);
        if ((size_t)(quote - tags) > n && strncmp(quote - n, suffixes[i], n) == 0)
            return n;
    }
    return 0;
}

/* The list and, behind it, each suffixed tag without its suffix. */
static const char *with_plain_tags(apr_pool_t *pool, const char *tags)
{
    jo_text all;
    jo_text_init(&all, pool, 2 * strlen(tags));
    jo_text_add(&all, tags);
    for (const char *open = tags; (open = strchr(open, '"')) != NULL;) {
        const char *quote = strchr(open + 1, '"');
        size_t n = quote ? suffix_length(open, quote) : 0;
        if (!quote)
            break;
        if (n) {
            jo_text_add(&all, ", ");
            jo_text_add_n(&all, open, (size_t)(quote - open) - n);
            jo_text_add(&all, "\"");
        }
        open = quote + 1;
    }
    return all.s;
}

static void note_conditions(request_rec *r)
{
    for (int i = 0; conditions[i].header; i++) {
        const char *value = apr_table_get(r->headers_in, conditions[i].header);
        if (value)
            apr_table_setn(r->notes, conditions[i].note, value);
        else
            apr_table_unset(r->notes, conditions[i].note);
    }
}

int jo_condition_quick(request_rec *r, int lookup)
{
    note_conditions(r);
    return DECLINED;
}

int jo_condition_fixup(request_rec *r)
{
    const char *tags = apr_table_get(r->headers_in, "If-None-Match");
    if (!tags || !jo_claim_of(r) || !jo_condition_of_client(r))
        return DECLINED;
    apr_table_setn(r->notes, sent, tags);
    apr_table_setn(r->headers_in, "If-None-Match", with_plain_tags(r->pool, tags));
    apr_table_unset(r->headers_in, "If-Modified-Since");
    note_conditions(r);
    return DECLINED;
}

bool jo_condition_of_client(const request_rec *r)
{
    /* By address: mod_cache's tag can be the very one that the client sent, but is a copy. */
    for (int i = 0; conditions[i].header; i++)
        if (apr_table_get(r->headers_in, conditions[i].header) !=
            apr_table_get(r->notes, conditions[i].note))
            return false;
    return true;
}

/* ---- 304 */

/* The form of this ETag that the client has: only that one updates what it has stored (RFC 9111 4.3.4). */
static const char *tag_of_client(apr_pool_t *pool, const char *tags, const char *etag)
{
    size_t n = strlen(etag);
    for (int i = 0; suffixes[i] && n > 1; i++) {
        const char *other =
            apr_pstrcat(pool, apr_pstrmemdup(pool, etag, n - 1), suffixes[i], "\"", NULL);
        if (!strstr(tags, etag) && strstr(tags, other))
            return other;
    }
    return NULL;
}

static bool compressible(const char *type)
{
    return !type || (strncasecmp(type, "video/", 6) != 0 && strncasecmp(type, "audio/", 6) != 0);
}

static void complete(request_rec *r, const char *tags)
{
    const char *etag = apr_table_get(r->headers_out, "ETag");
    const char *other = etag ? tag_of_client(r->pool, tags, etag) : NULL;
    bool varies = apr_table_get(r->notes, compressing) && compressible(r->content_type);
    if (other)
        apr_table_setn(r->headers_out, "ETag", other);
    if ((other || varies) && !apr_table_get(r->headers_out, "Vary"))
        apr_table_setn(r->headers_out, "Vary", "Accept-Encoding");
}

static apr_status_t see_headers(ap_filter_t *f, apr_bucket_brigade *bb)
{
    complete(f->r, apr_table_get(f->r->notes, sent));
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

void jo_condition_insert_filter(request_rec *r)
{
    for (const ap_filter_t *f = r->output_filters; f && apr_table_get(r->notes, sent); f = f->next)
        if (ap_strcasestr(f->frec->name, "deflate") || ap_strcasestr(f->frec->name, "brotli"))
            apr_table_setn(r->notes, compressing, "1");
}

void jo_condition_insert_error_filter(request_rec *r)
{
    if (r->status == HTTP_NOT_MODIFIED && apr_table_get(r->notes, sent))
        ap_add_output_filter_handle(filter, NULL, r, r->connection);
}

void jo_condition_register(void)
{
    /* Behind mod_cache, which stores the headers that it sees. */
    filter = ap_register_output_filter("JITORIGIN_NOT_MODIFIED", see_headers, NULL,
                                       AP_FTYPE_CONTENT_SET + 5);
}
