/*  Categories of jobs that somebody has created, of the broker's store: see store_port.h.  */
#include "broker/store/store_private.h"

static bg_result category_put (void *ctx, const broker_category_record *record, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT INTO category (key, name, description, created_by, created_us)"
        " VALUES (?1, ?2, ?3, ?4, ?5)");
    bg_bind_text (stmt, 1, record->key);
    bg_bind_text (stmt, 2, record->name);
    bg_bind_text (stmt, 3, record->description);
    bg_bind_text (stmt, 4, record->created_by);
    bg_bind_i64 (stmt, 5, record->created_us);
    return bg_stmt_run (stmt, err);
}

static bg_result category_remove (void *ctx, bg_slice key, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx), "DELETE FROM category WHERE key = ?1");
    bg_bind_text (stmt, 1, key);
    BG_TRY (bg_stmt_run (stmt, err));
    *found = bg_db_changes (broker_db_of (ctx)) > 0;
    return bg_ok ();
}

static bg_result categories (void *ctx, bg_slice after, uint32_t limit, broker_visit_category visit,
    void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT key, name, description, created_by, created_us FROM category WHERE key > ?1"
        " ORDER BY key LIMIT ?2");
    bg_bind_text (stmt, 1, after);
    bg_bind_i64 (stmt, 2, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        const broker_category_record record = {.key = bg_column_text (stmt, 0),
            .name = bg_column_text (stmt, 1),
            .description = bg_column_text (stmt, 2),
            .created_by = bg_column_text (stmt, 3),
            .created_us = bg_column_i64 (stmt, 4)};
        result = visit (visitor, &record, err);
    }
    return result;
}

void broker_categories_port (broker_store *port)
{
    port->category_put = category_put;
    port->category_remove = category_remove;
    port->categories = categories;
}
