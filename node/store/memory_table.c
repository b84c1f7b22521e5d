/*  Tables of rows in memory with an undo list. Not what the tables mean: memory*.c.

    Invariants: a row is in its table, or in the undo list as what was before; both end it exactly once. weight and bytes
    follow every row that enters or leaves a table, so that undoing sets them right, too.
*/
#include "node/store/memory_table.h"

#include <stdlib.h>

static const memory_shape shapes[MEMORY_TABLES] = {
    [MEMORY_IDENTITY] = {.size = sizeof (node_identity),
        .slice_count = 3,
        .slices = {offsetof (node_identity, name), offsetof (node_identity, broker),
            offsetof (node_identity, endpoints)}},
    [MEMORY_NUMBER] = {.size = sizeof (memory_number)},
    [MEMORY_BLOB] = {.size = sizeof (memory_blob),
        .slice_count = 1,
        .slices = {offsetof (memory_blob, value)}},
    [MEMORY_AUTHORITY] = {.size = sizeof (memory_authority),
        .slice_count = 1,
        .slices = {offsetof (memory_authority, signed_item)}},
    [MEMORY_DOCUMENT] = {.size = sizeof (node_document_row),
        .slice_count = 3,
        .slices = {offsetof (node_document_row, code), offsetof (node_document_row, message),
            offsetof (node_document_row, signed_item)}},
    [MEMORY_DEED] = {.size = sizeof (node_deed_row),
        .slice_count = 3,
        .slices = {offsetof (node_deed_row, code), offsetof (node_deed_row, message),
            offsetof (node_deed_row, signed_item)}},
    [MEMORY_MARK] = {.size = sizeof (node_mark_row),
        .slice_count = 1,
        .slices = {offsetof (node_mark_row, schedule)}},
    [MEMORY_OCCURRENCE] = {.size = sizeof (node_occurrence_row),
        .slice_count = 1,
        .slices = {offsetof (node_occurrence_row, schedule)}},
    [MEMORY_SPENT] = {.size = sizeof (memory_spent)},
    [MEMORY_OUTBOX] = {.size = sizeof (node_outbox_row),
        .slice_count = 1,
        .slices = {offsetof (node_outbox_row, blob)},
        .weigh = offsetof (node_outbox_row, blob),
        .weighs = true},
    [MEMORY_REFUSED] = {.size = sizeof (node_refused_row),
        .slice_count = 3,
        .slices = {offsetof (node_refused_row, code), offsetof (node_refused_row, message),
            offsetof (node_refused_row, blob)}},
    [MEMORY_HISTORY] = {.size = sizeof (node_history_row),
        .slice_count = 1,
        .slices = {offsetof (node_history_row, blob)},
        .weigh = offsetof (node_history_row, blob),
        .weighs = true},
    [MEMORY_HISTORY_ORDER] = {.size = sizeof (memory_order)},
    [MEMORY_HISTORY_LIMIT] = {.size = sizeof (node_history_limit)},
};

/*  ---- rows ----  */

static bg_slice slice_at (const void *body, size_t offset)
{
    bg_slice slice;
    memcpy (&slice, (const uint8_t *) body + offset, sizeof slice);
    return slice;
}

static bg_slice place (uint8_t **at, bg_slice slice)
{
    const bg_slice placed = {*at, slice.size};
    if (slice.size > 0)
        memcpy (*at, slice.data, slice.size);
    *at += slice.size;
    return placed;
}

static size_t row_bytes (const memory_shape *shape, bg_slice key, const void *body)
{
    size_t bytes = sizeof (memory_row) + shape->size + key.size;
    for (size_t i = 0; i < shape->slice_count; i++)
        bytes += slice_at (body, shape->slices[i]).size;
    return bytes;
}

static memory_row *row_new (const memory_shape *shape, bg_slice key, const void *body, size_t bytes)
{
    _Static_assert(sizeof (memory_row) % _Alignof(bg_slice) == 0, "the structure stands behind it");
    memory_row *row = bg_realloc (NULL, bytes);
    uint8_t *copy = (uint8_t *) (row + 1);
    memcpy (copy, body, shape->size);
    uint8_t *at = copy + shape->size;
    for (size_t i = 0; i < shape->slice_count; i++) {
        const bg_slice placed = place (&at, slice_at (body, shape->slices[i]));
        memcpy (copy + shape->slices[i], &placed, sizeof placed);
    }
    row->bytes = bytes;
    row->key = place (&at, key);
    return row;
}

/*  ---- tables ----  */

size_t memory_lower_bound (const memory_table *table, bg_slice key)
{
    /*  Most keys rise with time.  */
    if (table->count == 0 || bg_slice_compare (table->rows[table->count - 1]->key, key) < 0)
        return table->count;
    size_t low = 0;
    size_t high = table->count - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (bg_slice_compare (table->rows[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at (const memory_table *table, size_t index, bg_slice key)
{
    return index < table->count && bg_slice_equal (table->rows[index]->key, key);
}

static uint64_t weight_of (memory_table_name name, const memory_row *row)
{
    const memory_shape *shape = &shapes[name];
    return shape->weighs ? slice_at (memory_body (row), shape->weigh).size : 0;
}

/*  Puts after where before is; either may be NULL. Neither is released.  */
static void exchange (node_memory *self, memory_table_name name, size_t index,
    const memory_row *before, memory_row *after)
{
    memory_table *table = &self->tables[name];
    if (before) {
        table->weight -= weight_of (name, before);
        self->bytes -= before->bytes;
    }
    if (after) {
        table->weight += weight_of (name, after);
        self->bytes += after->bytes;
    }
    if (before && after) {
        table->rows[index] = after;
        return;
    }
    memory_row **at = table->rows + index;
    if (before) {
        table->count--;
        memmove (at, at + 1, (table->count - index) * sizeof *at);
        return;
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 4;
        table->rows = bg_realloc (table->rows, table->capacity * sizeof *table->rows);
        at = table->rows + index;
    }
    memmove (at + 1, at, (table->count - index) * sizeof *at);
    *at = after;
    table->count++;
}

static void note_change (
    node_memory *self, memory_table_name table, memory_row *before, memory_row *after)
{
    bg_assert (self->in_transaction);
    if (self->change_count == self->change_capacity) {
        self->change_capacity = self->change_capacity ? self->change_capacity * 2 : 8;
        self->changes = bg_realloc (self->changes, self->change_capacity * sizeof *self->changes);
    }
    self->changes[self->change_count++] = (memory_change){table, before, after};
}

const void *memory_find (const node_memory *self, memory_table_name table, bg_slice key)
{
    const memory_table *in = &self->tables[table];
    const size_t index = memory_lower_bound (in, key);
    return is_at (in, index, key) ? memory_body (in->rows[index]) : NULL;
}

bg_result memory_put (
    node_memory *self, memory_table_name table, bg_slice key, const void *body, bg_error *err)
{
    const memory_table *in = &self->tables[table];
    const size_t index = memory_lower_bound (in, key);
    memory_row *before = is_at (in, index, key) ? in->rows[index] : NULL;
    const size_t bytes = row_bytes (&shapes[table], key, body);
    if (self->max_bytes && self->bytes + bytes > self->max_bytes + (before ? before->bytes : 0))
        return bg_fail (err, BG_STORAGE_FULL, "the node store in memory is full: %zu of %zu bytes",
            self->bytes, self->max_bytes);
    memory_row *after = row_new (&shapes[table], key, body, bytes);
    exchange (self, table, index, before, after);
    note_change (self, table, before, after);
    return bg_ok ();
}

static void remove_at (node_memory *self, memory_table_name table, size_t index)
{
    memory_row *before = self->tables[table].rows[index];
    exchange (self, table, index, before, NULL);
    note_change (self, table, before, NULL);
}

bool memory_remove (node_memory *self, memory_table_name table, bg_slice key)
{
    const memory_table *in = &self->tables[table];
    const size_t index = memory_lower_bound (in, key);
    if (!is_at (in, index, key))
        return false;
    remove_at (self, table, index);
    return true;
}

/*  One move of the rest, however many go: an outbox loses its rows in bundles.  */
void memory_remove_first (node_memory *self, memory_table_name table, size_t count)
{
    memory_table *from = &self->tables[table];
    bg_assert (count <= from->count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        from->weight -= weight_of (table, from->rows[i]);
        self->bytes -= from->rows[i]->bytes;
        note_change (self, table, from->rows[i], NULL);
    }
    from->count -= count;
    memmove (from->rows, from->rows + count, from->count * sizeof *from->rows);
}

void memory_remove_if (node_memory *self, memory_table_name table,
    bool (*is_meant) (const node_memory *self, const void *body))
{
    for (size_t i = self->tables[table].count; i-- > 0;)
        if (is_meant (self, memory_body (self->tables[table].rows[i])))
            remove_at (self, table, i);
}

/*  ---- the transaction ----  */

void node_memory_begin (node_memory *self)
{
    bg_assert (!self->in_transaction);
    self->in_transaction = true;
}

void node_memory_commit (node_memory *self)
{
    bg_assert (self->in_transaction);
    for (size_t i = 0; i < self->change_count; i++)
        free (self->changes[i].before);
    self->change_count = 0;
    self->in_transaction = false;
}

void node_memory_rollback (node_memory *self)
{
    while (self->change_count > 0) {
        const memory_change change = self->changes[--self->change_count];
        const bg_slice key = change.after ? change.after->key : change.before->key;
        const size_t index = memory_lower_bound (&self->tables[change.table], key);
        exchange (self, change.table, index, change.after, change.before);
        free (change.after);
    }
    self->in_transaction = false;
}

bool node_memory_has_changes (const node_memory *self)
{
    return self->change_count > 0;
}
