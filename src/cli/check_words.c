#include "check.h"

#include "../base/text.h"
#include "../base/xml.h"
#include "../input/labels.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* ---- what there is */

static const char *const elements[] = {"smil",       "head",   "meta",  "paramGroup",
                                       "body",       "switch", "video", "audio",
                                       "textstream", "param",  NULL};
static const char *const media_attributes[] = {
    "src", "systemBitrate", "system-bitrate", "systemLanguage", "trackName", "trackID", NULL};
static const char *const params[] = {"systemBitrate", "system-bitrate", "systemLanguage",
                                     "trackID",       "trackName",      NULL};
/* Matched as src/input/labels.h says. */
static const char *const label_params[] = {
    "language", "role",   "kind",     "accessibility", "description", "label", "characteristics",
    "default",  "forced", "priority", "order",         "variant_set", NULL};
static const char *const metas[] = {"hls_minimum_fragment_length",
                                    "mpd_minimum_fragment_length",
                                    "iss_minimum_fragment_length",
                                    "mpd_segment_template",
                                    "iss_client_manifest_version",
                                    "hls_client_manifest_version",
                                    "hls_fmp4",
                                    "hls_no_multiplex",
                                    "hls_no_audio_only",
                                    NULL};

/* Said by other programs of the media, or to them: nothing to use, nothing to mend. */
static const char *const silent_params[] = {
    "FourCC",          "CodecPrivateData", "MaxWidth",     "MaxHeight",    "DisplayWidth",
    "DisplayHeight",   "TimeScale",        "SamplingRate", "Channels",     "BitsPerSample",
    "PacketSize",      "AudioTag",         "AVC_PROFILE",  "AVC_LEVEL",    "Subtype",
    "hardwareProfile", "parentTrackName",  "Bitrate",      "systemFourCC", NULL};
static const char *const silent_metas[] = {
    "clientManifestRelativePath", "creator", "title", "module", "copyright", "formats",
    "fragmentsPerHLSSegment",     NULL};
/* Options of Unified Origin that mean nothing here. */
static const char *const foreign_metas[] = {"variant_set",
                                            "hls_no_discontinuities",
                                            "hls_optimized",
                                            "hls_psi",
                                            "hds_client_manifest_version",
                                            "hds_minimum_fragment_length",
                                            "hds_multi_level",
                                            "mpd_min_buffer_time",
                                            "mpd_suggested_presentation_delay",
                                            "mpd_minimum_update_period",
                                            "mpd_availability_start_time",
                                            "mpd_inline_drm",
                                            "iss_playout",
                                            "hls_playout",
                                            "mpd_playout",
                                            "hds_playout",
                                            "archiving",
                                            "archive_length",
                                            "archive_segment_length",
                                            "dvr_window_length",
                                            "restart_on_encoder_reconnect",
                                            "lookahead_fragments",
                                            "time_shift",
                                            "timed_metadata",
                                            "splice_media",
                                            "fixed_gop",
                                            "vod2live",
                                            "vod2live_start_time",
                                            "live_source",
                                            "start_index",
                                            "suppress_query_parameters",
                                            "supress_query_parameters",
                                            NULL};

/* ---- names that are nearly another */

#define NAME_MAX_LEN 40

/* Lower case, without '_' and '-': what of a param's name counts. */
static size_t squeeze(const char *s, char *out)
{
    size_t n = 0;

    for (; *s && n < NAME_MAX_LEN; s++)
        if (*s != '_' && *s != '-')
            out[n++] = (char)apr_tolower(*s);
    return n;
}

/* Insertions, deletions, replacements and swaps of neighbours from a to b. */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];
    char x[NAME_MAX_LEN], y[NAME_MAX_LEN];
    size_t n = squeeze(a, x), m = squeeze(b, y);

    for (size_t i = 0; i <= n; i++) {
        for (size_t k = 0; k <= m; k++) {
            if (i == 0 || k == 0) {
                d[i][k] = (unsigned)(i + k);
                continue;
            }
            unsigned best = d[i - 1][k - 1] + (x[i - 1] != y[k - 1]);
            best = d[i - 1][k] + 1 < best ? d[i - 1][k] + 1 : best;
            best = d[i][k - 1] + 1 < best ? d[i][k - 1] + 1 : best;
            if (i > 1 && k > 1 && x[i - 1] == y[k - 2] && x[i - 2] == y[k - 1] &&
                d[i - 2][k - 2] + 1 < best)
                best = d[i - 2][k - 2] + 1;
            d[i][k] = best;
        }
    }
    return d[n][m];
}

static const char *nearest(const char *name, const char *const *known)
{
    const char *best = NULL;
    unsigned least = strlen(name) < 6 ? 2 : 3;

    for (; *known; known++) {
        unsigned d = distance(name, *known);
        if (d < least) {
            least = d;
            best = *known;
        }
    }
    return best;
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (jo_text_same(name, *list))
            return true;
    return false;
}

static bool is_label(const char *name)
{
    for (const char *const *p = label_params; *p; p++)
        if (jo_labels_same_name(name, *p))
            return true;
    return false;
}

/* ---- the tree */

static void unknown(jo_check *c, const jo_xml_node *n, const char *what, const char *name,
                    const char *const *known)
{
    const char *near = nearest(name, known);
    const char *mend = near ? apr_psprintf(c->cx->pool, "did you mean \"%s\"?", near)
                            : "leave it out, or correct its name";

    jo_check_add(c, near ? JO_WARNING : JO_NOTE, "unknown-word", n->line, name, mend,
                 "%s \"%s\" is not known and means nothing here", what, name);
}

static void check_meta(jo_check *c, const jo_xml_node *n)
{
    const char *name = jo_xml_attr_find(n, "name"), *value = jo_xml_attr_find(n, "content");

    if (!name || !value)
        jo_check_add(c, JO_WARNING, "incomplete-element", n->line, n->name,
                     "give both name and content", "a meta without %s", name ? "content" : "name");
    else if (is_one_of(name, foreign_metas))
        jo_check_add(c, JO_NOTE, "unused-option", n->line, name, NULL,
                     "the option \"%s\" is not used", name);
    else if (!is_one_of(name, metas) && !is_one_of(name, silent_metas))
        unknown(c, n, "the option", name, metas);
}

static void check_param(jo_check *c, const jo_xml_node *n)
{
    const char *name = jo_xml_attr_find(n, "name"), *value = jo_xml_attr_find(n, "value");

    if (!name || !value)
        jo_check_add(c, JO_WARNING, "incomplete-element", n->line, n->name,
                     "give both name and value", "a param without %s", name ? "value" : "name");
    else if (!is_one_of(name, params) && !is_label(name) && !is_one_of(name, silent_params))
        unknown(c, n, "the param", name, nearest(name, label_params) ? label_params : params);
}

static void check_attributes(jo_check *c, const jo_xml_node *n)
{
    for (int i = 0; i < n->nattrs; i++) {
        const char *name = n->attrs[i].name;
        if (!is_one_of(name, media_attributes) && !is_one_of(name, silent_params) &&
            !jo_text_same(name, "name"))
            unknown(c, n, "the attribute", name, media_attributes);
    }
}

static void check_node(jo_check *c, const jo_xml_node *n)
{
    static const char *const media[] = {"video", "audio", "textstream", NULL};

    if (jo_text_same(n->name, "seq") || jo_text_same(n->name, "par"))
        jo_check_add(c, JO_WARNING, "unknown-element", n->line, n->name,
                     "list the media in one switch", "<%s> is not read: nothing in it plays",
                     n->name);
    else if (!is_one_of(n->name, elements))
        unknown(c, n, "the element", n->name, elements);
    if (jo_text_same(n->name, "meta"))
        check_meta(c, n);
    else if (jo_text_same(n->name, "param"))
        check_param(c, n);
    else if (is_one_of(n->name, media))
        check_attributes(c, n);
    if (jo_text_same(n->name, "paramGroup"))
        jo_check_add(c, JO_NOTE, "unused-option", n->line, n->name, NULL,
                     "a paramGroup (keys for DRM) is not used");
}

/* The XML parser has bounded the depth. */
static void walk(jo_check *c, const jo_xml_node *n)
{
    check_node(c, n);
    if (jo_text_same(n->name, "paramGroup"))
        return;
    for (const jo_xml_node *child = n->first_child; child; child = child->next)
        walk(c, child);
}

void jo_check_words(jo_check *c, const void *data, size_t len)
{
    jo_ctx own = *c->cx;
    jo_xml_node *root;

    if (jo_xml_parse(&own, data, len, &root) == APR_SUCCESS && jo_text_same(root->name, "smil"))
        walk(c, root);
}
