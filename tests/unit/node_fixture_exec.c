/*  A bugle-exec of a few rules: see node_fixture.h.  */
#include "node_fixture_parts.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

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
    const bool is_final = run->state != WIRE_RUN_RUNNING && run->state != WIRE_RUN_WAITING;
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
            .spent = run->spent,
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
    *run = (node_exec_run){.run = node_fixture_new_id (self),
        .job_key = document.key,
        .exec = deed.id,
        .occurrence = occurrence,
        .nominal_us = start->nominal_us,
        .began_us = self->now.utc_us,
        .with_shared = start->has_shared,
        .state = self->queues ? WIRE_RUN_WAITING : WIRE_RUN_RUNNING};
    exec_tell_run (self, run, request);
}

void node_fixture_exec_hears (node_fixture *self, bg_slice blob)
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

void node_fixture_exec_up (node_fixture *self)
{
    self->exec_up = true;
    EVENT (self, node_core_exec_up (self->core, self->now, &event_err));
    node_fixture_settle (self);
}

void node_fixture_from_exec (node_fixture *self, bg_slice blob)
{
    EVENT (self, node_core_exec (self->core, self->now, blob, &event_err));
}

void node_fixture_exec_down (node_fixture *self)
{
    self->exec_up = false;
    EVENT (self, node_core_exec_down (self->core, self->now, &event_err));
    node_fixture_settle (self);
}

void node_fixture_finish (node_fixture *self, size_t run, uint64_t state)
{
    assert_true (run < self->exec_run_count);
    self->exec_runs[run].state = state;
    exec_tell_run (self, &self->exec_runs[run], (bg_id){0});
    node_fixture_settle (self);
}
