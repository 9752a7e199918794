#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void jo_text_init(jo_text *t, apr_pool_t *pool, size_t expected)
{
    *t = (jo_text){.pool = pool, .cap = expected < 64 ? 64 : expected};
    t->s = apr_palloc(pool, t->cap);
    t->s[0] = '\0';
}

void jo_text_reserve(jo_text *t, size_t n)
{
    if (n >= t->cap - t->len) {
        size_t cap = t->cap * 2 > t->len + n + 1 ? t->cap * 2 : t->len + n + 1;
        char *s = apr_palloc(t->pool, cap);
        memcpy(s, t->s, t->len + 1);
        t->s = s;
        t->cap = cap;
    }
}

void jo_text_addf(jo_text *t, const char *fmt, ...)
{
    va_list args, again;
    size_t room = t->cap - t->len;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(t->s + t->len, room, fmt, args);
    if (n > 0 && (size_t)n >= room) {
        jo_text_reserve(t, (size_t)n);
        vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
    }
    if (n > 0)
        t->len += (size_t)n;
    t->s[t->len] = '\0';
    va_end(again);
    va_end(args);
}

char *jo_text_vformat(apr_pool_t *pool, const char *fmt, va_list args)
{
    va_list again;
    int n;
    char *s;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    s = apr_pcalloc(pool, n < 0 ? 1 : (size_t)n + 1);
    if (n > 0)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

/* Decimal digits of v, at the end of a buffer of 20. */
static char *digits_of(char *end, uint64_t v)
{
    do {
        *--end = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return end;
}

void jo_text_add_int(jo_text *t, int64_t v)
{
    char buf[21];
    char *s = digits_of(buf + sizeof buf, v < 0 ? -(uint64_t)v : (uint64_t)v);

    if (v < 0)
        *--s = '-';
    jo_text_add_n(t, s, (size_t)(buf + sizeof buf - s));
}

void jo_text_add_attribute(jo_text *t, const char *name, int64_t v)
{
    jo_text_add_n(t, " ", 1);
    jo_text_add(t, name);
    jo_text_add_n(t, "=\"", 2);
    jo_text_add_int(t, v);
    jo_text_add_n(t, "\"", 1);
}

/* Length of the UTF-8 sequence at s if it is a character that XML 1.0 allows, else 0. */
static size_t xml_char(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
    uint32_t c;

    if (n <= 1)
        return s[0] >= 0x20 || s[0] == '\t' || s[0] == '\n' || s[0] == '\r' ? n : 0;
    c = s[0] & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
        return 0;
    return n;
}

static const char *xml_escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t': /* else an attribute's white space would come back as plain spaces */
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Adds the characters at the front of s that go into XML and into URLs as they are; returns what follows them. */
static const char *add_plain(jo_text *t, const char *s)
{
    size_t n = 0;

    while (is_alnum(s[n]) || (s[n] && strchr("-._~=(),+", s[n])))
        n++;
    jo_text_add_n(t, s, n);
    return s + n;
}

void jo_text_add_xml(jo_text *t, const char *s)
{
    while (*(s = add_plain(t, s))) {
        size_t n = xml_char((const unsigned char *)s);
        const char *escape = n == 1 ? xml_escape(*s) : NULL;
        if (escape)
            jo_text_add(t, escape);
        else
            jo_text_add_n(t, s, n);
        s += n ? n : 1;
    }
}

void jo_text_add_uri(jo_text *t, const char *s)
{
    while (*(s = add_plain(t, s)))
        jo_text_addf(t, "%%%02X", (unsigned char)*s++);
}

/* Bytes of the control character that s starts with, of ASCII or (C2 80 to C2 9F) of Latin-1; 0 if it is another one. */
static size_t control_char(const char *s)
{
    unsigned char a = (unsigned char)s[0], b = a == 0xc2 ? (unsigned char)s[1] : 0;

    return a < 0x20 || a == 0x7f ? 1 : b >= 0x80 && b < 0xa0 ? 2 : 0;
}

void jo_text_add_quoted(jo_text *t, const char *s)
{
    while (*s) {
        size_t control = control_char(s);
        jo_text_add_n(t, control ? " " : *s == '"' ? "'" : s, 1);
        s += control ? control : 1;
    }
}

void jo_text_add_decimal(jo_text *t, int64_t num, int64_t den, unsigned digits)
{
    char fraction[9];
    uint64_t scale = 1;
    unsigned __int128 v, whole;
    uint64_t rest;

    for (unsigned i = 0; i < digits; i++)
        scale *= 10;
    if (num <= (int64_t)(INT64_MAX / 2 / scale) && den <= INT64_MAX / 2) {
        uint64_t small = ((uint64_t)num * scale * 2 + (uint64_t)den) / ((uint64_t)den * 2);
        whole = small / scale;
        rest = small % scale;
    } else {
        v = ((unsigned __int128)num * scale * 2 + (uint64_t)den) / ((unsigned __int128)den * 2);
        whole = v / scale; /* ≤ 2^63: rounding adds at most one */
        rest = (uint64_t)(v % scale);
    }
    char buf[20], *s = digits_of(buf + sizeof buf, (uint64_t)whole);
    jo_text_add_n(t, s, (size_t)(buf + sizeof buf - s));
    if (rest == 0)
        return;
    for (unsigned i = digits; i > 0; i--, rest /= 10)
        fraction[i - 1] = (char)('0' + rest % 10);
    while (fraction[digits - 1] == '0')
        digits--;
    jo_text_add_n(t, ".", 1);
    jo_text_add_n(t, fraction, digits);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool jo_text_same(const char *s, const char *word)
{
    while (*s && lower(*s) == lower(*word)) {
        s++;
        word++;
    }
    return *s == *word;
}
