#include "nal.h"

#include "sample_entry.h"

bool jo_nal_next(jo_reader *r, unsigned length_bytes, const uint8_t **nal, size_t *len)
{
    *len = 0;
    for (unsigned i = 0; i < length_bytes; i++) {
        *len = *len << 8 | jo_read_u8(r);
    }
    *nal = jo_read_bytes(r, *len);
    return *nal != NULL && !r->failed;
}

size_t jo_nal_unescape(const uint8_t *nal, size_t len, uint8_t *out, size_t cap)
{
    size_t n = 0;
    int zeros = 0;

    for (size_t i = 0; i < len && n < cap; i++) {
        if (zeros >= 2 && nal[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal[i] == 0 ? zeros + 1 : 0;
        out[n++] = nal[i];
    }
    return n;
}

bool jo_nal_sar(unsigned idc, uint16_t *w, uint16_t *h)
{
    static const uint8_t ratios[][2] = {{0, 0},   {1, 1},    {12, 11}, {10, 11}, {16, 11}, {40, 33},
                                        {24, 11}, {20, 11},  {32, 11}, {80, 33}, {18, 11}, {15, 11},
                                        {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};
    if (idc == 0 || idc >= sizeof(ratios) / sizeof(ratios[0])) {
        return false;
    }
    *w = ratios[idc][0];
    *h = ratios[idc][1];
    return true;
}

static void read_signal_type(jo_bits *b, jo_colour *c)
{
    jo_bits_read(b, 3);
    c->full_range = jo_bits_read(b, 1);
    if (jo_bits_read(b, 1)) {
        c->primaries = (uint8_t)jo_bits_read(b, 8);
        c->transfer = (uint8_t)jo_bits_read(b, 8);
        c->matrix = (uint8_t)jo_bits_read(b, 8);
        c->known = c->primaries != 2 || c->transfer != 2 || c->matrix != 2;
    }
}

void jo_nal_vui(jo_bits *b, jo_vui *out)
{
    *out = (jo_vui){0};
    if (jo_bits_read(b, 1)) {
        uint32_t idc = jo_bits_read(b, 8);
        if (idc == 255) {
            out->sar_w = (uint16_t)jo_bits_read(b, 16);
            out->sar_h = (uint16_t)jo_bits_read(b, 16);
        } else {
            jo_nal_sar(idc, &out->sar_w, &out->sar_h);
        }
    }
    if (jo_bits_read(b, 1)) {
        jo_bits_read(b, 1); /* overscan */
    }
    if (jo_bits_read(b, 1)) {
        read_signal_type(b, &out->colour);
    }
    if (b->failed) {
        *out = (jo_vui){0};
    }
}

void jo_nal_apply_vui(jo_track *t, const jo_vui *v)
{
    jo_reader pasp;

    if (v->sar_w && v->sar_h && !jo_entry_child(t, JO_FOURCC('p', 'a', 's', 'p'), &pasp)) {
        t->sar_w = v->sar_w;
        t->sar_h = v->sar_h;
    }
    jo_entry_apply_colour(t, &v->colour);
}

unsigned jo_nal_collect(const jo_track *t, jo_nal_type type_of, unsigned type, unsigned most,
                        jo_writer *w)
{
    const uint8_t *nal;
    size_t len;
    jo_reader r;
    unsigned n = 0;

    jo_reader_init(&r, t->probe, t->probe_len);
    while (n < most && jo_nal_next(&r, t->nal_length, &nal, &len)) {
        if (len > 0 && len <= UINT16_MAX && type_of(nal, len) == type) {
            jo_write_u16(w, (unsigned)len);
            jo_write_bytes(w, nal, len);
            n++;
        }
    }
    return n;
}

void jo_nal_arrays_init(jo_nal_arrays *a, jo_reader r, uint8_t type_of, uint32_t single)
{
    *a = (jo_nal_arrays){.r = r, .type_of = type_of, .single = single, .base = r.at};
    a->arrays = jo_read_u8(&a->r);
}

bool jo_nal_arrays_next(jo_nal_arrays *a, const uint8_t **nal, size_t *len)
{
    while (a->units == 0) {
        if (a->arrays == 0 || a->r.failed) {
            return false;
        }
        a->arrays--;
        a->header_at = (size_t)(a->r.at - a->base);
        a->type = jo_read_u8(&a->r) & a->type_of;
        a->units = a->type < 32 && a->single >> a->type & 1 ? 1 : jo_read_u16(&a->r);
    }
    a->units--;
    *len = jo_read_u16(&a->r);
    *nal = jo_read_bytes(&a->r, *len);
    return *nal != NULL && !a->r.failed;
}

bool jo_nal_plain(const jo_track *t, jo_entry_style style)
{
    return !t->in_band || (style == JO_ENTRY_PLAIN && t->config != NULL);
}

jo_reader jo_nal_record(const jo_track *t, jo_entry_style style, uint32_t box)
{
    jo_reader r;

    if (jo_nal_plain(t, style) && t->config != NULL) {
        jo_reader_init(&r, t->config, t->config_len);
    } else if (!jo_entry_child(t, box, &r)) {
        jo_reader_init(&r, NULL, 0);
    }
    return r;
}

void jo_nal_write_annexb(jo_writer *w, const uint8_t *nal, size_t len)
{
    jo_write_u32(w, 1);
    jo_write_bytes(w, nal, len);
}
