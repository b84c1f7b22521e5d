/*  The core's life: bitmaps, founding, recovery, and what a failed batch leaves behind (nothing).
*/
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/core/bitmap.h"
#include "tests/unit/broker_fixture.h"

#include <stdlib.h>

static void bitmaps_keep_members_through_their_durable_form (void **state)
{
    (void) state;
    broker_bitmap set = {0};
    broker_bitmap again = {0};
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    assert_false (broker_bitmap_has (&set, 7));
    assert_true (broker_bitmap_set (&set, 7));
    assert_false (broker_bitmap_set (&set, 7));
    for (uint32_t number = 64; number < 10000; number++)
        broker_bitmap_set (&set, number);
    broker_bitmap_clear (&set, 5000);
    assert_int_equal (broker_bitmap_size (&set), 1 + 9936 - 1);
    broker_bitmap_encode (&set, &bytes);
    assert_true (bytes.size < 100);
    bg_slice rest = bg_buf_slice (&bytes);
    assert_true (bg_is_ok (broker_bitmap_decode (&again, &rest, &err)));
    assert_int_equal (rest.size, 0);
    assert_int_equal (broker_bitmap_size_both (&set, &again), broker_bitmap_size (&set));
    assert_int_equal (broker_bitmap_next (&again, 0), 7);
    assert_int_equal (broker_bitmap_next (&again, 7), 64);
    assert_int_equal (broker_bitmap_next (&again, 4999), 5001);
    assert_int_equal (broker_bitmap_next (&again, 9999), 0);
    broker_bitmap_fini (&set);
    broker_bitmap_fini (&again);
}

static void bitmaps_refuse_damaged_bytes (void **state)
{
    (void) state;
    static const uint8_t cut[] = {0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t huge[] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t none[] = {0, 0};
    const bg_slice all[] = {{cut, sizeof cut}, {huge, sizeof huge}, {none, sizeof none}};
    for (size_t i = 0; i < 3; i++) {
        broker_bitmap set = {0};
        bg_slice rest = all[i];
        assert_int_equal (broker_bitmap_decode (&set, &rest, NULL).code, BG_STORE);
        broker_bitmap_fini (&set);
    }
}

static void an_installation_is_founded_once (void **state)
{
    (void) state;
    fx *self = fx_open ();
    bg_error err = {0};
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_signed, &self->authority, &bytes);
    broker_core *core = broker_core_create (&self->settings, &self->ports);
    assert_int_equal (
        broker_core_found (core, self->now, bg_buf_slice (&bytes), &err).code, BG_EXISTS);
    broker_core_destroy (&core);
    fx_close (&self);
}

static void other_keys_than_the_authoritys_are_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    bg_error err = {0};
    broker_settings settings = self->settings;
    settings.curve_key.bytes[3] ^= 1;
    broker_core *core = broker_core_create (&settings, &self->ports);
    assert_int_equal (broker_core_recover (core, self->now, &err).code, BG_INVALID);
    broker_core_destroy (&core);
    settings = self->settings;
    settings.installation.bytes[3] ^= 1;
    core = broker_core_create (&settings, &self->ports);
    assert_int_equal (broker_core_recover (core, self->now, &err).code, BG_WRONG_INSTALLATION);
    broker_core_destroy (&core);
    fx_close (&self);
}

static void an_empty_store_has_no_installation (void **state)
{
    (void) state;
    fx *self = fx_open ();
    bg_error err = {0};
    broker_db *empty = NULL;
    broker_ports ports = self->ports;
    assert_true (bg_is_ok (broker_db_open (":memory:", &empty, &err)));
    ports.store = broker_db_port (empty);
    broker_core *core = broker_core_create (&self->settings, &ports);
    assert_int_equal (broker_core_recover (core, self->now, &err).code, BG_NOT_FOUND);
    broker_core_destroy (&core);
    broker_db_close (&empty);
    fx_close (&self);
}

/*  Everything at once: members, a pending, a failed and a waiting delivery, an open execution, an
    open run.  */
static void recovery_brings_everything_back (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node first = fx_member (self, "web01", "web");
    fx_node second = fx_member (self, "web02", "web");
    const wire_audience web = fx_group (self, "web");
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &web, 0, "/bin/true");
    uint64_t version = fx_post (self, FX_AUTHOR, &job, 0)->version;
    fx_node_ack (self, &first, fx_job_key (self, "clean"), version, WIRE_DELIVERY_FAILED, "policy");
    bg_id exec;
    wire_signed deed =
        fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &web, BG_HOUR (1), &exec);
    fx_issue (self, FX_OPERATOR, &deed);
    wire_run began = fx_run (self, "clean", exec, WIRE_RUN_RUNNING);
    fx_node_report (self, &second, &began, 1);

    uint8_t digests[2][16];
    assert_true (broker_core_digest (self->core, first.number, digests[0]));
    assert_true (broker_core_digest (self->core, second.number, digests[1]));
    const wire_status_query query = {0};
    wire_status before =
        *(const wire_status *) fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    fx_restart (self);
    uint8_t digest[16];
    assert_true (broker_core_digest (self->core, first.number, digest));
    assert_memory_equal (digest, digests[0], 16);
    assert_true (broker_core_digest (self->core, second.number, digest));
    assert_memory_equal (digest, digests[1], 16);
    const wire_status *after = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_int_equal (after->position, before.position);
    assert_int_equal (after->targets, 2);
    assert_int_equal (after->connected, 0);
    assert_int_equal (after->running, 1);
    assert_int_equal (after->pending, before.pending);
    assert_int_equal (after->failed_deliveries, 1);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &first.keys.curve_key));
    assert_true (fx_admitted (self, WIRE_ON_ORDERS, &first.keys.curve_key));
    assert_true (fx_admitted (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key));
    assert_true (self->keys_ready);

    /*  Sessions are gone; everybody says hello again and goes on.  */
    const wire_poll poll = {0};
    fx_send (self, WIRE_ON_DESK, &first.keys.curve_key, first.session, WIRE_POLL, &poll);
    fx_refused (self, BG_STALE);
    const wire_welcome *welcome = fx_node_hello (self, &second);
    assert_int_equal (welcome->outbox_mark, 1);
    wire_run over = began;
    over.state = WIRE_RUN_SUCCEEDED;
    over.finished_us = over.started_us + 1;
    fx_node_report (self, &second, &over, 1);
    after = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_int_equal (after->running, 0);
    assert_int_equal (after->runs, 1);
    fx_close (&self);
}

/*  A batch whose store fails half-way: the core is thrown away, the new one knows nothing of it.
*/
static void a_failed_batch_never_happened (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", NULL);
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    uint8_t before[16];
    broker_core_digest (self->core, node.number, before);
    broker_db_set_max_pages (self->db, 1);
    wire_audience many = fx_all ();
    char *big = bg_alloc (120001);
    memset (big, 'x', 120000);
    wire_job_step step = {.name = bg_slice_str ("main"),
        .kind = WIRE_STEP_SCRIPT,
        .script = bg_slice_of (big, 120000)};
    const wire_job body = {
        .name = bg_slice_str ("big"), .audience = many, .steps = &step, .steps_count = 1};
    wire_signed large =
        fx_document (self, FX_AUTHOR, WIRE_TYPE_JOB, fx_job_key (self, "big"), 0, &body);
    fx_try_post (self, FX_AUTHOR, &large, 0);
    assert_true (self->crashed);
    free (big);
    broker_db_set_max_pages (self->db, 0);
    fx_restart (self);
    uint8_t after[16];
    broker_core_digest (self->core, node.number, after);
    assert_memory_equal (before, after, 16);
    fx_node_hello (self, &node);
    fx_post (self, FX_AUTHOR, &job, 0);
    fx_node_settle (self, &node);
    fx_close (&self);
}

static void the_position_rises_once_per_commit_that_changes (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_status_query query = {0};
    wire_status before =
        *(const wire_status *) fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    const wire_status *same = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_int_equal (same->position, before.position);
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    const wire_status *after = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_int_equal (after->position, before.position + 1);
    assert_int_equal (after->term, 1);
    assert_int_equal (after->jobs, 1);
    fx_close (&self);
}

static void a_full_store_answers_questions_and_refuses_the_rest (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", NULL);
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    self->settings.storage_full = true;
    fx_restart (self);
    fx_try_post (self, FX_AUTHOR, &job, 0);
    fx_refused (self, BG_STORAGE_FULL);
    fx_node_hello (self, &node);
    fx_node_poll (self, &node);
    const wire_status_query query = {0};
    const wire_status *status = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_true (
        status->warnings_count > 0 && bg_slice_is (status->warnings[0].name, "storage-full"));
    self->settings.storage_full = false;
    fx_restart (self);
    fx_post (self, FX_AUTHOR, &job, 0);
    fx_close (&self);
}

static void silent_targets_are_suspected_and_return (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", NULL);
    const wire_target_query query = {0};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows[0].state, WIRE_TARGET_PROVISIONAL);
    assert_true (targets->rows[0].connected);
    fx_pass (self, BG_SEC (96));
    targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows[0].state, WIRE_TARGET_SUSPECTED_OFFLINE);
    assert_false (targets->rows[0].connected);
    /*  The front heard a heartbeat.  */
    wire_front_seen seen = {.peer = node.keys.curve_key};
    wire_counter counter = {.name = bg_slice_str ("unknown-key"), .value = 3};
    const wire_front_stats stats = {
        .counters = &counter, .counters_count = 1, .seen = &seen, .seen_count = 1};
    assert_true (bg_is_ok (broker_core_front_stats (self->core, self->now, &stats, NULL)));
    targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_true (targets->rows[0].connected);
    const wire_status_query status_query = {0};
    const wire_status *status =
        fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &status_query, WIRE_STATUS);
    bool found = false;
    for (size_t i = 0; i < status->counters_count; i++)
        found |= bg_slice_is (status->counters[i].name, "front.unknown-key") &&
                 status->counters[i].value == 3;
    assert_true (found);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (bitmaps_keep_members_through_their_durable_form),
        cmocka_unit_test (bitmaps_refuse_damaged_bytes),
        cmocka_unit_test (an_installation_is_founded_once),
        cmocka_unit_test (other_keys_than_the_authoritys_are_refused),
        cmocka_unit_test (an_empty_store_has_no_installation),
        cmocka_unit_test (recovery_brings_everything_back),
        cmocka_unit_test (a_failed_batch_never_happened),
        cmocka_unit_test (the_position_rises_once_per_commit_that_changes),
        cmocka_unit_test (a_full_store_answers_questions_and_refuses_the_rest),
        cmocka_unit_test (silent_targets_are_suspected_and_return),
    };
    return cmocka_run_group_tests_name ("broker core", tests, NULL, NULL);
}
