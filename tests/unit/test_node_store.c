/*  The node's store, on SQLite and in memory: what goes in comes out, across transactions, opening, with a full disk.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/sqlite.h"
#include "node/store/memory.h"
#include "node/store/store.h"
#include "tests/unit/ids.h"
#include "tests/unit/must.h"
#include "tests/unit/temp_dir.h"

#include <stdlib.h>

/*  One of the two; the tests of the port see neither.  */
typedef struct {
    node_db *db;
    node_memory *memory;
} either;

static int setup_sqlite (void **state)
{
    either *self = bg_alloc (sizeof *self);
    OK (node_db_open (":memory:", &self->db, err));
    OK (node_db_begin (self->db, err));
    *state = self;
    return 0;
}

static int setup_memory (void **state)
{
    either *self = bg_alloc (sizeof *self);
    self->memory = node_memory_new ();
    node_memory_begin (self->memory);
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    either *self = *state;
    node_db_close (&self->db);
    node_memory_destroy (&self->memory);
    free (self);
    return 0;
}

static const node_store *port_of (void **state)
{
    either *self = *state;
    return self->db ? node_db_port (self->db) : node_memory_port (self->memory);
}

static void commit_and_begin (void **state)
{
    either *self = *state;
    if (self->db) {
        OK (node_db_commit (self->db, err));
        OK (node_db_begin (self->db, err));
    } else {
        node_memory_commit (self->memory);
        node_memory_begin (self->memory);
    }
}

static void rollback_and_begin (void **state)
{
    either *self = *state;
    if (self->db) {
        node_db_rollback (self->db);
        OK (node_db_begin (self->db, err));
    } else {
        node_memory_rollback (self->memory);
        node_memory_begin (self->memory);
    }
}

static bool has_changes (void **state)
{
    either *self = *state;
    return self->db ? node_db_has_changes (self->db) : node_memory_has_changes (self->memory);
}

static void identity_numbers_and_blobs (void **state)
{
    const node_store *store = port_of (state);
    bg_arena arena = {0};
    node_identity out;
    bool found = true;
    OK (store->identity_get (store->ctx, &arena, &out, &found, err));
    assert_false (found);
    const node_identity in = {.installation = id_of (1),
        .target = id_of (2),
        .number = 9,
        .name = bg_slice_str ("db01"),
        .broker = bg_slice_str ("lab"),
        .broker_curve_key = {{3}},
        .endpoints = bg_slice_str ("tcp://a:1\ntcp://b:2"),
        .authority_hash = {4},
        .sign_key = {{5}},
        .curve_key = {{6}},
        .outbox = id_of (7),
        .enlisted_us = 8};
    OK (store->identity_put (store->ctx, &in, err));
    OK (store->identity_put (store->ctx, &in, err));
    OK (store->identity_get (store->ctx, &arena, &out, &found, err));
    assert_true (found);
    assert_true (bg_id_equal (out.target, in.target));
    assert_true (bg_slice_equal (out.endpoints, in.endpoints));
    assert_true (bg_key_equal (&out.curve_key, &in.curve_key));
    assert_memory_equal (out.authority_hash, in.authority_hash, 32);
    assert_int_equal (out.enlisted_us, 8);
    uint64_t value = 1;
    OK (store->number_get (store->ctx, NODE_NUMBER_BOOT, &value, err));
    assert_int_equal (value, 0);
    OK (store->number_put (store->ctx, NODE_NUMBER_BOOT, 41, err));
    OK (store->number_put (store->ctx, NODE_NUMBER_BOOT, 42, err));
    OK (store->number_get (store->ctx, NODE_NUMBER_BOOT, &value, err));
    assert_int_equal (value, 42);
    bg_slice blob;
    OK (store->blob_put (store->ctx, NODE_BLOB_ATTESTATION, bg_slice_str ("proof"), err));
    OK (store->blob_get (store->ctx, NODE_BLOB_ATTESTATION, &arena, &blob, err));
    assert_true (bg_slice_is (blob, "proof"));
    bg_arena_fini (&arena);
}

static bool count_documents (void *visitor, const node_document_row *row)
{
    uint64_t *types = visitor;
    assert_true (row->type >= types[1]); /*  in the order of types  */
    types[1] = row->type;
    types[0]++;
    return true;
}

static bool count_authorities (void *visitor, uint64_t version, bg_slice item)
{
    uint64_t *last = visitor;
    assert_true (version > *last);
    assert_true (item.size > 0);
    *last = version;
    return true;
}

static void documents_have_their_places (void **state)
{
    const node_store *store = port_of (state);
    node_document_row row = {.place = NODE_PLACE_HELD,
        .key = id_of (9),
        .type = 7,
        .version = 3,
        .hash = {1, 2},
        .signed_item = bg_slice_str ("three")};
    OK (store->document_put (store->ctx, &row, err));
    row.version = 4;
    row.signed_item = bg_slice_str ("four");
    OK (store->document_put (store->ctx, &row, err));
    row.place = NODE_PLACE_WAITING;
    row.version = 5;
    row.code = bg_slice_str ("waiting");
    OK (store->document_put (store->ctx, &row, err));
    row.place = NODE_PLACE_HELD;
    row.key = id_of (1);
    row.type = 3;
    OK (store->document_put (store->ctx, &row, err));
    bg_arena arena = {0};
    bool found = false;
    OK (store->document_get (store->ctx, NODE_PLACE_HELD, id_of (9), &arena, &row, &found, err));
    assert_true (found);
    assert_int_equal (row.version, 4);
    assert_true (bg_slice_is (row.signed_item, "four"));
    OK (store->document_get (store->ctx, NODE_PLACE_WAITING, id_of (9), &arena, &row, &found, err));
    assert_int_equal (row.version, 5);
    assert_true (bg_slice_is (row.code, "waiting"));
    uint64_t seen[2] = {0, 0};
    OK (store->document_each (store->ctx, NODE_PLACE_HELD, count_documents, seen, err));
    assert_int_equal (seen[0], 2);
    OK (store->document_remove (store->ctx, NODE_PLACE_WAITING, id_of (9), err));
    OK (store->document_get (store->ctx, NODE_PLACE_WAITING, id_of (9), &arena, &row, &found, err));
    assert_false (found);
    for (uint64_t version = 5; version > 0; version--)
        OK (store->authority_put (store->ctx, version, bg_slice_str ("a"), err));
    uint64_t last = 2;
    OK (store->authority_each (store->ctx, 2, count_authorities, &last, err));
    assert_int_equal (last, 5);
    bg_arena_fini (&arena);
}

static bool count_deeds (void *visitor, const node_deed_row *row)
{
    (void) row;
    ++*(size_t *) visitor;
    return true;
}

static bool last_mark (void *visitor, const node_mark_row *row)
{
    *(int64_t *) visitor += row->nominal_us;
    return true;
}

static bool count_occurrences (void *visitor, const node_occurrence_row *row)
{
    assert_true (bg_slice_is (row->schedule, "main"));
    ++*(size_t *) visitor;
    return true;
}

static void deeds_marks_and_occurrences (void **state)
{
    const node_store *store = port_of (state);
    for (uint8_t i = 1; i <= 3; i++)
        OK (store->deed_put (store->ctx,
            &(node_deed_row){.id = id_of (i), .what = 1, .state = i, .expires_us = 100 * i}, err));
    OK (store->deed_prune (store->ctx, 1000, err));
    size_t deeds = 0;
    OK (store->deed_each (store->ctx, count_deeds, &deeds, err));
    assert_int_equal (deeds, 1); /*  what waits stays  */
    for (int64_t i = 1; i <= 3; i++)
        OK (store->mark_put (store->ctx,
            &(node_mark_row){.job_key = id_of (1), .schedule = bg_slice_str ("a"), .nominal_us = i},
            err));
    OK (store->mark_put (store->ctx,
        &(node_mark_row){.job_key = id_of (2), .schedule = bg_slice_str ("a"), .nominal_us = 100},
        err));
    int64_t sum = 0;
    OK (store->mark_each (store->ctx, last_mark, &sum, err));
    assert_int_equal (sum, 103);
    OK (store->mark_remove_job (store->ctx, id_of (2), err));
    sum = 0;
    OK (store->mark_each (store->ctx, last_mark, &sum, err));
    assert_int_equal (sum, 3);
    const node_occurrence_row row = {.occurrence = id_of (5),
        .job_key = id_of (1),
        .schedule = bg_slice_str ("main"),
        .nominal_us = 7};
    OK (store->occurrence_put (store->ctx, &row, err));
    size_t count = 0;
    OK (store->occurrence_each (store->ctx, count_occurrences, &count, err));
    assert_int_equal (count, 1);
    OK (store->occurrence_remove (store->ctx, id_of (5), err));
    OK (store->occurrence_each (store->ctx, count_occurrences, &count, err));
    assert_int_equal (count, 1);
}

static bool sum_outbox (void *visitor, const node_outbox_row *row)
{
    uint64_t *sum = visitor;
    *sum = *sum * 10 + row->sequence;
    return true;
}

static void the_outbox_keeps_count (void **state)
{
    const node_store *store = port_of (state);
    node_outbox_size size;
    for (uint64_t i = 1; i <= 6; i++)
        OK (store->outbox_append (store->ctx, i, bg_slice_str ("12345"), err));
    OK (store->outbox_size (store->ctx, &size, err));
    assert_int_equal (size.rows, 6);
    assert_int_equal (size.bytes, 30);
    assert_int_equal (size.first, 1);
    OK (store->outbox_replace (store->ctx, 5, bg_slice_str ("1"), err));
    OK (store->outbox_remove_through (store->ctx, 3, err));
    OK (store->outbox_size (store->ctx, &size, err));
    assert_int_equal (size.rows, 3);
    assert_int_equal (size.bytes, 11);
    assert_int_equal (size.first, 4);
    OK (store->outbox_renumber (store->ctx, 3, err));
    uint64_t sum = 0;
    OK (store->outbox_each (store->ctx, 0, 2, sum_outbox, &sum, err));
    assert_int_equal (sum, 12);
    sum = 0;
    OK (store->outbox_each (store->ctx, 2, 64, sum_outbox, &sum, err));
    assert_int_equal (sum, 3);
    for (uint64_t i = 1; i <= 150; i++)
        OK (store->refused_put (store->ctx,
            &(node_refused_row){
                .sequence = i, .code = bg_slice_str ("x"), .blob = bg_slice_str ("y")},
            err));
}

static bool count_history (void *visitor, const node_history_row *row)
{
    (void) row;
    ++*(size_t *) visitor;
    return true;
}

static size_t rows_of (const node_store *store, bg_id job_key)
{
    size_t rows = 0;
    OK (store->history_page (store->ctx, job_key, 0, SIZE_MAX, count_history, &rows, err));
    return rows;
}

static void jobs_may_have_limits_of_their_own (void **state)
{
    const node_store *store = port_of (state);
    const bg_id many = id_of (91);
    const bg_id old = id_of (92);
    const bg_id all = id_of (93);
    for (uint8_t i = 1; i <= 60; i++) {
        const node_history_row row = {.run = id_of (i),
            .job_key = i % 3 == 0   ? many
                       : i % 3 == 1 ? old
                                    : all,
            .state = i > 57 ? 6u * (i % 2) : 1, /*  two go on, one waits  */
            .finished_us = i > 57 ? 0 : 1000 * i,
            .blob = bg_slice_str ("x")};
        OK (store->history_put (store->ctx, &row, err));
    }
    size_t removed = 0;
    OK (store->history_prune_jobs (store->ctx, 60000, 500, &removed, err));
    assert_int_equal (removed, 0);
    OK (store->history_limit_put (
        store->ctx, &(node_history_limit){.job_key = many, .keep_runs = 5}, err));
    OK (store->history_limit_put (
        store->ctx, &(node_history_limit){.job_key = old, .keep_us = 20000}, err));
    OK (store->history_prune_jobs (store->ctx, 60000, 10, &removed, err));
    assert_int_equal (removed, 10); /*  a part a call  */
    OK (store->history_prune_jobs (store->ctx, 60000, 500, &removed, err));
    assert_int_equal (rows_of (store, many), 5 + 1); /*  what is open stays  */
    assert_int_equal (rows_of (store, old), 6 + 1);  /*  40,000 to 57,000, and an open one  */
    assert_int_equal (rows_of (store, all), 20);
    OK (store->history_prune_jobs (store->ctx, 60000, 500, &removed, err));
    assert_int_equal (removed, 0);
    /*  A time of its own may also be longer than that of all.  */
    OK (store->history_limit_put (
        store->ctx, &(node_history_limit){.job_key = old, .keep_us = 1000000}, err));
    OK (store->history_prune (store->ctx, 59000, UINT64_MAX, 500, &removed, err));
    assert_int_equal (rows_of (store, old), 6 + 1);
    assert_int_equal (rows_of (store, many), 1);
    assert_int_equal (rows_of (store, all), 1);
    OK (store->history_limit_put (store->ctx, &(node_history_limit){.job_key = old}, err));
    OK (store->history_prune (store->ctx, 59000, UINT64_MAX, 500, &removed, err));
    assert_int_equal (rows_of (store, old), 1);
    size_t open = 0;
    OK (store->history_each (store->ctx, true, SIZE_MAX, count_history, &open, err));
    assert_int_equal (open, 3);
}

static void history_is_pruned_by_age_and_size (void **state)
{
    const node_store *store = port_of (state);
    bg_arena arena = {0};
    for (uint8_t i = 1; i <= 20; i++) {
        node_history_row row = {.run = id_of (i),
            .job_key = id_of (99),
            .started_us = i,
            .blob = bg_slice_str ("open")};
        OK (store->history_put (store->ctx, &row, err));
        if (i == 20)
            break; /*  goes on  */
        row.state = 1;
        row.finished_us = 100 * i;
        row.blob = bg_slice_str ("0123456789");
        OK (store->history_put (store->ctx, &row, err));
    }
    size_t open = 0;
    OK (store->history_each (store->ctx, true, SIZE_MAX, count_history, &open, err));
    assert_int_equal (open, 1);
    size_t removed = 0;
    OK (store->history_prune (store->ctx, 501, 1000000, 3, &removed, err));
    assert_int_equal (removed, 3);
    OK (store->history_prune (store->ctx, 501, 100, 500, &removed, err));
    assert_int_equal (removed, 6); /*  one by age, the rest until ten are left  */
    size_t rows = 0;
    OK (store->history_each (store->ctx, false, SIZE_MAX, count_history, &rows, err));
    assert_int_equal (rows, 11);
    node_history_row row;
    bool found = true;
    OK (store->history_get (store->ctx, id_of (9), &arena, &row, &found, err));
    assert_false (found);
    OK (store->history_get (store->ctx, id_of (10), &arena, &row, &found, err));
    assert_true (found);
    assert_int_equal (row.finished_us, 1000);
    OK (store->history_prune (store->ctx, 501, 100, 500, &removed, err));
    assert_int_equal (removed, 0);
    bg_arena_fini (&arena);
}

typedef struct {
    bg_id runs[32];
    uint64_t rows[32];
    size_t count;
} seen_runs;

static bool see_run (void *visitor, const node_history_row *row)
{
    seen_runs *self = visitor;
    self->runs[self->count] = row->run;
    self->rows[self->count++] = row->row;
    return true;
}

static void history_is_paged_newest_first_and_by_job (void **state)
{
    const node_store *store = port_of (state);
    for (uint8_t i = 1; i <= 10; i++)
        OK (store->history_put (store->ctx,
            &(node_history_row){.run = id_of (i),
                .job_key = id_of (i % 2 ? 91 : 90),
                .state = 1,
                .finished_us = i,
                .blob = bg_slice_str ("run")},
            err));
    seen_runs seen = {.count = 0};
    OK (store->history_page (store->ctx, (bg_id){{0}}, 0, 4, see_run, &seen, err));
    assert_int_equal (seen.count, 4);
    assert_true (bg_id_equal (seen.runs[0], id_of (10)));
    OK (store->history_page (store->ctx, (bg_id){{0}}, seen.rows[3], 20, see_run, &seen, err));
    assert_int_equal (seen.count, 10);
    assert_true (bg_id_equal (seen.runs[4], id_of (6)));
    assert_true (bg_id_equal (seen.runs[9], id_of (1)));
    seen.count = 0;
    OK (store->history_page (store->ctx, id_of (90), 0, 20, see_run, &seen, err));
    assert_int_equal (seen.count, 5);
    assert_true (bg_id_equal (seen.runs[4], id_of (2)));
    seen.count = 0;
    OK (store->history_page (store->ctx, id_of (77), 0, 20, see_run, &seen, err));
    assert_int_equal (seen.count, 0);
}

static bool count_marks (void *visitor, const node_mark_row *row)
{
    (void) row;
    ++*(size_t *) visitor;
    return true;
}

static void forgetting_keeps_what_is_the_machines_own (void **state)
{
    const node_store *store = port_of (state);
    const node_place places[] = {NODE_PLACE_HELD, NODE_PLACE_LOCAL};
    for (uint8_t i = 0; i < 2; i++) {
        OK (store->document_put (store->ctx,
            &(node_document_row){.place = places[i],
                .key = id_of (40 + i),
                .type = 3,
                .version = 1,
                .signed_item = bg_slice_str ("signed")},
            err));
        OK (store->mark_put (store->ctx,
            &(node_mark_row){.job_key = id_of (40 + i), .schedule = bg_slice_str ("s")}, err));
    }
    OK (store->forget (store->ctx, err));
    uint64_t held[2] = {0};
    uint64_t local[2] = {0};
    size_t marks = 0;
    OK (store->document_each (store->ctx, NODE_PLACE_HELD, count_documents, held, err));
    OK (store->document_each (store->ctx, NODE_PLACE_LOCAL, count_documents, local, err));
    OK (store->mark_each (store->ctx, count_marks, &marks, err));
    assert_int_equal (held[0], 0);
    assert_int_equal (local[0], 1);
    assert_int_equal (marks, 1);
}

static void forgetting_keeps_history_and_the_boot_counter (void **state)
{
    const node_store *store = port_of (state);
    bg_arena arena = {0};
    OK (store->number_put (store->ctx, NODE_NUMBER_BOOT, 5, err));
    OK (store->number_put (store->ctx, NODE_NUMBER_STATE_SEQ, 5, err));
    OK (store->blob_put (store->ctx, NODE_BLOB_INSTANCE, bg_slice_str ("me"), err));
    OK (store->blob_put (store->ctx, NODE_BLOB_ATTESTATION, bg_slice_str ("proof"), err));
    OK (store->outbox_append (store->ctx, 1, bg_slice_str ("run"), err));
    OK (store->history_put (store->ctx,
        &(node_history_row){
            .run = id_of (1), .state = 1, .finished_us = 1, .blob = bg_slice_str ("run")},
        err));
    OK (store->forget (store->ctx, err));
    uint64_t value;
    OK (store->number_get (store->ctx, NODE_NUMBER_BOOT, &value, err));
    assert_int_equal (value, 5);
    OK (store->number_get (store->ctx, NODE_NUMBER_STATE_SEQ, &value, err));
    assert_int_equal (value, 0);
    bg_slice blob;
    OK (store->blob_get (store->ctx, NODE_BLOB_INSTANCE, &arena, &blob, err));
    assert_true (bg_slice_is (blob, "me"));
    OK (store->blob_get (store->ctx, NODE_BLOB_ATTESTATION, &arena, &blob, err));
    assert_int_equal (blob.size, 0);
    node_outbox_size size;
    OK (store->outbox_size (store->ctx, &size, err));
    assert_int_equal (size.rows, 0);
    assert_int_equal (size.bytes, 0);
    size_t rows = 0;
    OK (store->history_each (store->ctx, false, SIZE_MAX, count_history, &rows, err));
    assert_int_equal (rows, 1);
    bg_arena_fini (&arena);
}

static void a_rollback_leaves_what_was_committed (void **state)
{
    const node_store *store = port_of (state);
    for (uint64_t i = 1; i <= 4; i++)
        OK (store->outbox_append (store->ctx, i, bg_slice_str ("12345"), err));
    const node_history_row first = {.run = id_of (1), .blob = bg_slice_str ("open")};
    OK (store->history_put (store->ctx, &first, err));
    commit_and_begin (state);
    assert_false (has_changes (state));
    const node_history_row over = {
        .run = id_of (1), .state = 1, .finished_us = 9, .blob = bg_slice_str ("over")};
    OK (store->history_put (store->ctx, &over, err));
    OK (store->history_put (store->ctx, &(node_history_row){.run = id_of (2)}, err));
    OK (store->outbox_remove_through (store->ctx, 2, err));
    OK (store->outbox_replace (store->ctx, 4, bg_slice_str ("1"), err));
    OK (store->outbox_append (store->ctx, 5, bg_slice_str ("12345"), err));
    OK (store->number_put (store->ctx, NODE_NUMBER_OUTBOX, 5, err));
    assert_true (has_changes (state));
    rollback_and_begin (state);
    assert_false (has_changes (state));
    node_outbox_size size;
    OK (store->outbox_size (store->ctx, &size, err));
    assert_int_equal (size.rows, 4);
    assert_int_equal (size.bytes, 20);
    assert_int_equal (size.first, 1);
    bg_arena arena = {0};
    node_history_row row;
    bool found = false;
    OK (store->history_get (store->ctx, id_of (1), &arena, &row, &found, err));
    assert_true (found);
    assert_true (bg_slice_is (row.blob, "open"));
    OK (store->history_get (store->ctx, id_of (2), &arena, &row, &found, err));
    assert_false (found);
    uint64_t value = 1;
    OK (store->number_get (store->ctx, NODE_NUMBER_OUTBOX, &value, err));
    assert_int_equal (value, 0);
    bg_arena_fini (&arena);
}

static void a_sequence_is_given_out_once (void **state)
{
    const node_store *store = port_of (state);
    OK (store->outbox_append (store->ctx, 7, bg_slice_str ("first"), err));
    bg_error why = {0};
    assert_true (bg_failed (store->outbox_append (store->ctx, 7, bg_slice_str ("second"), &why)));
    node_outbox_size size;
    OK (store->outbox_size (store->ctx, &size, err));
    assert_int_equal (size.rows, 1);
    assert_int_equal (size.bytes, 5);
}

/*  ---- the file ----  */

static void it_is_there_after_opening_again (void **state)
{
    (void) state;
    char *dir = temp_dir_make ();
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/node.db", dir);
    node_db *db = NULL;
    OK (node_db_open (path, &db, err));
    OK (node_db_begin (db, err));
    const node_store *store = node_db_port (db);
    OK (store->number_put (store->ctx, NODE_NUMBER_BOOT, 3, err));
    OK (node_db_commit (db, err));
    OK (node_db_begin (db, err));
    OK (store->number_put (store->ctx, NODE_NUMBER_BOOT, 4, err));
    node_db_rollback (db);
    node_db_close (&db);
    OK (node_db_open (path, &db, err));
    OK (node_db_check (db, err));
    store = node_db_port (db);
    uint64_t value = 0;
    OK (node_db_begin (db, err));
    OK (store->number_get (store->ctx, NODE_NUMBER_BOOT, &value, err));
    assert_int_equal (value, 3);
    node_db_close (&db);
    temp_dir_remove (&dir);
}

static void a_foreign_store_is_refused (void **state)
{
    (void) state;
    char *dir = temp_dir_make ();
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/other.db", dir);
    static const char *const other[] = {"CREATE TABLE t (x INTEGER) STRICT"};
    const bg_db_options options = {.path = path,
        .what = "other store",
        .application_id = 77,
        .migrations = other,
        .migration_count = 1};
    bg_db *foreign = NULL;
    OK (bg_db_open (&options, &foreign, err));
    bg_db_close (&foreign);
    node_db *db = NULL;
    bg_error why = {0};
    assert_int_equal (node_db_open (path, &db, &why).code, BG_FOREIGN_FILE);
    assert_null (db);
    temp_dir_remove (&dir);
}

static void a_full_disk_is_said_and_passes (void **state)
{
    node_db *db = ((either *) *state)->db;
    OK (node_db_commit (db, err));
    node_db_set_max_pages (db, node_db_pages (db) + 2);
    const node_store *store = node_db_port (db);
    char *text = bg_alloc (100000);
    bg_error why = {0};
    OK (node_db_begin (db, err));
    bg_result result = store->outbox_append (store->ctx, 1, bg_slice_of (text, 100000), &why);
    if (!bg_failed (result))
        result = node_db_commit (db, &why);
    assert_int_equal (result.code, BG_STORAGE_FULL);
    node_db_rollback (db);
    node_db_set_max_pages (db, 0);
    OK (node_db_begin (db, err));
    OK (store->outbox_append (store->ctx, 1, bg_slice_of (text, 100000), err));
    OK (node_db_commit (db, err));
    free (text);
}

static void memory_may_be_bounded_like_a_disk (void **state)
{
    node_memory *memory = ((either *) *state)->memory;
    const node_store *store = node_memory_port (memory);
    node_memory_set_max_bytes (memory, node_memory_bytes (memory) + 2000);
    char *text = bg_alloc (1500);
    bg_error why = {0};
    OK (store->outbox_append (store->ctx, 1, bg_slice_of (text, 1500), err));
    assert_int_equal (
        store->outbox_append (store->ctx, 2, bg_slice_of (text, 1500), &why).code, BG_STORAGE_FULL);
    OK (store->outbox_replace (store->ctx, 1, bg_slice_of (text, 1400), err));
    node_memory_rollback (memory);
    assert_int_equal (node_memory_bytes (memory), 0);
    node_memory_set_max_bytes (memory, 0);
    node_memory_begin (memory);
    for (uint64_t i = 1; i <= 3; i++)
        OK (store->outbox_append (store->ctx, i, bg_slice_of (text, 1500), err));
    free (text);
}

int main (void)
{
#define SQLITE(name)                                                                               \
    {                                                                                              \
#name " (sqlite)", name, setup_sqlite, teardown, NULL                                      \
    }
#define MEMORY(name)                                                                               \
    {                                                                                              \
#name " (memory)", name, setup_memory, teardown, NULL                                      \
    }
#define BOTH(name) SQLITE (name), MEMORY (name)
    const struct CMUnitTest tests[] = {
        BOTH (identity_numbers_and_blobs),
        BOTH (documents_have_their_places),
        BOTH (deeds_marks_and_occurrences),
        BOTH (the_outbox_keeps_count),
        BOTH (jobs_may_have_limits_of_their_own),
        BOTH (history_is_pruned_by_age_and_size),
        BOTH (history_is_paged_newest_first_and_by_job),
        BOTH (forgetting_keeps_what_is_the_machines_own),
        BOTH (forgetting_keeps_history_and_the_boot_counter),
        BOTH (a_rollback_leaves_what_was_committed),
        BOTH (a_sequence_is_given_out_once),
        SQLITE (it_is_there_after_opening_again),
        SQLITE (a_foreign_store_is_refused),
        SQLITE (a_full_disk_is_said_and_passes),
        MEMORY (memory_may_be_bounded_like_a_disk),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
