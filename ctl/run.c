/*  What a handler gets on demand: configuration, connection, an answer from the person.  */
#include "ctl/run.h"

#include "common/sys/file.h"
#include "ctl/client.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_MAX 256

void ctl_run_fini (ctl_run *self)
{
    ctl_client_close (&self->client);
    ctl_config_close (&self->config);
    bg_arena_fini (&self->arena);
}

bg_result ctl_run_config (ctl_run *self, ctl_config **config, bg_error *err)
{
    if (self->config == NULL)
        BG_TRY (ctl_config_open (getenv, &self->config, err));
    *config = self->config;
    return bg_ok ();
}

bg_result ctl_run_client (ctl_run *self, ctl_client **client, bg_error *err)
{
    if (self->client == NULL) {
        ctl_config *config = NULL;
        const ctl_context *context = NULL;
        ctl_identity identity = {0};
        const char *wanted = getenv ("BUGLE_CONTEXT");
        if (wanted != NULL && wanted[0] == '\0')
            wanted = NULL;
        BG_TRY (ctl_run_config (self, &config, err));
        BG_TRY (ctl_contexts_find (
            config, ctl_text (self->parsed, CTL_OPT_CONTEXT, wanted), &context, err));
        BG_TRY (ctl_identity_load (config, &identity, err));
        bg_result result = ctl_client_open (self, context, &identity, &self->client, err);
        ctl_identity_fini (&identity);
        BG_TRY (result);
    }
    *client = self->client;
    return bg_ok ();
}

static void on_interrupt (int signal_number)
{
    (void) signal_number; /*  read ends with EINTR  */
}

/*  Reads one line; true when it begins like yes. Ctrl-C is an answer too: *interrupted.  */
static bool read_yes (int input, bool *interrupted)
{
    char text[ANSWER_MAX];
    struct sigaction action = {.sa_handler = on_interrupt}, before;
    (void) sigemptyset (&action.sa_mask);
    (void) sigaction (SIGINT, &action, &before);
    ssize_t size = read (input, text, sizeof text);
    *interrupted = size < 0 && errno == EINTR;
    (void) sigaction (SIGINT, &before, NULL);
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
    (void) fprintf (talk, "%s [y/N] ", text);
    (void) fflush (talk);
    free (text);
    bool interrupted = false;
    if (read_yes (self->input, &interrupted))
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
