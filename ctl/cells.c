/*  Cells: one JSON value as the text of a table, one function per kind of cell.  */
#include "ctl/output_private.h"

#include "ctl/fold.h"
#include "ctl/times.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX_BYTES 60 /*  of a folded list in a table; wide shows all  */

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define GREY   "\033[90m"

const char *ctl_state_color (const char *word)
{
    static const struct {
        const char *word;
        const char *color;
    } colors[] = {
        {"succeeded", GREEN},
        {"ok", GREEN},
        {"normal", GREEN},
        {"provisional", GREEN},
        {"failed", RED},
        {"interrupted", RED},
        {"quarantined", RED},
        {"suspected offline", YELLOW},
        {"canceled", YELLOW},
        {"not-run", YELLOW},
        {"waiting", YELLOW},
        {"disabled", YELLOW},
        {"pending", YELLOW},
        {"defected", GREY},
        {"never seen", GREY},
    };
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++) {
        if (strcmp (colors[i].word, word) == 0)
            return colors[i].color;
    }
    return NULL;
}

static void print_scalar (const json_t *value, bg_buf *out)
{
    switch (json_typeof (value)) {
    case JSON_STRING:
        ctl_clean (bg_slice_of (json_string_value (value), json_string_length (value)), false, out);
        return;
    case JSON_INTEGER:
        bg_buf_printf (out, "%" JSON_INTEGER_FORMAT, json_integer_value (value));
        return;
    case JSON_REAL:
        bg_buf_printf (out, "%.6g", json_real_value (value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        bg_buf_append_str (out, json_is_true (value) ? "yes" : "no");
        return;
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        return;
    }
}

static void print_text (const ctl_output *self, const json_t *value, bg_buf *out)
{
    (void) self;
    print_scalar (value, out);
}

static void print_yes (const ctl_output *self, const json_t *value, bg_buf *out)
{
    (void) self;
    if (json_is_true (value))
        bg_buf_append_str (out, "yes");
}

static void print_time (const ctl_output *self, const json_t *value, bg_buf *out)
{
    const char *text = json_string_value (value);
    int64_t utc_us = 0;
    if (text != NULL && bg_is_ok (ctl_times_parse (bg_slice_str (text), 0, &utc_us, NULL)))
        ctl_times_people (utc_us, self->options.is_utc, out);
}

static void print_duration (const ctl_output *self, const json_t *value, bg_buf *out)
{
    (void) self;
    if (json_is_number (value))
        ctl_times_span ((int64_t) (json_number_value (value) * 1e6), out);
}

static void print_names (const ctl_output *self, const json_t *value, bg_buf *out)
{
    size_t count = json_array_size (value);
    bg_slice *names = bg_alloc ((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = bg_slice_str (json_string_value (json_array_get (value, i)));
    ctl_fold (names, count, count, self->options.form == CTL_FORM_WIDE ? 0 : NAMES_MAX_BYTES, out);
    free (names);
}

static void print_list (const ctl_output *self, const json_t *value, bg_buf *out)
{
    (void) self;
    for (size_t i = 0; i < json_array_size (value); i++) {
        bg_buf_append_str (out, i > 0 ? "," : "");
        print_scalar (json_array_get (value, i), out);
    }
    json_t *map = (json_t *) (uintptr_t) value;
    const char *comma = "";
    for (void *at = json_object_iter (map); at != NULL; at = json_object_iter_next (map, at)) {
        bg_buf_printf (out, "%s%s=", comma, json_object_iter_key (at));
        print_scalar (json_object_iter_value (at), out);
        comma = ",";
    }
}

static void print_id (const ctl_output *self, const json_t *value, bg_buf *out)
{
    const char *text = json_string_value (value);
    if (text == NULL)
        return;
    size_t size = strlen (text);
    bool is_short = self->options.form != CTL_FORM_WIDE && size > BG_ID_SHORT;
    bg_buf_append_str (out, is_short ? text + size - BG_ID_SHORT : text);
}

void ctl_cell_text (
    const ctl_output *self, const ctl_column *column, const json_t *row, bg_buf *out)
{
    static void (*const printers[]) (const ctl_output *, const json_t *, bg_buf *) = {
        [CTL_CELL_TEXT] = print_text,
        [CTL_CELL_NUMBER] = print_text,
        [CTL_CELL_TIME] = print_time,
        [CTL_CELL_DURATION] = print_duration,
        [CTL_CELL_NAMES] = print_names,
        [CTL_CELL_LIST] = print_list,
        [CTL_CELL_STATE] = print_text,
        [CTL_CELL_YES] = print_yes,
        [CTL_CELL_ID] = print_id,
    };
    size_t before = out->size;
    const json_t *value = column->key != NULL ? json_object_get (row, column->key) : NULL;
    if (column->print != NULL)
        column->print (self, row, out);
    else if (value != NULL)
        printers[column->cell](self, value, out);
    if (out->size == before)
        bg_buf_append_byte (out, '-');
}
