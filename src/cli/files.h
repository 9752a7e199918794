/* Files that appear whole or not at all: written under a temporary name and renamed. */
#ifndef JO_FILES_H
#define JO_FILES_H

#include "../io/body.h"

#include <apr_file_io.h>

typedef struct jo_file_out {
    const char *path;
    const char *part; /* what is written until it is whole */
    apr_file_t *file;
    int64_t length;
} jo_file_out;

/* Opens path for writing. What is there must be a regular file, or nothing. Errors name path and reason. */
apr_status_t jo_file_create(jo_ctx *cx, const char *path, jo_file_out *out);
/* The same, making its folders. */
apr_status_t jo_file_open(jo_ctx *cx, const char *path, jo_file_out *out);
apr_status_t jo_file_add(jo_ctx *cx, jo_file_out *out, const void *data, size_t len);
/* Appends a whole body. */
apr_status_t jo_file_add_body(jo_ctx *cx, jo_file_out *out, const jo_body *body);
/* Renames it into place if cx holds no error; else, or if that fails, nothing is left. */
apr_status_t jo_file_close(jo_ctx *cx, jo_file_out *out);

bool jo_file_exists(apr_pool_t *pool, const char *path);
/* Do both names lead to one file, by whatever links? */
bool jo_file_same(apr_pool_t *pool, const char *a, const char *b);
/* True if the folder holds anything; false also if it isn't there. */
bool jo_file_folder_used(apr_pool_t *pool, const char *path);

#endif
