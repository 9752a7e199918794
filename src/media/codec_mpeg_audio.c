/* MP3 and MP2 in MP4: mp4a by object type 0x6b (11172-3) or 0x69 (13818-3), and QuickTime's '.mp3'. */
#include "audio.h"

#include <string.h>

#define FOURCC_MP3 JO_FOURCC('.', 'm', 'p', '3')
#define MP3        "mp4a.40.34"

static unsigned object_type(const jo_track *t)
{
    jo_esds e;

    if (t->fourcc != FOURCC_MP3 && jo_audio_read_esds(t, &e)) {
        return e.object_type;
    }
    return t->sample_rate >= 32000 ? JO_OTI_MPEG1_AUDIO : JO_OTI_MPEG2_AUDIO;
}

static apr_status_t parse(jo_ctx *cx, jo_track *t)
{
    (void)cx;
    if (!jo_entry_read_audio(t) || t->channels == 0 || t->sample_rate == 0) {
        return jo_entry_refuse(t, "no sampling rate or no channels");
    }
    t->rfc6381 = MP3;
    return APR_SUCCESS;
}

/* RFC 6381 3.3 wants the object type of the entry: "mp4a.6b". Apple's HLS Authoring Specification and hls.js know
 * MP3 as the audio object type of MPEG-4, "mp4a.40.34"; for the other layers they have no name. */
static const char *rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    (void)pool;
    if (style == JO_ENTRY_PLAIN) {
        return t->rfc6381;
    }
    return object_type(t) == JO_OTI_MPEG2_AUDIO ? "mp4a.69" : "mp4a.6b";
}

static bool wants_probe(const jo_track *t)
{
    (void)t;
    return true; /* entries often say stereo for mono, and never the layer */
}

/* Frame header: 11172-3 2.4.1.3, 13818-3 2.4.2.3; version 0 is the half-rate "2.5". */
static void probe(jo_ctx *cx, jo_track *t)
{
    static const uint32_t rates[] = {44100, 48000, 32000};
    jo_bits b;

    jo_bits_init(&b, t->probe, t->probe_len);
    unsigned sync = jo_bits_read(&b, 11), version = jo_bits_read(&b, 2);
    unsigned layer = jo_bits_read(&b, 2);
    jo_bits_read(&b, 5);
    unsigned rate = jo_bits_read(&b, 2);
    jo_bits_read(&b, 2);
    unsigned mode = jo_bits_read(&b, 2);
    if (b.failed || sync != 0x7ff || version == 1 || layer == 0 || rate == 3) {
        return;
    }
    t->sample_rate = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    t->channels = mode == 3 ? 1 : 2;
    t->rfc6381 = layer == 1 ? MP3 : rfc6381(cx->pool, t, JO_ENTRY_SOURCE);
}

static const char *group(const jo_track *t)
{
    return !strcmp(t->rfc6381, MP3) ? "mp3" : "mp2";
}

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    size_t at = jo_entry_open_audio(w, t, "mp4a");
    jo_esds e;

    (void)style;
    jo_audio_read_esds(t, &e);
    e.object_type = (uint8_t)object_type(t);
    e.config_len = 0;
    jo_audio_write_esds(w, &e);
    jo_entry_close(w, at);
}

const jo_codec jo_codec_mpeg_audio = {.name = "MPEG audio",
                                      .kind = JO_AUDIO,
                                      .plain_units = true,
                                      .group = group,
                                      .parse = parse,
                                      .wants_probe = wants_probe,
                                      .probe = probe,
                                      .write_entry = write_entry,
                                      .rfc6381 = rfc6381};
