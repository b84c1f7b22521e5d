/*  Any JSON value as YAML in block style. Strings are quoted unless they are plainly words, so that
    what is written reads back as the same text everywhere (YAML 1.1 readers take `no` and `0x1` for
    something else).  */
#include "ctl/output.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const loaded_words[] = {
    "y",
    "n",
    "yes",
    "no",
    "true",
    "false",
    "on",
    "off",
    "null",
    "nan",
    "inf",
};

static bool is_plain (const char *text, size_t size)
{
    static const char inner[] = " ._/@+-";
    if (size == 0 || size > 120 || strlen (text) != size)
        return false;
    for (size_t i = 0; i < sizeof loaded_words / sizeof loaded_words[0]; i++) {
        if (strcasecmp (text, loaded_words[i]) == 0)
            return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool is_digit = c >= '0' && c <= '9';
        if (!is_letter && !(i > 0 && (is_digit || strchr (inner, c) != NULL)))
            return false;
    }
    return text[size - 1] != ' ';
}

/*  Double-quoted; JSON's escapes are YAML's too.  */
static void write_text (const json_t *value, bg_buf *out)
{
    const char *text = json_string_value (value);
    size_t size = json_string_length (value);
    if (is_plain (text, size)) {
        bg_buf_append (out, text, size);
        return;
    }
    char *quoted = json_dumps (value, JSON_ENCODE_ANY);
    bg_assert (quoted != NULL);
    bg_buf_append_str (out, quoted);
    free (quoted);
}

static void indent (bg_buf *out, int level)
{
    for (int i = 0; i < level; i++)
        bg_buf_append_str (out, "  ");
}

/*  Lists and maps with something in them begin on a line of their own.  */
static bool is_block (const json_t *value)
{
    return (json_is_array (value) && json_array_size (value) > 0) ||
           (json_is_object (value) && json_object_size (value) > 0);
}

static void write_scalar (const json_t *value, bg_buf *out)
{
    switch (json_typeof (value)) {
    case JSON_STRING:
        write_text (value, out);
        return;
    case JSON_INTEGER:
        bg_buf_printf (out, "%" JSON_INTEGER_FORMAT, json_integer_value (value));
        return;
    case JSON_REAL:
        bg_buf_printf (out, "%.6g", json_real_value (value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        bg_buf_append_str (out, json_is_true (value) ? "true" : "false");
        return;
    case JSON_NULL:
        bg_buf_append_str (out, "null");
        return;
    case JSON_OBJECT:
        bg_buf_append_str (out, "{}");
        return;
    case JSON_ARRAY:
        bg_buf_append_str (out, "[]");
        return;
    }
}

static void write_block (const json_t *value, int level, bool is_inline, bg_buf *out);

/*  After "key:" or "-": the value, then a newline.  */
static void write_value (const json_t *value, int level, bool is_item, bg_buf *out)
{
    if (!is_block (value)) {
        bg_buf_append_byte (out, ' ');
        write_scalar (value, out);
        bg_buf_append_byte (out, '\n');
        return;
    }
    bg_buf_append_byte (out, is_item ? ' ' : '\n');
    write_block (value, level + 1, is_item, out);
}

/*  is_inline: the first entry stands on the line of its dash.  */
static void write_block (const json_t *value, int level, bool is_inline, bg_buf *out)
{
    const char *key = NULL;
    json_t *item = NULL;
    size_t index = 0;
    if (json_is_array (value)) {
        json_array_foreach (value, index, item)
        {
            indent (out, is_inline && index == 0 ? 0 : level);
            bg_buf_append_byte (out, '-');
            write_value (item, level, true, out);
        }
        return;
    }
    bool is_first = true;
    /*  jansson's iteration takes a pointer to non-const and changes nothing.  */
    for (void *at = json_object_iter ((json_t *) (uintptr_t) value); at != NULL;
         at = json_object_iter_next ((json_t *) (uintptr_t) value, at)) {
        key = json_object_iter_key (at);
        indent (out, is_inline && is_first ? 0 : level);
        is_first = false;
        json_t *name = json_string (key);
        write_text (name, out);
        json_decref (name);
        bg_buf_append_byte (out, ':');
        write_value (json_object_iter_value (at), level, false, out);
    }
}

void ctl_yaml_write (const json_t *value, bg_buf *out)
{
    if (is_block (value)) {
        write_block (value, 0, false, out);
        return;
    }
    write_scalar (value, out);
    bg_buf_append_byte (out, '\n');
}
