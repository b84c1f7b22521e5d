/*  What a handler gets from the person: an answer to a question, and stdin.  */
#include "ctl/run.h"

#include "common/sys/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ANSWER_MAX 256

/*  Ctrl-C while a question stands is an answer. SIGINT is held back from before the question is printed until it is
    answered, so that it cannot come between two steps and be lost or end the program without a word.  */
typedef struct {
    sigset_t before;
    int interrupts; /*  signalfd; -1: Ctrl-C ends the program as always  */
} asking;

static void asking_begin (asking *self)
{
    sigset_t interrupt;
    (void) sigemptyset (&interrupt);
    (void) sigaddset (&interrupt, SIGINT);
    (void) sigprocmask (SIG_BLOCK, &interrupt, &self->before);
    self->interrupts = signalfd (-1, &interrupt, SFD_CLOEXEC);
    if (self->interrupts < 0)
        (void) sigprocmask (SIG_SETMASK, &self->before, NULL);
}

static void asking_end (asking *self)
{
    struct signalfd_siginfo taken;
    if (self->interrupts < 0)
        return;
    struct pollfd pending = {.fd = self->interrupts, .events = POLLIN};
    while (poll (&pending, 1, 0) > 0 && read (self->interrupts, &taken, sizeof taken) > 0)
        continue;
    (void) close (self->interrupts);
    (void) sigprocmask (SIG_SETMASK, &self->before, NULL);
}

/*  Reads one line; true when it begins like yes.  */
static bool read_yes (const asking *self, int input, bool *interrupted)
{
    char text[ANSWER_MAX];
    struct pollfd either[2] = {
        {.fd = self->interrupts, .events = POLLIN}, {.fd = input, .events = POLLIN}};
    int ready;
    do
        ready = poll (either, 2, -1);
    while (ready < 0 && errno == EINTR);
    *interrupted = ready > 0 && (either[0].revents & POLLIN) != 0;
    if (*interrupted || ready < 0)
        return false;
    ssize_t size = read (input, text, sizeof text);
    return size > 0 && (text[0] == 'y' || text[0] == 'Y');
}

bg_result ctl_confirm (ctl_run *self, bg_error *err, const char *question, ...)
{
    char *text = NULL;
    va_list args;
    if (ctl_given (self->parsed, CTL_OPT_YES))
        return bg_ok ();
    va_start (args, question);
    int size = vasprintf (&text, question, args);
    va_end (args);
    bg_assert (size >= 0);
    bool may_ask = !ctl_given (self->parsed, CTL_OPT_NO_INPUT) && isatty (self->input) == 1 &&
                   ctl_output_get (self->out)->talk_is_terminal && !self->stdin_is_read;
    if (!may_ask) {
        bg_ignore (bg_fail (err, BG_USAGE, "%s There is nobody to ask here", text));
        free (text);
        return bg_hint (err, "add --yes to answer yes");
    }
    FILE *talk = ctl_output_get (self->out)->talk;
    asking asked;
    bool interrupted = false;
    asking_begin (&asked);
    (void) fprintf (talk, "%s [y/N] ", text);
    (void) fflush (talk);
    free (text);
    bool yes = read_yes (&asked, self->input, &interrupted);
    asking_end (&asked);
    if (yes)
        return bg_ok ();
    if (interrupted) {
        (void) fputc ('\n', talk);
        return bg_fail (err, BG_INTERRUPTED, "interrupted; nothing was changed");
    }
    return bg_fail (err, BG_INTERRUPTED, "nothing was changed");
}

bg_result ctl_read_stdin (ctl_run *self, size_t limit, bg_buf *out, bg_error *err)
{
    if (self->stdin_is_read)
        return bg_fail (err, BG_USAGE, "stdin (-) can be read only once");
    self->stdin_is_read = true;
    return bg_fd_read (self->input, "stdin", limit, out, err);
}
