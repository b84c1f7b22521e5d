/*  Deeds: START and STOP, done once. A START may bring its job along; that one is never held.

        queued --sent to bugle-exec--> sent --run or "ok"--> done
           |  \                          |--"waiting"-----> waiting --inputs change--> queued
           |   `-needs a job not here--> waiting
           `-a newer START of the job, or a refusal--> refused

    Done, refused and waiting are durable; queued and sent are not, since what is not acknowledged comes again. A START
    that is refused is a run that did not happen, and goes into the history with its reason. What no login has signed is
    neither: it is forgotten at once, for somebody on the way may have made it up.  */
#include "node/core/rooms.h"

#include <stdio.h>
#include <stdlib.h>

#define NODE_DEED_LIFE_MAX_US BG_DAY (7) /*  no deed lives longer (design.md section 7)  */

void node_deed_release (void *object)
{
    node_deed *deed = object;
    free (deed->job_name);
    bg_buf_fini (&deed->signed_item);
    free (deed);
}

static bool is_settled (const node_deed *deed)
{
    return deed->phase == NODE_DEED_IS_DONE || deed->phase == NODE_DEED_IS_REFUSED;
}

static bool needs_job (const wire_deed *body)
{
    if (!body->has_needs)
        return false;
    for (size_t i = 0; i < body->needs.documents_count; i++)
        if (bg_id_equal (body->needs.documents[i].key, body->job_key))
            return true;
    return false;
}

/*  Fills a new object from the signed bytes; NULL when they are not a deed for this installation.  */
static node_deed *read_deed (node_core *self, const wire_signed *item)
{
    wire_deed body;
    bg_error why = {0};
    if (bg_failed (WIRE_DECODE (deed, item->bytes, WIRE_AS_MESSAGE, &self->scratch, &body, &why))) {
        node_count (self, NODE_COUNT_MALFORMED);
        node_log (self, NODE_LOG_WARNING, "instruction-malformed",
            "an instruction is not a deed: %s", why.message);
        return NULL;
    }
    if (!bg_id_equal (body.installation, self->identity.installation)) {
        node_count (self, NODE_COUNT_REFUSED);
        return NULL;
    }
    node_deed *deed = bg_alloc (sizeof *deed);
    deed->id = body.id;
    deed->what = body.what;
    deed->job_key = body.job_key;
    deed->job_name = bg_slice_dup (body.job_name);
    deed->issued_us = body.issued_us;
    deed->expires_us = body.expires_us;
    deed->needs_job = needs_job (&body);
    deed->has_job = body.has_document;
    deed->poll = self->poll.serial;
    WIRE_ENCODE (signed, item, &deed->signed_item);
    return deed;
}

static void ack_deed (node_core *self, const node_deed *deed, bg_slice message)
{
    static const uint64_t states[] = {
        [NODE_DEED_IS_WAITING] = WIRE_DELIVERY_WAITING,
        [NODE_DEED_IS_DONE] = WIRE_DELIVERY_APPLIED,
        [NODE_DEED_IS_REFUSED] = WIRE_DELIVERY_FAILED,
    };
    if (deed->phase == NODE_DEED_IS_QUEUED || deed->phase == NODE_DEED_IS_SENT)
        return;
    node_ack (self, deed->id, 0, states[deed->phase], bg_slice_str (deed->code), message);
}

/*  More than can be meant is on its way to bugle-exec.  */
static bool is_flooded (const node_core *self)
{
    size_t open = 0;
    for (size_t i = 0; i < self->deeds.count; i++) {
        const node_deed *deed = self->deeds.items[i];
        open += deed->phase == NODE_DEED_IS_QUEUED || deed->phase == NODE_DEED_IS_SENT;
    }
    return open >= NODE_OFFERS_MAX;
}

bg_result node_deed_take (node_core *self, const wire_signed *item, bg_error *err)
{
    (void) err;
    node_deed *deed = read_deed (self, item);
    if (!deed)
        return bg_ok ();
    const node_deed *known = node_table_find (&self->deeds, deed->id);
    if (known) {
        ack_deed (self, known, (bg_slice){0});
        node_deed_release (deed);
        return bg_ok ();
    }
    if (is_flooded (self)) {
        node_poll_want (self); /*  it comes again when bugle-exec has caught up  */
        node_deed_release (deed);
        return bg_ok ();
    }
    node_table_insert (&self->deeds, deed);
    self->deeds_moved = true;
    self->news++;
    return bg_ok ();
}

/*  ---- what becomes of one ----  */

static bg_result put (
    node_core *self, const node_deed *deed, node_deed_state state, bg_slice message, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->deed_put (store->ctx,
        &(node_deed_row){
            .id = deed->id,
            .what = deed->what,
            .job_key = deed->job_key,
            .state = state,
            .expires_us = deed->expires_us,
            .code = bg_slice_str (deed->code),
            .message = node_cut (message, 512),
            .signed_item =
                state == NODE_DEED_WAITING ? bg_buf_slice (&deed->signed_item) : (bg_slice){0},
        },
        err);
}

/*  reported: the outbox has news of its run, and the broker takes that as the acknowledgement.  */
static bg_result done (node_core *self, node_deed *deed, bool reported, bg_error *err)
{
    deed->code[0] = '\0';
    BG_TRY (put (self, deed, NODE_DEED_DONE, (bg_slice){0}, err));
    deed->phase = NODE_DEED_IS_DONE;
    bg_buf_fini (&deed->signed_item);
    if (!reported || !node_outbox_tells_soon (self))
        ack_deed (self, deed, (bg_slice){0});
    return bg_ok ();
}

static void set_code (node_deed *deed, bg_slice code)
{
    snprintf (deed->code, sizeof deed->code, "%.*s",
        BG_SLICE_ARG (node_cut (code, sizeof deed->code - 1)));
}

/*  A login has signed it. What waits in the store has been looked at before it came there.  */
static bool is_proven (node_core *self, node_deed *deed)
{
    wire_signed item;
    if (!deed->proven && deed->signed_item.size > 0)
        deed->proven = !bg_failed (node_decode_signed (
                           bg_buf_slice (&deed->signed_item), &self->scratch, &item, NULL)) &&
                       node_is_proven (self, &item);
    return deed->proven;
}

/*  Forgets it, and the broker need not wait for an outcome.  */
static void drop (node_core *self, node_deed *deed, bg_slice code, bg_slice message)
{
    node_count (self, NODE_COUNT_UNPROVEN);
    node_log (self, NODE_LOG_WARNING, "deed-unproven", "%s of %s: %.*s",
        wire_deed_word (deed->what), deed->job_name, BG_SLICE_ARG (message));
    node_ack (self, deed->id, 0, WIRE_DELIVERY_SKIPPED, code, message);
    node_deed_release (node_table_take (&self->deeds, deed->id));
}

/*  Unproven, it is not kept: if it is genuine it comes again, behind the authority that it needs.  */
static bg_result park (node_core *self, node_deed *deed, bg_slice message, bg_error *err)
{
    if (!is_proven (self, deed)) {
        if (!self->poll.settling)
            node_poll_want (self);
        node_deed_release (node_table_take (&self->deeds, deed->id));
        return bg_ok ();
    }
    const bool news = deed->phase != NODE_DEED_IS_WAITING || !*deed->code;
    set_code (deed, bg_slice_str ("waiting"));
    BG_TRY (put (self, deed, NODE_DEED_WAITING, message, err));
    deed->phase = NODE_DEED_IS_WAITING;
    deed->inputs = self->inputs;
    if (news) {
        ack_deed (self, deed, message);
        node_poll_want (self);
    }
    return bg_ok ();
}

/*  What is not for this target leaves a trace in the history too: the broker sends a deed to those it addressed, so this
    one has left the audience meanwhile, and its outcome is waited for.  */
static bg_result refuse (
    node_core *self, node_deed *deed, bg_slice code, bg_slice message, bg_error *err)
{
    set_code (deed, code);
    if (bg_slice_is (code, "wrong-target"))
        node_count (self, NODE_COUNT_WRONG_TARGET);
    BG_TRY (put (self, deed, NODE_DEED_REFUSED, message, err));
    deed->phase = NODE_DEED_IS_REFUSED;
    bg_buf_fini (&deed->signed_item);
    if (deed->what == WIRE_DEED_START) {
        const node_job *job = node_table_find (&self->jobs, deed->job_key);
        BG_TRY (node_run_not_run (self,
            &(node_not_run){
                .job_key = deed->job_key,
                .job_name = bg_slice_str (job ? job->name : deed->job_name),
                .job_version = job ? job->version : 0,
                .exec = deed->id,
                .reason = bg_slice_str (deed->code),
                .message = message,
            },
            err));
    }
    ack_deed (self, deed, message);
    return bg_ok ();
}

/*  ---- to bugle-exec ----  */

static bg_result send_stop (node_core *self, node_deed *deed, bg_error *err)
{
    wire_signed item;
    BG_TRY (node_decode_signed (bg_buf_slice (&deed->signed_item), &self->scratch, &item, err));
    deed->phase = NODE_DEED_IS_SENT;
    node_ask_exec (self, node_ask_new (NODE_ASK_STOP, deed->id), WIRE_EXEC_OFFER,
        &(wire_exec_offer){.has_item = true, .item = item});
    return bg_ok ();
}

/*  The job that a START brings, out of its bytes as they were received.  */
static bg_result job_inside (
    node_core *self, const wire_signed *item, wire_signed *job, bool *found, bg_error *err)
{
    wire_deed body;
    BG_TRY (WIRE_DECODE (deed, item->bytes, WIRE_AS_MESSAGE, &self->scratch, &body, err));
    *job = body.document;
    *found = body.has_document;
    return bg_ok ();
}

static bg_result send_start (node_core *self, node_deed *deed, bg_error *err)
{
    wire_exec_start start = {.has_job = true, .has_deed = true};
    bool found = false;
    BG_TRY (
        node_decode_signed (bg_buf_slice (&deed->signed_item), &self->scratch, &start.deed, err));
    if (deed->has_job)
        BG_TRY (job_inside (self, &start.deed, &start.job, &found, err));
    else if (node_table_find (&self->jobs, deed->job_key))
        BG_TRY (node_document_held (self, deed->job_key, &start.job, &found, err));
    if (!found)
        return park (self, deed, bg_slice_str ("the job is not here yet"), err);
    deed->phase = NODE_DEED_IS_SENT;
    node_ask_exec (self, node_ask_new (NODE_ASK_START, deed->id), WIRE_EXEC_START, &start);
    return bg_ok ();
}

/*  True for what may be sent now: queued, or waiting and something it may need has changed.  */
static bool is_ready (const node_core *self, const node_deed *deed)
{
    return deed->phase == NODE_DEED_IS_QUEUED ||
           (deed->phase == NODE_DEED_IS_WAITING && deed->inputs != self->inputs);
}

static bool is_piled (const node_deed *deed)
{
    return deed->what == WIRE_DEED_START &&
           (deed->phase == NODE_DEED_IS_QUEUED || deed->phase == NODE_DEED_IS_WAITING);
}

static bool is_newer (const node_deed *a, const node_deed *b)
{
    if (a->issued_us != b->issued_us)
        return a->issued_us > b->issued_us;
    return bg_id_compare (a->id, b->id) > 0;
}

/*  Of several STARTs of one job that have not been sent the newest counts.  */
static bg_result supersede (node_core *self, bg_error *err)
{
    for (size_t i = 0; i < self->deeds.count; i++) {
        node_deed *older = self->deeds.items[i];
        if (!is_piled (older))
            continue;
        for (size_t j = 0; j < self->deeds.count; j++) {
            node_deed *newer = self->deeds.items[j];
            if (j == i || !is_piled (newer) || !bg_id_equal (newer->job_key, older->job_key) ||
                !is_newer (newer, older) || !is_proven (self, newer) || !is_proven (self, older))
                continue;
            BG_TRY (refuse (self, older, bg_slice_str ("superseded"),
                bg_slice_str ("a newer START of the same job was here before this one began"),
                err));
            break;
        }
    }
    return bg_ok ();
}

static int by_issue (const void *a, const void *b)
{
    const node_deed *const *first = a;
    const node_deed *const *second = b;
    return *first == *second ? 0 : is_newer (*first, *second) ? 1 : -1;
}

/*  A POLL is this node's own affair: done by polling, also while bugle-exec is away.  */
static bg_result poll_now (node_core *self, node_deed *deed, bg_error *err)
{
    wire_signed item;
    wire_deed body;
    const wire_login *signer = NULL;
    bg_error why = {0};
    BG_TRY (node_decode_signed (bg_buf_slice (&deed->signed_item), &self->scratch, &item, err));
    if (!self->keyring)
        return bg_ok ();
    const bg_result result = wire_verify_deed (
        self->keyring, &item, self->ports.crypto, &self->scratch, &body, &signer, &why);
    if (bg_is_ok (result)) {
        node_poll_want (self);
        return done (self, deed, false, err);
    }
    if (result.code == BG_WAITING)
        return park (self, deed, bg_slice_str (why.message), err);
    drop (self, deed, bg_slice_str (bg_code_word (result.code)),
        bg_arena_copy (&self->scratch, bg_slice_str (why.message)));
    return bg_ok ();
}

static bg_result take_polls (node_core *self, bg_error *err)
{
    for (size_t i = self->deeds.count; i-- > 0;) {
        node_deed *deed = self->deeds.items[i];
        if (deed->what == WIRE_DEED_POLL && is_ready (self, deed))
            BG_TRY (poll_now (self, deed, err));
    }
    return bg_ok ();
}

bg_result node_deeds_pump (node_core *self, bg_error *err)
{
    if (self->problem)
        return bg_ok ();
    if (self->deeds_moved && !self->leaving)
        BG_TRY (take_polls (self, err));
    /*  Documents first: they were posted before the deeds that need them.  */
    if (!self->deeds_moved || !self->exec.synced || self->document_asks > 0 || self->leaving)
        return bg_ok ();
    self->deeds_moved = false;
    BG_TRY (supersede (self, err));
    node_deed **ready = bg_arena_array (&self->scratch, node_deed *, self->deeds.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < self->deeds.count; i++)
        if (((node_deed *) self->deeds.items[i])->what != WIRE_DEED_POLL &&
            is_ready (self, self->deeds.items[i]))
            ready[count++] = self->deeds.items[i];
    qsort (ready, count, sizeof (node_deed *), by_issue);
    for (size_t i = 0; i < count; i++)
        BG_TRY (ready[i]->what == WIRE_DEED_START ? send_start (self, ready[i], err)
                                                  : send_stop (self, ready[i], err));
    return bg_ok ();
}

/*  ---- answers ----  */

/*  bugle-exec is the truth about what has begun: it may tell of a run whose START this node forgot in a crash. That
    START comes again in polls, and must then be found done, not be started or superseded.  */
static node_deed *remember_start (node_core *self, const wire_run *run)
{
    node_deed *deed = bg_alloc (sizeof *deed);
    deed->id = run->exec;
    deed->what = WIRE_DEED_START;
    deed->job_key = run->job_key;
    deed->job_name = bg_slice_dup (run->job_name);
    deed->issued_us = bg_id_time_us (run->exec);
    deed->expires_us = self->now.utc_us + NODE_DEED_LIFE_MAX_US;
    node_table_insert (&self->deeds, deed);
    return deed;
}

bg_result node_deed_began (node_core *self, const wire_run *run, bool reported, bg_error *err)
{
    if (!self->enlisted)
        return bg_ok (); /*  a run that outlived its enlistment  */
    node_deed *deed = node_table_find (&self->deeds, run->exec);
    if (!deed)
        deed = remember_start (self, run);
    if (deed->phase == NODE_DEED_IS_DONE)
        return bg_ok ();
    return done (self, deed, reported, err);
}

bg_result node_deed_verdict (
    node_core *self, const node_ask *ask, const wire_exec_verdict *verdict, bg_error *err)
{
    node_deed *deed = node_table_find (&self->deeds, ask->subject);
    if (!deed || is_settled (deed))
        return bg_ok ();
    const bg_code code = bg_code_from_word ((const char *) verdict->code.data, verdict->code.size);
    if (bg_slice_is (verdict->code, "ok"))
        return done (self, deed, false, err);
    /*  "storage" and the like are bugle-exec's trouble now and may pass; codes that are only words of the history are
        refusals, and those map to BG_INVALID.  */
    if (code == BG_WAITING || bg_code_class (code) != BG_CLASS_REFUSE)
        return park (self, deed, verdict->message, err);
    node_count (self, NODE_COUNT_REFUSED);
    node_log (self, NODE_LOG_INFO, "deed-refused", "%s of %s: %.*s (%.*s)",
        wire_deed_word (deed->what), deed->job_name, BG_SLICE_ARG (verdict->code),
        BG_SLICE_ARG (verdict->message));
    if (is_proven (self, deed))
        return refuse (self, deed, verdict->code, verdict->message, err);
    drop (self, deed, verdict->code, verdict->message);
    return bg_ok ();
}

void node_deeds_exec_lost (node_core *self)
{
    for (size_t i = 0; i < self->deeds.count; i++) {
        node_deed *deed = self->deeds.items[i];
        if (deed->phase == NODE_DEED_IS_SENT)
            deed->phase = NODE_DEED_IS_QUEUED;
    }
}

/*  ---- what will not come ----  */

static bool has_expired (const node_core *self, const node_deed *deed)
{
    return self->has_broker_time && self->now.boot_us + self->broker_offset_us > deed->expires_us;
}

/*  True when the job is neither here nor on its way, and a poll after the deed has shown so.  */
static bool is_hopeless (const node_core *self, const node_deed *deed)
{
    if (deed->what != WIRE_DEED_START || deed->needs_job || deed->has_job ||
        self->poll.settled <= deed->poll)
        return false;
    const node_slot *slot = node_slot_find (self, deed->job_key);
    return !node_table_find (&self->jobs, deed->job_key) && !(slot && slot->waiting.there);
}

bg_result node_deeds_polled (node_core *self, bg_error *err)
{
    for (size_t i = 0; i < self->deeds.count; i++) {
        node_deed *deed = self->deeds.items[i];
        if (deed->phase != NODE_DEED_IS_WAITING)
            continue;
        if (has_expired (self, deed))
            BG_TRY (refuse (self, deed, bg_slice_str ("expired"),
                bg_slice_str ("it expired while it waited for what it needs"), err));
        else if (is_hopeless (self, deed))
            BG_TRY (refuse (self, deed, bg_slice_str ("no-definition"),
                bg_slice_str ("this target holds no such job"), err));
    }
    return bg_ok ();
}

/*  ---- memory and store ----  */

bg_result node_deeds_prune (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    /*  By the clock of the wall, with a day to spare: a repetition after that is refused as expired anyway.  */
    const int64_t before_us = self->now.utc_us - NODE_DEED_KEEP_US;
    BG_TRY (store->deed_prune (store->ctx, before_us, err));
    for (size_t i = self->deeds.count; i-- > 0;) {
        node_deed *deed = self->deeds.items[i];
        if (is_settled (deed) && deed->expires_us < before_us)
            node_deed_release (node_table_take (&self->deeds, deed->id));
    }
    return bg_ok ();
}

static bool recover_deed (void *visitor, const node_deed_row *row)
{
    node_core *self = visitor;
    node_deed *deed = NULL;
    if (row->state == NODE_DEED_WAITING) {
        wire_signed item;
        if (!bg_failed (node_decode_signed (row->signed_item, &self->scratch, &item, NULL)))
            deed = read_deed (self, &item);
        if (!deed)
            return true;
        deed->phase = NODE_DEED_IS_WAITING;
        deed->proven = true;
    } else {
        deed = bg_alloc (sizeof *deed);
        deed->id = row->id;
        deed->what = row->what;
        deed->job_key = row->job_key;
        deed->job_name = bg_strdup ("");
        deed->expires_us = row->expires_us;
        deed->phase = row->state == NODE_DEED_DONE ? NODE_DEED_IS_DONE : NODE_DEED_IS_REFUSED;
    }
    set_code (deed, row->code);
    node_table_insert (&self->deeds, deed);
    return true;
}

bg_result node_deeds_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    self->deeds_moved = true;
    return store->deed_each (store->ctx, recover_deed, self, err);
}
