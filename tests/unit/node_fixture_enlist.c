/*  The enlist socket of the fixture's broker, and its token: see node_fixture.h.  */
#include "node_fixture_parts.h"

#include "proto/frame.h"
#include "proto/token_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void enlist_say (node_fixture *self, wire_kind kind, bg_id request, const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (kind, request, (bg_id){0}, value, &header, &body);
    EVENT (self, node_core_enlist (self->core, self->now, bg_buf_slice (&header),
                     bg_buf_slice (&body), (bg_slice){0}, &event_err));
}

static void enlist_challenge (node_fixture *self, bg_id request)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_enlist_challenge challenge = {.installation = self->signing.installation,
        .nonce = {9, 9, 9},
        .target = self->signing.target,
        .number = 7,
        .has_token = true,
        .authority = &authority,
        .authority_count = 1,
        .time_us = self->now.utc_us,
        .level = 1};
    wire_signed_make (self->signing.crypto, WIRE_TYPE_TOKEN, self->signing.installation,
        &self->record, self->signing.admin.secret, &self->signing.arena, &challenge.token);
    enlist_say (self, WIRE_ENLIST_CHALLENGE, request, &challenge);
}

static void enlist_prove (node_fixture *self, bg_id request, const wire_enlist_prove *prove)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_keyring *keyring = NULL;
    uint8_t hash[32];
    wire_hash32 (authority.bytes, hash);
    bg_error err = {0};
    assert_false (
        bg_failed (wire_keyring_first (&authority, hash, self->signing.crypto, &keyring, &err)));
    wire_verified verified;
    if (bg_failed (wire_verify_document (
            keyring, &prove->membership, self->signing.crypto, &self->arena, &verified, &err)))
        fail_msg ("membership: %s", err.message);
    const wire_membership *membership = verified.body;
    wire_enlist_proof proof;
    if (bg_failed (
            wire_verify_proof (self->signing.installation, &prove->proof, &self->record.token_key,
                &membership->sign_key, self->signing.crypto, &self->arena, &proof, &err)))
        fail_msg ("proof: %s", err.message);
    assert_memory_equal (proof.membership_hash, verified.hash, 32);
    assert_true (bg_key_equal (&membership->curve_key, &self->curve_key));
    self->proofs++;
    wire_keyring_destroy (&keyring);
    wire_copy (&wire_desc_signed, &self->arena, &prove->membership, &self->membership);
    node_fixture_post (self, fixture_authority (&self->signing, 1, 0));
    node_fixture_post (self, self->membership);
    enlist_say (self, WIRE_ENLIST_DONE, request,
        &(wire_enlist_done){.has_membership = true,
            .membership = self->membership,
            .documents = 2,
            .time_us = self->now.utc_us});
}

static const uint8_t stranger_nonce[16] = {8, 8, 8};

static void check_stranger (node_fixture *self, const wire_signed *proof, const bg_key *sign_key,
    const uint8_t nonce[16], const uint8_t hash[32])
{
    wire_enlist_proof said;
    bg_error err = {0};
    if (bg_failed (wire_verify_proof (self->signing.installation, proof, NULL, sign_key,
            self->signing.crypto, &self->arena, &said, &err)))
        fail_msg ("proof: %s", err.message);
    assert_memory_equal (said.broker_nonce, stranger_nonce, 16);
    assert_memory_equal (said.target_nonce, nonce, 16);
    assert_memory_equal (said.membership_hash, hash, 32);
    self->proofs++;
}

static void enlist_approve (node_fixture *self, bg_id request, const wire_enlist_ask *ask)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    bg_slice endpoints[] = {bg_slice_str ("desk tcp://b:1"), bg_slice_str ("enlist tcp://b:2"),
        bg_slice_str ("orders tcp://b:3")};
    const wire_membership body = {.target = self->signing.target,
        .number = 7,
        .name = self->approved_name ? bg_slice_str (self->approved_name) : ask->name,
        .state = WIRE_MEMBER,
        .sign_key = ask->sign_key,
        .curve_key = self->curve_key};
    const wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .installation = self->signing.installation,
        .key = self->signing.target,
        .version = 5};
    self->membership = fixture_document_as (&self->signing, &fixed, &body, &self->signing.admin);
    node_fixture_post (self, authority);
    node_fixture_post (self, self->membership);
    enlist_say (self, WIRE_ENLIST_APPROVED, request,
        &(wire_enlist_approved){.has_membership = true,
            .membership = self->membership,
            .authority = &authority,
            .authority_count = 1,
            .documents = 2,
            .time_us = self->now.utc_us,
            .endpoints = endpoints,
            .endpoints_count = 3});
}

static void enlist_ask (node_fixture *self, bg_id request, const wire_enlist_ask *ask)
{
    static const uint8_t no_membership[32];
    bg_arena_fini (&self->ask_arena);
    wire_copy (&wire_desc_enlist_ask, &self->ask_arena, ask, &self->ask);
    if (ask->has_proof)
        check_stranger (self, &ask->proof, &ask->sign_key, ask->nonce, no_membership);
    if (ask->has_proof && self->enlist_error) {
        enlist_say (self, WIRE_ERROR, request,
            &(wire_error){.code = bg_slice_str (self->enlist_error),
                .class = 2,
                .message = bg_slice_str ("an administrator rejected the enlistment")});
        return;
    }
    if (ask->has_proof && self->approves) {
        enlist_approve (self, request, ask);
        return;
    }
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_enlist_pending pending = {.installation = self->signing.installation,
        .broker = bg_slice_str ("lab"),
        .listed = ask->has_proof,
        .again_us = BG_SEC (2),
        .time_us = self->now.utc_us,
        .level = 1};
    memcpy (pending.nonce, stranger_nonce, sizeof pending.nonce);
    wire_hash32 (authority.bytes, pending.authority_hash);
    pending.authority_hash[0] ^= self->swap_authority;
    enlist_say (self, WIRE_ENLIST_PENDING, request, &pending);
}

static void enlist_claim (node_fixture *self, bg_id request, const wire_enlist_claim *claim)
{
    uint8_t hash[32];
    wire_document document;
    wire_membership membership;
    if (self->claim_state == 0)
        return;
    wire_hash32 (claim->membership.bytes, hash);
    assert_false (bg_failed (WIRE_DECODE (
        document, claim->membership.bytes, WIRE_AS_SIGNED, &self->arena, &document, NULL)));
    assert_false (bg_failed (
        WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &self->arena, &membership, NULL)));
    wire_enlist_claimed answer = {.installation = self->signing.installation,
        .state = claim->has_proof ? self->claim_state : WIRE_CLAIM_PROVE,
        .time_us = self->now.utc_us};
    memcpy (answer.nonce, stranger_nonce, sizeof answer.nonce);
    if (claim->has_proof)
        check_stranger (self, &claim->proof, &membership.sign_key, claim->nonce, hash);
    if (claim->has_proof && self->claim_by_admin) {
        answer.has_membership = true;
        answer.membership =
            fixture_membership (&self->signing, document.version + 1, WIRE_DEFECTED_MEMBER);
    }
    enlist_say (self, WIRE_ENLIST_CLAIMED, request, &answer);
}

void node_fixture_enlist_hears (node_fixture *self, const wire_header *header, const void *body)
{
    self->said[header->kind]++;
    if (!self->broker_up)
        return;
    if (header->kind == WIRE_ENLIST_ASK) {
        enlist_ask (self, header->request, body);
    } else if (header->kind == WIRE_ENLIST_CLAIM) {
        enlist_claim (self, header->request, body);
    } else if (header->kind == WIRE_ENLIST_HELLO) {
        if (self->enlist_error)
            enlist_say (self, WIRE_ERROR, header->request,
                &(wire_error){.code = bg_slice_str (self->enlist_error),
                    .class = 2,
                    .message = bg_slice_str ("the token is used up"),
                    .hint = bg_slice_str ("make another one")});
        else
            enlist_challenge (self, header->request);
    } else {
        assert_int_equal (header->kind, WIRE_ENLIST_PROVE);
        enlist_prove (self, header->request, body);
    }
}

void node_fixture_make_token (node_fixture *self)
{
    uint8_t secret[64];
    bg_slice endpoint = bg_slice_str ("tcp://127.0.0.1:7411");
    static bg_slice groups[1];
    groups[0] = bg_slice_str ("databases");
    wire_token_text text = {.endpoints = &endpoint,
        .endpoints_count = 1,
        .broker_curve_key = self->signing.broker.public_key,
        .broker = bg_slice_str ("lab")};
    for (size_t i = 0; i < sizeof self->token_seed; i++)
        self->token_seed[i] = (uint8_t) (i * 3 + 1);
    memcpy (text.seed, self->token_seed, sizeof text.seed);
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_hash32 (authority.bytes, text.authority_hash);
    BG_AUTO_BUF out = {0};
    wire_token_text_encode (&text, &out);
    self->token = bg_slice_dup (bg_buf_slice (&out));
    self->record = (wire_token){.installation = self->signing.installation,
        .names = bg_slice_str ("db*"),
        .groups = groups,
        .groups_count = 1,
        .issued_us = START_US,
        .expires_us = START_US + BG_HOUR (1),
        .uses = 1,
        .authority = 1};
    wire_seed_keypair (self->token_seed, &self->record.token_key, secret);
}
