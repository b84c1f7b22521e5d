/*  fork and exec of a step: see supervisor_child.h.

    The supervisor has one thread, so the child may do what posix_spawn cannot: take the account, open
    the output file and change the directory as that account. It holds no descriptor of the supervisor's
    from its first moments on: a child that hangs must not keep the lock of the run's file. What goes
    wrong stands in shared memory; a socket that exec closes tells that nothing did.

    Where none of that can hang it is vfork instead, which spares the copy of our pages (a fifth of what a
    run of one short step costs us): see can_share.
*/
#include "node/exec/supervisor_child.h"

#include "common/sys/file.h"
#include "node/exec/supervisor_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT_FD   3
#define SCRIPT_PATH "/proc/self/fd/3"
#define REPORT_FD   4

/*  Everything the child needs, made before the fork.  */
typedef struct {
    const step_launch *launch;
    int script_fd; /*  -1: no script  */
    int input_fd;  /*  -1: /dev/null  */
    int output_fd;
    int report_fd;
    pid_t parent;
} start;

child_report *step_report_create (void)
{
    void *memory = mmap (
        NULL, sizeof (child_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/*  ---- before ----  */

/*  Script and input lie in memory, not in a file: that works for every account and interpreter and
    leaves nothing behind. And nobody has to feed a step that does not read.  */
static bg_result make_memory (const char *name, bg_slice bytes, int *out, bg_error *err)
{
    *out = -1;
    if (bytes.size == 0)
        return bg_ok ();
    int fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return bg_fail_errno (err, BG_IO, "cannot hold the step's %s", name);
    bg_result result = bg_fd_write (fd, name, bytes, err);
    if (bg_is_ok (result) &&
        (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ||
            lseek (fd, 0, SEEK_SET) < 0))
        result = bg_fail_errno (err, BG_IO, "cannot hold the step's %s", name);
    if (bg_failed (result)) {
        (void) close (fd);
        return result;
    }
    *out = fd;
    return bg_ok ();
}

/*  ---- in the child ----  */

static _Noreturn void fail_with (const start *self, int error_number)
{
    self->launch->report->error_number = error_number;
    self->launch->report->has_failed = true;
    _exit (127);
}

static _Noreturn void fail (const start *self)
{
    fail_with (self, errno);
}

static void enter (const start *self, child_stage stage)
{
    self->launch->report->at = stage;
}

/*  Nothing is left open but 0, 1, 2, the script, and the report until exec.  */
static void set_descriptors (const start *self)
{
    if (dup2 (self->output_fd, STDOUT_FILENO) < 0 || dup2 (self->output_fd, STDERR_FILENO) < 0 ||
        (self->input_fd >= 0 && dup2 (self->input_fd, STDIN_FILENO) < 0))
        fail (self);
    if (self->script_fd >= 0 ? dup2 (self->script_fd, SCRIPT_FD) < 0 : close (SCRIPT_FD) < 0)
        fail (self);
    if (dup3 (self->report_fd, REPORT_FD, O_CLOEXEC) < 0 || close_range (REPORT_FD + 1, ~0U, 0) < 0)
        fail (self);
}

static void reset_signals (void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        (void) sigaction (
            i, &standard, NULL); /*  fails for KILL, STOP and the library's own, as it must  */
    sigset_t none;
    (void) sigemptyset (&none);
    (void) sigprocmask (SIG_SETMASK, &none, NULL);
}

/*  A step that takes all memory is the one to go, whatever root gave the service as its place in that order.  */
static void reset_oom_score (void)
{
    int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd < 0 ? 0 : write (fd, "0", 1);
    (void) ignored;
    if (fd >= 0)
        (void) close (fd);
}

/*  Without this a supervisor that is killed would leave its step behind unwatched. The kernel forgets it
    when the account changes.  */
static void die_with_parent (const start *self)
{
    if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid () != self->parent)
        fail (self);
}

static void take_account (const start *self)
{
    const step_launch *launch = self->launch;
    enter (self, STAGE_LIMITS);
    if (launch->account->change)
        reset_oom_score ();
    if (!step_limits_apply (launch->limits, false))
        fail (self);
    enter (self, STAGE_ACCOUNT);
    const char *what = step_account_take (launch->account);
    if (what) {
        launch->report->what = what;
        fail (self);
    }
    enter (self, STAGE_LIMITS);
    if (!step_limits_apply (launch->limits, true))
        fail (self);
}

static void open_output (const start *self)
{
    const step_launch *launch = self->launch;
    if (!launch->text->output_file)
        return;
    enter (self, STAGE_OUTPUT);
    int error =
        step_file_hand_over (launch->text->output_file, launch->step->output_append, REPORT_FD);
    if (error)
        fail_with (self, error);
}

/*  A name without a slash is looked for in the step's own PATH. Empty parts of it, which would
    mean the working directory, are passed over.  */
static void execute (const start *self)
{
    const step_text *text = self->launch->text;
    const char *name = text->argv[0];
    if (strchr (name, '/')) {
        (void) execve (name, text->argv, text->environment);
        fail (self);
    }
    int seen = ENOENT;
    const char *at = text->path ? text->path : "";
    while (*at) {
        size_t size = strcspn (at, ":");
        char full[8192];
        if (size &&
            snprintf (full, sizeof full, "%.*s/%s", (int) size, at, name) < (int) sizeof full) {
            (void) execve (full, text->argv, text->environment);
            if (errno != ENOENT && errno != ENOTDIR)
                seen = errno;
        }
        at += size + (at[size] == ':');
    }
    fail_with (self, seen);
}

/*  An account without a home works in the root directory.  */
static void change_directory (const start *self)
{
    const step_launch *launch = self->launch;
    if (chdir (launch->text->directory) == 0)
        return;
    const bool is_none = errno == ENOENT || errno == ENOTDIR;
    if (!launch->step->directory_is_home || !is_none || chdir ("/") < 0)
        fail (self);
}

static _Noreturn void run_child (const start *self)
{
    const step_launch *launch = self->launch;
    die_with_parent (self);
    /*  Within the run's session, which has no terminal: only a leader of one could get hold of one.  */
    (void) setpgid (0, 0);
    (void) umask ((mode_t) launch->step->umask);
    if (launch->cgroup_fd >= 0 && write (launch->cgroup_fd, "0", 1) != 1)
        fail (self);
    set_descriptors (self);
    take_account (self);
    die_with_parent (self);
    open_output (self);
    enter (self, STAGE_DIRECTORY);
    change_directory (self);
    enter (self, STAGE_PROGRAM);
    reset_signals ();
    execute (self);
    _exit (127);
}

/*  ---- after ----  */

bg_result step_child_explain (const step_launch *launch, bg_error *err)
{
    const child_report *report = launch->report;
    const step_text *text = launch->text;
    if (!report->has_failed)
        return bg_fail (err, BG_IO, "the step's process ended before it began");
    errno = report->error_number;
    switch (report->at) {
    case STAGE_LIMITS:
        return bg_fail_errno (err, BG_NOT_ALLOWED, "cannot set the limits of the step");
    case STAGE_ACCOUNT:
        return bg_fail_errno (err, BG_NOT_ALLOWED, "cannot become account %.*s: %s",
            BG_SLICE_ARG (launch->step->account), report->what);
    case STAGE_OUTPUT:
        if (errno == STEP_FILE_IRREGULAR)
            return bg_fail (err, BG_NOT_ALLOWED,
                "the output file %.300s is no regular file; devices, FIFOs, directories and files "
                "of "
                "the kernel are not written to",
                text->output_file);
        return bg_fail_errno (err, BG_NOT_ALLOWED, "cannot write the output file %.300s as %.*s",
            text->output_file, BG_SLICE_ARG (launch->step->account));
    case STAGE_DIRECTORY:
        return bg_fail_errno (
            err, BG_NOT_FOUND, "cannot change to the directory %.300s", text->directory);
    case STAGE_PROGRAM:
        if (errno == ENOENT && !strchr (text->argv[0], '/'))
            return bg_fail (err, BG_NOT_FOUND, "the program %.200s is not found in PATH (%.200s)",
                text->argv[0], text->path ? text->path : "");
        return bg_fail_errno (err, errno == ENOENT ? BG_NOT_FOUND : BG_NOT_ALLOWED,
            "cannot run the program %.300s", text->argv[0]);
    default:
        return bg_fail_errno (err, BG_IO, "cannot prepare the step's process");
    }
}

bg_slice step_child_doing (const step_launch *launch, bg_arena *arena)
{
    switch (launch->report->at) {
    case STAGE_OUTPUT:
        return bg_arena_printf (arena, "opening the output file %.300s", launch->text->output_file);
    case STAGE_DIRECTORY:
        return bg_arena_printf (arena, "changing to the directory %.300s", launch->text->directory);
    case STAGE_PROGRAM:
        return bg_arena_printf (arena, "starting the program %.300s", launch->text->argv[0]);
    default:
        return bg_slice_str ("preparing its process");
    }
}

bool step_child_has_begun (step_child *child, const child_report *report)
{
    if (child->report_fd < 0)
        return true;
    char byte;
    ssize_t got = recv (child->report_fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    if (got != 0 || report->has_failed || report->at != STAGE_PROGRAM)
        return false;
    bg_fd_close (&child->report_fd);
    return true;
}

/*  Names that lie where the system itself does: when those hang, so does everything.  */
static bool is_of_system (const char *name)
{
    static const char *const places[] = {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strncmp (name, places[i], strlen (places[i])) == 0)
            return true;
    }
    return false;
}

/*  Whether the child may use our memory until it is the step's program, while we wait: it stays who we
    are, and touches nothing that another machine may hold. A home may be such a thing.  */
static bool can_share (const step_launch *launch)
{
    return !launch->account->change && strcmp (launch->text->directory, "/") == 0 &&
           !launch->text->output_file && launch->cgroup_fd < 0 &&
           is_of_system (launch->text->argv[0]);
}

static bg_result divide (start *self, step_child *child, bg_error *err)
{
    int output[2];
    int report[2];
    if (pipe2 (output, O_CLOEXEC) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a pipe");
    BG_AUTO_FD read_end = output[0];
    BG_AUTO_FD write_end = output[1];
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a pair of sockets");
    BG_AUTO_FD report_end = report[0];
    BG_AUTO_FD child_end = report[1];
    if (fcntl (read_end, F_SETFL, O_NONBLOCK) < 0)
        return bg_fail_errno (err, BG_IO, "cannot read the step's output");
    self->output_fd = write_end;
    self->report_fd = child_end;
    self->parent = getpid ();
    *self->launch->report = (child_report){.at = STAGE_SETUP};
    const bool is_shared = can_share (self->launch);
    pid_t pid = is_shared ? vfork () : fork ();
    if (pid == 0)
        run_child (self);
    if (pid < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot make a process");
    *child = (step_child){pid, read_end, report_end};
    read_end = -1;
    report_end = -1;
    return bg_ok ();
}

bg_result step_child_start (const step_launch *launch, step_child *child, bg_error *err)
{
    char script_path[] = SCRIPT_PATH;
    start self = {.launch = launch};
    const step_text *text = launch->text;
    if (text->argc == 0)
        return bg_fail (err, BG_INVALID, "the step has no program");
    BG_TRY (make_memory ("script", text->script, &self.script_fd, err));
    if (self.script_fd >= 0)
        text->argv[text->argc] = script_path;
    bg_result result = make_memory ("input", launch->step->input, &self.input_fd, err);
    if (bg_is_ok (result))
        result = divide (&self, child, err);
    text->argv[text->argc] = NULL;
    bg_fd_close (&self.script_fd);
    bg_fd_close (&self.input_fd);
    return result;
}

/*  ---- what is left behind ----  */

/*  The letter of its state; 0 when it is gone.  */
static char look_at (const char *pid_text, pid_t *parent)
{
    char path[64];
    char text[512];
    if (snprintf (path, sizeof path, "/proc/%.20s/stat", pid_text) >= (int) sizeof path)
        return 0;
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (got <= 0)
        return 0;
    text[got] = 0;
    const char *end = strrchr (text, ')'); /*  the name before it may hold anything  */
    int number = -1;
    char state = 0;
    if (!end || sscanf (end + 1, " %c %d", &state, &number) != 2)
        return 0;
    *parent = number;
    return state;
}

static size_t kill_one (const char *pid_text, int signal_number)
{
    pid_t parent = -1;
    char state = look_at (pid_text, &parent);
    if (state == 0 || state == 'Z' || parent != getpid ())
        return 0;
    (void) kill ((pid_t) strtol (pid_text, NULL, 10), signal_number);
    return 1;
}

/*  The kernel's own list of our children, where it keeps one: quicker than what forks.  */
static bool kill_listed (int signal_number, size_t *count)
{
    char text[16384];
    BG_AUTO_FD fd = open ("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (got < 0)
        return false;
    text[got] = 0;
    *count = 0;
    char *rest = NULL;
    for (char *word = strtok_r (text, " ", &rest); word; word = strtok_r (NULL, " ", &rest))
        *count += kill_one (word, signal_number);
    return true;
}

size_t step_children_kill (int signal_number)
{
    size_t count = 0;
    if (kill_listed (signal_number, &count))
        return count;
    DIR *stream = opendir ("/proc");
    if (!stream)
        return 0;
    for (struct dirent *entry = readdir (stream); entry; entry = readdir (stream)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count += kill_one (entry->d_name, signal_number);
    }
    closedir (stream);
    return count;
}
