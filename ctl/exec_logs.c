/*  bugle exec logs: what the steps of an execution have said.

    Without -t: what the broker has, its head and tail of each step, folded by equal result. With -t: everything that is kept.
    What the broker has whole is printed from there; what it has in part, and what is still being written, is asked of the
    target a piece at a time. When the target does not answer, the broker's part is printed and a sentence on stderr says so.

    Bytes go to stdout as they are, except to a terminal: what a step says there must not be able to set the terminal's
    title, its keys or its clipboard. Sentences about them go to stderr.
*/
#include "common/base/now.h"
#include "common/sys/clock.h"
#include "ctl/client.h"
#include "ctl/exec.h"
#include "ctl/history_view.h"
#include "ctl/job.h"
#include "ctl/outcomes.h"
#include "ctl/progress.h"
#include "ctl/target.h"
#include "ctl/targets_arg.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#define STEPS_MAX    64
#define IDLE_MS      250
#define AWAY_MAX_US  BG_MIN (2) /*  a target or broker is waited for that long with --follow  */
#define RECONNECT_US BG_SEC (5)
#define PIECE_BYTES  131072

typedef struct {
    ctl_run *run;
    bg_id exec;
    bg_slice target;
    const wire_history_row *row; /*  NULL: nothing was reported yet  */
    uint64_t only;               /*  step; 0: all  */
    uint64_t printed[STEPS_MAX + 1];
    uint64_t current; /*  step that is followed  */
    int64_t away_us;  /*  since when nobody answers; 0: they do  */
    bool is_told;     /*  that nobody answers  */
} reading;

/*  Bytes without the beginning of a character at their end, unless there is nothing else.  */
static size_t whole_characters (bg_slice bytes)
{
    for (size_t back = 1; back <= 3 && back < bytes.size; back++) {
        const uint8_t c = bytes.data[bytes.size - back];
        if (c < 0x80)
            break;
        if (c >= 0xc0) {
            const size_t wants = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            return back < wants ? bytes.size - back : bytes.size;
        }
    }
    return bytes.size;
}

/*  How many were printed: of what goes on, those of a character that has not come whole may be left.  */
static size_t print_bytes (const reading *self, bg_slice bytes, bool goes_on)
{
    const ctl_output_options *options = ctl_output_get (self->run->out);
    if (options->data_is_terminal) {
        BG_AUTO_BUF clean = {0};
        if (goes_on)
            bytes.size = whole_characters (bytes);
        ctl_clean (bytes, true, &clean);
        (void) fwrite (clean.data, 1, clean.size, options->data);
    } else if (bytes.size > 0)
        (void) fwrite (bytes.data, 1, bytes.size, options->data);
    (void) fflush (options->data);
    return bytes.size;
}

static void note_gap (const reading *self, bg_slice step_name, uint64_t bytes)
{
    ctl_note (self->run->out, "step %.*s: %" PRIu64 " bytes are not kept", BG_SLICE_ARG (step_name),
        bytes);
}

/*  ---- what the broker has ----  */

static bool is_final (const wire_history_row *row)
{
    return row && !ctl_run_is_open (&row->run);
}

static bg_result look (reading *self, bg_error *err)
{
    const wire_history_query query = {.exec = self->exec, .target = self->target, .output = true};
    ctl_history_rows found = {0};
    BG_TRY (ctl_history_fetch (self->run, &query, 1, &found, err));
    self->row = found.count > 0 ? &found.rows[0] : NULL;
    return bg_ok ();
}

static bool is_whole (const wire_step_result *step)
{
    return step->head.size + step->tail.size >= step->output_bytes;
}

/*  Bytes of head and tail behind those that were printed.  */
static void print_rest (reading *self, const wire_step_result *step)
{
    const uint64_t from = self->printed[step->step];
    const uint64_t tail_at =
        step->output_bytes > step->tail.size ? step->output_bytes - step->tail.size : 0;
    if (from < step->head.size)
        (void) print_bytes (
            self, bg_slice_of (step->head.data + from, step->head.size - (size_t) from), false);
    const uint64_t next = from > step->head.size ? from : step->head.size;
    if (next < tail_at)
        note_gap (self, step->name, tail_at - next);
    const uint64_t skip = next > tail_at ? next - tail_at : 0;
    if (skip < step->tail.size)
        (void) print_bytes (
            self, bg_slice_of (step->tail.data + skip, step->tail.size - (size_t) skip), false);
    self->printed[step->step] = step->output_bytes;
}

/*  ---- what the target has ----  */

/*  *told stays NULL when the target does not answer or has nothing; why says it.  */
static bg_result ask (const reading *self, uint64_t step, const wire_told **told, bg_error *why)
{
    wire_ask_target question = {.target = self->target,
        .has_ask = true,
        .ask = {.what = WIRE_ASK_OUTPUT,
            .run = self->row ? self->row->run.run : (bg_id){{0}},
            .exec = self->exec,
            .step = step,
            .offset = self->printed[step <= STEPS_MAX ? step : 0],
            .limit = PIECE_BYTES}};
    wire_target_told *answer = NULL;
    *told = NULL;
    BG_TRY (ctl_call (
        self->run->client, WIRE_ASK_TARGET, &question, WIRE_TARGET_TOLD, (void **) &answer, why));
    if (!bg_slice_is (answer->told.code, bg_code_word (BG_OK)))
        return bg_fail (why, BG_NOT_FOUND, "%.*s", BG_SLICE_ARG (answer->told.message));
    *told = &answer->told;
    return bg_ok ();
}

/*  Everything that there is of a step now; *last is the target's last word about it.  */
static bg_result drain (reading *self, uint64_t step, const wire_told **last, bg_error *why)
{
    for (;;) {
        const wire_told *told = NULL;
        BG_TRY (ask (self, step, &told, why));
        if (told->step != step)
            return bg_fail (why, BG_MALFORMED, "the target answered for another step");
        *last = told;
        if (told->total < self->printed[step]) {
            ctl_note (self->run->out, "step %.*s begins again", BG_SLICE_ARG (told->step_name));
            self->printed[step] = 0;
            continue;
        }
        if (told->bytes.size == 0)
            return bg_ok ();
        if (told->offset > self->printed[step]) {
            note_gap (self, told->step_name, told->offset - self->printed[step]);
            self->printed[step] = told->offset;
        }
        self->printed[step] += print_bytes (self, told->bytes, true);
    }
}

/*  ---- a run that is over ----  */

static bool wants (const reading *self, uint64_t step)
{
    return step >= 1 && step <= STEPS_MAX && (self->only == 0 || self->only == step);
}

static void print_step (reading *self, const wire_step_result *step)
{
    bg_error why = {0};
    const wire_told *last = NULL;
    if (!is_whole (step) && self->printed[step->step] < step->output_bytes &&
        bg_failed (drain (self, step->step, &last, &why)))
        ctl_note (self->run->out, "step %.*s: only what the broker has: %s",
            BG_SLICE_ARG (step->name), why.message);
    print_rest (self, step);
}

static bg_result print_final (reading *self, bg_error *err)
{
    const wire_run *ran = &self->row->run;
    bool found = false;
    for (size_t i = 0; i < ran->steps_count; i++) {
        const wire_step_result *step = &ran->steps[i];
        if (!wants (self, step->step))
            continue;
        found = true;
        print_step (self, step);
        if (step->message.size > 0)
            ctl_note (self->run->out, "step %.*s: %.*s", BG_SLICE_ARG (step->name),
                BG_SLICE_ARG (step->message));
    }
    if (self->only != 0 && !found) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "the run did not come to step %" PRIu64, self->only));
        return bg_hint (err, "see: bugle exec logs %s -t '%.*s'", bg_id_short (self->exec).text,
            BG_SLICE_ARG (self->target));
    }
    if (ran->steps_count == 0)
        ctl_note (self->run->out, "%.*s: %s%s%.*s", BG_SLICE_ARG (self->target),
            wire_run_state_word (ran->state), ran->reason.size > 0 ? ": " : "",
            BG_SLICE_ARG (ran->reason));
    return bg_ok ();
}

/*  ---- a run that goes on ----  */

/*  What there is so far, step by step.  */
static bg_result print_so_far (reading *self, bg_error *err)
{
    bg_error why = {0};
    bool any = false;
    for (uint64_t step = 1; step <= STEPS_MAX; step++) {
        const wire_told *last = NULL;
        if (!wants (self, step))
            continue;
        if (bg_failed (drain (self, step, &last, &why)))
            break;
        any = true;
        if (!last->done)
            break;
    }
    if (any) {
        ctl_note (self->run->out, "it still runs; see more with --follow");
        return bg_ok ();
    }
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no output of %.*s yet: %s",
        BG_SLICE_ARG (self->target), why.message));
    return bg_hint (err, "wait for it: bugle exec logs %s -t '%.*s' --follow",
        bg_id_short (self->exec).text, BG_SLICE_ARG (self->target));
}

static bool is_away (bg_result result)
{
    return result.code == BG_OFFLINE || result.code == BG_TIMEOUT || result.code == BG_CLOSED ||
           result.code == BG_UNREACHABLE || result.code == BG_NOT_FOUND;
}

/*  Nobody answers, or nothing has begun: that may pass.  */
static bg_result bear (reading *self, bg_result result, const bg_error *why, bg_error *err)
{
    const int64_t now_us = bg_clock_mono_us ();
    if (!is_away (result)) {
        *err = *why;
        return result;
    }
    if (self->away_us == 0)
        self->away_us = now_us;
    if (result.code == BG_NOT_FOUND)
        return bg_ok ();
    if (!self->is_told)
        ctl_note (self->run->out, "%s; waiting", why->message);
    self->is_told = true;
    if (now_us - self->away_us > AWAY_MAX_US) {
        *err = *why;
        return result;
    }
    if (result.code == BG_CLOSED || result.code == BG_UNREACHABLE)
        bg_ignore (ctl_client_reconnect (self->run->client, RECONNECT_US, NULL));
    return bg_ok ();
}

/*  One look at the step that is followed, and on to the next one when a later one has begun: the newest may be several
    ahead, and those between have something to say too. Only a run that went back makes us go back. A step whose end is
    only in the report is not left before that is there. *moved: there was something.  */
static bg_result follow_once (reading *self, bool *moved, bg_error *why)
{
    const wire_told *newest = NULL;
    const wire_told *last = NULL;
    const uint64_t before = self->printed[self->current];
    BG_TRY (drain (self, self->current, &last, why));
    *moved = self->printed[self->current] != before;
    if (self->only != 0 || *moved)
        return bg_ok ();
    BG_TRY (ask (self, 0, &newest, why));
    if (newest->step == self->current || newest->step < 1 || newest->step > STEPS_MAX)
        return bg_ok ();
    BG_TRY (drain (self, self->current, &last, why));
    *moved = self->printed[self->current] != before;
    if (self->printed[self->current] < last->total)
        return bg_ok ();
    self->current = newest->step > self->current ? self->current + 1 : newest->step;
    *moved = true;
    return bg_ok ();
}

static bg_result interrupted (const reading *self, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_INTERRUPTED, "interrupted; what runs goes on"));
    return bg_hint (err, "look again: bugle exec logs %s -t '%.*s' --follow",
        bg_id_short (self->exec).text, BG_SLICE_ARG (self->target));
}

/*  True when no run of this target will come any more.  */
static bg_result is_over (reading *self, bool *over, bg_error *err)
{
    const wire_target_query query = {.names = &self->target, .names_count = 1, .exec = self->exec};
    ctl_target_rows found = {0};
    *over = false;
    BG_TRY (ctl_targets_fetch (self->run, &query, 0, &found, err));
    if (found.count == 1)
        *over = found.rows[0].exec_state != WIRE_EXEC_PENDING &&
                found.rows[0].exec_state != WIRE_EXEC_RUNNING;
    return bg_ok ();
}

static bg_result follow_until_over (reading *self, bg_error *err)
{
    self->current = self->only ? self->only : 1;
    while (!is_final (self->row)) {
        bg_error why = {0};
        bool moved = false;
        bool over = false;
        if (ctl_interrupt_came ())
            return interrupted (self, err);
        bg_result result = follow_once (self, &moved, &why);
        if (result.code == BG_INTERRUPTED)
            return interrupted (self, err);
        if (bg_failed (result))
            BG_TRY (bear (self, result, &why, err));
        else
            self->away_us = 0;
        if (moved)
            continue;
        (void) poll (NULL, 0, IDLE_MS);
        result = look (self, &why);
        if (bg_is_ok (result) && !self->row) {
            result = is_over (self, &over, &why);
            if (over)
                return bg_ok ();
        }
        if (result.code == BG_INTERRUPTED)
            return interrupted (self, err);
        if (bg_failed (result))
            BG_TRY (bear (self, result, &why, err));
    }
    return bg_ok ();
}

static bg_result follow (reading *self, bg_error *err)
{
    ctl_interrupt_catch ();
    bg_result result = follow_until_over (self, err);
    ctl_interrupt_release ();
    return result;
}

/*  ---- the command ----  */

/*  By its name it is looked up in the job as it is now; a one-shot command has none.  */
static bg_result choose_step (
    ctl_run *run, const wire_exec_row *row, uint64_t *number, bg_error *err)
{
    const char *typed = ctl_text (run->parsed, CTL_OPT_STEP, NULL);
    char *end = NULL;
    ctl_job_found found = {0};
    wire_job job;
    if (!typed)
        return bg_ok ();
    const unsigned long value = strtoul (typed, &end, 10);
    if (*typed >= '0' && *typed <= '9' && *end == '\0' && value >= 1 && value <= STEPS_MAX) {
        *number = value;
        return bg_ok ();
    }
    BG_TRY (ctl_job_look (run, row->job, true, &found, err));
    int at = -1;
    if (found.row) {
        BG_TRY (ctl_job_decode (&found.row->document, &run->arena, &job, err));
        at = ctl_job_step (&job, bg_slice_str (typed));
    }
    if (at < 0) {
        bg_ignore (bg_fail (
            err, BG_USAGE, "'%.200s' is no step of '%.*s'", typed, BG_SLICE_ARG (row->job)));
        return bg_hint (err, "write its number, 1 to %d, or see: bugle job show '%.*s'", STEPS_MAX,
            BG_SLICE_ARG (row->job));
    }
    *number = (uint64_t) at + 1;
    return bg_ok ();
}

static bg_result read_target (ctl_run *run, const wire_exec_row *row, bg_slice name, bg_error *err)
{
    reading self = {.run = run, .exec = row->id, .target = name, .only = 0};
    BG_TRY (choose_step (run, row, &self.only, err));
    BG_TRY (look (&self, err));
    if (!is_final (self.row) && ctl_given (run->parsed, CTL_OPT_FOLLOW))
        BG_TRY (follow (&self, err));
    if (is_final (self.row))
        return print_final (&self, err);
    return ctl_given (run->parsed, CTL_OPT_FOLLOW) ? bg_ok () : print_so_far (&self, err);
}

static bg_result read_all (ctl_run *run, const wire_exec_row *row, bg_error *err)
{
    ctl_outcomes outcomes = {0};
    BG_TRY (ctl_outcomes_add (run, row->id, &outcomes, err));
    if (ctl_is_human (run->out)) {
        ctl_outcomes_print (run, &outcomes);
        return bg_ok ();
    }
    ctl_outcomes_list_begin (run, &outcomes);
    ctl_list_end (run->out, false, 0);
    return bg_ok ();
}

/*  The one target that was named, or the only one there is.  */
static bg_result one_target (ctl_run *run, const wire_exec_row *row, bg_slice *name, bg_error *err)
{
    wire_audience audience;
    bool is_given = false;
    ctl_target_rows found = {0};
    BG_TRY (ctl_targets_arg (run, &audience, &is_given, err));
    wire_target_query query = {.exec = row->id,
        .names = audience.names,
        .names_count = audience.names_count,
        .defected = true};
    if (is_given || ctl_given (run->parsed, CTL_OPT_FOLLOW) ||
        ctl_given (run->parsed, CTL_OPT_STEP))
        BG_TRY (ctl_targets_fetch (run, &query, 2, &found, err));
    if (found.count == 1)
        *name = found.rows[0].name;
    if (found.count == 1 || (!is_given && !ctl_given (run->parsed, CTL_OPT_FOLLOW) &&
                                !ctl_given (run->parsed, CTL_OPT_STEP)))
        return bg_ok ();
    if (is_given && found.count == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "execution %s was not for '%.*s'",
            bg_id_short (row->id).text, BG_SLICE_ARG (audience.names[0])));
        return bg_hint (err, "see: bugle exec show %s", bg_id_short (row->id).text);
    }
    bg_ignore (bg_fail (err, BG_USAGE, "the output of one target is shown at a time"));
    return bg_hint (err, "choose it: bugle exec logs %s -t NAME", bg_id_short (row->id).text);
}

bg_result ctl_exec_logs (ctl_run *run, bg_error *err)
{
    wire_exec_row *row = NULL;
    bg_slice name = {0};
    BG_TRY (ctl_exec_find (run, ctl_argument (run->parsed, 0), false, &row, err));
    if (row->what != WIRE_DEED_START)
        return bg_fail (err, BG_INVALID, "execution %s is a %s and has no output",
            bg_id_short (row->id).text, wire_deed_word (row->what));
    BG_TRY (one_target (run, row, &name, err));
    return name.size > 0 ? read_target (run, row, name, err) : read_all (run, row, err);
}
