#include "mp4_box.h"

#include "../base/status.h"

#include <stdlib.h>
#include <sys/mman.h>

bool jo_box_next(jo_reader *r, jo_box *box)
{
    size_t left = jo_reader_left(r);

    if (left < 8) {
        return false; /* the end, or QuickTime's four zero bytes */
    }
    uint64_t size = jo_read_u32(r);
    uint64_t header = 8;
    box->type = jo_read_u32(r);
    if (size == 1) {
        size = jo_read_u64(r);
        header = 16;
    } else if (size == 0) {
        if (box->type == 0) {
            return false; /* padding */
        }
        size = left;
    }
    if (r->failed || size < header || size > left) {
        r->failed = true;
        return false;
    }
    box->body = jo_read_sub(r, (size_t)(size - header));
    return !r->failed;
}

bool jo_box_find(jo_reader r, uint32_t type, jo_reader *body)
{
    jo_box box;

    while (jo_box_next(&r, &box)) {
        if (box.type == type) {
            *body = box.body;
            return true;
        }
    }
    return false;
}

uint8_t jo_box_version(jo_reader *body, uint32_t *flags)
{
    uint32_t v = jo_read_u32(body);

    *flags = v & 0xffffff;
    return (uint8_t)(v >> 24);
}

apr_status_t jo_top_box_read(jo_ctx *cx, jo_source *src, int64_t offset, jo_top_box *out)
{
    uint8_t head[16];
    int64_t left = src->id.size - offset;
    jo_reader r;

    if (left < 8) {
        return APR_EOF;
    }
    size_t n = left < 16 ? 8 : 16;
    if (jo_source_read(cx, src, offset, n, head) != APR_SUCCESS) {
        return cx->code;
    }
    jo_reader_init(&r, head, n);
    uint64_t size = jo_read_u32(&r);
    out->type = jo_read_u32(&r);
    out->offset = offset;
    out->header = 8;
    if (size == 1) {
        size = jo_read_u64(&r);
        out->header = 16;
    } else if (size == 0) {
        size = (uint64_t)left;
    }
    if (r.failed || size < (uint64_t)out->header || size > INT64_MAX / 2) {
        return jo_fail(cx, JO_EMEDIA, "box at byte %" APR_INT64_T_FMT " has an impossible size",
                       offset);
    }
    out->size = (int64_t)size;
    out->cut = out->size > left;
    return APR_SUCCESS;
}

static apr_status_t free_buffer(void *buf)
{
    free(buf);
    return APR_SUCCESS;
}

#ifdef MADV_POPULATE_WRITE
#define PAGE 4096

/* All pages of a large buffer at once: a fault for each takes longer than to read into it. */
static void populate(uint8_t *buf, size_t size)
{
    uintptr_t from = ((uintptr_t)buf + PAGE - 1) / PAGE * PAGE;

    if (size >= 64 * PAGE) {
        madvise((void *)from, ((uintptr_t)buf + size - from) / PAGE * PAGE, MADV_POPULATE_WRITE);
    }
}
#else
#define populate(buf, size) ((void)0)
#endif

/* Not from the pool: a large moov goes back to the system, and sanitizers see reads beyond it. */
apr_status_t jo_top_box_load(jo_ctx *cx, jo_source *src, const jo_top_box *box, jo_reader *payload)
{
    char type[5] = {(char)(box->type >> 24), (char)(box->type >> 16), (char)(box->type >> 8),
                    (char)box->type, '\0'};
    int64_t size = box->size - box->header;

    if (box->cut) {
        return jo_fail(cx, JO_EMEDIA,
                       "%s at byte %" APR_INT64_T_FMT " is cut short: it needs %" APR_INT64_T_FMT
                       " bytes, the file ends after %" APR_INT64_T_FMT,
                       type, box->offset, box->size, src->id.size - box->offset);
    }
    if ((uint64_t)size > cx->limits->moov_size) {
        return jo_fail(cx, JO_EMEDIA,
                       "%s at byte %" APR_INT64_T_FMT " is larger than %" APR_SIZE_T_FMT " bytes",
                       type, box->offset, cx->limits->moov_size);
    }
    uint8_t *buf = malloc(size > 0 ? (size_t)size : 1);
    if (buf == NULL) {
        return jo_fail(cx, JO_EBUSY, "no memory for a box of %" APR_INT64_T_FMT " bytes", size);
    }
    *buf = 0;
    populate(buf, (size_t)size);
    apr_pool_cleanup_register(cx->pool, buf, free_buffer, apr_pool_cleanup_null);
    if (jo_source_read(cx, src, box->offset + box->header, (size_t)size, buf) != APR_SUCCESS) {
        return cx->code;
    }
    jo_reader_init(payload, buf, (size_t)size);
    return APR_SUCCESS;
}
