/*  ENLIST_CLAIM: a target whose key the desk refuses shows what it holds and asks why.

        claim without proof --> CLAIMED prove, with a nonce --> claim with proof --> CLAIMED member, defected or unknown

    member: the desk admits it (again). defected: with the signed membership that says so; the target leaves by it.
    unknown: nobody here has ever heard of it; what it shows changes nothing, unless this broker was restored
    (adopt.c). Not more than that is told to strangers: who asks has proven both keys of the membership that it shows.  */
#include "broker/core/rooms.h"

#define AUTHORITY_BYTES (40u * 1024u)

typedef struct {
    wire_membership membership;
    uint8_t hash[32];
} claimed_as;

/*  What the peer says it is: read only, nobody has verified who signed it.  */
static bg_result read_membership (
    broker_request *request, const wire_signed *item, claimed_as *out, bg_error *err)
{
    wire_document document;
    if (item->type != WIRE_TYPE_MEMBERSHIP)
        return bg_fail (err, BG_INVALID, "a claim shows a membership");
    BG_TRY (WIRE_DECODE (document, item->bytes, WIRE_AS_SIGNED, request->arena, &document, err));
    BG_TRY (WIRE_DECODE (
        membership, document.body, WIRE_AS_SIGNED, request->arena, &out->membership, err));
    wire_hash32 (item->bytes, out->hash);
    if (bg_key_equal (&out->membership.curve_key, &request->message->peer))
        return bg_ok ();
    return bg_fail (err, BG_BAD_SIGNATURE, "the membership that is shown has another CURVE key");
}

static bg_result answer_claim (broker_request *request, const wire_enlist_claim *claim,
    const claimed_as *as, const broker_target *target, uint64_t state, bg_error *err)
{
    broker_core *self = request->core;
    wire_enlist_claimed answer = {.installation = self->settings.installation,
        .state = state,
        .time_us = request->now.utc_us};
    bool more = false;
    broker_stranger_nonce (request, &as->membership.sign_key, answer.nonce);
    if (state == WIRE_CLAIM_DEFECTED && target->membership.state == WIRE_DEFECTED_MEMBER) {
        /*  The one who signed it may be newer than the authority that the target holds.  */
        BG_TRY (broker_authority_versions (self, claim->authority + 1, AUTHORITY_BYTES,
            request->arena, &answer.authority, &answer.authority_count, &more, err));
        answer.has_membership = true;
        if (bg_failed (WIRE_DECODE (signed, target->membership_bytes, WIRE_AS_MESSAGE,
                request->arena, &answer.membership, err)))
            return broker_stored_badly (err, "a membership");
    }
    broker_answer (request, WIRE_ENLIST_CLAIMED, &answer);
    return bg_ok ();
}

/*  What it proves by the attestation: that this core has been further once.  */
static bg_result look_at_proof (
    broker_request *request, const wire_enlist_claim *claim, const claimed_as *as, bg_error *err)
{
    broker_core *self = request->core;
    wire_attestation attestation;
    if (!claim->has_attestation ||
        bg_failed (wire_verify_attestation (
            self->keyring, &claim->attestation, self->crypto, request->arena, &attestation, NULL)))
        return bg_ok ();
    BG_AUTO_CHAR who = bg_slice_dup (as->membership.name);
    return broker_mode_proof (self, attestation.term, attestation.position, who, err);
}

static uint64_t state_of (const broker_target *target, const claimed_as *as)
{
    if (!target || !bg_key_equal (&target->sign_key, &as->membership.sign_key) ||
        !bg_key_equal (&target->curve_key, &as->membership.curve_key))
        return WIRE_CLAIM_UNKNOWN;
    return broker_target_is_member (target) ? WIRE_CLAIM_MEMBER : WIRE_CLAIM_DEFECTED;
}

bg_result broker_on_enlist_claim (broker_request *request, bg_error *err)
{
    const wire_enlist_claim *claim = request->body;
    broker_core *self = request->core;
    claimed_as as;
    bool is_fresh = false;
    if (!bg_id_equal (claim->installation, self->settings.installation)) {
        bg_ignore (bg_fail (err, BG_WRONG_INSTALLATION,
            "this machine is a target of another installation than this broker's"));
        return bg_hint (err, "bugle-node defect --force, then enlist here");
    }
    BG_TRY (read_membership (request, &claim->membership, &as, err));
    if (claim->has_proof)
        BG_TRY (broker_stranger_proof (request, &claim->proof, &as.membership.sign_key,
            claim->nonce, as.hash, &is_fresh, err));
    if (!is_fresh)
        return answer_claim (request, claim, &as, NULL, WIRE_CLAIM_PROVE, err);
    BG_TRY (look_at_proof (request, claim, &as, err));
    broker_target *target = broker_target_with_id (self, as.membership.target);
    if (!target)
        BG_TRY (broker_adopt_target (request, &claim->membership, &target, err));
    const uint64_t state = state_of (target, &as);
    if (state == WIRE_CLAIM_MEMBER)
        broker_target_admit (self, target);
    broker_count (self, state == WIRE_CLAIM_MEMBER     ? "claim-member"
                        : state == WIRE_CLAIM_DEFECTED ? "claim-defected"
                                                       : "claim-unknown");
    broker_log (self, BROKER_LOG_NOTICE, "claim", "%.*s at %.*s: %s",
        BG_SLICE_ARG (as.membership.name), BG_SLICE_ARG (request->message->address),
        state == WIRE_CLAIM_MEMBER     ? "is a member"
        : state == WIRE_CLAIM_DEFECTED ? "was removed here"
                                       : "is not known here");
    return answer_claim (request, claim, &as, target, state, err);
}
