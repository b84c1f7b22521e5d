/*  A target's bugle-exec: the ports of its core and what becomes of its effects. As node/exec does it, without files.  */
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "node/exec/log_file.h"
#include "tests/load/swarm/steps.h"

#include <stdio.h>
#include <stdlib.h>

/*  ---- ports ----  */

static void add (void *ctx, swarm_exec_kind kind, uint64_t peer, bg_id run, bg_slice blob)
{
    swarm_exec_effects *list = &((swarm_target *) ctx)->shared->exec_effects;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->items = bg_realloc (list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] =
        (swarm_exec_effect){kind, peer, run, bg_arena_copy (&list->arena, blob)};
}

void swarm_exec_effects_fini (swarm_exec_effects *self)
{
    bg_arena_fini (&self->arena);
    free (self->items);
    *self = (swarm_exec_effects){0};
}

/*  In memory it is there as soon as it is said; what it all comes to is taken from the core when it restarts.  */
static void port_log_append (void *ctx, bg_slice record, bool durable)
{
    swarm_target *self = ctx;
    if (!self->log)
        return;
    exec_log_append (self->log, record);
    self->wants_sync = self->wants_sync || durable;
}

static void port_send (void *ctx, uint64_t peer, bg_slice blob)
{
    add (ctx, SWARM_EXEC_SEND, peer, (bg_id){{0}}, blob);
}

static void port_spawn (void *ctx, bg_id run, bg_slice plan)
{
    add (ctx, SWARM_EXEC_SPAWN, 0, run, plan);
}

static void port_supervisor_stop (void *ctx, bg_id run, const char *reason)
{
    (void) reason;
    add (ctx, SWARM_EXEC_STOP, 0, run, (bg_slice){0});
}

static void port_discard (void *ctx, bg_id run)
{
    add (ctx, SWARM_EXEC_DISCARD, 0, run, (bg_slice){0});
}

/*  Outputs are not kept here.  */
static void port_read_output (
    void *ctx, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part)
{
    (void) ctx;
    (void) arena;
    *part = (wire_exec_output_part){.code = bg_slice_str ("not-found"),
        .message = bg_slice_str ("a simulated target keeps no output"),
        .step = ask->step,
        .done = true};
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    swarm_random (((swarm_target *) ctx)->shared, bytes, size);
}

static void port_say (void *ctx, exec_say level, const char *event, const char *pairs)
{
    const swarm_target *self = ctx;
    if (level != EXEC_SAY_WARNING)
        return;
    self->shared->counts.warnings++;
    bg_log_event (self->shared->log, BG_LOG_WARNING, event, "target=%s %s", self->name, pairs);
}

static bg_result port_account (void *ctx, const char *name, exec_account *account, bg_error *err)
{
    (void) err;
    *account = *((swarm_target *) ctx)->shared->account;
    (void) snprintf (account->name, sizeof account->name, "%s", name);
    return bg_ok ();
}

static bg_result port_group (void *ctx, const char *name, uint32_t *gid, bg_error *err)
{
    (void) name;
    (void) err;
    *gid = ((swarm_target *) ctx)->shared->account->gid;
    return bg_ok ();
}

static int32_t port_utc_offset_s (void *ctx, int64_t utc_us)
{
    const swarm_target *self = ctx;
    const job_zone *zone =
        node_zones_get (self->shared->zones, bg_slice_str (self->zone ? self->zone : ""));
    return zone ? job_zone_offset (zone, utc_us / BG_SEC (1)) : 0;
}

static bg_result port_policy_write (void *ctx, exec_policy *policy, char note[256], bg_error *err)
{
    (void) err;
    *policy = *((swarm_target *) ctx)->shared->policy;
    note[0] = 0;
    return bg_ok ();
}

static bg_result port_local_key (void *ctx, bg_key *public_key, bg_error *err)
{
    (void) ctx;
    (void) public_key;
    return bg_fail (err, BG_POLICY, "a simulated target has no local jobs");
}

static bg_result replay (void *ctx, bg_slice record, bg_error *err)
{
    return exec_core_replay (((swarm_target *) ctx)->exec, record, err);
}

static bg_result open_log (swarm_target *self, bg_error *err)
{
    const char *dir = self->shared->options->store_dir;
    size_t torn_bytes = 0;
    if (!dir)
        return bg_ok ();
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/%s.log", dir, self->name);
    return exec_log_open (path, replay, self, &self->log, &torn_bytes, err);
}

static void emit (void *ctx, bg_slice record)
{
    exec_record_add (ctx, record);
}

static void compact (swarm_target *self)
{
    if (!exec_log_is_long (self->log) || exec_log_has_pending (self->log))
        return;
    BG_AUTO_BUF payload = {0};
    bg_error err = {0};
    exec_core_compact (self->exec, swarm_target_now (self), emit, &payload);
    if (bg_failed (exec_log_replace (self->log, &payload, &err)))
        swarm_target_failed (self, "compact the log", &err);
}

void swarm_target_sync (swarm_target *self)
{
    bg_error err = {0};
    if (!self->log || !self->wants_sync)
        return;
    self->wants_sync = false;
    if (bg_failed (exec_log_commit (self->log, &err)))
        swarm_target_failed (self, "write the log", &err);
    compact (self);
}

void swarm_target_close_log (swarm_target *self)
{
    if (self->log)
        bg_ignore (exec_log_commit (self->log, NULL)); /*  what is in there, nothing waits for  */
    exec_log_close (&self->log);
}

bg_result swarm_target_make_exec (
    swarm_target *self, const bg_buf *log, size_t count, bg_error *err)
{
    const exec_ports ports = {.ctx = self,
        .crypto = swarm_crypto_port (self->shared->crypto),
        .log_append = port_log_append,
        .send = port_send,
        .spawn = port_spawn,
        .read_output = port_read_output,
        .supervisor_stop = port_supervisor_stop,
        .discard = port_discard,
        .random = port_random,
        .say = port_say,
        .account = port_account,
        .group = port_group,
        .utc_offset_s = port_utc_offset_s,
        .policy_write = port_policy_write,
        .local_key = port_local_key};
    const exec_config config = {.boot = self->shared->boot,
        .version = BUGLE_VERSION,
        .policy_path = "the swarm's policy",
        .host = self->name};
    self->exec = exec_core_create (&ports, &config);
    BG_TRY (open_log (self, err));
    for (size_t i = 0; i < count; i++)
        BG_TRY (exec_core_replay (self->exec, bg_buf_slice (&log[i]), err));
    exec_core_replayed (self->exec, swarm_target_now (self));
    exec_core_set_storage_full (self->exec, swarm_target_now (self), false);
    exec_core_set_policy (self->exec, swarm_target_now (self), self->shared->policy, NULL);
    swarm_runs_look (self);
    return bg_ok ();
}

/*  ---- effects ----  */

/*  What bugle-exec says of a run of a START, for the figures.  */
static void note_run (swarm_target *self, const wire_run *run, int64_t utc_us)
{
    swarm_stats *stats = &self->shared->stats;
    const bool is_over = run->state != WIRE_RUN_RUNNING && run->state != WIRE_RUN_WAITING;
    if (run->state == WIRE_RUN_WAITING || !swarm_run_is_news (self, run->run, is_over))
        return;
    self->shared->counts.outcomes += is_over;
    if (bg_id_is_zero (run->exec))
        return;
    const size_t slot = swarm_stats_exec (stats, run->exec);
    if (is_over) {
        stats->execs[slot].over++;
        self->exec_mask |= UINT64_C (1) << slot;
    } else if (!swarm_stats_begun (stats, slot, self->index, utc_us)) {
        self->shared->counts.doubled++;
    }
}

static void read_note (const swarm_note *note)
{
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    const bg_slice blob = bg_buf_slice (&note->blob);
    if (bg_is_ok (wire_inner_decode (blob, &arena, &header, &value, NULL)) &&
        header.kind == WIRE_EXEC_RUN)
        note_run (note->target, &((const wire_exec_run *) value)->run, note->utc_us);
}

void swarm_notes_read (swarm_shared *shared)
{
    for (size_t i = 0; i < shared->note_count; i++) {
        read_note (&shared->notes[i]);
        bg_buf_fini (&shared->notes[i].blob);
    }
    shared->note_count = 0;
}

void swarm_notes_fini (swarm_shared *shared)
{
    for (size_t i = 0; i < shared->note_count; i++)
        bg_buf_fini (&shared->notes[i].blob);
    free (shared->notes);
}

/*  False only when the first bytes say that this is something else than news of a run: an array of two, a short binary, in
    it a map whose first field is the kind in 16 bits.  */
static bool may_be_run (bg_slice blob)
{
    const uint8_t *at = blob.data;
    const bool is_usual = blob.size > 8 && at[0] == 0x92 && at[1] == 0xc4 &&
                          (at[3] & 0xf0) == 0x80 && at[4] == 1 && at[5] == 0xcd;
    return !is_usual || (at[6] << 8 | at[7]) == WIRE_EXEC_RUN;
}

/*  Reading costs what the node's core pays for it, once more; so it waits until nothing else does.  */
static void note_for_later (swarm_target *self, bg_slice blob)
{
    swarm_shared *shared = self->shared;
    if (shared->note_count == shared->note_capacity) {
        shared->note_capacity = shared->note_capacity ? 2 * shared->note_capacity : 256;
        shared->notes = bg_realloc (shared->notes, shared->note_capacity * sizeof *shared->notes);
    }
    swarm_note *note = &shared->notes[shared->note_count++];
    *note = (swarm_note){.target = self, .utc_us = bg_clock_utc_us ()};
    bg_buf_append_slice (&note->blob, blob);
    bg_defer_arm (shared->idle);
}

static void to_node (swarm_target *self, bg_slice blob)
{
    if (may_be_run (blob))
        note_for_later (self, blob);
    swarm_target_to_node (self, blob);
}

void swarm_target_release_exec (swarm_target *self, const swarm_exec_effect *effect)
{
    switch (effect->kind) {
    case SWARM_EXEC_SEND:
        if (effect->peer == 1)
            to_node (self, effect->blob);
        break;
    case SWARM_EXEC_SPAWN:
        self->shared->counts.begun++;
        swarm_run_spawn (self, effect->run, effect->blob);
        break;
    case SWARM_EXEC_STOP:
        swarm_run_stop (self, effect->run);
        break;
    case SWARM_EXEC_DISCARD:
        swarm_run_discard (self, effect->run);
        break;
    }
}
