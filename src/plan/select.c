#include "select.h"

#include "../base/status.h"
#include "url.h"

#include <stddef.h>
#include <string.h>

/* Sorted by name: the order of canonical queries. */
enum {
    AWS,
    FILTER,
    HLS_VERSION,
    HLS_FMP4,
    HLS_NO_AUDIO_ONLY,
    HLS_NO_MULTIPLEX,
    ISS_VERSION,
    MAX_BITRATE,
    MIN_BITRATE,
    MPD_TEMPLATE,
    START_INDEX,
    RANGE,
    VBEGIN,
    VEND,
    NAMES
};

static const struct {
    const char *name;
    unsigned takes;  /* what a resource must read to read this */
    unsigned option; /* of the manifest, or 0 */
    bool flag;       /* true where it has no value */
} names[NAMES] = {
    [AWS] = {"aws.manifestfilter", JO_TAKES_TRACKS, 0},
    [FILTER] = {"filter", JO_TAKES_TRACKS, 0},
    [HLS_VERSION] = {"hls_client_manifest_version", JO_TAKES_CONTAINER, JO_OPTION_HLS_VERSION},
    [HLS_FMP4] = {"hls_fmp4", JO_TAKES_CONTAINER, JO_OPTION_HLS_FMP4, true},
    [HLS_NO_AUDIO_ONLY] = {"hls_no_audio_only", JO_TAKES_VARIANTS, JO_OPTION_HLS_NO_AUDIO_ONLY,
                           true},
    [HLS_NO_MULTIPLEX] = {"hls_no_multiplex", JO_TAKES_VARIANTS, JO_OPTION_HLS_NO_MULTIPLEX, true},
    [ISS_VERSION] = {"iss_client_manifest_version", JO_TAKES_OPTIONS, JO_OPTION_ISS_VERSION},
    [MAX_BITRATE] = {"max_bitrate", JO_TAKES_TRACKS, 0},
    [MIN_BITRATE] = {"min_bitrate", JO_TAKES_TRACKS, 0},
    [MPD_TEMPLATE] = {"mpd_segment_template", JO_TAKES_OPTIONS, JO_OPTION_MPD_TEMPLATE},
    [START_INDEX] = {"start_index", JO_TAKES_ORDER, 0},
    [RANGE] = {"t", JO_TAKES_CLIP, 0},
    [VBEGIN] = {"vbegin", JO_TAKES_CLIP, 0},
    [VEND] = {"vend", JO_TAKES_CLIP, 0},
};

static int find_name(const char *name)
{
    for (int i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return i;
    return -1;
}

static bool allowed(int i, const jo_settings *settings)
{
    return (i != AWS || settings->manifest_filter) &&
           (!names[i].option || (settings->query_options | JO_OPTION_HLS_FMP4) & names[i].option);
}

/* The values that the resource reads, by name. */
static apr_status_t collect(jo_ctx *cx, const char *args, unsigned takes,
                            const jo_settings *settings, const char **values)
{
    jo_query_param *params;
    int n;

    if (jo_query_parse(cx, args, &params, &n) != APR_SUCCESS)
        return cx->code;
    for (int k = 0; k < n; k++) {
        int i = find_name(params[k].name);
        if (i < 0 || !allowed(i, settings))
            continue;
        if (!(names[i].takes & takes)) {
            if (i == AWS)
                return jo_fail(cx, JO_EREQUEST,
                               "aws.manifestfilter belongs to multivariant playlists and MPDs");
            continue;
        }
        if (values[i])
            return jo_fail(cx, JO_EREQUEST, "%s is given twice", names[i].name);
        if (params[k].broken)
            return jo_fail(cx, JO_EREQUEST, "%s: broken percent-encoding, or an encoded NUL",
                           names[i].name);
        if (!params[k].value && !names[i].flag)
            return jo_fail(cx, JO_EREQUEST, "%s has no value", names[i].name);
        values[i] = params[k].value ? params[k].value : "true";
    }
    return APR_SUCCESS;
}

static apr_status_t parse_number(jo_ctx *cx, int name, const char *s, int64_t *out)
{
    int64_t v = 0;

    if (!s)
        return APR_SUCCESS;
    for (const char *p = s; *p; p++) {
        if (*p < '0' || *p > '9' || v > INT64_MAX / 10 - 1)
            return jo_fail(cx, JO_EREQUEST, "%s: \"%.40s\" is no whole number", names[name].name,
                           s);
        v = v * 10 + (*p - '0');
    }
    if (!*s)
        return jo_fail(cx, JO_EREQUEST, "%s has no value", names[name].name);
    *out = v;
    return APR_SUCCESS;
}

static apr_status_t parse_bitrates(jo_ctx *cx, const char *const *values, jo_select *out)
{
    parse_number(cx, MIN_BITRATE, values[MIN_BITRATE], &out->min_bitrate);
    parse_number(cx, MAX_BITRATE, values[MAX_BITRATE], &out->max_bitrate);
    if (cx->code == APR_SUCCESS && out->min_bitrate > out->max_bitrate)
        return jo_fail(cx, JO_EREQUEST, "min_bitrate is above max_bitrate");
    return cx->code;
}

static const struct {
    int name;
    size_t offset; /* in jo_options */
} flags[] = {{HLS_FMP4, offsetof(jo_options, hls_fmp4)},
             {HLS_NO_AUDIO_ONLY, offsetof(jo_options, hls_no_audio_only)},
             {HLS_NO_MULTIPLEX, offsetof(jo_options, hls_no_multiplex)}};
#define NFLAGS (sizeof flags / sizeof *flags)

static bool *flag_at(jo_options *options, size_t i)
{
    return (bool *)((char *)options + flags[i].offset);
}

static apr_status_t parse_flags(jo_ctx *cx, const char *const *values, jo_options *out)
{
    for (size_t i = 0; i < NFLAGS; i++) {
        const char *value = values[flags[i].name];
        if (value && !jo_flag_parse(value, flag_at(out, i)))
            return jo_fail(cx, JO_EREQUEST, "%s: \"%.40s\" is neither true nor false",
                           names[flags[i].name].name, value);
    }
    return APR_SUCCESS;
}

static apr_status_t parse_options(jo_ctx *cx, const char *const *values, jo_query_options *out)
{
    const char *template = values[MPD_TEMPLATE], *iss = values[ISS_VERSION];
    const char *hls = values[HLS_VERSION];

    if (template && !jo_template_parse(template, &out->as.mpd_template))
        return jo_fail(cx, JO_EREQUEST,
                       "mpd_segment_template: \"%.40s\" is none of time, number, number_timeline",
                       template);
    if (iss && !jo_iss_version_parse(iss, &out->as.iss_version))
        return jo_fail(cx, JO_EREQUEST,
                       "iss_client_manifest_version: \"%.40s\" is none of 20, 21, 22", iss);
    if (hls && !jo_hls_version_parse(hls, &out->as.hls_version))
        return jo_fail(cx, JO_EREQUEST,
                       "hls_client_manifest_version: \"%.40s\" is no number from 1 to 13", hls);
    for (int i = 0; i < NAMES; i++)
        out->given |= values[i] ? names[i].option : 0;
    return parse_flags(cx, values, &out->as);
}

apr_status_t jo_select_parse(jo_ctx *cx, const char *args, unsigned takes,
                             const jo_settings *settings, jo_select *out)
{
    const char *values[NAMES] = {NULL};

    *out = (jo_select){.max_bitrate = INT64_MAX, .start_index = -1, .clip = jo_clip_all};
    if (!args || !(takes || settings->manifest_filter))
        return APR_SUCCESS;
    if (collect(cx, args, takes, settings, values) != APR_SUCCESS)
        return cx->code;
    if (values[FILTER])
        jo_filter_parse(cx, values[FILTER], &out->filter);
    if (values[AWS])
        jo_manifest_filter_parse(cx, values[AWS], &out->manifest_filter);
    parse_bitrates(cx, values, out);
    parse_number(cx, START_INDEX, values[START_INDEX], &out->start_index);
    parse_options(cx, values, &out->options);
    if (cx->code == APR_SUCCESS)
        jo_clip_parse(cx, values[VBEGIN], values[VEND], values[RANGE], &out->clip);
    return cx->code;
}

/* -- the canonical query ------------------------------------------------------------------------------------- */

/* RFC 3986 3.4, less what divides parameters and what some read as a space. */
static bool plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("-._~!$'()*,;=:@/?", c));
}

static void add_param(jo_text *out, int name, const char *value)
{
    jo_text_addf(out, "%c%s=", out->len ? '&' : '?', names[name].name);
    for (; *value; value++) {
        if (plain(*value))
            jo_text_add_n(out, value, 1);
        else
            jo_text_addf(out, "%%%02X", (unsigned char)*value);
    }
}

static void add_number(jo_text *out, int name, int64_t v)
{
    jo_text_addf(out, "%c%s=", out->len ? '&' : '?', names[name].name);
    jo_text_add_int(out, v);
}

static void add_time(jo_text *out, int name, int64_t us)
{
    jo_text_addf(out, "%c%s=", out->len ? '&' : '?', names[name].name);
    jo_clip_write_time(us, out);
}

static void add_filters(jo_text *out, const jo_select *s)
{
    jo_text value;

    jo_text_init(&value, out->pool, 128);
    if (s->manifest_filter) {
        jo_manifest_filter_write(s->manifest_filter, &value);
        add_param(out, AWS, value.s);
        jo_text_init(&value, out->pool, 128);
    }
    if (s->filter) {
        jo_filter_write(s->filter, &value);
        add_param(out, FILTER, value.s);
    }
}

/* Of what the resource reads. */
static bool given(const jo_select *s, unsigned takes, int name)
{
    return names[name].takes & takes && names[name].option & s->options.given;
}

/* A flag that is true is bare, as the others write it. */
static void add_flag(jo_text *out, int name, bool v)
{
    jo_text_addf(out, "%c%s%s", out->len ? '&' : '?', names[name].name, v ? "" : "=false");
}

static void add_hls(jo_text *out, const jo_select *s, unsigned takes)
{
    jo_options options = s->options.as;

    if (given(s, takes, HLS_VERSION))
        add_number(out, HLS_VERSION, s->options.as.hls_version);
    for (size_t i = 0; i < NFLAGS; i++)
        if (given(s, takes, flags[i].name))
            add_flag(out, flags[i].name, *flag_at(&options, i));
}

const char *jo_select_query(apr_pool_t *pool, const jo_select *s, unsigned takes)
{
    bool tracks = takes & JO_TAKES_TRACKS, clip = takes & JO_TAKES_CLIP;
    jo_text out;

    jo_text_init(&out, pool, 64);
    if (tracks)
        add_filters(&out, s);
    add_hls(&out, s, takes);
    if (given(s, takes, ISS_VERSION))
        add_number(&out, ISS_VERSION, s->options.as.iss_version);
    if (tracks && s->max_bitrate < INT64_MAX)
        add_number(&out, MAX_BITRATE, s->max_bitrate);
    if (tracks && s->min_bitrate > 0)
        add_number(&out, MIN_BITRATE, s->min_bitrate);
    if (given(s, takes, MPD_TEMPLATE))
        add_param(&out, MPD_TEMPLATE, jo_template_word(s->options.as.mpd_template));
    if (takes & JO_TAKES_ORDER && s->start_index > 0)
        add_number(&out, START_INDEX, s->start_index);
    if (clip && s->clip.begin > 0)
        add_time(&out, VBEGIN, s->clip.begin);
    if (clip && s->clip.end < INT64_MAX)
        add_time(&out, VEND, s->clip.end);
    return out.s;
}

/* -- what it chooses ------------------------------------------------------------------------------------------ */

static bool has_kind(const jo_period *period, const int *tracks, int n, jo_kind kind)
{
    for (int i = 0; i < n; i++)
        if (period->tracks[tracks[i]]->kind == kind)
            return true;
    return false;
}

/* Variants are made of pictures, else of sound. */
static jo_kind kind_of_variants(const jo_period *period, const int *tracks, int n)
{
    return has_kind(period, tracks, n, JO_VIDEO) ? JO_VIDEO : JO_AUDIO;
}

typedef bool keeper(jo_ctx *cx, const jo_select *s, const jo_track *t);

static bool filter_keeps(jo_ctx *cx, const jo_select *s, const jo_track *t)
{
    return jo_filter_keeps(cx, s->filter, t);
}

static bool manifest_filter_keeps(jo_ctx *cx, const jo_select *s, const jo_track *t)
{
    return jo_manifest_filter_keeps(cx, s->manifest_filter, t);
}

static int keep(jo_ctx *cx, const jo_select *s, keeper *keeps, const jo_period *period, int *tracks,
                int n)
{
    int kept = 0;

    for (int i = 0; i < n; i++)
        if (keeps(cx, s, period->tracks[tracks[i]]))
            tracks[kept++] = tracks[i];
    return kept;
}

static int keep_bounded(const jo_select *s, const jo_period *period, int *tracks, int n)
{
    jo_kind kind = kind_of_variants(period, tracks, n);
    int kept = 0;

    for (int i = 0; i < n; i++) {
        const jo_track *t = period->tracks[tracks[i]];
        if (t->kind != kind ||
            (t->bitrate >= (uint64_t)s->min_bitrate && t->bitrate <= (uint64_t)s->max_bitrate))
            tracks[kept++] = tracks[i];
    }
    return kept;
}

/* A variant that isn't there is nobody's first. */
static void move_to_front(const jo_select *s, const jo_period *period, int *tracks, int n)
{
    jo_kind kind = kind_of_variants(period, tracks, n);
    int64_t seen = 0;
    int front = -1;

    for (int i = 0; i < n; i++) {
        if (period->tracks[tracks[i]]->kind != kind)
            continue;
        front = front < 0 ? i : front;
        if (seen++ == s->start_index) {
            int first = tracks[i];
            memmove(tracks + front + 1, tracks + front, sizeof *tracks * (size_t)(i - front));
            tracks[front] = first;
            return;
        }
    }
}

apr_status_t jo_select_tracks(jo_ctx *cx, const jo_select *s, const jo_period *period, int *tracks,
                              int *ntracks)
{
    int n = *ntracks;

    if (s->filter)
        n = keep(cx, s, filter_keeps, period, tracks, n);
    if (s->min_bitrate > 0 || s->max_bitrate < INT64_MAX)
        n = keep_bounded(s, period, tracks, n);
    if (n == 0)
        return jo_fail(cx, JO_ENOTFOUND, "the query leaves none of the title's tracks");
    if (s->manifest_filter)
        n = keep(cx, s, manifest_filter_keeps, period, tracks, n);
    if (n == 0)
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter leaves none of the title's tracks");
    if (s->start_index > 0)
        move_to_front(s, period, tracks, n);
    *ntracks = n;
    return APR_SUCCESS;
}

jo_options jo_select_options(const jo_select *s, const jo_options *of_title)
{
    jo_options o = *of_title, as = s->options.as;

    if (s->options.given & JO_OPTION_MPD_TEMPLATE)
        o.mpd_template = as.mpd_template;
    if (s->options.given & JO_OPTION_ISS_VERSION)
        o.iss_version = as.iss_version;
    if (s->options.given & JO_OPTION_HLS_VERSION)
        o.hls_version = as.hls_version;
    for (size_t i = 0; i < NFLAGS; i++)
        if (s->options.given & names[flags[i].name].option)
            *flag_at(&o, i) = *flag_at(&as, i);
    return o;
}
