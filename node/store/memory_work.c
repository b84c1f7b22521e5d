/*  In memory: documents, deeds, marks of schedules, occurrences that are pending, jobs that deleted themselves.  */
#include "node/store/memory_table.h"

#include <stdlib.h>

/*  Visits all rows of a table whose structure is what the visitor takes.  */
#define EACH(ctx, name, type, visit, visitor)                                                      \
    do {                                                                                           \
        const bg_table *each_ = memory_table_of (ctx, name);                                       \
        for (size_t each_at_ = 0; each_at_ < each_->count; each_at_++)                             \
            if (!(visit) ((visitor), (const type *) bg_row_body (each_->rows[each_at_])))          \
                break;                                                                             \
    } while (0)

/*  ---- documents ----  */

typedef struct {
    uint8_t bytes[1 + BG_ID_BYTES];
} document_key;

static document_key key_of_document (node_place place, bg_id key)
{
    document_key made = {.bytes = {(uint8_t) place}};
    memcpy (made.bytes + 1, key.bytes, BG_ID_BYTES);
    return made;
}

static bg_slice document_slice (const document_key *key)
{
    return bg_slice_of (key->bytes, sizeof key->bytes);
}

static bg_result document_put (void *ctx, const node_document_row *row, bg_error *err)
{
    const document_key key = key_of_document (row->place, row->key);
    return memory_put (ctx, MEMORY_DOCUMENT, document_slice (&key), row, err);
}

static bg_result document_remove (void *ctx, node_place place, bg_id key, bg_error *err)
{
    (void) err;
    const document_key wanted = key_of_document (place, key);
    (void) memory_remove (ctx, MEMORY_DOCUMENT, document_slice (&wanted));
    return bg_ok ();
}

static bg_result document_get (void *ctx, node_place place, bg_id key, bg_arena *arena,
    node_document_row *row, bool *found, bg_error *err)
{
    (void) err;
    const document_key wanted = key_of_document (place, key);
    const node_document_row *known = memory_find (ctx, MEMORY_DOCUMENT, document_slice (&wanted));
    *found = known != NULL;
    if (!known)
        return bg_ok ();
    *row = *known;
    row->code = bg_arena_copy (arena, known->code);
    row->message = bg_arena_copy (arena, known->message);
    row->signed_item = bg_arena_copy (arena, known->signed_item);
    return bg_ok ();
}

static int by_type (const void *a, const void *b)
{
    const node_document_row *one = *(const node_document_row *const *) a;
    const node_document_row *other = *(const node_document_row *const *) b;
    if (one->type != other->type)
        return one->type < other->type ? -1 : 1;
    return bg_id_compare (one->key, other->key);
}

/*  The rows of a place stand together, in the order of keys; what is asked is the order of types.  */
static bg_result document_each (
    void *ctx, node_place place, node_document_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    const bg_table *table = memory_table_of (ctx, MEMORY_DOCUMENT);
    const document_key first = key_of_document (place, (bg_id){{0}});
    const size_t begin = bg_table_lower_bound (table, document_slice (&first));
    size_t end = begin;
    while (end < table->count && table->rows[end]->key.data[0] == (uint8_t) place)
        end++;
    if (end == begin)
        return bg_ok ();
    const node_document_row **rows = bg_alloc ((end - begin) * sizeof *rows);
    for (size_t i = begin; i < end; i++)
        rows[i - begin] = bg_row_body (table->rows[i]);
    qsort (rows, end - begin, sizeof *rows, by_type);
    for (size_t i = 0; i < end - begin; i++)
        if (!visit (visitor, rows[i]))
            break;
    free (rows);
    return bg_ok ();
}

/*  ---- deeds ----  */

static bg_result deed_put (void *ctx, const node_deed_row *row, bg_error *err)
{
    return memory_put (ctx, MEMORY_DEED, bg_id_key (&row->id), row, err);
}

static bg_result deed_each (void *ctx, node_deed_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    EACH (ctx, MEMORY_DEED, node_deed_row, visit, visitor);
    return bg_ok ();
}

static bg_result deed_prune (void *ctx, int64_t before_us, bg_error *err)
{
    (void) err;
    node_memory *self = ctx;
    const bg_table *table = memory_table_of (self, MEMORY_DEED);
    for (size_t i = table->count; i-- > 0;) {
        const node_deed_row *row = bg_row_body (table->rows[i]);
        if (row->expires_us < before_us && row->state != NODE_DEED_WAITING)
            (void) memory_remove (self, MEMORY_DEED, table->rows[i]->key);
    }
    return bg_ok ();
}

/*  ---- schedules ----  */

static bg_result mark_put (void *ctx, const node_mark_row *row, bg_error *err)
{
    BG_AUTO_BUF key = {0};
    bg_buf_append (&key, row->job_key.bytes, BG_ID_BYTES);
    bg_buf_append_slice (&key, row->schedule);
    return memory_put (ctx, MEMORY_MARK, bg_buf_slice (&key), row, err);
}

static bg_result mark_each (void *ctx, node_mark_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    EACH (ctx, MEMORY_MARK, node_mark_row, visit, visitor);
    return bg_ok ();
}

static bg_result mark_remove_job (void *ctx, bg_id job_key, bg_error *err)
{
    (void) err;
    node_memory *self = ctx;
    const bg_table *table = memory_table_of (self, MEMORY_MARK);
    const size_t at = bg_table_lower_bound (table, bg_id_key (&job_key));
    while (at < table->count &&
           bg_id_equal (((const node_mark_row *) bg_row_body (table->rows[at]))->job_key, job_key))
        (void) memory_remove (self, MEMORY_MARK, table->rows[at]->key);
    return bg_ok ();
}

static bg_result occurrence_put (void *ctx, const node_occurrence_row *row, bg_error *err)
{
    return memory_put (ctx, MEMORY_OCCURRENCE, bg_id_key (&row->occurrence), row, err);
}

static bg_result occurrence_remove (void *ctx, bg_id occurrence, bg_error *err)
{
    (void) err;
    (void) memory_remove (ctx, MEMORY_OCCURRENCE, bg_id_key (&occurrence));
    return bg_ok ();
}

static bg_result occurrence_each (
    void *ctx, node_occurrence_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    EACH (ctx, MEMORY_OCCURRENCE, node_occurrence_row, visit, visitor);
    return bg_ok ();
}

/*  ---- jobs that deleted themselves ----  */

static bg_result spent_get (void *ctx, bg_id job_key, uint64_t *version, bg_error *err)
{
    (void) err;
    const memory_spent *row = memory_find (ctx, MEMORY_SPENT, bg_id_key (&job_key));
    *version = row ? row->version : 0;
    return bg_ok ();
}

static bg_result spent_put (void *ctx, bg_id job_key, uint64_t version, bg_error *err)
{
    const memory_spent *known = memory_find (ctx, MEMORY_SPENT, bg_id_key (&job_key));
    if (known && known->version >= version)
        return bg_ok ();
    return memory_put (ctx, MEMORY_SPENT, bg_id_key (&job_key),
        &(memory_spent){.job_key = job_key, .version = version}, err);
}

static bg_result spent_each (void *ctx, node_spent_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    const bg_table *table = memory_table_of (ctx, MEMORY_SPENT);
    for (size_t i = 0; i < table->count; i++) {
        const memory_spent *row = bg_row_body (table->rows[i]);
        if (!visit (visitor, row->job_key, row->version))
            break;
    }
    return bg_ok ();
}

void memory_work_port (node_store *port)
{
    port->document_put = document_put;
    port->document_remove = document_remove;
    port->document_get = document_get;
    port->document_each = document_each;
    port->deed_put = deed_put;
    port->deed_each = deed_each;
    port->deed_prune = deed_prune;
    port->mark_put = mark_put;
    port->mark_each = mark_each;
    port->mark_remove_job = mark_remove_job;
    port->occurrence_put = occurrence_put;
    port->occurrence_remove = occurrence_remove;
    port->occurrence_each = occurrence_each;
    port->spent_put = spent_put;
    port->spent_get = spent_get;
    port->spent_each = spent_each;
}
