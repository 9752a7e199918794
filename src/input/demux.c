#include "demux.h"

#include "../base/status.h"

static const jo_demuxer *const demuxers[] = {&jo_demuxer_mp4};

apr_status_t jo_demux_find(jo_ctx *cx, jo_source *src, const jo_demuxer **out)
{
    uint8_t head[64];
    size_t len = src->id.size < (int64_t)sizeof(head) ? (size_t)src->id.size : sizeof(head);

    *out = NULL;
    if (jo_source_read(cx, src, 0, len, head) != APR_SUCCESS) {
        return cx->code;
    }
    for (size_t i = 0; i < sizeof(demuxers) / sizeof(demuxers[0]); i++) {
        if (*out == NULL && demuxers[i]->probe(head, len)) {
            *out = demuxers[i];
        }
    }
    return APR_SUCCESS;
}

apr_status_t jo_demux(jo_ctx *cx, jo_source *src, jo_demuxed *out)
{
    const jo_demuxer *demuxer;

    if (jo_demux_find(cx, src, &demuxer) != APR_SUCCESS) {
        return cx->code;
    }
    if (demuxer == NULL) {
        return jo_fail(cx, JO_EMEDIA, "%s: not an MP4, MOV or CMAF file", src->name);
    }
    return demuxer->read(cx, src, out) == APR_SUCCESS ? APR_SUCCESS : jo_fail_in(cx, src->name);
}
