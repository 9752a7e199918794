#include "cli.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../origin.h"
#include "../plan/url.h"
#include "settings.h"

#include <apr_strings.h>
#include <string.h>

#define PIECE ((int64_t)1 << 20)

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decodes as the server does before it looks for a file; what is no encoding stays. */
static const char *decode(apr_pool_t *pool, const char *s)
{
    char *out = apr_palloc(pool, strlen(s) + 1), *to = out;

    while (*s) {
        int high = *s == '%' ? hex(s[1]) : -1;
        int low = high >= 0 ? hex(s[2]) : -1;
        bool encoded = low >= 0 && (high || low);
        *to++ = encoded ? (char)(high * 16 + low) : *s;
        s += encoded ? 3 : 1;
    }
    *to = '\0';
    return out;
}

/* X.ism/PATH?QUERY → request. Only what follows the descriptor's name is a URL. */
static bool make_request(jo_ctx *cx, const char *arg, jo_request *rq)
{
    const char *query = strchr(arg, '?');
    const char *path = query ? apr_pstrmemdup(cx->pool, arg, (apr_size_t)(query - arg)) : arg;
    jo_url_split split;

    if (!jo_url_split_path(cx->pool, path, true, &split)) {
        jo_fail(cx, JO_ENOTFOUND, "%s: names no .ism, .isml or .mp4", path);
        return false;
    }
    rq->path = jo_cli_absolute(cx->pool, apr_pstrmemdup(cx->pool, path, split.descriptor_len));
    rq->direct = split.direct;
    rq->vpath = decode(cx->pool, split.vpath ? split.vpath : "");
    rq->args = query ? query + 1 : NULL;
    return true;
}

static bool write_head(jo_ctx *cx, int status, const jo_reply *rp)
{
    char date[APR_RFC822_DATE_LEN] = "";
    jo_text t;

    jo_text_init(&t, cx->pool, 0);
    jo_text_addf(&t, "status: %d\n", status);
    if (rp) {
        apr_rfc822_date(date, rp->modified);
        jo_text_addf(&t, "content-type: %s\ncontent-length: %lld\n", rp->content_type,
                     (long long)rp->body.length);
        if (rp->location)
            jo_text_addf(&t, "content-location: %s\n", rp->location);
        jo_text_addf(&t, "etag: %s\nlast-modified: %s\n", rp->etag, date);
    }
    jo_text_add(&t, "\n");
    return jo_cli_write(t.s, t.len);
}

static int write_body(jo_ctx *cx, const jo_body *b)
{
    int64_t most = b->made || b->length < PIECE ? b->length : PIECE;
    char *buf = apr_palloc(cx->pool, (size_t)most + 1);

    for (int64_t at = 0; at < b->length; at += most) {
        size_t n = (size_t)(b->length - at < most ? b->length - at : most);
        if (jo_body_read(cx, b, at, n, buf) != APR_SUCCESS)
            return jo_cli_fail(cx);
        if (!jo_cli_write(buf, n))
            return JO_EXIT_FAILED;
    }
    return 0;
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    bool head = args->option['i'];
    jo_settings settings;
    const char *wrong;
    jo_request rq = {.settings = &settings};
    jo_reply rp = {0};
    jo_ctx cx;

    if (!jo_settings_parse(pool, args->option['w'], &settings, &wrong))
        return jo_cli_usage(self, "--with: \"%s\" is none of %s", wrong, jo_settings_words);
    jo_cli_ctx(&cx, pool);
    if (!make_request(&cx, args->files[0], &rq) || jo_origin_serve(&cx, &rq, &rp) != APR_SUCCESS) {
        if (head)
            write_head(&cx, jo_status_http(cx.code), NULL);
        return jo_cli_fail(&cx);
    }
    if (head && !write_head(&cx, rp.status, &rp))
        return JO_EXIT_FAILED;
    return write_body(&cx, &rp.body);
}

static const apr_getopt_option_t options[] = {
    {"include", 'i', 0, "print status and headers, too"},
    {"with", 'w', 1, "as if directives were set: words with commas between them"},
    JO_OPTION_HELP,
    {0}};

const jo_command jo_cmd_get = {
    .name = "get",
    .args = "X.ism/PATH[?QUERY]",
    .what = "print what the server would answer to a URL",
    .more = "X.ism or X.mp4 is a file; what follows it is the URL below the title, such as .m3u8 "
            "or .mpd. --with takes sample-entry=source, url-style=cmaf, url-version, clip=exact,\n"
            "manifest-filter, query-options, progressive, hls=ts or hls=auto, and ts-hevc.",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
