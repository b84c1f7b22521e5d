/*  Configuration: see conf.h. Reads the whole file into values of its own first and moves them into
   the caller's struct only when nothing was wrong, so a bad file changes nothing.  */
#include "common/sys/conf.h"

#include "common/base/nearest.h"
#include "common/sys/conf_value.h"
#include "common/sys/file.h"
#include "common/sys/yaml.h"

#include <stdlib.h>

typedef struct {
    const bg_conf_schema *schema;
    const bg_yaml_file *file;
    bg_diag *diag;
    conf_value *values; /*  one per key  */
    bool *is_set;
} loader;

/*  Size of the section's name in "section.word", 0 when the key has none.  */
static size_t section_size (const char *key)
{
    const char *dot = strchr (key, '.');
    return dot ? (size_t) (dot - key) : 0;
}

static const char *last_word (const char *key)
{
    size_t size = section_size (key);
    return size ? key + size + 1 : key;
}

static bool is_in_section (const char *key, bg_slice section)
{
    return bg_slice_equal (bg_slice_of (key, section_size (key)), section);
}

static size_t find_key (const bg_conf_schema *schema, bg_slice section, bg_slice word)
{
    size_t i = 0;
    while (i < schema->count && !(is_in_section (schema->keys[i].key, section) &&
                                    bg_slice_is (word, last_word (schema->keys[i].key))))
        i++;
    return i;
}

static bool has_section (const bg_conf_schema *schema, bg_slice section)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (section.size > 0 && is_in_section (schema->keys[i].key, section))
            return true;
    }
    return false;
}

/*  The nearest word to what was typed inside a section (at the top: words and sections). Copied, or
 * NULL.  */
static char *nearest_word (const bg_conf_schema *schema, bg_slice section, bg_slice typed)
{
    char **words = bg_alloc (schema->count * sizeof *words);
    size_t count = 0;
    for (size_t i = 0; i < schema->count; i++) {
        const char *key = schema->keys[i].key;
        if (is_in_section (key, section))
            words[count++] = bg_strdup (last_word (key));
        else if (section.size == 0)
            words[count++] = bg_slice_dup (bg_slice_of (key, section_size (key)));
    }
    const char *found = bg_nearest (typed, (const char *const *) words, count);
    char *copy = found ? bg_strdup (found) : NULL;
    for (size_t i = 0; i < count; i++)
        free (words[i]);
    free (words);
    return copy;
}

static void unknown_key (loader *self, bg_slice section, const bg_yaml *key)
{
    BG_AUTO_CHAR nearest = nearest_word (self->schema, section, key->text);
    bg_yaml_error (self->file, key, self->diag, nearest, "unknown key \"%.*s%s%s\"",
        BG_SLICE_ARG (section), section.size ? "." : "", (const char *) key->text.data);
}

static bg_result read_list (loader *self, size_t index, const bg_yaml *node)
{
    for (size_t i = 0; i < node->count; i++) {
        const bg_yaml *item = node->items[i];
        bg_error err = {0};
        bg_result result =
            item->kind == BG_YAML_SCALAR && !bg_yaml_is_absent (item)
                ? conf_value_add_item (item->text, &self->values[index], &err)
                : bg_fail (&err, BG_INVALID, "must be a text, not %s", bg_yaml_kind_text (item));
        if (bg_failed (result)) {
            bg_yaml_error (self->file, item, self->diag, NULL, "item %zu of %s: %s", i + 1,
                self->schema->keys[index].key, err.message);
            return result;
        }
    }
    return bg_ok ();
}

static void read_value (loader *self, size_t index, const bg_yaml *node)
{
    const bg_conf_key *key = &self->schema->keys[index];
    bg_error err = {0};
    bg_result result;
    if (bg_yaml_is_absent (node))
        result = bg_fail (&err, BG_INVALID, "has no value; leave the key out to get the default");
    else if (node->kind == BG_YAML_LIST && key->type == BG_CONF_LIST) {
        self->is_set[index] = bg_is_ok (read_list (self, index, node));
        return;
    } else if (node->kind != BG_YAML_SCALAR)
        result = bg_fail (&err, BG_INVALID, "must be a %s, not %s", conf_type_word (key->type),
            bg_yaml_kind_text (node));
    else
        result = conf_value_parse (key, node->text, &self->values[index], &err);
    self->is_set[index] = bg_is_ok (result);
    if (bg_failed (result))
        bg_yaml_error (self->file, node, self->diag, NULL, "%s: %s", key->key, err.message);
}

static void read_map (loader *self, bg_slice section, const bg_yaml *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const bg_yaml *key = map->keys[i], *value = map->items[i];
        size_t index = find_key (self->schema, section, key->text);
        if (index < self->schema->count)
            read_value (self, index, value);
        else if (section.size > 0 || !has_section (self->schema, key->text))
            unknown_key (self, section, key);
        else if (value->kind == BG_YAML_MAP)
            read_map (self, key->text, value);
        else if (!bg_yaml_is_absent (
                     value)) /*  a section without keys, all commented out, is fine  */
            bg_yaml_error (self->file, value, self->diag, NULL, "%s: must be a map of keys, not %s",
                (const char *) key->text.data, bg_yaml_kind_text (value));
    }
}

bg_result bg_conf_parse (const bg_conf_schema *schema, const char *name, bg_slice source,
    void *values, bg_diag *diag, bg_error *err)
{
    bg_yaml_file *file = NULL;
    BG_TRY (bg_yaml_parse (name, source, false, &file, diag, err));
    size_t before = bg_diag_count (diag);
    loader self = {.schema = schema, .file = file, .diag = diag};
    self.values = bg_alloc (schema->count * sizeof *self.values);
    self.is_set = bg_alloc (schema->count * sizeof *self.is_set);
    const bg_yaml *root = bg_yaml_documents (file) > 0 ? bg_yaml_document (file, 0) : NULL;
    if (root && root->kind == BG_YAML_MAP)
        read_map (&self, bg_slice_of (NULL, 0), root);
    else if (!bg_yaml_is_absent (root))
        bg_yaml_error (
            file, root, diag, NULL, "must be a map of keys, not %s", bg_yaml_kind_text (root));
    bool is_good = bg_diag_count (diag) == before;
    for (size_t i = 0; i < schema->count; i++) {
        if (is_good && self.is_set[i])
            conf_value_store (&schema->keys[i], &self.values[i], values);
        else
            conf_value_fini (&self.values[i]);
    }
    free (self.values);
    free (self.is_set);
    bg_yaml_destroy (&file);
    return is_good ? bg_ok () : bg_diag_result (diag, err);
}

bg_result bg_conf_load (const bg_conf_schema *schema, const char *path, bool is_required,
    void *values, bg_diag *diag, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    bg_error local = {0};
    bg_error *use = err ? err : &local;
    bg_result result = bg_file_read (path, BG_YAML_BYTES, &text, use);
    if (result.code == BG_NOT_FOUND && !is_required) {
        *use = (bg_error){0};
        return bg_ok ();
    }
    BG_TRY (result);
    return bg_conf_parse (schema, path, bg_buf_slice (&text), values, diag, err);
}

static bg_result set_text (const bg_conf_key *key, void *values, const char *text, bg_error *err)
{
    conf_value value = {0};
    bg_slice slice = bg_slice_str (text);
    bg_result result = key->type == BG_CONF_LIST ? conf_value_parse_list (slice, &value, err)
                                                 : conf_value_parse (key, slice, &value, err);
    if (bg_is_ok (result))
        conf_value_store (key, &value, values);
    else
        conf_value_fini (&value);
    return result;
}

bg_result bg_conf_set (
    const bg_conf_schema *schema, void *values, const char *key, const char *text, bg_error *err)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (strcmp (schema->keys[i].key, key) != 0)
            continue;
        bg_result result = set_text (&schema->keys[i], values, text, err);
        if (bg_failed (result))
            bg_ignore (bg_prefix (err, "%s", key));
        return result;
    }
    return bg_fail (err, BG_INVALID, "unknown key \"%s\"", key);
}

void bg_conf_defaults (const bg_conf_schema *schema, void *values)
{
    for (size_t i = 0; i < schema->count; i++) {
        const bg_conf_key *key = &schema->keys[i];
        bg_error err = {0};
        /*  The table is ours: a default that it refuses itself is a bug.  */
        bg_assert (!key->fallback || bg_is_ok (set_text (key, values, key->fallback, &err)));
    }
}

void bg_conf_fini (const bg_conf_schema *schema, void *values)
{
    for (size_t i = 0; i < schema->count; i++) {
        conf_value nothing = {0};
        conf_value_store (&schema->keys[i], &nothing, values);
    }
}

/*  Writes the line of a section when one begins; sections stand together in the table.  */
static void print_section (const bg_conf_schema *schema, size_t index, bg_buf *out)
{
    const char *key = schema->keys[index].key;
    bg_slice section = bg_slice_of (key, section_size (key));
    bool is_first = index == 0 || !is_in_section (schema->keys[index - 1].key, section);
    if (section.size > 0 && is_first)
        bg_buf_printf (out, "%.*s:\n", BG_SLICE_ARG (section));
}

void bg_conf_print (const bg_conf_schema *schema, const void *values, bg_buf *out)
{
    bg_buf_printf (out, "# %s\n", schema->name);
    for (size_t i = 0; i < schema->count; i++) {
        const bg_conf_key *key = &schema->keys[i];
        const char *indent = section_size (key->key) ? "  " : "";
        BG_AUTO_BUF text = {0};
        print_section (schema, i, out);
        if (conf_value_print (key, values, &text))
            bg_buf_printf (out, "%s%s: %s\n", indent, last_word (key->key), bg_buf_cstr (&text));
        else
            bg_buf_printf (out, "%s# %s:\n", indent, last_word (key->key));
    }
}

static void print_range (const bg_conf_key *key, bg_buf *out)
{
    if (key->type == BG_CONF_INTEGER)
        bg_buf_printf (out, ", %lld to %lld", (long long) key->min, (long long) key->max);
    if (key->type == BG_CONF_DURATION) {
        bg_buf_append_str (out, ", ");
        bg_conf_format_duration (key->min, out);
        bg_buf_append_str (out, " to ");
        bg_conf_format_duration (key->max, out);
    }
}

void bg_conf_reference (const bg_conf_schema *schema, bg_buf *out)
{
    bg_buf_printf (out, "## %s\n\n%s\n\n", schema->name, schema->about);
    bg_buf_append_str (out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < schema->count; i++) {
        const bg_conf_key *key = &schema->keys[i];
        bg_buf_printf (out, "| `%s` | %s", key->key, conf_type_word (key->type));
        print_range (key, out);
        if (key->fallback)
            bg_buf_printf (out, " | `%s`", key->fallback);
        else
            bg_buf_append_str (out, key->type == BG_CONF_LIST ? " | `[]`" : " | none");
        bg_buf_printf (out, " | %s |\n", key->help);
    }
}
