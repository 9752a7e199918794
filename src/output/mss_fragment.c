#include "mss.h"

#include "../base/status.h"
#include "../media/codec.h"
#include "../media/nal.h"
#include "mp4_write.h"
#include "ttml.h"

/* tfhd and trun flags: 14496-12 8.8.7, 8.8.8 */
#define TFHD_DEFAULT_DURATION 0x8
#define TFHD_DEFAULT_FLAGS    0x20
#define TRUN_DATA_OFFSET      0x1
#define TRUN_FIRST_FLAGS      0x4
#define TRUN_DURATION         0x100
#define TRUN_SIZE             0x200
#define TRUN_FLAGS            0x400
#define TRUN_CTS              0x800
/* sample_depends_on 2 (on none) | 1 (on others) + sample_is_non_sync_sample: 14496-12 8.8.3.1 */
#define FLAGS_SYNC     0x02000000u
#define FLAGS_NON_SYNC 0x01010000u
/* sdtp as IIS writes it: depends on none, others depend on it, no redundant coding | no redundant coding */
#define SDTP_SYNC     0x26
#define SDTP_NON_SYNC 0x02

#define MDAT_HEADER   8

/* One sample, times in ticks of 10 MHz. */
typedef struct unit {
    int64_t offset;    /* in the source, or in the fragment's data */
    int64_t dts;       /* after the fragment's start */
    uint32_t size;     /* bytes */
    uint32_t duration; /* to the next one's dts */
    int32_t cts;       /* PTS - DTS */
    bool sync;
} unit;

typedef struct fragment {
    const jo_track *track;
    uint32_t id;     /* track_ID */
    uint32_t number; /* sequence number */
    int64_t time, duration;
    int64_t shift; /* from wire times, in ticks of 10 MHz, to times of this fragment */
    int64_t lag;  /* what decode times are raised by before they are rescaled, ticks of the track */
    int64_t zero; /* that decode time, in ticks of 10 MHz, with which the fragment starts */
    const unit *units;
    const uint8_t *data; /* of the units, where it is not the source's; NULL */
    uint32_t first;      /* sample number of units[0] */
    uint32_t count;
    int64_t bytes;    /* of all units */
    uint32_t tfhd;    /* flags */
    uint32_t trun;    /* flags */
    size_t offset_at; /* place of the data offset in the header */
} fragment;

/* -- reading samples ------------------------------------------------------------------------------------ */

static int64_t ticks(const jo_track *t, int64_t media_time)
{
    return jo_ticks_round(jo_ticks_add(media_time, t->span.shift), t->timescale, JO_MSS_TIMESCALE);
}

/* Decode times count from the first sample's. Without reordering they are presentation times, and count from the
 * fragment's. */
static void set_zero(fragment *f)
{
    const jo_track *t = f->track;
    bool reordered = t->index->reordered;

    f->lag = reordered ? t->dts_shift : t->index->cts;
    f->zero = reordered ? ticks(t, jo_index_dts(t->index, f->first) + f->lag) : f->time - f->shift;
}

/* Decode time after the fragment's start; what begins before it (text that is shown already at time 0) begins with it. */
static int64_t decode_time(const fragment *f, int64_t dts)
{
    int64_t at = ticks(f->track, dts + f->lag) - f->zero;
    return at < 0 ? 0 : at;
}

static uint32_t clamp_duration(int64_t d)
{
    return (uint32_t)(d < 0 ? 0 : d > UINT32_MAX ? UINT32_MAX : d);
}

static int32_t clamp_cts(int64_t c)
{
    return (int32_t)(c < INT32_MIN ? INT32_MIN : c > INT32_MAX ? INT32_MAX : c);
}

static uint32_t read_units(const fragment *f, uint32_t count, unit *units)
{
    const jo_track *t = f->track;
    int64_t dts = decode_time(f, jo_index_dts(t->index, f->first));
    uint32_t n = 0;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, t->index, f->first);
    for (; n < count && jo_cursor_next(&c, &s); n++) {
        int64_t end = decode_time(f, s.dts + s.duration); /* where the next one is decoded */
        units[n] = (unit){.offset = s.offset, .dts = dts, .size = s.size, .sync = s.sync};
        units[n].duration = clamp_duration(end - dts);
        if (t->index->reordered) {
            units[n].cts = clamp_cts(ticks(t, s.dts + s.cts) + f->shift - f->time - dts);
        }
        dts = end;
    }
    return n;
}

/* A fragment lasts as its chunk in the manifest says, which is as long as the leading rung's: what comes next begins
 * there. */
static void fill_chunk(const fragment *f, unit *units)
{
    unit *last = f->count > 0 ? &units[f->count - 1] : NULL;

    if (last != NULL && f->duration > last->dts) {
        last->duration = clamp_duration(f->duration - last->dts);
    }
}

static void add_ranges(const fragment *f, const jo_resource *rs, jo_body *body)
{
    for (uint32_t n = 0; n < f->count; n++) {
        jo_body_add_range(body, jo_resource_source(rs, f->track, f->first + n), f->units[n].offset,
                          f->units[n].size);
    }
}

/* The bytes of all units as the source has them, in cx->pool. */
static apr_status_t read_data(jo_ctx *cx, const fragment *f, const jo_resource *rs, uint8_t **out)
{
    jo_body ranges;

    jo_body_init(&ranges, cx->pool);
    add_ranges(f, rs, &ranges);
    *out = apr_palloc(cx->pool, (size_t)ranges.length + 1);
    return jo_body_read(cx, &ranges, 0, (size_t)ranges.length, *out);
}

/* Appends a unit, whose bytes in the source are `data`, as it goes out. */
typedef void rewriter(const fragment *f, const unit *u, const uint8_t *data, jo_writer *w);

/* Every NAL unit after a length of 4 bytes. The manifest could say that a source's are shorter (NALUnitLengthField,
 * 2.2.2.5), but no client that we know reads that. */
static void widen_lengths(const fragment *f, const unit *u, const uint8_t *data, jo_writer *w)
{
    const uint8_t *nal;
    size_t len;
    jo_reader r;

    jo_reader_init(&r, data, u->size);
    while (jo_nal_next(&r, f->track->nal_length, &nal, &len)) {
        jo_write_u32(w, (uint32_t)len);
        jo_write_bytes(w, nal, len);
    }
}

/* Smooth's clients (dash.js, ExoPlayer) count a document's times from its sample; in the source they count from the
 * media's time 0. */
static void move_times(const fragment *f, const unit *u, const uint8_t *data, jo_writer *w)
{
    int64_t wire = jo_ticks_sub(jo_ticks_add(f->time, u->dts), f->shift);
    int64_t media = jo_ticks_sub(wire, ticks(f->track, 0));

    jo_ttml_move(data, u->size, jo_ticks_round(media, JO_MSS_TIMESCALE, 1000000000), w);
}

static rewriter *choose_rewriter(const jo_track *t)
{
    if (t->fourcc == JO_FOURCC('s', 't', 'p', 'p')) {
        return move_times;
    }
    return t->nal_length == 0 || t->nal_length == 4 ? NULL : widen_lengths;
}

static apr_status_t rewrite(jo_ctx *cx, fragment *f, const jo_resource *rs, unit *units,
                            rewriter *how)
{
    uint8_t *data;
    size_t at = 0;
    jo_writer w;

    if (read_data(cx, f, rs, &data) != APR_SUCCESS) {
        return cx->code;
    }
    jo_writer_init(&w, cx->pool, (size_t)f->bytes + 1024);
    for (uint32_t n = 0; n < f->count; n++) {
        size_t start = w.len, len = units[n].size;
        how(f, &units[n], data + at, &w);
        at += len;
        units[n].offset = (int64_t)start;
        units[n].size = (uint32_t)(w.len - start);
    }
    f->data = w.data;
    f->bytes = (int64_t)w.len;
    return APR_SUCCESS;
}

static apr_status_t check_size(jo_ctx *cx, const fragment *f, uint32_t count)
{
    int64_t most = 256 + f->bytes + (int64_t)count * 17; /* of trun and sdtp */

    if ((uint64_t)most > cx->limits->segment_size || most > INT32_MAX) {
        return jo_fail(cx, JO_EMEDIA,
                       "segment %u of %s has %" APR_INT64_T_FMT " bytes, more than allowed",
                       f->number, f->track->token, f->bytes);
    }
    return APR_SUCCESS;
}

static apr_status_t make_fragment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                  const jo_resource *rs, fragment *f)
{
    const jo_period *period = &p->periods[0];
    const jo_track *t = period->tracks[rs->track];
    const jo_track_plan *tp = &plan->tracks[rs->track];
    const jo_cut *cut = &tp->cuts[rs->segment];
    const jo_track *lead = period->tracks[tp->lead];
    const jo_track_plan *lp = &plan->tracks[tp->lead];
    uint32_t count = cut[1].sample - cut[0].sample;

    *f =
        (fragment){.track = t, .id = (uint32_t)rs->track + 1, .bytes = cut[1].bytes - cut[0].bytes};
    f->first = cut[0].sample;
    f->number = (uint32_t)(plan->base_number + rs->segment);
    f->time = jo_mss_time(lead, lp, rs->segment, plan->offset);
    f->duration = jo_mss_end(period, plan, tp->lead, rs->segment) - f->time;
    f->shift = plan->offset + f->time - jo_mss_time(t, tp, rs->segment, plan->offset);
    set_zero(f);
    if (check_size(cx, f, count) != APR_SUCCESS) {
        return cx->code;
    }
    unit *units = apr_palloc(cx->pool, sizeof(*units) * (size_t)count);
    f->units = units;
    f->count = read_units(f, count, units);
    fill_chunk(f, units);
    rewriter *how = choose_rewriter(t);
    if (how == NULL) {
        return APR_SUCCESS;
    }
    return rewrite(cx, f, rs, units, how) == APR_SUCCESS ? check_size(cx, f, count) : cx->code;
}

/* -- writing -------------------------------------------------------------------------------------------- */

/* What need not be said sample by sample. */
static void choose_layout(fragment *f)
{
    bool even = true, first_only = true;

    for (uint32_t n = 1; n < f->count; n++) {
        even = even && f->units[n].duration == f->units[0].duration;
        first_only = first_only && !f->units[n].sync;
    }
    f->trun = TRUN_DATA_OFFSET | TRUN_SIZE;
    f->tfhd = even ? TFHD_DEFAULT_DURATION : 0;
    f->trun |= even ? 0 : TRUN_DURATION;
    if (f->track->index->all_sync) {
        f->tfhd |= TFHD_DEFAULT_FLAGS;
    } else if (first_only && f->units[0].sync) {
        f->tfhd |= TFHD_DEFAULT_FLAGS;
        f->trun |= TRUN_FIRST_FLAGS;
    } else {
        f->trun |= TRUN_FLAGS;
    }
    f->trun |= f->track->index->reordered ? TRUN_CTS : 0;
}

static void write_tfhd(jo_writer *w, const fragment *f)
{
    size_t at = jo_full_box_open(w, "tfhd", 0, f->tfhd);

    jo_write_u32(w, f->id);
    if (f->tfhd & TFHD_DEFAULT_DURATION) {
        jo_write_u32(w, f->units[0].duration);
    }
    if (f->tfhd & TFHD_DEFAULT_FLAGS) {
        jo_write_u32(w, f->track->index->all_sync ? FLAGS_SYNC : FLAGS_NON_SYNC);
    }
    jo_box_close(w, at);
}

/* Version 1, with signed offsets, only where pictures are reordered: the first picture is shown at the fragment's time,
 * so others are decoded after that. */
static void write_trun(jo_writer *w, fragment *f)
{
    size_t at = jo_full_box_open(w, "trun", f->trun & TRUN_CTS ? 1 : 0, f->trun);

    jo_write_u32(w, f->count);
    f->offset_at = w->len;
    jo_write_u32(w, 0);
    if (f->trun & TRUN_FIRST_FLAGS) {
        jo_write_u32(w, FLAGS_SYNC);
    }
    for (uint32_t n = 0; n < f->count; n++) {
        const unit *u = &f->units[n];
        if (f->trun & TRUN_DURATION) {
            jo_write_u32(w, u->duration);
        }
        jo_write_u32(w, u->size);
        if (f->trun & TRUN_FLAGS) {
            jo_write_u32(w, u->sync ? FLAGS_SYNC : FLAGS_NON_SYNC);
        }
        if (f->trun & TRUN_CTS) {
            jo_write_u32(w, (uint32_t)u->cts);
        }
    }
    jo_box_close(w, at);
}

/* IIS has it for pictures only. */
static void write_sdtp(jo_writer *w, const fragment *f)
{
    if (f->track->kind != JO_VIDEO) {
        return;
    }
    size_t at = jo_full_box_open(w, "sdtp", 0, 0);
    for (uint32_t n = 0; n < f->count; n++) {
        jo_write_u8(w, f->units[n].sync ? SDTP_SYNC : SDTP_NON_SYNC);
    }
    jo_box_close(w, at);
}

/* Absolute time and duration: MS-SSTR 2.2.4.4 */
static void write_tfxd(jo_writer *w, const fragment *f)
{
    static const uint8_t id[16] = {0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                   0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2};
    size_t at = jo_box_open(w, "uuid");

    jo_write_bytes(w, id, sizeof(id));
    jo_write_u32(w, 1 << 24); /* version 1: 64 bits */
    jo_write_u64(w, (uint64_t)f->time);
    jo_write_u64(w, (uint64_t)f->duration);
    jo_box_close(w, at);
}

static void write_moof(jo_writer *w, fragment *f)
{
    choose_layout(f);
    size_t moof = jo_box_open(w, "moof");
    size_t at = jo_full_box_open(w, "mfhd", 0, 0);
    jo_write_u32(w, f->number);
    jo_box_close(w, at);
    size_t traf = jo_box_open(w, "traf");
    write_tfhd(w, f);
    write_trun(w, f);
    write_sdtp(w, f);
    write_tfxd(w, f);
    jo_box_close(w, traf);
    jo_box_close(w, moof);
    jo_write_patch_u32(w, f->offset_at, (uint32_t)(w->len - moof + MDAT_HEADER));
}

static void add_samples(const fragment *f, const jo_resource *rs, jo_body *body)
{
    if (f->data != NULL) {
        jo_body_add_memory(body, f->data + f->units[0].offset, (size_t)f->bytes);
    } else {
        add_ranges(f, rs, body);
    }
}

static void add_fragment(jo_ctx *cx, fragment *f, const jo_resource *rs, jo_body *body)
{
    jo_writer w;

    jo_writer_init(&w, cx->pool, 256 + (size_t)f->count * 17);
    write_moof(&w, f);
    jo_write_u32(&w, (uint32_t)(f->bytes + MDAT_HEADER));
    jo_write_bytes(&w, "mdat", 4);
    jo_body_add_memory(body, w.data, w.len);
    add_samples(f, rs, body);
}

apr_status_t jo_mss_render_fragment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body)
{
    fragment f;

    if (make_fragment(cx, p, plan, rs, &f) == APR_SUCCESS) {
        add_fragment(cx, &f, rs, body);
    }
    return cx->code;
}

apr_status_t jo_mss_render_info(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                const jo_resource *rs, jo_body *body)
{
    fragment f;
    jo_writer w;

    if (make_fragment(cx, p, plan, rs, &f) == APR_SUCCESS) {
        jo_writer_init(&w, cx->pool, 256 + (size_t)f.count * 17);
        write_moof(&w, &f);
        jo_body_add_memory(body, w.data, w.len);
    }
    return cx->code;
}

apr_status_t jo_mss_render_raw(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                               const jo_resource *rs, jo_body *body)
{
    fragment f;

    if (make_fragment(cx, p, plan, rs, &f) == APR_SUCCESS) {
        add_samples(&f, rs, body);
    }
    return cx->code;
}

apr_status_t jo_mss_render_key_frame(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                     const jo_resource *rs, jo_body *body)
{
    fragment f;
    uint32_t n = 0;

    if (make_fragment(cx, p, plan, rs, &f) != APR_SUCCESS) {
        return cx->code;
    }
    while (n < f.count && !f.units[n].sync) {
        n++;
    }
    if (n == f.count) {
        return jo_fail(cx, JO_ENOTFOUND, "segment %u of %s has no key picture", f.number,
                       f.track->token);
    }
    unit key = f.units[n];
    key.cts = clamp_cts(key.cts + key.dts); /* clients count from the fragment's time */
    f.units = &key;
    f.first += n;
    f.count = 1;
    f.bytes = key.size;
    add_fragment(cx, &f, rs, body);
    return APR_SUCCESS;
}
