/*  target doctor: both sides' beliefs side by side, what is wrong, and what cures it. What is wrong is found by target_findings.c;
    here the two sides are asked.  */
#include "ctl/target_findings.h"
#include "ctl/target.h"
#include "ctl/times.h"

#include <string.h>

static bg_result ask_one (ctl_run *run, bg_slice name, uint64_t what, bg_id after,
    wire_target_told **answer, bg_error *err)
{
    const wire_ask_target question = {
        .target = name, .has_ask = true, .ask = {.what = what, .after = after}};
    BG_TRY (ctl_call (
        run->client, WIRE_ASK_TARGET, &question, WIRE_TARGET_TOLD, (void **) answer, err));
    const wire_told *told = &(*answer)->told;
    if (bg_slice_is (told->code, "ok"))
        return bg_ok ();
    return bg_fail (err, bg_code_from_word ((const char *) told->code.data, told->code.size),
        "%.*s", BG_SLICE_ARG (told->message));
}

static bg_result ask_beliefs (ctl_run *run, ctl_both_sides *doctor, bg_error *err)
{
    wire_belief *all = NULL;
    size_t capacity = 0;
    bg_id after = {0};
    for (bool more = true; more;) {
        wire_target_told *answer = NULL;
        BG_TRY (ask_one (run, doctor->row->name, WIRE_ASK_BELIEFS, after, &answer, err));
        const wire_told *told = &answer->told;
        if (doctor->belief_count + told->beliefs_count > capacity) {
            capacity = 2 * (doctor->belief_count + told->beliefs_count);
            wire_belief *grown = bg_arena_array (&run->arena, wire_belief, capacity);
            for (size_t i = 0; i < doctor->belief_count; i++)
                grown[i] = all[i];
            all = grown;
        }
        for (size_t i = 0; i < told->beliefs_count; i++)
            all[doctor->belief_count++] = told->beliefs[i];
        more = told->more && told->beliefs_count > 0;
        if (more)
            after = told->beliefs[told->beliefs_count - 1].key;
    }
    doctor->beliefs = all;
    return bg_ok ();
}

/*  The target's side. That it does not answer is a finding, not a failure.  */
static void ask_target (ctl_run *run, ctl_both_sides *doctor)
{
    wire_target_told *answer = NULL;
    bg_error why = {0};
    if (!doctor->row->connected || doctor->row->defected_us != 0)
        return;
    bg_result result = ask_one (run, doctor->row->name, WIRE_ASK_STATE, (bg_id){0}, &answer, &why);
    if (bg_is_ok (result) && !answer->told.has_state)
        result = bg_fail (&why, BG_MALFORMED, "its answer says nothing");
    if (bg_is_ok (result))
        result = ask_beliefs (run, doctor, &why);
    if (bg_is_ok (result))
        doctor->state = &answer->told.state;
    else
        doctor->why = bg_arena_str (&run->arena, bg_slice_str (why.message));
}

/*  ---- printing ----  */

static const ctl_column side_columns[] = {
    {"what", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"broker", "BROKER", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"target", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"mark", "NOTE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

/*  How people read the beliefs that are more than a text or a count.  */
static const struct {
    const char *what;
    const char *shown;
    bool is_time; /*  else seconds  */
} forms[] = {
    {"polls every (s)", "polls every", false},
    {"last poll", "last poll", true},
    {"clock off by (s)", "clock off by", false},
};

static json_t *formed (const ctl_run *run, const json_t *value, bool is_time)
{
    BG_AUTO_BUF text = {0};
    int64_t utc_us = 0;
    if (!is_time && json_is_number (value))
        ctl_times_span ((int64_t) (json_number_value (value) * 1e6), &text);
    else if (is_time && json_is_string (value) &&
             bg_is_ok (
                 ctl_times_parse (bg_slice_str (json_string_value (value)), 0, &utc_us, NULL)))
        ctl_times_people (utc_us, ctl_output_get (run->out)->is_utc, &text);
    else
        return json_deep_copy (value);
    return json_string (bg_buf_cstr (&text));
}

static json_t *cell (const ctl_run *run, const char **what, const json_t *value)
{
    if (json_is_boolean (value))
        return json_string (json_is_true (value) ? "yes" : "no");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp (*what, forms[i].what) == 0 || strcmp (*what, forms[i].shown) == 0) {
            *what = forms[i].shown;
            return formed (run, value, forms[i].is_time);
        }
    return json_deep_copy (value);
}

/*  Rows as a table shows them: words for booleans, times and spans, a mark where the sides differ.  */
static json_t *marked (const ctl_run *run, const json_t *sides, bool *differ)
{
    json_t *rows = json_array ();
    *differ = false;
    for (size_t i = 0; i < json_array_size (sides); i++) {
        const json_t *row = json_array_get (sides, i);
        const bool same = json_is_true (json_object_get (row, "same"));
        const char *what = json_string_value (json_object_get (row, "what"));
        json_t *broker = cell (run, &what, json_object_get (row, "broker"));
        json_t *target = cell (run, &what, json_object_get (row, "target"));
        *differ |= !same;
        json_array_append_new (rows, json_pack ("{s:s, s:o, s:o, s:s}", "what", what, "broker",
                                         broker, "target", target, "mark", same ? "-" : "differs"));
    }
    return rows;
}

static void print_findings (ctl_run *run, const ctl_finding *findings, size_t count, bool is_well)
{
    ctl_print (run->out, "\n");
    for (size_t i = 0; i < count; i++) {
        ctl_print (
            run->out, "%s %s\n", findings[i].is_wrong ? "wrong:" : "note: ", findings[i].what);
        if (findings[i].cure != NULL)
            ctl_print (run->out, "       %s\n", findings[i].cure);
    }
    if (is_well)
        ctl_print (run->out, "nothing is wrong\n");
}

static json_t *findings_json (const ctl_finding *findings, size_t count)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < count; i++)
        json_array_append_new (list,
            json_pack ("{s:s, s:s, s:s?}", "severity", findings[i].is_wrong ? "wrong" : "note",
                "what", findings[i].what, "cure", findings[i].cure));
    return list;
}

static void print (ctl_run *run, const ctl_both_sides *doctor)
{
    ctl_finding *findings = NULL;
    const size_t count = ctl_target_find (doctor, &findings);
    const bool is_well = count == 0 || !findings[0].is_wrong;
    json_t *sides = ctl_target_sides (doctor);
    if (ctl_is_human (run->out)) {
        bool differ = false;
        json_t *rows = marked (run, sides, &differ);
        BG_AUTO_BUF name = {0};
        ctl_clean (doctor->row->name, false, &name);
        ctl_print (run->out, "%s\n", bg_buf_cstr (&name));
        ctl_section (run->out, NULL, side_columns, differ ? 4 : 3, rows);
        json_decref (rows);
        json_decref (sides);
        if (doctor->state == NULL && doctor->row->defected_us == 0)
            ctl_print (run->out, "\nonly the broker's side is known\n");
        print_findings (run, findings, count, is_well);
    } else {
        json_t *object = json_pack ("{s:o, s:b, s:b, s:o, s:o}", "name",
            ctl_json_slice (doctor->row->name), "well", is_well, "answered", doctor->state != NULL,
            "sides", sides, "findings", findings_json (findings, count));
        bg_assert (object != NULL);
        ctl_object (run->out, "doctor", NULL, 0, "name", object);
    }
    run->exit_code = is_well ? 0 : 1;
}

bg_result ctl_target_doctor (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    ctl_target_rows found;
    bg_slice name = bg_slice_str (ctl_argument (run->parsed, 0));
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_targets_named (run, &name, 1, &found, err));
    if (found.count == 0)
        return bg_fail (err, BG_NOT_FOUND, "there is no target '%.*s'", BG_SLICE_ARG (name));
    ctl_both_sides doctor = {.row = &found.rows[0],
        .authority = ctl_client_welcome (client)->authority,
        .now_us = ctl_client_now_us (client),
        .arena = &run->arena};
    ask_target (run, &doctor);
    print (run, &doctor);
    return bg_ok ();
}
