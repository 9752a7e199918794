#include "cli.h"

#include "../base/log.h"
#include "../base/status.h"
#include "../io/source.h"

#include <apr_file_info.h>
#include <apr_general.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const jo_command *const commands[] = {&jo_cmd_inspect, &jo_cmd_ism,  &jo_cmd_check,
                                             &jo_cmd_get,     &jo_cmd_dump, &jo_cmd_package,
                                             &jo_cmd_audit};

enum { NCOMMANDS = sizeof commands / sizeof *commands };

/* ---- help */

static void help(FILE *to)
{
    fprintf(to, "usage: jitorigin COMMAND [OPTION...] OPERAND...\n\n");
    for (int i = 0; i < NCOMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->what);
    fprintf(to, "\n`jitorigin COMMAND --help` tells more; --version prints the version.\n"
                "Exit status: 0 good, 1 failed or errors found, 2 wrong usage.\n");
}

static void help_option(const apr_getopt_option_t *o)
{
    char letter[] = "-x, ", name[32];

    letter[1] = (char)o->optch;
    snprintf(name, sizeof name, "--%s%s", o->name, o->has_arg ? " VALUE" : "");
    printf("  %s%-16s %s\n", o->optch >= ' ' ? letter : "    ", name, o->description);
}

static int help_command(const jo_command *self)
{
    printf("usage: jitorigin %s [OPTION...] %s\n\n%s\n", self->name, self->args, self->what);
    if (self->more)
        printf("\n%s\n", self->more);
    printf("\n");
    for (const apr_getopt_option_t *o = self->options; o->optch; o++)
        help_option(o);
    return 0;
}

int jo_cli_usage(const jo_command *self, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "jitorigin %s: ", self->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nusage: jitorigin %s [OPTION...] %s (--help tells more)\n", self->name,
            self->args);
    return JO_EXIT_USAGE;
}

/* ---- what commands share */

static void log_to_stderr(void *baton, jo_log_level level, const char *line)
{
    if (level == JO_LOG_WARNING)
        fprintf(stderr, "jitorigin: warning: %s\n", line);
}

static const jo_log stderr_log = {log_to_stderr, NULL};

void jo_cli_ctx(jo_ctx *cx, apr_pool_t *pool)
{
    jo_ctx_init(cx, pool);
    cx->opener = jo_source_file_opener(pool, NULL, 0, false);
    cx->log = &stderr_log;
    cx->now = apr_time_now();
}

int jo_cli_fail(const jo_ctx *cx)
{
    fprintf(stderr, "jitorigin: %s\n", cx->message ? cx->message : "failed");
    return JO_EXIT_FAILED;
}

const char *jo_cli_absolute(apr_pool_t *pool, const char *path)
{
    char *out;

    if (apr_filepath_merge(&out, NULL, path, 0, pool) != APR_SUCCESS)
        return path;
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--) /* "." leaves one */
        out[n - 1] = '\0';
    return out;
}

bool jo_cli_is_descriptor(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot && (strcmp(dot, ".ism") == 0 || strcmp(dot, ".isml") == 0);
}

bool jo_cli_write(const void *data, size_t len)
{
    if (fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0)
        return true;
    fprintf(stderr, "jitorigin: standard output: %s\n", strerror(errno));
    return false;
}

/* ---- the command line */

__attribute__((format(printf, 2, 3))) static void print_error(void *baton, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "jitorigin ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}

static const char *word(int n)
{
    return n == 1 ? "" : "s";
}

/* apr_getopt takes "-" for a broken option: while it looks, the operand goes by another name. */
static const char dash[] = "standard input";

static const char *const *swap(apr_pool_t *pool, int n, const char *const *words, bool hide)
{
    const char **out = apr_pcalloc(pool, (size_t)(n + 1) * sizeof *out);

    for (int i = 0; i < n; i++) {
        out[i] = words[i];
        if (hide && strcmp(words[i], "-") == 0)
            out[i] = dash;
        else if (words[i] == dash)
            out[i] = "-";
    }
    return out;
}

static int run_command(apr_pool_t *pool, const jo_command *c, int argc, const char *const *argv)
{
    jo_args args = {.files = NULL};
    const char *value;
    apr_getopt_t *os;
    int letter;

    apr_getopt_init(&os, pool, argc, swap(pool, argc, argv, true));
    os->interleave = 1;
    os->errfn = print_error;
    for (;;) {
        apr_status_t rv = apr_getopt_long(os, c->options, &letter, &value);
        if (rv == APR_EOF)
            break;
        if (rv != APR_SUCCESS) {
            fprintf(stderr, "usage: jitorigin %s [OPTION...] %s (--help tells more)\n", c->name,
                    c->args);
            return JO_EXIT_USAGE;
        }
        args.option[letter & 127] = value ? value : "";
    }
    if (args.option[JO_OPT_HELP])
        return help_command(c);
    args.nfiles = argc - os->ind;
    args.files = swap(pool, args.nfiles, os->argv + os->ind, false);
    if (args.nfiles < c->least)
        return jo_cli_usage(c, "%d operand%s wanted", c->least, word(c->least));
    if (args.nfiles > c->most)
        return jo_cli_usage(c, "more than %d operand%s: %s", c->most, word(c->most),
                            args.files[c->most]);
    return c->run(pool, c, &args);
}

static int run(apr_pool_t *pool, int argc, const char *const *argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("jitorigin %s\n", JO_VERSION);
        return 0;
    }
    for (int i = 0; argc > 1 && i < NCOMMANDS; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run_command(pool, commands[i], argc - 1, argv + 1);
    if (argc > 1)
        fprintf(stderr, "jitorigin: no command \"%s\"\n", argv[1]);
    help(stderr);
    return JO_EXIT_USAGE;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;
    int status;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS ||
        apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return JO_EXIT_FAILED;
    status = run(pool, argc, argv);
    apr_terminate();
    return status;
}
