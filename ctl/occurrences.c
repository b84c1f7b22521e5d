/*  Schedules made ready away from the targets: see occurrences.h. What a table of them looks like is elsewhere.

    Invariant: what cannot be told is said, never left out: a schedule that names what is not there stays in the list, with
    the sentence.  */
#include "ctl/occurrences.h"

#include "common/job/names.h"
#include "ctl/client.h"

/*  ---- documents of the broker ----  */

static bg_result decode (
    ctl_run *run, const wire_document_row *row, ctl_shared *found, bg_error *err)
{
    wire_document fixed;
    BG_TRY (WIRE_DECODE (document, row->document.bytes, WIRE_AS_SIGNED, &run->arena, &fixed, err));
    if (row->type == WIRE_TYPE_SCHEDULE) {
        wire_schedule *body = bg_arena_alloc (&run->arena, sizeof *body);
        found->schedule = body;
        return WIRE_DECODE (schedule, fixed.body, WIRE_AS_SIGNED, &run->arena, body, err);
    }
    wire_calendar *body = bg_arena_alloc (&run->arena, sizeof *body);
    found->calendar = body;
    return WIRE_DECODE (calendar, fixed.body, WIRE_AS_SIGNED, &run->arena, body, err);
}

bg_result ctl_shared_ask (
    void *ctx, wire_type type, bg_slice name, ctl_shared *found, bg_error *err)
{
    ctl_run *run = ctx;
    ctl_client *client = NULL;
    wire_documents *answer = NULL;
    const wire_document_query query = {.type = type, .name = name, .limit = 1, .documents = true};
    *found = (ctl_shared){0};
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_DOCUMENT_QUERY, &query, WIRE_DOCUMENTS, (void **) &answer, err));
    if (answer->rows_count == 0 || !answer->rows[0].has_document)
        return bg_fail (err, BG_NOT_FOUND, "%s '%.*s' was deleted",
            type == WIRE_TYPE_SCHEDULE ? "schedule" : "calendar", BG_SLICE_ARG (name));
    const wire_document_row *row = &answer->rows[0];
    found->is_disabled = row->disabled;
    found->disabled_until_us = row->disabled_until_us;
    found->disabled_reason = row->disabled_reason;
    return decode (run, row, found, err);
}

/*  ---- making them ----  */

static const job_zone *find_zone (void *ctx, bg_slice name, bg_error *err)
{
    ctl_schedules *self = ctx;
    return ctl_zone_lookup (&self->zones, name.size > 0 ? name : self->zone, err);
}

/*  At most so many are ever asked for that none moves: schedules point to them.  */
static const job_calendar *find_calendar (void *ctx, bg_slice name, bg_error *err)
{
    ctl_schedules *self = ctx;
    ctl_shared found;
    for (size_t i = 0; i < self->calendar_count; i++)
        if (job_name_compare (self->calendars[i].name, name) == 0)
            return &self->calendars[i];
    bg_assert (self->calendar_count < self->calendar_capacity);
    if (bg_failed (self->find (self->find_ctx, WIRE_TYPE_CALENDAR, name, &found, err)))
        return NULL;
    job_calendar *calendar = &self->calendars[self->calendar_count];
    if (bg_failed (job_body_calendar (found.calendar, calendar, err)))
        return NULL;
    self->calendar_count++;
    return calendar;
}

static void take_shared_switch (ctl_schedule *item, const ctl_shared *shared, bg_arena *arena)
{
    if (item->is_disabled || !shared->is_disabled)
        return;
    item->is_disabled = true;
    item->disabled_until_us = shared->disabled_until_us;
    item->disabled_why = bg_arena_printf (arena, "the shared schedule '%.*s' is disabled%s%.*s",
        BG_SLICE_ARG (shared->schedule->spec.name), shared->disabled_reason.size ? ": " : "",
        BG_SLICE_ARG (shared->disabled_reason));
}

static bg_result resolve (ctl_schedules *self, const wire_job_schedule *from, ctl_schedule *item,
    const ctl_shared *shared, bg_error *err)
{
    item->spec = *from;
    if (from->disabled) {
        item->is_disabled = true;
        item->disabled_why = bg_slice_str ("the job says so");
    }
    if (shared) {
        BG_TRY (job_body_shared (from, shared->schedule, &item->spec, err));
        take_shared_switch (item, shared, &self->run->arena);
    }
    const bool has_clock = item->spec.kind != WIRE_SCHEDULE_EVERY &&
                           item->spec.kind != WIRE_SCHEDULE_NODE_START &&
                           item->spec.kind != WIRE_SCHEDULE_IDLE;
    item->is_by_target = has_clock && item->spec.zone.size == 0;
    const job_schedule_lookup lookup = {.zone = find_zone, .calendar = find_calendar, .ctx = self};
    return job_body_schedule (&item->spec, &lookup, &item->made, err);
}

/*  What is about this schedule alone; everything else is about the connection.  */
static bool is_own_fault (bg_result result)
{
    return result.code == BG_NOT_FOUND || result.code == BG_INVALID ||
           result.code == BG_NOT_IN_VERSION || result.code == BG_TOO_NEW ||
           result.code == BG_MALFORMED || result.code == BG_TOO_LARGE;
}

static bg_result add (ctl_schedules *self, const wire_job_schedule *from, bg_error *err)
{
    ctl_schedule *item = &self->items[self->count++];
    ctl_shared shared = {0};
    const bool is_shared = from->kind == WIRE_SCHEDULE_USE;
    bg_error why = {0};
    bg_result result = bg_ok ();
    *item = (ctl_schedule){.name = from->name};
    if (is_shared)
        result = self->find (self->find_ctx, WIRE_TYPE_SCHEDULE, from->use, &shared, &why);
    if (bg_is_ok (result))
        result = resolve (self, from, item, is_shared ? &shared : NULL, &why);
    item->is_usable = bg_is_ok (result);
    if (item->is_usable)
        return result;
    if (!is_own_fault (result)) {
        if (err)
            *err = why;
        return result;
    }
    item->problem = bg_arena_copy (&self->run->arena, bg_slice_str (why.message));
    return bg_ok ();
}

bg_result ctl_schedules_open (ctl_run *run, const wire_job_schedule *from, size_t count,
    bg_slice zone, ctl_shared_find *find, void *find_ctx, ctl_schedules *self, bg_error *err)
{
    /*  Each may name so many of each sort.  */
    const size_t calendars = count * 32;
    *self = (ctl_schedules){.items = bg_arena_array (&run->arena, ctl_schedule, count + 1),
        .calendars = bg_arena_array (&run->arena, job_calendar, calendars + 1),
        .calendar_capacity = calendars,
        .run = run,
        .find = find,
        .find_ctx = find_ctx,
        .zone = zone.size > 0 ? zone : bg_slice_str ("UTC")};
    for (size_t i = 0; i < count; i++)
        BG_TRY (add (self, &from[i], err));
    return bg_ok ();
}

void ctl_schedules_close (ctl_schedules *self)
{
    for (size_t i = 0; i < self->count; i++)
        job_schedule_fini (&self->items[i].made);
    ctl_zones_fini (&self->zones);
    *self = (ctl_schedules){0};
}

/*  ---- occurrences ----  */

static int64_t next_after (const ctl_schedule *schedule, int64_t after_us)
{
    int64_t next_us = 0;
    return schedule->is_usable && job_schedule_next (&schedule->made, after_us, &next_us, NULL)
               ? next_us
               : INT64_MAX;
}

ctl_occurrences ctl_occurrences_after (const ctl_schedules *schedules, int64_t after_us)
{
    ctl_occurrences self = {.schedules = schedules,
        .next_us = bg_arena_array (&schedules->run->arena, int64_t, schedules->count + 1)};
    for (size_t i = 0; i < schedules->count; i++)
        self.next_us[i] = next_after (&schedules->items[i], after_us);
    return self;
}

bool ctl_occurrences_take (ctl_occurrences *self, ctl_occurrence *found)
{
    size_t first = 0;
    for (size_t i = 1; i < self->schedules->count; i++)
        if (self->next_us[i] < self->next_us[first])
            first = i;
    if (self->schedules->count == 0 || self->next_us[first] == INT64_MAX)
        return false;
    const ctl_schedule *schedule = &self->schedules->items[first];
    const int64_t at_us = self->next_us[first];
    *found = (ctl_occurrence){.schedule = schedule,
        .nominal_us = at_us,
        .mark = job_schedule_marks (&schedule->made, at_us)};
    self->next_us[first] = next_after (schedule, at_us);
    return true;
}

bool ctl_schedule_is_on (const ctl_schedule *self, int64_t at_us)
{
    return !self->is_disabled || (self->disabled_until_us != 0 && at_us >= self->disabled_until_us);
}

const char *ctl_schedule_zone (const ctl_schedule *self)
{
    return self->made.zone ? job_zone_name (self->made.zone) : "UTC";
}
