/*  The invariants over the whole state, checked from scratch: what deliver.c, executions.c and
    targets.c keep up to date by small steps is counted anew and compared. For tests and the
    simulator.  */
#include "broker/core/rooms.h"

/*  What jobs share stands where they stand, and so does its switch.  */
static void check_shared (const broker_core *self, const broker_document *document)
{
    broker_bitmap addressed = {0};
    if (!broker_document_is_shared (document))
        return;
    broker_shared_addressed (self, document->key, &addressed);
    const size_t both = broker_bitmap_size_both (&addressed, &document->addressed);
    bg_assert (both == broker_bitmap_size (&addressed) &&
               both == broker_bitmap_size (&document->addressed));
    const broker_document *flip = broker_document_switch (self, document);
    if (flip)
        bg_assert (broker_bitmap_size_both (&flip->rows, &document->rows) ==
                   broker_bitmap_size (&document->rows));
    broker_bitmap_fini (&addressed);
}

static void check_document (const broker_document *document)
{
    enum { SETS = 4 };
    const broker_bitmap *settled[SETS] = {
        &document->applied, &document->waiting, &document->failed, &document->skipped};
    for (size_t i = 0; i < SETS; i++) {
        bg_assert (broker_bitmap_size_both (settled[i], &document->rows) ==
                   broker_bitmap_size (settled[i]));
        for (size_t k = i + 1; k < SETS; k++)
            bg_assert (broker_bitmap_size_both (settled[i], settled[k]) == 0);
    }
    bg_assert (broker_bitmap_size_both (&document->addressed, &document->rows) ==
               broker_bitmap_size (&document->addressed));
    bg_assert (broker_bitmap_size_both (&document->noted, &document->rows) ==
               broker_bitmap_size (&document->noted));
    for (uint32_t number = broker_bitmap_next (&document->rows, 0); number;
         number = broker_bitmap_next (&document->rows, number)) {
        const uint64_t held = broker_held_find (&document->held, number, NULL);
        const uint64_t settled_before = broker_held_find (&document->settled, number, NULL);
        if (broker_bitmap_has (&document->applied, number))
            bg_assert (held == BROKER_HELD_NONE);
        if (broker_bitmap_has (&document->applied, number) ||
            broker_bitmap_has (&document->failed, number))
            bg_assert (settled_before == BROKER_HELD_NONE);
    }
}

typedef struct {
    uint32_t pending;
    uint32_t waiting;
    uint32_t failed;
    uint32_t skipped;
    uint32_t blind;
    uint32_t rows;
    uint32_t deeds;
    uint8_t digest[WIRE_DIGEST_BYTES];
} counted;

static void add_state (counted *sum, uint64_t state)
{
    sum->pending += state == WIRE_DELIVERY_PENDING;
    sum->waiting += state == WIRE_DELIVERY_WAITING;
    sum->failed += state == WIRE_DELIVERY_FAILED;
    sum->skipped += state == WIRE_DELIVERY_SKIPPED;
}

static void check_target (const broker_core *self, const broker_target *target)
{
    counted sum = {0};
    for (const broker_document *document = self->documents; document;
         document = document->hh.next) {
        uint64_t state = broker_deliver_state (document, target->number);
        if (state == 0)
            continue;
        bg_assert (broker_target_is_member (target));
        add_state (&sum, state);
        sum.rows++;
        const uint64_t expected = broker_deliver_expected (document, target->number);
        sum.blind += expected == BROKER_HELD_OLDER;
        if (expected != BROKER_HELD_NONE && expected != BROKER_HELD_OLDER)
            wire_digest_toggle (sum.digest, document->key, expected);
    }
    add_state (&sum, target->membership_state);
    wire_digest_toggle (sum.digest, target->id, target->membership_version);
    for (const broker_execution *execution = self->executions; execution;
         execution = execution->hh.next)
        sum.deeds += broker_execution_is_pending (execution, target->number);
    bg_assert (sum.pending == target->pending && sum.waiting == target->waiting &&
               sum.failed == target->failed && sum.skipped == target->skipped &&
               sum.blind == target->blind);
    bg_assert (sum.rows == target->rows && sum.deeds == target->deeds);
    bg_assert (memcmp (sum.digest, target->digest, sizeof sum.digest) == 0);
    bg_assert (broker_target_with_id (self, target->id) == target);
    bg_assert (target->key_cut || broker_target_with_key (self, &target->curve_key) == target);
    bg_assert (!target->key_cut || !broker_target_is_member (target));
    if (broker_target_is_member (target))
        bg_assert (broker_target_named (self, bg_slice_str (target->name)) == target);
}

static void check_execution (const broker_execution *execution)
{
    uint32_t sum = 0;
    for (size_t state = 1; state < BROKER_RUN_STATES; state++)
        sum += execution->counts[state];
    bg_assert (broker_bitmap_size (&execution->addressed) == execution->targets);
    bg_assert (broker_bitmap_size (&execution->begun) == execution->begun_count);
    bg_assert (broker_bitmap_size (&execution->over) == execution->over_count);
    bg_assert (broker_bitmap_size_both (&execution->begun, &execution->addressed) ==
               execution->begun_count);
    bg_assert (
        broker_bitmap_size_both (&execution->over, &execution->begun) == execution->over_count);
    bg_assert (broker_bitmap_size_both (&execution->canceled, &execution->over) ==
               broker_bitmap_size (&execution->canceled));
    bg_assert (broker_bitmap_size (&execution->canceled) <= execution->counts[WIRE_RUN_CANCELED]);
    uint32_t running = execution->begun_count - execution->over_count;
    uint32_t pending = execution->expired ? 0 : execution->targets - execution->begun_count;
    bg_assert (sum + execution->silent + running + pending == execution->targets);
}

void broker_core_check (const broker_core *self)
{
    for (const broker_document *document = self->documents; document; document = document->hh.next)
        check_document (document);
    for (const broker_document *document = self->documents; document; document = document->hh.next)
        check_shared (self, document);
    for (const broker_execution *execution = self->executions; execution;
         execution = execution->hh.next)
        check_execution (execution);
    uint32_t members = 0;
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target)
            continue;
        check_target (self, target);
        members += broker_target_is_member (target);
    }
    bg_assert (members == self->members && members == HASH_CNT (by_name, self->target_names));
}
