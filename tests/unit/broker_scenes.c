/*  Opening moves on a broker_fixture that many cases share: see broker_fixture.h.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

fx_fleet fx_fleet_open (void)
{
    fx_fleet self = {.fx = fx_open ()};
    self.web[0] = fx_member (self.fx, "web01", "web");
    self.web[1] = fx_member (self.fx, "web02", "web");
    self.db = fx_member (self.fx, "db01", "db");
    return self;
}

fx *fx_open_member (fx_node *node)
{
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    *node = fx_member (self, "web01", NULL);
    fx_post_job (self, "clean", &all);
    return self;
}

void fx_post_job (fx *self, const char *name, const wire_audience *audience)
{
    const wire_signed job = fx_job (self, FX_AUTHOR, name, audience, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
}

uint64_t fx_post_next (fx *self, const char *name, wire_audience audience, const char *command)
{
    wire_signed job = fx_job (self, FX_AUTHOR, name, &audience, 0, command);
    const wire_job_query query = {.name = bg_slice_str (name)};
    const bg_id none = {0};
    fx_send (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_JOB_QUERY, &query);
    uint64_t seen = 0;
    if (fx_count (self, WIRE_JOBS)) {
        const wire_jobs *jobs = fx_answer (self, WIRE_JOBS);
        seen = jobs->rows_count ? jobs->rows[0].version : 0;
    }
    return fx_post (self, FX_AUTHOR, &job, seen)->version;
}

void fx_make_restored (fx *self)
{
    bg_error err = {0};
    bool changed = false;
    uint64_t term = 0, position = 0;
    broker_core_proof (self->core, &term, &position);
    assert_true (bg_is_ok (broker_db_begin (self->db, &err)));
    assert_true (
        bg_is_ok (broker_core_high_water (self->core, self->now, term, position + 100, &err)));
    assert_true (bg_is_ok (broker_core_before_commit (self->core, self->now, &changed, &err)));
    assert_true (changed);
    assert_true (bg_is_ok (broker_db_commit (self->db, &err)));
}

bg_id fx_start (fx *self, const char *job, const wire_audience *to)
{
    bg_id id;
    const wire_signed deed =
        fx_deed (self, FX_OPERATOR, WIRE_DEED_START, job, to, BG_HOUR (1), &id);
    fx_issue (self, FX_OPERATOR, &deed);
    return id;
}

wire_exec_row fx_exec_row (fx *self, bg_id exec, bool details)
{
    const wire_exec_query query = {
        .id = bg_arena_copy (&self->arena, bg_slice_str (bg_id_text (exec).text)),
        .details = details,
        .deeds = details};
    const wire_execs *execs = fx_ask (self, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 1);
    return execs->rows[0];
}
