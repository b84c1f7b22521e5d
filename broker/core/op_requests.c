/*  Requests about rows of the download list: try again, or give up.

    RETRY makes a refused or skipped document pending again and sends it. SKIP ends a row that is
    pending, waiting or refused: nothing is sent any more until there is a newer version. A deed is
    done once: a pending one can be skipped, a refused one cannot be tried again. Who the target is
    and who may sign (membership, authority) is never skipped.

    Each row carries the version that the person saw; where a newer one has come meanwhile, nothing
    is done. Rows that are not in a state for it are passed over and counted.  */
#include "broker/core/ops.h"

typedef struct {
    broker_request *request;
    const wire_request *ask;
    const wire_login *signer;
    bool dry_run;
    wire_done *answer;
    uint32_t other_version;
    uint32_t other_state;
} work;

static bg_result no_such (const wire_op_ref *ref, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no instruction %llu-%s",
        (unsigned long long) ref->number, bg_id_short (ref->key).text));
    return bg_hint (err, "see: bugle op list");
}

/*  The row's note with who did it; what the target said last stays.  */
static bg_result note (
    work *self, bg_id key, uint32_t number, uint64_t version, uint64_t state, bg_error *err)
{
    broker_core *core = self->request->core;
    const broker_store *store = core->store;
    broker_note_record record = {0};
    bool found = false;
    BG_TRY (store->note_get (store->ctx, key, number, self->request->arena, &record, &found, err));
    if (!found || record.version != version)
        record = (broker_note_record){0};
    record.object = key;
    record.number = number;
    record.version = version;
    record.state = state;
    record.at_us = self->request->now.utc_us;
    record.by = self->signer->name;
    record.reason = self->ask->reason;
    core->changed = true;
    return store->note_put (store->ctx, &record, err);
}

/*  ---- documents ----  */

static bg_result set_document (
    work *self, broker_document *document, broker_target *target, uint64_t state, bg_error *err)
{
    broker_core *core = self->request->core;
    BG_TRY (note (self, document->key, target->number, document->version,
        state == WIRE_DELIVERY_PENDING ? WIRE_DELIVERY_FAILED : state, err));
    if (broker_bitmap_set (&document->noted, target->number))
        broker_document_dirty (core, document);
    broker_deliver_set (core, document, target, state);
    return state == WIRE_DELIVERY_PENDING
               ? broker_push_again (core, self->request->now, document, target, err)
               : bg_ok ();
}

static bool may_retry (uint64_t state)
{
    return state == WIRE_DELIVERY_FAILED || state == WIRE_DELIVERY_SKIPPED;
}

static bool may_skip (uint64_t state)
{
    return state == WIRE_DELIVERY_PENDING || state == WIRE_DELIVERY_WAITING ||
           state == WIRE_DELIVERY_FAILED;
}

static bg_result never_skipped (const char *what, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_NOT_ALLOWED,
        "%s is never skipped: without it the target can check "
        "nothing that comes after it",
        what));
    return bg_hint (
        err, "try it again: bugle op retry; or look at the target: bugle target doctor");
}

static bg_result do_document (
    work *self, broker_document *document, broker_target *target, uint64_t wanted, bg_error *err)
{
    const uint64_t state = broker_deliver_state (document, target->number);
    const bool skips = wanted == WIRE_DELIVERY_SKIPPED;
    if (skips && document->type == WIRE_TYPE_AUTHORITY)
        return never_skipped ("the authority", err);
    if (!(skips ? may_skip (state) : may_retry (state))) {
        self->other_state++;
        return bg_ok ();
    }
    self->answer->count++;
    return self->dry_run ? bg_ok () : set_document (self, document, target, wanted, err);
}

/*  ---- memberships and deeds ----  */

static bg_result do_member (work *self, broker_target *target, uint64_t wanted, bg_error *err)
{
    broker_core *core = self->request->core;
    if (wanted == WIRE_DELIVERY_SKIPPED)
        return never_skipped ("a membership", err);
    if (target->membership_state != WIRE_DELIVERY_FAILED) {
        self->other_state++;
        return bg_ok ();
    }
    self->answer->count++;
    if (self->dry_run)
        return bg_ok ();
    broker_deliver_membership_state (target, WIRE_DELIVERY_PENDING);
    broker_op_member_changed (core, target);
    core->changed = true;
    BG_TRY (broker_target_store (core, target, err));
    return broker_push_membership (core, self->request->now, target, err);
}

static bg_result do_deed (
    work *self, broker_execution *deed, broker_target *target, uint64_t wanted, bg_error *err)
{
    broker_core *core = self->request->core;
    if (wanted != WIRE_DELIVERY_SKIPPED) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED,
            "a %s is done once: what a target refused is not tried again",
            wire_deed_word (deed->what)));
        return bg_hint (err, "start it anew: bugle job start, or bugle exec retry");
    }
    if (!broker_execution_is_pending (deed, target->number)) {
        self->other_state++;
        return bg_ok ();
    }
    self->answer->count++;
    if (self->dry_run)
        return bg_ok ();
    BG_TRY (note (self, deed->id, target->number, 0, WIRE_DELIVERY_SKIPPED, err));
    broker_op_deed_changed (core, deed, target->number, WIRE_DELIVERY_SKIPPED);
    /*  If it has begun already and nobody here knows, what it says itself will count.  */
    broker_bitmap one = {0};
    broker_bitmap_set (&one, target->number);
    const bg_id by = broker_id_is_key (deed->canceled_by) ? deed->canceled_by : self->ask->id;
    broker_execution_cancel (core, self->request->now, deed, &one, by);
    broker_bitmap_fini (&one);
    return bg_ok ();
}

static bg_result do_one (work *self, const wire_op_ref *ref, uint64_t wanted, bg_error *err)
{
    broker_core *core = self->request->core;
    broker_target *target = broker_target_at (core, (uint32_t) ref->number);
    broker_document *document = broker_document_with_key (core, ref->key);
    if (!target || target->key_cut)
        return no_such (ref, err);
    const bool is_member = bg_id_equal (ref->key, target->id);
    const uint64_t version = document    ? document->version
                             : is_member ? target->membership_version
                                         : 0;
    if (ref->version != 0 && version != 0 && ref->version != version) {
        self->other_version++;
        return bg_ok ();
    }
    if (document)
        return do_document (self, document, target, wanted, err);
    if (is_member)
        return do_member (self, target, wanted, err);
    broker_execution *deed = NULL;
    BG_TRY (broker_execution_get (core, self->request->now, ref->key, &deed, err));
    if (!deed || !broker_bitmap_has (&deed->addressed, target->number))
        return no_such (ref, err);
    return do_deed (self, deed, target, wanted, err);
}

static void describe (work *self, const char *what)
{
    bg_arena *arena = self->request->arena;
    wire_pair *values = bg_arena_array (arena, wire_pair, 2);
    values[0] =
        (wire_pair){bg_slice_str ("changed"), bg_arena_printf (arena, "%u", self->other_version)};
    values[1] =
        (wire_pair){bg_slice_str ("passed_over"), bg_arena_printf (arena, "%u", self->other_state)};
    self->answer->values = values;
    self->answer->values_count = 2;
    self->answer->text = bg_arena_printf (arena, "%s %llu instruction%s", what,
        (unsigned long long) self->answer->count, self->answer->count == 1 ? "" : "s");
}

/*  All are looked at before the first is changed.  */
static bg_result do_all (work *self, uint64_t wanted, const char *what, bg_error *err)
{
    const bool dry_run = self->dry_run;
    if (self->ask->ops_count == 0)
        return bg_fail (err, BG_INVALID, "the request names no instruction");
    for (int pass = 0; pass < (dry_run ? 1 : 2); pass++) {
        self->dry_run = pass == 0;
        self->answer->count = 0;
        self->other_state = self->other_version = 0;
        for (size_t i = 0; i < self->ask->ops_count; i++)
            BG_TRY (do_one (self, &self->ask->ops[i], wanted, err));
    }
    describe (self, what);
    return bg_ok ();
}

bg_result broker_request_op_retry (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    work self = {
        .request = request, .ask = ask, .signer = signer, .dry_run = dry_run, .answer = answer};
    return do_all (&self, WIRE_DELIVERY_PENDING, "retried", err);
}

bg_result broker_request_op_skip (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    work self = {
        .request = request, .ask = ask, .signer = signer, .dry_run = dry_run, .answer = answer};
    if (ask->reason.size == 0)
        return bg_fail (err, BG_INVALID, "skipping takes a reason");
    return do_all (&self, WIRE_DELIVERY_SKIPPED, "skipped", err);
}
