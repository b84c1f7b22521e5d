/*  Test vectors: writes proto/vectors.json or compares it.

        vectors FILE            compares; exit code 1 and the first difference when the file is not up to date
        vectors --bless FILE    writes it

    Values are fixed (examples.h), so equal tables give equal bytes. Each vector is decoded again before it is written.
*/
#include "tests/wire/examples.h"
#include "tests/wire/golden.h"

#include "proto/digest.h"
#include "proto/frame.h"
#include "proto/seal.h"
#include "proto/token_text.h"

#include <inttypes.h>
#include <stdio.h>

/*  What a stranger needs to read the values without our tables.  */
static void write_structs (bg_buf *out)
{
    static const wire_desc *const structs[] = {
#define WIRE_STRUCT(s) &wire_desc_##s,
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/def_undo.h"
    };
    static const char *const types[] = {"uint", "int", "bool", "bin", "bin", "bin", "bin", "str",
        "str", "map", "maps", "strs", "uints"};
    bg_buf_append_str (out, "  \"structs\": {\n");
    for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++) {
        bg_buf_printf (out, "%s    \"%s\": [", i ? ",\n" : "", structs[i]->name);
        for (size_t k = 0; k < structs[i]->field_count; k++) {
            const wire_field *field = &structs[i]->fields[k];
            bg_buf_printf (out, "%s[%" PRIu32 ", \"%s\", \"%s\"", k ? ", " : "", field->number,
                wire_field_name (field), types[field->type]);
            bg_buf_printf (out, wire_field_desc (field) ? ", \"%s\"]" : "]",
                wire_field_desc (field) ? wire_field_desc (field)->name : "");
        }
        bg_buf_append_str (out, "]");
    }
    bg_buf_append_str (out, "\n  },\n");
}

/*  One struct: its JSON and its bytes, after they were decoded again.  */
static void write_value (const wire_desc *desc, const void *value, bg_buf *out)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    void *again = bg_arena_alloc (&arena, desc->size);
    wire_encode (desc, value, &bytes);
    bg_assert (
        bg_is_ok (wire_decode (desc, bg_buf_slice (&bytes), WIRE_AS_SIGNED, &arena, again, NULL)));
    bg_assert (wire_equal (desc, value, again));
    bg_buf_printf (out, "\"struct\": \"%s\", \"value\": ", desc->name);
    example_json (desc, value, out);
    bg_buf_append_str (out, ",\n     \"hex\": \"");
    example_hex (bg_buf_slice (&bytes), out);
    bg_buf_append_byte (out, '"');
}

static void write_example (const wire_desc *desc, bool full, bg_buf *out)
{
    BG_AUTO_ARENA arena = {0};
    void *value = bg_arena_alloc (&arena, desc->size);
    example_fill (desc, full, &arena, value);
    write_value (desc, value, out);
}

static void write_messages (bg_buf *out)
{
    const char *comma = "";
    bg_buf_append_str (out, "  \"messages\": [\n");
    for (const wire_kind_row *row = wire_kinds; row->name; row++) {
        if (row->channel == WIRE_ON_INNER)
            continue;
        for (int full = 1; full >= 0; full--) {
            wire_header header = {.kind = row->kind, .level = WIRE_LEVEL};
            memset (header.request.bytes, 0x30, full ? BG_ID_BYTES : 0);
            memset (header.session.bytes, 0x31, full ? BG_ID_BYTES : 0);
            BG_AUTO_BUF header_bytes = {0};
            WIRE_ENCODE (header, &header, &header_bytes);
            bg_buf_printf (out, "%s    {\"name\": \"%s %s\", \"kind\": %d, \"header\": \"", comma,
                row->name, full ? "full" : "least", (int) row->kind);
            example_hex (bg_buf_slice (&header_bytes), out);
            bg_buf_append_str (out, "\",\n     ");
            write_example (row->desc, full, out);
            bg_buf_append_str (out, "}");
            comma = ",\n";
        }
    }
    bg_buf_append_str (out, "\n  ],\n");
}

/*  Every struct of a signed type with all of its fields: what a codec must write, not what verifies.  */
static void write_bodies (bg_buf *out)
{
    const char *comma = "";
    bg_buf_append_str (out, "  \"bodies\": [\n");
    for (const wire_type_row *row = wire_types; row->word; row++) {
        bg_buf_printf (
            out, "%s    {\"name\": \"%s full\", \"type\": %d, ", comma, row->word, (int) row->type);
        write_example (row->desc, true, out);
        bg_buf_append_str (out, "}");
        comma = ",\n";
    }
    bg_buf_append_str (out, "\n  ],\n");
}

static void write_hex_member (const char *name, bg_slice bytes, const char *end, bg_buf *out)
{
    bg_buf_printf (out, "\"%s\": \"", name);
    example_hex (bytes, out);
    bg_buf_printf (out, "\"%s", end);
}

static void write_keys (const example_installation *home, bg_buf *out)
{
    bg_buf_append_str (out, "  \"keys\": {\n");
    for (example_who who = EXAMPLE_ADMIN; who < EXAMPLE_KEYS; who++) {
        uint8_t id[8];
        wire_key_id (&home->public_keys[who], id);
        bg_buf_printf (out, "%s    \"%s\": {", who ? ",\n" : "", example_who_name (who));
        write_hex_member ("seed", bg_slice_of (home->secrets[who], 32), ", ", out);
        write_hex_member ("public", bg_slice_of (home->public_keys[who].bytes, 32), ", ", out);
        write_hex_member ("key_id", bg_slice_of (id, 8), "}", out);
    }
    bg_buf_append_str (out, "\n  },\n");
}

static void write_signed (const example_installation *home, const example_signed *item, bg_buf *out)
{
    const wire_type_row *row = wire_type_find (item->item.type);
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF preimage = {0};
    uint8_t hash[32];
    wire_hash32 (item->item.bytes, hash);
    wire_preimage (row->type, home->installation, item->item.bytes, &preimage);
    bg_slice head = bg_slice_of (preimage.data, preimage.size - item->item.bytes.size);
    bg_buf_printf (out, "    {\"name\": \"%s\", \"type\": %d, \"word\": \"%s\", \"signers\": [",
        item->name, (int) row->type, row->word);
    for (size_t i = 0; i < item->signer_count; i++)
        bg_buf_printf (out, "%s\"%s\"", i ? ", " : "", example_who_name (item->signers[i]));
    bg_buf_append_str (out, "],\n     ");
    if (row->type < WIRE_TYPE_DEED) {
        wire_document document;
        void *body = bg_arena_alloc (&arena, row->desc->size);
        bg_assert (bg_is_ok (
            WIRE_DECODE (document, item->item.bytes, WIRE_AS_SIGNED, &arena, &document, NULL)));
        bg_assert (
            bg_is_ok (wire_decode (row->desc, document.body, WIRE_AS_SIGNED, &arena, body, NULL)));
        bg_buf_append_str (out, "\"document\": ");
        example_json (&wire_desc_document, &document, out);
        bg_buf_append_str (out, ",\n     ");
        write_value (row->desc, body, out);
    } else {
        void *value = bg_arena_alloc (&arena, row->desc->size);
        bg_assert (bg_is_ok (
            wire_decode (row->desc, item->item.bytes, WIRE_AS_SIGNED, &arena, value, NULL)));
        write_value (row->desc, value, out);
    }
    bg_buf_append_str (out, ",\n     ");
    write_hex_member ("bytes", item->item.bytes, ",\n     ", out);
    write_hex_member ("hash", bg_slice_of (hash, 32), ",\n     ", out);
    write_hex_member ("preimage_head", head, ",\n     ", out);
    bg_buf_append_str (out, "\"signatures\": [");
    for (size_t i = 0; i < item->item.sigs_count; i++) {
        bg_buf_append_str (out, i ? ", {" : "{");
        write_hex_member ("key_id", bg_slice_of (item->item.sigs[i].key_id, 8), ", ", out);
        write_hex_member ("signature", bg_slice_of (item->item.sigs[i].signature, 64), "}", out);
    }
    BG_AUTO_BUF encoded = {0};
    WIRE_ENCODE (signed, &item->item, &encoded);
    bg_buf_append_str (out, "],\n     ");
    write_hex_member ("signed", bg_buf_slice (&encoded), "}", out);
}

static void write_all_signed (const example_installation *home, bg_buf *out)
{
    bg_buf_append_str (out, "  ");
    write_hex_member (
        "installation", bg_slice_of (home->installation.bytes, BG_ID_BYTES), ",\n", out);
    bg_buf_append_str (out, "  \"signed\": [\n");
    for (size_t i = 0; i < home->item_count; i++) {
        bg_buf_append_str (out, i ? ",\n" : "");
        write_signed (home, &home->items[i], out);
    }
    bg_buf_append_str (out, "\n  ],\n");
}

/*  Keys of documents, occurrences, digests.  */
static void write_hashes (const example_installation *home, bg_buf *out)
{
    bg_slice job = bg_slice_str ("Disk space");
    bg_id job_key = wire_document_key (home->installation, WIRE_TYPE_JOB, job);
    bg_id switch_key = wire_switch_key (home->installation, WIRE_TYPE_JOB, job);
    bg_id occurrence = wire_occurrence_id (
        home->target, job_key, bg_slice_str ("noons"), INT64_C (1767265200000000), 0);
    uint8_t digest[16] = {0};
    wire_digest_toggle (digest, home->target, 2);
    bg_buf_append_str (out, "  \"hashes\": {\n    ");
    write_hex_member (
        "job_key", bg_slice_of (job_key.bytes, 16), ", \"job_name\": \"Disk space\",\n    ", out);
    write_hex_member ("switch_key", bg_slice_of (switch_key.bytes, 16), ",\n    ", out);
    write_hex_member ("occurrence", bg_slice_of (occurrence.bytes, 16),
        ", \"schedule\": \"noons\", \"nominal_us\": 1767265200000000, \"fold\": 0,\n    ", out);
    write_hex_member (
        "target", bg_slice_of (home->target.bytes, 16), ", \"version\": 2,\n    ", out);
    bg_buf_append_str (out, "\"target_text\": \"");
    bg_buf_append_str (out, bg_id_text (home->target).text);
    bg_buf_append_str (out, "\",\n    ");
    write_hex_member ("digest_of_target_version", bg_slice_of (digest, 16), "\n  },\n", out);
}

static void write_publication (bg_buf *out)
{
    BG_AUTO_BUF frame0 = {0};
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    BG_AUTO_BUF sealed = {0};
    wire_stream stream = {
        bg_slice_str ("g/web"), {0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40}, 7, 3};
    wire_stream_encode (&stream, &frame0);
    wire_tick tick = {.time_us = INT64_C (1767225600000000)};
    wire_message_encode (WIRE_TICK, (bg_id){0}, (bg_id){0}, &tick, &header, &body);
    bg_key key;
    uint8_t nonce[24];
    memset (key.bytes, 0x50, sizeof key.bytes);
    memset (nonce, 0x51, sizeof nonce);
    wire_seal (
        &key, nonce, bg_buf_slice (&frame0), bg_buf_slice (&header), bg_buf_slice (&body), &sealed);
    bg_buf_append_str (out,
        "  \"publication\": {\"stream\": \"g/web\", \"sequence\": 7, \"key_number\": 3,\n     ");
    write_hex_member ("session", bg_slice_of (stream.session, 8), ",\n     ", out);
    write_hex_member ("key", bg_slice_of (key.bytes, 32), ",\n     ", out);
    write_hex_member ("nonce", bg_slice_of (nonce, 24), ",\n     ", out);
    write_hex_member ("frame0", bg_buf_slice (&frame0), ",\n     ", out);
    write_hex_member ("header", bg_buf_slice (&header), ",\n     ", out);
    write_hex_member ("body", bg_buf_slice (&body), ",\n     ", out);
    write_hex_member ("sealed", bg_buf_slice (&sealed), "},\n", out);
}

static void write_texts (const example_installation *home, bg_buf *out)
{
    bg_slice endpoints[] = {bg_slice_str ("enlist tcp://192.0.2.7:7413"),
        bg_slice_str ("desk tcp://192.0.2.7:7412"), bg_slice_str ("orders tcp://192.0.2.7:7411")};
    wire_token_text token = {
        .endpoints = endpoints, .endpoints_count = 3, .broker = bg_slice_str ("main")};
    memset (token.broker_curve_key.bytes, 0x0b, 32);
    wire_hash32 (home->items[0].item.bytes, token.authority_hash);
    memcpy (token.seed, home->token_seed, sizeof token.seed);
    wire_identity identity = {.sign_key = home->public_keys[EXAMPLE_ADMIN]};
    memset (identity.curve_key.bytes, 0x0a, 32);
    bg_buf_append_str (out, "  \"token_text\": {");
    write_value (&wire_desc_token_text, &token, out);
    bg_buf_append_str (out, ",\n     \"text\": \"");
    wire_token_text_encode (&token, out);
    bg_buf_append_str (out, "\"},\n  \"identity_text\": {");
    write_hex_member ("sign_key", bg_slice_of (identity.sign_key.bytes, 32), ", ", out);
    write_hex_member (
        "curve_key", bg_slice_of (identity.curve_key.bytes, 32), ",\n     \"text\": \"", out);
    wire_identity_encode (&identity, out);
    bg_buf_append_str (out, "\"}\n");
}

int main (int argc, char **argv)
{
    bool bless = argc == 3 && strcmp (argv[1], "--bless") == 0;
    if (argc != 2 && !bless) {
        (void) fprintf (stderr, "usage: %s [--bless] FILE\n", argv[0]);
        return 2;
    }
    BG_AUTO_BUF out = {0};
    example_installation home;
    example_installation_init (&home);
    bg_buf_append_str (&out, "{\n");
    write_structs (&out);
    write_messages (&out);
    write_bodies (&out);
    write_keys (&home, &out);
    write_all_signed (&home, &out);
    write_hashes (&home, &out);
    write_publication (&out);
    write_texts (&home, &out);
    bg_buf_append_str (&out, "}\n");
    example_installation_fini (&home);
    return golden_settle (argv[0], argv[argc - 1], bg_buf_slice (&out), bless);
}
