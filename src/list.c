#include "list.h"

#include "base/status.h"
#include "output/dash_set.h"
#include "plan/url_write.h"

#include <apr_tables.h>
#include <string.h>

static bool of_track(const jo_route *route)
{
    return strstr(route->pattern, "$T") != NULL || strstr(route->pattern, "$S") != NULL;
}

typedef struct lister {
    jo_ctx *cx;
    const jo_title *title;
    const jo_settings *settings;
    int packager; /* into jo_packagers */
    apr_array_header_t *found;
} lister;

static apr_status_t push(lister *l, const jo_route *route, int track, int segment, int64_t number)
{
    const jo_url_parts parts = {.base = l->title->base,
                                .token = track < 0 ? NULL : l->title->tokens[track],
                                .number = number};
    const jo_plan *plan = l->title->plans[l->packager];
    jo_listed *item = &APR_ARRAY_PUSH(l->found, jo_listed);

    *item = (jo_listed){.path = jo_url_make_path(l->cx->pool, route->pattern, &parts),
                        .packager = jo_packagers[l->packager],
                        .class = route->class,
                        .track = track,
                        .segment = segment};
    if (item->path == NULL) {
        return jo_fail(l->cx, JO_EBUG, "pattern %s can't be turned into a path", route->pattern);
    }
    if (segment >= 0) {
        const jo_cut *cut = &plan->tracks[track].cuts[segment];
        item->bytes = cut[1].bytes - cut[0].bytes;
    }
    return APR_SUCCESS;
}

static apr_status_t list_segments(lister *l, const jo_route *route, int track)
{
    const jo_packager *p = jo_packagers[l->packager];
    const jo_plan *plan = l->title->plans[l->packager];
    const jo_track_plan *tp = &plan->tracks[track];

    for (int i = route->silence ? 0 : tp->first; i < tp->last; i++) {
        bool listed = !jo_plan_empty(tp, i) || i < tp->first;
        int64_t number =
            listed ? jo_packager_number(p, route, l->title->presentation, plan, track, i) : -1;
        if (number >= 0 && push(l, route, track, i, number) != APR_SUCCESS) {
            return l->cx->code;
        }
    }
    return APR_SUCCESS;
}

/* Init segments of a track's second sample entry and up. */
static apr_status_t list_variants(lister *l, const jo_route *route, int track)
{
    for (int v = 2; v <= l->title->presentation->periods[0].tracks[track]->nvariants; v++) {
        if (push(l, route, track, -1, v) != APR_SUCCESS) {
            return l->cx->code;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t list_track(lister *l, const jo_route *route, int track)
{
    switch (route->address) {
    case JO_BY_NOTHING:
        return push(l, route, track, -1, 0);
    case JO_BY_VARIANT:
        return list_variants(l, route, track);
    default:
        return list_segments(l, route, track);
    }
}

static bool first_of_class(const jo_packager *p, const jo_route *route)
{
    const jo_route *first = p->routes;

    while (first->class != route->class) {
        first++;
    }
    return first == route;
}

/* Do manifests lead there? DASH answers for its segments by time and by number, and its MPD names one of them; Smooth's
 * other views of a fragment, and its manifest's other name, are for who knows of them. */
static bool is_named(const lister *l, const jo_route *route, int track)
{
    const jo_packager *p = jo_packagers[l->packager];
    const jo_plan *plan = l->title->plans[l->packager];

    switch (p->format) {
    case JO_DASH:
        return route->class != JO_CLASS_SEGMENT ||
               jo_dash_by_time(l->title->options.mpd_template, &plan->tracks[track]) ==
                   (route->address == JO_BY_TIME);
    case JO_SMOOTH:
        return first_of_class(p, route);
    default:
        return true;
    }
}

static apr_status_t list_route(lister *l, const jo_route *route)
{
    const jo_selection *s = &l->title->selections[l->packager];
    jo_track *const *tracks = l->title->presentation->periods[0].tracks;

    if (route->enabled && !route->enabled(l->settings)) {
        return APR_SUCCESS;
    }
    if (!of_track(route)) {
        return is_named(l, route, -1) ? push(l, route, -1, -1, 0) : APR_SUCCESS;
    }
    for (int i = 0; i < s->ntracks; i++) {
        if (!is_named(l, route, s->tracks[i]) ||
            (route->serves && !route->serves(tracks[s->tracks[i]]))) {
            continue;
        }
        if (list_track(l, route, s->tracks[i]) != APR_SUCCESS) {
            return l->cx->code;
        }
    }
    return APR_SUCCESS;
}

/* 0: segments and inits, 1: manifests of a track, 2: of the title */
static int rank(const jo_route *route)
{
    return route->class != JO_CLASS_MANIFEST ? 0 : of_track(route) ? 1 : 2;
}

static apr_status_t list_rank(lister *l, int rank_wanted)
{
    const jo_packager *p = jo_packagers[l->packager];

    for (int k = 0; k < p->nroutes; k++) {
        if (rank(&p->routes[k]) == rank_wanted && list_route(l, &p->routes[k]) != APR_SUCCESS) {
            return l->cx->code;
        }
    }
    return APR_SUCCESS;
}

apr_status_t jo_title_list(jo_ctx *cx, const jo_title *t, unsigned formats,
                           const jo_settings *settings, jo_listed **out, int *count)
{
    lister l = {cx, t, settings, 0, apr_array_make(cx->pool, 1024, sizeof(jo_listed))};
    apr_array_header_t *hls[JO_LIST_RANKS] = {NULL};

    for (int step = 0; step < JO_LIST_RANKS; step++) {
        for (l.packager = 0; l.packager < JO_PACKAGERS; l.packager++) {
            unsigned format = jo_packagers[l.packager]->format;
            if (!(format & formats) || t->selections[l.packager].ntracks == 0) {
                continue;
            }
            if (format != JO_HLS) {
                list_rank(&l, step);
            } else if (hls[0] != NULL || jo_list_hls(cx, t, settings, hls) == APR_SUCCESS) {
                apr_array_cat(l.found, hls[step]);
            }
            if (cx->code != APR_SUCCESS) {
                return cx->code;
            }
        }
    }
    *out = (jo_listed *)l.found->elts;
    *count = l.found->nelts;
    return APR_SUCCESS;
}
