/*  What a target signs to become a member: its membership under the token's key, and the proof over the whole
    transcript under the token's key and its own. A later admin-signed membership takes the place of this one.  */
#include "node/core/rooms.h"

#include "proto/sign.h"

static void make_membership (
    node_core *self, bg_arena *arena, const wire_token *record, wire_signed *out)
{
    const node_enlistment *at = &self->enlist;
    const wire_membership membership = {
        .target = at->challenge.target,
        .number = at->challenge.number,
        .name = at->name,
        .state = WIRE_MEMBER,
        .sign_key = at->sign_key,
        .curve_key = at->curve_key,
        .location = record->location.size > 0 ? record->location : at->location,
        .groups = record->groups,
        .groups_count = record->groups_count,
        .labels = record->labels,
        .labels_count = record->labels_count,
        .has_token = true,
        .token = at->challenge.token,
    };
    const wire_document fixed = {
        .type = WIRE_TYPE_MEMBERSHIP,
        .format = WIRE_FORMAT,
        .installation = at->challenge.installation,
        .key = at->challenge.target,
        .version = 1,
    };
    wire_document_make (self->ports.crypto, &fixed, &membership, at->token_secret, arena, out);
}

static void make_proof (
    node_core *self, bg_arena *arena, const wire_signed *membership, wire_signed *out)
{
    const node_enlistment *at = &self->enlist;
    wire_enlist_proof proof = {
        .installation = at->challenge.installation,
        .broker_curve_key = at->broker.curve_key,
    };
    memcpy (proof.broker_nonce, at->challenge.nonce, sizeof proof.broker_nonce);
    memcpy (proof.target_nonce, at->nonce, sizeof proof.target_nonce);
    wire_hash32 (membership->bytes, proof.membership_hash);
    wire_signed_make (self->ports.crypto, WIRE_TYPE_PROOF, at->challenge.installation, &proof,
        at->token_secret, arena, out);
    /*  The target's own key is behind a port: only the shell holds it.  */
    wire_sig *both = bg_arena_array (arena, wire_sig, out->sigs_count + 1);
    for (size_t i = 0; i < out->sigs_count; i++)
        both[i] = out->sigs[i];
    self->ports.sign (self->ports.ctx, WIRE_TYPE_PROOF, at->challenge.installation, out->bytes,
        &both[out->sigs_count]);
    out->sigs = both;
    out->sigs_count++;
}

void node_membership_make (
    node_core *self, wire_enlist_prove *prove, bg_arena *arena, const wire_token *record)
{
    *prove = (wire_enlist_prove){.has_membership = true,
        .has_proof = true,
        .zone = bg_slice_str (self->zone),
        .facts = self->facts,
        .facts_count = self->fact_count};
    make_membership (self, arena, record, &prove->membership);
    make_proof (self, arena, &prove->membership, &prove->proof);
}

void node_membership_prove (
    node_core *self, const wire_enlist_proof *proof, bg_arena *arena, wire_signed *out)
{
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (enlist_proof, proof, &bytes);
    *out = (wire_signed){.type = WIRE_TYPE_PROOF,
        .bytes = bg_arena_copy (arena, bg_buf_slice (&bytes)),
        .sigs = bg_arena_array (arena, wire_sig, 1),
        .sigs_count = 1};
    self->ports.sign (self->ports.ctx, WIRE_TYPE_PROOF, proof->installation, out->bytes, out->sigs);
}
