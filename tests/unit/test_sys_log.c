/*  The log: form of a line, what it does to values from outside, and its limit.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/file.h"
#include "common/sys/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    int read_fd, write_fd;
} pipe_pair;

static pipe_pair make_pipe (void)
{
    int fds[2];
    assert_int_equal (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), 0);
    return (pipe_pair){fds[0], fds[1]};
}

/*  Closes the writing end and returns all that was written.  */
static char *read_all (pipe_pair *pipe)
{
    BG_AUTO_BUF text = {0};
    bg_fd_close (&pipe->write_fd);
    assert_true (bg_is_ok (bg_fd_read (pipe->read_fd, "log", 1 << 20, &text, NULL)));
    bg_fd_close (&pipe->read_fd);
    return bg_slice_dup (bg_buf_slice (&text));
}

static size_t count_of (const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = strstr (text, word); at; at = strstr (at + 1, word))
        count++;
    return count;
}

static void test_plain_line (void **state)
{
    (void) state;
    pipe_pair pipe = make_pipe ();
    bg_log *log = bg_log_create ("core", pipe.write_fd, BG_LOG_PLAIN);
    bg_log_event (log, BG_LOG_INFO, "target-enlisted", "target=%s number=%d", "db01", 17);
    bg_log_event (log, BG_LOG_DEBUG, "unseen", "x=1");
    bg_log_event (log, BG_LOG_ERROR, "bare", "%s", "");
    bg_log_destroy (&log);
    BG_AUTO_CHAR text = read_all (&pipe);
    assert_int_equal (text[10], 'T');
    assert_int_equal (text[23], 'Z');
    assert_non_null (strstr (text, "Z info core target-enlisted target=db01 number=17\n"));
    assert_non_null (strstr (text, "Z error core bare\n"));
    assert_null (strstr (text, "unseen"));
}

static void test_json_line (void **state)
{
    (void) state;
    pipe_pair pipe = make_pipe ();
    bg_log *log = bg_log_create ("front", pipe.write_fd, BG_LOG_JSON);
    bg_log_event (log, BG_LOG_WARNING, "refused", "peer=%s why=%s count=%d and more", "abc",
        bg_log_cstr ("said \"no\" = never\\").text, 2);
    bg_log_destroy (&log);
    BG_AUTO_CHAR text = read_all (&pipe);
    assert_non_null (strstr (text,
        "\"level\":\"warning\",\"part\":\"front\",\"event\":\"refused\",\"peer\":\"abc\","
        "\"why\":\"said \\\"no\\\" = never\\\\\",\"count\":\"2\",\"text\":\"and more\"}\n"));
    assert_memory_equal (text, "{\"time\":\"2", 10);
}

static void test_failure_line (void **state)
{
    (void) state;
    pipe_pair pipe = make_pipe ();
    bg_log *log = bg_log_create ("core", pipe.write_fd, BG_LOG_PLAIN);
    bg_error err = {0};
    bg_ignore (bg_fail (&err, BG_STORAGE_FULL, "no space left"));
    bg_ignore (bg_hint (&err, "make some"));
    bg_log_failure (log, BG_LOG_ERROR, "commit-failed", &err, "rows=%d", 3);
    bg_log_destroy (&log);
    BG_AUTO_CHAR text = read_all (&pipe);
    assert_non_null (strstr (text,
        "commit-failed rows=3 code=storage-full reason=\"no space left\" hint=\"make some\"\n"));
}

static void test_values_from_outside (void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain", "plain"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"k=v", "\"k=v\""},
        {"a\nb\x1b[31m", "\"a\\x0ab\\x1b[31m\""},
        {"quo\"te\\", "\"quo\\\"te\\\\\""},
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {"bad\xff", "\"bad\\xff\""},
        {"c1\xc2\x9b", "\"c1\\xc2\\x9b\""},
    };
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal (bg_log_cstr (rows[i].in).text, rows[i].out);
    char longer[1000];
    memset (longer, '"', sizeof longer);
    bg_log_string cut = bg_log_value (bg_slice_of (longer, sizeof longer));
    assert_true (strlen (cut.text) <= 210);
    assert_string_equal (cut.text + strlen (cut.text) - 4, "...\"");
    memset (longer, 1, sizeof longer);
    cut = bg_log_value (bg_slice_of (longer, sizeof longer));
    assert_true (strlen (cut.text) <= 210);
}

static void test_lines_stay_lines (void **state)
{
    static const bg_log_format formats[] = {BG_LOG_PLAIN, BG_LOG_JSON};
    (void) state;
    for (size_t i = 0; i < 2; i++) {
        pipe_pair pipe = make_pipe ();
        bg_log *log = bg_log_create ("core", pipe.write_fd, formats[i]);
        char longer[5000];
        memset (longer, '\\', sizeof longer);
        longer[sizeof longer - 1] = 0;
        bg_log_event (log, BG_LOG_INFO, "raw", "text=%s", "a\nb\tc\x1b");
        bg_log_event (log, BG_LOG_INFO, "long", "text=%s", longer);
        bg_log_event (log, BG_LOG_INFO, "long", "%s", longer);
        bg_log_destroy (&log);
        BG_AUTO_CHAR text = read_all (&pipe);
        assert_int_equal (count_of (text, "\n"), 3);
        assert_null (strchr (text, '\x1b'));
        assert_true (strlen (text) <= (size_t) 3 * 2048);
        if (formats[i] == BG_LOG_JSON)
            assert_int_equal (count_of (text, "}\n"), 3);
    }
}

static void test_limit_per_event (void **state)
{
    (void) state;
    pipe_pair pipe = make_pipe ();
    bg_log *log = bg_log_create ("front", pipe.write_fd, BG_LOG_PLAIN);
    for (int i = 0; i < BG_LOG_BURST + 25; i++)
        bg_log_event (log, BG_LOG_WARNING, "garbage", "n=%d", i);
    bg_log_event (log, BG_LOG_INFO, "other", "still=heard");
    bg_log_tick (log);
    bg_log_destroy (&log);
    BG_AUTO_CHAR text = read_all (&pipe);
    assert_int_equal (count_of (text, "garbage n="), BG_LOG_BURST);
    assert_int_equal (count_of (text, "still=heard"), 1);
    assert_int_equal (count_of (text, "notice front garbage suppressed=25\n"), 1);
}

static void test_many_events (void **state)
{
    (void) state;
    pipe_pair pipe = make_pipe ();
    bg_log *log = bg_log_create ("core", pipe.write_fd, BG_LOG_PLAIN);
    char *words[100];
    for (int i = 0; i < 100; i++) {
        words[i] = bg_strdup_printf ("event-%d", i);
        bg_log_event (log, BG_LOG_INFO, words[i], "x=1");
    }
    bg_log_destroy (&log);
    BG_AUTO_CHAR text = read_all (&pipe);
    assert_true (count_of (text, "x=1\n") >= 64);
    for (int i = 0; i < 100; i++)
        free (words[i]);
}

static void test_journal_prefix (void **state)
{
    (void) state;
    pipe_pair pipe = make_pipe ();
    struct stat info;
    char stream[64];
    assert_int_equal (fstat (pipe.write_fd, &info), 0);
    (void) snprintf (stream, sizeof stream, "%llu:%llu", (unsigned long long) info.st_dev,
        (unsigned long long) info.st_ino);
    assert_int_equal (setenv ("JOURNAL_STREAM", stream, 1), 0);
    bg_log *log = bg_log_create ("core", pipe.write_fd, BG_LOG_PLAIN);
    assert_int_equal (unsetenv ("JOURNAL_STREAM"), 0);
    bg_log_event (log, BG_LOG_INFO, "ready", "port=%d", 7411);
    bg_log_event (log, BG_LOG_ERROR, "broken", "why=no");
    bg_log_destroy (&log);
    BG_AUTO_CHAR text = read_all (&pipe);
    assert_string_equal (text, "<6>core ready port=7411\n<3>core broken why=no\n");
}

static void test_levels_and_silence (void **state)
{
    (void) state;
    bg_log_level level;
    bg_error err = {0};
    assert_true (bg_is_ok (bg_log_parse_level ("debug", &level, &err)));
    assert_int_equal (level, BG_LOG_DEBUG);
    assert_int_equal (bg_log_parse_level ("loud", &level, &err).code, BG_INVALID);
    bg_log_event (NULL, BG_LOG_ERROR, "nobody", "hears=this");
    bg_log_tick (NULL);
    assert_false (bg_log_wants (NULL, BG_LOG_ERROR));
    int nowhere = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    bg_log *log = bg_log_create ("core", nowhere, BG_LOG_PLAIN);
    bg_log_set_level (log, BG_LOG_ERROR);
    assert_false (bg_log_wants (log, BG_LOG_WARNING));
    bg_log_event (log, BG_LOG_ERROR, "lost", "x=1");
    bg_log_destroy (&log);
    assert_null (log);
    bg_fd_close (&nowhere);
}

/*  Would hang for ever if a line waited for its reader.  */
static void test_a_reader_that_stops_stops_nobody (void **state)
{
    (void) state;
    int fds[2];
    assert_int_equal (pipe2 (fds, O_CLOEXEC), 0);
    assert_true (fcntl (fds[1], F_SETPIPE_SZ, 16384) == 16384);
    bg_log *log = bg_log_create ("core", fds[1], BG_LOG_PLAIN);
    char many[1500];
    memset (many, 'x', sizeof many - 1);
    many[sizeof many - 1] = 0;
    for (int i = 0; i < BG_LOG_BURST; i++)
        bg_log_event (log, BG_LOG_INFO, "filling", "%s", many);
    char room[32768];
    assert_true (read (fds[0], room, sizeof room) > 0);
    bg_log_event (log, BG_LOG_INFO, "after", "x=1");
    bg_log_destroy (&log);
    pipe_pair rest = {fds[0], fds[1]};
    BG_AUTO_CHAR text = read_all (&rest);
    const char *lost = strstr (text, "warning core log-lost lines=");
    assert_non_null (lost);
    assert_in_range (
        strtol (lost + strlen ("warning core log-lost lines="), NULL, 10), 1, BG_LOG_BURST - 1);
    assert_non_null (strstr (lost, "info core after x=1\n"));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_plain_line),
        cmocka_unit_test (test_json_line),
        cmocka_unit_test (test_failure_line),
        cmocka_unit_test (test_values_from_outside),
        cmocka_unit_test (test_lines_stay_lines),
        cmocka_unit_test (test_limit_per_event),
        cmocka_unit_test (test_many_events),
        cmocka_unit_test (test_journal_prefix),
        cmocka_unit_test (test_levels_and_silence),
        cmocka_unit_test (test_a_reader_that_stops_stops_nobody),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
