/*  Content lines: see lines.h. Nothing here knows what a property means.  */
#include "ctl/ics/lines.h"

#include "common/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

#define QUOTE_MAX 48

void ctl_ics_refuse (ctl_ics_refusals *self, uint32_t line, const char *format, ...)
{
    if (self->count < CTL_ICS_REFUSALS_MAX) {
        char text[BG_ERROR_MESSAGE_MAX];
        va_list args;
        va_start (args, format);
        (void) vsnprintf (text, sizeof text, format, args);
        va_end (args);
        self->items[self->count].line = line;
        self->items[self->count].text = bg_arena_copy (self->arena, bg_slice_str (text));
    }
    self->count++;
}

const char *ctl_ics_quote (bg_arena *arena, bg_slice text)
{
    bool is_cut = text.size > QUOTE_MAX;
    char *out = bg_arena_alloc (arena, QUOTE_MAX + 4);
    for (size_t i = 0; i < text.size && i < QUOTE_MAX; i++)
        out[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? (char) text.data[i] : '?';
    if (is_cut)
        memcpy (out + QUOTE_MAX, "...", 4);
    return out;
}

ctl_ics_reader ctl_ics_reader_on (bg_slice text, bg_arena *arena, ctl_ics_refusals *refusals)
{
    ctl_ics_reader self = {.text = text, .line = 1, .arena = arena, .refusals = refusals};
    if (text.size >= 3 && memcmp (text.data, "\xef\xbb\xbf", 3) == 0)
        self.at = 3;
    return self;
}

/*  The next line of the file as it stands, without its end.  */
static bg_slice raw_line (ctl_ics_reader *self)
{
    const uint8_t *begin = self->text.data + self->at;
    size_t left = self->text.size - self->at;
    const uint8_t *newline = memchr (begin, '\n', left);
    size_t size = newline ? (size_t) (newline - begin) : left;
    self->at += newline ? size + 1 : size;
    self->line++;
    if (size > 0 && begin[size - 1] == '\r')
        size--;
    return bg_slice_of (begin, size);
}

static bool continues (const ctl_ics_reader *self)
{
    return self->at < self->text.size &&
           (self->text.data[self->at] == ' ' || self->text.data[self->at] == '\t');
}

/*  Joins a folded line; one that is not folded is not copied.  */
static bg_slice unfolded_line (ctl_ics_reader *self)
{
    bg_slice first = raw_line (self);
    if (!continues (self))
        return first;
    BG_AUTO_BUF joined = {0};
    bg_buf_append_slice (&joined, first);
    while (continues (self)) {
        bg_slice more = raw_line (self);
        bg_buf_append (&joined, more.data + 1, more.size - 1);
    }
    return bg_arena_copy (self->arena, bg_buf_slice (&joined));
}

static bool is_name_byte (uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '-';
}

/*  A name at the start of rest, in capitals; rest moves behind it. Empty when there is none.  */
static bg_slice take_name (ctl_ics_reader *self, bg_slice *rest)
{
    size_t size = 0;
    while (size < rest->size && is_name_byte (rest->data[size]))
        size++;
    char *name = bg_arena_str (self->arena, bg_slice_of (rest->data, size));
    for (size_t i = 0; i < size; i++) {
        if (name[i] >= 'a' && name[i] <= 'z')
            name[i] = (char) (name[i] - 'a' + 'A');
    }
    *rest = bg_slice_of (rest->data + size, rest->size - size);
    return bg_slice_of (name, size);
}

/*  The values of a parameter, up to the next ; or : that is not quoted.  */
static bool take_values (bg_slice *rest, bg_slice *values)
{
    bool is_quoted = false;
    size_t size = 0;
    for (; size < rest->size; size++) {
        uint8_t byte = rest->data[size];
        if (byte == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && (byte == ';' || byte == ':'))
            break;
    }
    *values = bg_slice_of (rest->data, size);
    *rest = bg_slice_of (rest->data + size, rest->size - size);
    if (values->size >= 2 && values->data[0] == '"' &&
        memchr (values->data + 1, '"', values->size - 2) == NULL &&
        values->data[values->size - 1] == '"')
        *values = bg_slice_of (values->data + 1, values->size - 2);
    return !is_quoted;
}

static bool starts_with (bg_slice text, char byte)
{
    return text.size > 0 && text.data[0] == (uint8_t) byte;
}

static bool take_param (ctl_ics_reader *self, bg_slice *rest, ctl_ics_line *line)
{
    if (line->param_count == CTL_ICS_PARAMS_MAX)
        return false;
    *rest = bg_slice_of (rest->data + 1, rest->size - 1);
    ctl_ics_param *param = &line->params[line->param_count++];
    param->name = take_name (self, rest);
    if (param->name.size == 0 || !starts_with (*rest, '='))
        return false;
    *rest = bg_slice_of (rest->data + 1, rest->size - 1);
    return take_values (rest, &param->value);
}

static bool take_apart (ctl_ics_reader *self, bg_slice text, ctl_ics_line *line)
{
    bg_slice rest = text;
    line->name = take_name (self, &rest);
    if (line->name.size == 0)
        return false;
    while (starts_with (rest, ';')) {
        if (!take_param (self, &rest, line))
            return false;
    }
    if (!starts_with (rest, ':'))
        return false;
    line->value = bg_slice_of (rest.data + 1, rest.size - 1);
    return true;
}

bool ctl_ics_read_line (ctl_ics_reader *self, ctl_ics_line *line)
{
    while (self->at < self->text.size) {
        uint32_t number = self->line;
        bg_slice text = unfolded_line (self);
        if (text.size == 0)
            continue;
        *line = (ctl_ics_line){.line = number};
        if (!bg_utf8_valid (text) || memchr (text.data, 0, text.size))
            ctl_ics_refuse (self->refusals, number,
                "the text is not UTF-8; save the file in UTF-8 (RFC 5545 asks for it)");
        else if (!take_apart (self, text, line))
            ctl_ics_refuse (self->refusals, number, "'%s' is no line of iCalendar (NAME:value)",
                ctl_ics_quote (self->arena, text));
        else
            return true;
    }
    return false;
}

bg_slice ctl_ics_param_of (const ctl_ics_line *line, const char *name)
{
    for (size_t i = 0; i < line->param_count; i++) {
        if (bg_slice_is (line->params[i].name, name))
            return line->params[i].value;
    }
    return (bg_slice){0};
}
