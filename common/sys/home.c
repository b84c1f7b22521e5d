/*  Layout of a home: see home.h. Names of files inside the parts belong to the programs, not here.
 */
#include "common/sys/home.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_STATE "/var/lib/bugle"
#define SYSTEM_RUN   "/run/bugle"
#define SYSTEM_CONF  "/etc/bugle"

static void set_system (bg_home *self)
{
    *self =
        (bg_home){bg_strdup (SYSTEM_STATE), bg_strdup (SYSTEM_RUN), bg_strdup (SYSTEM_CONF), true};
}

/*  dir exists.  */
static bg_result set_home (bg_home *self, const char *dir, bg_error *err)
{
    char *absolute = realpath (dir, NULL);
    if (!absolute)
        return bg_fail_errno (err, BG_IO, "cannot use %s as home", dir);
    *self =
        (bg_home){absolute, bg_path_join (absolute, "run"), bg_path_join (absolute, "etc"), false};
    return bg_ok ();
}

static bg_result require_directory (const char *dir, bg_error *err)
{
    struct stat info;
    if (stat (dir, &info) < 0) {
        bg_code code = errno == ENOENT ? BG_NOT_FOUND : BG_IO;
        bg_ignore (bg_fail_errno (err, code, "cannot use %s", dir));
        return bg_hint (err, "give a directory with --home DIR, or make this one");
    }
    if (!S_ISDIR (info.st_mode))
        return bg_fail (err, BG_FOREIGN_FILE, "%s is not a directory", dir);
    /*  What lies in a directory of somebody else must not be taken for absent.  */
    if (faccessat (AT_FDCWD, dir, X_OK, AT_EACCESS) < 0) {
        bg_ignore (bg_fail_errno (err, BG_IO, "cannot look into %s", dir));
        return bg_hint (
            err, "it belongs to another user: become that one, or choose another directory");
    }
    return bg_ok ();
}

/*  An empty directory of ours is closed to others; one with content is the person's to close.  */
static bg_result make_private (const char *dir, bg_error *err)
{
    BG_TRY (require_directory (dir, err));
    bool is_empty = false;
    BG_TRY (bg_dir_is_empty (dir, &is_empty, err));
    struct stat info;
    bool is_ours = stat (dir, &info) == 0 && info.st_uid == geteuid ();
    if (is_empty && is_ours && chmod (dir, 0700) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make %s private", dir);
    return bg_ok ();
}

bg_result bg_home_init (bg_home *self, const char *dir, bg_error *err)
{
    if (!dir) {
        set_system (self);
        return bg_ok ();
    }
    if (!bg_path_exists (dir))
        BG_TRY (bg_dir_make (dir, 0700, err));
    BG_TRY (make_private (dir, err));
    bg_home home;
    BG_TRY (set_home (&home, dir, err));
    bg_result result = bg_private_check (home.state, err);
    if (bg_is_ok (result))
        result = bg_home_ensure (&home, BG_HOME_RUN, err);
    if (bg_is_ok (result))
        result = bg_home_ensure (&home, BG_HOME_CONF, err);
    if (bg_failed (result)) {
        bg_home_fini (&home);
        return result;
    }
    *self = home;
    return bg_ok ();
}

bg_result bg_home_look (bg_home *self, const char *dir, bg_error *err)
{
    if (!dir) {
        set_system (self);
        return bg_ok ();
    }
    BG_TRY (require_directory (dir, err));
    return set_home (self, dir, err);
}

void bg_home_fini (bg_home *self)
{
    free (self->state);
    free (self->run);
    free (self->conf);
    *self = (bg_home){0};
}

typedef enum { IN_STATE, IN_RUN, IN_CONF } place;

/*  NULL: the place itself.  */
typedef struct {
    place in;
    const char *home_word;
    const char *system_word;
} part_row;

static const part_row parts[] = {
    [BG_HOME_BROKER] = {IN_STATE, "broker", "broker"},
    [BG_HOME_FRONT] = {IN_STATE, "broker", "front"},
    [BG_HOME_NODE] = {IN_STATE, "node", "node"},
    [BG_HOME_EXEC] = {IN_STATE, "exec", "exec"},
    [BG_HOME_RUN] = {IN_RUN, NULL, NULL},
    [BG_HOME_RUN_CORE] = {IN_RUN, NULL, "core"},
    [BG_HOME_RUN_FRONT] = {IN_RUN, NULL, "front"},
    [BG_HOME_RUN_NODE] = {IN_RUN, NULL, "node"},
    [BG_HOME_RUN_EXEC] = {IN_RUN, NULL, "exec"},
    [BG_HOME_CONF] = {IN_CONF, NULL, NULL},
};

char *bg_home_path (const bg_home *self, bg_home_part part, const char *name)
{
    const part_row *row = &parts[part];
    const char *const places[] = {
        [IN_STATE] = self->state, [IN_RUN] = self->run, [IN_CONF] = self->conf};
    const char *word = self->is_system ? row->system_word : row->home_word;
    char *dir = word ? bg_path_join (places[row->in], word) : bg_strdup (places[row->in]);
    if (!name)
        return dir;
    char *path = bg_path_join (dir, name);
    free (dir);
    return path;
}

/*  ---- the system's directories ----  */

static bg_result look_at_system (const char *dir, struct stat *info, bg_error *err)
{
    if (stat (dir, info) < 0) {
        bg_code code = errno == ENOENT ? BG_NOT_FOUND : BG_IO;
        bg_ignore (bg_fail_errno (err, code, "cannot use %s", dir));
        return bg_hint (err,
            "install the package bugle-broker or bugle-node, which makes it; or give a "
            "directory of your own with --home DIR");
    }
    if (!S_ISDIR (info->st_mode))
        return bg_fail (err, BG_FOREIGN_FILE, "%s is not a directory", dir);
    return bg_ok ();
}

typedef struct {
    char text[72];
} account_text;

static account_text account_name (uid_t user)
{
    account_text name;
    const struct passwd *entry = getpwuid (user);
    if (entry && strlen (entry->pw_name) < sizeof name.text)
        snprintf (name.text, sizeof name.text, "%s", entry->pw_name);
    else
        snprintf (name.text, sizeof name.text, "%u", (unsigned) user);
    return name;
}

static bg_result ensure_system (const char *dir, bool is_own, bg_error *err)
{
    struct stat info;
    BG_TRY (look_at_system (dir, &info, err));
    if (!is_own || info.st_uid == geteuid ())
        return bg_ok ();
    account_text owner = account_name (info.st_uid);
    bg_ignore (bg_fail (err, BG_NOT_ALLOWED, "%s belongs to the account %s, and this runs as %s",
        dir, owner.text, account_name (geteuid ()).text));
    return bg_hint (err,
        "start it as a service (systemctl start), or by hand: runuser -u %s -- COMMAND; or give a "
        "directory of your own with --home DIR",
        owner.text);
}

bg_result bg_home_account (
    const bg_home *self, bg_home_part part, uid_t *user, gid_t *group, bg_error *err)
{
    struct stat info = {.st_uid = geteuid (), .st_gid = getegid ()};
    if (self->is_system) {
        BG_AUTO_CHAR dir = bg_home_path (self, part, NULL);
        BG_TRY (look_at_system (dir, &info, err));
    }
    *user = info.st_uid;
    *group = info.st_gid;
    return bg_ok ();
}

bg_result bg_home_ensure (const bg_home *self, bg_home_part part, bg_error *err)
{
    BG_AUTO_CHAR dir = bg_home_path (self, part, NULL);
    if (self->is_system) {
        BG_TRY (ensure_system (dir, part != BG_HOME_RUN && part != BG_HOME_CONF, err));
        return parts[part].in == IN_STATE ? bg_private_check (dir, err) : bg_ok ();
    }
    if (!bg_path_exists (dir)) {
        BG_TRY (require_directory (self->state, err));
        BG_TRY (bg_dir_make (dir, 0700, err));
    }
    BG_TRY (make_private (dir, err));
    return bg_private_check (dir, err);
}

bool bg_home_is_occupied (const bg_home *self, bg_home_part part)
{
    BG_AUTO_CHAR dir = bg_home_path (self, part, NULL);
    bool is_empty = true;
    return bg_is_ok (bg_dir_is_empty (dir, &is_empty, NULL)) && !is_empty;
}
