/*  Reading schedules: `schedules` of a job, and the documents that many jobs use.

    A schedule has one form (cron, every, once, when, freq_type, use) and what is common to all; which
    of the other keys fit a form is a table here. The forms by date are read by yaml_every.c, the
    Agent's numbers by yaml_agent.c; both end in the same fields, so the same schedule gives the same
    bytes whichever way it is spelled.

    Anchors (sqlagent.md 7.5, docs/adr/0018): what is counted in steps of several weeks, months or
    days begins somewhere; where the file does not say, it is today.  */
#include "common/job/yaml_read.h"

#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/body.h"
#include "common/job/civil.h"
#include "common/job/schedule.h"

/*  ---- which keys fit which form ----  */

enum {
    FORM_CRON = 1,
    FORM_INTERVAL = 2, /*  every: and a duration  */
    FORM_EVERY = 4,    /*  every day, week, month  */
    FORM_ONCE = 8,
    FORM_WHEN = 16,
    FORM_AGENT = 32,
    FORM_USE = 64,
    FORM_ALL = 127,
};

static const struct {
    const char *key;
    unsigned form;
} forms[] = {
    {"cron", FORM_CRON},
    {"every", FORM_EVERY},
    {"once", FORM_ONCE},
    {"when", FORM_WHEN},
    {"freq_type", FORM_AGENT},
    {"use", FORM_USE},
};

#define FORM_OF_CLOCK (FORM_CRON | FORM_EVERY | FORM_ONCE | FORM_AGENT)

static const struct {
    const char *key;
    unsigned fits;
    const char *says; /*  what is said in other forms  */
} fitting[] = {
    {"on", FORM_EVERY, "\"on\" belongs to every: week and every: month"},
    {"at", FORM_EVERY, "\"at\" belongs to every: day, week or month"},
    {"repeat", FORM_EVERY, "\"repeat\" belongs to every: day, week or month"},
    {"anchor", FORM_EVERY | FORM_AGENT, "\"anchor\" belongs to every: N days, weeks or months"},
    {"from", FORM_ALL & ~(FORM_ONCE | FORM_AGENT | FORM_USE), "\"from\" belongs to repetitions"},
    {"until", FORM_ALL & ~(FORM_ONCE | FORM_AGENT | FORM_USE), "\"until\" belongs to repetitions"},
    {"gap", FORM_OF_CLOCK, "\"gap\" belongs to times of a wall clock"},
    {"fold", FORM_OF_CLOCK, "\"fold\" belongs to times of a wall clock"},
    {"zone", FORM_ALL & ~FORM_USE, NULL},
    {"splay", FORM_ALL & ~FORM_USE, NULL},
    {"misfire", FORM_ALL & ~(FORM_USE | FORM_WHEN), "\"misfire\" belongs to times"},
    {"misfire_window", FORM_ALL & ~(FORM_USE | FORM_WHEN), "\"misfire_window\" belongs to times"},
    {"misfire_max", FORM_ALL & ~(FORM_USE | FORM_WHEN), "\"misfire_max\" belongs to times"},
    {"except", FORM_ALL & ~FORM_USE, NULL},
    {"within", FORM_ALL & ~FORM_USE, NULL},
    {"freq_interval", FORM_AGENT, NULL},
    {"freq_subday_type", FORM_AGENT, NULL},
    {"freq_subday_interval", FORM_AGENT, NULL},
    {"freq_relative_interval", FORM_AGENT, NULL},
    {"freq_recurrence_factor", FORM_AGENT, NULL},
    {"active_start_date", FORM_AGENT, NULL},
    {"active_end_date", FORM_AGENT, NULL},
    {"active_start_time", FORM_AGENT, NULL},
    {"active_end_time", FORM_AGENT, NULL},
};

static void refuse_unfitting (
    job_yaml_reader *self, const bg_yaml *node, unsigned form, const char *word)
{
    for (size_t i = 0; i < JOB_COUNT_OF (fitting); i++) {
        const bg_yaml *key = job_yaml_key (node, fitting[i].key);
        if (!key || (fitting[i].fits & form))
            continue;
        if (form == FORM_USE)
            bg_yaml_error (self->file, key, self->diag, NULL,
                "the shared schedule says \"%s\" for all that use it; leave it out here",
                fitting[i].key);
        else if (fitting[i].fits == FORM_AGENT)
            bg_yaml_error (
                self->file, key, self->diag, NULL, "\"%s\" belongs to freq_type", fitting[i].key);
        else if (form == FORM_INTERVAL && (fitting[i].fits & FORM_EVERY))
            bg_yaml_error (self->file, key, self->diag, NULL,
                "an interval has no \"%s\"; write every: day, or cron", fitting[i].key);
        else if (form == FORM_WHEN && fitting[i].says && strstr (fitting[i].key, "misfire"))
            bg_yaml_error (self->file, key, self->diag, NULL,
                "%s; an event that was missed cannot be made up for", fitting[i].says);
        else if (form == FORM_AGENT)
            bg_yaml_error (self->file, key, self->diag, NULL,
                "with freq_type there is no \"%s\"; say it with the Agent's own fields",
                fitting[i].key);
        else
            bg_yaml_error (
                self->file, key, self->diag, NULL, "%s, not to %s", fitting[i].says, word);
    }
}

/*  The form that the keys say; 0 and a mistake for none or two.  */
static unsigned find_form (job_yaml_reader *self, const bg_yaml *node, const char **word)
{
    const char *first = NULL;
    unsigned form = 0;
    for (size_t i = 0; i < JOB_COUNT_OF (forms); i++) {
        const bg_yaml *key = job_yaml_key (node, forms[i].key);
        if (key && first) {
            bg_yaml_error (self->file, key, self->diag, NULL,
                "a schedule has either %s or %s, not both; make two of it", first, forms[i].key);
            return 0;
        }
        if (key) {
            first = forms[i].key;
            form = forms[i].form;
        }
    }
    if (!first)
        job_yaml_missing (self, node, "a schedule does not say when",
            "cron: \"30 2 * * *\", every: 5m, every: day with at: \"02:30\", once: "
            "2026-12-24T18:00, when: node-start, or use: NAME");
    *word = first;
    return form;
}

/*  ---- the simple forms ----  */

static void read_cron (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    bg_error err = {0};
    size_t offset = 0;
    job_cron cron;
    bg_slice text;
    if (!job_yaml_text (
            self, node, "cron", job_yaml_max (&wire_desc_job_schedule, "cron"), false, &text))
        return;
    if (bg_failed (job_cron_parse (text, &cron, &err, &offset))) {
        job_yaml_refuse (self, node, offset, NULL, &err);
        return;
    }
    to->kind = WIRE_SCHEDULE_CRON;
    to->cron = text;
}

static void read_interval (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    to->kind = WIRE_SCHEDULE_EVERY;
    (void) job_yaml_duration_to (
        self, node, "every", JOB_EVERY_MIN_US, JOB_EVERY_MAX_US, NULL, &to->every_us);
}

static void read_once (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    int64_t seconds;
    if (!job_yaml_moment (self, node, "once", false, &seconds, NULL))
        return;
    job_civil civil = job_civil_from_seconds (seconds);
    to->kind = WIRE_SCHEDULE_ONCE;
    to->start_date = (uint64_t) (civil.year * 10000 + civil.month * 100 + civil.day);
    to->time_s = (uint64_t) (civil.hour * 3600 + civil.minute * 60 + civil.second);
}

static void read_when (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    static const char *const words[] = {"node-start", "idle"};
    int choice = job_yaml_choice (self, node, "when", words, JOB_COUNT_OF (words));
    if (choice >= 0)
        to->kind = choice == 0 ? WIRE_SCHEDULE_NODE_START : WIRE_SCHEDULE_IDLE;
}

static void read_use (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    if (self->is_local) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "a local job has no shared schedules, which come from a broker; say when here");
        return;
    }
    if (!job_yaml_name (self, node, "use", job_yaml_max (&wire_desc_job_schedule, "use"), &to->use))
        return;
    to->kind = WIRE_SCHEDULE_USE;
    if (to->name.size == 0)
        to->name = to->use;
}

/*  ---- what is common ----  */

void job_yaml_read_zone (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_schedule *to = target;
    if (value->kind != BG_YAML_SCALAR || !bg_slice_is (value->text, "target"))
        (void) job_yaml_zone_name (self, value, "target", &to->zone);
}

static void read_calendars (
    job_yaml_reader *self, const bg_yaml *value, const char *key, bg_slice **names, size_t *count)
{
    if (self->is_local)
        bg_yaml_error (self->file, value, self->diag, NULL,
            "a local job has no calendars, which come from a broker; leave \"%s\" out", key);
    else
        job_yaml_names (
            self, value, key, job_yaml_max (&wire_desc_job_schedule, key), names, count);
}

void job_yaml_read_except (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_schedule *to = target;
    read_calendars (self, value, "except", &to->except, &to->except_count);
}

void job_yaml_read_within (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_schedule *to = target;
    read_calendars (self, value, "within", &to->within, &to->within_count);
}

/*  1 and 0 are the Agent's.  */
void job_yaml_read_schedule_enabled (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"true", "false", "1", "0"};
    const bool is_number = value->kind == BG_YAML_SCALAR && value->text.size == 1;
    int choice = job_yaml_choice (self, value, "enabled", words, is_number ? 4 : 2);
    ((wire_job_schedule *) target)->disabled = choice == 1 || choice == 3;
}

/*  What depends on more than one key and is the same for all forms.  */
static void check_common (job_yaml_reader *self, const bg_yaml *node, const wire_job_schedule *to)
{
    const bg_yaml *zone = job_yaml_value (node, "zone"), *until = job_yaml_value (node, "until");
    const bool is_dated = to->start_date || to->end_date || to->except_count || to->within_count;
    const bool has_clock = to->kind != WIRE_SCHEDULE_EVERY &&
                           to->kind != WIRE_SCHEDULE_NODE_START && to->kind != WIRE_SCHEDULE_IDLE;
    if (zone && to->zone.size > 0 && !has_clock && !is_dated)
        bg_yaml_error (self->file, zone, self->diag, NULL,
            to->kind == WIRE_SCHEDULE_EVERY
                ? "an interval runs in elapsed time and has no zone; leave it out, or write cron"
                : "an event has no zone; leave it out");
    if (until && to->start_date && to->end_date && to->end_date < to->start_date)
        bg_yaml_error (self->file, until, self->diag, NULL, "until lies before from");
    static const char *const only[] = {"misfire_window", "misfire_max"};
    for (size_t i = 0; i < JOB_COUNT_OF (only); i++) {
        const bg_yaml *key = job_yaml_key (node, only[i]);
        if (key && to->misfire == WIRE_MISFIRE_SKIP)
            bg_yaml_error (self->file, key, self->diag, NULL,
                "%s belongs to misfire: last or all; what is skipped has none", only[i]);
    }
    if (job_yaml_key (node, "misfire_max") && to->misfire == WIRE_MISFIRE_LAST)
        bg_yaml_error (self->file, job_yaml_key (node, "misfire_max"), self->diag, NULL,
            "misfire_max belongs to misfire: all; of last there is one");
}

/*  ---- anchors ----  */

static bool counts_several (const wire_job_schedule *to)
{
    if (to->kind == WIRE_SCHEDULE_DAILY)
        return to->interval > 1;
    return to->factor > 1;
}

/*  Where counting begins, if the file does not say.  */
static uint64_t default_anchor (const job_yaml_reader *self, const wire_job_schedule *to)
{
    const uint64_t today = self->ports->today;
    if (to->kind == WIRE_SCHEDULE_DAILY && to->start_date > 0)
        return 0; /*  the first day itself counts  */
    return today > 0 && to->start_date > today ? to->start_date : today;
}

static void read_anchor (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    const bg_yaml *anchor = job_yaml_value (node, "anchor");
    if (!counts_several (to)) {
        if (anchor && to->kind)
            bg_yaml_error (self->file, anchor, self->diag, NULL,
                "\"anchor\" says from where every 2 and more are counted; leave it out here");
        return;
    }
    if (anchor)
        (void) job_yaml_date (self, anchor, "anchor", &to->anchor_date);
    else
        to->anchor_date = default_anchor (self, to);
}

/*  ---- the whole ----  */

static void read_form (
    job_yaml_reader *self, const bg_yaml *node, unsigned form, wire_job_schedule *to)
{
    static const struct {
        unsigned form;
        const char *key;
        void (*read) (job_yaml_reader *, const bg_yaml *, wire_job_schedule *);
    } simple[] = {
        {FORM_CRON, "cron", read_cron},
        {FORM_INTERVAL, "every", read_interval},
        {FORM_ONCE, "once", read_once},
        {FORM_WHEN, "when", read_when},
        {FORM_USE, "use", read_use},
    };
    if (form == FORM_EVERY)
        job_yaml_read_every (self, node, to);
    if (form == FORM_AGENT)
        job_yaml_read_agent (self, node, to);
    for (size_t i = 0; i < JOB_COUNT_OF (simple); i++) {
        const bg_yaml *value = simple[i].form == form ? job_yaml_value (node, simple[i].key) : NULL;
        if (value)
            simple[i].read (self, value, to);
    }
}

static bool is_duration (const bg_yaml *every)
{
    if (!every || every->kind != BG_YAML_SCALAR || every->text.size == 0)
        return false;
    const bool has_blank = memchr (every->text.data, ' ', every->text.size) != NULL;
    return every->text.data[0] >= '0' && every->text.data[0] <= '9' && !has_blank;
}

/*  As those check it who get it, but here the place is known: that it never happens, above all.  */
static void check_whole (job_yaml_reader *self, const bg_yaml *node, const wire_job_schedule *to)
{
    bg_error err = {0};
    job_schedule made;
    if (to->kind == WIRE_SCHEDULE_USE)
        return;
    if (bg_is_ok (job_body_schedule (to, NULL, &made, &err)))
        job_schedule_fini (&made);
    else
        job_yaml_refuse (self, node, 0, NULL, &err);
}

void job_yaml_read_schedule (
    job_yaml_reader *self, const bg_yaml *node, bool is_shared, wire_job_schedule *to)
{
    const char *word = NULL;
    const size_t before = bg_diag_count (self->diag);
    if (!job_yaml_map (self, node, is_shared ? JOB_MAP_SHARED : JOB_MAP_SCHEDULE, to))
        return;
    unsigned form = find_form (self, node, &word);
    if (form == FORM_EVERY && is_duration (job_yaml_value (node, "every")))
        form = FORM_INTERVAL;
    if (!is_shared && !job_yaml_key (node, "name") && form != FORM_USE)
        job_yaml_missing (self, node, "a schedule has no name", "name: nightly");
    if (form == 0)
        return;
    refuse_unfitting (self, node, form, form == FORM_INTERVAL ? "an interval" : word);
    read_form (self, node, form, to);
    if (form & (FORM_EVERY | FORM_AGENT))
        read_anchor (self, node, to);
    check_common (self, node, to);
    if (bg_diag_count (self->diag) == before)
        check_whole (self, node, to);
    if (bg_diag_count (self->diag) == before)
        job_yaml_warn_schedule (self, node, to);
}

/*  ---- the list ----  */

static void refuse_twice (
    job_yaml_reader *self, const bg_yaml *list, const wire_job_schedule *made, size_t index)
{
    const bg_yaml *node = list->items[index];
    for (size_t i = 0; i < index; i++) {
        if (made[index].name.size == 0 || job_name_compare (made[i].name, made[index].name) != 0)
            continue;
        const bg_yaml *name = job_yaml_value (node, "name");
        bg_yaml_error (self->file, name ? name : job_yaml_value (node, "use"), self->diag, NULL,
            "the name \"%s\" is taken by the schedule in line %u",
            (const char *) made[index].name.data, list->items[i]->line);
        return;
    }
}

void job_yaml_read_schedules (job_yaml_reader *self, const bg_yaml *node, void *target)
{
    wire_job *job = target;
    size_t max = job_yaml_max (&wire_desc_job, "schedules");
    if (node->kind == BG_YAML_LIST && node->count == 0)
        return;
    if (!job_yaml_is_list (self, node, "schedules", "- {name: nightly, cron: \"30 2 * * *\"}"))
        return;
    if (node->count > max) {
        bg_yaml_error (self->file, node, self->diag, NULL, "a job has at most %zu schedules", max);
        return;
    }
    job->schedules = bg_arena_array (self->arena, wire_job_schedule, node->count);
    job->schedules_count = node->count;
    self->anchors_said = bg_arena_array (self->arena, bool, node->count);
    for (size_t i = 0; i < node->count; i++) {
        const bg_yaml *item = node->items[i];
        job_yaml_read_schedule (self, item, false, &job->schedules[i]);
        self->anchors_said[i] = item->kind == BG_YAML_MAP && job_yaml_value (item, "anchor");
        refuse_twice (self, node, job->schedules, i);
    }
}

void job_yaml_read_shared (job_yaml_reader *self, const bg_yaml *node, wire_schedule *to)
{
    static const char *const others[] = {"name", "use"};
    const bg_yaml *name = job_yaml_value (node, "schedule");
    const bg_yaml *description = job_yaml_value (node, "description");
    to->has_spec = true;
    if (name)
        (void) job_yaml_name (self, name, "name of a schedule",
            job_yaml_max (&wire_desc_job_schedule, "name"), &to->spec.name);
    if (description && (description->kind != BG_YAML_SCALAR || description->text.size > 0))
        (void) job_yaml_text (self, description, "description",
            job_yaml_max (&wire_desc_schedule, "description"), true, &to->description);
    for (size_t i = 0; i < JOB_COUNT_OF (others); i++) {
        const bg_yaml *key = job_yaml_key (node, others[i]);
        if (key)
            bg_yaml_error (self->file, key, self->diag, NULL,
                "\"%s\" belongs to the schedules of a job; this one is named by schedule: and says "
                "itself when",
                others[i]);
    }
    if (!job_yaml_key (node, "use"))
        job_yaml_read_schedule (self, node, true, &to->spec);
    self->anchors_said = bg_arena_array (self->arena, bool, 1);
    self->anchors_said[0] = job_yaml_value (node, "anchor") != NULL;
}
