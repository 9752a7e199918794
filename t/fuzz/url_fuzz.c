/* A request: the first line is a decoded path, the second a raw query. Split, matched against the routes of
 * all packagers, and tokenized. */
#include "../../src/base/status.h"
#include "../../src/output/packager.h"
#include "../../src/plan/url.h"
#include "fuzz.h"

#include <apr_general.h>
#include <string.h>

unsigned long fuzz_successes;

static const char *const tokens[] = {"video=1000", "video=100", "video=1000-1", "audio_eng=64000",
                                     "textstream_zh-Hans=1000"};

enum { NTOKENS = sizeof tokens / sizeof *tokens };

/* The bytes up to end or a newline as a string of its own block. Moves *at behind the newline. */
static char *take_line(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    size_t n = (size_t)((newline ? newline : end) - *at);
    char *s = malloc(n + 1);

    if (!s)
        abort();
    memcpy(s, *at, n);
    s[n] = '\0';
    *at += n + (newline != NULL);
    return s;
}

static bool check_routes(const char *vpath, const char *base)
{
    bool matched = false;

    for (int i = 0; i < JO_PACKAGERS; i++) {
        for (int j = 0; j < jo_packagers[i]->nroutes; j++) {
            const char *pattern = jo_packagers[i]->routes[j].pattern;
            jo_url_match m;
            bool good = jo_url_match_path(pattern, vpath, base, tokens, NTOKENS, &m);
            FUZZ_CHECK(m.track >= -1 && m.track < NTOKENS && m.number >= -1);
            FUZZ_CHECK((m.track >= 0) ==
                       (good && (strstr(pattern, "$T") || strstr(pattern, "$S"))));
            matched = matched || good;
        }
    }
    return matched;
}

static bool check_path(apr_pool_t *pool, const char *path, bool direct)
{
    jo_url_split s;

    if (!jo_url_split_path(pool, path, direct, &s))
        return false;
    FUZZ_CHECK(s.descriptor_len <= strlen(path) && *s.base && !strchr(s.base, '/'));
    FUZZ_CHECK(s.vpath ? s.vpath == path + s.descriptor_len + 1 : path[s.descriptor_len] == '\0');
    FUZZ_CHECK(!s.direct || direct);
    return s.vpath && check_routes(s.vpath, s.base);
}

static bool check_query(apr_pool_t *pool, const char *args)
{
    jo_query_param *params;
    int n = 0;
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    if (jo_query_parse(&cx, args, &params, &n) != APR_SUCCESS) {
        FUZZ_CHECK(cx.code == JO_EREQUEST && cx.message);
        return false;
    }
    FUZZ_CHECK(n <= 32);
    for (int i = 0; i < n; i++)
        FUZZ_CHECK(strlen(params[i].name) + strlen(params[i].value ? params[i].value : "") <=
                   strlen(args));
    return n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *at = data;
    char *path = take_line(&at, data + len), *args = take_line(&at, data + len);
    apr_pool_t *pool;
    bool matched, queried;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    matched = check_path(pool, path, true);
    check_path(pool, path, false);
    queried = check_query(pool, args);
    fuzz_successes += matched && queried;
    apr_pool_destroy(pool);
    apr_terminate();
    free(path);
    free(args);
    return 0;
}
