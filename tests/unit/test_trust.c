/*  The verify path: what is accepted, and each reason to refuse with its own code and sentence.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/trust.h"

#include <stdlib.h>

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
} fixture;

static const wire_crypto *crypto (void)
{
    return wire_crypto_sodium ();
}

static wire_login login_of (fixture *self, int who, const char *name, uint64_t role)
{
    wire_login login = {.name = bg_slice_str (name), .sign_key = self->keys[who], .role = role};
    memset (login.curve_key.bytes, 0x40 + who, sizeof login.curve_key.bytes);
    return login;
}

static wire_authority authority_of (fixture *self)
{
    wire_authority authority = {.name = bg_slice_str ("main"),
        .logins = self->logins,
        .logins_count = LOGINS,
        .broker_sign_key = self->keys[BROKER],
        .threshold = 1,
        .level_floor = 1,
        .revoked = self->revoked,
        .revoked_count = 1,
        .created_us = 1};
    memset (authority.broker_curve_key.bytes, 0x7f, 32);
    return authority;
}

static wire_document fixed_of (fixture *self, wire_type type, bg_id key, uint64_t version)
{
    return (wire_document){
        .type = type, .installation = self->installation, .key = key, .version = version};
}

static wire_signed sign_authority (
    fixture *self, const wire_authority *authority, uint64_t version, int who)
{
    wire_signed out;
    wire_document fixed = fixed_of (self, WIRE_TYPE_AUTHORITY, (bg_id){0}, version);
    wire_document_make (crypto (), &fixed, authority, self->secrets[who], &self->arena, &out);
    return out;
}

static bg_result pin (const wire_signed *authority, wire_keyring **keyring, bg_error *err)
{
    uint8_t hash[32];
    wire_hash32 (authority->bytes, hash);
    return wire_keyring_first (authority, hash, crypto (), keyring, err);
}

static int set_up (void **state)
{
    fixture *self = bg_alloc (sizeof *self);
    memset (self->installation.bytes, 0xaa, sizeof self->installation.bytes);
    for (int who = ADMIN; who < PEOPLE; who++) {
        uint8_t seed[32];
        memset (seed, who, sizeof seed);
        wire_keypair (seed, &self->keys[who], self->secrets[who]);
    }
    self->scopes[0] = bg_slice_str ("group=web");
    self->logins[0] = login_of (self, ADMIN, "ada", WIRE_ROLE_ADMIN);
    self->logins[1] = login_of (self, AUTHOR, "otto", WIRE_ROLE_AUTHOR);
    self->logins[2] = login_of (self, OPERATOR, "oper", WIRE_ROLE_OPERATOR);
    self->logins[3] = login_of (self, READER, "rea", WIRE_ROLE_READER);
    self->logins[4] = login_of (self, SCOPED, "sco", WIRE_ROLE_ADMIN);
    self->logins[4].scopes = self->scopes;
    self->logins[4].scopes_count = 1;
    self->logins[5] = login_of (self, REVOKED, "rev", WIRE_ROLE_ADMIN);
    self->logins[6] = login_of (self, SECOND_ADMIN, "bea", WIRE_ROLE_ADMIN);
    wire_key_id (&self->keys[REVOKED], self->revoked[0].key_id);
    self->revoked[0].since_us = 1;
    wire_authority authority = authority_of (self);
    wire_signed signed_authority = sign_authority (self, &authority, AUTHORITY_VERSION, ADMIN);
    bg_error err = {0};
    if (bg_failed (pin (&signed_authority, &self->keyring, &err)))
        fail_msg ("%s", err.message);
    *state = self;
    return 0;
}

static int tear_down (void **state)
{
    fixture *self = *state;
    wire_keyring_destroy (&self->keyring);
    bg_arena_fini (&self->arena);
    free (self);
    return 0;
}

static void expect (
    const char *what, bg_result result, const bg_error *err, bg_code code, const char *says)
{
    if (result.code != code || (says && !strstr (err->message, says)))
        fail_msg ("%s: %s \"%s\"", what, bg_code_word (result.code),
            result.code == BG_OK ? "" : err->message);
}

/*  ---- keyrings ----  */

static void a_keyring_answers_questions (void **state)
{
    fixture *self = *state;
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
    fixture *self = *state;
    bg_error err = {0};
    wire_keyring *keyring = NULL;
    wire_authority authority = authority_of (self);
    wire_signed other = sign_authority (self, &authority, 77, STRANGER);
    expect ("other",
        wire_keyring_first (&other, wire_keyring_hash (self->keyring), crypto (), &keyring, &err),
        &err, BG_BAD_SIGNATURE, "not the one that was pinned");
    expect ("pinned", pin (&other, &keyring, &err), &err, BG_OK, NULL);
    wire_keyring_destroy (&keyring);
    other.type = WIRE_TYPE_JOB;
    expect ("type", pin (&other, &keyring, &err), &err, BG_INVALID, "not an authority");
    assert_null (keyring);
}

typedef struct {
    const char *what;
    void (*tweak) (fixture *self, wire_authority *authority);
    const char *says;
} authority_case;

static void no_name (fixture *self, wire_authority *authority)
{
    (void) self;
    authority->name.size = 0;
}

static void no_broker_key (fixture *self, wire_authority *authority)
{
    (void) self;
    memset (&authority->broker_sign_key, 0, sizeof authority->broker_sign_key);
}

static void no_broker_curve_key (fixture *self, wire_authority *authority)
{
    (void) self;
    memset (&authority->broker_curve_key, 0, sizeof authority->broker_curve_key);
}

static void zero_threshold (fixture *self, wire_authority *authority)
{
    (void) self;
    authority->threshold = 0;
}

/*  Ada and Bea count; the scoped and the revoked admin do not.  */
static void threshold_over_admins (fixture *self, wire_authority *authority)
{
    (void) self;
    authority->threshold = 3;
}

static void same_login_name (fixture *self, wire_authority *authority)
{
    self->logins[1].name = bg_slice_str ("ADA");
    authority->logins = self->logins;
}

static void same_sign_key (fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].sign_key = self->keys[ADMIN];
}

static void same_curve_key (fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].curve_key = self->logins[0].curve_key;
}

static void no_role (fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].role = 0;
}

static void no_login_key (fixture *self, wire_authority *authority)
{
    (void) authority;
    memset (&self->logins[1].sign_key, 0, sizeof (bg_key));
}

static void key_of_the_broker (fixture *self, wire_authority *authority)
{
    (void) authority;
    self->logins[1].sign_key = self->keys[BROKER];
}

static void an_authority_must_make_sense (void **state)
{
    fixture *self = *state;
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
        wire_authority authority = authority_of (self);
        cases[i].tweak (self, &authority);
        wire_signed made = sign_authority (self, &authority, 6, ADMIN);
        expect (cases[i].what, pin (&made, &keyring, &err), &err, BG_INVALID, cases[i].says);
        self->logins[1] = kept;
    }
}

static void the_next_authority_needs_its_signers_and_a_higher_version (void **state)
{
    fixture *self = *state;
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
        wire_authority authority = authority_of (self);
        authority.created_us = 2;
        wire_signed made = sign_authority (self, &authority, cases[i].version, cases[i].who);
        expect ("next", wire_keyring_next (self->keyring, &made, crypto (), &next, &err), &err,
            cases[i].code, cases[i].says);
        assert_int_equal (next != NULL, cases[i].code == BG_OK);
        if (next)
            assert_int_equal (wire_keyring_version (next), cases[i].version);
        wire_keyring_destroy (&next);
    }
    bg_error err = {0};
    wire_keyring *next = NULL;
    expect ("same",
        wire_keyring_next (
            self->keyring, wire_keyring_signed (self->keyring), crypto (), &next, &err),
        &err, BG_EXISTS, "is held");
}

static void a_threshold_counts_distinct_admins (void **state)
{
    fixture *self = *state;
    bg_error err = {0};
    wire_authority authority = authority_of (self);
    authority.threshold = 2;
    wire_signed made = sign_authority (self, &authority, 6, ADMIN);
    wire_keyring *two = NULL;
    expect ("raise", wire_keyring_next (self->keyring, &made, crypto (), &two, &err), &err, BG_OK,
        NULL);
    wire_keyring *next = NULL;
    made = sign_authority (self, &authority, 7, ADMIN);
    expect ("one", wire_keyring_next (two, &made, crypto (), &next, &err), &err, BG_NOT_ALLOWED,
        "signed by 1 admins of version 6, which asks for 2");
    wire_signed twice = made;
    wire_sig sigs[2] = {made.sigs[0], made.sigs[0]};
    twice.sigs = sigs;
    twice.sigs_count = 2;
    expect ("twice", wire_keyring_next (two, &twice, crypto (), &next, &err), &err, BG_MALFORMED,
        "two signatures of the same key");
    wire_signed_add (crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &made);
    expect ("author", wire_keyring_next (two, &made, crypto (), &next, &err), &err, BG_NOT_ALLOWED,
        "signed by 1");
    wire_signed_add (
        crypto (), self->installation, self->secrets[SECOND_ADMIN], &self->arena, &made);
    expect ("both", wire_keyring_next (two, &made, crypto (), &next, &err), &err, BG_OK, NULL);
    wire_keyring_destroy (&next);
    wire_keyring_destroy (&two);
}

static void the_next_authority_is_of_the_same_installation (void **state)
{
    fixture *self = *state;
    bg_error err = {0};
    wire_keyring *next = NULL;
    wire_authority authority = authority_of (self);
    wire_document fixed = fixed_of (self, WIRE_TYPE_AUTHORITY, (bg_id){0}, 6);
    fixed.installation.bytes[0] ^= 1;
    wire_signed made;
    wire_document_make (crypto (), &fixed, &authority, self->secrets[ADMIN], &self->arena, &made);
    expect ("outside", wire_keyring_next (self->keyring, &made, crypto (), &next, &err), &err,
        BG_BAD_SIGNATURE, "not valid for this installation");
    wire_signed_add (crypto (), self->installation, self->secrets[ADMIN], &self->arena, &made);
    expect ("inside", wire_keyring_next (self->keyring, &made, crypto (), &next, &err), &err,
        BG_WRONG_INSTALLATION, "another installation");
}

/*  ---- documents ----  */

/*  A document on its way to be signed, which a case may change.  */
typedef struct {
    fixture *self;
    wire_document fixed;
    union {
        wire_job job;
        wire_switch flip;
        wire_withdrawal gone;
        wire_membership member;
    } body;
    int who;
    bg_id sign_for; /*  the installation in the signature  */
} draft;

static draft job_draft (fixture *self)
{
    draft out = {.self = self, .who = AUTHOR, .sign_for = self->installation};
    out.body.job = (wire_job){
        .name = bg_slice_str ("Nightly backup"), .has_audience = true, .audience = {.all = true}};
    out.fixed = fixed_of (self, WIRE_TYPE_JOB,
        wire_document_key (self->installation, WIRE_TYPE_JOB, out.body.job.name), 12);
    return out;
}

static draft switch_draft (fixture *self)
{
    draft out = {.self = self, .who = OPERATOR, .sign_for = self->installation};
    bg_slice name = bg_slice_str ("nightly");
    out.body.flip = (wire_switch){.object_type = WIRE_TYPE_JOB,
        .object_name = name,
        .object_key = wire_document_key (self->installation, WIRE_TYPE_JOB, name),
        .disabled = true};
    out.fixed = fixed_of (
        self, WIRE_TYPE_SWITCH, wire_switch_key (self->installation, WIRE_TYPE_JOB, name), 3);
    return out;
}

static draft withdrawal_draft (fixture *self)
{
    draft out = {.self = self, .who = AUTHOR, .sign_for = self->installation};
    bg_slice name = bg_slice_str ("nightly");
    out.body.gone = (wire_withdrawal){.object_type = WIRE_TYPE_JOB, .object_name = name};
    out.fixed = fixed_of (
        self, WIRE_TYPE_WITHDRAWAL, wire_document_key (self->installation, WIRE_TYPE_JOB, name), 4);
    return out;
}

static draft membership_draft (fixture *self)
{
    draft out = {.self = self, .who = ADMIN, .sign_for = self->installation};
    bg_id target = {{1, 2, 3}};
    out.body.member = (wire_membership){.target = target,
        .number = 4,
        .name = bg_slice_str ("web01"),
        .state = WIRE_MEMBER,
        .sign_key = self->keys[TARGET]};
    memset (out.body.member.curve_key.bytes, 0x55, 32);
    out.fixed = fixed_of (self, WIRE_TYPE_MEMBERSHIP, target, 1);
    return out;
}

static wire_signed finish (draft *self)
{
    wire_signed out;
    wire_document_make (crypto (), &self->fixed, &self->body, self->self->secrets[self->who],
        &self->self->arena, &out);
    if (!bg_id_equal (self->sign_for, self->fixed.installation)) {
        out.sigs_count = 0;
        wire_signed_add (
            crypto (), self->sign_for, self->self->secrets[self->who], &self->self->arena, &out);
    }
    return out;
}

static bg_result verify (
    fixture *self, const wire_signed *document, wire_verified *out, bg_error *err)
{
    *err = (bg_error){0};
    return wire_verify_document (self->keyring, document, crypto (), &self->arena, out, err);
}

static void good_documents_are_accepted (void **state)
{
    fixture *self = *state;
    static const struct {
        draft (*make) (fixture *self);
        const char *name;
        const char *signer;
    } cases[] = {
        {job_draft, "Nightly backup", "otto"},
        {switch_draft, "nightly", "oper"},
        {withdrawal_draft, "nightly", "otto"},
        {membership_draft, "web01", "ada"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        draft made = cases[i].make (self);
        wire_signed document = finish (&made);
        wire_verified verified;
        bg_error err;
        expect (cases[i].name, verify (self, &document, &verified, &err), &err, BG_OK, NULL);
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
    fixture *self = *state;
    static const struct {
        draft (*make) (fixture *self);
        int who;
        bg_code code;
        const char *says;
    } cases[] = {
        {job_draft, ADMIN, BG_OK, NULL},
        {job_draft, OPERATOR, BG_NOT_ALLOWED,
            "login oper is operator; a job takes the role author"},
        {job_draft, READER, BG_NOT_ALLOWED, "login rea is reader"},
        {job_draft, SCOPED, BG_NOT_IN_VERSION, "login sco has scopes"},
        {job_draft, REVOKED, BG_BAD_SIGNATURE, "the key of login rev is revoked"},
        {job_draft, STRANGER, BG_BAD_SIGNATURE, "authority version 5 does not list"},
        {job_draft, BROKER, BG_BAD_SIGNATURE, "does not list"},
        {switch_draft, AUTHOR, BG_OK, NULL},
        {switch_draft, READER, BG_NOT_ALLOWED, "a switch takes the role operator"},
        {withdrawal_draft, OPERATOR, BG_NOT_ALLOWED,
            "the withdrawal of a job takes the role author"},
        {membership_draft, AUTHOR, BG_NOT_ALLOWED, "a membership takes the role admin"},
        {membership_draft, TARGET, BG_BAD_SIGNATURE, "does not list"},
        {membership_draft, REVOKED, BG_BAD_SIGNATURE, "revoked"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        draft made = cases[i].make (self);
        made.who = cases[i].who;
        wire_signed document = finish (&made);
        wire_verified verified;
        bg_error err;
        expect (
            "role", verify (self, &document, &verified, &err), &err, cases[i].code, cases[i].says);
    }
}

static void other_installation (draft *made)
{
    made->fixed.installation.bytes[3] ^= 1;
}

static void signed_for_another (draft *made)
{
    made->fixed.installation.bytes[3] ^= 1;
    made->sign_for = made->fixed.installation;
}

static void newer_format (draft *made)
{
    made->fixed.format = 2;
}

static void version_zero (draft *made)
{
    made->fixed.version = 0;
}

static void other_key (draft *made)
{
    made->fixed.key.bytes[0] ^= 1;
}

static void bad_job_name (draft *made)
{
    made->body.job.name = bg_slice_str ("a/b");
}

static void other_object_key (draft *made)
{
    made->body.flip.object_key.bytes[0] ^= 1;
}

static void switch_of_a_membership (draft *made)
{
    made->body.flip.object_type = WIRE_TYPE_MEMBERSHIP;
}

static void withdrawal_of_a_switch (draft *made)
{
    made->body.gone.object_type = WIRE_TYPE_SWITCH;
}

static void no_state (draft *made)
{
    made->body.member.state = 0;
}

static void no_member_key (draft *made)
{
    memset (&made->body.member.curve_key, 0, sizeof (bg_key));
}

static void bad_target_name (draft *made)
{
    made->body.member.name = bg_slice_str ("all");
}

static void bad_group (draft *made)
{
    made->body.member.groups = bg_arena_array (&made->self->arena, bg_slice, 1);
    made->body.member.groups[0] = bg_slice_str ("a b");
    made->body.member.groups_count = 1;
}

static void bad_label (draft *made)
{
    made->body.member.labels = bg_arena_array (&made->self->arena, wire_pair, 1);
    made->body.member.labels[0] = (wire_pair){bg_slice_str ("role"), bg_slice_str ("a b")};
    made->body.member.labels_count = 1;
}

static void needs_newer_authority (draft *made)
{
    made->fixed.has_needs = true;
    made->fixed.needs.authority = AUTHORITY_VERSION + 1;
    made->who = STRANGER;
}

static void needs_this_authority (draft *made)
{
    made->fixed.has_needs = true;
    made->fixed.needs.authority = AUTHORITY_VERSION;
    made->who = STRANGER;
}

static void each_flaw_of_a_document_is_named (void **state)
{
    fixture *self = *state;
    static const struct {
        const char *what;
        draft (*make) (fixture *self);
        void (*tweak) (draft *made);
        bg_code code;
        const char *says;
    } cases[] = {
        {"inside of another installation", job_draft, other_installation, BG_WRONG_INSTALLATION,
            "another installation"},
        {"signed for another installation", job_draft, signed_for_another, BG_BAD_SIGNATURE,
            "signature of login otto is not valid for this installation"},
        {"newer format", job_draft, newer_format, BG_TOO_NEW, "format 2"},
        {"version 0", job_draft, version_zero, BG_MALFORMED, "without format or version"},
        {"job key", job_draft, other_key, BG_INVALID, "not that of Nightly backup"},
        {"job name", job_draft, bad_job_name, BG_INVALID, NULL},
        {"switch key", switch_draft, other_key, BG_INVALID, "not that of nightly"},
        {"object key", switch_draft, other_object_key, BG_INVALID, "object's key in the switch"},
        {"object type", switch_draft, switch_of_a_membership, BG_NOT_IN_VERSION,
            "a switch of an object"},
        {"withdrawal key", withdrawal_draft, other_key, BG_INVALID, "not that of nightly"},
        {"withdrawn type", withdrawal_draft, withdrawal_of_a_switch, BG_NOT_IN_VERSION,
            "a withdrawal of"},
        {"membership key", membership_draft, other_key, BG_INVALID, "not its target id"},
        {"membership state", membership_draft, no_state, BG_INVALID, "no state"},
        {"membership keys", membership_draft, no_member_key, BG_INVALID, "no keys"},
        {"target name", membership_draft, bad_target_name, BG_INVALID, NULL},
        {"group", membership_draft, bad_group, BG_INVALID, NULL},
        {"label", membership_draft, bad_label, BG_INVALID, "label role"},
        {"unknown signer, newer authority", job_draft, needs_newer_authority, BG_WAITING,
            "needs authority version 6"},
        {"unknown signer, same authority", job_draft, needs_this_authority, BG_BAD_SIGNATURE,
            "does not list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        draft made = cases[i].make (self);
        made.fixed.format = WIRE_FORMAT;
        cases[i].tweak (&made);
        wire_signed document = finish (&made);
        wire_verified verified = {.provisional = true};
        bg_error err;
        expect (cases[i].what, verify (self, &document, &verified, &err), &err, cases[i].code,
            cases[i].says);
        assert_true (verified.provisional); /*  outputs only on success  */
    }
}

static void each_flaw_of_an_envelope_is_named (void **state)
{
    fixture *self = *state;
    bg_error err;
    wire_verified verified;
    draft made = job_draft (self);
    wire_signed good = finish (&made);
    wire_signed bad = good;
    bad.sigs_count = 0;
    expect ("unsigned", verify (self, &bad, &verified, &err), &err, BG_BAD_SIGNATURE,
        "it is not signed");
    bad = good;
    bad.type = WIRE_TYPE_SWITCH;
    expect ("type", verify (self, &bad, &verified, &err), &err, BG_BAD_SIGNATURE, "not valid");
    bad.type = WIRE_TYPE_AUTHORITY;
    expect ("authority", verify (self, &bad, &verified, &err), &err, BG_INVALID,
        "authority is not a document of targets");
    bad.type = WIRE_TYPE_DEED;
    expect (
        "deed", verify (self, &bad, &verified, &err), &err, BG_INVALID, "deed is not a document");
    bad.type = 99;
    expect ("unknown", verify (self, &bad, &verified, &err), &err, BG_TOO_NEW, "type 99");
    bad = good;
    bad.bytes.size = 200001;
    expect ("size", verify (self, &bad, &verified, &err), &err, BG_TOO_LARGE, "200001");
    bad = good;
    wire_sig sigs[9] = {{{0}, {0}}};
    for (uint8_t i = 0; i < 9; i++)
        sigs[i].key_id[0] = i;
    bad.sigs = sigs;
    bad.sigs_count = 9;
    expect ("many", verify (self, &bad, &verified, &err), &err, BG_TOO_LARGE, "9 signatures");
    BG_AUTO_BUF changed = {0};
    bg_buf_append_slice (&changed, good.bytes);
    changed.data[changed.size - 1] ^= 1;
    bad = good;
    bad.bytes = bg_buf_slice (&changed);
    expect ("changed", verify (self, &bad, &verified, &err), &err, BG_BAD_SIGNATURE,
        "login otto is not valid");
}

static void signed_garbage_is_malformed (void **state)
{
    fixture *self = *state;
    bg_error err;
    wire_verified verified;
    wire_signed garbage = {.type = WIRE_TYPE_JOB, .bytes = bg_slice_str ("\x81")};
    wire_signed_add (crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &garbage);
    expect ("garbage", verify (self, &garbage, &verified, &err), &err, BG_MALFORMED, NULL);
    draft made = job_draft (self);
    wire_signed document = finish (&made);
    document.type = WIRE_TYPE_SWITCH;
    document.sigs_count = 0;
    wire_signed_add (crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &document);
    expect ("types", verify (self, &document, &verified, &err), &err, BG_MALFORMED,
        "type 3 inside, type 7 outside");
}

static void the_best_signer_counts (void **state)
{
    fixture *self = *state;
    bg_error err;
    wire_verified verified;
    draft made = job_draft (self);
    made.who = READER;
    wire_signed document = finish (&made);
    wire_signed_add (
        crypto (), self->installation, self->secrets[STRANGER], &self->arena, &document);
    expect (
        "reader", verify (self, &document, &verified, &err), &err, BG_NOT_ALLOWED, "rea is reader");
    wire_signed_add (crypto (), self->installation, self->secrets[AUTHOR], &self->arena, &document);
    expect ("author", verify (self, &document, &verified, &err), &err, BG_OK, NULL);
    assert_true (bg_slice_is (verified.signer->name, "otto"));
}

/*  ---- memberships by token ----  */

static wire_token token_record (fixture *self)
{
    return (wire_token){.installation = self->installation,
        .token_key = self->keys[TOKEN],
        .names = bg_slice_str ("web*"),
        .issued_us = 10,
        .expires_us = 20,
        .uses = 5,
        .authority = AUTHORITY_VERSION};
}

static wire_signed sign_token (fixture *self, const wire_token *record, int who)
{
    wire_signed out;
    wire_signed_make (crypto (), WIRE_TYPE_TOKEN, self->installation, record, self->secrets[who],
        &self->arena, &out);
    return out;
}

static draft token_draft (fixture *self, const wire_token *record, int signer)
{
    draft out = membership_draft (self);
    out.who = TOKEN;
    out.body.member.has_token = true;
    out.body.member.token = sign_token (self, record, signer);
    return out;
}

static void a_membership_by_token_is_provisional (void **state)
{
    fixture *self = *state;
    bg_slice groups[] = {bg_slice_str ("web"), bg_slice_str ("eu")};
    wire_pair labels[] = {{bg_slice_str ("role"), bg_slice_str ("db")}};
    wire_token record = token_record (self);
    record.groups = groups;
    record.groups_count = 2;
    record.labels = labels;
    record.labels_count = 1;
    draft made = token_draft (self, &record, ADMIN);
    made.body.member.groups = groups;
    made.body.member.groups_count = 2;
    made.body.member.labels = labels;
    made.body.member.labels_count = 1;
    made.body.member.location = bg_slice_str ("rack 7"); /*  free when the record has none  */
    wire_signed document = finish (&made);
    wire_verified verified;
    bg_error err;
    expect ("token", verify (self, &document, &verified, &err), &err, BG_OK, NULL);
    assert_true (verified.provisional);
    assert_null (verified.signer);
    assert_true (bg_slice_is (verified.name, "web01"));
    wire_signed_add (crypto (), self->installation, self->secrets[ADMIN], &self->arena, &document);
    expect ("countersigned", verify (self, &document, &verified, &err), &err, BG_OK, NULL);
    assert_false (verified.provisional);
}

static void other_group (draft *made)
{
    bad_group (made);
    made->body.member.groups[0] = bg_slice_str ("db");
}

static void one_group_less (draft *made)
{
    made->body.member.groups_count = 0;
}

static void other_label (draft *made)
{
    bad_label (made);
    made->body.member.labels[0].value = bg_slice_str ("web");
}

static void other_location (draft *made)
{
    made->body.member.location = bg_slice_str ("elsewhere");
}

static void other_name (draft *made)
{
    made->body.member.name = bg_slice_str ("db01");
}

static void with_variables (draft *made)
{
    bad_label (made);
    made->body.member.variables = made->body.member.labels;
    made->body.member.variables_count = 1;
    made->body.member.labels_count = 0;
}

static void second_version (draft *made)
{
    made->fixed.version = 2;
}

static void signed_by_the_target (draft *made)
{
    made->who = TARGET;
}

static void without_token (draft *made)
{
    made->body.member.has_token = false;
}

static void begins_defected (draft *made)
{
    made->body.member.state = WIRE_DEFECTED_MEMBER;
}

static void a_token_signs_only_what_its_record_says (void **state)
{
    fixture *self = *state;
    static const struct {
        const char *what;
        void (*tweak) (draft *made);
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
        {"key", other_key, BG_INVALID, "not its target id"},
        {"installation", other_installation, BG_BAD_SIGNATURE, "does not list"},
    };
    bg_slice groups[] = {bg_slice_str ("web")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_token record = token_record (self);
        record.location = bg_slice_str ("rack 7");
        record.groups = groups;
        record.groups_count = 1;
        draft made = token_draft (self, &record, ADMIN);
        made.body.member.location = record.location;
        made.body.member.groups = groups;
        made.body.member.groups_count = 1;
        cases[i].tweak (&made);
        wire_signed document = finish (&made);
        wire_verified verified;
        bg_error err;
        expect (cases[i].what, verify (self, &document, &verified, &err), &err, cases[i].code,
            cases[i].says);
    }
}

static void a_token_is_an_admins (void **state)
{
    fixture *self = *state;
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
        wire_token record = token_record (self);
        wire_signed made = sign_token (self, &record, cases[i].who);
        wire_token decoded;
        const wire_login *signer = NULL;
        bg_result result = wire_verify_token (
            self->keyring, &made, crypto (), &self->arena, &decoded, &signer, &err);
        expect ("token", result, &err, cases[i].code, cases[i].says);
        draft member = token_draft (self, &record, cases[i].who);
        wire_signed document = finish (&member);
        wire_verified verified;
        expect (
            "chain", verify (self, &document, &verified, &err), &err, cases[i].code, cases[i].says);
    }
}

static void a_token_must_make_sense (void **state)
{
    fixture *self = *state;
    for (int flaw = 0; flaw < 5; flaw++) {
        bg_error err = {0};
        wire_token record = token_record (self);
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
        wire_signed made = sign_token (self, &record, ADMIN);
        wire_token decoded;
        const wire_login *signer = NULL;
        expect ("token",
            wire_verify_token (
                self->keyring, &made, crypto (), &self->arena, &decoded, &signer, &err),
            &err, code, NULL);
    }
}

/*  ---- deeds ----  */

static wire_deed start_deed (fixture *self)
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

static void poll_deed (wire_deed *deed)
{
    deed->what = WIRE_DEED_POLL;
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
    fixture *self = *state;
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
        {"poll", OPERATOR, poll_deed, BG_NOT_IN_VERSION, "a deed poll is not in this version"},
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
        wire_signed_make (crypto (), WIRE_TYPE_DEED, self->installation, &deed,
            self->secrets[cases[i].who], &self->arena, &made);
        wire_deed decoded;
        const wire_login *signer = NULL;
        bg_result result = wire_verify_deed (
            self->keyring, &made, crypto (), &self->arena, &decoded, &signer, &err);
        expect (cases[i].what, result, &err, cases[i].code, cases[i].says);
        if (cases[i].code == BG_OK)
            assert_true (signer && wire_equal (&wire_desc_deed, &deed, &decoded));
    }
}

/*  ---- attestations, proofs, leaves ----  */

static void an_attestation_is_the_brokers (void **state)
{
    fixture *self = *state;
    bg_error err = {0};
    wire_attestation attestation = {.installation = self->installation, .time_us = 7, .term = 1};
    wire_attestation decoded;
    wire_signed made;
    wire_signed_make (crypto (), WIRE_TYPE_ATTESTATION, self->installation, &attestation,
        self->secrets[BROKER], &self->arena, &made);
    expect ("broker",
        wire_verify_attestation (self->keyring, &made, crypto (), &self->arena, &decoded, &err),
        &err, BG_OK, NULL);
    assert_int_equal (decoded.time_us, 7);
    wire_signed_make (crypto (), WIRE_TYPE_ATTESTATION, self->installation, &attestation,
        self->secrets[ADMIN], &self->arena, &made);
    expect ("admin",
        wire_verify_attestation (self->keyring, &made, crypto (), &self->arena, &decoded, &err),
        &err, BG_BAD_SIGNATURE, "attestation is not signed by the key");
    attestation.installation.bytes[0] ^= 1;
    wire_signed_make (crypto (), WIRE_TYPE_ATTESTATION, self->installation, &attestation,
        self->secrets[BROKER], &self->arena, &made);
    expect ("inside",
        wire_verify_attestation (self->keyring, &made, crypto (), &self->arena, &decoded, &err),
        &err, BG_WRONG_INSTALLATION, NULL);
}

static void a_proof_is_of_token_and_target (void **state)
{
    fixture *self = *state;
    bg_error err = {0};
    wire_enlist_proof proof = {.installation = self->installation, .membership_hash = {1}};
    wire_enlist_proof decoded;
    wire_signed made;
    wire_signed_make (crypto (), WIRE_TYPE_PROOF, self->installation, &proof, self->secrets[TOKEN],
        &self->arena, &made);
    expect ("one",
        wire_verify_proof (self->installation, &made, &self->keys[TOKEN], &self->keys[TARGET],
            crypto (), &self->arena, &decoded, &err),
        &err, BG_BAD_SIGNATURE, "enlist is not signed");
    wire_signed_add (crypto (), self->installation, self->secrets[TARGET], &self->arena, &made);
    expect ("both",
        wire_verify_proof (self->installation, &made, &self->keys[TOKEN], &self->keys[TARGET],
            crypto (), &self->arena, &decoded, &err),
        &err, BG_OK, NULL);
    assert_int_equal (decoded.membership_hash[0], 1);
}

static void a_leave_is_the_targets (void **state)
{
    fixture *self = *state;
    bg_error err = {0};
    wire_leave leave = {.installation = self->installation, .target = {{1}}, .time_us = 3};
    wire_leave decoded;
    wire_signed made;
    wire_signed_make (crypto (), WIRE_TYPE_LEAVE, self->installation, &leave, self->secrets[TARGET],
        &self->arena, &made);
    expect ("target",
        wire_verify_leave (self->installation, &made, &self->keys[TARGET], crypto (), &self->arena,
            &decoded, &err),
        &err, BG_OK, NULL);
    expect ("other",
        wire_verify_leave (
            self->installation, &made, &self->keys[ADMIN], crypto (), &self->arena, &decoded, &err),
        &err, BG_BAD_SIGNATURE, NULL);
}

#define TRUST_TEST(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TRUST_TEST (a_keyring_answers_questions),
        TRUST_TEST (only_the_pinned_authority_is_the_first),
        TRUST_TEST (an_authority_must_make_sense),
        TRUST_TEST (the_next_authority_needs_its_signers_and_a_higher_version),
        TRUST_TEST (a_threshold_counts_distinct_admins),
        TRUST_TEST (the_next_authority_is_of_the_same_installation),
        TRUST_TEST (good_documents_are_accepted),
        TRUST_TEST (roles_are_kept),
        TRUST_TEST (each_flaw_of_a_document_is_named),
        TRUST_TEST (each_flaw_of_an_envelope_is_named),
        TRUST_TEST (signed_garbage_is_malformed),
        TRUST_TEST (the_best_signer_counts),
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
