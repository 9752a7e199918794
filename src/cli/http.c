#include "http.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 64 << 20, HEAD_MAX = 256 << 10, LINES_MAX = 500, REDIRECTS_MAX = 3 };

struct jo_http {
    CURL *curl;
    int64_t seconds;
    int count;
};

static apr_status_t end(void *data)
{
    jo_http *h = data;

    curl_easy_cleanup(h->curl);
    curl_global_cleanup();
    return APR_SUCCESS;
}

jo_http *jo_http_make(apr_pool_t *pool, int64_t seconds)
{
    jo_http *h = apr_pcalloc(pool, sizeof *h);

    h->seconds = seconds;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    h->curl = curl_easy_init();
    if (!h->curl) {
        curl_global_cleanup();
        return NULL;
    }
    apr_pool_cleanup_register(pool, h, end, apr_pool_cleanup_null);
    return h;
}

int jo_http_count(const jo_http *h)
{
    return h->count;
}

/* ---- an answer as it comes in */

typedef struct transfer {
    apr_pool_t *pool;
    jo_http_reply *reply;
    size_t cap;
    size_t head; /* bytes and lines of all headers */
    int lines;
    const char *too_long;
} transfer;

static size_t on_header(char *s, size_t size, size_t n, void *data)
{
    transfer *t = data;
    size_t len = size * n;
    char *line, *value;

    t->head += len;
    if (t->head > HEAD_MAX || ++t->lines > LINES_MAX) {
        t->too_long = apr_psprintf(t->pool, "more than %d headers, or %d KB of them", LINES_MAX,
                                   HEAD_MAX >> 10);
        return 0;
    }
    line = apr_pstrmemdup(t->pool, s, len);
    if (strncmp(line, "HTTP/", 5) == 0) { /* another answer: after a redirect, or after 1xx */
        apr_table_clear(t->reply->headers);
        t->reply->len = 0;
        return len;
    }
    value = strchr(line, ':');
    line[strcspn(line, "\r\n")] = '\0';
    if (value) {
        *value++ = '\0';
        apr_table_mergen(t->reply->headers, line, value + strspn(value, " \t"));
    }
    return len;
}

/* To what is promised, if that is enough. */
static void grow(transfer *t, size_t least)
{
    jo_http_reply *r = t->reply;
    const char *length = apr_table_get(r->headers, "Content-Length");
    apr_int64_t promised = length ? apr_strtoi64(length, NULL, 10) : 0;
    char *old = r->body;

    t->cap = promised > 0 && promised <= BODY_MAX ? (size_t)promised + 1 : 0;
    t->cap = t->cap < least ? 2 * least : t->cap;
    r->body = apr_palloc(t->pool, t->cap);
    memcpy(r->body, old, r->len);
}

static size_t on_body(char *s, size_t size, size_t n, void *data)
{
    transfer *t = data;
    jo_http_reply *r = t->reply;
    size_t len = size * n;

    if (len > BODY_MAX - r->len) {
        t->too_long = apr_psprintf(t->pool, "more than %d MB", BODY_MAX >> 20);
        return 0;
    }
    if (r->len + len + 1 > t->cap)
        grow(t, r->len + len + 1);
    memcpy(r->body + r->len, s, len);
    r->len += len;
    r->body[r->len] = '\0';
    return len;
}

/* ---- a question */

static void only_web(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static void set_up(jo_http *h, const char *url, const jo_http_request *rq, struct curl_slist *list)
{
    CURL *c = h->curl;

    curl_easy_reset(c); /* connections stay */
    only_web(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)h->seconds);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(c, CURLOPT_USERAGENT, rq->agent ? rq->agent : "jitorigin-audit/" JO_VERSION);
    if (rq->gzip)
        curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (rq->method && strcmp(rq->method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else if (rq->method)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
}

static struct curl_slist *header_list(const jo_http_request *rq)
{
    struct curl_slist *list = NULL;

    for (int i = 0; rq->headers && rq->headers[i]; i++) {
        struct curl_slist *more = curl_slist_append(list, rq->headers[i]);
        list = more ? more : list;
    }
    return list;
}

static const char *why(const transfer *t, const char *message, CURLcode rv)
{
    if (t->too_long)
        return t->too_long;
    return apr_pstrdup(t->pool, *message ? message : curl_easy_strerror(rv));
}

void jo_http_ask(jo_http *h, apr_pool_t *pool, const char *url, const jo_http_request *rq,
                 jo_http_reply *out)
{
    struct curl_slist *list = header_list(rq);
    transfer t = {.pool = pool, .reply = out};
    char message[CURL_ERROR_SIZE] = "";
    const char *from = NULL;
    long status = 0;
    CURLcode rv;

    *out = (jo_http_reply){.headers = apr_table_make(pool, 20), .body = apr_pstrdup(pool, "")};
    set_up(h, url, rq, list);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, &t);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &t);
    rv = curl_easy_perform(h->curl);
    h->count++;
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(h->curl, CURLINFO_EFFECTIVE_URL, &from);
    out->status = (int)status;
    out->url = apr_pstrdup(pool, from ? from : url);
    out->error = rv == CURLE_OK ? NULL : why(&t, message, rv);
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(list);
}

/* ---- references */

static bool is_web(CURLU *u)
{
    char *scheme = NULL;
    bool good = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);

    curl_free(scheme);
    return good;
}

const char *jo_http_resolve(apr_pool_t *pool, const char *base, const char *reference)
{
    CURLU *u = curl_url();
    char *url = NULL, *out = NULL;

    if (u && (!base || curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK) &&
        (!*reference || curl_url_set(u, CURLUPART_URL, reference, 0) == CURLUE_OK) && is_web(u)) {
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        if (curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK)
            out = apr_pstrdup(pool, url);
    }
    curl_free(url);
    curl_url_cleanup(u);
    return out;
}
