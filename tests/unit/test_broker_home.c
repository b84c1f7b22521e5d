/*  Making and reading a broker's home, in real directories.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/home/backup.h"
#include "broker/home/home.h"
#include "broker/store/store.h"
#include "common/sys/random.h"
#include "proto/trust.h"
#include "tests/unit/temp_dir.h"

#include <sys/stat.h>

typedef struct {
    char *dir;  /*  private, exists  */
    char *home; /*  in it, does not exist yet  */
    bg_keypair sign, curve;
} fixture;

static int set_up (void **state)
{
    fixture *self = bg_alloc (sizeof *self);
    bg_assert (bg_is_ok (bg_crypto_init (NULL)));
    self->dir = temp_dir_make ();
    self->home = bg_path_join (self->dir, "home");
    bg_keypair_generate (&self->sign, BG_KEY_ED25519);
    bg_keypair_generate (&self->curve, BG_KEY_CURVE25519);
    *state = self;
    return 0;
}

static int tear_down (void **state)
{
    fixture *self = *state;
    temp_dir_remove (&self->dir);
    free (self->home);
    free (self);
    return 0;
}

static broker_init_options options_of (const fixture *self)
{
    return (broker_init_options){.dir = self->home,
        .name = "berlin",
        .port = 7411,
        .login = "anna",
        .admin_sign_key = self->sign.public_key,
        .admin_curve_key = self->curve.public_key,
        .admin_secret = self->sign.secret};
}

static void make_with (const broker_init_options *options)
{
    bg_error err = {0};
    broker_init_result made = {0};
    bg_result result = broker_home_init (options, &made, &err);
    if (bg_failed (result))
        fail_msg ("%s", err.message);
    broker_init_result_fini (&made);
}

static void make (const fixture *self)
{
    broker_init_options options = options_of (self);
    make_with (&options);
}

static void assert_sentence (const bg_error *err, const char *part)
{
    if (!strstr (err->message, part) && !strstr (err->hint, part))
        fail_msg ("\"%s\" / \"%s\" does not say \"%s\"", err->message, err->hint, part);
}

static void assert_mode (const char *dir, const char *name, mode_t mode)
{
    struct stat info;
    BG_AUTO_CHAR path = bg_path_join (dir, name);
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_mode & 07777, mode);
}

static void write_file (const fixture *self, const char *name, const char *text)
{
    BG_AUTO_CHAR path = bg_path_join (self->home, name);
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str (text), 0600, NULL)));
}

/*  ---- making ----  */

static void init_makes_everything_private (void **state)
{
    fixture *self = *state;
    make (self);
    assert_mode (self->dir, "home", 0700);
    assert_mode (self->home, "broker", 0700);
    assert_mode (self->home, "run", 0700);
    assert_mode (self->home, "etc", 0700);
    assert_mode (self->home, "broker/broker.sign.key", 0600);
    assert_mode (self->home, "broker/broker.curve.key", 0600);
    assert_mode (self->home, "broker/broker.db", 0600);
    assert_mode (self->home, "etc/broker.yaml", 0600);
}

static void what_init_made_reads_back (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    bg_error err = {0};
    broker_init_result made = {0};
    assert_true (bg_is_ok (broker_home_init (&options, &made, &err)));
    assert_string_equal (made.address, "127.0.0.1");
    assert_string_equal (made.name, "berlin");
    assert_int_equal (made.port, 7411);

    broker_home home;
    if (bg_failed (broker_home_open (self->home, &home, NULL, &err)))
        fail_msg ("%s", err.message);
    assert_string_equal (home.config.name, "berlin");
    assert_string_equal (home.config.listen, "127.0.0.1");
    assert_string_equal (home.config.address, "127.0.0.1");
    assert_int_equal (home.config.port, 7411);
    bg_keypair pair;
    assert_true (bg_is_ok (broker_home_sign_key (&home, &pair, &err)));
    assert_true (bg_key_equal (&pair.public_key, &made.sign_key));
    assert_true (bg_is_ok (broker_home_curve_key (&home, &pair, &err)));
    assert_true (bg_key_equal (&pair.public_key, &made.curve_key));
    bg_keypair_fini (&pair);
    broker_home_fini (&home);
    broker_init_result_fini (&made);
}

/*  The keyring of the authority in the store; made must be of that home.  */
static wire_keyring *stored_keyring (
    const fixture *self, const broker_init_result *made, size_t *signatures)
{
    BG_AUTO_CHAR path = bg_path_join (self->home, "broker/broker.db");
    bg_error err = {0};
    broker_db *db = NULL;
    assert_true (bg_is_ok (broker_db_open (path, &db, &err)));
    const broker_store *store = broker_db_port (db);
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    assert_true (
        bg_is_ok (store->document_get (store->ctx, (bg_id){0}, 0, &arena, &record, &found, &err)));
    assert_true (found);
    assert_true (bg_slice_equal (record.signed_bytes, bg_buf_slice (&made->authority)));
    wire_signed authority;
    assert_true (bg_is_ok (
        WIRE_DECODE (signed, record.signed_bytes, WIRE_AS_MESSAGE, &arena, &authority, &err)));
    *signatures = authority.sigs_count;
    wire_keyring *keyring = NULL;
    assert_true (bg_is_ok (wire_keyring_first (
        &authority, made->authority_hash, wire_crypto_sodium (), &keyring, &err)));
    broker_db_close (&db);
    return keyring;
}

static void the_store_holds_authority_version_1 (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    bg_error err = {0};
    broker_init_result made = {0};
    assert_true (bg_is_ok (broker_home_init (&options, &made, &err)));
    size_t signatures = 0;
    wire_keyring *keyring = stored_keyring (self, &made, &signatures);
    assert_int_equal (signatures, 1);
    assert_int_equal (wire_keyring_version (keyring), 1);
    assert_true (bg_id_equal (wire_keyring_installation (keyring), made.installation));
    assert_true (bg_key_equal (wire_keyring_broker_curve_key (keyring), &made.curve_key));
    const wire_login *login = wire_keyring_login_by_name (keyring, bg_slice_str ("anna"));
    assert_non_null (login);
    assert_int_equal (login->role, WIRE_ROLE_ADMIN);
    assert_true (bg_key_equal (&login->sign_key, &self->sign.public_key));
    wire_keyring_destroy (&keyring);
    broker_init_result_fini (&made);
}

static void with_public_keys_only_the_pin_stands_for_the_signature (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    options.admin_secret = NULL;
    bg_error err = {0};
    broker_init_result made = {0};
    assert_true (bg_is_ok (broker_home_init (&options, &made, &err)));
    size_t signatures = 9;
    wire_keyring *keyring = stored_keyring (self, &made, &signatures);
    assert_int_equal (signatures, 0);
    wire_keyring_destroy (&keyring);
    broker_init_result_fini (&made);
}

static void an_empty_directory_is_closed_to_others (void **state)
{
    fixture *self = *state;
    assert_int_equal (mkdir (self->home, 0755), 0);
    make (self);
    assert_mode (self->dir, "home", 0700);
}

static void a_home_with_a_node_takes_a_broker_too (void **state)
{
    fixture *self = *state;
    BG_AUTO_CHAR node = bg_path_join (self->home, "node");
    assert_int_equal (mkdir (self->home, 0700), 0);
    assert_int_equal (mkdir (node, 0700), 0);
    make (self);
}

static void a_home_with_a_broker_is_refused_untouched (void **state)
{
    fixture *self = *state;
    make (self);
    bg_error err = {0};
    BG_AUTO_BUF before = {0};
    BG_AUTO_BUF after = {0};
    BG_AUTO_CHAR key = bg_path_join (self->home, "broker/broker.sign.key");
    assert_true (bg_is_ok (bg_file_read (key, 4096, &before, NULL)));
    broker_init_options options = options_of (self);
    broker_init_result made = {0};
    assert_int_equal (broker_home_init (&options, &made, &err).code, BG_EXISTS);
    assert_sentence (&err, "has a broker already");
    assert_true (bg_is_ok (bg_file_read (key, 4096, &after, NULL)));
    assert_true (bg_slice_equal (bg_buf_slice (&before), bg_buf_slice (&after)));
}

static void a_cut_off_init_is_named (void **state)
{
    fixture *self = *state;
    make (self);
    BG_AUTO_CHAR config = bg_path_join (self->home, "etc/broker.yaml");
    assert_int_equal (unlink (config), 0);
    bg_error err = {0};
    broker_init_options options = options_of (self);
    broker_init_result made = {0};
    assert_int_equal (broker_home_init (&options, &made, &err).code, BG_EXISTS);
    assert_sentence (&err, "cut off");
    broker_home home;
    assert_int_equal (broker_home_open (self->home, &home, NULL, &err).code, BG_FOREIGN_FILE);
    assert_sentence (&err, "broker.yaml is missing");
}

static void a_failed_init_leaves_nothing (void **state)
{
    fixture *self = *state;
    bg_error err = {0};
    broker_init_options options = options_of (self);
    broker_init_result made = {0};
    options.name = "no spaces please";
    assert_int_equal (broker_home_init (&options, &made, &err).code, BG_INVALID);
    assert_false (bg_path_exists (self->home));
    /*  A file where the directory of the run files has to be: fails after DIR was taken.  */
    options = options_of (self);
    assert_int_equal (mkdir (self->home, 0700), 0);
    write_file (self, "run", "in the way");
    assert_true (bg_failed (broker_home_init (&options, &made, &err)));
    BG_AUTO_CHAR broker = bg_path_join (self->home, "broker");
    assert_false (bg_path_exists (broker));
}

static void an_open_directory_with_content_is_refused (void **state)
{
    fixture *self = *state;
    assert_int_equal (mkdir (self->home, 0755), 0);
    write_file (self, "photo.jpg", "x");
    bg_error err = {0};
    broker_init_options options = options_of (self);
    broker_init_result made = {0};
    assert_int_equal (broker_home_init (&options, &made, &err).code, BG_FOREIGN_FILE);
    assert_sentence (&err, self->home);
}

/*  ---- hosts ----  */

static void assert_listen (const char *text, const char *host, int64_t port)
{
    char *got = NULL;
    int64_t got_port = 7411;
    bg_error err = {0};
    if (bg_failed (broker_listen_parse (text, &got, &got_port, &err)))
        fail_msg ("%s: %s", text, err.message);
    assert_string_equal (got, host);
    assert_int_equal (got_port, port);
    free (got);
}

static void listen_addresses (void **state)
{
    (void) state;
    assert_listen ("0.0.0.0", "0.0.0.0", 7411);
    assert_listen ("10.1.2.3:9000", "10.1.2.3", 9000);
    assert_listen ("localhost:0", "127.0.0.1", 0);
    assert_listen (":8000", "127.0.0.1", 8000);
    assert_listen ("*", "*", 7411);
    assert_listen ("[::1]:8000", "[::1]", 8000);
    assert_listen ("::1", "[::1]", 7411);
    assert_listen ("[::]", "[::]", 7411);
    assert_listen ("lo:1", "lo", 1);
    static const char *const wrong[] = {
        "host.example.org", "1.2.3.4:65533", "1.2.3.4:x", "1.2.3.4:-1", "a b", "1.2.3.4:"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *host = NULL;
        int64_t port = 0;
        bg_error err = {0};
        assert_int_equal (broker_listen_parse (wrong[i], &host, &port, &err).code, BG_INVALID);
        assert_non_null (err.hint[0] ? err.hint : NULL);
    }
}

static void a_wildcard_hands_out_what_others_find (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    bg_error err = {0};
    broker_init_result made = {0};
    const broker_address chosen = broker_address_choose ("0.0.0.0");
    assert_true (chosen.host[0] && chosen.why[0]);
    assert_true (strncmp (chosen.host, "127.", 4) != 0 && strcmp (chosen.host, "0.0.0.0") != 0);
    options.listen = "0.0.0.0";
    assert_true (bg_is_ok (broker_home_init (&options, &made, &err)));
    assert_string_equal (made.address, chosen.host);
    assert_string_equal (made.chosen.why, chosen.why);
    broker_init_result_fini (&made);
    broker_home home;
    broker_endpoints endpoints;
    assert_true (bg_is_ok (broker_home_open (self->home, &home, NULL, &err)));
    assert_true (bg_is_ok (broker_home_endpoints (&home, &endpoints, &err)));
    assert_string_equal (endpoints.listen[BROKER_ORDERS], "tcp://0.0.0.0:7411");
    assert_string_equal (endpoints.listen[BROKER_OPS], "tcp://0.0.0.0:7414");
    assert_string_equal (endpoints.local[BROKER_DESK], "tcp://127.0.0.1:7412");
    assert_non_null (strstr (endpoints.address[BROKER_ENLIST], chosen.host));
    broker_home_fini (&home);
}

static void one_address_is_not_guessed_about (void **state)
{
    (void) state;
    broker_address chosen = broker_address_choose ("192.0.2.7");
    assert_string_equal (chosen.host, "192.0.2.7");
    assert_string_equal (chosen.why, "");
    assert_false (chosen.is_doubtful);
    chosen = broker_address_choose ("lo");
    assert_string_equal (chosen.host, "127.0.0.1");
    assert_string_equal (chosen.why, "the address of lo");
}

/*  ---- reading ----  */

static void open_broken (const fixture *self, bg_code code, const char *sentence)
{
    broker_home home;
    bg_error err = {0};
    assert_int_equal (broker_home_open (self->home, &home, NULL, &err).code, code);
    assert_sentence (&err, sentence);
}

static void without_a_broker_the_hint_names_init (void **state)
{
    fixture *self = *state;
    open_broken (self, BG_NOT_FOUND, "run: bugle init --home");
    assert_int_equal (mkdir (self->home, 0700), 0);
    open_broken (self, BG_NOT_FOUND, "run: bugle init --home");
}

static void open_files_and_missing_ones_are_named (void **state)
{
    fixture *self = *state;
    BG_AUTO_CHAR key = bg_path_join (self->home, "broker/broker.sign.key");
    make (self);
    assert_int_equal (chmod (key, 0644), 0);
    open_broken (self, BG_FOREIGN_FILE, "broker.sign.key");
    assert_int_equal (unlink (key), 0);
    open_broken (self, BG_FOREIGN_FILE, "broker.sign.key is missing");
}

static void an_open_home_is_refused (void **state)
{
    fixture *self = *state;
    make (self);
    assert_int_equal (chmod (self->home, 0755), 0);
    open_broken (self, BG_FOREIGN_FILE, "chmod");
}

static void mistakes_in_the_configuration_are_told_at_once (void **state)
{
    fixture *self = *state;
    make (self);
    write_file (self, "etc/broker.yaml",
        "name: berlin\nlisten: 127.0.0.1\nporrt: 7411\nlog:\n  json: perhaps\n");
    broker_home home;
    bg_error err = {0};
    bg_diag *diag = bg_diag_create ();
    assert_int_equal (broker_home_open (self->home, &home, diag, &err).code, BG_INVALID);
    assert_int_equal (bg_diag_count (diag), 2);
    assert_int_equal (bg_diag_get (diag, 0).line, 3);
    assert_string_equal (bg_diag_get (diag, 0).nearest, "port");
    bg_diag_destroy (&diag);
    write_file (self, "etc/broker.yaml", "name: berlin\naddress: \"*\"\n");
    open_broken (self, BG_INVALID, "nobody can connect");
    write_file (self, "etc/broker.yaml",
        "name: b\nendpoints:\n  desk: tcp://[::1]:70\n  ops: tcp://[::1]:70\n");
    open_broken (self, BG_INVALID, "same endpoint");
}

static void a_broken_key_file_is_named (void **state)
{
    fixture *self = *state;
    make (self);
    write_file (self, "broker/broker.curve.key", "hello\n");
    broker_home home;
    bg_error err = {0};
    bg_keypair pair;
    assert_true (bg_is_ok (broker_home_open (self->home, &home, NULL, &err)));
    assert_int_equal (broker_home_curve_key (&home, &pair, &err).code, BG_FOREIGN_FILE);
    assert_sentence (&err, "broker.curve.key");
    broker_home_fini (&home);
}

/*  ---- ports ----  */

static void open_endpoints (const fixture *self, broker_endpoints *endpoints)
{
    broker_home home;
    bg_error err = {0};
    if (bg_failed (broker_home_open (self->home, &home, NULL, &err)) ||
        bg_failed (broker_home_endpoints (&home, endpoints, &err)))
        fail_msg ("%s", err.message);
    broker_home_fini (&home);
}

static unsigned port_of (const char *endpoint)
{
    return (unsigned) atoi (strrchr (endpoint, ':') + 1);
}

static void port_0_is_chosen_once_outside_the_ephemeral_range (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    options.port = 0;
    make_with (&options);
    BG_AUTO_BUF range = {0};
    unsigned low = 0, high = 0;
    assert_true (
        bg_is_ok (bg_file_read ("/proc/sys/net/ipv4/ip_local_port_range", 64, &range, NULL)));
    assert_int_equal (sscanf (bg_buf_cstr (&range), "%u %u", &low, &high), 2);
    broker_endpoints first, second;
    open_endpoints (self, &first);
    for (int i = 0; i < BROKER_SOCKETS; i++) {
        unsigned port = port_of (first.listen[i]);
        assert_true (port > 0 && (port < low || port > high));
    }
    open_endpoints (self, &second);
    assert_memory_equal (first.listen, second.listen, sizeof first.listen);
}

static void a_damaged_list_of_ports_is_named (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    options.port = 0;
    make_with (&options);
    static const char *const wrong[] = {"orders 70000\n", "garbage", "orders 8000\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_file (self, "broker/ports", wrong[i]);
        broker_home home;
        broker_endpoints endpoints;
        bg_error err = {0};
        assert_true (bg_is_ok (broker_home_open (self->home, &home, NULL, &err)));
        assert_int_equal (broker_home_endpoints (&home, &endpoints, &err).code, BG_FOREIGN_FILE);
        assert_sentence (&err, "broker/ports");
        broker_home_fini (&home);
    }
}

static void endpoints_of_their_own (void **state)
{
    fixture *self = *state;
    make (self);
    write_file (self, "etc/broker.yaml",
        "name: b\naddress: b.example.org\nport: 7000\nendpoints:\n"
        "  desk: tcp://*:9001\n  ops: ipc:///run/ops\n  enlist: tcp://[::]:0\n");
    broker_endpoints endpoints;
    open_endpoints (self, &endpoints);
    assert_string_equal (endpoints.listen[BROKER_ORDERS], "tcp://127.0.0.1:7000");
    assert_string_equal (endpoints.address[BROKER_ORDERS], "tcp://b.example.org:7000");
    assert_string_equal (endpoints.listen[BROKER_DESK], "tcp://*:9001");
    assert_string_equal (endpoints.local[BROKER_DESK], "tcp://127.0.0.1:9001");
    assert_string_equal (endpoints.address[BROKER_DESK], "tcp://b.example.org:9001");
    assert_string_equal (endpoints.local[BROKER_OPS], "ipc:///run/ops");
    assert_true (port_of (endpoints.listen[BROKER_ENLIST]) > 0);
    assert_non_null (strstr (endpoints.local[BROKER_ENLIST], "tcp://[::1]:"));
}

static void an_interface_is_reached_by_its_address (void **state)
{
    fixture *self = *state;
    broker_init_options options = options_of (self);
    options.listen = "lo";
    make_with (&options);
    broker_endpoints endpoints;
    open_endpoints (self, &endpoints);
    assert_string_equal (endpoints.listen[BROKER_OPS], "tcp://127.0.0.1:7414");
    assert_string_equal (endpoints.local[BROKER_OPS], "tcp://127.0.0.1:7414");
}

/*  ---- DIR/run/endpoints ----  */

static void the_contact_reads_back (void **state)
{
    fixture *self = *state;
    make (self);
    broker_home home;
    bg_error err = {0};
    broker_contact contact = {.broker_key = self->curve.public_key}, read = {0};
    assert_int_equal (broker_contact_read (self->home, &read, &err).code, BG_NOT_FOUND);
    assert_sentence (&err, "bugle-broker --home");
    for (int i = 0; i < BROKER_SOCKETS; i++)
        snprintf (contact.endpoint[i], sizeof contact.endpoint[i], "tcp://127.0.0.1:%d", 7000 + i);
    assert_true (bg_is_ok (broker_home_open (self->home, &home, NULL, &err)));
    assert_true (bg_is_ok (broker_contact_write (&home, &contact, &err)));
    assert_true (bg_is_ok (broker_contact_read (self->home, &read, &err)));
    assert_memory_equal (&contact, &read, sizeof read);
    write_file (self, "run/endpoints", "ops tcp://127.0.0.1:1\n");
    assert_int_equal (broker_contact_read (self->home, &read, &err).code, BG_FOREIGN_FILE);
    assert_sentence (&err, "run/endpoints");
    broker_home_fini (&home);
}

/*  A set is completed with the front's key by root: there has to be room for it.  */
static void a_manifest_names_each_file_once (void **state)
{
    const fixture *self = *state;
    bg_error err = {0};
    broker_manifest manifest = {.broker = "berlin", .version = "1", .schema = 1};
    broker_manifest read = {.schema = 0};
    manifest.installation.bytes[0] = 1;
    for (size_t i = 0; i < BROKER_BACKUP_FILES; i++)
        manifest.files[manifest.file_count++] = (broker_backup_file){.name = "broker.yaml"};
    assert_true (bg_is_ok (broker_manifest_write (self->dir, &manifest, &err)));
    assert_int_equal (broker_manifest_read (self->dir, &read, &err).code, BG_FOREIGN_FILE);
    for (size_t i = 0; i < BROKER_BACKUP_FILES; i++)
        snprintf (
            manifest.files[i].name, sizeof manifest.files[i].name, "%s", broker_backup_names[i]);
    assert_true (bg_is_ok (broker_manifest_write (self->dir, &manifest, &err)));
    assert_true (bg_is_ok (broker_manifest_read (self->dir, &read, &err)));
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (a_manifest_names_each_file_once),
        TEST (init_makes_everything_private),
        TEST (what_init_made_reads_back),
        TEST (the_store_holds_authority_version_1),
        TEST (with_public_keys_only_the_pin_stands_for_the_signature),
        TEST (an_empty_directory_is_closed_to_others),
        TEST (a_home_with_a_node_takes_a_broker_too),
        TEST (a_home_with_a_broker_is_refused_untouched),
        TEST (a_cut_off_init_is_named),
        TEST (a_failed_init_leaves_nothing),
        TEST (an_open_directory_with_content_is_refused),
        TEST (listen_addresses),
        TEST (a_wildcard_hands_out_what_others_find),
        TEST (one_address_is_not_guessed_about),
        TEST (without_a_broker_the_hint_names_init),
        TEST (open_files_and_missing_ones_are_named),
        TEST (an_open_home_is_refused),
        TEST (mistakes_in_the_configuration_are_told_at_once),
        TEST (a_broken_key_file_is_named),
        TEST (port_0_is_chosen_once_outside_the_ephemeral_range),
        TEST (a_damaged_list_of_ports_is_named),
        TEST (endpoints_of_their_own),
        TEST (an_interface_is_reached_by_its_address),
        TEST (the_contact_reads_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
