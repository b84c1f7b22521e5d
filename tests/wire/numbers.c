/*  The frozen numbers of kinds, signed types and fields.

        numbers FILE            compares; exit code 1 and the first difference
        numbers --bless FILE    adds what is new; refuses when something that was there is gone or has changed

    A number that was given out means the same for ever: old nodes, stored documents and logs speak it. Limits may grow,
    so they are not in the list.
*/
#include "proto/wire.h"
#include "tests/wire/golden.h"

#include <inttypes.h>
#include <stdio.h>

static void write_numbers (bg_buf *out)
{
#define WIRE_U(s, n, name, max, req, since)                                                        \
    bg_buf_printf (out, "field %s %d %s uint\n", #s, n, #name);
#define WIRE_I(s, n, name, req, since)   bg_buf_printf (out, "field %s %d %s int\n", #s, n, #name);
#define WIRE_BOOL(s, n, name, since)     bg_buf_printf (out, "field %s %d %s bool\n", #s, n, #name);
#define WIRE_ID(s, n, name, req, since)  bg_buf_printf (out, "field %s %d %s id\n", #s, n, #name);
#define WIRE_KEY(s, n, name, req, since) bg_buf_printf (out, "field %s %d %s key\n", #s, n, #name);
#define WIRE_FIX(s, n, name, bytes, req, since)                                                    \
    bg_buf_printf (out, "field %s %d %s fix %d\n", #s, n, #name, bytes);
#define WIRE_BIN(s, n, name, max, req, since)                                                      \
    bg_buf_printf (out, "field %s %d %s bin\n", #s, n, #name);
#define WIRE_STR(s, n, name, max, req, since)                                                      \
    bg_buf_printf (out, "field %s %d %s str\n", #s, n, #name);
#define WIRE_TEXT(s, n, name, max, req, since)                                                     \
    bg_buf_printf (out, "field %s %d %s text\n", #s, n, #name);
#define WIRE_OBJ(s, n, name, type, req, since)                                                     \
    bg_buf_printf (out, "field %s %d %s map %s\n", #s, n, #name, #type);
#define WIRE_LIST(s, n, name, type, max, since)                                                    \
    bg_buf_printf (out, "field %s %d %s list %s\n", #s, n, #name, #type);
#define WIRE_STRS(s, n, name, max_count, max_bytes, since)                                         \
    bg_buf_printf (out, "field %s %d %s strs\n", #s, n, #name);
#define WIRE_UINTS(s, n, name, max_count, since)                                                   \
    bg_buf_printf (out, "field %s %d %s uints\n", #s, n, #name);
#define WIRE_KIND(NAME, number, type, sender, channel, text)                                       \
    bg_buf_printf (out, "kind %d %s %s\n", number, #NAME, #type);
#define WIRE_TYPE(NAME, number, word, type, text)                                                  \
    bg_buf_printf (out, "type %d %s %s\n", number, word, #type);
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/def_undo.h"
}

static bool has_line (bg_slice text, bg_slice line)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.size;
    while (at < end && (at = memmem (at, (size_t) (end - at), line.data, line.size))) {
        if (at == text.data || at[-1] == '\n')
            return true;
        at++;
    }
    return false;
}

/*  Every line that is held is still made. A file that is not there yet holds nothing.  */
static bool keeps_all (const char *path, bg_slice made)
{
    BG_AUTO_BUF held = {0};
    if (!golden_read (path, &held))
        return true;
    size_t start = 0;
    for (size_t i = 0; i < held.size; i++) {
        if (held.data[i] != '\n')
            continue;
        bg_slice line = bg_slice_of (held.data + start, i + 1 - start); /*  with its newline  */
        if (!has_line (made, line)) {
            (void) fprintf (stderr, "frozen, but gone or changed: %.*s", BG_SLICE_ARG (line));
            (void) fprintf (
                stderr, "numbers are never used again: give the field or kind a new one\n");
            return false;
        }
        start = i + 1;
    }
    return true;
}

int main (int argc, char **argv)
{
    bool bless = argc == 3 && strcmp (argv[1], "--bless") == 0;
    if (argc != 2 && !bless) {
        (void) fprintf (stderr, "usage: %s [--bless] FILE\n", argv[0]);
        return 2;
    }
    BG_AUTO_BUF out = {0};
    write_numbers (&out);
    if (bless && !keeps_all (argv[2], bg_buf_slice (&out)))
        return 1;
    return golden_settle (argv[0], argv[argc - 1], bg_buf_slice (&out), bless);
}
