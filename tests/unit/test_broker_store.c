/*  The broker's store on SQLite: counters, documents, targets, tokens, and the file itself.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/store/store.h"
#include "common/sys/sqlite.h"
#include "proto/wire.h"
#include "tests/unit/ids.h"
#include "tests/unit/must.h"
#include "tests/unit/store_case.h"
#include "tests/unit/temp_dir.h"

#include <sys/stat.h>

/*  ---- counters ----  */

static void a_counter_is_zero_until_it_is_set (void **state)
{
    const broker_store *store = store_case_port (*state);
    int64_t value = 7;
    OK (store->meta_get (store->ctx, "term", &value, err));
    assert_int_equal (value, 0);
    OK (store->meta_set (store->ctx, "term", INT64_MAX, err));
    OK (store->meta_set (store->ctx, "position", -3, err));
    OK (store->meta_get (store->ctx, "term", &value, err));
    assert_true (value == INT64_MAX);
    OK (store->meta_set (store->ctx, "term", 2, err));
    OK (store->meta_get (store->ctx, "term", &value, err));
    assert_int_equal (value, 2);
    OK (store->meta_get (store->ctx, "position", &value, err));
    assert_int_equal (value, -3);
}

/*  ---- documents ----  */

static broker_document_record document_of (bg_id key, uint64_t version)
{
    return (broker_document_record){.key = key,
        .version = version,
        .type = WIRE_TYPE_JOB,
        .object_type = WIRE_TYPE_JOB,
        .name = bg_slice_str ("disk-check"),
        .revision = version / 100,
        .withdrawn_version = version - 1,
        .content_hash = {1, 2, (uint8_t) version},
        .hash = {3, 4, (uint8_t) version},
        .signed_bytes = bg_slice_of ("signed \0 bytes", 14),
        .posted_by = bg_slice_str ("alice"),
        .posted_us = (int64_t) version + 5};
}

static void append (const broker_store *store, bg_id key, uint64_t version)
{
    broker_document_record record = document_of (key, version);
    OK (store->document_append (store->ctx, &record, err));
}

static void check_document (const broker_document_record *got, bg_id key, uint64_t version)
{
    const broker_document_record want = document_of (key, version);
    assert_true (bg_id_equal (got->key, key));
    assert_int_equal (got->version, version);
    assert_int_equal (got->type, want.type);
    assert_int_equal (got->object_type, want.object_type);
    assert_true (bg_slice_equal (got->name, want.name));
    assert_int_equal (got->revision, want.revision);
    assert_int_equal (got->withdrawn_version, want.withdrawn_version);
    assert_memory_equal (got->content_hash, want.content_hash, sizeof want.content_hash);
    assert_memory_equal (got->hash, want.hash, sizeof want.hash);
    assert_true (bg_slice_equal (got->signed_bytes, want.signed_bytes));
    assert_true (bg_slice_equal (got->posted_by, want.posted_by));
    assert_int_equal (got->posted_us, want.posted_us);
}

static void every_version_of_a_document_is_kept (void **state)
{
    const broker_store *store = store_case_port (*state);
    BG_AUTO_ARENA arena = {0};
    broker_document_record got = {0};
    bool found = true;
    OK (store->document_get (store->ctx, id_of (1), 0, &arena, &got, &found, err));
    assert_false (found);
    append (store, id_of (1), 100);
    append (store, id_of (1), 250);
    append (store, id_of (2), 900);
    OK (store->document_get (store->ctx, id_of (1), 0, &arena, &got, &found, err));
    assert_true (found);
    check_document (&got, id_of (1), 250);
    OK (store->document_get (store->ctx, id_of (1), 100, &arena, &got, &found, err));
    assert_true (found);
    check_document (&got, id_of (1), 100);
    OK (store->document_get (store->ctx, id_of (1), 101, &arena, &got, &found, err));
    assert_false (found);
    bg_error why = {0};
    broker_document_record again = document_of (id_of (1), 250);
    assert_int_equal (store->document_append (store->ctx, &again, &why).code, BG_EXISTS);
}

/*  What a visitor saw: a number of each row, up to ten; from the row at fail_at on it fails.  */
typedef struct {
    const broker_store *store;
    uint64_t numbers[10];
    size_t count;
    size_t fail_at; /*  0: never  */
} seen;

static bg_result note_number (seen *self, uint64_t number, bg_error *err)
{
    assert_in_range (self->count, 0, 9);
    self->numbers[self->count++] = number;
    return self->count == self->fail_at ? bg_fail (err, BG_LIMIT, "enough seen") : bg_ok ();
}

static bg_result see_document (void *visitor, const broker_document_record *record, bg_error *err)
{
    check_document (record, record->key, record->version);
    return note_number (visitor, record->version, err);
}

static void versions_come_in_ascending_pages (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (uint64_t version = 500; version >= 100; version -= 100)
        append (store, id_of (1), version);
    append (store, id_of (2), 300);
    seen all = {0};
    OK (store->document_versions (store->ctx, id_of (1), 200, 3, see_document, &all, err));
    assert_int_equal (all.count, 3);
    assert_int_equal (all.numbers[0], 200);
    assert_int_equal (all.numbers[2], 400);
    seen none = {0};
    OK (store->document_versions (store->ctx, id_of (1), 501, 3, see_document, &none, err));
    assert_int_equal (none.count, 0);
}

static bg_result see_head (void *visitor, const broker_head_record *record, bg_error *err)
{
    seen *self = visitor;
    if (self->store) {
        /*  A visitor may read.  */
        BG_AUTO_ARENA arena = {0};
        broker_document_record first = {0};
        bool found = false;
        BG_TRY (self->store->document_get (
            self->store->ctx, record->document.key, 100, &arena, &first, &found, err));
        assert_true (found);
    }
    check_document (&record->document, record->document.key, record->document.version);
    return note_number (self,
        record->document.key.bytes[0] * 1000u + record->document.version + record->deliveries.size,
        err);
}

static void heads_are_the_newest_versions_with_their_deliveries (void **state)
{
    const broker_store *store = store_case_port (*state);
    const bg_id zero = {{0}};
    append (store, id_of (3), 100);
    append (store, zero, 100); /*  the authority's key  */
    append (store, id_of (2), 100);
    append (store, id_of (2), 200);
    OK (store->deliveries_put (store->ctx, id_of (2), bg_slice_str ("bits"), err));
    seen all = {.store = store};
    OK (store->heads (store->ctx, NULL, 10, see_head, &all, err));
    assert_int_equal (all.count, 3);
    assert_int_equal (all.numbers[0], 100);
    assert_int_equal (all.numbers[1], 2204);
    assert_int_equal (all.numbers[2], 3100);
    /*  A new version keeps them, and they can become none.  */
    append (store, id_of (2), 300);
    seen page = {0};
    OK (store->heads (store->ctx, &zero, 1, see_head, &page, err));
    assert_int_equal (page.count, 1);
    assert_int_equal (page.numbers[0], 2304);
    OK (store->deliveries_put (store->ctx, id_of (2), (bg_slice){0}, err));
    seen rest = {0};
    bg_id after = id_of (2);
    OK (store->heads (store->ctx, &after, 10, see_head, &rest, err));
    assert_int_equal (rest.count, 1);
    assert_int_equal (rest.numbers[0], 3100);
}

static void a_visitor_that_fails_ends_the_page (void **state)
{
    const broker_store *store = store_case_port (*state);
    append (store, id_of (1), 100);
    append (store, id_of (1), 200);
    append (store, id_of (2), 100);
    bg_error why = {0};
    for (int round = 0; round < 2; round++) { /*  the statement can be used again  */
        seen versions = {.fail_at = 1};
        assert_int_equal (
            store->document_versions (store->ctx, id_of (1), 0, 9, see_document, &versions, &why)
                .code,
            BG_LIMIT);
        assert_int_equal (versions.count, 1);
        seen heads = {.fail_at = 1};
        assert_int_equal (
            store->heads (store->ctx, NULL, 9, see_head, &heads, &why).code, BG_LIMIT);
        assert_int_equal (heads.count, 1);
    }
    assert_string_equal (why.message, "enough seen");
}

/*  ---- targets ----  */

static broker_target_record target_of (uint32_t number)
{
    return (broker_target_record){.number = number,
        .id = id_of ((uint8_t) number),
        .name = bg_slice_str ("db01"),
        .sign_key = key_of (0x11),
        .curve_key = key_of (0x22),
        .provisional = true,
        .membership_version = 5000000000,
        .membership_revision = 1,
        .membership_state = WIRE_DELIVERY_PENDING,
        .membership = bg_slice_str ("membership"),
        .membership_us = 12,
        .enlisted_by = bg_slice_str ("alice"),
        .enlisted_us = 13};
}

typedef struct {
    broker_target_record record;
    broker_target_marks marks;
    char zone[32];
    size_t count;
} seen_target;

static bg_result see_target (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err)
{
    (void) err;
    seen_target *self = visitor;
    self->record = *record;
    self->marks = *marks;
    assert_true (bg_slice_is (record->name, "db01"));
    assert_true (bg_slice_is (record->enlisted_by, "alice"));
    assert_true (bg_slice_is (record->membership, "membership"));
    (void) snprintf (self->zone, sizeof self->zone, "%.*s", BG_SLICE_ARG (marks->zone));
    self->count++;
    return bg_ok ();
}

static void a_target_is_replaced_without_its_marks (void **state)
{
    const broker_store *store = store_case_port (*state);
    broker_target_record record = target_of (4);
    OK (store->target_put (store->ctx, &record, err));
    seen_target got = {0};
    OK (store->targets (store->ctx, 0, 9, see_target, &got, err));
    assert_int_equal (got.count, 1);
    assert_true (bg_id_equal (got.record.id, record.id));
    assert_true (bg_key_equal (&got.record.sign_key, &record.sign_key));
    assert_true (bg_key_equal (&got.record.curve_key, &record.curve_key));
    assert_true (got.record.provisional);
    assert_false (got.record.key_cut);
    assert_int_equal (got.record.defected_us, 0);
    assert_true (got.record.membership_version == 5000000000);
    assert_true (bg_id_is_zero (got.marks.outbox) && bg_id_is_zero (got.marks.instance));
    assert_int_equal (got.marks.outbox_mark, 0);
    assert_int_equal (got.marks.last_poll_us, 0);
    assert_string_equal (got.zone, "");

    const broker_target_marks marks = {.outbox = id_of (9),
        .outbox_mark = 77,
        .boot_counter = 3,
        .instance = id_of (8),
        .zone = bg_slice_str ("Europe/Rome"),
        .version = bg_slice_str ("0.1.0"),
        .utc_offset_s = -3600,
        .last_poll_us = 1,
        .last_seen_us = 2,
        .clock_offset_us = -4};
    OK (store->target_marks (store->ctx, 4, &marks, err));
    record.defected_us = 99;
    record.key_cut = true;
    record.provisional = false;
    record.membership_state = WIRE_DELIVERY_APPLIED;
    OK (store->target_put (store->ctx, &record, err));
    OK (store->targets (store->ctx, 3, 9, see_target, &got, err));
    assert_int_equal (got.count, 2);
    assert_false (got.record.provisional);
    assert_true (got.record.key_cut);
    assert_int_equal (got.record.defected_us, 99);
    assert_int_equal (got.record.membership_state, WIRE_DELIVERY_APPLIED);
    assert_true (bg_id_equal (got.marks.outbox, marks.outbox));
    assert_true (bg_id_equal (got.marks.instance, marks.instance));
    assert_int_equal (got.marks.outbox_mark, 77);
    assert_int_equal (got.marks.boot_counter, 3);
    assert_string_equal (got.zone, "Europe/Rome");
    assert_int_equal (got.marks.utc_offset_s, -3600);
    assert_int_equal (got.marks.clock_offset_us, -4);
    OK (store->targets (store->ctx, 4, 9, see_target, &got, err));
    assert_int_equal (got.count, 2);
}

static void the_mark_of_an_outbox_is_kept_alone (void **state)
{
    const broker_store *store = store_case_port (*state);
    broker_target_record record = target_of (4);
    seen_target got = {0};
    OK (store->target_put (store->ctx, &record, err));
    const broker_target_marks all = {.outbox = id_of (9),
        .outbox_mark = 77,
        .boot_counter = 3,
        .zone = bg_slice_str ("Europe/Rome"),
        .last_poll_us = 1,
        .last_seen_us = 2};
    OK (store->target_marks (store->ctx, 4, &all, err));
    const broker_target_marks moved = {
        .outbox = id_of (9), .outbox_mark = 78, .boot_counter = 100, .last_seen_us = 5};
    OK (store->target_mark (store->ctx, 4, &moved, err));
    OK (store->targets (store->ctx, 0, 9, see_target, &got, err));
    assert_int_equal (got.count, 1);
    assert_true (bg_id_equal (got.marks.outbox, all.outbox));
    assert_int_equal (got.marks.outbox_mark, 78);
    assert_int_equal (got.marks.last_seen_us, 5);
    assert_int_equal (got.marks.boot_counter, 3);
    assert_int_equal (got.marks.last_poll_us, 1);
    assert_string_equal (got.zone, "Europe/Rome");
}

static void an_id_belongs_to_one_target (void **state)
{
    const broker_store *store = store_case_port (*state);
    broker_target_record record = target_of (1);
    OK (store->target_put (store->ctx, &record, err));
    record.number = 2;
    bg_error why = {0};
    assert_int_equal (store->target_put (store->ctx, &record, &why).code, BG_EXISTS);
    record.id = id_of (2); /*  a name may be there more than once  */
    OK (store->target_put (store->ctx, &record, err));
}

/*  ---- tokens ----  */

static void a_token_is_there_once_and_counts_its_uses (void **state)
{
    const broker_store *store = store_case_port (*state);
    BG_AUTO_ARENA arena = {0};
    const bg_key key = key_of (5);
    const broker_token_record record = {.token_key = key,
        .signed_bytes = bg_slice_str ("record"),
        .created_by = bg_slice_str ("alice"),
        .created_us = 1,
        .expires_us = 2,
        .uses = 3,
        .used = 0};
    broker_token_record got = {0};
    bool found = true;
    OK (store->token_get (store->ctx, &key, &arena, &got, &found, err));
    assert_false (found);
    OK (store->token_put (store->ctx, &record, err));
    bg_error why = {0};
    assert_int_equal (store->token_put (store->ctx, &record, &why).code, BG_EXISTS);
    OK (store->token_used (store->ctx, &key, 2, err));
    OK (store->token_get (store->ctx, &key, &arena, &got, &found, err));
    assert_true (found);
    assert_true (bg_key_equal (&got.token_key, &key));
    assert_true (bg_slice_is (got.signed_bytes, "record"));
    assert_true (bg_slice_is (got.created_by, "alice"));
    assert_int_equal (got.created_us, 1);
    assert_int_equal (got.expires_us, 2);
    assert_int_equal (got.uses, 3);
    assert_int_equal (got.used, 2);
}

/*  ---- the file ----  */

typedef struct {
    char *dir;
    char *path;
} place;

static int make_place (void **state)
{
    place *self = bg_alloc (sizeof *self);
    self->dir = temp_dir_make ();
    self->path = bg_path_join (self->dir, "broker.db");
    *state = self;
    return 0;
}

static int drop_place (void **state)
{
    place *self = *state;
    temp_dir_remove (&self->dir);
    free (self->path);
    free (self);
    return 0;
}

static void what_was_committed_is_there_after_opening_again (void **state)
{
    const place *at = *state;
    broker_db *db = NULL;
    OK (broker_db_open (at->path, &db, err));
    struct stat info;
    assert_int_equal (stat (at->path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    const broker_store *store = broker_db_port (db);
    OK (broker_db_begin (db, err));
    append (store, id_of (1), 100);
    OK (broker_db_commit (db, err));
    OK (broker_db_begin (db, err));
    append (store, id_of (1), 200);
    broker_db_rollback (db);
    OK (broker_db_begin (db, err));
    append (store, id_of (1), 300);
    broker_db_close (&db); /*  rolls back what is open  */
    assert_null (db);
    broker_db_close (&db);

    OK (broker_db_open (at->path, &db, err));
    OK (broker_db_check (db, err));
    store = broker_db_port (db);
    BG_AUTO_ARENA arena = {0};
    broker_document_record got = {0};
    bool found = false;
    OK (broker_db_begin (db, err));
    OK (store->document_get (store->ctx, id_of (1), 0, &arena, &got, &found, err));
    assert_true (found);
    check_document (&got, id_of (1), 100);
    broker_db_close (&db);
}

static void one_process_has_a_store_at_a_time (void **state)
{
    const place *at = *state;
    broker_db *first = NULL;
    broker_db *second = NULL;
    OK (broker_db_open (at->path, &first, err));
    bg_error why = {0};
    assert_int_equal (broker_db_open (at->path, &second, &why).code, BG_BUSY);
    assert_null (second);
    assert_non_null (strstr (why.message, "broker store"));
    broker_db_close (&first);
    OK (broker_db_open (at->path, &second, err));
    broker_db_close (&second);
}

static void make_other (const char *path, int32_t application_id, size_t migrations)
{
    static const char *const other[] = {"CREATE TABLE a (x INTEGER) STRICT",
        "CREATE TABLE b (x INTEGER) STRICT", "CREATE TABLE c (x INTEGER) STRICT",
        "CREATE TABLE d (x INTEGER) STRICT", "CREATE TABLE e (x INTEGER) STRICT",
        "CREATE TABLE f (x INTEGER) STRICT", "CREATE TABLE g (x INTEGER) STRICT",
        "CREATE TABLE h (x INTEGER) STRICT", "CREATE TABLE i (x INTEGER) STRICT",
        "CREATE TABLE j (x INTEGER) STRICT", "CREATE TABLE k (x INTEGER) STRICT",
        "CREATE TABLE l (x INTEGER) STRICT", "CREATE TABLE m (x INTEGER) STRICT",
        "CREATE TABLE n (x INTEGER) STRICT", "CREATE TABLE o (x INTEGER) STRICT"};
    const bg_db_options options = {.path = path,
        .what = "other store",
        .application_id = application_id,
        .migrations = other,
        .migration_count = migrations};
    bg_db *db = NULL;
    OK (bg_db_open (&options, &db, err));
    bg_db_close (&db);
}

static void a_store_of_another_kind_is_refused (void **state)
{
    const place *at = *state;
    make_other (at->path, 0x42474c4e, 1); /*  the node's  */
    broker_db *db = NULL;
    bg_error why = {0};
    assert_int_equal (broker_db_open (at->path, &db, &why).code, BG_FOREIGN_FILE);
    assert_null (db);
    assert_non_null (strstr (why.message, at->path));
    assert_non_null (strstr (why.message, "broker store"));
}

static void a_store_of_a_later_version_is_refused (void **state)
{
    const place *at = *state;
    make_other (at->path, 0x42474c42, 15); /*  ours, by its number, with more migrations  */
    broker_db *db = NULL;
    bg_error why = {0};
    assert_int_equal (broker_db_open (at->path, &db, &why).code, BG_TOO_NEW);
    assert_null (db);
    assert_non_null (strstr (why.message, at->path));
}

static void a_file_that_is_no_store_is_refused_and_left_alone (void **state)
{
    const place *at = *state;
    const char text[] = "these are somebody's notes, which are longer than a header of SQLite. "
                        "They have to be here still, to the letter, after we looked at them.";
    OK (bg_file_create (at->path, bg_slice_str (text), err));
    broker_db *db = NULL;
    bg_error why = {0};
    assert_int_equal (broker_db_open (at->path, &db, &why).code, BG_FOREIGN_FILE);
    BG_AUTO_BUF content = {0};
    OK (bg_file_read (at->path, 4096, &content, err));
    assert_string_equal (bg_buf_cstr (&content), text);
}

static void a_damaged_store_is_found_by_its_check (void **state)
{
    const place *at = *state;
    broker_db *db = NULL;
    OK (broker_db_open (at->path, &db, err));
    const broker_store *store = broker_db_port (db);
    OK (broker_db_begin (db, err));
    for (uint64_t version = 100; version < 40000; version += 100)
        append (store, id_of (1), version);
    OK (broker_db_commit (db, err));
    broker_db_close (&db);
    struct stat info;
    assert_int_equal (stat (at->path, &info), 0);
    FILE *file = fopen (at->path, "r+b");
    assert_non_null (file);
    assert_int_equal (fseek (file, (long) info.st_size - 3 * 4096, SEEK_SET), 0);
    for (int i = 0; i < 3 * 4096; i++)
        assert_int_not_equal (fputc (0xff, file), EOF);
    assert_int_equal (fclose (file), 0);
    bg_error why = {0};
    bg_result result = broker_db_open (at->path, &db, &why);
    if (bg_is_ok (result))
        result = broker_db_check (db, &why);
    assert_int_equal (result.code, BG_FOREIGN_FILE);
    assert_non_null (strstr (why.message, at->path));
    broker_db_close (&db);
}

/*  ---- a full disk ----  */

static bg_result append_big (broker_db *db, uint64_t version, bg_slice bytes, bg_error *err)
{
    const broker_store *store = broker_db_port (db);
    broker_document_record record = document_of (id_of (1), version);
    record.signed_bytes = bytes;
    BG_TRY (broker_db_begin (db, err));
    BG_TRY (store->document_append (store->ctx, &record, err));
    return broker_db_commit (db, err);
}

static void a_full_disk_is_said_and_passes (void **state)
{
    const place *at = *state;
    broker_db *db = NULL;
    OK (broker_db_open (at->path, &db, err));
    const size_t size = 200000;
    uint8_t *data = bg_alloc (size);
    memset (data, 'x', size);
    bg_slice bytes = bg_slice_of (data, size);
    OK (append_big (db, 100, bg_slice_str ("small"), err));
    broker_db_set_max_pages (db, broker_db_pages (db) + 3);
    for (int round = 0; round < 2; round++) { /*  it stays the same however often it is tried  */
        bg_error why = {0};
        assert_int_equal (append_big (db, 200, bytes, &why).code, BG_STORAGE_FULL);
        assert_non_null (strstr (why.message, at->path));
        broker_db_rollback (db);
    }
    const broker_store *store = broker_db_port (db);
    BG_AUTO_ARENA arena = {0};
    broker_document_record got = {0};
    bool found = false;
    OK (broker_db_begin (db, err)); /*  reading works meanwhile  */
    OK (store->document_get (store->ctx, id_of (1), 0, &arena, &got, &found, err));
    assert_true (found);
    assert_int_equal (got.version, 100);
    broker_db_rollback (db);
    broker_db_set_max_pages (db, 0);
    OK (append_big (db, 200, bytes, err));
    broker_db_close (&db);
    OK (broker_db_open (at->path, &db, err));
    OK (broker_db_check (db, err));
    store = broker_db_port (db);
    OK (broker_db_begin (db, err));
    OK (store->document_get (store->ctx, id_of (1), 200, &arena, &got, &found, err));
    assert_true (found);
    assert_true (bg_slice_equal (got.signed_bytes, bytes));
    broker_db_close (&db);
    free (data);
}

int main (void)
{
#define ON_DISK(name) cmocka_unit_test_setup_teardown (name, make_place, drop_place)
    const struct CMUnitTest tests[] = {
        STORE (a_counter_is_zero_until_it_is_set),
        STORE (every_version_of_a_document_is_kept),
        STORE (versions_come_in_ascending_pages),
        STORE (heads_are_the_newest_versions_with_their_deliveries),
        STORE (a_visitor_that_fails_ends_the_page),
        STORE (a_target_is_replaced_without_its_marks),
        STORE (the_mark_of_an_outbox_is_kept_alone),
        STORE (an_id_belongs_to_one_target),
        STORE (a_token_is_there_once_and_counts_its_uses),
        ON_DISK (what_was_committed_is_there_after_opening_again),
        ON_DISK (one_process_has_a_store_at_a_time),
        ON_DISK (a_store_of_another_kind_is_refused),
        ON_DISK (a_store_of_a_later_version_is_refused),
        ON_DISK (a_file_that_is_no_store_is_refused_and_left_alone),
        ON_DISK (a_damaged_store_is_found_by_its_check),
        ON_DISK (a_full_disk_is_said_and_passes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
