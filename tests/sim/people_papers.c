/*  Documents about jobs and logins that people sign, and what they remember of them: see people_papers.h.  */
#include "tests/sim/oracle.h"
#include "tests/sim/people_papers.h"

#include <stdio.h>

const sim_signed_job *sim_people_job (const sim_people *self, bg_id key, uint64_t version)
{
    for (size_t i = self->version_count; i-- > 0;)
        if (self->versions[i].version == version && bg_id_equal (self->versions[i].key, key))
            return &self->versions[i];
    return NULL;
}

const sim_signed_deed *sim_people_deed (const sim_people *self, bg_id id)
{
    for (size_t i = self->deed_count; i-- > 0;)
        if (bg_id_equal (self->deeds[i].id, id))
            return &self->deeds[i];
    return NULL;
}

void sim_people_remember_job (
    sim_people *self, const wire_document *document, const wire_job *job, const wire_signed *item)
{
    if (self->version_count == self->version_capacity) {
        self->version_capacity = self->version_capacity ? 2 * self->version_capacity : 32;
        self->versions =
            bg_realloc (self->versions, self->version_capacity * sizeof *self->versions);
    }
    sim_signed_job *to = &self->versions[self->version_count++];
    *to = (sim_signed_job){.key = document->key, .version = document->version, .item = *item};
    to->withdrawal = !job;
    if (job)
        to->audience = job->audience;
}

void sim_people_post (sim_people *self, const wire_signed *document, uint64_t seen)
{
    wire_post_item item = {
        .has_document = true, .document = *document, .seen_version = seen, .cut = self->cut};
    self->cut = false;
    wire_post message = {.items = &item, .items_count = 1};
    sim_people_ask (self, WIRE_POST, &message);
}

uint64_t sim_people_next_version (const sim_people *self, uint64_t last)
{
    uint64_t now_ms = (uint64_t) (sim_people_us (self) / 1000);
    return last + 1 > now_ms ? last + 1 : now_ms;
}

wire_signed sim_people_sign (sim_people *self, const wire_document *fixed, const void *body)
{
    wire_signed out;
    wire_document_make (
        self->world->crypto, fixed, body, self->world->admin.secret, &self->arena, &out);
    return out;
}

bg_slice sim_people_text (sim_people *self, const char *value)
{
    return bg_arena_copy (&self->arena, bg_slice_str (value));
}

/*  Some audience: all, a group, a label, names.  */
void sim_people_make_audience (sim_people *self, wire_audience *out)
{
    *out = (wire_audience){0};
    switch (sim_below (&self->rng, 6)) {
    case 0:
    case 1:
        out->all = true;
        break;
    case 2:
    case 3:
        out->groups = bg_arena_array (&self->arena, bg_slice, 1);
        out->groups[out->groups_count++] =
            sim_people_text (self, sim_chance (&self->rng, 500) ? "g0" : "g1");
        break;
    case 4:
        out->labels = sim_people_text (self, sim_chance (&self->rng, 500) ? "role=db" : "role!=db");
        break;
    default:
        out->names = bg_arena_array (&self->arena, bg_slice, 2);
        for (size_t i = 0; i < 2; i++) {
            int64_t which = sim_below (&self->rng, self->world->machine_count);
            out->names[out->names_count++] =
                sim_people_text (self, self->world->machines[which].name);
        }
        if (bg_slice_equal (out->names[0], out->names[1]))
            out->names_count = 1;
        break;
    }
}

void sim_people_make_steps (sim_people *self, wire_job *job)
{
    size_t count = (size_t) sim_between (&self->rng, 1, 4);
    job->steps = bg_arena_array (&self->arena, wire_job_step, count);
    for (size_t i = 0; i < count; i++) {
        wire_job_step *step = &job->steps[job->steps_count++];
        char name[16];
        snprintf (name, sizeof name, "step %zu", i + 1);
        *step = (wire_job_step){.name = sim_people_text (self, name), .kind = WIRE_STEP_RUN};
        step->argv = bg_arena_array (&self->arena, bg_slice, 1);
        step->argv[step->argv_count++] = sim_people_text (self, "/bin/true");
        if (sim_chance (&self->rng, 200)) {
            step->retry_attempts = (uint64_t) sim_between (&self->rng, 1, 3);
            step->retry_every_us = (uint64_t) BG_SEC (5);
        }
        if (sim_chance (&self->rng, 300))
            step->on_failure = WIRE_FLOW_NEXT;
        if (sim_chance (&self->rng, 200))
            step->timeout_us = (uint64_t) BG_SEC (20);
    }
}

/*  Some run late, and some are spread.  */
static void make_policies (sim_people *self, wire_job_schedule *schedule)
{
    if (self->world->options.is_quiet)
        return;
    if (sim_chance (&self->rng, 400)) {
        schedule->misfire = sim_chance (&self->rng, 500) ? WIRE_MISFIRE_LAST : WIRE_MISFIRE_ALL;
        schedule->misfire_window_us = (uint64_t) BG_MIN (sim_between (&self->rng, 2, 20));
    }
    if (schedule->misfire == WIRE_MISFIRE_ALL)
        schedule->misfire_max = (uint64_t) sim_between (&self->rng, 2, 5);
    if (sim_chance (&self->rng, 200))
        schedule->splay_us = (uint64_t) BG_SEC (sim_between (&self->rng, 1, 30));
}

static void make_schedules (sim_people *self, wire_job *job, wire_needs *needs)
{
    static const int64_t every_s[] = {20, 30, 60, 90, 300};
    static const char *const crons[] = {"* * * * *", "*/3 * * * *", "*/20 * * * * *"};
    if (sim_chance (&self->rng, 400))
        return;
    size_t count = (size_t) sim_between (&self->rng, 1, 3);
    job->schedules = bg_arena_array (&self->arena, wire_job_schedule, count);
    for (size_t i = 0; i < count; i++) {
        wire_job_schedule *schedule = &job->schedules[job->schedules_count++];
        char name[16];
        snprintf (name, sizeof name, "s%zu", i + 1);
        *schedule = (wire_job_schedule){.name = sim_people_text (self, name)};
        if (sim_chance (&self->rng, 600)) {
            schedule->kind = WIRE_SCHEDULE_EVERY;
            schedule->every_us = (uint64_t) BG_SEC (every_s[sim_below (&self->rng, 5)]);
        } else {
            schedule->kind = WIRE_SCHEDULE_CRON;
            schedule->cron = sim_people_text (self, crons[sim_below (&self->rng, 3)]);
        }
        make_policies (self, schedule);
        if (!self->world->options.is_quiet)
            sim_people_use_shared (self, schedule, needs);
    }
}

void sim_people_post_job (sim_people *self, int which, bool scheduled)
{
    sim_job *job = &self->jobs[which];
    wire_job body = {.name = sim_people_text (self, job->name), .has_audience = true};
    char description[32];
    snprintf (
        description, sizeof description, "number %llu", (unsigned long long) ++self->world->serial);
    body.description = sim_people_text (self, description);
    if (self->closing && self->world->broker.was_restored)
        body.audience.all = true;
    else
        sim_people_make_audience (self, &body.audience);
    sim_people_make_steps (self, &body);
    wire_needs needs = {0};
    if (scheduled && (!self->world->options.is_quiet || which % 2 == 0))
        make_schedules (self, &body, &needs);
    if (sim_chance (&self->rng, 50))
        body.start_by = WIRE_START_BY_NOBODY;
    if (sim_chance (&self->rng, 100)) {
        body.at_most = 5;
        body.at_most_period_us = (uint64_t) BG_HOUR (1);
    }
    if (sim_chance (&self->rng, 500))
        body.delete_level =
            sim_chance (&self->rng, 200) ? (uint64_t) sim_between (&self->rng, 1, 3) : 0;
    if (sim_chance (&self->rng, 500))
        body.overlap = sim_chance (&self->rng, 600) ? WIRE_OVERLAP_QUEUE : WIRE_OVERLAP_REPLACE;
    wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = self->world->installation,
        .key = job->key,
        .version = sim_people_next_version (self, job->version),
        .has_needs = needs.documents_count > 0,
        .needs = needs};
    wire_signed item = sim_people_sign (self, &fixed, &body);
    sim_people_remember_job (self, &fixed, &body, &item);
    self->job = which;
    self->type = WIRE_TYPE_JOB;
    self->version = fixed.version;
    sim_people_post (self, &item, job->live ? job->version : 0);
}

void sim_people_withdraw (sim_people *self, int which)
{
    sim_job *job = &self->jobs[which];
    wire_withdrawal body = {.object_type = WIRE_TYPE_JOB, .object_name = bg_slice_str (job->name)};
    wire_document fixed = {.type = WIRE_TYPE_WITHDRAWAL,
        .installation = self->world->installation,
        .key = job->key,
        .version = sim_people_next_version (self, job->version)};
    wire_signed item = sim_people_sign (self, &fixed, &body);
    sim_people_remember_job (self, &fixed, NULL, &item);
    self->job = which;
    self->type = WIRE_TYPE_WITHDRAWAL;
    self->version = fixed.version;
    sim_people_post (self, &item, job->version);
}

void sim_people_turn (sim_people *self, int which, bool disabled, int64_t until_us)
{
    sim_job *job = &self->jobs[which];
    wire_switch body = {.object_type = WIRE_TYPE_JOB,
        .object_name = bg_slice_str (job->name),
        .object_key = job->key,
        .disabled = disabled,
        .until_us = until_us};
    char reason[32];
    snprintf (reason, sizeof reason, "reason %llu", (unsigned long long) ++self->world->serial);
    body.reason = bg_slice_str (reason);
    wire_document fixed = {.type = WIRE_TYPE_SWITCH,
        .installation = self->world->installation,
        .key = job->switch_key,
        .version = sim_people_next_version (self, job->switch_version)};
    if (fixed.version <= job->version)
        fixed.version = job->version + 1;
    wire_signed item = sim_people_sign (self, &fixed, &body);
    self->job = which;
    self->type = WIRE_TYPE_SWITCH;
    self->version = fixed.version;
    sim_people_post (self, &item, job->switch_version);
}

void sim_people_post_authority (sim_people *self)
{
    wire_document fixed = {.type = WIRE_TYPE_AUTHORITY,
        .installation = self->world->installation,
        .version = sim_people_next_version (self, self->authority_version)};
    wire_authority body;
    wire_login login;
    sim_make_authority (self->world, sim_people_us (self), &login, &body);
    wire_signed item = sim_people_sign (self, &fixed, &body);
    self->type = WIRE_TYPE_AUTHORITY;
    self->version = fixed.version;
    sim_people_post (self, &item, self->authority_version);
}
