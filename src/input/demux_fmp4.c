/* Movie fragments: 14496-12 8.8. */
#include "../base/status.h"
#include "mp4_tracks.h"

#include <string.h>

#define TFHD_BASE         0x1
#define TFHD_DESCRIPTION  0x2
#define TFHD_DURATION     0x8
#define TFHD_SIZE         0x10
#define TFHD_FLAGS        0x20
#define TFHD_BASE_IS_MOOF 0x20000
#define TRUN_DATA_OFFSET  0x1
#define TRUN_FIRST_FLAGS  0x4
#define TRUN_DURATION     0x100
#define TRUN_SIZE         0x200
#define TRUN_FLAGS        0x400
#define TRUN_CTS          0x800
#define NON_SYNC          0x10000

/* One moof while it is read. */
typedef struct fragment {
    jo_mp4_file *file;
    int64_t at;       /* of the moof */
    int64_t mdat_end; /* 0: no mdat follows */
    int64_t data_end; /* where the data of the traf before ended */
    int64_t earliest; /* ns of the edited time line, where events want to know; INT64_MAX before */
    bool first;       /* no traf read yet */
} fragment;

typedef struct traf {
    jo_mp4_track *mt; /* NULL: not a track of the moov */
    jo_mp4_defaults defaults;
    int64_t base;
    bool base_given; /* by offset or by default-base-is-moof */
    int64_t next;    /* where a trun without data offset goes on */
    int64_t dts;
    jo_mp4_groups open; /* key frames of open GOPs that are marked as a sample group only */
} traf;

static jo_mp4_track *find_track(const jo_mp4_file *f, uint32_t id)
{
    for (int i = 0; i < f->ntracks; i++) {
        if (f->tracks[i].id == id) {
            return &f->tracks[i];
        }
    }
    return NULL;
}

static bool sane(int64_t offset)
{
    return offset >= 0 && offset <= INT64_MAX / 4;
}

#define FAR (INT64_MAX / 8) /* no track that is kept gets there */

static int64_t ahead(int64_t from, uint64_t by)
{
    return by < FAR && from < FAR - (int64_t)by ? from + (int64_t)by : FAR;
}

static apr_status_t read_tfhd(fragment *g, jo_reader r, traf *t)
{
    static const jo_mp4_defaults none;
    uint32_t flags, id;

    jo_box_version(&r, &flags);
    id = jo_read_u32(&r);
    t->mt = find_track(g->file, id);
    t->defaults = t->mt ? t->mt->defaults : none;
    t->base = flags & TFHD_BASE_IS_MOOF || g->first ? g->at : g->data_end;
    t->base_given = flags & (TFHD_BASE | TFHD_BASE_IS_MOOF);
    if (flags & TFHD_BASE) {
        t->base = jo_read_i64(&r);
    }
    if (flags & TFHD_DESCRIPTION) {
        t->defaults.description = jo_read_u32(&r);
    }
    if (flags & TFHD_DURATION) {
        t->defaults.duration = jo_read_u32(&r);
    }
    if (flags & TFHD_SIZE) {
        t->defaults.size = jo_read_u32(&r);
    }
    if (flags & TFHD_FLAGS) {
        t->defaults.flags = jo_read_u32(&r);
    }
    if (r.failed || !sane(t->base)) {
        return jo_fail(g->file->cx, JO_EMEDIA, "track %u: tfhd is damaged", id);
    }
    return APR_SUCCESS;
}

/* Decode time: tfdt, else Smooth's tfxd, else where the fragment before ended. */
static void read_time(jo_reader body, traf *t)
{
    static const uint8_t tfxd[16] = {0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                     0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2};
    uint32_t flags;
    jo_box box;
    bool exact = false;

    t->dts = t->mt ? t->mt->next_dts : 0;
    while (jo_box_next(&body, &box)) {
        jo_reader r = box.body;
        bool smooth = box.type == JO_FOURCC('u', 'u', 'i', 'd') && jo_reader_left(&r) > 20 &&
                      !memcmp(r.at, tfxd, 16);
        if (box.type != JO_FOURCC('t', 'f', 'd', 't') && !smooth) {
            continue;
        }
        jo_read_skip(&r, smooth ? 16 : 0);
        int64_t time = jo_box_version(&r, &flags) == 1 ? jo_read_i64(&r) : (int64_t)jo_read_u32(&r);
        if (!r.failed && !exact) {
            t->dts = time;
            exact = !smooth;
        }
    }
}

typedef struct run {
    jo_reader r;
    uint32_t flags, count, first_flags;
    unsigned fields; /* that each sample has */
    int32_t offset;
    bool has_first;
} run;

static apr_status_t open_run(fragment *g, jo_reader body, run *x)
{
    x->r = body;
    x->fields = 0;
    (void)jo_box_version(&x->r, &x->flags);
    x->count = jo_read_u32(&x->r);
    x->offset = x->flags & TRUN_DATA_OFFSET ? jo_read_i32(&x->r) : 0;
    x->has_first = x->flags & TRUN_FIRST_FLAGS;
    x->first_flags = x->has_first ? jo_read_u32(&x->r) : 0;
    for (uint32_t f = TRUN_DURATION; f <= TRUN_CTS; f <<= 1) {
        x->fields += x->flags & f ? 1 : 0;
    }
    if (x->r.failed || (uint64_t)x->count * x->fields * 4 > jo_reader_left(&x->r)) {
        return jo_fail(g->file->cx, JO_EMEDIA, "trun says %u samples, the box holds %u", x->count,
                       (unsigned)(x->fields ? jo_reader_left(&x->r) / (x->fields * 4) : 0));
    }
    return APR_SUCCESS;
}

/* A field of n samples from `first`, or of each of them a default. */
static void read_field(const run *x, uint32_t field, uint32_t first, uint32_t n, uint32_t other,
                       uint32_t *out)
{
    size_t stride = 4 * (size_t)x->fields, before = 0;

    for (uint32_t f = TRUN_DURATION; f < field; f <<= 1) {
        before += x->flags & f ? 4 : 0;
    }
    const uint8_t *p = x->r.at + first * stride + before; /* bounds: open_run() */
    if (!(x->flags & field)) {
        for (uint32_t i = 0; i < n; i++) {
            out[i] = other;
        }
        return;
    }
    for (uint32_t i = 0; i < n; i++, p += stride) {
        out[i] = jo_get_u32(p);
    }
}

typedef struct extent {
    uint64_t bytes, ticks; /* below 2^64: a count and a value of 32 bits */
} extent;

/* Without a field per sample nothing bounds the count: no loop then. */
static extent measure(const run *x, const traf *t)
{
    extent e = {(uint64_t)x->count * t->defaults.size, (uint64_t)x->count * t->defaults.duration};
    uint32_t size, ticks;

    if (x->fields > 0) {
        e = (extent){0, 0};
        for (uint32_t n = 0; n < x->count; n++) {
            read_field(x, TRUN_SIZE, n, 1, t->defaults.size, &size);
            read_field(x, TRUN_DURATION, n, 1, t->defaults.duration, &ticks);
            e.bytes += size;
            e.ticks += ticks;
        }
    }
    return e;
}

/* Some files mean the moof where the letter (8.8.7.1) says the end of the traf before: taken if that alone keeps
 * the data inside the mdat. */
static void place_run(const fragment *g, traf *t, const run *x)
{
    if (!(x->flags & TRUN_DATA_OFFSET)) {
        return; /* goes on where the run before ended */
    }
    if (!g->first && !t->base_given && g->mdat_end > 0) {
        uint64_t bytes = measure(x, t).bytes;
        int64_t end = ahead(x->offset, bytes);
        if (t->base + end > g->mdat_end && g->at + end <= g->mdat_end) {
            t->base = g->at;
        }
    }
    t->next = t->base + x->offset;
}

/* True if samples of the traf are kept: nobody will ask for what can't be packaged. */
static bool kept(const jo_mp4_track *mt)
{
    return mt != NULL && mt->track != NULL && mt->track->codec != NULL;
}

static void note_earliest(fragment *g, const jo_track *t, const jo_rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        int64_t pts = jo_ticks_add(rows->dts[i], rows->cts[i]), start = t->edit.media_time;
        int64_t at = jo_mp4_edited(t, pts < start ? start : pts);
        g->earliest = at < g->earliest ? at : g->earliest;
    }
}

static apr_status_t add(fragment *g, jo_mp4_track *mt, jo_rows *rows, uint32_t description)
{
    if (g->file->early != NULL && mt->track->kind != JO_META) {
        note_earliest(g, mt->track, rows);
    }
    if (mt->last_moof != g->at) {
        mt->last_moof = g->at;
        jo_index_begin_fragment(mt->builder);
    }
    return jo_mp4_add(g->file, mt, rows, description);
}

/* Samples from `first` on, as many as rows hold. */
static void read_rows(const run *x, traf *t, uint32_t first, jo_rows *rows)
{
    uint32_t left = x->count - first, n = left < JO_ROWS ? left : JO_ROWS;
    uint32_t durations[JO_ROWS], flags[JO_ROWS];

    rows->count = n;
    read_field(x, TRUN_DURATION, first, n, t->defaults.duration, durations);
    read_field(x, TRUN_SIZE, first, n, t->defaults.size, rows->size);
    read_field(x, TRUN_FLAGS, first, n, t->defaults.flags, flags);
    /* version 0 says unsigned; negative ones are written all the same and never meant as 2^31 and more */
    read_field(x, TRUN_CTS, first, n, 0, (uint32_t *)rows->cts);
    if (first == 0 && x->has_first && !(x->flags & TRUN_FLAGS)) {
        flags[0] = x->first_flags;
    }
    for (uint32_t i = 0; i < n; i++) {
        rows->sync[i] = !(flags[i] & NON_SYNC);
        rows->dts[i] = t->dts;
        rows->offset[i] = t->next;
        t->next = ahead(t->next, rows->size[i]);
        t->dts += durations[i];
    }
    for (uint32_t i = 0; i < n && (t->open.entries > 0 || t->open.left > 0); i++) {
        rows->sync[i] |= jo_mp4_next_group(&t->open);
    }
    rows->duration = durations[n - 1];
}

static apr_status_t keep_run(fragment *g, traf *t, const run *x)
{
    jo_rows rows;

    if (jo_mp4_announce(g->file, t->mt, x->count) != APR_SUCCESS) {
        return g->file->cx->code;
    }
    for (uint32_t n = 0; n < x->count; n += rows.count) {
        read_rows(x, t, n, &rows);
        if (kept(t->mt) && add(g, t->mt, &rows, t->defaults.description) != APR_SUCCESS) {
            return g->file->cx->code;
        }
    }
    return APR_SUCCESS;
}

static void pass_run(traf *t, const run *x)
{
    extent e = measure(x, t);

    t->next = ahead(t->next, e.bytes);
    t->dts = ahead(t->dts, e.ticks);
}

static apr_status_t read_run(fragment *g, jo_reader body, traf *t)
{
    run x;

    if (open_run(g, body, &x) != APR_SUCCESS) {
        return g->file->cx->code;
    }
    place_run(g, t, &x);
    if (kept(t->mt)) {
        return keep_run(g, t, &x);
    }
    pass_run(t, &x);
    return APR_SUCCESS;
}

static apr_status_t read_traf(fragment *g, jo_reader body)
{
    jo_reader r;
    jo_box box;
    traf t = {.mt = NULL};

    if (!jo_box_find(body, JO_FOURCC('t', 'f', 'h', 'd'), &r)) {
        return jo_fail(g->file->cx, JO_EMEDIA, "traf without tfhd");
    }
    if (read_tfhd(g, r, &t) != APR_SUCCESS) {
        return g->file->cx->code;
    }
    read_time(body, &t);
    if (t.dts < -FAR || t.dts > FAR) {
        return jo_fail(g->file->cx, JO_EMEDIA, "decode time out of bounds");
    }
    t.next = t.base;
    jo_mp4_open_groups(body, JO_MP4_RAP, &t.open);
    while (jo_box_next(&body, &box)) {
        if (box.type == JO_FOURCC('t', 'r', 'u', 'n') && read_run(g, box.body, &t) != APR_SUCCESS) {
            return g->file->cx->code;
        }
    }
    if (body.failed) {
        return jo_fail(g->file->cx, JO_EMEDIA, "a box runs past the end of its traf");
    }
    g->data_end = t.next;
    g->first = false;
    if (t.mt != NULL) {
        t.mt->next_dts = t.dts;
    }
    return APR_SUCCESS;
}

apr_status_t jo_mp4_read_moof(jo_mp4_file *f, jo_reader moof, int64_t at, int64_t mdat_end)
{
    fragment g = {f, at, mdat_end, at, INT64_MAX, true};
    jo_box box;

    while (jo_box_next(&moof, &box)) {
        if (box.type == JO_FOURCC('t', 'r', 'a', 'f') && read_traf(&g, box.body) != APR_SUCCESS) {
            return f->cx->code;
        }
    }
    if (g.earliest != INT64_MAX) {
        jo_mp4_place_events(f, g.earliest);
    }
    return moof.failed ? jo_fail(f->cx, JO_EMEDIA, "a box runs past its end") : APR_SUCCESS;
}
