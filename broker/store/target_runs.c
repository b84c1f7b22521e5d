/*  See target_runs.h. A segment gives its runs in order, so they are put into place from behind: as segments follow each
    other in time, nearly all of them belong at the end.  */
#include "broker/store/target_runs.h"

#include <string.h>

/*  Rows of a segment as a power of two: the expression of index run_by_target.  */
#define SEGMENT_BITS 15
#define SEGMENT      "r.row >> 15"

#define PLACES                                                                                     \
    "SELECT r.at_us, r.row, r.job FROM run r WHERE " SEGMENT " = ?5 AND r.number = ?6 AND "        \
    "(r.at_us, r.row) >= (?1, ?2) AND (r.at_us, r.row) < (?3, ?4)"

static const char *const places_sql[] = {
    PLACES " ORDER BY r.at_us DESC, r.row DESC LIMIT ?7",
    PLACES " ORDER BY r.at_us, r.row LIMIT ?7",
};

static const char last_number_sql[] = "SELECT max (r.number) FROM run r WHERE " SEGMENT " = ?1";

const char *broker_target_runs_sql (size_t index)
{
    return index < 2 ? places_sql[index] : index == 2 ? last_number_sql : NULL;
}

static bg_result read_row (bg_db *db, const char *sql, int64_t *row, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, sql);
    bool found = false;
    BG_TRY (bg_stmt_step (stmt, &found, err));
    if (found)
        *row = bg_column_i64 (stmt, 0);
    bg_stmt_reset (stmt);
    return bg_ok ();
}

bg_result broker_run_rows (bg_db *db, int64_t *first, int64_t *last, bg_error *err)
{
    *first = 0;
    *last = -1;
    BG_TRY (read_row (db, "SELECT row FROM run ORDER BY row LIMIT 1", first, err));
    return read_row (db, "SELECT row FROM run ORDER BY row DESC LIMIT 1", last, err);
}

/*  What is found so far, and the range that could still bring something better.  */
typedef struct {
    broker_target_runs *found;
    broker_range range;
    bool oldest_first;
} gathering;

static bool comes_before (const gathering *self, broker_place a, broker_place b)
{
    return self->oldest_first ? broker_place_is_below (a, b) : broker_place_is_below (b, a);
}

static void put (gathering *self, const broker_target_run *run)
{
    broker_target_runs *found = self->found;
    size_t low = 0;
    size_t high = found->count;
    while (low < high) {
        const size_t middle = high - (high - low + 1) / 2;
        if (comes_before (self, run->at, found->runs[middle].at))
            high = middle;
        else
            low = middle + 1;
    }
    if (low == found->room)
        return;
    if (found->count < found->room)
        found->count++;
    memmove (
        &found->runs[low + 1], &found->runs[low], (found->count - 1 - low) * sizeof found->runs[0]);
    found->runs[low] = *run;
    if (found->count < found->room)
        return;
    const broker_place worst = found->runs[found->count - 1].at;
    if (self->oldest_first)
        self->range.high = worst;
    else
        self->range.low = worst;
}

static bg_result gather_segment (
    bg_db *db, uint32_t number, int64_t segment, gathering *self, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, places_sql[self->oldest_first]);
    bg_result result = bg_ok ();
    bg_bind_i64 (stmt, 1, self->range.low.key);
    bg_bind_i64 (stmt, 2, self->range.low.row);
    bg_bind_i64 (stmt, 3, self->range.high.key);
    bg_bind_i64 (stmt, 4, self->range.high.row);
    bg_bind_i64 (stmt, 5, segment);
    bg_bind_i64 (stmt, 6, number);
    bg_bind_i64 (stmt, 7, (int64_t) self->found->room);
    self->found->searches++;
    while (bg_stmt_each (stmt, &result, err)) {
        const broker_target_run run = {
            {bg_column_i64 (stmt, 0), bg_column_i64 (stmt, 1)}, bg_column_i64 (stmt, 2)};
        if (!broker_place_is_below (run.at, self->range.high) ||
            broker_place_is_below (run.at, self->range.low)) {
            bg_stmt_reset (stmt);
            break;
        }
        put (self, &run);
    }
    return result;
}

bg_result broker_target_runs_find (bg_db *db, uint32_t number, const broker_range *range,
    bool oldest_first, broker_target_runs *found, bg_error *err)
{
    gathering work = {.found = found, .range = *range, .oldest_first = oldest_first};
    int64_t first = 0;
    int64_t last = 0;
    bg_assert (found->room > 0);
    found->count = found->searches = 0;
    BG_TRY (broker_run_rows (db, &first, &last, err));
    first >>= SEGMENT_BITS;
    last >>= SEGMENT_BITS;
    for (int64_t i = 0; i <= last - first; i++)
        BG_TRY (gather_segment (db, number, oldest_first ? first + i : last - i, &work, err));
    return bg_ok ();
}

bg_result broker_target_runs_last_number (bg_db *db, uint32_t *number, bg_error *err)
{
    int64_t first = 0;
    int64_t last = 0;
    *number = 0;
    BG_TRY (broker_run_rows (db, &first, &last, err));
    for (int64_t at = first >> SEGMENT_BITS; at <= last >> SEGMENT_BITS; at++) {
        bg_stmt *stmt = bg_db_query (db, last_number_sql);
        bool found = false;
        bg_bind_i64 (stmt, 1, at);
        BG_TRY (bg_stmt_step (stmt, &found, err));
        const int64_t greatest = found ? bg_column_i64 (stmt, 0) : 0;
        bg_stmt_reset (stmt);
        if (greatest > *number)
            *number = (uint32_t) greatest;
    }
    return bg_ok ();
}
