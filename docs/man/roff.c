/*  Text for troff: see roff.h.  */
#include "docs/man/roff.h"

#include <ctype.h>

static void put (uint8_t c, bg_buf *out)
{
    switch (c) {
    case '\\':
        bg_buf_append_str (out, "\\e");
        break;
    case '-':
        bg_buf_append_str (out, "\\-");
        break;
    case '\'':
        bg_buf_append_str (out, "\\(aq");
        break;
    case '`':
        bg_buf_append_str (out, "\\(ga");
        break;
    case '^':
        bg_buf_append_str (out, "\\(ha");
        break;
    case '~':
        bg_buf_append_str (out, "\\(ti");
        break;
    case '"':
        bg_buf_append_str (out, "\\(dq");
        break;
    default:
        bg_buf_append_byte (out, c);
    }
}

void roff_text (bg_slice text, bg_buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_first = i == 0 && (out->size == 0 || out->data[out->size - 1] == '\n');
        if (text.data[i] == '.' && (is_first || text.data[i - (i > 0)] == '\n'))
            bg_buf_append_str (out, "\\&");
        put (text.data[i], out);
    }
}

void roff_str (const char *text, bg_buf *out)
{
    roff_text (bg_slice_str (text), out);
}

void roff_heading (const char *macro, bg_slice title, bg_buf *out)
{
    bg_buf_printf (out, "%s \"", macro);
    roff_text (title, out);
    bg_buf_append_str (out, "\"\n");
}

/*  ---- one line of Markdown ----  */

/*  [text](place): only the text. Gives the size of what was taken, 0: it is none.  */
static size_t take_link (bg_slice text, bg_slice *shown)
{
    const uint8_t *close = memchr (text.data, ']', text.size);
    size_t at = close ? (size_t) (close - text.data) : text.size;
    if (at + 1 >= text.size || text.data[at + 1] != '(')
        return 0;
    const uint8_t *end = memchr (text.data + at, ')', text.size - at);
    if (!end)
        return 0;
    *shown = bg_slice_of (text.data + 1, at - 1);
    return (size_t) (end - text.data) + 1;
}

void roff_line (bg_slice text, bg_buf *out)
{
    bool is_code = false;
    for (size_t i = 0; i < text.size;) {
        bg_slice rest = bg_slice_of (text.data + i, text.size - i);
        bg_slice shown;
        size_t taken = 0;
        if (rest.data[0] == '`') {
            is_code = !is_code;
            bg_buf_append_str (out, is_code ? "\\fB" : "\\fR");
            i++;
        } else if (!is_code && rest.data[0] == '[' && (taken = take_link (rest, &shown)) > 0) {
            roff_line (shown, out);
            i += taken;
        } else if (!is_code && rest.data[0] == '*') {
            i++; /*  emphasis is not shown  */
        } else if (rest.data[0] == '\\' && rest.size > 1 && ispunct (rest.data[1])) {
            roff_text (bg_slice_of (rest.data + 1, 1), out);
            i += 2;
        } else {
            roff_text (bg_slice_of (rest.data, 1), out);
            i++;
        }
    }
    if (is_code)
        bg_buf_append_str (out, "\\fR");
}

void roff_block (bg_slice lines, bg_buf *out)
{
    bg_buf_append_str (out, ".PP\n.RS 4\n.nf\n");
    roff_text (lines, out);
    bg_buf_append_str (out, ".fi\n.RE\n");
}

/*  ---- a page ----  */

typedef struct {
    bg_slice rest;
    bg_buf *out;
    bool in_text;  /*  a paragraph or list entry has begun  */
    bool in_table; /*  its heading was seen  */
    bg_slice heads[8];
    size_t head_count;
} page;

static bool next_line (page *self, bg_slice *line)
{
    if (self->rest.size == 0)
        return false;
    const uint8_t *end = memchr (self->rest.data, '\n', self->rest.size);
    size_t size = end ? (size_t) (end - self->rest.data) : self->rest.size;
    size_t used = size + (end != NULL);
    *line = bg_slice_of (self->rest.data, size);
    self->rest = bg_slice_of (self->rest.data + used, self->rest.size - used);
    return true;
}

static bg_slice trim (bg_slice text)
{
    while (text.size && text.data[0] == ' ')
        text = bg_slice_of (text.data + 1, text.size - 1);
    while (text.size && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

static bool begins (bg_slice text, const char *with)
{
    size_t size = strlen (with);
    return text.size >= size && memcmp (text.data, with, size) == 0;
}

static void fenced (page *self)
{
    bg_slice line;
    BG_AUTO_BUF text = {0};
    while (next_line (self, &line) && !begins (line, "```")) {
        bg_buf_append_slice (&text, line);
        bg_buf_append_byte (&text, '\n');
    }
    roff_block (bg_buf_slice (&text), self->out);
}

/*  Cells of a row; a | within `code` belongs to it.  */
static size_t cells_of (bg_slice row, bg_slice cells[8])
{
    size_t count = 0;
    size_t from = 1;
    bool is_code = false;
    for (size_t i = 1; i < row.size && count < 8; i++) {
        if (row.data[i] == '`')
            is_code = !is_code;
        if (row.data[i] != '|' || is_code || row.data[i - 1] == '\\')
            continue;
        cells[count++] = trim (bg_slice_of (row.data + from, i - from));
        from = i + 1;
    }
    return count;
}

/*  The first cell is what is told about; the others follow with the heading of their column, but for the second.  */
static void table_row (page *self, bg_slice row)
{
    bg_slice cells[8];
    size_t count = cells_of (row, cells);
    if (!self->in_table) {
        self->in_table = true;
        self->head_count = count;
        memcpy (self->heads, cells, sizeof cells);
        return;
    }
    if (count == 0 || begins (cells[0], "---"))
        return;
    bg_buf_append_str (self->out, ".TP\n");
    roff_line (cells[0], self->out);
    bg_buf_append_byte (self->out, '\n');
    for (size_t i = 1; i < count; i++) {
        if (cells[i].size == 0)
            continue;
        if (i > 1 && i < self->head_count) {
            bg_buf_append_str (self->out, ".br\n");
            roff_line (self->heads[i], self->out);
            bg_buf_append_str (self->out, ": ");
        }
        roff_line (cells[i], self->out);
        bg_buf_append_byte (self->out, '\n');
    }
}

static void text_line (page *self, bg_slice line)
{
    if (begins (line, "- ")) {
        bg_buf_append_str (self->out, ".IP \\(bu 2\n");
        line = bg_slice_of (line.data + 2, line.size - 2);
    } else if (!self->in_text) {
        bg_buf_append_str (self->out, ".PP\n");
    }
    self->in_text = true;
    roff_line (trim (line), self->out);
    bg_buf_append_byte (self->out, '\n');
}

static void page_line (page *self, bg_slice line)
{
    bool is_row = begins (line, "|");
    if (!is_row)
        self->in_table = false;
    if (is_row) {
        table_row (self, line);
    } else if (begins (line, "```")) {
        fenced (self);
    } else if (begins (line, "### ")) {
        roff_heading (".SS", bg_slice_of (line.data + 4, line.size - 4), self->out);
    } else if (begins (line, "## ")) {
        BG_AUTO_CHAR title = bg_slice_dup (bg_slice_of (line.data + 3, line.size - 3));
        for (char *at = title; *at; at++)
            *at = (char) toupper ((unsigned char) *at);
        roff_heading (".SH", bg_slice_str (title), self->out);
    } else if (begins (line, "# ") || begins (line, "<!--")) {
        return;
    } else if (trim (line).size > 0) {
        text_line (self, line);
        return;
    }
    self->in_text = false;
}

void roff_markdown (bg_slice text, bg_buf *out)
{
    page self = {.rest = text, .out = out};
    bg_slice line;
    while (next_line (&self, &line))
        page_line (&self, line);
}
