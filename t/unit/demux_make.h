/* What tests of the demuxer share: files that are made in memory, and what was found in them. */
#ifndef DEMUX_MAKE_H
#define DEMUX_MAKE_H

#include "../../src/base/log.h"
#include "../../src/base/status.h"
#include "../../src/input/demux.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>

static apr_pool_t *pool;
static jo_ctx cx;
static jo_demuxed got;
static int warnings;

static void count_warning(void *baton, jo_log_level level, const char *line)
{
    (void)line;
    *(int *)baton += level == JO_LOG_WARNING;
}

static const jo_log counting = {count_warning, &warnings};

/* Demuxes len bytes in a block of just that size. */
static apr_status_t demux_bytes(const void *data, size_t len)
{
    static char path[32];
    static int n;
    jo_opener *mem = jo_source_mem_opener(pool);
    void *copy = exact(data, len);
    jo_source *src;

    snprintf(path, sizeof path, "/f%d.mp4", n++);
    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    cx.log = &counting;
    warnings = 0;
    jo_source_mem_add(mem, path, copy, len);
    if (jo_source_open(&cx, path, &src) == APR_SUCCESS)
        jo_demux(&cx, src, &got);
    free(copy);
    return cx.code;
}

static apr_status_t demux(const jo_writer *w)
{
    return demux_bytes(w->data, w->len);
}

static jo_sample sample(int track, uint32_t n)
{
    jo_sample s = {.dts = -1};
    jo_cursor c;

    jo_cursor_init(&c, got.tracks[track]->index, n);
    jo_cursor_next(&c, &s);
    return s;
}

static bool is_sample(int track, uint32_t n, int64_t dts, int32_t cts, uint32_t duration,
                      int64_t offset, uint32_t size, bool sync)
{
    jo_sample s = sample(track, n);
    bool good = s.dts == dts && s.cts == cts && s.duration == duration && s.offset == offset &&
                s.size == size && s.sync == sync;

    if (!good)
        printf("# sample %u: dts %lld cts %d duration %u offset %lld size %u sync %d\n", n,
               (long long)s.dts, s.cts, s.duration, (long long)s.offset, s.size, s.sync);
    return good;
}

static bool message_has(const char *part)
{
    if (cx.message && strstr(cx.message, part))
        return true;
    printf("# message: %s\n", cx.message ? cx.message : "(none)");
    return false;
}

/* chapters: the track they are in; 100 and that: behind 128 references to no track. */
static void write_track(jo_writer *w, uint32_t id, const char *handler, char kind,
                        uint32_t chapters, uint32_t samples)
{
    size_t trak = open_box(w, "trak"), media[3];

    write_tkhd(w, id);
    if (chapters) {
        size_t tref = open_box(w, "tref"), chap = open_box(w, "chap");
        for (uint32_t i = chapters > 100 ? jo_limits_default.tracks : 0; i > 0; i--)
            jo_write_u32(w, chapters);
        jo_write_u32(w, chapters > 100 ? chapters - 100 : chapters);
        close_box(w, chap);
        close_box(w, tref);
    }
    open_media(w, 1000, handler, id == 1 ? 0x55c4 : 0, media);
    if (kind != '-')
        write_stsd(w, kind);
    TABLE(w, "stts", 2, samples, 1);
    TABLE(w, "stsc", 3, 1, samples, 1);
    size_t at = open_full(w, "stsz", 0, 0);
    jo_write_u32(w, 4);
    jo_write_u32(w, samples);
    close_box(w, at);
    TABLE(w, "stco", 1, 0);
    close_media(w, media);
    close_box(w, trak);
}

#endif
