/*  bugle exec retry: the same once more, on exactly those targets of an execution where it did not go well.

    A standing job starts as it is now. A one-shot job is taken out of the old START, verified, and signed anew.
*/
#include "common/base/now.h"
#include "ctl/choose.h"
#include "ctl/client.h"
#include "ctl/exec.h"
#include "ctl/fold.h"
#include "ctl/issue.h"
#include "ctl/job.h"
#include "ctl/outcomes.h"
#include "ctl/exec_view.h"
#include "ctl/sign.h"

#include <inttypes.h>
#include <string.h>

#define LIFE_US          BG_HOUR (1)
#define LIFE_ONE_SHOT_US BG_MIN (10)
#define ONLY_DEFAULT     "failed,not-run,silent"

typedef struct {
    ctl_run *run;
    const wire_exec_row *row;
    const char *only;
    wire_deed old;
    wire_job job; /*  of a one-shot  */
    ctl_members members;
    wire_audience to;
    bg_slice reason;
    wire_issued *issued;
} retrying;

/*  ---- which targets ----  */

/*  Words separated by commas.  */
static bg_result read_states (const char *text, uint64_t *states, bg_error *err)
{
    static const uint64_t known[] = {WIRE_EXEC_FAILED, WIRE_EXEC_NOT_RUN, WIRE_EXEC_SILENT,
        WIRE_EXEC_CANCELED, WIRE_EXEC_INTERRUPTED};
    *states = 0;
    for (const char *at = text;;) {
        const size_t size = strcspn (at, ",");
        uint64_t found = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (bg_slice_is (bg_slice_of (at, size), wire_exec_state_word (known[i])))
                found = known[i];
        if (found == 0) {
            bg_ignore (bg_fail (err, BG_USAGE, "--only '%.60s': '%.*s' is none of the states", text,
                (int) size, at));
            return bg_hint (
                err, "failed, not-run, silent, canceled, interrupted; separated by commas");
        }
        *states |= UINT64_C (1) << found;
        if (at[size] == 0)
            return bg_ok ();
        at += size + 1;
    }
}

static bg_result choose (retrying *self, bg_error *err)
{
    wire_target_query query = {.exec = self->row->id, .memberships = true};
    ctl_target_rows found = {0};
    BG_TRY (read_states (self->only, &query.exec_states, err));
    BG_TRY (ctl_targets_fetch (self->run, &query, 0, &found, err));
    if (found.count == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "execution %s has no target that is one of %s",
            bg_id_short (self->row->id).text, self->only));
        return bg_hint (err, "see: bugle exec show %s", bg_id_short (self->row->id).text);
    }
    self->members.items = bg_arena_array (&self->run->arena, ctl_member, found.count);
    for (size_t i = 0; i < found.count; i++)
        BG_TRY (ctl_member_verify (
            self->run, &found.rows[i], &self->members.items[self->members.count++], err));
    return ctl_members_audience (
        self->run, self->members.items, self->members.count, &self->to, err);
}

/*  ---- what is started ----  */

static bg_result read_old (retrying *self, bg_error *err)
{
    const wire_keyring *keyring = NULL;
    wire_verified verified;
    BG_TRY (ctl_exec_deed (self->run, self->row->id, &self->old, err));
    if (self->old.what != WIRE_DEED_START)
        return bg_fail (err, BG_INVALID, "execution %s is a %s; only a start can be repeated",
            bg_id_short (self->row->id).text, wire_deed_word (self->old.what));
    if (!self->old.has_document)
        return bg_ok ();
    BG_TRY (ctl_client_authority (self->run->client, &keyring, err));
    BG_TRY (wire_verify_one_shot (
        keyring, &self->old, wire_crypto_sodium (), &self->run->arena, &verified, err));
    self->job = *(const wire_job *) verified.body;
    return bg_ok ();
}

static bg_result issue (retrying *self, bool dry_run, bg_error *err)
{
    ctl_run *run = self->run;
    wire_deed deed;
    wire_issue request = {.has_deed = true, .dry_run = dry_run};
    run->rehearses = dry_run;
    int64_t life_us = ctl_duration_us (
        run->parsed, CTL_OPT_EXPIRES, self->old.has_document ? LIFE_ONE_SHOT_US : LIFE_US);
    if (self->old.has_document)
        BG_TRY (ctl_sign_one_shot (
            run, &self->job, &self->to, life_us, self->reason, &deed, &request.deed, err));
    else
        BG_TRY (ctl_sign_deed (run, WIRE_DEED_START, self->old.job_name, &self->to, self->old.step,
            life_us, self->reason, &deed, &request.deed, err));
    return ctl_issue (run, &request, deed.id, &self->issued, err);
}

static json_t *as_json (const retrying *self, const bg_slice *names, bool dry_run)
{
    return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:b}", "id",
        dry_run ? json_null () : ctl_json_id (self->issued->id), "of", ctl_json_id (self->row->id),
        "job", ctl_json_slice (self->row->job), "targets",
        json_integer ((json_int_t) self->issued->targets), "names",
        ctl_json_slices (names, self->members.count), "dry_run", dry_run);
}

static void print_order (const retrying *self, bool dry_run)
{
    ctl_run *run = self->run;
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, self->members.count + 1);
    for (size_t i = 0; i < self->members.count; i++)
        names[i] = self->members.items[i].row->name;
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "retry", NULL, 0, "id", as_json (self, names, dry_run));
    } else if (dry_run) {
        BG_AUTO_BUF text = {0};
        ctl_fold (names, self->members.count, self->members.count, 0, &text);
        ctl_print (run->out,
            "would start %.*s again -> %" PRIu64 " %s (%" PRIu64 " connected)\n%s\n",
            BG_SLICE_ARG (self->row->job), self->issued->targets,
            self->issued->targets == 1 ? "target" : "targets", self->issued->connected,
            bg_buf_cstr (&text));
    } else {
        ctl_print (run->out, "%s\n", bg_id_text (self->issued->id).text);
    }
}

/*  ---- after it ----  */

static bg_result wait_for_end (retrying *self, bg_error *err)
{
    ctl_run *run = self->run;
    const int64_t timeout_us = ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, 0);
    ctl_outcomes outcomes = {0};
    wire_exec_row *row = NULL;
    bool is_late = false;
    if (!self->old.has_document)
        return ctl_exec_await (run, self->issued->id, timeout_us, err);
    BG_TRY (ctl_exec_until_done (run, self->issued->id, timeout_us, &row, &is_late, err));
    BG_TRY (ctl_outcomes_add (run, self->issued->id, &outcomes, err));
    if (ctl_is_human (run->out)) {
        ctl_outcomes_print (run, &outcomes);
    } else {
        ctl_outcomes_list_begin (run, &outcomes);
        ctl_list_end (run->out, false, 0);
    }
    if (is_late)
        ctl_exec_note_late (run, row);
    run->exit_code = ctl_exec_exit_code (row);
    return bg_ok ();
}

bg_result ctl_exec_retry (ctl_run *run, bg_error *err)
{
    retrying self = {.run = run, .only = ctl_text (run->parsed, CTL_OPT_ONLY, ONLY_DEFAULT)};
    wire_exec_row *row = NULL;
    BG_TRY (ctl_reason (run, &self.reason, err));
    BG_TRY (ctl_exec_find (run, ctl_argument (run->parsed, 0), false, &row, err));
    self.row = row;
    BG_TRY (read_old (&self, err));
    BG_TRY (choose (&self, err));
    if (ctl_given (run->parsed, CTL_OPT_DRY_RUN)) {
        BG_TRY (issue (&self, true, err));
        print_order (&self, true);
        ctl_note (run->out, "dry run: nothing was started");
        return bg_ok ();
    }
    if (self.members.count > CTL_ASK_ABOVE)
        BG_TRY (ctl_confirm (run, err, "Start '%.*s' again on %zu targets?",
            BG_SLICE_ARG (row->job), self.members.count));
    BG_TRY (issue (&self, false, err));
    ctl_note (run->out, "starting %.*s again on %" PRIu64 " %s; exec %s", BG_SLICE_ARG (row->job),
        self.issued->targets, self.issued->targets == 1 ? "target" : "targets",
        bg_id_short (self.issued->id).text);
    if (ctl_given (run->parsed, CTL_OPT_WAIT))
        return wait_for_end (&self, err);
    print_order (&self, false);
    return bg_ok ();
}
