/*  Bad luck: weather, cuts, crashes, reboots, clocks that are set, full disks, and a process on the
    machine that lies to bugle-exec. All of it ends when the world heals.  */
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"

#define WEATHER_US BG_MIN (4)
#define TROUBLE_US BG_SEC (12)
#define LIE_US     BG_SEC (20)

/*  ---- weather ----  */

static void fair (sim_world *self)
{
    self->weather = (sim_weather){.delay_us = 2000};
}

static void change_weather (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_world *self = owner;
    if (self->healing)
        return;
    sim_rng *rng = &self->rng;
    switch (sim_below (rng, 4)) {
    case 0:
        fair (self);
        break;
    case 1:
        self->weather = (sim_weather){.drop = 30, .repeat = 30, .delay_us = BG_MS (300)};
        break;
    case 2:
        self->weather = (sim_weather){
            .drop = sim_below (rng, 200), .repeat = 100, .delay_us = BG_SEC (3), .reorder = true};
        break;
    default:
        self->weather = (sim_weather){.drop = sim_below (rng, 400),
            .repeat = sim_below (rng, 300),
            .delay_us = sim_below (rng, BG_SEC (40)),
            .reorder = true};
        break;
    }
    sim_in (
        self, sim_between (rng, BG_SEC (20), WEATHER_US), change_weather, self, 0, (bg_slice){0});
}

/*  ---- troubles ----  */

static void reboot_ends (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_machine *machine = owner;
    if (machine->node.core || machine->exec.core || machine->node.life != life)
        return;
    machine->boot_us = machine->world->now_us;
    sim_fill (&machine->rng, &machine->boot, sizeof machine->boot);
    sim_exec_start (machine);
    sim_node_start (machine);
}

static void reboot (sim_world *self, sim_machine *machine)
{
    if (!machine->node.core || !machine->exec.core)
        return;
    sim_trace (self, "%s: reboots", machine->name);
    sim_runs_kill_all (machine);
    sim_exec_crash (machine);
    sim_node_crash (machine);
    /*  Only the end of the reboot starts them again.  */
    machine->exec.life = ++self->serial;
    machine->node.life = ++self->serial;
    sim_in (self, sim_between (&self->rng, BG_SEC (5), BG_MIN (2)), reboot_ends, machine,
        machine->node.life, (bg_slice){0});
}

static void cut (sim_world *self, sim_machine *machine)
{
    machine->cut_until_us = self->now_us + sim_between (&self->rng, BG_SEC (3), BG_MIN (5));
    sim_trace (self, "%s: cut off", machine->name);
    if (sim_chance (&self->rng, 500))
        for (node_link which = 0; which < NODE_LINK_COUNT; which++)
            sim_link_break (machine, which);
}

static void set_clock (sim_world *self, sim_machine *machine)
{
    int64_t most_us = sim_chance (&self->rng, 200) ? BG_HOUR (3) : BG_SEC (90);
    int64_t by_us = sim_between (&self->rng, -most_us, most_us);
    machine->utc_off_us += by_us;
    machine->was_set_back |= by_us < 0;
    sim_trace (self, "%s: clock is off by %lld ms", machine->name,
        (long long) (machine->utc_off_us / 1000));
    sim_node_clock_set (machine);
}

static void kill_supervisor (sim_machine *machine)
{
    for (sim_run *run = machine->runs; run; run = run->next) {
        if (run->alive) {
            sim_run_kill (run);
            return;
        }
    }
}

static void disk_has_room (void *owner, uint64_t tag, bg_slice payload)
{
    (void) payload;
    sim_world *self = owner;
    if (tag == SIM_MACHINES_MAX) {
        sim_broker_set_full (self, false);
        return;
    }
    sim_node_set_full (&self->machines[tag], false);
    self->machines[tag].exec.storage_full = false;
    if (self->machines[tag].exec.core)
        exec_core_set_storage_full (
            self->machines[tag].exec.core, sim_machine_now (&self->machines[tag]), false);
}

static void fill_disk (sim_world *self, sim_machine *machine)
{
    uint64_t tag = SIM_MACHINES_MAX;
    if (sim_chance (&self->rng, 300)) {
        sim_trace (self, "broker: disk is full");
        sim_broker_set_full (self, true);
    } else {
        sim_trace (self, "%s: disk is full", machine->name);
        tag = (uint64_t) machine->index;
        sim_node_set_full (machine, true);
        machine->exec.storage_full = true;
        if (machine->exec.core)
            exec_core_set_storage_full (machine->exec.core, sim_machine_now (machine), true);
    }
    sim_in (self, sim_between (&self->rng, BG_SEC (5), BG_MIN (3)), disk_has_room, self, tag,
        (bg_slice){0});
}

/*  Somebody edits a machine's policy, and makes a mistake: nothing starts there, and what comes is refused.  */
static void mend_policy (void *owner, uint64_t tag, bg_slice payload)
{
    (void) payload;
    sim_world *self = owner;
    sim_exec_break_policy (&self->machines[tag], false);
}

static void break_policy (sim_world *self, sim_machine *machine)
{
    sim_trace (self, "%s: the policy has a mistake", machine->name);
    sim_exec_break_policy (machine, true);
    sim_in (self, sim_between (&self->rng, BG_SEC (5), BG_MIN (3)), mend_policy, self,
        (uint64_t) machine->index, (bg_slice){0});
}

static void trouble (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_world *self = owner;
    if (self->healing)
        return;
    sim_machine *machine = &self->machines[sim_below (&self->rng, self->machine_count)];
    int64_t kind = sim_below (&self->rng, 100);
    if (kind < 15)
        sim_node_crash (machine);
    else if (kind < 30)
        sim_exec_crash (machine);
    else if (kind < 40)
        sim_broker_crash (self);
    else if (kind < 45)
        sim_front_crash (self);
    else if (kind < 52)
        reboot (self, machine);
    else if (kind < 65)
        cut (self, machine);
    else if (kind < 73)
        set_clock (self, machine);
    else if (kind < 76)
        self->broker.utc_off_us = sim_between (&self->rng, BG_SEC (-20), BG_SEC (20));
    else if (kind < 83)
        kill_supervisor (machine);
    else if (kind < 88)
        fill_disk (self, machine);
    else if (kind < 92)
        sim_pipe_break (machine);
    else if (kind < 96)
        break_policy (self, machine);
    else
        sim_link_break (machine, (node_link) sim_below (&self->rng, NODE_LINK_COUNT));
    sim_in (self, sim_between (&self->rng, BG_MS (100), 2 * TROUBLE_US), trouble, self, 0,
        (bg_slice){0});
}

/*  ---- lies ----  */

/*  A node that was taken over offers what it has and what must not be taken: an old version of a job
    that it holds, with a START that is good; or the one it holds, with a START that was changed.  */
static void lie (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_world *self = owner;
    const sim_people *people = self->people;
    if (self->healing)
        return;
    sim_in (self, sim_between (&self->rng, BG_SEC (1), 2 * LIE_US), lie, self, 0, (bg_slice){0});
    if (people->version_count < 2 || people->deed_count == 0)
        return;
    sim_machine *machine = &self->machines[sim_below (&self->rng, self->machine_count)];
    int64_t last = (int64_t) people->deed_count;
    int64_t first = last > 6 ? last - 6 : 0;
    const sim_signed_deed *deed = &people->deeds[sim_between (&self->rng, first, last)];
    uint64_t held = sim_oracle_holds (machine, deed->job_key);
    size_t begin = (size_t) sim_below (&self->rng, (int64_t) people->version_count);
    for (size_t i = 0; i < people->version_count; i++) {
        const sim_signed_job *job = &people->versions[(begin + i) % people->version_count];
        if (job->withdrawal || !bg_id_equal (job->key, deed->job_key) || job->version > held)
            continue;
        BG_AUTO_ARENA arena = {0};
        wire_exec_start start = {
            .has_job = true, .job = job->item, .has_deed = true, .deed = deed->item};
        if (job->version == held) {
            start.deed.bytes = bg_arena_copy (&arena, deed->item.bytes);
            size_t at = (size_t) sim_below (&self->rng, (int64_t) start.deed.bytes.size);
            ((uint8_t *) (uintptr_t) start.deed.bytes.data)[at] ^= 1;
        }
        BG_AUTO_BUF blob = {0};
        uint8_t entropy[10];
        sim_fill (&self->rng, entropy, sizeof entropy);
        wire_inner_encode (WIRE_EXEC_START, bg_id_make (self->now_us, entropy), &start, &blob);
        sim_exec_hostile (machine, bg_buf_slice (&blob));
        return;
    }
}

/*  ---- an older state ----  */

static void restore_due (void *owner, uint64_t by_command, bg_slice payload)
{
    (void) payload;
    sim_world *self = owner;
    if (self->healing)
        return;
    /*  The file says how far the broker was when it ran last.  */
    if (!self->broker.core) {
        sim_in (self, BG_MS (100), restore_due, self, by_command, (bg_slice){0});
        return;
    }
    sim_broker_restore (self, by_command != 0);
}

static void backup_due (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_broker_backup (owner);
}

static void plan_restore (sim_world *self)
{
    const int64_t chaos_us = self->options.chaos_us;
    const int64_t backup_us = sim_between (&self->rng, chaos_us / 10, chaos_us / 2);
    const int64_t restore_us = sim_between (&self->rng, backup_us + BG_MIN (1), chaos_us - 1);
    sim_in (self, backup_us, backup_due, self, 0, (bg_slice){0});
    sim_in (self, restore_us, restore_due, self, sim_chance (&self->rng, 500), (bg_slice){0});
}

/*  ---- beginning and end ----  */

void sim_chaos_start (sim_world *self)
{
    fair (self);
    if (self->options.is_quiet)
        return;
    sim_in (self, sim_below (&self->rng, BG_MIN (1)), change_weather, self, 0, (bg_slice){0});
    sim_in (self, sim_below (&self->rng, BG_SEC (30)), trouble, self, 0, (bg_slice){0});
    sim_in (self, BG_MIN (1), lie, self, 0, (bg_slice){0});
    if (self->options.restores)
        plan_restore (self);
}

void sim_chaos_heal (sim_world *self)
{
    sim_trace (self, "the world heals");
    self->healing = true;
    fair (self);
    sim_broker_set_full (self, false);
    for (int i = 0; i < self->machine_count; i++) {
        sim_machine *machine = &self->machines[i];
        machine->cut_until_us = 0;
        disk_has_room (self, (uint64_t) i, (bg_slice){0});
        sim_exec_break_policy (machine, false);
    }
    sim_people_close (self);
}
