#include "cli.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../input/load.h"
#include "descriptor.h"
#include "files.h"

static int save(jo_ctx *cx, const char *path, const jo_text *t)
{
    jo_file_out out;

    if (jo_file_create(cx, path, &out) == APR_SUCCESS)
        jo_file_add(cx, &out, t->s, t->len);
    return jo_file_close(cx, &out) == APR_SUCCESS ? 0 : jo_cli_fail(cx);
}

/* A forgotten name, as in `ism -o *.mp4`, would cost a film. */
static bool is_source(apr_pool_t *pool, const char *path, const jo_args *args)
{
    for (int i = 0; i < args->nfiles; i++)
        if (jo_file_same(pool, path, args->files[i]))
            return true;
    return false;
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    const char *name = args->option['o'];
    jo_presentation *p;
    const char *path;
    jo_text t;
    jo_ctx cx;

    if (name && is_source(pool, name, args))
        return jo_cli_usage(self, "%s is one of the media files", name);
    path = jo_cli_absolute(pool, name ? name : "x.ism");
    jo_cli_ctx(&cx, pool);
    if (jo_load(&cx, path, jo_descriptor_ask(pool, args->nfiles, args->files), "", 0, 0, &p) !=
        APR_SUCCESS)
        return jo_cli_fail(&cx);
    jo_text_init(&t, pool, 4096);
    jo_ism_write(jo_descriptor_make(pool, path, p), &t);
    if (!name)
        return jo_cli_write(t.s, t.len) ? 0 : JO_EXIT_FAILED;
    return save(&cx, name, &t);
}

static const apr_getopt_option_t options[] = {
    {"output", 'o', 1, "file to write; standard output if not given"}, JO_OPTION_HELP, {0}};

const jo_command jo_cmd_ism = {
    .name = "ism",
    .args = "FILE...",
    .what = "write a descriptor of the tracks in media files",
    .more = "Sources are named as seen from the descriptor; bit rates, languages, names and roles "
            "are the files'.",
    .options = options,
    .least = 1,
    .most = 1000,
    .run = run,
};
