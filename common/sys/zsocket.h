/*  A ZeroMQ socket with every option of design.md section 5 set on purpose and read back where it
    matters.

    A server socket has a CURVE secret key and a ZAP domain; domain and its enforcement are read
    back, because a missing handler would otherwise admit everybody. A client socket knows the
    server's public key. Only tcp:// and ipc:// endpoints are taken. Sends never wait. The object
    keeps what is needed to make the socket anew (bg_zsocket_reopen), which is the only way on for a
    client that was refused: libzmq does not try again.

        bg_zsocket_options options = bg_zsocket_defaults (ZMQ_ROUTER, "desk");
        options.is_server = true;
        options.own_public = &public_key, options.own_secret = &secret, options.zap_domain = "desk";
        BG_TRY (bg_zsocket_create (&options, &desk, err));
        BG_TRY (bg_zsocket_bind (desk, "tcp://127.0.0.1:0", endpoint, err));
        BG_TRY (bg_zsocket_watch (desk, loop, &handlers, self, err));
*/
#ifndef BUGLE_SYS_ZSOCKET_H
#define BUGLE_SYS_ZSOCKET_H

#include "common/base/id.h"
#include "common/sys/loop.h"
#include "common/sys/zlink.h"
#include "common/sys/zmessage.h"

#define BG_ENDPOINT_MAX 256 /*  characters with the NUL  */

/*  Set what differs from bg_zsocket_defaults. Pointers are borrowed for bg_zsocket_create only.

    only_while_up 1: sends say BG_AGAIN while there is no connection, and what was queued goes with
    it. 0: messages wait and are delivered to the next connection.
*/
typedef struct {
    int type;         /*  ZMQ_ROUTER, ZMQ_DEALER, ZMQ_XPUB or ZMQ_SUB  */
    const char *name; /*  for messages, for example "desk"  */
    bool is_server;
    const bg_key *own_public;
    const bg_key *own_secret;
    const bg_key *server_public; /*  client  */
    const char *zap_domain;      /*  server; not empty, at most BG_ZAP_DOMAIN_MAX characters  */
    int64_t frame_bytes_max;     /*  application bytes in one frame; CURVE's own 33 are added  */
    int frames_max;    /*  payload frames in one message, at most BG_ZMESSAGE_FRAMES_MAX  */
    int send_queue;    /*  messages per peer (ZMQ_SNDHWM)  */
    int receive_queue; /*  messages per peer (ZMQ_RCVHWM)  */
    int handshake_ms;
    int backlog;
    int heartbeat_ms;         /*  a PING this often; 0: none (a server's default)  */
    int heartbeat_timeout_ms; /*  silence after a PING that ends the connection  */
    int heartbeat_ttl_ms;     /*  what the other side is told to do the same to us; 0: nothing  */
    int64_t io_threads; /*  bit N: its connections may be in thread N of the context; 0: any  */
    int unacknowledged_ms; /*  server: sent bytes that no kernel answers end the connection; 0: later  */
    int reconnect_ms;      /*  client; libzmq adds jitter of up to as much again  */
    int reconnect_max_ms;   /*  client; doubling ends here  */
    int connect_timeout_ms; /*  client; 0: the system's  */
    int only_while_up;      /*  client; see below  */
    int keepalive_idle_s;
    int keepalive_interval_s;
    int keepalive_count;
} bg_zsocket_options;

typedef struct bg_zsocket bg_zsocket;

/*  The values of design.md section 16 for type; frame_bytes_max is 256 KiB, frames_max 3.  */
bg_zsocket_options bg_zsocket_defaults (int type, const char *name);

/*  ROUTER and XPUB are servers, DEALER and SUB clients; keys are required. Fails with BG_IO when
    libzmq does not take an option (it is named), BG_CRYPTO when CURVE or the ZAP domain did not
    read back as set. bg_zcontext_open must have been called.  */
bg_result bg_zsocket_create (
    const bg_zsocket_options *options, bg_zsocket **socket, bg_error *err) BG_CHECKED;
void bg_zsocket_destroy (bg_zsocket **self_p);

/*  Listens on endpoint, for example "tcp://127.0.0.1:0" or "ipc:///path"; actual (BG_ENDPOINT_MAX
    characters, may be NULL) gets what was really bound. BG_BUSY: somebody holds it. BG_INVALID: not
    an endpoint or not an address of this machine. Call it again for more endpoints.  */
bg_result bg_zsocket_bind (
    bg_zsocket *self, const char *endpoint, char *actual, bg_error *err) BG_CHECKED;
/*  Begins to connect and keeps trying; success says only that the endpoint is well formed. One
    endpoint a socket.  */
bg_result bg_zsocket_connect (bg_zsocket *self, const char *endpoint, bg_error *err) BG_CHECKED;
/*  SUB only; kept over bg_zsocket_reopen.  */
bg_result bg_zsocket_subscribe (bg_zsocket *self, bg_slice topic, bg_error *err) BG_CHECKED;
bg_result bg_zsocket_unsubscribe (bg_zsocket *self, bg_slice topic, bg_error *err) BG_CHECKED;
/*  Client: closes the socket and makes a new one with the same options, endpoint, subscriptions,
    link and watch. What was queued in either direction is lost. May be called from its own
    callbacks.  */
bg_result bg_zsocket_reopen (bg_zsocket *self, bg_error *err) BG_CHECKED;

/*  Calls from the loop. readable takes at most one message (bg_zsocket_receive) and returns false
    when there was none. link (may be NULL; client only) tells what happens to the connection.  */
typedef struct {
    bool (*readable) (void *arg);
    void (*link) (bg_link_state state, void *arg);
} bg_zsocket_handlers;

/*  Once a socket. For link to miss nothing call it before bg_zsocket_connect.  */
bg_result bg_zsocket_watch (bg_zsocket *self, bg_loop *loop, const bg_zsocket_handlers *handlers,
    void *arg, bg_error *err) BG_CHECKED;
/*  Back pressure: see bg_zmq_watch_pause.  */
void bg_zsocket_pause (bg_zsocket *self, bool is_paused);

/*  Without a loop (the CLI, tests): follow the connection, then wait for a message or a link event
    at most timeout_us. wait: BG_TIMEOUT when nothing came; link is 0 unless an event was taken.  */
bg_result bg_zsocket_follow (bg_zsocket *self, bg_error *err) BG_CHECKED;
bg_result bg_zsocket_wait (bg_zsocket *self, int64_t timeout_us, bool *is_readable,
    bg_link_state *link, bg_error *err) BG_CHECKED;

/*  As bg_zmessage_receive with this socket's frame limit.  */
bg_result bg_zsocket_receive (bg_zsocket *self, bg_zmessage *message, bg_error *err) BG_CHECKED;
/*  Copies and queues one message without waiting. routing_id: ROUTER only, else the empty slice.
    BG_AGAIN: the queue to that peer is full. BG_UNREACHABLE: no such peer. XPUB drops for slow
    peers and says nothing.  */
bg_result bg_zsocket_send (bg_zsocket *self, bg_slice routing_id, const bg_slice *frames,
    size_t count, bg_error *err) BG_CHECKED;

const char *bg_zsocket_name (const bg_zsocket *self);
/*  Of the connect, or of the last bind; "" before.  */
const char *bg_zsocket_endpoint (const bg_zsocket *self);
/*  The libzmq socket, for what is not covered here; call bg_zsocket_touch after using it.  */
void *bg_zsocket_raw (bg_zsocket *self);
void bg_zsocket_touch (bg_zsocket *self);

#endif
