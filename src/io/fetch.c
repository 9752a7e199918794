#include "fetch.h"

#include "../base/status.h"

#define GAP_MAX (64 * 1024) /* reading over a gap is cheaper than another read up to about here */
#define PIECES  256         /* of one read */

void jo_fetch_init(jo_ctx *cx, jo_fetch *f)
{
    *f = (jo_fetch){.cx = cx, .pieces = apr_palloc(cx->pool, sizeof(*f->pieces) * PIECES)};
}

static void add_piece(jo_fetch *f, void *to, size_t len)
{
    struct iovec *last = f->count ? &f->pieces[f->count - 1] : NULL;

    if (last && (char *)last->iov_base + last->iov_len == to)
        last->iov_len += len;
    else
        f->pieces[f->count++] = (struct iovec){to, len};
    f->to += (int64_t)len;
}

static bool follows(const jo_fetch *f, const jo_source *src, int64_t off)
{
    return f->count > 0 && f->count + 2 <= PIECES && src == f->source && off >= f->to &&
           off - f->to <= GAP_MAX;
}

apr_status_t jo_fetch_add(jo_fetch *f, jo_source *src, int64_t off, size_t len, void *to)
{
    if (len == 0)
        return f->cx->code;
    if (!follows(f, src, off)) {
        jo_fetch_done(f);
        f->source = src;
        f->from = f->to = off;
    }
    if (off > f->to) {
        f->junk = f->junk ? f->junk : apr_palloc(f->cx->pool, GAP_MAX);
        add_piece(f, f->junk, (size_t)(off - f->to));
    }
    add_piece(f, to, len);
    return f->cx->code;
}

apr_status_t jo_fetch_done(jo_fetch *f)
{
    if (f->count > 0 && f->cx->code == APR_SUCCESS)
        jo_source_scatter(f->cx, f->source, f->from, f->pieces, f->count);
    f->count = 0;
    return f->cx->code;
}
