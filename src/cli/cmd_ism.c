#include "cli.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../input/load.h"

#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Asks the loader for every video and audio track of the files. */
static const jo_ism *ask(apr_pool_t *pool, int nfiles, const char *const *files)
{
    jo_ism *ism = apr_pcalloc(pool, sizeof *ism);

    ism->ntracks = 2 * nfiles;
    ism->tracks = apr_pcalloc(pool, (size_t)ism->ntracks * sizeof *ism->tracks);
    for (int i = 0; i < ism->ntracks; i++) {
        ism->tracks[i].type = i < nfiles ? JO_ISM_VIDEO : JO_ISM_AUDIO;
        ism->tracks[i].src = jo_cli_absolute(pool, files[i % nfiles]);
    }
    return ism;
}

/* Absolute path `to` as seen from the folder of the absolute path `from`. */
static const char *relative(apr_pool_t *pool, const char *from, const char *to)
{
    size_t common = 0;
    jo_text t;

    for (size_t i = 0; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    jo_text_init(&t, pool, 0);
    for (const char *s = from + common; *s; s++)
        if (*s == '/')
            jo_text_add(&t, "../");
    jo_text_add(&t, to + common);
    return t.s;
}

/* What the loader found, as a descriptor that says all of it. */
static const jo_ism *describe(apr_pool_t *pool, const char *path, const jo_presentation *p)
{
    const jo_period *period = &p->periods[0];
    jo_ism *ism = apr_pcalloc(pool, sizeof *ism);

    ism->ntracks = period->ntracks;
    ism->tracks = apr_pcalloc(pool, (size_t)ism->ntracks * sizeof *ism->tracks);
    for (int i = 0; i < ism->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        ism->tracks[i] = (jo_ism_track){
            .type = t->kind == JO_VIDEO ? JO_ISM_VIDEO : JO_ISM_AUDIO,
            .src = relative(pool, path, p->sources[t->span.source].path),
            .bitrate = t->bitrate,
            .lang = *t->language ? t->lang : NULL,
            .name = t->name,
            .track_id = t->id,
        };
    }
    return ism;
}

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

int jo_cmd_ism(apr_pool_t *pool, const jo_command *self, int argc, const char *const *argv)
{
    jo_presentation *p;
    const char *path;
    jo_text t;
    jo_ctx cx;

    if (argc < 4 || strcmp(argv[1], "-o") != 0)
        return jo_cli_usage(self);
    path = jo_cli_absolute(pool, argv[2]);
    jo_cli_ctx(&cx, pool);
    if (jo_load(&cx, path, ask(pool, argc - 3, argv + 3), "", 0, 0, &p) != APR_SUCCESS)
        return jo_cli_fail(&cx);
    jo_text_init(&t, pool, 4096);
    jo_ism_write(describe(pool, path, p), &t);
    return save(argv[2], &t);
}
