/* Time arithmetic between timescales. All products are 128-bit; results that leave int64 saturate. */
#ifndef JO_TICKS_H
#define JO_TICKS_H

#include "jo.h"

/* A non-negative exact duration in seconds: num/den, den > 0. */
typedef struct jo_fraction {
    int64_t num;
    int64_t den;
} jo_fraction;

int64_t jo_ticks_round(int64_t v, int64_t from, int64_t to); /* nearest, halves away from zero */
int64_t jo_ticks_floor(int64_t v, int64_t from, int64_t to);
int64_t jo_ticks_ceil(int64_t v, int64_t from, int64_t to);
/* <0, 0, >0 as a/ats is before, at or after b/bts, exactly. */
int jo_ticks_cmp(int64_t a, int64_t ats, int64_t b, int64_t bts);
/* Greatest common divisor of non-negative numbers; 0 only if both are. */
int64_t jo_gcd(int64_t a, int64_t b);
/* a + b, a - b with saturation at INT64_MIN/MAX. */
int64_t jo_ticks_add(int64_t a, int64_t b);
int64_t jo_ticks_sub(int64_t a, int64_t b);
/* "4", "1.92", "96/25" → fraction; false on anything else, zero, negatives, or values beyond 10^6 s. */
bool jo_fraction_parse(const char *s, jo_fraction *out);

#endif
