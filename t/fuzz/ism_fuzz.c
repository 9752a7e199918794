/* A descriptor: parsed, and if good written and parsed again with the same result. */
#include "../../src/base/status.h"
#include "../../src/base/text.h"
#include "../../src/input/ism.h"
#include "../../src/io/source.h"
#include "fuzz.h"

#include <apr_general.h>
#include <string.h>

unsigned long fuzz_successes;

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_length(jo_fraction a, jo_fraction b)
{
    return a.num == b.num && a.den == b.den;
}

static void check_track(const jo_ism_track *a, const jo_ism_track *b)
{
    FUZZ_CHECK(a->src && *a->src && a->line > 0);
    FUZZ_CHECK(!a->name || !strchr(a->name, '/'));
    FUZZ_CHECK(a->type == b->type && same(a->src, b->src) && same(a->lang, b->lang) &&
               same(a->name, b->name) && a->bitrate == b->bitrate && a->track_id == b->track_id);
}

static void check_written(apr_pool_t *pool, const jo_ism *ism)
{
    const jo_ism *again;
    jo_text t;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    jo_text_init(&t, pool, 0);
    jo_ism_write(ism, &t);
    FUZZ_CHECK(jo_ism_parse(&cx, t.s, t.len, &again) == APR_SUCCESS);
    FUZZ_CHECK(ism->ntracks == again->ntracks && ism->nmetas == again->nmetas);
    FUZZ_CHECK(same_length(ism->options.hls_length, again->options.hls_length));
    FUZZ_CHECK(same_length(ism->options.mpd_length, again->options.mpd_length));
    FUZZ_CHECK(ism->options.mpd_template == again->options.mpd_template);
    for (int i = 0; i < ism->ntracks; i++)
        check_track(&ism->tracks[i], &again->tracks[i]);
}

/* No src may name anything but an absolute path without "..". */
static void check_sources(apr_pool_t *pool, const jo_ism *ism)
{
    for (int i = 0; i < ism->ntracks; i++) {
        const char *path;
        jo_ctx cx;
        jo_ctx_init(&cx, pool);
        if (jo_source_resolve(&cx, "/vod/kite.ism", ism->tracks[i].src, &path) == APR_SUCCESS)
            FUZZ_CHECK(path[0] == '/' && !strstr(path, "/../") && !strstr(path, "//"));
        else
            FUZZ_CHECK(cx.code == JO_EMEDIA || cx.code == JO_EFORBIDDEN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const jo_ism *ism;
    apr_pool_t *pool;
    jo_ctx cx;

    if (len > 65536)
        return 0;
    apr_initialize(); /* counted by APR: only the first does anything */
    apr_pool_create(&pool, NULL);
    jo_ctx_init(&cx, pool);
    if (jo_ism_parse(&cx, data, len, &ism) == APR_SUCCESS) {
        check_written(pool, ism);
        check_sources(pool, ism);
        fuzz_successes++;
    } else {
        FUZZ_CHECK(cx.code == JO_EMEDIA && cx.message && *cx.message);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
