/* The `jitorigin` command: the same core as the module, without a server. Commands return the exit status:
 * 0, 1 for a failure that a message on standard error names (or for errors that `check` found), 2 for wrong usage. */
#ifndef JO_CLI_H
#define JO_CLI_H

#include "../base/jo.h"

#include <apr_getopt.h>

enum { JO_EXIT_FAILED = 1, JO_EXIT_USAGE = 2 };

/* What stood on the command line behind the command's name. */
typedef struct jo_args {
    const char *option[128]; /* by its letter: its value, "" for a flag, NULL if not given */
    const char *const *files;
    int nfiles;
} jo_args;

typedef struct jo_command {
    const char *name;
    const char *args; /* operands, for the usage line */
    const char *what; /* one line */
    const char *more; /* further lines of the help, or NULL */
    const apr_getopt_option_t *options;
    int least, most; /* operands */
    int (*run)(apr_pool_t *pool, const struct jo_command *self, const jo_args *args);
} jo_command;

extern const jo_command jo_cmd_audit;
extern const jo_command jo_cmd_check;
extern const jo_command jo_cmd_dump;
extern const jo_command jo_cmd_get;
extern const jo_command jo_cmd_inspect;
extern const jo_command jo_cmd_ism;
extern const jo_command jo_cmd_package;

/* Letters of options that have no short form. */
enum {
    JO_OPT_HELP = 1,
    JO_OPT_JSON,
    JO_OPT_CMAF,
    JO_OPT_FORCE,
    JO_OPT_ROOT,
    JO_OPT_STRICT,
    JO_OPT_SEGMENTS,
    JO_OPT_TIMEOUT
};
#define JO_OPTION_HELP                            \
    {                                             \
        "help", JO_OPT_HELP, 0, "print this text" \
    }
#define JO_OPTION_JSON                                  \
    {                                                   \
        "json", JO_OPT_JSON, 0, "for programs: as JSON" \
    }

/* A context that opens any file and logs warnings to standard error. */
void jo_cli_ctx(jo_ctx *cx, apr_pool_t *pool);
/* Prints the kept message; JO_EXIT_FAILED. */
int jo_cli_fail(const jo_ctx *cx);
/* Prints what is wrong with the command line, and how to get help; JO_EXIT_USAGE. */
int jo_cli_usage(const jo_command *self, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* path seen from the working directory: absolute, "." and ".." resolved. */
const char *jo_cli_absolute(apr_pool_t *pool, const char *path);
/* Is it a descriptor, by its name? */
bool jo_cli_is_descriptor(const char *path);
/* Writes to standard output; false after a message if that fails. */
bool jo_cli_write(const void *data, size_t len);

#endif
