#include "status.h"

#include "text.h"

#include <stdarg.h>

const jo_limits jo_limits_default = {
    .descriptor_size = 4 << 20,
    .xml_depth = 32,
    .moov_size = 256 << 20,
    .samples = 16000000,
    .tracks = 128,
    .boxes = 1000000,
    .segments = 2000000,
    .segment_size = 256 << 20,
    .events_size = 1 << 20,
};

void jo_ctx_init(jo_ctx *cx, apr_pool_t *pool)
{
    *cx = (jo_ctx){.pool = pool, .limits = &jo_limits_default};
}

apr_status_t jo_fail(jo_ctx *cx, apr_status_t code, const char *fmt, ...)
{
    va_list args;

    if (cx->code != APR_SUCCESS)
        return cx->code;
    va_start(args, fmt);
    cx->message = jo_text_vformat(cx->pool, fmt, args);
    va_end(args);
    cx->code = code;
    return code;
}

apr_status_t jo_fail_in(jo_ctx *cx, const char *prefix)
{
    jo_text t;

    jo_text_init(&t, cx->pool, 0);
    jo_text_addf(&t, "%s: %s", prefix, cx->message ? cx->message : "");
    cx->message = t.s;
    return cx->code;
}

int jo_status_http(apr_status_t code)
{
    switch (code) {
    case APR_SUCCESS:
        return 200;
    case JO_EREQUEST:
        return 400;
    case JO_EFORBIDDEN:
        return 403;
    case JO_ENOTFOUND:
        return 404;
    case JO_EMEDIA:
        return 415;
    case JO_EREMOTE:
        return 502;
    case JO_EBUSY:
        return 503;
    case JO_ETIMEOUT:
        return 504;
    default:
        return 500;
    }
}
