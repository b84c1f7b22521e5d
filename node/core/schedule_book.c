/*  The schedule book: the schedules of all held jobs, which of them is next, and what was missed.

    Each schedule has a durable mark, the newest occurrence that was dealt with; the next one is computed from it, so a
    restart neither repeats nor silently loses one. Schedules follow the wall clock and nothing else. What is late by
    more than NODE_LATE_US is a misfire and recorded as a run that did not happen; of several that are due at once the
    newest may still run.

    While a job is disabled its occurrences are recorded as not run, up to NODE_MISSED_ROWS_MAX a schedule; after that
    the schedule is quiet, its mark stays, and what the mark leaves out becomes one row with a count when the job is
    enabled again, changed or removed.  */
#include "node/core/rooms.h"

#include "common/job/body.h"
#include "common/job/names.h"

#include <stdlib.h>

/*  ---- the heap: earliest next_us on top, index from 1 ----  */

static void place (node_core *self, size_t index, node_entry *entry)
{
    self->heap[index] = entry;
    entry->heap_index = index;
}

static void sift_up (node_core *self, size_t index)
{
    node_entry *entry = self->heap[index];
    while (index > 1 && self->heap[index / 2]->next_us > entry->next_us) {
        place (self, index, self->heap[index / 2]);
        index /= 2;
    }
    place (self, index, entry);
}

static void sift_down (node_core *self, size_t index)
{
    node_entry *entry = self->heap[index];
    for (;;) {
        size_t child = index * 2;
        if (child > self->heap_count)
            break;
        if (child < self->heap_count && self->heap[child + 1]->next_us < self->heap[child]->next_us)
            child++;
        if (self->heap[child]->next_us >= entry->next_us)
            break;
        place (self, index, self->heap[child]);
        index = child;
    }
    place (self, index, entry);
}

static void heap_remove (node_core *self, node_entry *entry)
{
    const size_t index = entry->heap_index;
    if (!index)
        return;
    entry->heap_index = 0;
    node_entry *last = self->heap[self->heap_count--];
    if (last == entry)
        return;
    place (self, index, last);
    sift_up (self, index);
    sift_down (self, last->heap_index);
}

static void heap_add (node_core *self, node_entry *entry)
{
    if (self->heap_count + 1 >= self->heap_capacity) {
        self->heap_capacity = self->heap_capacity ? self->heap_capacity * 2 : 16;
        self->heap = bg_realloc (self->heap, self->heap_capacity * sizeof *self->heap);
    }
    place (self, ++self->heap_count, entry);
    sift_up (self, entry->heap_index);
}

/*  ---- one schedule ----  */

static const job_zone *lookup_zone (void *ctx, bg_slice name, bg_error *err)
{
    node_core *self = ctx;
    const bool own = name.size == 0 || bg_slice_is (name, "target");
    const job_zone *zone = self->ports.zone (self->ports.ctx, own ? (bg_slice){0} : name);
    if (!zone)
        bg_ignore (bg_fail (
            err, BG_NOT_FOUND, "this machine knows no zone \"%.*s\"", BG_SLICE_ARG (name)));
    return zone;
}

static void compile (node_core *self, node_entry *entry)
{
    bg_error why = {0};
    const job_schedule_lookup lookup = {.zone = lookup_zone, .ctx = self};
    entry->usable = bg_is_ok (job_body_schedule (&entry->wire, &lookup, &entry->spec, &why));
    if (!entry->usable)
        node_log (self, NODE_LOG_ERROR, "schedule-unusable",
            "schedule \"%s\" of job \"%s\" does not run: %s", entry->name, entry->job->name,
            why.message);
}

/*  The newest time at which the job counts as disabled; until_us itself is enabled again.  */
static int64_t disabled_to (const node_job *job)
{
    if (!job->disabled)
        return INT64_MIN;
    return job->until_us ? job->until_us - 1 : INT64_MAX;
}

/*  Downloaded jobs rest while this machine is no target, or must not act as one.  */
static bool is_paused (const node_core *self)
{
    return !self->enlisted || self->leaving || self->problem;
}

/*  Puts the entry where its next occurrence belongs, or out of the heap.  */
static void arrange (node_core *self, node_entry *entry)
{
    heap_remove (self, entry);
    const int64_t disabled_us = disabled_to (entry->job);
    const bool is_quiet = entry->disabled_rows >= NODE_MISSED_ROWS_MAX;
    int64_t from_us = entry->mark_us;
    if (!entry->usable || (is_quiet && disabled_us == INT64_MAX) ||
        (self->book_paused && !entry->job->local))
        return;
    if (is_quiet && disabled_us > from_us)
        from_us = disabled_us;
    if (job_schedule_next (&entry->spec, from_us, &entry->next_us, &entry->next_fold))
        heap_add (self, entry);
}

static bg_result set_mark (node_core *self, node_entry *entry, int64_t mark_us, bg_error *err)
{
    const node_store *store = self->ports.store;
    entry->mark_us = mark_us;
    if (self->recovering)
        return bg_ok ();
    return store->mark_put (store->ctx,
        &(node_mark_row){.job_key = entry->job->key,
            .schedule = bg_slice_str (entry->name),
            .nominal_us = mark_us},
        err);
}

static bg_result not_run (node_core *self, const node_entry *entry, int64_t nominal_us, int fold,
    const char *reason, bg_slice message, bg_error *err)
{
    const bg_slice name = bg_slice_str (entry->name);
    return node_run_not_run (self,
        &(node_not_run){
            .job_key = entry->job->key,
            .job_name = bg_slice_str (entry->job->name),
            .job_version = entry->job->version,
            .schedule = name,
            .nominal_us = nominal_us,
            .occurrence = node_occurrence_id (self, entry->job, name, nominal_us, fold),
            .reason = bg_slice_str (reason),
            .message = message,
        },
        err);
}

static bg_result missed (node_core *self, const node_entry *entry, int64_t nominal_us, int fold,
    bg_slice message, bg_error *err)
{
    node_count (self, NODE_COUNT_MISFIRES);
    return not_run (self, entry, nominal_us, fold, self->missed_reason, message, err);
}

/*  One row for several occurrences in a row; more are those after the first.  */
static bg_slice in_a_row (node_core *self, uint64_t more)
{
    return bg_arena_printf (&self->scratch,
        "and %llu more in a row; only the first ones are listed", (unsigned long long) more);
}

/*  Counts on from an occurrence to the newest one up to to_us; *nominal_us becomes that one. Fixed intervals are
    counted by division, the rest one by one up to a limit, after which the newest is searched from close by.  */
static uint64_t skip_to_newest (
    const node_entry *entry, int64_t to_us, int64_t *nominal_us, int *fold)
{
    uint64_t count = 0;
    if (entry->spec.kind == JOB_SCHEDULE_EVERY) {
        const int64_t steps = (to_us - *nominal_us) / entry->spec.every_us;
        *nominal_us += steps * entry->spec.every_us;
        return (uint64_t) steps;
    }
    int64_t next_us;
    int next_fold;
    while (
        job_schedule_next (&entry->spec, *nominal_us, &next_us, &next_fold) && next_us <= to_us) {
        *nominal_us = next_us;
        *fold = next_fold;
        if (++count == NODE_MISSED_WALK_MAX) {
            if (*nominal_us < to_us - BG_DAY (1))
                *nominal_us = to_us - BG_DAY (1);
            else
                break;
        }
    }
    return count;
}

/*  ---- while disabled ----  */

static bg_result record_disabled (
    node_core *self, node_entry *entry, int64_t to_us, int64_t *next_us, int *fold, bg_error *err)
{
    while (entry->disabled_rows < NODE_MISSED_ROWS_MAX &&
           job_schedule_next (&entry->spec, entry->mark_us, next_us, fold) && *next_us <= to_us) {
        BG_TRY (
            not_run (self, entry, *next_us, *fold, bg_code_word (BG_DISABLED), (bg_slice){0}, err));
        entry->disabled_rows++;
        BG_TRY (set_mark (self, entry, *next_us, err));
    }
    return bg_ok ();
}

/*  What became due while the job was disabled: rows, and at the end of it one for all that had no row.  */
static bg_result settle_disabled (node_core *self, node_entry *entry, bool is_end, bg_error *err)
{
    int64_t to_us = disabled_to (entry->job);
    int64_t next_us = 0;
    int fold = 0;
    if (to_us > self->now.utc_us)
        to_us = self->now.utc_us;
    const bool is_mine = entry->job->local || (self->enlisted && !self->leaving);
    const bool is_known = entry->usable && is_mine && !self->recovering;
    if (is_known && to_us > entry->mark_us)
        BG_TRY (record_disabled (self, entry, to_us, &next_us, &fold, err));
    if (!is_end)
        return bg_ok ();
    entry->disabled_rows = 0;
    if (!is_known || to_us <= entry->mark_us ||
        !job_schedule_next (&entry->spec, entry->mark_us, &next_us, &fold) || next_us > to_us)
        return bg_ok ();
    const int64_t first_us = next_us;
    const int first_fold = fold;
    const uint64_t more = skip_to_newest (entry, to_us, &next_us, &fold);
    BG_TRY (not_run (self, entry, first_us, first_fold, bg_code_word (BG_DISABLED),
        more > 0 ? in_a_row (self, more) : (bg_slice){0}, err));
    return set_mark (self, entry, next_us, err);
}

/*  ---- jobs ----  */

void node_job_release (void *object)
{
    node_job *job = object;
    for (size_t i = 0; i < job->entry_count; i++) {
        free (job->entries[i].name);
        free (job->entries[i].cron);
        free (job->entries[i].zone);
    }
    free (job->entries);
    free (job->name);
    free (job);
}

static void apply_switch (node_core *self, node_job *job)
{
    job->disabled = false;
    job->until_us = 0;
    for (size_t i = 0; i < self->switches.count; i++) {
        const node_switch *item = self->switches.items[i];
        if (bg_id_equal (item->object_key, job->key) && item->disabled) {
            job->disabled = true;
            job->until_us = item->until_us;
        }
    }
}

static void read_entry (
    node_entry *entry, node_job *job, const wire_job_schedule *from, size_t number)
{
    entry->job = job;
    entry->index = number;
    entry->name = bg_slice_dup (from->name);
    entry->cron = bg_slice_dup (from->cron);
    entry->zone = bg_slice_dup (from->zone);
    entry->wire = *from;
    entry->wire.name = bg_slice_str (entry->name);
    entry->wire.cron = bg_slice_str (entry->cron);
    entry->wire.zone = bg_slice_str (entry->zone);
}

static int64_t mark_in (const node_job *job, const char *name, int64_t otherwise_us)
{
    for (size_t i = 0; job && i < job->entry_count; i++)
        if (strcmp (job->entries[i].name, name) == 0 && job->entries[i].mark_us > otherwise_us)
            return job->entries[i].mark_us;
    return otherwise_us;
}

static void take_out (node_core *self, node_job *job)
{
    for (size_t i = 0; i < job->entry_count; i++)
        heap_remove (self, &job->entries[i]);
}

bg_result node_book_hold (
    node_core *self, bg_id key, uint64_t version, const wire_job *from, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_job *before = node_table_take (&self->jobs, key);
    node_job *job = bg_alloc (sizeof *job);
    job->key = key;
    job->version = version;
    job->name = bg_slice_dup (from->name);
    job->local = job_name_is_local (from->name);
    job->entry_count = from->schedules_count;
    job->entries = bg_alloc ((job->entry_count + 1) * sizeof *job->entries);
    apply_switch (self, job);
    for (size_t i = 0; i < job->entry_count; i++)
        read_entry (&job->entries[i], job, &from->schedules[i], i + 1);
    node_table_insert (&self->jobs, job);
    bg_result result = bg_ok ();
    if (before) {
        for (size_t i = 0; i < before->entry_count && !bg_failed (result); i++)
            result = settle_disabled (self, &before->entries[i], true, err);
        take_out (self, before);
        if (!bg_failed (result))
            result = store->mark_remove_job (store->ctx, key, err);
    }
    for (size_t i = 0; i < job->entry_count && !bg_failed (result); i++) {
        node_entry *entry = &job->entries[i];
        compile (self, entry);
        /*  A new definition begins now; an occurrence of the old one that is dealt with stays dealt with.  */
        const int64_t now_us = self->recovering ? INT64_MIN : self->now.utc_us;
        result = set_mark (self, entry, mark_in (before, entry->name, now_us), err);
        if (!self->recovering)
            arrange (self, entry);
    }
    if (before)
        node_job_release (before);
    return result;
}

bg_result node_book_drop (node_core *self, bg_id key, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_job *job = node_table_take (&self->jobs, key);
    if (!job)
        return bg_ok ();
    bg_result result = bg_ok ();
    for (size_t i = 0; i < job->entry_count && !bg_failed (result); i++)
        result = settle_disabled (self, &job->entries[i], true, err);
    take_out (self, job);
    node_job_release (job);
    BG_TRY (result);
    return store->mark_remove_job (store->ctx, key, err);
}

void node_book_forget (node_core *self)
{
    for (size_t i = self->jobs.count; i-- > 0;) {
        node_job *job = self->jobs.items[i];
        if (job->local)
            continue;
        take_out (self, job);
        node_job_release (node_table_take (&self->jobs, job->key));
    }
    for (size_t i = self->switches.count; i-- > 0;) {
        const node_switch *item = self->switches.items[i];
        if (!item->local)
            free (node_table_take (&self->switches, item->key));
    }
    for (size_t i = self->occurrences.count; i-- > 0;) {
        const node_occurrence *item = self->occurrences.items[i];
        if (!node_local_find (self, item->job_key))
            node_occurrence_release (node_table_take (&self->occurrences, item->id));
    }
}

bg_result node_book_switch (node_core *self, bg_id object_key, bg_error *err)
{
    node_job *job = node_table_find (&self->jobs, object_key);
    if (!job || self->recovering) /*  recovering applies all switches at its end  */
        return bg_ok ();
    for (size_t i = 0; i < job->entry_count; i++)
        BG_TRY (settle_disabled (self, &job->entries[i], true, err));
    apply_switch (self, job);
    for (size_t i = 0; i < job->entry_count; i++)
        arrange (self, &job->entries[i]);
    return bg_ok ();
}

const node_entry *node_book_next_of (const node_job *job, int64_t *next_us)
{
    const int64_t disabled_us = disabled_to (job);
    const node_entry *first = NULL;
    for (size_t i = 0; i < job->entry_count && disabled_us < INT64_MAX; i++) {
        const node_entry *entry = &job->entries[i];
        const int64_t from_us = disabled_us > entry->mark_us ? disabled_us : entry->mark_us;
        int64_t at_us;
        int fold;
        if (!entry->heap_index || !job_schedule_next (&entry->spec, from_us, &at_us, &fold) ||
            (first && at_us >= *next_us))
            continue;
        first = entry;
        *next_us = at_us;
    }
    return first;
}

/*  ---- start, zones, clock ----  */

static bool recover_mark (void *visitor, const node_mark_row *row)
{
    node_core *self = visitor;
    node_job *job = node_table_find (&self->jobs, row->job_key);
    for (size_t i = 0; job && i < job->entry_count; i++)
        if (bg_slice_is (row->schedule, job->entries[i].name))
            job->entries[i].mark_us = row->nominal_us;
    return true;
}

static void each_entry (node_core *self, void (*work) (node_core *self, node_entry *entry))
{
    for (size_t i = 0; i < self->jobs.count; i++) {
        node_job *job = self->jobs.items[i];
        for (size_t j = 0; j < job->entry_count; j++)
            work (self, &job->entries[j]);
    }
}

/*  Marks beyond any doubt of the clock: a mark far ahead was made while it was wrong.  */
static void correct_mark (node_core *self, node_entry *entry)
{
    const bool is_new = entry->mark_us == INT64_MIN;
    const bool is_ahead = entry->mark_us > self->now.utc_us + NODE_CLOCK_BACK_US;
    if (is_new || is_ahead)
        entry->mark_us = self->now.utc_us;
    arrange (self, entry);
}

bg_result node_book_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_TRY (store->mark_each (store->ctx, recover_mark, self, err));
    for (size_t i = 0; i < self->jobs.count; i++)
        apply_switch (self, self->jobs.items[i]);
    each_entry (self, correct_mark);
    return bg_ok ();
}

static void recompile (node_core *self, node_entry *entry)
{
    const bool was_usable = entry->usable;
    compile (self, entry);
    if (!was_usable && entry->mark_us < self->now.utc_us)
        entry->mark_us = self->now.utc_us; /*  without its zone it had no occurrences  */
    arrange (self, entry);
}

void node_book_zones (node_core *self)
{
    each_entry (self, recompile);
}

void node_book_clock_set (node_core *self)
{
    each_entry (self, correct_mark);
}

/*  ---- due ----  */

/*  All occurrences of one schedule that are due: the newest runs when it is not late, the others were missed.  */
static bg_result take_enabled (node_core *self, node_entry *entry, bg_error *err)
{
    const int64_t now_us = self->now.utc_us;
    int64_t nominal_us = entry->next_us;
    int fold = entry->next_fold;
    int64_t next_us;
    int next_fold;
    size_t rows = 0;
    while (rows < NODE_MISSED_ROWS_MAX &&
           job_schedule_next (&entry->spec, nominal_us, &next_us, &next_fold) &&
           next_us <= now_us) {
        BG_TRY (missed (self, entry, nominal_us, fold, (bg_slice){0}, err));
        rows++;
        nominal_us = next_us;
        fold = next_fold;
    }
    if (rows == NODE_MISSED_ROWS_MAX) {
        const int64_t first_us = nominal_us;
        const int first_fold = fold;
        const uint64_t more = skip_to_newest (entry, now_us, &nominal_us, &fold);
        if (more > 0)
            BG_TRY (missed (self, entry, first_us, first_fold, in_a_row (self, more - 1), err));
    }
    if (now_us - nominal_us > NODE_LATE_US)
        BG_TRY (missed (self, entry, nominal_us, fold, (bg_slice){0}, err));
    else
        BG_TRY (node_occurrence_due (self, entry, nominal_us, fold, err));
    return set_mark (self, entry, nominal_us, err);
}

static bg_result take_due (node_core *self, node_entry *entry, bg_error *err)
{
    const int64_t now_us = self->now.utc_us;
    BG_TRY (settle_disabled (self, entry, disabled_to (entry->job) < now_us, err));
    if (disabled_to (entry->job) < now_us &&
        job_schedule_next (&entry->spec, entry->mark_us, &entry->next_us, &entry->next_fold) &&
        entry->next_us <= now_us)
        BG_TRY (take_enabled (self, entry, err));
    arrange (self, entry);
    return bg_ok ();
}

bg_result node_book_pump (node_core *self, bg_error *err)
{
    if (self->book_paused != is_paused (self)) {
        self->book_paused = is_paused (self);
        each_entry (self, arrange);
    }
    while (self->heap_count > 0 && self->heap[1]->next_us <= self->now.utc_us)
        BG_TRY (take_due (self, self->heap[1], err));
    BG_TRY (node_occurrences_pump (self, err));
    self->book_due_us = node_occurrences_deadline (self);
    if (self->heap_count > 0 && self->heap[1]->next_us < self->book_due_us)
        self->book_due_us = self->heap[1]->next_us;
    return bg_ok ();
}
