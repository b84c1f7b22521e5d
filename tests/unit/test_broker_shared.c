/*  Schedules and calendars that jobs share: they follow the jobs that use them, and what is used stays.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

#include <stdio.h>
#include <string.h>

/*  ---- papers ----  */

static bg_id key_of (const fx *self, wire_type type, const char *name)
{
    return wire_document_key (self->settings.installation, type, bg_slice_str (name));
}

static wire_signed schedule_paper (
    fx *self, int person, const char *name, const char *cron, const char *except)
{
    bg_slice calendars[] = {bg_slice_str (except ? except : "")};
    const wire_schedule body = {.has_spec = true,
        .spec = {.name = bg_slice_str (name),
            .kind = WIRE_SCHEDULE_CRON,
            .cron = bg_slice_str (cron),
            .except = calendars,
            .except_count = except ? 1 : 0}};
    return fx_document (
        self, person, WIRE_TYPE_SCHEDULE, key_of (self, WIRE_TYPE_SCHEDULE, name), 0, &body);
}

static wire_signed calendar_paper (fx *self, int person, const char *name, const char *description)
{
    const wire_calendar body = {.name = bg_slice_str (name),
        .description = bg_slice_str (description),
        .horizon_us = BG_DAY (20000)};
    return fx_document (
        self, person, WIRE_TYPE_CALENDAR, key_of (self, WIRE_TYPE_CALENDAR, name), 0, &body);
}

static wire_signed job_paper (
    fx *self, const char *name, wire_audience to, const char *use, const char *except)
{
    bg_slice argv[] = {bg_slice_str ("/bin/true")};
    bg_slice calendars[] = {bg_slice_str (except ? except : "")};
    wire_job_step step = {
        .name = bg_slice_str ("main"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 1};
    wire_job_schedule schedules[2];
    size_t count = 0;
    if (use)
        schedules[count++] = (wire_job_schedule){
            .name = bg_slice_str (use), .kind = WIRE_SCHEDULE_USE, .use = bg_slice_str (use)};
    if (except)
        schedules[count++] = (wire_job_schedule){.name = bg_slice_str ("own"),
            .kind = WIRE_SCHEDULE_EVERY,
            .every_us = BG_HOUR (1),
            .except = calendars,
            .except_count = 1};
    const wire_job job = {.name = bg_slice_str (name),
        .audience = to,
        .steps = &step,
        .steps_count = 1,
        .schedules = schedules,
        .schedules_count = count};
    return fx_document (self, FX_AUTHOR, WIRE_TYPE_JOB, fx_job_key (self, name), 0, &job);
}

static wire_signed withdrawal_paper (fx *self, wire_type type, const char *name)
{
    const wire_withdrawal body = {.object_type = type, .object_name = bg_slice_str (name)};
    return fx_document (self, FX_AUTHOR, WIRE_TYPE_WITHDRAWAL, key_of (self, type, name), 0, &body);
}

static wire_signed switch_paper (fx *self, const char *schedule, bool disabled)
{
    const wire_switch body = {.object_type = WIRE_TYPE_SCHEDULE,
        .object_name = bg_slice_str (schedule),
        .object_key = key_of (self, WIRE_TYPE_SCHEDULE, schedule),
        .disabled = disabled,
        .reason = bg_slice_str (disabled ? "stocktaking" : "")};
    return fx_document (self, FX_OPERATOR, WIRE_TYPE_SWITCH,
        wire_switch_key (self->settings.installation, WIRE_TYPE_SCHEDULE, bg_slice_str (schedule)),
        0, &body);
}

static wire_signed switch_until_paper (fx *self, const char *schedule, int64_t until_us)
{
    const wire_switch body = {.object_type = WIRE_TYPE_SCHEDULE,
        .object_name = bg_slice_str (schedule),
        .object_key = key_of (self, WIRE_TYPE_SCHEDULE, schedule),
        .until_us = until_us};
    return fx_document (self, FX_OPERATOR, WIRE_TYPE_SWITCH,
        wire_switch_key (self->settings.installation, WIRE_TYPE_SCHEDULE, bg_slice_str (schedule)),
        0, &body);
}

/*  ---- posting and looking ----  */

static const wire_document_row *row_of (fx *self, wire_type type, const char *name)
{
    const wire_document_query query = {.type = type, .name = bg_slice_str (name)};
    const wire_documents *answer =
        fx_ask (self, FX_READER, WIRE_DOCUMENT_QUERY, &query, WIRE_DOCUMENTS);
    assert_int_equal (answer->rows_count, 1);
    return &answer->rows[0];
}

/*  The version that stands, 0 for none: what a command has seen.  */
static uint64_t seen (fx *self, wire_type type, const char *name)
{
    if (type == WIRE_TYPE_JOB) {
        const wire_job_query query = {.name = bg_slice_str (name)};
        fx_send (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, (bg_id){0}, WIRE_JOB_QUERY,
            &query);
        const fx_sent *sent = &self->sent[self->sent_count - 1];
        const wire_jobs *jobs = sent->header.kind == WIRE_JOBS ? sent->body : NULL;
        return jobs && jobs->rows_count ? jobs->rows[0].version : 0;
    }
    const wire_document_query query = {.type = type, .name = bg_slice_str (name)};
    fx_send (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, (bg_id){0}, WIRE_DOCUMENT_QUERY,
        &query);
    const fx_sent *sent = &self->sent[self->sent_count - 1];
    const wire_documents *documents = sent->header.kind == WIRE_DOCUMENTS ? sent->body : NULL;
    return documents && documents->rows_count ? documents->rows[0].version : 0;
}

static wire_posted_item post_schedule (
    fx *self, const char *name, const char *cron, const char *except)
{
    const uint64_t version = seen (self, WIRE_TYPE_SCHEDULE, name);
    fx_pass (self, BG_SEC (1));
    wire_signed paper = schedule_paper (self, FX_AUTHOR, name, cron, except);
    return *fx_post (self, FX_AUTHOR, &paper, version);
}

static wire_posted_item post_calendar (fx *self, const char *name, const char *description)
{
    const uint64_t version = seen (self, WIRE_TYPE_CALENDAR, name);
    fx_pass (self, BG_SEC (1));
    wire_signed paper = calendar_paper (self, FX_AUTHOR, name, description);
    return *fx_post (self, FX_AUTHOR, &paper, version);
}

static wire_posted_item post_job (
    fx *self, const char *name, wire_audience to, const char *use, const char *except)
{
    const uint64_t version = seen (self, WIRE_TYPE_JOB, name);
    fx_pass (self, BG_SEC (1));
    wire_signed paper = job_paper (self, name, to, use, except);
    return *fx_post (self, FX_AUTHOR, &paper, version);
}

static bool holds (const fx_node *node, bg_id key, uint64_t version)
{
    for (size_t i = 0; i < node->slot_count; i++)
        if (bg_id_equal (node->slots[i].key, key))
            return version == 0 || node->slots[i].version == version;
    return false;
}

/*  ---- following ----  */

static void a_schedule_goes_where_its_jobs_are_and_with_it_its_calendar (void **state)
{
    (void) state;
    fx_fleet fleet = fx_fleet_open ();
    fx *self = fleet.fx;
    const bg_id schedule = key_of (self, WIRE_TYPE_SCHEDULE, "quarter-end");
    const bg_id calendar = key_of (self, WIRE_TYPE_CALENDAR, "holidays");
    assert_int_equal (post_calendar (self, "holidays", "").targets, 0);
    assert_int_equal (post_schedule (self, "quarter-end", "0 3 * * *", "holidays").targets, 0);
    fx_node_settle (self, &fleet.web[0]);
    assert_false (holds (&fleet.web[0], schedule, 0));

    post_job (self, "report", fx_group (self, "web"), "quarter-end", NULL);
    /*  The job by the stream of its group; the others could not tell that these are for them.  */
    assert_int_equal (fx_count (self, WIRE_ORDER), 1);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 4);
    const wire_poll_answer *answer = fx_node_poll (self, &fleet.web[0]);
    assert_int_equal (answer->instructions_count, 3);
    assert_int_equal (answer->instructions[0].type, WIRE_TYPE_CALENDAR);
    assert_int_equal (answer->instructions[1].type, WIRE_TYPE_SCHEDULE);
    assert_int_equal (answer->instructions[2].type, WIRE_TYPE_JOB);
    fx_node_settle (self, &fleet.web[0]);
    fx_node_settle (self, &fleet.web[1]);
    fx_node_settle (self, &fleet.db);
    assert_true (holds (&fleet.web[1], calendar, 0));
    assert_false (holds (&fleet.db, schedule, 0));
    const wire_document_row *row = row_of (self, WIRE_TYPE_SCHEDULE, "quarter-end");
    assert_int_equal (row->targets, 2);
    assert_int_equal (row->applied, 2);
    assert_int_equal (row->used_count, 1);
    assert_true (bg_slice_equal (row->used_by[0], bg_slice_str ("report")));
    row = row_of (self, WIRE_TYPE_CALENDAR, "holidays");
    assert_int_equal (row->used_by_count, 0);
    assert_true (bg_slice_equal (row->used_by_schedules[0], bg_slice_str ("quarter-end")));

    /*  An edit reaches all who have it, without a new version of the job.  */
    const uint64_t version = post_schedule (self, "quarter-end", "0 4 * * *", "holidays").version;
    assert_int_equal (fx_count (self, WIRE_ORDER), 1);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 0);
    answer = fx_node_poll (self, &fleet.web[1]);
    assert_int_equal (answer->instructions_count, 1);
    fx_node_settle (self, &fleet.web[1]);
    assert_true (holds (&fleet.web[1], schedule, version));

    /*  Another job elsewhere.  */
    post_job (self, "dump", fx_names (self, "db01", NULL), "quarter-end", NULL);
    fx_node_settle (self, &fleet.db);
    assert_true (holds (&fleet.db, schedule, version));
    assert_true (holds (&fleet.db, calendar, 0));
    assert_int_equal (row_of (self, WIRE_TYPE_SCHEDULE, "quarter-end")->targets, 3);
    fx_close (&self);
}

static void a_job_that_begins_to_use_one_brings_it_and_one_that_stops_lets_it_go (void **state)
{
    (void) state;
    fx_fleet fleet = fx_fleet_open ();
    fx *self = fleet.fx;
    const bg_id schedule = key_of (self, WIRE_TYPE_SCHEDULE, "nightly");
    post_schedule (self, "nightly", "0 3 * * *", NULL);
    post_job (self, "report", fx_all (), NULL, NULL);
    fx_node_settle (self, &fleet.db);
    assert_false (holds (&fleet.db, schedule, 0));
    post_job (self, "report", fx_all (), "nightly", NULL);
    fx_node_settle (self, &fleet.db);
    assert_true (holds (&fleet.db, schedule, 0));
    assert_int_equal (row_of (self, WIRE_TYPE_SCHEDULE, "nightly")->targets, 3);
    post_job (self, "report", fx_all (), NULL, NULL);
    const wire_document_row *row = row_of (self, WIRE_TYPE_SCHEDULE, "nightly");
    assert_int_equal (row->targets, 0);
    assert_int_equal (row->used_count, 0);
    /*  Who has it still gets its later versions: his older job may use it.  */
    const uint64_t version = post_schedule (self, "nightly", "0 4 * * *", NULL).version;
    fx_node_settle (self, &fleet.db);
    assert_true (holds (&fleet.db, schedule, version));
    fx_close (&self);
}

static void who_joins_later_gets_them_first (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_member (self, "web01", "web");
    post_calendar (self, "holidays", "");
    post_job (self, "report", fx_group (self, "web"), NULL, "holidays");
    post_calendar (self, "holidays", "newer than the job");
    fx_restart (self);
    fx_node late = fx_node_make (self, "web02", 77);
    fx_token token = fx_token_make (self, 78, "web02", "web", 1);
    fx_token_post (self, &token);
    fx_node_enlist (self, &late, &token);
    fx_node_hello (self, &late);
    const wire_poll_answer *answer = fx_node_poll (self, &late);
    size_t calendar = 0, job = 0;
    for (size_t i = 0; i < answer->instructions_count; i++) {
        calendar = answer->instructions[i].type == WIRE_TYPE_CALENDAR ? i + 1 : calendar;
        job = answer->instructions[i].type == WIRE_TYPE_JOB ? i + 1 : job;
    }
    assert_true (calendar > 0 && job > calendar);
    assert_int_equal (row_of (self, WIRE_TYPE_CALENDAR, "holidays")->targets, 2);
    fx_close (&self);
}

static void the_switch_of_a_schedule_goes_with_it (void **state)
{
    (void) state;
    fx_fleet fleet = fx_fleet_open ();
    fx *self = fleet.fx;
    post_schedule (self, "nightly", "0 3 * * *", NULL);
    wire_signed off = switch_paper (self, "nightly", true);
    fx_post (self, FX_OPERATOR, &off, 0);
    post_job (self, "report", fx_group (self, "web"), "nightly", NULL);
    const bg_id flip =
        wire_switch_key (self->settings.installation, WIRE_TYPE_SCHEDULE, bg_slice_str ("nightly"));
    fx_node_settle (self, &fleet.web[0]);
    fx_node_settle (self, &fleet.db);
    assert_true (holds (&fleet.web[0], flip, 0));
    assert_false (holds (&fleet.db, flip, 0));
    const wire_document_row *row = row_of (self, WIRE_TYPE_SCHEDULE, "nightly");
    assert_true (row->disabled);
    assert_true (bg_slice_equal (row->disabled_reason, bg_slice_str ("stocktaking")));
    /*  The other way round: enabled, and disabled from then on.  */
    fx_pass (self, BG_SEC (1));
    const uint64_t flipped = row->switch_version;
    wire_signed on = switch_until_paper (self, "nightly", self->now.utc_us + BG_HOUR (1));
    fx_post (self, FX_OPERATOR, &on, flipped);
    row = row_of (self, WIRE_TYPE_SCHEDULE, "nightly");
    assert_false (row->disabled);
    assert_int_equal (row->enabled_until_us, self->now.utc_us + BG_HOUR (1));
    fx_pass (self, BG_HOUR (2));
    assert_true (row_of (self, WIRE_TYPE_SCHEDULE, "nightly")->disabled);
    /*  It goes with the schedule, and a new one of that name is enabled.  */
    const uint64_t job_version = seen (self, WIRE_TYPE_JOB, "report");
    fx_pass (self, BG_SEC (1));
    wire_signed gone = withdrawal_paper (self, WIRE_TYPE_JOB, "report");
    fx_post (self, FX_AUTHOR, &gone, job_version);
    const uint64_t version = row_of (self, WIRE_TYPE_SCHEDULE, "nightly")->version;
    fx_pass (self, BG_SEC (1));
    gone = withdrawal_paper (self, WIRE_TYPE_SCHEDULE, "nightly");
    assert_int_equal (fx_post (self, FX_AUTHOR, &gone, version)->targets, 2);
    fx_restart (self);
    fx_pass (self, BG_SEC (1));
    post_schedule (self, "nightly", "0 3 * * *", NULL);
    assert_false (row_of (self, WIRE_TYPE_SCHEDULE, "nightly")->disabled);
    fx_close (&self);
}

/*  ---- refusals ----  */

static void what_is_not_there_cannot_be_used (void **state)
{
    (void) state;
    fx *self = fx_open ();
    post_calendar (self, "holidays", "");
    post_schedule (self, "nightly", "0 3 * * *", NULL);
    wire_signed job = job_paper (self, "report", fx_all (), NULL, "holiday");
    fx_try_post (self, FX_AUTHOR, &job, 0);
    const wire_error *error = fx_refused (self, BG_NOT_FOUND);
    assert_non_null (strstr (bg_arena_str (&self->arena, error->message), "calendar 'holiday'"));
    assert_non_null (strstr (bg_arena_str (&self->arena, error->hint), "holidays"));
    job = job_paper (self, "report", fx_all (), "nightlu", NULL);
    fx_try_post (self, FX_AUTHOR, &job, 0);
    error = fx_refused (self, BG_NOT_FOUND);
    assert_non_null (strstr (bg_arena_str (&self->arena, error->hint), "nightly"));
    wire_signed schedule = schedule_paper (self, FX_AUTHOR, "weekly", "0 3 * * 1", "nightly");
    fx_try_post (self, FX_AUTHOR, &schedule, 0);
    fx_refused (self, BG_NOT_FOUND);
    schedule = schedule_paper (self, FX_OPERATOR, "weekly", "0 3 * * 1", NULL);
    fx_try_post (self, FX_OPERATOR, &schedule, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_close (&self);
}

static void what_is_used_does_not_go (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const uint64_t calendar = post_calendar (self, "holidays", "").version;
    const uint64_t schedule = post_schedule (self, "nightly", "0 3 * * *", "holidays").version;
    const uint64_t job = post_job (self, "report", fx_all (), "nightly", NULL).version;
    fx_pass (self, BG_SEC (1));
    wire_signed gone = withdrawal_paper (self, WIRE_TYPE_SCHEDULE, "nightly");
    fx_try_post (self, FX_AUTHOR, &gone, schedule);
    const wire_error *error = fx_refused (self, BG_CONFLICT);
    assert_non_null (strstr (bg_arena_str (&self->arena, error->message), "job 'report'"));
    gone = withdrawal_paper (self, WIRE_TYPE_CALENDAR, "holidays");
    fx_try_post (self, FX_AUTHOR, &gone, calendar);
    error = fx_refused (self, BG_CONFLICT);
    assert_non_null (strstr (bg_arena_str (&self->arena, error->message), "schedule 'nightly'"));

    /*  All at once, those who use first.  */
    wire_post_item items[3] = {{.has_document = true,
                                   .document = withdrawal_paper (self, WIRE_TYPE_JOB, "report"),
                                   .seen_version = job},
        {.has_document = true,
            .document = withdrawal_paper (self, WIRE_TYPE_SCHEDULE, "nightly"),
            .seen_version = schedule},
        {.has_document = true,
            .document = withdrawal_paper (self, WIRE_TYPE_CALENDAR, "holidays"),
            .seen_version = calendar}};
    const wire_post post = {.items = items, .items_count = 3};
    const wire_posted *posted = fx_ask (self, FX_AUTHOR, WIRE_POST, &post, WIRE_POSTED);
    assert_int_equal (posted->items[2].outcome, WIRE_POSTED_DELETED);
    const wire_document_query query = {
        .type = WIRE_TYPE_CALENDAR, .name = bg_slice_str ("holidays")};
    const wire_documents *answer =
        fx_ask (self, FX_READER, WIRE_DOCUMENT_QUERY, &query, WIRE_DOCUMENTS);
    assert_int_equal (answer->rows_count, 0);
    assert_int_equal (answer->withdrawn_count, 1);
    fx_close (&self);
}

static void all_of_a_file_comes_in_one_request (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_post_item items[3] = {
        {.has_document = true, .document = calendar_paper (self, FX_AUTHOR, "holidays", "")},
        {.has_document = true,
            .document = schedule_paper (self, FX_AUTHOR, "nightly", "0 3 * * *", "holidays")},
        {.has_document = true,
            .document = job_paper (self, "report", fx_all (), "nightly", "holidays")}};
    wire_post post = {.items = items, .items_count = 3};
    const wire_posted *posted = fx_ask (self, FX_AUTHOR, WIRE_POST, &post, WIRE_POSTED);
    assert_int_equal (posted->items_count, 3);
    assert_int_equal (row_of (self, WIRE_TYPE_CALENDAR, "holidays")->used_count, 2);
    assert_int_equal (row_of (self, WIRE_TYPE_CALENDAR, "holidays")->targets, 1);
    /*  In the other order the first one uses what is not there yet.  */
    items[0].document = job_paper (self, "dump", fx_all (), "weekly", NULL);
    items[1].document = schedule_paper (self, FX_AUTHOR, "weekly", "0 3 * * 1", NULL);
    post.items_count = 2;
    fx_send (self, WIRE_ON_OPS, &self->people[FX_AUTHOR].curve_key, (bg_id){0}, WIRE_POST, &post);
    assert_int_equal (fx_refused (self, BG_NOT_FOUND)->item, 1);
    fx_close (&self);
}

/*  ---- restarts, versions, lists ----  */

static void a_restart_knows_who_uses_what (void **state)
{
    (void) state;
    fx_fleet fleet = fx_fleet_open ();
    fx *self = fleet.fx;
    post_calendar (self, "holidays", "");
    post_schedule (self, "nightly", "0 3 * * *", "holidays");
    const uint64_t job = post_job (self, "report", fx_group (self, "web"), "nightly", NULL).version;
    fx_restart (self);
    assert_int_equal (row_of (self, WIRE_TYPE_SCHEDULE, "nightly")->used_count, 1);
    assert_int_equal (row_of (self, WIRE_TYPE_CALENDAR, "holidays")->targets, 2);
    fx_pass (self, BG_SEC (1));
    wire_signed gone = withdrawal_paper (self, WIRE_TYPE_JOB, "report");
    fx_post (self, FX_AUTHOR, &gone, job);
    assert_int_equal (row_of (self, WIRE_TYPE_CALENDAR, "holidays")->targets, 2);
    assert_int_equal (row_of (self, WIRE_TYPE_SCHEDULE, "nightly")->targets, 0);
    fx_close (&self);
}

static void versions_are_told_and_a_calendar_list_is_in_the_order_of_names (void **state)
{
    (void) state;
    fx *self = fx_open ();
    post_schedule (self, "nightly", "0 3 * * *", NULL);
    post_schedule (self, "nightly", "0 4 * * *", NULL);
    const wire_version_query query = {
        .type = WIRE_TYPE_SCHEDULE, .name = bg_slice_str ("Nightly"), .documents = true};
    const wire_versions *versions =
        fx_ask (self, FX_READER, WIRE_VERSION_QUERY, &query, WIRE_VERSIONS);
    assert_int_equal (versions->rows_count, 2);
    assert_int_equal (versions->rows[0].revision, 2);
    assert_true (versions->rows[1].has_document);
    post_calendar (self, "b", "");
    post_calendar (self, "C", "");
    post_calendar (self, "a", "");
    wire_document_query list = {.type = WIRE_TYPE_CALENDAR, .limit = 2, .documents = true};
    const wire_documents *page =
        fx_ask (self, FX_READER, WIRE_DOCUMENT_QUERY, &list, WIRE_DOCUMENTS);
    assert_int_equal (page->rows_count, 2);
    assert_true (page->more && page->rows[0].has_document);
    assert_true (bg_slice_equal (page->rows[1].name, bg_slice_str ("b")));
    list.after = bg_slice_str ("B");
    page = fx_ask (self, FX_READER, WIRE_DOCUMENT_QUERY, &list, WIRE_DOCUMENTS);
    assert_int_equal (page->rows_count, 1);
    assert_true (bg_slice_equal (page->rows[0].name, bg_slice_str ("C")));
    assert_false (page->more);
    fx_close (&self);
}

static void jobs_are_listed_by_what_they_use (void **state)
{
    (void) state;
    fx *self = fx_open ();
    post_calendar (self, "holidays", "");
    post_schedule (self, "nightly", "0 3 * * *", "holidays");
    post_job (self, "report", fx_all (), "nightly", NULL);
    post_job (self, "dump", fx_all (), NULL, "holidays");
    post_job (self, "other", fx_all (), NULL, NULL);
    wire_job_query query = {.uses = bg_slice_str ("nightly")};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows_count, 1);
    assert_true (bg_slice_equal (jobs->rows[0].name, bg_slice_str ("report")));
    query.uses = bg_slice_str ("Holidays");
    jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows_count, 2);
    query.uses = bg_slice_str ("holday");
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, (bg_id){0}, WIRE_JOB_QUERY, &query);
    const wire_error *error = fx_refused (self, BG_NOT_FOUND);
    assert_non_null (strstr (bg_arena_str (&self->arena, error->hint), "holidays"));
    fx_close (&self);
}

/*  ---- after a restore ----  */

static void show (fx *self, fx_node *node, const wire_signed *papers, size_t count)
{
    const wire_adopted adopted = {
        .documents = (wire_signed *) (uintptr_t) papers, .documents_count = count};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_ADOPTED, &adopted);
}

static void what_a_target_holds_comes_back_in_any_order (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    fx_node_settle (self, &node);
    fx_make_restored (self);
    fx_node_hello (self, &node);
    fx_pass (self, BG_SEC (1));
    const wire_signed papers[] = {job_paper (self, "report", fx_all (), "nightly", NULL),
        schedule_paper (self, FX_AUTHOR, "nightly", "0 3 * * *", "holidays"),
        calendar_paper (self, FX_AUTHOR, "holidays", "")};
    show (self, &node, &papers[0], 1);
    const wire_document_query query = {
        .type = WIRE_TYPE_SCHEDULE, .name = bg_slice_str ("nightly")};
    fx_send (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, (bg_id){0}, WIRE_DOCUMENT_QUERY,
        &query);
    fx_refused (self, BG_NOT_FOUND);
    show (self, &node, &papers[1], 2);
    const wire_document_row *row = row_of (self, WIRE_TYPE_SCHEDULE, "nightly");
    assert_int_equal (row->used_count, 1);
    assert_int_equal (row->targets, 1);
    assert_int_equal (row_of (self, WIRE_TYPE_CALENDAR, "holidays")->targets, 1);
    assert_int_equal (broker_core_counter (self->core, "adopt-refused"), 0);
    fx_close (&self);
}

/*  It waits there for something that nobody here knows to be needed: only the inventory tells who needs it.  */
static void what_waits_unknown_here_does_not_keep_from_asking (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    fx_node_settle (self, &node);
    wire_poll poll = {.waiting = 1, .state_seq = node.state_seq};
    fx_node_hold (self, &node, key_of (self, WIRE_TYPE_JOB, "lost"), 7);
    fx_node_digest (&node, poll.digest);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_POLL, &poll);
    assert_true (((const wire_poll_answer *) fx_answer (self, WIRE_POLL_ANSWER))->inventory);
    /*  What is known to wait heals by waiting.  */
    const uint64_t version = post_job (self, "report", fx_all (), NULL, NULL).version;
    fx_node_ack (
        self, &node, fx_job_key (self, "report"), version, WIRE_DELIVERY_WAITING, "waiting");
    poll.state_seq = node.state_seq;
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_POLL, &poll);
    assert_false (((const wire_poll_answer *) fx_answer (self, WIRE_POLL_ANSWER))->inventory);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_schedule_goes_where_its_jobs_are_and_with_it_its_calendar),
        cmocka_unit_test (a_job_that_begins_to_use_one_brings_it_and_one_that_stops_lets_it_go),
        cmocka_unit_test (who_joins_later_gets_them_first),
        cmocka_unit_test (the_switch_of_a_schedule_goes_with_it),
        cmocka_unit_test (what_is_not_there_cannot_be_used),
        cmocka_unit_test (what_is_used_does_not_go),
        cmocka_unit_test (all_of_a_file_comes_in_one_request),
        cmocka_unit_test (a_restart_knows_who_uses_what),
        cmocka_unit_test (versions_are_told_and_a_calendar_list_is_in_the_order_of_names),
        cmocka_unit_test (jobs_are_listed_by_what_they_use),
        cmocka_unit_test (what_a_target_holds_comes_back_in_any_order),
        cmocka_unit_test (what_waits_unknown_here_does_not_keep_from_asking),
    };
    return cmocka_run_group_tests_name ("broker_shared", tests, NULL, NULL);
}
