#include "find.h"

#include "base/crypto.h"
#include "base/status.h"
#include "media/codec.h"
#include "output/hls_container.h"
#include "output/hls_ts.h"
#include "plan/keyframes.h"
#include "plan/url.h"
#include "plan/url_write.h"

#include <apr_strings.h>
#include <string.h>

/* -- folders before the path ------------------------------------------------------------------------------ */

#define VERSION       "v-"
#define VERSION_CHARS 16

typedef struct folders {
    const char *version; /* "v-<fingerprint>/", NULL none */
    bool clipped;
    jo_clip clip;
    const char *path; /* what follows */
} folders;

static folders split_folders(apr_pool_t *pool, const char *vpath)
{
    folders f = {.path = vpath};
    size_t n = strlen(VERSION) + VERSION_CHARS;

    if (!strncmp(vpath, VERSION, strlen(VERSION)) && strcspn(vpath, "/") == n && vpath[n] == '/') {
        f.version = apr_pstrmemdup(pool, vpath, n + 1);
        f.path += n + 1;
    }
    f.clipped = jo_clip_read_folder(pool, &f.path, &f.clip);
    return f;
}

/* Of all that makes an init or media segment what it is, but the URL. */
static const char *make_version(jo_ctx *cx, const jo_title *t, const jo_settings *settings)
{
    uint8_t digest[JO_SHA256_SIZE];
    jo_sha256 *h = jo_sha256_make(cx->pool);

    jo_sha256_add_str(h, JO_OUTPUT_VERSION);
    jo_sha256_add_int(h, settings->keep_sample_entry);
    jo_sha256_add_int(h, settings->cmaf_urls);
    jo_sha256_add_str(h, t->hash);
    jo_sha256_finish(h, digest);
    return apr_pstrcat(cx->pool, VERSION, jo_hex(cx->pool, digest, VERSION_CHARS / 2), "/", NULL);
}

/* -- segments --------------------------------------------------------------------------------------------- */

static int look_up(const jo_found *f, const jo_url_match *m)
{
    if (f->route->address == JO_BY_NUMBER) {
        return jo_plan_find_number(f->plan, m->number);
    }
    return f->packager->find_time
               ? f->packager->find_time(f->presentation, f->plan, m->track, m->number)
               : jo_plan_find_time(f->plan, m->track, m->number);
}

static bool is_empty(const jo_found *f, const jo_url_match *m)
{
    int i = f->resource.segment;

    return jo_plan_empty(&f->plan->tracks[m->track], i) &&
           (m->sound < 0 || jo_plan_empty(&f->plan->tracks[m->sound], i));
}

static apr_status_t find_segment(jo_ctx *cx, const jo_title *t, jo_found *f, const jo_url_match *m)
{
    const jo_track_plan *tp = &f->plan->tracks[m->track];

    f->resource.segment = look_up(f, m);
    if (f->resource.segment < 0) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no segment %s %" APR_INT64_T_FMT,
                       t->tokens[m->track], f->route->address == JO_BY_TIME ? "at time" : "number",
                       m->number);
    }
    if (is_empty(f, m) && !(f->route->silence && f->resource.segment < tp->last)) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no samples in segment %" APR_INT64_T_FMT,
                       t->tokens[m->track], m->number);
    }
    return APR_SUCCESS;
}

static apr_status_t find_variant(jo_ctx *cx, const jo_title *t, jo_found *f, const jo_url_match *m)
{
    const jo_track *track = t->presentation->periods[0].tracks[m->track];

    if (m->number < 2 || m->number > track->nvariants) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no init segment %" APR_INT64_T_FMT,
                       track->token, m->number);
    }
    f->resource.variant = (int)m->number - 1;
    return APR_SUCCESS;
}

static apr_status_t find_keyframe(jo_ctx *cx, const jo_title *t, jo_found *f, const jo_url_match *m)
{
    jo_keyframes ks;
    jo_keyframe k;

    jo_keyframes_init(&ks, t->presentation->periods[0].tracks[m->track]);
    if (!jo_keyframes_find(&ks, m->number, &k)) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no key picture %" APR_INT64_T_FMT,
                       t->tokens[m->track], m->number);
    }
    f->resource.keyframe = k.number;
    f->resource.sample = k.sample;
    return APR_SUCCESS;
}

static apr_status_t find_numbered(jo_ctx *cx, const jo_title *t, jo_found *f, const jo_url_match *m)
{
    switch (f->route->address) {
    case JO_BY_NOTHING:
        return APR_SUCCESS;
    case JO_BY_VARIANT:
        return find_variant(cx, t, f, m);
    case JO_BY_KEYFRAME:
        return find_keyframe(cx, t, f, m);
    default:
        return find_segment(cx, t, f, m);
    }
}

/* -- selection -------------------------------------------------------------------------------------------- */

/* Is there anything in this format: of all tracks, or of the one that was asked for? */
static apr_status_t check_format(jo_ctx *cx, const jo_title *t, const jo_found *f)
{
    const jo_period *period = &t->presentation->periods[0];
    int track = f->resource.track;

    if (track >= 0 && !(period->tracks[track]->formats & f->packager->format)) {
        return jo_fail(cx, JO_ENOTFOUND, "%s can't carry track %s: %s", f->packager->name,
                       t->tokens[track], jo_title_why_not(period->tracks[track]));
    }
    if (f->resource.ntracks == 0) {
        return jo_fail(cx, JO_EMEDIA, "%s can carry none of the title's tracks (%s: %s)",
                       f->packager->name, t->tokens[0], jo_title_why_not(period->tracks[0]));
    }
    return APR_SUCCESS;
}

static apr_status_t choose_tracks(jo_ctx *cx, jo_found *f)
{
    jo_resource *rs = &f->resource;
    int *tracks = apr_pmemdup(cx->pool, rs->tracks, sizeof(*tracks) * (size_t)rs->ntracks);

    rs->tracks = tracks;
    return jo_select_tracks(cx, &f->select, &f->presentation->periods[0], tracks, &rs->ntracks);
}

static bool has_samples(const jo_plan *plan, int track)
{
    return plan->tracks[track].first < plan->tracks[track].last;
}

/* Drops the tracks that have nothing in the clip. */
static apr_status_t drop_silent(jo_ctx *cx, const jo_title *t, jo_found *f)
{
    jo_resource *rs = &f->resource;
    int *tracks = apr_palloc(cx->pool, sizeof(*tracks) * (size_t)rs->ntracks);
    int n = 0;

    for (int i = 0; i < rs->ntracks; i++) {
        if (has_samples(f->plan, rs->tracks[i])) {
            tracks[n++] = rs->tracks[i];
        }
    }
    rs->tracks = tracks;
    rs->ntracks = n;
    if (n == 0 || (rs->track >= 0 && !has_samples(f->plan, rs->track) &&
                   (rs->sound < 0 || !has_samples(f->plan, rs->sound)))) {
        return jo_fail(cx, JO_ENOTFOUND, "%s has nothing in the clip",
                       n == 0 ? "the selection" : t->tokens[rs->track]);
    }
    return APR_SUCCESS;
}

static const char *clip_folder(jo_ctx *cx, const jo_found *f)
{
    jo_text folder;

    jo_text_init(&folder, cx->pool, 48);
    if (f->plan->recut_head || f->plan->recut_tail) {
        jo_clip_write_folder(&f->select.clip, &folder);
    }
    return folder.s;
}

static apr_status_t recount(jo_ctx *cx, jo_found *f)
{
    return f->view.plan.exact && f->packager->recount
               ? f->packager->recount(cx, &f->view.period, &f->view.plan)
               : cx->code;
}

/* A manifest of a clip: of the segments that it touches. */
static apr_status_t choose_clip(jo_ctx *cx, const jo_title *t, jo_found *f)
{
    bool exact = f->resource.settings->exact_clips;

    if (jo_view_clip(cx, f->presentation, f->plan, &f->select.clip, exact, &f->view) !=
        APR_SUCCESS) {
        return cx->code;
    }
    f->presentation = &f->view.presentation;
    f->plan = &f->view.plan;
    if (recount(cx, f) != APR_SUCCESS) {
        return cx->code;
    }
    f->resource.clip = clip_folder(cx, f);
    if (f->resource.track < 0 && f->packager->measure) {
        f->packager->measure(&f->view.period, &f->view.plan);
    }
    return drop_silent(cx, t, f);
}

/* A segment that is cut as a clip is: the title's own times, the clip's cuts. */
static apr_status_t enter_clip(jo_ctx *cx, const jo_title *t, const folders *in, jo_found *f)
{
    bool segment = f->resource.track >= 0 && f->route->address != JO_BY_KEYFRAME &&
                   (f->route->class == JO_CLASS_SEGMENT || f->route->class == JO_CLASS_INIT);

    if (!f->resource.settings->exact_clips || !segment) {
        return jo_fail(cx, JO_ENOTFOUND, "%s has no clips", t->base);
    }
    if (jo_view_clip(cx, f->presentation, f->plan, &in->clip, true, &f->view) == APR_SUCCESS) {
        f->plan = &f->view.plan;
        recount(cx, f);
    }
    return cx->code;
}

static apr_status_t check_version(jo_ctx *cx, const jo_title *t, const folders *in, jo_found *f)
{
    f->versioned = in->version != NULL;
    if (f->versioned || f->resource.settings->url_version) {
        f->version = make_version(cx, t, f->resource.settings);
    }
    if (f->versioned &&
        (f->route->class == JO_CLASS_MANIFEST || strcmp(in->version, f->version) != 0)) {
        return jo_fail(cx, JO_ENOTFOUND, "this version of %s is no longer there", t->base);
    }
    return APR_SUCCESS;
}

/* Playlists of TS list what that carries, whatever a query may leave of it. */
static apr_status_t choose_carried(jo_ctx *cx, const jo_title *t, jo_found *f)
{
    static const char *const what = "HLS in TS";
    const jo_period *period = &t->presentation->periods[0];
    jo_resource *rs = &f->resource;
    int asked[] = {rs->track, rs->sound}, n = 0;
    int *tracks = apr_palloc(cx->pool, sizeof(*tracks) * (size_t)rs->ntracks);

    for (int i = 0; i < 2; i++) {
        const jo_track *track = asked[i] < 0 ? NULL : period->tracks[asked[i]];
        if (track != NULL && !jo_ts_carries(track, rs->settings)) {
            return jo_fail(cx, JO_ENOTFOUND, "%s can't carry track %s: %s", what, track->token,
                           jo_title_why_not(track));
        }
    }
    for (int i = 0; i < rs->ntracks; i++) {
        if (jo_ts_carries(period->tracks[rs->tracks[i]], rs->settings)) {
            tracks[n++] = rs->tracks[i];
        }
    }
    if (n == 0) {
        return jo_fail(cx, JO_EMEDIA, "%s can carry none of the title's tracks (%s: %s)", what,
                       t->tokens[rs->tracks[0]], jo_title_why_not(period->tracks[rs->tracks[0]]));
    }
    rs->tracks = tracks;
    rs->ntracks = n;
    return APR_SUCCESS;
}

static bool lists_ts(const jo_title *t, const jo_found *f)
{
    return f->packager->format == JO_HLS && f->route->class == JO_CLASS_MANIFEST &&
           jo_hls_in_ts(&t->presentation->periods[0], &f->resource);
}

/* What media playlists take of the query. Their names don't tell the container, so where the query has changed it they
 * are told, in one form. */
static const char *query_for_children(jo_ctx *cx, const jo_title *t, const jo_found *f)
{
    unsigned container = JO_OPTION_HLS_FMP4 | JO_OPTION_HLS_VERSION;
    jo_select s = f->select;
    jo_resource as = f->resource;

    if (s.options.given & container) {
        as.options = &t->options;
        if (jo_hls_in_ts(&t->presentation->periods[0], &as) == lists_ts(t, f)) {
            s.options.given &= ~container;
        } else if (!lists_ts(t, f)) {
            s.options.given = JO_OPTION_HLS_FMP4;
            s.options.as.hls_fmp4 = true;
        }
    }
    return jo_select_query(cx->pool, &s, f->route->takes & (JO_TAKES_CLIP | JO_TAKES_CONTAINER));
}

/* Reads the query, and narrows what is asked for to what it chooses. */
static apr_status_t choose(jo_ctx *cx, const jo_title *t, const folders *in, const char *args,
                           jo_found *f)
{
    jo_resource *rs = &f->resource;
    unsigned takes = f->route->takes;

    if (check_format(cx, t, f) != APR_SUCCESS || check_version(cx, t, in, f) != APR_SUCCESS ||
        jo_select_parse(cx, args, takes, rs->settings, &f->select) != APR_SUCCESS) {
        return cx->code;
    }
    f->options = jo_select_options(&f->select, &t->options);
    rs->options = &f->options;
    rs->folder = rs->settings->url_version ? f->version : "";
    rs->query = takes ? query_for_children(cx, t, f) : "";
    rs->clip = "";
    if (lists_ts(t, f) && choose_carried(cx, t, f) != APR_SUCCESS) {
        return cx->code;
    }
    if (takes & JO_TAKES_TRACKS && choose_tracks(cx, f) != APR_SUCCESS) {
        return cx->code;
    }
    if (in->clipped) {
        return enter_clip(cx, t, in, f);
    }
    return jo_clip_given(&f->select.clip) ? choose_clip(cx, t, f) : APR_SUCCESS;
}

/* -- routes ----------------------------------------------------------------------------------------------- */

/* Under JitOriginUrlStyle cmaf DASH is cut as HLS is: their segments are the same. */
static const jo_plan *plan_of(const jo_title *t, int packager, const jo_settings *settings)
{
    bool as_hls = settings->cmaf_urls && jo_packagers[packager]->format == JO_DASH;

    for (int i = 0; as_hls && i < JO_PACKAGERS; i++) {
        if (jo_packagers[i]->format == JO_HLS) {
            return t->plans[i];
        }
    }
    return t->plans[packager];
}

static bool enabled(const jo_route *route, const jo_settings *settings)
{
    return !route->enabled || route->enabled(settings);
}

/* The first row of all packagers' that matches. */
static bool match(const jo_title *t, const char *path, const jo_settings *settings, int *packager,
                  const jo_route **route, jo_url_match *m)
{
    jo_track *const *tracks = t->presentation->periods[0].tracks;

    for (int i = 0; i < JO_PACKAGERS; i++) {
        for (int k = 0; k < jo_packagers[i]->nroutes; k++) {
            const jo_route *r = &jo_packagers[i]->routes[k];
            if (enabled(r, settings) &&
                jo_url_match_path(r->pattern, path, t->base, t->tokens, t->ntokens, m) &&
                (m->track < 0 || r->serves == NULL || r->serves(tracks[m->track])) &&
                (m->sound < 0 || tracks[m->sound]->kind == JO_AUDIO)) {
                *packager = i;
                *route = r;
                return true;
            }
        }
    }
    return false;
}

apr_status_t jo_find(jo_ctx *cx, const jo_title *t, const char *vpath, const char *args,
                     const jo_settings *settings, jo_found *out)
{
    folders in = split_folders(cx->pool, vpath);
    jo_url_match m;
    int i;

    *out = (jo_found){.presentation = t->presentation};
    if (!match(t, in.path, settings, &i, &out->route, &m)) {
        return jo_fail(cx, JO_ENOTFOUND, "%s has no resource of this name",
                       jo_title_file_name(t->path));
    }
    out->packager = jo_packagers[i];
    out->plan = plan_of(t, i, settings);
    out->resource = (jo_resource){.base = t->base,
                                  .tracks = t->selections[i].tracks,
                                  .ntracks = t->selections[i].ntracks,
                                  .track = m.track,
                                  .sound = m.sound,
                                  .segment = -1,
                                  .settings = settings};
    if (choose(cx, t, &in, args, out) != APR_SUCCESS) {
        return cx->code;
    }
    return find_numbered(cx, t, out, &m);
}

/* -- names ------------------------------------------------------------------------------------------------ */

static const jo_route *route_of_path(const char *base, const char *path,
                                     const jo_settings *settings)
{
    jo_url_match m;

    for (int i = 0; i < JO_PACKAGERS; i++) {
        for (int k = 0; k < jo_packagers[i]->nroutes; k++) {
            const jo_route *r = &jo_packagers[i]->routes[k];
            if (enabled(r, settings) && jo_url_match_path(r->pattern, path, base, NULL, 0, &m)) {
                return r;
            }
        }
    }
    return NULL;
}

/* A decoded path as a reference. */
static void add_path(apr_pool_t *pool, jo_text *out, const char *path)
{
    for (size_t n; path[n = strcspn(path, "/")] == '/'; path += n + 1) {
        jo_text_add_uri(out, apr_pstrmemdup(pool, path, n));
        jo_text_add(out, "/");
    }
    jo_text_add_uri(out, path);
}

static const char *canonical(apr_pool_t *pool, const jo_route *route, const jo_select *s,
                             const char *vpath)
{
    jo_text out;

    jo_text_init(&out, pool, 128);
    add_path(pool, &out, route->canonical ? route->canonical : vpath);
    jo_text_add(&out, jo_select_query(pool, s, route->takes));
    return out.s;
}

apr_status_t jo_find_canonical(jo_ctx *cx, const char *base, const char *vpath, const char *args,
                               const jo_settings *settings, const char **out)
{
    folders in = split_folders(cx->pool, vpath);
    const jo_route *route = route_of_path(base, in.path, settings);
    jo_select s;

    *out = vpath;
    if (route == NULL || (route->canonical && in.path != vpath)) {
        return APR_SUCCESS; /* nothing's name: no version or clip has such manifests */
    }
    if (jo_select_parse(cx, args, route->takes, settings, &s) == APR_SUCCESS) {
        *out = canonical(cx->pool, route, &s, vpath);
    }
    return cx->code;
}

const char *jo_find_location(apr_pool_t *pool, const jo_found *f, const char *vpath)
{
    return f->route->takes ? canonical(pool, f->route, &f->select, vpath) : vpath;
}

/* The next segment that manifests list, -1 none. */
static int next_segment(const jo_found *f)
{
    const jo_track_plan *tp = &f->plan->tracks[f->resource.track];
    int i = f->resource.segment + 1;

    while (i < tp->last && jo_plan_empty(tp, i)) {
        i++;
    }
    return i < tp->last ? i : -1;
}

static int64_t next_keyframe(const jo_found *f)
{
    jo_keyframes ks;
    jo_keyframe k;

    jo_keyframes_init(&ks, f->presentation->periods[0].tracks[f->resource.track]);
    return jo_keyframes_find(&ks, f->resource.keyframe, &k) && jo_keyframes_next(&ks, &k, &k)
               ? k.number
               : -1;
}

/* What the URL of the next has in place of this one's; -1: there is none. */
static int64_t next_number(const jo_found *f)
{
    int next = f->resource.segment < 0 ? -1 : next_segment(f);
    bool edge = f->plan == &f->view.plan && f->packager == &jo_packager_hls;

    if (f->resource.keyframe > 0) {
        return next_keyframe(f);
    }
    if (next < 0 || edge) { /* playlists name only the edges of a clip in its folder */
        return -1;
    }
    return jo_packager_number(f->packager, f->route, f->presentation, f->plan, f->resource.track,
                              next);
}

const char *jo_find_next(jo_ctx *cx, const jo_title *t, const jo_found *f)
{
    int track = f->resource.track;
    int64_t number = next_number(f);
    jo_text out;

    const jo_url_parts parts = {.base = t->base,
                                .token = t->tokens[track],
                                .sound =
                                    f->resource.sound < 0 ? NULL : t->tokens[f->resource.sound],
                                .number = number};
    const char *path = jo_url_make_path(cx->pool, f->route->pattern, &parts);
    if (number < 0 || path == NULL) {
        return NULL;
    }
    jo_text_init(&out, cx->pool, 128);
    jo_text_add_uri(&out, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    return out.s;
}
