/*  Life, dispatch and log of bugle-exec's decisions: see exec_core.h.

    Not here: what is decided (standing, verdict, starts, runs). Invariant: state changes only
    through the exec_apply functions or together with a record that says the same.
*/
#include "node/exec/core_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

exec_core *exec_core_create (const exec_ports *ports, const exec_config *config)
{
    bg_assert (ports->crypto && ports->log_append && ports->send && ports->spawn);
    exec_core *self = bg_alloc (sizeof *self);
    self->ports = *ports;
    self->config = *config;
    self->floors.item_size = sizeof (exec_floor);
    self->done.item_size = sizeof (exec_done);
    self->stops.item_size = sizeof (exec_stop);
    self->buckets.item_size = sizeof (exec_bucket);
    self->runs.item_size = sizeof (exec_run);
    self->spent.item_size = sizeof (exec_spent);
    self->turn_due_mono_us = INT64_MAX;
    self->replaying = true;
    snprintf (self->policy_problem, sizeof self->policy_problem, "no policy was read yet");
    return self;
}

void exec_core_destroy (exec_core **self_p)
{
    exec_core *self = *self_p;
    if (!self)
        return;
    exec_standing_fini (self);
    exec_buckets_fini (self);
    exec_runs_fini (self);
    exec_table_fini (&self->floors);
    exec_table_fini (&self->done);
    exec_table_fini (&self->stops);
    exec_table_fini (&self->spent);
    free (self);
    *self_p = NULL;
}

/*  ---- what every file here uses ----  */

bg_slice exec_blob (wire_kind kind, const void *value)
{
    bg_buf blob = {0};
    wire_inner_encode (kind, (bg_id){{0}}, value, &blob);
    return bg_slice_of (blob.data, blob.size);
}

void exec_blob_free (bg_slice *blob)
{
    free ((void *) (uintptr_t) blob->data);
    *blob = (bg_slice){NULL, 0};
}

void exec_append (exec_core *self, wire_kind kind, const void *record, bool durable)
{
    bg_assert (!self->replaying);
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, (bg_id){{0}}, record, &blob);
    self->ports.log_append (self->ports.ctx, bg_buf_slice (&blob), durable);
}

void exec_reply (exec_core *self, uint64_t peer, wire_kind kind, bg_id request, const void *value)
{
    if (!peer)
        return;
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, request, value, &blob);
    self->ports.send (self->ports.ctx, peer, bg_buf_slice (&blob));
}

void exec_log (const exec_core *self, exec_say level, const char *event, const char *format, ...)
{
    if (self->replaying || !self->ports.say)
        return;
    char pairs[1024];
    va_list args;
    va_start (args, format);
    vsnprintf (pairs, sizeof pairs, format, args);
    va_end (args);
    self->ports.say (self->ports.ctx, level, event, pairs);
}

void exec_fill_verdict (exec_core *self, bg_result result, const bg_error *err, const char *reason,
    bg_arena *arena, wire_exec_verdict *verdict)
{
    self->counts[result.code]++;
    if (bg_is_ok (result)) {
        verdict->code = bg_slice_str (bg_code_word (BG_OK));
        return;
    }
    verdict->code = bg_slice_str (reason ? reason : bg_code_word (result.code));
    const char *message = err->message[0] ? err->message : bg_code_text (result.code);
    verdict->message =
        wire_fit_text (bg_arena_copy (arena, bg_slice_str (message)), 512, true, arena);
    verdict->hint =
        wire_fit_text (bg_arena_copy (arena, bg_slice_str (err->hint)), 512, true, arena);
    /*  What waits is everyday life; a refusal is worth a line.  */
    exec_log (self, result.code == BG_WAITING ? EXEC_SAY_DEBUG : EXEC_SAY_NOTICE,
        result.code == BG_WAITING ? "waiting" : "refused", "code=%.*s reason=\"%s\"",
        BG_SLICE_ARG (verdict->code), message);
}

/*  ---- replay ----  */

bg_result exec_core_replay (exec_core *self, bg_slice record, bg_error *err)
{
    bg_assert (self->replaying);
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    bg_error why = {0};
    if (bg_failed (wire_inner_decode (record, &arena, &header, &value, &why)))
        return bg_fail (
            err, BG_FOREIGN_FILE, "a record of the log cannot be read: %s", why.message);
    switch (header.kind) {
    case WIRE_RECORD_ANCHOR:
        exec_apply_anchor (self, value);
        return bg_ok ();
    case WIRE_RECORD_DOCUMENT:
        return exec_apply_document (self, value, err);
    case WIRE_RECORD_FLOOR:
        exec_apply_floor (self, value);
        return bg_ok ();
    case WIRE_RECORD_INTENT:
        exec_apply_intent (self, value, record);
        return bg_ok ();
    case WIRE_RECORD_TURN:
        exec_apply_turn (self, value, record);
        return bg_ok ();
    case WIRE_RECORD_SPENT:
        exec_apply_spent (self, value);
        return bg_ok ();
    case WIRE_RECORD_CLOSED:
        exec_apply_closed (self, ((wire_record_closed *) value)->run);
        return bg_ok ();
    case WIRE_RECORD_STOP:
        exec_apply_stop (self, value);
        return bg_ok ();
    case WIRE_RECORD_DONE:
        exec_apply_done (self, value);
        return bg_ok ();
    case WIRE_RECORD_ATTESTED:
        exec_apply_attested (self, value);
        return bg_ok ();
    case WIRE_RECORD_BUCKET:
        exec_apply_bucket (self, value);
        return bg_ok ();
    default:
        return bg_fail (err, BG_FOREIGN_FILE,
            "a record of kind %" PRIu64 " does not belong into the log", header.kind);
    }
}

void exec_core_replayed (exec_core *self, bg_now now)
{
    self->replaying = false;
    for (size_t i = 0; i < self->done.count; i++)
        ((exec_done *) exec_table_at (&self->done, i))->held_boot_us = now.boot_us;
    self->nonce.due_mono_us = now.mono_us;
    self->forget_due_mono_us = now.mono_us + EXEC_KEEP_DONE_US;
}

/*  ---- events ----  */

void exec_core_set_policy (
    exec_core *self, bg_now now, const exec_policy *policy, const char *problem)
{
    self->has_policy = policy != NULL;
    if (policy)
        self->policy = *policy;
    snprintf (
        self->policy_problem, sizeof self->policy_problem, "%s", policy || !problem ? "" : problem);
    exec_tell_standing (self);
    exec_take_turns (self, now);
}

void exec_core_set_storage_full (exec_core *self, bg_now now, bool is_full)
{
    if (self->storage_full != is_full)
        exec_log (self, EXEC_SAY_WARNING, is_full ? "storage-full" : "storage-has-room", "%s",
            is_full ? "effect=\"nothing starts\"" : "effect=\"runs start again\"");
    const bool has_room = self->storage_full && !is_full;
    self->storage_full = is_full;
    if (has_room)
        exec_take_turns (self, now);
}

static void handle_offer (exec_core *self, bg_now now, exec_peer peer, bg_id request,
    const wire_exec_offer *offer, bg_arena *arena)
{
    wire_exec_verdict verdict = {0};
    bg_error err = {0};
    uint64_t authority = self->keyring ? wire_keyring_version (self->keyring) : 0;
    uint64_t membership = self->member.version;
    bg_result result = exec_judge (self, now, &offer->item, arena, &verdict, &err);
    exec_fill_verdict (self, result, &err, NULL, arena, &verdict);
    exec_reply (self, peer.id, WIRE_EXEC_VERDICT, request, &verdict);
    bool grew = authority != (self->keyring ? wire_keyring_version (self->keyring) : 0);
    if (grew || membership != self->member.version)
        exec_tell_standing (self);
    if (grew)
        self->nonce.due_mono_us =
            now.mono_us; /*  who may sign has changed: learn the newest from the broker  */
    exec_take_turns (self, now);
    exec_ask_time (self, now);
}

static void handle_privileged (exec_core *self, bg_now now, exec_peer peer,
    const wire_header *header, const void *value, bg_arena *arena)
{
    wire_exec_verdict verdict = {0};
    bg_error err = {0};
    char note[256] = "";
    bg_result result;
    if (!peer.privileged) {
        result = bg_fail (&err, BG_NOT_ALLOWED,
            header->kind == WIRE_EXEC_LOCAL
                ? "only root and the account of bugle-exec may make or change local jobs here"
                : "only root and the account of bugle-exec may enlist or defect here");
        bg_ignore (bg_hint (&err, "run the command as root, or as the user who runs bugle-exec"));
    } else if (header->kind == WIRE_EXEC_LOCAL) {
        result = exec_make_local_key (self, value, note, &err);
    } else if (header->kind == WIRE_EXEC_ANCHOR) {
        result = exec_anchor (self, now, value, note, &err);
    } else {
        result = exec_forget (self, &err);
    }
    exec_fill_verdict (self, result, &err, NULL, arena, &verdict);
    if (bg_is_ok (result) && note[0])
        verdict.message =
            wire_fit_text (bg_arena_copy (arena, bg_slice_str (note)), 512, true, arena);
    exec_reply (self, peer.id, WIRE_EXEC_VERDICT, header->request, &verdict);
    if (bg_is_ok (result))
        exec_tell_standing (self);
    exec_take_turns (self, now);
}

static void handle_hello (exec_core *self, bg_now now, exec_peer peer, bg_id request)
{
    self->node = peer.id;
    exec_send_standing (self, peer.id, request);
    for (size_t i = 0; i < self->runs.count; i++)
        exec_send_run (self, exec_table_at (&self->runs, i), peer.id, (bg_id){{0}});
    self->nonce.due_mono_us = now.mono_us;
    exec_ask_time (self, now);
}

static void handle_attest (exec_core *self, bg_now now, const wire_exec_attest *attest)
{
    bg_error err = {0};
    bool was_known = self->attested.known;
    bg_result result = exec_attest (self, now, &attest->attestation, &err);
    if (bg_failed (result))
        exec_log (self, EXEC_SAY_NOTICE, "attestation-refused", "code=%s reason=\"%s\"",
            bg_code_word (result.code), err.message);
    else if (!was_known)
        exec_tell_standing (self);
    exec_take_turns (self, now);
    exec_ask_time (self, now);
}

/*  The node sees heads and tails of all runs anyway.  */
static void handle_output (
    exec_core *self, exec_peer peer, bg_id request, const wire_exec_output *ask, bg_arena *arena)
{
    wire_exec_output_part part = {0};
    self->ports.read_output (self->ports.ctx, ask, arena, &part);
    exec_reply (self, peer.id, WIRE_EXEC_OUTPUT_PART, request, &part);
}

bg_result exec_core_handle (
    exec_core *self, bg_now now, exec_peer peer, bg_slice blob, bg_error *err)
{
    bg_assert (!self->replaying && peer.id != 0);
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    BG_TRY (wire_inner_decode (blob, &arena, &header, &value, err));
    switch (header.kind) {
    case WIRE_EXEC_HELLO:
        handle_hello (self, now, peer, header.request);
        return bg_ok ();
    case WIRE_EXEC_OFFER:
        handle_offer (self, now, peer, header.request, value, &arena);
        return bg_ok ();
    case WIRE_EXEC_START:
        exec_start (self, now, peer.id, header.request, value, &arena);
        exec_ask_time (self, now);
        return bg_ok ();
    case WIRE_EXEC_TAKEN:
        exec_taken (self, ((wire_exec_taken *) value)->run);
        return bg_ok ();
    case WIRE_EXEC_OUTPUT:
        handle_output (self, peer, header.request, value, &arena);
        return bg_ok ();
    case WIRE_EXEC_ATTEST:
        handle_attest (self, now, value);
        return bg_ok ();
    case WIRE_EXEC_ANCHOR:
    case WIRE_EXEC_LOCAL:
    case WIRE_EXEC_FORGET:
        handle_privileged (self, now, peer, &header, value, &arena);
        return bg_ok ();
    default:
        return bg_fail (err, BG_UNKNOWN_KIND, "message kind %" PRIu64 " is nothing for bugle-exec",
            header.kind);
    }
}

void exec_core_peer_gone (exec_core *self, uint64_t peer)
{
    if (self->node == peer)
        self->node = 0;
}

/*  Forgets what can never come again. Deeds go by broker's time; occurrences by the machine's
    clock, but only after they were held for that long as well: a clock that jumps ahead and
    back must not make an occurrence new.  */
static void forget_expired (exec_core *self, bg_now now)
{
    int64_t time_us = 0;
    bool known = exec_broker_time (self, now, &time_us);
    for (size_t i = self->done.count; i-- > 0;) {
        exec_done *done = exec_table_at (&self->done, i);
        bool gone = done->is_occurrence ? now.utc_us > done->expires_us &&
                                              now.boot_us - done->held_boot_us >= EXEC_KEEP_DONE_US
                                        : known && time_us - EXEC_SLACK_US > done->expires_us;
        if (gone)
            exec_table_drop (&self->done, done->id);
    }
    for (size_t i = self->stops.count; known && i-- > 0;) {
        exec_stop *stop = exec_table_at (&self->stops, i);
        if (time_us - EXEC_SLACK_US > stop->issued_us + WIRE_DEED_LIFE_MAX_US)
            exec_table_drop (&self->stops, stop->subject);
    }
}

void exec_core_tick (exec_core *self, bg_now now)
{
    if (now.mono_us >= self->forget_due_mono_us) {
        forget_expired (self, now);
        self->forget_due_mono_us = now.mono_us + EXEC_KEEP_DONE_US;
    }
    if (now.mono_us >= self->turn_due_mono_us)
        exec_take_turns (self, now);
    exec_ask_time (self, now);
}

int64_t exec_core_deadline (const exec_core *self)
{
    int64_t due = self->forget_due_mono_us;
    if (self->node && self->keyring && self->nonce.due_mono_us < due)
        due = self->nonce.due_mono_us;
    return self->turn_due_mono_us < due ? self->turn_due_mono_us : due;
}

/*  ---- compaction ----  */

typedef struct {
    void (*emit) (void *ctx, bg_slice record);
    void *ctx;
} sink;

static void emit_record (const sink *to, wire_kind kind, const void *record)
{
    bg_slice blob = exec_blob (kind, record);
    to->emit (to->ctx, blob);
    exec_blob_free (&blob);
}

static void emit_standing (const exec_core *self, const sink *to)
{
    if (!self->is_anchored)
        return;
    wire_record_anchor anchor = {0};
    memcpy (anchor.authority_hash, self->anchor, sizeof anchor.authority_hash);
    emit_record (to, WIRE_RECORD_ANCHOR, &anchor);
    for (size_t i = 0; i < self->authority_count; i++)
        to->emit (to->ctx, self->authorities[i].record);
    if (self->member.version)
        to->emit (to->ctx, self->member.record);
}

static void emit_floors (const exec_core *self, const sink *to)
{
    for (size_t i = 0; i < self->floors.count; i++) {
        const exec_floor *floor = exec_table_at (&self->floors, i);
        wire_record_floor record = {.key = floor->key,
            .type = floor->type,
            .version = floor->version,
            .disabled = floor->disabled,
            .until_us = floor->until_us,
            .object_key = floor->object_key,
            .local = floor->is_local};
        memcpy (record.hash, floor->hash, sizeof record.hash);
        emit_record (to, WIRE_RECORD_FLOOR, &record);
    }
}

static void emit_buckets (const exec_core *self, const sink *to)
{
    for (size_t i = 0; i < self->buckets.count; i++) {
        const exec_bucket *bucket = exec_table_at (&self->buckets, i);
        wire_record_bucket record = {.job_key = bucket->job_key,
            .total = bucket->total,
            .starts_us = (uint64_t *) bucket->deeds_us,
            .starts_us_count = bucket->deed_count,
            .scheduled_us = (uint64_t *) bucket->scheduled_us,
            .scheduled_us_count = bucket->scheduled_count,
            .local = bucket->is_local};
        emit_record (to, WIRE_RECORD_BUCKET, &record);
    }
}

/*  In the order of acceptance. A job has one open run at most that does not wait, so a local STOP behind
    its intent covers just that.  */
static void emit_run (const sink *to, const exec_run *run)
{
    const bool is_over = run->turn.size && run->outcome.size;
    to->emit (to->ctx, run->intent);
    if (run->turn.size)
        to->emit (to->ctx, run->turn);
    if (!run->is_stopped || is_over)
        return;
    wire_record_stop record = {.deed = run->id, .job_key = run->job_key, .local = true};
    emit_record (to, WIRE_RECORD_STOP, &record);
}

static void emit_runs (const exec_core *self, const sink *to)
{
    BG_AUTO_ARENA arena = {0};
    exec_run **runs = NULL;
    const size_t count = exec_runs_by_order (self, &arena, &runs);
    for (size_t i = 0; i < count; i++)
        emit_run (to, runs[i]);
}

/*  Intents count in the bucket and in the deeds done when they are replayed; so these come
    behind the intents, and set instead of add.  */
void exec_core_compact (
    exec_core *self, bg_now now, void (*emit) (void *ctx, bg_slice record), void *ctx)
{
    const sink to = {emit, ctx};
    forget_expired (self, now);
    emit_standing (self, &to);
    emit_floors (self, &to);
    if (self->attested.boot_us) {
        wire_record_attested record = {.time_us = self->attested.time_us,
            .boot_time_us = self->attested.boot_us,
            .boot = self->attested.boot,
            .term = self->attested.term,
            .position = self->attested.position,
            .authority = self->attested.authority,
            .membership = self->attested.membership,
            .enlisted_us = self->attested.enlisted_us};
        emit_record (&to, WIRE_RECORD_ATTESTED, &record);
    }
    for (size_t i = 0; i < self->stops.count; i++) {
        const exec_stop *stop = exec_table_at (&self->stops, i);
        const bool is_of_job = bg_id_equal (stop->subject, stop->job_key);
        wire_record_stop record = {.deed = stop->deed,
            .job_key = stop->job_key,
            .issued_us = stop->issued_us,
            .expires_us = stop->expires_us,
            .exec = is_of_job ? (bg_id){{0}} : stop->subject};
        emit_record (&to, WIRE_RECORD_STOP, &record);
    }
    emit_runs (self, &to);
    for (size_t i = 0; i < self->spent.count; i++) {
        const exec_spent *spent = exec_table_at (&self->spent, i);
        wire_record_spent record = {spent->job_key, spent->version, spent->run, spent->is_local};
        emit_record (&to, WIRE_RECORD_SPENT, &record);
    }
    for (size_t i = 0; i < self->done.count; i++) {
        const exec_done *done = exec_table_at (&self->done, i);
        wire_record_done record = {done->id, done->expires_us, done->is_occurrence, done->is_local};
        emit_record (&to, WIRE_RECORD_DONE, &record);
    }
    emit_buckets (self, &to);
}

/*  ---- questions ----  */

exec_status exec_core_status (const exec_core *self)
{
    exec_status status = {.anchored = self->is_anchored,
        .time_known = self->attested.known,
        .is_member = self->member.version && self->member.body.state == WIRE_MEMBER,
        .authority = self->keyring ? wire_keyring_version (self->keyring) : 0,
        .membership = self->member.version,
        .floors = self->floors.count,
        .done = self->done.count,
        .starts = self->starts};
    if (self->keyring)
        status.installation = wire_keyring_installation (self->keyring);
    if (self->member.version)
        status.target = self->member.body.target;
    for (size_t i = 0; i < self->runs.count; i++) {
        const exec_run *run = exec_table_at (&self->runs, i);
        if (run->outcome.size)
            status.finished++;
        else if (run->is_waiting)
            status.waiting++;
        else
            status.running++;
    }
    return status;
}

uint64_t exec_core_count (const exec_core *self, bg_code code)
{
    return (unsigned) code < EXEC_CODES ? self->counts[code] : 0;
}

bool exec_core_is_done (const exec_core *self, bg_id deed_or_occurrence)
{
    return exec_table_find (&self->done, deed_or_occurrence) != NULL;
}
