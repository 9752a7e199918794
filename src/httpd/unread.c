#include "unread.h"

#include "../base/status.h"
#include "buffer.h"

#include <apr_buckets.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_log.h>
#include <sys/stat.h>

APLOG_USE_MODULE(jitorigin);

/* What a client that does not read costs: 64 KiB with what a buffer has in front. */
enum { BLOCK = 63 << 10 };

typedef struct unread {
    apr_bucket_refcount references; /* first: see apr_bucket_shared_make() */
    request_rec *r;
    jo_ctx *cx;
    const jo_body *body;
} unread;

/* Overwriting a source in place is forbidden, but must not give a torn segment that looks whole. (Not
 * ctime: a rename over the file changes it, and does no harm.) */
static apr_status_t check_source(jo_ctx *cx, jo_source *src)
{
    apr_file_t *file = jo_source_file(src);
    apr_os_file_t fd;
    struct stat st;
    if (file && (apr_os_file_get(&fd, file) != APR_SUCCESS || fstat(fd, &st) != 0 ||
                 st.st_size != src->id.size ||
                 st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec != src->id.mtime))
        return jo_fail(cx, JO_EBUSY, "%s changed while it was read", src->name);
    return APR_SUCCESS;
}

static apr_status_t check_unchanged(jo_ctx *cx, const jo_body *b)
{
    const jo_source *last = NULL;
    for (int i = 0; i < b->count; i++) {
        const jo_part *p = &b->parts[i];
        if (p->source && p->source != last && check_source(cx, p->source) != APR_SUCCESS)
            return cx->code;
        last = p->source ? p->source : last;
        for (int k = 0; p->maker && p->maker->sources[k]; k++)
            if (check_source(cx, p->maker->sources[k]) != APR_SUCCESS)
                return cx->code;
    }
    return APR_SUCCESS;
}

apr_status_t jo_unread_fetch(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf)
{
    apr_status_t rc = jo_body_read(cx, b, from, len, buf);
    return rc == APR_SUCCESS ? check_unchanged(cx, b) : rc;
}

/* ---- the bucket */

static apr_status_t block_read(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void **out)
{
    void *data = jo_buffer_make(len);
    if (!data)
        return jo_fail(cx, JO_EBUSY, "no memory for %" APR_SIZE_T_FMT " bytes", len);
    apr_status_t rc = jo_unread_fetch(cx, b, from, len, data);
    if (rc == APR_SUCCESS)
        *out = data;
    else
        jo_buffer_free(data);
    return rc;
}

static void unread_destroy(void *data)
{
    unread *u = data;
    if (apr_bucket_shared_destroy(u))
        apr_bucket_free(u);
}

/* Becomes a heap bucket of one block, followed by what is left. Without blocking it never has anything: httpd then sends what
 * it has got before it asks again, and keeps no more than this block. */
static apr_status_t unread_read(apr_bucket *e, const char **str, apr_size_t *len,
                                apr_read_type_e mode)
{
    unread *u = e->data;
    size_t n = e->length < BLOCK ? e->length : BLOCK;
    void *data;
    if (mode == APR_NONBLOCK_READ)
        return APR_EAGAIN;
    if (block_read(u->cx, u->body, e->start, n, &data) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, u->r, "breaks off: %s", u->cx->message);
        return APR_EGENERAL;
    }
    if (n < e->length)
        apr_bucket_split(e, n);
    apr_bucket_heap_make(e, data, n, jo_buffer_free);
    unread_destroy(u);
    *str = data;
    *len = n;
    return APR_SUCCESS;
}

/* Its request ends behind it, on the same connection. */
static const apr_bucket_type_t unread_type = {
    "UNREAD",
    5,
    APR_BUCKET_DATA,
    unread_destroy,
    unread_read,
    apr_bucket_setaside_noop,
    apr_bucket_shared_split,
    apr_bucket_shared_copy,
};

static apr_bucket *unread_create(request_rec *r, jo_ctx *cx, const jo_body *b, int64_t from,
                                 apr_bucket_alloc_t *list)
{
    apr_bucket *e = apr_bucket_alloc(sizeof *e, list);
    unread *u = apr_bucket_alloc(sizeof *u, list);
    APR_BUCKET_INIT(e);
    e->free = apr_bucket_free;
    e->list = list;
    u->r = r;
    u->cx = cx;
    u->body = apr_pmemdup(r->pool, b, sizeof *b);
    e = apr_bucket_shared_make(e, u, from, (apr_size_t)(b->length - from));
    e->type = &unread_type;
    return e;
}

apr_status_t jo_unread_add(request_rec *r, jo_ctx *cx, apr_bucket_brigade *bb, const jo_body *b)
{
    size_t n = b->length < BLOCK ? (size_t)b->length : BLOCK;
    void *data;
    apr_status_t rc = block_read(cx, b, 0, n, &data);
    if (rc != APR_SUCCESS)
        return rc;
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_heap_create(data, n, jo_buffer_free, bb->bucket_alloc));
    if ((int64_t)n < b->length)
        APR_BRIGADE_INSERT_TAIL(bb, unread_create(r, cx, b, (int64_t)n, bb->bucket_alloc));
    return APR_SUCCESS;
}
