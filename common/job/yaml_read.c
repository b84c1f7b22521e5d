/*  Reading values of a job file: the small readers. Not here: which keys there are and what they
    mean together.  */
#include "common/job/yaml_read.h"

#include "common/base/nearest.h"
#include "common/base/utf8.h"
#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/tokens.h"

#include <stdlib.h>

#define WORDS_MAX 48 /*  keys of one map  */

void job_yaml_refuse (job_yaml_reader *self, const bg_yaml *node, size_t offset, const char *what,
    const bg_error *err)
{
    const char *colon = what ? ": " : "", *dash = err->hint[0] ? "; " : "";
    bg_yaml_error_at (self->file, node, offset, self->diag, NULL, "%s%s%s%s%s", what ? what : "",
        colon, err->message, dash, err->hint);
}

void job_yaml_missing (
    job_yaml_reader *self, const bg_yaml *map, const char *what, const char *example)
{
    bg_yaml_error (self->file, map, self->diag, NULL, "%s; write %s", what, example);
}

/*  ---- maps and lists ----  */

static void refuse_key (
    job_yaml_reader *self, const bg_yaml *key, const job_yaml_key *keys, size_t key_count)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    bg_assert (key_count <= WORDS_MAX);
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].read)
            words[count++] = keys[i].word;
    }
    bg_yaml_error (self->file, key, self->diag, bg_nearest (key->text, words, count),
        "unknown key \"%s\"", (const char *) key->text.data);
}

static void check_keys (
    job_yaml_reader *self, const bg_yaml *map, const job_yaml_key *keys, size_t key_count)
{
    for (size_t i = 0; i < map->count; i++) {
        const bg_yaml *key = map->keys[i];
        size_t at = 0;
        while (at < key_count && !bg_slice_is (key->text, keys[at].word))
            at++;
        if (at == key_count)
            refuse_key (self, key, keys, key_count);
        else if (!keys[at].read)
            bg_yaml_error (
                self->file, key, self->diag, NULL, "\"%s\" is not in this version", keys[at].word);
        else if (bg_yaml_is_absent (map->items[i]))
            bg_yaml_error (self->file, key, self->diag, NULL, "\"%s\" has no value", keys[at].word);
    }
}

bool job_yaml_map (job_yaml_reader *self, const bg_yaml *node, const char *what,
    const job_yaml_key *keys, size_t key_count, void *target)
{
    if (node->kind != BG_YAML_MAP) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s must be a map of keys and values, not %s", what, bg_yaml_kind_text (node));
        return false;
    }
    check_keys (self, node, keys, key_count);
    for (size_t i = 0; i < key_count; i++) {
        const bg_yaml *value = bg_yaml_get (node, keys[i].word);
        if (keys[i].read && value && !bg_yaml_is_absent (value))
            keys[i].read (self, value, target);
    }
    return true;
}

bool job_yaml_is_list (
    job_yaml_reader *self, const bg_yaml *node, const char *what, const char *example)
{
    if (node->kind == BG_YAML_LIST && node->count > 0)
        return true;
    bool is_list = node->kind == BG_YAML_LIST;
    bg_yaml_error (self->file, node, self->diag, NULL, "%s must be a list, not %s; write %s", what,
        is_list ? "an empty one" : bg_yaml_kind_text (node), example);
    return false;
}

/*  ---- limits of the wire ----  */

static const wire_field *field_named (const wire_desc *desc, const char *name)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        if (strcmp (wire_field_name (&desc->fields[i]), name) == 0)
            return &desc->fields[i];
    }
    bg_assert_failed (name, __FILE__, __LINE__);
}

size_t job_yaml_max (const wire_desc *desc, const char *field)
{
    return (size_t) field_named (desc, field)->max;
}

size_t job_yaml_max_each (const wire_desc *desc, const char *field)
{
    return (size_t) field_named (desc, field)->max_bytes;
}

/*  ---- scalars ----  */

static bool is_scalar (job_yaml_reader *self, const bg_yaml *node, const char *what)
{
    if (node->kind == BG_YAML_SCALAR)
        return true;
    bg_yaml_error (self->file, node, self->diag, NULL, "%s must be a text, not %s", what,
        bg_yaml_kind_text (node));
    return false;
}

/*  What the wire allows in a text; also for empty ones.  */
static bool check_text (
    job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max, bool is_multiline)
{
    if (!is_scalar (self, node, what))
        return false;
    if (node->text.size > max) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s has %zu bytes, at most %zu are allowed", what, node->text.size, max);
        return false;
    }
    if (bg_has_control (node->text, is_multiline)) {
        bool is_newline = !is_multiline && !bg_has_control (node->text, true);
        bg_yaml_error (self->file, node, self->diag, NULL, "%s holds a %s", what,
            is_newline ? "line break or tab" : "control character");
        return false;
    }
    return true;
}

bool job_yaml_text (job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max,
    bool is_multiline, bg_slice *text)
{
    if (!check_text (self, node, what, max, is_multiline))
        return false;
    if (node->text.size == 0) {
        bg_yaml_error (self->file, node, self->diag, NULL, "%s is empty", what);
        return false;
    }
    *text = bg_arena_copy (self->arena, node->text);
    return true;
}

bool job_yaml_name (
    job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max, bg_slice *name)
{
    bg_error err = {0};
    if (!is_scalar (self, node, what))
        return false;
    if (bg_failed (job_object_name_valid (node->text, &err))) {
        job_yaml_refuse (self, node, 0, what, &err);
        return false;
    }
    return job_yaml_text (self, node, what, max, false, name);
}

/*  Digits only; false when there are none or they pass max.  */
static bool parse_number (bg_slice text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t) (text.data[i] - '0');
        if (value > max)
            return false;
    }
    *number = value;
    return text.size > 0;
}

bool job_yaml_number (job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t min,
    uint64_t max, uint64_t *number)
{
    uint64_t value;
    if (!is_scalar (self, node, what))
        return false;
    if (!parse_number (node->text, max, &value) || value < min) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s must be a whole number from %llu to %llu", what, (unsigned long long) min,
            (unsigned long long) max);
        return false;
    }
    *number = value;
    return true;
}

bool job_yaml_duration (job_yaml_reader *self, const bg_yaml *node, const char *what,
    int64_t min_us, const char *advice, uint64_t *duration_us)
{
    int64_t value;
    bg_error err = {0};
    if (!is_scalar (self, node, what))
        return false;
    if (bg_failed (job_duration_parse (node->text, false, &value, &err))) {
        job_yaml_refuse (self, node, 0, what, &err);
        return false;
    }
    if (value < min_us) {
        bg_yaml_error (self->file, node, self->diag, NULL, "%s is at least %s%s%s", what,
            job_duration_text (min_us).text, advice ? "; " : "", advice ? advice : "");
        return false;
    }
    *duration_us = (uint64_t) value;
    return true;
}

int job_yaml_choice (job_yaml_reader *self, const bg_yaml *node, const char *what,
    const char *const *words, size_t now_count, size_t count)
{
    if (!is_scalar (self, node, what))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!bg_slice_is (node->text, words[i]))
            continue;
        if (i < now_count)
            return (int) i;
        bg_yaml_error (self->file, node, self->diag, NULL, "%s: \"%s\" is not in this version",
            what, words[i]);
        return -1;
    }
    BG_AUTO_BUF known = {0};
    for (size_t i = 0; i < now_count; i++)
        bg_buf_printf (&known, "%s%s", i == 0 ? "" : i + 1 == now_count ? " or " : ", ", words[i]);
    bg_yaml_error (self->file, node, self->diag, bg_nearest (node->text, words, count),
        "%s must be %s, not \"%s\"", what, bg_buf_cstr (&known), (const char *) node->text.data);
    return -1;
}

/*  ---- environments ----  */

static int compare_pairs (const void *a, const void *b)
{
    return bg_slice_compare (((const wire_pair *) a)->key, ((const wire_pair *) b)->key);
}

void job_yaml_environment (
    job_yaml_reader *self, const bg_yaml *node, wire_pair **pairs, size_t *count)
{
    size_t max = job_yaml_max (&wire_desc_job, "environment");
    if (node->kind != BG_YAML_MAP) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "environment must be a map, not %s; write {NAME: value}", bg_yaml_kind_text (node));
        return;
    }
    if (node->count > max) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "environment has %zu names, at most %zu are allowed", node->count, max);
        return;
    }
    wire_pair *made = bg_arena_array (self->arena, wire_pair, node->count);
    for (size_t i = 0; i < node->count; i++) {
        const bg_yaml *key = node->keys[i], *value = node->items[i];
        bg_error err = {0};
        if (bg_failed (job_environment_name_valid (key->text, &err)))
            job_yaml_refuse (self, key, 0, NULL, &err);
        made[i].key = bg_arena_copy (self->arena, key->text);
        if (bg_yaml_is_absent (value))
            bg_yaml_error (self->file, key, self->diag, NULL,
                "\"%s\" has no value; write \"\" for an empty one", (const char *) key->text.data);
        else if (check_text (self, value, "an environment variable",
                     job_yaml_max (&wire_desc_pair, "value"), true))
            job_yaml_tokens (self, value);
        made[i].value = bg_arena_copy (self->arena, value->text);
    }
    if (node->count > 1)
        qsort (made, node->count, sizeof *made, compare_pairs);
    *pairs = node->count ? made : NULL;
    *count = node->count;
}

/*  ---- tokens ----  */

/*  The given line of text, from 0.  */
static bg_slice line_of (bg_slice text, size_t number)
{
    size_t start = 0;
    for (size_t i = 0; i < text.size && number > 0; i++) {
        if (text.data[i] == '\n') {
            start = i + 1;
            number--;
        }
    }
    if (number > 0)
        return (bg_slice){0};
    size_t end = start;
    while (end < text.size && text.data[end] != '\n')
        end++;
    return bg_slice_of (text.data + start, end - start);
}

/*  Inside a literal block scalar the lines of the text are those of the file, moved to the right.
    False where that is not so (folded scalars).  */
static bool place_in_block (
    job_yaml_reader *self, const bg_yaml *node, size_t offset, bg_diag_place *place)
{
    size_t line = 0, start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (node->text.data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    bg_slice written = line_of (bg_yaml_source (self->file), node->line + line);
    bg_slice read = line_of (node->text, line);
    if (written.size > 0 && written.data[written.size - 1] == '\r')
        written.size--;
    if (!node->is_block || written.size < read.size)
        return false;
    size_t indent = written.size - read.size;
    if (!bg_slice_equal (bg_slice_of (written.data + indent, read.size), read))
        return false;
    size_t before = indent + bg_utf8_length (bg_slice_of (node->text.data + start, offset - start));
    *place = (bg_diag_place){bg_yaml_name (self->file), bg_yaml_source (self->file),
        node->line + (uint32_t) line + 1, (uint32_t) before + 1};
    return true;
}

void job_yaml_tokens (job_yaml_reader *self, const bg_yaml *node)
{
    if (node->kind != BG_YAML_SCALAR)
        return;
    for (size_t from = 0;;) {
        bg_error err = {0};
        size_t offset = 0;
        bg_diag_place place;
        bg_slice rest = bg_slice_of (node->text.data + from, node->text.size - from);
        if (bg_is_ok (job_tokens_check (rest, &err, &offset)))
            return;
        offset += from;
        from = offset + strlen ("$(");
        if (place_in_block (self, node, offset, &place))
            bg_diag_add (self->diag, &place, NULL, "%s; %s", err.message, err.hint);
        else
            job_yaml_refuse (self, node, offset, NULL, &err);
    }
}
