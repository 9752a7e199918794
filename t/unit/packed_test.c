/* Packed audio against a reader of the test's own: ADTS headers by the tables of 14496-3, segments by their frames. */
#include "../../src/base/status.h"
#include "../../src/media/codec.h"
#include "../../src/output/packed.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define TAG  73 /* bytes of the ID3 tag */
#define NONE (-1)

static apr_pool_t *pool;
static jo_ctx cx;

/* -- configurations and headers --------------------------------------------------------------------------- */

/* A track of AAC with this AudioSpecificConfig, in a block of just its size. */
static jo_track aac(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *config = malloc(len);

    for (size_t i = 0; i < len; i++)
        config[i] = (uint8_t)strtol((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
    return (jo_track){.kind = JO_AUDIO,
                      .codec = &jo_codec_aac,
                      .config = config,
                      .config_len = len,
                      .timescale = 48000,
                      .token = "a=1"};
}

typedef struct header {
    unsigned id, layer, unprotected, profile, frequency, channels, length, fullness, blocks;
} header;

static unsigned bits(const uint8_t *p, unsigned at, unsigned n)
{
    unsigned v = 0;

    for (; n > 0; n--, at++)
        v = v << 1 | (p[at / 8] >> (7 - at % 8) & 1U);
    return v;
}

/* 14496-3 tables 1.A.6, 1.A.7; all zero if it has no syncword. */
static header read_header(const uint8_t *p)
{
    if (bits(p, 0, 12) != 0xfff)
        return (header){0};
    return (header){bits(p, 12, 1),  bits(p, 13, 2),  bits(p, 15, 1),
                    bits(p, 16, 2),  bits(p, 18, 4),  bits(p, 23, 3),
                    bits(p, 30, 13), bits(p, 43, 11), bits(p, 54, 2)};
}

static void check_header(const char *what, const char *hex, unsigned profile, unsigned frequency,
                         unsigned channels)
{
    jo_track t = aac(hex);
    uint8_t out[JO_ADTS_HEADER];

    ok(jo_adts_carries(&t) && jo_packed_carries(&t), "%s: is carried", what);
    jo_adts_write(&t, 371, out);
    header h = read_header(out);
    is_int(h.profile, profile, apr_psprintf(pool, "%s: its core's object type", what));
    is_int(h.frequency, frequency, apr_psprintf(pool, "%s: its core's rate", what));
    is_int(h.channels, channels, apr_psprintf(pool, "%s: channels", what));
    ok(h.id == 0 && h.layer == 0 && h.unprotected == 1 && h.blocks == 0 && h.fullness == 0x7ff,
       "%s: MPEG-4, no CRC, one block, variable rate", what);
    is_int(h.length, 378, apr_psprintf(pool, "%s: length with the header", what));
    is_int(bits(out, 22, 1) + bits(out, 26, 4), 0, apr_psprintf(pool, "%s: other bits", what));
    free((void *)t.config);
}

static void test_headers(void)
{
    check_header("LC 44.1 kHz stereo", "1210", 1, 4, 2);
    check_header("LC 48 kHz 5.1", "11b0", 1, 3, 6);
    check_header("LC 48 kHz 7.1", "11b8", 1, 3, 7);
    check_header("LC 96 kHz mono", "1008", 1, 0, 1);
    check_header("LC 7.35 kHz mono", "1608", 1, 12, 1);
    check_header("Main", "0990", 0, 3, 2);
    check_header("SSR", "1990", 2, 3, 2);
    check_header("LTP", "2190", 3, 3, 2);
    /* object type 5: 22.05 → 44.1 kHz, LC; 29: mono → stereo */
    check_header("HE v1, hierarchical", "2b920800", 1, 7, 2);
    check_header("HE v2, hierarchical", "eb8a0800", 1, 7, 1);
    /* LC with 0x2b7 behind it: 24 → 48 kHz; and 0x548, PS */
    check_header("HE v1, backward compatible", "131056e598", 1, 6, 2);
    check_header("HE v2, backward compatible", "130856e59d4880", 1, 6, 1);
    check_header("48 kHz said in 24 bits", "17805dc010", 1, 3, 2);
}

static void test_refusals(void)
{
    static const struct {
        const char *what, *config;
    } cases[] = {{"50 kHz", "178061a810"},
                 {"a reserved frequency index", "1690"},
                 {"LC with frames of 960", "1194"},
                 {"HE with frames of 960", "2b118a00"},
                 {"LC above another coder", "11920320"},
                 {"channel configuration 8", "11c0"},
                 {"6.1, configuration 11", "11d8"},
                 {"7.1, configuration 12", "11e0"},
                 {"5.1.2, configuration 14", "11f0"},
                 {"a program config element", "118004c400002000"},
                 {"ER LC", "8990"},
                 {"LD", "b99000"},
                 {"ELD", "f8e640"},
                 {"USAC", "f946432200"},
                 {"a configuration of one byte", "12"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jo_track t = aac(cases[i].config);
        ok(!jo_adts_carries(&t) && !jo_packed_carries(&t), "%s: not carried", cases[i].what);
        free((void *)t.config);
    }
    ok(!jo_packed_carries(&(jo_track){.codec = &jo_codec_opus}), "Opus: not carried");
}

static void test_kinds(void)
{
    static const struct {
        const jo_codec *codec;
        const char *extension;
    } cases[] = {{&jo_codec_ac3, "ac3"}, {&jo_codec_eac3, "ec3"}, {&jo_codec_mpeg_audio, "mp3"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jo_track t = {.kind = JO_AUDIO, .codec = cases[i].codec};
        ok(jo_packed_carries(&t) && !jo_adts_carries(&t), "%s: carried without ADTS",
           cases[i].codec->name);
        is_str(jo_packed_extension(&t), cases[i].extension, "its extension");
    }
}

static void test_variants(void)
{
    jo_track lc = aac("1210"), other = aac("11b0"), short_frames = aac("1194");
    const jo_track *both[] = {&lc, &other}, *wrong[] = {&lc, &short_frames};

    lc.nvariants = 2;
    lc.variants = both;
    ok(jo_packed_carries(&lc), "two sample entries that ADTS can say");
    lc.variants = wrong;
    ok(!jo_packed_carries(&lc), "one that it can't: the track is not carried");
    free((void *)lc.config);
    free((void *)other.config);
    free((void *)short_frames.config);
}

/* -- segments --------------------------------------------------------------------------------------------- */

enum { FILES = 2, FILE_SIZE = 1 << 17 };

/* A title of one track whose frames lie in up to two files, cut into segments; what making them takes. */
typedef struct title {
    uint8_t *data[FILES]; /* FILE_SIZE bytes each, but for what is cut off */
    jo_source *sources[FILES + 1];
    jo_track track, *tracks[1];
    jo_index_builder *builder;
    jo_run runs[2];
    uint32_t count;
    uint32_t sizes[512];
    const uint8_t *frames[512];
    jo_cut cuts[4];
    jo_track_plan tp;
    jo_plan plan;
    jo_period period;
    jo_presentation p;
    jo_resource rs;
} title;

/* Before frames are added. `file_size`: bytes that both files have. */
static title *start(jo_track track, size_t file_size)
{
    title *s = apr_pcalloc(pool, sizeof(*s));
    jo_opener *mem = jo_source_mem_opener(pool);

    jo_ctx_init(&cx, pool);
    cx.opener = mem;
    for (int i = 0; i < FILES; i++) {
        const char *name = apr_psprintf(pool, "/%d", i);
        s->data[i] = malloc(file_size);
        for (size_t k = 0; k < file_size; k++)
            s->data[i][k] = (uint8_t)(k * 7 + k / 251 + (size_t)i * 13);
        jo_source_mem_add(mem, name, s->data[i], file_size);
        jo_source_open(&cx, name, &s->sources[i]);
    }
    s->track = track;
    s->builder = jo_index_builder_make(&cx);
    return s;
}

/* The next frame: in file 0, until take_file_1() was called. */
static void add(title *s, int64_t offset, uint32_t size)
{
    int file = s->track.nruns > 1;
    jo_sample f = {.dts = (int64_t)s->count * 1024,
                   .offset = offset,
                   .size = size,
                   .duration = 1024,
                   .sync = true};

    jo_index_add(s->builder, &cx, &f, s->track.timescale);
    s->frames[s->count] = s->data[file] + offset;
    s->sizes[s->count++] = size;
}

static void take_file_1(title *s)
{
    s->runs[1] = (jo_run){.sample = s->count, .variant = 1, .source = 1};
    s->track.nruns = 2;
}

static void cut(title *s, int i, uint32_t sample)
{
    s->cuts[i].sample = sample;
    s->cuts[i].bytes = jo_index_range_bytes(s->track.index, 0, sample);
}

/* Segments: frames [0, second), [second, third), [third, count). */
static void finish(title *s, uint32_t second, uint32_t third)
{
    jo_index_finish(s->builder, &cx, &s->track.index);
    s->track.runs = s->runs;
    s->track.nruns = s->track.nruns ? s->track.nruns : 1;
    s->tracks[0] = &s->track;
    cut(s, 0, 0);
    cut(s, 1, second);
    cut(s, 2, third);
    cut(s, 3, s->count);
    s->tp.cuts = s->cuts;
    s->plan = (jo_plan){.count = 3, .base_number = 1, .tracks = &s->tp};
    s->period = (jo_period){.tracks = s->tracks, .ntracks = 1};
    s->p = (jo_presentation){.periods = &s->period, .nperiods = 1, .nsources = FILES};
    s->rs = (jo_resource){.sources = s->sources, .sound = -1};
}

static apr_status_t render(title *s, int segment, jo_body *body)
{
    jo_ctx_init(&cx, pool);
    jo_body_init(body, pool);
    s->rs.segment = segment;
    return jo_packed_render_segment(&cx, &s->p, &s->plan, &s->rs, body);
}

/* The segment in a block of just its size; NULL if there is none. */
static uint8_t *get(title *s, int segment, size_t *len)
{
    jo_body body;
    uint8_t *out = NULL;

    if (render(s, segment, &body) == APR_SUCCESS) {
        *len = (size_t)body.length;
        out = malloc(*len);
        if (jo_body_read(&cx, &body, 0, *len, out) != APR_SUCCESS) {
            free(out);
            out = NULL;
        }
    }
    if (!out)
        printf("# %s\n", cx.message);
    return out;
}

static void drop(title *s)
{
    for (int i = 0; i < FILES; i++)
        free(s->data[i]);
    free((void *)s->track.config);
}

/* Is it the tag, then each frame of the segment behind its header (AAC) or as it is, and nothing else? */
static const char *wrong(const title *s, int segment, const uint8_t *data, size_t len)
{
    bool adts = s->track.codec == &jo_codec_aac;
    size_t at = TAG;

    if (len < TAG || memcmp(data, "ID3\4\0\0\0\0\0\77PRIV\0\0\0\65\0", 19) != 0)
        return "tag";
    for (uint32_t n = s->cuts[segment].sample; n < s->cuts[segment + 1].sample; n++) {
        if (adts) {
            if (at + JO_ADTS_HEADER > len)
                return "too short for a header";
            if (read_header(data + at).length != s->sizes[n] + JO_ADTS_HEADER)
                return apr_psprintf(pool, "length in the header of frame %u", n);
            at += JO_ADTS_HEADER;
        }
        if (at + s->sizes[n] > len || memcmp(data + at, s->frames[n], s->sizes[n]) != 0)
            return apr_psprintf(pool, "bytes of frame %u", n);
        at += s->sizes[n];
    }
    return at == len ? NULL : "length";
}

static void check_segments(title *s, const char *what)
{
    for (int i = 0; i < s->plan.count; i++) {
        size_t len = 0;
        uint8_t *data = get(s, i, &len);
        is_str(data ? wrong(s, i, data, len) : "none", NULL,
               apr_psprintf(pool, "%s: segment %d", what, i + 1));
        is_int((int64_t)len, jo_packed_segment_size(&s->track, &s->tp, i), "its size, as planned");
        free(data);
    }
}

static void test_frames(void)
{
    title *s = start(aac("1210"), FILE_SIZE);
    uint32_t size = 1, at = 0;

    for (int i = 0; i < 200; i++, at += size, size = size * 7 % 397)
        add(s, at, size);
    finish(s, 67, 130);
    check_segments(s, "frames of 1 to 396 bytes, one behind the other");
    drop(s);

    s = start(aac("1210"), FILE_SIZE);
    for (int i = 0; i < 400; i++)
        add(s, 100 + i, i % 3 ? 1 : 2);
    finish(s, 1, 399);
    check_segments(s, "tiny ones, shorter than their headers, that overlap; a segment of one");
    drop(s);

    s = start(aac("1210"), FILE_SIZE);
    for (int i = 0; i < 9; i++)
        add(s, FILE_SIZE - (i + 1) * (int64_t)JO_ADTS_MAX, JO_ADTS_MAX);
    finish(s, 3, 8);
    check_segments(s, "the longest there are, backwards from the file's end");
    drop(s);
}

static void test_places(void)
{
    title *s = start(aac("1210"), FILE_SIZE);

    for (int i = 0; i < 300; i++)
        add(s, (int64_t)i * 400 + i % 3, 300 + (uint32_t)i % 11);
    finish(s, 100, 290);
    check_segments(s, "gaps between frames");
    drop(s);

    s = start(aac("1210"), FILE_SIZE);
    for (int i = 0; i < 20; i++)
        add(s, i % 2 ? FILE_SIZE - 500 * (i + 1) : 500 * i, i == 7 ? 0 : 333);
    finish(s, 5, 8);
    check_segments(s, "far apart, to and fro, one without bytes");
    drop(s);
}

static void test_two_files(void)
{
    title *s = start(aac("1210"), FILE_SIZE);
    jo_track second = aac("11b0"), first = s->track;
    const jo_track *variants[] = {&first, &second};
    uint8_t *data;
    size_t len;

    for (int i = 0; i < 6; i++)
        add(s, 100 * i, 100);
    take_file_1(s);
    for (int i = 0; i < 6; i++)
        add(s, 90 * i, 90);
    s->track.variants = variants;
    s->track.nvariants = 2;
    finish(s, 3, 9);
    check_segments(s, "a segment from two files");
    data = get(s, 1, &len);
    header before = read_header(data + TAG + 2 * 107), after = read_header(data + TAG + 3 * 107);
    ok(before.frequency == 4 && before.channels == 2 && after.frequency == 3 && after.channels == 6,
       "headers follow the sample entry in the middle of a segment");
    free(data);
    free((void *)second.config);
    drop(s);
}

static void test_as_they_are(void)
{
    title *s =
        start((jo_track){.codec = &jo_codec_ac3, .timescale = 48000, .token = "a=1"}, FILE_SIZE);
    jo_body body;

    for (int i = 0; i < 30; i++)
        add(s, 1000 + 100 * i + (i >= 15), 100);
    finish(s, 10, 20);
    check_segments(s, "AC-3");
    ok(render(s, 1, &body) == APR_SUCCESS && body.count == 3 && !body.made,
       "goes out as the file's ranges");
    drop(s);
}

static void test_ranges(void)
{
    title *s = start(aac("1210"), FILE_SIZE);
    jo_body body;
    size_t len;
    uint8_t *all, part[50];

    for (int i = 0; i < 30; i++)
        add(s, 100 * i, 100);
    finish(s, 10, 20);
    all = get(s, 1, &len);
    render(s, 1, &body);
    ok(jo_body_read(&cx, &body, 200, sizeof part, part) == APR_SUCCESS &&
           memcmp(part, all + 200, sizeof part) == 0,
       "a piece of a segment");
    free(all);
    drop(s);
}

/* Tag's time of a segment that begins at this media time + shift. */
static int64_t time_of(int64_t shift, int32_t cts)
{
    title *s = start(aac("1190"), FILE_SIZE);
    jo_sample f = {.cts = cts, .size = 10, .duration = 1024, .sync = true};
    int64_t time = NONE;
    size_t len;
    uint8_t *data;

    jo_index_add(s->builder, &cx, &f, 48000);
    s->count = 1;
    s->track.span.shift = shift;
    finish(s, 1, 1);
    data = get(s, 0, &len);
    if (data && memcmp(data + 20, "com.apple.streaming.transportStreamTimestamp", 45) == 0)
        for (int i = time = 0; i < 8; i++)
            time = time << 8 | data[TAG - 8 + i];
    free(data);
    drop(s);
    return time;
}

static void test_times(void)
{
    is_int(time_of(0, 0), 900000, "wire time 0 is 10 s");
    is_int(time_of(1, 0), 900002, "rounded to 90 kHz");
    is_int(time_of(-1024, 0), 898080, "priming before it");
    is_int(time_of(48000, 480), 990900, "presentation, not decode time");
    is_int(time_of(-480001, 0), (1LL << 33) - 2, "before the beginning of 33 bits");
    is_int(time_of(48000LL * 100000, 0), (100010LL * 90000) % (1LL << 33), "beyond their end");
}

static void test_failures(void)
{
    title *s = start(aac("1210"), FILE_SIZE);
    jo_limits limits;
    jo_body body;

    for (int i = 0; i < 6; i++)
        add(s, 9000 * i, i == 4 ? JO_ADTS_MAX + 1 : 100);
    finish(s, 3, 6);
    ok(render(s, 0, &body) == APR_SUCCESS, "a segment whose frames ADTS can say");
    is_int(render(s, 1, &body), JO_EMEDIA, "one whose frame is too long for it");
    is_str(cx.message, "frame 5 of a=1 has 8185 bytes, more than ADTS can say",
           "the message says which");
    drop(s);

    s = start(aac("1210"), 1000);
    for (int i = 0; i < 30; i++)
        add(s, i < 20 ? 0 : 950, 100);
    finish(s, 10, 20);
    jo_ctx_init(&cx, pool);
    limits = *cx.limits;
    limits.segment_size = 1142; /* a byte less than it has */
    cx.limits = &limits;
    jo_body_init(&body, pool);
    s->rs.segment = 1;
    is_int(jo_packed_render_segment(&cx, &s->p, &s->plan, &s->rs, &body), JO_EMEDIA,
           "a segment beyond the limit");
    ok(render(s, 2, &body) == APR_SUCCESS, "frames past the file's end");
    uint8_t *out = malloc((size_t)body.length);
    is_int(jo_body_read(&cx, &body, 0, (size_t)body.length, out), JO_EMEDIA,
           "fail when they are read");
    free(out);
    drop(s);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_headers();
    test_refusals();
    test_kinds();
    test_variants();
    test_frames();
    test_places();
    test_two_files();
    test_as_they_are();
    test_ranges();
    test_times();
    test_failures();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
