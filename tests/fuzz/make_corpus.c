/*  Writes the seed corpus of a fuzz target from the examples of the protocol:

        make_corpus guard DIR      one file per struct: its bytes
        make_corpus decode DIR     the same behind the two bytes that fuzz_decode reads, and one file per other entrance
*/
#include "tests/wire/examples.h"

#include "proto/frame.h"
#include "proto/token_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct {
    const char *directory;
    bool has_selector;
    unsigned files;
} corpus;

static void write_input (corpus *self, uint8_t entrance, uint8_t number, bg_slice bytes)
{
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/%02u-%03u", self->directory, entrance, self->files++);
    const uint8_t selector[2] = {entrance, number};
    FILE *file = fopen (path, "wb");
    bool failed = !file || (self->has_selector && fwrite (selector, 1, 2, file) != 2) ||
                  fwrite (bytes.data, 1, bytes.size, file) != bytes.size;
    if (file)
        failed = fclose (file) != 0 || failed;
    if (!failed)
        return;
    (void) fprintf (stderr, "%s: cannot be written: %s\n", path, strerror (errno));
    exit (1);
}

static void write_struct (corpus *self, uint8_t number, const wire_desc *desc)
{
    for (int full = 0; full < 2; full++) {
        BG_AUTO_ARENA arena = {0};
        BG_AUTO_BUF bytes = {0};
        void *value = bg_arena_alloc (&arena, desc->size);
        example_fill (desc, full, &arena, value);
        wire_encode (desc, value, &bytes);
        write_input (self, 0, number, bg_buf_slice (&bytes));
    }
}

static void write_entrances (corpus *self)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    BG_AUTO_BUF inner = {0};
    BG_AUTO_BUF frame0 = {0};
    BG_AUTO_BUF token_text = {0};
    BG_AUTO_BUF identity_text = {0};
    wire_heartbeat beat = {.open_runs = 1};
    wire_exec_hello hello = {.version = bg_slice_str ("1")};
    wire_stream stream = {bg_slice_str ("all"), {1}, 1, 1};
    bg_slice endpoint = bg_slice_str ("desk tcp://192.0.2.7:7412");
    wire_token_text token = {
        .endpoints = &endpoint, .endpoints_count = 1, .broker = bg_slice_str ("main")};
    wire_identity identity = {{{1}}, {{2}}};
    wire_message_encode (WIRE_HEARTBEAT, (bg_id){{1}}, (bg_id){{2}}, &beat, &header, &body);
    wire_inner_encode (WIRE_EXEC_HELLO, (bg_id){{1}}, &hello, &inner);
    wire_stream_encode (&stream, &frame0);
    wire_token_text_encode (&token, &token_text);
    wire_identity_encode (&identity, &identity_text);
    write_input (self, 1, 0, bg_buf_slice (&header));
    write_input (self, 2, 0, bg_buf_slice (&inner));
    write_input (self, 3, 0, bg_buf_slice (&frame0));
    write_input (self, 4, 0, bg_buf_slice (&token_text));
    write_input (self, 5, 0, bg_buf_slice (&identity_text));
}

int main (int argc, char **argv)
{
    if (argc != 3) {
        (void) fprintf (stderr, "usage: %s guard|decode DIR\n", argv[0]);
        return 2;
    }
    if (mkdir (argv[2], 0777) != 0 && errno != EEXIST) {
        (void) fprintf (stderr, "%s: %s\n", argv[2], strerror (errno));
        return 1;
    }
    corpus self = {.directory = argv[2], .has_selector = strcmp (argv[1], "decode") == 0};
    uint8_t number = 0;
    for (const wire_kind_row *row = wire_kinds; row->name; row++)
        write_struct (&self, number++, row->desc);
    for (const wire_type_row *row = wire_types; row->word; row++)
        write_struct (&self, number++, row->desc);
    if (self.has_selector)
        write_entrances (&self);
    return 0;
}
