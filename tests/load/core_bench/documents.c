/*  What people and targets sign in the bench of the core: the authority, the token, memberships, jobs
    and deeds. Real signatures over real bytes; nothing here is measured.  */
#include "tests/load/core_bench/world.h"

#include <stdio.h>

wire_signed bench_document (
    bench_world *self, wire_type type, bg_id key, uint64_t version, const void *body)
{
    const wire_document fixed = {.type = type,
        .format = WIRE_FORMAT,
        .installation = self->settings.installation,
        .key = key,
        .version = version ? version : (uint64_t) (self->now.utc_us / 1000)};
    wire_signed out;
    wire_document_make (
        wire_crypto_sodium (), &fixed, body, self->admin.secret, &self->arena, &out);
    return out;
}

bg_id bench_job_key (const bench_world *self, const char *name)
{
    return wire_document_key (self->settings.installation, WIRE_TYPE_JOB, bg_slice_str (name));
}

wire_signed bench_job (bench_world *self, const char *name, uint64_t version)
{
    char text[24];
    snprintf (text, sizeof text, "%llu", (unsigned long long) version);
    bg_slice argv[] = {bg_slice_str ("/bin/true"), bg_slice_str (text)};
    wire_job_step step = {
        .name = bg_slice_str ("main"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 2};
    const wire_job job = {
        .name = bg_slice_str (name), .audience = {.all = true}, .steps = &step, .steps_count = 1};
    return bench_document (self, WIRE_TYPE_JOB, bench_job_key (self, name), version, &job);
}

wire_signed bench_start (bench_world *self, const char *job, bg_id *id)
{
    *id = bench_id (self);
    const wire_deed deed = {.installation = self->settings.installation,
        .id = *id,
        .what = WIRE_DEED_START,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_HOUR (1),
        .has_to = true,
        .to = {.all = true},
        .job_key = bench_job_key (self, job),
        .job_name = bg_slice_str (job)};
    wire_signed out;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->settings.installation, &deed,
        self->admin.secret, &self->arena, &out);
    return out;
}

void bench_found (bench_world *self)
{
    bg_error err = {0};
    BG_AUTO_BUF bytes = {0};
    wire_login login = {.name = bg_slice_str ("ada"),
        .sign_key = self->admin.sign_key,
        .curve_key = self->admin.curve_key,
        .role = WIRE_ROLE_ADMIN};
    const wire_authority authority = {.name = bg_slice_str ("main"),
        .logins = &login,
        .logins_count = 1,
        .broker_sign_key = self->broker.sign_key,
        .broker_curve_key = self->broker.curve_key,
        .threshold = 1,
        .level_floor = 1,
        .created_us = self->now.utc_us};
    const bg_id zero = {0};
    const wire_signed signed_one = bench_document (self, WIRE_TYPE_AUTHORITY, zero, 1, &authority);
    wire_encode (&wire_desc_signed, &signed_one, &bytes);
    broker_core *core = broker_core_create (&self->settings, &self->ports);
    bench_must (broker_db_begin (self->db, &err), &err);
    bench_must (broker_core_found (core, self->now, bg_buf_slice (&bytes), &err), &err);
    bench_must (broker_db_commit (self->db, &err), &err);
    broker_core_destroy (&core);
}

void bench_token (bench_world *self)
{
    uint8_t seed[16];
    bg_slice groups[] = {bg_slice_str ("web")};
    bench_random (self, seed, sizeof seed);
    wire_seed_keypair (seed, &self->token_key, self->token_secret);
    const wire_token record = {.installation = self->settings.installation,
        .token_key = self->token_key,
        .names = bg_slice_str ("t*"),
        .groups = groups,
        .groups_count = 1,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_HOUR (20),
        .uses = self->count,
        .authority = 1};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_TOKEN, self->settings.installation, &record,
        self->admin.secret, &self->arena, &self->token);
    const wire_token_create create = {.has_token = true, .token = self->token};
    bench_put (self, WIRE_ON_OPS, UINT32_MAX, WIRE_TOKEN_CREATE, &create);
    bench_feed (self);
    bench_answer (self, &self->out.items[0], WIRE_TOKEN_CREATED, &self->arena);
}

wire_enlist_prove bench_prove (bench_world *self, bench_target *target,
    const wire_enlist_challenge *challenge, bg_arena *arena)
{
    bg_slice *groups = bg_arena_array (arena, bg_slice, 1);
    groups[0] = bg_slice_str ("web");
    target->id = challenge->target;
    target->number = (uint32_t) challenge->number;
    const wire_membership membership = {.target = target->id,
        .number = target->number,
        .name = bg_slice_str (target->name),
        .state = WIRE_MEMBER,
        .sign_key = target->keys.sign_key,
        .curve_key = target->keys.curve_key,
        .groups = groups,
        .groups_count = 1,
        .has_token = true,
        .token = self->token};
    const wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .format = WIRE_FORMAT,
        .installation = self->settings.installation,
        .key = target->id,
        .version = 1};
    wire_enlist_prove prove = {
        .has_membership = true, .has_proof = true, .zone = bg_slice_str ("Europe/Berlin")};
    wire_document_make (
        wire_crypto_sodium (), &fixed, &membership, self->token_secret, arena, &prove.membership);
    wire_enlist_proof proof = {
        .installation = self->settings.installation, .broker_curve_key = self->settings.curve_key};
    memcpy (proof.broker_nonce, challenge->nonce, sizeof proof.broker_nonce);
    memcpy (proof.target_nonce, target->nonce, sizeof proof.target_nonce);
    wire_hash32 (prove.membership.bytes, proof.membership_hash);
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_PROOF, self->settings.installation, &proof,
        self->token_secret, arena, &prove.proof);
    wire_signed_add (wire_crypto_sodium (), self->settings.installation, target->keys.secret, arena,
        &prove.proof);
    return prove;
}
