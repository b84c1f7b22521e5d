/*  bugle job start and stop: one signed deed, issued once however often it has to be sent.

    The id of the deed is made here, so the same bytes may be sent again after a lost answer: the broker issues them once.

    Invariant: without --yes no deed for more than CTL_ASK_ABOVE targets is issued unasked.
*/
#include "common/base/now.h"
#include "ctl/change_view.h"
#include "ctl/choose.h"
#include "ctl/exec.h"
#include "ctl/issue.h"
#include "ctl/job.h"
#include "ctl/sign.h"
#include "ctl/targets_arg.h"

#include <inttypes.h>

#define PAGE_MAX 1000

typedef struct {
    uint64_t what;
    const char *verb; /*  begins a question  */
    int64_t life_us;  /*  without --expires  */
} order_kind;

typedef struct {
    ctl_run *run;
    const order_kind *kind;
    bg_slice job;
    const wire_job_row *row; /*  NULL: a deleted job, which can be stopped where it still runs  */
    wire_audience to;
    bg_slice step; /*  empty: the job's own  */
    bg_slice reason;
    wire_issued *issued;
} order;

/*  ---- whom it is for ----  */

static bg_result find_job (order *self, bool needs_document, bg_error *err)
{
    const char *name = ctl_argument (self->run->parsed, 0);
    ctl_job_found found = {0};
    if (self->kind->what == WIRE_DEED_STOP)
        BG_TRY (ctl_job_look (self->run, bg_slice_str (name), false, &found, err));
    if (!found.row && found.withdrawn_version != 0) {
        self->job = bg_slice_str (name);
        return bg_ok ();
    }
    self->row = found.row;
    if (!self->row)
        BG_TRY (ctl_job_find (self->run, name, needs_document, &self->row, err));
    self->job = self->row->name;
    return bg_ok ();
}

/*  What was given as a number is said by its name: that is what is signed.  */
static bg_result choose_step (order *self, bg_error *err)
{
    const char *typed = ctl_text (self->run->parsed, CTL_OPT_STEP, NULL);
    wire_job job;
    if (!typed)
        return bg_ok ();
    BG_TRY (ctl_job_decode (&self->row->document, &self->run->arena, &job, err));
    const int at = ctl_job_step (&job, bg_slice_str (typed));
    self->step = at >= 0 ? job.steps[at].name : bg_slice_str (typed);
    return bg_ok ();
}

/*  A START without a choice says in its signed bytes whom the job was for when it was given. A STOP goes to everybody who
    may still run it, also where the job is not for any more.  */
static bg_result choose (order *self, bg_error *err)
{
    bool is_given = false;
    bool is_start = self->kind->what == WIRE_DEED_START;
    BG_TRY (ctl_targets_arg (self->run, &self->to, &is_given, err));
    BG_TRY (ctl_targets_resolve (self->run, &self->to, err));
    bool is_own = !is_given && !self->to.all;
    const bool has_step = is_start && ctl_given (self->run->parsed, CTL_OPT_STEP);
    BG_TRY (find_job (self, (is_own && is_start) || has_step, err));
    if (has_step)
        BG_TRY (choose_step (self, err));
    if (!is_own)
        return bg_ok ();
    if (!is_start) {
        self->to.all = true;
        return bg_ok ();
    }
    wire_job job;
    BG_TRY (ctl_job_decode (&self->row->document, &self->run->arena, &job, err));
    self->to = job.audience;
    return bg_ok ();
}

/*  ---- issuing ----  */

static bg_result issue (order *self, bool dry_run, bg_error *err)
{
    ctl_client *client = NULL;
    wire_deed deed;
    wire_issue request = {.has_deed = true, .dry_run = dry_run};
    int64_t life_us = ctl_duration_us (self->run->parsed, CTL_OPT_EXPIRES, self->kind->life_us);
    self->run->rehearses = dry_run;
    BG_TRY (ctl_run_client (self->run, &client, err));
    BG_TRY (ctl_sign_deed (self->run, self->kind->what, self->job, &self->to, self->step, life_us,
        self->reason, &deed, &request.deed, err));
    return ctl_issue (self->run, &request, deed.id, &self->issued, err);
}

/*  Whether there may be more targets than are started unasked: the job's own number is an upper bound, but for those that
    still run a job that is not for them any more.  */
static bool may_be_many (const order *self)
{
    return !self->row || self->row->targets > CTL_ASK_ABOVE || self->kind->what == WIRE_DEED_STOP;
}

static bg_result ask (order *self, bg_error *err)
{
    if (ctl_given (self->run->parsed, CTL_OPT_YES) || !may_be_many (self))
        return bg_ok ();
    BG_TRY (issue (self, true, err));
    if (self->issued->targets <= CTL_ASK_ABOVE)
        return bg_ok ();
    return ctl_confirm (self->run, err, "%s job '%.*s' on %" PRIu64 " targets?", self->kind->verb,
        BG_SLICE_ARG (self->job), self->issued->targets);
}

/*  ---- a dry run ----  */

/*  The names of the targets, which the broker does not list when it counts.  */
static bg_result add_names (order *self, ctl_order *shown, bg_error *err)
{
    bg_slice *names = bg_arena_array (&self->run->arena, bg_slice, self->issued->targets);
    wire_target_query query = {.job = self->job, .limit = PAGE_MAX};
    wire_targets *answer = NULL;
    shown->names = names;
    if (!self->row)
        return bg_ok ();
    do {
        BG_TRY (ctl_call (
            self->run->client, WIRE_TARGET_QUERY, &query, WIRE_TARGETS, (void **) &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++) {
            query.after = answer->rows[i].number;
            if (ctl_targets_match (&self->to, &answer->rows[i]) &&
                shown->name_count < self->issued->targets)
                names[shown->name_count++] = answer->rows[i].name;
        }
    } while (answer->more && answer->rows_count > 0);
    return bg_ok ();
}

static bg_result try_out (order *self, bg_error *err)
{
    BG_TRY (issue (self, true, err));
    ctl_order shown = {
        .what = self->kind->what, .job = self->job, .issued = self->issued, .dry_run = true};
    BG_TRY (add_names (self, &shown, err));
    if (ctl_is_human (self->run->out)) {
        BG_AUTO_BUF text = {0};
        ctl_order_dry_text (&shown, &text);
        ctl_print_slice (self->run->out, bg_buf_slice (&text));
    } else {
        ctl_object (self->run->out, "order", NULL, 0, "job", ctl_order_json (&shown));
    }
    ctl_note (self->run->out, "dry run: nothing was changed");
    return bg_ok ();
}

/*  ---- the commands ----  */

static bg_result report (order *self, bg_error *err)
{
    ctl_run *run = self->run;
    const ctl_order shown = {.what = self->kind->what, .job = self->job, .issued = self->issued};
    bool waits = ctl_given (run->parsed, CTL_OPT_WAIT);
    BG_AUTO_BUF text = {0};
    ctl_order_text (&shown, &text);
    if (waits) {
        ctl_note (
            run->out, "%s; exec %s", bg_buf_cstr (&text), bg_id_short (self->issued->id).text);
        return ctl_exec_await (
            run, self->issued->id, ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, 0), err);
    }
    if (ctl_is_human (run->out))
        ctl_print (run->out, "%s\n", bg_id_text (self->issued->id).text);
    else
        ctl_object (run->out, "order", NULL, 0, "id", ctl_order_json (&shown));
    ctl_note (run->out, "%s; follow it: bugle exec wait %s", bg_buf_cstr (&text),
        bg_id_short (self->issued->id).text);
    return bg_ok ();
}

static bg_result give (ctl_run *run, const order_kind *kind, bg_error *err)
{
    order self = {.run = run, .kind = kind};
    if (ctl_given (run->parsed, CTL_OPT_TIMEOUT) && !ctl_given (run->parsed, CTL_OPT_WAIT)) {
        bg_ignore (bg_fail (err, BG_USAGE,
            "--timeout says how long to wait for outcomes, but nothing waits for them"));
        return bg_hint (err, "add --wait; how long the order counts is said by --expires");
    }
    BG_TRY (ctl_reason (run, &self.reason, err));
    BG_TRY (choose (&self, err));
    if (ctl_given (run->parsed, CTL_OPT_DRY_RUN))
        return try_out (&self, err);
    BG_TRY (ask (&self, err));
    BG_TRY (issue (&self, false, err));
    return report (&self, err);
}

bg_result ctl_job_start (ctl_run *run, bg_error *err)
{
    static const order_kind kind = {WIRE_DEED_START, "Start", BG_HOUR (1)};
    return give (run, &kind, err);
}

bg_result ctl_job_stop (ctl_run *run, bg_error *err)
{
    static const order_kind kind = {WIRE_DEED_STOP, "Stop", BG_MIN (10)};
    return give (run, &kind, err);
}
