/*  When a schedule's occurrences count and when they are disabled.

    Four things say so, and one that says "disabled" is enough: the job (its switch, or without one its document), the
    date until which the job is enabled, the schedule in the job, and the shared schedule that it uses (its switch, or
    without one its document). Each changes its mind once at most, at a time that is known: so "until when" has an answer
    without looking again.  */
#include "node/core/rooms.h"

static bool is_at (const node_phase *phase, int64_t at_us)
{
    return (at_us < phase->until_us) == phase->disabled;
}

static node_phase constant (bool disabled)
{
    return (node_phase){.disabled = disabled, .until_us = INT64_MAX};
}

static node_phase phase_of (const node_core *self, uint64_t type, bg_id key, bool otherwise)
{
    for (size_t i = 0; i < self->switches.count; i++) {
        const node_switch *item = self->switches.items[i];
        if (item->object_type == type && bg_id_equal (item->object_key, key))
            return (node_phase){.disabled = item->disabled,
                .until_us = item->until_us ? item->until_us : INT64_MAX};
    }
    return constant (otherwise);
}

void node_enabling_apply (const node_core *self, node_job *job)
{
    job->phase = phase_of (self, WIRE_TYPE_JOB, job->key, job->disabled);
    for (size_t i = 0; i < job->entry_count; i++) {
        node_entry *entry = &job->entries[i];
        entry->phase = constant (entry->disabled);
        if (!entry->disabled && !bg_id_is_zero (entry->use_key))
            entry->phase =
                phase_of (self, WIRE_TYPE_SCHEDULE, entry->use_key, entry->shared_disabled);
    }
}

static bool note_change (const node_phase *phase, int64_t at_us, int64_t *change_us)
{
    if (phase->until_us > at_us && phase->until_us < *change_us)
        *change_us = phase->until_us;
    return is_at (phase, at_us);
}

/*  From enabled_until_us on.  */
static node_phase ending (const node_job *job)
{
    return job->enabled_until_us
               ? (node_phase){.disabled = false, .until_us = job->enabled_until_us}
               : constant (false);
}

bool node_enabling_is_disabled (const node_entry *entry, int64_t at_us, int64_t *change_us)
{
    const node_phase end = ending (entry->job);
    *change_us = INT64_MAX;
    const bool by_job = note_change (&entry->job->phase, at_us, change_us);
    const bool by_end = note_change (&end, at_us, change_us);
    const bool by_entry = note_change (&entry->phase, at_us, change_us);
    return by_job || by_end || by_entry;
}

int64_t node_enabling_enabled_from (const node_entry *entry, int64_t at_us)
{
    int64_t change_us;
    while (at_us < INT64_MAX && node_enabling_is_disabled (entry, at_us, &change_us))
        at_us = change_us;
    return at_us;
}

bool node_enabling_job_is_disabled (const node_job *job, int64_t at_us)
{
    const node_phase end = ending (job);
    return is_at (&job->phase, at_us) || is_at (&end, at_us);
}
