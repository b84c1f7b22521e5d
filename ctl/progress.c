/*  The line of progress: see progress.h. The only state of the whole program outside its contexts is the flag of the
    signal handler, since a handler has no other way to tell.
*/
#include "ctl/progress.h"

#include <signal.h>
#include <sys/ioctl.h>

#define WIDTH_DEFAULT 80

static volatile sig_atomic_t interrupt_came;

void ctl_progress_init (ctl_progress *self, const ctl_output *out, int64_t now_us)
{
    *self = (ctl_progress){.out = out, .shown_us = now_us};
}

static size_t terminal_width (FILE *talk)
{
    struct winsize size = {0};
    if (ioctl (fileno (talk), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col;
}

/*  As many bytes as there are characters for columns; the last column stays free, or some terminals would wrap.  */
static size_t fitting (bg_slice text, size_t columns)
{
    size_t size = 0;
    for (size_t shown = 0; size < text.size; size++) {
        bool begins = (text.data[size] & 0xc0) != 0x80;
        if (begins && ++shown >= columns)
            break;
    }
    return size;
}

static void print_clean (FILE *talk, bg_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        (void) fputc (text.data[i] < ' ' || text.data[i] == 0x7f ? '?' : text.data[i], talk);
}

void ctl_progress_show (ctl_progress *self, bg_slice text, int64_t now_us)
{
    const ctl_output_options *options = ctl_output_get (self->out);
    int64_t least_us = options->talk_is_terminal ? CTL_PROGRESS_REDRAW_US : CTL_PROGRESS_LINE_US;
    bool is_first = options->talk_is_terminal && !self->is_drawn;
    if (options->is_quiet || (!is_first && now_us - self->shown_us < least_us))
        return;
    self->shown_us = now_us;
    if (options->talk_is_terminal) {
        (void) fputs ("\r\033[K", options->talk);
        text.size = fitting (text, terminal_width (options->talk));
        self->is_drawn = true;
    }
    print_clean (options->talk, text);
    if (!options->talk_is_terminal)
        (void) fputc ('\n', options->talk);
    (void) fflush (options->talk);
}

void ctl_progress_clear (ctl_progress *self)
{
    if (!self->is_drawn)
        return;
    (void) fputs ("\r\033[K", ctl_output_get (self->out)->talk);
    (void) fflush (ctl_output_get (self->out)->talk);
    self->is_drawn = false;
}

static void on_interrupt (int signal_number)
{
    (void) signal_number;
    interrupt_came = 1;
}

void ctl_interrupt_catch (void)
{
    /*  Without SA_RESTART: a wait for the broker has to end.  */
    struct sigaction action = {.sa_handler = on_interrupt};
    (void) sigemptyset (&action.sa_mask);
    interrupt_came = 0;
    (void) sigaction (SIGINT, &action, NULL);
}

bool ctl_interrupt_came (void)
{
    return interrupt_came != 0;
}

void ctl_interrupt_release (void)
{
    (void) signal (SIGINT, SIG_DFL);
}
