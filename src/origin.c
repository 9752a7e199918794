#include "origin.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/status.h"
#include "input/load.h"
#include "media/codec.h"
#include "media/index.h"
#include "plan/url.h"

#include <apr_strings.h>
#include <string.h>

/* -- loading a title ----------------------------------------------------------------------------------- */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *without_extension(apr_pool_t *pool, const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? apr_pstrmemdup(pool, name, (apr_size_t)(dot - name)) : name;
}

/* The descriptor's bytes and what they say, or for direct play the descriptor that stands for the file. All of it
 * lives in open's pool. */
static apr_status_t read_descriptor(jo_ctx *open, jo_title *t, const jo_ism **ism,
                                    const char **bytes, size_t *len)
{
    jo_source *src;

    if (jo_source_open(open, t->path, &src) != APR_SUCCESS) {
        return open->code;
    }
    t->id = src->id;
    if (t->direct) {
        *ism = jo_ism_direct(open->pool, file_name(t->path));
        return APR_SUCCESS;
    }
    if ((uint64_t)src->id.size > open->limits->descriptor_size) {
        return jo_fail(open, JO_EMEDIA, "%s: larger than %" APR_SIZE_T_FMT " bytes", src->name,
                       open->limits->descriptor_size);
    }
    *len = (size_t)src->id.size;
    char *buf = apr_palloc(open->pool, *len + 1);
    if (jo_source_read(open, src, 0, *len, buf) != APR_SUCCESS) {
        return open->code;
    }
    *bytes = buf;
    if (jo_ism_parse(open, buf, *len, ism) != APR_SUCCESS) {
        return jo_fail_in(open, file_name(t->path));
    }
    return APR_SUCCESS;
}

/* Why a format has no place for a track. */
static const char *why_not(const jo_track *t)
{
    return t->nvariants > 1 ? "several sample descriptions" : t->codec->name;
}

/* What a format can't carry is not in its manifests. */
static void select_tracks(jo_ctx *cx, const jo_period *period, const jo_packager *packager,
                          jo_selection *s)
{
    s->tracks = apr_pcalloc(cx->pool, sizeof(*s->tracks) * (size_t)period->ntracks);
    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        int at = s->ntracks;
        if (!(t->formats & packager->format)) {
            jo_log_write(cx, JO_LOG_INFO, "track %s: %s can't carry %s: left out", t->token,
                         packager->name, why_not(t));
            continue;
        }
        while (at > 0 && period->tracks[s->tracks[at - 1]]->labels.order > t->labels.order) {
            s->tracks[at] = s->tracks[at - 1];
            at--;
        }
        s->tracks[at] = i;
        s->ntracks++;
    }
}

static apr_status_t make_plans(jo_ctx *cx, jo_title *t)
{
    const jo_period *period = &t->presentation->periods[0];
    const char **tokens = apr_pcalloc(cx->pool, sizeof(*tokens) * (size_t)period->ntracks);

    for (int i = 0; i < JO_PACKAGERS; i++) {
        jo_fraction length = jo_packagers[i]->length(&t->options);
        if (jo_plan_make(cx, period, length, &t->plans[i]) != APR_SUCCESS) {
            return cx->code;
        }
        jo_packagers[i]->measure(period, t->plans[i]);
        select_tracks(cx, period, jo_packagers[i], &t->selections[i]);
    }
    for (int i = 0; i < period->ntracks; i++) {
        tokens[i] = period->tracks[i]->token;
    }
    t->tokens = tokens;
    t->ntokens = period->ntracks;
    t->hash = jo_hex(cx->pool, t->presentation->fingerprint, JO_SHA256_SIZE);
    return APR_SUCCESS;
}

/* Everything but the plans; what only the load needs lives in open's pool. */
static apr_status_t load_title(jo_ctx *cx, jo_ctx *open, jo_title *t)
{
    const char *bytes = "";
    const jo_ism *ism;
    size_t len = 0;

    if (read_descriptor(open, t, &ism, &bytes, &len) != APR_SUCCESS) {
        return jo_fail(cx, open->code, "%s", open->message);
    }
    t->options = ism->options;
    return jo_load(cx, t->path, ism, bytes, len, t->id.mtime / 1000, &t->presentation);
}

apr_status_t jo_title_make(jo_ctx *cx, const char *path, bool direct, jo_title **out)
{
    jo_title *t = apr_pcalloc(cx->pool, sizeof(*t));
    jo_ctx open = *cx;

    t->path = apr_pstrdup(cx->pool, path);
    t->base = without_extension(cx->pool, file_name(t->path));
    t->direct = direct;
    apr_pool_create(&open.pool, cx->pool);
    apr_status_t rv = load_title(cx, &open, t);
    apr_pool_destroy(open.pool);
    if (rv == APR_SUCCESS) {
        rv = make_plans(cx, t);
    }
    *out = t;
    return rv;
}

static size_t track_memory(const jo_track *t)
{
    size_t n = jo_index_memory(t->index) + 1024 + sizeof(*t->runs) * (size_t)t->nruns;

    for (int i = 0; i < t->nvariants; i++) {
        n += sizeof(*t) + t->variants[i]->entry_len + t->variants[i]->config_len;
    }
    return n;
}

size_t jo_title_memory(const jo_title *t)
{
    const jo_period *period = &t->presentation->periods[0];
    size_t n = 16384;

    for (int i = 0; i < period->ntracks; i++) {
        n += track_memory(period->tracks[i]);
    }
    for (int i = 0; i < JO_PACKAGERS; i++) {
        n += (size_t)(t->plans[i]->count + 1) * (size_t)period->ntracks * sizeof(jo_cut);
    }
    return n;
}

/* -- serving a request --------------------------------------------------------------------------------- */

typedef struct found {
    const jo_packager *packager;
    const jo_route *route;
    const jo_plan *plan;
    jo_resource resource;
} found;

static apr_status_t find_title(jo_ctx *cx, const jo_request *rq, const jo_title **title)
{
    jo_title *made;

    if (cx->titles != NULL) {
        return cx->titles->get(cx->titles, cx, rq->path, rq->direct, title);
    }
    apr_status_t rv = jo_title_make(cx, rq->path, rq->direct, &made);
    *title = made;
    return rv;
}

static int look_up(const jo_title *t, const found *f, const jo_url_match *m)
{
    if (f->route->address == JO_BY_NUMBER) {
        return jo_plan_find_number(f->plan, m->number);
    }
    return f->packager->find_time
               ? f->packager->find_time(t->presentation, f->plan, m->track, m->number)
               : jo_plan_find_time(f->plan, m->track, m->number);
}

static apr_status_t find_segment(jo_ctx *cx, const jo_title *t, found *f, const jo_url_match *m)
{
    const jo_track_plan *tp = &f->plan->tracks[m->track];

    f->resource.segment = look_up(t, f, m);
    if (f->resource.segment < 0) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no segment %s %" APR_INT64_T_FMT,
                       t->tokens[m->track], f->route->address == JO_BY_TIME ? "at time" : "number",
                       m->number);
    }
    if (jo_plan_empty(tp, f->resource.segment) &&
        !(f->route->silence && f->resource.segment < tp->last)) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no samples in segment %" APR_INT64_T_FMT,
                       t->tokens[m->track], m->number);
    }
    return APR_SUCCESS;
}

static apr_status_t find_variant(jo_ctx *cx, const jo_title *t, found *f, const jo_url_match *m)
{
    const jo_track *track = t->presentation->periods[0].tracks[m->track];

    if (m->number < 2 || m->number > track->nvariants) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no init segment %" APR_INT64_T_FMT,
                       track->token, m->number);
    }
    f->resource.variant = (int)m->number - 1;
    return APR_SUCCESS;
}

static apr_status_t find_numbered(jo_ctx *cx, const jo_title *t, found *f, const jo_url_match *m)
{
    switch (f->route->address) {
    case JO_BY_NOTHING:
        return APR_SUCCESS;
    case JO_BY_VARIANT:
        return find_variant(cx, t, f, m);
    default:
        return find_segment(cx, t, f, m);
    }
}

/* Is there anything in this format: of all tracks, or of the one that was asked for? */
static apr_status_t check_format(jo_ctx *cx, const jo_title *t, const jo_packager *packager,
                                 const found *f)
{
    const jo_period *period = &t->presentation->periods[0];
    int track = f->resource.track;

    if (track >= 0 && !(period->tracks[track]->formats & packager->format)) {
        return jo_fail(cx, JO_ENOTFOUND, "%s can't carry track %s: %s", packager->name,
                       t->tokens[track], why_not(period->tracks[track]));
    }
    if (f->resource.ntracks == 0) {
        return jo_fail(cx, JO_EMEDIA, "%s can carry none of the title's tracks (%s: %s)",
                       packager->name, t->tokens[0], why_not(period->tracks[0]));
    }
    return APR_SUCCESS;
}

/* Matches the URL over all packagers' rows. */
static apr_status_t find_route(jo_ctx *cx, const jo_request *rq, const jo_title *t, found *f)
{
    jo_track *const *tracks = t->presentation->periods[0].tracks;

    for (int i = 0; i < JO_PACKAGERS; i++) {
        for (int k = 0; k < jo_packagers[i]->nroutes; k++) {
            const jo_route *route = &jo_packagers[i]->routes[k];
            jo_url_match m;
            if (!jo_url_match_path(route->pattern, rq->vpath, t->base, t->tokens, t->ntokens, &m) ||
                (m.track >= 0 && route->serves != NULL && !route->serves(tracks[m.track]))) {
                continue;
            }
            f->packager = jo_packagers[i];
            f->route = route;
            f->plan = t->plans[i];
            f->resource = (jo_resource){.base = t->base,
                                        .tracks = t->selections[i].tracks,
                                        .ntracks = t->selections[i].ntracks,
                                        .track = m.track,
                                        .segment = -1,
                                        .options = &t->options,
                                        .settings = rq->settings};
            if (check_format(cx, t, jo_packagers[i], f) != APR_SUCCESS) {
                return cx->code;
            }
            return find_numbered(cx, t, f, &m);
        }
    }
    return jo_fail(cx, JO_ENOTFOUND, "%s has no resource of this name", file_name(t->path));
}

/* Opens source i and makes sure that it is what was indexed. */
static apr_status_t open_same(jo_ctx *cx, const jo_title *t, int i, jo_source **out)
{
    const jo_source_ref *ref = &t->presentation->sources[i];

    if (jo_source_open(cx, ref->path, out) != APR_SUCCESS) {
        return cx->code;
    }
    if (!jo_identity_same(&(*out)->id, &ref->id)) {
        return APR_EMISMATCH;
    }
    return APR_SUCCESS;
}

/* Opens what holds the segment's samples, and with it what says where they are. */
static apr_status_t open_segment(jo_ctx *cx, const jo_title *t, found *f)
{
    const jo_track *track = t->presentation->periods[0].tracks[f->resource.track];
    const jo_cut *cut = &f->plan->tracks[f->resource.track].cuts[f->resource.segment];
    jo_source **sources =
        apr_pcalloc(cx->pool, sizeof(jo_source *) * (size_t)t->presentation->nsources);
    apr_status_t rv = open_same(cx, t, track->span.source, &sources[track->span.source]);

    for (int k = jo_track_run(track, cut[0].sample); k < track->nruns && rv == APR_SUCCESS; k++) {
        const jo_run *run = &track->runs[k];
        if (run->sample >= cut[1].sample) {
            break;
        }
        if (sources[run->source] == NULL) {
            rv = open_same(cx, t, run->source, &sources[run->source]);
        }
    }
    f->resource.sources = sources;
    return rv;
}

/* APR_EMISMATCH if a source that this resource depends on has been replaced since the title was loaded: a track's own
 * and the reference's, where all tracks are cut; of a manifest of all tracks, all. */
static apr_status_t check_sources(jo_ctx *cx, const jo_title *t, found *f)
{
    const jo_period *period = &t->presentation->periods[0];
    int own = f->resource.track < 0 ? -1 : period->tracks[f->resource.track]->span.source;
    int reference = period->tracks[period->reference]->span.source;
    jo_source *src;

    if (f->route->need == JO_NEED_SAMPLES) {
        return open_segment(cx, t, f);
    }
    for (int i = 0; i < t->presentation->nsources; i++) {
        if (own >= 0 && i != own && i != reference) {
            continue;
        }
        apr_status_t rv = open_same(cx, t, i, &src);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* Title, route and sources that belong together; a title whose sources changed is loaded once more. */
static apr_status_t find(jo_ctx *cx, const jo_request *rq, const jo_title **title, found *f)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (find_title(cx, rq, title) != APR_SUCCESS ||
            find_route(cx, rq, *title, f) != APR_SUCCESS) {
            return cx->code;
        }
        apr_status_t rv = check_sources(cx, *title, f);
        if (rv != APR_EMISMATCH) {
            return rv;
        }
        if (cx->titles == NULL) {
            break;
        }
        cx->titles->drop(cx->titles, cx, *title);
    }
    return jo_fail(cx, JO_EBUSY, "a source of %s is being replaced", file_name(rq->path));
}

/* Strong: the same on every node that has the same files and settings. */
static const char *make_etag(jo_ctx *cx, const jo_request *rq, const jo_title *t)
{
    uint8_t digest[JO_SHA256_SIZE];
    jo_sha256 *h = jo_sha256_make(cx->pool);

    jo_sha256_add_str(h, JO_OUTPUT_VERSION);
    jo_sha256_add_int(h, rq->settings->keep_sample_entry);
    jo_sha256_add_str(h, t->base);
    jo_sha256_add_str(h, rq->vpath);
    jo_sha256_add_str(h, t->hash);
    jo_sha256_finish(h, digest);
    return apr_psprintf(cx->pool, "\"%s\"", jo_hex(cx->pool, digest, 16));
}

static const char *content_type(const jo_title *t, const found *f)
{
    const jo_period *period = &t->presentation->periods[0];
    int track = f->resource.track;
    jo_kind kind = track < 0 ? JO_VIDEO : period->tracks[track]->kind;
    return f->route->type[kind == JO_AUDIO ? 1 : kind == JO_TEXT ? 2 : 0];
}

/* No query changes a segment or an init; of a manifest's, what is not documented is ignored. */
static apr_status_t read_query(jo_ctx *cx, const jo_request *rq, const found *f)
{
    jo_query_param *params;
    int n;

    return f->route->class == JO_CLASS_MANIFEST ? jo_query_parse(cx, rq->args, &params, &n)
                                                : APR_SUCCESS;
}

apr_status_t jo_origin_serve(jo_ctx *cx, const jo_request *rq, jo_reply *rp)
{
    const jo_title *t;
    found f;

    if (find(cx, rq, &t, &f) != APR_SUCCESS || read_query(cx, rq, &f) != APR_SUCCESS) {
        return cx->code;
    }
    rp->class = f.route->class;
    rp->content_type = content_type(t, &f);
    rp->etag = make_etag(cx, rq, t);
    rp->modified = t->presentation->modified;
    jo_body_init(&rp->body, cx->pool);
    if (rq->not_modified != NULL && rq->not_modified(rq->baton, rp->etag, rp->modified)) {
        rp->status = 304;
        return APR_SUCCESS;
    }
    rp->status = 200;
    return f.route->render(cx, t->presentation, f.plan, &f.resource, &rp->body);
}
