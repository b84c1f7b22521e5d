/*  Re-adoption: what a restored store has lost and its targets still hold comes back from them.

        INVENTORY of a target --what is unknown or newer--> ADOPT --> ADOPTED, the documents as they were signed
        ENLIST_CLAIM of a target that is not in the store --> its membership

    Every document is verified as if it were posted: nothing is believed because a target has it. The order is the
    authority, then what it signs. A broker that was never restored asks for nothing: there an unknown document is a
    reason to look, not to take it.

    Invariant: only newer versions are taken, so it does not matter how often and by whom something is shown.  */
#include "broker/core/rooms.h"

#define ADOPT_ITEMS_MAX 64u

bool broker_adopt_is_on (const broker_core *self)
{
    return self->mode.restored || self->mode.restores > 0;
}

void broker_adopt_ask (broker_request *request, const wire_held *items, size_t count, size_t *asked)
{
    broker_core *self = request->core;
    *asked = 0;
    if (!broker_adopt_is_on (self))
        return;
    while (*asked < count) {
        wire_adopt ask = {.what = bg_arena_array (request->arena, wire_reference, ADOPT_ITEMS_MAX)};
        while (*asked < count && ask.what_count < ADOPT_ITEMS_MAX) {
            const wire_held *item = &items[(*asked)++];
            const bool is_authority = bg_id_is_zero (item->key);
            ask.what[ask.what_count++] =
                (wire_reference){.type = is_authority ? WIRE_TYPE_AUTHORITY : 0,
                    .key = item->key,
                    .version = item->version};
        }
        broker_send (self, WIRE_ON_DESK, &request->message->peer, WIRE_ADOPT,
            broker_make_id (self, request->now), request->target->session, &ask);
    }
}

static bg_result adopt_one (
    broker_request *request, const wire_signed *item, bool is_last_try, bg_error *err)
{
    broker_core *self = request->core;
    bool taken = false;
    bg_error why = {0};
    bg_result result = broker_post_adopt (request, item, &taken, &why);
    if (bg_failed (result) && broker_is_store_failure (result)) {
        if (err)
            *err = why;
        return result;
    }
    if (bg_failed (result) && is_last_try) {
        broker_count (self, "adopt-refused");
        broker_log (self, BROKER_LOG_WARNING, "adopt-refused",
            "%s holds a %s that cannot be taken back: %s", request->target->name,
            wire_type_word (item->type) ? wire_type_word (item->type) : "document", why.message);
    }
    if (bg_failed (result) || !taken)
        return bg_ok ();
    /*  There may be more that could not be verified before.  */
    request->target->inventoried = false;
    broker_count (self, "adopted");
    return broker_mode_adopted (self, err);
}

/*  In the order in which one is signed for by the other.  */
static bg_result adopt_all (
    broker_request *request, const wire_adopted *adopted, bool is_last_try, bg_error *err)
{
    static const uint64_t order[] = {WIRE_TYPE_AUTHORITY, WIRE_TYPE_MEMBERSHIP, WIRE_TYPE_CALENDAR,
        WIRE_TYPE_SCHEDULE, WIRE_TYPE_JOB, WIRE_TYPE_WITHDRAWAL, 0};
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++)
        for (size_t i = 0; i < adopted->documents_count; i++) {
            const uint64_t type = adopted->documents[i].type;
            bool is_rest = true;
            for (size_t j = 0; order[j]; j++)
                is_rest &= order[j] != type;
            if (order[k] ? order[k] == type : is_rest)
                BG_TRY (adopt_one (request, &adopted->documents[i], is_last_try, err));
        }
    return bg_ok ();
}

/*  Twice: an authority that takes a key away is only taken when what that key had signed is here again, signed by
    another.  */
bg_result broker_on_adopted (broker_request *request, bg_error *err)
{
    const wire_adopted *adopted = request->body;
    if (!broker_adopt_is_on (request->core))
        return bg_fail (err, BG_NOT_ALLOWED, "nobody asked for these documents");
    BG_TRY (adopt_all (request, adopted, false, err));
    return adopt_all (request, adopted, true, err);
}

/*  ---- targets ----  */

/*  Numbers from the floor of the last RESUME on are this core's own: given out, spare, or reserved for somebody. Tables
    are as long as the highest number, and who has a token signs one of his choice: not too far ahead.  */
static bool is_number_free (const broker_core *self, uint64_t number)
{
    const uint64_t next = self->next_number;
    if (!self->mode.restored && number >= (uint64_t) self->mode.number_floor && number < next)
        return false;
    return number > 0 && number < next + 4u * BROKER_NUMBERS_AHEAD &&
           !broker_target_at (self, (uint32_t) number);
}

/*  Nobody else may stand in its place.  */
static bool is_place_free (const broker_core *self, const wire_membership *membership)
{
    return is_number_free (self, membership->number) &&
           !broker_target_with_id (self, membership->target) &&
           !broker_target_with_key (self, &membership->curve_key) &&
           !broker_target_named (self, membership->name);
}

/*  A token that was made in the lost part is not here any more: its record stands in the membership, signed by an admin.
    Each target that comes back by a token takes one of its uses, and a revoked one brings nobody back.  */
static bg_result use_token (
    broker_request *request, const wire_membership *membership, bool *usable, bg_error *err)
{
    const broker_store *store = request->core->store;
    BG_AUTO_BUF bytes = {0};
    wire_token token;
    const wire_login *signer = NULL;
    broker_token_record record;
    bool found = false;
    *usable = false;
    if (bg_failed (wire_verify_token (request->core->keyring, &membership->token,
            request->core->crypto, request->arena, &token, &signer, NULL)))
        return bg_ok ();
    BG_TRY (store->token_get (store->ctx, &token.token_key, request->arena, &record, &found, err));
    if (!found) {
        wire_encode (&wire_desc_signed, &membership->token, &bytes);
        record = (broker_token_record){.token_key = token.token_key,
            .signed_bytes = bg_buf_slice (&bytes),
            .created_by = signer->name,
            .created_us = token.issued_us,
            .expires_us = token.expires_us,
            .uses = token.uses};
        BG_TRY (store->token_put (store->ctx, &record, err));
        request->core->changed = true;
    }
    *usable = record.revoked_us == 0 && record.used < record.uses;
    if (!*usable)
        return bg_ok ();
    request->core->changed = true;
    return store->token_used (store->ctx, &token.token_key, record.used + 1, err);
}

static bg_result take_in (broker_request *request, const wire_signed *item,
    const wire_verified *verified, broker_target **target, bg_error *err)
{
    broker_core *self = request->core;
    const wire_membership *membership = verified->body;
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_signed, item, &bytes);
    const broker_target_marks marks = {0};
    const broker_target_record record = {.number = (uint32_t) membership->number,
        .id = membership->target,
        .name = membership->name,
        .sign_key = membership->sign_key,
        .curve_key = membership->curve_key,
        .provisional = verified->provisional,
        .membership_version = verified->document.version,
        .membership_revision = 1,
        .membership_state = WIRE_DELIVERY_APPLIED,
        .membership = bg_buf_slice (&bytes),
        .membership_us = request->now.utc_us,
        .enlisted_by = verified->signer ? verified->signer->name : bg_slice_of (NULL, 0),
        .enlisted_us = request->now.utc_us};
    /*  It may have asked to be enlisted anew in the meantime.  */
    BG_TRY (broker_pending_drop (self, &membership->curve_key, err));
    BG_TRY (broker_target_load (self, &record, &marks, target, err));
    BG_TRY (broker_target_store (self, *target, err));
    broker_target_dirty (self, *target);
    broker_deliver_readdress (self, *target);
    if (self->front_up) {
        self->ports->keys_add (self->ports->ctx, WIRE_ON_DESK, &(*target)->curve_key);
        self->ports->keys_add (self->ports->ctx, WIRE_ON_ORDERS, &(*target)->curve_key);
    }
    broker_count (self, "adopted");
    broker_log (self, BROKER_LOG_NOTICE, "target-adopted",
        "%s, number %u, was enlisted after this state and is taken in again", (*target)->name,
        (*target)->number);
    return broker_mode_adopted (self, err);
}

bg_result broker_adopt_target (
    broker_request *request, const wire_signed *membership, broker_target **target, bg_error *err)
{
    broker_core *self = request->core;
    wire_verified verified;
    *target = NULL;
    if (!broker_adopt_is_on (self) || membership->type != WIRE_TYPE_MEMBERSHIP ||
        bg_failed (wire_verify_document (
            self->keyring, membership, self->crypto, request->arena, &verified, NULL)))
        return bg_ok ();
    const wire_membership *value = verified.body;
    if (value->state != WIRE_MEMBER || !bg_key_equal (&value->curve_key, &request->message->peer))
        return bg_ok ();
    if (!is_place_free (self, value)) {
        broker_count (self, "adopt-refused");
        broker_log (self, BROKER_LOG_WARNING, "adopt-refused",
            "%.*s claims number %llu, but number, name or key is taken", BG_SLICE_ARG (value->name),
            (unsigned long long) value->number);
        return bg_ok ();
    }
    bool usable = true;
    if (verified.provisional)
        BG_TRY (use_token (request, value, &usable, err));
    if (!usable) {
        broker_count (self, "adopt-refused");
        broker_log (self, BROKER_LOG_WARNING, "adopt-refused",
            "%.*s came by a token that was revoked or is used up", BG_SLICE_ARG (value->name));
        return bg_ok ();
    }
    return take_in (request, membership, &verified, target, err);
}
