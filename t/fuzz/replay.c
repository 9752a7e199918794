/* Runs a fuzz target over a corpus folder: `X_fuzz [FOLDER]`, by default t/fuzz/corpus/X_fuzz of the source
 * tree that JITORIGIN_SRC names. Each file is fed whole and cut short; files named ok-* must be accepted.
 * A crash ends the program before its plan, which is how TAP says failure. */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CUTS 256 /* at most about so many truncations of each file */

static int count, failures;

static void report(bool good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    fflush(stdout);
    failures += !good;
}

/* In a block of exactly len bytes, so that AddressSanitizer sees a read beyond it. */
static void feed(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        abort();
    memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long size;

    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
        *len = (size_t)size;
        data = malloc(*len + 1);
        if (data && fread(data, 1, *len, f) != *len) {
            free(data);
            data = NULL;
        }
    }
    fclose(f);
    return data;
}

/* True if the file could be read and did what its name promises. */
static bool replay(const char *path, const char *name, bool *accepted)
{
    size_t len = 0;
    uint8_t *data = read_file(path, &len);
    unsigned long before = fuzz_successes;

    if (!data)
        return false;
    feed(data, len);
    *accepted = fuzz_successes > before;
    for (size_t cut = 0; cut < len; cut += 1 + len / CUTS)
        feed(data, cut);
    free(data);
    return *accepted || strncmp(name, "ok-", 3) != 0;
}

static int is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* argv[0] without folder, and without the prefix of a libtool wrapper. */
static const char *target_name(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;

    return strncmp(name, "lt-", 3) == 0 ? name + 3 : name;
}

int main(int argc, char **argv)
{
    const char *top = getenv("JITORIGIN_SRC");
    char folder[4096], path[8192];
    struct dirent **entries;
    int n, wins = 0;

    if (argc > 1)
        snprintf(folder, sizeof folder, "%s", argv[1]);
    else
        snprintf(folder, sizeof folder, "%s/t/fuzz/corpus/%s", top ? top : ".",
                 target_name(argv[0]));
    n = scandir(folder, &entries, is_input, alphasort);
    for (int i = 0; i < n; i++) {
        bool accepted = false;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        report(replay(path, entries[i]->d_name, &accepted), entries[i]->d_name);
        wins += accepted;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    report(n > 0, "the corpus has inputs");
    report(wins > 0, "at least one of them is accepted");
    printf("1..%d\n", count);
    return failures > 0;
}
