/*  Keeping parts running: see parts.h. Decides nothing about what the parts do.

    Invariant: at most one process per part; `process.pid` is 0 exactly while it is not running.  */
#include "common/sys/parts.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/notify.h"
#include "common/sys/process.h"
#include "common/sys/random.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STEADY_US    BG_SEC (10) /*  a part that lived so long is not "dying again"  */
#define PAUSE_US     BG_MS (50)  /*  doubled with each death  */
#define PAUSE_STEPS  7
#define PAUSE_MAX_US BG_SEC (5)
#define END_WAIT_US  BG_SEC (8)

typedef struct {
    const bg_part *part;
    bg_process process;
    bool was_ready; /*  ever  */
    bool is_ready;  /*  this process  */
    int64_t started_us;
    int64_t start_at_us; /*  while not running: when to start it again  */
    int quick_deaths;    /*  in a row  */
    int fruitless;       /*  starts in a row that did not become ready  */
} running_part;

typedef struct {
    const bg_parts *plan;
    running_part parts[BG_PARTS_MAX];
    size_t count;
    bg_log *log;
    int64_t pause_max_us;
    int64_t end_wait_us;
    int signals; /*  signalfd  */
    int notify;  /*  datagram socket that parts say READY=1 to  */
    char notify_name[64];
    char **environment;
    bool said_ready;
    bool stopping;
    int64_t kill_at_us;
    int exit_code;
} keeper;

static bg_result open_notify (keeper *self, bg_error *err)
{
    self->notify = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->notify < 0)
        return bg_fail_errno (err, BG_IO, "no socket for the parts");
    int on = 1;
    (void) setsockopt (self->notify, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    (void) snprintf (self->notify_name, sizeof self->notify_name, "@bugle-%d-%016llx",
        (int) getpid (), (unsigned long long) bg_random_u64 ());
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen (self->notify_name);
    memcpy (address.sun_path + 1, self->notify_name + 1, size - 1);
    if (bind (self->notify, (struct sockaddr *) &address,
            (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size)) != 0)
        return bg_fail_errno (err, BG_IO, "no address for the parts");
    return bg_ok ();
}

/*  Our environment with where to say READY=1 and whose part it is.  */
static char **part_environment (const char *notify_name)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **copy = bg_alloc ((count + 3) * sizeof *copy);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (strncmp (environ[i], "NOTIFY_SOCKET=", 14) != 0 &&
            strncmp (environ[i], "BUGLE_KEEPER=", 13) != 0)
            copy[used++] = bg_strdup (environ[i]);
    }
    copy[used++] = bg_strdup_printf ("NOTIFY_SOCKET=%s", notify_name);
    copy[used] = bg_strdup_printf ("BUGLE_KEEPER=%d", (int) getpid ());
    return copy;
}

static bg_result open_signals (keeper *self, bg_error *err)
{
    sigset_t set;
    (void) sigemptyset (&set);
    (void) sigaddset (&set, SIGTERM);
    (void) sigaddset (&set, SIGINT);
    (void) sigaddset (&set, SIGHUP);
    if (sigprocmask (SIG_BLOCK, &set, NULL) != 0)
        return bg_fail_errno (err, BG_IO, "signals cannot be blocked");
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals < 0)
        return bg_fail_errno (err, BG_IO, "no descriptor for signals");
    return bg_ok ();
}

static bg_result start_part (keeper *self, running_part *part, bg_error *err)
{
    bg_spawn spawn = {
        .path = part->part->argv[0],
        .argv = part->part->argv,
        .envp = (const char *const *) self->environment,
        .new_session = true,
    };
    part->started_us = bg_clock_mono_us ();
    BG_TRY (bg_process_spawn (&spawn, &part->process, err));
    bg_log_event (self->log, BG_LOG_DEBUG, "part-started", "part=%s pid=%d", part->part->name,
        (int) part->process.pid);
    return bg_ok ();
}

static void begin_stop (keeper *self, int exit_code)
{
    if (self->stopping)
        return;
    self->stopping = true;
    self->exit_code = exit_code;
    self->kill_at_us = bg_clock_mono_us () + self->end_wait_us;
    (void) bg_notify ("STOPPING=1");
    for (size_t i = 0; i < self->count; i++) {
        /*  A part that has just gone is what we want.  */
        if (self->parts[i].process.pid)
            bg_ignore (bg_process_kill (&self->parts[i].process, SIGTERM, NULL));
    }
}

static void read_signals (keeper *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == (ssize_t) sizeof info) {
        if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT)
            continue;
        if (!self->stopping)
            bg_log_event (self->log, BG_LOG_NOTICE, "ending", "signal=%u", info.ssi_signo);
        begin_stop (self, 0);
    }
}

static void mark_part (keeper *self, running_part *part)
{
    if (part->is_ready)
        return;
    bool is_back = part->was_ready;
    part->is_ready = part->was_ready = true;
    part->fruitless = 0;
    bg_log_event (self->log, is_back ? BG_LOG_NOTICE : BG_LOG_DEBUG,
        is_back ? "part-back" : "part-ready", "part=%s pid=%d", part->part->name,
        (int) part->process.pid);
}

static void mark_ready (keeper *self, pid_t pid)
{
    bool all = true;
    for (size_t i = 0; i < self->count; i++) {
        running_part *part = &self->parts[i];
        if (part->process.pid == pid)
            mark_part (self, part);
        all = all && part->is_ready;
    }
    if (!all || self->said_ready || self->stopping)
        return;
    self->said_ready = true;
    if (self->plan->log_ready)
        self->plan->log_ready (self->log, self->plan->arg);
    else
        bg_log_event (self->log, BG_LOG_NOTICE, "ready", "parts=%zu", self->count);
    (void) bg_notify ("READY=1");
}

static void read_notify (keeper *self)
{
    for (;;) {
        char text[256];
        union {
            char bytes[CMSG_SPACE (sizeof (struct ucred))];
            struct cmsghdr align;
        } control;
        struct iovec iov = {text, sizeof text - 1};
        struct msghdr message = {.msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof control.bytes};
        ssize_t size = recvmsg (self->notify, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0)
            return;
        text[size] = 0;
        struct cmsghdr *header = CMSG_FIRSTHDR (&message);
        if (!strstr (text, "READY=1") || !header || header->cmsg_level != SOL_SOCKET ||
            header->cmsg_type != SCM_CREDENTIALS)
            continue;
        struct ucred credentials;
        memcpy (&credentials, CMSG_DATA (header), sizeof credentials);
        mark_ready (self, credentials.pid);
    }
}

/*  True when nothing can be done about such a part; the end has begun then.  */
static bool is_hopeless (keeper *self, running_part *part, bg_exit result)
{
    if (!part->was_ready) {
        bg_log_event (self->log, BG_LOG_ERROR, "part-failed", "part=%s end=%s", part->part->name,
            bg_log_cstr (bg_exit_text (result).text).text);
        begin_stop (self, result.is_signal || result.value == 0 ? 1 : result.value);
        return true;
    }
    if (part->fruitless >= BG_PARTS_TRIES) {
        bg_log_event (self->log, BG_LOG_ERROR, "part-given-up", "part=%s starts=%d end=%s hint=%s",
            part->part->name, part->fruitless, bg_log_cstr (bg_exit_text (result).text).text,
            bg_log_cstr ("see its lines above; start the program again when that is mended").text);
        begin_stop (self, 1);
        return true;
    }
    return false;
}

static void part_ended (keeper *self, running_part *part, bg_exit result)
{
    int64_t now = bg_clock_mono_us ();
    part->fruitless += !part->is_ready;
    part->is_ready = false;
    if (self->stopping || is_hopeless (self, part, result))
        return;
    part->quick_deaths = now - part->started_us < STEADY_US ? part->quick_deaths + 1 : 1;
    int64_t pause =
        PAUSE_US << (part->quick_deaths > PAUSE_STEPS ? PAUSE_STEPS : part->quick_deaths - 1);
    if (pause > self->pause_max_us)
        pause = self->pause_max_us;
    part->start_at_us = now + pause;
    bg_log_event (self->log, BG_LOG_WARNING, "part-ended", "part=%s end=%s again_ms=%lld",
        part->part->name, bg_log_cstr (bg_exit_text (result).text).text,
        (long long) (pause / 1000));
}

static void reap_parts (keeper *self)
{
    for (size_t i = 0; i < self->count; i++) {
        running_part *part = &self->parts[i];
        bg_exit result;
        if (part->process.pid && bg_is_ok (bg_process_reap (&part->process, &result, NULL)))
            part_ended (self, part, result);
    }
}

static bool any_running (const keeper *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->parts[i].process.pid)
            return true;
    }
    return false;
}

/*  Starts parts whose pause is over, or kills what does not end. Returns when to come again, mono_us.  */
static int64_t do_due (keeper *self)
{
    int64_t now = bg_clock_mono_us ();
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < self->count; i++) {
        running_part *part = &self->parts[i];
        if (self->stopping) {
            if (part->process.pid && now >= self->kill_at_us) {
                bg_log_event (self->log, BG_LOG_WARNING, "part-forced", "part=%s pid=%d",
                    part->part->name, (int) part->process.pid);
                bg_ignore (bg_process_kill (&part->process, SIGKILL, NULL));
            }
            next = self->kill_at_us > now ? self->kill_at_us : now + BG_SEC (1);
            continue;
        }
        if (part->process.pid)
            continue;
        bg_error why = {0};
        if (now >= part->start_at_us && bg_failed (start_part (self, part, &why))) {
            bg_log_failure (
                self->log, BG_LOG_ERROR, "part-not-started", &why, "part=%s", part->part->name);
            part->start_at_us = now + PAUSE_MAX_US;
        }
        if (!part->process.pid && part->start_at_us < next)
            next = part->start_at_us;
    }
    return next;
}

static void wait_for_something (keeper *self, int64_t until_us)
{
    struct pollfd fds[BG_PARTS_MAX + 2];
    nfds_t count = 0;
    fds[count++] = (struct pollfd){.fd = self->signals, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = self->notify, .events = POLLIN};
    for (size_t i = 0; i < self->count; i++) {
        if (self->parts[i].process.pid)
            fds[count++] = (struct pollfd){.fd = self->parts[i].process.pidfd, .events = POLLIN};
    }
    int timeout = -1;
    if (until_us != INT64_MAX) {
        int64_t left = until_us - bg_clock_mono_us ();
        timeout = left <= 0 ? 0 : (int) (left / 1000 + 1);
    }
    (void) poll (fds, count, timeout);
}

static void keeper_fini (keeper *self)
{
    for (size_t i = 0; i < self->count; i++)
        bg_process_forget (&self->parts[i].process);
    for (char **entry = self->environment; entry && *entry; entry++)
        free (*entry);
    free (self->environment);
    bg_fd_close (&self->notify);
    bg_fd_close (&self->signals);
}

static bg_result keeper_begin (keeper *self, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    BG_TRY (open_signals (self, err));
    BG_TRY (open_notify (self, err));
    self->environment = part_environment (self->notify_name);
    for (size_t i = 0; i < self->count; i++)
        BG_TRY (start_part (self, &self->parts[i], err));
    return bg_ok ();
}

bg_result bg_parts_run (const bg_parts *plan, int *exit_code, bg_error *err)
{
    bg_assert (plan->count > 0 && plan->count <= BG_PARTS_MAX);
    keeper self = {
        .plan = plan,
        .count = plan->count,
        .log = plan->log,
        .pause_max_us = plan->pause_max_us ? plan->pause_max_us : PAUSE_MAX_US,
        .end_wait_us = plan->end_wait_us ? plan->end_wait_us : END_WAIT_US,
        .signals = -1,
        .notify = -1,
    };
    for (size_t i = 0; i < self.count; i++)
        self.parts[i] = (running_part){.part = &plan->parts[i], .process = {0, -1}};
    bg_result begun = keeper_begin (&self, err);
    if (bg_failed (begun))
        begin_stop (&self, 1);
    while (!self.stopping || any_running (&self)) {
        int64_t until = do_due (&self);
        wait_for_something (&self, until);
        read_signals (&self);
        read_notify (&self);
        reap_parts (&self);
        bg_log_tick (self.log);
    }
    *exit_code = self.exit_code;
    keeper_fini (&self);
    return begun;
}

bg_part_command bg_part_command_of (
    const char *program, const char *word, const bg_part_options *options)
{
    bg_part_command command = {.argv = {program}};
    size_t count = 1;
    if (word)
        command.argv[count++] = word;
    if (options->home) {
        command.argv[count++] = "--home";
        command.argv[count++] = options->home;
    }
    if (options->log_json)
        command.argv[count++] = "--log-json";
    if (options->log_level) {
        command.argv[count++] = "--log-level";
        command.argv[count++] = options->log_level;
    }
    return command;
}

void bg_parts_keep (void)
{
    char pid[16];
    (void) snprintf (pid, sizeof pid, "%d", (int) getpid ());
    (void) setenv ("BUGLE_KEEPER", pid, 1);
}

bool bg_parts_join (void)
{
    const char *text = getenv ("BUGLE_KEEPER");
    if (!text)
        return false;
    pid_t keeper_pid = (pid_t) strtol (text, NULL, 10);
    (void) unsetenv ("BUGLE_KEEPER");
    if (prctl (PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid () == keeper_pid)
        return true;
    /*  Somebody else's child: the variable was inherited further, by a program that is no part.  */
    (void) prctl (PR_SET_PDEATHSIG, 0);
    /*  Or ours, and the keeper was gone before its end could be asked for.  */
    if (keeper_pid > 0 && kill (keeper_pid, 0) != 0 && errno == ESRCH)
        (void) raise (SIGTERM);
    return false;
}
