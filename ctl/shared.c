/*  bugle schedule and bugle calendar: asking, list, show.

    Not here: how they look (shared_view.c), changing them (shared_change.c), versions and revert (versions.c), files
    (apply.c).  */
#include "ctl/shared.h"

#include "common/job/names.h"
#include "common/job/uses.h"
#include "ctl/client.h"
#include "ctl/standing.h"

#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 1000 /*  without --limit  */
#define PAGE_MAX     200
#define RANGES_SHOWN 20

/*  ---- asking ----  */

static bg_result ask (
    ctl_run *run, const wire_document_query *query, wire_documents **answer, bg_error *err)
{
    ctl_client *client = NULL;
    BG_TRY (ctl_run_client (run, &client, err));
    return ctl_call (client, WIRE_DOCUMENT_QUERY, query, WIRE_DOCUMENTS, (void **) answer, err);
}

static bg_result ask_one (
    ctl_run *run, wire_type type, bg_slice name, ctl_document_found *found, bg_error *err)
{
    wire_documents *answer = NULL;
    const wire_document_query query = {.type = type, .name = name, .documents = true};
    *found = (ctl_document_found){0};
    BG_TRY (ask (run, &query, &answer, err));
    if (answer->rows_count > 0)
        found->row = &answer->rows[0];
    else if (answer->withdrawn_count > 0)
        found->withdrawn_version = answer->withdrawn[0].version;
    return bg_ok ();
}

bg_result ctl_document_look (
    ctl_run *run, wire_type type, bg_slice name, ctl_document_found *found, bg_error *err)
{
    bg_error why = {0};
    bg_result result = ask_one (run, type, name, found, &why);
    if (bg_is_ok (result) || result.code == BG_NOT_FOUND)
        return bg_ok ();
    if (err)
        *err = why;
    return result;
}

bg_result ctl_document_find (
    ctl_run *run, wire_type type, const char *name, const wire_document_row **row, bg_error *err)
{
    ctl_document_found found;
    const char *what = wire_type_word (type);
    BG_TRY (ask_one (run, type, bg_slice_str (name), &found, err));
    *row = found.row;
    if (found.row)
        return bg_ok ();
    if (found.withdrawn_version == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no %s '%.200s'", what, name));
        return bg_hint (err, "see: bugle %s list", what);
    }
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "%s '%.200s' was deleted", what, name));
    return bg_hint (err, "to bring it back: bugle %s revert '%.200s' --to N", what, name);
}

/*  ---- list ----  */

static bool is_wanted (const ctl_run *run, const wire_document_row *row)
{
    if (row->type != WIRE_TYPE_SCHEDULE)
        return true;
    return !(ctl_given (run->parsed, CTL_OPT_ENABLED) && row->disabled) &&
           !(ctl_given (run->parsed, CTL_OPT_DISABLED) && !row->disabled);
}

static bg_result list (ctl_run *run, wire_type type, const char *kind, const ctl_column *columns,
    size_t column_count, bg_error *err)
{
    const size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, LIST_DEFAULT);
    wire_document_query query = {.type = type, .limit = PAGE_MAX, .documents = true};
    size_t total = 0;
    ctl_list_begin (run->out, kind, columns, column_count, "name");
    for (bool more = true; more;) {
        wire_documents *page = NULL;
        BG_TRY (ask (run, &query, &page, err));
        for (size_t i = 0; i < page->rows_count; i++) {
            if (!is_wanted (run, &page->rows[i]) || total++ >= limit)
                continue;
            ctl_list_row (
                run->out, ctl_document_json (&page->rows[i], ctl_client_now_us (run->client)));
        }
        more = page->more && page->rows_count > 0;
        if (more)
            query.after = page->rows[page->rows_count - 1].name;
    }
    ctl_list_end (run->out, total > limit, total);
    return bg_ok ();
}

bg_result ctl_schedule_list (ctl_run *run, bg_error *err)
{
    if (ctl_given (run->parsed, CTL_OPT_ENABLED) && ctl_given (run->parsed, CTL_OPT_DISABLED))
        return bg_fail (err, BG_USAGE, "--enabled and --disabled exclude each other");
    return list (
        run, WIRE_TYPE_SCHEDULE, "schedules", ctl_schedule_columns, ctl_schedule_column_count, err);
}

bg_result ctl_calendar_list (ctl_run *run, bg_error *err)
{
    return list (
        run, WIRE_TYPE_CALENDAR, "calendars", ctl_calendar_columns, ctl_calendar_column_count, err);
}

/*  ---- show ----  */

static bg_result show_yaml (
    ctl_run *run, wire_type type, const wire_document_row *row, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    ctl_definition definition;
    BG_TRY (ctl_definition_of (&row->document, type, &run->arena, &definition, err));
    ctl_definition_write (&definition, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
    return bg_ok ();
}

/*  RFC 3339 without regard to zones: good enough for people, who read local and UTC times in one list.  */
static int by_from (const void *a, const void *b)
{
    const char *left = json_string_value (json_object_get (*(json_t *const *) a, "from"));
    const char *right = json_string_value (json_object_get (*(json_t *const *) b, "from"));
    return strcmp (left ? left : "", right ? right : "");
}

/*  The ranges that are not over; a calendar of many years is a long list.  */
static void show_ranges (ctl_run *run, const json_t *object)
{
    const json_t *all = json_object_get (object, "ranges");
    const size_t count = json_array_size (all);
    json_t **ordered = bg_arena_array (&run->arena, json_t *, count + 1);
    json_t *next = json_array ();
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        ordered[i] = json_array_get (all, i);
    qsort (ordered, count, sizeof *ordered, by_from);
    for (size_t i = 0; i < count; i++) {
        json_t *range = ordered[i];
        if (json_is_true (json_object_get (range, "over")))
            continue;
        if (json_array_size (next) < RANGES_SHOWN)
            json_array_append (next, range);
        else
            left++;
    }
    ctl_section (run->out, "Ranges from now on", ctl_calendar_range_columns,
        ctl_calendar_range_column_count, next);
    if (left > 0)
        ctl_print (run->out, "  and %zu more; all of them: -o yaml\n", left);
    json_decref (next);
}

static bg_result show (
    ctl_run *run, wire_type type, const ctl_column *fields, size_t field_count, bg_error *err)
{
    const wire_document_row *row = NULL;
    BG_TRY (ctl_document_find (run, type, ctl_argument (run->parsed, 0), &row, err));
    if (ctl_output_get (run->out)->form == CTL_FORM_YAML)
        return show_yaml (run, type, row, err);
    json_t *object = ctl_document_json (row, ctl_client_now_us (run->client));
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, wire_type_word (type), fields, field_count, "name", object);
        return bg_ok ();
    }
    ctl_fields (run->out, fields, field_count, object);
    if (type == WIRE_TYPE_CALENDAR)
        show_ranges (run, object);
    json_decref (object);
    return bg_ok ();
}

bg_result ctl_schedule_show (ctl_run *run, bg_error *err)
{
    return show (run, WIRE_TYPE_SCHEDULE, ctl_schedule_fields, ctl_schedule_field_count, err);
}

bg_result ctl_calendar_show (ctl_run *run, bg_error *err)
{
    return show (run, WIRE_TYPE_CALENDAR, ctl_calendar_fields, ctl_calendar_field_count, err);
}

/*  ---- what a job uses ----  */

static bool is_listed (const json_t *uses, wire_type type, bg_slice name)
{
    for (size_t i = 0; i < json_array_size (uses); i++) {
        const json_t *use = json_array_get (uses, i);
        const char *has = json_string_value (json_object_get (use, "name"));
        const char *word = json_string_value (json_object_get (use, "type"));
        if (has && word && strcmp (word, wire_type_word (type)) == 0 &&
            job_name_compare (bg_slice_str (has), name) == 0)
            return true;
    }
    return false;
}

/*  Each once: what the job names itself before what it uses through a schedule.  */
static bg_result add_use (
    ctl_run *run, wire_type type, bg_slice name, bg_slice through, json_t *uses, bg_error *err)
{
    ctl_document_found found;
    if (is_listed (uses, type, name))
        return bg_ok ();
    BG_TRY (ctl_document_look (run, type, name, &found, err));
    json_t *use = found.row ? ctl_document_json (found.row, ctl_client_now_us (run->client))
                            : json_pack ("{s:s, s:o}", "type", wire_type_word (type), "name",
                                  ctl_json_slice (name));
    json_object_set_new (use, "through", ctl_json_text_or_null (through));
    json_object_del (use, "ranges");
    json_object_del (use, "definition");
    json_array_append_new (uses, use);
    return bg_ok ();
}

static bg_result add_inner (ctl_run *run, bg_slice name, json_t *uses, bg_error *err)
{
    ctl_document_found found;
    ctl_definition definition;
    size_t count = 0;
    BG_TRY (ctl_document_look (run, WIRE_TYPE_SCHEDULE, name, &found, err));
    if (!found.row)
        return bg_ok ();
    BG_TRY (ctl_definition_of (
        &found.row->document, WIRE_TYPE_SCHEDULE, &run->arena, &definition, err));
    const job_use *inner =
        job_uses (&((const wire_schedule *) definition.body)->spec, 1, &run->arena, &count);
    for (size_t i = 0; i < count; i++)
        BG_TRY (add_use (run, inner[i].type, inner[i].name, name, uses, err));
    return bg_ok ();
}

static bg_result add_uses (ctl_run *run, const wire_job *job, json_t *uses, bg_error *err)
{
    size_t count = 0;
    const job_use *direct = job_uses (job->schedules, job->schedules_count, &run->arena, &count);
    for (size_t i = 0; i < count; i++)
        BG_TRY (add_use (run, direct[i].type, direct[i].name, bg_slice_of (NULL, 0), uses, err));
    for (size_t i = 0; i < count; i++)
        if (direct[i].type == WIRE_TYPE_SCHEDULE)
            BG_TRY (add_inner (run, direct[i].name, uses, err));
    return bg_ok ();
}

bg_result ctl_document_uses (ctl_run *run, const wire_job *job, json_t **uses, bg_error *err)
{
    json_t *made = json_array ();
    bg_result result = add_uses (run, job, made, err);
    if (bg_failed (result))
        json_decref (made);
    else
        *uses = made;
    return result;
}
