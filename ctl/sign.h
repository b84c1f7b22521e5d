/*  Signing what a command changes: documents, deeds, tokens, with the login's key.

    Times are broker time. Before anything is signed the authority is verified from the context's
    pin, the login must be in it, and the broker's clock must be within 5 min of ours (BG_CLOCK
    names both).
*/
#ifndef BUGLE_CTL_SIGN_H
#define BUGLE_CTL_SIGN_H

#include "ctl/client.h"
#include "proto/sign.h"

/*  A document of type and name (the object's; for a switch and a withdrawal of a job: the job's),
    version max (last known + 1, broker time in ms), with body the struct of the type. last_version:
    0 when there is none. Everything in the run's arena.  */
bg_result ctl_sign_document (ctl_run *run, wire_type type, bg_slice name, uint64_t last_version,
    const void *body, wire_signed *out, bg_error *err) BG_CHECKED;
/*  The same, and no target takes it from not_after_us on (0: without end). Of a job or schedule: it needs what it uses.  */
bg_result ctl_sign_definition (ctl_run *run, wire_type type, bg_slice name, uint64_t last_version,
    const void *body, int64_t not_after_us, wire_signed *out, bg_error *err) BG_CHECKED;
/*  The same with the key given: memberships have the target's id.  */
bg_result ctl_sign_document_key (ctl_run *run, wire_type type, bg_id key, uint64_t last_version,
    const void *body, wire_signed *out, bg_error *err) BG_CHECKED;

/*  With --dry-run, and where run->rehearses (the count before a question), deeds and documents say in their signed bytes
    that they are for a dry run: nobody can make them the real thing.

    A START or STOP of a job: deed->id is new (the execution id of a START), issued now, expires
    life_us later. job_name is the name as the broker has it, empty for
    a POLL. step: with which a START begins; empty: the job's own. reason may be empty. deed and out live
    in the run's arena.  */
bg_result ctl_sign_deed (ctl_run *run, uint64_t what, bg_slice job_name, const wire_audience *to,
    bg_slice step, int64_t life_us, bg_slice reason, wire_deed *deed, wire_signed *out,
    bg_error *err) BG_CHECKED;

/*  The STOP of one execution: of the job key and name of its START.  */
bg_result ctl_sign_cancel (ctl_run *run, const wire_deed *start, int64_t life_us, bg_slice reason,
    wire_deed *deed, wire_signed *out, bg_error *err) BG_CHECKED;
/*  A START that brings its job: a one-shot job of a key of its own, for exactly these targets, valid as long as the START.
    job: name, steps and environment count.  */
bg_result ctl_sign_one_shot (ctl_run *run, const wire_job *job, const wire_audience *to,
    int64_t life_us, bg_slice reason, wire_deed *deed, wire_signed *out, bg_error *err) BG_CHECKED;

/*  A token record.  */
bg_result ctl_sign_token (
    ctl_run *run, const wire_token *token, wire_signed *out, bg_error *err) BG_CHECKED;

/*  Signs a request (what and its arguments are filled by the caller; installation, id and time here) and has the broker
    do it, or only check it with dry_run. *done lives in the run's arena. A connection that breaks is asked once more
    with the same id: it is done once.  */
bg_result ctl_request (ctl_run *run, const wire_request *ask, bool dry_run, wire_done **done,
    bg_error *err) BG_CHECKED;

/*  Posts signed documents of any number in batches of at most 64 and 200 KiB; rows[i] belongs to
    items[i]. dry_run asks the broker to check and change nothing. When a batch fails, *done says
    how many were posted before it.  */
bg_result ctl_post (ctl_run *run, const wire_post_item *items, size_t count, bool dry_run,
    wire_posted_item *rows, size_t *done, bg_error *err) BG_CHECKED;

#endif
