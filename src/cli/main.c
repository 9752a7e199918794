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

static const jo_command commands[] = {
    {"get", "[-i] X.ism/PATH[?QUERY]",
     "print what the server would answer; -i: with status and headers", jo_cmd_get},
    {"ism", "-o X.ism FILE...", "write a descriptor of the tracks in the files", jo_cmd_ism},
    {"dump", "FILE", "print the boxes of an MP4 or CMAF file as text (-: standard input)",
     jo_cmd_dump},
};

enum { NCOMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *to)
{
    fprintf(to, "usage: jitorigin COMMAND ...\n\n");
    for (int i = 0; i < NCOMMANDS; i++)
        fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].what);
    fprintf(to, "  --help, --version\n");
}

int jo_cli_usage(const jo_command *self)
{
    fprintf(stderr, "usage: jitorigin %s %s\n", self->name, self->args);
    return JO_EXIT_USAGE;
}

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

    return apr_filepath_merge(&out, NULL, path, 0, pool) == APR_SUCCESS ? out : path;
}

bool jo_cli_write(const void *data, size_t len)
{
    if (fwrite(data, 1, len, stdout) == len && fflush(stdout) == 0)
        return true;
    fprintf(stderr, "jitorigin: standard output: %s\n", strerror(errno));
    return false;
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
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(pool, &commands[i], argc - 1, argv + 1);
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
