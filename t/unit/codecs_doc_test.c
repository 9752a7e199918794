/* The table of docs/codecs.md names the sample entries that the code's table has, and no others, with the formats that
 * carry them. What the rows promise in full, t/golden/codecs.t looks at. */
#include "../../src/media/codec.h"
#include "tap.h"

enum { CELLS = 9, HLS_CELL = 3, DASH_CELL = 5, SMOOTH_CELL = 6 };

/* The cells of a table's row, cut in place: their number. */
static int split(char *line, char *cells[CELLS + 1])
{
    int n = 0;

    for (char *at = strchr(line, '|'); at != NULL && n <= CELLS; n++) {
        char *end = strchr(at + 1, '|');
        if (end == NULL)
            return n;
        *end = '\0';
        cells[n] = at + 1 + strspn(at + 1, " ");
        cells[n][strcspn(cells[n], " ")] = '\0'; /* first word */
        at = end;
    }
    return n;
}

static unsigned formats_of(char *const *cells)
{
    return (strcmp(cells[HLS_CELL], "yes") == 0 ? JO_HLS : 0) |
           (strcmp(cells[DASH_CELL], "yes") == 0 ? JO_DASH : 0) |
           (strcmp(cells[SMOOTH_CELL], "no") != 0 ? JO_SMOOTH : 0);
}

static const jo_codec_row *find(const char *name)
{
    const jo_codec_row *row;

    for (int i = 0; (row = jo_codec_row_at(i)) != NULL; i++)
        if (row->fourcc == jo_get_u32((const uint8_t *)name))
            return row;
    return NULL;
}

/* Of an entry's rows the first has its formats; of codecs told apart by records, later ones may have fewer. */
static void check_row(char *const *cells, unsigned *seen)
{
    const char *name = cells[0] + 1;
    const jo_codec_row *row = strlen(cells[0]) == 6 ? find(name) : NULL;

    if (!ok(row != NULL, "%s is in the code's table", cells[0]))
        return;
    for (int i = 0; jo_codec_row_at(i) != NULL; i++)
        if (jo_codec_row_at(i) == row)
            ok(seen[i]++ == 0 ? formats_of(cells) == row->formats
                              : (formats_of(cells) & ~row->formats) == 0,
               "%s: formats", cells[0]);
}

int main(void)
{
    const char *src = getenv("JITORIGIN_SRC");
    char path[4096], line[4096], *cells[CELLS + 1];
    unsigned seen[256] = {0};

    snprintf(path, sizeof path, "%s/docs/codecs.md", src ? src : ".");
    FILE *doc = fopen(path, "r");
    if (!ok(doc != NULL, "docs/codecs.md"))
        return tap_done();
    while (fgets(line, sizeof line, doc))
        if (strncmp(line, "| `", 3) == 0 && split(line, cells) == CELLS)
            check_row(cells, seen);
    fclose(doc);
    for (int i = 0; jo_codec_row_at(i) != NULL && i < 256; i++)
        ok(seen[i] > 0, "entry %08x has a row in the document", jo_codec_row_at(i)->fourcc);
    return tap_done();
}
