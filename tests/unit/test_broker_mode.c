/*  Settings, the restored core and the dismantled one.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

#include <stdlib.h>

static void send_request (fx *self, int person, wire_request ask, bool dry_run)
{
    wire_ask_request body = {.has_request = true, .dry_run = dry_run};
    const bg_id none = {0};
    ask.installation = self->settings.installation;
    ask.id = fx_id (self);
    ask.issued_us = self->now.utc_us;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, self->settings.installation, &ask,
        self->people[person].secret, &self->arena, &body.request);
    fx_send (self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_REQUEST, &body);
}

static const wire_done *request (fx *self, wire_request ask)
{
    send_request (self, FX_ADMIN, ask, false);
    return fx_answer (self, WIRE_DONE);
}

static wire_request set (const char *name, const char *value)
{
    return (wire_request){
        .what = WIRE_REQUEST_SET, .name = bg_slice_str (name), .value = bg_slice_str (value)};
}

static const wire_status *status_of (fx *self)
{
    const wire_status_query query = {0};
    return fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
}

static void settings_stay_and_end_sessions_that_were_opened_otherwise (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    assert_int_equal (fx_node_hello (self, &node)->poll_us, BG_SEC (60));
    fx_node_poll (self, &node);
    request (self, set ("poll-interval", "2m"));
    fx_tick (self);
    assert_int_equal (fx_count (self, WIRE_ERROR), 1);
    wire_poll poll = {.state_seq = node.state_seq};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_POLL, &poll);
    fx_refused (self, BG_STALE);
    assert_int_equal (fx_node_hello (self, &node)->poll_us, BG_MIN (2));
    fx_node_poll (self, &node);
    fx_restart (self);
    assert_int_equal (broker_core_setting (self->core, BROKER_SET_POLL_INTERVAL), BG_MIN (2));
    request (self, set ("poll-interval", ""));
    assert_int_equal (broker_core_setting (self->core, BROKER_SET_POLL_INTERVAL), BG_MIN (1));
    fx_close (&self);
}

static void only_an_admin_sets_and_only_what_is_possible (void **state)
{
    (void) state;
    fx *self = fx_open ();
    send_request (self, FX_AUTHOR, set ("heartbeat", "10s"), false);
    fx_refused (self, BG_NOT_ALLOWED);
    send_request (self, FX_ADMIN, set ("heartbeat", "1s"), false);
    fx_refused (self, BG_INVALID);
    send_request (self, FX_ADMIN, set ("heartbeet", "10s"), false);
    const wire_error *error = fx_refused (self, BG_NOT_FOUND);
    assert_true (bg_slice_is (error->hint, "did you mean heartbeat?"));
    send_request (self, FX_ADMIN, set ("heartbeat", "10s"), true);
    fx_answer (self, WIRE_DONE);
    assert_int_equal (broker_core_setting (self->core, BROKER_SET_HEARTBEAT), BG_SEC (30));
    fx_close (&self);
}

static void a_longer_heartbeat_is_waited_for (void **state)
{
    (void) state;
    fx *self = fx_open ();
    request (self, set ("heartbeat", "5m"));
    fx_node node = fx_member (self, "web01", "web");
    assert_int_equal (fx_node_hello (self, &node)->heartbeat_us, BG_MIN (5));
    fx_pass (self, BG_MIN (14));
    assert_int_equal (status_of (self)->suspected_offline, 0);
    fx_pass (self, BG_MIN (2));
    assert_int_equal (status_of (self)->suspected_offline, 1);
    fx_close (&self);
}

static void a_restored_core_answers_takes_reports_and_changes_nothing (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    wire_signed first =
        fx_job (self, FX_AUTHOR, "tick", (wire_audience[]){fx_all ()}, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &first, 0);
    fx_make_restored (self);
    fx_restart (self);
    assert_true (status_of (self)->restored);
    wire_signed second =
        fx_job (self, FX_AUTHOR, "tock", (wire_audience[]){fx_all ()}, 0, "/bin/true");
    fx_try_post (self, FX_AUTHOR, &second, 0);
    const wire_error *error = fx_refused (self, BG_RESTORED);
    assert_true (strstr ((const char *) error->hint.data, "--resume") != NULL);
    bg_id id;
    const wire_audience all = fx_all ();
    wire_signed deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "tick", &all, BG_MIN (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    fx_refused (self, BG_RESTORED);
    /*  What is pending stays here.  */
    fx_node_hello (self, &node);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 0);
    wire_run run = fx_run (self, "tick", (bg_id){0}, WIRE_RUN_SUCCEEDED);
    assert_int_equal (fx_node_report (self, &node, &run, 1)->mark, 1);
    request (self, (wire_request){.what = WIRE_REQUEST_RESUME});
    const wire_status *status = status_of (self);
    assert_false (status->restored);
    assert_int_equal (status->restores, 1);
    assert_int_equal (status->term, 2);
    fx_node_hello (self, &node);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 1);
    fx_try_post (self, FX_AUTHOR, &second, 0);
    fx_answer (self, WIRE_POSTED);
    fx_close (&self);
}

static int by_key (const void *a, const void *b)
{
    return bg_id_compare (((const wire_held *) a)->key, ((const wire_held *) b)->key);
}

static void take_inventory (fx *self, fx_node *node)
{
    wire_inventory page = {.items = node->slots, .items_count = node->slot_count, .last = true};
    qsort (node->slots, node->slot_count, sizeof *node->slots, by_key);
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_INVENTORY, &page);
}

static void send_adopted (fx *self, const fx_node *node, wire_signed *items, size_t count)
{
    const wire_adopted adopted = {.documents = items, .documents_count = count};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_ADOPTED, &adopted);
}

static void what_a_target_holds_is_taken_back_when_it_is_signed (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    const wire_audience all = fx_all ();
    wire_signed lost = fx_job (self, FX_AUTHOR, "lost", &all, 7000, "/bin/true");
    wire_signed forged = fx_job (self, FX_READER, "forged", &all, 7000, "/bin/true");
    fx_node_hold (self, &node, fx_job_key (self, "lost"), 7000);
    /*  A broker that was never restored asks for nothing and takes nothing.  */
    fx_node_hello (self, &node);
    assert_true (fx_node_poll (self, &node)->inventory);
    take_inventory (self, &node);
    assert_int_equal (fx_count (self, WIRE_ADOPT), 0);
    send_adopted (self, &node, &lost, 1);
    fx_refused (self, BG_NOT_ALLOWED);

    fx_make_restored (self);
    fx_node_hello (self, &node);
    assert_true (fx_node_poll (self, &node)->inventory);
    take_inventory (self, &node);
    assert_int_equal (fx_count (self, WIRE_ADOPT), 1);
    wire_signed items[] = {forged, lost};
    send_adopted (self, &node, items, 2);
    assert_int_equal (broker_core_counter (self->core, "adopt-refused"), 1);
    assert_int_equal (status_of (self)->adopted, 1);
    assert_int_equal (status_of (self)->jobs, 1);
    /*  Shown again it is no news; and both sides have the same digest now.  */
    send_adopted (self, &node, &lost, 1);
    assert_int_equal (status_of (self)->adopted, 1);
    fx_node_hello (self, &node);
    assert_false (fx_node_poll (self, &node)->inventory);
    request (self, (wire_request){.what = WIRE_REQUEST_RESUME});
    fx_node_hello (self, &node);
    fx_node_settle (self, &node);
    assert_int_equal (status_of (self)->pending, 0);
    fx_close (&self);
}

static void an_admin_may_say_that_the_state_is_an_older_one (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    const wire_audience all = fx_all ();
    wire_signed lost = fx_job (self, FX_AUTHOR, "lost", &all, 7000, "/bin/true");
    fx_node_hold (self, &node, fx_job_key (self, "lost"), 7000);
    fx_node_hello (self, &node);
    for (int i = 0; i < 2; i++) {
        assert_true (fx_node_poll (self, &node)->inventory);
        take_inventory (self, &node);
    }
    assert_false (fx_node_poll (self, &node)->inventory);
    send_request (self, FX_ADMIN, (wire_request){.what = WIRE_REQUEST_RESUME}, false);
    const wire_error *error = fx_refused (self, BG_CONFLICT);
    assert_true (strstr ((const char *) error->hint.data, "--force") != NULL);
    request (self, (wire_request){.what = WIRE_REQUEST_RESUME, .full = true});
    fx_node_hello (self, &node);
    assert_true (fx_node_poll (self, &node)->inventory);
    take_inventory (self, &node);
    assert_int_equal (fx_count (self, WIRE_ADOPT), 1);
    send_adopted (self, &node, &lost, 1);
    assert_int_equal (status_of (self)->jobs, 1);
    fx_close (&self);
}

static void a_withdrawal_of_a_job_that_is_not_here_is_taken_back_too (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    wire_signed gone = fx_withdrawal (self, FX_AUTHOR, "gone", 8000);
    fx_node_hold (self, &node, fx_job_key (self, "gone"), 8000);
    fx_make_restored (self);
    fx_node_hello (self, &node);
    assert_true (fx_node_poll (self, &node)->inventory);
    take_inventory (self, &node);
    assert_int_equal (fx_count (self, WIRE_ADOPT), 1);
    send_adopted (self, &node, &gone, 1);
    assert_int_equal (status_of (self)->adopted, 1);
    assert_int_equal (status_of (self)->jobs, 0);
    fx_restart (self);
    fx_node_hello (self, &node);
    assert_false (fx_node_poll (self, &node)->inventory);
    fx_close (&self);
}

static void an_authority_comes_back_before_what_it_signs (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    const wire_audience all = fx_all ();
    const bg_id zero = {0};
    wire_login logins[5];
    memcpy (logins, self->logins, sizeof self->logins);
    fx_person newcomer = fx_person_make (77);
    logins[4] = (wire_login){.name = bg_slice_str ("new"),
        .sign_key = newcomer.sign_key,
        .curve_key = newcomer.curve_key,
        .role = WIRE_ROLE_AUTHOR};
    const wire_authority body = {.name = bg_slice_str ("main"),
        .logins = logins,
        .logins_count = 5,
        .broker_sign_key = self->settings.sign_key,
        .broker_curve_key = self->settings.curve_key,
        .threshold = 1,
        .level_floor = 1,
        .created_us = self->now.utc_us};
    wire_signed authority = fx_document (self, FX_ADMIN, WIRE_TYPE_AUTHORITY, zero, 2, &body);
    fx_person author = self->people[FX_AUTHOR];
    self->people[FX_AUTHOR] = newcomer;
    wire_signed job = fx_job (self, FX_AUTHOR, "lost", &all, 7000, "/bin/true");
    self->people[FX_AUTHOR] = author;
    fx_node_hold (self, &node, fx_job_key (self, "lost"), 7000);
    fx_node_hold (self, &node, zero, 2);
    fx_make_restored (self);
    fx_node_hello (self, &node);
    assert_true (fx_node_poll (self, &node)->inventory);
    take_inventory (self, &node);
    assert_int_equal (fx_count (self, WIRE_ADOPT), 1);
    /*  In the other order, and what was signed by nobody known is refused alone.  */
    wire_signed items[] = {job, authority};
    send_adopted (self, &node, items, 2);
    assert_int_equal (status_of (self)->adopted, 2);
    assert_int_equal (status_of (self)->authority, 2);
    assert_int_equal (broker_core_counter (self->core, "adopt-refused"), 0);
    fx_restart (self);
    assert_int_equal (status_of (self)->authority, 2);
    assert_int_equal (status_of (self)->jobs, 1);
    fx_close (&self);
}

static void a_changed_membership_comes_back (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    fx_node other = fx_member (self, "web02", "web");
    wire_membership body = {.target = node.target,
        .number = node.number,
        .name = bg_slice_str ("web01"),
        .state = WIRE_MEMBER,
        .sign_key = node.keys.sign_key,
        .curve_key = node.keys.curve_key,
        .location = bg_slice_str ("Hall 4")};
    wire_signed changed =
        fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, node.target, 9000, &body);
    fx_node_hold (self, &node, node.target, 9000);
    fx_make_restored (self);
    fx_node_hello (self, &node);
    fx_node_hello (self, &other);
    /*  Nobody tells about others.  */
    send_adopted (self, &other, &changed, 1);
    assert_int_equal (broker_core_counter (self->core, "adopt-refused"), 1);
    assert_true (fx_node_poll (self, &node)->inventory);
    take_inventory (self, &node);
    assert_int_equal (fx_count (self, WIRE_ADOPT), 1);
    send_adopted (self, &node, &changed, 1);
    const wire_target_query query = {
        .names = (bg_slice[]){bg_slice_str ("web01")}, .names_count = 1};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows[0].membership_version, 9000);
    assert_true (bg_slice_is (targets->rows[0].location, "Hall 4"));
    assert_false (targets->rows[0].provisional);
    fx_close (&self);
}

static void numbers_go_on_far_above_after_a_restore (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node first = fx_member (self, "web01", "web");
    fx_make_restored (self);
    request (self, (wire_request){.what = WIRE_REQUEST_RESUME});
    fx_node second = fx_member (self, "web02", "web");
    assert_true (second.number >= first.number + 65536);
    fx_restart (self);
    fx_node third = fx_member (self, "web03", "web");
    assert_int_equal (third.number, second.number + 1);
    send_request (self, FX_ADMIN, (wire_request){.what = WIRE_REQUEST_RESUME}, false);
    fx_refused (self, BG_CONFLICT);
    fx_close (&self);
}

static void a_dismantled_broker_only_answers_questions (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_member (self, "web01", "web");
    wire_request ask = {.what = WIRE_REQUEST_DISMANTLE, .name = self->settings.name};
    send_request (self, FX_ADMIN, ask, false);
    fx_refused (self, BG_CONFLICT);
    ask.full = true;
    ask.name = bg_slice_str ("another");
    send_request (self, FX_ADMIN, ask, false);
    fx_refused (self, BG_INVALID);
    ask.name = self->settings.name;
    send_request (self, FX_ADMIN, ask, true);
    fx_answer (self, WIRE_DONE);
    assert_false (status_of (self)->dismantled);
    request (self, ask);
    fx_restart (self);
    assert_true (status_of (self)->dismantled);
    wire_signed job =
        fx_job (self, FX_AUTHOR, "tick", (wire_audience[]){fx_all ()}, 0, "/bin/true");
    fx_try_post (self, FX_AUTHOR, &job, 0);
    fx_refused (self, BG_DISMANTLED);
    send_request (self, FX_ADMIN, set ("heartbeat", "10s"), false);
    fx_refused (self, BG_DISMANTLED);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (settings_stay_and_end_sessions_that_were_opened_otherwise),
        cmocka_unit_test (only_an_admin_sets_and_only_what_is_possible),
        cmocka_unit_test (a_longer_heartbeat_is_waited_for),
        cmocka_unit_test (a_restored_core_answers_takes_reports_and_changes_nothing),
        cmocka_unit_test (what_a_target_holds_is_taken_back_when_it_is_signed),
        cmocka_unit_test (an_admin_may_say_that_the_state_is_an_older_one),
        cmocka_unit_test (a_withdrawal_of_a_job_that_is_not_here_is_taken_back_too),
        cmocka_unit_test (an_authority_comes_back_before_what_it_signs),
        cmocka_unit_test (a_changed_membership_comes_back),
        cmocka_unit_test (numbers_go_on_far_above_after_a_restore),
        cmocka_unit_test (a_dismantled_broker_only_answers_questions),
    };
    return cmocka_run_group_tests_name ("broker mode", tests, NULL, NULL);
}
