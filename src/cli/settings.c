#include "settings.h"

#include <apr_strings.h>
#include <string.h>

const char jo_settings_words[] =
    "sample-entry=source, url-style=cmaf, url-version, clip=exact, manifest-filter, "
    "query-options, progressive, hls=ts, hls=auto, ts-hevc";

static bool set(jo_settings *s, const char *word)
{
    const struct {
        const char *word;
        bool *member;
    } flags[] = {{"sample-entry=source", &s->keep_sample_entry},
                 {"url-style=cmaf", &s->cmaf_urls},
                 {"url-version", &s->url_version},
                 {"clip=exact", &s->exact_clips},
                 {"manifest-filter", &s->manifest_filter},
                 {"progressive", &s->progressive},
                 {"ts-hevc", &s->hevc_in_ts}};
    const struct {
        const char *word;
        jo_container value;
    } containers[] = {{"hls=ts", JO_CONTAINER_TS}, {"hls=auto", JO_CONTAINER_AUTO}};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(word, flags[i].word) == 0) {
            *flags[i].member = true;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        if (strcmp(word, containers[i].word) == 0) {
            s->hls_container = containers[i].value;
            return true;
        }
    }
    if (strcmp(word, "query-options") == 0) {
        s->query_options = JO_OPTION_MPD_TEMPLATE | JO_OPTION_ISS_VERSION | JO_OPTION_HLS_VERSION |
                           JO_OPTION_HLS_NO_MULTIPLEX | JO_OPTION_HLS_NO_AUDIO_ONLY;
        return true;
    }
    return false;
}

bool jo_settings_parse(apr_pool_t *pool, const char *words, jo_settings *out, const char **wrong)
{
    char *state, *list = apr_pstrdup(pool, words ? words : "");

    *out = (jo_settings){0};
    for (char *w = apr_strtok(list, ",", &state); w; w = apr_strtok(NULL, ",", &state)) {
        if (!set(out, w)) {
            *wrong = w;
            return false;
        }
    }
    return true;
}
