/*  bugle exec list, show and wait, and the waiting of job start --wait.

    Waiting survives a broker that goes away and comes back: the execution is the targets' business. A watch is renewed
    when nothing was heard for a while, because a broker's core that was restarted behind its front has forgotten who
    watches.

    Not here: what an execution looks like (exec_view.c).
*/
#include "ctl/exec.h"

#include "common/sys/clock.h"
#include "ctl/client.h"
#include "ctl/exec_view.h"
#include "ctl/progress.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

#define SECOND_US INT64_C (1000000)
#define ANSWER_MAX_US                                                                              \
    (10 * SECOND_US) /*  a watch is answered at once; later than that nobody is there  */
#define SILENCE_MIN_US (3 * SECOND_US) /*  after so long without news the watch is renewed  */
#define SILENCE_MAX_US                                                                             \
    (300 * SECOND_US) /*  the time doubles up to this: each renewal costs the broker a little  */
#define AWAY_MAX_US   (120 * SECOND_US) /*  a broker is waited for that long  */
#define RECONNECT_US  (2 * SECOND_US)
#define LIMIT_DEFAULT 50
#define PAGE_MAX      1000

/*  ---- finding ----  */

static bool is_piece_of_id (const char *typed)
{
    size_t size = strlen (typed);
    if (size < BG_ID_TYPED_MIN || size > BG_ID_TEXT)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isalnum ((unsigned char) typed[i]))
            return false;
    }
    return true;
}

bg_result ctl_exec_find (
    ctl_run *run, const char *typed, bool details, wire_exec_row **row, bg_error *err)
{
    ctl_client *client = NULL;
    wire_execs *answer = NULL;
    const wire_exec_query query = {.id = bg_slice_str (typed), .limit = 2, .details = details};
    if (!is_piece_of_id (typed)) {
        bg_ignore (bg_fail (err, BG_USAGE, "'%.60s' is no id of an execution", typed));
        return bg_hint (err,
            "write its %d characters, or at least %d of its beginning or end; see: bugle exec list",
            BG_ID_TEXT, BG_ID_TYPED_MIN);
    }
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_EXEC_QUERY, &query, WIRE_EXECS, (void **) &answer, err));
    if (answer->rows_count == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no execution '%s'", typed));
        return bg_hint (err, "see: bugle exec list");
    }
    if (answer->rows_count > 1) {
        bg_ignore (bg_fail (
            err, BG_INVALID, "'%s' is the beginning or end of several executions' ids", typed));
        return bg_hint (err, "write more of the id");
    }
    *row = &answer->rows[0];
    return bg_ok ();
}

bg_result ctl_exec_deed (ctl_run *run, bg_id id, wire_deed *deed, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    const wire_login *signer = NULL;
    wire_execs *answer = NULL;
    bg_id_string text = bg_id_text (id);
    const wire_exec_query query = {.id = bg_slice_str (text.text), .limit = 1, .deeds = true};
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_client_authority (client, &keyring, err));
    BG_TRY (ctl_call (client, WIRE_EXEC_QUERY, &query, WIRE_EXECS, (void **) &answer, err));
    if (answer->rows_count != 1 || !answer->rows[0].has_deed)
        return bg_fail (err, BG_NOT_FOUND, "the broker has no order of execution %s", text.text);
    BG_TRY (wire_verify_deed (
        keyring, &answer->rows[0].deed, wire_crypto_sodium (), &run->arena, deed, &signer, err));
    if (!bg_id_equal (deed->id, id))
        return bg_fail (
            err, BG_BAD_SIGNATURE, "the broker sent another order in place of %s", text.text);
    return bg_ok ();
}

/*  ---- waiting ----  */

typedef struct {
    ctl_run *run;
    ctl_client *client;
    ctl_progress progress;
    wire_exec_row row;   /*  figures of the last state; its texts are those of the first answer  */
    int64_t deadline_us; /*  monotonic; INT64_MAX: none  */
    int64_t asked_us;    /*  when the watch was sent  */
    int64_t heard_us;    /*  when the last state came  */
    int64_t silence_us;  /*  how long nothing has to come before the watch is renewed  */
    bool is_late;        /*  the deadline passed before it was done  */
} waiting;

static bg_result interrupted (waiting *self, bg_error *err)
{
    ctl_progress_clear (&self->progress);
    const wire_exec_row *row = &self->row;
    bg_ignore (bg_fail (err, BG_INTERRUPTED,
        "interrupted; execution %s goes on with %llu of %llu targets open",
        bg_id_short (row->id).text,
        (unsigned long long) (row->pending + row->waiting + row->running),
        (unsigned long long) row->targets));
    return bg_hint (err, "look again: bugle exec wait %s", bg_id_short (row->id).text);
}

static void show_progress (waiting *self)
{
    BG_AUTO_BUF text = {0};
    ctl_exec_progress (&self->row, ctl_client_now_us (self->client) - self->row.issued_us, &text);
    ctl_progress_show (&self->progress, bg_buf_slice (&text), bg_clock_mono_us ());
}

static bool is_away (bg_result result)
{
    return result.code == BG_CLOSED || result.code == BG_UNREACHABLE || result.code == BG_TIMEOUT;
}

static bg_result stayed_away (waiting *self, bg_error *err)
{
    ctl_progress_clear (&self->progress);
    bg_ignore (bg_fail (
        err, BG_UNREACHABLE, "the broker does not answer any more; what was started goes on"));
    return bg_hint (err, "look again: bugle exec wait %s", bg_id_short (self->row.id).text);
}

/*  Until the broker is there again. Ends with the deadline, Ctrl-C, or after two minutes.  */
static bg_result come_back (waiting *self, bg_error *err)
{
    int64_t lost_us = bg_clock_mono_us ();
    bool is_told = false;
    for (int64_t now_us = lost_us;; now_us = bg_clock_mono_us ()) {
        if (ctl_interrupt_came ())
            return interrupted (self, err);
        if (now_us >= self->deadline_us || now_us - lost_us > AWAY_MAX_US)
            return stayed_away (self, err);
        int64_t left_us = self->deadline_us - now_us;
        bg_result result = ctl_client_reconnect (
            self->client, left_us < RECONNECT_US ? left_us : RECONNECT_US, err);
        if (bg_is_ok (result) || (!is_away (result) && result.code != BG_INTERRUPTED))
            return result;
        if (!is_told) {
            ctl_progress_clear (&self->progress);
            ctl_note (self->run->out, "the broker does not answer; waiting for it");
            is_told = true;
        }
        /*  A refused connection fails at once.  */
        if (bg_clock_mono_us () - now_us < SECOND_US / 5)
            (void) poll (NULL, 0, 200);
    }
}

static bg_result watch (waiting *self, bg_error *err)
{
    const wire_exec_watch request = {.id = self->row.id};
    for (;;) {
        bg_result result = ctl_send (self->client, WIRE_EXEC_WATCH, &request, err);
        self->asked_us = bg_clock_mono_us ();
        if (!is_away (result))
            return result;
        BG_TRY (come_back (self, err));
    }
}

/*  Nothing came in this second: is somebody still there?  */
static bg_result mind_silence (waiting *self, bg_error *err)
{
    int64_t now_us = bg_clock_mono_us ();
    if (self->heard_us < self->asked_us && now_us - self->asked_us > ANSWER_MAX_US) {
        BG_TRY (come_back (self, err));
        return watch (self, err);
    }
    if (self->heard_us < self->asked_us || now_us - self->heard_us < self->silence_us)
        return bg_ok ();
    if (self->silence_us < SILENCE_MAX_US)
        self->silence_us *= 2;
    return watch (self, err);
}

static void take_state (waiting *self, const wire_exec_state *state)
{
    wire_exec_row row = state->row;
    row.id = self->row.id;
    row.job = self->row.job;
    row.login = row.reason = (bg_slice){0};
    row.groups = NULL;
    row.groups_count = 0;
    self->row = row;
    self->heard_us = bg_clock_mono_us ();
}

static bg_result receive (waiting *self, int64_t timeout_us, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_exec_state *state = NULL;
    bg_result result =
        ctl_receive (self->client, WIRE_EXEC_STATE, timeout_us, &arena, (void **) &state, err);
    if (bg_is_ok (result)) {
        take_state (self, state);
        return result;
    }
    if (result.code == BG_TIMEOUT)
        return mind_silence (self, err);
    if (result.code == BG_INTERRUPTED)
        return bg_ok ();
    if (!is_away (result))
        return result;
    BG_TRY (come_back (self, err));
    return watch (self, err);
}

static bg_result wait_until_done (waiting *self, bg_error *err)
{
    BG_TRY (watch (self, err));
    while (!self->row.done) {
        int64_t now_us = bg_clock_mono_us ();
        if (ctl_interrupt_came ())
            return interrupted (self, err);
        if (now_us >= self->deadline_us) {
            self->is_late = true;
            return bg_ok ();
        }
        int64_t left_us = self->deadline_us - now_us;
        BG_TRY (receive (self, left_us < SECOND_US ? left_us : SECOND_US, err));
        show_progress (self);
    }
    return bg_ok ();
}

static void print_outcome (ctl_run *run, const wire_exec_row *row)
{
    if (ctl_is_human (run->out)) {
        BG_AUTO_BUF text = {0};
        ctl_exec_summary (row, &text);
        ctl_print_slice (run->out, bg_buf_slice (&text));
        return;
    }
    ctl_object (
        run->out, "exec", ctl_exec_fields, ctl_exec_field_count, "id", ctl_exec_json (row, true));
}

void ctl_exec_note_late (ctl_run *run, const wire_exec_row *row)
{
    ctl_note (run->out,
        "%llu of %llu targets have not reported yet; look again: bugle exec wait %s",
        (unsigned long long) (row->pending + row->waiting + row->running),
        (unsigned long long) row->targets, bg_id_short (row->id).text);
}

static bg_result until_done (
    ctl_run *run, bg_id id, int64_t timeout_us, wire_exec_row **row_p, bool *is_late, bg_error *err)
{
    waiting self = {.run = run, .silence_us = SILENCE_MIN_US};
    wire_exec_row *row = NULL;
    int64_t now_us = bg_clock_mono_us ();
    self.deadline_us = timeout_us > 0 ? now_us + timeout_us : INT64_MAX;
    ctl_progress_init (&self.progress, run->out, now_us);
    BG_TRY (ctl_run_client (run, &self.client, err));
    BG_TRY (ctl_exec_find (run, bg_id_text (id).text, false, &row, err));
    self.row = *row;
    if (!row->done) {
        bg_result result = wait_until_done (&self, err);
        ctl_progress_clear (&self.progress);
        BG_TRY (result);
    }
    BG_TRY (ctl_exec_find (run, bg_id_text (id).text, true, row_p, err));
    *is_late = self.is_late && !(*row_p)->done;
    return bg_ok ();
}

/*  Ctrl-C counts from the first question on: it must never end without saying what goes on.  */
bg_result ctl_exec_until_done (
    ctl_run *run, bg_id id, int64_t timeout_us, wire_exec_row **row_p, bool *is_late, bg_error *err)
{
    ctl_interrupt_catch ();
    const bg_result result = until_done (run, id, timeout_us, row_p, is_late, err);
    const bool is_cut_short =
        bg_failed (result) && result.code != BG_INTERRUPTED && ctl_interrupt_came ();
    ctl_interrupt_release ();
    if (!is_cut_short)
        return result;
    bg_ignore (
        bg_fail (err, BG_INTERRUPTED, "interrupted; execution %s goes on", bg_id_short (id).text));
    return bg_hint (err, "look again: bugle exec wait %s", bg_id_short (id).text);
}

bg_result ctl_exec_await (ctl_run *run, bg_id id, int64_t timeout_us, bg_error *err)
{
    wire_exec_row *row = NULL;
    bool is_late = false;
    BG_TRY (ctl_exec_until_done (run, id, timeout_us, &row, &is_late, err));
    print_outcome (run, row);
    if (is_late)
        ctl_exec_note_late (run, row);
    run->exit_code = ctl_exec_exit_code (row);
    return bg_ok ();
}

/*  ---- the commands ----  */

bg_result ctl_exec_wait (ctl_run *run, bg_error *err)
{
    wire_exec_row *row = NULL;
    BG_TRY (ctl_exec_find (run, ctl_argument (run->parsed, 0), false, &row, err));
    return ctl_exec_await (run, row->id, ctl_duration_us (run->parsed, CTL_OPT_TIMEOUT, 0), err);
}

bg_result ctl_exec_show (ctl_run *run, bg_error *err)
{
    wire_exec_row *row = NULL;
    BG_TRY (ctl_exec_find (run, ctl_argument (run->parsed, 0), true, &row, err));
    json_t *object = ctl_exec_json (row, true);
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "exec", ctl_exec_fields, ctl_exec_field_count, "id", object);
        return bg_ok ();
    }
    ctl_fields (run->out, ctl_exec_fields, ctl_exec_field_count, object);
    json_decref (object);
    ctl_print (run->out, "\n");
    print_outcome (run, row);
    return bg_ok ();
}

bg_result ctl_exec_list (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, LIMIT_DEFAULT);
    wire_exec_query query = {.job = bg_slice_str (ctl_text (run->parsed, CTL_OPT_JOB, NULL)),
        .login = bg_slice_str (ctl_text (run->parsed, CTL_OPT_LOGIN, NULL)),
        .since_us = ctl_time_us (run->parsed, CTL_OPT_SINCE, 0),
        .until_us = ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0),
        .running = ctl_given (run->parsed, CTL_OPT_RUNNING)};
    bool more = true;
    BG_TRY (ctl_run_client (run, &client, err));
    ctl_list_begin (run->out, "executions", ctl_exec_columns, ctl_exec_column_count, "id");
    while (more && ctl_list_count (run->out) < limit) {
        wire_execs *answer = NULL;
        size_t left = limit - ctl_list_count (run->out);
        query.limit = left < PAGE_MAX ? left : PAGE_MAX;
        BG_TRY (ctl_call (client, WIRE_EXEC_QUERY, &query, WIRE_EXECS, (void **) &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++)
            ctl_list_row (run->out, ctl_exec_json (&answer->rows[i], false));
        more = answer->more && answer->rows_count > 0;
        if (more)
            query.before = answer->rows[answer->rows_count - 1].id;
    }
    ctl_list_end (run->out, more, 0);
    return bg_ok ();
}
