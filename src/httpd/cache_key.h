/* Keys under which mod_cache keeps responses (JitOriginCacheKey). */
#ifndef JO_CACHE_KEY_H
#define JO_CACHE_KEY_H

#include <httpd.h>
#include <stdbool.h>

/* Under JitOriginCacheKey On, makes mod_cache ask us for keys: of URLs below a title equal for all spellings of what is
 * the same resource, of other URLs what they were. Call it when all of the configuration is read and before mod_cache's
 * post_config. False: mod_cache's own key maker is not there, *why says so. */
bool jo_cache_key_register(server_rec *main_server, const char **why);

#endif
