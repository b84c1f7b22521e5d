/*  What apply decides, apart from files and the broker.  */
#ifndef BUGLE_CTL_APPLY_H
#define BUGLE_CTL_APPLY_H

#include "ctl/job.h"
#include "ctl/job_files.h"
#include "ctl/output.h"

/*  One job of the files against what the broker has.  */
typedef struct {
    bool is_unchanged;     /*  nothing is to be posted  */
    uint64_t last_version; /*  what the new version has to exceed  */
    uint64_t seen_version; /*  for compare-and-set  */
} ctl_apply_plan;

ctl_apply_plan ctl_apply_compare (const wire_job *job, const ctl_job_found *found);

/*  What became of one object, or would become.  */
typedef struct {
    bg_slice name;
    uint64_t outcome;  /*  WIRE_POSTED_*  */
    uint64_t revision; /*  N of "(vN)"  */
    uint64_t version;  /*  of the document  */
    uint64_t targets;
} ctl_apply_outcome;

/*  Appends "created nightly-backup (v1) -> 5 targets", after a dry run "would be created ...".  */
void ctl_apply_text (const ctl_apply_outcome *outcome, bool dry_run, bg_buf *out);
/*  {name, outcome, version, document_version, targets}. New reference.  */
json_t *ctl_apply_json (const ctl_apply_outcome *outcome);

#endif
