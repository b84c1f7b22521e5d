/*  Taps on the store ports: what goes into the stores is told to the oracle, and some planted bugs
    sit here.

    A tap has the context of the store behind it, so it finds its world in the one variable below:
    one world runs at a time.  */
#include "tests/sim/oracle.h"

static struct {
    sim_world *world;
    broker_store broker; /*  the ports behind the taps  */
    node_store nodes[SIM_MACHINES_MAX];
} taps;

void sim_tap_begin (sim_world *self)
{
    taps.world = self;
}

void sim_tap_end (void)
{
    taps.world = NULL;
}

static bool plant (sim_plant which, int64_t per_thousand)
{
    return sim_has_plant (taps.world, which) && sim_chance (&taps.world->rng, per_thousand);
}

/*  ---- broker ----  */

static bg_result tap_runs_append (void *ctx, const broker_run_record *record, bg_error *err)
{
    if (plant (SIM_PLANT_ROW_TWICE, 20))
        BG_TRY (taps.broker.runs_append (ctx, record, err));
    return taps.broker.runs_append (ctx, record, err);
}

static bg_result tap_target_marks (
    void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err)
{
    if (sim_has_plant (taps.world, SIM_PLANT_MARK_LOST) && marks->outbox_mark > 0)
        return bg_ok ();
    return taps.broker.target_marks (ctx, number, marks, err);
}

static bg_result tap_target_mark (
    void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err)
{
    if (sim_has_plant (taps.world, SIM_PLANT_MARK_LOST) && marks->outbox_mark > 0)
        return bg_ok ();
    return taps.broker.target_mark (ctx, number, marks, err);
}

static bg_result tap_execution_update (
    void *ctx, const broker_execution_record *record, bg_error *err)
{
    if (plant (SIM_PLANT_EXECUTION_LOST, 200))
        return bg_ok ();
    return taps.broker.execution_update (ctx, record, err);
}

static bg_result tap_deliveries_put (void *ctx, bg_id key, bg_slice deliveries, bg_error *err)
{
    if (plant (SIM_PLANT_DELIVERY_LOST, 200))
        return bg_ok ();
    return taps.broker.deliveries_put (ctx, key, deliveries, err);
}

void sim_tap_broker (sim_world *self)
{
    taps.broker = *sim_broker_store_port (&self->broker.disk);
    self->broker.store = taps.broker;
    self->broker.store.runs_append = tap_runs_append;
    self->broker.store.target_marks = tap_target_marks;
    self->broker.store.target_mark = tap_target_mark;
    self->broker.store.execution_update = tap_execution_update;
    self->broker.store.deliveries_put = tap_deliveries_put;
}

/*  ---- nodes ----  */

static sim_machine *machine_of (void *ctx)
{
    int index = 0;
    while (taps.nodes[index].ctx != ctx) {
        index++;
        bg_assert (index < SIM_MACHINES_MAX);
    }
    return &taps.world->machines[index];
}

static const node_store *behind (void *ctx)
{
    return &taps.nodes[machine_of (ctx)->index];
}

static bg_result tap_identity_put (void *ctx, const node_identity *identity, bg_error *err)
{
    sim_oracle_enlisted (machine_of (ctx), identity->target);
    return behind (ctx)->identity_put (ctx, identity, err);
}

static bg_result tap_forget (void *ctx, bg_error *err)
{
    sim_oracle_forgot (machine_of (ctx));
    return behind (ctx)->forget (ctx, err);
}

static bg_result tap_document_put (void *ctx, const node_document_row *row, bg_error *err)
{
    if (row->place == NODE_PLACE_HELD)
        sim_oracle_held (machine_of (ctx), row->key, row->version);
    return behind (ctx)->document_put (ctx, row, err);
}

static bg_result tap_occurrence_put (void *ctx, const node_occurrence_row *row, bg_error *err)
{
    sim_oracle_occurrence (machine_of (ctx), row->occurrence);
    return behind (ctx)->occurrence_put (ctx, row, err);
}

static bg_result tap_outbox_append (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err)
{
    sim_oracle_outbox (machine_of (ctx), blob);
    if (plant (SIM_PLANT_OUTCOME_LOST, 20))
        return bg_ok ();
    return behind (ctx)->outbox_append (ctx, sequence, blob, err);
}

/*  The end of a run in the place of its beginning. (Of an outbox that outgrew its bound it would be output that is cut
    off; none does here.)  */
static bg_result tap_outbox_replace (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err)
{
    sim_oracle_outbox (machine_of (ctx), blob);
    if (plant (SIM_PLANT_OUTCOME_LOST, 20))
        return bg_ok ();
    return behind (ctx)->outbox_replace (ctx, sequence, blob, err);
}

void sim_tap_node (sim_machine *machine)
{
    node_store *store = &machine->node.store;
    *store = *sim_node_store_port (&machine->node.disk);
    taps.nodes[machine->index] = *store;
    store->identity_put = tap_identity_put;
    store->forget = tap_forget;
    store->document_put = tap_document_put;
    store->occurrence_put = tap_occurrence_put;
    store->outbox_append = tap_outbox_append;
    store->outbox_replace = tap_outbox_replace;
}
