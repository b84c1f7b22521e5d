/*  Folding of names for people. The folding itself is common/job's (job_names_fold), the same that
    reads host lists; this cuts the result to a width.  */
#include "ctl/fold.h"

#include "common/job/names.h"

#include <stdlib.h>

/*  Bytes of the first whole items of a folded list that fit into max; commas inside brackets belong
 * to an item.  */
static size_t cut_at (bg_slice text, size_t max)
{
    size_t good = 0;
    int depth = 0;
    for (size_t i = 0; i < text.size && i <= max; i++) {
        depth += text.data[i] == '[';
        depth -= text.data[i] == ']';
        if (text.data[i] == ',' && depth == 0)
            good = i;
    }
    return good;
}

static size_t names_in (bg_slice text)
{
    job_names names = {0};
    if (bg_failed (job_names_expand (text, SIZE_MAX, &names, NULL)))
        return 0;
    size_t count = names.count;
    job_names_fini (&names);
    return count;
}

void ctl_fold (const bg_slice *names, size_t count, size_t total, size_t max_bytes, bg_buf *out)
{
    if (count == 0 && total == 0) {
        bg_buf_append_byte (out, '-');
        return;
    }
    char **copies = bg_alloc ((count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = bg_slice_dup (names[i]);
    BG_AUTO_BUF text = {0};
    job_names_fold (copies, count, &text);
    for (size_t i = 0; i < count; i++)
        free (copies[i]);
    free (copies);

    size_t shown = count;
    bg_slice folded = bg_buf_slice (&text);
    if (max_bytes > 0 && folded.size > max_bytes) {
        size_t cut = cut_at (folded, max_bytes);
        size_t left = cut > 0 ? names_in (bg_slice_of (folded.data, cut)) : 0;
        if (left > 0) {
            folded.size = cut;
            shown = left;
        }
    }
    bg_buf_append_slice (out, folded);
    if (total < count)
        total = count;
    if (total > shown)
        bg_buf_printf (out, "%s%zu more", shown > 0 ? " and " : "", total - shown);
}
