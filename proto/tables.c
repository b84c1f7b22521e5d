/*  The tables: messages.def and inner.def expanded into descriptors, kinds, signed types, and the words of enumerated
    values. Data only; what it means is in the codec.
*/
#include "proto/wire.h"

#define IS_REQ true
#define IS_OPT false

/*  All names of fields, one after the other.  */
typedef struct {
#define NAME(s, name) char s##_of_##name[sizeof #name];
#include "proto/def_names.h"
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"
#undef NAME
} all_names;

static const all_names names = {
#define NAME(s, name) #name,
#include "proto/def_names.h"
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"
#undef NAME
};

/*  The structs, numbered from 1.  */
enum {
    DESC_NONE,
#define WIRE_STRUCT(s) DESC_##s,
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"
};

static const wire_desc *const descs[] = {
    NULL,
#define WIRE_STRUCT(s) &wire_desc_##s,
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"
};

const char *wire_field_name (const wire_field *field)
{
    return (const char *) &names + field->name_at;
}

const wire_desc *wire_field_desc (const wire_field *field)
{
    return descs[field->desc_at];
}

/*  One row of a struct.  */
#define ROW(s, n, name, kind, req, most, most_bytes, desc_number, level)                           \
    ROW_OF (s, n, name, kind, req, most, most_bytes, 0, desc_number, level)
#define ROW_EXTRA(s, n, name, kind, req, most, most_bytes, extra, desc_number, level)              \
    ROW_OF (s, n, name, kind, req, most, most_bytes, offsetof (wire_##s, extra), desc_number, level)
#define ROW_OF(s, n, name, kind, req, most, most_bytes, extra, desc_number, level)                 \
    {.max = (uint64_t) (most),                                                                     \
        .max_bytes = most_bytes,                                                                   \
        .name_at = offsetof (all_names, s##_of_##name),                                            \
        .offset = offsetof (wire_##s, name),                                                       \
        .extra_offset = extra,                                                                     \
        .number = n,                                                                               \
        .desc_at = desc_number,                                                                    \
        .type = WIRE_FIELD_##kind,                                                                 \
        .required = req,                                                                           \
        .since = level},

#define WIRE_STRUCT(s)                      static const wire_field fields_##s[] = {
#define WIRE_U(s, n, name, max, req, since) ROW (s, n, name, U, IS_##req, max, 0, DESC_NONE, since)
#define WIRE_I(s, n, name, req, since)      ROW (s, n, name, I, IS_##req, INT64_MAX, 0, DESC_NONE, since)
#define WIRE_BOOL(s, n, name, since)        ROW (s, n, name, BOOL, false, 1, 0, DESC_NONE, since)
#define WIRE_ID(s, n, name, req, since)                                                            \
    ROW (s, n, name, ID, IS_##req, BG_ID_BYTES, 0, DESC_NONE, since)
#define WIRE_KEY(s, n, name, req, since)                                                           \
    ROW (s, n, name, KEY, IS_##req, BG_KEY_BYTES, 0, DESC_NONE, since)
#define WIRE_FIX(s, n, name, bytes, req, since)                                                    \
    ROW (s, n, name, FIX, IS_##req, bytes, 0, DESC_NONE, since)
#define WIRE_BIN(s, n, name, max, req, since)                                                      \
    ROW (s, n, name, BIN, IS_##req, max, 0, DESC_NONE, since)
#define WIRE_STR(s, n, name, max, req, since)                                                      \
    ROW (s, n, name, STR, IS_##req, max, 0, DESC_NONE, since)
#define WIRE_TEXT(s, n, name, max, req, since)                                                     \
    ROW (s, n, name, TEXT, IS_##req, max, 0, DESC_NONE, since)
#define WIRE_OBJ(s, n, name, type, req, since)                                                     \
    ROW_EXTRA (s, n, name, OBJ, IS_##req, 1, 0, has_##name, DESC_##type, since)
#define WIRE_LIST(s, n, name, type, max, since)                                                    \
    ROW_EXTRA (s, n, name, LIST, false, max, 0, name##_count, DESC_##type, since)
#define WIRE_STRS(s, n, name, max_count, max_bytes, since)                                         \
    ROW_EXTRA (s, n, name, STRS, false, max_count, max_bytes, name##_count, DESC_NONE, since)
#define WIRE_UINTS(s, n, name, max_count, since)                                                   \
    ROW_EXTRA (s, n, name, UINTS, false, max_count, 0, name##_count, DESC_NONE, since)
#define WIRE_END(s)                                                                                \
    }                                                                                              \
    ;                                                                                              \
    const wire_desc wire_desc_##s = {                                                              \
        #s, fields_##s, sizeof fields_##s / sizeof fields_##s[0], sizeof (wire_##s)};
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"

#define WIRE_KIND(NAME, number, type, sender, channel, text)                                       \
    {WIRE_##NAME, #NAME, &wire_desc_##type, WIRE_FROM_##sender, WIRE_ON_##channel, text},
const wire_kind_row wire_kinds[] = {
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"
    {0, NULL, NULL, WIRE_FROM_ANY, WIRE_ON_ANY, NULL},
};

#define WIRE_TYPE(NAME, number, word, type, text) {WIRE_TYPE_##NAME, word, &wire_desc_##type, text},
const wire_type_row wire_types[] = {
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/def_undo.h"
    {0, NULL, NULL, NULL},
};

/*  Kinds come in ascending order (a test holds the table to it), so the search may stop early.  */
const wire_kind_row *wire_kind_find (uint64_t kind)
{
    size_t low = 0;
    size_t high = sizeof wire_kinds / sizeof wire_kinds[0] - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((uint64_t) wire_kinds[middle].kind < kind)
            low = middle + 1;
        else
            high = middle;
    }
    const wire_kind_row *row = &wire_kinds[low];
    return row->name && (uint64_t) row->kind == kind ? row : NULL;
}

const wire_type_row *wire_type_find (uint64_t type)
{
    for (const wire_type_row *row = wire_types; row->word; row++) {
        if ((uint64_t) row->type == type)
            return row;
    }
    return NULL;
}

#define WORD_OF(words, value) word_of ((words), sizeof (words) / sizeof (words)[0], (value))

static const char *word_of (const char *const *words, size_t count, uint64_t value)
{
    return value < count ? words[value] : NULL;
}

const char *wire_run_state_word (uint64_t state)
{
    static const char *const words[] = {
        "running", "succeeded", "failed", "canceled", "interrupted", "not-run", "waiting"};
    return WORD_OF (words, state);
}

const char *wire_step_state_word (uint64_t state)
{
    static const char *const words[] = {NULL, "succeeded", "failed", "canceled", "interrupted"};
    return WORD_OF (words, state);
}

const char *wire_delivery_state_word (uint64_t state)
{
    static const char *const words[] = {
        NULL, "pending", "waiting", "applied", "failed", "superseded", "expired", "skipped"};
    return WORD_OF (words, state);
}

const char *wire_target_state_word (uint64_t state)
{
    static const char *const words[] = {NULL, "normal", "provisional", "suspected offline",
        "quarantined", "waiting", "defected", "never seen"};
    return WORD_OF (words, state);
}

const char *wire_posted_word (uint64_t outcome)
{
    static const char *const words[] = {NULL, "created", "changed", "unchanged", "deleted"};
    return WORD_OF (words, outcome);
}

const char *wire_role_word (uint64_t role)
{
    static const char *const words[] = {NULL, "reader", "operator", "author", "admin"};
    return WORD_OF (words, role);
}

const char *wire_deed_word (uint64_t what)
{
    static const char *const words[] = {NULL, "start", "stop", "poll", "sync-time", "re-enlist"};
    return WORD_OF (words, what);
}

const char *wire_request_word (uint64_t what)
{
    static const char *const words[] = {NULL, "token-revoke", "reject", "resync", "op-retry",
        "op-skip", "set", "backup", "resume", "dismantle", "forget", "purge", "category-create",
        "category-delete"};
    return WORD_OF (words, what);
}

const char *wire_op_word (uint64_t operation)
{
    static const char *const words[] = {NULL, "insert", "update", "delete", "start", "stop",
        "re-enlist", "defect", "sync-time", "set-poll", "poll", "enable", "disable", "membership",
        "authority"};
    return WORD_OF (words, operation);
}

const char *wire_exec_state_word (uint64_t state)
{
    static const char *const words[] = {NULL, "pending", "running", "succeeded", "failed",
        "canceled", "interrupted", "not-run", "silent"};
    return WORD_OF (words, state);
}

const char *wire_type_word (uint64_t type)
{
    const wire_type_row *row = wire_type_find (type);
    return row ? row->word : NULL;
}
