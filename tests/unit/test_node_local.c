/*  The machine's own jobs in the node's core, with the decisions of bugle-exec: what is held, what runs, who is told.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_pair.h"
#include "proto/local.h"

#include <stdlib.h>

typedef struct {
    node_pair both;
    uint64_t versions;
    uint8_t deeds;
} pair;

static int setup (void **state)
{
    pair *self = bg_alloc (sizeof *self);
    node_pair_init (&self->both);
    self->both.exec.now = self->both.node.now;
    wire_exec_local wanted = {.write_policy = true};
    exec_fixture_tell (&self->both.exec, EXEC_NODE, WIRE_EXEC_LOCAL, &wanted);
    node_pair_deliver (&self->both);
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    pair *self = *state;
    node_pair_fini (&self->both);
    free (self);
    return 0;
}

/*  ---- the person at the machine ----  */

static bg_id local_key (const pair *self, const char *name)
{
    return wire_document_key (wire_local_installation (&self->both.exec.local.public_key),
        WIRE_TYPE_JOB, bg_slice_str (name));
}

static wire_signed sign (pair *self, wire_type type, bg_id key, const void *body)
{
    wire_signed item;
    const wire_document fixed = {.type = type,
        .installation = wire_local_installation (&self->both.exec.local.public_key),
        .key = key,
        .version = ++self->versions};
    wire_document_make (self->both.node.signing.crypto, &fixed, body, self->both.exec.local.secret,
        &self->both.node.arena, &item);
    return item;
}

static wire_signed local_job (pair *self, const char *name, uint64_t every_us)
{
    wire_job job = fixture_job (&self->both.node.signing, name);
    wire_job_schedule *schedule = bg_arena_alloc (&self->both.node.arena, sizeof *schedule);
    *schedule = (wire_job_schedule){
        .name = bg_slice_str ("tick"), .kind = WIRE_SCHEDULE_EVERY, .every_us = every_us};
    job.schedules = schedule;
    job.schedules_count = every_us != 0;
    return sign (self, WIRE_TYPE_JOB, local_key (self, name), &job);
}

/*  The code of the answer about the one document.  */
static const char *post (pair *self, wire_signed item)
{
    self->both.node.answer = (wire_control_answer){0};
    node_fixture_control (&self->both.node, WIRE_CONTROL_POST,
        &(wire_control_post){.documents = &item, .documents_count = 1});
    node_fixture_settle (&self->both.node);
    const wire_control_answer *answer = &self->both.node.answer;
    return bg_arena_str (
        &self->both.node.arena, answer->jobs_count == 1 ? answer->jobs[0].code : answer->code);
}

static const char *issue (pair *self, uint64_t what, bg_id key, const char *name)
{
    const wire_deed deed = {
        .installation = wire_local_installation (&self->both.exec.local.public_key),
        .id = {{7, 7, ++self->deeds}},
        .what = what,
        .issued_us = self->both.node.now.utc_us,
        .expires_us = self->both.node.now.utc_us + BG_MIN (1),
        .has_to = true,
        .to = {.all = true},
        .job_key = key,
        .job_name = bg_slice_str (name)};
    wire_control_issue message = {.has_deed = true};
    wire_signed_make (self->both.node.signing.crypto, WIRE_TYPE_DEED, deed.installation, &deed,
        self->both.exec.local.secret, &self->both.node.arena, &message.deed);
    self->both.node.answer = (wire_control_answer){0};
    node_fixture_control (&self->both.node, WIRE_CONTROL_ISSUE, &message);
    node_fixture_settle (&self->both.node);
    return bg_arena_str (&self->both.node.arena, self->both.node.answer.code);
}

static const wire_control_answer *query (pair *self, const wire_control_query *wanted)
{
    self->both.node.answer = (wire_control_answer){0};
    node_fixture_control (&self->both.node, WIRE_CONTROL_QUERY, wanted);
    node_fixture_settle (&self->both.node);
    return &self->both.node.answer;
}

static size_t runs_in (pair *self, uint64_t state, const char *reason)
{
    const wire_control_answer *answer = query (self, &(wire_control_query){.history = true});
    size_t count = 0;
    for (size_t i = 0; i < answer->runs_count; i++)
        count += answer->runs[i].state == state &&
                 (!reason || bg_slice_is (answer->runs[i].reason, reason));
    return count;
}

/*  ---- without a broker ----  */

static void a_node_that_was_never_enlisted_keeps_its_schedules (void **state)
{
    pair *self = *state;
    assert_string_equal (post (self, local_job (self, "local/tidy", BG_MIN (1))), "ok");
    for (int i = 0; i < 3; i++) {
        node_pair_advance (&self->both, BG_MIN (1));
        node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    }
    assert_int_equal (self->both.exec.spawn_count, 3);
    assert_int_equal (runs_in (self, WIRE_RUN_SUCCEEDED, NULL), 3);
    assert_int_equal (node_fixture_state (&self->both.node).outbox, 0);
}

static void it_keeps_them_over_a_restart_of_both_and_says_what_it_missed (void **state)
{
    pair *self = *state;
    assert_string_equal (post (self, local_job (self, "local/tidy", BG_MIN (1))), "ok");
    node_pair_advance (&self->both, BG_MIN (1));
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    node_fixture_exec_down (&self->both.node);
    node_fixture_sleep (&self->both.node, BG_MIN (10) + BG_SEC (30));
    self->both.exec.now = self->both.node.now;
    exec_fixture_restart (&self->both.exec, self->both.exec.log_count);
    exec_fixture_clear (&self->both.exec);
    node_fixture_restart (&self->both.node);
    node_fixture_exec_up (&self->both.node);
    node_fixture_settle (&self->both.node);
    node_pair_advance (&self->both, BG_MIN (1));
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    assert_true (runs_in (self, WIRE_RUN_NOT_RUN, "misfire") >= 8);
    assert_true (runs_in (self, WIRE_RUN_SUCCEEDED, NULL) >= 2);
}

static void an_occurrence_is_begun_once_whatever_crashes (void **state)
{
    pair *self = *state;
    assert_string_equal (post (self, local_job (self, "local/tidy", BG_MIN (1))), "ok");
    node_pair_advance (&self->both, BG_MIN (1));
    assert_int_equal (self->both.exec.spawn_count, 1);
    node_fixture_exec_down (&self->both.node);
    node_fixture_restart (&self->both.node);
    node_fixture_exec_up (&self->both.node);
    node_fixture_settle (&self->both.node);
    assert_int_equal (self->both.exec.spawn_count, 1);
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    assert_int_equal (runs_in (self, WIRE_RUN_SUCCEEDED, NULL), 1);
    assert_int_equal (node_fixture_state (&self->both.node).open_runs, 0);
}

static void a_start_is_answered_with_its_run_and_a_refusal_is_history (void **state)
{
    pair *self = *state;
    const bg_id key = local_key (self, "local/x");
    assert_string_equal (issue (self, WIRE_DEED_START, key, "local/x"), "not-found");
    assert_string_equal (post (self, local_job (self, "local/x", 0)), "ok");
    assert_string_equal (issue (self, WIRE_DEED_START, key, "local/x"), "ok");
    assert_true (bg_id_equal (self->both.node.answer.run, self->both.exec.spawned));
    assert_string_equal (issue (self, WIRE_DEED_START, key, "local/x"), "overlap");
    assert_int_equal (runs_in (self, WIRE_RUN_NOT_RUN, "overlap"), 1);
    assert_string_equal (issue (self, WIRE_DEED_STOP, key, "local/x"), "ok");
    assert_int_equal (self->both.exec.stop_count, 1);
    node_pair_finish (&self->both, WIRE_RUN_CANCELED);
    const wire_control_answer *answer =
        query (self, &(wire_control_query){.run = self->both.exec.spawned});
    assert_int_equal (answer->runs_count, 1);
    assert_int_equal (answer->runs[0].state, WIRE_RUN_CANCELED);
}

static void a_withdrawn_job_is_gone_and_its_version_stays (void **state)
{
    pair *self = *state;
    const bg_id key = local_key (self, "local/x");
    wire_signed old = local_job (self, "local/x", 0);
    assert_string_equal (post (self, old), "ok");
    wire_withdrawal gone = {.object_type = WIRE_TYPE_JOB, .object_name = bg_slice_str ("local/x")};
    assert_string_equal (post (self, sign (self, WIRE_TYPE_WITHDRAWAL, key, &gone)), "ok");
    assert_int_equal (node_fixture_state (&self->both.node).local_jobs, 0);
    assert_string_equal (post (self, old), "superseded");
    node_fixture_restart (&self->both.node);
    const wire_control_answer *answer =
        query (self, &(wire_control_query){.jobs = true, .job = bg_slice_str ("local/x")});
    assert_int_equal (answer->jobs_count, 1);
    assert_int_equal (answer->jobs[0].version, 2);
    assert_true (bg_slice_is (answer->jobs[0].code, "not-found"));
}

/*  ---- with a broker ----  */

static void enlist (pair *self)
{
    node_fixture_enlist (&self->both.node);
    node_pair_advance (&self->both, BG_SEC (5));
    assert_true (node_fixture_state (&self->both.node).connected);
}

static void a_broker_neither_sees_nor_counts_local_jobs (void **state)
{
    pair *self = *state;
    assert_string_equal (post (self, local_job (self, "local/tidy", BG_MIN (1))), "ok");
    enlist (self);
    uint8_t before[16];
    memcpy (before, node_fixture_state (&self->both.node).digest, sizeof before);
    const node_core_state held = node_fixture_state (&self->both.node);
    assert_string_equal (post (self, local_job (self, "local/other", BG_MIN (1))), "ok");
    assert_memory_equal (node_fixture_state (&self->both.node).digest, before, sizeof before);
    assert_int_equal (node_fixture_state (&self->both.node).held, held.held);
    assert_int_equal (node_fixture_state (&self->both.node).state_seq, held.state_seq);
    node_pair_advance (&self->both, BG_MIN (2));
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    assert_true (runs_in (self, WIRE_RUN_SUCCEEDED, NULL) > 0);
    assert_int_equal (self->both.node.run_count, 0);
    self->both.node.wants_inventory = true;
    node_pair_advance (&self->both, BG_MIN (2));
    for (size_t i = 0; i < self->both.node.inventory.items_count; i++)
        assert_false (
            bg_id_equal (self->both.node.inventory.items[i].key, local_key (self, "local/tidy")));
}

static void they_outlive_a_defection (void **state)
{
    pair *self = *state;
    assert_string_equal (post (self, local_job (self, "local/tidy", BG_MIN (1))), "ok");
    enlist (self);
    (void) node_fixture_post (
        &self->both.node, node_fixture_job (&self->both.node, "backup", NULL, 0));
    node_pair_advance (&self->both, BG_MIN (2));
    assert_int_equal (node_fixture_state (&self->both.node).jobs, 1);
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    node_fixture_defect_request (&self->both.node, true);
    node_pair_advance (&self->both, BG_SEC (5));
    assert_false (node_fixture_state (&self->both.node).enlisted);
    assert_int_equal (node_fixture_state (&self->both.node).jobs, 0);
    assert_int_equal (node_fixture_state (&self->both.node).local_jobs, 1);
    const size_t before = runs_in (self, WIRE_RUN_SUCCEEDED, NULL);
    node_pair_advance (&self->both, BG_MIN (1));
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    assert_int_equal (runs_in (self, WIRE_RUN_SUCCEEDED, NULL), before + 1);
    node_fixture_restart (&self->both.node);
    node_fixture_exec_up (&self->both.node);
    node_fixture_settle (&self->both.node);
    assert_int_equal (node_fixture_state (&self->both.node).local_jobs, 1);
}

static void a_downloaded_job_started_here_is_reported_without_an_execution (void **state)
{
    pair *self = *state;
    enlist (self);
    (void) node_fixture_post (
        &self->both.node, node_fixture_job (&self->both.node, "backup", NULL, 0));
    node_pair_advance (&self->both, BG_MIN (2));
    const bg_id key = wire_document_key (
        self->both.node.signing.installation, WIRE_TYPE_JOB, bg_slice_str ("backup"));
    assert_string_equal (issue (self, WIRE_DEED_START, key, "backup"), "ok");
    node_pair_finish (&self->both, WIRE_RUN_SUCCEEDED);
    node_pair_advance (&self->both, BG_SEC (5));
    assert_int_equal (node_fixture_reported (&self->both.node, WIRE_RUN_SUCCEEDED, NULL), 1);
    const wire_run *run = &self->both.node.runs[self->both.node.run_count - 1];
    assert_true (bg_id_is_zero (run->exec));
    assert_true (bg_slice_is (run->job_name, "backup"));
}

/*  ---- what is refused ----  */

static void documents_of_others_are_not_taken_over_the_control_socket (void **state)
{
    pair *self = *state;
    enlist (self);
    wire_job job = fixture_job (&self->both.node.signing, "backup");
    wire_signed theirs = fixture_document (&self->both.node.signing, WIRE_TYPE_JOB, "backup", &job);
    assert_string_equal (post (self, theirs), "not-allowed");
    /*  Not even one that bugle-exec has nothing against, of a key that is not this machine's.  */
    fixture_pair other;
    static const uint8_t seed[32] = {99};
    wire_keypair (seed, &other.public_key, other.secret);
    wire_job own = fixture_job (&self->both.node.signing, "local/x");
    const wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = wire_local_installation (&other.public_key),
        .key = wire_document_key (
            wire_local_installation (&other.public_key), WIRE_TYPE_JOB, bg_slice_str ("local/x")),
        .version = 1};
    wire_signed item;
    wire_document_make (
        self->both.node.signing.crypto, &fixed, &own, other.secret, &self->both.node.arena, &item);
    assert_string_equal (post (self, item), "bad-signature");
    assert_int_equal (node_fixture_state (&self->both.node).jobs, 0);
    assert_int_equal (node_fixture_state (&self->both.node).local_jobs, 0);
}

static void a_broker_cannot_hand_out_local_documents (void **state)
{
    pair *self = *state;
    enlist (self);
    (void) node_fixture_post (&self->both.node, local_job (self, "local/x", 0));
    wire_job job = fixture_job (&self->both.node.signing, "local/y");
    (void) node_fixture_post (&self->both.node,
        fixture_document (&self->both.node.signing, WIRE_TYPE_JOB, "local/y", &job));
    node_pair_advance (&self->both, BG_MIN (2));
    assert_int_equal (node_fixture_state (&self->both.node).jobs, 0);
    assert_int_equal (node_fixture_state (&self->both.node).local_jobs, 0);
}

static void without_bugle_exec_nothing_is_promised (void **state)
{
    pair *self = *state;
    node_fixture_exec_down (&self->both.node);
    assert_string_equal (post (self, local_job (self, "local/x", 0)), "unreachable");
    assert_string_equal (
        issue (self, WIRE_DEED_START, local_key (self, "local/x"), "local/x"), "unreachable");
}

/*  bugle-exec takes the question and dies.  */
static void swallow (void *ctx, bg_slice blob)
{
    (void) ctx;
    (void) blob;
}

static void who_waits_is_told_when_bugle_exec_goes_away (void **state)
{
    pair *self = *state;
    assert_string_equal (post (self, local_job (self, "local/x", 0)), "ok");
    self->both.node.exec_hook = swallow;
    const size_t answers = self->both.node.answers;
    assert_string_equal (post (self, local_job (self, "local/x", 0)), "");
    assert_string_equal (issue (self, WIRE_DEED_START, local_key (self, "local/x"), "local/x"), "");
    assert_int_equal (self->both.node.answers, answers);
    node_fixture_exec_down (&self->both.node);
    node_fixture_settle (&self->both.node);
    assert_int_equal (self->both.node.answers, answers + 2);
    assert_true (bg_slice_is (self->both.node.answer.code, "unreachable"));
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (a_node_that_was_never_enlisted_keeps_its_schedules),
        TEST (it_keeps_them_over_a_restart_of_both_and_says_what_it_missed),
        TEST (an_occurrence_is_begun_once_whatever_crashes),
        TEST (a_start_is_answered_with_its_run_and_a_refusal_is_history),
        TEST (a_withdrawn_job_is_gone_and_its_version_stays),
        TEST (a_broker_neither_sees_nor_counts_local_jobs),
        TEST (they_outlive_a_defection),
        TEST (a_downloaded_job_started_here_is_reported_without_an_execution),
        TEST (documents_of_others_are_not_taken_over_the_control_socket),
        TEST (a_broker_cannot_hand_out_local_documents),
        TEST (without_bugle_exec_nothing_is_promised),
        TEST (who_waits_is_told_when_bugle_exec_goes_away),
    };
    return cmocka_run_group_tests_name ("node_local", tests, NULL, NULL);
}
