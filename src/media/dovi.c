#include "dovi.h"

#include "codec.h"
#include "sample_entry.h"

#include <apr_strings.h>

#define DVCC JO_FOURCC('d', 'v', 'c', 'C')
#define DVVC JO_FOURCC('d', 'v', 'v', 'C')
#define DVWC JO_FOURCC('d', 'v', 'w', 'C')

bool jo_dovi_read(const jo_track *t, jo_dovi *out)
{
    jo_reader r;

    if (!jo_entry_child(t, DVCC, &r) && !jo_entry_child(t, DVVC, &r) &&
        !jo_entry_child(t, DVWC, &r)) {
        return false;
    }
    jo_read_skip(&r, 2); /* version */
    unsigned v = jo_read_u16(&r);
    out->profile = (uint8_t)(v >> 9);
    out->level = v >> 3 & 63;
    out->compatibility = jo_read_u8(&r) >> 4;
    return !r.failed && out->profile > 0;
}

bool jo_dovi_alone(const jo_dovi *d)
{
    return d->profile == 5 || (d->profile == 10 && d->compatibility == 0);
}

bool jo_dovi_named(const jo_track *t)
{
    jo_dovi d;

    switch (t->fourcc) {
    case JO_FOURCC('d', 'v', 'h', '1'):
    case JO_FOURCC('d', 'v', 'h', 'e'):
    case JO_FOURCC('d', 'v', 'a', '1'):
    case JO_FOURCC('d', 'v', 'a', 'v'):
    case JO_FOURCC('d', 'a', 'v', '1'):
        return true;
    default:
        return jo_dovi_read(t, &d) && jo_dovi_alone(&d);
    }
}

/* Registered at mp4ra.org. Id 4 is HLG, or its SDR form (transfer 14) with HLG told by SEI. */
static const char *brand(const jo_track *t, const jo_dovi *d)
{
    switch (d->compatibility) {
    case 1:
        return "db1p";
    case 2:
        return "db2g";
    case 4:
        return t->colour.known && t->colour.transfer == 14 ? "db4g" : "db4h";
    default:
        return NULL;
    }
}

void jo_dovi_describe(jo_ctx *cx, jo_track *t, const char *name)
{
    jo_dovi d;

    t->supplemental = NULL;
    if (jo_dovi_named(t) || !jo_dovi_read(t, &d) || d.profile < 8 || brand(t, &d) == NULL) {
        return;
    }
    t->supplemental =
        apr_psprintf(cx->pool, "%s.%02u.%02u/%s", name, d.profile, d.level, brand(t, &d));
}

const char *jo_dovi_rfc6381(apr_pool_t *pool, const jo_track *t, const char *name)
{
    jo_dovi d;

    return jo_dovi_read(t, &d) ? apr_psprintf(pool, "%s.%02u.%02u", name, d.profile, d.level)
                               : NULL;
}

void jo_dovi_write(const jo_track *t, jo_writer *w)
{
    static const uint32_t boxes[] = {
        DVCC, DVVC, DVWC, JO_FOURCC('h', 'v', 'c', 'E'), JO_FOURCC('a', 'v', 'c', 'E'), 0};

    jo_entry_copy_boxes(w, t, boxes);
}
