/*  What the commands of the noun target share.  */
#ifndef BUGLE_CTL_TARGET_H
#define BUGLE_CTL_TARGET_H

#include "ctl/client.h"

#include <jansson.h>

typedef struct {
    wire_target_row *rows; /*  in the run's arena  */
    size_t count;
    bool more;    /*  limit was reached and there are others  */
    size_t total; /*  that match  */
} ctl_target_rows;

/*  All pages of a query, at most limit rows (0: no limit). query->limit and ->after are ignored. A
    name, group or selector that matches nothing is BG_NOT_FOUND, said by the broker.  */
bg_result ctl_targets_fetch (ctl_run *run, const wire_target_query *query, size_t limit,
    ctl_target_rows *out, bg_error *err) BG_CHECKED;

/*  The targets of these names (or ids), with details, also those that left: a name that only a
    target that left has is found as well, the latest of them. BG_NOT_FOUND, said by the broker.  */
bg_result ctl_targets_named (ctl_run *run, const bg_slice *names, size_t count,
    ctl_target_rows *out, bg_error *err) BG_CHECKED;

/*  ---- target_view.c ---- */

/*  A target as a row of JSON, without its deliveries. now_us: broker time.  */
json_t *ctl_target_json (const wire_target_row *row, int64_t now_us);
/*  STATE as people read it: "quarantined object (2)".  */
void ctl_target_state_print (const ctl_output *out, const json_t *row, bg_buf *text);
/*  Its wall clock: "13:00:05 +01:00".  */
void ctl_target_local_print (const ctl_output *out, const json_t *row, bg_buf *text);
/*  One line on stderr for an admin, when targets are provisional.  */
void ctl_offer_confirm (ctl_run *run, uint64_t provisional);

/*  The variables of its signed membership, which only a row with details has, as an object. New reference.  */
json_t *ctl_target_variables_json (const wire_target_row *row);

#endif
