/*  What the rows of each table of the broker's store in memory are. How they are kept: common/base/rows.c; what they mean:
    memory*.c.  */
#include "broker/store/memory_table.h"

/*  Up to six members of a structure that are slices.  */
#define SLICES(type, count, ...)                                                                   \
    {                                                                                              \
        .size = sizeof (type), .slice_count = count, .slices = { __VA_ARGS__ }                     \
    }
#define AT(type, member) offsetof (type, member)

const bg_row_shape broker_memory_shapes[MEMORY_TABLES] = {
    [MEMORY_META] = {.size = sizeof (memory_meta)},
    [MEMORY_DOCUMENT] = SLICES (broker_document_record, 3, AT (broker_document_record, name),
        AT (broker_document_record, signed_bytes), AT (broker_document_record, posted_by)),
    [MEMORY_HEAD] = SLICES (memory_head, 1, AT (memory_head, deliveries)),
    [MEMORY_TARGET] = SLICES (broker_target_record, 3, AT (broker_target_record, name),
        AT (broker_target_record, membership), AT (broker_target_record, enlisted_by)),
    [MEMORY_MARKS] = SLICES (broker_target_marks, 3, AT (broker_target_marks, zone),
        AT (broker_target_marks, version), AT (broker_target_marks, facts)),
    [MEMORY_TOKEN] = SLICES (broker_token_record, 3, AT (broker_token_record, signed_bytes),
        AT (broker_token_record, created_by), AT (broker_token_record, revoked_by)),
    [MEMORY_PENDING] = SLICES (broker_pending_record, 1, AT (broker_pending_record, row)),
    [MEMORY_REQUEST] = SLICES (memory_request, 1, AT (memory_request, answer)),
    [MEMORY_EXECUTION] = SLICES (broker_execution_record, 5, AT (broker_execution_record, job_name),
        AT (broker_execution_record, login), AT (broker_execution_record, reason),
        AT (broker_execution_record, signed_bytes), AT (broker_execution_record, bitmaps)),
    [MEMORY_NOTE] = SLICES (broker_note_record, 4, AT (broker_note_record, code),
        AT (broker_note_record, message), AT (broker_note_record, by),
        AT (broker_note_record, reason)),
    [MEMORY_OPEN_RUN] = SLICES (broker_open_run_record, 1, AT (broker_open_run_record, bytes)),
    [MEMORY_JOB] = SLICES (memory_job, 1, AT (memory_job, name)),
    [MEMORY_RUN] = SLICES (broker_run_record, 4, AT (broker_run_record, job_name),
        AT (broker_run_record, reason), AT (broker_run_record, bytes),
        AT (broker_run_record, output)),
    [MEMORY_OUTPUT] = SLICES (memory_output, 1, AT (memory_output, bytes)),
    [MEMORY_PURGE] = {.size = sizeof (memory_purge)},
    [MEMORY_CATEGORY] = SLICES (broker_category_record, 4, AT (broker_category_record, key),
        AT (broker_category_record, name), AT (broker_category_record, description),
        AT (broker_category_record, created_by)),
};

bg_result broker_memory_insert (
    void *ctx, memory_table_name table, bg_slice key, const void *body, bg_error *err)
{
    if (memory_find (ctx, table, key))
        return bg_fail (err, BG_EXISTS, "the broker store in memory has this row already");
    return memory_put (ctx, table, key, body, err);
}

size_t broker_memory_behind (const bg_table *table, bg_slice key)
{
    size_t at = bg_table_lower_bound (table, key);
    return at < table->count && bg_slice_equal (table->rows[at]->key, key) ? at + 1 : at;
}
