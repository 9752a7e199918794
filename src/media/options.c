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

/* A protocol version: RFC 8216bis 7. */
bool jo_hls_version_parse(const char *s, unsigned *out)
{
    unsigned v = 0;

    s += strspn(s, " \t\r\n");
    for (; *s >= '0' && *s <= '9' && v <= 99; s++)
        v = v * 10 + (unsigned)(*s - '0');
    if (v < 1 || v > 13 || s[strspn(s, " \t\r\n")])
        return false;
    *out = v;
    return true;
}

bool jo_flag_parse(const char *s, bool *out)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (jo_text_same(s, words[i])) {
            *out = i % 2;
            return true;
        }
    }
    return false;
}
