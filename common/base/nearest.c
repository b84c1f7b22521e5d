/*  Nearest word: see nearest.h. Optimal string alignment distance over three rows of a table; words
   here are keys and command names, so 64 bytes are plenty.  */
#include "common/base/nearest.h"

#define WORD_MAX 64

static int lower (int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static size_t least (size_t a, size_t b)
{
    return a < b ? a : b;
}

/*  Insert, delete, replace and swap of neighbours cost one each.  */
static size_t distance (bg_slice a, bg_slice b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.size; j++)
        last[j] = j;
    memset (before, 0, sizeof rows[0]);
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            int x = lower (a.data[i - 1]), y = lower (b.data[j - 1]);
            row[j] = least (least (row[j - 1], last[j]) + 1, last[j - 1] + (x != y));
            bool is_swap =
                i > 1 && j > 1 && x == lower (b.data[j - 2]) && lower (a.data[i - 2]) == y;
            if (is_swap)
                row[j] = least (row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b.size];
}

const char *bg_nearest (bg_slice typed, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    if (typed.size == 0 || typed.size > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        bg_slice word = bg_slice_str (words[i]);
        if (word.size > WORD_MAX)
            continue;
        size_t longer = word.size > typed.size ? word.size : typed.size;
        size_t allowed = longer < 3 ? 1 : (longer + 2) / 3;
        size_t edits = distance (typed, word);
        if (edits < longer && edits <= allowed && edits < best_distance) {
            best = words[i];
            best_distance = edits;
        }
    }
    return best;
}
