/*  Requests about targets: RESYNC and FORGET.

    RESYNC asks a target what it holds, whatever the digests say, and with `full` sends it everything
    once more; which documents it holds changes one by one, so there is no moment without jobs.
    FORGET takes targets that have left out of the lists: their history stays, their keys are cut.

    Invariant: only a target that is no member is forgotten.  */
#include "broker/core/rooms.h"

#define NAMES_MAX 1000u /*  wire_done.names  */

/*  An empty INSTRUCT: poll now.  */
static void nudge (broker_core *self, const broker_target *target, bg_now now)
{
    const wire_instruct nothing = {0};
    BG_AUTO_BUF body = {0};
    if (!broker_target_is_connected (self, target, now))
        return;
    wire_encode (&wire_desc_instruct, &nothing, &body);
    broker_send_target (self, target, WIRE_INSTRUCT, bg_buf_slice (&body));
}

static void add_name (broker_request *request, wire_done *answer, const broker_target *target)
{
    if (!answer->names)
        answer->names = bg_arena_array (request->arena, bg_slice, NAMES_MAX);
    if (answer->names_count < NAMES_MAX)
        answer->names[answer->names_count++] = bg_slice_str (target->name);
    answer->count++;
}

/*  ---- RESYNC ----  */

static void send_all_again (broker_core *self, broker_target *target)
{
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (broker_bitmap_has (&document->rows, target->number))
            broker_deliver_set (self, document, target, WIRE_DELIVERY_PENDING);
    broker_deliver_membership_state (target, WIRE_DELIVERY_PENDING);
}

static bg_result resync (broker_request *request, broker_target *target, bool full, bg_error *err)
{
    broker_core *self = request->core;
    target->resync = true;
    if (full) {
        send_all_again (self, target);
        BG_TRY (broker_target_store (self, target, err));
    }
    nudge (self, target, request->now);
    return bg_ok ();
}

bg_result broker_request_resync (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    (void) signer;
    BG_TRY (wire_audience_check (&ask->to, err));
    for (uint32_t number = 1; number < self->next_number; number++) {
        broker_target *target = broker_target_at (self, number);
        if (!target || !broker_target_matches (target, &ask->to))
            continue;
        add_name (request, answer, target);
        if (!dry_run)
            BG_TRY (resync (request, target, ask->full, err));
    }
    if (answer->count == 0) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "that matched no target (%u enlisted)", self->members));
        return bg_hint (err, "see: bugle target list -o wide");
    }
    answer->text = bg_arena_printf (request->arena, "%s of %llu targets",
        ask->full ? "everything again" : "an inventory", (unsigned long long) answer->count);
    return bg_ok ();
}

/*  ---- FORGET ----  */

static bg_result find_left (
    broker_request *request, bg_slice id, broker_target **target, bg_error *err)
{
    bg_id parsed;
    BG_TRY (bg_id_parse (id, &parsed, err));
    *target = broker_target_with_id (request->core, parsed);
    if (!*target)
        return bg_fail (err, BG_NOT_FOUND, "there is no target %.*s", BG_SLICE_ARG (id));
    if (!broker_target_is_member (*target))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_CONFLICT, "target '%s' is a member", (*target)->name));
    return bg_hint (err, "remove it first: bugle target defect '%s'", (*target)->name);
}

static bg_result forget (broker_request *request, broker_target *target, bg_error *err)
{
    broker_core *self = request->core;
    target->forgotten_us = request->now.utc_us;
    broker_log (
        self, BROKER_LOG_NOTICE, "target-forgotten", "%s, number %u", target->name, target->number);
    return target->key_cut ? broker_target_store (self, target, err)
                           : broker_target_cut (self, target, err);
}

bg_result broker_request_forget (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    (void) signer;
    broker_target **targets = bg_arena_array (request->arena, broker_target *, ask->ids_count + 1);
    if (ask->ids_count == 0)
        return bg_fail (err, BG_INVALID, "no targets are named");
    for (size_t i = 0; i < ask->ids_count; i++) {
        request->item = i + 1;
        BG_TRY (find_left (request, ask->ids[i], &targets[i], err));
    }
    request->item = 0;
    for (size_t i = 0; i < ask->ids_count; i++) {
        add_name (request, answer, targets[i]);
        if (!dry_run)
            BG_TRY (forget (request, targets[i], err));
    }
    answer->text =
        bg_arena_printf (request->arena, "%llu targets", (unsigned long long) answer->count);
    return bg_ok ();
}
