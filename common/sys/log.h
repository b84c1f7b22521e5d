/*  The log of a program: one line per event to a descriptor, usually stderr.

        2026-03-01T12:00:00.000Z info core target-enlisted target=db01 number=17
        {"time":"...","level":"info","part":"core","event":"target-enlisted","target":"db01","number":"17"}

    The event is a fixed word; the format gives pairs key=value with a space between them, values
   with spaces or from outside go through bg_log_value(). Control characters never reach the
   terminal. Under the journal lines get the <N> prefix instead of the time. Every event word may be
   written BG_LOG_BURST times in ten seconds; what comes more is counted and told in one line
   (suppressed=N), so no peer can fill the disk.

    A bg_log is passed around, there is no global one; NULL is a log that says nothing. One thread
   only. Logging never fails and never waits: a line that cannot be written now is lost, and how many
   were is told when there is room again (log-lost). Lines are one write() of at most 2 KiB.
*/
#ifndef BUGLE_SYS_LOG_H
#define BUGLE_SYS_LOG_H

#include "common/base/slice.h"

typedef struct bg_log bg_log;

typedef enum {
    BG_LOG_ERROR,
    BG_LOG_WARNING,
    BG_LOG_NOTICE,
    BG_LOG_INFO,
    BG_LOG_DEBUG
} bg_log_level;
typedef enum { BG_LOG_PLAIN, BG_LOG_JSON } bg_log_format;

#define BG_LOG_BURST     50 /*  lines per event word and window  */
#define BG_LOG_WINDOW_US 10000000

/*  part: word for the program's part ("front"), borrowed for its life. fd is borrowed. Level starts
 * at INFO.  */
bg_log *bg_log_create (const char *part, int fd, bg_log_format format);
/*  Tells what is still suppressed, then frees.  */
void bg_log_destroy (bg_log **self_p);
void bg_log_set_level (bg_log *self, bg_log_level level);
/*  "error", "warning", "notice", "info", "debug"; BG_INVALID.  */
bg_result bg_log_parse_level (const char *word, bg_log_level *level, bg_error *err) BG_CHECKED;
bool bg_log_wants (const bg_log *self, bg_log_level level);

void bg_log_event (bg_log *self, bg_log_level level, const char *event, const char *format, ...)
    BG_PRINTF (4, 5);
/*  The event with code=, reason= and hint= from err behind the pairs.  */
void bg_log_failure (bg_log *self, bg_log_level level, const char *event, const bg_error *err,
    const char *format, ...) BG_PRINTF (5, 6);
/*  Tells what was suppressed in windows that are over; call it now and then (every few seconds). */
void bg_log_tick (bg_log *self);

/*  A value from outside: quoted when it has to be, control and non-UTF-8 bytes as \xNN, cut at 200
 * bytes.  */
typedef struct {
    char text[256];
} bg_log_string;
bg_log_string bg_log_value (bg_slice value);
bg_log_string bg_log_cstr (const char *value);

#endif
