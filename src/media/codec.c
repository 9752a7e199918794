#include "codec.h"

#include "dovi.h"

#include <apr_strings.h>

#define ALL      (JO_HLS | JO_DASH | JO_SMOOTH)
#define HLS_DASH (JO_HLS | JO_DASH)

static const jo_codec_row rows[] = {
    {JO_FOURCC('a', 'v', 'c', '1'), &jo_codec_avc, ALL},
    {JO_FOURCC('a', 'v', 'c', '3'), &jo_codec_avc, ALL},
    {JO_FOURCC('h', 'v', 'c', '1'), &jo_codec_hevc, ALL},
    {JO_FOURCC('h', 'e', 'v', '1'), &jo_codec_hevc, ALL},
    {JO_FOURCC('d', 'v', 'h', '1'), &jo_codec_hevc, HLS_DASH},
    {JO_FOURCC('d', 'v', 'h', 'e'), &jo_codec_hevc, HLS_DASH},
    {JO_FOURCC('d', 'v', 'a', '1'), &jo_codec_avc, HLS_DASH},
    {JO_FOURCC('d', 'v', 'a', 'v'), &jo_codec_avc, HLS_DASH},
    {JO_FOURCC('v', 'v', 'c', '1'), &jo_codec_vvc, HLS_DASH},
    {JO_FOURCC('v', 'v', 'i', '1'), &jo_codec_vvc, HLS_DASH},
    {JO_FOURCC('a', 'v', '0', '1'), &jo_codec_av1, HLS_DASH},
    {JO_FOURCC('d', 'a', 'v', '1'), &jo_codec_av1, HLS_DASH},
    {JO_FOURCC('v', 'p', '0', '8'), &jo_codec_vp9, HLS_DASH},
    {JO_FOURCC('v', 'p', '0', '9'), &jo_codec_vp9, HLS_DASH},
    {JO_FOURCC('m', 'p', '4', 'a'), &jo_codec_aac, ALL},
    {JO_FOURCC('.', 'm', 'p', '3'), &jo_codec_mpeg_audio, HLS_DASH},
    {JO_FOURCC('a', 'c', '-', '3'), &jo_codec_ac3, HLS_DASH},
    {JO_FOURCC('e', 'c', '-', '3'), &jo_codec_eac3, ALL},
    {JO_FOURCC('a', 'c', '-', '4'), &jo_codec_ac4, HLS_DASH},
    {JO_FOURCC('d', 't', 's', 'c'), &jo_codec_dts, HLS_DASH},
    {JO_FOURCC('d', 't', 's', 'e'), &jo_codec_dts, HLS_DASH},
    {JO_FOURCC('d', 't', 's', 'h'), &jo_codec_dts, HLS_DASH},
    {JO_FOURCC('d', 't', 's', 'l'), &jo_codec_dts, HLS_DASH},
    {JO_FOURCC('d', 't', 's', 'x'), &jo_codec_dts, HLS_DASH},
    {JO_FOURCC('O', 'p', 'u', 's'), &jo_codec_opus, HLS_DASH},
    {JO_FOURCC('f', 'L', 'a', 'C'), &jo_codec_flac, HLS_DASH},
    {JO_FOURCC('a', 'l', 'a', 'c'), &jo_codec_alac, HLS_DASH},
    {JO_FOURCC('m', 'h', 'a', '1'), &jo_codec_mpegh, HLS_DASH},
    {JO_FOURCC('m', 'h', 'a', '2'), &jo_codec_mpegh, HLS_DASH},
    {JO_FOURCC('m', 'h', 'm', '1'), &jo_codec_mpegh, HLS_DASH},
    {JO_FOURCC('m', 'h', 'm', '2'), &jo_codec_mpegh, HLS_DASH},
    {JO_FOURCC('s', 't', 'p', 'p'), &jo_codec_stpp, ALL},
    {JO_FOURCC('w', 'v', 't', 't'), &jo_codec_wvtt, HLS_DASH},
};
static const uint32_t encrypted[] = {JO_FOURCC('e', 'n', 'c', 'v'), JO_FOURCC('e', 'n', 'c', 'a'),
                                     JO_FOURCC('e', 'n', 'c', 't'), JO_FOURCC('e', 'n', 'c', 's')};

const jo_codec_row *jo_codec_row_at(int i)
{
    return i >= 0 && i < (int)(sizeof(rows) / sizeof(*rows)) ? &rows[i] : NULL;
}

static const jo_codec_row *find_row(uint32_t fourcc)
{
    for (int i = 0; jo_codec_row_at(i) != NULL; i++) {
        if (rows[i].fourcc == fourcc) {
            return &rows[i];
        }
    }
    return NULL;
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
    const jo_codec_row *row = find_row(t->fourcc);
    if (row == NULL || row->codec->kind != t->kind) {
        t->why = apr_psprintf(cx->pool, "codec '%s' is not supported",
                              jo_fourcc_text(cx->pool, t->fourcc));
        return APR_SUCCESS;
    }
    t->codec = row->codec;
    t->formats = row->formats;
    t->plain_units = row->codec->plain_units;
    return row->codec->parse(cx, t);
}

/* 23091-2 8.2; 14 is SDR unless Dolby Vision says that SEI make it HLG. */
static const char *range_of(unsigned transfer)
{
    switch (transfer) {
    case 16:
        return "PQ";
    case 18:
        return "HLG";
    default:
        return transfer >= 1 && transfer <= 17 && transfer != 2 && transfer != 3 ? "SDR" : NULL;
    }
}

static const char *dovi_range(const jo_dovi *d)
{
    switch (d->compatibility) {
    case 1:
    case 6: /* Blu-ray's HDR10 */
        return "PQ";
    case 2:
        return "SDR";
    case 4:
        return "HLG";
    default:
        return NULL;
    }
}

const char *jo_codec_video_range(const jo_track *t)
{
    const char *range = t->colour.known ? range_of(t->colour.transfer) : NULL;
    jo_dovi d;

    if (jo_dovi_read(t, &d) && (range == NULL || jo_dovi_alone(&d) || t->colour.transfer == 14)) {
        const char *own = jo_dovi_alone(&d) ? "PQ" : dovi_range(&d);
        return own != NULL ? own : range;
    }
    return range;
}
