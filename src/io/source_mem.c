#include "source.h"

#include "../base/status.h"

#include <apr_strings.h>
#include <string.h>

typedef struct mem_file {
    const char *path;
    const uint8_t *data;
    size_t len;
    struct mem_file *next;
} mem_file;

typedef struct mem_opener {
    jo_opener opener; /* first: jo_opener * is cast to it */
    apr_pool_t *pool;
    mem_file *files;
} mem_opener;

typedef struct mem_source {
    jo_source source; /* first */
    const uint8_t *data;
} mem_source;

static apr_status_t mem_read(jo_ctx *cx, jo_source *src, int64_t off, size_t len, void *buf)
{
    memcpy(buf, ((mem_source *)src)->data + off, len);
    return APR_SUCCESS;
}

static const jo_source_ops mem_ops = {.scheme = "mem", .read = mem_read};

static apr_status_t mem_open(const jo_opener *self, jo_ctx *cx, const char *path, jo_source **out)
{
    const mem_file *f = ((const mem_opener *)self)->files;
    const char *slash = strrchr(path, '/');
    mem_source *m;

    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    if (!f)
        return jo_fail(cx, JO_ENOTFOUND, "%s: not found", slash ? slash + 1 : path);
    m = apr_pcalloc(cx->pool, sizeof *m);
    m->data = f->data;
    m->source.ops = &mem_ops;
    m->source.name = apr_pstrdup(cx->pool, slash ? slash + 1 : path);
    m->source.id.inode = (uintptr_t)f->data;
    m->source.id.size = (int64_t)f->len;
    *out = &m->source;
    return APR_SUCCESS;
}

jo_opener *jo_source_mem_opener(apr_pool_t *pool)
{
    mem_opener *m = apr_pcalloc(pool, sizeof *m);

    m->opener.open = mem_open;
    m->pool = pool;
    return &m->opener;
}

void jo_source_mem_add(jo_opener *mem, const char *path, const void *data, size_t len)
{
    mem_opener *m = (mem_opener *)mem;
    mem_file *f = apr_palloc(m->pool, sizeof *f);

    *f = (mem_file){apr_pstrdup(m->pool, path), data, len, m->files};
    m->files = f;
}
