/*  The log of bugle-exec on disk: what was committed is there, what was torn is cut, what is
    damaged is refused.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node/exec/log_file.h"
#include "node/exec/run_file.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

static char *dir;
static char *path;
static bg_buf seen; /*  records, joined by |  */

static int setup (void **state)
{
    (void) state;
    dir = temp_dir_make ();
    path = bg_path_join (dir, "log");
    return 0;
}

static int teardown (void **state)
{
    (void) state;
    free (path);
    temp_dir_remove (&dir);
    bg_buf_fini (&seen);
    return 0;
}

static bg_result take (void *ctx, bg_slice record, bg_error *err)
{
    (void) ctx;
    (void) err;
    bg_buf_append_slice (&seen, record);
    bg_buf_append_byte (&seen, '|');
    return bg_ok ();
}

static exec_log_file *open_log (size_t *torn)
{
    exec_log_file *log = NULL;
    bg_error err = {0};
    bg_buf_clear (&seen);
    if (bg_failed (exec_log_open (path, take, NULL, &log, torn, &err)))
        fail_msg ("%s", err.message);
    return log;
}

static void add (exec_log_file *log, const char *text)
{
    exec_log_append (log, bg_slice_str (text));
}

static void committed_records_are_there_again (void **state)
{
    (void) state;
    size_t torn = 99;
    exec_log_file *log = open_log (&torn);
    add (log, "one");
    add (log, "two");
    assert_true (exec_log_has_pending (log));
    assert_true (bg_is_ok (exec_log_commit (log, NULL)));
    assert_false (exec_log_has_pending (log));
    add (log, "three");
    assert_true (bg_is_ok (exec_log_commit (log, NULL)));
    add (log, "lost");
    exec_log_close (&log);
    log = open_log (&torn);
    assert_int_equal (torn, 0);
    assert_string_equal (bg_buf_cstr (&seen), "one|two|three|");
    exec_log_close (&log);
}

/*  Cut at every byte: always a beginning of what was committed, in whole batches, and the log
    goes on from there.  */
static void a_torn_tail_is_cut_at_every_byte (void **state)
{
    (void) state;
    size_t torn = 0;
    exec_log_file *log = open_log (&torn);
    size_t ends[4];
    static const char *const batches[] = {"alpha", "beta", "gamma"};
    static const char *const expected[] = {"", "alpha|", "alpha|beta|", "alpha|beta|gamma|"};
    ends[0] = RECORD_MAGIC_BYTES;
    for (size_t i = 0; i < 3; i++) {
        add (log, batches[i]);
        assert_true (bg_is_ok (exec_log_commit (log, NULL)));
        ends[i + 1] = ends[i] + RECORD_FRAME_BYTES + 4 + strlen (batches[i]);
    }
    exec_log_close (&log);
    BG_AUTO_BUF whole = {0};
    assert_true (bg_is_ok (bg_file_read (path, 4096, &whole, NULL)));
    assert_int_equal (whole.size, ends[3]);
    for (int zeros = 0; zeros < 2; zeros++) {
        for (size_t cut = 0; cut <= whole.size; cut++) {
            BG_AUTO_BUF part = {0};
            bg_buf_append (&part, whole.data, cut);
            for (int i = 0; i < zeros * 20; i++)
                bg_buf_append_byte (&part, 0);
            assert_true (bg_is_ok (bg_file_replace (path, bg_buf_slice (&part), 0600, NULL)));
            size_t batch = 3;
            while (batch > 0 && ends[batch] > cut)
                batch--;
            /*  Zeros in place of the rest of a frame are a torn frame only when it is the last:
                its size says so.  */
            exec_log_file *again = NULL;
            bg_error err = {0};
            bg_buf_clear (&seen);
            bg_result result = exec_log_open (path, take, NULL, &again, &torn, &err);
            if (zeros && bg_failed (result)) {
                assert_int_equal (result.code, BG_FOREIGN_FILE);
                continue;
            }
            assert_true (bg_is_ok (result));
            assert_string_equal (bg_buf_cstr (&seen), expected[batch]);
            add (again, "more");
            assert_true (bg_is_ok (exec_log_commit (again, NULL)));
            exec_log_close (&again);
            again = open_log (&torn);
            assert_int_equal (torn, 0);
            assert_true (seen.size == strlen (expected[batch]) + 5);
            exec_log_close (&again);
        }
    }
}

static void damage_before_the_end_is_refused (void **state)
{
    (void) state;
    size_t torn = 0;
    exec_log_file *log = open_log (&torn);
    add (log, "one");
    assert_true (bg_is_ok (exec_log_commit (log, NULL)));
    add (log, "two");
    assert_true (bg_is_ok (exec_log_commit (log, NULL)));
    exec_log_close (&log);
    BG_AUTO_BUF bytes = {0};
    assert_true (bg_is_ok (bg_file_read (path, 4096, &bytes, NULL)));
    bytes.data[RECORD_MAGIC_BYTES + RECORD_FRAME_BYTES + 5] ^= 1;
    assert_true (bg_is_ok (bg_file_replace (path, bg_buf_slice (&bytes), 0600, NULL)));
    bg_error err = {0};
    assert_int_equal (exec_log_open (path, take, NULL, &log, &torn, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.message, "damaged at byte 16"));
    assert_non_null (strstr (err.hint, "move"));
}

static void foreign_and_open_files_are_refused (void **state)
{
    (void) state;
    bg_error err = {0};
    size_t torn = 0;
    exec_log_file *log = NULL;
    bg_slice text = bg_slice_str ("this is somebody's letter");
    assert_true (bg_is_ok (bg_file_replace (path, text, 0600, NULL)));
    assert_int_equal (exec_log_open (path, take, NULL, &log, &torn, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.message, "is not a log of bugle-exec"));
    BG_AUTO_BUF left = {0};
    assert_true (bg_is_ok (bg_file_read (path, 4096, &left, NULL)));
    assert_true (bg_slice_equal (bg_buf_slice (&left), text));
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_of ("", 0), 0644, NULL)));
    assert_int_equal (exec_log_open (path, take, NULL, &log, &torn, &err).code, BG_FOREIGN_FILE);
}

static void compaction_replaces_the_file (void **state)
{
    (void) state;
    size_t torn = 0;
    exec_log_file *log = open_log (&torn);
    static char large[4096];
    memset (large, 'x', sizeof large - 1);
    while (!exec_log_is_long (log)) {
        add (log, large);
        assert_true (bg_is_ok (exec_log_commit (log, NULL)));
    }
    BG_AUTO_BUF payload = {0};
    exec_record_add (&payload, bg_slice_str ("all of it"));
    assert_true (bg_is_ok (exec_log_replace (log, &payload, NULL)));
    assert_false (exec_log_is_long (log));
    add (log, "next");
    assert_true (bg_is_ok (exec_log_commit (log, NULL)));
    exec_log_close (&log);
    log = open_log (&torn);
    assert_string_equal (bg_buf_cstr (&seen), "all of it|next|");
    exec_log_close (&log);
}

static void run_files_tell_who_holds_them (void **state)
{
    (void) state;
    bg_id run = {{1, 2, 3}};
    int fd = -1;
    BG_AUTO_ARENA arena = {0};
    run_file file;
    run_file_look (dir, run, &arena, &file);
    assert_false (file.is_alive);
    assert_int_equal (file.count, 0);
    assert_true (bg_is_ok (run_file_create (dir, run, bg_slice_str ("plan"), &fd, NULL)));
    run_file_look (dir, run, &arena, &file);
    assert_true (file.is_alive);
    assert_int_equal (file.count, 1);
    assert_true (bg_slice_is (file.records[0], "plan"));
    int again = -1;
    assert_true (bg_failed (run_file_create (dir, run, bg_slice_str ("plan"), &again, NULL)));
    bg_fd_close (&fd);
    run_file_look (dir, run, &arena, &file);
    assert_false (file.is_alive);
    assert_int_equal (file.count, 1);
}

static bool nobody (void *ctx, bg_id run)
{
    (void) ctx;
    (void) run;
    return false;
}

static void the_sweep_leaves_held_files_and_fresh_output (void **state)
{
    (void) state;
    bg_id held = {{1}};
    bg_id left = {{2}};
    int held_fd = -1;
    int left_fd = -1;
    assert_true (bg_is_ok (run_file_create (dir, held, bg_slice_str ("plan"), &held_fd, NULL)));
    assert_true (bg_is_ok (run_file_create (dir, left, bg_slice_str ("plan"), &left_fd, NULL)));
    bg_fd_close (&left_fd);
    BG_AUTO_CHAR output = run_file_path (dir, left, "1.out");
    assert_true (bg_is_ok (bg_file_create (output, bg_slice_str ("hello"), NULL)));
    int64_t now_us = (int64_t) time (NULL) * 1000000;
    run_file_sweep (dir, now_us, nobody, NULL);
    BG_AUTO_CHAR held_path = run_file_path (dir, held, "run");
    BG_AUTO_CHAR left_path = run_file_path (dir, left, "run");
    assert_true (bg_path_exists (held_path));
    assert_false (bg_path_exists (left_path));
    assert_true (bg_path_exists (output));
    run_file_sweep (dir, now_us + RUN_OUTPUT_KEEP_US + 60000000, nobody, NULL);
    assert_false (bg_path_exists (output));
    bg_fd_close (&held_fd);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (committed_records_are_there_again),
        CASE (a_torn_tail_is_cut_at_every_byte),
        CASE (damage_before_the_end_is_refused),
        CASE (foreign_and_open_files_are_refused),
        CASE (compaction_replaces_the_file),
        CASE (run_files_tell_who_holds_them),
        CASE (the_sweep_leaves_held_files_and_fresh_output),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
