#include "audio.h"

#include <string.h>

/* -- esds ---------------------------------------------------------------------------------------------- */

enum { TAG_ES = 3, TAG_DECODER_CONFIG = 4, TAG_SPECIFIC_INFO = 5, TAG_SL_CONFIG = 6 };

/* Size of a descriptor: up to four bytes of 7 bits. */
static bool next_descriptor(jo_reader *r, unsigned tag, jo_reader *body)
{
    while (jo_reader_left(r) > 1) {
        unsigned got = jo_read_u8(r);
        size_t size = 0;
        for (int i = 0; i < 4; i++) {
            uint8_t c = jo_read_u8(r);
            size = size << 7 | (c & 0x7f);
            if (!(c & 0x80)) {
                break;
            }
        }
        /* sizes that run over are common; what is there counts */
        size_t left = jo_reader_left(r);
        *body = jo_read_sub(r, size < left ? size : left);
        if (got == tag) {
            return !body->failed;
        }
    }
    return false;
}

bool jo_audio_read_esds(const jo_track *t, jo_esds *out)
{
    jo_reader box, es, dc, info;

    memset(out, 0, sizeof(*out));
    if (!jo_entry_child(t, JO_FOURCC('e', 's', 'd', 's'), &box)) {
        return false;
    }
    jo_read_skip(&box, 4);
    if (!next_descriptor(&box, TAG_ES, &es)) {
        return false;
    }
    jo_read_skip(&es, 2);
    unsigned flags = jo_read_u8(&es);
    if (flags & 0x80) {
        jo_read_skip(&es, 2);
    }
    if (flags & 0x40) {
        jo_read_skip(&es, jo_read_u8(&es));
    }
    if (flags & 0x20) {
        jo_read_skip(&es, 2);
    }
    if (!next_descriptor(&es, TAG_DECODER_CONFIG, &dc)) {
        return false;
    }
    out->object_type = jo_read_u8(&dc);
    jo_read_skip(&dc, 4);
    out->max_bitrate = jo_read_u32(&dc);
    out->average_bitrate = jo_read_u32(&dc);
    if (dc.failed) {
        return false;
    }
    if (next_descriptor(&dc, TAG_SPECIFIC_INFO, &info)) {
        out->config = info.at;
        out->config_len = jo_reader_left(&info);
    }
    return true;
}

/* Tag and size in one byte, or in two beyond 127. */
static void write_descriptor(jo_writer *w, unsigned tag, size_t size)
{
    jo_write_u8(w, tag);
    if (size > 127) {
        jo_write_u8(w, 0x80 | (unsigned)(size >> 7));
    }
    jo_write_u8(w, (unsigned)(size & 127));
}

static size_t descriptor_size(size_t size)
{
    return size + (size > 127 ? 3 : 2);
}

void jo_audio_write_esds(jo_writer *w, const jo_esds *e)
{
    size_t at = w->len, info = e->config_len ? descriptor_size(e->config_len) : 0;
    size_t config = descriptor_size(13 + info);

    jo_write_u32(w, 0);
    jo_write_bytes(w, "esds", 4);
    jo_write_u32(w, 0);
    write_descriptor(w, TAG_ES, 3 + config + 3);
    jo_write_u16(w, 0); /* ES_ID: 14496-14 3.1.2 */
    jo_write_u8(w, 0);
    write_descriptor(w, TAG_DECODER_CONFIG, 13 + info);
    jo_write_u8(w, e->object_type);
    jo_write_u8(w, 0x15); /* audio stream */
    jo_write_u24(w, 0);
    jo_write_u32(w, e->max_bitrate);
    jo_write_u32(w, e->average_bitrate);
    if (info != 0) {
        write_descriptor(w, TAG_SPECIFIC_INFO, e->config_len);
        jo_write_bytes(w, e->config, e->config_len);
    }
    write_descriptor(w, TAG_SL_CONFIG, 1); /* 2, as MP4 requires */
    jo_write_u8(w, 2);
    jo_write_patch_u32(w, at, (uint32_t)(w->len - at));
}

/* -- entries ------------------------------------------------------------------------------------------- */

const char *jo_audio_rfc6381(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    (void)pool;
    (void)style;
    return t->rfc6381;
}

void jo_audio_write_entry(const jo_track *t, const char type[4], unsigned bits, const char box[4],
                          jo_writer *w)
{
    size_t at = jo_entry_open_audio(w, t, type);

    jo_write_patch_u32(w, at + 24, (uint32_t)t->channels << 16 | bits);
    jo_entry_write_box(w, box, t->config, t->config_len);
    jo_entry_close(w, at);
}

bool jo_audio_find_config(jo_track *t, uint32_t type, size_t least)
{
    jo_reader r;

    if (!jo_entry_child(t, type, &r) || jo_reader_left(&r) < least) {
        return false;
    }
    t->config = r.at;
    t->config_len = jo_reader_left(&r);
    return true;
}

unsigned jo_audio_count(uint32_t mask, const uint8_t *widths, size_t n)
{
    unsigned channels = 0;

    for (size_t i = 0; i < n; i++) {
        channels += mask >> i & 1 ? widths[i] : 0;
    }
    return channels;
}

unsigned jo_audio_cicp_channels(unsigned configuration)
{
    static const uint8_t channels[] = {0, 1, 2,  3, 4,  5,  6,  8,  2,  3, 4,
                                       7, 8, 24, 8, 12, 10, 12, 14, 12, 14};

    return configuration < sizeof(channels) ? channels[configuration] : 0;
}

uint32_t jo_audio_usac_rate(jo_bits *b)
{
    static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350,  0,
                                     0,     57600, 51200, 40000, 38400, 34150, 28800,
                                     25600, 20000, 19200, 17075, 14400, 12800, 9600};
    unsigned i = jo_bits_read(b, 5);

    return i == 31 ? jo_bits_read(b, 24) : i < sizeof(rates) / sizeof(*rates) ? rates[i] : 0;
}

uint32_t jo_audio_escaped(jo_bits *b, unsigned n1, unsigned n2, unsigned n3)
{
    uint32_t value = jo_bits_read(b, n1);

    if (value == (1U << n1) - 1) {
        uint32_t more = jo_bits_read(b, n2);
        value += more;
        if (more == (1U << n2) - 1) {
            value += jo_bits_read(b, n3);
        }
    }
    return value;
}
