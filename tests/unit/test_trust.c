/*  Documents: what is accepted, and each reason to refuse with its own code and sentence.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/trust_fixture.h"

static void good_documents_are_accepted (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        trust_draft (*make) (trust_fixture *self);
        const char *name;
        const char *signer;
    } cases[] = {
        {trust_job_draft, "Nightly backup", "otto"},
        {trust_switch_draft, "nightly", "oper"},
        {trust_withdrawal_draft, "nightly", "otto"},
        {trust_membership_draft, "web01", "ada"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        trust_draft made = cases[i].make (self);
        wire_signed document = trust_finish (&made);
        wire_verified verified;
        bg_error err;
        trust_expect (
            cases[i].name, trust_verify (self, &document, &verified, &err), &err, BG_OK, NULL);
        assert_true (bg_slice_is (verified.name, cases[i].name));
        assert_true (bg_slice_is (verified.signer->name, cases[i].signer));
        assert_false (verified.provisional);
        assert_ptr_equal (verified.desc, wire_type_find (document.type)->desc);
        assert_true (wire_equal (verified.desc, verified.body, &made.body));
        assert_true (bg_id_equal (verified.document.key, made.fixed.key));
        uint8_t hash[32];
        wire_hash32 (document.bytes, hash);
        assert_memory_equal (hash, verified.hash, 32);
    }
}

static void roles_are_kept (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        trust_draft (*make) (trust_fixture *self);
        int who;
        bg_code code;
        const char *says;
    } cases[] = {
        {trust_job_draft, ADMIN, BG_OK, NULL},
        {trust_job_draft, OPERATOR, BG_NOT_ALLOWED,
            "login oper is operator; a job takes the role author"},
        {trust_job_draft, READER, BG_NOT_ALLOWED, "login rea is reader"},
        {trust_job_draft, SCOPED, BG_NOT_IN_VERSION, "login sco has scopes"},
        {trust_job_draft, REVOKED, BG_BAD_SIGNATURE, "the key of login rev is revoked"},
        {trust_job_draft, STRANGER, BG_BAD_SIGNATURE, "authority version 5 does not list"},
        {trust_job_draft, BROKER, BG_BAD_SIGNATURE, "does not list"},
        {trust_switch_draft, AUTHOR, BG_OK, NULL},
        {trust_switch_draft, READER, BG_NOT_ALLOWED, "a switch takes the role operator"},
        {trust_withdrawal_draft, OPERATOR, BG_NOT_ALLOWED,
            "a withdrawal takes the role author"},
        {trust_membership_draft, AUTHOR, BG_NOT_ALLOWED, "a membership takes the role admin"},
        {trust_membership_draft, TARGET, BG_BAD_SIGNATURE, "does not list"},
        {trust_membership_draft, REVOKED, BG_BAD_SIGNATURE, "revoked"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        trust_draft made = cases[i].make (self);
        made.who = cases[i].who;
        wire_signed document = trust_finish (&made);
        wire_verified verified;
        bg_error err;
        trust_expect ("role", trust_verify (self, &document, &verified, &err), &err, cases[i].code,
            cases[i].says);
    }
}

static void signed_for_another (trust_draft *made)
{
    made->fixed.installation.bytes[3] ^= 1;
    made->sign_for = made->fixed.installation;
}

static void newer_format (trust_draft *made)
{
    made->fixed.format = 2;
}

static void version_zero (trust_draft *made)
{
    made->fixed.version = 0;
}

static void bad_job_name (trust_draft *made)
{
    made->body.job.name = bg_slice_str ("a/b");
}

static void other_object_key (trust_draft *made)
{
    made->body.flip.object_key.bytes[0] ^= 1;
}

static void switch_of_a_membership (trust_draft *made)
{
    made->body.flip.object_type = WIRE_TYPE_MEMBERSHIP;
}

static void withdrawal_of_a_switch (trust_draft *made)
{
    made->body.gone.object_type = WIRE_TYPE_SWITCH;
}

static void no_state (trust_draft *made)
{
    made->body.member.state = 0;
}

static void no_member_key (trust_draft *made)
{
    memset (&made->body.member.curve_key, 0, sizeof (bg_key));
}

static void bad_target_name (trust_draft *made)
{
    made->body.member.name = bg_slice_str ("all");
}

static void needs_newer_authority (trust_draft *made)
{
    made->fixed.has_needs = true;
    made->fixed.needs.authority = AUTHORITY_VERSION + 1;
    made->who = STRANGER;
}

static void needs_this_authority (trust_draft *made)
{
    made->fixed.has_needs = true;
    made->fixed.needs.authority = AUTHORITY_VERSION;
    made->who = STRANGER;
}

static void each_flaw_of_a_document_is_named (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        const char *what;
        trust_draft (*make) (trust_fixture *self);
        void (*tweak) (trust_draft *made);
        bg_code code;
        const char *says;
    } cases[] = {
        {"inside of another installation", trust_job_draft, trust_other_installation,
            BG_WRONG_INSTALLATION, "another installation"},
        {"signed for another installation", trust_job_draft, signed_for_another, BG_BAD_SIGNATURE,
            "signature of login otto is not valid for this installation"},
        {"newer format", trust_job_draft, newer_format, BG_TOO_NEW, "format 2"},
        {"version 0", trust_job_draft, version_zero, BG_MALFORMED, "without format or version"},
        {"job key", trust_job_draft, trust_other_key, BG_INVALID, "not that of Nightly backup"},
        {"job name", trust_job_draft, bad_job_name, BG_INVALID, NULL},
        {"switch key", trust_switch_draft, trust_other_key, BG_INVALID, "not that of nightly"},
        {"object key", trust_switch_draft, other_object_key, BG_INVALID,
            "object's key in the switch"},
        {"disabled target", trust_switch_draft, switch_of_a_membership, BG_NOT_IN_VERSION,
            "disabling a target"},
        {"withdrawal key", trust_withdrawal_draft, trust_other_key, BG_INVALID,
            "not that of nightly"},
        {"withdrawn type", trust_withdrawal_draft, withdrawal_of_a_switch, BG_NOT_IN_VERSION,
            "a withdrawal of"},
        {"membership key", trust_membership_draft, trust_other_key, BG_INVALID,
            "not its target id"},
        {"membership state", trust_membership_draft, no_state, BG_INVALID, "no state"},
        {"membership keys", trust_membership_draft, no_member_key, BG_INVALID, "no keys"},
        {"target name", trust_membership_draft, bad_target_name, BG_INVALID, NULL},
        {"group", trust_membership_draft, trust_bad_group, BG_INVALID, NULL},
        {"label", trust_membership_draft, trust_bad_label, BG_INVALID, "label role"},
        {"unknown signer, newer authority", trust_job_draft, needs_newer_authority, BG_WAITING,
            "needs authority version 6"},
        {"unknown signer, same authority", trust_job_draft, needs_this_authority, BG_BAD_SIGNATURE,
            "does not list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        trust_draft made = cases[i].make (self);
        made.fixed.format = WIRE_FORMAT;
        cases[i].tweak (&made);
        wire_signed document = trust_finish (&made);
        wire_verified verified = {.provisional = true};
        bg_error err;
        trust_expect (cases[i].what, trust_verify (self, &document, &verified, &err), &err,
            cases[i].code, cases[i].says);
        assert_true (verified.provisional); /*  outputs only on success  */
    }
}

static void each_flaw_of_an_envelope_is_named (void **state)
{
    trust_fixture *self = *state;
    bg_error err;
    wire_verified verified;
    trust_draft made = trust_job_draft (self);
    wire_signed good = trust_finish (&made);
    wire_signed bad = good;
    bad.sigs_count = 0;
    trust_expect ("unsigned", trust_verify (self, &bad, &verified, &err), &err, BG_BAD_SIGNATURE,
        "it is not signed");
    bad = good;
    bad.type = WIRE_TYPE_SWITCH;
    trust_expect (
        "type", trust_verify (self, &bad, &verified, &err), &err, BG_BAD_SIGNATURE, "not valid");
    bad.type = WIRE_TYPE_AUTHORITY;
    trust_expect ("authority", trust_verify (self, &bad, &verified, &err), &err, BG_INVALID,
        "authority is not a document of targets");
    bad.type = WIRE_TYPE_DEED;
    trust_expect ("deed", trust_verify (self, &bad, &verified, &err), &err, BG_INVALID,
        "deed is not a document");
    bad.type = 99;
    trust_expect (
        "unknown", trust_verify (self, &bad, &verified, &err), &err, BG_TOO_NEW, "type 99");
    bad = good;
    bad.bytes.size = 200001;
    trust_expect ("size", trust_verify (self, &bad, &verified, &err), &err, BG_TOO_LARGE, "200001");
    bad = good;
    wire_sig sigs[9] = {{{0}, {0}}};
    for (uint8_t i = 0; i < 9; i++)
        sigs[i].key_id[0] = i;
    bad.sigs = sigs;
    bad.sigs_count = 9;
    trust_expect (
        "many", trust_verify (self, &bad, &verified, &err), &err, BG_TOO_LARGE, "9 signatures");
    BG_AUTO_BUF changed = {0};
    bg_buf_append_slice (&changed, good.bytes);
    changed.data[changed.size - 1] ^= 1;
    bad = good;
    bad.bytes = bg_buf_slice (&changed);
    trust_expect ("changed", trust_verify (self, &bad, &verified, &err), &err, BG_BAD_SIGNATURE,
        "login otto is not valid");
}

static void signed_garbage_is_malformed (void **state)
{
    trust_fixture *self = *state;
    bg_error err;
    wire_verified verified;
    wire_signed garbage = {.type = WIRE_TYPE_JOB, .bytes = bg_slice_str ("\x81")};
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &garbage);
    trust_expect (
        "garbage", trust_verify (self, &garbage, &verified, &err), &err, BG_MALFORMED, NULL);
    trust_draft made = trust_job_draft (self);
    wire_signed document = trust_finish (&made);
    document.type = WIRE_TYPE_SWITCH;
    document.sigs_count = 0;
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &document);
    trust_expect ("types", trust_verify (self, &document, &verified, &err), &err, BG_MALFORMED,
        "type 3 inside, type 7 outside");
}

static void the_best_signer_counts (void **state)
{
    trust_fixture *self = *state;
    bg_error err;
    wire_verified verified;
    trust_draft made = trust_job_draft (self);
    made.who = READER;
    wire_signed document = trust_finish (&made);
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[STRANGER], &self->arena, &document);
    trust_expect ("reader", trust_verify (self, &document, &verified, &err), &err, BG_NOT_ALLOWED,
        "rea is reader");
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &document);
    trust_expect ("author", trust_verify (self, &document, &verified, &err), &err, BG_OK, NULL);
    assert_true (bg_slice_is (verified.signer->name, "otto"));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        TRUST_TEST (good_documents_are_accepted),
        TRUST_TEST (roles_are_kept),
        TRUST_TEST (each_flaw_of_a_document_is_named),
        TRUST_TEST (each_flaw_of_an_envelope_is_named),
        TRUST_TEST (signed_garbage_is_malformed),
        TRUST_TEST (the_best_signer_counts),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
