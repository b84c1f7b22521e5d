/*  What is found wrong with a target from the two sides' beliefs, and that nothing is found when both agree.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/now.h"
#include "ctl/target_findings.h"

#define NOW_US INT64_C (1772366400000000)
#define STR(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }

/*  A healthy target with one job, seen from both sides.  */
typedef struct {
    wire_target_row row;
    wire_delivery_row deliveries[2];
    wire_node_state state;
    wire_belief beliefs[2];
    ctl_both_sides sides;
    bg_arena arena;
    ctl_finding *findings;
    size_t count;
} patient;

static void healthy (patient *self)
{
    *self = (patient){0};
    self->deliveries[0] = (wire_delivery_row){.name = STR ("backup"),
        .type = WIRE_TYPE_JOB,
        .key = {{1}},
        .version = 7,
        .state = WIRE_DELIVERY_APPLIED,
        .posted_us = NOW_US - BG_HOUR (1)};
    self->row = (wire_target_row){.number = 1,
        .name = STR ("db07"),
        .state = WIRE_TARGET_NORMAL,
        .connected = true,
        .poll_us = BG_SEC (60),
        .last_poll_us = NOW_US - BG_SEC (10),
        .last_seen_us = NOW_US - BG_SEC (10),
        .enlisted_us = NOW_US - BG_DAY (2),
        .deliveries = self->deliveries,
        .deliveries_count = 1};
    self->beliefs[0] = (wire_belief){.key = {{1}},
        .type = WIRE_TYPE_JOB,
        .version = 7,
        .place = WIRE_BELIEF_HELD,
        .name = STR ("backup")};
    self->state = (wire_node_state){.name = STR ("db07"),
        .version = STR ("1.0"),
        .exec_version = STR ("1.0"),
        .connected = true,
        .exec_ready = true,
        .policy = true,
        .time_known = true,
        .poll_us = BG_SEC (60)};
    self->sides = (ctl_both_sides){.row = &self->row,
        .authority = 1,
        .now_us = NOW_US,
        .state = &self->state,
        .beliefs = self->beliefs,
        .belief_count = 1,
        .arena = &self->arena};
}

static void look (patient *self)
{
    self->count = ctl_target_find (&self->sides, &self->findings);
}

/*  Exactly one thing is wrong; its sentence has the words, its cure too.  */
static void only_wrong (patient *self, const char *what, const char *cure)
{
    look (self);
    assert_true (self->count >= 1);
    assert_true (self->findings[0].is_wrong);
    if (!strstr (self->findings[0].what, what) || !strstr (self->findings[0].cure, cure))
        fail_msg ("'%s' - '%s'", self->findings[0].what, self->findings[0].cure);
    assert_true (self->count == 1 || !self->findings[1].is_wrong);
    bg_arena_fini (&self->arena);
}

static void nothing_is_wrong_when_both_agree (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    look (&self);
    assert_int_equal (self.count, 0);
    bg_arena_fini (&self.arena);
}

static void a_target_that_is_away_is_told_with_since_when (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    self.row.connected = false;
    self.row.state = WIRE_TARGET_SUSPECTED_OFFLINE;
    self.row.last_seen_us = NOW_US - BG_HOUR (3);
    self.sides.state = NULL;
    only_wrong (&self, "last heard of 3h", "bugle target forget db07");
    healthy (&self);
    self.row.connected = false;
    self.row.state = WIRE_TARGET_NEVER_SEEN;
    self.row.last_seen_us = 0;
    self.sides.state = NULL;
    only_wrong (&self, "not heard of since", "bugle-node check");
    healthy (&self);
    self.sides.state = NULL;
    self.sides.why = "no answer within 10 s";
    only_wrong (&self, "no answer within 10 s", "repeat");
    healthy (&self);
    self.row.defected_us = NOW_US;
    self.row.cut = true;
    only_wrong (&self, "has left", "bugle token create");
}

static void its_own_troubles_are_told (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    self.state.exec_ready = false;
    only_wrong (&self, "bugle-exec is not ready", "systemctl start bugle-exec");
    healthy (&self);
    self.state.policy = false;
    self.state.policy_problem = (bg_slice) STR ("line 3: nonsense");
    only_wrong (&self, "line 3: nonsense", "policy");
    healthy (&self);
    self.state.exec_version = (bg_slice) STR ("0.9");
    only_wrong (&self, "1.0 and 0.9", "restart");
    healthy (&self);
    self.state.storage_full = true;
    only_wrong (&self, "disk is full", "space");
    healthy (&self);
    self.row.clock_offset_us = -BG_MIN (5);
    only_wrong (&self, "5m00s behind", "timedatectl");
    healthy (&self);
    self.row.last_poll_us = NOW_US - BG_MIN (10);
    only_wrong (&self, "not polled for 10m", "bugle target poll");
    healthy (&self);
    self.state.outbox = 5000;
    only_wrong (&self, "5000 outcomes", "bugle status");
}

static void differences_between_the_sides_are_told (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    self.deliveries[0].state = WIRE_DELIVERY_FAILED;
    self.deliveries[0].code = (bg_slice) STR ("policy");
    self.deliveries[0].message = (bg_slice) STR ("account root is not allowed");
    only_wrong (&self, "refused job backup: account root is not allowed", "bugle explain policy");
    healthy (&self);
    self.sides.belief_count = 0;
    only_wrong (&self, "has it not", "bugle target resync db07");
    healthy (&self);
    self.beliefs[0].version = 6;
    only_wrong (&self, "another version", "resync");
    healthy (&self);
    self.beliefs[1] = (wire_belief){.key = {{2}},
        .type = WIRE_TYPE_JOB,
        .version = 1,
        .place = WIRE_BELIEF_HELD,
        .name = STR ("stray")};
    self.sides.belief_count = 2;
    only_wrong (&self, "job stray, of which the broker knows nothing", "resync");
    healthy (&self);
    self.state.digest[3] = 1;
    only_wrong (&self, "digests differ", "resync");
    healthy (&self);
    self.deliveries[0].state = WIRE_DELIVERY_PENDING;
    self.row.unread = 1;
    only_wrong (&self, "on its way to it for 1h", "poll");
}

static void what_is_young_or_provisional_is_only_a_note (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    self.row.provisional = true;
    self.deliveries[0].state = WIRE_DELIVERY_PENDING;
    self.deliveries[0].posted_us = NOW_US - BG_SEC (3);
    self.row.unread = 1;
    look (&self);
    assert_int_equal (self.count, 2);
    assert_false (self.findings[0].is_wrong);
    bg_arena_fini (&self.arena);
}

static void texts_of_others_cannot_command_the_terminal (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    self.deliveries[0].state = WIRE_DELIVERY_FAILED;
    self.deliveries[0].code = (bg_slice) STR ("policy");
    self.deliveries[0].message = (bg_slice) STR ("\033[2J");
    look (&self);
    assert_null (strchr (self.findings[0].what, '\033'));
    bg_arena_fini (&self.arena);
}

static void sides_that_differ_are_marked (void **state)
{
    (void) state;
    patient self;
    healthy (&self);
    self.state.authority = 2;
    json_t *sides = ctl_target_sides (&self.sides);
    size_t differ = 0;
    for (size_t i = 0; i < json_array_size (sides); i++)
        differ += json_is_false (json_object_get (json_array_get (sides, i), "same"));
    assert_int_equal (
        differ, 2); /*  authority; and the node's version, which the broker lacks here  */
    json_decref (sides);
    bg_arena_fini (&self.arena);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (nothing_is_wrong_when_both_agree),
        cmocka_unit_test (a_target_that_is_away_is_told_with_since_when),
        cmocka_unit_test (its_own_troubles_are_told),
        cmocka_unit_test (differences_between_the_sides_are_told),
        cmocka_unit_test (what_is_young_or_provisional_is_only_a_note),
        cmocka_unit_test (texts_of_others_cannot_command_the_terminal),
        cmocka_unit_test (sides_that_differ_are_marked),
    };
    return cmocka_run_group_tests_name ("target findings", tests, NULL, NULL);
}
