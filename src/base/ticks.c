#include "ticks.h"

typedef __int128 wide;

static int64_t saturate(wide v)
{
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

/* Division towards minus infinity; den > 0. */
static wide floor_div(wide num, wide den)
{
    wide q = num / den;

    return num % den < 0 ? q - 1 : q;
}

int64_t jo_ticks_floor(int64_t v, int64_t from, int64_t to)
{
    return saturate(floor_div((wide)v * to, from));
}

int64_t jo_ticks_ceil(int64_t v, int64_t from, int64_t to)
{
    return saturate(-floor_div(-((wide)v * to), from));
}

int64_t jo_ticks_round(int64_t v, int64_t from, int64_t to)
{
    int64_t half = from / 2, small; /* of an odd `from` the true half can't be hit */

    if (from == to)
        return v;
    /* A wide division costs ten times a plain one, and nearly all products are small. */
    if (v >= 0 && !__builtin_mul_overflow(v, to, &small) && small <= INT64_MAX - half)
        return (small + half) / from;
    wide p = (wide)v * to;
    return saturate(p < 0 ? -((-p + half) / from) : (p + half) / from);
}

int jo_ticks_cmp(int64_t a, int64_t ats, int64_t b, int64_t bts)
{
    wide l = (wide)a * bts, r = (wide)b * ats;

    return l < r ? -1 : l > r;
}

int64_t jo_ticks_add(int64_t a, int64_t b)
{
    return saturate((wide)a + b);
}

int64_t jo_ticks_sub(int64_t a, int64_t b)
{
    return saturate((wide)a - b);
}

/* Digits at *s as a number of at most max_digits; -1 if there are none or too many. */
static int64_t parse_digits(const char **s, int max_digits)
{
    int64_t v = 0;
    int n = 0;

    for (; **s >= '0' && **s <= '9'; (*s)++) {
        if (++n > max_digits)
            return -1;
        v = v * 10 + (**s - '0');
    }
    return n ? v : -1;
}

int64_t jo_gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

bool jo_fraction_parse(const char *s, jo_fraction *out)
{
    int64_t num, den = 1, common;

    num = parse_digits(&s, 15);
    if (num < 0)
        return false;
    if (*s == '/') {
        s++;
        den = parse_digits(&s, 9);
    } else if (*s == '.') {
        const char *digits = ++s;
        int64_t rest = parse_digits(&s, 9);
        if (rest < 0 || num > 1000000)
            return false;
        for (; digits < s; digits++)
            den *= 10;
        num = num * den + rest;
    }
    if (*s || num <= 0 || den <= 0 || num / den > 1000000 || (num / den == 1000000 && num % den))
        return false;
    common = jo_gcd(num, den);
    *out = (jo_fraction){num / common, den / common};
    return true;
}
