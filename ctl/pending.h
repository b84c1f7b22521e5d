/*  Machines that ask to be enlisted, as a command sees them: with the code that each of them shows.

    The code is made here, of what the broker says about the machine and of the authority and broker key that this
    context trusts. A machine that was shown another authority has no code: a broker in between would be hidden by one.
*/
#ifndef BUGLE_CTL_PENDING_H
#define BUGLE_CTL_PENDING_H

#include "ctl/run.h"
#include "proto/enlist_code.h"
#include "proto/wire.h"

typedef struct {
    const wire_pending_row *row;
    bool is_trusted; /*  it was shown an authority that the context trusts: there is a code  */
    wire_enlist_code code;
    bool is_chosen;
    bool by_code;        /*  chosen by its code  */
    const char *outcome; /*  for people  */
    size_t item;         /*  the caller's  */
} ctl_pending;

typedef struct {
    ctl_pending *rows; /*  by the time of their first question  */
    size_t count;
    size_t chosen;
    size_t by_name; /*  of the chosen: those that nobody named by code  */
} ctl_pendings;

/*  All of them, in the run's arena.  */
bg_result ctl_pending_fetch (ctl_run *run, ctl_pendings *out, bg_error *err) BG_CHECKED;
/*  Sets is_chosen from the command line: codes, names and patterns as arguments, --codes FILE (one code a line, - is
    stdin, # begins a comment), --all. *missing (may be NULL) counts the codes of a file that nobody shows; they are told on stderr. Nothing
    chosen is an error: BG_USAGE, BG_NOT_FOUND.  */
bg_result ctl_pending_choose (
    ctl_run *run, ctl_pendings *all, size_t *missing, bg_error *err) BG_CHECKED;
/*  A name that two of the chosen machines ask for, not both named by code, is BG_CONFLICT: only the code tells them
    apart.  */
bg_result ctl_pending_check_twins (const ctl_pendings *all, bg_error *err) BG_CHECKED;
/*  The names of the chosen ones, folded; at most some 200 bytes.  */
void ctl_pending_names (const ctl_pendings *all, bg_arena *arena, bg_buf *out);
/*  The row for output; labels of columns: ctl_pending_columns.  */
json_t *ctl_pending_json (const ctl_pending *one, int64_t now_us);
extern const ctl_column ctl_pending_columns[];
extern const size_t ctl_pending_column_count;

#endif
