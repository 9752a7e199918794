#include "walk.h"

#include "../base/text.h"
#include "../base/xml.h"
#include "http.h"

#include <apr_strings.h>
#include <string.h>

enum { FOUND_MAX = 2000, RUNS_MAX = 100000 };

void jo_walk_init(jo_walk *w, apr_pool_t *pool, int samples)
{
    *w = (jo_walk){.pool = pool,
                   .found = apr_array_make(pool, 64, sizeof(jo_walk_found)),
                   .seen = apr_hash_make(pool),
                   .samples = samples};
    apr_pool_create(&w->scratch, pool);
}

bool jo_walk_add(jo_walk *w, const char *base, const char *reference, jo_walk_class class)
{
    const char *url = jo_http_resolve(w->scratch, base, reference);

    if (!url) {
        w->why = apr_psprintf(w->scratch, "\"%.200s\" is no reference to http or https", reference);
        return false;
    }
    if (apr_hash_get(w->seen, url, APR_HASH_KEY_STRING))
        return false;
    if (w->found->nelts >= FOUND_MAX) {
        w->full = true;
        return false;
    }
    url = apr_pstrdup(w->pool, url);
    apr_hash_set(w->seen, url, APR_HASH_KEY_STRING, url);
    APR_ARRAY_PUSH(w->found, jo_walk_found) = (jo_walk_found){.url = url, .class = class};
    return true;
}

void jo_walk_segment(jo_walk *w, const char *base, const char *reference, bool first)
{
    if (jo_walk_add(w, base, reference, JO_IS_SEGMENT))
        APR_ARRAY_IDX(w->found, w->found->nelts - 1, jo_walk_found).first = first;
}

int64_t jo_walk_sample(const jo_walk *w, int64_t count, int i)
{
    if (count <= w->samples)
        return i < count ? i : -1;
    return i >= w->samples   ? -1
           : w->samples == 1 ? 0
                             : (int64_t)((__int128)i * (count - 1) / (w->samples - 1));
}

/* ---- time lines */

static int64_t number(const jo_xml_node *n, const char *name, int64_t otherwise)
{
    const char *s = jo_xml_attr_find(n, name);
    char *end;
    int64_t v = s ? apr_strtoi64(s, &end, 10) : otherwise;

    /* A hundredth of what 64 bits hold: sums of a few of these can't overflow. */
    return s && (end == s || v > INT64_MAX / 100 || v < -INT64_MAX / 100) ? otherwise : v;
}

/* Until what comes next, or the end. */
static int64_t open_count(const jo_xml_node *next, const char *name, int64_t time, int64_t d,
                          int64_t end)
{
    while (next && !jo_text_same(next->name, name))
        next = next->next;
    int64_t until = next ? number(next, "t", -1) : end;
    return d > 0 && until > time ? (until - time + d - 1) / d : 1;
}

int64_t jo_walk_timeline(jo_walk *w, const jo_xml_node *n, const char *name, int64_t end,
                         bool in_all, apr_array_header_t **runs)
{
    int64_t time = 0, count = 0;

    *runs = apr_array_make(w->scratch, 16, sizeof(jo_walk_run));
    for (const jo_xml_node *s = n->first_child; s && (*runs)->nelts < RUNS_MAX; s = s->next) {
        if (!jo_text_same(s->name, name))
            continue;
        time = number(s, "t", time);
        int64_t d = number(s, "d", 0), r = number(s, "r", in_all ? 1 : 0) + (in_all ? 0 : 1);
        if (r < 1)
            r = open_count(s->next, name, time, d, end);
        if (d < 0 || (__int128)time + (__int128)d * r > INT64_MAX / 100 || count > INT64_MAX - r) {
            w->why = "a time line beyond all time";
            break;
        }
        APR_ARRAY_PUSH(*runs, jo_walk_run) = (jo_walk_run){time, d, r};
        time += d * r;
        count += r;
    }
    return count;
}

int64_t jo_walk_time(const apr_array_header_t *runs, int64_t i)
{
    for (int k = 0; k < runs->nelts; k++) {
        const jo_walk_run *r = &APR_ARRAY_IDX(runs, k, jo_walk_run);
        if (i < r->count)
            return r->time + i * r->duration;
        i -= r->count;
    }
    return -1;
}

/* ---- any manifest */

static bool read_xml(jo_walk *w, const char *body, size_t len)
{
    jo_xml_node *root;
    jo_ctx cx;

    jo_ctx_init(&cx, w->scratch);
    if (jo_xml_parse(&cx, body, len, &root) != APR_SUCCESS) {
        w->why = cx.message;
        return true;
    }
    if (jo_text_same(root->name, "MPD"))
        jo_walk_dash(w, root);
    else if (jo_text_same(root->name, "SmoothStreamingMedia"))
        jo_walk_smooth(w, root);
    else
        return false;
    return true;
}

static bool read_any(jo_walk *w, const char *body, size_t len)
{
    const char *text = strncmp(body, "\xef\xbb\xbf", 3) == 0 ? body + 3 : body;

    if (strncmp(text, "#EXTM3U", 7) == 0) {
        jo_walk_hls(w, text);
        return true;
    }
    text += strspn(text, " \t\r\n");
    return (*text == '<' || memcmp(body, "\xff\xfe", len < 2 ? len : 2) == 0) && len > 2 &&
           read_xml(w, body, len);
}

bool jo_walk_read(jo_walk *w, const char *url, const char *body, size_t len)
{
    w->base = url;
    w->live = false;
    w->why = NULL;
    bool known = read_any(w, body, len);
    w->why = w->why ? apr_pstrdup(w->pool, w->why) : NULL;
    apr_pool_clear(w->scratch);
    return known;
}
