/*  bugle apply: files to documents, documents to signed ones, those that differ to the broker.

    Everything is read before anything is asked, and everything is compared before anything is posted: a mistake in the last
    file leaves the broker as it was. Calendars come before schedules before jobs, so that each finds what it uses.

    Invariant: what is printed as unchanged was not posted.
*/
#include "ctl/apply.h"

#include "common/job/names.h"
#include "ctl/category.h"
#include "ctl/client.h"
#include "ctl/ics.h"
#include "ctl/job.h"
#include "ctl/job_files.h"
#include "ctl/sign.h"

#include <inttypes.h>

/*  ---- deciding ----  */

ctl_apply_plan ctl_apply_compare (const ctl_standing *found, const ctl_definition *wanted)
{
    BG_AUTO_ARENA arena = {0};
    ctl_definition held = {0};
    if (!found->is_here)
        return (ctl_apply_plan){.last_version = found->version};
    if (found->document)
        bg_ignore (ctl_definition_of (found->document, found->type, &arena, &held, NULL));
    return (ctl_apply_plan){
        .is_unchanged = ctl_definition_equal (&held, wanted),
        .last_version = found->version,
        .seen_version = found->version,
    };
}

void ctl_apply_text (const ctl_apply_outcome *outcome, bool dry_run, bg_buf *out)
{
    const char *word = wire_posted_word (outcome->outcome);
    const bool would = dry_run && outcome->outcome != WIRE_POSTED_UNCHANGED;
    const bool is_job = outcome->type == WIRE_TYPE_JOB;
    bg_buf_printf (out, "%s%s %s%s%.*s (v%" PRIu64 ") -> ", would ? "would be " : "",
        word ? word : "posted", is_job ? "" : wire_type_word (outcome->type), is_job ? "" : " ",
        BG_SLICE_ARG (outcome->name), outcome->revision);
    ctl_targets_count (outcome->targets, out);
}

json_t *ctl_apply_json (const ctl_apply_outcome *outcome)
{
    const char *word = wire_posted_word (outcome->outcome);
    return json_pack ("{s:s, s:o, s:s, s:I, s:I, s:I, s:o}", "type", wire_type_word (outcome->type),
        "name", ctl_json_slice (outcome->name), "outcome", word ? word : "posted", "version",
        (json_int_t) outcome->revision, "document_version", (json_int_t) outcome->version,
        "targets", (json_int_t) outcome->targets, "diff", ctl_json_text_or_null (outcome->diff));
}

/*  ---- the broker ----  */

typedef struct {
    size_t count;
    ctl_apply_outcome *outcomes; /*  one a document, in the order of posting  */
    wire_post_item *items;       /*  those that differ  */
    size_t *item_outcomes;       /*  their indexes in outcomes  */
    size_t item_count;
} apply_work;

/*  What the broker has goes first into the anchors of the schedules, so that a file that did not change is unchanged.  */
static ctl_definition wanted_of (job_yaml_set *set, size_t index, const ctl_definition *held)
{
    if (held->body)
        job_yaml_keep_anchors (set, index, held->body);
    const job_yaml_document *document = job_yaml_document_at (set, index);
    return (ctl_definition){document->type, document->body, document->not_after_us};
}

static void find_held (ctl_run *run, const ctl_standing *found, ctl_definition *held)
{
    *held = (ctl_definition){.type = found->type};
    if (found->document)
        bg_ignore (ctl_definition_of (found->document, found->type, &run->arena, held, NULL));
}

static bg_result add_one (ctl_run *run, apply_work *work, const ctl_standing *found,
    const ctl_definition *held, const ctl_definition *wanted, bg_error *err)
{
    BG_AUTO_BUF diff = {0};
    ctl_apply_outcome *outcome = &work->outcomes[work->count];
    const ctl_apply_plan plan = ctl_apply_compare (found, wanted);
    *outcome = (ctl_apply_outcome){.type = wanted->type, .name = ctl_definition_name (wanted)};
    if (plan.is_unchanged) {
        outcome->name = found->name;
        outcome->outcome = WIRE_POSTED_UNCHANGED;
        outcome->revision = found->revision;
        outcome->version = found->version;
        outcome->targets = found->targets;
        work->count++;
        return bg_ok ();
    }
    if (held->body)
        ctl_definition_diff (held, wanted, &diff);
    outcome->diff = bg_arena_copy (&run->arena, bg_buf_slice (&diff));
    wire_post_item *item = &work->items[work->item_count];
    *item = (wire_post_item){.has_document = true, .seen_version = plan.seen_version};
    work->item_outcomes[work->item_count++] = work->count++;
    return ctl_definition_sign (run, wanted, plan.last_version, &item->document, err);
}

static void begin (ctl_run *run, apply_work *work, size_t count)
{
    *work = (apply_work){.outcomes = bg_arena_array (&run->arena, ctl_apply_outcome, count),
        .items = bg_arena_array (&run->arena, wire_post_item, count),
        .item_outcomes = bg_arena_array (&run->arena, size_t, count)};
}

static bg_result compare_all (ctl_run *run, job_yaml_set *set, apply_work *work, bg_error *err)
{
    const size_t count = job_yaml_documents (set);
    begin (run, work, count);
    for (size_t i = 0; i < count; i++) {
        ctl_standing found;
        ctl_definition held;
        const job_yaml_document *document = job_yaml_document_at (set, i);
        BG_TRY (ctl_standing_look (run, document->type, document->name, &found, err));
        find_held (run, &found, &held);
        const ctl_definition wanted = wanted_of (set, i, &held);
        BG_TRY (add_one (run, work, &found, &held, &wanted, err));
    }
    return bg_ok ();
}

/*  A category that nobody has used before may be meant, or be a slip of the pen.  */
static bg_result note_categories (
    ctl_run *run, const job_yaml_set *set, size_t count, bg_error *err)
{
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = job_yaml_job (set, i)->category;
    return ctl_category_note_new (run, names, count, err);
}

static bg_result post_all (ctl_run *run, apply_work *work, bool dry_run, bg_error *err)
{
    size_t done = 0;
    if (work->item_count == 0)
        return bg_ok ();
    wire_posted_item *rows = bg_arena_array (&run->arena, wire_posted_item, work->item_count);
    bg_result result = ctl_post (run, work->items, work->item_count, dry_run, rows, &done, err);
    for (size_t i = 0; i < done; i++) {
        ctl_apply_outcome *outcome = &work->outcomes[work->item_outcomes[i]];
        outcome->outcome = rows[i].outcome;
        outcome->revision = rows[i].revision;
        outcome->version = rows[i].version;
        outcome->targets = rows[i].targets;
    }
    return result;
}

static void print_outcome (ctl_run *run, const ctl_apply_outcome *outcome, bool dry_run)
{
    BG_AUTO_BUF text = {0};
    if (!ctl_is_human (run->out)) {
        ctl_list_row (run->out, ctl_apply_json (outcome));
        return;
    }
    ctl_apply_text (outcome, dry_run, &text);
    ctl_print (run->out, "%s\n", bg_buf_cstr (&text));
    if (dry_run)
        ctl_print_slice (run->out, outcome->diff);
}

/*  Those whose outcome is known: all, unless posting broke off.  */
static void print_outcomes (ctl_run *run, const apply_work *work, bool dry_run)
{
    if (!ctl_is_human (run->out))
        ctl_list_begin (run->out, "applied", NULL, 0, "name");
    for (size_t i = 0; i < work->count; i++)
        if (work->outcomes[i].outcome != 0)
            print_outcome (run, &work->outcomes[i], dry_run);
    if (!ctl_is_human (run->out))
        ctl_list_end (run->out, false, 0);
}

static bg_result finish (ctl_run *run, apply_work *work, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    bg_result result = post_all (run, work, dry_run, err);
    print_outcomes (run, work, dry_run);
    if (dry_run && bg_is_ok (result))
        ctl_note (run->out, "dry run: nothing was changed");
    return result;
}

static bg_result apply_set (ctl_run *run, job_yaml_set *set, bg_error *err)
{
    apply_work work;
    BG_TRY (compare_all (run, set, &work, err));
    BG_TRY (note_categories (run, set, job_yaml_count (set), err));
    return finish (run, &work, err);
}

/*  ---- the commands ----  */

/*  A command of one noun takes nothing else.  */
static bg_result check_types (const job_yaml_set *set, wire_type type, bg_error *err)
{
    for (size_t i = 0; i < job_yaml_documents (set); i++) {
        const job_yaml_document *document = job_yaml_document_at (set, i);
        if (document->type == type)
            continue;
        bg_ignore (bg_fail (err, BG_USAGE, "%s:%u: %s '%.*s' is no %s", document->file,
            document->line, wire_type_word (document->type), BG_SLICE_ARG (document->name),
            wire_type_word (type)));
        return bg_hint (err, "bugle apply -f takes files with everything in them");
    }
    return bg_ok ();
}

/*  type 0: all.  */
static bg_result apply_files (ctl_run *run, wire_type type, const char *words, bg_error *err)
{
    size_t count = 0;
    const char *const *given = ctl_list (run->parsed, CTL_OPT_FILE, &count);
    if (count == 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "bugle %s needs -f FILE or -f DIR", words));
        return bg_hint (err, "see: bugle %s --help", words);
    }
    job_yaml_set *set = NULL;
    bg_result result = ctl_job_files_read (run, given, count, false, &set, err);
    if (bg_is_ok (result) && type != 0)
        result = check_types (set, type, err);
    if (bg_is_ok (result))
        result = apply_set (run, set, err);
    job_yaml_set_destroy (&set);
    return result;
}

bg_result ctl_apply (ctl_run *run, bg_error *err)
{
    return apply_files (run, 0, "apply", err);
}

bg_result ctl_schedule_apply (ctl_run *run, bg_error *err)
{
    return apply_files (run, WIRE_TYPE_SCHEDULE, "schedule apply", err);
}

/*  A calendar from a file of another program keeps the description that it has.  */
static bg_result apply_ics (ctl_run *run, const char *name, const char *path, bg_error *err)
{
    apply_work work;
    ctl_standing found;
    ctl_definition held;
    ctl_client *client = NULL;
    wire_calendar body = {.name = bg_slice_str (name)};
    const unsigned years = (unsigned) ctl_number (run->parsed, CTL_OPT_YEARS, CTL_ICS_YEARS);
    BG_TRY (job_object_name_valid (body.name, err));
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_ics_calendar (path, years, ctl_client_now_us (client), &run->arena, &body, err));
    BG_TRY (ctl_standing_look (run, WIRE_TYPE_CALENDAR, body.name, &found, err));
    find_held (run, &found, &held);
    if (held.body) {
        body.name = ((const wire_calendar *) held.body)->name;
        body.description = ((const wire_calendar *) held.body)->description;
    }
    const ctl_definition wanted = {.type = WIRE_TYPE_CALENDAR, .body = &body};
    begin (run, &work, 1);
    BG_TRY (add_one (run, &work, &found, &held, &wanted, err));
    return finish (run, &work, err);
}

bg_result ctl_calendar_apply (ctl_run *run, bg_error *err)
{
    const char *ics = ctl_text (run->parsed, CTL_OPT_ICS, NULL);
    const bool has_name = ctl_argument_count (run->parsed) > 0;
    if (ics && (!has_name || ctl_given (run->parsed, CTL_OPT_FILE))) {
        bg_ignore (bg_fail (err, BG_USAGE, "--ics needs the NAME of the calendar, and no -f"));
        return bg_hint (err, "as: bugle calendar apply holidays --ics holidays.ics");
    }
    if (!ics && (has_name || ctl_given (run->parsed, CTL_OPT_YEARS))) {
        bg_ignore (bg_fail (err, BG_USAGE, "NAME and --years are for --ics FILE"));
        return bg_hint (err, "a file with -f says the names itself");
    }
    return ics ? apply_ics (run, ctl_argument (run->parsed, 0), ics, err)
               : apply_files (run, WIRE_TYPE_CALENDAR, "calendar apply", err);
}
