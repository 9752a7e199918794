/* DASH: ISO/IEC 23009-1, static MPD, isoff-live and CMAF profiles. */
#include "../base/status.h"
#include "../media/codec.h"
#include "cmaf.h"
#include "dash_set.h"
#include "measure.h"

#define MPD "application/dash+xml"
#define MOST_SETS \
    8192 /* adaptation sets in all periods: some MB of MPD, made anew for each request */

static jo_fraction length(const jo_options *options)
{
    return options->mpd_length;
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

/* Init segments: as the source has them, or as HLS has them where it uses the same. */
static jo_entry_style entry_style(const jo_resource *rs)
{
    return rs->settings->cmaf_urls && !rs->settings->keep_sample_entry ? JO_ENTRY_PLAIN
                                                                       : JO_ENTRY_SOURCE;
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
    jo_text_add(out, indent);
    jo_text_add(out, "    <S");
    if (with_t) {
        jo_text_add_attribute(out, "t", t);
    }
    jo_text_add_attribute(out, "d", d);
    if (repeat > 0) {
        jo_text_add_attribute(out, "r", repeat);
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

static void add_segment_template(jo_text *out, const jo_presentation *p, const jo_plan *plan,
                                 const jo_resource *rs, const jo_dash_set *s, int track)
{
    const char *indent = s->shared_timeline ? "      " : "        ";
    const jo_track *t = p->periods[0].tracks[track];
    const jo_track_plan *tp = &plan->tracks[track];
    bool by_time = jo_dash_by_time(s->template, tp);
    int64_t duration, start = plan->base_number + tp->first;

    jo_text_addf(out, "%s<SegmentTemplate", indent);
    jo_text_add_attribute(out, "timescale", t->timescale);
    if (t->preroll > 0) {
        jo_text_add_attribute(out, "presentationTimeOffset", t->preroll);
    }
    /* 1 is the default, but ffmpeg loses the last segment of a timeline without it, and asks for one too many with it
     * beside @duration */
    if (!by_time && (s->template == JO_TEMPLATE_NUMBER_TIMELINE || start != 1)) {
        jo_text_add_attribute(out, "startNumber", start);
    }
    if (s->template == JO_TEMPLATE_NUMBER && !by_time &&
        jo_dash_numbers_fit(p, t, tp, plan->count, &duration)) {
        jo_text_add_attribute(out, "duration", duration);
    }
    jo_text_add(out, " initialization=\"");
    jo_text_add_uri(out, rs->base);
    jo_text_add(out, "-$RepresentationID$");
    if (jo_dash_variant(t, tp) > 0) {
        jo_text_addf(out, ".%d", jo_dash_variant(t, tp) + 1);
    }
    jo_text_add(out, rs->settings->cmaf_urls ? ".m4s\" media=\"" : ".dash\" media=\"");
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
    jo_dash_add_fraction(out, "sar", (jo_fraction){t->sar_w, t->sar_h}, ':');
    jo_fraction rate = jo_track_frame_rate(t);
    if (rate.num > 0) { /* 0: too slow to be said in thousandths */
        jo_dash_add_fraction(out, "frameRate", rate, '/');
    }
}

/* What stands between a Representation's tags. */
static const char *representation_body(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                       const jo_resource *rs, const jo_dash_set *s, int track)
{
    jo_text out;

    jo_text_init(&out, cx->pool, 256);
    jo_dash_describe_representation(&out, &p->periods[0], s, p->periods[0].tracks[track]);
    if (!s->shared_timeline) {
        add_segment_template(&out, p, plan, rs, s, track);
    }
    return out.s;
}

static void add_representation(jo_ctx *cx, jo_text *out, const jo_presentation *p,
                               const jo_plan *plan, const jo_resource *rs, const jo_dash_set *s,
                               int k)
{
    int track = s->tracks[k];
    const jo_track *t = p->periods[0].tracks[track];
    const char *body = representation_body(cx, p, plan, rs, s, track);

    jo_text_addf(out, "      <Representation id=\"%s\"", representation_id(cx, t));
    jo_text_add_attribute(out, "bandwidth", plan->tracks[track].peak);
    jo_text_addf(out, " codecs=\"%s\"", t->codec->rfc6381(cx->pool, t, entry_style(rs)));
    jo_dash_add_codec_attributes(out, t);
    if (t->kind == JO_VIDEO) {
        add_video_attributes(out, t);
    } else if (t->kind == JO_AUDIO) {
        jo_text_add_attribute(out, "audioSamplingRate", t->sample_rate);
    }
    if (*body) {
        jo_text_addf(out, ">\n%s      </Representation>\n", body);
    } else {
        jo_text_add(out, "/>\n");
    }
}

static void add_par(jo_text *out, const jo_track *t)
{
    int64_t w = jo_track_display_width(t), h = t->height, g = jo_gcd(w, h);

    if (g > 0) {
        jo_dash_add_fraction(out, "par", (jo_fraction){w / g, h / g}, ':');
    }
}

/* By jo_kind; the groups are Unified's. */
static const struct {
    const char *type, *mime;
    int group;
} kinds[JO_KINDS] = {[JO_VIDEO] = {"video", "video/mp4", 2},
                     [JO_AUDIO] = {"audio", "audio/mp4", 1},
                     [JO_TEXT] = {"text", "application/mp4", 3}};

/* 1 is the scheme's default; who says which track is the default prefers it to what says nothing. */
static int64_t selection_priority(const jo_track *t)
{
    return t->labels.priority ? t->labels.priority : t->labels.is_default == 1 ? 2 : 1;
}

static void add_set_attributes(jo_text *out, const jo_period *period, const jo_dash_set *s)
{
    const jo_track *t = period->tracks[s->tracks[0]];
    bool open = false;
    int w = 0, h = 0;
    int64_t priority = 1;

    for (int k = 0; k < s->ntracks; k++) {
        const jo_track *r = period->tracks[s->tracks[k]];
        w = r->width > w ? r->width : w;
        h = r->height > h ? r->height : h;
        open = open || r->index->open_gops;
        priority = selection_priority(r) > priority ? selection_priority(r) : priority;
    }
    jo_text_addf(out, "    <AdaptationSet id=\"%d\" group=\"%d\" contentType=\"%s\"", s->id,
                 kinds[t->kind].group, kinds[t->kind].type);
    if (*t->language) {
        jo_text_addf(out, " lang=\"%s\"", t->language);
    }
    if (priority != 1) {
        jo_text_add_attribute(out, "selectionPriority", priority);
    }
    jo_text_addf(out, " mimeType=\"%s\"", kinds[t->kind].mime);
    if (t->kind == JO_VIDEO) {
        add_par(out, t);
        jo_text_addf(out, " maxWidth=\"%d\" maxHeight=\"%d\"", w, h);
    }
    jo_text_addf(out, " segmentAlignment=\"true\" startWithSAP=\"%d\">\n", open ? 3 : 1);
}

static void add_set(jo_ctx *cx, jo_text *out, const jo_view *q, const jo_resource *rs,
                    const jo_dash_set *s)
{
    add_set_attributes(out, &q->period, s);
    jo_dash_describe_set(out, q, s);
    if (s->shared_timeline) {
        add_segment_template(out, &q->presentation, &q->plan, rs, s, s->tracks[0]);
    }
    for (int k = 0; k < s->ntracks; k++) {
        add_representation(cx, out, &q->presentation, &q->plan, rs, s, k);
    }
    jo_text_add(out, "    </AdaptationSet>\n");
}

/* -- MPD ----------------------------------------------------------------------------------------------------- */

/* Longest listed segment of any track, ms rounded up: text may have longer ones than what counts in the plan. */
static int64_t longest_ms(const jo_period *period, const jo_plan *plan, const jo_resource *rs)
{
    int64_t longest = plan->longest_ms;

    for (int k = 0; k < rs->ntracks; k++) {
        const jo_track *t = period->tracks[rs->tracks[k]];
        int64_t ticks = jo_plan_longest(&plan->tracks[rs->tracks[k]]);
        int64_t ms = t->kind == JO_TEXT ? jo_ticks_ceil(ticks, t->timescale, 1000) : 0;
        longest = ms > longest ? ms : longest;
    }
    return longest;
}

static bool supplemental(const jo_period *period, const jo_resource *rs)
{
    for (int k = 0; k < rs->ntracks; k++) {
        if (period->tracks[rs->tracks[k]]->supplemental != NULL) {
            return true;
        }
    }
    return false;
}

/* Later periods start to the nanosecond where their pictures do; the MPD's duration ends the last one. */
static void add_periods(jo_ctx *cx, jo_text *out, const jo_presentation *p, const jo_plan *plan,
                        const jo_resource *rs)
{
    jo_dash_before before = {0};
    int count = jo_dash_periods(plan);

    for (int n = 0; n < count; n++) {
        jo_dash_set *sets = apr_pcalloc(cx->pool, sizeof(*sets) * (size_t)rs->ntracks);
        jo_view q;
        jo_dash_period_make(cx, p, plan, n, &q);
        int nsets = jo_dash_make_sets(cx, &q.presentation, &q.plan, rs, sets);
        jo_dash_identify_sets(cx, &q, sets, nsets, &before);
        jo_text_addf(out, "  <Period id=\"%d\" start=\"PT", n + 1);
        jo_text_add_decimal(out, q.start.num, q.start.den, 9);
        jo_text_add(out, "S\"");
        if (count == 1) {
            add_duration(out, "duration", jo_presentation_duration_ms(p));
        }
        jo_text_addf(out, ">\n    <BaseURL>%s%s%s</BaseURL>\n", rs->folder, rs->clip,
                     rs->settings->cmaf_urls ? "cmaf/" : "dash/");
        for (int k = 0; k < nsets; k++) {
            add_set(cx, out, &q, rs, &sets[k]);
        }
        jo_text_add(out, "  </Period>\n");
    }
}

static apr_status_t render_mpd(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                               const jo_resource *rs, jo_body *body)
{
    int64_t ms = jo_presentation_duration_ms(p);
    jo_text out;

    if ((int64_t)jo_dash_periods(plan) * rs->ntracks > MOST_SETS) {
        return jo_fail(cx, JO_EMEDIA,
                       "sample descriptions change too often for DASH: %d periods of %d tracks",
                       jo_dash_periods(plan), rs->ntracks);
    }
    jo_text_init(&out, cx->pool, 4096);
    jo_text_add(&out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                      "<!-- Created with mod_jitorigin -->\n"
                      "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\""
                      " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
                      " xsi:schemaLocation=\"urn:mpeg:dash:schema:mpd:2011 DASH-MPD.xsd\"");
    if (supplemental(&p->periods[0], rs)) {
        jo_text_add(&out, " xmlns:scte214=\"urn:scte:dash:scte214-extensions\"");
    }
    jo_text_add(&out, " type=\"static\"");
    add_duration(&out, "mediaPresentationDuration", ms);
    add_duration(&out, "maxSegmentDuration", longest_ms(&p->periods[0], plan, rs));
    add_duration(&out, "minBufferTime", plan->longest_ms);
    jo_text_add(&out, " profiles=\"urn:mpeg:dash:profile:isoff-live:2011,"
                      "urn:mpeg:dash:profile:cmaf:2019\">\n");
    add_periods(cx, &out, p, plan, rs);
    jo_text_add(&out, "</MPD>\n");
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- segments -------------------------------------------------------------------------------------------------- */

static apr_status_t render_init(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                const jo_resource *rs, jo_body *body)
{
    const jo_track *t = p->periods[0].tracks[rs->track];

    (void)plan;
    jo_cmaf_init(cx, rs->variant > 0 ? t->variants[rs->variant] : t, entry_style(rs), body);
    return APR_SUCCESS;
}

static bool shared(const jo_settings *settings)
{
    return settings->cmaf_urls;
}

#define MP4                                         \
    {                                               \
        "video/mp4", "audio/mp4", "application/mp4" \
    }

static const jo_route routes[] = {
    {"dash/$B-$T-$I.dash", JO_BY_TIME, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_cmaf_render_segment},
    {"dash/$B-$T-$N.m4s", JO_BY_NUMBER, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_cmaf_render_segment},
    {"dash/$B-$T.dash", JO_BY_NOTHING, JO_NEED_INDEX, JO_CLASS_INIT, MP4, render_init},
    {"dash/$B-$T.$N.dash", JO_BY_VARIANT, JO_NEED_INDEX, JO_CLASS_INIT, MP4, render_init},
    /* HLS uses these too: it can carry nothing that DASH can't. */
    {"cmaf/$B-$T-$N.m4s", JO_BY_NUMBER, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_cmaf_render_segment, .enabled = shared},
    /* tracks with holes, which numbers can't leave out */
    {"cmaf/$B-$T-$I.dash", JO_BY_TIME, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_cmaf_render_segment, .enabled = shared},
    {"cmaf/$B-$T.m4s", JO_BY_NOTHING, JO_NEED_INDEX, JO_CLASS_INIT, MP4, render_init,
     .enabled = shared},
    {"cmaf/$B-$T.$N.m4s", JO_BY_VARIANT, JO_NEED_INDEX, JO_CLASS_INIT, MP4, render_init,
     .enabled = shared},
    {"$*.mpd",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {MPD, MPD, MPD},
     render_mpd,
     .takes = JO_TAKES_TRACKS | JO_TAKES_CLIP | JO_TAKES_OPTIONS,
     .canonical = ".mpd"},
};

const jo_packager jo_packager_dash = {.name = "DASH",
                                      .format = JO_DASH,
                                      .routes = routes,
                                      .nroutes = sizeof(routes) / sizeof(routes[0]),
                                      .length = length,
                                      .measure = jo_measure_plan};
