/*  Reading a broker's home: what has to be there, private and in order, before anything starts.  */
#include "broker/home/home.h"

#include "common/sys/file.h"
#include "common/sys/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *broker_socket_word (broker_socket which)
{
    static const char *const words[BROKER_SOCKETS] = {"orders", "desk", "enlist", "ops"};
    return words[which];
}

char *broker_home_state_path (const broker_home *self, const char *name)
{
    return bg_home_path (&self->home, BG_HOME_BROKER, name);
}

char *broker_home_front_path (const broker_home *self, const char *name)
{
    return bg_home_path (&self->home, BG_HOME_FRONT, name);
}

static bg_result no_broker (const char *dir, bg_error *err)
{
    if (!dir) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "no broker in /etc/bugle and /var/lib/bugle"));
        return bg_hint (
            err, "run: sudo bugle init, or give the broker's directory with --home DIR");
    }
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "no broker in %s", dir));
    return bg_hint (err, "run: bugle init --home %s", dir);
}

/*  What bugle init makes and whose it is.  */
typedef struct {
    bg_home_part part;
    const char *name;
} home_file;

static const home_file files[] = {
    {BG_HOME_BROKER, "broker.sign.key"},
    {BG_HOME_BROKER, "broker.db"},
    {BG_HOME_FRONT, "broker.curve.key"},
};

static bg_result check_file (const broker_home *self, const home_file *file, bg_error *err)
{
    BG_AUTO_CHAR path = bg_home_path (&self->home, file->part, file->name);
    BG_AUTO_CHAR dir = bg_home_path (&self->home, file->part, NULL);
    if (bg_path_exists (dir))
        BG_TRY (bg_private_check (dir, err));
    if (!bg_path_exists (path)) {
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is missing", path));
        return bg_hint (err,
            "put it back from a backup, or make a new broker in another directory with bugle init");
    }
    return bg_private_check (path, err);
}

/*  Each file as the account it belongs to, which root can become; the other part's files are none of
    our business.  */
static bg_result check_files (const broker_home *self, bg_error *err)
{
    bg_result result = bg_ok ();
    for (size_t i = 0; i < sizeof files / sizeof files[0] && bg_is_ok (result); i++) {
        uid_t user = 0;
        gid_t group = 0;
        bg_owner before;
        BG_TRY (bg_home_account (&self->home, files[i].part, &user, &group, err));
        if (user != geteuid () && geteuid () != 0)
            continue;
        BG_TRY (bg_owner_enter (user, group, &before, err));
        result = check_file (self, &files[i], err);
        bg_owner_leave (&before);
    }
    return result;
}

static bg_result read_config (broker_home *self, bg_diag *diag, bg_error *err)
{
    bg_diag *own = diag ? NULL : bg_diag_create ();
    broker_config_init (&self->config);
    bg_result result = bg_conf_load (
        &broker_config_schema, self->config_path, true, &self->config, diag ? diag : own, err);
    bg_diag_destroy (&own);
    BG_TRY (result);
    if (!self->config.name)
        self->config.name = bg_strdup ("bugle");
    result = broker_config_check (&self->config, err);
    return bg_failed (result) ? bg_prefix (err, "%s", self->config_path) : result;
}

static bg_result open_checked (const char *dir, broker_home *self, bg_diag *diag, bg_error *err)
{
    self->config_path = bg_home_path (&self->home, BG_HOME_CONF, "broker.yaml");
    if (!bg_path_exists (self->config_path)) {
        if (!bg_home_is_occupied (&self->home, BG_HOME_BROKER))
            return no_broker (dir, err);
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE,
            "%s is missing: the broker here was never finished, or lost it", self->config_path));
        return bg_hint (err, "put the file back, or remove %s/broker and run bugle init again",
            self->home.state);
    }
    if (!self->home.is_system)
        BG_TRY (bg_private_check (self->home.state, err));
    BG_TRY (read_config (self, diag, err));
    BG_TRY (check_files (self, err));
    return bg_home_ensure (&self->home, BG_HOME_RUN, err);
}

bg_result broker_home_open (const char *dir, broker_home *self, bg_diag *diag, bg_error *err)
{
    broker_home opened = {0};
    bg_result result = bg_home_look (&opened.home, dir, err);
    if (result.code == BG_NOT_FOUND)
        return no_broker (dir, err);
    BG_TRY (result);
    result = open_checked (dir, &opened, diag, err);
    if (bg_failed (result)) {
        broker_home_fini (&opened);
        return result;
    }
    *self = opened;
    return bg_ok ();
}

void broker_home_fini (broker_home *self)
{
    bg_home_fini (&self->home);
    broker_config_fini (&self->config);
    free (self->config_path);
    self->config_path = NULL;
}

bg_result broker_home_sign_key (const broker_home *self, bg_keypair *pair, bg_error *err)
{
    BG_AUTO_CHAR path = broker_home_state_path (self, "broker.sign.key");
    return bg_keyfile_read (path, BG_KEY_ED25519, pair, err);
}

bg_result broker_home_curve_key (const broker_home *self, bg_keypair *pair, bg_error *err)
{
    BG_AUTO_CHAR path = broker_home_front_path (self, "broker.curve.key");
    return bg_keyfile_read (path, BG_KEY_CURVE25519, pair, err);
}

/*  ---- DIR/run/endpoints ----  */

bg_result broker_contact_write (
    const broker_home *self, const broker_contact *contact, bg_error *err)
{
    BG_AUTO_CHAR path = bg_home_path (&self->home, BG_HOME_RUN_FRONT, "endpoints");
    const mode_t mode = self->home.is_system ? 0644 : 0600;
    BG_AUTO_BUF text = {0};
    for (int i = 0; i < BROKER_SOCKETS; i++)
        bg_buf_printf (
            &text, "%s %s\n", broker_socket_word ((broker_socket) i), contact->endpoint[i]);
    bg_buf_printf (&text, "broker-key %s\n", bg_key_text (&contact->broker_key).text);
    /*  As it is at most starts: then it takes no space, and a full disk does not keep the broker from answering.  */
    BG_AUTO_BUF before = {0};
    if (bg_is_ok (bg_file_read (path, 8192, &before, NULL)) &&
        bg_slice_equal (bg_buf_slice (&before), bg_buf_slice (&text)) &&
        (self->home.is_system || bg_is_ok (bg_private_check (path, NULL))))
        return bg_ok ();
    return bg_file_replace (path, bg_buf_slice (&text), mode, err);
}

/*  Takes one line; false when it is not "WORD VALUE".  */
static bool take_line (const char *line, broker_contact *contact)
{
    char word[32], value[256];
    if (sscanf (line, "%31s %255s", word, value) != 2)
        return false;
    for (int i = 0; i < BROKER_SOCKETS; i++)
        if (strcmp (word, broker_socket_word ((broker_socket) i)) == 0)
            snprintf (contact->endpoint[i], sizeof contact->endpoint[i], "%s", value);
    if (strcmp (word, "broker-key") == 0)
        return bg_is_ok (bg_key_parse (bg_slice_str (value), &contact->broker_key, NULL));
    return true;
}

static bg_result parse_contact (
    const char *path, bg_buf *text, broker_contact *contact, bg_error *err)
{
    char *rest = NULL;
    BG_AUTO_CHAR copy = bg_strdup (bg_buf_cstr (text));
    bool is_fine = true;
    for (char *line = strtok_r (copy, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
        is_fine = take_line (line, contact) && is_fine;
    for (int i = 0; i < BROKER_SOCKETS; i++)
        is_fine = is_fine && contact->endpoint[i][0];
    if (is_fine && !bg_key_is_zero (&contact->broker_key))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s does not say where the broker listens", path));
    return bg_hint (err, "remove it and start the broker again");
}

bg_result broker_contact_read (const char *dir, broker_contact *contact, bg_error *err)
{
    bg_home home;
    BG_TRY (bg_home_look (&home, dir, err));
    BG_AUTO_CHAR path = bg_home_path (&home, BG_HOME_RUN_FRONT, "endpoints");
    BG_AUTO_CHAR where = bg_strdup (home.state);
    const bool is_system = home.is_system;
    bg_home_fini (&home);
    BG_AUTO_BUF text = {0};
    bg_result result = bg_file_read (path, 8192, &text, err);
    if (result.code == BG_NOT_FOUND) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "the broker in %s has not been started yet", where));
        return is_system ? bg_hint (err, "run: systemctl start bugle-broker")
                         : bg_hint (err, "run: bugle-broker --home %s", where);
    }
    BG_TRY (result);
    broker_contact read = {0};
    BG_TRY (parse_contact (path, &text, &read, err));
    *contact = read;
    return bg_ok ();
}
