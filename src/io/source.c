#include "source.h"

#include "../base/status.h"
#include "../base/text.h"

#include <apr_strings.h>
#include <string.h>

bool jo_identity_same(const jo_identity *a, const jo_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime == b->mtime && a->ctime == b->ctime;
}

apr_status_t jo_source_open(jo_ctx *cx, const char *path, jo_source **out)
{
    if (!cx->opener)
        return jo_fail(cx, JO_EBUG, "no opener for sources");
    apr_status_t rv = cx->opener->open(cx->opener, cx, path, out);
    if (rv == APR_SUCCESS)
        (*out)->path = apr_pstrdup(cx->pool, path);
    return rv;
}

bool jo_source_unchanged(jo_ctx *cx, const char *path, const jo_identity *known)
{
    jo_ctx scratch = *cx;
    jo_source *src;

    if (cx->opener->again)
        return cx->opener->again(cx->opener, cx, path, known, NULL);
    apr_pool_create(&scratch.pool, cx->pool);
    bool same = jo_source_reopen(&scratch, path, known, &src) == APR_SUCCESS;
    apr_pool_destroy(scratch.pool);
    return same;
}

apr_status_t jo_source_reopen(jo_ctx *cx, const char *path, const jo_identity *known,
                              jo_source **out)
{
    if (cx->opener->again && cx->opener->again(cx->opener, cx, path, known, out)) {
        (*out)->path = path;
        return APR_SUCCESS;
    }
    apr_status_t rv = jo_source_open(cx, path, out);
    return rv != APR_SUCCESS || jo_identity_same(&(*out)->id, known) ? rv : APR_EMISMATCH;
}

void jo_source_want(jo_source *src, int64_t off, size_t len)
{
    if (src->ops->want)
        src->ops->want(src, off, len);
}

static apr_status_t check_bounds(jo_ctx *cx, const jo_source *src, int64_t off, size_t len)
{
    if (off < 0 || off > src->id.size || len > (uint64_t)(src->id.size - off))
        return jo_fail(cx, JO_EMEDIA, "%s: %zu bytes at %lld are beyond its end at %lld", src->name,
                       len, (long long)off, (long long)src->id.size);
    return APR_SUCCESS;
}

apr_status_t jo_source_read(jo_ctx *cx, jo_source *src, int64_t off, size_t len, void *buf)
{
    apr_status_t rv = check_bounds(cx, src, off, len);

    return rv == APR_SUCCESS && len > 0 ? src->ops->read(cx, src, off, len, buf) : rv;
}

apr_status_t jo_source_scatter(jo_ctx *cx, jo_source *src, int64_t off, struct iovec *v, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += v[i].iov_len;
    apr_status_t rv = check_bounds(cx, src, off, len);
    if (rv == APR_SUCCESS && n > 1 && src->ops->scatter)
        return src->ops->scatter(cx, src, off, v, n);
    for (int i = 0; i < n && rv == APR_SUCCESS; i++) {
        rv = jo_source_read(cx, src, off, v[i].iov_len, v[i].iov_base);
        off += (int64_t)v[i].iov_len;
    }
    return rv;
}

apr_file_t *jo_source_file(jo_source *src)
{
    return src->ops->file ? src->ops->file(src) : NULL;
}

/* "http://…" or "file:/…", but not a file whose name merely holds a colon. */
static bool has_scheme(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.");

    return n > 0 && s[n] == ':' && s[n + 1] == '/';
}

/* Appends the segments of path to the absolute path in t. False if ".." climbs above "/". */
static bool append_path(jo_text *t, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && memcmp(path, "..", 2) == 0) {
            if (t->len == 0)
                return false;
            t->len = (size_t)(strrchr(t->s, '/') - t->s);
            t->s[t->len] = '\0';
        } else if (n > 0 && !(n == 1 && *path == '.')) {
            jo_text_add_n(t, "/", 1);
            jo_text_add_n(t, path, n);
        }
        path += n;
        path += *path == '/';
    }
    return true;
}

apr_status_t jo_source_resolve(jo_ctx *cx, const char *base, const char *src, const char **out)
{
    const char *slash = strrchr(base, '/');
    jo_text folder, t;

    if (!*src)
        return jo_fail(cx, JO_EMEDIA, "src is empty");
    if (has_scheme(src))
        return jo_fail(cx, JO_EMEDIA, "src \"%s\": remote sources are not supported", src);
    jo_text_init(&folder, cx->pool, 0);
    if (*src != '/' && slash)
        jo_text_add_n(&folder, base, (size_t)(slash - base));
    jo_text_init(&t, cx->pool, 0);
    if (!append_path(&t, folder.s) || !append_path(&t, src))
        return jo_fail(cx, JO_EFORBIDDEN, "src \"%s\" leads out of the file system", src);
    if (t.len == 0)
        jo_text_add(&t, "/");
    *out = t.s;
    return APR_SUCCESS;
}
