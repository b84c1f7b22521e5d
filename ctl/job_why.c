/*  bugle job why: why did a job run, or not, on a target at a time?

    What the target has reported is the answer, if it has: the run, or the recorded reason of a run that was not. Else the
    documents that were in force at that time are asked: membership, job, delivery, schedules with zone and calendars,
    switches; the first of them that says no is the answer, and what is told beside it is what the answer rests on.

    Invariant: there is always one answer, and never one that was guessed: where nothing says no and nothing was reported,
    that is what is said.  */
#include "common/base/now.h"
#include "ctl/client.h"
#include "ctl/history.h"
#include "ctl/history_view.h"
#include "ctl/job.h"
#include "ctl/job_times.h"
#include "ctl/occurrence_view.h"
#include "ctl/target.h"
#include "ctl/targets_arg.h"
#include "ctl/times.h"
#include "proto/digest.h"

#include <string.h>

#define VERSIONS_PAGE 100
#define RUNS_MAX      20
#define LATE_US       BG_MIN (2) /*  a report takes no longer to come, where all is well  */
#define BACK_FIRST_US BG_MIN (2)
#define BACK_MAX_US   BG_DAY (400)
#define LOOKED_AT_MAX 200000

/*  A document as it was at a time.  */
typedef struct {
    bool was_there;
    bool is_withdrawn;
    int64_t posted_us;
    uint64_t version;
    uint64_t revision;
    int64_t first_us; /*  the oldest version there is  */
    wire_signed document;
} past_version;

typedef struct {
    ctl_run *run;
    const wire_job_row *row;
    const wire_target_row *target;
    const wire_delivery_row *delivery; /*  of the job's newest version; NULL: not known  */
    int64_t now_us;
    int64_t at_us;
    int64_t until_us; /*  what is due before it is due then  */
    past_version job_then;
    past_version switch_then;
    wire_job job; /*  of that time  */
    ctl_schedules schedules;
    ctl_history_rows runs;
    ctl_occurrence due[RUNS_MAX];
    size_t due_count;
    const ctl_occurrence *first; /*  of due: one that would run, if there is one  */
    ctl_occurrence before;
    ctl_occurrence after;
    bool has_before;
    bool has_after;
    const char *code; /*  the answer as a word  */
    bg_buf text;      /*  and as a sentence  */
} question;

/*  ---- what was in force ----  */

static bg_result ask_versions (
    ctl_run *run, const wire_version_query *query, wire_versions **answer, bg_error *err)
{
    ctl_client *client = NULL;
    BG_TRY (ctl_run_client (run, &client, err));
    return ctl_call (client, WIRE_VERSION_QUERY, query, WIRE_VERSIONS, (void **) answer, err);
}

static bg_result fetch_body (
    ctl_run *run, wire_type type, bg_slice name, past_version *found, bg_error *err)
{
    wire_versions *answer = NULL;
    const wire_version_query query = {
        .type = type, .name = name, .before = found->version + 1, .limit = 1, .documents = true};
    BG_TRY (ask_versions (run, &query, &answer, err));
    if (answer->rows_count != 1 || !answer->rows[0].has_document)
        return bg_fail (err, BG_MALFORMED, "the broker does not send version %llu",
            (unsigned long long) found->version);
    found->document = answer->rows[0].document;
    return bg_ok ();
}

/*  The version that was the newest at a time.  */
static bg_result version_at (
    ctl_run *run, wire_type type, bg_slice name, int64_t at_us, past_version *found, bg_error *err)
{
    wire_version_query query = {.type = type, .name = name, .limit = VERSIONS_PAGE};
    wire_versions *answer = NULL;
    *found = (past_version){0};
    do {
        BG_TRY (ask_versions (run, &query, &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++) {
            const wire_version_row *row = &answer->rows[i];
            query.before = row->version;
            found->first_us = row->posted_us;
            if (row->posted_us > at_us)
                continue;
            found->was_there = true;
            found->is_withdrawn = row->type == WIRE_TYPE_WITHDRAWAL;
            found->posted_us = row->posted_us;
            found->version = row->version;
            found->revision = row->revision;
            return found->is_withdrawn ? bg_ok () : fetch_body (run, type, name, found, err);
        }
    } while (answer->more && answer->rows_count > 0);
    return bg_ok ();
}

/*  Of a job that was made only later its first definition is asked what it would have done.  */
static bg_result find_versions (question *self, bg_error *err)
{
    ctl_run *run = self->run;
    BG_TRY (
        version_at (run, WIRE_TYPE_JOB, self->row->name, self->until_us - 1, &self->job_then, err));
    BG_TRY (version_at (
        run, WIRE_TYPE_SWITCH, self->row->name, self->until_us - 1, &self->switch_then, err));
    const bool has_own = self->job_then.was_there && !self->job_then.is_withdrawn;
    return ctl_job_decode (
        has_own ? &self->job_then.document : &self->row->document, &run->arena, &self->job, err);
}

static bg_result find_target (question *self, bg_error *err)
{
    bool is_given = false;
    wire_audience audience;
    ctl_target_rows found;
    BG_TRY (ctl_targets_arg (self->run, &audience, &is_given, err));
    if (is_given && audience.names_count != 1)
        bg_ignore (bg_fail (err, BG_USAGE, "-t names %zu targets; one is asked about at a time",
            audience.names_count));
    else if (!is_given)
        bg_ignore (bg_fail (err, BG_USAGE, "job why needs to know on which target"));
    if (!is_given || audience.names_count != 1)
        return bg_hint (err, "as in: bugle job why NAME -t db03 --at 2026-03-01T02:30");
    BG_TRY (ctl_targets_named (self->run, audience.names, 1, &found, err));
    if (found.count == 0)
        return bg_fail (
            err, BG_NOT_FOUND, "there is no target '%.*s'", BG_SLICE_ARG (audience.names[0]));
    self->target = &found.rows[0];
    for (size_t i = 0; i < self->target->deliveries_count; i++)
        if (bg_id_equal (self->target->deliveries[i].key, self->row->key))
            self->delivery = &self->target->deliveries[i];
    return bg_ok ();
}

/*  ---- what was due ----  */

/*  Those that may run at some time: the others are gone through in vain.  */
static ctl_schedules live_schedules (const question *self)
{
    ctl_schedules live = self->schedules;
    live.items = bg_arena_array (&self->run->arena, ctl_schedule, live.count + 1);
    live.count = 0;
    for (size_t i = 0; i < self->schedules.count; i++) {
        const ctl_schedule *item = &self->schedules.items[i];
        if (item->is_usable && (!item->is_disabled || item->disabled_until_us != 0))
            live.items[live.count++] = *item;
    }
    return live;
}

static bool would_run (const ctl_occurrence *occurrence)
{
    return !occurrence->mark.kept_out &&
           ctl_schedule_is_on (occurrence->schedule, occurrence->nominal_us);
}

/*  The last one before a time: schedules only know the next one.  */
static void find_before (question *self, const ctl_schedules *live)
{
    size_t looked_at = 0;
    for (int64_t back_us = BACK_FIRST_US; back_us <= BACK_MAX_US && !self->has_before;
         back_us *= 8) {
        ctl_occurrences from = ctl_occurrences_after (live, self->at_us - back_us);
        ctl_occurrence found;
        while (ctl_occurrences_take (&from, &found) && found.nominal_us < self->at_us) {
            if (++looked_at > LOOKED_AT_MAX)
                return;
            if (!would_run (&found))
                continue;
            self->before = found;
            self->has_before = true;
        }
    }
}

static void find_after (question *self, const ctl_schedules *live)
{
    ctl_occurrences from = ctl_occurrences_after (live, self->until_us - 1);
    ctl_occurrence found;
    for (size_t i = 0; i < LOOKED_AT_MAX && ctl_occurrences_take (&from, &found); i++) {
        if (!would_run (&found))
            continue;
        self->after = found;
        self->has_after = true;
        return;
    }
}

/*  The first of each schedule: a dense one is due many times within a minute.  */
static void find_due (question *self)
{
    const ctl_schedules live = live_schedules (self);
    for (size_t i = 0; i < self->schedules.count && self->due_count < RUNS_MAX; i++) {
        ctl_schedules one = self->schedules;
        ctl_occurrence *found = &self->due[self->due_count];
        one.items = &self->schedules.items[i];
        one.count = 1;
        ctl_occurrences from = ctl_occurrences_after (&one, self->at_us - 1);
        if (ctl_occurrences_take (&from, found) && found->nominal_us < self->until_us)
            self->due_count++;
    }
    self->first = &self->due[0];
    for (size_t i = 0; i < self->due_count && !would_run (self->first); i++)
        if (would_run (&self->due[i]))
            self->first = &self->due[i];
    find_before (self, &live);
    find_after (self, &live);
}

static bg_result find_runs (question *self, bg_error *err)
{
    wire_history_query query = {.job = self->row->name,
        .target = self->target->name,
        .due_since_us = self->at_us,
        .due_until_us = self->until_us};
    BG_TRY (ctl_history_fetch (self->run, &query, RUNS_MAX, &self->runs, err));
    if (self->runs.count > 0)
        return bg_ok ();
    /*  What was started by hand was not due; what runs now was not told of as due yet.  */
    query.due_since_us = query.due_until_us = 0;
    query.since_us = self->at_us;
    query.until_us = self->until_us;
    return ctl_history_fetch (self->run, &query, RUNS_MAX, &self->runs, err);
}

/*  ---- answers ----  */

static void say_time (question *self, int64_t utc_us)
{
    ctl_times_people (utc_us, ctl_output_get (self->run->out)->is_utc, &self->text);
}

static bool answer (question *self, const char *code)
{
    self->code = code;
    return true;
}

/*  The one that was due first from the time on; of several then one that was not run, since why is the question. Without
    any that was due the newest.  */
static const wire_run *find_report (const question *self)
{
    const wire_run *best = &self->runs.rows[0].run;
    for (size_t i = 1; i < self->runs.count; i++) {
        const wire_run *run = &self->runs.rows[i].run;
        const bool is_earlier = run->nominal_us < best->nominal_us;
        const bool is_blank = run->nominal_us == best->nominal_us && run->state == WIRE_RUN_NOT_RUN;
        if (run->nominal_us != 0 && best->nominal_us != 0 && (is_earlier || is_blank))
            best = run;
    }
    return best;
}

static bool by_report (question *self)
{
    if (self->runs.count == 0)
        return false;
    const wire_run *run = find_report (self);
    if (run->state == WIRE_RUN_NOT_RUN) {
        bg_buf_append_str (&self->text, "it was not run: ");
        ctl_run_why (run, &self->text);
        return answer (self, "not-run");
    }
    bg_buf_printf (&self->text, "it ran%s: %s", run->nominal_us == 0 ? ", started by hand" : "",
        wire_run_state_word (run->state));
    if (run->started_us - run->nominal_us > LATE_US && run->nominal_us != 0) {
        bg_buf_append_str (&self->text, ", begun ");
        ctl_times_span (run->started_us - run->nominal_us, &self->text);
        bg_buf_append_str (&self->text, " late");
    }
    return answer (self, "ran");
}

static bool by_membership (question *self)
{
    const wire_target_row *target = self->target;
    if (target->enlisted_us > self->until_us) {
        bg_buf_printf (
            &self->text, "target %.*s was not enlisted: it came ", BG_SLICE_ARG (target->name));
        say_time (self, target->enlisted_us);
        return answer (self, "not-enlisted");
    }
    if (target->defected_us == 0 || target->defected_us > self->at_us)
        return false;
    bg_buf_printf (&self->text, "target %.*s had left: ", BG_SLICE_ARG (target->name));
    say_time (self, target->defected_us);
    return answer (self, "target-left");
}

static bool by_job (question *self)
{
    if (self->job_then.is_withdrawn) {
        bg_buf_append_str (&self->text, "the job was deleted at that time: since ");
        say_time (self, self->job_then.posted_us);
        return answer (self, "deleted");
    }
    const bool is_new = self->job_then.revision == 1 && self->due_count > 0 &&
                        self->job_then.posted_us > self->first->nominal_us;
    if (self->job_then.was_there && !is_new)
        return false;
    bg_buf_append_str (&self->text, "the job came only later: ");
    say_time (self, is_new ? self->job_then.posted_us : self->job_then.first_us);
    return answer (self, "job-later");
}

/*  By the groups and labels that it has now: those of that time are not told.  */
static bool is_for_target (const question *self)
{
    return ctl_targets_match (&self->job.audience, self->target);
}

/*  The state of the newest version is what is known; of an older one it is known that it was replaced.  */
static bool by_delivery (question *self)
{
    const wire_delivery_row *row = self->delivery;
    if (!is_for_target (self)) {
        bg_buf_printf (
            &self->text, "the job is not for target %.*s", BG_SLICE_ARG (self->target->name));
        return answer (self, "not-for-target");
    }
    if (!row)
        return false;
    if (row->version != self->job_then.version || row->state == WIRE_DELIVERY_APPLIED) {
        if (row->version != self->job_then.version || row->settled_us <= self->until_us)
            return false;
        bg_buf_printf (&self->text, "version v%llu of the job reached the target only later: ",
            (unsigned long long) row->revision);
        say_time (self, row->settled_us);
        return answer (self, "delivered-later");
    }
    bg_buf_printf (&self->text, "version v%llu of the job is not in force on the target: %s",
        (unsigned long long) row->revision, wire_delivery_state_word (row->state));
    if (row->message.size > 0)
        bg_buf_printf (&self->text, ", %.*s", BG_SLICE_ARG (row->message));
    return answer (self, "not-delivered");
}

static bool by_times (question *self)
{
    if (self->job.schedules_count == 0) {
        bg_buf_append_str (&self->text, "the job has no schedule: it is started by hand");
        return answer (self, "no-schedule");
    }
    if (self->due_count > 0)
        return false;
    for (size_t i = 0; i < self->schedules.count; i++) {
        if (self->schedules.items[i].is_usable)
            continue;
        bg_buf_printf (&self->text, "schedule %.*s cannot be used: %.*s",
            BG_SLICE_ARG (self->schedules.items[i].name),
            BG_SLICE_ARG (self->schedules.items[i].problem));
        return answer (self, "schedule-unusable");
    }
    if (!self->has_before && !self->has_after)
        bg_buf_append_str (&self->text, "it has no times: it runs when something happens");
    else
        bg_buf_append_str (&self->text, "it was not due then");
    return answer (self, "not-due");
}

/*  A calendar or a disabled schedule is the reason only if nothing else that was due would have run.  */
static bool by_schedule (question *self)
{
    const ctl_occurrence *due = self->first;
    if (would_run (due))
        return false;
    for (size_t i = 0; i < self->due_count; i++)
        if (ctl_schedule_is_on (self->due[i].schedule, self->due[i].nominal_us))
            due = &self->due[i];
    const ctl_schedule *schedule = due->schedule;
    if (!ctl_schedule_is_on (schedule, due->nominal_us)) {
        bg_buf_printf (&self->text, "schedule %.*s is disabled: %.*s",
            BG_SLICE_ARG (schedule->name), BG_SLICE_ARG (schedule->disabled_why));
        return answer (self, "schedule-disabled");
    }
    bg_buf_printf (&self->text, "schedule %.*s was due, and calendar %.*s leaves it out",
        BG_SLICE_ARG (schedule->name), BG_SLICE_ARG (due->mark.kept_out->name));
    return answer (self, "window");
}

static bool switch_said_no (const question *self, const wire_switch *value)
{
    const bool is_over = value->until_us != 0 && self->first->nominal_us >= value->until_us;
    return value->disabled != is_over;
}

/*  The switch of that time, if it is one of this life of the job.  */
static bool decode_switch (const question *self, wire_switch *value)
{
    wire_document fixed;
    return self->switch_then.was_there && !self->switch_then.is_withdrawn &&
           bg_is_ok (WIRE_DECODE (document, self->switch_then.document.bytes, WIRE_AS_SIGNED,
               &self->run->arena, &fixed, NULL)) &&
           fixed.type == WIRE_TYPE_SWITCH &&
           bg_is_ok (
               WIRE_DECODE (switch, fixed.body, WIRE_AS_SIGNED, &self->run->arena, value, NULL));
}

static bool by_switch (question *self)
{
    wire_switch value;
    const int64_t until_us = self->job.enabled_until_us;
    if (until_us != 0 && self->first->nominal_us >= until_us) {
        bg_buf_append_str (&self->text, "the job was enabled only until ");
        say_time (self, until_us);
        return answer (self, "disabled");
    }
    if (!decode_switch (self, &value)) {
        if (!self->job.disabled)
            return false;
        bg_buf_append_str (&self->text, "the job was disabled: its definition says so");
        return answer (self, "disabled");
    }
    if (!switch_said_no (self, &value))
        return false;
    bg_buf_append_str (&self->text, "the job was disabled since ");
    say_time (self, value.disabled ? self->switch_then.posted_us : value.until_us);
    if (value.reason.size > 0)
        bg_buf_printf (&self->text, ": %.*s", BG_SLICE_ARG (value.reason));
    return answer (self, "disabled");
}

/*  When the first of what is due really starts on this target.  */
static int64_t starts_us (const question *self, const ctl_occurrence *due)
{
    const uint64_t splay_us = due->schedule->spec.splay_us;
    return due->nominal_us +
           (splay_us ? wire_splay_us (self->target->id, self->row->key, splay_us) : 0);
}

/*  Of the newest version: nothing is known yet of those that may follow.  */
static bool by_end (question *self)
{
    const int64_t not_after_us = ctl_job_not_after_us (self->row);
    if (not_after_us == 0 || starts_us (self, self->first) < not_after_us ||
        self->job_then.version != self->row->version)
        return false;
    bg_buf_append_str (&self->text, "the job is valid only until ");
    say_time (self, not_after_us);
    return answer (self, "expired");
}

static bool by_future (question *self)
{
    const int64_t us = starts_us (self, self->first);
    if (us <= self->now_us)
        return false;
    bg_buf_append_str (&self->text, "it is still to come: ");
    say_time (self, us);
    return answer (self, "to-come");
}

static void by_nothing (question *self)
{
    const wire_target_row *target = self->target;
    if (!target->connected) {
        bg_buf_printf (&self->text,
            "it was due, and target %.*s is not connected: what it did is told when it is back",
            BG_SLICE_ARG (target->name));
        if (target->last_seen_us != 0) {
            bg_buf_append_str (&self->text, "; last heard of ");
            say_time (self, target->last_seen_us);
        }
        answer (self, "not-heard");
    } else if (self->now_us - starts_us (self, self->first) < LATE_US) {
        bg_buf_append_str (&self->text, "it was due just now, and its report has not come yet");
        answer (self, "on-its-way");
    } else {
        bg_buf_append_str (&self->text,
            "it was due, and nothing is known of it: the target reported nothing, or the history "
            "of that time is not kept any more");
        answer (self, "not-known");
    }
}

static void find_answer (question *self)
{
    static bool (*const reasons[]) (question *) = {by_report, by_membership, by_job, by_delivery,
        by_times, by_schedule, by_switch, by_end, by_future};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i](self))
            return;
    by_nothing (self);
}

/*  ---- showing it ----  */

static json_t *occurrence_or_null (bool is_there, const ctl_occurrence *occurrence)
{
    return is_there ? ctl_occurrence_json (occurrence) : json_null ();
}

static json_t *question_json (const question *self)
{
    json_t *due = json_array ();
    json_t *runs = json_array ();
    for (size_t i = 0; i < self->due_count; i++) {
        json_t *one = ctl_occurrence_json (&self->due[i]);
        json_object_set_new (one, "starts", ctl_json_time (starts_us (self, &self->due[i])));
        json_array_append_new (due, one);
    }
    for (size_t i = 0; i < self->runs.count; i++)
        json_array_append_new (runs, ctl_history_json (&self->runs.rows[i]));
    const char *delivery = self->delivery ? wire_delivery_state_word (self->delivery->state) : NULL;
    json_t *object = json_pack ("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}",
        "job", ctl_json_slice (self->row->name), "target", ctl_json_slice (self->target->name),
        "at", ctl_json_time (self->at_us), "answer", self->code, "text",
        ctl_json_slice (bg_buf_slice (&self->text)), "due", due, "runs", runs, "before",
        occurrence_or_null (self->has_before, &self->before), "after",
        occurrence_or_null (self->has_after, &self->after), "zone",
        ctl_json_text_or_null (self->target->zone), "connected", self->target->connected,
        "delivery", delivery ? json_string (delivery) : json_null (), "version",
        self->job_then.revision ? json_integer ((json_int_t) self->job_then.revision)
                                : json_null ());
    bg_assert (object);
    return object;
}

static void print_occurrence (const question *self, const char *label, const ctl_occurrence *it)
{
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF note = {0};
    bg_buf_printf (&text, "%-8s", label);
    ctl_wall_text (it->nominal_us, it->mark.offset_s, &text);
    bg_buf_printf (&text, "  %s  schedule %.*s", ctl_schedule_zone (it->schedule),
        BG_SLICE_ARG (it->schedule->name));
    ctl_occurrence_note (it, &note);
    if (note.size > 0)
        bg_buf_printf (&text, "  (%s)", bg_buf_cstr (&note));
    if (!ctl_schedule_is_on (it->schedule, it->nominal_us))
        bg_buf_append_str (&text, "  (disabled)");
    ctl_print (self->run->out, "%s\n", bg_buf_cstr (&text));
}

static void print_people (question *self)
{
    ctl_print (self->run->out, "%.*s on %.*s: %s\n", BG_SLICE_ARG (self->row->name),
        BG_SLICE_ARG (self->target->name), bg_buf_cstr (&self->text));
    if (self->has_before || self->due_count > 0 || self->has_after)
        ctl_print (self->run->out, "\n");
    if (self->has_before)
        print_occurrence (self, "before", &self->before);
    for (size_t i = 0; i < self->due_count; i++)
        print_occurrence (self, "due", &self->due[i]);
    if (self->has_after)
        print_occurrence (self, "after", &self->after);
    json_t *object = question_json (self);
    ctl_section (self->run->out, "Runs", ctl_history_columns, ctl_history_column_count,
        json_object_get (object, "runs"));
    json_decref (object);
}

/*  ---- the command ----  */

/*  A time on a whole minute means the minute, as a clock on a wall shows it.  */
static bg_result take_time (question *self, bg_error *err)
{
    if (!ctl_given (self->run->parsed, CTL_OPT_AT)) {
        bg_ignore (bg_fail (err, BG_USAGE, "job why needs to know about which time"));
        return bg_hint (err, "as in: bugle job why NAME -t db03 --at 2026-03-01T02:30");
    }
    self->at_us = ctl_time_us (self->run->parsed, CTL_OPT_AT, 0);
    /*  So long ago is not meant to the second.  */
    const char *typed = ctl_text (self->run->parsed, CTL_OPT_AT, "");
    if (!strchr (typed, '-') && !strchr (typed, ':'))
        self->at_us -= self->at_us % BG_MIN (1);
    self->until_us = self->at_us + (self->at_us % BG_MIN (1) == 0 ? BG_MIN (1) : BG_SEC (1));
    return bg_ok ();
}

static bg_result look (question *self, bg_error *err)
{
    BG_TRY (take_time (self, err));
    BG_TRY (ctl_job_find (self->run, ctl_argument (self->run->parsed, 0), true, &self->row, err));
    BG_TRY (find_target (self, err));
    self->now_us = ctl_client_now_us (self->run->client);
    BG_TRY (find_versions (self, err));
    BG_TRY (ctl_schedules_open (self->run, self->job.schedules, self->job.schedules_count,
        self->target->zone, ctl_shared_ask, self->run, &self->schedules, err));
    find_due (self);
    return find_runs (self, err);
}

bg_result ctl_job_why (ctl_run *run, bg_error *err)
{
    question self = {.run = run};
    bg_result result = look (&self, err);
    if (bg_is_ok (result)) {
        find_answer (&self);
        if (ctl_is_human (run->out))
            print_people (&self);
        else
            ctl_object (run->out, "why", NULL, 0, "answer", question_json (&self));
    }
    bg_buf_fini (&self.text);
    ctl_schedules_close (&self.schedules);
    return result;
}
