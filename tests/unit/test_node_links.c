/*  The node's three connections over real CURVE sockets: what comes through, what is dropped, refusal and opening anew.
    Servers of the test stand on the same loop.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"
#include "node/net/links.h"
#include "tests/unit/must.h"
#include "tests/unit/net_fixture.h"

#include <stdlib.h>

#define KEPT 8

typedef struct scene scene;

/*  One end of the broker: a ROUTER for desk and enlist, an XPUB for orders.  */
typedef struct {
    scene *scene;
    bg_zsocket *socket;
    char endpoint[BG_ENDPOINT_MAX];
    char first[KEPT][64]; /*  first frames of what came  */
    size_t frames;        /*  of the last message  */
    size_t count;
    bg_buf peer; /*  routing id of the last sender  */
} server;

struct scene {
    bg_zap *zap;
    net_pair broker;
    bg_keypair curve;
    bg_loop *loop;
    node_links *links;
    server desk;
    server orders;
    bg_buf endpoints;
    size_t events[NODE_LINK_COUNT][4]; /*  by kind  */
    size_t messages;
    node_link link; /*  of the last message  */
    size_t count;
    char first[64];
    char last[64];
    bool reopens; /*  the next message makes its link anew  */
};

/*  ---- the broker's side ----  */

static bool server_readable (void *arg)
{
    server *self = arg;
    BG_AUTO_ZMESSAGE message = {0};
    bg_result result = bg_zsocket_receive (self->socket, &message, NULL);
    if (result.code == BG_AGAIN)
        return false;
    assert_int_equal (result.code, BG_OK);
    assert_in_range (self->count, 0, KEPT - 1);
    bg_slice first = bg_zmessage_frame (&message, 0);
    assert_in_range (first.size, 0, 63);
    memset (self->first[self->count], 0, 64);
    memcpy (self->first[self->count++], first.data, first.size);
    self->frames = message.count;
    bg_buf_clear (&self->peer);
    bg_buf_append_slice (&self->peer, bg_zmessage_routing_id (&message));
    return true;
}

static const bg_zsocket_handlers server_handlers = {server_readable, NULL};

static void listen_at (server *self, int type, const char *endpoint)
{
    bg_zsocket_options options = net_server_options (type, &self->scene->broker);
    options.frames_max = 4;
    OK (bg_zsocket_create (&options, &self->socket, err));
    OK (bg_zsocket_watch (self->socket, self->scene->loop, &server_handlers, self, err));
    OK (bg_zsocket_bind (self->socket, endpoint, self->endpoint, err));
}

static void answer (server *self, size_t count, const char *first)
{
    const bg_slice frames[] = {bg_slice_of (first, strlen (first) + 1), bg_slice_str ("body"),
        bg_slice_str (""), bg_slice_str ("more")};
    OK (bg_zsocket_send (self->socket, bg_buf_slice (&self->peer), frames, count, err));
}

/*  ---- the node's side ----  */

static void on_message (void *ctx, node_link link, const bg_slice *frames, size_t count)
{
    scene *self = ctx;
    self->messages++;
    self->link = link;
    self->count = count;
    (void) snprintf (self->first, sizeof self->first, "%s", (const char *) frames[0].data);
    (void) snprintf (self->last, sizeof self->last, "%.*s", BG_SLICE_ARG (frames[count - 1]));
    if (self->reopens) {
        self->reopens = false;
        OK (node_links_open (self->links, link, bg_buf_slice (&self->endpoints),
            &self->broker.public_key, &self->curve, err));
    }
}

static void on_event (void *ctx, node_link link, node_link_event event)
{
    scene *self = ctx;
    assert_in_range (event, 1, 3);
    self->events[link][event]++;
}

static bg_result open_link (scene *self, node_link link, bg_error *err)
{
    return node_links_open (self->links, link, bg_buf_slice (&self->endpoints),
        &self->broker.public_key, &self->curve, err);
}

static void turn_until (scene *self, const size_t *counter, size_t value)
{
    int64_t until = bg_clock_mono_us () + NET_DEADLINE_US;
    while (*counter < value) {
        if (bg_clock_mono_us () > until)
            fail_msg ("waited in vain for number %zu of something", value);
        OK (bg_loop_turn (self->loop, NET_DEADLINE_US, NULL, err));
    }
}

static void open_up (scene *self, node_link link)
{
    size_t before = self->events[link][NODE_LINK_UP];
    OK (open_link (self, link, err));
    turn_until (self, &self->events[link][NODE_LINK_UP], before + 1);
}

static void admit (scene *self)
{
    bg_zap_entry entry = {.domain = "desk", .key = self->curve.public_key, .principal = "node"};
    OK (bg_zap_add (self->zap, &entry, err));
}

static void say (scene *self, node_link link, const char *first)
{
    const bg_slice frames[3] = {bg_slice_str (first), bg_slice_str ("body"), bg_slice_str ("")};
    node_links_send (self->links, link, frames);
}

static int before_each (void **state)
{
    scene *self = bg_alloc (sizeof *self);
    self->zap = *state;
    self->broker = net_pair_new ();
    bg_keypair_generate (&self->curve, BG_KEY_CURVE25519);
    OK (bg_loop_create (&self->loop, err));
    const node_links_handlers handlers = {on_message, on_event, self};
    self->links = node_links_create (self->loop, NULL, &handlers);
    self->desk.scene = self->orders.scene = self;
    listen_at (&self->desk, ZMQ_ROUTER, "tcp://127.0.0.1:0");
    listen_at (&self->orders, ZMQ_XPUB, "tcp://127.0.0.1:0");
    bg_buf_printf (&self->endpoints, "orders %s\ndesk %s\nenlist %s\n", self->orders.endpoint,
        self->desk.endpoint, self->desk.endpoint);
    *state = self;
    return 0;
}

static int after_each (void **state)
{
    scene *self = *state;
    *state = self->zap;
    node_links_destroy (&self->links);
    node_links_destroy (&self->links);
    bg_zsocket_destroy (&self->desk.socket);
    bg_zsocket_destroy (&self->orders.socket);
    bg_loop_destroy (&self->loop);
    bg_buf_fini (&self->endpoints);
    bg_buf_fini (&self->desk.peer);
    bg_buf_fini (&self->orders.peer);
    bg_result result = bg_zap_replace (self->zap, NULL, 0, NULL);
    free (self);
    return bg_failed (result);
}

/*  ---- the list of endpoints ----  */

static void check_endpoint (node_link link, const char *list, const char *wanted)
{
    BG_AUTO_CHAR found = node_links_endpoint (link, bg_slice_str (list));
    if (wanted)
        assert_string_equal (found, wanted);
    else
        assert_null (found);
}

static void an_endpoint_is_found_by_its_word (void **state)
{
    (void) state;
    const char *list = "orders tcp://a:1\ndesk tcp://b:2\nenlist tcp://[::1]:3\n";
    check_endpoint (NODE_LINK_ORDERS, list, "tcp://a:1");
    check_endpoint (NODE_LINK_DESK, list, "tcp://b:2");
    check_endpoint (NODE_LINK_ENLIST, list, "tcp://[::1]:3");
    check_endpoint (NODE_LINK_DESK, "desk tcp://b:2", "tcp://b:2"); /*  no newline  */
    check_endpoint (NODE_LINK_DESK, "x y\ndesk a\ndesk b\n", "a");
    check_endpoint (NODE_LINK_DESK, "", NULL);
    check_endpoint (NODE_LINK_DESK, "\n\n", NULL);
    check_endpoint (NODE_LINK_DESK, "desk", NULL);
    check_endpoint (NODE_LINK_DESK, "desk ", NULL);
    check_endpoint (NODE_LINK_DESK, "desks tcp://a:1", NULL);
    check_endpoint (NODE_LINK_DESK, " desk tcp://a:1", NULL);
    check_endpoint (NODE_LINK_DESK, "help desk", NULL);
}

static void a_link_without_an_endpoint_is_not_opened (void **state)
{
    scene *self = *state;
    bg_error why = {0};
    bg_buf_clear (&self->endpoints);
    bg_buf_append_str (&self->endpoints, "orders tcp://127.0.0.1:1\ndesk nonsense\n");
    assert_int_equal (open_link (self, NODE_LINK_ENLIST, &why).code, BG_INVALID);
    assert_non_null (strstr (why.message, "enlist"));
    assert_int_equal (open_link (self, NODE_LINK_DESK, &why).code, BG_INVALID);
    say (self, NODE_LINK_DESK, "to nobody");
    say (self, NODE_LINK_ENLIST, "to nobody");
}

/*  ---- desk ----  */

static void messages_go_up_and_down (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_DESK);
    say (self, NODE_LINK_DESK, "hello");
    turn_until (self, &self->desk.count, 1);
    assert_string_equal (self->desk.first[0], "hello");
    assert_int_equal (self->desk.frames, 3);
    answer (&self->desk, 3, "welcome");
    turn_until (self, &self->messages, 1);
    assert_int_equal (self->link, NODE_LINK_DESK);
    assert_int_equal (self->count, 3);
    assert_string_equal (self->first, "welcome");
    assert_string_equal (self->last, "");
    assert_int_equal (node_links_malformed (self->links), 0);
    assert_int_equal (self->events[NODE_LINK_ENLIST][NODE_LINK_UP], 0);
}

static void what_is_said_before_it_is_up_waits (void **state)
{
    scene *self = *state;
    admit (self);
    OK (open_link (self, NODE_LINK_DESK, err));
    say (self, NODE_LINK_DESK, "early");
    turn_until (self, &self->desk.count, 1);
    assert_string_equal (self->desk.first[0], "early");
}

static void other_numbers_of_frames_are_dropped_and_counted (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_DESK);
    say (self, NODE_LINK_DESK, "hello");
    turn_until (self, &self->desk.count, 1);
    for (size_t count = 1; count <= 4; count++)
        answer (&self->desk, count, "answer");
    answer (&self->desk, 3, "the last");
    turn_until (self, &self->messages, 2);
    assert_string_equal (self->first, "the last");
    assert_int_equal (node_links_malformed (self->links), 3);
    /*  The link goes on.  */
    say (self, NODE_LINK_DESK, "again");
    turn_until (self, &self->desk.count, 2);
    assert_int_equal (self->events[NODE_LINK_DESK][NODE_LINK_DOWN], 0);
}

static void a_frame_that_is_too_large_ends_the_connection (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_DESK);
    say (self, NODE_LINK_DESK, "hello");
    turn_until (self, &self->desk.count, 1);
    const size_t size = WIRE_FRAME_MAX + 1;
    uint8_t *large = bg_alloc (size);
    const bg_slice frames[3] = {bg_slice_of (large, size), {0}, {0}};
    OK (bg_zsocket_send (self->desk.socket, bg_buf_slice (&self->desk.peer), frames, 3, err));
    free (large);
    turn_until (self, &self->events[NODE_LINK_DESK][NODE_LINK_DOWN], 1);
    assert_int_equal (self->messages, 0);
}

static void a_key_that_is_not_admitted_is_told (void **state)
{
    scene *self = *state;
    OK (open_link (self, NODE_LINK_DESK, err));
    turn_until (self, &self->events[NODE_LINK_DESK][NODE_LINK_REFUSED], 1);
    assert_int_equal (self->events[NODE_LINK_DESK][NODE_LINK_UP], 0);
    /*  A dead socket stays dead until it is made anew.  */
    admit (self);
    open_up (self, NODE_LINK_DESK);
    say (self, NODE_LINK_DESK, "hello");
    turn_until (self, &self->desk.count, 1);
    assert_string_equal (self->desk.first[0], "hello");
}

static void the_broker_goes_away_and_comes_back (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_DESK);
    char endpoint[BG_ENDPOINT_MAX];
    (void) snprintf (endpoint, sizeof endpoint, "%s", self->desk.endpoint);
    bg_zsocket_destroy (&self->desk.socket);
    turn_until (self, &self->events[NODE_LINK_DESK][NODE_LINK_DOWN], 1);
    listen_at (&self->desk, ZMQ_ROUTER, endpoint);
    turn_until (self, &self->events[NODE_LINK_DESK][NODE_LINK_UP], 2);
    say (self, NODE_LINK_DESK, "hello again");
    turn_until (self, &self->desk.count, 1);
}

static void a_link_can_be_made_anew_by_its_own_message (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_DESK);
    say (self, NODE_LINK_DESK, "hello");
    turn_until (self, &self->desk.count, 1);
    self->reopens = true;
    answer (&self->desk, 3, "stale");
    turn_until (self, &self->messages, 1);
    turn_until (self, &self->events[NODE_LINK_DESK][NODE_LINK_UP], 2);
    say (self, NODE_LINK_DESK, "anew");
    turn_until (self, &self->desk.count, 2);
    assert_string_equal (self->desk.first[1], "anew");
}

static void a_closed_link_takes_and_gives_nothing (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_DESK);
    open_up (self, NODE_LINK_ENLIST);
    say (self, NODE_LINK_DESK, "one");
    turn_until (self, &self->desk.count, 1);
    node_links_close (self->links, NODE_LINK_DESK);
    node_links_close (self->links, NODE_LINK_DESK);
    say (self, NODE_LINK_DESK, "lost");
    say (self, NODE_LINK_ENLIST, "two"); /*  the others go on  */
    turn_until (self, &self->desk.count, 2);
    assert_string_equal (self->desk.first[1], "two");
}

/*  ---- orders ----  */

static void publish (scene *self, size_t count, const char *stream, const char *more)
{
    char first[64];
    size_t size = strlen (stream) + 1;
    memcpy (first, stream, size);
    memcpy (first + size, more, strlen (more));
    const bg_slice frames[] = {bg_slice_of (first, size + strlen (more)), bg_slice_str ("header"),
        bg_slice_str ("body"), bg_slice_str ("sigs")};
    OK (bg_zsocket_send (self->orders.socket, (bg_slice){0}, frames, count, err));
}

static void only_subscribed_streams_come (void **state)
{
    scene *self = *state;
    admit (self);
    node_links_subscribe (self->links, bg_slice_str ("all")); /*  not open: nothing  */
    open_up (self, NODE_LINK_ORDERS);
    node_links_subscribe (self->links, bg_slice_str ("all"));
    node_links_subscribe (self->links, bg_slice_str ("g/web"));
    turn_until (self, &self->orders.count, 2);
    assert_string_equal (self->orders.first[0], "\1all");
    assert_string_equal (self->orders.first[1], "\1g/web");
    publish (self, 4, "alligators", "1"); /*  a name that only begins like it  */
    publish (self, 4, "g/db", "2");
    publish (self, 4, "g/web", "3");
    turn_until (self, &self->messages, 1);
    assert_int_equal (self->link, NODE_LINK_ORDERS);
    assert_int_equal (self->count, 4);
    assert_string_equal (self->first, "g/web");
    assert_string_equal (self->last, "sigs");
    publish (self, 3, "all", "4"); /*  a frame is missing  */
    publish (self, 4, "all", "5");
    turn_until (self, &self->messages, 2);
    assert_string_equal (self->first, "all");
    assert_int_equal (node_links_malformed (self->links), 1);
    node_links_unsubscribe (self->links, bg_slice_str ("g/web"));
    node_links_unsubscribe (self->links, bg_slice_str ("never"));
    turn_until (self, &self->orders.count, 3);
    assert_string_equal (self->orders.first[2] + 1, "g/web");
    publish (self, 4, "g/web", "6");
    publish (self, 4, "all", "7");
    turn_until (self, &self->messages, 3);
    assert_string_equal (self->first, "all");
}

static void a_new_socket_is_subscribed_to_nothing (void **state)
{
    scene *self = *state;
    admit (self);
    open_up (self, NODE_LINK_ORDERS);
    node_links_subscribe (self->links, bg_slice_str ("all"));
    turn_until (self, &self->orders.count, 1);
    open_up (self, NODE_LINK_ORDERS);
    node_links_subscribe (self->links, bg_slice_str ("g/web"));
    /*  What was subscribed to before is taken back, in either order with what is new.  */
    turn_until (self, &self->orders.count, 3);
    publish (self, 4, "all", "1");
    publish (self, 4, "g/web", "2");
    turn_until (self, &self->messages, 1);
    assert_string_equal (self->first, "g/web");
}

static int start_zap (void **state)
{
    bg_zap *zap = NULL;
    OK (bg_crypto_init (err));
    OK (bg_zcontext_open (NULL, err));
    OK (bg_zap_create (&zap, err));
    *state = zap;
    return 0;
}

static int end_zap (void **state)
{
    bg_zap *zap = *state;
    bg_zap_destroy (&zap);
    bg_zcontext_close ();
    return 0;
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, before_each, after_each)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (an_endpoint_is_found_by_its_word),
        TEST (a_link_without_an_endpoint_is_not_opened),
        TEST (messages_go_up_and_down),
        TEST (what_is_said_before_it_is_up_waits),
        TEST (other_numbers_of_frames_are_dropped_and_counted),
        TEST (a_frame_that_is_too_large_ends_the_connection),
        TEST (a_key_that_is_not_admitted_is_told),
        TEST (the_broker_goes_away_and_comes_back),
        TEST (a_link_can_be_made_anew_by_its_own_message),
        TEST (a_closed_link_takes_and_gives_nothing),
        TEST (only_subscribed_streams_come),
        TEST (a_new_socket_is_subscribed_to_nothing),
    };
    return cmocka_run_group_tests (tests, start_zap, end_zap);
}
