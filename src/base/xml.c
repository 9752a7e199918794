#include "xml.h"

#include "status.h"
#include "text.h"

#include <apr_strings.h>
#include <expat.h>
#include <limits.h>
#include <string.h>

/* A node of a tiny element costs 20 times its text. */
#define NODES_MAX 100000

typedef struct frame {
    struct frame *up;
    jo_xml_node *node;
    jo_xml_node **tail; /* where its next child is linked */
    jo_text text;       /* of its own, from the first that is no space; pool NULL until then */
} frame;

typedef struct parse {
    jo_ctx *cx;
    XML_Parser expat;
    frame *top; /* innermost open element; the bottom one stands for the document */
    frame *spare;
    apr_size_t depth;
    unsigned nodes;
} parse;

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void refuse(parse *p, const char *why)
{
    jo_fail(p->cx, JO_EMEDIA, "line %lu: %s", XML_GetCurrentLineNumber(p->expat), why);
    XML_StopParser(p->expat, XML_FALSE);
}

static void copy_attrs(apr_pool_t *pool, jo_xml_node *n, const XML_Char **atts)
{
    jo_xml_attr *attrs;
    int count = 0;

    while (atts[2 * count])
        count++;
    n->attrs = attrs = apr_palloc(pool, (size_t)count * sizeof *attrs + 1);
    for (; *atts; atts += 2) {
        if (strncmp(*atts, "xmlns", 5) == 0 && (!atts[0][5] || atts[0][5] == ':'))
            continue;
        attrs[n->nattrs++] =
            (jo_xml_attr){apr_pstrdup(pool, local_name(atts[0])), apr_pstrdup(pool, atts[1])};
    }
}

static void push(parse *p, jo_xml_node *n)
{
    frame *f = p->spare;

    if (f)
        p->spare = f->up;
    else
        f = apr_palloc(p->cx->pool, sizeof *f);
    *f = (frame){.up = p->top, .node = n, .tail = &n->first_child};
    p->top = f;
    p->depth++;
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **atts)
{
    parse *p = data;
    jo_xml_node *n;

    if (p->cx->code != APR_SUCCESS)
        return;
    if (p->depth >= p->cx->limits->xml_depth) {
        refuse(p, "elements nested too deeply");
        return;
    }
    if (++p->nodes > NODES_MAX) {
        refuse(p, "too many elements");
        return;
    }
    n = apr_pcalloc(p->cx->pool, sizeof *n);
    n->name = apr_pstrdup(p->cx->pool, local_name(name));
    n->line = (unsigned)XML_GetCurrentLineNumber(p->expat);
    copy_attrs(p->cx->pool, n, atts);
    *p->top->tail = n;
    p->top->tail = &n->next;
    push(p, n);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void XMLCALL on_text(void *data, const XML_Char *s, int len)
{
    parse *p = data;
    jo_text *t = &p->top->text;

    if (!t->pool) {
        for (; len > 0 && is_space(*s); len--)
            s++;
        if (len == 0 || p->cx->code != APR_SUCCESS)
            return;
        jo_text_init(t, p->cx->pool, (size_t)len);
    }
    jo_text_add_n(t, s, (size_t)len);
}

static const char *trimmed(jo_text *t)
{
    while (t->len > 0 && is_space(t->s[t->len - 1]))
        t->s[--t->len] = '\0';
    return t->s;
}

static void XMLCALL on_end(void *data, const XML_Char *name)
{
    parse *p = data;
    frame *f = p->top;

    if (p->cx->code != APR_SUCCESS)
        return;
    if (f->text.pool)
        f->node->text = trimmed(&f->text);
    p->top = f->up;
    f->up = p->spare;
    p->spare = f;
    p->depth--;
}

/* Without a DOCTYPE there are no entities to declare and nothing external to fetch. */
static void XMLCALL on_doctype(void *data, const XML_Char *name, const XML_Char *sysid,
                               const XML_Char *pubid, int internal)
{
    refuse(data, "DOCTYPE is not allowed");
}

/* encoding: NULL as declared. Returns expat's verdict. */
static enum XML_Error run(jo_ctx *cx, const char *encoding, const void *data, size_t len,
                          jo_xml_node **root)
{
    parse p = {.cx = cx, .expat = XML_ParserCreate(encoding)};
    frame document = {.tail = root};
    enum XML_Error error = XML_ERROR_NO_MEMORY;

    *root = NULL;
    if (!p.expat)
        return error;
    p.top = &document;
    XML_SetUserData(p.expat, &p);
    XML_SetElementHandler(p.expat, on_start, on_end);
    XML_SetCharacterDataHandler(p.expat, on_text);
    XML_SetStartDoctypeDeclHandler(p.expat, on_doctype);
    error = XML_ERROR_NONE;
    if (XML_Parse(p.expat, data, (int)len, 1) != XML_STATUS_OK) {
        error = XML_GetErrorCode(p.expat);
        if (error != XML_ERROR_INCORRECT_ENCODING || encoding)
            jo_fail(cx, JO_EMEDIA, "line %lu: %s", XML_GetCurrentLineNumber(p.expat),
                    XML_ErrorString(error));
    }
    XML_ParserFree(p.expat);
    return error;
}

apr_status_t jo_xml_parse(jo_ctx *cx, const void *data, size_t len, jo_xml_node **root)
{
    enum XML_Error error;

    if (len > INT_MAX)
        return jo_fail(cx, JO_EMEDIA, "descriptor of %zu bytes", len);
    error = run(cx, NULL, data, len, root);
    /* Tools that convert a descriptor to UTF-8 often leave its declaration saying UTF-16. */
    if (error == XML_ERROR_INCORRECT_ENCODING)
        error = run(cx, "UTF-8", data, len, root);
    if (error == XML_ERROR_NO_MEMORY)
        return jo_fail(cx, JO_EBUSY, "out of memory");
    return cx->code;
}

const char *jo_xml_attr_find(const jo_xml_node *n, const char *name)
{
    for (int i = 0; i < n->nattrs; i++)
        if (jo_text_same(n->attrs[i].name, name))
            return n->attrs[i].value;
    return NULL;
}
