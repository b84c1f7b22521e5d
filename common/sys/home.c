/*  Layout of a home: see home.h. Names of files inside the parts belong to the programs, not here.
 */
#include "common/sys/home.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
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

char *bg_home_path (const bg_home *self, bg_home_part part, const char *name)
{
    static const char *const words[] = {
        [BG_HOME_BROKER] = "broker", [BG_HOME_NODE] = "node", [BG_HOME_EXEC] = "exec"};
    char *dir = NULL;
    if (part == BG_HOME_RUN)
        dir = bg_strdup (self->run);
    else if (part == BG_HOME_CONF)
        dir = bg_strdup (self->conf);
    else
        dir = bg_path_join (self->state, words[part]);
    if (!name)
        return dir;
    char *path = bg_path_join (dir, name);
    free (dir);
    return path;
}

bg_result bg_home_ensure (const bg_home *self, bg_home_part part, bg_error *err)
{
    BG_AUTO_CHAR dir = bg_home_path (self, part, NULL);
    bool is_shared = self->is_system && (part == BG_HOME_RUN || part == BG_HOME_CONF);
    if (is_shared)
        return require_directory (dir, err);
    if (!bg_path_exists (dir)) {
        /*  Only below a state directory that is there: /var/lib/bugle itself is made by whoever
         * installs.  */
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
