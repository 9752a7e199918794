#include "origin.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/status.h"
#include "find.h"

#include <apr_strings.h>

static apr_status_t find_title(jo_ctx *cx, const jo_request *rq, const jo_title **title)
{
    jo_title *made;

    unsigned how = jo_title_how(rq->direct, rq->settings);

    if (cx->titles != NULL) {
        return cx->titles->get(cx->titles, cx, rq->path, how, title);
    }
    apr_status_t rv = jo_title_make(cx, rq->path, how, &made);
    *title = made;
    return rv;
}

/* Opens source i; APR_EMISMATCH if it is not what was indexed. */
static apr_status_t open_same(jo_ctx *cx, const jo_title *t, int i, jo_source **out)
{
    const jo_source_ref *ref = &t->presentation->sources[i];

    return jo_source_reopen(cx, ref->path, &ref->id, out);
}

/* APR_EMISMATCH if source i is not what was indexed. */
static apr_status_t check_same(jo_ctx *cx, const jo_title *t, int i)
{
    const jo_source_ref *ref = &t->presentation->sources[i];
    jo_source *src;

    return jo_source_unchanged(cx, ref->path, &ref->id)
               ? APR_SUCCESS
               : jo_source_reopen(cx, ref->path, &ref->id, &src);
}

/* Samples [*from, *until) of a track: those of the segment, or the one picture. */
static void range_of(const jo_found *f, int track, uint32_t *from, uint32_t *until)
{
    const jo_resource *rs = &f->resource;

    *from = rs->sample;
    *until = rs->sample + 1;
    if (rs->segment >= 0) {
        const jo_cut *cut = &f->plan->tracks[track].cuts[rs->segment];
        *from = cut[0].sample;
        *until = cut[1].sample;
    }
}

/* Opens what holds them, and with it what says where they are. */
static apr_status_t open_samples(jo_ctx *cx, const jo_title *t, const jo_found *f, int track_no,
                                 jo_source **sources)
{
    const jo_track *track = t->presentation->periods[0].tracks[track_no];
    int own = track->span.source;
    apr_status_t rv = sources[own] ? APR_SUCCESS : open_same(cx, t, own, &sources[own]);
    uint32_t from, until;

    range_of(f, track_no, &from, &until);
    for (int k = jo_track_run(track, from); k < track->nruns && rv == APR_SUCCESS; k++) {
        const jo_run *run = &track->runs[k];
        if (run->sample >= until) {
            break;
        }
        if (sources[run->source] == NULL) {
            rv = open_same(cx, t, run->source, &sources[run->source]);
        }
    }
    return rv;
}

static apr_status_t open_segment(jo_ctx *cx, const jo_title *t, jo_found *f)
{
    jo_source **sources =
        apr_pcalloc(cx->pool, sizeof(jo_source *) * (size_t)t->presentation->nsources);
    apr_status_t rv = open_samples(cx, t, f, f->resource.track, sources);

    if (rv == APR_SUCCESS && f->resource.sound >= 0) {
        rv = open_samples(cx, t, f, f->resource.sound, sources);
    }
    f->resource.sources = sources;
    return rv;
}

/* Opens what holds samples of the listed tracks. */
static apr_status_t open_all(jo_ctx *cx, const jo_title *t, jo_found *f)
{
    jo_source **sources =
        apr_pcalloc(cx->pool, sizeof(jo_source *) * (size_t)t->presentation->nsources);
    apr_status_t rv = APR_SUCCESS;

    for (int i = 0; i < f->resource.ntracks; i++) {
        const jo_track *track = t->presentation->periods[0].tracks[f->resource.tracks[i]];
        for (int k = -1; k < track->nruns && rv == APR_SUCCESS; k++) {
            int source = k < 0 ? track->span.source : track->runs[k].source;
            rv = sources[source] ? APR_SUCCESS : open_same(cx, t, source, &sources[source]);
        }
    }
    f->resource.sources = sources;
    return rv;
}

/* APR_EMISMATCH if a source that this resource depends on has been replaced since the title was loaded: a track's own
 * and the reference's, where all tracks are cut; of a manifest of all tracks, all. */
static apr_status_t check_sources(jo_ctx *cx, const jo_title *t, jo_found *f)
{
    const jo_period *period = &t->presentation->periods[0];
    int own = f->resource.track < 0 ? -1 : period->tracks[f->resource.track]->span.source;
    int sound = f->resource.sound < 0 ? own : period->tracks[f->resource.sound]->span.source;
    int reference = period->tracks[period->reference]->span.source;

    if (f->route->need == JO_NEED_SAMPLES) {
        return open_segment(cx, t, f);
    }
    if (f->route->need == JO_NEED_ALL) {
        return open_all(cx, t, f);
    }
    for (int i = 0; i < t->presentation->nsources; i++) {
        if (own >= 0 && i != own && i != sound && i != reference) {
            continue;
        }
        apr_status_t rv = check_same(cx, t, i);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* Title, route and sources that belong together; a title whose sources changed is loaded once more. */
static apr_status_t find(jo_ctx *cx, const jo_request *rq, const jo_title **title, jo_found *f)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (find_title(cx, rq, title) != APR_SUCCESS ||
            jo_find(cx, *title, rq->vpath, rq->args, rq->settings, f) != APR_SUCCESS) {
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
    return jo_fail(cx, JO_EBUSY, "a source of %s is being replaced", jo_title_file_name(rq->path));
}

/* Strong: the same on every node that has the same files and settings. */
static const char *make_etag(jo_ctx *cx, const jo_request *rq, const jo_title *t, const jo_found *f)
{
    uint8_t digest[JO_SHA256_SIZE];
    jo_sha256 *h = jo_sha256_make(cx->pool);

    jo_sha256_add_str(h, JO_OUTPUT_VERSION);
    jo_sha256_add_int(h, rq->settings->keep_sample_entry);
    jo_sha256_add_int(h, rq->settings->cmaf_urls);
    jo_sha256_add_int(h, rq->settings->url_version);
    jo_sha256_add_int(h, rq->settings->exact_clips);
    jo_sha256_add_int(h, rq->settings->hls_container);
    jo_sha256_add_int(h, rq->settings->hevc_in_ts);
    jo_sha256_add_str(h, t->base);
    jo_sha256_add_str(h, jo_find_location(cx->pool, f, rq->vpath));
    jo_sha256_add_str(h, t->hash);
    jo_sha256_finish(h, digest);
    return apr_psprintf(cx->pool, "\"%s\"", jo_hex(cx->pool, digest, 16));
}

/* By the track; a whole file is video if any of it is, else audio, else text. */
static const char *content_type(const jo_title *t, const jo_found *f)
{
    jo_track *const *tracks = t->presentation->periods[0].tracks;
    const jo_resource *rs = &f->resource;
    jo_kind kind = rs->track < 0 ? JO_VIDEO : tracks[rs->track]->kind;

    if (f->route->need == JO_NEED_ALL) {
        kind = tracks[rs->tracks[0]]->kind;
        for (int i = 1; i < rs->ntracks; i++) {
            kind = tracks[rs->tracks[i]]->kind < kind ? tracks[rs->tracks[i]]->kind : kind;
        }
    }
    return f->route->type[kind == JO_AUDIO ? 1 : kind == JO_TEXT ? 2 : 0];
}

static apr_status_t render(jo_ctx *cx, const jo_found *f, jo_reply *rp)
{
    const jo_manifest_store *kept = f->route->class == JO_CLASS_MANIFEST ? cx->manifests : NULL;

    if (kept != NULL && kept->get(kept, cx, rp->etag, &rp->body)) {
        return APR_SUCCESS;
    }
    apr_status_t rv = f->route->render(cx, f->presentation, f->plan, &f->resource, &rp->body);
    if (rv == APR_SUCCESS && kept != NULL) {
        kept->put(kept, cx, rp->etag, &rp->body);
        jo_log_write(cx, JO_LOG_DEBUG, "rendered %s", rp->location);
    }
    return rv;
}

apr_status_t jo_origin_serve(jo_ctx *cx, const jo_request *rq, jo_reply *rp)
{
    const jo_title *t;
    jo_found f;

    if (find(cx, rq, &t, &f) != APR_SUCCESS) {
        return cx->code;
    }
    rp->class = f.versioned ? JO_CLASS_VERSIONED : f.route->class;
    rp->location =
        f.route->class == JO_CLASS_MANIFEST ? jo_find_location(cx->pool, &f, rq->vpath) : NULL;
    rp->next = rq->want_next ? jo_find_next(cx, t, &f) : NULL;
    rp->content_type = content_type(t, &f);
    rp->etag = make_etag(cx, rq, t, &f);
    rp->modified = t->presentation->modified;
    jo_body_init(&rp->body, cx->pool);
    if (rq->not_modified != NULL && rq->not_modified(rq->baton, rp->etag, rp->modified)) {
        rp->status = 304;
        return APR_SUCCESS;
    }
    rp->status = 200;
    return render(cx, &f, rp);
}
