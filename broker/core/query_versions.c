/*  VERSION_QUERY: every version of one document there ever was, newest first, and how many targets
    hold each.  */
#include "broker/core/ops.h"

#define LIMIT_DEFAULT 100u

typedef struct {
    broker_request *request;
    const wire_version_query *query;
    const broker_document *document;
    wire_versions answer;
    size_t limit;
    size_t bytes;
} reading;

static uint64_t holders (const broker_document *document, uint64_t version)
{
    if (version == document->version)
        return broker_bitmap_size (&document->applied);
    for (size_t i = 0; i < document->held.count; i++)
        if (document->held.sets[i].version == version)
            return broker_bitmap_size (&document->held.sets[i].numbers);
    return 0;
}

static bg_result take (void *visitor, const broker_document_record *record, bg_error *err)
{
    reading *self = visitor;
    bg_arena *arena = self->request->arena;
    if (self->query->revision != 0 && self->query->revision != record->revision)
        return bg_ok ();
    const size_t bytes = 256 + (self->query->documents ? record->signed_bytes.size : 0);
    if (self->answer.rows_count == self->limit ||
        (self->answer.rows_count > 0 && self->bytes + bytes > BROKER_PAGE_BYTES))
        self->answer.more = true;
    if (self->answer.more)
        return bg_ok ();
    wire_version_row *row = &self->answer.rows[self->answer.rows_count++];
    *row = (wire_version_row){.version = record->version,
        .revision = record->revision,
        .type = record->type,
        .posted_by = bg_arena_copy (arena, record->posted_by),
        .posted_us = record->posted_us,
        .held = holders (self->document, record->version),
        .current = record->version == self->document->version};
    memcpy (row->hash, record->hash, sizeof row->hash);
    self->bytes += bytes;
    if (!self->query->documents)
        return bg_ok ();
    bg_slice copy = bg_arena_copy (arena, record->signed_bytes);
    row->has_document = true;
    if (bg_failed (WIRE_DECODE (signed, copy, WIRE_AS_MESSAGE, arena, &row->document, err)))
        return broker_stored_badly (err, "a document");
    return bg_ok ();
}

static bg_result find (
    broker_request *request, const wire_version_query *query, reading *self, bg_error *err)
{
    broker_core *core = request->core;
    const wire_type type = (wire_type) query->type;
    /*  Of a job that was never enabled or disabled there is none, which is an answer.  */
    if (type == WIRE_TYPE_SWITCH) {
        self->document = broker_document_with_key (
            core, wire_switch_key (core->settings.installation, WIRE_TYPE_JOB, query->name));
        return bg_ok ();
    }
    if (type != WIRE_TYPE_JOB && type != WIRE_TYPE_SCHEDULE && type != WIRE_TYPE_CALENDAR)
        return bg_fail (err, BG_NOT_IN_VERSION,
            "only versions of jobs, their switches, schedules and calendars are told in this "
            "version");
    bg_id key = wire_document_key (core->settings.installation, type, query->name);
    broker_document *document = NULL;
    self->document = broker_document_with_key (core, key);
    return self->document ? bg_ok ()
                          : broker_document_find (core, type, query->name, &document, err);
}

bg_result broker_on_version_query (broker_request *request, bg_error *err)
{
    const wire_version_query *query = request->body;
    const broker_store *store = request->core->store;
    reading self = {
        .request = request, .query = query, .limit = query->limit ? query->limit : LIMIT_DEFAULT};
    BG_TRY (find (request, query, &self, err));
    if (!self.document) {
        broker_answer (request, WIRE_VERSIONS, &self.answer);
        return bg_ok ();
    }
    self.answer.rows = bg_arena_array (request->arena, wire_version_row, self.limit + 1);
    /*  A revision is looked for; else one more than a page is read, to know whether there is more.  */
    const uint32_t most = query->revision ? 1 : (uint32_t) self.limit + 1;
    BG_TRY (store->document_versions_down (
        store->ctx, self.document->key, query->before, query->revision, most, take, &self, err));
    broker_answer (request, WIRE_VERSIONS, &self.answer);
    return bg_ok ();
}
