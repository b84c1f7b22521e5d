/*  Executions: one START or STOP over many targets, from issue to the last outcome.

        addressed --(taken up, or refused)--> begun --(outcome)--> over
            |\--(expires before that)--> silent        (a late outcome still counts)
             \--(a STOP of the execution)--> over, canceled    (if it ran all the same, so does that)

    A target is in begun from the moment it need not be told again. The execution is done when
    everybody addressed is over, or when it expired and all who had begun are over; 24 h after it
    expired it is done in any case.

    Invariants: over is a subset of begun, begun of addressed; the counters are the sizes of the
    sets; every target's deeds is the number of executions that are pending for it.  */
#include "broker/core/rooms.h"

#define DROP_AFTER_US BG_MIN (1)
#define FLAG_EXPIRED  1u
#define FLAG_ONE_SHOT 2u
#define FLAG_CANCELED 4u /*  the id of the STOP follows the flags, and a fourth set the others  */

/*  ---- memory and store ----  */

void broker_execution_record_of (
    const broker_execution *execution, bg_buf *bitmaps, broker_execution_record *record)
{
    bool is_canceled = broker_id_is_key (execution->canceled_by);
    bg_buf_append_byte (bitmaps,
        (uint8_t) ((execution->expired ? FLAG_EXPIRED : 0) |
                   (execution->one_shot ? FLAG_ONE_SHOT : 0) | (is_canceled ? FLAG_CANCELED : 0)));
    if (is_canceled)
        bg_buf_append (bitmaps, execution->canceled_by.bytes, sizeof execution->canceled_by.bytes);
    broker_bitmap_encode (&execution->addressed, bitmaps);
    broker_bitmap_encode (&execution->begun, bitmaps);
    broker_bitmap_encode (&execution->over, bitmaps);
    if (is_canceled)
        broker_bitmap_encode (&execution->canceled, bitmaps);
    *record = (broker_execution_record){.id = execution->id,
        .what = execution->what,
        .job_key = execution->job_key,
        .job_name = bg_slice_str (execution->job_name),
        .login = bg_slice_str (execution->login),
        .reason = bg_slice_str (execution->reason),
        .issued_us = execution->issued_us,
        .expires_us = execution->expires_us,
        .signed_bytes = bg_slice_of (execution->bytes, execution->size),
        .targets = execution->targets,
        .begun = execution->begun_count,
        .over = execution->over_count,
        .silent = execution->silent,
        .done_us = execution->done_us,
        .bitmaps = bg_buf_slice (bitmaps)};
    memcpy (record->counts, execution->counts, sizeof record->counts);
}

void broker_execution_marks (bg_slice bitmaps, bool *one_shot, bg_id *canceled_by)
{
    *one_shot = bitmaps.size > 0 && (bitmaps.data[0] & FLAG_ONE_SHOT) != 0;
    *canceled_by = (bg_id){{0}};
    if (bitmaps.size > sizeof canceled_by->bytes && (bitmaps.data[0] & FLAG_CANCELED) != 0)
        memcpy (canceled_by->bytes, bitmaps.data + 1, sizeof canceled_by->bytes);
}

bg_result broker_execution_decode (broker_execution *execution, bg_slice bytes, bg_error *err)
{
    if (bytes.size == 0)
        return bg_ok ();
    broker_execution_marks (bytes, &execution->one_shot, &execution->canceled_by);
    bool is_canceled = broker_id_is_key (execution->canceled_by);
    size_t flags = 1 + (is_canceled ? sizeof execution->canceled_by.bytes : 0);
    execution->expired = (bytes.data[0] & FLAG_EXPIRED) != 0;
    bytes = bg_slice_of (bytes.data + flags, bytes.size - flags);
    BG_TRY (broker_bitmap_decode (&execution->addressed, &bytes, err));
    BG_TRY (broker_bitmap_decode (&execution->begun, &bytes, err));
    BG_TRY (broker_bitmap_decode (&execution->over, &bytes, err));
    return is_canceled ? broker_bitmap_decode (&execution->canceled, &bytes, err) : bg_ok ();
}

bg_result broker_execution_load (broker_core *self, const broker_execution_record *record,
    broker_execution **execution_p, bg_error *err)
{
    broker_execution *execution = bg_alloc (sizeof *execution);
    execution->id = record->id;
    execution->what = record->what;
    execution->job_key = record->job_key;
    execution->job_name = bg_slice_dup (record->job_name);
    execution->login = bg_slice_dup (record->login);
    execution->reason = bg_slice_dup (record->reason);
    execution->issued_us = record->issued_us;
    execution->expires_us = record->expires_us;
    execution->bytes = (uint8_t *) bg_slice_dup (record->signed_bytes);
    execution->size = record->signed_bytes.size;
    execution->targets = record->targets;
    execution->begun_count = record->begun;
    execution->over_count = record->over;
    execution->silent = record->silent;
    memcpy (execution->counts, record->counts, sizeof execution->counts);
    execution->done_us = record->done_us;
    HASH_ADD (hh, self->executions, id, sizeof execution->id, execution);
    bg_result result = broker_execution_decode (execution, record->bitmaps, err);
    if (bg_failed (result)) {
        broker_execution_free (self, execution);
        return result;
    }
    *execution_p = execution;
    return bg_ok ();
}

static void drop_watchers (broker_core *self, broker_execution *execution)
{
    while (execution->watchers) {
        broker_watcher *watcher = execution->watchers;
        execution->watchers = watcher->next;
        free (watcher);
        self->watchers--;
    }
}

void broker_execution_free (broker_core *self, broker_execution *execution)
{
    HASH_DEL (self->executions, execution);
    drop_watchers (self, execution);
    broker_bitmap_fini (&execution->addressed);
    broker_bitmap_fini (&execution->begun);
    broker_bitmap_fini (&execution->over);
    broker_bitmap_fini (&execution->canceled);
    free (execution->job_name);
    free (execution->login);
    free (execution->reason);
    free (execution->bytes);
    free (execution);
}

bg_result broker_execution_get (
    broker_core *self, bg_now now, bg_id id, broker_execution **execution_p, bg_error *err)
{
    broker_execution *execution = NULL;
    HASH_FIND (hh, self->executions, &id, sizeof id, execution);
    if (!execution) {
        BG_AUTO_ARENA arena = {0};
        broker_execution_record record;
        bool found = false;
        BG_TRY (self->store->execution_get (self->store->ctx, id, &arena, &record, &found, err));
        if (found)
            BG_TRY (broker_execution_load (self, &record, &execution, err));
    }
    if (execution)
        execution->touched_mono_us = now.mono_us;
    *execution_p = execution;
    return bg_ok ();
}

/*  Done ones are only a cache.  */
void broker_executions_drop (broker_core *self, bg_now now)
{
    for (broker_execution *execution = self->executions, *next; execution; execution = next) {
        next = execution->hh.next;
        if (execution->done_us != 0 && !execution->dirty && !execution->watchers &&
            now.mono_us - execution->touched_mono_us > DROP_AFTER_US)
            broker_execution_free (self, execution);
    }
}

/*  ---- changes ----  */

static void touch (broker_core *self, broker_execution *execution)
{
    if (execution->watchers) {
        execution->watch_due = true;
        self->watch_mono_us = 0;
    }
    if (execution->dirty)
        return;
    execution->dirty = true;
    execution->next_dirty = self->dirty_executions;
    self->dirty_executions = execution;
}

static void check_done (broker_core *self, bg_now now, broker_execution *execution)
{
    if (execution->done_us != 0 || execution->over_count < execution->begun_count ||
        (!execution->expired && execution->begun_count < execution->targets))
        return;
    execution->done_us = now.utc_us;
    broker_log (self, BROKER_LOG_INFO, "execution-done", "%s of '%s': %u of %u over, %u silent, %s",
        wire_deed_word (execution->what), execution->job_name, execution->over_count,
        execution->targets, execution->silent, bg_id_text (execution->id).text);
}

bool broker_execution_is_pending (const broker_execution *execution, uint32_t number)
{
    return execution->done_us == 0 && !execution->expired &&
           broker_bitmap_has (&execution->addressed, number) &&
           !broker_bitmap_has (&execution->begun, number);
}

static void begin (broker_execution *execution, broker_target *target)
{
    if (!broker_bitmap_set (&execution->begun, target->number))
        return;
    execution->begun_count++;
    if (execution->expired) {
        bg_assert (execution->silent > 0);
        execution->silent--;
    } else {
        bg_assert (target->deeds > 0);
        target->deeds--;
    }
}

/*  Of an execution that is done nothing is waited for: who begins after that stays silent until there
    is an outcome, since nobody would look after a run that is never heard of again.  */
void broker_execution_begun (
    broker_core *self, bg_now now, broker_execution *execution, broker_target *target)
{
    if (execution->done_us != 0 || !broker_bitmap_has (&execution->addressed, target->number) ||
        broker_bitmap_has (&execution->begun, target->number))
        return;
    begin (execution, target);
    touch (self, execution);
    check_done (self, now, execution);
}

/*  It had begun when it was canceled, and nobody here knew: what it says itself counts. That it did not
    run is what was said already.  */
static void ran_all_the_same (
    broker_core *self, broker_execution *execution, const broker_target *target, uint64_t state)
{
    if (state == WIRE_RUN_NOT_RUN || !broker_bitmap_has (&execution->canceled, target->number))
        return;
    broker_bitmap_clear (&execution->canceled, target->number);
    execution->counts[WIRE_RUN_CANCELED]--;
    execution->counts[state]++;
    touch (self, execution);
}

void broker_execution_over (broker_core *self, bg_now now, broker_execution *execution,
    broker_target *target, uint64_t state)
{
    bg_assert (state > WIRE_RUN_RUNNING && state < BROKER_RUN_STATES);
    if (!broker_bitmap_has (&execution->addressed, target->number))
        return;
    if (!broker_bitmap_set (&execution->over, target->number)) {
        ran_all_the_same (self, execution, target, state);
        return;
    }
    begin (execution, target);
    execution->over_count++;
    execution->counts[state]++;
    touch (self, execution);
    check_done (self, now, execution);
}

void broker_execution_cancel (broker_core *self, bg_now now, broker_execution *execution,
    const broker_bitmap *targets, bg_id by)
{
    execution->canceled_by = by;
    for (uint32_t number = broker_bitmap_next (targets, 0); number;
         number = broker_bitmap_next (targets, number)) {
        if (!broker_execution_is_pending (execution, number))
            continue;
        begin (execution, broker_target_at (self, number));
        broker_bitmap_set (&execution->over, number);
        broker_bitmap_set (&execution->canceled, number);
        execution->over_count++;
        execution->counts[WIRE_RUN_CANCELED]++;
    }
    touch (self, execution);
    check_done (self, now, execution);
}

/*  Nothing more will come from it: it counts as silent, where it had begun only or wherever it was
    addressed.  */
static void give_up (broker_core *self, bg_now now, broker_target *target, bool begun_only)
{
    for (broker_execution *execution = self->executions; execution;
         execution = execution->hh.next) {
        if (execution->done_us != 0 || !broker_bitmap_has (&execution->addressed, target->number) ||
            (begun_only && !broker_bitmap_has (&execution->begun, target->number)) ||
            !broker_bitmap_set (&execution->over, target->number))
            continue;
        begin (execution, target);
        execution->over_count++;
        execution->silent++;
        touch (self, execution);
        check_done (self, now, execution);
    }
}

void broker_execution_gone (broker_core *self, bg_now now, broker_target *target)
{
    give_up (self, now, target, false);
}

void broker_execution_lost (broker_core *self, bg_now now, broker_target *target)
{
    give_up (self, now, target, true);
}

/*  ---- expiry ----  */

static void expire (broker_core *self, broker_execution *execution)
{
    for (uint32_t number = broker_bitmap_next (&execution->addressed, 0); number;
         number = broker_bitmap_next (&execution->addressed, number)) {
        if (broker_bitmap_has (&execution->begun, number))
            continue;
        broker_target *target = broker_target_at (self, number);
        bg_assert (target && target->deeds > 0);
        target->deeds--;
        execution->silent++;
    }
    execution->expired = true;
    touch (self, execution);
}

void broker_executions_expire (broker_core *self, bg_now now)
{
    /*  At least once a minute: the wall clock may have been set.  */
    int64_t next_us = now.mono_us + BG_MIN (1);
    bool open = false;
    for (broker_execution *execution = self->executions; execution;
         execution = execution->hh.next) {
        if (execution->done_us != 0)
            continue;
        if (!execution->expired && now.utc_us >= execution->expires_us)
            expire (self, execution);
        if (execution->expired && now.utc_us - execution->expires_us >= BROKER_RUN_WAIT_US) {
            execution->done_us = now.utc_us;
            touch (self, execution);
        }
        check_done (self, now, execution);
        if (execution->done_us != 0)
            continue;
        open = true;
        int64_t due_us = execution->expires_us + (execution->expired ? BROKER_RUN_WAIT_US : 0);
        int64_t mono_us = now.mono_us + (due_us - now.utc_us);
        if (mono_us < next_us)
            next_us = mono_us;
    }
    self->expiry_mono_us = open ? next_us : INT64_MAX;
}

/*  ---- watchers ----  */

void broker_execution_moved (broker_core *self, broker_execution *execution)
{
    touch (self, execution);
}

void broker_execution_waiting (
    const broker_core *self, const broker_execution *execution, broker_bitmap *out)
{
    if (self->waiting_runs == 0)
        return;
    for (const broker_open_run *run = self->open_runs; run; run = run->hh.next)
        if (run->waiting && bg_id_equal (run->exec, execution->id) &&
            broker_bitmap_has (&execution->begun, run->number) &&
            !broker_bitmap_has (&execution->over, run->number))
            broker_bitmap_set (out, run->number);
}

static uint32_t waiting_count (const broker_core *self, const broker_execution *execution)
{
    broker_bitmap waiting = {0};
    broker_execution_waiting (self, execution, &waiting);
    const uint32_t count = (uint32_t) broker_bitmap_size (&waiting);
    broker_bitmap_fini (&waiting);
    return count;
}

void broker_execution_row (
    const broker_core *self, const broker_execution *execution, wire_exec_row *row)
{
    *row = (wire_exec_row){.id = execution->id,
        .job = bg_slice_str (execution->job_name),
        .login = bg_slice_str (execution->login),
        .issued_us = execution->issued_us,
        .expires_us = execution->expires_us,
        .targets = execution->targets,
        .succeeded = execution->counts[WIRE_RUN_SUCCEEDED],
        .failed = execution->counts[WIRE_RUN_FAILED],
        .canceled = execution->counts[WIRE_RUN_CANCELED],
        .interrupted = execution->counts[WIRE_RUN_INTERRUPTED],
        .not_run = execution->counts[WIRE_RUN_NOT_RUN],
        .silent = execution->silent,
        .done = execution->done_us != 0,
        .done_us = execution->done_us,
        .reason = bg_slice_str (execution->reason),
        .what = execution->what,
        .one_shot = execution->one_shot,
        .canceled_by = execution->canceled_by};
    row->pending = execution->expired ? 0 : execution->targets - execution->begun_count;
    row->waiting = waiting_count (self, execution);
    row->running = execution->begun_count - execution->over_count - row->waiting;
}

static void send_state (broker_core *self, bg_now now, broker_execution *execution)
{
    const bg_id none = {0};
    wire_exec_state state = {0};
    broker_execution_row (self, execution, &state.row);
    for (const broker_watcher *watcher = execution->watchers; watcher; watcher = watcher->next)
        broker_send (
            self, WIRE_ON_OPS, &watcher->peer, WIRE_EXEC_STATE, watcher->request, none, &state);
    execution->watch_due = false;
    execution->watched_mono_us = now.mono_us;
    execution->touched_mono_us = now.mono_us;
    if (execution->done_us != 0)
        drop_watchers (self, execution);
}

void broker_executions_watch (broker_core *self, bg_now now)
{
    if (self->watch_mono_us > now.mono_us)
        return;
    self->watch_mono_us = INT64_MAX;
    for (broker_execution *execution = self->executions; execution;
         execution = execution->hh.next) {
        if (!execution->watch_due)
            continue;
        int64_t due_us = execution->watched_mono_us + BROKER_WATCH_US;
        if (execution->done_us != 0 || due_us <= now.mono_us)
            send_state (self, now, execution);
        else if (due_us < self->watch_mono_us)
            self->watch_mono_us = due_us;
    }
}

/*  A command that did not hear the answer asks again with the same id.  */
static bool is_watched_by (const broker_execution *execution, const bg_key *peer, bg_id request)
{
    for (const broker_watcher *at = execution->watchers; at; at = at->next)
        if (bg_id_equal (at->request, request) && bg_key_equal (&at->peer, peer))
            return true;
    return false;
}

bg_result broker_on_exec_watch (broker_request *request, bg_error *err)
{
    const wire_exec_watch *watch = request->body;
    broker_core *self = request->core;
    broker_execution *execution = NULL;
    BG_TRY (broker_execution_get (self, request->now, watch->id, &execution, err));
    if (!execution) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "there is no execution %s", bg_id_text (watch->id).text));
        return bg_hint (err, "see: bugle exec list");
    }
    if (execution->done_us == 0 &&
        !is_watched_by (execution, &request->message->peer, request->header.request)) {
        if (self->watchers >= BROKER_WATCHERS_MAX)
            return bg_fail (
                err, BG_OVERLOADED, "%d commands follow executions already", BROKER_WATCHERS_MAX);
        broker_watcher *watcher = bg_alloc (sizeof *watcher);
        watcher->peer = request->message->peer;
        watcher->request = request->header.request;
        watcher->next = execution->watchers;
        execution->watchers = watcher;
        self->watchers++;
    }
    wire_exec_state state = {0};
    broker_execution_row (self, execution, &state.row);
    broker_answer (request, WIRE_EXEC_STATE, &state);
    return bg_ok ();
}
