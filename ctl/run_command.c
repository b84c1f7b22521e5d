/*  bugle run: a command on targets, as a one-shot job inside its START.

    Not here: what outcomes look like (outcomes.c), waiting (exec.c).

    Invariants: nothing is started without a choice of targets, nor on more than CTL_ASK_ABOVE of them unasked; what was not
    started because of --max-failed is told, and the exit code is then 22.
*/
#include "common/base/now.h"
#include "common/base/utf8.h"
#include "ctl/choose.h"
#include "ctl/exec.h"
#include "ctl/exec_view.h"
#include "ctl/fold.h"
#include "ctl/issue.h"
#include "ctl/job.h"
#include "ctl/outcomes.h"
#include "ctl/share.h"
#include "ctl/sign.h"
#include "ctl/targets_arg.h"

#include <inttypes.h>

#define LIFE_US      BG_MIN (10)
#define END_US       BG_SEC (15) /*  for a command that --timeout ended to be reported  */
#define NAME_MAX_    100         /*  bytes of a job's name made of the command  */
#define INPUT_MAX    131072      /*  job_step.input  */
#define FAILED_SHOWN 8           /*  executions named in the next step  */

typedef struct {
    ctl_run *run;
    wire_job_step step;
    wire_job job;
    wire_audience to;
    ctl_members members; /*  with --batch  */
    size_t batch;        /*  targets at once; 0: all  */
    size_t max_failed;   /*  0: no limit  */
    bg_slice reason;
    int64_t life_us;
    int64_t wait_us; /*  0: no limit  */
    ctl_outcomes outcomes;
    wire_exec_row *row; /*  of the last execution  */
    size_t started;     /*  members, with --batch  */
    uint64_t targets;   /*  of all executions  */
    uint64_t bad;       /*  of them did not succeed  */
    bg_id failed[FAILED_SHOWN];
    size_t failed_count;
    int exit_code; /*  the worst  */
} work;

/*  ---- the command ----  */

/*  The words as they were typed, as far as a name may hold them.  */
static bg_slice name_of (ctl_run *run, const wire_job_step *step)
{
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF clean = {0};
    bg_buf_append_str (&text, "run:");
    for (size_t i = 0; i < step->argv_count; i++)
        bg_buf_printf (&text, " %.*s", BG_SLICE_ARG (step->argv[i]));
    ctl_clean (bg_buf_slice (&text), false, &clean);
    size_t size = clean.size < NAME_MAX_ ? clean.size : NAME_MAX_;
    while (size < clean.size && size > 0 && (clean.data[size] & 0xc0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++)
        if (clean.data[i] == '/' || clean.data[i] == '%')
            clean.data[i] = '_';
    while (size > 0 && clean.data[size - 1] == ' ')
        size--;
    return bg_arena_copy (&run->arena, bg_slice_of (clean.data, size));
}

static bg_result read_input (work *self, bg_error *err)
{
    BG_AUTO_BUF input = {0};
    if (!ctl_given (self->run->parsed, CTL_OPT_STDIN))
        return bg_ok ();
    bg_result result = ctl_read_stdin (self->run, INPUT_MAX, &input, err);
    if (result.code == BG_TOO_LARGE) {
        bg_ignore (bg_fail (err, BG_TOO_LARGE, "stdin has more than %d bytes", INPUT_MAX));
        return bg_hint (err, "put it where the targets can fetch it, and let the command do that");
    }
    self->step.input = bg_arena_copy (&self->run->arena, bg_buf_slice (&input));
    return result;
}

/*  What a signed job can hold as an argument.  */
static bg_result check_words (const wire_job_step *step, bg_error *err)
{
    for (size_t i = 0; i < step->argv_count; i++) {
        if (bg_utf8_valid (step->argv[i]) && !bg_has_control (step->argv[i], false))
            continue;
        bg_ignore (bg_fail (err, BG_USAGE,
            "argument %zu of the command holds a line break, or characters that are no text", i));
        return bg_hint (err, "give a script of several lines by --stdin");
    }
    return bg_ok ();
}

static bg_result make_job (work *self, bg_error *err)
{
    ctl_run *run = self->run;
    size_t count = ctl_argument_count (run->parsed);
    const bool has_input = ctl_given (run->parsed, CTL_OPT_STDIN);
    if (count == 0 && !has_input) {
        bg_ignore (bg_fail (err, BG_USAGE, "there is no command to run"));
        return bg_hint (err, "write it behind --, as: bugle run -g web -- uptime");
    }
    wire_job_step *step = &self->step;
    step->name = bg_slice_str ("run");
    step->kind = WIRE_STEP_RUN;
    step->argv = bg_arena_array (&run->arena, bg_slice, count + 2);
    for (size_t i = 0; i < count; i++)
        step->argv[step->argv_count++] = bg_slice_str (ctl_argument (run->parsed, i));
    if (count == 0) {
        step->argv[step->argv_count++] = bg_slice_str ("sh");
        step->argv[step->argv_count++] = bg_slice_str ("-s");
    }
    BG_TRY (check_words (step, err));
    step->timeout_us = (uint64_t) ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, 0);
    self->wait_us = step->timeout_us ? (int64_t) step->timeout_us + END_US : 0;
    BG_TRY (read_input (self, err));
    self->job = (wire_job){.name = name_of (run, step), .steps = step, .steps_count = 1};
    return bg_ok ();
}

/*  ---- whom it is for ----  */

static bg_result choose (work *self, bg_error *err)
{
    bool is_given = false;
    BG_TRY (ctl_targets_arg (self->run, &self->to, &is_given, err));
    if (!is_given) {
        bg_ignore (bg_fail (err, BG_USAGE, "no targets were chosen"));
        return bg_hint (err, "choose them with -t NAMES, -g GROUP, -l SELECTOR or --all");
    }
    return ctl_targets_resolve (self->run, &self->to, err);
}

/*  Batches are over a set of targets that does not change meanwhile.  */
static bg_result choose_batches (work *self, bg_error *err)
{
    const ctl_parsed *parsed = self->run->parsed;
    const char *batch = ctl_text (parsed, CTL_OPT_BATCH, NULL);
    const char *max_failed = ctl_text (parsed, CTL_OPT_MAX_FAILED, NULL);
    if (max_failed && !batch) {
        bg_ignore (
            bg_fail (err, BG_USAGE, "--max-failed stops between batches, and there are none"));
        return bg_hint (err, "add --batch N or --batch P%%");
    }
    if (!batch)
        return bg_ok ();
    if (ctl_given (parsed, CTL_OPT_NO_WAIT))
        return bg_fail (err, BG_USAGE, "--no-wait leaves nothing to wait for between batches");
    BG_TRY (ctl_choose_audience (self->run, &self->to, NULL, &self->members, err));
    if (self->members.count == 0)
        return bg_fail (err, BG_NOT_FOUND, "the choice matched no target");
    BG_TRY (ctl_share ("--batch", batch, self->members.count, &self->batch, err));
    return max_failed
               ? ctl_share ("--max-failed", max_failed, self->members.count, &self->max_failed, err)
               : bg_ok ();
}

/*  ---- starting ----  */

static bg_result issue (
    work *self, const wire_audience *to, bool dry_run, wire_issued **issued, bg_error *err)
{
    wire_deed deed;
    wire_issue request = {.has_deed = true, .dry_run = dry_run};
    self->run->rehearses = dry_run;
    BG_TRY (ctl_sign_one_shot (
        self->run, &self->job, to, self->life_us, self->reason, &deed, &request.deed, err));
    return ctl_issue (self->run, &request, deed.id, issued, err);
}

static bg_result ask (work *self, bg_error *err)
{
    wire_issued *issued = NULL;
    uint64_t targets = self->members.count;
    if (ctl_given (self->run->parsed, CTL_OPT_YES))
        return bg_ok ();
    if (self->batch == 0) {
        BG_TRY (issue (self, &self->to, true, &issued, err));
        targets = issued->targets;
    }
    if (targets <= CTL_ASK_ABOVE)
        return bg_ok ();
    return ctl_confirm (self->run, err, "Run '%.*s' on %" PRIu64 " targets?",
        BG_SLICE_ARG (bg_slice_of (self->job.name.data + 5, self->job.name.size - 5)), targets);
}

static bg_result try_out (work *self, bg_error *err)
{
    ctl_run *run = self->run;
    wire_issued *issued = NULL;
    ctl_members members = {0};
    BG_TRY (issue (self, &self->to, true, &issued, err));
    BG_TRY (ctl_choose_audience (run, &self->to, NULL, &members, err));
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, members.count + 1);
    for (size_t i = 0; i < members.count; i++)
        names[i] = members.items[i].row->name;
    if (ctl_is_human (run->out)) {
        BG_AUTO_BUF text = {0};
        ctl_fold (names, members.count, (size_t) issued->targets, 0, &text);
        ctl_print (run->out, "would %.*s -> %" PRIu64 " %s (%" PRIu64 " connected)\n%s\n",
            BG_SLICE_ARG (self->job.name), issued->targets,
            issued->targets == 1 ? "target" : "targets", issued->connected, bg_buf_cstr (&text));
    } else {
        ctl_object (run->out, "run", NULL, 0, "job",
            json_pack ("{s:o, s:o, s:o, s:o, s:b}", "job", ctl_json_slice (self->job.name),
                "targets", json_integer ((json_int_t) issued->targets), "connected",
                json_integer ((json_int_t) issued->connected), "names",
                ctl_json_slices (names, members.count), "dry_run", true));
    }
    ctl_note (run->out, "dry run: nothing was started");
    return bg_ok ();
}

/*  ---- outcomes ----  */

static void take_row (work *self, wire_exec_row *row)
{
    const int code = ctl_exec_exit_code (row);
    self->row = row;
    self->targets += row->targets;
    self->bad += row->targets - row->succeeded;
    if (code != 0 && (self->exit_code == 0 || code == bg_code_exit (BG_SOME_FAILED)))
        self->exit_code = code;
    if (code != 0 && self->failed_count < FAILED_SHOWN)
        self->failed[self->failed_count++] = row->id;
}

/*  Starts on some targets, waits for them and takes what became of it. *id is set as soon as it is started.  */
static bg_result run_on (work *self, const wire_audience *to, bg_error *err)
{
    wire_issued *issued = NULL;
    wire_exec_row *row = NULL;
    bool is_late = false;
    BG_TRY (issue (self, to, false, &issued, err));
    ctl_note (self->run->out, "%.*s on %" PRIu64 " %s (%" PRIu64 " connected); exec %s",
        BG_SLICE_ARG (self->job.name), issued->targets, issued->targets == 1 ? "target" : "targets",
        issued->connected, bg_id_short (issued->id).text);
    BG_TRY (ctl_exec_until_done (self->run, issued->id, self->wait_us, &row, &is_late, err));
    BG_TRY (ctl_outcomes_add (self->run, issued->id, &self->outcomes, err));
    if (is_late)
        ctl_exec_note_late (self->run, row);
    take_row (self, row);
    return bg_ok ();
}

/*  Ctrl-C also keeps the batches away that have not begun.  */
static bg_result run_batches (work *self, bg_error *err)
{
    while (self->started < self->members.count &&
           (self->max_failed == 0 || self->bad < self->max_failed)) {
        const size_t left = self->members.count - self->started;
        const size_t count = left < self->batch ? left : self->batch;
        wire_audience to;
        BG_TRY (
            ctl_members_audience (self->run, self->members.items + self->started, count, &to, err));
        bg_result result = run_on (self, &to, err);
        self->started += count;
        if (result.code == BG_INTERRUPTED && self->started < self->members.count)
            ctl_note (self->run->out, "%zu of %zu targets were not started",
                self->members.count - self->started, self->members.count);
        BG_TRY (result);
    }
    return bg_ok ();
}

static bg_slice *names_left (const work *self, size_t *count)
{
    *count = self->batch ? self->members.count - self->started : 0;
    bg_slice *names = bg_arena_array (&self->run->arena, bg_slice, *count + 1);
    for (size_t i = 0; i < *count; i++)
        names[i] = self->members.items[self->started + i].row->name;
    return names;
}

static void say_next (const work *self)
{
    size_t left = 0;
    const bg_slice *names = names_left (self, &left);
    for (size_t i = 0; i < self->failed_count; i++)
        ctl_note (self->run->out, "Next: bugle exec retry %s --only failed,not-run,silent",
            bg_id_short (self->failed[i]).text);
    if (left == 0)
        return;
    BG_AUTO_BUF text = {0};
    ctl_fold (names, left, left, 400, &text);
    ctl_note (self->run->out, "Next: bugle run -t '%s' ... for the rest", bg_buf_cstr (&text));
}

/*  Lines of what became of how many, when one heading does not say it all.  */
static void print_summary (work *self)
{
    ctl_run *run = self->run;
    size_t left = 0;
    const bg_slice *names = names_left (self, &left);
    BG_AUTO_BUF text = {0};
    if (self->batch == 0 && self->row && self->row->groups_count > 1)
        ctl_exec_summary (self->row, &text);
    if (self->batch > 0 && self->bad > 0)
        bg_buf_printf (
            &text, "%" PRIu64 "  ok\n%" PRIu64 "  not ok\n", self->targets - self->bad, self->bad);
    if (left > 0) {
        bg_buf_printf (&text, "%zu  not run  ", left);
        ctl_fold (names, left, left, 0, &text);
        bg_buf_printf (&text, "  stopped: %" PRIu64 " failed >= --max-failed %zu\n", self->bad,
            self->max_failed);
    }
    if (text.size > 0)
        ctl_print (run->out, "\n%s", bg_buf_cstr (&text));
}

static void list_rest (work *self)
{
    size_t left = 0;
    const bg_slice *names = names_left (self, &left);
    for (size_t i = 0; i < left; i++) {
        json_t *row =
            ctl_outcome_json (&(ctl_outcome){.target = names[i], .state = WIRE_EXEC_NOT_RUN});
        json_object_set_new (row, "reason", json_string ("max-failed"));
        ctl_list_row (self->run->out, row);
    }
}

static void report (work *self)
{
    ctl_run *run = self->run;
    if (ctl_is_human (run->out)) {
        ctl_outcomes_print (run, &self->outcomes);
        print_summary (self);
    } else {
        ctl_outcomes_list_begin (run, &self->outcomes);
        list_rest (self);
        ctl_list_end (run->out, false, 0);
    }
    const bool is_stopped = self->batch > 0 && self->started < self->members.count;
    run->exit_code = is_stopped ? bg_code_exit (BG_STOPPED) : self->exit_code;
    if (run->exit_code != 0)
        say_next (self);
}

static bg_result start_only (work *self, bg_error *err)
{
    wire_issued *issued = NULL;
    BG_TRY (issue (self, &self->to, false, &issued, err));
    if (ctl_is_human (self->run->out))
        ctl_print (self->run->out, "%s\n", bg_id_text (issued->id).text);
    else
        ctl_object (self->run->out, "run", NULL, 0, "id",
            json_pack ("{s:o, s:o, s:o, s:o}", "id", ctl_json_id (issued->id), "job",
                ctl_json_slice (self->job.name), "targets",
                json_integer ((json_int_t) issued->targets), "expires",
                ctl_json_time (issued->expires_us)));
    ctl_note (self->run->out, "started on %" PRIu64 " %s; follow it: bugle exec logs %s --follow",
        issued->targets, issued->targets == 1 ? "target" : "targets",
        bg_id_short (issued->id).text);
    return bg_ok ();
}

bg_result ctl_run_command (ctl_run *run, bg_error *err)
{
    work self = {.run = run, .life_us = ctl_duration_us (run->parsed, CTL_OPT_EXPIRES, LIFE_US)};
    BG_TRY (ctl_reason (run, &self.reason, err));
    BG_TRY (choose (&self, err));
    BG_TRY (make_job (&self, err));
    BG_TRY (choose_batches (&self, err));
    if (ctl_given (run->parsed, CTL_OPT_DRY_RUN))
        return try_out (&self, err);
    BG_TRY (ask (&self, err));
    if (ctl_given (run->parsed, CTL_OPT_NO_WAIT))
        return start_only (&self, err);
    BG_TRY (self.batch ? run_batches (&self, err) : run_on (&self, &self.to, err));
    report (&self);
    return bg_ok ();
}
