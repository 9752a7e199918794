/* HLS: media playlists, and the rows of all that HLS is. RFC 8216bis. */
#include "hls.h"

#include "cmaf.h"
#include "hls_container.h"
#include "hls_keyframes.h"
#include "hls_ts.h"
#include "measure.h"
#include "packed.h"
#include "webvtt.h"

#define DEFAULT_LENGTH_S 4

static jo_fraction length(const jo_options *options)
{
    return options->hls_length.den ? options->hls_length : (jo_fraction){DEFAULT_LENGTH_S, 1};
}

jo_entry_style jo_hls_entry_style(const jo_resource *rs)
{
    return rs->settings->keep_sample_entry ? JO_ENTRY_SOURCE : JO_ENTRY_PLAIN;
}

bool jo_hls_is_webvtt(const jo_track *t)
{
    return t->fourcc == JO_FOURCC('w', 'v', 't', 't');
}

static bool is_fmp4(const jo_track *t)
{
    return !jo_hls_is_webvtt(t);
}

void jo_hls_add_name(jo_text *out, const jo_resource *rs, const jo_track *t)
{
    jo_text_add_uri(out, rs->base);
    jo_text_add(out, "-");
    jo_text_add_uri(out, t->token);
}

/* With the sound before it. */
static void add_name(jo_text *out, const jo_resource *rs, const jo_track *t, const jo_track *sound)
{
    if (sound == NULL) {
        jo_hls_add_name(out, rs, t);
        return;
    }
    jo_hls_add_name(out, rs, sound);
    jo_text_add(out, "-");
    jo_text_add_uri(out, t->token);
}

void jo_hls_add_playlist(jo_text *out, const jo_resource *rs, const jo_track *t,
                         const jo_track *sound)
{
    add_name(out, rs, t, sound);
    jo_text_add(out, ".m3u8");
    jo_text_add(out, rs->query);
}

/* The track that says where a clip's playlists start: the reference, unless it has nothing there. */
static int starting_track(const jo_period *period, const jo_plan *plan)
{
    for (int k = -1; k < period->ntracks; k++) {
        int i = k < 0 ? period->reference : k;
        if (plan->tracks[i].first == 0 && plan->tracks[i].last > 0) {
            return i;
        }
    }
    return period->reference;
}

void jo_hls_add_start(jo_text *out, const jo_period *period, const jo_plan *plan)
{
    int i = starting_track(period, plan);
    const jo_track *t = period->tracks[i];
    int64_t hidden = t->preroll - plan->tracks[i].cuts[0].time;

    if (plan->exact && hidden > 0) {
        jo_text_add(out, "#EXT-X-START:TIME-OFFSET=");
        jo_text_add_decimal(out, hidden, t->timescale, 6);
        jo_text_add(out, ",PRECISE=YES\n");
    }
}

void jo_hls_add_head(jo_text *out, int version)
{
    jo_text_addf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n## Created with mod_jitorigin\n", version);
}

/* -- media playlist -------------------------------------------------------------------------------------------- */

/* What one lists. */
typedef struct listing {
    const jo_resource *rs;
    const jo_plan *plan;
    const jo_track *track;
    const jo_track *sound;   /* muxed with it, or NULL */
    const jo_track_plan *tp; /* cuts, in ticks of the track */
    bool text;               /* WebVTT: files without cues stand for gaps */
    bool in_ts;
} listing;

static int variant_of(const jo_track *t, const jo_track_plan *tp, int segment)
{
    return t->nvariants > 1 ? t->runs[jo_track_run(t, tp->cuts[segment].sample)].variant : 0;
}

/* Where fragments lie. */
static const char *fragment_folder(const jo_resource *rs)
{
    return rs->settings->cmaf_urls ? "cmaf/" : "hls/";
}

/* Where init and media segments lie. Text has no fragments to share. */
static const char *media_folder(const listing *l)
{
    if (l->in_ts) {
        return "";
    }
    return l->text ? "hls/" : fragment_folder(l->rs);
}

static const char *extension(const listing *l)
{
    if (l->text) {
        return "webvtt";
    }
    if (!l->in_ts) {
        return "m4s";
    }
    return l->track->kind == JO_AUDIO ? jo_packed_extension(l->track) : "ts";
}

void jo_hls_add_map(jo_text *out, const jo_resource *rs, const jo_track *t, int variant,
                    const char *up)
{
    jo_text_add(out, "#EXT-X-MAP:URI=\"");
    jo_text_add(out, up);
    jo_text_add(out, rs->folder);
    jo_text_add(out, fragment_folder(rs));
    jo_hls_add_name(out, rs, t);
    if (variant > 0) {
        jo_text_addf(out, ".%d", variant + 1);
    }
    jo_text_add(out, ".m4s\"\n");
}

static void add_segment(jo_text *out, const listing *l, const jo_text *name, int i)
{
    const jo_plan *plan = l->plan;
    bool gap = jo_plan_empty(l->tp, i) && !l->text;

    jo_text_add(out, "#EXTINF:");
    jo_text_add_decimal(out, jo_plan_duration(l->tp, i), l->track->timescale, 6);
    jo_text_add(out, gap ? ", no desc\n#EXT-X-GAP\n" : ", no desc\n");
    jo_text_add(out, l->rs->folder);
    if ((i == 0 && plan->recut_head) || (i == plan->count - 1 && plan->recut_tail)) {
        jo_text_add(out, l->rs->clip);
    }
    jo_text_add_n(out, name->s, name->len);
    jo_text_add_int(out, plan->base_number + i);
    jo_text_addf(out, ".%s\n", extension(l));
}

/* Where the sample entry of some track changes, all playlists say so in the same place (RFC 8216bis 6.2.4), and as often:
 * players match segments by how many came before (4.4.4.3). Times go on across it. */
static void add_segments(jo_text *out, const listing *l)
{
    const jo_plan *plan = l->plan;
    int variant = -1, change = 0;
    jo_text name;

    jo_text_init(&name, out->pool, 128);
    jo_text_add(&name, media_folder(l));
    add_name(&name, l->rs, l->track, l->sound);
    jo_text_add(&name, "-");
    for (int i = 0; i < l->tp->last; i++) {
        if (jo_plan_empty(l->tp, i) && i >= l->tp->first) {
            continue; /* the sample before it lasts over it */
        }
        for (; change < plan->nchanges && plan->changes[change] <= i; change++) {
            jo_text_add(out, "#EXT-X-DISCONTINUITY\n");
        }
        if (!l->text && !l->in_ts && variant != variant_of(l->track, l->tp, i)) {
            variant = variant_of(l->track, l->tp, i);
            jo_hls_add_map(out, l->rs, l->track, variant, "");
        }
        add_segment(out, l, &name, i);
    }
}

/* One for all of the descriptor; what only accompanies may have longer segments (RFC 8216bis 6.2.4). */
static int64_t target(const jo_period *period, const listing *l)
{
    int64_t own = jo_measure_track_target(l->track, l->tp), all = jo_measure_target(l->plan);

    return !jo_period_counts(period, l->track) || own > all ? own : all;
}

/* RFC 8216bis 7: EXT-X-GAP 8; fMP4 7, as Apple asks for; EXTINF with decimals 3. */
static int version(const listing *l)
{
    if (l->tp->first > 0 && !l->text) {
        return 8;
    }
    return l->in_ts ? 3 : 7;
}

static void add_playlist(jo_text *out, const jo_presentation *p, const listing *l)
{
    int64_t zero = jo_ticks_round(p->preroll_num, p->preroll_den, 90000);

    jo_hls_add_head(out, version(l));
    jo_text_addf(out, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:%" APR_INT64_T_FMT "\n",
                 l->plan->base_number);
    if (!l->track->index->open_gops) {
        jo_text_add(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    jo_text_addf(out,
                 "#EXT-X-TARGETDURATION:%" APR_INT64_T_FMT
                 "\n#USP-X-TIMESTAMP-MAP:MPEGTS=%" APR_INT64_T_FMT ",LOCAL=1970-01-01T00:00:00Z\n",
                 target(&p->periods[0], l), (l->in_ts ? JO_TS_START : 0) + zero);
    jo_hls_add_start(out, &p->periods[0], l->plan);
    add_segments(out, l);
    jo_text_add(out, "#EXT-X-ENDLIST\n");
}

static apr_status_t render_media(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                 const jo_resource *rs, jo_body *body)
{
    const jo_period *period = &p->periods[0];
    listing l = {.rs = rs,
                 .plan = plan,
                 .track = period->tracks[rs->track],
                 .tp = &plan->tracks[rs->track],
                 .in_ts = jo_hls_in_ts(period, rs)};
    jo_track_plan muxed;
    jo_text out;

    l.text = jo_hls_is_webvtt(l.track);
    if (rs->sound >= 0) {
        muxed = jo_hls_muxed_plan(cx->pool, period, plan, rs->track, rs->sound);
        l.sound = period->tracks[rs->sound];
        l.tp = &muxed;
    }
    jo_text_init(&out, cx->pool, 512 + (size_t)plan->count * 80);
    add_playlist(&out, p, &l);
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- segments --------------------------------------------------------------------------------------------------- */

static apr_status_t render_init(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                const jo_resource *rs, jo_body *body)
{
    const jo_track *t = p->periods[0].tracks[rs->track];

    (void)plan;
    jo_cmaf_init(cx, rs->variant > 0 ? t->variants[rs->variant] : t, jo_hls_entry_style(rs), body);
    return APR_SUCCESS;
}

static bool is_video(const jo_track *t)
{
    return t->kind == JO_VIDEO;
}

static bool ts_enabled(const jo_settings *settings)
{
    return settings->hls_container != JO_CONTAINER_FMP4;
}

static bool is_packed(const jo_track *t, const char *extension)
{
    return t->kind == JO_AUDIO && jo_packed_carries(t) &&
           strcmp(jo_packed_extension(t), extension) == 0;
}

static bool is_aac(const jo_track *t)
{
    return is_packed(t, "aac");
}

static bool is_ac3(const jo_track *t)
{
    return is_packed(t, "ac3");
}

static bool is_ec3(const jo_track *t)
{
    return is_packed(t, "ec3");
}

static bool is_mp3(const jo_track *t)
{
    return is_packed(t, "mp3");
}

static const jo_route routes[] = {
    {"hls/$B-$T-$N.m4s",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     jo_cmaf_render_segment,
     is_fmp4},
    {"hls/$B-$T-$N.webvtt",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {JO_WEBVTT_TYPE, JO_WEBVTT_TYPE, JO_WEBVTT_TYPE},
     jo_webvtt_render_segment,
     jo_hls_is_webvtt,
     true}, /* a file without cues: players give up a text playlist that begins with gaps */
    {"hls/$B-$T.m4s",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_INIT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     render_init,
     is_fmp4},
    {"hls/$B-$T.$N.m4s",
     JO_BY_VARIANT,
     JO_NEED_INDEX,
     JO_CLASS_INIT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     render_init,
     is_fmp4},
    {"keyframes/$B-$T-$N.m4s",
     JO_BY_KEYFRAME,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"video/mp4", "video/mp4", "video/mp4"},
     jo_hls_render_keyframe,
     is_video},
    {"keyframes/$B-$T-$N.ts",
     JO_BY_KEYFRAME,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {JO_TS_TYPE, JO_TS_TYPE, JO_TS_TYPE},
     jo_hls_render_ts_keyframe,
     is_video,
     .enabled = ts_enabled},
    {"keyframes/$B-$T.m3u8",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {JO_HLS_TYPE, JO_HLS_TYPE, JO_HLS_TYPE},
     jo_hls_render_keyframes,
     is_video,
     .takes = JO_TAKES_CLIP | JO_TAKES_CONTAINER},
    {"$B-$A-$T-$N.ts",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {JO_TS_TYPE, JO_TS_TYPE, JO_TS_TYPE},
     jo_ts_render_segment,
     is_video,
     .enabled = ts_enabled},
    {"$B-$T-$N.ts",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {JO_TS_TYPE, JO_TS_TYPE, JO_TS_TYPE},
     jo_ts_render_segment,
     is_video,
     .enabled = ts_enabled},
    {"$B-$T-$N.webvtt",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {JO_WEBVTT_TYPE, JO_WEBVTT_TYPE, JO_WEBVTT_TYPE},
     jo_webvtt_render_ts_segment,
     jo_hls_is_webvtt,
     .silence = true,
     .enabled = ts_enabled},
    {"$B-$T-$N.aac",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"audio/aac", "audio/aac", "audio/aac"},
     jo_packed_render_segment,
     is_aac,
     .enabled = ts_enabled},
    {"$B-$T-$N.ac3",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"audio/ac3", "audio/ac3", "audio/ac3"},
     jo_packed_render_segment,
     is_ac3,
     .enabled = ts_enabled},
    {"$B-$T-$N.ec3",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"audio/eac3", "audio/eac3", "audio/eac3"},
     jo_packed_render_segment,
     is_ec3,
     .enabled = ts_enabled},
    {"$B-$T-$N.mp3",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"audio/mpeg", "audio/mpeg", "audio/mpeg"},
     jo_packed_render_segment,
     is_mp3,
     .enabled = ts_enabled},
    {"$B-$A-$T.m3u8",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {JO_HLS_TYPE, JO_HLS_TYPE, JO_HLS_TYPE},
     render_media,
     is_video,
     .takes = JO_TAKES_CLIP,
     .enabled = ts_enabled},
    {"$B-$T.m3u8",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {JO_HLS_TYPE, JO_HLS_TYPE, JO_HLS_TYPE},
     render_media,
     .takes = JO_TAKES_CLIP | JO_TAKES_CONTAINER},
    {"$*.m3u8",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {JO_HLS_TYPE, JO_HLS_TYPE, JO_HLS_TYPE},
     jo_hls_render_multivariant,
     .takes =
         JO_TAKES_TRACKS | JO_TAKES_ORDER | JO_TAKES_CLIP | JO_TAKES_CONTAINER | JO_TAKES_VARIANTS,
     .canonical = ".m3u8"},
};

const jo_packager jo_packager_hls = {.name = "HLS",
                                     .format = JO_HLS,
                                     .routes = routes,
                                     .nroutes = sizeof(routes) / sizeof(routes[0]),
                                     .length = length,
                                     .count = jo_ts_plan,
                                     .recount = jo_ts_replan,
                                     .measure = jo_measure_plan};
