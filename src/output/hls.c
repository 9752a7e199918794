/* HLS with fMP4 segments: RFC 8216bis. */
#include "../base/text.h"
#include "../media/lang.h"
#include "cmaf.h"
#include "measure.h"
#include "packager.h"

#include <apr_strings.h>
#include <string.h>

#define M3U8             "application/vnd.apple.mpegurl"
#define DEFAULT_LENGTH_S 4

static jo_fraction length(const jo_options *options)
{
    return options->hls_length.den ? options->hls_length : (jo_fraction){DEFAULT_LENGTH_S, 1};
}

static jo_entry_style entry_style(const jo_resource *rs)
{
    return rs->settings->keep_sample_entry ? JO_ENTRY_SOURCE : JO_ENTRY_PLAIN;
}

static void add_name(jo_text *out, const char *dir, const jo_resource *rs, const jo_track *t)
{
    jo_text_add(out, dir);
    jo_text_add_uri(out, rs->base);
    jo_text_add(out, "-");
    jo_text_add_uri(out, t->token);
}

static void add_head(jo_text *out, int version)
{
    jo_text_addf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n## Created with mod_jitorigin\n", version);
}

static bool independent(const jo_period *period)
{
    for (int i = 0; i < period->ntracks; i++) {
        if (period->tracks[i]->index->open_gops) {
            return false;
        }
    }
    return true;
}

/* -- audio groups -------------------------------------------------------------------------------------- */

/* A rendition is one sound; its bitrates go to groups of their own, so that every group has
 * every rendition (RFC 8216bis 4.4.6.1.1). */
typedef struct rendition {
    int *tracks; /* into the period, by bitrate, highest first */
    int ntracks;
    const char *codec; /* group word */
} rendition;

typedef struct group {
    const char *id;
    const char *codec;
    int *tracks; /* one of each rendition of the codec */
    int ntracks;
    int64_t peak, average; /* the largest of its tracks */
} group;

typedef struct groups {
    group *list;
    int count;
} groups;

static void insert_by_bitrate(const jo_period *period, rendition *r, int track)
{
    int at = r->ntracks++;
    while (at > 0 && period->tracks[r->tracks[at - 1]]->bitrate < period->tracks[track]->bitrate) {
        r->tracks[at] = r->tracks[at - 1];
        at--;
    }
    r->tracks[at] = track;
}

static int find_renditions(jo_ctx *cx, const jo_period *period, const jo_resource *rs,
                           rendition *list)
{
    int n = 0;

    for (int j = 0; j < rs->ntracks; j++) {
        int i = rs->tracks[j], k = 0;
        const jo_track *t = period->tracks[i];
        if (t->kind != JO_AUDIO) {
            continue;
        }
        while (k < n && !jo_measure_same_sound(period->tracks[list[k].tracks[0]], t)) {
            k++;
        }
        if (k == n) {
            list[n].codec = t->codec->group(t);
            list[n].tracks = apr_palloc(cx->pool, sizeof(int) * (size_t)period->ntracks);
            n++;
        }
        insert_by_bitrate(period, &list[k], i);
    }
    return n;
}

static bool codec_done(const groups *g, const char *codec)
{
    for (int i = 0; i < g->count; i++) {
        if (!strcmp(g->list[i].codec, codec)) {
            return true;
        }
    }
    return false;
}

/* One group per bitrate level of a codec: the level-th track of every rendition, or its last. */
static void add_codec_groups(jo_ctx *cx, const jo_period *period, const rendition *rs, int n,
                             const char *codec, groups *out)
{
    int levels = 0;

    for (int k = 0; k < n; k++) {
        if (!strcmp(rs[k].codec, codec) && rs[k].ntracks > levels) {
            levels = rs[k].ntracks;
        }
    }
    for (int level = 0; level < levels; level++) {
        group *g = &out->list[out->count++];
        g->codec = codec;
        g->tracks = apr_palloc(cx->pool, sizeof(int) * (size_t)n);
        for (int k = 0; k < n; k++) {
            if (!strcmp(rs[k].codec, codec)) {
                int last = rs[k].ntracks - 1;
                g->tracks[g->ntracks++] = rs[k].tracks[level < last ? level : last];
            }
        }
        g->id = apr_psprintf(cx->pool, "audio-%s-%" APR_UINT64_T_FMT, codec,
                             period->tracks[g->tracks[0]]->bitrate / 1000);
    }
}

static bool id_taken(const groups *g, int n, const char *id)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(g->list[i].id, id)) {
            return true;
        }
    }
    return false;
}

/* Largest figures of a group's tracks from the from-th on. */
static void largest(const jo_plan *plan, const group *g, int from, int64_t *peak, int64_t *average)
{
    *peak = *average = 0;
    for (int k = from; k < g->ntracks; k++) {
        const jo_track_plan *tp = &plan->tracks[g->tracks[k]];
        *peak = tp->peak > *peak ? tp->peak : *peak;
        *average = tp->average > *average ? tp->average : *average;
    }
}

static groups make_groups(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                          const jo_resource *rs)
{
    size_t max = (size_t)period->ntracks + 1;
    rendition *list = apr_pcalloc(cx->pool, sizeof(*list) * max);
    groups g = {apr_pcalloc(cx->pool, sizeof(group) * max), 0};
    int n = find_renditions(cx, period, rs, list);

    for (int k = 0; k < n; k++) {
        if (!codec_done(&g, list[k].codec)) {
            add_codec_groups(cx, period, list, n, list[k].codec, &g);
        }
    }
    for (int i = 0; i < g.count; i++) {
        const char *stem = g.list[i].id;
        for (int k = 1; id_taken(&g, i, g.list[i].id); k++) {
            g.list[i].id = apr_psprintf(cx->pool, "%s_%d", stem, k);
        }
        largest(plan, &g.list[i], 0, &g.list[i].peak, &g.list[i].average);
    }
    return g;
}

/* -- multivariant playlist --------------------------------------------------------------------------------- */

/* "English", or the trackName; made unique within the group by its trackName. */
static const char *rendition_name(jo_ctx *cx, const jo_period *period, const group *g, int k)
{
    const jo_track *t = period->tracks[g->tracks[k]];
    const char *name = jo_lang_name(t->language);

    if (name == NULL) {
        return t->name;
    }
    for (int i = 0; i < k; i++) {
        if (!strcmp(period->tracks[g->tracks[i]]->language, t->language)) {
            return apr_psprintf(cx->pool, "%s (%s)", name, t->name);
        }
    }
    return name;
}

static void add_media(jo_ctx *cx, jo_text *out, const jo_period *period, const jo_resource *rs,
                      const group *g, int k)
{
    const jo_track *t = period->tracks[g->tracks[k]];

    jo_text_addf(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=\"", g->id);
    jo_text_add_quoted(out, rendition_name(cx, period, g, k));
    jo_text_add(out, "\"");
    if (*t->language) {
        jo_text_addf(out, ",LANGUAGE=\"%s\"", t->language);
    }
    jo_text_addf(out, ",DEFAULT=%s,AUTOSELECT=YES,CHANNELS=\"%u\",URI=\"", k == 0 ? "YES" : "NO",
                 t->channels);
    add_name(out, "", rs, t);
    jo_text_add(out, ".m3u8\"\n");
}

static void add_codecs(jo_ctx *cx, jo_text *out, const jo_period *period, const jo_track *video,
                       const group *g, jo_entry_style style)
{
    const char *list = video ? video->codec->rfc6381(cx->pool, video, style) : "";

    for (int k = 0; g != NULL && k < g->ntracks; k++) {
        const jo_track *t = period->tracks[g->tracks[k]];
        const char *c = t->codec->rfc6381(cx->pool, t, style);
        if (strstr(list, c) == NULL) {
            list = apr_pstrcat(cx->pool, list, *list ? "," : "", c, NULL);
        }
    }
    jo_text_addf(out, ",CODECS=\"%s\"", list);
}

static void add_variant(jo_ctx *cx, jo_text *out, const jo_period *period, const jo_resource *rs,
                        const jo_track *t, int64_t peak, int64_t average, const group *g)
{
    bool video = t->kind == JO_VIDEO;

    jo_text_add(out, "#EXT-X-STREAM-INF:BANDWIDTH=");
    jo_text_add_int(out, peak);
    jo_text_add(out, ",AVERAGE-BANDWIDTH=");
    jo_text_add_int(out, average);
    add_codecs(cx, out, period, video ? t : NULL, g, entry_style(rs));
    if (video) {
        jo_fraction f = jo_measure_frame_rate(t);
        jo_text_addf(out, ",RESOLUTION=%ux%u", jo_measure_display_width(t), t->height);
        if (f.num * 1000 >= f.den) { /* three decimals would say 0 */
            jo_text_add(out, ",FRAME-RATE=");
            jo_text_add_decimal(out, f.num, f.den, 3);
        }
    }
    if (g != NULL) {
        jo_text_addf(out, ",AUDIO=\"%s\"", g->id);
    }
    jo_text_add(out, "\n");
    add_name(out, "", rs, t);
    jo_text_add(out, ".m3u8\n");
}

static int add_video_variants(jo_ctx *cx, jo_text *out, const jo_period *period,
                              const jo_plan *plan, const jo_resource *rs, const groups *g)
{
    int n = 0;

    for (int a = 0; a < (g->count ? g->count : 1); a++) {
        const group *audio = g->count ? &g->list[a] : NULL;
        for (int k = 0; k < rs->ntracks; k++) {
            int i = rs->tracks[k];
            const jo_track *t = period->tracks[i];
            if (t->kind != JO_VIDEO) {
                continue;
            }
            add_variant(cx, out, period, rs, t, plan->tracks[i].peak + (audio ? audio->peak : 0),
                        plan->tracks[i].average + (audio ? audio->average : 0), audio);
            n++;
        }
    }
    return n;
}

/* Sound alone: the variant is the group's first rendition. BANDWIDTH is the largest sum of any playable combination
 * (RFC 8216bis 4.4.6.2): where there are others, the variant's and the largest of theirs. */
static void add_audio_variant(jo_ctx *cx, jo_text *out, const jo_period *period,
                              const jo_plan *plan, const jo_resource *rs, const group *g)
{
    int first = g->tracks[0];
    int64_t peak, average;

    largest(plan, g, 1, &peak, &average);
    add_variant(cx, out, period, rs, period->tracks[first], peak + plan->tracks[first].peak,
                average + plan->tracks[first].average, g);
}

static apr_status_t render_multivariant(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                        const jo_resource *rs, jo_body *body)
{
    const jo_period *period = &p->periods[0];
    groups g = make_groups(cx, period, plan, rs);
    jo_text out;

    jo_text_init(&out, cx->pool, 2048);
    add_head(&out, 7);
    if (independent(period)) {
        jo_text_add(&out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    if (g.count > 0) {
        jo_text_add(&out, "\n# AUDIO groups\n");
    }
    for (int i = 0; i < g.count; i++) {
        for (int k = 0; k < g.list[i].ntracks; k++) {
            add_media(cx, &out, period, rs, &g.list[i], k);
        }
    }
    jo_text_add(&out, "\n# variants\n");
    if (add_video_variants(cx, &out, period, plan, rs, &g) == 0) {
        for (int i = 0; i < g.count; i++) {
            add_audio_variant(cx, &out, period, plan, rs, &g.list[i]);
        }
    }
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- media playlist -------------------------------------------------------------------------------------------- */

static void add_segments(jo_text *out, const jo_plan *plan, const jo_track_plan *tp,
                         const jo_track *t, const jo_resource *rs)
{
    jo_text name;

    jo_text_init(&name, out->pool, 128);
    add_name(&name, "hls/", rs, t);
    jo_text_add(&name, "-");
    for (int i = 0; i < tp->last; i++) {
        bool gap = jo_plan_empty(tp, i);
        if (gap && i >= tp->first) {
            continue; /* the sample before it lasts over it */
        }
        jo_text_add(out, "#EXTINF:");
        jo_text_add_decimal(out, jo_plan_duration(tp, i), t->timescale, 6);
        jo_text_add(out, gap ? ", no desc\n#EXT-X-GAP\n" : ", no desc\n");
        jo_text_add_n(out, name.s, name.len);
        jo_text_add_int(out, plan->base_number + i);
        jo_text_add(out, ".m4s\n");
    }
}

static apr_status_t render_media(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                 const jo_resource *rs, jo_body *body)
{
    const jo_period *period = &p->periods[0];
    const jo_track *t = period->tracks[rs->track];
    const jo_track_plan *tp = &plan->tracks[rs->track];
    jo_text out;

    jo_text_init(&out, cx->pool, 512 + (size_t)plan->count * 80);
    add_head(&out, tp->first > 0 ? 8 : 7);
    jo_text_addf(&out, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:%" APR_INT64_T_FMT "\n",
                 plan->base_number);
    if (independent(period)) {
        jo_text_add(&out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    jo_text_addf(&out,
                 "#EXT-X-TARGETDURATION:%" APR_INT64_T_FMT
                 "\n#USP-X-TIMESTAMP-MAP:MPEGTS=%" APR_INT64_T_FMT
                 ",LOCAL=1970-01-01T00:00:00Z\n#EXT-X-MAP:URI=\"",
                 jo_measure_target(plan), jo_ticks_round(p->preroll_num, p->preroll_den, 90000));
    add_name(&out, "hls/", rs, t);
    jo_text_add(&out, ".m4s\"\n");
    add_segments(&out, plan, tp, t, rs);
    jo_text_add(&out, "#EXT-X-ENDLIST\n");
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- segments --------------------------------------------------------------------------------------------------- */

static apr_status_t render_init(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                const jo_resource *rs, jo_body *body)
{
    (void)plan;
    jo_cmaf_init(cx, p->periods[0].tracks[rs->track], entry_style(rs), body);
    return APR_SUCCESS;
}

static const jo_route routes[] = {
    {"hls/$B-$T-$N.m4s",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     jo_cmaf_render_segment},
    {"hls/$B-$T.m4s",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_INIT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     render_init},
    {"$B-$T.m3u8",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {M3U8, M3U8, M3U8},
     render_media},
    {"$*.m3u8",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {M3U8, M3U8, M3U8},
     render_multivariant},
};

const jo_packager jo_packager_hls = {.name = "HLS",
                                     .format = JO_HLS,
                                     .routes = routes,
                                     .nroutes = sizeof(routes) / sizeof(routes[0]),
                                     .length = length,
                                     .measure = jo_measure_plan};
