#include "mp4_write.h"

size_t jo_box_open(jo_writer *w, const char type[4])
{
    size_t at = w->len;
    jo_write_u32(w, 0);
    jo_write_bytes(w, type, 4);
    return at;
}

size_t jo_full_box_open(jo_writer *w, const char type[4], uint8_t version, uint32_t flags)
{
    size_t at = jo_box_open(w, type);
    jo_write_u32(w, (uint32_t)version << 24 | flags);
    return at;
}

void jo_box_close(jo_writer *w, size_t at)
{
    jo_write_patch_u32(w, at, (uint32_t)(w->len - at));
}
