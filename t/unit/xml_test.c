#include "../../src/base/status.h"
#include "../../src/base/xml.h"
#include "tap.h"

#include <apr_general.h>

static apr_pool_t *pool;
static jo_ctx cx;

static jo_xml_node *parse_n(const char *s, size_t len)
{
    void *copy = exact(s, len);
    jo_xml_node *root = NULL;
    apr_status_t rv;

    jo_ctx_init(&cx, pool);
    rv = jo_xml_parse(&cx, copy, len, &root);
    free(copy);
    return rv == APR_SUCCESS ? root : NULL;
}

static jo_xml_node *parse(const char *s)
{
    return parse_n(s, strlen(s));
}

/* s (ASCII) as UTF-16 with BOM. */
static size_t utf16(const char *s, bool big, char *out)
{
    size_t n = 0;

    out[n++] = big ? '\xfe' : '\xff';
    out[n++] = big ? '\xff' : '\xfe';
    for (; *s; s++) {
        out[n++] = big ? 0 : *s;
        out[n++] = big ? *s : 0;
    }
    return n;
}

static void test_tree(void)
{
    jo_xml_node *r = parse("<?xml version='1.0'?>\n<a x='1' Y='&lt;2'>\n<p:b/>text<c><d/></c></a>");

    if (!ok(r != NULL, "a document"))
        return;
    is_str(r->name, "a", "root");
    is_int(r->line, 2, "line of the root");
    is_str(jo_xml_attr_find(r, "X"), "1", "attributes are found without case");
    is_str(jo_xml_attr_find(r, "y"), "<2", "and unescaped");
    is_str(jo_xml_attr_find(r, "z"), NULL, "an absent attribute");
    is_str(r->first_child->name, "b", "prefix cut from an element");
    is_int(r->first_child->line, 3, "its line");
    is_str(r->first_child->next->name, "c", "the next child");
    is_str(r->first_child->next->first_child->name, "d", "its child");
    ok(!r->first_child->next->next && !r->next, "nothing behind");
    is_str(r->text, "text", "text of its own");
    is_str(r->first_child->next->text, NULL, "none");
    r = parse("<a>\n <u> b &amp;\n c<!-- no --> <v/>d\t</u>\n</a>");
    is_str(r ? r->text : "", NULL, "space alone is no text");
    is_str(r ? r->first_child->text : NULL, "b &\n c d", "pieces in one, trimmed");
    r = parse("<s:a xmlns:s='urn:x' xmlns='urn:y' xmlns:src='z' s:src='f'/>");
    ok(r && r->nattrs == 1 && strcmp(jo_xml_attr_find(r, "src"), "f") == 0,
       "namespace declarations are no attributes");
}

static void test_encodings(void)
{
    static const char text[] = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a x=\"1\"/>";
    char wide[256];
    jo_xml_node *r = parse_n(wide, utf16(text, false, wide));

    ok(r && strcmp(r->name, "a") == 0, "UTF-16 little-endian with BOM");
    r = parse_n(wide, utf16(text, true, wide));
    ok(r && strcmp(jo_xml_attr_find(r, "x"), "1") == 0, "UTF-16 big-endian with BOM");
    ok(parse(text) != NULL, "UTF-8 that says it is UTF-16");
    r = parse("\xef\xbb\xbf<a x='\xc3\xa9'/>");
    ok(r && strcmp(jo_xml_attr_find(r, "x"), "\xc3\xa9") == 0, "UTF-8 with BOM");
    r = parse("<?xml version='1.0' encoding='iso-8859-1'?><a x='\xe9'/>");
    ok(r && strcmp(jo_xml_attr_find(r, "x"), "\xc3\xa9") == 0, "Latin-1 becomes UTF-8");
    ok(!parse_n(wide, utf16(text, false, wide) - 1), "half a UTF-16 character");
    ok(!parse("<?xml version='1.0' encoding='ebcdic-x'?><a/>"), "an unknown encoding");
}

static void test_refusals(void)
{
    static char deep[4096];
    size_t n = 0;

    ok(!parse("") && cx.code == JO_EMEDIA, "nothing");
    ok(!parse("<a>") && cx.code == JO_EMEDIA, "an open element");
    ok(!parse("<a></b>"), "crossed elements");
    ok(!parse("<a/><b/>"), "two roots");
    ok(!parse("<a>\n\n&nope;</a>"), "an undeclared entity");
    ok(!parse("<a\n\n<b>") && strncmp(cx.message, "line 3: ", 8) == 0, "the line is named");
    ok(!parse("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"), "an internal DOCTYPE");
    is_str(cx.message, "line 1: DOCTYPE is not allowed", "and its reason");
    ok(!parse("<!DOCTYPE a SYSTEM 'http://127.0.0.1/x.dtd'><a/>"), "an external DOCTYPE");
    for (int i = 0; i < 33; i++)
        n += (size_t)sprintf(deep + n, "<a>");
    for (int i = 0; i < 33; i++)
        n += (size_t)sprintf(deep + n, "</a>");
    ok(!parse(deep) && strstr(cx.message, "too deeply"), "33 levels");
    ok(parse_n(deep + 3, n - 7) != NULL, "32 levels are allowed");
}

static void test_many(void)
{
    size_t count = 100001, n = 3;
    char *many = malloc(count * 4 + 8);

    memcpy(many, "<r>", 3);
    for (size_t i = 0; i < count; i++, n += 4)
        memcpy(many + n, "<a/>", 4);
    memcpy(many + n, "</r>", 4);
    ok(!parse_n(many, n + 4) && strstr(cx.message, "too many"), "100001 elements");
    free(many);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_tree();
    test_encodings();
    test_refusals();
    test_many();
    apr_terminate();
    return tap_done();
}
