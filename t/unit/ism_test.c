#include "../../src/base/status.h"
#include "../../src/base/text.h"
#include "../../src/input/ism.h"
#include "tap.h"

#include <apr_general.h>

static apr_pool_t *pool;
static jo_ctx cx;

static const jo_ism *parse(const char *s)
{
    size_t len = strlen(s);
    void *copy = exact(s, len);
    const jo_ism *ism = NULL;
    apr_status_t rv;

    jo_ctx_init(&cx, pool);
    rv = jo_ism_parse(&cx, copy, len, &ism);
    free(copy);
    return rv == APR_SUCCESS ? ism : NULL;
}

/* A descriptor around the inside of its head and of its body. */
static const jo_ism *parse_parts(const char *head, const char *body)
{
    static char s[8192];

    snprintf(s, sizeof s, "<smil><head>%s</head><body>%s</body></smil>", head, body);
    return parse(s);
}

static void test_unified(void)
{
    const jo_ism *ism =
        parse("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
              "<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\">\n"
              "<head><meta name=\"clientManifestRelativePath\" content=\"kite.ismc\"/>\n"
              "<meta name=\"hls_minimum_fragment_length\" content=\"96/25\"/>\n"
              "<paramGroup id=\"hls\"><meta name=\"key\" content=\":0011\"/></paramGroup></head>\n"
              "<body><switch>\n"
              "<video src=\"kite-750k.mp4\" systemBitrate=\"751000\" systemLanguage=\"eng\">\n"
              "<param name=\"trackID\" value=\"1\" valueType=\"data\"/>\n"
              "<param name=\"trackName\" value=\"video_eng\" valueType=\"data\"/>\n"
              "<param name=\"FourCC\" value=\"AVC1\" valueType=\"data\"/></video>\n"
              "<audio src=\"kite-a.mp4\" systemBitrate=\"64008\" systemLanguage=\"zh-Hans\"/>\n"
              "<textstream src=\"t.ismt\"/><ref src=\"x\"/>\n"
              "</switch></body></smil>\n");

    if (!ok(ism && ism->ntracks == 3, "Unified's form"))
        return;
    is_int(ism->tracks[0].type, JO_ISM_VIDEO, "video");
    is_str(ism->tracks[0].src, "kite-750k.mp4", "src");
    is_int((long long)ism->tracks[0].bitrate, 751000, "systemBitrate");
    is_str(ism->tracks[0].lang, "eng", "systemLanguage");
    is_str(ism->tracks[0].name, "video_eng", "trackName");
    is_int(ism->tracks[0].track_id, 1, "trackID");
    is_int(ism->tracks[0].line, 7, "line");
    is_int(ism->tracks[0].nparams, 3, "params");
    is_str(jo_ism_param(&ism->tracks[0], "fourcc"), "AVC1", "a param without regard to case");
    is_str(jo_ism_param(&ism->tracks[0], "none"), NULL, "an absent param");
    is_str(ism->tracks[1].lang, "zh-Hans", "a language as written");
    ok(ism->tracks[2].type == JO_ISM_TEXT && !ism->tracks[2].bitrate && !ism->tracks[2].name,
       "everything but src may be absent");
    ok(ism->options.hls_length.num == 96 && ism->options.hls_length.den == 25 &&
           ism->options.mpd_length.den == 0,
       "lengths");
    is_int(ism->nmetas, 2, "metas, without those of a paramGroup");
    is_int(ism->options.mpd_template, JO_TEMPLATE_TIME, "the default template");
}

static void test_forms(void)
{
    const jo_ism *ism =
        parse("<s:smil xmlns:s=\"http://www.w3.org/2001/SMIL20/Language\"><s:body><s:switch>"
              "<s:video src=\"a.ismv\"><s:param name=\"systemBitrate\" value=\" 350000 \" "
              "valuetype=\"data\"/>"
              "<s:param name=\"TRACKID\" value=\"2\" "
              "valuetype=\"data\"/></s:video></s:switch></s:body></s:smil>");

    ok(ism && ism->ntracks == 1 && ism->tracks[0].bitrate == 350000 && ism->tracks[0].track_id == 2,
       "a prefix, params instead of attributes");
    ism = parse_parts("",
                      "<video src='a'/><switch><switch><audio src='b' system-bitrate='5'/></switch>"
                      "</switch><par><video src='no'/></par>");
    ok(ism && ism->ntracks == 2 && ism->tracks[1].bitrate == 5,
       "straight in body, nested switch, system-bitrate");
    ism = parse("<smil><body><video src='a'/></body></smil>");
    ok(ism && ism->ntracks == 1, "no head at all");
    ism = parse_parts("", "<audio src='a' systembitrate='9' SYSTEMLANGUAGE='de' trackName='x'/>");
    ok(ism && ism->tracks[0].bitrate == 9 && strcmp(ism->tracks[0].lang, "de") == 0 &&
           strcmp(ism->tracks[0].name, "x") == 0,
       "attributes in any case");
    ism = parse_parts("<meta name='MPD_segment_template' content='Number_Timeline'/>"
                      "<meta name='mpd_minimum_fragment_length' content='1.92'/><meta name='x'/>"
                      "<unknown/>",
                      "<video src='a' systemBitrate='' systemLanguage=''/>");
    ok(ism && ism->options.mpd_template == JO_TEMPLATE_NUMBER_TIMELINE &&
           ism->options.mpd_length.num == 48,
       "options");
    ok(ism && !ism->tracks[0].bitrate && !ism->tracks[0].lang, "empty values count as absent");
    ism = jo_ism_direct(pool, "kite.mp4");
    ok(ism->ntracks == 3 && ism->tracks[0].type == JO_ISM_VIDEO &&
           ism->tracks[1].type == JO_ISM_AUDIO && ism->tracks[2].type == JO_ISM_TEXT &&
           strcmp(ism->tracks[2].src, "kite.mp4") == 0,
       "direct play");
}

static void refused(const char *head, const char *body, const char *why)
{
    bool good = !parse_parts(head, body) && cx.code == JO_EMEDIA && strstr(cx.message, why);

    ok(good, "refused: %s", why);
    if (!good)
        printf("#   got %s\n", cx.message ? cx.message : "(accepted)");
}

static void test_refusals(void)
{
    char many[8192] = "";

    ok(!parse("<html/>") && strstr(cx.message, "<html> instead of <smil>"),
       "refused: another language");
    refused("", "", "no video, audio or textstream");
    refused("", "<video/>", "line 1: <video> has no src");
    refused("", "<video src=''/>", "has no src");
    refused("", "<video src='a' systemBitrate='1k'/>", "systemBitrate \"1k\" is not a number");
    refused("", "<video src='a' systemBitrate='-1'/>", "systemBitrate \"-1\"");
    refused("", "<video src='a' systemBitrate='99999999999999999999999'/>",
            "is not a number up to");
    refused("", "<video src='a' systemBitrate='1000000000001'/>",
            "is not a number up to 1000000000000");
    refused("", "<video src='a'><param name='trackID' value='4294967296'/></video>", "trackID");
    refused("", "<video src='a'><param name='trackName' value='a/b'/></video>", "'/' in trackName");
    refused("<meta name='mpd_segment_template' content='numbr'/>", "<video src='a'/>", "\"numbr\"");
    refused("<meta name='hls_client_manifest_version' content='14'/>", "<video src='a'/>",
            "\"14\" is no number from 1 to 13");
    refused("<meta name='hls_client_manifest_version' content=''/>", "<video src='a'/>", "\"\"");
    refused("<meta name='hls_fmp4' content='2'/>", "<video src='a'/>",
            "hls_fmp4 \"2\" is neither true nor false");
    refused("<meta name='hls_minimum_fragment_length' content='4s'/>", "<video src='a'/>",
            "\"4s\"");
    for (int i = 0; i < 129; i++)
        strcat(many, "<video src='a'/>");
    refused("", many, "more than 128 tracks");
    ok(!parse("<!DOCTYPE smil SYSTEM 'x'><smil><body><video src='a'/></body></smil>"),
       "refused: DOCTYPE");
}

static void test_container(void)
{
    const jo_ism *ism = parse_parts("<meta name='hls_client_manifest_version' content=' 4 '/>"
                                    "<meta name='HLS_no_multiplex' content='True'/>"
                                    "<meta name='hls_no_audio_only' content='1'/>"
                                    "<meta name='hls_fmp4' content='false'/>",
                                    "<video src='a'/>");
    jo_ism_track track = {.type = JO_ISM_VIDEO, .src = "t"};
    jo_ism made = {.tracks = &track,
                   .ntracks = 1,
                   .options = {.hls_version = 13,
                               .iss_version = 20,
                               .hls_fmp4 = true,
                               .hls_no_multiplex = true,
                               .hls_no_audio_only = true}};
    jo_text out;

    ok(ism && ism->options.hls_version == 4 && ism->options.hls_no_multiplex &&
           ism->options.hls_no_audio_only && !ism->options.hls_fmp4,
       "options of HLS");
    ism = parse_parts("<meta name='hls_client_manifest_version' content='4'/>", "<video src='a'/>");
    ok(ism && !ism->options.hls_no_multiplex && !ism->options.hls_no_audio_only,
       "none where none is given");
    jo_text_init(&out, pool, 0);
    jo_ism_write(&made, &out);
    ism = parse(out.s);
    ok(ism && ism->options.hls_version == 13 && ism->options.iss_version == 20 &&
           ism->options.hls_fmp4 && ism->options.hls_no_multiplex &&
           ism->options.hls_no_audio_only && ism->nmetas == 5,
       "written and read again");
}

static void test_size(void)
{
    jo_limits limits = jo_limits_default;
    const jo_ism *ism;

    limits.descriptor_size = 10;
    jo_ctx_init(&cx, pool);
    cx.limits = &limits;
    is_int(jo_ism_parse(&cx, "<smil></smil>", 13, &ism), JO_EMEDIA, "a descriptor above the limit");
}

static void test_writing(void)
{
    const jo_ism *a = parse_parts("<meta name='creator' content='a &lt; &quot;b&quot;'/>"
                                  "<meta name='hls_minimum_fragment_length' content='8/2'/>",
                                  "<video src='k&amp;1.mp4' systemBitrate='5' systemLanguage='eng'>"
                                  "<param name='trackid' value='7'/></video><audio src='k.mp4'/>");
    jo_ism made = {.options = {.mpd_length = {48, 25}, .mpd_template = JO_TEMPLATE_NUMBER}};
    jo_ism_track track = {.type = JO_ISM_TEXT, .src = "t", .name = "n", .track_id = 3};
    jo_text out, again;
    const jo_ism *b;

    jo_text_init(&out, pool, 0);
    jo_ism_write(a, &out);
    b = parse(out.s);
    if (ok(b && b->ntracks == 2 && b->nmetas == 2 && b->options.hls_length.num == 4,
           "what is written parses")) {
        is_str(b->metas[0].value, "a < \"b\"", "meta");
        is_str(b->tracks[0].src, "k&1.mp4", "src");
        ok(b->tracks[0].bitrate == 5 && b->tracks[0].track_id == 7 && b->tracks[0].nparams == 1,
           "video");
        jo_text_init(&again, pool, 0);
        jo_ism_write(b, &again);
        is_str(again.s, out.s, "written again it is the same");
    }
    made.tracks = &track;
    made.ntracks = 1;
    jo_text_init(&out, pool, 0);
    jo_ism_write(&made, &out);
    b = parse(out.s);
    ok(b && b->options.mpd_length.num == 48 && b->options.mpd_length.den == 25 &&
           b->options.mpd_template == JO_TEMPLATE_NUMBER && b->tracks[0].track_id == 3 &&
           strcmp(b->tracks[0].name, "n") == 0,
       "one made in memory comes back");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_unified();
    test_forms();
    test_refusals();
    test_container();
    test_size();
    test_writing();
    apr_terminate();
    return tap_done();
}
