#include "config.h"

#include "../base/text.h"
#include "lifetime.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_core.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern module jitorigin_module;

/* ---- the rows as data */

typedef enum { SCOPE_CONF, SCOPE_HTACCESS, SCOPE_HOST, SCOPE_GLOBAL } scope;

enum {
    WHERE_CONF = RSRC_CONF | ACCESS_CONF,
    WHERE_HTACCESS = OR_FILEINFO,
    WHERE_HOST = RSRC_CONF,
    WHERE_GLOBAL = RSRC_CONF
};

typedef struct directive {
    scope scope;
    size_t offset; /* of the member in the configuration of its scope */
    int64_t low, high;
    const char *words;
} directive;

#define ROW_NUMBER(kind, scope, name, member, ...) ROW_##member,
enum { JO_DIR_DIRECTIVES(ROW_NUMBER) JO_SERVER_DIRECTIVES(ROW_NUMBER) };

#define ROW(type, scope, member, low, high, words) \
    [ROW_##member] = {SCOPE_##scope, offsetof(type, member), low, high, words},
#define DIR_ROW(kind, scope, name, member, fallback, low, high, words, summary) \
    ROW(jo_dir_config, scope, member, low, high, words)
#define SERVER_ROW(kind, scope, name, member, fallback, low, high, words, summary) \
    ROW(jo_server_config, scope, member, low, high, words)

static const directive rows[] = {JO_DIR_DIRECTIVES(DIR_ROW) JO_SERVER_DIRECTIVES(SERVER_ROW)};

static void *member_of(const cmd_parms *cmd, void *dir_config)
{
    const directive *row = cmd->info;
    bool of_server = row->scope == SCOPE_HOST || row->scope == SCOPE_GLOBAL;
    char *config = of_server ? ap_get_module_config(cmd->server->module_config, &jitorigin_module)
                             : dir_config;
    return config + row->offset;
}

/* ---- setters: one per kind */

/* Place of `arg` among the words "a|b|c" without regard to case, or -1. */
static int word_find(apr_pool_t *pool, const char *words, const char *arg)
{
    char *state, *list = apr_pstrdup(pool, words);
    int i = 0;
    for (char *w = apr_strtok(list, "|", &state); w; w = apr_strtok(NULL, "|", &state), i++)
        if (jo_text_same(arg, w))
            return i;
    return -1;
}

/* Why a directive may not stand here, or NULL. */
static const char *misplaced(cmd_parms *cmd, const directive *row)
{
    return row->scope == SCOPE_GLOBAL ? ap_check_cmd_context(cmd, GLOBAL_ONLY) : NULL;
}

static const char *set_word(cmd_parms *cmd, void *dir_config, const char *arg)
{
    const directive *row = cmd->info;
    if (misplaced(cmd, row))
        return misplaced(cmd, row);
    int place = word_find(cmd->temp_pool, row->words, arg);
    if (place < 0)
        return apr_psprintf(cmd->pool, "%s takes one of %s, not \"%s\"", cmd->cmd->name, row->words,
                            arg);
    *(int64_t *)member_of(cmd, dir_config) = place;
    return NULL;
}

/* Each call adds a word: the directive takes several. */
static const char *set_flags(cmd_parms *cmd, void *dir_config, const char *arg)
{
    const directive *row = cmd->info;
    int64_t *bits = member_of(cmd, dir_config);
    int place = word_find(cmd->temp_pool, row->words, arg);
    bool none = jo_text_same(arg, "None");
    if (place < 0 && !none)
        return apr_psprintf(cmd->pool, "%s takes None or any of %s, not \"%s\"", cmd->cmd->name,
                            row->words, arg);
    *bits = none ? 0 : (*bits < 0 ? 0 : *bits) | (int64_t)1 << place;
    return NULL;
}

static int64_t suffix_scale(const char *suffix)
{
    if (!*suffix)
        return 1;
    if (suffix[1])
        return 0;
    switch (apr_toupper(*suffix)) {
    case 'K':
        return INT64_C(1) << 10;
    case 'M':
        return INT64_C(1) << 20;
    case 'G':
        return INT64_C(1) << 30;
    }
    return 0;
}

static bool number_parse(const char *arg, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    if (!apr_isdigit(*arg))
        return false;
    errno = 0;
    int64_t v = apr_strtoi64(arg, &end, 10);
    int64_t scale = suffix_scale(end);
    if (errno || !scale || v > high / scale || v * scale < low)
        return false;
    *out = v * scale;
    return true;
}

static const char *set_number(cmd_parms *cmd, void *dir_config, const char *arg)
{
    const directive *row = cmd->info;
    if (misplaced(cmd, row))
        return misplaced(cmd, row);
    if (!number_parse(arg, row->low, row->high, member_of(cmd, dir_config)))
        return apr_psprintf(cmd->pool,
                            "%s takes a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT
                            " (suffix K, M or G), not \"%s\"",
                            cmd->cmd->name, row->low, row->high, arg);
    return NULL;
}

static const char *without_slash(apr_pool_t *pool, const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return apr_pstrmemdup(pool, path, len);
}

/* The directory at `path` without symbolic links, or NULL (errno says why). */
static const char *canonical_directory(apr_pool_t *pool, const char *path)
{
    struct stat st;
    char real[PATH_MAX];
    if (!realpath(path, real) || stat(real, &st) != 0)
        return NULL;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return NULL;
    }
    return apr_pstrdup(pool, real);
}

static const char *set_path(cmd_parms *cmd, void *dir_config, const char *arg)
{
    apr_array_header_t **paths = member_of(cmd, dir_config);
    const char *path = ap_server_root_relative(cmd->pool, arg);
    const char *real = path ? canonical_directory(cmd->pool, path) : NULL;
    if (!real)
        return apr_psprintf(cmd->pool, "%s: %s: %s", cmd->cmd->name, arg,
                            path ? strerror(errno) : "not a valid path");
    path = without_slash(cmd->pool, path);
    if (!*paths)
        *paths = apr_array_make(cmd->pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(*paths, const char *) = real;
    if (strcmp(path, real) != 0)
        APR_ARRAY_PUSH(*paths, const char *) = path;
    return NULL;
}

static bool printable(const char *s)
{
    for (; *s; s++)
        if (!apr_isprint(*s))
            return false;
    return true;
}

enum { LONGEST = 10 * 365 * 86400 };

/* The first argument, a class of responses; NULL, or what is wrong. */
static const char *class_parse(cmd_parms *cmd, const char *which, int *class)
{
    const directive *row = cmd->info;
    *class = word_find(cmd->temp_pool, row->words, which);
    return *class >= 0 ? NULL
                       : apr_psprintf(cmd->pool, "%s takes one of %s, not \"%s\"", cmd->cmd->name,
                                      row->words, which);
}

static const char *seconds_parse(cmd_parms *cmd, const char *value, int64_t *out)
{
    if (number_parse(value, 0, LONGEST, out) && strspn(value, "0123456789") == strlen(value))
        return NULL;
    return apr_psprintf(cmd->pool, "%s takes 0 to %d seconds, not \"%s\"", cmd->cmd->name, LONGEST,
                        value);
}

/* What must not be stored can't be sent when it is stale either: RFC 5861 on top of no-store says nothing. */
static const char *stale_check(cmd_parms *cmd, const jo_dir_config *c, int class)
{
    const char *value = c->cache[class].value;
    if (!value || !jo_lifetime_says(value, "no-store") ||
        (c->stale_while_revalidate[class] <= 0 && c->stale_if_error[class] <= 0))
        return NULL;
    return apr_psprintf(cmd->pool,
                        "%s: a class with Cache-Control no-store can't have "
                        "JitOriginStaleWhileRevalidate or JitOriginStaleIfError",
                        cmd->cmd->name);
}

static const char *set_cache(cmd_parms *cmd, void *dir_config, const char *which, const char *value)
{
    jo_cache_rule *rules = member_of(cmd, dir_config);
    int64_t age = 0;
    int class;
    const char *wrong = class_parse(cmd, which, &class);
    if (wrong)
        return wrong;
    if (apr_isdigit(*value)) {
        wrong = seconds_parse(cmd, value, &age);
        if (wrong)
            return wrong;
        value = apr_psprintf(cmd->pool, "max-age=%" APR_INT64_T_FMT, age);
    } else if (!*value || !printable(value)) {
        return apr_psprintf(cmd->pool, "%s %s takes seconds or a Cache-Control value",
                            cmd->cmd->name, which);
    }
    /* Without max-age old caches, which know only Expires, keep nothing. */
    age = jo_lifetime_seconds(value, "max-age");
    rules[class] = (jo_cache_rule){value, age < 0 ? 0 : age < LONGEST ? age : LONGEST};
    return stale_check(cmd, dir_config, class);
}

static const char *set_seconds(cmd_parms *cmd, void *dir_config, const char *which,
                               const char *value)
{
    int64_t *seconds = member_of(cmd, dir_config);
    int class;
    const char *wrong = class_parse(cmd, which, &class);
    if (!wrong)
        wrong = seconds_parse(cmd, value, &seconds[class]);
    return wrong ? wrong : stale_check(cmd, dir_config, class);
}

/* "Z", "+hh:mm" or "-hh:mm" as seconds east. */
static bool zone_parse(const char *s, int *east)
{
    int hours, minutes, n = 0;
    *east = 0;
    if (jo_text_same(s, "Z"))
        return true;
    if (strlen(s) != 6 || sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || n != 5 ||
        strspn(s + 1, "0123456789:") != 5 || hours > 23 || minutes > 59)
        return false;
    *east = (hours * 60 + minutes) * (*s == '-' ? -60 : 60);
    return *s == '+' || *s == '-';
}

/* A date, at its beginning in UTC, or a time with its zone: 2027-01-31, 2027-01-31T12:00:00+01:00 (ISO 8601). */
static bool date_parse(const char *s, apr_time_t *out)
{
    static const char *const form = "dddd-dd-ddTdd:dd:dd";
    apr_time_exp_t t = {.tm_mday = 1};
    size_t n = 0;
    while (form[n] && s[n] && (form[n] == 'd' ? apr_isdigit(s[n]) : s[n] == form[n]))
        n++;
    if ((n != 10 || s[n]) && (form[n] || !zone_parse(s + n, &t.tm_gmtoff)))
        return false;
    sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
           &t.tm_sec);
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    apr_time_exp_t back;
    return apr_time_exp_gmt_get(out, &t) == APR_SUCCESS &&
           apr_time_exp_tz(&back, *out, t.tm_gmtoff) == APR_SUCCESS && back.tm_mday == t.tm_mday &&
           back.tm_mon == t.tm_mon && back.tm_hour == t.tm_hour && back.tm_min == t.tm_min &&
           back.tm_sec == t.tm_sec && t.tm_year >= 70;
}

static const char *set_sunset(cmd_parms *cmd, void *dir_config, const char *which,
                              const char *value)
{
    jo_sunset *rules = member_of(cmd, dir_config);
    jo_sunset rule = {.set = true, .after = -1};
    int class;
    const char *wrong = class_parse(cmd, which, &class);
    if (wrong)
        return wrong;
    bool number = *value && strspn(value, "0123456789") == strlen(value);
    if (number && (wrong = seconds_parse(cmd, value, &rule.after)) != NULL)
        return wrong;
    if (!number && !jo_text_same(value, "None") && !date_parse(value, &rule.at))
        return apr_psprintf(cmd->pool,
                            "%s takes seconds, a date (2027-01-31 or 2027-01-31T12:00:00Z) or "
                            "None, not \"%s\"",
                            cmd->cmd->name, value);
    rules[class] = rule;
    return NULL;
}

/* RFC 9110 5.1: a token. */
static bool is_header_name(const char *s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    size_t n = 0;
    while (s[n] && (apr_isalnum(s[n]) || strchr(marks, s[n])))
        n++;
    return n > 0 && !s[n] && n <= 64;
}

static const char *set_header(cmd_parms *cmd, void *dir_config, const char *arg)
{
    const char **name = member_of(cmd, dir_config);
    if (!is_header_name(arg))
        return apr_psprintf(cmd->pool, "%s takes the name of a header or None, not \"%s\"",
                            cmd->cmd->name, arg);
    *name = jo_text_same(arg, "None") ? "" : arg;
    return NULL;
}

#define COMMAND_WORD(name, where, row, summary) \
    AP_INIT_TAKE1(name, set_word, (void *)(row), where, summary),
#define COMMAND_NUMBER(name, where, row, summary) \
    AP_INIT_TAKE1(name, set_number, (void *)(row), where, summary),
#define COMMAND_FLAGS(name, where, row, summary) \
    AP_INIT_ITERATE(name, set_flags, (void *)(row), where, summary),
#define COMMAND_PATHS(name, where, row, summary) \
    AP_INIT_ITERATE(name, set_path, (void *)(row), where, summary),
#define COMMAND_CACHE(name, where, row, summary) \
    AP_INIT_TAKE2(name, set_cache, (void *)(row), where, summary),
#define COMMAND_SECONDS(name, where, row, summary) \
    AP_INIT_TAKE2(name, set_seconds, (void *)(row), where, summary),
#define COMMAND_SUNSET(name, where, row, summary) \
    AP_INIT_TAKE2(name, set_sunset, (void *)(row), where, summary),
#define COMMAND_HEADER(name, where, row, summary) \
    AP_INIT_TAKE1(name, set_header, (void *)(row), where, summary),
#define COMMAND(kind, scope, name, member, fallback, low, high, words, summary) \
    COMMAND_##kind(name, WHERE_##scope, &rows[ROW_##member], summary)

const command_rec jo_config_commands[] = {JO_DIR_DIRECTIVES(COMMAND)
                                              JO_SERVER_DIRECTIVES(COMMAND){NULL}};

/* ---- making and merging */

#define UNSET_WORD(m)   c->m = -1;
#define UNSET_NUMBER(m) c->m = -1;
#define UNSET_FLAGS(m)  c->m = -1;
#define UNSET_PATHS(m)
#define UNSET_CACHE(m)
#define UNSET_SECONDS(m)                 \
    for (int i = 0; i < JO_CLASSES; i++) \
        c->m[i] = -1;
#define UNSET_SUNSET(m)                  \
    for (int i = 0; i < JO_CLASSES; i++) \
        c->m[i].after = -1;
#define UNSET_HEADER(m)
#define UNSET(kind, scope, name, member, ...) UNSET_##kind(member)

#define MERGE_WORD(m)                         out->m = add->m >= 0 ? add->m : base->m;
#define MERGE_NUMBER(m)                       MERGE_WORD(m)
#define MERGE_FLAGS(m)                        MERGE_WORD(m)
#define MERGE_PATHS(m)                        out->m = add->m ? add->m : base->m;
#define MERGE_CACHE(m)                   \
    for (int i = 0; i < JO_CLASSES; i++) \
        out->m[i] = add->m[i].value ? add->m[i] : base->m[i];
#define MERGE_SECONDS(m)                 \
    for (int i = 0; i < JO_CLASSES; i++) \
        out->m[i] = add->m[i] >= 0 ? add->m[i] : base->m[i];
#define MERGE_SUNSET(m)                  \
    for (int i = 0; i < JO_CLASSES; i++) \
        out->m[i] = add->m[i].set ? add->m[i] : base->m[i];
#define MERGE_HEADER(m)                       MERGE_PATHS(m)
#define MERGE(kind, scope, name, member, ...) MERGE_##kind(member)

void *jo_config_dir_make(apr_pool_t *pool, char *dir)
{
    jo_dir_config *c = apr_pcalloc(pool, sizeof *c);
    JO_DIR_DIRECTIVES(UNSET)
    return c;
}

void *jo_config_dir_merge(apr_pool_t *pool, void *base_config, void *add_config)
{
    const jo_dir_config *base = base_config, *add = add_config;
    jo_dir_config *out = apr_pcalloc(pool, sizeof *out);
    JO_DIR_DIRECTIVES(MERGE)
    return out;
}

void *jo_config_server_make(apr_pool_t *pool, server_rec *s)
{
    jo_server_config *c = apr_pcalloc(pool, sizeof *c);
    JO_SERVER_DIRECTIVES(UNSET)
    return c;
}

void *jo_config_server_merge(apr_pool_t *pool, void *base_config, void *add_config)
{
    const jo_server_config *base = base_config, *add = add_config;
    jo_server_config *out = apr_pcalloc(pool, sizeof *out);
    JO_SERVER_DIRECTIVES(MERGE)
    return out;
}

static void limits_fill(jo_server_config *c)
{
    c->limits = (jo_limits){
        .descriptor_size = jo_config_max_descriptor(c),
        .xml_depth = jo_config_max_xml_depth(c),
        .moov_size = jo_config_max_moov(c),
        .samples = jo_config_max_samples(c),
        .tracks = jo_config_max_tracks(c),
        .boxes = jo_config_max_boxes(c),
        .segments = jo_config_max_segments(c),
        .segment_size = jo_config_max_segment_size(c),
        .events_size = jo_config_max_events_size(c),
    };
}

void jo_config_finish(server_rec *main_server)
{
    for (server_rec *s = main_server; s; s = s->next)
        limits_fill(ap_get_module_config(s->module_config, &jitorigin_module));
}

/* ---- what holds for a request */

const jo_dir_config *jo_config_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &jitorigin_module);
}

const jo_server_config *jo_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &jitorigin_module);
}

jo_settings jo_config_settings(const jo_dir_config *c)
{
    return (jo_settings){
        .keep_sample_entry = jo_config_sample_entry(c),
        .cmaf_urls = jo_config_url_style(c),
        .url_version = jo_config_url_version(c),
        .exact_clips = jo_config_clip(c),
        .manifest_filter = jo_config_manifest_filter(c),
        .progressive = jo_config_progressive(c),
        .query_options = (unsigned)jo_config_query_options(c),
        .hls_container = (jo_container)jo_config_hls_container(c),
        .hevc_in_ts = jo_config_ts_hevc(c),
    };
}

const jo_cache_rule *jo_config_cache(const jo_dir_config *c, jo_class class)
{
    static const jo_cache_rule fallback[JO_CLASSES] = {
        [JO_CLASS_MANIFEST] = {"max-age=300", 300},
        [JO_CLASS_INIT] = {"max-age=86400", 86400},
        [JO_CLASS_SEGMENT] = {"max-age=86400", 86400},
        [JO_CLASS_ERROR] = {"max-age=5", 5},
        [JO_CLASS_VERSIONED] = {"max-age=31536000, immutable", 31536000},
    };
    return c->cache[class].value ? &c->cache[class] : &fallback[class];
}

static bool lies_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || (len && dir[len - 1] == '/'));
}

static const char *folder_of(apr_pool_t *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash > path ? apr_pstrmemdup(pool, path, (size_t)(slash - path)) : "/";
}

const char *const *jo_config_roots(request_rec *r, const jo_dir_config *c, const char *descriptor,
                                   int *count)
{
    if (c->roots) {
        *count = c->roots->nelts;
        return (const char *const *)c->roots->elts;
    }
    const char *root = without_slash(r->pool, ap_context_document_root(r));
    const char **roots = apr_palloc(r->pool, sizeof *roots);
    roots[0] = lies_below(descriptor, root) ? root : folder_of(r->pool, descriptor);
    *count = 1;
    return roots;
}

int jo_config_send_mode(request_rec *r, const jo_dir_config *c)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    int64_t mode = jo_config_send_file(c);
    /* EnableSendfile not set counts as Off for httpd's own files, but ours are open for this request alone. */
    if (mode == JO_SEND_FILE_AUTO && core->enable_sendfile == ENABLE_SENDFILE_OFF)
        return JO_SEND_FILE_OFF;
    return (int)mode;
}
