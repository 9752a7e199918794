#include "send.h"

#include "../base/status.h"
#include "buffer.h"
#include "config.h"
#include "unread.h"

#include <apr_atomic.h>
#include <apr_buckets.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_connection.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_ssl.h>
#include <string.h>
#include <strings.h>

APLOG_USE_MODULE(jitorigin);

/* Produced bodies of more than a block that are under way, each of which holds a thread, and how many may be; 0: any
 * number. */
static struct {
    apr_uint32_t count, most;
} downloads;

enum {
    MAX_FILE_RANGES = 8, /* each costs a descriptor until it is sent, and a system call */
    MAX_BLOCK_RANGES = 64,
    MIN_FILE_RANGE = 20 << 10, /* mean bytes per range; below, copying is cheaper */
    PAGE = 4096,
    MIN_PAGED = 16 * PAGE, /* bytes of a range */
    SMALL_BODY = 8000,     /* comes from the connection's bucket allocator */
    BLOCK = 1 << 20        /* of a produced body: what a slow client costs */
};

/* ---- whether the kernel may send it */

/* Whether this connection encrypts what it sends; a stream of HTTP/2 leaves that to another one. */
static bool is_tls(request_rec *r)
{
    return !r->connection->master && ap_ssl_conn_is_ssl(r->connection);
}

/* Few large ranges go as file buckets, which cost a slow client no memory. CPU of 1.5 MB against a copy:
 *   HTTP/1.1   1.2, over loopback: a copy that a network card fetches costs more, what sendfile() hands over less
 *   HTTP/2     0.35, over TLS 0.48: a stream passes copies on in pieces of 64 KB, waiting each time, files at once
 *   TLS        1.35: mod_ssl reads files 8 KB at a time. Copied. */
static bool kernel_sends(request_rec *r, const jo_body *b, int mode, int most)
{
    int ranges = 0;
    int64_t bytes = 0;
    if (mode == JO_SEND_FILE_OFF || is_tls(r))
        return false;
    for (int i = 0; i < b->count; i++) {
        jo_source *src = b->parts[i].source;
        if (!src)
            continue;
        if (++ranges > most || !jo_source_file(src) ||
            (mode == JO_SEND_FILE_AUTO && src->id.network))
            return false;
        bytes += b->parts[i].length;
    }
    return ranges > 0 && bytes / ranges >= MIN_FILE_RANGE;
}

/* ---- buckets */

/* Copies the bytes of a large range up to the next page, and returns how many. sendfile() hands over 16 pages at a time;
 * where the first of them is a part, no packet is full: 200 KB over loopback took 75 µs from the middle of a page, 30 to
 * 40 from its start. */
static apr_status_t add_page_rest(jo_ctx *cx, apr_bucket_brigade *bb, const jo_part *p, size_t *len)
{
    *len = p->length < MIN_PAGED ? 0 : (size_t)(-(uint64_t)p->offset & (PAGE - 1));
    if (*len == 0)
        return APR_SUCCESS;
    char *data = apr_bucket_alloc(*len, bb->bucket_alloc);
    apr_status_t rc = jo_source_read(cx, p->source, p->offset, *len, data);
    if (rc == APR_SUCCESS)
        APR_BRIGADE_INSERT_TAIL(
            bb, apr_bucket_heap_create(data, *len, apr_bucket_free, bb->bucket_alloc));
    else
        apr_bucket_free(data);
    return rc;
}

/* A file bucket of a source, of which every range is a copy with other bounds: copies share the descriptor's owner, so that a
 * connection that keeps them for later duplicates it rightly. */
typedef struct origin_file {
    struct origin_file *next;
    jo_source *source;
    apr_bucket *whole;
} origin_file;

typedef struct files {
    apr_pool_t *pool; /* the buckets' */
    bool own; /* descriptors of its own, for a source that is still needed after the brigade */
    origin_file *list;
} files;

static apr_status_t find_file(jo_ctx *cx, files *f, jo_source *src, apr_bucket_alloc_t *alloc,
                              apr_bucket **whole)
{
    apr_file_t *file = jo_source_file(src);
    origin_file *o = f->list;
    while (o && o->source != src)
        o = o->next;
    if (!o) {
        apr_status_t rv = f->own ? apr_file_dup(&file, file, f->pool) : APR_SUCCESS;
        if (rv != APR_SUCCESS)
            return jo_fail(cx, JO_EBUSY, "%s: no descriptor is left", src->name);
        o = apr_palloc(f->pool, sizeof *o);
        *o = (origin_file){f->list, src, apr_bucket_file_create(file, 0, 1, f->pool, alloc)};
        apr_bucket_file_enable_mmap(o->whole,
                                    0); /* a mapped file that is cut off kills the process */
        f->list = o;
    }
    *whole = o->whole;
    return APR_SUCCESS;
}

static apr_status_t add_file_range(jo_ctx *cx, apr_bucket_brigade *bb, const jo_part *p, files *f)
{
    apr_bucket *whole, *e;
    size_t done;
    apr_status_t rc = find_file(cx, f, p->source, bb->bucket_alloc, &whole);
    if (rc == APR_SUCCESS)
        rc = add_page_rest(cx, bb, p, &done);
    if (rc != APR_SUCCESS)
        return rc;
    apr_bucket_copy(whole, &e);
    e->start = p->offset + (apr_off_t)done;
    e->length = (apr_size_t)p->length - done;
    APR_BRIGADE_INSERT_TAIL(bb, e);
    return rc;
}

static apr_status_t add_file_parts(jo_ctx *cx, apr_bucket_brigade *bb, const jo_body *b, files *f)
{
    apr_status_t rc = APR_SUCCESS;
    for (int i = 0; i < b->count && rc == APR_SUCCESS; i++) {
        const jo_part *p = &b->parts[i];
        if (p->source)
            rc = add_file_range(cx, bb, p, f);
        else
            APR_BRIGADE_INSERT_TAIL(
                bb, apr_bucket_heap_create(p->data, (apr_size_t)p->length, NULL, bb->bucket_alloc));
    }
    for (origin_file *o = f->list; o; o = o->next)
        apr_bucket_destroy(o->whole);
    return rc;
}

/* Whether the body may go out block by block as the client takes it, without a thread that waits: not where a connection
 * filter would take all of it at once (TLS), nor on another thread (HTTP/2). */
static bool can_wait_unread(request_rec *r)
{
    return !r->connection->master && !is_tls(r);
}

static apr_status_t add_buffer(jo_ctx *cx, apr_bucket_brigade *bb, const jo_body *b)
{
    bool small = b->length <= SMALL_BODY;
    size_t len = (size_t)b->length;
    void (*release)(void *) = small ? apr_bucket_free : jo_buffer_free;
    void *data = small ? apr_bucket_alloc(len, bb->bucket_alloc) : jo_buffer_make(len);
    if (!data)
        return jo_fail(cx, JO_EBUSY, "no memory for %" APR_INT64_T_FMT " bytes", b->length);
    apr_status_t rc = jo_unread_fetch(cx, b, 0, len, data);
    if (rc != APR_SUCCESS) {
        release(data);
        return rc;
    }
    apr_bucket *e = apr_bucket_heap_create(data, len, release, bb->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, e);
    return APR_SUCCESS;
}

static apr_status_t add_copy(request_rec *r, jo_ctx *cx, apr_bucket_brigade *bb, const jo_body *b)
{
    jo_buffer_trim();
    if (b->length <= SMALL_BODY || jo_buffer_charge(r->pool, (size_t)b->length))
        return add_buffer(cx, bb, b);
    if (can_wait_unread(r) && !b->made)
        return jo_unread_add(r, cx, bb, b);
    return jo_fail(cx, JO_EBUSY,
                   "bodies that wait for their clients have used up JitOriginSendMemory");
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

/* The body in one brigade. */
static apr_status_t send_whole(request_rec *r, jo_ctx *cx, const jo_body *body, int mode,
                               int *result)
{
    apr_bucket_brigade *bb = brigade_make(r);
    files f = {.pool = r->pool};
    apr_status_t rc = APR_SUCCESS;

    if (!r->header_only && kernel_sends(r, body, mode, MAX_FILE_RANGES))
        rc = add_file_parts(cx, bb, body, &f);
    else if (!r->header_only && body->length)
        rc = add_copy(r, cx, bb, body);
    if (rc != APR_SUCCESS)
        return rc;
    ap_set_content_length(r, body->length);
    *result = pass(r, bb);
    return APR_SUCCESS;
}

/* ---- produced bodies: block by block */

/* One number of a range; false if there is none that counts. */
static bool read_offset(const char **at, int64_t *out)
{
    char *end;
    if (!apr_isdigit(**at))
        return false;
    errno = 0;
    *out = apr_strtoi64(*at, &end, 10);
    *at = end;
    return errno == 0 || errno == ERANGE;
}

/* The one range that is asked for: 14.1.2 of RFC 9110. What is none asks for all; jo_reply_range() has refused those past
 * the end and dropped lists of them. */
static bool read_range(request_rec *r, int64_t length, int64_t *from, int64_t *end)
{
    const char *at = apr_table_get(r->headers_in, "Range");
    int64_t first, last = length - 1;

    if (!at || length == 0 || strncasecmp(at, "bytes=", 6) != 0 ||
        ap_condition_if_range(r, r->headers_out) == AP_CONDITION_NOMATCH)
        return false;
    at += 6;
    if (*at == '-') {
        at++;
        if (!read_offset(&at, &first) || first == 0)
            return false;
        first = first < length ? length - first : 0;
    } else if (!read_offset(&at, &first) || *at++ != '-' ||
               (apr_isdigit(*at) && !read_offset(&at, &last)) || first > last || first >= length) {
        return false;
    }
    if (*at != '\0')
        return false;
    *from = first;
    *end = last < length ? last + 1 : length;
    return true;
}

static void set_range(request_rec *r, int64_t length, int64_t from, int64_t end)
{
    r->status = HTTP_PARTIAL_CONTENT;
    apr_table_setn(r->headers_out, "Content-Range",
                   apr_psprintf(r->pool,
                                "bytes %" APR_INT64_T_FMT "-%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT,
                                from, end - 1, length));
}

typedef struct download {
    request_rec *r;
    jo_ctx *cx;
    const jo_body *body;
    int mode;   /* JO_SEND_FILE_… */
    bool waits; /* for each block to be sent; else one is all, and may wait without a thread */
    apr_pool_t *scratch; /* of the block that is being passed */
} download;

/* Appends bytes [from, from+len). What lives in `scratch` is needed until the brigade has been passed: among it files of
 * its own, because who keeps a file bucket for later takes its descriptor away. What waits without a thread costs no more
 * descriptors, and is counted as memory, as any body. */
static apr_status_t add_block(download *d, apr_bucket_brigade *bb, int64_t from, int64_t len)
{
    files f = {.pool = d->scratch, .own = true};
    jo_body plain;
    apr_pool_clear(d->scratch);
    jo_body_init(&plain, d->scratch);
    apr_status_t rc = jo_body_slice(d->cx, d->body, from, len, &plain);
    if (rc != APR_SUCCESS)
        return rc;
    if (can_wait_unread(d->r) &&
        kernel_sends(d->r, &plain, d->mode, d->waits ? MAX_BLOCK_RANGES : MAX_FILE_RANGES))
        return add_file_parts(d->cx, bb, &plain, &f);
    return d->waits ? add_buffer(d->cx, bb, &plain) : add_copy(d->r, d->cx, bb, &plain);
}

/* Ends a response short of its length: the connection is closed (HTTP/2: the stream is reset), no cache keeps it. */
static int break_off(request_rec *r, apr_bucket_brigade *bb)
{
    apr_brigade_cleanup(bb);
    r->no_cache = 1;
    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(
        bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_pass_brigade(r->output_filters, bb);
    return OK;
}

/* Waits until the client has taken what is in the brigade; false: it left. */
static bool drain(request_rec *r, apr_bucket_brigade *bb)
{
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    apr_status_t rv = ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
    if (rv == APR_SUCCESS && !r->connection->aborted)
        return true;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, r, "the client left");
    r->connection->aborted = 1;
    return false;
}

/* The blocks after the first, each once the client has taken the one before. */
static int send_blocks(download *d, apr_bucket_brigade *bb, int64_t from, int64_t end)
{
    request_rec *r = d->r;
    while (d->waits) {
        if (!drain(r, bb))
            return OK;
        if (from == end)
            break;
        int64_t n = end - from < BLOCK ? end - from : BLOCK;
        apr_status_t rc = add_block(d, bb, from, n);
        if (rc != APR_SUCCESS) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "breaks off: %s", d->cx->message);
            return break_off(r, bb);
        }
        from += n;
    }
    return pass(r, bb);
}

static apr_status_t download_begin(jo_ctx *cx)
{
    apr_uint32_t before = apr_atomic_inc32(&downloads.count);
    if (!downloads.most || before < downloads.most)
        return APR_SUCCESS;
    apr_atomic_dec32(&downloads.count);
    return jo_fail(cx, JO_EBUSY, "as many downloads as JitOriginMaxDownloads allows are under way");
}

/* part: the answer to a range. */
static apr_status_t send_from(download *d, bool part, int64_t from, int64_t end, int *result)
{
    int64_t n = end - from < BLOCK ? end - from : BLOCK;
    apr_bucket_brigade *bb = brigade_make(d->r);
    apr_status_t rc = add_block(d, bb, from, n);

    if (rc == APR_SUCCESS) {
        if (part)
            set_range(d->r, d->body->length, from, end);
        ap_set_content_length(d->r, end - from);
        *result = send_blocks(d, bb, from + n, end);
    }
    return rc;
}

static apr_status_t send_produced(request_rec *r, jo_ctx *cx, const jo_body *body, int mode,
                                  int *result)
{
    download d = {.r = r, .cx = cx, .body = body, .mode = mode};
    int64_t from = 0, end = body->length;

    if (r->header_only) {
        ap_set_content_length(r, body->length);
        *result = pass(r, brigade_make(r));
        return APR_SUCCESS;
    }
    apr_pool_create(&d.scratch, r->pool);
    bool part = read_range(r, body->length, &from, &end);
    d.waits = end - from > BLOCK;
    if (!d.waits)
        return send_from(&d, part, from, end, result);
    apr_status_t rc = download_begin(cx);
    if (rc == APR_SUCCESS) {
        rc = send_from(&d, part, from, end, result);
        apr_atomic_dec32(&downloads.count);
    }
    return rc;
}

void jo_send_limits(size_t memory, unsigned most)
{
    jo_buffer_limit(memory);
    downloads.most = most;
}

apr_status_t jo_send_body(request_rec *r, jo_ctx *cx, const jo_body *body, int mode, int *result)
{
    return body->produced ? send_produced(r, cx, body, mode, result)
                          : send_whole(r, cx, body, mode, result);
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
