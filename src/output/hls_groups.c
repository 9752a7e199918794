#include "hls_groups.h"

#include "../media/lang.h"
#include "../media/role.h"
#include "hls.h"
#include "measure.h"

#include <apr_strings.h>
#include <string.h>

/* One sound in one encoding: tracks that differ in bit rate alone, highest first. */
typedef struct sound {
    int *tracks; /* into the period */
    int ntracks;
    int rendition;
} sound;

typedef struct work {
    jo_ctx *cx;
    const jo_period *period;
    sound *sounds;
    int nsounds;
    jo_hls_groups out;
} work;

static const jo_track *first_of(const work *w, const sound *s)
{
    return w->period->tracks[s->tracks[0]];
}

/* -- roles in words ------------------------------------------------------------------------------------------ */

/* What a role of 23009-1 5.8.5.5 is called in a menu, and what it says of a rendition: RFC 8216bis 4.4.6.1,
 * CTA-5005 (DASH-HLS interoperability). */
static const struct {
    const char *role;
    const char *word; /* NULL: nothing that a person needs to know */
    const char *audio, *text;
    bool chosen_by_people; /* never by the language alone */
} role_rows[] = {
    {"description", "audio description", "public.accessibility.describes-video", NULL, false},
    {"caption", "captions", NULL,
     "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-"
     "sound",
     false},
    {"easyreader", "easy to read", NULL, "public.easy-to-read", false},
    {"enhanced-audio-intelligibility", "clear dialogue",
     "public.accessibility.enhances-speech-intelligibility", NULL, false},
    {"commentary", "commentary", NULL, NULL, true},
    {"sign", "sign language", NULL, NULL, false},
    {"dub", "dubbed", NULL, NULL, false},
    {"karaoke", "karaoke", NULL, NULL, true},
    {"emergency", "emergency", NULL, NULL, true},
    {"supplementary", "supplementary", NULL, NULL, true},
    {"alternate", "alternate", NULL, NULL, false},
    {"forced-subtitle", "forced", NULL, NULL, false},
};
#define NROLES (sizeof(role_rows) / sizeof(*role_rows))

static const char *characteristics(jo_ctx *cx, const jo_track *t)
{
    const char *list = "";

    if (t->labels.characteristics != NULL) {
        return t->labels.characteristics;
    }
    for (size_t i = 0; i < NROLES; i++) {
        const char *c = t->kind == JO_TEXT ? role_rows[i].text : role_rows[i].audio;
        if (c != NULL && jo_role_has(t, role_rows[i].role)) {
            list = apr_pstrcat(cx->pool, list, *list ? "," : "", c, NULL);
        }
    }
    return *list ? list : NULL;
}

static bool chosen_by_people(const jo_track *t)
{
    for (size_t i = 0; i < NROLES; i++) {
        if (role_rows[i].chosen_by_people && jo_role_has(t, role_rows[i].role)) {
            return true;
        }
    }
    return false;
}

/* -- names ---------------------------------------------------------------------------------------------------- */

static bool name_taken(const work *w, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(w->out.renditions[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* "English", "English (commentary)"; the label if there is one. */
static const char *plain_name(jo_ctx *cx, const jo_track *t)
{
    const char *name = jo_lang_name(t->language), *words = "";

    if (t->labels.label != NULL) {
        return t->labels.label;
    }
    if (name == NULL) {
        name = *t->language ? t->language : t->name;
    }
    for (size_t i = 0; i < NROLES; i++) {
        if (role_rows[i].word != NULL && jo_role_has(t, role_rows[i].role)) {
            words = apr_pstrcat(cx->pool, words, *words ? ", " : "", role_rows[i].word, NULL);
        }
    }
    return *words ? apr_psprintf(cx->pool, "%s (%s)", name, words) : name;
}

/* Where that is taken, what tells it apart: the whole tag, the trackName, the token. */
static const char *unique_name(const work *w, int n)
{
    const jo_track *t = w->out.renditions[n].track;
    const char *plain = plain_name(w->cx, t);
    const char *tries[] = {strchr(t->language, '-') ? t->language : "", t->name, t->token};
    const char *name = plain;

    for (size_t i = 0; i < sizeof(tries) / sizeof(*tries) && name_taken(w, n, name); i++) {
        if (*tries[i]) {
            name = apr_psprintf(w->cx->pool, "%s (%s)", plain, tries[i]);
        }
    }
    return name;
}

/* -- what plays by itself ----------------------------------------------------------------------------------------- */

static bool plain(const jo_hls_rendition *r)
{
    return r->characteristics == NULL && !chosen_by_people(r->track) && !r->track->labels.forced;
}

/* Sound: the one that says so, else the first plain one. Text: only one that says so. */
static int find_default(const work *w, bool said_only)
{
    const jo_hls_groups *g = &w->out;

    for (int i = 0; i < g->nrenditions; i++) {
        if (g->renditions[i].said == 1) {
            return i;
        }
    }
    for (int i = 0; i < g->nrenditions && !said_only; i++) {
        if (g->renditions[i].said && plain(&g->renditions[i])) {
            return i;
        }
    }
    for (int i = 0; i < g->nrenditions && !said_only; i++) {
        if (g->renditions[i].said) {
            return i;
        }
    }
    return -1;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Players tell AUTOSELECT ones apart by language, characteristics and FORCED alone (RFC 8216bis 4.4.6.1.1). */
static bool selectable(const work *w, int n)
{
    const jo_hls_rendition *r = &w->out.renditions[n];

    if (r->is_default) {
        return true;
    }
    if (chosen_by_people(r->track) && !r->track->labels.forced) {
        return false;
    }
    for (int i = 0; i < w->out.nrenditions; i++) {
        const jo_hls_rendition *o = &w->out.renditions[i];
        if (i != n && (i < n ? o->autoselect : o->is_default) &&
            !strcmp(o->track->language, r->track->language) &&
            same_text(o->characteristics, r->characteristics) &&
            o->track->labels.forced == r->track->labels.forced) {
            return false;
        }
    }
    return true;
}

static void describe(work *w, bool said_only)
{
    jo_hls_groups *g = &w->out;

    for (int i = 0; i < g->nrenditions; i++) {
        g->renditions[i].characteristics = characteristics(w->cx, g->renditions[i].track);
        g->renditions[i].name = unique_name(w, i);
    }
    int first = find_default(w, said_only);
    if (first >= 0) {
        g->renditions[first].is_default = true;
        g->first = first;
    }
    for (int i = 0; i < g->nrenditions; i++) {
        g->renditions[i].autoselect = selectable(w, i);
    }
}

/* -- renditions of sound ------------------------------------------------------------------------------------------ */

static void insert_by_bitrate(const work *w, sound *s, int track)
{
    const jo_track *t = w->period->tracks[track];
    jo_hls_rendition *r = &w->out.renditions[s->rendition];
    int at = s->ntracks++;

    while (at > 0 && w->period->tracks[s->tracks[at - 1]]->bitrate < t->bitrate) {
        s->tracks[at] = s->tracks[at - 1];
        at--;
    }
    s->tracks[at] = track;
    r->said = t->labels.is_default > r->said ? t->labels.is_default : r->said;
}

/* Do a player's buffers see no difference but the bit rate? */
static bool same_encoding(const jo_track *a, const jo_track *b)
{
    return a->kind == b->kind && !strcmp(a->codec->group(a), b->codec->group(b)) &&
           a->channels == b->channels && a->sample_rate == b->sample_rate && a->joc == b->joc;
}

/* The same content in another encoding: by the same trackName, or in another codec, where names can't be the same. */
static bool same_content(const jo_track *a, const jo_track *b)
{
    return !strcmp(a->language, b->language) && jo_role_same(a, b) && !same_encoding(a, b) &&
           (!strcmp(a->name, b->name) || strcmp(a->codec->group(a), b->codec->group(b)) != 0);
}

/* Rendition that this sound belongs to: one of the same content that has no sound of this encoding yet. */
static int find_rendition(const work *w, const jo_track *t)
{
    for (int r = 0; r < w->out.nrenditions; r++) {
        bool fits = same_content(w->out.renditions[r].track, t);
        for (int i = 0; i < w->nsounds; i++) {
            fits = fits &&
                   !(w->sounds[i].rendition == r && same_encoding(first_of(w, &w->sounds[i]), t));
        }
        if (fits) {
            return r;
        }
    }
    return w->out.nrenditions;
}

static void add_sound(work *w, const jo_resource *rs, int track)
{
    sound *s = &w->sounds[w->nsounds];

    s->tracks = apr_palloc(w->cx->pool, sizeof(int) * (size_t)rs->ntracks);
    s->rendition = find_rendition(w, w->period->tracks[track]);
    if (s->rendition == w->out.nrenditions) {
        w->out.renditions[w->out.nrenditions++] =
            (jo_hls_rendition){.track = w->period->tracks[track], .said = -1};
    }
    insert_by_bitrate(w, s, track);
    w->nsounds++;
}

static void find_sounds(work *w, const jo_resource *rs)
{
    for (int j = 0; j < rs->ntracks; j++) {
        int i = rs->tracks[j], k = 0;
        const jo_track *t = w->period->tracks[i];
        if (t->kind != JO_AUDIO) {
            continue;
        }
        while (k < w->nsounds && !jo_measure_same_sound(first_of(w, &w->sounds[k]), t)) {
            k++;
        }
        if (k == w->nsounds) {
            add_sound(w, rs, i);
        } else {
            insert_by_bitrate(w, &w->sounds[k], i);
        }
    }
}

/* -- groups ------------------------------------------------------------------------------------------------------- */

/* The rendition in this encoding, else in the first there is. */
static const sound *find_sound(const work *w, int rendition, const jo_track *encoding)
{
    const sound *any = NULL;

    for (int i = 0; i < w->nsounds; i++) {
        const sound *s = &w->sounds[i];
        if (s->rendition != rendition) {
            continue;
        }
        if (same_encoding(first_of(w, s), encoding)) {
            return s;
        }
        any = any ? any : s;
    }
    return any;
}

static bool id_taken(const jo_hls_groups *g, const char *id)
{
    for (int i = 0; i < g->count; i++) {
        if (!strcmp(g->list[i].id, id)) {
            return true;
        }
    }
    return false;
}

static bool group_there(const jo_hls_groups *g, const int *tracks)
{
    for (int i = 0; i < g->count; i++) {
        if (!memcmp(g->list[i].tracks, tracks, sizeof(int) * (size_t)g->nrenditions)) {
            return true;
        }
    }
    return false;
}

static void weigh(jo_hls_group *g, int n, const jo_plan *plan)
{
    for (int k = 0; k < n; k++) {
        const jo_track_plan *tp = &plan->tracks[g->tracks[k]];
        g->peak = tp->peak > g->peak ? tp->peak : g->peak;
        g->average = tp->average > g->average ? tp->average : g->average;
    }
}

/* One bitrate level of an encoding: the level-th track of every rendition, or its last. */
static void add_group(work *w, const jo_plan *plan, const jo_track *encoding, int level)
{
    jo_hls_groups *out = &w->out;
    jo_hls_group *g = &out->list[out->count];
    const jo_track *named = NULL;

    g->tracks = apr_palloc(w->cx->pool, sizeof(int) * (size_t)out->nrenditions);
    for (int r = 0; r < out->nrenditions; r++) {
        const sound *s = find_sound(w, r, encoding);
        g->tracks[r] = s->tracks[level < s->ntracks ? level : s->ntracks - 1];
        if (named == NULL && same_encoding(w->period->tracks[g->tracks[r]], encoding)) {
            named = w->period->tracks[g->tracks[r]];
        }
    }
    if (group_there(out, g->tracks)) {
        return;
    }
    const char *stem =
        apr_psprintf(w->cx->pool, "audio-%s-%" APR_UINT64_T_FMT, encoding->codec->group(encoding),
                     (named ? named : encoding)->bitrate / 1000);
    g->id = stem;
    for (int k = 1; id_taken(out, g->id); k++) {
        g->id = apr_psprintf(w->cx->pool, "%s_%d", stem, k);
    }
    weigh(g, out->nrenditions, plan);
    out->count++;
}

static bool encoding_before(const work *w, int n)
{
    for (int i = 0; i < n; i++) {
        if (same_encoding(first_of(w, &w->sounds[i]), first_of(w, &w->sounds[n]))) {
            return true;
        }
    }
    return false;
}

static void add_groups(work *w, const jo_plan *plan)
{
    for (int i = 0; i < w->nsounds; i++) {
        const jo_track *encoding = first_of(w, &w->sounds[i]);
        int levels = 0;
        if (encoding_before(w, i)) {
            continue;
        }
        for (int k = 0; k < w->nsounds; k++) {
            const sound *s = &w->sounds[k];
            if (same_encoding(first_of(w, s), encoding) && s->ntracks > levels) {
                levels = s->ntracks;
            }
        }
        for (int level = 0; level < levels; level++) {
            add_group(w, plan, encoding, level);
        }
    }
}

static work start(jo_ctx *cx, const jo_period *period, const jo_resource *rs)
{
    size_t max = (size_t)rs->ntracks + 1;
    work w = {.cx = cx, .period = period};

    w.sounds = apr_pcalloc(cx->pool, sizeof(*w.sounds) * max);
    w.out.renditions = apr_pcalloc(cx->pool, sizeof(*w.out.renditions) * max);
    w.out.list = apr_pcalloc(cx->pool, sizeof(*w.out.list) * max);
    return w;
}

jo_hls_groups jo_hls_audio_groups(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                                  const jo_resource *rs)
{
    work w = start(cx, period, rs);

    find_sounds(&w, rs);
    describe(&w, false);
    add_groups(&w, plan);
    return w.out;
}

/* Is the same text there as WebVTT, which every HLS player shows? */
static bool has_webvtt(const jo_period *period, const jo_resource *rs, const jo_track *t)
{
    for (int j = 0; j < rs->ntracks && !jo_hls_is_webvtt(t); j++) {
        const jo_track *o = period->tracks[rs->tracks[j]];
        if (o->kind == JO_TEXT && jo_hls_is_webvtt(o) && !strcmp(o->language, t->language) &&
            jo_role_same(o, t)) {
            return true;
        }
    }
    return false;
}

jo_hls_groups jo_hls_text_groups(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                                 const jo_resource *rs)
{
    work w = start(cx, period, rs);
    jo_hls_group *g = w.out.list;

    g->id = "textstream";
    g->tracks = apr_palloc(cx->pool, sizeof(int) * ((size_t)rs->ntracks + 1));
    for (int j = 0; j < rs->ntracks; j++) {
        const jo_track *t = period->tracks[rs->tracks[j]];
        if (t->kind == JO_TEXT && !has_webvtt(period, rs, t)) {
            g->tracks[w.out.nrenditions] = rs->tracks[j];
            w.out.renditions[w.out.nrenditions++] =
                (jo_hls_rendition){.track = t, .said = t->labels.is_default};
        }
    }
    describe(&w, true);
    weigh(g, w.out.nrenditions, plan);
    w.out.count = w.out.nrenditions > 0;
    return w.out;
}
