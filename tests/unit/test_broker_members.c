/*  Looking after targets at the broker: questions that are passed on, facts that are kept, and queries by what is known
    of a target.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

#include <stdlib.h>

static const bg_id none;

/*  ---- questions ----  */

static bg_id ask (fx *self, int person, const char *name)
{
    const wire_ask_target question = {
        .target = bg_slice_str (name), .has_ask = true, .ask = {.what = WIRE_ASK_STATE}};
    return fx_send (
        self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_ASK_TARGET, &question);
}

/*  The ASK that went to this node with the last batch.  */
static const fx_sent *asked (fx *self, const fx_node *node)
{
    for (size_t i = 0; i < self->sent_count; i++)
        if (!self->sent[i].published && self->sent[i].row->kind == WIRE_ASK &&
            bg_key_equal (&self->sent[i].peer, &node->keys.curve_key))
            return &self->sent[i];
    fail_msg ("the target was not asked");
    return NULL;
}

static void tell (fx *self, const fx_node *node, bg_id request)
{
    const wire_told told = {.code = bg_slice_str ("ok"),
        .has_state = true,
        .state = {.name = bg_slice_str (node->name), .jobs = 7}};
    fx_send_again (
        self, WIRE_ON_DESK, &node->keys.curve_key, node->session, request, WIRE_TOLD, &told);
}

/*  A frame may be full of what the target says, and the asker's has its name besides.  */
static void an_answer_that_fills_the_frame_ends_the_question_and_not_the_core (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    static char text[512];
    memset (text, 'x', sizeof text);
    wire_belief *beliefs = bg_arena_array (&self->arena, wire_belief, 490);
    for (size_t i = 0; i < 490; i++)
        beliefs[i] = (wire_belief){.key = fx_id (self),
            .type = WIRE_TYPE_JOB,
            .version = 1,
            .place = WIRE_BELIEF_HELD,
            .message = bg_slice_of (text, 490)};
    wire_told told = {
        .code = bg_slice_str ("ok"), .beliefs = beliefs, .beliefs_count = 490, .more = true};
    size_t size = 0;
    for (size_t last = 0; size < WIRE_FRAME_MAX - 3 && last < 490;) {
        BG_AUTO_BUF body = {0};
        WIRE_ENCODE (told, &told, &body);
        size = body.size;
        size_t room = WIRE_FRAME_MAX - size;
        size_t more = 512 - beliefs[last].message.size;
        beliefs[last].message.size += room < more ? room : more;
        if (beliefs[last].message.size == 512)
            last++;
    }
    ask (self, FX_READER, "web01");
    bg_id id = asked (self, &web)->header.request;
    fx_send_again (self, WIRE_ON_DESK, &web.keys.curve_key, web.session, id, WIRE_TOLD, &told);
    assert_int_equal (self->sent_count, 1);
    assert_int_equal (self->sent[0].row->kind, WIRE_ERROR);
    const wire_error *error = self->sent[0].body;
    assert_true (bg_slice_is (error->code, bg_code_word (BG_TOO_LARGE)));
    fx_close (&self);
}

static void a_question_reaches_the_target_and_its_answer_who_asked (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    fx_member (self, "web02", NULL);
    bg_id request = ask (self, FX_READER, "WEB01");
    assert_int_equal (self->sent_count, 1);
    bg_id id = asked (self, &web)->header.request;
    assert_true (bg_id_equal (asked (self, &web)->header.session, web.session));
    tell (self, &web, id);
    assert_int_equal (self->sent_count, 1);
    const fx_sent *answer = &self->sent[0];
    assert_int_equal (answer->row->kind, WIRE_TARGET_TOLD);
    assert_true (bg_key_equal (&answer->peer, &self->people[FX_READER].curve_key));
    assert_true (bg_id_equal (answer->header.request, request));
    const wire_target_told *told = answer->body;
    assert_true (bg_slice_is (told->target, "web01"));
    assert_int_equal (told->told.state.jobs, 7);
    /*  It is over: the same answer again is nobody's.  */
    tell (self, &web, id);
    assert_int_equal (self->sent_count, 0);
    assert_int_equal (broker_core_counter (self->core, "told-unasked"), 1);
    fx_close (&self);
}

static void another_target_cannot_answer (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    fx_node other = fx_member (self, "web02", NULL);
    ask (self, FX_READER, "web01");
    bg_id id = asked (self, &web)->header.request;
    tell (self, &other, id);
    assert_int_equal (self->sent_count, 0);
    tell (self, &web, id);
    assert_int_equal (fx_count (self, WIRE_TARGET_TOLD), 1);
    fx_close (&self);
}

static void a_target_that_is_away_is_offline (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_member (self, "web01", NULL);
    fx_pass (self, BG_MIN (5));
    ask (self, FX_READER, "web01");
    fx_refused (self, BG_OFFLINE);
    ask (self, FX_READER, "web99");
    fx_refused (self, BG_NOT_FOUND);
    fx_close (&self);
}

static void no_answer_is_a_timeout (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    bg_id request = ask (self, FX_READER, "web01");
    bg_id id = asked (self, &web)->header.request;
    fx_pass (self, BG_SEC (9));
    fx_tick (self);
    assert_int_equal (fx_count (self, WIRE_ERROR), 0);
    fx_pass (self, BG_SEC (2));
    fx_tick (self);
    assert_int_equal (fx_count (self, WIRE_ERROR), 1);
    for (size_t i = 0; i < self->sent_count; i++) {
        if (self->sent[i].row->kind != WIRE_ERROR)
            continue;
        const wire_error *error = self->sent[i].body;
        assert_true (bg_slice_is (error->code, "timeout"));
        assert_true (bg_id_equal (self->sent[i].header.request, request));
    }
    tell (self, &web, id);
    assert_int_equal (self->sent_count, 0);
    fx_close (&self);
}

static void questions_are_bounded (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_member (self, "web01", NULL);
    for (int i = 0; i < 256; i++) {
        ask (self, FX_READER, "web01");
        assert_int_equal (fx_count (self, WIRE_ASK), 1);
    }
    ask (self, FX_READER, "web01");
    fx_refused (self, BG_OVERLOADED);
    fx_pass (self, BG_SEC (11));
    fx_tick (self);
    ask (self, FX_READER, "web01");
    assert_int_equal (fx_count (self, WIRE_ASK), 1);
    fx_close (&self);
}

/*  ---- facts ----  */

static void hello_with (fx *self, fx_node *node, const wire_pair *facts, size_t count)
{
    const wire_hello hello = {.level_low = 1,
        .level_high = 1,
        .boot_counter = ++node->boots,
        .instance = node->instance,
        .name = bg_slice_str (node->name),
        .version = bg_slice_str ("1.2.3"),
        .zone = bg_slice_str ("Europe/Berlin"),
        .outbox = node->outbox,
        .time_us = self->now.utc_us,
        .facts = (wire_pair *) (uintptr_t) facts,
        .facts_count = count};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, none, WIRE_HELLO, &hello);
    node->session = ((const wire_welcome *) fx_answer (self, WIRE_WELCOME))->session;
}

static wire_pair pair (const char *key, const char *value)
{
    return (wire_pair){.key = bg_slice_str (key), .value = bg_slice_str (value)};
}

static const wire_targets *query (fx *self, const wire_target_query *wanted)
{
    return fx_ask (self, FX_READER, WIRE_TARGET_QUERY, wanted, WIRE_TARGETS);
}

static void facts_are_kept_shown_and_asked_for (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    fx_node db = fx_member (self, "db01", NULL);
    const wire_pair of_web[] = {pair ("os", "debian"), pair ("cores", "4"), pair ("os", "again"),
        pair ("no word", "x"), pair ("empty", "")};
    const wire_pair of_db[] = {pair ("os", "fedora")};
    hello_with (self, &web, of_web, 5);
    hello_with (self, &db, of_db, 1);
    for (int round = 0; round < 2; round++) {
        const wire_targets *found =
            query (self, &(wire_target_query){.labels = bg_slice_str ("fact.os=debian")});
        assert_int_equal (found->rows_count, 1);
        assert_true (bg_slice_is (found->rows[0].name, "web01"));
        assert_int_equal (found->rows[0].facts_count, 2);
        assert_true (bg_slice_is (found->rows[0].facts[1].key, "cores"));
        assert_true (bg_slice_is (found->rows[0].facts[1].value, "4"));
        found = query (self, &(wire_target_query){.labels = bg_slice_str ("fact.cores")});
        assert_int_equal (found->rows_count, 1);
        fx_restart (self);
    }
    fx_close (&self);
}

static void a_label_cannot_look_like_a_fact (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_token token = fx_token_make (self, 9, "*", NULL, 1);
    wire_token record;
    assert_true (bg_is_ok (
        WIRE_DECODE (token, token.record.bytes, WIRE_AS_SIGNED, &self->arena, &record, NULL)));
    wire_pair label = pair ("fact.os", "debian");
    record.labels = &label;
    record.labels_count = 1;
    wire_token_create create = {.has_token = true};
    wire_signed_make (self->ports.crypto, WIRE_TYPE_TOKEN, self->settings.installation, &record,
        self->people[FX_ADMIN].secret, &self->arena, &create.token);
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_ADMIN].curve_key, none, WIRE_TOKEN_CREATE, &create);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

/*  Of the first target that is listed.  */
static wire_document first_membership (fx *self, wire_membership *body)
{
    const wire_targets *found = query (self, &(wire_target_query){.memberships = true});
    wire_document document;
    assert_true (bg_is_ok (WIRE_DECODE (
        document, found->rows[0].membership.bytes, WIRE_AS_SIGNED, &self->arena, &document, NULL)));
    assert_true (bg_is_ok (
        WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &self->arena, body, NULL)));
    return document;
}

static void a_posted_membership_has_proper_words (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    wire_membership body;
    const wire_document document = first_membership (self, &body);
    body.has_token = false;
    wire_pair labels[] = {pair ("fact.os", "debian"), pair ("no word", "x"), pair ("role", "")};
    for (size_t i = 0; i < 3; i++) {
        body.labels = &labels[i];
        body.labels_count = 1;
        wire_signed item = fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, web.target, 0, &body);
        fx_try_post (self, FX_ADMIN, &item, document.version);
        fx_refused (self, BG_INVALID);
    }
    fx_close (&self);
}

static void a_job_is_not_for_facts (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_audience audience = {.labels = bg_slice_str ("role=db,fact.os=debian")};
    wire_signed job = fx_job (self, FX_AUTHOR, "one", &audience, 0, "true");
    fx_try_post (self, FX_AUTHOR, &job, 0);
    const wire_error *error = fx_refused (self, BG_INVALID);
    assert_true (error->hint.size > 0);
    fx_close (&self);
}

/*  ---- poll intervals ----  */

static wire_signed poll_switch (fx *self, const fx_node *node, uint64_t poll_us)
{
    bg_id_string id = bg_id_text (node->target);
    const wire_switch body = {.object_type = WIRE_TYPE_MEMBERSHIP,
        .object_name = bg_slice_str (node->name),
        .object_key = node->target,
        .poll_us = poll_us};
    return fx_document (self, FX_OPERATOR, WIRE_TYPE_SWITCH,
        wire_switch_key (self->settings.installation, WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text)),
        0, &body);
}

static void a_poll_interval_goes_to_its_target_only (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    fx_node other = fx_member (self, "web02", NULL);
    wire_signed item = poll_switch (self, &web, BG_SEC (300));
    const wire_posted_item *posted = fx_post (self, FX_OPERATOR, &item, 0);
    assert_int_equal (posted->targets, 1);
    assert_int_equal (posted->outcome, WIRE_POSTED_CREATED);
    const wire_targets *found =
        query (self, &(wire_target_query){.poll_us = BG_SEC (300), .switches = true});
    assert_int_equal (found->rows_count, 1);
    assert_true (bg_slice_is (found->rows[0].name, "web01"));
    assert_int_equal (found->rows[0].unread, 1);
    assert_true (found->rows[0].has_switch_document);
    const wire_poll_answer *answer = fx_node_poll (self, &other);
    assert_int_equal (answer->instructions_count, 0);
    answer = fx_node_poll (self, &web);
    assert_int_equal (answer->instructions_count, 1);
    fx_node_apply (self, &web, answer);
    fx_restart (self);
    found = query (self, &(wire_target_query){.poll_us = BG_SEC (300)});
    assert_int_equal (found->rows_count, 1);
    /*  The default again; and a newer one needs the version that was seen.  */
    fx_pass (self, BG_SEC (1));
    item = poll_switch (self, &web, 0);
    fx_try_post (self, FX_OPERATOR, &item, 0);
    fx_refused (self, BG_CONFLICT);
    found = query (self, &(wire_target_query){.poll_us = BG_SEC (300), .switches = true});
    fx_post (self, FX_OPERATOR, &item, found->rows[0].switch_version);
    found = query (self, &(wire_target_query){.poll_us = BG_SEC (60)});
    assert_int_equal (found->rows_count, 2);
    item = poll_switch (self, &other, BG_SEC (9));
    fx_try_post (self, FX_OPERATOR, &item, 0);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

/*  ---- requests ----  */

static void ask_for (fx *self, int person, wire_request *wanted)
{
    wanted->installation = self->settings.installation;
    wanted->id = fx_id (self);
    wanted->issued_us = self->now.utc_us;
    wire_ask_request request = {.has_request = true};
    wire_signed_make (self->ports.crypto, WIRE_TYPE_REQUEST, self->settings.installation, wanted,
        self->people[person].secret, &self->arena, &request.request);
    fx_send (self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_REQUEST, &request);
}

static int by_key (const void *a, const void *b)
{
    return bg_id_compare (((const wire_held *) a)->key, ((const wire_held *) b)->key);
}

static void resync_asks_for_an_inventory_and_full_sends_all_again (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (self, FX_AUTHOR, "one", &all, 0, "true");
    fx_post (self, FX_AUTHOR, &job, 0);
    fx_node_settle (self, &web);
    assert_false (fx_node_poll (self, &web)->inventory);
    wire_request ask_again = {.what = WIRE_REQUEST_RESYNC, .has_to = true, .to = fx_all ()};
    ask_for (self, FX_OPERATOR, &ask_again);
    assert_int_equal (fx_count (self, WIRE_DONE), 1);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 1);
    assert_true (fx_node_poll (self, &web)->inventory);
    assert_true (fx_node_poll (self, &web)->inventory);
    qsort (web.slots, web.slot_count, sizeof *web.slots, by_key);
    const wire_inventory page = {.items = web.slots, .items_count = web.slot_count, .last = true};
    fx_send (self, WIRE_ON_DESK, &web.keys.curve_key, web.session, WIRE_INVENTORY, &page);
    const wire_inventory_answer *answer = fx_answer (self, WIRE_INVENTORY_ANSWER);
    assert_int_equal (answer->posted, 0);
    assert_false (fx_node_poll (self, &web)->inventory);
    ask_again =
        (wire_request){.what = WIRE_REQUEST_RESYNC, .has_to = true, .to = fx_all (), .full = true};
    ask_for (self, FX_OPERATOR, &ask_again);
    const wire_poll_answer *sent = fx_node_poll (self, &web);
    assert_int_equal (sent->instructions_count, 3);
    fx_node_apply (self, &web, sent);
    assert_int_equal (fx_node_poll (self, &web)->instructions_count, 0);
    ask_for (self, FX_READER, &ask_again);
    fx_refused (self, BG_NOT_ALLOWED);
    fx_close (&self);
}

static void only_who_has_left_is_forgotten (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    bg_id_string id = bg_id_text (web.target);
    bg_slice text = bg_slice_str (id.text);
    wire_request forget = {.what = WIRE_REQUEST_FORGET, .ids = &text, .ids_count = 1};
    ask_for (self, FX_ADMIN, &forget);
    fx_refused (self, BG_CONFLICT);
    wire_membership body;
    const wire_document document = first_membership (self, &body);
    body.state = WIRE_DEFECTED_MEMBER;
    body.has_token = false;
    wire_signed gone = fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, web.target, 0, &body);
    fx_post (self, FX_ADMIN, &gone, document.version);
    assert_true (fx_admitted (self, WIRE_ON_DESK, &web.keys.curve_key));
    assert_int_equal (query (self, &(wire_target_query){.defected = true})->rows_count, 1);
    ask_for (self, FX_ADMIN, &forget);
    assert_int_equal (((const wire_done *) fx_answer (self, WIRE_DONE))->count, 1);
    assert_false (fx_admitted (self, WIRE_ON_DESK, &web.keys.curve_key));
    for (int round = 0; round < 2; round++) {
        assert_int_equal (query (self, &(wire_target_query){.defected = true})->rows_count, 0);
        const wire_targets *found =
            query (self, &(wire_target_query){.names = &text, .names_count = 1});
        assert_int_equal (found->rows_count, 1);
        fx_restart (self);
    }
    fx_close (&self);
}

/*  ---- POLL ----  */

static void a_poll_is_over_with_its_acknowledgement (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    wire_deed deed = {.installation = self->settings.installation,
        .id = fx_id (self),
        .what = WIRE_DEED_POLL,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_MIN (10),
        .has_to = true,
        .to = fx_all ()};
    wire_issue issue = {.has_deed = true};
    wire_signed_make (self->ports.crypto, WIRE_TYPE_DEED, self->settings.installation, &deed,
        self->people[FX_OPERATOR].secret, &self->arena, &issue.deed);
    const wire_issued *issued = fx_ask (self, FX_OPERATOR, WIRE_ISSUE, &issue, WIRE_ISSUED);
    assert_int_equal (issued->targets, 1);
    assert_int_equal (fx_node_poll (self, &web)->instructions_count, 1);
    fx_node_ack (self, &web, deed.id, 0, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (fx_node_poll (self, &web)->instructions_count, 0);
    bg_id_string id = bg_id_text (deed.id);
    const wire_exec_query asked = {.id = bg_slice_str (id.text)};
    const wire_execs *execs = fx_ask (self, FX_READER, WIRE_EXEC_QUERY, &asked, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 1);
    assert_true (execs->rows[0].done);
    assert_int_equal (execs->rows[0].succeeded, 1);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (an_answer_that_fills_the_frame_ends_the_question_and_not_the_core),
        cmocka_unit_test (a_question_reaches_the_target_and_its_answer_who_asked),
        cmocka_unit_test (another_target_cannot_answer),
        cmocka_unit_test (a_target_that_is_away_is_offline),
        cmocka_unit_test (no_answer_is_a_timeout),
        cmocka_unit_test (questions_are_bounded),
        cmocka_unit_test (facts_are_kept_shown_and_asked_for),
        cmocka_unit_test (a_label_cannot_look_like_a_fact),
        cmocka_unit_test (a_posted_membership_has_proper_words),
        cmocka_unit_test (a_job_is_not_for_facts),
        cmocka_unit_test (a_poll_interval_goes_to_its_target_only),
        cmocka_unit_test (resync_asks_for_an_inventory_and_full_sends_all_again),
        cmocka_unit_test (only_who_has_left_is_forgotten),
        cmocka_unit_test (a_poll_is_over_with_its_acknowledgement),
    };
    return cmocka_run_group_tests_name ("broker members", tests, NULL, NULL);
}
