#include "manifest_filter.h"

#include "../base/status.h"
#include "../base/ticks.h"
#include "../media/codec.h"
#include "../media/dovi.h"
#include "../media/lang.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024, QUOTED = 40 };

/* One alternative: a range of thousandths, or a word. */
typedef struct value {
    int64_t low, high;
    const char *word;
} value;

typedef struct parameter parameter;
struct parameter {
    const char *name;
    jo_kind kind; /* that it chooses among; JO_KINDS: tracks that no title has yet */
    /* numbers */
    int64_t least, most; /* most == 0: words */
    unsigned digits;     /* of a fraction */
    jo_fraction (*number)(const jo_track *t);
    /* words; NULL: free ones */
    const char *const *words;
    bool (*is)(jo_ctx *cx, const jo_track *t, const char *word);
};

/* -- facts of a track -------------------------------------------------------------------------------------------- */

static jo_fraction whole(uint64_t v)
{
    return (jo_fraction){v > INT64_MAX ? INT64_MAX : (int64_t)v, 1};
}

static jo_fraction bitrate(const jo_track *t)
{
    return whole(t->bitrate);
}

static jo_fraction channels(const jo_track *t)
{
    return whole(t->channels);
}

static jo_fraction sample_rate(const jo_track *t)
{
    return whole(t->sample_rate);
}

static jo_fraction height(const jo_track *t)
{
    return whole(jo_track_largest_picture(t)->height);
}

static bool is_audio_codec(jo_ctx *cx, const jo_track *t, const char *word)
{
    if (t->codec == &jo_codec_aac) {
        return !strcmp(t->codec->group(t), word);
    }
    return (t->codec == &jo_codec_ac3 && !strcmp(word, "ac-3")) ||
           (t->codec == &jo_codec_eac3 && !strcmp(word, "ec-3"));
}

static bool is_video_codec(jo_ctx *cx, const jo_track *t, const char *word)
{
    return (t->codec == &jo_codec_avc && !strcmp(word, "h264")) ||
           (t->codec == &jo_codec_hevc && !strcmp(word, "h265")) ||
           (t->codec == &jo_codec_av1 && !strcmp(word, "av1"));
}

/* Dolby Vision with a compatible base is that, too. What says nothing is SDR: RFC 8216bis 4.4.6.2. */
static bool is_dynamic_range(jo_ctx *cx, const jo_track *t, const char *word)
{
    const char *range = jo_codec_video_range(t);
    jo_dovi d;
    bool dolby = jo_dovi_read(t, &d);

    if (!strcmp(word, "dv")) {
        return dolby;
    }
    if (dolby && jo_dovi_alone(&d)) {
        return false;
    }
    return !strcmp(word, range == NULL          ? "sdr"
                         : !strcmp(range, "PQ") ? "hdr10"
                                                : (!strcmp(range, "HLG") ? "hlg" : "sdr"));
}

static char *lower(apr_pool_t *pool, const char *s, size_t n)
{
    char *copy = apr_pstrmemdup(pool, s, n);

    for (char *p = copy; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return copy;
}

/* Equal for what lang.h takes for the same language; what is no tag stays what it is. */
static const char *spell_language(apr_pool_t *pool, const char *tag)
{
    const char *brief = jo_lang_short(pool, tag);
    bool none = *tag == '\0' || jo_text_same(tag, "mis") || jo_text_same(tag, "zxx");

    return none     ? "und"
           : *brief ? lower(pool, brief, strlen(brief))
                    : lower(pool, tag, strlen(tag));
}

static bool is_language(jo_ctx *cx, const jo_track *t, const char *word)
{
    return !strcmp(spell_language(cx->pool, t->language), word);
}

/* -- all parameters, by name --------------------------------------------------------------------------------------- */

#define INT32_RANGE .least = 0, .most = INT32_MAX
#define SHORT_RANGE .least = 1, .most = INT16_MAX

static const char *const audio_codecs[] = {"aacl", "aach", "ac-3", "ec-3", NULL};
static const char *const video_codecs[] = {"h264", "h265", "av1", NULL};
static const char *const ranges[] = {"sdr", "hdr10", "hlg", "dv", NULL};
static const char *const trick_types[] = {"iframe", "image", "none", NULL};

static const parameter parameters[] = {
    {"audio_bitrate", JO_AUDIO, INT32_RANGE, .number = bitrate},
    {"audio_channels", JO_AUDIO, SHORT_RANGE, .number = channels},
    {"audio_codec", JO_AUDIO, .words = audio_codecs, .is = is_audio_codec},
    {"audio_language", JO_AUDIO, .is = is_language},
    {"audio_sample_rate", JO_AUDIO, INT32_RANGE, .number = sample_rate},
    {"subtitle_language", JO_TEXT, .is = is_language},
    {"trickplay_height", JO_KINDS, .least = 1, .most = INT32_MAX},
    {"trickplay_type", JO_KINDS, .words = trick_types},
    {"video_bitrate", JO_VIDEO, INT32_RANGE, .number = bitrate},
    {"video_codec", JO_VIDEO, .words = video_codecs, .is = is_video_codec},
    {"video_dynamic_range", JO_VIDEO, .words = ranges, .is = is_dynamic_range},
    {"video_framerate", JO_VIDEO, 1, 999, .digits = 3, .number = jo_track_frame_rate},
    {"video_height", JO_VIDEO, SHORT_RANGE, .number = height},
};

enum { NPARAMETERS = sizeof(parameters) / sizeof(*parameters) };

struct jo_manifest_filter {
    apr_array_header_t *values[NPARAMETERS]; /* of value; NULL where not given */
};

static int find_parameter(const char *name)
{
    for (int i = 0; i < NPARAMETERS; i++) {
        if (!strcmp(parameters[i].name, name)) {
            return i;
        }
    }
    return -1;
}

/* -- parsing --------------------------------------------------------------------------------------------------------- */

/* Greatest thousandths: 999.999 for the frame rate. */
static int64_t most_of(const parameter *p)
{
    return p->most * 1000 + (p->digits ? 999 : 0);
}

static const char *skip_digits(const char *s, int64_t *v)
{
    for (; apr_isdigit(*s); s++) {
        *v = *v > INT64_MAX / 20000 ? *v : *v * 10 + (*s - '0');
    }
    return s;
}

/* "29.97" into thousandths; NULL or what follows it. */
static const char *read_number(const parameter *p, const char *s, int64_t *v)
{
    int64_t fraction = 0;
    const char *end;

    *v = 0;
    if (!apr_isdigit(*s)) {
        return NULL;
    }
    s = skip_digits(s, v);
    *v *= 1000;
    if (*s != '.' || p->digits == 0) {
        return s;
    }
    end = skip_digits(s + 1, &fraction);
    if (end == s + 1 || end - s - 1 > p->digits) {
        return NULL;
    }
    for (int i = 3; i > end - s - 1; i--) {
        fraction *= 10;
    }
    *v += fraction;
    return end;
}

static apr_status_t parse_range(jo_ctx *cx, const parameter *p, const char *text, value *v)
{
    const char *s = read_number(p, text, &v->low);

    v->high = v->low;
    if (s != NULL && *s == '-') {
        s = read_number(p, s + 1, &v->high);
    }
    if (s == NULL || *s != '\0') {
        return jo_fail(cx, JO_EREQUEST,
                       "aws.manifestfilter: %s: \"%.*s\" is neither a number nor low-high%s",
                       p->name, QUOTED, text, p->digits ? " (at most 3 decimals)" : "");
    }
    if (v->low > v->high) {
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: %s: %.*s: low is above high", p->name,
                       QUOTED, text);
    }
    if (v->low < p->least * 1000 || v->high > most_of(p)) {
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: %s: %.*s is not within %d to %d%s",
                       p->name, QUOTED, text, (int)p->least, (int)p->most, p->digits ? ".999" : "");
    }
    return APR_SUCCESS;
}

static apr_status_t parse_word(jo_ctx *cx, const parameter *p, const char *text, value *v)
{
    jo_text known;

    if (p->words == NULL &&
        text[strcspn(text, "\"'()")] != '\0') { /* what queries are divided by */
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: %s: \"%.*s\" is no language", p->name,
                       QUOTED, text);
    }
    if (p->words == NULL && *text != '\0') {
        v->word = spell_language(cx->pool, text);
        return APR_SUCCESS;
    }
    jo_text_init(&known, cx->pool, 64);
    for (int i = 0; p->words != NULL && p->words[i] != NULL; i++) {
        if (!strcmp(p->words[i], text)) {
            v->word = p->words[i];
            return APR_SUCCESS;
        }
        jo_text_addf(&known, "%s%s", i > 0 ? ", " : "", p->words[i]);
    }
    return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: %s: \"%.*s\" is not one of %s", p->name,
                   QUOTED, text, known.len > 0 ? known.s : "the languages: it is empty");
}

static int compare_values(const void *a, const void *b)
{
    const value *x = a, *y = b;

    if (x->word != NULL) {
        return strcmp(x->word, y->word);
    }
    return x->low != y->low ? (x->low < y->low ? -1 : 1)
                            : (x->high > y->high) - (x->high < y->high);
}

static void sort_values(apr_array_header_t *a)
{
    value *v = (value *)a->elts;
    int kept = 0;

    qsort(v, (size_t)a->nelts, sizeof(*v), compare_values);
    for (int i = 0; i < a->nelts; i++) {
        if (i == 0 || compare_values(&v[kept - 1], &v[i]) != 0) {
            v[kept++] = v[i];
        }
    }
    a->nelts = kept;
}

/* The part up to a separator, which is overwritten by NUL; *s goes on behind it, NULL after the last one. */
static char *cut(char **s, char separator)
{
    char *part = *s, *end = strchr(part, separator);

    *s = end ? end + 1 : NULL;
    if (end) {
        *end = '\0';
    }
    return part;
}

static apr_status_t parse_values(jo_ctx *cx, const parameter *p, char *text,
                                 apr_array_header_t **out)
{
    *out = apr_array_make(cx->pool, 4, sizeof(value));
    while (text != NULL) {
        const char *one = cut(&text, ',');
        value *v = &APR_ARRAY_PUSH(*out, value);
        *v = (value){0};
        if ((p->most > 0 ? parse_range : parse_word)(cx, p, one, v) != APR_SUCCESS) {
            return cx->code;
        }
    }
    sort_values(*out);
    return APR_SUCCESS;
}

static apr_status_t parse_parameter(jo_ctx *cx, char *text, jo_manifest_filter *f)
{
    char *values = text;
    const char *name = cut(&values, ':');
    int i = find_parameter(name);

    if (values == NULL) {
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: \"%.*s\" is not name:value", QUOTED,
                       name);
    }
    if (i < 0) {
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: no parameter \"%.*s\"", QUOTED, name);
    }
    if (f->values[i] != NULL) {
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: %s is given twice", name);
    }
    return parse_values(cx, &parameters[i], values, &f->values[i]);
}

apr_status_t jo_manifest_filter_parse(jo_ctx *cx, const char *text, const jo_manifest_filter **out)
{
    jo_manifest_filter *f = apr_pcalloc(cx->pool, sizeof(*f));
    size_t n = strlen(text);

    if (n > TEXT_MAX) {
        return jo_fail(cx, JO_EREQUEST, "aws.manifestfilter: more than %d characters", TEXT_MAX);
    }
    char *rest = lower(cx->pool, text, n);
    while (rest != NULL) {
        if (parse_parameter(cx, cut(&rest, ';'), f) != APR_SUCCESS) {
            return cx->code;
        }
    }
    *out = f;
    return APR_SUCCESS;
}

/* -- choosing ---------------------------------------------------------------------------------------------------------- */

/* Within half a thousandth, which tells 29.97 and 30000/1001 to be the same and matters to no whole number. */
static bool in_range(jo_fraction f, const value *v)
{
    __int128 twice = (__int128)f.num * 2000;

    return twice >= (__int128)(2 * v->low - 1) * f.den &&
           twice <= (__int128)(2 * v->high + 1) * f.den;
}

static bool has_some(jo_ctx *cx, const parameter *p, const apr_array_header_t *values,
                     const jo_track *t)
{
    for (int i = 0; i < values->nelts; i++) {
        const value *v = &APR_ARRAY_IDX(values, i, value);
        if (p->number ? in_range(p->number(t), v) : p->is(cx, t, v->word)) {
            return true;
        }
    }
    return false;
}

bool jo_manifest_filter_keeps(jo_ctx *cx, const jo_manifest_filter *f, const jo_track *t)
{
    for (int i = 0; i < NPARAMETERS; i++) {
        if (f->values[i] != NULL && parameters[i].kind == t->kind &&
            !has_some(cx, &parameters[i], f->values[i], t)) {
            return false;
        }
    }
    return true;
}

/* -- the canonical form -------------------------------------------------------------------------------------------------- */

static void write_value(const value *v, jo_text *out)
{
    if (v->word != NULL) {
        jo_text_add(out, v->word);
        return;
    }
    jo_text_add_decimal(out, v->low, 1000, 3);
    if (v->high != v->low) {
        jo_text_add(out, "-");
        jo_text_add_decimal(out, v->high, 1000, 3);
    }
}

void jo_manifest_filter_write(const jo_manifest_filter *f, jo_text *out)
{
    bool more = false;

    for (int i = 0; i < NPARAMETERS; i++) {
        const apr_array_header_t *a = f->values[i];
        if (a == NULL) {
            continue;
        }
        jo_text_addf(out, "%s%s:", more ? ";" : "", parameters[i].name);
        more = true;
        for (int k = 0; k < a->nelts; k++) {
            jo_text_add(out, k > 0 ? "," : "");
            write_value(&APR_ARRAY_IDX(a, k, value), out);
        }
    }
}
