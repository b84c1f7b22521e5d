/*  Calendars from iCalendar files: starts bugle-ics, gives it the file, believes nothing that comes back unless it has the
    form that ics.h promises. See ctl/ics/main.c for the lines.  */
#include "ctl/ics.h"

#include "common/job/civil.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READER       "bugle-ics"
#define TIME_MAX_MS  10000
#define ANSWER_MAX   (2 * 1024 * 1024)
#define RANGES_MAX   10240 /*  of each clock, as the wire allows  */
#define RANGE_BYTES  16
#define SOURCE_MAX   256
#define SECOND_US    INT64_C (1000000)
#define CHUNK        65536
#define PEOPLE_LINES 5 /*  lines named in the hint  */

typedef struct {
    const char *path;
    int64_t from_days, until_days;
} question;

/*  ---- the child ----  */

/*  Its environment is empty but for where zone files are.  */
static bg_result start (const question *ask, int file, int answer, bg_process *child, bg_error *err)
{
    char from[24];
    char until[24];
    (void) snprintf (from, sizeof from, "%lld", (long long) ask->from_days);
    (void) snprintf (until, sizeof until, "%lld", (long long) ask->until_days);
    const char *zones = getenv ("TZDIR");
    BG_AUTO_CHAR where = bg_strdup_printf ("TZDIR=%s", zones ? zones : "");
    const char *const argv[] = {READER, from, until, NULL};
    const char *const envp[] = {zones ? where : NULL, NULL};
    BG_AUTO_FD nothing = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing < 0)
        return bg_fail_errno (err, BG_IO, "cannot open /dev/null");
    const bg_spawn_fd fds[] = {{file, 0}, {answer, 1}, {nothing, 2}};
    const bg_spawn spawn = {.path = READER,
        .argv = argv,
        .envp = envp,
        .cwd = "/",
        .fds = fds,
        .fd_count = 3,
        .new_session = true};
    return bg_process_spawn (&spawn, child, err);
}

static bg_result fail_slow (const char *path, bg_error *err)
{
    bg_ignore (
        bg_fail (err, BG_TIMEOUT, "%s: reading it took more than %d s", path, TIME_MAX_MS / 1000));
    return bg_hint (err, "fewer years, or fewer repeating events, take less");
}

/*  All of the answer, until the pipe is closed or time is up.  */
static bg_result take_answer (
    const char *path, int from, int64_t deadline_us, bg_buf *answer, bg_error *err)
{
    for (;;) {
        int64_t left_ms = (deadline_us - bg_clock_mono_us ()) / 1000;
        struct pollfd item = {.fd = from, .events = POLLIN};
        int ready = left_ms <= 0 ? 0 : poll (&item, 1, (int) left_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return bg_fail_errno (err, BG_IO, "cannot wait for %s", READER);
        if (ready == 0)
            return fail_slow (path, err);
        ssize_t size = read (from, bg_buf_reserve (answer, CHUNK), CHUNK);
        if (size < 0 && errno != EINTR)
            return bg_fail_errno (err, BG_IO, "cannot read from %s", READER);
        if (size == 0)
            return bg_ok ();
        answer->size += size > 0 ? (size_t) size : 0;
        if (answer->size > ANSWER_MAX)
            return bg_fail (err, BG_TOO_LARGE,
                "%s: it comes to more ranges than a calendar holds (%d)", path, RANGES_MAX);
    }
}

/*  How it ended, in a sentence of its own when it was not well.  */
static bg_result judge_end (const char *path, bg_exit end, bg_error *err)
{
    if (!end.is_signal && end.value == 0)
        return bg_ok ();
    if (end.is_signal && (end.value == SIGXCPU || end.value == SIGKILL))
        return fail_slow (path, err);
    return bg_fail (err, BG_INVALID, "%s: the reader of iCalendar files broke on it (%s)", path,
        bg_exit_text (end).text);
}

static bg_result run_reader (const question *ask, bg_buf *answer, bg_error *err)
{
    struct stat st;
    BG_AUTO_FD file = open (ask->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return bg_fail_errno (
            err, errno == ENOENT ? BG_NOT_FOUND : BG_IO, "cannot read %s", ask->path);
    if (fstat (file, &st) < 0 || !S_ISREG (st.st_mode))
        return bg_fail (err, BG_IO, "%s is no regular file", ask->path);
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC) < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot make a pipe");
    BG_AUTO_FD answers = ends[0];
    bg_process child = {0, -1};
    bg_result result = start (ask, file, ends[1], &child, err);
    (void) close (ends[1]);
    BG_TRY (result);
    int64_t deadline_us = bg_clock_mono_us () + TIME_MAX_MS * INT64_C (1000);
    result = take_answer (ask->path, answers, deadline_us, answer, err);
    if (bg_failed (result))
        bg_ignore (bg_process_kill (&child, SIGKILL, NULL)); /*  it is waited for next  */
    bg_exit end = {0};
    bg_error wait_err = {0};
    bg_result waited = bg_process_wait (&child, TIME_MAX_MS, &end, &wait_err);
    bg_process_forget (&child);
    BG_TRY (result);
    if (bg_failed (waited))
        return bg_fail (err, waited.code, "%s", wait_err.message);
    return judge_end (ask->path, end, err);
}

/*  ---- its answer ----  */

typedef struct {
    const char *path;
    bg_buf local, utc;
    size_t lines;
    size_t refused;
    char first[BG_ERROR_MESSAGE_MAX]; /*  the first refusal, with its line  */
    bg_buf others;                    /*  lines of the next ones  */
} result_lines;

static void lines_fini (result_lines *self)
{
    bg_buf_fini (&self->local);
    bg_buf_fini (&self->utc);
    bg_buf_fini (&self->others);
}

static bg_result fail_form (const char *path, bg_error *err)
{
    return bg_fail (err, BG_MALFORMED, "%s: %s gave an answer that makes no sense", path, READER);
}

static int64_t last_until (const bg_buf *ranges)
{
    return ranges->size == 0 ? INT64_MIN : (int64_t) bg_read_u64 (ranges->data + ranges->size - 8);
}

static bool take_range (result_lines *self, const char *line)
{
    bool is_local = strncmp (line, "local ", 6) == 0;
    if (!is_local && strncmp (line, "utc ", 4) != 0)
        return false;
    bg_buf *ranges = is_local ? &self->local : &self->utc;
    long long from = 0;
    long long until = 0;
    int used = 0;
    if (sscanf (line + (is_local ? 6 : 4), "%lld %lld%n", &from, &until, &used) != 2 ||
        line[(is_local ? 6 : 4) + used] != 0)
        return false;
    if (from >= until || from <= last_until (ranges))
        return false;
    bg_buf_append_u64 (ranges, (uint64_t) from);
    bg_buf_append_u64 (ranges, (uint64_t) until);
    return true;
}

static bool take_refusal (result_lines *self, const char *line)
{
    unsigned number = 0;
    int used = 0;
    if (sscanf (line, "refused %u %n", &number, &used) != 1 || used == 0 || !line[used])
        return false;
    self->refused++;
    if (self->refused == 1)
        (void) snprintf (self->first, sizeof self->first, "line %u: %s", number, line + used);
    else if (self->refused <= PEOPLE_LINES + 1)
        bg_buf_printf (&self->others, "%s%u", self->refused == 2 ? "" : ", ", number);
    return true;
}

/*  One line; *is_end with the last.  */
static bool take_line (result_lines *self, const char *line, bool *is_end)
{
    size_t count = 0;
    int used = 0;
    if (sscanf (line, "end %zu%n", &count, &used) == 1 && !line[used]) {
        *is_end = true;
        return count == self->lines;
    }
    self->lines++;
    return take_range (self, line) || take_refusal (self, line);
}

static bg_result read_lines (result_lines *self, bg_buf *answer, bg_error *err)
{
    char *text = NULL;
    char *rest = NULL;
    bool is_end = false;
    (void) bg_buf_cstr (answer);
    text = (char *) answer->data;
    if (strlen (text) != answer->size)
        return fail_form (self->path, err);
    const char *line = strtok_r (text, "\n", &rest);
    if (!line || strcmp (line, "bugle-ics 1") != 0)
        return fail_form (self->path, err);
    while ((line = strtok_r (NULL, "\n", &rest)) != NULL) {
        if (is_end || !take_line (self, line, &is_end))
            return fail_form (self->path, err);
    }
    return is_end ? bg_ok () : fail_form (self->path, err);
}

static bg_result judge_lines (const result_lines *self, bg_error *err)
{
    if (self->refused > 0) {
        bg_ignore (bg_fail (err, BG_INVALID, "%s, %s", self->path, self->first));
        if (self->refused > 1)
            return bg_hint (err, "%zu more in line%s %.*s%s", self->refused - 1,
                self->refused > 2 ? "s" : "", (int) self->others.size,
                (const char *) self->others.data, self->refused > PEOPLE_LINES + 1 ? ", ..." : "");
        return (bg_result){BG_INVALID};
    }
    if (self->local.size > RANGES_MAX * RANGE_BYTES || self->utc.size > RANGES_MAX * RANGE_BYTES) {
        bg_ignore (bg_fail (err, BG_TOO_LARGE,
            "%s: it comes to more ranges than a calendar holds (%d)", self->path, RANGES_MAX));
        return bg_hint (err, "fewer years give fewer ranges");
    }
    return bg_ok ();
}

/*  ---- together ----  */

static const char *base_name (const char *path)
{
    const char *slash = strrchr (path, '/');
    return slash ? slash + 1 : path;
}

/*  The first of the month, so many months on, in days.  */
static int64_t month_days (int64_t now_us, int months)
{
    job_civil now = job_civil_from_seconds (job_floor_div (now_us, SECOND_US));
    int count = now.year * 12 + now.month - 1 + months;
    return job_days_from_date (count / 12, count % 12 + 1, 1);
}

bg_result ctl_ics_calendar (const char *path, unsigned years, int64_t now_us, bg_arena *arena,
    wire_calendar *calendar, bg_error *err)
{
    if (years < 1 || years > CTL_ICS_YEARS_MAX)
        return bg_fail (
            err, BG_INVALID, "a calendar reaches 1 to %d years ahead", CTL_ICS_YEARS_MAX);
    question ask = {path, month_days (now_us, -12), month_days (now_us, 12 * (int) years + 1)};
    __attribute__ ((cleanup (lines_fini))) result_lines lines = {.path = path};
    BG_AUTO_BUF answer = {0};
    BG_TRY (run_reader (&ask, &answer, err));
    BG_TRY (read_lines (&lines, &answer, err));
    BG_TRY (judge_lines (&lines, err));
    calendar->local_ranges = bg_arena_copy (arena, bg_buf_slice (&lines.local));
    calendar->utc_ranges = bg_arena_copy (arena, bg_buf_slice (&lines.utc));
    calendar->horizon_us = ask.until_days * JOB_DAY_SECONDS * SECOND_US;
    bg_slice source = bg_slice_str (base_name (path));
    if (source.size > SOURCE_MAX)
        source.size = SOURCE_MAX;
    calendar->source = bg_arena_copy (arena, source);
    return bg_ok ();
}
