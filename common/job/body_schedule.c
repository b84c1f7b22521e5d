/*  Schedules of jobs, shared schedules and calendars, as documents carry them: which fields belong
    to which form, and what is made of them for running.

    A field that its form does not know is refused, not ignored: who wrote it meant something.
*/
#include "common/job/body_schedule.h"

#include "common/base/now.h"

#include "common/job/duration.h"
#include "common/job/names.h"

#include <inttypes.h>
#include <stdlib.h>

typedef enum {
    FIELD_CRON = 1 << 0,
    FIELD_EVERY = 1 << 1,
    FIELD_ZONE = 1 << 2,
    FIELD_INTERVAL = 1 << 3,
    FIELD_RELATIVE = 1 << 4,
    FIELD_FACTOR = 1 << 5,
    FIELD_TIME = 1 << 6,
    FIELD_REPEAT = 1 << 7,
    FIELD_END = 1 << 8,
    FIELD_DATES = 1 << 9,
    FIELD_ANCHOR = 1 << 10,
    FIELD_GAP = 1 << 11,
    FIELD_FOLD = 1 << 12,
    FIELD_SPLAY = 1 << 13,
    FIELD_MISFIRE = 1 << 14,
    FIELD_CALENDARS = 1 << 15,
    FIELD_USE = 1 << 16,
} field;

#define FIELDS_OF_ALL   (FIELD_ZONE | FIELD_DATES | FIELD_SPLAY | FIELD_CALENDARS)
#define FIELDS_OF_CLOCK (FIELDS_OF_ALL | FIELD_MISFIRE | FIELD_GAP | FIELD_FOLD)
#define FIELDS_OF_DAYS                                                                             \
    (FIELDS_OF_CLOCK | FIELD_INTERVAL | FIELD_TIME | FIELD_REPEAT | FIELD_END | FIELD_ANCHOR)

static const struct {
    const char *name;
    unsigned fields;
} forms[] = {
    [WIRE_SCHEDULE_CRON] = {"a cron schedule", FIELDS_OF_CLOCK | FIELD_CRON},
    [WIRE_SCHEDULE_EVERY] = {"an interval", FIELDS_OF_ALL | FIELD_MISFIRE | FIELD_EVERY},
    [WIRE_SCHEDULE_ONCE] = {"a run of one time", FIELDS_OF_CLOCK | FIELD_TIME},
    [WIRE_SCHEDULE_DAILY] = {"a daily schedule", FIELDS_OF_DAYS},
    [WIRE_SCHEDULE_WEEKLY] = {"a weekly schedule", FIELDS_OF_DAYS | FIELD_FACTOR},
    [WIRE_SCHEDULE_MONTHLY] = {"a monthly schedule", FIELDS_OF_DAYS | FIELD_FACTOR},
    [WIRE_SCHEDULE_RELATIVE] = {"a monthly relative schedule",
        FIELDS_OF_DAYS | FIELD_FACTOR | FIELD_RELATIVE},
    [WIRE_SCHEDULE_NODE_START] = {"a schedule for the start of the node", FIELDS_OF_ALL},
    [WIRE_SCHEDULE_IDLE] = {"a schedule for idle processors", FIELDS_OF_ALL},
    [WIRE_SCHEDULE_USE] = {"a schedule that uses a shared one", FIELD_USE},
};

static const struct {
    field field;
    const char *name;
} fields[] = {
    {FIELD_CRON, "cron fields"},
    {FIELD_EVERY, "interval"},
    {FIELD_ZONE, "zone"},
    {FIELD_INTERVAL, "days"},
    {FIELD_RELATIVE, "place in the month"},
    {FIELD_FACTOR, "number of weeks or months"},
    {FIELD_TIME, "time of the day"},
    {FIELD_REPEAT, "repeats within the day"},
    {FIELD_END, "end of repeats"},
    {FIELD_DATES, "start or end date"},
    {FIELD_ANCHOR, "anchor"},
    {FIELD_GAP, "rule for gaps"},
    {FIELD_FOLD, "rule for folds"},
    {FIELD_SPLAY, "splay"},
    {FIELD_MISFIRE, "rule for misfires"},
    {FIELD_CALENDARS, "calendars"},
    {FIELD_USE, "shared schedule"},
};

static unsigned fields_of (const wire_job_schedule *from)
{
    const struct {
        bool is_there;
        field field;
    } there[] = {
        {from->cron.size > 0, FIELD_CRON},
        {from->every_us > 0, FIELD_EVERY},
        {from->zone.size > 0, FIELD_ZONE},
        {from->interval > 0, FIELD_INTERVAL},
        {from->relative > 0, FIELD_RELATIVE},
        {from->factor > 0, FIELD_FACTOR},
        {from->time_s > 0, FIELD_TIME},
        {from->repeat_s > 0, FIELD_REPEAT},
        {from->end_s > 0, FIELD_END},
        {from->start_date > 0 || from->end_date > 0, FIELD_DATES},
        {from->anchor_date > 0, FIELD_ANCHOR},
        {from->gap > 0, FIELD_GAP},
        {from->fold > 0, FIELD_FOLD},
        {from->splay_us > 0, FIELD_SPLAY},
        {from->misfire > 0 || from->misfire_window_us > 0 || from->misfire_max > 0, FIELD_MISFIRE},
        {from->except_count > 0 || from->within_count > 0, FIELD_CALENDARS},
        {from->use.size > 0, FIELD_USE},
    };
    unsigned found = 0;
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        found |= there[i].is_there ? there[i].field : 0;
    return found;
}

static bg_result check_fields (const wire_job_schedule *from, bg_error *err)
{
    if (from->kind < WIRE_SCHEDULE_CRON || from->kind > WIRE_SCHEDULE_USE)
        return bg_fail (err, BG_NOT_IN_VERSION,
            "schedules of kind %" PRIu64 " are not in this version", from->kind);
    unsigned there = fields_of (from);
    unsigned strange = there & ~forms[from->kind].fields;
    for (size_t i = 0; strange && i < sizeof fields / sizeof fields[0]; i++) {
        if (strange & fields[i].field)
            return bg_fail (
                err, BG_INVALID, "%s has no %s", forms[from->kind].name, fields[i].name);
    }
    bool needs_zone = from->kind != WIRE_SCHEDULE_EVERY && from->kind != WIRE_SCHEDULE_NODE_START &&
                      from->kind != WIRE_SCHEDULE_IDLE;
    if (!needs_zone && there & FIELD_ZONE && !(there & (FIELD_DATES | FIELD_CALENDARS)))
        return bg_fail (err, BG_INVALID, "%s has a zone only for its dates and calendars",
            forms[from->kind].name);
    if (there & FIELD_END && !(there & FIELD_REPEAT))
        return bg_fail (err, BG_INVALID, "it has an end of repeats but no repeats");
    return bg_ok ();
}

static bg_result check_misfire (const wire_job_schedule *from, bg_error *err)
{
    if (from->misfire > WIRE_MISFIRE_ALL)
        return bg_fail (err, BG_INVALID, "its rule for misfires is not known here");
    if (from->misfire == WIRE_MISFIRE_SKIP && (from->misfire_window_us || from->misfire_max))
        return bg_fail (
            err, BG_INVALID, "what is skipped when missed has neither window nor maximum");
    if (from->misfire_window_us > JOB_MISFIRE_WINDOW_MAX_US ||
        from->misfire_window_us % JOB_DURATION_STEP_US != 0)
        return bg_fail (err, BG_INVALID, "the window of misfires is 1 s to 31 d, in whole seconds");
    if (from->misfire_max > JOB_MISFIRE_MAX_MAX)
        return bg_fail (
            err, BG_INVALID, "at most %d misfires are made up for", JOB_MISFIRE_MAX_MAX);
    if (from->splay_us > JOB_SPLAY_MAX_US || from->splay_us % JOB_DURATION_STEP_US != 0)
        return bg_fail (err, BG_INVALID, "a splay is at most 24 h, in whole seconds");
    return bg_ok ();
}

static const bg_slice *calendar_name (const wire_job_schedule *from, size_t index)
{
    if (index < from->except_count)
        return &from->except[index];
    return &from->within[index - from->except_count];
}

static bg_result check_calendar_names (const wire_job_schedule *from, bg_error *err)
{
    for (size_t i = 0; i < from->except_count + from->within_count; i++) {
        bg_slice name = *calendar_name (from, i);
        if (bg_failed (job_object_name_valid (name, err)))
            return bg_prefix (err, "calendar %zu", i + 1);
        for (size_t j = 0; j < i; j++) {
            if (job_name_compare (name, *calendar_name (from, j)) == 0)
                return bg_fail (
                    err, BG_INVALID, "it names calendar \"%.*s\" twice", BG_SLICE_ARG (name));
        }
    }
    return bg_ok ();
}

static bg_result check_common (const wire_job_schedule *from, bg_error *err)
{
    BG_TRY (check_fields (from, err));
    BG_TRY (check_misfire (from, err));
    BG_TRY (check_calendar_names (from, err));
    if (from->zone.size > 0 && !job_zone_name_valid (from->zone))
        return bg_fail (
            err, BG_INVALID, "\"%.*s\" cannot name a time zone", BG_SLICE_ARG (from->zone));
    return bg_ok ();
}

/*  Numbers that do not fit are refused by job_schedule_check as what they become here.  */
static uint32_t narrow (uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t) number;
}

static bg_result read_form (const wire_job_schedule *from, job_schedule *made, bg_error *err)
{
    *made = (job_schedule){
        .kind = (job_schedule_kind) from->kind,
        .gap = (job_gap) narrow (from->gap),
        .fold = (job_fold) narrow (from->fold),
        .interval = narrow (from->interval),
        .relative = narrow (from->relative),
        .factor = narrow (from->factor),
        .repeat_s = narrow (from->repeat_s),
        .time_s = narrow (from->time_s),
        .end_s = narrow (from->end_s),
        .start_date = narrow (from->start_date),
        .end_date = narrow (from->end_date),
        .anchor_date = narrow (from->anchor_date),
    };
    if (from->kind == WIRE_SCHEDULE_CRON)
        return job_cron_parse (from->cron, &made->cron, err, NULL);
    if (from->kind != WIRE_SCHEDULE_EVERY)
        return bg_ok ();
    if (from->every_us > (uint64_t) JOB_EVERY_MAX_US || from->every_us % JOB_DURATION_STEP_US != 0)
        return bg_fail (err, BG_INVALID, "an interval is 1 s to 366 d, in whole seconds");
    made->every_us = (int64_t) from->every_us;
    return bg_ok ();
}

/*  What a lookup that found nothing has said, or, if it said nothing, this.  */
static bg_result not_found (bg_error *err, const char *what, bg_slice name)
{
    if (err && err->code != BG_OK)
        return (bg_result){err->code};
    return bg_fail (err, BG_NOT_FOUND, "%s \"%.*s\" is not there", what, BG_SLICE_ARG (name));
}

static bg_result find_zone (const wire_job_schedule *from, const job_schedule_lookup *lookup,
    job_schedule *made, bg_error *err)
{
    bool is_timeless = from->kind == WIRE_SCHEDULE_EVERY || job_schedule_is_event (made);
    if (is_timeless && !(fields_of (from) & (FIELD_DATES | FIELD_CALENDARS)))
        return bg_ok ();
    made->zone = lookup->zone (lookup->ctx, from->zone, err);
    return made->zone ? bg_ok () : not_found (err, "time zone", from->zone);
}

static bg_result find_calendars (const wire_job_schedule *from, const job_schedule_lookup *lookup,
    job_schedule *made, bg_error *err)
{
    size_t count = from->except_count + from->within_count;
    if (count == 0)
        return bg_ok ();
    made->calendars = bg_alloc (count * sizeof (job_calendar *));
    made->except_count = from->except_count;
    made->within_count = from->within_count;
    for (size_t i = 0; i < count; i++) {
        bg_slice name = *calendar_name (from, i);
        made->calendars[i] = lookup->calendar (lookup->ctx, name, err);
        if (!made->calendars[i])
            return not_found (err, "calendar", name);
    }
    return bg_ok ();
}

static bg_result find_named (const wire_job_schedule *from, const job_schedule_lookup *lookup,
    job_schedule *made, bg_error *err)
{
    if (lookup && lookup->zone)
        BG_TRY (find_zone (from, lookup, made, err));
    if (lookup && lookup->calendar)
        BG_TRY (find_calendars (from, lookup, made, err));
    return job_schedule_check (made, err);
}

bg_result job_body_schedule (const wire_job_schedule *from, const job_schedule_lookup *lookup,
    job_schedule *schedule, bg_error *err)
{
    BG_TRY (check_common (from, err));
    if (from->kind == WIRE_SCHEDULE_USE)
        return bg_fail (err, BG_INVALID, "the shared schedule \"%.*s\" is not resolved",
            BG_SLICE_ARG (from->use));
    job_schedule made;
    BG_TRY (read_form (from, &made, err));
    bg_error inner = {0};
    bg_result result = find_named (from, lookup, &made, &inner);
    if (bg_failed (result)) {
        job_schedule_fini (&made);
        if (err)
            *err = inner;
        return result;
    }
    *schedule = made;
    return bg_ok ();
}

void job_body_schedules_free (job_schedule **schedules, size_t count)
{
    for (size_t i = 0; *schedules && i < count; i++)
        job_schedule_fini (&(*schedules)[i]);
    free (*schedules);
    *schedules = NULL;
}

static bg_result name_schedule (const wire_job_schedule *schedule, bg_result result, bg_error *err)
{
    if (bg_failed (result) && err)
        bg_ignore (bg_prefix (err, "schedule \"%.*s\"", BG_SLICE_ARG (schedule->name)));
    return result;
}

bg_result job_body_schedules (
    const wire_job *job, const job_schedule_lookup *lookup, job_schedule **schedules, bg_error *err)
{
    job_schedule *made =
        job->schedules_count ? bg_alloc (job->schedules_count * sizeof *made) : NULL;
    for (size_t i = 0; i < job->schedules_count; i++) {
        const wire_job_schedule *from = &job->schedules[i];
        bg_result result = job_body_schedule (from, lookup, &made[i], err);
        if (bg_failed (result)) {
            job_body_schedules_free (&made, i);
            return name_schedule (from, result, err);
        }
    }
    *schedules = made;
    return bg_ok ();
}

/*  ---- shared schedules ----  */

static bg_result check_use (const wire_job_schedule *use, bg_error *err)
{
    BG_TRY (check_common (use, err));
    if (bg_failed (job_object_name_valid (use->use, err)))
        return bg_prefix (err, "the shared schedule that it uses");
    return bg_ok ();
}

bg_result job_body_shared (const wire_job_schedule *use, const wire_schedule *shared,
    wire_job_schedule *out, bg_error *err)
{
    if (use->kind != WIRE_SCHEDULE_USE || shared->spec.kind == WIRE_SCHEDULE_USE ||
        job_name_compare (use->use, shared->spec.name) != 0)
        return bg_fail (err, BG_INVALID, "schedule \"%.*s\" does not use the shared one \"%.*s\"",
            BG_SLICE_ARG (use->name), BG_SLICE_ARG (shared->spec.name));
    *out = shared->spec;
    out->name = use->name;
    out->disabled = use->disabled;
    return bg_ok ();
}

/*  ---- checks of documents ----  */

/*  What may still begin late is remembered by bugle-exec for as long, so that it begins once.  */
static bg_result check_late (const wire_job_schedule *from, const job_schedule *made, bg_error *err)
{
    if (from->misfire == WIRE_MISFIRE_SKIP)
        return bg_ok ();
    const int64_t hours = job_body_misfire_window_us (from) / BG_HOUR (1) + 1;
    const int64_t most = hours * job_schedule_densest_hour (made);
    if (most <= JOB_MISFIRE_HELD_MAX)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID,
        "up to %lld runs are due within its window of misfires, more than %d", (long long) most,
        JOB_MISFIRE_HELD_MAX));
    return bg_hint (err, "make misfire_window shorter");
}

static bg_result check_one (const wire_job_schedule *schedule, bg_error *err)
{
    if (schedule->kind == WIRE_SCHEDULE_USE)
        return check_use (schedule, err);
    job_schedule made;
    BG_TRY (job_body_schedule (schedule, NULL, &made, err));
    return check_late (schedule, &made, err);
}

bg_result job_body_check_schedules (const wire_job *job, bg_error *err)
{
    for (size_t i = 0; i < job->schedules_count; i++) {
        const wire_job_schedule *schedule = &job->schedules[i];
        BG_TRY (name_schedule (schedule, check_one (schedule, err), err));
    }
    return bg_ok ();
}

bg_result job_body_calendar (const wire_calendar *from, job_calendar *calendar, bg_error *err)
{
    job_calendar made = {
        .name = from->name,
        .local_ranges = from->local_ranges,
        .utc_ranges = from->utc_ranges,
        .horizon_us = from->horizon_us,
    };
    if (bg_failed (job_calendar_check (&made, err)))
        return bg_prefix (err, "calendar \"%.*s\"", BG_SLICE_ARG (from->name));
    *calendar = made;
    return bg_ok ();
}

/*  ---- defaults ----  */

int64_t job_body_misfire_window_us (const wire_job_schedule *schedule)
{
    return schedule->misfire_window_us ? (int64_t) schedule->misfire_window_us
                                       : JOB_MISFIRE_WINDOW_US;
}

uint64_t job_body_misfire_max (const wire_job_schedule *schedule)
{
    return schedule->misfire_max ? schedule->misfire_max : JOB_MISFIRE_MAX;
}
