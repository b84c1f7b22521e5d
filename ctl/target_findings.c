/*  Findings about a target: see target_findings.h. Each check looks at one thing and adds at most a few sentences.

    Invariant: what is only on its way, and young, is not wrong.  */
#include "ctl/target_findings.h"

#include "common/base/now.h"
#include "ctl/output.h"
#include "ctl/times.h"
#include "proto/digest.h"

#include <inttypes.h>

#define FINDINGS_MAX   400
#define PATIENCE_US    BG_MIN (5) /*  what is on its way longer than this is told  */
#define CLOCK_OVER_US  BG_MIN (1)
#define OUTBOX_MANY    1000
#define DELIVERIES_MAX 256 /*  rows of a target that the broker shows  */

typedef struct {
    const ctl_both_sides *on;
    ctl_finding *items;
    size_t count;
} findings;

static void add (findings *self, bool is_wrong, const char *what, const char *cure)
{
    if (self->count < FINDINGS_MAX)
        self->items[self->count++] = (ctl_finding){is_wrong, what, cure};
}

static const char *text (const findings *self, const char *format, ...) BG_PRINTF (2, 3);
static const char *text (const findings *self, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start (args, format);
    vsnprintf (line, sizeof line, format, args);
    va_end (args);
    BG_AUTO_BUF clean = {0};
    ctl_clean (bg_slice_str (line), false, &clean);
    return bg_arena_str (self->on->arena, bg_buf_slice (&clean));
}

static const char *span (const findings *self, int64_t duration_us)
{
    BG_AUTO_BUF out = {0};
    ctl_times_span (duration_us > 0 ? duration_us - duration_us % BG_SEC (1) : 0, &out);
    return bg_arena_str (self->on->arena, bg_buf_slice (&out));
}

static const char *command (const findings *self, const char *words)
{
    return text (self, "bugle target %s %.*s", words, BG_SLICE_ARG (self->on->row->name));
}

/*  ---- is it there? ----  */

static void check_presence (findings *self)
{
    const ctl_both_sides *on = self->on;
    const wire_target_row *row = on->row;
    const int64_t seen_us = row->last_seen_us ? row->last_seen_us : row->enlisted_us;
    if (row->defected_us != 0) {
        add (self, true,
            row->cut ? "it has left this broker, and its key is refused"
                     : "it was removed here and has not heard of it yet",
            row->cut
                ? "if the machine is to come back: bugle token create, then bugle-node enlist there"
                : command (self, "forget"));
        return;
    }
    if (row->connected && on->state == NULL)
        add (self, true,
            text (self, "it is connected but did not answer: %s", on->why ? on->why : ""),
            "repeat the command; on the machine: systemctl status bugle-node");
    if (row->connected)
        return;
    if (row->state == WIRE_TARGET_NEVER_SEEN)
        add (self, true,
            text (self, "it was enlisted %s ago and not heard of since",
                span (self, on->now_us - row->enlisted_us)),
            "on the machine: systemctl start bugle-node bugle-exec, then bugle-node check");
    else
        add (self, true,
            text (self, "it is not connected; last heard of %s ago",
                span (self, on->now_us - seen_us)),
            text (self,
                "on the machine: systemctl status bugle-node, bugle-node check; if it was set up "
                "anew: "
                "bugle token create --replace %.*s; if it is gone for good: bugle target forget "
                "%.*s",
                BG_SLICE_ARG (row->name), BG_SLICE_ARG (row->name)));
}

/*  ---- its own troubles ----  */

static void check_programs (findings *self)
{
    const wire_node_state *state = self->on->state;
    if (!state->exec_ready)
        add (self, true, "bugle-exec is not ready there: nothing can be started",
            "on the machine: systemctl start bugle-exec; bugle-node status says more");
    if (state->exec_ready && !state->policy)
        add (self, true,
            text (self, "its local policy lets nothing start: %.*s",
                BG_SLICE_ARG (state->policy_problem)),
            "on the machine: mend the policy file that is named there");
    if (state->exec_version.size > 0 && !bg_slice_equal (state->exec_version, state->version))
        add (self, true,
            text (self, "node and bugle-exec are of different versions: %.*s and %.*s",
                BG_SLICE_ARG (state->version), BG_SLICE_ARG (state->exec_version)),
            "on the machine: systemctl restart bugle-exec bugle-node");
    if (state->storage_full)
        add (self, true, "its disk is full: nothing new starts and nothing is acknowledged",
            "on the machine: make space where bugle-node keeps its state; it goes on by itself");
    if (state->exec_ready && !state->time_known)
        add (self, false, "bugle-exec has no proof of the time yet; what expires waits for it",
            command (self, "poll"));
    for (size_t i = 0; i < state->warnings_count; i++)
        if (state->exec_ready || i > 0)
            add (self, true, text (self, "it warns: %.*s", BG_SLICE_ARG (state->warnings[i])),
                "on the machine: bugle-node status");
    if (state->outbox > OUTBOX_MANY)
        add (self, true,
            text (self, "%" PRIu64 " outcomes wait there to be handed over", state->outbox),
            "it catches up by itself; if the number grows: bugle status");
}

static void check_clock (findings *self)
{
    const wire_target_row *row = self->on->row;
    const int64_t off_us = row->clock_offset_us < 0 ? -row->clock_offset_us : row->clock_offset_us;
    if (off_us > CLOCK_OVER_US)
        add (self, true,
            text (self, "its clock is %s %s; schedules go by it", span (self, off_us),
                row->clock_offset_us < 0 ? "behind the broker's" : "ahead of the broker's"),
            "on the machine: timedatectl set-ntp true");
}

static void check_polls (findings *self)
{
    const wire_target_row *row = self->on->row;
    const int64_t since_us = self->on->now_us - row->last_poll_us;
    if (row->connected && row->poll_us > 0 && row->last_poll_us != 0 &&
        since_us > 3 * (int64_t) row->poll_us)
        add (self, true,
            text (self, "it is connected but has not polled for %s", span (self, since_us)),
            command (self, "poll"));
}

/*  ---- what it holds ----  */

static const wire_belief *belief_of (const ctl_both_sides *on, bg_id key, uint64_t place)
{
    for (size_t i = 0; i < on->belief_count; i++)
        if (bg_id_equal (on->beliefs[i].key, key) && on->beliefs[i].place == place)
            return &on->beliefs[i];
    return NULL;
}

/*  The version that the target has settled; 0: none.  */
static uint64_t settled_of (const ctl_both_sides *on, bg_id key)
{
    static const uint64_t places[] = {WIRE_BELIEF_HELD, WIRE_BELIEF_KEPT, WIRE_BELIEF_REFUSED};
    uint64_t version = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const wire_belief *belief = belief_of (on, key, places[i]);
        if (belief != NULL && belief->version > version)
            version = belief->version;
    }
    return version;
}

static void check_delivery (findings *self, const wire_delivery_row *row)
{
    const ctl_both_sides *on = self->on;
    const char *type = wire_type_word (row->type);
    const int64_t age_us = on->now_us - row->posted_us;
    const bool is_old = on->row->connected && age_us > PATIENCE_US;
    if (row->state == WIRE_DELIVERY_FAILED)
        add (self, true,
            text (self, "it refused %s %.*s: %.*s (%.*s)", type ? type : "",
                BG_SLICE_ARG (row->name), BG_SLICE_ARG (row->message), BG_SLICE_ARG (row->code)),
            text (self, "bugle explain %.*s; when that is mended it is tried again by itself",
                BG_SLICE_ARG (row->code)));
    if (row->state == WIRE_DELIVERY_WAITING)
        add (self, is_old,
            text (self, "%s %.*s waits there: %.*s", type ? type : "", BG_SLICE_ARG (row->name),
                BG_SLICE_ARG (row->message)),
            is_old ? command (self, "poll") : NULL);
    if (row->state == WIRE_DELIVERY_PENDING)
        add (self, is_old,
            text (self, "%s %.*s is on its way to it for %s", type ? type : "",
                BG_SLICE_ARG (row->name), span (self, age_us)),
            is_old ? command (self, "poll --wait") : NULL);
    if (on->state == NULL || row->type == WIRE_TYPE_DEED || row->state != WIRE_DELIVERY_APPLIED)
        return;
    const uint64_t settled = settled_of (on, row->key);
    if (settled != row->version)
        add (self, true,
            text (self, "the broker takes %s %.*s for applied there, but it %s", type ? type : "",
                BG_SLICE_ARG (row->name),
                settled == 0 ? "has it not" : "has another version of it"),
            command (self, "resync"));
}

static bool is_delivered (const ctl_both_sides *on, bg_id key)
{
    for (size_t i = 0; i < on->row->deliveries_count; i++)
        if (bg_id_equal (on->row->deliveries[i].key, key))
            return true;
    return false;
}

static void check_documents (findings *self)
{
    const ctl_both_sides *on = self->on;
    for (size_t i = 0; i < on->row->deliveries_count; i++)
        check_delivery (self, &on->row->deliveries[i]);
    if (on->state == NULL)
        return;
    const bool is_whole = on->row->deliveries_count < DELIVERIES_MAX;
    for (size_t i = 0; is_whole && i < on->belief_count; i++) {
        const wire_belief *belief = &on->beliefs[i];
        if (belief->place != WIRE_BELIEF_WAITING && !is_delivered (on, belief->key))
            add (self, true,
                text (self, "it holds %s %.*s, of which the broker knows nothing",
                    wire_type_word (belief->type) ? wire_type_word (belief->type) : "something",
                    BG_SLICE_ARG (belief->name)),
                command (self, "resync"));
    }
    if (on->row->unread == 0 && on->state->waiting == 0 &&
        memcmp (on->row->digest, on->state->digest, WIRE_DIGEST_BYTES) != 0)
        add (self, true, "both sides say that all is done, but their digests differ",
            command (self, "resync"));
}

static void check_membership (findings *self)
{
    const ctl_both_sides *on = self->on;
    if (on->row->provisional && on->row->defected_us == 0)
        add (self, false, "it is provisional: signed by a token, not by an admin",
            command (self, "confirm"));
    if (on->state == NULL)
        return;
    if (on->row->poll_us != 0 && on->state->poll_us != 0 && on->row->poll_us != on->state->poll_us)
        add (self, false,
            text (self, "it polls every %s, not every %s as the broker believes",
                span (self, (int64_t) on->state->poll_us), span (self, (int64_t) on->row->poll_us)),
            "it takes the new interval over with its next poll");
}

/*  Stable: wrong ones first, else in the order of the checks.  */
static void sort (findings *self)
{
    ctl_finding *sorted = bg_arena_array (self->on->arena, ctl_finding, self->count + 1);
    size_t count = 0;
    for (int wrong = 1; wrong >= 0; wrong--)
        for (size_t i = 0; i < self->count; i++)
            if (self->items[i].is_wrong == (wrong == 1))
                sorted[count++] = self->items[i];
    self->items = sorted;
}

size_t ctl_target_find (const ctl_both_sides *self, ctl_finding **out)
{
    findings all = {.on = self};
    all.items = bg_arena_array (self->arena, ctl_finding, FINDINGS_MAX);
    check_presence (&all);
    if (self->row->defected_us == 0) {
        if (self->state != NULL)
            check_programs (&all);
        check_clock (&all);
        check_polls (&all);
        check_documents (&all);
        check_membership (&all);
    }
    sort (&all);
    *out = all.items;
    return all.count;
}

/*  ---- side by side ----  */

static void side (json_t *rows, const char *what, json_t *broker, json_t *target, bool compares)
{
    const bool same = !compares || json_is_null (target) || json_equal (broker, target) != 0;
    json_array_append_new (rows, json_pack ("{s:s, s:o, s:o, s:b}", "what", what, "broker", broker,
                                     "target", target, "same", same));
}

static json_t *number (uint64_t value)
{
    return json_integer ((json_int_t) value);
}

static json_t *labels (const wire_pair *pairs, size_t count)
{
    BG_AUTO_BUF out = {0};
    for (size_t i = 0; i < count; i++)
        bg_buf_printf (&out, "%s%.*s=%.*s", i ? "," : "", BG_SLICE_ARG (pairs[i].key),
            BG_SLICE_ARG (pairs[i].value));
    return count ? ctl_json_slice (bg_buf_slice (&out)) : json_null ();
}

static json_t *groups (const bg_slice *names, size_t count)
{
    BG_AUTO_BUF out = {0};
    for (size_t i = 0; i < count; i++)
        bg_buf_printf (&out, "%s%.*s", i ? "," : "", BG_SLICE_ARG (names[i]));
    return count ? ctl_json_slice (bg_buf_slice (&out)) : json_null ();
}

static json_t *digest (const uint8_t bytes[WIRE_DIGEST_BYTES])
{
    BG_AUTO_BUF out = {0};
    for (size_t i = 0; i < 4; i++)
        bg_buf_printf (&out, "%02x", bytes[i]);
    return json_string (bg_buf_cstr (&out));
}

static uint64_t count_state (const wire_target_row *row, uint64_t state)
{
    uint64_t count = 0;
    for (size_t i = 0; i < row->deliveries_count; i++)
        count += row->deliveries[i].state == state;
    return count;
}

/*  A value of the target's side; null when it did not say anything.  */
#define SAID(value) (state != NULL ? (value) : json_null ())

json_t *ctl_target_sides (const ctl_both_sides *self)
{
    const wire_target_row *row = self->row;
    const wire_node_state *state = self->state;
    json_t *rows = json_array ();
    side (rows, "name", ctl_json_slice (row->name), SAID (ctl_json_slice (state->name)), true);
    side (rows, "connected", json_boolean (row->connected), SAID (json_boolean (state->connected)),
        true);
    side (rows, "location", ctl_json_text_or_null (row->location),
        SAID (ctl_json_text_or_null (state->location)), true);
    side (rows, "groups", groups (row->groups, row->groups_count),
        SAID (groups (state->groups, state->groups_count)), true);
    side (rows, "labels", labels (row->labels, row->labels_count),
        SAID (labels (state->labels, state->labels_count)), true);
    side (rows, "membership version", number (row->membership_version),
        SAID (number (state->membership)), true);
    side (rows, "authority version", number (self->authority), SAID (number (state->authority)),
        true);
    side (rows, "documents", number (row->deliveries_count), SAID (number (state->held)), false);
    side (
        rows, "on the way", number (count_state (row, WIRE_DELIVERY_PENDING)), json_null (), false);
    side (rows, "waiting", number (count_state (row, WIRE_DELIVERY_WAITING)),
        SAID (number (state->waiting)), true);
    side (rows, "refused", number (count_state (row, WIRE_DELIVERY_FAILED)),
        SAID (number (state->refused)), true);
    side (rows, "digest", digest (row->digest), SAID (digest (state->digest)), row->unread == 0);
    side (rows, "jobs in force", json_null (), SAID (number (state->jobs)), false);
    side (rows, "running", number (row->running), SAID (number (state->open_runs)), false);
    side (rows, "outcomes to hand over", json_null (), SAID (number (state->outbox)), false);
    side (rows, "polls every (s)", ctl_json_seconds ((int64_t) row->poll_us),
        SAID (ctl_json_seconds ((int64_t) state->poll_us)), true);
    side (rows, "last poll", ctl_json_time (row->last_poll_us),
        SAID (ctl_json_time (state->last_poll_us)), false);
    side (rows, "zone", ctl_json_text_or_null (row->zone),
        SAID (ctl_json_text_or_null (state->zone)), true);
    side (rows, "clock off by (s)", ctl_json_seconds (row->clock_offset_us),
        SAID (ctl_json_seconds (state->clock_offset_us)), false);
    side (rows, "node version", ctl_json_text_or_null (row->version),
        SAID (ctl_json_text_or_null (state->version)), true);
    side (rows, "bugle-exec version", json_null (),
        SAID (ctl_json_text_or_null (state->exec_version)), false);
    side (rows, "bugle-exec ready", json_null (), SAID (json_boolean (state->exec_ready)), false);
    return rows;
}
