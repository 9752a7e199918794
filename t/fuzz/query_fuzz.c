/* A raw query, as the resources of each kind read it; and the same bytes as a filter, a manifest filter and a time. What
 * is accepted has a canonical form, and that is its own. */
#include "../../src/base/status.h"
#include "../../src/plan/select.h"
#include "../../src/plan/url.h"
#include "fuzz.h"

#include <apr_general.h>
#include <string.h>

unsigned long fuzz_successes;

static const jo_settings settings = {.manifest_filter = true, .query_options = ~0U};

/* What all manifests together, an HLS media playlist and a segment read. */
static const unsigned kinds[] = {JO_TAKES_TRACKS | JO_TAKES_ORDER | JO_TAKES_CLIP |
                                     JO_TAKES_OPTIONS | JO_TAKES_CONTAINER | JO_TAKES_VARIANTS,
                                 JO_TAKES_CLIP | JO_TAKES_CONTAINER, 0};

/* An error is the client's, and says something short enough to send. */
static void check_error(const jo_ctx *cx)
{
    FUZZ_CHECK(cx->code == JO_EREQUEST && cx->message && strlen(cx->message) < 2048);
}

/* Canonical form of a filter, or NULL. */
static const char *write_filter(apr_pool_t *pool, const char *text)
{
    const jo_filter *f;
    jo_text out;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    if (jo_filter_parse(&cx, text, &f) != APR_SUCCESS) {
        check_error(&cx);
        return NULL;
    }
    jo_text_init(&out, pool, 64);
    jo_filter_write(f, &out);
    return out.s;
}

static const char *write_manifest_filter(apr_pool_t *pool, const char *text)
{
    const jo_manifest_filter *f;
    jo_text out;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    if (jo_manifest_filter_parse(&cx, text, &f) != APR_SUCCESS) {
        check_error(&cx);
        return NULL;
    }
    jo_text_init(&out, pool, 64);
    jo_manifest_filter_write(f, &out);
    return out.s;
}

static bool check_own_form(apr_pool_t *pool, const char *text,
                           const char *(*write)(apr_pool_t *pool, const char *text))
{
    const char *once = write(pool, text), *twice = once ? write(pool, once) : NULL;

    FUZZ_CHECK(!once || (twice && !strcmp(once, twice)));
    return once != NULL;
}

static bool check_clip(apr_pool_t *pool, const char *text)
{
    jo_clip clip, again;
    jo_text out;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    if (jo_clip_parse(&cx, NULL, NULL, text, &clip) != APR_SUCCESS) {
        check_error(&cx);
        return false;
    }
    FUZZ_CHECK(clip.begin >= 0 && clip.begin < clip.end);
    jo_text_init(&out, pool, 64);
    jo_clip_write_time(clip.begin, &out);
    FUZZ_CHECK(jo_clip_parse(&cx, out.s, NULL, NULL, &again) == APR_SUCCESS &&
               again.begin == clip.begin);
    return true;
}

static bool check_query(apr_pool_t *pool, const char *args, unsigned takes)
{
    const char *once, *twice;
    jo_select s;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    if (jo_select_parse(&cx, args, takes, &settings, &s) != APR_SUCCESS) {
        check_error(&cx);
        return false;
    }
    once = jo_select_query(pool, &s, takes);
    FUZZ_CHECK(!*once || *once == '?');
    FUZZ_CHECK(!once[strcspn(once, " \"<>#|\\^`{}\t\r\n")]);
    FUZZ_CHECK(jo_select_parse(&cx, *once ? once + 1 : NULL, takes, &settings, &s) == APR_SUCCESS);
    twice = jo_select_query(pool, &s, takes);
    FUZZ_CHECK(!strcmp(once, twice));
    return *once != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    apr_pool_t *pool;
    bool accepted = false;

    if (!text)
        abort();
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        accepted = check_query(pool, text, kinds[i]) || accepted;
    accepted = check_own_form(pool, text, write_filter) || accepted;
    accepted = check_own_form(pool, text, write_manifest_filter) || accepted;
    accepted = check_clip(pool, text) || accepted;
    fuzz_successes += accepted;
    apr_pool_destroy(pool);
    apr_terminate();
    free(text);
    return 0;
}
