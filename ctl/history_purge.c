/*  bugle job history --purge: an admin has old runs removed from the broker's history.

    Invariant: nothing is removed that was not counted and, unless --yes, asked about.  */
#include "ctl/history.h"

#include "common/sys/clock.h"
#include "ctl/job.h"
#include "ctl/sign.h"
#include "ctl/times.h"

#include <inttypes.h>

/*  What would choose among runs: a purge knows a job and a time.  */
static bg_result refuse_filters (const ctl_parsed *parsed, bg_error *err)
{
    static const struct {
        ctl_option_id option;
        const char *word;
    } filters[] = {{CTL_OPT_TARGET, "--target"}, {CTL_OPT_FAILED, "--failed"},
        {CTL_OPT_STATE, "--state"}, {CTL_OPT_REASON, "--reason"}, {CTL_OPT_SINCE, "--since"},
        {CTL_OPT_UNTIL, "--until"}, {CTL_OPT_EXEC, "--exec"}, {CTL_OPT_STEP, "--step"},
        {CTL_OPT_MIN_DURATION, "--min-duration"}, {CTL_OPT_MIN_RETRIES, "--min-retries"},
        {CTL_OPT_ORDER, "--order"}, {CTL_OPT_SUMMARY, "--summary"}, {CTL_OPT_FULL, "--full"},
        {CTL_OPT_LIMIT, "--limit"}};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (!ctl_given (parsed, filters[i].option))
            continue;
        bg_ignore (bg_fail (err, BG_USAGE,
            "--purge removes what is older than --before and nothing else: %s does not go with it",
            filters[i].word));
        return bg_hint (err, "leave it out");
    }
    return bg_ok ();
}

static bg_result take_scope (ctl_run *run, wire_request *ask, bg_error *err)
{
    const ctl_parsed *parsed = run->parsed;
    const bool has_name = ctl_argument_count (parsed) > 0;
    ask->full = ctl_given (parsed, CTL_OPT_ALL_JOBS);
    if (has_name == ask->full) {
        bg_ignore (bg_fail (err, BG_USAGE,
            has_name ? "a job and --all-jobs exclude each other"
                     : "--purge needs to know of which job"));
        return bg_hint (err, "name a job, or say --all-jobs");
    }
    if (has_name)
        ask->name = bg_slice_str (ctl_argument (parsed, 0));
    if (ctl_given (parsed, CTL_OPT_BEFORE)) {
        ask->before_us = ctl_time_us (parsed, CTL_OPT_BEFORE, 0);
        if (ask->before_us <= bg_clock_utc_us ())
            return bg_ok ();
        bg_ignore (bg_fail (err, BG_USAGE,
            "--before lies ahead: what began before a time to come "
            "is everything"));
        return bg_hint (err, "--before 0s is everything up to now");
    }
    bg_ignore (bg_fail (err, BG_USAGE, "--purge needs --before TIME"));
    return bg_hint (err, "as --before 90d, or --before 2026-01-01");
}

static json_t *purge_json (const wire_request *ask, const wire_done *done, bool dry_run)
{
    return json_pack ("{s:o, s:o, s:I, s:o, s:b}", "job",
        ask->full ? json_null () : ctl_json_slice (ask->name), "before",
        ctl_json_time (ask->before_us), "runs", (json_int_t) done->count, "text",
        ctl_json_slice (done->text), "dry_run", dry_run);
}

static void print_purge (ctl_run *run, const wire_request *ask, const wire_done *done, bool dry_run)
{
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "purge", NULL, 0, "job", purge_json (ask, done, dry_run));
    } else {
        ctl_print (run->out, "%s %.*s %s%.*s\n",
            dry_run            ? "would purge"
            : done->count == 0 ? "purged"
                               : "purging",
            BG_SLICE_ARG (done->text), ask->full ? "of all jobs" : "of ", BG_SLICE_ARG (ask->name));
    }
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

bg_result ctl_history_purge (ctl_run *run, bg_error *err)
{
    wire_request ask = {.what = WIRE_REQUEST_PURGE};
    wire_done *done = NULL;
    BG_AUTO_BUF when = {0};
    BG_TRY (refuse_filters (run->parsed, err));
    BG_TRY (take_scope (run, &ask, err));
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    BG_TRY (ctl_request (run, &ask, true, &done, err));
    if (dry_run || done->count == 0) {
        print_purge (run, &ask, done, dry_run);
        return bg_ok ();
    }
    ctl_times_people (ask.before_us, ctl_output_get (run->out)->is_utc, &when);
    BG_TRY (ctl_confirm (run, err, "Remove %.*s %s%.*s that began before %s from the history?",
        BG_SLICE_ARG (done->text), ask.full ? "of all jobs" : "of ", BG_SLICE_ARG (ask.name),
        bg_buf_cstr (&when)));
    BG_TRY (ctl_request (run, &ask, false, &done, err));
    print_purge (run, &ask, done, false);
    return bg_ok ();
}
