#include "claim.h"
#include "config.h"

#include "../base/text.h"
#include "../plan/url.h"

#include <apr_strings.h>
#include <http_core.h>
#include <string.h>

extern module jitorigin_module;

/* What follows the last '.' of the last path segment, or "". */
static const char *suffix_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    return dot ? dot + 1 : "";
}

static bool is_one_of(const char *suffix, const char *const *list)
{
    for (; *list; list++)
        if (jo_text_same(suffix, *list))
            return true;
    return false;
}

/* A file that packaging reads, asked for by its own name. */
static bool find_bare(const char *filename, jo_claim_kind *kind)
{
    static const char *const descriptors[] = {"ism", "isml", NULL};
    static const char *const sources[] = {"mp4",  "m4v",  "m4a",  "mov",  "cmfv", "cmfa",
                                          "cmft", "ismv", "isma", "ismt", NULL};
    const char *suffix = suffix_of(filename);
    if (is_one_of(suffix, descriptors))
        *kind = JO_CLAIM_DESCRIPTOR;
    else if (is_one_of(suffix, sources))
        *kind = JO_CLAIM_SOURCE;
    else
        return false;
    return true;
}

/* The part of the path that the URL chose: a document root that itself lies below a folder named *.ism is none of the
 * client's doing. */
static size_t mapped_prefix(request_rec *r, const char *path)
{
    const char *root = ap_context_document_root(r);
    size_t len = root ? strlen(root) : 0;
    while (len && root[len - 1] == '/')
        len--;
    return len && strncmp(path, root, len) == 0 && path[len] == '/' ? len : 0;
}

static jo_claim *claim_make(request_rec *r, bool direct)
{
    bool rest = r->path_info && *r->path_info;
    const char *path = rest ? apr_pstrcat(r->pool, r->filename, r->path_info, NULL) : r->filename;
    size_t prefix = mapped_prefix(r, path);
    /* An existing file in a folder that is only named like a descriptor. */
    bool is_file = !rest && r->finfo.filetype != APR_NOFILE;
    jo_url_split split;
    jo_claim claim = {.path = r->filename};

    if (jo_url_split_path(r->pool, path + prefix, direct, &split)) {
        bool below = split.vpath && *split.vpath;
        if (below && !is_file) {
            claim.kind = JO_CLAIM_TITLE;
            claim.path = apr_pstrmemdup(r->pool, path, prefix + split.descriptor_len);
            claim.vpath = split.vpath;
            claim.direct = split.direct;
            return apr_pmemdup(r->pool, &claim, sizeof claim);
        }
        if (!below) {
            claim.kind = split.direct ? JO_CLAIM_SOURCE : JO_CLAIM_DESCRIPTOR;
            return apr_pmemdup(r->pool, &claim, sizeof claim);
        }
    }
    return find_bare(r->filename, &claim.kind) ? apr_pmemdup(r->pool, &claim, sizeof claim) : NULL;
}

static bool is_named(const request_rec *r)
{
    return r->handler &&
           (strcmp(r->handler, JO_HANDLER) == 0 || strcmp(r->handler, JO_HANDLER_SYNONYM) == 0);
}

static void take(request_rec *r, jo_claim *claim)
{
    r->handler = JO_HANDLER;
    /* mod_mime read kite.fr.ism as French, and kite.gz.ism as compressed. */
    r->content_languages = NULL;
    r->content_encoding = NULL;
    /* For a missing descriptor MultiViews, mod_speling and FallbackResource would look for something like it. */
    if (r->finfo.filetype == APR_NOFILE)
        r->finfo.filetype = APR_REG;
    ap_set_module_config(r->request_config, &jitorigin_module, claim);
}

static jo_claim *find_claim(request_rec *r, const jo_dir_config *c, bool named)
{
    bool on = c->on < 0 ? named : c->on;
    jo_claim *claim = ap_get_module_config(r->request_config, &jitorigin_module);
    if (claim)
        return claim;
    if (!on || !r->filename || *r->filename != '/' || r->proxyreq)
        return NULL;
    claim = claim_make(r, jo_config_direct(c));
    return claim && claim->kind == JO_CLAIM_SOURCE && jo_config_serve_sources(c) ? NULL : claim;
}

int jo_claim_hook(request_rec *r)
{
    bool named = is_named(r);
    jo_claim *claim = find_claim(r, jo_config_dir(r), named);
    if (claim)
        take(r, claim);
    else if (named)
        r->handler = NULL; /* AddHandler .ism also catches kite.ism.bak */
    return DECLINED;
}

const jo_claim *jo_claim_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &jitorigin_module);
}

const char *jo_claim_title(apr_pool_t *pool, const jo_claim *claim, const char *path)
{
    size_t n = strlen(path), rest = claim->vpath ? strlen(claim->vpath) : n;
    bool below = n > rest && path[n - rest - 1] == '/' && !strcmp(path + n - rest, claim->vpath);
    return below ? apr_pstrmemdup(pool, path, n - rest - 1) : path;
}
