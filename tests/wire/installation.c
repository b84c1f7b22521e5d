/*  The example installation: one admin, one broker, one target, one token, and one of every signed type. All keys come
    from seeds of equal bytes, all times from one instant, so the bytes are the same for ever.
*/
#include "tests/wire/examples.h"

#include "proto/digest.h"
#include "proto/trust.h"

#include <stdio.h>
#include <stdlib.h>

#define TIME_US INT64_C (1767225600000000)

typedef example_installation home;

static wire_document fixed_of (home *self, wire_type type, bg_id key, uint64_t version)
{
    return (wire_document){
        .type = type, .installation = self->installation, .key = key, .version = version};
}

static wire_signed *add (home *self, const char *name, example_who who)
{
    bg_assert (self->item_count < EXAMPLE_SIGNED_MAX);
    example_signed *item = &self->items[self->item_count++];
    item->name = name;
    item->signers[item->signer_count++] = who;
    return &item->item;
}

static void add_document (
    home *self, const char *name, example_who who, const wire_document *fixed, const void *body)
{
    wire_signed *item = add (self, name, who);
    wire_document_make (wire_crypto_sodium (), fixed, body, self->secrets[who], &self->arena, item);
}

static void add_other (
    home *self, const char *name, example_who who, wire_type type, const void *body)
{
    wire_signed *item = add (self, name, who);
    wire_signed_make (wire_crypto_sodium (), type, self->installation, body, self->secrets[who],
        &self->arena, item);
}

static void add_authority (home *self)
{
    wire_login admin = {.name = bg_slice_str ("ada"),
        .sign_key = self->public_keys[EXAMPLE_ADMIN],
        .role = WIRE_ROLE_ADMIN};
    memset (admin.curve_key.bytes, 0x0a, sizeof admin.curve_key.bytes);
    wire_authority authority = {.name = bg_slice_str ("main"),
        .logins = &admin,
        .logins_count = 1,
        .broker_sign_key = self->public_keys[EXAMPLE_BROKER],
        .threshold = 1,
        .level_floor = 1,
        .created_us = TIME_US};
    memset (authority.broker_curve_key.bytes, 0x0b, sizeof authority.broker_curve_key.bytes);
    wire_document fixed = fixed_of (self, WIRE_TYPE_AUTHORITY, (bg_id){0}, 1);
    add_document (self, "authority", EXAMPLE_ADMIN, &fixed, &authority);
}

static void add_memberships (home *self)
{
    bg_slice groups[] = {bg_slice_str ("web")};
    wire_pair labels[] = {{bg_slice_str ("role"), bg_slice_str ("db")}};
    wire_token token = {.installation = self->installation,
        .token_key = self->public_keys[EXAMPLE_TOKEN],
        .names = bg_slice_str ("web*"),
        .groups = groups,
        .groups_count = 1,
        .labels = labels,
        .labels_count = 1,
        .issued_us = TIME_US,
        .expires_us = TIME_US + INT64_C (3600000000),
        .uses = 5,
        .authority = 1};
    add_other (self, "token", EXAMPLE_ADMIN, WIRE_TYPE_TOKEN, &token);
    wire_membership member = {.target = self->target,
        .number = 1,
        .name = bg_slice_str ("web01"),
        .state = WIRE_MEMBER,
        .sign_key = self->public_keys[EXAMPLE_TARGET],
        .groups = groups,
        .groups_count = 1,
        .labels = labels,
        .labels_count = 1,
        .has_token = true,
        .token = self->items[self->item_count - 1].item};
    memset (member.curve_key.bytes, 0x0c, sizeof member.curve_key.bytes);
    wire_document fixed = fixed_of (self, WIRE_TYPE_MEMBERSHIP, self->target, 1);
    add_document (self, "membership by token", EXAMPLE_TOKEN, &fixed, &member);
    member.has_token = false;
    memset (&member.token, 0, sizeof member.token);
    fixed.version = 2;
    add_document (self, "membership by admin", EXAMPLE_ADMIN, &fixed, &member);
}

static void add_job (home *self, bg_id key)
{
    bg_slice argv[] = {bg_slice_str ("df"), bg_slice_str ("-h")};
    bg_slice groups[] = {bg_slice_str ("web")};
    wire_job_step steps[] = {
        {.name = bg_slice_str ("look"),
            .kind = WIRE_STEP_RUN,
            .argv = argv,
            .argv_count = 2,
            .timeout_us = 60000000,
            .on_failure = WIRE_FLOW_GOTO,
            .failure_step = 2},
        {.name = bg_slice_str ("tell"),
            .kind = WIRE_STEP_SCRIPT,
            .script = bg_slice_str ("logger \"no room on $BUGLE_MACH\"\n"),
            .on_success = WIRE_FLOW_FAIL},
    };
    wire_job_schedule schedules[] = {{.name = bg_slice_str ("noons"),
        .kind = WIRE_SCHEDULE_CRON,
        .cron = bg_slice_str ("0 12 * * *"),
        .zone = bg_slice_str ("Europe/Berlin")}};
    wire_job job = {.name = bg_slice_str ("Disk space"),
        .description = bg_slice_str ("How full are the disks?"),
        .has_audience = true,
        .audience = {.groups = groups, .groups_count = 1},
        .steps = steps,
        .steps_count = 2,
        .schedules = schedules,
        .schedules_count = 1};
    wire_document fixed = fixed_of (self, WIRE_TYPE_JOB, key, 1767225600000);
    fixed.has_needs = true;
    fixed.needs.authority = 1;
    add_document (self, "job", EXAMPLE_ADMIN, &fixed, &job);
}

static void add_schedule_and_calendar (home *self)
{
    bg_slice except[] = {bg_slice_str ("holidays")};
    wire_schedule schedule = {.has_spec = true,
        .spec = {.name = bg_slice_str ("quarter-end"),
            .kind = WIRE_SCHEDULE_RELATIVE,
            .interval = 9,
            .relative = 16,
            .factor = 3,
            .time_s = 79200,
            .anchor_date = 20260301,
            .except = except,
            .except_count = 1},
        .description = bg_slice_str ("The last weekday of a quarter")};
    wire_document fixed = fixed_of (self, WIRE_TYPE_SCHEDULE,
        wire_document_key (self->installation, WIRE_TYPE_SCHEDULE, schedule.spec.name),
        1767225600000);
    add_document (self, "schedule", EXAMPLE_ADMIN, &fixed, &schedule);
    /*  One day: 2026-12-25 of whatever wall clock.  */
    static const uint8_t ranges[16] = {
        0, 0, 0, 0, 0x6b, 0x2d, 0xb2, 0x00, 0, 0, 0, 0, 0x6b, 0x2f, 0x03, 0x80};
    wire_calendar calendar = {.name = except[0],
        .local_ranges = bg_slice_of (ranges, sizeof ranges),
        .horizon_us = INT64_C (2082758400000000),
        .source = bg_slice_str ("holidays.ics")};
    fixed = fixed_of (self, WIRE_TYPE_CALENDAR,
        wire_document_key (self->installation, WIRE_TYPE_CALENDAR, calendar.name), 1767225600000);
    add_document (self, "calendar", EXAMPLE_ADMIN, &fixed, &calendar);
}

static void add_switch_and_withdrawal (home *self, bg_id key)
{
    bg_slice name = bg_slice_str ("Disk space");
    wire_switch flip = {.object_type = WIRE_TYPE_JOB,
        .object_name = name,
        .object_key = key,
        .disabled = true,
        .reason = bg_slice_str ("maintenance")};
    wire_document fixed = fixed_of (self, WIRE_TYPE_SWITCH,
        wire_switch_key (self->installation, WIRE_TYPE_JOB, name), 1767225600001);
    add_document (self, "switch", EXAMPLE_ADMIN, &fixed, &flip);
    wire_withdrawal gone = {.object_type = WIRE_TYPE_JOB, .object_name = name};
    fixed = fixed_of (self, WIRE_TYPE_WITHDRAWAL, key, 1767225600002);
    add_document (self, "withdrawal", EXAMPLE_ADMIN, &fixed, &gone);
}

static void add_deeds (home *self, bg_id job_key)
{
    wire_deed deed = {.installation = self->installation,
        .what = WIRE_DEED_START,
        .issued_us = TIME_US,
        .expires_us = TIME_US + INT64_C (3600000000),
        .has_to = true,
        .to = {.all = true},
        .job_key = job_key,
        .job_name = bg_slice_str ("Disk space")};
    static const uint8_t entropy[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    deed.id = bg_id_make (TIME_US, entropy);
    add_other (self, "deed start", EXAMPLE_ADMIN, WIRE_TYPE_DEED, &deed);
    bg_slice names[] = {bg_slice_str ("web01")};
    deed.id = bg_id_make (TIME_US + 1000, entropy);
    deed.what = WIRE_DEED_STOP;
    deed.expires_us = TIME_US + INT64_C (600000000);
    deed.to = (wire_audience){.names = names, .names_count = 1};
    add_other (self, "deed stop", EXAMPLE_ADMIN, WIRE_TYPE_DEED, &deed);
}

static void add_answers (home *self, bg_id job_key)
{
    wire_attestation attestation = {.installation = self->installation,
        .target = self->target,
        .time_us = TIME_US,
        .term = 1,
        .position = 42,
        .authority = 1,
        .membership = 2};
    memset (attestation.nonce, 0x66, sizeof attestation.nonce);
    wire_digest_toggle (attestation.digest, (bg_id){0}, 1);
    wire_digest_toggle (attestation.digest, self->target, 2);
    wire_digest_toggle (attestation.digest, job_key, 1767225600000);
    add_other (self, "attestation", EXAMPLE_BROKER, WIRE_TYPE_ATTESTATION, &attestation);
    wire_enlist_proof proof = {.installation = self->installation};
    memset (proof.broker_curve_key.bytes, 0x0b, sizeof proof.broker_curve_key.bytes);
    memset (proof.broker_nonce, 0x77, sizeof proof.broker_nonce);
    memset (proof.target_nonce, 0x88, sizeof proof.target_nonce);
    wire_hash32 (self->items[2].item.bytes, proof.membership_hash);
    add_other (self, "proof", EXAMPLE_TOKEN, WIRE_TYPE_PROOF, &proof);
    example_signed *item = &self->items[self->item_count - 1];
    item->signers[item->signer_count++] = EXAMPLE_TARGET;
    wire_signed_add (wire_crypto_sodium (), self->installation, self->secrets[EXAMPLE_TARGET],
        &self->arena, &item->item);
    wire_request request = {.installation = self->installation,
        .id = {.bytes = {0x99, 1}},
        .what = WIRE_REQUEST_OP_SKIP,
        .issued_us = TIME_US,
        .ops = (wire_op_ref[]){{7, {.bytes = {0x9a}}, 3}},
        .ops_count = 1,
        .reason = bg_slice_str ("the proxy was removed")};
    add_other (self, "request", EXAMPLE_ADMIN, WIRE_TYPE_REQUEST, &request);
    wire_leave leave = {
        .installation = self->installation, .target = self->target, .time_us = TIME_US};
    add_other (self, "leave", EXAMPLE_TARGET, WIRE_TYPE_LEAVE, &leave);
}

/*  ---- verified ----  */

static bg_result verify (
    home *self, const wire_keyring *keyring, const wire_signed *item, bg_error *err)
{
    const wire_crypto *crypto = wire_crypto_sodium ();
    union {
        wire_verified verified;
        wire_deed deed;
        wire_token token;
        wire_attestation attestation;
        wire_enlist_proof proof;
        wire_leave leave;
        wire_request request;
    } out;
    const wire_login *signer = NULL;
    switch (item->type) {
    case WIRE_TYPE_AUTHORITY:
        return bg_ok (); /*  the keyring was made from it  */
    case WIRE_TYPE_DEED:
        return wire_verify_deed (keyring, item, crypto, &self->arena, &out.deed, &signer, err);
    case WIRE_TYPE_TOKEN:
        return wire_verify_token (keyring, item, crypto, &self->arena, &out.token, &signer, err);
    case WIRE_TYPE_ATTESTATION:
        return wire_verify_attestation (keyring, item, crypto, &self->arena, &out.attestation, err);
    case WIRE_TYPE_PROOF:
        return wire_verify_proof (self->installation, item, &self->public_keys[EXAMPLE_TOKEN],
            &self->public_keys[EXAMPLE_TARGET], crypto, &self->arena, &out.proof, err);
    case WIRE_TYPE_REQUEST:
        return wire_verify_request (
            keyring, item, WIRE_ROLE_ADMIN, crypto, &self->arena, &out.request, &signer, err);
    case WIRE_TYPE_LEAVE:
        return wire_verify_leave (self->installation, item, &self->public_keys[EXAMPLE_TARGET],
            crypto, &self->arena, &out.leave, err);
    default:
        return wire_verify_document (keyring, item, crypto, &self->arena, &out.verified, err);
    }
}

static void verify_all (home *self)
{
    bg_error err = {0};
    wire_keyring *keyring = NULL;
    uint8_t hash[32];
    wire_hash32 (self->items[0].item.bytes, hash);
    bg_result result =
        wire_keyring_first (&self->items[0].item, hash, wire_crypto_sodium (), &keyring, &err);
    for (size_t i = 0; i < self->item_count && bg_is_ok (result); i++) {
        result = verify (self, keyring, &self->items[i].item, &err);
        if (bg_failed (result))
            (void) fprintf (stderr, "example \"%s\" does not verify\n", self->items[i].name);
    }
    wire_keyring_destroy (&keyring);
    if (bg_is_ok (result))
        return;
    (void) fprintf (stderr, "%s\n", err.message);
    exit (1);
}

void example_installation_init (home *self)
{
    memset (self, 0, sizeof *self);
    memset (self->installation.bytes, 0x10, sizeof self->installation.bytes);
    memset (self->target.bytes, 0x20, sizeof self->target.bytes);
    for (uint8_t who = EXAMPLE_ADMIN; who < EXAMPLE_TOKEN; who++) {
        uint8_t seed[32];
        memset (seed, who + 1, sizeof seed);
        wire_keypair (seed, &self->public_keys[who], self->secrets[who]);
    }
    memset (self->token_seed, 4, sizeof self->token_seed);
    wire_seed_keypair (
        self->token_seed, &self->public_keys[EXAMPLE_TOKEN], self->secrets[EXAMPLE_TOKEN]);
    bg_id job_key =
        wire_document_key (self->installation, WIRE_TYPE_JOB, bg_slice_str ("Disk space"));
    add_authority (self);
    add_memberships (self);
    add_job (self, job_key);
    add_schedule_and_calendar (self);
    add_switch_and_withdrawal (self, job_key);
    add_deeds (self, job_key);
    add_answers (self, job_key);
    verify_all (self);
}

void example_installation_fini (home *self)
{
    bg_arena_fini (&self->arena);
}

const char *example_who_name (example_who who)
{
    static const char *const names[] = {"admin", "broker", "target", "token"};
    return names[who];
}
