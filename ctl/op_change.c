/*  bugle op retry and skip: which rows are meant is asked first, then the broker is asked to change
    exactly those, each in the version that was seen.  */
#include "ctl/client.h"
#include "ctl/fold.h"
#include "ctl/job.h"
#include "ctl/op.h"
#include "ctl/op_view.h"
#include "ctl/sign.h"

#include <inttypes.h>
#include <stdlib.h>

#define BATCH 256 /*  wire_request.ops  */
#define MOST  100000

typedef struct {
    ctl_run *run;
    uint64_t what;       /*  WIRE_REQUEST_OP_*  */
    const char *verb;    /*  "retry"  */
    const char *outcome; /*  "retried"  */
    bg_slice reason;
    bool dry_run;
    const wire_op_row **rows;
    size_t count;
    size_t capacity;
    uint64_t done;
    uint64_t changed;
    uint64_t passed_over;
} change;

static bg_result keep_row (void *taker, const wire_op_row *row, bg_error *err)
{
    (void) err;
    change *self = taker;
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->rows = bg_realloc (self->rows, self->capacity * sizeof *self->rows);
    }
    self->rows[self->count++] = row;
    return bg_ok ();
}

static bool is_kept (const change *self, const wire_op_row *row)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->rows[i]->number == row->number && bg_id_equal (self->rows[i]->key, row->key))
            return true;
    return false;
}

static bg_result by_ids (change *self, bg_error *err)
{
    for (size_t i = 0; i < ctl_argument_count (self->run->parsed); i++) {
        const wire_op_row *row = NULL;
        BG_TRY (ctl_op_find (self->run, ctl_argument (self->run->parsed, i), &row, err));
        if (!is_kept (self, row))
            BG_TRY (keep_row (self, row, err));
    }
    return bg_ok ();
}

static bg_result by_choice (change *self, wire_op_query *query, bg_error *err)
{
    const uint64_t pending = UINT64_C (1) << WIRE_DELIVERY_PENDING;
    const uint64_t waiting = UINT64_C (1) << WIRE_DELIVERY_WAITING;
    const uint64_t failed = UINT64_C (1) << WIRE_DELIVERY_FAILED;
    const uint64_t skipped = UINT64_C (1) << WIRE_DELIVERY_SKIPPED;
    const bool retries = self->what == WIRE_REQUEST_OP_RETRY;
    const uint64_t usual = retries ? failed : pending | waiting | failed;
    const uint64_t possible = retries ? failed | skipped : usual;
    bool more = false;
    if (query->states & ~possible)
        return bg_fail (err, BG_USAGE, "op %s takes --state %s", self->verb,
            retries ? "failed or skipped" : "pending, waiting or failed");
    query->states = query->states ? query->states : usual;
    BG_TRY (ctl_op_each (self->run, query, MOST, keep_row, self, &more, err));
    if (self->count == 0) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "no instruction that could be %s matches", self->outcome));
        return bg_hint (err, "see: bugle op list with the same choice");
    }
    return more ? bg_fail (err, BG_TOO_LARGE, "more than %d instructions match", MOST) : bg_ok ();
}

static bg_result choose (change *self, bg_error *err)
{
    wire_op_query query;
    bool is_given = false;
    const bool has_ids = ctl_argument_count (self->run->parsed) > 0;
    BG_TRY (ctl_op_query (self->run, &query, &is_given, err));
    if (has_ids && is_given) {
        bg_ignore (bg_fail (err, BG_USAGE, "ids and a choice exclude each other"));
        return bg_hint (err, "give the ids alone");
    }
    if (!has_ids && !is_given) {
        bg_ignore (bg_fail (err, BG_USAGE, "which instructions? Nothing was chosen"));
        return bg_hint (err, "give ids as bugle op list shows them, or choose with -t, --job, ...");
    }
    return has_ids ? by_ids (self, err) : by_choice (self, &query, err);
}

static uint64_t value_of (const wire_done *done, const char *name)
{
    for (size_t i = 0; i < done->values_count; i++)
        if (bg_slice_is (done->values[i].key, name)) {
            BG_AUTO_CHAR text = bg_slice_dup (done->values[i].value);
            return strtoull (text, NULL, 10);
        }
    return 0;
}

static bg_result send (change *self, bg_error *err)
{
    for (size_t at = 0; at < self->count; at += BATCH) {
        const size_t count = self->count - at < BATCH ? self->count - at : BATCH;
        wire_request ask = {.what = self->what, .reason = self->reason, .ops_count = count};
        wire_done *done = NULL;
        ask.ops = bg_arena_array (&self->run->arena, wire_op_ref, count);
        for (size_t i = 0; i < count; i++)
            ask.ops[i] = (wire_op_ref){.number = self->rows[at + i]->number,
                .key = self->rows[at + i]->key,
                .version = self->rows[at + i]->version};
        BG_TRY (ctl_request (self->run, &ask, self->dry_run, &done, err));
        self->done += done->count;
        self->changed += value_of (done, "changed");
        self->passed_over += value_of (done, "passed_over");
    }
    return bg_ok ();
}

/*  ---- saying what was done ----  */

/*  Rows of the same object stand together, since the list is by instruction.  */
static void print_objects (const change *self)
{
    bg_slice *names = bg_arena_array (&self->run->arena, bg_slice, self->count + 1);
    for (size_t at = 0; at < self->count;) {
        size_t count = 0;
        const wire_op_row *first = self->rows[at];
        for (; at < self->count && bg_slice_equal (self->rows[at]->name, first->name) &&
               self->rows[at]->operation == first->operation;
             at++)
            names[count++] = self->rows[at]->target;
        BG_AUTO_BUF text = {0};
        ctl_fold (names, count, count, 0, &text);
        ctl_print (self->run->out, "%s%s %s %.*s on %s\n", self->dry_run ? "would " : "",
            self->dry_run ? self->verb : self->outcome, wire_op_word (first->operation),
            BG_SLICE_ARG (first->name), bg_buf_cstr (&text));
    }
}

static void print_json (const change *self)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < self->count; i++)
        json_array_append_new (list, ctl_op_json (self->rows[i]));
    json_t *object = json_pack ("{s:s, s:I, s:I, s:I, s:o, s:o, s:b}", "outcome", self->outcome,
        "count", (json_int_t) self->done, "changed", (json_int_t) self->changed, "passed_over",
        (json_int_t) self->passed_over, "reason", ctl_json_text_or_null (self->reason),
        "instructions", list, "dry_run", self->dry_run);
    bg_assert (object);
    ctl_object (self->run->out, "instructions", NULL, 0, "outcome", object);
}

static bg_result print (const change *self, bg_error *err)
{
    if (!ctl_is_human (self->run->out))
        print_json (self);
    else if (self->done == self->count)
        print_objects (self);
    else if (self->done > 0)
        ctl_print (self->run->out, "%s%s %" PRIu64 " of %zu instructions\n",
            self->dry_run ? "would have " : "", self->outcome, self->done, self->count);
    if (self->changed > 0)
        ctl_note (self->run->out, "%" PRIu64 " have a newer version now and were left alone",
            self->changed);
    if (self->done == 0) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "nothing was %s: %s", self->outcome,
            self->changed ? "there are newer versions now"
                          : "no instruction is in a state for it"));
        return bg_hint (err, "look again: bugle op list");
    }
    if (self->passed_over > 0)
        ctl_note (self->run->out, "%" PRIu64 " were not in a state for it and were left alone",
            self->passed_over);
    return bg_ok ();
}

static bg_result carry_out (change *self, bg_error *err)
{
    BG_TRY (choose (self, err));
    const bool asks = self->what == WIRE_REQUEST_OP_SKIP && !self->dry_run && self->count > 1 &&
                      ctl_argument_count (self->run->parsed) == 0;
    if (asks)
        BG_TRY (ctl_confirm (self->run, err, "Skip %zu instructions?", self->count));
    BG_TRY (send (self, err));
    return print (self, err);
}

static bg_result run_change (change *self, bg_error *err)
{
    self->dry_run = ctl_given (self->run->parsed, CTL_OPT_DRY_RUN);
    BG_TRY (ctl_reason (self->run, &self->reason, err));
    bg_result result = carry_out (self, err);
    free (self->rows);
    return result;
}

bg_result ctl_op_retry (ctl_run *run, bg_error *err)
{
    change self = {
        .run = run, .what = WIRE_REQUEST_OP_RETRY, .verb = "retry", .outcome = "retried"};
    return run_change (&self, err);
}

bg_result ctl_op_skip (ctl_run *run, bg_error *err)
{
    change self = {.run = run, .what = WIRE_REQUEST_OP_SKIP, .verb = "skip", .outcome = "skipped"};
    if (!ctl_given (run->parsed, CTL_OPT_REASON)) {
        bg_ignore (bg_fail (err, BG_USAGE, "op skip needs --reason: others will want to know why"));
        return bg_hint (err, "as: bugle op skip ID --reason 'the machine is being replaced'");
    }
    return run_change (&self, err);
}
