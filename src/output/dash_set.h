/* Adaptation sets: which tracks a player may switch between, and what is said of them. */
#ifndef JO_DASH_SET_H
#define JO_DASH_SET_H

#include "../base/text.h"
#include "packager.h"

typedef struct jo_dash_set {
    int *tracks; /* into the period */
    int ntracks;
    bool alternate;       /* another sound of that language was there before */
    jo_template template; /* after the check whether plain numbers fit */
    bool shared_timeline; /* one SegmentTemplate for all */
} jo_dash_set;

/* Fills sets (room for one per listed track) and returns their number. */
int jo_dash_make_sets(jo_ctx *cx, const jo_presentation *p, const jo_plan *plan,
                      const jo_resource *rs, jo_dash_set *sets);

/* Plain $Number$ with @duration: does every segment start within half a duration of where a client will compute
 * it, and does the client compute as many as there are? */
bool jo_dash_numbers_fit(const jo_presentation *p, const jo_track *t, const jo_track_plan *tp,
                         int n, int64_t *duration);

/* -- attributes and descriptors (dash_describe.c) */

void jo_dash_add_number(jo_text *out, const char *name, int64_t v);
void jo_dash_add_fraction(jo_text *out, const char *name, jo_fraction f, char sign);

/* Properties, Label, Accessibility and Role of a set, in the schema's order. */
void jo_dash_describe_set(jo_text *out, const jo_period *period, const jo_dash_set *set);

/* Attributes and child elements of a Representation that follow from its codec. */
void jo_dash_add_codec_attributes(jo_text *out, const jo_track *t);
void jo_dash_describe_representation(jo_text *out, const jo_period *period, const jo_dash_set *set,
                                     const jo_track *t);

/* Colours that a player must know of before it chooses: PQ, HLG, BT.2020. */
bool jo_dash_wide(const jo_track *t);

#endif
