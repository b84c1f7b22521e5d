/*  What the node tells when it is asked, and the facts of its machine.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

#include "common/job/selector.h"
#include "node/shell/facts.h"
#include "temp_dir.h"

#include <stdio.h>

static const wire_told *question (node_fixture *self, const wire_ask *ask)
{
    const bg_id request = {.bytes = {1, 2, 3}};
    self->said[WIRE_TOLD] = 0;
    node_fixture_desk (self, WIRE_ASK, request, ask);
    node_fixture_settle (self);
    assert_int_equal (self->said[WIRE_TOLD], 1);
    assert_true (bg_id_equal (self->requests[WIRE_TOLD], request));
    return &self->told;
}

static const wire_belief *belief (const wire_told *told, bg_id key, uint64_t place)
{
    for (size_t i = 0; i < told->beliefs_count; i++)
        if (bg_id_equal (told->beliefs[i].key, key) && told->beliefs[i].place == place)
            return &told->beliefs[i];
    return NULL;
}

static void the_state_says_what_is_held (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    const wire_told *told = question (self, &(wire_ask){.what = WIRE_ASK_STATE});
    assert_true (bg_slice_is (told->code, "ok"));
    assert_true (told->has_state);
    const node_core_state held = node_fixture_state (self);
    assert_int_equal (told->state.jobs, 1);
    assert_int_equal (told->state.held, held.held);
    assert_memory_equal (told->state.digest, held.digest, sizeof held.digest);
    assert_true (told->state.connected);
    assert_true (told->state.exec_ready);
    assert_true (told->state.authority > 0);
    assert_true (told->state.membership > 0);
    assert_true (told->state.last_poll_us > 0);
    assert_int_equal (told->state.poll_us, BG_SEC (60));
    assert_true (bg_id_equal (told->state.target, held.target));
}

static void beliefs_name_every_place (void **state)
{
    node_fixture *self = *state;
    const node_pending *good = node_fixture_post (self, node_fixture_job (self, "good", NULL, 0));
    node_pending *bad = node_fixture_post (self, node_fixture_job (self, "bad", NULL, 0));
    node_pending *late = node_fixture_post (self, node_fixture_job (self, "late", NULL, 0));
    node_pending *other = node_fixture_post (self, node_fixture_job (self, "other", NULL, 0));
    self->refused_key = bad->key;
    self->waiting_key = late->key;
    self->foreign_key = other->key;
    node_fixture_advance (self, BG_SEC (61));
    const wire_told *told = question (self, &(wire_ask){.what = WIRE_ASK_BELIEFS});
    assert_false (told->more);
    const wire_belief *held = belief (told, good->key, WIRE_BELIEF_HELD);
    assert_non_null (held);
    assert_true (bg_slice_is (held->name, "good"));
    assert_int_equal (held->version, good->version);
    const wire_belief *refused = belief (told, bad->key, WIRE_BELIEF_REFUSED);
    assert_non_null (refused);
    assert_true (refused->code.size > 0);
    assert_non_null (belief (told, late->key, WIRE_BELIEF_WAITING));
    assert_non_null (belief (told, other->key, WIRE_BELIEF_KEPT));
    const bg_id authority = {0};
    assert_true (bg_slice_is (belief (told, authority, WIRE_BELIEF_HELD)->name, "authority"));
}

static void beliefs_come_in_pages (void **state)
{
    node_fixture *self = *state;
    char name[128];
    for (int i = 0; i < 250; i++) {
        snprintf (name, sizeof name, "job %d", i);
        node_fixture_post (self, node_fixture_job (self, name, NULL, 0));
    }
    node_fixture_advance (self, BG_SEC (61));
    wire_ask ask = {.what = WIRE_ASK_BELIEFS};
    size_t rows = 0;
    size_t pages = 0;
    for (bool more = true; more; pages++) {
        const wire_told *told = question (self, &ask);
        for (size_t i = 0; i < told->beliefs_count; i++) {
            assert_true (rows + i == 0 || bg_id_compare (told->beliefs[i].key, ask.after) > 0);
            ask.after = told->beliefs[i].key;
        }
        rows += told->beliefs_count;
        more = told->more;
        assert_true (pages < 10);
    }
    assert_int_equal (rows, 252);
    assert_true (pages == 1);
}

static void a_question_of_the_future_is_answered_with_no (void **state)
{
    node_fixture *self = *state;
    const wire_told *told = question (self, &(wire_ask){.what = 8});
    assert_true (bg_slice_is (told->code, "not-in-this-version"));
}

/*  ---- polls ----  */

static void nothing_in_an_instruct_is_a_hint_to_poll (void **state)
{
    node_fixture *self = *state;
    const size_t polls = self->said[WIRE_POLL];
    node_fixture_desk (self, WIRE_INSTRUCT, (bg_id){0}, &(wire_instruct){0});
    node_fixture_settle (self);
    assert_int_equal (self->said[WIRE_POLL], polls + 1);
}

static void a_poll_is_done_by_polling_also_without_bugle_exec (void **state)
{
    node_fixture *self = *state;
    wire_deed deed = {.installation = self->signing.installation,
        .id = {.bytes = {9}},
        .what = WIRE_DEED_POLL,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_MIN (10),
        .has_to = true,
        .to = {.all = true}};
    wire_signed item;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->signing.installation, &deed,
        self->signing.admin.secret, &self->arena, &item);
    node_fixture_exec_down (self);
    const node_pending *row = node_fixture_post (self, item);
    const size_t polls = self->said[WIRE_POLL];
    node_fixture_push (self, item);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (self->said[WIRE_POLL], polls + 1);
    /*  Once: the same one again is answered and not done.  */
    node_fixture_push (self, item);
    assert_int_equal (self->said[WIRE_POLL], polls + 1);
}

static void a_switch_of_this_target_sets_how_often_it_polls (void **state)
{
    node_fixture *self = *state;
    for (int i = 0; i < 2; i++) {
        wire_switch body = {.object_type = WIRE_TYPE_MEMBERSHIP,
            .object_name = bg_slice_str ("db01"),
            .object_key = node_fixture_state (self).target,
            .poll_us = i == 0 ? BG_SEC (10) : 0};
        bg_id_string id = bg_id_text (body.object_key);
        wire_document fixed = {.type = WIRE_TYPE_SWITCH,
            .format = WIRE_FORMAT,
            .installation = self->signing.installation,
            .key = wire_switch_key (
                self->signing.installation, WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text)),
            .version = (uint64_t) (self->now.utc_us / 1000)};
        wire_signed item;
        wire_document_make (
            wire_crypto_sodium (), &fixed, &body, self->signing.admin.secret, &self->arena, &item);
        node_fixture_post (self, item);
        node_fixture_advance (self, BG_SEC (61));
        if (i == 0)
            node_fixture_restart (self);
        node_fixture_advance (self, BG_SEC (1));
        const size_t polls = self->said[WIRE_POLL];
        node_fixture_advance (self, BG_SEC (60));
        assert_in_range (self->said[WIRE_POLL] - polls, i == 0 ? 5 : 1, i == 0 ? 7 : 2);
        const wire_told *told = question (self, &(wire_ask){.what = WIRE_ASK_STATE});
        assert_int_equal (told->state.poll_us, i == 0 ? BG_SEC (10) : BG_SEC (60));
    }
}

/*  ---- facts ----  */

static bg_slice fact (const wire_pair *facts, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (bg_slice_is (facts[i].key, key))
            return facts[i].value;
    return (bg_slice){0};
}

static void facts_are_label_words (void **state)
{
    (void) state;
    char *dir = temp_dir_make ();
    BG_AUTO_CHAR path = bg_path_join (dir, "os-release");
    FILE *file = fopen (path, "w");
    fputs ("NAME=\"Some Linux\"\nVERSION_ID='12 (x)'\nID=\"debian\"\nID_LIKE=other\n", file);
    fclose (file);
    BG_AUTO_ARENA arena = {0};
    wire_pair facts[NODE_FACTS_MAX];
    size_t count = node_facts_read (path, "Europe/Berlin", "1.2.3", &arena, facts);
    assert_true (bg_slice_is (fact (facts, count, "os"), "debian"));
    assert_true (bg_slice_is (fact (facts, count, "os.version"), "12--x-"));
    assert_true (bg_slice_is (fact (facts, count, "zone"), "Europe/Berlin"));
    assert_true (bg_slice_is (fact (facts, count, "bugle"), "1.2.3"));
    assert_true (fact (facts, count, "arch").size > 0);
    assert_true (fact (facts, count, "kernel").size > 0);
    assert_true (fact (facts, count, "cores").size > 0);
    assert_true (fact (facts, count, "memory_mb").size > 0);
    for (size_t i = 0; i < count; i++) {
        assert_true (job_label_word_valid (facts[i].key));
        assert_true (job_label_word_valid (facts[i].value));
    }
    /*  Without the file everything else is still there.  */
    assert_int_equal (
        node_facts_read ("/nonexistent", "Europe/Berlin", "1.2.3", &arena, facts), count - 2);
    temp_dir_remove (&dir);
}

#define ENLISTED(name)                                                                             \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (the_state_says_what_is_held),
        ENLISTED (beliefs_name_every_place),
        ENLISTED (beliefs_come_in_pages),
        ENLISTED (a_question_of_the_future_is_answered_with_no),
        ENLISTED (nothing_in_an_instruct_is_a_hint_to_poll),
        ENLISTED (a_poll_is_done_by_polling_also_without_bugle_exec),
        ENLISTED (a_switch_of_this_target_sets_how_often_it_polls),
        cmocka_unit_test (facts_are_label_words),
    };
    return cmocka_run_group_tests_name ("node questions", tests, NULL, NULL);
}
