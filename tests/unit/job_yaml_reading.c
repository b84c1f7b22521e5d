/*  Reading job files in tests: see job_yaml_reading.h.  */
#include "job_yaml_reading.h"

#include "common/job/calendar.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static const job_zone *only_utc (void *ctx, const char *name, bg_error *err)
{
    if (strcmp (name, "UTC") == 0)
        return ctx;
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no time zone \"%s\" here", name));
    return NULL;
}

/*  One day, 2026-05-01, and whatever was asked for in source.  */
static bg_result one_day (void *ctx, const char *yaml_file, const char *path, unsigned years,
    bg_arena *arena, wire_calendar *calendar, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    (void) ctx;
    if (strcmp (path, "broken.ics") == 0)
        return bg_fail (err, BG_INVALID, "broken.ics:3: RRULE is not understood");
    job_calendar_range_append (
        &bytes, (job_calendar_range){INT64_C (20574) * 86400, INT64_C (20575) * 86400});
    calendar->local_ranges = bg_arena_copy (arena, bg_buf_slice (&bytes));
    calendar->horizon_us = (int64_t) years * INT64_C (31536000000000);
    calendar->source = bg_arena_printf (arena, "%s in %s", path, yaml_file);
    return bg_ok ();
}

void read_on (reading *self, const char *text, uint32_t today)
{
    *self = (reading){.utc = job_zone_fixed_utc (), .diag = bg_diag_create ()};
    const job_yaml_ports ports = {
        .ctx = self->utc, .zone = only_utc, .ics = one_day, .today = today};
    self->set = job_yaml_set_create (&ports);
    self->result = job_yaml_read (self->set, "j.yaml", bg_slice_str (text), self->diag, &self->err);
}

void reading_fini (reading *self)
{
    job_yaml_set_destroy (&self->set);
    bg_diag_destroy (&self->diag);
    job_zone_destroy (&self->utc);
}

void append_fields (const wire_desc *desc, const void *value, bg_buf *out)
{
    BG_AUTO_BUF lines = {0};
    wire_print (desc, value, &lines);
    bg_buf_append_byte (&lines, 0);
    char *rest = (char *) lines.data;
    for (char *line = strtok_r (rest, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest)) {
        line += strspn (line, " ");
        const size_t size = strlen (line);
        if (size > 0 && line[size - 1] == ' ')
            line[size - 1] = '\0';
        const bool is_item = strncmp (line, "- ", 2) == 0;
        const char *next = rest + strspn (rest, " ");
        const bool is_list = !is_item && strncmp (next, "- ", 2) == 0;
        if (is_list)
            line[strcspn (line, ":") + 1] = '\0'; /*  without the count  */
        bg_buf_append_str (out, out->size > 0 ? " " : "");
        for (const char *c = is_item ? line + 2 : line; *c; c++) {
            if (*c != '"')
                bg_buf_append_byte (out, (uint8_t) *c);
        }
    }
}

const job_yaml_document *only_document (const reading *it, const char *text)
{
    if (bg_failed (it->result)) {
        BG_AUTO_BUF said = {0};
        bg_diag_print (it->diag, &said);
        fail_msg ("%s\n%s", text, bg_buf_cstr (&said));
    }
    assert_int_equal (job_yaml_documents (it->set), 1);
    return job_yaml_document_at (it->set, 0);
}

void assert_says (job_map map, const char *inside, bool is_warning, const char *want)
{
    BG_AUTO_BUF text = {0};
    reading it;
    job_field_file (map, inside, &text);
    read_on (&it, bg_buf_cstr (&text), TODAY);
    if (bg_diag_kept (it.diag) == 0)
        fail_msg ("nothing is said about %s", inside);
    bg_diag_item item = bg_diag_get (it.diag, 0);
    if (strcmp (item.message, want) != 0)
        fail_msg ("%s\n got: %s\nwant: %s", inside, item.message, want);
    assert_int_equal (item.is_warning, is_warning);
    assert_int_equal (bg_diag_kept (it.diag), 1);
    reading_fini (&it);
}
