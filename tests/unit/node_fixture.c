/*  A node's core, its clock and its store between a broker and a bugle-exec of a few rules: see node_fixture.h.  */
#include "node_fixture_parts.h"

#include "proto/frame.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

static void make_core (node_fixture *self)
{
    self->core = node_core_create (&self->ports, &self->settings);
    bg_error err = {0};
    if (bg_failed (node_core_recover (self->core, self->now, &err)))
        fail_msg ("recover: %s", err.message);
}

void node_fixture_rebuild (node_fixture *self)
{
    node_core_destroy (&self->core);
    make_core (self);
    if (self->exec_up)
        node_fixture_exec_up (self);
}

/*  After every commit: the digest is that of what the node says it has settled.  */
static void check_state (const node_fixture *self)
{
    node_core_state state;
    node_core_get_state (self->core, &state);
    assert_true (state.jobs <= state.held);
}

/*  The event's transaction: before it, and after it with its result.  */
void node_fixture_begin (node_fixture *self)
{
    bg_error err = {0};
    if (self->memory)
        node_memory_begin (self->memory);
    else if (bg_failed (node_db_begin (self->db, &err)))
        fail_msg ("begin: %s", err.message);
}

void node_fixture_end (node_fixture *self, bg_result result, const bg_error *why)
{
    bg_error err = *why;
    if (!bg_failed (result))
        result = node_core_before_commit (self->core, self->now, &err);
    self->events++;
    if (!bg_failed (result) && self->fail_in && --self->fail_in == 0)
        result = bg_fail (&err, BG_STORAGE_FULL, "no space, says the test");
    if (!bg_failed (result) && self->memory)
        node_memory_commit (self->memory);
    else if (!bg_failed (result))
        result = node_db_commit (self->db, &err);
    if (!bg_failed (result)) {
        check_state (self);
        return;
    }
    if (result.code != BG_STORAGE_FULL)
        fail_msg ("an event failed: %s", err.message);
    self->failures++;
    node_db_rollback (self->db);
    node_fixture_drop_said (self);
    node_core_destroy (&self->core);
    make_core (self);
    node_fixture_begin (self);
    bg_error none = {0};
    result = node_core_set_storage_full (self->core, self->now, true, &none);
    if (!bg_failed (result) && self->exec_up)
        result = node_core_exec_up (self->core, self->now, &none);
    node_fixture_end (self, result, &none);
}

static void handle_one (node_fixture *self, const node_said *said)
{
    if (said->what == SAID_EXEC && self->exec_hook) {
        if (self->exec_up)
            self->exec_hook (self->exec_ctx, bg_buf_slice (&said->body));
        return;
    }
    if (said->what == SAID_EXEC) {
        node_fixture_exec_hears (self, bg_buf_slice (&said->body));
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
        node_fixture_desk_hears (self, &header, body);
    else
        node_fixture_enlist_hears (self, &header, body);
    bg_arena_fini (&arena);
}

void node_fixture_settle (node_fixture *self)
{
    while (self->first) {
        node_said *said = self->first;
        self->first = said->next;
        if (!self->first)
            self->last = NULL;
        handle_one (self, said);
        node_said_free (said);
    }
}

/*  The earlier one of its two deadlines, mono_us.  */
static int64_t deadline (const node_fixture *self)
{
    const int64_t mono_us = node_core_deadline (self->core);
    const int64_t wall_us = node_core_wall_deadline (self->core);
    if (wall_us == INT64_MAX)
        return mono_us;
    const int64_t at_us = self->now.mono_us + (wall_us - self->now.utc_us);
    return at_us < mono_us ? at_us : mono_us;
}

void node_fixture_advance (node_fixture *self, int64_t us)
{
    node_fixture_settle (self);
    const int64_t end_us = self->now.mono_us + us;
    for (;;) {
        int64_t next_us = deadline (self);
        if (next_us > end_us)
            next_us = end_us;
        const int64_t step_us = next_us > self->now.mono_us ? next_us - self->now.mono_us : 0;
        self->now.mono_us += step_us;
        self->now.boot_us += step_us;
        self->now.utc_us += step_us;
        self->ticks++;
        EVENT (self, node_core_tick (self->core, self->now, &event_err));
        node_fixture_settle (self);
        if (self->now.mono_us >= end_us && deadline (self) > end_us)
            return;
    }
}

void node_fixture_sleep (node_fixture *self, int64_t us)
{
    self->now.mono_us += us;
    self->now.boot_us += us;
    self->now.utc_us += us;
}

void node_fixture_set_clock (node_fixture *self, int64_t by_us)
{
    self->now.utc_us += by_us;
    EVENT (self, node_core_clock_set (self->core, self->now, &event_err));
    node_fixture_settle (self);
}

void node_fixture_zones_changed (node_fixture *self)
{
    EVENT (self, node_core_zones_changed (self->core, self->now, &event_err));
    node_fixture_settle (self);
}

void node_fixture_restart (node_fixture *self)
{
    node_fixture_drop_said (self);
    node_core_destroy (&self->core);
    self->settings.instance = node_fixture_new_id (self);
    make_core (self);
    if (self->exec_up)
        node_fixture_exec_up (self);
    node_fixture_settle (self);
}

void node_fixture_control (node_fixture *self, wire_kind kind, const void *body)
{
    EVENT (self, node_core_control (self->core, self->now, 77, kind, body, &event_err));
    node_fixture_settle (self);
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

void node_fixture_link (node_fixture *self, node_link link, node_link_event event)
{
    EVENT (self, node_core_link (self->core, self->now, link, event, &event_err));
    node_fixture_settle (self);
}

void node_fixture_full (node_fixture *self, bool full)
{
    EVENT (self, node_core_set_storage_full (self->core, self->now, full, &event_err));
    node_fixture_settle (self);
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

wire_signed node_fixture_job_by (
    node_fixture *self, const char *name, const wire_job_schedule *schedule)
{
    wire_job job = fixture_job (&self->signing, name);
    wire_job_schedule copy = *schedule;
    job.schedules = &copy;
    job.schedules_count = 1;
    return fixture_document (&self->signing, WIRE_TYPE_JOB, name, &job);
}

wire_signed node_fixture_schedule (node_fixture *self, const wire_job_schedule *spec)
{
    const wire_schedule body = {.has_spec = true, .spec = *spec};
    BG_AUTO_CHAR name = bg_slice_dup (spec->name);
    return fixture_document (&self->signing, WIRE_TYPE_SCHEDULE, name, &body);
}

wire_signed node_fixture_calendar (
    node_fixture *self, const char *name, int64_t from_us, int64_t until_us)
{
    BG_AUTO_BUF ranges = {0};
    bg_buf_append_u64 (&ranges, (uint64_t) (from_us / BG_SEC (1)));
    bg_buf_append_u64 (&ranges, (uint64_t) (until_us / BG_SEC (1)));
    const wire_calendar body = {.name = bg_slice_str (name),
        .utc_ranges = bg_buf_slice (&ranges),
        .horizon_us = self->now.utc_us + BG_DAY (3650)};
    return fixture_document (&self->signing, WIRE_TYPE_CALENDAR, name, &body);
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

static void init_on_store (node_fixture *self)
{
    signing_fixture_init (&self->signing, 5);
    self->now = (bg_now){.utc_us = START_US, .mono_us = BG_SEC (1000), .boot_us = BG_SEC (2000)};
    self->random = 42;
    self->page = 64;
    self->broker_up = true;
    memset (&self->curve_key, 0xc5, sizeof self->curve_key);
    memset (&self->stream_key, 0x51, sizeof self->stream_key);
    memset (self->stream_session, 0x21, sizeof self->stream_session);
    node_fixture_open_ports (self);
    self->settings = (node_settings){.default_name = bg_slice_str ("db01"),
        .zone = bg_slice_str ("UTC"),
        .version = bg_slice_str ("0.1"),
        .instance = node_fixture_new_id (self)};
    node_fixture_make_token (self);
    make_core (self);
    node_fixture_exec_up (self);
}

void node_fixture_init (node_fixture *self)
{
    memset (self, 0, sizeof *self);
    bg_error err = {0};
    if (bg_failed (node_db_open (":memory:", &self->db, &err)))
        fail_msg ("store: %s", err.message);
    init_on_store (self);
}

void node_fixture_init_in_memory (node_fixture *self)
{
    memset (self, 0, sizeof *self);
    self->memory = node_memory_new ();
    init_on_store (self);
}

void node_fixture_fini (node_fixture *self)
{
    bg_arena_fini (&self->ask_arena);
    node_fixture_drop_said (self);
    node_core_destroy (&self->core);
    node_db_close (&self->db);
    node_memory_destroy (&self->memory);
    signing_fixture_fini (&self->signing);
    bg_arena_fini (&self->arena);
    free (self->token);
    node_fixture_close_ports ();
}

int node_fixture_setup (void **state)
{
    node_fixture *self = bg_alloc (sizeof *self);
    node_fixture_init (self);
    *state = self;
    return 0;
}

int node_fixture_setup_enlisted (void **state)
{
    (void) node_fixture_setup (state);
    node_fixture_enlist (*state);
    return 0;
}

int node_fixture_teardown (void **state)
{
    node_fixture_fini (*state);
    free (*state);
    return 0;
}

bg_id node_fixture_job_key (const node_fixture *self, const char *name)
{
    return wire_document_key (self->signing.installation, WIRE_TYPE_JOB, bg_slice_str (name));
}
