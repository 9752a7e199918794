#include "role.h"

#include <string.h>

static const char *purpose_of(const jo_track *t, const char *role)
{
    const char *hearing = t->kind == JO_TEXT ? "caption" : "enhanced-audio-intelligibility";

    return !strcmp(role, "description") ? "1" : !strcmp(role, hearing) ? "2" : NULL;
}

static bool has_value(const jo_role *list, int n, const char *scheme, const char *value)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(list[i].scheme, scheme) && !strcmp(list[i].value, value)) {
            return true;
        }
    }
    return false;
}

bool jo_role_has(const jo_track *t, const char *role)
{
    const jo_labels *l = &t->labels;
    const char *purpose = purpose_of(t, role);

    return (l->forced && !strcmp(role, "forced-subtitle")) ||
           has_value(l->roles, l->nroles, JO_ROLE_SCHEME, role) ||
           has_value(l->accessibility, l->naccessibility, JO_ROLE_SCHEME, role) ||
           (purpose && has_value(l->accessibility, l->naccessibility, JO_PURPOSE_SCHEME, purpose));
}

const char *jo_role_purpose(const jo_track *t)
{
    if (t->kind != JO_TEXT && jo_role_has(t, "description")) {
        return "1";
    }
    return jo_role_has(t, t->kind == JO_TEXT ? "caption" : "enhanced-audio-intelligibility") ? "2"
                                                                                             : NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool same_roles(const jo_role *a, int na, const jo_role *b, int nb)
{
    bool same = na == nb;

    for (int i = 0; i < na && same; i++) {
        same = !strcmp(a[i].scheme, b[i].scheme) && !strcmp(a[i].value, b[i].value);
    }
    return same;
}

bool jo_role_same(const jo_track *a, const jo_track *b)
{
    const jo_labels *x = &a->labels, *y = &b->labels;

    return x->forced == y->forced && same_text(x->label, y->label) &&
           same_text(x->characteristics, y->characteristics) &&
           same_roles(x->roles, x->nroles, y->roles, y->nroles) &&
           same_roles(x->accessibility, x->naccessibility, y->accessibility, y->naccessibility);
}
