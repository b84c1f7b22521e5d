/*  The front's parts that need no sockets: budgets, peers and their lines, who holds a port.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/front/budget.h"
#include "broker/front/holder.h"
#include "broker/front/limits.h"
#include "broker/front/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND INT64_C (1000000)

/*  ---- budgets ----  */

static void a_new_budget_holds_one_burst (void **state)
{
    (void) state;
    broker_budget_rule rule = {.rate = 10, .burst = 5};
    broker_budget budget = {0};
    for (int i = 0; i < 5; i++)
        assert_true (broker_budget_take (&budget, &rule, SECOND, 1));
    assert_false (broker_budget_take (&budget, &rule, SECOND, 1));
}

static void a_budget_fills_at_its_rate_up_to_the_burst (void **state)
{
    (void) state;
    broker_budget_rule rule = {.rate = 10, .burst = 5};
    broker_budget budget = {0};
    assert_true (broker_budget_take (&budget, &rule, SECOND, 5));
    assert_false (broker_budget_take (&budget, &rule, SECOND + 99999, 1));
    assert_true (broker_budget_take (&budget, &rule, SECOND + 100000, 1));
    assert_true (broker_budget_take (&budget, &rule, 1000000 * SECOND, 5));
    assert_false (broker_budget_take (&budget, &rule, 1000000 * SECOND, 1));
}

static void a_refusal_costs_nothing_and_time_does_not_run_back (void **state)
{
    (void) state;
    broker_budget_rule rule = {.rate = 1, .burst = 10};
    broker_budget budget = {0};
    assert_false (broker_budget_take (&budget, &rule, 5 * SECOND, 11));
    assert_true (broker_budget_take (&budget, &rule, 5 * SECOND, 6));
    assert_false (broker_budget_take (&budget, &rule, 4 * SECOND, 5));
    assert_true (broker_budget_take (&budget, &rule, 4 * SECOND, 4));
}

static void the_largest_rule_does_not_overflow (void **state)
{
    (void) state;
    broker_budget_rule rule = {.rate = 1000000, .burst = 10000000};
    broker_budget budget = {0};
    assert_true (broker_budget_take (&budget, &rule, 1, 10000000));
    assert_true (broker_budget_take (&budget, &rule, INT64_MAX - 1, 10000000));
    assert_false (broker_budget_take (&budget, &rule, INT64_MAX - 1, 1));
}

static void large_messages_cost_more (void **state)
{
    (void) state;
    assert_int_equal (broker_budget_cost (0), 1);
    assert_int_equal (broker_budget_cost (8191), 1);
    assert_int_equal (broker_budget_cost (8192), 2);
    assert_int_equal (broker_budget_cost (256 * 1024), 33);
}

/*  ---- peers ----  */

static const uint8_t secret[BROKER_PEERS_SECRET] = {1, 2, 3};

static bg_key key_of (uint8_t number)
{
    bg_key key;
    memset (key.bytes, number, sizeof key.bytes);
    return key;
}

static bg_id id_of (uint8_t number)
{
    bg_id id;
    memset (id.bytes, number, sizeof id.bytes);
    return id;
}

static broker_line *line_at (broker_peer *peer, const char *routing_id, int64_t now)
{
    bool is_new;
    broker_line evicted;
    broker_line *line =
        broker_peer_line (peer, bg_slice_str (routing_id), now, 4, &is_new, &evicted);
    assert_null (evicted.routing_id);
    return line;
}

static void assert_line (const broker_line *line, const char *routing_id)
{
    assert_non_null (line);
    assert_int_equal (line->routing_id_size, strlen (routing_id));
    assert_memory_equal (line->routing_id, routing_id, strlen (routing_id));
}

static void one_key_is_another_peer_on_each_channel (void **state)
{
    (void) state;
    broker_peers *peers = broker_peers_create (secret);
    bg_key key = key_of (1);
    broker_peer *desk = broker_peers_get (peers, 1, &key);
    broker_peer *ops = broker_peers_get (peers, 3, &key);
    assert_ptr_not_equal (desk, ops);
    assert_ptr_equal (broker_peers_get (peers, 1, &key), desk);
    assert_int_equal (broker_peers_count (peers, 1), 1);
    broker_peers_remove (peers, desk);
    assert_null (broker_peers_find (peers, 1, &key));
    assert_ptr_equal (broker_peers_find (peers, 3, &key), ops);
    assert_int_equal (broker_peers_count (peers, 1), 0);
    broker_peers_destroy (&peers);
    assert_null (peers);
}

static void a_key_is_found_by_where_it_spoke_last (void **state)
{
    (void) state;
    broker_peers *peers = broker_peers_create (secret);
    bg_key key = key_of (2);
    broker_peer *peer = broker_peers_get (peers, 1, &key);
    assert_null (broker_peer_answer_line (peer, id_of (0)));
    (void) line_at (peer, "old", 10);
    (void) line_at (peer, "new", 20);
    assert_line (broker_peer_answer_line (peer, id_of (0)), "new");
    (void) line_at (peer, "old", 30);
    assert_int_equal (peer->line_count, 2);
    assert_line (broker_peer_answer_line (peer, id_of (0)), "old");
    broker_peers_destroy (&peers);
}

static void an_answer_goes_to_the_line_that_asked (void **state)
{
    (void) state;
    broker_peers *peers = broker_peers_create (secret);
    bg_key key = key_of (3);
    broker_peer *peer = broker_peers_get (peers, 3, &key);
    broker_line_ask (line_at (peer, "watch", 10), id_of (7));
    for (uint8_t i = 0; i < 100; i++)
        broker_line_ask (line_at (peer, "status", 20), id_of ((uint8_t) (100 + i)));
    assert_line (broker_peer_answer_line (peer, id_of (7)), "watch");
    assert_line (broker_peer_answer_line (peer, id_of (199)), "status");
    assert_line (broker_peer_answer_line (peer, id_of (50)), "status");
    broker_peer_drop_line (peer, broker_peer_answer_line (peer, id_of (7)));
    assert_line (broker_peer_answer_line (peer, id_of (7)), "status");
    broker_peers_destroy (&peers);
}

static void too_many_lines_push_out_the_most_silent (void **state)
{
    (void) state;
    broker_peers *peers = broker_peers_create (secret);
    bg_key key = key_of (4);
    broker_peer *peer = broker_peers_get (peers, 1, &key);
    (void) line_at (peer, "a", 1);
    (void) line_at (peer, "b", 2);
    (void) line_at (peer, "c", 3);
    (void) line_at (peer, "d", 4);
    (void) line_at (peer, "a", 5);
    bool is_new;
    broker_line evicted;
    (void) broker_peer_line (peer, bg_slice_str ("e"), 6, 4, &is_new, &evicted);
    assert_true (is_new);
    assert_line (&evicted, "b");
    broker_line_fini (&evicted);
    assert_int_equal (peer->line_count, 4);
    broker_peers_destroy (&peers);
}

static void remove_odd (void *ctx, broker_peer *peer)
{
    if (peer->key.bytes[0] % 2)
        broker_peers_remove (ctx, peer);
}

static void peers_may_go_while_they_are_walked (void **state)
{
    (void) state;
    broker_peers *peers = broker_peers_create (secret);
    for (int i = 0; i < 200; i++) {
        bg_key key = key_of ((uint8_t) i);
        broker_peer *peer = broker_peers_get (peers, 2, &key);
        (void) line_at (peer, "x", 1);
    }
    broker_peers_each (peers, remove_odd, peers);
    assert_int_equal (broker_peers_count (peers, 2), 100);
    broker_peers_destroy (&peers);
}

static void penalties_grow_and_are_forgiven (void **state)
{
    (void) state;
    broker_peer peer = {0};
    assert_false (broker_peer_is_punished (&peer, SECOND));
    broker_peer_punish (&peer, SECOND);
    assert_true (broker_peer_is_punished (&peer, 10 * SECOND));
    assert_false (broker_peer_is_punished (&peer, 11 * SECOND));
    broker_peer_punish (&peer, 11 * SECOND);
    assert_true (broker_peer_is_punished (&peer, 30 * SECOND));
    assert_false (broker_peer_is_punished (&peer, 31 * SECOND));
    for (int i = 0; i < 40; i++)
        broker_peer_punish (&peer, 40 * SECOND);
    assert_true (broker_peer_is_punished (&peer, 339 * SECOND));
    assert_false (broker_peer_is_punished (&peer, 340 * SECOND));
    broker_peer_punish (&peer, 5000 * SECOND);
    assert_false (broker_peer_is_punished (&peer, 5010 * SECOND));
}

/*  ---- who holds a port ----  */

static void the_holder_of_a_port_is_named (void **state)
{
    (void) state;
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (fd, 1), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *) &address, &size), 0);
    char self[32];
    snprintf (self, sizeof self, "(pid %d)", (int) getpid ());
    broker_holder holder = broker_port_holder (ntohs (address.sin_port));
    assert_non_null (strstr (holder.text, self));
    close (fd);
    assert_string_equal (broker_port_holder (ntohs (address.sin_port)).text, "");
}

static void the_port_of_an_endpoint (void **state)
{
    (void) state;
    assert_int_equal (broker_endpoint_port ("tcp://127.0.0.1:7411"), 7411);
    assert_int_equal (broker_endpoint_port ("tcp://[::1]:80"), 80);
    assert_int_equal (broker_endpoint_port ("ipc:///run/x:9"), 0);
    assert_int_equal (broker_endpoint_port ("tcp://nothing"), 0);
}

/*  ---- limits ----  */

static void a_fleet_wants_two_descriptors_a_target_and_a_quarter_more (void **state)
{
    (void) state;
    assert_int_equal (broker_limits_wanted (0).of[BROKER_LIMIT_DESCRIPTORS], 256);
    assert_int_equal (broker_limits_wanted (10000).of[BROKER_LIMIT_DESCRIPTORS], 25256);
}

static void the_backlog_wanted_ends_at_that_of_the_sockets (void **state)
{
    (void) state;
    assert_int_equal (broker_limits_wanted (10).of[BROKER_LIMIT_BACKLOG], 128);
    assert_int_equal (broker_limits_wanted (2000).of[BROKER_LIMIT_BACKLOG], 2000);
    assert_int_equal (broker_limits_wanted (100000).of[BROKER_LIMIT_BACKLOG], 4096);
}

static void memory_wanted_grows_by_what_two_connections_take (void **state)
{
    (void) state;
    const uint64_t none = broker_limits_wanted (0).of[BROKER_LIMIT_MEMORY];
    const uint64_t many = broker_limits_wanted (10000).of[BROKER_LIMIT_MEMORY];
    assert_int_equal (many - none, UINT64_C (10000) * 100 * 1024);
}

static void write_proc (const char *directory, const char *name, const char *text)
{
    char path[256];
    (void) snprintf (path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

static void the_system_is_asked_through_its_files (void **state)
{
    (void) state;
    char proc[] = "/tmp/bugle-proc.XXXXXX", command[300];
    assert_non_null (mkdtemp (proc));
    static const char *const inner[] = {"self", "sys", "sys/net", "sys/net/core"};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
        (void) snprintf (command, sizeof command, "%s/%s", proc, inner[i]);
        assert_int_equal (mkdir (command, 0700), 0);
    }
    write_proc (proc, "sys/net/core/somaxconn", "128\n");
    write_proc (proc, "meminfo", "MemTotal: 9000 kB\nMemAvailable:    5000 kB\n");
    write_proc (proc, "self/status", "Name:\tx\nVmRSS:\t    1000 kB\n");
    const broker_limits now = broker_limits_now (proc);
    assert_int_equal (now.of[BROKER_LIMIT_BACKLOG], 128);
    assert_int_equal (now.of[BROKER_LIMIT_MEMORY], 6000 * 1024);
    (void) snprintf (command, sizeof command, "rm -r %s", proc);
    assert_int_equal (system (command), 0);
}

static void what_a_sandbox_hides_is_asked_otherwise_or_counts_as_enough (void **state)
{
    (void) state;
    const broker_limits now = broker_limits_now ("/nowhere");
    assert_true (
        now.of[BROKER_LIMIT_BACKLOG] > 0); /*  of a socket; UINT64_MAX without a network  */
    const uint64_t seen = broker_limits_now ("/proc").of[BROKER_LIMIT_BACKLOG];
    if (now.of[BROKER_LIMIT_BACKLOG] != UINT64_MAX && seen <= 4096)
        assert_int_equal (now.of[BROKER_LIMIT_BACKLOG], seen);
    assert_true (now.of[BROKER_LIMIT_MEMORY] > 0);
}

static void the_limits_of_this_process_are_read (void **state)
{
    (void) state;
    struct rlimit before;
    assert_int_equal (getrlimit (RLIMIT_NOFILE, &before), 0);
    struct rlimit fewer = {.rlim_cur = 77, .rlim_max = before.rlim_max};
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &fewer), 0);
    assert_int_equal (broker_limits_now ("/proc").of[BROKER_LIMIT_DESCRIPTORS], 77);
    assert_true (broker_limits_now ("/proc").of[BROKER_LIMIT_BACKLOG] > 0);
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &before), 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_new_budget_holds_one_burst),
        cmocka_unit_test (a_budget_fills_at_its_rate_up_to_the_burst),
        cmocka_unit_test (a_refusal_costs_nothing_and_time_does_not_run_back),
        cmocka_unit_test (the_largest_rule_does_not_overflow),
        cmocka_unit_test (large_messages_cost_more),
        cmocka_unit_test (one_key_is_another_peer_on_each_channel),
        cmocka_unit_test (a_key_is_found_by_where_it_spoke_last),
        cmocka_unit_test (an_answer_goes_to_the_line_that_asked),
        cmocka_unit_test (too_many_lines_push_out_the_most_silent),
        cmocka_unit_test (peers_may_go_while_they_are_walked),
        cmocka_unit_test (penalties_grow_and_are_forgiven),
        cmocka_unit_test (the_holder_of_a_port_is_named),
        cmocka_unit_test (the_port_of_an_endpoint),
        cmocka_unit_test (a_fleet_wants_two_descriptors_a_target_and_a_quarter_more),
        cmocka_unit_test (the_backlog_wanted_ends_at_that_of_the_sockets),
        cmocka_unit_test (memory_wanted_grows_by_what_two_connections_take),
        cmocka_unit_test (the_system_is_asked_through_its_files),
        cmocka_unit_test (what_a_sandbox_hides_is_asked_otherwise_or_counts_as_enough),
        cmocka_unit_test (the_limits_of_this_process_are_read),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
