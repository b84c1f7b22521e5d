/*  A broker and a bugle-exec of a few rules: see node_fixture.h.  */
#include "node_fixture.h"

#include "proto/digest.h"
#include "proto/frame.h"
#include "proto/seal.h"
#include "proto/token_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define START_US INT64_C (1700000000000000)

typedef enum { SAID_DESK, SAID_ENLIST, SAID_EXEC, SAID_REPLY } said_what;

struct node_said {
    node_said *next;
    said_what what;
    bg_buf header;
    bg_buf body;
};

/*  ---- ports ----  */

static node_said *say (node_fixture *self, said_what what)
{
    node_said *said = bg_alloc (sizeof *said);
    said->what = what;
    if (self->last)
        self->last->next = said;
    else
        self->first = said;
    self->last = said;
    return said;
}

static void said_free (node_said *said)
{
    bg_buf_fini (&said->header);
    bg_buf_fini (&said->body);
    free (said);
}

static void port_open (void *ctx, node_link link, bg_slice endpoints, const bg_key *key)
{
    node_fixture *self = ctx;
    assert_true (endpoints.size > 0);
    assert_true (bg_key_equal (key, &self->signing.broker.public_key));
    self->link_open[link] = true;
    self->opened[link]++;
}

static void port_close (void *ctx, node_link link)
{
    ((node_fixture *) ctx)->link_open[link] = false;
}

static void port_stream (void *ctx, bg_slice stream)
{
    assert_true (((node_fixture *) ctx)->link_open[NODE_LINK_ORDERS]);
    assert_true (stream.size > 0);
}

static void port_send (void *ctx, node_link link, bg_slice header, bg_slice body, bg_slice sigs)
{
    node_fixture *self = ctx;
    assert_true (self->link_open[link]);
    assert_int_equal (sigs.size, 0);
    node_said *said = say (self, link == NODE_LINK_DESK ? SAID_DESK : SAID_ENLIST);
    bg_buf_append_slice (&said->header, header);
    bg_buf_append_slice (&said->body, body);
}

static void port_exec_send (void *ctx, bg_slice blob)
{
    bg_buf_append_slice (&say (ctx, SAID_EXEC)->body, blob);
}

static void port_reply (void *ctx, uint64_t request, const wire_control_answer *answer)
{
    assert_int_equal (request, 77);
    wire_inner_encode (WIRE_CONTROL_ANSWER, (bg_id){0}, answer, &say (ctx, SAID_REPLY)->body);
}

static bg_result port_new_keys (void *ctx, bg_key *sign_public, bg_key *curve_public, bg_error *err)
{
    (void) err;
    node_fixture *self = ctx;
    self->keys_made++;
    *sign_public = self->signing.node.public_key;
    *curve_public = self->curve_key;
    return bg_ok ();
}

static void port_sign (void *ctx, wire_type type, bg_id installation, bg_slice bytes, wire_sig *sig)
{
    node_fixture *self = ctx;
    wire_sign (self->signing.crypto, type, installation, bytes, &self->signing.node.public_key,
        self->signing.node.secret, sig);
}

static void port_forget_keys (void *ctx)
{
    ((node_fixture *) ctx)->keys_forgotten++;
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    node_fixture *self = ctx;
    for (size_t i = 0; i < size; i++) {
        self->random =
            self->random * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
        ((uint8_t *) bytes)[i] = (uint8_t) (self->random >> 56);
    }
}

static void port_log (void *ctx, node_log_level level, const char *event, const char *text)
{
    (void) level;
    node_fixture *self = ctx;
    snprintf (self->log, sizeof self->log, "%s: %s", event, text);
}

static const job_zone *utc_zone;

static const job_zone *port_zone (void *ctx, bg_slice name)
{
    return ((node_fixture *) ctx)->zone_missing && name.size > 0 ? NULL : utc_zone;
}

/*  ---- events ----  */

static bg_id new_id (node_fixture *self)
{
    uint8_t entropy[10];
    port_random (self, entropy, sizeof entropy);
    return bg_id_make (self->now.utc_us, entropy);
}

static void drop_said (node_fixture *self)
{
    while (self->first) {
        node_said *said = self->first;
        self->first = said->next;
        said_free (said);
    }
    self->last = NULL;
}

static void make_core (node_fixture *self)
{
    self->core = node_core_create (&self->ports, &self->settings);
    bg_error err = {0};
    if (bg_failed (node_core_recover (self->core, self->now, &err)))
        fail_msg ("recover: %s", err.message);
}

static void check_state (const node_fixture *self);

void node_fixture_rebuild (node_fixture *self)
{
    node_core_destroy (&self->core);
    make_core (self);
    if (self->exec_up)
        node_fixture_exec_up (self);
}

/*  The event's transaction: before it, and after it with its result.  */
static void begin (node_fixture *self)
{
    bg_error err = {0};
    if (bg_failed (node_db_begin (self->db, &err)))
        fail_msg ("begin: %s", err.message);
}

static void handle_said (node_fixture *self);

static void end (node_fixture *self, bg_result result, const bg_error *why)
{
    bg_error err = *why;
    if (!bg_failed (result))
        result = node_core_before_commit (self->core, self->now, &err);
    self->events++;
    if (!bg_failed (result) && self->fail_in && --self->fail_in == 0)
        result = bg_fail (&err, BG_STORAGE_FULL, "no space, says the test");
    if (!bg_failed (result))
        result = node_db_commit (self->db, &err);
    if (!bg_failed (result)) {
        check_state (self);
        return;
    }
    if (result.code != BG_STORAGE_FULL)
        fail_msg ("an event failed: %s", err.message);
    self->failures++;
    node_db_rollback (self->db);
    drop_said (self);
    node_core_destroy (&self->core);
    make_core (self);
    begin (self);
    bg_error none = {0};
    result = node_core_set_storage_full (self->core, self->now, true, &none);
    if (!bg_failed (result) && self->exec_up)
        result = node_core_exec_up (self->core, self->now, &none);
    end (self, result, &none);
}

#define EVENT(self, call)                                                                          \
    do {                                                                                           \
        bg_error event_err = {0};                                                                  \
        begin (self);                                                                              \
        const bg_result event_result = (call);                                                     \
        end (self, event_result, &event_err);                                                      \
    } while (0)

/*  ---- bugle-exec ----  */

static void exec_say (node_fixture *self, wire_kind kind, bg_id request, const void *value)
{
    if (!self->exec_up)
        return;
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, request, value, &blob);
    EVENT (self, node_core_exec (self->core, self->now, bg_buf_slice (&blob), &event_err));
}

static void exec_standing (node_fixture *self)
{
    const wire_exec_standing standing = {.anchored = self->anchored,
        .inputs = self->exec_inputs,
        .installation = self->exec_installation,
        .authority = self->exec_authority,
        .membership = self->exec_membership,
        .policy = true,
        .time_known = true};
    exec_say (self, WIRE_EXEC_STANDING, (bg_id){0}, &standing);
}

void node_fixture_inputs (node_fixture *self, uint64_t inputs)
{
    self->exec_inputs = inputs;
    exec_standing (self);
}

static void exec_tell_run (node_fixture *self, const node_exec_run *run, bg_id request)
{
    const bool is_final = run->state != WIRE_RUN_RUNNING;
    wire_step_result step = {
        .step = 1, .name = bg_slice_str ("one"), .state = 1, .started_us = self->now.utc_us};
    uint8_t *output = bg_alloc (self->output_bytes + 1);
    step.head = step.tail = bg_slice_of (output, self->output_bytes);
    const wire_exec_run message = {.has_run = true,
        .run = {.run = run->run,
            .job_key = run->job_key,
            .job_name = bg_slice_str ("a job"),
            .job_version = 1,
            .exec = run->exec,
            .occurrence = run->occurrence,
            .nominal_us = run->nominal_us,
            .state = run->state,
            .started_us = self->now.utc_us,
            .finished_us = is_final ? self->now.utc_us : 0,
            .steps = &step,
            .steps_count = is_final ? 1 : 0}};
    exec_say (self, WIRE_EXEC_RUN, request, &message);
    free (output);
}

static void exec_verdict (
    node_fixture *self, bg_id request, const char *code, bool addressed, bool began)
{
    const wire_exec_verdict verdict = {
        .code = bg_slice_str (code), .addressed = addressed, .began = began};
    exec_say (self, WIRE_EXEC_VERDICT, request, &verdict);
}

static void exec_offered (node_fixture *self, bg_id request, const wire_signed *item)
{
    self->offers++;
    if (item->type == WIRE_TYPE_DEED) {
        self->stops++;
        exec_verdict (self, request, "ok", true, false);
        return;
    }
    wire_document document;
    bg_arena arena = {0};
    assert_false (
        bg_failed (WIRE_DECODE (document, item->bytes, WIRE_AS_SIGNED, &arena, &document, NULL)));
    const char *code = "ok";
    const uint64_t authority = self->exec_authority;
    const uint64_t membership = self->exec_membership;
    if (item->type == WIRE_TYPE_AUTHORITY && self->authority_waits) {
        code = "waiting";
    } else if (item->type == WIRE_TYPE_AUTHORITY) {
        self->exec_authority =
            document.version > self->exec_authority ? document.version : self->exec_authority;
        self->exec_installation = document.installation;
    } else if (item->type == WIRE_TYPE_MEMBERSHIP) {
        code = self->exec_authority ? "ok" : "waiting";
        if (self->exec_authority)
            self->exec_membership = document.version;
    } else if (bg_id_equal (document.key, self->waiting_key)) {
        code = "waiting";
    } else if (bg_id_equal (document.key, self->refused_key)) {
        code = "invalid";
    }
    const bool addressed = !bg_id_equal (document.key, self->foreign_key);
    bg_arena_fini (&arena);
    exec_verdict (self, request, code, addressed, false);
    if (authority != self->exec_authority || membership != self->exec_membership)
        exec_standing (self);
}

static void exec_start (node_fixture *self, bg_id request, const wire_exec_start *start)
{
    bg_arena arena = {0};
    wire_document document;
    wire_deed deed = {0};
    self->starts++;
    assert_false (bg_failed (
        WIRE_DECODE (document, start->job.bytes, WIRE_AS_SIGNED, &arena, &document, NULL)));
    if (start->has_deed)
        assert_false (
            bg_failed (WIRE_DECODE (deed, start->deed.bytes, WIRE_AS_SIGNED, &arena, &deed, NULL)));
    bg_id occurrence = {0};
    if (start->schedule) {
        wire_job job;
        assert_false (
            bg_failed (WIRE_DECODE (job, document.body, WIRE_AS_SIGNED, &arena, &job, NULL)));
        assert_in_range (start->schedule, 1, job.schedules_count);
        occurrence = wire_occurrence_id (self->signing.target, document.key,
            job.schedules[start->schedule - 1].name, start->nominal_us, (uint8_t) start->fold);
    }
    bg_arena_fini (&arena);
    if (self->mute)
        return;
    if (self->start_code) {
        exec_verdict (self, request, self->start_code, true, false);
        return;
    }
    const bg_id id = start->has_deed ? deed.id : occurrence;
    for (size_t i = 0; i < self->exec_run_count; i++)
        if (bg_id_equal (
                start->has_deed ? self->exec_runs[i].exec : self->exec_runs[i].occurrence, id)) {
            exec_verdict (self, request, "ok", true, true);
            return;
        }
    assert_true (self->exec_run_count < NODE_RUNS_MAX);
    node_exec_run *run = &self->exec_runs[self->exec_run_count++];
    *run = (node_exec_run){.run = new_id (self),
        .job_key = document.key,
        .exec = deed.id,
        .occurrence = occurrence,
        .nominal_us = start->nominal_us};
    exec_tell_run (self, run, request);
}

static void exec_handle (node_fixture *self, bg_slice blob)
{
    bg_arena arena = {0};
    wire_header header;
    void *body;
    assert_false (bg_failed (wire_inner_decode (blob, &arena, &header, &body, NULL)));
    if (!self->exec_up) {
        bg_arena_fini (&arena);
        return;
    }
    switch ((int) header.kind) {
    case WIRE_EXEC_HELLO:
        exec_standing (self);
        for (size_t i = 0; i < self->exec_run_count; i++)
            if (!self->exec_runs[i].taken)
                exec_tell_run (self, &self->exec_runs[i], (bg_id){0});
        break;
    case WIRE_EXEC_ANCHOR:
        self->anchored = self->anchored || !self->anchor_code;
        exec_verdict (
            self, header.request, self->anchor_code ? self->anchor_code : "ok", false, false);
        break;
    case WIRE_EXEC_FORGET:
        self->forgets++;
        self->anchored = false;
        self->exec_installation = (bg_id){0};
        self->exec_authority = self->exec_membership = 0;
        break;
    case WIRE_EXEC_OFFER:
        exec_offered (self, header.request, &((wire_exec_offer *) body)->item);
        break;
    case WIRE_EXEC_START:
        exec_start (self, header.request, body);
        break;
    case WIRE_EXEC_TAKEN:
        for (size_t i = 0; i < self->exec_run_count; i++)
            if (bg_id_equal (self->exec_runs[i].run, ((wire_exec_taken *) body)->run))
                self->exec_runs[i].taken = true;
        break;
    case WIRE_EXEC_ATTEST:
        self->attests++;
        break;
    default:
        fail_msg ("the node said kind %d to bugle-exec", (int) header.kind);
    }
    bg_arena_fini (&arena);
}

/*  ---- the broker ----  */

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
    self->session = new_id (self);
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
    }
    answer.mark = self->mark;
    if (!self->lose_answers)
        node_fixture_desk (self, WIRE_REPORT_ANSWER, request, &answer);
}

static void broker_handle (node_fixture *self, const wire_header *header, const void *body)
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

/*  ---- the broker's enlist socket ----  */

static void enlist_say (node_fixture *self, wire_kind kind, bg_id request, const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (kind, request, (bg_id){0}, value, &header, &body);
    EVENT (self, node_core_enlist (self->core, self->now, bg_buf_slice (&header),
                     bg_buf_slice (&body), (bg_slice){0}, &event_err));
}

static void enlist_challenge (node_fixture *self, bg_id request)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_enlist_challenge challenge = {.installation = self->signing.installation,
        .nonce = {9, 9, 9},
        .target = self->signing.target,
        .number = 7,
        .has_token = true,
        .authority = &authority,
        .authority_count = 1,
        .time_us = self->now.utc_us,
        .level = 1};
    wire_signed_make (self->signing.crypto, WIRE_TYPE_TOKEN, self->signing.installation,
        &self->record, self->signing.admin.secret, &self->signing.arena, &challenge.token);
    enlist_say (self, WIRE_ENLIST_CHALLENGE, request, &challenge);
}

static void enlist_prove (node_fixture *self, bg_id request, const wire_enlist_prove *prove)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_keyring *keyring = NULL;
    uint8_t hash[32];
    wire_hash32 (authority.bytes, hash);
    bg_error err = {0};
    assert_false (
        bg_failed (wire_keyring_first (&authority, hash, self->signing.crypto, &keyring, &err)));
    wire_verified verified;
    if (bg_failed (wire_verify_document (
            keyring, &prove->membership, self->signing.crypto, &self->arena, &verified, &err)))
        fail_msg ("membership: %s", err.message);
    const wire_membership *membership = verified.body;
    wire_enlist_proof proof;
    if (bg_failed (
            wire_verify_proof (self->signing.installation, &prove->proof, &self->record.token_key,
                &membership->sign_key, self->signing.crypto, &self->arena, &proof, &err)))
        fail_msg ("proof: %s", err.message);
    assert_memory_equal (proof.membership_hash, verified.hash, 32);
    assert_true (bg_key_equal (&membership->curve_key, &self->curve_key));
    self->proofs++;
    wire_keyring_destroy (&keyring);
    wire_copy (&wire_desc_signed, &self->arena, &prove->membership, &self->membership);
    node_fixture_post (self, fixture_authority (&self->signing, 1, 0));
    node_fixture_post (self, self->membership);
    enlist_say (self, WIRE_ENLIST_DONE, request,
        &(wire_enlist_done){.has_membership = true,
            .membership = self->membership,
            .documents = 2,
            .time_us = self->now.utc_us});
}

static const uint8_t stranger_nonce[16] = {8, 8, 8};

static void check_stranger (node_fixture *self, const wire_signed *proof, const bg_key *sign_key,
    const uint8_t nonce[16], const uint8_t hash[32])
{
    wire_enlist_proof said;
    bg_error err = {0};
    if (bg_failed (wire_verify_proof (self->signing.installation, proof, NULL, sign_key,
            self->signing.crypto, &self->arena, &said, &err)))
        fail_msg ("proof: %s", err.message);
    assert_memory_equal (said.broker_nonce, stranger_nonce, 16);
    assert_memory_equal (said.target_nonce, nonce, 16);
    assert_memory_equal (said.membership_hash, hash, 32);
    self->proofs++;
}

static void enlist_approve (node_fixture *self, bg_id request, const wire_enlist_ask *ask)
{
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    bg_slice endpoints[] = {bg_slice_str ("desk tcp://b:1"), bg_slice_str ("enlist tcp://b:2"),
        bg_slice_str ("orders tcp://b:3")};
    const wire_membership body = {.target = self->signing.target,
        .number = 7,
        .name = self->approved_name ? bg_slice_str (self->approved_name) : ask->name,
        .state = WIRE_MEMBER,
        .sign_key = ask->sign_key,
        .curve_key = self->curve_key};
    const wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .installation = self->signing.installation,
        .key = self->signing.target,
        .version = 5};
    self->membership = fixture_document_as (&self->signing, &fixed, &body, &self->signing.admin);
    node_fixture_post (self, authority);
    node_fixture_post (self, self->membership);
    enlist_say (self, WIRE_ENLIST_APPROVED, request,
        &(wire_enlist_approved){.has_membership = true,
            .membership = self->membership,
            .authority = &authority,
            .authority_count = 1,
            .documents = 2,
            .time_us = self->now.utc_us,
            .endpoints = endpoints,
            .endpoints_count = 3});
}

static void enlist_ask (node_fixture *self, bg_id request, const wire_enlist_ask *ask)
{
    static const uint8_t no_membership[32];
    bg_arena_fini (&self->ask_arena);
    wire_copy (&wire_desc_enlist_ask, &self->ask_arena, ask, &self->ask);
    if (ask->has_proof)
        check_stranger (self, &ask->proof, &ask->sign_key, ask->nonce, no_membership);
    if (ask->has_proof && self->enlist_error) {
        enlist_say (self, WIRE_ERROR, request,
            &(wire_error){.code = bg_slice_str (self->enlist_error),
                .class = 2,
                .message = bg_slice_str ("an administrator rejected the enlistment")});
        return;
    }
    if (ask->has_proof && self->approves) {
        enlist_approve (self, request, ask);
        return;
    }
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_enlist_pending pending = {.installation = self->signing.installation,
        .broker = bg_slice_str ("lab"),
        .listed = ask->has_proof,
        .again_us = BG_SEC (2),
        .time_us = self->now.utc_us,
        .level = 1};
    memcpy (pending.nonce, stranger_nonce, sizeof pending.nonce);
    wire_hash32 (authority.bytes, pending.authority_hash);
    pending.authority_hash[0] ^= self->swap_authority;
    enlist_say (self, WIRE_ENLIST_PENDING, request, &pending);
}

static void enlist_claim (node_fixture *self, bg_id request, const wire_enlist_claim *claim)
{
    uint8_t hash[32];
    wire_document document;
    wire_membership membership;
    if (self->claim_state == 0)
        return;
    wire_hash32 (claim->membership.bytes, hash);
    assert_false (bg_failed (WIRE_DECODE (
        document, claim->membership.bytes, WIRE_AS_SIGNED, &self->arena, &document, NULL)));
    assert_false (bg_failed (
        WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &self->arena, &membership, NULL)));
    wire_enlist_claimed answer = {.installation = self->signing.installation,
        .state = claim->has_proof ? self->claim_state : WIRE_CLAIM_PROVE,
        .time_us = self->now.utc_us};
    memcpy (answer.nonce, stranger_nonce, sizeof answer.nonce);
    if (claim->has_proof)
        check_stranger (self, &claim->proof, &membership.sign_key, claim->nonce, hash);
    if (claim->has_proof && self->claim_by_admin) {
        answer.has_membership = true;
        answer.membership =
            fixture_membership (&self->signing, document.version + 1, WIRE_DEFECTED_MEMBER);
    }
    enlist_say (self, WIRE_ENLIST_CLAIMED, request, &answer);
}

static void enlist_handle (node_fixture *self, const wire_header *header, const void *body)
{
    self->said[header->kind]++;
    if (!self->broker_up)
        return;
    if (header->kind == WIRE_ENLIST_ASK) {
        enlist_ask (self, header->request, body);
    } else if (header->kind == WIRE_ENLIST_CLAIM) {
        enlist_claim (self, header->request, body);
    } else if (header->kind == WIRE_ENLIST_HELLO) {
        if (self->enlist_error)
            enlist_say (self, WIRE_ERROR, header->request,
                &(wire_error){.code = bg_slice_str (self->enlist_error),
                    .class = 2,
                    .message = bg_slice_str ("the token is used up"),
                    .hint = bg_slice_str ("make another one")});
        else
            enlist_challenge (self, header->request);
    } else {
        assert_int_equal (header->kind, WIRE_ENLIST_PROVE);
        enlist_prove (self, header->request, body);
    }
}

/*  ---- all of it ----  */

static void handle_one (node_fixture *self, const node_said *said)
{
    if (said->what == SAID_EXEC && self->exec_hook) {
        if (self->exec_up)
            self->exec_hook (self->exec_ctx, bg_buf_slice (&said->body));
        return;
    }
    if (said->what == SAID_EXEC) {
        exec_handle (self, bg_buf_slice (&said->body));
        return;
    }
    if (said->what == SAID_REPLY) {
        wire_header header;
        void *body;
        const bg_slice blob = bg_arena_copy (&self->arena, bg_buf_slice (&said->body));
        assert_false (bg_failed (wire_inner_decode (blob, &self->arena, &header, &body, NULL)));
        self->answer = *(wire_control_answer *) body;
        self->answers++;
        return;
    }
    wire_header header;
    const wire_kind_row *row;
    bg_arena arena = {0};
    void *body;
    bg_error err = {0};
    if (bg_failed (wire_header_decode (bg_buf_slice (&said->header), &header, &row, &err)) ||
        bg_failed (wire_body_decode (row, bg_buf_slice (&said->body), &arena, &body, &err)))
        fail_msg ("the node said what cannot be read: %s", err.message);
    if (said->what == SAID_DESK)
        broker_handle (self, &header, body);
    else
        enlist_handle (self, &header, body);
    bg_arena_fini (&arena);
}

static void handle_said (node_fixture *self)
{
    while (self->first) {
        node_said *said = self->first;
        self->first = said->next;
        if (!self->first)
            self->last = NULL;
        handle_one (self, said);
        said_free (said);
    }
}

void node_fixture_settle (node_fixture *self)
{
    handle_said (self);
}

/*  After every commit: the digest is that of what the node says it has settled.  */
static void check_state (const node_fixture *self)
{
    node_core_state state;
    node_core_get_state (self->core, &state);
    assert_true (state.jobs <= state.held);
}

void node_fixture_advance (node_fixture *self, int64_t us)
{
    handle_said (self);
    const int64_t end_us = self->now.mono_us + us;
    for (;;) {
        int64_t next_us = node_core_deadline (self->core);
        if (next_us > end_us)
            next_us = end_us;
        const int64_t step_us = next_us > self->now.mono_us ? next_us - self->now.mono_us : 0;
        self->now.mono_us += step_us;
        self->now.boot_us += step_us;
        self->now.utc_us += step_us;
        EVENT (self, node_core_tick (self->core, self->now, &event_err));
        handle_said (self);
        if (self->now.mono_us >= end_us && node_core_deadline (self->core) > end_us)
            return;
    }
}

void node_fixture_sleep (node_fixture *self, int64_t us)
{
    self->now.mono_us += us;
    self->now.boot_us += us;
    self->now.utc_us += us;
}

void node_fixture_restart (node_fixture *self)
{
    drop_said (self);
    node_core_destroy (&self->core);
    self->settings.instance = new_id (self);
    make_core (self);
    if (self->exec_up)
        node_fixture_exec_up (self);
    handle_said (self);
}

void node_fixture_exec_up (node_fixture *self)
{
    self->exec_up = true;
    EVENT (self, node_core_exec_up (self->core, self->now, &event_err));
    handle_said (self);
}

void node_fixture_from_exec (node_fixture *self, bg_slice blob)
{
    EVENT (self, node_core_exec (self->core, self->now, blob, &event_err));
}

void node_fixture_exec_down (node_fixture *self)
{
    self->exec_up = false;
    EVENT (self, node_core_exec_down (self->core, self->now, &event_err));
    handle_said (self);
}

void node_fixture_finish (node_fixture *self, size_t run, uint64_t state)
{
    assert_true (run < self->exec_run_count);
    self->exec_runs[run].state = state;
    exec_tell_run (self, &self->exec_runs[run], (bg_id){0});
    handle_said (self);
}

void node_fixture_control (node_fixture *self, wire_kind kind, const void *body)
{
    EVENT (self, node_core_control (self->core, self->now, 77, kind, body, &event_err));
    handle_said (self);
}

void node_fixture_enlist_request (node_fixture *self, const char *name)
{
    node_fixture_control (self, WIRE_CONTROL_ENLIST,
        &(wire_control_enlist){.token = bg_slice_str (self->token), .name = bg_slice_str (name)});
}

void node_fixture_ask_request (
    node_fixture *self, const char *name, bool wait, const bg_key *broker_key)
{
    bg_slice endpoints[] = {bg_slice_str ("enlist tcp://b:2")};
    node_fixture_control (self, WIRE_CONTROL_ENLIST,
        &(wire_control_enlist){.name = bg_slice_str (name),
            .endpoints = endpoints,
            .endpoints_count = 1,
            .broker_key = broker_key ? *broker_key : self->signing.broker.public_key,
            .wait = wait});
}

void node_fixture_defect_request (node_fixture *self, bool force)
{
    node_fixture_control (self, WIRE_CONTROL_DEFECT, &(wire_control_defect){.force = force});
}

void node_fixture_query (node_fixture *self)
{
    node_fixture_control (self, WIRE_CONTROL_QUERY, &(wire_control_query){.jobs = true});
}

void node_fixture_enlist (node_fixture *self)
{
    node_fixture_enlist_request (self, "db01");
    node_fixture_advance (self, BG_SEC (1));
    if (!bg_slice_is (self->answer.code, "ok"))
        fail_msg ("enlist: %.*s", BG_SLICE_ARG (self->answer.message));
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
    handle_said (self);
}

void node_fixture_refer (node_fixture *self, const wire_reference *reference)
{
    wire_reference copy = *reference;
    node_fixture_desk (self, WIRE_INSTRUCT, (bg_id){0},
        &(wire_instruct){.references = &copy, .references_count = 1});
    handle_said (self);
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
    wire_message_encode (kind, new_id (self), (bg_id){0}, value, &header, &body);
    port_random (self, nonce, sizeof nonce);
    wire_seal (&self->stream_key, nonce, bg_buf_slice (&frame), bg_buf_slice (&header),
        bg_buf_slice (&body), &sealed);
    EVENT (self, node_core_order (self->core, self->now, bg_buf_slice (&frame),
                     bg_buf_slice (&header), bg_buf_slice (&sealed), (bg_slice){0}, &event_err));
    handle_said (self);
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

void node_fixture_link (node_fixture *self, node_link link, node_link_event event)
{
    EVENT (self, node_core_link (self->core, self->now, link, event, &event_err));
    handle_said (self);
}

void node_fixture_full (node_fixture *self, bool full)
{
    EVENT (self, node_core_set_storage_full (self->core, self->now, full, &event_err));
    handle_said (self);
}

wire_signed node_fixture_job (
    node_fixture *self, const char *name, const char *cron, uint64_t every_us)
{
    wire_job job = fixture_job (&self->signing, name);
    wire_job_schedule schedule = {
        .name = bg_slice_str ("main"), .kind = cron ? WIRE_SCHEDULE_CRON : WIRE_SCHEDULE_EVERY};
    if (cron)
        schedule.cron = bg_slice_str (cron);
    else
        schedule.every_us = every_us;
    if (cron || every_us) {
        job.schedules = &schedule;
        job.schedules_count = 1;
    }
    return fixture_document (&self->signing, WIRE_TYPE_JOB, name, &job);
}

wire_signed node_fixture_start (node_fixture *self, const char *job, int64_t issued_us)
{
    wire_deed deed =
        fixture_deed (&self->signing, WIRE_DEED_START, job, issued_us, issued_us + BG_HOUR (1));
    return fixture_sign_deed (&self->signing, &deed, &self->signing.admin);
}

size_t node_fixture_reported (const node_fixture *self, uint64_t state, const char *reason)
{
    size_t count = 0;
    for (size_t i = 0; i < self->run_count; i++)
        count +=
            self->runs[i].state == state && (!reason || bg_slice_is (self->runs[i].reason, reason));
    return count;
}

node_core_state node_fixture_state (const node_fixture *self)
{
    node_core_state state;
    node_core_get_state (self->core, &state);
    return state;
}

uint64_t node_fixture_counter (const node_fixture *self, const char *name)
{
    for (const node_counter *at = node_core_counters (self->core); at->name; at++)
        if (strcmp (at->name, name) == 0)
            return at->value;
    fail_msg ("no counter %s", name);
    return 0;
}

/*  ---- life ----  */

static void make_token (node_fixture *self)
{
    uint8_t secret[64];
    bg_slice endpoint = bg_slice_str ("tcp://127.0.0.1:7411");
    static bg_slice groups[1];
    groups[0] = bg_slice_str ("databases");
    wire_token_text text = {.endpoints = &endpoint,
        .endpoints_count = 1,
        .broker_curve_key = self->signing.broker.public_key,
        .broker = bg_slice_str ("lab")};
    for (size_t i = 0; i < sizeof self->token_seed; i++)
        self->token_seed[i] = (uint8_t) (i * 3 + 1);
    memcpy (text.seed, self->token_seed, sizeof text.seed);
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    wire_hash32 (authority.bytes, text.authority_hash);
    BG_AUTO_BUF out = {0};
    wire_token_text_encode (&text, &out);
    self->token = bg_slice_dup (bg_buf_slice (&out));
    self->record = (wire_token){.installation = self->signing.installation,
        .names = bg_slice_str ("db*"),
        .groups = groups,
        .groups_count = 1,
        .issued_us = START_US,
        .expires_us = START_US + BG_HOUR (1),
        .uses = 1,
        .authority = 1};
    wire_seed_keypair (self->token_seed, &self->record.token_key, secret);
}

void node_fixture_init (node_fixture *self)
{
    memset (self, 0, sizeof *self);
    bg_error err = {0};
    if (bg_failed (node_db_open (":memory:", &self->db, &err)))
        fail_msg ("store: %s", err.message);
    if (!utc_zone)
        utc_zone = job_zone_fixed_utc ();
    signing_fixture_init (&self->signing, 5);
    self->now = (bg_now){.utc_us = START_US, .mono_us = BG_SEC (1000), .boot_us = BG_SEC (2000)};
    self->random = 42;
    self->page = 64;
    self->broker_up = true;
    memset (&self->curve_key, 0xc5, sizeof self->curve_key);
    memset (&self->stream_key, 0x51, sizeof self->stream_key);
    memset (self->stream_session, 0x21, sizeof self->stream_session);
    self->ports = (node_ports){.ctx = self,
        .crypto = self->signing.crypto,
        .store = node_db_port (self->db),
        .open = port_open,
        .close = port_close,
        .subscribe = port_stream,
        .unsubscribe = port_stream,
        .send = port_send,
        .exec_send = port_exec_send,
        .control_reply = port_reply,
        .new_keys = port_new_keys,
        .sign = port_sign,
        .forget_keys = port_forget_keys,
        .random = port_random,
        .log = port_log,
        .zone = port_zone};
    self->settings = (node_settings){.default_name = bg_slice_str ("db01"),
        .zone = bg_slice_str ("UTC"),
        .version = bg_slice_str ("0.1"),
        .instance = new_id (self)};
    make_token (self);
    make_core (self);
    node_fixture_exec_up (self);
}

void node_fixture_fini (node_fixture *self)
{
    bg_arena_fini (&self->ask_arena);
    drop_said (self);
    node_core_destroy (&self->core);
    node_db_close (&self->db);
    signing_fixture_fini (&self->signing);
    bg_arena_fini (&self->arena);
    free (self->token);
    job_zone *zone = (job_zone *) (uintptr_t) utc_zone;
    job_zone_destroy (&zone);
    utc_zone = NULL;
}
