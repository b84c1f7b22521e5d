/*  Schedules and calendars that jobs share: people post them, edit them, switch them off and take them away, which is
    refused as long as something uses them.  */
#include "tests/sim/oracle.h"
#include "tests/sim/people_papers.h"

#include "common/job/calendar.h"

#include <stdio.h>

#define RANGES 4

void sim_people_init_shared (sim_people *self)
{
    for (int i = 0; i < SIM_SHARED_MAX; i++) {
        sim_shared *shared = &self->shared[i];
        const bool is_schedule = i < SIM_SCHEDULES_MAX;
        shared->type = is_schedule ? WIRE_TYPE_SCHEDULE : WIRE_TYPE_CALENDAR;
        snprintf (shared->name, sizeof shared->name, "%s %d", is_schedule ? "schedule" : "calendar",
            i + 1);
        const bg_slice name = bg_slice_str (shared->name);
        shared->key = wire_document_key (self->world->installation, shared->type, name);
        shared->switch_key = wire_switch_key (self->world->installation, shared->type, name);
    }
}

static void look_at (sim_people *self, sim_shared *shared)
{
    const broker_store *store = &self->world->broker.store;
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    if (bg_is_ok (
            store->document_get (store->ctx, shared->key, 0, &arena, &record, &found, NULL))) {
        if (found && record.version != shared->version)
            shared->is_closed = shared->is_again = false;
        shared->version = found ? record.version : 0;
        shared->live = found && record.type == (uint64_t) shared->type;
    }
    if (bg_is_ok (
            store->document_get (store->ctx, shared->switch_key, 0, &arena, &record, &found, NULL)))
        shared->switch_version = found ? record.version : 0;
}

void sim_people_look_at_shared (sim_people *self)
{
    for (int i = 0; i < SIM_SHARED_MAX; i++)
        look_at (self, &self->shared[i]);
}

/*  A live one of the type; NULL when there is none.  */
static sim_shared *some (sim_people *self, wire_type type)
{
    const int first = (int) sim_below (&self->rng, SIM_SHARED_MAX);
    for (int i = 0; i < SIM_SHARED_MAX; i++) {
        sim_shared *shared = &self->shared[(first + i) % SIM_SHARED_MAX];
        if (shared->type == type && shared->live)
            return shared;
    }
    return NULL;
}

/*  ---- what uses them ----  */

static void add_need (sim_people *self, wire_needs *needs, bg_id key)
{
    wire_need *all = bg_arena_array (&self->arena, wire_need, needs->documents_count + 1);
    for (size_t i = 0; i < needs->documents_count; i++) {
        if (bg_id_equal (needs->documents[i].key, key))
            return;
        all[i] = needs->documents[i];
    }
    all[needs->documents_count++] = (wire_need){.key = key, .version = 1};
    needs->documents = all;
}

static void except_one (
    sim_people *self, const sim_shared *calendar, wire_job_schedule *schedule, wire_needs *needs)
{
    schedule->except = bg_arena_array (&self->arena, bg_slice, 1);
    schedule->except[schedule->except_count++] = sim_people_text (self, calendar->name);
    add_need (self, needs, calendar->key);
}

void sim_people_use_shared (sim_people *self, wire_job_schedule *schedule, wire_needs *needs)
{
    const sim_shared *shared = some (self, WIRE_TYPE_SCHEDULE);
    const sim_shared *calendar = some (self, WIRE_TYPE_CALENDAR);
    if (shared && sim_chance (&self->rng, 400)) {
        *schedule = (wire_job_schedule){.name = schedule->name,
            .kind = WIRE_SCHEDULE_USE,
            .use = sim_people_text (self, shared->name)};
        add_need (self, needs, shared->key);
    } else if (calendar && sim_chance (&self->rng, 200))
        except_one (self, calendar, schedule, needs);
}

/*  ---- papers ----  */

static void post (
    sim_people *self, int at, const wire_document *fixed, const void *body, uint64_t seen)
{
    const wire_signed item = sim_people_sign (self, fixed, body);
    self->shared_at = at;
    self->type = (wire_type) fixed->type;
    self->version = fixed->version;
    sim_people_post (self, &item, seen);
}

static wire_document fixed_of (sim_people *self, const sim_shared *shared, wire_type type)
{
    return (wire_document){.type = type,
        .installation = self->world->installation,
        .key = shared->key,
        .version = sim_people_next_version (self, shared->version)};
}

static void post_schedule (sim_people *self, int at)
{
    static const int64_t every_s[] = {20, 30, 60, 90, 300};
    const sim_shared *shared = &self->shared[at];
    const sim_shared *calendar = some (self, WIRE_TYPE_CALENDAR);
    wire_needs needs = {0};
    wire_schedule body = {.has_spec = true,
        .spec = {.name = sim_people_text (self, shared->name),
            .kind = WIRE_SCHEDULE_EVERY,
            .every_us = (uint64_t) BG_SEC (every_s[sim_below (&self->rng, 5)])}};
    char description[32];
    snprintf (
        description, sizeof description, "number %llu", (unsigned long long) ++self->world->serial);
    body.description = sim_people_text (self, description);
    if (calendar && sim_chance (&self->rng, 300))
        except_one (self, calendar, &body.spec, &needs);
    wire_document fixed = fixed_of (self, shared, WIRE_TYPE_SCHEDULE);
    fixed.has_needs = needs.documents_count > 0;
    fixed.needs = needs;
    post (self, at, &fixed, &body, shared->live ? shared->version : 0);
}

/*  A few ranges of minutes around now.  */
static void post_calendar (sim_people *self, int at)
{
    const sim_shared *shared = &self->shared[at];
    BG_AUTO_BUF ranges = {0};
    int64_t at_s = sim_people_us (self) / BG_SEC (1);
    for (int i = 0; i < RANGES; i++) {
        const int64_t from = at_s + sim_between (&self->rng, 1, 300);
        at_s = from + sim_between (&self->rng, 1, 120);
        job_calendar_range_append (&ranges, (job_calendar_range){from, at_s});
    }
    const wire_calendar body = {.name = sim_people_text (self, shared->name),
        .utc_ranges = bg_arena_copy (&self->arena, bg_buf_slice (&ranges)),
        .horizon_us = sim_people_us (self) + BG_DAY (400)};
    const wire_document fixed = fixed_of (self, shared, WIRE_TYPE_CALENDAR);
    post (self, at, &fixed, &body, shared->live ? shared->version : 0);
}

static void post_one (sim_people *self, int at)
{
    if (self->shared[at].type == WIRE_TYPE_SCHEDULE)
        post_schedule (self, at);
    else
        post_calendar (self, at);
}

static void withdraw (sim_people *self, int at)
{
    const sim_shared *shared = &self->shared[at];
    const wire_withdrawal body = {
        .object_type = shared->type, .object_name = bg_slice_str (shared->name)};
    const wire_document fixed = fixed_of (self, shared, WIRE_TYPE_WITHDRAWAL);
    post (self, at, &fixed, &body, shared->version);
}

static void turn (sim_people *self, int at)
{
    const sim_shared *shared = &self->shared[at];
    const wire_switch body = {.object_type = shared->type,
        .object_name = bg_slice_str (shared->name),
        .object_key = shared->key,
        .disabled = sim_chance (&self->rng, 500)};
    wire_document fixed = fixed_of (self, shared, WIRE_TYPE_SWITCH);
    fixed.key = shared->switch_key;
    fixed.version = sim_people_next_version (self, shared->switch_version);
    if (fixed.version <= shared->version)
        fixed.version = shared->version + 1;
    post (self, at, &fixed, &body, shared->switch_version);
}

/*  ---- what people do ----  */

void sim_people_mind_shared (sim_people *self)
{
    const int at = (int) sim_below (&self->rng, SIM_SHARED_MAX);
    const int64_t wish = sim_below (&self->rng, 10);
    if (!self->shared[at].live || wish < 5)
        post_one (self, at);
    else if (wish < 8 && self->shared[at].type == WIRE_TYPE_SCHEDULE)
        turn (self, at);
    else
        withdraw (self, at);
}

bool sim_people_close_shared (sim_people *self)
{
    /*  Calendars first: schedules name them.  */
    for (int at = SIM_SHARED_MAX - 1; at >= 0; at--) {
        const sim_shared *shared = &self->shared[at];
        if (shared->is_closed)
            continue;
        if (shared->live && shared->is_again)
            turn (self, at);
        else
            post_one (self, at);
        return true;
    }
    return false;
}

void sim_people_shared_posted (sim_people *self)
{
    sim_shared *shared = &self->shared[self->shared_at];
    if (self->type == WIRE_TYPE_SWITCH) {
        shared->switch_version = self->version;
        shared->is_closed = self->closing && shared->is_again;
        return;
    }
    shared->version = self->version;
    shared->live = self->type != WIRE_TYPE_WITHDRAWAL;
    shared->is_again = self->closing && shared->live;
    shared->is_closed = shared->is_again && shared->type == WIRE_TYPE_CALENDAR;
}
