/* ?aws.manifestfilter=: grammar, status table, what each name means, canonical form. */
#include "../../src/media/codec.h"
#include "../../src/plan/manifest_filter.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

static apr_pool_t *pool;
static jo_ctx cx;

static const jo_manifest_filter *parse(const char *text)
{
    const jo_manifest_filter *f = NULL;
    char *copy = exact(text, strlen(text) + 1);

    jo_ctx_init(&cx, pool);
    if (jo_manifest_filter_parse(&cx, copy, &f) != APR_SUCCESS) {
        f = NULL;
    }
    free(copy);
    return f;
}

static const char *canonical(const char *text)
{
    const jo_manifest_filter *f = parse(text);
    jo_text out;

    if (f == NULL) {
        return cx.message;
    }
    jo_text_init(&out, pool, 64);
    jo_manifest_filter_write(f, &out);
    return out.s;
}

static void refused(const char *text, const char *why)
{
    const jo_manifest_filter *f = parse(text);

    ok(f == NULL && cx.code == JO_EREQUEST, "refused: %.60s", text);
    if (!ok(f == NULL && strstr(cx.message, why) != NULL, "  %s", why))
        printf("#   got %s\n", f == NULL ? cx.message : "no error");
}

/* -- tracks ------------------------------------------------------------------------------------------------- */

/* A visual sample entry, with Dolby Vision's record if it has a profile. */
static void set_entry(jo_track *t, unsigned profile, unsigned compatibility)
{
    jo_writer w;

    jo_writer_init(&w, pool, 128);
    jo_write_u32(&w, 8 + 78 + (profile ? 8 + 24 : 0));
    jo_write_bytes(&w, "hvc1", 4);
    jo_write_zeros(&w, 78);
    if (profile) {
        jo_write_u32(&w, 8 + 24);
        jo_write_bytes(&w, profile > 7 ? "dvvC" : "dvcC", 4);
        jo_write_u16(&w, 0x0100);
        jo_write_u16(&w, profile << 9 | 6 << 3 | 5);
        jo_write_u8(&w, compatibility << 4);
        jo_write_zeros(&w, 19);
    }
    t->entry = w.data;
    t->entry_len = w.len;
}

static jo_track video(const jo_codec *codec, uint16_t height, uint64_t bitrate)
{
    static jo_index ix = {.count = 100, .const_until = 100, .duration = 1001};
    jo_track t = {.kind = JO_VIDEO,
                  .codec = codec,
                  .fourcc = JO_FOURCC('h', 'v', 'c', '1'),
                  .width = 1280,
                  .height = height,
                  .bitrate = bitrate,
                  .timescale = 30000,
                  .index = &ix,
                  .language = ""};

    set_entry(&t, 0, 0);
    return t;
}

static jo_track audio(const jo_codec *codec, const char *rfc6381, const char *language)
{
    return (jo_track){.kind = JO_AUDIO,
                      .codec = codec,
                      .rfc6381 = rfc6381,
                      .language = language,
                      .bitrate = 128000,
                      .sample_rate = 48000,
                      .channels = 2};
}

static bool keeps(const char *text, const jo_track *t)
{
    const jo_manifest_filter *f = parse(text);

    if (f == NULL) {
        printf("# %s: %s\n", text, cx.message);
    }
    return f != NULL && jo_manifest_filter_keeps(&cx, f, t);
}

/* -- tests -------------------------------------------------------------------------------------------------- */

static void test_canonical(void)
{
    is_str(canonical("video_height:240-360,720-1080,1440"), "video_height:240-360,720-1080,1440",
           "a mixed list");
    is_str(canonical("VIDEO_Codec:H265,h264;Audio_Language:ENG,de-AT,fre"),
           "audio_language:de-at,en,fr;video_codec:h264,h265", "sorted, lower case, shortest tags");
    is_str(canonical("video_height:1080,720,1080,720-720,360-480,360-400"),
           "video_height:360-400,360-480,720,1080", "no value twice");
    is_str(canonical("video_framerate:29.970,23.976-030.00"), "video_framerate:23.976-30,29.97",
           "decimals without needless zeros");
    is_str(canonical("trickplay_type:none,iframe;trickplay_height:1-2147483647"),
           "trickplay_height:1-2147483647;trickplay_type:iframe,none", "trick play");
    is_str(canonical("audio_language:zzz,a_b"), "audio_language:a_b,zzz", "free codes");
    is_str(canonical(canonical("audio_language:UND,Zxx;audio_channels:006,1-2")),
           "audio_channels:1-2,6;audio_language:und", "the canonical form of itself");
}

static void test_refusals(void)
{
    refused("", "\"\" is not name:value");
    refused("video_height", "\"video_height\" is not name:value");
    refused("video_height:720;", "\"\" is not name:value");
    refused(";video_height:720", "is not name:value");
    refused("video_width:720", "no parameter \"video_width\"");
    refused(" video_height:720", "no parameter \" video_height\"");
    refused("video_height:720;video_height:1080", "video_height is given twice");
    refused("video_height:720;VIDEO_HEIGHT:720", "video_height is given twice");
    refused("video_codec:VP9", "video_codec: \"vp9\" is not one of h264, h265, av1");
    refused("audio_codec:AACL,mp3", "audio_codec: \"mp3\" is not one of aacl, aach, ac-3, ec-3");
    refused("video_dynamic_range:hdr", "is not one of sdr, hdr10, hlg, dv");
    refused("trickplay_type:all", "is not one of iframe, image, none");
    refused("video_codec:", "video_codec: \"\" is not one of");
    refused("audio_language:", "audio_language: \"\" is not one of");
    refused("audio_language:it's", "audio_language: \"it's\" is no language");
    refused("subtitle_language:e\"n", "is no language");
    refused("audio_language:(en)", "is no language");
    refused("audio_language:en,,de", "audio_language: \"\" is not one of");
    refused("video_height:", "\"\" is neither a number nor low-high");
    refused("video_height:720,", "\"\" is neither a number nor low-high");
    refused("video_height:720-", "\"720-\" is neither");
    refused("video_height:-720", "\"-720\" is neither");
    refused("video_height:240-360-480", "is neither");
    refused("video_height:720p", "is neither");
    refused("video_height:720.5", "is neither");
    refused("video_height:720:1080", "\"720:1080\" is neither");
    refused("video_height:1080-720", "video_height: 1080-720: low is above high");
    refused("video_height:0", "0 is not within 1 to 32767");
    refused("video_height:32768", "is not within 1 to 32767");
    refused("audio_channels:0-6", "0-6 is not within 1 to 32767");
    refused("trickplay_height:0", "0 is not within 1 to 2147483647");
    refused("video_bitrate:2147483648", "is not within 0 to 2147483647");
    refused("video_bitrate:0-99999999999999999999999999999999", "is not within 0 to 2147483647");
    refused("video_framerate:0.999", "is not within 1 to 999.999");
    refused("video_framerate:1000", "is not within 1 to 999.999");
    refused("video_framerate:29.9700", "at most 3 decimals");
    refused("video_framerate:30.", "is neither");
}

static void test_length(void)
{
    char text[1026];
    size_t n = strlen("audio_language:");

    memset(text, 'x', sizeof(text));
    memcpy(text, "audio_language:", n);
    text[1024] = '\0';
    ok(parse(text) != NULL, "1024 characters");
    text[1024] = 'x';
    text[1025] = '\0';
    refused(text, "more than 1024 characters");
    memset(text + n, ',', sizeof(text) - n);
    text[1024] = '\0';
    refused(text, "is not one of the languages");
}

static void test_audio(void)
{
    jo_track t = audio(&jo_codec_aac, "mp4a.40.2", "de");
    jo_track he = audio(&jo_codec_aac, "mp4a.40.29", "en");
    jo_track xhe = audio(&jo_codec_aac, "mp4a.40.42", "en");
    jo_track ac3 = audio(&jo_codec_ac3, "ac-3", "en"), ec3 = audio(&jo_codec_eac3, "ec-3", "");

    ok(keeps("audio_bitrate:128000", &t) && keeps("audio_bitrate:1-128000", &t) &&
           !keeps("audio_bitrate:0-127999,128001-2147483647", &t),
       "audio_bitrate");
    ok(keeps("audio_channels:2", &t) && !keeps("audio_channels:1,3-32767", &t), "audio_channels");
    ok(keeps("audio_sample_rate:48000", &t) && !keeps("audio_sample_rate:44100", &t),
       "audio_sample_rate");
    ok(keeps("audio_codec:AACL", &t) && !keeps("audio_codec:AACH,AC-3,EC-3", &t), "AACL");
    ok(keeps("audio_codec:AACH", &he) && !keeps("audio_codec:AACL", &he), "AACH");
    ok(!keeps("audio_codec:AACL,AACH", &xhe), "xHE-AAC is neither");
    ok(keeps("audio_codec:ac-3", &ac3) && !keeps("audio_codec:ec-3", &ac3), "AC-3");
    ok(keeps("audio_codec:ec-3", &ec3) && !keeps("audio_codec:ac-3", &ec3), "EC-3");
    ok(keeps("audio_language:ger", &t) && keeps("audio_language:en,DEU", &t) &&
           keeps("audio_language:de", &t) && !keeps("audio_language:en", &t),
       "audio_language, in any form of it");
    ok(!keeps("audio_language:zzz", &t), "a language that nothing has");
    ok(keeps("audio_language:und", &ec3) && !keeps("audio_language:u_d", &ec3) &&
           !keeps("audio_language:und", &t),
       "no language");
    ok(keeps("audio_language:de;audio_channels:2", &t) &&
           !keeps("audio_language:de;audio_channels:6", &t),
       "all names must agree");
    ok(keeps("video_height:99;subtitle_language:en;trickplay_type:none;trickplay_height:1", &t),
       "other kinds' names don't count");
}

static void test_video(void)
{
    jo_track t = video(&jo_codec_avc, 720, 3000000);
    jo_track hevc = video(&jo_codec_hevc, 1080, 5000000);
    jo_track av1 = video(&jo_codec_av1, 1440, 5000000);

    ok(keeps("video_height:240-360,720-1080,1440", &t) &&
           keeps("video_height:240-360,720-1080,1440", &hevc) &&
           keeps("video_height:240-360,720-1080,1440", &av1) && !keeps("video_height:721", &t),
       "video_height");
    ok(keeps("video_bitrate:0-3000000", &t) && !keeps("video_bitrate:3000001-2147483647", &t),
       "video_bitrate");
    ok(keeps("video_codec:h264", &t) && !keeps("video_codec:h265,av1", &t), "H264");
    ok(keeps("video_codec:H265", &hevc) && !keeps("video_codec:h264", &hevc), "H265");
    ok(keeps("video_codec:AV1", &av1) && !keeps("video_codec:h264,h265", &av1), "AV1");
    ok(keeps("video_framerate:29.97", &t) && keeps("video_framerate:29.970", &t) &&
           keeps("video_framerate:20-29.97", &t) && !keeps("video_framerate:29.969", &t) &&
           !keeps("video_framerate:29.971", &t) && !keeps("video_framerate:30-60", &t),
       "video_framerate within 0.0005");
    ok(keeps("audio_language:zzz;audio_channels:9;subtitle_language:zzz", &t),
       "other kinds' names don't count");
}

static bool in_ranges(jo_track *t, const char *want)
{
    static const char *const words[] = {"sdr", "hdr10", "hlg", "dv"};
    char got[32] = "";

    for (int i = 0; i < 4; i++) {
        if (keeps(apr_psprintf(pool, "video_dynamic_range:%s", words[i]), t)) {
            strcat(strcat(got, *got ? " " : ""), words[i]);
        }
    }
    return !strcmp(got, want);
}

static void test_dynamic_range(void)
{
    jo_track t = video(&jo_codec_hevc, 1080, 1);

    ok(in_ranges(&t, "sdr"), "nothing said: sdr");
    t.colour = (jo_colour){true, 9, 16, 9, false};
    ok(in_ranges(&t, "hdr10"), "PQ");
    set_entry(&t, 8, 1);
    ok(in_ranges(&t, "hdr10 dv"), "Dolby Vision 8.1 is HDR10, too");
    t.colour.transfer = 18;
    set_entry(&t, 0, 0);
    ok(in_ranges(&t, "hlg"), "HLG");
    t.colour.transfer = 1;
    ok(in_ranges(&t, "sdr"), "BT.709");
    t.colour.known = false;
    set_entry(&t, 5, 0);
    ok(in_ranges(&t, "dv"), "Dolby Vision 5 is nothing else");
}

static void test_text(void)
{
    jo_track t = {.kind = JO_TEXT, .codec = &jo_codec_wvtt, .language = "pt-BR"};

    ok(keeps("subtitle_language:por-br", &t) && keeps("subtitle_language:PT-br", &t) &&
           !keeps("subtitle_language:pt", &t),
       "subtitle_language");
    ok(keeps("audio_language:zzz;video_height:1", &t), "other kinds' names don't count");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_canonical();
    test_refusals();
    test_length();
    test_audio();
    test_video();
    test_dynamic_range();
    test_text();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
