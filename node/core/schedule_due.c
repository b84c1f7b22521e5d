/*  What is due by a schedule: which occurrences run, and for all others the row that says why not.

    A walk goes from the entry's mark, the newest occurrence that was dealt with, to what has come by now. Each occurrence
    on the way is disabled, outside of what the calendars allow, or would run. Of those that would run the ones that come
    too late are misfires, except that the schedule's policy may have the newest one run late, or several, one after the
    other (occurrences.c holds them back).

    Rows are bounded: of each reason NODE_MISSED_ROWS_MAX in a walk, the rest is one row with a count. A schedule that is
    kept from running for longer is quiet after that many rows: nobody wakes for it until an occurrence may run again, its
    mark stays, and what the mark leaves out becomes the row with the count.  */
#include "node/core/rooms.h"

typedef struct {
    size_t rows;
    uint64_t more;
    int64_t first_us; /*  of those without a row  */
    int first_fold;
} tally;

typedef struct {
    int64_t nominal_us;
    int fold;
} kept;

typedef struct {
    node_core *core;
    node_entry *entry;
    int64_t from_us; /*  the mark when it began  */
    int64_t to_us;   /*  nominal times up to here have come  */
    tally tallies[NODE_CLASSES];
    kept *kept; /*  the newest that would run, a ring  */
    size_t kept_first;
    size_t kept_count;
    int64_t nominal_us; /*  the newest that was dealt with  */
    int fold;
    size_t rows;
    size_t steps;
    bool is_cut; /*  some were jumped over without counting  */
} walk;

/*  ---- rows ----  */

static bg_slice text_of (walk *at, node_class class, int64_t nominal_us)
{
    const job_calendar *why = NULL;
    const job_schedule *spec = &at->entry->spec;
    if (class != NODE_CLASS_WINDOW || job_schedule_is_open (spec, nominal_us, &why) || !why)
        return (bg_slice){0};
    bool is_except = false;
    for (size_t i = 0; i < spec->except_count; i++)
        is_except = is_except || spec->calendars[i] == why;
    return bg_arena_printf (&at->core->scratch,
        is_except ? "it is within the calendar \"%.*s\"" : "it is outside of the calendar \"%.*s\"",
        BG_SLICE_ARG (why->name));
}

static bg_result row (
    walk *at, node_class class, int64_t nominal_us, int fold, bg_slice message, bg_error *err)
{
    node_core *self = at->core;
    const node_entry *entry = at->entry;
    const char *const reasons[NODE_CLASSES] = {
        [NODE_CLASS_RUNS] = self->missed_reason,
        [NODE_CLASS_DISABLED] = bg_code_word (BG_DISABLED),
        [NODE_CLASS_WINDOW] = "window",
    };
    const bg_slice name = bg_slice_str (entry->name);
    if (class == NODE_CLASS_RUNS)
        node_count (self, NODE_COUNT_MISFIRES);
    return node_run_not_run (self,
        &(node_not_run){
            .job_key = entry->job->key,
            .job_name = bg_slice_str (entry->job->name),
            .job_version = entry->job->version,
            .schedule = name,
            .nominal_us = nominal_us,
            .occurrence = node_occurrence_id (self, entry->job, name, nominal_us, fold),
            .reason = bg_slice_str (reasons[class]),
            .message = message,
        },
        err);
}

/*  A row, or counted for the one that stands for the rest.  */
static bg_result not_run (walk *at, node_class class, int64_t nominal_us, int fold, bg_error *err)
{
    tally *sum = &at->tallies[class];
    if (sum->rows < NODE_MISSED_ROWS_MAX) {
        sum->rows++;
        at->rows++;
        return row (at, class, nominal_us, fold, text_of (at, class, nominal_us), err);
    }
    if (sum->more++ == 0) {
        sum->first_us = nominal_us;
        sum->first_fold = fold;
    }
    return bg_ok ();
}

static bg_result flush (walk *at, node_class class, bg_error *err)
{
    tally *sum = &at->tallies[class];
    if (sum->more == 0)
        return bg_ok ();
    const bg_slice text =
        sum->more == 1 && !at->is_cut
            ? text_of (at, class, sum->first_us)
            : bg_arena_printf (&at->core->scratch,
                  "and %s%llu more in a row; only the first ones are listed",
                  at->is_cut ? "at least " : "", (unsigned long long) (sum->more - 1));
    sum->more = 0;
    at->rows++;
    return row (at, class, sum->first_us, sum->first_fold, text, err);
}

/*  ---- the walk ----  */

static node_class class_of (const node_entry *entry, int64_t nominal_us)
{
    int64_t change_us;
    if (node_enabling_is_disabled (entry, nominal_us, &change_us))
        return NODE_CLASS_DISABLED;
    return job_schedule_is_open (&entry->spec, nominal_us, NULL) ? NODE_CLASS_RUNS
                                                                 : NODE_CLASS_WINDOW;
}

static bg_result would_run (walk *at, bg_error *err)
{
    const size_t max = at->entry->misfire_max;
    if (at->kept_count == max) {
        const kept oldest = at->kept[at->kept_first];
        at->kept_first = (at->kept_first + 1) % max;
        at->kept_count--;
        BG_TRY (not_run (at, NODE_CLASS_RUNS, oldest.nominal_us, oldest.fold, err));
    }
    at->kept[(at->kept_first + at->kept_count++) % max] = (kept){at->nominal_us, at->fold};
    return bg_ok ();
}

/*  An occurrence of another class ends what was kept from running in a row, unless that would be a row for each of
    thousands of ranges of a calendar.  */
static bg_result take (walk *at, node_class class, bg_error *err)
{
    node_entry *entry = at->entry;
    if (class != entry->streak) {
        if (at->rows < NODE_MISSED_ROWS_MAX) {
            if (entry->streak != NODE_CLASS_RUNS)
                BG_TRY (flush (at, entry->streak, err));
            at->tallies[NODE_CLASS_DISABLED].rows = at->tallies[NODE_CLASS_WINDOW].rows = 0;
        }
        entry->streak = class;
        entry->streak_rows = 0;
    }
    if (class == NODE_CLASS_RUNS)
        return would_run (at, err);
    if (entry->streak_rows < NODE_MISSED_ROWS_MAX)
        entry->streak_rows++;
    return not_run (at, class, at->nominal_us, at->fold, err);
}

/*  How many are counted one by one: each is asked of every calendar.  */
static size_t walk_max (const job_schedule *spec)
{
    return NODE_MISSED_WALK_MAX / (1 + spec->except_count + spec->within_count);
}

/*  From so long before the end on each is looked at again: of a day, or of about as many as were looked at before.  */
static int64_t last_part_us (const walk *at)
{
    const int64_t apart_us = (at->nominal_us - at->from_us) / (int64_t) at->steps;
    const int64_t part_us = apart_us * (int64_t) walk_max (&at->entry->spec);
    return part_us < BG_DAY (1) ? part_us : BG_DAY (1);
}

/*  Passes many of one sort without looking at each: those of plain intervals are counted by division; of others those
    far back are left out when there are too many to count.  */
static void leap (walk *at, node_class class)
{
    const job_schedule *spec = &at->entry->spec;
    tally *sum = &at->tallies[class];
    int64_t end_us;
    (void) node_enabling_is_disabled (at->entry, at->nominal_us, &end_us);
    if (sum->more == 0)
        return;
    end_us = end_us <= at->to_us ? end_us - 1 : at->to_us;
    const bool is_plain =
        spec->kind == JOB_SCHEDULE_EVERY && !spec->end_date &&
        (class == NODE_CLASS_DISABLED || spec->except_count + spec->within_count == 0);
    const int64_t spare = class == NODE_CLASS_RUNS ? at->entry->misfire_max : 0;
    if (is_plain) {
        const int64_t steps = (end_us - at->nominal_us) / spec->every_us - spare;
        if (steps > 0) {
            at->nominal_us += steps * spec->every_us;
            sum->more += (uint64_t) steps;
        }
    } else if (at->steps > walk_max (spec) && at->nominal_us < end_us - last_part_us (at)) {
        at->nominal_us = end_us - last_part_us (at);
        at->is_cut = true;
    }
}

static bg_result walk_on (walk *at, bg_error *err)
{
    const job_schedule *spec = &at->entry->spec;
    int64_t next_us;
    int fold;
    while (job_schedule_next (spec, at->nominal_us, &next_us, &fold) && next_us <= at->to_us) {
        at->nominal_us = next_us;
        at->fold = fold;
        at->steps++;
        const node_class class = class_of (at->entry, next_us);
        BG_TRY (take (at, class, err));
        leap (at, class);
    }
    for (node_class class = 0; class < NODE_CLASSES; class ++)
        if (class != NODE_CLASS_RUNS)
            BG_TRY (flush (at, class, err));
    return bg_ok ();
}

/*  ---- those that would run ----  */

static bool may_run (const node_core *self, const node_entry *entry, int64_t nominal_us)
{
    const int64_t late_us = self->now.utc_us - (nominal_us + entry->splay_us);
    return late_us <= NODE_LATE_US || self->now.utc_us - nominal_us <= entry->misfire_window_us;
}

static bg_result run_kept (walk *at, bg_error *err)
{
    node_core *self = at->core;
    for (size_t i = 0; i < at->kept_count; i++) {
        const kept one = at->kept[(at->kept_first + i) % at->entry->misfire_max];
        if (may_run (self, at->entry, one.nominal_us))
            continue;
        BG_TRY (not_run (at, NODE_CLASS_RUNS, one.nominal_us, one.fold, err));
    }
    BG_TRY (flush (at, NODE_CLASS_RUNS, err));
    for (size_t i = 0; i < at->kept_count; i++) {
        const kept one = at->kept[(at->kept_first + i) % at->entry->misfire_max];
        if (may_run (self, at->entry, one.nominal_us))
            BG_TRY (node_occurrence_due (self, at->entry, one.nominal_us, one.fold, err));
    }
    return bg_ok ();
}

bg_result node_due_take (node_core *self, node_entry *entry, bg_error *err)
{
    walk at = {.core = self,
        .entry = entry,
        .from_us = entry->mark_us,
        .to_us = self->now.utc_us - entry->splay_us,
        .nominal_us = entry->mark_us};
    if (!entry->usable || entry->mark_us >= at.to_us)
        return bg_ok ();
    at.kept = bg_arena_array (&self->scratch, kept, entry->misfire_max);
    /*  What was listed of a streak that goes on counts.  */
    if (entry->streak != NODE_CLASS_RUNS)
        at.tallies[entry->streak].rows = entry->streak_rows;
    BG_TRY (walk_on (&at, err));
    BG_TRY (run_kept (&at, err));
    return at.nominal_us == entry->mark_us ? bg_ok ()
                                           : node_entry_mark (self, entry, at.nominal_us, err);
}

/*  ---- events ----  */

bg_result node_due_event (node_core *self, node_entry *entry, bg_error *err)
{
    const int64_t now_us = self->now.utc_us;
    if (!entry->usable || !job_schedule_is_dated (&entry->spec, now_us))
        return bg_ok ();
    walk at = {.core = self, .entry = entry};
    const node_class class = class_of (entry, now_us);
    BG_TRY (class == NODE_CLASS_RUNS ? node_occurrence_due (self, entry, now_us, 0, err)
                                     : not_run (&at, class, now_us, 0, err));
    return node_entry_mark (self, entry, now_us, err);
}

/*  ---- when next ----  */

bool node_due_next (node_entry *entry)
{
    if (!entry->usable)
        return false;
    int64_t from_us = entry->mark_us;
    const bool is_quiet =
        entry->streak != NODE_CLASS_RUNS && entry->streak_rows >= NODE_MISSED_ROWS_MAX;
    if (is_quiet && entry->streak == NODE_CLASS_DISABLED) {
        const int64_t enabled_us = node_enabling_enabled_from (entry, from_us + 1);
        if (enabled_us == INT64_MAX)
            return false;
        from_us = enabled_us - 1;
    }
    size_t steps = 0;
    do {
        if (!job_schedule_next (&entry->spec, from_us, &entry->next_us, &entry->next_fold))
            return false;
        from_us = entry->next_us;
    } while (is_quiet && entry->streak == NODE_CLASS_WINDOW && ++steps < NODE_QUIET_WALK_MAX &&
             class_of (entry, from_us) == NODE_CLASS_WINDOW);
    return true;
}

bool node_due_next_run (const node_entry *entry, int64_t after_us, int64_t *at_us)
{
    for (size_t steps = 0; entry->usable && steps < NODE_QUIET_WALK_MAX; steps++) {
        const int64_t enabled_us = node_enabling_enabled_from (entry, after_us + 1);
        int fold;
        if (enabled_us == INT64_MAX ||
            !job_schedule_next (&entry->spec, enabled_us - 1, at_us, &fold))
            return false;
        if (class_of (entry, *at_us) == NODE_CLASS_RUNS)
            return true;
        after_us = *at_us;
    }
    return false;
}
