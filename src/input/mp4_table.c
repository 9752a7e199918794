/* The sample table of a trak, 14496-12 8.6 and 8.7: run lengths are expanded sample by sample, straight into
 * the index. */
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

static bool next_run(runs *x, int32_t *value)
{
    while (x->in_run == 0) {
        if (x->entries == 0) {
            return false;
        }
        x->entries--;
        x->in_run = jo_read_u32(&x->r);
        x->value = jo_read_i32(&x->r);
    }
    x->in_run--;
    *value = x->value;
    return true;
}

/* Sizes: stsz, or stz2 with fields of 4, 8 or 16 bits. */
typedef struct sizes {
    jo_reader r;
    uint32_t count;
    uint32_t fixed;
    uint8_t bits;
    uint8_t half; /* second 4-bit field of a byte, kept */
    bool has_half;
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

static uint32_t next_size(sizes *z)
{
    if (z->fixed) {
        return z->fixed;
    }
    if (z->bits != 4) {
        return z->bits == 8    ? jo_read_u8(&z->r)
               : z->bits == 16 ? jo_read_u16(&z->r)
                               : jo_read_u32(&z->r);
    }
    if (!z->has_half) {
        uint8_t v = jo_read_u8(&z->r);
        z->half = v & 15;
        z->has_half = true;
        return v >> 4;
    }
    z->has_half = false;
    return z->half;
}

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

static bool next_chunk(places *p)
{
    if (p->chunks == 0) {
        return false;
    }
    p->chunks--;
    p->chunk++;
    while (p->next_first != 0 && p->next_first <= p->chunk) {
        p->per_chunk = jo_read_u32(&p->stsc);
        p->description = jo_read_u32(&p->stsc);
        p->next_first = --p->entries > 0 ? jo_read_u32(&p->stsc) : 0;
    }
    p->at = p->wide ? jo_read_i64(&p->co) : jo_read_u32(&p->co);
    p->in_chunk = p->per_chunk;
    return true;
}

/* Place of the next sample; false past the last chunk. */
static bool next_place(places *p, uint32_t size, int64_t *out)
{
    while (p->in_chunk == 0) {
        if (!next_chunk(p)) {
            return false;
        }
    }
    p->in_chunk--;
    *out = p->at;
    p->at = p->at > INT64_MAX - size ? INT64_MAX : p->at + size;
    return true;
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

static bool lists(list *l, uint32_t number)
{
    while (l->next < number && l->entries > 0) {
        l->entries--;
        l->next = jo_read_u32(&l->r);
    }
    return l->next == number;
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

static bool next_sync(syncs *s, uint32_t number)
{
    bool open = jo_mp4_next_group(&s->open);

    if (s->all || (s->first && number == 1)) {
        return true;
    }
    return lists(&s->full, number) || lists(&s->partial, number) || open;
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

/* Sample n (from 1) but for its DTS, and how far it is to the next one's. */
static apr_status_t next_row(jo_mp4_file *f, jo_mp4_track *t, tables *x, uint32_t n, jo_sample *s,
                             int64_t *delta)
{
    int32_t value;

    s->size = next_size(&x->sizes);
    if (!next_run(&x->times, &value)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: stts ends at sample %u of %u", t->id, n - 1,
                       x->sizes.count);
    }
    if (!next_place(&x->places, s->size, &s->offset)) {
        return jo_fail(f->cx, JO_EMEDIA, "track %u: the chunks hold %u samples, stsz has %u", t->id,
                       n - 1, x->sizes.count);
    }
    s->cts = 0;
    next_run(&x->offsets, &s->cts);
    s->sync = next_sync(&x->syncs, n);
    *delta = signed_delta(t->track, value);
    s->duration = *delta > 0 ? (uint32_t)*delta : 0;
    return APR_SUCCESS;
}

apr_status_t jo_mp4_read_table(jo_mp4_file *f, jo_mp4_track *t)
{
    jo_sample s = {.dts = 0};
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
    for (uint32_t n = 1; n <= x.sizes.count; n++) {
        int64_t delta = 0;
        if (next_row(f, t, &x, n, &s, &delta) != APR_SUCCESS ||
            jo_mp4_add(f, t, &s, x.places.description) != APR_SUCCESS) {
            return f->cx->code;
        }
        if (t->track->codec == NULL) {
            return APR_SUCCESS;
        }
        s.dts += delta;
    }
    t->next_dts = s.dts;
    return APR_SUCCESS;
}
