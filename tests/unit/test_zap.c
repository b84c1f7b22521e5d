/*  Authentication: the key table, what the handler answers over real CURVE sockets and to malformed
    requests, its self-test, and that the process does not outlive it.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/zcontext.h"
#include "tests/unit/net_fixture.h"

#include <czmq.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bg_zap *zap_of (void **test_state)
{
    return *test_state;
}

static bg_zap_entry entry_of (const char *domain, const net_pair *pair, const char *principal)
{
    return (bg_zap_entry){.domain = domain, .key = pair->public_key, .principal = principal};
}

static void must (bg_result result)
{
    assert_int_equal (result.code, BG_OK);
}

/*  The table.  */

static void keys_are_found_in_their_domain_only (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    net_pair pair = net_pair_new ();
    bg_zap_entry entry = entry_of ("ops", &pair, "Ada");
    must (bg_zap_add (zap, &entry, NULL));
    char principal[BG_ZAP_PRINCIPAL_MAX + 1];
    must (bg_zap_find (zap, "ops", &pair.public_key, principal, NULL));
    assert_string_equal (principal, "Ada");
    assert_int_equal (bg_zap_find (zap, "desk", &pair.public_key, NULL, NULL).code, BG_NOT_FOUND);
    assert_int_equal (
        bg_zap_find (zap, "opsopsopsopsopsops", &pair.public_key, NULL, NULL).code, BG_NOT_FOUND);
    entry.principal = "Grace";
    must (bg_zap_add (zap, &entry, NULL));
    must (bg_zap_find (zap, "ops", &pair.public_key, principal, NULL));
    assert_string_equal (principal, "Grace");
    must (bg_zap_remove (zap, "ops", &pair.public_key, NULL));
    bg_error err = {0};
    assert_int_equal (bg_zap_remove (zap, "ops", &pair.public_key, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.message, "ops"));
}

static void too_long_texts_are_refused (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    net_pair pair = net_pair_new ();
    char longest[BG_ZAP_PRINCIPAL_MAX + 2];
    memset (longest, 'p', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    bg_zap_entry entries[] = {
        entry_of ("", &pair, NULL),
        entry_of ("sixteen-letters!", &pair, NULL),
        entry_of ("ops", &pair, longest),
    };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal (bg_zap_add (zap, &entries[i], NULL).code, BG_INVALID);
    entries[2].principal = longest + 1;
    must (bg_zap_add (zap, &entries[2], NULL));
    must (bg_zap_remove (zap, "ops", &pair.public_key, NULL));
    assert_int_equal (bg_zap_open_domain (zap, "sixteen-letters!", true, NULL).code, BG_INVALID);
    assert_int_equal (bg_zap_open_domain (zap, "", true, NULL).code, BG_INVALID);
}

static void replacing_takes_all_or_nothing (void **test_state)
{
    enum { COUNT = 5000 };
    bg_zap *zap = zap_of (test_state);
    net_pair old = net_pair_new ();
    net_admit (zap, &old);
    bg_zap_entry *entries = bg_alloc (COUNT * sizeof *entries);
    for (size_t i = 0; i < COUNT; i++) {
        entries[i].domain = i == COUNT - 1 ? "a domain too long" : "desk";
        randombytes_buf (&entries[i].key, sizeof entries[i].key);
    }
    assert_int_equal (bg_zap_replace (zap, entries, COUNT, NULL).code, BG_INVALID);
    must (bg_zap_find (zap, "desk", &old.public_key, NULL, NULL));
    assert_int_equal (bg_zap_find (zap, "desk", &entries[0].key, NULL, NULL).code, BG_NOT_FOUND);
    entries[COUNT - 1].domain = "desk";
    must (bg_zap_replace (zap, entries, COUNT, NULL));
    for (size_t i = 0; i < COUNT; i++)
        must (bg_zap_find (zap, "desk", &entries[i].key, NULL, NULL));
    assert_int_equal (bg_zap_find (zap, "desk", &old.public_key, NULL, NULL).code, BG_NOT_FOUND);
    must (bg_zap_replace (zap, NULL, 0, NULL));
    assert_int_equal (bg_zap_find (zap, "desk", &entries[0].key, NULL, NULL).code, BG_NOT_FOUND);
    free (entries);
}

/*  Over the wire.  */

typedef struct {
    net_pair server_pair;
    net_pair client_pair;
    bg_zsocket *server;
    bg_zsocket *client;
    char endpoint[BG_ENDPOINT_MAX];
} scene;

static void open_scene (scene *self, const char *domain)
{
    self->server_pair = net_pair_new ();
    self->client_pair = net_pair_new ();
    bg_zsocket_options options = net_server_options (ZMQ_ROUTER, &self->server_pair);
    options.zap_domain = domain;
    self->server = net_listen (&options, self->endpoint);
}

static void connect_client (scene *self)
{
    bg_zsocket_options options =
        net_client_options (ZMQ_DEALER, &self->client_pair, &self->server_pair);
    self->client = net_connect (&options, self->endpoint);
}

static void close_scene (scene *self)
{
    bg_zsocket_destroy (&self->client);
    bg_zsocket_destroy (&self->server);
}

static void known_key_is_admitted_with_our_tag (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    bg_zap_counts before = bg_zap_count (zap);
    scene s = {0};
    open_scene (&s, "desk");
    net_admit (zap, &s.client_pair);
    connect_client (&s);
    net_wait_link (s.client, BG_LINK_UP);
    net_send (s.client, "hello");
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s.server, &message));
    bg_key key;
    assert_true (bg_zap_check_user_id (zap, bg_zmessage_user_id (&message), &key));
    assert_true (bg_key_equal (&key, &s.client_pair.public_key));
    bg_zap_counts after = bg_zap_count (zap);
    assert_int_equal (after.admitted, before.admitted + 1);
    assert_int_equal (after.refused, before.refused);
    close_scene (&s);
}

static void key_of_another_domain_is_refused_and_remembered (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    bg_zap_refusal refusals[BG_ZAP_REFUSALS_MAX];
    (void) bg_zap_take_refusals (zap, refusals, BG_ZAP_REFUSALS_MAX);
    bg_zap_counts before = bg_zap_count (zap);
    scene s = {0};
    open_scene (&s, "ops");
    net_admit (zap, &s.client_pair);
    connect_client (&s);
    net_wait_link (s.client, BG_LINK_REFUSED);
    assert_int_equal (bg_zap_count (zap).refused, before.refused + 1);
    assert_int_equal (bg_zap_take_refusals (zap, refusals, BG_ZAP_REFUSALS_MAX), 1);
    assert_string_equal (refusals[0].domain, "ops");
    assert_string_equal (refusals[0].address, "127.0.0.1");
    assert_true (bg_key_equal (&refusals[0].key, &s.client_pair.public_key));
    assert_int_equal (bg_zap_take_refusals (zap, refusals, BG_ZAP_REFUSALS_MAX), 0);
    close_scene (&s);
}

static void open_domain_admits_any_key_until_closed (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    must (bg_zap_open_domain (zap, "enlist", true, NULL));
    must (bg_zap_open_domain (zap, "enlist", true, NULL));
    scene s = {0};
    open_scene (&s, "enlist");
    connect_client (&s);
    net_wait_link (s.client, BG_LINK_UP);
    bg_zsocket_destroy (&s.client);
    must (bg_zap_open_domain (zap, "enlist", false, NULL));
    must (bg_zap_open_domain (zap, "enlist", false, NULL));
    connect_client (&s);
    net_wait_link (s.client, BG_LINK_REFUSED);
    close_scene (&s);
}

static void number_of_open_domains_is_limited (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    char name[8];
    bg_result result = bg_ok ();
    int opened = 0;
    for (; opened < 20 && bg_is_ok (result); opened++) {
        snprintf (name, sizeof name, "d%d", opened);
        result = bg_zap_open_domain (zap, name, true, NULL);
    }
    assert_int_equal (result.code, BG_LIMIT);
    for (int i = 0; i < opened; i++) {
        snprintf (name, sizeof name, "d%d", i);
        must (bg_zap_open_domain (zap, name, false, NULL));
    }
    must (bg_zap_open_domain (zap, "d0", true, NULL));
    must (bg_zap_open_domain (zap, "d0", false, NULL));
}

/*  Requests as libzmq would put them, or not.  */

static void ask (const char *const *frames, size_t count, char status[8])
{
    zsock_t *asker = zsock_new (ZMQ_REQ);
    assert_non_null (asker);
    zsock_set_rcvtimeo (asker, NET_DEADLINE_US / 1000);
    void *socket = zsock_resolve (asker);
    assert_int_equal (zmq_connect (socket, "inproc://zeromq.zap.01"), 0);
    for (size_t i = 0; i < count; i++)
        assert_true (
            zmq_send (socket, frames[i], strlen (frames[i]), i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
    BG_AUTO_ZMESSAGE reply = {0};
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    assert_int_equal (zmq_poll (&item, 1, NET_DEADLINE_US / 1000), 1);
    must (bg_zmessage_receive (&reply, socket, false, 8, NULL));
    assert_int_equal (reply.count, 6);
    assert_true (net_frame_is (&reply, 0, "1.0"));
    snprintf (status, 8, "%.*s", BG_SLICE_ARG (bg_zmessage_frame (&reply, 2)));
    assert_true (bg_slice_is (bg_zmessage_frame (&reply, 4), ""));
    zsock_destroy (&asker);
}

static void malformed_requests_are_refused_and_survived (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    const char *key = "01234567890123456789012345678901";
    const char *requests[][10] = {
        {"1.0"},
        {"1.0", "7", "desk", "addr", "id", "CURVE"},
        {"9.0", "7", "desk", "addr", "id", "CURVE", key},
        {"1.0", "7", "desk", "addr", "id", "PLAIN", key},
        {"1.0", "7", "desk", "addr", "id", "CURVE", "short"},
        {"1.0", "7", "", "addr", "id", "CURVE", key},
        {"1.0", "7", "a domain that is too long", "addr", "id", "CURVE", key},
        {"1.0", "7", "desk", "addr", "id", "CURVE", key, "one too many"},
        {"1.0", "7", "desk", "addr", "id", "CURVE", key, "more", "and more", "and more"},
    };
    size_t count = sizeof requests / sizeof requests[0];
    bg_zap_counts before = bg_zap_count (zap);
    for (size_t i = 0; i < count; i++) {
        size_t frames = 0;
        while (frames < 10 && requests[i][frames])
            frames++;
        char status[8];
        ask (requests[i], frames, status);
        assert_string_equal (status, "400");
    }
    assert_int_equal (bg_zap_count (zap).malformed, before.malformed + count);
    must (bg_zap_self_test (zap, NET_DEADLINE_US, NULL));
}

static void flood_of_refusals_is_bounded (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    const char *request[] = {
        "1.0", "7", "desk", "evil\naddress", "id", "CURVE", "01234567890123456789012345678901"};
    bg_zap_refusal refusals[BG_ZAP_REFUSALS_MAX];
    (void) bg_zap_take_refusals (zap, refusals, BG_ZAP_REFUSALS_MAX);
    bg_zap_counts before = bg_zap_count (zap);
    for (int i = 0; i < BG_ZAP_REFUSALS_MAX + 10; i++) {
        char status[8];
        ask (request, 7, status);
        assert_string_equal (status, "400");
    }
    assert_int_equal (bg_zap_count (zap).refused, before.refused + BG_ZAP_REFUSALS_MAX + 10);
    assert_int_equal (bg_zap_take_refusals (zap, refusals, 4), 4);
    assert_string_equal (refusals[0].address, "evil?address");
    assert_int_equal (
        bg_zap_take_refusals (zap, refusals, BG_ZAP_REFUSALS_MAX), BG_ZAP_REFUSALS_MAX - 4);
}

static void only_our_own_user_ids_count (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    scene s = {0};
    open_scene (&s, "desk");
    net_admit (zap, &s.client_pair);
    connect_client (&s);
    net_send (s.client, "hello");
    BG_AUTO_ZMESSAGE message = {0};
    must (net_receive (s.server, &message));
    char user_id[BG_ZAP_USER_ID_SIZE];
    snprintf (user_id, sizeof user_id, "%s", bg_zmessage_user_id (&message));
    bg_key key;
    assert_true (bg_zap_check_user_id (zap, user_id, &key));
    assert_false (bg_zap_check_user_id (zap, NULL, &key));
    assert_false (bg_zap_check_user_id (zap, "", &key));
    assert_false (bg_zap_check_user_id (zap, user_id + 1, &key));
    assert_false (bg_zap_check_user_id (zap, bg_key_text (&key).text, &key));
    size_t places[] = {0, 31, 32, 33};
    const char wrong[] = {'x', 'x', ';', '~'};
    for (size_t i = 0; i < 4; i++) {
        char bent[BG_ZAP_USER_ID_SIZE];
        memcpy (bent, user_id, sizeof bent);
        bent[places[i]] = wrong[i];
        assert_false (bg_zap_check_user_id (zap, bent, &key));
    }
    close_scene (&s);
}

/*  Life.  */

static void second_handler_is_refused (void **test_state)
{
    (void) test_state;
    bg_zap *second = NULL;
    bg_error err = {0};
    assert_int_equal (bg_zap_create (&second, &err).code, BG_BUSY);
    assert_null (second);
}

static void self_test_finds_a_handler_that_admits_strangers (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    must (bg_zap_open_domain (zap, "self-test", true, NULL));
    bg_error err = {0};
    assert_int_equal (bg_zap_self_test (zap, NET_DEADLINE_US, &err).code, BG_CRYPTO);
    assert_non_null (strstr (err.message, "unknown key was not refused"));
    assert_int_equal (bg_zap_self_test (zap, NET_DEADLINE_US, NULL).code, BG_CRYPTO);
    must (bg_zap_open_domain (zap, "self-test", false, NULL));
    must (bg_zap_self_test (zap, NET_DEADLINE_US, &err));
    assert_int_equal (bg_zap_self_test (zap, 0, &err).code, BG_TIMEOUT);
}

/*  Another process, because the death is an abort and libzmq does not survive fork.  */
static void process_ends_with_its_handler (void **test_state)
{
    (void) test_state;
    int ends[2];
    assert_int_equal (pipe (ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init (&actions);
    posix_spawn_file_actions_adddup2 (&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose (&actions, ends[0]);
    posix_spawn_file_actions_addclose (&actions, ends[1]);
    char self[] = "/proc/self/exe", order[] = "lose-handler";
    char *argv[] = {self, order, NULL};
    pid_t pid;
    assert_int_equal (posix_spawn (&pid, self, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy (&actions);
    close (ends[1]);
    char text[4096] = "";
    size_t used = 0;
    ssize_t size;
    while (
        used < sizeof text - 1 && (size = read (ends[0], text + used, sizeof text - 1 - used)) > 0)
        used += (size_t) size;
    close (ends[0]);
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    assert_true (WIFSIGNALED (status));
    assert_int_equal (WTERMSIG (status), SIGABRT);
    assert_non_null (strstr (text, "authentication handler failed"));
}

static int lose_handler (void)
{
    bg_zap *zap = NULL;
    signal (SIGABRT, SIG_DFL);
    alarm (20);
    if (bg_failed (bg_zcontext_open (NULL, NULL)) || bg_failed (bg_zap_create (&zap, NULL)))
        return 1;
    zmq_ctx_shutdown (zsys_init ());
    for (;;)
        pause ();
}

/*  A server without a living handler admits nobody, even a key that was known.  */
static int without_handler (void **test_state)
{
    bg_zap *zap = zap_of (test_state);
    bg_zap_destroy (&zap);
    *test_state = NULL;
    return 0;
}

static void nobody_is_admitted_without_a_handler (void **test_state)
{
    (void) test_state;
    scene s = {0};
    open_scene (&s, "desk");
    connect_client (&s);
    net_send (s.client, "hello");
    net_wait_link (s.client, BG_LINK_DOWN);
    BG_AUTO_ZMESSAGE message = {0};
    assert_int_equal (bg_zsocket_receive (s.server, &message, NULL).code, BG_AGAIN);
    close_scene (&s);
}

static int start (void **test_state)
{
    if (bg_failed (bg_zcontext_open (NULL, NULL)))
        return -1;
    bg_zap *zap = NULL;
    bg_error err = {0};
    if (bg_failed (bg_zap_create (&zap, &err))) {
        print_error ("%s\n", err.message);
        return -1;
    }
    *test_state = zap;
    return 0;
}

static int end (void **test_state)
{
    (void) test_state;
    bg_zcontext_close ();
    return 0;
}

int main (int argc, char **argv)
{
    if (argc == 2 && strcmp (argv[1], "lose-handler") == 0)
        return lose_handler ();
    const struct CMUnitTest with[] = {
        cmocka_unit_test (keys_are_found_in_their_domain_only),
        cmocka_unit_test (too_long_texts_are_refused),
        cmocka_unit_test (replacing_takes_all_or_nothing),
        cmocka_unit_test (known_key_is_admitted_with_our_tag),
        cmocka_unit_test (key_of_another_domain_is_refused_and_remembered),
        cmocka_unit_test (open_domain_admits_any_key_until_closed),
        cmocka_unit_test (number_of_open_domains_is_limited),
        cmocka_unit_test (malformed_requests_are_refused_and_survived),
        cmocka_unit_test (flood_of_refusals_is_bounded),
        cmocka_unit_test (only_our_own_user_ids_count),
        cmocka_unit_test (second_handler_is_refused),
        cmocka_unit_test (self_test_finds_a_handler_that_admits_strangers),
        cmocka_unit_test (process_ends_with_its_handler),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test (nobody_is_admitted_without_a_handler),
    };
    int failed = cmocka_run_group_tests_name ("with handler", with, start, without_handler);
    failed += cmocka_run_group_tests_name ("without handler", without, NULL, end);
    return failed;
}
