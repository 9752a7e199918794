#include "../../src/base/status.h"
#include "../../src/io/body.h"
#include "tap.h"

#include <apr_general.h>

#define SIZE (1 << 20)

static apr_pool_t *pool;
static jo_ctx cx;
static uint8_t *file; /* SIZE bytes */
static uint8_t *want; /* what the body should hold */
static size_t want_len;

/* A source that counts reads and their bytes. */
typedef struct counting {
    jo_source source;
    int reads;
    size_t bytes;
} counting;

static apr_status_t count_read(jo_ctx *c, jo_source *src, int64_t off, size_t len, void *buf)
{
    counting *s = (counting *)src;

    s->reads++;
    s->bytes += len;
    memcpy(buf, file + off, len);
    return APR_SUCCESS;
}

static apr_status_t count_scatter(jo_ctx *c, jo_source *src, int64_t off, struct iovec *v, int n)
{
    counting *s = (counting *)src;
    int reads = s->reads;

    for (int i = 0; i < n; i++) {
        count_read(c, src, off, v[i].iov_len, v[i].iov_base);
        off += (int64_t)v[i].iov_len;
    }
    s->reads = reads + 1;
    return APR_SUCCESS;
}

static const jo_source_ops count_ops = {
    .scheme = "count", .read = count_read, .scatter = count_scatter};

static void start(jo_body *b, counting *s)
{
    jo_ctx_init(&cx, pool);
    jo_body_init(b, pool);
    *s = (counting){.source = {.ops = &count_ops, .name = "counted", .id = {.size = SIZE}}};
    want_len = 0;
}

static void add_range(jo_body *b, counting *s, int64_t off, int64_t len)
{
    jo_body_add_range(b, &s->source, off, len);
    memcpy(want + want_len, file + off, (size_t)len);
    want_len += (size_t)len;
}

static void add_memory(jo_body *b, const char *text)
{
    jo_body_add_memory(b, text, strlen(text));
    memcpy(want + want_len, text, strlen(text));
    want_len += strlen(text);
}

static bool reads_right(const jo_body *b, size_t from, size_t len)
{
    char *buf = malloc(len ? len : 1); /* exact: an overrun is seen by AddressSanitizer */
    bool good = jo_body_read(&cx, b, (int64_t)from, len, buf) == APR_SUCCESS &&
                memcmp(buf, want + from, len) == 0;

    free(buf);
    return good;
}

static void test_building(void)
{
    counting s, other;
    jo_body b;

    start(&b, &other);
    start(&b, &s);
    jo_body_add_memory(&b, "x", 0);
    jo_body_add_range(&b, &s.source, 5, 0);
    is_int(b.count, 0, "empty parts are dropped");
    ok(reads_right(&b, 0, 0), "an empty body reads");
    add_memory(&b, "head");
    add_range(&b, &s, 100, 50);
    add_range(&b, &s, 150, 50);
    is_int(b.count, 2, "a range that continues the one before is merged");
    add_range(&b, &s, 210, 10);
    add_range(&b, &other, 220, 10);
    is_int(b.count, 4, "a gap or another source is not");
    is_int(b.length, 124, "length");
    for (int i = 0; i < 100; i++)
        add_memory(&b, "more");
    ok(b.count == 104 && reads_right(&b, 0, want_len), "many parts");
    jo_body_read(&cx, &b, 0, want_len + 1, want);
    is_int(cx.code, JO_EBUG, "more than there is");
}

static void test_every_cut(void)
{
    counting s;
    jo_body b;
    bool good = true;

    start(&b, &s);
    add_memory(&b, "abc");
    add_range(&b, &s, 10, 4);
    add_range(&b, &s, 20, 1);
    add_range(&b, &s, 23, 5);
    add_range(&b, &s, 2, 3); /* backwards */
    add_range(&b, &s, 3, 4); /* overlapping */
    add_memory(&b, "de");
    add_range(&b, &s, 500000, 3);
    for (size_t from = 0; from <= want_len; from++)
        for (size_t len = 0; len <= want_len - from; len++)
            good = good && reads_right(&b, from, len);
    ok(good, "every piece of a mixed body is right");
}

static void test_joining(void)
{
    counting s;
    jo_body b;

    start(&b, &s);
    for (int i = 0; i < 100; i++) /* interleaved audio and video */
        add_range(&b, &s, i * 2000, 1000);
    ok(reads_right(&b, 0, want_len), "100 ranges with gaps");
    ok(s.reads < 12, "are fetched by few reads (%d)", s.reads);
    ok(s.bytes < 2 * want_len, "that waste less than they bring (%zu)", s.bytes);

    start(&b, &s);
    add_range(&b, &s, 0, 300000);
    add_range(&b, &s, 300000 + 65536, 10);
    add_range(&b, &s, 300000 + 65546 + 65537, 10);
    add_range(&b, &s, 600000, 300000);
    ok(reads_right(&b, 0, want_len), "far ranges");
    is_int(s.reads, 3, "a gap of 64 KiB is read over, a longer one is not");

    start(&b, &s);
    add_range(&b, &s, 0, 100);
    add_range(&b, &s, 200, 50);
    ok(reads_right(&b, 0, 150), "a span that does not fit the buffer");
    ok(s.reads == 2 && s.bytes == 150, "is read range by range");
    start(&b, &s);
    jo_body_add_range(&b, &s.source, SIZE - 10, 20);
    jo_body_read(&cx, &b, 0, 20, want);
    is_int(cx.code, JO_EMEDIA, "a range beyond the source's end");
}

/* Every third byte of the file, backwards from byte 3000, a range each. */
typedef struct thirds {
    jo_producer producer;
    jo_source *source;
    int64_t most; /* bytes asked for at once */
    int off;      /* how wrong it is */
} thirds;

static apr_status_t add_thirds(jo_ctx *c, const jo_producer *self, int64_t from, int64_t len,
                               jo_body *out)
{
    thirds *t = (thirds *)self;

    t->most = len > t->most ? len : t->most;
    if (from < 0 || len <= 0 || from + len > 1000)
        return jo_fail(c, JO_EBUG, "asked for what was not promised");
    for (int64_t i = from; i < from + len + t->off; i++)
        jo_body_add_range(out, t->source, 3000 - 3 * i, 1);
    return APR_SUCCESS;
}

static void add_produced(jo_body *b, thirds *t)
{
    jo_body_add_produced(b, &t->producer, 1000);
    for (int i = 0; i < 1000; i++)
        want[want_len++] = file[3000 - 3 * i];
}

static void test_produced(void)
{
    counting s;
    jo_body b, part;
    bool good = true;

    start(&b, &s);
    thirds t = {.producer = {add_thirds}, .source = &s.source};
    jo_body_add_produced(&b, &t.producer, 0);
    is_int(b.count, 0, "an empty produced part is dropped");
    add_memory(&b, "head");
    add_produced(&b, &t);
    ok(b.produced && b.count == 2 && b.length == 1004, "a produced part has a length");
    add_range(&b, &s, 7, 5);
    add_produced(&b, &t);
    ok(t.most == 0, "and is asked for nothing before it is read");
    for (size_t from = 0; from <= want_len; from += 13)
        for (size_t len = 0; len <= want_len - from; len += 17)
            good = good && reads_right(&b, from, len);
    ok(good, "every piece is right");

    jo_body_init(&part, pool);
    t.most = 0;
    jo_body_slice(&cx, &b, 2, 20, &part);
    ok(!part.produced && part.length == 20 && t.most == 18, "a slice is plain, of what is needed");
    ok(jo_body_read(&cx, &part, 0, 20, file) == APR_SUCCESS && !memcmp(file, want + 2, 20),
       "and right");
    jo_body_slice(&cx, &b, 2010, 10, &part);
    is_int(cx.code, JO_EBUG, "none beyond the end");
    start(&b, &s);
    t.off = 1;
    add_produced(&b, &t);
    jo_body_read(&cx, &b, 0, 10, want);
    is_int(cx.code, JO_EBUG, "a producer that gives other than it was asked for");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    file = malloc(SIZE);
    want = malloc(SIZE * 2);
    for (size_t i = 0; i < SIZE; i++)
        file[i] = (uint8_t)(i * 2654435761U >> 13);
    test_building();
    test_every_cut();
    test_joining();
    test_produced();
    free(file);
    free(want);
    apr_terminate();
    return tap_done();
}
