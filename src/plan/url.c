#include "url.h"

#include "../base/status.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#define PARAMS_MAX 32

/* ---- patterns */

typedef struct matcher {
    const char *base;
    const char *const *tokens;
    int ntokens;
    jo_url_match *m;
    const char *bitrate; /* of a $Q: digits in the path */
    size_t bitrate_len;
} matcher;

static bool match(matcher *x, const char *pattern, const char *path);

/* Digits at s without a leading zero, `least` or more. Returns what follows, or NULL. */
static const char *match_number(const char *s, int64_t least, int64_t *out)
{
    const char *start = s;
    int64_t v = 0;

    for (; *s >= '0' && *s <= '9'; s++) {
        int digit = *s - '0';
        if (v > (INT64_MAX - digit) / 10)
            return NULL;
        v = v * 10 + digit;
    }
    if (s == start || (*start == '0' && s != start + 1) || v < least)
        return NULL;
    *out = v;
    return s;
}

/* How much of token i a path has at this place: all of it, or, of_stream, its name (what stands before =<bit rate>).
 * SIZE_MAX if it is another bit rate's. */
static size_t token_length(const matcher *x, int i, bool of_stream)
{
    const char *token = x->tokens[i];
    size_t n = strlen(token);

    if (!of_stream)
        return n;
    if (n <= x->bitrate_len || token[n - x->bitrate_len - 1] != '=' ||
        memcmp(token + n - x->bitrate_len, x->bitrate, x->bitrate_len) != 0)
        return SIZE_MAX;
    return n - x->bitrate_len - 1;
}

/* Any text that might be a token, or a name. */
static bool match_some_token(matcher *x, const char *pattern, const char *path, bool of_stream)
{
    for (size_t n = strcspn(path, "/"); n > 0; n--)
        if ((of_stream || memchr(path, '=', n)) && match(x, pattern, path + n))
            return true;
    return false;
}

/* The longest token (or name) that starts path, is shorter than `below` and lets the rest match. */
static bool match_token(matcher *x, const char *pattern, const char *path, bool of_stream,
                        int *slot)
{
    size_t below = SIZE_MAX;

    if (!x->tokens)
        return match_some_token(x, pattern, path, of_stream);
    for (;;) {
        size_t best_len = 0;
        int best = -1;
        for (int i = 0; i < x->ntokens; i++) {
            size_t n = token_length(x, i, of_stream);
            if (n > best_len && n < below && strncmp(path, x->tokens[i], n) == 0) {
                best = i;
                best_len = n;
            }
        }
        if (best < 0)
            return false;
        if (match(x, pattern, path + best_len)) {
            *slot = best;
            return true;
        }
        below = best_len;
    }
}

/* ",key=value" at s, as often as it comes. Returns what follows. */
static const char *skip_attributes(const char *s)
{
    while (*s == ',') {
        size_t key = strcspn(s + 1, "=,()/"), value;
        if (key == 0 || s[1 + key] != '=')
            break;
        value = strcspn(s + 2 + key, ",()/");
        s += 2 + key + value;
    }
    return s;
}

static bool match_bitrate(matcher *x, const char *pattern, const char *path)
{
    int64_t bitrate;
    const char *end = match_number(path, 0, &bitrate);

    if (!end)
        return false;
    x->bitrate = path;
    x->bitrate_len = (size_t)(end - path);
    return match(x, pattern, skip_attributes(end));
}

static bool match_any(matcher *x, const char *pattern, const char *path)
{
    for (;; path++) {
        if (match(x, pattern, path))
            return true;
        if (*path == '\0' || *path == '/')
            return false;
    }
}

static bool match_variable(matcher *x, const char *pattern, const char *path)
{
    const char *rest = pattern + 2;
    size_t n;

    switch (pattern[1]) {
    case 'B':
        n = strlen(x->base);
        return strncmp(path, x->base, n) == 0 && match(x, rest, path + n);
    case 'T':
        return match_token(x, rest, path, false, &x->m->track);
    case 'A':
        return match_token(x, rest, path, false, &x->m->sound);
    case 'S':
        return x->bitrate && match_token(x, rest, path, true, &x->m->track);
    case 'Q':
        return match_bitrate(x, rest, path);
    case 'N':
    case 'I':
        path = match_number(path, pattern[1] == 'N', &x->m->number);
        return path && match(x, rest, path);
    case '*':
        return match_any(x, rest, path);
    default:
        return false;
    }
}

static bool match(matcher *x, const char *pattern, const char *path)
{
    while (*pattern && *pattern != '$') {
        if (*pattern++ != *path++)
            return false;
    }
    return *pattern ? match_variable(x, pattern, path) : *path == '\0';
}

static const jo_url_match no_match = {.track = -1, .sound = -1, .number = -1};

/* "<base>-…=…": meant as the name of a track. */
static bool names_a_track(const char *path, const char *base)
{
    size_t n = strlen(base);

    return strncmp(path, base, n) == 0 && path[n] == '-' && strchr(path + n, '=');
}

bool jo_url_match_path(const char *pattern, const char *path, const char *base,
                       const char *const *tokens, int ntokens, jo_url_match *m)
{
    matcher x = {.base = base, .tokens = tokens, .ntokens = ntokens, .m = m};

    *m = no_match;
    if (strncmp(pattern, "$*", 2) == 0 && names_a_track(path, base))
        return false;
    if (match(&x, pattern, path))
        return true;
    *m = no_match;
    return false;
}

/* ---- queries */

static const char *const flags[] = {"hls_fmp4", "hls_no_audio_only", "hls_no_multiplex"};

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character at s, percent-encoded or not, and where the next one is. Broken encodings stand for '%' here
 * and are refused by decode(). */
static char unit(const char *s, const char **next)
{
    int high = *s == '%' ? hex(s[1]) : -1;
    int low = high >= 0 ? hex(s[2]) : -1;

    *next = s + (low >= 0 ? 3 : 1);
    return low >= 0 ? (char)(high * 16 + low) : *s;
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-' || c == '.' || c == '~' || c == '%';
}

/* A name may hold anything encoded but what stands in expressions: browsers encode "<" and ">", not "=" and "&", and
 * "&height%3C=720" starts no parameter. */
static const char *name_end(const char *s)
{
    const char *next;

    for (;; s = next) {
        char c = unit(s, &next);
        if (next - s == 3 ? c && strchr("<>=!|&()\"'", c) != NULL : !is_name_char(c))
            return s;
    }
}

/* True if a parameter starts at s: name= but not name==, or a known flag. */
static bool starts_param(const char *s)
{
    size_t n = (size_t)(name_end(s) - s);

    if (n > 0 && s[n] == '=')
        return s[n + 1] != '=';
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (n == strlen(flags[i]) && strncmp(s, flags[i], n) == 0)
            return s[n] == '&' || s[n] == '\0';
    return false;
}

/* Where each opening quote or parenthesis of a query closes. One that never does is an ordinary character. */
typedef struct nesting {
    const char *args;
    uint32_t *close; /* by offset of the opener: offset of what closes it, 0 if nothing does */
} nesting;

static void find_nesting(nesting *x, apr_pool_t *pool, const char *args, size_t len)
{
    uint32_t *open = apr_palloc(pool, (len + 1) * sizeof *open);
    size_t depth = 0;
    const char *last[2] = {
        args, args}; /* openers found unclosed so far: none behind them closes either */
    const char *next;

    x->args = args;
    x->close = apr_pcalloc(pool, (len + 1) * sizeof *x->close);
    for (const char *s = args; *s; s = next) {
        char c = unit(s, &next);
        if (c == '(') {
            open[depth++] = (uint32_t)(s - args);
        } else if (c == ')' && depth > 0) {
            x->close[open[--depth]] = (uint32_t)(s - args);
        } else if ((c == '"' || c == '\'') && last[c == '"']) {
            const char *end = next, *after = next;
            while (*end && unit(end, &after) != c)
                end = after;
            if (*end) {
                x->close[s - args] = (uint32_t)(end - args);
                next = after;
            } else {
                last[c == '"'] = NULL;
            }
        }
    }
}

/* End of the parameter that starts at s: the '&' that ends it, or the NUL. */
static const char *param_end(const nesting *x, const char *s)
{
    const char *next;

    for (; *s; s = next) {
        if (*s == '&' && starts_param(s + 1))
            break;
        unit(s, &next);
        if (x->close[s - x->args])
            unit(x->args + x->close[s - x->args], &next);
    }
    return s;
}

/* NULL if it can't be decoded, or holds an encoded NUL. */
static const char *decode(apr_pool_t *pool, const char *s, const char *end)
{
    char *out = apr_palloc(pool, (size_t)(end - s) + 1), *to = out;
    const char *next;

    for (; s < end; s = next) {
        char c = unit(s, &next);
        if ((*s == '%' && next == s + 1) || c == '\0')
            return NULL;
        *to++ = c;
    }
    *to = '\0';
    return out;
}

static apr_status_t add_param(jo_ctx *cx, apr_array_header_t *a, const char *s, const char *end)
{
    const char *equals = memchr(s, '=', (size_t)(end - s));
    jo_query_param p = {.name = decode(cx->pool, s, equals ? equals : end)};

    if (s == end || !p.name)
        return APR_SUCCESS;
    if (a->nelts >= PARAMS_MAX)
        return jo_fail(cx, JO_EREQUEST, "more than %d query parameters", PARAMS_MAX);
    p.value = equals ? decode(cx->pool, equals + 1, end) : NULL;
    p.broken = equals && !p.value;
    APR_ARRAY_PUSH(a, jo_query_param) = p;
    return APR_SUCCESS;
}

apr_status_t jo_query_parse(jo_ctx *cx, const char *args, jo_query_param **params, int *nparams)
{
    apr_array_header_t *a = apr_array_make(cx->pool, 4, sizeof(jo_query_param));
    nesting x;

    if (args && strlen(args) >= UINT32_MAX / 8)
        return jo_fail(cx, JO_EREQUEST, "query too long");
    if (args)
        find_nesting(&x, cx->pool, args, strlen(args));
    while (args && *args) {
        const char *end = param_end(&x, args);
        if (add_param(cx, a, args, end) != APR_SUCCESS)
            return cx->code;
        args = *end ? end + 1 : NULL;
    }
    *params = (jo_query_param *)a->elts;
    *nparams = a->nelts;
    return APR_SUCCESS;
}

/* ---- splitting */

static bool ends_in(const char *s, size_t n, const char *extension)
{
    size_t e = strlen(extension);

    return n > e && memcmp(s + n - e, extension, e) == 0;
}

/* The last segment of path for which `is` holds, or NULL; *n is its length. */
static const char *last_segment(const char *path, bool (*is)(const char *s, size_t n), size_t *n)
{
    const char *found = NULL;

    while (*path) {
        size_t len;
        path += *path == '/';
        len = strcspn(path, "/");
        if (is(path, len)) {
            found = path;
            *n = len;
        }
        path += len;
    }
    return found;
}

static bool is_descriptor(const char *s, size_t n)
{
    return ends_in(s, n, ".ism") || ends_in(s, n, ".isml");
}

static bool is_media(const char *s, size_t n)
{
    return ends_in(s, n, ".mp4");
}

/* The media file of a direct title. One that is named twice in the end, kite.mp4/kite.mp4, is asked for as a whole. */
static const char *media_segment(const char *path, size_t *n)
{
    const char *s = last_segment(path, is_media, n);
    const char *before = s && (size_t)(s - path) > *n + 1 ? s - 1 - *n : s;

    return s && !s[*n] && before < s && before[-1] == '/' && !memcmp(before, s, *n) ? before : s;
}

bool jo_url_split_path(apr_pool_t *pool, const char *path, bool direct, jo_url_split *out)
{
    size_t n = 0, stem;
    const char *s = last_segment(path, is_descriptor, &n);

    *out = (jo_url_split){0};
    if (!s && direct) {
        s = media_segment(path, &n);
        out->direct = s != NULL;
    }
    if (!s)
        return false;
    for (stem = n; s[stem - 1] != '.'; stem--)
        ;
    out->descriptor_len = (size_t)(s - path) + n;
    out->base = apr_pstrmemdup(pool, s, stem - 1);
    out->vpath = s[n] == '/' ? s + n + 1 : NULL;
    return true;
}
