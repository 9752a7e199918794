/* What a fuzz target and replay.c share. A target is one file that defines both names below; libFuzzer runs
 * it, and replay.c runs it over its corpus in every `make check`. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Counts the inputs that went the whole way and were accepted: a corpus that only ever meets the first
 * check proves nothing. */
extern unsigned long fuzz_successes;

/* A result that no input may cause. */
#define FUZZ_CHECK(good) \
    do {                 \
        if (!(good))     \
            abort();     \
    } while (0)

#endif
