/*  The connection to bugle-exec: see exec_client.h.  */
#include "node/shell/exec_client.h"

#include "common/base/now.h"
#include "common/sys/file.h"
#include "common/sys/frames.h"
#include "common/sys/unixsock.h"

#include <stdlib.h>

#define EXEC_MESSAGE_MAX (1024 * 1024)
#define EXEC_QUEUE_MAX   (16 * 1024 * 1024)
#define RETRY_US         BG_MS (20)
#define RETRY_MAX_US     BG_SEC (1)
#define BATCH            32 /*  messages a turn  */

struct node_exec_client {
    bg_loop *loop;
    bg_log *log;
    char *path;
    bg_frames *frames; /*  NULL: not connected  */
    bg_fd_watch *watch;
    bg_timer *retry;
    int64_t retry_us;
    node_exec_handlers handlers;
};

static void drop_connection (node_exec_client *self)
{
    bg_fd_watch_destroy (&self->watch);
    bg_frames_destroy (&self->frames);
    bg_timer_arm (self->retry, self->retry_us);
    bg_log_event (self->log, BG_LOG_WARNING, "exec-down", "path=%s", self->path);
    self->handlers.down (self->handlers.ctx);
}

static void update_watch (node_exec_client *self)
{
    bg_fd_watch_set (
        self->watch, BG_FD_READ | (bg_frames_wants_write (self->frames) ? BG_FD_WRITE : 0U));
}

static void connection_ready (int fd, unsigned events, void *arg)
{
    (void) fd;
    node_exec_client *self = arg;
    if ((events & BG_FD_WRITE) && bg_failed (bg_frames_flush (self->frames, NULL))) {
        drop_connection (self);
        return;
    }
    for (int i = 0; i < BATCH || bg_frames_has_next (self->frames); i++) {
        bg_slice blob;
        bg_result next = bg_frames_next (self->frames, &blob, NULL);
        if (next.code == BG_AGAIN)
            break;
        if (bg_failed (next)) {
            drop_connection (self);
            return;
        }
        self->handlers.message (self->handlers.ctx, blob);
        if (!self->frames)
            return;
    }
    update_watch (self);
}

static void try_connect (void *arg)
{
    node_exec_client *self = arg;
    int fd = -1;
    bg_peer peer;
    bg_error err = {0};
    bg_result result = bg_unix_connect_own (self->path, &fd, &peer, &err);
    if (bg_is_ok (result))
        result = bg_fd_watch_create (
            self->loop, fd, BG_FD_READ, connection_ready, self, &self->watch, &err);
    if (bg_failed (result)) {
        bg_fd_close (&fd);
        if (result.code != BG_UNREACHABLE)
            bg_log_failure (
                self->log, BG_LOG_WARNING, "exec-unreachable", &err, "path=%s", self->path);
        self->retry_us = self->retry_us * 2 > RETRY_MAX_US ? RETRY_MAX_US : self->retry_us * 2;
        bg_timer_arm (self->retry, self->retry_us);
        return;
    }
    self->retry_us = RETRY_US;
    self->frames = bg_frames_create (fd, EXEC_MESSAGE_MAX, EXEC_QUEUE_MAX);
    bg_log_event (self->log, BG_LOG_INFO, "exec-up", "pid=%d", (int) peer.pid);
    self->handlers.up (self->handlers.ctx);
}

bg_result node_exec_client_create (bg_loop *loop, bg_log *log, const char *path,
    const node_exec_handlers *handlers, node_exec_client **client, bg_error *err)
{
    node_exec_client *self = bg_alloc (sizeof *self);
    self->loop = loop;
    self->log = log;
    self->path = bg_strdup (path);
    self->handlers = *handlers;
    self->retry_us = RETRY_US;
    bg_result result = bg_timer_create (loop, try_connect, self, &self->retry, err);
    if (bg_failed (result)) {
        node_exec_client_destroy (&self);
        return result;
    }
    bg_timer_arm (self->retry, 0);
    *client = self;
    return bg_ok ();
}

void node_exec_client_destroy (node_exec_client **self_p)
{
    if (!self_p || !*self_p)
        return;
    node_exec_client *self = *self_p;
    bg_fd_watch_destroy (&self->watch);
    bg_frames_destroy (&self->frames);
    bg_timer_destroy (&self->retry);
    free (self->path);
    free (self);
    *self_p = NULL;
}

bool node_exec_client_is_up (const node_exec_client *self)
{
    return self->frames != NULL;
}

void node_exec_client_send (node_exec_client *self, bg_slice blob)
{
    if (!self->frames)
        return;
    bg_error err = {0};
    if (bg_failed (bg_frames_send (self->frames, blob, &err)) ||
        bg_failed (bg_frames_flush (self->frames, &err))) {
        bg_log_failure (self->log, BG_LOG_WARNING, "exec-not-sent", &err, "bytes=%zu", blob.size);
        drop_connection (self);
        return;
    }
    update_watch (self);
}
