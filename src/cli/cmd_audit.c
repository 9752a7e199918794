#include "cli.h"

#include "../base/text.h"
#include "audit.h"
#include "json.h"

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SAMPLES = 3, SAMPLES_MAX = 100, TIMEOUT = 15, TIMEOUT_MAX = 600, URLS_KEPT = 100 };

/* ---- the questions, and what a good answer is */

static const struct {
    const char *name, *good;
} questions[JO_QUESTIONS] = {
    [JO_ASK_ANSWERS] = {"answers", "what manifests name is there"},
    [JO_ASK_WALK] = {"manifests", "manifests can be read"},
    [JO_ASK_HIT] = {"hit", "the second request is a hit"},
    [JO_ASK_SESSION] = {"session-ids", "unknown parameters change nothing"},
    [JO_ASK_ORDER] = {"order", "the order of parameters changes nothing"},
    [JO_ASK_AGENT] = {"user-agent", "every client gets the same manifest"},
    [JO_ASK_ENCODING] = {"encoding", "compression changes nothing else"},
    [JO_ASK_STORABLE] = {"storable", "nothing keeps a shared cache from keeping it"},
    [JO_ASK_LIFETIME] = {"lifetime", "lifetimes fit"},
    [JO_ASK_EXPIRES] = {"expires", "Expires agrees with max-age"},
    [JO_ASK_VERSIONED] = {"versioned", "URLs that name their content are immutable"},
    [JO_ASK_VARY] = {"vary", "Vary names nothing but Accept-Encoding"},
    [JO_ASK_CORS] = {"cors", "players of other sites may read it"},
    [JO_ASK_ETAG] = {"etag", "If-None-Match gets a 304"},
    [JO_ASK_MODIFIED] = {"modified", "If-Modified-Since gets a 304"},
    [JO_ASK_GZIP] = {"gzip-304", "If-None-Match of a compressed answer gets a 304"},
    [JO_ASK_HEAD] = {"head", "HEAD says what GET says"},
    [JO_ASK_RANGES] = {"ranges", "ranges are cut right"},
    [JO_ASK_ERRORS] = {"errors", "what isn't there is 404 for a short while"},
};

static const char *const verdicts[JO_VERDICTS] = {"ok", "warn", "FAIL"};

/* ---- what the questions share */

void jo_audit_good(jo_audit *a, jo_question q)
{
    a->good[q]++;
}

static jo_fault *find_fault(jo_audit *a, jo_question q, jo_verdict v, const char *text)
{
    for (int i = 0; i < a->faults->nelts; i++) {
        jo_fault *f = &APR_ARRAY_IDX(a->faults, i, jo_fault);
        if (f->question == q && f->verdict == v && strcmp(f->text, text) == 0)
            return f;
    }
    return NULL;
}

void jo_audit_fault(jo_audit *a, jo_question q, jo_verdict v, const char *url, const char *mend,
                    const char *fmt, ...)
{
    const char *text;
    va_list args;
    jo_fault *f;

    va_start(args, fmt);
    text = jo_text_vformat(a->pool, fmt, args);
    va_end(args);
    f = find_fault(a, q, v, text);
    if (!f) {
        f = &APR_ARRAY_PUSH(a->faults, jo_fault);
        *f = (jo_fault){q, v, text, mend, apr_array_make(a->pool, 2, sizeof(const char *))};
    }
    APR_ARRAY_PUSH(f->urls, const char *) = apr_pstrdup(a->pool, url);
}

bool jo_audit_ask(jo_audit *a, const char *url, jo_http_request rq, const char *header,
                  jo_http_reply *out)
{
    /* As a page of another site asks, which is when answers show what they say to those. */
    const char *const headers[] = {"Origin: https://player.example", header, NULL};

    rq.headers = headers;
    jo_http_ask(a->http, a->scratch, url, &rq, out);
    if (!out->error)
        return true;
    jo_audit_fault(a, JO_ASK_ANSWERS, JO_FAIL, url, "see that it is up and reachable from here",
                   "no answer: %s", out->error);
    return false;
}

const char *jo_audit_header(const jo_http_reply *r, const char *name)
{
    const char *value = apr_table_get(r->headers, name);

    return value ? value : "";
}

/* Length of the list's first member; commas in quoted strings are part of it. */
static size_t member(const char *s)
{
    size_t n = 0;

    for (bool quoted = false; s[n] && (quoted || s[n] != ','); n++) {
        if (quoted && s[n] == '\\' && s[n + 1])
            n++;
        else if (s[n] == '"')
            quoted = !quoted;
    }
    return n;
}

bool jo_audit_says(const char *list, const char *word, int64_t *seconds)
{
    size_t n = strlen(word);

    for (; *list; list += *list == ',') {
        list += strspn(list, " \t");
        const char *value = list + n + 1;
        if (strncasecmp(list, word, n) == 0 && (!list[n] || strchr("=, \t", list[n]))) {
            value = list[n] == '=' && *value == '"' ? value + 1 : value;
            if (seconds)
                *seconds =
                    list[n] == '=' && apr_isdigit(*value) ? apr_strtoi64(value, NULL, 10) : -1;
            return true;
        }
        list += member(list);
    }
    return false;
}

bool jo_audit_same_body(const jo_http_reply *a, const jo_http_reply *b)
{
    return a->len == b->len && memcmp(a->body, b->body, a->len) == 0;
}

/* ---- one resource after the other */

static void walk(jo_audit *a, jo_subject *s)
{
    const jo_http_reply *r = &s->reply;

    a->walk.why = NULL;
    if (!jo_walk_read(&a->walk, apr_pstrdup(a->pool, r->url), r->body, r->len)) {
        jo_audit_fault(a, JO_ASK_WALK, JO_FAIL, s->url,
                       "give the URL of a playlist, an MPD or a Smooth manifest",
                       "this is none of HLS, DASH and Smooth");
        return;
    }
    s->live = a->walk.live;
    if (a->walk.why)
        jo_audit_fault(a, JO_ASK_WALK, JO_WARN, s->url,
                       "look at it, and audit what it names by hand", "not all of it was read: %s",
                       a->walk.why);
    else
        jo_audit_good(a, JO_ASK_WALK);
}

static void audit_one(jo_audit *a, int i)
{
    jo_walk_found found = APR_ARRAY_IDX(a->walk.found, i, jo_walk_found);
    jo_subject s = {.url = found.url, .class = found.class, .first = found.first};

    if (!jo_audit_ask(a, s.url, (jo_http_request){0}, NULL, &s.reply))
        return;
    if (s.reply.status != 200) {
        jo_audit_fault(a, JO_ASK_ANSWERS, JO_FAIL, s.url,
                       "`jitorigin check` finds what is wrong with a title; 403 and 5xx may come "
                       "from in between",
                       "the answer is %d", s.reply.status);
        return;
    }
    jo_audit_good(a, JO_ASK_ANSWERS);
    if (s.class == JO_IS_MANIFEST)
        walk(a, &s);
    jo_audit_cache(a, &s);
    jo_audit_headers(a, &s);
    jo_audit_answers(a, &s);
}

static void audit_all(jo_audit *a)
{
    for (int i = 0; i < a->walk.found->nelts; i++) {
        audit_one(a, i);
        apr_pool_clear(a->scratch);
    }
    if (a->walk.full)
        jo_audit_fault(a, JO_ASK_WALK, JO_WARN, APR_ARRAY_IDX(a->walk.found, 0, jo_walk_found).url,
                       "audit titles one by one",
                       "too much to look at: only the first %d resources were",
                       a->walk.found->nelts);
}

/* ---- printing */

static int count(const jo_audit *a, jo_verdict v)
{
    int n = 0;

    for (int i = 0; i < a->faults->nelts; i++)
        n += APR_ARRAY_IDX(a->faults, i, jo_fault).verdict == v;
    return n;
}

static void print_fault(jo_text *out, const jo_fault *f)
{
    jo_text_addf(out, "%-5s%s: %s\n      where: %s", verdicts[f->verdict],
                 questions[f->question].name, f->text, APR_ARRAY_IDX(f->urls, 0, const char *));
    if (f->urls->nelts > 1)
        jo_text_addf(out, " and %d more", f->urls->nelts - 1);
    jo_text_addf(out, "\n      mend: %s\n", f->mend);
}

static void print_question(const jo_audit *a, jo_question q, jo_text *out)
{
    bool bad = false;

    for (jo_verdict v = JO_FAIL; v > JO_OK; v--) {
        for (int i = 0; i < a->faults->nelts; i++) {
            const jo_fault *f = &APR_ARRAY_IDX(a->faults, i, jo_fault);
            if (f->question == q && f->verdict == v) {
                print_fault(out, f);
                bad = true;
            }
        }
    }
    if (!bad && a->good[q])
        jo_text_addf(out, "%-5s%s: %s (%d asked)\n", verdicts[JO_OK], questions[q].name,
                     questions[q].good, a->good[q]);
    else if (!bad)
        jo_text_addf(out, "%-5s%s: nothing to ask\n", "-", questions[q].name);
}

static void print(const jo_audit *a, jo_text *out)
{
    int failures = count(a, JO_FAIL), warnings = count(a, JO_WARN);

    for (jo_question q = 0; q < JO_QUESTIONS; q++)
        print_question(a, q, out);
    jo_text_addf(out, "%d resource%s, %d requests: %d failure%s, %d warning%s\n",
                 a->walk.found->nelts, a->walk.found->nelts == 1 ? "" : "s", jo_http_count(a->http),
                 failures, failures == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
}

static void json_fault(jo_json *j, const jo_fault *f)
{
    jo_json_open(j, NULL, '{');
    jo_json_text(j, "question", questions[f->question].name);
    jo_json_text(j, "verdict", f->verdict == JO_FAIL ? "fail" : "warn");
    jo_json_text(j, "text", f->text);
    jo_json_text(j, "mend", f->mend);
    jo_json_int(j, "count", f->urls->nelts);
    jo_json_open(j, "urls", '[');
    for (int i = 0; i < f->urls->nelts && i < URLS_KEPT; i++)
        jo_json_text(j, NULL, APR_ARRAY_IDX(f->urls, i, const char *));
    jo_json_close(j, ']');
    jo_json_close(j, '}');
}

static void print_json(const jo_audit *a, jo_text *out)
{
    jo_json j = {.out = out};

    jo_json_open(&j, NULL, '{');
    jo_json_int(&j, "resources", a->walk.found->nelts);
    jo_json_int(&j, "requests", jo_http_count(a->http));
    jo_json_int(&j, "failures", count(a, JO_FAIL));
    jo_json_int(&j, "warnings", count(a, JO_WARN));
    jo_json_open(&j, "good", '{');
    for (jo_question q = 0; q < JO_QUESTIONS; q++)
        jo_json_int(&j, questions[q].name, a->good[q]);
    jo_json_close(&j, '}');
    jo_json_open(&j, "verdicts", '[');
    for (int i = 0; i < a->faults->nelts; i++)
        json_fault(&j, &APR_ARRAY_IDX(a->faults, i, jo_fault));
    jo_json_close(&j, ']');
    jo_json_close(&j, '}');
}

/* ---- the command */

/* A number from 1 on; false if it is none or beyond `most`. */
static bool read_number(const char *s, int most, int *out)
{
    char *end;
    long v;

    if (!s)
        return true;
    v = strtol(s, &end, 10);
    *out = v > 0 && v <= most ? (int)v : 0;
    return *s && !*end && *out;
}

static const char *random_word(apr_pool_t *pool)
{
    unsigned char bytes[8] = {0};
    char *out = apr_palloc(pool, 17);

    apr_generate_random_bytes(bytes, sizeof bytes);
    for (int i = 0; i < 8; i++)
        apr_snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return out;
}

static int run(apr_pool_t *pool, const jo_command *self, const jo_args *args)
{
    int samples = SAMPLES, timeout = TIMEOUT;
    jo_audit a = {.pool = pool};
    jo_text out;

    if (!read_number(args->option[JO_OPT_SEGMENTS], SAMPLES_MAX, &samples))
        return jo_cli_usage(self, "--segments: a number from 1 to %d is wanted", SAMPLES_MAX);
    if (!read_number(args->option[JO_OPT_TIMEOUT], TIMEOUT_MAX, &timeout))
        return jo_cli_usage(self, "--timeout: seconds from 1 to %d are wanted", TIMEOUT_MAX);
    jo_walk_init(&a.walk, pool, samples);
    for (int i = 0; i < args->nfiles; i++) {
        jo_walk_add(&a.walk, NULL, args->files[i], JO_IS_MANIFEST);
        if (a.walk.why)
            return jo_cli_usage(self, "%s: no http:// or https:// URL", args->files[i]);
    }
    a.faults = apr_array_make(pool, 16, sizeof(jo_fault));
    a.session = random_word(pool);
    apr_pool_create(&a.scratch, pool);
    a.http = jo_http_make(pool, timeout);
    if (!a.http)
        return JO_EXIT_FAILED;
    audit_all(&a);
    jo_text_init(&out, pool, 4096);
    (args->option[JO_OPT_JSON] ? print_json : print)(&a, &out);
    if (!jo_cli_write(out.s, out.len) || count(&a, JO_FAIL))
        return JO_EXIT_FAILED;
    return args->option[JO_OPT_STRICT] && count(&a, JO_WARN) ? JO_EXIT_FAILED : 0;
}

static const apr_getopt_option_t options[] = {
    {"segments", JO_OPT_SEGMENTS, 1, "of each track so many, from first to last (3)"},
    {"timeout", JO_OPT_TIMEOUT, 1, "seconds that an answer may take (15)"},
    {"strict", JO_OPT_STRICT, 0, "warnings count as failures"},
    JO_OPTION_JSON,
    JO_OPTION_HELP,
    {0}};

const jo_command jo_cmd_audit = {
    .name = "audit",
    .args = "URL...",
    .what = "ask a running origin, shield or CDN the questions of a cache review",
    .more =
        "Reads playlists, MPDs and Smooth manifests, all that they lead to, and some segments of "
        "each track,\nand says of each question whether the answers are good, which are not, and "
        "how to mend them.\nExit status 1 if there are failures.",
    .options = options,
    .least = 1,
    .most = 100,
    .run = run,
};
