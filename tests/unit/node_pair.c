/*  A node and a bugle-exec that talk: see node_pair.h.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_pair.h"

void node_pair_deliver (node_pair *self)
{
    bg_buf said[EXEC_SENT_MAX];
    while (self->exec.sent_count > 0) {
        const size_t count = self->exec.sent_count;
        memcpy (said, self->exec.sent, count * sizeof *said);
        memset (self->exec.sent, 0, count * sizeof *said);
        self->exec.sent_count = 0;
        for (size_t i = 0; i < count; i++) {
            node_fixture_from_exec (&self->node, bg_buf_slice (&said[i]));
            bg_buf_fini (&said[i]);
        }
    }
}

static void to_exec (void *ctx, bg_slice blob)
{
    node_pair *self = ctx;
    bg_error err = {0};
    self->exec.now = self->node.now;
    if (bg_failed (exec_core_handle (self->exec.core, self->exec.now, EXEC_NODE, blob, &err)))
        fail_msg ("bugle-exec closes the connection: %s", err.message);
    node_pair_deliver (self);
}

void node_pair_advance (node_pair *self, int64_t us)
{
    while (us > 0) {
        const int64_t step_us = us < BG_SEC (1) ? us : BG_SEC (1);
        node_fixture_advance (&self->node, step_us);
        self->exec.now = self->node.now;
        if (exec_core_deadline (self->exec.core) <= self->exec.now.mono_us)
            exec_core_tick (self->exec.core, self->exec.now);
        node_pair_deliver (self);
        node_fixture_settle (&self->node);
        us -= step_us;
    }
}

void node_pair_finish (node_pair *self, uint64_t state)
{
    exec_fixture_end (&self->exec, self->exec.spawned, state);
    node_pair_deliver (self);
    node_fixture_settle (&self->node);
}

static void join (node_pair *self)
{
    exec_fixture_init (&self->exec);
    self->node.exec_hook = to_exec;
    self->node.exec_ctx = self;
    node_fixture_exec_up (&self->node);
}

void node_pair_init (node_pair *self)
{
    node_fixture_init (&self->node);
    join (self);
}

void node_pair_init_in_memory (node_pair *self)
{
    node_fixture_init_in_memory (&self->node);
    join (self);
}

void node_pair_fini (node_pair *self)
{
    node_fixture_fini (&self->node);
    exec_fixture_fini (&self->exec);
}
