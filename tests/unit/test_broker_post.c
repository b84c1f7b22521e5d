/*  POST: compare-and-set, versions, unchanged, withdrawn, created again, switches, memberships,
    authority.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

#include <stdio.h>

static const bg_id none;

static const wire_job_row *job_row (fx *self, const char *name, bool documents)
{
    const wire_job_query query = {.name = bg_slice_str (name), .documents = documents};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows_count, 1);
    return &jobs->rows[0];
}

static void a_job_is_created_changed_withdrawn_and_created_again (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_member (self, "web01", "web");
    const wire_audience all = fx_all ();
    wire_signed first = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    wire_posted_item item = *fx_post (self, FX_AUTHOR, &first, 0);
    assert_int_equal (item.outcome, WIRE_POSTED_CREATED);
    assert_int_equal (item.revision, 1);
    assert_int_equal (item.targets, 1);
    uint64_t version = item.version;

    /*  The very bytes again, and the same content under a new version: nothing happens.  */
    item = *fx_post (self, FX_AUTHOR, &first, 0);
    assert_int_equal (item.outcome, WIRE_POSTED_UNCHANGED);
    fx_pass (self, BG_SEC (1));
    wire_signed same = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    item = *fx_post (self, FX_AUTHOR, &same, version);
    assert_int_equal (item.outcome, WIRE_POSTED_UNCHANGED);
    assert_int_equal (item.version, version);
    assert_int_equal (item.revision, 1);

    wire_signed second = fx_job (self, FX_AUTHOR, "Clean", &all, 0, "/bin/false");
    fx_try_post (self, FX_AUTHOR, &second, 0);
    fx_refused (self, BG_CONFLICT);
    fx_try_post (self, FX_AUTHOR, &second, version - 1);
    fx_refused (self, BG_CONFLICT);
    item = *fx_post (self, FX_AUTHOR, &second, version);
    assert_int_equal (item.outcome, WIRE_POSTED_CHANGED);
    assert_int_equal (item.revision, 2);
    version = item.version;

    fx_pass (self, BG_SEC (1));
    wire_signed gone = fx_withdrawal (self, FX_AUTHOR, "clean", 0);
    item = *fx_post (self, FX_AUTHOR, &gone, version);
    assert_int_equal (item.outcome, WIRE_POSTED_DELETED);
    assert_int_equal (item.targets, 1);
    uint64_t floor = item.version;
    const wire_job_query query = {.name = bg_slice_str ("clean")};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows_count, 0);
    assert_int_equal (jobs->withdrawn_count, 1);
    assert_int_equal (jobs->withdrawn[0].version, floor);

    /*  Below the withdrawal nothing comes back.  */
    wire_signed low = fx_job (self, FX_AUTHOR, "clean", &all, floor - 1, "/bin/echo");
    fx_try_post (self, FX_AUTHOR, &low, 0);
    fx_refused (self, BG_STALE);
    wire_signed third = fx_job (self, FX_AUTHOR, "clean", &all, floor + 1, "/bin/echo");
    item = *fx_post (self, FX_AUTHOR, &third, 0);
    assert_int_equal (item.outcome, WIRE_POSTED_CREATED);
    assert_int_equal (item.revision, 4);
    fx_restart (self);
    assert_int_equal (job_row (self, "clean", false)->revision, 4);
    fx_close (&self);
}

static void versions_are_guarded (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    uint64_t now = (uint64_t) (self->now.utc_us / 1000);
    wire_signed ahead = fx_job (self, FX_AUTHOR, "clean", &all, now + 3600 * 1000 + 1, "/bin/true");
    fx_try_post (self, FX_AUTHOR, &ahead, 0);
    fx_refused (self, BG_CLOCK);
    wire_signed first = fx_job (self, FX_AUTHOR, "clean", &all, now, "/bin/true");
    fx_post (self, FX_AUTHOR, &first, 0);
    wire_signed fork = fx_job (self, FX_AUTHOR, "clean", &all, now, "/bin/false");
    fx_try_post (self, FX_AUTHOR, &fork, now);
    fx_refused (self, BG_FORK);
    wire_signed older = fx_job (self, FX_AUTHOR, "clean", &all, now - 5, "/bin/false");
    fx_try_post (self, FX_AUTHOR, &older, now);
    fx_refused (self, BG_STALE);
    fx_close (&self);
}

static void roles_decide_who_posts_what (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    wire_signed by_operator = fx_job (self, FX_OPERATOR, "clean", &all, 0, "/bin/true");
    fx_try_post (self, FX_READER, &job, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_try_post (self, FX_OPERATOR, &job, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_try_post (self, FX_AUTHOR, &by_operator, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_try_post (self, FX_AUTHOR, &self->authority, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    wire_signed damaged = job;
    damaged.sigs[0].signature[3] ^= 1;
    fx_try_post (self, FX_AUTHOR, &damaged, 0);
    fx_refused (self, BG_BAD_SIGNATURE);
    damaged.sigs[0].signature[3] ^= 1;
    fx_post (self, FX_AUTHOR, &job, 0);
    wire_signed off = fx_switch (self, FX_OPERATOR, "clean", true, 0);
    fx_post (self, FX_OPERATOR, &off, 0);
    assert_int_equal (broker_core_counter (self->core, "refused-bad-signature"), 1);
    fx_close (&self);
}

static void a_body_that_makes_no_sense_is_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_job body = {
        .name = bg_slice_str ("clean"), .has_audience = true, .audience = fx_all ()};
    wire_signed empty =
        fx_document (self, FX_AUTHOR, WIRE_TYPE_JOB, fx_job_key (self, "clean"), 0, &body);
    fx_try_post (self, FX_AUTHOR, &empty, 0);
    fx_refused (self, BG_INVALID);
    const wire_audience nobody = {0};
    wire_signed lost = fx_job (self, FX_AUTHOR, "clean", &nobody, 0, "/bin/true");
    fx_try_post (self, FX_AUTHOR, &lost, 0);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

static void one_bad_item_refuses_all (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    wire_post_item items[3] = {
        {.has_document = true}, {.has_document = true}, {.has_document = true}};
    items[0].document = fx_job (self, FX_AUTHOR, "one", &all, 0, "/bin/true");
    items[1].document = fx_job (self, FX_AUTHOR, "two", &all, 0, "/bin/true");
    items[1].seen_version = 99;
    items[2].document = fx_job (self, FX_AUTHOR, "three", &all, 0, "/bin/true");
    wire_post post = {.items = items, .items_count = 3};
    bg_key author = self->people[FX_AUTHOR].curve_key;
    fx_send (self, WIRE_ON_OPS, &author, none, WIRE_POST, &post);
    assert_int_equal (fx_refused (self, BG_CONFLICT)->item, 2);
    const wire_job_query query = {0};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->total, 0);
    /*  A dry run says what would be, and nothing is.  */
    items[1].seen_version = 0;
    post.dry_run = true;
    fx_send (self, WIRE_ON_OPS, &author, none, WIRE_POST, &post);
    const wire_posted *posted = fx_answer (self, WIRE_POSTED);
    assert_int_equal (posted->items_count, 3);
    assert_int_equal (posted->items[2].outcome, WIRE_POSTED_CREATED);
    jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->total, 0);
    items[2].document = items[0].document;
    post.dry_run = false;
    fx_send (self, WIRE_ON_OPS, &author, none, WIRE_POST, &post);
    fx_refused (self, BG_INVALID);
    /*  A job and its switch may come together.  */
    items[2].document = fx_switch (self, FX_AUTHOR, "two", true, 0);
    fx_send (self, WIRE_ON_OPS, &author, none, WIRE_POST, &post);
    fx_answer (self, WIRE_POSTED);
    jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->total, 2);
    assert_true (jobs->rows[1].disabled);
    fx_close (&self);
}

static void a_switch_follows_its_job_and_goes_with_it (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    const wire_audience to_web = fx_group (self, "web");
    wire_signed none_yet = fx_switch (self, FX_OPERATOR, "clean", true, 0);
    fx_try_post (self, FX_OPERATOR, &none_yet, 0);
    fx_refused (self, BG_NOT_FOUND);
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &to_web, 0, "/bin/true");
    uint64_t version = fx_post (self, FX_AUTHOR, &job, 0)->version;
    wire_posted_item off = *fx_post (self, FX_OPERATOR, &none_yet, 0);
    assert_int_equal (off.targets, 1);
    const wire_job_row *row = job_row (self, "clean", true);
    assert_true (row->disabled && row->has_switch_document);
    assert_true (bg_slice_is (row->disabled_reason, "moving"));
    fx_node_settle (self, &web);
    fx_node_settle (self, &db);
    /*  authority, membership, job, switch; the other one has only the first two  */
    assert_int_equal (web.slot_count, 4);
    assert_int_equal (db.slot_count, 2);

    /*  The job comes to more targets, so does the switch.  */
    const wire_audience all = fx_all ();
    fx_pass (self, BG_SEC (1));
    wire_signed wider = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    version = fx_post (self, FX_AUTHOR, &wider, version)->version;
    fx_node_settle (self, &db);
    assert_int_equal (db.slot_count, 4);

    fx_pass (self, BG_SEC (1));
    wire_signed gone = fx_withdrawal (self, FX_AUTHOR, "clean", 0);
    fx_post (self, FX_AUTHOR, &gone, version);
    fx_pass (self, BG_SEC (1));
    wire_signed again = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &again, 0);
    row = job_row (self, "clean", true);
    assert_false (row->disabled);
    assert_false (row->has_switch_document);
    fx_node late = fx_member (self, "web02", "web");
    assert_int_equal (late.slot_count, 3);
    fx_restart (self);
    assert_false (job_row (self, "clean", false)->disabled);
    fx_close (&self);
}

static wire_signed membership_of (
    fx *self, const fx_node *node, const char *name, const char *group, uint64_t state)
{
    bg_slice groups[] = {bg_slice_str (group)};
    const wire_membership membership = {.target = node->target,
        .number = node->number,
        .name = bg_slice_str (name),
        .state = state,
        .sign_key = node->keys.sign_key,
        .curve_key = node->keys.curve_key,
        .groups = groups,
        .groups_count = group ? 1 : 0};
    return fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, node->target, 0, &membership);
}

static void a_membership_moves_a_target_between_groups (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    fx_member (self, "web02", "web");
    const wire_audience db = fx_group (self, "db");
    const wire_audience web = fx_group (self, "web");
    wire_signed dump = fx_job (self, FX_AUTHOR, "dump", &db, 0, "/bin/true");
    wire_signed clean = fx_job (self, FX_AUTHOR, "clean", &web, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &dump, 0);
    fx_post (self, FX_AUTHOR, &clean, 0);
    assert_int_equal (job_row (self, "dump", false)->targets, 0);
    wire_signed taken = membership_of (self, &node, "web02", "db", WIRE_MEMBER);
    fx_try_post (self, FX_ADMIN, &taken, 1);
    fx_refused (self, BG_EXISTS);
    wire_signed other = membership_of (self, &node, "db01", "db", WIRE_MEMBER);
    fx_try_post (self, FX_AUTHOR, &other, 1);
    fx_refused (self, BG_NOT_ALLOWED);
    wire_posted_item item = *fx_post (self, FX_ADMIN, &other, 1);
    assert_int_equal (item.outcome, WIRE_POSTED_CHANGED);
    assert_int_equal (item.revision, 2);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 1);
    assert_int_equal (job_row (self, "dump", false)->targets, 1);
    assert_int_equal (job_row (self, "clean", false)->targets, 1);
    fx_node_settle (self, &node);
    wire_target_query query = {
        .names = (bg_slice[]){bg_slice_str ("DB01")}, .names_count = 1, .details = true};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows_count, 1);
    assert_false (targets->rows[0].provisional);
    assert_int_equal (targets->rows[0].state, WIRE_TARGET_NORMAL);
    /*  authority, membership, dump, and clean, which it keeps the floor of  */
    assert_int_equal (targets->rows[0].deliveries_count, 4);
    fx_restart (self);
    assert_int_equal (job_row (self, "clean", false)->targets, 1);
    fx_close (&self);
}

static void a_defected_membership_ends_with_its_acknowledgement (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    wire_signed defected = membership_of (self, &node, "web01", "web", WIRE_DEFECTED_MEMBER);
    wire_posted_item item = *fx_post (self, FX_ADMIN, &defected, 1);
    assert_int_equal (item.outcome, WIRE_POSTED_DELETED);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_restart (self);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_node_hello (self, &node);
    const wire_poll_answer *answer = fx_node_poll (self, &node);
    assert_int_equal (answer->instructions_count, 1);
    assert_int_equal (answer->instructions[0].type, WIRE_TYPE_MEMBERSHIP);
    assert_int_equal (answer->streams_count, 0);
    fx_node_apply (self, &node, answer);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_close (&self);
}

/*  It never heard that it was a member, so it cannot acknowledge that it is none any more.  */
static void a_removed_machine_that_never_knew_enlists_anew (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    wire_signed defected = membership_of (self, &node, "web01", "web", WIRE_DEFECTED_MEMBER);
    fx_post (self, FX_ADMIN, &defected, 1);
    fx_token token = fx_token_make (self, 77, "web*", "web", 2);
    fx_token_post (self, &token);
    wire_enlist_hello hello = fx_enlist_hello (self, &node, &token);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_HELLO, &hello);
    fx_answer (self, WIRE_ENLIST_CHALLENGE);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_node_enlist (self, &node, &token);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    broker_core_check (self->core);
    fx_close (&self);
}

static void a_defected_target_that_stays_away_is_cut_after_a_week (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    wire_signed defected = membership_of (self, &node, "web01", "web", WIRE_DEFECTED_MEMBER);
    fx_post (self, FX_ADMIN, &defected, 1);
    fx_pass (self, BG_DAY (6));
    fx_tick (self);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_pass (self, BG_DAY (1) + BG_SEC (1));
    fx_tick (self);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_close (&self);
}

static wire_signed next_authority (
    fx *self, uint64_t version, const wire_login *logins, size_t count, int signer)
{
    const wire_authority authority = {.name = bg_slice_str ("main"),
        .logins = (wire_login *) (uintptr_t) logins,
        .logins_count = count,
        .broker_sign_key = self->people[FX_BROKER].sign_key,
        .broker_curve_key = self->people[FX_BROKER].curve_key,
        .threshold = 1,
        .level_floor = 1,
        .created_us = self->now.utc_us};
    return fx_document (self, signer, WIRE_TYPE_AUTHORITY, none, version, &authority);
}

static void an_authority_changes_who_may_come_in (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    wire_login logins[5];
    memcpy (logins, self->logins, sizeof self->logins);
    fx_person eve = fx_person_make (33);
    logins[3] = (wire_login){.name = bg_slice_str ("eve"),
        .sign_key = eve.sign_key,
        .curve_key = eve.curve_key,
        .role = WIRE_ROLE_READER};
    wire_signed forged = next_authority (self, 2, logins, 4, FX_AUTHOR);
    fx_try_post (self, FX_ADMIN, &forged, 1);
    fx_refused (self, BG_NOT_ALLOWED);
    wire_signed second = next_authority (self, 2, logins, 4, FX_ADMIN);
    fx_try_post (self, FX_ADMIN, &second, 0);
    fx_refused (self, BG_CONFLICT);
    wire_posted_item item = *fx_post (self, FX_ADMIN, &second, 1);
    assert_int_equal (item.outcome, WIRE_POSTED_CHANGED);
    assert_int_equal (fx_count (self, WIRE_ORDER), 1);
    assert_true (fx_admitted (self, WIRE_ON_OPS, &eve.curve_key));
    assert_false (fx_admitted (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key));
    const wire_status_query query = {0};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_STATUS_QUERY, &query);
    fx_refused (self, BG_NOT_ALLOWED);
    logins[4] = self->logins[3];
    wire_signed third = next_authority (self, 3, logins, 5, FX_ADMIN);
    fx_post (self, FX_ADMIN, &third, 2);
    /*  A target that was away gets both, in order.  */
    const wire_poll_answer *answer = fx_node_poll (self, &node);
    assert_int_equal (answer->instructions_count, 2);
    fx_node_settle (self, &node);
    assert_int_equal (node.authority, 3);
    fx_restart (self);
    fx_send (self, WIRE_ON_OPS, &eve.curve_key, none, WIRE_STATUS_QUERY, &query);
    fx_answer (self, WIRE_STATUS);
    fx_close (&self);
}

static void an_authority_that_orphans_documents_is_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    wire_login logins[3] = {
        self->logins[FX_ADMIN], self->logins[FX_OPERATOR], self->logins[FX_READER]};
    wire_signed second = next_authority (self, 2, logins, 3, FX_ADMIN);
    fx_try_post (self, FX_ADMIN, &second, 1);
    const wire_error *error = fx_refused (self, BG_CONFLICT);
    assert_non_null (memmem (error->message.data, error->message.size, "clean", 5));
    wire_signed by_admin = fx_job (self, FX_ADMIN, "clean", &all, 0, "/bin/echo");
    fx_pass (self, BG_SEC (1));
    by_admin = fx_job (self, FX_ADMIN, "clean", &all, 0, "/bin/echo");
    fx_post (self, FX_ADMIN, &by_admin, (uint64_t) (self->now.utc_us / 1000 - 1000));
    fx_post (self, FX_ADMIN, &second, 1);
    fx_close (&self);
}

static void names_that_are_nearly_right_are_suggested (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "nightly-backup", &all, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    const wire_job_query query = {.name = bg_slice_str ("nightly-bakcup")};
    fx_send (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_JOB_QUERY, &query);
    const wire_error *error = fx_refused (self, BG_NOT_FOUND);
    assert_true (bg_slice_is (error->hint, "did you mean nightly-backup?"));
    fx_member (self, "web01", NULL);
    const wire_target_query target = {
        .names = (bg_slice[]){bg_slice_str ("wbe01")}, .names_count = 1};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_TARGET_QUERY, &target);
    error = fx_refused (self, BG_NOT_FOUND);
    assert_true (bg_slice_is (error->hint, "did you mean web01?"));
    fx_close (&self);
}

static void lists_of_jobs_are_paged (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    char name[16];
    for (int i = 0; i < 25; i++) {
        snprintf (name, sizeof name, "job%02d", i);
        wire_signed job = fx_job (self, FX_AUTHOR, bg_arena_str (&self->arena, bg_slice_str (name)),
            &all, 0, "/bin/true");
        fx_post (self, FX_AUTHOR, &job, 0);
    }
    wire_job_query query = {.limit = 10};
    size_t seen = 0;
    for (bool more = true; more;) {
        const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
        assert_int_equal (jobs->total, 25);
        for (size_t i = 0; i < jobs->rows_count; i++) {
            snprintf (name, sizeof name, "job%02d", (int) seen++);
            assert_true (bg_slice_is (jobs->rows[i].name, name));
            query.after = jobs->rows[i].name;
        }
        more = jobs->more;
    }
    assert_int_equal (seen, 25);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_job_is_created_changed_withdrawn_and_created_again),
        cmocka_unit_test (versions_are_guarded),
        cmocka_unit_test (roles_decide_who_posts_what),
        cmocka_unit_test (a_body_that_makes_no_sense_is_refused),
        cmocka_unit_test (one_bad_item_refuses_all),
        cmocka_unit_test (a_switch_follows_its_job_and_goes_with_it),
        cmocka_unit_test (a_membership_moves_a_target_between_groups),
        cmocka_unit_test (a_defected_membership_ends_with_its_acknowledgement),
        cmocka_unit_test (a_removed_machine_that_never_knew_enlists_anew),
        cmocka_unit_test (a_defected_target_that_stays_away_is_cut_after_a_week),
        cmocka_unit_test (an_authority_changes_who_may_come_in),
        cmocka_unit_test (an_authority_that_orphans_documents_is_refused),
        cmocka_unit_test (names_that_are_nearly_right_are_suggested),
        cmocka_unit_test (lists_of_jobs_are_paged),
    };
    return cmocka_run_group_tests_name ("broker post", tests, NULL, NULL);
}
