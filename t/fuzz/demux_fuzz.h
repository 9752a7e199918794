/* What the two MP4 targets share: a whole file through jo_demux(), and every answer of its indexes. */
#ifndef DEMUX_FUZZ_H
#define DEMUX_FUZZ_H

#include "../../src/input/demux.h"
#include "fuzz.h"

#include <string.h>

/* Small enough that no input takes long, large enough for every real corpus file. */
static const jo_limits fuzz_limits = {.descriptor_size = 4 << 20,
                                      .xml_depth = 32,
                                      .moov_size = 1 << 20,
                                      .samples = 100000,
                                      .tracks = 16,
                                      .boxes = 1000,
                                      .segments = 1000,
                                      .segment_size = 1 << 20,
                                      .events_size = 1 << 16};

static inline void fuzz_event(const jo_events *e, const jo_event *x)
{
    const jo_event_stream *s = &e->streams[x->stream];

    FUZZ_CHECK(x->stream < e->nstreams && *s->scheme && s->value != NULL && x->duration >= -1);
    FUZZ_CHECK(x->len <= fuzz_limits.events_size);
    if (x->len > 0) {
        volatile uint8_t last = x->payload[x->len - 1];
        (void)last;
    }
}

/* In order, within the limit, and each in just one of ranges that follow on. */
static inline void fuzz_events(const jo_events *e)
{
    const jo_event *first;
    size_t size = 0;

    for (uint32_t i = 0; i < e->all.count; i++) {
        fuzz_event(e, &e->all.at[i]);
        FUZZ_CHECK(i == 0 || e->all.at[i].time >= e->all.at[i - 1].time);
        size += e->all.at[i].len;
    }
    FUZZ_CHECK(e->all.count > 0 && size <= fuzz_limits.events_size && e->id3.count <= e->all.count);
    FUZZ_CHECK(jo_events_in(&e->all, INT64_MIN, 1000, 1000, &first) +
                   jo_events_in(&e->all, 1000, INT64_MAX, 1000, &first) ==
               e->all.count);
}

static inline void fuzz_index(const jo_index *ix, int64_t file_size)
{
    int64_t bytes = 0, last = INT64_MIN;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, ix, 0);
    for (uint32_t n = 0; n < ix->count; n++) {
        FUZZ_CHECK(c.next == n && jo_cursor_next(&c, &s));
        FUZZ_CHECK(s.offset >= 0 && s.offset + s.size <= file_size && s.dts >= last);
        last = s.dts;
        if (n % 61 == 0) {
            FUZZ_CHECK(jo_index_dts(ix, n) == s.dts && jo_index_find_dts(ix, s.dts) <= n);
            FUZZ_CHECK(jo_index_range_bytes(ix, 0, n) == bytes);
        }
        bytes += s.size;
    }
    FUZZ_CHECK(!jo_cursor_next(&c, &s) && bytes == ix->bytes);
    for (uint32_t k = 0; k < ix->nraps; k++)
        FUZZ_CHECK(ix->raps[k].sample < ix->count &&
                   (k == 0 || (ix->raps[k].sample > ix->raps[k - 1].sample &&
                               ix->raps[k].ept > ix->raps[k - 1].ept)));
    for (uint32_t k = 0; k < ix->nfragments; k++)
        FUZZ_CHECK(ix->fragments[k] < ix->count);
    jo_index_find_rap(ix, ix->first_pts);
}

static inline void fuzz_entry(apr_pool_t *pool, const jo_track *t, jo_entry_style style)
{
    jo_writer w;

    jo_writer_init(&w, pool, 0);
    t->codec->write_entry(t, style, &w);
    FUZZ_CHECK(w.len > 16 && jo_get_u32(w.data) == w.len);
    FUZZ_CHECK(strlen(t->codec->rfc6381(pool, t, style)) > 4);
}

/* Every sample lies in its file, and every entry that is used can be written. */
static inline void fuzz_runs(apr_pool_t *pool, const jo_demuxed *m, const jo_track *t)
{
    jo_cursor c;
    jo_sample s;

    FUZZ_CHECK(t->nruns > 0 && t->runs[0].sample == 0 && t->nvariants > 0 && t->variants[0] == t);
    for (int i = 0; i < t->nruns; i++) {
        FUZZ_CHECK(t->runs[i].variant >= 0 && t->runs[i].variant < t->nvariants);
        FUZZ_CHECK(t->runs[i].source >= 0 && t->runs[i].source < m->nfiles);
        FUZZ_CHECK(i == 0 || t->runs[i].sample > t->runs[i - 1].sample);
    }
    jo_cursor_init(&c, t->index, 0);
    for (uint32_t n = 0; jo_cursor_next(&c, &s); n++) {
        FUZZ_CHECK(s.offset + s.size <= m->files[t->runs[jo_track_run(t, n)].source].id.size);
    }
    for (int i = 0; i < t->nvariants; i++) {
        FUZZ_CHECK(t->variants[i]->codec == t->codec);
        fuzz_entry(pool, t->variants[i], JO_ENTRY_SOURCE);
        fuzz_entry(pool, t->variants[i], JO_ENTRY_PLAIN);
    }
}

static inline void fuzz_demux(apr_pool_t *pool, const uint8_t *data, size_t len)
{
    jo_opener *mem = jo_source_mem_opener(pool);
    jo_source *src;
    jo_demuxed m;
    jo_ctx cx;
    static const uint8_t other[4096]; /* what data references may name */

    jo_ctx_init(&cx, pool);
    cx.limits = &fuzz_limits;
    cx.opener = mem;
    jo_source_mem_add(mem, "/d.mp4", other, sizeof other);
    jo_source_mem_add(mem, "/f.mp4", data, len);
    FUZZ_CHECK(jo_source_open(&cx, "/f.mp4", &src) == APR_SUCCESS);
    if (jo_demux(&cx, src, &m) != APR_SUCCESS) {
        FUZZ_CHECK(cx.code == JO_EMEDIA || cx.code == JO_ENOTFOUND || cx.code == JO_EFORBIDDEN);
        FUZZ_CHECK(cx.message && *cx.message);
        return;
    }
    for (int i = 0; i < m.ntracks; i++) {
        const jo_track *t = m.tracks[i];
        FUZZ_CHECK(t->timescale > 0 && t->index && (t->codec || t->why));
        fuzz_index(t->index, (int64_t)(len > sizeof other ? len : sizeof other));
        if (t->codec) {
            fuzz_runs(pool, &m, t);
            fuzz_successes += t->index->count > 0;
        }
    }
    if (m.events) {
        fuzz_events(m.events);
        fuzz_successes++;
    }
}

#endif
