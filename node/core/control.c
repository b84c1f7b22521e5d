/*  What the node says about itself on its control socket.  */
#include "node/core/state.h"

static void warn (wire_control_answer *answer, bg_slice text)
{
    if (answer->warnings_count < 16)
        answer->warnings[answer->warnings_count++] = node_cut (text, 512);
}

static void describe_warnings (node_core *self, wire_control_answer *answer)
{
    answer->warnings = bg_arena_array (&self->scratch, bg_slice, 17);
    answer->warnings_count = 0;
    if (self->problem)
        warn (answer, bg_slice_str (self->problem));
    if (self->full)
        warn (answer,
            bg_slice_str ("no space in the node's store: nothing new starts until there is"));
    if (!self->exec.connected)
        warn (answer, bg_slice_str ("bugle-exec is not running: nothing can be started"));
    else if (self->exec.foreign)
        warn (answer,
            bg_slice_str ("bugle-exec belongs to another enlistment: nothing can be started"));
    else if (*self->exec.problem)
        warn (answer,
            bg_arena_printf (&self->scratch, "bugle-exec starts nothing: %s", self->exec.problem));
}

static void describe_job (const node_core *self, const node_job *job, wire_control_job *out)
{
    int64_t next_us = 0;
    const node_entry *next = node_book_next_of (job, &next_us);
    *out = (wire_control_job){
        .name = bg_slice_str (job->name),
        .version = job->version,
        .disabled = job->disabled && (!job->until_us || job->until_us > self->now.utc_us),
    };
    if (next) {
        out->next_us = next_us;
        out->schedule = bg_slice_str (next->name);
    }
}

void node_control_describe (node_core *self, wire_control_answer *answer, bool with_jobs)
{
    enum { JOBS_MAX = 1000 };
    answer->enlisted = self->enlisted;
    answer->name = self->identity.name;
    answer->number = self->identity.number;
    answer->broker = self->identity.broker;
    answer->connected = node_session_is_up (self);
    answer->zone = node_cut (bg_slice_str (self->zone), 64);
    answer->outbox = self->outbox.rows;
    answer->open_runs = self->open_runs.count;
    describe_warnings (self, answer);
    if (!with_jobs || self->jobs.count == 0)
        return;
    answer->jobs = bg_arena_array (&self->scratch, wire_control_job, JOBS_MAX);
    for (size_t i = 0; i < self->jobs.count && i < JOBS_MAX; i++)
        describe_job (self, self->jobs.items[i], &answer->jobs[answer->jobs_count++]);
}
