/*  bugle exec cancel: a STOP of one execution. Who has not begun is canceled at the broker at once; runs that go on are ended
    on their targets.
*/
#include "common/base/now.h"
#include "ctl/client.h"
#include "ctl/exec.h"
#include "ctl/issue.h"
#include "ctl/job.h"
#include "ctl/sign.h"

#include <inttypes.h>

#define LIFE_MIN_US BG_MIN (10)

/*  As long as the START could still be shown to a target, and a while for what runs.  */
static int64_t life_of (const ctl_run *run, const wire_deed *start)
{
    int64_t left_us = start->expires_us - ctl_client_now_us (run->client);
    if (left_us > WIRE_DEED_LIFE_MAX_US)
        left_us = WIRE_DEED_LIFE_MAX_US;
    return left_us > LIFE_MIN_US ? left_us : LIFE_MIN_US;
}

static void print_done (
    ctl_run *run, const wire_exec_row *row, const wire_issued *issued, bool dry_run)
{
    const char *outcome = !issued ? "unchanged" : dry_run ? "would cancel" : "canceled";
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "cancel", NULL, 0, "exec",
            json_pack ("{s:o, s:o, s:s, s:o, s:o, s:o, s:b}", "exec", ctl_json_id (row->id), "job",
                ctl_json_slice (row->job), "outcome", outcome, "pending",
                json_integer ((json_int_t) row->pending), "running",
                json_integer ((json_int_t) row->running), "stop",
                issued && !dry_run ? ctl_json_id (issued->id) : json_null (), "dry_run", dry_run));
    } else if (issued) {
        ctl_print (run->out, "%s %s (%.*s): %" PRIu64 " not begun, %" PRIu64 " running\n", outcome,
            bg_id_short (row->id).text, BG_SLICE_ARG (row->job), row->pending,
            row->waiting + row->running);
    } else {
        ctl_print (run->out, "unchanged %s (done already)\n", bg_id_short (row->id).text);
    }
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

bg_result ctl_exec_cancel (ctl_run *run, bg_error *err)
{
    wire_exec_row *row = NULL;
    wire_issued *issued = NULL;
    wire_deed start;
    wire_deed stop;
    bg_slice reason = {0};
    wire_issue request = {.has_deed = true, .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    BG_TRY (ctl_reason (run, &reason, err));
    BG_TRY (ctl_exec_find (run, ctl_argument (run->parsed, 0), false, &row, err));
    if (row->what != WIRE_DEED_START) {
        bg_ignore (bg_fail (err, BG_INVALID, "execution %s is a %s; only a start can be canceled",
            bg_id_short (row->id).text, wire_deed_word (row->what)));
        return bg_hint (err, "see: bugle exec show %s", bg_id_short (row->id).text);
    }
    if (row->done) {
        print_done (run, row, NULL, request.dry_run);
        return bg_ok ();
    }
    BG_TRY (ctl_exec_deed (run, row->id, &start, err));
    BG_TRY (
        ctl_sign_cancel (run, &start, life_of (run, &start), reason, &stop, &request.deed, err));
    BG_TRY (ctl_issue (run, &request, stop.id, &issued, err));
    if (!request.dry_run && ctl_given (run->parsed, CTL_OPT_WAIT)) {
        ctl_note (run->out, "canceled %s; waiting for what runs", bg_id_short (row->id).text);
        return ctl_exec_await (
            run, row->id, ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, 0), err);
    }
    print_done (run, row, issued, request.dry_run);
    return bg_ok ();
}
