/* Configuration: what the directives of directives.h set. */
#ifndef JO_CONFIG_H
#define JO_CONFIG_H

#include "../origin.h"
#include "directives.h"

#include <httpd.h>
#include <http_config.h>

/* A Cache-Control value; NULL: not set. */
typedef struct jo_cache_rule {
    const char *value;
    int64_t age; /* seconds until Expires */
} jo_cache_rule;

/* When responses of a class cease to be: at a time, or `after` seconds; 0 and -1: neither. */
typedef struct jo_sunset {
    bool set;
    apr_time_t at;
    int64_t after;
} jo_sunset;

/* Scalars are -1 where nothing was set; the accessors below give the value that holds. */
#define JO_MEMBER_WORD(m)                         int64_t m;
#define JO_MEMBER_NUMBER(m)                       int64_t m;
#define JO_MEMBER_FLAGS(m)                        int64_t m;
#define JO_MEMBER_PATHS(m)                        apr_array_header_t *m;
#define JO_MEMBER_CACHE(m)                        jo_cache_rule m[JO_CLASSES];
#define JO_MEMBER_SECONDS(m)                      int64_t m[JO_CLASSES];
#define JO_MEMBER_SUNSET(m)                       jo_sunset m[JO_CLASSES];
#define JO_MEMBER_HEADER(m)                       const char *m;
#define JO_MEMBER(kind, scope, name, member, ...) JO_MEMBER_##kind(member)

typedef struct jo_dir_config {
    JO_DIR_DIRECTIVES(JO_MEMBER)
} jo_dir_config;

typedef struct jo_server_config {
    JO_SERVER_DIRECTIVES(JO_MEMBER)
    jo_limits limits; /* filled once all of the configuration is read */
} jo_server_config;

#define JO_ACCESS_PATHS(type, member, fallback)
#define JO_ACCESS_CACHE(type, member, fallback)
#define JO_ACCESS_SECONDS(type, member, fallback)
#define JO_ACCESS_SUNSET(type, member, fallback)
#define JO_ACCESS_HEADER(type, member, fallback)
#define JO_ACCESS_WORD(type, member, fallback)                   \
    static inline int64_t jo_config_##member(const type *c)      \
    {                                                            \
        return c->member >= 0 ? c->member : (int64_t)(fallback); \
    }
#define JO_ACCESS_NUMBER(type, member, fallback) JO_ACCESS_WORD(type, member, fallback)
#define JO_ACCESS_FLAGS(type, member, fallback)  JO_ACCESS_WORD(type, member, fallback)
#define JO_ACCESS_DIR(kind, scope, name, member, fallback, ...) \
    JO_ACCESS_##kind(jo_dir_config, member, fallback)
#define JO_ACCESS_SERVER(kind, scope, name, member, fallback, ...) \
    JO_ACCESS_##kind(jo_server_config, member, fallback)

/* jo_config_on(dir), jo_config_title_cache(server), …: one for every WORD, NUMBER and FLAGS row. */
JO_DIR_DIRECTIVES(JO_ACCESS_DIR)
JO_SERVER_DIRECTIVES(JO_ACCESS_SERVER)

enum { JO_SEND_FILE_AUTO, JO_SEND_FILE_ON, JO_SEND_FILE_OFF };

extern const command_rec jo_config_commands[];

void *jo_config_dir_make(apr_pool_t *pool, char *dir);
void *jo_config_dir_merge(apr_pool_t *pool, void *base, void *add);
void *jo_config_server_make(apr_pool_t *pool, server_rec *s);
void *jo_config_server_merge(apr_pool_t *pool, void *base, void *add);

/* Fills the limits of every virtual host once all of the configuration is read. */
void jo_config_finish(server_rec *main_server);

const jo_dir_config *jo_config_dir(const request_rec *r);
const jo_server_config *jo_config_server(const server_rec *s);

/* What of the configuration changes bytes. */
jo_settings jo_config_settings(const jo_dir_config *c);

/* The rule for responses of a class: as configured, else the default. */
const jo_cache_rule *jo_config_cache(const jo_dir_config *c, jo_class class);

/* The directories that sources of this request may lie in: JitOriginRoot, else the document root or alias target
 * that maps the URL, else (a rewritten URL) the descriptor's own folder. */
const char *const *jo_config_roots(request_rec *r, const jo_dir_config *c, const char *descriptor,
                                   int *count);

/* JO_SEND_FILE_OFF: source files are copied; _ON: sent by the kernel where it pays; _AUTO: the same but for files
 * on network file systems. */
int jo_config_send_mode(request_rec *r, const jo_dir_config *c);

#endif
