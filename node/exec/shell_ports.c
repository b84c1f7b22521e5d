/*  The ports of exec_core: records into the batch, effects into a queue that the turn releases
    after its commit.  */
#include "common/sys/clock.h"
#include "common/sys/keyfile.h"
#include "common/sys/random.h"
#include "node/exec/kept_output.h"
#include "node/exec/shell_private.h"

#include <stdio.h>
#include <stdlib.h>

bg_now shell_now (void)
{
    return (bg_now){bg_clock_utc_us (), bg_clock_mono_us (), bg_clock_boot_us ()};
}

/*  ---- effects ----  */

static effect *effects_add (effects *self, effect_kind kind, bg_id run)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    effect *item = &self->items[self->count++];
    *item = (effect){.kind = kind, .run = run};
    return item;
}

void effects_fini (effects *self)
{
    for (size_t i = 0; i < self->count; i++)
        bg_buf_fini (&self->items[i].blob);
    free (self->items);
    *self = (effects){0};
}

void effects_move (effects *from, effects *to)
{
    for (size_t i = 0; i < from->count; i++)
        *effects_add (to, from->items[i].kind, from->items[i].run) = from->items[i];
    from->count = 0;
}

/*  ---- ports ----  */

static void port_log_append (void *ctx, bg_slice record, bool durable)
{
    shell *self = ctx;
    exec_log_append (self->log_file, record);
    if (durable)
        self->wants_sync = true;
    else if (self->flush_due_us == INT64_MAX)
        self->flush_due_us = bg_clock_mono_us () + SHELL_FLUSH_US;
}

static void port_send (void *ctx, uint64_t peer, bg_slice blob)
{
    effect *item = effects_add (&((shell *) ctx)->queue, EFFECT_SEND, (bg_id){{0}});
    item->peer = peer;
    bg_buf_append_slice (&item->blob, blob);
}

static void port_spawn (void *ctx, bg_id run, bg_slice plan)
{
    effect *item = effects_add (&((shell *) ctx)->queue, EFFECT_SPAWN, run);
    bg_buf_append_slice (&item->blob, plan);
}

static void port_supervisor_stop (void *ctx, bg_id run, const char *reason)
{
    effect *item = effects_add (&((shell *) ctx)->queue, EFFECT_STOP, run);
    bg_buf_append_str (&item->blob, reason);
}

/*  The run's file must not go before the log says on disk that it is closed.  */
static void port_discard (void *ctx, bg_id run)
{
    (void) effects_add (&((shell *) ctx)->discards, EFFECT_DISCARD, run);
}

static void port_read_output (
    void *ctx, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part)
{
    kept_output_read (((shell *) ctx)->runs_dir, ask, arena, part);
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    (void) ctx;
    bg_random_bytes (bytes, size);
}

static void port_say (void *ctx, exec_say level, const char *event, const char *pairs)
{
    static const bg_log_level levels[] = {BG_LOG_WARNING, BG_LOG_NOTICE, BG_LOG_INFO, BG_LOG_DEBUG};
    bg_log_event (((shell *) ctx)->config.log, levels[level], event, "%s", pairs);
}

static bg_result port_account (void *ctx, const char *name, exec_account *account, bg_error *err)
{
    return exec_machine_account (&((shell *) ctx)->machine, name, account, err);
}

static bg_result port_group (void *ctx, const char *name, uint32_t *gid, bg_error *err)
{
    (void) ctx;
    return exec_machine_group (name, gid, err);
}

static int32_t port_utc_offset_s (void *ctx, int64_t utc_us)
{
    (void) ctx;
    return exec_machine_utc_offset_s (utc_us);
}

static bg_result port_policy_write (void *ctx, exec_policy *policy, char note[256], bg_error *err)
{
    shell *self = ctx;
    BG_TRY (exec_machine_policy_write (&self->machine, policy, note, err));
    if (note[0])
        bg_log_event (self->config.log, BG_LOG_NOTICE, "policy-written", "path=%s account=%s",
            bg_log_cstr (self->machine.policy_path).text, policy->account);
    return bg_ok ();
}

static bg_result port_local_key (void *ctx, bg_key *public_key, bg_error *err)
{
    shell *self = ctx;
    bg_keypair pair = {0};
    BG_TRY (bg_keyfile_ensure (
        self->local_path, BG_KEY_ED25519, "signs local jobs of this machine", &pair, NULL, err));
    *public_key = pair.public_key;
    bg_keypair_fini (&pair);
    return bg_ok ();
}

exec_ports shell_make_ports (shell *self)
{
    return (exec_ports){.ctx = self,
        .crypto = wire_crypto_sodium (),
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
}
