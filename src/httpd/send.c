#include "send.h"

#include "../base/status.h"
#include "buffer.h"
#include "config.h"

#include <apr_buckets.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_connection.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

APLOG_USE_MODULE(jitorigin);

enum {
    MAX_FILE_RANGES = 8,       /* each costs a descriptor until it is sent, and a system call */
    MIN_FILE_RANGE = 20 << 10, /* mean bytes per range; below, copying is cheaper */
    SMALL_BODY = 8000          /* comes from the connection's bucket allocator */
};

/* ---- whether the kernel may send it */

/* The one open file that all ranges of the body lie in, or NULL. */
static apr_file_t *single_file(const jo_body *b, int *ranges, int64_t *bytes)
{
    jo_source *src = NULL;
    *ranges = 0;
    *bytes = 0;
    for (int i = 0; i < b->count; i++) {
        const jo_part *p = &b->parts[i];
        if (!p->source)
            continue;
        if (src && p->source != src)
            return NULL;
        src = p->source;
        *bytes += p->length;
        ++*ranges;
    }
    return src ? jo_source_file(src) : NULL;
}

/* sendfile() and the page cache don't go together everywhere (httpd's EnableSendfile warns of the same). */
static bool on_network(apr_file_t *file)
{
    static const unsigned long kinds[] = {
        0x6969 /* nfs */,      0x517b /* smb */,    0xff534d42 /* cifs */, 0xfe534d42 /* smb2 */,
        0x65735546 /* fuse */, 0x01021997 /* 9p */, 0x5346414f /* afs */,  0x00c36400 /* ceph */};
    apr_os_file_t fd;
    struct statfs fs;
    if (apr_os_file_get(&fd, file) != APR_SUCCESS || fstatfs(fd, &fs) != 0)
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (((unsigned long)fs.f_type & 0xffffffffUL) == kinds[i])
            return true;
    return false;
}

static bool is_tls(request_rec *r)
{
    conn_rec *c = r->connection;
    return ap_ssl_conn_is_ssl(c->master ? c->master : c);
}

static apr_file_t *file_to_send(request_rec *r, const jo_body *b, int mode)
{
    int ranges;
    int64_t bytes;
    apr_file_t *file = single_file(b, &ranges, &bytes);
    if (!file || mode == JO_SEND_FILE_OFF || is_tls(r) || ranges > MAX_FILE_RANGES ||
        bytes / ranges < MIN_FILE_RANGE)
        return NULL;
    return mode == JO_SEND_FILE_AUTO && on_network(file) ? NULL : file;
}

/* ---- buckets */

/* One file bucket; every range is a copy of it with other bounds: copies share the descriptor's owner, so that a
 * connection that keeps them for later duplicates it rightly. */
static void add_file_parts(request_rec *r, apr_bucket_brigade *bb, const jo_body *b,
                           apr_file_t *file)
{
    apr_bucket *whole = apr_bucket_file_create(file, 0, 1, r->pool, bb->bucket_alloc);
    apr_bucket_file_enable_mmap(whole, 0); /* a mapped file that is truncated kills the process */
    for (int i = 0; i < b->count; i++) {
        const jo_part *p = &b->parts[i];
        apr_bucket *e;
        if (p->source) {
            apr_bucket_copy(whole, &e);
            e->start = p->offset;
            e->length = (apr_size_t)p->length;
        } else {
            e = apr_bucket_heap_create(p->data, (apr_size_t)p->length, NULL, bb->bucket_alloc);
        }
        APR_BRIGADE_INSERT_TAIL(bb, e);
    }
    apr_bucket_destroy(whole);
}

/* Overwriting a source in place is forbidden, but must not give a torn segment that looks whole. (Not
 * ctime: a rename over the file changes it, and does no harm.) */
static apr_status_t check_unchanged(jo_ctx *cx, const jo_body *b)
{
    const jo_source *last = NULL;
    for (int i = 0; i < b->count; i++) {
        jo_source *src = b->parts[i].source;
        apr_file_t *file = src && src != last ? jo_source_file(src) : NULL;
        apr_os_file_t fd;
        struct stat st;
        last = src ? src : last;
        if (!file)
            continue;
        if (apr_os_file_get(&fd, file) != APR_SUCCESS || fstat(fd, &st) != 0 ||
            st.st_size != src->id.size ||
            st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec != src->id.mtime)
            return jo_fail(cx, JO_EBUSY, "%s changed while it was read", src->name);
    }
    return APR_SUCCESS;
}

static apr_status_t add_copy(jo_ctx *cx, apr_bucket_brigade *bb, const jo_body *b)
{
    bool small = b->length <= SMALL_BODY;
    size_t len = (size_t)b->length;
    void (*release)(void *) = small ? apr_bucket_free : jo_buffer_free;
    void *data = small ? apr_bucket_alloc(len, bb->bucket_alloc) : jo_buffer_make(len);
    if (!data)
        return jo_fail(cx, JO_EBUSY, "no memory for %" APR_INT64_T_FMT " bytes", b->length);
    apr_status_t rc = jo_body_read(cx, b, 0, len, data);
    if (rc == APR_SUCCESS)
        rc = check_unchanged(cx, b);
    if (rc != APR_SUCCESS) {
        release(data);
        return rc;
    }
    apr_bucket *e = apr_bucket_heap_create(data, len, release, bb->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, e);
    return APR_SUCCESS;
}

/* ---- sending */

static int pass(request_rec *r, apr_bucket_brigade *bb)
{
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    apr_status_t rv = ap_pass_brigade(r->output_filters, bb);
    if (rv == APR_SUCCESS || r->status != HTTP_OK || r->connection->aborted)
        return OK;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, r, "sending failed");
    return AP_FILTER_ERROR;
}

static apr_bucket_brigade *brigade_make(request_rec *r)
{
    return apr_brigade_create(r->pool, r->connection->bucket_alloc);
}

apr_status_t jo_send_body(request_rec *r, jo_ctx *cx, const jo_body *body, int mode, int *result)
{
    apr_bucket_brigade *bb = brigade_make(r);
    apr_file_t *file = r->header_only ? NULL : file_to_send(r, body, mode);
    apr_status_t rc = APR_SUCCESS;

    if (file)
        add_file_parts(r, bb, body, file);
    else if (!r->header_only && body->length)
        rc = add_copy(cx, bb, body);
    if (rc != APR_SUCCESS)
        return rc;
    ap_set_content_length(r, body->length);
    *result = pass(r, bb);
    return APR_SUCCESS;
}

int jo_send_text(request_rec *r, const char *text)
{
    apr_bucket_brigade *bb = brigade_make(r);
    size_t len = strlen(text);
    ap_set_content_length(r, (apr_off_t)len);
    if (!r->header_only)
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_heap_create(text, len, NULL, bb->bucket_alloc));
    return pass(r, bb);
}

int jo_send_nothing(request_rec *r)
{
    return pass(r, brigade_make(r));
}
