#include "files.h"

#include "../base/status.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((int64_t)1 << 20)

static apr_status_t fail(jo_ctx *cx, const char *path, apr_status_t rv)
{
    char text[120];

    return jo_fail(cx, rv, "%s: %s", path, apr_strerror(rv, text, sizeof text));
}

static apr_status_t make_folder(jo_ctx *cx, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? apr_pstrmemdup(cx->pool, path, (apr_size_t)(slash - path)) : "";
    apr_finfo_t info;
    apr_status_t rv;

    if (!*folder)
        return APR_SUCCESS;
    rv = apr_dir_make_recursive(folder, APR_OS_DEFAULT, cx->pool);
    if (rv == APR_SUCCESS && apr_stat(&info, folder, APR_FINFO_TYPE, cx->pool) == APR_SUCCESS &&
        info.filetype != APR_DIR)
        rv = APR_ENOTDIR;
    return rv == APR_SUCCESS ? rv : fail(cx, folder, rv);
}

/* The temporary name is this process's own, so that two commands at once don't write into one file, and new: a link
 * that somebody laid there is not followed. */
apr_status_t jo_file_create(jo_ctx *cx, const char *path, jo_file_out *out)
{
    const apr_int32_t flags = APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL;
    apr_finfo_t info;
    apr_status_t rv;

    *out = (jo_file_out){.path = path};
    out->part = apr_psprintf(cx->pool, "%s.%ld.part", path, (long)getpid());
    if (apr_stat(&info, path, APR_FINFO_TYPE, cx->pool) == APR_SUCCESS && info.filetype != APR_REG)
        return jo_fail(cx, JO_EFORBIDDEN, "%s: is no regular file", path);
    apr_file_remove(out->part, cx->pool);
    rv = apr_file_open(&out->file, out->part, flags, APR_OS_DEFAULT, cx->pool);
    return rv == APR_SUCCESS ? rv : fail(cx, path, rv);
}

apr_status_t jo_file_open(jo_ctx *cx, const char *path, jo_file_out *out)
{
    *out = (jo_file_out){.path = path};
    return make_folder(cx, path) == APR_SUCCESS ? jo_file_create(cx, path, out) : cx->code;
}

apr_status_t jo_file_add(jo_ctx *cx, jo_file_out *out, const void *data, size_t len)
{
    apr_status_t rv = apr_file_write_full(out->file, data, len, NULL);

    out->length += (int64_t)len;
    return rv == APR_SUCCESS ? rv : fail(cx, out->path, rv);
}

apr_status_t jo_file_add_body(jo_ctx *cx, jo_file_out *out, const jo_body *b)
{
    int64_t most = b->made || b->length < PIECE ? b->length : PIECE;
    char *buf = apr_palloc(cx->pool, (size_t)most + 1);

    for (int64_t at = 0; at < b->length; at += most) {
        size_t n = (size_t)(b->length - at < most ? b->length - at : most);
        if (jo_body_read(cx, b, at, n, buf) != APR_SUCCESS ||
            jo_file_add(cx, out, buf, n) != APR_SUCCESS)
            return cx->code;
    }
    return APR_SUCCESS;
}

apr_status_t jo_file_close(jo_ctx *cx, jo_file_out *out)
{
    apr_status_t rv = APR_SUCCESS;

    if (!out->file)
        return cx->code;
    rv = apr_file_close(out->file);
    if (cx->code == APR_SUCCESS && rv == APR_SUCCESS)
        rv = apr_file_rename(out->part, out->path, cx->pool);
    if (cx->code == APR_SUCCESS && rv != APR_SUCCESS)
        fail(cx, out->path, rv);
    if (cx->code != APR_SUCCESS)
        apr_file_remove(out->part, cx->pool);
    return cx->code;
}

bool jo_file_exists(apr_pool_t *pool, const char *path)
{
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_TYPE, pool) == APR_SUCCESS;
}

bool jo_file_same(apr_pool_t *pool, const char *a, const char *b)
{
    apr_finfo_t x, y;

    return apr_stat(&x, a, APR_FINFO_IDENT, pool) == APR_SUCCESS &&
           apr_stat(&y, b, APR_FINFO_IDENT, pool) == APR_SUCCESS && x.device == y.device &&
           x.inode == y.inode;
}

bool jo_file_folder_used(apr_pool_t *pool, const char *path)
{
    apr_finfo_t info;
    apr_dir_t *dir;
    bool used = false;

    if (apr_dir_open(&dir, path, pool) != APR_SUCCESS)
        return false;
    while (!used && apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS)
        used = strcmp(info.name, ".") != 0 && strcmp(info.name, "..") != 0;
    apr_dir_close(dir);
    return used;
}
