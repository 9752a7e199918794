/* XML to a small tree, by expat, for descriptors and manifests. UTF-8 and UTF-16 (by BOM or declaration). DOCTYPE,
 * entity declarations and external references are refused; depth and node count are bounded. */
#ifndef JO_XML_H
#define JO_XML_H

#include "jo.h"

typedef struct jo_xml_attr {
    const char *name; /* local name as written, prefix cut */
    const char *value;
} jo_xml_attr;

typedef struct jo_xml_node jo_xml_node;
struct jo_xml_node {
    const char *name; /* local name as written: prefix and namespace cut */
    const jo_xml_attr *attrs;
    int nattrs;
    const char *text; /* its own character data, trimmed; NULL: nothing but space */
    unsigned line;    /* 1-based, for messages */
    jo_xml_node *first_child;
    jo_xml_node *next;
};

/* Parses a whole document into cx->pool.
 * JO_EMEDIA naming line and reason if it is not well-formed or passes a limit. */
apr_status_t jo_xml_parse(jo_ctx *cx, const void *data, size_t len, jo_xml_node **root);

/* Attribute value by name without regard to case, or NULL. */
const char *jo_xml_attr_find(const jo_xml_node *n, const char *name);

#endif
