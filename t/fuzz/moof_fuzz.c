/* Fragments behind a good init segment of three tracks: 1 AVC, 2 AAC, 3 AVC with in-band parameter sets. */
#include "../unit/mp4_make.h"
#include "demux_fuzz.h"

#include <apr_general.h>

unsigned long fuzz_successes;

static void write_trak(jo_writer *w, uint32_t id, char kind)
{
    size_t media[3], trak = open_box(w, "trak");

    write_tkhd(w, id);
    open_media(w, kind == 'a' ? 48000 : 25, kind == 'a' ? "soun" : "vide", 0x55c4, media);
    write_stsd(w, kind);
    close_media(w, media);
    close_box(w, trak);
}

static void write_init(jo_writer *w)
{
    write_ftyp(w);
    size_t moov = open_box(w, "moov");
    write_mvhd(w, 1000);
    write_trak(w, 1, 'v');
    write_trak(w, 2, 'a');
    write_trak(w, 3, 'p');
    size_t mvex = open_box(w, "mvex");
    for (uint32_t id = 1; id <= 3; id++) {
        size_t trex = open_full(w, "trex", 0, 0);
        jo_write_u32(w, id);
        jo_write_u32(w, 1);
        jo_write_u32(w, id == 2 ? 1024 : 1);
        jo_write_u32(w, 4);
        jo_write_u32(w, id == 2 ? 0 : 0x10000);
        close_box(w, trex);
    }
    close_box(w, mvex);
    close_box(w, moov);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    apr_pool_t *pool;
    jo_writer w;

    if (len > 1 << 20)
        return 0;
    apr_initialize(); /* counted by APR: only the first does anything */
    apr_pool_create(&pool, NULL);
    jo_writer_init(&w, pool, 4096);
    if (len < 8 || memcmp(data + 4, "ftyp", 4) != 0)
        write_init(&w);
    jo_write_bytes(&w, data, len);
    uint8_t *file = malloc(w.len ? w.len : 1); /* exact: AddressSanitizer sees a read beyond it */
    memcpy(file, w.data, w.len);
    fuzz_demux(pool, file, w.len);
    apr_pool_destroy(pool);
    free(file);
    apr_terminate();
    return 0;
}
