/*  bugle op and job revert: what is asked, what is sent, and what is never signed.  */
#include "ctl_fake.h"
#include "signing_fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static wire_op_row row_of (uint64_t number, const char *target, uint64_t state)
{
    return (wire_op_row){.number = number,
        .key = fake_id (5),
        .target = bg_slice_str (target),
        .operation = WIRE_OP_UPDATE,
        .type = WIRE_TYPE_JOB,
        .name = bg_slice_str ("nightly"),
        .version = 1000,
        .revision = 4,
        .state = state,
        .code = bg_slice_str (state == WIRE_DELIVERY_FAILED ? "policy" : ""),
        .message = bg_slice_str (state == WIRE_DELIVERY_FAILED ? "no such account" : ""),
        .posted_us = FAKE_NOW_US,
        .held_version = 900,
        .held_revision = 3};
}

static wire_request requested (fake_run *run, size_t index)
{
    const wire_ask_request *ask = run->requests[index];
    wire_request body;
    assert_int_equal (run->steps[index].kind, WIRE_REQUEST);
    assert_true (bg_is_ok (
        WIRE_DECODE (request, ask->request.bytes, WIRE_AS_SIGNED, &run->arena, &body, NULL)));
    return body;
}

static void list_asks_for_what_the_options_say (void **state)
{
    fake_run *run = *state;
    wire_op_row rows[] = {row_of (1, "web01", WIRE_DELIVERY_FAILED)};
    const wire_ops ops = {.rows = rows, .rows_count = 1};
    fake_answer (run, WIRE_OP_QUERY, &ops);
    fake_command (run,
        "op list -g web --job nightly --operation update --type job --state failed --since 1d "
        "--limit 7",
        NULL);
    fake_done (run, 0);
    const wire_op_query *query = run->requests[0];
    fake_slice (query->job, "nightly");
    fake_slice (query->to.groups[0], "web");
    assert_int_equal (query->operation, WIRE_OP_UPDATE);
    assert_int_equal (query->type, WIRE_TYPE_JOB);
    assert_int_equal (query->states, 1u << WIRE_DELIVERY_FAILED);
    assert_int_equal (query->limit, 7);
    fake_has (run->data, "policy: no such account");
    fake_has (run->data, "1-");
}

static void list_goes_on_where_a_page_ended (void **state)
{
    fake_run *run = *state;
    wire_op_row rows[] = {row_of (1, "web01", WIRE_DELIVERY_PENDING)};
    const wire_ops first = {.rows = rows,
        .rows_count = 1,
        .more = true,
        .next_us = 77,
        .next_key = fake_id (6),
        .next_number = 9};
    const wire_ops none = {.more = true, .next_us = 70};
    const wire_ops last = {.rows = rows, .rows_count = 1};
    fake_answer (run, WIRE_OP_QUERY, &first);
    fake_answer (run, WIRE_OP_QUERY, &none);
    fake_answer (run, WIRE_OP_QUERY, &last);
    fake_command (run, "op list -o jsonl", NULL);
    fake_done (run, 0);
    const wire_op_query *second = run->requests[1];
    assert_int_equal (second->after_us, 77);
    assert_int_equal (second->after_number, 9);
    assert_int_equal (((const wire_op_query *) run->requests[2])->after_us, 70);
}

static void retry_sends_exactly_what_was_seen (void **state)
{
    fake_run *run = *state;
    wire_op_row rows[] = {
        row_of (1, "web01", WIRE_DELIVERY_FAILED), row_of (2, "web02", WIRE_DELIVERY_FAILED)};
    const wire_ops ops = {.rows = rows, .rows_count = 2};
    const wire_done done = {.count = 2};
    fake_answer (run, WIRE_OP_QUERY, &ops);
    fake_answer (run, WIRE_REQUEST, &done);
    fake_command (run, "op retry --job nightly", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "retried update nightly on web[01-02]\n");
    assert_int_equal (
        ((const wire_op_query *) run->requests[0])->states, 1u << WIRE_DELIVERY_FAILED);
    wire_request body = requested (run, 1);
    assert_int_equal (body.what, WIRE_REQUEST_OP_RETRY);
    assert_int_equal (body.ops_count, 2);
    assert_int_equal (body.ops[1].number, 2);
    assert_int_equal (body.ops[1].version, 1000);
}

static void nothing_done_is_a_failure (void **state)
{
    fake_run *run = *state;
    wire_op_row rows[] = {row_of (1, "web01", WIRE_DELIVERY_FAILED)};
    const wire_ops ops = {.rows = rows, .rows_count = 1};
    wire_pair values[] = {{STR ("changed"), STR ("1")}, {STR ("passed_over"), STR ("0")}};
    const wire_done done = {.values = values, .values_count = 2};
    fake_answer (run, WIRE_OP_QUERY, &ops);
    fake_answer (run, WIRE_REQUEST, &done);
    fake_command (run, "op retry --errors", NULL);
    fake_refused (run, BG_CONFLICT, "newer versions");
    fake_fini (run);
    const wire_ops none = {0};
    fake_answer (run, WIRE_OP_QUERY, &none);
    fake_command (run, "op retry --errors", NULL);
    fake_refused (run, BG_NOT_FOUND, "no instruction");
}

static void skip_wants_a_reason_and_asks_about_many (void **state)
{
    fake_run *run = *state;
    wire_op_row rows[] = {
        row_of (1, "web01", WIRE_DELIVERY_PENDING), row_of (2, "web02", WIRE_DELIVERY_PENDING)};
    const wire_ops ops = {.rows = rows, .rows_count = 2};
    const wire_done done = {.count = 2};
    fake_command (run, "op skip --job nightly", NULL);
    fake_refused (run, BG_USAGE, "--reason");
    fake_fini (run);
    fake_answer (run, WIRE_OP_QUERY, &ops);
    fake_command (run, "op skip --job nightly --reason why", NULL);
    fake_refused (run, BG_USAGE, "--yes");
    fake_fini (run);
    fake_answer (run, WIRE_OP_QUERY, &ops);
    fake_answer (run, WIRE_REQUEST, &done);
    fake_command (run, "op skip --job nightly --reason why --yes", NULL);
    fake_done (run, 0);
    fake_slice (requested (run, 1).reason, "why");
}

static void an_empty_choice_is_never_all (void **state)
{
    fake_run *run = *state;
    static const char *const lines[] = {
        "op retry", "op skip --reason why", "op retry 1-7gk2m9qx --errors", "op list -l ''"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fake_command (run, lines[i], NULL);
        assert_int_equal (run->exit_code, 2);
        assert_int_equal (run->calls, 0);
        fake_fini (run);
    }
}

/*  ---- revert ----  */

typedef struct {
    signing_fixture signing;
    wire_keyring *keyring;
    wire_job_row row;
    wire_jobs jobs;
    wire_version_row version;
    wire_versions versions;
} older;

static void older_init (older *self, fake_run *run, const fixture_pair *signer)
{
    bg_error err = {0};
    *self = (older){.row = fake_job_row (&run->arena)};
    signing_fixture_init (&self->signing, 1);
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    uint8_t hash[32];
    wire_hash32 (authority.bytes, hash);
    assert_true (bg_is_ok (
        wire_keyring_first (&authority, hash, self->signing.crypto, &self->keyring, &err)));
    run->keyring = self->keyring;
    wire_job job = fixture_job (&self->signing, "nightly");
    const wire_document fixed = fixture_fixed (&self->signing, WIRE_TYPE_JOB, "nightly");
    self->version = (wire_version_row){
        .version = fixed.version, .revision = 3, .type = WIRE_TYPE_JOB, .has_document = true};
    self->version.document =
        fixture_document_as (&self->signing, &fixed, &job, signer ? signer : &self->signing.admin);
    self->jobs = (wire_jobs){.rows = &self->row, .rows_count = 1};
    self->versions = (wire_versions){.rows = &self->version, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &self->jobs);
    fake_answer (run, WIRE_VERSION_QUERY, &self->versions);
}

static void older_fini (older *self)
{
    wire_keyring_destroy (&self->keyring);
    signing_fixture_fini (&self->signing);
}

static void revert_signs_the_older_body_anew (void **state)
{
    fake_run *run = *state;
    older old;
    older_init (&old, run, NULL);
    wire_posted_item item = {
        .name = STR ("nightly"), .outcome = WIRE_POSTED_CHANGED, .revision = 5, .targets = 5};
    const wire_posted posted = {.items = &item, .items_count = 1};
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "job revert nightly --to v3", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "reverted nightly to v3 (v5) -> 5 targets\n");
    assert_int_equal (((const wire_version_query *) run->requests[1])->revision, 3);
    wire_document document;
    wire_job body;
    fake_posted (run, 2, 0, &document, &wire_desc_job, &body);
    wire_job want = fixture_job (&old.signing, "nightly");
    assert_true (wire_equal (&wire_desc_job, &body, &want));
    older_fini (&old);
}

/*  A broker that makes a version up would else have anything signed.  */
static void a_version_that_no_login_signed_is_not_signed (void **state)
{
    fake_run *run = *state;
    older old;
    signing_fixture other;
    signing_fixture_init (&other, 1);
    older_init (&old, run, &other.stranger);
    fake_command (run, "job revert nightly --to 3", NULL);
    assert_true (run->exit_code != 0);
    fake_has (run->err.message, "v3 of 'nightly' cannot be taken back");
    assert_int_equal (run->calls, 2);
    signing_fixture_fini (&other);
    older_fini (&old);
}

/*  Nor one that is genuine, but of another job or version.  */
static void another_document_than_the_version_is_not_signed (void **state)
{
    fake_run *run = *state;
    older old;
    older_init (&old, run, NULL);
    old.version.version++;
    fake_command (run, "job revert nightly --to 3", NULL);
    fake_refused (run, BG_MALFORMED, "another document");
    assert_int_equal (run->calls, 2);
    older_fini (&old);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, fake_setup, fake_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (list_asks_for_what_the_options_say),
        TEST (list_goes_on_where_a_page_ended),
        TEST (retry_sends_exactly_what_was_seen),
        TEST (nothing_done_is_a_failure),
        TEST (skip_wants_a_reason_and_asks_about_many),
        TEST (an_empty_choice_is_never_all),
        TEST (revert_signs_the_older_body_anew),
        TEST (a_version_that_no_login_signed_is_not_signed),
        TEST (another_document_than_the_version_is_not_signed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
