/*  Polls: the truth about what is there for this target.

    One poll is on its way at a time. Its answer is signed for the nonce of this poll, so nobody can play an old one
    back. The instructions of an answer are offered to bugle-exec; the next poll for `more` waits until all of them are
    settled and acknowledged, since the broker repeats whatever is not.  */
#include "node/core/rooms.h"

#include "proto/digest.h"

void node_poll_reset (node_core *self)
{
    const uint64_t serial = self->poll.serial;
    const uint64_t settled = self->poll.settled;
    self->poll = (node_polling){.serial = serial, .settled = settled};
    node_timer_off (self, NODE_TIMER_POLL_ANSWER);
}

int64_t node_poll_interval (const node_core *self)
{
    return self->own_poll_us > 0 ? self->own_poll_us : self->session.poll_us;
}

void node_poll_every (node_core *self, int64_t every_us)
{
    self->own_poll_us = every_us;
    if (node_session_is_up (self))
        node_timer_in (self, NODE_TIMER_POLL, node_poll_interval (self));
}

uint64_t node_poll_waiting (const node_core *self)
{
    uint64_t count = 0;
    for (size_t i = 0; i < self->slots.count; i++)
        count += ((const node_slot *) self->slots.items[i])->waiting.there;
    return count;
}

/*  What is refused and nothing newer is known of.  */
static uint64_t count_refused (const node_core *self)
{
    uint64_t count = 0;
    for (size_t i = 0; i < self->slots.count; i++) {
        const node_slot *slot = self->slots.items[i];
        count += slot->refused.there && !slot->waiting.there;
    }
    return count;
}

static void poll (node_core *self)
{
    node_polling *at = &self->poll;
    wire_poll message = {
        .term = self->term,
        .position = self->position,
        .state_seq = self->state_seq,
        .waiting = node_poll_waiting (self),
        .authority = self->keyring ? wire_keyring_version (self->keyring) : 0,
        .open_runs = self->open_runs.count,
        .refused = count_refused (self),
    };
    self->ports.random (self->ports.ctx, at->nonce, sizeof at->nonce);
    memcpy (message.nonce, at->nonce, sizeof message.nonce);
    memcpy (message.digest, self->digest, sizeof message.digest);
    at->with_exec_nonce = self->exec.has_nonce;
    if (self->exec.has_nonce)
        message.exec_nonce = bg_slice_of (self->exec.nonce, sizeof self->exec.nonce);
    at->wanted = false;
    at->more = false;
    at->in_flight = true;
    at->serial++;
    /*  What waits to be acknowledged must be heard before this.  */
    node_ack_flush (self);
    at->request = node_say (self, NODE_LINK_DESK, WIRE_POLL, &message);
    node_timer_in (self, NODE_TIMER_POLL_ANSWER, NODE_POLL_ANSWER_US);
    node_timer_in (self, NODE_TIMER_POLL, node_poll_interval (self));
}

void node_poll_want (node_core *self)
{
    /*  Sent at the end of the event, once however many want it.  */
    self->poll.wanted = true;
}

void node_poll_timer (node_core *self)
{
    node_poll_want (self);
    if (self->session.state == NODE_SESSION_UP)
        node_timer_in (self, NODE_TIMER_POLL, node_poll_interval (self));
}

void node_poll_answer_timer (node_core *self)
{
    self->poll.in_flight = false;
    node_poll_want (self);
}

/*  ---- the answer ----  */

static bool is_newer_proof (const node_core *self, const wire_attestation *said)
{
    return said->term > self->term || (said->term == self->term && said->position > self->position);
}

/*  False when the answer is not by the broker for this poll of this target.  */
static bool check (node_core *self, const wire_poll_answer *answer, wire_attestation *said)
{
    bg_error why = {0};
    const bg_slice nonce = bg_slice_of (self->poll.nonce, sizeof self->poll.nonce);
    if (!self->keyring)
        return false;
    if (!bg_failed (wire_verify_attestation (
            self->keyring, &answer->attestation, self->ports.crypto, &self->scratch, said, &why)) &&
        bg_id_equal (said->target, self->identity.target) &&
        bg_slice_equal (bg_slice_of (said->nonce, sizeof said->nonce), nonce))
        return true;
    node_count (self, NODE_COUNT_BAD_ATTESTATION);
    node_log (self, NODE_LOG_ERROR, "attestation", "the answer to a poll is not the broker's: %s",
        *why.message ? why.message : "it is for another poll or target");
    return false;
}

static void keep_proof (node_core *self, const wire_signed *item, const wire_attestation *said)
{
    self->has_broker_time = true;
    self->broker_offset_us = said->time_us - self->now.boot_us;
    if (is_newer_proof (self, said)) {
        self->term = said->term;
        self->position = said->position;
        bg_buf_clear (&self->attestation);
        WIRE_ENCODE (signed, item, &self->attestation);
        self->attestation_dirty = true;
    } else if (said->term < self->term || said->position < self->position) {
        node_count (self, NODE_COUNT_OLD_ATTESTATION);
        node_log (self, NODE_LOG_WARNING, "broker-older",
            "the broker is at an older state than it has shown before: it may have been restored");
    }
}

/*  bugle-exec's own nonce came back: it judges for itself.  */
static void pass_on (node_core *self, const wire_poll_answer *answer, const wire_attestation *said)
{
    const bg_slice nonce = bg_slice_of (self->exec.nonce, sizeof self->exec.nonce);
    if (!self->exec.has_nonce || !bg_slice_equal (said->exec_nonce, nonce))
        return;
    self->exec.has_nonce = false;
    node_say_exec (self, WIRE_EXEC_ATTEST,
        &(wire_exec_attest){.has_attestation = true, .attestation = answer->attestation});
    self->inputs++; /*  what waited for the time may go on  */
}

/*  ---- inventory ----  */

static void send_inventory (node_core *self, bg_id after)
{
    enum { PAGE = 1000 };
    wire_held *items = bg_arena_array (&self->scratch, wire_held, PAGE);
    wire_inventory message = {
        .after = after, .items = items, .last = true, .state_seq = self->state_seq};
    const bool first = bg_id_is_zero (after);
    for (size_t i = 0; i < self->slots.count; i++) {
        const node_slot *slot = self->slots.items[i];
        const uint64_t settled = node_slot_settled (slot);
        if (!settled || (!first && bg_id_compare (slot->key, after) <= 0))
            continue;
        if (message.items_count == PAGE) {
            message.last = false;
            break;
        }
        items[message.items_count++] = (wire_held){.key = slot->key, .version = settled};
    }
    if (message.items_count > 0)
        self->poll.inventory_last_key = items[message.items_count - 1].key;
    self->poll.inventory_last = message.last;
    self->poll.inventory = node_say (self, NODE_LINK_DESK, WIRE_INVENTORY, &message);
    self->poll.inventory_serial = self->poll.serial;
}

bg_result node_poll_inventory_answered (
    node_core *self, const wire_header *header, const wire_inventory_answer *answer, bg_error *err)
{
    (void) err;
    if (bg_id_is_zero (self->poll.inventory) ||
        !bg_id_equal (header->request, self->poll.inventory)) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    self->poll.inventory = (bg_id){0};
    for (size_t i = 0; i < answer->unknown_count; i++) {
        node_count (self, NODE_COUNT_UNKNOWN_TO_BROKER);
        node_log (self, NODE_LOG_WARNING, "unknown-to-broker",
            "document %s, version %llu, is held here and not known to the broker; it is kept",
            bg_id_text (answer->unknown[i].key).text,
            (unsigned long long) answer->unknown[i].version);
    }
    if (!self->poll.inventory_last)
        send_inventory (self, self->poll.inventory_last_key);
    else if (answer->posted > 0)
        node_poll_want (self);
    return bg_ok ();
}

bg_result node_poll_answered (
    node_core *self, const wire_header *header, const wire_poll_answer *answer, bg_error *err)
{
    node_polling *at = &self->poll;
    if (!at->in_flight || !bg_id_equal (header->request, at->request)) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    at->in_flight = false;
    node_timer_off (self, NODE_TIMER_POLL_ANSWER);
    wire_attestation said;
    if (!check (self, answer, &said))
        return bg_ok ();
    self->last_poll_us = self->now.utc_us;
    keep_proof (self, &answer->attestation, &said);
    pass_on (self, answer, &said);
    node_streams_heads (self, answer->streams, answer->streams_count);
    if (self->full)
        return bg_ok ();
    at->settling = true;
    at->more = answer->more;
    at->news_before = self->news;
    self->polled = true;
    const bg_result applied =
        node_apply_all (self, answer->instructions, answer->instructions_count, NULL, 0, err);
    self->polled = false;
    BG_TRY (applied);
    /*  A page whose answer was lost is not waited for: two polls later the broker asks again.  */
    const bool is_lost = at->serial >= at->inventory_serial + 2;
    if (answer->inventory && (bg_id_is_zero (at->inventory) || is_lost))
        send_inventory (self, (bg_id){0});
    return bg_ok ();
}

bg_result node_poll_settle (node_core *self, bg_error *err)
{
    node_polling *at = &self->poll;
    if (!node_session_is_up (self))
        return bg_ok ();
    if (self->full)
        at->settling = false; /*  its instructions come again  */
    if (at->settling && self->document_asks == 0 && (!at->more || self->asks.count == 0)) {
        at->settling = false;
        if (at->more) {
            /*  A page that brought nothing new would come again for ever: the timer asks then.  */
            at->wanted = at->wanted || self->news != at->news_before;
        } else {
            at->settled = at->serial;
            BG_TRY (node_deeds_polled (self, err));
        }
    }
    if (!at->wanted || at->in_flight || at->settling)
        return bg_ok ();
    poll (self);
    return node_exec_remind (self, err);
}
