/* The module: record, hooks, and the way from request_rec to jo_request and from jo_reply to the client. */
#include "src/base/status.h"
#include "src/httpd/cache.h"
#include "src/httpd/cache_key.h"
#include "src/httpd/claim.h"
#include "src/httpd/condition.h"
#include "src/httpd/config.h"
#include "src/httpd/log.h"
#include "src/httpd/manifests.h"
#include "src/httpd/reply.h"
#include "src/httpd/send.h"
#include "src/origin.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

/* This child's titles, and what was made of them. */
static jo_cache *titles;
static const jo_manifest_store *manifests;

/* ---- one request */

typedef struct condition {
    request_rec *r;
    int outcome; /* OK, 304 or 412 */
} condition;

static bool not_modified(void *baton, const char *etag, apr_time_t modified)
{
    condition *c = baton;
    c->outcome = jo_reply_condition(c->r, etag, modified);
    return c->outcome != OK;
}

static jo_ctx *context_make(request_rec *r, const jo_dir_config *c, const char *path)
{
    jo_ctx *cx = apr_palloc(r->pool, sizeof *cx);
    int nroots;
    const char *const *roots = jo_config_roots(r, c, path, &nroots);
    jo_ctx_init(cx, r->pool);
    cx->limits = &jo_config_server(r->server)->limits;
    cx->log = jo_log_make(r);
    cx->now = r->request_time;
    cx->opener = jo_source_file_opener(r->pool, roots, nroots,
                                       jo_config_send_mode(r, c) != JO_SEND_FILE_OFF);
    cx->titles = jo_cache_view(titles, r->pool, roots, nroots);
    cx->manifests = manifests;
    return cx;
}

static int fail(request_rec *r, const jo_dir_config *c, const jo_ctx *cx, apr_status_t rc)
{
    int status = jo_status_http(rc);
    const char *reason = cx->message ? cx->message : "internal error";
    jo_log_failure(r, status, reason);
    return jo_reply_error(r, c, status, reason);
}

static int serve_title(request_rec *r, const jo_dir_config *c, const jo_claim *claim)
{
    jo_ctx *cx = context_make(r, c, claim->path);
    condition cond = {r, OK};
    jo_settings settings = jo_config_settings(c);
    jo_request rq = {.path = claim->path,
                     .direct = claim->direct,
                     .vpath = claim->vpath,
                     .args = r->args,
                     .settings = &settings,
                     .want_next = jo_config_prefetch(c),
                     .not_modified = not_modified,
                     .baton = &cond};
    jo_reply rp = {0};
    int result;

    apr_status_t rc = jo_origin_serve(cx, &rq, &rp);
    if (rc != APR_SUCCESS)
        return fail(r, c, cx, rc);
    if (cond.outcome == HTTP_PRECONDITION_FAILED)
        return jo_reply_error(r, c, cond.outcome, "the precondition does not hold");
    jo_reply_headers(r, c, &rp);
    if (cond.outcome != OK)
        return cond.outcome;
    if (!jo_reply_range(r, rp.body.length))
        return jo_reply_error(r, c, HTTP_RANGE_NOT_SATISFIABLE, "the range starts past the end");
    rc = jo_send_body(r, cx, &rp.body, jo_config_send_mode(r, c), &result);
    return rc == APR_SUCCESS ? result : fail(r, c, cx, rc);
}

static int refuse_source(request_rec *r, const jo_dir_config *c)
{
    if (r->path_info && *r->path_info)
        return jo_reply_error(r, c, HTTP_NOT_FOUND, "media files are not titles here");
    return jo_reply_error(r, c, HTTP_FORBIDDEN, "source files are not served");
}

static int handle(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, JO_HANDLER) != 0)
        return DECLINED;
    const jo_dir_config *c = jo_config_dir(r);
    const jo_claim *claim = jo_claim_of(r);
    int result = ap_discard_request_body(r);
    if (result != OK)
        return result;
    jo_reply_cors(r, c);
    jo_reply_surrogate_key(r, c);
    if (!claim || claim->kind == JO_CLAIM_DESCRIPTOR)
        return jo_reply_error(r, c, HTTP_NOT_FOUND, "no such resource");
    if (r->method_number == M_OPTIONS)
        return jo_reply_options(r);
    if (r->method_number != M_GET)
        return jo_reply_error(r, c, HTTP_METHOD_NOT_ALLOWED, "only GET, HEAD and OPTIONS");
    if (claim->kind == JO_CLAIM_SOURCE)
        return refuse_source(r, c);
    return serve_title(r, c, claim);
}

/* ---- the server's life */

/* Before mod_cache, in its post_config, looks who makes its keys. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const char *why;
    if (jo_cache_key_register(s, &why))
        return OK;
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "%s", why);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int finish_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    jo_config_finish(s);
    return OK;
}

static int threads_of_child(void)
{
    int threads;
    return ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) == APR_SUCCESS && threads > 1 ? threads : 1;
}

/* Of a child's threads, how many may load titles or wait for them: the others always serve what is loaded. */
static int threads_for_loads(void)
{
    int threads = threads_of_child();
    return threads == 1 ? 1 : threads - (threads + 7) / 8;
}

static unsigned downloads_at_most(const jo_server_config *c)
{
    int64_t most = jo_config_max_downloads(c);
    return most >= 0 ? (unsigned)most : (unsigned)(threads_of_child() + 1) / 2;
}

static void start_child(apr_pool_t *pchild, server_rec *s)
{
    const jo_server_config *c = jo_config_server(s);
    jo_cache_limits limits = {.memory = (size_t)jo_config_title_cache(c),
                              .loads = (int)jo_config_max_loads(c),
                              .busy = threads_for_loads(),
                              .seconds = (int)jo_config_load_timeout(c)};
    titles = jo_cache_make(&limits);
    jo_send_limits((size_t)jo_config_send_memory(c), downloads_at_most(c));
    manifests = jo_manifests_make((size_t)jo_config_manifest_cache(c));
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const later[] = {"mod_negotiation.c", "mod_mime.c",    "mod_dir.c",
                                        "mod_rewrite.c",     "mod_speling.c", NULL};
    static const char *const before_cache[] = {"mod_cache.c", NULL};
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(finish_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(start_child, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_type_checker(jo_claim_hook, NULL, later, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(jo_claim_hook, NULL, later, APR_HOOK_REALLY_FIRST);
    ap_hook_quick_handler(jo_condition_quick, NULL, before_cache, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(jo_condition_fixup, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_filter(jo_condition_insert_filter, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_error_filter(jo_condition_insert_error_filter, NULL, NULL, APR_HOOK_REALLY_LAST);
    jo_condition_register();
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

/* The one symbol that the module exports. */
extern module AP_MODULE_DECLARE_DATA jitorigin_module __attribute__((visibility("default")));

AP_DECLARE_MODULE(jitorigin) = {
    STANDARD20_MODULE_STUFF, jo_config_dir_make, jo_config_dir_merge, jo_config_server_make,
    jo_config_server_merge,  jo_config_commands, register_hooks,      AP_MODULE_FLAG_NONE,
};
