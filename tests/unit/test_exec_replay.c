/*  bugle-exec: its log says the same as its memory, whatever of it survives.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"
#include "exec_same.h"

/*  A story with every kind of record; after each event the log alone must give the same state.  */
static void replay_equals_the_live_state (void **state)
{
    (void) state;
    signing_fixture *s = &t.signing;
    wire_signed a = exec_fixture_scheduled_job (&t, "a", BG_MIN (1));
    wire_signed b = exec_fixture_job (&t, "b");
    size_t checked = 0;
    for (int step = 0; step < 14; step++) {
        wire_signed deed = exec_fixture_start_deed (&t, step % 2 ? "a" : "b");
        int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
        switch (step) {
        case 0:
            exec_fixture_offer (&t, a);
            break;
        case 1:
            exec_fixture_occurrence (&t, a, 1, nominal_us);
            break;
        case 2:
            exec_fixture_start (&t, b, &deed);
            break;
        case 3:
            exec_fixture_offer (&t, exec_fixture_stop (&t, "b"));
            break;
        case 4:
            exec_fixture_end (&t, t.spawned, WIRE_RUN_CANCELED);
            break;
        case 5:
            exec_fixture_taken (&t, t.spawned);
            break;
        case 6:
            exec_fixture_offer (&t, fixture_switch (s, "a", true, t.now.utc_us + BG_DAY (1)));
            break;
        case 7:
            exec_fixture_offer (&t, fixture_withdrawal (s, "b"));
            break;
        case 8:
            exec_fixture_offer (&t, fixture_authority (s, 2, 0));
            break;
        case 9:
            exec_fixture_attest (&t);
            break;
        case 10:
            exec_fixture_offer (&t, fixture_membership (s, 2, WIRE_MEMBER));
            break;
        case 11:
            exec_fixture_offer (&t, exec_fixture_job (&t, "c"));
            break;
        case 12:
            exec_fixture_start (&t, exec_fixture_job (&t, "d"), &deed);
            break;
        default: {
            wire_exec_forget forget = {0};
            exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
            break;
        }
        }
        exec_core *other = exec_fixture_replay (&t, t.log, t.log_count);
        assert_same_state (t.core, other);
        exec_core_destroy (&other);
        checked++;
        exec_fixture_advance (&t, BG_SEC (7));
    }
    assert_int_equal (checked, 14);
}

/*  Whatever of the log survives, a deed that was begun on disk is never begun again, and one
    that was not can be.  */
static void every_beginning_of_the_log_starts_at_most_once (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    size_t before = t.log_count;
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    bg_id run = t.spawned;
    exec_fixture_end (&t, run, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, run);
    size_t total = t.log_count;
    assert_true (total >= before + 3); /*  floor, intent, closed  */
    for (size_t cut = total; cut > before; cut--) {
        exec_fixture_restart (&t, cut);
        bool intent_survived = exec_core_status (t.core).done > 0;
        const char *how = exec_fixture_start (&t, job, &deed);
        assert_string_equal (how, intent_survived ? "ok" : "running");
        if (!intent_survived)
            break;
    }
    assert_int_equal (t.spawn_count, 2);
}

static void records_that_cannot_follow_are_refused (void **state)
{
    (void) state;
    exec_fixture other;
    exec_fixture_init (&other);
    exec_ports ports = {.crypto = other.signing.crypto,
        .log_append = (void (*) (void *, bg_slice, bool)) (uintptr_t) 1,
        .send = (void (*) (void *, uint64_t, bg_slice)) (uintptr_t) 1,
        .spawn = (void (*) (void *, bg_id, bg_slice)) (uintptr_t) 1};
    exec_config config = {.version = "test", .policy_path = "policy", .host = "h"};
    exec_core *core = exec_core_create (&ports, &config);
    bg_error err = {0};
    BG_AUTO_BUF blob = {0};
    wire_record_document record = {
        .has_document = true, .document = fixture_authority (&other.signing, 1, 0)};
    wire_inner_encode (WIRE_RECORD_DOCUMENT, (bg_id){{0}}, &record, &blob);
    assert_int_equal (exec_core_replay (core, bg_buf_slice (&blob), &err).code, BG_FOREIGN_FILE);
    assert_int_equal (
        exec_core_replay (core, bg_slice_str ("garbage"), &err).code, BG_FOREIGN_FILE);
    bg_buf_clear (&blob);
    wire_exec_hello hello = {.version = bg_slice_str ("x")};
    wire_inner_encode (WIRE_EXEC_HELLO, (bg_id){{0}}, &hello, &blob);
    assert_int_equal (exec_core_replay (core, bg_buf_slice (&blob), &err).code, BG_FOREIGN_FILE);
    exec_core_destroy (&core);
    exec_fixture_fini (&other);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (replay_equals_the_live_state),
        ENLISTED (every_beginning_of_the_log_starts_at_most_once),
        FRESH (records_that_cannot_follow_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
