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

#define WORDS_MAX 64 /*  keys of one map  */

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

/*  The row of a key in a map or in the one that counts, too.  */
static const job_field *find_field (job_map map, bg_slice key)
{
    size_t count;
    const job_field *fields = job_fields (&count);
    const job_map also = job_map_of (map)->also;
    for (size_t i = 0; i < count; i++) {
        if ((fields[i].map == map || fields[i].map == also) && bg_slice_is (key, fields[i].key))
            return &fields[i];
    }
    return NULL;
}

static void refuse_key (job_yaml_reader *self, const bg_yaml *key, job_map map)
{
    const char *words[WORDS_MAX];
    size_t count, word_count = 0;
    const job_field *fields = job_fields (&count);
    const job_map also = job_map_of (map)->also;
    for (size_t i = 0; i < count; i++) {
        const bool is_here = fields[i].map == map || fields[i].map == also;
        bg_assert (word_count < WORDS_MAX);
        if (is_here && fields[i].kind != JOB_FIELD_LATER)
            words[word_count++] = fields[i].key;
    }
    bg_yaml_error (self->file, key, self->diag, bg_nearest (key->text, words, word_count),
        "unknown key \"%s\"", (const char *) key->text.data);
}

static void check_keys (job_yaml_reader *self, const bg_yaml *node, job_map map)
{
    for (size_t i = 0; i < node->count; i++) {
        const bg_yaml *key = node->keys[i];
        const job_field *field = find_field (map, key->text);
        if (!field)
            refuse_key (self, key, map);
        else if (field->kind == JOB_FIELD_LATER)
            bg_yaml_error (
                self->file, key, self->diag, NULL, "\"%s\" is not in this version", field->key);
        else if (bg_yaml_is_absent (node->items[i]))
            bg_yaml_error (self->file, key, self->diag, NULL, "\"%s\" has no value", field->key);
    }
}

static void read_field (
    job_yaml_reader *self, const job_field *field, const bg_yaml *value, void *target);

bool job_yaml_map (job_yaml_reader *self, const bg_yaml *node, job_map map, void *target)
{
    const job_map_row *row = job_map_of (map);
    if (node->kind != BG_YAML_MAP) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s must be a map of keys and values, not %s", row->what, bg_yaml_kind_text (node));
        return false;
    }
    check_keys (self, node, map);
    size_t count;
    const job_field *fields = job_fields (&count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].map != map && fields[i].map != row->also)
            continue;
        const bg_yaml *value = job_yaml_value (node, fields[i].key);
        if (value)
            read_field (self, &fields[i], value, target);
    }
    return true;
}

const bg_yaml *job_yaml_key (const bg_yaml *map, const char *key)
{
    int index = bg_yaml_find (map, key);
    return index < 0 ? NULL : map->keys[index];
}

const bg_yaml *job_yaml_value (const bg_yaml *map, const char *key)
{
    const bg_yaml *value = bg_yaml_get (map, key);
    return value && !bg_yaml_is_absent (value) ? value : NULL;
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

bool job_yaml_duration_to (job_yaml_reader *self, const bg_yaml *node, const char *what,
    int64_t min_us, int64_t max_us, const char *advice, uint64_t *duration_us)
{
    uint64_t value;
    if (!job_yaml_duration (self, node, what, min_us, advice, &value))
        return false;
    if (value > (uint64_t) max_us) {
        bg_yaml_error (self->file, node, self->diag, NULL, "%s is at most %s", what,
            job_duration_text (max_us).text);
        return false;
    }
    *duration_us = value;
    return true;
}

int job_yaml_choice (job_yaml_reader *self, const bg_yaml *node, const char *what,
    const char *const *words, size_t count)
{
    if (!is_scalar (self, node, what))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (bg_slice_is (node->text, words[i]))
            return (int) i;
    }
    BG_AUTO_BUF known = {0};
    for (size_t i = 0; i < count; i++)
        bg_buf_printf (&known, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
    bg_yaml_error (self->file, node, self->diag, bg_nearest (node->text, words, count),
        "%s must be %s, not \"%s\"", what, bg_buf_cstr (&known), (const char *) node->text.data);
    return -1;
}

/*  ---- one field ----  */

static void *place_of (const wire_field *wire, void *target)
{
    return (char *) target + wire->offset;
}

static void read_word (job_yaml_reader *self, const job_field *field, const char *what,
    const bg_yaml *value, void *place)
{
    size_t count = 0;
    while (count < JOB_WORDS_MAX && field->words[count])
        count++;
    int choice = job_yaml_choice (self, value, what, field->words, count);
    if (choice > 0 && field->kind == JOB_FIELD_FLAG)
        *(bool *) place = true;
    else if (choice > 0)
        *(uint64_t *) place = (uint64_t) choice;
}

/*  A value that is a number in the struct; the default is stored as 0.  */
static void read_quantity (job_yaml_reader *self, const job_field *field, const char *what,
    const bg_yaml *value, uint64_t max, uint64_t *place)
{
    uint64_t got = 0;
    bool is_read = false;
    if (field->kind == JOB_FIELD_NUMBER)
        is_read = job_yaml_number (self, value, what, field->min, max, &got);
    else if (field->kind == JOB_FIELD_DURATION)
        is_read = job_yaml_duration_to (self, value, what, (int64_t) field->min,
            max < INT64_MAX ? (int64_t) max : INT64_MAX, field->advice, &got);
    else if (field->kind == JOB_FIELD_SIZE)
        is_read = job_yaml_size (self, value, what, field->min, max, &got);
    else
        is_read = job_yaml_date (self, value, what, &got);
    if (is_read && (field->standard == 0 || got != field->standard))
        *place = got;
}

static void read_field (
    job_yaml_reader *self, const job_field *field, const bg_yaml *value, void *target)
{
    const char *what = field->what ? field->what : field->key;
    const wire_desc *desc = job_map_of (field->map)->desc;
    const wire_field *wire = field->member ? field_named (desc, field->member) : NULL;
    const uint64_t max = field->max || !wire ? field->max : wire->max;
    switch (field->kind) {
    case JOB_FIELD_LATER:
    case JOB_FIELD_TOGETHER:
        return;
    case JOB_FIELD_PART:
        field->read (self, value, target);
        return;
    case JOB_FIELD_NAME:
        (void) job_yaml_name (self, value, what, max, place_of (wire, target));
        return;
    case JOB_FIELD_LINE:
    case JOB_FIELD_TEXT:
        if (value->kind != BG_YAML_SCALAR || value->text.size > 0 || field->min > 0)
            (void) job_yaml_text (
                self, value, what, max, field->kind == JOB_FIELD_TEXT, place_of (wire, target));
        return;
    case JOB_FIELD_FLAG:
    case JOB_FIELD_CHOICE:
        read_word (self, field, what, value, place_of (wire, target));
        return;
    case JOB_FIELD_NUMBER:
    case JOB_FIELD_DURATION:
    case JOB_FIELD_SIZE:
    case JOB_FIELD_DATE:
        read_quantity (self, field, what, value, max, place_of (wire, target));
        return;
    case JOB_FIELD_TIME:
        (void) job_yaml_instant (self, value, what, place_of (wire, target));
        return;
    }
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
