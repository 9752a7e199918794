#include "../../src/base/status.h"
#include "../../src/input/labels.h"
#include "tap.h"

#include <apr_general.h>
#include <stdarg.h>

static apr_pool_t *pool;
static jo_ctx cx;

/* A track with these params, pairs of name and value, NULL at the end. */
static jo_ism_track track(const char *name, ...)
{
    static jo_pair pairs[8];
    jo_ism_track it = {.line = 7, .params = pairs};
    va_list args;

    va_start(args, name);
    for (; name != NULL; name = va_arg(args, const char *)) {
        pairs[it.nparams++] = (jo_pair){name, va_arg(args, const char *)};
    }
    va_end(args);
    return it;
}

static bool parse(const jo_ism_track *it, jo_labels *l)
{
    jo_ctx_init(&cx, pool);
    return jo_labels_parse(&cx, it, l) == APR_SUCCESS;
}

/* "scheme@value" of each, the role scheme left out, with spaces between. */
static const char *text(const jo_role *roles, int n)
{
    static char s[512];

    s[0] = '\0';
    for (int i = 0; i < n; i++) {
        const char *scheme = strcmp(roles[i].scheme, JO_ROLE_SCHEME) ? roles[i].scheme : "";
        snprintf(s + strlen(s), sizeof(s) - strlen(s), "%s%s%s%s", i ? " " : "", scheme,
                 *scheme ? "@" : "", roles[i].value);
    }
    return s;
}

static void test_values(void)
{
    jo_ism_track it = track("track_role", "main, Alternate  dub", "trackDescription", " Director ",
                            "default", "YES", "forced", "0", "track_priority", "9", "order", "-2",
                            "Characteristics", "public.a,public.b", NULL);
    jo_labels l;

    if (!ok(parse(&it, &l), "all of them")) {
        return;
    }
    is_str(text(l.roles, l.nroles), "main alternate dub", "a list of roles");
    is_int(l.naccessibility, 0, "none of another scheme");
    is_str(l.label, "Director", "the label without the white space around it");
    is_int(l.is_default, 1, "default");
    ok(!l.forced, "not forced");
    is_int(l.priority, 9, "priority");
    is_int(l.order, -2, "order");
    is_str(l.characteristics, "public.a,public.b", "characteristics");
    is_str(l.variant_set, NULL, "no variant set");
}

static void test_names(void)
{
    jo_ism_track it = track("ROLE", "", "trackRole", " ", "track-role", "sign", "label", "x",
                            "track", "main", NULL);
    jo_labels l;

    ok(parse(&it, &l), "names without regard to case, '_' and '-'");
    is_str(text(l.roles, l.nroles), "sign", "an empty value counts as none");
    is_str(l.label, "x", "label");
    it = track(NULL);
    ok(parse(&it, &l), "no param");
    is_int(l.is_default, -1, "default is not said");
    is_int(l.nroles + l.naccessibility + l.order + (int)l.priority + l.forced, 0, "nothing is");
    it = track("track_language", "pt-BR", NULL);
    is_str(jo_labels_param(&it, "language"), "pt-BR", "the value of any param");
    is_str(jo_labels_param(NULL, "language"), NULL, "none of no track");
}

static void test_schemes(void)
{
    jo_ism_track it =
        track("track_kind",
              "urn:mpeg:dash:role:2011@description urn:tva:metadata:cs:AudioPurposeCS:2007@1",
              "accessibility", "description x:y@z", "role", "forced_subtitle", NULL);
    jo_labels l;

    ok(parse(&it, &l), "scheme@value");
    is_str(text(l.roles, l.nroles), "forced-subtitle description", "of the role scheme: roles");
    is_str(text(l.accessibility, l.naccessibility),
           "urn:tva:metadata:cs:AudioPurposeCS:2007@1 x:y@z description",
           "of other schemes, and what accessibility says: accessibility");
    ok(l.forced, "the role forced-subtitle is forced");
    it = track("role", "main,main main", NULL);
    ok(parse(&it, &l) && l.nroles == 1, "a role counts once");
}

static void refused(const char *name, const char *value, const char *says)
{
    jo_ism_track it = track(name, value, NULL);
    jo_labels l;

    ok(!parse(&it, &l) && cx.code == JO_EMEDIA && strstr(cx.message, says) != NULL,
       "refused: %s %s", name, value);
}

static void test_refused(void)
{
    refused("role", "mian", "line 7: role \"mian\" is none of main, alternate, ");
    refused("track_role", "main,boss", "\"boss\"");
    refused("kind", "urn:mpeg:dash:role:2011@x", "\"urn:mpeg:dash:role:2011@x\"");
    refused("accessibility", "@main", "\"@main\"");
    refused("role", "x@", "\"x@\"");
    refused("default", "maybe", "line 7: default \"maybe\" is neither yes nor no");
    refused("forced", "2", "neither yes nor no");
    refused("priority", "0", "is not a number from 1 to 4294967295");
    refused("priority", "4294967296", "is not a number");
    refused("order", "x", "is not a number from -2147483648");
    refused("order", "99999999999999999999", "is not a number");
}

static void test_kinds(void)
{
    const jo_role kinds[] = {{JO_ROLE_SCHEME, "commentary"},
                             {JO_ROLE_SCHEME, "of their own"},
                             {"about:html-kind", "main-desc"},
                             {"urn:tva:metadata:cs:AudioPurposeCS:2007", "1"},
                             {"urn:dashif:ingest:switchingset_id", "1"}};
    jo_track t = {.kinds = kinds, .nkinds = 5};
    jo_ism_track it = track("role", "dub", NULL);

    jo_ctx_init(&cx, pool);
    ok(jo_labels_read(&cx, NULL, &t) == APR_SUCCESS, "kind boxes");
    is_str(text(t.labels.roles, t.labels.nroles), "commentary description", "roles");
    is_str(text(t.labels.accessibility, t.labels.naccessibility),
           "urn:tva:metadata:cs:AudioPurposeCS:2007@1", "accessibility");
    ok(jo_labels_read(&cx, &it, &t) == APR_SUCCESS, "kind boxes and a param");
    is_str(text(t.labels.roles, t.labels.nroles), "dub", "the param wins");
    it = track("forced", "yes", NULL);
    ok(jo_labels_read(&cx, &it, &t) == APR_SUCCESS && t.labels.forced && t.labels.nroles == 2,
       "forced beside the boxes' roles");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_values();
    test_names();
    test_schemes();
    test_refused();
    test_kinds();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
