/*  Cells of jobs and of what they share: see state_view.h.  */
#include "ctl/state_view.h"

#include "ctl/times.h"

void ctl_enabled_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *enabled = json_object_get (row, "enabled");
    bg_buf_append_str (text, !enabled ? "-" : json_is_true (enabled) ? "enabled" : "disabled");
}

void ctl_time_print (const ctl_output *out, const json_t *row, const char *key, bg_buf *text)
{
    const char *value = json_string_value (json_object_get (row, key));
    int64_t at_us = 0;
    if (value && bg_is_ok (ctl_times_parse (bg_slice_str (value), 0, &at_us, NULL)))
        ctl_times_people (at_us, ctl_output_get (out)->is_utc, text);
}

void ctl_state_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    static const char *const ends[] = {"disabled_until", "enabled_until"};
    ctl_enabled_print (out, row, text);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (!json_is_string (json_object_get (row, ends[i])))
            continue;
        bg_buf_append_str (text, " until ");
        ctl_time_print (out, row, ends[i], text);
    }
    const char *reason = json_string_value (json_object_get (row, "disabled_reason"));
    if (reason)
        bg_buf_printf (text, ": %s", reason);
}

void ctl_version_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *version = json_object_get (row, "version");
    if (json_is_integer (version))
        bg_buf_printf (text, "v%" JSON_INTEGER_FORMAT, json_integer_value (version));
    else
        bg_buf_append_str (text, "not there");
}

void ctl_delivery_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    static const char *const keys[] = {"applied", "pending", "waiting", "failed"};
    (void) out;
    size_t start = text->size;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_int_t count = json_integer_value (json_object_get (row, keys[i]));
        if (count > 0)
            bg_buf_printf (text, "%s%" JSON_INTEGER_FORMAT " %s", text->size > start ? ", " : "",
                count, keys[i]);
    }
}

uint64_t ctl_pending (uint64_t targets, uint64_t applied, uint64_t waiting, uint64_t failed)
{
    uint64_t settled = applied + waiting + failed;
    return targets > settled ? targets - settled : 0;
}
