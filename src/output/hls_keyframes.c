#include "hls_keyframes.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../plan/keyframes.h"
#include "cmaf.h"
#include "hls.h"
#include "hls_container.h"
#include "hls_ts.h"
#include "measure.h"

#include <apr_tables.h>

#define UP "../" /* from keyframes/ to where the playlists of tracks lie */

/* -- in TS ------------------------------------------------------------------------------------------------ */

/* How a track's key pictures are written: by the sample entry of the last one that was asked for. */
typedef struct writing {
    const jo_track *as;
    jo_ts_video video;
} writing;

static void describe(jo_ctx *cx, writing *w, const jo_track *t, uint32_t sample)
{
    const jo_track *as = jo_track_variant(t, sample);

    if (w->as != as) {
        w->as = as;
        jo_ts_video_init(cx, as, &w->video);
    }
}

/* There is no other picture to wait for: it is decoded when it is shown. */
static jo_ts_unit unit_of(const writing *w, const jo_track *t, const jo_keyframe *k)
{
    uint64_t time = (uint64_t)jo_ts_time(t, k->time);

    return (jo_ts_unit){.size = jo_ts_video_size(&w->video, k->size, true),
                        .random = true,
                        .has_pcr = true,
                        .pts = time,
                        .dts = time};
}

static int64_t ts_size(const jo_ts_unit *u)
{
    return JO_TS_TABLES + (int64_t)jo_ts_pes_packets(u) * JO_TS_PACKET;
}

/* -- the list --------------------------------------------------------------------------------------------- */

/* What a playlist names. */
typedef struct list {
    const jo_track *track;
    const jo_track_plan *tp;
    bool in_ts;
    const jo_keyframe *keys;
    const int64_t *sizes; /* bytes of the resources */
    jo_track_plan plan;   /* a segment each, in order: where one starts, on the wire */
    int64_t target;
} list;

/* Those of the segments of a plan, all of the title's or a clip's. */
static apr_array_header_t *collect(apr_pool_t *pool, const jo_track *t, const jo_track_plan *tp)
{
    apr_array_header_t *found = apr_array_make(pool, 64, sizeof(jo_keyframe));
    uint32_t until = tp->cuts[tp->last].sample;
    jo_keyframes ks;
    jo_keyframe k;

    jo_keyframes_init(&ks, t);
    for (bool more = jo_keyframes_from(&ks, tp->cuts[tp->first].sample, &k);
         more && k.sample < until; more = jo_keyframes_next(&ks, &k, &k)) {
        APR_ARRAY_PUSH(found, jo_keyframe) = k;
    }
    return found;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Ticks from where the playlists of all tracks start. */
static int64_t gap_before(const list *l)
{
    return l->tp->cuts[l->tp->first].time - l->tp->cuts[0].time;
}

/* The first one also stands for what is shown before it, so that the list starts where the media playlist does. */
static void time_keys(apr_pool_t *pool, list *l, int count)
{
    const jo_cut *cuts = l->tp->cuts;
    jo_cut *own = apr_pcalloc(pool, sizeof(*own) * ((size_t)count + 1));

    own[0].time = cuts[l->tp->first].time;
    for (int i = 1; i <= count; i++) {
        int64_t time = i < count ? l->keys[i].time : cuts[l->tp->last].time;
        own[i].time = later(time, own[i - 1].time);
        own[i].sample = (uint32_t)i;
    }
    l->plan = (jo_track_plan){.cuts = own, .last = count, .lead = -1};
    l->target = later(jo_measure_track_target(l->track, &l->plan),
                      jo_ticks_round(gap_before(l), l->track->timescale, 1));
}

static void size_keys(jo_ctx *cx, list *l)
{
    int64_t *sizes = apr_palloc(cx->pool, sizeof(*sizes) * ((size_t)l->plan.last + 1));
    writing w = {0};

    for (int i = 0; i < l->plan.last; i++) {
        if (l->in_ts) {
            describe(cx, &w, l->track, l->keys[i].sample);
            jo_ts_unit u = unit_of(&w, l->track, &l->keys[i]);
            sizes[i] = ts_size(&u);
        } else {
            sizes[i] = jo_cmaf_keyframe_size(l->track, &l->keys[i]);
        }
    }
    l->sizes = sizes;
}

/* False: it is empty. */
static bool make_list(apr_pool_t *pool, const jo_period *period, const jo_plan *plan,
                      const jo_resource *rs, int track, list *l)
{
    *l = (list){.track = period->tracks[track],
                .tp = &plan->tracks[track],
                .in_ts = jo_hls_in_ts(period, rs)};
    if (l->tp->first >= l->tp->last) {
        return false;
    }
    apr_array_header_t *keys = collect(pool, l->track, l->tp);
    l->keys = (const jo_keyframe *)keys->elts;
    time_keys(pool, l, keys->nelts);
    return keys->nelts > 0;
}

static int64_t size_of(const void *of, int i)
{
    const list *l = of;

    return l->sizes[i];
}

bool jo_hls_keyframes_rates(jo_ctx *cx, const jo_period *period, const jo_plan *plan,
                            const jo_resource *rs, int track, int64_t *peak, int64_t *average)
{
    jo_ctx scratch = *cx;
    list l;

    apr_pool_create(&scratch.pool, cx->pool);
    bool any = make_list(scratch.pool, period, plan, rs, track, &l);
    if (any) {
        size_keys(&scratch, &l);
        jo_measure_rates(&l.plan, l.track->timescale, l.target, size_of, &l);
        *peak = l.plan.peak;
        *average = l.plan.average;
    }
    apr_pool_destroy(scratch.pool);
    return any;
}

/* -- the playlist ----------------------------------------------------------------------------------------- */

static void add_entry(jo_text *out, const list *l, const jo_resource *rs, int64_t ticks,
                      const char *mark, int64_t number)
{
    jo_text_add(out, "#EXTINF:");
    jo_text_add_decimal(out, ticks, l->track->timescale, 6);
    jo_text_add(out, mark);
    if (*rs->folder) {
        jo_text_add(out, UP);
        jo_text_add(out, rs->folder);
        jo_text_add(out, "keyframes/");
    }
    jo_hls_add_name(out, rs, l->track);
    jo_text_add(out, "-");
    jo_text_add_int(out, number);
    jo_text_add(out, l->in_ts ? ".ts\n" : ".m4s\n");
}

/* Sample entries change where they do in media playlists, which say so as often. */
static void add_entries(jo_text *out, const list *l, const jo_plan *plan, const jo_resource *rs)
{
    const jo_cut *cuts = l->tp->cuts;
    int segment = l->tp->first, change = 0;
    const jo_track *as = NULL;

    for (int i = 0; i < l->plan.last; i++) {
        const jo_keyframe *k = &l->keys[i];
        int run = jo_track_run(l->track, k->sample);
        for (; segment + 1 < l->tp->last && cuts[segment + 1].sample <= k->sample; segment++) {
        }
        for (; change < plan->nchanges && plan->changes[change] <= segment; change++) {
            jo_text_add(out, "#EXT-X-DISCONTINUITY\n");
        }
        int variant = l->track->runs[run].variant;
        if (!l->in_ts && as != l->track->variants[variant]) {
            as = l->track->variants[variant];
            jo_hls_add_map(out, rs, l->track, variant, UP);
        }
        if (i == 0 && l->tp->first > 0) {
            add_entry(out, l, rs, gap_before(l), ", no desc\n#EXT-X-GAP\n", k->number - 1);
        }
        add_entry(out, l, rs, jo_plan_duration(&l->plan, i), ", no desc\n", k->number);
    }
}

/* RFC 8216bis 7: EXT-X-GAP 8; fMP4 7, as Apple asks for; EXT-X-I-FRAMES-ONLY 4. */
static int version(const list *l)
{
    return l->tp->first > 0 ? 8 : l->in_ts ? 4 : 7;
}

static void add_playlist(jo_text *out, const jo_presentation *p, const jo_plan *plan, const list *l,
                         const jo_resource *rs)
{
    int64_t zero = jo_ticks_round(p->preroll_num, p->preroll_den, JO_TS_HZ);

    jo_hls_add_head(out, version(l));
    jo_text_addf(out,
                 "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:%" APR_INT64_T_FMT
                 "\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-TARGETDURATION:%" APR_INT64_T_FMT
                 "\n#USP-X-TIMESTAMP-MAP:MPEGTS=%" APR_INT64_T_FMT ",LOCAL=1970-01-01T00:00:00Z\n",
                 l->keys[0].number - (l->tp->first > 0), l->target,
                 (l->in_ts ? JO_TS_START : 0) + zero);
    jo_hls_add_start(out, &p->periods[0], plan);
    add_entries(out, l, plan, rs);
    jo_text_add(out, "#EXT-X-ENDLIST\n");
}

apr_status_t jo_hls_render_keyframes(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                     const jo_resource *rs, jo_body *body)
{
    list l;
    jo_text out;

    if (!make_list(cx->pool, &p->periods[0], plan, rs, rs->track, &l)) {
        return jo_fail(cx, JO_ENOTFOUND, "track %s has no key pictures%s",
                       p->periods[0].tracks[rs->track]->token, plan->clip ? " in the clip" : "");
    }
    jo_text_init(&out, cx->pool, 512 + (size_t)l.plan.last * 80);
    add_playlist(&out, p, plan, &l, rs);
    jo_body_add_memory(body, out.s, out.len);
    return APR_SUCCESS;
}

/* -- the pictures ----------------------------------------------------------------------------------------- */

/* Until the next one is shown, or the track ends. */
static int64_t duration_of(const jo_keyframes *ks, const jo_keyframe *k, const jo_track_plan *tp)
{
    jo_keyframe next = {.time = tp->cuts[tp->last].time};

    jo_keyframes_next(ks, k, &next);
    return next.time > k->time ? next.time - k->time : 0;
}

static apr_status_t find_keyframe(jo_ctx *cx, const jo_presentation *p, const jo_resource *rs,
                                  jo_keyframes *ks, jo_keyframe *k)
{
    jo_keyframes_init(ks, p->periods[0].tracks[rs->track]);
    if (!jo_keyframes_find(ks, rs->keyframe, k)) {
        return jo_fail(cx, JO_EBUG, "key picture %lld is gone", (long long)rs->keyframe);
    }
    if (k->size > cx->limits->segment_size) {
        return jo_fail(cx, JO_EMEDIA, "key picture %lld of %s has %u bytes, more than allowed",
                       (long long)k->number, ks->track->token, k->size);
    }
    return APR_SUCCESS;
}

apr_status_t jo_hls_render_keyframe(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                    const jo_resource *rs, jo_body *body)
{
    jo_keyframes ks;
    jo_keyframe k;

    if (find_keyframe(cx, p, rs, &ks, &k) != APR_SUCCESS) {
        return cx->code;
    }
    return jo_cmaf_keyframe(cx, ks.track, &k, duration_of(&ks, &k, &plan->tracks[rs->track]), rs,
                            body);
}

/* All that making takes: the request's resource may be gone by then. */
typedef struct picture {
    jo_maker maker;
    const jo_track *track;
    jo_source *source;
    jo_keyframe key;
    int64_t size;
} picture;

/* The sample is read to the end of the buffer: what is written never passes what is left to be read. */
static apr_status_t make(jo_ctx *cx, const jo_maker *self, void *buf)
{
    const picture *p = (const picture *)self;
    jo_ts_stream stream = {.pid = JO_TS_FIRST_PID};
    uint8_t *sample = (uint8_t *)buf + p->size - p->key.size;
    writing in = {0};
    jo_ts_writer w;
    jo_cursor c;
    jo_sample s;

    jo_cursor_init(&c, p->track->index, p->key.sample);
    if (!jo_cursor_next(&c, &s) ||
        jo_source_read(cx, p->source, s.offset, s.size, sample) != APR_SUCCESS) {
        return cx->code ? cx->code : jo_fail(cx, JO_EBUG, "no sample %u", p->key.sample);
    }
    describe(cx, &in, p->track, p->key.sample);
    stream.type = in.video.hevc ? JO_TS_HEVC : JO_TS_AVC;
    jo_ts_unit u = unit_of(&in, p->track, &p->key);
    jo_ts_writer_init(&w, buf, (size_t)p->size);
    jo_ts_write_tables(&w, &stream, 1, stream.pid, p->key.number);
    if (!jo_ts_write_video(&w, &stream, &in.video, &u, sample, s.size)) {
        jo_log_write(cx, JO_LOG_WARNING, "sample %u of %s: its NAL units don't add up",
                     p->key.sample + 1, p->track->token);
    }
    return !w.failed && w.at == w.end
               ? APR_SUCCESS
               : jo_fail(cx, JO_EBUG, "a key picture of %lld bytes, %lld short", (long long)p->size,
                         (long long)(w.end - w.at));
}

apr_status_t jo_hls_render_ts_keyframe(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                                       const jo_resource *rs, jo_body *body)
{
    const jo_track *t = p->periods[0].tracks[rs->track];
    picture *made = apr_pcalloc(cx->pool, sizeof(*made));
    writing in = {0};
    jo_keyframes ks;

    (void)plan;
    if (!jo_ts_carries(t, rs->settings)) {
        return jo_fail(cx, JO_ENOTFOUND, "TS can't carry track %s: %s", t->token, t->codec->name);
    }
    if (find_keyframe(cx, p, rs, &ks, &made->key) != APR_SUCCESS) {
        return cx->code;
    }
    describe(cx, &in, t, made->key.sample);
    jo_ts_unit u = unit_of(&in, t, &made->key);
    made->maker = (jo_maker){make, jo_resource_sources(cx, p, rs)};
    made->track = t;
    made->source = jo_resource_source(rs, t, made->key.sample);
    made->size = ts_size(&u);
    jo_body_add_made(body, &made->maker, made->size);
    return APR_SUCCESS;
}
