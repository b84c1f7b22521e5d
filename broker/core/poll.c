/*  POLL and FETCH: the truth that every push is only a hint of.

    A poll answer is the signed attestation (time, term, position, versions, the digest that should
    be) and what is pending for the target: authority versions in their order, then its membership,
    then documents, then open deeds, oldest first, up to 64 or 200 KiB. Pending instructions come
    with every poll until they are acknowledged.

    Invariant: a poll writes nothing.  */
#include "broker/core/rooms.h"

#define INSTRUCTIONS_MAX 64u
#define SIGNED_EXTRA     1024u /*  bytes of an answer beside its instructions and heads  */
#define HEAD_BYTES       300u

typedef struct {
    broker_request *request;
    broker_target *target;
    wire_poll_answer answer;
    size_t bytes_left;
} poll_work;

/*  False when it does not fit any more; then the answer says more.  */
static bool has_room (poll_work *work, size_t size)
{
    if (work->answer.instructions_count < INSTRUCTIONS_MAX &&
        (work->answer.instructions_count == 0 || size <= work->bytes_left))
        return true;
    work->answer.more = true;
    return false;
}

static void add (poll_work *work, const wire_signed *item, size_t size)
{
    work->answer.instructions[work->answer.instructions_count++] = *item;
    work->bytes_left -= size < work->bytes_left ? size : work->bytes_left;
}

static bg_result add_encoded (poll_work *work, bg_slice bytes, bg_error *err)
{
    wire_signed item;
    if (!has_room (work, bytes.size))
        return bg_ok ();
    if (bg_failed (WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, work->request->arena, &item, err)))
        return broker_stored_badly (err, "an instruction");
    add (work, &item, bytes.size);
    return bg_ok ();
}

/*  All versions above the one that the target has, since each is signed by the one before.  */
static bg_result add_authority (poll_work *work, const broker_document *authority, bg_error *err)
{
    const wire_poll *poll = work->request->body;
    if (broker_deliver_state (authority, work->target->number) != WIRE_DELIVERY_PENDING)
        return bg_ok ();
    uint64_t from = poll->authority && poll->authority < authority->version ? poll->authority + 1
                                                                            : authority->version;
    wire_signed *versions = NULL;
    size_t count = 0;
    bool more = false;
    BG_TRY (broker_authority_versions (work->request->core, from, work->bytes_left,
        work->request->arena, &versions, &count, &more, err));
    work->answer.more |= more;
    for (size_t i = 0; i < count && has_room (work, versions[i].bytes.size); i++)
        add (work, &versions[i], versions[i].bytes.size + SIGNED_EXTRA);
    return bg_ok ();
}

/*  What others need goes before them, however young it is.  */
static int rank_of (const broker_document *document)
{
    return document->type == WIRE_TYPE_CALENDAR ? 0 : document->type == WIRE_TYPE_SCHEDULE ? 1 : 2;
}

static int by_age (const void *a, const void *b)
{
    const broker_document *left = *(broker_document *const *) a;
    const broker_document *right = *(broker_document *const *) b;
    if (rank_of (left) != rank_of (right))
        return rank_of (left) - rank_of (right);
    if (left->posted_us != right->posted_us)
        return left->posted_us < right->posted_us ? -1 : 1;
    return bg_id_compare (left->key, right->key);
}

static bg_result add_documents (poll_work *work, bg_error *err)
{
    broker_core *self = work->request->core;
    size_t count = 0;
    broker_document **pending =
        bg_arena_array (work->request->arena, broker_document *, work->target->pending + 1);
    for (broker_document *document = self->documents; document; document = document->hh.next) {
        if (document->type == WIRE_TYPE_AUTHORITY ||
            broker_deliver_state (document, work->target->number) != WIRE_DELIVERY_PENDING)
            continue;
        bg_assert (count < work->target->pending);
        pending[count++] = document;
    }
    qsort (pending, count, sizeof *pending, by_age);
    for (size_t i = 0; i < count; i++) {
        wire_signed item;
        if (!has_room (work, pending[i]->signed_size))
            return bg_ok ();
        BG_TRY (broker_document_signed (self, pending[i], work->request->arena, &item, err));
        add (work, &item, pending[i]->signed_size);
    }
    return bg_ok ();
}

static int by_id (const void *a, const void *b)
{
    const broker_execution *left = *(broker_execution *const *) a;
    const broker_execution *right = *(broker_execution *const *) b;
    return bg_id_compare (left->id, right->id);
}

static bg_result add_deeds (poll_work *work, bg_error *err)
{
    broker_core *self = work->request->core;
    size_t count = 0;
    broker_execution **pending =
        bg_arena_array (work->request->arena, broker_execution *, work->target->deeds + 1);
    for (broker_execution *execution = self->executions; execution && count < work->target->deeds;
         execution = execution->hh.next)
        if (broker_execution_is_pending (execution, work->target->number) &&
            work->request->now.utc_us < execution->expires_us)
            pending[count++] = execution;
    qsort (pending, count, sizeof *pending, by_id);
    for (size_t i = 0; i < count && !work->answer.more; i++)
        BG_TRY (add_encoded (work, bg_slice_of (pending[i]->bytes, pending[i]->size), err));
    return bg_ok ();
}

static bg_result add_instructions (poll_work *work, bg_error *err)
{
    const bg_id zero = {0};
    const broker_target *target = work->target;
    work->answer.instructions =
        bg_arena_array (work->request->arena, wire_signed, INSTRUCTIONS_MAX);
    if (broker_mode_is_quiet (work->request->core))
        return bg_ok ();
    if (target->pending > 0) {
        const broker_document *authority = broker_document_with_key (work->request->core, zero);
        bg_assert (authority);
        BG_TRY (add_authority (work, authority, err));
        if (target->membership_state == WIRE_DELIVERY_PENDING)
            BG_TRY (add_encoded (work, target->membership_bytes, err));
        BG_TRY (add_documents (work, err));
    }
    return target->deeds > 0 ? add_deeds (work, err) : bg_ok ();
}

static void attest (poll_work *work)
{
    const broker_core *self = work->request->core;
    const wire_poll *poll = work->request->body;
    wire_attestation attestation = {.installation = self->settings.installation,
        .target = work->target->id,
        .exec_nonce = poll->exec_nonce,
        .time_us = work->request->now.utc_us,
        .term = (uint64_t) self->term,
        .position = (uint64_t) self->position,
        .authority = wire_keyring_version (self->keyring),
        .membership = work->target->membership_version};
    memcpy (attestation.nonce, poll->nonce, sizeof attestation.nonce);
    memcpy (attestation.digest, work->target->digest, sizeof attestation.digest);
    wire_signed_make (self->crypto, WIRE_TYPE_ATTESTATION, self->settings.installation,
        &attestation, self->settings.sign_secret, work->request->arena, &work->answer.attestation);
}

bg_result broker_on_poll (broker_request *request, bg_error *err)
{
    const wire_poll *poll = request->body;
    broker_target *target = request->target;
    poll_work work = {.request = request, .target = target};
    if (target->session_epoch != request->core->mode.session_epoch) {
        bg_ignore (bg_fail (err, BG_STALE, "what the session was opened with has changed"));
        return bg_hint (err, "say HELLO again");
    }
    target->polled_mono_us = request->now.mono_us;
    target->marks.last_poll_us = request->now.utc_us;
    work.answer.streams =
        broker_stream_heads (request->core, target, request->arena, &work.answer.streams_count);
    work.bytes_left = WIRE_POLL_BYTES_MAX - SIGNED_EXTRA - HEAD_BYTES * work.answer.streams_count;
    BG_TRY (add_instructions (&work, err));
    work.answer.inventory = broker_inventory_wanted (request, poll);
    attest (&work);
    broker_answer (request, WIRE_POLL_ANSWER, &work.answer);
    return bg_ok ();
}

/*  ---- FETCH ----  */

static bg_result no_such_document (bg_error *err)
{
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no such document for this target"));
    return bg_hint (err, "poll");
}

static bg_result stored_version (broker_request *request, const broker_document *document,
    uint64_t version, wire_signed *out, bg_error *err)
{
    broker_core *self = request->core;
    broker_document_record record;
    bool found = false;
    BG_TRY (self->store->document_get (
        self->store->ctx, document->key, version, request->arena, &record, &found, err));
    if (!found)
        return no_such_document (err);
    if (bg_failed (
            WIRE_DECODE (signed, record.signed_bytes, WIRE_AS_MESSAGE, request->arena, out, err)))
        return broker_stored_badly (err, "a document");
    return bg_ok ();
}

/*  A deed that is too large to be pushed, as long as it is still to be told to this target.  */
static bg_result fetch_deed (broker_request *request, bg_id id, bg_error *err)
{
    broker_execution *execution = NULL;
    HASH_FIND (hh, request->core->executions, &id, sizeof id, execution);
    if (!execution || !broker_execution_is_pending (execution, request->target->number))
        return no_such_document (err);
    wire_fetched answer = {.has_document = true};
    if (bg_failed (WIRE_DECODE (signed, bg_slice_of (execution->bytes, execution->size),
            WIRE_AS_MESSAGE, request->arena, &answer.document, err)))
        return broker_stored_badly (err, "a deed");
    broker_answer (request, WIRE_FETCHED, &answer);
    return bg_ok ();
}

bg_result broker_on_fetch (broker_request *request, bg_error *err)
{
    const wire_fetch *fetch = request->body;
    if (fetch->what.type == WIRE_TYPE_DEED)
        return fetch_deed (request, fetch->what.key, err);
    broker_document *document = broker_document_with_key (request->core, fetch->what.key);
    if (!document || !broker_bitmap_has (&document->rows, request->target->number) ||
        (fetch->what.version != document->version && document->type != WIRE_TYPE_AUTHORITY))
        return no_such_document (err);
    wire_fetched answer = {.has_document = true};
    if (fetch->what.version == document->version)
        BG_TRY (broker_document_signed (
            request->core, document, request->arena, &answer.document, err));
    else
        BG_TRY (stored_version (request, document, fetch->what.version, &answer.document, err));
    broker_answer (request, WIRE_FETCHED, &answer);
    return bg_ok ();
}
