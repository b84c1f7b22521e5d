/*  Joining a broker with a token, and what both ways of joining share. Without a token: pending.c.

        anchoring --bugle-exec has the pin--> hello --CHALLENGE--> prove --DONE, stored here--> settling --> answered

    bugle-exec comes first, so that no use of the token is burned on a machine that could run nothing. The answer to
    the person comes last, when bugle-exec has taken authority and membership and the first documents are settled. Each
    message is said again until it is answered; the broker takes repetitions for what they are.  */
#include "node/core/rooms.h"

#include "common/job/names.h"
#include "proto/frame.h"
#include "proto/token_text.h"

#include <stdlib.h>

void node_enlist_drop (node_core *self)
{
    node_enlistment *at = &self->enlist;
    memset (at->token_secret, 0, sizeof at->token_secret);
    memset (at->token_seed, 0, sizeof at->token_seed);
    wire_keyring_destroy (&at->keyring);
    bg_buf_fini (&at->message_header);
    bg_buf_fini (&at->message_body);
    bg_arena_fini (&at->arena);
    *at = (node_enlistment){0};
    node_timer_off (self, NODE_TIMER_ENLIST);
    node_timer_off (self, NODE_TIMER_ENLIST_END);
}

void node_enlist_fail (node_core *self, const bg_error *why)
{
    node_enlistment *at = &self->enlist;
    node_log (self, NODE_LOG_ERROR, "enlist-failed", "%s", why->message);
    if (at->phase != NODE_ENLIST_ANCHORING && at->phase != NODE_ENLIST_SETTLING)
        self->ports.close (self->ports.ctx, NODE_LINK_ENLIST);
    const bool answered = at->answered;
    const uint64_t control = at->control;
    node_enlist_drop (self);
    if (!answered)
        node_reply_error (self, control, why);
}

/*  ---- the request ----  */

bg_slice node_enlist_name (const node_core *self, bg_slice wanted)
{
    if (wanted.size > 0)
        return wanted;
    if (*self->name)
        return bg_slice_str (self->name);
    return self->enlisted ? self->identity.name : bg_slice_str (self->default_name);
}

bg_result node_enlist_name_fits (const node_core *self, bg_slice name, bg_error *why)
{
    BG_TRY (job_target_name_valid (name, why));
    if (!*self->name || job_name_compare (name, bg_slice_str (self->name)) == 0)
        return bg_ok ();
    bg_ignore (bg_fail (why, BG_CONFLICT, "this node is configured as \"%s\", not as \"%.*s\"",
        self->name, BG_SLICE_ARG (name)));
    return bg_hint (why, "leave --name out, or change the node's configuration");
}

static bg_result check_request (node_core *self, const wire_control_enlist *wanted, bg_arena *arena,
    wire_token_text *token, bool *unchanged, bg_error *why)
{
    *unchanged = false;
    if (self->full)
        return bg_fail (why, BG_STORAGE_FULL, "no space is left in the node's store");
    const bool is_free =
        self->enlist.phase == NODE_ENLIST_NONE || (node_pending_is (self) && self->enlist.answered);
    if (!is_free || self->leaving || self->defect.wanted)
        return bg_fail (why, BG_BUSY, "another enlistment or defection of this node is going on");
    BG_TRY (wire_token_text_parse (wanted->token, arena, token, why));
    const bg_slice name = node_enlist_name (self, wanted->name);
    BG_TRY (node_enlist_name_fits (self, name, why));
    if (!self->enlisted)
        return bg_ok ();
    const bool same_broker =
        bg_key_equal (&token->broker_curve_key, &self->identity.broker_curve_key);
    if (same_broker && job_name_compare (name, self->identity.name) == 0) {
        *unchanged = true;
        return bg_ok ();
    }
    bg_ignore (
        bg_fail (why, BG_ENLISTED, "this node is enlisted with the broker \"%.*s\" as \"%.*s\"",
            BG_SLICE_ARG (self->identity.broker), BG_SLICE_ARG (self->identity.name)));
    return bg_hint (why, "defect first: bugle-node defect");
}

bg_slice node_enlist_join (bg_arena *arena, const bg_slice *endpoints, size_t count)
{
    bg_slice all = {0};
    for (size_t i = 0; i < count; i++)
        all = bg_arena_printf (
            arena, "%.*s%s%.*s", BG_SLICE_ARG (all), i ? "\n" : "", BG_SLICE_ARG (endpoints[i]));
    return all;
}

static node_enlist_broker broker_of (bg_arena *arena, const wire_token_text *token)
{
    node_enlist_broker broker = {
        .endpoints = node_enlist_join (arena, token->endpoints, token->endpoints_count),
        .name = token->broker,
        .curve_key = token->broker_curve_key};
    memcpy (broker.authority_hash, token->authority_hash, sizeof broker.authority_hash);
    return broker;
}

static bg_result begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    bg_arena arena = {0};
    wire_token_text token;
    bg_error why = {0};
    bool unchanged = false;
    if (bg_failed (check_request (self, wanted, &arena, &token, &unchanged, &why))) {
        bg_arena_fini (&arena);
        node_reply_error (self, control, &why);
        return bg_ok ();
    }
    if (unchanged) {
        bg_arena_fini (&arena);
        wire_control_answer answer = {.code = bg_slice_str ("ok"), .unchanged = true};
        node_control_describe (self, &answer, true);
        node_reply (self, control, &answer);
        return bg_ok ();
    }
    if (node_pending_is (self))
        BG_TRY (node_pending_withdraw (self, true, err)); /*  the token is the faster way  */
    *at = (node_enlistment){.phase = NODE_ENLIST_ANCHORING, .control = control, .arena = arena};
    at->broker = broker_of (&at->arena, &token);
    memcpy (at->token_seed, token.seed, sizeof at->token_seed);
    at->name = bg_arena_copy (&at->arena, node_enlist_name (self, wanted->name));
    at->location = bg_arena_copy (
        &at->arena, wanted->location.size > 0 ? wanted->location : bg_slice_str (self->location));
    wire_seed_keypair (at->token_seed, &at->token_public, at->token_secret);
    node_timer_in (self, NODE_TIMER_ENLIST_END,
        wanted->timeout_us > 0 ? wanted->timeout_us : NODE_CONTROL_TIMEOUT_US);
    self->exec.anchor_asked = false; /*  what was asked before was for another token  */
    return node_enlist_exec (self, err);
}

bg_result node_enlist_begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err)
{
    return wanted->token.size > 0 ? begin (self, control, wanted, err)
                                  : node_pending_begin (self, control, wanted, err);
}

/*  ---- bugle-exec ----  */

bg_result node_enlist_exec (node_core *self, bg_error *err)
{
    (void) err;
    if (self->enlist.phase == NODE_ENLIST_PINNING)
        node_pending_exec (self);
    if (self->enlist.phase != NODE_ENLIST_ANCHORING || !self->exec.heard || self->exec.anchor_asked)
        return bg_ok ();
    if (!bg_id_is_zero (self->exec.installation)) {
        /*  Left over from an enlistment that ended without it.  */
        node_say_exec (self, WIRE_EXEC_FORGET,
            &(wire_exec_forget){.reason = bg_slice_str ("a new enlistment begins")});
    }
    node_exec_anchor (self, self->enlist.broker.authority_hash);
    return bg_ok ();
}

void node_enlist_prepare (node_core *self, wire_kind kind, const void *value)
{
    node_enlistment *at = &self->enlist;
    bg_buf_clear (&at->message_header);
    bg_buf_clear (&at->message_body);
    at->request = node_new_id (self);
    wire_message_encode (
        kind, at->request, (bg_id){0}, value, &at->message_header, &at->message_body);
}

void node_enlist_say (node_core *self, int64_t again_us)
{
    node_enlistment *at = &self->enlist;
    self->ports.send (self->ports.ctx, NODE_LINK_ENLIST, bg_buf_slice (&at->message_header),
        bg_buf_slice (&at->message_body), (bg_slice){0});
    node_timer_in (self, NODE_TIMER_ENLIST, again_us);
}

void node_enlist_again (node_core *self)
{
    if (self->enlist.phase == NODE_ENLIST_HELLO || self->enlist.phase == NODE_ENLIST_PROVE)
        node_enlist_say (self, NODE_ENLIST_RETRY_US);
    else if (node_pending_is (self))
        node_pending_again (self);
}

static void prepare_hello (node_core *self)
{
    node_enlistment *at = &self->enlist;
    at->phase = NODE_ENLIST_HELLO;
    wire_enlist_hello hello = {
        .level_low = WIRE_LEVEL,
        .level_high = WIRE_LEVEL,
        .token_key = at->token_public,
        .sign_key = at->sign_key,
        .name = at->name,
        .version = bg_slice_str (self->version),
    };
    self->ports.random (self->ports.ctx, at->nonce, sizeof at->nonce);
    memcpy (hello.nonce, at->nonce, sizeof hello.nonce);
    node_enlist_prepare (self, WIRE_ENLIST_HELLO, &hello);
}

void node_enlist_anchored (node_core *self, const wire_exec_verdict *verdict)
{
    node_enlistment *at = &self->enlist;
    if (at->phase == NODE_ENLIST_PINNING)
        node_pending_anchored (self, verdict);
    if (at->phase != NODE_ENLIST_ANCHORING)
        return;
    bg_error why = {0};
    const bool ok = bg_slice_is (verdict->code, "ok");
    /*  Where the node may not pin, the privileged enlist command has done so before.  */
    const bool done_before = self->exec.anchored && bg_id_is_zero (self->exec.installation);
    if (!ok && !done_before) {
        bg_ignore (bg_fail (&why, BG_NOT_ALLOWED,
            "bugle-exec does not take the enlistment over: %.*s", BG_SLICE_ARG (verdict->message)));
        if (verdict->hint.size > 0)
            bg_ignore (bg_hint (&why, "%.*s", BG_SLICE_ARG (verdict->hint)));
        node_enlist_fail (self, &why);
        return;
    }
    if (ok)
        at->note = bg_arena_copy (&at->arena, verdict->message);
    if (bg_failed (self->ports.new_keys (self->ports.ctx, &at->sign_key, &at->curve_key, &why))) {
        node_enlist_fail (self, &why);
        return;
    }
    self->ports.open (
        self->ports.ctx, NODE_LINK_ENLIST, at->broker.endpoints, &at->broker.curve_key);
    prepare_hello (self);
    node_enlist_again (self);
}

/*  ---- challenge ----  */

bg_result node_enlist_authorities (
    node_core *self, const wire_signed *authority, size_t count, bg_id installation, bg_error *why)
{
    node_enlistment *at = &self->enlist;
    wire_keyring_destroy (&at->keyring);
    at->authority = bg_arena_array (&at->arena, wire_signed, count + 1);
    at->authority_count = count;
    for (size_t i = 0; i < count; i++) {
        const wire_signed *item = &at->authority[i];
        wire_keyring *next = NULL;
        wire_copy (&wire_desc_signed, &at->arena, &authority[i], &at->authority[i]);
        if (!at->keyring) {
            if (bg_failed (wire_keyring_first (
                    item, at->broker.authority_hash, self->ports.crypto, &next, NULL)))
                continue;
        } else {
            BG_TRY (wire_keyring_next (at->keyring, item, self->ports.crypto, &next, why));
        }
        wire_keyring_destroy (&at->keyring);
        at->keyring = next;
    }
    if (!at->keyring)
        return bg_fail (why, BG_BAD_SIGNATURE,
            "the broker does not show the authority that was pinned; it is not the broker that was "
            "meant");
    if (!bg_id_equal (wire_keyring_installation (at->keyring), installation))
        return bg_fail (
            why, BG_WRONG_INSTALLATION, "the broker's challenge is for another installation");
    if (!bg_key_equal (wire_keyring_broker_curve_key (at->keyring), &at->broker.curve_key)) {
        bg_ignore (
            bg_fail (why, BG_BAD_SIGNATURE, "the broker has another key than the one given"));
        return bg_hint (why, "make a new token: bugle token create");
    }
    at->broker.installation = installation;
    return bg_ok ();
}

static bg_result challenged (node_core *self, const wire_enlist_challenge *challenge, bg_error *why)
{
    node_enlistment *at = &self->enlist;
    wire_copy (&wire_desc_enlist_challenge, &at->arena, challenge, &at->challenge);
    at->has_challenge = true;
    BG_TRY (node_enlist_authorities (self, at->challenge.authority, at->challenge.authority_count,
        challenge->installation, why));
    wire_token record;
    const wire_login *signer = NULL;
    BG_TRY (wire_verify_token (at->keyring, &at->challenge.token, self->ports.crypto,
        &self->scratch, &record, &signer, why));
    if (!bg_key_equal (&record.token_key, &at->token_public))
        return bg_fail (why, BG_TOKEN, "the broker shows the record of another token");
    wire_enlist_prove prove;
    node_membership_make (self, &prove, &self->scratch, &record);
    at->phase = NODE_ENLIST_PROVE;
    node_enlist_prepare (self, WIRE_ENLIST_PROVE, &prove);
    node_enlist_again (self);
    return bg_ok ();
}

/*  ---- done ----  */

static bg_result store_all (node_core *self, const wire_signed *item, const wire_document *document,
    const wire_membership *membership, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_enlistment *at = &self->enlist;
    node_identity identity = {
        .installation = at->broker.installation,
        .target = membership->target,
        .number = membership->number,
        .name = membership->name,
        .broker = at->broker.name,
        .broker_curve_key = at->broker.curve_key,
        .endpoints = at->broker.endpoints,
        .sign_key = at->sign_key,
        .curve_key = at->curve_key,
        .outbox = node_new_id (self),
        .enlisted_us = self->now.utc_us,
    };
    memcpy (identity.authority_hash, at->broker.authority_hash, sizeof identity.authority_hash);
    BG_TRY (store->identity_put (store->ctx, &identity, err));
    for (size_t i = 0; i < at->authority_count; i++) {
        wire_document authority;
        if (bg_failed (WIRE_DECODE (document, at->authority[i].bytes, WIRE_AS_MESSAGE,
                &self->scratch, &authority, NULL)))
            continue;
        BG_AUTO_BUF bytes = {0};
        WIRE_ENCODE (signed, &at->authority[i], &bytes);
        BG_TRY (store->authority_put (store->ctx, authority.version, bg_buf_slice (&bytes), err));
    }
    node_set_identity (self, &identity);
    wire_keyring_destroy (&self->keyring);
    self->keyring = at->keyring;
    at->keyring = NULL;
    /*  It waits for bugle-exec, which is told right after.  */
    return node_document_wait (self, item, membership->target, WIRE_TYPE_MEMBERSHIP,
        document->version, bg_slice_str ("waiting"),
        bg_slice_str ("bugle-exec has not taken it over yet"), err);
}

bg_result node_enlist_stored (
    node_core *self, const wire_signed *item, bg_error *why, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    wire_verified verified;
    const wire_membership *membership = NULL;
    const bool is_verified = !bg_failed (wire_verify_document (
        at->keyring, item, self->ports.crypto, &self->scratch, &verified, why));
    if (is_verified)
        *why = (bg_error){0}; /*  of the ways that were tried first  */
    if (is_verified && verified.document.type == WIRE_TYPE_MEMBERSHIP)
        membership = verified.body;
    if (!membership || !bg_key_equal (&membership->sign_key, &at->sign_key) ||
        !bg_key_equal (&membership->curve_key, &at->curve_key) ||
        membership->state != WIRE_MEMBER ||
        (verified.provisional && job_name_compare (membership->name, at->name) != 0)) {
        if (why->code == BG_OK)
            bg_ignore (bg_fail (
                why, BG_INVALID, "the membership that the broker returned is not this target's"));
        return bg_ok ();
    }
    BG_TRY (store_all (self, item, &verified.document, membership, err));
    self->ports.close (self->ports.ctx, NODE_LINK_ENLIST);
    node_timer_off (self, NODE_TIMER_ENLIST);
    at->phase = NODE_ENLIST_SETTLING;
    node_log (self, NODE_LOG_INFO, "enlisted", "broker=%.*s name=%.*s number=%llu",
        BG_SLICE_ARG (self->identity.broker), BG_SLICE_ARG (self->identity.name),
        (unsigned long long) self->identity.number);
    return node_session_open (self, err);
}

static bg_result enlisted (node_core *self, const wire_enlist_done *done, bg_error *err)
{
    bg_error why = {0};
    BG_TRY (node_enlist_stored (self, &done->membership, &why, err));
    if (why.code != BG_OK)
        node_enlist_fail (self, &why);
    return bg_ok ();
}

bg_result node_enlist_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    bg_error why = {0};
    if (node_claim_answers (self, header))
        return node_claim_message (self, header, body, err);
    if (node_pending_is (self))
        return node_pending_message (self, header, body, err);
    const bool open = at->phase == NODE_ENLIST_HELLO || at->phase == NODE_ENLIST_PROVE;
    if (open && header->kind == WIRE_ENLIST_CHALLENGE) {
        if (bg_failed (challenged (self, body, &why)))
            node_enlist_fail (self, &why);
    } else if (at->phase == NODE_ENLIST_PROVE && header->kind == WIRE_ENLIST_DONE) {
        return enlisted (self, body, err);
    } else if (open && header->kind == WIRE_ERROR && bg_id_equal (header->request, at->request)) {
        const bg_result said = wire_error_to (body, &why);
        if (bg_code_class (said.code) == BG_CLASS_RETRY) {
            node_log (self, NODE_LOG_WARNING, "enlist-again", "the broker says: %s", why.message);
            prepare_hello (self); /*  from the beginning, and not at once  */
            node_timer_in (self, NODE_TIMER_ENLIST, NODE_ENLIST_RETRY_US);
        } else {
            node_enlist_fail (self, &why);
        }
    } else {
        node_count (self, NODE_COUNT_UNEXPECTED);
    }
    return bg_ok ();
}

/*  ---- the end ----  */

static void answer (node_core *self, const char *warning)
{
    node_enlistment *at = &self->enlist;
    if (!at->answered) {
        wire_control_answer said = {.code = bg_slice_str ("ok"), .message = at->note};
        node_control_describe (self, &said, true);
        if (warning && said.warnings_count < 16)
            said.warnings[said.warnings_count++] = bg_slice_str (warning);
        node_reply (self, at->control, &said);
    }
    node_enlist_drop (self);
}

void node_enlist_settle (node_core *self)
{
    if (self->enlist.phase != NODE_ENLIST_SETTLING || !self->exec.synced)
        return;
    const node_slot *authority = node_slot_find (self, (bg_id){0});
    const node_slot *membership = node_slot_find (self, self->identity.target);
    const bool standing =
        authority && authority->held.there && membership && membership->held.there;
    const bool polled = self->poll.settled > self->exec.synced_poll && !self->poll.settling &&
                        self->document_asks == 0;
    if (standing && polled)
        answer (self, NULL);
}

bg_result node_enlist_timeout (node_core *self, bg_error *err)
{
    (void) err;
    bg_error why = {0};
    switch (self->enlist.phase) {
    case NODE_ENLIST_NONE:
        break;
    case NODE_ENLIST_ANCHORING:
        bg_ignore (bg_fail (
            &why, BG_UNREACHABLE, "bugle-exec does not answer, and without it nothing could run"));
        bg_ignore (bg_hint (&why, "start it: bugle-exec runs beside the node"));
        node_enlist_fail (self, &why);
        break;
    case NODE_ENLIST_HELLO:
    case NODE_ENLIST_PROVE:
    case NODE_ENLIST_ASKING: {
        const node_enlist_broker *broker = &self->enlist.broker;
        const uint8_t *end = memchr (broker->endpoints.data, '\n', broker->endpoints.size);
        const bg_slice first = bg_slice_of (broker->endpoints.data,
            end ? (size_t) (end - broker->endpoints.data) : broker->endpoints.size);
        bg_ignore (bg_fail (&why, BG_UNREACHABLE, "the broker%s%.*s%s does not answer at %.*s",
            broker->name.size > 0 ? " \"" : "", BG_SLICE_ARG (broker->name),
            broker->name.size > 0 ? "\"" : "", BG_SLICE_ARG (first)));
        bg_ignore (bg_hint (
            &why, "check that it runs and that this machine reaches it; then enlist again"));
        node_enlist_fail (self, &why);
        break;
    }
    case NODE_ENLIST_PINNING:
    case NODE_ENLIST_PENDING:
        break; /*  they wait for people  */
    case NODE_ENLIST_SETTLING:
        answer (
            self, "the broker has stored this target; its first documents are still on their way");
        break;
    }
    return bg_ok ();
}
