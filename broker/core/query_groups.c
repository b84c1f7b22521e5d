/*  GROUP_QUERY: the groups that targets are in or jobs are for. A group is nothing but its name in
    those places; it is written as the first that named it did.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/names.h"

#define LIMIT_DEFAULT 100u
#define JOBS_MAX      256u

typedef struct {
    bg_slice key;
    wire_group_row row;
    UT_hash_handle hh;
} group_entry;

typedef struct {
    broker_request *request;
    group_entry *groups;
} group_table;

static group_entry *entry_of (group_table *table, bg_slice name)
{
    const bg_slice key = broker_name_key (table->request->arena, name);
    group_entry *entry = NULL;
    HASH_FIND (hh, table->groups, key.data, key.size, entry);
    if (entry)
        return entry;
    entry = bg_arena_alloc (table->request->arena, sizeof *entry);
    *entry = (group_entry){.key = key, .row = {.name = name}};
    HASH_ADD_KEYPTR (hh, table->groups, entry->key.data, entry->key.size, entry);
    return entry;
}

static void add_members (group_table *table)
{
    const broker_core *self = table->request->core;
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target || !broker_target_is_member (target))
            continue;
        const bool connected = broker_target_is_connected (self, target, table->request->now);
        for (size_t i = 0; i < target->membership.groups_count; i++) {
            group_entry *entry = entry_of (table, target->membership.groups[i]);
            entry->row.members++;
            entry->row.connected += connected;
        }
    }
}

static void add_jobs (group_table *table)
{
    size_t count = 0;
    broker_document **jobs = broker_document_order (table->request->core, &count);
    for (size_t i = 0; i < count; i++) {
        if (!broker_document_is_live (jobs[i]))
            continue;
        for (size_t k = 0; k < jobs[i]->audience.groups_count; k++) {
            wire_group_row *row = &entry_of (table, jobs[i]->audience.groups[k])->row;
            row->job_count++;
            if (row->jobs_count == JOBS_MAX)
                continue;
            if (!row->jobs)
                row->jobs = bg_arena_array (table->request->arena, bg_slice, JOBS_MAX);
            row->jobs[row->jobs_count++] = bg_slice_str (jobs[i]->name);
        }
    }
}

static int by_key (const group_entry *a, const group_entry *b)
{
    return bg_slice_compare (a->key, b->key);
}

static bg_result not_found (group_table *table, bg_slice name, bg_error *err)
{
    const size_t limit = (size_t) HASH_COUNT (table->groups) + 1;
    const char **words = bg_arena_array (table->request->arena, const char *, limit);
    size_t count = 0;
    for (const group_entry *entry = table->groups; entry; entry = entry->hh.next)
        words[count++] = bg_arena_str (table->request->arena, entry->row.name);
    const char *nearest = bg_nearest (name, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no group '%.*s' (%zu %s)", BG_SLICE_ARG (name),
        count, count == 1 ? "group" : "groups"));
    if (nearest)
        return bg_hint (err, "did you mean %s?", nearest);
    return bg_hint (err, "see: bugle group list");
}

static bg_result fill_page (group_table *table, wire_groups *answer, bg_error *err)
{
    broker_core *self = table->request->core;
    const wire_group_query *query = table->request->body;
    const size_t limit = query->limit ? query->limit : LIMIT_DEFAULT;
    const bg_slice after = broker_name_key (table->request->arena, query->after);
    size_t bytes = 0;
    answer->rows = bg_arena_array (table->request->arena, wire_group_row, limit + 1);
    for (const group_entry *entry = table->groups; entry && !answer->more; entry = entry->hh.next) {
        if (query->name.size > 0 && job_name_compare (entry->key, query->name) != 0)
            continue;
        if (query->after.size > 0 && bg_slice_compare (entry->key, after) <= 0)
            continue;
        bg_buf_clear (&self->scratch);
        wire_encode (&wire_desc_group_row, &entry->row, &self->scratch);
        bytes += self->scratch.size;
        if (answer->rows_count == limit || (answer->rows_count > 0 && bytes > BROKER_PAGE_BYTES))
            answer->more = true;
        else
            answer->rows[answer->rows_count++] = entry->row;
    }
    if (query->name.size > 0 && answer->rows_count == 0)
        return not_found (table, query->name, err);
    return bg_ok ();
}

bg_result broker_on_group_query (broker_request *request, bg_error *err)
{
    group_table table = {.request = request};
    wire_groups answer = {0};
    add_members (&table);
    add_jobs (&table);
    HASH_SORT (table.groups, by_key);
    bg_result result = fill_page (&table, &answer, err);
    HASH_CLEAR (hh, table.groups);
    if (bg_is_ok (result))
        broker_answer (request, WIRE_GROUPS, &answer);
    return result;
}
