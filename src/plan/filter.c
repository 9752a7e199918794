#include "filter.h"

#include "../base/status.h"
#include "filter_vars.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST          4096
#define DEEPEST          32
#define MOST_COMPARISONS 256
#define SHOWN            40 /* bytes of what was found that a message repeats */

typedef enum { ALWAYS, NEVER, COMPARE, NOT, AND, OR } kind;
typedef enum { EQ, NE, LT, LE, GT, GE } op;

static const char *const op_text[] = {"==", "!=", "<", "<=", ">", ">="};

/* Immutable, and canonical as it is made: operands flattened, sorted by their text, none twice. */
typedef struct node {
    kind kind;
    const char *text;
    const struct node *const *operands; /* of NOT one, of AND and OR two or more */
    int noperands;
    const jo_variable *variable; /* COMPARE */
    op op;
    jo_number number;   /* of a variable that is a number */
    const char *string; /* of any other */
} node;

struct jo_filter {
    const node *root;
};

typedef struct parser {
    jo_ctx *cx;
    const char *text;
    const char *at;
    int depth, comparisons;
} parser;

static const node *parse_or(parser *p);

/* -- messages -------------------------------------------------------------------------------------------------- */

/* A byte of a character of UTF-8 that isn't its first. */
static bool is_rest(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* In characters of UTF-8, from 1. */
static int column_of(const parser *p, const char *at)
{
    int column = 1;

    for (const char *s = p->text; s < at; s++) {
        column += !is_rest(*s);
    }
    return column;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_operator(char c)
{
    return c != '\0' && strchr("&|=!<>", c) != NULL;
}

/* Length of the word, the operator, the string or the character at s. */
static size_t token_length(const char *s)
{
    bool (*same)(char) = is_word(*s) ? is_word : is_operator(*s) ? is_operator : NULL;
    size_t n = 0;

    if (same != NULL) {
        while (same(s[n])) {
            n++;
        }
        return n;
    }
    if (*s == '"' || *s == '\'') {
        return strchr(s + 1, *s) ? (size_t)(strchr(s + 1, *s) + 1 - s) : strlen(s);
    }
    for (n = 1; is_rest(s[n]); n++) {
    }
    return n;
}

/* At most SHOWN bytes, cut before a character rather than in it. */
static size_t shown_length(const char *at, size_t n)
{
    size_t shown = n > SHOWN ? SHOWN : n;

    while (shown < n && shown > SHOWN - 4 && is_rest(at[shown])) {
        shown--;
    }
    return shown;
}

static const char *found(const parser *p, const char *at)
{
    size_t n = *at ? token_length(at) : 0, shown = shown_length(at, n);
    const char *more = shown < n ? "…" : "", *quote = *at == '"' ? "" : "\"";
    char *s = apr_pstrmemdup(p->cx->pool, at, shown);

    for (char *c = s; *c; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
    }
    return n ? apr_pstrcat(p->cx->pool, quote, s, more, quote, NULL) : "the end";
}

static const node *fail(parser *p, const char *at, const char *expected)
{
    jo_fail(p->cx, JO_EREQUEST, "filter, column %d: expected %s, found %s", column_of(p, at),
            expected, found(p, at));
    return NULL;
}

static const node *fail_name(parser *p, const char *at)
{
    jo_text names;

    jo_text_init(&names, p->cx->pool, 512);
    for (int i = 0; jo_variable_at(i) != NULL; i++) {
        jo_text_addf(&names, "%s%s", i ? ", " : "", jo_variable_at(i)->name);
    }
    jo_fail(p->cx, JO_EREQUEST, "filter, column %d: expected a variable, found %s; there are %s",
            column_of(p, at), found(p, at), names.s);
    return NULL;
}

static const node *fail_more(parser *p, const char *at, int most, const char *of)
{
    jo_fail(p->cx, JO_EREQUEST, "filter, column %d: more than %d %s", column_of(p, at), most, of);
    return NULL;
}

/* -- making nodes ------------------------------------------------------------------------------------------------ */

static node *make(parser *p, kind k)
{
    node *n = apr_pcalloc(p->cx->pool, sizeof(*n));
    n->kind = k;
    return n;
}

static const node *make_constant(parser *p, kind k)
{
    node *n = make(p, k);
    n->text = k == ALWAYS ? "true" : "false";
    return n;
}

static const node *make_not(parser *p, const node *operand)
{
    bool binary = operand->kind == AND || operand->kind == OR;

    if (operand->kind == NOT) {
        return operand->operands[0];
    }
    node *n = make(p, NOT);
    const node **one = apr_palloc(p->cx->pool, sizeof(node *));
    *one = operand;
    n->operands = one;
    n->noperands = 1;
    n->text = apr_pstrcat(p->cx->pool, binary ? "!(" : "!", operand->text, binary ? ")" : "", NULL);
    return n;
}

static int by_text(const void *a, const void *b)
{
    const node *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

/* Adds n, or its operands if it is of the same kind as the list. */
static void push(apr_array_header_t *list, kind k, const node *n)
{
    if (n->kind != k) {
        APR_ARRAY_PUSH(list, const node *) = n;
    }
    for (int i = 0; n->kind == k && i < n->noperands; i++) {
        APR_ARRAY_PUSH(list, const node *) = n->operands[i];
    }
}

static int drop_twins(const node **list, int n)
{
    int kept = n > 0;

    for (int i = 1; i < n; i++) {
        if (strcmp(list[i]->text, list[kept - 1]->text) != 0) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

static const char *join(apr_pool_t *pool, kind k, const node *const *list, int n)
{
    jo_text out;

    jo_text_init(&out, pool, 128);
    for (int i = 0; i < n; i++) {
        bool inner = k == AND && list[i]->kind == OR;
        jo_text_addf(&out, "%s%s%s%s",
                     i == 0     ? ""
                     : k == AND ? "&&"
                                : "||",
                     inner ? "(" : "", list[i]->text, inner ? ")" : "");
    }
    return out.s;
}

/* AND or OR of a list. */
static const node *make_list(parser *p, kind k, apr_array_header_t *list)
{
    const node **operands = (const node **)list->elts;

    qsort(operands, (size_t)list->nelts, sizeof(*operands), by_text);
    int count = drop_twins(operands, list->nelts);
    if (count == 1) {
        return operands[0];
    }
    node *n = make(p, k);
    n->operands = operands;
    n->noperands = count;
    n->text = join(p->cx->pool, k, operands, count);
    return n;
}

static void write_number(jo_text *out, const jo_number *n)
{
    jo_text_add_int(out, n->whole);
    if (n->micro > 0) {
        char digits[8];
        int len = apr_snprintf(digits, sizeof(digits), "%06d", (int)n->micro);
        while (digits[len - 1] == '0') {
            len--;
        }
        jo_text_add(out, ".");
        jo_text_add_n(out, digits, (size_t)len);
    }
}

static const node *make_comparison(parser *p, const node *c)
{
    node *n = make(p, COMPARE);
    jo_text out;

    *n = *c;
    jo_text_init(&out, p->cx->pool, 64);
    jo_text_addf(&out, "%s%s", n->variable->name, op_text[n->op]);
    if (n->variable->number != NULL) {
        write_number(&out, &n->number);
    } else {
        const char *quote = strchr(n->string, '"') ? "'" : "\"";
        jo_text_addf(&out, "%s%s%s", quote, n->string, quote);
    }
    n->text = out.s;
    return n;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* '+' is how forms write a space; outside strings it can mean nothing else. */
static void skip_space(parser *p)
{
    p->at += strspn(p->at, " \t\r\n+");
}

static bool take(parser *p, const char *token)
{
    size_t n = strlen(token);

    skip_space(p);
    if (strncmp(p->at, token, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

static const char *read_word(parser *p)
{
    size_t n = 0;

    while (is_word(p->at[n])) {
        n++;
    }
    p->at += n;
    return apr_pstrmemdup(p->cx->pool, p->at - n, n);
}

static bool is_truth(const char *word)
{
    return jo_text_same(word, "true") || jo_text_same(word, "false");
}

/* A string in quotes, or a word. NULL: an error, or neither. */
static const char *read_literal(parser *p, bool *quoted)
{
    const char *start = p->at, *end;

    *quoted = *start == '"' || *start == '\'';
    if (!*quoted) {
        return is_word(*start) ? read_word(p) : NULL;
    }
    end = strchr(start + 1, *start);
    if (end == NULL) {
        p->at += strlen(p->at);
        fail(p, p->at, *start == '"' ? "a closing \"" : "a closing '");
        return NULL;
    }
    p->at = end + 1;
    return apr_pstrmemdup(p->cx->pool, start + 1, (apr_size_t)(end - start - 1));
}

static const char *number_wanted(const jo_variable *v, const char *found)
{
    jo_number n;

    if (found != NULL && *found && found[strspn(found, "0123456789.")] == '\0' &&
        !strstr(found, "..") && isdigit((unsigned char)*found)) {
        return "a number of at most 18 digits and 6 decimals";
    }
    return jo_constant_find(v, "AVC_PROFILE_HIGH", &n)
               ? "a number, AVC_PROFILE_BASELINE, AVC_PROFILE_MAIN or AVC_PROFILE_HIGH"
               : "a number";
}

static const node *parse_number(parser *p, node *c)
{
    const char *start = p->at;
    bool quoted;
    const char *s = read_literal(p, &quoted);

    if (s != NULL &&
        (jo_number_parse(s, &c->number) || jo_constant_find(c->variable, s, &c->number))) {
        return make_comparison(p, c);
    }
    return fail(p, start, number_wanted(c->variable, s));
}

/* A bare word will do for a string unless it means something else. */
static const node *parse_string(parser *p, node *c)
{
    const char *start = p->at;
    jo_number number;
    bool quoted;
    const char *s = read_literal(p, &quoted);

    if (s == NULL ||
        (!quoted && (jo_variable_find(s) || is_truth(s) || jo_constant_find(NULL, s, &number)))) {
        return fail(p, start, "a string in quotes");
    }
    c->string = c->variable->spell(p->cx->pool, s);
    return make_comparison(p, c);
}

static bool take_op(parser *p, op *out)
{
    static const op longest_first[] = {EQ, NE, LE, GE, LT, GT};

    for (size_t i = 0; i < sizeof(longest_first) / sizeof(*longest_first); i++) {
        *out = longest_first[i];
        if (take(p, op_text[*out])) {
            return true;
        }
    }
    return false;
}

/* name op literal, of which the name, at start, has been read. */
static const node *parse_comparison(parser *p, const char *start, const char *name)
{
    node c = {.kind = COMPARE, .variable = jo_variable_find(name)};

    if (c.variable == NULL) {
        return fail_name(p, start);
    }
    if (++p->comparisons > MOST_COMPARISONS) {
        return fail_more(p, start, MOST_COMPARISONS, "comparisons");
    }
    skip_space(p);
    const char *at = p->at;
    bool has_order = c.variable->number != NULL;
    if (!take_op(p, &c.op) || (!has_order && c.op > NE)) {
        return fail(p, at, has_order ? "==, !=, <, <=, > or >=" : "== or !=");
    }
    skip_space(p);
    return has_order ? parse_number(p, &c) : parse_string(p, &c);
}

/* What stands behind a '!' or in parentheses. */
static const node *parse_inner(parser *p, const char *start, const node *(*parse)(parser *p))
{
    if (++p->depth > DEEPEST) {
        return fail_more(p, start, DEEPEST, "levels of ( and !");
    }
    const node *n = parse(p);
    p->depth--;
    return n;
}

static const node *parse_unary(parser *p)
{
    skip_space(p);
    const char *start = p->at;
    if (take(p, "!")) {
        const node *n = parse_inner(p, start, parse_unary);
        return n ? make_not(p, n) : NULL;
    }
    if (take(p, "(")) {
        const node *n = parse_inner(p, start, parse_or);
        return n == NULL || take(p, ")") ? n : fail(p, p->at, "&&, || or \")\"");
    }
    if (!is_word(*start)) {
        return fail(p, start, "a variable, \"(\", \"!\", true or false");
    }
    const char *word = read_word(p);
    return is_truth(word) ? make_constant(p, jo_text_same(word, "true") ? ALWAYS : NEVER)
                          : parse_comparison(p, start, word);
}

static const node *parse_and(parser *p)
{
    apr_array_header_t *list = apr_array_make(p->cx->pool, 4, sizeof(node *));

    do {
        const node *n = parse_unary(p);
        if (n == NULL) {
            return NULL;
        }
        push(list, AND, n);
    } while (take(p, "&&"));
    return make_list(p, AND, list);
}

static const node *parse_or(parser *p)
{
    apr_array_header_t *list = apr_array_make(p->cx->pool, 4, sizeof(node *));

    do {
        const node *n = parse_and(p);
        if (n == NULL) {
            return NULL;
        }
        push(list, OR, n);
    } while (take(p, "||") || take(p, "|"));
    return make_list(p, OR, list);
}

apr_status_t jo_filter_parse(jo_ctx *cx, const char *text, const jo_filter **out)
{
    parser p = {.cx = cx, .text = text, .at = text};

    if (strlen(text) > LONGEST) {
        return jo_fail(cx, JO_EREQUEST, "filter: more than %d characters", LONGEST);
    }
    const node *root = parse_or(&p);
    if (root == NULL) {
        return cx->code;
    }
    skip_space(&p);
    if (*p.at) {
        fail(&p, p.at, "&&, || or the end");
        return cx->code;
    }
    if (strlen(root->text) > LONGEST) { /* it would not be taken back */
        return jo_fail(cx, JO_EREQUEST, "filter: more than %d characters, once words are quoted",
                       LONGEST);
    }
    jo_filter *f = apr_palloc(cx->pool, sizeof(*f));
    f->root = root;
    *out = f;
    return APR_SUCCESS;
}

void jo_filter_write(const jo_filter *f, jo_text *out)
{
    jo_text_add(out, f->root->text);
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

static bool compare_number(jo_ctx *cx, const node *n, const jo_track *t)
{
    int order;

    if (!jo_variable_compare(cx, n->variable, t, &n->number, &order)) {
        return false;
    }
    switch (n->op) {
    case EQ:
        return order == 0;
    case NE:
        return order != 0;
    case LT:
        return order < 0;
    case LE:
        return order <= 0;
    case GT:
        return order > 0;
    case GE:
        return order >= 0;
    }
    return false;
}

static bool compare(jo_ctx *cx, const node *n, const jo_track *t)
{
    bool equal;

    if (n->variable->number != NULL) {
        return compare_number(cx, n, t);
    }
    return jo_variable_equals(cx, n->variable, t, n->string, &equal) && equal == (n->op == EQ);
}

static bool keeps(jo_ctx *cx, const node *n, const jo_track *t)
{
    switch (n->kind) {
    case ALWAYS:
    case NEVER:
        return n->kind == ALWAYS;
    case COMPARE:
        return compare(cx, n, t);
    case NOT:
        return !keeps(cx, n->operands[0], t);
    case AND:
    case OR:
        for (int i = 0; i < n->noperands; i++) {
            if (keeps(cx, n->operands[i], t) == (n->kind == OR)) {
                return n->kind == OR;
            }
        }
        return n->kind == AND;
    }
    return false;
}

bool jo_filter_keeps(jo_ctx *cx, const jo_filter *f, const jo_track *t)
{
    jo_ctx scratch = *cx;

    apr_pool_create(&scratch.pool, cx->pool);
    bool kept = keeps(&scratch, f->root, t);
    apr_pool_destroy(scratch.pool);
    return kept;
}
