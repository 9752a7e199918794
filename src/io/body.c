#include "body.h"

#include "../base/status.h"

#include <stdlib.h>
#include <string.h>

#define GAP_MAX (64 * 1024) /* reading over a gap is cheaper than another read up to about here */
#define PIECES  128         /* of one read */

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

void jo_body_add_made(jo_body *b, const jo_maker *m, int64_t len)
{
    *add_part(b) = (jo_part){.maker = m, .length = len};
    b->length += len;
    b->made = true;
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

/* Parts from rq->i on that one read brings. */
typedef struct group {
    struct iovec pieces[PIECES];
    int npieces, nparts;
    int64_t length; /* of the parts, without the gaps between them */
} group;

static void add_piece_at(group *g, char *at, int64_t len)
{
    g->pieces[g->npieces++] = (struct iovec){at, (size_t)len};
}

/* The bytes of a gap go where those of the next part will overwrite them. */
static void gather(const request *rq, char *at, group *g)
{
    jo_part last = piece(rq, rq->i, rq->len);

    g->npieces = g->nparts = 0;
    g->length = 0;
    for (jo_part next = last;; next = piece(rq, rq->i + g->nparts, rq->len - g->length)) {
        int64_t gap = g->nparts ? next.offset - (last.offset + last.length) : 0;
        if (next.source != last.source || gap < 0 || gap > GAP_MAX || gap > rq->len - g->length ||
            g->npieces + 2 > PIECES)
            return;
        if (gap > 0)
            add_piece_at(g, at + g->length, gap);
        add_piece_at(g, at + g->length, next.length);
        g->length += next.length;
        g->nparts++;
        last = next;
        if (g->length == rq->len)
            return;
    }
}

static apr_status_t read_plain(jo_ctx *cx, const jo_body *b, int64_t from, int64_t len, char *at)
{
    request rq = {b, 0, from, len};
    group g;

    for (; rq.i < b->count && rq.skip >= b->parts[rq.i].length; rq.i++)
        rq.skip -= b->parts[rq.i].length;
    while (rq.len > 0) {
        jo_part p = piece(&rq, rq.i, rq.len);
        if (p.data) {
            memcpy(at, p.data, (size_t)p.length);
            g.length = p.length;
            g.nparts = 1;
        } else {
            gather(&rq, at, &g);
            apr_status_t rv = jo_source_scatter(cx, p.source, p.offset, g.pieces, g.npieces);
            if (rv != APR_SUCCESS)
                return rv;
        }
        at += g.length;
        rq = (request){b, rq.i + g.nparts, 0, rq.len - g.length};
    }
    return APR_SUCCESS;
}

static apr_status_t read_made(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf)
{
    const jo_maker *m = b->parts[0].maker;

    if ((int64_t)len == b->length)
        return m->make(cx, m, buf);
    char *all = malloc((size_t)b->length);
    if (!all)
        return jo_fail(cx, JO_EBUSY, "no memory for %lld bytes", (long long)b->length);
    apr_status_t rv = m->make(cx, m, all);
    if (rv == APR_SUCCESS)
        memcpy(buf, all + from, len);
    free(all);
    return rv;
}

apr_status_t jo_body_read(jo_ctx *cx, const jo_body *b, int64_t from, size_t len, void *buf)
{
    apr_status_t rv = check_bounds(cx, b, from, len > INT64_MAX ? -1 : (int64_t)len);
    jo_body plain;

    if (rv != APR_SUCCESS || len == 0)
        return rv;
    if (b->made)
        return read_made(cx, b, from, len, buf);
    if (!b->produced)
        return read_plain(cx, b, from, (int64_t)len, buf);
    jo_body_init(&plain, NULL);
    apr_pool_create(&plain.pool, cx->pool);
    rv = jo_body_slice(cx, b, from, (int64_t)len, &plain);
    if (rv == APR_SUCCESS)
        rv = read_plain(cx, &plain, 0, (int64_t)len, buf);
    apr_pool_destroy(plain.pool);
    return rv;
}
