/*  A core to play with: see exec_fixture.h.  */
#include "exec_fixture.h"

#include <stdio.h>

static void port_log_append (void *ctx, bg_slice record, bool durable)
{
    exec_fixture *self = ctx;
    bg_assert (self->log_count < EXEC_RECORDS_MAX);
    logged *item = &self->log[self->log_count++];
    item->durable = durable;
    bg_buf_append_slice (&item->bytes, record);
}

static void port_send (void *ctx, uint64_t peer, bg_slice blob)
{
    exec_fixture *self = ctx;
    bg_assert (peer != 0 && self->sent_count < EXEC_SENT_MAX);
    bg_buf_append_slice (&self->sent[self->sent_count++], blob);
}

static void port_spawn (void *ctx, bg_id run, bg_slice plan)
{
    exec_fixture *self = ctx;
    bg_assert (self->log_count > 0 && self->log[self->log_count - 1].durable);
    self->spawned = run;
    self->spawn_count++;
    bg_buf_clear (&self->plan);
    bg_buf_append_slice (&self->plan, plan);
}

static void port_stop (void *ctx, bg_id run, const char *reason)
{
    exec_fixture *self = ctx;
    (void) reason;
    self->stopped = run;
    self->stop_count++;
}

static void port_discard (void *ctx, bg_id run)
{
    (void) run;
    ((exec_fixture *) ctx)->discard_count++;
}

static void port_read_output (
    void *ctx, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part)
{
    (void) ctx;
    (void) arena;
    *part = (wire_exec_output_part){.code = bg_slice_str ("ok"),
        .step = ask->step ? ask->step : 1,
        .offset = ask->offset,
        .bytes = bg_slice_str ("output"),
        .total = ask->offset + 6,
        .done = true};
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    exec_fixture *self = ctx;
    uint8_t hash[32];
    self->random++;
    wire_hash32 (bg_slice_of (&self->random, sizeof self->random), hash);
    memcpy (bytes, hash, size < sizeof hash ? size : sizeof hash);
}

static bg_result port_account (void *ctx, const char *name, exec_account *account, bg_error *err)
{
    exec_fixture *self = ctx;
    if (strcmp (name, "nobody-here") == 0)
        return bg_fail (err, BG_POLICY, "there is no account nobody-here");
    *account =
        (exec_account){.uid = self->account_uid, .gid = 100, .change = self->account_changes};
    strcpy (account->name, name);
    strcpy (account->home, "/home/jobs");
    strcpy (account->shell, "/bin/bash");
    return bg_ok ();
}

static bg_result port_group (void *ctx, const char *name, uint32_t *gid, bg_error *err)
{
    (void) ctx;
    if (strcmp (name, "nogroup-here") == 0)
        return bg_fail (err, BG_POLICY, "there is no group nogroup-here");
    *gid = 500 + (uint32_t) strlen (name);
    return bg_ok ();
}

static int32_t port_offset (void *ctx, int64_t utc_us)
{
    (void) utc_us;
    return ((exec_fixture *) ctx)->utc_offset_s;
}

static bg_result port_policy_write (void *ctx, exec_policy *policy, char note[256], bg_error *err)
{
    (void) err;
    *policy = ((exec_fixture *) ctx)->policy;
    strcpy (note, "wrote the default policy");
    return bg_ok ();
}

static bg_result port_local_key (void *ctx, bg_key *public_key, bg_error *err)
{
    exec_fixture *self = ctx;
    (void) err;
    self->has_local = true;
    *public_key = self->local.public_key;
    return bg_ok ();
}

static exec_core *make_core (exec_fixture *self)
{
    exec_ports ports = {.ctx = self,
        .crypto = self->signing.crypto,
        .log_append = port_log_append,
        .send = port_send,
        .spawn = port_spawn,
        .read_output = port_read_output,
        .supervisor_stop = port_stop,
        .discard = port_discard,
        .random = port_random,
        .account = port_account,
        .group = port_group,
        .utc_offset_s = port_offset,
        .policy_write = port_policy_write,
        .local_key = port_local_key};
    exec_config config = {.boot = self->boot,
        .version = "test",
        .policy_path = "/etc/bugle/policy",
        .host = "machine"};
    return exec_core_create (&ports, &config);
}

void exec_fixture_init (exec_fixture *self)
{
    *self = (exec_fixture){
        .now = {.utc_us = BG_DAY (20000), .mono_us = BG_HOUR (1), .boot_us = BG_HOUR (2)},
        .boot = {{9}},
        .account_uid = 1000};
    signing_fixture_init (&self->signing, 1);
    static const uint8_t seed[32] = {77};
    wire_keypair (seed, &self->local.public_key, self->local.secret);
    strcpy (self->policy.account, "jobs");
    self->policy.runs = EXEC_POLICY_RUNS;
    self->core = make_core (self);
    exec_core_replayed (self->core, self->now);
}

static void drop_log (exec_fixture *self, size_t from)
{
    for (size_t i = from; i < self->log_count; i++)
        bg_buf_fini (&self->log[i].bytes);
    self->log_count = from;
}

void exec_fixture_clear (exec_fixture *self)
{
    for (size_t i = 0; i < self->sent_count; i++)
        bg_buf_fini (&self->sent[i]);
    self->sent_count = 0;
}

void exec_fixture_fini (exec_fixture *self)
{
    exec_core_destroy (&self->core);
    drop_log (self, 0);
    exec_fixture_clear (self);
    bg_buf_fini (&self->plan);
    bg_arena_fini (&self->arena);
    signing_fixture_fini (&self->signing);
}

exec_core *exec_fixture_replay (exec_fixture *self, const logged *records, size_t count)
{
    exec_core *core = make_core (self);
    bg_error err = {0};
    for (size_t i = 0; i < count; i++) {
        bg_result result = exec_core_replay (core, bg_buf_slice (&records[i].bytes), &err);
        if (bg_failed (result))
            fprintf (stderr, "record %zu: %s\n", i, err.message);
        bg_assert (bg_is_ok (result));
    }
    exec_core_replayed (core, self->now);
    exec_core_set_policy (core, self->now, &self->policy, NULL);
    if (self->has_local)
        exec_core_set_local (core, &self->local.public_key);
    return core;
}

void exec_fixture_restart (exec_fixture *self, size_t count)
{
    exec_core_destroy (&self->core);
    self->core = exec_fixture_replay (self, self->log, count);
    drop_log (self, count);
    exec_fixture_clear (self);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
}

void exec_fixture_tell (exec_fixture *self, exec_peer peer, wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    bg_error err = {0};
    bg_id request = {{0}};
    bg_write_u64 (request.bytes + 8, ++self->requests);
    wire_inner_encode (kind, request, value, &blob);
    bg_result result = exec_core_handle (self->core, self->now, peer, bg_buf_slice (&blob), &err);
    if (bg_failed (result))
        fprintf (stderr, "%s\n", err.message);
    bg_assert (bg_is_ok (result));
}

const void *exec_fixture_last (exec_fixture *self, wire_kind kind)
{
    for (size_t i = self->sent_count; i-- > 0;) {
        wire_header header;
        void *value = NULL;
        bg_result result =
            wire_inner_decode (bg_buf_slice (&self->sent[i]), &self->arena, &header, &value, NULL);
        bg_assert (bg_is_ok (result));
        if (header.kind == kind)
            return value;
    }
    return NULL;
}

const wire_exec_verdict *exec_fixture_verdict (exec_fixture *self)
{
    return exec_fixture_last (self, WIRE_EXEC_VERDICT);
}

static const char *last_code (exec_fixture *self)
{
    const wire_exec_verdict *verdict = exec_fixture_verdict (self);
    bg_assert (verdict);
    return bg_arena_str (&self->arena, verdict->code);
}

const char *exec_fixture_offer (exec_fixture *self, wire_signed item)
{
    exec_fixture_clear (self);
    wire_exec_offer offer = {.has_item = true, .item = item};
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_OFFER, &offer);
    return last_code (self);
}

static const char *start (exec_fixture *self, const wire_exec_start *message)
{
    exec_fixture_clear (self);
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_START, message);
    const wire_exec_run *run = exec_fixture_last (self, WIRE_EXEC_RUN);
    if (run)
        return wire_run_state_word (run->run.state);
    return last_code (self);
}

const char *exec_fixture_start (exec_fixture *self, wire_signed job, const wire_signed *deed)
{
    wire_exec_start message = {.has_job = true, .job = job, .has_deed = true, .deed = *deed};
    return start (self, &message);
}

const char *exec_fixture_occurrence (
    exec_fixture *self, wire_signed job, uint64_t schedule, int64_t nominal_us)
{
    wire_exec_start message = {
        .has_job = true, .job = job, .schedule = schedule, .nominal_us = nominal_us};
    return start (self, &message);
}

wire_signed exec_fixture_start_deed (exec_fixture *self, const char *job_name)
{
    wire_deed deed = fixture_deed (&self->signing, WIRE_DEED_START, job_name, self->now.utc_us,
        self->now.utc_us + BG_HOUR (1));
    return fixture_sign_deed (&self->signing, &deed, &self->signing.admin);
}

void exec_fixture_end (exec_fixture *self, bg_id run, uint64_t state)
{
    BG_AUTO_BUF end = {0};
    wire_record_end record = {.state = state, .finished_us = self->now.utc_us};
    wire_inner_encode (WIRE_RECORD_END, (bg_id){{0}}, &record, &end);
    bg_slice records[2] = {bg_buf_slice (&self->plan), bg_buf_slice (&end)};
    exec_core_run_file (self->core, self->now, run, records, 2, true);
}

void exec_fixture_taken (exec_fixture *self, bg_id run)
{
    wire_exec_taken taken = {run};
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_TAKEN, &taken);
}

void exec_fixture_attest (exec_fixture *self)
{
    const wire_exec_nonce *nonce = exec_fixture_last (self, WIRE_EXEC_NONCE);
    bg_assert (nonce);
    wire_exec_attest message = {.has_attestation = true,
        .attestation = fixture_attestation (&self->signing, nonce->nonce, self->now.utc_us)};
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_ATTEST, &message);
}

void exec_fixture_advance (exec_fixture *self, int64_t us)
{
    self->now.utc_us += us;
    self->now.mono_us += us;
    self->now.boot_us += us;
    exec_core_tick (self->core, self->now);
}

void exec_fixture_enlist (exec_fixture *self)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_exec_anchor anchor = {.write_policy = true};
    wire_hash32 (authority.bytes, anchor.authority_hash);
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    bg_assert (strcmp (exec_fixture_offer (self, authority), "ok") == 0);
    wire_signed member = fixture_membership (&self->signing, 1, WIRE_MEMBER);
    bg_assert (strcmp (exec_fixture_offer (self, member), "ok") == 0);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (self, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
    exec_fixture_attest (self);
    bg_assert (exec_core_status (self->core).time_known);
    exec_fixture_clear (self);
}

wire_signed exec_fixture_job (exec_fixture *self, const char *name)
{
    wire_job job = fixture_job (&self->signing, name);
    return fixture_document (&self->signing, WIRE_TYPE_JOB, name, &job);
}

wire_signed exec_fixture_scheduled_job (exec_fixture *self, const char *name, uint64_t every_us)
{
    wire_job job = fixture_job (&self->signing, name);
    wire_job_schedule schedule = {
        .name = bg_slice_str ("tick"), .kind = WIRE_SCHEDULE_EVERY, .every_us = every_us};
    job.schedules = &schedule;
    job.schedules_count = 1;
    return fixture_document (&self->signing, WIRE_TYPE_JOB, name, &job);
}

wire_signed exec_fixture_stop (exec_fixture *self, const char *job_name)
{
    wire_deed deed = fixture_deed (
        &self->signing, WIRE_DEED_STOP, job_name, self->now.utc_us, self->now.utc_us + BG_MIN (10));
    return fixture_sign_deed (&self->signing, &deed, &self->signing.admin);
}

const char *exec_fixture_message (exec_fixture *self)
{
    return bg_arena_str (&self->arena, exec_fixture_verdict (self)->message);
}
