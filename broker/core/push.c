/*  Ahead of the poll: a new version or a deed goes at once to those who are connected. By stream
    where the audience is exactly one stream's, else to each target over its own session, at most a
    thousand a piece, the first piece at once. Nothing here is needed for correctness: who misses a
    push polls.

    Instructions over the inline limit go as references; the node fetches them.  */
#include "broker/core/rooms.h"

static void encode_one (const wire_signed *item, const wire_reference *reference, bg_buf *out)
{
    const wire_instruct instruct = {.instructions = (wire_signed *) (uintptr_t) item,
        .instructions_count = item ? 1 : 0,
        .references = (wire_reference *) (uintptr_t) reference,
        .references_count = reference ? 1 : 0};
    wire_encode (&wire_desc_instruct, &instruct, out);
}

static wire_reference reference_to (const broker_document *document)
{
    wire_reference reference = {
        .type = document->type, .key = document->key, .version = document->version};
    memcpy (reference.hash, document->hash, sizeof reference.hash);
    return reference;
}

static broker_push *push_new (bg_id key, uint64_t version, bool is_deed, bool rest_only)
{
    broker_push *push = bg_alloc (sizeof *push);
    push->key = key;
    push->version = version;
    push->is_deed = is_deed;
    push->rest_only = rest_only;
    return push;
}

void broker_push_free (broker_push *push)
{
    bg_buf_fini (&push->body);
    free (push);
}

/*  ---- pieces ----  */

/*  The rows that a push is about; NULL when it is no longer about anything.  */
static const broker_bitmap *rows_of (const broker_core *self, const broker_push *push,
    const broker_document **document, const broker_execution **execution)
{
    *document = NULL;
    *execution = NULL;
    if (push->is_deed) {
        broker_execution *found = NULL;
        HASH_FIND (hh, self->executions, &push->key, sizeof push->key, found);
        *execution = found;
        return found ? &found->addressed : NULL;
    }
    *document = broker_document_with_key (self, push->key);
    return *document && (*document)->version == push->version ? &(*document)->rows : NULL;
}

/*  A target takes from a stream what it can tell to be for it: what it is addressed by, or has in another version. That
    it is to have a schedule or calendar for the first time it hears over its own session.  */
static bool hears_stream (const broker_document *document, uint32_t number)
{
    if (!broker_document_is_shared (document))
        return broker_bitmap_has (&document->addressed, number);
    return broker_held_find (&document->held, number, NULL) != BROKER_HELD_NONE;
}

static bool wants (const broker_push *push, const broker_document *document,
    const broker_execution *execution, uint32_t number)
{
    if (execution)
        return broker_execution_is_pending (execution, number);
    if (push->rest_only && hears_stream (document, number))
        return false;
    return broker_deliver_state (document, number) == WIRE_DELIVERY_PENDING;
}

/*  True when there is more to do.  */
static bool push_piece (broker_core *self, bg_now now, broker_push *push)
{
    const broker_document *document;
    const broker_execution *execution;
    const broker_bitmap *rows = rows_of (self, push, &document, &execution);
    if (!rows)
        return false;
    uint32_t number = broker_bitmap_next (rows, push->cursor);
    for (size_t done = 0; number && done < BROKER_PIECE;
         number = broker_bitmap_next (rows, number), done++) {
        push->cursor = number;
        const broker_target *target = broker_target_at (self, number);
        if (target && broker_target_is_connected (self, target, now) &&
            wants (push, document, execution, number))
            broker_send_target (self, target, WIRE_INSTRUCT, bg_buf_slice (&push->body));
    }
    return number != 0;
}

bool broker_push_work (broker_core *self, bg_now now)
{
    broker_push *push = self->pushes;
    if (!push)
        return false;
    if (push_piece (self, now, push))
        return true;
    self->pushes = push->next;
    if (!self->pushes)
        self->push_end = &self->pushes;
    broker_push_free (push);
    return self->pushes != NULL;
}

static void push_begin (broker_core *self, bg_now now, broker_push *push)
{
    if (!push_piece (self, now, push)) {
        broker_push_free (push);
        return;
    }
    *self->push_end = push;
    self->push_end = &push->next;
}

/*  ---- what is pushed ----  */

static broker_stream *stream_of (broker_core *self, const broker_document *document)
{
    if (document->type == WIRE_TYPE_AUTHORITY)
        return broker_stream_named (self, bg_slice_str ("all"));
    if (document->type == WIRE_TYPE_SWITCH) {
        const broker_document *object = broker_document_with_key (self, document->object_key);
        return object && object->type != WIRE_TYPE_SWITCH ? stream_of (self, object) : NULL;
    }
    if (document->object_type == WIRE_TYPE_SCHEDULE || document->object_type == WIRE_TYPE_CALENDAR)
        return broker_shared_stream (self, document);
    return broker_stream_for (self, &document->audience);
}

static bool all_hear_stream (const broker_document *document)
{
    for (uint32_t number = broker_bitmap_next (&document->rows, 0); number;
         number = broker_bitmap_next (&document->rows, number))
        if (!hears_stream (document, number))
            return false;
    return true;
}

static void push_rows (broker_core *self, bg_now now, const broker_document *document,
    const wire_signed *item, bool rest_only)
{
    const bool is_inline = document->signed_size <= WIRE_INLINE_MAX;
    const wire_reference reference = reference_to (document);
    broker_push *push = push_new (document->key, document->version, false, rest_only);
    encode_one (is_inline ? item : NULL, is_inline ? NULL : &reference, &push->body);
    push_begin (self, now, push);
}

bg_result broker_push_document (
    broker_core *self, bg_now now, broker_document *document, bg_error *err)
{
    if (broker_mode_is_quiet (self) || broker_bitmap_next (&document->rows, 0) == 0)
        return bg_ok ();
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    BG_TRY (broker_document_signed (self, document, &arena, &item, err));
    bool is_inline = document->signed_size <= WIRE_INLINE_MAX;
    const wire_reference reference = reference_to (document);
    broker_stream *stream = stream_of (self, document);
    if (stream)
        broker_stream_queue (self, stream, is_inline ? &item : NULL, &reference);
    /*  A withdrawal addresses nobody by itself; its stream is that of the definition it ends.  */
    if (stream && (document->type == WIRE_TYPE_WITHDRAWAL || all_hear_stream (document)))
        return bg_ok ();
    push_rows (self, now, document, &item, stream != NULL);
    return bg_ok ();
}

bg_result broker_push_single (
    broker_core *self, bg_now now, broker_document *document, bg_error *err)
{
    if (broker_mode_is_quiet (self))
        return bg_ok ();
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    BG_TRY (broker_document_signed (self, document, &arena, &item, err));
    push_rows (self, now, document, &item, false);
    return bg_ok ();
}

/*  A stream reaches all of its members, and who holds no such job would have to say so about a START
    that was never for it. So it is a stream only when those addressed are all whom it stands for:
    whom the deed names, or else whom the job is for.  */
static broker_stream *stream_of_deed (
    broker_core *self, const broker_execution *execution, const wire_audience *to)
{
    const broker_document *job = broker_document_with_key (self, execution->job_key);
    const wire_audience *audiences[] = {to, job ? &job->audience : NULL};
    for (size_t i = 0; i < 2; i++) {
        broker_stream *stream = audiences[i] ? broker_stream_for (self, audiences[i]) : NULL;
        if (!stream)
            continue;
        broker_bitmap meant = {0};
        broker_deliver_audience (self, audiences[i], &meant);
        size_t both = broker_bitmap_size_both (&meant, &execution->addressed);
        bool same = both == broker_bitmap_size (&meant) && both == execution->targets;
        broker_bitmap_fini (&meant);
        if (same)
            return stream;
    }
    return NULL;
}

bg_result broker_push_deed (broker_core *self, bg_now now, const broker_execution *execution,
    const wire_audience *to, bg_error *err)
{
    if (broker_mode_is_quiet (self))
        return bg_ok ();
    BG_AUTO_ARENA arena = {0};
    wire_signed item;
    if (bg_failed (WIRE_DECODE (signed, bg_slice_of (execution->bytes, execution->size),
            WIRE_AS_MESSAGE, &arena, &item, err)))
        return broker_stored_badly (err, "a deed");
    broker_stream *stream = stream_of_deed (self, execution, to);
    bool is_inline = execution->size <= WIRE_INLINE_MAX;
    wire_reference reference = {.type = WIRE_TYPE_DEED, .key = execution->id, .version = 1};
    wire_hash32 (item.bytes, reference.hash);
    if (stream) {
        broker_stream_queue (self, stream, is_inline ? &item : NULL, &reference);
        return bg_ok ();
    }
    broker_push *push = push_new (execution->id, 0, true, false);
    encode_one (is_inline ? &item : NULL, is_inline ? NULL : &reference, &push->body);
    push_begin (self, now, push);
    return bg_ok ();
}

bg_result broker_push_again (broker_core *self, bg_now now, broker_document *document,
    const broker_target *target, bg_error *err)
{
    if (target->key_cut || !broker_target_is_connected (self, target, now))
        return bg_ok ();
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF body = {0};
    wire_signed item;
    const wire_reference reference = reference_to (document);
    BG_TRY (broker_document_signed (self, document, &arena, &item, err));
    const bool is_inline = document->signed_size <= WIRE_INLINE_MAX;
    encode_one (is_inline ? &item : NULL, is_inline ? NULL : &reference, &body);
    broker_send_target (self, target, WIRE_INSTRUCT, bg_buf_slice (&body));
    return bg_ok ();
}

bg_result broker_push_membership (
    broker_core *self, bg_now now, const broker_target *target, bg_error *err)
{
    if (target->key_cut || broker_mode_is_quiet (self) ||
        !broker_target_is_connected (self, target, now))
        return bg_ok ();
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF body = {0};
    wire_signed item;
    if (bg_failed (
            WIRE_DECODE (signed, target->membership_bytes, WIRE_AS_MESSAGE, &arena, &item, err)))
        return broker_stored_badly (err, "a membership");
    encode_one (&item, NULL, &body);
    broker_send_target (self, target, WIRE_INSTRUCT, bg_buf_slice (&body));
    return bg_ok ();
}
