/*  Targets that the desk refuses: what the broker says of them, and to whom. And tokens: taking a name over, revoking.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

static const bg_id none;

static void member_signed (fx *self, const fx_node *node, wire_signed *out)
{
    bg_error err = {0};
    assert_false (bg_failed (
        WIRE_DECODE (signed, node->membership, WIRE_AS_MESSAGE, &self->arena, out, &err)));
}

/*  The membership that the broker has of it.  */
static void fetch_membership (fx *self, fx_node *node)
{
    const bg_slice name = bg_slice_str (node->name);
    const wire_target_query query = {
        .names = (bg_slice *) (uintptr_t) &name, .names_count = 1, .details = true};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    BG_AUTO_BUF bytes = {0};
    assert_true (targets->rows[0].has_membership);
    WIRE_ENCODE (signed, &targets->rows[0].membership, &bytes);
    node->membership = bg_arena_copy (&self->arena, bg_buf_slice (&bytes));
}

static wire_enlist_claim claim_of (fx *self, const fx_node *node)
{
    wire_enlist_claim claim = {
        .installation = self->settings.installation, .has_membership = true, .authority = 1};
    const bg_id id = fx_id (self);
    member_signed (self, node, &claim.membership);
    memcpy (claim.nonce, id.bytes, sizeof claim.nonce);
    return claim;
}

static void prove (
    fx *self, const fx_person *signer, const uint8_t nonce[16], wire_enlist_claim *claim)
{
    wire_enlist_proof proof = {
        .installation = self->settings.installation, .broker_curve_key = self->settings.curve_key};
    memcpy (proof.broker_nonce, nonce, sizeof proof.broker_nonce);
    memcpy (proof.target_nonce, claim->nonce, sizeof proof.target_nonce);
    wire_hash32 (claim->membership.bytes, proof.membership_hash);
    claim->has_proof = true;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_PROOF, self->settings.installation, &proof,
        signer->secret, &self->arena, &claim->proof);
}

static void send_claim (fx *self, const bg_key *from, const wire_enlist_claim *claim)
{
    fx_send (self, WIRE_ON_ENLIST, from, none, WIRE_ENLIST_CLAIM, claim);
}

static const wire_enlist_claimed *claimed (fx *self, const fx_node *node)
{
    wire_enlist_claim claim = claim_of (self, node);
    send_claim (self, &node->keys.curve_key, &claim);
    const wire_enlist_claimed *first = fx_answer (self, WIRE_ENLIST_CLAIMED);
    assert_int_equal (first->state, WIRE_CLAIM_PROVE);
    assert_false (first->has_membership);
    prove (self, &node->keys, first->nonce, &claim);
    send_claim (self, &node->keys.curve_key, &claim);
    return fx_answer (self, WIRE_ENLIST_CLAIMED);
}

static void post_end (fx *self, const fx_node *node, bool cut)
{
    wire_signed held;
    wire_document document;
    wire_membership body;
    bg_error err = {0};
    member_signed (self, node, &held);
    assert_false (bg_failed (
        WIRE_DECODE (document, held.bytes, WIRE_AS_SIGNED, &self->arena, &document, &err)));
    assert_false (bg_failed (
        WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &self->arena, &body, &err)));
    body.state = WIRE_DEFECTED_MEMBER;
    body.has_token = false;
    wire_post_item item = {.has_document = true, .seen_version = document.version, .cut = cut};
    item.document = fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, document.key, 0, &body);
    const wire_post post = {.items = &item, .items_count = 1};
    fx_ask (self, FX_ADMIN, WIRE_POST, &post, WIRE_POSTED);
}

static fx_node member (fx *self, const char *name)
{
    fx_node node = fx_member (self, name, NULL);
    fetch_membership (self, &node);
    return node;
}

static void a_member_is_told_so_and_admitted (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = member (self, "web01");
    assert_int_equal (claimed (self, &node)->state, WIRE_CLAIM_MEMBER);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_close (&self);
}

static void cut_at_once_it_hears_of_it_by_its_claim (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = member (self, "web01");
    post_end (self, &node, true);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_restart (self);
    const wire_enlist_claimed *answer = claimed (self, &node);
    assert_int_equal (answer->state, WIRE_CLAIM_DEFECTED);
    assert_true (answer->has_membership);
    assert_int_equal (answer->authority_count, 0);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_close (&self);
}

static void delivered_it_keeps_its_key_for_seven_days (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = member (self, "web01");
    post_end (self, &node, false);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_pass (self, BG_DAY (6));
    fx_tick (self);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_pass (self, BG_DAY (2));
    fx_tick (self);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    assert_int_equal (claimed (self, &node)->state, WIRE_CLAIM_DEFECTED);
    fx_close (&self);
}

/*  A target of the same installation that this state has never heard of. Restored it would be taken in (test_broker_mode).  */
static void nobody_here_has_heard_of_it (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx *other = fx_open ();
    fx_node node = member (other, "web01");
    assert_true (bg_id_equal (self->settings.installation, other->settings.installation));
    const wire_enlist_claimed *answer = claimed (self, &node);
    assert_int_equal (answer->state, WIRE_CLAIM_UNKNOWN);
    assert_false (answer->has_membership);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    fx_close (&other);
    fx_close (&self);
}

static void who_does_not_have_the_keys_learns_nothing (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = member (self, "web01");
    fx_node thief = fx_node_make (self, "web01", 222);
    post_end (self, &node, true);
    wire_enlist_claim claim = claim_of (self, &node);
    /*  Another CURVE key shows the membership.  */
    send_claim (self, &thief.keys.curve_key, &claim);
    fx_refused (self, BG_BAD_SIGNATURE);
    /*  The CURVE key, not the signing key.  */
    send_claim (self, &node.keys.curve_key, &claim);
    const wire_enlist_claimed *first = fx_answer (self, WIRE_ENLIST_CLAIMED);
    prove (self, &thief.keys, first->nonce, &claim);
    send_claim (self, &node.keys.curve_key, &claim);
    fx_refused (self, BG_BAD_SIGNATURE);
    /*  A proof of another membership, and one that is too old.  */
    wire_enlist_claim right = claim_of (self, &node);
    prove (self, &node.keys, first->nonce, &right);
    fx_pass (self, BG_MIN (3));
    send_claim (self, &node.keys.curve_key, &right);
    assert_int_equal (((const wire_enlist_claimed *) fx_answer (self, WIRE_ENLIST_CLAIMED))->state,
        WIRE_CLAIM_PROVE);
    /*  Another installation.  */
    claim.installation.bytes[0] ^= 1;
    send_claim (self, &node.keys.curve_key, &claim);
    fx_refused (self, BG_WRONG_INSTALLATION);
    fx_close (&self);
}

/*  ---- a restored broker ----  */

static bg_id ask_request (fx *self, int person, const wire_request *wanted, bool dry_run)
{
    wire_request ask = *wanted;
    ask.installation = self->settings.installation;
    ask.id = fx_id (self);
    ask.issued_us = self->now.utc_us;
    wire_ask_request message = {.has_request = true, .dry_run = dry_run};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, self->settings.installation, &ask,
        self->people[person].secret, &self->arena, &message.request);
    return fx_send (
        self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_REQUEST, &message);
}

/*  What somebody with the token's secret signs for himself: any name of the token's, any number.  */
static fx_node self_made (fx *self, const fx_token *token, const char *name, uint32_t number)
{
    fx_node node = fx_node_make (self, name, 150);
    const wire_enlist_hello hello = {.level_low = 1};
    const wire_enlist_challenge challenge = {.target = fx_id (self), .number = number};
    const wire_enlist_prove made = fx_enlist_prove (self, &node, token, &hello, &challenge);
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (signed, &made.membership, &bytes);
    node.membership = bg_arena_copy (&self->arena, bg_buf_slice (&bytes));
    return node;
}

static void a_token_brings_back_as_many_as_it_has_uses (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 2);
    fx_make_restored (self); /*  the token was made in the lost part  */
    fx_node one = self_made (self, &token, "web01", 3);
    fx_node two = self_made (self, &token, "web02", 4);
    fx_node three = self_made (self, &token, "web03", 5);
    assert_int_equal (claimed (self, &one)->state, WIRE_CLAIM_MEMBER);
    assert_int_equal (claimed (self, &two)->state, WIRE_CLAIM_MEMBER);
    assert_int_equal (claimed (self, &three)->state, WIRE_CLAIM_UNKNOWN);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &three.keys.curve_key));
    fx_close (&self);
}

static void a_revoked_token_brings_nobody_back (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 2);
    fx_token_post (self, &token);
    const wire_request revoke = {.what = WIRE_REQUEST_TOKEN_REVOKE, .token_key = token.key};
    ask_request (self, FX_ADMIN, &revoke, false);
    fx_answer (self, WIRE_DONE);
    fx_make_restored (self);
    fx_node node = self_made (self, &token, "web01", 3);
    assert_int_equal (claimed (self, &node)->state, WIRE_CLAIM_UNKNOWN);
    fx_close (&self);
}

/*  Tables are as long as the highest number: 32 GiB of them, or a loop without end, are not for who has a token.  */
static void a_number_far_away_is_not_taken (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 2);
    fx_make_restored (self);
    fx_node node = self_made (self, &token, "web01", UINT32_MAX - 200000);
    assert_int_equal (claimed (self, &node)->state, WIRE_CLAIM_UNKNOWN);
    assert_int_equal (broker_core_counter (self->core, "adopt-refused"), 1);
    fx_close (&self);
}

static fx_node hello_only (fx *self, const fx_token *token, const char *name, unsigned char seed)
{
    fx_node node = fx_node_make (self, name, seed);
    const wire_enlist_hello hello = fx_enlist_hello (self, &node, token);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_HELLO, &hello);
    node.number =
        (uint32_t) ((const wire_enlist_challenge *) fx_answer (self, WIRE_ENLIST_CHALLENGE))
            ->number;
    return node;
}

/*  Between a challenge and its proof the number is somebody's.  */
static void a_reserved_number_is_not_taken_by_a_claim (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 9);
    fx_token_post (self, &token);
    fx_make_restored (self);
    const wire_request resume = {.what = WIRE_REQUEST_RESUME};
    ask_request (self, FX_ADMIN, &resume, false);
    fx_answer (self, WIRE_DONE);
    fx_node waiting = hello_only (self, &token, "web01", 100);
    fx_node node = self_made (self, &token, "web02", waiting.number);
    assert_int_equal (claimed (self, &node)->state, WIRE_CLAIM_UNKNOWN);
    fx_node_enlist (self, &waiting, &token);
    fx_close (&self);
}

static void reserved_numbers_are_not_given_out_after_a_restore (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 9);
    fx_token_post (self, &token);
    fx_node before = hello_only (self, &token, "web01", 100);
    fx_make_restored (self);
    const wire_request resume = {.what = WIRE_REQUEST_RESUME};
    ask_request (self, FX_ADMIN, &resume, false);
    fx_answer (self, WIRE_DONE);
    fx_node again = hello_only (self, &token, "web01", 100);
    assert_true (again.number > before.number + 65535);
    fx_close (&self);
}

/*  ---- tokens ----  */

static fx_token replacing (fx *self, const char *name)
{
    fx_token token = fx_token_make (self, 77, name, NULL, 1);
    wire_token record;
    bg_error err = {0};
    assert_false (bg_failed (
        WIRE_DECODE (token, token.record.bytes, WIRE_AS_SIGNED, &self->arena, &record, &err)));
    record.replace = bg_slice_str (name);
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_TOKEN, self->settings.installation, &record,
        self->people[FX_ADMIN].secret, &self->arena, &token.record);
    return token;
}

static void a_replacing_token_takes_the_name_over (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node old = member (self, "web01");
    fx_token token = replacing (self, "web01");
    fx_token_post (self, &token);
    fx_node node = fx_node_make (self, "web01", 200);
    /*  The hello alone removes nobody.  */
    wire_enlist_hello hello = fx_enlist_hello (self, &node, &token);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_HELLO, &hello);
    fx_answer (self, WIRE_ENLIST_CHALLENGE);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &old.keys.curve_key));
    fx_node_enlist (self, &node, &token);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &old.keys.curve_key));
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    assert_int_not_equal (node.number, old.number);
    /*  No signature says that the old one has to go: its people decide.  */
    const wire_enlist_claimed *answer = claimed (self, &old);
    assert_int_equal (answer->state, WIRE_CLAIM_DEFECTED);
    assert_false (answer->has_membership);
    fx_close (&self);
}

static void a_replacing_token_is_for_one_machine_of_that_name (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 77, "web*", NULL, 2);
    wire_token record;
    bg_error err = {0};
    assert_false (bg_failed (
        WIRE_DECODE (token, token.record.bytes, WIRE_AS_SIGNED, &self->arena, &record, &err)));
    record.replace = bg_slice_str ("web01");
    wire_token_create create = {.has_token = true};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_TOKEN, self->settings.installation, &record,
        self->people[FX_ADMIN].secret, &self->arena, &create.token);
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_ADMIN].curve_key, none, WIRE_TOKEN_CREATE, &create);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

static void a_revoked_token_enlists_nobody_and_is_listed_with_all (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", "web", 2);
    fx_token_post (self, &token);
    wire_token_query query = {0};
    const wire_tokens *tokens = fx_ask (self, FX_READER, WIRE_TOKEN_QUERY, &query, WIRE_TOKENS);
    assert_int_equal (tokens->rows_count, 1);
    assert_int_equal (tokens->rows[0].uses, 2);
    const wire_request revoke = {.what = WIRE_REQUEST_TOKEN_REVOKE, .token_key = token.key};
    ask_request (self, FX_OPERATOR, &revoke, false);
    fx_refused (self, BG_NOT_ALLOWED);
    ask_request (self, FX_ADMIN, &revoke, true);
    fx_answer (self, WIRE_DONE);
    assert_int_equal (
        ((const wire_tokens *) fx_ask (self, FX_READER, WIRE_TOKEN_QUERY, &query, WIRE_TOKENS))
            ->rows_count,
        1);
    ask_request (self, FX_ADMIN, &revoke, false);
    assert_int_equal (((const wire_done *) fx_answer (self, WIRE_DONE))->count, 1);
    ask_request (self, FX_ADMIN, &revoke, false);
    assert_int_equal (((const wire_done *) fx_answer (self, WIRE_DONE))->count, 0);
    fx_restart (self);
    assert_int_equal (
        ((const wire_tokens *) fx_ask (self, FX_READER, WIRE_TOKEN_QUERY, &query, WIRE_TOKENS))
            ->rows_count,
        0);
    query.all = true;
    tokens = fx_ask (self, FX_READER, WIRE_TOKEN_QUERY, &query, WIRE_TOKENS);
    assert_int_equal (tokens->rows_count, 1);
    assert_true (tokens->rows[0].revoked_us > 0);
    assert_true (bg_slice_is (tokens->rows[0].revoked_by, "ada"));
    fx_node node = fx_node_make (self, "web01", 100);
    const wire_enlist_hello hello = fx_enlist_hello (self, &node, &token);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_HELLO, &hello);
    fx_refused (self, BG_TOKEN);
    const wire_request nobody = {
        .what = WIRE_REQUEST_TOKEN_REVOKE, .token_key = self->people[FX_ADMIN].sign_key};
    ask_request (self, FX_ADMIN, &nobody, false);
    fx_refused (self, BG_NOT_FOUND);
    fx_close (&self);
}

/*  Begun before, proven after: the use is not given.  */
static void revoking_counts_in_the_middle_of_an_enlistment (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "web*", NULL, 2);
    fx_token_post (self, &token);
    fx_node node = fx_node_make (self, "web01", 100);
    const wire_enlist_hello hello = fx_enlist_hello (self, &node, &token);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_HELLO, &hello);
    const wire_enlist_challenge *challenge = fx_answer (self, WIRE_ENLIST_CHALLENGE);
    const wire_enlist_prove prove_it = fx_enlist_prove (self, &node, &token, &hello, challenge);
    const wire_request revoke = {.what = WIRE_REQUEST_TOKEN_REVOKE, .token_key = token.key};
    ask_request (self, FX_ADMIN, &revoke, false);
    fx_answer (self, WIRE_DONE);
    fx_send (self, WIRE_ON_ENLIST, &node.keys.curve_key, none, WIRE_ENLIST_PROVE, &prove_it);
    fx_refused (self, BG_TOKEN);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_member_is_told_so_and_admitted),
        cmocka_unit_test (cut_at_once_it_hears_of_it_by_its_claim),
        cmocka_unit_test (delivered_it_keeps_its_key_for_seven_days),
        cmocka_unit_test (nobody_here_has_heard_of_it),
        cmocka_unit_test (who_does_not_have_the_keys_learns_nothing),
        cmocka_unit_test (a_token_brings_back_as_many_as_it_has_uses),
        cmocka_unit_test (a_revoked_token_brings_nobody_back),
        cmocka_unit_test (a_number_far_away_is_not_taken),
        cmocka_unit_test (a_reserved_number_is_not_taken_by_a_claim),
        cmocka_unit_test (reserved_numbers_are_not_given_out_after_a_restore),
        cmocka_unit_test (a_replacing_token_takes_the_name_over),
        cmocka_unit_test (a_replacing_token_is_for_one_machine_of_that_name),
        cmocka_unit_test (a_revoked_token_enlists_nobody_and_is_listed_with_all),
        cmocka_unit_test (revoking_counts_in_the_middle_of_an_enlistment),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
