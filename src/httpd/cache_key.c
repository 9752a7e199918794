#include "cache_key.h"

#include "../base/crypto.h"
#include "../find.h"
#include "../plan/url.h"
#include "claim.h"
#include "config.h"

#include <apr_strings.h>
#include <dlfcn.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_cache.h>
#include <string.h>

typedef APR_OPTIONAL_FN_TYPE(ap_cache_generate_key) key_maker;

/* Makes the keys of URLs that are not ours. Set once, before children start. */
static key_maker *foreign;

/* What a request asks for, as far as it decides the response. */
typedef struct subject {
    const char *title; /* URL path of the title, decoded */
    const char *path;  /* its descriptor or media file; "" where that is not known yet */
    const char *base;
    const char *vpath;
    const char *args;
    jo_settings settings;
} subject;

/* ---- which resource */

static const char *base_of(apr_pool_t *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot ? apr_pstrmemdup(pool, name, (size_t)(dot - name)) : name;
}

/* In the handler, where httpd has mapped and allowed the URL: whatever mod_rewrite and others made of it, the claim says
 * which file it has come to. */
static bool read_claim(request_rec *r, apr_pool_t *pool, subject *s)
{
    const jo_claim *claim = jo_claim_of(r);
    if (!claim || claim->kind != JO_CLAIM_TITLE || !r->handler ||
        strcmp(r->handler, JO_HANDLER) != 0)
        return false;
    *s = (subject){.title = jo_claim_title(pool, claim, r->uri),
                   .path = claim->path,
                   .base = base_of(pool, claim->path),
                   .vpath = claim->vpath,
                   .args = r->args,
                   .settings = jo_config_settings(jo_config_dir(r))};
    return true;
}

/* The path as httpd is going to read it, or NULL: it will refuse it, or an encoded slash makes it ambiguous. */
static const char *early_path(request_rec *r, apr_pool_t *pool)
{
    const core_server_config *core = ap_get_core_module_config(r->server->module_config);
    unsigned merge = core->merge_slashes == AP_CORE_CONFIG_OFF ? 0 : AP_NORMALIZE_MERGE_SLASHES;
    if (!r->parsed_uri.path || *r->parsed_uri.path != '/')
        return NULL;
    char *path = apr_pstrdup(pool, r->parsed_uri.path);
    if (!ap_normalize_path(path,
                           merge | AP_NORMALIZE_NOT_ABOVE_ROOT | AP_NORMALIZE_DECODE_UNRESERVED))
        return NULL;
    return ap_unescape_url(path) == OK ? path : NULL;
}

/* In the quick handler, before anything is mapped: only the URL says what is ours. Every parameter that some
 * configuration reads stays in the key, since which one will hold is not known. */
static bool read_early(request_rec *r, apr_pool_t *pool, subject *s)
{
    static const jo_settings all = {.manifest_filter = true,
                                    .progressive = true,
                                    .query_options = ~0U,
                                    .hls_container = JO_CONTAINER_TS};
    const char *path = early_path(r, pool);
    jo_url_split split;
    if (!path || !jo_url_split_path(pool, path, jo_config_direct(jo_config_dir(r)), &split) ||
        !split.vpath || !*split.vpath)
        return false;
    *s = (subject){.title = apr_pstrmemdup(pool, path, split.descriptor_len),
                   .path = "",
                   .base = split.base,
                   .vpath = split.vpath,
                   .args = r->parsed_uri.query,
                   .settings = all};
    return true;
}

static bool is_ours(request_rec *r, apr_pool_t *pool, subject *s)
{
    if (r->proxyreq)
        return false;
    return r->filename ? read_claim(r, pool, s) : read_early(r, pool, s);
}

/* ---- the key */

/* The virtual host by what it is configured as, beside what the client calls it: hosts on one address must not share
 * entries because a client says another's name or port. */
static void add_host(jo_sha256 *h, request_rec *r)
{
    const server_rec *s = r->server;
    jo_sha256_add_str(h, ap_http_scheme(r));
    jo_sha256_add_str(h, r->hostname ? r->hostname : "");
    jo_sha256_add_int(h, ap_get_server_port(r));
    if (!s->is_virtual)
        return;
    jo_sha256_add_str(h, s->server_hostname ? s->server_hostname : "");
    for (const server_addr_rec *a = s->addrs; a; a = a->next) {
        jo_sha256_add_str(h, a->virthost ? a->virthost : "");
        jo_sha256_add_int(h, a->host_port);
    }
}

static void add_settings(jo_sha256 *h, const jo_settings *s)
{
    jo_sha256_add_int(h, s->keep_sample_entry);
    jo_sha256_add_int(h, s->cmaf_urls);
    jo_sha256_add_int(h, s->url_version);
    jo_sha256_add_int(h, s->exact_clips);
    jo_sha256_add_int(h, s->manifest_filter);
    jo_sha256_add_int(h, s->progressive);
    jo_sha256_add_int(h, s->query_options);
    jo_sha256_add_int(h, s->hls_container);
    jo_sha256_add_int(h, s->hevc_in_ts);
}

/* What is asked of the title: in canonical form; a malformed query as it is, since it is answered with 400. False: no
 * packager knows the name. */
static bool add_resource(jo_sha256 *h, apr_pool_t *pool, const subject *s)
{
    const char *name;
    jo_ctx cx;
    jo_ctx_init(&cx, pool);
    apr_status_t rc = jo_find_canonical(&cx, s->base, s->vpath, s->args, &s->settings, &name);
    bool known = name != s->vpath;
    jo_sha256_add_int(h, rc == APR_SUCCESS ? known : 2);
    jo_sha256_add_str(h, name);
    if (rc != APR_SUCCESS)
        jo_sha256_add_str(h, s->args ? s->args : "");
    return known || rc != APR_SUCCESS;
}

/* shmcb chooses one of its parts by the first byte, so that is one of the digest's, and not 'h' for all. */
static const char *key_of(apr_pool_t *pool, const uint8_t digest[JO_SHA256_SIZE])
{
    char first = digest[0] ? (char)digest[0] : 1;
    return apr_psprintf(pool, "%c%s", first, jo_hex(pool, digest, JO_SHA256_SIZE));
}

static apr_status_t generate(request_rec *r, apr_pool_t *pool, const char **key)
{
    uint8_t digest[JO_SHA256_SIZE];
    subject s;
    if (*key)
        return APR_SUCCESS; /* mod_cache asks again when it stores */
    if (!is_ours(r, pool, &s))
        return foreign(r, pool, key);
    jo_sha256 *h = jo_sha256_make(pool);
    add_host(h, r);
    jo_sha256_add_str(h, s.title);
    jo_sha256_add_str(h, s.path);
    add_settings(h, &s.settings);
    if (!add_resource(h, pool, &s) && !*s.path)
        return foreign(r, pool, key); /* may be anybody's: a folder can have such a name */
    jo_sha256_finish(h, digest);
    *key = key_of(pool, digest);
    return APR_SUCCESS;
}

bool jo_cache_key_register(server_rec *main_server, const char **why)
{
    if (!jo_config_cache_key(jo_config_server(main_server)))
        return true;
    *(void **)&foreign = dlsym(RTLD_DEFAULT, "cache_generate_key_default");
    *why = "JitOriginCacheKey On needs mod_cache: it is not loaded, or has no "
           "cache_generate_key_default";
    if (!foreign)
        return false;
    apr_dynamic_fn_register("ap_cache_generate_key", (apr_opt_fn_t *)generate);
    return true;
}
