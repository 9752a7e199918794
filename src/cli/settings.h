/* `--with`: what the server's directives change, for commands that answer without a server. */
#ifndef JO_CLI_SETTINGS_H
#define JO_CLI_SETTINGS_H

#include "../media/options.h"

/* For help texts: the words there are. */
extern const char jo_settings_words[];

/* Reads "word,word=value,…"; NULL or "": the defaults. False: *wrong is the word that is none. */
bool jo_settings_parse(apr_pool_t *pool, const char *words, jo_settings *out, const char **wrong);

#endif
