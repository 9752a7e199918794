#include "walk.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* RFC 8216bis 4.2: the quoted value of an attribute; NULL. */
static const char *attribute(apr_pool_t *pool, const char *list, const char *name)
{
    size_t n = strlen(name);

    while (*list) {
        size_t key = strcspn(list, "=,");
        const char *value = list + key + (list[key] == '=');
        bool quoted = list[key] == '=' && *value == '"';
        size_t len = quoted ? strcspn(value + 1, "\"") : strcspn(value, ",");
        if (key == n && strncmp(list, name, n) == 0 && quoted)
            return apr_pstrmemdup(pool, value + 1, len);
        list = value + len + (quoted ? 1 + (value[1 + len] == '"') : 0);
        list += strspn(list, ", ");
    }
    return NULL;
}

static const char *after(const char *line, const char *tag)
{
    size_t n = strlen(tag);

    return strncmp(line, tag, n) == 0 ? line + n : NULL;
}

/* What a tag refers to. */
static void read_tag(jo_walk *w, const char *line)
{
    static const struct {
        const char *tag;
        jo_walk_class class;
    } tags[] = {{"#EXT-X-MEDIA:", JO_IS_MANIFEST},
                {"#EXT-X-I-FRAME-STREAM-INF:", JO_IS_MANIFEST},
                {"#EXT-X-MAP:", JO_IS_INIT}};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        const char *list = after(line, tags[i].tag);
        const char *uri = list ? attribute(w->scratch, list, "URI") : NULL;
        if (uri)
            jo_walk_add(w, w->base, uri, tags[i].class);
    }
}

typedef struct playlist {
    apr_array_header_t *segments; /* URIs */
    bool variant;                 /* the next URI is one */
    bool gap;                     /* the next segment isn't there: 4.4.4.7 */
    bool media, ended;
} playlist;

static void read_line(jo_walk *w, playlist *p, const char *line)
{
    if (*line == '#') {
        p->variant = p->variant || after(line, "#EXT-X-STREAM-INF:");
        p->gap = p->gap || strcmp(line, "#EXT-X-GAP") == 0;
        p->media = p->media || after(line, "#EXT-X-TARGETDURATION:");
        p->ended = p->ended || strcmp(line, "#EXT-X-ENDLIST") == 0;
        read_tag(w, line);
        return;
    }
    if (p->variant)
        jo_walk_add(w, w->base, line, JO_IS_MANIFEST);
    else if (!p->gap)
        APR_ARRAY_PUSH(p->segments, const char *) = line;
    p->variant = p->gap = false;
}

void jo_walk_hls(jo_walk *w, const char *body)
{
    playlist p = {.segments = apr_array_make(w->scratch, 64, sizeof(const char *))};
    char *rest = apr_pstrdup(w->scratch, body), *line;
    int64_t at;

    while ((line = apr_strtok(rest, "\r\n", &rest)) != NULL)
        if (*line)
            read_line(w, &p, line);
    w->live = p.media && !p.ended;
    for (int i = 0; (at = jo_walk_sample(w, p.segments->nelts, i)) >= 0; i++)
        jo_walk_segment(w, w->base, APR_ARRAY_IDX(p.segments, (int)at, const char *), i == 0);
}
