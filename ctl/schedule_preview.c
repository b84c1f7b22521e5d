/*  bugle schedule preview: when schedules run, before or after they are applied.

    Schedules come from one of four places: the broker's shared ones, a job of the broker, files, or options. Times are told by
    the functions of the node; this file brings them what they need and prints. Occurrences that a calendar keeps out, or
    whose schedule is disabled, are shown with the reason and do not count for --next.  */
#include "common/job/names.h"
#include "common/sys/clock.h"
#include "ctl/client.h"
#include "ctl/job.h"
#include "ctl/job_files.h"
#include "ctl/occurrence_view.h"
#include "ctl/target.h"
#include "ctl/targets_arg.h"
#include "ctl/times.h"
#include "proto/digest.h"

#include <stdio.h>
#include <time.h>

#define NEXT_DEFAULT 10
#define ROWS_MAX     1000 /*  with --until and without --next  */
#define LEFT_OUT_MAX 1000 /*  in a row: enough was looked at  */

/*  What is previewed, and where what it names is found. All in the run's arena, or in set.  */
typedef struct {
    wire_job_schedule *items;
    size_t count;
    job_yaml_set *set;    /*  of files and options; NULL  */
    bg_id job_key;        /*  of a job; zero  */
    bool is_off;          /*  the shared schedule itself, or the job, is disabled  */
    int64_t off_until_us; /*  0: until somebody enables it  */
} preview;

/*  For whom: a zone, and with a target also who it is.  */
typedef struct {
    bg_slice zone; /*  empty: nobody said  */
    const wire_target_row *target;
} viewer;

/*  ---- what is previewed ----  */

static void add_schedule (
    ctl_run *run, preview *self, const wire_job_schedule *from, bg_slice owner)
{
    wire_job_schedule *items = bg_arena_array (&run->arena, wire_job_schedule, self->count + 1);
    if (self->count > 0)
        memcpy (items, self->items, self->count * sizeof *items);
    items[self->count] = *from;
    if (owner.size > 0)
        items[self->count].name = bg_arena_printf (
            &run->arena, "%.*s: %.*s", BG_SLICE_ARG (owner), BG_SLICE_ARG (from->name));
    self->items = items;
    self->count++;
}

static const job_yaml_document *find_document (const preview *self, wire_type type, bg_slice name)
{
    for (size_t i = 0; self->set && i < job_yaml_documents (self->set); i++) {
        const job_yaml_document *document = job_yaml_document_at (self->set, i);
        if (document->type == type && job_name_compare (document->name, name) == 0)
            return document;
    }
    return NULL;
}

/*  What the files hold comes before what the broker has.  */
static ctl_shared_find find_shared;
typedef struct {
    ctl_run *run;
    const preview *preview;
} shared_places;

static bg_result find_shared (
    void *ctx, wire_type type, bg_slice name, ctl_shared *found, bg_error *err)
{
    const shared_places *self = ctx;
    const job_yaml_document *document = find_document (self->preview, type, name);
    if (!document)
        return ctl_shared_ask (self->run, type, name, found, err);
    *found = (ctl_shared){0};
    if (type == WIRE_TYPE_SCHEDULE)
        found->schedule = document->body;
    else
        found->calendar = document->body;
    return bg_ok ();
}

static bg_result take_shared (ctl_run *run, const char *name, preview *self, bg_error *err)
{
    ctl_shared found = {0};
    BG_TRY (ctl_shared_ask (run, WIRE_TYPE_SCHEDULE, bg_slice_str (name), &found, err));
    self->is_off = found.is_disabled;
    self->off_until_us = found.disabled_until_us;
    add_schedule (run, self, &found.schedule->spec, (bg_slice){0});
    return bg_ok ();
}

static bg_result take_job (ctl_run *run, const char *name, preview *self, bg_error *err)
{
    const wire_job_row *row = NULL;
    wire_document document;
    wire_job job;
    BG_TRY (ctl_job_find (run, name, true, &row, err));
    BG_TRY (
        WIRE_DECODE (document, row->document.bytes, WIRE_AS_SIGNED, &run->arena, &document, err));
    BG_TRY (WIRE_DECODE (job, document.body, WIRE_AS_SIGNED, &run->arena, &job, err));
    self->job_key = row->key;
    self->is_off = row->disabled;
    self->off_until_us = row->disabled_until_us;
    for (size_t i = 0; i < job.schedules_count; i++)
        add_schedule (run, self, &job.schedules[i], (bg_slice){0});
    if (job.schedules_count == 0)
        return bg_fail (err, BG_NOT_FOUND, "job '%s' has no schedules", name);
    return bg_ok ();
}

/*  Every schedule of the set; those of jobs with the job's name in front when there are several documents.  */
static bg_result take_set (ctl_run *run, preview *self, bg_error *err)
{
    const size_t documents = job_yaml_documents (self->set);
    for (size_t i = 0; i < documents; i++) {
        const job_yaml_document *document = job_yaml_document_at (self->set, i);
        if (document->type == WIRE_TYPE_SCHEDULE)
            add_schedule (
                run, self, &((const wire_schedule *) document->body)->spec, (bg_slice){0});
        if (document->type != WIRE_TYPE_JOB)
            continue;
        const wire_job *job = document->body;
        for (size_t k = 0; k < job->schedules_count; k++)
            add_schedule (
                run, self, &job->schedules[k], documents > 1 ? document->name : (bg_slice){0});
    }
    if (self->count == 0)
        return bg_fail (err, BG_NOT_FOUND, "the files have no schedule");
    return bg_ok ();
}

/*  A value as a scalar of YAML that is nothing but itself; digits alone stay a number.  */
static void write_scalar (bg_slice text, bg_buf *out)
{
    bool is_number = text.size > 0;
    for (size_t i = 0; i < text.size; i++)
        is_number = is_number && text.data[i] >= '0' && text.data[i] <= '9';
    if (is_number) {
        bg_buf_append_slice (out, text);
        return;
    }
    bg_buf_append_byte (out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'')
            bg_buf_append_byte (out, '\'');
        bg_buf_append_byte (out, text.data[i] == '\n' ? ' ' : text.data[i]);
    }
    bg_buf_append_byte (out, '\'');
}

static bg_slice trimmed (const char *begin, const char *end)
{
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    return bg_slice_of (begin, (size_t) (end - begin));
}

/*  "key: value"; a value with commas, where lists may be, becomes a list.  */
static void write_option (const char *key, const char *value, bool may_be_list, bg_buf *out)
{
    bool is_list = may_be_list && strchr (value, ',') != NULL;
    bg_buf_printf (out, "%s: %s", key, is_list ? "[" : "");
    for (const char *rest = value; rest;) {
        const char *comma = is_list ? strchr (rest, ',') : NULL;
        write_scalar (trimmed (rest, comma ? comma : rest + strlen (rest)), out);
        if (comma)
            bg_buf_append_str (out, ", ");
        rest = comma ? comma + 1 : NULL;
    }
    bg_buf_append_str (out, is_list ? "]\n" : "\n");
}

/*  The date from which "every 2 weeks" counts: today, by this machine's clock.  */
static uint32_t today (void)
{
    const time_t now = (time_t) (bg_clock_utc_us () / 1000000);
    struct tm day;
    if (!localtime_r (&now, &day))
        return 0;
    return (uint32_t) ((day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday);
}

static bg_result read_text (ctl_run *run, bg_slice text, job_yaml_set *set, bg_error *err)
{
    BG_AUTO_BUF told = {0};
    bg_diag *diag = bg_diag_create ();
    bg_result result = job_yaml_read (set, "options", text, diag, err);
    bg_diag_print (diag, &told);
    FILE *talk = ctl_output_get (run->out)->talk;
    (void) fwrite (told.data, 1, told.size, talk);
    bg_diag_destroy (&diag);
    if (bg_failed (result))
        bg_ignore (bg_fail (err, BG_USAGE, "the options are no schedule"));
    return bg_failed (result) ? (bg_result){BG_USAGE} : result;
}

/*  Options are read as the file that they stand for: one grammar, one set of sentences.  */
static bg_result take_options (ctl_run *run, preview *self, bg_error *err)
{
    static const struct {
        ctl_option_id option;
        const char *key;
        bool may_be_list;
    } keys[] = {
        {CTL_OPT_CRON, "cron", false},
        {CTL_OPT_EVERY, "every", false},
        {CTL_OPT_ON, "on", true},
        {CTL_OPT_TIME, "at", false},
        {CTL_OPT_GAP, "gap", false},
        {CTL_OPT_FOLD, "fold", false},
    };
    BG_AUTO_BUF text = {0};
    bg_buf_append_str (&text, "schedule: preview\n");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = ctl_text (run->parsed, keys[i].option, NULL);
        if (value)
            write_option (keys[i].key, value, keys[i].may_be_list, &text);
    }
    const job_yaml_ports ports = {.today = today ()};
    self->set = job_yaml_set_create (&ports);
    BG_TRY (read_text (run, bg_buf_slice (&text), self->set, err));
    return take_set (run, self, err);
}

static bool has_rule (const ctl_run *run)
{
    return ctl_given (run->parsed, CTL_OPT_CRON) || ctl_given (run->parsed, CTL_OPT_EVERY);
}

static bool has_detail (const ctl_run *run)
{
    static const ctl_option_id details[] = {CTL_OPT_ON, CTL_OPT_TIME, CTL_OPT_GAP, CTL_OPT_FOLD};
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++)
        if (ctl_given (run->parsed, details[i]))
            return true;
    return false;
}

static bg_result find_what (ctl_run *run, preview *self, bg_error *err)
{
    size_t file_count = 0;
    const char *const *files = ctl_list (run->parsed, CTL_OPT_FILE, &file_count);
    const char *job = ctl_text (run->parsed, CTL_OPT_JOB, NULL);
    const bool has_name = ctl_argument_count (run->parsed) > 0;
    if (has_detail (run) && !has_rule (run))
        return bg_fail (
            err, BG_USAGE, "--on, --time, --gap and --fold belong to --every or --cron");
    if (has_name + (job != NULL) + (file_count > 0) + has_rule (run) != 1) {
        bg_ignore (bg_fail (err, BG_USAGE, "a preview is of one thing"));
        return bg_hint (
            err, "NAME of a shared schedule, --job NAME, -f FILE, or --cron or --every");
    }
    if (has_name)
        return take_shared (run, ctl_argument (run->parsed, 0), self, err);
    if (job)
        return take_job (run, job, self, err);
    if (file_count == 0)
        return take_options (run, self, err);
    BG_TRY (ctl_job_files_read (run, files, file_count, false, &self->set, err));
    return take_set (run, self, err);
}

/*  ---- for whom ----  */

static bg_result find_viewer (ctl_run *run, viewer *self, bg_error *err)
{
    size_t count = 0;
    const char *const *names = ctl_list (run->parsed, CTL_OPT_TARGET, &count);
    const char *zone = ctl_text (run->parsed, CTL_OPT_ZONE, NULL);
    if (count > 0 && zone)
        return bg_fail (err, BG_USAGE, "--zone and -t both say the zone");
    if (zone && !ctl_zone_exists (NULL, zone)) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "this machine has no time zone '%s'", zone));
        return bg_hint (err, "names are those of the IANA database, as Europe/Berlin");
    }
    self->zone = bg_slice_str (zone);
    if (count == 0)
        return bg_ok ();
    bg_slice *wanted = NULL;
    size_t wanted_count = 0;
    ctl_target_rows rows = {0};
    BG_TRY (ctl_targets_expand (run, names, count, 2, &wanted, &wanted_count, err));
    if (wanted_count != 1)
        return bg_fail (err, BG_USAGE, "a preview is for one target");
    BG_TRY (ctl_targets_named (run, wanted, 1, &rows, err));
    if (rows.count == 0)
        return bg_fail (err, BG_NOT_FOUND, "there is no target '%.*s'", BG_SLICE_ARG (wanted[0]));
    self->target = &rows.rows[0];
    self->zone = self->target->zone;
    if (self->zone.size == 0)
        ctl_note (run->out, "target '%.*s' has not said its time zone yet: UTC is taken",
            BG_SLICE_ARG (self->target->name));
    return bg_ok ();
}

/*  ---- what is said beside the rows ----  */

static void note_zone (ctl_run *run, const ctl_schedules *schedules, const viewer *whom)
{
    for (size_t i = 0; i < schedules->count && whom->zone.size == 0 && !whom->target; i++) {
        if (schedules->items[i].is_usable && schedules->items[i].is_by_target &&
            !job_schedule_is_event (&schedules->items[i].made)) {
            ctl_note (run->out,
                "by each target's own clock; shown for UTC: say --zone ZONE or -t TARGET");
            return;
        }
    }
}

static void note_schedule (ctl_run *run, const ctl_schedule *item, bool has_start)
{
    if (!item->is_usable) {
        ctl_warn (run->out, "schedule '%.*s' cannot run: %.*s", BG_SLICE_ARG (item->name),
            BG_SLICE_ARG (item->problem));
        return;
    }
    if (job_schedule_is_event (&item->made))
        ctl_note (run->out, "schedule '%.*s' has no times: it runs %s", BG_SLICE_ARG (item->name),
            item->made.kind == JOB_SCHEDULE_IDLE ? "when a target's processors have become idle"
                                                 : "when the node of a target starts");
    if (item->spec.splay_us == 0 || has_start)
        return;
    BG_AUTO_BUF span = {0};
    ctl_times_span ((int64_t) item->spec.splay_us, &span);
    ctl_note (run->out,
        "schedule '%.*s' starts up to %s later, by target (splay): --job NAME -t TARGET says when",
        BG_SLICE_ARG (item->name), bg_buf_cstr (&span));
}

/*  Fails when none of them can run.  */
static bg_result note_all (
    ctl_run *run, const ctl_schedules *schedules, const viewer *whom, bool has_start, bg_error *err)
{
    size_t usable = 0;
    for (size_t i = 0; i < schedules->count; i++)
        usable += schedules->items[i].is_usable;
    if (usable == 0)
        return bg_fail (err, BG_NOT_FOUND, "schedule '%.*s' cannot run: %.*s",
            BG_SLICE_ARG (schedules->items[0].name), BG_SLICE_ARG (schedules->items[0].problem));
    for (size_t i = 0; i < schedules->count; i++)
        note_schedule (run, &schedules->items[i], has_start);
    note_zone (run, schedules, whom);
    return bg_ok ();
}

/*  ---- rows ----  */

static const ctl_column columns[] = {
    {"local", "WALL CLOCK", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"at", "UTC", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"schedule", "SCHEDULE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"note", "NOTE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"starts", "STARTS", CTL_CELL_TEXT, CTL_NORMAL, NULL}, /*  only with a job and a target  */
};
#define COLUMNS (sizeof columns / sizeof columns[0])

typedef struct {
    int64_t from_us, until_us;
    size_t most;
} window;

static bg_result read_window (ctl_run *run, window *self, bg_error *err)
{
    const int64_t now_us = bg_clock_utc_us ();
    const char *until = ctl_text (run->parsed, CTL_OPT_UNTIL, NULL);
    self->from_us = ctl_time_us (run->parsed, CTL_OPT_FROM, now_us);
    self->until_us = ctl_time_us (run->parsed, CTL_OPT_UNTIL, INT64_MAX);
    int64_t ahead_us = 0;
    /*  A duration counts from now on, as for what is switched off until then.  */
    if (until && bg_is_ok (ctl_times_parse_ahead (bg_slice_str (until), now_us, &ahead_us, NULL)))
        self->until_us = ahead_us;
    self->most = (size_t) ctl_number (run->parsed, CTL_OPT_NEXT, until ? ROWS_MAX : NEXT_DEFAULT);
    if (self->until_us <= self->from_us)
        return bg_fail (err, BG_USAGE, "--until is not after %s",
            ctl_given (run->parsed, CTL_OPT_FROM) ? "--from" : "now");
    return bg_ok ();
}

/*  Whether what lasts until then (0: without end) is over.  */
static bool is_over (int64_t until_us, int64_t at_us)
{
    return until_us != 0 && at_us >= until_us;
}

static json_t *row_of (const preview *what, const viewer *whom, const ctl_occurrence *found)
{
    json_t *row = ctl_occurrence_json (found);
    const bool is_on = ctl_schedule_is_on (found->schedule, found->nominal_us) &&
                       (!what->is_off || is_over (what->off_until_us, found->nominal_us));
    const bool runs = is_on && !found->mark.kept_out;
    const bool has_start = runs && whom->target && !bg_id_is_zero (what->job_key);
    int64_t starts_us = found->nominal_us;
    if (has_start && found->schedule->spec.splay_us != 0)
        starts_us +=
            wire_splay_us (whom->target->id, what->job_key, found->schedule->spec.splay_us);
    if (!is_on)
        json_object_set_new (row, "note", json_string ("disabled then"));
    json_object_set_new (row, "runs", json_boolean (runs));
    json_object_set_new (row, "starts", has_start ? ctl_json_time (starts_us) : json_null ());
    return row;
}

static void print_rows (ctl_run *run, const preview *what, const viewer *whom,
    const ctl_schedules *schedules, const window *span)
{
    const bool has_start = whom->target && !bg_id_is_zero (what->job_key);
    ctl_occurrences after = ctl_occurrences_after (schedules, span->from_us - 1);
    ctl_occurrence found;
    size_t taken = 0;
    size_t left_out = 0;
    bool is_more = false;
    ctl_list_begin (run->out, "occurrences", columns, has_start ? COLUMNS : COLUMNS - 1, "at");
    while (ctl_occurrences_take (&after, &found) && found.nominal_us < span->until_us) {
        is_more = taken == span->most || left_out > LEFT_OUT_MAX;
        if (is_more)
            break;
        taken += found.mark.kept_out == NULL;
        left_out = found.mark.kept_out ? left_out + 1 : 0;
        ctl_list_row (run->out, row_of (what, whom, &found));
    }
    const size_t shown = ctl_list_count (run->out);
    ctl_list_end (run->out, false, 0);
    if (shown == 0)
        ctl_note (run->out, "nothing is due in that time");
    else if (is_more && left_out > LEFT_OUT_MAX)
        ctl_note (run->out, "%d in a row are left out: not looked further", LEFT_OUT_MAX);
    else if (is_more && span->until_us != INT64_MAX)
        ctl_note (run->out, "the first %zu shown; --next says how many", shown);
}

static bg_result show (ctl_run *run, const preview *what, bg_error *err)
{
    viewer whom = {0};
    window span = {0};
    ctl_schedules schedules = {0};
    shared_places places = {run, what};
    BG_TRY (read_window (run, &span, err));
    BG_TRY (find_viewer (run, &whom, err));
    bg_result result = ctl_schedules_open (
        run, what->items, what->count, whom.zone, find_shared, &places, &schedules, err);
    const bool has_start = whom.target && !bg_id_is_zero (what->job_key);
    if (bg_is_ok (result))
        result = note_all (run, &schedules, &whom, has_start, err);
    if (bg_is_ok (result))
        print_rows (run, what, &whom, &schedules, &span);
    ctl_schedules_close (&schedules);
    return result;
}

bg_result ctl_schedule_preview (ctl_run *run, bg_error *err)
{
    preview what = {0};
    bg_result result = find_what (run, &what, err);
    if (bg_is_ok (result))
        result = show (run, &what, err);
    job_yaml_set_destroy (&what.set);
    return result;
}
