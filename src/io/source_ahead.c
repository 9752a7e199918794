/* Reading ahead: what walks over boxes wants 16 bytes here, 16 there and a few hundred in between. */
#include "source.h"

#include <apr_strings.h>
#include <string.h>

/* Bytes: a moof of two seconds and the header behind it. More costs more to copy than it saves. */
#define AHEAD 2048

typedef struct ahead_source {
    jo_source source; /* first */
    jo_source *inner;
    int64_t at; /* of what is held */
    size_t len;
    uint8_t held[AHEAD];
} ahead_source;

static apr_status_t ahead_read(jo_ctx *cx, jo_source *src, int64_t off, size_t len, void *buf)
{
    ahead_source *a = (ahead_source *)src;

    if (len > AHEAD) {
        return jo_source_read(cx, a->inner, off, len, buf);
    }
    if (off < a->at || off + (int64_t)len > a->at + (int64_t)a->len) {
        int64_t left = src->id.size - off;
        size_t n = left < AHEAD ? (size_t)left : AHEAD;
        a->len = 0;
        if (jo_source_read(cx, a->inner, off, n, a->held) != APR_SUCCESS) {
            return cx->code;
        }
        a->at = off;
        a->len = n;
    }
    memcpy(buf, a->held + (off - a->at), len);
    return APR_SUCCESS;
}

static void ahead_want(jo_source *src, int64_t off, size_t len)
{
    jo_source_want(((ahead_source *)src)->inner, off, len);
}

static apr_file_t *ahead_file(jo_source *src)
{
    return jo_source_file(((ahead_source *)src)->inner);
}

static const jo_source_ops ahead_ops = {"ahead", ahead_want, ahead_read, NULL, ahead_file};

jo_source *jo_source_ahead(apr_pool_t *pool, jo_source *src)
{
    ahead_source *a = apr_palloc(pool, sizeof(*a));

    a->source = *src;
    a->source.ops = &ahead_ops;
    a->inner = src;
    a->at = 0;
    a->len = 0;
    return &a->source;
}
