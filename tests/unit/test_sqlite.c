/*  The SQLite helper: settings, migrations, refusal of what is not ours, and a disk that is full.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/sqlite.h"
#include "tests/unit/temp_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define APP_ID 0x42474c54

#define FIRST                                                                                      \
    "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB, number INTEGER) "     \
    "STRICT"

static const char *const migrations[] = {
    FIRST,
    "CREATE TABLE other (id INTEGER PRIMARY KEY) STRICT; INSERT INTO other VALUES (7)",
    "CREATE TABLE third (id INTEGER PRIMARY KEY REFERENCES other) STRICT",
};

static const char insert_sql[] = "INSERT INTO item (name, data, number) VALUES (?1, ?2, ?3)";
static const char count_sql[] = "SELECT count(*) FROM item";

static bg_result open_store (const char *path, size_t count, bg_db **db, bg_error *err)
{
    bg_db_options options = {.path = path,
        .what = "test store",
        .application_id = APP_ID,
        .migrations = migrations,
        .migration_count = count};
    return bg_db_open (&options, db, err);
}

static bg_db *must_open (const char *path, size_t count)
{
    bg_db *db = NULL;
    bg_error err = {0};
    bg_result result = open_store (path, count, &db, &err);
    if (bg_failed (result))
        print_error ("%s\n", err.message);
    assert_true (bg_is_ok (result));
    return db;
}

static bg_result insert (bg_db *db, const char *name, bg_slice data, int64_t number, bg_error *err)
{
    bg_stmt *q = bg_db_query (db, insert_sql);
    bg_bind_str (q, 1, name);
    bg_bind_blob (q, 2, data);
    bg_bind_i64 (q, 3, number);
    return bg_stmt_run (q, err);
}

static int64_t number_of (bg_db *db, const char *sql)
{
    bool row = false;
    bg_stmt *q = bg_db_query (db, sql);
    assert_true (bg_is_ok (bg_stmt_step (q, &row, NULL)));
    assert_true (row);
    int64_t number = bg_column_i64 (q, 0);
    bg_stmt_reset (q);
    return number;
}

static void assert_text (bg_db *db, const char *sql, const char *text)
{
    bool row = false;
    bg_stmt *q = bg_db_query (db, sql);
    assert_true (bg_is_ok (bg_stmt_step (q, &row, NULL)));
    assert_true (row);
    assert_true (bg_slice_is (bg_column_text (q, 0), text));
    bg_stmt_reset (q);
}

static void test_values_come_back (void **state)
{
    (void) state;
    bg_db *db = must_open (":memory:", 3);
    bg_error err = {0};
    bool row = false;
    assert_true (bg_is_ok (insert (db, "one", bg_slice_of ("a\0b", 3), INT64_MIN, &err)));
    assert_int_equal (bg_db_changes (db), 1);
    assert_int_equal (bg_db_last_row (db), 1);
    assert_true (bg_is_ok (insert (db, NULL, bg_slice_of (NULL, 0), 0, &err)));
    bg_stmt *q = bg_db_query (db, "SELECT name, data, number FROM item ORDER BY id");
    assert_true (bg_is_ok (bg_stmt_step (q, &row, &err)));
    assert_true (row);
    assert_true (bg_slice_is (bg_column_text (q, 0), "one"));
    assert_true (bg_slice_equal (bg_column_blob (q, 1), bg_slice_of ("a\0b", 3)));
    assert_true (bg_column_i64 (q, 2) == INT64_MIN);
    assert_true (bg_is_ok (bg_stmt_step (q, &row, &err)));
    assert_true (row);
    assert_true (bg_column_is_null (q, 0));
    assert_int_equal (bg_column_text (q, 0).size, 0);
    assert_false (bg_column_is_null (q, 1)); /*  no bytes are not NULL  */
    assert_int_equal (bg_column_blob (q, 1).size, 0);
    assert_true (bg_is_ok (bg_stmt_step (q, &row, &err)));
    assert_false (row);
    /*  What was bound before is forgotten.  */
    q = bg_db_query (db, insert_sql);
    bg_bind_text (q, 1, bg_slice_str ("three"));
    assert_true (bg_is_ok (bg_stmt_run (q, &err)));
    assert_int_equal (number_of (db, "SELECT number IS NULL FROM item WHERE name = 'three'"), 1);
    assert_int_equal (insert (db, "one", bg_slice_str (""), 0, &err).code, BG_EXISTS);
    assert_true (bg_failed (bg_db_exec (db, "INSERT INTO third VALUES (1)", &err)));
    assert_int_equal (err.code, BG_STORE);
    bg_db_close (&db);
    bg_db_close (&db);
}

static void test_settings (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db *db = must_open (path, 1);
    struct stat info;
    assert_text (db, "PRAGMA journal_mode", "wal");
    assert_text (db, "PRAGMA locking_mode", "exclusive");
    assert_int_equal (number_of (db, "PRAGMA synchronous"), 2);
    assert_int_equal (number_of (db, "PRAGMA trusted_schema"), 0);
    assert_int_equal (number_of (db, "PRAGMA cell_size_check"), 1);
    assert_int_equal (number_of (db, "PRAGMA mmap_size"), 0);
    assert_int_equal (number_of (db, "PRAGMA secure_delete"), 0);
    assert_int_equal (number_of (db, "PRAGMA busy_timeout"), 0);
    assert_int_equal (number_of (db, "PRAGMA application_id"), APP_ID);
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    BG_AUTO_CHAR wal = bg_strdup_printf ("%s-wal", path);
    BG_AUTO_CHAR shm = bg_strdup_printf ("%s-shm", path);
    assert_int_equal (stat (wal, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    assert_false (bg_path_exists (shm));
    assert_true (bg_is_ok (bg_db_check (db, NULL)));
    assert_true (bg_is_ok (bg_db_checkpoint (db, NULL)));
    bg_db_close (&db);
    assert_false (bg_path_exists (wal));
}

static void test_migrations_run_once (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db *db = must_open (path, 1);
    assert_int_equal (number_of (db, "PRAGMA user_version"), 1);
    assert_true (bg_is_ok (insert (db, "kept", bg_slice_str (""), 1, NULL)));
    bg_db_close (&db);
    for (int i = 0; i < 2; i++) {
        db = must_open (path, 3);
        assert_int_equal (number_of (db, "PRAGMA user_version"), 3);
        assert_int_equal (number_of (db, "SELECT count(*) FROM other"), 1);
        assert_int_equal (number_of (db, count_sql), 1);
        bg_db_close (&db);
    }
    bg_error err = {0};
    assert_int_equal (open_store (path, 2, &db, &err).code, BG_TOO_NEW);
    assert_null (db);
    assert_non_null (strstr (err.message, "format 3"));
    assert_non_null (strstr (err.hint, "version"));
}

static void test_failed_migration_leaves_the_old_format (void **state)
{
    static const char *const broken[] = {FIRST, "CREATE TABLE half (id INTEGER); INSERT INTO half "
                                                "VALUES (1); INSERT INTO nowhere VALUES (1)"};
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db_options options = {.path = path,
        .what = "test store",
        .application_id = APP_ID,
        .migrations = broken,
        .migration_count = 2};
    bg_db *db = NULL;
    bg_error err = {0};
    assert_int_equal (bg_db_open (&options, &db, &err).code, BG_STORE);
    assert_non_null (strstr (err.message, "format 2"));
    db = must_open (path, 1);
    assert_int_equal (number_of (db, "PRAGMA user_version"), 1);
    assert_int_equal (number_of (db, "SELECT count(*) FROM sqlite_master WHERE name = 'half'"), 0);
    bg_db_close (&db);
}

static void write_file (const char *path, const void *bytes, size_t size)
{
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_of (bytes, size), 0600, NULL)));
}

static void test_foreign_files (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db *db = NULL;
    bg_error err = {0};
    char garbage[4096];
    memset (garbage, 'g', sizeof garbage);
    write_file (path, garbage, sizeof garbage);
    assert_int_equal (open_store (path, 1, &db, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.message, path));
    assert_non_null (strstr (err.hint, "move it away"));
    BG_AUTO_BUF still = {0};
    assert_true (bg_is_ok (bg_file_read (path, sizeof garbage, &still, NULL)));
    assert_memory_equal (still.data, garbage, sizeof garbage);

    BG_AUTO_CHAR other = bg_path_join (*state, "other");
    bg_db_options options = {.path = other,
        .what = "other store",
        .application_id = 99,
        .migrations = migrations,
        .migration_count = 1};
    assert_true (bg_is_ok (bg_db_open (&options, &db, &err)));
    bg_db_close (&db);
    assert_int_equal (open_store (other, 1, &db, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.message, "not a test store"));
    assert_int_equal (chmod (other, 0644), 0);
    assert_int_equal (bg_db_open (&options, &db, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.hint, "chmod"));
    BG_AUTO_CHAR missing = bg_path_join (*state, "no/store");
    assert_int_equal (open_store (missing, 1, &db, &err).code, BG_STORE);
    assert_null (db);
}

static void test_damage_is_found (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db *db = must_open (path, 1);
    bg_error err = {0};
    char data[2000];
    memset (data, 'd', sizeof data);
    for (int i = 0; i < 200; i++)
        assert_true (bg_is_ok (insert (db, NULL, bg_slice_of (data, sizeof data), i, &err)));
    bg_db_close (&db);
    BG_AUTO_BUF content = {0};
    assert_true (bg_is_ok (bg_file_read (path, 1 << 22, &content, &err)));
    assert_true (content.size > (size_t) 40 * 4096);
    memset (content.data + (size_t) 2 * 4096, 0xee, (size_t) 30 * 4096);
    write_file (path, content.data, content.size);
    if (bg_is_ok (open_store (path, 1, &db, &err))) {
        assert_int_equal (bg_db_check (db, &err).code, BG_FOREIGN_FILE);
        bg_db_close (&db);
    }
    assert_int_equal (err.code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.hint, "backup"));
}

static void test_second_process_is_refused (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db *db = must_open (path, 1);
    int status = 0;
    pid_t child = fork ();
    assert_true (child >= 0);
    if (child == 0) {
        bg_db *second = NULL;
        _exit (open_store (path, 1, &second, NULL).code == BG_BUSY ? 0 : 1);
    }
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_int_equal (status, 0);
    bg_db_close (&db);
}

static void test_rollback_forgets (void **state)
{
    (void) state;
    bg_db *db = must_open (":memory:", 1);
    bg_error err = {0};
    bool row = false;
    assert_true (bg_is_ok (bg_db_begin (db, &err)));
    assert_true (bg_db_in_transaction (db));
    assert_true (bg_is_ok (insert (db, "gone", bg_slice_str (""), 1, &err)));
    bg_stmt *open_rows = bg_db_query (db, "SELECT id FROM item");
    assert_true (bg_is_ok (bg_stmt_step (open_rows, &row, &err)));
    bg_db_rollback (db);
    assert_false (bg_db_in_transaction (db));
    assert_int_equal (number_of (db, count_sql), 0);
    bg_db_rollback (db);
    assert_true (bg_is_ok (bg_db_begin (db, &err)));
    assert_true (bg_is_ok (insert (db, "kept", bg_slice_str (""), 1, &err)));
    assert_true (bg_is_ok (bg_db_commit (db, &err)));
    assert_int_equal (number_of (db, count_sql), 1);
    bg_db_close (&db);
}

/*  A full disk takes no acknowledged row away, keeps reads going, and passes when there is space.
 */
static void test_full_disk_and_recovery (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    bg_db *db = must_open (path, 1);
    bg_error err = {0};
    char data[3000];
    memset (data, 'd', sizeof data);
    bg_db_set_max_pages (db, bg_db_pages (db) + 20);
    int64_t committed = 0;
    bg_result result = bg_ok ();
    while (bg_is_ok (result) && committed < 1000) {
        assert_true (bg_is_ok (bg_db_begin (db, &err)));
        result = insert (db, NULL, bg_slice_of (data, sizeof data), committed, &err);
        if (bg_is_ok (result))
            result = bg_db_commit (db, &err);
        if (bg_is_ok (result))
            committed++;
    }
    assert_int_equal (result.code, BG_STORAGE_FULL);
    assert_non_null (strstr (err.hint, "space"));
    bg_db_rollback (db);
    assert_true (committed > 5 && committed < 100);
    assert_int_equal (number_of (db, count_sql), committed);
    bg_db_set_max_pages (db, 0);
    assert_true (bg_is_ok (bg_db_begin (db, &err)));
    assert_true (bg_is_ok (insert (db, NULL, bg_slice_of (data, sizeof data), 0, &err)));
    assert_true (bg_is_ok (bg_db_commit (db, &err)));
    bg_db_close (&db);
    db = must_open (path, 1);
    assert_int_equal (number_of (db, count_sql), committed + 1);
    bg_db_close (&db);
}

/*  SQLite rolls back by itself on some failures; a commit that follows must not claim success.  */
static void test_commit_after_own_rollback (void **state)
{
    (void) state;
    bg_db *db = must_open (":memory:", 1);
    bg_error err = {0};
    assert_true (bg_is_ok (bg_db_begin (db, &err)));
    assert_true (bg_is_ok (insert (db, "x", bg_slice_str (""), 1, &err)));
    assert_true (
        bg_failed (bg_db_exec (db, "INSERT OR ROLLBACK INTO item (name) VALUES ('x')", &err)));
    assert_int_equal (err.code, BG_EXISTS);
    assert_int_equal (bg_db_commit (db, &err).code, BG_STORE);
    assert_int_equal (number_of (db, count_sql), 0);
    bg_db_close (&db);
}

/*  A crash after the commit loses nothing, one before it leaves nothing.  */
static void test_killed_process (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    int status = 0;
    pid_t child = fork ();
    assert_true (child >= 0);
    if (child == 0) {
        bg_db *db = NULL;
        bool is_good = bg_is_ok (open_store (path, 1, &db, NULL)) &&
                       bg_is_ok (bg_db_begin (db, NULL)) &&
                       bg_is_ok (insert (db, "committed", bg_slice_str (""), 1, NULL)) &&
                       bg_is_ok (bg_db_commit (db, NULL)) && bg_is_ok (bg_db_begin (db, NULL)) &&
                       bg_is_ok (insert (db, "lost", bg_slice_str (""), 1, NULL));
        _exit (is_good ? 0 : 1);
    }
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_int_equal (status, 0);
    bg_db *db = must_open (path, 1);
    assert_text (db, "SELECT group_concat(name) FROM item", "committed");
    bg_db_close (&db);
}

/*  A store keeps the pages it was made with, whatever a later program asks for.  */
static void test_page_size_is_the_first_one (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "store");
    const uint32_t asked[] = {1024, 0, 8192};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const bg_db_options options = {.path = path,
            .what = "test store",
            .application_id = APP_ID,
            .migrations = migrations,
            .migration_count = 1,
            .page_bytes = asked[i]};
        bg_db *db = NULL;
        assert_true (bg_is_ok (bg_db_open (&options, &db, NULL)));
        assert_int_equal (number_of (db, "PRAGMA page_size"), 1024);
        assert_true (bg_is_ok (insert (db, NULL, bg_slice_str ("data"), 1, NULL)));
        assert_int_equal (number_of (db, count_sql), i + 1);
        bg_db_close (&db);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
#define WITH_DIR(name) cmocka_unit_test_setup_teardown (name, temp_dir_setup, temp_dir_teardown)
        cmocka_unit_test (test_values_come_back),
        WITH_DIR (test_settings),
        WITH_DIR (test_migrations_run_once),
        WITH_DIR (test_failed_migration_leaves_the_old_format),
        WITH_DIR (test_foreign_files),
        WITH_DIR (test_damage_is_found),
        WITH_DIR (test_second_process_is_refused),
        cmocka_unit_test (test_rollback_forgets),
        WITH_DIR (test_full_disk_and_recovery),
        cmocka_unit_test (test_commit_after_own_rollback),
        WITH_DIR (test_killed_process),
        WITH_DIR (test_page_size_is_the_first_one),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
