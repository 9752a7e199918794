/* Descriptors of adaptation sets and representations: 23009-1 5.8. */
#include "../media/role.h"
#include "../plan/segment_events.h"
#include "dash_set.h"

#include <string.h>

#define CICP "urn:mpeg:mpegB:cicp:"

void jo_dash_add_fraction(jo_text *out, const char *name, jo_fraction f, char sign)
{
    jo_text_addf(out, " %s=\"%" APR_INT64_T_FMT, name, f.num);
    if (f.den != 1 || sign == ':') {
        jo_text_addf(out, "%c%" APR_INT64_T_FMT, sign, f.den);
    }
    jo_text_add(out, "\"");
}

static void add_descriptor(jo_text *out, const char *indent, const char *element,
                           const char *scheme, const char *value)
{
    jo_text_add(out, indent);
    jo_text_add(out, "<");
    jo_text_add(out, element);
    jo_text_add(out, " schemeIdUri=\"");
    jo_text_add_xml(out, scheme);
    jo_text_add(out, "\" value=\"");
    jo_text_add_xml(out, value);
    jo_text_add(out, "\"/>\n");
}

static void add_code(jo_text *out, const char *indent, const char *element, const char *scheme,
                     unsigned value)
{
    jo_text_addf(out, "%s<%s schemeIdUri=\"%s\" value=\"%u\"/>\n", indent, element, scheme, value);
}

/* -- colour --------------------------------------------------------------------------------------------------- */

bool jo_dash_wide(const jo_track *t)
{
    const jo_colour *c = &t->colour;

    return c->known && (c->transfer == 16 || c->transfer == 18 || c->primaries == 9);
}

/* 23091-2: 1 is BT.709, which is what players take for granted, 2 unspecified. */
static void add_cicp(jo_text *out, const char *indent, const char *element, const char *scheme,
                     unsigned value)
{
    if (value > 2) {
        add_code(out, indent, element, scheme, value);
    }
}

/* Essential for PQ, HLG and BT.2020: who can't show them should choose another set (ETSI TS 103 285 5.2, DASH-IF
 * IOP 4.3 10.2.3.4). Other colours, BT.601 mostly, look right enough to whoever doesn't know them. */
static void add_colour(jo_text *out, const char *indent, const jo_track *t)
{
    const char *element = jo_dash_wide(t) ? "EssentialProperty" : "SupplementalProperty";
    const jo_colour *c = &t->colour;

    if (c->known) {
        add_cicp(out, indent, element, CICP "ColourPrimaries", c->primaries);
        add_cicp(out, indent, element, CICP "TransferCharacteristics", c->transfer);
        add_cicp(out, indent, element, CICP "MatrixCoefficients", c->matrix);
    }
    if (c->known && c->full_range) {
        add_code(out, indent, "SupplementalProperty", CICP "VideoFullRangeFlag", 1);
    }
}

/* One colour for the whole set, as nearly always. */
static bool uniform(const jo_period *period, const jo_dash_set *set)
{
    const jo_colour *c = &period->tracks[set->tracks[0]]->colour;
    bool same = true;

    for (int k = 1; k < set->ntracks && same; k++) {
        const jo_colour *o = &period->tracks[set->tracks[k]]->colour;
        same = c->known == o->known && c->primaries == o->primaries && c->transfer == o->transfer &&
               c->matrix == o->matrix && c->full_range == o->full_range;
    }
    return same;
}

/* -- sound ---------------------------------------------------------------------------------------------------- */

/* 23091-3 ChannelConfiguration of a plain channel count; 0: a count without one. 7 is 6.1, 8 is 7.1. */
static unsigned channel_configuration(unsigned channels)
{
    switch (channels) {
    case 7:
        return 11;
    case 8:
        return 12;
    case 10:
        return 16;
    case 12:
        return 19;
    case 14:
        return 20;
    case 24:
        return 13;
    default:
        return channels <= 6 ? channels : 0;
    }
}

static void add_channels(jo_text *out, const char *indent, const jo_track *t)
{
    unsigned configuration = channel_configuration(t->channels);

    if (t->channel_scheme != NULL && t->channel_value != NULL) {
        add_descriptor(out, indent, "AudioChannelConfiguration", t->channel_scheme,
                       t->channel_value);
    } else if (configuration != 0) {
        add_code(out, indent, "AudioChannelConfiguration",
                 "urn:mpeg:dash:23003:3:audio_channel_configuration:2011", configuration);
    }
}

/* ETSI TS 103 420 D.2 */
static void add_joc(jo_text *out, const char *indent, const jo_track *t)
{
    add_descriptor(out, indent, "SupplementalProperty",
                   "tag:dolby.com,2018:dash:EC3_ExtensionType:2018", "JOC");
    add_code(out, indent, "SupplementalProperty",
             "tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018", t->joc_complexity);
}

/* -- labels ----------------------------------------------------------------------------------------------------- */

static void add_list(jo_text *out, const char *element, const jo_role *list, int n)
{
    for (int i = 0; i < n; i++) {
        add_descriptor(out, "      ", element, list[i].scheme, list[i].value);
    }
}

/* Players look for DVB's purpose as often as for the role. */
static void add_accessibility(jo_text *out, const jo_track *t)
{
    const jo_labels *l = &t->labels;
    const char *purpose = jo_role_purpose(t);
    bool said = false;

    for (int i = 0; i < l->naccessibility; i++) {
        said = said || !strcmp(l->accessibility[i].scheme, JO_PURPOSE_SCHEME);
    }
    add_list(out, "Accessibility", l->accessibility, l->naccessibility);
    if (purpose != NULL && !said) {
        add_descriptor(out, "      ", "Accessibility", JO_PURPOSE_SCHEME, purpose);
    }
}

/* The role of a track of which nothing is said. */
static const char *usual_role(const jo_track *t, const jo_dash_set *set)
{
    if (t->kind == JO_TEXT) {
        return jo_role_has(t, "caption") ? "caption" : "subtitle";
    }
    return set->alternate || t->labels.naccessibility > 0 ? "alternate" : "main";
}

static void add_roles(jo_text *out, const jo_track *t, const jo_dash_set *set)
{
    const jo_labels *l = &t->labels;
    bool said = false;

    for (int i = 0; i < l->nroles; i++) {
        said = said || !strcmp(l->roles[i].value, "forced-subtitle");
    }
    add_list(out, "Role", l->roles, l->nroles);
    if (l->nroles == 0) {
        add_descriptor(out, "      ", "Role", JO_ROLE_SCHEME, usual_role(t, set));
    }
    if (l->forced && !said) {
        add_descriptor(out, "      ", "Role", JO_ROLE_SCHEME, "forced-subtitle");
    }
}

/* -- events ----------------------------------------------------------------------------------------------------- */

/* Those that any event in the listed segments is of: 23009-1 5.10.3.2 */
static void add_event_streams(jo_text *out, const jo_track *t, const jo_track_plan *tp)
{
    const jo_event *e;
    uint32_t n = jo_segment_events(&t->events->all, t, tp, tp->first, tp->last, &e);

    for (uint32_t s = 0; s < t->events->nstreams; s++) {
        uint32_t i = 0;
        while (i < n && e[i].stream != s) {
            i++;
        }
        if (i < n) {
            add_descriptor(out, "      ", "InbandEventStream", t->events->streams[s].scheme,
                           t->events->streams[s].value);
        }
    }
}

void jo_dash_describe_set(jo_text *out, const jo_view *q, const jo_dash_set *set)
{
    const jo_period *period = &q->period;
    const jo_track *t = period->tracks[set->tracks[0]];

    if (t->kind == JO_VIDEO && uniform(period, set)) {
        add_colour(out, "      ", t);
    }
    if (t->joc) {
        add_joc(out, "      ", t);
    }
    if (set->continues > 0) {
        add_code(out, "      ", "SupplementalProperty",
                 set->seamless ? "urn:mpeg:dash:period-continuity:2015"
                               : "urn:mpeg:dash:period-connectivity:2015",
                 (unsigned)set->continues);
    }
    if (t->events != NULL) {
        add_event_streams(out, t, &q->plan.tracks[set->tracks[0]]);
    }
    if (t->labels.label != NULL) {
        jo_text_add(out, "      <Label>");
        jo_text_add_xml(out, t->labels.label);
        jo_text_add(out, "</Label>\n");
    }
    add_accessibility(out, t);
    add_roles(out, t, set);
}

/* -- representations -------------------------------------------------------------------------------------------- */

/* SUPPLEMENTAL-CODECS "codecs/brand" as SCTE 214-1 has it. */
void jo_dash_add_codec_attributes(jo_text *out, const jo_track *t)
{
    const char *slash = t->supplemental ? strchr(t->supplemental, '/') : NULL;

    if (t->supplemental == NULL) {
        return;
    }
    jo_text_add(out, " scte214:supplementalCodecs=\"");
    jo_text_add_n(out, t->supplemental,
                  slash ? (size_t)(slash - t->supplemental) : strlen(t->supplemental));
    if (slash != NULL) {
        jo_text_addf(out, "\" scte214:supplementalProfiles=\"%s", slash + 1);
    }
    jo_text_add(out, "\"");
}

void jo_dash_describe_representation(jo_text *out, const jo_period *period, const jo_dash_set *set,
                                     const jo_track *t)
{
    if (t->kind == JO_AUDIO) {
        add_channels(out, "        ", t);
    } else if (t->kind == JO_VIDEO && !uniform(period, set)) {
        add_colour(out, "        ", t);
    }
}
