/* Adaptation sets: which tracks a player may switch between, and what is said of them. */
#ifndef JO_DASH_SET_H
#define JO_DASH_SET_H

#include "../base/text.h"
#include "dash_period.h"

typedef struct jo_dash_set {
    int *tracks; /* into the period */
    int ntracks;
    bool alternate;       /* another sound of that language was there before */
    jo_template template; /* after the check whether plain numbers fit */
    bool shared_timeline; /* one SegmentTemplate for all */
    int id;               /* AdaptationSet@id, the same in all periods */
    int continues;        /* Period@id of the period whose set of this id goes on here, 0 none */
    bool seamless;        /* it goes on exactly at the period's start */
} jo_dash_set;

/* Fills sets (room for one per listed track) and returns their number. Tracks that the plan has no segment of are in
 * none. */
int jo_dash_make_sets(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                      const jo_resource *rs, jo_dash_set *sets);

/* What the period before had, by track. Zeroed: there was none. */
typedef struct jo_dash_before {
    int period;   /* its Period@id, 0 none */
    int *id;      /* AdaptationSet@id, 0 where the track was never there */
    int *variant; /* of the last segment there, -1 where it had none */
    int ids;      /* the largest id so far */
} jo_dash_before;

/* Gives sets their ids, the same in all periods, and says which go on with the same initialization (23009-1 5.3.2.4). */
void jo_dash_identify_sets(jo_ctx *cx, const jo_view *q, jo_dash_set *sets, int n,
                           jo_dash_before *before);

/* Are segments of a track addressed by $Time$? Those of one with holes always: numbers can't be left out. */
static inline bool jo_dash_by_time(jo_template template, const jo_track_plan *tp)
{
    return template == JO_TEMPLATE_TIME || tp->holes;
}

/* Plain $Number$ with @duration: does every segment start within half a duration of where a client will compute
 * it, and does the client compute as many as there are? */
bool jo_dash_numbers_fit(const jo_presentation *p, const jo_track *t, const jo_track_plan *tp,
                         int n, int64_t *duration);

/* -- attributes and descriptors (dash_describe.c) */

void jo_dash_add_fraction(jo_text *out, const char *name, jo_fraction f, char sign);

/* Properties, Label, Accessibility and Role of a set, in the schema's order. */
void jo_dash_describe_set(jo_text *out, const jo_view *q, const jo_dash_set *set);

/* Attributes and child elements of a Representation that follow from its codec. */
void jo_dash_add_codec_attributes(jo_text *out, const jo_track *t);
void jo_dash_describe_representation(jo_text *out, const jo_period *period, const jo_dash_set *set,
                                     const jo_track *t);

/* Colours that a player must know of before it chooses: PQ, HLG, BT.2020. */
bool jo_dash_wide(const jo_track *t);

#endif
