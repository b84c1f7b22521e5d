/*  Two children and their restarts.

    State of a child:

        idle --start--> starting --its byte--> ready
          ^                |                     |
          +---- ended -----+---------------------+

    It comes back after a delay, and never when we are ending.

    Invariant: process.pidfd, watch and pair belong together: all while the child runs.  */
#include "broker/main/children.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/process.h"
#include "common/sys/unixsock.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PARENT_FD      3 /*  the child's number of its end of the pair  */
#define FORCE_US       INT64_C (7000000)
#define DELAY_FIRST_US INT64_C (100000)
#define DELAY_MOST_US  INT64_C (10000000)

typedef struct {
    broker_children *all;
    const char *name;
    bg_process process;
    bg_fd_watch *exit_watch;
    int pair; /*  our end; -1: none  */
    bg_fd_watch *pair_watch;
    bg_timer *again;
    int64_t delay_us;
    unsigned fruitless; /*  starts in a row without becoming ready  */
    bool is_ready;
    bool was_ready; /*  ever  */
} child;

#define CHILDREN 2

struct broker_children {
    const broker_children_options *options;
    bg_loop *loop;
    bg_log *log;
    void (*ready) (void *arg);
    void *arg;
    char *program;
    child children[CHILDREN];
    bg_timer *force;
    bool is_told;
    bool is_ending;
    int exit_code;
};

static void start_child (child *self);

/*  ---- ending ----  */

static void forget (child *self)
{
    bg_fd_watch_destroy (&self->exit_watch);
    bg_fd_watch_destroy (&self->pair_watch);
    bg_fd_close (&self->pair);
    self->is_ready = false;
}

static void stop_when_empty (broker_children *self)
{
    for (size_t i = 0; i < CHILDREN; i++)
        if (self->children[i].process.pid != 0)
            return;
    bg_loop_stop (self->loop, self->exit_code);
}

static void on_force (void *arg)
{
    broker_children *self = arg;
    for (size_t i = 0; i < CHILDREN; i++) {
        child *one = &self->children[i];
        if (one->process.pid == 0)
            continue;
        bg_log_event (self->log, BG_LOG_WARNING, "part-forced", "part=%s pid=%d", one->name,
            (int) one->process.pid);
        bg_ignore (
            bg_process_kill (&one->process, SIGKILL, NULL)); /*  gone by itself is as good  */
    }
}

void broker_children_end (broker_children *self, int exit_code)
{
    if (self->is_ending)
        return;
    self->is_ending = true;
    self->exit_code = exit_code;
    bg_timer_arm (self->force, FORCE_US);
    for (size_t i = 0; i < CHILDREN; i++) {
        bg_timer_disarm (self->children[i].again);
        if (self->children[i].process.pid != 0)
            bg_ignore (
                bg_process_kill (&self->children[i].process, SIGTERM, NULL)); /*  gone: fine  */
    }
    stop_when_empty (self);
}

static void again_later (child *self, bg_exit result)
{
    broker_children *all = self->all;
    if (!self->was_ready) {
        /*  It has said why on stderr.  */
        broker_children_end (all, 1);
        return;
    }
    if (self->fruitless >= BROKER_TRIES) {
        bg_log_event (all->log, BG_LOG_ERROR, "given-up", "part=%s starts=%u last=%s hint=%s",
            self->name, self->fruitless, bg_log_cstr (bg_exit_text (result).text).text,
            bg_log_cstr ("see its lines above; start the broker again when that is mended").text);
        broker_children_end (all, 1);
        return;
    }
    bg_timer_arm (self->again, self->delay_us);
    self->delay_us = self->delay_us ? self->delay_us * 2 : DELAY_FIRST_US;
    if (self->delay_us > DELAY_MOST_US)
        self->delay_us = DELAY_MOST_US;
}

static void on_exit_fd (int fd, unsigned events, void *arg)
{
    (void) fd, (void) events;
    child *self = arg;
    broker_children *all = self->all;
    bg_exit result = {0};
    pid_t pid = self->process.pid;
    bg_fd_watch_destroy (&self->exit_watch);
    bg_ignore (
        bg_process_reap (&self->process, &result, NULL)); /*  its pidfd says that it has ended  */
    self->process = (bg_process){0, -1};
    forget (self);
    if (all->is_ending) {
        stop_when_empty (all);
        return;
    }
    bg_log_event (all->log, BG_LOG_WARNING, "part-ended", "part=%s pid=%d how=%s", self->name,
        (int) pid, bg_log_cstr (bg_exit_text (result).text).text);
    again_later (self, result);
}

/*  ---- starting ----  */

static void on_pair (int fd, unsigned events, void *arg)
{
    (void) events;
    child *self = arg;
    broker_children *all = self->all;
    char byte;
    if (read (fd, &byte, 1) != 1) {
        bg_fd_watch_set (self->pair_watch, 0); /*  it is ending; the other watch will say so  */
        return;
    }
    if (self->was_ready)
        bg_log_event (all->log, BG_LOG_NOTICE, "part-back", "part=%s pid=%d", self->name,
            (int) self->process.pid);
    self->is_ready = self->was_ready = true;
    self->fruitless = 0;
    self->delay_us = 0;
    for (size_t i = 0; i < CHILDREN; i++)
        if (!all->children[i].is_ready)
            return;
    if (!all->is_told) {
        all->is_told = true;
        all->ready (all->arg);
    }
}

static bg_result spawn (child *self, bg_error *err)
{
    const broker_children_options *options = self->all->options;
    const char *argv[16] = {"bugle-broker", self->name, "--parent-fd", "3"};
    size_t count = 4;
    if (options->dir) {
        argv[count++] = "--home";
        argv[count++] = options->dir;
    }
    if (options->log_format == BG_LOG_JSON)
        argv[count++] = "--log-json";
    if (options->log_level) {
        argv[count++] = "--log-level";
        argv[count++] = options->log_level;
    }
    argv[count] = NULL;
    int pair[2];
    BG_TRY (bg_unix_pair (pair, err));
    bg_spawn_fd fds[] = {{.fd = pair[1], .as = PARENT_FD}};
    bg_spawn plan = {
        .path = self->all->program, .argv = argv, .fds = fds, .fd_count = 1, .new_session = true};
    bg_result result = bg_process_spawn (&plan, &self->process, err);
    close (pair[1]);
    self->pair = pair[0];
    return result;
}

static bg_result try_start (child *self, bg_error *err)
{
    BG_TRY (spawn (self, err));
    BG_TRY (bg_fd_watch_create (self->all->loop, self->process.pidfd, BG_FD_READ, on_exit_fd, self,
        &self->exit_watch, err));
    return bg_fd_watch_create (
        self->all->loop, self->pair, BG_FD_READ, on_pair, self, &self->pair_watch, err);
}

static void start_child (child *self)
{
    bg_error err = {0};
    self->fruitless++;
    if (bg_is_ok (try_start (self, &err)))
        return;
    bg_log_failure (self->all->log, BG_LOG_ERROR, "part-not-started", &err, "part=%s", self->name);
    if (self->process.pid != 0) {
        bg_exit result;
        bg_ignore (bg_process_kill (&self->process, SIGKILL, NULL));
        bg_ignore (bg_process_wait (&self->process, -1, &result, NULL)); /*  killed: it ends  */
    }
    forget (self);
    again_later (self, (bg_exit){.value = 1});
}

static void on_again (void *arg)
{
    start_child (arg);
}

/*  ---- life ----  */

static bg_result own_program (char **program, bg_error *err)
{
    char path[PATH_MAX];
    ssize_t size = readlink ("/proc/self/exe", path, sizeof path - 1);
    if (size <= 0)
        return bg_fail_errno (err, BG_IO, "cannot find the running program");
    path[size] = 0;
    /*  A package upgrade replaces the file under a running program; the new one is the one to
        start.  */
    char *gone = strstr (path, " (deleted)");
    if (gone && !gone[sizeof " (deleted)" - 1])
        *gone = 0;
    *program = bg_strdup (path);
    return bg_ok ();
}

bg_result broker_children_create (const broker_children_options *options, bg_loop *loop,
    bg_log *log, void (*ready) (void *arg), void *arg, broker_children **children, bg_error *err)
{
    static const char *const names[CHILDREN] = {"core", "front"};
    broker_children *self = bg_alloc (sizeof *self);
    *self =
        (broker_children){.options = options, .loop = loop, .log = log, .ready = ready, .arg = arg};
    bg_result result = own_program (&self->program, err);
    if (bg_is_ok (result))
        result = bg_timer_create (loop, on_force, self, &self->force, err);
    for (size_t i = 0; i < CHILDREN; i++) {
        child *one = &self->children[i];
        *one = (child){.all = self, .name = names[i], .process = {0, -1}, .pair = -1};
        if (bg_is_ok (result))
            result = bg_timer_create (loop, on_again, one, &one->again, err);
    }
    if (bg_failed (result)) {
        broker_children_destroy (&self);
        return result;
    }
    *children = self;
    return bg_ok ();
}

void broker_children_destroy (broker_children **self_p)
{
    broker_children *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < CHILDREN; i++) {
        forget (&self->children[i]);
        bg_timer_destroy (&self->children[i].again);
        if (self->children[i].process.pid != 0)
            bg_process_forget (&self->children[i].process);
    }
    bg_timer_destroy (&self->force);
    free (self->program);
    free (self);
    *self_p = NULL;
}

bg_result broker_children_start (broker_children *self, bg_error *err)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        self->children[i].fruitless = 1;
        BG_TRY (try_start (&self->children[i], err));
    }
    return bg_ok ();
}
