/*  init: a broker's home, the person's key, and a context for both.

    Order: everything that can be refused without making anything first; then the person's key
    (which is kept, whatever happens afterwards: it may be used for other brokers); then the home,
    which is whole or not there; then the context.  */
#include "broker/home/home.h"
#include "common/job/names.h"
#include "ctl/identity.h"
#include "ctl/option_value.h"
#include "ctl/run.h"
#include "proto/token_text.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const ctl_column fields[] = {
    {"broker", "Broker", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"home", "Home", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"configuration", "Configuration", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"listen", "Listens on", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"address", "Targets find it at", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"broker_key", "Broker key", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"authority", "Authority 1", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"installation", "Installation", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"login", "Login", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"signing_key", "Signing key", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"context", "Context", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"next", "Next", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

typedef struct {
    const char *dir;
    char *listen;
    int64_t port;
    bool has_admin_key; /*  --admin-key: only the public identity is known  */
    wire_identity admin;
    const char *login;
    ctl_config *config;
    ctl_identity identity;
    bool has_identity; /*  identity is the admin's and lies here  */
    bool is_new_identity;
} plan;

static void plan_fini (plan *self)
{
    free (self->listen);
    ctl_identity_fini (&self->identity);
}

/*  The first login is called like the person's account, where that is a name for one.  */
static const char *login_name (ctl_run *run)
{
    const char *caller = getenv ("SUDO_USER");
    const struct passwd *entry = getpwuid (geteuid ());
    const char *name = caller != NULL && geteuid () == 0 ? caller
                       : entry != NULL                   ? entry->pw_name
                                                         : "admin";
    bg_slice text = bg_slice_str (name);
    bool is_good = text.size > 0 && text.size <= 64;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        is_good &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '_' || c == '.';
    }
    return is_good ? bg_arena_str (&run->arena, text) : "admin";
}

static bg_result take_options (ctl_run *run, plan *self, bg_error *err)
{
    const ctl_parsed *parsed = run->parsed;
    const char *admin_key = ctl_text (parsed, CTL_OPT_ADMIN_KEY, NULL);
    self->dir = ctl_text (parsed, CTL_OPT_HOME, NULL);
    self->port = BROKER_PORT_DEFAULT;
    if (self->dir == NULL && geteuid () != 0) {
        bg_ignore (bg_fail (err, BG_USAGE,
            "without --home DIR it is the broker of this machine, which root makes"));
        return bg_hint (err, "one of your own: bugle init --home ~/bugle; the machine's: sudo "
                             "bugle init");
    }
    const char *name = ctl_text (parsed, CTL_OPT_NAME, NULL);
    if (name != NULL && bg_failed (job_broker_name_valid (bg_slice_str (name), NULL))) {
        bg_ignore (bg_fail (err, BG_USAGE, "--name: '%s' cannot be the name of a broker", name));
        return bg_hint (err, "use 1 to 128 letters, digits and . _ -, a letter or digit first");
    }
    const char *address = ctl_text (parsed, CTL_OPT_ADDRESS, NULL);
    if (address != NULL && bg_failed (broker_host_check (address, err)))
        return ctl_value_refuse (err, "--address", NULL);
    if (ctl_given (parsed, CTL_OPT_LISTEN) &&
        bg_failed (broker_listen_parse (
            ctl_text (parsed, CTL_OPT_LISTEN, NULL), &self->listen, &self->port, err)))
        return ctl_value_refuse (err, "--listen", NULL);
    if (admin_key == NULL)
        return bg_ok ();
    self->has_admin_key = true;
    if (bg_failed (wire_identity_parse (bg_slice_str (admin_key), &self->admin, err)))
        return ctl_value_refuse (err, "--admin-key", NULL);
    return bg_ok ();
}

/*  Whose key signs: ours, made now if need be, or that of --admin-key, which may be ours as well.
 */
static bg_result take_identity (ctl_run *run, plan *self, bool may_make, bg_error *err)
{
    BG_TRY (ctl_run_config (run, &self->config, err));
    self->login = self->has_admin_key ? "admin" : login_name (run);
    if (!self->has_admin_key && may_make) {
        BG_TRY (ctl_identity_ensure (
            self->config, "made by bugle init", &self->identity, &self->is_new_identity, err));
        self->has_identity = true;
        return bg_ok ();
    }
    bg_error why = {0};
    bg_result result = ctl_identity_load (self->config, &self->identity, &why);
    if (bg_failed (result) && result.code != BG_NOT_FOUND && !self->has_admin_key) {
        if (err != NULL)
            *err = why;
        return result;
    }
    self->has_identity = bg_is_ok (result);
    if (self->has_admin_key && self->has_identity)
        self->has_identity =
            bg_key_equal (&self->identity.sign.public_key, &self->admin.sign_key) &&
            bg_key_equal (&self->identity.curve.public_key, &self->admin.curve_key);
    return bg_ok ();
}

/*  Refuses a directory in which a broker was made, whole or damaged.  */
static bg_result check_free (const char *dir, bg_error *err)
{
    if (dir == NULL)
        BG_TRY (broker_system_check (err));
    broker_home home = {0};
    bg_error why = {0};
    bg_result result = broker_home_open (dir, &home, NULL, &why);
    if (result.code == BG_NOT_FOUND)
        return bg_ok ();
    if (bg_is_ok (result)) {
        broker_home_fini (&home);
        bg_ignore (bg_fail (
            err, BG_EXISTS, "there is a broker in %s already", dir ? dir : "/var/lib/bugle"));
        return dir ? bg_hint (err, "start it with: bugle-broker --home %s", dir)
                   : bg_hint (err, "start it with: systemctl start bugle-broker");
    }
    if (err != NULL)
        *err = why;
    return result;
}

/*  ---- what is said ---- */

static void listen_text (const char *host, int64_t port, bg_buf *out)
{
    bool is_v6 = strchr (host, ':') != NULL && host[0] != '[';
    if (port == 0)
        bg_buf_printf (out, "%s, ports chosen at the first start", host);
    else
        bg_buf_printf (out, "%s%s%s, ports %" PRId64 " to %" PRId64, is_v6 ? "[" : "", host,
            is_v6 ? "]" : "", port, port + 3);
}

/*  As it is typed at a shell: quoted where it has to be.  */
static void append_shell_word (const char *word, bg_buf *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,";
    if (word[strspn (word, plain)] == '\0') {
        bg_buf_append_str (out, word);
        return;
    }
    bg_buf_append_byte (out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            bg_buf_append_str (out, "'\\'");
        bg_buf_append_byte (out, (uint8_t) *word);
    }
    bg_buf_append_byte (out, '\'');
}

static json_t *result_json (const plan *self, const broker_init_result *made, const char *context)
{
    char hash[2 * BROKER_HASH_BYTES + 1];
    bg_hex_encode (bg_slice_of (made->authority_hash, BROKER_HASH_BYTES), hash);
    BG_AUTO_BUF listen = {0};
    listen_text (made->listen, made->port, &listen);
    BG_AUTO_CHAR key_path = self->has_identity ? ctl_identity_path (self->config) : NULL;
    BG_AUTO_BUF next_text = {0};
    if (self->dir == NULL) {
        bg_buf_append_str (&next_text, "systemctl start bugle-broker");
    } else {
        bg_buf_append_str (&next_text, "bugle-broker --home ");
        append_shell_word (made->home, &next_text);
    }
    const char *next = bg_buf_cstr (&next_text);
    json_t *object =
        json_pack ("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:b, s:s?, s:s}",
            "broker", made->name, "home", made->home, "configuration", made->config, "listen",
            bg_buf_cstr (&listen), "address", made->address, "port", (json_int_t) made->port,
            "broker_key", bg_key_text (&made->curve_key).text, "authority", hash, "installation",
            bg_id_text (made->installation).text, "login", self->login, "signing_key", key_path,
            "signing_key_is_new", self->is_new_identity, "context", context, "next", next);
    bg_assert (object != NULL);
    return object;
}

/*  The endpoint that an administrator elsewhere uses.  */
static void say_remote (ctl_run *run, const broker_init_result *made)
{
    char hash[2 * BROKER_HASH_BYTES + 1];
    bg_hex_encode (bg_slice_of (made->authority_hash, BROKER_HASH_BYTES), hash);
    BG_AUTO_BUF endpoint = {0};
    if (made->port > 0)
        bg_buf_printf (&endpoint, "tcp://%s:%" PRId64, made->address, made->port + BROKER_OPS);
    else
        bg_buf_printf (&endpoint, "tcp://%s:PORT", made->address);
    ctl_note (run->out, "no signing key of this broker lies here; the administrator types:");
    ctl_note (run->out, "  bugle context add %s --endpoint %s --broker-key '%s' --authority %s",
        made->name, bg_buf_cstr (&endpoint), bg_key_text (&made->curve_key).text, hash);
    if (made->port == 0)
        ctl_note (run->out, "  (PORT is that of ops in %s/run/endpoints once the broker ran)",
            made->home);
}

/*  Where targets will look for the broker, when that was a guess.  */
static void say_address (ctl_run *run, const broker_address *chosen, const char *config)
{
    if (!chosen->why[0])
        return;
    if (chosen->is_doubtful)
        ctl_warn (run->out, "targets find it at %s: %s", chosen->host, chosen->why);
    else
        ctl_note (run->out, "targets find it at %s: %s", chosen->host, chosen->why);
    if (config != NULL)
        ctl_note (run->out, "another one: address in %s, before the first token is made", config);
    else
        ctl_note (run->out, "another one: --address HOST");
}

static void say (ctl_run *run, const plan *self, const broker_init_result *made, bool is_replaced)
{
    if (!self->has_identity) {
        say_remote (run, made);
        return;
    }
    BG_AUTO_CHAR path = ctl_identity_path (self->config);
    if (!self->is_new_identity)
        ctl_note (run->out, "your signing key was there already and is used again: %s", path);
    if (is_replaced)
        ctl_note (run->out, "context %s was there already and is replaced", made->name);
    ctl_note (run->out,
        "the signing key lies on the broker's machine: who can read %s can sign for all targets",
        path);
}

/*  ---- doing it ---- */

static bg_result put_context (
    const plan *self, const broker_init_result *made, bool *is_replaced, bg_error *err)
{
    /*  A broker with a home tells where it listens now; the ports of the system's are fixed.  */
    ctl_context context = {.name = made->name,
        .home = self->dir != NULL ? made->home : NULL,
        .endpoint = self->dir != NULL ? NULL : made->ops,
        .broker_key = made->curve_key};
    memcpy (context.authority_hash, made->authority_hash, sizeof context.authority_hash);
    return ctl_contexts_put (self->config, &context, is_replaced, err);
}

static bg_result make (ctl_run *run, plan *self, bg_error *err)
{
    broker_init_result made = {0};
    bool is_replaced = false;
    bool is_signed = self->has_identity;
    broker_init_options options = {
        .dir = self->dir,
        .name = ctl_text (run->parsed, CTL_OPT_NAME, NULL),
        .listen = self->listen,
        .port = self->port,
        .address = ctl_text (run->parsed, CTL_OPT_ADDRESS, NULL),
        .login = self->login,
        .admin_sign_key = is_signed ? self->identity.sign.public_key : self->admin.sign_key,
        .admin_curve_key = is_signed ? self->identity.curve.public_key : self->admin.curve_key,
        .admin_secret = is_signed ? self->identity.sign.secret : NULL,
    };
    BG_TRY (broker_home_init (&options, &made, err));
    bg_result result = is_signed ? put_context (self, &made, &is_replaced, err) : bg_ok ();
    if (bg_failed (result) && err != NULL)
        result = bg_prefix (err, "the broker is made, but its context could not be written");
    if (bg_is_ok (result)) {
        ctl_object (run->out, "broker", fields, sizeof fields / sizeof fields[0], "broker",
            result_json (self, &made, is_signed ? made.name : NULL));
        say (run, self, &made, is_replaced);
        say_address (run, &made.chosen, made.config);
    }
    broker_init_result_fini (&made);
    return result;
}

static void show_plan (ctl_run *run, const plan *self)
{
    BG_AUTO_BUF listen = {0};
    BG_AUTO_CHAR key_path = self->has_admin_key ? NULL : ctl_identity_path (self->config);
    const char *host = self->listen != NULL ? self->listen : "127.0.0.1";
    const char *address = ctl_text (run->parsed, CTL_OPT_ADDRESS, NULL);
    broker_address chosen = {0};
    if (address == NULL)
        chosen = broker_address_choose (host);
    listen_text (host, self->port, &listen);
    json_t *object = json_pack ("{s:s?, s:s, s:s, s:s?, s:s, s:s?, s:b}", "broker",
        ctl_text (run->parsed, CTL_OPT_NAME, NULL), "home",
        self->dir != NULL ? self->dir : "/var/lib/bugle", "listen", bg_buf_cstr (&listen),
        "address", address != NULL ? address : chosen.host, "login", self->login, "signing_key",
        key_path, "dry_run", true);
    bg_assert (object != NULL);
    ctl_object (run->out, "broker", fields, sizeof fields / sizeof fields[0], "home", object);
    if (!self->has_admin_key)
        ctl_note (run->out, "the signing key %s",
            self->has_identity ? "is there already and would be used again" : "would be made");
    say_address (run, &chosen, NULL);
    ctl_note (run->out, "dry run: nothing was made");
}

bg_result ctl_init (ctl_run *run, bg_error *err)
{
    bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    plan self = {0};
    bg_result result = take_options (run, &self, err);
    if (bg_is_ok (result))
        result = check_free (self.dir, err);
    if (bg_is_ok (result))
        result = take_identity (run, &self, !dry_run, err);
    if (bg_is_ok (result) && dry_run)
        show_plan (run, &self);
    else if (bg_is_ok (result))
        result = make (run, &self, err);
    plan_fini (&self);
    return result;
}
