#include "filter_vars.h"

#include "../base/text.h"
#include "../media/codec.h"
#include "../media/lang.h"
#include "../media/role.h"

#include <apr_strings.h>
#include <ctype.h>
#include <string.h>

#define VIDEO           (1u << JO_VIDEO)
#define AUDIO           (1u << JO_AUDIO)
#define ALL             ((1u << JO_KINDS) - 1)
#define BITS_PER_SAMPLE 16 /* as the Smooth manifest has it */
#define MOST            999999999999999999

/* -- spellings ---------------------------------------------------------------------------------------------- */

typedef struct synonym {
    const char *word, *means;
} synonym;

static const char *lower(apr_pool_t *pool, const char *s)
{
    char *copy = apr_pstrdup(pool, s);

    for (char *p = copy; *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    }
    return copy;
}

static const char *upper(apr_pool_t *pool, const char *s)
{
    char *copy = apr_pstrdup(pool, s);

    for (char *p = copy; *p; p++) {
        *p = (char)(*p >= 'a' && *p <= 'z' ? *p - ('a' - 'A') : *p);
    }
    return copy;
}

static const char *spell_exact(apr_pool_t *pool, const char *s)
{
    return apr_pstrdup(pool, s);
}

static const char *spell_type(apr_pool_t *pool, const char *s)
{
    return jo_text_same(s, "text") ? "textstream" : lower(pool, s);
}

static const char *spell_language(apr_pool_t *pool, const char *s)
{
    const char *language = jo_lang_short(pool, s);
    bool none = !*s || jo_text_same(s, "mis") || jo_text_same(s, "zxx");

    return *language ? lower(pool, language) : none ? "und" : lower(pool, s);
}

static const char *spell_fourcc(apr_pool_t *pool, const char *s)
{
    static const synonym synonyms[] = {{"H264", "AVC1"}, {"AACP", "AACH"}, {"DFXP", "TTML"}};

    for (size_t i = 0; i < sizeof(synonyms) / sizeof(*synonyms); i++) {
        if (jo_text_same(s, synonyms[i].word)) {
            return synonyms[i].means;
        }
    }
    return upper(pool, s);
}

static const char *spell_role(apr_pool_t *pool, const char *s)
{
    char *copy = apr_pstrdup(pool, lower(pool, s));

    for (char *p = copy; *p; p++) {
        *p = *p == '_' ? '-' : *p;
    }
    return copy;
}

/* -- strings of a track ---------------------------------------------------------------------------------------- */

static bool is_type(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    static const char *const words[] = {"video", "audio", "textstream", "meta"};

    return t->kind < sizeof(words) / sizeof(*words) && !strcmp(words[t->kind], value);
}

/* Params have been read: t->language follows from them. */
static bool is_language(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    return !strcmp(spell_language(cx->pool, t->language), value);
}

/* The name as written, and the one that is unique. */
static bool is_name(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    return !strcmp(t->name, value) || (param && !strcmp(param, value));
}

/* What Smooth Streaming and descriptors call a codec, where that isn't the sample entry's code. Dolby Vision goes by its
 * own codes alone: players without it can't use what has no other. */
static const char *common_fourcc(jo_ctx *cx, const jo_track *t)
{
    static const struct {
        uint32_t entry;
        const char *name;
    } names[] = {{JO_FOURCC('a', 'v', 'c', '3'), "AVC1"},
                 {JO_FOURCC('h', 'e', 'v', '1'), "HVC1"},
                 {JO_FOURCC('s', 't', 'p', 'p'), "TTML"}};

    if (t->codec == &jo_codec_aac) {
        return upper(cx->pool, t->codec->group(t));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (t->fourcc == names[i].entry) {
            return names[i].name;
        }
    }
    return NULL;
}

static bool is_fourcc(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    const char *common = param ? NULL : common_fourcc(cx, t);

    if (param) {
        return !strcmp(spell_fourcc(cx->pool, param), value);
    }
    return !strcmp(upper(cx->pool, jo_fourcc_text(cx->pool, t->fourcc)), value) ||
           (common && !strcmp(common, value));
}

static bool is_role(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    return jo_role_has(t, value);
}

/* The whole, or all up to a dot. */
static bool starts_codec(jo_ctx *cx, const char *codec, const char *value)
{
    size_t n = strlen(value);

    return codec && n > 0 && !strncmp(lower(cx->pool, codec), value, n) &&
           (codec[n] == '\0' || codec[n] == '.');
}

/* As any manifest has it: HLS and DASH may name the same stream by two sample entries. */
static bool is_codec(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    for (int i = 0; i < t->nvariants; i++) {
        const jo_track *v = t->variants[i];
        for (jo_entry_style style = JO_ENTRY_SOURCE; style <= JO_ENTRY_PLAIN; style++) {
            if (starts_codec(cx, v->codec->rfc6381(cx->pool, v, style), value)) {
                return true;
            }
        }
    }
    return false;
}

/* RFC 8216bis 4.4.6.2: what says nothing is SDR. */
static bool is_range(jo_ctx *cx, const jo_track *t, const char *param, const char *value)
{
    const char *range = jo_codec_video_range(t);

    return !strcmp(range ? range : "SDR", value);
}

/* -- numbers of a track ----------------------------------------------------------------------------------------- */

static bool whole(uint64_t v, jo_fraction *out)
{
    *out = (jo_fraction){v > INT64_MAX ? INT64_MAX : (int64_t)v, 1};
    return true;
}

static bool bitrate(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return whole(t->bitrate, out);
}

static bool track_id(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return whole(t->id, out);
}

static bool timescale(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return whole(t->timescale, out);
}

static bool sampling_rate(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return t->sample_rate > 0 && whole(t->sample_rate, out);
}

static bool channels(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return t->channels > 0 && whole(t->channels, out);
}

static bool bits_per_sample(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return whole(BITS_PER_SAMPLE, out);
}

static bool audio_tag(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    jo_smooth s;

    return (t->formats & JO_SMOOTH) && t->codec->smooth && t->codec->smooth(cx, t, &s) &&
           whole(s.audio_tag, out);
}

static bool height(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return jo_track_largest_picture(t)->height > 0 &&
           whole(jo_track_largest_picture(t)->height, out);
}

static bool width(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return jo_track_largest_picture(t)->width > 0 && whole(jo_track_largest_picture(t)->width, out);
}

static bool display_width(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return jo_track_largest_picture(t)->width > 0 &&
           whole(jo_track_display_width(jo_track_largest_picture(t)), out);
}

static bool frame_rate(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    *out = jo_track_frame_rate(t);
    return true;
}

/* 14496-15 5.3.3.1.2: AVCProfileIndication and AVCLevelIndication. */
static bool avc_byte(const jo_track *t, size_t at, jo_fraction *out)
{
    return t->codec == &jo_codec_avc && t->config_len > at && whole(t->config[at], out);
}

static bool avc_profile(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return avc_byte(t, 1, out);
}

static bool avc_level(jo_ctx *cx, const jo_track *t, jo_fraction *out)
{
    return avc_byte(t, 3, out);
}

/* -- all variables ---------------------------------------------------------------------------------------------- */

#define RATE_TOLERANCE 500 /* 29.97 is 30000/1001 */

static const jo_variable variables[] = {
    {.name = "type", .kinds = ALL, .equals = is_type, .spell = spell_type},
    {.name = "systemBitrate", .kinds = ALL, .number = bitrate},
    {.name = "systemLanguage", .kinds = ALL, .equals = is_language, .spell = spell_language},
    {.name = "FourCC", .kinds = ALL, .param = true, .equals = is_fourcc, .spell = spell_fourcc},
    {.name = "trackID", .kinds = ALL, .number = track_id},
    {.name = "trackName", .kinds = ALL, .param = true, .equals = is_name, .spell = spell_exact},
    {.name = "TimeScale", .kinds = ALL, .param = true, .number = timescale},
    {.name = "SamplingRate", .kinds = AUDIO, .param = true, .number = sampling_rate},
    {.name = "Channels", .kinds = AUDIO, .param = true, .number = channels},
    {.name = "BitsPerSample", .kinds = AUDIO, .param = true, .number = bits_per_sample},
    {.name = "AudioTag", .kinds = AUDIO, .param = true, .number = audio_tag},
    {.name = "MaxWidth", .kinds = VIDEO, .param = true, .number = width},
    {.name = "MaxHeight", .kinds = VIDEO, .param = true, .number = height},
    {.name = "DisplayWidth", .kinds = VIDEO, .param = true, .number = display_width},
    {.name = "DisplayHeight", .kinds = VIDEO, .param = true, .number = height},
    {.name = "AVC_PROFILE", .kinds = VIDEO, .param = true, .number = avc_profile},
    {.name = "AVC_LEVEL", .kinds = VIDEO, .param = true, .number = avc_level},
    {.name = "frameRate", .kinds = VIDEO, .number = frame_rate, .tolerance = RATE_TOLERANCE},
    {.name = "role", .kinds = ALL, .equals = is_role, .spell = spell_role},
    {.name = "codec", .kinds = ALL, .equals = is_codec, .spell = lower},
    {.name = "videoRange", .kinds = VIDEO, .equals = is_range, .spell = upper},
    {.name = "width", .kinds = VIDEO, .number = width},
    {.name = "height", .kinds = VIDEO, .number = height},
};

static const struct {
    const char *variable, *name;
    int value;
} constants[] = {{"AVC_PROFILE", "AVC_PROFILE_BASELINE", 66},
                 {"AVC_PROFILE", "AVC_PROFILE_MAIN", 77},
                 {"AVC_PROFILE", "AVC_PROFILE_HIGH", 100}};

const jo_variable *jo_variable_at(int i)
{
    return i >= 0 && i < (int)(sizeof(variables) / sizeof(*variables)) ? &variables[i] : NULL;
}

const jo_variable *jo_variable_find(const char *name)
{
    for (int i = 0; jo_variable_at(i) != NULL; i++) {
        if (jo_text_same(variables[i].name, name)) {
            return &variables[i];
        }
    }
    return NULL;
}

bool jo_constant_find(const jo_variable *v, const char *name, jo_number *out)
{
    for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
        if (jo_text_same(constants[i].name, name) &&
            (v == NULL || !strcmp(constants[i].variable, v->name))) {
            *out = (jo_number){constants[i].value, 0};
            return true;
        }
    }
    return false;
}

bool jo_number_parse(const char *s, jo_number *out)
{
    int32_t unit = 100000;

    *out = (jo_number){0, 0};
    if (!isdigit((unsigned char)*s)) {
        return false;
    }
    for (; isdigit((unsigned char)*s); s++) {
        if (out->whole > (MOST - (*s - '0')) / 10) {
            return false;
        }
        out->whole = out->whole * 10 + (*s - '0');
    }
    if (*s == '.' && isdigit((unsigned char)s[1])) {
        for (s++; isdigit((unsigned char)*s) && (unit > 0 || *s == '0'); s++, unit /= 10) {
            out->micro += unit * (*s - '0');
        }
    }
    return *s == '\0';
}

/* -- comparing ----------------------------------------------------------------------------------------------------- */

static bool number_param(jo_ctx *cx, const jo_variable *v, const jo_track *t, jo_fraction *out)
{
    const char *param = v->param ? jo_track_param(t, v->name) : NULL;
    jo_number n;

    if (param == NULL) {
        return false;
    }
    char *s = apr_pstrdup(cx->pool, param);
    apr_collapse_spaces(s, s);
    if (!jo_number_parse(s, &n) && !jo_constant_find(v, s, &n)) {
        return false;
    }
    __int128 millionths = (__int128)n.whole * 1000000 + n.micro;
    *out = millionths > INT64_MAX ? (jo_fraction){n.whole, 1}
                                  : (jo_fraction){(int64_t)millionths, 1000000};
    return true;
}

static bool has(const jo_variable *v, const jo_track *t)
{
    return v->kinds >> t->kind & 1;
}

bool jo_variable_compare(jo_ctx *cx, const jo_variable *v, const jo_track *t, const jo_number *n,
                         int *order)
{
    jo_fraction f;

    if (!number_param(cx, v, t, &f) && (!has(v, t) || !v->number(cx, t, &f))) {
        return false;
    }
    __int128 wanted = ((__int128)n->whole * 1000000 + n->micro) * f.den;
    __int128 over = (__int128)f.num * 1000000 - wanted;
    __int128 tolerance = (__int128)v->tolerance * f.den;
    *order = over > tolerance ? 1 : over < -tolerance ? -1 : 0;
    return true;
}

bool jo_variable_equals(jo_ctx *cx, const jo_variable *v, const jo_track *t, const char *value,
                        bool *equal)
{
    const char *param = v->param ? jo_track_param(t, v->name) : NULL;

    if (param == NULL && !has(v, t)) {
        return false;
    }
    *equal = v->equals(cx, t, param, value);
    return true;
}
