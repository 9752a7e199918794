/* Sample tables of many shapes against a reading of them one sample at a time. */
#include "../../src/base/status.h"
#include "../../src/input/demux.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>

enum { SAMPLES = 700, MOST = 2 * SAMPLES };

static apr_pool_t *pool;
static uint32_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

typedef struct table {
    uint32_t v[3 * MOST];
    size_t n;
} table;

static void put(table *t, uint32_t v)
{
    t->v[t->n++] = v;
}

/* A movie, and what its samples are. */
typedef struct movie {
    table stts, ctts, stsc, stco, stsz, stss;
    jo_sample s[SAMPLES];
    uint32_t chunks;
} movie;

/* Runs of up to `longest`, some of nothing, of values below `most`: into each sample by the letter of 8.6. */
static void make_runs(table *t, uint32_t longest, uint32_t most, uint32_t *values)
{
    for (uint32_t done = 0; done < SAMPLES;) {
        uint32_t run = below(longest + 1), value = below(most) + 1;
        run = run < SAMPLES - done ? run : SAMPLES - done;
        put(t, run);
        put(t, value);
        for (; run > 0; run--)
            values[done++] = value;
    }
}

/* Chunks of up to `longest` samples that lie `most` bytes apart at most; a chunk of none now and then. */
static void make_chunks(movie *m, uint32_t longest, uint32_t most)
{
    uint32_t chunk = 0, per = 0, left = 0, at = 0;

    for (uint32_t done = 0; done < SAMPLES; chunk++) {
        if (left == 0) {
            per = below(longest + 1);
            left = 1 + below(per == 0 ? 1 : 90);
            put(&m->stsc, chunk + 1);
            put(&m->stsc, per);
            put(&m->stsc, 1);
        }
        left--;
        at += below(most);
        put(&m->stco, at);
        for (uint32_t i = 0; i < per && done < SAMPLES; i++, done++) {
            m->s[done].offset = at;
            at += m->s[done].size;
        }
    }
}

static void make_movie(movie *m, uint32_t shape)
{
    static uint32_t durations[SAMPLES], offsets[SAMPLES];
    int64_t dts = 0;

    memset(m, 0, sizeof *m);
    seed = shape;
    make_runs(&m->stts, shape % 3 ? 5 * SAMPLES : 6, 40, durations);
    make_runs(&m->ctts, shape % 4 ? 1 + below(8) : 300, shape % 7 ? 5 : 60, offsets);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        m->s[i] = (jo_sample){.dts = dts,
                              .duration = durations[i],
                              .cts = (int32_t)offsets[i],
                              .size = below(i % 50 ? 20 : 300) + 1,
                              .sync = below(shape % 5 * 20 + 1) == 0};
        dts += durations[i];
        put(&m->stsz, m->s[i].size);
        if (m->s[i].sync)
            put(&m->stss, i + 1);
    }
    make_chunks(m, 1 + shape % 4, 1 + shape % 6 * 7);
}

static void write_movie(jo_writer *w, const movie *m)
{
    size_t moov = open_box(w, "moov"), media[3];

    write_mvhd(w, 1000);
    size_t trak = open_box(w, "trak");
    write_tkhd(w, 1);
    open_media(w, 1000, "soun", 0, media);
    write_stsd(w, 'a');
    write_table(w, "stts", 2, m->stts.v, m->stts.n);
    write_table(w, "ctts", 2, m->ctts.v, m->ctts.n);
    write_table(w, "stss", 1, m->stss.v, m->stss.n);
    write_table(w, "stsc", 3, m->stsc.v, m->stsc.n);
    write_table(w, "stco", 1, m->stco.v, m->stco.n);
    size_t at = open_full(w, "stsz", 0, 0);
    jo_write_u32(w, 0);
    jo_write_u32(w, SAMPLES);
    for (size_t i = 0; i < m->stsz.n; i++)
        jo_write_u32(w, m->stsz.v[i]);
    close_box(w, at);
    close_media(w, media);
    close_box(w, trak);
    close_box(w, moov);
    jo_write_zeros(w, 60000);
}

static bool is_read(const movie *m)
{
    jo_opener *mem = jo_source_mem_opener(pool);
    jo_demuxed got;
    jo_source *src;
    jo_writer w;
    jo_cursor c;
    jo_sample s;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    jo_writer_init(&w, pool, 65536);
    write_ftyp(&w);
    write_movie(&w, m);
    jo_source_mem_add(mem, "/a.mp4", w.data, w.len);
    if (jo_source_open(&cx, "/a.mp4", &src) != APR_SUCCESS ||
        jo_demux(&cx, src, &got) != APR_SUCCESS || got.ntracks != 1 ||
        got.tracks[0]->index->count != SAMPLES) {
        printf("# %s\n", cx.message ? cx.message : "no track of all samples");
        return false;
    }
    jo_cursor_init(&c, got.tracks[0]->index, 0);
    for (uint32_t i = 0; jo_cursor_next(&c, &s); i++) {
        const jo_sample *x = &m->s[i];
        bool sync = x->sync || got.tracks[0]->plain_units;
        if (s.dts != x->dts || s.offset != x->offset || s.size != x->size || s.cts != x->cts ||
            s.duration != x->duration || s.sync != sync) {
            printf("# sample %u is at %d, %d bytes, dts %d\n", i, (int)s.offset, (int)s.size,
                   (int)s.dts);
            return false;
        }
    }
    return true;
}

int main(void)
{
    movie *m = malloc(sizeof *m);
    uint32_t shape = 1;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (bool good = m != NULL; shape <= 120 && good; shape += good) {
        make_movie(m, shape);
        good = is_read(m);
    }
    is_int(shape, 121, "tables of 120 shapes give the samples that their letters say");
    free(m);
    apr_terminate();
    return tap_done();
}
