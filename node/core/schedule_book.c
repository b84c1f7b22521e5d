/*  The schedule book: the schedules of all held jobs, and which of them is next.

    Each schedule has a durable mark, the newest occurrence that was dealt with; the next one is computed from it, so a
    restart neither repeats nor silently loses one. Schedules follow the wall clock and nothing else. What becomes of
    occurrences that have come is schedule_due.c's, whether they are disabled enabling.c's, what a schedule names
    schedule_shared.c's.

    Before anything changes that decides about occurrences (a definition, a switch, a shared schedule), what has come by
    then is dealt with by what counted until then.  */
#include "node/core/rooms.h"

#include "common/job/names.h"

#include <stdlib.h>

/*  Downloaded jobs rest while this machine is no target, or must not act as one.  */
static bool is_paused (const node_core *self)
{
    return !self->enlisted || self->leaving || self->problem;
}

static bool is_active (const node_core *self, const node_entry *entry)
{
    return entry->usable && !entry->job->spent && (entry->job->local || !is_paused (self));
}

/*  Puts the entry where its next occurrence belongs, or out of the heap.  */
static void arrange (node_core *self, node_entry *entry)
{
    node_heap_remove (self, entry);
    if (!is_active (self, entry) || !node_due_next (entry))
        return;
    entry->due_us = entry->next_us + entry->splay_us;
    node_heap_add (self, entry);
}

bg_result node_entry_mark (node_core *self, node_entry *entry, int64_t mark_us, bg_error *err)
{
    const node_store *store = self->ports.store;
    entry->mark_us = mark_us;
    if (self->recovering || self->full)
        return bg_ok ();
    return store->mark_put (store->ctx,
        &(node_mark_row){.job_key = entry->job->key,
            .schedule = bg_slice_str (entry->name),
            .nominal_us = mark_us},
        err);
}

static void end_streak (node_entry *entry)
{
    entry->streak = NODE_CLASS_RUNS;
    entry->streak_rows = 0;
}

/*  Deals with all that has come, also of schedules that are quiet.  */
static bg_result settle (node_core *self, node_entry *entry, bg_error *err)
{
    if (!self->recovering && is_active (self, entry))
        BG_TRY (node_due_take (self, entry, err));
    end_streak (entry);
    return bg_ok ();
}

static bg_result settle_job (node_core *self, node_job *job, bg_error *err)
{
    for (size_t i = 0; i < job->entry_count; i++)
        BG_TRY (settle (self, &job->entries[i], err));
    return bg_ok ();
}

static void arrange_job (node_core *self, node_job *job)
{
    for (size_t i = 0; i < job->entry_count; i++)
        arrange (self, &job->entries[i]);
}

/*  ---- jobs ----  */

static void release (node_core *self, node_job *job)
{
    for (size_t i = 0; i < job->entry_count; i++)
        node_entry_fini (self, &job->entries[i]);
    free (job->entries);
    free (job->name);
    free (job);
}

void node_job_release (void *object)
{
    release (NULL, object);
}

static node_job *read_job (bg_id key, uint64_t version, const wire_job *from)
{
    node_job *job = bg_alloc (sizeof *job);
    job->key = key;
    job->version = version;
    job->name = bg_slice_dup (from->name);
    job->local = job_name_is_local (from->name);
    job->disabled = from->disabled;
    job->enabled_until_us = from->enabled_until_us;
    job->history_us = (int64_t) from->history_us;
    job->history_runs = from->history_runs;
    job->entry_count = from->schedules_count;
    job->entries = bg_alloc ((job->entry_count + 1) * sizeof *job->entries);
    for (size_t i = 0; i < job->entry_count; i++) {
        node_entry *entry = &job->entries[i];
        entry->job = job;
        entry->index = i + 1;
        entry->name = bg_slice_dup (from->schedules[i].name);
        entry->misfire_max = 1;
        WIRE_ENCODE (job_schedule, &from->schedules[i], &entry->blob);
    }
    return job;
}

static int64_t mark_in (const node_job *job, const char *name, int64_t otherwise_us)
{
    for (size_t i = 0; job && i < job->entry_count; i++)
        if (strcmp (job->entries[i].name, name) == 0 && job->entries[i].mark_us > otherwise_us)
            return job->entries[i].mark_us;
    return otherwise_us;
}

static bool has_entry (const node_job *job, const char *name)
{
    for (size_t i = 0; job && i < job->entry_count; i++)
        if (strcmp (job->entries[i].name, name) == 0)
            return true;
    return false;
}

static void take_out (node_core *self, node_job *job)
{
    for (size_t i = 0; i < job->entry_count; i++)
        node_heap_remove (self, &job->entries[i]);
}

/*  A new definition begins now; an occurrence of the old one that is dealt with stays dealt with. One of the same
    schedule that has come and waits for its splay still runs.  */
static bg_result begin_entry (
    node_core *self, node_entry *entry, const node_job *before, bg_error *err)
{
    node_entry_make (self, entry);
    int64_t from_us = self->now.utc_us;
    if (has_entry (before, entry->name))
        from_us -= entry->splay_us;
    return node_entry_mark (self, entry, mark_in (before, entry->name, from_us), err);
}

static bg_result put_history_limit (node_core *self, const node_job *job, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->history_limit_put (store->ctx,
        &(node_history_limit){
            .job_key = job->key, .keep_us = job->history_us, .keep_runs = job->history_runs},
        err);
}

static bg_result replace (node_core *self, node_job *before, node_job *job, bg_error *err)
{
    const node_store *store = self->ports.store;
    if (before) {
        BG_TRY (settle_job (self, before, err));
        BG_TRY (store->mark_remove_job (store->ctx, job->key, err));
    }
    BG_TRY (node_spent_find (self, job, err));
    BG_TRY (put_history_limit (self, job, err));
    for (size_t i = 0; i < job->entry_count; i++)
        BG_TRY (begin_entry (self, &job->entries[i], before, err));
    node_enabling_apply (self, job);
    arrange_job (self, job);
    return bg_ok ();
}

bg_result node_book_hold (
    node_core *self, bg_id key, uint64_t version, const wire_job *from, bg_error *err)
{
    node_job *before = node_table_take (&self->jobs, key);
    node_job *job = read_job (key, version, from);
    node_table_insert (&self->jobs, job);
    /*  While recovering all is made ready at the end: what it names may come after it.  */
    const bg_result result = self->recovering ? bg_ok () : replace (self, before, job, err);
    if (before) {
        take_out (self, before);
        release (self, before);
    }
    return result;
}

bg_result node_book_drop (node_core *self, bg_id key, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_job *job = node_table_take (&self->jobs, key);
    if (!job)
        return bg_ok ();
    const bg_result result = settle_job (self, job, err);
    take_out (self, job);
    release (self, job);
    BG_TRY (result);
    BG_TRY (store->history_limit_put (store->ctx, &(node_history_limit){.job_key = key}, err));
    return store->mark_remove_job (store->ctx, key, err);
}

void node_book_forget (node_core *self)
{
    for (size_t i = self->jobs.count; i-- > 0;) {
        node_job *job = self->jobs.items[i];
        if (job->local)
            continue;
        take_out (self, job);
        release (self, node_table_take (&self->jobs, job->key));
    }
    for (size_t i = self->shared.count; i-- > 0;) {
        const node_shared *shared = self->shared.items[i];
        if (!shared->local)
            node_shared_release (node_table_take (&self->shared, shared->key));
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

/*  ---- what changes under them ----  */

/*  The jobs that an object is about: one job, or those that use a shared schedule or name a calendar.  */
static bool is_about (const node_job *job, bg_id object_key)
{
    if (bg_id_equal (job->key, object_key))
        return true;
    for (size_t i = 0; i < job->entry_count; i++)
        if (bg_id_equal (job->entries[i].use_key, object_key))
            return true;
    return false;
}

bg_result node_book_switch (node_core *self, bg_id object_key, bg_error *err)
{
    for (size_t i = 0; i < self->jobs.count && !self->recovering; i++) {
        node_job *job = self->jobs.items[i];
        if (!is_about (job, object_key))
            continue;
        BG_TRY (settle_job (self, job, err));
        node_enabling_apply (self, job);
        arrange_job (self, job);
    }
    return bg_ok ();
}

/*  Made anew with other times a schedule begins now; another calendar or zone leaves its mark.  */
static bg_result remake (node_core *self, node_entry *entry, bool begins, bg_error *err)
{
    const bool was_usable = entry->usable;
    node_entry_make (self, entry);
    const int64_t from_us = self->now.utc_us - entry->splay_us;
    if ((begins || !was_usable) && entry->usable && entry->mark_us < from_us)
        BG_TRY (node_entry_mark (self, entry, from_us, err));
    return bg_ok ();
}

/*  Whether the shared schedule or calendar may be one that the entry names.  */
static bool may_name (const node_entry *entry, bg_id key)
{
    return bg_id_equal (entry->use_key, key) || entry->names_shared || !entry->usable;
}

bg_result node_book_shared_begin (node_core *self, bg_id key, bg_error *err)
{
    for (size_t i = 0; i < self->jobs.count; i++) {
        node_job *job = self->jobs.items[i];
        for (size_t j = 0; j < job->entry_count; j++)
            if (may_name (&job->entries[j], key))
                BG_TRY (settle (self, &job->entries[j], err));
    }
    return bg_ok ();
}

bg_result node_book_shared_end (node_core *self, bg_id key, bg_error *err)
{
    for (size_t i = 0; i < self->jobs.count; i++) {
        node_job *job = self->jobs.items[i];
        bool is_touched = false;
        for (size_t j = 0; j < job->entry_count; j++) {
            node_entry *entry = &job->entries[j];
            if (!may_name (entry, key))
                continue;
            is_touched = true;
            BG_TRY (remake (self, entry, bg_id_equal (entry->use_key, key), err));
        }
        if (!is_touched)
            continue;
        node_enabling_apply (self, job);
        arrange_job (self, job);
    }
    return bg_ok ();
}

static bg_result each_entry (node_core *self,
    bg_result (*work) (node_core *self, node_entry *entry, bg_error *err), bg_error *err)
{
    for (size_t i = 0; i < self->jobs.count; i++) {
        node_job *job = self->jobs.items[i];
        for (size_t j = 0; j < job->entry_count; j++)
            BG_TRY (work (self, &job->entries[j], err));
    }
    return bg_ok ();
}

static bg_result again_by_zone (node_core *self, node_entry *entry, bg_error *err)
{
    BG_TRY (remake (self, entry, false, err));
    arrange (self, entry);
    return bg_ok ();
}

bg_result node_book_zones (node_core *self, bg_error *err)
{
    return each_entry (self, again_by_zone, err);
}

/*  Marks beyond any doubt of the clock: a mark far ahead was made while it was wrong.  */
static void correct_mark (const node_core *self, node_entry *entry)
{
    const bool is_new = entry->mark_us == INT64_MIN;
    const bool is_ahead = entry->mark_us > self->now.utc_us + NODE_CLOCK_BACK_US;
    if (is_new || is_ahead)
        entry->mark_us = self->now.utc_us;
}

static bg_result again_by_clock (node_core *self, node_entry *entry, bg_error *err)
{
    (void) err;
    correct_mark (self, entry);
    arrange (self, entry);
    return bg_ok ();
}

bg_result node_book_clock_set (node_core *self, bg_error *err)
{
    return each_entry (self, again_by_clock, err);
}

void node_book_spent (node_core *self, node_job *job)
{
    job->spent = true;
    arrange_job (self, job);
}

/*  ---- start ----  */

static bool recover_mark (void *visitor, const node_mark_row *row)
{
    node_core *self = visitor;
    node_job *job = node_table_find (&self->jobs, row->job_key);
    for (size_t i = 0; job && i < job->entry_count; i++)
        if (bg_slice_is (row->schedule, job->entries[i].name))
            job->entries[i].mark_us = row->nominal_us;
    return true;
}

static bg_result forget_mark (node_core *self, node_entry *entry, bg_error *err)
{
    (void) self;
    (void) err;
    entry->mark_us = INT64_MIN;
    return bg_ok ();
}

static bg_result recover_entry (node_core *self, node_entry *entry, bg_error *err)
{
    node_entry_make (self, entry);
    bg_arena_fini (&self->scratch);
    correct_mark (self, entry);
    (void) err;
    return bg_ok ();
}

bg_result node_book_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_TRY (each_entry (self, forget_mark, err));
    BG_TRY (store->mark_each (store->ctx, recover_mark, self, err));
    BG_TRY (node_spent_recover (self, err));
    self->book_paused = is_paused (self);
    BG_TRY (each_entry (self, recover_entry, err));
    for (size_t i = 0; i < self->jobs.count; i++) {
        node_job *job = self->jobs.items[i];
        node_enabling_apply (self, job);
        arrange_job (self, job);
    }
    return bg_ok ();
}

/*  ---- events ----  */

static bg_result happened (node_core *self, job_schedule_kind kind, bg_error *err)
{
    for (size_t i = 0; i < self->jobs.count; i++) {
        node_job *job = self->jobs.items[i];
        for (size_t j = 0; j < job->entry_count; j++)
            if (job->entries[j].spec.kind == kind && is_active (self, &job->entries[j]))
                BG_TRY (node_due_event (self, &job->entries[j], err));
    }
    return bg_ok ();
}

bg_result node_book_started (node_core *self, bg_error *err)
{
    return happened (self, JOB_SCHEDULE_NODE_START, err);
}

bg_result node_book_idle (node_core *self, bg_error *err)
{
    return happened (self, JOB_SCHEDULE_IDLE, err);
}

/*  ---- when ----  */

const node_entry *node_book_next_of (const node_job *job, int64_t *next_us)
{
    const node_entry *first = NULL;
    for (size_t i = 0; i < job->entry_count; i++) {
        const node_entry *entry = &job->entries[i];
        int64_t at_us;
        if (!entry->heap_index || !node_due_next_run (entry, entry->mark_us, &at_us) ||
            (first && at_us + entry->splay_us >= *next_us))
            continue;
        first = entry;
        *next_us = at_us + entry->splay_us;
    }
    return first;
}

/*  ---- due ----  */

static bg_result take_due (node_core *self, node_entry *entry, bg_error *err)
{
    BG_TRY (node_due_take (self, entry, err));
    arrange (self, entry);
    /*  The clock does not go on during an event: what is taken is over.  */
    bg_assert (!entry->heap_index || entry->due_us > self->now.utc_us);
    return bg_ok ();
}

static bg_result rest_or_go_on (node_core *self, node_entry *entry, bg_error *err)
{
    (void) err;
    arrange (self, entry);
    return bg_ok ();
}

bg_result node_book_pump (node_core *self, bg_error *err)
{
    if (self->book_paused != is_paused (self)) {
        self->book_paused = is_paused (self);
        BG_TRY (each_entry (self, rest_or_go_on, err));
    }
    while (self->heap_count > 0 && self->heap[1]->due_us <= self->now.utc_us)
        BG_TRY (take_due (self, self->heap[1], err));
    BG_TRY (node_occurrences_pump (self, err));
    self->book_due_us = node_occurrences_deadline (self);
    const node_entry *first = node_heap_first (self);
    if (first && first->due_us < self->book_due_us)
        self->book_due_us = first->due_us;
    return bg_ok ();
}
