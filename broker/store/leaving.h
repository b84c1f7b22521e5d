/*  Which runs may leave the history, and their leaving: one pass over it, in pieces.

    First every target's runs are counted from the newest on, by its index alone; a run that has as many newer ones of its job as
    are to stay, and is old enough by its own time, is marked, one bit for a row. Then the marked rows leave in the order in which
    they came, which is where they lie together, if they are also old enough by the time at which they were stored.
    A run never leaves while it is younger than was asked, or among so many of the last of its job on its target.

    A pass lives in memory: after a restart, or when what is to be kept changes, it begins anew. What it has decided stays
    right while rows are added, since those are newer; it must be dropped when runs leave by something else.  */
#ifndef BUGLE_BROKER_STORE_LEAVING_H
#define BUGLE_BROKER_STORE_LEAVING_H

#include "broker/core/store_port.h"
#include "common/sys/sqlite.h"

typedef struct broker_leaving broker_leaving;

/*  Begins a pass when there may be something to remove; else *pass is NULL. keep: what holds for jobs that do not say
    otherwise (table job). *from_row: where it begins, 0 for the first row; then where the next one is to begin, 0 when this
    one goes to the end.  */
bg_result broker_leaving_begin (bg_db *db, int64_t now_us, const broker_retention *keep,
    int64_t *from_row, broker_leaving **pass, bg_error *err) BG_CHECKED;
/*  A piece: about 4,000 runs counted, or at most 500 removed. *more is false when the pass is over.  */
bg_result broker_leaving_step (broker_leaving *self, bool *more, bg_error *err) BG_CHECKED;
void broker_leaving_destroy (broker_leaving **self_p);

/*  The shortest time for which any job keeps its runs.  */
bg_result broker_leaving_shortest (
    bg_db *db, const broker_retention *keep, int64_t *keep_us, bg_error *err) BG_CHECKED;

/*  One run with its output.  */
bg_result broker_run_remove (bg_db *db, int64_t row, bg_error *err) BG_CHECKED;

#endif
