/*  Sockets over real CURVE connections on free ports: options, limits, refusal and reopening,
    cutting a peer, and the same through the event loop.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/zcontext.h"
#include "tests/unit/net_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    bg_zap *zap;
    net_pair server_pair;
    net_pair client_pair;
    bg_zsocket *server;
    bg_zsocket *client;
    char endpoint[BG_ENDPOINT_MAX];
} scene;

static void must (bg_result result)
{
    assert_int_equal (result.code, BG_OK);
}

static bg_slice text (const char *characters)
{
    return bg_slice_str (characters);
}

static bg_zsocket_options server_options (const scene *self, int type)
{
    return net_server_options (type, &self->server_pair);
}

static bg_zsocket_options client_options (const scene *self, int type)
{
    return net_client_options (type, &self->client_pair, &self->server_pair);
}

/*  A server of that type with one admitted client, connected.  */
static void open_pair (scene *self, int server_type, int client_type)
{
    bg_zsocket_options for_server = server_options (self, server_type);
    bg_zsocket_options for_client = client_options (self, client_type);
    self->server = net_listen (&for_server, self->endpoint);
    net_admit (self->zap, &self->client_pair);
    self->client = net_connect (&for_client, self->endpoint);
    net_wait_link (self->client, BG_LINK_UP);
}

static int before_each (void **test_state)
{
    scene *self = bg_alloc (sizeof *self);
    self->zap = *test_state;
    self->server_pair = net_pair_new ();
    self->client_pair = net_pair_new ();
    *test_state = self;
    return 0;
}

static int after_each (void **test_state)
{
    scene *self = *test_state;
    bg_zsocket_destroy (&self->client);
    bg_zsocket_destroy (&self->server);
    *test_state = self->zap;
    bg_result result = bg_zap_replace (self->zap, NULL, 0, NULL);
    free (self);
    return bg_failed (result);
}

/*  Options.  */

static int int_option (bg_zsocket *socket, int option)
{
    int value = -1;
    size_t size = sizeof value;
    assert_int_equal (zmq_getsockopt (bg_zsocket_raw (socket), option, &value, &size), 0);
    return value;
}

static void options_arrive_at_libzmq (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options options = server_options (s, ZMQ_ROUTER);
    options.frame_bytes_max = 5000;
    options.send_queue = 11;
    options.receive_queue = 12;
    options.handshake_ms = 5000;
    options.heartbeat_ms = 1100;
    options.heartbeat_timeout_ms = 1200;
    options.heartbeat_ttl_ms = 1300;
    options.unacknowledged_ms = 14000;
    s->server = net_listen (&options, s->endpoint);
    int64_t largest = 0;
    size_t size = sizeof largest;
    void *raw = bg_zsocket_raw (s->server);
    assert_int_equal (zmq_getsockopt (raw, ZMQ_MAXMSGSIZE, &largest, &size), 0);
    assert_int_equal (largest, 5033);
    const struct {
        int option;
        int value;
    } expected[] = {
        {ZMQ_SNDHWM, 11}, {ZMQ_RCVHWM, 12}, {ZMQ_HANDSHAKE_IVL, 5000}, {ZMQ_HEARTBEAT_IVL, 1100},
        {ZMQ_HEARTBEAT_TIMEOUT, 1200}, {ZMQ_HEARTBEAT_TTL, 1300}, {ZMQ_BACKLOG, 4096},
        {ZMQ_TCP_MAXRT, 14000}, {ZMQ_LINGER, 0}, {ZMQ_IPV6, 1}, {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 60}, {ZMQ_MECHANISM, ZMQ_CURVE}, {ZMQ_CURVE_SERVER, 1},
        {93, 1}, /*  ZMQ_ZAP_ENFORCE_DOMAIN  */
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal (int_option (s->server, expected[i].option), expected[i].value);
    assert_string_equal (bg_zsocket_name (s->server), "desk");
    assert_string_equal (bg_zsocket_endpoint (s->server), s->endpoint);
}

/*  See bg_zsocket_defaults: timers of libzmq cost a server with many peers dear.  */
static void only_clients_ask_whether_the_other_side_is_there (void **test_state)
{
    (void) test_state;
    static const int servers[] = {ZMQ_ROUTER, ZMQ_XPUB};
    static const int clients[] = {ZMQ_DEALER, ZMQ_SUB};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal (bg_zsocket_defaults (servers[i], "server").heartbeat_ms, 0);
        assert_true (bg_zsocket_defaults (servers[i], "server").unacknowledged_ms > 0);
        assert_true (bg_zsocket_defaults (clients[i], "client").heartbeat_ms > 0);
        assert_int_equal (bg_zsocket_defaults (clients[i], "client").heartbeat_ttl_ms, 0);
    }
}

static void option_that_libzmq_refuses_is_named (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options options = server_options (s, ZMQ_ROUTER);
    options.handshake_ms = -1;
    bg_error err = {0};
    assert_int_equal (bg_zsocket_create (&options, &s->server, &err).code, BG_IO);
    assert_non_null (strstr (err.message, "ZMQ_HANDSHAKE_IVL"));
    assert_null (s->server);
}

/*  Endpoints.  */

static void foreign_transports_are_refused (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    bg_zsocket_options for_client = client_options (s, ZMQ_DEALER);
    must (bg_zsocket_create (&for_server, &s->server, NULL));
    must (bg_zsocket_create (&for_client, &s->client, NULL));
    char too_long[BG_ENDPOINT_MAX + 10] = "ipc:///";
    memset (too_long + 7, 'x', sizeof too_long - 8);
    const char *const wrong[] = {
        "", "tcp://", "ipc://", "udp://127.0.0.1:1", "inproc://x", "127.0.0.1:7411", too_long};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bg_error err = {0};
        assert_int_equal (bg_zsocket_bind (s->server, wrong[i], NULL, &err).code, BG_INVALID);
        assert_non_null (strstr (err.hint, "tcp://HOST:PORT"));
        assert_int_equal (bg_zsocket_connect (s->client, wrong[i], NULL).code, BG_INVALID);
    }
    assert_int_equal (
        bg_zsocket_bind (s->server, "tcp://192.0.2.1:0", NULL, NULL).code, BG_INVALID);
    assert_int_equal (bg_zsocket_bind (s->server, "tcp://nowhere", NULL, NULL).code, BG_INVALID);
    assert_int_equal (bg_zsocket_connect (s->client, "tcp://host:x", NULL).code, BG_INVALID);
}

static void taken_port_is_said_so (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options options = server_options (s, ZMQ_ROUTER);
    s->server = net_listen (&options, s->endpoint);
    bg_zsocket *second = NULL;
    must (bg_zsocket_create (&options, &second, NULL));
    bg_error err = {0};
    assert_int_equal (bg_zsocket_bind (second, s->endpoint, NULL, &err).code, BG_BUSY);
    assert_non_null (strstr (err.message, s->endpoint));
    bg_zsocket_destroy (&second);
}

static void ipc_endpoints_work (void **test_state)
{
    scene *s = *test_state;
    char folder[] = "/tmp/bugle-test-XXXXXX";
    assert_non_null (mkdtemp (folder));
    char path[64], endpoint[80];
    snprintf (path, sizeof path, "%s/desk", folder);
    snprintf (endpoint, sizeof endpoint, "ipc://%s", path);
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    must (bg_zsocket_create (&for_server, &s->server, NULL));
    must (bg_zsocket_bind (s->server, endpoint, s->endpoint, NULL));
    assert_string_equal (s->endpoint, endpoint);
    net_admit (s->zap, &s->client_pair);
    bg_zsocket_options for_client = client_options (s, ZMQ_DEALER);
    s->client = net_connect (&for_client, endpoint);
    net_send (s->client, "over a file");
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
    assert_true (net_frame_is (&message, 0, "over a file"));
    bg_zpeer peer;
    assert_true (bg_zmessage_peer (&message, &peer));
    must (bg_zpeer_cut (&peer, NULL));
    net_wait_link (s->client, BG_LINK_DOWN);
    bg_zsocket_destroy (&s->client);
    bg_zsocket_destroy (&s->server);
    unlink (path);
    assert_int_equal (rmdir (folder), 0);
}

/*  Messages.  */

static void request_and_answer (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_ROUTER, ZMQ_DEALER);
    bg_slice frames[] = {text ("head"), text (""), text ("signatures")};
    must (bg_zsocket_send (s->client, (bg_slice){0}, frames, 3, NULL));
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
    assert_int_equal (message.count, 3);
    assert_true (net_frame_is (&message, 0, "head"));
    assert_true (net_frame_is (&message, 1, ""));
    assert_true (net_frame_is (&message, 2, "signatures"));
    assert_true (bg_zmessage_routing_id (&message).size > 0);
    assert_true (bg_slice_is (bg_zmessage_peer_address (&message), "127.0.0.1"));
    bg_key key;
    assert_true (bg_zap_check_user_id (s->zap, bg_zmessage_user_id (&message), &key));
    assert_true (bg_key_equal (&key, &s->client_pair.public_key));
    bg_slice answer = text ("answer");
    must (bg_zsocket_send (s->server, bg_zmessage_routing_id (&message), &answer, 1, NULL));
    BG_AUTO_ZMESSAGE reply = {0};
    must (net_receive (s->client, &reply));
    assert_false (reply.has_routing_id);
    assert_int_equal (bg_zmessage_routing_id (&reply).size, 0);
    assert_true (net_frame_is (&reply, 0, "answer"));
    assert_int_equal (bg_zsocket_receive (s->client, &reply, NULL).code, BG_AGAIN);
    assert_int_equal (reply.count, 0);
}

static void empty_message_has_no_sender (void **test_state)
{
    (void) test_state;
    bg_zmessage none = {0};
    bg_zpeer peer;
    assert_null (bg_zmessage_user_id (&none));
    assert_int_equal (bg_zmessage_peer_address (&none).size, 0);
    assert_int_equal (bg_zmessage_routing_id (&none).size, 0);
    assert_false (bg_zmessage_peer (&none, &peer));
    bg_zmessage_fini (&none);
    bg_slice six = text ("::1");
    assert_true (bg_slice_is (bg_zmessage_plain_address (six), "::1"));
    assert_true (bg_slice_is (bg_zmessage_plain_address (text ("::ffff:1.2.3.4")), "1.2.3.4"));
    assert_true (bg_slice_is (bg_zmessage_plain_address (text ("::ffff:1")), "::ffff:1"));
}

static void answer_to_an_unknown_peer_fails (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_ROUTER, ZMQ_DEALER);
    bg_slice answer = text ("answer");
    bg_error err = {0};
    assert_int_equal (
        bg_zsocket_send (s->server, text ("nobody"), &answer, 1, &err).code, BG_UNREACHABLE);
}

static void full_queue_says_again_and_keeps_what_it_took (void **test_state)
{
    scene *s = *test_state;
    s->server_pair = net_pair_new ();
    bg_zsocket_options options = client_options (s, ZMQ_DEALER);
    options.send_queue = 4;
    must (bg_zsocket_create (&options, &s->client, NULL));
    /*  A discard port that nobody listens on: messages can only wait.  */
    bg_zsocket_options listener = server_options (s, ZMQ_ROUTER);
    s->server = net_listen (&listener, s->endpoint);
    bg_zsocket_destroy (&s->server);
    must (bg_zsocket_connect (s->client, s->endpoint, NULL));
    bg_slice frame = text ("x");
    for (int i = 0; i < 4; i++)
        must (bg_zsocket_send (s->client, (bg_slice){0}, &frame, 1, NULL));
    bg_error err = {0};
    assert_int_equal (bg_zsocket_send (s->client, (bg_slice){0}, &frame, 1, &err).code, BG_AGAIN);
    assert_non_null (strstr (err.message, "client"));
}

static void sends_are_refused_while_down_if_asked (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    s->server = net_listen (&for_server, s->endpoint);
    net_admit (s->zap, &s->client_pair);
    bg_zsocket_options options = client_options (s, ZMQ_DEALER);
    options.only_while_up = 1;
    must (bg_zsocket_create (&options, &s->client, NULL));
    bg_slice frame = text ("x");
    assert_int_equal (bg_zsocket_send (s->client, (bg_slice){0}, &frame, 1, NULL).code, BG_AGAIN);
    must (bg_zsocket_follow (s->client, NULL));
    must (bg_zsocket_connect (s->client, s->endpoint, NULL));
    net_wait_link (s->client, BG_LINK_UP);
    net_send (s->client, "now");
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
}

static void surplus_frames_are_drained_and_the_sender_is_named (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_ROUTER, ZMQ_DEALER);
    enum { SENT = 500 };
    bg_slice frames[SENT];
    for (size_t i = 0; i < SENT; i++)
        frames[i] = text ("many");
    must (bg_zsocket_send (s->client, (bg_slice){0}, frames, SENT, NULL));
    net_send (s->client, "good");
    BG_AUTO_ZMESSAGE message = {0};
    assert_int_equal (net_receive (s->server, &message).code, BG_TOO_LARGE);
    assert_int_equal (message.count, 3);
    bg_key key;
    assert_true (bg_zap_check_user_id (s->zap, bg_zmessage_user_id (&message), &key));
    must (net_receive (s->server, &message));
    assert_int_equal (message.count, 1);
    assert_true (net_frame_is (&message, 0, "good"));
}

static void largest_frame_passes_and_one_byte_more_does_not (void **test_state)
{
    scene *s = *test_state;
    enum { LARGEST = 2000 };
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    for_server.frame_bytes_max = LARGEST;
    s->server = net_listen (&for_server, s->endpoint);
    net_admit (s->zap, &s->client_pair);
    bg_zsocket_options for_client = client_options (s, ZMQ_DEALER);
    s->client = net_connect (&for_client, s->endpoint);
    net_wait_link (s->client, BG_LINK_UP);
    uint8_t bytes[LARGEST + 1] = {0};
    bg_slice fits = bg_slice_of (bytes, LARGEST), larger = bg_slice_of (bytes, LARGEST + 1);
    must (bg_zsocket_send (s->client, (bg_slice){0}, &fits, 1, NULL));
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
    assert_int_equal (bg_zmessage_frame (&message, 0).size, LARGEST);
    must (bg_zsocket_send (s->client, (bg_slice){0}, &larger, 1, NULL));
    net_wait_link (s->client, BG_LINK_DOWN);
    net_wait_link (s->client, BG_LINK_UP);
    net_send (s->client, "back again");
    must (net_receive (s->server, &message));
    assert_true (net_frame_is (&message, 0, "back again"));
}

/*  Who may connect.  */

static void refused_client_gets_in_after_reopening (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    s->server = net_listen (&for_server, s->endpoint);
    bg_zsocket_options for_client = client_options (s, ZMQ_DEALER);
    s->client = net_connect (&for_client, s->endpoint);
    net_wait_link (s->client, BG_LINK_REFUSED);
    net_admit (s->zap, &s->client_pair);
    must (bg_zsocket_reopen (s->client, NULL));
    net_wait_link (s->client, BG_LINK_UP);
    net_send (s->client, "in");
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
}

static void wrong_server_key_never_comes_up (void **test_state)
{
    scene *s = *test_state;
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    s->server = net_listen (&for_server, s->endpoint);
    net_admit (s->zap, &s->client_pair);
    net_pair wrong = net_pair_new ();
    bg_zsocket_options for_client = net_client_options (ZMQ_DEALER, &s->client_pair, &wrong);
    s->client = net_connect (&for_client, s->endpoint);
    bg_link_state state = 0;
    bool is_readable;
    for (int i = 0; i < 3; i++) {
        must (bg_zsocket_wait (s->client, NET_DEADLINE_US, &is_readable, &state, NULL));
        assert_int_equal (state, BG_LINK_DOWN);
    }
}

static void revoked_peer_is_cut_and_stays_out (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_ROUTER, ZMQ_DEALER);
    net_pair other_pair = net_pair_new ();
    net_admit (s->zap, &other_pair);
    bg_zsocket_options options = net_client_options (ZMQ_DEALER, &other_pair, &s->server_pair);
    bg_zsocket *other = net_connect (&options, s->endpoint);
    net_wait_link (other, BG_LINK_UP);
    net_send (s->client, "hello");
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
    bg_zpeer peer;
    assert_true (bg_zmessage_peer (&message, &peer));
    must (bg_zap_remove (s->zap, "desk", &s->client_pair.public_key, NULL));
    must (bg_zpeer_cut (&peer, NULL));
    net_wait_link (s->client, BG_LINK_DOWN);
    net_wait_link (s->client, BG_LINK_REFUSED);
    net_send (other, "still here");
    must (net_receive (s->server, &message));
    assert_true (net_frame_is (&message, 0, "still here"));
    assert_int_equal (bg_zpeer_cut (&peer, NULL).code, BG_NOT_FOUND);
    bg_zsocket_destroy (&other);
}

/*  Streams.  */

static void subscriber_is_known_and_gets_its_topics_only (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_XPUB, ZMQ_SUB);
    must (bg_zsocket_subscribe (s->client, text ("mine"), NULL));
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
    assert_true (net_frame_is (&message, 0, "\1mine"));
    bg_key key;
    assert_true (bg_zap_check_user_id (s->zap, bg_zmessage_user_id (&message), &key));
    bg_zpeer peer;
    assert_true (bg_zmessage_peer (&message, &peer));
    net_send (s->server, "theirs 1");
    net_send (s->server, "mine 1");
    must (net_receive (s->client, &message));
    assert_true (net_frame_is (&message, 0, "mine 1"));
    must (bg_zsocket_unsubscribe (s->client, text ("mine"), NULL));
    assert_int_equal (bg_zsocket_unsubscribe (s->client, text ("mine"), NULL).code, BG_NOT_FOUND);
    must (net_receive (s->server, &message));
    assert_true (bg_slice_equal (bg_zmessage_frame (&message, 0), bg_slice_of ("\0mine", 5)));
}

static void subscriptions_survive_reopening (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_XPUB, ZMQ_SUB);
    must (bg_zsocket_subscribe (s->client, text ("a"), NULL));
    must (bg_zsocket_subscribe (s->client, text (""), NULL));
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s->server, &message));
    must (net_receive (s->server, &message));
    must (bg_zsocket_reopen (s->client, NULL));
    bool seen_a = false, seen_all = false;
    while (!seen_a || !seen_all) {
        must (net_receive (s->server, &message));
        seen_a |= net_frame_is (&message, 0, "\1a");
        seen_all |= net_frame_is (&message, 0, "\1");
    }
    net_send (s->server, "anything");
    must (net_receive (s->client, &message));
    assert_true (net_frame_is (&message, 0, "anything"));
}

/*  On the loop.  */

typedef struct {
    scene *s;
    bg_loop *loop;
    bg_zap_entry entry;
    int refused;
    int up;
    int received;
    int wanted;
    bool destroys_itself;
} looped;

static bool server_readable (void *arg)
{
    looped *self = arg;
    BG_AUTO_ZMESSAGE message = {0};
    bg_result result = bg_zsocket_receive (self->s->server, &message, NULL);
    if (result.code == BG_AGAIN)
        return false;
    must (result);
    bg_slice echo = bg_zmessage_frame (&message, 0);
    must (bg_zsocket_send (self->s->server, bg_zmessage_routing_id (&message), &echo, 1, NULL));
    return true;
}

static bool client_readable (void *arg)
{
    looped *self = arg;
    BG_AUTO_ZMESSAGE message = {0};
    bg_result result = bg_zsocket_receive (self->s->client, &message, NULL);
    if (result.code == BG_AGAIN)
        return false;
    must (result);
    if (++self->received == self->wanted) {
        if (self->destroys_itself)
            bg_zsocket_destroy (&self->s->client);
        bg_loop_stop (self->loop, 0);
    } else
        net_send (self->s->client, "again");
    return true;
}

/*  Lets itself in after the first refusal and reopens from inside the callback.  */
static void client_link (bg_link_state state, void *arg)
{
    looped *self = arg;
    if (state == BG_LINK_REFUSED) {
        self->refused++;
        must (bg_zap_add (self->s->zap, &self->entry, NULL));
        must (bg_zsocket_reopen (self->s->client, NULL));
    } else if (state == BG_LINK_UP) {
        self->up++;
        net_send (self->s->client, "first");
    }
}

static void late (void *arg)
{
    bg_loop_stop (arg, 99);
}

static void loop_drives_refusal_reopening_and_traffic (void **test_state)
{
    scene *s = *test_state;
    looped self = {.s = s, .wanted = 3000, .destroys_itself = true};
    self.entry = (bg_zap_entry){.domain = "desk", .key = s->client_pair.public_key};
    must (bg_loop_create (&self.loop, NULL));
    bg_timer *deadline = NULL;
    must (bg_timer_create (self.loop, late, self.loop, &deadline, NULL));
    bg_timer_arm (deadline, NET_DEADLINE_US);
    bg_zsocket_options for_server = server_options (s, ZMQ_ROUTER);
    s->server = net_listen (&for_server, s->endpoint);
    bg_zsocket_handlers on_server = {.readable = server_readable};
    must (bg_zsocket_watch (s->server, self.loop, &on_server, &self, NULL));
    bg_zsocket_options for_client = client_options (s, ZMQ_DEALER);
    must (bg_zsocket_create (&for_client, &s->client, NULL));
    bg_zsocket_handlers on_client = {.readable = client_readable, .link = client_link};
    must (bg_zsocket_watch (s->client, self.loop, &on_client, &self, NULL));
    must (bg_zsocket_connect (s->client, s->endpoint, NULL));
    int code = -1;
    must (bg_loop_run (self.loop, &code, NULL));
    assert_int_equal (code, 0);
    assert_int_equal (self.refused, 1);
    assert_int_equal (self.up, 1);
    assert_int_equal (self.received, 3000);
    bg_zsocket_destroy (&s->client);
    bg_zsocket_destroy (&s->server);
    bg_timer_destroy (&deadline);
    bg_loop_destroy (&self.loop);
}

static void paused_server_answers_after_resuming (void **test_state)
{
    scene *s = *test_state;
    open_pair (s, ZMQ_ROUTER, ZMQ_DEALER);
    looped self = {.s = s};
    must (bg_loop_create (&self.loop, NULL));
    bg_zsocket_handlers on_server = {.readable = server_readable};
    bg_zsocket_pause (s->server, true);
    must (bg_zsocket_watch (s->server, self.loop, &on_server, &self, NULL));
    net_send (s->client, "waits");
    bool is_readable;
    bg_link_state link;
    must (bg_zsocket_wait (s->server, NET_DEADLINE_US, &is_readable, &link, NULL));
    bool called = true;
    while (called)
        must (bg_loop_turn (self.loop, 0, &called, NULL));
    bg_result result = bg_zsocket_wait (s->client, 0, &is_readable, &link, NULL);
    assert_int_equal (result.code, BG_TIMEOUT);
    bg_zsocket_pause (s->server, false);
    BG_AUTO_ZMESSAGE message = {0};
    must (bg_loop_turn (self.loop, NET_DEADLINE_US, NULL, NULL));
    must (net_receive (s->client, &message));
    assert_true (net_frame_is (&message, 0, "waits"));
    bg_zsocket_destroy (&s->server);
    bg_loop_destroy (&self.loop);
}

static int start (void **test_state)
{
    bg_error err = {0};
    bg_zap *zap = NULL;
    if (bg_failed (bg_zcontext_open (NULL, &err)) || bg_failed (bg_zap_create (&zap, &err))) {
        print_error ("%s\n", err.message);
        return -1;
    }
    *test_state = zap;
    return 0;
}

static int end (void **test_state)
{
    bg_zap *zap = *test_state;
    bg_zap_destroy (&zap);
    bg_zcontext_close ();
    return 0;
}

#define SCENE(test) cmocka_unit_test_setup_teardown (test, before_each, after_each)

int main (void)
{
    const struct CMUnitTest tests[] = {
        SCENE (options_arrive_at_libzmq),
        SCENE (only_clients_ask_whether_the_other_side_is_there),
        SCENE (option_that_libzmq_refuses_is_named),
        SCENE (foreign_transports_are_refused),
        SCENE (taken_port_is_said_so),
        SCENE (ipc_endpoints_work),
        SCENE (request_and_answer),
        cmocka_unit_test (empty_message_has_no_sender),
        SCENE (answer_to_an_unknown_peer_fails),
        SCENE (full_queue_says_again_and_keeps_what_it_took),
        SCENE (sends_are_refused_while_down_if_asked),
        SCENE (surplus_frames_are_drained_and_the_sender_is_named),
        SCENE (largest_frame_passes_and_one_byte_more_does_not),
        SCENE (refused_client_gets_in_after_reopening),
        SCENE (wrong_server_key_never_comes_up),
        SCENE (revoked_peer_is_cut_and_stays_out),
        SCENE (subscriber_is_known_and_gets_its_topics_only),
        SCENE (subscriptions_survive_reopening),
        SCENE (loop_drives_refusal_reopening_and_traffic),
        SCENE (paused_server_answers_after_resuming),
    };
    return cmocka_run_group_tests (tests, start, end);
}
