/*  What else is signed: memberships by token, deeds, attestations, proofs, leaves.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/trust_fixture.h"

/*  ---- memberships by token ----  */

static void a_membership_by_token_is_provisional (void **state)
{
    trust_fixture *self = *state;
    bg_slice groups[] = {bg_slice_str ("web"), bg_slice_str ("eu")};
    wire_pair labels[] = {{bg_slice_str ("role"), bg_slice_str ("db")}};
    wire_token record = trust_token_record (self);
    record.groups = groups;
    record.groups_count = 2;
    record.labels = labels;
    record.labels_count = 1;
    trust_draft made = trust_token_draft (self, &record, ADMIN);
    made.body.member.groups = groups;
    made.body.member.groups_count = 2;
    made.body.member.labels = labels;
    made.body.member.labels_count = 1;
    made.body.member.location = bg_slice_str ("rack 7"); /*  free when the record has none  */
    wire_signed document = trust_finish (&made);
    wire_verified verified;
    bg_error err;
    trust_expect ("token", trust_verify (self, &document, &verified, &err), &err, BG_OK, NULL);
    assert_true (verified.provisional);
    assert_null (verified.signer);
    assert_true (bg_slice_is (verified.name, "web01"));
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[ADMIN], &self->arena, &document);
    trust_expect (
        "countersigned", trust_verify (self, &document, &verified, &err), &err, BG_OK, NULL);
    assert_false (verified.provisional);
}

static void other_group (trust_draft *made)
{
    trust_bad_group (made);
    made->body.member.groups[0] = bg_slice_str ("db");
}

static void one_group_less (trust_draft *made)
{
    made->body.member.groups_count = 0;
}

static void other_label (trust_draft *made)
{
    trust_bad_label (made);
    made->body.member.labels[0].value = bg_slice_str ("web");
}

static void other_location (trust_draft *made)
{
    made->body.member.location = bg_slice_str ("elsewhere");
}

static void other_name (trust_draft *made)
{
    made->body.member.name = bg_slice_str ("db01");
}

static void with_variables (trust_draft *made)
{
    trust_bad_label (made);
    made->body.member.variables = made->body.member.labels;
    made->body.member.variables_count = 1;
    made->body.member.labels_count = 0;
}

static void second_version (trust_draft *made)
{
    made->fixed.version = 2;
}

static void signed_by_the_target (trust_draft *made)
{
    made->who = TARGET;
}

static void without_token (trust_draft *made)
{
    made->body.member.has_token = false;
}

static void begins_defected (trust_draft *made)
{
    made->body.member.state = WIRE_DEFECTED_MEMBER;
}

static void a_token_signs_only_what_its_record_says (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        const char *what;
        void (*tweak) (trust_draft *made);
        bg_code code;
        const char *says;
    } cases[] = {
        {"other group", other_group, BG_TOKEN, "the groups of web01"},
        {"no group", one_group_less, BG_TOKEN, "the groups of web01"},
        {"other label", other_label, BG_TOKEN, "the labels of web01"},
        {"other location", other_location, BG_TOKEN, "the location of web01"},
        {"other name", other_name, BG_TOKEN, "for names like web*, not for db01"},
        {"variables", with_variables, BG_TOKEN, "no variables"},
        {"defected", begins_defected, BG_TOKEN, "begins as a member"},
        {"version 2", second_version, BG_NOT_ALLOWED, "only version 1"},
        {"other signer", signed_by_the_target, BG_BAD_SIGNATURE,
            "not signed by the token that it carries"},
        {"no token", without_token, BG_BAD_SIGNATURE, "does not list"},
        {"key", trust_other_key, BG_INVALID, "not its target id"},
        {"installation", trust_other_installation, BG_BAD_SIGNATURE, "does not list"},
    };
    bg_slice groups[] = {bg_slice_str ("web")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_token record = trust_token_record (self);
        record.location = bg_slice_str ("rack 7");
        record.groups = groups;
        record.groups_count = 1;
        trust_draft made = trust_token_draft (self, &record, ADMIN);
        made.body.member.location = record.location;
        made.body.member.groups = groups;
        made.body.member.groups_count = 1;
        cases[i].tweak (&made);
        wire_signed document = trust_finish (&made);
        wire_verified verified;
        bg_error err;
        trust_expect (cases[i].what, trust_verify (self, &document, &verified, &err), &err,
            cases[i].code, cases[i].says);
    }
}

static void a_token_is_an_admins (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        int who;
        bg_code code;
        const char *says;
    } cases[] = {
        {ADMIN, BG_OK, NULL},
        {AUTHOR, BG_NOT_ALLOWED, "a token takes the role admin"},
        {SCOPED, BG_NOT_IN_VERSION, "scopes"},
        {REVOKED, BG_BAD_SIGNATURE, "revoked"},
        {STRANGER, BG_BAD_SIGNATURE, "does not list"},
        {TOKEN, BG_BAD_SIGNATURE, "does not list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_error err = {0};
        wire_token record = trust_token_record (self);
        wire_signed made = trust_sign_token (self, &record, cases[i].who);
        wire_token decoded;
        const wire_login *signer = NULL;
        bg_result result = wire_verify_token (
            self->keyring, &made, trust_crypto (), &self->arena, &decoded, &signer, &err);
        trust_expect ("token", result, &err, cases[i].code, cases[i].says);
        trust_draft member = trust_token_draft (self, &record, cases[i].who);
        wire_signed document = trust_finish (&member);
        wire_verified verified;
        trust_expect ("chain", trust_verify (self, &document, &verified, &err), &err, cases[i].code,
            cases[i].says);
    }
}

static void a_token_must_make_sense (void **state)
{
    trust_fixture *self = *state;
    for (int flaw = 0; flaw < 5; flaw++) {
        bg_error err = {0};
        wire_token record = trust_token_record (self);
        bg_code code = BG_INVALID;
        switch (flaw) {
        case 0:
            memset (&record.token_key, 0, sizeof record.token_key);
            break;
        case 1:
            record.uses = 0;
            break;
        case 2:
            record.expires_us = record.issued_us;
            break;
        case 3:
            record.names = bg_slice_str ("web[");
            break;
        default:
            record.installation.bytes[0] ^= 1;
            code = BG_WRONG_INSTALLATION;
        }
        wire_signed made = trust_sign_token (self, &record, ADMIN);
        wire_token decoded;
        const wire_login *signer = NULL;
        trust_expect ("token",
            wire_verify_token (
                self->keyring, &made, trust_crypto (), &self->arena, &decoded, &signer, &err),
            &err, code, NULL);
    }
}

/*  ---- deeds ----  */

static wire_deed start_deed (trust_fixture *self)
{
    return (wire_deed){.installation = self->installation,
        .id = {{5}},
        .what = WIRE_DEED_START,
        .issued_us = 1000,
        .expires_us = 2000,
        .has_to = true,
        .to = {.all = true},
        .job_key = wire_document_key (self->installation, WIRE_TYPE_JOB, bg_slice_str ("nightly")),
        .job_name = bg_slice_str ("nightly")};
}

static void as_stop (wire_deed *deed)
{
    deed->what = WIRE_DEED_STOP;
}

static void poll_of_a_job (wire_deed *deed)
{
    deed->what = WIRE_DEED_POLL;
}

static void poll_deed (wire_deed *deed)
{
    deed->what = WIRE_DEED_POLL;
    memset (&deed->job_key, 0, sizeof deed->job_key);
    deed->job_name = (bg_slice){0};
}

static void sync_time_deed (wire_deed *deed)
{
    deed->what = WIRE_DEED_SYNC_TIME;
}

static void strange_deed (wire_deed *deed)
{
    deed->what = 200;
}

static void no_id (wire_deed *deed)
{
    memset (&deed->id, 0, sizeof deed->id);
}

static void for_nobody (wire_deed *deed)
{
    deed->to.all = false;
}

static void expires_at_once (wire_deed *deed)
{
    deed->expires_us = deed->issued_us;
}

static void lives_too_long (wire_deed *deed)
{
    deed->expires_us = deed->issued_us + WIRE_DEED_LIFE_MAX_US + 1;
}

static void from_before_time (wire_deed *deed)
{
    deed->issued_us = INT64_MIN;
    deed->expires_us = INT64_MAX;
}

static void other_job (wire_deed *deed)
{
    deed->job_name = bg_slice_str ("weekly");
}

static void deed_of_another_installation (wire_deed *deed)
{
    deed->installation.bytes[0] ^= 1;
}

static void longest_life (wire_deed *deed)
{
    deed->expires_us = deed->issued_us + WIRE_DEED_LIFE_MAX_US;
}

static void deed_needs_newer (wire_deed *deed)
{
    deed->has_needs = true;
    deed->needs.authority = AUTHORITY_VERSION + 3;
}

static void deeds_are_verified (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        const char *what;
        int who;
        void (*tweak) (wire_deed *deed);
        bg_code code;
        const char *says;
    } cases[] = {
        {"start", OPERATOR, NULL, BG_OK, NULL},
        {"stop", ADMIN, as_stop, BG_OK, NULL},
        {"7 d", OPERATOR, longest_life, BG_OK, NULL},
        {"reader", READER, NULL, BG_NOT_ALLOWED, "a deed takes the role operator"},
        {"revoked", REVOKED, NULL, BG_BAD_SIGNATURE, "revoked"},
        {"scoped", SCOPED, NULL, BG_NOT_IN_VERSION, "scopes"},
        {"stranger", STRANGER, NULL, BG_BAD_SIGNATURE, "does not list"},
        {"stranger of tomorrow", STRANGER, deed_needs_newer, BG_WAITING,
            "needs authority version 8"},
        {"broker", BROKER, NULL, BG_BAD_SIGNATURE, "does not list"},
        {"poll", OPERATOR, poll_deed, BG_OK, NULL},
        {"poll of a job", OPERATOR, poll_of_a_job, BG_INVALID, "has no job"},
        {"sync-time", OPERATOR, sync_time_deed, BG_NOT_IN_VERSION,
            "a deed sync-time is not in this version"},
        {"strange", OPERATOR, strange_deed, BG_NOT_IN_VERSION, "of this number"},
        {"no id", OPERATOR, no_id, BG_INVALID, "no id"},
        {"nobody", OPERATOR, for_nobody, BG_INVALID, "for nobody"},
        {"at once", OPERATOR, expires_at_once, BG_INVALID, "at most 7 days"},
        {"too long", OPERATOR, lives_too_long, BG_INVALID, "at most 7 days"},
        {"before time", OPERATOR, from_before_time, BG_INVALID, "at most 7 days"},
        {"other job", OPERATOR, other_job, BG_INVALID, "not that of weekly"},
        {"installation", OPERATOR, deed_of_another_installation, BG_WRONG_INSTALLATION,
            "another installation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_error err = {0};
        wire_deed deed = start_deed (self);
        if (cases[i].tweak)
            cases[i].tweak (&deed);
        wire_signed made;
        wire_signed_make (trust_crypto (), WIRE_TYPE_DEED, self->installation, &deed,
            self->secrets[cases[i].who], &self->arena, &made);
        wire_deed decoded;
        const wire_login *signer = NULL;
        bg_result result = wire_verify_deed (
            self->keyring, &made, trust_crypto (), &self->arena, &decoded, &signer, &err);
        trust_expect (cases[i].what, result, &err, cases[i].code, cases[i].says);
        if (cases[i].code == BG_OK)
            assert_true (signer && wire_equal (&wire_desc_deed, &deed, &decoded));
    }
}

/*  ---- attestations, proofs, leaves ----  */

static void an_attestation_is_the_brokers (void **state)
{
    trust_fixture *self = *state;
    bg_error err = {0};
    wire_attestation attestation = {.installation = self->installation, .time_us = 7, .term = 1};
    wire_attestation decoded;
    wire_signed made;
    wire_signed_make (trust_crypto (), WIRE_TYPE_ATTESTATION, self->installation, &attestation,
        self->secrets[BROKER], &self->arena, &made);
    trust_expect ("broker",
        wire_verify_attestation (
            self->keyring, &made, trust_crypto (), &self->arena, &decoded, &err),
        &err, BG_OK, NULL);
    assert_int_equal (decoded.time_us, 7);
    wire_signed_make (trust_crypto (), WIRE_TYPE_ATTESTATION, self->installation, &attestation,
        self->secrets[ADMIN], &self->arena, &made);
    trust_expect ("admin",
        wire_verify_attestation (
            self->keyring, &made, trust_crypto (), &self->arena, &decoded, &err),
        &err, BG_BAD_SIGNATURE, "attestation is not signed by the key");
    attestation.installation.bytes[0] ^= 1;
    wire_signed_make (trust_crypto (), WIRE_TYPE_ATTESTATION, self->installation, &attestation,
        self->secrets[BROKER], &self->arena, &made);
    trust_expect ("inside",
        wire_verify_attestation (
            self->keyring, &made, trust_crypto (), &self->arena, &decoded, &err),
        &err, BG_WRONG_INSTALLATION, NULL);
}

static void a_proof_is_of_token_and_target (void **state)
{
    trust_fixture *self = *state;
    bg_error err = {0};
    wire_enlist_proof proof = {.installation = self->installation, .membership_hash = {1}};
    wire_enlist_proof decoded;
    wire_signed made;
    wire_signed_make (trust_crypto (), WIRE_TYPE_PROOF, self->installation, &proof,
        self->secrets[TOKEN], &self->arena, &made);
    trust_expect ("one",
        wire_verify_proof (self->installation, &made, &self->keys[TOKEN], &self->keys[TARGET],
            trust_crypto (), &self->arena, &decoded, &err),
        &err, BG_BAD_SIGNATURE, "enlist is not signed");
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[TARGET], &self->arena, &made);
    trust_expect ("both",
        wire_verify_proof (self->installation, &made, &self->keys[TOKEN], &self->keys[TARGET],
            trust_crypto (), &self->arena, &decoded, &err),
        &err, BG_OK, NULL);
    assert_int_equal (decoded.membership_hash[0], 1);
}

static void a_leave_is_the_targets (void **state)
{
    trust_fixture *self = *state;
    bg_error err = {0};
    wire_leave leave = {.installation = self->installation, .target = {{1}}, .time_us = 3};
    wire_leave decoded;
    wire_signed made;
    wire_signed_make (trust_crypto (), WIRE_TYPE_LEAVE, self->installation, &leave,
        self->secrets[TARGET], &self->arena, &made);
    trust_expect ("target",
        wire_verify_leave (self->installation, &made, &self->keys[TARGET], trust_crypto (),
            &self->arena, &decoded, &err),
        &err, BG_OK, NULL);
    trust_expect ("other",
        wire_verify_leave (self->installation, &made, &self->keys[ADMIN], trust_crypto (),
            &self->arena, &decoded, &err),
        &err, BG_BAD_SIGNATURE, NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        TRUST_TEST (a_membership_by_token_is_provisional),
        TRUST_TEST (a_token_signs_only_what_its_record_says),
        TRUST_TEST (a_token_is_an_admins),
        TRUST_TEST (a_token_must_make_sense),
        TRUST_TEST (deeds_are_verified),
        TRUST_TEST (an_attestation_is_the_brokers),
        TRUST_TEST (a_proof_is_of_token_and_target),
        TRUST_TEST (a_leave_is_the_targets),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
