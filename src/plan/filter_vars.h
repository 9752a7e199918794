/* The variables of ?filter=: which there are, what each may be compared with, and what it is of a track. */
#ifndef JO_FILTER_VARS_H
#define JO_FILTER_VARS_H

#include "../media/track.h"

/* A decimal number as filters write it. */
typedef struct jo_number {
    int64_t whole; /* ≥ 0 */
    int32_t micro; /* millionths */
} jo_number;

typedef struct jo_variable {
    const char *name;
    unsigned kinds; /* 1 << JO_VIDEO | …: tracks that have it by themselves */
    bool param;     /* the descriptor's param of that name counts first */

    /* A number: what the track says of itself; false: nothing. NULL: the variable is a string. */
    bool (*number)(jo_ctx *cx, const jo_track *t, jo_fraction *out);
    int32_t tolerance; /* millionths by which equal numbers may differ */

    /* A string: is it this one, spelt by `spell`? param: the descriptor's, or NULL. */
    bool (*equals)(jo_ctx *cx, const jo_track *t, const char *param, const char *value);
    /* The one spelling of all that mean the same. */
    const char *(*spell)(apr_pool_t *pool, const char *s);
} jo_variable;

/* By name without regard to case; NULL: there is none. */
const jo_variable *jo_variable_find(const char *name);

/* Variable i, or NULL past the last. */
const jo_variable *jo_variable_at(int i);

/* "480", "29.97"; false for all else, and for more than 18 digits or 6 decimals (zeros at the ends don't count). */
bool jo_number_parse(const char *s, jo_number *out);

/* A constant of v by name without regard to case; v NULL: of any variable. */
bool jo_constant_find(const jo_variable *v, const char *name, jo_number *out);

/* <0, 0, >0 as the track's number is below, equal to or above n; false: the track has none. */
bool jo_variable_compare(jo_ctx *cx, const jo_variable *v, const jo_track *t, const jo_number *n,
                         int *order);

/* Is the track's string `value` (as v->spell has it)? false: the track has none. */
bool jo_variable_equals(jo_ctx *cx, const jo_variable *v, const jo_track *t, const char *value,
                        bool *equal);

#endif
