/*  Making a broker's home: keys, authority version 1, store, configuration.

    Not here: the person's own keys and contexts, which are the CLI's.

    Invariant: broker.yaml is written last. A home without it was never finished, and what this
    run made is taken away again when a step fails.  */
#include "broker/home/home.h"

#include "broker/home/address.h"
#include "broker/core/core.h"
#include "broker/store/store.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/owner.h"
#include "common/sys/random.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*  ---- hosts ----  */

bool broker_listen_is_wildcard (const char *host)
{
    return strcmp (host, "*") == 0 || strcmp (host, "0.0.0.0") == 0 || strcmp (host, "::") == 0 ||
           strcmp (host, "[::]") == 0;
}

static bool is_numeric_v6 (const char *host)
{
    struct in6_addr six;
    return inet_pton (AF_INET6, host, &six) == 1;
}

static bool is_numeric (const char *host)
{
    struct in_addr four;
    return inet_pton (AF_INET, host, &four) == 1 || is_numeric_v6 (host);
}

static bg_result take_port (const char *text, int64_t *port, bg_error *err)
{
    char *end = NULL;
    long value = isdigit ((unsigned char) *text) ? strtol (text, &end, 10) : -1;
    if (value < 0 || *end || value > 65532) {
        bg_ignore (bg_fail (err, BG_INVALID, "\"%.40s\" is not a port for a broker", text));
        return bg_hint (
            err, "the first of four ports is 1 to 65532; 0 takes free ones at the first start");
    }
    *port = value;
    return bg_ok ();
}

/*  An address that can be bound: as libzmq wants it, version 6 in brackets.  */
static bg_result take_host (const char *text, char **host, bg_error *err)
{
    BG_AUTO_CHAR plain = bg_strdup (text);
    size_t size = strlen (plain);
    if (size > 2 && plain[0] == '[' && plain[size - 1] == ']') {
        memmove (plain, plain + 1, size - 2);
        plain[size - 2] = 0;
    }
    if (strcmp (plain, "localhost") == 0) {
        *host = bg_strdup ("127.0.0.1");
        return bg_ok ();
    }
    BG_TRY (broker_host_check (plain, err));
    if (!broker_listen_is_wildcard (plain) && !is_numeric (plain) && if_nametoindex (plain) == 0) {
        bg_ignore (bg_fail (
            err, BG_INVALID, "cannot listen on \"%.60s\": it is not a numeric address", plain));
        return bg_hint (
            err, "give a numeric address of this machine, the name of an interface, or * for all");
    }
    *host = is_numeric_v6 (plain) ? bg_strdup_printf ("[%s]", plain) : bg_strdup (plain);
    return bg_ok ();
}

bg_result broker_listen_parse (const char *text, char **host, int64_t *port, bg_error *err)
{
    const char *colon = strrchr (text, ':');
    const char *bracket = strrchr (text, ']');
    bool has_port = colon && (!bracket || colon > bracket) && (bracket || !is_numeric_v6 (text));
    int64_t given = *port;
    if (has_port)
        BG_TRY (take_port (colon + 1, &given, err));
    BG_AUTO_CHAR name =
        has_port ? bg_slice_dup (bg_slice_of (text, (size_t) (colon - text))) : bg_strdup (text);
    BG_TRY (take_host (name[0] ? name : "127.0.0.1", host, err));
    *port = given;
    return bg_ok ();
}

static char *host_name (void)
{
    char name[BROKER_HOST_MAX + 1] = "";
    if (gethostname (name, sizeof name - 1) != 0 || !name[0])
        return bg_strdup ("localhost");
    return bg_strdup (name);
}

static char *default_name (void)
{
    char *name = host_name ();
    name[strcspn (name, ".")] = 0;
    for (char *at = name; *at; at++)
        *at = (char) tolower ((unsigned char) *at);
    return name;
}

/*  ---- what is decided before anything is written ----  */

static bg_result fill_config (const broker_init_options *options, broker_config *config,
    broker_address *chosen, bg_error *err)
{
    int64_t port = options->port;
    char *host = NULL;
    broker_config_init (config);
    if (port < 0 || port > 65532)
        return bg_fail (err, BG_INVALID, "port %lld is out of range", (long long) port);
    BG_TRY (take_host (options->listen ? options->listen : "127.0.0.1", &host, err));
    free (config->listen);
    config->listen = host;
    config->port = port;
    config->name = options->name ? bg_strdup (options->name) : default_name ();
    if (options->address)
        config->address = bg_strdup (options->address);
    else {
        *chosen = broker_address_choose (host);
        config->address = bg_strdup (chosen->host);
    }
    return broker_config_check (config, err);
}

static bg_result refuse_occupied (const broker_home *home, bg_error *err)
{
    BG_AUTO_CHAR state = broker_home_state_path (home, NULL);
    if (bg_path_exists (home->config_path)) {
        bg_ignore (bg_fail (
            err, BG_EXISTS, "%s has a broker already (%s)", home->home.state, home->config_path));
        return bg_hint (err, "use another directory; nothing was changed");
    }
    if (bg_home_is_occupied (&home->home, BG_HOME_BROKER) ||
        bg_home_is_occupied (&home->home, BG_HOME_FRONT)) {
        bg_ignore (
            bg_fail (err, BG_EXISTS, "%s has files of a broker, but no configuration", state));
        return bg_hint (
            err, "use another directory, or remove %s if an earlier bugle init was cut off", state);
    }
    return bg_ok ();
}

/*  ---- authority version 1 ----  */

static void make_authority (const broker_init_options *options, const broker_config *config,
    const broker_init_result *made, bg_arena *arena, wire_signed *out)
{
    wire_login login = {.name = bg_slice_str (options->login),
        .sign_key = options->admin_sign_key,
        .curve_key = options->admin_curve_key,
        .role = WIRE_ROLE_ADMIN};
    wire_authority authority = {.name = bg_slice_str (config->name),
        .logins = &login,
        .logins_count = 1,
        .broker_sign_key = made->sign_key,
        .broker_curve_key = made->curve_key,
        .threshold = 1,
        .level_floor = WIRE_LEVEL,
        .created_us = bg_clock_utc_us ()};
    wire_document document = {.type = WIRE_TYPE_AUTHORITY,
        .format = WIRE_FORMAT,
        .installation = made->installation,
        .version = 1};
    if (options->admin_secret) {
        wire_document_make (
            wire_crypto_sodium (), &document, &authority, options->admin_secret, arena, out);
        return;
    }
    BG_AUTO_BUF body = {0};
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (authority, &authority, &body);
    document.body = bg_buf_slice (&body);
    WIRE_ENCODE (document, &document, &bytes);
    *out = (wire_signed){
        .type = WIRE_TYPE_AUTHORITY, .bytes = bg_arena_copy (arena, bg_buf_slice (&bytes))};
}

static void no_random (void *ctx, void *bytes, size_t size)
{
    (void) ctx;
    bg_random_bytes (bytes, size);
}

static void no_log (void *ctx, broker_log_level level, const char *event, const char *text)
{
    (void) ctx, (void) level, (void) event, (void) text;
}

static bg_result found (
    broker_db *db, const broker_init_result *made, const bg_keypair *sign, bg_error *err)
{
    broker_ports ports = {.random = no_random,
        .log = no_log,
        .crypto = wire_crypto_sodium (),
        .store = broker_db_port (db)};
    broker_settings settings = {.installation = made->installation,
        .name = bg_slice_str (made->name),
        .sign_key = made->sign_key,
        .curve_key = made->curve_key,
        .version = bg_slice_str (BUGLE_VERSION),
        .started_us = bg_clock_utc_us ()};
    memcpy (settings.sign_secret, sign->secret, sizeof settings.sign_secret);
    broker_core *core = broker_core_create (&settings, &ports);
    explicit_bzero (settings.sign_secret, sizeof settings.sign_secret);
    bg_now now = {bg_clock_utc_us (), bg_clock_mono_us (), bg_clock_boot_us ()};
    bg_result result = broker_db_begin (db, err);
    if (bg_is_ok (result)) {
        result = broker_core_found (core, now, bg_buf_slice (&made->authority), err);
        if (bg_is_ok (result))
            result = broker_db_commit (db, err);
        else
            broker_db_rollback (db);
    }
    broker_core_destroy (&core);
    return result;
}

/*  What is made for one part of the broker.  */
typedef struct {
    const broker_home *home;
    const broker_init_result *made;
    const bg_keypair *sign;
    const bg_keypair *curve;
} making;

static bg_result make_core_files (const making *self, bg_error *err)
{
    BG_AUTO_CHAR key_path = broker_home_state_path (self->home, "broker.sign.key");
    BG_AUTO_CHAR store_path = broker_home_state_path (self->home, "broker.db");
    broker_db *db = NULL;
    BG_TRY (bg_keyfile_write (key_path, self->sign, "broker signing key, made by bugle init", err));
    BG_TRY (broker_db_open (store_path, &db, err));
    bg_result result = found (db, self->made, self->sign, err);
    broker_db_close (&db);
    return result;
}

static bg_result make_front_files (const making *self, bg_error *err)
{
    BG_AUTO_CHAR path = broker_home_front_path (self->home, "broker.curve.key");
    return bg_keyfile_write (path, self->curve, "broker CURVE key, made by bugle init", err);
}

/*  As the account that the part has: in the system's directories root becomes it.  */
static bg_result make_as (const making *self, bg_home_part part,
    bg_result (*make) (const making *self, bg_error *err), bg_error *err)
{
    const bg_home *home = &self->home->home;
    uid_t user = 0;
    gid_t group = 0;
    bg_owner before;
    BG_TRY (bg_home_account (home, part, &user, &group, err));
    BG_TRY (bg_owner_enter (user, group, &before, err));
    bg_result result = bg_home_ensure (home, part, err);
    if (bg_is_ok (result))
        result = make (self, err);
    bg_owner_leave (&before);
    return result;
}

static bg_result find_ops (const broker_home *home, broker_init_result *made, bg_error *err)
{
    broker_endpoints endpoints;
    if (home->config.port == 0)
        return bg_ok ();
    BG_TRY (broker_home_endpoints (home, &endpoints, err));
    made->ops = bg_strdup (endpoints.local[BROKER_OPS]);
    return bg_ok ();
}

/*  ---- the steps ----  */

/*  broker.yaml is read by both parts; nothing in it is secret.  */
static bg_result write_config (const broker_home *home, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    broker_config_write (&home->config, &text);
    BG_TRY (bg_file_create (home->config_path, bg_buf_slice (&text), err));
    if (home->home.is_system && chmod (home->config_path, 0644) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make %s readable", home->config_path);
    return bg_ok ();
}

static bg_result make_files (const broker_init_options *options, const broker_home *home,
    broker_init_result *made, bg_keypair *sign, bg_keypair *curve, bg_error *err)
{
    const making self = {home, made, sign, curve};
    BG_TRY (find_ops (home, made, err));
    bg_keypair_generate (sign, BG_KEY_ED25519);
    bg_keypair_generate (curve, BG_KEY_CURVE25519);
    made->sign_key = sign->public_key;
    made->curve_key = curve->public_key;
    bg_random_bytes (made->installation.bytes, sizeof made->installation.bytes);

    BG_AUTO_ARENA arena = {0};
    wire_signed authority;
    make_authority (options, &home->config, made, &arena, &authority);
    WIRE_ENCODE (signed, &authority, &made->authority);
    wire_hash32 (authority.bytes, made->authority_hash);
    made->authority_version = 1;
    BG_TRY (make_as (&self, BG_HOME_BROKER, make_core_files, err));
    BG_TRY (make_as (&self, BG_HOME_FRONT, make_front_files, err));
    return write_config (home, err);
}

/*  Only what this run can have made: the directories of the broker were empty when it began. In the
    system they are the package's.  */
static void take_back (const broker_home *home, bool had_home)
{
    static const char *const names[] = {
        "broker.sign.key", "broker.db", "broker.db-wal", "broker.db-shm", NULL};
    for (size_t i = 0; names[i]; i++) {
        BG_AUTO_CHAR path = broker_home_state_path (home, names[i]);
        (void) unlink (path);
    }
    BG_AUTO_CHAR key_path = broker_home_front_path (home, "broker.curve.key");
    (void) unlink (key_path);
    (void) unlink (home->config_path);
    if (home->home.is_system)
        return;
    BG_AUTO_CHAR state = broker_home_state_path (home, NULL);
    (void) rmdir (state);
    /*  rmdir leaves alone what has anything in it.  */
    (void) rmdir (home->home.run);
    (void) rmdir (home->home.conf);
    if (!had_home)
        (void) rmdir (home->home.state);
}

bg_result broker_system_check (bg_error *err)
{
    static const bg_home_part parts[] = {BG_HOME_CONF, BG_HOME_BROKER, BG_HOME_FRONT};
    bg_home home;
    if (geteuid () != 0) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED, "only root makes the broker of this machine"));
        return bg_hint (err, "run: sudo bugle init; or make one of your own with --home DIR");
    }
    BG_TRY (bg_home_init (&home, NULL, err));
    bg_result result = bg_ok ();
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && bg_is_ok (result); i++) {
        uid_t user = 0;
        gid_t group = 0;
        result = bg_home_account (&home, parts[i], &user, &group, err);
    }
    bg_home_fini (&home);
    return result;
}

static bg_result check_system (const broker_home *home, bg_error *err)
{
    if (!home->home.is_system)
        return bg_ok ();
    BG_TRY (broker_system_check (err));
    if (home->config.port != 0)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "port 0 is for brokers with a --home of their own"));
    return bg_hint (err, "give the first of four ports with --listen HOST:PORT");
}

static bg_result check_texts (const broker_init_options *options, bg_error *err)
{
    bg_assert (options->login);
    if (!options->login[0] || strlen (options->login) > 128)
        return bg_fail (err, BG_INVALID, "\"%.60s\" cannot be the name of a login", options->login);
    if (bg_key_is_zero (&options->admin_sign_key) || bg_key_is_zero (&options->admin_curve_key))
        return bg_fail (err, BG_INVALID, "the first login has no keys");
    return bg_ok ();
}

static bg_result look_first (const broker_init_options *options, bg_error *err)
{
    if (!options->dir || !bg_path_exists (options->dir))
        return bg_ok ();
    broker_home look = {0};
    BG_TRY (bg_home_look (&look.home, options->dir, err));
    look.config_path = bg_home_path (&look.home, BG_HOME_CONF, "broker.yaml");
    bg_result result = refuse_occupied (&look, err);
    broker_home_fini (&look);
    return result;
}

bg_result broker_home_init (
    const broker_init_options *options, broker_init_result *result, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    BG_TRY (check_texts (options, err));
    BG_TRY (look_first (options, err));
    bool had_home = !options->dir || bg_path_exists (options->dir);
    broker_home home = {0};
    broker_init_result made = {0};
    bg_keypair sign = {0}, curve = {0};
    bg_result done = fill_config (options, &home.config, &made.chosen, err);
    if (bg_is_ok (done))
        done = bg_home_init (&home.home, options->dir, err);
    if (bg_is_ok (done)) {
        home.config_path = bg_home_path (&home.home, BG_HOME_CONF, "broker.yaml");
        made = (broker_init_result){.home = bg_strdup (home.home.state),
            .config = bg_strdup (home.config_path),
            .name = bg_strdup (home.config.name),
            .listen = bg_strdup (home.config.listen),
            .address = bg_strdup (home.config.address),
            .chosen = made.chosen,
            .port = home.config.port};
        done = check_system (&home, err);
        if (bg_is_ok (done))
            done = refuse_occupied (&home, err);
        if (bg_is_ok (done)) {
            done = make_files (options, &home, &made, &sign, &curve, err);
            if (bg_failed (done))
                take_back (&home, had_home);
        }
    }
    bg_keypair_fini (&sign);
    bg_keypair_fini (&curve);
    broker_home_fini (&home);
    if (bg_failed (done)) {
        broker_init_result_fini (&made);
        return done;
    }
    *result = made;
    return bg_ok ();
}

void broker_init_result_fini (broker_init_result *self)
{
    free (self->home);
    free (self->config);
    free (self->name);
    free (self->listen);
    free (self->address);
    free (self->ops);
    bg_buf_fini (&self->authority);
    *self = (broker_init_result){0};
}
