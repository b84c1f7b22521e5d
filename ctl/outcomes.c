/*  Outcomes of executions: see outcomes.h.

    Invariant: each target of the execution stands in exactly one group.
*/
#include "ctl/outcomes.h"

#include "ctl/client.h"
#include "ctl/exec_view.h"
#include "ctl/fold.h"
#include "ctl/history_view.h"
#include "ctl/target.h"

#include <inttypes.h>
#include <stdlib.h>

#define RUNS_MAX 1000000

/*  ---- asking ----  */

static int by_target (const void *a, const void *b)
{
    const wire_history_row *left = *(const wire_history_row *const *) a;
    const wire_history_row *right = *(const wire_history_row *const *) b;
    const int order = bg_slice_compare (left->target, right->target);
    return order ? order : (left < right ? -1 : left > right);
}

/*  The newest run of each target stands first among its own.  */
static const wire_history_row *row_of (
    const wire_history_row *const *rows, size_t count, bg_slice target)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (bg_slice_compare (rows[middle]->target, target) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && bg_slice_equal (rows[low]->target, target) ? rows[low] : NULL;
}

static ctl_outcome *add (ctl_run *run, ctl_outcomes *out)
{
    if (out->count == out->capacity) {
        const size_t capacity = out->capacity ? 2 * out->capacity : 64;
        ctl_outcome *items = bg_arena_array (&run->arena, ctl_outcome, capacity);
        if (out->count > 0)
            memcpy (items, out->items, out->count * sizeof *items);
        out->items = items;
        out->capacity = capacity;
    }
    return &out->items[out->count++];
}

bg_result ctl_outcomes_add (ctl_run *run, bg_id exec, ctl_outcomes *out, bg_error *err)
{
    const wire_history_query runs = {.exec = exec, .output = true};
    const wire_target_query targets = {.exec = exec, .defected = true};
    ctl_history_rows found = {0};
    ctl_target_rows chosen = {0};
    BG_TRY (ctl_history_fetch (run, &runs, RUNS_MAX, &found, err));
    BG_TRY (ctl_targets_fetch (run, &targets, 0, &chosen, err));
    const wire_history_row **rows =
        bg_arena_array (&run->arena, const wire_history_row *, found.count + 1);
    for (size_t i = 0; i < found.count; i++)
        rows[i] = &found.rows[i];
    if (found.count > 0)
        qsort (rows, found.count, sizeof *rows, by_target);
    for (size_t i = 0; i < chosen.count; i++) {
        const wire_target_row *target = &chosen.rows[i];
        const wire_history_row *row = row_of (rows, found.count, target->name);
        /*  Canceled before it began: that it did not run says no more.  */
        if (row && target->exec_state == WIRE_EXEC_CANCELED && row->run.state == WIRE_RUN_NOT_RUN)
            row = NULL;
        *add (run, out) = (ctl_outcome){target->name, target->exec_state, row, exec};
    }
    return bg_ok ();
}

/*  ---- groups ----  */

typedef struct {
    const ctl_outcome *outcome;
    bg_slice text; /*  output, in the run's arena  */
    wire_exec_group label;
} piece;

static bg_slice output_of (ctl_run *run, const ctl_outcome *outcome)
{
    BG_AUTO_BUF text = {0};
    const wire_run *ran = outcome->row ? &outcome->row->run : NULL;
    for (size_t i = 0; ran && i < ran->steps_count; i++) {
        const wire_step_result *step = &ran->steps[i];
        if (ran->steps_count > 1)
            bg_buf_printf (&text, "-- step %.*s --\n", BG_SLICE_ARG (step->name));
        const size_t before = text.size;
        ctl_step_output (step, &text);
        if (text.size == before && step->message.size > 0)
            bg_buf_append_slice (&text, step->message);
        if (text.size > before && text.data[text.size - 1] != '\n')
            bg_buf_append_byte (&text, '\n');
    }
    if (ran && text.size == 0 && ran->message.size > 0)
        bg_buf_printf (&text, "%.*s\n", BG_SLICE_ARG (ran->message));
    return bg_arena_copy (&run->arena, bg_buf_slice (&text));
}

static bg_slice result_of (ctl_run *run, const wire_step_result *step)
{
    if (!step)
        return (bg_slice){0};
    if (step->timed_out)
        return bg_slice_str ("timeout");
    if (step->signal)
        return bg_arena_printf (&run->arena, "signal %" PRIu64, step->signal);
    return bg_arena_printf (&run->arena, "exit %" PRId64, step->exit_code);
}

static wire_exec_group label_of (ctl_run *run, const ctl_outcome *outcome)
{
    static const uint64_t states[] = {
        [WIRE_EXEC_PENDING] = WIRE_RUN_NOT_RUN,
        [WIRE_EXEC_RUNNING] = WIRE_RUN_RUNNING,
        [WIRE_EXEC_SUCCEEDED] = WIRE_RUN_SUCCEEDED,
        [WIRE_EXEC_FAILED] = WIRE_RUN_FAILED,
        [WIRE_EXEC_CANCELED] = WIRE_RUN_CANCELED,
        [WIRE_EXEC_INTERRUPTED] = WIRE_RUN_INTERRUPTED,
        [WIRE_EXEC_NOT_RUN] = WIRE_RUN_NOT_RUN,
        [WIRE_EXEC_SILENT] = WIRE_RUN_NOT_RUN,
    };
    const wire_run *ran = outcome->row ? &outcome->row->run : NULL;
    const bool is_known = outcome->state < sizeof states / sizeof *states;
    wire_exec_group label = {.state = is_known ? states[outcome->state] : WIRE_RUN_NOT_RUN};
    if (outcome->state == WIRE_EXEC_PENDING)
        label.reason = bg_slice_str ("pending");
    else if (outcome->state == WIRE_EXEC_SILENT)
        label.reason = bg_slice_str ("silent");
    else if (ran && outcome->state == WIRE_EXEC_NOT_RUN)
        label.reason = ran->reason;
    else if (ran && outcome->state != WIRE_EXEC_CANCELED)
        label.result = result_of (run, ctl_run_culprit (ran));
    return label;
}

static int by_result (const void *a, const void *b)
{
    const piece *left = a;
    const piece *right = b;
    int order = ctl_exec_badness (&left->label) - ctl_exec_badness (&right->label);
    if (order == 0)
        order = bg_slice_compare (left->label.reason, right->label.reason);
    if (order == 0)
        order = bg_slice_compare (left->label.result, right->label.result);
    if (order == 0)
        order = bg_slice_compare (left->text, right->text);
    return order ? order : (left->outcome < right->outcome ? -1 : left->outcome > right->outcome);
}

static bool is_same (const piece *a, const piece *b)
{
    return ctl_exec_badness (&a->label) == ctl_exec_badness (&b->label) &&
           bg_slice_equal (a->label.reason, b->label.reason) &&
           bg_slice_equal (a->label.result, b->label.result) && bg_slice_equal (a->text, b->text);
}

static void print_group (ctl_run *run, const piece *pieces, size_t count, bool is_first)
{
    BG_AUTO_BUF text = {0};
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, count);
    for (size_t i = 0; i < count; i++)
        names[i] = pieces[i].outcome->target;
    bg_buf_printf (&text, "%s== ", is_first ? "" : "\n");
    ctl_fold (names, count, count, 0, &text);
    bg_buf_append_str (&text, ": ");
    ctl_exec_group_label (&pieces[0].label, &text);
    if (count > 1)
        bg_buf_printf (&text, " (%zu targets)", count);
    bg_buf_append_str (&text, " ==\n");
    ctl_print_slice (run->out, bg_buf_slice (&text));
    bg_buf_clear (&text);
    ctl_clean (pieces[0].text, true, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
}

void ctl_outcomes_print (ctl_run *run, const ctl_outcomes *outcomes)
{
    piece *pieces = bg_arena_array (&run->arena, piece, outcomes->count + 1);
    for (size_t i = 0; i < outcomes->count; i++) {
        const ctl_outcome *outcome = &outcomes->items[i];
        pieces[i] = (piece){outcome, output_of (run, outcome), label_of (run, outcome)};
    }
    if (outcomes->count > 0)
        qsort (pieces, outcomes->count, sizeof *pieces, by_result);
    for (size_t i = 0; i < outcomes->count;) {
        size_t count = 1;
        while (i + count < outcomes->count && is_same (&pieces[i], &pieces[i + count]))
            count++;
        print_group (run, pieces + i, count, i == 0);
        i += count;
    }
}

/*  ---- rows ----  */

json_t *ctl_outcome_json (const ctl_outcome *outcome)
{
    if (outcome->row)
        return ctl_history_json (outcome->row);
    const wire_history_row none = {.target = outcome->target, .run = {.exec = outcome->exec}};
    json_t *object = ctl_history_json (&none);
    const char *word = wire_exec_state_word (outcome->state);
    json_object_set_new (object, "state", json_string (word ? word : "unknown"));
    json_object_set_new (object, "job", json_null ());
    return object;
}

void ctl_outcomes_list_begin (ctl_run *run, const ctl_outcomes *outcomes)
{
    ctl_list_begin (run->out, "results", ctl_history_columns, ctl_history_column_count, "target");
    for (size_t i = 0; i < outcomes->count; i++)
        ctl_list_row (run->out, ctl_outcome_json (&outcomes->items[i]));
}
