/*  An installation for the tests of the verify path: seven logins of all sorts, a broker, a target, a token and a stranger;
    and documents on their way to be signed, which a test may change before. Everything lives in the fixture's arena.
*/
#ifndef BUGLE_TESTS_TRUST_FIXTURE_H
#define BUGLE_TESTS_TRUST_FIXTURE_H

#include "proto/trust.h"

/*  Who there is. The seeds of the keys are these numbers.  */
enum {
    ADMIN = 1,
    AUTHOR,
    OPERATOR,
    READER,
    SCOPED,
    REVOKED,
    SECOND_ADMIN,
    LOGINS = SECOND_ADMIN,
    STRANGER,
    TOKEN,
    TARGET,
    BROKER,
    PEOPLE
};

#define AUTHORITY_VERSION 5

typedef struct {
    bg_arena arena;
    bg_id installation;
    bg_key keys[PEOPLE];
    uint8_t secrets[PEOPLE][64];
    wire_login logins[LOGINS];
    wire_revoked_key revoked[1];
    bg_slice scopes[1];
    wire_keyring *keyring;
} trust_fixture;

/*  A document on its way to be signed, which a case may change.  */
typedef struct {
    trust_fixture *self;
    wire_document fixed;
    union {
        wire_job job;
        wire_switch flip;
        wire_withdrawal gone;
        wire_membership member;
    } body;
    int who;
    bg_id sign_for; /*  the installation in the signature  */
} trust_draft;

const wire_crypto *trust_crypto (void);
wire_authority trust_authority_of (trust_fixture *self);
wire_document trust_fixed_of (trust_fixture *self, wire_type type, bg_id key, uint64_t version);
wire_signed trust_sign_authority (
    trust_fixture *self, const wire_authority *authority, uint64_t version, int who);
bg_result trust_pin (const wire_signed *authority, wire_keyring **keyring, bg_error *err);
int trust_set_up (void **state);
int trust_tear_down (void **state);
void trust_expect (
    const char *what, bg_result result, const bg_error *err, bg_code code, const char *says);
trust_draft trust_job_draft (trust_fixture *self);
trust_draft trust_switch_draft (trust_fixture *self);
trust_draft trust_withdrawal_draft (trust_fixture *self);
trust_draft trust_membership_draft (trust_fixture *self);
wire_signed trust_finish (trust_draft *self);
bg_result trust_verify (
    trust_fixture *self, const wire_signed *document, wire_verified *out, bg_error *err);
void trust_other_installation (trust_draft *made);
void trust_other_key (trust_draft *made);
void trust_bad_group (trust_draft *made);
void trust_bad_label (trust_draft *made);
wire_token trust_token_record (trust_fixture *self);
wire_signed trust_sign_token (trust_fixture *self, const wire_token *record, int who);
trust_draft trust_token_draft (trust_fixture *self, const wire_token *record, int signer);

#define TRUST_TEST(test) cmocka_unit_test_setup_teardown (test, trust_set_up, trust_tear_down)

#endif
