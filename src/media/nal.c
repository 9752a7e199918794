#include "nal.h"

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
