/*  bugle-node job apply, delete, enable and disable: this machine's own jobs. Downloaded ones are changed by nobody here.  */
#include "node/main/local.h"

#include "common/base/now.h"
#include "common/base/utf8.h"
#include "common/job/names.h"
#include "common/sys/clock.h"
#include "ctl/job_files.h"
#include "ctl/job_view.h"
#include "proto/local.h"

#include <string.h>

#define REASON_MAX 512

/*  ---- what is said ----  */

typedef struct {
    bg_slice name;
    const char *outcome; /*  "created", "updated", "unchanged", ...  */
    const char *already; /*  of unchanged: what it is already; may be NULL  */
} change;

static void say (ctl_run *run, const change *what)
{
    if (ctl_is_human (run->out)) {
        const bool would = ctl_given (run->parsed, CTL_OPT_DRY_RUN) && !what->already &&
                           strcmp (what->outcome, "unchanged") != 0;
        ctl_print (run->out, "%s%s %.*s", would ? "would be " : "", what->outcome,
            BG_SLICE_ARG (what->name));
        if (what->already)
            ctl_print (run->out, " (%s already)", what->already);
        ctl_print (run->out, "\n");
        return;
    }
    ctl_list_row (
        run->out, json_pack ("{s:o, s:s, s:b}", "name", ctl_json_slice (what->name), "outcome",
                      what->outcome, "dry_run", ctl_given (run->parsed, CTL_OPT_DRY_RUN)));
}

static void begin (ctl_run *run)
{
    if (!ctl_is_human (run->out))
        ctl_list_begin (run->out, "changed", NULL, 0, "name");
}

static void end (ctl_run *run)
{
    if (!ctl_is_human (run->out))
        ctl_list_end (run->out, false, 0);
    if (ctl_given (run->parsed, CTL_OPT_DRY_RUN))
        ctl_note (run->out, "dry run: nothing was changed");
}

static bool is_dry (const ctl_run *run)
{
    return ctl_given (run->parsed, CTL_OPT_DRY_RUN);
}

/*  ---- apply ----  */

typedef struct {
    bool is_unchanged;
    bool is_new;
    uint64_t last;
} plan;

/*  A file that names a downloaded job without the prefix means that one.  */
static bg_result plan_job (
    node_local_session *self, job_yaml_set *set, size_t index, plan *out, bg_error *err)
{
    bg_arena *arena = &self->run->arena;
    const wire_job *job = job_yaml_job (set, index);
    const bool is_prefixed = job_yaml_job_at (set, index)->is_prefixed;
    const char *name = bg_arena_str (arena, job->name);
    node_job_found found;
    wire_job held;
    BG_TRY (node_find_job (self->contact.node, arena, name, &found, err));
    /*  A machine's own files hold jobs alone, so the indexes are those of all documents.  */
    if (found.row && found.row->has_document &&
        bg_is_ok (ctl_job_decode (&found.row->document, arena, &held, NULL)))
        job_yaml_keep_anchors (set, index, &held);
    if (found.row) {
        *out = (plan){.is_unchanged = found.row->has_document &&
                                      ctl_same_body (&found.row->document, &wire_desc_job, job),
            .last = found.row->version};
        return bg_ok ();
    }
    *out = (plan){.is_new = true, .last = found.deleted_version};
    if (is_prefixed)
        return bg_ok ();
    BG_TRY (
        node_find_job (self->contact.node, arena, name + sizeof JOB_LOCAL_PREFIX - 1, &found, err));
    return found.row && !found.row->local ? node_local_read_only (&found, err) : bg_ok ();
}

static bg_result apply_job (
    node_local_session *self, const wire_job *job, const plan *planned, bg_error *err)
{
    if (!planned->is_unchanged && !is_dry (self->run)) {
        const bg_id key = wire_document_key (self->installation, WIRE_TYPE_JOB, job->name);
        bg_result result = node_local_post (self, WIRE_TYPE_JOB, key, planned->last, job, err);
        if (bg_failed (result))
            return bg_prefix (err, "%.*s", BG_SLICE_ARG (job->name));
    }
    say (self->run, &(change){.name = job->name,
                        .outcome = planned->is_unchanged ? "unchanged"
                                   : planned->is_new     ? "created"
                                                         : "updated"});
    return bg_ok ();
}

/*  All are looked at before the first is changed.  */
static bg_result apply_set (node_local_session *self, job_yaml_set *set, bg_error *err)
{
    const size_t count = job_yaml_count (set);
    plan *plans = bg_arena_array (&self->run->arena, plan, count);
    for (size_t i = 0; i < count; i++)
        BG_TRY (plan_job (self, set, i, &plans[i], err));
    bg_result result = bg_ok ();
    begin (self->run);
    for (size_t i = 0; i < count && bg_is_ok (result); i++)
        result = apply_job (self, job_yaml_job (set, i), &plans[i], err);
    end (self->run);
    return result;
}

bg_result node_cmd_job_apply (ctl_run *run, bg_error *err)
{
    const size_t count = ctl_argument_count (run->parsed);
    const char **given = bg_arena_array (&run->arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        given[i] = ctl_argument (run->parsed, i);
    job_yaml_set *set = NULL;
    node_local_session session = {0};
    BG_TRY (ctl_job_files_read (run, given, count, true, &set, err));
    bg_result result = node_local_open (&session, run, err);
    if (bg_is_ok (result))
        result = apply_set (&session, set, err);
    if (bg_is_ok (result) && session.contact.node_process.pid)
        ctl_note (run->out,
            "the node is not running, so no schedule counts yet; start it: bugle-node --home %s",
            session.contact.home.state);
    node_local_close (&session);
    job_yaml_set_destroy (&set);
    return result;
}

/*  ---- one job ----  */

static bg_result read_reason (const ctl_run *run, bg_slice *reason, bg_error *err)
{
    *reason = bg_slice_str (ctl_text (run->parsed, CTL_OPT_REASON, NULL));
    if (reason->size > REASON_MAX || !bg_utf8_valid (*reason) || bg_has_control (*reason, true))
        return bg_fail (err, BG_USAGE, "--reason is a text of at most %d bytes", REASON_MAX);
    return bg_ok ();
}

/*  The switch that is in force; version 0: there is none.  */
static wire_switch current_switch (const wire_control_job *row, bg_arena *arena, uint64_t *version)
{
    wire_document document;
    wire_switch body = {0};
    *version = 0;
    if (!row->has_switch_document ||
        bg_failed (WIRE_DECODE (
            document, row->switch_document.bytes, WIRE_AS_MESSAGE, arena, &document, NULL)) ||
        bg_failed (WIRE_DECODE (switch, document.body, WIRE_AS_MESSAGE, arena, &body, NULL)))
        return (wire_switch){0};
    *version = document.version;
    return body;
}

static bg_result post_switch (node_local_session *self, const wire_control_job *row, bool disabled,
    int64_t until_us, bg_slice reason, bg_error *err)
{
    uint64_t last = 0;
    (void) current_switch (row, &self->run->arena, &last);
    const wire_switch body = {.object_type = WIRE_TYPE_JOB,
        .object_name = row->name,
        .object_key = row->key,
        .disabled = disabled,
        .until_us = disabled ? until_us : 0,
        .reason = reason};
    const bg_id key = wire_switch_key (self->installation, WIRE_TYPE_JOB, row->name);
    return node_local_post (self, WIRE_TYPE_SWITCH, key, last, &body, err);
}

static bg_result switch_job (
    node_local_session *self, const char *name, bool disabled, bg_error *err)
{
    ctl_run *run = self->run;
    node_job_found found;
    bg_slice reason;
    int64_t until_us = 0;
    uint64_t version = 0;
    BG_TRY (read_reason (run, &reason, err));
    BG_TRY (node_local_writable (self, name, &found, err));
    if (disabled)
        until_us = ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0);
    const wire_switch current = current_switch (found.row, &run->arena, &version);
    const bool is_so = disabled ? current.disabled && current.until_us == until_us &&
                                      found.row->disabled &&
                                      (!reason.size || bg_slice_equal (reason, current.reason))
                                : !found.row->disabled;
    if (!is_so && !is_dry (run))
        BG_TRY (post_switch (self, found.row, disabled, until_us, reason, err));
    begin (run);
    say (run, &(change){.name = found.row->name,
                  .outcome = is_so      ? "unchanged"
                             : disabled ? "disabled"
                                        : "enabled",
                  .already = !is_so     ? NULL
                             : disabled ? "disabled"
                                        : "enabled"});
    end (run);
    return bg_ok ();
}

static bg_result switch_command (ctl_run *run, bool disabled, bg_error *err)
{
    node_local_session session = {0};
    bg_result result = node_local_open (&session, run, err);
    if (bg_is_ok (result))
        result = switch_job (&session, ctl_argument (run->parsed, 0), disabled, err);
    node_local_close (&session);
    return result;
}

bg_result node_cmd_job_enable (ctl_run *run, bg_error *err)
{
    return switch_command (run, false, err);
}

bg_result node_cmd_job_disable (ctl_run *run, bg_error *err)
{
    return switch_command (run, true, err);
}

/*  The switch goes with its job: one of that name begins enabled.  */
static bg_result delete_job (node_local_session *self, const char *name, bg_error *err)
{
    ctl_run *run = self->run;
    node_job_found found;
    bg_slice reason;
    BG_TRY (read_reason (run, &reason, err));
    BG_TRY (node_local_writable (self, name, &found, err));
    const wire_control_job *row = found.row;
    if (!is_dry (run)) {
        BG_TRY (ctl_confirm (
            run, err, "Delete the job %.*s of this machine?", BG_SLICE_ARG (row->name)));
        const wire_withdrawal gone = {
            .object_type = WIRE_TYPE_JOB, .object_name = row->name, .reason = reason};
        BG_TRY (node_local_post (self, WIRE_TYPE_WITHDRAWAL, row->key, row->version, &gone, err));
        if (row->has_switch_document)
            BG_TRY (post_switch (self, row, false, 0, (bg_slice){0}, err));
    }
    begin (run);
    say (run, &(change){.name = row->name, .outcome = "deleted"});
    end (run);
    return bg_ok ();
}

bg_result node_cmd_job_delete (ctl_run *run, bg_error *err)
{
    node_local_session session = {0};
    bg_result result = node_local_open (&session, run, err);
    if (bg_is_ok (result))
        result = delete_job (&session, ctl_argument (run->parsed, 0), err);
    node_local_close (&session);
    return result;
}
