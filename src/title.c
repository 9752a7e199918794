#include "title.h"

#include "base/log.h"
#include "base/status.h"
#include "input/load.h"
#include "media/codec.h"
#include "media/index.h"

#include <apr_strings.h>
#include <string.h>

const char *jo_title_file_name(const char *path)
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
    if (t->how & JO_TITLE_DIRECT) {
        *ism = jo_ism_direct(open->pool, jo_title_file_name(t->path));
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
        return jo_fail_in(open, jo_title_file_name(t->path));
    }
    return APR_SUCCESS;
}

const char *jo_title_why_not(const jo_track *t)
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
                         packager->name, jo_title_why_not(t));
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

static bool same_length(const jo_title *t, const jo_packager *a, const jo_packager *b)
{
    jo_fraction x = a->length(&t->options), y = b->length(&t->options);

    return x.num == y.num && x.den == y.den;
}

/* The plan of packager n: that of an earlier one where nothing tells them apart, else a copy where the length is the
 * same. */
static apr_status_t make_plan(jo_ctx *cx, int n, jo_title *t)
{
    const jo_packager *packager = jo_packagers[n];
    const jo_period *period = &t->presentation->periods[0];
    jo_plan **out = &t->plans[n];

    if (packager->length == NULL) {
        *out = t->plans[0];
        return APR_SUCCESS;
    }
    for (int i = 0; i < n && *out == NULL; i++) {
        const jo_packager *p = jo_packagers[i];
        if (p->settle != NULL || !p->length || !same_length(t, p, packager)) {
            continue;
        }
        if (packager->settle == NULL && packager->measure == p->measure) {
            *out = t->plans[i];
            return APR_SUCCESS;
        }
        *out = jo_plan_copy(cx, period, t->plans[i]);
    }
    if (*out == NULL &&
        jo_plan_make(cx, period, packager->length(&t->options), out) != APR_SUCCESS) {
        return cx->code;
    }
    if (packager->settle) {
        packager->settle(period, *out);
    }
    if (packager->measure) {
        packager->measure(period, *out);
    }
    return packager->count && t->how & JO_TITLE_TS ? packager->count(cx, period, *out)
                                                   : APR_SUCCESS;
}

static apr_status_t make_plans(jo_ctx *cx, jo_title *t)
{
    const jo_period *period = &t->presentation->periods[0];
    const char **tokens = apr_pcalloc(cx->pool, sizeof(*tokens) * (size_t)period->ntracks);

    for (int i = 0; i < JO_PACKAGERS; i++) {
        if (make_plan(cx, i, t) != APR_SUCCESS) {
            return cx->code;
        }
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

unsigned jo_title_how(bool direct, const jo_settings *settings)
{
    return (direct ? JO_TITLE_DIRECT : 0u) |
           (settings->hls_container != JO_CONTAINER_FMP4 ? JO_TITLE_TS : 0u);
}

apr_status_t jo_title_make(jo_ctx *cx, const char *path, unsigned how, jo_title **out)
{
    jo_title *t = apr_pcalloc(cx->pool, sizeof(*t));
    jo_ctx open = *cx;

    t->path = apr_pstrdup(cx->pool, path);
    t->base = without_extension(cx->pool, jo_title_file_name(t->path));
    t->how = how;
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
    size_t n = jo_index_memory(t->index) + 1024 + sizeof(*t->runs) * (size_t)t->nruns +
               jo_track_params_memory(t);

    for (int i = 0; i < t->nvariants; i++) {
        n += sizeof(*t) + t->variants[i]->entry_len + t->variants[i]->config_len;
    }
    return n;
}

size_t jo_title_memory(const jo_title *t)
{
    const jo_period *period = &t->presentation->periods[0];
    size_t n = 16384 + period->events_memory;

    for (int i = 0; i < period->ntracks; i++) {
        n += track_memory(period->tracks[i]);
    }
    for (int i = 0; i < JO_PACKAGERS; i++) {
        size_t cuts = (size_t)(t->plans[i]->count + 1) * (size_t)period->ntracks;
        n += i == 0 || t->plans[i] != t->plans[0] ? cuts * sizeof(jo_cut) : 0;
    }
    return n;
}
