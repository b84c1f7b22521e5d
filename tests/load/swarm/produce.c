/*  Outcomes without runs, for measuring what a broker takes in: said to the node as bugle-exec says those of real runs, so
    that store, outbox, reports and acknowledgements are the real ones.  */
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "tests/load/swarm/target.h"

/*  The name in the signed document that the target holds; empty when it holds none.  */
static bg_slice name_of_job (swarm_target *self, bg_arena *arena)
{
    node_document_row row;
    wire_signed item;
    wire_document document;
    wire_job job;
    bool found = false;
    const node_store *store = self->kept.port;
    const bool is_read =
        bg_is_ok (store->document_get (
            store->ctx, NODE_PLACE_HELD, self->job_key, arena, &row, &found, NULL)) &&
        found &&
        bg_is_ok (WIRE_DECODE (signed, row.signed_item, WIRE_AS_MESSAGE, arena, &item, NULL)) &&
        bg_is_ok (WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, arena, &document, NULL)) &&
        bg_is_ok (WIRE_DECODE (job, document.body, WIRE_AS_MESSAGE, arena, &job, NULL));
    return is_read ? job.name : (bg_slice){0};
}

static void say_outcome (swarm_target *self, bg_slice job_name)
{
    const int64_t now_us = swarm_target_now (self).utc_us;
    wire_step_result step = {.step = 1,
        .name = bg_slice_str ("step-1"),
        .state = WIRE_RUN_SUCCEEDED,
        .started_us = now_us - 1000,
        .finished_us = now_us,
        .attempts = 1};
    const wire_exec_run said = {.has_run = true,
        .run = {.run = bg_id_new (),
            .job_key = self->job_key,
            .job_name = job_name,
            .job_version = self->job_version,
            .schedule = bg_slice_str ("swarm"),
            .nominal_us = now_us,
            .state = WIRE_RUN_SUCCEEDED,
            .started_us = now_us - 1000,
            .finished_us = now_us,
            .steps = &step,
            .steps_count = 1}};
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (WIRE_EXEC_RUN, (bg_id){{0}}, &said, &blob);
    swarm_target_to_node (self, bg_buf_slice (&blob));
}

uint64_t swarm_target_produce (swarm_target *self, uint64_t count)
{
    BG_AUTO_ARENA arena = {0};
    swarm_stats *stats = &self->shared->stats;
    if (bg_id_is_zero (self->job_key) || !swarm_target_begin (self))
        return 0;
    const bg_slice job_name = name_of_job (self, &arena);
    if (job_name.size == 0)
        return 0;
    stats->produced_last_us = bg_clock_utc_us ();
    if (!stats->produced_first_us)
        stats->produced_first_us = stats->produced_last_us;
    for (uint64_t i = 0; i < count; i++)
        say_outcome (self, job_name);
    self->shared->counts.produced += count;
    self->shared->counts.outcomes += count;
    return count;
}
