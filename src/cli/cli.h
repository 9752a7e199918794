/* The `jitorigin` command: the same core as the module, without a server. Commands return the exit status:
 * 0, 1 for a failure that a message on standard error names, 2 for wrong usage. */
#ifndef JO_CLI_H
#define JO_CLI_H

#include "../base/jo.h"

enum { JO_EXIT_FAILED = 1, JO_EXIT_USAGE = 2 };

typedef struct jo_command {
    const char *name;
    const char *args; /* for the usage line */
    const char *what;
    int (*run)(apr_pool_t *pool, const struct jo_command *self, int argc, const char *const *argv);
} jo_command;

/* argv[0] is the command's name. */
int jo_cmd_dump(apr_pool_t *pool, const jo_command *self, int argc, const char *const *argv);
int jo_cmd_get(apr_pool_t *pool, const jo_command *self, int argc, const char *const *argv);
int jo_cmd_ism(apr_pool_t *pool, const jo_command *self, int argc, const char *const *argv);

/* A context that opens any file and logs warnings to standard error. */
void jo_cli_ctx(jo_ctx *cx, apr_pool_t *pool);
/* Prints the kept message; JO_EXIT_FAILED. */
int jo_cli_fail(const jo_ctx *cx);
/* Prints the usage of one command to standard error; JO_EXIT_USAGE. */
int jo_cli_usage(const jo_command *self);
/* path seen from the working directory: absolute, "." and ".." resolved. */
const char *jo_cli_absolute(apr_pool_t *pool, const char *path);
/* Writes to standard output; false after a message if that fails. */
bool jo_cli_write(const void *data, size_t len);

#endif
