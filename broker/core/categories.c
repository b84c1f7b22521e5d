/*  Categories of jobs: words that jobs carry, and a list of those that somebody has created with what they are for.

    A job may be of any category: the list is for choosing and for noticing a slip of the pen (ADR 20). What is
    shown is both, the created ones and those that are in use.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/names.h"

#include <stdlib.h>

#define LIMIT_DEFAULT 200u
#define CREATED_MAX   1000u /*  so that one look at the store has them all  */

typedef struct {
    char *key; /*  the name without case, in the arena  */
    wire_category_row row;
} entry;

typedef struct {
    broker_request *request;
    entry *entries;
    size_t count;
    size_t capacity;
} collecting;

static entry *add (collecting *work, bg_slice key, bg_slice name)
{
    if (work->count == work->capacity) {
        work->capacity = work->capacity * 2 + 64;
        entry *grown = bg_arena_array (work->request->arena, entry, work->capacity);
        if (work->count > 0)
            memcpy (grown, work->entries, work->count * sizeof *grown);
        work->entries = grown;
    }
    entry *added = &work->entries[work->count++];
    *added = (entry){.key = bg_arena_str (work->request->arena, key),
        .row = {.name = bg_arena_copy (work->request->arena, name)}};
    return added;
}

static bg_result take_created (void *visitor, const broker_category_record *record, bg_error *err)
{
    collecting *work = visitor;
    (void) err;
    bg_arena *arena = work->request->arena;
    wire_category_row *row = &add (work, record->key, record->name)->row;
    row->known = true;
    row->description = bg_arena_copy (arena, record->description);
    row->created_by = bg_arena_copy (arena, record->created_by);
    row->created_us = record->created_us;
    return bg_ok ();
}

static void take_job (collecting *work, const broker_document *job)
{
    BG_AUTO_BUF key = {0};
    job_name_key (bg_slice_str (job->category), &key);
    add (work, bg_buf_slice (&key), bg_slice_str (job->category))->row.jobs = 1;
}

/*  The created one comes first: its spelling is the one that is shown.  */
static int by_key (const void *a, const void *b)
{
    const entry *left = a;
    const entry *right = b;
    const int order = strcmp (left->key, right->key);
    return order ? order : (int) right->row.known - (int) left->row.known;
}

/*  All categories by key, each once.  */
static bg_result collect (broker_request *request, entry **entries, size_t *count, bg_error *err)
{
    broker_core *self = request->core;
    collecting work = {.request = request};
    BG_TRY (self->store->categories (
        self->store->ctx, (bg_slice){0}, CREATED_MAX, take_created, &work, err));
    for (const broker_document *job = self->documents; job; job = job->hh.next)
        if (job->type == WIRE_TYPE_JOB && *job->category)
            take_job (&work, job);
    if (work.count > 0)
        qsort (work.entries, work.count, sizeof *work.entries, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < work.count; i++) {
        if (kept > 0 && strcmp (work.entries[kept - 1].key, work.entries[i].key) == 0)
            work.entries[kept - 1].row.jobs += work.entries[i].row.jobs;
        else
            work.entries[kept++] = work.entries[i];
    }
    *entries = work.entries;
    *count = kept;
    return bg_ok ();
}

bg_result broker_on_category_query (broker_request *request, bg_error *err)
{
    const wire_category_query *query = request->body;
    const size_t limit = query->limit ? query->limit : LIMIT_DEFAULT;
    wire_categories answer = {.rows = bg_arena_array (request->arena, wire_category_row, limit)};
    entry *entries = NULL;
    size_t count = 0, bytes = 0;
    BG_AUTO_BUF after = {0};
    job_name_key (query->after, &after);
    BG_TRY (collect (request, &entries, &count, err));
    for (size_t i = 0; i < count && !answer.more; i++) {
        if (query->after.size > 0 && strcmp (entries[i].key, bg_buf_cstr (&after)) <= 0)
            continue;
        bytes += entries[i].row.name.size + entries[i].row.description.size + 200;
        answer.more =
            answer.rows_count == limit || (answer.rows_count > 0 && bytes > BROKER_PAGE_BYTES);
        if (!answer.more)
            answer.rows[answer.rows_count++] = entries[i].row;
    }
    broker_answer (request, WIRE_CATEGORIES, &answer);
    return bg_ok ();
}

/*  ---- created and deleted ----  */

static entry *find (entry *entries, size_t count, bg_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (job_name_compare (entries[i].row.name, name) == 0)
            return &entries[i];
    return NULL;
}

static size_t created_count (const entry *entries, size_t count)
{
    size_t created = 0;
    for (size_t i = 0; i < count; i++)
        created += entries[i].row.known;
    return created;
}

bg_result broker_request_category_create (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    entry *entries = NULL;
    size_t count = 0;
    BG_TRY (job_object_name_valid (ask->name, err));
    BG_TRY (collect (request, &entries, &count, err));
    const entry *there = find (entries, count, ask->name);
    if (there && there->row.known)
        return bg_fail (
            err, BG_EXISTS, "there is a category '%.*s' already", BG_SLICE_ARG (there->row.name));
    if (created_count (entries, count) >= CREATED_MAX)
        return bg_fail (err, BG_LIMIT, "%u categories are the most", CREATED_MAX);
    answer->count = 1;
    answer->text = ask->name;
    if (dry_run)
        return bg_ok ();
    BG_AUTO_BUF key = {0};
    job_name_key (ask->name, &key);
    self->changed = true;
    return self->store->category_put (self->store->ctx,
        &(broker_category_record){.key = bg_buf_slice (&key),
            .name = ask->name,
            .description = ask->value,
            .created_by = signer->name,
            .created_us = request->now.utc_us},
        err);
}

static bg_result no_category (
    broker_request *request, const entry *entries, size_t count, bg_slice name, bg_error *err)
{
    const char **words = bg_arena_array (request->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        words[i] = bg_arena_str (request->arena, entries[i].row.name);
    const char *nearest = bg_nearest (name, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no category '%.*s'", BG_SLICE_ARG (name)));
    return nearest ? bg_hint (err, "did you mean %s?", nearest)
                   : bg_hint (err, "see: bugle category list");
}

bg_result broker_request_category_delete (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    entry *entries = NULL;
    size_t count = 0;
    bool found = false;
    (void) signer;
    BG_TRY (collect (request, &entries, &count, err));
    const entry *there = find (entries, count, ask->name);
    if (!there)
        return no_category (request, entries, count, ask->name, err);
    if (there->row.jobs > 0) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "%llu job%s of category '%.*s'",
            (unsigned long long) there->row.jobs, there->row.jobs == 1 ? " is" : "s are",
            BG_SLICE_ARG (there->row.name)));
        return bg_hint (err, "give them another one first; see: bugle job list --category '%.*s'",
            BG_SLICE_ARG (there->row.name));
    }
    answer->count = 1;
    answer->text = there->row.name;
    if (dry_run)
        return bg_ok ();
    self->changed = true;
    return self->store->category_remove (self->store->ctx, bg_slice_str (there->key), &found, err);
}
