/*  From a message to its handler: the one table of what the broker answers, default deny.

    Who may send a kind and on which channel stands in proto/messages.def (wire_kind_allowed); the
    table here says which function answers it and whether that writes. Every refusal is answered
    with an ERROR that carries the request's id, and counted under "refused-" and its code's word.

    Invariant: a handler is only reached with an authenticated sender of sufficient role, a body
    that decoded within its limits, and, on desk, the target's current session (HELLO excepted).  */
#include "broker/core/rooms.h"

#include <stdio.h>

typedef struct {
    wire_kind kind;
    broker_handler handler;
    bool writes; /*  refused while the store is full  */
} dispatch_row;

static const dispatch_row dispatch_table[] = {
    {WIRE_ENLIST_HELLO, broker_on_enlist_hello, true},
    {WIRE_ENLIST_PROVE, broker_on_enlist_prove, true},
    {WIRE_ENLIST_ASK, broker_on_enlist_ask, true},
    {WIRE_ENLIST_CLAIM, broker_on_enlist_claim, true},

    {WIRE_HELLO, broker_on_hello, false},
    {WIRE_POLL, broker_on_poll, false},
    {WIRE_ACK, broker_on_ack, true},
    {WIRE_REPORT, broker_on_report, true},
    {WIRE_FETCH, broker_on_fetch, false},
    {WIRE_INVENTORY, broker_on_inventory, true},
    {WIRE_ADOPTED, broker_on_adopted, true},
    {WIRE_DEFECT, broker_on_defect, true},
    {WIRE_TOLD, broker_on_told, false},

    {WIRE_OPS_HELLO, broker_on_ops_hello, false},
    {WIRE_STATUS_QUERY, broker_on_status_query, false},
    {WIRE_AUTHORITY_QUERY, broker_on_authority_query, false},
    {WIRE_POST, broker_on_post, true},
    {WIRE_ISSUE, broker_on_issue, true},
    {WIRE_TOKEN_CREATE, broker_on_token_create, true},
    {WIRE_REQUEST, broker_on_request, true},
    {WIRE_TOKEN_QUERY, broker_on_token_query, false},
    {WIRE_PENDING_QUERY, broker_on_pending_query, false},
    {WIRE_JOB_QUERY, broker_on_job_query, false},
    {WIRE_TARGET_QUERY, broker_on_target_query, false},
    {WIRE_GROUP_QUERY, broker_on_group_query, false},
    {WIRE_EXEC_QUERY, broker_on_exec_query, false},
    {WIRE_EXEC_WATCH, broker_on_exec_watch, false},
    {WIRE_HISTORY_QUERY, broker_on_history_query, false},
    {WIRE_ASK_TARGET, broker_on_ask_target, false},
    {WIRE_OP_QUERY, broker_on_op_query, false},
    {WIRE_OP_TAIL, broker_on_op_tail, false},
    {WIRE_VERSION_QUERY, broker_on_version_query, false},
    {WIRE_DOCUMENT_QUERY, broker_on_document_query, false},
    {WIRE_CATEGORY_QUERY, broker_on_category_query, false},
};

static const dispatch_row *row_of (uint64_t kind)
{
    for (size_t i = 0; i < sizeof dispatch_table / sizeof dispatch_table[0]; i++)
        if (dispatch_table[i].kind == kind)
            return &dispatch_table[i];
    return NULL;
}

/*  ---- answers ----  */

/*  Answers keep to a size; what hands on something of another peer may still be larger than a frame by a
    few bytes, and no peer decides whether the core lives.  */
static void shorten (broker_core *self, bg_id request, bg_id session, bg_buf *header, bg_buf *body)
{
    BG_AUTO_ARENA arena = {0};
    bg_error why = {0};
    wire_error answer;
    bg_ignore (bg_fail (&why, BG_TOO_LARGE, "the answer has %zu bytes, at most %d can be sent",
        body->size, WIRE_FRAME_MAX));
    bg_ignore (bg_hint (&why, "ask for less at once"));
    wire_error_from (&why, &arena, &answer);
    header->size = body->size = 0;
    broker_count (self, "answer-too-large");
    wire_message_encode (WIRE_ERROR, request, session, &answer, header, body);
}

void broker_send (broker_core *self, wire_channel channel, const bg_key *peer, wire_kind kind,
    bg_id request, bg_id session, const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (kind, request, session, value, &header, &body);
    if (body.size > WIRE_FRAME_MAX)
        shorten (self, request, session, &header, &body);
    self->ports->send (self->ports->ctx, channel, peer, bg_buf_slice (&header),
        bg_buf_slice (&body), bg_slice_of (NULL, 0));
}

void broker_answer (broker_request *request, wire_kind kind, const void *value)
{
    const bg_id none = {0};
    bg_id session =
        request->target && request->target->has_session ? request->target->session : none;
    broker_send (request->core, request->message->channel, &request->message->peer, kind,
        request->header.request, session, value);
}

void broker_send_target (
    broker_core *self, const broker_target *target, wire_kind kind, bg_slice body)
{
    const bg_id none = {0};
    BG_AUTO_BUF header = {0};
    wire_header_encode (kind, none, target->session, &header);
    self->ports->send (self->ports->ctx, WIRE_ON_DESK, &target->curve_key, bg_buf_slice (&header),
        body, bg_slice_of (NULL, 0));
}

static void refuse (broker_request *request, const bg_error *err)
{
    char name[65];
    snprintf (name, sizeof name, "refused-%s", bg_code_word (err->code));
    broker_count (request->core, name);
    wire_error answer;
    wire_error_from (err, request->arena, &answer);
    answer.item = request->item;
    broker_answer (request, WIRE_ERROR, &answer);
}

/*  ---- the way in ----  */

static wire_sender sender_of (broker_request *request)
{
    const broker_core *core = request->core;
    switch (request->message->channel) {
    case WIRE_ON_ENLIST:
        return WIRE_FROM_STRANGER;
    case WIRE_ON_DESK:
        request->target = broker_target_with_key (core, &request->message->peer);
        return request->target ? WIRE_FROM_TARGET : WIRE_FROM_ANY;
    case WIRE_ON_OPS:
        request->login = wire_keyring_login_by_curve_key (core->keyring, &request->message->peer);
        if (!request->login ||
            wire_keyring_is_revoked (core->keyring, &request->login->curve_key) ||
            wire_keyring_is_revoked (core->keyring, &request->login->sign_key))
            return WIRE_FROM_ANY;
        return wire_sender_of_role (request->login->role);
    case WIRE_ON_ANY:
    case WIRE_ON_ORDERS:
    case WIRE_ON_INNER:
        break;
    }
    return WIRE_FROM_ANY;
}

static bg_result check_sender (broker_request *request, bg_error *err)
{
    wire_sender sender = sender_of (request);
    if (sender == WIRE_FROM_ANY) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED, "this key is not known here"));
        return bg_hint (err, "the target has defected or the login was removed");
    }
    return wire_kind_allowed (request->row, request->message->channel, sender, err);
}

static bg_result check_level (const broker_request *request, bg_error *err)
{
    if (request->header.level <= WIRE_LEVEL)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_LEVEL,
        "the message is of protocol level %llu; this broker speaks level %d",
        (unsigned long long) request->header.level, WIRE_LEVEL));
    return bg_hint (err, "upgrade the broker, or let the sender speak level %d", WIRE_LEVEL);
}

static bg_result check_session (const broker_request *request, bg_error *err)
{
    if (!request->target || request->header.kind == WIRE_HELLO)
        return bg_ok ();
    if (request->target->has_session &&
        bg_id_equal (request->header.session, request->target->session))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_STALE, "the message belongs to no session that is open here"));
    return bg_hint (err, "say HELLO again");
}

/*  What people and strangers change the installation by; a REQUEST looks for itself.  */
static bg_result check_mode (const broker_request *request, bg_error *err)
{
    static const wire_kind changing[] = {WIRE_ENLIST_HELLO, WIRE_ENLIST_PROVE, WIRE_ENLIST_ASK,
        WIRE_TOKEN_CREATE, WIRE_POST, WIRE_ISSUE};
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        if (changing[i] == request->header.kind)
            return broker_mode_check (request->core, err);
    return bg_ok ();
}

static bg_result check_store (const broker_request *request, const dispatch_row *row, bg_error *err)
{
    if (!row->writes || !request->core->settings.storage_full)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_STORAGE_FULL,
        "the broker's disk is full; it only answers questions until there is space"));
    return bg_hint (err, "make space on the broker's machine; it goes on by itself");
}

/*  Everything that can refuse, in this order: form, sender, level, session, mode, store, body, handler.
*/
static bg_result serve (broker_request *request, bool *from_store, bg_error *err)
{
    BG_TRY (wire_header_decode (request->message->header, &request->header, &request->row, err));
    BG_TRY (check_sender (request, err));
    BG_TRY (check_level (request, err));
    const dispatch_row *row = row_of (request->header.kind);
    if (!row)
        return bg_fail (err, BG_UNKNOWN_KIND, "nothing here answers a %s", request->row->name);
    BG_TRY (check_session (request, err));
    BG_TRY (check_mode (request, err));
    BG_TRY (check_store (request, row, err));
    void *body = NULL;
    BG_TRY (wire_body_decode (request->row, request->message->body, request->arena, &body, err));
    request->body = body;
    if (request->target)
        broker_target_heard (request->target, request->now);
    *from_store = true;
    return row->handler (request, err);
}

bg_result broker_core_message (
    broker_core *self, bg_now now, const broker_message *message, bg_error *err)
{
    bg_assert (self->recovered);
    self->event_us = now.utc_us;
    BG_AUTO_ARENA arena = {0};
    bg_error own = {0};
    broker_request request = {.core = self, .now = now, .message = message, .arena = &arena};
    bool from_store = false;
    bg_result result = serve (&request, &from_store, &own);
    if (bg_is_ok (result))
        return result;
    if (from_store && broker_is_store_failure (result)) {
        if (err)
            *err = own;
        return result;
    }
    refuse (&request, &own);
    return bg_ok ();
}
