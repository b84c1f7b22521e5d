/*  The line of progress on stderr, and Ctrl-C while somebody waits.

    On a terminal one line is drawn over and over; elsewhere a line is printed at most every ten seconds, so that logs stay
    short. With --quiet there is none. Times are given by the caller (monotonic microseconds).
*/
#ifndef BUGLE_CTL_PROGRESS_H
#define BUGLE_CTL_PROGRESS_H

#include "ctl/output.h"

typedef struct {
    const ctl_output *out;
    int64_t shown_us; /*  when the last line was printed, or when it began  */
    bool is_drawn;    /*  a line stands on the terminal  */
} ctl_progress;

#define CTL_PROGRESS_LINE_US                                                                       \
    (INT64_C (10) * 1000000) /*  between two lines that are no terminal's  */
#define CTL_PROGRESS_REDRAW_US (INT64_C (100) * 1000)

void ctl_progress_init (ctl_progress *self, const ctl_output *out, int64_t now_us);
/*  text is one line. Shown when it is due; the caller calls as often as it likes.  */
void ctl_progress_show (ctl_progress *self, bg_slice text, int64_t now_us);
/*  Takes the line off the terminal, before anything else is printed. May be called twice.  */
void ctl_progress_clear (ctl_progress *self);

/*  From now on SIGINT only sets a flag and ends a wait (EINTR), until release.  */
void ctl_interrupt_catch (void);
bool ctl_interrupt_came (void);
void ctl_interrupt_release (void);

#endif
