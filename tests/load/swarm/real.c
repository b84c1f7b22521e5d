/*  The child's side of real steps: see real.h. The helper's: real_helper.c.  */
#include "tests/load/swarm/real.h"

#include "common/sys/unixsock.h"
#include "tests/load/swarm/real_private.h"
#include "tests/load/swarm/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct swarm_real {
    swarm_shared *shared;
    pid_t pid;
    bg_frames *frames;
    bg_fd_watch *watch;
};

bg_result swarm_real_fork (swarm_real **real, bg_error *err)
{
    int fds[2];
    BG_TRY (bg_unix_pair (fds, err));
    (void) fflush (NULL);
    const pid_t pid = fork ();
    if (pid < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot make the helper for real steps");
    if (pid == 0) {
        (void) close (fds[0]);
        _exit (swarm_real_help (fds[1]));
    }
    (void) close (fds[1]);
    swarm_real *self = bg_alloc (sizeof *self);
    self->pid = pid;
    self->frames = bg_frames_create (fds[0], SWARM_REAL_BYTES, SWARM_REAL_QUEUE);
    *real = self;
    return bg_ok ();
}

/*  ---- what comes back ----  */

static void take (swarm_real *self, bg_slice payload)
{
    swarm_real_head head;
    bg_slice records[SWARM_REAL_RECORDS];
    if (payload.size < sizeof head)
        return;
    memcpy (&head, payload.data, sizeof head);
    size_t at = sizeof head;
    for (size_t i = 0; i < head.count; i++) {
        const size_t size = bg_read_u32 (payload.data + at);
        records[i] = bg_slice_of (payload.data + at + 4, size);
        at += 4 + size;
    }
    bg_assert (at == payload.size && head.target < self->shared->target_count);
    swarm_target *target = &self->shared->targets[head.target];
    swarm_run_ended (target, head.run, records, head.count);
    swarm_target_settle (target);
}

static void on_readable (int fd, unsigned events, void *arg)
{
    (void) fd;
    (void) events;
    swarm_real *self = arg;
    for (;;) {
        bg_slice payload;
        const bg_result result = bg_frames_next (self->frames, &payload, NULL);
        if (bg_is_ok (result)) {
            take (self, payload);
            continue;
        }
        if (result.code != BG_AGAIN)
            bg_loop_stop (self->shared->loop, 1); /*  the helper is gone, and its runs with it  */
        return;
    }
}

bg_result swarm_real_watch (swarm_real *self, swarm_shared *shared, bg_error *err)
{
    self->shared = shared;
    return bg_fd_watch_create (shared->loop, bg_frames_fd (self->frames), BG_FD_READ, on_readable,
        self, &self->watch, err);
}

void swarm_real_destroy (swarm_real **self_p)
{
    swarm_real *self = *self_p;
    if (!self)
        return;
    bg_fd_watch_destroy (&self->watch);
    bg_frames_destroy (&self->frames);
    (void) waitpid (self->pid, NULL, 0);
    free (self);
    *self_p = NULL;
}

/*  ---- what goes ----  */

static void say (swarm_real *self, const swarm_real_head *head, bg_slice plan)
{
    const bg_slice parts[] = {bg_slice_of (head, sizeof *head), plan};
    bg_error err = {0};
    bg_result sent = bg_frames_send_parts (self->frames, parts, 2, &err);
    if (bg_is_ok (sent))
        sent = bg_frames_flush_wait (self->frames, 10000, &err);
    if (bg_failed (sent))
        bg_loop_stop (self->shared->loop, 1);
}

void swarm_real_spawn (swarm_real *self, size_t target, bg_id run, bg_slice plan)
{
    say (self, &(swarm_real_head){.target = target, .run = run, .count = 1}, plan);
}

void swarm_real_stop (swarm_real *self, bg_id run)
{
    say (self, &(swarm_real_head){.run = run}, (bg_slice){0});
}
