/* DASH: ISO/IEC 23009-1, static MPD, isoff-live and CMAF profiles. */
#include "../base/log.h"
#include "../base/text.h"
#include "cmaf.h"
#include "measure.h"
#include "packager.h"

#include <apr_strings.h>
#include <string.h>

#define MPD "application/dash+xml"

static jo_fraction length(const jo_options *options)
{
    return options->mpd_length;
}

/* -- grouping into adaptation sets ------------------------------------------------------------------------ */

typedef struct set {
    int *tracks; /* into the period */
    int ntracks;
    const char *role;
    jo_template template; /* after the check whether plain numbers fit */
    bool shared_timeline; /* one SegmentTemplate for all */
} set;

static bool same_timeline(const jo_track_plan *a, const jo_track_plan *b, int count)
{
    if (a->first != b->first || a->last != b->last) {
        return false;
    }
    for (int i = 0; i <= count; i++) {
        if (a->cuts[i].time != b->cuts[i].time) {
            return false;
        }
    }
    return true;
}

/* May a player switch between the two? */
static bool switchable(const jo_period *period, const jo_plan *plan, int a, int b)
{
    const jo_track *x = period->tracks[a], *y = period->tracks[b];

    if (x->kind != y->kind || x->fourcc != y->fourcc || x->timescale != y->timescale ||
        strcmp(x->language, y->language)) {
        return false;
    }
    if (x->kind == JO_VIDEO) {
        return plan->tracks[a].aligned && plan->tracks[b].aligned;
    }
    return jo_measure_same_sound(x, y);
}

/* Plain $Number$ with @duration: does every segment start within half a duration of where a client will compute
 * it, and does the client compute as many as there are? */
static bool numbers_fit(const jo_presentation *p, const jo_track *t, const jo_track_plan *tp, int n,
                        int64_t *duration)
{
    int64_t total = jo_ticks_round(jo_presentation_duration_ms(p), 1000, t->timescale);
    int64_t d = (total + n - 1) / n;

    *duration = d < 1 ? 1 : d;
    if (tp->first != 0 || tp->last != n || (total + *duration - 1) / *duration != n) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        int64_t off = tp->cuts[i].time - t->preroll - i * *duration;
        if (jo_plan_empty(tp, i) || 2 * (off < 0 ? -off : off) > *duration) {
            return false;
        }
    }
    return true;
}

static void settle_set(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                       const jo_resource *rs, set *s)
{
    const jo_period *period = &p->periods[0];
    int64_t duration;

    s->template = rs->options->mpd_template;
    s->shared_timeline = true;
    for (int k = 0; k < s->ntracks; k++) {
        const jo_track *t = period->tracks[s->tracks[k]];
        const jo_track_plan *tp = &plan->tracks[s->tracks[k]];
        if (!same_timeline(tp, &plan->tracks[s->tracks[0]], plan->count)) {
            s->shared_timeline = false;
        }
        if (s->template == JO_TEMPLATE_NUMBER && !numbers_fit(p, t, tp, plan->count, &duration)) {
            s->template = JO_TEMPLATE_NUMBER_TIMELINE;
            jo_log_write(cx, JO_LOG_INFO,
                         "track %s: segments are too uneven for mpd_segment_template=number; "
                         "number_timeline is used",
                         t->token);
        }
    }
}

/* Other sound in a language that was there before is an alternate; the same sound in another codec or another
 * rung is as much the main one. */
static const char *role(const jo_period *period, const set *sets, int n, const jo_track *t)
{
    for (int i = 0; i < n; i++) {
        const jo_track *other = period->tracks[sets[i].tracks[0]];
        if (t->kind == JO_AUDIO && other->kind == JO_AUDIO &&
            !strcmp(other->language, t->language) && strcmp(other->name, t->name)) {
            return "alternate";
        }
    }
    return "main";
}

static int make_sets(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                     const jo_resource *rs, set *sets)
{
    const jo_period *period = &p->periods[0];
    int n = 0;

    for (int j = 0; j < rs->ntracks; j++) {
        int i = rs->tracks[j], k = 0;
        while (k < n && !switchable(period, plan, sets[k].tracks[0], i)) {
            k++;
        }
        if (k == n) {
            sets[n].tracks = apr_palloc(cx->pool, sizeof(int) * (size_t)period->ntracks);
            sets[n].role = role(period, sets, n, period->tracks[i]);
            n++;
        }
        sets[k].tracks[sets[k].ntracks++] = i;
    }
    for (int k = 0; k < n; k++) {
        settle_set(cx, p, plan, rs, &sets[k]);
    }
    return n;
}

/* -- text ------------------------------------------------------------------------------------------------- */

/* xs:duration with milliseconds. */
static void add_duration(jo_text *out, const char *name, int64_t ms)
{
    jo_text_addf(out, " %s=\"PT", name);
    if (ms >= 3600000) {
        jo_text_addf(out, "%" APR_INT64_T_FMT "H", ms / 3600000);
    }
    if (ms >= 60000) {
        jo_text_addf(out, "%dM", (int)(ms / 60000 % 60));
    }
    jo_text_addf(out, "%d.%03dS\"", (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void add_number(jo_text *out, const char *name, int64_t v)
{
    jo_text_addf(out, " %s=\"", name);
    jo_text_add_int(out, v);
    jo_text_add(out, "\"");
}

static void add_fraction(jo_text *out, const char *name, jo_fraction f, char sign)
{
    jo_text_addf(out, " %s=\"%" APR_INT64_T_FMT, name, f.num);
    if (f.den != 1 || sign == ':') {
        jo_text_addf(out, "%c%" APR_INT64_T_FMT, sign, f.den);
    }
    jo_text_add(out, "\"");
}

static const char *representation_id(jo_ctx *cx, const jo_track *t)
{
    jo_text id; /* goes into URLs as it is */

    jo_text_init(&id, cx->pool, 64);
    jo_text_add_uri(&id, t->token);
    return id.s;
}

/* -- SegmentTemplate ----------------------------------------------------------------------------------------- */

static void add_s(jo_text *out, const char *indent, int64_t t, bool with_t, int64_t d, int repeat)
{
    jo_text_addf(out, "%s    <S", indent);
    if (with_t) {
        add_number(out, "t", t);
    }
    add_number(out, "d", d);
    if (repeat > 0) {
        add_number(out, "r", repeat);
    }
    jo_text_add(out, "/>\n");
}

static void add_timeline(jo_text *out, const jo_track_plan *tp, const char *indent)
{
    int64_t start = 0, d = 0;
    int repeat = -1;
    bool first = true;

    jo_text_addf(out, "%s  <SegmentTimeline>\n", indent);
    for (int i = tp->first; i < tp->last; i++) {
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        if (repeat >= 0 && jo_plan_duration(tp, i) == d) {
            repeat++;
            continue;
        }
        if (repeat >= 0) {
            add_s(out, indent, start, first, d, repeat);
            first = false;
        }
        start = tp->cuts[i].time;
        d = jo_plan_duration(tp, i);
        repeat = 0;
    }
    if (repeat >= 0) {
        add_s(out, indent, start, first, d, repeat);
    }
    jo_text_addf(out, "%s  </SegmentTimeline>\n", indent);
}

/* Listed segments must be numbered without holes for $Number$. */
static bool has_holes(const jo_track_plan *tp)
{
    for (int i = tp->first; i < tp->last; i++) {
        if (jo_plan_empty(tp, i)) {
            return true;
        }
    }
    return false;
}

static void add_segment_template(jo_text *out, const jo_presentation *p, const jo_plan *plan,
                                 const jo_resource *rs, const set *s, int track)
{
    const char *indent = s->shared_timeline ? "      " : "        ";
    const jo_track *t = p->periods[0].tracks[track];
    const jo_track_plan *tp = &plan->tracks[track];
    bool by_time = s->template == JO_TEMPLATE_TIME || has_holes(tp);
    int64_t duration, start = plan->base_number + tp->first;

    jo_text_addf(out, "%s<SegmentTemplate", indent);
    add_number(out, "timescale", t->timescale);
    if (t->preroll > 0) {
        add_number(out, "presentationTimeOffset", t->preroll);
    }
    /* 1 is the default, but ffmpeg loses the last segment of a timeline without it, and asks for one too many with it
     * beside @duration */
    if (!by_time && (s->template == JO_TEMPLATE_NUMBER_TIMELINE || start != 1)) {
        add_number(out, "startNumber", start);
    }
    if (s->template == JO_TEMPLATE_NUMBER && !by_time &&
        numbers_fit(p, t, tp, plan->count, &duration)) {
        add_number(out, "duration", duration);
    }
    jo_text_add(out, " initialization=\"");
    jo_text_add_uri(out, rs->base);
    jo_text_add(out, "-$RepresentationID$.dash\" media=\"");
    jo_text_add_uri(out, rs->base);
    jo_text_add(out, by_time ? "-$RepresentationID$-$Time$.dash\""
                             : "-$RepresentationID$-$Number$.m4s\"");
    if (s->template == JO_TEMPLATE_NUMBER && !by_time) {
        jo_text_add(out, "/>\n");
        return;
    }
    jo_text_add(out, ">\n");
    add_timeline(out, tp, indent);
    jo_text_addf(out, "%s</SegmentTemplate>\n", indent);
}

/* -- AdaptationSet and Representation -------------------------------------------------------------------------- */

static void add_video_attributes(jo_text *out, const jo_track *t)
{
    jo_text_addf(out, " width=\"%u\" height=\"%u\"", t->width, t->height);
    add_fraction(out, "sar", (jo_fraction){t->sar_w, t->sar_h}, ':');
    add_fraction(out, "frameRate", jo_measure_frame_rate(t), '/');
}

/* 23091-3 ChannelConfiguration of a plain channel count. */
static unsigned channel_configuration(unsigned channels)
{
    return channels == 8 ? 7 : channels == 7 ? 11 : channels;
}

static void add_representation(jo_ctx *cx, jo_text *out, const jo_presentation *p,
                               const jo_plan *plan, const jo_resource *rs, const set *s, int k)
{
    int track = s->tracks[k];
    const jo_track *t = p->periods[0].tracks[track];

    jo_text_addf(out, "      <Representation id=\"%s\"", representation_id(cx, t));
    add_number(out, "bandwidth", plan->tracks[track].peak);
    jo_text_addf(out, " codecs=\"%s\"", t->codec->rfc6381(cx->pool, t, JO_ENTRY_SOURCE));
    if (t->kind == JO_VIDEO) {
        add_video_attributes(out, t);
    } else {
        add_number(out, "audioSamplingRate", t->sample_rate);
    }
    if (t->kind == JO_VIDEO && s->shared_timeline) {
        jo_text_add(out, "/>\n");
        return;
    }
    jo_text_add(out, ">\n");
    if (t->kind == JO_AUDIO) {
        jo_text_addf(out,
                     "        <AudioChannelConfiguration schemeIdUri="
                     "\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"%u\"/>\n",
                     channel_configuration(t->channels));
    }
    if (!s->shared_timeline) {
        add_segment_template(out, p, plan, rs, s, track);
    }
    jo_text_add(out, "      </Representation>\n");
}

static void add_par(jo_text *out, const jo_track *t)
{
    int64_t w = jo_measure_display_width(t), h = t->height, g = jo_gcd(w, h);

    if (g > 0) {
        add_fraction(out, "par", (jo_fraction){w / g, h / g}, ':');
    }
}

static void add_set_attributes(jo_text *out, const jo_period *period, const set *s, int id)
{
    const jo_track *t = period->tracks[s->tracks[0]];
    bool video = t->kind == JO_VIDEO, open = false;
    int w = 0, h = 0;

    for (int k = 0; k < s->ntracks; k++) {
        const jo_track *r = period->tracks[s->tracks[k]];
        w = r->width > w ? r->width : w;
        h = r->height > h ? r->height : h;
        open = open || r->index->open_gops;
    }
    jo_text_addf(out, "    <AdaptationSet id=\"%d\" group=\"%d\" contentType=\"%s\"", id,
                 video ? 2 : 1, video ? "video" : "audio");
    if (*t->language) {
        jo_text_addf(out, " lang=\"%s\"", t->language);
    }
    jo_text_addf(out, " mimeType=\"%s\"", video ? "video/mp4" : "audio/mp4");
    if (video) {
        add_par(out, t);
        jo_text_addf(out, " maxWidth=\"%d\" maxHeight=\"%d\"", w, h);
    }
    jo_text_addf(out, " segmentAlignment=\"true\" startWithSAP=\"%d\">\n", open ? 3 : 1);
}

static void add_set(jo_ctx *cx, jo_text *out, const jo_presentation *p, const jo_plan *plan,
                    const jo_resource *rs, const set *s, int id)
{
    add_set_attributes(out, &p->periods[0], s, id);
    jo_text_addf(out, "      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"%s\"/>\n",
                 s->role);
    if (s->shared_timeline) {
        add_segment_template(out, p, plan, rs, s, s->tracks[0]);
    }
    for (int k = 0; k < s->ntracks; k++) {
        add_representation(cx, out, p, plan, rs, s, k);
    }
    jo_text_add(out, "    </AdaptationSet>\n");
}

/* -- MPD ----------------------------------------------------------------------------------------------------- */

static apr_status_t render_mpd(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                               const jo_resource *rs, jo_body *body)
{
    int64_t ms = jo_presentation_duration_ms(p);
    set *sets = apr_pcalloc(cx->pool, sizeof(*sets) * (size_t)p->periods[0].ntracks);
    int n = make_sets(cx, p, plan, rs, sets);
    jo_text out;

    jo_text_init(&out, cx->pool, 4096);
    jo_text_add(&out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                      "<!-- Created with mod_jitorigin -->\n"
                      "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\""
                      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
                      " xsi:schemaLocation=\"urn:mpeg:dash:schema:mpd:2011 DASH-MPD.xsd\""
                      " type=\"static\"");
    add_duration(&out, "mediaPresentationDuration", ms);
    add_duration(&out, "maxSegmentDuration", plan->longest_ms);
    add_duration(&out, "minBufferTime", plan->longest_ms);
    jo_text_add(&out, " profiles=\"urn:mpeg:dash:profile:isoff-live:2011,"
                      "urn:mpeg:dash:profile:cmaf:2019\">\n  <Period id=\"1\" start=\"PT0S\"");
    add_duration(&out, "duration", ms);
    jo_text_add(&out, ">\n    <BaseURL>dash/</BaseURL>\n");
    for (int k = 0; k < n; k++) {
        add_set(cx, &out, p, plan, rs, &sets[k], k + 1);
    }
    jo_text_add(&out, "  </Period>\n</MPD>\n");
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- segments -------------------------------------------------------------------------------------------------- */

static apr_status_t render_init(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                const jo_resource *rs, jo_body *body)
{
    (void)plan;
    jo_cmaf_init(cx, p->periods[0].tracks[rs->track], JO_ENTRY_SOURCE, body);
    return APR_SUCCESS;
}

static const jo_route routes[] = {
    {"dash/$B-$T-$I.dash",
     JO_BY_TIME,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     jo_cmaf_render_segment},
    {"dash/$B-$T-$N.m4s",
     JO_BY_NUMBER,
     JO_NEED_SAMPLES,
     JO_CLASS_SEGMENT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     jo_cmaf_render_segment},
    {"dash/$B-$T.dash",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_INIT,
     {"video/mp4", "audio/mp4", "application/mp4"},
     render_init},
    {"$*.mpd", JO_BY_NOTHING, JO_NEED_INDEX, JO_CLASS_MANIFEST, {MPD, MPD, MPD}, render_mpd},
};

const jo_packager jo_packager_dash = {.name = "DASH",
                                      .format = JO_DASH,
                                      .routes = routes,
                                      .nroutes = sizeof(routes) / sizeof(routes[0]),
                                      .length = length,
                                      .measure = jo_measure_plan};
