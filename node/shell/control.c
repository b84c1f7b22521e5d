/*  The control socket: see control.h. Invariant: a connection has at most one open request, whose number is unique for
    the life of the process.  */
#include "node/shell/control.h"

#include "common/sys/file.h"
#include "common/sys/frames.h"
#include "common/sys/unixsock.h"

#include <stdlib.h>

#define CONTROL_MESSAGE_MAX     (768 * 1024) /*  an answer with 1000 jobs of the longest names fits  */
#define CONTROL_CONNECTIONS_MAX 16

typedef struct connection connection;
struct connection {
    connection *next;
    node_control *owner;
    bg_frames *frames;
    bg_fd_watch *watch;
    uint64_t number; /*  of the open request; 0: none  */
    bg_id request;
};

struct node_control {
    bg_loop *loop;
    bg_log *log;
    char *path;
    int listener;
    bg_fd_watch *watch;
    connection *connections;
    uint64_t next_number;
    node_control_handlers handlers;
};

static void close_connection (connection *self)
{
    connection **at = &self->owner->connections;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    if (self->number)
        self->owner->handlers.gone (self->owner->handlers.ctx, self->number);
    bg_fd_watch_destroy (&self->watch);
    bg_frames_destroy (&self->frames);
    free (self);
}

static bool is_request (uint64_t kind)
{
    return kind == WIRE_CONTROL_ENLIST || kind == WIRE_CONTROL_DEFECT ||
           kind == WIRE_CONTROL_QUERY || kind == WIRE_CONTROL_POST || kind == WIRE_CONTROL_ISSUE;
}

static bool take_request (connection *self, bg_slice blob)
{
    node_control *owner = self->owner;
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *body = NULL;
    bg_error err = {0};
    if (bg_failed (wire_inner_decode (blob, &arena, &header, &body, &err)) ||
        !is_request (header.kind)) {
        bg_log_event (owner->log, BG_LOG_WARNING, "control-malformed", "kind=%llu",
            (unsigned long long) header.kind);
        return false;
    }
    if (self->number)
        return false;
    self->number = ++owner->next_number;
    self->request = header.request;
    owner->handlers.request (owner->handlers.ctx, self->number, (wire_kind) header.kind, body);
    return true;
}

/*  What is buffered already makes no descriptor readable, so all of it is looked at. False: close it.  */
static bool take_requests (connection *self)
{
    do {
        bg_slice blob;
        bg_result next = bg_frames_next (self->frames, &blob, NULL);
        if (next.code == BG_AGAIN)
            return true;
        if (bg_failed (next) || !take_request (self, blob))
            return false;
    } while (bg_frames_has_next (self->frames));
    return true;
}

static void connection_ready (int fd, unsigned events, void *arg)
{
    (void) fd;
    connection *self = arg;
    if (((events & BG_FD_WRITE) && bg_failed (bg_frames_flush (self->frames, NULL))) ||
        ((events & (BG_FD_READ | BG_FD_HANGUP)) && !take_requests (self))) {
        close_connection (self);
        return;
    }
    bg_fd_watch_set (
        self->watch, BG_FD_READ | (bg_frames_wants_write (self->frames) ? BG_FD_WRITE : 0U));
}

static size_t count_connections (const node_control *self)
{
    size_t count = 0;
    for (const connection *at = self->connections; at; at = at->next)
        count++;
    return count;
}

static void accept_connection (int fd, unsigned events, void *arg)
{
    (void) events;
    node_control *self = arg;
    int client = -1;
    bg_peer peer = {0};
    bg_error err = {0};
    bg_result result = bg_unix_accept_own (fd, &client, &peer, &err);
    if (result.code == BG_AGAIN)
        return;
    if (bg_is_ok (result) && count_connections (self) >= CONTROL_CONNECTIONS_MAX)
        result = bg_fail (
            &err, BG_OVERLOADED, "%d connections are open already", CONTROL_CONNECTIONS_MAX);
    if (bg_failed (result)) {
        bg_log_failure (
            self->log, BG_LOG_WARNING, "control-refused", &err, "pid=%d", (int) peer.pid);
        bg_fd_close (&client);
        return;
    }
    connection *one = bg_alloc (sizeof *one);
    one->owner = self;
    one->frames = bg_frames_create (client, CONTROL_MESSAGE_MAX, 2 * CONTROL_MESSAGE_MAX);
    one->next = self->connections;
    self->connections = one;
    if (bg_failed (bg_fd_watch_create (
            self->loop, client, BG_FD_READ, connection_ready, one, &one->watch, &err)))
        close_connection (one);
}

bg_result node_control_create (bg_loop *loop, bg_log *log, const char *path,
    const node_control_handlers *handlers, node_control **control, bg_error *err)
{
    node_control *self = bg_alloc (sizeof *self);
    self->loop = loop;
    self->log = log;
    self->path = bg_strdup (path);
    self->listener = -1;
    self->handlers = *handlers;
    bg_result result = bg_unix_listen (path, 0600, &self->listener, err);
    if (bg_is_ok (result))
        result = bg_fd_watch_create (
            loop, self->listener, BG_FD_READ, accept_connection, self, &self->watch, err);
    if (bg_failed (result)) {
        node_control_destroy (&self);
        return result;
    }
    *control = self;
    return bg_ok ();
}

void node_control_destroy (node_control **self_p)
{
    if (!self_p || !*self_p)
        return;
    node_control *self = *self_p;
    while (self->connections) {
        self->connections->number = 0;
        close_connection (self->connections);
    }
    bg_fd_watch_destroy (&self->watch);
    if (self->listener >= 0)
        bg_unix_unlisten (&self->listener, self->path);
    free (self->path);
    free (self);
    *self_p = NULL;
}

static void answer (connection *one, const wire_control_answer *answer)
{
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (WIRE_CONTROL_ANSWER, one->request, answer, &blob);
    one->number = 0;
    /*  A peer that has gone away is noticed by its watch.  */
    bg_ignore (bg_frames_send (one->frames, bg_buf_slice (&blob), NULL));
    bg_ignore (bg_frames_flush (one->frames, NULL));
    bg_fd_watch_set (
        one->watch, BG_FD_READ | (bg_frames_wants_write (one->frames) ? BG_FD_WRITE : 0U));
}

void node_control_reply (node_control *self, uint64_t number, const wire_control_answer *said)
{
    for (connection *one = self->connections; one; one = one->next) {
        if (one->number != number)
            continue;
        answer (one, said);
        return;
    }
}

void node_control_fail (node_control *self, const bg_error *why)
{
    BG_AUTO_ARENA arena = {0};
    const wire_control_answer said = {.code = bg_slice_str (bg_code_word (why->code)),
        .message = wire_fit_text (bg_slice_str (why->message), 1024, true, &arena),
        .hint = bg_slice_str (
            "type the command again when the node has recovered; what was done before stays done")};
    for (connection *one = self->connections; one; one = one->next)
        if (one->number)
            answer (one, &said);
}
