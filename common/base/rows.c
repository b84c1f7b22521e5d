/*  Tables of rows in memory with an undo list: see rows.h. Not what the tables mean.

    Invariants: a row is in its table, or in the undo list as what was before; both end it exactly once. weight and bytes
    follow every row that enters or leaves a table, so that undoing sets them right, too.
*/
#include "common/base/rows.h"

#include <stdlib.h>

struct bg_row_change {
    size_t table;
    bg_row *before; /*  NULL: it was not there  */
    bg_row *after;  /*  NULL: it was removed  */
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

static size_t row_bytes (const bg_row_shape *shape, bg_slice key, const void *body)
{
    size_t bytes = sizeof (bg_row) + shape->size + key.size;
    for (size_t i = 0; i < shape->slice_count; i++)
        bytes += slice_at (body, shape->slices[i]).size;
    return bytes;
}

static bg_row *row_new (const bg_row_shape *shape, bg_slice key, const void *body, size_t bytes)
{
    _Static_assert(sizeof (bg_row) % _Alignof(bg_slice) == 0, "the structure stands behind it");
    bg_row *row = bg_realloc (NULL, bytes);
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

size_t bg_table_lower_bound (const bg_table *table, bg_slice key)
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

static bool is_at (const bg_table *table, size_t index, bg_slice key)
{
    return index < table->count && bg_slice_equal (table->rows[index]->key, key);
}

static uint64_t weight_of (const bg_rows *self, size_t name, const bg_row *row)
{
    const bg_row_shape *shape = &self->shapes[name];
    return shape->weighs ? slice_at (bg_row_body (row), shape->weigh).size : 0;
}

/*  Puts after where before is; either may be NULL. Neither is released.  */
static void exchange (bg_rows *self, size_t name, size_t index, const bg_row *before, bg_row *after)
{
    bg_table *table = &self->tables[name];
    if (before) {
        table->weight -= weight_of (self, name, before);
        self->bytes -= before->bytes;
    }
    if (after) {
        table->weight += weight_of (self, name, after);
        self->bytes += after->bytes;
    }
    if (before && after) {
        table->rows[index] = after;
        return;
    }
    if (before) {
        bg_row **gone = table->rows + index;
        table->count--;
        memmove (gone, gone + 1, (table->count - index) * sizeof *gone);
        return;
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 4;
        table->rows = bg_realloc (table->rows, table->capacity * sizeof *table->rows);
    }
    bg_row **at = table->rows + index;
    memmove (at + 1, at, (table->count - index) * sizeof *at);
    *at = after;
    table->count++;
}

static void note_change (bg_rows *self, size_t table, bg_row *before, bg_row *after)
{
    bg_assert (self->in_transaction);
    if (self->change_count == self->change_capacity) {
        self->change_capacity = self->change_capacity ? self->change_capacity * 2 : 8;
        self->changes = bg_realloc (self->changes, self->change_capacity * sizeof *self->changes);
    }
    self->changes[self->change_count++] = (bg_row_change){table, before, after};
}

const void *bg_rows_find (const bg_rows *self, size_t table, bg_slice key)
{
    const bg_table *in = &self->tables[table];
    const size_t index = bg_table_lower_bound (in, key);
    return is_at (in, index, key) ? bg_row_body (in->rows[index]) : NULL;
}

bg_result bg_rows_put (bg_rows *self, size_t table, bg_slice key, const void *body, bg_error *err)
{
    const bg_table *in = &self->tables[table];
    const size_t index = bg_table_lower_bound (in, key);
    bg_row *before = is_at (in, index, key) ? in->rows[index] : NULL;
    const size_t bytes = row_bytes (&self->shapes[table], key, body);
    if (self->max_bytes && self->bytes + bytes > self->max_bytes + (before ? before->bytes : 0))
        return bg_fail (err, BG_STORAGE_FULL, "the %s in memory is full: %zu of %zu bytes",
            self->name, self->bytes, self->max_bytes);
    bg_row *after = row_new (&self->shapes[table], key, body, bytes);
    exchange (self, table, index, before, after);
    note_change (self, table, before, after);
    return bg_ok ();
}

static void remove_at (bg_rows *self, size_t table, size_t index)
{
    bg_row *before = self->tables[table].rows[index];
    exchange (self, table, index, before, NULL);
    note_change (self, table, before, NULL);
}

bool bg_rows_remove (bg_rows *self, size_t table, bg_slice key)
{
    const bg_table *in = &self->tables[table];
    const size_t index = bg_table_lower_bound (in, key);
    if (!is_at (in, index, key))
        return false;
    remove_at (self, table, index);
    return true;
}

/*  One move of the rest, however many go: an outbox loses its rows in bundles.  */
void bg_rows_remove_first (bg_rows *self, size_t table, size_t count)
{
    bg_table *from = &self->tables[table];
    bg_assert (count <= from->count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        from->weight -= weight_of (self, table, from->rows[i]);
        self->bytes -= from->rows[i]->bytes;
        note_change (self, table, from->rows[i], NULL);
    }
    from->count -= count;
    memmove (from->rows, from->rows + count, from->count * sizeof *from->rows);
}

void bg_rows_remove_if (bg_rows *self, size_t table,
    bool (*is_meant) (const void *ctx, const void *body), const void *ctx)
{
    for (size_t i = self->tables[table].count; i-- > 0;)
        if (is_meant (ctx, bg_row_body (self->tables[table].rows[i])))
            remove_at (self, table, i);
}

/*  ---- the transaction ----  */

void bg_rows_begin (bg_rows *self)
{
    bg_assert (!self->in_transaction);
    self->in_transaction = true;
}

void bg_rows_commit (bg_rows *self)
{
    bg_assert (self->in_transaction);
    for (size_t i = 0; i < self->change_count; i++)
        free (self->changes[i].before);
    self->change_count = 0;
    self->in_transaction = false;
}

void bg_rows_rollback (bg_rows *self)
{
    while (self->change_count > 0) {
        const bg_row_change change = self->changes[--self->change_count];
        const bg_slice key = change.after ? change.after->key : change.before->key;
        const size_t index = bg_table_lower_bound (&self->tables[change.table], key);
        exchange (self, change.table, index, change.after, change.before);
        free (change.after);
    }
    self->in_transaction = false;
}

/*  ---- life ----  */

void bg_rows_init (bg_rows *self, const char *name, const bg_row_shape *shapes, size_t table_count)
{
    *self = (bg_rows){.shapes = shapes,
        .name = name,
        .tables = bg_alloc (table_count * sizeof (bg_table)),
        .table_count = table_count};
}

void bg_rows_fini (bg_rows *self)
{
    bg_rows_rollback (self);
    for (size_t i = 0; i < self->table_count; i++) {
        for (size_t k = 0; k < self->tables[i].count; k++)
            free (self->tables[i].rows[k]);
        free (self->tables[i].rows);
    }
    free (self->tables);
    free (self->changes);
    *self = (bg_rows){0};
}

void bg_rows_copy (const bg_rows *from, bg_rows *to)
{
    bg_assert (from->shapes == to->shapes && !from->in_transaction && to->bytes == 0);
    for (size_t i = 0; i < from->table_count; i++) {
        const bg_table *source = &from->tables[i];
        bg_table *copy = &to->tables[i];
        copy->rows = bg_alloc ((source->count + 1) * sizeof *copy->rows);
        copy->capacity = source->count + 1;
        for (; copy->count < source->count; copy->count++) {
            const bg_row *row = source->rows[copy->count];
            copy->rows[copy->count] =
                row_new (&from->shapes[i], row->key, bg_row_body (row), row->bytes);
        }
        copy->weight = source->weight;
    }
    to->bytes = from->bytes;
}
