/*  Enlistment with a token. The tokens themselves: tokens.c. Without one: pending.c.

        ENLIST_HELLO --> checks --> reservation (a minute, in memory) --> ENLIST_CHALLENGE
        ENLIST_PROVE --> membership by the token key, proof by token key and target key
                     --> one transaction: use burned, target stored, rows for all standing documents
                     --> ENLIST_DONE

    The CURVE key under which the stranger connects becomes the target's: it was authenticated by
    the connection itself. A stranger that is a member already, with the same keys and name, is
    answered the same way and changes nothing: its first answer may have been lost.

    Invariant: the key is admitted on desk before the answer that tells the node to go there.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#define CHALLENGE_BYTES                                                                            \
    (48u * 1024u) /*  of authority versions; the rest comes with the first polls  */

/*  ---- reservations ----  */

static broker_reservation *reservation_of (const broker_core *self, const bg_key *curve_key)
{
    broker_reservation *reservation = NULL;
    HASH_FIND (hh, self->reservations, curve_key, sizeof *curve_key, reservation);
    return reservation;
}

void broker_reservation_free (broker_core *self, broker_reservation *reservation)
{
    HASH_DEL (self->reservations, reservation);
    free (reservation->name);
    free (reservation);
}

/*  A number of which no membership was stored. Kept, so that a token in wrong hands cannot use numbers
    up, which would make every set of targets longer.  */
void broker_number_spare (broker_core *self, uint32_t number)
{
    if (self->spare_count == self->spare_capacity) {
        self->spare_capacity = self->spare_capacity ? self->spare_capacity * 2 : 16;
        self->spare_numbers =
            bg_realloc (self->spare_numbers, self->spare_capacity * sizeof *self->spare_numbers);
    }
    self->spare_numbers[self->spare_count++] = number;
}

uint32_t broker_number_take (broker_core *self)
{
    return self->spare_count ? self->spare_numbers[--self->spare_count] : self->next_number++;
}

void broker_reservations_expire (broker_core *self, bg_now now)
{
    for (broker_reservation *reservation = self->reservations, *next; reservation;
         reservation = next) {
        next = reservation->hh.next;
        if (now.mono_us < reservation->until_mono_us)
            continue;
        if (!broker_target_at (self, reservation->number))
            broker_number_spare (self, reservation->number);
        broker_reservation_free (self, reservation);
    }
}

/*  A second hello of the same stranger keeps its number.  */
static bg_result reserve (broker_request *request, const wire_enlist_hello *hello,
    const broker_target *member, broker_reservation **out, bg_error *err)
{
    broker_core *self = request->core;
    broker_reservation *reservation = reservation_of (self, &request->message->peer);
    if (!reservation) {
        if (HASH_COUNT (self->reservations) >= BROKER_RESERVATIONS_MAX)
            return bg_fail (err, BG_OVERLOADED, "too many enlistments at the same time");
        reservation = bg_alloc (sizeof *reservation);
        reservation->curve_key = request->message->peer;
        HASH_ADD (hh, self->reservations, curve_key, sizeof reservation->curve_key, reservation);
    }
    if (member) {
        reservation->target = member->id;
        reservation->number = member->number;
    } else if (reservation->number == 0 || broker_target_with_id (self, reservation->target)) {
        reservation->target = broker_make_id (self, request->now);
        reservation->number = broker_number_take (self);
    }
    reservation->sign_key = hello->sign_key;
    reservation->token_key = hello->token_key;
    broker_replace_str (&reservation->name, hello->name);
    memcpy (reservation->target_nonce, hello->nonce, sizeof reservation->target_nonce);
    self->ports->random (
        self->ports->ctx, reservation->broker_nonce, sizeof reservation->broker_nonce);
    reservation->until_mono_us = request->now.mono_us + BROKER_RESERVE_US;
    *out = reservation;
    return bg_ok ();
}

/*  ---- ENLIST_HELLO ----  */

bg_result broker_enlist_same (broker_request *request, const bg_key *sign_key, bg_slice name,
    broker_target **member, bg_error *err)
{
    broker_core *self = request->core;
    broker_target *same_key = broker_target_with_key (self, &request->message->peer);
    *member = NULL;
    /*  The answer that made it a member was lost: nothing is waited for any more, and its key is free for what
        comes.  */
    if (same_key && !broker_target_is_member (same_key)) {
        BG_TRY (broker_target_cut (self, same_key, err));
        same_key = NULL;
    }
    if (!same_key)
        return bg_ok ();
    if (bg_key_equal (&same_key->sign_key, sign_key) &&
        job_name_compare (bg_slice_str (same_key->name), name) == 0) {
        *member = same_key;
        return bg_ok ();
    }
    bg_ignore (
        bg_fail (err, BG_ENLISTED, "this machine is enlisted as '%s' already", same_key->name));
    return bg_hint (err, "defect first: bugle-node defect");
}

/*  The name is free, or the token takes it over.  */
static bg_result check_name (
    const broker_core *self, const broker_token *token, bg_slice name, bg_error *err)
{
    BG_TRY (job_target_name_valid (name, err));
    if (!broker_target_named (self, name) || broker_token_replaces (token, name))
        return bg_ok ();
    bg_ignore (bg_fail (
        err, BG_EXISTS, "the name '%.*s' is taken by another target", BG_SLICE_ARG (name)));
    return bg_hint (err,
        "choose another with --name, let the other one defect, or take its place "
        "with: bugle token create --replace %.*s",
        BG_SLICE_ARG (name));
}

static bg_result check_stranger (broker_request *request, const wire_enlist_hello *hello,
    const broker_token *token, broker_target **member, bg_error *err)
{
    BG_TRY (broker_enlist_same (request, &hello->sign_key, hello->name, member, err));
    return *member ? bg_ok () : check_name (request->core, token, hello->name, err);
}

bg_result broker_enlist_level (const broker_core *self, uint64_t low, uint64_t high, bg_error *err)
{
    if (low <= WIRE_LEVEL && high >= WIRE_LEVEL &&
        WIRE_LEVEL >= wire_keyring_level_floor (self->keyring))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_LEVEL,
        "no common protocol level: the node speaks %llu to %llu, this broker %d",
        (unsigned long long) low, (unsigned long long) high, WIRE_LEVEL));
    return bg_hint (err, "upgrade the older side");
}

bg_result broker_on_enlist_hello (broker_request *request, bg_error *err)
{
    const wire_enlist_hello *hello = request->body;
    broker_core *self = request->core;
    broker_token token;
    broker_target *member = NULL;
    broker_reservation *reservation = NULL;
    bool more = false;
    BG_TRY (broker_enlist_level (self, hello->level_low, hello->level_high, err));
    BG_TRY (broker_token_find (request, &hello->token_key, &token, err));
    BG_TRY (check_stranger (request, hello, &token, &member, err));
    if (!member)
        BG_TRY (broker_token_usable (request, &token, hello->name, err));
    wire_enlist_challenge answer = {.installation = self->settings.installation,
        .has_token = true,
        .token = token.bytes,
        .time_us = request->now.utc_us,
        .level = WIRE_LEVEL};
    BG_TRY (broker_authority_versions (self, token.token.authority, CHALLENGE_BYTES, request->arena,
        &answer.authority, &answer.authority_count, &more, err));
    BG_TRY (reserve (request, hello, member, &reservation, err));
    answer.target = reservation->target;
    answer.number = reservation->number;
    memcpy (answer.nonce, reservation->broker_nonce, sizeof answer.nonce);
    broker_answer (request, WIRE_ENLIST_CHALLENGE, &answer);
    return bg_ok ();
}

/*  ---- ENLIST_PROVE ----  */

static bg_result differs (bg_error *err, const char *what)
{
    return bg_fail (err, BG_INVALID, "the membership has another %s than the challenge", what);
}

static bg_result check_membership (const broker_request *request,
    const broker_reservation *reservation, const wire_verified *verified, bg_error *err)
{
    const wire_membership *membership = verified->body;
    if (!verified->provisional || membership->state != WIRE_MEMBER)
        return bg_fail (
            err, BG_INVALID, "an enlistment takes a membership signed by the token key");
    if (!bg_id_equal (membership->target, reservation->target))
        return differs (err, "target id");
    if (membership->number != reservation->number)
        return differs (err, "number");
    if (job_name_compare (membership->name, bg_slice_str (reservation->name)) != 0)
        return differs (err, "name");
    if (!bg_key_equal (&membership->sign_key, &reservation->sign_key))
        return differs (err, "signing key");
    if (!bg_key_equal (&membership->curve_key, &request->message->peer))
        return differs (err, "CURVE key");
    return bg_ok ();
}

static bg_result check_proof (broker_request *request, const broker_reservation *reservation,
    const wire_enlist_prove *prove, bg_error *err)
{
    broker_core *self = request->core;
    wire_enlist_proof proof;
    uint8_t hash[WIRE_HASH_BYTES];
    BG_TRY (wire_verify_proof (self->settings.installation, &prove->proof, &reservation->token_key,
        &reservation->sign_key, self->crypto, request->arena, &proof, err));
    wire_hash32 (prove->membership.bytes, hash);
    if (bg_key_equal (&proof.broker_curve_key, &self->settings.curve_key) &&
        memcmp (proof.broker_nonce, reservation->broker_nonce, sizeof proof.broker_nonce) == 0 &&
        memcmp (proof.target_nonce, reservation->target_nonce, sizeof proof.target_nonce) == 0 &&
        memcmp (proof.membership_hash, hash, sizeof hash) == 0)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_BAD_SIGNATURE, "the proof is of another enlistment"));
    return bg_hint (err, "enlist again");
}

static bool same_token (const broker_token *token, const wire_membership *membership)
{
    return membership->has_token && bg_slice_equal (token->bytes.bytes, membership->token.bytes);
}

static bg_result store_member (broker_request *request, const wire_enlist_prove *prove,
    const wire_verified *verified, const broker_token *token, broker_target **target_p,
    bg_error *err)
{
    broker_core *self = request->core;
    const wire_membership *membership = verified->body;
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_signed, &prove->membership, &bytes);
    const broker_target_marks marks = {.zone = prove->zone,
        .facts = broker_facts_text (prove->facts, prove->facts_count, request->arena)};
    const broker_target_record record = {.number = (uint32_t) membership->number,
        .id = membership->target,
        .name = membership->name,
        .sign_key = membership->sign_key,
        .curve_key = membership->curve_key,
        .provisional = true,
        .membership_version = verified->document.version,
        .membership_revision = 1,
        .membership_state = WIRE_DELIVERY_APPLIED,
        .membership = bg_buf_slice (&bytes),
        .membership_us = request->now.utc_us,
        .enlisted_by = token->record.created_by,
        .enlisted_us = request->now.utc_us};
    BG_TRY (self->store->token_used (
        self->store->ctx, &token->record.token_key, token->record.used + 1, err));
    /*  Who asked without a token before needs nobody's approval any more.  */
    BG_TRY (broker_pending_drop (self, &membership->curve_key, err));
    broker_target *replaced = broker_target_named (self, membership->name);
    if (replaced)
        BG_TRY (broker_target_leave (self, replaced, request->now, true, err));
    BG_TRY (broker_target_load (self, &record, &marks, target_p, err));
    BG_TRY (broker_target_store (self, *target_p, err));
    broker_target_dirty (self, *target_p);
    broker_deliver_readdress (self, *target_p);
    broker_log (self, BROKER_LOG_NOTICE, "target-enlisted", "%s, number %u, with a token of %.*s",
        (*target_p)->name, (*target_p)->number, BG_SLICE_ARG (token->record.created_by));
    return bg_ok ();
}

static bg_result answer_done (broker_request *request, const broker_target *target, bg_error *err)
{
    broker_core *self = request->core;
    wire_enlist_done answer = {
        .has_membership = true, .documents = target->rows, .time_us = request->now.utc_us};
    if (bg_failed (WIRE_DECODE (signed, target->membership_bytes, WIRE_AS_MESSAGE, request->arena,
            &answer.membership, err)))
        return broker_stored_badly (err, "a membership");
    broker_target_admit (self, target);
    broker_answer (request, WIRE_ENLIST_DONE, &answer);
    return bg_ok ();
}

static bg_result check_prove (broker_request *request, const broker_reservation *reservation,
    const wire_enlist_prove *prove, wire_verified *verified, bg_error *err)
{
    BG_TRY (wire_verify_document (request->core->keyring, &prove->membership, request->core->crypto,
        request->arena, verified, err));
    if (prove->membership.type != WIRE_TYPE_MEMBERSHIP)
        return bg_fail (err, BG_INVALID, "an enlistment takes a membership");
    BG_TRY (check_membership (request, reservation, verified, err));
    return check_proof (request, reservation, prove, err);
}

bg_result broker_on_enlist_prove (broker_request *request, bg_error *err)
{
    const wire_enlist_prove *prove = request->body;
    broker_core *self = request->core;
    broker_reservation *reservation = reservation_of (self, &request->message->peer);
    if (!reservation || request->now.mono_us >= reservation->until_mono_us) {
        bg_ignore (bg_fail (
            err, BG_STALE, "this enlistment was not begun here, or took longer than a minute"));
        return bg_hint (err, "enlist again");
    }
    wire_verified verified;
    BG_TRY (check_prove (request, reservation, prove, &verified, err));
    broker_target *target = broker_target_with_id (self, reservation->target);
    if (target && !broker_target_is_member (target)) {
        bg_ignore (bg_fail (err, BG_STALE, "target '%s' has defected since", target->name));
        return bg_hint (err, "enlist again");
    }
    if (target) {
        /*  It enlists again as what it is: it knows of nothing, so no outcome of before will come.  */
        broker_execution_lost (self, request->now, target);
        BG_TRY (broker_open_runs_forget (self, target, err));
    } else {
        broker_token token;
        BG_TRY (broker_token_find (request, &reservation->token_key, &token, err));
        BG_TRY (broker_token_usable (request, &token, bg_slice_str (reservation->name), err));
        if (!same_token (&token, verified.body))
            return bg_fail (
                err, BG_TOKEN, "the membership carries another token record than the broker has");
        BG_TRY (check_name (self, &token, bg_slice_str (reservation->name), err));
        BG_TRY (store_member (request, prove, &verified, &token, &target, err));
    }
    broker_reservation_free (self, reservation);
    return answer_done (request, target, err);
}
