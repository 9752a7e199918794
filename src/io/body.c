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

apr_status_t jo_body_read(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf)
{
    request rq = {b, 0, from, (int64_t)len};
    char *at = buf;

    if (from < 0 || from > b->length || len > (uint64_t)(b->length - from))
        return jo_fail(cx, JO_EBUG, "%zu bytes at %lld of a body of %lld", len, (long long)from,
                       (long long)b->length);
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
