/* A tiny TAP writer for one-file test programs: assertions, then `return tap_done();`. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failures;

__attribute__((unused, format(printf, 2, 3))) static bool ok(bool good, const char *fmt, ...)
{
    __builtin_va_list args;

    printf(good ? "ok %d - " : "not ok %d - ", ++tap_count);
    __builtin_va_start(args, fmt);
    vprintf(fmt, args);
    __builtin_va_end(args);
    printf("\n");
    fflush(stdout); /* what crashes next should not take this along */
    tap_failures += !good;
    return good;
}

__attribute__((unused)) static bool is_int(long long got, long long want, const char *what)
{
    if (ok(got == want, "%s", what))
        return true;
    printf("#   got %lld\n#  want %lld\n", got, want);
    return false;
}

__attribute__((unused)) static bool is_str(const char *got, const char *want, const char *what)
{
    if (ok(got && want ? strcmp(got, want) == 0 : got == want, "%s", what))
        return true;
    printf("#   got %s\n#  want %s\n", got ? got : "(null)", want ? want : "(null)");
    return false;
}

__attribute__((unused)) static void skip(const char *what, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why);
}

/* A copy in a block of exactly len bytes, so that AddressSanitizer sees a read beyond it. The caller frees it. */
__attribute__((unused)) static void *exact(const void *data, size_t len)
{
    void *p = malloc(len ? len : 1);

    if (!p)
        abort();
    if (len)
        memcpy(p, data, len);
    return p;
}

/* Prints the plan; the exit status. A program that checked nothing fails. */
__attribute__((unused)) static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failures > 0 || tap_count == 0;
}

#endif
