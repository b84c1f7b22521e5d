/*  Any bytes at every entrance of the layer. The first byte says which, the second one the struct:

        0 a struct, 1 header, 2 inner blob, 3 stream frame, 4 token text, 5 identity text, 6 sealed body, 7 signatures

    What was decoded as signed encodes to the same bytes (or to fewer, when a field of a newer version was skipped), and
    copying, printing and comparing it do no harm.
*/
#include "proto/frame.h"
#include "proto/seal.h"
#include "proto/token_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

/*  Kinds first, then signed types, then the two that are neither.  */
static const wire_desc *pick (uint8_t number)
{
    size_t at = 0;
    for (const wire_kind_row *row = wire_kinds; row->name; row++) {
        if (at++ == number)
            return row->desc;
    }
    for (const wire_type_row *row = wire_types; row->word; row++) {
        if (at++ == number)
            return row->desc;
    }
    return number % 2 ? &wire_desc_document : &wire_desc_signed;
}

static void try_struct (const wire_desc *desc, bg_slice bytes)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF again = {0};
    BG_AUTO_BUF text = {0};
    bg_error err = {0};
    void *value = bg_arena_alloc (&arena, desc->size);
    void *copy = bg_arena_alloc (&arena, desc->size);
    bg_result as_message = wire_decode (desc, bytes, WIRE_AS_MESSAGE, &arena, value, &err);
    if (bg_is_ok (as_message)) {
        must (bg_is_ok (wire_check (desc, value, NULL)));
        wire_print (desc, value, &text);
        wire_copy (desc, &arena, value, copy);
        must (wire_equal (desc, value, copy));
    }
    if (bg_failed (wire_decode (desc, bytes, WIRE_AS_SIGNED, &arena, value, &err)))
        return;
    must (bg_is_ok (as_message));
    wire_encode (desc, value, &again);
    must (again.size < bytes.size || bg_slice_equal (bg_buf_slice (&again), bytes));
}

static void try_header (bg_slice bytes)
{
    wire_header header;
    const wire_kind_row *row = NULL;
    if (bg_is_ok (wire_header_decode (bytes, &header, &row, NULL)))
        must (!row || row->channel != WIRE_ON_INNER);
}

static void try_stream (bg_slice bytes)
{
    BG_AUTO_BUF again = {0};
    wire_stream stream;
    if (bg_failed (wire_stream_decode (bytes, &stream, NULL)))
        return;
    wire_stream_encode (&stream, &again);
    must (bg_slice_equal (bg_buf_slice (&again), bytes));
}

static void try_texts (bg_slice bytes, bool is_token)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF again = {0};
    wire_token_text token;
    wire_identity identity;
    if (is_token && bg_is_ok (wire_token_text_parse (bytes, &arena, &token, NULL)))
        wire_token_text_encode (&token, &again);
    if (!is_token && bg_is_ok (wire_identity_parse (bytes, &identity, NULL)))
        wire_identity_encode (&identity, &again);
    must (again.size <= bytes.size);
}

static void try_rest (uint8_t entrance, bg_slice bytes)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF opened = {0};
    bg_key key = {{1}};
    wire_header header;
    void *value = NULL;
    wire_sigs sigs;
    if (entrance == 2 && bg_is_ok (wire_inner_decode (bytes, &arena, &header, &value, NULL)))
        must (value && wire_kind_find (header.kind)->channel == WIRE_ON_INNER);
    if (entrance == 6)
        must (bg_failed (wire_open (&key, bytes, bytes, bytes, &opened, NULL)));
    if (entrance == 7 && bg_is_ok (wire_sigs_decode (bytes, &arena, &sigs, NULL)))
        must (sigs.list_count <= 8);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bg_slice bytes = bg_slice_of (data + 2, size - 2);
    switch (data[0] % 8) {
    case 0:
        try_struct (pick (data[1]), bytes);
        return 0;
    case 1:
        try_header (bytes);
        return 0;
    case 3:
        try_stream (bytes);
        return 0;
    case 4:
    case 5:
        try_texts (bytes, data[0] % 8 == 4);
        return 0;
    default:
        try_rest (data[0] % 8, bytes);
        return 0;
    }
}
