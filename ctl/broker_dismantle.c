/*  broker dismantle: the end of a broker. Its targets leave first and are waited for, then the broker archives itself and
    changes nothing any more. Interrupted at any point it is begun again by the same command.  */
#include "common/base/now.h"
#include "common/sys/clock.h"
#include "ctl/fold.h"
#include "ctl/members.h"
#include "ctl/progress.h"
#include "ctl/sign.h"
#include "ctl/status.h"

#include <poll.h>
#include <stdio.h>

#define WAIT_DEFAULT_US BG_MIN (5)
#define ARCHIVE_WAIT_US BG_HOUR (1)
#define RETURN_US       BG_SEC (100)
#define LOOK_EVERY_MS   300

static const ctl_column fields[] = {
    {"broker", "Broker", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"removed", "Targets removed", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"answered", "  said so themselves", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"silent", "  did not answer", CTL_CELL_NAMES, CTL_NORMAL, NULL},
    {"archive", "Archive", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

typedef struct {
    ctl_run *run;
    ctl_client *client;
    bg_slice name; /*  of the broker  */
    bool dry_run;
    size_t removed;  /*  by this command or an earlier one, and not forgotten  */
    size_t answered; /*  of them  */
    size_t awaited;  /*  connected and not answered yet  */
    bg_slice *silent;
    size_t silent_count;
} dismantling;

static bg_result check_name (dismantling *self, bg_error *err)
{
    const char *given = ctl_text (self->run->parsed, CTL_OPT_CONFIRM, NULL);
    self->name = ctl_client_welcome (self->client)->broker;
    if (given ? bg_slice_equal (bg_slice_str (given), self->name) : self->dry_run)
        return bg_ok ();
    if (given)
        bg_ignore (bg_fail (err, BG_USAGE, "--confirm: this broker is called %.*s, not '%s'",
            BG_SLICE_ARG (self->name), given));
    else
        bg_ignore (bg_fail (err, BG_USAGE, "this ends the broker %.*s: all its targets leave it",
            BG_SLICE_ARG (self->name)));
    return bg_hint (
        err, "when it is meant: bugle broker dismantle --confirm %.*s", BG_SLICE_ARG (self->name));
}

/*  ---- targets ----  */

static bg_result edit_state (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    (void) ctx, (void) run, (void) member, (void) err;
    body->state = WIRE_DEFECTED_MEMBER;
    return bg_ok ();
}

static bg_result defect_all (dismantling *self, bg_error *err)
{
    const wire_audience all = {.all = true};
    const ctl_member_change change = {
        .edit = edit_state, .outcome = "defected", .is_agreed = true, .removes = true};
    ctl_members members = {0};
    size_t done = 0;
    bg_result result = ctl_choose_audience (self->run, &all, NULL, &members, err);
    if (result.code == BG_NOT_FOUND) {
        if (err)
            *err = (bg_error){0};
        return bg_ok (); /*  nobody is enlisted any more  */
    }
    BG_TRY (result);
    if (members.count == 0)
        return bg_ok ();
    ctl_member_result *results =
        bg_arena_array (&self->run->arena, ctl_member_result, members.count);
    result = ctl_members_change (self->run, &members, &change, results, &done, err);
    if (self->dry_run) {
        bg_slice *names = bg_arena_array (&self->run->arena, bg_slice, members.count);
        BG_AUTO_BUF text = {0};
        for (size_t i = 0; i < members.count; i++)
            names[i] = members.items[i].row->name;
        ctl_fold (names, members.count, members.count, 0, &text);
        ctl_note (self->run->out, "would remove %s", bg_buf_cstr (&text));
    }
    return result;
}

/*  Who has left and who of them has said so: with that its key was cut.  */
static bg_result look (dismantling *self, bg_error *err)
{
    const wire_target_query query = {.defected = true};
    ctl_target_rows rows;
    wire_status *status = NULL;
    const wire_status_query status_query = {0};
    BG_TRY (ctl_call (
        self->client, WIRE_STATUS_QUERY, &status_query, WIRE_STATUS, (void **) &status, err));
    /*  After its start everybody has some time to come back.  */
    const bool is_new = status->time_us - status->started_us < RETURN_US;
    self->removed = self->answered = self->awaited = self->silent_count = 0;
    BG_TRY (ctl_targets_fetch (self->run, &query, 0, &rows, err));
    self->silent = bg_arena_array (&self->run->arena, bg_slice, rows.count + 1);
    for (size_t i = 0; i < rows.count; i++) {
        const wire_target_row *row = &rows.rows[i];
        if (!row->defected_us)
            continue;
        self->removed++;
        if (row->cut) {
            self->answered++;
            continue;
        }
        self->awaited += row->connected || is_new;
        self->silent[self->silent_count++] = row->name;
    }
    return bg_ok ();
}

/*  Only those who are connected, or may be on their way, are waited for: who is away hears of it when it comes.  */
static bg_result await_targets (dismantling *self, bg_error *err)
{
    const int64_t until =
        bg_clock_mono_us () + ctl_duration_us (self->run->parsed, CTL_OPT_TIMEOUT, WAIT_DEFAULT_US);
    ctl_progress progress;
    bg_result result = bg_ok ();
    ctl_progress_init (&progress, self->run->out, bg_clock_mono_us ());
    for (;;) {
        char text[96];
        result = look (self, err);
        if (bg_failed (result) || self->awaited == 0 || bg_clock_mono_us () >= until)
            break;
        snprintf (text, sizeof text, "%zu of %zu targets have left", self->answered, self->removed);
        ctl_progress_show (&progress, bg_slice_str (text), bg_clock_mono_us ());
        (void) poll (NULL, 0, LOOK_EVERY_MS);
    }
    ctl_progress_clear (&progress);
    return result;
}

/*  ---- the end ----  */

static void show (dismantling *self, const wire_status *status)
{
    json_t *object = json_pack ("{s:o, s:I, s:I, s:o, s:o}", "broker", ctl_json_slice (self->name),
        "removed", (json_int_t) self->removed, "answered", (json_int_t) self->answered, "silent",
        ctl_json_slices (self->silent, self->silent_count), "archive",
        ctl_json_text_or_null (status->backup_path));
    ctl_object (
        self->run->out, "dismantled", fields, sizeof fields / sizeof fields[0], "broker", object);
    if (self->silent_count > 0)
        ctl_note (self->run->out,
            "who did not answer is told when it comes back within 7 days: let the broker run until "
            "then, or remove the rest on the machine: bugle-node defect --force");
    else
        ctl_note (self->run->out, "all targets have left; the broker can be stopped");
}

static bg_result end (dismantling *self, bg_error *err)
{
    const wire_request ask = {.what = WIRE_REQUEST_DISMANTLE, .name = self->name};
    wire_done *done = NULL;
    wire_status *status = NULL;
    BG_TRY (ctl_request (self->run, &ask, false, &done, err));
    bg_result result = ctl_backup_await (self->run, ARCHIVE_WAIT_US, &status, err);
    if (bg_failed (result))
        return bg_prefix (err, "the broker is dismantled, but its archive is not made");
    show (self, status);
    if (self->silent_count > 0)
        self->run->exit_code = bg_code_exit (BG_SOME_SILENT);
    return bg_ok ();
}

static bg_result refuse_twice (dismantling *self, bg_error *err)
{
    const wire_status_query query = {0};
    wire_status *status = NULL;
    BG_TRY (
        ctl_call (self->client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **) &status, err));
    if (!status->dismantled)
        return bg_ok ();
    bg_ignore (bg_fail (
        err, BG_DISMANTLED, "the broker %.*s was dismantled already", BG_SLICE_ARG (self->name)));
    return bg_hint (err, "who is missed: bugle target list --defected");
}

bg_result ctl_broker_dismantle (ctl_run *run, bg_error *err)
{
    dismantling self = {.run = run, .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    BG_TRY (ctl_run_client (run, &self.client, err));
    BG_TRY (check_name (&self, err));
    BG_TRY (refuse_twice (&self, err));
    BG_TRY (defect_all (&self, err));
    if (self.dry_run) {
        ctl_note (run->out, "dry run: nothing was changed");
        return bg_ok ();
    }
    BG_TRY (await_targets (&self, err));
    return end (&self, err);
}
