/*  bugle category: the list of words that sort jobs, and what bugle apply says about a new one.  */
#include "ctl/category.h"

#include "common/base/nearest.h"
#include "common/job/names.h"
#include "ctl/client.h"
#include "ctl/job.h"
#include "ctl/sign.h"

#define PAGE_ROWS 200

static const ctl_column columns[] = {
    {"name", "CATEGORY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"jobs", "JOBS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"created", "CREATED", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"created_by", "BY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"description", "DESCRIPTION", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

static json_t *category_json (const wire_category_row *row)
{
    return json_pack ("{s:o, s:I, s:b, s:o, s:o, s:o}", "name", ctl_json_slice (row->name), "jobs",
        (json_int_t) row->jobs, "is_created", row->known, "created",
        ctl_json_time (row->created_us), "created_by", ctl_json_text_or_null (row->created_by),
        "description", ctl_json_text_or_null (row->description));
}

typedef void visit_category (void *ctx, const wire_category_row *row);

static bg_result each_category (
    ctl_run *run, size_t limit, visit_category *visit, void *ctx, bool *more, bg_error *err)
{
    ctl_client *client = NULL;
    wire_category_query query = {0};
    BG_TRY (ctl_run_client (run, &client, err));
    for (size_t count = 0; count < limit;) {
        wire_categories *page = NULL;
        query.limit = limit - count < PAGE_ROWS ? limit - count : PAGE_ROWS;
        BG_TRY (
            ctl_call (client, WIRE_CATEGORY_QUERY, &query, WIRE_CATEGORIES, (void **) &page, err));
        for (size_t i = 0; i < page->rows_count; i++)
            visit (ctx, &page->rows[i]);
        count += page->rows_count;
        *more = page->more && page->rows_count > 0;
        if (!*more)
            break;
        query.after = page->rows[page->rows_count - 1].name;
    }
    return bg_ok ();
}

static void print_category (void *ctx, const wire_category_row *row)
{
    ctl_list_row (ctx, category_json (row));
}

bg_result ctl_category_list (ctl_run *run, bg_error *err)
{
    bool more = false;
    ctl_list_begin (run->out, "categories", columns, sizeof columns / sizeof columns[0], "name");
    BG_TRY (each_category (run, (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, 1000),
        print_category, run->out, &more, err));
    ctl_list_end (run->out, more, 0);
    return bg_ok ();
}

/*  ---- create, delete ----  */

static bg_result change (ctl_run *run, uint64_t what, const char *outcome, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    wire_request ask = {.what = what,
        .name = bg_slice_str (ctl_argument (run->parsed, 0)),
        .value = bg_slice_str (what == WIRE_REQUEST_CATEGORY_CREATE
                                   ? ctl_text (run->parsed, CTL_OPT_DESCRIPTION, "")
                                   : "")};
    wire_done *done = NULL;
    BG_TRY (ctl_request (run, &ask, dry_run, &done, err));
    if (ctl_is_human (run->out))
        ctl_print (run->out, "%s%s category %.*s\n", dry_run ? "would be " : "", outcome,
            BG_SLICE_ARG (done->text));
    else
        ctl_object (run->out, "change", NULL, 0, "name",
            json_pack ("{s:o, s:s, s:b}", "name", ctl_json_slice (done->text), "outcome", outcome,
                "dry_run", dry_run));
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
    return bg_ok ();
}

bg_result ctl_category_create (ctl_run *run, bg_error *err)
{
    return change (run, WIRE_REQUEST_CATEGORY_CREATE, "created", err);
}

bg_result ctl_category_delete (ctl_run *run, bg_error *err)
{
    return change (run, WIRE_REQUEST_CATEGORY_DELETE, "deleted", err);
}

/*  ---- what apply says ----  */

typedef struct {
    const char **names;
    size_t count;
    size_t capacity;
    bg_arena *arena;
} known_names;

static void take_name (void *ctx, const wire_category_row *row)
{
    known_names *known = ctx;
    if (known->count == known->capacity) {
        known->capacity = known->capacity * 2 + 64;
        const char **grown = bg_arena_array (known->arena, const char *, known->capacity);
        for (size_t i = 0; i < known->count; i++)
            grown[i] = known->names[i];
        known->names = grown;
    }
    known->names[known->count++] = bg_arena_str (known->arena, row->name);
}

static bool is_known (const known_names *known, bg_slice name)
{
    for (size_t i = 0; i < known->count; i++)
        if (job_name_compare (bg_slice_str (known->names[i]), name) == 0)
            return true;
    return false;
}

static bool is_repeated (const bg_slice *names, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (job_name_compare (names[i], names[index]) == 0)
            return true;
    return false;
}

bg_result ctl_category_note_new (ctl_run *run, const bg_slice *names, size_t count, bg_error *err)
{
    known_names known = {.arena = &run->arena};
    bool more = false;
    size_t with_one = 0;
    for (size_t i = 0; i < count; i++)
        with_one += names[i].size > 0;
    if (with_one == 0)
        return bg_ok ();
    BG_TRY (each_category (run, SIZE_MAX, take_name, &known, &more, err));
    for (size_t i = 0; i < count; i++) {
        if (names[i].size == 0 || is_known (&known, names[i]) || is_repeated (names, i))
            continue;
        const char *nearest = bg_nearest (names[i], known.names, known.count);
        ctl_note (run->out, "category '%.*s' is new%s%s%s", BG_SLICE_ARG (names[i]),
            nearest ? "; there is '" : "", nearest ? nearest : "", nearest ? "'" : "");
    }
    return bg_ok ();
}
