#include "ttml.h"

#include "../base/ticks.h"

#include <apr_strings.h>
#include <ctype.h>
#include <string.h>

#define SECOND    INT64_C(1000000000) /* ns */
#define MAX_DEPTH 64
#define MAX_HOURS 1000000
#define MAX_TIME  (INT64_C(1000000) * SECOND) /* no document's times reach further */

typedef struct piece {
    const char *s;
    size_t len;
} piece;

static bool is(piece p, const char *word)
{
    return p.len == strlen(word) && !memcmp(p.s, word, p.len);
}

/* A name without its prefix. */
static piece local(piece name)
{
    const char *colon = memchr(name.s, ':', name.len);

    return colon == NULL ? name : (piece){colon + 1, name.len - (size_t)(colon + 1 - name.s)};
}

/* -- tags ----------------------------------------------------------------------------------------------------- */

typedef struct tag {
    piece name;  /* local */
    piece attrs; /* all of them */
    bool closes, empty;
} tag;

/* Where `word` ends; NULL if it isn't there. */
static const char *behind(const char *at, const char *end, const char *word)
{
    size_t n = strlen(word);

    for (; (size_t)(end - at) >= n; at++) {
        if (!memcmp(at, word, n)) {
            return at + n;
        }
    }
    return NULL;
}

static bool starts(const char *at, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - at) >= n && !memcmp(at, word, n);
}

static const char *tag_end(const char *at, const char *end)
{
    char quote = '\0';

    for (; at < end; at++) {
        if (quote != '\0') {
            quote = *at == quote ? '\0' : quote;
        } else if (*at == '"' || *at == '\'') {
            quote = *at;
        } else if (*at == '>') {
            return at;
        }
    }
    return NULL;
}

static size_t name_length(const char *at, const char *end)
{
    size_t n = 0;

    while (at + n < end && !isspace((unsigned char)at[n]) && at[n] != '=' && at[n] != '/') {
        n++;
    }
    return n;
}

/* The next element tag from *at on, which then stands behind it. False where there is none, or no XML. */
static bool next_tag(const char **at, const char *end, tag *t)
{
    static const char *const skipped[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
    const char *p = *at;

    while (p != NULL && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
        size_t i = 0;
        while (i < 3 && !starts(p, end, skipped[i][0])) {
            i++;
        }
        if (i < 3) {
            p = behind(p, end, skipped[i][1]);
            continue;
        }
        const char *close = starts(p, end, "<!") ? NULL : tag_end(p, end); /* a DTD: not ours */
        if (close == NULL) {
            return false;
        }
        t->closes = p[1] == '/';
        p += t->closes ? 2 : 1;
        t->empty = !t->closes && close > p && close[-1] == '/';
        piece name = {p, name_length(p, close)};
        t->name = local(name);
        t->attrs = (piece){p + name.len, (size_t)(close - p) - name.len - t->empty};
        *at = close + 1;
        return true;
    }
    return false;
}

static bool next_attribute(piece *rest, piece *name, piece *value)
{
    const char *p = rest->s, *end = rest->s + rest->len;

    while (p < end && isspace((unsigned char)*p)) {
        p++;
    }
    *name = (piece){p, name_length(p, end)};
    p += name->len;
    while (p < end && (isspace((unsigned char)*p) || *p == '=')) {
        p++;
    }
    if (name->len == 0 || p == end || (*p != '"' && *p != '\'')) {
        return false;
    }
    const char *close = memchr(p + 1, *p, (size_t)(end - p) - 1);
    if (close == NULL) {
        return false;
    }
    *value = (piece){p + 1, (size_t)(close - p) - 1};
    *rest = (piece){close + 1, (size_t)(end - close) - 1};
    return true;
}

/* -- time expressions ----------------------------------------------------------------------------------------- */

typedef struct rates {
    int64_t frames, per; /* frames in that many seconds */
    int64_t subframes;   /* of a frame */
    int64_t ticks;       /* of a second; 0: not said */
    bool other;          /* times that aren't the media's */
} rates;

/* Digits, at most 9 of them. */
static bool read_int(piece *p, int64_t *out)
{
    size_t n = 0;

    for (*out = 0; n < p->len && n < 9 && isdigit((unsigned char)p->s[n]); n++) {
        *out = *out * 10 + (p->s[n] - '0');
    }
    p->s += n;
    p->len -= n;
    return n > 0;
}

static bool skip(piece *p, char c)
{
    if (p->len == 0 || *p->s != c) {
        return false;
    }
    p->s++;
    p->len--;
    return true;
}

/* ".25" as billionths; 0 if there is none. Digits beyond the ninth don't count. */
static int64_t read_fraction(piece *p)
{
    int64_t value, unit = SECOND;

    if (!skip(p, '.')) {
        return 0;
    }
    size_t before = p->len;
    if (!read_int(p, &value)) {
        return 0;
    }
    for (size_t n = before - p->len; n > 0; n--) {
        unit /= 10;
    }
    while (p->len > 0 && isdigit((unsigned char)*p->s)) {
        skip(p, *p->s);
    }
    return value * unit;
}

static int64_t of_frames(const rates *r, int64_t frames, int64_t subframes)
{
    return jo_ticks_round(frames * r->subframes + subframes, r->frames * r->subframes,
                          r->per * SECOND);
}

/* hh:mm:ss, with a fraction or frames: `hours` are read, the first colon comes next. */
static bool read_clock(piece p, const rates *r, int64_t hours, int64_t *out)
{
    int64_t m, s, f = 0, sub = 0;

    if (!skip(&p, ':') || !read_int(&p, &m) || !skip(&p, ':') || !read_int(&p, &s) ||
        hours > MAX_HOURS || m > MAX_HOURS || s > MAX_HOURS) {
        return false;
    }
    *out = (hours * 3600 + m * 60 + s) * SECOND + read_fraction(&p);
    if (skip(&p, ':')) {
        if (!read_int(&p, &f) || (skip(&p, '.') && !read_int(&p, &sub))) {
            return false;
        }
        *out = jo_ticks_add(*out, of_frames(r, f, sub));
    }
    return p.len == 0;
}

/* A number, of which the whole part is read, and its metric. */
static bool read_offset(piece p, const rates *r, int64_t whole, int64_t *out)
{
    int64_t fraction = read_fraction(&p);
    static const struct {
        const char *name;
        int64_t ms;
    } metrics[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
        if (is(p, metrics[i].name)) {
            int64_t unit = metrics[i].ms * (SECOND / 1000);
            *out = jo_ticks_add(jo_ticks_round(whole, 1, unit),
                                jo_ticks_round(fraction, SECOND, unit));
            return true;
        }
    }
    if (is(p, "f")) {
        *out = jo_ticks_add(of_frames(r, whole, 0), jo_ticks_round(fraction, r->frames, r->per));
        return true;
    }
    *out = jo_ticks_round(whole, r->ticks ? r->ticks : 1, SECOND);
    return is(p, "t");
}

static bool read_time(piece p, const rates *r, int64_t *out)
{
    int64_t first;

    if (!read_int(&p, &first) || p.len == 0) {
        return false;
    }
    bool good = *p.s == ':' ? read_clock(p, r, first, out) : read_offset(p, r, first, out);
    return good && *out <= MAX_TIME;
}

static void read_multiplier(piece p, rates *r)
{
    int64_t num, den = 1;

    if (read_int(&p, &num) && (skip(&p, ' ') || skip(&p, ':')) && read_int(&p, &den) && num > 0 &&
        den > 0) {
        r->frames *= num;
        r->per *= den;
    }
}

/* ttp: attributes of the root: TTML2 7.2 */
static rates read_rates(piece attrs)
{
    rates r = {.frames = 30, .per = 1, .subframes = 1};
    piece name, value, multiplier = {"", 0};
    bool framed = false;

    while (next_attribute(&attrs, &name, &value)) {
        piece copy = value;
        int64_t n;
        name = local(name);
        if (is(name, "frameRateMultiplier")) {
            multiplier = value;
        } else if (is(name, "timeBase")) {
            r.other = !is(value, "media");
        } else if (read_int(&copy, &n) && n > 0 && n < 1000000000) {
            framed |= is(name, "frameRate");
            r.frames = is(name, "frameRate") && n < 1000000 ? n : r.frames;
            r.subframes = is(name, "subFrameRate") && n < 1000 ? n : r.subframes;
            r.ticks = is(name, "tickRate") ? n : r.ticks;
        }
    }
    if (r.ticks == 0 && framed) {
        r.ticks = r.frames * r.subframes;
    }
    read_multiplier(multiplier, &r);
    return r;
}

/* -- moving --------------------------------------------------------------------------------------------------- */

typedef struct mover {
    jo_writer *out;
    const char *copied; /* up to here the document is written */
    rates rates;
    int64_t left
        [MAX_DEPTH]; /* by how much the times of an open element's children are still to be moved */
    int depth;
    bool failed;
} mover;

/* Clock time where it was one, else seconds; no longer than need be: sizes were counted before. */
static void put_time(mover *m, piece old, int64_t ns)
{
    char text[32];
    int64_t ms = jo_ticks_round(ns < 0 ? 0 : ns, SECOND, 1000);
    bool whole = ms % 1000 == 0 && memchr(old.s, '.', old.len) == NULL;
    size_t len;

    if (memchr(old.s, ':', old.len) != NULL) {
        apr_snprintf(text, sizeof(text), "%02d:%02d:%02d.%03d", (int)(ms / 3600000),
                     (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
        len = strlen(text) - (whole ? 4 : 0);
    } else {
        apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT ".%03d", ms / 1000, (int)(ms % 1000));
        len = strlen(text);
        while (text[len - 1] == '0') {
            len--;
        }
        len -= text[len - 1] == '.';
        text[len++] = 's';
    }
    jo_write_bytes(m->out, m->copied, (size_t)(old.s - m->copied));
    jo_write_bytes(m->out, text, len);
    m->copied = old.s + old.len;
}

/* Times count from where the parent begins (TTML2 12.4): only the first timed element on each way down is moved, and
 * what is below one that began too early by the rest. Returns that rest. */
static int64_t move_element(mover *m, piece attrs, int64_t by)
{
    piece rest = attrs, name, value;
    int64_t begin = 0, time, child = by;
    bool has_begin = false;

    while (next_attribute(&rest, &name, &value)) {
        has_begin |= is(name, "begin") && read_time(value, &m->rates, &begin);
        m->failed |= is(name, "timeContainer") && is(value, "seq");
    }
    if (has_begin) {
        child = begin < by ? by - begin : 0;
    }
    for (rest = attrs; next_attribute(&rest, &name, &value);) {
        if (!read_time(value, &m->rates, &time)) {
            continue;
        }
        if (by != 0 && (is(name, "begin") || is(name, "end"))) {
            put_time(m, value, jo_ticks_sub(time, by));
        } else if (is(name, "dur") && child != 0) {
            put_time(m, value, jo_ticks_sub(time, child));
        }
    }
    return child;
}

static void move_body(mover *m, const char *at, const char *end, int64_t by)
{
    tag t;

    m->left[0] = by;
    m->depth = 0;
    while (!m->failed && next_tag(&at, end, &t)) {
        if (t.closes) {
            if (m->depth-- <= 1) {
                return; /* the body itself */
            }
            continue;
        }
        int64_t rest = move_element(m, t.attrs, m->left[m->depth]);
        if (!t.empty && ++m->depth < MAX_DEPTH) {
            m->left[m->depth] = rest;
        }
        m->failed |= m->depth >= MAX_DEPTH;
    }
}

/* The tag of the body; false if there is none. */
static bool find_body(const char **at, const char *end, const char **body, rates *r)
{
    bool root = true;

    for (tag t; *body = *at, next_tag(at, end, &t); root = false) {
        if (root) {
            *r = read_rates(t.attrs);
        } else if (is(t.name, "body")) {
            return !t.closes && !t.empty && !r->other;
        }
    }
    return false;
}

void jo_ttml_move(const uint8_t *data, size_t len, int64_t zero, jo_writer *out)
{
    const char *at = (const char *)data, *end = at + len, *body;
    mover m = {.out = out, .copied = at};
    size_t start = out->len;

    if (zero != 0 && find_body(&at, end, &body, &m.rates)) {
        move_body(&m, body, end, zero);
    }
    if (m.failed) {
        out->len = start;
        m.copied = (const char *)data;
    }
    jo_write_bytes(out, m.copied, (size_t)(end - m.copied));
}
