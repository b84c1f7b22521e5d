/*  What the node says about itself with every answer on its control socket. Questions: query.c.  */
#include "node/core/rooms.h"

void node_describe_job (const node_core *self, const node_job *job, wire_control_job *out)
{
    int64_t next_us = 0;
    const node_entry *next = node_book_next_of (job, &next_us);
    *out = (wire_control_job){
        .name = bg_slice_str (job->name),
        .version = job->version,
        .disabled = node_enabling_job_is_disabled (job, self->now.utc_us),
        .local = job->local,
        .spent = job->spent,
        .running = node_runs_of (self, job->key, false) > 0,
        .waiting_runs = node_runs_of (self, job->key, true),
        .key = job->key,
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
    answer->open_runs = node_runs_of (self, (bg_id){{0}}, false);
    answer->warnings_count = node_describe_warnings (self, &answer->warnings);
    node_pending_describe (self, answer);
    if (!with_jobs || self->jobs.count == 0)
        return;
    answer->jobs = bg_arena_array (&self->scratch, wire_control_job, JOBS_MAX);
    for (size_t i = 0; i < self->jobs.count && answer->jobs_count < JOBS_MAX; i++) {
        const node_job *job = self->jobs.items[i];
        if (!job->local)
            node_describe_job (self, job, &answer->jobs[answer->jobs_count++]);
    }
}
