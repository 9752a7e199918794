#include "package.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../input/ism.h"
#include "descriptor.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

/* One track's file and what it is joined from. */
typedef struct master {
    const char *path;
    int track;
    int init; /* into the list */
    int parts;
    int64_t bytes; /* of its samples */
} master;

typedef struct masters {
    jo_package *p;
    jo_listed *items;
    int nitems;
    master *files;
    int nfiles;
} masters;

static const jo_track *track_of(const masters *m, int track)
{
    return m->p->title->presentation->periods[0].tracks[track];
}

/* <base>-<name>-<bit rate>.mp4: the token without its '=', which not every program takes in a file's name. */
static const char *file_path(const masters *m, int track)
{
    const char *token = m->p->title->tokens[track], *equals = strrchr(token, '=');

    return apr_psprintf(m->p->cx->pool, "%s/%s-%.*s-%s.mp4", m->p->folder, m->p->title->base,
                        (int)(equals - token), token, equals + 1);
}

static master *find_master(masters *m, int track)
{
    for (int i = 0; i < m->nfiles; i++)
        if (m->files[i].track == track)
            return &m->files[i];
    m->files[m->nfiles] = (master){.path = file_path(m, track), .track = track, .init = -1};
    return &m->files[m->nfiles++];
}

static void warn_left_out(const masters *m)
{
    bool seen = false;

    for (int i = 0; i < m->p->title->ntokens; i++, seen = false) {
        for (int k = 0; k < m->nfiles; k++)
            seen |= m->files[k].track == i;
        if (!seen)
            fprintf(stderr, "jitorigin: warning: track %s can't be a CMAF track: left out\n",
                    m->p->title->tokens[i]);
    }
}

/* DASH's segments are the joints: every one starts at a key frame, and its init describes them as the source does. */
static apr_status_t collect(masters *m)
{
    jo_ctx *cx = m->p->cx;

    if (jo_title_list(cx, m->p->title, JO_DASH, &m->p->settings, &m->items, &m->nitems) !=
        APR_SUCCESS)
        return cx->code;
    m->files = apr_pcalloc(cx->pool, sizeof *m->files * (size_t)(m->p->title->ntokens + 1));
    for (int i = 0; i < m->nitems; i++) {
        const jo_listed *item = &m->items[i];
        if (item->track < 0)
            continue;
        master *f = find_master(m, item->track);
        if (item->class == JO_CLASS_INIT)
            f->init = i;
        f->parts += item->class == JO_CLASS_SEGMENT;
        f->bytes += item->bytes;
    }
    warn_left_out(m);
    return m->nfiles ? APR_SUCCESS : jo_fail(cx, JO_EMEDIA, "no track can be a CMAF track");
}

/* What can't be said in a file of one track. */
static apr_status_t check_track(masters *m, const master *f)
{
    const jo_track *t = track_of(m, f->track);

    if (t->nvariants > 1)
        return jo_fail(m->p->cx, JO_EMEDIA, "track %s has %d sample entries: no single CMAF track",
                       t->token, t->nvariants);
    if (t->kind == JO_VIDEO && t->preroll > 0)
        fprintf(stderr,
                "jitorigin: warning: track %s: pictures before the edit list's start will be "
                "seen\n",
                t->token);
    return APR_SUCCESS;
}

static bool is_source(const masters *m, const char *path)
{
    const jo_presentation *pr = m->p->title->presentation;

    for (int i = 0; i < pr->nsources; i++)
        if (jo_file_same(m->p->cx->pool, pr->sources[i].path, path))
            return true;
    return jo_file_same(m->p->cx->pool, m->p->title->path, path);
}

static apr_status_t check_path(masters *m, const char *path)
{
    jo_ctx *cx = m->p->cx;

    if (is_source(m, path))
        return jo_fail(cx, JO_EFORBIDDEN, "%s: is a source of this title; choose another folder",
                       path);
    if (!m->p->force && jo_file_exists(cx->pool, path))
        return jo_fail(cx, JO_EFORBIDDEN, "%s: is there; --force overwrites it", path);
    return APR_SUCCESS;
}

/* One resource behind what the file holds already; errors are kept in the command's context. */
static apr_status_t add_part(masters *m, jo_file_out *out, const jo_listed *item)
{
    int64_t before = out->length;
    jo_ctx one = *m->p->cx;

    apr_pool_create(&one.pool, m->p->cx->pool);
    if (jo_package_add(&one, m->p, item, out) != APR_SUCCESS)
        jo_fail(m->p->cx, one.code, "%s", one.message);
    else
        jo_progress_step(&m->p->progress, item->bytes, out->length - before);
    apr_pool_destroy(one.pool);
    return m->p->cx->code;
}

static apr_status_t write_master(masters *m, const master *f)
{
    jo_file_out out;

    if (jo_file_open(m->p->cx, f->path, &out) == APR_SUCCESS && f->init >= 0)
        add_part(m, &out, &m->items[f->init]);
    for (int i = 0; i < m->nitems && m->p->cx->code == APR_SUCCESS; i++)
        if (m->items[i].track == f->track && m->items[i].class == JO_CLASS_SEGMENT)
            add_part(m, &out, &m->items[i]);
    return jo_file_close(m->p->cx, &out);
}

/* ---- the descriptor */

/* Head metas of the title's own descriptor, if it has one. */
static void keep_metas(masters *m, jo_ism *ism)
{
    jo_ctx *cx = m->p->cx, own = *cx;
    const jo_ism *old;
    jo_source *src;
    char *buf;

    if (m->p->title->how & JO_TITLE_DIRECT ||
        jo_source_open(&own, m->p->title->path, &src) != APR_SUCCESS)
        return;
    buf = apr_palloc(cx->pool, (size_t)src->id.size + 1);
    if (jo_source_read(&own, src, 0, (size_t)src->id.size, buf) != APR_SUCCESS ||
        jo_ism_parse(&own, buf, (size_t)src->id.size, &old) != APR_SUCCESS)
        return;
    ism->metas = old->metas;
    ism->nmetas = old->nmetas;
}

static apr_status_t write_descriptor(masters *m, const char *path)
{
    jo_ctx *cx = m->p->cx;
    const jo_ism *all = jo_descriptor_make(cx->pool, path, m->p->title->presentation);
    jo_ism ism = *all;
    jo_file_out out;
    jo_text text;

    ism.tracks = apr_pcalloc(cx->pool, sizeof *ism.tracks * (size_t)all->ntracks);
    ism.ntracks = 0;
    for (int i = 0; i < all->ntracks; i++) { /* in the order of the title */
        for (int k = 0; k < m->nfiles; k++) {
            if (m->files[k].track != i)
                continue;
            jo_ism_track *t = &ism.tracks[ism.ntracks++];
            *t = all->tracks[i];
            t->src = strrchr(m->files[k].path, '/') + 1;
            t->track_id = 0;
        }
    }
    keep_metas(m, &ism);
    jo_text_init(&text, cx->pool, 4096);
    jo_ism_write(&ism, &text);
    if (jo_file_open(cx, path, &out) == APR_SUCCESS)
        jo_file_add(cx, &out, text.s, text.len);
    return jo_file_close(cx, &out);
}

static apr_status_t check(masters *m, const char *descriptor, int64_t *bytes, int *parts)
{
    for (int i = 0; i < m->nfiles; i++) {
        if (check_track(m, &m->files[i]) != APR_SUCCESS ||
            check_path(m, m->files[i].path) != APR_SUCCESS)
            return m->p->cx->code;
        *bytes += m->files[i].bytes;
        *parts += 1 + m->files[i].parts;
    }
    return check_path(m, descriptor);
}

apr_status_t jo_masters_write(jo_package *p)
{
    const char *path = apr_pstrcat(p->cx->pool, p->folder, "/", p->title->base, ".ism", NULL);
    masters m = {.p = p};
    int64_t bytes = 0;
    int parts = 0;

    if (collect(&m) != APR_SUCCESS || check(&m, path, &bytes, &parts) != APR_SUCCESS)
        return p->cx->code;
    jo_progress_start(&p->progress, p->quiet, bytes, parts);
    for (int i = 0; i < m.nfiles && write_master(&m, &m.files[i]) == APR_SUCCESS; i++)
        ;
    jo_progress_end(&p->progress);
    p->progress.files = m.nfiles + 1;
    return p->cx->code == APR_SUCCESS ? write_descriptor(&m, path) : p->cx->code;
}
