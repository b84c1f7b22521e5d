/*  REQUEST: what a login asks of the broker that is neither a document nor a deed (ADR 9).

    One table says what each asks, which role it takes and which function does it. Checked here for all: the
    signature, the role, the clock, and whether the very id was done before. What was done is remembered
    for a day with its answer; within a minute of its time a request counts, so that nothing older than
    the memory can come back.

    Invariant: a handler is called at most once per id, except for dry runs, which write nothing.  */
#include "broker/core/rooms.h"

typedef bg_result (*request_handler) (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err);

typedef struct {
    uint64_t what; /*  WIRE_REQUEST_*  */
    uint64_t role; /*  the least: WIRE_ROLE_*  */
    request_handler handler;
} request_row;

/*  The last row ends it.  */
static const request_row request_table[] = {
    {WIRE_REQUEST_SET, WIRE_ROLE_ADMIN, broker_request_set},
    {WIRE_REQUEST_BACKUP, WIRE_ROLE_ADMIN, broker_request_backup},
    {WIRE_REQUEST_RESUME, WIRE_ROLE_ADMIN, broker_request_resume},
    {WIRE_REQUEST_DISMANTLE, WIRE_ROLE_ADMIN, broker_request_dismantle},
    {WIRE_REQUEST_TOKEN_REVOKE, WIRE_ROLE_ADMIN, broker_request_token_revoke},
    {WIRE_REQUEST_REJECT, WIRE_ROLE_ADMIN, broker_request_reject},
    {WIRE_REQUEST_OP_RETRY, WIRE_ROLE_OPERATOR, broker_request_op_retry},
    {WIRE_REQUEST_OP_SKIP, WIRE_ROLE_OPERATOR, broker_request_op_skip},
    {WIRE_REQUEST_RESYNC, WIRE_ROLE_OPERATOR, broker_request_resync},
    {WIRE_REQUEST_FORGET, WIRE_ROLE_ADMIN, broker_request_forget},
    {WIRE_REQUEST_PURGE, WIRE_ROLE_ADMIN, broker_request_purge},
    {WIRE_REQUEST_CATEGORY_CREATE, WIRE_ROLE_AUTHOR, broker_request_category_create},
    {WIRE_REQUEST_CATEGORY_DELETE, WIRE_ROLE_AUTHOR, broker_request_category_delete},
    {0, 0, NULL},
};

/*  What a request asks stands inside its signed bytes: looked at before the signature is checked only to
    know which role the signature must have.  */
static bg_result row_for (
    broker_request *request, const wire_signed *item, const request_row **row, bg_error *err)
{
    wire_request ask;
    if (item->type != WIRE_TYPE_REQUEST)
        return bg_fail (err, BG_INVALID, "a REQUEST carries a signed request");
    BG_TRY (WIRE_DECODE (request, item->bytes, WIRE_AS_SIGNED, request->arena, &ask, err));
    for (*row = request_table; (*row)->handler; (*row)++)
        if ((*row)->what == ask.what)
            return bg_ok ();
    const char *word = wire_request_word (ask.what);
    return bg_fail (err, BG_NOT_IN_VERSION, "a request %s is not in this version",
        word ? word : "of this number");
}

bg_result broker_check_issued (
    const broker_request *request, int64_t issued_us, const char *what, bg_error *err)
{
    const int64_t apart_us = issued_us - request->now.utc_us;
    if (apart_us <= BROKER_CLOCK_DEED_US && apart_us >= -BROKER_CLOCK_DEED_US)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_CLOCK, "%s %lld s %s the broker's clock", what,
        (long long) ((apart_us < 0 ? -apart_us : apart_us) / BG_SEC (1)),
        apart_us < 0 ? "behind" : "ahead of"));
    return bg_hint (err, "repeat the command; it takes the broker's time anew");
}

/*  The answer of the first time.  */
static bg_result repeat (broker_request *request, bg_slice stored, bg_error *err)
{
    wire_done answer;
    if (bg_failed (WIRE_DECODE (done, stored, WIRE_AS_MESSAGE, request->arena, &answer, err)))
        return broker_stored_badly (err, "the answer to a request");
    answer.repeated = true;
    broker_answer (request, WIRE_DONE, &answer);
    return bg_ok ();
}

static bg_result remember (
    broker_request *request, const wire_request *ask, const wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_done, answer, &bytes);
    self->changed = true;
    return self->store->request_put (
        self->store->ctx, ask->id, request->now.utc_us, bg_buf_slice (&bytes), err);
}

bg_result broker_on_request (broker_request *request, bg_error *err)
{
    const wire_ask_request *body = request->body;
    broker_core *self = request->core;
    const request_row *row = NULL;
    wire_request ask;
    const wire_login *signer = NULL;
    BG_TRY (row_for (request, &body->request, &row, err));
    BG_TRY (wire_verify_request (self->keyring, &body->request, row->role, self->crypto,
        request->arena, &ask, &signer, err));
    bg_slice stored = {0};
    bool found = false;
    BG_TRY (
        self->store->request_get (self->store->ctx, ask.id, request->arena, &stored, &found, err));
    if (found)
        return repeat (request, stored, err);
    BG_TRY (broker_check_issued (request, ask.issued_us, "the request was made", err));
    BG_TRY (broker_mode_check_request (self, ask.what, err));
    wire_done answer = {0};
    /*  The message around it is whoever's carries it: only what was signed makes it count.  */
    const bool dry_run = body->dry_run || ask.dry_run;
    BG_TRY (row->handler (request, &ask, signer, dry_run, &answer, err));
    if (!dry_run) {
        BG_TRY (remember (request, &ask, &answer, err));
        broker_log (self, BROKER_LOG_NOTICE, "request", "%s by %.*s: %.*s",
            wire_request_word (ask.what), BG_SLICE_ARG (signer->name), BG_SLICE_ARG (answer.text));
    }
    broker_answer (request, WIRE_DONE, &answer);
    return bg_ok ();
}
