#include "walk.h"

#include "../base/text.h"
#include "../base/xml.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* "Name=Value,Name=Value": MS-SSTR 2.2.3 */
static const char *custom(apr_pool_t *pool, const jo_xml_node *level)
{
    jo_text out;

    jo_text_init(&out, pool, 64);
    for (const jo_xml_node *n = level->first_child; n; n = n->next) {
        for (const jo_xml_node *a = n->first_child; jo_text_same(n->name, "CustomAttributes") && a;
             a = a->next) {
            const char *name = jo_xml_attr_find(a, "Name"), *value = jo_xml_attr_find(a, "Value");
            if (name && value)
                jo_text_addf(&out, "%s%s=%s", out.len ? "," : "", name, value);
        }
    }
    return out.s;
}

/* The Url of a stream, with its variables replaced: MS-SSTR 2.2.2.3 */
static const char *fill(jo_walk *w, const char *url, const jo_xml_node *level, int64_t time)
{
    const char *rate = jo_xml_attr_find(level, "Bitrate"), *more = custom(w->scratch, level);
    jo_text out;

    jo_text_init(&out, w->scratch, strlen(url) + 64);
    while (*url) {
        if (strncasecmp(url, "{bitrate}", 9) == 0) {
            jo_text_add(&out, rate ? rate : "0");
            url += 9;
        } else if (strncasecmp(url, "{start time}", 12) == 0 ||
                   strncasecmp(url, "{start_time}", 12) == 0) {
            jo_text_add_int(&out, time);
            url += 12;
        } else if (strncasecmp(url, ",{CustomAttributes}", 19) == 0) {
            jo_text_addf(&out, "%s%s", *more ? "," : "", more);
            url += 19;
        } else {
            jo_text_add_n(&out, url++, 1);
        }
    }
    return out.s;
}

static void read_stream(jo_walk *w, const jo_xml_node *stream)
{
    const char *url = jo_xml_attr_find(stream, "Url");
    apr_array_header_t *runs;
    int64_t count = jo_walk_timeline(w, stream, "c", -1, true, &runs), at;

    if (!url)
        return;
    for (const jo_xml_node *level = stream->first_child; level; level = level->next) {
        if (!jo_text_same(level->name, "QualityLevel"))
            continue;
        for (int i = 0; (at = jo_walk_sample(w, count, i)) >= 0; i++)
            jo_walk_segment(w, w->base, fill(w, url, level, jo_walk_time(runs, at)), i == 0);
    }
}

void jo_walk_smooth(jo_walk *w, const jo_xml_node *manifest)
{
    const char *live = jo_xml_attr_find(manifest, "IsLive");

    w->live = live && jo_text_same(live, "true");
    for (const jo_xml_node *n = manifest->first_child; n; n = n->next)
        if (jo_text_same(n->name, "StreamIndex"))
            read_stream(w, n);
}
