/*  ZeroMQ sockets with all options set from one table, and the reopening that a refused client
    needs.

    Not here: who may connect (zap.c), what messages mean.

    Invariants: zsock is NULL only after a failed reopen; sends then say "unreachable" and receives
    "nothing there". The watches go before the socket they watch. After a user's callback this file
    does not touch the object, which may have been destroyed or reopened by it.
*/
#include "common/sys/zsocket.h"

#include "common/sys/clock.h"
#include "common/sys/zap.h"

#include <czmq.h>
#include <errno.h>
#include <sodium.h>

/*  In the draft block of zmq.h, so Debian's header leaves it out; the library has honoured it since
    4.3.0.  */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

/*  What CURVE adds to a frame: command name, nonce, authenticator, flags. Measured with libzmq
    4.3.4.  */
enum { CURVE_FRAME_OVERHEAD = 33 };
/*  The handshake's own commands must pass ZMQ_MAXMSGSIZE too.  */
enum { FRAME_BYTES_LEAST = 1024 };
enum { UP_SETTLE_MS = 100 };

enum { ROLE_SERVER = 1, ROLE_CLIENT = 2, ROLE_ROUTER = 4, ROLE_XPUB = 8, ROLE_ALL = 15 };

typedef enum { FORM_FIXED, FORM_INT, FORM_INT64, FORM_KEY, FORM_TEXT } option_form;

typedef struct {
    int option;
    const char *name;
    unsigned roles; /*  set on sockets of any of these  */
    option_form form;
    size_t offset; /*  in bg_zsocket_options  */
    int fixed;
} option_row;

#define FIXED(option, roles, value)                                                                \
    {                                                                                              \
        option, #option, roles, FORM_FIXED, 0, value                                               \
    }
#define VALUE(option, roles, form, member)                                                         \
    {                                                                                              \
        option, #option, roles, form, offsetof (bg_zsocket_options, member), 0                     \
    }

static const option_row option_table[] = {
    FIXED (ZMQ_LINGER, ROLE_ALL, 0),
    FIXED (ZMQ_IPV6, ROLE_ALL, 1),
    VALUE (ZMQ_AFFINITY, ROLE_ALL, FORM_INT64, io_threads),
    VALUE (ZMQ_MAXMSGSIZE, ROLE_ALL, FORM_INT64, frame_bytes_max),
    VALUE (ZMQ_SNDHWM, ROLE_ALL, FORM_INT, send_queue),
    VALUE (ZMQ_RCVHWM, ROLE_ALL, FORM_INT, receive_queue),
    VALUE (ZMQ_HANDSHAKE_IVL, ROLE_ALL, FORM_INT, handshake_ms),
    VALUE (ZMQ_HEARTBEAT_IVL, ROLE_ALL, FORM_INT, heartbeat_ms),
    VALUE (ZMQ_HEARTBEAT_TIMEOUT, ROLE_ALL, FORM_INT, heartbeat_timeout_ms),
    VALUE (ZMQ_HEARTBEAT_TTL, ROLE_ALL, FORM_INT, heartbeat_ttl_ms),
    FIXED (ZMQ_TCP_KEEPALIVE, ROLE_ALL, 1),
    VALUE (ZMQ_TCP_MAXRT, ROLE_SERVER, FORM_INT, unacknowledged_ms),
    VALUE (ZMQ_TCP_KEEPALIVE_IDLE, ROLE_ALL, FORM_INT, keepalive_idle_s),
    VALUE (ZMQ_TCP_KEEPALIVE_INTVL, ROLE_ALL, FORM_INT, keepalive_interval_s),
    VALUE (ZMQ_TCP_KEEPALIVE_CNT, ROLE_ALL, FORM_INT, keepalive_count),
    VALUE (ZMQ_BACKLOG, ROLE_SERVER, FORM_INT, backlog),
    VALUE (ZMQ_RECONNECT_IVL, ROLE_CLIENT, FORM_INT, reconnect_ms),
    VALUE (ZMQ_RECONNECT_IVL_MAX, ROLE_CLIENT, FORM_INT, reconnect_max_ms),
    VALUE (ZMQ_CONNECT_TIMEOUT, ROLE_CLIENT, FORM_INT, connect_timeout_ms),
    VALUE (ZMQ_IMMEDIATE, ROLE_CLIENT, FORM_INT, only_while_up),
    FIXED (ZMQ_ROUTER_MANDATORY, ROLE_ROUTER, 1),
    FIXED (ZMQ_XPUB_VERBOSE, ROLE_XPUB, 1),
    FIXED (ZMQ_CURVE_SERVER, ROLE_SERVER, 1),
    VALUE (ZMQ_CURVE_PUBLICKEY, ROLE_ALL, FORM_KEY, own_public),
    VALUE (ZMQ_CURVE_SECRETKEY, ROLE_ALL, FORM_KEY, own_secret),
    VALUE (ZMQ_CURVE_SERVERKEY, ROLE_CLIENT, FORM_KEY, server_public),
    VALUE (ZMQ_ZAP_DOMAIN, ROLE_SERVER, FORM_TEXT, zap_domain),
    FIXED (ZMQ_ZAP_ENFORCE_DOMAIN, ROLE_SERVER, 1),
};

typedef struct {
    uint8_t *bytes;
    size_t size;
} topic;

struct bg_zsocket {
    bg_zsocket_options options; /*  its pointers lead into this object  */
    char name[32];
    char zap_domain[BG_ZAP_DOMAIN_MAX + 1];
    bg_key own_public;
    bg_key own_secret;
    bg_key server_public;
    char endpoint[BG_ENDPOINT_MAX];
    bool is_connected; /*  endpoint is what to connect to again  */
    topic *topics;
    size_t topic_count;

    zsock_t *zsock;
    bg_zlink *link;
    bg_zmq_watch *message_watch;
    bg_zmq_watch *link_watch;

    bg_loop *loop; /*  NULL: not watched  */
    bg_zsocket_handlers handlers;
    void *arg;
    bool is_paused;
    bool is_followed;
};

static bool is_server_type (int type)
{
    return type == ZMQ_ROUTER || type == ZMQ_XPUB;
}

bg_zsocket_options bg_zsocket_defaults (int type, const char *name)
{
    bool is_stream = type == ZMQ_XPUB || type == ZMQ_SUB;
    /*  Only clients ask whether the other side is there. libzmq ends a timer by looking for it among all of
        its thread, so a server with a timer or two a connection pays for each of its connections with
        every message that comes: a millisecond with ten thousand. A client's time to live would be such a
        timer of the server. What the server needs to know it has from the kernel.  */
    bool is_server = is_server_type (type);
    return (bg_zsocket_options){
        .type = type,
        .name = name,
        .frame_bytes_max = INT64_C (256) * 1024,
        .frames_max = 3,
        .send_queue = is_stream ? 1000 : 256,
        .receive_queue = is_stream ? 1000 : 256,
        .handshake_ms = 60000,
        .backlog = 4096,
        .heartbeat_ms = is_server ? 0 : 15000,
        .heartbeat_timeout_ms = 15000,
        .heartbeat_ttl_ms = 0,
        .unacknowledged_ms = is_server ? 60000 : 0,
        .reconnect_ms = 250,
        .reconnect_max_ms = 1500,
        .connect_timeout_ms = 10000,
        .keepalive_idle_s = 60,
        .keepalive_interval_s = 15,
        .keepalive_count = 4,
    };
}

static void *raw (const bg_zsocket *self)
{
    return self->zsock ? zsock_resolve (self->zsock) : NULL;
}

static bg_result zmq_failed (const bg_zsocket *self, bg_error *err, const char *what)
{
    return bg_fail (
        err, BG_IO, "cannot %s socket %s: %s", what, self->name, zmq_strerror (zmq_errno ()));
}

/*  Options.  */

static unsigned roles_of (const bg_zsocket_options *options)
{
    unsigned roles = options->is_server ? ROLE_SERVER : ROLE_CLIENT;
    if (options->type == ZMQ_ROUTER)
        roles |= ROLE_ROUTER;
    if (options->type == ZMQ_XPUB)
        roles |= ROLE_XPUB;
    return roles;
}

static int set_option (void *socket, const option_row *row, const bg_zsocket_options *options)
{
    const uint8_t *member = (const uint8_t *) options + row->offset;
    const bg_key *key;
    const char *text;
    switch (row->form) {
    case FORM_FIXED:
        return zmq_setsockopt (socket, row->option, &row->fixed, sizeof row->fixed);
    case FORM_INT:
        return zmq_setsockopt (socket, row->option, member, sizeof (int));
    case FORM_INT64:
        return zmq_setsockopt (socket, row->option, member, sizeof (int64_t));
    case FORM_KEY:
        memcpy (&key, member, sizeof key);
        return zmq_setsockopt (socket, row->option, key->bytes, sizeof key->bytes);
    case FORM_TEXT:
        memcpy (&text, member, sizeof text);
        return zmq_setsockopt (socket, row->option, text, strlen (text));
    }
    return -1;
}

static bool reads_back (void *socket, int option, int expected)
{
    int value = -1;
    size_t size = sizeof value;
    return zmq_getsockopt (socket, option, &value, &size) == 0 && value == expected;
}

/*  libzmq admits everybody when one of these did not take, so believe only what it says itself.  */
static bg_result check_security (const bg_zsocket *self, bg_error *err)
{
    void *socket = raw (self);
    bool is_curve = reads_back (socket, ZMQ_MECHANISM, ZMQ_CURVE) &&
                    reads_back (socket, ZMQ_CURVE_SERVER, self->options.is_server ? 1 : 0);
    if (!is_curve)
        return bg_fail (
            err, BG_CRYPTO, "libzmq did not switch encryption on for socket %s", self->name);
    if (!self->options.is_server)
        return bg_ok ();
    char domain[BG_ZAP_DOMAIN_MAX + 2];
    size_t size = sizeof domain;
    bool is_guarded = zmq_getsockopt (socket, ZMQ_ZAP_DOMAIN, domain, &size) == 0 &&
                      strcmp (domain, self->zap_domain) == 0 &&
                      reads_back (socket, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    if (!is_guarded)
        return bg_fail (
            err, BG_CRYPTO, "libzmq does not enforce authentication on socket %s", self->name);
    return bg_ok ();
}

static bg_result apply_options (bg_zsocket *self, bg_error *err)
{
    bg_zsocket_options on_wire = self->options;
    on_wire.frame_bytes_max += CURVE_FRAME_OVERHEAD;
    unsigned roles = roles_of (&self->options);
    for (size_t i = 0; i < sizeof option_table / sizeof option_table[0]; i++) {
        const option_row *row = &option_table[i];
        if ((row->roles & roles) && set_option (raw (self), row, &on_wire) != 0)
            return bg_fail (err, BG_IO, "libzmq does not take %s for socket %s: %s", row->name,
                self->name, zmq_strerror (zmq_errno ()));
    }
    return check_security (self, err);
}

static void check_contract (const bg_zsocket_options *options)
{
    bg_assert (options->type == ZMQ_ROUTER || options->type == ZMQ_XPUB ||
               options->type == ZMQ_DEALER || options->type == ZMQ_SUB);
    bg_assert (options->is_server == is_server_type (options->type));
    bg_assert (options->own_public && options->own_secret);
    bg_assert (options->is_server ? options->zap_domain && *options->zap_domain &&
                                        strlen (options->zap_domain) <= BG_ZAP_DOMAIN_MAX
                                  : options->server_public != NULL);
    bg_assert (options->frame_bytes_max >= FRAME_BYTES_LEAST);
    bg_assert (options->frames_max >= 1 && options->frames_max <= BG_ZMESSAGE_FRAMES_MAX);
    bg_assert (options->name && strlen (options->name) < sizeof ((bg_zsocket *) NULL)->name);
}

/*  Life.  */

static void close_raw (bg_zsocket *self)
{
    bg_zmq_watch_destroy (&self->message_watch);
    bg_zmq_watch_destroy (&self->link_watch);
    bg_zlink_destroy (&self->link);
    zsock_destroy (&self->zsock);
}

static bg_result open_raw (bg_zsocket *self, bg_error *err)
{
    self->zsock = zsock_new (self->options.type);
    if (!self->zsock)
        return zmq_failed (self, err, "make");
    return apply_options (self, err);
}

bg_result bg_zsocket_create (const bg_zsocket_options *options, bg_zsocket **socket, bg_error *err)
{
    check_contract (options);
    bg_zsocket *self = bg_alloc (sizeof *self);
    self->options = *options;
    snprintf (self->name, sizeof self->name, "%s", options->name);
    self->own_public = *options->own_public;
    self->own_secret = *options->own_secret;
    self->options.name = self->name;
    self->options.own_public = &self->own_public;
    self->options.own_secret = &self->own_secret;
    if (options->is_server) {
        snprintf (self->zap_domain, sizeof self->zap_domain, "%s", options->zap_domain);
        self->options.zap_domain = self->zap_domain;
    } else {
        self->server_public = *options->server_public;
        self->options.server_public = &self->server_public;
    }
    bg_result result = open_raw (self, err);
    if (bg_failed (result)) {
        bg_zsocket_destroy (&self);
        return result;
    }
    *socket = self;
    return bg_ok ();
}

void bg_zsocket_destroy (bg_zsocket **self_p)
{
    bg_zsocket *self = *self_p;
    if (!self)
        return;
    close_raw (self);
    for (size_t i = 0; i < self->topic_count; i++)
        free (self->topics[i].bytes);
    free (self->topics);
    sodium_memzero (&self->own_secret, sizeof self->own_secret);
    free (self);
    *self_p = NULL;
}

/*  Endpoints.  */

/*  Other transports of libzmq have had unfixed holes; nobody's configuration may lead us to
    them.  */
static bg_result check_endpoint (const char *endpoint, bg_error *err)
{
    bool is_known = strncmp (endpoint, "tcp://", 6) == 0 || strncmp (endpoint, "ipc://", 6) == 0;
    if (is_known && strlen (endpoint) < BG_ENDPOINT_MAX && endpoint[6])
        return bg_ok ();
    bg_fail (err, BG_INVALID, "%.80s is not an endpoint", endpoint);
    return bg_hint (err, "write tcp://HOST:PORT or ipc:///PATH");
}

static bg_result bind_failed (const bg_zsocket *self, const char *endpoint, bg_error *err)
{
    int cause = zmq_errno ();
    if (cause == EADDRINUSE) {
        bg_fail (err, BG_BUSY, "cannot listen on %s for %s: another program listens there",
            endpoint, self->name);
        return bg_hint (err, "stop that program or choose another port");
    }
    if (cause == EINVAL || cause == ENODEV || cause == EADDRNOTAVAIL) {
        bg_fail (err, BG_INVALID,
            "cannot listen on %s for %s: it is not an address of this machine", endpoint,
            self->name);
        return bg_hint (
            err, "give a numeric address of this machine, 0.0.0.0 or an interface name");
    }
    return bg_fail (
        err, BG_IO, "cannot listen on %s for %s: %s", endpoint, self->name, zmq_strerror (cause));
}

bg_result bg_zsocket_bind (bg_zsocket *self, const char *endpoint, char *actual, bg_error *err)
{
    bg_assert (self->options.is_server);
    BG_TRY (check_endpoint (endpoint, err));
    if (zmq_bind (raw (self), endpoint) != 0)
        return bind_failed (self, endpoint, err);
    size_t size = sizeof self->endpoint;
    if (zmq_getsockopt (raw (self), ZMQ_LAST_ENDPOINT, self->endpoint, &size) != 0)
        return zmq_failed (self, err, "ask the endpoint of");
    if (actual)
        snprintf (actual, BG_ENDPOINT_MAX, "%s", self->endpoint);
    return bg_ok ();
}

static bg_result connect_raw (bg_zsocket *self, const char *endpoint, bg_error *err)
{
    if (zmq_connect (raw (self), endpoint) == 0)
        return bg_ok ();
    if (zmq_errno () != EINVAL)
        return zmq_failed (self, err, "connect");
    bg_fail (err, BG_INVALID, "%.80s is not an endpoint to connect to", endpoint);
    return bg_hint (err, "write tcp://HOST:PORT or ipc:///PATH");
}

bg_result bg_zsocket_connect (bg_zsocket *self, const char *endpoint, bg_error *err)
{
    bg_assert (!self->options.is_server && !self->is_connected && self->zsock);
    BG_TRY (check_endpoint (endpoint, err));
    BG_TRY (connect_raw (self, endpoint, err));
    snprintf (self->endpoint, sizeof self->endpoint, "%s", endpoint);
    self->is_connected = true;
    return bg_ok ();
}

bg_result bg_zsocket_subscribe (bg_zsocket *self, bg_slice text, bg_error *err)
{
    bg_assert (self->options.type == ZMQ_SUB);
    if (raw (self) && zmq_setsockopt (raw (self), ZMQ_SUBSCRIBE, text.data, text.size) != 0)
        return zmq_failed (self, err, "subscribe on");
    self->topics = bg_realloc (self->topics, (self->topic_count + 1) * sizeof *self->topics);
    topic *added = &self->topics[self->topic_count++];
    added->bytes = bg_alloc (text.size + 1);
    added->size = text.size;
    if (text.size)
        memcpy (added->bytes, text.data, text.size);
    bg_zsocket_touch (self);
    return bg_ok ();
}

bg_result bg_zsocket_unsubscribe (bg_zsocket *self, bg_slice text, bg_error *err)
{
    bg_assert (self->options.type == ZMQ_SUB);
    for (size_t i = 0; i < self->topic_count; i++) {
        if (!bg_slice_equal (bg_slice_of (self->topics[i].bytes, self->topics[i].size), text))
            continue;
        if (raw (self) && zmq_setsockopt (raw (self), ZMQ_UNSUBSCRIBE, text.data, text.size) != 0)
            return zmq_failed (self, err, "unsubscribe on");
        free (self->topics[i].bytes);
        self->topics[i] = self->topics[--self->topic_count];
        bg_zsocket_touch (self);
        return bg_ok ();
    }
    return bg_fail (err, BG_NOT_FOUND, "socket %s is not subscribed to that topic", self->name);
}

/*  Watching.  */

static bool on_readable (void *arg)
{
    bg_zsocket *self = arg;
    return self->handlers.readable (self->arg);
}

/*  libzmq tells of the handshake a moment before our thread may send on a socket with
    ZMQ_IMMEDIATE. Whoever sends his first message when he hears UP must not be told "again", so
    wait out that moment. The limit is for a connection that ended in between.  */
static bool next_link (bg_zsocket *self, bg_link_state *state)
{
    if (!bg_zlink_next (self->link, state))
        return false;
    if (*state == BG_LINK_UP && self->options.only_while_up) {
        zmq_pollitem_t item = {.socket = raw (self), .events = ZMQ_POLLOUT};
        (void) zmq_poll (&item, 1, UP_SETTLE_MS);
        bg_zsocket_touch (self);
    }
    return true;
}

static bool on_link (void *arg)
{
    bg_zsocket *self = arg;
    bg_link_state state;
    if (!next_link (self, &state))
        return false;
    self->handlers.link (state, self->arg);
    return true;
}

static bg_result watch_raw (bg_zsocket *self, bg_error *err)
{
    if (self->is_followed && !self->link)
        BG_TRY (bg_zlink_create (raw (self), &self->link, err));
    if (!self->loop)
        return bg_ok ();
    if (self->handlers.link)
        BG_TRY (bg_zmq_watch_create (
            self->loop, bg_zlink_socket (self->link), on_link, self, &self->link_watch, err));
    BG_TRY (
        bg_zmq_watch_create (self->loop, raw (self), on_readable, self, &self->message_watch, err));
    bg_zmq_watch_pause (self->message_watch, self->is_paused);
    return bg_ok ();
}

bg_result bg_zsocket_watch (
    bg_zsocket *self, bg_loop *loop, const bg_zsocket_handlers *handlers, void *arg, bg_error *err)
{
    bg_assert (!self->loop && self->zsock && handlers->readable);
    bg_assert (!handlers->link || !self->options.is_server);
    self->loop = loop;
    self->handlers = *handlers;
    self->arg = arg;
    if (handlers->link)
        self->is_followed = true;
    return watch_raw (self, err);
}

void bg_zsocket_pause (bg_zsocket *self, bool is_paused)
{
    self->is_paused = is_paused;
    if (self->message_watch)
        bg_zmq_watch_pause (self->message_watch, is_paused);
}

bg_result bg_zsocket_follow (bg_zsocket *self, bg_error *err)
{
    bg_assert (!self->options.is_server && self->zsock && !self->loop);
    self->is_followed = true;
    return watch_raw (self, err);
}

bg_result bg_zsocket_wait (
    bg_zsocket *self, int64_t timeout_us, bool *is_readable, bg_link_state *link, bg_error *err)
{
    *is_readable = false;
    *link = 0;
    if (self->link && next_link (self, link))
        return bg_ok ();
    if (!self->zsock)
        return bg_fail (err, BG_UNREACHABLE, "socket %s is not open", self->name);
    zmq_pollitem_t items[] = {
        {.socket = raw (self), .events = ZMQ_POLLIN},
        {.socket = self->link ? bg_zlink_socket (self->link) : NULL,
            .fd = -1,
            .events = ZMQ_POLLIN},
    };
    long timeout_ms = timeout_us < 0 ? -1 : (long) ((timeout_us + 999) / 1000);
    int rc = zmq_poll (items, self->link ? 2 : 1, timeout_ms);
    if (rc < 0 && zmq_errno () == EINTR)
        return bg_fail (err, BG_INTERRUPTED, "interrupted by a signal");
    if (rc < 0)
        return zmq_failed (self, err, "wait on");
    if (rc == 0)
        return bg_fail (err, BG_TIMEOUT, "nothing came on socket %s in time", self->name);
    *is_readable = (items[0].revents & ZMQ_POLLIN) != 0;
    if (self->link && (items[1].revents & ZMQ_POLLIN))
        (void) next_link (self, link);
    return bg_ok ();
}

bg_result bg_zsocket_reopen (bg_zsocket *self, bg_error *err)
{
    bg_assert (!self->options.is_server);
    close_raw (self);
    bg_result result = open_raw (self, err);
    for (size_t i = 0; bg_is_ok (result) && i < self->topic_count; i++) {
        const topic *kept = &self->topics[i];
        if (zmq_setsockopt (raw (self), ZMQ_SUBSCRIBE, kept->bytes, kept->size) != 0)
            result = zmq_failed (self, err, "subscribe on");
    }
    if (bg_is_ok (result))
        result = watch_raw (self, err);
    if (bg_is_ok (result) && self->is_connected)
        result = connect_raw (self, self->endpoint, err);
    if (bg_failed (result))
        close_raw (self);
    return result;
}

/*  Messages.  */

bg_result bg_zsocket_receive (bg_zsocket *self, bg_zmessage *message, bg_error *err)
{
    if (!self->zsock) {
        bg_zmessage_fini (message);
        return (bg_result){BG_AGAIN};
    }
    return bg_zmessage_receive (message, raw (self), self->options.type == ZMQ_ROUTER,
        (size_t) self->options.frames_max, err);
}

static int send_frame (void *socket, bg_slice frame, int flags)
{
    int rc;
    do {
        rc = zmq_send (socket, frame.data, frame.size, flags | ZMQ_DONTWAIT);
    } while (rc == -1 && zmq_errno () == EINTR);
    return rc < 0 ? -1 : 0;
}

static bg_result send_failed (const bg_zsocket *self, bg_error *err)
{
    switch (zmq_errno ()) {
    case EAGAIN:
        return bg_fail (err, BG_AGAIN, "the queue of socket %s is full", self->name);
    case EHOSTUNREACH:
        return bg_fail (err, BG_UNREACHABLE, "the peer of socket %s is gone", self->name);
    default:
        return zmq_failed (self, err, "send on");
    }
}

bg_result bg_zsocket_send (
    bg_zsocket *self, bg_slice routing_id, const bg_slice *frames, size_t count, bg_error *err)
{
    bg_assert (count >= 1);
    bg_assert ((routing_id.size > 0) == (self->options.type == ZMQ_ROUTER));
    void *socket = raw (self);
    if (!socket)
        return bg_fail (err, BG_UNREACHABLE, "socket %s is not open", self->name);
    bg_zsocket_touch (self);
    if (routing_id.size && send_frame (socket, routing_id, ZMQ_SNDMORE) != 0)
        return send_failed (self, err);
    /*  Only the first frame can meet a full queue or a lost peer; once it is taken libzmq takes the
        rest.  */
    for (size_t i = 0; i < count; i++) {
        if (send_frame (socket, frames[i], i + 1 < count ? ZMQ_SNDMORE : 0) != 0)
            return send_failed (self, err);
    }
    return bg_ok ();
}

const char *bg_zsocket_name (const bg_zsocket *self)
{
    return self->name;
}

const char *bg_zsocket_endpoint (const bg_zsocket *self)
{
    return self->endpoint;
}

void *bg_zsocket_raw (bg_zsocket *self)
{
    return raw (self);
}

void bg_zsocket_touch (bg_zsocket *self)
{
    if (self->message_watch)
        bg_zmq_watch_touch (self->message_watch);
}
