/*  Edits of a policy's text: see policy_edit.h. Works on lines; what a line means it asks the parser of policy.c, by
    reading the whole text before and after.  */
#include "node/exec/policy_edit.h"

#include "common/base/utf8.h"
#include "common/job/names.h"

#include <stdio.h>

typedef struct {
    bg_slice text;
    size_t from; /*  first byte of the section's header  */
    size_t body; /*  first byte behind it  */
    size_t to;   /*  first byte of what follows the section  */
} section;

static size_t end_of_line (bg_slice text, size_t at)
{
    const uint8_t *newline = memchr (text.data + at, '\n', text.size - at);
    return newline ? (size_t) (newline - text.data) + 1 : text.size;
}

static bg_slice trimmed (bg_slice text)
{
    while (text.size && memchr (" \t\r\n", text.data[0], 4))
        text = bg_slice_of (text.data + 1, text.size - 1);
    while (text.size && memchr (" \t\r\n", text.data[text.size - 1], 4))
        text.size--;
    return text;
}

static bool begins_section (bg_slice text, size_t at)
{
    const bg_slice line = trimmed (bg_slice_of (text.data + at, end_of_line (text, at) - at));
    return line.size && line.data[0] == '[';
}

/*  The section whose header is on a line of that number.  */
static section find_section (bg_slice text, unsigned line)
{
    size_t at = 0;
    for (unsigned number = 1; number < line; number++)
        at = end_of_line (text, at);
    section found = {.text = text, .from = at, .body = end_of_line (text, at)};
    found.to = found.body;
    while (found.to < text.size && !begins_section (text, found.to))
        found.to = end_of_line (text, found.to);
    return found;
}

static void append (bg_buf *out, bg_slice text, size_t from, size_t to)
{
    bg_buf_append (out, text.data + from, to - from);
}

static bg_result check (bg_buf *out, size_t from, const char *file, bg_error *err)
{
    exec_policy policy;
    return exec_policy_parse (bg_slice_of (out->data + from, out->size - from), file, &policy, err);
}

/*  ---- lines ----  */

typedef struct {
    const char *key;
    const char *value; /*  NULL: leave it  */
    bool is_written;
} line;

static line *line_of (line *lines, size_t count, bg_slice text)
{
    const uint8_t *equals = text.size ? memchr (text.data, '=', text.size) : NULL;
    const bg_slice key =
        equals ? trimmed (bg_slice_of (text.data, (size_t) (equals - text.data))) : (bg_slice){0};
    for (size_t i = 0; i < count; i++) {
        if (lines[i].value && bg_slice_is (key, lines[i].key))
            return &lines[i];
    }
    return NULL;
}

/*  What was said behind it in a comment stays.  */
static void put_line (bg_buf *out, const line *what, bg_slice old)
{
    const uint8_t *mark = old.size ? memchr (old.data, '#', old.size) : NULL;
    if (!what->value[0])
        return;
    bg_buf_printf (out, "%s = %s", what->key, what->value);
    if (mark) {
        const bg_slice comment =
            trimmed (bg_slice_of (mark, old.size - (size_t) (mark - old.data)));
        bg_buf_printf (out, "  %.*s", BG_SLICE_ARG (comment));
    }
    bg_buf_append_byte (out, '\n');
}

static void put_missing (bg_buf *out, line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].value && !lines[i].is_written)
            put_line (out, &lines[i], (bg_slice){0});
    }
}

/*  New lines go behind the last one that says something, before the blank ones that part sections.  */
static size_t last_said (const section *self)
{
    size_t end = self->body;
    for (size_t at = self->body; at < self->to; at = end_of_line (self->text, at)) {
        const size_t next = end_of_line (self->text, at);
        const bg_slice said = trimmed (bg_slice_of (self->text.data + at, next - at));
        if (said.size && said.data[0] != '#')
            end = next;
    }
    return end;
}

static void end_line (bg_buf *out)
{
    if (out->size && out->data[out->size - 1] != '\n')
        bg_buf_append_byte (out, '\n');
}

static void change_section (const section *self, line *lines, size_t count, bg_buf *out)
{
    const size_t said = last_said (self);
    append (out, self->text, 0, self->body);
    end_line (out);
    for (size_t at = self->body; at < said;) {
        const size_t next = end_of_line (self->text, at);
        const bg_slice old = bg_slice_of (self->text.data + at, next - at);
        line *changed = line_of (lines, count, old);
        if (changed) {
            put_line (out, changed, old);
            changed->is_written = true;
        } else {
            append (out, self->text, at, next);
        }
        at = next;
    }
    end_line (out);
    put_missing (out, lines, count);
    append (out, self->text, said, self->text.size);
}

static void add_section (bg_slice text, bg_slice name, line *lines, size_t count, bg_buf *out)
{
    append (out, text, 0, text.size);
    end_line (out);
    bg_buf_printf (out, "\n[proxy %.*s]\n", BG_SLICE_ARG (name));
    put_missing (out, lines, count);
}

/*  A value stays within its line.  */
static bg_result check_values (const line *lines, size_t count, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const bg_slice value = bg_slice_str (lines[i].value);
        if (bg_has_control (value, false) || (value.size && memchr (value.data, '#', value.size)))
            return bg_fail (
                err, BG_INVALID, "%s holds a character that no policy takes", lines[i].key);
    }
    return bg_ok ();
}

bg_result exec_policy_put_proxy (bg_slice text, const char *file, bg_slice name,
    const exec_proxy_lines *said, bg_buf *out, bg_error *err)
{
    exec_policy policy;
    line lines[] = {{"account", said->account, false}, {"groups", said->groups, false},
        {"kinds", said->kinds, false}, {"logins", said->logins, false}, {"root", said->root, false},
        {"enabled", said->enabled, false}};
    const size_t count = sizeof lines / sizeof *lines;
    const size_t from = out->size;
    if (bg_failed (job_group_name_valid (name, err)))
        return bg_prefix (err, "proxy '%.*s'", BG_SLICE_ARG (name));
    BG_TRY (check_values (lines, count, err));
    BG_TRY (exec_policy_parse (text, file, &policy, err));
    const exec_proxy *proxy = exec_policy_proxy (&policy, name);
    if (proxy) {
        const section found = find_section (text, proxy->line);
        change_section (&found, lines, count, out);
    } else {
        add_section (text, name, lines, count, out);
    }
    return check (out, from, file, err);
}

bg_result exec_policy_remove_proxy (
    bg_slice text, const char *file, bg_slice name, bg_buf *out, bg_error *err)
{
    exec_policy policy;
    const size_t from = out->size;
    BG_TRY (exec_policy_parse (text, file, &policy, err));
    const exec_proxy *proxy = exec_policy_proxy (&policy, name);
    if (!proxy)
        return bg_fail (
            err, BG_NOT_FOUND, "there is no proxy '%.*s' in %s", BG_SLICE_ARG (name), file);
    const section found = find_section (text, proxy->line);
    append (out, text, 0, found.from);
    append (out, text, found.to, text.size);
    return check (out, from, file, err);
}
