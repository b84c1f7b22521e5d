/*  The one-shot job inside a START: bound to the deed that brings it, and to nothing else.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/trust.h"
#include "tests/unit/signing_fixture.h"

#include <stdlib.h>

#define NOW_US (INT64_C (1700000000) * 1000000)

typedef struct {
    signing_fixture signing;
    wire_keyring *keyring;
    wire_deed deed;
} one_shot_test;

static int setup (void **state)
{
    one_shot_test *self = bg_alloc (sizeof *self);
    signing_fixture_init (&self->signing, 3);
    wire_signed authority = fixture_authority (&self->signing, 1, 0);
    uint8_t hash[32];
    wire_hash32 (authority.bytes, hash);
    assert_true (bg_is_ok (
        wire_keyring_first (&authority, hash, self->signing.crypto, &self->keyring, NULL)));
    self->deed =
        fixture_one_shot (&self->signing, "run: uptime", NULL, NOW_US, &self->signing.admin);
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    one_shot_test *self = *state;
    wire_keyring_destroy (&self->keyring);
    signing_fixture_fini (&self->signing);
    free (self);
    return 0;
}

static bg_code verify_deed (one_shot_test *self, bg_error *err)
{
    wire_signed item = fixture_sign_deed (&self->signing, &self->deed, &self->signing.admin);
    const wire_login *signer = NULL;
    wire_deed out;
    return wire_verify_deed (
        self->keyring, &item, self->signing.crypto, &self->signing.arena, &out, &signer, err)
        .code;
}

static bg_code verify_inside (one_shot_test *self, bg_error *err)
{
    wire_verified out;
    return wire_verify_one_shot (
        self->keyring, &self->deed, self->signing.crypto, &self->signing.arena, &out, err)
        .code;
}

static void a_start_with_its_job_is_verified (void **state)
{
    one_shot_test *self = *state;
    bg_error err = {0};
    assert_int_equal (verify_deed (self, &err), BG_OK);
    assert_int_equal (verify_inside (self, &err), BG_OK);
}

/*  What an operator or whoever holds an author's job could try.  */
static void another_start_does_not_fit_the_job (void **state)
{
    one_shot_test *self = *state;
    const wire_deed right = self->deed;
    bg_error err = {0};
    self->deed.to =
        (wire_audience){.groups = &(bg_slice){(const uint8_t *) "web", 3}, .groups_count = 1};
    assert_int_equal (verify_inside (self, &err), BG_INVALID);
    self->deed = right;
    self->deed.job_key.bytes[15] ^= 1;
    assert_int_equal (verify_inside (self, &err), BG_INVALID);
    self->deed = right;
    self->deed.job_name = bg_slice_str ("run: reboot");
    assert_int_equal (verify_inside (self, &err), BG_INVALID);
    self->deed = right;
    assert_int_equal (verify_inside (self, &err), BG_OK);
}

static wire_signed job_with (one_shot_test *self, wire_document fixed, wire_job job)
{
    return fixture_document_as (&self->signing, &fixed, &job, &self->signing.admin);
}

static void what_is_no_one_shot_job_is_refused (void **state)
{
    one_shot_test *self = *state;
    bg_error err = {0};
    wire_job job = fixture_job (&self->signing, "run: uptime");
    wire_document fixed = fixture_fixed (&self->signing, WIRE_TYPE_JOB, "run: uptime");
    fixed.key = self->deed.job_key;
    fixed.not_after_us = self->deed.expires_us;
    job.max_starts = 2;
    self->deed.document = job_with (self, fixed, job);
    assert_int_not_equal (verify_inside (self, &err), BG_OK);
    job.max_starts = 1;
    wire_job_schedule schedule = {
        .name = bg_slice_str ("tick"), .kind = WIRE_SCHEDULE_EVERY, .every_us = 60000000};
    job.schedules = &schedule;
    job.schedules_count = 1;
    self->deed.document = job_with (self, fixed, job);
    assert_int_not_equal (verify_inside (self, &err), BG_OK);
    job.schedules_count = 0;
    fixed.not_after_us = 0;
    self->deed.document = job_with (self, fixed, job);
    assert_int_not_equal (verify_inside (self, &err), BG_OK);
    fixed.not_after_us = self->deed.expires_us;
    self->deed.document = job_with (self, fixed, job);
    assert_int_equal (verify_inside (self, &err), BG_OK);
    self->deed.document = fixture_switch (&self->signing, "run: uptime", true, 0);
    assert_int_equal (verify_inside (self, &err), BG_INVALID);
}

static void a_stranger_or_changed_bytes_are_refused (void **state)
{
    one_shot_test *self = *state;
    bg_error err = {0};
    self->deed =
        fixture_one_shot (&self->signing, "run: uptime", NULL, NOW_US, &self->signing.stranger);
    assert_int_equal (verify_inside (self, &err), BG_BAD_SIGNATURE);
    self->deed =
        fixture_one_shot (&self->signing, "run: uptime", NULL, NOW_US, &self->signing.admin);
    uint8_t *bytes = (uint8_t *) (uintptr_t) self->deed.document.bytes.data;
    bytes[self->deed.document.bytes.size / 2] ^= 1;
    assert_int_equal (verify_inside (self, &err), BG_BAD_SIGNATURE);
}

static void only_a_start_brings_a_job_and_not_under_a_standing_key (void **state)
{
    one_shot_test *self = *state;
    bg_error err = {0};
    const wire_deed right = self->deed;
    self->deed.what = WIRE_DEED_STOP;
    assert_int_equal (verify_deed (self, &err), BG_INVALID);
    self->deed.what = WIRE_DEED_POLL;
    assert_int_equal (verify_deed (self, &err), BG_INVALID);
    self->deed = right;
    self->deed.job_key =
        wire_document_key (self->signing.installation, WIRE_TYPE_JOB, self->deed.job_name);
    assert_int_equal (verify_deed (self, &err), BG_INVALID);
    self->deed = right;
    self->deed.has_document = false;
    assert_int_equal (verify_deed (self, &err), BG_INVALID);
}

/*  A STOP of one execution names the key that the START had, whatever it was.  */
static void a_stop_of_an_execution_has_any_key (void **state)
{
    one_shot_test *self = *state;
    bg_error err = {0};
    self->deed.what = WIRE_DEED_STOP;
    self->deed.has_document = false;
    assert_int_equal (verify_deed (self, &err), BG_INVALID);
    self->deed.exec = (bg_id){{1}};
    assert_int_equal (verify_deed (self, &err), BG_OK);
    self->deed.job_key = (bg_id){{0}};
    assert_int_equal (verify_deed (self, &err), BG_INVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (a_start_with_its_job_is_verified),
        CASE (another_start_does_not_fit_the_job),
        CASE (what_is_no_one_shot_job_is_refused),
        CASE (a_stranger_or_changed_bytes_are_refused),
        CASE (only_a_start_brings_a_job_and_not_under_a_standing_key),
        CASE (a_stop_of_an_execution_has_any_key),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
