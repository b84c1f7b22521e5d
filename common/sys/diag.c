/*  Diagnostics: see diag.h. Keeps the first hundred by place; everything is copied into one arena.
 */
#include "common/sys/diag.h"

#include "common/base/arena.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN_MAX 120 /*  characters of a source line  */
#define LEAD      60  /*  of them before the caret when a line is longer  */

typedef struct {
    bg_diag_item item;
    size_t file_index;
    uint32_t caret; /*  characters before the caret in source_line  */
} entry;

struct bg_diag {
    bg_arena arena;
    entry entries[BG_DIAG_MAX];
    size_t kept;
    size_t count; /*  of mistakes  */
    size_t warnings;
    const char *files[BG_DIAG_MAX];
    const char *shown[BG_DIAG_MAX]; /*  their names, fit for a terminal  */
    size_t file_count;
};

bg_diag *bg_diag_create (void)
{
    return bg_alloc (sizeof (bg_diag));
}

void bg_diag_destroy (bg_diag **self_p)
{
    bg_diag *self = *self_p;
    if (!self)
        return;
    bg_arena_fini (&self->arena);
    free (self);
    *self_p = NULL;
}

/*  The line of that number without its end; false when there is none.  */
static bool find_line (bg_slice source, uint32_t number, bg_slice *out)
{
    const uint8_t *at = source.data, *end = source.data + source.size;
    for (uint32_t line = 1; at && at <= end; line++) {
        const uint8_t *stop = at < end ? memchr (at, '\n', (size_t) (end - at)) : NULL;
        size_t size = (size_t) ((stop ? stop : end) - at);
        if (line == number) {
            *out = bg_slice_of (at, size);
            return true;
        }
        if (!stop)
            return false;
        at = stop + 1;
    }
    return false;
}

/*  Bytes of the first count characters, not more than there are.  */
static size_t skip_characters (bg_slice text, uint32_t count)
{
    size_t i = 0;
    while (i < text.size && count > 0) {
        i++;
        while (i < text.size && (text.data[i] & 0xc0) == 0x80)
            i++;
        count--;
    }
    return i;
}

/*  A copy fit for a terminal: one character per character, so that the caret stands right.  */
static const char *clean_line (bg_diag *self, bg_slice line)
{
    BG_AUTO_BUF out = {0};
    for (size_t i = 0; i < line.size;) {
        size_t size = skip_characters (bg_slice_of (line.data + i, line.size - i), 1);
        bg_slice one = bg_slice_of (line.data + i, size);
        bool is_tab = line.data[i] == '\t';
        bool is_clean = bg_utf8_valid (one) && !bg_has_control (one, false);
        if (is_clean)
            bg_buf_append_slice (&out, one);
        else
            bg_buf_append_str (&out, is_tab ? " " : "?");
        i += size;
    }
    return bg_arena_str (&self->arena, bg_buf_slice (&out));
}

static size_t file_index (bg_diag *self, const char *file)
{
    for (size_t i = 0; i < self->file_count; i++) {
        if (strcmp (self->files[i], file) == 0)
            return i;
    }
    self->files[self->file_count] = bg_arena_str (&self->arena, bg_slice_str (file));
    self->shown[self->file_count] = clean_line (self, bg_slice_str (file));
    return self->file_count++;
}

static void set_source (bg_diag *self, entry *fresh, const bg_diag_place *place)
{
    bg_slice line;
    if (place->line == 0 || !find_line (place->source, place->line, &line))
        return;
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    uint32_t before = place->column > 0 ? place->column - 1 : 0;
    if (before > LEAD && skip_characters (line, SHOWN_MAX) < line.size) {
        size_t cut = skip_characters (line, before - LEAD);
        line = bg_slice_of (line.data + cut, line.size - cut);
        before = LEAD;
    }
    line.size = skip_characters (line, SHOWN_MAX);
    fresh->item.source_line = clean_line (self, line);
    fresh->caret = before;
}

static bool is_before (const entry *a, const entry *b)
{
    if (a->file_index != b->file_index)
        return a->file_index < b->file_index;
    if (a->item.line != b->item.line)
        return a->item.line < b->item.line;
    return a->item.column < b->item.column;
}

BG_PRINTF (5, 0)
static void add (bg_diag *self, bool is_warning, const bg_diag_place *place, const char *nearest,
    const char *format, va_list args)
{
    *(is_warning ? &self->warnings : &self->count) += 1;
    if (self->kept == BG_DIAG_MAX)
        return;
    char *message = NULL;
    bg_assert (vasprintf (&message, format, args) >= 0);
    entry fresh = {.file_index = file_index (self, place->file)};
    fresh.item.file = self->shown[fresh.file_index];
    fresh.item.line = place->line;
    fresh.item.column = place->column;
    fresh.item.is_warning = is_warning;
    fresh.item.message = clean_line (self, bg_slice_str (message));
    free (message);
    if (nearest)
        fresh.item.nearest = clean_line (self, bg_slice_str (nearest));
    set_source (self, &fresh, place);
    size_t at = self->kept++;
    for (; at > 0 && is_before (&fresh, &self->entries[at - 1]); at--)
        self->entries[at] = self->entries[at - 1];
    self->entries[at] = fresh;
}

void bg_diag_add (
    bg_diag *self, const bg_diag_place *place, const char *nearest, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    add (self, false, place, nearest, format, args);
    va_end (args);
}

void bg_diag_warn (
    bg_diag *self, const bg_diag_place *place, const char *nearest, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    add (self, true, place, nearest, format, args);
    va_end (args);
}

size_t bg_diag_count (const bg_diag *self)
{
    return self->count;
}

size_t bg_diag_warnings (const bg_diag *self)
{
    return self->warnings;
}

size_t bg_diag_kept (const bg_diag *self)
{
    return self->kept;
}

bg_diag_item bg_diag_get (const bg_diag *self, size_t index)
{
    bg_assert (index < self->kept);
    return self->entries[index].item;
}

static void print_entry (const entry *which, bg_buf *out)
{
    const bg_diag_item *item = &which->item;
    const char *severity = item->is_warning ? "warning: " : "";
    if (item->line > 0)
        bg_buf_printf (
            out, "%s:%u:%u: %s%s\n", item->file, item->line, item->column, severity, item->message);
    else
        bg_buf_printf (out, "%s: %s%s\n", item->file, severity, item->message);
    if (item->source_line) {
        bg_buf_printf (out, "%5u | %s\n", item->line, item->source_line);
        bg_buf_printf (out, "      | %*s^\n", (int) which->caret, "");
    }
    if (item->nearest)
        bg_buf_printf (out, "  did you mean \"%s\"?\n", item->nearest);
}

void bg_diag_print (const bg_diag *self, bg_buf *out)
{
    for (size_t i = 0; i < self->kept; i++)
        print_entry (&self->entries[i], out);
    const size_t all = self->count + self->warnings;
    if (all > self->kept)
        bg_buf_printf (out, "and %zu more\n", all - self->kept);
}

bg_result bg_diag_result (const bg_diag *self, bg_error *err)
{
    if (self->count == 0)
        return bg_ok ();
    const char *plural = self->count == 1 ? "" : "s";
    const char *file = NULL;
    size_t files = 0;
    for (size_t i = 0; i < self->kept; i++) {
        const bg_diag_item *item = &self->entries[i].item;
        files += !item->is_warning && item->file != file;
        file = item->is_warning ? file : item->file;
    }
    if (files == 1)
        return bg_fail (err, BG_INVALID, "%zu error%s in %s", self->count, plural, file);
    return bg_fail (err, BG_INVALID, "%zu error%s in %zu files", self->count, plural,
        files > 0 ? files : self->file_count);
}
