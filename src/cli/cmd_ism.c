#include "cli.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../input/load.h"
#include "descriptor.h"

#include <errno.h>
#include <stdio.h>

static int save(const char *path, const jo_text *t)
{
    FILE *f = fopen(path, "w");
    bool good = f && fwrite(t->s, 1, t->len, f) == t->len;

    if (f && fclose(f) != 0)
        good = false;
    if (good)
        return 0;
    fprintf(stderr, "jitorigin: %s: %s\n", path, strerror(errno));
    return JO_EXIT_FAILED;
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    const char *name = args->option['o'];
    jo_presentation *p;
    const char *path;
    jo_text t;
    jo_ctx cx;

    path = jo_cli_absolute(pool, name ? name : "x.ism");
    jo_cli_ctx(&cx, pool);
    if (jo_load(&cx, path, jo_descriptor_ask(pool, args->nfiles, args->files), "", 0, 0, &p) !=
        APR_SUCCESS)
        return jo_cli_fail(&cx);
    jo_text_init(&t, pool, 4096);
    jo_ism_write(jo_descriptor_make(pool, path, p), &t);
    if (!name)
        return jo_cli_write(t.s, t.len) ? 0 : JO_EXIT_FAILED;
    return save(name, &t);
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
