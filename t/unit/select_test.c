/* Queries → selections (plan/select.c): what is read by whom, canonical form, tracks that are left. */
#include "../../src/plan/select.h"
#include "tap.h"

#include <apr_general.h>

enum { ALL = JO_TAKES_TRACKS | JO_TAKES_ORDER | JO_TAKES_CLIP | JO_TAKES_OPTIONS };

static jo_ctx cx;
static jo_settings settings;

static apr_status_t parse(const char *args, unsigned takes, jo_select *s)
{
    cx.code = APR_SUCCESS;
    cx.message = NULL;
    return jo_select_parse(&cx, args, takes, &settings, s);
}

static void canonical(const char *args, unsigned takes, const char *want)
{
    jo_select s, again;
    char what[160];

    snprintf(what, sizeof what, "%s", args ? args : "no query");
    if (parse(args, takes, &s) != APR_SUCCESS) {
        ok(false, "%s: %s", what, cx.message);
        return;
    }
    const char *got = jo_select_query(cx.pool, &s, takes);
    is_str(got, want, what);
    if (*got && parse(got + 1, takes, &again) == APR_SUCCESS)
        is_str(jo_select_query(cx.pool, &again, takes), got, "  which stays as it is");
}

static void refused_by(const char *args, unsigned takes, const char *want)
{
    jo_select s;

    is_int(parse(args, takes, &s), JO_EREQUEST, args);
    is_str(cx.message, want, "  with the reason");
}

static void refused(const char *args, const char *want)
{
    refused_by(args, ALL, want);
}

static void test_canonical(void)
{
    canonical(NULL, ALL, "");
    canonical("", ALL, "");
    canonical("sid=1&utm_source=x&hls_fmp4", ALL, "");
    canonical("vend=20&sid=1&vbegin=00:00:10.50", ALL, "?vbegin=10.5&vend=20");
    canonical("t=0-20", ALL, "?vend=20");
    canonical("vbegin=0", ALL, "");
    canonical("min_bitrate=0&max_bitrate=0002000&start_index=0", ALL, "?max_bitrate=2000");
    canonical("filter=(type==\"audio\")&sid=3", ALL, "?filter=type==%22audio%22");
    canonical("sid=1&filter=(systemBitrate<100000%26%26type==%22audio%22)&x=", ALL,
              "?filter=systemBitrate%3C100000%26%26type==%22audio%22");
    canonical("filter=(a&&b)", 0, "");
    canonical("filter=type==\"video\"&vbegin=3", JO_TAKES_CLIP, "?vbegin=3");
    canonical("mpd_segment_template=number&iss_client_manifest_version=20", ALL, "");
    canonical("aws.manifestfilter=video_height:720", ALL, "");
    settings.query_options = JO_OPTION_MPD_TEMPLATE | JO_OPTION_ISS_VERSION;
    canonical("mpd_segment_template=Number&iss_client_manifest_version=20", ALL,
              "?iss_client_manifest_version=20&mpd_segment_template=number");
    settings.query_options = 0;
}

enum { CHILD = JO_TAKES_CLIP | JO_TAKES_CONTAINER, PARENT = ALL | CHILD | JO_TAKES_VARIANTS };

static void test_container(void)
{
    static const char all[] = "hls_no_multiplex&hls_fmp4=0&iss_client_manifest_version=21&"
                              "hls_no_audio_only=no&hls_client_manifest_version=%2004&filter=true";

    canonical("hls_fmp4", ALL, "");
    canonical("hls_fmp4", PARENT, "?hls_fmp4");
    canonical("sid=1&hls_fmp4=1&vbegin=3", CHILD, "?hls_fmp4&vbegin=3");
    canonical("hls_fmp4=True", CHILD, "?hls_fmp4");
    canonical("hls_fmp4=0", CHILD, "?hls_fmp4=false");
    canonical(all, PARENT, "?filter=true&hls_fmp4=false");
    settings.query_options = ~0U;
    canonical(all, PARENT,
              "?filter=true&hls_client_manifest_version=4&hls_fmp4=false&hls_no_audio_only=false&"
              "hls_no_multiplex&iss_client_manifest_version=21");
    canonical(all, CHILD, "?hls_client_manifest_version=4&hls_fmp4=false");
    canonical(all, ALL, "?filter=true&iss_client_manifest_version=21");
    settings.query_options = JO_OPTION_HLS_NO_MULTIPLEX;
    canonical(all, PARENT, "?filter=true&hls_fmp4=false&hls_no_multiplex");
    settings.query_options = 0;
}

static void test_options_of_hls(void)
{
    const jo_options title = {.hls_version = 7, .hls_fmp4 = true, .hls_no_multiplex = true};
    jo_options o;
    jo_select s;

    settings.query_options = ~0U;
    parse("hls_fmp4=false&hls_client_manifest_version=3&hls_no_audio_only", PARENT, &s);
    o = jo_select_options(&s, &title);
    ok(!o.hls_fmp4 && o.hls_version == 3 && o.hls_no_audio_only && o.hls_no_multiplex,
       "options of a query instead of the title's, of which those it doesn't give stay");
    parse("", PARENT, &s);
    o = jo_select_options(&s, &title);
    ok(o.hls_fmp4 && o.hls_version == 7 && !o.hls_no_audio_only, "no query: the title's");
    settings.query_options = 0;
}

static void test_refused(void)
{
    jo_select s;

    refused("vbegin=1&vbegin=2", "vbegin is given twice");
    refused("vbegin=1&sid=1&vbegin=1", "vbegin is given twice");
    refused("min_bitrate=", "min_bitrate has no value");
    refused("min_bitrate=-1", "min_bitrate: \"-1\" is no whole number");
    refused("max_bitrate=99999999999999999999",
            "max_bitrate: \"99999999999999999999\" is no whole number");
    refused("min_bitrate=5&max_bitrate=4", "min_bitrate is above max_bitrate");
    refused("start_index=first", "start_index: \"first\" is no whole number");
    refused("filter=%", "filter: broken percent-encoding, or an encoded NUL");
    refused("vend=1%00", "vend: broken percent-encoding, or an encoded NUL");
    is_int(parse("cb=%%CACHEBUSTER%%&u%=1&x=%00&vend=4", ALL, &s), APR_SUCCESS,
           "what an advertisement left in the query is nobody's");
    refused("t=5-3", "the clip ends before it begins");
    refused_by("hls_fmp4=maybe", PARENT, "hls_fmp4: \"maybe\" is neither true nor false");
    refused_by("hls_fmp4&hls_fmp4", PARENT, "hls_fmp4 is given twice");
    settings.query_options = ~0U;
    refused_by("hls_client_manifest_version=0", CHILD,
               "hls_client_manifest_version: \"0\" is no number from 1 to 13");
    refused_by("hls_client_manifest_version=14", CHILD,
               "hls_client_manifest_version: \"14\" is no number from 1 to 13");
    refused_by("hls_client_manifest_version=4294967300", CHILD,
               "hls_client_manifest_version: \"4294967300\" is no number from 1 to 13");
    refused_by("hls_client_manifest_version", CHILD, "hls_client_manifest_version has no value");
    settings.query_options = 0;
}

static void test_manifest_filter(void)
{
    jo_select s;

    is_int(parse("aws.manifestfilter=rubbish", 0, &s), APR_SUCCESS,
           "aws.manifestfilter is nothing where it is not on");
    settings.manifest_filter = true;
    is_int(parse("aws.manifestfilter=video_height:720", 0, &s), JO_EREQUEST,
           "where it is on, segments refuse it");
    is_int(parse("aws.manifestfilter=video_height:720", JO_TAKES_CLIP, &s), JO_EREQUEST,
           "and media playlists");
    is_int(parse("aws.manifestfilter=video_height:720", ALL, &s), APR_SUCCESS, "manifests don't");
    ok(s.manifest_filter, "and read it");
    refused("aws.manifestfilter=video_height:1&aws.manifestfilter=video_height:1",
            "aws.manifestfilter is given twice");
    settings.manifest_filter = false;
}

/* ---- tracks */

static jo_track video[3] = {{.kind = JO_VIDEO, .bitrate = 3000},
                            {.kind = JO_VIDEO, .bitrate = 2000},
                            {.kind = JO_VIDEO, .bitrate = 1000}};
static jo_track audio[2] = {{.kind = JO_AUDIO, .bitrate = 500}, {.kind = JO_AUDIO, .bitrate = 900}};
static jo_track text = {.kind = JO_TEXT, .bitrate = 1};
static jo_track *all[] = {&text, &audio[0], &video[0], &audio[1], &video[1], &video[2]};

/* The tracks left of all[from…], as digits. */
static const char *left(const char *args, int from, int n)
{
    static char out[16];
    jo_period period = {.tracks = all, .ntracks = 6};
    int tracks[6];
    jo_select s;

    for (int i = 0; i < n; i++)
        tracks[i] = from + i;
    if (parse(args, ALL, &s) != APR_SUCCESS ||
        jo_select_tracks(&cx, &s, &period, tracks, &n) != APR_SUCCESS)
        return cx.code == JO_ENOTFOUND ? "not found" : cx.code == JO_EREQUEST ? "refused" : "other";
    for (int i = 0; i < n; i++)
        out[i] = (char)('0' + tracks[i]);
    out[n] = '\0';
    return out;
}

static void test_tracks(void)
{
    is_str(left("", 0, 6), "012345", "no query leaves all");
    is_str(left("max_bitrate=2000", 0, 6), "01345", "a highest bit rate drops pictures above it");
    is_str(left("min_bitrate=2000", 0, 6), "01234", "a lowest one those below, and no sound");
    is_str(left("min_bitrate=1500&max_bitrate=2500", 0, 6), "0134", "both");
    is_str(left("min_bitrate=600", 0, 2), "0", "without pictures they choose sound");
    is_str(left("min_bitrate=600", 1, 1), "not found", "of which nothing may be left");
    is_str(left("filter=type==\"textstream\"", 0, 6), "0", "a filter");
    is_str(left("filter=type==\"nothing\"", 0, 6), "not found", "a filter that keeps nothing");
    is_str(left("filter=type==\"audio\"&min_bitrate=600", 0, 6), "3",
           "bit rates choose among what the filter leaves");
    is_str(left("start_index=1", 0, 6), "014235", "the second picture first");
    is_str(left("start_index=2&max_bitrate=2000", 0, 6), "01345", "a third that is not there");
    is_str(left("start_index=1", 0, 2), "01", "a second sound that is not there");
    settings.manifest_filter = true;
    is_str(left("aws.manifestfilter=video_bitrate:1500-2500", 0, 6), "0134",
           "aws.manifestfilter chooses of its kind");
    is_str(left("aws.manifestfilter=audio_bitrate:1", 1, 1), "refused",
           "where it leaves nothing that is the request's fault");
    is_str(left("aws.manifestfilter=audio_bitrate:1&filter=type==\"nothing\"", 0, 6), "not found",
           "unless nothing was left for it");
    settings.manifest_filter = false;
}

static void test_options(void)
{
    const jo_options title = {.mpd_template = JO_TEMPLATE_NUMBER, .iss_version = 21};
    jo_select s;

    settings.query_options = JO_OPTION_MPD_TEMPLATE;
    parse("mpd_segment_template=time&iss_client_manifest_version=20", ALL, &s);
    jo_options o = jo_select_options(&s, &title);
    is_int(o.mpd_template, JO_TEMPLATE_TIME, "a listed option is taken from the query");
    is_int(o.iss_version, 21, "another one stays the title's");
    settings.query_options = 0;
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_canonical();
    test_container();
    test_options_of_hls();
    test_refused();
    test_manifest_filter();
    test_tracks();
    test_options();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
