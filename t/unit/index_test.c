#include "../../src/base/status.h"
#include "../../src/media/index.h"
#include "tap.h"

#include <apr_general.h>

#define HOUR 90000 /* samples of an hour at 25 fps */

static apr_pool_t *pool;
static jo_ctx cx;

static jo_index *build(const jo_sample *s, uint32_t n, uint32_t fragment)
{
    jo_index *ix = NULL;

    jo_ctx_init(&cx, pool);
    jo_index_builder *b = jo_index_builder_make(&cx);
    for (uint32_t i = 0; i < n; i++) {
        if (fragment && i % fragment == 0)
            jo_index_begin_fragment(b);
        if (jo_index_add(b, &cx, &s[i], 25) != APR_SUCCESS)
            return NULL;
    }
    return jo_index_finish(b, &cx, &ix) == APR_SUCCESS ? ix : NULL;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* An hour as encoders make it: I B B P…, two seconds a group, with sound between the pictures in the file: a gap
 * after every `chunk` pictures. */
static jo_sample *make_hour(uint32_t chunk)
{
    static const int32_t shown[] = {1, 3, 0, 0}; /* P, then two B: PTS - DTS in frames */
    jo_sample *s = calloc(HOUR, sizeof(*s));
    uint32_t seed = 1;
    int64_t at = 48;

    for (uint32_t i = 0; s && i < HOUR; i++) {
        uint32_t in_group = i % 50;
        bool key = in_group == 0, p = in_group % 3 == 1;
        s[i] = (jo_sample){.dts = (int64_t)i * 512,
                           .duration = 512,
                           .size = key ? 60000 + next_random(&seed) % 40000
                                   : p ? 6000 + next_random(&seed) % 8000
                                       : 2000 + next_random(&seed) % 4000,
                           .cts = 512 * (key ? 1 : shown[p ? 1 : 2]),
                           .sync = key};
        if (i % chunk == 0)
            at += 300 + next_random(&seed) % 200 * chunk;
        s[i].offset = at;
        at += s[i].size;
    }
    return s;
}

static bool same(const jo_sample *a, const jo_sample *b)
{
    return a->dts == b->dts && a->offset == b->offset && a->size == b->size &&
           a->duration == b->duration && a->cts == b->cts && a->sync == b->sync;
}

/* Every sample read from `from` on is what was put in. */
static bool reads_back(const jo_index *ix, const jo_sample *s, uint32_t from)
{
    jo_cursor c;
    jo_sample got;

    jo_cursor_init(&c, ix, from);
    for (uint32_t i = from; i < ix->count; i++) {
        if (c.next != i || !jo_cursor_next(&c, &got) || !same(&got, &s[i]))
            return false;
    }
    return !jo_cursor_next(&c, &got);
}

static void test_hour(void)
{
    jo_sample *s = make_hour(25);
    jo_index *ix = build(s, HOUR, 0);
    int64_t bytes = 0;
    bool good = true;

    if (!ok(ix != NULL && ix->count == HOUR, "an hour of pictures"))
        return;
    ok(reads_back(ix, s, 0), "reads back");
    for (uint32_t n = 0; n < 400; n++)
        good = good && reads_back(ix, s, n * 7 % 200 + HOUR - 300);
    ok(good && reads_back(ix, s, HOUR) && reads_back(ix, s, HOUR - 1), "from any sample");
    for (uint32_t n = 0; n < HOUR; n += 97)
        good = good && jo_index_find_dts(ix, s[n].dts) == n &&
               jo_index_find_dts(ix, s[n].dts + 1) == n + 1 &&
               jo_index_find_dts(ix, s[n].dts - 1) == n && jo_index_dts(ix, n) == s[n].dts;
    ok(good, "finds samples by DTS");
    is_int(jo_index_find_dts(ix, INT64_MIN), 0, "before the start is the first");
    is_int(jo_index_find_dts(ix, INT64_MAX), HOUR, "past the end is none");
    is_int(jo_index_dts(ix, HOUR), ix->end_dts, "DTS past the last is the end");
    for (uint32_t n = 0; n < 500; n++) {
        good = good && jo_index_range_bytes(ix, 0, n) == bytes &&
               jo_index_range_bytes(ix, n / 2, n) + jo_index_range_bytes(ix, 0, n / 2) == bytes;
        bytes += s[n].size;
    }
    ok(good && jo_index_range_bytes(ix, 0, HOUR) == ix->bytes, "sums sizes");
    is_int(jo_index_range_bytes(ix, 9, 9), 0, "of nothing too");
    is_int(ix->nraps, HOUR / 50, "one random access point for each group");
    ok(ix->reordered && !ix->all_sync && !ix->open_gops, "reordered, closed groups");
    is_int(jo_index_find_rap(ix, ix->raps[7].ept), 7, "finds a rap by its earliest PTS");
    is_int(jo_index_find_rap(ix, ix->raps[7].ept + 1), 8, "or the one after");
    is_int(jo_index_find_rap(ix, INT64_MAX), ix->nraps, "or none");
    ok(ix->const_until == HOUR && ix->duration == 512, "constant durations are seen");
    free(s);
}

static void test_memory(void)
{
    jo_sample *s = make_hour(25);
    jo_index *ix = build(s, HOUR, 0);

    printf("# an hour in chunks of a second: %zu bytes, %.2f a sample\n", jo_index_memory(ix),
           (double)jo_index_memory(ix) / HOUR);
    ok(jo_index_memory(ix) <= 400 * 1000, "an hour takes at most 400 KB");
    free(s);
    s = make_hour(1);
    ix = build(s, HOUR, 0);
    printf("# every picture in a chunk of its own: %zu bytes, %.2f a sample\n", jo_index_memory(ix),
           (double)jo_index_memory(ix) / HOUR);
    ok(reads_back(ix, s, 0) && jo_index_memory(ix) <= 400 * 1000,
       "also where sound lies between all pictures");
    free(s);
}

/* Whatever a file says comes back, in samples that share nothing. */
static void test_odd_values(void)
{
    jo_sample s[200];
    uint32_t seed = 7;
    int64_t dts = -5000;

    for (int i = 0; i < 200; i++) {
        s[i] = (jo_sample){.dts = dts,
                           .offset = (int64_t)next_random(&seed) << next_random(&seed) % 33,
                           .size = i % 3 ? next_random(&seed) : UINT32_MAX,
                           .duration = i % 5   ? next_random(&seed)
                                       : i % 2 ? 0
                                               : UINT32_MAX,
                           .cts = i % 4 ? (int32_t)(next_random(&seed) << 8) : INT32_MIN,
                           .sync = next_random(&seed) & 1};
        dts += s[i].duration;
    }
    jo_index *ix = build(s, 200, 0);
    bool good = ix != NULL;
    for (uint32_t n = 0; n <= 200; n++)
        good = good && reads_back(ix, s, n);
    ok(good, "extreme sizes, gaps, durations and offsets read back from everywhere");
    ok(ix && ix->first_dts == -5000 && ix->end_dts == dts, "first and last DTS");
}

/* A number of one of some shapes: always the same, within a narrow range, with rare long ones, of any length. */
static uint32_t shaped(uint32_t shape, uint32_t *seed)
{
    uint32_t n = next_random(seed);

    return shape % 4 == 0   ? 512
           : shape % 4 == 1 ? 341 + n % 40
           : shape % 4 == 2 ? n % (n % 37 ? 700 : 90000)
                            : n >> n % 24;
}

static jo_sample *make_shape(uint32_t shape, uint32_t n)
{
    jo_sample *s = calloc(n, sizeof(*s));
    uint32_t seed = shape;
    int64_t dts = 0, at = (int64_t)1 << 40;

    for (uint32_t i = 0; s && i < n; i++) {
        at += shape / 64 % 4 == 1 || (shape / 64 % 4 > 1 && i % 2) ? shaped(shape / 4, &seed) : 0;
        at -= shape / 64 % 4 == 3 && i % 11 == 3 ? 5000 : 0;
        s[i] = (jo_sample){.dts = dts,
                           .offset = at,
                           .size = shaped(shape, &seed),
                           .duration = shaped(shape / 16, &seed),
                           .cts = (int32_t)shaped(shape / 3, &seed) - 300,
                           .sync = shape % 5 == 0 || next_random(&seed) % (shape % 5 * 9) == 0};
        dts += s[i].duration;
        at += s[i].size;
    }
    return s;
}

static bool answers(const jo_index *ix, const jo_sample *s, uint32_t n)
{
    int64_t bytes = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t same = i; /* the first of those with its DTS */
        while (same > 0 && s[same - 1].dts == s[i].dts)
            same--;
        if (jo_index_range_bytes(ix, 0, i) != bytes || jo_index_dts(ix, i) != s[i].dts ||
            jo_index_size(ix, i) != s[i].size || jo_index_find_dts(ix, s[i].dts) != same)
            return false;
        bytes += s[i].size;
    }
    return ix->bytes == bytes && jo_index_size(ix, n) == 0;
}

static void test_shapes(void)
{
    uint32_t shape = 1;

    for (bool good = true; shape <= 600 && good; shape += good) {
        uint32_t n = 1 + shape * 7 % 333;
        jo_sample *s = make_shape(shape, n);
        jo_index *ix = build(s, n, 0);
        good = ix && reads_back(ix, s, 0) && reads_back(ix, s, n / 2) && answers(ix, s, n);
        free(s);
    }
    is_int(shape, 601, "columns of all shapes read back");
}

/* Groups of pictures that last from one picture to hundreds. */
static void test_find_rap(void)
{
    enum { N = 5000 };
    jo_sample *s = calloc(N, sizeof(*s));
    uint32_t seed = 3;
    bool good = true;

    for (uint32_t i = 0; i < N; i++) {
        s[i] = (jo_sample){.dts = i * 10, .offset = i, .size = 1, .duration = 10};
        s[i].sync = i == 0 || next_random(&seed) % (i % 1000 < 300 ? 2 : 150) == 0;
    }
    jo_index *ix = build(s, N, 0);
    for (int64_t t = -20; t < N * 10 + 20; t += 5) {
        uint32_t k = 0;
        while (k < ix->nraps && ix->raps[k].ept < t)
            k++;
        good = good && jo_index_find_rap(ix, t) == k;
    }
    ok(good && jo_index_find_rap(ix, INT64_MIN) == 0 &&
           jo_index_find_rap(ix, INT64_MAX) == ix->nraps,
       "random access points are found wherever they are");
    free(s);
}

static void hash_of(const jo_index *ix, uint8_t out[JO_SHA256_SIZE])
{
    jo_sha256 *h = jo_sha256_make(pool);

    jo_index_hash(ix, h);
    jo_sha256_finish(h, out);
}

static bool same_hash(const jo_index *a, const jo_index *b)
{
    uint8_t x[JO_SHA256_SIZE], y[JO_SHA256_SIZE];

    hash_of(a, x);
    hash_of(b, y);
    return !memcmp(x, y, sizeof x);
}

/* As build(), in rows of 1, 2, … JO_ROWS, 1, 2, … samples. */
static jo_index *build_in_rows(const jo_sample *s, uint32_t n)
{
    jo_index *ix = NULL;
    jo_rows rows;

    jo_ctx_init(&cx, pool);
    jo_index_builder *b = jo_index_builder_make(&cx);
    for (uint32_t at = 0, many = 1; at < n; at += rows.count, many = many % JO_ROWS + 1) {
        rows.count = n - at < many ? n - at : many;
        for (uint32_t i = 0; i < rows.count; i++) {
            rows.dts[i] = s[at + i].dts;
            rows.offset[i] = s[at + i].offset;
            rows.size[i] = s[at + i].size;
            rows.cts[i] = s[at + i].cts;
            rows.sync[i] = s[at + i].sync;
            rows.duration = s[at + i].duration;
        }
        if (jo_index_add_rows(b, &cx, &rows, 25) != APR_SUCCESS)
            return NULL;
    }
    return jo_index_finish(b, &cx, &ix) == APR_SUCCESS ? ix : NULL;
}

static void test_rows(void)
{
    jo_sample *s = make_hour(1);
    jo_index *one = build(s, HOUR, 0), *rows = build_in_rows(s, HOUR);

    ok(rows && reads_back(rows, s, 0) && same_hash(one, rows), "rows of any length read back");
    ok(rows->nraps == one->nraps && rows->raps[900].bytes == one->raps[900].bytes &&
           one->raps[900].bytes == jo_index_range_bytes(one, 0, one->raps[900].sample) &&
           rows->end_pts == one->end_pts && rows->const_until == HOUR,
       "and what is kept of them is the same");
    jo_found_sample f = jo_index_find(one, s[777].dts);
    ok(f.sample == 777 && f.dts == s[777].dts && f.bytes == jo_index_range_bytes(one, 0, 777),
       "a search tells the bytes before a sample");
    s[5000].dts++; /* durations vary now */
    one = build(s, HOUR, 0);
    f = jo_index_find(one, s[7000].dts - 1);
    ok(f.sample == 7000 && f.dts == s[7000].dts && f.bytes == jo_index_range_bytes(one, 0, 7000),
       "also where they last differently");
    f = jo_index_find(one, s[64 * 100].dts);
    ok(f.sample == 6400 && f.bytes == jo_index_range_bytes(one, 0, 6400), "at a block's first");
    f = jo_index_find(one, INT64_MAX);
    ok(f.sample == HOUR && f.dts == one->end_dts && f.bytes == one->bytes, "and past the end");
    free(s);
}

/* Whatever an answer depends on is in the hash. */
static void test_hash(void)
{
    jo_sample *s = make_hour(25);
    jo_index *ix = build(s, 500, 0);
    jo_sample kept = s[300];

    ok(same_hash(ix, build(s, 500, 0)), "the same samples, the same hash");
    ok(!same_hash(ix, build(s, 499, 0)), "not with one less");
    ok(!same_hash(ix, build(s, 500, 100)), "nor in fragments");
    s[300].size ^= 1;
    s[301].offset = s[300].offset + kept.size;
    ok(!same_hash(ix, build(s, 500, 0)), "nor another size");
    s[300] = kept;
    s[300].dts++;
    ok(!same_hash(ix, build(s, 500, 0)), "nor DTS");
    s[300] = kept;
    s[300].cts++;
    ok(!same_hash(ix, build(s, 500, 0)), "nor composition offset");
    s[300] = kept;
    s[300].sync = !kept.sync;
    ok(!same_hash(ix, build(s, 500, 0)), "nor kind of sample");
    s[300] = kept;
    s[499].duration++;
    ok(!same_hash(ix, build(s, 500, 0)), "nor end");
    s[499].duration--;
    for (uint32_t i = 0; i < 500; i++)
        s[i].offset += 8;
    ok(!same_hash(ix, build(s, 500, 0)), "nor place in the file");
    for (uint32_t i = 0; i < 500; i++) {
        s[i].offset -= 8;
        s[i].dts += 8;
    }
    ok(!same_hash(ix, build(s, 500, 0)), "nor in time");
    free(s);
}

static void test_raps(void)
{
    /* open GOP: I P B B I B B P, the B before the second I in presentation follow it in the file */
    static const int32_t pts[] = {2, 5, 3, 4, 8, 6, 7, 11};
    jo_sample s[8];

    for (int i = 0; i < 8; i++)
        s[i] = (jo_sample){.dts = i,
                           .offset = i,
                           .size = 1,
                           .duration = 1,
                           .cts = pts[i] - i,
                           .sync = i == 0 || i == 4};
    jo_index *ix = build(s, 8, 4);
    ok(ix->nraps == 2 && ix->open_gops, "two random access points, one of an open group");
    ok(!ix->raps[0].open && ix->raps[1].open, "the second");
    is_int(ix->raps[1].ept, 6, "whose earliest picture is a leading one");
    ok(ix->raps[0].fragment && ix->raps[1].fragment && ix->nfragments == 2 && ix->fragments[1] == 4,
       "source fragments are known");
    is_int(ix->first_pts, 2, "earliest PTS");
    is_int(ix->end_pts, 12, "latest end");

    s[0].sync = false;
    ix = build(s, 8, 0);
    ok(ix->nraps == 1 && ix->raps[0].sample == 4 && !ix->raps[0].fragment && !ix->fragments,
       "a first sample that is no sync sample");
    s[4].sync = false;
    ix = build(s, 8, 0);
    ok(ix->nraps == 0 && ix->raps != NULL, "no sync sample at all is not the same as all");
    for (int i = 0; i < 8; i++)
        s[i].sync = true;
    ix = build(s, 8, 0);
    ok(ix->all_sync && ix->nraps == 2 && ix->raps[0].sample == 0 && ix->raps[1].sample == 7,
       "all sync but reordered: only points that divide the presentation");
}

/* Groups of a sync and a non-sync sample, presented at these times. */
static jo_index *build_groups(const int32_t *pts, uint32_t n)
{
    jo_sample s[16];

    for (uint32_t i = 0; i < n; i++)
        s[i] = (jo_sample){.dts = i,
                           .offset = i,
                           .size = 1,
                           .duration = 1,
                           .cts = pts[i] - (int32_t)i,
                           .sync = i % 2 == 0};
    return build(s, n, 4);
}

static void test_raps_that_go_back(void)
{
    jo_index *ix = build_groups((const int32_t[]){0, 1, 4, 5, 4, 6, 8, 9}, 8);
    ok(ix->nraps == 3 && ix->raps[1].sample == 2 && ix->raps[2].sample == 6 && !ix->open_gops,
       "a group that begins no later than the one before is part of it");
    ix = build_groups((const int32_t[]){0, 1, 4, 5, 6, 3, 8, 9}, 8);
    ok(ix->nraps == 3 && ix->raps[1].sample == 2 && ix->raps[1].ept == 3 && ix->raps[1].open,
       "also where a leading picture takes it there");
    ix = build_groups((const int32_t[]){10, 11, 20, 21, 30, 31, 40, 5}, 8);
    ok(ix->nraps == 1 && ix->raps[0].sample == 0 && ix->raps[0].ept == 5 && ix->raps[0].open,
       "or past them all");
    ix = build_groups((const int32_t[]){10, 11, 9, 21, 8, 31, 7, 41}, 8);
    ok(ix->nraps == 1 && ix->raps[0].sample == 0 && ix->raps[0].ept == 7, "falling all the way");
}

/* Sync samples that are reordered, until one comes that is none: leading pictures count then. */
static void test_late_mix(void)
{
    static const int32_t pts[] = {2, 5, 3, 4, 8, 6, 7, 11};
    jo_sample s[200];

    for (int i = 0; i < 200; i++)
        s[i] = (jo_sample){.dts = i,
                           .offset = i,
                           .size = 1,
                           .duration = 1,
                           .cts = (i < 8 ? pts[i] : i + 4) - i,
                           .sync = i < 198};
    jo_index *ix = build(s, 199, 100);
    ok(!ix->all_sync && ix->nraps == 196 && ix->raps[1].sample == 1 && ix->raps[1].ept == 3,
       "all are listed anew");
    ok(ix->raps[5].sample == 7 && ix->raps[98].sample == 100 && ix->raps[98].fragment &&
           !ix->raps[99].fragment,
       "with their fragments");
    ix = build(s, 198, 100);
    ok(ix->all_sync && ix->nraps == 192 && ix->raps[1].sample == 7 && ix->raps[191].sample == 197,
       "and without it only those that divide");
}

static void test_sound(void)
{
    jo_sample s[100];

    for (int i = 0; i < 100; i++)
        s[i] = (jo_sample){
            .dts = i * 1024, .offset = i * 10, .size = 10, .duration = 1024, .sync = true};
    s[99].duration = 500;
    jo_index *ix = build(s, 100, 0);
    ok(ix->all_sync && !ix->reordered && ix->raps == NULL, "sound needs no list of access points");
    is_int(ix->const_until, 99, "the last one is shorter");
    is_int(ix->end_dts, 99 * 1024 + 500, "its own duration counts");
    is_int(build(s, 0, 0)->count, 0, "a track without samples");
    ok(jo_index_range_bytes(build(s, 0, 0), 0, 5) == 0 && jo_index_find_dts(build(s, 0, 0), 3) == 0,
       "can be asked");
}

static void test_bad_times(void)
{
    jo_sample s[3] = {{.dts = 100, .size = 1, .duration = 10, .cts = 5},
                      {.dts = 90, .size = 1, .duration = 10, .cts = 25},
                      {.dts = 110, .size = 1, .duration = 10}};
    jo_index *ix = build(s, 3, 0);
    jo_cursor c;
    jo_sample got;

    jo_cursor_init(&c, ix, 1);
    jo_cursor_next(&c, &got);
    ok(got.dts == 100 && got.cts == 15, "a DTS that runs back is raised, the PTS stays");
    s[1].dts = 74;
    ok(!build(s, 3, 0) && cx.code == JO_EMEDIA, "more than a second is damage");
    s[1].dts = INT64_MAX;
    ok(!build(s, 3, 0) && cx.code == JO_EMEDIA, "so is the end of time");
    s[1].dts = INT64_MIN;
    ok(!build(s, 3, 0) && cx.code == JO_EMEDIA, "and its beginning");
    s[1].dts = (int64_t)UINT32_MAX + 101;
    ok(!build(s, 3, 0) && cx.code == JO_EMEDIA, "and a sample that lasts 2^32 ticks");
    s[1].dts = 105;
    s[1].offset = INT64_MAX;
    ok(!build(s, 3, 0) && cx.code == JO_EMEDIA, "and a place at the end of space");
}

static void test_limit(void)
{
    jo_limits few = jo_limits_default;
    jo_index_builder *b;
    jo_sample s = {.size = 1, .duration = 1};

    few.samples = 3;
    jo_ctx_init(&cx, pool);
    cx.limits = &few;
    b = jo_index_builder_make(&cx);
    for (int i = 0; i < 3; i++, s.dts++)
        jo_index_add(b, &cx, &s, 25);
    is_int(cx.code, APR_SUCCESS, "as many samples as allowed");
    is_int(jo_index_add(b, &cx, &s, 25), JO_EMEDIA, "but no more");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_hour();
    test_memory();
    test_odd_values();
    test_shapes();
    test_find_rap();
    test_rows();
    test_hash();
    test_raps();
    test_raps_that_go_back();
    test_late_mix();
    test_sound();
    test_bad_times();
    test_limit();
    apr_terminate();
    return tap_done();
}
