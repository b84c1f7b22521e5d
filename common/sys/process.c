/*  Child processes: see process.h. For other programs posix_spawn() because it does not copy the
   page tables of a large parent, and because between fork and exec of a program with threads nothing
   else is safe.
 */
#include "common/sys/process.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool is_program (const char *path)
{
    return access (path, X_OK) == 0;
}

/*  Looks through PATH; NULL when it is not there.  */
static char *search_path (const char *name)
{
    const char *list = getenv ("PATH");
    while (list && *list) {
        const char *end = strchrnul (list, ':');
        BG_AUTO_CHAR dir = bg_slice_dup (bg_slice_of (list, (size_t) (end - list)));
        char *candidate = bg_path_join (dir[0] ? dir : ".", name);
        if (is_program (candidate))
            return candidate;
        free (candidate);
        list = *end ? end + 1 : end;
    }
    return NULL;
}

/*  Beside the running executable, or where an installation keeps programs that nobody types; NULL.  */
static char *search_near (const char *name)
{
    static const char *const places[] = {"", "../libexec/bugle/"};
    char self[PATH_MAX];
    ssize_t size = readlink ("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0)
        return NULL;
    self[size] = 0;
    BG_AUTO_CHAR dir = bg_path_dir (self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *candidate = bg_strdup_printf ("%s/%s%s", dir, places[i], name);
        if (is_program (candidate))
            return candidate;
        free (candidate);
    }
    return NULL;
}

bg_result bg_program_path (const char *name, char **path, bg_error *err)
{
    char *near = search_near (name);
    if (near) {
        *path = near;
        return bg_ok ();
    }
    char *found = search_path (name);
    if (!found) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "cannot find the program %s", name));
        bg_ignore (bg_hint (err, "it must lie beside the program that starts it, or on PATH"));
        return (bg_result){BG_NOT_FOUND};
    }
    *path = found;
    return bg_ok ();
}

typedef struct {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int copies[BG_SPAWN_FDS]; /*  of the given descriptors, above every target number  */
    size_t copy_count;
} plan;

static void plan_fini (plan *self)
{
    for (size_t i = 0; i < self->copy_count; i++)
        (void) close (self->copies[i]);
    (void) posix_spawn_file_actions_destroy (&self->actions);
    (void) posix_spawnattr_destroy (&self->attributes);
}

/*  Every descriptor is first copied above all target numbers, so no dup2 overwrites one still
 * needed.  */
static bool plan_descriptors (plan *self, const bg_spawn *spawn)
{
    int highest = STDERR_FILENO;
    for (size_t i = 0; i < spawn->fd_count; i++) {
        if (spawn->fds[i].as > highest)
            highest = spawn->fds[i].as;
    }
    for (size_t i = 0; i < spawn->fd_count; i++) {
        int copy = fcntl (spawn->fds[i].fd, F_DUPFD_CLOEXEC, highest + 1);
        if (copy < 0)
            return false;
        self->copies[self->copy_count++] = copy;
        errno = posix_spawn_file_actions_adddup2 (&self->actions, copy, spawn->fds[i].as);
        if (errno != 0)
            return false;
    }
    return true;
}

static bool plan_init (plan *self, const bg_spawn *spawn)
{
    *self = (plan){.copy_count = 0};
    bg_assert (posix_spawn_file_actions_init (&self->actions) == 0);
    bg_assert (posix_spawnattr_init (&self->attributes) == 0);
    sigset_t all, none;
    (void) sigfillset (&all);
    (void) sigemptyset (&none);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (spawn->new_session)
        flags |= POSIX_SPAWN_SETSID;
    bg_assert (posix_spawnattr_setflags (&self->attributes, (short) flags) == 0);
    bg_assert (posix_spawnattr_setsigmask (&self->attributes, &none) == 0);
    bg_assert (posix_spawnattr_setsigdefault (&self->attributes, &all) == 0);
    if (!plan_descriptors (self, spawn))
        return false;
    if (spawn->cwd) {
        errno = posix_spawn_file_actions_addchdir_np (&self->actions, spawn->cwd);
        return errno == 0;
    }
    return true;
}

static bg_code spawn_code (int error_number)
{
    switch (error_number) {
    case ENOENT:
        return BG_NOT_FOUND;
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return BG_OVERLOADED;
    default:
        return BG_IO;
    }
}

/*  posix_spawn takes char *const * for history's sake and does not write to the strings.  */
static char *const *unconst (const char *const *strings)
{
    union {
        const char *const *in;
        char *const *out;
    } both = {.in = strings};
    return both.out;
}

/*  Our own child cannot be reaped by anybody else, so its pid cannot have been reused yet.  */
static bg_result watch_child (pid_t pid, const char *what, bg_process *process, bg_error *err)
{
    int pidfd = pidfd_open (pid, 0);
    if (pidfd < 0) {
        bg_result result = bg_fail_errno (err, BG_OVERLOADED, "cannot watch %s", what);
        (void) kill (pid, SIGKILL);
        (void) waitpid (pid, NULL, 0);
        return result;
    }
    *process = (bg_process){pid, pidfd};
    return bg_ok ();
}

bg_result bg_process_spawn (const bg_spawn *spawn, bg_process *process, bg_error *err)
{
    bg_assert (spawn->argv && spawn->argv[0] && spawn->fd_count <= BG_SPAWN_FDS);
    BG_AUTO_CHAR found = NULL;
    const char *path = spawn->path;
    if (!strchr (path, '/')) {
        BG_TRY (bg_program_path (path, &found, err));
        path = found;
    }
    plan todo;
    pid_t pid = 0;
    int failure = 0;
    if (plan_init (&todo, spawn))
        failure = posix_spawn (&pid, path, &todo.actions, &todo.attributes, unconst (spawn->argv),
            spawn->envp ? unconst (spawn->envp) : environ);
    else
        failure = errno;
    plan_fini (&todo);
    if (failure != 0) {
        errno = failure;
        return bg_fail_errno (err, spawn_code (failure), "cannot start %s", path);
    }
    return watch_child (pid, path, process, err);
}

/*  ---- a copy of ourselves ----  */

static bool take_descriptors (const bg_split *split)
{
    int copies[BG_SPAWN_FDS];
    for (size_t i = 0; i < split->fd_count; i++) {
        copies[i] = fcntl (split->fds[i].fd, F_DUPFD, (int) split->fd_count);
        if (copies[i] < 0)
            return false;
    }
    for (size_t i = 0; i < split->fd_count; i++) {
        if (dup2 (copies[i], split->fds[i].as) < 0)
            return false;
    }
    return close_range ((unsigned) split->fd_count, ~0U, 0) == 0;
}

static _Noreturn void be_child (const bg_split *split)
{
    sigset_t none;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        (void) sigaction (i, &standard, NULL);
    (void) sigemptyset (&none);
    (void) sigprocmask (SIG_SETMASK, &none, NULL);
    if (setsid () < 0 || !take_descriptors (split) || chdir ("/") < 0)
        _exit (127);
    exit (split->body (split->ctx));
}

bg_result bg_process_split (const bg_split *split, bg_process *process, bg_error *err)
{
    bg_assert (split->fd_count >= 3 && split->fd_count <= BG_SPAWN_FDS);
    for (size_t i = 0; i < split->fd_count; i++)
        bg_assert (split->fds[i].as == (int) i);
    pid_t pid = fork ();
    if (pid < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot make a process");
    if (pid == 0)
        be_child (split);
    return watch_child (pid, "a new process", process, err);
}

void bg_process_forget (bg_process *process)
{
    bg_fd_close (&process->pidfd);
    process->pid = 0;
}

bg_result bg_process_reap (bg_process *process, bg_exit *result, bg_error *err)
{
    siginfo_t info = {0};
    int done;
    do {
        done = waitid (P_PIDFD, (id_t) process->pidfd, &info, WEXITED | WNOHANG);
    } while (done < 0 && errno == EINTR);
    if (done < 0)
        return bg_fail_errno (err, BG_IO, "cannot collect process %d", (int) process->pid);
    if (info.si_pid == 0)
        return bg_fail (err, BG_AGAIN, "process %d still runs", (int) process->pid);
    *result = (bg_exit){info.si_code != CLD_EXITED, info.si_status};
    bg_process_forget (process);
    return bg_ok ();
}

bg_result bg_process_wait (bg_process *process, int64_t timeout_ms, bg_exit *result, bg_error *err)
{
    int64_t deadline_us = bg_clock_mono_us () + timeout_ms * 1000;
    for (;;) {
        int64_t left = timeout_ms < 0 ? -1 : (deadline_us - bg_clock_mono_us () + 999) / 1000;
        if (timeout_ms >= 0 && left < 0)
            left = 0;
        struct pollfd item = {.fd = process->pidfd, .events = POLLIN};
        int ready = poll (&item, 1, left > INT_MAX ? INT_MAX : (int) left);
        if (ready > 0)
            return bg_process_reap (process, result, err);
        if (ready < 0 && errno != EINTR)
            return bg_fail_errno (err, BG_IO, "cannot wait for process %d", (int) process->pid);
        if (ready == 0 && left == 0)
            return bg_fail (err, BG_TIMEOUT, "process %d still runs", (int) process->pid);
    }
}

bg_result bg_process_kill (const bg_process *process, int signal_number, bg_error *err)
{
    if (process->pidfd < 0)
        return bg_ok ();
    if (pidfd_send_signal (process->pidfd, signal_number, NULL, 0) < 0 && errno != ESRCH)
        return bg_fail_errno (
            err, BG_IO, "cannot send signal %d to process %d", signal_number, (int) process->pid);
    return bg_ok ();
}

bg_result bg_process_adopt (pid_t pid, bg_process *process, bg_error *err)
{
    int pidfd = pidfd_open (pid, 0);
    if (pidfd < 0) {
        bg_code code = errno == ESRCH ? BG_NOT_FOUND : BG_IO;
        return bg_fail_errno (err, code, "cannot watch process %d", (int) pid);
    }
    *process = (bg_process){pid, pidfd};
    return bg_ok ();
}

bg_exit_string bg_exit_text (bg_exit result)
{
    bg_exit_string out;
    if (result.is_signal) {
        const char *name = sigdescr_np (result.value);
        (void) snprintf (
            out.text, sizeof out.text, "signal %d (%s)", result.value, name ? name : "unknown");
    } else {
        (void) snprintf (out.text, sizeof out.text, "exit code %d", result.value);
    }
    return out;
}
