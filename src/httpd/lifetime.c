#include "lifetime.h"

#include "../base/text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* ---- one directive of a Cache-Control value (RFC 9111 5.2) */

typedef struct directive {
    const char *s; /* from its name on */
    size_t len;
    size_t name_len;
} directive;

static size_t quoted_length(const char *s)
{
    size_t n = 1;
    while (s[n] && s[n] != '"')
        n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    return s[n] ? n + 1 : n;
}

/* The directive at *at, which moves behind it. False: there is none any more. */
static bool next_directive(const char **at, directive *d)
{
    const char *s = *at + strspn(*at, " \t,");
    size_t n = 0;
    while (s[n] && s[n] != ',')
        n += s[n] == '"' ? quoted_length(s + n) : 1;
    *at = s + n;
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    *d = (directive){s, n, strcspn(s, "= \t,")};
    return n > 0;
}

static bool is(const directive *d, const char *name)
{
    return strlen(name) == d->name_len && strncasecmp(d->s, name, d->name_len) == 0;
}

static bool is_fresh(const directive *d)
{
    return is(d, "max-age") || is(d, "s-maxage");
}

static bool is_stale(const directive *d)
{
    return is(d, "stale-while-revalidate") || is(d, "stale-if-error");
}

/* Seconds that it gives; -1: no number. */
static int64_t seconds_of(const directive *d)
{
    const char *v = d->s + d->name_len + 1 + (d->s[d->name_len] && d->s[d->name_len + 1] == '"');
    bool number = d->len > d->name_len + 1 && d->s[d->name_len] == '=' && apr_isdigit(*v);
    return number ? apr_strtoi64(v, NULL, 10) : -1;
}

bool jo_lifetime_says(const char *cache_control, const char *name)
{
    directive d;
    while (next_directive(&cache_control, &d))
        if (is(&d, name))
            return true;
    return false;
}

int64_t jo_lifetime_seconds(const char *cache_control, const char *name)
{
    directive d;
    while (next_directive(&cache_control, &d))
        if (is(&d, name))
            return seconds_of(&d);
    return -1;
}

/* ---- the end of everything */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* For how long any cache calls it fresh. */
static int64_t longest_fresh(const char *value)
{
    int64_t longest = 0;
    directive d;
    while (next_directive(&value, &d))
        if (is_fresh(&d) && seconds_of(&d) > longest)
            longest = seconds_of(&d);
    return longest;
}

/* The value with nothing in it that lasts longer than `left` seconds; staleness comes after freshness. */
static const char *capped(apr_pool_t *pool, const char *value, int64_t left)
{
    int64_t stale = left - least(longest_fresh(value), left);
    jo_text out;
    directive d;

    jo_text_init(&out, pool, 96);
    while (next_directive(&value, &d)) {
        int64_t limit = is_fresh(&d) ? left : is_stale(&d) ? stale : -1;
        int64_t seconds = limit < 0 ? -1 : seconds_of(&d);
        if (is_stale(&d) && limit == 0)
            continue;
        if (out.len)
            jo_text_add(&out, ", ");
        if (seconds <= limit) {
            jo_text_add_n(&out, d.s, d.len);
        } else {
            jo_text_add_n(&out, d.s, d.name_len + 1);
            jo_text_add_int(&out, limit);
        }
    }
    return out.len ? out.s : "max-age=0";
}

/* ---- all of it */

static const char *with_stale(apr_pool_t *pool, const char *value, const char *name,
                              int64_t seconds)
{
    if (seconds <= 0 || jo_lifetime_says(value, "no-store") || jo_lifetime_says(value, name))
        return value;
    return apr_psprintf(pool, "%s, %s=%" APR_INT64_T_FMT, value, name, seconds);
}

static apr_time_t sunset_of(const jo_sunset *s, apr_time_t now)
{
    return s->at ? s->at : s->after >= 0 ? now + apr_time_from_sec(s->after) : 0;
}

jo_lifetime jo_lifetime_make(apr_pool_t *pool, const jo_dir_config *c, jo_class class,
                             apr_time_t now)
{
    const jo_cache_rule *rule = jo_config_cache(c, class);
    int64_t age = rule->age;
    jo_lifetime l = {.cache_control = rule->value, .sunset = sunset_of(&c->sunset[class], now)};

    l.cache_control = with_stale(pool, l.cache_control, "stale-while-revalidate",
                                 c->stale_while_revalidate[class]);
    l.cache_control = with_stale(pool, l.cache_control, "stale-if-error", c->stale_if_error[class]);
    if (l.sunset) {
        int64_t left = l.sunset > now ? apr_time_sec(l.sunset - now) : 0;
        l.cache_control = capped(pool, l.cache_control, left);
        age = least(age, left);
    }
    l.expires = now + apr_time_from_sec(age);
    return l;
}
