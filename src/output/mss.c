/* Smooth Streaming: the client manifest ([MS-SSTR] 2.2.2), streams and their times, routes. */
#include "mss.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../base/text.h"
#include "../media/codec.h"
#include "../media/lang.h"
#include "../media/role.h"
#include "measure.h"

#include <string.h>

#define XML             "text/xml; charset=utf-8"
#define NEWEST          22
#define BITS_PER_SAMPLE 16

static jo_fraction length(const jo_options *options)
{
    return options->iss_length;
}

/* -- times ------------------------------------------------------------------------------------------------ */

static int64_t ticks(const jo_track *t, int64_t time)
{
    return jo_ticks_round(time, t->timescale, JO_MSS_TIMESCALE);
}

static int64_t find_offset(const jo_period *period, const jo_plan *plan)
{
    int64_t earliest = 0;

    for (int i = 0; i < period->ntracks; i++) {
        int64_t start = ticks(period->tracks[i], plan->tracks[i].cuts[0].time);
        earliest = start < earliest ? start : earliest;
    }
    return -earliest;
}

int64_t jo_mss_time(const jo_track *t, const jo_track_plan *tp, int i, int64_t offset)
{
    return ticks(t, tp->cuts[i].time) + offset;
}

int64_t jo_mss_end(const jo_period *period, const jo_plan *plan, int lead, int i)
{
    int64_t end = jo_mss_time(period->tracks[lead], &plan->tracks[lead], i + 1, plan->offset);

    for (int k = 0; plan->recut_tail && i == plan->count - 1 && k < period->ntracks; k++) {
        const jo_track_plan *tp = &plan->tracks[k];
        int64_t own = jo_mss_time(period->tracks[k], tp, i + 1, plan->offset);
        end = tp->lead == lead && own > end ? own : end;
    }
    return end;
}

static int64_t segment_time(const jo_presentation *p, const jo_plan *plan, int track, int segment)
{
    const jo_period *period = &p->periods[0];
    int lead = plan->tracks[track].lead;

    return lead < 0 ? -1
                    : jo_mss_time(period->tracks[lead], &plan->tracks[lead], segment, plan->offset);
}

static int find_time(const jo_presentation *p, const jo_plan *plan, int track, int64_t time)
{
    const jo_period *period = &p->periods[0];
    int lead = plan->tracks[track].lead;
    int64_t offset = plan->offset;

    if (lead < 0) {
        return -1;
    }
    const jo_track *t = period->tracks[lead];
    const jo_track_plan *tp = &plan->tracks[lead];
    int lo = tp->first, hi = tp->last;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (jo_mss_time(t, tp, mid, offset) < time) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    while (lo < tp->last && jo_plan_empty(tp, lo)) {
        lo++;
    }
    return lo < tp->last && jo_mss_time(t, tp, lo, offset) == time ? lo : -1;
}

/* -- the plan ---------------------------------------------------------------------------------------------- */

/* Drops the access units of an audio track that end before time 0; the first one left may begin before it. */
static void drop_priming(const jo_track *t, jo_track_plan *tp)
{
    const jo_index *ix = t->index;
    uint32_t in = tp->cuts[0].sample, end = tp->cuts[1].sample;
    int64_t zero = jo_ticks_sub(-t->span.shift, ix->cts); /* DTS of what is heard at time 0 */

    if (t->kind != JO_AUDIO || t->priming <= 0 || end <= in) {
        return;
    }
    uint32_t n = jo_index_find_dts(ix, zero);
    if (n > in && (n >= end || jo_index_dts(ix, n) > zero)) {
        n = (n < end ? n : end) - 1;
    }
    n = n < in ? in : n;
    tp->cuts[0].sample = n;
    tp->cuts[0].time = jo_index_dts(ix, n) - zero;
    tp->cuts[0].bytes = jo_index_range_bytes(ix, in, n);
}

/* The same segments, each within half a frame of the other's. */
static bool same_times(const jo_track *a, const jo_track_plan *x, const jo_track *b,
                       const jo_track_plan *y, int count)
{
    int64_t frame = ticks(a, a->frame);

    if (x->first != y->first || x->last != y->last) {
        return false;
    }
    for (int i = x->first; i < x->last && i < count; i++) {
        int64_t d = ticks(a, x->cuts[i].time) - ticks(b, y->cuts[i].time);
        if (jo_plan_empty(x, i) != jo_plan_empty(y, i) || 2 * (d < 0 ? -d : d) > frame) {
            return false;
        }
    }
    return true;
}

static bool same_kind(const jo_track *a, const jo_track *b)
{
    return a->kind == b->kind && a->codec == b->codec && !strcmp(a->name, b->name) &&
           !strcmp(a->language, b->language) &&
           (a->kind != JO_AUDIO || jo_measure_same_sound(a, b));
}

/* The track that names the segments of track i: the first that is cut like it. A rung that is not cut like those before
 * it leads nothing and is in no stream. */
static int find_lead(const jo_period *period, const jo_plan *plan, int i)
{
    const jo_track *t = period->tracks[i];
    const jo_track_plan *tp = &plan->tracks[i];

    if (!(t->formats & JO_SMOOTH) || !tp->aligned) {
        return -1;
    }
    for (int k = 0; k < i; k++) {
        if (plan->tracks[k].lead != k || !same_kind(period->tracks[k], t)) {
            continue;
        }
        if (same_times(period->tracks[k], &plan->tracks[k], t, tp, plan->count)) {
            return k;
        }
        if (t->kind == JO_VIDEO) {
            return -1;
        }
    }
    return i;
}

static void settle(const jo_period *period, jo_plan *plan)
{
    for (int i = 0; i < period->ntracks; i++) {
        drop_priming(period->tracks[i], &plan->tracks[i]);
    }
    plan->offset = find_offset(period, plan);
    for (int i = 0; i < period->ntracks; i++) {
        plan->tracks[i].lead = find_lead(period, plan, i);
    }
}

/* -- streams ----------------------------------------------------------------------------------------------- */

typedef struct level {
    const jo_track *track;
    jo_smooth smooth;
} level;

typedef struct stream {
    int lead; /* into the period's tracks */
    level *levels;
    int nlevels;
} stream;

static const char *why_not(jo_ctx *cx, const jo_track *t, const jo_track_plan *tp, jo_smooth *out)
{
    if (tp->lead < 0) {
        return "it is not cut like the tracks before it";
    }
    if (t->codec->smooth == NULL || !t->codec->smooth(cx, t, out)) {
        return "Smooth Streaming has no name for its codec";
    }
    return NULL;
}

static int make_streams(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                        const jo_resource *rs, stream *streams)
{
    int n = 0;

    for (int j = 0; j < rs->ntracks; j++) {
        const jo_track *t = period->tracks[rs->tracks[j]];
        const jo_track_plan *tp = &plan->tracks[rs->tracks[j]];
        level l = {.track = t};
        const char *why = why_not(cx, t, tp, &l.smooth);
        int k = 0;
        if (why != NULL) {
            jo_log_write(cx, JO_LOG_INFO, "track %s: not in the Smooth manifest: %s", t->token,
                         why);
            continue;
        }
        while (k < n && streams[k].lead != tp->lead) {
            k++;
        }
        if (k == n) {
            streams[n].lead = tp->lead;
            streams[n++].levels = apr_palloc(cx->pool, sizeof(level) * (size_t)rs->ntracks);
        }
        streams[k].levels[streams[k].nlevels++] = l;
    }
    return n;
}

/* -- text -------------------------------------------------------------------------------------------------- */

static void add_string(jo_text *out, const char *name, const char *value)
{
    jo_text_add(out, " ");
    jo_text_add(out, name);
    jo_text_add(out, "=\"");
    jo_text_add_xml(out, value);
    jo_text_add(out, "\"");
}

static int count_chunks(const jo_track_plan *tp)
{
    int n = 0;

    for (int i = tp->first; i < tp->last; i++) {
        n += !jo_plan_empty(tp, i);
    }
    return n;
}

/* Captions are a transcript of the sound, subtitles a translation of the speech. */
static const char *text_subtype(const jo_track *t)
{
    return jo_role_has(t, "caption") ? "CAPT" : "SUBT";
}

static void add_size(jo_text *out, const stream *s)
{
    const jo_track *largest = s->levels[0].track;
    unsigned w = 0, h = 0;

    for (int k = 0; k < s->nlevels; k++) {
        const jo_track *t = s->levels[k].track;
        w = t->width > w ? t->width : w;
        h = t->height > h ? t->height : h;
        largest = t->height > largest->height ? t : largest;
    }
    jo_text_add_attribute(out, "MaxWidth", w);
    jo_text_add_attribute(out, "MaxHeight", h);
    jo_text_add_attribute(out, "DisplayWidth", jo_track_display_width(largest));
    jo_text_add_attribute(out, "DisplayHeight", largest->height);
}

static void add_url(jo_text *out, const jo_resource *rs, const jo_track *t)
{
    jo_text name;

    jo_text_init(&name, out->pool, 64);
    jo_text_add_uri(&name, t->name);
    jo_text_addf(out, " Url=\"%s%sQualityLevels({bitrate})/Fragments(", rs->folder, rs->clip);
    jo_text_add_xml(out, name.s);
    jo_text_add(out, "={start time})\"");
}

/* ISO 639-2/T, or the whole of a tag that says more. */
static const char *language(const jo_track *t)
{
    return strchr(t->language, '-') ? t->language : jo_lang_three(t->language);
}

static void add_stream_attributes(jo_text *out, const jo_resource *rs, const jo_track_plan *tp,
                                  const stream *s)
{
    static const char *const types[] = {"video", "audio", "text"};
    const jo_track *t = s->levels[0].track;

    jo_text_addf(out, "  <StreamIndex Type=\"%s\"", types[t->kind]);
    add_string(out, "Name", t->name);
    if (t->kind == JO_TEXT) {
        add_string(out, "Subtype", text_subtype(t));
    }
    add_string(out, "Language", language(t));
    jo_text_add_attribute(out, "QualityLevels", s->nlevels);
    jo_text_add_attribute(out, "Chunks", count_chunks(tp));
    jo_text_add_attribute(out, "TimeScale", JO_MSS_TIMESCALE);
    if (t->kind == JO_VIDEO) {
        add_size(out, s);
    }
    add_url(out, rs, t);
    jo_text_add(out, ">\n");
}

static void add_private_data(jo_text *out, const jo_smooth *s)
{
    static const char digits[] = "0123456789ABCDEF";

    jo_text_add(out, " CodecPrivateData=\"");
    for (size_t i = 0; i < s->private_len; i++) {
        char hex[2] = {digits[s->private_data[i] >> 4], digits[s->private_data[i] & 15]};
        jo_text_add_n(out, hex, 2);
    }
    jo_text_add(out, "\"");
}

static void add_level(jo_text *out, const level *l, int index)
{
    const jo_track *t = l->track;

    jo_text_add(out, "    <QualityLevel");
    jo_text_add_attribute(out, "Index", index);
    jo_text_add_attribute(out, "Bitrate", (int64_t)t->bitrate);
    add_string(out, "FourCC", l->smooth.fourcc);
    if (t->kind == JO_VIDEO) {
        jo_text_add_attribute(out, "MaxWidth", t->width);
        jo_text_add_attribute(out, "MaxHeight", t->height);
    } else if (t->kind == JO_AUDIO) {
        jo_text_add_attribute(out, "SamplingRate",
                              l->smooth.sample_rate ? l->smooth.sample_rate : t->sample_rate);
        jo_text_add_attribute(out, "Channels", t->channels);
        jo_text_add_attribute(out, "BitsPerSample", BITS_PER_SAMPLE);
        jo_text_add_attribute(out, "PacketSize", l->smooth.packet_size);
        jo_text_add_attribute(out, "AudioTag", l->smooth.audio_tag);
    }
    add_private_data(out, &l->smooth);
    jo_text_add(out, "/>\n");
}

/* 2.2.2.6: the first has its time, each lasts until the next; runs of equal ones are repeated in version 2.2. */
static void add_chunk(jo_text *out, int64_t start, bool first, int64_t d, int run)
{
    jo_text_add(out, "    <c");
    if (first) {
        jo_text_add_attribute(out, "t", start);
    }
    jo_text_add_attribute(out, "d", d);
    if (run > 1) {
        jo_text_add_attribute(out, "r", run);
    }
    jo_text_add(out, "/>\n");
}

static void add_chunks(jo_text *out, const jo_period *period, const jo_plan *plan, int lead,
                       bool repeat)
{
    const jo_track_plan *tp = &plan->tracks[lead];
    int64_t start = 0, d = 0;
    int run = 0;
    bool first = true;

    for (int i = tp->first; i < tp->last; i++) {
        int64_t at = jo_mss_time(period->tracks[lead], tp, i, plan->offset);
        int64_t lasts = jo_mss_end(period, plan, lead, i) - at;
        if (jo_plan_empty(tp, i)) {
            continue;
        }
        if (repeat && run > 0 && lasts == d) {
            run++;
            continue;
        }
        if (run > 0) {
            add_chunk(out, start, first, d, run);
            first = false;
        }
        start = at;
        d = lasts;
        run = 1;
    }
    if (run > 0) {
        add_chunk(out, start, first, d, run);
    }
}

/* A clip lasts from its first chunk, which clients move to time 0, to the end of its last. */
static int64_t total_duration(const jo_presentation *p, const jo_plan *plan)
{
    const jo_period *period = &p->periods[0];
    int64_t start = INT64_MAX, end = 0;

    for (int i = 0; i < period->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        const jo_track_plan *tp = &plan->tracks[i];
        if (!jo_period_counts(period, t) || (plan->clip && tp->first >= tp->last)) {
            continue;
        }
        int64_t s = jo_mss_time(t, tp, tp->first, plan->offset);
        int64_t e = ticks(t, plan->clip ? tp->cuts[plan->count].time : t->end) + plan->offset;
        start = s < start ? s : start;
        end = e > end ? e : end;
    }
    return plan->clip && start < end ? end - start : end;
}

static apr_status_t render_manifest(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body)
{
    const jo_period *period = &p->periods[0];
    unsigned version = rs->options->iss_version ? rs->options->iss_version : NEWEST;
    stream *streams = apr_pcalloc(cx->pool, sizeof(*streams) * (size_t)rs->ntracks);
    int n = make_streams(cx, period, plan, rs, streams);
    jo_text out;

    if (n == 0) {
        return jo_fail(cx, JO_EMEDIA, "Smooth Streaming can carry none of the title's tracks");
    }
    jo_text_init(&out, cx->pool, 4096);
    jo_text_addf(&out,
                 "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                 "<!-- Created with mod_jitorigin -->\n"
                 "<SmoothStreamingMedia MajorVersion=\"2\" MinorVersion=\"%u\" TimeScale=\"%d\"",
                 version % 10, JO_MSS_TIMESCALE);
    jo_text_add_attribute(&out, "Duration", total_duration(p, plan));
    jo_text_add(&out, ">\n");
    for (int k = 0; k < n; k++) {
        const jo_track_plan *tp = &plan->tracks[streams[k].lead];
        add_stream_attributes(&out, rs, tp, &streams[k]);
        for (int i = 0; i < streams[k].nlevels; i++) {
            add_level(&out, &streams[k].levels[i], i);
        }
        add_chunks(&out, period, plan, streams[k].lead, version == NEWEST);
        jo_text_add(&out, "  </StreamIndex>\n");
    }
    jo_text_add(&out, "</SmoothStreamingMedia>\n");
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- routes ------------------------------------------------------------------------------------------------ */

#define MP4                                         \
    {                                               \
        "video/mp4", "audio/mp4", "application/mp4" \
    }
#define RAW                                                                                \
    {                                                                                      \
        "application/octet-stream", "application/octet-stream", "application/octet-stream" \
    }

#define TAKES (JO_TAKES_TRACKS | JO_TAKES_CLIP | JO_TAKES_OPTIONS)

static const jo_route routes[] = {
    {"QualityLevels($Q)/Fragments($S=$I)", JO_BY_TIME, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_mss_render_fragment},
    {"QualityLevels($Q)/FragmentInfo($S=$I)", JO_BY_TIME, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_mss_render_info},
    {"QualityLevels($Q)/RawFragments($S=$I)", JO_BY_TIME, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, RAW,
     jo_mss_render_raw},
    {"QualityLevels($Q)/KeyFrames($S=$I)", JO_BY_TIME, JO_NEED_SAMPLES, JO_CLASS_SEGMENT, MP4,
     jo_mss_render_key_frame},
    {"Manifest",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {XML, XML, XML},
     render_manifest,
     .takes = TAKES},
    {"manifest",
     JO_BY_NOTHING,
     JO_NEED_INDEX,
     JO_CLASS_MANIFEST,
     {XML, XML, XML},
     render_manifest,
     .takes = TAKES,
     .canonical = "Manifest"},
};

const jo_packager jo_packager_mss = {.name = "Smooth Streaming",
                                     .format = JO_SMOOTH,
                                     .routes = routes,
                                     .nroutes = sizeof(routes) / sizeof(routes[0]),
                                     .length = length,
                                     .settle = settle,
                                     .find_time = find_time,
                                     .segment_time = segment_time};
