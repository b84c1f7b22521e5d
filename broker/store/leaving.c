/*  See leaving.h. Nothing here reads a whole table at once, and no piece depends on how much a target or a job has.

    Invariant: a bit is set only for a row of the pass's range. Rows of one pass are at most RANGE_MAX, 16 MiB of bits; what
    lies behind is the next pass's.  */
#include "broker/store/leaving.h"

#include "broker/store/target_runs.h"

#include <stdlib.h>
#include <string.h>

#define REMOVED_MAX  500u
#define COUNTED_MAX  4096u
#define SEARCHES_MAX 1024u
#define RANGE_MAX    (INT64_C (1) << 27)
#define WORD_BITS    64

/*  What a job keeps, and how many of its runs were counted on the target whose turn it is.  */
typedef struct {
    int64_t keep_us;
    uint32_t least;
    uint32_t counted;
} kept_job;

struct broker_leaving {
    bg_db *db;
    int64_t now_us;
    kept_job *jobs; /*  by row of table job  */
    size_t jobs_size;
    int64_t first_row; /*  that of bit 0  */
    int64_t rows;
    uint64_t *marks;
    uint32_t number; /*  target whose runs are counted; behind last_number all are  */
    uint32_t last_number;
    bool is_begun; /*  some of its runs are counted: those down to reached  */
    broker_place reached;
    int64_t next_bit; /*  marked rows before it were looked at  */
};

bg_result broker_leaving_shortest (
    bg_db *db, const broker_retention *keep, int64_t *keep_us, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (db, "SELECT coalesce (min (keep_us), ?1) FROM job WHERE keep_us <> 0");
    bool found = false;
    bg_bind_i64 (stmt, 1, keep->history_us);
    BG_TRY (bg_stmt_step (stmt, &found, err));
    const int64_t least_us = found ? bg_column_i64 (stmt, 0) : keep->history_us;
    bg_stmt_reset (stmt);
    *keep_us = least_us < keep->history_us ? least_us : keep->history_us;
    return bg_ok ();
}

/*  Whether any run is older than that, by its own time.  */
static bg_result is_any_older (bg_db *db, int64_t than_us, bool *is_any, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "SELECT 1 FROM run WHERE at_us < ?1 LIMIT 1");
    bg_bind_i64 (stmt, 1, than_us);
    BG_TRY (bg_stmt_step (stmt, is_any, err));
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result read_jobs (broker_leaving *self, const broker_retention *keep, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (self->db, "SELECT row, keep_us, keep_runs FROM job ORDER BY row DESC");
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        const size_t row = (size_t) bg_column_i64 (stmt, 0);
        const int64_t keep_us = bg_column_i64 (stmt, 1);
        const int64_t keep_runs = bg_column_i64 (stmt, 2);
        if (!self->jobs) {
            self->jobs_size = row + 1;
            self->jobs = bg_alloc (self->jobs_size * sizeof *self->jobs);
        }
        self->jobs[row] = (kept_job){.keep_us = keep_us ? keep_us : keep->history_us,
            .least = keep_runs ? (uint32_t) keep_runs : keep->history_least};
    }
    return result;
}

static bg_result set_up (
    broker_leaving *self, const broker_retention *keep, int64_t *from_row, bg_error *err)
{
    int64_t last_row = -1;
    BG_TRY (read_jobs (self, keep, err));
    BG_TRY (broker_target_runs_last_number (self->db, &self->last_number, err));
    BG_TRY (broker_run_rows (self->db, &self->first_row, &last_row, err));
    if (self->first_row < *from_row)
        self->first_row = *from_row;
    self->rows = last_row < self->first_row ? 0 : last_row - self->first_row + 1;
    if (self->rows > RANGE_MAX)
        self->rows = RANGE_MAX;
    *from_row = self->first_row + self->rows <= last_row ? self->first_row + self->rows : 0;
    self->marks = bg_alloc ((size_t) (self->rows / WORD_BITS + 1) * sizeof *self->marks);
    self->number = 1;
    return bg_ok ();
}

bg_result broker_leaving_begin (bg_db *db, int64_t now_us, const broker_retention *keep,
    int64_t *from_row, broker_leaving **pass, bg_error *err)
{
    int64_t shortest_us = 0;
    bool is_any = false;
    *pass = NULL;
    BG_TRY (broker_leaving_shortest (db, keep, &shortest_us, err));
    BG_TRY (is_any_older (db, now_us - shortest_us, &is_any, err));
    if (!is_any) {
        *from_row = 0;
        return bg_ok ();
    }
    broker_leaving *self = bg_alloc (sizeof *self);
    *self = (broker_leaving){.db = db, .now_us = now_us};
    bg_result result = set_up (self, keep, from_row, err);
    if (bg_failed (result))
        broker_leaving_destroy (&self);
    *pass = self;
    return result;
}

void broker_leaving_destroy (broker_leaving **self_p)
{
    broker_leaving *self = *self_p;
    if (!self)
        return;
    free (self->jobs);
    free (self->marks);
    free (self);
    *self_p = NULL;
}

/*  ---- counting ----  */

/*  A target with a clock far ahead must not keep its runs for ever: their time tells nothing.  */
static void count_run (broker_leaving *self, const broker_target_run *run)
{
    const int64_t bit = run->at.row - self->first_row;
    if (run->job < 0 || (size_t) run->job >= self->jobs_size)
        return; /*  a job, and with it a run, of after the pass began  */
    kept_job *job = &self->jobs[run->job];
    if (job->counted < job->least)
        job->counted++;
    else if (bit >= 0 && bit < self->rows &&
             (run->at.key < self->now_us - job->keep_us || run->at.key > self->now_us))
        self->marks[bit / WORD_BITS] |= UINT64_C (1) << (bit % WORD_BITS);
}

static void turn_to_next (broker_leaving *self)
{
    self->number++;
    self->is_begun = false;
    for (size_t i = 0; i < self->jobs_size; i++)
        self->jobs[i].counted = 0;
}

static bg_result count_piece (broker_leaving *self, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    broker_target_runs found = {.runs = bg_arena_array (&arena, broker_target_run, COUNTED_MAX)};
    size_t searches = 0;
    for (size_t counted = 0;
         counted < COUNTED_MAX && searches < SEARCHES_MAX && self->number <= self->last_number;) {
        const broker_range below = {.low = {INT64_MIN, 0},
            .high = self->is_begun ? self->reached : (broker_place){INT64_MAX, INT64_MAX}};
        found.room = COUNTED_MAX - counted;
        BG_TRY (broker_target_runs_find (self->db, self->number, &below, false, &found, err));
        for (size_t i = 0; i < found.count; i++)
            count_run (self, &found.runs[i]);
        counted += found.count;
        searches += found.searches;
        if (found.count < found.room) {
            turn_to_next (self);
        } else {
            self->is_begun = true;
            self->reached = found.runs[found.count - 1].at;
        }
    }
    return bg_ok ();
}

/*  ---- removing ----  */

/*  The next marked row; false behind the last.  */
static bool next_marked (broker_leaving *self, int64_t *row)
{
    while (self->next_bit < self->rows) {
        const int64_t bit = self->next_bit;
        const uint64_t rest = self->marks[bit / WORD_BITS] >> (bit % WORD_BITS);
        if (rest == 0) {
            self->next_bit = (bit / WORD_BITS + 1) * WORD_BITS;
            continue;
        }
        const int64_t found = bit + __builtin_ctzll (rest);
        self->next_bit = found + 1;
        *row = self->first_row + found;
        return found < self->rows;
    }
    return false;
}

/*  What a target handed in late is as young as when it came.  */
static bg_result is_old (broker_leaving *self, int64_t row, bool *old, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (self->db, "SELECT stored_us, job FROM run WHERE row = ?1");
    bg_bind_i64 (stmt, 1, row);
    BG_TRY (bg_stmt_step (stmt, old, err));
    if (*old)
        *old = bg_column_i64 (stmt, 0) <
               self->now_us - self->jobs[(size_t) bg_column_i64 (stmt, 1)].keep_us;
    bg_stmt_reset (stmt);
    return bg_ok ();
}

bg_result broker_run_remove (bg_db *db, int64_t row, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "DELETE FROM output WHERE row = ?1");
    bg_bind_i64 (stmt, 1, row);
    BG_TRY (bg_stmt_run (stmt, err));
    stmt = bg_db_query (db, "DELETE FROM run WHERE row = ?1");
    bg_bind_i64 (stmt, 1, row);
    return bg_stmt_run (stmt, err);
}

static bg_result remove_piece (broker_leaving *self, bool *more, bg_error *err)
{
    for (size_t i = 0; i < REMOVED_MAX; i++) {
        int64_t row = 0;
        bool old = false;
        *more = next_marked (self, &row);
        if (!*more)
            return bg_ok ();
        BG_TRY (is_old (self, row, &old, err));
        if (old)
            BG_TRY (broker_run_remove (self->db, row, err));
    }
    return bg_ok ();
}

bg_result broker_leaving_step (broker_leaving *self, bool *more, bg_error *err)
{
    *more = true;
    return self->number <= self->last_number ? count_piece (self, err)
                                             : remove_piece (self, more, err);
}
