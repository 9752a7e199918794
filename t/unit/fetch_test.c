/* Pieces of sources to where they are wanted (io/fetch.h), by few reads. */
#include "../../src/base/status.h"
#include "../../src/io/fetch.h"
#include "tap.h"

#include <apr_general.h>

#define SIZE (1 << 20)

static apr_pool_t *pool;
static jo_ctx cx;
static uint8_t *file; /* SIZE bytes */

typedef struct counting {
    jo_source source;
    int reads;
    bool broken;
} counting;

static apr_status_t count_scatter(jo_ctx *c, jo_source *src, int64_t off, struct iovec *v, int n)
{
    counting *s = (counting *)src;

    s->reads++;
    if (s->broken)
        return jo_fail(c, JO_EREMOTE, "%s is broken", src->name);
    for (int i = 0; i < n; i++) {
        memcpy(v[i].iov_base, file + off, v[i].iov_len);
        off += (int64_t)v[i].iov_len;
    }
    return APR_SUCCESS;
}

static apr_status_t count_read(jo_ctx *c, jo_source *src, int64_t off, size_t len, void *buf)
{
    struct iovec v = {buf, len};
    return count_scatter(c, src, off, &v, 1);
}

static const jo_source_ops ops = {.scheme = "count", .read = count_read, .scatter = count_scatter};

static counting make_source(const char *name)
{
    return (counting){.source = {.ops = &ops, .name = name, .id = {.size = SIZE}}};
}

typedef struct piece {
    int source;
    int64_t from;
    size_t len;
} piece;

/* Fetches them into memory of just their sizes; how many reads it took, -1 if some bytes are wrong. */
static int reads_of(counting *sources, const piece *pieces, int n)
{
    uint8_t **to = calloc((size_t)n, sizeof *to);
    bool good = true;
    jo_fetch f;

    jo_ctx_init(&cx, pool);
    sources[0].reads = sources[1].reads = 0;
    jo_fetch_init(&cx, &f);
    for (int i = 0; i < n; i++) {
        to[i] = malloc(pieces[i].len + 1);
        jo_fetch_add(&f, &sources[pieces[i].source].source, pieces[i].from, pieces[i].len, to[i]);
    }
    good = jo_fetch_done(&f) == APR_SUCCESS;
    for (int i = 0; i < n; i++) {
        good = good && !memcmp(to[i], file + pieces[i].from, pieces[i].len);
        free(to[i]);
    }
    free(to);
    return good ? sources[0].reads + sources[1].reads : -1;
}

#define READS(want, what, ...)                                                          \
    do {                                                                                \
        const piece list[] = {__VA_ARGS__};                                             \
        is_int(reads_of(sources, list, (int)(sizeof list / sizeof *list)), want, what); \
    } while (0)

static void test_reads(void)
{
    counting sources[2] = {make_source("a"), make_source("b")};
    piece many[1000];

    READS(1, "neighbours", {0, 0, 100}, {0, 100, 50}, {0, 150, 7});
    READS(1, "over a gap", {0, 0, 100}, {0, 5000, 100});
    READS(1, "over a gap of 64 KiB", {0, 10, 90}, {0, 100 + 65536, 100});
    READS(2, "a larger gap", {0, 10, 90}, {0, 101 + 65536, 100});
    READS(2, "backwards", {0, 1000, 100}, {0, 0, 100});
    READS(2, "over each other", {0, 1000, 100}, {0, 1050, 100});
    READS(3, "another source in between", {0, 0, 100}, {1, 100, 100}, {0, 100, 100});
    READS(1, "nothing is no piece", {0, 0, 100}, {1, 7, 0}, {0, 100, 100});
    for (int i = 0; i < 1000; i++)
        many[i] = (piece){0, i * 700, (size_t)(i % 600 + 1)};
    int reads = reads_of(sources, many, 1000);
    ok(reads >= 4 && reads <= 16, "a thousand pieces with gaps: %d reads", reads);
}

static void test_in_place(void)
{
    counting a = make_source("a");
    uint8_t *to = malloc(3000);
    jo_fetch f;

    jo_ctx_init(&cx, pool);
    jo_fetch_init(&cx, &f);
    for (int i = 0; i < 300; i++)
        jo_fetch_add(&f, &a.source, i * 10, 10, to + i * 10);
    ok(jo_fetch_done(&f) == APR_SUCCESS && !memcmp(to, file, 3000) && a.reads == 1,
       "what follows in file and memory is one piece");
    free(to);
}

static void test_errors(void)
{
    counting a = make_source("a");
    uint8_t to[200];
    jo_fetch f;

    a.broken = true;
    jo_ctx_init(&cx, pool);
    jo_fetch_init(&cx, &f);
    is_int(jo_fetch_add(&f, &a.source, 0, 100, to), APR_SUCCESS, "an error comes with the read");
    is_int(jo_fetch_add(&f, &a.source, 500000, 100, to + 100), JO_EREMOTE, "of the piece before");
    is_int(jo_fetch_done(&f), JO_EREMOTE, "and stays");
    is_int(a.reads, 1, "nothing is read after it");
    a.broken = false;
    jo_ctx_init(&cx, pool);
    jo_fetch_init(&cx, &f);
    jo_fetch_add(&f, &a.source, SIZE - 50, 100, to);
    ok(jo_fetch_done(&f) != APR_SUCCESS && cx.message != NULL, "past the end");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    file = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        file[i] = (uint8_t)(i * 2654435761u >> 13);
    test_reads();
    test_in_place();
    test_errors();
    free(file);
    apr_terminate();
    return tap_done();
}
