/*  See trust_fixture.h.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/trust_fixture.h"

#include <stdlib.h>

const wire_crypto *trust_crypto (void)
{
    return wire_crypto_sodium ();
}

static wire_login login_of (trust_fixture *self, int who, const char *name, uint64_t role)
{
    wire_login login = {.name = bg_slice_str (name), .sign_key = self->keys[who], .role = role};
    memset (login.curve_key.bytes, 0x40 + who, sizeof login.curve_key.bytes);
    return login;
}

wire_authority trust_authority_of (trust_fixture *self)
{
    wire_authority authority = {.name = bg_slice_str ("main"),
        .logins = self->logins,
        .logins_count = LOGINS,
        .broker_sign_key = self->keys[BROKER],
        .threshold = 1,
        .level_floor = 1,
        .revoked = self->revoked,
        .revoked_count = 1,
        .created_us = 1};
    memset (authority.broker_curve_key.bytes, 0x7f, 32);
    return authority;
}

wire_document trust_fixed_of (trust_fixture *self, wire_type type, bg_id key, uint64_t version)
{
    return (wire_document){
        .type = type, .installation = self->installation, .key = key, .version = version};
}

wire_signed trust_sign_authority (
    trust_fixture *self, const wire_authority *authority, uint64_t version, int who)
{
    wire_signed out;
    wire_document fixed = trust_fixed_of (self, WIRE_TYPE_AUTHORITY, (bg_id){0}, version);
    wire_document_make (trust_crypto (), &fixed, authority, self->secrets[who], &self->arena, &out);
    return out;
}

bg_result trust_pin (const wire_signed *authority, wire_keyring **keyring, bg_error *err)
{
    uint8_t hash[32];
    wire_hash32 (authority->bytes, hash);
    return wire_keyring_first (authority, hash, trust_crypto (), keyring, err);
}

int trust_set_up (void **state)
{
    trust_fixture *self = bg_alloc (sizeof *self);
    memset (self->installation.bytes, 0xaa, sizeof self->installation.bytes);
    for (int who = ADMIN; who < PEOPLE; who++) {
        uint8_t seed[32];
        memset (seed, who, sizeof seed);
        wire_keypair (seed, &self->keys[who], self->secrets[who]);
    }
    self->scopes[0] = bg_slice_str ("group=web");
    self->logins[0] = login_of (self, ADMIN, "ada", WIRE_ROLE_ADMIN);
    self->logins[1] = login_of (self, AUTHOR, "otto", WIRE_ROLE_AUTHOR);
    self->logins[2] = login_of (self, OPERATOR, "oper", WIRE_ROLE_OPERATOR);
    self->logins[3] = login_of (self, READER, "rea", WIRE_ROLE_READER);
    self->logins[4] = login_of (self, SCOPED, "sco", WIRE_ROLE_ADMIN);
    self->logins[4].scopes = self->scopes;
    self->logins[4].scopes_count = 1;
    self->logins[5] = login_of (self, REVOKED, "rev", WIRE_ROLE_ADMIN);
    self->logins[6] = login_of (self, SECOND_ADMIN, "bea", WIRE_ROLE_ADMIN);
    wire_key_id (&self->keys[REVOKED], self->revoked[0].key_id);
    self->revoked[0].since_us = 1;
    wire_authority authority = trust_authority_of (self);
    wire_signed signed_authority =
        trust_sign_authority (self, &authority, AUTHORITY_VERSION, ADMIN);
    bg_error err = {0};
    if (bg_failed (trust_pin (&signed_authority, &self->keyring, &err)))
        fail_msg ("%s", err.message);
    *state = self;
    return 0;
}

int trust_tear_down (void **state)
{
    trust_fixture *self = *state;
    wire_keyring_destroy (&self->keyring);
    bg_arena_fini (&self->arena);
    free (self);
    return 0;
}

void trust_expect (
    const char *what, bg_result result, const bg_error *err, bg_code code, const char *says)
{
    if (result.code != code || (says && !strstr (err->message, says)))
        fail_msg ("%s: %s \"%s\"", what, bg_code_word (result.code),
            result.code == BG_OK ? "" : err->message);
}

trust_draft trust_job_draft (trust_fixture *self)
{
    trust_draft out = {.self = self, .who = AUTHOR, .sign_for = self->installation};
    out.body.job = (wire_job){
        .name = bg_slice_str ("Nightly backup"), .has_audience = true, .audience = {.all = true}};
    out.fixed = trust_fixed_of (self, WIRE_TYPE_JOB,
        wire_document_key (self->installation, WIRE_TYPE_JOB, out.body.job.name), 12);
    return out;
}

trust_draft trust_switch_draft (trust_fixture *self)
{
    trust_draft out = {.self = self, .who = OPERATOR, .sign_for = self->installation};
    bg_slice name = bg_slice_str ("nightly");
    out.body.flip = (wire_switch){.object_type = WIRE_TYPE_JOB,
        .object_name = name,
        .object_key = wire_document_key (self->installation, WIRE_TYPE_JOB, name),
        .disabled = true};
    out.fixed = trust_fixed_of (
        self, WIRE_TYPE_SWITCH, wire_switch_key (self->installation, WIRE_TYPE_JOB, name), 3);
    return out;
}

trust_draft trust_withdrawal_draft (trust_fixture *self)
{
    trust_draft out = {.self = self, .who = AUTHOR, .sign_for = self->installation};
    bg_slice name = bg_slice_str ("nightly");
    out.body.gone = (wire_withdrawal){.object_type = WIRE_TYPE_JOB, .object_name = name};
    out.fixed = trust_fixed_of (
        self, WIRE_TYPE_WITHDRAWAL, wire_document_key (self->installation, WIRE_TYPE_JOB, name), 4);
    return out;
}

trust_draft trust_membership_draft (trust_fixture *self)
{
    trust_draft out = {.self = self, .who = ADMIN, .sign_for = self->installation};
    bg_id target = {{1, 2, 3}};
    out.body.member = (wire_membership){.target = target,
        .number = 4,
        .name = bg_slice_str ("web01"),
        .state = WIRE_MEMBER,
        .sign_key = self->keys[TARGET]};
    memset (out.body.member.curve_key.bytes, 0x55, 32);
    out.fixed = trust_fixed_of (self, WIRE_TYPE_MEMBERSHIP, target, 1);
    return out;
}

wire_signed trust_finish (trust_draft *self)
{
    wire_signed out;
    wire_document_make (trust_crypto (), &self->fixed, &self->body, self->self->secrets[self->who],
        &self->self->arena, &out);
    if (!bg_id_equal (self->sign_for, self->fixed.installation)) {
        out.sigs_count = 0;
        wire_signed_add (trust_crypto (), self->sign_for, self->self->secrets[self->who],
            &self->self->arena, &out);
    }
    return out;
}

bg_result trust_verify (
    trust_fixture *self, const wire_signed *document, wire_verified *out, bg_error *err)
{
    *err = (bg_error){0};
    return wire_verify_document (self->keyring, document, trust_crypto (), &self->arena, out, err);
}

void trust_other_installation (trust_draft *made)
{
    made->fixed.installation.bytes[3] ^= 1;
}

void trust_other_key (trust_draft *made)
{
    made->fixed.key.bytes[0] ^= 1;
}

void trust_bad_group (trust_draft *made)
{
    made->body.member.groups = bg_arena_array (&made->self->arena, bg_slice, 1);
    made->body.member.groups[0] = bg_slice_str ("a b");
    made->body.member.groups_count = 1;
}

void trust_bad_label (trust_draft *made)
{
    made->body.member.labels = bg_arena_array (&made->self->arena, wire_pair, 1);
    made->body.member.labels[0] = (wire_pair){bg_slice_str ("role"), bg_slice_str ("a b")};
    made->body.member.labels_count = 1;
}

wire_token trust_token_record (trust_fixture *self)
{
    return (wire_token){.installation = self->installation,
        .token_key = self->keys[TOKEN],
        .names = bg_slice_str ("web*"),
        .issued_us = 10,
        .expires_us = 20,
        .uses = 5,
        .authority = AUTHORITY_VERSION};
}

wire_signed trust_sign_token (trust_fixture *self, const wire_token *record, int who)
{
    wire_signed out;
    wire_signed_make (trust_crypto (), WIRE_TYPE_TOKEN, self->installation, record,
        self->secrets[who], &self->arena, &out);
    return out;
}

trust_draft trust_token_draft (trust_fixture *self, const wire_token *record, int signer)
{
    trust_draft out = trust_membership_draft (self);
    out.who = TOKEN;
    out.body.member.has_token = true;
    out.body.member.token = trust_sign_token (self, record, signer);
    return out;
}
