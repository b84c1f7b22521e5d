/*  Asking the broker for rows of the download list.  */
#ifndef BUGLE_CTL_OP_H
#define BUGLE_CTL_OP_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  What the options of a command of bugle op choose. *is_given: one of them was there. BG_USAGE and
    what the choice of targets may fail with.  */
bg_result ctl_op_query (
    ctl_run *run, wire_op_query *query, bool *is_given, bg_error *err) BG_CHECKED;

/*  The row with this id. BG_NOT_FOUND, BG_INVALID.  */
bg_result ctl_op_find (
    ctl_run *run, const char *id, const wire_op_row **row, bg_error *err) BG_CHECKED;

typedef bg_result ctl_op_take (void *taker, const wire_op_row *row, bg_error *err);
/*  Gives at most limit rows one after the other; they live in the run's arena. *more: there are
    others.  */
bg_result ctl_op_each (ctl_run *run, wire_op_query *query, size_t limit, ctl_op_take *take,
    void *taker, bool *more, bg_error *err) BG_CHECKED;

#endif
