/*  Cells that rows of jobs and rows of what they share have in common: whether it is enabled and until when, its version,
    and how far it has come to its targets. Pure.

    Rows have enabled, disabled_reason, disabled_until, enabled_until, version, applied, pending, waiting, failed. Each
    function appends to text and is a printer of ctl_column.
*/
#ifndef BUGLE_CTL_STATE_VIEW_H
#define BUGLE_CTL_STATE_VIEW_H

#include "ctl/output.h"

/*  "enabled", "disabled"; "-" of what is not switched.  */
void ctl_enabled_print (const ctl_output *out, const json_t *row, bg_buf *text);
/*  "disabled until 2026-07-01 00:00:00 +0200: why".  */
void ctl_state_print (const ctl_output *out, const json_t *row, bg_buf *text);
/*  "v3"; "not there" of what the broker does not have.  */
void ctl_version_print (const ctl_output *out, const json_t *row, bg_buf *text);
/*  "5 applied, 1 waiting": the states that somebody is in.  */
void ctl_delivery_print (const ctl_output *out, const json_t *row, bg_buf *text);

/*  The time that stands under key, as people read it; nothing when there is none.  */
void ctl_time_print (const ctl_output *out, const json_t *row, const char *key, bg_buf *text);

/*  Targets that have neither taken it over nor said why not.  */
uint64_t ctl_pending (uint64_t targets, uint64_t applied, uint64_t waiting, uint64_t failed);

#endif
