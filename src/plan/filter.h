/* ?filter=: Unified's language for choosing tracks. An expression is evaluated once per track; true keeps it.
 *
 *   expr := and { ("||" | "|") and }        and := unary { "&&" unary }
 *   unary := "!" unary | "(" expr ")" | "true" | "false" | name op literal
 *   op := "==" | "!=" | "<" | "<=" | ">" | ">="      literal := number | "string" | CONSTANT
 *
 * Names and constants count without regard to case; docs/filter.md lists them. What a track has not got (MaxHeight of a
 * sound) compares false by every operator. */
#ifndef JO_FILTER_H
#define JO_FILTER_H

#include "../base/text.h"
#include "../media/track.h"

typedef struct jo_filter jo_filter;

/* text: percent-decoded. JO_EREQUEST names the column (from 1) and what was expected there: a syntax error, an unknown
 * name or constant, an operator or literal that does not fit the name, more than 4096 characters, 32 levels or 256
 * comparisons. The result lives in cx->pool. */
apr_status_t jo_filter_parse(jo_ctx *cx, const char *text, const jo_filter **out);

bool jo_filter_keeps(jo_ctx *cx, const jo_filter *f, const jo_track *t);

/* The canonical form, which parses to the same filter and is equal for filters that differ only in spelling, needless
 * parentheses, or the order or repetition of operands. */
void jo_filter_write(const jo_filter *f, jo_text *out);

#endif
