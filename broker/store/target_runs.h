/*  The runs of one target in the order of time.

    What arrives together comes from many targets. If the index by target were one order of all rows, each of them would
    change a page of its own, and what leaves months later would again. So it is cut into segments of 32,768 rows of table
    run, in the order in which they were stored, each ordered by target and time within itself: what arrives and what
    leaves touches one segment of about 220 pages. Here the segments are put together again; a question costs one search in
    each of them, 305 with 10 million rows.  */
#ifndef BUGLE_BROKER_STORE_TARGET_RUNS_H
#define BUGLE_BROKER_STORE_TARGET_RUNS_H

#include "common/sys/sqlite.h"

/*  A place in the order of pages: a time and a row of table run. Rows of a range come from low on and below high.  */
typedef struct {
    int64_t key;
    int64_t row;
} broker_place;

typedef struct {
    broker_place low;
    broker_place high;
} broker_range;

static inline bool broker_place_is_below (broker_place a, broker_place b)
{
    return a.key != b.key ? a.key < b.key : a.row < b.row;
}

static inline broker_place broker_place_after (broker_place at)
{
    return (broker_place){at.key, at.row + 1};
}

typedef struct {
    broker_place at; /*  when it started, or was stored when it never did  */
    int64_t job;     /*  row of table job  */
} broker_target_run;

/*  The caller brings the room, at least 1.  */
typedef struct {
    broker_target_run *runs; /*  in order  */
    size_t count;
    size_t room;
    size_t searches; /*  so many segments were looked at  */
} broker_target_runs;

/*  The first runs of a target that are in range, as many as there is room for, newest or oldest first.  */
bg_result broker_target_runs_find (bg_db *db, uint32_t number, const broker_range *range,
    bool oldest_first, broker_target_runs *found, bg_error *err) BG_CHECKED;

/*  The greatest number of a target with runs; 0 when there are none.  */
bg_result broker_target_runs_last_number (bg_db *db, uint32_t *number, bg_error *err) BG_CHECKED;
/*  First and last row of table run; 0 and -1 when it is empty.  */
bg_result broker_run_rows (bg_db *db, int64_t *first, int64_t *last, bg_error *err) BG_CHECKED;

/*  The statements of this, for the test that looks at their plans; NULL behind the last.  */
const char *broker_target_runs_sql (size_t index);

#endif
