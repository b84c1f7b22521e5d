/*  DOCUMENT_QUERY: schedules and calendars as people see them: who uses them, which targets hold them.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#include <stdlib.h>

#define LIMIT_DEFAULT 100u
#define USED_BY_MAX   256u
#define USED_BY_BYTES (16u * 1024u) /*  of all names of one row  */

typedef struct {
    broker_request *request;
    const wire_document_query *query;
    wire_documents answer;
} reading;

static int by_name_key (const void *a, const void *b)
{
    const broker_document *left = *(broker_document *const *) a;
    const broker_document *right = *(broker_document *const *) b;
    return strcmp (left->name_key, right->name_key);
}

/*  All live ones of a type, by name.  */
static broker_document **ordered (broker_request *request,
    bool (*is_wanted) (const broker_document *, const void *), const void *what, size_t *count)
{
    broker_core *self = request->core;
    broker_document **found = bg_arena_array (
        request->arena, broker_document *, (size_t) HASH_COUNT (self->documents) + 1);
    *count = 0;
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (is_wanted (document, what))
            found[(*count)++] = document;
    qsort (found, *count, sizeof *found, by_name_key);
    return found;
}

static bool is_of_type (const broker_document *document, const void *type)
{
    return document->type == *(const uint64_t *) type;
}

static bool is_user (const broker_document *document, const void *key)
{
    return broker_shared_is_used_by (document, *(const bg_id *) key);
}

/*  Jobs and schedules apart.  */
static void fill_users (
    const reading *self, const broker_document *document, wire_document_row *row)
{
    bg_arena *arena = self->request->arena;
    size_t count = 0;
    size_t bytes = 0;
    broker_document **users = ordered (self->request, is_user, &document->key, &count);
    const size_t limit = count < USED_BY_MAX ? count : USED_BY_MAX;
    row->used_count = count;
    row->used_by = bg_arena_array (arena, bg_slice, limit + 1);
    row->used_by_schedules = bg_arena_array (arena, bg_slice, limit + 1);
    for (size_t i = 0; i < limit; i++) {
        const bg_slice name = bg_slice_str (users[i]->name);
        bytes += name.size;
        if (bytes > USED_BY_BYTES)
            return;
        if (users[i]->type == WIRE_TYPE_JOB)
            row->used_by[row->used_by_count++] = name;
        else
            row->used_by_schedules[row->used_by_schedules_count++] = name;
    }
}

static bg_result fill_signed (
    reading *self, broker_document *document, wire_document_row *row, bg_error *err)
{
    broker_core *core = self->request->core;
    BG_TRY (broker_document_signed (core, document, self->request->arena, &row->document, err));
    row->has_document = true;
    broker_document *flip = broker_document_switch (core, document);
    if (!flip)
        return bg_ok ();
    BG_TRY (broker_document_signed (core, flip, self->request->arena, &row->switch_document, err));
    row->has_switch_document = true;
    return bg_ok ();
}

static bg_result fill_row (
    reading *self, broker_document *document, wire_document_row *row, bg_error *err)
{
    broker_core *core = self->request->core;
    const broker_document *by = NULL;
    *row = (wire_document_row){.type = document->type,
        .name = bg_slice_str (document->name),
        .key = document->key,
        .version = document->version,
        .revision = document->revision,
        .posted_by = bg_slice_str (document->posted_by),
        .posted_us = document->posted_us,
        .targets = broker_bitmap_size (&document->addressed),
        .applied = broker_bitmap_size_both (&document->applied, &document->addressed),
        .waiting = broker_bitmap_size_both (&document->waiting, &document->addressed),
        .failed = broker_bitmap_size_both (&document->failed, &document->addressed)};
    row->disabled = broker_document_is_disabled (core, document, self->request->now.utc_us, &by);
    if (row->disabled) {
        row->disabled_reason = bg_slice_str (by->disabled_reason);
        row->disabled_until_us = by->disabled ? by->disabled_until_us : 0;
    } else
        row->enabled_until_us = by->disabled ? 0 : by->disabled_until_us;
    const broker_document *flip = broker_document_with_key (core, document->object_key);
    if (flip && flip->type == WIRE_TYPE_SWITCH)
        row->switch_version = flip->version;
    fill_users (self, document, row);
    return self->query->documents ? fill_signed (self, document, row, err) : bg_ok ();
}

/*  One name: the document; or, when it is withdrawn, the version that a new definition has to exceed.  */
static bg_result one (reading *self, bg_error *err)
{
    broker_core *core = self->request->core;
    const wire_document_query *query = self->query;
    bg_id key =
        wire_document_key (core->settings.installation, (wire_type) query->type, query->name);
    broker_document *document = broker_document_with_key (core, key);
    if (document && !broker_document_is_live (document)) {
        self->answer.withdrawn = bg_arena_array (self->request->arena, wire_held, 1);
        self->answer.withdrawn[0] = (wire_held){.key = key, .version = document->version};
        self->answer.withdrawn_count = 1;
        return bg_ok ();
    }
    BG_TRY (broker_document_find (core, (wire_type) query->type, query->name, &document, err));
    self->answer.rows = bg_arena_array (self->request->arena, wire_document_row, 1);
    self->answer.rows_count = 1;
    return fill_row (self, document, &self->answer.rows[0], err);
}

static bg_result page (reading *self, bg_error *err)
{
    broker_core *core = self->request->core;
    const wire_document_query *query = self->query;
    const size_t limit = query->limit ? query->limit : LIMIT_DEFAULT;
    const bg_slice after = broker_name_key (self->request->arena, query->after);
    wire_documents *answer = &self->answer;
    size_t count = 0;
    size_t bytes = 0;
    broker_document **found = ordered (self->request, is_of_type, &query->type, &count);
    answer->rows = bg_arena_array (self->request->arena, wire_document_row, limit + 1);
    for (size_t i = 0; i < count && !answer->more; i++) {
        if (query->after.size > 0 &&
            bg_slice_compare (bg_slice_str (found[i]->name_key), after) <= 0)
            continue;
        wire_document_row *row = &answer->rows[answer->rows_count];
        BG_TRY (fill_row (self, found[i], row, err));
        bg_buf_clear (&core->scratch);
        wire_encode (&wire_desc_document_row, row, &core->scratch);
        bytes += core->scratch.size;
        if (answer->rows_count == limit || (answer->rows_count > 0 && bytes > BROKER_PAGE_BYTES))
            answer->more = true;
        else
            answer->rows_count++;
    }
    return bg_ok ();
}

bg_result broker_on_document_query (broker_request *request, bg_error *err)
{
    reading self = {.request = request, .query = request->body};
    if (self.query->type != WIRE_TYPE_SCHEDULE && self.query->type != WIRE_TYPE_CALENDAR)
        return bg_fail (err, BG_INVALID, "only schedules and calendars are asked for like this");
    BG_TRY (self.query->name.size > 0 ? one (&self, err) : page (&self, err));
    broker_answer (request, WIRE_DOCUMENTS, &self.answer);
    return bg_ok ();
}
