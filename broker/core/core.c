/*  The core's life and its face to the shell: create, destroy, time, front, work. Not the decisions
    (dispatch.c and the handlers), not loading (recover.c), not writing (commit.c).

    Invariant: everything that has to happen later has a time in one of the *_mono_us fields, so
    that broker_core_deadline is a minimum over them.  */
#include "broker/core/rooms.h"

#include <stdio.h>

/*  ---- small things that every room uses ----  */

bool broker_is_store_failure (bg_result result)
{
    bg_class class = bg_code_class (result.code);
    return class == BG_CLASS_FAULT || class == BG_CLASS_FATAL || result.code == BG_STORAGE_FULL;
}

bg_result broker_stored_badly (bg_error *err, const char *what)
{
    char why[BG_ERROR_MESSAGE_MAX] = "";
    if (err)
        snprintf (why, sizeof why, "%s", err->message);
    return bg_fail (err, BG_STORE, "%s in the store cannot be read: %.300s", what, why);
}

static broker_counter *counter_named (
    broker_counter *counters, size_t *count, size_t most, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp (counters[i].name, name) == 0)
            return &counters[i];
    if (*count == most)
        return NULL;
    broker_counter *counter = &counters[(*count)++];
    snprintf (counter->name, sizeof counter->name, "%s", name);
    counter->value = 0;
    return counter;
}

void broker_count (broker_core *self, const char *name)
{
    broker_counter *counter =
        counter_named (self->counters, &self->counter_count, BROKER_COUNTERS_MAX, name);
    if (counter)
        counter->value++;
}

void broker_count_forget (broker_core *self, const char *name)
{
    for (size_t i = 0; i < self->counter_count; i++)
        if (strcmp (self->counters[i].name, name) == 0)
            self->counters[i].value = 0;
}

uint64_t broker_core_counter (const broker_core *self, const char *name)
{
    for (size_t i = 0; i < self->counter_count; i++)
        if (strcmp (self->counters[i].name, name) == 0)
            return self->counters[i].value;
    return 0;
}

void broker_log (
    broker_core *self, broker_log_level level, const char *event, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    self->ports->log (self->ports->ctx, level, event, text);
}

bg_id broker_make_id (broker_core *self, bg_now now)
{
    uint8_t entropy[10];
    self->ports->random (self->ports->ctx, entropy, sizeof entropy);
    return bg_id_make (now.utc_us, entropy);
}

bool broker_id_is_key (bg_id id)
{
    return !bg_id_is_zero (id);
}

void broker_replace_str (char **text, bg_slice with)
{
    free (*text);
    *text = bg_slice_dup (with);
}

bg_slice broker_name_key (bg_arena *arena, bg_slice name)
{
    bg_slice copy = bg_arena_copy (arena, name);
    uint8_t *bytes = (uint8_t *) bg_arena_str (arena, copy);
    for (size_t i = 0; i < copy.size; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (uint8_t) (bytes[i] + ('a' - 'A'));
    return bg_slice_of (bytes, copy.size);
}

/*  ---- life ----  */

broker_core *broker_core_create (const broker_settings *settings, const broker_ports *ports)
{
    bg_assert (settings->endpoint_count <= BROKER_ENDPOINTS_MAX);
    broker_core *self = bg_alloc (sizeof *self);
    self->settings = *settings;
    self->settings.name = bg_arena_copy (&self->arena, settings->name);
    self->settings.version = bg_arena_copy (&self->arena, settings->version);
    for (size_t i = 0; i < settings->endpoint_count; i++)
        self->settings.endpoints[i] = bg_arena_copy (&self->arena, settings->endpoints[i]);
    self->ports = ports;
    self->crypto = ports->crypto;
    self->store = ports->store;
    self->push_end = &self->pushes;
    self->next_number = 1;
    self->expiry_mono_us = INT64_MAX;
    self->rotate_mono_us = INT64_MAX;
    self->watch_mono_us = INT64_MAX;
    self->question_mono_us = INT64_MAX;
    return self;
}

static void free_tables (broker_core *self)
{
    for (broker_execution *execution = self->executions, *next; execution; execution = next) {
        next = execution->hh.next;
        broker_execution_free (self, execution);
    }
    for (broker_open_run *run = self->open_runs, *next; run; run = next) {
        next = run->hh.next;
        broker_open_run_free (self, run);
    }
    for (broker_reservation *reservation = self->reservations, *next; reservation;
         reservation = next) {
        next = reservation->hh.next;
        broker_reservation_free (self, reservation);
    }
    for (broker_question *question = self->questions, *next; question; question = next) {
        next = question->hh.next;
        broker_question_free (self, question);
    }
    for (broker_pending *pending = self->pendings, *next; pending; pending = next) {
        next = pending->hh.next;
        broker_pending_free (self, pending);
    }
    for (broker_document *document = self->documents, *next; document; document = next) {
        next = document->hh.next;
        broker_document_free (self, document);
    }
    for (broker_stream *stream = self->streams, *next; stream; stream = next) {
        next = stream->hh.next;
        broker_stream_free (self, stream);
    }
    for (uint32_t number = 1; number < self->target_capacity; number++)
        if (self->targets[number])
            broker_target_free (self, self->targets[number]);
    while (self->pushes) {
        broker_push *push = self->pushes;
        self->pushes = push->next;
        broker_push_free (push);
    }
}

void broker_core_destroy (broker_core **self_p)
{
    broker_core *self = *self_p;
    if (!self)
        return;
    free_tables (self);
    free (self->targets);
    free (self->spare_numbers);
    free (self->job_order);
    free (self->op_events);
    bg_buf_fini (&self->scratch);
    wire_keyring_destroy (&self->keyring);
    explicit_bzero (self->settings.sign_secret, sizeof self->settings.sign_secret);
    explicit_bzero (self->nonce_secret, sizeof self->nonce_secret);
    bg_arena_fini (&self->arena);
    free (self);
    *self_p = NULL;
}

/*  ---- the front ----  */

bg_result broker_core_front_up (broker_core *self, bg_now now, bg_error *err)
{
    bg_assert (self->recovered);
    (void) now;
    (void) err;
    self->front_up = true;
    broker_targets_send_keys (self);
    const wire_authority *authority = wire_keyring_authority (self->keyring);
    for (size_t i = 0; i < authority->logins_count; i++) {
        const wire_login *login = &authority->logins[i];
        if (!wire_keyring_is_revoked (self->keyring, &login->curve_key) &&
            !wire_keyring_is_revoked (self->keyring, &login->sign_key))
            self->ports->keys_add (self->ports->ctx, WIRE_ON_OPS, &login->curve_key);
    }
    self->ports->keys_ready (self->ports->ctx);
    for (uint32_t number = 1; number < self->next_number; number++) {
        broker_target *target = broker_target_at (self, number);
        if (!target || target->key_cut)
            continue;
        target->flag_sent = target->pending + target->deeds > 0;
        if (target->flag_sent)
            self->ports->pending (self->ports->ctx, &target->curve_key, true);
    }
    return bg_ok ();
}

bg_result broker_core_front_stats (
    broker_core *self, bg_now now, const wire_front_stats *stats, bg_error *err)
{
    (void) err;
    for (size_t i = 0; i < stats->counters_count; i++) {
        char name[65];
        snprintf (name, sizeof name, "%.*s", BG_SLICE_ARG (stats->counters[i].name));
        broker_counter *counter = counter_named (self->front_counters, &self->front_counter_count,
            sizeof self->front_counters / sizeof self->front_counters[0], name);
        if (counter)
            counter->value = stats->counters[i].value;
    }
    for (size_t i = 0; i < stats->seen_count; i++) {
        broker_target *target = broker_target_with_key (self, &stats->seen[i].peer);
        if (target && target->has_session)
            broker_target_heard (target, now);
    }
    return bg_ok ();
}

/*  ---- time ----  */

bg_result broker_core_tick (broker_core *self, bg_now now, bg_error *err)
{
    bg_assert (self->recovered);
    self->event_us = now.utc_us;
    if (now.mono_us >= self->tick_mono_us) {
        self->tick_mono_us = now.mono_us + BROKER_TICK_US;
        broker_stream_tick (self, now);
        broker_executions_drop (self, now);
        broker_reservations_expire (self, now);
        if (!self->settings.storage_full)
            BG_TRY (broker_pendings_expire (self, now, err));
    }
    if (now.mono_us >= self->rotate_mono_us)
        broker_streams_rotate_due (self, now);
    if (now.mono_us >= self->expiry_mono_us)
        broker_executions_expire (self, now);
    if (now.mono_us >= self->watch_mono_us)
        broker_executions_watch (self, now);
    if (now.mono_us >= self->question_mono_us)
        broker_questions_expire (self, now);
    if (now.mono_us >= self->prune_mono_us) {
        self->prune_mono_us = now.mono_us + BROKER_PRUNE_US;
        self->prune_due = !self->settings.storage_full;
    }
    if (now.mono_us >= self->scan_mono_us) {
        self->scan_mono_us = now.mono_us + BROKER_SCAN_US;
        return broker_targets_scan (self, now, err);
    }
    return bg_ok ();
}

int64_t broker_core_deadline (const broker_core *self)
{
    const int64_t times[] = {self->tick_mono_us, self->scan_mono_us, self->rotate_mono_us,
        self->expiry_mono_us, self->watch_mono_us, self->prune_mono_us, self->question_mono_us};
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < first)
            first = times[i];
    return first;
}

/*  ---- long work ----  */

bool broker_core_has_work (const broker_core *self)
{
    return self->pushes || self->prune_due || broker_mode_has_work (self);
}

bg_result broker_core_work (broker_core *self, bg_now now, bg_error *err)
{
    if (self->pushes) {
        broker_push_work (self, now);
        return bg_ok ();
    }
    if (broker_mode_has_work (self)) {
        broker_mode_work (self, now);
        return bg_ok ();
    }
    if (!self->prune_due)
        return bg_ok ();
    bool more = false;
    const broker_retention keep = broker_mode_retention (self);
    BG_TRY (self->store->prune (self->store->ctx, now.utc_us, &keep, &more, err));
    self->prune_due = more;
    self->changed = true;
    return bg_ok ();
}

bool broker_core_digest (const broker_core *self, uint32_t number, uint8_t digest[16])
{
    const broker_target *target = broker_target_at (self, number);
    if (!target)
        return false;
    memcpy (digest, target->digest, sizeof target->digest);
    return true;
}
