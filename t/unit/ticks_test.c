#include "../../src/base/ticks.h"
#include "tap.h"

static bool fraction_is(const char *s, int64_t num, int64_t den)
{
    jo_fraction f;

    return jo_fraction_parse(s, &f) && f.num == num && f.den == den;
}

static bool refused(const char *s)
{
    jo_fraction f;

    return !jo_fraction_parse(s, &f);
}

static void test_scaling(void)
{
    is_int(jo_ticks_round(1, 2, 1), 1, "a half rounds up");
    is_int(jo_ticks_round(-1, 2, 1), -1, "and away from zero below it");
    is_int(jo_ticks_round(1, 3, 1), 0, "a third rounds down");
    is_int(jo_ticks_round(2, 3, 1), 1, "two thirds round up");
    is_int(jo_ticks_round(-2, 3, 1), -1, "-2/3 rounds to -1");
    is_int(jo_ticks_floor(-1, 3, 1), -1, "floor of -1/3");
    is_int(jo_ticks_floor(-3, 3, 1), -1, "floor of -1");
    is_int(jo_ticks_ceil(-1, 3, 1), 0, "ceil of -1/3");
    is_int(jo_ticks_ceil(1, 3, 1), 1, "ceil of 1/3");
    is_int(jo_ticks_round(INT64_MAX / 2, 90000, 10000000), INT64_MAX, "too much saturates");
    is_int(jo_ticks_floor(INT64_MIN / 2, 90000, 10000000), INT64_MIN, "too little as well");
    is_int(jo_ticks_round(INT64_MAX, 10000000, 10000000), INT64_MAX,
           "the same timescale changes nothing");
    is_int(jo_ticks_round(9000000000000000LL, 10000000, 90000), 81000000000000LL,
           "128-bit products");
}

static void test_comparing(void)
{
    ok(jo_ticks_cmp(1001, 30000, 1001, 30000) == 0, "equal");
    ok(jo_ticks_cmp(1, 3, 333333333, 1000000000) > 0, "1/3 is after 0.333333333");
    ok(jo_ticks_cmp(-1, 3, 0, 1) < 0, "negative is before 0");
    ok(jo_ticks_cmp(INT64_MAX, 1, INT64_MAX, 2) > 0, "without overflow");
    is_int(jo_ticks_add(INT64_MAX, 1), INT64_MAX, "addition saturates");
    is_int(jo_ticks_sub(INT64_MIN, 1), INT64_MIN, "subtraction saturates");
    is_int(jo_ticks_sub(5, 7), -2, "5 - 7");
}

static void test_fractions(void)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "0/5",
                                      "4/0",
                                      "-4",
                                      "+4",
                                      "4s",
                                      " 4",
                                      "4.",
                                      ".5",
                                      "4/",
                                      "/4",
                                      "4//5",
                                      "4.5/2",
                                      "1e3",
                                      "0.0",
                                      "1000001",
                                      "1000000.5",
                                      "9999999999999999",
                                      "1/9999999999"};

    ok(fraction_is("4", 4, 1), "4");
    ok(fraction_is("1.92", 48, 25), "1.92");
    ok(fraction_is("96/25", 96, 25), "96/25");
    ok(fraction_is("8/2", 4, 1), "8/2 is reduced");
    ok(fraction_is("0.000000001", 1, 1000000000), "nine fraction digits");
    ok(fraction_is("1000000", 1000000, 1), "a million seconds");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(refused(bad[i]), "\"%s\" is refused", bad[i]);
}

int main(void)
{
    test_scaling();
    test_comparing();
    test_fractions();
    return tap_done();
}
