/*  Targets of the broker's store. Rows are never removed. What changes often are columns of the same row; what changes with
    every report stands in a narrow table of its own.  */
#include "broker/store/store_private.h"

static bg_result target_put (void *ctx, const broker_target_record *record, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT INTO target (number, id, name, sign_key, curve_key, provisional, defected_us, "
        "key_cut,"
        " membership_version, membership_revision, membership_state, membership, membership_us, "
        "enlisted_by,"
        " enlisted_us, forgotten_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
        "?13, ?14, ?15, ?16)"
        " ON CONFLICT (number) DO UPDATE SET id = excluded.id, name = excluded.name, sign_key = "
        "excluded.sign_key,"
        " curve_key = excluded.curve_key, provisional = excluded.provisional, defected_us = "
        "excluded.defected_us,"
        " key_cut = excluded.key_cut, membership_version = excluded.membership_version,"
        " membership_revision = excluded.membership_revision, membership_state = "
        "excluded.membership_state,"
        " membership = excluded.membership, membership_us = excluded.membership_us,"
        " enlisted_by = excluded.enlisted_by, enlisted_us = excluded.enlisted_us,"
        " forgotten_us = excluded.forgotten_us");
    bg_bind_i64 (stmt, 1, record->number);
    bg_bind_id (stmt, 2, &record->id);
    bg_bind_text (stmt, 3, record->name);
    bg_bind_key (stmt, 4, &record->sign_key);
    bg_bind_key (stmt, 5, &record->curve_key);
    bg_bind_i64 (stmt, 6, record->provisional);
    bg_bind_i64 (stmt, 7, record->defected_us);
    bg_bind_i64 (stmt, 8, record->key_cut);
    bg_bind_u64 (stmt, 9, record->membership_version);
    bg_bind_u64 (stmt, 10, record->membership_revision);
    bg_bind_u64 (stmt, 11, record->membership_state);
    bg_bind_blob (stmt, 12, record->membership);
    bg_bind_i64 (stmt, 13, record->membership_us);
    bg_bind_text (stmt, 14, record->enlisted_by);
    bg_bind_i64 (stmt, 15, record->enlisted_us);
    bg_bind_i64 (stmt, 16, record->forgotten_us);
    return bg_stmt_run (stmt, err);
}

static bg_result target_mark (
    void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT OR REPLACE INTO mark (number, outbox, sequence, seen_us) VALUES (?1, ?2, ?3, ?4)");
    bg_bind_i64 (stmt, 1, number);
    bg_bind_id_or_null (stmt, 2, &marks->outbox);
    bg_bind_u64 (stmt, 3, marks->outbox_mark);
    bg_bind_i64 (stmt, 4, marks->last_seen_us);
    return bg_stmt_run (stmt, err);
}

static bg_result target_marks (
    void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err)
{
    BG_TRY (target_mark (ctx, number, marks, err));
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "UPDATE target SET boot_counter = ?2, instance = ?3, zone = ?4, program = ?5,"
        " utc_offset_s = ?6, last_poll_us = ?7, clock_offset_us = ?8, facts = ?9 WHERE "
        "number = ?1");
    bg_bind_i64 (stmt, 1, number);
    bg_bind_u64 (stmt, 2, marks->boot_counter);
    bg_bind_id_or_null (stmt, 3, &marks->instance);
    bg_bind_text (stmt, 4, marks->zone);
    bg_bind_text (stmt, 5, marks->version);
    bg_bind_i64 (stmt, 6, marks->utc_offset_s);
    bg_bind_i64 (stmt, 7, marks->last_poll_us);
    bg_bind_i64 (stmt, 8, marks->clock_offset_us);
    bg_bind_text (stmt, 9, marks->facts);
    BG_TRY (bg_stmt_run (stmt, err));
    bg_assert (bg_db_changes (broker_db_of (ctx)) == 1);
    return bg_ok ();
}

static void read_target (bg_stmt *stmt, broker_target_record *record, broker_target_marks *marks)
{
    *record = (broker_target_record){
        .number = (uint32_t) bg_column_i64 (stmt, 0),
        .id = bg_column_id (stmt, 1),
        .name = bg_column_text (stmt, 2),
        .sign_key = bg_column_key (stmt, 3),
        .curve_key = bg_column_key (stmt, 4),
        .provisional = bg_column_i64 (stmt, 5) != 0,
        .defected_us = bg_column_i64 (stmt, 6),
        .key_cut = bg_column_i64 (stmt, 7) != 0,
        .membership_version = (uint64_t) bg_column_i64 (stmt, 8),
        .membership_revision = (uint64_t) bg_column_i64 (stmt, 9),
        .membership_state = (uint64_t) bg_column_i64 (stmt, 10),
        .membership = bg_column_blob (stmt, 11),
        .membership_us = bg_column_i64 (stmt, 12),
        .enlisted_by = bg_column_text (stmt, 13),
        .enlisted_us = bg_column_i64 (stmt, 14),
    };
    *marks = (broker_target_marks){
        .outbox = bg_column_id (stmt, 15),
        .outbox_mark = (uint64_t) bg_column_i64 (stmt, 16),
        .boot_counter = (uint64_t) bg_column_i64 (stmt, 17),
        .instance = bg_column_id (stmt, 18),
        .zone = bg_column_text (stmt, 19),
        .version = bg_column_text (stmt, 20),
        .utc_offset_s = bg_column_i64 (stmt, 21),
        .last_poll_us = bg_column_i64 (stmt, 22),
        .last_seen_us = bg_column_i64 (stmt, 23),
        .clock_offset_us = bg_column_i64 (stmt, 24),
        .facts = bg_column_text (stmt, 25),
    };
    record->forgotten_us = bg_column_i64 (stmt, 26);
}

static bg_result targets (void *ctx, uint32_t after, uint32_t limit, broker_visit_target visit,
    void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT t.number, id, name, sign_key, curve_key, "
        "provisional, defected_us, key_cut, membership_version,"
        " membership_revision, membership_state, membership, "
        "membership_us, enlisted_by, enlisted_us, outbox,"
        " sequence, boot_counter, instance, zone, program, "
        "utc_offset_s, last_poll_us, seen_us, clock_offset_us, facts, forgotten_us"
        " FROM target t LEFT JOIN mark m ON m.number = t.number WHERE t.number > ?1 ORDER BY "
        "t.number LIMIT ?2");
    bg_bind_i64 (stmt, 1, after);
    bg_bind_i64 (stmt, 2, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_target_record record;
        broker_target_marks marks;
        read_target (stmt, &record, &marks);
        result = visit (visitor, &record, &marks, err);
    }
    return result;
}

void broker_targets_port (broker_store *port)
{
    port->target_put = target_put;
    port->target_marks = target_marks;
    port->target_mark = target_mark;
    port->targets = targets;
}
