/*  Writing YAML: texts, pairs, lists. See yaml_write.h.  */
#include "common/job/yaml_write.h"

#include "common/job/duration.h"

#include <strings.h>

static bool is_plain_byte (uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr ("_./+@-", c) != NULL);
}

/*  What other readers of YAML would take for a number, a boolean or nothing.  */
static bool looks_typed (bg_slice text)
{
    static const char *const words[] = {
        "null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text.size == strlen (words[i]) &&
            strncasecmp ((const char *) text.data, words[i], text.size) == 0)
            return true;
    }
    uint8_t c = text.data[0];
    return (c >= '0' && c <= '9') || c == '.' || c == '+';
}

static bool is_plain (bg_slice text)
{
    if (text.size == 0 || text.size > 100 || text.data[0] == '-' || text.data[0] == '@' ||
        looks_typed (text))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool is_inner_blank = text.data[i] == ' ' && i > 0 && i + 1 < text.size;
        if (!is_plain_byte (text.data[i]) && !is_inner_blank)
            return false;
    }
    return true;
}

/*  Characters that a YAML reader does not take as they are, although they are valid text.  */
static size_t special_at (bg_slice text, size_t at, unsigned *character)
{
    const uint8_t *c = text.data + at;
    if (text.size - at < 3 || (c[0] & 0xf0) != 0xe0)
        return 0;
    *character = ((unsigned) (c[0] & 0x0f) << 12) | ((unsigned) (c[1] & 0x3f) << 6) |
                 (unsigned) (c[2] & 0x3f);
    bool is_special = *character == 0xfffe || *character == 0xffff || *character == 0xfeff ||
                      *character == 0x2028 || *character == 0x2029;
    return is_special ? 3 : 0;
}

static void write_quoted (bg_slice text, bg_buf *out)
{
    bg_buf_append_byte (out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned character = 0;
        size_t special = special_at (text, i, &character);
        uint8_t c = text.data[i];
        if (special > 0) {
            bg_buf_printf (out, "\\u%04X", character);
            i += special - 1;
        } else if (c == '"' || c == '\\') {
            bg_buf_append_byte (out, '\\');
            bg_buf_append_byte (out, c);
        } else if (c == '\n') {
            bg_buf_append_str (out, "\\n");
        } else if (c == '\t') {
            bg_buf_append_str (out, "\\t");
        } else {
            bg_buf_append_byte (out, c);
        }
    }
    bg_buf_append_byte (out, '"');
}

void job_write_text (bg_slice text, bg_buf *out)
{
    if (is_plain (text))
        bg_buf_append_slice (out, text);
    else
        write_quoted (text, out);
}

/*  A literal block keeps every byte, if the text has lines, begins with a visible character and has
    nothing special.  */
static bool fits_block (bg_slice text)
{
    bool has_lines = false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned character;
        if (special_at (text, i, &character) > 0)
            return false;
        has_lines = has_lines || text.data[i] == '\n';
    }
    return has_lines && text.data[0] != ' ' && text.data[0] != '\t' && text.data[0] != '\n';
}

static void write_block (bg_slice text, int indent, bg_buf *out)
{
    size_t newlines = 0;
    while (newlines < text.size && text.data[text.size - 1 - newlines] == '\n')
        newlines++;
    bg_buf_append_str (out, newlines == 0 ? "|-\n" : newlines == 1 ? "|\n" : "|+\n");
    for (size_t i = 0; i < text.size; i++) {
        bool is_line_start = i == 0 || text.data[i - 1] == '\n';
        if (is_line_start && text.data[i] != '\n')
            bg_buf_printf (out, "%*s", indent, "");
        bg_buf_append_byte (out, text.data[i]);
    }
    if (newlines == 0)
        bg_buf_append_byte (out, '\n');
}

/*  "key: text" at an indent, with a block indented further where one fits.  */
void job_write_pair (int indent, const char *key, bg_slice text, bg_buf *out)
{
    bg_buf_printf (out, "%*s%s: ", indent, "", key);
    if (fits_block (text)) {
        write_block (text, indent + 2, out);
        return;
    }
    job_write_text (text, out);
    bg_buf_append_byte (out, '\n');
}

void job_write_optional (int indent, const char *key, bg_slice text, bg_buf *out)
{
    if (text.size > 0)
        job_write_pair (indent, key, text, out);
}

void job_write_duration (int indent, const char *key, uint64_t duration_us, bg_buf *out)
{
    if (duration_us > 0)
        bg_buf_printf (
            out, "%*s%s: %s\n", indent, "", key, job_duration_text ((int64_t) duration_us).text);
}

/*  In a list between brackets the signs of lists and maps have a meaning; plain texts do not hold
    them.  */
void job_write_list (const bg_slice *texts, size_t count, bg_buf *out)
{
    bg_buf_append_byte (out, '[');
    for (size_t i = 0; i < count; i++) {
        bg_buf_append_str (out, i > 0 ? ", " : "");
        job_write_text (texts[i], out);
    }
    bg_buf_append_byte (out, ']');
}

void job_write_environment (int indent, const wire_pair *pairs, size_t count, bg_buf *out)
{
    if (count == 0)
        return;
    bg_buf_printf (out, "%*senvironment:\n", indent, "");
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_BUF shown = {0};
        if (is_plain (pairs[i].key))
            bg_buf_append_slice (&shown, pairs[i].key);
        else
            write_quoted (pairs[i].key, &shown);
        job_write_pair (indent + 2, bg_buf_cstr (&shown), pairs[i].value, out);
    }
}

void job_write_names (int indent, const char *key, const bg_slice *names, size_t count, bg_buf *out)
{
    if (count == 0)
        return;
    bg_buf_printf (out, "%*s%s: ", indent, "", key);
    job_write_list (names, count, out);
    bg_buf_append_byte (out, '\n');
}

void job_write_instant (int indent, const char *key, int64_t utc_us, bg_buf *out)
{
    const int64_t seconds = job_floor_div (utc_us, 1000000);
    const int fraction = (int) (utc_us - seconds * 1000000);
    const job_civil civil = job_civil_from_seconds (seconds);
    bg_buf_printf (out, "%*s%s: %04d-%02d-%02dT%02d:%02d:%02d", indent, "", key, civil.year,
        civil.month, civil.day, civil.hour, civil.minute, civil.second);
    if (fraction > 0)
        bg_buf_printf (out, ".%06d", fraction);
    bg_buf_append_str (out, "Z\n");
}
