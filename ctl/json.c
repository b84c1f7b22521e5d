/*  Pieces of rows: values of the wire as JSON. Text of others is cleaned here, so nothing behind
    this file has to ask whether a string is safe.  */
#include "ctl/output.h"

#include "common/base/utf8.h"
#include "ctl/times.h"

/*  Bytes of the character at text, 1 to 4; 0 when it is not UTF-8.  */
static size_t character (bg_slice text)
{
    size_t size = text.data[0] < 0x80 ? 1 : text.data[0] < 0xe0 ? 2 : text.data[0] < 0xf0 ? 3 : 4;
    if (size > text.size || !bg_utf8_valid (bg_slice_of (text.data, size)))
        return 0;
    return size;
}

void ctl_clean (bg_slice text, bool is_multiline, bg_buf *out)
{
    for (size_t i = 0; i < text.size;) {
        uint8_t c = text.data[i];
        size_t size = character (bg_slice_of (text.data + i, text.size - i));
        bg_slice one = bg_slice_of (text.data + i, size);
        if (size == 0) {
            bg_buf_append_str (out, "\xEF\xBF\xBD");
            i++;
            continue;
        }
        i += size;
        if (c == '\r') {
            i += i < text.size && text.data[i] == '\n';
            c = '\n';
        }
        if (c == '\n' || c == '\t')
            bg_buf_append_byte (out, is_multiline ? c : ' ');
        else if (bg_has_control (one, false))
            bg_buf_append_byte (out, '?');
        else
            bg_buf_append_slice (out, one);
    }
}

json_t *ctl_json_slice (bg_slice text)
{
    BG_AUTO_BUF clean = {0};
    ctl_clean (text, true, &clean);
    json_t *value = json_stringn ((const char *) clean.data, clean.size);
    if (clean.size == 0)
        value = json_string ("");
    bg_assert (value != NULL);
    return value;
}

json_t *ctl_json_text_or_null (bg_slice text)
{
    return text.size > 0 ? ctl_json_slice (text) : json_null ();
}

json_t *ctl_json_id (bg_id id)
{
    return bg_id_is_zero (id) ? json_null () : json_string (bg_id_text (id).text);
}

json_t *ctl_json_time (int64_t utc_us)
{
    if (utc_us == 0)
        return json_null ();
    BG_AUTO_BUF text = {0};
    ctl_times_rfc3339 (utc_us, &text);
    return json_string (bg_buf_cstr (&text));
}

json_t *ctl_json_seconds (int64_t duration_us)
{
    if (duration_us % 1000000 == 0)
        return json_integer (duration_us / 1000000);
    return json_real ((double) duration_us / 1e6);
}

json_t *ctl_json_slices (const bg_slice *items, size_t count)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < count; i++)
        json_array_append_new (list, ctl_json_slice (items[i]));
    return list;
}
