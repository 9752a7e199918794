#include "clip.h"

#include "../base/status.h"

#include <string.h>

#define US      INT64_C(1000000)
#define LONGEST (INT64_C(100000000) * US) /* s: beyond any title */

/* Digits at *s, at most `max`; -1 if there is none. */
static int64_t read_digits(const char **s, const char *end, int64_t max)
{
    int64_t v = -1;

    for (; *s < end && **s >= '0' && **s <= '9'; ++*s) {
        v = (v < 0 ? 0 : v) * 10 + (**s - '0');
        if (v > max)
            return -1;
    }
    return v;
}

/* What stands behind a decimal point, as microseconds; further digits are refused. */
static int64_t read_fraction(const char **s, const char *end)
{
    int64_t v = 0, unit = US;

    if (*s == end || **s != '.')
        return 0;
    for (++*s; *s < end && **s >= '0' && **s <= '9' && unit > 1; ++*s) {
        unit /= 10;
        v += (**s - '0') * unit;
    }
    return unit == US ? -1 : v;
}

/* [[hours:]minutes:]seconds[.fraction] */
static bool read_time(const char *s, const char *end, int64_t *out)
{
    int64_t whole = 0, fraction;

    for (int place = 0;; place++) {
        int64_t v = read_digits(&s, end, place ? 59 : LONGEST / US);
        if (v < 0 || place > 2)
            return false;
        whole = whole * 60 + v;
        if (s == end || *s != ':')
            break;
        s++;
    }
    fraction = read_fraction(&s, end);
    if (s != end || fraction < 0 || whole > LONGEST / US)
        return false;
    *out = whole * US + fraction;
    return true;
}

static apr_status_t parse_time(jo_ctx *cx, const char *name, const char *s, const char *end,
                               int64_t *out)
{
    if (!read_time(s, end, out))
        return jo_fail(
            cx, JO_EREQUEST,
            "%s: \"%.*s\" is no time; write seconds or hh:mm:ss, with up to six decimals", name,
            (int)(end - s > 40 ? 40 : end - s), s);
    return APR_SUCCESS;
}

/* "a-b", "a;b"; either may be missing. */
static apr_status_t parse_range(jo_ctx *cx, const char *t, jo_clip *out)
{
    const char *bar = t + strcspn(t, "-;"), *end = t + strlen(t);

    if (!*bar || end == t + 1)
        return jo_fail(cx, JO_EREQUEST, "t: \"%.40s\" is no range; write from-to", t);
    if (bar > t)
        parse_time(cx, "t", t, bar, &out->begin);
    if (bar + 1 < end)
        parse_time(cx, "t", bar + 1, end, &out->end);
    return cx->code;
}

apr_status_t jo_clip_parse(jo_ctx *cx, const char *vbegin, const char *vend, const char *t,
                           jo_clip *out)
{
    *out = jo_clip_all;
    if (t && (vbegin || vend))
        return jo_fail(cx, JO_EREQUEST, "t stands beside %s: give one of them",
                       vbegin ? "vbegin" : "vend");
    if (t)
        parse_range(cx, t, out);
    if (vbegin)
        parse_time(cx, "vbegin", vbegin, vbegin + strlen(vbegin), &out->begin);
    if (vend)
        parse_time(cx, "vend", vend, vend + strlen(vend), &out->end);
    if (cx->code == APR_SUCCESS && out->end <= out->begin)
        return jo_fail(cx, JO_EREQUEST, "the clip ends %s it begins",
                       out->end < out->begin ? "before" : "where");
    return cx->code;
}

void jo_clip_write_time(int64_t us, jo_text *out)
{
    jo_text_add_decimal(out, us, US, 6);
}

#define FOLDER "clip-"

void jo_clip_write_folder(const jo_clip *clip, jo_text *out)
{
    jo_text_add(out, FOLDER);
    jo_clip_write_time(clip->begin, out);
    jo_text_add(out, "-");
    if (clip->end < INT64_MAX)
        jo_clip_write_time(clip->end, out);
    jo_text_add(out, "/");
}

bool jo_clip_read_folder(apr_pool_t *pool, const char **path, jo_clip *out)
{
    const char *begin = *path + strlen(FOLDER), *bar, *slash;
    jo_text again;

    if (strncmp(*path, FOLDER, strlen(FOLDER)) != 0)
        return false;
    bar = begin + strcspn(begin, "-/");
    slash = bar + strcspn(bar, "/");
    *out = jo_clip_all;
    if (*bar != '-' || *slash != '/' || !read_time(begin, bar, &out->begin) ||
        (bar + 1 < slash && !read_time(bar + 1, slash, &out->end)) || out->end <= out->begin)
        return false;
    jo_text_init(&again, pool, 48);
    jo_clip_write_folder(out, &again);
    if (strncmp(*path, again.s, again.len) != 0 || *path + again.len != slash + 1)
        return false;
    *path = slash + 1;
    return true;
}
