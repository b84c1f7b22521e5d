/*  The people: what they want next, one request at a time, repeated until it is answered.

    A request is signed once and repeated as it is; the broker takes repetitions for what they are.
    An error makes them look again (into the store: the queries have tests of their own) and go on
    with something else.  */
#include "tests/sim/oracle.h"

#include "proto/frame.h"
#include "proto/token_text.h"

#include <stdio.h>
#include <stdlib.h>

#define REPEAT_US BG_SEC (4)
#define QUIET_US  BG_SEC (8)
#define TOKEN_US  BG_HOUR (1)
#define MANAGE_US BG_SEC (8)

/*  ---- what was signed ----  */

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

static void remember_job (
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

/*  ---- asking ----  */

static int64_t broker_us (const sim_people *self)
{
    return sim_broker_now (self->world).utc_us;
}

static void repeat (void *owner, uint64_t serial, bg_slice payload);

static void say (sim_people *self)
{
    sim_ops_send (self->world, bg_buf_slice (&self->packed));
    self->tries++;
    sim_in (self->world, REPEAT_US, repeat, self->world, bg_read_u64 (self->request.bytes + 8),
        (bg_slice){0});
}

static void repeat (void *owner, uint64_t serial, bg_slice payload)
{
    (void) payload;
    sim_people *self = ((sim_world *) owner)->people;
    if (self->asking && bg_read_u64 (self->request.bytes + 8) == serial)
        say (self);
}

static void ask (sim_people *self, wire_kind kind, const void *body)
{
    bg_assert (!self->asking);
    BG_AUTO_BUF head = {0};
    BG_AUTO_BUF bytes = {0};
    uint8_t entropy[10] = {0};
    bg_write_u64 (entropy + 2, ++self->world->serial);
    self->request = bg_id_make (broker_us (self), entropy);
    wire_message_encode (kind, self->request, (bg_id){{0}}, body, &head, &bytes);
    bg_slice frames[3] = {bg_buf_slice (&head), bg_buf_slice (&bytes)};
    bg_buf_clear (&self->packed);
    sim_pack (&self->packed, frames, 3);
    self->kind = kind;
    self->tries = 0;
    self->asking = true;
    say (self);
}

void sim_people_ask (sim_people *self, wire_kind kind, const void *body)
{
    ask (self, kind, body);
}

static void post (sim_people *self, const wire_signed *document, uint64_t seen)
{
    wire_post_item item = {
        .has_document = true, .document = *document, .seen_version = seen, .cut = self->cut};
    self->cut = false;
    wire_post message = {.items = &item, .items_count = 1};
    ask (self, WIRE_POST, &message);
}

static uint64_t next_version (const sim_people *self, uint64_t last)
{
    uint64_t now_ms = (uint64_t) (broker_us (self) / 1000);
    return last + 1 > now_ms ? last + 1 : now_ms;
}

static wire_signed sign_document (sim_people *self, const wire_document *fixed, const void *body)
{
    wire_signed out;
    wire_document_make (
        self->world->crypto, fixed, body, self->world->admin.secret, &self->arena, &out);
    return out;
}

/*  ---- documents ----  */

static bg_slice text (sim_people *self, const char *value)
{
    return bg_arena_copy (&self->arena, bg_slice_str (value));
}

/*  Some audience: all, a group, a label, names.  */
static void make_audience (sim_people *self, wire_audience *out)
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
        out->groups[out->groups_count++] = text (self, sim_chance (&self->rng, 500) ? "g0" : "g1");
        break;
    case 4:
        out->labels = text (self, sim_chance (&self->rng, 500) ? "role=db" : "role!=db");
        break;
    default:
        out->names = bg_arena_array (&self->arena, bg_slice, 2);
        for (size_t i = 0; i < 2; i++) {
            int64_t which = sim_below (&self->rng, self->world->machine_count);
            out->names[out->names_count++] = text (self, self->world->machines[which].name);
        }
        if (bg_slice_equal (out->names[0], out->names[1]))
            out->names_count = 1;
        break;
    }
}

static void make_steps (sim_people *self, wire_job *job)
{
    size_t count = (size_t) sim_between (&self->rng, 1, 4);
    job->steps = bg_arena_array (&self->arena, wire_job_step, count);
    for (size_t i = 0; i < count; i++) {
        wire_job_step *step = &job->steps[job->steps_count++];
        char name[16];
        snprintf (name, sizeof name, "step %zu", i + 1);
        *step = (wire_job_step){.name = text (self, name), .kind = WIRE_STEP_RUN};
        step->argv = bg_arena_array (&self->arena, bg_slice, 1);
        step->argv[step->argv_count++] = text (self, "/bin/true");
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

static void make_schedules (sim_people *self, wire_job *job)
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
        *schedule = (wire_job_schedule){.name = text (self, name)};
        if (sim_chance (&self->rng, 600)) {
            schedule->kind = WIRE_SCHEDULE_EVERY;
            schedule->every_us = (uint64_t) BG_SEC (every_s[sim_below (&self->rng, 5)]);
        } else {
            schedule->kind = WIRE_SCHEDULE_CRON;
            schedule->cron = text (self, crons[sim_below (&self->rng, 3)]);
        }
    }
}

static void post_job (sim_people *self, int which, bool scheduled)
{
    sim_job *job = &self->jobs[which];
    wire_job body = {.name = text (self, job->name), .has_audience = true};
    char description[32];
    snprintf (
        description, sizeof description, "number %llu", (unsigned long long) ++self->world->serial);
    body.description = text (self, description);
    make_audience (self, &body.audience);
    make_steps (self, &body);
    if (scheduled && (!self->world->options.is_quiet || which % 2 == 0))
        make_schedules (self, &body);
    if (sim_chance (&self->rng, 50))
        body.start_by = WIRE_START_BY_NOBODY;
    if (sim_chance (&self->rng, 100)) {
        body.at_most = 5;
        body.at_most_period_us = (uint64_t) BG_HOUR (1);
    }
    wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = self->world->installation,
        .key = job->key,
        .version = next_version (self, job->version)};
    wire_signed item = sign_document (self, &fixed, &body);
    remember_job (self, &fixed, &body, &item);
    self->job = which;
    self->type = WIRE_TYPE_JOB;
    self->version = fixed.version;
    post (self, &item, job->live ? job->version : 0);
}

static void withdraw (sim_people *self, int which)
{
    sim_job *job = &self->jobs[which];
    wire_withdrawal body = {.object_type = WIRE_TYPE_JOB, .object_name = bg_slice_str (job->name)};
    wire_document fixed = {.type = WIRE_TYPE_WITHDRAWAL,
        .installation = self->world->installation,
        .key = job->key,
        .version = next_version (self, job->version)};
    wire_signed item = sign_document (self, &fixed, &body);
    remember_job (self, &fixed, NULL, &item);
    self->job = which;
    self->type = WIRE_TYPE_WITHDRAWAL;
    self->version = fixed.version;
    post (self, &item, job->version);
}

static void turn (sim_people *self, int which, bool disabled, int64_t until_us)
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
        .version = next_version (self, job->switch_version)};
    if (fixed.version <= job->version)
        fixed.version = job->version + 1;
    wire_signed item = sign_document (self, &fixed, &body);
    self->job = which;
    self->type = WIRE_TYPE_SWITCH;
    self->version = fixed.version;
    post (self, &item, job->switch_version);
}

static void post_authority (sim_people *self)
{
    wire_document fixed = {.type = WIRE_TYPE_AUTHORITY,
        .installation = self->world->installation,
        .version = next_version (self, self->authority_version)};
    wire_authority body;
    wire_login login;
    sim_make_authority (self->world, broker_us (self), &login, &body);
    wire_signed item = sign_document (self, &fixed, &body);
    self->type = WIRE_TYPE_AUTHORITY;
    self->version = fixed.version;
    post (self, &item, self->authority_version);
}

/*  ---- memberships ----  */

typedef struct {
    const char *name;
    bool found;
    bg_arena *arena;
    uint64_t version;
    wire_membership body;
} member_search;

static bg_result search_member (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err)
{
    (void) marks;
    member_search *self = visitor;
    if (record->defected_us != 0 || !bg_slice_is (record->name, self->name))
        return bg_ok ();
    wire_signed outer;
    wire_document document;
    bg_slice bytes = bg_arena_copy (self->arena, record->membership);
    BG_TRY (WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, self->arena, &outer, err));
    BG_TRY (WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, self->arena, &document, err));
    BG_TRY (WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, self->arena, &self->body, err));
    self->version = document.version;
    self->found = true;
    return bg_ok ();
}

static void make_groups (sim_people *self, wire_membership *body)
{
    body->groups = bg_arena_array (&self->arena, bg_slice, 2);
    body->groups_count = 0;
    if (sim_chance (&self->rng, 600))
        body->groups[body->groups_count++] = text (self, "g0");
    if (sim_chance (&self->rng, 400))
        body->groups[body->groups_count++] = text (self, "g1");
    body->labels = bg_arena_array (&self->arena, wire_pair, 1);
    body->labels_count = 1;
    body->labels[0] =
        (wire_pair){text (self, "role"), text (self, sim_chance (&self->rng, 500) ? "db" : "web")};
}

/*  False when the broker has no live target of that name.  */
static bool post_membership (sim_people *self, int machine, bool leaves)
{
    const broker_store *store = &self->world->broker.store;
    member_search search = {.name = self->world->machines[machine].name, .arena = &self->arena};
    if (bg_failed (store->targets (store->ctx, 0, 4000, search_member, &search, NULL)) ||
        !search.found)
        return false;
    search.body.has_token = false;
    search.body.token = (wire_signed){0};
    if (leaves) {
        search.body.state = WIRE_DEFECTED_MEMBER;
        /*  Not told, its key refused at once: it finds out by a claim.  */
        self->cut = sim_chance (&self->rng, 400);
    } else
        make_groups (self, &search.body);
    wire_document fixed = {.type = WIRE_TYPE_MEMBERSHIP,
        .installation = self->world->installation,
        .key = search.body.target,
        .version = next_version (self, search.version)};
    wire_signed item = sign_document (self, &fixed, &search.body);
    self->machine = machine;
    self->type = WIRE_TYPE_MEMBERSHIP;
    self->version = fixed.version;
    post (self, &item, search.version);
    return true;
}

/*  ---- deeds ----  */

/*  A deed with an id, times and whom it is for.  */
static wire_deed new_deed (sim_people *self, uint64_t what)
{
    static const int64_t lives_s[] = {20, 60, 180, 600};
    wire_deed body = {.installation = self->world->installation,
        .what = what,
        .issued_us = broker_us (self),
        .has_to = true};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    int64_t life_s = self->world->options.is_quiet ? 600 : lives_s[sim_below (&self->rng, 4)];
    body.expires_us = body.issued_us + BG_SEC (life_s);
    body.to.all = true;
    if (sim_chance (&self->rng, 400))
        make_audience (self, &body.to);
    return body;
}

static void give (sim_people *self, const wire_deed *body)
{
    if (self->deed_count == self->deed_capacity) {
        self->deed_capacity = self->deed_capacity ? 2 * self->deed_capacity : 32;
        self->deeds = bg_realloc (self->deeds, self->deed_capacity * sizeof *self->deeds);
    }
    self->deed = self->deed_count;
    sim_signed_deed *deed = &self->deeds[self->deed_count++];
    *deed = (sim_signed_deed){.id = body->id,
        .what = body->what,
        .job_key = body->job_key,
        .job_name = body->job_name,
        .to = body->to,
        .issued_us = body->issued_us,
        .expires_us = body->expires_us};
    wire_signed_make (self->world->crypto, WIRE_TYPE_DEED, self->world->installation, body,
        self->world->admin.secret, &self->arena, &deed->item);
    wire_issue message = {.has_deed = true, .deed = deed->item};
    ask (self, WIRE_ISSUE, &message);
}

static void issue (sim_people *self, int which, uint64_t what)
{
    wire_deed body = new_deed (self, what);
    if (what != WIRE_DEED_POLL) {
        body.job_key = self->jobs[which].key;
        body.job_name = bg_slice_str (self->jobs[which].name);
    }
    give (self, &body);
}

/*  bugle run: a job of its own inside the START.  */
static void run_once (sim_people *self)
{
    wire_deed body = new_deed (self, WIRE_DEED_START);
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    wire_job job = {.name = bg_slice_str ("run: something"),
        .has_audience = true,
        .audience = body.to,
        .max_starts = 1};
    make_steps (self, &job);
    wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = self->world->installation,
        .key = bg_id_make (body.issued_us, entropy),
        .version = next_version (self, 0),
        .not_after_us = body.expires_us};
    body.job_key = fixed.key;
    body.job_name = job.name;
    body.has_document = true;
    body.document = sign_document (self, &fixed, &job);
    remember_job (self, &fixed, &job, &body.document);
    self->versions[self->version_count - 1].one_shot = true;
    give (self, &body);
}

/*  bugle exec cancel, of any START there ever was.  */
static bool cancel (sim_people *self)
{
    if (self->deed_count == 0)
        return false;
    const sim_signed_deed *start = &self->deeds[sim_below (&self->rng, (int64_t) self->deed_count)];
    if (start->what != WIRE_DEED_START || bg_id_is_zero (start->job_key))
        return false;
    wire_deed body = new_deed (self, WIRE_DEED_STOP);
    body.to = (wire_audience){.all = true};
    body.job_key = start->job_key;
    body.job_name = start->job_name;
    body.exec = start->id;
    give (self, &body);
    return true;
}

/*  ---- looking after targets ----  */

/*  How often a target polls. The broker is asked for the switch that it has.  */
static bool set_poll (sim_people *self, int machine)
{
    static const int64_t every_s[] = {0, 10, 30, 300};
    const broker_store *store = &self->world->broker.store;
    member_search search = {.name = self->world->machines[machine].name, .arena = &self->arena};
    broker_document_record record = {0};
    bool found = false;
    if (bg_failed (store->targets (store->ctx, 0, 4000, search_member, &search, NULL)) ||
        !search.found)
        return false;
    wire_switch body = {.object_type = WIRE_TYPE_MEMBERSHIP,
        .object_name = search.body.name,
        .object_key = search.body.target,
        .poll_us = (uint64_t) BG_SEC (every_s[sim_below (&self->rng, 4)])};
    bg_id_string id = bg_id_text (body.object_key);
    wire_document fixed = {.type = WIRE_TYPE_SWITCH,
        .installation = self->world->installation,
        .key = wire_switch_key (
            self->world->installation, WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text))};
    if (bg_failed (
            store->document_get (store->ctx, fixed.key, 0, &self->arena, &record, &found, NULL)))
        return false;
    fixed.version = next_version (self, found ? record.version : 0);
    wire_signed item = sign_document (self, &fixed, &body);
    self->job = -1;
    self->type = WIRE_TYPE_SWITCH;
    post (self, &item, found ? record.version : 0);
    return true;
}

static void resync (sim_people *self)
{
    wire_request body = {.installation = self->world->installation,
        .what = WIRE_REQUEST_RESYNC,
        .issued_us = broker_us (self),
        .has_to = true,
        .full = sim_chance (&self->rng, 300)};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    make_audience (self, &body.to);
    wire_ask_request message = {.has_request = true};
    wire_signed_make (self->world->crypto, WIRE_TYPE_REQUEST, self->world->installation, &body,
        self->world->admin.secret, &self->arena, &message.request);
    ask (self, WIRE_REQUEST, &message);
}

/*  ---- tokens ----  */

static void make_token (sim_people *self)
{
    BG_AUTO_ARENA arena = {0};
    uint8_t secret[64];
    wire_membership like = {0};
    make_groups (self, &like);
    wire_token body = {.installation = self->world->installation,
        .names = bg_slice_str ("*"),
        .groups = like.groups,
        .groups_count = like.groups_count,
        .labels = like.labels,
        .labels_count = like.labels_count,
        .issued_us = broker_us (self),
        .uses = 20,
        .authority = self->authority_version};
    body.expires_us = body.issued_us + TOKEN_US;
    sim_fill (&self->rng, self->token_seed, sizeof self->token_seed);
    wire_seed_keypair (self->token_seed, &body.token_key, secret);
    wire_signed record;
    wire_signed_make (self->world->crypto, WIRE_TYPE_TOKEN, self->world->installation, &body,
        self->world->admin.secret, &arena, &record);
    self->token_expires_us = body.expires_us;
    wire_token_create message = {.has_token = true, .token = record};
    ask (self, WIRE_TOKEN_CREATE, &message);
}

static void token_made (sim_people *self, const wire_token_created *created)
{
    wire_token_text token = {.endpoints = created->endpoints,
        .endpoints_count = created->endpoints_count,
        .broker_curve_key = created->broker_curve_key,
        .broker = bg_slice_str ("sim")};
    memcpy (token.authority_hash, created->authority_hash, sizeof token.authority_hash);
    memcpy (token.seed, self->token_seed, sizeof token.seed);
    bg_buf_clear (&self->token_text);
    wire_token_text_encode (&token, &self->token_text);
    self->has_token = true;
}

/*  ---- requests ----  */

static void resume (sim_people *self)
{
    wire_ask_request message = {.has_request = true};
    wire_request body = {.installation = self->world->installation,
        .what = WIRE_REQUEST_RESUME,
        .issued_us = broker_us (self)};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    wire_signed_make (self->world->crypto, WIRE_TYPE_REQUEST, self->world->installation, &body,
        self->world->admin.secret, &self->arena, &message.request);
    self->wants_resume = false;
    ask (self, WIRE_REQUEST, &message);
}

/*  ---- answers ----  */

/*  After an error: what does the broker have?  */
static void look_again (sim_people *self)
{
    const broker_store *store = &self->world->broker.store;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++) {
        sim_job *job = &self->jobs[i];
        BG_AUTO_ARENA arena = {0};
        broker_document_record record;
        bool found = false;
        if (bg_is_ok (
                store->document_get (store->ctx, job->key, 0, &arena, &record, &found, NULL))) {
            /*  A target has brought another one back than the one that was closed.  */
            if (found && record.version != job->version)
                job->is_closed = false;
            job->version = found ? record.version : 0;
            job->live = found && record.type == WIRE_TYPE_JOB;
        }
        if (bg_is_ok (store->document_get (
                store->ctx, job->switch_key, 0, &arena, &record, &found, NULL)))
            job->switch_version = found ? record.version : 0;
    }
    const bg_id zero = {{0}};
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    if (bg_is_ok (store->document_get (store->ctx, zero, 0, &arena, &record, &found, NULL)) &&
        found)
        self->authority_version = record.version;
}

static void posted (sim_people *self)
{
    self->documents++;
    switch (self->type) {
    case WIRE_TYPE_JOB:
    case WIRE_TYPE_WITHDRAWAL:
        self->jobs[self->job].version = self->version;
        self->jobs[self->job].live = self->type == WIRE_TYPE_JOB;
        break;
    case WIRE_TYPE_SWITCH:
        if (self->job < 0)
            break; /*  of a target  */
        self->jobs[self->job].switch_version = self->version;
        self->jobs[self->job].is_off = self->closing;
        break;
    case WIRE_TYPE_AUTHORITY:
        self->authority_version = self->version;
        break;
    default:
        self->world->machines[self->machine].name_is_taken = false;
        break;
    }
    if (self->ends_job)
        self->jobs[self->job].is_closed = true;
}

static void refused (sim_people *self, const wire_error *error)
{
    sim_trace (self->world, "people: refused: %.*s: %.*s", BG_SLICE_ARG (error->code),
        BG_SLICE_ARG (error->message));
    if (self->kind == WIRE_POST && self->type == WIRE_TYPE_MEMBERSHIP)
        self->world->machines[self->machine].name_is_taken = false;
    if (bg_slice_is (error->code, bg_code_word (BG_RESTORED)))
        self->wants_resume = self->closing || sim_chance (&self->rng, 150);
    look_again (self);
}

void sim_people_restored (sim_world *world)
{
    sim_people *self = world->people;
    self->has_token = false;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++)
        self->jobs[i].is_closed = false;
    look_again (self);
}

void sim_people_answer (sim_world *world, bg_slice header, bg_slice body)
{
    sim_people *self = world->people;
    BG_AUTO_ARENA arena = {0};
    wire_header head;
    const wire_kind_row *row = NULL;
    void *value = NULL;
    bg_error err = {0};
    bg_result result = wire_header_decode (header, &head, &row, &err);
    if (bg_is_ok (result))
        result = wire_body_decode (row, body, &arena, &value, &err);
    if (bg_failed (result)) {
        sim_fail (world, "the broker's answer to a login does not decode: %s", err.message);
        return;
    }
    if (!self->asking || !bg_id_equal (head.request, self->request))
        return;
    self->asking = false;
    switch (head.kind) {
    case WIRE_POSTED:
        posted (self);
        break;
    case WIRE_ISSUED:
        self->deeds[self->deed].acknowledged = true;
        break;
    case WIRE_DONE:
        if (world->broker.was_restored)
            look_again (self);
        break;
    case WIRE_TOKEN_CREATED:
        token_made (self, value);
        break;
    case WIRE_OPS:
        sim_people_take_ops (self, value);
        break;
    default:
        refused (self, value);
        break;
    }
    self->ends_job = false;
}

/*  ---- what they want ----  */

static int some_job (sim_people *self, bool live)
{
    int first = (int) sim_below (&self->rng, SIM_JOBS_MAX);
    for (int i = 0; i < SIM_JOBS_MAX; i++) {
        int which = (first + i) % SIM_JOBS_MAX;
        if (self->jobs[which].live == live)
            return which;
    }
    return -1;
}

static void act (sim_people *self)
{
    int64_t wish = sim_below (&self->rng, 100);
    int live = some_job (self, true);
    int gone = some_job (self, false);
    int machine = (int) sim_below (&self->rng, self->world->machine_count);
    bool quiet = self->world->options.is_quiet;
    if (live < 0 || (wish < 15 && gone >= 0))
        post_job (self, gone, true);
    else if (wish < 30)
        post_job (self, live, true);
    else if (wish < 36)
        withdraw (self, live);
    else if (wish < 48)
        turn (self, live, sim_chance (&self->rng, 500),
            !quiet && sim_chance (&self->rng, 300) ? broker_us (self) + BG_MIN (3) : 0);
    else if (wish < 52 && !quiet)
        (void) post_membership (self, machine, false);
    else if (wish < 54 && !quiet)
        (void) post_membership (self, machine, true);
    else if (wish < 56 && !quiet)
        post_authority (self);
    else if (wish < 57 && !quiet)
        issue (self, live, WIRE_DEED_POLL);
    else if (wish < 58 && !quiet)
        resync (self);
    else if (wish < 60 && !quiet)
        (void) set_poll (self, machine);
    else if (wish < 64)
        issue (self, live, WIRE_DEED_STOP);
    else if (wish < 72 && !quiet)
        sim_people_look_at_ops (self, wish < 68 ? SIM_OP_SKIP : SIM_OP_RETRY);
    else if (wish < 79)
        run_once (self);
    else if (quiet || wish >= 84 || !cancel (self))
        issue (self, live, WIRE_DEED_START);
}

/*  The end: a job is withdrawn, or loses its schedules, or is disabled and then withdrawn; so nothing
    comes due any more.  */
static bool close_next (sim_people *self)
{
    for (int i = 0; i < SIM_JOBS_MAX; i++) {
        sim_job *job = &self->jobs[i];
        if (!job->live || job->is_closed)
            continue;
        self->ends_job = i % 3 < 2 || job->is_off;
        if (i % 3 == 1)
            post_job (self, i, false);
        else if (self->ends_job)
            withdraw (self, i);
        else
            turn (self, i, true, 0);
        return true;
    }
    return false;
}

static bool help_machines (sim_people *self)
{
    for (int i = 0; i < self->world->machine_count; i++) {
        sim_machine *machine = &self->world->machines[i];
        if (!machine->name_is_taken)
            continue;
        if (post_membership (self, i, true))
            return true;
        machine->name_is_taken = false;
    }
    return false;
}

/*  bugle-exec may have taken a membership over that its node had not committed when the broker lost it: then nobody
    but bugle-exec has it, until the next change of it, which an admin makes here.  */
static bool change_again (sim_people *self)
{
    for (int i = 0; i < self->world->machine_count; i++) {
        sim_machine *machine = &self->world->machines[i];
        if (machine->is_changed_again || !self->world->broker.was_restored)
            continue;
        machine->is_changed_again = true;
        if (post_membership (self, i, false))
            return true;
    }
    return false;
}

static void idle (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_world *world = owner;
    sim_people *self = world->people;
    int64_t pause_us = sim_between (&self->rng, BG_SEC (2), BG_SEC (12));
    sim_in (world, world->options.is_quiet ? QUIET_US : pause_us, idle, world, 0, (bg_slice){0});
    if (self->asking)
        return;
    if (self->wants_resume) {
        resume (self);
        return;
    }
    if (self->closing && world->broker.was_restored)
        look_again (self);
    if (help_machines (self))
        return;
    if (!self->has_token || broker_us (self) > self->token_expires_us - BG_MIN (2))
        make_token (self);
    else if (self->closing && !close_next (self) && !self->has_retried && !world->options.is_quiet)
        sim_people_look_at_ops (self, SIM_OP_RETRY_ALL);
    else if (self->closing && !self->asking && self->has_retried && !self->sees_health)
        sim_people_look_at_ops (self, SIM_OP_LOOK);
    else if (self->closing)
        (void) (self->asking || change_again (self));
    else
        act (self);
}

/*  ---- machines ----  */

/*  The broker does not have the target any more, and its answer or its document was lost on the way:
    somebody sees that the node is refused and says so to it.  */
static bool is_orphan (sim_people *self, sim_machine *machine, const node_core_state *state)
{
    const broker_store *store = &self->world->broker.store;
    BG_AUTO_ARENA arena = {0};
    member_search search = {.name = machine->name, .arena = &arena};
    bool known = bg_is_ok (store->targets (store->ctx, 0, 4000, search_member, &search, NULL)) &&
                 search.found && bg_id_equal (search.body.target, state->target);
    machine->refusals = known || !state->enlisted ? 0 : machine->refusals + 1;
    return machine->refusals > 8;
}

static void manage (void *owner, uint64_t index, bg_slice payload)
{
    (void) payload;
    sim_world *world = owner;
    sim_people *self = world->people;
    sim_machine *machine = &world->machines[index];
    sim_in (
        world, MANAGE_US + sim_below (&self->rng, MANAGE_US), manage, world, index, (bg_slice){0});
    if (!machine->node.core)
        return;
    node_core_state state;
    node_core_get_state (machine->node.core, &state);
    if (!world->options.is_quiet && !self->closing && sim_chance (&self->rng, 6))
        machine->wants_member = false;
    if (is_orphan (self, machine, &state))
        (void) sim_node_defect (machine, true);
    else if (machine->wants_member && !state.enlisted && self->has_token && !machine->name_is_taken)
        (void) sim_node_enlist (machine, bg_buf_slice (&self->token_text));
    else if (!machine->wants_member && state.enlisted)
        (void) sim_node_defect (machine, sim_chance (&self->rng, 200));
    else if (!machine->wants_member && sim_chance (&self->rng, 300))
        machine->wants_member = true;
}

/*  ---- life ----  */

void sim_people_init (sim_world *world)
{
    sim_people *self = bg_alloc (sizeof *self);
    world->people = self;
    self->world = world;
    self->rng = sim_rng_of (world->options.seed, 3);
    self->authority_version = 1;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++) {
        sim_job *job = &self->jobs[i];
        snprintf (job->name, sizeof job->name, "job %zu", i + 1);
        job->key = wire_document_key (world->installation, WIRE_TYPE_JOB, bg_slice_str (job->name));
        job->switch_key =
            wire_switch_key (world->installation, WIRE_TYPE_JOB, bg_slice_str (job->name));
    }
}

void sim_people_fini (sim_world *world)
{
    sim_people *self = world->people;
    if (!self)
        return;
    free (self->versions);
    free (self->deeds);
    bg_buf_fini (&self->packed);
    bg_buf_fini (&self->token_text);
    bg_arena_fini (&self->arena);
    free (self);
    world->people = NULL;
}

void sim_people_start (sim_world *world)
{
    sim_in (world, BG_MS (500), idle, world, 0, (bg_slice){0});
    for (int i = 0; i < world->machine_count; i++) {
        world->machines[i].wants_member = true;
        sim_in (world, BG_SEC (1) + sim_below (&world->people->rng, BG_SEC (5)), manage, world,
            (uint64_t) i, (bg_slice){0});
    }
}

void sim_people_close (sim_world *world)
{
    world->people->closing = true;
    for (int i = 0; i < world->machine_count; i++)
        world->machines[i].wants_member = true;
}

bool sim_people_are_done (const sim_world *world)
{
    const sim_people *self = world->people;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++)
        if (self->jobs[i].live && !self->jobs[i].is_closed)
            return false;
    return self->closing && !self->asking && (self->sees_health || world->options.is_quiet);
}
