#include "load.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../media/lang.h"
#include "demux.h"
#include "labels.h"

#include <apr_strings.h>
#include <string.h>

#define HEAD_BYTES 65536 /* announced of every source before the first is read */

/* A source that is open during the load, with what was found in it. */
typedef struct loaded {
    const char *path;
    jo_source *source;
    jo_demuxed media;
    int *sources; /* media.files → the presentation's */
    bool text;    /* only textstream elements name it */
    bool read;
} loaded;

typedef struct loader {
    jo_ctx *cx;
    apr_pool_t *open; /* sources live here and are closed when the load ends */
    const char *path; /* of the descriptor */
    const jo_ism *ism;
    loaded *files;
    int nfiles;
    jo_source_ref *sources; /* files[i] is sources[i]; then those that they refer to */
    int nsources;
    jo_track **tracks; /* chosen so far */
    int ntracks;
    const char *why; /* the first track that could not be packaged */
} loader;

static jo_kind kind_of(jo_ism_type type)
{
    return type == JO_ISM_VIDEO ? JO_VIDEO : type == JO_ISM_AUDIO ? JO_AUDIO : JO_TEXT;
}

static const char *kind_word(jo_kind kind)
{
    return kind == JO_VIDEO ? "video" : kind == JO_AUDIO ? "audio" : "textstream";
}

/* -- sources ----------------------------------------------------------------------------------------- */

static apr_status_t open_file(loader *l, const jo_ism_track *it, int *out)
{
    jo_ctx *cx = l->cx;
    const char *path;

    if (jo_source_resolve(cx, l->path, it->src, &path) != APR_SUCCESS) {
        return cx->code;
    }
    for (int i = 0; i < l->nfiles; i++) {
        if (!strcmp(l->files[i].path, path)) {
            *out = i;
            return APR_SUCCESS;
        }
    }
    loaded *f = &l->files[l->nfiles];
    f->path = path;
    f->text = true;
    apr_pool_t *pool = cx->pool;
    cx->pool = l->open;
    apr_status_t rv = jo_source_open(cx, path, &f->source);
    cx->pool = pool;
    if (rv != APR_SUCCESS) {
        cx->message = apr_pstrdup(pool, cx->message);
        return rv;
    }
    *out = l->nfiles++;
    return APR_SUCCESS;
}

/* Text that is no track of a media file is left out. */
static apr_status_t read_file(loader *l, loaded *f)
{
    const jo_demuxer *demuxer;

    if (f->text && jo_demux_find(l->cx, f->source, &demuxer) == APR_SUCCESS && demuxer == NULL) {
        jo_log_write(l->cx, JO_LOG_WARNING, "%s: text that is no MP4 is left out", f->source->name);
        return APR_SUCCESS;
    }
    f->read = true;
    return jo_demux(l->cx, f->source, &f->media);
}

/* Opens all sources first (so that all can be fetched at once), then reads their headers. */
static apr_status_t read_files(loader *l, int *file_of)
{
    for (int i = 0; i < l->ism->ntracks; i++) {
        const jo_ism_track *it = &l->ism->tracks[i];
        if (open_file(l, it, &file_of[i]) != APR_SUCCESS) {
            return l->cx->code;
        }
        l->files[file_of[i]].text &= it->type == JO_ISM_TEXT;
    }
    for (int i = 0; i < l->nfiles; i++) {
        jo_source_want(l->files[i].source, 0, HEAD_BYTES);
    }
    for (int i = 0; i < l->nfiles; i++) {
        if (read_file(l, &l->files[i]) != APR_SUCCESS) {
            return l->cx->code;
        }
    }
    return APR_SUCCESS;
}

static int find_source(const loader *l, const char *path)
{
    int i = 0;
    while (i < l->nsources && strcmp(l->sources[i].path, path) != 0) {
        i++;
    }
    return i;
}

/* Everything that samples are read from, each file once. */
static void list_sources(loader *l)
{
    apr_pool_t *pool = l->cx->pool;
    size_t most = (size_t)l->nfiles;

    for (int i = 0; i < l->nfiles; i++) {
        most += (size_t)l->files[i].media.nfiles;
    }
    l->sources = apr_pcalloc(pool, sizeof(*l->sources) * (most + 1));
    for (int i = 0; i < l->nfiles; i++) {
        l->sources[l->nsources++] = (jo_source_ref){l->files[i].path, l->files[i].source->id};
    }
    for (int i = 0; i < l->nfiles; i++) {
        loaded *f = &l->files[i];
        f->sources = apr_pcalloc(pool, sizeof(int) * (size_t)(f->media.nfiles + 1));
        f->sources[0] = i;
        for (int k = 1; k < f->media.nfiles; k++) {
            int at = find_source(l, f->media.files[k].path);
            if (at == l->nsources) {
                l->sources[l->nsources++] = f->media.files[k];
            }
            f->sources[k] = at;
        }
    }
}

/* -- choosing tracks -------------------------------------------------------------------------------------- */

static const jo_track *find_taken(const loader *l, int file, uint32_t id)
{
    for (int i = 0; i < l->ntracks; i++) {
        if (l->tracks[i]->span.source == file && l->tracks[i]->id == id) {
            return l->tracks[i];
        }
    }
    return NULL;
}

/* The runs of a track in the presentation's sources, and variants of its own. */
static void take_runs(loader *l, jo_track *t, const loaded *f)
{
    apr_pool_t *pool = l->cx->pool;
    jo_run *runs = apr_pmemdup(pool, t->runs, sizeof(*runs) * (size_t)t->nruns);
    const jo_track **variants = apr_palloc(pool, sizeof(*variants) * (size_t)t->nvariants);

    for (int i = 0; i < t->nruns; i++) {
        runs[i].source = f->sources[runs[i].source];
    }
    variants[0] = t;
    for (int i = 1; i < t->nvariants; i++) {
        variants[i] = apr_pmemdup(pool, t->variants[i], sizeof(*t));
    }
    t->runs = runs;
    t->variants = variants;
}

/* The descriptor does not outlive the load. */
static void take_params(jo_ctx *cx, const jo_ism_track *it, jo_track *t)
{
    jo_pair *params = apr_palloc(cx->pool, sizeof(*params) * ((size_t)it->nparams + 1));

    for (int i = 0; i < it->nparams; i++) {
        params[i].name = apr_pstrdup(cx->pool, it->params[i].name);
        params[i].value = apr_pstrdup(cx->pool, it->params[i].value);
    }
    t->params = params;
    t->nparams = it->nparams;
}

static apr_status_t take(loader *l, const jo_ism_track *it, int file, jo_track *found)
{
    jo_ctx *cx = l->cx;

    if (found->codec == NULL) {
        const char *why = apr_psprintf(cx->pool, "%s: track %u: %s", l->files[file].source->name,
                                       found->id, found->why);
        jo_log_write(cx, JO_LOG_WARNING, "%s: left out", why);
        l->why = l->why ? l->why : why;
        return APR_SUCCESS;
    }
    if ((uint32_t)l->ntracks >= cx->limits->tracks) {
        return jo_fail(cx, JO_EMEDIA, "more than %u tracks", cx->limits->tracks);
    }
    /* two elements may name one track of one file; each is a track of its own */
    jo_track *t = apr_pmemdup(cx->pool, found, sizeof(*found));
    bool own_kind = kind_of(it->type) == found->kind;
    t->span.source = file;
    take_runs(l, t, &l->files[file]);
    t->name = own_kind && it->name != NULL ? apr_pstrdup(cx->pool, it->name) : NULL;
    t->bitrate = own_kind ? it->bitrate : 0;
    if (own_kind) {
        take_params(cx, it, t);
    }
    if (own_kind && it->lang != NULL) {
        t->lang = apr_pstrdup(cx->pool, it->lang);
    }
    l->tracks[l->ntracks++] = t;
    return jo_labels_read(cx, own_kind ? it : NULL, t);
}

static apr_status_t take_by_id(loader *l, const jo_ism_track *it, int file)
{
    const jo_demuxed *m = &l->files[file].media;

    for (int i = 0; i < m->ntracks; i++) {
        if (m->tracks[i]->id == it->track_id && m->tracks[i]->kind == kind_of(it->type)) {
            return take(l, it, file, m->tracks[i]);
        }
    }
    return jo_fail(l->cx, JO_EMEDIA, "descriptor line %u: %s has no %s track %u", it->line,
                   l->files[file].source->name, kind_word(kind_of(it->type)), it->track_id);
}

static bool by_id_elsewhere(const loader *l, const int *file_of, int file, uint32_t id)
{
    for (int i = 0; i < l->ism->ntracks; i++) {
        if (file_of[i] == file && l->ism->tracks[i].track_id == id) {
            return true;
        }
    }
    return false;
}

/* Every track of `kind` in the file that no other element names. */
static apr_status_t take_kind(loader *l, const jo_ism_track *it, const int *file_of, int file,
                              jo_kind kind, int *found)
{
    const jo_demuxed *m = &l->files[file].media;

    for (int i = 0; i < m->ntracks; i++) {
        jo_track *t = m->tracks[i];
        if (t->kind != kind || by_id_elsewhere(l, file_of, file, t->id) ||
            find_taken(l, file, t->id) != NULL) {
            continue;
        }
        (*found)++;
        if (take(l, it, file, t) != APR_SUCCESS) {
            return l->cx->code;
        }
    }
    return APR_SUCCESS;
}

static bool has_element(const jo_ism *ism, jo_kind kind)
{
    for (int i = 0; i < ism->ntracks; i++) {
        if (kind_of(ism->tracks[i].type) == kind) {
            return true;
        }
    }
    return false;
}

static apr_status_t choose(loader *l, const int *file_of)
{
    for (int i = 0; i < l->ism->ntracks; i++) {
        const jo_ism_track *it = &l->ism->tracks[i];
        int found = 0;
        if (!l->files[file_of[i]].read) {
            continue;
        }
        apr_status_t rv = it->track_id != 0
                              ? take_by_id(l, it, file_of[i])
                              : take_kind(l, it, file_of, file_of[i], kind_of(it->type), &found);
        for (jo_kind k = JO_AUDIO; k <= JO_TEXT && rv == APR_SUCCESS && it->track_id == 0; k++) {
            if (!has_element(l->ism, k)) { /* nothing but <video src> means the whole file */
                rv = take_kind(l, it, file_of, file_of[i], k, &found);
            }
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (found == 0 && it->track_id == 0 && it->line != 0) {
            return jo_fail(l->cx, JO_EMEDIA, "descriptor line %u: %s has no %s track left to play",
                           it->line, l->files[file_of[i]].source->name,
                           kind_word(kind_of(it->type)));
        }
    }
    return APR_SUCCESS;
}

static apr_status_t check_tracks(loader *l)
{
    const char *why = l->why ? l->why : "no video, audio or text track";

    return l->ntracks > 0 ? APR_SUCCESS : jo_fail(l->cx, JO_EMEDIA, "%s", why);
}

/* -- names (DESIGN 8) -------------------------------------------------------------------------------------- */

static uint64_t average_bitrate(const jo_track *t)
{
    const jo_index *ix = t->index;
    int64_t ticks = ix->end_pts - ix->first_pts;
    __int128 bits = (__int128)ix->bytes * 8 * t->timescale;

    if (ticks <= 0) {
        return 1000;
    }
    __int128 k = (bits + (__int128)ticks * 1000 - 1) / ((__int128)ticks * 1000);
    return k < 1 ? 1000 : k > INT32_MAX ? (uint64_t)INT32_MAX * 1000 : (uint64_t)k * 1000;
}

static bool token_taken(const loader *l, int n, const char *name, uint64_t bitrate)
{
    for (int i = 0; i < n; i++) {
        if (l->tracks[i]->bitrate == bitrate && !strcmp(l->tracks[i]->name, name)) {
            return true;
        }
    }
    return false;
}

/* Several tracks of one file are no ladder: they are told apart by name. */
static bool name_taken_in_file(const loader *l, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (l->tracks[i]->span.source == l->tracks[n]->span.source &&
            !strcmp(l->tracks[i]->name, name)) {
            return true;
        }
    }
    return false;
}

static void name_track(loader *l, int n)
{
    apr_pool_t *pool = l->cx->pool;
    jo_track *t = l->tracks[n];
    const char *lang = jo_lang_long(pool, t->lang);
    bool given = t->name != NULL;
    const char *stem =
        given ? t->name : apr_pstrcat(pool, kind_word(t->kind), *lang ? "_" : "", lang, NULL);

    t->language = jo_lang_short(pool, t->lang);
    if (t->bitrate == 0) {
        t->bitrate = average_bitrate(t);
    }
    t->name = stem;
    for (int k = 1;
         token_taken(l, n, t->name, t->bitrate) || (!given && name_taken_in_file(l, n, t->name));
         k++) {
        t->name = apr_psprintf(pool, "%s_%d", stem, k);
    }
    t->token = apr_psprintf(pool, "%s=%" APR_UINT64_T_FMT, t->name, t->bitrate);
}

/* -- the presentation ------------------------------------------------------------------------------------- */

static void fill(loader *l, const void *descriptor, size_t descriptor_len, apr_time_t modified,
                 jo_presentation *p)
{
    apr_pool_t *pool = l->cx->pool;
    jo_sha256 *h = jo_sha256_make(pool);

    p->modified = modified;
    p->nsources = l->nsources;
    p->sources = l->sources;
    jo_sha256_add_int(h, (int64_t)descriptor_len);
    jo_sha256_add(h, descriptor, descriptor_len);
    for (int i = 0; i < l->nsources; i++) {
        apr_time_t mtime = l->sources[i].id.mtime / 1000;
        p->modified = mtime > p->modified ? mtime : p->modified;
    }
    for (int i = 0; i < l->nfiles; i++) {
        const jo_demuxed *m = &l->files[i].media;
        jo_sha256_add(h, m->fingerprint, sizeof(m->fingerprint));
    }
    jo_sha256_finish(h, p->fingerprint);
    p->nperiods = 1;
    p->periods = apr_pcalloc(pool, sizeof(*p->periods));
    p->periods[0].tracks = l->tracks;
    p->periods[0].ntracks = l->ntracks;
}

static apr_status_t load(loader *l, const void *descriptor, size_t descriptor_len,
                         apr_time_t modified, jo_presentation *p)
{
    apr_pool_t *pool = l->cx->pool;
    size_t n = (size_t)l->ism->ntracks + 1;
    int *file_of = apr_pcalloc(pool, sizeof(*file_of) * n);

    l->files = apr_pcalloc(pool, sizeof(*l->files) * n);
    l->tracks = apr_pcalloc(pool, sizeof(*l->tracks) * l->cx->limits->tracks);
    if (read_files(l, file_of) != APR_SUCCESS) {
        return l->cx->code;
    }
    list_sources(l);
    if (choose(l, file_of) != APR_SUCCESS || check_tracks(l) != APR_SUCCESS) {
        return l->cx->code;
    }
    for (int i = 0; i < l->ntracks; i++) {
        name_track(l, i);
    }
    fill(l, descriptor, descriptor_len, modified, p);
    return APR_SUCCESS;
}

/* -- events ------------------------------------------------------------------------------------------------ */

#define NS 1000000000

/* When the last track ends, ns on the wire. */
static int64_t end_of(const jo_period *period)
{
    int64_t end = 0;

    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        int64_t at = jo_period_counts(period, t) ? jo_ticks_ceil(t->end, t->timescale, NS) : 0;
        end = at > end ? at : end;
    }
    return end;
}

/* Events of one file that lie within the title. */
static void take_events(jo_events_builder *b, const jo_presentation *p, const jo_events *e)
{
    const jo_period *period = &p->periods[0];
    int64_t end = end_of(period);

    for (uint32_t i = 0; e != NULL && i < e->all.count; i++) {
        int64_t time = jo_period_wire(p, period, e->all.at[i].time);
        if (time >= 0 && time <= end) {
            jo_events_add_from(b, e, i, time);
        }
    }
}

/* Pictures carry them, all rungs the same: who plays the title takes one of these. Without pictures, the sounds do. */
static void place_events(loader *l, jo_presentation *p)
{
    jo_period *period = &p->periods[0];
    const char *slash = strrchr(l->path, '/');
    jo_events_builder *b = jo_events_builder_make(l->cx, slash ? slash + 1 : l->path);

    for (int i = 0; i < l->nfiles; i++) {
        take_events(b, p, l->files[i].media.events);
        period->events_memory += jo_events_memory(l->files[i].media.events);
    }
    period->events = jo_events_finish(b, true);
    period->events_memory += jo_events_memory(period->events);
    for (int i = 0; i < period->ntracks; i++) {
        jo_track *t = period->tracks[i];
        if (t->kind != JO_TEXT && t->kind == period->tracks[period->reference]->kind) {
            t->events = period->events;
        }
    }
}

apr_status_t jo_load(jo_ctx *cx, const char *path, const jo_ism *ism, const void *descriptor,
                     size_t descriptor_len, apr_time_t modified, jo_presentation **out)
{
    loader l = {.cx = cx, .path = path, .ism = ism};
    jo_presentation *p = apr_pcalloc(cx->pool, sizeof(*p));

    apr_pool_create(&l.open, cx->pool);
    apr_status_t rv = load(&l, descriptor, descriptor_len, modified, p);
    apr_pool_destroy(l.open);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (jo_presentation_align(cx, p) != APR_SUCCESS) {
        return cx->code;
    }
    place_events(&l, p);
    for (int i = 0; i < p->periods[0].ntracks; i++) {
        const jo_track *t = p->periods[0].tracks[i];
        for (int k = 1; k < t->nvariants; k++) {
            jo_track_follow((jo_track *)t->variants[k], t);
        }
    }
    if (p->periods[0].ntracks == 0) {
        return jo_fail(cx, JO_EMEDIA, "no track presents any sample");
    }
    *out = p;
    return APR_SUCCESS;
}
