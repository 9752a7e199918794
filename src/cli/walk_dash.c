#include "walk.h"

#include "../base/text.h"
#include "../base/ticks.h"
#include "../base/xml.h"
#include "http.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEVELS = 3
}; /* Period, AdaptationSet, Representation: each may say what those below leave open */

typedef struct level {
    const jo_xml_node *of[LEVELS];
    const char *base;
    int64_t duration_ms; /* of the period; -1 unknown */
} level;

static const jo_xml_node *child(const jo_xml_node *n, const char *name)
{
    for (n = n ? n->first_child : NULL; n; n = n->next)
        if (jo_text_same(n->name, name))
            return n;
    return NULL;
}

/* 23009-1 5.6: the first one is taken. */
static const char *with_base(jo_walk *w, const char *base, const jo_xml_node *n)
{
    const jo_xml_node *url = child(n, "BaseURL");
    const char *out = url && url->text ? jo_http_resolve(w->scratch, base, url->text) : base;

    return out ? out : base;
}

/* XML Schema's duration of days, hours, minutes and seconds: "PT1H2M3.5S"; -1. */
static int64_t milliseconds(const char *s)
{
    double total = 0;
    char *end;

    if (!s || *s++ != 'P')
        return -1;
    while (*s) {
        if (*s == 'T') {
            s++;
            continue;
        }
        double v = strtod(s, &end);
        double unit = *end == 'D' ? 86400 : *end == 'H' ? 3600 : *end == 'M' ? 60 : 1;
        if (end == s || !*end || v < 0 || v > 1e9)
            return -1;
        total += v * unit;
        s = end + 1;
    }
    return total < 1e12 ? (int64_t)(total * 1000 + 0.5) : -1;
}

/* ---- what the levels say together */

static const char *attribute(const level *l, const char *element, const char *name)
{
    for (int i = LEVELS - 1; i >= 0; i--) {
        const jo_xml_node *n = child(l->of[i], element);
        const char *value = n ? jo_xml_attr_find(n, name) : NULL;
        if (value)
            return value;
    }
    return NULL;
}

static const jo_xml_node *element(const level *l, const char *outer, const char *name)
{
    for (int i = LEVELS - 1; i >= 0; i--) {
        const jo_xml_node *n = child(child(l->of[i], outer), name);
        if (n)
            return n;
    }
    return NULL;
}

static bool has(const level *l, const char *name)
{
    return child(l->of[0], name) || child(l->of[1], name) || child(l->of[2], name);
}

static int64_t number(const level *l, const char *outer, const char *name, int64_t otherwise)
{
    const char *s = attribute(l, outer, name);
    int64_t v = s ? apr_strtoi64(s, NULL, 10) : otherwise;

    return v < 0 || v > INT64_MAX / 100 ? otherwise : v;
}

/* ---- templates: 23009-1 5.3.9.4.4 */

/* "%05d" behind an identifier. */
static int width(const char *s, size_t n)
{
    const char *percent = memchr(s, '%', n);
    int v = percent ? atoi(percent + 1) : 0;

    return v < 0 || v > 20 ? 0 : v;
}

static void add_number(jo_text *out, int64_t v, int digits)
{
    char buf[32];

    apr_snprintf(buf, sizeof buf, "%0*" APR_INT64_T_FMT, digits, v);
    jo_text_add(out, buf);
}

static bool is(const char *s, size_t n, const char *name)
{
    size_t len = strlen(name);

    return n >= len && strncmp(s, name, len) == 0 && (n == len || s[len] == '%');
}

static const char *fill(jo_walk *w, const level *l, const char *template, int64_t value)
{
    const char *id = jo_xml_attr_find(l->of[2], "id");
    const char *rate = jo_xml_attr_find(l->of[2], "bandwidth"), *end;
    jo_text out;

    jo_text_init(&out, w->scratch, strlen(template) + 64);
    for (; *template; template = end + 1) {
        end = *template == '$' ? strchr(template + 1, '$') : NULL;
        if (!end) {
            end = template;
            jo_text_add_n(&out, template, 1);
            continue;
        }
        const char *name = template + 1;
        size_t n = (size_t)(end - name);
        if (n == 0)
            jo_text_add(&out, "$");
        else if (is(name, n, "RepresentationID"))
            jo_text_add(&out, id ? id : "");
        else if (is(name, n, "Bandwidth"))
            add_number(&out, rate ? apr_strtoi64(rate, NULL, 10) : 0, width(name, n));
        else
            add_number(&out, value, width(name, n));
    }
    return out.s;
}

static void read_template(jo_walk *w, const level *l)
{
    static const char *const outer = "SegmentTemplate";
    const char *init = attribute(l, outer, "initialization"), *media = attribute(l, outer, "media");
    int64_t scale = number(l, outer, "timescale", 1), start = number(l, outer, "startNumber", 1);
    int64_t d = number(l, outer, "duration", 0), count = 0, at;
    int64_t end = l->duration_ms < 0 || scale < 1 ? -1 : jo_ticks_ceil(l->duration_ms, 1000, scale);
    const jo_xml_node *timeline = element(l, outer, "SegmentTimeline");
    apr_array_header_t *runs = NULL;

    if (init)
        jo_walk_add(w, l->base, fill(w, l, init, 0), JO_IS_INIT);
    if (timeline) {
        int64_t pto = number(l, outer, "presentationTimeOffset", 0);
        count =
            jo_walk_timeline(w, timeline, "S", end < 0 ? -1 : jo_ticks_add(end, pto), false, &runs);
    } else if (d > 0 && end >= 0 && !w->live) {
        count = end / d + (end % d != 0);
    } else if (media) {
        w->why = "segments that are named by the clock or by an unknown length are not looked at";
    }
    for (int i = 0; media && (at = jo_walk_sample(w, count, i)) >= 0; i++) {
        bool by_time = runs && strstr(media, "$Time");
        jo_walk_segment(
            w, l->base,
            fill(w, l, media, by_time ? jo_walk_time(runs, at) : jo_ticks_add(start, at)), i == 0);
    }
}

/* ---- lists and files */

static void read_init(jo_walk *w, const level *l, const char *outer)
{
    const jo_xml_node *init = element(l, outer, "Initialization");
    const char *url = init ? jo_xml_attr_find(init, "sourceURL") : NULL;

    if (url)
        jo_walk_add(w, l->base, url, JO_IS_INIT);
}

static void read_list(jo_walk *w, const level *l)
{
    apr_array_header_t *urls = apr_array_make(w->scratch, 64, sizeof(const char *));
    const jo_xml_node *n = element(l, "SegmentList", "SegmentURL");
    int64_t at;

    read_init(w, l, "SegmentList");
    for (; n; n = n->next) {
        const char *url = jo_xml_attr_find(n, "media");
        if (url && jo_text_same(n->name, "SegmentURL"))
            APR_ARRAY_PUSH(urls, const char *) = url;
    }
    for (int i = 0; (at = jo_walk_sample(w, urls->nelts, i)) >= 0; i++)
        jo_walk_segment(w, l->base, APR_ARRAY_IDX(urls, (int)at, const char *), i == 0);
}

static void read_representation(jo_walk *w, level *l)
{
    l->base = with_base(w, l->base, l->of[2]);
    if (has(l, "SegmentTemplate")) {
        read_template(w, l);
    } else if (has(l, "SegmentList")) {
        read_list(w, l);
    } else {
        read_init(w, l, "SegmentBase");
        jo_walk_segment(w, l->base, "", true);
    }
}

static void read_set(jo_walk *w, level *l)
{
    const char *base = l->base = with_base(w, l->base, l->of[1]);

    for (const jo_xml_node *r = l->of[1]->first_child; r; r = r->next) {
        if (!jo_text_same(r->name, "Representation"))
            continue;
        l->base = base;
        l->of[2] = r;
        read_representation(w, l);
    }
}

/* Up to the next period, or to the end of all. */
static int64_t length(const jo_xml_node *mpd, const jo_xml_node *period)
{
    int64_t own = milliseconds(jo_xml_attr_find(period, "duration"));
    int64_t start = milliseconds(jo_xml_attr_find(period, "start")), end;
    const jo_xml_node *next = period->next;

    while (next && !jo_text_same(next->name, "Period"))
        next = next->next;
    end = milliseconds(next ? jo_xml_attr_find(next, "start")
                            : jo_xml_attr_find(mpd, "mediaPresentationDuration"));
    return own >= 0 ? own : end < 0 ? -1 : end - (start > 0 ? start : 0);
}

void jo_walk_dash(jo_walk *w, const jo_xml_node *mpd)
{
    const char *type = jo_xml_attr_find(mpd, "type"), *base = with_base(w, w->base, mpd);

    w->live = type && jo_text_same(type, "dynamic");
    for (const jo_xml_node *p = mpd->first_child; p; p = p->next) {
        if (!jo_text_same(p->name, "Period"))
            continue;
        const char *of_period = with_base(w, base, p);
        for (const jo_xml_node *set = p->first_child; set; set = set->next) {
            level l = {{p, set}, of_period, length(mpd, p)};
            if (jo_text_same(set->name, "AdaptationSet"))
                read_set(w, &l);
        }
    }
}
