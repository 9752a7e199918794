#include "cli.h"

#include "../base/crypto.h"
#include "../base/status.h"
#include "../base/text.h"
#include "package.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define MARK ".jitorigin" /* in a folder that we wrote: which title it is of */

/* ---- one title, loaded once */

typedef struct holder {
    jo_title_store store;
    const jo_title *title;
} holder;

static apr_status_t held(const jo_title_store *self, jo_ctx *cx, const char *path, unsigned how,
                         const jo_title **out)
{
    *out = ((const holder *)(const void *)self)->title;
    return APR_SUCCESS;
}

/* Nothing to forget: a source that changes while it is packaged ends the command. */
static void keep(const jo_title_store *self, jo_ctx *cx, const jo_title *title)
{
}

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    stop = number;
}

apr_status_t jo_package_add(jo_ctx *cx, jo_package *p, const jo_listed *item, jo_file_out *out)
{
    jo_request rq = {.path = p->title->path,
                     .direct = p->title->how & JO_TITLE_DIRECT,
                     .vpath = item->path,
                     .settings = &p->settings};
    holder h = {{held, keep}, p->title};
    jo_reply rp = {0};

    if (*p->stop)
        return jo_fail(cx, JO_EBUSY, "stopped by signal %d", (int)*p->stop);
    cx->titles = &h.store;
    if (jo_origin_serve(cx, &rq, &rp) != APR_SUCCESS)
        return jo_fail_in(cx, item->path);
    return jo_file_add_body(cx, out, &rp.body);
}

/* ---- a folder that mirrors the server */

/* One resource as one file; its errors are kept in p->cx. */
static apr_status_t write_item(jo_package *p, const jo_listed *item)
{
    jo_ctx one = *p->cx;
    jo_file_out out = {0};

    apr_pool_create(&one.pool, p->cx->pool);
    if (jo_file_open(&one, apr_pstrcat(one.pool, p->folder, "/", item->path, NULL), &out) ==
        APR_SUCCESS)
        jo_package_add(&one, p, item, &out);
    jo_file_close(&one, &out);
    if (one.code != APR_SUCCESS)
        jo_fail(p->cx, one.code, "%s", one.message);
    else
        jo_progress_step(&p->progress, item->bytes, out.length);
    apr_pool_destroy(one.pool);
    return p->cx->code;
}

/* What MARK holds: which title, without saying where it lies. */
static const char *mark_text(const jo_package *p)
{
    uint8_t digest[JO_SHA256_SIZE];
    jo_sha256 *h = jo_sha256_make(p->cx->pool);

    jo_sha256_add_str(h, p->title->path);
    jo_sha256_finish(h, digest);
    return apr_psprintf(p->cx->pool, "title %s\n", jo_hex(p->cx->pool, digest, sizeof digest));
}

static bool is_marked(const jo_package *p, const char *path)
{
    const char *want = mark_text(p);
    char have[128] = "";
    apr_size_t n = sizeof have - 1;
    apr_file_t *f;

    if (apr_file_open(&f, path, APR_FOPEN_READ, 0, p->cx->pool) != APR_SUCCESS)
        return false;
    apr_file_read(f, have, &n);
    apr_file_close(f);
    return strcmp(have, want) == 0;
}

static apr_status_t claim_folder(jo_package *p)
{
    const char *path = apr_pstrcat(p->cx->pool, p->folder, "/" MARK, NULL);
    const char *text = mark_text(p);
    jo_file_out out = {0};

    if (!p->force && jo_file_folder_used(p->cx->pool, p->folder) && !is_marked(p, path))
        return jo_fail(p->cx, JO_EFORBIDDEN,
                       "%s: holds files of something else; --force overwrites them", p->folder);
    if (jo_file_open(p->cx, path, &out) == APR_SUCCESS)
        jo_file_add(p->cx, &out, text, strlen(text));
    return jo_file_close(p->cx, &out);
}

static apr_status_t write_mirror(jo_package *p, unsigned wanted)
{
    const char *slash = strrchr(p->title->path, '/');
    int64_t expected = 0;
    jo_listed *items;
    int n;

    p->folder = apr_pstrcat(p->cx->pool, p->folder, slash ? slash : "/title", NULL);
    if (jo_file_same(p->cx->pool, p->folder, p->title->path))
        return jo_fail(p->cx, JO_EFORBIDDEN,
                       "%s: is the title itself; name another folder by --output", p->folder);
    if (jo_title_list(p->cx, p->title, wanted, &p->settings, &items, &n) != APR_SUCCESS)
        return p->cx->code;
    if (n == 0)
        return jo_fail(p->cx, JO_EMEDIA, "%s: nothing in it can be packaged in this format",
                       slash ? slash + 1 : p->title->path);
    if (claim_folder(p) != APR_SUCCESS)
        return p->cx->code;
    for (int i = 0; i < n; i++)
        expected += items[i].bytes;
    jo_progress_start(&p->progress, p->quiet, expected, n);
    for (int i = 0; i < n && write_item(p, &items[i]) == APR_SUCCESS; i++)
        ;
    jo_progress_end(&p->progress);
    return p->cx->code;
}

/* ---- the command */

/* HLS has the same names for playlists of both containers: one of them. */
static const struct {
    const char *word;
    unsigned bit;
    jo_container container;
} formats[] = {{"hls", JO_HLS, JO_CONTAINER_FMP4},
               {"hls-ts", JO_HLS, JO_CONTAINER_TS},
               {"dash", JO_DASH, JO_CONTAINER_FMP4},
               {"smooth", JO_SMOOTH, JO_CONTAINER_FMP4}};
enum { FORMATS = sizeof formats / sizeof *formats };

static int find_format(const char *word)
{
    for (int i = 0; i < FORMATS; i++)
        if (jo_text_same(word, formats[i].word))
            return i;
    return -1;
}

/* "hls,dash" → bits and settings; 0 after a message for a word that is no format. */
static unsigned parse_formats(apr_pool_t *pool, const jo_command *self, const char *list,
                              jo_settings *settings)
{
    unsigned all = 0, words = 0;
    char *state;

    for (char *word = apr_strtok(apr_pstrdup(pool, list), ",", &state); word;
         word = apr_strtok(NULL, ",", &state)) {
        int i = find_format(word);
        if (i < 0) {
            jo_cli_usage(self, "no format \"%s\"", word);
            return 0;
        }
        if (all & formats[i].bit && !(words & 1U << i)) {
            jo_cli_usage(self, "hls and hls-ts exclude each other");
            return 0;
        }
        if (formats[i].bit == JO_HLS)
            settings->hls_container = formats[i].container;
        all |= formats[i].bit;
        words |= 1U << i;
    }
    if (all == 0)
        jo_cli_usage(self, "no format given");
    return all;
}

static void report(const jo_package *p)
{
    double s = (double)(apr_time_now() - p->progress.started) / APR_USEC_PER_SEC;

    if (!p->quiet)
        printf("%s: %d files, %s in %.2f s\n", p->folder, p->progress.files,
               jo_progress_bytes(p->cx->pool, p->progress.written), s);
}

static int package(jo_package *p, const jo_args *args, unsigned wanted)
{
    const char *path = jo_cli_absolute(p->cx->pool, args->files[0]);
    jo_title *title;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of the write */
#endif
    p->stop = &stop;
    if (jo_title_make(p->cx, path, jo_title_how(!jo_cli_is_descriptor(path), &p->settings),
                      &title) != APR_SUCCESS)
        return jo_cli_fail(p->cx);
    p->title = title;
    if ((args->option[JO_OPT_CMAF] ? jo_masters_write(p) : write_mirror(p, wanted)) != APR_SUCCESS)
        return jo_cli_fail(p->cx);
    report(p);
    return 0;
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    const char *folder = args->option['o'], *list = args->option['f'];
    unsigned wanted = JO_HLS | JO_DASH | JO_SMOOTH;
    jo_ctx cx;
    jo_package p = {.cx = &cx,
                    .folder = jo_cli_absolute(pool, folder ? folder : "."),
                    .force = args->option[JO_OPT_FORCE],
                    .quiet = args->option['q']};

    if (list && args->option[JO_OPT_CMAF])
        return jo_cli_usage(self, "--format and --cmaf exclude each other");
    if (list && (wanted = parse_formats(pool, self, list, &p.settings)) == 0)
        return JO_EXIT_USAGE;
    jo_cli_ctx(&cx, pool);
    return package(&p, args, wanted);
}

static const apr_getopt_option_t options[] = {
    {"output", 'o', 1, "folder to write into; this one if not given"},
    {"format", 'f', 1,
     "which of hls, hls-ts, dash, smooth, separated by commas; all but hls-ts if not given"},
    {"cmaf", JO_OPT_CMAF, 0, "write one CMAF file for each track and a descriptor of them instead"},
    {"force", JO_OPT_FORCE, 0, "overwrite files of another title"},
    {"quiet", 'q', 0, "no progress and no summary"},
    JO_OPTION_HELP,
    {0}};

const jo_command jo_cmd_package = {
    .name = "package",
    .args = "X.ism|FILE",
    .what = "write a title's playlists, manifests and segments to a folder",
    .more = "DIR/X.ism/ then holds what a server would answer below X.ism, byte for byte, under "
            "the names\n"
            "X.m3u8, X.mpd and Manifest; any web server can serve it. Manifests are written last.",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
