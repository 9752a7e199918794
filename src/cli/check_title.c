#include "check.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../base/text.h"
#include "../base/ticks.h"
#include "../media/role.h"
#include "../output/measure.h"
#include "clients.h"
#include "facts.h"

#include <apr_strings.h>
#include <string.h>

#define SHOWN      3  /* places that are named of many */
#define LONG_GOP_S 10 /* seconds of a segment that nobody asked for */

static const jo_period *period_of(const jo_check *c)
{
    return &c->title->presentation->periods[0];
}

/* The element that brought a track: it names its file, and the track or its kind. */
static const jo_ism_track *element_of(const jo_check *c, const jo_track *t)
{
    const char *path = c->title->presentation->sources[t->span.source].path;
    const jo_ism_track *loose = NULL;

    for (int i = 0; i < c->ism->ntracks; i++) {
        const jo_ism_track *it = &c->ism->tracks[i];
        jo_ctx own = *c->cx;
        const char *src;
        if (jo_source_resolve(&own, c->path, it->src, &src) != APR_SUCCESS ||
            strcmp(src, path) != 0)
            continue;
        if (it->track_id == t->id)
            return it;
        if (it->track_id == 0 && !loose)
            loose = it;
    }
    return loose;
}

unsigned jo_check_line(const jo_check *c, const jo_track *t)
{
    const jo_ism_track *it = element_of(c, t);
    return it ? it->line : 0;
}

/* ---- key frames */

/* Is the cut of t more than half a frame off the reference's? */
static bool is_off(const jo_track *t, int64_t time, const jo_track *ref, int64_t boundary)
{
    __int128 d = (__int128)time * ref->timescale - (__int128)boundary * t->timescale;
    return (d < 0 ? -d : d) * 2 > (__int128)t->frame * ref->timescale;
}

/* Boundaries of the reference at which t has no key frame, the first few by name. */
static const char *list_misses(jo_check *c, const jo_plan *plan, int track, int *count)
{
    const jo_track *t = period_of(c)->tracks[track],
                   *ref = period_of(c)->tracks[period_of(c)->reference];
    const jo_cut *cuts = plan->tracks[track].cuts,
                 *want = plan->tracks[period_of(c)->reference].cuts;
    const char *all = "";

    *count = 0;
    for (int i = 1; i < plan->count; i++) {
        if (cuts[i].time >= t->end || want[i].time >= ref->end ||
            !is_off(t, cuts[i].time, ref, want[i].time))
            continue;
        if (++*count <= SHOWN)
            all = apr_psprintf(
                c->cx->pool, "%s%s%s (it has one at %s)", all, *all ? ", " : "",
                jo_check_seconds(c->cx->pool, want[i].time - ref->preroll, ref->timescale),
                jo_check_seconds(c->cx->pool, cuts[i].time - t->preroll, t->timescale));
    }
    return *count > SHOWN ? apr_psprintf(c->cx->pool, "%s, ...", all) : all;
}

static void check_alignment(jo_check *c, int track)
{
    const jo_track *t = period_of(c)->tracks[track];
    const char *formats = "", *misses = "", *token = t->token;
    int count = 0;

    for (int i = 0; i < JO_STREAMING; i++) {
        const jo_plan *plan = c->title->plans[i];
        if (plan->tracks[track].aligned || !(t->formats & jo_packagers[i]->format))
            continue;
        if (!*formats)
            misses = list_misses(c, plan, track, &count);
        formats =
            apr_pstrcat(c->cx->pool, formats, *formats ? ", " : "", jo_packagers[i]->name, NULL);
    }
    if (count > 0)
        jo_check_add(
            c, JO_ERROR, "misaligned-key-frames", jo_check_line(c, t), token,
            "encode all rungs with key frames at the same times: a fixed interval, none at "
            "scene cuts, from the same pictures",
            "no key frame where %s has one and segments start: at %s; %d places (%s): players "
            "can't switch cleanly to this rung",
            period_of(c)->tracks[period_of(c)->reference]->token, misses, count, formats);
}

/* Key frames too rare for the segments that are asked for. */
static void check_interval(jo_check *c, int packager)
{
    const jo_track *ref = period_of(c)->tracks[period_of(c)->reference];
    const jo_plan *plan = c->title->plans[packager];
    jo_fraction wanted = jo_packagers[packager]->length(&c->title->options);
    jo_text length;
    jo_key_facts k;

    if (ref->kind != JO_VIDEO || !ref->index->raps ||
        !(ref->formats & jo_packagers[packager]->format))
        return;
    jo_facts_keys(ref, &k);
    if (wanted.den == 0)
        wanted = (jo_fraction){LONG_GOP_S, 1};
    if (plan->longest_ms * wanted.den * 2 <= wanted.num * 3000 ||
        jo_ticks_cmp(k.longest, ref->timescale, wanted.num, wanted.den) <= 0)
        return;
    jo_text_init(&length, c->cx->pool, 0);
    jo_text_add_decimal(&length, wanted.num, wanted.den, 3);
    jo_check_add(c, JO_WARNING, "rare-key-frames", jo_check_line(c, ref), ref->token,
                 apr_psprintf(c->cx->pool,
                              "encode with a key frame at least every %s s, best at a "
                              "whole part of it",
                              length.s),
                 "key frames up to %s apart: %s segments last up to %s instead of %s s",
                 jo_check_seconds(c->cx->pool, k.longest, ref->timescale),
                 jo_packagers[packager]->name,
                 jo_check_seconds(c->cx->pool, plan->longest_ms, 1000), length.s);
}

/* ---- starts and ends */

/* a - b in ms, both in wire time without P. */
static int64_t ms_apart(int64_t a, const jo_track *ta, int64_t b, const jo_track *tb)
{
    return jo_ticks_round(a - ta->preroll, ta->timescale, 1000) -
           jo_ticks_round(b - tb->preroll, tb->timescale, 1000);
}

static void report_apart(jo_check *c, const jo_track *t, const jo_track *ref, int64_t ms, bool end)
{
    bool late = ms > 0;
    int64_t size = late ? ms : -ms;
    bool video = t->kind == JO_VIDEO;
    jo_severity severity = size > (video ? 1000 : 3000) ? JO_WARNING : JO_NOTE;

    jo_check_add(c, severity, end ? "durations-differ" : "starts-differ", jo_check_line(c, t),
                 t->token,
                 end ? "cut all tracks to one length"
                     : "give all tracks one start, by edit lists or by cutting",
                 "%s %s %s %s", end ? "ends" : "starts", jo_check_seconds(c->cx->pool, size, 1000),
                 late ? "after" : "before", ref->token);
}

static void check_times(jo_check *c, const jo_track *t)
{
    const jo_track *ref = period_of(c)->tracks[period_of(c)->reference];
    int64_t start = ms_apart(t->start, t, ref->start, ref),
            end = ms_apart(t->end, t, ref->end, ref);
    int64_t frame = jo_ticks_ceil(ref->frame, ref->timescale, 1000);
    int64_t start_most = t->kind == JO_VIDEO ? frame / 2 : 100;
    int64_t end_most = t->kind == JO_VIDEO ? 2 * frame : 1000;

    if (t == ref || t->kind == JO_TEXT)
        return;
    if (start > start_most || start < -start_most)
        report_apart(c, t, ref, start, false);
    if (end > end_most || end < -end_most)
        report_apart(c, t, ref, end, true);
}

/* ---- names and labels */

static void check_token(jo_check *c, const jo_track *t)
{
    const jo_ism_track *it = element_of(c, t);

    if (it && it->name && it->bitrate && t->bitrate == it->bitrate &&
        strcmp(it->name, t->name) != 0)
        jo_check_add(c, JO_WARNING, "duplicate-token", it->line, it->name,
                     "give it another trackName or systemBitrate",
                     "%s=%llu is an earlier track's: this one is called %s", it->name,
                     (unsigned long long)it->bitrate, t->token);
}

/* Can nobody tell them apart who reads a menu? Tracks of one name are one sound at several bit rates. */
static bool is_ambiguous(const jo_track *a, const jo_track *b)
{
    return a->kind == b->kind && a->kind != JO_VIDEO && strcmp(a->name, b->name) != 0 &&
           a->codec == b->codec && a->channels == b->channels &&
           strcmp(a->language, b->language) == 0 && jo_role_same(a, b);
}

static void check_labels(jo_check *c, int track)
{
    const jo_track *t = period_of(c)->tracks[track];

    for (int i = 0; i < track; i++) {
        const jo_track *other = period_of(c)->tracks[i];
        if (is_ambiguous(t, other)) {
            jo_check_add(
                c, JO_WARNING, "same-labels", jo_check_line(c, t), t->token,
                "say what each is by systemLanguage, param role or param description, or leave "
                "one out if it is the same sound",
                "nothing tells it from %s in a player's menu", other->token);
            break;
        }
    }
    for (int i = 0; i < track && t->labels.is_default == 1; i++) {
        const jo_track *other = period_of(c)->tracks[i];
        if (other->kind == t->kind && other->labels.is_default == 1 &&
            strcmp(other->name, t->name) != 0) {
            jo_check_add(c, JO_WARNING, "two-defaults", jo_check_line(c, t), t->token,
                         "keep one default of a kind", "%s is the default already", other->token);
            break;
        }
    }
}

/* ---- pictures */

static void check_shape(jo_check *c, const jo_track *t)
{
    const jo_track *ref = period_of(c)->tracks[period_of(c)->reference];
    int64_t a = (int64_t)jo_track_display_width(t) * ref->height;
    int64_t b = (int64_t)jo_track_display_width(ref) * t->height;

    if (t->kind == JO_VIDEO && ref->kind == JO_VIDEO && (a - b > b / 50 || b - a > b / 50))
        jo_check_add(c, JO_NOTE, "shapes-differ", jo_check_line(c, t), t->token,
                     "encode all rungs in one shape, or state the pixels' in pasp",
                     "%ux%u is not the shape of %s (%ux%u): a switch shows it",
                     jo_track_display_width(t), t->height, ref->token, jo_track_display_width(ref),
                     ref->height);
}

/* ---- formats */

static const char *codec_name(const jo_check *c, const jo_track *t)
{
    const jo_clients *who = jo_clients_find(c->cx->pool, t);
    return who ? who->codec : t->codec->name;
}

static void check_format(jo_check *c, int packager)
{
    const jo_packager *p = jo_packagers[packager];

    if (c->title->selections[packager].ntracks == 0) {
        jo_check_add(c, JO_WARNING, "empty-format", 0, p->name, NULL,
                     "can carry none of the tracks: its manifest answers 415");
        return;
    }
    for (int i = 0; i < period_of(c)->ntracks; i++) {
        const jo_track *t = period_of(c)->tracks[i];
        if (!(t->formats & p->format))
            jo_check_add(c, JO_NOTE, "format-leaves-out", jo_check_line(c, t), t->token, NULL,
                         "%s can't carry %s: left out there", p->name, codec_name(c, t));
    }
}

/* ---- all */

/* What the loader says of what it leaves out or mends; what is looked at here is not said twice. */
static void on_log(void *baton, jo_log_level level, const char *text)
{
    jo_check *c = baton;
    size_t n = strlen(text);
    bool left_out = n > 10 && strcmp(text + n - 10, ": left out") == 0 && strstr(text, ": track ");

    if (level == JO_LOG_WARNING && !left_out && !strstr(text, "key frames do not match"))
        jo_check_add(c, JO_WARNING, "loading", 0, NULL, NULL, "%s", apr_pstrdup(c->cx->pool, text));
}

static bool load(jo_check *c)
{
    const jo_log log = {on_log, c};
    jo_ctx own = *c->cx;
    jo_title *title;

    own.log = &log;
    if (jo_title_make(&own, c->path, 0, &title) != APR_SUCCESS) {
        bool named = false;
        for (int i = 0; i < c->findings->nelts; i++)
            named |= APR_ARRAY_IDX(c->findings, i, jo_finding).severity == JO_ERROR;
        if (!named)
            jo_check_add(c, JO_ERROR, "not-loadable", 0, NULL, "mend what is said", "%s",
                         own.message);
        return false;
    }
    c->title = title;
    return true;
}

void jo_check_title(jo_check *c)
{
    if (!load(c))
        return;
    for (int i = 0; i < period_of(c)->ntracks; i++) {
        check_alignment(c, i);
        check_times(c, period_of(c)->tracks[i]);
        check_token(c, period_of(c)->tracks[i]);
        check_labels(c, i);
        check_shape(c, period_of(c)->tracks[i]);
    }
    for (int i = 0; i < JO_STREAMING; i++) {
        check_interval(c, i);
        check_format(c, i);
    }
}
