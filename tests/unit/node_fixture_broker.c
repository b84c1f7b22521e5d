/*  A broker of a few rules, at its desk and on its streams: see node_fixture.h.  */
#include "node_fixture_parts.h"

#include "proto/frame.h"
#include "proto/seal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

void node_fixture_desk (node_fixture *self, wire_kind kind, bg_id request, const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (kind, request, self->session, value, &header, &body);
    EVENT (self, node_core_desk (self->core, self->now, bg_buf_slice (&header),
                     bg_buf_slice (&body), (bg_slice){0}, &event_err));
}

static void broker_error (node_fixture *self, bg_id request, const char *code)
{
    node_fixture_desk (self, WIRE_ERROR, request,
        &(wire_error){.code = bg_slice_str (code), .class = 2, .message = bg_slice_str ("no")});
}

static void broker_welcome (node_fixture *self, bg_id request, const wire_hello *hello)
{
    bg_slice streams[] = {bg_slice_str ("all"), bg_slice_str ("g/databases")};
    self->session = node_fixture_new_id (self);
    if (!bg_id_equal (self->outbox, hello->outbox)) {
        self->outbox = hello->outbox;
        self->mark = 0;
    }
    node_fixture_desk (self, WIRE_WELCOME, request,
        &(wire_welcome){.session = self->session,
            .level = 1,
            .time_us = self->now.utc_us,
            .outbox_mark = self->mark,
            .heartbeat_us = BG_SEC (30),
            .poll_us = BG_SEC (60),
            .return_spread_us = BG_SEC (5),
            .streams = streams,
            .streams_count = 2});
}

static void broker_poll (node_fixture *self, bg_id request, const wire_poll *poll)
{
    wire_attestation said = {.installation = self->signing.installation,
        .target = self->signing.target,
        .exec_nonce = poll->exec_nonce,
        .time_us = self->now.utc_us,
        .term = 1,
        .position = ++self->position,
        .authority = 1,
        .membership = 1};
    memcpy (said.nonce, poll->nonce, sizeof said.nonce);
    said.nonce[0] ^= self->old_nonce;
    wire_poll_answer answer = {.has_attestation = true, .inventory = self->wants_inventory};
    self->wants_inventory = false;
    wire_signed_make (self->signing.crypto, WIRE_TYPE_ATTESTATION, self->signing.installation,
        &said, self->signing.broker.secret, &self->signing.arena, &answer.attestation);
    wire_signed items[64];
    answer.instructions = items;
    for (size_t i = 0; i < self->pending_count; i++) {
        if (self->pending[i].state)
            continue;
        if (answer.instructions_count == self->page) {
            answer.more = true;
            break;
        }
        items[answer.instructions_count++] = self->pending[i].item;
    }
    const char *names[] = {"all", "g/databases"};
    wire_stream_head heads[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        heads[i].name = bg_slice_str (names[i]);
        memcpy (heads[i].session, self->stream_session, 8);
        heads[i].sequence = self->stream_sequence[i];
        heads[i].key_number = 1;
        heads[i].key = self->stream_key;
    }
    answer.streams = heads;
    answer.streams_count = 2;
    node_fixture_desk (self, WIRE_POLL_ANSWER, request, &answer);
}

static void broker_ack (node_fixture *self, const wire_ack *ack)
{
    for (size_t i = 0; i < ack->items_count; i++) {
        const wire_ack_item *item = &ack->items[i];
        for (size_t j = 0; j < self->pending_count; j++) {
            node_pending *row = &self->pending[j];
            if (!bg_id_equal (row->key, item->key) || row->version != item->version)
                continue;
            row->state = item->state;
            row->acks++;
            snprintf (row->code, sizeof row->code, "%.*s", BG_SLICE_ARG (item->code));
        }
    }
}

/*  News of a run tells that its START has arrived.  */
static void broker_begun (node_fixture *self, bg_id exec)
{
    for (size_t i = 0; i < self->pending_count; i++)
        if (bg_id_equal (self->pending[i].key, exec))
            self->pending[i].state = WIRE_DELIVERY_APPLIED;
}

static void broker_report (node_fixture *self, bg_id request, const wire_report *report)
{
    wire_refused_item refused = {
        .code = bg_slice_str ("malformed"), .message = bg_slice_str ("odd")};
    wire_report_answer answer = {.outbox = report->outbox, .refused = &refused};
    assert_true (bg_id_equal (report->outbox, self->outbox));
    if (report->items_count > self->largest_batch)
        self->largest_batch = report->items_count;
    for (size_t i = 0; i < report->items_count; i++) {
        const wire_report_item *item = &report->items[i];
        if (item->sequence <= self->mark) {
            self->repeated++;
            continue;
        }
        assert_int_equal (item->sequence, self->mark + 1);
        self->mark = item->sequence;
        if (item->sequence == self->refuse_sequence) {
            refused.sequence = item->sequence;
            answer.refused_count = 1;
            continue;
        }
        assert_true (self->run_count < NODE_RUNS_MAX);
        wire_copy (&wire_desc_run, &self->arena, &item->run, &self->runs[self->run_count++]);
        if (!bg_id_is_zero (item->run.exec) && item->run.state != WIRE_RUN_NOT_RUN)
            broker_begun (self, item->run.exec);
    }
    answer.mark = self->mark;
    if (!self->lose_answers)
        node_fixture_desk (self, WIRE_REPORT_ANSWER, request, &answer);
}

void node_fixture_desk_hears (node_fixture *self, const wire_header *header, const void *body)
{
    if (header->kind < 128) {
        self->said[header->kind]++;
        self->requests[header->kind] = header->request;
    }
    if (!self->broker_up || (self->front_only && header->kind != WIRE_HEARTBEAT))
        return;
    if (header->kind != WIRE_HELLO && header->kind != WIRE_HEARTBEAT &&
        !bg_id_equal (header->session, self->session)) {
        broker_error (self, header->request, "stale");
        return;
    }
    switch ((int) header->kind) {
    case WIRE_HELLO:
        wire_copy (&wire_desc_hello, &self->arena, body, &self->hello);
        broker_welcome (self, header->request, body);
        break;
    case WIRE_POLL:
        wire_copy (&wire_desc_poll, &self->arena, body, &self->poll);
        broker_poll (self, header->request, body);
        break;
    case WIRE_TOLD:
        wire_copy (&wire_desc_told, &self->arena, body, &self->told);
        break;
    case WIRE_ACK:
        broker_ack (self, body);
        break;
    case WIRE_REPORT:
        broker_report (self, header->request, body);
        break;
    case WIRE_HEARTBEAT:
        node_fixture_desk (self, WIRE_HEARTBEAT_ANSWER, header->request,
            &(wire_heartbeat_answer){.beacon_age_us = 1, .pending = self->pending_flag});
        break;
    case WIRE_INVENTORY:
        wire_copy (&wire_desc_inventory, &self->arena, body, &self->inventory);
        if (!self->lose_inventory)
            node_fixture_desk (
                self, WIRE_INVENTORY_ANSWER, header->request, &(wire_inventory_answer){0});
        break;
    case WIRE_FETCH:
        node_fixture_desk (self, WIRE_FETCHED, header->request,
            &(wire_fetched){.has_document = true, .document = self->fetchable});
        break;
    case WIRE_DEFECT:
        if (self->defect_error)
            broker_error (self, header->request, self->defect_error);
        else
            node_fixture_desk (self, WIRE_DEFECTED, header->request,
                &(wire_defected){.name = bg_slice_str ("db01")});
        break;
    default:
        fail_msg ("the node said kind %d at the desk", (int) header->kind);
    }
}

node_pending *node_fixture_post (node_fixture *self, wire_signed item)
{
    assert_true (self->pending_count < NODE_PENDING_MAX);
    node_pending *row = &self->pending[self->pending_count++];
    *row = (node_pending){.item = item};
    bg_arena arena = {0};
    if (item.type == WIRE_TYPE_DEED) {
        wire_deed deed;
        assert_false (
            bg_failed (WIRE_DECODE (deed, item.bytes, WIRE_AS_SIGNED, &arena, &deed, NULL)));
        row->key = deed.id;
    } else {
        wire_document document;
        assert_false (bg_failed (
            WIRE_DECODE (document, item.bytes, WIRE_AS_SIGNED, &arena, &document, NULL)));
        row->key = document.key;
        row->version = document.version;
    }
    bg_arena_fini (&arena);
    return row;
}

void node_fixture_push (node_fixture *self, wire_signed item)
{
    node_fixture_desk (self, WIRE_INSTRUCT, (bg_id){0},
        &(wire_instruct){.instructions = &item, .instructions_count = 1});
    node_fixture_settle (self);
}

void node_fixture_refer (node_fixture *self, const wire_reference *reference)
{
    wire_reference copy = *reference;
    node_fixture_desk (self, WIRE_INSTRUCT, (bg_id){0},
        &(wire_instruct){.references = &copy, .references_count = 1});
    node_fixture_settle (self);
}

static void publish (
    node_fixture *self, size_t stream, uint64_t sequence, wire_kind kind, const void *value)
{
    BG_AUTO_BUF frame = {0};
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    BG_AUTO_BUF sealed = {0};
    uint8_t nonce[24];
    wire_stream head = {.name = bg_slice_str (stream ? "g/databases" : "all"),
        .sequence = sequence,
        .key_number = 1};
    memcpy (head.session, self->stream_session, 8);
    wire_stream_encode (&head, &frame);
    wire_message_encode (kind, node_fixture_new_id (self), (bg_id){0}, value, &header, &body);
    node_fixture_random (self, nonce, sizeof nonce);
    wire_seal (&self->stream_key, nonce, bg_buf_slice (&frame), bg_buf_slice (&header),
        bg_buf_slice (&body), &sealed);
    EVENT (self, node_core_order (self->core, self->now, bg_buf_slice (&frame),
                     bg_buf_slice (&header), bg_buf_slice (&sealed), (bg_slice){0}, &event_err));
    node_fixture_settle (self);
}

void node_fixture_publish (
    node_fixture *self, size_t stream, uint64_t sequence, const wire_signed *item)
{
    wire_signed copy = *item;
    if (sequence > self->stream_sequence[stream])
        self->stream_sequence[stream] = sequence;
    publish (self, stream, sequence, WIRE_ORDER,
        &(wire_instruct){.instructions = &copy, .instructions_count = 1});
}

void node_fixture_tick_stream (node_fixture *self)
{
    publish (
        self, 0, ++self->stream_sequence[0], WIRE_TICK, &(wire_tick){.time_us = self->now.utc_us});
}
