#include "options.h"

#include "../base/text.h"

#include <string.h>

static const char *const templates[] = {[JO_TEMPLATE_TIME] = "time",
                                        [JO_TEMPLATE_NUMBER] = "number",
                                        [JO_TEMPLATE_NUMBER_TIMELINE] = "number_timeline"};

bool jo_template_parse(const char *s, jo_template *out)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        if (jo_text_same(s, templates[i])) {
            *out = (jo_template)i;
            return true;
        }
    }
    return false;
}

const char *jo_template_word(jo_template t)
{
    return templates[t];
}

/* 20, 21, 22 for Smooth manifests 2.0 to 2.2. */
bool jo_iss_version_parse(const char *s, unsigned *out)
{
    s += strspn(s, " \t\r\n");
    if (s[0] != '2' || s[1] < '0' || s[1] > '2' || s[2 + strspn(s + 2, " \t\r\n")])
        return false;
    *out = 20 + (unsigned)(s[1] - '0');
    return true;
}
