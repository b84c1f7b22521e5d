/*  Signed documents for tests: see signing_fixture.h.  */
#include "signing_fixture.h"

#include <stdarg.h>

static void make_pair (uint8_t seed, uint8_t which, fixture_pair *pair)
{
    uint8_t bytes[32] = {seed, which, 0x5a};
    wire_keypair (bytes, &pair->public_key, pair->secret);
}

void signing_fixture_init (signing_fixture *self, uint8_t seed)
{
    *self = (signing_fixture){.crypto = wire_crypto_sodium (), .version = 100};
    memset (self->installation.bytes, seed, sizeof self->installation.bytes);
    memset (self->target.bytes, seed ^ 0x77, sizeof self->target.bytes);
    make_pair (seed, 1, &self->admin);
    make_pair (seed, 2, &self->broker);
    make_pair (seed, 3, &self->stranger);
    make_pair (seed, 4, &self->node);
}

void signing_fixture_fini (signing_fixture *self)
{
    bg_arena_fini (&self->arena);
}

wire_document fixture_fixed (signing_fixture *self, wire_type type, const char *name)
{
    return (wire_document){.type = type,
        .installation = self->installation,
        .key = wire_document_key (self->installation, type, bg_slice_str (name)),
        .version = ++self->version};
}

wire_signed fixture_document_as (
    signing_fixture *self, const wire_document *fixed, const void *body, const fixture_pair *signer)
{
    wire_signed out = {0};
    wire_document_make (self->crypto, fixed, body, signer->secret, &self->arena, &out);
    return out;
}

wire_signed fixture_document (
    signing_fixture *self, wire_type type, const char *name, const void *body)
{
    wire_document fixed = fixture_fixed (self, type, name);
    return fixture_document_as (self, &fixed, body, &self->admin);
}

wire_signed fixture_authority (signing_fixture *self, uint64_t version, int64_t fresh_until_us)
{
    wire_login login = {.name = bg_slice_str ("anna"),
        .sign_key = self->admin.public_key,
        .curve_key = self->admin.public_key,
        .role = WIRE_ROLE_ADMIN};
    wire_authority body = {.name = bg_slice_str ("lab"),
        .logins = &login,
        .logins_count = 1,
        .broker_sign_key = self->broker.public_key,
        .broker_curve_key = self->broker.public_key,
        .threshold = 1,
        .level_floor = 1,
        .fresh_until_us = fresh_until_us,
        .created_us = 1};
    wire_document fixed = {
        .type = WIRE_TYPE_AUTHORITY, .installation = self->installation, .version = version};
    return fixture_document_as (self, &fixed, &body, &self->admin);
}

wire_signed fixture_membership (signing_fixture *self, uint64_t version, uint64_t state)
{
    bg_slice group = bg_slice_str ("databases");
    wire_pair label = {bg_slice_str ("role"), bg_slice_str ("db")};
    wire_membership body = {.target = self->target,
        .number = 7,
        .name = bg_slice_str ("db01"),
        .state = state,
        .sign_key = self->node.public_key,
        .curve_key = self->node.public_key,
        .groups = &group,
        .groups_count = 1,
        .labels = &label,
        .labels_count = 1};
    wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .installation = self->installation,
        .key = self->target,
        .version = version};
    return fixture_document_as (self, &fixed, &body, &self->admin);
}

wire_job_step *fixture_step (
    signing_fixture *self, wire_job *job, const char *name, const char *script, ...)
{
    wire_job_step *steps = bg_arena_array (&self->arena, wire_job_step, job->steps_count + 1);
    if (job->steps_count)
        memcpy (steps, job->steps, job->steps_count * sizeof *steps);
    wire_job_step *step = &steps[job->steps_count];
    bg_slice *words = bg_arena_array (&self->arena, bg_slice, 32);
    size_t count = 0;
    va_list args;
    va_start (args, script);
    for (const char *word = va_arg (args, const char *); word; word = va_arg (args, const char *))
        words[count++] = bg_arena_copy (&self->arena, bg_slice_str (word));
    va_end (args);
    step->name = bg_arena_copy (&self->arena, bg_slice_str (name));
    step->kind = script ? WIRE_STEP_SCRIPT : WIRE_STEP_RUN;
    step->script = bg_arena_copy (&self->arena, bg_slice_str (script));
    *(script ? &step->shell : &step->argv) = words;
    *(script ? &step->shell_count : &step->argv_count) = count;
    job->steps = steps;
    job->steps_count++;
    return step;
}

wire_job fixture_job (signing_fixture *self, const char *name)
{
    wire_job job = {.name = bg_arena_copy (&self->arena, bg_slice_str (name)),
        .has_audience = true,
        .audience = {.all = true}};
    fixture_step (self, &job, "only", NULL, "/bin/true", NULL);
    return job;
}

wire_signed fixture_switch (
    signing_fixture *self, const char *job_name, bool disabled, int64_t until_us)
{
    wire_switch body = {.object_type = WIRE_TYPE_JOB,
        .object_name = bg_slice_str (job_name),
        .object_key =
            wire_document_key (self->installation, WIRE_TYPE_JOB, bg_slice_str (job_name)),
        .disabled = disabled,
        .until_us = until_us};
    wire_document fixed = fixture_fixed (self, WIRE_TYPE_SWITCH, job_name);
    fixed.key = wire_switch_key (self->installation, WIRE_TYPE_JOB, bg_slice_str (job_name));
    return fixture_document_as (self, &fixed, &body, &self->admin);
}

wire_signed fixture_poll_switch (signing_fixture *self, bg_id target, uint64_t poll_us)
{
    bg_id_string id = bg_id_text (target);
    wire_switch body = {.object_type = WIRE_TYPE_MEMBERSHIP,
        .object_name = bg_slice_str ("db01"),
        .object_key = target,
        .poll_us = poll_us};
    wire_document fixed = fixture_fixed (self, WIRE_TYPE_SWITCH, "db01");
    fixed.key = wire_switch_key (self->installation, WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text));
    return fixture_document_as (self, &fixed, &body, &self->admin);
}

wire_signed fixture_withdrawal (signing_fixture *self, const char *job_name)
{
    wire_withdrawal body = {.object_type = WIRE_TYPE_JOB, .object_name = bg_slice_str (job_name)};
    wire_document fixed = fixture_fixed (self, WIRE_TYPE_JOB, job_name);
    fixed.type = WIRE_TYPE_WITHDRAWAL;
    return fixture_document_as (self, &fixed, &body, &self->admin);
}

wire_deed fixture_deed (signing_fixture *self, uint64_t what, const char *job_name,
    int64_t issued_us, int64_t expires_us)
{
    uint8_t entropy[10] = {0xee};
    bg_write_u64 (entropy + 2, ++self->deeds);
    bg_slice name = bg_arena_copy (&self->arena, bg_slice_str (job_name));
    return (wire_deed){.installation = self->installation,
        .id = bg_id_make (issued_us, entropy),
        .what = what,
        .issued_us = issued_us,
        .expires_us = expires_us,
        .has_to = true,
        .to = {.all = true},
        .job_key = wire_document_key (self->installation, WIRE_TYPE_JOB, name),
        .job_name = name};
}

wire_deed fixture_one_shot (signing_fixture *self, const char *name, const wire_job *job,
    int64_t issued_us, const fixture_pair *author)
{
    wire_deed deed =
        fixture_deed (self, WIRE_DEED_START, name, issued_us, issued_us + INT64_C (600000000));
    wire_job body = job ? *job : fixture_job (self, name);
    body.max_starts = 1;
    wire_document fixed = fixture_fixed (self, WIRE_TYPE_JOB, name);
    fixed.key = deed.job_key = bg_id_make (issued_us, (uint8_t[10]){0x77, (uint8_t) self->deeds});
    fixed.not_after_us = deed.expires_us;
    deed.has_document = true;
    deed.document = fixture_document_as (self, &fixed, &body, author);
    return deed;
}

wire_signed fixture_sign_deed (
    signing_fixture *self, const wire_deed *deed, const fixture_pair *signer)
{
    wire_signed out = {0};
    wire_signed_make (
        self->crypto, WIRE_TYPE_DEED, self->installation, deed, signer->secret, &self->arena, &out);
    return out;
}

wire_signed fixture_attestation (
    signing_fixture *self, const uint8_t exec_nonce[16], int64_t time_us)
{
    return fixture_attestation_of (self, exec_nonce, time_us, 1, 1);
}

wire_signed fixture_attestation_of (signing_fixture *self, const uint8_t exec_nonce[16],
    int64_t time_us, uint64_t authority, uint64_t membership)
{
    wire_attestation body = {.installation = self->installation,
        .target = self->target,
        .exec_nonce = bg_slice_of (exec_nonce, 16),
        .time_us = time_us,
        .term = 1,
        .position = 8 + authority + membership,
        .authority = authority,
        .membership = membership};
    wire_signed out = {0};
    wire_signed_make (self->crypto, WIRE_TYPE_ATTESTATION, self->installation, &body,
        self->broker.secret, &self->arena, &out);
    return out;
}
