#include "hls_ts.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../io/fetch.h"
#include "../media/codec.h"
#include "../media/lang.h"
#include "../plan/segment_events.h"
#include "packed.h"
#include "ts_unit.h"

#include <apr_strings.h>
#include <string.h>

#define CHUNK \
    (128 *    \
     1024) /* bytes that are read at a time, and written while they are in the processor's cache */
#define LOW_RATES 32000 /* Hz: sampling rates below are those of 13818-3 */

/* -- what it carries -------------------------------------------------------------------------------------- */

static bool is_avc(const jo_track *t)
{
    return t->fourcc == JO_FOURCC('a', 'v', 'c', '1') || t->fourcc == JO_FOURCC('a', 'v', 'c', '3');
}

static bool is_hevc(const jo_track *t)
{
    return t->fourcc == JO_FOURCC('h', 'v', 'c', '1') || t->fourcc == JO_FOURCC('h', 'e', 'v', '1');
}

bool jo_ts_carries(const jo_track *t, const jo_settings *settings)
{
    switch (t->kind) {
    case JO_VIDEO:
        return is_avc(t) || (settings->hevc_in_ts && is_hevc(t));
    case JO_AUDIO:
        return jo_packed_carries(t);
    default:
        return t->fourcc == JO_FOURCC('w', 'v', 't', 't');
    }
}

static bool is_counted(const jo_track *t)
{
    static const jo_settings all = {.hevc_in_ts = true};
    return t->kind != JO_TEXT && jo_ts_carries(t, &all);
}

/* -- timed ID3 -------------------------------------------------------------------------------------------- */

static jo_ts_unit event_unit(const jo_event *e)
{
    uint64_t pts = (uint64_t)(jo_event_ticks(e, JO_TS_HZ) + JO_TS_START);
    return (jo_ts_unit){.size = e->len, .pts = pts, .dts = pts};
}

/* A tag that is longer than a PES packet is left out. */
static uint32_t event_packets(const jo_event *e)
{
    jo_ts_unit u = event_unit(e);
    return e->len > JO_TS_PES_MAX ? 0 : jo_ts_pes_packets(&u);
}

static bool has_id3(const jo_track *t)
{
    return t->kind == JO_VIDEO && t->events != NULL && t->events->id3.count > 0;
}

/* Those of a segment. */
static uint32_t find_events(const jo_track *t, const jo_track_plan *tp, int i,
                            const jo_event **first)
{
    return has_id3(t) ? jo_segment_events(&t->events->id3, t, tp, i, i + 1, first) : 0;
}

static void count_events(jo_ctx *cx, const jo_track *t, jo_track_plan *tp)
{
    const jo_event_list *l = &t->events->id3;
    uint32_t *before = apr_palloc(cx->pool, sizeof(*before) * l->count);
    uint32_t packets = 0;

    for (uint32_t i = 0; i < l->count; i++) {
        before[i] = packets;
        packets += event_packets(&l->at[i]);
        if (l->at[i].len > JO_TS_PES_MAX) {
            jo_log_write(cx, JO_LOG_WARNING,
                         "track %s: an ID3 tag of %u bytes is more than TS can carry", t->token,
                         l->at[i].len);
        }
    }
    tp->id3_packets = before;
}

/* -- counting --------------------------------------------------------------------------------------------- */

/* The least composition offset: taken from all decode times, none of them is after its presentation. */
static int64_t find_lag(const jo_track *t)
{
    int64_t lag = INT64_MAX;
    jo_shapes s = {0};

    if (!t->index->reordered) {
        return t->index->cts;
    }
    for (uint32_t n = t->span.in; n < t->span.out; n++) {
        uint32_t i = jo_index_shape(t->index, n, &s);
        lag = s.cts[i] < lag ? s.cts[i] : lag;
    }
    return lag == INT64_MAX ? 0 : lag;
}

/* Sets the counts of cuts (from, until]. They are mod 2^32, so a segment must have less: what is written is no smaller than
 * what is read into its buffer. */
static apr_status_t count(jo_ctx *cx, jo_ts_units *u, jo_track_plan *tp, int from, int until)
{
    for (int i = from; i < until; i++) {
        uint64_t packets = jo_ts_units_count(u, i, &tp->slow);
        if (packets > UINT32_MAX) {
            return jo_fail(cx, JO_EMEDIA, "track %s: a segment is longer than TS can be",
                           u->track->token);
        }
        tp->cuts[i + 1].packets = tp->cuts[i].packets + (uint32_t)packets;
    }
    return cx->code;
}

apr_status_t jo_ts_plan(jo_ctx *cx, const jo_period *period, jo_plan *plan)
{
    jo_ctx scratch = *cx;
    jo_ts_units *u;

    apr_pool_create(&scratch.pool, cx->pool);
    u = apr_palloc(scratch.pool, sizeof(*u));
    for (int i = 0; i < period->ntracks && cx->code == APR_SUCCESS; i++) {
        const jo_track *t = period->tracks[i];
        if (is_counted(t)) {
            plan->tracks[i].lag = find_lag(t);
            jo_ts_units_init(&scratch, u, t, &plan->tracks[i]);
            count(cx, u, &plan->tracks[i], 0, plan->count);
        }
        if (has_id3(t)) {
            count_events(cx, t, &plan->tracks[i]);
        }
    }
    plan->counted = true;
    apr_pool_destroy(scratch.pool);
    return cx->code;
}

/* The last segment counts on from the one before it; the first has what its own packets leave of the second's count. */
static void recount(jo_ctx *cx, jo_ts_units *u, const jo_plan *plan, jo_track_plan *tp)
{
    uint32_t second = tp->cuts[1].packets;

    tp->cuts[0].packets = 0;
    count(cx, u, tp, 0, 1);
    if (plan->count > 1) {
        tp->cuts[0].packets = second - tp->cuts[1].packets;
        tp->cuts[1].packets = second;
        count(cx, u, tp, plan->count - 1, plan->count);
    }
}

apr_status_t jo_ts_replan(jo_ctx *cx, const jo_period *period, jo_plan *plan)
{
    jo_ts_units *u = apr_palloc(cx->pool, sizeof(*u));

    for (int i = 0; i < period->ntracks && plan->counted && plan->count > 0; i++) {
        const jo_track *t = period->tracks[i];
        if (is_counted(t)) {
            jo_ts_units_init(cx, u, t, &plan->tracks[i]);
            recount(cx, u, plan, &plan->tracks[i]);
        }
    }
    return cx->code;
}

/* -- sizes ------------------------------------------------------------------------------------------------ */

/* Packets with a PCR alone: between pictures that are far apart, and beside sound where there are none. */
static uint64_t pcr_packets(const jo_period *period, const jo_plan *plan, int video, int sound,
                            int i)
{
    jo_ts_units v, s;
    uint64_t packets;

    jo_ts_units_init(NULL, &v, period->tracks[video], &plan->tracks[video]);
    packets = plan->tracks[video].slow ? jo_ts_units_pcrs(&v, i) : 0;
    if (sound >= 0) {
        jo_ts_units_init(NULL, &s, period->tracks[sound], &plan->tracks[sound]);
        packets += jo_ts_clock_count(&v, &s, i);
    }
    return packets;
}

static uint32_t media_packets(const jo_plan *plan, int track, int i)
{
    const jo_cut *cut = &plan->tracks[track].cuts[i];
    return cut[1].packets - cut[0].packets;
}

static uint32_t id3_packets(const jo_track *t, const jo_track_plan *tp, int i)
{
    const jo_event *e;
    uint32_t packets = 0;

    for (uint32_t n = find_events(t, tp, i, &e); n > 0; n--, e++) {
        packets += event_packets(e);
    }
    return packets;
}

int64_t jo_ts_segment_size(const jo_period *period, const jo_plan *plan, int video, int sound,
                           int i)
{
    uint64_t packets = media_packets(plan, video, i) + pcr_packets(period, plan, video, sound, i);

    packets += id3_packets(period->tracks[video], &plan->tracks[video], i);
    if (sound >= 0) {
        packets += media_packets(plan, sound, i);
    }
    return JO_TS_TABLES + (int64_t)packets * JO_TS_PACKET;
}

/* -- segments --------------------------------------------------------------------------------------------- */

enum { VIDEO, SOUND, STREAMS };

/* All that making takes: the request's resource and plan may be gone by then. */
typedef struct segment {
    jo_maker maker;
    const jo_track *track[STREAMS]; /* NULL: none */
    jo_track_plan tp[STREAMS];
    int at; /* into the plan */
    int64_t number;
    jo_resource rs;
    int64_t size;
} segment;

/* Reads the samples of a track in decoding order. */
typedef struct reader {
    const jo_track *track;
    jo_cursor cursor;
    jo_sample s; /* the next to be read, if there are `more` */
    jo_source *source;
    uint32_t next, until;
    uint8_t *to;
    bool more;
} reader;

/* A segment that is being written. Pictures are read to the end of its own buffer: what is written never passes what is
 * left to be read, because it always is more. */
typedef struct work {
    const segment *s;
    jo_fetch fetch;
    reader readers[STREAMS];
    uint8_t *data[STREAMS]; /* of the next unit */
    jo_ts_units units[STREAMS];
    bool more[STREAMS];
    jo_ts_clock clock;
    jo_ts_stream streams[STREAMS + 1]; /* in the order of the PMT */
    int nstreams;
    jo_ts_stream *id3; /* NULL: none */
    const jo_event *events;
    uint32_t nevents; /* to be written */
    uint8_t adts[JO_ADTS_HEADER];
    const jo_track *said; /* what that describes */
} work;

static int64_t sample_bytes(const segment *s, int k)
{
    const jo_cut *cut = s->track[k] ? &s->tp[k].cuts[s->at] : NULL;
    return cut ? cut[1].bytes - cut[0].bytes : 0;
}

static void step(work *in, reader *r)
{
    r->next = r->cursor.next;
    r->more = r->next < r->until && jo_cursor_next(&r->cursor, &r->s);
    if (r->more) {
        r->source = jo_resource_source(&in->s->rs, r->track, r->next);
    }
}

static void start_reader(work *in, int k, uint8_t *to)
{
    const segment *s = in->s;
    reader *r = &in->readers[k];

    r->more = false;
    in->data[k] = r->to = to;
    if (s->track[k] != NULL) {
        r->track = s->track[k];
        r->until = s->tp[k].cuts[s->at + 1].sample;
        jo_cursor_init(&r->cursor, r->track->index, s->tp[k].cuts[s->at].sample);
        step(in, r);
    }
}

/* Who is to be read next for track k: the other one, where it lies before in the same file. */
static reader *read_next(work *in, int k)
{
    reader *r = &in->readers[k], *other = &in->readers[!k];
    bool before = other->more && other->source == r->source && other->s.offset < r->s.offset;

    return before ? other : r;
}

/* Reads on until track k's samples below n are there: no more at a time than caches hold. */
static apr_status_t read_until(jo_ctx *cx, work *in, int k, uint32_t n)
{
    reader *r = &in->readers[k];

    while (r->more && r->next < n) {
        size_t bytes = 0;
        while (r->more && bytes < CHUNK && cx->code == APR_SUCCESS) {
            reader *next = read_next(in, k);
            jo_fetch_add(&in->fetch, next->source, next->s.offset, next->s.size, next->to);
            next->to += next->s.size;
            bytes += next->s.size;
            step(in, next);
        }
        if (jo_fetch_done(&in->fetch) != APR_SUCCESS) {
            break;
        }
    }
    return cx->code;
}

static jo_ts_type stream_type(const jo_track *t)
{
    const jo_codec *c = t->codec;

    return c == &jo_codec_avc           ? JO_TS_AVC
           : c == &jo_codec_hevc        ? JO_TS_HEVC
           : c == &jo_codec_aac         ? JO_TS_AAC
           : c == &jo_codec_ac3         ? JO_TS_AC3
           : c == &jo_codec_eac3        ? JO_TS_EAC3
           : t->sample_rate < LOW_RATES ? JO_TS_MPEG2_AUDIO
                                        : JO_TS_MPEG1_AUDIO;
}

static jo_ts_stream make_stream(const segment *s, int k)
{
    const jo_track *t = s->track[k];
    jo_ts_stream st = {.type = stream_type(t), .pid = (uint16_t)(JO_TS_FIRST_PID + k)};
    const char *lang = jo_lang_three(t->language);

    if (t->kind != JO_VIDEO && strcmp(lang, "und") != 0) {
        apr_cpystrn(st.lang, lang, sizeof(st.lang));
    }
    st.counter = jo_ts_counter(s->tp[k].cuts[s->at].packets);
    return st;
}

static apr_status_t write_frames(jo_ctx *cx, jo_ts_writer *w, work *in)
{
    jo_ts_units *u = &in->units[SOUND];

    if (u->unit.size > JO_TS_PES_MAX) {
        return jo_fail(cx, JO_EMEDIA, "a frame of %s has %u bytes, more than TS can carry",
                       u->as->token, u->sizes[0]);
    }
    if (read_until(cx, in, SOUND, u->first + u->count) != APR_SUCCESS) {
        return cx->code;
    }
    if (u->extra > 0 && in->said != u->as) {
        in->said = u->as;
        jo_adts_write(u->as, 0, in->adts);
    }
    jo_ts_open(w, &in->streams[SOUND], &u->unit);
    for (uint32_t k = 0; k < u->count; k++) {
        if (u->extra > 0 && u->sizes[k] > JO_ADTS_MAX) {
            return jo_fail(cx, JO_EMEDIA, "a frame of %s has %u bytes, more than ADTS can say",
                           u->as->token, u->sizes[k]);
        }
        if (u->extra > 0) {
            jo_adts_resize(in->adts, u->sizes[k]);
            jo_ts_add(w, in->adts, sizeof(in->adts));
        }
        jo_ts_add(w, in->data[SOUND], u->sizes[k]);
        in->data[SOUND] += u->sizes[k];
    }
    jo_ts_close(w);
    in->more[SOUND] = jo_ts_units_next(u);
    return APR_SUCCESS;
}

static apr_status_t write_picture(jo_ctx *cx, jo_ts_writer *w, work *in)
{
    jo_ts_units *u = &in->units[VIDEO];

    if (read_until(cx, in, VIDEO, u->first + 1) != APR_SUCCESS) {
        return cx->code;
    }
    if (!jo_ts_write_video(w, &in->streams[VIDEO], &u->video, &u->unit, in->data[VIDEO],
                           u->sizes[0])) {
        jo_log_write(cx, JO_LOG_WARNING, "sample %u of %s: its NAL units don't add up",
                     u->first + 1, u->as->token);
    }
    in->data[VIDEO] += u->sizes[0];
    in->more[VIDEO] = jo_ts_units_next(u);
    return APR_SUCCESS;
}

static void write_events(jo_ts_writer *w, work *in, uint64_t until)
{
    for (; in->nevents > 0; in->nevents--, in->events++) {
        jo_ts_unit u = event_unit(in->events);
        if ((int64_t)(u.pts - until) > 0) {
            return;
        }
        if (event_packets(in->events) > 0) {
            jo_ts_open(w, in->id3, &u);
            jo_ts_add(w, in->events->payload, in->events->len);
            jo_ts_close(w);
        }
    }
}

/* Sound well before the first picture: all of it where there are none. */
static apr_status_t write_lead(jo_ctx *cx, jo_ts_writer *w, work *in)
{
    while (in->more[SOUND] && jo_ts_clock_leads(&in->clock, &in->units[SOUND]) &&
           cx->code == APR_SUCCESS) {
        jo_ts_clock_before(&in->clock, &in->units[SOUND]);
        write_frames(cx, w, in);
    }
    jo_ts_clock_finish(&in->clock);
    return cx->code;
}

/* By decode times, but first a picture, which bears the clock. */
static apr_status_t write_units(jo_ctx *cx, jo_ts_writer *w, work *in)
{
    const jo_ts_unit *picture = &in->units[VIDEO].unit, *frames = &in->units[SOUND].unit;
    uint64_t clock = 0, pcrs = 0;
    bool first = true;

    for (; (in->more[VIDEO] || in->more[SOUND] || pcrs > 0) && cx->code == APR_SUCCESS;
         first = false) {
        bool timed = pcrs > 0 || in->more[VIDEO];
        uint64_t time = pcrs > 0 ? clock + JO_TS_PCR_APART : picture->dts;
        if (!first && timed) {
            write_events(w, in, time);
        }
        if (in->more[SOUND] && !first && (!timed || (int64_t)(frames->dts - time) < 0)) {
            if (!timed) {
                jo_ts_clock_before(&in->clock, &in->units[SOUND]);
            }
            write_frames(cx, w, in);
        } else if (pcrs > 0) {
            jo_ts_write_pcr(w, &in->streams[VIDEO], time);
            clock = time;
            pcrs--;
        } else {
            clock = picture->dts;
            pcrs = in->units[VIDEO].pcrs;
            write_picture(cx, w, in);
        }
    }
    jo_ts_clock_finish(&in->clock);
    return cx->code;
}

static void start_units(jo_ctx *cx, jo_ts_writer *w, work *in)
{
    const segment *s = in->s;

    in->said = NULL;
    in->nstreams = 0;
    in->clock = (jo_ts_clock){.w = w, .stream = &in->streams[VIDEO]};
    for (int k = 0; k < STREAMS; k++) {
        in->more[k] = s->track[k] != NULL;
        if (in->more[k]) {
            in->streams[in->nstreams++] = make_stream(s, k);
            jo_ts_units_init(cx, &in->units[k], s->track[k], &s->tp[k]);
            if (k == VIDEO && s->track[SOUND] != NULL) {
                jo_ts_units_pictures(&in->units[k], s->at, &in->clock.pictures);
            }
            jo_ts_units_seek(&in->units[k], s->at);
            in->more[k] = jo_ts_units_next(&in->units[k]);
        }
    }
    in->nevents = find_events(s->track[VIDEO], &s->tp[VIDEO], s->at, &in->events);
    if (has_id3(s->track[VIDEO])) {
        in->id3 = &in->streams[in->nstreams++];
        *in->id3 = (jo_ts_stream){.type = JO_TS_ID3, .pid = JO_TS_FIRST_PID + STREAMS};
    }
    if (in->nevents > 0) {
        size_t first = (size_t)(in->events - s->track[VIDEO]->events->id3.at);
        in->id3->counter = jo_ts_counter(s->tp[VIDEO].id3_packets[first]);
    }
}

static apr_status_t write_segment(jo_ctx *cx, const segment *s, uint8_t *buf)
{
    work *in = apr_palloc(cx->pool, sizeof(*in));
    jo_ts_writer w;

    in->s = s;
    jo_fetch_init(cx, &in->fetch);
    start_reader(in, VIDEO, buf + s->size - sample_bytes(s, VIDEO));
    start_reader(in, SOUND, apr_palloc(cx->pool, (size_t)sample_bytes(s, SOUND) + 1));
    jo_ts_writer_init(&w, buf, (size_t)s->size);
    start_units(cx, &w, in);
    jo_ts_write_tables(&w, in->streams, in->nstreams, in->streams[VIDEO].pid, s->number);
    if (write_lead(cx, &w, in) != APR_SUCCESS || write_units(cx, &w, in) != APR_SUCCESS) {
        return cx->code;
    }
    write_events(&w, in, (uint64_t)INT64_MAX / 2);
    return !w.failed && w.at == w.end
               ? APR_SUCCESS
               : jo_fail(cx, JO_EBUG, "a TS segment of %lld bytes, %lld short", (long long)s->size,
                         (long long)(w.end - w.at));
}

static apr_status_t make(jo_ctx *cx, const jo_maker *self, void *buf)
{
    jo_ctx scratch = *cx;

    apr_pool_create(&scratch.pool, cx->pool);
    apr_status_t rv = write_segment(&scratch, (const segment *)self, buf);
    if (rv != APR_SUCCESS) {
        rv = jo_fail(cx, scratch.code, "%s", scratch.message);
    }
    apr_pool_destroy(scratch.pool);
    return rv;
}

apr_status_t jo_ts_render_segment(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                  const jo_resource *rs, jo_body *body)
{
    const jo_period *period = &p->periods[0];
    segment *s = apr_pcalloc(cx->pool, sizeof(*s));

    for (int i = 0; i < 2; i++) {
        int track = i == 0 ? rs->track : rs->sound;
        if (track >= 0 && !jo_ts_carries(period->tracks[track], rs->settings)) {
            return jo_fail(cx, JO_ENOTFOUND, "TS can't carry track %s: %s",
                           period->tracks[track]->token, period->tracks[track]->codec->name);
        }
    }
    s->maker = (jo_maker){make, jo_resource_sources(cx, p, rs)};
    s->rs = *rs;
    s->at = rs->segment;
    s->number = plan->base_number + rs->segment;
    s->track[VIDEO] = period->tracks[rs->track];
    s->tp[VIDEO] = plan->tracks[rs->track];
    if (rs->sound >= 0) {
        s->track[SOUND] = period->tracks[rs->sound];
        s->tp[SOUND] = plan->tracks[rs->sound];
    }
    s->size = jo_ts_segment_size(period, plan, rs->track, rs->sound, rs->segment);
    if ((uint64_t)s->size > cx->limits->segment_size) {
        return jo_fail(cx, JO_EMEDIA, "segment %lld of %s has %lld bytes, more than allowed",
                       (long long)s->number, s->track[VIDEO]->token, (long long)s->size);
    }
    jo_body_add_made(body, &s->maker, s->size);
    return APR_SUCCESS;
}
