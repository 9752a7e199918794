/* End to end: "URL\0DESCRIPTOR\0FILE" is a request for kite.ism/URL and what it is made from. Then everything that the
 * title's playlists list is fetched: it must be there, with the length that was promised. Then all of it again for an exact
 * clip (by the URL's query, if it has one) with every setting on; and HLS in TS, by renditions, multiplexed, and clipped. */
#include "../../src/origin.h"
#include "fuzz.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

unsigned long fuzz_successes;

#define MOST_FETCHED 200        /* of one playlist */
#define MOST_READ    (16 << 20) /* of one body */

static const jo_limits limits = {.descriptor_size = 1 << 16,
                                 .xml_depth = 16,
                                 .moov_size = 1 << 20,
                                 .samples = 20000,
                                 .tracks = 8,
                                 .boxes = 500,
                                 .segments = 400,
                                 .segment_size = 1 << 20,
                                 .events_size = 1 << 16};
static const jo_settings settings[] = {{.keep_sample_entry = false},
                                       {.keep_sample_entry = true,
                                        .cmaf_urls = true,
                                        .url_version = true,
                                        .exact_clips = true,
                                        .manifest_filter = true,
                                        .progressive = true,
                                        .query_options = ~0U},
                                       {.hls_container = JO_CONTAINER_TS,
                                        .hevc_in_ts = true,
                                        .exact_clips = true,
                                        .query_options = JO_OPTION_HLS_VERSION}};

typedef struct server {
    const jo_opener *files;
    const jo_settings *settings;
} server;

typedef struct answer {
    apr_status_t code;
    char *text; /* body, ended by a NUL */
} answer;

/* What the server would answer; the text lives in pool. */
static answer fetch(apr_pool_t *pool, const server *on, const char *url)
{
    size_t n = strcspn(url, "?");
    jo_request rq = {.path = "/t/kite.ism",
                     .vpath = apr_pstrmemdup(pool, url, n),
                     .args = url[n] ? url + n + 1 : NULL,
                     .settings = on->settings,
                     .want_next = true};
    jo_reply rp = {.status = 0};
    answer a = {.text = apr_pcalloc(pool, 1)};
    jo_ctx cx;

    jo_ctx_init(&cx, pool);
    cx.limits = &limits;
    cx.opener = on->files;
    a.code = jo_origin_serve(&cx, &rq, &rp);
    FUZZ_CHECK(a.code != JO_EBUG && (a.code == APR_SUCCESS) == (cx.code == APR_SUCCESS));
    if (a.code != APR_SUCCESS) {
        FUZZ_CHECK(cx.message != NULL && *cx.message);
        return a;
    }
    FUZZ_CHECK(rp.status == 200 && rp.body.length > 0 && rp.content_type != NULL);
    int64_t sum = 0;
    for (int i = 0; i < rp.body.count; i++)
        sum += rp.body.parts[i].length;
    FUZZ_CHECK(sum == rp.body.length);
    FUZZ_CHECK(rp.location == NULL || *rp.location);
    int64_t most = sum < MOST_READ ? sum : MOST_READ; /* whole files may be any size */
    FUZZ_CHECK(most == sum || rp.body.produced);
    a.text = apr_pcalloc(pool, (size_t)most + 1);
    apr_status_t tail = jo_body_read(&cx, &rp.body, sum - most, (size_t)most, a.text);
    FUZZ_CHECK(tail == APR_SUCCESS &&
               jo_body_read(&cx, &rp.body, 0, (size_t)most, a.text) == APR_SUCCESS);
    return a;
}

static int unhex(char c)
{
    return c <= '9' ? c - '0' : (c & 7) + 9;
}

static char *decoded(apr_pool_t *pool, const char *s)
{
    char *out = apr_pstrdup(pool, s), *to = out;

    for (; *s; s++) {
        bool coded = *s == '%' && s[1] && s[2];
        *to++ = coded ? (char)(unhex(s[1]) << 4 | unhex(s[2])) : *s;
        s += coded ? 2 : 0;
    }
    *to = '\0';
    return out;
}

/* The URI of a playlist's line; NULL if it has none. */
static const char *uri_of(apr_pool_t *pool, const char *line)
{
    const char *uri = strstr(line, "URI=\"");

    if (*line != '#')
        return *line ? decoded(pool, line) : NULL;
    return uri ? decoded(pool, apr_pstrmemdup(pool, uri + 5, strcspn(uri + 5, "\""))) : NULL;
}

/* Below the title: what a playlist at `from` refers to. */
static const char *resolve(apr_pool_t *pool, const char *from, const char *uri)
{
    size_t n = strcspn(from, "?");

    while (n > 0 && from[n - 1] != '/')
        n--;
    for (; n > 0 && !strncmp(uri, "../", 3); uri += 3)
        for (n--; n > 0 && from[n - 1] != '/'; n--)
            ;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, from, n), uri, NULL);
}

static void follow(apr_pool_t *pool, const server *on, const char *from, char *playlist, int depth)
{
    char *state, *line = apr_strtok(playlist, "\n", &state);
    const char *gap = NULL;
    apr_pool_t *sub;

    apr_pool_create(&sub, pool);
    for (int n = 0; line != NULL && n < MOST_FETCHED; line = apr_strtok(NULL, "\n", &state)) {
        const char *uri = uri_of(pool, line);
        gap = !strcmp(line, "#EXT-X-GAP") ? line : gap;
        if (uri == NULL)
            continue;
        apr_pool_clear(sub);
        uri = resolve(sub, from, uri);
        answer a = fetch(sub, on, uri);
        FUZZ_CHECK(a.code == APR_SUCCESS || gap != NULL || a.code == JO_EMEDIA);
        if (a.code == APR_SUCCESS && depth > 0 && !strncmp(a.text, "#EXTM3U", 7))
            follow(sub, on, uri, a.text, depth - 1);
        gap = NULL;
        n++;
    }
    apr_pool_destroy(sub);
}

static void walk_hls(apr_pool_t *pool, const server *on, const char *query)
{
    answer hls = fetch(pool, on, apr_pstrcat(pool, ".m3u8", query, NULL));
    if (hls.code == APR_SUCCESS) {
        follow(pool, on, "", hls.text, 1);
        fuzz_successes++;
    }
}

static void walk(apr_pool_t *pool, const server *on, const char *query)
{
    static const char *const manifests[] = {".mpd", "Manifest", "kite.mp4"};

    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++)
        fetch(pool, on, apr_pstrcat(pool, manifests[i], query, NULL));
    walk_hls(pool, on, query);
}

static void run(apr_pool_t *pool, const char *url, const char *ism, size_t ism_len,
                const uint8_t *file, size_t file_len)
{
    jo_opener *mem = jo_source_mem_opener(pool);
    server on = {mem, &settings[0]};
    const char *query = strchr(url, '?');

    jo_source_mem_add(mem, "/t/kite.ism", ism, ism_len);
    jo_source_mem_add(mem, "/t/a.mp4", file, file_len);
    fetch(pool, &on, url);
    walk(pool, &on, "");
    on.settings = &settings[1];
    fetch(pool, &on, url);
    walk(pool, &on, query ? query : "?t=0.3-1.1");
    on.settings = &settings[2];
    fetch(pool, &on, url);
    walk_hls(pool, &on, "");
    walk_hls(pool, &on, "?hls_client_manifest_version=3");
    walk_hls(pool, &on, "?hls_client_manifest_version=1&t=0.3-1.1");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *ism = memchr(data, 0, len);
    const uint8_t *file = ism ? memchr(ism + 1, 0, len - (size_t)(ism + 1 - data)) : NULL;
    apr_pool_t *pool;

    if (file == NULL || len > 1 << 18)
        return 0;
    ism++;
    file++;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    size_t file_len = len - (size_t)(file - data);
    uint8_t *exact = malloc(file_len ? file_len : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, file, file_len);
    run(pool, (const char *)data, (const char *)ism, (size_t)(file - 1 - ism), exact, file_len);
    free(exact);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
