/* Whole files (output/progressive.c) of indexes made by hand: every table is read back and every sample is looked for where
 * the tables say. The sources have no bytes of their own: what is read tells where it came from. */
#include "../../src/output/packager.h"
#include "../../src/base/bytes.h"
#include "../../src/media/codec.h"
#include "../../src/plan/view.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define GB INT64_C(1000000000)

static jo_ctx cx;

/* -- sources and tracks ------------------------------------------------------------------------------------------ */

static uint8_t byte_at(int64_t offset)
{
    return (uint8_t)((uint64_t)offset * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static apr_status_t made_read(jo_ctx *c, jo_source *src, int64_t off, size_t len, void *buf)
{
    (void)c;
    (void)src;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = byte_at(off + (int64_t)i);
    return APR_SUCCESS;
}

static const jo_source_ops made_ops = {.scheme = "made", .read = made_read};
static jo_source made = {.ops = &made_ops, .name = "made", .id = {.size = INT64_MAX}};

static void write_entry(const jo_track *t, jo_entry_style style, jo_writer *w)
{
    jo_write_u32(w, 12);
    jo_write_u32(w, t->fourcc);
    jo_write_u32(w, style);
}

static const jo_codec codecs[] = {{.name = "picture", .kind = JO_VIDEO, .write_entry = write_entry},
                                  {.name = "sound", .kind = JO_AUDIO, .write_entry = write_entry},
                                  {.name = "words", .kind = JO_TEXT, .write_entry = write_entry}};

/* count samples of `duration` ticks; every gop-th is sync (0: all, UINT32_MAX: none but the first); sizes go up from `size`
 * by `grow`; reorder: I P B P B …, `lead` is added to all composition offsets. */
typedef struct recipe {
    jo_kind kind;
    uint32_t timescale, duration, gop, count, size, grow;
    bool reorder;
    int32_t lead;
    int64_t first_dts, first_offset;
    jo_edit edit;
} recipe;

static void fail_if(apr_status_t rv)
{
    if (rv != APR_SUCCESS) {
        printf("Bail out! %s\n", cx.message);
        exit(1);
    }
}

static jo_track *make_track(const char *token, recipe r)
{
    jo_track *t = apr_pcalloc(cx.pool, sizeof(*t));
    jo_run *runs = apr_pcalloc(cx.pool, sizeof(*runs));
    jo_index_builder *b = jo_index_builder_make(&cx);
    int64_t offset = r.first_offset;

    for (uint32_t i = 0; i < r.count; i++) {
        jo_sample s = {.dts = r.first_dts + (int64_t)i * r.duration,
                       .offset = offset,
                       .size = r.size + i % 7 * r.grow,
                       .duration = r.duration,
                       .cts = r.lead,
                       .sync = r.gop == 0 || i % r.gop == 0};
        if (r.reorder) {
            uint32_t at = i % r.gop;
            bool plain = at == 0 || at == r.gop - 1;
            s.cts += (int32_t)(plain ? r.duration : at % 2 ? 2 * r.duration : 0);
        }
        offset += s.size + (i % 3) * 50; /* what lies between is another's */
        fail_if(jo_index_add(b, &cx, &s, r.timescale));
    }
    fail_if(jo_index_finish(b, &cx, &t->index));
    t->token = token;
    t->language = "";
    t->kind = r.kind;
    t->codec = &codecs[r.kind];
    t->fourcc = JO_FOURCC('f', 'a', 'k', 'e');
    t->timescale = r.timescale;
    t->edit = r.edit;
    t->edit.end = r.edit.end ? r.edit.end : INT64_MAX;
    t->labels.is_default = -1;
    t->width = t->kind == JO_VIDEO ? 640 : 0;
    t->height = t->kind == JO_VIDEO ? 360 : 0;
    t->sar_w = t->sar_h = 1;
    t->runs = runs;
    t->nruns = 1;
    return t;
}

static recipe video_25(uint32_t gop, uint32_t count)
{
    return (recipe){.kind = JO_VIDEO,
                    .timescale = 25000,
                    .duration = 1000,
                    .gop = gop,
                    .count = count,
                    .size = 900,
                    .grow = 13};
}

static recipe aac_48k(uint32_t count)
{
    return (recipe){.kind = JO_AUDIO,
                    .timescale = 48000,
                    .duration = 1024,
                    .count = count,
                    .size = 300,
                    .grow = 1,
                    .first_offset = 1000000};
}

/* -- the file ------------------------------------------------------------------------------------------------------- */

typedef struct file {
    jo_presentation *p;
    const jo_plan *plan;
    jo_body body;
    apr_status_t rv;
    uint8_t *head; /* all before the samples */
    size_t len;
    int ntracks;
} file;

static jo_presentation *present(int n, jo_track **tracks)
{
    jo_presentation *p = apr_pcalloc(cx.pool, sizeof(*p));

    p->nperiods = 1;
    p->periods = apr_pcalloc(cx.pool, sizeof(*p->periods));
    p->periods[0].tracks = apr_pmemdup(cx.pool, tracks, sizeof(*tracks) * (size_t)n);
    p->periods[0].ntracks = n;
    fail_if(jo_presentation_align(&cx, p));
    return p;
}

/* Renders all tracks of p as the plan cuts them. */
static file render(const jo_presentation *p, const jo_plan *plan)
{
    static const jo_settings settings = {.progressive = true};
    static const jo_options options;
    file f = {.plan = plan, .ntracks = p->periods[0].ntracks};
    int *all = apr_palloc(cx.pool, sizeof(*all) * (size_t)f.ntracks);
    jo_source **sources = apr_palloc(cx.pool, sizeof(*sources));
    jo_resource rs = {.base = "x",
                      .tracks = all,
                      .ntracks = f.ntracks,
                      .track = -1,
                      .segment = -1,
                      .sources = sources,
                      .options = &options,
                      .settings = &settings};

    sources[0] = &made;
    for (int i = 0; i < f.ntracks; i++)
        all[i] = i;
    f.p = apr_pmemdup(cx.pool, p, sizeof(*p));
    jo_body_init(&f.body, cx.pool);
    f.rv = jo_packager_progressive.routes[0].render(&cx, p, plan, &rs, &f.body);
    if (f.rv == APR_SUCCESS) {
        f.len = (size_t)f.body.parts[0].length;
        f.head = apr_palloc(cx.pool, f.len);
        fail_if(jo_body_read(&cx, &f.body, 0, f.len, f.head));
    }
    return f;
}

static const jo_plan *plan_4s(const jo_presentation *p)
{
    jo_plan *plan = NULL;

    fail_if(jo_plan_make(&cx, &p->periods[0], (jo_fraction){4, 1}, &plan));
    return plan;
}

static file make_file(int n, jo_track **tracks)
{
    jo_presentation *p = present(n, tracks);

    return render(p, plan_4s(p));
}

/* -- boxes ---------------------------------------------------------------------------------------------------------- */

/* Payload of the box at a path such as "moov.trak1.edts.elst" (the second trak); an empty reader that failed if there is
 * none. */
static jo_reader box(jo_reader in, const char *path)
{
    int skip = path[4] >= '0' && path[4] <= '9' ? path[4] - '0' : 0;
    const char *rest = strchr(path, '.');

    while (jo_reader_left(&in) >= 8) {
        uint64_t size = jo_read_u32(&in);
        const uint8_t *type = jo_read_bytes(&in, 4);
        size = size == 1 ? jo_read_u64(&in) - 16 : size - 8;
        if (!memcmp(type, path, 4) && skip-- == 0) {
            jo_reader body = size > jo_reader_left(&in) ? in : jo_read_sub(&in, (size_t)size);
            return rest ? box(body, rest + 1) : body;
        }
        jo_read_skip(&in, (size_t)size);
    }
    jo_reader none = {.failed = true};
    return none;
}

static jo_reader find(const file *f, const char *path)
{
    jo_reader r;

    jo_reader_init(&r, f->head, f->len);
    return box(r, path);
}

static jo_reader find_in_trak(const file *f, int track, const char *path)
{
    return find(f, apr_psprintf(cx.pool, "moov.trak%d.%s", track, path));
}

static jo_reader find_table(const file *f, int track, const char *type)
{
    return find_in_trak(f, track, apr_psprintf(cx.pool, "mdia.minf.stbl.%s", type));
}

/* The edits of a track as text: "duration/media_time …". */
static const char *edits(const file *f, int track)
{
    jo_reader r = find_in_trak(f, track, "edts.elst");
    unsigned version = jo_read_u8(&r);
    const char *out = "";

    jo_read_skip(&r, 3);
    for (uint32_t n = jo_read_u32(&r); n > 0 && !r.failed; n--) {
        int64_t duration = version ? jo_read_i64(&r) : jo_read_u32(&r);
        int64_t from = version ? jo_read_i64(&r) : jo_read_i32(&r);
        out = apr_psprintf(cx.pool, "%s%s%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT, out,
                           *out ? " " : "", duration, from);
        jo_read_skip(&r, 4);
    }
    return out;
}

static uint32_t movie_timescale(const file *f)
{
    jo_reader r = find(f, "moov.mvhd");

    jo_read_skip(&r, jo_read_u8(&r) ? 19 : 11);
    return jo_read_u32(&r);
}

/* -- reading the tables sample by sample ------------------------------------------------------------------------------ */

/* A table whose entries each stand for a number of samples. */
typedef struct runs {
    jo_reader r;
    uint32_t left, value;
    unsigned version;
} runs;

static runs open_runs(const file *f, int track, const char *type)
{
    runs t = {.r = find_table(f, track, type)};

    t.version = jo_read_u8(&t.r);
    jo_read_skip(&t.r, 7);
    return t;
}

static uint32_t next_of(runs *t)
{
    if (t->left == 0) {
        t->left = jo_read_u32(&t->r);
        t->value = jo_read_u32(&t->r);
    }
    t->left--;
    return t->value;
}

/* Where samples lie: stsc and stco or co64. */
typedef struct places {
    jo_reader chunks, offsets;
    bool wide;
    uint32_t next_first, per_chunk, entry, next_per_chunk, next_entry; /* stsc */
    uint32_t chunk, left;
    int64_t at;
} places;

static void read_next_run(places *p)
{
    bool more = jo_reader_left(&p->chunks) > 0;

    p->per_chunk = p->next_per_chunk;
    p->entry = p->next_entry;
    p->next_first = more ? jo_read_u32(&p->chunks) : UINT32_MAX;
    p->next_per_chunk = more ? jo_read_u32(&p->chunks) : 0;
    p->next_entry = more ? jo_read_u32(&p->chunks) : 0;
}

static places open_places(const file *f, int track)
{
    places p = {.chunks = find_table(f, track, "stsc"), .offsets = find_table(f, track, "stco")};

    p.wide = p.offsets.failed;
    p.offsets = p.wide ? find_table(f, track, "co64") : p.offsets;
    jo_read_skip(&p.offsets, 8);
    jo_read_skip(&p.chunks, 8);
    read_next_run(&p);
    return p;
}

static int64_t next_place(places *p, uint32_t size)
{
    if (p->left == 0) {
        if (++p->chunk == p->next_first)
            read_next_run(p);
        p->left = p->per_chunk;
        p->at = p->wide ? jo_read_i64(&p->offsets) : jo_read_u32(&p->offsets);
    }
    p->left--;
    p->at += size;
    return p->at - size;
}

/* Are `len` bytes of the body at `at` those of the source at `offset`? Of a large sample both ends are looked at. */
static bool same_bytes(const file *f, int64_t at, int64_t offset, uint32_t len)
{
    uint8_t buf[64];
    uint32_t n = len < sizeof(buf) ? len : sizeof(buf);

    for (int end = 0; end < 2; end++) {
        int64_t skip = end ? len - n : 0;
        if (jo_body_read(&cx, &f->body, at + skip, n, buf) != APR_SUCCESS)
            return false;
        for (uint32_t i = 0; i < n; i++)
            if (buf[i] != byte_at(offset + skip + i))
                return false;
    }
    return true;
}

static bool in_list(jo_reader r, uint32_t v)
{
    while (jo_reader_left(&r) > 0)
        if (jo_read_u32(&r) == v)
            return true;
    return false;
}

/* Every sample of a track, from table to bytes, against the index; `shift` is what composition offsets have more. */
static bool samples_right(const file *f, int track, int64_t shift)
{
    const jo_track *t = f->p->periods[0].tracks[track];
    const jo_track_plan *tp = &f->plan->tracks[track];
    uint32_t first = tp->cuts[tp->first].sample, last = tp->cuts[tp->last].sample;
    runs times = open_runs(f, track, "stts"), offsets = open_runs(f, track, "ctts");
    jo_reader sizes = find_table(f, track, "stsz"), syncs = find_table(f, track, "stss");
    bool has_offsets = !find_table(f, track, "ctts").failed, has_syncs = !syncs.failed;
    places at = open_places(f, track);
    jo_cursor c;
    jo_sample s;

    jo_read_skip(&sizes, 4);
    jo_read_skip(&syncs, 8);
    uint32_t same = jo_read_u32(&sizes);
    if (jo_read_u32(&sizes) != last - first)
        return false;
    jo_cursor_init(&c, t->index, first);
    for (uint32_t n = first; n < last && jo_cursor_next(&c, &s); n++) {
        uint32_t size = same ? same : jo_read_u32(&sizes);
        uint32_t cts = has_offsets ? next_of(&offsets) : 0;
        bool sync = !has_syncs || in_list(syncs, n - first + 1);
        if (size != s.size || next_of(&times) != s.duration || sync != s.sync ||
            (offsets.version ? (int32_t)cts : (int64_t)cts) != s.cts + shift ||
            !same_bytes(f, next_place(&at, size), s.offset, size)) {
            printf("# track %d, sample %u\n", track, n);
            return false;
        }
    }
    return times.left == 0 && offsets.left == 0 && jo_reader_left(&times.r) == 0 &&
           jo_reader_left(&at.chunks) == 0 && jo_reader_left(&at.offsets) == 0 && at.left == 0 &&
           jo_reader_left(&sizes) == 0 && !sizes.failed && !at.offsets.failed;
}

/* The boxes fill the file, and what is read in odd pieces is what is read at once. */
static bool body_right(const file *f)
{
    size_t len = (size_t)f->body.length;
    uint8_t *whole = malloc(len), *pieces = malloc(len);
    jo_reader mdat = find(f, "mdat"), moov = find(f, "moov");
    bool good = jo_body_read(&cx, &f->body, 0, len, whole) == APR_SUCCESS;
    size_t step = 1;

    for (size_t at = 0; at < len && good; at += step) {
        step = 1 + at * 7919 % 5003;
        step = step < len - at ? step : len - at;
        good = jo_body_read(&cx, &f->body, (int64_t)at, step, pieces + at) == APR_SUCCESS;
    }
    good = good && !memcmp(whole, pieces, len) && !mdat.failed && !moov.failed;
    jo_reader r;
    jo_reader_init(&r, whole, len);
    while (jo_reader_left(&r) >= 8) {
        uint32_t size = jo_read_u32(&r);
        jo_read_skip(&r, size < 8 ? SIZE_MAX : size - 4);
    }
    good = good && jo_reader_left(&r) == 0 && !r.failed;
    free(whole);
    free(pieces);
    return good;
}

/* -- tests ------------------------------------------------------------------------------------------------------------- */

static void test_usual(void)
{
    recipe v = video_25(50, 500), a = aac_48k(938);
    v.reorder = true;
    v.edit.media_time = 1000; /* the reorder delay */
    a.edit.media_time = 1024; /* priming */
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a)};
    file f = make_file(2, tracks);

    ok(f.body.produced && f.body.count == 2, "a head in memory, and what is found when it is read");
    ok(body_right(&f), "boxes fill the file, pieces of it are right");
    ok(samples_right(&f, 0, 0), "every picture is where the tables say, with its times");
    ok(samples_right(&f, 1, 0), "every sound too");
    is_int(movie_timescale(&f), 25000, "both timescales would be too fine: nothing is late");
    is_str(edits(&f, 0), "500000/1000", "the picture's edit takes the reorder delay off");
    is_str(edits(&f, 1), "499734/1024", "the sound's hides the priming");
    ok(find_table(&f, 1, "ctts").failed && find_table(&f, 1, "stss").failed,
       "no table of what is alike in all samples");
    is_int(find_table(&f, 1, "stts").end - find_table(&f, 1, "stts").at, 16, "runs are counted");
    ok(!find_table(&f, 0, "stco").failed && find_table(&f, 0, "co64").failed, "32-bit offsets");
}

/* Chunks go by segments: picture and sound of each. */
static void test_interleaving(void)
{
    jo_track *tracks[] = {make_track("audio=1", aac_48k(938)),
                          make_track("video=1", video_25(50, 500))};
    file f = make_file(2, tracks);
    jo_reader kind = find_in_trak(&f, 0, "mdia.hdlr");
    int64_t at = (int64_t)f.len, total = (int64_t)f.len;
    places v, a;

    jo_read_skip(&kind, 8);
    ok(!memcmp(jo_read_bytes(&kind, 4), "vide", 4), "the picture comes first");
    v = open_places(&f, 0);
    a = open_places(&f, 1);
    for (int i = 0; i < f.plan->count; i++) {
        const jo_cut *vc = &f.plan->tracks[1].cuts[i], *ac = &f.plan->tracks[0].cuts[i];
        ok((int64_t)jo_read_u32(&v.offsets) == at, "segment %d: picture", i);
        at += vc[1].bytes - vc[0].bytes;
        ok((int64_t)jo_read_u32(&a.offsets) == at, "segment %d: sound", i);
        at += ac[1].bytes - ac[0].bytes;
    }
    total += tracks[0]->index->bytes + tracks[1]->index->bytes;
    is_int(f.body.length, total, "and nothing else");
}

static void test_late(void)
{
    recipe v = video_25(50, 500), a = aac_48k(600), w = aac_48k(500);
    a.timescale = 44100;
    a.edit = (jo_edit){.empty = 44100, .media_time = 1024};
    w.edit.empty = 100;
    jo_track *tracks[] = {make_track("video=1", v), make_track("a=1", a), make_track("a=2", w)};
    file f = make_file(3, tracks);

    is_int(movie_timescale(&f), 7056000, "one that says all late starts exactly");
    is_str(edits(&f, 0), "141120000/0", "the picture has no delay");
    is_str(edits(&f, 1), "7056000/-1 98140160/0", "sound a second later, after what is hidden");
    is_str(edits(&f, 2), "14700/-1 75264000/0", "sound 100 of 48000 later");
    ok(samples_right(&f, 1, 0) && samples_right(&f, 2, 0), "samples are right");
}

static void test_offsets(void)
{
    recipe v = video_25(50, 100), u = video_25(UINT32_MAX, 100), n = video_25(50, 100);
    v.reorder = u.reorder = n.reorder = true;
    v.lead = -1000; /* decoding and presentation start together */
    n.lead = -3000; /* presented before it is decoded */
    u.gop = 1000;
    u.size = 500;
    u.grow = 0;
    jo_track *tracks[] = {make_track("video=1", v), make_track("video=2", u),
                          make_track("video=3", n)};
    tracks[1]->edit.media_time = 1000;
    tracks[2]->edit.media_time = -2000;
    file f = make_file(3, tracks);

    jo_reader r = find_table(&f, 0, "ctts");
    is_int(jo_read_u8(&r), 1, "negative offsets: version 1");
    ok(samples_right(&f, 0, 0), "as they are");
    is_str(edits(&f, 0), "100000/0", "presented from the first sample's decoding time");
    r = find_table(&f, 1, "ctts");
    is_int(jo_read_u8(&r), 0, "none that is negative: version 0");
    r = find_table(&f, 1, "stsz");
    jo_read_skip(&r, 4);
    is_int(jo_read_u32(&r), 500, "one size for all");
    is_int(jo_reader_left(&r), 4, "and no list");
    ok(samples_right(&f, 1, 0), "samples of one size are right");
    ok(samples_right(&f, 2, 2000), "what is presented before media time 0 is moved to it");
    is_str(edits(&f, 2), "100000/0", "and its edit begins there");
}

static void test_clip(void)
{
    recipe v = video_25(50, 500), a = aac_48k(938);
    v.reorder = true;
    v.edit.media_time = 1000;
    a.edit.media_time = 1024;
    jo_track *tracks[] = {make_track("video=1", v), make_track("audio=1", a)};
    jo_presentation *p = present(2, tracks);
    jo_view view;
    jo_clip clip = {5000000, 13000000};

    fail_if(jo_view_clip(&cx, p, plan_4s(p), &clip, false, &view));
    file f = render(&view.presentation, &view.plan);
    ok(samples_right(&f, 0, 0) && samples_right(&f, 1, 0) && body_right(&f), "a clip of segments");
    is_str(edits(&f, 0), "576000/1000", "begins with its first segment");
    /* unit 189 is heard at 192512, 512 after the 4 s at which the clip starts: 10.67 ms */
    is_str(edits(&f, 1), "512/-1 575488/0", "where sound begins between two units: later");

    fail_if(jo_view_clip(&cx, p, plan_4s(p), &clip, true, &view));
    f = render(&view.presentation, &view.plan);
    ok(samples_right(&f, 0, 0) && samples_right(&f, 1, 0) && body_right(&f), "an exact clip");
    is_str(edits(&f, 0), "200000/26000", "hides what comes before in the group of pictures");
    is_int(f.plan->tracks[0].cuts[0].sample, 100, "which begins at 4 s");
    ok(strncmp(edits(&f, 1), "200000/", 7) == 0, "sound lasts as long (%s)", edits(&f, 1));

    clip = (jo_clip){16000000, 17000000};
    tracks[1]->span.out = 0;
    jo_plan none = *plan_4s(p);
    none.tracks[0].last = none.tracks[0].first = 0;
    none.tracks[1].last = none.tracks[1].first = 0;
    f = render(p, &none);
    is_int(f.rv, JO_ENOTFOUND, "nothing left");
    cx.code = APR_SUCCESS;
}

/* The offsets are 64-bit from 4 GiB on, and so is the mdat's size. */
static void test_large(void)
{
    recipe r = video_25(1, 8);
    r.size = 400000000;
    r.grow = 0;
    jo_track *small[] = {make_track("video=1", r)};
    file f = make_file(1, small);
    ok(find_table(&f, 0, "co64").failed && samples_right(&f, 0, 0), "3.2 GB: 32-bit offsets");
    ok(f.len + 8 * (size_t)r.size == (size_t)f.body.length, "of the right length");

    r.size = 1000000000;
    r.first_offset = 5 * GB;
    jo_track *large[] = {make_track("video=1", r), make_track("audio=1", aac_48k(10))};
    f = make_file(2, large);
    ok(!find_table(&f, 0, "co64").failed && find_table(&f, 0, "stco").failed,
       "8 GB: 64-bit offsets");
    ok(samples_right(&f, 0, 0) && samples_right(&f, 1, 0), "that are right");
    jo_reader top;
    jo_reader_init(&top, f.head + f.len - 16, 16);
    is_int(jo_read_u32(&top), 1, "mdat has a large size");
    jo_read_skip(&top, 4);
    is_int(jo_read_i64(&top), 16 + 8 * GB + large[1]->index->bytes, "which is right");

    r = video_25(1, 2);
    r.grow = 0;
    r.size = UINT32_MAX / 2 - 4; /* with the header of mdat 4 GiB to the byte */
    jo_track *edge[] = {make_track("video=1", r)};
    f = make_file(1, edge);
    jo_reader_init(&top, f.head + f.len - 8, 8);
    jo_read_skip(&top, 4);
    ok(!memcmp(jo_read_bytes(&top, 4), "mdat", 4), "the largest mdat of a 32-bit size");
    ok(samples_right(&f, 0, 0), "with offsets that reach it");
}

/* Of each kind one track is enabled; they are alternatives. */
static void test_kinds(void)
{
    recipe w = {.kind = JO_TEXT, .timescale = 1000, .duration = 1000, .count = 20, .size = 40};
    jo_track *tracks[] = {make_track("text=1", w), make_track("video=1", video_25(50, 500)),
                          make_track("audio=1", aac_48k(938)), make_track("audio=2", aac_48k(938)),
                          make_track("text=2", w)};
    tracks[3]->labels.is_default = 1;
    tracks[4]->language = "pt-BR";
    file f = make_file(5, tracks);
    static const int flags[] = {3, 2, 3, 2, 2}, groups[] = {1, 2, 2, 3, 3};
    bool good = true;

    for (int i = 0; i < 5; i++) {
        jo_reader r = find_in_trak(&f, i, "tkhd");
        good &= jo_read_u32(&r) == (uint32_t)flags[i];
        jo_read_skip(&r, 8);
        good &= jo_read_u32(&r) == (uint32_t)i + 1;
        jo_read_skip(&r, 18);
        good &= jo_read_u16(&r) == groups[i];
    }
    ok(good, "picture, default sound; text is off; one group for each kind");
    jo_reader r = find_in_trak(&f, 4, "mdia.elng");
    jo_read_skip(&r, 4);
    is_str(r.failed ? NULL : (const char *)r.at, "pt-BR", "a language with a region");
    ok(body_right(&f), "five tracks fit");
    tracks[4]->labels.is_default = 1;
    f = make_file(5, tracks);
    r = find_in_trak(&f, 4, "tkhd");
    is_int(jo_read_u32(&r), 3, "text that is the default is on");
}

/* Two sample entries: chunks say which. */
static void test_entries(void)
{
    jo_track *t = make_track("video=1", video_25(50, 500)),
             *other = apr_pmemdup(cx.pool, t, sizeof(*t));
    const jo_track **variants = apr_palloc(cx.pool, 2 * sizeof(*variants));
    jo_run *two = apr_pcalloc(cx.pool, 2 * sizeof(*two));

    other->fourcc = JO_FOURCC('m', 'o', 'r', 'e');
    variants[0] = t;
    variants[1] = other;
    two[1] = (jo_run){150, 1, 0};
    t->runs = two;
    t->nruns = 2;
    t->variants = variants;
    t->nvariants = 2;
    file f = make_file(1, &t);
    jo_reader r = find_table(&f, 0, "stsd");
    jo_read_skip(&r, 4);
    is_int(jo_read_u32(&r), 2, "two sample entries");
    jo_read_skip(&r, 4 + 12);
    is_int(jo_read_u32(&r), JO_FOURCC('m', 'o', 'r', 'e'), "the second one");
    ok(samples_right(&f, 0, 0), "samples are right");
    places p = open_places(&f, 0);
    bool good = true;
    for (uint32_t n = 0; n < 500; n++) {
        next_place(&p, 1);
        good &= p.entry == (n < 150 ? 1U : 2U);
    }
    ok(good, "and described by the one that was theirs");
}

/* A TTML document counts from the source's media time 0, wherever the clip begins. */
static void test_ttml(void)
{
    recipe w = {.kind = JO_TEXT, .timescale = 1000, .duration = 4000, .count = 5, .size = 40};
    jo_track *tracks[] = {make_track("video=1", video_25(50, 500)), make_track("text=1", w)};
    tracks[1]->fourcc = JO_FOURCC('s', 't', 'p', 'p');
    jo_presentation *p = present(2, tracks);
    jo_view view;

    file f = render(p, plan_4s(p));
    ok(find_table(&f, 1, "ctts").failed && samples_right(&f, 1, 0), "whole: as it is");
    fail_if(jo_view_clip(&cx, p, plan_4s(p), &(jo_clip){8000000, 12000000}, false, &view));
    f = render(&view.presentation, &view.plan);
    ok(samples_right(&f, 1, 8000), "a clip: composition times stay those of the source");
    is_str(edits(&f, 1), "100000/8000", "and the edit shows it at the clip's start");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    test_usual();
    test_interleaving();
    test_late();
    test_offsets();
    test_clip();
    test_large();
    test_kinds();
    test_entries();
    test_ttml();
    apr_terminate();
    return tap_done();
}
