/* A growing string in a pool, for manifests and messages. */
#ifndef JO_TEXT_H
#define JO_TEXT_H

#include "jo.h"

#include <stdarg.h>
#include <string.h>

typedef struct jo_text jo_text;
struct jo_text {
    apr_pool_t *pool;
    char *s; /* always NUL-terminated */
    size_t len;
    size_t cap;
};

void jo_text_init(jo_text *t, apr_pool_t *pool, size_t expected);
/* Makes room for n more characters and a NUL. */
void jo_text_reserve(jo_text *t, size_t n);
void jo_text_addf(jo_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void jo_text_add_int(jo_text *t, int64_t v); /* decimal, without printf: for hot loops */
/* ` name="v"`, an XML attribute. */
void jo_text_add_attribute(jo_text *t, const char *name, int64_t v);
/* s as XML attribute or text content: & < > " ' escaped, characters XML 1.0 forbids dropped. */
void jo_text_add_xml(jo_text *t, const char *s);
/* s as part of a relative URL path: unreserved, '=' '(' ')' ',' '+' kept, the rest %XX (RFC 3986). */
void jo_text_add_uri(jo_text *t, const char *s);
/* s inside an HLS quoted-string: double quotes replaced by ', control characters by spaces (RFC 8216bis 4.1,
 * 4.2). */
void jo_text_add_quoted(jo_text *t, const char *s);
/* num/den as decimal with at most `digits` fraction digits (≤ 9), rounded to nearest, no trailing zeros:
 * 3.84, 4, 0.333333. num ≥ 0, den > 0; num·10^digits is computed in 128 bits. */
void jo_text_add_decimal(jo_text *t, int64_t num, int64_t den, unsigned digits);

/* Inline: most of a manifest are literals, whose lengths the compiler knows. */
static inline void jo_text_add_n(jo_text *t, const char *s, size_t n)
{
    if (n >= t->cap - t->len)
        jo_text_reserve(t, n);
    memcpy(t->s + t->len, s, n);
    t->len += n;
    t->s[t->len] = '\0';
}

static inline void jo_text_add(jo_text *t, const char *s)
{
    jo_text_add_n(t, s, strlen(s));
}

/* A new string in pool, formatted by the C library (apr's printf knows no %zu). */
char *jo_text_vformat(apr_pool_t *pool, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* True if s matches word without regard to ASCII case. */
bool jo_text_same(const char *s, const char *word);

#endif
