/*  Sockets of bugle-exec: the node's and the supervisors'. Who is on the other side is asked of
    the kernel.

    Under --home only root and our own user may talk here. In a system installation the node has
    an account of its own, which may connect as well: the socket takes its group from the directory.
    Privileged are only root and our own user.
*/
#include "common/sys/unixsock.h"
#include "node/exec/shell_private.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

bg_result shell_watch (shell *self, int fd, watch *item, uint32_t events, bg_error *err)
{
    struct epoll_event event = {.events = events, .data.ptr = item};
    item->events = events;
    if (epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return bg_fail_errno (err, BG_IO, "cannot watch a descriptor");
    return bg_ok ();
}

bg_result shell_listen (shell *self, bg_error *err)
{
    mode_t mode = self->config.home->is_system ? 0660 : 0600;
    BG_TRY (bg_unix_listen (self->supervisor_path, 0600, &self->supervisor_listener_fd, err));
    BG_TRY (bg_unix_listen (self->node_path, mode, &self->node_listener_fd, err));
    self->node_listener.kind = WATCH_NODE_LISTENER;
    self->supervisor_listener.kind = WATCH_SUPERVISOR_LISTENER;
    BG_TRY (
        shell_watch (self, self->supervisor_listener_fd, &self->supervisor_listener, EPOLLIN, err));
    return shell_watch (self, self->node_listener_fd, &self->node_listener, EPOLLIN, err);
}

void shell_unlisten (shell *self)
{
    if (self->node_listener_fd >= 0)
        bg_unix_unlisten (&self->node_listener_fd, self->node_path);
    if (self->supervisor_listener_fd >= 0)
        bg_unix_unlisten (&self->supervisor_listener_fd, self->supervisor_path);
}

static size_t *count_of (shell *self, watch_kind kind)
{
    return kind == WATCH_NODE ? &self->node_count : &self->supervisor_count;
}

void shell_close_watch (shell *self, watch *item)
{
    if (item->is_closed)
        return;
    item->is_closed = true;
    if (item->frames) {
        (void) epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, bg_frames_fd (item->frames), NULL);
        bg_frames_destroy (&item->frames);
        (*count_of (self, item->kind))--;
    }
    if (item->kind == WATCH_CHILD && item->process.pidfd >= 0) {
        (void) epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, item->process.pidfd, NULL);
        bg_process_forget (&item->process);
    }
    if (item->kind == WATCH_NODE && self->core)
        exec_core_peer_gone (self->core, item->id);
}

void shell_bury (shell *self)
{
    for (watch **at = &self->watches; *at;) {
        watch *item = *at;
        if (!item->is_closed) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        free (item);
    }
}

void shell_close_links (shell *self, watch_kind kind)
{
    for (watch *item = self->watches; item; item = item->next) {
        if (item->kind == kind)
            shell_close_watch (self, item);
    }
}

static bg_result check_peer (const shell *self, watch_kind kind, const bg_peer *peer, bg_error *err)
{
    uid_t user = geteuid ();
    gid_t group = 0;
    if (kind == WATCH_NODE)
        BG_TRY (bg_home_account (self->config.home, BG_HOME_RUN_NODE, &user, &group, err));
    return bg_unix_require (peer, user, err);
}

void shell_accept (shell *self, watch *listener)
{
    watch_kind kind = listener->kind == WATCH_NODE_LISTENER ? WATCH_NODE : WATCH_SUPERVISOR;
    int listener_fd = kind == WATCH_NODE ? self->node_listener_fd : self->supervisor_listener_fd;
    int fd = -1;
    bg_peer peer;
    bg_error err = {0};
    bg_result result = bg_unix_accept (listener_fd, &fd, &peer, &err);
    if (result.code == BG_AGAIN)
        return;
    if (bg_is_ok (result))
        result = check_peer (self, kind, &peer, &err);
    size_t most = kind == WATCH_NODE ? SHELL_NODES_MAX : SHELL_SUPERVISORS_MAX;
    if (bg_is_ok (result) && *count_of (self, kind) >= most)
        result = bg_fail (&err, BG_OVERLOADED, "more than %zu connections", most);
    if (bg_failed (result)) {
        bg_log_failure (self->config.log, BG_LOG_WARNING, "connection-refused", &err, "socket=%s",
            kind == WATCH_NODE ? "node" : "supervisor");
        if (fd >= 0)
            (void) close (fd);
        return;
    }
    watch *link = bg_alloc (sizeof *link);
    link->kind = kind;
    link->id = ++self->last_peer;
    link->privileged = peer.uid == 0 || peer.uid == geteuid ();
    link->frames = bg_frames_create (fd, SHELL_MESSAGE_BYTES, SHELL_QUEUE_BYTES);
    link->process.pidfd = -1;
    (*count_of (self, kind))++;
    link->next = self->watches;
    self->watches = link;
    if (bg_failed (shell_watch (self, fd, link, EPOLLIN, NULL)))
        shell_close_watch (self, link);
}

static bg_result take_message (shell *self, watch *link, bg_slice blob, bg_error *err)
{
    if (link->kind == WATCH_SUPERVISOR) {
        shell_supervisor_message (self, link, blob);
        return bg_ok ();
    }
    return exec_core_handle (
        self->core, shell_now (), (exec_peer){link->id, link->privileged}, blob, err);
}

/*  At most so many messages of one link in a turn, so that one batch stays small.  */
#define BATCH 64

void shell_link_ready (shell *self, watch *link, uint32_t events)
{
    bg_error err = {0};
    bg_result result = bg_ok ();
    for (int i = 0; i < BATCH && bg_is_ok (result) && !link->is_closed; i++) {
        if (i > 0 && !bg_frames_has_next (link->frames))
            break;
        bg_slice blob;
        result = bg_frames_next (link->frames, &blob, &err);
        if (bg_is_ok (result))
            result = take_message (self, link, blob, &err);
    }
    if (bg_is_ok (result) || result.code == BG_AGAIN || link->is_closed)
        return;
    if (result.code != BG_CLOSED)
        bg_log_failure (self->config.log, BG_LOG_WARNING, "connection-dropped", &err, "socket=%s",
            link->kind == WATCH_NODE ? "node" : "supervisor");
    bg_id run = link->run;
    bool was_supervisor = link->kind == WATCH_SUPERVISOR;
    shell_close_watch (self, link);
    if (was_supervisor && !bg_id_is_zero (run))
        shell_look_at_run (self, run);
    (void) events;
}

void shell_link_send (shell *self, uint64_t peer, bg_slice blob)
{
    for (watch *item = self->watches; item; item = item->next) {
        if (item->is_closed || !item->frames || item->id != peer)
            continue;
        bg_error err = {0};
        if (bg_failed (bg_frames_send (item->frames, blob, &err))) {
            bg_log_failure (
                self->config.log, BG_LOG_WARNING, "connection-dropped", &err, "socket=node");
            shell_close_watch (self, item);
        }
        return;
    }
}

void shell_flush_links (shell *self)
{
    for (watch *item = self->watches; item; item = item->next) {
        if (item->is_closed || !item->frames)
            continue;
        if (bg_frames_wants_write (item->frames) &&
            bg_failed (bg_frames_flush (item->frames, NULL))) {
            shell_close_watch (self, item);
            continue;
        }
        uint32_t events =
            EPOLLIN | (bg_frames_wants_write (item->frames) ? (uint32_t) EPOLLOUT : 0);
        if (events == item->events)
            continue;
        struct epoll_event event = {.events = events, .data.ptr = item};
        (void) epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, bg_frames_fd (item->frames), &event);
        item->events = events;
    }
}
