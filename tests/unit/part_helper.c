/*  A part for the tests of bg_parts: does what its arguments say, word by word, and tells on stderr what happened.

    ready            says READY=1
    child-ready      a child of ours says it
    tell TEXT        writes a line "NAME TEXT"
    read FILE        waits until somebody opens the FIFO to write and closes it
    exit CODE        ends
    stubborn         takes no notice of SIGTERM from now on
    once FILE        goes on only when there is no such file, and makes it; else skips the next word
    wait             waits for SIGTERM, tells "ended" and ends with 0
*/
#include "common/sys/notify.h"
#include "common/sys/parts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name;

static void tell (const char *text)
{
    char line[256];
    int size = snprintf (line, sizeof line, "%s %s\n", name, text);
    if (write (STDERR_FILENO, line, (size_t) size) != size)
        _exit (99);
}

static void wait_for_term (const sigset_t *term)
{
    int signo = 0;
    (void) sigwait (term, &signo);
    tell ("ended");
    exit (0);
}

static void child_ready (void)
{
    pid_t pid = fork ();
    if (pid == 0)
        _exit (bg_notify ("READY=1") ? 0 : 1);
    int status = 0;
    if (waitpid (pid, &status, 0) != pid || status != 0)
        exit (98);
}

static void read_to_end (const char *path)
{
    char byte;
    int fd = open (path, O_RDONLY);
    while (fd >= 0 && read (fd, &byte, 1) > 0) {
    }
    (void) close (fd);
}

static bool is_first (const char *path)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        (void) close (fd);
    return fd >= 0;
}

static bool takes_value (const char *word)
{
    return strcmp (word, "tell") == 0 || strcmp (word, "read") == 0 || strcmp (word, "exit") == 0 ||
           strcmp (word, "once") == 0;
}

int main (int argc, char **argv)
{
    bool is_part = bg_parts_join ();
    name = argc > 1 ? argv[1] : "?";
    sigset_t term;
    (void) sigemptyset (&term);
    (void) sigaddset (&term, SIGTERM);
    (void) sigprocmask (SIG_BLOCK, &term, NULL);
    tell (!is_part ? "alone" : getsid (0) == getpid () ? "part" : "part in our session");
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        const char *value = takes_value (word) && i + 1 < argc ? argv[++i] : "";
        if (strcmp (word, "ready") == 0)
            (void) bg_notify ("READY=1");
        else if (strcmp (word, "child-ready") == 0)
            child_ready ();
        else if (strcmp (word, "tell") == 0)
            tell (value);
        else if (strcmp (word, "read") == 0)
            read_to_end (value);
        else if (strcmp (word, "exit") == 0)
            return atoi (value);
        else if (strcmp (word, "once") == 0)
            i += is_first (value) ? 0 : 1;
        else if (strcmp (word, "wait") == 0)
            wait_for_term (&term);
        else if (strcmp (word, "stubborn") == 0)
            for (;;)
                (void) pause ();
        else
            return 97;
    }
    return 0;
}
