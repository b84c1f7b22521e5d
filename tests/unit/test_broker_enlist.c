/*  Enlistment with a token: the dialogue, each refusal, and what a lost answer does.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

static const bg_id none;

static void hello_with (fx *self, const fx_node *node, const wire_enlist_hello *hello)
{
    fx_send (self, WIRE_ON_ENLIST, &node->keys.curve_key, none, WIRE_ENLIST_HELLO, hello);
}

static void say_hello (fx *self, const fx_node *node, const fx_token *token)
{
    wire_enlist_hello hello = fx_enlist_hello (self, node, token);
    hello_with (self, node, &hello);
}

static void a_token_enlists_and_the_key_comes_before_the_answer (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience web = fx_group (self, "web");
    const wire_audience db = fx_group (self, "db");
    wire_signed jobs[] = {fx_job (self, FX_AUTHOR, "clean", &web, 0, "/bin/true"),
        fx_job (self, FX_AUTHOR, "dump", &db, 0, "/bin/true")};
    fx_post (self, FX_AUTHOR, &jobs[0], 0);
    fx_post (self, FX_AUTHOR, &jobs[1], 0);
    fx_token token = fx_token_make (self, 9, "web*", "web", 2);
    fx_token_post (self, &token);
    fx_node node = fx_node_make (self, "web01", 100);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    wire_enlist_hello hello = fx_enlist_hello (self, &node, &token);
    hello_with (self, &node, &hello);
    const wire_enlist_challenge *challenge = fx_answer (self, WIRE_ENLIST_CHALLENGE);
    assert_int_equal (challenge->number, 1);
    assert_int_equal (challenge->authority_count, 1);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    wire_enlist_prove prove = fx_enlist_prove (self, &node, &token, &hello, challenge);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_PROVE, &prove);
    const wire_enlist_done *done = fx_answer (self, WIRE_ENLIST_DONE);
    /*  The authority and the one job of its group.  */
    assert_int_equal (done->documents, 2);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    assert_true (fx_admitted (self, WIRE_ON_ORDERS, &node.keys.curve_key));
    const wire_target_query query = {0};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->total, 1);
    assert_int_equal (targets->rows[0].state, WIRE_TARGET_NEVER_SEEN);
    assert_true (targets->rows[0].provisional);
    assert_true (bg_slice_is (targets->rows[0].enlisted_by, "ada"));
    assert_true (bg_slice_is (targets->rows[0].zone, "Europe/Berlin"));
    fx_close (&self);
}

/*  The answer to PROVE was lost: the same machine enlists again, gets the same number, and no use
    is burned.  */
static void the_same_machine_enlists_twice_as_one (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 1);
    fx_token_post (self, &token);
    fx_node node = fx_node_make (self, "web01", 100);
    fx_node_enlist (self, &node, &token);
    bg_id target = node.target;
    fx_pass (self, BG_HOUR (2));
    fx_node_enlist (self, &node, &token);
    assert_true (bg_id_equal (node.target, target));
    assert_int_equal (node.number, 1);
    fx_restart (self);
    fx_node_enlist (self, &node, &token);
    assert_true (bg_id_equal (node.target, target));
    /*  The one use is gone for others.  */
    fx_node other = fx_node_make (self, "web02", 101);
    say_hello (self, &other, &token);
    fx_refused (self, BG_TOKEN);
    fx_close (&self);
}

/*  Somebody who has a token and proves nothing uses no numbers up.  */
static void numbers_that_nobody_proves_are_given_again (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 5);
    fx_token_post (self, &token);
    for (unsigned char round = 0; round < 4; round++) {
        for (unsigned char i = 0; i < 3; i++) {
            fx_node node = fx_node_make (self, "web01", (unsigned char) (100 + 3 * round + i));
            say_hello (self, &node, &token);
            const wire_enlist_challenge *challenge = fx_answer (self, WIRE_ENLIST_CHALLENGE);
            assert_in_range (challenge->number, 1, 3);
        }
        fx_pass (self, BG_SEC (61));
        fx_tick (self);
    }
    fx_node first = fx_node_make (self, "web01", 150);
    fx_node second = fx_node_make (self, "web02", 151);
    fx_node_enlist (self, &first, &token);
    fx_node_enlist (self, &second, &token);
    assert_int_not_equal (first.number, second.number);
    fx_close (&self);
}

static void each_reason_refuses_a_hello (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 5);
    fx_token unknown = fx_token_make (self, 10, "web*", NULL, 5);
    fx_token_post (self, &token);
    fx_node node = fx_node_make (self, "web01", 100);
    say_hello (self, &node, &unknown);
    fx_refused (self, BG_TOKEN);
    fx_node wrong = fx_node_make (self, "db01", 101);
    say_hello (self, &wrong, &token);
    const wire_error *error = fx_refused (self, BG_TOKEN);
    assert_true (error->hint.size > 0);
    fx_token any = fx_token_make (self, 11, "*", NULL, 5);
    fx_token_post (self, &any);
    fx_node invalid = fx_node_make (self, "local", 102);
    say_hello (self, &invalid, &any);
    fx_refused (self, BG_INVALID);
    wire_enlist_hello hello = fx_enlist_hello (self, &node, &token);
    hello.level_low = hello.level_high = 7;
    hello_with (self, &node, &hello);
    fx_refused (self, BG_LEVEL);
    fx_node_enlist (self, &node, &token);
    fx_node same_name = fx_node_make (self, "WEB01", 103);
    say_hello (self, &same_name, &any);
    fx_refused (self, BG_EXISTS);
    fx_node renamed = node;
    renamed.name[3] = '9';
    say_hello (self, &renamed, &token);
    fx_refused (self, BG_ENLISTED);
    fx_pass (self, BG_HOUR (1));
    fx_node late = fx_node_make (self, "web07", 104);
    say_hello (self, &late, &token);
    fx_refused (self, BG_TOKEN);
    fx_close (&self);
}

typedef enum {
    WRONG_NUMBER,
    WRONG_ID,
    WRONG_NAME,
    WRONG_SIGN_KEY,
    WRONG_CURVE_KEY,
    WRONG_NONCE,
    WRONG_HASH,
    OTHER_PROOF_KEY,
    OTHER_TOKEN_KEY,
    NO_HELLO,
    TOO_LATE,
    WRONGS
} wrong;

static wire_enlist_prove wrong_prove (fx *self, fx_node *node, fx_token *token, wrong what)
{
    wire_enlist_hello hello = fx_enlist_hello (self, node, token);
    hello_with (self, node, &hello);
    wire_enlist_challenge challenge =
        *(const wire_enlist_challenge *) fx_answer (self, WIRE_ENLIST_CHALLENGE);
    fx_node liar = *node;
    if (what == WRONG_NUMBER)
        challenge.number++;
    if (what == WRONG_ID)
        challenge.target.bytes[15] ^= 1;
    if (what == WRONG_NAME)
        liar.name[4] = '9';
    if (what == WRONG_SIGN_KEY)
        liar.keys.sign_key.bytes[0] ^= 1;
    if (what == WRONG_CURVE_KEY)
        liar.keys.curve_key.bytes[0] ^= 1;
    if (what == WRONG_NONCE)
        challenge.nonce[0] ^= 1;
    if (what == OTHER_PROOF_KEY)
        memcpy (liar.keys.secret, self->people[FX_READER].secret, 64);
    fx_token other = *token;
    if (what == OTHER_TOKEN_KEY)
        memcpy (other.secret, self->people[FX_READER].secret, 64);
    wire_enlist_prove prove = fx_enlist_prove (self, &liar, &other, &hello, &challenge);
    if (what == WRONG_HASH) {
        fx_node second = liar;
        second.boots++;
        wire_enlist_prove again = fx_enlist_prove (self, &second, token, &hello, &challenge);
        challenge.number = 77;
        wire_enlist_prove third = fx_enlist_prove (self, &second, token, &hello, &challenge);
        prove = again;
        prove.proof = third.proof;
    }
    return prove;
}

static void each_lie_refuses_a_proof (void **state)
{
    (void) state;
    for (wrong what = 0; what < WRONGS; what++) {
        fx *self = fx_open ();
        fx_token token = fx_token_make (self, 9, "*", NULL, 5);
        fx_token_post (self, &token);
        fx_node node = fx_node_make (self, "web01", 100);
        wire_enlist_prove prove = wrong_prove (self, &node, &token, what);
        bg_key from = node.keys.curve_key;
        if (what == NO_HELLO)
            from.bytes[5] ^= 1;
        if (what == TOO_LATE)
            fx_pass (self, BG_SEC (61));
        fx_send (self, WIRE_ON_ENLIST, &from, none, WIRE_ENLIST_PROVE, &prove);
        fx_answer (self, WIRE_ERROR);
        const wire_target_query query = {0};
        const wire_targets *targets =
            fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
        assert_int_equal (targets->total, 0);
        assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
        /*  The honest way is still open, the use was not burned.  */
        fx_node_enlist (self, &node, &token);
        fx_close (&self);
    }
}

static void two_strangers_with_one_name_make_one_target (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "*", NULL, 5);
    fx_token_post (self, &token);
    fx_node nodes[2] = {fx_node_make (self, "web01", 100), fx_node_make (self, "web01", 101)};
    wire_enlist_prove proves[2];
    for (size_t i = 0; i < 2; i++) {
        wire_enlist_hello hello = fx_enlist_hello (self, &nodes[i], &token);
        hello_with (self, &nodes[i], &hello);
        proves[i] = fx_enlist_prove (
            self, &nodes[i], &token, &hello, fx_answer (self, WIRE_ENLIST_CHALLENGE));
    }
    fx_send (self, WIRE_ON_ENLIST, &nodes[1].keys.curve_key, none, WIRE_ENLIST_PROVE, &proves[1]);
    fx_answer (self, WIRE_ENLIST_DONE);
    fx_send (self, WIRE_ON_ENLIST, &nodes[0].keys.curve_key, none, WIRE_ENLIST_PROVE, &proves[0]);
    fx_refused (self, BG_EXISTS);
    fx_close (&self);
}

static void tokens_are_checked_and_repeatable (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", "web", 5);
    wire_token_create create = {.has_token = true, .token = token.record};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_AUTHOR].curve_key, none, WIRE_TOKEN_CREATE, &create);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_token_post (self, &token);
    fx_token_post (self, &token);
    fx_token other = fx_token_make (self, 9, "db*", "web", 5);
    create.token = other.record;
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_ADMIN].curve_key, none, WIRE_TOKEN_CREATE, &create);
    fx_refused (self, BG_EXISTS);
    fx_token unused = fx_token_make (self, 12, "web*", NULL, 0);
    create.token = unused.record;
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_ADMIN].curve_key, none, WIRE_TOKEN_CREATE, &create);
    fx_answer (self, WIRE_ERROR);
    fx_token late = fx_token_make (self, 13, "web*", NULL, 1);
    fx_pass (self, BG_HOUR (2));
    create.token = late.record;
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_ADMIN].curve_key, none, WIRE_TOKEN_CREATE, &create);
    fx_refused (self, BG_EXPIRED);
    fx_close (&self);
}

static void a_target_leaves_and_its_name_is_free (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    const wire_leave leave = {.installation = self->settings.installation,
        .target = node.target,
        .time_us = self->now.utc_us};
    wire_defect defect = {.has_leave = true};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_LEAVE, self->settings.installation, &leave,
        self->people[FX_ADMIN].secret, &self->arena, &defect.leave);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_DEFECT, &defect);
    fx_refused (self, BG_BAD_SIGNATURE);
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_LEAVE, self->settings.installation, &leave,
        node.keys.secret, &self->arena, &defect.leave);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_DEFECT, &defect);
    const wire_defected *defected = fx_answer (self, WIRE_DEFECTED);
    assert_true (bg_slice_is (defected->name, "web01"));
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    assert_false (fx_admitted (self, WIRE_ON_ORDERS, &node.keys.curve_key));
    const wire_poll poll = {0};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_POLL, &poll);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_node again = fx_member (self, "web01", "web");
    assert_true (again.number > node.number);
    wire_target_query query = {.defected = true};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->total, 2);
    assert_int_equal (targets->rows[0].state, WIRE_TARGET_DEFECTED);
    fx_restart (self);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_token_enlists_and_the_key_comes_before_the_answer),
        cmocka_unit_test (the_same_machine_enlists_twice_as_one),
        cmocka_unit_test (numbers_that_nobody_proves_are_given_again),
        cmocka_unit_test (each_reason_refuses_a_hello),
        cmocka_unit_test (each_lie_refuses_a_proof),
        cmocka_unit_test (two_strangers_with_one_name_make_one_target),
        cmocka_unit_test (tokens_are_checked_and_repeatable),
        cmocka_unit_test (a_target_leaves_and_its_name_is_free),
    };
    return cmocka_run_group_tests_name ("broker enlist", tests, NULL, NULL);
}
