/* The multivariant playlist: RFC 8216bis 4.4.6. */
#include "hls.h"

#include "../base/log.h"
#include "hls_container.h"
#include "hls_groups.h"
#include "hls_keyframes.h"
#include "hls_ts.h"

#include <apr_strings.h>
#include <string.h>

#define SET_SEPARATOR ", "

#define TS_VERSION    4 /* unless something else is asked for */

typedef struct multivariant {
    jo_ctx *cx;
    const jo_period *period;
    const jo_plan *plan; /* with bit rates of the container's */
    const jo_resource *rs;
    bool in_ts;
    bool multiplexed; /* sound is in the variants, not in renditions */
    jo_hls_groups audio, text;
    jo_text out;
} multivariant;

static const jo_track *listed(const multivariant *m, int k)
{
    return m->period->tracks[m->rs->tracks[k]];
}

static bool independent(const multivariant *m)
{
    for (int k = 0; k < m->rs->ntracks; k++) {
        if (listed(m, k)->index->open_gops) {
            return false;
        }
    }
    return true;
}

/* -- EXT-X-MEDIA --------------------------------------------------------------------------------------------- */

static void add_quoted(jo_text *out, const char *name, const char *value)
{
    jo_text_addf(out, ",%s=\"", name);
    jo_text_add_quoted(out, value);
    jo_text_add(out, "\"");
}

static void add_channels(jo_text *out, const jo_track *t)
{
    if (t->hls_channels != NULL) {
        add_quoted(out, "CHANNELS", t->hls_channels);
    } else if (t->channels > 0) {
        jo_text_addf(out, ",CHANNELS=\"%u\"", t->channels);
    }
}

static void add_media(multivariant *m, const jo_hls_groups *groups, const jo_hls_group *g, int k)
{
    const jo_hls_rendition *r = &groups->renditions[k];
    const jo_track *t = m->period->tracks[g->tracks[k]];
    bool text = t->kind == JO_TEXT;
    jo_text *out = &m->out;

    jo_text_addf(out, "#EXT-X-MEDIA:TYPE=%s,GROUP-ID=\"%s\"", text ? "SUBTITLES" : "AUDIO", g->id);
    add_quoted(out, "NAME", r->name);
    if (*t->language) {
        add_quoted(out, "LANGUAGE", t->language);
    }
    jo_text_addf(out, ",DEFAULT=%s,AUTOSELECT=%s", r->is_default ? "YES" : "NO",
                 r->autoselect ? "YES" : "NO");
    if (text && t->labels.forced) {
        jo_text_add(out, ",FORCED=YES");
    }
    if (r->characteristics != NULL) {
        add_quoted(out, "CHARACTERISTICS", r->characteristics);
    }
    if (!text) {
        add_channels(out, t);
    }
    jo_text_add(out, ",URI=\"");
    jo_hls_add_playlist(out, m->rs, t, NULL);
    jo_text_add(out, "\"\n");
}

static void add_groups(multivariant *m, const char *title, const jo_hls_groups *groups)
{
    if (groups->count > 0) {
        jo_text_addf(&m->out, "\n# %s groups\n", title);
    }
    for (int i = 0; i < groups->count; i++) {
        for (int k = 0; k < groups->nrenditions; k++) {
            add_media(m, groups, &groups->list[i], k);
        }
    }
}

/* -- EXT-X-STREAM-INF ------------------------------------------------------------------------------------------ */

/* One of the variant, `own` track and groups as they apply. */
typedef struct variant {
    const jo_track *own;
    int64_t peak, average; /* of everything that may play at once */
    const jo_hls_group *audio;
    const jo_track *sound; /* muxed with it */
} variant;

/* Is `word` an item of a list with commas? */
static bool in_list(const char *list, const char *word, size_t len)
{
    for (const char *p = list; *p; p += strspn(p, SET_SEPARATOR)) {
        size_t n = strcspn(p, SET_SEPARATOR);
        if (n == len && !strncmp(p, word, len)) {
            return true;
        }
        p += n;
    }
    return false;
}

static const char *join(multivariant *m, const char *list, const jo_track *t)
{
    /* in TS all streams have their parameter sets in them, and are called as Apple calls them */
    jo_entry_style style = m->in_ts ? JO_ENTRY_PLAIN : jo_hls_entry_style(m->rs);

    for (int v = 0; v < t->nvariants; v++) {
        const jo_track *as = t->variants[v];
        const char *c = as->codec->rfc6381(m->cx->pool, as, style);
        if (!in_list(list, c, strlen(c))) {
            list = apr_pstrcat(m->cx->pool, list, *list ? "," : "", c, NULL);
        }
    }
    return list;
}

static const char *join_group(multivariant *m, const char *list, const jo_hls_groups *groups,
                              const jo_hls_group *g)
{
    for (int k = 0; g != NULL && k < groups->nrenditions; k++) {
        const jo_track *t = m->period->tracks[g->tracks[k]];
        list = jo_hls_is_webvtt(t) ? list : join(m, list, t);
    }
    return list;
}

/* Every sample format there is in the variant; WebVTT files have none. */
static const char *codecs(multivariant *m, const variant *v)
{
    const jo_hls_group *text = m->text.count ? &m->text.list[0] : NULL;
    const char *list = jo_hls_is_webvtt(v->own) ? "" : join(m, "", v->own);

    list = v->sound ? join(m, list, v->sound) : list;
    list = join_group(m, list, &m->audio, v->audio);
    list = join_group(m, list, &m->text, text);
    return *list ? list : "wvtt";
}

static void add_picture(jo_text *out, const jo_track *t, bool moving)
{
    jo_fraction f = jo_track_frame_rate(t);
    const char *range = jo_codec_video_range(t);
    const jo_track *p = jo_track_largest_picture(t);

    jo_text_addf(out, ",RESOLUTION=%ux%u", jo_track_display_width(p), p->height);
    if (moving && f.num * 1000 >= f.den) { /* three decimals would say 0 */
        jo_text_add(out, ",FRAME-RATE=");
        jo_text_add_decimal(out, f.num, f.den, 3);
    }
    if (range != NULL) {
        jo_text_addf(out, ",VIDEO-RANGE=%s", range);
    }
}

static void add_rates(multivariant *m, const char *tag, int64_t peak, int64_t average)
{
    jo_text_add(&m->out, tag);
    jo_text_add(&m->out, "BANDWIDTH=");
    jo_text_add_int(&m->out, peak);
    jo_text_add(&m->out, ",AVERAGE-BANDWIDTH=");
    jo_text_add_int(&m->out, average);
}

static void add_codecs(multivariant *m, const char *list, const jo_track *own)
{
    add_quoted(&m->out, "CODECS", list);
    if (own->supplemental != NULL && !m->in_ts) {
        add_quoted(&m->out, "SUPPLEMENTAL-CODECS", own->supplemental);
    }
}

static void add_variant(multivariant *m, const variant *v)
{
    jo_text *out = &m->out;
    bool video = v->own->kind == JO_VIDEO;

    add_rates(m, "#EXT-X-STREAM-INF:", v->peak, v->average);
    add_codecs(m, codecs(m, v), v->own);
    if (video) {
        add_picture(out, v->own, true);
    }
    if (v->audio != NULL) {
        add_quoted(out, "AUDIO", v->audio->id);
    }
    if (m->text.count > 0) {
        add_quoted(out, "SUBTITLES", m->text.list[0].id);
    }
    jo_text_add(out, video ? ",CLOSED-CAPTIONS=NONE\n" : "\n");
    jo_hls_add_playlist(out, m->rs, v->own, v->sound);
    jo_text_add(out, "\n");
}

static int64_t text_peak(const multivariant *m)
{
    return m->text.count ? m->text.list[0].peak : 0;
}

static int64_t text_average(const multivariant *m)
{
    return m->text.count ? m->text.list[0].average : 0;
}

/* -- EXT-X-I-FRAME-STREAM-INF ---------------------------------------------------------------------------------- */

static void add_keyframes(multivariant *m)
{
    const char *title = "\n# keyframes\n";
    int64_t peak, average;

    for (int k = 0; k < m->rs->ntracks; k++) {
        const jo_track *t = listed(m, k);
        if (t->kind != JO_VIDEO || !jo_hls_keyframes_rates(m->cx, m->period, m->plan, m->rs,
                                                           m->rs->tracks[k], &peak, &average)) {
            continue;
        }
        jo_text_add(&m->out, title);
        title = "";
        add_rates(m, "#EXT-X-I-FRAME-STREAM-INF:", peak, average);
        add_codecs(m, join(m, "", t), t);
        add_picture(&m->out, t, false);
        jo_text_add(&m->out, ",URI=\"keyframes/");
        jo_hls_add_playlist(&m->out, m->rs, t, NULL);
        jo_text_add(&m->out, "\"\n");
    }
}

/* -- which variants there are ----------------------------------------------------------------------------------- */

static bool share(const char *a, const char *b)
{
    for (const char *p = a; *p; p += strspn(p, SET_SEPARATOR)) {
        size_t n = strcspn(p, SET_SEPARATOR);
        if (n > 0 && in_list(b, p, n)) {
            return true;
        }
        p += n;
    }
    return false;
}

/* Does a picture go with a group? By the first of its tracks that says something. */
static bool pairs(const multivariant *m, const jo_track *video, const jo_hls_group *g)
{
    for (int k = 0; k < m->audio.nrenditions && video->labels.variant_set; k++) {
        const char *set = m->period->tracks[g->tracks[k]]->labels.variant_set;
        if (set != NULL) {
            return share(video->labels.variant_set, set);
        }
    }
    return true;
}

static bool pairs_with_any(const multivariant *m, const jo_track *video)
{
    for (int a = 0; a < m->audio.count; a++) {
        if (pairs(m, video, &m->audio.list[a])) {
            return true;
        }
    }
    return false;
}

/* Every picture with one group, then with the next; a picture whose sets no group is in goes with all. */
static int add_video_variants(multivariant *m)
{
    int n = 0;

    for (int a = 0; a < (m->audio.count ? m->audio.count : 1); a++) {
        const jo_hls_group *g = m->audio.count ? &m->audio.list[a] : NULL;
        for (int k = 0; k < m->rs->ntracks; k++) {
            const jo_track *t = listed(m, k);
            const jo_track_plan *tp = &m->plan->tracks[m->rs->tracks[k]];
            if (t->kind != JO_VIDEO || (g && !pairs(m, t, g) && pairs_with_any(m, t))) {
                continue;
            }
            variant v = {t, tp->peak + (g ? g->peak : 0) + text_peak(m),
                         tp->average + (g ? g->average : 0) + text_average(m), g, NULL};
            add_variant(m, &v);
            n++;
        }
    }
    return n;
}

/* No picture: the variant is the rendition of a group that plays by itself. BANDWIDTH is the largest sum of any playable
 * combination (RFC 8216bis 4.4.6.2): where there are others, the variant's and the largest of theirs. */
static void add_plain_variant(multivariant *m, const jo_hls_groups *groups, const jo_hls_group *g)
{
    int own = g->tracks[groups->first];
    bool audio = groups == &m->audio;
    int64_t peak = 0, average = 0;

    for (int k = 0; k < groups->nrenditions; k++) {
        const jo_track_plan *tp = &m->plan->tracks[g->tracks[k]];
        if (k != groups->first) {
            peak = tp->peak > peak ? tp->peak : peak;
            average = tp->average > average ? tp->average : average;
        }
    }
    peak += audio ? text_peak(m) : 0;
    average += audio ? text_average(m) : 0;
    variant v = {m->period->tracks[own], peak + m->plan->tracks[own].peak,
                 average + m->plan->tracks[own].average, audio ? g : NULL, NULL};
    add_variant(m, &v);
}

static void add_plain_variants(multivariant *m)
{
    for (int i = 0; i < m->audio.count; i++) {
        add_plain_variant(m, &m->audio, &m->audio.list[i]);
    }
    if (m->audio.count == 0) {
        add_plain_variant(m, &m->text, &m->text.list[0]);
    }
}

/* -- without renditions: protocol versions before 4 ------------------------------------------------------------- */

/* What plays by itself with a picture: -1 none. */
static int sound_for(const multivariant *m, const jo_track *video)
{
    for (int a = 0; a < m->audio.count; a++) {
        if (pairs(m, video, &m->audio.list[a])) {
            return m->audio.list[a].tracks[m->audio.first];
        }
    }
    return m->audio.count ? m->audio.list[0].tracks[m->audio.first] : -1;
}

/* Every picture, with that sound in it. */
static int add_muxed_variants(multivariant *m)
{
    int n = 0;

    for (int k = 0; k < m->rs->ntracks; k++) {
        int i = m->rs->tracks[k], sound = sound_for(m, listed(m, k));
        const jo_track_plan *tp = &m->plan->tracks[i];
        jo_track_plan muxed;
        if (listed(m, k)->kind != JO_VIDEO) {
            continue;
        }
        if (sound >= 0) {
            muxed = jo_hls_muxed_plan(m->cx->pool, m->period, m->plan, i, sound);
            tp = &muxed;
        }
        variant v = {listed(m, k), tp->peak, tp->average, NULL,
                     sound < 0 ? NULL : m->period->tracks[sound]};
        add_variant(m, &v);
        n++;
    }
    return n;
}

/* The same sound in each of its encodings: variants are one content. */
static void add_sound_variants(multivariant *m)
{
    for (int a = 0; a < m->audio.count; a++) {
        int own = m->audio.list[a].tracks[m->audio.first];
        const jo_track_plan *tp = &m->plan->tracks[own];
        bool there = false;
        for (int b = 0; b < a; b++) {
            there = there || m->audio.list[b].tracks[m->audio.first] == own;
        }
        if (!there) {
            variant v = {m->period->tracks[own], tp->peak, tp->average, NULL, NULL};
            add_variant(m, &v);
        }
    }
}

static void add_multiplexed(multivariant *m)
{
    if (add_muxed_variants(m) == 0 || !m->rs->options->hls_no_audio_only) {
        add_sound_variants(m);
    }
}

/* -- the playlist ------------------------------------------------------------------------------------------------- */

static void log_left_out(const multivariant *m)
{
    for (int i = 0; i < m->period->ntracks; i++) {
        const jo_track *t = m->period->tracks[i];
        if (t->formats & JO_HLS && !jo_ts_carries(t, m->rs->settings)) {
            jo_log_write(m->cx, JO_LOG_INFO, "track %s: HLS in TS can't carry %s: left out",
                         t->token, t->codec->name);
        }
    }
}

static bool only_text(const multivariant *m)
{
    for (int k = 0; k < m->rs->ntracks; k++) {
        if (listed(m, k)->kind != JO_TEXT) {
            return false;
        }
    }
    return true;
}

/* How the playlist is in TS. */
static void set_ts(multivariant *m)
{
    const jo_options *o = m->rs->options;

    m->in_ts = jo_hls_in_ts(m->period, m->rs);
    if (m->in_ts) {
        m->plan = jo_hls_ts_plan(m->cx->pool, m->period, m->plan, m->rs);
        m->multiplexed = o->hls_version > 0 && o->hls_version < TS_VERSION &&
                         !o->hls_no_multiplex && !only_text(m);
        log_left_out(m);
    }
}

/* RFC 8216bis 7: renditions need none, but players before 4 don't know of them. */
static int version(const multivariant *m)
{
    return !m->in_ts ? 7 : m->multiplexed ? 3 : TS_VERSION;
}

static void add_renditions(multivariant *m)
{
    add_groups(m, "AUDIO", &m->audio);
    add_groups(m, "SUBTITLES", &m->text);
    jo_text_add(&m->out, "\n# variants\n");
    if (add_video_variants(m) == 0) {
        add_plain_variants(m);
    }
    add_keyframes(m);
}

apr_status_t jo_hls_render_multivariant(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                        const jo_resource *rs, jo_body *body)
{
    multivariant m = {.cx = cx, .period = &p->periods[0], .plan = plan, .rs = rs};

    set_ts(&m);
    m.audio = jo_hls_audio_groups(cx, m.period, m.plan, rs);
    if (!m.multiplexed) {
        m.text = jo_hls_text_groups(cx, m.period, m.plan, rs);
    }
    jo_text_init(&m.out, cx->pool, 2048);
    jo_hls_add_head(&m.out, version(&m));
    if (independent(&m)) {
        jo_text_add(&m.out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    jo_hls_add_start(&m.out, m.period, m.plan);
    if (m.multiplexed) {
        jo_text_add(&m.out, "\n# variants\n");
        add_multiplexed(&m);
    } else {
        add_renditions(&m);
    }
    jo_body_add_memory(body, m.out.s, m.out.len);
    return APR_SUCCESS;
}
