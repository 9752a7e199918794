/* micro RUNS TITLE PATH...: what the core takes without a server, in nanoseconds: the least and the median of RUNS.
 * TITLE is a .ism or .mp4 file, PATH what follows it in a URL. "bytes" is what is read and put together of a body where it
 * is not sent by the kernel. */
#include "../../src/base/status.h"
#include "../../src/io/source.h"
#include "../../src/media/index.h"
#include "../../src/origin.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_RUNS = 101, LEAST_NS = 2000000 };

static int runs;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double *ns, const char *unit)
{
    qsort(ns, (size_t)runs, sizeof *ns, by_size);
    printf("  %-58s %12.1f %12.1f  %s\n", what, ns[0], ns[runs / 2], unit);
}

static void die(const jo_ctx *cx)
{
    fprintf(stderr, "micro: %s\n", cx->message ? cx->message : "failed");
    exit(1);
}

/* The title of the bench, for every request. */
typedef struct one_title {
    jo_title_store store;
    const jo_title *title;
} one_title;

static apr_status_t get_title(const jo_title_store *self, jo_ctx *cx, const char *path,
                              unsigned how, const jo_title **out)
{
    (void)cx, (void)path, (void)how;
    *out = ((const one_title *)self)->title;
    return APR_SUCCESS;
}

static void drop_title(const jo_title_store *self, jo_ctx *cx, const jo_title *title)
{
    (void)self, (void)cx, (void)title;
}

static const jo_opener *opener;

static void begin(jo_ctx *cx, apr_pool_t *pool)
{
    jo_ctx_init(cx, pool);
    cx->opener = opener;
}

static bool is_direct(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".mp4") == 0;
}

static const jo_title *load(apr_pool_t *parent, const char *path)
{
    double ns[MAX_RUNS];
    jo_title *title = NULL;
    jo_ctx cx;

    for (int i = 0; i < runs; i++) {
        apr_pool_t *pool;
        apr_pool_create(&pool, parent);
        begin(&cx, pool);
        double from = now();
        if (jo_title_make(&cx, path, is_direct(path), &title) != APR_SUCCESS)
            die(&cx);
        ns[i] = now() - from;
        if (i < runs - 1)
            apr_pool_destroy(pool);
    }
    print("load", ns, "ns");
    return title;
}

static void build(apr_pool_t *parent, const jo_track *t, const jo_sample *samples)
{
    double ns[MAX_RUNS];

    for (int i = 0; i < runs; i++) {
        apr_pool_t *pool;
        jo_index *built;
        jo_ctx cx;
        apr_pool_create(&pool, parent);
        begin(&cx, pool);
        double from = now();
        jo_index_builder *b = jo_index_builder_make(&cx);
        for (uint32_t n = 0; n < t->index->count; n++)
            if (jo_index_add(b, &cx, &samples[n], t->timescale) != APR_SUCCESS)
                die(&cx);
        if (jo_index_finish(b, &cx, &built) != APR_SUCCESS)
            die(&cx);
        ns[i] = (now() - from) / t->index->count;
        apr_pool_destroy(pool);
    }
    print(apr_psprintf(parent, "index of %s", t->token), ns, "ns a sample");
}

static void index_of(apr_pool_t *pool, const jo_track *t)
{
    const jo_index *ix = t->index;
    jo_sample *samples = apr_palloc(pool, ix->count * sizeof *samples);
    double hours = (double)(ix->end_dts - ix->first_dts) / t->timescale / 3600;
    jo_cursor c;

    jo_cursor_init(&c, ix, 0);
    for (uint32_t n = 0; n < ix->count; n++)
        jo_cursor_next(&c, &samples[n]);
    build(pool, t, samples);
    printf("  %-58s %12.1f %12s  KB an hour\n", apr_psprintf(pool, "index of %s", t->token),
           (double)jo_index_memory(ix) / 1024 / hours, "");
}

static void plan(apr_pool_t *parent, const jo_title *title)
{
    double ns[MAX_RUNS];

    for (int i = 0; i < runs; i++) {
        apr_pool_t *pool;
        jo_plan *made;
        jo_ctx cx;
        apr_pool_create(&pool, parent);
        begin(&cx, pool);
        double from = now();
        if (jo_plan_make(&cx, &title->presentation->periods[0], (jo_fraction){4, 1}, &made) !=
            APR_SUCCESS)
            die(&cx);
        ns[i] = now() - from;
        apr_pool_destroy(pool);
    }
    print("plan, 4 s", ns, "ns");
}

/* One request; its body too if buf is given. */
static int64_t answer(apr_pool_t *pool, const jo_title_store *store, const jo_title *title,
                      const char *vpath, bool bytes)
{
    static const jo_settings settings;
    jo_request rq = {.path = title->path,
                     .direct = title->how & JO_TITLE_DIRECT,
                     .vpath = vpath,
                     .settings = &settings};
    jo_reply rp = {0};
    jo_ctx cx;

    begin(&cx, pool);
    cx.titles = store;
    if (jo_origin_serve(&cx, &rq, &rp) != APR_SUCCESS)
        die(&cx);
    if (bytes) {
        char *buf = malloc((size_t)rp.body.length);
        if (jo_body_read(&cx, &rp.body, 0, (size_t)rp.body.length, buf) != APR_SUCCESS)
            die(&cx);
        free(buf);
    }
    return rp.body.length;
}

static void serve(apr_pool_t *parent, const jo_title *title, const char *vpath, bool bytes)
{
    one_title store = {{get_title, drop_title}, title};
    double ns[MAX_RUNS];
    int64_t length = 0;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    for (int i = 0; i < runs; i++) {
        int count = 0;
        double from = now(), took;
        do {
            length = answer(pool, &store.store, title, vpath, bytes);
            apr_pool_clear(pool);
            count++;
        } while ((took = now() - from) < LEAST_NS);
        ns[i] = took / count;
    }
    print(apr_psprintf(parent, "%s%s, %" APR_INT64_T_FMT " bytes", vpath, bytes ? " bytes" : "",
                       length),
          ns, "ns");
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    char *path;

    runs = argc > 2 ? atoi(argv[1]) : 0;
    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: micro RUNS TITLE PATH...   (at most %d runs)\n", MAX_RUNS);
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    opener = jo_source_file_opener(pool, NULL, 0, false);
    printf("%-60s %12s %12s\n", strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2],
           "least", "median");
    if (apr_filepath_merge(&path, NULL, argv[2], 0, pool) != APR_SUCCESS)
        path = argv[2];
    const jo_title *title = load(pool, path);
    for (int i = 0; i < title->presentation->periods[0].ntracks; i++)
        index_of(pool, title->presentation->periods[0].tracks[i]);
    plan(pool, title);
    for (int i = 3; i < argc; i++) {
        serve(pool, title, argv[i], false);
        if (strstr(argv[i], "Fragments(") || strstr(argv[i], ".m4s"))
            serve(pool, title, argv[i], true);
    }
    apr_terminate();
    return 0;
}
