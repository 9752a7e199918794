/* Smooth Streaming: times of 10 MHz that name their segments, priming without an edit list, fragments sample by sample, on
 * indexes made by hand. */
#include "../../src/base/bytes.h"
#include "../../src/media/codec.h"
#include "../../src/output/mss.h"
#include "../../src/plan/url.h"
#include "tap.h"

#include <apr_general.h>

#define HZ 10000000

static jo_ctx cx;

typedef struct recipe {
    jo_kind kind;
    const char *name;
    uint32_t timescale, duration, gop, count;
    bool reorder; /* I P B P B … */
    jo_edit edit;
} recipe;

static const char *group(const jo_track *t)
{
    (void)t;
    return "x";
}

static bool smooth(jo_ctx *c, const jo_track *t, jo_smooth *out)
{
    (void)c;
    (void)t;
    *out = (jo_smooth){.fourcc = "TEST"};
    return true;
}

static const jo_codec codec = {.name = "test", .group = group, .smooth = smooth};

static jo_track *make_track(recipe r)
{
    static const jo_run run;
    jo_track *t = apr_pcalloc(cx.pool, sizeof(*t));
    jo_index_builder *b = jo_index_builder_make(&cx);

    for (uint32_t i = 0; i < r.count; i++) {
        jo_sample s = {.dts = (int64_t)i * r.duration,
                       .offset = 1000 + (int64_t)i * 200,
                       .size = 100 + i % 50,
                       .duration = r.duration,
                       .sync = r.gop == 0 || i % r.gop == 0};
        if (r.reorder) {
            uint32_t at = i % r.gop;
            bool plain = at == 0 || at == r.gop - 1;
            s.cts = (int32_t)(plain ? r.duration : at % 2 ? 2 * r.duration : 0);
        }
        jo_index_add(b, &cx, &s, r.timescale);
    }
    if (jo_index_finish(b, &cx, &t->index) != APR_SUCCESS) {
        printf("Bail out! index: %s\n", cx.message);
        exit(1);
    }
    t->runs = &run;
    t->nruns = 1;
    t->name = r.name;
    t->token = r.name;
    t->language = "";
    t->codec = &codec;
    t->formats = JO_SMOOTH;
    t->bitrate = 1000;
    t->kind = r.kind;
    t->timescale = r.timescale;
    t->edit = r.edit;
    t->edit.end = t->edit.end ? t->edit.end : INT64_MAX;
    return t;
}

static jo_presentation *align(int n, jo_track **tracks)
{
    jo_presentation *p = apr_pcalloc(cx.pool, sizeof(*p));

    p->nperiods = 1;
    p->periods = apr_pcalloc(cx.pool, sizeof(*p->periods));
    p->periods[0].tracks = tracks;
    p->periods[0].ntracks = n;
    jo_presentation_align(&cx, p);
    return p;
}

static jo_plan *plan(const jo_presentation *p, int64_t num, int64_t den)
{
    jo_plan *out = NULL;

    if (jo_plan_make(&cx, &p->periods[0], (jo_fraction){num, den}, &out) != APR_SUCCESS) {
        printf("Bail out! plan: %s\n", cx.message);
        exit(1);
    }
    jo_packager_mss.settle(&p->periods[0], out);
    return out;
}

static recipe video(uint32_t timescale, uint32_t duration)
{
    return (recipe){.kind = JO_VIDEO,
                    .name = "video",
                    .timescale = timescale,
                    .duration = duration,
                    .gop = 48,
                    .count = 480};
}

static recipe aac(uint32_t timescale, int64_t media_time)
{
    return (recipe){.kind = JO_AUDIO,
                    .name = "audio",
                    .timescale = timescale,
                    .duration = 1024,
                    .count = 900,
                    .edit.media_time = media_time};
}

/* Every segment is found by its own time and by no other near it; times rise by what the segments last. */
static void round_trip(const jo_presentation *p, const jo_plan *h, int track, const char *what)
{
    const jo_track_plan *tp = &h->tracks[track];
    int64_t before = -1;
    int good = 0, n = 0;

    for (int i = tp->first; i < tp->last; i++) {
        int64_t t = jo_packager_mss.segment_time(p, h, track, i);
        good += t > before && jo_packager_mss.find_time(p, h, track, t) == i &&
                jo_packager_mss.find_time(p, h, track, t - 1) == -1 &&
                jo_packager_mss.find_time(p, h, track, t + 1) == -1;
        before = t;
        n++;
    }
    ok(n > 1 && good == n, "%s: each of %d segments has its own time", what, n);
}

static void test_round_trips(void)
{
    static const uint32_t clocks[][2] = {
        {30000, 1001}, {24000, 1001}, {90000, 3003}, {1000, 33},         {12800, 512},
        {600, 20},     {44100, 1471}, {16000, 533},  {10000000, 333667}, {4294967291, 143165577}};
    char what[64];

    for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
        recipe v = video(clocks[i][0], clocks[i][1]);
        v.reorder = i % 2;
        v.edit.media_time = v.reorder ? v.duration : 0;
        jo_track *tracks[] = {make_track(v), make_track(aac(i % 2 ? 44100 : 48000, 2112))};
        jo_presentation *p = align(2, tracks);
        const jo_plan *h = plan(p, i % 3, i % 3 ? 1 : 0);
        sprintf(what, "%u/%u", clocks[i][0], clocks[i][1]);
        round_trip(p, h, 0, what);
        round_trip(p, h, 1, i % 2 ? "44100/1024" : "48000/1024");
    }
}

static void test_priming(void)
{
    jo_track *tracks[] = {make_track(video(25000, 1000)), make_track(aac(48000, 1024))};
    jo_presentation *p = align(2, tracks);
    const jo_plan *h = plan(p, 0, 0);

    is_int(h->offset, 0, "whole access units of priming move nothing");
    is_int(h->tracks[1].cuts[0].sample, 1, "they are left out");
    is_int(h->tracks[1].cuts[0].bytes, 100, "with their bytes");
    is_int(h->tracks[1].cuts[0].time, 0, "what is left starts at 0");
    is_int(jo_packager_mss.segment_time(p, h, 0, 0), 0, "so does the video");

    tracks[0] = make_track(video(25000, 1000));
    tracks[1] = make_track(aac(48000, 2112));
    p = align(2, tracks);
    h = plan(p, 0, 0);
    int64_t rest = jo_ticks_round(64, 48000, HZ);
    is_int(h->offset, rest, "64 hidden samples move the title");
    is_int(h->tracks[1].cuts[0].sample, 2, "2112: two units are left out");
    is_int(h->tracks[1].cuts[0].time, -64, "a third begins before 0");
    is_int(jo_packager_mss.segment_time(p, h, 1, 0), 0, "the sound starts at 0");
    is_int(jo_packager_mss.segment_time(p, h, 0, 0), rest, "the video later by the same");
    is_int(jo_packager_mss.segment_time(p, h, 0, 1) - rest, 19200000, "all of it");
    is_int(jo_packager_mss.find_time(p, h, 0, 0), -1, "there is no video at 0");
}

static void test_streams(void)
{
    recipe other = video(25000, 1000), half = video(12500, 500), text = aac(48000, 0);
    other.gop = 31;
    text.name = "other";
    jo_track *tracks[] = {
        make_track(video(25000, 1000)), make_track(half), make_track(other),
        make_track(aac(48000, 0)),      make_track(text), make_track(aac(48000, 0))};
    tracks[5]->formats = JO_HLS | JO_DASH;
    jo_presentation *p = align(6, tracks);
    const jo_plan *h = plan(p, 0, 0);
    const int leads[] = {0, 0, -1, 3, 4, -1};

    for (int i = 0; i < 6; i++) {
        is_int(h->tracks[i].lead, leads[i], "the track that leads");
    }
    is_int(jo_packager_mss.find_time(p, h, 1, 19200000), 1, "a rung by the first one's times");
    is_int(jo_packager_mss.find_time(p, h, 2, 0), -1, "a rung that leads nothing has no times");
    is_int(jo_packager_mss.segment_time(p, h, 2, 0), -1, "nor have its segments");
}

/* -- fragments --------------------------------------------------------------------------------------------- */

typedef struct parsed {
    char boxes[64]; /* types of traf's children */
    uint32_t count, tfhd, trun, number, id;
    int version;
    int64_t time, duration; /* tfxd */
    int64_t bytes;          /* sum of sizes */
    int64_t pts[1024];
    bool sync[1024];
    int64_t end; /* sum of durations */
    size_t moof, data_offset;
    uint8_t dependency[1024];
} parsed;

static void parse_trun(jo_reader *r, parsed *f, uint32_t duration, uint32_t flags)
{
    uint32_t head = jo_read_u32(r);
    int64_t dts = f->time;

    f->version = (int)(head >> 24);
    f->trun = head & 0xffffff;
    f->count = jo_read_u32(r);
    f->data_offset = jo_read_u32(r);
    uint32_t first = f->trun & 4 ? jo_read_u32(r) : flags;
    for (uint32_t n = 0; n < f->count && n < 1024; n++) {
        uint32_t d = f->trun & 0x100 ? jo_read_u32(r) : duration;
        f->bytes += jo_read_u32(r);
        uint32_t own = f->trun & 0x400 ? jo_read_u32(r) : n ? flags : first;
        f->sync[n] = !(own & 0x10000);
        f->pts[n] = dts + (f->trun & 0x800 ? jo_read_i32(r) : 0);
        dts += d;
    }
    f->end = dts - f->time;
}

static void parse_box(jo_reader *r, parsed *f, uint32_t *duration, uint32_t *flags)
{
    uint32_t size = jo_read_u32(r);
    const uint8_t *type = jo_read_bytes(r, 4);
    jo_reader in = jo_read_sub(r, size - 8);

    strncat(f->boxes, (const char *)type, 4);
    strcat(f->boxes, " ");
    if (!memcmp(type, "tfhd", 4)) {
        f->tfhd = jo_read_u32(&in);
        f->id = jo_read_u32(&in);
        *duration = f->tfhd & 8 ? jo_read_u32(&in) : 0;
        *flags = f->tfhd & 0x20 ? jo_read_u32(&in) : 0;
    } else if (!memcmp(type, "trun", 4)) {
        parse_trun(&in, f, *duration, *flags);
    } else if (!memcmp(type, "sdtp", 4)) {
        jo_read_skip(&in, 4);
        for (uint32_t n = 0; n < f->count && n < 1024; n++) {
            f->dependency[n] = jo_read_u8(&in);
        }
    }
}

/* The header of a rendered fragment; tfxd comes last but is needed first: its place is known from the end. */
static parsed parse(const uint8_t *data)
{
    parsed f = {0};
    uint32_t duration = 0, flags = 0;
    jo_reader r;

    f.moof = jo_get_u32(data);
    jo_reader_init(&r, data + f.moof - 16, 16);
    f.time = jo_read_i64(&r);
    f.duration = jo_read_i64(&r);
    jo_reader_init(&r, data + 8, f.moof - 8);
    jo_read_skip(&r, 12);
    f.number = jo_read_u32(&r);
    jo_read_skip(&r, 8);
    while (jo_reader_left(&r) > 0) {
        parse_box(&r, &f, &duration, &flags);
    }
    return f;
}

static jo_source nowhere = {.name = "x"}, *sources[] = {&nowhere};

typedef apr_status_t renderer(jo_ctx *, const jo_presentation *, const jo_plan *,
                              const jo_resource *, jo_body *);

static apr_status_t render(renderer *how, const jo_presentation *p, const jo_plan *h, int track,
                           int segment, jo_body *body)
{
    jo_resource rs = {.base = "x", .track = track, .segment = segment, .sources = sources};

    jo_body_init(body, cx.pool);
    cx.code = APR_SUCCESS;
    return how(&cx, p, h, &rs, body);
}

/* All of a track: samples, bytes, presentation times to the tick, sync marks, tfxd; every fragment lasts as the manifest's
 * chunk does, by the leading track's times. */
static void check_track(const jo_presentation *p, const jo_plan *h, int track, const char *what)
{
    const jo_track *t = p->periods[0].tracks[track];
    const jo_track_plan *tp = &h->tracks[track];
    const jo_track *lead = p->periods[0].tracks[tp->lead];
    int64_t offset = h->offset;
    int64_t seen = 0, times = 0, syncs = 0, trouble = 0, lasting = 0;
    jo_cursor c;
    jo_sample s;
    jo_body body;

    jo_cursor_init(&c, t->index, tp->cuts[0].sample);
    for (int i = tp->first; i < tp->last; i++) {
        if (render(jo_mss_render_fragment, p, h, track, i, &body) != APR_SUCCESS) {
            ok(false, "%s: segment %d: %s", what, i, cx.message);
            return;
        }
        parsed f = parse(body.parts[0].data);
        trouble += f.time != jo_packager_mss.segment_time(p, h, track, i) ||
                   f.duration != jo_mss_time(lead, &h->tracks[tp->lead], i + 1, offset) - f.time ||
                   f.bytes != body.length - body.parts[0].length || f.number != (uint32_t)i + 1 ||
                   f.data_offset != f.moof + 8 || body.parts[0].length != (int64_t)f.moof + 8 ||
                   f.id != (uint32_t)track + 1;
        lasting += f.end == f.duration;
        for (uint32_t n = 0; n < f.count && jo_cursor_next(&c, &s); n++) {
            int64_t wire = s.dts + s.cts + t->span.shift;
            times += f.pts[n] == jo_ticks_round(wire, t->timescale, HZ) + offset;
            syncs += f.sync[n] == s.sync;
            seen++;
        }
    }
    is_int(seen, t->span.out - tp->cuts[0].sample, what);
    is_int(times, seen, "  presentation times to the tick");
    is_int(syncs, seen, "  sync marks");
    is_int(trouble, 0, "  tfxd, sizes, numbers");
    is_int(lasting, tp->last - tp->first, "  durations that fill the chunk");
}

static void test_fragments(void)
{
    recipe v = video(30000, 1001), w = video(90000, 3003);
    v.reorder = w.reorder = true;
    v.edit.media_time = 1001;
    w.edit.media_time = 3003;
    recipe shorter = w;
    shorter.count -= 7;
    jo_track *tracks[] = {make_track(v), make_track(w), make_track(aac(44100, 2112)),
                          make_track(shorter)};
    jo_presentation *p = align(4, tracks);
    const jo_plan *h = plan(p, 0, 0);
    jo_body body;

    check_track(p, h, 0, "30000/1001 with B-pictures");
    check_track(p, h, 1, "90000/3003, addressed by the first one's times");
    check_track(p, h, 2, "44100/1024 with 64 hidden samples");
    check_track(p, h, 3, "a rung that ends before the first one");

    render(jo_mss_render_fragment, p, h, 0, 1, &body);
    parsed f = parse(body.parts[0].data);
    is_str(f.boxes, "tfhd trun sdtp uuid ", "boxes of pictures, as IIS has them");
    is_int(f.version, 1, "signed offsets where pictures are reordered");
    is_int(f.tfhd, 0x20, "default flags");
    is_int(f.trun, 0xb05, "flags of the first, durations that differ, sizes, offsets");
    is_int(f.pts[0], f.time, "the first picture is shown at the fragment's time");
    ok(f.dependency[0] == 0x26 && f.dependency[1] == 0x02, "sdtp as IIS writes it");

    render(jo_mss_render_fragment, p, h, 2, 1, &body);
    f = parse(body.parts[0].data);
    is_str(f.boxes, "tfhd trun uuid ", "boxes of sound");
    ok(f.version == 0 && f.tfhd == 0x20 && f.trun == 0x301, "no offsets, all sync");
    is_int(f.duration, f.end, "samples last as long as the fragment");
}

static void test_other_nouns(void)
{
    jo_track *tracks[] = {make_track(video(25000, 1000))};
    jo_presentation *p = align(1, tracks);
    const jo_plan *h = plan(p, 4, 1);
    jo_body whole, part;

    render(jo_mss_render_fragment, p, h, 0, 1, &whole);
    parsed f = parse(whole.parts[0].data);
    is_int(f.trun, 0x601, "several key pictures: flags for each; one duration for all");
    is_int(f.tfhd, 0x8, "which is the default");
    is_int(f.version, 0, "unsigned offsets where there are none");

    render(jo_mss_render_info, p, h, 0, 1, &part);
    ok(part.count == 1 && part.length == (int64_t)f.moof &&
           memcmp(part.parts[0].data, whole.parts[0].data, f.moof) == 0,
       "FragmentInfo is the moof");
    render(jo_mss_render_raw, p, h, 0, 1, &part);
    ok(part.length == f.bytes && part.parts[0].offset == whole.parts[1].offset,
       "RawFragments is the sample data");
    render(jo_mss_render_key_frame, p, h, 0, 1, &part);
    parsed k = parse(part.parts[0].data);
    ok(k.count == 1 && k.sync[0] && k.time == f.time && k.pts[0] == f.pts[0] &&
           part.length == (int64_t)k.moof + 8 + k.bytes,
       "KeyFrames is the first picture alone");

    jo_limits tight = jo_limits_default;
    tight.segment_size = 5000;
    cx.limits = &tight;
    is_int(render(jo_mss_render_fragment, p, h, 0, 1, &part), JO_EMEDIA, "beyond the limit");
    cx.limits = &jo_limits_default;
    cx.code = APR_SUCCESS;
}

/* NAL units with lengths of 2 bytes go out with lengths of 4: two in each sample, of 40 bytes and of what is left. */
static void test_short_lengths(void)
{
    jo_track *tracks[] = {make_track(video(25000, 1000))};
    jo_presentation *p = align(1, tracks);
    const jo_plan *h = plan(p, 0, 0);
    size_t size = 1000 + 480 * 200;
    uint8_t *file = calloc(size, 1);
    jo_opener *mem = jo_source_mem_opener(cx.pool);
    jo_body body;

    for (uint32_t i = 0; i < 480; i++) {
        uint8_t *s = file + 1000 + i * 200;
        s[1] = 40;
        memset(s + 2, 'a', 40);
        s[43] = (uint8_t)(100 + i % 50 - 44);
        memset(s + 44, 'b', s[43]);
    }
    jo_source_mem_add(mem, "/x", file, size);
    cx.opener = mem;
    jo_source_open(&cx, "/x", &sources[0]);
    tracks[0]->nal_length = 2;
    render(jo_mss_render_fragment, p, h, 0, 1, &body);
    parsed f = parse(body.parts[0].data);
    const uint8_t *d = body.parts[1].data;
    int64_t sum = 0;
    for (uint32_t i = 48; i < 96; i++) {
        sum += 104 + i % 50;
    }
    is_int(f.bytes, sum, "short NAL lengths: samples grow by what their lengths do");
    ok(body.count == 2 && body.parts[1].length == sum, "all data is there");
    ok(d && jo_get_u32(d) == 40 && d[4] == 'a' && jo_get_u32(d + 44) == 104 && d[48] == 'b',
       "after lengths of 4 bytes");
    render(jo_mss_render_key_frame, p, h, 0, 1, &body);
    ok(body.count == 2 && body.parts[1].length == 104 + 48 &&
           memcmp(body.parts[1].data, d, 104 + 48) == 0,
       "the key picture too");
    sources[0] = &nowhere;
    free(file);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_round_trips();
    test_priming();
    test_streams();
    test_fragments();
    test_other_nouns();
    test_short_lengths();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
