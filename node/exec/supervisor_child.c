/*  fork and exec of a step: see supervisor_child.h.

    The supervisor has one thread, so the child may do what posix_spawn cannot: change the
    account, then the directory as that account. What goes wrong between fork and exec comes back
    through a pipe that exec closes. Behind vfork the child writes to nothing but its own stack
    frames, descriptors and signals.
*/
#include "node/exec/supervisor_child.h"

#include "common/sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT_FD   3
#define SCRIPT_PATH "/proc/self/fd/3"
#define STEP_UMASK  022

typedef enum { STAGE_SETUP, STAGE_ACCOUNT, STAGE_DIRECTORY, STAGE_PROGRAM } stage;

typedef struct {
    stage at;
    int error_number;
} failure;

/*  Everything the child needs, made before the fork.  */
typedef struct {
    const wire_plan *plan;
    const wire_plan_step *step;
    char **argv;
    char **environment;
    char *directory;
    const char *path; /*  of the environment  */
    int script_fd;    /*  -1: no script  */
    int input_fd;     /*  -1: /dev/null  */
    int output_fd;
    int failure_fd;
    pid_t parent;
} launch;

/*  ---- before ----  */

/*  The step's own variables replace those of the plan.  */
static void make_environment (launch *self, bg_arena *arena)
{
    const wire_plan *plan = self->plan;
    const wire_plan_step *step = self->step;
    self->environment =
        bg_arena_array (arena, char *, plan->environment_count + step->environment_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < plan->environment_count + step->environment_count; i++) {
        bool is_own = i >= plan->environment_count;
        const wire_variable *from =
            is_own ? &step->environment[i - plan->environment_count] : &plan->environment[i];
        bool is_replaced = false;
        for (size_t k = 0; !is_own && k < step->environment_count; k++)
            is_replaced = is_replaced || bg_slice_equal (step->environment[k].name, from->name);
        if (is_replaced)
            continue;
        bg_slice pair = bg_arena_printf (
            arena, "%.*s=%.*s", BG_SLICE_ARG (from->name), BG_SLICE_ARG (from->value));
        self->environment[count] = bg_arena_str (arena, pair);
        if (bg_slice_is (from->name, "PATH"))
            self->path = self->environment[count] + strlen ("PATH=");
        count++;
    }
}

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

static void make_argv (launch *self, bg_arena *arena)
{
    const wire_plan_step *step = self->step;
    self->argv = bg_arena_array (arena, char *, step->argv_count + 2);
    for (size_t i = 0; i < step->argv_count; i++)
        self->argv[i] = bg_arena_str (arena, step->argv[i]);
    if (self->script_fd >= 0)
        self->argv[step->argv_count] = bg_arena_str (arena, bg_slice_str (SCRIPT_PATH));
}

/*  ---- in the child ----  */

static _Noreturn void fail (const launch *self, stage at)
{
    failure report = {at, errno};
    ssize_t ignored = write (self->failure_fd, &report, sizeof report);
    (void) ignored;
    _exit (127);
}

/*  Every call checked, the result read again, and the way back tried: it must be shut.  */
static void change_account (const launch *self, char *name)
{
    uid_t uid = (uid_t) self->plan->uid;
    gid_t gid = (gid_t) self->plan->gid;
    uid_t uids[3];
    gid_t gids[3];
    if (initgroups (name, gid) < 0 || setresgid (gid, gid, gid) < 0 ||
        setresuid (uid, uid, uid) < 0)
        fail (self, STAGE_ACCOUNT);
    if (getresuid (&uids[0], &uids[1], &uids[2]) < 0 ||
        getresgid (&gids[0], &gids[1], &gids[2]) < 0)
        fail (self, STAGE_ACCOUNT);
    errno = EPERM;
    for (size_t i = 0; i < 3; i++) {
        if (uids[i] != uid || gids[i] != gid)
            fail (self, STAGE_ACCOUNT);
    }
    if (uid != 0 && (setuid (0) == 0 || seteuid (0) == 0)) {
        errno = EPERM;
        fail (self, STAGE_ACCOUNT);
    }
}

static void set_descriptors (const launch *self)
{
    if (dup2 (self->output_fd, STDOUT_FILENO) < 0 || dup2 (self->output_fd, STDERR_FILENO) < 0)
        fail (self, STAGE_SETUP);
    if (self->input_fd >= 0 && dup2 (self->input_fd, STDIN_FILENO) < 0)
        fail (self, STAGE_SETUP);
    unsigned first = SCRIPT_FD;
    if (self->script_fd >= 0) {
        if (self->script_fd != SCRIPT_FD && dup2 (self->script_fd, SCRIPT_FD) < 0)
            fail (self, STAGE_SETUP);
        if (fcntl (SCRIPT_FD, F_SETFD, 0) < 0)
            fail (self, STAGE_SETUP);
        first = SCRIPT_FD + 1;
    }
    if (close_range (first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        fail (self, STAGE_SETUP);
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

/*  A name without a slash is looked for in the step's own PATH. Empty parts of it, which would
    mean the working directory, are passed over.  */
static void execute (const launch *self)
{
    const char *name = self->argv[0];
    if (strchr (name, '/')) {
        (void) execve (name, self->argv, self->environment);
        fail (self, STAGE_PROGRAM);
    }
    int seen = ENOENT;
    const char *at = self->path ? self->path : "";
    while (*at) {
        size_t size = strcspn (at, ":");
        char full[8192];
        if (size &&
            snprintf (full, sizeof full, "%.*s/%s", (int) size, at, name) < (int) sizeof full) {
            (void) execve (full, self->argv, self->environment);
            if (errno != ENOENT && errno != ENOTDIR)
                seen = errno;
        }
        at += size + (at[size] == ':');
    }
    errno = seen;
    fail (self, STAGE_PROGRAM);
}

static _Noreturn void run_child (const launch *self, char *account)
{
    (void) setpgid (0, 0);
    (void) umask (STEP_UMASK);
    if (self->failure_fd <= SCRIPT_FD || self->output_fd <= SCRIPT_FD)
        _exit (127); /*  cannot be: 3 and 4 are the supervisor's own  */
    set_descriptors (self);
    if (self->plan->change_account)
        change_account (self, account);
    if (chdir (self->directory) < 0)
        fail (self, STAGE_DIRECTORY);
    reset_signals ();
    /*  A supervisor that is killed must not leave its step behind unwatched.  */
    if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid () != self->parent)
        fail (self, STAGE_SETUP);
    execute (self);
    _exit (127);
}

/*  ---- after ----  */

static bg_result explain (const launch *self, const failure *why, bg_error *err)
{
    errno = why->error_number;
    switch (why->at) {
    case STAGE_ACCOUNT:
        return bg_fail_errno (
            err, BG_NOT_ALLOWED, "cannot become account %.*s", BG_SLICE_ARG (self->plan->account));
    case STAGE_DIRECTORY:
        return bg_fail_errno (
            err, BG_NOT_FOUND, "cannot change to the directory %s", self->directory);
    case STAGE_PROGRAM:
        if (why->error_number == ENOENT && !strchr (self->argv[0], '/'))
            return bg_fail (err, BG_NOT_FOUND, "the program %.200s is not found in PATH (%.200s)",
                self->argv[0], self->path ? self->path : "");
        return bg_fail_errno (err, why->error_number == ENOENT ? BG_NOT_FOUND : BG_NOT_ALLOWED,
            "cannot run the program %.300s", self->argv[0]);
    default:
        return bg_fail_errno (err, BG_IO, "cannot prepare the step's process");
    }
}

/*  vfork saves the copies of pages that only exist for the moment before exec. A child that becomes
    somebody else does not get to share our memory, though.  */
static pid_t divide (const launch *self, char *account)
{
    pid_t pid = self->plan->change_account ? fork () : vfork ();
    if (pid == 0)
        run_child (self, account);
    return pid;
}

static bg_result start (launch *self, char *account, step_child *child, bg_error *err)
{
    int output[2];
    int report[2];
    if (pipe2 (output, O_CLOEXEC) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a pipe");
    BG_AUTO_FD read_end = output[0];
    BG_AUTO_FD write_end = output[1];
    if (pipe2 (report, O_CLOEXEC) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a pipe");
    BG_AUTO_FD report_end = report[0];
    self->output_fd = write_end;
    self->failure_fd = report[1];
    self->parent = getpid ();
    pid_t pid = divide (self, account);
    (void) close (report[1]);
    if (pid < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot make a process");
    (void) setpgid (pid, pid);
    failure why;
    ssize_t got;
    do {
        got = read (report_end, &why, sizeof why);
    } while (got < 0 && errno == EINTR);
    if (got != 0) {
        (void) waitpid (pid, NULL, 0);
        return got == (ssize_t) sizeof why
                   ? explain (self, &why, err)
                   : bg_fail (err, BG_IO, "the step's process ended before it began");
    }
    if (fcntl (read_end, F_SETFL, O_NONBLOCK) < 0)
        return bg_fail_errno (err, BG_IO, "cannot read the step's output");
    *child = (step_child){pid, read_end};
    read_end = -1;
    return bg_ok ();
}

bg_result step_child_start (
    const wire_plan *plan, const wire_plan_step *step, step_child *child, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    launch self = {.plan = plan, .step = step, .directory = bg_arena_str (&arena, step->directory)};
    if (step->argv_count == 0)
        return bg_fail (err, BG_INVALID, "the step has no program");
    BG_TRY (make_memory ("script", step->script, &self.script_fd, err));
    bg_result result = make_memory ("input", step->input, &self.input_fd, err);
    if (bg_is_ok (result)) {
        make_environment (&self, &arena);
        make_argv (&self, &arena);
        result = start (&self, bg_arena_str (&arena, plan->account), child, err);
    }
    bg_fd_close (&self.script_fd);
    bg_fd_close (&self.input_fd);
    return result;
}

/*  ---- what is left behind ----  */

static pid_t parent_of (const char *pid_text)
{
    char path[64];
    char text[512];
    if (snprintf (path, sizeof path, "/proc/%.20s/stat", pid_text) >= (int) sizeof path)
        return -1;
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
    if (got <= 0)
        return -1;
    text[got] = 0;
    const char *end = strrchr (text, ')'); /*  the name before it may hold anything  */
    int parent = -1;
    char state = 0;
    return end && sscanf (end + 1, " %c %d", &state, &parent) == 2 && state != 'Z' ? parent : -1;
}

size_t step_children_kill (int signal_number)
{
    DIR *stream = opendir ("/proc");
    size_t count = 0;
    if (!stream)
        return 0;
    for (struct dirent *entry = readdir (stream); entry; entry = readdir (stream)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
            parent_of (entry->d_name) != getpid ())
            continue;
        (void) kill ((pid_t) strtol (entry->d_name, NULL, 10), signal_number);
        count++;
    }
    closedir (stream);
    return count;
}
