/* Samples of AVC and HEVC as access units of Annex B: 14496-10 7.4.1.2.3, 23008-2 7.4.2.4.4, 13818-1 2.14 and 2.17. */
#include "ts.h"

#include "../media/nal.h"

static const uint8_t start_code[] = {0, 0, 0, 1};
/* Access unit delimiters that allow slices of any type. */
static const uint8_t avc_aud[] = {0, 0, 0, 1, 0x09, 0xf0};
static const uint8_t hevc_aud[] = {0, 0, 0, 1, 0x46, 0x01, 0x50};

static const uint8_t *aud(const jo_ts_video *v)
{
    return v->hevc ? hevc_aud : avc_aud;
}

static uint8_t aud_size(const jo_ts_video *v)
{
    return v->hevc ? sizeof(hevc_aud) : sizeof(avc_aud);
}

/* Are the parameter sets in the samples? avc3 and hev1 may have them in the record all the same; where that is silent, a
 * sample's were added to it. */
static bool has_sets(const jo_track *t)
{
    uint32_t box =
        t->codec == &jo_codec_hevc ? JO_FOURCC('h', 'v', 'c', 'C') : JO_FOURCC('a', 'v', 'c', 'C');
    jo_reader record = jo_nal_record(t, JO_ENTRY_SOURCE, box);

    return t->in_band && jo_reader_left(&record) < t->config_len;
}

void jo_ts_video_init(jo_ctx *cx, const jo_track *t, jo_ts_video *v)
{
    jo_smooth s = {0};

    *v = (jo_ts_video){.hevc = t->codec == &jo_codec_hevc, .nal_length = t->nal_length};
    /* Smooth's private data are the parameter sets in Annex B */
    if (!has_sets(t) && t->codec->smooth(cx, t, &s)) {
        v->sets = s.private_data;
        v->sets_len = s.private_len;
    }
}

/* What start codes may take more than shorter length fields: 1 byte can say that 255 follow. */
static uint64_t growth(const jo_ts_video *v, uint64_t sample)
{
    return v->nal_length >= sizeof(start_code) ? 0
                                               : (sizeof(start_code) - v->nal_length) *
                                                     (8 + sample / (v->nal_length == 1 ? 64 : 512));
}

uint64_t jo_ts_video_size(const jo_ts_video *v, uint64_t sample, bool random)
{
    return aud_size(v) + (random ? v->sets_len : 0) + sample + growth(v, sample);
}

/* The next unit, cut where the sample ends before it does; false at the end. */
static bool next_unit(const jo_ts_video *v, jo_reader *r, const uint8_t **nal, size_t *len,
                      bool *damaged)
{
    size_t left = jo_reader_left(r);

    if (left < v->nal_length) {
        *damaged |= left > 0;
        return false;
    }
    *len = 0;
    for (unsigned i = 0; i < v->nal_length; i++) {
        *len = *len << 8 | jo_read_u8(r);
    }
    left -= v->nal_length;
    if (*len > left) {
        *damaged = true;
        *len = left;
    }
    *nal = jo_read_bytes(r, *len);
    return true;
}

/* Bytes of the start codes for which there is room, 4 or 3; 0: neither. */
static size_t start_size(const jo_ts_video *v, const uint8_t *sample, size_t len, bool *damaged)
{
    uint64_t units = 0, room = growth(v, len);
    const uint8_t *nal;
    jo_reader r;
    size_t n;

    if (v->nal_length >= sizeof(start_code)) {
        return sizeof(start_code);
    }
    jo_reader_init(&r, sample, len);
    while (next_unit(v, &r, &nal, &n, damaged)) {
        units++;
    }
    for (size_t size = sizeof(start_code); size > 2; size--) {
        if (size <= v->nal_length || units * (size - v->nal_length) <= room) {
            return size;
        }
    }
    return 0;
}

static void add_unit(jo_ts_writer *w, size_t start, const uint8_t *nal, size_t len)
{
    static const uint8_t zeros[sizeof(start_code)] = {0};

    /* an empty unit is no unit: trailing_zero_8bits of the one before */
    jo_ts_add(w, len ? start_code + sizeof(start_code) - start : zeros, start);
    jo_ts_add(w, nal, len);
}

static bool is_aud(const jo_ts_video *v, const uint8_t *nal, size_t len)
{
    return len > 0 && (v->hevc ? (nal[0] >> 1 & 63) == 35 : (nal[0] & 31) == 9);
}

bool jo_ts_write_video(jo_ts_writer *w, jo_ts_stream *s, const jo_ts_video *v, const jo_ts_unit *u,
                       const uint8_t *sample, size_t len)
{
    jo_ts_unit unit = *u;
    jo_reader r;
    const uint8_t *nal = NULL;
    size_t n = 0;
    bool damaged = false;
    size_t start = start_size(v, sample, len, &damaged);

    damaged |= start == 0;
    jo_reader_init(&r, sample, len);
    bool more = next_unit(v, &r, &nal, &n, &damaged);
    bool own_aud = more && is_aud(v, nal, n);
    if (own_aud) {
        unit.fill = (uint8_t)(unit.fill + aud_size(v));
        unit.size -= aud_size(v);
    }
    jo_ts_open(w, s, &unit);
    if (own_aud) {
        add_unit(w, start, nal, n);
        more = next_unit(v, &r, &nal, &n, &damaged);
    } else {
        jo_ts_add(w, aud(v), aud_size(v));
    }
    if (u->random) {
        jo_ts_add(w, v->sets, v->sets_len);
    }
    for (; more; more = next_unit(v, &r, &nal, &n, &damaged)) {
        add_unit(w, start, nal, n);
    }
    jo_ts_close(w);
    return !damaged;
}
