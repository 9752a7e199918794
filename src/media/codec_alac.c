/* Apple Lossless in MP4 and QuickTime: ALACMagicCookieDescription.txt of Apple's ALAC sources. The cookie is the
 * payload of the `alac` box (version and flags first), in QuickTime files inside `wave`. */
#include "audio.h"

enum {
    DEPTH_AT = 9,
    CHANNELS_AT = 13,
    RATE_AT = 24,
    COOKIE = 28
}; /* bytes, after version and flags */

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    (void)cx;
    if (!jo_entry_read_audio(t) ||
        !jo_audio_find_config(t, JO_FOURCC('a', 'l', 'a', 'c'), COOKIE)) {
        return jo_entry_refuse(t, "alac sample entry without a readable configuration");
    }
    t->channels = t->config[CHANNELS_AT];
    t->sample_rate = jo_get_u32(t->config + RATE_AT);
    if (t->channels == 0 || t->sample_rate == 0) {
        return jo_entry_refuse(t, "no sampling rate or no channels");
    }
    t->rfc6381 = "alac";
    return APR_SUCCESS;
}

static const char *group(const jo_track *t)
{
    (void)t;
    return "alac";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    (void)style;
    jo_audio_write_entry(t, "alac", t->config[DEPTH_AT], "alac", w);
}

const jo_codec jo_codec_alac = {.name = "Apple Lossless",
                                .kind = JO_AUDIO,
                                .plain_units = true,
                                .group = group,
                                .parse = parse,
                                .write_entry = write_entry,
                                .rfc6381 = jo_audio_rfc6381};
