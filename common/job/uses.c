/*  What is used of shared schedules and calendars: see uses.h. Not here: what the schedules mean (schedule.c,
    calendar.c).  */
#include "common/job/uses.h"

#include "common/job/body.h"
#include "common/job/names.h"

static void add_use (job_use *uses, size_t *count, wire_type type, bg_slice name)
{
    for (size_t i = 0; i < *count; i++)
        if (uses[i].type == type && job_name_compare (uses[i].name, name) == 0)
            return;
    uses[(*count)++] = (job_use){type, name};
}

job_use *job_uses (
    const wire_job_schedule *schedules, size_t schedule_count, bg_arena *arena, size_t *count)
{
    size_t most = 0;
    *count = 0;
    for (size_t i = 0; i < schedule_count; i++)
        most += 1 + schedules[i].except_count + schedules[i].within_count;
    job_use *uses = most ? bg_arena_array (arena, job_use, most) : NULL;
    for (size_t i = 0; i < schedule_count; i++) {
        const wire_job_schedule *schedule = &schedules[i];
        if (schedule->kind == WIRE_SCHEDULE_USE)
            add_use (uses, count, WIRE_TYPE_SCHEDULE, schedule->use);
        for (size_t k = 0; k < schedule->except_count; k++)
            add_use (uses, count, WIRE_TYPE_CALENDAR, schedule->except[k]);
        for (size_t k = 0; k < schedule->within_count; k++)
            add_use (uses, count, WIRE_TYPE_CALENDAR, schedule->within[k]);
    }
    return *count ? uses : NULL;
}

static bg_result check_schedule (const wire_job_schedule *spec, bg_error *err)
{
    job_schedule made;
    if (spec->kind == WIRE_SCHEDULE_USE)
        return bg_fail (err, BG_INVALID, "it uses another schedule itself");
    BG_TRY (job_body_schedule (spec, NULL, &made, err));
    job_schedule_fini (&made);
    return bg_ok ();
}

bg_result job_schedule_document_check (const wire_schedule *schedule, bg_error *err)
{
    BG_TRY (job_object_name_valid (schedule->spec.name, err));
    if (bg_failed (check_schedule (&schedule->spec, err)))
        return bg_prefix (err, "schedule \"%.*s\"", BG_SLICE_ARG (schedule->spec.name));
    return bg_ok ();
}

bg_result job_calendar_document_check (const wire_calendar *calendar, bg_error *err)
{
    job_calendar made;
    BG_TRY (job_object_name_valid (calendar->name, err));
    return job_body_calendar (calendar, &made, err);
}
