/*  What apply decides, apart from files and the broker.  */
#ifndef BUGLE_CTL_APPLY_H
#define BUGLE_CTL_APPLY_H

#include "ctl/output.h"
#include "ctl/standing.h"

/*  One document of the files against what the broker has.  */
typedef struct {
    bool is_unchanged;     /*  nothing is to be posted  */
    uint64_t last_version; /*  what the new version has to exceed  */
    uint64_t seen_version; /*  for compare-and-set  */
} ctl_apply_plan;

ctl_apply_plan ctl_apply_compare (const ctl_standing *found, const ctl_definition *wanted);

/*  What became of one object, or would become.  */
typedef struct {
    wire_type type;
    bg_slice name;
    uint64_t outcome;  /*  WIRE_POSTED_*  */
    uint64_t revision; /*  N of "(vN)"  */
    uint64_t version;  /*  of the document  */
    uint64_t targets;
    bg_slice diff; /*  of a change: how the file of before becomes that of now  */
} ctl_apply_outcome;

/*  Appends "created nightly-backup (v1) -> 5 targets", after a dry run "would be created ...". What is no job says so:
    "created calendar holidays (v1) -> 5 targets".  */
void ctl_apply_text (const ctl_apply_outcome *outcome, bool dry_run, bg_buf *out);
/*  {type, name, outcome, diff, version, document_version, targets}. New reference.  */
json_t *ctl_apply_json (const ctl_apply_outcome *outcome);

#endif
