/*  doctor: what is wrong here and at the broker, and what to do about each. Looks, changes nothing.  */
#include "ctl/doctor.h"

#include <string.h>

static const ctl_column columns[] = {
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"area", "AREA", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"found", "FOUND", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"advice", "WHAT TO DO", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

static const char *const state_words[] = {"ok", "warning", "problem"};

void ctl_doctor_say (ctl_doctoring *self, ctl_doctor_state state, const char *area,
    const char *name, const char *advice, const char *format, ...)
{
    va_list args;
    char found[BG_ERROR_MESSAGE_MAX];
    va_start (args, format);
    (void) vsnprintf (found, sizeof found, format, args);
    va_end (args);
    self->counts[state]++;
    json_array_append_new (
        self->rows, json_pack ("{s:s, s:s, s:s, s:o, s:o}", "state", state_words[state], "area",
                        area, "name", name, "found", ctl_json_slice (bg_slice_str (found)),
                        "advice", ctl_json_text_or_null (bg_slice_str (advice))));
}

void ctl_doctor_failed (ctl_doctoring *self, ctl_doctor_state state, const char *area,
    const char *name, const bg_error *err)
{
    ctl_doctor_say (self, state, area, name, err->hint, "%s", err->message);
}

void ctl_doctor_run (ctl_run *run, ctl_doctoring *self)
{
    *self = (ctl_doctoring){.run = run, .rows = json_array ()};
    ctl_doctor_cli (self);
    if (self->status)
        ctl_doctor_broker (self);
}

void ctl_doctor_fini (ctl_doctoring *self)
{
    json_decref (self->rows);
    self->rows = NULL;
}

static const char *text_of (const json_t *row, const char *key)
{
    const char *text = json_string_value (json_object_get (row, key));
    return text ? text : "";
}

/*  For a person: a sentence each, with what to do below. What is well is shown with -v only.  */
static void print_prose (ctl_run *run, const ctl_doctoring *self)
{
    for (size_t i = 0; i < json_array_size (self->rows); i++) {
        const json_t *row = json_array_get (self->rows, i);
        const char *state = text_of (row, "state");
        if (strcmp (state, "ok") == 0 && !ctl_output_get (run->out)->is_verbose)
            continue;
        ctl_print (
            run->out, "%-7s  %-12s  %s\n", state, text_of (row, "name"), text_of (row, "found"));
        if (*text_of (row, "advice"))
            ctl_print (run->out, "%-7s  %-12s  -> %s\n", "", "", text_of (row, "advice"));
    }
}

bg_result ctl_doctor (ctl_run *run, bg_error *err)
{
    (void) err;
    ctl_doctoring self;
    ctl_doctor_run (run, &self);
    if (ctl_output_get (run->out)->form == CTL_FORM_TABLE) {
        print_prose (run, &self);
    } else {
        ctl_list_begin (run->out, "checks", columns, sizeof columns / sizeof columns[0], "name");
        for (size_t i = 0; i < json_array_size (self.rows); i++)
            ctl_list_row (run->out, json_incref (json_array_get (self.rows, i)));
        ctl_list_end (run->out, false, json_array_size (self.rows));
    }
    const size_t problems = self.counts[CTL_DOCTOR_PROBLEM];
    const size_t warnings = self.counts[CTL_DOCTOR_WARNING];
    ctl_note (run->out, "%zu checks: %zu problem%s, %zu warning%s", json_array_size (self.rows),
        problems, problems == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    run->exit_code = problems + warnings > 0 ? 1 : 0;
    ctl_doctor_fini (&self);
    return bg_ok ();
}
