/*  When jobs run next, in list and show: see job_times.h.  */
#include "ctl/job_times.h"

#include "common/job/names.h"
#include "ctl/client.h"

#define LEFT_OUT_MAX 1000 /*  a calendar that leaves out more in a row: enough was looked at  */

typedef struct ctl_shared_entry {
    wire_type type;
    bg_slice name;
    ctl_shared found;
    bg_result result;
    bg_error error;
    struct ctl_shared_entry *next;
} ctl_shared_entry;

bg_result ctl_shared_cached (
    void *ctx, wire_type type, bg_slice name, ctl_shared *found, bg_error *err)
{
    ctl_shared_cache *self = ctx;
    ctl_shared_entry *entry = self->entries;
    while (entry && (entry->type != type || job_name_compare (entry->name, name) != 0))
        entry = entry->next;
    if (!entry) {
        entry = bg_arena_alloc (&self->run->arena, sizeof *entry);
        *entry = (ctl_shared_entry){
            .type = type, .name = bg_arena_copy (&self->run->arena, name), .next = self->entries};
        entry->result = ctl_shared_ask (self->run, type, name, &entry->found, &entry->error);
        self->entries = entry;
    }
    *found = entry->found;
    if (bg_failed (entry->result) && err)
        *err = entry->error;
    return entry->result;
}

int64_t ctl_job_not_after_us (const wire_job_row *row)
{
    BG_AUTO_ARENA arena = {0};
    wire_document fixed;
    if (bg_failed (
            WIRE_DECODE (document, row->document.bytes, WIRE_AS_SIGNED, &arena, &fixed, NULL)))
        return 0;
    return fixed.not_after_us;
}

ctl_span ctl_job_enabled_span (const wire_job_row *row, int64_t now_us)
{
    const int64_t not_after_us = ctl_job_not_after_us (row);
    int64_t until_us = row->enabled_until_us ? row->enabled_until_us : INT64_MAX;
    if (not_after_us != 0 && not_after_us < until_us)
        until_us = not_after_us;
    if (!row->disabled)
        return (ctl_span){now_us, until_us};
    return (ctl_span){row->disabled_until_us ? row->disabled_until_us - 1 : INT64_MAX, until_us};
}

/*  The first time that counts; 0: none.  */
static int64_t next_of (const ctl_schedule *schedule, ctl_span enabled)
{
    int64_t at_us = enabled.from_us;
    if (!schedule->is_usable || schedule->is_by_target)
        return 0;
    for (size_t i = 0; i < LEFT_OUT_MAX && at_us < enabled.until_us; i++) {
        if (!job_schedule_next (&schedule->made, at_us, &at_us, NULL) || at_us >= enabled.until_us)
            return 0;
        if (ctl_schedule_is_on (schedule, at_us) &&
            job_schedule_is_open (&schedule->made, at_us, NULL))
            return at_us;
    }
    return 0;
}

static void set_schedule (json_t *row, const ctl_schedule *schedule, int64_t next_us)
{
    json_object_set_new (row, "next", ctl_json_time (next_us));
    json_object_set_new (row, "note",
        !schedule->is_usable    ? ctl_json_slice (schedule->problem)
        : schedule->is_disabled ? ctl_json_slice (schedule->disabled_why)
                                : json_null ());
    if (schedule->is_usable)
        json_object_set_new (row, "zone",
            schedule->is_by_target ? json_string ("target")
            : job_schedule_is_event (&schedule->made) || schedule->spec.kind == WIRE_SCHEDULE_EVERY
                ? json_null ()
                : ctl_json_slice (schedule->spec.zone));
}

static void set_times (const ctl_schedules *schedules, ctl_span enabled, json_t *object)
{
    json_t *rows = json_object_get (object, "schedules");
    int64_t first_us = 0;
    bool by_target = false;
    for (size_t i = 0; i < schedules->count; i++) {
        const ctl_schedule *schedule = &schedules->items[i];
        const int64_t next_us = enabled.from_us == INT64_MAX ? 0 : next_of (schedule, enabled);
        if (next_us != 0 && (first_us == 0 || next_us < first_us))
            first_us = next_us;
        by_target |= schedule->is_usable && schedule->is_by_target &&
                     !job_schedule_is_event (&schedule->made);
        if (rows)
            set_schedule (json_array_get (rows, i), schedule, next_us);
    }
    json_object_set_new (object, "next", ctl_json_time (first_us));
    json_object_set_new (object, "zone",
        by_target && enabled.from_us != INT64_MAX ? json_string ("target") : json_null ());
}

bg_result ctl_job_set_times (ctl_shared_cache *cache, const wire_job_row *row, const wire_job *job,
    json_t *object, bg_error *err)
{
    ctl_schedules schedules;
    bg_result result = ctl_schedules_open (cache->run, job->schedules, job->schedules_count,
        (bg_slice){0}, ctl_shared_cached, cache, &schedules, err);
    if (bg_is_ok (result))
        set_times (
            &schedules, ctl_job_enabled_span (row, ctl_client_now_us (cache->run->client)), object);
    ctl_schedules_close (&schedules);
    return result;
}
