/*  Jobs that delete themselves: after a run whose outcome the job has named, no run of that version begins here any more.

    What is remembered is the version: a newer one of the job lives again, and makes the memory of the old one needless.
    Runs that never began count for nothing here, nor does a supervisor that could not be started.
*/
#include "node/exec/core_private.h"

static bool is_named (uint64_t level, uint64_t state)
{
    switch (level) {
    case WIRE_DELETE_ON_SUCCESS:
        return state == WIRE_RUN_SUCCEEDED;
    case WIRE_DELETE_ON_FAILURE:
        return state == WIRE_RUN_FAILED;
    case WIRE_DELETE_ALWAYS:
        return true;
    default:
        return false;
    }
}

void exec_apply_spent (exec_core *self, const wire_record_spent *record)
{
    exec_spent *spent = exec_table_put (&self->spent, record->job_key);
    if (record->version < spent->version)
        return;
    spent->version = record->version;
    spent->run = record->run;
    spent->is_local = record->local;
}

/*  After a restart the run's file is read again, and says the same again.  */
void exec_note_spent (
    exec_core *self, const exec_run *run, const wire_record_intent *intent, wire_run *outcome)
{
    if (!is_named (intent->delete_level, outcome->state))
        return;
    outcome->spent = true;
    const exec_floor *floor = exec_table_find (&self->floors, run->job_key);
    const exec_spent *known = exec_table_find (&self->spent, run->job_key);
    const bool is_outdated = floor && floor->version > run->job_version;
    if (is_outdated || (known && known->version >= run->job_version))
        return;
    const wire_record_spent record = {.job_key = run->job_key,
        .version = run->job_version,
        .run = run->id,
        .local = run->is_local};
    exec_append (self, WIRE_RECORD_SPENT, &record, false);
    exec_apply_spent (self, &record);
    exec_log (self, EXEC_SAY_INFO, "job-spent", "job=\"%.*s\" run=%s",
        BG_SLICE_ARG (outcome->job_name), bg_id_short (run->id).text);
}

bg_result exec_check_spent (
    const exec_core *self, bg_id job_key, uint64_t version, const char **reason, bg_error *err)
{
    const exec_spent *spent = exec_table_find (&self->spent, job_key);
    if (!spent || spent->version < version)
        return bg_ok ();
    *reason = EXEC_REASON_NO_DEFINITION;
    return bg_fail (err, BG_NOT_FOUND, "the job deleted itself here after run %s",
        bg_id_short (spent->run).text);
}

void exec_spent_renew (exec_core *self, bg_id job_key, uint64_t version)
{
    const exec_spent *spent = exec_table_find (&self->spent, job_key);
    if (spent && spent->version < version)
        exec_table_drop (&self->spent, job_key);
}

void exec_spent_forget (exec_core *self)
{
    for (size_t i = self->spent.count; i-- > 0;) {
        const exec_spent *spent = exec_table_at (&self->spent, i);
        if (!spent->is_local)
            exec_table_drop (&self->spent, spent->job_key);
    }
}
