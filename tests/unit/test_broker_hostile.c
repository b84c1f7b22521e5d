/*  Peers under foreign control: whatever the messages of a target, a stranger or a login say within the limits of the
    codec, the core answers or refuses, its state stays whole (the fixture checks the invariants after each message), other
    targets are as before, and every question can still be answered, also after a restart.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto_random.h"
#include "tests/unit/broker_fixture.h"

typedef struct {
    fx *fx;
    fx_node good;
    fx_node evil;
    bg_id exec;
    bg_id keys[6]; /*  of what there is: documents, targets, an execution  */
    uint64_t mark;
    proto_random random;
} stage;

static stage stage_open (void)
{
    stage self = {.fx = fx_open (), .random = proto_random_start ("hostile peers")};
    self.good = fx_member (self.fx, "web01", "web");
    self.evil = fx_member (self.fx, "web02", "web");
    const wire_audience all = fx_all ();
    const wire_audience only = fx_names (self.fx, "web01", NULL);
    wire_signed jobs[] = {fx_job (self.fx, FX_AUTHOR, "clean", &all, 0, "/bin/true"),
        fx_job (self.fx, FX_AUTHOR, "payroll", &only, 0, "/bin/true")};
    for (size_t i = 0; i < 2; i++)
        fx_post (self.fx, FX_AUTHOR, &jobs[i], 0);
    wire_signed deed =
        fx_deed (self.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &all, BG_HOUR (1), &self.exec);
    fx_issue (self.fx, FX_OPERATOR, &deed);
    const bg_id keys[] = {fx_job_key (self.fx, "clean"), fx_job_key (self.fx, "payroll"),
        self.good.target, self.evil.target, self.exec, {{0}}};
    memcpy (self.keys, keys, sizeof keys);
    return self;
}

static bool chance (stage *self, uint64_t of)
{
    return proto_random_below (&self->random, of) == 0;
}

static bg_id some_key (stage *self)
{
    return self->keys[proto_random_below (&self->random, 6)];
}

/*  ---- what makes random messages come further than the first check ----  */

static void improve_report (stage *self, wire_report *report)
{
    report->outbox = self->evil.outbox;
    for (size_t i = 0; i < report->items_count; i++) {
        wire_run *run = &report->items[i].run;
        if (chance (self, 20))
            continue;
        report->items[i].sequence = ++self->mark;
        run->state = proto_random_below (&self->random, 7);
        run->job_name = bg_slice_str (chance (self, 2) ? "clean" : "payroll");
        run->job_key = fx_job_key (self->fx, chance (self, 2) ? "clean" : "payroll");
        run->exec = chance (self, 2) ? self->exec : run->exec;
        for (size_t k = 0; k < run->steps_count; k++)
            run->steps[k].state = proto_random_below (&self->random, 6);
    }
}

static void improve_ack (stage *self, wire_ack *ack)
{
    for (size_t i = 0; i < ack->items_count; i++) {
        ack->items[i].key = some_key (self);
        ack->items[i].state = proto_random_below (&self->random, 9);
        if (chance (self, 2))
            ack->items[i].version = (uint64_t) self->fx->now.utc_us / 1000;
    }
}

static void improve_inventory (stage *self, wire_inventory *page)
{
    if (page->items_count > 1 && chance (self, 2))
        page->items_count = 1;
    if (page->items_count && chance (self, 2))
        page->items[0].key = some_key (self);
    if (chance (self, 2))
        page->after = (bg_id){{0}};
}

static void improve (stage *self, wire_kind kind, void *body)
{
    switch ((int) kind) {
    case WIRE_REPORT:
        improve_report (self, body);
        break;
    case WIRE_ACK:
        improve_ack (self, body);
        break;
    case WIRE_INVENTORY:
        improve_inventory (self, body);
        break;
    case WIRE_FETCH:
        ((wire_fetch *) body)->what.key = some_key (self);
        break;
    case WIRE_EXEC_WATCH:
        ((wire_exec_watch *) body)->id = self->exec;
        break;
    case WIRE_HELLO:
        ((wire_hello *) body)->level_low = 1;
        ((wire_hello *) body)->level_high = 1;
        break;
    case WIRE_HISTORY_QUERY: {
        wire_history_query *query = body;
        query->job = chance (self, 2) ? bg_slice_str ("clean") : (bg_slice){0};
        query->target = chance (self, 2) ? bg_slice_str ("web02") : (bg_slice){0};
        break;
    }
    default:
        break;
    }
}

/*  ---- questions ----  */

static void ask (stage *self, wire_kind kind, const void *query, wire_kind answer)
{
    (void) fx_ask (self->fx, FX_READER, kind, query, answer);
}

static void every_question_is_answered (stage *self)
{
    const wire_status_query status = {.verbose = true};
    ask (self, WIRE_STATUS_QUERY, &status, WIRE_STATUS);
    const wire_job_query jobs = {.documents = true, .limit = 1000};
    ask (self, WIRE_JOB_QUERY, &jobs, WIRE_JOBS);
    const wire_target_query targets = {.details = true, .defected = true, .limit = 1000};
    ask (self, WIRE_TARGET_QUERY, &targets, WIRE_TARGETS);
    const wire_exec_query execs = {.details = true, .limit = 1000};
    ask (self, WIRE_EXEC_QUERY, &execs, WIRE_EXECS);
    const wire_history_query history = {.output = true, .limit = 1000};
    ask (self, WIRE_HISTORY_QUERY, &history, WIRE_HISTORY);
}

static void tell (stage *self, wire_channel channel, const bg_key *peer, bg_id session)
{
    static const wire_kind kinds[] = {WIRE_ENLIST_HELLO, WIRE_ENLIST_PROVE, WIRE_HELLO, WIRE_POLL,
        WIRE_ACK, WIRE_REPORT, WIRE_FETCH, WIRE_INVENTORY, WIRE_DEFECT, WIRE_OPS_HELLO,
        WIRE_STATUS_QUERY, WIRE_AUTHORITY_QUERY, WIRE_POST, WIRE_ISSUE, WIRE_TOKEN_CREATE,
        WIRE_JOB_QUERY, WIRE_TARGET_QUERY, WIRE_EXEC_QUERY, WIRE_EXEC_WATCH, WIRE_HISTORY_QUERY};
    wire_kind kind = kinds[proto_random_below (&self->random, sizeof kinds / sizeof kinds[0])];
    const wire_kind_row *row = wire_kind_find (kind);
    BG_AUTO_ARENA arena = {0};
    void *body = bg_arena_alloc (&arena, row->desc->size);
    wire_random (row->desc, &arena, proto_random_next, &self->random, body);
    improve (self, kind, body);
    fx_send (self->fx, channel, peer, session, kind, body);
    assert_false (self->fx->crashed);
}

static void whatever_peers_say_the_core_stays_whole (void **state)
{
    (void) state;
    stage self = stage_open ();
    const fx_person stranger = fx_person_make (77);
    const bg_id none = {{0}};
    for (int round = 0; round < 20000; round++) {
        switch (proto_random_below (&self.random, 6)) {
        case 0:
            tell (&self, WIRE_ON_ENLIST, &stranger.curve_key, none);
            break;
        case 1:
            tell (&self, WIRE_ON_OPS,
                &self.fx->people[proto_random_below (&self.random, FX_BROKER)].curve_key, none);
            break;
        default:
            tell (&self, WIRE_ON_DESK, &self.evil.keys.curve_key, self.evil.session);
        }
        if (chance (&self, 4)) {
            fx_node_hello (self.fx, &self.evil);
            self.mark = 0;
        }
        if (chance (&self, 200)) {
            fx_pass (self.fx, BG_MIN (1));
            fx_tick (self.fx);
            every_question_is_answered (&self);
        }
    }
    /*  It came as far as the handlers.  */
    static const char *const seen[] = {"refused-stale", "refused-invalid", "report-malformed",
        "report-repeated", "report-other-job", "ack-other-version", "ack-state",
        "inventory-unknown", "clone"};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        assert_int_not_equal (broker_core_counter (self.fx->core, seen[i]), 0);
    fx_restart (self.fx);
    every_question_is_answered (&self);
    /*  The other one has noticed nothing.  */
    fx_node_hello (self.fx, &self.good);
    fx_node_settle (self.fx, &self.good);
    wire_run run = fx_run (self.fx, "payroll", none, WIRE_RUN_SUCCEEDED);
    assert_int_equal (fx_node_report (self.fx, &self.good, &run, 1)->refused_count, 0);
    fx_close (&self.fx);
}

/*  ---- clocks ----  */

static void a_clock_may_say_anything (void **state)
{
    (void) state;
    stage self = stage_open ();
    const int64_t times[] = {INT64_MIN, INT64_MAX, 0};
    for (size_t i = 0; i < 3; i++) {
        const wire_hello hello = {.level_low = 1,
            .level_high = 1,
            .boot_counter = self.evil.boots,
            .instance = self.evil.instance,
            .name = bg_slice_str ("web02"),
            .outbox = self.evil.outbox,
            .time_us = times[i],
            .utc_offset_s = times[i]};
        fx_send (
            self.fx, WIRE_ON_DESK, &self.evil.keys.curve_key, (bg_id){{0}}, WIRE_HELLO, &hello);
        fx_answer (self.fx, WIRE_WELCOME);
        const wire_target_query query = {.clock_over_us = 1, .limit = 10};
        const wire_targets *found =
            fx_ask (self.fx, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
        assert_int_equal (found->rows_count, 1);
        assert_int_equal (found->rows[0].utc_offset_s, 0);
        assert_true (found->rows[0].clock_offset_us <= BG_DAY (36500) &&
                     found->rows[0].clock_offset_us >= -BG_DAY (36500));
    }
    fx_close (&self.fx);
}

/*  ---- a front in other hands ----  */

static wire_signed rehearsed (fx *self, int person, const wire_signed *meant)
{
    wire_document document;
    wire_job job;
    wire_signed out;
    bg_error err = {0};
    assert_true (bg_is_ok (
        WIRE_DECODE (document, meant->bytes, WIRE_AS_SIGNED, &self->arena, &document, &err)));
    assert_true (
        bg_is_ok (WIRE_DECODE (job, document.body, WIRE_AS_SIGNED, &self->arena, &job, &err)));
    document.dry_run = true;
    wire_document_make (
        wire_crypto_sodium (), &document, &job, self->people[person].secret, &self->arena, &out);
    return out;
}

static wire_signed rehearsed_deed (fx *self, int person, const wire_signed *meant)
{
    wire_deed deed;
    wire_signed out;
    bg_error err = {0};
    assert_true (
        bg_is_ok (WIRE_DECODE (deed, meant->bytes, WIRE_AS_SIGNED, &self->arena, &deed, &err)));
    deed.dry_run = true;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, deed.installation, &deed,
        self->people[person].secret, &self->arena, &out);
    return out;
}

/*  Whether a message is a dry run stands in the message; what it carries says so too, and is signed.  */
static void a_rehearsal_cannot_be_made_the_real_thing (void **state)
{
    (void) state;
    stage self = stage_open ();
    fx *f = self.fx;
    const wire_audience all = fx_all ();
    wire_signed job = fx_job (f, FX_AUTHOR, "rehearsed", &all, 0, "/bin/true");
    job = rehearsed (f, FX_AUTHOR, &job);
    const wire_post_item item = {.has_document = true, .document = job};
    wire_post post = {
        .items = (wire_post_item *) (uintptr_t) &item, .items_count = 1, .dry_run = true};
    const wire_posted *posted = fx_ask (f, FX_AUTHOR, WIRE_POST, &post, WIRE_POSTED);
    assert_int_equal (posted->items[0].outcome, WIRE_POSTED_CREATED);
    fx_try_post (f, FX_AUTHOR, &job, 0);
    fx_refused (f, BG_NOT_ALLOWED);

    bg_id id;
    wire_signed deed = fx_deed (f, FX_OPERATOR, WIRE_DEED_START, "clean", &all, BG_HOUR (1), &id);
    deed = rehearsed_deed (f, FX_OPERATOR, &deed);
    const wire_issue issue = {.has_deed = true, .deed = deed, .dry_run = true};
    fx_ask (f, FX_OPERATOR, WIRE_ISSUE, &issue, WIRE_ISSUED);
    fx_try_issue (f, FX_OPERATOR, &deed);
    fx_refused (f, BG_NOT_ALLOWED);

    const wire_request ask = {.installation = f->settings.installation,
        .id = fx_id (f),
        .what = WIRE_REQUEST_SET,
        .issued_us = f->now.utc_us,
        .name = bg_slice_str ("poll-interval"),
        .value = bg_slice_str ("2m"),
        .dry_run = true};
    wire_ask_request carried = {.has_request = true};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, ask.installation, &ask,
        f->people[FX_ADMIN].secret, &f->arena, &carried.request);
    fx_ask (f, FX_ADMIN, WIRE_REQUEST, &carried, WIRE_DONE);
    assert_int_equal (broker_core_setting (f->core, BROKER_SET_POLL_INTERVAL), BG_MIN (1));
    fx_close (&self.fx);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_clock_may_say_anything),
        cmocka_unit_test (a_rehearsal_cannot_be_made_the_real_thing),
        cmocka_unit_test (whatever_peers_say_the_core_stays_whole),
    };
    return cmocka_run_group_tests_name ("hostile peers", tests, NULL, NULL);
}
