/* HLS playlists are followed as a player does: what they name hangs on the container, on options and on renditions. */
#include "base/status.h"
#include "find.h"
#include "list.h"

#include <apr_escape.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

typedef struct follower {
    jo_ctx *cx;
    const jo_title *title;
    const jo_settings *settings;
    apr_array_header_t **ranks;
    apr_hash_t *seen; /* paths */
    bool gap;         /* the next URI names nothing: RFC 8216bis 4.4.4.7 */
} follower;

static int rank(const jo_found *f)
{
    return f->route->class != JO_CLASS_MANIFEST ? 0 : f->resource.track >= 0 ? 1 : 2;
}

static int64_t sample_bytes(const jo_found *f, int track)
{
    const jo_cut *cut;

    if (f->resource.keyframe > 0 && track >= 0) {
        return jo_index_size(f->presentation->periods[0].tracks[track]->index, f->resource.sample);
    }
    if (track < 0 || f->resource.segment < 0) {
        return 0;
    }
    cut = &f->plan->tracks[track].cuts[f->resource.segment];
    return cut[1].bytes - cut[0].bytes;
}

static void push(follower *w, const char *path, const jo_found *f)
{
    const jo_resource *rs = &f->resource;

    APR_ARRAY_PUSH(w->ranks[rank(f)], jo_listed) =
        (jo_listed){.path = path,
                    .packager = f->packager,
                    .class = f->route->class,
                    .track = rs->track,
                    .segment = rs->segment,
                    .bytes = sample_bytes(f, rs->track) + sample_bytes(f, rs->sound)};
}

static const char *text_of(jo_ctx *cx, const jo_body *body)
{
    char *text = apr_palloc(cx->pool, (apr_size_t)body->length + 1);

    text[body->length] = '\0';
    return jo_body_read(cx, body, 0, (size_t)body->length, text) == APR_SUCCESS ? text : NULL;
}

static apr_status_t follow(follower *w, const char *path);

/* A reference from a playlist that lies in `folder`, "" or ending in a slash. */
static const char *resolve(follower *w, const char *folder, const char *path)
{
    static const char up[] = "../";

    while (*folder && !strncmp(path, up, strlen(up))) {
        const char *end = folder + strlen(folder) - 1;
        while (end > folder && end[-1] != '/') {
            end--;
        }
        folder = apr_pstrmemdup(w->cx->pool, folder, (apr_size_t)(end - folder));
        path += strlen(up);
    }
    return apr_pstrcat(w->cx->pool, folder, path, NULL);
}

static apr_status_t read_line(follower *w, const char *folder, char *line)
{
    static const char name[] = "URI=\"";
    char *uri = *line == '#' ? strstr(line, name) : line;

    if (*line == '#') {
        w->gap = w->gap || strcmp(line, "#EXT-X-GAP") == 0;
        if (uri == NULL) {
            return APR_SUCCESS;
        }
        uri += strlen(name);
        uri[strcspn(uri, "\"")] = '\0';
    } else if (w->gap) {
        w->gap = false;
        return APR_SUCCESS;
    }
    const char *path = apr_punescape_url(w->cx->pool, uri, NULL, NULL, 0);
    if (path == NULL) {
        return jo_fail(w->cx, JO_EBUG, "a playlist names %s", uri);
    }
    return follow(w, resolve(w, folder, path));
}

static apr_status_t read_playlist(follower *w, const char *path, const jo_found *f)
{
    const char *slash = strrchr(path, '/'), *text;
    const char *folder =
        slash ? apr_pstrmemdup(w->cx->pool, path, (apr_size_t)(slash + 1 - path)) : "";
    jo_body body;
    char *rest, *line;

    jo_body_init(&body, w->cx->pool);
    if (f->route->render(w->cx, f->presentation, f->plan, &f->resource, &body) != APR_SUCCESS) {
        return w->cx->code;
    }
    text = text_of(w->cx, &body);
    for (line = text ? apr_strtok((char *)text, "\n", &rest) : NULL;
         line != NULL && w->cx->code == APR_SUCCESS; line = apr_strtok(NULL, "\n", &rest)) {
        read_line(w, folder, line);
    }
    return w->cx->code;
}

/* Looked up, listed once, and read if it is a playlist. */
static apr_status_t follow(follower *w, const char *path)
{
    jo_found f;

    if (apr_hash_get(w->seen, path, APR_HASH_KEY_STRING) != NULL) {
        return APR_SUCCESS;
    }
    apr_hash_set(w->seen, path, APR_HASH_KEY_STRING, path);
    if (jo_find(w->cx, w->title, path, NULL, w->settings, &f) != APR_SUCCESS) {
        return w->cx->code;
    }
    push(w, path, &f);
    return f.route->class == JO_CLASS_MANIFEST ? read_playlist(w, path, &f) : APR_SUCCESS;
}

apr_status_t jo_list_hls(jo_ctx *cx, const jo_title *t, const jo_settings *settings,
                         apr_array_header_t *ranks[JO_LIST_RANKS])
{
    follower w = {cx, t, settings, ranks, apr_hash_make(cx->pool), false};

    for (int i = 0; i < JO_LIST_RANKS; i++) {
        ranks[i] = apr_array_make(cx->pool, 64, sizeof(jo_listed));
    }
    return follow(&w, apr_pstrcat(cx->pool, t->base, ".m3u8", NULL));
}
