#include "lang.h"

#include <apr_strings.h>
#include <ctype.h>
#include <string.h>

/* ISO 639-2 terminology code, ISO 639-1 code, ISO 639-2 bibliographic code, English name. */
static const struct lang_row {
    char three[4];
    char two[3];
    char bibliographic[4];
    const char *name;
} rows[] = {
    {"aar", "aa", "", "Afar"},
    {"abk", "ab", "", "Abkhazian"},
    {"ave", "ae", "", "Avestan"},
    {"afr", "af", "", "Afrikaans"},
    {"aka", "ak", "", "Akan"},
    {"amh", "am", "", "Amharic"},
    {"arg", "an", "", "Aragonese"},
    {"ara", "ar", "", "Arabic"},
    {"asm", "as", "", "Assamese"},
    {"ava", "av", "", "Avaric"},
    {"aym", "ay", "", "Aymara"},
    {"aze", "az", "", "Azerbaijani"},
    {"bak", "ba", "", "Bashkir"},
    {"bel", "be", "", "Belarusian"},
    {"bul", "bg", "", "Bulgarian"},
    {"bis", "bi", "", "Bislama"},
    {"bam", "bm", "", "Bambara"},
    {"ben", "bn", "", "Bengali"},
    {"bod", "bo", "tib", "Tibetan"},
    {"bre", "br", "", "Breton"},
    {"bos", "bs", "", "Bosnian"},
    {"cat", "ca", "", "Catalan"},
    {"che", "ce", "", "Chechen"},
    {"cha", "ch", "", "Chamorro"},
    {"cos", "co", "", "Corsican"},
    {"cre", "cr", "", "Cree"},
    {"ces", "cs", "cze", "Czech"},
    {"chu", "cu", "", "Church Slavic"},
    {"chv", "cv", "", "Chuvash"},
    {"cym", "cy", "wel", "Welsh"},
    {"dan", "da", "", "Danish"},
    {"deu", "de", "ger", "German"},
    {"div", "dv", "", "Dhivehi"},
    {"dzo", "dz", "", "Dzongkha"},
    {"ewe", "ee", "", "Ewe"},
    {"ell", "el", "gre", "Greek"},
    {"eng", "en", "", "English"},
    {"epo", "eo", "", "Esperanto"},
    {"spa", "es", "", "Spanish"},
    {"est", "et", "", "Estonian"},
    {"eus", "eu", "baq", "Basque"},
    {"fas", "fa", "per", "Persian"},
    {"ful", "ff", "", "Fulah"},
    {"fin", "fi", "", "Finnish"},
    {"fij", "fj", "", "Fijian"},
    {"fao", "fo", "", "Faroese"},
    {"fra", "fr", "fre", "French"},
    {"fry", "fy", "", "Western Frisian"},
    {"gle", "ga", "", "Irish"},
    {"gla", "gd", "", "Scottish Gaelic"},
    {"glg", "gl", "", "Galician"},
    {"grn", "gn", "", "Guarani"},
    {"guj", "gu", "", "Gujarati"},
    {"glv", "gv", "", "Manx"},
    {"hau", "ha", "", "Hausa"},
    {"heb", "he", "", "Hebrew"},
    {"hin", "hi", "", "Hindi"},
    {"hmo", "ho", "", "Hiri Motu"},
    {"hrv", "hr", "", "Croatian"},
    {"hat", "ht", "", "Haitian Creole"},
    {"hun", "hu", "", "Hungarian"},
    {"hye", "hy", "arm", "Armenian"},
    {"her", "hz", "", "Herero"},
    {"ina", "ia", "", "Interlingua"},
    {"ind", "id", "", "Indonesian"},
    {"ile", "ie", "", "Interlingue"},
    {"ibo", "ig", "", "Igbo"},
    {"iii", "ii", "", "Sichuan Yi"},
    {"ipk", "ik", "", "Inupiaq"},
    {"ido", "io", "", "Ido"},
    {"isl", "is", "ice", "Icelandic"},
    {"ita", "it", "", "Italian"},
    {"iku", "iu", "", "Inuktitut"},
    {"jpn", "ja", "", "Japanese"},
    {"jav", "jv", "", "Javanese"},
    {"kat", "ka", "geo", "Georgian"},
    {"kon", "kg", "", "Kongo"},
    {"kik", "ki", "", "Kikuyu"},
    {"kua", "kj", "", "Kuanyama"},
    {"kaz", "kk", "", "Kazakh"},
    {"kal", "kl", "", "Kalaallisut"},
    {"khm", "km", "", "Khmer"},
    {"kan", "kn", "", "Kannada"},
    {"kor", "ko", "", "Korean"},
    {"kau", "kr", "", "Kanuri"},
    {"kas", "ks", "", "Kashmiri"},
    {"kur", "ku", "", "Kurdish"},
    {"kom", "kv", "", "Komi"},
    {"cor", "kw", "", "Cornish"},
    {"kir", "ky", "", "Kyrgyz"},
    {"lat", "la", "", "Latin"},
    {"ltz", "lb", "", "Luxembourgish"},
    {"lug", "lg", "", "Ganda"},
    {"lim", "li", "", "Limburgish"},
    {"lin", "ln", "", "Lingala"},
    {"lao", "lo", "", "Lao"},
    {"lit", "lt", "", "Lithuanian"},
    {"lub", "lu", "", "Luba-Katanga"},
    {"lav", "lv", "", "Latvian"},
    {"mlg", "mg", "", "Malagasy"},
    {"mah", "mh", "", "Marshallese"},
    {"mri", "mi", "mao", "Maori"},
    {"mkd", "mk", "mac", "Macedonian"},
    {"mal", "ml", "", "Malayalam"},
    {"mon", "mn", "", "Mongolian"},
    {"mar", "mr", "", "Marathi"},
    {"msa", "ms", "may", "Malay"},
    {"mlt", "mt", "", "Maltese"},
    {"mya", "my", "bur", "Burmese"},
    {"nau", "na", "", "Nauru"},
    {"nob", "nb", "", "Norwegian Bokmål"},
    {"nde", "nd", "", "North Ndebele"},
    {"nep", "ne", "", "Nepali"},
    {"ndo", "ng", "", "Ndonga"},
    {"nld", "nl", "dut", "Dutch"},
    {"nno", "nn", "", "Norwegian Nynorsk"},
    {"nor", "no", "", "Norwegian"},
    {"nbl", "nr", "", "South Ndebele"},
    {"nav", "nv", "", "Navajo"},
    {"nya", "ny", "", "Nyanja"},
    {"oci", "oc", "", "Occitan"},
    {"oji", "oj", "", "Ojibwa"},
    {"orm", "om", "", "Oromo"},
    {"ori", "or", "", "Odia"},
    {"oss", "os", "", "Ossetian"},
    {"pan", "pa", "", "Punjabi"},
    {"pli", "pi", "", "Pali"},
    {"pol", "pl", "", "Polish"},
    {"pus", "ps", "", "Pashto"},
    {"por", "pt", "", "Portuguese"},
    {"que", "qu", "", "Quechua"},
    {"roh", "rm", "", "Romansh"},
    {"run", "rn", "", "Rundi"},
    {"ron", "ro", "rum", "Romanian"},
    {"rus", "ru", "", "Russian"},
    {"kin", "rw", "", "Kinyarwanda"},
    {"san", "sa", "", "Sanskrit"},
    {"srd", "sc", "", "Sardinian"},
    {"snd", "sd", "", "Sindhi"},
    {"sme", "se", "", "Northern Sami"},
    {"sag", "sg", "", "Sango"},
    {"sin", "si", "", "Sinhala"},
    {"slk", "sk", "slo", "Slovak"},
    {"slv", "sl", "", "Slovenian"},
    {"smo", "sm", "", "Samoan"},
    {"sna", "sn", "", "Shona"},
    {"som", "so", "", "Somali"},
    {"sqi", "sq", "alb", "Albanian"},
    {"srp", "sr", "", "Serbian"},
    {"ssw", "ss", "", "Swati"},
    {"sot", "st", "", "Southern Sotho"},
    {"sun", "su", "", "Sundanese"},
    {"swe", "sv", "", "Swedish"},
    {"swa", "sw", "", "Swahili"},
    {"tam", "ta", "", "Tamil"},
    {"tel", "te", "", "Telugu"},
    {"tgk", "tg", "", "Tajik"},
    {"tha", "th", "", "Thai"},
    {"tir", "ti", "", "Tigrinya"},
    {"tuk", "tk", "", "Turkmen"},
    {"tgl", "tl", "", "Tagalog"},
    {"tsn", "tn", "", "Tswana"},
    {"ton", "to", "", "Tongan"},
    {"tur", "tr", "", "Turkish"},
    {"tso", "ts", "", "Tsonga"},
    {"tat", "tt", "", "Tatar"},
    {"twi", "tw", "", "Twi"},
    {"tah", "ty", "", "Tahitian"},
    {"uig", "ug", "", "Uyghur"},
    {"ukr", "uk", "", "Ukrainian"},
    {"urd", "ur", "", "Urdu"},
    {"uzb", "uz", "", "Uzbek"},
    {"ven", "ve", "", "Venda"},
    {"vie", "vi", "", "Vietnamese"},
    {"vol", "vo", "", "Volapük"},
    {"wln", "wa", "", "Walloon"},
    {"wol", "wo", "", "Wolof"},
    {"xho", "xh", "", "Xhosa"},
    {"yid", "yi", "", "Yiddish"},
    {"yor", "yo", "", "Yoruba"},
    {"zha", "za", "", "Zhuang"},
    {"zho", "zh", "chi", "Chinese"},
    {"zul", "zu", "", "Zulu"},
    {"fil", "", "", "Filipino"},
    {"gsw", "", "", "Swiss German"},
    {"haw", "", "", "Hawaiian"},
    {"hmn", "", "", "Hmong"},
    {"nds", "", "", "Low German"},
    {"yue", "", "", "Cantonese"},
    {"cmn", "", "", "Mandarin Chinese"},
};

static const struct lang_row *find(const char *code)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct lang_row *r = &rows[i];
        if (!strcmp(code, r->three) || (r->two[0] && !strcmp(code, r->two)) ||
            (r->bibliographic[0] && !strcmp(code, r->bibliographic))) {
            return r;
        }
    }
    return NULL;
}

/* Lower-case primary subtag of a well-formed tag (RFC 5646 2.1, loosely); false for anything else. */
static bool primary(const char *tag, char out[9])
{
    size_t n = tag ? strcspn(tag, "-") : 0;

    if (n < 2 || n > 8) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isalpha((unsigned char)tag[i])) {
            return false;
        }
        out[i] = (char)tolower((unsigned char)tag[i]);
    }
    out[n] = '\0';
    for (const char *p = tag + n; *p; p++) {
        if (!isalnum((unsigned char)*p) && (*p != '-' || p[1] == '-' || p[1] == '\0')) {
            return false;
        }
    }
    return true;
}

static bool undetermined(const char *code)
{
    return !strcmp(code, "und") || !strcmp(code, "mis") || !strcmp(code, "zxx");
}

const char *jo_lang_short(apr_pool_t *pool, const char *tag)
{
    char code[9];

    if (!primary(tag, code) || undetermined(code)) {
        return "";
    }
    const struct lang_row *r = find(code);
    const char *head = r == NULL ? apr_pstrdup(pool, code) : r->two[0] ? r->two : r->three;
    return apr_pstrcat(pool, head, tag + strcspn(tag, "-"), NULL);
}

const char *jo_lang_long(apr_pool_t *pool, const char *tag)
{
    char code[9];

    if (!primary(tag, code) || undetermined(code)) {
        return "";
    }
    const struct lang_row *r = strlen(code) == 2 && tag[2] == '\0' ? find(code) : NULL;
    return r ? r->three : apr_pstrcat(pool, code, tag + strcspn(tag, "-"), NULL);
}

const char *jo_lang_three(const char *tag)
{
    char code[9];
    const struct lang_row *r = primary(tag, code) ? find(code) : NULL;
    return r ? r->three : "und";
}

const char *jo_lang_name(const char *tag)
{
    char code[9];
    const struct lang_row *r = primary(tag, code) ? find(code) : NULL;
    return r ? r->name : NULL;
}
