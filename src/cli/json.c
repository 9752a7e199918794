#include "json.h"

#include <string.h>

/* Length of the UTF-8 character at s, 0 if there is none (RFC 3629 4). */
static size_t utf8(const unsigned char *s)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
    uint32_t c = n == 1 ? *s : *s & (0x7fU >> n);

    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return n && (n == 1 || c >= least[n]) && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

static void add_string(jo_text *out, const char *s)
{
    jo_text_add(out, "\"");
    while (*s) {
        size_t n = utf8((const unsigned char *)s);
        if (*s == '"' || *s == '\\')
            jo_text_addf(out, "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            jo_text_addf(out, "\\u%04x", (unsigned)*s);
        else if (n == 0)
            jo_text_add(out, "\xef\xbf\xbd");
        else
            jo_text_add_n(out, s, n);
        s += n ? n : 1;
    }
    jo_text_add(out, "\"");
}

static void begin(jo_json *j, const char *key)
{
    if (j->more)
        jo_text_add(j->out, ",");
    if (j->depth > 0)
        jo_text_addf(j->out, "\n%*s", 2 * j->depth, "");
    j->more = true;
    if (key) {
        add_string(j->out, key);
        jo_text_add(j->out, ": ");
    }
}

void jo_json_open(jo_json *j, const char *key, char bracket)
{
    begin(j, key);
    jo_text_add_n(j->out, &bracket, 1);
    j->depth++;
    j->more = false;
}

void jo_json_close(jo_json *j, char bracket)
{
    j->depth--;
    if (j->more)
        jo_text_addf(j->out, "\n%*s", 2 * j->depth, "");
    jo_text_add_n(j->out, &bracket, 1);
    j->more = true;
    if (j->depth == 0)
        jo_text_add(j->out, "\n");
}

void jo_json_text(jo_json *j, const char *key, const char *value)
{
    if (value) {
        begin(j, key);
        add_string(j->out, value);
    }
}

void jo_json_int(jo_json *j, const char *key, int64_t value)
{
    begin(j, key);
    jo_text_add_int(j->out, value);
}

void jo_json_bool(jo_json *j, const char *key, bool value)
{
    begin(j, key);
    jo_text_add(j->out, value ? "true" : "false");
}

void jo_json_ratio(jo_json *j, const char *key, int64_t num, int64_t den)
{
    begin(j, key);
    if (den == 0) {
        jo_text_add(j->out, "null");
        return;
    }
    if (num < 0)
        jo_text_add(j->out, "-");
    jo_text_add_decimal(j->out, num < 0 ? -num : num, den, 6);
}
