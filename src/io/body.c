#include "body.h"

#include "../base/status.h"

#include <string.h>

#define GAP_MAX (64 * 1024) /* reading over a gap is cheaper than another read up to about here */

void jo_body_init(jo_body *b, apr_pool_t *pool)
{
    *b = (jo_body){.pool = pool};
}

static jo_part *add_part(jo_body *b)
{
    if (b->count == b->cap) {
        int cap = b->cap ? b->cap * 2 : 8;
        jo_part *parts = apr_palloc(b->pool, (size_t)cap * sizeof *parts);
        if (b->count)
            memcpy(parts, b->parts, (size_t)b->count * sizeof *parts);
        b->parts = parts;
        b->cap = cap;
    }
    return &b->parts[b->count++];
}

void jo_body_add_memory(jo_body *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    *add_part(b) = (jo_part){.data = data, .length = (int64_t)len};
    b->length += (int64_t)len;
}

void jo_body_add_range(jo_body *b, jo_source *src, int64_t off, int64_t len)
{
    jo_part *last = b->count ? &b->parts[b->count - 1] : NULL;

    if (len <= 0)
        return;
    if (last && last->source == src && last->offset + last->length == off)
        last->length += len;
    else
        *add_part(b) = (jo_part){.source = src, .offset = off, .length = len};
    b->length += len;
}

void jo_body_add_produced(jo_body *b, const jo_producer *p, int64_t len)
{
    if (len <= 0)
        return;
    *add_part(b) = (jo_part){.producer = p, .length = len};
    b->length += len;
    b->produced = true;
}

static apr_status_t check_bounds(jo_ctx *cx, const jo_body *b, int64_t from, int64_t len)
{
    return from >= 0 && len >= 0 && from <= b->length && len <= b->length - from
               ? APR_SUCCESS
               : jo_fail(cx, JO_EBUG, "%lld bytes at %lld of a body of %lld", (long long)len,
                         (long long)from, (long long)b->length);
}

/* Bytes [skip, skip+len) of a part. */
static apr_status_t add_piece(jo_ctx *cx, const jo_part *p, int64_t skip, int64_t len, jo_body *out)
{
    if (p->data)
        jo_body_add_memory(out, (const char *)p->data + skip, (size_t)len);
    else if (p->source)
        jo_body_add_range(out, p->source, p->offset + skip, len);
    else {
        int64_t want = out->length + len;
        apr_status_t rv = p->producer->add(cx, p->producer, p->offset + skip, len, out);
        if (rv == APR_SUCCESS && out->length != want)
            rv = jo_fail(cx, JO_EBUG, "a producer is off by %lld bytes",
                         (long long)(out->length - want));
        return rv;
    }
    return APR_SUCCESS;
}

apr_status_t jo_body_slice(jo_ctx *cx, const jo_body *b, int64_t from, int64_t len, jo_body *out)
{
    apr_status_t rv = check_bounds(cx, b, from, len);

    for (int i = 0; i < b->count && len > 0 && rv == APR_SUCCESS; i++) {
        const jo_part *p = &b->parts[i];
        if (from < p->length) {
            int64_t n = p->length - from < len ? p->length - from : len;
            rv = add_piece(cx, p, from, n, out);
            from += n;
            len -= n;
        }
        from -= p->length;
    }
    return rv;
}

/* What is asked of a body from part `i` on: `skip` bytes into that part, `len` bytes in all. */
typedef struct request {
    const jo_body *body;
    int i;
    int64_t skip;
    int64_t len;
} request;

/* The piece of part k that a request starting at part rq->i needs; `left` bytes are still wanted. */
static jo_part piece(const request *rq, int k, int64_t left)
{
    jo_part p = rq->body->parts[k];
    int64_t skip = k == rq->i ? rq->skip : 0;

    p.offset += skip;
    p.length -= skip;
    if (p.data)
        p.data = (const char *)p.data + skip;
    if (p.length > left)
        p.length = left;
    return p;
}

/* Number of parts from rq->i on that one read into the room of the request can cover. */
static int near_parts(const request *rq, int64_t *span)
{
    jo_part first = piece(rq, rq->i, rq->len), last = first;
    int64_t left = rq->len - first.length;
    int n = 1;

    *span = first.length;
    while (left > 0) {
        jo_part next = piece(rq, rq->i + n, left);
        int64_t end = last.offset + last.length;
        if (next.source != first.source || next.offset < end || next.offset - end > GAP_MAX ||
            next.offset + next.length - first.offset > rq->len)
            break;
        *span = next.offset + next.length - first.offset;
        left -= next.length;
        last = next;
        n++;
    }
    return n;
}

/* Moves the pieces of n parts, read with their gaps into buf, together. Returns their length. */
static int64_t compact(const request *rq, int n, char *buf)
{
    int64_t origin = piece(rq, rq->i, rq->len).offset, done = 0;

    for (int k = 0; k < n; k++) {
        jo_part p = piece(rq, rq->i + k, rq->len - done);
        if (p.offset - origin != done)
            memmove(buf + done, buf + (p.offset - origin), (size_t)p.length);
        done += p.length;
    }
    return done;
}

static apr_status_t read_plain(jo_ctx *cx, const jo_body *b, int64_t from, int64_t len, char *at)
{
    request rq = {b, 0, from, len};

    for (; rq.i < b->count && rq.skip >= b->parts[rq.i].length; rq.i++)
        rq.skip -= b->parts[rq.i].length;
    while (rq.len > 0) {
        jo_part p = piece(&rq, rq.i, rq.len);
        int64_t span, done = p.length;
        int n = 1;
        if (p.data) {
            memcpy(at, p.data, (size_t)p.length);
        } else {
            n = near_parts(&rq, &span);
            apr_status_t rv = jo_source_read(cx, p.source, p.offset, (size_t)span, at);
            if (rv != APR_SUCCESS)
                return rv;
            done = compact(&rq, n, at);
        }
        at += done;
        rq = (request){b, rq.i + n, 0, rq.len - done};
    }
    return APR_SUCCESS;
}

apr_status_t jo_body_read(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf)
{
    apr_status_t rv = check_bounds(cx, b, from, len > INT64_MAX ? -1 : (int64_t)len);
    jo_body plain;

    if (rv != APR_SUCCESS || !b->produced)
        return rv == APR_SUCCESS ? read_plain(cx, b, from, (int64_t)len, buf) : rv;
    jo_body_init(&plain, NULL);
    apr_pool_create(&plain.pool, cx->pool);
    rv = jo_body_slice(cx, b, from, (int64_t)len, &plain);
    if (rv == APR_SUCCESS)
        rv = read_plain(cx, &plain, 0, (int64_t)len, buf);
    apr_pool_destroy(plain.pool);
    return rv;
}
