/*  Questions of people about this target: how it is, and what it believes to hold. They come through the broker, and the
    state also answers on the machine itself. Changes nothing.

    A page of beliefs ends with a whole key, at PAGE_ROWS rows or PAGE_BYTES, whichever comes first.  */
#include "node/core/rooms.h"

#define PAGE_ROWS  256u
#define PAGE_BYTES (100u * 1024)
#define SLOT_ROWS  3u  /*  held, refused, waiting  */
#define ROW_BYTES  80u /*  of a row beside its texts  */
#define NAME_BYTES 256u

/*  ---- what it believes ----  */

static bg_slice name_in (node_core *self, bg_slice signed_item, bg_arena *arena)
{
    wire_signed item;
    wire_document document;
    wire_job job;
    wire_switch value;
    wire_withdrawal withdrawal;
    if (bg_failed (node_decode_signed (signed_item, arena, &item, NULL)) ||
        bg_failed (WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, arena, &document, NULL)))
        return (bg_slice){0};
    switch (document.type) {
    case WIRE_TYPE_AUTHORITY:
        return bg_slice_str ("authority");
    case WIRE_TYPE_MEMBERSHIP:
        return bg_slice_str ("membership");
    case WIRE_TYPE_JOB:
        if (bg_failed (WIRE_DECODE (job, document.body, WIRE_AS_MESSAGE, arena, &job, NULL)))
            return (bg_slice){0};
        return bg_arena_copy (&self->scratch, job.name);
    case WIRE_TYPE_SWITCH:
        if (bg_failed (WIRE_DECODE (switch, document.body, WIRE_AS_MESSAGE, arena, &value, NULL)))
            return (bg_slice){0};
        return bg_arena_printf (&self->scratch, "%s:%.*s", wire_type_word (value.object_type),
            BG_SLICE_ARG (value.object_name));
    case WIRE_TYPE_WITHDRAWAL:
        if (bg_failed (
                WIRE_DECODE (withdrawal, document.body, WIRE_AS_MESSAGE, arena, &withdrawal, NULL)))
            return (bg_slice){0};
        return bg_arena_copy (&self->scratch, withdrawal.object_name);
    default:
        return (bg_slice){0};
    }
}

bg_slice node_document_name (node_core *self, bg_slice signed_item)
{
    BG_AUTO_ARENA arena = {0};
    return name_in (self, signed_item, &arena);
}

static bg_result read_belief (
    node_core *self, const node_slot *slot, node_place place, wire_belief *out, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_ARENA arena = {0};
    node_document_row row;
    bool found = false;
    BG_TRY (store->document_get (store->ctx, place, slot->key, &arena, &row, &found, err));
    if (!found)
        return bg_ok ();
    *out = (wire_belief){
        .key = slot->key,
        .type = row.type,
        .version = row.version,
        .place = row.dropped ? WIRE_BELIEF_KEPT : (uint64_t) place,
        .code = bg_arena_copy (&self->scratch, node_cut (row.code, 64)),
        .message = bg_arena_copy (&self->scratch, node_cut (row.message, 512)),
        .name = node_cut (name_in (self, row.signed_item, &arena), NAME_BYTES),
    };
    return bg_ok ();
}

/*  Rows of one key; *bytes grows by what they take on the wire.  */
static bg_result add_slot (
    node_core *self, const node_slot *slot, wire_told *told, size_t *bytes, bg_error *err)
{
    const struct {
        const node_version *version;
        node_place place;
    } places[SLOT_ROWS] = {{&slot->held, NODE_PLACE_HELD}, {&slot->refused, NODE_PLACE_REFUSED},
        {&slot->waiting, NODE_PLACE_WAITING}};
    for (size_t i = 0; i < SLOT_ROWS; i++) {
        wire_belief belief = {0};
        if (!places[i].version->there)
            continue;
        BG_TRY (read_belief (self, slot, places[i].place, &belief, err));
        if (belief.version == 0)
            continue;
        told->beliefs[told->beliefs_count++] = belief;
        *bytes += ROW_BYTES + belief.code.size + belief.message.size + belief.name.size;
    }
    return bg_ok ();
}

static bg_result tell_beliefs (node_core *self, const wire_ask *ask, wire_told *told, bg_error *err)
{
    const bool first = bg_id_is_zero (ask->after);
    size_t bytes = 0;
    told->beliefs = bg_arena_array (&self->scratch, wire_belief, PAGE_ROWS);
    for (size_t i = 0; i < self->slots.count; i++) {
        const node_slot *slot = self->slots.items[i];
        if (!first && bg_id_compare (slot->key, ask->after) <= 0)
            continue;
        if (told->beliefs_count + SLOT_ROWS > PAGE_ROWS || bytes > PAGE_BYTES) {
            told->more = true;
            break;
        }
        BG_TRY (add_slot (self, slot, told, &bytes, err));
    }
    return bg_ok ();
}

/*  ---- output that is kept here ----  */

/*  A run of an execution that is going on here; the others are known by their own id.  */
static bg_id run_of (const node_core *self, const wire_ask *ask)
{
    for (size_t i = 0; bg_id_is_zero (ask->run) && i < self->open_runs.count; i++) {
        const node_open_run *open = self->open_runs.items[i];
        if (!bg_id_is_zero (ask->exec) && bg_id_equal (open->exec, ask->exec))
            return open->run;
    }
    return ask->run;
}

/*  bugle-exec has it. True when it was asked; else told says why not.  */
static bool ask_output (
    node_core *self, const wire_header *header, const wire_ask *ask, wire_told *told)
{
    const wire_exec_output question = {
        .run = run_of (self, ask), .step = ask->step, .offset = ask->offset, .limit = ask->limit};
    if (bg_id_is_zero (question.run)) {
        told->code = bg_slice_str (bg_code_word (BG_NOT_FOUND));
        told->message = bg_slice_str ("no run of it is going on here");
        return false;
    }
    if (!self->exec.connected || self->asks.count >= NODE_OFFERS_MAX) {
        told->code = bg_slice_str (bg_code_word (BG_OFFLINE));
        told->message = bg_slice_str (
            "the node is there, but bugle-exec, which keeps the output, does not answer it");
        return false;
    }
    node_ask *pending = node_ask_new (NODE_ASK_OUTPUT, question.run);
    pending->asked = header->request;
    node_ask_exec (self, pending, WIRE_EXEC_OUTPUT, &question);
    return true;
}

void node_question_output (node_core *self, const node_ask *ask, const wire_exec_output_part *part)
{
    const wire_told told = {.code = part->code,
        .message = part->message,
        .bytes = part->bytes,
        .total = part->total,
        .done = part->done,
        .step = part->step,
        .step_name = part->step_name,
        .offset = part->offset,
        .lost = part->lost,
        .run = ask->subject,
        .run_state = part->run_state};
    if (node_session_is_up (self))
        node_say_as (self, NODE_LINK_DESK, ask->asked, WIRE_TOLD, &told);
}

/*  ---- a question ----  */

bg_result node_question (
    node_core *self, const wire_header *header, const wire_ask *ask, bg_error *err)
{
    if (!node_session_is_up (self))
        return bg_ok ();
    wire_told told = {.code = bg_slice_str ("ok")};
    switch (ask->what) {
    case WIRE_ASK_STATE:
        told.has_state = true;
        BG_TRY (node_describe_state (self, &told.state, err));
        break;
    case WIRE_ASK_BELIEFS:
        BG_TRY (tell_beliefs (self, ask, &told, err));
        break;
    case WIRE_ASK_OUTPUT:
        if (ask_output (self, header, ask, &told))
            return bg_ok (); /*  bugle-exec's answer is ours  */
        break;
    default:
        told.code = bg_slice_str (bg_code_word (BG_NOT_IN_VERSION));
        told.message = bg_slice_str ("this node does not know this question");
        told.hint = bg_slice_str ("upgrade the package on the target");
    }
    node_say_as (self, NODE_LINK_DESK, header->request, WIRE_TOLD, &told);
    return bg_ok ();
}
