/*  bugle op list, show and tail, and asking for rows.

    Not here: what a row looks like (op_view.c), retry and skip (op_change.c).  */
#include "ctl/op.h"

#include "ctl/choose.h"
#include "ctl/client.h"
#include "ctl/op_view.h"
#include "ctl/progress.h"
#include "ctl/targets_arg.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define LIST_DEFAULT 100
#define PAGE_MAX     1000
#define LOOK_MS      300 /*  between two looks of tail  */
#define AWAY_LOOKS   400 /*  a broker that is away is waited for so many looks  */

/*  ---- choosing ----  */

static uint64_t state_of (const char *word)
{
    uint64_t state = 1;
    while (wire_delivery_state_word (state) && strcmp (wire_delivery_state_word (state), word) != 0)
        state++;
    return state;
}

static uint64_t operation_of (const char *word)
{
    uint64_t operation = 1;
    while (wire_op_word (operation) && strcmp (wire_op_word (operation), word) != 0)
        operation++;
    return operation;
}

static uint64_t type_of (const char *word)
{
    static const struct {
        const char *word;
        uint64_t type;
    } types[] = {{"job", WIRE_TYPE_JOB}, {"schedule", WIRE_TYPE_SCHEDULE},
        {"calendar", WIRE_TYPE_CALENDAR}, {"switch", WIRE_TYPE_SWITCH},
        {"membership", WIRE_TYPE_MEMBERSHIP}, {"authority", WIRE_TYPE_AUTHORITY},
        {"order", WIRE_TYPE_DEED}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp (types[i].word, word) == 0)
            return types[i].type;
    return 0;
}

static bool takes (const ctl_run *run, ctl_option_id option)
{
    return ctl_command_takes (ctl_parsed_command (run->parsed), option) &&
           ctl_given (run->parsed, option);
}

bg_result ctl_op_query (ctl_run *run, wire_op_query *query, bool *is_given, bg_error *err)
{
    static const ctl_option_id options[] = {CTL_OPT_JOB, CTL_OPT_OPERATION, CTL_OPT_TYPE,
        CTL_OPT_OP_STATE, CTL_OPT_ERRORS, CTL_OPT_UNREAD, CTL_OPT_SINCE, CTL_OPT_UNTIL};
    const ctl_parsed *parsed = run->parsed;
    *query = (wire_op_query){0};
    BG_TRY (ctl_targets_arg (run, &query->to, &query->has_to, err));
    if (query->has_to)
        BG_TRY (ctl_targets_resolve (run, &query->to, err));
    *is_given = query->has_to;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        *is_given |= takes (run, options[i]);
    query->job = bg_slice_str (takes (run, CTL_OPT_JOB) ? ctl_text (parsed, CTL_OPT_JOB, "") : "");
    if (takes (run, CTL_OPT_OPERATION))
        query->operation = operation_of (ctl_text (parsed, CTL_OPT_OPERATION, ""));
    if (takes (run, CTL_OPT_TYPE))
        query->type = type_of (ctl_text (parsed, CTL_OPT_TYPE, ""));
    if (takes (run, CTL_OPT_OP_STATE))
        query->states = UINT64_C (1) << state_of (ctl_text (parsed, CTL_OPT_OP_STATE, ""));
    query->errors = takes (run, CTL_OPT_ERRORS);
    query->unread = takes (run, CTL_OPT_UNREAD);
    if (takes (run, CTL_OPT_SINCE))
        query->since_us = ctl_time_us (parsed, CTL_OPT_SINCE, 0);
    if (takes (run, CTL_OPT_UNTIL))
        query->until_us = ctl_time_us (parsed, CTL_OPT_UNTIL, 0);
    if (query->errors && query->unread)
        return bg_fail (err, BG_USAGE, "--errors and --unread exclude each other");
    return bg_ok ();
}

/*  ---- asking ----  */

bg_result ctl_op_each (ctl_run *run, wire_op_query *query, size_t limit, ctl_op_take *take,
    void *taker, bool *more, bg_error *err)
{
    ctl_client *client = NULL;
    size_t count = 0;
    BG_TRY (ctl_run_client (run, &client, err));
    for (*more = true; *more && count < limit;) {
        wire_ops *answer = NULL;
        query->limit = limit - count < PAGE_MAX ? limit - count : PAGE_MAX;
        BG_TRY (ctl_call (client, WIRE_OP_QUERY, query, WIRE_OPS, (void **) &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++)
            BG_TRY (take (taker, &answer->rows[i], err));
        count += answer->rows_count;
        *more = answer->more;
        query->after_us = answer->next_us;
        query->after_key = answer->next_key;
        query->after_number = answer->next_number;
    }
    return bg_ok ();
}

bg_result ctl_op_find (ctl_run *run, const char *id, const wire_op_row **row, bg_error *err)
{
    ctl_client *client = NULL;
    wire_ops *answer = NULL;
    const wire_op_query query = {.id = bg_slice_str (id)};
    const size_t digits = strspn (id, "0123456789");
    if (strlen (id) > 64 || digits == 0 || id[digits] != '-') {
        bg_ignore (bg_fail (err, BG_USAGE, "'%.60s' is no id of an instruction", id));
        return bg_hint (err, "it looks like 12-7gk2m9qx; see: bugle op list");
    }
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_OP_QUERY, &query, WIRE_OPS, (void **) &answer, err));
    if (answer->rows_count != 1)
        return bg_fail (err, BG_NOT_FOUND, "there is no instruction '%s'", id);
    *row = &answer->rows[0];
    return bg_ok ();
}

/*  ---- list, show ----  */

static bg_result list_row (void *taker, const wire_op_row *row, bg_error *err)
{
    (void) err;
    ctl_run *run = taker;
    ctl_list_row (run->out, ctl_op_json (row));
    return bg_ok ();
}

bg_result ctl_op_list (ctl_run *run, bg_error *err)
{
    wire_op_query query;
    bool is_given = false;
    bool more = false;
    size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, LIST_DEFAULT);
    BG_TRY (ctl_op_query (run, &query, &is_given, err));
    ctl_list_begin (run->out, "instructions", ctl_op_columns, ctl_op_column_count, "id");
    BG_TRY (ctl_op_each (run, &query, limit, list_row, run, &more, err));
    ctl_list_end (run->out, more, 0);
    return bg_ok ();
}

bg_result ctl_op_show (ctl_run *run, bg_error *err)
{
    const wire_op_row *row = NULL;
    BG_TRY (ctl_op_find (run, ctl_argument (run->parsed, 0), &row, err));
    ctl_object (
        run->out, "instruction", ctl_op_fields, ctl_op_field_count, "id", ctl_op_json (row));
    return bg_ok ();
}

/*  ---- tail ----  */

typedef struct {
    ctl_run *run;
    ctl_client *client;
    wire_op_tail tail;
    size_t left; /*  changes to be shown  */
    int away;    /*  looks since the broker answered  */
} tailing;

static void print_event (ctl_run *run, const wire_op_event *event)
{
    if (!ctl_is_human (run->out)) {
        json_t *object = ctl_op_json (&event->op);
        json_object_set_new (object, "at", ctl_json_time (event->at_us));
        ctl_object (run->out, "change", ctl_op_fields, ctl_op_field_count, "id", object);
        return;
    }
    BG_AUTO_BUF text = {0};
    ctl_op_line (event, ctl_output_get (run->out)->is_utc, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
}

static bool is_away (bg_result result)
{
    return result.code == BG_CLOSED || result.code == BG_UNREACHABLE || result.code == BG_TIMEOUT;
}

static bg_result come_back (tailing *self, bg_result why, bg_error *err)
{
    if (!is_away (why) || self->away++ > AWAY_LOOKS)
        return why;
    if (self->away == 1)
        ctl_note (self->run->out, "the broker does not answer; waiting for it");
    bg_result result = ctl_client_reconnect (self->client, INT64_C (1000000), err);
    return is_away (result) || result.code == BG_INTERRUPTED ? bg_ok () : result;
}

static bg_result look (tailing *self, bg_error *err)
{
    wire_op_events *events = NULL;
    bg_result result =
        ctl_call (self->client, WIRE_OP_TAIL, &self->tail, WIRE_OP_EVENTS, (void **) &events, err);
    if (bg_failed (result))
        return come_back (self, result, err);
    self->away = 0;
    if (events->missed > 0)
        ctl_warn (self->run->out, "changes were missed: more came than the broker remembers, or "
                                  "it was started again");
    for (size_t i = 0; i < events->events_count && self->left > 0; i++, self->left--)
        print_event (self->run, &events->events[i]);
    (void) fflush (ctl_output_get (self->run->out)->data);
    self->tail.after = events->next;
    return bg_ok ();
}

static bg_result follow (tailing *self, bg_error *err)
{
    while (self->left > 0 && !ctl_interrupt_came ()) {
        bg_result result = look (self, err);
        if (bg_failed (result) && result.code != BG_INTERRUPTED)
            return result;
        if (self->left > 0 && !ctl_interrupt_came ())
            (void) poll (NULL, 0, LOOK_MS);
    }
    if (self->left > 0)
        self->run->exit_code = bg_code_exit (BG_INTERRUPTED);
    return bg_ok ();
}

bg_result ctl_op_tail (ctl_run *run, bg_error *err)
{
    tailing self = {.run = run,
        .tail = {.has_which = true},
        .left = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, INT64_MAX)};
    bool is_given = false;
    BG_TRY (ctl_op_query (run, &self.tail.which, &is_given, err));
    BG_TRY (ctl_run_client (run, &self.client, err));
    ctl_interrupt_catch ();
    bg_result result = follow (&self, err);
    ctl_interrupt_release ();
    return result;
}
