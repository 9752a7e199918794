#include "labels.h"

#include "../base/status.h"
#include "../base/text.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SPACE     " \t\r\n"
#define SEPARATOR ", \t\r\n"
#define MOST      64 /* roles of a track that are looked at */

/* 23009-1 5.8.5.5 */
static const char *const roles[] = {"main",       "alternate",   "supplementary",
                                    "commentary", "dub",         "emergency",
                                    "caption",    "subtitle",    "sign",
                                    "metadata",   "description", "enhanced-audio-intelligibility",
                                    "easyreader", "karaoke",     "forced-subtitle"};

/* What the kind boxes of other packagers say in the words of HTML. */
#define HTML_SCHEME "about:html-kind"
static const struct {
    const char *kind, *role;
} html_kinds[] = {{"main", "main"},
                  {"alternative", "alternate"},
                  {"translation", "dub"},
                  {"commentary", "commentary"},
                  {"captions", "caption"},
                  {"subtitles", "subtitle"},
                  {"description", "description"},
                  {"descriptions", "description"},
                  {"main-desc", "description"},
                  {"sign", "sign"},
                  {"metadata", "metadata"}};

/* TV-Anytime's classification schemes: who else a sound is for. */
#define TVA_SCHEME "urn:tva:metadata:cs:"

/* -- names and values ------------------------------------------------------------------------------------ */

/* The next character of a name that counts: lower case, neither '_' nor '-'. */
static int next_letter(const char **s)
{
    while (**s == '_' || **s == '-') {
        (*s)++;
    }
    return **s ? tolower((unsigned char)*(*s)++) : 0;
}

static bool same_name(const char *a, const char *b)
{
    int x, y;

    do {
        x = next_letter(&a);
        y = next_letter(&b);
    } while (x == y && x != 0);
    return x == y;
}

bool jo_labels_same_name(const char *param, const char *name)
{
    return same_name(param, name) ||
           (!strncasecmp(param, "track", 5) && same_name(param + 5, name));
}

static const jo_pair *find_param(const jo_ism_track *it, const char *name)
{
    for (int i = 0; it != NULL && i < it->nparams; i++) {
        const char *value = it->params[i].value;
        if (jo_labels_same_name(it->params[i].name, name) && value[strspn(value, SPACE)]) {
            return &it->params[i];
        }
    }
    return NULL;
}

const char *jo_labels_param(const jo_ism_track *it, const char *name)
{
    const jo_pair *p = find_param(it, name);
    return p ? p->value : NULL;
}

static const char *trimmed(apr_pool_t *pool, const char *s)
{
    s += strspn(s, SPACE);
    size_t n = strlen(s);
    while (n > 0 && strchr(SPACE, s[n - 1])) {
        n--;
    }
    return apr_pstrmemdup(pool, s, n);
}

/* Either of two names; NULL where neither is said. */
static const char *text_param(jo_ctx *cx, const jo_ism_track *it, const char *name,
                              const char *other)
{
    const char *v = jo_labels_param(it, name);

    v = v == NULL && other != NULL ? jo_labels_param(it, other) : v;
    return v ? trimmed(cx->pool, v) : NULL;
}

/* *out stays as it is where the param is missing. */
static apr_status_t flag_param(jo_ctx *cx, const jo_ism_track *it, const char *name, int *out)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"yes", 1}, {"true", 1}, {"1", 1}, {"no", 0}, {"false", 0}, {"0", 0}};
    const char *v = text_param(cx, it, name, NULL);

    if (v == NULL) {
        return APR_SUCCESS;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (jo_text_same(v, words[i].word)) {
            *out = words[i].value;
            return APR_SUCCESS;
        }
    }
    return jo_fail(cx, JO_EMEDIA, "line %u: %s \"%s\" is neither yes nor no", it->line, name, v);
}

static apr_status_t number_param(jo_ctx *cx, const jo_ism_track *it, const char *name, int64_t min,
                                 int64_t max, int64_t *out)
{
    const char *v = text_param(cx, it, name, NULL);
    char *end;

    if (v == NULL) {
        return APR_SUCCESS;
    }
    apr_int64_t n = apr_strtoi64(v, &end, 10); /* out of range: the nearest 64-bit number */
    if (*end || end == v || n < min || n > max) {
        return jo_fail(cx, JO_EMEDIA,
                       "line %u: %s \"%s\" is not a number from %" APR_INT64_T_FMT
                       " to %" APR_INT64_T_FMT,
                       it->line, name, v, min, max);
    }
    *out = n;
    return APR_SUCCESS;
}

/* -- roles ------------------------------------------------------------------------------------------------ */

static const char *find_role(const char *value)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        if (same_name(value, roles[i])) {
            return roles[i];
        }
    }
    return NULL;
}

static apr_status_t fail_role(jo_ctx *cx, const jo_ism_track *it, const char *param,
                              const char *value)
{
    jo_text list;

    jo_text_init(&list, cx->pool, 256);
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        jo_text_addf(&list, "%s%s", i ? ", " : "", roles[i]);
    }
    return jo_fail(cx, JO_EMEDIA, "line %u: %s \"%s\" is none of %s, nor a scheme@value", it->line,
                   param, value, list.s);
}

static void add_role(apr_array_header_t *list, const char *scheme, const char *value)
{
    for (int i = 0; i < list->nelts; i++) {
        const jo_role *r = &APR_ARRAY_IDX(list, i, jo_role);
        if (!strcmp(r->scheme, scheme) && !strcmp(r->value, value)) {
            return;
        }
    }
    if (list->nelts < MOST) {
        APR_ARRAY_PUSH(list, jo_role) = (jo_role){scheme, value};
    }
}

/* One word of a list: a value of the role scheme, or scheme@value. Other schemes are about who a track is for. */
static apr_status_t parse_role(jo_ctx *cx, const jo_ism_track *it, const char *param,
                               const char *word, apr_array_header_t *own,
                               apr_array_header_t *accessibility)
{
    const char *at = strrchr(word, '@'), *value = at ? at + 1 : word;
    const char *scheme =
        at ? apr_pstrmemdup(cx->pool, word, (apr_size_t)(at - word)) : JO_ROLE_SCHEME;

    if (*scheme && *value && strcmp(scheme, JO_ROLE_SCHEME)) {
        add_role(accessibility, scheme, value);
        return APR_SUCCESS;
    }
    const char *role = *scheme ? find_role(value) : NULL;
    if (role == NULL) {
        return fail_role(cx, it, param, word);
    }
    add_role(own, JO_ROLE_SCHEME, role);
    return APR_SUCCESS;
}

static apr_status_t parse_roles(jo_ctx *cx, const jo_ism_track *it, const char *param,
                                apr_array_header_t *own, apr_array_header_t *accessibility)
{
    const char *v = jo_labels_param(it, param);
    char *state, *word;

    if (v == NULL) {
        return APR_SUCCESS;
    }
    for (word = apr_strtok(apr_pstrdup(cx->pool, v), SEPARATOR, &state); word != NULL;
         word = apr_strtok(NULL, SEPARATOR, &state)) {
        if (parse_role(cx, it, param, word, own, accessibility) != APR_SUCCESS) {
            return cx->code;
        }
    }
    return APR_SUCCESS;
}

static void set_roles(jo_labels *l, const apr_array_header_t *own,
                      const apr_array_header_t *accessibility)
{
    l->roles = (const jo_role *)own->elts;
    l->nroles = own->nelts;
    l->accessibility = (const jo_role *)accessibility->elts;
    l->naccessibility = accessibility->nelts;
    for (int i = 0; i < l->nroles; i++) {
        l->forced |= !strcmp(l->roles[i].value, "forced-subtitle");
    }
}

/* What the file says, as far as it is about roles: as it stands, for the file is not the operator's mistake. */
static void read_kinds(jo_ctx *cx, const jo_track *t, jo_labels *l)
{
    apr_array_header_t *own = apr_array_make(cx->pool, 2, sizeof(jo_role));
    apr_array_header_t *accessibility = apr_array_make(cx->pool, 2, sizeof(jo_role));

    for (int i = 0; i < t->nkinds; i++) {
        const jo_role *k = &t->kinds[i];
        if (!strcmp(k->scheme, JO_ROLE_SCHEME) && find_role(k->value)) {
            add_role(own, JO_ROLE_SCHEME, find_role(k->value));
        } else if (!strncmp(k->scheme, TVA_SCHEME, sizeof(TVA_SCHEME) - 1)) {
            add_role(accessibility, k->scheme, k->value);
        }
        for (size_t h = 0; h < sizeof(html_kinds) / sizeof(*html_kinds); h++) {
            if (!strcmp(k->scheme, HTML_SCHEME) && !strcmp(k->value, html_kinds[h].kind)) {
                add_role(own, JO_ROLE_SCHEME, html_kinds[h].role);
            }
        }
    }
    set_roles(l, own, accessibility);
}

/* -- all ------------------------------------------------------------------------------------------------------ */

apr_status_t jo_labels_parse(jo_ctx *cx, const jo_ism_track *it, jo_labels *out)
{
    apr_array_header_t *own = apr_array_make(cx->pool, 2, sizeof(jo_role));
    apr_array_header_t *accessibility = apr_array_make(cx->pool, 2, sizeof(jo_role));
    apr_array_header_t *access_own = apr_array_make(cx->pool, 2, sizeof(jo_role));
    int forced = 0;
    int64_t priority = 0, order = 0;

    *out = (jo_labels){.is_default = -1};
    if (parse_roles(cx, it, "role", own, accessibility) != APR_SUCCESS ||
        parse_roles(cx, it, "kind", own, accessibility) != APR_SUCCESS ||
        parse_roles(cx, it, "accessibility", access_own, accessibility) != APR_SUCCESS ||
        flag_param(cx, it, "default", &out->is_default) != APR_SUCCESS ||
        flag_param(cx, it, "forced", &forced) != APR_SUCCESS ||
        number_param(cx, it, "priority", 1, UINT32_MAX, &priority) != APR_SUCCESS ||
        number_param(cx, it, "order", INT32_MIN, INT32_MAX, &order) != APR_SUCCESS) {
        return cx->code;
    }
    for (int i = 0; i < access_own->nelts; i++) {
        add_role(accessibility, JO_ROLE_SCHEME, APR_ARRAY_IDX(access_own, i, jo_role).value);
    }
    out->forced = forced;
    out->priority = (uint32_t)priority;
    out->order = (int32_t)order;
    out->label = text_param(cx, it, "description", "label");
    out->characteristics = text_param(cx, it, "characteristics", NULL);
    out->variant_set = text_param(cx, it, "variant_set", NULL);
    set_roles(out, own, accessibility);
    return APR_SUCCESS;
}

apr_status_t jo_labels_read(jo_ctx *cx, const jo_ism_track *it, jo_track *t)
{
    if (jo_labels_parse(cx, it, &t->labels) != APR_SUCCESS) {
        return cx->code;
    }
    if (t->labels.nroles == 0 && t->labels.naccessibility == 0) {
        bool forced = t->labels.forced;
        read_kinds(cx, t, &t->labels);
        t->labels.forced |= forced;
    }
    return APR_SUCCESS;
}
