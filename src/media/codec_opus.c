/* Opus in MP4: opus-codec.org "Encapsulation of Opus in ISO Base Media File Format" 0.6.8, 4.3. */
#include "audio.h"

/* OpusSpecificBox. Pre-skip is priming, which the edit list hides; Opus always plays at 48 kHz, whatever rate the
 * encoder was given. */
static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    (void)cx;
    if (!jo_entry_read_audio(t) || !jo_audio_find_config(t, JO_FOURCC('d', 'O', 'p', 's'), 11)) {
        return jo_entry_refuse(t, "Opus sample entry without a readable dOps");
    }
    unsigned version = t->config[0], channels = t->config[1], family = t->config[10];
    if (version != 0 || channels == 0 || (family != 0 && t->config_len < 13 + channels)) {
        return jo_entry_refuse(t, "dOps of an unknown version or damaged");
    }
    t->channels = (uint16_t)channels;
    t->sample_rate = 48000;
    t->rfc6381 = "opus";
    return APR_SUCCESS;
}

static const char *group(const jo_track *t)
{
    (void)t;
    return "opus";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    (void)style;
    jo_audio_write_entry(t, "Opus", 16, "dOps", w);
}

/* Named "opus", although RFC 6381 would take the entry's own "Opus": every browser's MSE knows the small one, and
 * the other packagers write it. */
const jo_codec jo_codec_opus = {.name = "Opus",
                                .kind = JO_AUDIO,
                                .plain_units = true,
                                .group = group,
                                .parse = parse,
                                .write_entry = write_entry,
                                .rfc6381 = jo_audio_rfc6381};
