/*  Authorities: what a keyring answers, which one may be the first and which the next.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/trust_fixture.h"

static void a_keyring_answers_questions (void **state)
{
    trust_fixture *self = *state;
    const wire_keyring *keyring = self->keyring;
    assert_int_equal (wire_keyring_version (keyring), AUTHORITY_VERSION);
    assert_true (bg_id_equal (wire_keyring_installation (keyring), self->installation));
    assert_true (bg_key_equal (wire_keyring_broker_sign_key (keyring), &self->keys[BROKER]));
    assert_int_equal (wire_keyring_broker_curve_key (keyring)->bytes[0], 0x7f);
    assert_int_equal (wire_keyring_level_floor (keyring), 1);
    assert_int_equal (wire_keyring_fresh_until_us (keyring), 0);
    assert_int_equal (wire_keyring_authority (keyring)->logins_count, LOGINS);
    uint8_t hash[32];
    wire_hash32 (wire_keyring_signed (keyring)->bytes, hash);
    assert_memory_equal (hash, wire_keyring_hash (keyring), 32);
    uint8_t id[8];
    wire_key_id (&self->keys[AUTHOR], id);
    const wire_login *login = wire_keyring_login_by_key_id (keyring, id);
    assert_true (bg_slice_is (login->name, "otto"));
    assert_ptr_equal (wire_keyring_login_by_sign_key (keyring, &self->keys[AUTHOR]), login);
    assert_ptr_equal (wire_keyring_login_by_curve_key (keyring, &self->logins[1].curve_key), login);
    assert_ptr_equal (wire_keyring_login_by_name (keyring, bg_slice_str ("otto")), login);
    assert_null (wire_keyring_login_by_name (keyring, bg_slice_str ("nobody")));
    assert_null (wire_keyring_login_by_sign_key (keyring, &self->keys[STRANGER]));
    assert_null (wire_keyring_login_by_curve_key (keyring, &self->keys[STRANGER]));
    wire_key_id (&self->keys[STRANGER], id);
    assert_null (wire_keyring_login_by_key_id (keyring, id));
    assert_true (wire_keyring_is_revoked (keyring, &self->keys[REVOKED]));
    assert_false (wire_keyring_is_revoked (keyring, &self->keys[ADMIN]));
}

static void only_the_pinned_authority_is_the_first (void **state)
{
    trust_fixture *self = *state;
    bg_error err = {0};
    wire_keyring *keyring = NULL;
    wire_authority authority = trust_authority_of (self);
    wire_signed other = trust_sign_authority (self, &authority, 77, STRANGER);
    trust_expect ("other",
        wire_keyring_first (
            &other, wire_keyring_hash (self->keyring), trust_crypto (), &keyring, &err),
        &err, BG_BAD_SIGNATURE, "not the one that was pinned");
    trust_expect ("pinned", trust_pin (&other, &keyring, &err), &err, BG_OK, NULL);
    wire_keyring_destroy (&keyring);
    other.type = WIRE_TYPE_JOB;
    trust_expect ("type", trust_pin (&other, &keyring, &err), &err, BG_INVALID, "not an authority");
    assert_null (keyring);
}

typedef struct {
    const char *what;
    void (*tweak) (trust_fixture *self, wire_authority *authority);
    const char *says;
} authority_case;

static void no_name (trust_fixture *self, wire_authority *authority)
{
    (void) self;
    authority->name.size = 0;
}

static void no_broker_key (trust_fixture *self, wire_authority *authority)
{
    (void) self;
    memset (&authority->broker_sign_key, 0, sizeof authority->broker_sign_key);
}

static void no_broker_curve_key (trust_fixture *self, wire_authority *authority)
{
    (void) self;
    memset (&authority->broker_curve_key, 0, sizeof authority->broker_curve_key);
}

static void zero_threshold (trust_fixture *self, wire_authority *authority)
{
    (void) self;
    authority->threshold = 0;
}

/*  Ada and Bea count; the scoped and the revoked admin do not.  */
static void threshold_over_admins (trust_fixture *self, wire_authority *authority)
{
    (void) self;
    authority->threshold = 3;
}

static void same_login_name (trust_fixture *self, wire_authority *authority)
{
    self->logins[1].name = bg_slice_str ("ADA");
    authority->logins = self->logins;
}

static void same_sign_key (trust_fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].sign_key = self->keys[ADMIN];
}

static void same_curve_key (trust_fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].curve_key = self->logins[0].curve_key;
}

static void no_role (trust_fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].role = 0;
}

static void no_login_key (trust_fixture *self, wire_authority *authority)
{
    (void) authority;
    memset (&self->logins[1].sign_key, 0, sizeof (bg_key));
}

static void key_of_the_broker (trust_fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].sign_key = self->keys[BROKER];
}

static void an_authority_must_make_sense (void **state)
{
    trust_fixture *self = *state;
    static const authority_case cases[] = {
        {"no name", no_name, "no name"},
        {"no broker key", no_broker_key, "no keys of a broker"},
        {"no broker curve key", no_broker_curve_key, "no keys of a broker"},
        {"threshold 0", zero_threshold, "asks for 0 admins"},
        {"threshold 3", threshold_over_admins, "asks for 3 admins and has 2"},
        {"same name", same_login_name, "share a name or a key"},
        {"same sign key", same_sign_key, "share a name or a key"},
        {"same curve key", same_curve_key, "share a name or a key"},
        {"no role", no_role, "no role"},
        {"no login key", no_login_key, "no keys of its own"},
        {"key of the broker", key_of_the_broker, "no keys of its own"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_error err = {0};
        wire_keyring *keyring = NULL;
        wire_login kept = self->logins[1];
        wire_authority authority = trust_authority_of (self);
        cases[i].tweak (self, &authority);
        wire_signed made = trust_sign_authority (self, &authority, 6, ADMIN);
        trust_expect (
            cases[i].what, trust_pin (&made, &keyring, &err), &err, BG_INVALID, cases[i].says);
        self->logins[1] = kept;
    }
}

static void the_next_authority_needs_its_signers_and_a_higher_version (void **state)
{
    trust_fixture *self = *state;
    static const struct {
        int who;
        uint64_t version;
        bg_code code;
        const char *says;
    } cases[] = {
        {ADMIN, 6, BG_OK, NULL},
        {ADMIN, INT64_MAX, BG_OK, NULL},
        {SECOND_ADMIN, 9, BG_OK, NULL},
        {ADMIN, 4, BG_STALE, "version 4 is older than 5"},
        {STRANGER, 4, BG_STALE, "version 4 is older than 5"},
        {SECOND_ADMIN, 5, BG_FORK, "two authorities of version 5"},
        {AUTHOR, 6, BG_NOT_ALLOWED, "signed by 0 admins of version 5"},
        {SCOPED, 6, BG_NOT_ALLOWED, "signed by 0 admins"},
        {REVOKED, 6, BG_NOT_ALLOWED, "signed by 0 admins"},
        {STRANGER, 6, BG_BAD_SIGNATURE, "does not list"},
        {BROKER, 6, BG_BAD_SIGNATURE, "does not list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_error err = {0};
        wire_keyring *next = NULL;
        wire_authority authority = trust_authority_of (self);
        authority.created_us = 2;
        wire_signed made = trust_sign_authority (self, &authority, cases[i].version, cases[i].who);
        trust_expect ("next",
            wire_keyring_next (self->keyring, &made, trust_crypto (), &next, &err), &err,
            cases[i].code, cases[i].says);
        assert_int_equal (next != NULL, cases[i].code == BG_OK);
        if (next)
            assert_int_equal (wire_keyring_version (next), cases[i].version);
        wire_keyring_destroy (&next);
    }
    bg_error err = {0};
    wire_keyring *next = NULL;
    trust_expect ("same",
        wire_keyring_next (
            self->keyring, wire_keyring_signed (self->keyring), trust_crypto (), &next, &err),
        &err, BG_EXISTS, "is held");
}

static void a_threshold_counts_distinct_admins (void **state)
{
    trust_fixture *self = *state;
    bg_error err = {0};
    wire_authority authority = trust_authority_of (self);
    authority.threshold = 2;
    wire_signed made = trust_sign_authority (self, &authority, 6, ADMIN);
    wire_keyring *two = NULL;
    trust_expect ("raise", wire_keyring_next (self->keyring, &made, trust_crypto (), &two, &err),
        &err, BG_OK, NULL);
    wire_keyring *next = NULL;
    made = trust_sign_authority (self, &authority, 7, ADMIN);
    trust_expect ("one", wire_keyring_next (two, &made, trust_crypto (), &next, &err), &err,
        BG_NOT_ALLOWED, "signed by 1 admins of version 6, which asks for 2");
    wire_signed twice = made;
    wire_sig sigs[2] = {made.sigs[0], made.sigs[0]};
    twice.sigs = sigs;
    twice.sigs_count = 2;
    trust_expect ("twice", wire_keyring_next (two, &twice, trust_crypto (), &next, &err), &err,
        BG_MALFORMED, "two signatures of the same key");
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &made);
    trust_expect ("author", wire_keyring_next (two, &made, trust_crypto (), &next, &err), &err,
        BG_NOT_ALLOWED, "signed by 1");
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[SECOND_ADMIN], &self->arena, &made);
    trust_expect (
        "both", wire_keyring_next (two, &made, trust_crypto (), &next, &err), &err, BG_OK, NULL);
    wire_keyring_destroy (&next);
    wire_keyring_destroy (&two);
}

static void the_next_authority_is_of_the_same_installation (void **state)
{
    trust_fixture *self = *state;
    bg_error err = {0};
    wire_keyring *next = NULL;
    wire_authority authority = trust_authority_of (self);
    wire_document fixed = trust_fixed_of (self, WIRE_TYPE_AUTHORITY, (bg_id){0}, 6);
    fixed.installation.bytes[0] ^= 1;
    wire_signed made;
    wire_document_make (
        trust_crypto (), &fixed, &authority, self->secrets[ADMIN], &self->arena, &made);
    trust_expect ("outside", wire_keyring_next (self->keyring, &made, trust_crypto (), &next, &err),
        &err, BG_BAD_SIGNATURE, "not valid for this installation");
    wire_signed_add (
        trust_crypto (), self->installation, self->secrets[ADMIN], &self->arena, &made);
    trust_expect ("inside", wire_keyring_next (self->keyring, &made, trust_crypto (), &next, &err),
        &err, BG_WRONG_INSTALLATION, "another installation");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        TRUST_TEST (a_keyring_answers_questions),
        TRUST_TEST (only_the_pinned_authority_is_the_first),
        TRUST_TEST (an_authority_must_make_sense),
        TRUST_TEST (the_next_authority_needs_its_signers_and_a_higher_version),
        TRUST_TEST (a_threshold_counts_distinct_admins),
        TRUST_TEST (the_next_authority_is_of_the_same_installation),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
