#include "ts_unit.h"

#include "packed.h"

#include <string.h>

int64_t jo_ts_time(const jo_track *t, int64_t wire)
{
    return jo_ticks_add(jo_ticks_round(wire, t->timescale, JO_TS_HZ), JO_TS_START);
}

/* Frames of a unit: a PTS at least every 0.7 s (13818-1 2.7.4). */
static uint32_t most_frames(const jo_track *t)
{
    uint64_t n = (uint64_t)t->timescale * 7 / ((uint64_t)t->frame * 10);

    return n < 1 ? 1 : n < JO_TS_GROUP ? (uint32_t)n : JO_TS_GROUP;
}

void jo_ts_units_init(jo_ctx *cx, jo_ts_units *u, const jo_track *t, const jo_track_plan *tp)
{
    u->cx = cx;
    u->track = t;
    u->plan = tp;
    u->as = NULL;
    u->unit = (jo_ts_unit){0};
    u->count = 0;
    u->shapes.count = 0;
    u->extra = t->codec == &jo_codec_aac ? JO_ADTS_HEADER : 0;
    u->most = most_frames(t);
    u->steady = t->nruns <= 1 && t->index->const_until >= t->span.out;
    u->apart = (uint32_t)((uint64_t)t->timescale * JO_TS_PCR_APART / JO_TS_HZ);
}

void jo_ts_units_seek(jo_ts_units *u, int segment)
{
    const jo_cut *cut = &u->plan->cuts[segment];

    jo_cursor_init(&u->cursor, u->track->index, cut[0].sample);
    u->until = cut[1].sample;
    u->at = u->end = 0;
}

/* Whose parameter sets go before a picture. */
static void describe(jo_ts_units *u, uint32_t sample)
{
    const jo_track *t = u->track;
    int run;

    if (u->as != NULL && sample >= u->since && sample < u->changes) {
        return;
    }
    run = jo_track_run(t, sample);
    u->since = t->runs[run].sample;
    u->changes = run + 1 < t->nruns ? t->runs[run + 1].sample : UINT32_MAX;
    if (u->as != t->variants[t->runs[run].variant]) {
        u->as = t->variants[t->runs[run].variant];
        if (t->kind == JO_VIDEO) {
            jo_ts_video_init(u->cx, u->as, &u->video);
        }
    }
}

static uint64_t stamp(const jo_ts_units *u, int64_t media)
{
    return (uint64_t)jo_ts_time(u->track, jo_ticks_add(media, u->track->span.shift));
}

/* -- pictures --------------------------------------------------------------------------------------------- */

static void stamp_picture(jo_ts_units *u, const jo_sample *s)
{
    int64_t dts = jo_ticks_add(s->dts, u->plan->lag);

    u->unit.has_pcr = true;
    u->unit.pts = stamp(u, s->dts + s->cts);
    u->unit.dts = s->cts == u->plan->lag ? u->unit.pts : stamp(u, dts);
    u->pcrs = s->duration > u->apart
                  ? jo_ts_pcr_between(stamp(u, jo_ticks_add(dts, s->duration)) - u->unit.dts)
                  : 0;
}

static bool next_picture(jo_ts_units *u)
{
    uint32_t n = u->cursor.next;
    jo_sample s;

    if (n >= u->until || !jo_cursor_next(&u->cursor, &s)) {
        return false;
    }
    describe(u, n);
    u->first = n;
    u->count = 1;
    u->ahead[0] = s.size;
    u->sizes = u->ahead;
    u->unit.random = s.sync;
    u->unit.size = jo_ts_video_size(&u->video, s.size, s.sync);
    stamp_picture(u, &s);
    return true;
}

/* Whether PTS and DTS differ that are so many ticks apart: false where rounding decides. */
static bool surely_differ(const jo_track *t, int64_t ticks)
{
    return t->timescale <= JO_TS_HZ || ticks * JO_TS_HZ >= 2 * (int64_t)t->timescale;
}

/* Of times it matters alone whether PTS and DTS differ, and whether a PCR alone follows. */
static uint64_t count_pictures(jo_ts_units *u, const jo_cut *cut, bool *slow)
{
    const jo_shapes *s = &u->shapes;
    jo_ts_unit unit = {.has_pcr = true};
    uint64_t packets = 0;

    for (uint32_t n = cut[0].sample; n < cut[1].sample; n++) {
        uint32_t i = jo_index_shape(u->track->index, n, &u->shapes);
        int64_t apart = s->cts[i] - u->plan->lag;
        describe(u, n);
        unit.random = s->sync >> i & 1;
        unit.size = jo_ts_video_size(&u->video, s->size[i], unit.random);
        unit.pts = apart != 0;
        if ((apart != 0 && !surely_differ(u->track, apart)) || s->duration[i] > u->apart) {
            jo_sample sample = {.dts = jo_index_dts(u->track->index, n),
                                .duration = s->duration[i],
                                .cts = s->cts[i]};
            stamp_picture(u, &sample);
            unit.pts = u->unit.pts != u->unit.dts;
            *slow |= u->pcrs > 0;
        }
        packets += jo_ts_pes_packets(&unit);
    }
    return packets;
}

/* -- sound ------------------------------------------------------------------------------------------------ */

/* A unit has one PTS, from which its frames follow on, and one sample entry. */
static bool is_last(const jo_ts_units *u, uint32_t n, uint32_t duration)
{
    const jo_track *t = u->track;
    int64_t off = (int64_t)duration - t->frame;

    return 4 * (off < 0 ? -off : off) > t->frame ||
           (t->nruns > 1 && jo_track_run(t, n) != jo_track_run(t, n + 1));
}

static void move_ahead(jo_ts_units *u)
{
    u->end -= u->at;
    memmove(u->ahead, u->ahead + u->at, sizeof(*u->ahead) * u->end);
    memmove(u->ahead_dts, u->ahead_dts + u->at, sizeof(*u->ahead_dts) * u->end);
    memmove(u->ahead_last, u->ahead_last + u->at, sizeof(*u->ahead_last) * u->end);
    u->at = 0;
}

/* At least a group's worth of frames, unless the segment ends. */
static void read_ahead(jo_ts_units *u)
{
    jo_sample s;

    if (u->end - u->at >= JO_TS_GROUP || u->cursor.next >= u->until) {
        return;
    }
    move_ahead(u);
    while (u->end < 2 * JO_TS_GROUP && u->cursor.next < u->until &&
           jo_cursor_next(&u->cursor, &s)) {
        u->ahead_last[u->end] = is_last(u, u->cursor.next - 1, s.duration);
        u->ahead[u->end] = s.size;
        u->ahead_dts[u->end++] = s.dts + s.cts;
        u->ahead_end = s.dts + s.cts + s.duration;
    }
}

/* Of the next n frames, how many may be of one unit. */
static uint32_t follow_on(const jo_ts_units *u, uint32_t n)
{
    for (uint32_t k = 0; k < n && k < u->most && !u->steady; k++) {
        if (u->ahead_last[u->at + k]) {
            return k + 1;
        }
    }
    return n;
}

static void group(jo_ts_units *u)
{
    u->sizes = u->ahead + u->at;
    u->count = jo_ts_group(u->sizes, follow_on(u, u->end - u->at), u->extra, u->most);
    u->unit = (jo_ts_unit){.size = (uint64_t)u->count * u->extra};
    for (uint32_t k = 0; k < u->count; k++) {
        u->unit.size += u->sizes[k];
    }
    u->at += u->count;
}

/* Without the sample entry. */
static bool next_plain(jo_ts_units *u)
{
    read_ahead(u);
    if (u->at == u->end) {
        return false;
    }
    u->first = u->cursor.next - (u->end - u->at);
    group(u);
    u->unit.pts = u->unit.dts = stamp(u, u->ahead_dts[u->at - u->count]);
    u->stop = stamp(u, u->at < u->end ? u->ahead_dts[u->at] : u->ahead_end);
    return true;
}

static bool next_frames(jo_ts_units *u)
{
    if (next_plain(u)) {
        describe(u, u->first);
        return true;
    }
    return false;
}

/* The sizes alone. */
static uint32_t size_ahead(jo_ts_units *u, uint32_t n, uint32_t until)
{
    if (u->end - u->at >= JO_TS_GROUP || n == until) {
        return n;
    }
    move_ahead(u);
    while (n < until && u->end < JO_TS_GROUP + JO_ROWS) {
        uint32_t i = jo_index_shape(u->track->index, n, &u->shapes), k = u->shapes.count - i;
        k = k < until - n ? k : until - n;
        memcpy(u->ahead + u->end, u->shapes.size + i, sizeof(*u->ahead) * k);
        for (uint32_t m = 0; m < k && !u->steady; m++) {
            u->ahead_last[u->end + m] = is_last(u, n + m, u->shapes.duration[i + m]);
        }
        u->end += k;
        n += k;
    }
    return n;
}

static uint64_t count_frames(jo_ts_units *u, const jo_cut *cut)
{
    uint64_t packets = 0;
    uint32_t n = cut[0].sample;

    u->at = u->end = 0;
    for (n = size_ahead(u, n, cut[1].sample); u->at < u->end; n = size_ahead(u, n, cut[1].sample)) {
        group(u);
        packets += jo_ts_pes_packets(&u->unit);
    }
    return packets;
}

/* -- both ------------------------------------------------------------------------------------------------- */

bool jo_ts_units_next(jo_ts_units *u)
{
    return u->track->kind == JO_VIDEO ? next_picture(u) : next_frames(u);
}

uint64_t jo_ts_units_count(jo_ts_units *u, int segment, bool *slow)
{
    const jo_cut *cut = &u->plan->cuts[segment];

    return u->track->kind == JO_VIDEO ? count_pictures(u, cut, slow) : count_frames(u, cut);
}

uint64_t jo_ts_units_pcrs(jo_ts_units *u, int segment)
{
    uint64_t n = 0;
    jo_sample s;

    jo_ts_units_seek(u, segment);
    while (u->cursor.next < u->until && jo_cursor_next(&u->cursor, &s)) {
        stamp_picture(u, &s);
        n += u->pcrs;
    }
    return n;
}

/* -- the clock beside sound ------------------------------------------------------------------------------- */

/* DTS of a picture; PTS of a frame, where those of a track are not reordered. */
static uint64_t stamp_at(const jo_ts_units *u, uint32_t sample)
{
    return stamp(u, jo_ticks_add(jo_index_dts(u->track->index, sample), u->plan->lag));
}

void jo_ts_units_pictures(const jo_ts_units *u, int segment, jo_ts_pictures *out)
{
    const jo_cut *cut = &u->plan->cuts[segment];

    *out = (jo_ts_pictures){.any = cut[0].sample < cut[1].sample};
    if (out->any) {
        out->from = stamp_at(u, cut[0].sample);
        out->to = stamp_at(u, cut[1].sample);
        out->clock = stamp_at(u, cut[1].sample - 1);
        if (u->plan->slow) {
            out->clock += jo_ts_pcr_between(out->to - out->clock) * JO_TS_PCR_APART;
        }
    }
}

static bool is_later(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > JO_TS_PCR_APART;
}

bool jo_ts_clock_leads(const jo_ts_clock *c, const jo_ts_units *sound)
{
    return !c->past && (!c->pictures.any || is_later(c->pictures.from, sound->unit.dts));
}

/* PCRs 100 ms apart, until a time. */
static void run(jo_ts_clock *c, uint64_t until)
{
    uint64_t n = is_later(until, c->at) ? jo_ts_pcr_between(until - c->at) : 0;

    c->packets += n;
    for (uint64_t k = 1; c->w != NULL && k <= n; k++) {
        jo_ts_write_pcr(c->w, c->stream, c->at + k * JO_TS_PCR_APART);
    }
    c->at += n * JO_TS_PCR_APART;
}

static void start(jo_ts_clock *c, const jo_ts_units *sound, bool leads)
{
    c->runs = true;
    c->at = leads ? sound->unit.dts : c->pictures.clock;
    if (leads) {
        c->packets++;
        if (c->w != NULL) {
            jo_ts_write_pcr(c->w, c->stream, c->at);
        }
    }
}

void jo_ts_clock_before(jo_ts_clock *c, const jo_ts_units *sound)
{
    bool leads = jo_ts_clock_leads(c, sound);

    if (!leads && !is_later(sound->unit.dts, c->pictures.to)) {
        return;
    }
    if (!c->runs) {
        start(c, sound, leads);
    }
    run(c, sound->unit.dts);
    c->end = leads && c->pictures.any ? c->pictures.from : sound->stop;
}

void jo_ts_clock_finish(jo_ts_clock *c)
{
    if (c->runs) {
        run(c, c->end);
    }
    c->runs = false;
    c->past = true;
}

/* Do the pictures last as long as the sound, as a rule? */
static bool is_beside(const jo_ts_pictures *p, const jo_ts_units *u, int segment)
{
    const jo_cut *cut = &u->plan->cuts[segment];

    if (cut[0].sample == cut[1].sample) {
        return true;
    }
    return p->any && !u->track->index->reordered &&
           !is_later(p->from, stamp_at(u, cut[0].sample)) &&
           !is_later(stamp_at(u, cut[1].sample - 1), p->to);
}

uint64_t jo_ts_clock_count(const jo_ts_units *video, jo_ts_units *sound, int segment)
{
    jo_ts_clock c = {.w = NULL};

    jo_ts_units_pictures(video, segment, &c.pictures);
    if (is_beside(&c.pictures, sound, segment)) {
        return 0;
    }
    jo_ts_units_seek(sound, segment);
    bool more = next_plain(sound);
    for (; more && jo_ts_clock_leads(&c, sound); more = next_plain(sound)) {
        jo_ts_clock_before(&c, sound);
    }
    jo_ts_clock_finish(&c);
    for (; more; more = next_plain(sound)) {
        jo_ts_clock_before(&c, sound);
    }
    jo_ts_clock_finish(&c);
    return c.packets;
}
