/* The sample table of a trak, 14496-12 8.6 and 8.7: read a few samples at a time, each box into its column, straight
 * into the index. */
#include "../base/log.h"
#include "../base/status.h"
#include "mp4_tracks.h"

#include <string.h>

#define BOX(s) JO_FOURCC((s)[0], (s)[1], (s)[2], (s)[3])

/* Runs of {count, value}: stts and ctts. */
typedef struct runs {
    jo_reader r;
    uint32_t entries;
    uint32_t in_run;
    int32_t value;
} runs;

static apr_status_t open_runs(jo_mp4_file *f, const jo_mp4_track *t, const char *type, runs *out)
{
    memset(out, 0, sizeof(*out));
    if (!jo_box_find(t->stbl, BOX(type), &out->r)) {
        jo_reader_init(&out->r, "", 0);
        return APR_SUCCESS;
    }
    jo_read_skip(&out->r, 4);
    out->entries = jo_read_u32(&out->r);
    if (out->r.failed || out->entries > jo_reader_left(&out->r) / 8) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: %s says %u entries, the box holds %u", t->id,
                       type, out->entries, (unsigned)(jo_reader_left(&out->r) / 8));
    }
    return APR_SUCCESS;
}

enum { SHORT_RUN = 4 };

/* As many as come in short runs, which are the rule where pictures are reordered: each is written as if it were the
 * longest of them, as how long it is can't be foreseen. */
static uint32_t read_short_runs(runs *x, uint32_t n, int32_t *out)
{
    const uint8_t *at = x->r.at; /* bounds: open_runs() */
    uint32_t done = 0, entries = x->entries;

    for (; entries > 0 && done + SHORT_RUN <= n; entries--, at += 8) {
        uint32_t run = jo_get_u32(at);
        int32_t value = (int32_t)jo_get_u32(at + 4);
        if (run > SHORT_RUN) {
            break;
        }
        for (int i = 0; i < SHORT_RUN; i++) {
            out[done + i] = value;
        }
        done += run;
    }
    x->entries = entries;
    x->r.at = at;
    return done;
}

/* The rest of the run, or the next one; false: none is left. */
static bool open_run(runs *x)
{
    while (x->in_run == 0) {
        if (x->entries == 0) {
            return false;
        }
        x->entries--;
        x->in_run = jo_get_u32(x->r.at);
        x->value = (int32_t)jo_get_u32(x->r.at + 4);
        x->r.at += 8;
    }
    return true;
}

/* The values of the next n samples; gives how many there are. */
static uint32_t read_runs(runs *x, uint32_t n, int32_t *out)
{
    uint32_t done = 0;

    while (done < n && open_run(x)) {
        uint32_t end = x->in_run < n - done ? done + x->in_run : n;
        x->in_run -= end - done;
        while (done < end) {
            out[done++] = x->value;
        }
        if (x->in_run == 0) {
            done += read_short_runs(x, n - done, out + done);
        }
    }
    return done;
}

/* Sizes: stsz, or stz2 with fields of 4, 8 or 16 bits. */
typedef struct sizes {
    jo_reader r;
    uint32_t count;
    uint32_t fixed;
    uint8_t bits;
} sizes;

static apr_status_t open_sizes(jo_mp4_file *f, const jo_mp4_track *t, sizes *out)
{
    memset(out, 0, sizeof(*out));
    if (jo_box_find(t->stbl, BOX("stsz"), &out->r)) {
        jo_read_skip(&out->r, 4);
        out->fixed = jo_read_u32(&out->r);
        out->bits = 32;
    } else if (jo_box_find(t->stbl, BOX("stz2"), &out->r)) {
        jo_read_skip(&out->r, 7);
        out->bits = jo_read_u8(&out->r);
    } else {
        return APR_SUCCESS; /* none: no samples in moov */
    }
    out->count = jo_read_u32(&out->r);
    uint64_t need = out->fixed ? 0 : ((uint64_t)out->count * out->bits + 7) / 8;
    if (out->r.failed || (out->bits != 4 && out->bits != 8 && out->bits != 16 && out->bits != 32) ||
        need > jo_reader_left(&out->r)) {
        return jo_fail(f->cx, JO_EMEDIA,
                       "track %u: sample size table of %u samples does not fit its box", t->id,
                       out->count);
    }
    return APR_SUCCESS;
}

/* Of sample i, from 0, where they are not all the same. Bounds: open_sizes() */
static uint32_t narrow_size(const sizes *z, uint32_t i)
{
    const uint8_t *p = z->r.at + (uint64_t)i * z->bits / 8;

    return z->bits == 16  ? (uint32_t)p[0] << 8 | p[1]
           : z->bits == 8 ? p[0]
           : i % 2 == 0   ? p[0] >> 4
                          : p[0] & 15;
}

/* Of n samples from `first`, which counts from 0. */
static void read_sizes(const sizes *z, uint32_t first, uint32_t n, uint32_t *out)
{
    if (z->fixed == 0 && z->bits == 32) {
        const uint8_t *p = z->r.at + (size_t)first * 4;
        for (uint32_t i = 0; i < n; i++) {
            out[i] = jo_get_u32(p + 4 * i);
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = z->fixed ? z->fixed : narrow_size(z, first + i);
    }
}

/* No file reaches there: leaves room for the sizes of some samples, which are refused then. */
#define NOWHERE ((int64_t)1 << 62)

/* Places: stsc over stco or co64. */
typedef struct places {
    jo_reader stsc, co;
    bool wide;
    uint32_t entries, chunks; /* left */
    uint32_t chunk;           /* 1-based number of the current one */
    uint32_t per_chunk, in_chunk;
    uint32_t next_first; /* chunk at which the next stsc entry starts, 0: none */
    int64_t at;
    uint32_t description; /* of the chunk's samples, from 1 */
    uint32_t read;        /* description of those that were read last */
} places;

static apr_status_t open_places(jo_mp4_file *f, const jo_mp4_track *t, places *p)
{
    memset(p, 0, sizeof(*p));
    p->wide = jo_box_find(t->stbl, BOX("co64"), &p->co);
    if (!jo_box_find(t->stbl, BOX("stsc"), &p->stsc) ||
        (!p->wide && !jo_box_find(t->stbl, BOX("stco"), &p->co))) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: no stsc, stco or co64 box", t->id);
    }
    jo_read_skip(&p->stsc, 4);
    p->entries = jo_read_u32(&p->stsc);
    jo_read_skip(&p->co, 4);
    p->chunks = jo_read_u32(&p->co);
    if (p->stsc.failed || p->entries > jo_reader_left(&p->stsc) / 12) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: stsc says %u entries, the box holds %u", t->id,
                       p->entries, (unsigned)(jo_reader_left(&p->stsc) / 12));
    }
    if (p->co.failed || p->chunks > jo_reader_left(&p->co) / (p->wide ? 8 : 4)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: more chunk offsets than their box holds",
                       t->id);
    }
    if (p->entries > 0) {
        p->next_first = jo_read_u32(&p->stsc);
    }
    return APR_SUCCESS;
}

/* Bounds of both tables: open_places() */
static inline bool next_chunk(places *p)
{
    if (p->chunks == 0) {
        return false;
    }
    p->chunks--;
    p->chunk++;
    while (p->next_first != 0 && p->next_first <= p->chunk) {
        p->per_chunk = jo_get_u32(p->stsc.at);
        p->description = jo_get_u32(p->stsc.at + 4);
        p->stsc.at += 8;
        p->next_first = 0;
        if (--p->entries > 0) {
            p->next_first = jo_get_u32(p->stsc.at);
            p->stsc.at += 4;
        }
    }
    p->at = jo_get_u32(p->co.at);
    p->co.at += 4;
    if (p->wide) {
        uint64_t at = (uint64_t)p->at << 32 | jo_get_u32(p->co.at);
        p->at = at < NOWHERE ? (int64_t)at : NOWHERE;
        p->co.at += 4;
    }
    p->in_chunk = p->per_chunk;
    return true;
}

/* Places of the next samples, n at most, that are chunks of their own as the one before was. */
static uint32_t read_single(places *p, uint32_t n, int64_t *out)
{
    uint32_t same = p->next_first != 0 ? p->next_first - 1 - p->chunk : p->chunks;

    if (p->wide || p->per_chunk != 1 || p->in_chunk != 0) {
        return 0;
    }
    n = n < same ? n : same;
    n = n < p->chunks ? n : p->chunks;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = jo_get_u32(p->co.at + 4 * i);
    }
    p->co.at += 4 * (size_t)n;
    p->chunks -= n;
    p->chunk += n;
    p->read = p->description;
    return n;
}

/* Places of the next n samples at most, all of one description; none: past the last chunk. */
static uint32_t read_places(places *p, uint32_t n, const uint32_t *size, int64_t *out)
{
    uint32_t done = read_single(p, n, out);

    while (done < n) {
        while (p->in_chunk == 0) {
            if (!next_chunk(p)) {
                return done;
            }
        }
        if (done > 0 && p->description != p->read) {
            return done;
        }
        p->read = p->description;
        uint32_t end = p->in_chunk < n - done ? done + p->in_chunk : n;
        int64_t at = p->at;
        p->in_chunk -= end - done;
        for (; done < end; done++) {
            out[done] = at;
            at += size[done];
        }
        p->at = at;
    }
    return done;
}

/* -- samples from which decoding can start --------------------------------------------------------- */

void jo_mp4_open_groups(jo_reader parent, uint32_t type, jo_mp4_groups *out)
{
    uint32_t flags;
    jo_box box;

    memset(out, 0, sizeof(*out));
    while (jo_box_next(&parent, &box)) {
        jo_reader r = box.body;
        if (box.type != BOX("sbgp")) {
            continue;
        }
        uint8_t version = jo_box_version(&r, &flags);
        uint32_t of = jo_read_u32(&r);
        jo_read_skip(&r, version == 1 ? 4 : 0);
        uint32_t entries = jo_read_u32(&r);
        if (!r.failed && of == type && entries <= jo_reader_left(&r) / 8) {
            *out = (jo_mp4_groups){.r = r, .entries = entries};
            return;
        }
    }
}

bool jo_mp4_next_group(jo_mp4_groups *g)
{
    while (g->left == 0 && g->entries > 0) {
        g->entries--;
        g->left = jo_read_u32(&g->r);
        g->index = jo_read_u32(&g->r);
    }
    if (g->left == 0) {
        return false;
    }
    g->left--;
    return g->index != 0;
}

/* Rising numbers of samples. */
typedef struct list {
    jo_reader r;
    uint32_t entries;
    uint32_t next;
} list;

static apr_status_t open_list(jo_mp4_file *f, const jo_mp4_track *t, const char *type, list *l,
                              bool *found)
{
    *found = jo_box_find(t->stbl, BOX(type), &l->r);
    if (!*found) {
        return APR_SUCCESS;
    }
    jo_read_skip(&l->r, 4);
    l->entries = jo_read_u32(&l->r);
    if (l->r.failed || l->entries > jo_reader_left(&l->r) / 4) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: %s says %u entries, the box holds %u", t->id,
                       type, l->entries, (unsigned)(jo_reader_left(&l->r) / 4));
    }
    return APR_SUCCESS;
}

/* Marks those listed of n samples from `first`, which counts from 1. */
static void mark(list *l, uint32_t first, uint32_t n, bool *marks)
{
    uint32_t from = first;

    for (;;) {
        while (l->next < from && l->entries > 0) {
            l->entries--;
            l->next = jo_get_u32(l->r.at); /* bounds: open_list() */
            l->r.at += 4;
        }
        if (l->next < from || l->next - first >= n) {
            return;
        }
        marks[l->next - first] = true;
        from = l->next + 1;
    }
}

/* Sync samples: stss; without it every sample is one. Key frames of open GOPs may be listed apart: in QuickTime's stps,
 * or as a sample group (14496-12 10.4). */
typedef struct syncs {
    bool all;
    bool
        first; /* the first sample is one although none is listed: players drop all before a sync sample */
    list full, partial;
    jo_mp4_groups open;
} syncs;

static apr_status_t open_syncs(jo_mp4_file *f, const jo_mp4_track *t, syncs *s)
{
    bool full, partial;

    memset(s, 0, sizeof(*s));
    if (open_list(f, t, "stss", &s->full, &full) != APR_SUCCESS ||
        open_list(f, t, "stps", &s->partial, &partial) != APR_SUCCESS) {
        return f->cx->code;
    }
    s->all = !full;
    jo_mp4_open_groups(t->stbl, JO_MP4_RAP, &s->open);
    s->first = s->full.entries == 0;
    if (full && s->first && s->partial.entries == 0 && s->open.entries == 0 &&
        !t->track->plain_units) {
        jo_log_write(f->cx, JO_LOG_WARNING, "%s: track %u: stss names no sync sample",
                     f->source->name, t->id);
    }
    return APR_SUCCESS;
}

/* Of n samples from `first`, which counts from 1. */
static void read_syncs(syncs *s, uint32_t first, uint32_t n, bool *out)
{
    memset(out, s->all, n);
    mark(&s->full, first, n, out);
    mark(&s->partial, first, n, out);
    for (uint32_t i = 0; i < n && (s->open.entries > 0 || s->open.left > 0); i++) {
        out[i] |= jo_mp4_next_group(&s->open);
    }
    out[0] |= s->first && first == 1;
}

typedef struct tables {
    sizes sizes;
    runs times, offsets;
    places places;
    syncs syncs;
} tables;

static apr_status_t open_tables(jo_mp4_file *f, const jo_mp4_track *t, tables *x)
{
    if (open_sizes(f, t, &x->sizes) != APR_SUCCESS || x->sizes.count == 0) {
        return f->cx->code;
    }
    if (open_runs(f, t, "stts", &x->times) != APR_SUCCESS ||
        open_runs(f, t, "ctts", &x->offsets) != APR_SUCCESS ||
        open_places(f, t, &x->places) != APR_SUCCESS ||
        open_syncs(f, t, &x->syncs) != APR_SUCCESS) {
        return f->cx->code;
    }
    return APR_SUCCESS;
}

#define LONG_S 3600

/* No sign by the letter (8.6.1.2), but files have negative ones: what would last for hours. */
static int64_t signed_delta(const jo_track *t, int32_t value)
{
    uint32_t plain = (uint32_t)value;
    return value < 0 && plain / t->timescale >= LONG_S ? value : (int64_t)plain;
}

/* The DTS of rows, of which *dts is the first; then that of the sample behind them. Gives how many have one. */
static uint32_t read_times(const jo_track *t, runs *times, jo_rows *rows, int64_t *dts)
{
    int32_t value[JO_ROWS];
    int64_t delta = 0;
    uint32_t n = rows->count;

    if (times->in_run > n && times->value > 0) {
        times->in_run -= n;
        int64_t at = *dts, step = times->value;
        for (uint32_t i = 0; i < n; i++, at += step) {
            rows->dts[i] = at;
        }
        *dts = at;
        rows->duration = (uint32_t)times->value;
        return n;
    }
    n = read_runs(times, n, value);
    for (uint32_t i = 0; i < n; i++) {
        rows->dts[i] = *dts;
        delta = value[i] < 0 ? signed_delta(t, value[i]) : value[i];
        *dts += delta;
    }
    rows->duration = delta > 0 ? (uint32_t)delta : 0;
    return n;
}

/* Samples from `first`, which counts from 0: as many as rows hold and one entry describes. */
static apr_status_t read_rows(jo_mp4_file *f, jo_mp4_track *t, tables *x, uint32_t first,
                              jo_rows *rows, int64_t *dts)
{
    uint32_t left = x->sizes.count - first, n = left < JO_ROWS ? left : JO_ROWS;

    n = first == 0 ? 1 : n; /* a block of the index is complete with the first sample behind it */
    read_sizes(&x->sizes, first, n, rows->size);
    rows->count = read_places(&x->places, n, rows->size, rows->offset);
    if (rows->count == 0) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: the chunks hold %u samples, stsz has %u", t->id,
                       first, x->sizes.count);
    }
    n = read_times(t->track, &x->times, rows, dts);
    if (n < rows->count) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: stts ends at sample %u of %u", t->id, first + n,
                       x->sizes.count);
    }
    n = read_runs(&x->offsets, rows->count, rows->cts);
    memset(rows->cts + n, 0, (rows->count - n) * sizeof(*rows->cts));
    read_syncs(&x->syncs, first + 1, rows->count, rows->sync);
    return APR_SUCCESS;
}

apr_status_t jo_mp4_read_table(jo_mp4_file *f, jo_mp4_track *t)
{
    jo_rows rows;
    tables x = {.sizes.count = 0};

    if (open_tables(f, t, &x) != APR_SUCCESS) {
        return f->cx->code;
    }
    t->declared = x.sizes.count;
    if (t->track->codec == NULL) {
        return APR_SUCCESS; /* nobody will ask for them, and PCM has a "sample" per tick */
    }
    if (jo_mp4_announce(f, t, x.sizes.count) != APR_SUCCESS) {
        return f->cx->code;
    }
    jo_index_expect(t->builder, x.sizes.count);
    for (uint32_t n = 0; n < x.sizes.count && t->track->codec != NULL; n += rows.count) {
        if (read_rows(f, t, &x, n, &rows, &t->next_dts) != APR_SUCCESS ||
            jo_mp4_add(f, t, &rows, x.places.read) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    return APR_SUCCESS;
}
