#include "ism.h"

#include "../base/status.h"
#include "../base/text.h"
#include "../base/xml.h"
#include "labels.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    jo_ism_type type;
} elements[] = {{"video", JO_ISM_VIDEO}, {"audio", JO_ISM_AUDIO}, {"textstream", JO_ISM_TEXT}};

typedef struct parse {
    jo_ctx *cx;
    jo_ism *ism;
    apr_array_header_t *tracks;
    apr_array_header_t *metas;
} parse;

const char *jo_ism_param(const jo_ism_track *t, const char *name)
{
    for (int i = 0; i < t->nparams; i++)
        if (jo_text_same(t->params[i].name, name))
            return t->params[i].value;
    return NULL;
}

static const char *non_empty(const char *s)
{
    return s && *s ? s : NULL;
}

/* Decimal digits up to max; white space around them is let pass. An absent or empty value leaves *out alone. */
static apr_status_t parse_number(jo_ctx *cx, unsigned line, const char *what, const char *s,
                                 uint64_t max, uint64_t *out)
{
    const char *p = s;
    uint64_t v = 0;
    bool digits = false, good = true;

    if (!non_empty(s))
        return APR_SUCCESS;
    p += strspn(p, " \t\r\n");
    for (; *p >= '0' && *p <= '9'; p++) {
        digits = true;
        good = good && v <= (max - (uint64_t)(*p - '0')) / 10;
        v = good ? v * 10 + (uint64_t)(*p - '0') : 0;
    }
    p += strspn(p, " \t\r\n");
    if (!digits || !good || *p)
        return jo_fail(cx, JO_EMEDIA, "line %u: %s \"%s\" is not a number up to %llu", line, what,
                       s, (unsigned long long)max);
    *out = v;
    return APR_SUCCESS;
}

static void collect_pairs(const jo_xml_node *parent, const char *element, const char *value_name,
                          apr_array_header_t *a)
{
    for (const jo_xml_node *n = parent->first_child; n; n = n->next) {
        const char *name = jo_xml_attr_find(n, "name"), *value = jo_xml_attr_find(n, value_name);
        if (jo_text_same(n->name, element) && name && value)
            APR_ARRAY_PUSH(a, jo_pair) = (jo_pair){name, value};
    }
}

/* An attribute, else the param of that name; "" counts as absent. */
static const char *attr_or_param(const jo_xml_node *n, const jo_ism_track *t, const char *name)
{
    const char *v = non_empty(jo_xml_attr_find(n, name));

    return v ? v : non_empty(jo_ism_param(t, name));
}

static const char *param_or_attr(const jo_xml_node *n, const jo_ism_track *t, const char *name)
{
    const char *v = non_empty(jo_ism_param(t, name));

    return v ? v : non_empty(jo_xml_attr_find(n, name));
}

static apr_status_t parse_media(parse *p, const jo_xml_node *n, jo_ism_type type)
{
    jo_ctx *cx = p->cx;
    jo_ism_track t = {.type = type, .line = n->line};
    apr_array_header_t *params = apr_array_make(cx->pool, 8, sizeof(jo_pair));
    const char *bitrate;
    uint64_t id = 0;
    jo_labels labels;

    if (p->tracks->nelts >= 0 && (uint32_t)p->tracks->nelts >= cx->limits->tracks)
        return jo_fail(cx, JO_EMEDIA, "line %u: more than %u tracks", n->line, cx->limits->tracks);
    t.src = non_empty(jo_xml_attr_find(n, "src"));
    if (!t.src)
        return jo_fail(cx, JO_EMEDIA, "line %u: <%s> has no src", n->line, n->name);
    collect_pairs(n, "param", "value", params);
    t.params = (jo_pair *)params->elts;
    t.nparams = params->nelts;
    bitrate = attr_or_param(n, &t, "systemBitrate");
    if (!bitrate)
        bitrate = attr_or_param(n, &t, "system-bitrate");
    parse_number(cx, n->line, "systemBitrate", bitrate, 1000000000000, &t.bitrate);
    parse_number(cx, n->line, "trackID", param_or_attr(n, &t, "trackID"), UINT32_MAX, &id);
    t.track_id = (uint32_t)id;
    t.lang = attr_or_param(n, &t, "systemLanguage");
    if (!t.lang)
        t.lang = jo_labels_param(&t, "language");
    t.name = param_or_attr(n, &t, "trackName");
    if (t.name && strchr(t.name, '/'))
        return jo_fail(cx, JO_EMEDIA, "line %u: '/' in trackName \"%s\"", n->line, t.name);
    jo_labels_parse(cx, &t, &labels);
    APR_ARRAY_PUSH(p->tracks, jo_ism_track) = t;
    return cx->code;
}

/* Media elements of a body or of a switch in it; the XML parser has bounded the depth. */
static apr_status_t parse_body(parse *p, const jo_xml_node *body)
{
    for (const jo_xml_node *n = body->first_child; n && p->cx->code == APR_SUCCESS; n = n->next) {
        if (jo_text_same(n->name, "switch"))
            parse_body(p, n);
        for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
            if (jo_text_same(n->name, elements[i].name))
                parse_media(p, n, elements[i].type);
    }
    return p->cx->code;
}

static apr_status_t parse_length(jo_ctx *cx, const jo_pair *meta, jo_fraction *out)
{
    if (!jo_fraction_parse(meta->value, out))
        return jo_fail(cx, JO_EMEDIA, "%s \"%s\" is not a length in seconds", meta->name,
                       meta->value);
    return APR_SUCCESS;
}

static apr_status_t parse_template(jo_ctx *cx, const jo_pair *meta, jo_template *out)
{
    if (!jo_template_parse(meta->value, out))
        return jo_fail(cx, JO_EMEDIA, "%s \"%s\" is none of time, number, number_timeline",
                       meta->name, meta->value);
    return APR_SUCCESS;
}

static apr_status_t parse_version(jo_ctx *cx, const jo_pair *meta, unsigned *out)
{
    if (!jo_iss_version_parse(meta->value, out))
        return jo_fail(cx, JO_EMEDIA, "%s \"%s\" is none of 20, 21, 22", meta->name, meta->value);
    return APR_SUCCESS;
}

static apr_status_t parse_hls_version(jo_ctx *cx, const jo_pair *meta, unsigned *out)
{
    if (!jo_hls_version_parse(meta->value, out))
        return jo_fail(cx, JO_EMEDIA, "%s \"%s\" is no number from 1 to 13", meta->name,
                       meta->value);
    return APR_SUCCESS;
}

/* hls_fmp4 and others that are true or false. */
static const struct {
    const char *name;
    size_t offset;
} flags[] = {{"hls_fmp4", offsetof(jo_options, hls_fmp4)},
             {"hls_no_multiplex", offsetof(jo_options, hls_no_multiplex)},
             {"hls_no_audio_only", offsetof(jo_options, hls_no_audio_only)}};

static bool *flag_at(jo_options *options, size_t i)
{
    return (bool *)((char *)options + flags[i].offset);
}

static apr_status_t parse_flag(jo_ctx *cx, const jo_pair *meta, jo_options *options)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (jo_text_same(meta->name, flags[i].name) &&
            !jo_flag_parse(meta->value, flag_at(options, i)))
            return jo_fail(cx, JO_EMEDIA, "%s \"%s\" is neither true nor false", meta->name,
                           meta->value);
    return APR_SUCCESS;
}

/* Several heads count as one; of a meta given twice the last. */
static apr_status_t parse_head(parse *p, const jo_xml_node *head)
{
    jo_ism *ism = p->ism;
    int before = ism->nmetas;

    collect_pairs(head, "meta", "content", p->metas);
    ism->metas = (jo_pair *)p->metas->elts;
    ism->nmetas = p->metas->nelts;
    for (int i = before; i < ism->nmetas && p->cx->code == APR_SUCCESS; i++) {
        const jo_pair *m = &ism->metas[i];
        if (jo_text_same(m->name, "hls_minimum_fragment_length"))
            parse_length(p->cx, m, &ism->options.hls_length);
        else if (jo_text_same(m->name, "mpd_minimum_fragment_length"))
            parse_length(p->cx, m, &ism->options.mpd_length);
        else if (jo_text_same(m->name, "mpd_segment_template"))
            parse_template(p->cx, m, &ism->options.mpd_template);
        else if (jo_text_same(m->name, "iss_minimum_fragment_length"))
            parse_length(p->cx, m, &ism->options.iss_length);
        else if (jo_text_same(m->name, "iss_client_manifest_version"))
            parse_version(p->cx, m, &ism->options.iss_version);
        else if (jo_text_same(m->name, "hls_client_manifest_version"))
            parse_hls_version(p->cx, m, &ism->options.hls_version);
        else
            parse_flag(p->cx, m, &ism->options);
    }
    return p->cx->code;
}

apr_status_t jo_ism_parse(jo_ctx *cx, const void *data, size_t len, const jo_ism **out)
{
    jo_ism *ism = apr_pcalloc(cx->pool, sizeof *ism);
    parse p = {cx, ism, apr_array_make(cx->pool, 8, sizeof(jo_ism_track)),
               apr_array_make(cx->pool, 8, sizeof(jo_pair))};
    jo_xml_node *root;

    if (len > cx->limits->descriptor_size)
        return jo_fail(cx, JO_EMEDIA, "descriptor of %zu bytes, %zu are allowed", len,
                       cx->limits->descriptor_size);
    if (jo_xml_parse(cx, data, len, &root) != APR_SUCCESS)
        return cx->code;
    if (!jo_text_same(root->name, "smil"))
        return jo_fail(cx, JO_EMEDIA, "line %u: not a descriptor: <%s> instead of <smil>",
                       root->line, root->name);
    for (const jo_xml_node *n = root->first_child; n && cx->code == APR_SUCCESS; n = n->next) {
        if (jo_text_same(n->name, "head"))
            parse_head(&p, n);
        else if (jo_text_same(n->name, "body"))
            parse_body(&p, n);
    }
    if (cx->code != APR_SUCCESS)
        return cx->code;
    if (p.tracks->nelts == 0)
        return jo_fail(cx, JO_EMEDIA, "no video, audio or textstream element in the body");
    ism->tracks = (jo_ism_track *)p.tracks->elts;
    ism->ntracks = p.tracks->nelts;
    *out = ism;
    return APR_SUCCESS;
}

const jo_ism *jo_ism_direct(apr_pool_t *pool, const char *src)
{
    jo_ism *ism = apr_pcalloc(pool, sizeof *ism);

    ism->ntracks = sizeof elements / sizeof *elements;
    ism->tracks = apr_pcalloc(pool, sizeof elements / sizeof *elements * sizeof *ism->tracks);
    for (int i = 0; i < ism->ntracks; i++)
        ism->tracks[i] = (jo_ism_track){.type = elements[i].type, .src = apr_pstrdup(pool, src)};
    return ism;
}

/* ---- writing */

static void write_pair(jo_text *out, const char *before, const char *name, const char *value_name,
                       const char *value, const char *after)
{
    jo_text_addf(out, "%s name=\"", before);
    jo_text_add_xml(out, name);
    jo_text_addf(out, "\" %s=\"", value_name);
    jo_text_add_xml(out, value);
    jo_text_addf(out, "\"%s/>\n", after);
}

static void write_attr(jo_text *out, const char *name, const char *value)
{
    jo_text_addf(out, " %s=\"", name);
    jo_text_add_xml(out, value);
    jo_text_add(out, "\"");
}

static const char *meta_find(const jo_ism *ism, const char *name)
{
    for (int i = 0; i < ism->nmetas; i++)
        if (jo_text_same(ism->metas[i].name, name))
            return ism->metas[i].value;
    return NULL;
}

static void write_length(jo_text *out, const jo_ism *ism, const char *name, jo_fraction length)
{
    jo_text value;

    if (length.den == 0 || meta_find(ism, name))
        return;
    jo_text_init(&value, out->pool, 0);
    jo_text_add_int(&value, length.num);
    if (length.den != 1)
        jo_text_addf(&value, "/%lld", (long long)length.den);
    write_pair(out, "    <meta", name, "content", value.s, "");
}

static void write_number(jo_text *out, const jo_ism *ism, const char *name, unsigned v)
{
    char digits[12];

    if (v == 0 || meta_find(ism, name))
        return;
    apr_snprintf(digits, sizeof digits, "%u", v);
    write_pair(out, "    <meta", name, "content", digits, "");
}

static void write_head(jo_text *out, const jo_ism *ism)
{
    jo_options options = ism->options;

    jo_text_add(out, "  <head>\n");
    for (int i = 0; i < ism->nmetas; i++)
        write_pair(out, "    <meta", ism->metas[i].name, "content", ism->metas[i].value, "");
    write_length(out, ism, "hls_minimum_fragment_length", ism->options.hls_length);
    write_length(out, ism, "mpd_minimum_fragment_length", ism->options.mpd_length);
    write_length(out, ism, "iss_minimum_fragment_length", ism->options.iss_length);
    if (ism->options.mpd_template != JO_TEMPLATE_TIME && !meta_find(ism, "mpd_segment_template"))
        write_pair(out, "    <meta", "mpd_segment_template", "content",
                   jo_template_word(ism->options.mpd_template), "");
    write_number(out, ism, "iss_client_manifest_version", ism->options.iss_version);
    write_number(out, ism, "hls_client_manifest_version", ism->options.hls_version);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (*flag_at(&options, i) && !meta_find(ism, flags[i].name))
            write_pair(out, "    <meta", flags[i].name, "content", "true", "");
    jo_text_add(out, "  </head>\n");
}

static void write_track(jo_text *out, const jo_ism_track *t)
{
    static const char param[] = "        <param", data[] = " valueType=\"data\"";

    jo_text_addf(out, "      <%s", elements[t->type].name);
    write_attr(out, "src", t->src);
    if (t->bitrate)
        jo_text_addf(out, " systemBitrate=\"%llu\"", (unsigned long long)t->bitrate);
    if (t->lang)
        write_attr(out, "systemLanguage", t->lang);
    jo_text_add(out, ">\n");
    if (t->track_id && !non_empty(jo_ism_param(t, "trackID"))) {
        char id[12];
        apr_snprintf(id, sizeof id, "%u", t->track_id);
        write_pair(out, param, "trackID", "value", id, data);
    }
    if (t->name && !non_empty(jo_ism_param(t, "trackName")))
        write_pair(out, param, "trackName", "value", t->name, data);
    for (int i = 0; i < t->nparams; i++)
        write_pair(out, param, t->params[i].name, "value", t->params[i].value, data);
    jo_text_addf(out, "      </%s>\n", elements[t->type].name);
}

void jo_ism_write(const jo_ism *ism, jo_text *out)
{
    jo_text_add(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                     "<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\">\n");
    write_head(out, ism);
    jo_text_add(out, "  <body>\n    <switch>\n");
    for (int i = 0; i < ism->ntracks; i++)
        write_track(out, &ism->tracks[i]);
    jo_text_add(out, "    </switch>\n  </body>\n</smil>\n");
}
