/*  Shared schedules and calendars that are held here, and making a schedule of a job ready with what it names.

    What jobs use is found by the key of its document: of the broker's installation for its jobs, of the machine's own for
    local ones. A schedule that names something that is not here, or a zone that this machine has not, does not run, says
    why, and is made ready as soon as that comes.  */
#include "node/core/rooms.h"

#include "common/job/body.h"
#include "common/job/names.h"
#include "proto/digest.h"

#include <stdlib.h>

void node_shared_release (void *object)
{
    node_shared *shared = object;
    bg_buf_fini (&shared->body);
    bg_arena_fini (&shared->arena);
    free (shared);
}

/*  Decodes what is kept into what is asked; false when it is not to be used.  */
static bool read_shared (node_core *self, node_shared *shared)
{
    bg_error why = {0};
    bg_result result;
    const bg_slice body = bg_buf_slice (&shared->body);
    if (shared->type == WIRE_TYPE_SCHEDULE) {
        result =
            WIRE_DECODE (schedule, body, WIRE_AS_MESSAGE, &shared->arena, &shared->schedule, &why);
    } else {
        wire_calendar calendar;
        result = WIRE_DECODE (calendar, body, WIRE_AS_MESSAGE, &shared->arena, &calendar, &why);
        if (bg_is_ok (result))
            result = job_body_calendar (&calendar, &shared->calendar, &why);
    }
    if (bg_failed (result))
        node_log (self, NODE_LOG_ERROR, "document-unread",
            "a %s that bugle-exec accepted cannot be used here: %s", wire_type_word (shared->type),
            why.message);
    return bg_is_ok (result);
}

/*  Schedules borrow of the old one until they are made anew.  */
static bg_result exchange (node_core *self, bg_id key, node_shared *shared, bg_error *err)
{
    bg_result result = self->recovering ? bg_ok () : node_book_shared_begin (self, key, err);
    node_shared *before = node_table_take (&self->shared, key);
    if (shared)
        node_table_insert (&self->shared, shared);
    if (bg_is_ok (result) && !self->recovering)
        result = node_book_shared_end (self, key, err);
    /*  After a failure the core is thrown away, and nothing is asked of its schedules any more.  */
    if (before)
        node_shared_release (before);
    return result;
}

bg_result node_shared_hold (
    node_core *self, bg_id key, const wire_document *document, bg_error *err)
{
    node_shared *shared = bg_alloc (sizeof *shared);
    shared->key = key;
    shared->type = document->type;
    shared->local =
        !self->enlisted || !bg_id_equal (document->installation, self->identity.installation);
    bg_buf_append_slice (&shared->body, document->body);
    shared->is_usable = read_shared (self, shared);
    return exchange (self, key, shared, err);
}

bg_result node_shared_drop (node_core *self, bg_id key, bg_error *err)
{
    return node_table_find (&self->shared, key) ? exchange (self, key, NULL, err) : bg_ok ();
}

/*  ---- what a schedule names ----  */

typedef struct {
    node_core *core;
    const node_job *job;
} context;

static const job_zone *lookup_zone (void *ctx, bg_slice name, bg_error *err)
{
    const node_core *self = ((const context *) ctx)->core;
    const bool own = name.size == 0 || bg_slice_is (name, "target");
    const job_zone *zone = self->ports.zone (self->ports.ctx, own ? (bg_slice){0} : name);
    if (!zone)
        bg_ignore (bg_fail (
            err, BG_NOT_FOUND, "this machine knows no zone \"%.*s\"", BG_SLICE_ARG (name)));
    return zone;
}

static bg_id shared_key (const node_core *self, const node_job *job, wire_type type, bg_slice name)
{
    const node_local *local = job->local ? node_local_find (self, job->key) : NULL;
    return wire_document_key (
        local ? local->installation : self->identity.installation, type, name);
}

static const node_shared *find_shared (
    const node_core *self, const node_job *job, wire_type type, bg_slice name, bg_error *err)
{
    const node_shared *found = node_table_find (&self->shared, shared_key (self, job, type, name));
    if (found && found->is_usable && found->type == type)
        return found;
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "the %s \"%.*s\" is not here", wire_type_word (type),
        BG_SLICE_ARG (name)));
    return NULL;
}

static const job_calendar *lookup_calendar (void *ctx, bg_slice name, bg_error *err)
{
    const context *at = ctx;
    const node_shared *found = find_shared (at->core, at->job, WIRE_TYPE_CALENDAR, name, err);
    return found ? &found->calendar : NULL;
}

/*  ---- one entry ----  */

static void take_policies (node_core *self, node_entry *entry, const wire_job_schedule *wire)
{
    const node_local *local = entry->job->local ? node_local_find (self, entry->job->key) : NULL;
    const bg_id owner = local ? local->installation : self->identity.target;
    entry->splay_us = wire->splay_us ? wire_splay_us (owner, entry->job->key, wire->splay_us) : 0;
    entry->misfire = (uint8_t) wire->misfire;
    entry->misfire_max =
        wire->misfire == WIRE_MISFIRE_ALL ? (uint16_t) job_body_misfire_max (wire) : 1;
    entry->misfire_window_us =
        wire->misfire == WIRE_MISFIRE_SKIP ? 0 : job_body_misfire_window_us (wire);
    entry->names_shared = wire->except_count + wire->within_count > 0;
}

static bg_result make (node_core *self, node_entry *entry, bg_error *err)
{
    context at = {self, entry->job};
    const job_schedule_lookup lookup = {lookup_zone, lookup_calendar, &at};
    wire_job_schedule own;
    wire_job_schedule effective;
    BG_TRY (WIRE_DECODE (
        job_schedule, bg_buf_slice (&entry->blob), WIRE_AS_MESSAGE, &self->scratch, &own, err));
    effective = own;
    entry->disabled = own.disabled;
    entry->shared_disabled = false;
    entry->use_key = (bg_id){0};
    if (own.kind == WIRE_SCHEDULE_USE) {
        entry->use_key = shared_key (self, entry->job, WIRE_TYPE_SCHEDULE, own.use);
        const node_shared *shared =
            find_shared (self, entry->job, WIRE_TYPE_SCHEDULE, own.use, err);
        if (!shared)
            return (bg_result){BG_NOT_FOUND};
        entry->shared_disabled = shared->schedule.spec.disabled;
        BG_TRY (job_body_shared (&own, &shared->schedule, &effective, err));
    }
    take_policies (self, entry, &effective);
    return job_body_schedule (&effective, &lookup, &entry->spec, err);
}

static void count_idle (node_core *self, node_entry *entry, bool wants_idle)
{
    if (wants_idle && !entry->wants_idle)
        self->idle_entries++;
    if (!wants_idle && entry->wants_idle)
        self->idle_entries--;
    entry->wants_idle = wants_idle;
}

void node_entry_make (node_core *self, node_entry *entry)
{
    bg_error why = {0};
    if (entry->usable)
        job_schedule_fini (&entry->spec);
    entry->spec = (job_schedule){0};
    entry->usable = bg_is_ok (make (self, entry, &why));
    count_idle (self, entry, entry->usable && entry->spec.kind == JOB_SCHEDULE_IDLE);
    const bool is_news =
        !entry->usable && (!entry->problem || strcmp (entry->problem, why.message));
    free (entry->problem);
    entry->problem = entry->usable ? NULL : bg_strdup (why.message);
    if (is_news && !self->recovering)
        node_log (self, NODE_LOG_ERROR, "schedule-unusable",
            "schedule \"%s\" of job \"%s\" does not run: %s", entry->name, entry->job->name,
            why.message);
}

void node_entry_fini (node_core *self, node_entry *entry)
{
    if (self)
        count_idle (self, entry, false);
    if (entry->usable)
        job_schedule_fini (&entry->spec);
    bg_buf_fini (&entry->blob);
    free (entry->name);
    free (entry->problem);
}
