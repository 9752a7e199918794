#include "cli.h"

#include "../base/status.h"
#include "../input/demux.h"
#include "../output/measure.h"
#include "../output/packager.h"
#include "facts.h"
#include "json.h"

#include <apr_strings.h>

#define NS    1000000000
#define FIRST 4 /* events of which the time is said */

/* ---- words */

static const char *range_word(const jo_colour *c)
{
    return !c->known           ? "colour not said"
           : c->transfer == 16 ? "HDR (PQ)"
           : c->transfer == 18 ? "HDR (HLG)"
                               : "SDR";
}

static const char *roles_text(apr_pool_t *pool, const jo_track *t)
{
    const char *all = NULL;

    for (int i = 0; i < t->nkinds; i++)
        all = apr_pstrcat(pool, all ? all : "", all ? ", " : "", t->kinds[i].value, NULL);
    return all;
}

static void add_seconds(jo_text *out, int64_t ticks, uint32_t timescale)
{
    if (ticks < 0)
        jo_text_add(out, "-");
    jo_text_add_decimal(out, ticks < 0 ? -ticks : ticks, timescale, 3);
}

/* ---- for people: a word, then what there is to say, by track */

static void line(jo_text *out, const char *word)
{
    jo_text_addf(out, "    %-11s ", word);
}

static void print_picture(jo_text *out, const jo_track *t)
{
    jo_fraction rate = jo_track_frame_rate(t);

    line(out, "picture");
    jo_text_addf(out, "%ux%u", t->width, t->height);
    if (t->sar_w != t->sar_h)
        jo_text_addf(out, " (pixels %u:%u)", t->sar_w, t->sar_h);
    jo_text_add(out, ", ");
    jo_text_add_decimal(out, rate.num, rate.den, 3);
    jo_text_addf(out, " fps, %s", range_word(&t->colour));
    if (t->colour.known)
        jo_text_addf(out, ", %s range, colour %u/%u/%u", t->colour.full_range ? "full" : "limited",
                     t->colour.primaries, t->colour.transfer, t->colour.matrix);
    jo_text_add(out, "\n");
}

static void print_sound(jo_text *out, const jo_track *t)
{
    line(out, "sound");
    jo_text_addf(out, "%u channels, %u Hz", t->channels, t->sample_rate);
    if (t->hls_channels)
        jo_text_addf(out, " (%s)", t->hls_channels);
    jo_text_add(out, "\n");
}

static void print_length(jo_text *out, const jo_track *t)
{
    const jo_index *ix = t->index;

    line(out, "length");
    add_seconds(out, ix->count ? ix->end_pts - ix->first_pts : 0, t->timescale);
    jo_text_addf(out, " s, %u samples, timescale %u", ix->count, t->timescale);
    if (ix->nfragments)
        jo_text_addf(out, ", %u fragments", ix->nfragments);
    if (t->entries > 1)
        jo_text_addf(out, ", %u sample entries", t->entries);
    jo_text_add(out, "\n");
}

static void print_keys(jo_text *out, const jo_track *t)
{
    jo_key_facts k;

    jo_facts_keys(t, &k);
    line(out, "key frames");
    if (!t->index->raps) {
        jo_text_add(out, "every picture is one\n");
        return;
    }
    jo_text_addf(out, "%u, every ", k.count);
    add_seconds(out, k.shortest, t->timescale);
    jo_text_add(out, " to ");
    add_seconds(out, k.longest, t->timescale);
    jo_text_add(out, " s, ");
    add_seconds(out, k.average, t->timescale);
    jo_text_addf(out, " s on average%s\n", t->index->open_gops ? ", open GOPs" : "");
}

static void print_edit(jo_text *out, const jo_track *t)
{
    const jo_edit *e = &t->edit;

    if (e->empty == 0 && e->media_time == 0 && e->end == INT64_MAX)
        return;
    line(out, "edit list");
    jo_text_add(out, "starts ");
    add_seconds(out, e->media_time, t->timescale);
    jo_text_add(out, " s into the media");
    if (e->empty) {
        jo_text_add(out, ", ");
        add_seconds(out, e->empty, t->timescale);
        jo_text_add(out, " s late");
    }
    if (e->end != INT64_MAX) {
        jo_text_add(out, ", ends at ");
        add_seconds(out, e->end, t->timescale);
        jo_text_add(out, " s of it");
    }
    jo_text_add(out, "\n");
}

static void print_rates(jo_text *out, const jo_track *t)
{
    line(out, "bit rate");
    jo_text_addf(out, "%lld bits/s on average, %lld in the fullest second\n",
                 (long long)jo_facts_average(t), (long long)jo_facts_peak(t));
}

static void print_labels(apr_pool_t *pool, jo_text *out, const jo_track *t)
{
    const char *roles = roles_text(pool, t);

    if (t->kind != JO_VIDEO || (t->lang && !jo_text_same(t->lang, "und"))) {
        line(out, "language");
        jo_text_addf(out, "%s\n", t->lang);
    }
    if (roles) {
        line(out, "roles");
        jo_text_addf(out, "%s\n", roles);
    }
}

static void print_head(apr_pool_t *pool, jo_text *out, const jo_track *t)
{
    const char *codec = jo_facts_codec(pool, t);

    jo_text_addf(out, "  track %-8u %s, %s", t->id, jo_facts_kind(t->kind),
                 t->codec ? t->codec->name : jo_fourcc_text(pool, t->fourcc));
    if (codec)
        jo_text_addf(out, ", %s", codec);
    if (t->supplemental)
        jo_text_addf(out, ", %s", t->supplemental);
    jo_text_add(out, "\n");
}

static void print_track(apr_pool_t *pool, jo_text *out, const jo_track *t)
{
    print_head(pool, out, t);
    if (t->codec && t->kind == JO_VIDEO)
        print_picture(out, t);
    if (t->codec && t->kind == JO_AUDIO)
        print_sound(out, t);
    print_length(out, t);
    if (t->kind == JO_VIDEO && t->index->count)
        print_keys(out, t);
    if (t->index->count)
        print_rates(out, t);
    print_edit(out, t);
    print_labels(pool, out, t);
    line(out, t->codec ? "formats" : "not packaged");
    jo_text_addf(out, "%s\n", t->codec ? jo_facts_formats(pool, t) : t->why);
}

/* Events of a stream, with the times of the first few. */
static void print_stream(jo_text *out, const jo_events *e, uint32_t stream)
{
    uint32_t n = 0;

    jo_text_addf(out, "  events         %s", e->streams[stream].scheme);
    if (*e->streams[stream].value)
        jo_text_addf(out, ", %s", e->streams[stream].value);
    jo_text_add(out, ": at ");
    for (uint32_t i = 0; i < e->all.count; i++) {
        if (e->all.at[i].stream != stream || ++n > FIRST)
            continue;
        jo_text_add(out, n > 1 ? ", " : "");
        add_seconds(out, e->all.at[i].time, NS);
    }
    jo_text_addf(out, " s%s (%u in all)\n", n > FIRST ? ", ..." : "", n);
}

static void print_file(apr_pool_t *pool, jo_text *out, const char *name, const jo_demuxed *m)
{
    jo_text_addf(out, "%s: %d track%s\n", name, m->ntracks, m->ntracks == 1 ? "" : "s");
    for (int i = 0; i < m->ntracks; i++)
        print_track(pool, out, m->tracks[i]);
    for (uint32_t i = 0; m->events && i < m->events->nstreams; i++)
        print_stream(out, m->events, i);
}

/* ---- for programs */

static void json_picture(jo_json *j, const jo_track *t)
{
    jo_fraction rate = jo_track_frame_rate(t);

    jo_json_int(j, "width", t->width);
    jo_json_int(j, "height", t->height);
    jo_json_int(j, "sarWidth", t->sar_w);
    jo_json_int(j, "sarHeight", t->sar_h);
    jo_json_ratio(j, "frameRate", rate.num, rate.den);
    if (!t->colour.known)
        return;
    jo_json_open(j, "colour", '{');
    jo_json_int(j, "primaries", t->colour.primaries);
    jo_json_int(j, "transfer", t->colour.transfer);
    jo_json_int(j, "matrix", t->colour.matrix);
    jo_json_bool(j, "fullRange", t->colour.full_range);
    jo_json_close(j, '}');
}

static void json_sound(jo_json *j, const jo_track *t)
{
    jo_json_int(j, "channels", t->channels);
    jo_json_int(j, "sampleRate", t->sample_rate);
    jo_json_text(j, "hlsChannels", t->hls_channels);
}

static void json_codec(apr_pool_t *pool, jo_json *j, const jo_track *t)
{
    jo_json_text(j, "sampleEntry", jo_fourcc_text(pool, t->fourcc));
    jo_json_text(j, "notPackaged", t->codec ? NULL : t->why);
    if (!t->codec)
        return;
    jo_json_text(j, "codec", t->codec->name);
    jo_json_text(j, "rfc6381", jo_facts_codec(pool, t));
    jo_json_text(j, "supplemental", t->supplemental);
    jo_json_open(j, "formats", '[');
    for (int i = 0; i < JO_STREAMING; i++)
        jo_json_text(j, NULL, t->formats & jo_packagers[i]->format ? jo_packagers[i]->name : NULL);
    jo_json_close(j, ']');
    if (t->kind == JO_VIDEO)
        json_picture(j, t);
    else if (t->kind == JO_AUDIO)
        json_sound(j, t);
}

static void json_keys(jo_json *j, const jo_track *t)
{
    jo_key_facts k;

    jo_facts_keys(t, &k);
    jo_json_open(j, "keyFrames", '{');
    jo_json_int(j, "count", k.count);
    jo_json_ratio(j, "shortest", k.shortest, t->timescale);
    jo_json_ratio(j, "longest", k.longest, t->timescale);
    jo_json_ratio(j, "average", k.average, t->timescale);
    jo_json_bool(j, "openGops", t->index->open_gops);
    jo_json_close(j, '}');
}

static void json_times(jo_json *j, const jo_track *t)
{
    const jo_index *ix = t->index;

    jo_json_int(j, "timescale", t->timescale);
    jo_json_int(j, "samples", ix->count);
    jo_json_int(j, "fragments", ix->nfragments);
    jo_json_int(j, "sampleEntries", t->entries);
    jo_json_ratio(j, "duration", ix->count ? ix->end_pts - ix->first_pts : 0, t->timescale);
    jo_json_open(j, "edit", '{');
    jo_json_ratio(j, "empty", t->edit.empty, t->timescale);
    jo_json_ratio(j, "mediaTime", t->edit.media_time, t->timescale);
    if (t->edit.end != INT64_MAX)
        jo_json_ratio(j, "mediaEnd", t->edit.end, t->timescale);
    jo_json_close(j, '}');
    if (ix->count == 0)
        return;
    if (t->kind == JO_VIDEO)
        json_keys(j, t);
    jo_json_int(j, "averageBitrate", jo_facts_average(t));
    jo_json_int(j, "peakBitrate", jo_facts_peak(t));
}

static void json_track(apr_pool_t *pool, jo_json *j, const jo_track *t)
{
    jo_json_open(j, NULL, '{');
    jo_json_int(j, "id", t->id);
    jo_json_text(j, "kind", jo_facts_kind(t->kind));
    jo_json_text(j, "language", t->lang);
    jo_json_open(j, "roles", '[');
    for (int i = 0; i < t->nkinds; i++) {
        jo_json_open(j, NULL, '{');
        jo_json_text(j, "scheme", t->kinds[i].scheme);
        jo_json_text(j, "value", t->kinds[i].value);
        jo_json_close(j, '}');
    }
    jo_json_close(j, ']');
    json_codec(pool, j, t);
    json_times(j, t);
    jo_json_close(j, '}');
}

static void json_events(jo_json *j, const jo_events *e)
{
    jo_json_open(j, "events", '[');
    for (uint32_t i = 0; e && i < e->all.count; i++) {
        const jo_event *x = &e->all.at[i];
        jo_json_open(j, NULL, '{');
        jo_json_text(j, "scheme", e->streams[x->stream].scheme);
        jo_json_text(j, "value", e->streams[x->stream].value);
        jo_json_ratio(j, "time", x->time, NS);
        if (x->duration >= 0)
            jo_json_ratio(j, "duration", x->duration, NS);
        jo_json_int(j, "id", x->id);
        jo_json_int(j, "bytes", x->len);
        jo_json_close(j, '}');
    }
    jo_json_close(j, ']');
}

static void json_file(apr_pool_t *pool, jo_json *j, const char *name, const jo_ctx *cx,
                      const jo_demuxed *m)
{
    jo_json_open(j, NULL, '{');
    jo_json_text(j, "file", name);
    jo_json_text(j, "error", cx->code == APR_SUCCESS ? NULL : cx->message);
    if (cx->code == APR_SUCCESS) {
        jo_json_open(j, "tracks", '[');
        for (int i = 0; i < m->ntracks; i++)
            json_track(pool, j, m->tracks[i]);
        jo_json_close(j, ']');
        json_events(j, m->events);
    }
    jo_json_close(j, '}');
}

/* ---- the command */

static apr_status_t read_file(jo_ctx *cx, const char *name, jo_demuxed *m)
{
    jo_source *src;

    if (jo_cli_is_descriptor(name))
        return jo_fail(cx, JO_EMEDIA, "%s: a descriptor; `jitorigin check` looks at those", name);
    if (jo_source_open(cx, jo_cli_absolute(cx->pool, name), &src) != APR_SUCCESS ||
        jo_demux(cx, src, m) != APR_SUCCESS)
        return cx->code;
    if (m->ntracks == 0)
        return jo_fail(cx, JO_EMEDIA, "%s: no video, audio or text track with samples", name);
    return APR_SUCCESS;
}

/* One file; false if that fails or nobody takes the text. */
static bool inspect(apr_pool_t *pool, const char *name, jo_json *j)
{
    jo_demuxed m = {0};
    jo_text out;
    jo_ctx cx;

    jo_cli_ctx(&cx, pool);
    read_file(&cx, name, &m);
    if (j)
        json_file(pool, j, name, &cx, &m);
    if (cx.code != APR_SUCCESS) {
        jo_cli_fail(&cx);
        return false;
    }
    jo_text_init(&out, pool, 4096);
    if (!j)
        print_file(pool, &out, name, &m);
    return jo_cli_write(out.s, out.len);
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    bool json = args->option[JO_OPT_JSON], good = true;
    jo_text out;
    jo_json j = {.out = &out};

    jo_text_init(&out, pool, 4096);
    if (json)
        jo_json_open(&j, NULL, '[');
    for (int i = 0; i < args->nfiles; i++) {
        apr_pool_t *one;
        apr_pool_create(&one, pool);
        good &= inspect(one, args->files[i], json ? &j : NULL);
        apr_pool_destroy(one);
    }
    if (json)
        jo_json_close(&j, ']');
    return jo_cli_write(out.s, out.len) && good ? 0 : JO_EXIT_FAILED;
}

static const apr_getopt_option_t options[] = {JO_OPTION_JSON, JO_OPTION_HELP, {0}};

const jo_command jo_cmd_inspect = {
    .name = "inspect",
    .args = "FILE...",
    .what = "say what is in MP4, MOV and CMAF files",
    .more = "Each track with its codec, picture or sound, length, key frames, bit rates, edit "
            "list, language,\n"
            "roles, and the formats that can carry it, or why none can; then event messages (timed "
            "ID3, "
            "SCTE 35).",
    .options = options,
    .least = 1,
    .most = 100000,
    .run = run,
};
