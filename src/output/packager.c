#include "packager.h"

const jo_packager *const jo_packagers[JO_PACKAGERS] = {&jo_packager_hls, &jo_packager_dash,
                                                       &jo_packager_mss, &jo_packager_progressive};

int64_t jo_packager_number(const jo_packager *packager, const jo_route *route,
                           const jo_presentation *p, const jo_plan *plan, int track, int segment)
{
    if (route->address == JO_BY_NUMBER) {
        return plan->base_number + segment;
    }
    return packager->segment_time ? packager->segment_time(p, plan, track, segment)
                                  : plan->tracks[track].cuts[segment].time;
}

jo_source *const *jo_resource_sources(jo_ctx *cx, const jo_presentation *p, const jo_resource *rs)
{
    jo_source **list = apr_pcalloc(cx->pool, sizeof(jo_source *) * ((size_t)p->nsources + 1));

    for (int i = 0, n = 0; i < p->nsources; i++) {
        if (rs->sources[i] != NULL) {
            list[n++] = rs->sources[i];
        }
    }
    return list;
}
