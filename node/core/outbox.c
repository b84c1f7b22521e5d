/*  The outbox: outcomes on their way to the broker, in order, each exactly once.

    A sequence under the outbox's id; one batch is on its way; the broker's answer is cumulative. Whatever happens to
    the connection, the same items with the same numbers are sent again until the mark has passed them. A row that was
    never sent may still change: the end of a run takes the place of its beginning.  */
#include "node/core/rooms.h"

#include <stdlib.h>

bg_result node_outbox_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_outbox_size size;
    BG_TRY (store->outbox_size (store->ctx, &size, err));
    self->outbox.rows = size.rows;
    self->outbox.bytes = size.bytes;
    self->outbox.sequence = self->outbox.said = self->saved_outbox;
    return bg_ok ();
}

static bg_result measure (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_outbox_size size;
    BG_TRY (store->outbox_size (store->ctx, &size, err));
    self->outbox.rows = size.rows;
    self->outbox.bytes = size.bytes;
    return bg_ok ();
}

/*  ---- a bounded outbox: output goes, outcomes never ----  */

typedef struct {
    bg_arena *arena;
    node_outbox_row *rows;
    size_t count;
    size_t max;
    size_t bytes;
    size_t max_bytes;
} collection;

static bool collect (void *visitor, const node_outbox_row *row)
{
    collection *at = visitor;
    if (at->count == at->max || (at->count > 0 && at->bytes + row->blob.size > at->max_bytes))
        return false;
    at->rows[at->count] = *row;
    at->rows[at->count++].blob = bg_arena_copy (at->arena, row->blob);
    at->bytes += row->blob.size;
    return true;
}

static bg_result strip (node_core *self, const node_outbox_row *row, bg_error *err)
{
    const node_store *store = self->ports.store;
    wire_run run;
    if (bg_failed (WIRE_DECODE (run, row->blob, WIRE_AS_MESSAGE, &self->scratch, &run, NULL)))
        return bg_ok ();
    for (size_t i = 0; i < run.steps_count; i++)
        run.steps[i].head = run.steps[i].tail = (bg_slice){0};
    BG_AUTO_BUF blob = {0};
    WIRE_ENCODE (run, &run, &blob);
    return store->outbox_replace (store->ctx, row->sequence, bg_buf_slice (&blob), err);
}

/*  Cuts the output of the oldest items off, a few at each event that adds one.  */
static bg_result trim (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    if (self->outbox.bytes <= NODE_OUTBOX_BYTES_MAX ||
        self->outbox.stripped >= self->outbox.sequence)
        return bg_ok ();
    node_outbox_row rows[NODE_REPORT_ITEMS_MAX];
    collection items = {.arena = &self->scratch,
        .rows = rows,
        .max = NODE_REPORT_ITEMS_MAX,
        .max_bytes = 16 * (size_t) WIRE_FRAME_MAX};
    BG_TRY (store->outbox_each (
        store->ctx, self->outbox.stripped, NODE_REPORT_ITEMS_MAX, collect, &items, err));
    for (size_t i = 0; i < items.count; i++) {
        BG_TRY (strip (self, &rows[i], err));
        self->outbox.stripped = rows[i].sequence;
    }
    return measure (self, err);
}

/*  When the first row may be sent, now that one of that state has come in.  */
static void wait_for (node_core *self, uint64_t state)
{
    if (state != WIRE_RUN_RUNNING && state != WIRE_RUN_WAITING)
        self->outbox.wait_until_us = 0;
    else if (self->outbox.rows == 0)
        self->outbox.wait_until_us = self->now.mono_us + NODE_BEGINNING_WAIT_US;
}

bg_result node_outbox_add (node_core *self, const wire_run *run, bg_slice blob, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_open_run *open = node_table_find (&self->open_runs, run->run);
    wait_for (self, run->state);
    if (open && open->told > self->outbox.said && open->told > self->outbox.stripped) {
        /*  The broker has not heard of the run: it needs to hear of its end only.  */
        BG_TRY (store->outbox_replace (store->ctx, open->told, blob, err));
        self->outbox.bytes += blob.size - open->told_bytes;
    } else {
        const uint64_t sequence = self->outbox.sequence + 1;
        BG_TRY (store->outbox_append (store->ctx, sequence, blob, err));
        self->outbox.sequence = sequence;
        self->outbox.rows++;
        self->outbox.bytes += blob.size;
        if (open)
            open->told = sequence;
    }
    if (open)
        open->told_bytes = blob.size;
    return trim (self, err);
}

bool node_outbox_tells_soon (const node_core *self)
{
    return self->outbox.rows <= NODE_REPORT_ITEMS_MAX;
}

/*  ---- sending ----  */

bg_result node_outbox_pump (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    if (self->outbox.open || self->outbox.rows == 0 || !node_session_is_up (self))
        return bg_ok ();
    if (self->now.mono_us < self->outbox.wait_until_us) {
        node_timer_in (self, NODE_TIMER_REPORT, self->outbox.wait_until_us - self->now.mono_us);
        return bg_ok ();
    }
    const size_t max = self->outbox.single ? 1 : NODE_REPORT_ITEMS_MAX;
    node_outbox_row rows[NODE_REPORT_ITEMS_MAX];
    collection batch = {
        .arena = &self->scratch, .rows = rows, .max = max, .max_bytes = NODE_REPORT_BYTES_MAX};
    BG_TRY (store->outbox_each (store->ctx, 0, max, collect, &batch, err));
    wire_report_item items[NODE_REPORT_ITEMS_MAX];
    for (size_t i = 0; i < batch.count; i++) {
        items[i] = (wire_report_item){.sequence = rows[i].sequence, .has_run = true};
        if (bg_failed (WIRE_DECODE (
                run, rows[i].blob, WIRE_AS_MESSAGE, &self->scratch, &items[i].run, NULL)))
            return bg_fail (err, BG_STORE,
                "the node's store holds an outcome that is not one; the file is damaged");
    }
    if (batch.count == 0)
        return bg_ok ();
    self->outbox.last = rows[batch.count - 1].sequence;
    if (self->outbox.said < self->outbox.last)
        self->outbox.said = self->outbox.last;
    self->outbox.request = node_say (self, NODE_LINK_DESK, WIRE_REPORT,
        &(wire_report){
            .outbox = self->identity.outbox, .items = items, .items_count = batch.count});
    self->outbox.open = true;
    node_timer_in (self, NODE_TIMER_REPORT, NODE_REPORT_ANSWER_US);
    return bg_ok ();
}

static bg_result passed (node_core *self, uint64_t mark, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_TRY (store->outbox_remove_through (store->ctx, mark, err));
    return measure (self, err);
}

/*  The broker has items of this outbox that this store never made: it was put back to an older copy. Under a new id the
    numbers begin again and nothing is taken for a repetition.  */
static bg_result begin_anew (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_outbox_size size;
    BG_TRY (store->outbox_size (store->ctx, &size, err));
    const uint64_t less = size.rows ? size.first - 1 : self->outbox.sequence;
    node_identity identity = self->identity;
    identity.outbox = node_new_id (self);
    BG_TRY (store->outbox_renumber (store->ctx, less, err));
    BG_TRY (store->identity_put (store->ctx, &identity, err));
    node_set_identity (self, &identity);
    node_runs_untold (self);
    self->outbox.sequence -= less;
    self->outbox.said = self->outbox.sequence;
    self->outbox.stripped = 0;
    node_log (self, NODE_LOG_WARNING, "outbox-anew",
        "the broker has later outcomes than this store: it was restored; a new outbox is begun");
    return bg_ok ();
}

bg_result node_outbox_opened (node_core *self, uint64_t mark, bg_error *err)
{
    self->outbox.open = false;
    node_timer_off (self, NODE_TIMER_REPORT);
    if (mark <= self->outbox.sequence)
        return passed (self, mark, err);
    BG_TRY (begin_anew (self, err));
    /*  The broker is told by another hello; not at once, so that no answer of this kind makes a loop.  */
    self->session.state = NODE_SESSION_HELLO;
    node_timer_in (self, NODE_TIMER_HELLO, BG_SEC (1));
    return bg_ok ();
}

typedef struct {
    const wire_refused_item *refused;
    bg_buf blob;
} refused_blob;

static bool find_refused (void *visitor, const node_outbox_row *row)
{
    refused_blob *at = visitor;
    if (row->sequence == at->refused->sequence)
        bg_buf_append_slice (&at->blob, row->blob);
    return false;
}

static bg_result set_aside (node_core *self, const wire_refused_item *refused, bg_error *err)
{
    const node_store *store = self->ports.store;
    refused_blob at = {.refused = refused};
    bg_result result =
        refused->sequence == 0
            ? bg_ok ()
            : store->outbox_each (store->ctx, refused->sequence - 1, 1, find_refused, &at, err);
    if (!bg_failed (result) && at.blob.size > 0) {
        node_count (self, NODE_COUNT_REPORTS_REFUSED);
        node_log (self, NODE_LOG_ERROR, "report-refused",
            "the broker refused outcome %llu: %.*s; it is set aside",
            (unsigned long long) refused->sequence, BG_SLICE_ARG (refused->message));
        result = store->refused_put (store->ctx,
            &(node_refused_row){.sequence = refused->sequence,
                .code = refused->code,
                .message = refused->message,
                .blob = bg_buf_slice (&at.blob)},
            err);
    }
    bg_buf_fini (&at.blob);
    return result;
}

bg_result node_outbox_answered (
    node_core *self, const wire_header *header, const wire_report_answer *answer, bg_error *err)
{
    const bool is_ours = self->outbox.open && bg_id_equal (header->request, self->outbox.request) &&
                         bg_id_equal (answer->outbox, self->identity.outbox) &&
                         answer->mark <= self->outbox.sequence;
    if (!is_ours) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    for (size_t i = 0; i < answer->refused_count; i++)
        BG_TRY (set_aside (self, &answer->refused[i], err));
    BG_TRY (passed (self, answer->mark, err));
    node_timer_off (self, NODE_TIMER_REPORT);
    if (answer->mark < self->outbox.last) {
        /*  Not all of it was stored: said again after a while, not at once.  */
        node_timer_in (self, NODE_TIMER_REPORT, BG_SEC (5));
        return bg_ok ();
    }
    self->outbox.open = false;
    self->outbox.single = false;
    return bg_ok ();
}

bg_result node_outbox_refused (node_core *self, const wire_error *error, bg_error *err)
{
    const bg_code code = bg_code_from_word ((const char *) error->code.data, error->code.size);
    const bool is_batch = code == BG_MALFORMED || code == BG_TOO_LARGE || code == BG_INVALID;
    if (!is_batch) {
        /*  The broker's state, not the batch: the timer says it again.  */
        node_timer_in (self, NODE_TIMER_REPORT, BG_SEC (10));
        return bg_ok ();
    }
    if (!self->outbox.single) {
        self->outbox.single = true;
    } else {
        const wire_refused_item refused = {.sequence = self->outbox.last,
            .code = error->code,
            .message = node_cut (error->message, 512)};
        BG_TRY (set_aside (self, &refused, err));
        BG_TRY (passed (self, self->outbox.last, err));
    }
    self->outbox.open = false;
    node_timer_off (self, NODE_TIMER_REPORT);
    return bg_ok ();
}

void node_outbox_timer (node_core *self)
{
    self->outbox.open = false; /*  leaving the event sends the batch again  */
}
