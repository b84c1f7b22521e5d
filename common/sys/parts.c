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

#define STEADY_US     BG_SEC (10) /*  a part that lived so long is not "dying again"  */
#define PAUSE_MAX_US  BG_SEC (5)
#define PAUSE_US      BG_MS (50)
#define QUICK_DEATHS  12          /*  in a row, then it is given up  */
#define TERM_WAIT_US  BG_SEC (8)

typedef struct {
    const bg_part *part;
    bg_process process;
    bool was_ready;    /*  ever  */
    bool is_ready;     /*  this process  */
    int64_t started_us;
    int64_t start_at_us; /*  while not running: when to start it again  */
    int quick_deaths;
} running_part;

typedef struct {
    running_part parts[BG_PARTS_MAX];
    size_t count;
    bg_log *log;
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
    (void) snprintf (self->notify_name, sizeof self->notify_name, "@bugle-%d-%016llx", (int) getpid (),
        (unsigned long long) bg_random_u64 ());
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
        if (strncmp (environ[i], "NOTIFY_SOCKET=", 14) != 0 && strncmp (environ[i], "BUGLE_KEEPER=", 13) != 0)
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
    };
    part->is_ready = false;
    part->started_us = bg_clock_mono_us ();
    BG_TRY (bg_process_spawn (&spawn, &part->process, err));
    bg_log_event (self->log, BG_LOG_DEBUG, "part-started", "part=%s pid=%d", part->part->name, (int) part->process.pid);
    return bg_ok ();
}

static void begin_stop (keeper *self, int exit_code)
{
    if (self->stopping)
        return;
    self->stopping = true;
    self->exit_code = exit_code;
    self->kill_at_us = bg_clock_mono_us () + TERM_WAIT_US;
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
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_stop (self, 0);
    }
}

static void mark_ready (keeper *self, pid_t pid)
{
    bool all = true;
    for (size_t i = 0; i < self->count; i++) {
        running_part *part = &self->parts[i];
        if (part->process.pid == pid)
            part->is_ready = part->was_ready = true;
        all = all && part->is_ready;
    }
    if (all && !self->said_ready) {
        self->said_ready = true;
        bg_log_event (self->log, BG_LOG_NOTICE, "ready", "parts=%zu", self->count);
        (void) bg_notify ("READY=1");
    }
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
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
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

static void part_ended (keeper *self, running_part *part, bg_exit result)
{
    int64_t now = bg_clock_mono_us ();
    if (self->stopping)
        return;
    if (!part->was_ready) {
        bg_log_event (self->log, BG_LOG_ERROR, "part-failed", "part=%s end=%s", part->part->name,
            bg_log_cstr (bg_exit_text (result).text).text);
        begin_stop (self, result.is_signal || result.value == 0 ? 1 : result.value);
        return;
    }
    part->quick_deaths = now - part->started_us < STEADY_US ? part->quick_deaths + 1 : 1;
    if (part->quick_deaths > QUICK_DEATHS) {
        bg_log_event (self->log, BG_LOG_ERROR, "part-given-up", "part=%s deaths=%d", part->part->name,
            part->quick_deaths);
        begin_stop (self, 1);
        return;
    }
    int64_t pause = PAUSE_US << (part->quick_deaths > 7 ? 7 : part->quick_deaths - 1);
    part->start_at_us = now + (pause > PAUSE_MAX_US ? PAUSE_MAX_US : pause);
    bg_log_event (self->log, BG_LOG_WARNING, "part-ended", "part=%s end=%s again_ms=%lld", part->part->name,
        bg_log_cstr (bg_exit_text (result).text).text, (long long) ((part->start_at_us - now) / 1000));
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
            if (part->process.pid && now >= self->kill_at_us)
                bg_ignore (bg_process_kill (&part->process, SIGKILL, NULL));
            next = self->kill_at_us > now ? self->kill_at_us : now + BG_SEC (1);
            continue;
        }
        if (part->process.pid)
            continue;
        bg_error why = {0};
        if (now >= part->start_at_us && bg_failed (start_part (self, part, &why))) {
            bg_log_failure (self->log, BG_LOG_ERROR, "part-not-started", &why, "part=%s", part->part->name);
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

bg_result bg_parts_run (const bg_part *parts, size_t count, bg_log *log, int *exit_code, bg_error *err)
{
    bg_assert (count > 0 && count <= BG_PARTS_MAX);
    keeper self = {.count = count, .log = log, .signals = -1, .notify = -1};
    for (size_t i = 0; i < count; i++)
        self.parts[i] = (running_part){.part = &parts[i], .process = {0, -1}};
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

void bg_parts_join (void)
{
    const char *text = getenv ("BUGLE_KEEPER");
    if (!text)
        return;
    pid_t pid = (pid_t) strtol (text, NULL, 10);
    (void) unsetenv ("BUGLE_KEEPER");
    /*  Only a direct child is a part; the variable may have been inherited further.  */
    if (prctl (PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid () != pid)
        (void) prctl (PR_SET_PDEATHSIG, 0);
}
