#include "descriptor.h"

#include "../base/text.h"
#include "cli.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

const jo_ism *jo_descriptor_ask(apr_pool_t *pool, int nfiles, const char *const *files)
{
    static const jo_ism_type types[] = {JO_ISM_VIDEO, JO_ISM_AUDIO, JO_ISM_TEXT};
    jo_ism *ism = apr_pcalloc(pool, sizeof *ism);

    ism->ntracks = 3 * nfiles;
    ism->tracks = apr_pcalloc(pool, (size_t)ism->ntracks * sizeof *ism->tracks);
    for (int i = 0; i < ism->ntracks; i++) {
        ism->tracks[i].type = types[i / nfiles];
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

static void add_param(apr_array_header_t *params, const char *name, const char *value)
{
    if (value && *value)
        APR_ARRAY_PUSH(params, jo_pair) = (jo_pair){name, value};
}

/* Values of the role scheme by themselves, others as scheme@value. */
static const char *roles_text(apr_pool_t *pool, const jo_role *roles, int n)
{
    jo_text out;

    jo_text_init(&out, pool, 0);
    for (int i = 0; i < n; i++) {
        bool own = strcmp(roles[i].scheme, JO_ROLE_SCHEME) == 0;
        jo_text_addf(&out, "%s%s%s%s", i ? " " : "", own ? "" : roles[i].scheme, own ? "" : "@",
                     roles[i].value);
    }
    return out.s;
}

static const char *number_text(apr_pool_t *pool, int64_t v)
{
    return v ? apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)v) : NULL;
}

static void describe_labels(apr_pool_t *pool, const jo_labels *l, jo_ism_track *it)
{
    apr_array_header_t *a = apr_array_make(pool, 4, sizeof(jo_pair));

    add_param(a, "role", roles_text(pool, l->roles, l->nroles));
    add_param(a, "accessibility", roles_text(pool, l->accessibility, l->naccessibility));
    add_param(a, "description", l->label);
    add_param(a, "characteristics", l->characteristics);
    add_param(a, "variant_set", l->variant_set);
    add_param(a, "default", l->is_default < 0 ? NULL : l->is_default ? "yes" : "no");
    add_param(a, "forced", l->forced ? "yes" : NULL);
    add_param(a, "priority", number_text(pool, l->priority));
    add_param(a, "order", number_text(pool, l->order));
    it->params = (jo_pair *)a->elts;
    it->nparams = a->nelts;
}

const jo_ism *jo_descriptor_make(apr_pool_t *pool, const char *path, const jo_presentation *p)
{
    static const jo_ism_type types[JO_KINDS] = {
        [JO_VIDEO] = JO_ISM_VIDEO, [JO_AUDIO] = JO_ISM_AUDIO, [JO_TEXT] = JO_ISM_TEXT};
    const jo_period *period = &p->periods[0];
    jo_ism *ism = apr_pcalloc(pool, sizeof *ism);

    ism->ntracks = period->ntracks;
    ism->tracks = apr_pcalloc(pool, (size_t)ism->ntracks * sizeof *ism->tracks);
    for (int i = 0; i < ism->ntracks; i++) {
        const jo_track *t = period->tracks[i];
        ism->tracks[i] = (jo_ism_track){
            .type = types[t->kind],
            .src = relative(pool, path, p->sources[t->span.source].path),
            .bitrate = t->bitrate,
            .lang = *t->language ? t->lang : NULL,
            .name = t->name,
            .track_id = t->id,
        };
        describe_labels(pool, &t->labels, &ism->tracks[i]);
    }
    return ism;
}
