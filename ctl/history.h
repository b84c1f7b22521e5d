/*  Asking the broker for runs.  */
#ifndef BUGLE_CTL_HISTORY_H
#define BUGLE_CTL_HISTORY_H

#include "ctl/run.h"
#include "proto/wire.h"

typedef struct {
    wire_history_row
        *rows; /*  by when they started, in the order of the query; in the run's arena  */
    size_t count;
    bool more; /*  there are older ones that match  */
} ctl_history_rows;

/*  The same over at most so many pages, each of which looks at some thousand runs: more is true also when the rest was
    not looked at.  */
bg_result ctl_history_look (ctl_run *run, const wire_history_query *query, size_t limit,
    size_t pages, ctl_history_rows *out, bg_error *err) BG_CHECKED;

/*  At most limit runs that match the query, over as many pages as it takes; before and limit of the query are set here.
    Failures of ctl_call.  */
bg_result ctl_history_fetch (ctl_run *run, const wire_history_query *query, size_t limit,
    ctl_history_rows *out, bg_error *err) BG_CHECKED;

/*  The states that --failed and --state stand for; states has room for 8, 0 are all of them. state may be NULL.
    BG_USAGE when they exclude each other.  */
bg_result ctl_history_states (
    bool failed, const char *state, uint64_t states[8], size_t *count, bg_error *err) BG_CHECKED;

/*  bugle job history --purge.  */
bg_result ctl_history_purge (ctl_run *run, bg_error *err) BG_CHECKED;

#endif
