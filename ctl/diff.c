/*  Differences by the longest common subsequence of lines: job files are short.  */
#include "ctl/diff.h"

#include <stdlib.h>

#define LINES_MAX 2000

typedef struct {
    bg_slice lines[LINES_MAX];
    size_t count;
    bool is_cut;
} text_lines;

static void split (bg_slice text, text_lines *out)
{
    while (text.size > 0) {
        const uint8_t *end = memchr (text.data, '\n', text.size);
        size_t size = end ? (size_t) (end - text.data) : text.size;
        if (out->count == LINES_MAX) {
            out->is_cut = true;
            return;
        }
        out->lines[out->count++] = bg_slice_of (text.data, size);
        size += end != NULL;
        text = bg_slice_of (text.data + size, text.size - size);
    }
}

static void put (bg_buf *out, char mark, bg_slice line)
{
    bg_buf_printf (out, "%c %.*s\n", mark, BG_SLICE_ARG (line));
}

/*  common[i][k]: lines that before from i on and after from k on have in common.  */
static void walk (const text_lines *before, const text_lines *after, bg_buf *out)
{
    const size_t width = after->count + 1;
    uint16_t *common = bg_alloc ((before->count + 1) * width * sizeof *common);
    for (size_t i = before->count; i-- > 0;)
        for (size_t k = after->count; k-- > 0;) {
            const uint16_t down = common[(i + 1) * width + k];
            const uint16_t right = common[i * width + k + 1];
            common[i * width + k] = bg_slice_equal (before->lines[i], after->lines[k])
                                        ? (uint16_t) (common[(i + 1) * width + k + 1] + 1)
                                        : (down > right ? down : right);
        }
    size_t i = 0;
    size_t k = 0;
    while (i < before->count || k < after->count) {
        if (i < before->count && k < after->count &&
            bg_slice_equal (before->lines[i], after->lines[k])) {
            i++;
            k++;
        } else if (k == after->count ||
                   (i < before->count && common[(i + 1) * width + k] >= common[i * width + k + 1]))
            put (out, '-', before->lines[i++]);
        else
            put (out, '+', after->lines[k++]);
    }
    free (common);
}

void ctl_diff (bg_slice before, bg_slice after, bg_buf *out)
{
    text_lines *left = bg_alloc (sizeof *left);
    text_lines *right = bg_alloc (sizeof *right);
    split (before, left);
    split (after, right);
    if (left->is_cut || right->is_cut) {
        for (size_t i = 0; i < left->count; i++)
            put (out, '-', left->lines[i]);
        for (size_t i = 0; i < right->count; i++)
            put (out, '+', right->lines[i]);
    } else
        walk (left, right, out);
    free (left);
    free (right);
}
