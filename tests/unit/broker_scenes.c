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
