#include "url_write.h"

#include "../base/text.h"

#include <string.h>

/* A token is <name>=<bit rate>: the part before or behind its last '='. */
static bool add_half(jo_text *out, const char *token, bool name)
{
    const char *equals = token ? strrchr(token, '=') : NULL;

    if (equals && name)
        jo_text_add_n(out, token, (size_t)(equals - token));
    else if (equals)
        jo_text_add(out, equals + 1);
    return equals != NULL;
}

static bool add_variable(jo_text *out, char variable, const jo_url_parts *parts)
{
    switch (variable) {
    case 'B':
    case '*':
        jo_text_add(out, parts->base);
        return true;
    case 'T':
        jo_text_add(out, parts->token ? parts->token : "");
        return parts->token != NULL;
    case 'A':
        jo_text_add(out, parts->sound ? parts->sound : "");
        return parts->sound != NULL;
    case 'S':
    case 'Q':
        return add_half(out, parts->token, variable == 'S');
    case 'N':
    case 'I':
        jo_text_add_int(out, parts->number);
        return parts->number >= (variable == 'N');
    default:
        return false;
    }
}

const char *jo_url_make_path(apr_pool_t *pool, const char *pattern, const jo_url_parts *parts)
{
    jo_text out;

    jo_text_init(&out, pool, 64);
    for (const char *p = pattern; *p; p++) {
        if (*p != '$')
            jo_text_add_n(&out, p, 1);
        else if (!add_variable(&out, *++p, parts))
            return NULL;
    }
    return out.s;
}
