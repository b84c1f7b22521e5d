/*  See golden.h.  */
#include "tests/wire/golden.h"

#include <errno.h>
#include <stdio.h>

bool golden_read (const char *path, bg_buf *out)
{
    FILE *file = fopen (path, "rb");
    size_t got = 1;
    while (file && got > 0) {
        got = fread (bg_buf_reserve (out, 65536), 1, 65536, file);
        out->size += got;
    }
    bool failed = !file || ferror (file);
    if (file)
        (void) fclose (file);
    if (failed)
        (void) fprintf (stderr, "%s: cannot be read: %s\n", path, strerror (errno));
    return !failed;
}

static int write_file (const char *path, bg_slice text)
{
    FILE *file = fopen (path, "wb");
    bool failed = !file || fwrite (text.data, 1, text.size, file) != text.size;
    if (file)
        failed = fclose (file) != 0 || failed;
    if (failed)
        (void) fprintf (stderr, "%s: cannot be written: %s\n", path, strerror (errno));
    return failed ? 1 : 0;
}

static bg_slice line_at (bg_slice text, size_t at)
{
    size_t end = at;
    while (end < text.size && text.data[end] != '\n')
        end++;
    return bg_slice_of (text.data + at, end - at > 200 ? 200 : end - at);
}

int golden_settle (const char *program, const char *path, bg_slice made, bool bless)
{
    if (bless)
        return write_file (path, made);
    BG_AUTO_BUF held = {0};
    if (!golden_read (path, &held))
        return 1;
    bg_slice there = bg_buf_slice (&held);
    if (bg_slice_equal (there, made))
        return 0;
    size_t start = 0;
    size_t line = 1;
    for (size_t i = 0; i < there.size && i < made.size && there.data[i] == made.data[i]; i++) {
        if (made.data[i] == '\n') {
            start = i + 1;
            line++;
        }
    }
    (void) fprintf (stderr, "%s:%zu: is not what the tables say\n  file:   %.*s\n  tables: %.*s\n",
        path, line, BG_SLICE_ARG (line_at (there, start)), BG_SLICE_ARG (line_at (made, start)));
    (void) fprintf (stderr, "when the change is meant: %s --bless %s\n", program, path);
    return 1;
}

static bg_slice next_line (bg_slice text, size_t *at)
{
    size_t start = *at;
    while (*at < text.size && text.data[(*at)++] != '\n')
        ;
    return bg_slice_of (text.data + start, *at - start);
}

bool golden_rebuild (
    bg_slice page, const golden_part *parts, size_t part_count, bg_buf *out, size_t *count)
{
    size_t made = 0;
    for (size_t at = 0; at < page.size;) {
        bg_slice line = next_line (page, &at);
        bg_buf_append_slice (out, line);
        char name[32];
        BG_AUTO_CHAR copy = bg_slice_dup (line);
        if (sscanf (copy, "<!-- made: %31[a-z] -->", name) != 1)
            continue;
        size_t part = 0;
        while (part < part_count && strcmp (parts[part].name, name) != 0)
            part++;
        if (part == part_count) {
            (void) fprintf (stderr, "unknown marker \"%s\"\n", name);
            return false;
        }
        bg_buf_append_byte (out, '\n');
        parts[part].make (out);
        bg_buf_append_byte (out, '\n');
        made++;
        while (at < page.size && !bg_slice_is (line, "<!-- end -->\n"))
            line = next_line (page, &at);
        bg_buf_append_slice (out, line);
    }
    if (count != NULL)
        *count = made;
    return true;
}
