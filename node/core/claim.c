/*  A target that the desk refuses asks on the enlist socket why.

        refused three times --CLAIM--> prove --CLAIM with proof--> member: the desk is tried again
                                                                   defected: its signed end is applied
                                                                   unknown: said, and everything goes on

    Nothing that a broker says without a signature takes anything away here: a target that its broker does not know
    keeps its jobs and schedules until somebody on the machine decides.  */
#include "node/core/rooms.h"

#include "proto/frame.h"

#define CLAIM_AGAIN_US  BG_MIN (10)
#define CLAIM_SOON_US   BG_MIN (1)
#define CLAIM_WAIT_US   BG_SEC (5) /*  for each answer  */
#define CLAIM_SAY_MAX   4
#define CLAIM_PROOF_MAX 3

static void end (node_core *self)
{
    node_claim *claim = &self->claim;
    if (!claim->open)
        return;
    claim->open = false;
    claim->request = (bg_id){0};
    node_timer_off (self, NODE_TIMER_CLAIM);
    self->ports.close (self->ports.ctx, NODE_LINK_ENLIST);
}

void node_claim_reset (node_core *self)
{
    end (self);
    self->claim = (node_claim){0};
}

/*  *found false: there is no membership to show.  */
static bg_result say (node_core *self, bool *found, bg_error *err)
{
    node_claim *claim = &self->claim;
    wire_enlist_claim message = {.installation = self->identity.installation,
        .has_membership = true,
        .authority = self->keyring ? wire_keyring_version (self->keyring) : 0};
    BG_TRY (node_document_held (self, self->identity.target, &message.membership, found, err));
    if (!*found)
        return bg_ok ();
    self->ports.random (self->ports.ctx, message.nonce, sizeof message.nonce);
    if (self->attestation.size > 0)
        message.has_attestation = !bg_failed (node_decode_signed (
            bg_buf_slice (&self->attestation), &self->scratch, &message.attestation, NULL));
    if (claim->has_nonce) {
        wire_enlist_proof proof = {.installation = self->identity.installation,
            .broker_curve_key = self->identity.broker_curve_key};
        memcpy (proof.broker_nonce, claim->nonce, sizeof proof.broker_nonce);
        memcpy (proof.target_nonce, message.nonce, sizeof proof.target_nonce);
        wire_hash32 (message.membership.bytes, proof.membership_hash);
        message.has_proof = true;
        node_membership_prove (self, &proof, &self->scratch, &message.proof);
    }
    claim->request = node_say (self, NODE_LINK_ENLIST, WIRE_ENLIST_CLAIM, &message);
    node_timer_in (self, NODE_TIMER_CLAIM, CLAIM_WAIT_US);
    return bg_ok ();
}

bg_result node_claim_begin (node_core *self, bg_error *err)
{
    node_claim *claim = &self->claim;
    bool found = false;
    if (!self->enlisted || self->leaving || self->full || claim->open ||
        self->enlist.phase != NODE_ENLIST_NONE || self->now.mono_us < claim->next_mono_us)
        return bg_ok ();
    claim->next_mono_us = self->now.mono_us + CLAIM_AGAIN_US;
    claim->proofs = claim->unanswered = 0;
    claim->has_nonce = false;
    claim->open = true;
    self->ports.open (self->ports.ctx, NODE_LINK_ENLIST, self->identity.endpoints,
        &self->identity.broker_curve_key);
    BG_TRY (say (self, &found, err));
    if (!found)
        end (self);
    return bg_ok ();
}

bg_result node_claim_timer (node_core *self, bg_error *err)
{
    node_claim *claim = &self->claim;
    bool found = false;
    if (!claim->open)
        return bg_ok ();
    if (++claim->unanswered < CLAIM_SAY_MAX)
        return say (self, &found, err);
    node_log (self, NODE_LOG_WARNING, "claim", "nobody answers on the broker's enlist socket");
    /*  It was not the broker's answer: asked again when the desk has refused once more.  */
    claim->next_mono_us = self->now.mono_us + CLAIM_SOON_US;
    end (self);
    return bg_ok ();
}

/*  ---- the answer ----  */

static void unknown (node_core *self, const char *why)
{
    node_claim *claim = &self->claim;
    if (!claim->unknown)
        node_log (self, NODE_LOG_ERROR, "unknown-target",
            "%s: this target goes on by itself. To join again: bugle-node "
            "defect --force, then bugle-node enlist",
            why);
    claim->unknown = true;
}

static bg_result removed (node_core *self, const wire_enlist_claimed *said, bg_error *err)
{
    node_claim *claim = &self->claim;
    if (!said->has_membership) {
        unknown (self, "the broker has removed this target");
        return bg_ok ();
    }
    /*  Should bugle-exec not be there to judge it, the question is asked again soon.  */
    claim->next_mono_us = self->now.mono_us + CLAIM_SOON_US;
    for (size_t i = 0; i < said->authority_count; i++)
        BG_TRY (node_apply (self, &said->authority[i], err));
    return node_apply (self, &said->membership, err);
}

static bg_result claimed (node_core *self, const wire_enlist_claimed *said, bg_error *err)
{
    node_claim *claim = &self->claim;
    bool found = false;
    claim->unanswered = 0;
    if (!bg_id_equal (said->installation, self->identity.installation)) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    switch (said->state) {
    case WIRE_CLAIM_PROVE:
        memcpy (claim->nonce, said->nonce, sizeof claim->nonce);
        claim->has_nonce = true;
        if (claim->proofs++ < CLAIM_PROOF_MAX)
            return say (self, &found, err);
        end (self);
        return bg_ok ();
    case WIRE_CLAIM_MEMBER:
        end (self);
        claim->unknown = false;
        self->session.refusals = 0; /*  the desk admits it now  */
        node_log (self, NODE_LOG_INFO, "claim", "the broker knows this target");
        return bg_ok ();
    case WIRE_CLAIM_DEFECTED:
        end (self);
        return removed (self, said, err);
    default:
        end (self);
        unknown (self, "the broker does not know this target");
        return bg_ok ();
    }
}

bool node_claim_answers (const node_core *self, const wire_header *header)
{
    return self->claim.open && bg_id_equal (header->request, self->claim.request);
}

bg_result node_claim_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err)
{
    if (header->kind == WIRE_ENLIST_CLAIMED)
        return claimed (self, body, err);
    if (header->kind != WIRE_ERROR) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    bg_error why = {0};
    const bg_result said = wire_error_to (body, &why);
    end (self);
    if (bg_code_class (said.code) == BG_CLASS_REFUSE)
        unknown (self, why.message);
    return bg_ok ();
}
