#include "check.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../media/lang.h"
#include "clients.h"
#include "facts.h"

#include <apr_strings.h>
#include <string.h>

static jo_kind kind_of(const jo_ism_track *it)
{
    return it->type == JO_ISM_VIDEO ? JO_VIDEO : it->type == JO_ISM_AUDIO ? JO_AUDIO : JO_TEXT;
}

/* ---- files */

/* Is path in the folder, or below it? */
static bool is_below(const char *path, const char *folder, size_t n)
{
    while (n > 1 && folder[n - 1] == '/')
        n--;
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || n == 1);
}

static void check_place(jo_check *c, const jo_ism_track *it, const char *path)
{
    size_t own = (size_t)(strrchr(c->path, '/') - c->path);

    if (c->root && !is_below(path, c->root, strlen(c->root)))
        jo_check_add(c, JO_ERROR, "outside-root", it->line, it->src,
                     "move it below the root, or give the server another JitOriginRoot",
                     "lies outside %s: the server refuses it (403)", c->root);
    else if (!c->root && !is_below(path, c->path, own ? own : 1))
        jo_check_add(c, JO_NOTE, "outside-folder", it->line, it->src,
                     "check with --root DIR whether the server's JitOriginRoot covers it",
                     "lies outside the descriptor's folder");
}

static const char *mend_open(const jo_ctx *cx)
{
    return cx->code == JO_ENOTFOUND    ? "put the file there, or correct src"
           : cx->code == JO_EFORBIDDEN ? "make it a regular file that the server's user may read"
                                       : "make the file anew, or copy it again";
}

static bool is_side_text(jo_ctx *cx, jo_source *src, const jo_ism_track *it)
{
    const jo_demuxer *demuxer;

    return it->type == JO_ISM_TEXT && jo_demux_find(cx, src, &demuxer) == APR_SUCCESS && !demuxer;
}

static void read_file(jo_check *c, const jo_ism_track *it, jo_checked_file *f)
{
    jo_ctx own = *c->cx;
    jo_source *src;

    if (jo_source_open(&own, f->path, &src) != APR_SUCCESS) {
        jo_check_add(c, JO_ERROR, own.code == JO_ENOTFOUND ? "missing-source" : "unreadable-source",
                     it->line, it->src, mend_open(&own), "%s", own.message);
        return;
    }
    f->side = is_side_text(&own, src, it);
    f->good = f->side || jo_demux(&own, src, &f->media) == APR_SUCCESS;
    if (!f->good)
        jo_check_add(c, JO_ERROR, "damaged-source", it->line, it->src, mend_open(&own), "%s",
                     own.message);
}

/* The source of an element, read at its first mention; NULL if src names none. */
static const jo_checked_file *find_file(jo_check *c, const jo_ism_track *it)
{
    jo_ctx own = *c->cx;
    const char *path;

    if (jo_source_resolve(&own, c->path, it->src, &path) != APR_SUCCESS) {
        jo_check_add(c, JO_ERROR, "bad-src", it->line, it->src,
                     "name a local file, as seen from the descriptor's folder", "%s", own.message);
        return NULL;
    }
    for (int i = 0; i < c->files->nelts; i++) {
        jo_checked_file *f = &APR_ARRAY_IDX(c->files, i, jo_checked_file);
        if (strcmp(f->path, path) == 0)
            return f;
    }
    jo_checked_file *f = &APR_ARRAY_PUSH(c->files, jo_checked_file);
    f->path = path;
    check_place(c, it, path);
    read_file(c, it, f);
    return f;
}

/* ---- tracks */

static void check_bitrate(jo_check *c, const jo_ism_track *it, const jo_track *t)
{
    int64_t average = jo_facts_average(t), peak = jo_facts_peak(t);
    int64_t said = (int64_t)it->bitrate, right = (average + 999) / 1000 * 1000;
    const char *mend = apr_psprintf(c->cx->pool, "systemBitrate=\"%" APR_INT64_T_FMT "\"", right);

    if (said == 0 || average == 0 || t->kind == JO_TEXT)
        return;
    if (said < average - average / 10)
        jo_check_add(
            c, JO_WARNING, "wrong-bitrate", it->line, it->src, mend,
            "systemBitrate %lld is below the average of %lld bits/s: players may choose it "
            "where it doesn't fit",
            (long long)said, (long long)average);
    else if (said > peak + peak / 10)
        jo_check_add(
            c, JO_WARNING, "wrong-bitrate", it->line, it->src, mend,
            "systemBitrate %lld is above even the fullest second (%lld bits/s; average %lld)",
            (long long)said, (long long)peak, (long long)average);
}

static void check_clients(jo_check *c, const jo_ism_track *it, const jo_track *t)
{
    const jo_clients *who = jo_clients_find(c->cx->pool, t);
    const char *add = t->kind == JO_VIDEO   ? "add an H.264 rung for the others"
                      : t->kind == JO_AUDIO ? "add an AAC track for the others"
                                            : "add TTML text or WebVTT for the others";

    if (!who || !*jo_clients_missing(c->cx->pool, who))
        return;
    if (who->apple < JO_PLAYS_YES && who->chromium < JO_PLAYS_YES && who->firefox < JO_PLAYS_YES &&
        who->android < JO_PLAYS_YES)
        jo_check_add(c, JO_WARNING, "rare-codec", it->line, it->src, add,
                     "no common client plays %s; some of: %s", who->codec,
                     jo_clients_names(c->cx->pool, who, JO_PLAYS_SOME));
    else
        jo_check_add(c, JO_NOTE, "some-clients", it->line, it->src, add, "%s: not played by %s",
                     who->codec, jo_clients_missing(c->cx->pool, who));
}

static void check_in_band(jo_check *c, const jo_ism_track *it, const jo_track *t)
{
    const char *value = jo_facts_codec(c->cx->pool, t);

    if (!t->in_band || !value)
        return;
    if (strncmp(value, "avc3", 4) == 0 || strncmp(value, "hev1", 4) == 0)
        jo_check_add(c, JO_WARNING, "in-band-parameters", it->line, it->src,
                     "write it with its parameter sets in the sample entry (avc1, hvc1)",
                     "%s: Apple's players refuse it", value);
    else
        jo_check_add(
            c, JO_NOTE, "in-band-parameters", it->line, it->src, NULL,
            "parameter sets travel in the samples; HLS announces %.4s for Apple's players, "
            "DASH keeps the source's",
            value);
}

static void check_refused(jo_check *c, const jo_ism_track *it, const jo_track *t)
{
    const char *mend = strstr(t->why, "encrypted") ? "give the clear file"
                       : t->kind == JO_VIDEO       ? "encode it as H.264 or H.265"
                       : t->kind == JO_AUDIO       ? "encode it as AAC"
                                                   : "make it TTML (stpp) or WebVTT (wvtt)";

    jo_check_add(c, JO_ERROR, "not-packaged", it->line, it->src, mend, "track %u: %s: left out",
                 t->id, t->why);
}

static void check_track(jo_check *c, const jo_ism_track *it, const jo_track *t)
{
    if (!t->codec) {
        check_refused(c, it, t);
        return;
    }
    check_bitrate(c, it, t);
    check_clients(c, it, t);
    check_in_band(c, it, t);
    if (t->index->open_gops)
        jo_check_add(c, JO_NOTE, "open-gops", it->line, it->src,
                     "encode with closed GOPs for clean switching",
                     "open GOPs: a switch may show a few pictures late");
}

static const char *what_there_is(jo_check *c, const jo_demuxed *m)
{
    const char *all = m->ntracks ? "the file has" : "the file has no track with samples";

    for (int i = 0; i < m->ntracks; i++)
        all = apr_psprintf(c->cx->pool, "%s%s %s %u", all, i ? "," : "",
                           jo_facts_kind(m->tracks[i]->kind), m->tracks[i]->id);
    return all;
}

static void check_element(jo_check *c, const jo_ism_track *it)
{
    const jo_checked_file *f = find_file(c, it);
    int found = 0;

    if (it->lang && !*jo_lang_short(c->cx->pool, it->lang) && !jo_text_same(it->lang, "und") &&
        !jo_text_same(it->lang, "mis"))
        jo_check_add(c, JO_WARNING, "bad-language", it->line, it->lang,
                     "write a BCP 47 tag such as en, de-AT or zh-Hans",
                     "\"%s\" is no language tag: the track counts as of no language", it->lang);
    if (!f || !f->good || f->side)
        return;
    for (int i = 0; i < f->media.ntracks; i++) {
        const jo_track *t = f->media.tracks[i];
        if (t->kind == kind_of(it) && (it->track_id == 0 || t->id == it->track_id)) {
            found++;
            check_track(c, it, t);
        }
    }
    if (found == 0)
        jo_check_add(c, JO_ERROR, "no-such-track", it->line, it->src, what_there_is(c, &f->media),
                     "has no %s track%s%s", jo_facts_kind(kind_of(it)), it->track_id ? " " : "",
                     it->track_id ? apr_psprintf(c->cx->pool, "%u", it->track_id) : "");
}

/* Two elements that play the same track give it twice. */
static void check_twice(jo_check *c)
{
    for (int i = 0; i < c->ism->ntracks; i++) {
        const jo_ism_track *a = &c->ism->tracks[i];
        for (int k = 0; k < i; k++) {
            const jo_ism_track *b = &c->ism->tracks[k];
            if (a->type == b->type && a->track_id == b->track_id && strcmp(a->src, b->src) == 0) {
                jo_check_add(c, JO_WARNING, "same-track-twice", a->line, a->src, "leave one out",
                             "line %u plays the same track", b->line);
                break;
            }
        }
    }
}

void jo_check_sources(jo_check *c)
{
    for (int i = 0; i < c->ism->ntracks; i++)
        check_element(c, &c->ism->tracks[i]);
    check_twice(c);
}
