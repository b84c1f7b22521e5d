/*  The node's sockets: see links.h. No decision about content; the only state is which sockets are open.  */
#include "node/net/links.h"

#include "common/sys/zsocket.h"
#include "proto/frame.h"

#include <stdlib.h>

typedef struct {
    node_links *owner;
    node_link link;
    bg_zsocket *socket;
} one_link;

struct node_links {
    bg_loop *loop;
    bg_log *log;
    node_links_handlers handlers;
    one_link links[NODE_LINK_COUNT];
    uint64_t malformed;
    bool is_quiet;
};

typedef struct {
    const char *word;
    int type;
    int frames;
    int64_t frame_bytes;
} link_kind;

static const link_kind link_kinds[NODE_LINK_COUNT] = {
    [NODE_LINK_ENLIST] = {"enlist", ZMQ_DEALER, WIRE_FRAMES, WIRE_FRAME_MAX},
    [NODE_LINK_DESK] = {"desk", ZMQ_DEALER, WIRE_FRAMES, WIRE_FRAME_MAX},
    [NODE_LINK_ORDERS] = {"orders", ZMQ_SUB, WIRE_PUBLICATION_FRAMES, WIRE_FRAME_MAX},
};

node_links *node_links_create (bg_loop *loop, bg_log *log, const node_links_handlers *handlers)
{
    node_links *self = bg_alloc (sizeof *self);
    self->loop = loop;
    self->log = log;
    self->handlers = *handlers;
    for (int i = 0; i < NODE_LINK_COUNT; i++)
        self->links[i] = (one_link){.owner = self, .link = (node_link) i};
    return self;
}

void node_links_quiet (node_links *self)
{
    self->is_quiet = true;
}

void node_links_destroy (node_links **self_p)
{
    if (!self_p || !*self_p)
        return;
    for (int i = 0; i < NODE_LINK_COUNT; i++)
        bg_zsocket_destroy (&(*self_p)->links[i].socket);
    free (*self_p);
    *self_p = NULL;
}

char *node_links_endpoint (node_link link, bg_slice endpoints)
{
    const char *word = link_kinds[link].word;
    size_t word_size = strlen (word);
    while (endpoints.size) {
        const uint8_t *newline = memchr (endpoints.data, '\n', endpoints.size);
        size_t size = newline ? (size_t) (newline - endpoints.data) : endpoints.size;
        if (size > word_size + 1 && memcmp (endpoints.data, word, word_size) == 0 &&
            endpoints.data[word_size] == ' ')
            return bg_slice_dup (
                bg_slice_of (endpoints.data + word_size + 1, size - word_size - 1));
        size_t step = newline ? size + 1 : size;
        endpoints = bg_slice_of (endpoints.data + step, endpoints.size - step);
    }
    return NULL;
}

/*  One message a call, so that no link starves another.  */
static bool link_readable (void *arg)
{
    one_link *one = arg;
    node_links *self = one->owner;
    BG_AUTO_ZMESSAGE message = {0};
    bg_error err = {0};
    bg_result received = bg_zsocket_receive (one->socket, &message, &err);
    if (received.code == BG_AGAIN)
        return false;
    if (bg_failed (received) || (int) message.count != link_kinds[one->link].frames) {
        self->malformed++;
        bg_log_event (self->log, BG_LOG_WARNING, "message-malformed",
            "link=%s frames=%zu total=%llu", link_kinds[one->link].word, message.count,
            (unsigned long long) self->malformed);
        return true;
    }
    bg_slice frames[NODE_LINK_FRAMES_MAX];
    for (size_t i = 0; i < message.count; i++)
        frames[i] = bg_zmessage_frame (&message, i);
    self->handlers.message (self->handlers.ctx, one->link, frames, message.count);
    return true;
}

static void link_changed (bg_link_state state, void *arg)
{
    one_link *one = arg;
    node_links *self = one->owner;
    node_link_event event = state == BG_LINK_UP     ? NODE_LINK_UP
                            : state == BG_LINK_DOWN ? NODE_LINK_DOWN
                                                    : NODE_LINK_REFUSED;
    bg_log_event (self->log, state == BG_LINK_DOWN ? BG_LOG_DEBUG : BG_LOG_INFO, "link",
        "link=%s state=%s endpoint=%s", link_kinds[one->link].word, bg_link_word (state),
        bg_zsocket_endpoint (one->socket));
    self->handlers.event (self->handlers.ctx, one->link, event);
}

bg_result node_links_open (node_links *self, node_link link, bg_slice endpoints,
    const bg_key *broker_key, const bg_keypair *curve, bg_error *err)
{
    one_link *one = &self->links[link];
    const link_kind *kind = &link_kinds[link];
    bg_zsocket_destroy (&one->socket);
    BG_AUTO_CHAR endpoint = node_links_endpoint (link, endpoints);
    if (!endpoint)
        return bg_fail (err, BG_INVALID, "the token names no address for %s", kind->word);
    bg_key secret = bg_keypair_curve_secret (curve);
    bg_zsocket_options options = bg_zsocket_defaults (kind->type, kind->word);
    options.own_public = &curve->public_key;
    options.own_secret = &secret;
    options.server_public = broker_key;
    options.frame_bytes_max = kind->frame_bytes;
    options.frames_max = kind->frames;
    if (self->is_quiet)
        options.heartbeat_ms = 0;
    /*  What the core says before the connection is up waits for it; the core makes the socket anew when that takes long.  */
    options.only_while_up = 0;
    static const bg_zsocket_handlers handlers = {link_readable, link_changed};
    bg_zsocket *socket = NULL;
    bg_result result = bg_zsocket_create (&options, &socket, err);
    memset (&secret, 0, sizeof secret);
    if (bg_failed (result))
        return result;
    one->socket = socket;
    result = bg_zsocket_watch (socket, self->loop, &handlers, one, err);
    if (bg_is_ok (result))
        result = bg_zsocket_connect (socket, endpoint, err);
    if (bg_failed (result))
        bg_zsocket_destroy (&one->socket);
    return result;
}

void node_links_close (node_links *self, node_link link)
{
    bg_zsocket_destroy (&self->links[link].socket);
}

static void topic_of (bg_slice stream, bg_buf *topic)
{
    bg_buf_append_slice (topic, stream);
    bg_buf_append_byte (topic, 0);
}

void node_links_subscribe (node_links *self, bg_slice stream)
{
    bg_zsocket *socket = self->links[NODE_LINK_ORDERS].socket;
    BG_AUTO_BUF topic = {0};
    topic_of (stream, &topic);
    bg_error err = {0};
    if (socket && bg_failed (bg_zsocket_subscribe (socket, bg_buf_slice (&topic), &err)))
        bg_log_failure (self->log, BG_LOG_WARNING, "not-subscribed", &err, "stream=%s",
            bg_log_value (stream).text);
}

void node_links_unsubscribe (node_links *self, bg_slice stream)
{
    bg_zsocket *socket = self->links[NODE_LINK_ORDERS].socket;
    BG_AUTO_BUF topic = {0};
    topic_of (stream, &topic);
    /*  Leaving a stream that is not subscribed to is what was wanted.  */
    if (socket)
        bg_ignore (bg_zsocket_unsubscribe (socket, bg_buf_slice (&topic), NULL));
}

void node_links_send (node_links *self, node_link link, const bg_slice frames[3])
{
    bg_zsocket *socket = self->links[link].socket;
    bg_error err = {0};
    if (socket && bg_failed (bg_zsocket_send (socket, bg_slice_of (NULL, 0), frames, 3, &err)))
        bg_log_failure (
            self->log, BG_LOG_DEBUG, "not-sent", &err, "link=%s", link_kinds[link].word);
}

uint64_t node_links_malformed (const node_links *self)
{
    return self->malformed;
}
