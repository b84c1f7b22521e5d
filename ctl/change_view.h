/*  What commands say that change a job or what jobs share, or start or stop a job. Pure.  */
#ifndef BUGLE_CTL_CHANGE_VIEW_H
#define BUGLE_CTL_CHANGE_VIEW_H

#include "ctl/output.h"
#include "proto/wire.h"

/*  enable, disable, delete.  */
typedef struct {
    bg_slice name;
    const char *outcome; /*  "enabled", "disabled", "deleted", "unchanged"  */
    const char *already; /*  of "unchanged": "disabled", "enabled", "deleted"  */
    uint64_t targets;
    int64_t until_us; /*  from then on it is the other way round; 0: till somebody changes it  */
    bool is_utc;
    bg_slice reason;
    bool dry_run;
} ctl_change;

/*  Appends "disabled nightly-backup -> 5 targets, until 2026-07-01 00:00:00 +0200", "unchanged nightly-backup (disabled
    already)".  */
void ctl_change_text (const ctl_change *change, bg_buf *out);
/*  {name, outcome, until, reason, targets, dry_run}. New reference.  */
json_t *ctl_change_json (const ctl_change *change);

/*  start, stop.  */
typedef struct {
    uint64_t what; /*  WIRE_DEED_START or STOP  */
    bg_slice job;
    const wire_issued *issued;
    bool dry_run;
    const bg_slice *names; /*  of a dry run: the targets, as far as they are known  */
    size_t name_count;
} ctl_order;

/*  Appends "would start nightly-backup -> 5 targets (4 connected)" and a line with their names.  */
void ctl_order_dry_text (const ctl_order *order, bg_buf *out);
/*  Appends what is said when it was issued: "starting nightly-backup on 5 targets (4 connected)".  */
void ctl_order_text (const ctl_order *order, bg_buf *out);
/*  {id, job, what, targets, connected, running, expires, repeated, dry_run}, of a dry run with names and without id. New
    reference.  */
json_t *ctl_order_json (const ctl_order *order);

#endif
