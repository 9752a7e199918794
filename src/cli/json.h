/* JSON as it is written: RFC 8259, indented by two. key: NULL in an array. */
#ifndef JO_JSON_H
#define JO_JSON_H

#include "../base/text.h"

typedef struct jo_json {
    jo_text *out;
    int depth;
    bool more; /* a value stands before the next one */
} jo_json;

void jo_json_open(jo_json *j, const char *key, char bracket); /* '{' or '[' */
void jo_json_close(jo_json *j, char bracket);                 /* '}' or ']' */
/* Nothing is written for a NULL string. Bytes that are not UTF-8 become U+FFFD. */
void jo_json_text(jo_json *j, const char *key, const char *value);
void jo_json_int(jo_json *j, const char *key, int64_t value);
void jo_json_bool(jo_json *j, const char *key, bool value);
/* num/den with at most 6 fraction digits; null if den is 0. */
void jo_json_ratio(jo_json *j, const char *key, int64_t num, int64_t den);

#endif
