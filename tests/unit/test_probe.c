/*  The verdict of a probe for each way in which a broker's socket is not reached.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/probe.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"
#include "tests/unit/net_fixture.h"
#include "tests/unit/temp_dir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PATIENCE_US 10000000
#define SHORT_US    300000

static bg_probe ask (const char *endpoint, const bg_key *key, int64_t timeout_us)
{
    bg_probe probe;
    bg_error err = {0};
    if (bg_failed (bg_probe_run (endpoint, key, timeout_us, &probe, &err)))
        fail_msg ("%s", err.message);
    return probe;
}

static void assert_says (const bg_probe *probe, const char *sentence, const char *advice)
{
    bg_error err = {0};
    assert_int_equal (bg_probe_fail (probe, &err).code, BG_UNREACHABLE);
    if (!strstr (err.message, sentence) || !strstr (err.hint, advice))
        fail_msg ("\"%s\" / \"%s\"", err.message, err.hint);
}

/*  A TCP socket bound to a free port of the loopback address.  */
static int bind_free (char *endpoint, size_t size)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    assert_int_equal (bind (fd, (struct sockaddr *) &address, length), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *) &address, &length), 0);
    snprintf (endpoint, size, "tcp://127.0.0.1:%u", ntohs (address.sin_port));
    return fd;
}

/*  Somebody who says this to the first who comes.  */
static pid_t stranger (const char *words, char *endpoint, size_t size)
{
    int fd = bind_free (endpoint, size);
    assert_int_equal (listen (fd, 4), 0);
    pid_t child = fork ();
    if (child == 0) {
        int peer = accept (fd, NULL, NULL);
        ssize_t wrote = write (peer, words, strlen (words));
        char rest[256];
        while (wrote >= 0 && read (peer, rest, sizeof rest) > 0)
            continue;
        _exit (0);
    }
    close (fd);
    return child;
}

static void test_a_server_with_the_key_is_well (void **state)
{
    (void) state;
    net_pair server_pair = net_pair_new ();
    bg_zsocket_options options = net_server_options (ZMQ_ROUTER, &server_pair);
    char endpoint[BG_ENDPOINT_MAX];
    bg_zsocket *server = net_listen (&options, endpoint);
    bg_probe probe = ask (endpoint, &server_pair.public_key, PATIENCE_US);
    assert_string_equal (bg_probe_word (probe.state), "ok");
    assert_false (probe.is_name);
    bg_zsocket_destroy (&server);
}

static void test_another_key_is_told_from_a_closed_port (void **state)
{
    (void) state;
    net_pair server_pair = net_pair_new (), other_pair = net_pair_new ();
    bg_zsocket_options options = net_server_options (ZMQ_XPUB, &server_pair);
    char endpoint[BG_ENDPOINT_MAX];
    bg_zsocket *server = net_listen (&options, endpoint);
    bg_probe probe = ask (endpoint, &other_pair.public_key, PATIENCE_US);
    assert_string_equal (bg_probe_word (probe.state), "wrong-key");
    assert_says (&probe, "another key", "bugle broker status");
    probe = ask (endpoint, NULL, PATIENCE_US);
    assert_string_equal (bg_probe_word (probe.state), "ok");
    bg_zsocket_destroy (&server);
}

static void test_a_unix_socket_is_asked_as_well (void **state)
{
    net_pair server_pair = net_pair_new ();
    bg_zsocket_options options = net_server_options (ZMQ_ROUTER, &server_pair);
    BG_AUTO_CHAR endpoint = bg_strdup_printf ("ipc://%s/desk", (const char *) *state);
    bg_probe probe = ask (endpoint, &server_pair.public_key, PATIENCE_US);
    assert_string_equal (bg_probe_word (probe.state), "refused");
    bg_zsocket *server = NULL;
    bg_error err = {0};
    assert_int_equal (bg_zsocket_create (&options, &server, &err).code, BG_OK);
    assert_int_equal (bg_zsocket_bind (server, endpoint, NULL, &err).code, BG_OK);
    probe = ask (endpoint, &server_pair.public_key, PATIENCE_US);
    assert_string_equal (bg_probe_word (probe.state), "ok");
    bg_zsocket_destroy (&server);
}

static void test_nobody_on_the_port_is_refused (void **state)
{
    (void) state;
    char endpoint[64];
    int fd = bind_free (endpoint, sizeof endpoint); /*  held and not listening  */
    bg_probe probe = ask (endpoint, NULL, PATIENCE_US);
    close (fd);
    assert_string_equal (bg_probe_word (probe.state), "refused");
    assert_says (&probe, "nobody listens there", "start bugle-broker on this machine");
    snprintf (probe.address, sizeof probe.address, "192.0.2.1"); /*  as on another one  */
    assert_says (&probe, "nobody listens there", "on the broker's machine: start bugle-broker");
}

static void test_another_protocol_is_foreign (void **state)
{
    (void) state;
    static const char *const words[] = {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n",
        "hi\n", "\xff\x01\x02\x03\x04\x05\x06\x07\x08\x02"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char endpoint[64];
        pid_t child = stranger (words[i], endpoint, sizeof endpoint);
        bg_probe probe = ask (endpoint, NULL, i == 3 ? PATIENCE_US : 2 * SHORT_US);
        assert_string_equal (bg_probe_word (probe.state), "foreign");
        assert_int_equal (waitpid (child, NULL, 0), child);
    }
}

static void test_who_accepts_and_says_nothing_is_silent (void **state)
{
    (void) state;
    char endpoint[64];
    int fd = bind_free (endpoint, sizeof endpoint);
    assert_int_equal (listen (fd, 4), 0);
    bg_probe probe = ask (endpoint, NULL, SHORT_US);
    assert_string_equal (bg_probe_word (probe.state), "silent");
    assert_true (probe.took_us >= SHORT_US);
    close (fd);
}

/*  A full queue of the kernel drops what asks to connect, as a packet filter does.  */
static void test_no_answer_is_filtered_and_costs_no_more_than_the_time (void **state)
{
    (void) state;
    char endpoint[64];
    int fd = bind_free (endpoint, sizeof endpoint);
    assert_int_equal (listen (fd, 0), 0);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    assert_int_equal (getsockname (fd, (struct sockaddr *) &address, &length), 0);
    int waiting[4];
    for (int i = 0; i < 4; i++) {
        waiting[i] = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void) connect (waiting[i], (struct sockaddr *) &address, sizeof address);
    }
    bg_probe probe = ask (endpoint, NULL, SHORT_US);
    assert_string_equal (bg_probe_word (probe.state), "filtered");
    assert_in_range (probe.took_us, SHORT_US, PATIENCE_US);
    assert_says (&probe, "did not answer within 0.3 s", "nothing connects to this machine");
    for (int i = 0; i < 4; i++)
        close (waiting[i]);
    close (fd);
}

static void test_a_name_without_address_is_named (void **state)
{
    (void) state;
    bg_probe probe = ask ("tcp://no-such-host.invalid:7413", NULL, PATIENCE_US);
    assert_true (probe.is_name);
    assert_true (probe.state == BG_PROBE_NO_NAME || probe.state == BG_PROBE_NO_RESOLVER);
    assert_says (&probe, "no-such-host.invalid", "address");
}

static void test_what_a_name_resolved_to_is_told (void **state)
{
    (void) state;
    char endpoint[64], named[64];
    int fd = bind_free (endpoint, sizeof endpoint);
    snprintf (named, sizeof named, "tcp://localhost:%s", strrchr (endpoint, ':') + 1);
    bg_probe probe = ask (named, NULL, PATIENCE_US);
    close (fd);
    assert_true (probe.is_name);
    assert_non_null (strstr (probe.addresses, probe.address));
    assert_string_equal (bg_probe_word (probe.state), "refused");
    assert_says (&probe, probe.address, "start bugle-broker");
}

static void test_ports_of_a_broker_are_named_together (void **state)
{
    (void) state;
    bg_probe probe = ask ("tcp://127.0.0.1:7412", NULL, SHORT_US);
    assert_string_equal (probe.ports, "7411 (orders), 7412 (desk), 7413 (enlist)");
    probe = ask ("tcp://127.0.0.1:7414", NULL, SHORT_US);
    assert_string_equal (probe.ports, "7414 (ops, for the CLI)");
}

static void test_every_state_has_word_sentence_and_advice_that_fit (void **state)
{
    (void) state;
    for (int at = BG_PROBE_NO_NAME; at < BG_PROBE_WELL; at++) {
        bg_probe probe = {.state = (bg_probe_state) at,
            .host = "broker.example.org",
            .port = 7413,
            .is_name = true,
            .addresses = "192.0.2.1, 2001:db8::1",
            .address = "2001:db8::1",
            .ports = "7411 (orders), 7412 (desk), 7413 (enlist)"};
        BG_AUTO_BUF sentence = {0}, advice = {0};
        bg_error err = {0};
        bg_probe_say (&probe, &sentence);
        bg_probe_advise (&probe, &advice);
        (void) bg_probe_fail (&probe, &err);
        assert_string_equal (err.message, bg_buf_cstr (&sentence));
        assert_string_equal (err.hint, bg_buf_cstr (&advice));
        assert_true (advice.size > 0 && sentence.size > 0);
        assert_null (strchr (err.message, '%'));
        assert_null (strchr (err.hint, '%'));
    }
}

static void test_what_is_no_endpoint_is_an_error (void **state)
{
    (void) state;
    static const char *const wrong[] = {"", "tcp://", "tcp://host", "tcp://host:", "tcp://:7413",
        "tcp://host:0", "tcp://host:65536", "tcp://host:7x", "ipc://", "udp://host:1", "host:7413"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bg_probe probe;
        bg_error err = {0};
        assert_int_equal (bg_probe_run (wrong[i], NULL, SHORT_US, &probe, &err).code, BG_INVALID);
    }
}

static int before_all (void **state)
{
    assert_int_equal (bg_crypto_init (NULL).code, BG_OK);
    assert_int_equal (bg_zcontext_open (NULL, NULL).code, BG_OK);
    return temp_dir_setup (state);
}

static int after_all (void **state)
{
    bg_zcontext_close ();
    return temp_dir_teardown (state);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_server_with_the_key_is_well),
        cmocka_unit_test (test_another_key_is_told_from_a_closed_port),
        cmocka_unit_test (test_a_unix_socket_is_asked_as_well),
        cmocka_unit_test (test_nobody_on_the_port_is_refused),
        cmocka_unit_test (test_another_protocol_is_foreign),
        cmocka_unit_test (test_who_accepts_and_says_nothing_is_silent),
        cmocka_unit_test (test_no_answer_is_filtered_and_costs_no_more_than_the_time),
        cmocka_unit_test (test_a_name_without_address_is_named),
        cmocka_unit_test (test_what_a_name_resolved_to_is_told),
        cmocka_unit_test (test_ports_of_a_broker_are_named_together),
        cmocka_unit_test (test_every_state_has_word_sentence_and_advice_that_fit),
        cmocka_unit_test (test_what_is_no_endpoint_is_an_error),
    };
    return cmocka_run_group_tests (tests, before_all, after_all);
}
