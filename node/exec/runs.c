/*  Runs: open from the intent until there is an outcome, finished until the node has taken it.

        intent ----> (waiting: queue.c) ----> open ----> finished ----> (gone)
                                               run file:    node: taken
                                               END or no
                                               supervisor

    What became of a run stands in its file alone; after a restart files are read again. So the
    log holds just the intent, the turn of one that waited and, in the end, that it is closed.
*/
#include "node/exec/core_private.h"

#include <stdlib.h>

#define STEPS_MAX 128 /*  of a report; the first and last half stay  */

/*  ---- changes ----  */

static void free_run (exec_run *run)
{
    exec_blob_free (&run->intent);
    exec_blob_free (&run->turn);
    exec_blob_free (&run->outcome);
}

/*  Older logs only say when it was due.  */
static int64_t occurrence_ends_us (const wire_record_intent *record)
{
    const int64_t until_us =
        record->deed_expires_us ? record->deed_expires_us : record->run.nominal_us;
    return until_us + EXEC_KEEP_DONE_US;
}

static void count_start (exec_core *self, const wire_record_intent *record)
{
    const wire_run *run = &record->run;
    const bool is_by_own_deed = !bg_id_is_zero (record->deed);
    const bool is_scheduled = bg_id_is_zero (run->exec) && !is_by_own_deed;
    /*  A one-shot job has one start in its life: its key is done with it.  */
    if (record->one_shot_until_us)
        exec_put_done (self, run->job_key, record->one_shot_until_us, false, 0);
    else
        exec_bucket_add (self, run->job_key, run->started_us, is_scheduled, record->local);
    exec_done *done;
    if (is_by_own_deed)
        done = exec_put_done (
            self, record->deed, record->deed_expires_us + EXEC_KEEP_DONE_US, true, 0);
    else if (is_scheduled)
        done = exec_put_done (self, run->occurrence, occurrence_ends_us (record), true, 0);
    else
        done = exec_put_done (self, run->exec, record->deed_expires_us, false, 0);
    done->is_local = record->local || is_by_own_deed;
}

/*  What is open then ends for the new one; when that happened before, its file says how it ended.  */
static void mark_replaced (exec_core *self, const exec_run *by)
{
    for (size_t i = 0; i < self->runs.count; i++) {
        exec_run *run = exec_table_at (&self->runs, i);
        if (run != by && !run->outcome.size && bg_id_equal (run->job_key, by->job_key))
            run->replaced_by = by->id;
    }
}

void exec_apply_intent (exec_core *self, const wire_record_intent *record, bg_slice blob)
{
    const wire_run *from = &record->run;
    /*  What a local START began counts by when it began: its own time is not the broker's.  */
    const bool is_by_broker = !bg_id_is_zero (from->exec);
    exec_run *run = exec_table_put (&self->runs, from->run);
    free_run (run);
    run->job_key = from->job_key;
    run->job_version = from->job_version;
    run->exec = from->exec;
    run->order = ++self->accepted;
    run->turn_us = 0;
    run->is_waiting = record->queued_plan.size > 0;
    run->began_us = is_by_broker ? record->deed_issued_us : record->began_us;
    run->is_local = record->local;
    run->is_stopped = false;
    uint8_t *copy = bg_alloc (blob.size);
    memcpy (copy, blob.data, blob.size);
    run->intent = bg_slice_of (copy, blob.size);
    if (record->replaces)
        mark_replaced (self, run);
    count_start (self, record);
}

void exec_apply_closed (exec_core *self, bg_id id)
{
    exec_run *run = exec_table_find (&self->runs, id);
    if (!run)
        return;
    free_run (run);
    exec_table_drop (&self->runs, id);
}

void exec_runs_fini (exec_core *self)
{
    for (size_t i = 0; i < self->runs.count; i++)
        free_run (exec_table_at (&self->runs, i));
    exec_table_fini (&self->runs);
}

/*  ---- questions ----  */

static bool is_begun (const exec_run *run)
{
    return !run->outcome.size && !run->is_waiting && !run->is_starting;
}

bool exec_core_next_run (const exec_core *self, bg_id after, bg_id *id)
{
    for (size_t i = exec_table_after (&self->runs, after); i < self->runs.count; i++) {
        const exec_run *run = exec_table_at (&self->runs, i);
        if (is_begun (run)) {
            *id = run->id;
            return true;
        }
    }
    return false;
}

bool exec_core_is_open (const exec_core *self, bg_id id)
{
    const exec_run *run = exec_table_find (&self->runs, id);
    return run && is_begun (run);
}

bool exec_core_has_run (const exec_core *self, bg_id run)
{
    return exec_table_find (&self->runs, run) != NULL;
}

const wire_record_intent *exec_read_record (const exec_run *run, bg_arena *arena)
{
    wire_header header;
    void *value = NULL;
    bg_result result = wire_inner_decode (run->intent, arena, &header, &value, NULL);
    bg_assert (bg_is_ok (result) &&
               header.kind == WIRE_RECORD_INTENT); /*  it came through this codec before  */
    return value;
}

/*  The run as it was written into the intent; when its turn has come, it runs since then.  */
static wire_run read_intent (const exec_run *run, bg_arena *arena)
{
    wire_run value = exec_read_record (run, arena)->run;
    if (run->turn_us) {
        value.state = WIRE_RUN_RUNNING;
        value.started_us = run->turn_us;
    }
    return value;
}

void exec_recount_runs (exec_core *self)
{
    for (size_t i = 0; i < self->runs.count; i++) {
        BG_AUTO_ARENA arena = {0};
        exec_run *run = exec_table_at (&self->runs, i);
        run->is_foreign = run->is_waiting && !run->is_local;
        if (!run->is_local)
            count_start (self, exec_read_record (run, &arena));
    }
}

void exec_send_run (exec_core *self, const exec_run *run, uint64_t peer, bg_id request)
{
    BG_AUTO_ARENA arena = {0};
    wire_exec_run message = {.has_run = true};
    if (run->outcome.size) {
        bg_result result =
            WIRE_DECODE (run, run->outcome, WIRE_AS_MESSAGE, &arena, &message.run, NULL);
        bg_assert (bg_is_ok (result));
    } else {
        message.run = read_intent (run, &arena);
    }
    exec_reply (self, peer, WIRE_EXEC_RUN, request, &message);
}

bool exec_run_is_stopped (const exec_core *self, const exec_run *run)
{
    return run->is_stopped || exec_is_stopped (self, run->job_key, run->exec, run->began_us);
}

bool exec_is_covered (const exec_core *self, const exec_run *run)
{
    return !run->outcome.size &&
           (!bg_id_is_zero (run->replaced_by) || exec_run_is_stopped (self, run));
}

/*  ---- outcomes ----  */

static size_t report_size (const wire_run *run, size_t *output_bytes)
{
    size_t other = 1024 + run->message.size;
    *output_bytes = 0;
    for (size_t i = 0; i < run->steps_count; i++) {
        const wire_step_result *step = &run->steps[i];
        *output_bytes += step->head.size + step->tail.size;
        other += step->name.size + step->message.size + 96;
    }
    return other;
}

/*  Output of a run within its limit: the longest pieces are cut first, heads at their end and
    tails at their beginning; the exact counts stay. level is the size down to which pieces are
    cut.  */
static void cut_output (wire_run *run, size_t limit)
{
    size_t low = 0;
    size_t high = limit;
    while (low < high) {
        size_t level = low + (high - low + 1) / 2;
        size_t sum = 0;
        for (size_t i = 0; i < run->steps_count; i++) {
            const wire_step_result *step = &run->steps[i];
            sum += (step->head.size < level ? step->head.size : level) +
                   (step->tail.size < level ? step->tail.size : level);
        }
        if (sum <= limit)
            low = level;
        else
            high = level - 1;
    }
    for (size_t i = 0; i < run->steps_count; i++) {
        wire_step_result *step = &run->steps[i];
        if (step->head.size > low)
            step->head.size = low;
        if (step->tail.size > low)
            step->tail = bg_slice_of (step->tail.data + (step->tail.size - low), low);
    }
}

static void fit_report (wire_run *run, size_t output_limit)
{
    if (run->steps_count > STEPS_MAX) {
        memmove (run->steps + STEPS_MAX / 2, run->steps + run->steps_count - STEPS_MAX / 2,
            STEPS_MAX / 2 * sizeof *run->steps);
        run->steps_count = STEPS_MAX;
    }
    size_t output_bytes = 0;
    size_t other = report_size (run, &output_bytes);
    size_t room = other < EXEC_REPORT_BYTES ? EXEC_REPORT_BYTES - other : 0;
    size_t limit = output_limit < room ? output_limit : room;
    if (output_bytes > limit)
        cut_output (run, limit);
}

static void set_outcome (exec_run *run, const wire_run *outcome)
{
    bg_buf encoded = {0};
    WIRE_ENCODE (run, outcome, &encoded);
    run->outcome = bg_slice_of (encoded.data, encoded.size);
}

void exec_run_never_ran (exec_run *run, const wire_record_turn *turn)
{
    BG_AUTO_ARENA arena = {0};
    wire_run outcome = exec_read_record (run, &arena)->run;
    outcome.state = turn->state;
    outcome.reason = turn->reason;
    outcome.message = turn->message;
    outcome.finished_us = turn->at_us;
    set_outcome (run, &outcome);
}

static void finish (exec_core *self, exec_run *run, wire_run *outcome, size_t output_limit)
{
    fit_report (outcome, output_limit);
    set_outcome (run, outcome);
    exec_log (self, EXEC_SAY_INFO, "run-ended", "run=%s job=\"%.*s\" state=%s",
        bg_id_short (run->id).text, BG_SLICE_ARG (outcome->job_name),
        wire_run_state_word (outcome->state));
    if (self->node)
        exec_send_run (self, run, self->node, (bg_id){{0}});
}

/*  What a file says, gathered from its records.  */
typedef struct {
    const wire_plan *plan;
    const wire_record_end *end;
    wire_step_result *steps;
    size_t step_count;
} found;

/*  Under --home the steps run as the user who owns the files of runs: what no supervisor writes is left
    out.  */
static bool is_final_step (const wire_record_step *step)
{
    return step->result.state >= WIRE_RESULT_SUCCEEDED &&
           step->result.state <= WIRE_RESULT_INTERRUPTED;
}

static bool is_final (const wire_record_end *end)
{
    return end && end->state >= WIRE_RUN_SUCCEEDED && end->state <= WIRE_RUN_INTERRUPTED;
}

static void read_records (const bg_slice *records, size_t count, bg_arena *arena, found *out)
{
    out->steps = bg_arena_array (arena, wire_step_result, count + 1);
    for (size_t i = 0; i < count && !out->end; i++) {
        wire_header header;
        void *value = NULL;
        if (bg_failed (wire_inner_decode (records[i], arena, &header, &value, NULL)))
            return; /*  what stands behind a broken record says nothing  */
        if (header.kind == WIRE_RECORD_PLAN)
            out->plan = value;
        else if (header.kind == WIRE_RECORD_STEP && is_final_step (value))
            out->steps[out->step_count++] = ((wire_record_step *) value)->result;
        else if (header.kind == WIRE_RECORD_END)
            out->end = value;
    }
}

/*  A supervisor only knows that it was told to stop.  */
static void tell_replaced (
    const exec_core *self, const exec_run *run, bg_arena *arena, wire_run *outcome)
{
    if (outcome->state != WIRE_RUN_CANCELED || bg_id_is_zero (run->replaced_by) ||
        exec_run_is_stopped (self, run))
        return;
    outcome->reason = bg_slice_str ("overlap");
    outcome->message = bg_arena_printf (
        arena, "replaced by run %s of the job", bg_id_short (run->replaced_by).text);
}

void exec_core_run_file (
    exec_core *self, bg_now now, bg_id id, const bg_slice *records, size_t count, bool alive)
{
    exec_run *run = exec_table_find (&self->runs, id);
    if (!run || run->outcome.size || run->is_waiting)
        return;
    BG_AUTO_ARENA arena = {0};
    found file = {0};
    read_records (records, count, &arena, &file);
    if (!file.end && alive)
        return;
    wire_run outcome = read_intent (run, &arena);
    outcome.steps = file.steps;
    outcome.steps_count = file.step_count;
    if (is_final (file.end)) {
        outcome.state = file.end->state;
        outcome.reason = file.end->reason;
        outcome.message = file.end->message;
        outcome.finished_us = file.end->finished_us;
        tell_replaced (self, run, &arena, &outcome);
    } else {
        outcome.state = WIRE_RUN_INTERRUPTED;
        outcome.finished_us = now.utc_us;
        outcome.message =
            bg_slice_str (file.plan ? "the supervisor of this run ended without an outcome"
                                    : "nothing tells that the run's supervisor ever began");
    }
    exec_note_spent (self, run, exec_read_record (run, &arena), &outcome);
    finish (self, run, &outcome, file.plan ? (size_t) file.plan->run_bytes : EXEC_REPORT_BYTES);
    exec_take_turns (self, now);
}

void exec_spawn (exec_core *self, bg_id id, bg_slice plan)
{
    exec_run *run = exec_table_find (&self->runs, id);
    bg_assert (run && !run->is_waiting);
    run->is_starting = true;
    self->ports.spawn (self->ports.ctx, id, plan);
}

void exec_core_spawned (exec_core *self, bg_id id)
{
    exec_run *run = exec_table_find (&self->runs, id);
    if (run)
        run->is_starting = false;
}

void exec_core_spawn_failed (exec_core *self, bg_now now, bg_id id, const bg_error *why)
{
    exec_run *run = exec_table_find (&self->runs, id);
    if (!run || run->outcome.size || run->is_waiting)
        return;
    BG_AUTO_ARENA arena = {0};
    wire_run outcome = read_intent (run, &arena);
    outcome.state = WIRE_RUN_FAILED;
    outcome.finished_us = now.utc_us;
    outcome.message =
        wire_fit_text (bg_arena_printf (&arena, "the run could not be started: %s", why->message),
            512, true, &arena);
    finish (self, run, &outcome, 0);
    exec_take_turns (self, now);
}

void exec_taken (exec_core *self, bg_id id)
{
    exec_run *run = exec_table_find (&self->runs, id);
    if (!run || !run->outcome.size)
        return; /*  taken before, or a node that is ahead of itself  */
    wire_record_closed record = {id};
    exec_append (self, WIRE_RECORD_CLOSED, &record, false);
    exec_apply_closed (self, id);
    self->ports.discard (self->ports.ctx, id);
}

/*  ---- stopping ----  */

void exec_mark_stopped (exec_core *self, bg_id job_key)
{
    for (size_t i = 0; i < self->runs.count; i++) {
        exec_run *run = exec_table_at (&self->runs, i);
        if (!run->outcome.size && bg_id_equal (run->job_key, job_key))
            run->is_stopped = true;
    }
}

size_t exec_stop_runs (exec_core *self, bg_now now, bg_id job_key)
{
    size_t count = 0;
    for (size_t i = 0; i < self->runs.count; i++) {
        exec_run *run = exec_table_at (&self->runs, i);
        if (!bg_id_equal (run->job_key, job_key) || !exec_is_covered (self, run))
            continue;
        if (run->is_waiting)
            exec_cancel_waiting (self, now, run);
        else
            self->ports.supervisor_stop (self->ports.ctx, run->id, "stop");
        count++;
    }
    return count;
}

void exec_core_supervisor_here (exec_core *self, bg_now now, bg_id id)
{
    (void) now;
    const exec_run *run = exec_table_find (&self->runs, id);
    if (run && exec_is_covered (self, run))
        self->ports.supervisor_stop (self->ports.ctx, id, "stop");
}
