/*  The core as a whole: its life, the events that come in, the timers, what happens at the end of each event.

    Not here: what any message means (the rooms named in state.h). An event enters (time, clock), does its work, and
    leaves: leaving carries on whatever the work made possible, so no room has to know who waits for it. While the
    store is full nothing that writes is carried on.  */
#include "node/core/rooms.h"

#include "proto/digest.h"
#include "proto/frame.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const counter_words[NODE_COUNT_COUNT] = {
#define NODE_COUNTER(name, word) word,
#include "node/core/counters.def"
#undef NODE_COUNTER
};

node_core *node_core_create (const node_ports *ports, const node_settings *settings)
{
    node_core *self = bg_alloc (sizeof *self);
    self->ports = *ports;
    self->name = bg_slice_dup (settings->name);
    self->default_name = bg_slice_dup (settings->default_name);
    self->location = bg_slice_dup (settings->location);
    self->zone = bg_slice_dup (settings->zone);
    self->version = bg_slice_dup (settings->version);
    self->instance = settings->instance;
    self->fact_count = settings->fact_count;
    self->facts = bg_arena_array (&self->fact_arena, wire_pair, settings->fact_count + 1);
    for (size_t i = 0; i < settings->fact_count; i++)
        self->facts[i] = (wire_pair){
            .key = bg_arena_copy (&self->fact_arena, settings->facts[i].key),
            .value = bg_arena_copy (&self->fact_arena, settings->facts[i].value),
        };
    self->missed_reason = "misfire";
    self->session.spread_us = NODE_SPREAD_US;
    self->book_due_us = INT64_MAX;
    for (int i = 0; i < NODE_TIMER_COUNT; i++)
        self->timers[i] = INT64_MAX;
    for (int i = 0; i < NODE_COUNT_COUNT; i++)
        self->counters[i].name = counter_words[i];
    return self;
}

/*  What belongs to an enlistment, in memory.  */
static void release_enlistment (node_core *self)
{
    node_book_forget (self);
    node_table_fini (&self->slots, free);
    node_table_fini (&self->deeds, node_deed_release);
    node_table_fini (&self->asks, node_ask_release);
    node_table_fini (&self->fetches, node_ask_release);
    wire_keyring_destroy (&self->keyring);
    bg_arena_fini (&self->identity_arena);
    bg_buf_fini (&self->attestation);
    self->identity = (node_identity){0};
    self->document_asks = 0;
}

void node_core_destroy (node_core **self_p)
{
    node_core *self = *self_p;
    if (!self)
        return;
    release_enlistment (self);
    node_table_fini (&self->switches, free);
    node_table_fini (&self->jobs, node_job_release);
    node_table_fini (&self->shared, node_shared_release);
    node_table_fini (&self->occurrences, node_occurrence_release);
    node_table_fini (&self->locals, free);
    node_table_fini (&self->local_posts, node_local_post_release);
    node_table_fini (&self->open_runs, free);
    node_enlist_drop (self);
    bg_arena_fini (&self->scratch);
    bg_arena_fini (&self->ack_arena);
    bg_arena_fini (&self->fact_arena);
    free (self->acks);
    free (self->streams);
    free (self->heap);
    free (self->problem);
    free (self->name);
    free (self->default_name);
    free (self->location);
    free (self->zone);
    free (self->version);
    free (self);
    *self_p = NULL;
}

/*  ---- small things for all rooms ----  */

void node_count (node_core *self, int which)
{
    self->counters[which].value++;
}

void node_log (node_core *self, node_log_level level, const char *event, const char *format, ...)
{
    char text[BG_ERROR_MESSAGE_MAX * 2];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    self->ports.log (self->ports.ctx, level, event, text);
}

void node_timer_in (node_core *self, node_timer timer, int64_t delay_us)
{
    self->timers[timer] = self->now.mono_us + delay_us;
}

void node_timer_off (node_core *self, node_timer timer)
{
    self->timers[timer] = INT64_MAX;
}

int64_t node_random_below (node_core *self, int64_t below)
{
    if (below <= 0)
        return 0;
    uint64_t bits;
    self->ports.random (self->ports.ctx, &bits, sizeof bits);
    return (int64_t) (bits % (uint64_t) below);
}

bg_id node_new_id (node_core *self)
{
    uint8_t entropy[10];
    self->ports.random (self->ports.ctx, entropy, sizeof entropy);
    return bg_id_make (self->now.utc_us, entropy);
}

void node_check_name (node_core *self)
{
    free (self->problem);
    self->problem = NULL;
    if (!self->enlisted || !*self->name)
        return;
    const bg_slice configured = bg_slice_str (self->name);
    if (!bg_slice_equal (configured, self->identity.name))
        self->problem = bg_strdup_printf (
            "this node is configured as \"%s\" but is enlisted as \"%.*s\"; configure that "
            "name, or rename the target at the broker (bugle target rename %.*s %s), or defect and "
            "enlist again",
            self->name, BG_SLICE_ARG (self->identity.name), BG_SLICE_ARG (self->identity.name),
            self->name);
}

void node_set_identity (node_core *self, const node_identity *identity)
{
    bg_arena arena = {0};
    node_identity copy = *identity;
    copy.name = bg_arena_copy (&arena, identity->name);
    copy.broker = bg_arena_copy (&arena, identity->broker);
    copy.endpoints = bg_arena_copy (&arena, identity->endpoints);
    bg_arena_fini (&self->identity_arena);
    self->identity_arena = arena;
    self->identity = copy;
    self->enlisted = true;
    node_check_name (self);
}

bg_result node_forget (node_core *self, bg_error *err)
{
    BG_TRY (self->ports.store->forget (self->ports.store->ctx, err));
    if (self->exec.connected)
        node_say_exec (
            self, WIRE_EXEC_FORGET, &(wire_exec_forget){.reason = bg_slice_str ("defected")});
    self->ports.forget_keys (self->ports.ctx);
    node_session_close (self);
    node_claim_reset (self);
    node_locals_exec_lost (self);
    release_enlistment (self);
    const bool connected = self->exec.connected;
    self->exec = (node_exec_link){.connected = connected};
    self->poll = (node_polling){0};
    self->outbox = (node_outbox){0};
    node_runs_untold (self);
    self->session = (node_session){.spread_us = NODE_SPREAD_US};
    self->state_seq = 0;
    self->saved_outbox = 0;
    self->state_dirty = false;
    self->attestation_dirty = false;
    self->term = self->position = 0;
    self->has_broker_time = false;
    self->last_poll_us = 0;
    self->own_poll_us = 0;
    self->enlisted = false;
    self->leaving = false;
    node_ack_drop (self);
    memset (self->digest, 0, sizeof self->digest);
    node_check_name (self);
    /*  Asked again, bugle-exec says how it stands now.  */
    if (connected)
        return node_exec_connected (self, err);
    return bg_ok ();
}

/*  ---- start ----  */

static bg_result recover_numbers (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_TRY (store->number_get (store->ctx, NODE_NUMBER_BOOT, &self->boot, err));
    BG_TRY (store->number_get (store->ctx, NODE_NUMBER_STATE_SEQ, &self->state_seq, err));
    BG_TRY (store->number_get (store->ctx, NODE_NUMBER_OUTBOX, &self->saved_outbox, err));
    BG_TRY (store->number_get (store->ctx, NODE_NUMBER_TERM, &self->term, err));
    BG_TRY (store->number_get (store->ctx, NODE_NUMBER_POSITION, &self->position, err));
    BG_TRY (store->number_get (store->ctx, NODE_NUMBER_LEAVING, &self->leaving_mark, err));
    bg_slice blob;
    BG_TRY (store->blob_get (store->ctx, NODE_BLOB_INSTANCE, &self->scratch, &blob, err));
    const bg_slice instance = bg_slice_of (self->instance.bytes, sizeof self->instance.bytes);
    if (!bg_slice_equal (blob, instance)) {
        /*  The first core of a new process: written with the first event, since recovering writes nothing.  */
        self->boot++;
        self->boot_dirty = self->starts = true;
    }
    BG_TRY (store->blob_get (store->ctx, NODE_BLOB_ATTESTATION, &self->scratch, &blob, err));
    bg_buf_append_slice (&self->attestation, blob);
    return bg_ok ();
}

bg_result node_core_recover (node_core *self, bg_now now, bg_error *err)
{
    const node_store *store = self->ports.store;
    self->now = now;
    self->started_us = now.utc_us;
    self->clock_offset_us = now.utc_us - now.boot_us;
    BG_TRY (recover_numbers (self, err));
    node_identity identity;
    bool found = false;
    BG_TRY (store->identity_get (store->ctx, &self->scratch, &identity, &found, err));
    if (found)
        node_set_identity (self, &identity);
    BG_TRY (node_documents_recover (self, err));
    BG_TRY (node_book_recover (self, err));
    BG_TRY (node_occurrences_recover (self, err));
    BG_TRY (node_deeds_recover (self, err));
    BG_TRY (node_runs_recover (self, err));
    BG_TRY (node_outbox_recover (self, err));
    self->recovering = false;
    node_timer_in (self, NODE_TIMER_PRUNE, BG_MIN (1));
    self->book_due_us = now.utc_us;
    node_defect_recover (self);
    BG_TRY (node_pending_recover (self, err));
    if (self->problem)
        node_log (self, NODE_LOG_ERROR, "misnamed", "%s", self->problem);
    if (self->enlisted)
        BG_TRY (node_session_open (self, err));
    return bg_ok ();
}

/*  ---- every event ----  */

static bg_result enter (node_core *self, bg_now now, bg_error *err)
{
    const node_store *store = self->ports.store;
    bg_arena_reset (&self->scratch);
    self->now = now;
    if (self->boot_dirty && !self->full) {
        const bg_slice instance = bg_slice_of (self->instance.bytes, sizeof self->instance.bytes);
        BG_TRY (store->number_put (store->ctx, NODE_NUMBER_BOOT, self->boot, err));
        BG_TRY (store->blob_put (store->ctx, NODE_BLOB_INSTANCE, instance, err));
        self->boot_dirty = false;
    }
    const int64_t offset_us = now.utc_us - now.boot_us;
    const int64_t jump_us = offset_us - self->clock_offset_us;
    self->clock_offset_us = offset_us;
    if (jump_us > NODE_CLOCK_JUMP_US || jump_us < -NODE_CLOCK_JUMP_US) {
        node_log (self, NODE_LOG_WARNING, "clock-set", "the wall clock was set %s by %lld s",
            jump_us > 0 ? "forward" : "back", (long long) (llabs (jump_us) / BG_SEC (1)));
        BG_TRY (node_book_clock_set (self, err));
    }
    /*  What is due was due before whatever this event brings.  */
    if (self->full)
        return bg_ok ();
    if (self->starts) {
        self->starts = false;
        BG_TRY (node_book_started (self, err));
    }
    return node_book_pump (self, err);
}

static bg_result leave (node_core *self, bg_error *err)
{
    if (!self->full) {
        BG_TRY (node_exec_settle (self, err));
        BG_TRY (node_apply_retry (self, err));
        BG_TRY (node_deeds_pump (self, err));
        BG_TRY (node_book_pump (self, err));
        /*  What was acknowledged must stand before the poll that asks for more.  */
        node_ack_flush (self);
    }
    BG_TRY (node_poll_settle (self, err));
    if (!self->full) {
        node_ack_flush (self);
        BG_TRY (node_outbox_pump (self, err));
        node_enlist_settle (self);
    }
    return node_defect_pump (self, err);
}

static bg_result dispatch_desk (
    node_core *self, const wire_header *header, const void *body, bg_error *err)
{
    switch (header->kind) {
    case WIRE_WELCOME:
        return node_session_welcome (self, header, body, err);
    case WIRE_HEARTBEAT_ANSWER:
        node_session_heartbeat_answer (self, body);
        return bg_ok ();
    case WIRE_POLL_ANSWER:
        return node_poll_answered (self, header, body, err);
    case WIRE_ERROR:
        return node_session_error (self, header, body, err);
    case WIRE_ASK:
        return node_question (self, header, body, err);
    default:
        break;
    }
    /*  All others end in the store.  */
    if (self->full)
        return bg_ok ();
    switch (header->kind) {
    case WIRE_INSTRUCT: {
        const wire_instruct *push = body;
        if (push->instructions_count + push->references_count == 0)
            node_poll_want (self); /*  nothing but a hint  */
        return node_apply_all (self, push->instructions, push->instructions_count, push->references,
            push->references_count, err);
    }
    case WIRE_REPORT_ANSWER:
        return node_outbox_answered (self, header, body, err);
    case WIRE_FETCHED:
        return node_apply_fetched (self, header, body, err);
    case WIRE_INVENTORY_ANSWER:
        return node_poll_inventory_answered (self, header, body, err);
    case WIRE_ADOPT:
        return node_adopt (self, body, err);
    case WIRE_DEFECTED:
        return node_defected (self, header, err);
    default:
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
}

/*  Header and body of a broker's message; false when it is none, counted and logged.  */
static bool decode (node_core *self, wire_channel channel, bg_slice header_frame,
    bg_slice body_frame, wire_header *header, void **body)
{
    bg_error why = {0};
    const wire_kind_row *row = NULL;
    bg_result result = wire_header_decode (header_frame, header, &row, &why);
    if (!bg_failed (result))
        result = wire_kind_allowed (row, channel, WIRE_FROM_BROKER, &why);
    if (!bg_failed (result) && header->level > WIRE_LEVEL)
        result =
            bg_fail (&why, BG_LEVEL, "a message of level %llu", (unsigned long long) header->level);
    if (!bg_failed (result))
        result = wire_body_decode (row, body_frame, &self->scratch, body, &why);
    if (!bg_failed (result))
        return true;
    const bool unknown = result.code == BG_UNKNOWN_KIND || result.code == BG_NOT_ALLOWED;
    node_count (self, unknown ? NODE_COUNT_UNKNOWN_KIND : NODE_COUNT_MALFORMED);
    node_log (self, NODE_LOG_WARNING, "message-refused", "a message of the broker was dropped: %s",
        why.message);
    return false;
}

bg_result node_core_desk (
    node_core *self, bg_now now, bg_slice header, bg_slice body, bg_slice sigs, bg_error *err)
{
    (void) sigs; /*  empty at level 1, and nothing would hang on them  */
    BG_TRY (enter (self, now, err));
    wire_header head;
    void *value;
    if (self->session.state >= NODE_SESSION_HELLO &&
        decode (self, WIRE_ON_DESK, header, body, &head, &value)) {
        self->session.missed = 0;
        BG_TRY (dispatch_desk (self, &head, value, err));
    }
    return leave (self, err);
}

bg_result node_core_enlist (
    node_core *self, bg_now now, bg_slice header, bg_slice body, bg_slice sigs, bg_error *err)
{
    (void) sigs;
    BG_TRY (enter (self, now, err));
    wire_header head;
    void *value;
    if (!self->full && decode (self, WIRE_ON_ENLIST, header, body, &head, &value))
        BG_TRY (node_enlist_message (self, &head, value, err));
    return leave (self, err);
}

bg_result node_core_order (node_core *self, bg_now now, bg_slice stream, bg_slice header,
    bg_slice body, bg_slice sigs, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    if (!self->full && self->session.orders_open)
        BG_TRY (node_streams_order (self, stream, header, body, sigs, err));
    return leave (self, err);
}

bg_result node_core_link (
    node_core *self, bg_now now, node_link link, node_link_event event, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    BG_TRY (node_session_link (self, link, event, err));
    return leave (self, err);
}

bg_result node_core_exec_up (node_core *self, bg_now now, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    BG_TRY (node_exec_connected (self, err));
    return leave (self, err);
}

bg_result node_core_exec_down (node_core *self, bg_now now, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    node_exec_lost (self);
    return leave (self, err);
}

bg_result node_core_exec (node_core *self, bg_now now, bg_slice blob, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    if (self->exec.connected)
        BG_TRY (node_exec_message (self, blob, err));
    return leave (self, err);
}

bg_result node_core_control (
    node_core *self, bg_now now, uint64_t request, wire_kind kind, const void *body, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    switch ((int) kind) {
    case WIRE_CONTROL_ENLIST:
        BG_TRY (node_enlist_begin (self, request, body, err));
        break;
    case WIRE_CONTROL_DEFECT:
        BG_TRY (node_defect_begin (self, request, body, err));
        break;
    case WIRE_CONTROL_QUERY:
        BG_TRY (node_control_query (self, request, body, err));
        break;
    case WIRE_CONTROL_POST:
        BG_TRY (node_local_post_documents (self, request, body, err));
        break;
    case WIRE_CONTROL_ISSUE:
        BG_TRY (node_local_issue (self, request, body, err));
        break;
    default: {
        bg_error why = {0};
        bg_ignore (bg_fail (&why, BG_UNKNOWN_KIND, "the node does not know this request"));
        node_reply_error (self, request, &why);
    }
    }
    return leave (self, err);
}

void node_core_control_gone (node_core *self, uint64_t request)
{
    if (self->enlist.phase != NODE_ENLIST_NONE && self->enlist.control == request)
        self->enlist.answered = true;
    if (self->defect.wanted && self->defect.control == request)
        self->defect.answered = true;
    node_locals_control_gone (self, request);
}

/*  ---- timers ----  */

static bg_result prune (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_timer_in (self, NODE_TIMER_PRUNE, NODE_PRUNE_EVERY_US);
    if (self->full)
        return bg_ok ();
    size_t removed = 0;
    BG_TRY (store->history_prune (store->ctx, self->now.utc_us - NODE_HISTORY_KEEP_US,
        NODE_HISTORY_BYTES_MAX, NODE_PRUNE_ROWS, &removed, err));
    if (removed < NODE_PRUNE_ROWS) {
        size_t of_jobs = 0;
        BG_TRY (store->history_prune_jobs (
            store->ctx, self->now.utc_us, NODE_PRUNE_ROWS, &of_jobs, err));
        removed = of_jobs;
    }
    if (removed >= NODE_PRUNE_ROWS)
        node_timer_in (self, NODE_TIMER_PRUNE, BG_SEC (1));
    return node_deeds_prune (self, err);
}

static bg_result fire (node_core *self, node_timer timer, bg_error *err)
{
    switch (timer) {
    case NODE_TIMER_CONNECT:
        node_session_connect_timer (self);
        break;
    case NODE_TIMER_HELLO:
        node_session_hello_timer (self);
        break;
    case NODE_TIMER_HEARTBEAT:
        node_session_heartbeat_timer (self);
        break;
    case NODE_TIMER_POLL:
        node_poll_timer (self);
        break;
    case NODE_TIMER_POLL_ANSWER:
        node_poll_answer_timer (self);
        break;
    case NODE_TIMER_SILENCE:
        node_streams_silence_timer (self);
        break;
    case NODE_TIMER_REPORT:
        node_outbox_timer (self);
        break;
    case NODE_TIMER_ENLIST:
        node_enlist_again (self);
        break;
    case NODE_TIMER_ENLIST_END:
        return node_enlist_timeout (self, err);
    case NODE_TIMER_CLAIM:
        return node_claim_timer (self, err);
    case NODE_TIMER_DEFECT_END:
        return node_defect_timeout (self, err);
    case NODE_TIMER_LEAVE:
        return self->leaving && !self->full ? node_defect_by_membership (self, err) : bg_ok ();
    case NODE_TIMER_PRUNE:
        return prune (self, err);
    case NODE_TIMER_COUNT:
        break;
    }
    return bg_ok ();
}

int64_t node_core_deadline (const node_core *self)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < NODE_TIMER_COUNT; i++)
        if (self->timers[i] < first)
            first = self->timers[i];
    return first;
}

int64_t node_core_wall_deadline (const node_core *self)
{
    /*  Without space nothing is taken that is due: waiting for it would never end.  */
    return self->full ? INT64_MAX : self->book_due_us;
}

bg_result node_core_tick (node_core *self, bg_now now, bg_error *err)
{
    if (now.utc_us >= node_core_wall_deadline (self))
        node_count (self, NODE_COUNT_SCHEDULE_WAKEUPS);
    BG_TRY (enter (self, now, err));
    for (int i = 0; i < NODE_TIMER_COUNT; i++) {
        if (self->timers[i] > now.mono_us)
            continue;
        self->timers[i] = INT64_MAX;
        BG_TRY (fire (self, (node_timer) i, err));
    }
    return leave (self, err);
}

bg_result node_core_clock_set (node_core *self, bg_now now, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    BG_TRY (node_book_clock_set (self, err));
    return leave (self, err);
}

bool node_core_wants_idle (const node_core *self)
{
    return self->idle_entries > 0;
}

bg_result node_core_idle (node_core *self, bg_now now, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    if (!self->full)
        BG_TRY (node_book_idle (self, err));
    return leave (self, err);
}

bg_result node_core_zones_changed (node_core *self, bg_now now, bg_error *err)
{
    BG_TRY (enter (self, now, err));
    BG_TRY (node_book_zones (self, err));
    return leave (self, err);
}

bg_result node_core_before_commit (node_core *self, bg_now now, bg_error *err)
{
    const node_store *store = self->ports.store;
    self->now = now;
    if (self->full)
        return bg_ok ();
    if (self->state_dirty)
        BG_TRY (store->number_put (store->ctx, NODE_NUMBER_STATE_SEQ, self->state_seq, err));
    if (self->outbox.sequence != self->saved_outbox)
        BG_TRY (store->number_put (store->ctx, NODE_NUMBER_OUTBOX, self->outbox.sequence, err));
    if (self->attestation_dirty) {
        BG_TRY (store->number_put (store->ctx, NODE_NUMBER_TERM, self->term, err));
        BG_TRY (store->number_put (store->ctx, NODE_NUMBER_POSITION, self->position, err));
        BG_TRY (store->blob_put (
            store->ctx, NODE_BLOB_ATTESTATION, bg_buf_slice (&self->attestation), err));
    }
    self->state_dirty = false;
    self->attestation_dirty = false;
    self->saved_outbox = self->outbox.sequence;
    return bg_ok ();
}

bg_result node_core_set_storage_full (node_core *self, bg_now now, bool full, bg_error *err)
{
    const bool was_full = self->full;
    self->full = full;
    if (full || !was_full) {
        if (full && !was_full)
            node_log (self, NODE_LOG_ERROR, "storage-full",
                "no space in the store: nothing new starts and nothing is acknowledged until there "
                "is");
        return bg_ok ();
    }
    self->missed_reason = "storage";
    BG_TRY (enter (self, now, err));
    /*  What bugle-exec and the broker said meanwhile was not heard: both are asked again.  */
    if (self->exec.connected)
        BG_TRY (node_exec_connected (self, err));
    node_poll_want (self);
    BG_TRY (leave (self, err));
    self->missed_reason = "misfire";
    node_log (self, NODE_LOG_INFO, "storage-back", "there is space in the store again");
    return bg_ok ();
}
