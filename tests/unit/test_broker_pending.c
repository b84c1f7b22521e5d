/*  Enlistment without a token: what makes a row, what bounds rows, and what makes a target of one. Strangers can do
    anything here that their keys allow.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/enlist_code.h"
#include "tests/unit/broker_fixture.h"

#include <stdio.h>

static const bg_id none;

static wire_enlist_ask ask_of (fx *self, const fx_node *node)
{
    wire_enlist_ask ask = {.level_low = 1,
        .level_high = 1,
        .sign_key = node->keys.sign_key,
        .name = bg_slice_str (node->name),
        .zone = bg_slice_str ("Europe/Berlin"),
        .location = bg_slice_str ("rack 3")};
    const bg_id id = fx_id (self);
    memcpy (ask.nonce, id.bytes, sizeof ask.nonce);
    return ask;
}

/*  signer: whose key signs; mostly the node's own.  */
static void add_proof (fx *self, const fx_person *signer, const uint8_t nonce[16],
    const bg_key *broker, wire_enlist_ask *ask)
{
    wire_enlist_proof proof = {
        .installation = self->settings.installation, .broker_curve_key = *broker};
    memcpy (proof.broker_nonce, nonce, sizeof proof.broker_nonce);
    memcpy (proof.target_nonce, ask->nonce, sizeof proof.target_nonce);
    ask->has_proof = true;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_PROOF, self->settings.installation, &proof,
        signer->secret, &self->arena, &ask->proof);
}

static void send_ask (fx *self, const fx_node *node, const wire_enlist_ask *ask)
{
    fx_send (self, WIRE_ON_ENLIST, &node->keys.curve_key, none, WIRE_ENLIST_ASK, ask);
}

/*  Both steps; the answer to the second is left to the caller.  */
static const wire_enlist_pending *ask_twice (fx *self, const fx_node *node)
{
    wire_enlist_ask ask = ask_of (self, node);
    send_ask (self, node, &ask);
    const wire_enlist_pending *pending = fx_answer (self, WIRE_ENLIST_PENDING);
    assert_false (pending->listed);
    add_proof (self, &node->keys, pending->nonce, &self->settings.curve_key, &ask);
    send_ask (self, node, &ask);
    return pending;
}

static const wire_enlist_pending *ask_listed (fx *self, const fx_node *node)
{
    ask_twice (self, node);
    const wire_enlist_pending *pending = fx_answer (self, WIRE_ENLIST_PENDING);
    assert_true (pending->listed);
    return pending;
}

static const wire_pending *rows_of (fx *self)
{
    const wire_pending_query query = {0};
    return fx_ask (self, FX_READER, WIRE_PENDING_QUERY, &query, WIRE_PENDING);
}

static wire_membership membership_of (const wire_pending_row *row)
{
    return (wire_membership){.target = row->target,
        .number = row->number,
        .name = row->name,
        .state = WIRE_MEMBER,
        .sign_key = row->sign_key,
        .curve_key = row->curve_key};
}

static wire_signed approval (fx *self, const wire_pending_row *row)
{
    const wire_membership body = membership_of (row);
    return fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, row->target, 0, &body);
}

/*  ---- asking ----  */

static void a_question_without_proof_keeps_nothing (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    const wire_enlist_ask ask = ask_of (self, &node);
    send_ask (self, &node, &ask);
    const wire_enlist_pending *pending = fx_answer (self, WIRE_ENLIST_PENDING);
    assert_false (pending->listed);
    assert_int_equal (rows_of (self)->rows_count, 0);
    fx_close (&self);
}

static void a_proven_question_makes_a_row_that_survives_a_restart (void **state)
{
    (void) state;
    fx *self = fx_open ();
    self->address = bg_slice_str ("192.0.2.7");
    fx_node node = fx_node_make (self, "web01", 100);
    const wire_enlist_pending *said = ask_listed (self, &node);
    assert_true (bg_slice_is (said->broker, "lab") || said->broker.size > 0);
    for (int i = 0; i < 2; i++) {
        const wire_pending *all = rows_of (self);
        assert_int_equal (all->rows_count, 1);
        const wire_pending_row *row = &all->rows[0];
        assert_true (bg_slice_is (row->name, "web01"));
        assert_true (bg_slice_is (row->address, "192.0.2.7"));
        assert_true (bg_slice_is (row->location, "rack 3"));
        assert_true (bg_key_equal (&row->sign_key, &node.keys.sign_key));
        assert_true (bg_key_equal (&row->curve_key, &node.keys.curve_key));
        assert_false (row->name_taken);
        assert_false (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
        fx_restart (self);
    }
    /*  Asked again it is the same row.  */
    const bg_id target = rows_of (self)->rows[0].target;
    ask_listed (self, &node);
    assert_int_equal (rows_of (self)->rows_count, 1);
    assert_true (bg_id_equal (rows_of (self)->rows[0].target, target));
    fx_close (&self);
}

static void a_row_goes_a_day_after_the_last_question_and_its_number_is_given_again (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    ask_listed (self, &node);
    fx_pass (self, BG_HOUR (20));
    fx_tick (self);
    ask_listed (self, &node);
    fx_pass (self, BG_HOUR (20));
    fx_tick (self);
    const uint64_t number = rows_of (self)->rows[0].number;
    fx_pass (self, BG_HOUR (5));
    fx_tick (self);
    assert_int_equal (rows_of (self)->rows_count, 0);
    fx_node other = fx_node_make (self, "web02", 101);
    ask_listed (self, &other);
    assert_int_equal (rows_of (self)->rows[0].number, number);
    fx_close (&self);
}

static void questions_become_rarer_with_time (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    assert_int_equal (ask_listed (self, &node)->again_us, BG_SEC (2));
    fx_pass (self, BG_MIN (3));
    assert_int_equal (ask_listed (self, &node)->again_us, BG_SEC (12));
    fx_pass (self, BG_HOUR (3));
    assert_int_equal (ask_listed (self, &node)->again_us, BG_SEC (30));
    fx_close (&self);
}

/*  ---- hostile ----  */

static void a_proof_counts_for_its_peer_its_minute_and_its_broker (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    fx_node thief = fx_node_make (self, "web01", 101);
    wire_enlist_ask ask = ask_of (self, &node);
    send_ask (self, &node, &ask);
    const wire_enlist_pending *first = fx_answer (self, WIRE_ENLIST_PENDING);
    add_proof (self, &node.keys, first->nonce, &self->settings.curve_key, &ask);
    /*  Another peer shows it: the nonce is not that peer's.  */
    send_ask (self, &thief, &ask);
    assert_false (((const wire_enlist_pending *) fx_answer (self, WIRE_ENLIST_PENDING))->listed);
    /*  Its own, three minutes late.  */
    fx_pass (self, BG_MIN (3));
    send_ask (self, &node, &ask);
    assert_false (((const wire_enlist_pending *) fx_answer (self, WIRE_ENLIST_PENDING))->listed);
    /*  Signed by another key, for another broker, with another nonce of the target.  */
    wire_enlist_ask wrong = ask_of (self, &node);
    send_ask (self, &node, &wrong);
    const wire_enlist_pending *now = fx_answer (self, WIRE_ENLIST_PENDING);
    add_proof (self, &thief.keys, now->nonce, &self->settings.curve_key, &wrong);
    send_ask (self, &node, &wrong);
    fx_refused (self, BG_BAD_SIGNATURE);
    add_proof (self, &node.keys, now->nonce, &thief.keys.curve_key, &wrong);
    send_ask (self, &node, &wrong);
    fx_refused (self, BG_BAD_SIGNATURE);
    add_proof (self, &node.keys, now->nonce, &self->settings.curve_key, &wrong);
    wrong.nonce[0] ^= 1;
    send_ask (self, &node, &wrong);
    fx_refused (self, BG_BAD_SIGNATURE);
    assert_int_equal (rows_of (self)->rows_count, 0);
    fx_close (&self);
}

static void one_address_has_sixteen_rows (void **state)
{
    (void) state;
    fx *self = fx_open ();
    self->address = bg_slice_str ("192.0.2.7");
    for (unsigned char i = 0; i < 16; i++) {
        fx_node node = fx_node_make (self, "web01", (unsigned char) (100 + i));
        ask_listed (self, &node);
    }
    fx_node more = fx_node_make (self, "web01", 200);
    ask_twice (self, &more);
    const wire_error *error = fx_refused (self, BG_OVERLOADED);
    assert_true (error->hint.size > 0);
    /*  Who is listed may ask on; another address has room.  */
    fx_node listed = fx_node_make (self, "web01", 100);
    ask_listed (self, &listed);
    self->address = bg_slice_str ("192.0.2.8");
    ask_listed (self, &more);
    fx_close (&self);
}

static const wire_done *ask_admin (fx *self, const wire_request *wanted)
{
    wire_request request = *wanted;
    wire_ask_request message = {.has_request = true};
    request.installation = self->settings.installation;
    request.id = fx_id (self);
    request.issued_us = self->now.utc_us;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, self->settings.installation,
        &request, self->people[FX_ADMIN].secret, &self->arena, &message.request);
    return fx_ask (self, FX_ADMIN, WIRE_REQUEST, &message, WIRE_DONE);
}

static void reject_first (fx *self)
{
    bg_slice id =
        bg_arena_printf (&self->arena, "%s", bg_id_text (rows_of (self)->rows[0].target).text);
    const wire_request reject = {.what = WIRE_REQUEST_REJECT, .ids = &id, .ids_count = 1};
    assert_int_equal (ask_admin (self, &reject)->count, 1);
}

/*  Switched off nobody new is listed; who waits may be approved, and is told so.  */
static void switched_off_only_tokens_enlist (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node early = fx_node_make (self, "web01", 100);
    fx_node late = fx_node_make (self, "web02", 101);
    ask_listed (self, &early);
    const wire_request off = {.what = WIRE_REQUEST_SET,
        .name = bg_slice_str ("enlist-pending"),
        .value = bg_slice_str ("off")};
    ask_admin (self, &off);
    ask_twice (self, &late);
    fx_refused (self, BG_NOT_ALLOWED);
    ask_listed (self, &early);
    const wire_signed document = approval (self, &rows_of (self)->rows[0]);
    fx_post (self, FX_ADMIN, &document, 0);
    ask_twice (self, &early);
    fx_answer (self, WIRE_ENLIST_APPROVED);
    fx_close (&self);
}

static void a_flood_of_keys_ends_at_a_thousand_rows (void **state)
{
    (void) state;
    fx *self = fx_open ();
    char address[16];
    for (unsigned i = 0; i < 1001; i++) {
        fx_node node = fx_node_make (self, "web01", 100);
        snprintf (address, sizeof address, "10.0.%u.%u", i / 200, i % 200);
        self->address = bg_slice_str (address);
        memcpy (node.keys.curve_key.bytes, &i, sizeof i);
        ask_twice (self, &node);
        if (i < 1000)
            fx_answer (self, WIRE_ENLIST_PENDING);
        else
            fx_refused (self, BG_OVERLOADED);
    }
    /*  Rejecting some makes room at once, although they are kept for a while to be told.  */
    reject_first (self);
    fx_node late = fx_node_make (self, "web01", 101);
    ask_listed (self, &late);
    fx_close (&self);
}

static void a_rejected_machine_is_told_for_a_while (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    ask_listed (self, &node);
    reject_first (self);
    assert_int_equal (rows_of (self)->rows_count, 0);
    fx_restart (self);
    ask_twice (self, &node);
    fx_refused (self, BG_REJECTED);
    fx_pass (self, BG_MIN (11));
    fx_tick (self);
    ask_listed (self, &node);
    fx_close (&self);
}

static void large_facts_are_left_out_of_the_row (void **state)
{
    (void) state;
    fx *self = fx_open ();
    char large[2000];
    memset (large, 'x', sizeof large);
    wire_pair facts[] = {{bg_slice_str ("os"), bg_slice_str ("debian")},
        {bg_slice_str ("story"), bg_slice_of (large, sizeof large)}};
    fx_node node = fx_node_make (self, "web01", 100);
    wire_enlist_ask ask = ask_of (self, &node);
    ask.facts = facts;
    ask.facts_count = 2;
    send_ask (self, &node, &ask);
    const wire_enlist_pending *pending = fx_answer (self, WIRE_ENLIST_PENDING);
    add_proof (self, &node.keys, pending->nonce, &self->settings.curve_key, &ask);
    send_ask (self, &node, &ask);
    fx_answer (self, WIRE_ENLIST_PENDING);
    const wire_pending_row *row = &rows_of (self)->rows[0];
    assert_int_equal (row->facts_count, 1);
    assert_true (bg_slice_is (row->facts[0].value, "debian"));
    fx_close (&self);
}

static void another_authority_than_ours_is_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    wire_enlist_ask ask = ask_of (self, &node);
    static const uint8_t swapped[32] = {7};
    ask.authority_hash = bg_slice_of (swapped, sizeof swapped);
    send_ask (self, &node, &ask);
    fx_refused (self, BG_CONFLICT);
    ask.authority_hash = bg_slice_of (swapped, 5);
    send_ask (self, &node, &ask);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

static void a_member_asks_for_nothing_new (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", NULL);
    wire_enlist_ask ask = ask_of (self, &node);
    ask_twice (self, &node);
    const wire_enlist_approved *approved = fx_answer (self, WIRE_ENLIST_APPROVED);
    assert_int_equal (approved->authority_count, 1);
    /*  Under another name it is refused.  */
    ask.name = bg_slice_str ("web02");
    send_ask (self, &node, &ask);
    const wire_enlist_pending *pending = fx_answer (self, WIRE_ENLIST_PENDING);
    add_proof (self, &node.keys, pending->nonce, &self->settings.curve_key, &ask);
    send_ask (self, &node, &ask);
    fx_refused (self, BG_ENLISTED);
    assert_int_equal (rows_of (self)->rows_count, 0);
    fx_close (&self);
}

/*  ---- approving ----  */

static void the_admins_membership_makes_a_target_that_is_not_provisional (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &all, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    fx_node node = fx_node_make (self, "web01", 100);
    ask_listed (self, &node);
    const wire_signed document = approval (self, &rows_of (self)->rows[0]);
    const wire_posted_item *posted = fx_post (self, FX_ADMIN, &document, 0);
    assert_int_equal (posted->outcome, WIRE_POSTED_CREATED);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &node.keys.curve_key));
    assert_int_equal (rows_of (self)->rows_count, 0);
    fx_restart (self);
    const wire_target_query query = {0};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->total, 1);
    assert_false (targets->rows[0].provisional);
    assert_true (bg_slice_is (targets->rows[0].enlisted_by, "ada"));
    assert_true (bg_slice_is (targets->rows[0].zone, "Europe/Berlin"));
    ask_twice (self, &node);
    const wire_enlist_approved *approved = fx_answer (self, WIRE_ENLIST_APPROVED);
    assert_int_equal (approved->documents, 2);
    /*  The same answer as often as it asks; then it takes part.  */
    ask_twice (self, &node);
    fx_answer (self, WIRE_ENLIST_APPROVED);
    node.target = targets->rows[0].id;
    node.number = 1;
    fx_node_hello (self, &node);
    fx_node_settle (self, &node);
    fx_close (&self);
}

static void a_membership_that_is_not_the_rows_is_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    fx_node other = fx_node_make (self, "web02", 101);
    ask_listed (self, &node);
    const wire_pending_row row = rows_of (self)->rows[0];
    wire_membership wrong[4];
    for (size_t i = 0; i < 4; i++)
        wrong[i] = membership_of (&row);
    wrong[0].sign_key = other.keys.sign_key;
    wrong[1].curve_key = other.keys.curve_key;
    wrong[2].number = row.number + 1;
    wrong[3].state = WIRE_DEFECTED_MEMBER;
    for (size_t i = 0; i < 4; i++) {
        const wire_signed document =
            fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, row.target, 0, &wrong[i]);
        fx_try_post (self, FX_ADMIN, &document, 0);
        fx_refused (self, i < 3 ? BG_CONFLICT : BG_INVALID);
    }
    const wire_membership right = membership_of (&row);
    const wire_signed by_operator =
        fx_document (self, FX_OPERATOR, WIRE_TYPE_MEMBERSHIP, row.target, 0, &right);
    fx_try_post (self, FX_OPERATOR, &by_operator, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    assert_int_equal (rows_of (self)->rows_count, 1);
    fx_close (&self);
}

static void a_taken_name_is_shown_and_not_approved (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node taken = fx_member (self, "web01", NULL);
    (void) taken;
    fx_node node = fx_node_make (self, "WEB01", 150);
    ask_listed (self, &node);
    const wire_pending_row row = rows_of (self)->rows[0];
    assert_true (row.name_taken);
    wire_signed document = approval (self, &row);
    fx_try_post (self, FX_ADMIN, &document, 0);
    fx_refused (self, BG_EXISTS);
    wire_membership renamed = membership_of (&row);
    renamed.name = bg_slice_str ("web02");
    document = fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, row.target, 0, &renamed);
    fx_post (self, FX_ADMIN, &document, 0);
    /*  It may go on asking under its own name until it has been here.  */
    ask_twice (self, &node);
    fx_answer (self, WIRE_ENLIST_APPROVED);
    fx_close (&self);
}

/*  ---- the code ----  */

/*  Whatever somebody in between puts in place of the right thing changes the code.  */
static void each_part_of_the_code_counts (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_node_make (self, "web01", 100);
    ask_listed (self, &node);
    const wire_pending_row row = rows_of (self)->rows[0];
    const bg_id installation = self->settings.installation;
    const bg_key *broker = &self->settings.curve_key;
    const wire_enlist_code code = wire_enlist_code_of (
        installation, row.authority_hash, broker, row.name, &row.sign_key, &row.curve_key);
    uint8_t authority[32];
    bg_id other = installation;
    bg_key key = row.sign_key;
    memcpy (authority, row.authority_hash, sizeof authority);
    authority[31] ^= 1;
    other.bytes[15] ^= 1;
    key.bytes[0] ^= 1;
    const wire_enlist_code wrong[] = {wire_enlist_code_of (installation, authority, broker,
                                          row.name, &row.sign_key, &row.curve_key),
        wire_enlist_code_of (
            other, row.authority_hash, broker, row.name, &row.sign_key, &row.curve_key),
        wire_enlist_code_of (
            installation, row.authority_hash, &key, row.name, &row.sign_key, &row.curve_key),
        wire_enlist_code_of (
            installation, row.authority_hash, broker, row.name, &key, &row.curve_key),
        wire_enlist_code_of (
            installation, row.authority_hash, broker, row.name, &row.sign_key, &key),
        wire_enlist_code_of (installation, row.authority_hash, broker, bg_slice_str ("web02"),
            &row.sign_key, &row.curve_key)};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false (wire_enlist_code_equal (&code, bg_slice_str (wrong[i].text)));
    assert_true (wire_enlist_code_equal (&code, bg_slice_str (code.text)));
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_question_without_proof_keeps_nothing),
        cmocka_unit_test (a_proven_question_makes_a_row_that_survives_a_restart),
        cmocka_unit_test (a_row_goes_a_day_after_the_last_question_and_its_number_is_given_again),
        cmocka_unit_test (questions_become_rarer_with_time),
        cmocka_unit_test (a_proof_counts_for_its_peer_its_minute_and_its_broker),
        cmocka_unit_test (one_address_has_sixteen_rows),
        cmocka_unit_test (a_flood_of_keys_ends_at_a_thousand_rows),
        cmocka_unit_test (switched_off_only_tokens_enlist),
        cmocka_unit_test (a_rejected_machine_is_told_for_a_while),
        cmocka_unit_test (large_facts_are_left_out_of_the_row),
        cmocka_unit_test (another_authority_than_ours_is_refused),
        cmocka_unit_test (a_member_asks_for_nothing_new),
        cmocka_unit_test (the_admins_membership_makes_a_target_that_is_not_provisional),
        cmocka_unit_test (a_membership_that_is_not_the_rows_is_refused),
        cmocka_unit_test (a_taken_name_is_shown_and_not_approved),
        cmocka_unit_test (each_part_of_the_code_counts),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
