/*  Occurrences: whether a run that the node says is due may be one.

    When exactly a schedule is due is the node's business: it has the zones and calendars. What is checked here keeps a
    node that lies within the job's own rhythm: the spec is signed (of a shared schedule: the newest one of the name that
    the job says), the time lies within the dates of the schedule and not further back than it lets missed runs be made up
    for, an interval is met exactly, and the bucket bounds how often.
*/
#include "node/exec/core_private.h"

#include "common/job/body.h"
#include "common/job/civil.h"
#include "common/job/names.h"

#define ZONE_EAST_US BG_HOUR (14) /*  no zone is further from UTC  */
#define ZONE_WEST_US BG_HOUR (12)
#define MISSED_US    BG_MIN (1) /*  later than this, an occurrence was missed  */

static bool is_event (const wire_job_schedule *spec)
{
    return spec->kind == WIRE_SCHEDULE_NODE_START || spec->kind == WIRE_SCHEDULE_IDLE;
}

static int64_t at_most (uint64_t value, int64_t most)
{
    return value < (uint64_t) most ? (int64_t) value : most;
}

/*  ---- what the schedule says ----  */

static bg_result read_shared (exec_core *self, bg_now now, const wire_exec_start *ask,
    const wire_verified *job, bg_arena *arena, const wire_job_schedule *own,
    wire_job_schedule *spec, bg_error *err)
{
    const bg_slice use = own->use;
    wire_verified shared;
    if (exec_is_own_installation (self, job->document.installation))
        return bg_fail (err, BG_INVALID, "a local job has no shared schedules");
    if (!ask->has_shared || ask->shared.type != WIRE_TYPE_SCHEDULE)
        return bg_fail (err, BG_INVALID, "the start does not bring the shared schedule %.*s",
            BG_SLICE_ARG (use));
    BG_TRY (wire_verify_document (
        self->keyring, &ask->shared, self->ports.crypto, arena, &shared, err));
    if (job_name_compare (shared.name, use) != 0)
        return bg_fail (err, BG_INVALID, "the job uses the schedule %.*s, the start brings %.*s",
            BG_SLICE_ARG (use), BG_SLICE_ARG (shared.name));
    BG_TRY (exec_take_document (self, now, &shared, err));
    const wire_schedule *body = shared.body;
    const exec_switched what = {shared.document.installation, shared.document.key, shared.name};
    if (exec_is_disabled (
            self, WIRE_TYPE_SCHEDULE, &what, body->spec.disabled, exec_best_time (self, now)))
        return bg_fail (err, BG_DISABLED, "the schedule %.*s is disabled", BG_SLICE_ARG (use));
    return job_body_shared (own, body, spec, err);
}

bg_result exec_read_schedule (exec_core *self, bg_now now, const wire_exec_start *ask,
    const wire_verified *job, bg_arena *arena, wire_job_schedule *spec, bg_error *err)
{
    const wire_job *body = job->body;
    bg_assert (ask->schedule >= 1 && ask->schedule <= body->schedules_count);
    const wire_job_schedule *own = &body->schedules[ask->schedule - 1];
    if (own->disabled)
        return bg_fail (
            err, BG_DISABLED, "the schedule %.*s is disabled", BG_SLICE_ARG (own->name));
    *spec = *own;
    return own->kind == WIRE_SCHEDULE_USE ? read_shared (self, now, ask, job, arena, own, spec, err)
                                          : bg_ok ();
}

/*  ---- whether it may be one ----  */

int64_t exec_occurrence_late_us (const wire_job_schedule *spec)
{
    int64_t late_us = EXEC_NOMINAL_LATE_US;
    if (spec->misfire != WIRE_MISFIRE_SKIP) {
        const int64_t window_us =
            at_most ((uint64_t) job_body_misfire_window_us (spec), JOB_MISFIRE_WINDOW_MAX_US);
        late_us = window_us > late_us ? window_us : late_us;
    }
    return late_us + at_most (spec->splay_us, JOB_SPLAY_MAX_US);
}

bool exec_occurrence_queues (bg_now now, const wire_job_schedule *spec, int64_t nominal_us)
{
    return spec->misfire == WIRE_MISFIRE_ALL &&
           now.utc_us - nominal_us > MISSED_US + at_most (spec->splay_us, JOB_SPLAY_MAX_US);
}

static uint32_t date_at (int64_t local_us)
{
    const job_civil civil = job_civil_from_seconds (job_floor_div (local_us, 1000000));
    return (uint32_t) (civil.year * 10000 + civil.month * 100 + civil.day);
}

/*  In whatever zone the schedule is. A window over midnight belongs to the date on which it began.  */
static bg_result check_dates (const wire_job_schedule *spec, int64_t nominal_us, bg_error *err)
{
    if (spec->start_date && date_at (nominal_us + ZONE_EAST_US) < spec->start_date)
        return bg_fail (err, BG_INVALID, "the time lies before the first date of the schedule");
    const uint64_t last = spec->kind == WIRE_SCHEDULE_ONCE ? spec->start_date : spec->end_date;
    if (last && date_at (nominal_us - ZONE_WEST_US - BG_DAY (1)) > last)
        return bg_fail (err, BG_INVALID, "the time lies behind the last date of the schedule");
    return bg_ok ();
}

bg_result exec_check_occurrence (bg_now now, const wire_job_schedule *spec, int64_t nominal_us,
    const char **reason, bg_error *err)
{
    if (nominal_us > now.utc_us + EXEC_NOMINAL_EARLY_US)
        return bg_fail (err, BG_INVALID, "the occurrence lies in the future");
    if (nominal_us < 0 || nominal_us < now.utc_us - exec_occurrence_late_us (spec)) {
        *reason = EXEC_REASON_MISFIRE;
        return bg_fail (err, BG_EXPIRED, "the occurrence was due %lld s ago",
            (long long) (now.utc_us / BG_SEC (1) - nominal_us / BG_SEC (1)));
    }
    const bool is_interval = spec->kind == WIRE_SCHEDULE_EVERY;
    const int64_t unit_us = is_interval ? at_most (spec->every_us, INT64_MAX) : BG_SEC (1);
    if (!is_event (spec) && unit_us > 0 && nominal_us % unit_us != 0)
        return bg_fail (err, BG_INVALID, "the time is no occurrence of the schedule");
    return check_dates (spec, nominal_us, err);
}

/*  ---- how often ----  */

/*  A lease does not end between two answers of a broker that is there.  */
_Static_assert(2 * EXEC_NONCE_EVERY_US <= JOB_LEASE_MIN_US, "leases are longer");

bg_result exec_check_job_lease (
    exec_core *self, bg_now now, const wire_job *job, const char **reason, bg_error *err)
{
    const exec_attested *said = &self->attested;
    int64_t lease_us = at_most (job->lease_us, INT64_MAX);
    if (self->has_policy && self->policy.lease_us &&
        (lease_us == 0 || self->policy.lease_us < lease_us))
        lease_us = self->policy.lease_us;
    if (lease_us == 0)
        return bg_ok ();
    *reason = EXEC_REASON_LEASE;
    if (said->boot_us == 0)
        return bg_fail (
            err, BG_EXPIRED, "the broker was never heard, and the schedules of this job need it");
    /*  Over a restart of the machine only its own clock can tell.  */
    const int64_t age_us = said->known ? now.boot_us - said->boot_us : now.utc_us - said->time_us;
    if (age_us > lease_us)
        return bg_fail (err, BG_EXPIRED,
            "the broker was last heard %lld s ago, and the schedules of this job count for %lld s "
            "after that",
            (long long) (age_us / BG_SEC (1)), (long long) (lease_us / BG_SEC (1)));
    *reason = NULL;
    return bg_ok ();
}
