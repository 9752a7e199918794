#include "cli.h"

#include "../base/status.h"
#include "check.h"
#include "json.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"error", "warning", "note"};

void jo_check_add(jo_check *c, jo_severity severity, const char *code, unsigned line,
                  const char *about, const char *mend, const char *fmt, ...)
{
    jo_finding *f = &APR_ARRAY_PUSH(c->findings, jo_finding);
    va_list args;

    va_start(args, fmt);
    *f = (jo_finding){.severity = severity,
                      .code = code,
                      .line = line,
                      .about = about,
                      .mend = mend,
                      .text = jo_text_vformat(c->cx->pool, fmt, args)};
    va_end(args);
}

const char *jo_check_seconds(apr_pool_t *pool, int64_t ticks, int64_t timescale)
{
    jo_text t;

    jo_text_init(&t, pool, 0);
    jo_text_add(&t, ticks < 0 ? "-" : "");
    jo_text_add_decimal(&t, ticks < 0 ? -ticks : ticks, timescale, 3);
    jo_text_add(&t, " s");
    return t.s;
}

/* ---- printing */

static int count(const jo_check *c, jo_severity severity)
{
    int n = 0;

    for (int i = 0; i < c->findings->nelts; i++)
        n += APR_ARRAY_IDX(c->findings, i, jo_finding).severity == severity;
    return n;
}

static void print_finding(jo_text *out, const jo_finding *f)
{
    jo_text_addf(out, "%s: ", words[f->severity]);
    if (f->line)
        jo_text_addf(out, "line %u: ", f->line);
    if (f->about)
        jo_text_addf(out, "%s: ", f->about);
    jo_text_addf(out, "%s [%s]\n", f->text, f->code);
    if (f->mend)
        jo_text_addf(out, "    mend: %s\n", f->mend);
}

static void print(const jo_check *c, const char *name, jo_text *out)
{
    for (jo_severity s = JO_ERROR; s <= JO_NOTE; s++)
        for (int i = 0; i < c->findings->nelts; i++)
            if (APR_ARRAY_IDX(c->findings, i, jo_finding).severity == s)
                print_finding(out, &APR_ARRAY_IDX(c->findings, i, jo_finding));
    jo_text_addf(out, "%s: ", name);
    for (jo_severity s = JO_ERROR; s <= JO_NOTE; s++)
        jo_text_addf(out, "%s%d %s%s", s == JO_ERROR ? "" : ", ", count(c, s), words[s],
                     count(c, s) == 1 ? "" : "s");
    jo_text_add(out, "\n");
}

static void print_json(const jo_check *c, const char *name, jo_text *out)
{
    jo_json j = {.out = out};

    jo_json_open(&j, NULL, '{');
    jo_json_text(&j, "descriptor", name);
    jo_json_int(&j, "errors", count(c, JO_ERROR));
    jo_json_int(&j, "warnings", count(c, JO_WARNING));
    jo_json_int(&j, "notes", count(c, JO_NOTE));
    jo_json_open(&j, "findings", '[');
    for (int i = 0; i < c->findings->nelts; i++) {
        const jo_finding *f = &APR_ARRAY_IDX(c->findings, i, jo_finding);
        jo_json_open(&j, NULL, '{');
        jo_json_text(&j, "severity", words[f->severity]);
        jo_json_text(&j, "code", f->code);
        if (f->line)
            jo_json_int(&j, "line", f->line);
        jo_json_text(&j, "about", f->about);
        jo_json_text(&j, "text", f->text);
        jo_json_text(&j, "mend", f->mend);
        jo_json_close(&j, '}');
    }
    jo_json_close(&j, ']');
    jo_json_close(&j, '}');
}

/* ---- the command */

/* The parser's message, "line 7: …" or without a line. */
static void add_parse_error(jo_check *c, const char *message)
{
    char *end = NULL;
    unsigned long line = strncmp(message, "line ", 5) == 0 ? strtoul(message + 5, &end, 10) : 0;

    jo_check_add(c, JO_ERROR, "bad-descriptor", (unsigned)line, NULL,
                 "correct it; `jitorigin ism` writes one that works", "%s",
                 line && strncmp(end, ": ", 2) == 0 ? end + 2 : message);
}

static apr_status_t read_descriptor(jo_check *c, char **data, size_t *len)
{
    jo_ctx *cx = c->cx;
    jo_source *src;

    if (jo_source_open(cx, c->path, &src) != APR_SUCCESS)
        return cx->code;
    if ((uint64_t)src->id.size > cx->limits->descriptor_size)
        return jo_fail(cx, JO_EMEDIA, "%s: too large for a descriptor", src->name);
    *len = (size_t)src->id.size;
    *data = apr_palloc(cx->pool, *len + 1);
    return jo_source_read(cx, src, 0, *len, *data);
}

static void check(jo_check *c, const void *data, size_t len)
{
    jo_ctx own = *c->cx;

    jo_check_words(c, data, len);
    if (jo_ism_parse(&own, data, len, &c->ism) != APR_SUCCESS) {
        add_parse_error(c, own.message);
        return;
    }
    jo_check_sources(c);
    jo_check_title(c);
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    const char *name = args->files[0], *root = args->option[JO_OPT_ROOT];
    jo_check c = {0};
    jo_text out;
    char *data = NULL;
    size_t len = 0;
    jo_ctx cx;

    jo_cli_ctx(&cx, pool);
    cx.log = NULL;
    c.cx = &cx;
    c.path = jo_cli_absolute(pool, name);
    c.root = root ? jo_cli_absolute(pool, root) : NULL;
    c.files = apr_array_make(pool, 1000, sizeof(jo_checked_file));
    c.findings = apr_array_make(pool, 16, sizeof(jo_finding));
    if (read_descriptor(&c, &data, &len) == APR_SUCCESS)
        check(&c, data, len);
    else if (args->option[JO_OPT_JSON])
        jo_check_add(&c, JO_ERROR, "unreadable-descriptor", 0, NULL, NULL, "%s", cx.message);
    else
        return jo_cli_fail(&cx);
    jo_text_init(&out, pool, 4096);
    (args->option[JO_OPT_JSON] ? print_json : print)(&c, name, &out);
    if (!jo_cli_write(out.s, out.len) || count(&c, JO_ERROR))
        return JO_EXIT_FAILED;
    return args->option[JO_OPT_STRICT] && count(&c, JO_WARNING) ? JO_EXIT_FAILED : 0;
}

static const apr_getopt_option_t options[] = {
    {"root", JO_OPT_ROOT, 1, "the server's JitOriginRoot: sources outside it are errors"},
    {"strict", JO_OPT_STRICT, 0, "warnings count as errors"},
    JO_OPTION_JSON,
    JO_OPTION_HELP,
    {0}};

const jo_command jo_cmd_check = {
    .name = "check",
    .args = "X.ism",
    .what = "say what is wrong with a title, and how to mend it",
    .more = "Looks at the descriptor's words, its files, and how the tracks fit each other. Exit "
            "status 1 if there\n"
            "are errors.",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
