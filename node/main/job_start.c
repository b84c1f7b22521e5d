/*  bugle-node job start and stop: any job of this machine, by who may sign for it.  */
#include "node/main/local.h"

#include "common/base/now.h"
#include "common/sys/clock.h"

#include <poll.h>

#define LOOK_MS 100 /*  how often a run that is waited for is looked at  */

static bool is_dry (const ctl_run *run)
{
    return ctl_given (run->parsed, CTL_OPT_DRY_RUN);
}

static bg_result find_job (node_local_session *self, node_job_found *found, bg_error *err)
{
    const char *name = ctl_argument (self->run->parsed, 0);
    BG_TRY (node_find_job (self->contact.node, &self->run->arena, name, found, err));
    if (found->row && found->row->version)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "this machine holds no job '%.200s'", name));
    return bg_hint (err, "see: bugle-node job list");
}

/*  ---- waiting ----  */

static bg_result look (node_local_session *self, bg_id id, bg_arena *arena,
    const wire_control_answer **answer, bg_error *err)
{
    const wire_control_query query = {.run = id};
    bg_result result =
        node_ask_over (self->contact.node, WIRE_CONTROL_QUERY, &query, arena, answer, err);
    /*  A node that starts over meanwhile ends no run.  */
    if (result.code == BG_CLOSED || result.code == BG_TIMEOUT)
        bg_ignore (bg_hint (err, "the run goes on; see: bugle-node history"));
    return result;
}

static bool is_over (const wire_control_answer *answer)
{
    return answer->runs_count > 0 && answer->runs[0].state != WIRE_RUN_RUNNING &&
           answer->runs[0].state != WIRE_RUN_WAITING;
}

/*  *run is NULL when it was not over in time.  */
static bg_result await (
    node_local_session *self, bg_id id, int64_t timeout_us, const wire_run **run, bg_error *err)
{
    const int64_t start_us = bg_clock_mono_us ();
    *run = NULL;
    for (;;) {
        BG_AUTO_ARENA arena = {0}; /*  waiting may take days  */
        const wire_control_answer *answer = NULL;
        BG_TRY (look (self, id, &arena, &answer, err));
        if (is_over (answer)) {
            BG_TRY (look (self, id, &self->run->arena, &answer, err));
            *run = &answer->runs[0];
            return bg_ok ();
        }
        if (bg_clock_mono_us () - start_us >= timeout_us)
            return bg_ok ();
        (void) poll (NULL, 0, LOOK_MS);
    }
}

static void show_run (ctl_run *run, const wire_run *done, const wire_control_answer *answer)
{
    wire_history_row row = node_history_row_of (done, answer->name);
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "run", NULL, 0, "run", ctl_history_json (&row));
        return;
    }
    BG_AUTO_BUF text = {0};
    row.target = done->job_name;
    ctl_history_text (&row, ctl_output_get (run->out)->is_utc, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
}

static bg_result wait_for (
    node_local_session *self, const node_job_found *found, bg_id id, bg_error *err)
{
    ctl_run *run = self->run;
    const wire_run *done = NULL;
    const int64_t timeout_us = ctl_duration_us (run->parsed, CTL_OPT_WAIT, INT64_MAX);
    BG_TRY (await (self, id, timeout_us, &done, err));
    if (!done) {
        bg_ignore (bg_fail (err, BG_SOME_SILENT, "the run is still going on"));
        return bg_hint (err, "see: bugle-node history %.*s", BG_SLICE_ARG (found->row->name));
    }
    show_run (run, done, found->answer);
    run->exit_code = done->state == WIRE_RUN_SUCCEEDED ? 0 : bg_code_exit (BG_SOME_FAILED);
    return bg_ok ();
}

/*  ---- the commands ----  */

static void say (ctl_run *run, const char *word, const node_job_found *found, bg_id id)
{
    const bool is_known = !bg_id_is_zero (id);
    if (ctl_is_human (run->out)) {
        ctl_print (run->out, "%s %.*s%s%s\n", word, BG_SLICE_ARG (found->row->name),
            is_known ? ", run " : "", is_known ? bg_id_text (id).text : "");
        return;
    }
    ctl_object (run->out, "order", NULL, 0, "job",
        json_pack ("{s:o, s:s, s:o, s:b}", "job", ctl_json_slice (found->row->name), "outcome",
            word, "run", ctl_json_id (id), "dry_run", is_dry (run)));
}

static bg_result start_job (node_local_session *self, bg_error *err)
{
    ctl_run *run = self->run;
    node_job_found found;
    const wire_control_answer *answer = NULL;
    BG_TRY (find_job (self, &found, err));
    if (is_dry (run)) {
        say (run, "would start", &found, (bg_id){{0}});
        return bg_ok ();
    }
    BG_TRY (node_local_issue_deed (self, WIRE_DEED_START, found.row, &answer, err));
    if (!ctl_given (run->parsed, CTL_OPT_WAIT)) {
        say (run, "started", &found, answer->run);
        return bg_ok ();
    }
    ctl_note (run->out, "started %.*s", BG_SLICE_ARG (found.row->name));
    return wait_for (self, &found, answer->run, err);
}

static bg_result stop_job (node_local_session *self, bg_error *err)
{
    ctl_run *run = self->run;
    node_job_found found;
    const wire_control_answer *answer = NULL;
    BG_TRY (find_job (self, &found, err));
    if (!found.row->running) {
        say (run, "not running", &found, (bg_id){{0}});
        return bg_ok ();
    }
    if (is_dry (run)) {
        say (run, "would stop", &found, (bg_id){{0}});
        return bg_ok ();
    }
    BG_TRY (node_local_issue_deed (self, WIRE_DEED_STOP, found.row, &answer, err));
    say (run, "stopping", &found, (bg_id){{0}});
    return bg_ok ();
}

bg_result node_cmd_job_start (ctl_run *run, bg_error *err)
{
    node_local_session session = {0};
    bg_result result = node_local_open (&session, run, err);
    if (bg_is_ok (result))
        result = start_job (&session, err);
    node_local_close (&session);
    return result;
}

bg_result node_cmd_job_stop (ctl_run *run, bg_error *err)
{
    node_local_session session = {0};
    bg_result result = node_local_open (&session, run, err);
    if (bg_is_ok (result))
        result = stop_job (&session, err);
    node_local_close (&session);
    return result;
}
