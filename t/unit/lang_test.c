#include "../../src/media/lang.h"
#include "tap.h"

#include <apr_general.h>

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    is_str(jo_lang_short(p, "eng"), "en", "a 3-letter code has a 2-letter one");
    is_str(jo_lang_short(p, "ger"), "de", "so has a bibliographic code");
    is_str(jo_lang_short(p, "zho-Hans"), "zh-Hans", "subtags stay");
    is_str(jo_lang_short(p, "haw"), "haw", "where there is none, three letters stay");
    is_str(jo_lang_short(p, "und"), "", "und is no language");
    is_str(jo_lang_short(p, NULL), "", "nor is nothing");
    is_str(jo_lang_short(p, "e\"n"), "", "nor what is no tag");
    is_str(jo_lang_short(p, "en-"), "", "nor a tag cut short");
    is_str(jo_lang_long(p, "en"), "eng", "a bare 2-letter code becomes three letters");
    is_str(jo_lang_long(p, "DEU"), "deu", "in lower case");
    is_str(jo_lang_long(p, "zh-Hans"), "zh-Hans", "an extended tag stays");
    is_str(jo_lang_three("en-US"), "eng", "the code of a tag's primary language");
    is_str(jo_lang_three("x"), "und", "or none");
    is_str(jo_lang_name("en"), "English", "a name for people");
    is_str(jo_lang_name("pt-BR"), "Portuguese", "by the primary subtag");
    is_str(jo_lang_name("xx"), NULL, "or none");
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
