#include "codec.h"

#include <apr_strings.h>

static const jo_codec *const codecs[] = {&jo_codec_avc, &jo_codec_aac};
static const uint32_t encrypted[] = {JO_FOURCC('e', 'n', 'c', 'v'), JO_FOURCC('e', 'n', 'c', 'a'),
                                     JO_FOURCC('e', 'n', 'c', 't')};

static const jo_codec *find_codec(uint32_t fourcc)
{
    switch (fourcc) {
    case JO_FOURCC('a', 'v', 'c', '1'):
    case JO_FOURCC('a', 'v', 'c', '3'):
        return codecs[0];
    case JO_FOURCC('m', 'p', '4', 'a'):
        return codecs[1];
    default:
        return NULL;
    }
}

const char *jo_fourcc_text(apr_pool_t *pool, uint32_t fourcc)
{
    char text[4 * 4 + 1], *p = text;

    for (int shift = 24; shift >= 0; shift -= 8) {
        unsigned c = fourcc >> shift & 0xff;
        if (c >= 0x20 && c < 0x7f) {
            *p++ = (char)c;
        } else {
            p += apr_snprintf(p, 5, "\\x%02X", c);
        }
    }
    *p = '\0';
    return apr_pstrdup(pool, text);
}

apr_status_t jo_codec_parse(jo_ctx *cx, jo_track *t)
{
    t->codec = NULL;
    for (size_t i = 0; i < sizeof(encrypted) / sizeof(*encrypted); i++) {
        if (t->fourcc == encrypted[i]) {
            t->why = "encrypted source";
            return APR_SUCCESS;
        }
    }
    const jo_codec *codec = find_codec(t->fourcc);
    if (codec == NULL || codec->kind != t->kind) {
        t->why = apr_psprintf(cx->pool, "codec '%s' is not supported",
                              jo_fourcc_text(cx->pool, t->fourcc));
        return APR_SUCCESS;
    }
    t->codec = codec;
    return codec->parse(cx, t);
}

/* -- children of a sample entry ------------------------------------------------------------------ */

enum { BOX_HEADER = 8, ENTRY_FIELDS = 8, VIDEO_FIELDS = 70, AUDIO_FIELDS = 20 };

bool jo_entry_next(jo_reader *r, uint32_t *type, jo_reader *body)
{
    size_t left = jo_reader_left(r);

    if (left < BOX_HEADER) {
        return false;
    }
    uint32_t size = jo_read_u32(r);
    *type = jo_read_u32(r);
    if (size < BOX_HEADER || size > left) {
        return false; /* trailing garbage, QuickTime's terminator */
    }
    *body = jo_read_sub(r, size - BOX_HEADER);
    return true;
}

static bool looks_like_box(jo_reader r)
{
    size_t left = jo_reader_left(&r);
    uint32_t size = jo_read_u32(&r), type = jo_read_u32(&r);

    for (int shift = 24; shift >= 0; shift -= 8) {
        if ((type >> shift & 0xff) < 0x20) {
            return false;
        }
    }
    return !r.failed && size >= BOX_HEADER && size <= left;
}

/* QuickTime sound descriptions (QTFF "Sound Sample Descriptions"): version 1 has 16 more bytes, unless the
 * entry is an ISO AudioSampleEntryV1; version 2 says where its fields end, counted from the box. */
static void skip_audio_fields(jo_reader *r)
{
    uint16_t version = jo_read_u16(r);

    jo_read_skip(r, AUDIO_FIELDS - 2);
    if (version == 1 && !looks_like_box(*r)) {
        jo_read_skip(r, 16);
    } else if (version == 2 && !looks_like_box(*r)) {
        uint32_t fields = jo_read_u32(r);
        uint32_t passed = BOX_HEADER + ENTRY_FIELDS + AUDIO_FIELDS + 4;
        jo_read_skip(r, fields > passed ? fields - passed : 32);
    }
}

jo_reader jo_entry_children(const jo_track *t)
{
    jo_reader r;

    jo_reader_init(&r, t->entry, t->entry_len);
    jo_read_skip(&r, BOX_HEADER + ENTRY_FIELDS);
    if (t->kind == JO_VIDEO) {
        jo_read_skip(&r, VIDEO_FIELDS);
    } else if (t->kind == JO_AUDIO) {
        skip_audio_fields(&r);
    }
    return r;
}

static bool find_child(jo_reader r, uint32_t type, jo_reader *out)
{
    uint32_t found;
    jo_reader body;

    while (jo_entry_next(&r, &found, &body)) {
        if (found == type) {
            *out = body;
            return true;
        }
    }
    return false;
}

bool jo_entry_child(const jo_track *t, uint32_t type, jo_reader *out)
{
    jo_reader children = jo_entry_children(t), wave;

    if (find_child(children, type, out)) {
        return true;
    }
    return t->kind == JO_AUDIO && find_child(children, JO_FOURCC('w', 'a', 'v', 'e'), &wave) &&
           find_child(wave, type, out);
}
