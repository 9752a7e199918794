/* WebVTT files made from wvtt samples: 14496-30 7, and the rules of WebVTT that nothing in a sample may break. */
#include "../../src/base/status.h"
#include "../../src/media/codec.h"
#include "../../src/output/webvtt.h"
#include "mp4_make.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define HEAD "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"

static apr_pool_t *pool;
static jo_ctx cx;

/* A sample: boxes, its place in ticks. */
typedef struct part {
    int64_t at, duration;
    jo_writer boxes;
} part;

static void put(jo_writer *w, const char *type, const char *text)
{
    if (text == NULL)
        return;
    size_t at = open_box(w, type);
    jo_write_bytes(w, text, strlen(text));
    close_box(w, at);
}

typedef struct line {
    const char *text, *id, *settings, *time;
    unsigned source; /* 0: none */
} line;

static void put_cue(jo_writer *w, line c)
{
    size_t at = open_box(w, "vttc");

    if (c.source) {
        size_t vsid = open_box(w, "vsid");
        jo_write_u32(w, c.source);
        close_box(w, vsid);
    }
    put(w, "iden", c.id);
    put(w, "ctim", c.time);
    put(w, "sttg", c.settings);
    put(w, "payl", c.text);
    close_box(w, at);
}

static part empty(int64_t at, int64_t duration)
{
    part p = {at, duration, {0}};

    jo_writer_init(&p.boxes, pool, 64);
    return p;
}

static part says(int64_t at, int64_t duration, line c)
{
    part p = empty(at, duration);

    put_cue(&p.boxes, c);
    return p;
}

/* The track of these samples, and their bytes in a block of just that size. */
static jo_track make(const char *config, uint32_t timescale, const part *parts, uint32_t n,
                     uint8_t **data)
{
    jo_track t = {.kind = JO_TEXT, .timescale = timescale, .token = "t=1"};
    jo_index_builder *b;
    jo_writer all;

    jo_ctx_init(&cx, pool);
    jo_writer_init(&all, pool, 256);
    b = jo_index_builder_make(&cx);
    for (uint32_t i = 0; i < n; i++) {
        jo_sample s = {.dts = parts[i].at,
                       .duration = (uint32_t)parts[i].duration,
                       .offset = (int64_t)all.len,
                       .size = (uint32_t)parts[i].boxes.len,
                       .sync = true};
        jo_index_add(b, &cx, &s, timescale);
        jo_write_bytes(&all, parts[i].boxes.data, parts[i].boxes.len);
    }
    jo_index_finish(b, &cx, &t.index);
    t.config = (const uint8_t *)config;
    t.config_len = strlen(config);
    *data = exact(all.data, all.len);
    return t;
}

static const char *written(const jo_track *t, uint8_t *data)
{
    jo_text out;

    jo_text_init(&out, pool, 16);
    apr_status_t rv = jo_webvtt_write(&cx, t, 0, t->index->count, data, 0, &out);
    free(data);
    return rv == APR_SUCCESS ? out.s : apr_psprintf(pool, "%d: %s", rv == JO_EMEDIA, cx.message);
}

static const char *file(const part *parts, uint32_t n)
{
    uint8_t *data;
    jo_track t = make("WEBVTT", 1000, parts, n, &data);

    return written(&t, data);
}
#define FILE_OF(...) \
    file((const part[]){__VA_ARGS__}, sizeof((const part[]){__VA_ARGS__}) / sizeof(part))

static const char *file_with_head(const char *config)
{
    uint8_t *data;
    part p = says(0, 1000, (line){"a"});
    jo_track t = make(config, 1000, &p, 1, &data);

    return written(&t, data);
}
#define A_CUE "\n00:00:00.000 --> 00:00:01.000\na\n"

/* -- cues ------------------------------------------------------------------------------------------------- */

static void test_cues(void)
{
    is_str(FILE_OF(empty(0, 1000)), HEAD, "no cue: a head alone");
    is_str(FILE_OF(empty(0, 1500), says(1500, 2250, (line){"Hello\nyou"}), empty(3750, 250),
                   says(4000, 360000000, (line){"<i>b</i>", "7", "line:0 align:left"})),
           HEAD "\n00:00:01.500 --> 00:00:03.750\nHello\nyou\n"
                "\n7\n00:00:04.000 --> 100:00:04.000 line:0 align:left\n<i>b</i>\n",
           "times, identifier, settings");
    part two = says(0, 1000, (line){"one"});
    put(&two.boxes, "vtte", "");
    put_cue(&two.boxes, (line){"two"});
    put(&two.boxes, "free", "xyz");
    is_str(file(&two, 1),
           HEAD "\n00:00:00.000 --> 00:00:01.000\none\n\n00:00:00.000 --> 00:00:01.000\ntwo\n",
           "two at once, among boxes to pass over");
    is_str(FILE_OF(says(0, 1000, (line){NULL}), says(1000, 1000, (line){"\r\n\n"})), HEAD,
           "cues of no text");
    is_str(FILE_OF(says(0, 0, (line){"never"}), says(0, 500, (line){"x"})),
           HEAD "\n00:00:00.000 --> 00:00:00.500\nx\n", "no cue lasts no time");
}

static void test_merging(void)
{
    part both = says(1000, 1000, (line){"a"}), longer;

    put_cue(&both.boxes, (line){"b"});
    is_str(FILE_OF(says(0, 1000, (line){"a"}), both, says(2000, 1000, (line){"b"})),
           HEAD "\n00:00:00.000 --> 00:00:02.000\na\n\n00:00:01.000 --> 00:00:03.000\nb\n",
           "cues cut where another begins or ends are whole");
    is_str(FILE_OF(says(0, 1000, (line){"a"}), empty(1000, 1), says(1001, 999, (line){"a"})),
           HEAD "\n00:00:00.000 --> 00:00:01.000\na\n\n00:00:01.001 --> 00:00:02.000\na\n",
           "said twice is two");
    is_str(FILE_OF(says(0, 1000, (line){"a", .source = 1}),
                   says(1000, 1000, (line){"a", .source = 2}),
                   says(2000, 1000, (line){"a", .source = 2})),
           HEAD "\n00:00:00.000 --> 00:00:01.000\na\n\n00:00:01.000 --> 00:00:03.000\na\n",
           "cues of other sources are others");
    is_str(FILE_OF(says(0, 1000, (line){"a", .settings = "line:0"}), says(1000, 1000, (line){"a"})),
           HEAD "\n00:00:00.000 --> 00:00:01.000 line:0\na\n\n00:00:01.000 --> 00:00:02.000\na\n",
           "so are those in other places");
    longer = empty(0, 1000);
    for (int i = 0; i < 40; i++)
        put_cue(&longer.boxes, (line){apr_itoa(pool, i)});
    part again = longer;
    again.at = 1000;
    const char *text = FILE_OF(longer, again);
    int n = 0;
    for (const char *at = text; (at = strstr(at, "-->")) != NULL; at++)
        n++;
    ok(n >= 40 && n <= 80 && strstr(text, "\n39\n"), "a crowd of cues: %d", n);
}

/* -- times ------------------------------------------------------------------------------------------------ */

static void test_times(void)
{
    uint8_t *data;
    const part parts[] = {says(0, 90000, (line){"a"}), says(90000, 45000, (line){"b"}),
                          says(135000, 30, (line){"c"})};
    jo_track t = make("WEBVTT", 90000, parts, 3, &data);
    jo_text out;

    jo_text_init(&out, pool, 16);
    t.span.shift = -60000;
    t.preroll = 7500;
    jo_webvtt_write(&cx, &t, 0, 3, data, 7500, &out);
    is_str(out.s,
           "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:7500,LOCAL:00:00:00.000\n"
           "\n00:00:00.000 --> 00:00:00.250\na\n\n00:00:00.250 --> 00:00:00.750\nb\n",
           "counted from time zero, in ms; what comes before is cut");
    jo_text_init(&out, pool, 16);
    jo_webvtt_write(&cx, &t, 1, 2, data + parts[0].boxes.len, 0, &out);
    is_str(out.s, HEAD "\n00:00:00.250 --> 00:00:00.750\nb\n", "some of the samples");
    free(data);
    is_str(FILE_OF(says(10000, 5000,
                        (line){"a<00:00:06.500>b<c.x>c<01:02:03.004>", .time = "00:05.000"})),
           HEAD "\n00:00:10.000 --> 00:00:15.000\na<00:00:11.500>b<c.x>c<01:02:08.004>\n",
           "times within the text move with the cue");
    is_str(FILE_OF(says(0, 5000, (line){"a<00:00:06.500>b<6.500>", .time = "nonsense"})),
           HEAD "\n00:00:00.000 --> 00:00:05.000\na<00:00:06.500>b<6.500>\n",
           "or stay where nothing is said");
    const part far = says(0, 5000, (line){"a<00:00:10.000>"});
    t = make("WEBVTT", 1000, &far, 1, &data);
    t.span.shift = INT64_MAX - 6000;
    const char *got = written(&t, data);
    ok(strstr(got, "a<2562047788015:12:55.807>") != NULL,
       "one that would pass the last ms stops there");
}

/* -- what must not break the file --------------------------------------------------------------------------- */

static void test_escaping(void)
{
    is_str(
        FILE_OF(says(0, 1000,
                     (line){"\n\na\r\n\r\nb\r\r00:00:01.000 --> 00:00:09.000\nx-->", "i\nd-->"})),
        HEAD
        "\ni\n00:00:00.000 --> 00:00:01.000\na\nb\n00:00:01.000 --&gt; 00:00:09.000\nx--&gt;\n",
        "blank lines and arrows in a cue's text");
    is_str(FILE_OF(says(0, 1000, (line){"a", "x --> y", "line:1 -->\nalign:left"})),
           HEAD "\nx --&gt; y\n00:00:00.000 --> 00:00:01.000 line:1 --&gt;\na\n",
           "in its identifier and settings");
    is_str(FILE_OF(says(0, 1000, (line){"a", "NOTE"}), says(1000, 1000, (line){"b", "STYLE"})),
           HEAD "\n00:00:00.000 --> 00:00:01.000\na\n\n00:00:01.000 --> 00:00:02.000\nb\n",
           "identifiers that look like blocks");
    part nul = empty(0, 1000);
    size_t at = open_box(&nul.boxes, "vttc"), payl = open_box(&nul.boxes, "payl");
    jo_write_bytes(&nul.boxes, "a\0b", 3);
    close_box(&nul.boxes, payl);
    close_box(&nul.boxes, at);
    is_str(file(&nul, 1),
           HEAD "\n00:00:00.000 --> 00:00:01.000\na\xef\xbf\xbd"
                "b\n",
           "a NUL");
    part note = empty(0, 1000);
    put(&note.boxes, "vtta", "NOTE made by hand\n\n--> x");
    put(&note.boxes, "vtta", "just words");
    put(&note.boxes, "vtta", "\n");
    is_str(file(&note, 1), HEAD "\nNOTE made by hand\n--&gt; x\n\nNOTE\njust words\n", "notes");
}

static void test_head(void)
{
    is_str(file_with_head("WEBVTT"), HEAD A_CUE, "plain head");
    is_str(file_with_head("WEBVTT - by someone\nKind: captions\n\nSTYLE\n::cue { color: red "
                          "}\n\n\n\nREGION\nid:r\n\n"),
           "WEBVTT - by someone\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\nKind: captions\n"
           "\nSTYLE\n::cue { color: red }\n\nREGION\nid:r\n" A_CUE,
           "styles and regions");
    is_str(file_with_head("\xef\xbb\xbfWEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000"),
           HEAD A_CUE, "a mark in front, another map");
    is_str(file_with_head("WEBVTTX\r\n\r\n00:00 --> 00:01\r\nno"),
           HEAD "\n00:00 --&gt; 00:01\nno\n" A_CUE, "another head");
    is_str(file_with_head(""), HEAD A_CUE, "none");
}

/* -- damage ----------------------------------------------------------------------------------------------- */

static void test_damage(void)
{
    part p = says(0, 1000, (line){"text", "id", "line:0", "00:00.000", 5});
    size_t first = p.boxes.len, len;
    int wrong = 0;

    put(&p.boxes, "vtta", "NOTE x");
    put(&p.boxes, "vtte", "");
    len = p.boxes.len;
    for (size_t n = 0; n <= len; n++) {
        part cut = p;
        cut.boxes.len = n;
        const char *got = file(&cut, 1);
        bool whole = n == 0 || n == first || n == len - 8 || n == len;
        wrong += whole ? strncmp(got, "WEBVTT", 6) != 0
                       : strcmp(got, "1: sample 1 of t=1: damaged WebVTT boxes") != 0;
    }
    is_int(wrong, 0, "cut at every length: refused, but between boxes");
    wrong = 0;
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            p.boxes.data[i] ^= (uint8_t)(1 << bit);
            const char *got = file(&p, 1);
            wrong += strncmp(got, "WEBVTT", 6) != 0 && *got != '1';
            p.boxes.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    is_int(wrong, 0, "each bit turned: a file, or refused");
    part vsid = empty(0, 1000);
    size_t at = open_box(&vsid.boxes, "vttc");
    put(&vsid.boxes, "vsid", "123");
    close_box(&vsid.boxes, at);
    is_str(file(&vsid, 1), "1: sample 1 of t=1: damaged WebVTT boxes", "a short vsid");
}

/* A cue takes several times its bytes in memory: what no text ever is is refused before it is read. */
static void test_limit(void)
{
    uint8_t *data;
    part p = says(0, 1000, (line){"a"});
    jo_track t = make("WEBVTT", 1000, &p, 1, &data), *tracks[] = {&t};
    jo_period period = {.tracks = tracks, .ntracks = 1};
    jo_presentation pr = {.periods = &period, .nperiods = 1, .preroll_den = 1};
    jo_cut cuts[] = {{0}, {.sample = 0, .bytes = (16 << 20) + 1}};
    jo_track_plan tp = {.cuts = cuts};
    jo_plan plan = {.tracks = &tp, .count = 1};
    jo_resource rs = {0};
    jo_body body;

    free(data);
    t.fourcc = JO_FOURCC('w', 'v', 't', 't');
    jo_body_init(&body, pool);
    jo_ctx_init(&cx, pool);
    is_int(jo_webvtt_render_segment(&cx, &pr, &plan, &rs, &body), JO_EMEDIA, "too many bytes");
    jo_ctx_init(&cx, pool);
    cuts[1].bytes--;
    is_int(jo_webvtt_render_segment(&cx, &pr, &plan, &rs, &body), APR_SUCCESS, "one less");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_cues();
    test_merging();
    test_times();
    test_escaping();
    test_head();
    test_damage();
    test_limit();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
