#include "cmaf.h"

#include "../base/status.h"
#include "../plan/segment_events.h"
#include "mp4_trak.h"
#include "ttml.h"

#include <string.h>

/* trun and tfhd flags: 14496-12 8.8.7, 8.8.8 */
#define TFHD_DEFAULT_DURATION 0x8
#define TFHD_DEFAULT_FLAGS    0x20
#define TFHD_BASE_IS_MOOF     0x20000
#define TRUN_DATA_OFFSET      0x1
#define TRUN_DURATION         0x100
#define TRUN_SIZE             0x200
#define TRUN_FLAGS            0x400
#define TRUN_CTS              0x800
/* sample_depends_on 2 (on none) | 1 (on others) + sample_is_non_sync_sample: 14496-12 8.8.3.1 */
#define FLAGS_SYNC     0x02000000u
#define FLAGS_NON_SYNC 0x01010000u

#define TRACK_ID       1
#define MDAT_HEADER    8
#define NS             1000000000

/* -- init segment ---------------------------------------------------------------------------------- */

/* Media profiles of text: 23000-19 11 */
static const char *text_brand(const jo_track *t)
{
    static const char *const brands[] = {"im1t", "im1i", "im2t", "im2i"};

    for (size_t i = 0; i < sizeof(brands) / sizeof(*brands) && t->kind == JO_TEXT; i++) {
        if (jo_trak_is_xml(t) && t->config_len == 4 && !memcmp(t->config, brands[i], 4)) {
            return brands[i];
        }
    }
    return t->kind == JO_TEXT && !jo_trak_is_xml(t) ? "cwvt" : NULL;
}

static void write_ftyp(jo_writer *w, const jo_track *t)
{
    size_t at = jo_box_open(w, "ftyp");
    jo_write_bytes(w, "cmfc", 4);
    jo_write_u32(w, 0);
    jo_write_bytes(w, "iso6cmfcdash", 12);
    if (t->kind == JO_VIDEO) {
        jo_write_bytes(w, "cmf2", 4); /* no edit list, trun version 1: 23000-19 7.2 */
    } else if (text_brand(t) != NULL) {
        jo_write_bytes(w, text_brand(t), 4);
    }
    jo_box_close(w, at);
}

static void write_edts(jo_writer *w, const jo_track *t)
{
    if (t->priming <= 0) {
        return;
    }
    size_t edts = jo_box_open(w, "edts");
    size_t at = jo_full_box_open(w, "elst", 0, 0);
    jo_write_u32(w, 1);
    jo_write_u32(w, 0); /* duration: all the fragments (14496-12 8.6.6.1) */
    jo_write_u32(w, (uint32_t)t->priming);
    jo_write_u32(w, 0x10000);
    jo_box_close(w, at);
    jo_box_close(w, edts);
}

static void write_stbl(jo_writer *w, const jo_track *t, jo_entry_style style)
{
    static const char empty[3][5] = {"stts", "stsc", "stco"};
    size_t stbl = jo_box_open(w, "stbl");
    size_t at = jo_full_box_open(w, "stsd", 0, 0);
    jo_write_u32(w, 1);
    t->codec->write_entry(t, style, w);
    jo_box_close(w, at);
    for (int i = 0; i < 3; i++) {
        at = jo_full_box_open(w, empty[i], 0, 0);
        jo_write_u32(w, 0);
        jo_box_close(w, at);
        if (i == 1) {
            at = jo_full_box_open(w, "stsz", 0, 0);
            jo_write_zeros(w, 8);
            jo_box_close(w, at);
        }
    }
    jo_box_close(w, stbl);
}

static void write_mdia(jo_writer *w, const jo_track *t, const jo_trak *say, jo_entry_style style)
{
    size_t mdia = jo_box_open(w, "mdia");
    jo_trak_write_media(w, t, say);
    size_t minf = jo_box_open(w, "minf");
    jo_trak_write_media_info(w, t);
    write_stbl(w, t, style);
    jo_box_close(w, minf);
    jo_box_close(w, mdia);
}

static void write_mvex(jo_writer *w)
{
    size_t mvex = jo_box_open(w, "mvex");
    size_t at = jo_full_box_open(w, "trex", 0, 0);
    jo_write_u32(w, TRACK_ID);
    jo_write_u32(w, 1); /* sample description */
    jo_write_zeros(w, 12);
    jo_box_close(w, at);
    jo_box_close(w, mvex);
}

void jo_cmaf_init(jo_ctx *cx, const jo_track *t, jo_entry_style style, jo_body *body)
{
    static const jo_trak say = {.id = TRACK_ID, .flags = JO_TRAK_ENABLED | JO_TRAK_IN_MOVIE};
    jo_writer w;

    jo_writer_init(&w, cx->pool, 1024);
    write_ftyp(&w, t);
    size_t moov = jo_box_open(&w, "moov");
    jo_trak_write_mvhd(&w, t->timescale, 0, TRACK_ID + 1); /* durations: in the fragments */
    size_t trak = jo_box_open(&w, "trak");
    jo_trak_write_tkhd(&w, t, &say);
    write_edts(&w, t);
    write_mdia(&w, t, &say, style);
    jo_box_close(&w, trak);
    write_mvex(&w);
    jo_box_close(&w, moov);
    jo_body_add_memory(body, w.data, w.len);
}

/* -- media segments -------------------------------------------------------------------------------- */

/* What of a run of samples need not be said sample by sample. */
typedef struct layout {
    uint32_t first, count; /* samples */
    uint32_t trun;         /* flags */
    uint32_t tfhd;
    uint32_t duration;   /* of each, where the tfhd says it */
    uint32_t per_sample; /* bytes in the trun */
    int64_t bytes;       /* of the samples */
    const jo_writer
        *document; /* the one sample, where it goes out with other times than the source's; NULL */
} layout;

static layout make_layout(const jo_track *t, uint32_t first, uint32_t last)
{
    const jo_index *ix = t->index;
    layout l = {.first = first,
                .count = last - first,
                .trun = TRUN_DATA_OFFSET | TRUN_SIZE,
                .tfhd = TFHD_BASE_IS_MOOF,
                .duration = ix->duration,
                .per_sample = 4};

    if (last <= ix->const_until) {
        l.tfhd |= TFHD_DEFAULT_DURATION;
    } else {
        l.trun |= TRUN_DURATION;
        l.per_sample += 4;
    }
    if (ix->all_sync) {
        l.tfhd |= TFHD_DEFAULT_FLAGS;
    } else {
        l.trun |= TRUN_FLAGS;
        l.per_sample += 4;
    }
    if (ix->reordered) {
        l.trun |= TRUN_CTS;
        l.per_sample += 4;
    }
    return l;
}

static uint32_t styp_size(void)
{
    return 24;
}

static int64_t moof_size(const layout *l)
{
    uint32_t tfhd =
        16 + (l->tfhd & TFHD_DEFAULT_DURATION ? 4 : 0) + (l->tfhd & TFHD_DEFAULT_FLAGS ? 4 : 0);
    return 8 + 16 + 8 + tfhd + 20 + 20 + (int64_t)l->count * l->per_sample;
}

/* Samples of a segment's fragment. TTML: one, a whole document (hls.js reads an mdat as one document). All such
 * fragments have headers of one size: a duration takes as much in tfhd as in trun. */
static uint32_t fragment_samples(const jo_track *t, const jo_track_plan *tp, int i)
{
    return jo_trak_is_xml(t) ? 1 : tp->cuts[i + 1].sample - tp->cuts[i].sample;
}

/* -- events: 23009-1 5.10.3.3, 23000-19 7.4.5 */

static size_t event_size(const jo_event_stream *s, const jo_event *e)
{
    return 12 + 20 + strlen(s->scheme) + strlen(s->value) + 2 + e->len;
}

static int64_t events_size(const jo_track *t, const jo_track_plan *tp, int i)
{
    const jo_event *e;
    int64_t size = 0;

    for (uint32_t n = jo_segment_events(&t->events->all, t, tp, i, i + 1, &e); n > 0; n--, e++) {
        size += (int64_t)event_size(&t->events->streams[e->stream], e);
    }
    return size;
}

static uint32_t event_duration(const jo_track *t, const jo_event *e)
{
    int64_t ticks = e->duration < 0 ? UINT32_MAX : jo_ticks_round(e->duration, NS, t->timescale);

    return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks; /* the highest means: not known */
}

/* Their time counts as players show the track: after its edit list. */
static void write_event(jo_writer *w, const jo_track *t, const jo_event *e)
{
    const jo_event_stream *s = &t->events->streams[e->stream];
    size_t at = jo_full_box_open(w, "emsg", 1, 0);

    jo_write_u32(w, t->timescale);
    jo_write_u64(w, (uint64_t)jo_event_ticks(e, t->timescale));
    jo_write_u32(w, event_duration(t, e));
    jo_write_u32(w, e->id);
    jo_write_bytes(w, s->scheme, strlen(s->scheme) + 1);
    jo_write_bytes(w, s->value, strlen(s->value) + 1);
    jo_write_bytes(w, e->payload, e->len);
    jo_box_close(w, at);
}

static void write_events(jo_writer *w, const jo_track *t, const jo_track_plan *tp, int i)
{
    const jo_event *e;

    for (uint32_t n = jo_segment_events(&t->events->all, t, tp, i, i + 1, &e); n > 0; n--, e++) {
        write_event(w, t, e);
    }
}

int64_t jo_cmaf_segment_size(const jo_track *t, const jo_track_plan *tp, int i)
{
    uint32_t first = tp->cuts[i].sample, last = tp->cuts[i + 1].sample;
    uint32_t step = fragment_samples(t, tp, i);
    layout l = make_layout(t, first, first + step);
    int64_t fragments = step ? (last - first) / step : 0;

    return (int64_t)styp_size() + (t->events != NULL ? events_size(t, tp, i) : 0) +
           fragments * (moof_size(&l) + MDAT_HEADER) + tp->cuts[i + 1].bytes - tp->cuts[i].bytes;
}

static void write_tfhd(jo_writer *w, const layout *l)
{
    size_t at = jo_full_box_open(w, "tfhd", 0, l->tfhd);
    jo_write_u32(w, TRACK_ID);
    if (l->tfhd & TFHD_DEFAULT_DURATION) {
        jo_write_u32(w, l->duration);
    }
    if (l->tfhd & TFHD_DEFAULT_FLAGS) {
        jo_write_u32(w, FLAGS_SYNC);
    }
    jo_box_close(w, at);
}

static void write_tfdt(jo_writer *w, const jo_track *t, const layout *l)
{
    size_t at = jo_full_box_open(w, "tfdt", 1, 0);
    jo_write_u64(w, (uint64_t)(jo_index_dts(t->index, l->first) + t->span.shift + t->dts_shift +
                               t->priming));
    jo_box_close(w, at);
}

static uint8_t *put_sample(uint8_t *p, const jo_track *t, const layout *l, const jo_sample *s)
{
    if (l->trun & TRUN_DURATION) {
        jo_put_u32(p, s->duration);
        p += 4;
    }
    jo_put_u32(p, s->size);
    p += 4;
    if (l->trun & TRUN_FLAGS) {
        jo_put_u32(p, s->sync ? FLAGS_SYNC : FLAGS_NON_SYNC);
        p += 4;
    }
    if (l->trun & TRUN_CTS) {
        jo_put_u32(p, (uint32_t)(s->cts - t->dts_shift));
        p += 4;
    }
    return p;
}

static void write_trun(jo_writer *w, const jo_track *t, const layout *l, const jo_resource *rs,
                       jo_body *body)
{
    jo_cursor c;
    jo_sample s;
    size_t at = jo_full_box_open(w, "trun", 1, l->trun);

    jo_write_u32(w, l->count);
    jo_write_u32(w, (uint32_t)(moof_size(l) + MDAT_HEADER));
    uint8_t *p = jo_write_reserve(w, (size_t)l->count * l->per_sample);
    jo_cursor_init(&c, t->index, l->first);
    for (uint32_t n = 0; n < l->count && jo_cursor_next(&c, &s); n++) {
        if (l->document != NULL) {
            s.size = (uint32_t)l->document->len;
            jo_body_add_memory(body, l->document->data, s.size);
        } else {
            jo_body_add_range(body, jo_resource_source(rs, t, l->first + n), s.offset, s.size);
        }
        p = put_sample(p, t, l, &s);
    }
    jo_box_close(w, at);
}

static void write_styp(jo_writer *w)
{
    size_t at = jo_box_open(w, "styp");
    jo_write_bytes(w, "msdh", 4);
    jo_write_u32(w, 0);
    jo_write_bytes(w, "msdhcmfs", 8);
    jo_box_close(w, at);
}

/* A TTML document counts from the media's time 0, players take it to count on the wire: it is moved with its sample. */
static apr_status_t move_document(jo_ctx *cx, const jo_track *t, layout *l, const jo_resource *rs)
{
    jo_writer *w = apr_pcalloc(cx->pool, sizeof(*w));
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, t->index, l->first);
    if (!jo_cursor_next(&c, &s)) {
        return APR_SUCCESS;
    }
    uint8_t *data = apr_palloc(cx->pool, (apr_size_t)s.size + 1);
    jo_source *src = jo_resource_source(rs, t, l->first);
    if (jo_source_read(cx, src, s.offset, s.size, data) == APR_SUCCESS) {
        jo_writer_init(w, cx->pool, (size_t)s.size + 256);
        int64_t wire = jo_ticks_round(t->span.shift, t->timescale, 1000000000);
        jo_ttml_move(data, s.size, jo_ticks_sub(0, wire), w);
        l->document = w;
        l->bytes = (int64_t)w->len;
    }
    return cx->code;
}

/* What the writer holds from `from` on, moof and the mdat's header, which stay where they are written; then the samples'
 * ranges. */
static apr_status_t write_fragment(jo_ctx *cx, const jo_track *t, const layout *l, int64_t number,
                                   const jo_resource *rs, jo_body *body, jo_writer *w, size_t from)
{
    size_t start = w->len, header = (size_t)moof_size(l) + MDAT_HEADER;
    jo_body_add_memory(body, w->data + from, start + header - from);
    size_t moof = jo_box_open(w, "moof");
    size_t at = jo_full_box_open(w, "mfhd", 0, 0);
    jo_write_u32(w, (uint32_t)number);
    jo_box_close(w, at);
    size_t traf = jo_box_open(w, "traf");
    write_tfhd(w, l);
    write_tfdt(w, t, l);
    write_trun(w, t, l, rs, body);
    jo_box_close(w, traf);
    jo_box_close(w, moof);
    jo_write_u32(w, (uint32_t)(l->bytes + MDAT_HEADER));
    jo_write_bytes(w, "mdat", 4);
    return w->len == start + header ? APR_SUCCESS
                                    : jo_fail(cx, JO_EBUG, "fragment header of %zu bytes, not %zu",
                                              w->len - start, header);
}

static apr_status_t write_segment(jo_ctx *cx, const jo_track *t, const jo_track_plan *tp, int i,
                                  int64_t number, const jo_resource *rs, jo_body *body)
{
    int64_t data = tp->cuts[i + 1].bytes - tp->cuts[i].bytes;
    int64_t size = jo_cmaf_segment_size(t, tp, i);
    uint32_t last = tp->cuts[i + 1].sample, step = fragment_samples(t, tp, i);
    jo_writer w;

    if ((uint64_t)size > cx->limits->segment_size || size > INT32_MAX) {
        return jo_fail(cx, JO_EMEDIA,
                       "segment %" APR_INT64_T_FMT " of %s has %" APR_INT64_T_FMT
                       " bytes, more than allowed",
                       number, t->token, size);
    }
    size_t headers = (size_t)(size - data);
    jo_writer_init(&w, cx->pool, headers);
    jo_write_reserve(&w, headers); /* the size is known: the bytes stay where they are */
    w.len = 0;
    write_styp(&w);
    if (t->events != NULL) {
        write_events(&w, t, tp, i);
    }
    for (uint32_t first = tp->cuts[i].sample; first < last; first += step) {
        layout l = make_layout(t, first, first + step);
        l.bytes = jo_trak_is_xml(t) ? jo_index_range_bytes(t->index, first, first + step) : data;
        int64_t sequence = jo_trak_is_xml(t) ? (int64_t)first + 1 : number;
        size_t from = first == tp->cuts[i].sample ? 0 : w.len;
        if (jo_trak_is_xml(t) && t->span.shift != 0 &&
            move_document(cx, t, &l, rs) != APR_SUCCESS) {
            return cx->code;
        }
        if (write_fragment(cx, t, &l, sequence, rs, body, &w, from) != APR_SUCCESS) {
            return cx->code;
        }
    }
    return APR_SUCCESS;
}

apr_status_t jo_cmaf_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body)
{
    return write_segment(cx, p->periods[0].tracks[rs->track], &plan->tracks[rs->track], rs->segment,
                         plan->base_number + rs->segment, rs, body);
}

/* -- key pictures ---------------------------------------------------------------------------------- */

/* All that differs from other samples is said once, so that all such headers of a track have one size. */
static layout keyframe_layout(const jo_track *t, const jo_keyframe *k, int64_t duration)
{
    bool reordered = t->index->reordered;

    return (layout){.first = k->sample,
                    .count = 1,
                    .trun = TRUN_DATA_OFFSET | TRUN_SIZE | (reordered ? TRUN_CTS : 0),
                    .tfhd = TFHD_BASE_IS_MOOF | TFHD_DEFAULT_DURATION | TFHD_DEFAULT_FLAGS,
                    .duration = duration > UINT32_MAX ? UINT32_MAX : (uint32_t)duration,
                    .per_sample = reordered ? 8 : 4,
                    .bytes = k->size};
}

int64_t jo_cmaf_keyframe_size(const jo_track *t, const jo_keyframe *k)
{
    layout l = keyframe_layout(t, k, 0);

    return (int64_t)styp_size() + moof_size(&l) + MDAT_HEADER + k->size;
}

apr_status_t jo_cmaf_keyframe(jo_ctx *cx, const jo_track *t, const jo_keyframe *k, int64_t duration,
                              const jo_resource *rs, jo_body *body)
{
    layout l = keyframe_layout(t, k, duration);
    size_t headers = (size_t)(jo_cmaf_keyframe_size(t, k) - k->size);
    jo_writer w;

    jo_writer_init(&w, cx->pool, headers);
    jo_write_reserve(&w, headers); /* the bytes stay where they are */
    w.len = 0;
    write_styp(&w);
    return write_fragment(cx, t, &l, k->number, rs, body, &w, 0);
}
