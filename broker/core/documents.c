/*  The table of documents: the newest version of each key, with what the decisions need of it
    decoded. The bytes stay in the store; small ones are kept in a bounded cache because thousands
    of polls may ask for them at once.

    Memberships are not here (targets.c holds them), the authority is: key all zero, for every
    member.

    Invariant: a document in the table has been verified when it was posted; what comes from the
    store is only decoded.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/names.h"

#define CACHE_ITEM_MAX WIRE_INLINE_MAX

broker_document *broker_document_with_key (const broker_core *self, bg_id key)
{
    broker_document *document = NULL;
    HASH_FIND (hh, self->documents, &key, sizeof key, document);
    return document;
}

bool broker_document_is_live (const broker_document *document)
{
    return document->type != WIRE_TYPE_WITHDRAWAL;
}

broker_document *broker_document_job (const broker_core *self, bg_slice name)
{
    return broker_document_named (self, WIRE_TYPE_JOB, name);
}

broker_document *broker_document_named (const broker_core *self, wire_type type, bg_slice name)
{
    bg_id key = wire_document_key (self->settings.installation, type, name);
    broker_document *document = broker_document_with_key (self, key);
    return document && document->type == (uint64_t) type ? document : NULL;
}

bg_result broker_document_find (const broker_core *self, wire_type type, bg_slice name,
    broker_document **document_p, bg_error *err)
{
    broker_document *found = broker_document_named (self, type, name);
    if (found) {
        *document_p = found;
        return bg_ok ();
    }
    const char *what = wire_type_word (type);
    const char **words = bg_alloc (((size_t) HASH_COUNT (self->documents) + 1) * sizeof *words);
    size_t count = 0;
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (document->type == (uint64_t) type)
            words[count++] = document->name;
    const char *nearest = bg_nearest (name, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no %s '%.*s' (%zu %s%s)", what,
        BG_SLICE_ARG (name), count, what, count == 1 ? "" : "s"));
    if (nearest)
        bg_ignore (bg_hint (err, "did you mean %s?", nearest));
    else
        bg_ignore (bg_hint (err, "see: bugle %s list", what));
    free (words);
    return (bg_result){BG_NOT_FOUND};
}

bg_result broker_document_find_job (
    const broker_core *self, bg_slice name, broker_document **job_p, bg_error *err)
{
    return broker_document_find (self, WIRE_TYPE_JOB, name, job_p, err);
}

broker_document *broker_document_switch (const broker_core *self, const broker_document *job)
{
    broker_document *found = broker_document_with_key (self, job->object_key);
    if (!found || found->type != WIRE_TYPE_SWITCH || found->version <= job->withdrawn_version)
        return NULL;
    return broker_document_is_live (job) ? found : NULL;
}

bool broker_document_is_disabled (
    const broker_core *self, const broker_document *job, int64_t now_us, const broker_document **by)
{
    const broker_document *found = broker_document_switch (self, job);
    *by = job;
    if (job->enabled_until_us != 0 && now_us >= job->enabled_until_us)
        return true;
    if (!found)
        return job->disabled;
    *by = found;
    const bool is_over = found->disabled_until_us != 0 && now_us >= found->disabled_until_us;
    return found->disabled != is_over;
}

const char *broker_document_owner (const broker_document *job)
{
    return *job->owner ? job->owner : job->posted_by;
}

void broker_document_dirty (broker_core *self, broker_document *document)
{
    if (document->dirty)
        return;
    document->dirty = true;
    document->next_dirty = self->dirty_documents;
    self->dirty_documents = document;
}

/*  ---- bytes ----  */

static void drop_cache (broker_core *self, broker_document *document)
{
    if (!document->cached)
        return;
    self->cached_bytes -= document->signed_size;
    free (document->cached);
    document->cached = NULL;
}

static void fill_cache (broker_core *self, broker_document *document, bg_slice bytes)
{
    drop_cache (self, document);
    document->signed_size = bytes.size;
    if (bytes.size > CACHE_ITEM_MAX || self->cached_bytes + bytes.size > BROKER_CACHE_BYTES)
        return;
    document->cached = (uint8_t *) bg_slice_dup (bytes);
    self->cached_bytes += bytes.size;
}

bg_result broker_document_signed (
    broker_core *self, broker_document *document, bg_arena *arena, wire_signed *out, bg_error *err)
{
    bg_slice bytes = bg_slice_of (document->cached, document->signed_size);
    if (!document->cached) {
        broker_document_record record;
        bool found = false;
        BG_TRY (self->store->document_get (
            self->store->ctx, document->key, document->version, arena, &record, &found, err));
        if (!found)
            return bg_fail (err, BG_STORE, "version %llu of '%s' is not in the store",
                (unsigned long long) document->version, document->name);
        bytes = record.signed_bytes;
        fill_cache (self, document, bytes);
    }
    if (bg_failed (WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, arena, out, err)))
        return broker_stored_badly (err, "a document");
    return bg_ok ();
}

void broker_content_hash (const wire_document *document, uint8_t hash[32])
{
    BG_AUTO_BUF bytes = {0};
    wire_document copy = *document;
    copy.version = 0;
    copy.dry_run = false;
    wire_encode (&wire_desc_document, &copy, &bytes);
    wire_hash32 (bg_buf_slice (&bytes), hash);
}

/*  ---- taking a version over ----  */

static bg_result take_job (
    const broker_core *core, broker_document *self, bg_slice body, bg_arena *arena, bg_error *err)
{
    wire_job job;
    BG_TRY (WIRE_DECODE (job, body, WIRE_AS_SIGNED, arena, &job, err));
    bg_arena_fini (&self->arena);
    wire_copy (&wire_desc_audience, &self->arena, &job.audience, &self->audience);
    self->start_by = job.start_by;
    self->steps = (uint32_t) job.steps_count;
    self->disabled = job.disabled;
    self->enabled_until_us = job.enabled_until_us;
    self->history_us = (int64_t) job.history_us;
    self->history_runs = (uint32_t) job.history_runs;
    self->schedules = (uint32_t) job.schedules_count;
    broker_replace_str (&self->category, job.category);
    broker_replace_str (&self->owner, job.owner);
    broker_shared_take (core, self, job.schedules, job.schedules_count);
    return bg_ok ();
}

static bg_result take_schedule (
    const broker_core *core, broker_document *self, bg_slice body, bg_arena *arena, bg_error *err)
{
    wire_schedule value;
    BG_TRY (WIRE_DECODE (schedule, body, WIRE_AS_SIGNED, arena, &value, err));
    bg_arena_fini (&self->arena);
    self->disabled = value.spec.disabled;
    broker_shared_take (core, self, &value.spec, 1);
    return bg_ok ();
}

static bg_result take_switch (broker_document *self, bg_slice body, bg_arena *arena, bg_error *err)
{
    wire_switch value;
    BG_TRY (WIRE_DECODE (switch, body, WIRE_AS_SIGNED, arena, &value, err));
    self->object_key = value.object_key;
    self->disabled = value.disabled;
    self->disabled_until_us = value.until_us;
    self->switch_of = value.object_type;
    self->poll_us = (int64_t) value.poll_us;
    broker_replace_str (&self->disabled_reason, value.reason);
    return bg_ok ();
}

/*  A withdrawn object keeps audience and name of its last definition: they say where the withdrawal
    goes.  */
static bg_result take_body (const broker_core *core, broker_document *self, uint64_t type,
    bg_slice signed_bytes, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_signed outer;
    wire_document document;
    BG_TRY (WIRE_DECODE (signed, signed_bytes, WIRE_AS_MESSAGE, &arena, &outer, err));
    BG_TRY (WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, &arena, &document, err));
    switch (type) {
    case WIRE_TYPE_JOB:
        return take_job (core, self, document.body, &arena, err);
    case WIRE_TYPE_SCHEDULE:
        return take_schedule (core, self, document.body, &arena, err);
    case WIRE_TYPE_SWITCH:
        return take_switch (self, document.body, &arena, err);
    default:
        return bg_ok ();
    }
}

static void set_names (broker_core *self, broker_document *document, bg_slice name)
{
    BG_AUTO_BUF key = {0};
    job_name_key (name, &key);
    broker_replace_str (&document->name, name);
    broker_replace_str (&document->name_key, bg_buf_slice (&key));
    if (document->object_type == WIRE_TYPE_JOB || document->object_type == WIRE_TYPE_SCHEDULE)
        document->object_key =
            wire_switch_key (self->settings.installation, (wire_type) document->object_type, name);
    if (document->object_type == WIRE_TYPE_JOB) {
        free (self->job_order);
        self->job_order = NULL;
    }
}

bg_result broker_document_take (broker_core *self, const broker_document_record *record,
    broker_document **document_p, bg_error *err)
{
    broker_document *document = broker_document_with_key (self, record->key);
    if (!document) {
        document = bg_alloc (sizeof *document);
        document->key = record->key;
        broker_replace_str (&document->category, bg_slice_str (""));
        broker_replace_str (&document->owner, bg_slice_str (""));
        broker_replace_str (&document->disabled_reason, bg_slice_str (""));
        HASH_ADD (hh, self->documents, key, sizeof document->key, document);
    }
    if (document->version == 0)
        document->first_version = record->revision == 1 ? record->version : 0;
    else if (!broker_document_is_live (document))
        document->first_version = record->version;
    /*  A newer version lives again.  */
    broker_bitmap_empty (&document->spent);
    document->type = record->type;
    document->object_type = record->object_type;
    document->version = record->version;
    document->revision = record->revision;
    document->withdrawn_version = record->withdrawn_version;
    memcpy (document->content_hash, record->content_hash, sizeof document->content_hash);
    memcpy (document->hash, record->hash, sizeof document->hash);
    document->posted_us = record->posted_us;
    broker_replace_str (&document->posted_by, record->posted_by);
    set_names (self, document, record->name);
    fill_cache (self, document, record->signed_bytes);
    if (bg_failed (take_body (self, document, record->type, record->signed_bytes, err)))
        return broker_stored_badly (err, "a document");
    *document_p = document;
    return bg_ok ();
}

void broker_document_free (broker_core *self, broker_document *document)
{
    HASH_DEL (self->documents, document);
    drop_cache (self, document);
    broker_bitmap_fini (&document->addressed);
    broker_bitmap_fini (&document->rows);
    broker_bitmap_fini (&document->applied);
    broker_bitmap_fini (&document->waiting);
    broker_bitmap_fini (&document->failed);
    broker_bitmap_fini (&document->skipped);
    broker_bitmap_fini (&document->noted);
    broker_bitmap_fini (&document->spent);
    broker_held_fini (&document->held);
    broker_held_fini (&document->settled);
    bg_arena_fini (&document->arena);
    free (document->name);
    free (document->name_key);
    free (document->posted_by);
    free (document->category);
    free (document->owner);
    free (document->disabled_reason);
    free (document);
}

/*  ---- order ----  */

static int by_name_key (const void *a, const void *b)
{
    const broker_document *const *left = a;
    const broker_document *const *right = b;
    return strcmp ((*left)->name_key, (*right)->name_key);
}

broker_document **broker_document_order (broker_core *self, size_t *count)
{
    if (!self->job_order) {
        self->job_order =
            bg_alloc (((size_t) HASH_COUNT (self->documents) + 1) * sizeof *self->job_order);
        self->job_order_count = 0;
        for (broker_document *document = self->documents; document; document = document->hh.next)
            if (document->object_type == WIRE_TYPE_JOB)
                self->job_order[self->job_order_count++] = document;
        qsort (self->job_order, self->job_order_count, sizeof *self->job_order, by_name_key);
    }
    *count = self->job_order_count;
    return self->job_order;
}
