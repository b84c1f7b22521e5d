/*  Lists and objects in the six forms. Tables are laid out by libsmartcols, which knows the width
 * of characters.  */
#include "ctl/output_private.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

static bool is_shown (const ctl_output *self, const ctl_column *column)
{
    return column->level == CTL_NORMAL || self->options.form == CTL_FORM_WIDE;
}

static void print_line (const ctl_output *self, struct libscols_table *table,
    const ctl_column *columns, size_t count, const json_t *row, int indent)
{
    struct libscols_line *line = scols_table_new_line (table, NULL);
    bg_assert (line != NULL);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_shown (self, &columns[i]))
            continue;
        BG_AUTO_BUF text = {0};
        if (at == 0)
            bg_buf_printf (&text, "%*s", indent, "");
        ctl_cell_text (self, &columns[i], row, &text);
        const char *cell = bg_buf_cstr (&text);
        bg_assert (scols_line_set_data (line, at, cell) == 0);
        const char *color = columns[i].cell == CTL_CELL_STATE ? ctl_state_color (cell) : NULL;
        if (self->options.has_color && color != NULL)
            (void) scols_cell_set_color (scols_line_get_cell (line, at), color);
        at++;
    }
}

/*  libsmartcols pads the last column as well; lines that end in blanks are no use to anybody.  */
static void print_trimmed (FILE *to, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn (at, "\n");
        size_t kept = size;
        while (kept > 0 && at[kept - 1] == ' ')
            kept--;
        (void) fprintf (to, "%.*s\n", (int) kept, at);
        at += size + (at[size] == '\n');
    }
}

void ctl_table_print (
    const ctl_output *self, const ctl_column *columns, size_t count, const json_t *rows, int indent)
{
    struct libscols_table *table = scols_new_table ();
    bg_assert (table != NULL);
    (void) scols_table_set_termforce (table, SCOLS_TERMFORCE_NEVER);
    (void) scols_table_set_column_separator (table, "  ");
    (void) scols_table_enable_noheadings (table, self->options.no_header);
    (void) scols_table_enable_colors (table, self->options.has_color);
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if (!is_shown (self, &columns[i]))
            continue;
        BG_AUTO_BUF header = {0};
        bg_buf_printf (&header, "%*s%s", is_first ? indent : 0, "", columns[i].header);
        is_first = false;
        int flags = columns[i].cell == CTL_CELL_NUMBER ? SCOLS_FL_RIGHT : 0;
        bg_assert (scols_table_new_column (table, bg_buf_cstr (&header), 0, flags) != NULL);
    }
    for (size_t i = 0; i < json_array_size (rows); i++)
        print_line (self, table, columns, count, json_array_get (rows, i), indent);
    char *text = NULL;
    if (scols_print_table_to_string (table, &text) == 0 && text != NULL)
        print_trimmed (self->options.data, text);
    free (text);
    scols_unref_table (table);
}

/*  {"schema": 1, ...object}; takes the object.  */
static json_t *with_schema (json_t *object)
{
    json_t *outer = json_object ();
    json_object_set_new (outer, "schema", json_integer (CTL_SCHEMA));
    json_object_update (outer, object);
    json_decref (object);
    return outer;
}

static void print_json (const ctl_output *self, json_t *value, size_t flags)
{
    (void) json_dumpf (value, self->options.data, flags | JSON_REAL_PRECISION (15));
    (void) fputc ('\n', self->options.data);
}

static void print_yaml (const ctl_output *self, const json_t *value)
{
    BG_AUTO_BUF text = {0};
    ctl_yaml_write (value, &text);
    (void) fwrite (text.data, 1, text.size, self->options.data);
}

static void print_name (const ctl_output *self, const json_t *row, const char *name_key)
{
    const char *name = json_string_value (json_object_get (row, name_key));
    if (name != NULL)
        (void) fprintf (self->options.data, "%s\n", name);
}

void ctl_list_begin (ctl_output *self, const char *kind, const ctl_column *columns, size_t count,
    const char *name_key)
{
    bg_assert (self->kind == NULL);
    self->kind = kind;
    self->columns = columns;
    self->column_count = count;
    self->name_key = name_key;
    self->rows = json_array ();
}

void ctl_list_row (ctl_output *self, json_t *row)
{
    bg_assert (self->kind != NULL && row != NULL);
    json_array_append_new (self->rows, row);
}

size_t ctl_list_count (const ctl_output *self)
{
    return json_array_size (self->rows);
}

/*  What there is none of, where that is not the kind itself.  */
static const char *nothing_of (const char *kind)
{
    static const struct {
        const char *kind;
        const char *text;
    } texts[] = {
        {"pending", "machine asks to be enlisted"},
        {"revocations", "token that could be revoked"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp (kind, texts[i].kind) == 0)
            return texts[i].text;
    return kind;
}

static void print_rows (ctl_output *self, bool more)
{
    size_t index = 0;
    json_t *row = NULL;
    json_t *all = NULL;
    switch (self->options.form) {
    case CTL_FORM_TABLE:
    case CTL_FORM_WIDE:
        if (json_array_size (self->rows) > 0)
            ctl_table_print (self, self->columns, self->column_count, self->rows, 0);
        else
            ctl_note (self, "no %s", nothing_of (self->kind));
        return;
    case CTL_FORM_JSON:
    case CTL_FORM_YAML:
        all = json_pack ("{s:i, s:s, s:b, s:O}", "schema", CTL_SCHEMA, "kind", self->kind, "more",
            more, "items", self->rows);
        bg_assert (all != NULL);
        if (self->options.form == CTL_FORM_JSON)
            print_json (self, all, JSON_INDENT (2));
        else
            print_yaml (self, all);
        json_decref (all);
        return;
    case CTL_FORM_JSONL:
        json_array_foreach (self->rows, index, row)
        {
            json_t *line = with_schema (json_incref (row));
            print_json (self, line, JSON_COMPACT);
            json_decref (line);
        }
        return;
    case CTL_FORM_NAME:
        json_array_foreach (self->rows, index, row) print_name (self, row, self->name_key);
        return;
    }
}

void ctl_note_cut (ctl_output *self, const char *kind, size_t shown)
{
    if (shown == 1)
        ctl_note (self, "only the first of the %s shown; --limit shows more", kind);
    else
        ctl_note (self, "the first %zu %s shown; --limit shows more", shown, kind);
}

void ctl_list_end (ctl_output *self, bool more, size_t total)
{
    bg_assert (self->kind != NULL);
    print_rows (self, more);
    size_t shown = json_array_size (self->rows);
    if (more && total > shown)
        ctl_note (self, "%zu of %zu %s shown; --limit shows more", shown, total, self->kind);
    else if (more)
        ctl_note_cut (self, self->kind, shown);
    json_decref (self->rows);
    self->rows = NULL;
    self->kind = NULL;
}

void ctl_fields (ctl_output *self, const ctl_column *fields, size_t count, const json_t *object)
{
    if (!ctl_is_human (self))
        return;
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_shown (self, &fields[i]) && strlen (fields[i].header) > width)
            width = strlen (fields[i].header);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_shown (self, &fields[i]))
            continue;
        BG_AUTO_BUF text = {0};
        ctl_cell_text (self, &fields[i], object, &text);
        if (bg_slice_is (bg_buf_slice (&text), "-"))
            continue;
        const char *cell = bg_buf_cstr (&text);
        const char *color = fields[i].cell == CTL_CELL_STATE && self->options.has_color
                                ? ctl_state_color (cell)
                                : NULL;
        (void) fprintf (self->options.data, "%s:%*s%s%s%s\n", fields[i].header,
            (int) (width - strlen (fields[i].header)) + 2, "", color != NULL ? color : "", cell,
            color != NULL ? "\033[0m" : "");
    }
}

void ctl_section (ctl_output *self, const char *heading, const ctl_column *columns, size_t count,
    const json_t *rows)
{
    if (!ctl_is_human (self) || json_array_size (rows) == 0)
        return;
    if (heading != NULL)
        (void) fprintf (self->options.data, "\n%s\n", heading);
    ctl_table_print (self, columns, count, rows, 2);
}

void ctl_object (ctl_output *self, const char *kind, const ctl_column *fields, size_t count,
    const char *name_key, json_t *object)
{
    if (ctl_is_human (self)) {
        ctl_fields (self, fields, count, object);
        json_decref (object);
        return;
    }
    if (self->options.form == CTL_FORM_NAME) {
        print_name (self, object, name_key);
        json_decref (object);
        return;
    }
    json_t *outer = json_pack ("{s:i, s:s}", "schema", CTL_SCHEMA, "kind", kind);
    bg_assert (outer != NULL);
    json_object_update (outer, object);
    json_decref (object);
    if (self->options.form == CTL_FORM_YAML)
        print_yaml (self, outer);
    else
        print_json (
            self, outer, self->options.form == CTL_FORM_JSON ? JSON_INDENT (2) : JSON_COMPACT);
    json_decref (outer);
}
