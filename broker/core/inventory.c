/*  When the digests of node and broker differ although nothing is on its way, or more waits or is
    refused here than there, the node sends all that it holds, by pages in the order of keys, and the
    broker compares them with its rows.

    Invariant: the same difference twice in a row is an alarm and no loop: after it no inventory is
    asked for during ten minutes.  */
#include "broker/core/rooms.h"

bool broker_inventory_wanted (broker_request *request, const wire_poll *poll)
{
    broker_core *self = request->core;
    broker_target *target = request->target;
    const uint8_t none[WIRE_DIGEST_BYTES] = {0};
    /*  What a restored broker has pending is not handed out: once in a session it asks all the same.  */
    if (broker_mode_is_quiet (self)) {
        bool asks = !target->inventoried && poll->state_seq >= target->acked_state_seq &&
                    memcmp (poll->digest, target->digest, WIRE_DIGEST_BYTES) != 0;
        target->inventoried |= asks;
        return asks;
    }
    if (broker_target_is_member (target) && target->resync)
        return true;
    /*  What waits there and is not known to wait here may need something of which nobody here knows that the target
        needs it: after a restore, until its inventory brings back what uses it.  */
    const bool heals_by_waiting = poll->waiting > 0 && poll->waiting <= target->waiting;
    if (!broker_target_is_member (target) || target->pending > 0 || target->blind > 0 ||
        heals_by_waiting || poll->state_seq < target->acked_state_seq)
        return false;
    const bool differs = memcmp (poll->digest, target->digest, WIRE_DIGEST_BYTES) != 0;
    if (!differs)
        memset (target->differed, 0, sizeof target->differed);
    /*  It waits for nothing, and here something waits; or less is refused there than here: what it said
        since was lost. It may have tried again by itself while nobody heard it.  */
    if (!differs && target->waiting == 0 && target->failed <= poll->refused)
        return false;
    if (request->now.mono_us < target->inventory_mono_us)
        return false;
    if (!differs) {
        broker_count (self, "verdict-lost");
        return true;
    }
    bool again = memcmp (target->differed, none, sizeof none) != 0 &&
                 memcmp (target->differed, poll->digest, sizeof none) == 0;
    memcpy (target->differed, poll->digest, sizeof none);
    broker_count (self, "digest-differs");
    if (!again)
        return true;
    target->inventory_mono_us = request->now.mono_us + BROKER_INVENTORY_US;
    broker_count (self, "digest-differs-again");
    broker_log (self, BROKER_LOG_ERROR, "digest-differs-again",
        "%s holds something else than it should, also after an inventory", target->name);
    return true;
}

typedef struct {
    broker_request *request;
    const wire_inventory *page;
    wire_inventory_answer answer;
    bool *matched; /*  by item  */
} inventory_work;

/*  The first page has no after, which reads as the all-zero key; that one is the authority's and
    part of the first page. The page covers the keys after page->after, up to its last item or, on
    the last page, to the end.  */
static bool in_range (const wire_inventory *page, bg_id key)
{
    const bg_id zero = {0};
    bool from_start = bg_id_equal (page->after, zero);
    if (!from_start && bg_id_compare (key, page->after) <= 0)
        return false;
    return page->last || (page->items_count > 0 &&
                             bg_id_compare (key, page->items[page->items_count - 1].key) <= 0);
}

/*  The item with this key; NULL when the target does not hold it.  */
static const wire_held *held (inventory_work *work, bg_id key)
{
    size_t low = 0;
    size_t high = work->page->items_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = bg_id_compare (work->page->items[middle].key, key);
        if (order == 0) {
            work->matched[middle] = true;
            return &work->page->items[middle];
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/*  True when the row has to go out again. What the target holds in a newer version is reported as
    unknown.  */
static bool lacks (inventory_work *work, bg_id key, uint64_t version)
{
    if (!in_range (work->page, key))
        return false;
    const wire_held *item = held (work, key);
    if (item && item->version > version)
        work->matched[item - work->page->items] = false;
    return !item || item->version < version;
}

static bg_result check_page (const wire_inventory *page, bg_error *err)
{
    for (size_t i = 1; i < page->items_count; i++)
        if (bg_id_compare (page->items[i - 1].key, page->items[i].key) >= 0)
            return bg_fail (err, BG_INVALID, "the keys of an inventory are not in ascending order");
    return bg_ok ();
}

/*  What the target has settled of a document that it lacks or whose row is skipped.  */
static void learn (inventory_work *work, broker_document *document)
{
    broker_target *target = work->request->target;
    const wire_held *item = held (work, document->key);
    const uint64_t version = item ? item->version : 0;
    if (item && version > document->version) {
        work->matched[item - work->page->items] =
            false; /*  not known here, and reported as such  */
        return;
    }
    if (broker_held_find (&document->settled, target->number, NULL) != version)
        broker_deliver_learn (work->request->core, document, target, version);
}

static void compare_document (inventory_work *work, broker_document *document)
{
    broker_target *target = work->request->target;
    const uint64_t state = broker_deliver_state (document, target->number);
    if (state == 0 || !in_range (work->page, document->key))
        return;
    const bool is_lacking = lacks (work, document->key, document->version);
    /*  What became of what waited or was refused is told again when it is sent again.  */
    const bool is_open = state == WIRE_DELIVERY_WAITING || state == WIRE_DELIVERY_FAILED;
    if (is_open || (is_lacking && state != WIRE_DELIVERY_SKIPPED)) {
        broker_deliver_set (work->request->core, document, target, WIRE_DELIVERY_PENDING);
        work->answer.posted++;
    }
    if (is_lacking || state == WIRE_DELIVERY_SKIPPED)
        learn (work, document);
}

static bool is_open_member (const broker_target *target)
{
    return target->membership_state == WIRE_DELIVERY_WAITING ||
           target->membership_state == WIRE_DELIVERY_FAILED;
}

static void compare (inventory_work *work)
{
    broker_core *self = work->request->core;
    broker_target *target = work->request->target;
    for (broker_document *document = self->documents; document; document = document->hh.next)
        compare_document (work, document);
    if (lacks (work, target->id, target->membership_version) ||
        (is_open_member (target) && in_range (work->page, target->id))) {
        broker_deliver_membership_state (target, WIRE_DELIVERY_PENDING);
        work->answer.posted++;
    }
}

bg_result broker_on_inventory (broker_request *request, bg_error *err)
{
    const wire_inventory *page = request->body;
    BG_TRY (check_page (page, err));
    inventory_work work = {.request = request,
        .page = page,
        .matched = bg_arena_array (request->arena, bool, page->items_count + 1)};
    compare (&work);
    if (page->last)
        request->target->resync = false;
    work.answer.unknown = bg_arena_array (request->arena, wire_held, page->items_count + 1);
    for (size_t i = 0; i < page->items_count; i++)
        if (!work.matched[i]) {
            if (!broker_adopt_is_on (request->core))
                broker_count (request->core, "inventory-unknown");
            work.answer.unknown[work.answer.unknown_count++] = page->items[i];
        }
    size_t asked = 0;
    broker_adopt_ask (request, work.answer.unknown, work.answer.unknown_count, &asked);
    if (work.answer.unknown_count > asked)
        broker_log (request->core, BROKER_LOG_WARNING, "inventory-unknown",
            "%s holds %zu documents in versions that are not known here", request->target->name,
            work.answer.unknown_count);
    broker_answer (request, WIRE_INVENTORY_ANSWER, &work.answer);
    return bg_ok ();
}
