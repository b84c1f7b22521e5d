/*  The configuration directory and the two keys in it. Contexts are in contexts.c.

    Invariant: between ctl_config_enter and ctl_config_leave nothing of another user is touched, and
    leave is always reached: a process that cannot become itself again ends.  */
#include "ctl/config_private.h"

#include "common/sys/file.h"
#include "proto/token_text.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIGN_FILE  "login.sign.key"
#define CURVE_FILE "login.curve.key"

/*  The caller of sudo; false when there is none.  */
static bool sudo_caller (char *(*getenv_) (const char *), uid_t *user, gid_t *group, char **home)
{
    const char *text = getenv_ ("SUDO_UID");
    char *end = NULL;
    if (geteuid () != 0 || text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    unsigned long number = strtoul (text, &end, 10);
    if (*end != '\0' || number == 0 || number >= (uid_t) -1)
        return false;
    const struct passwd *entry = getpwuid ((uid_t) number);
    if (entry == NULL || entry->pw_dir == NULL || entry->pw_dir[0] != '/')
        return false;
    *user = entry->pw_uid;
    *group = entry->pw_gid;
    *home = bg_strdup (entry->pw_dir);
    return true;
}

static char *own_home (char *(*getenv_) (const char *) )
{
    const char *home = getenv_ ("HOME");
    if (home != NULL && home[0] == '/')
        return bg_strdup (home);
    const struct passwd *entry = getpwuid (geteuid ());
    return entry != NULL && entry->pw_dir != NULL ? bg_strdup (entry->pw_dir) : NULL;
}

static const char *absolute (const char *text)
{
    return text != NULL && text[0] == '/' ? text : NULL;
}

/*  An explicit directory may be relative: it is made absolute, so that it can be shown and kept. */
static char *explicit_dir (const char *text)
{
    if (text[0] == '/')
        return bg_strdup (text);
    char *here = getcwd (NULL, 0);
    char *dir = here != NULL ? bg_path_join (here, text) : bg_strdup (text);
    free (here);
    return dir;
}

static bg_result find_dir (ctl_config *self, char *(*getenv_) (const char *), bool has_caller,
    const char *home, bg_error *err)
{
    const char *explicit_text = getenv_ ("BUGLE_CONFIG_DIR");
    /*  Under sudo XDG_CONFIG_HOME, if it got through, is root's as often as the caller's.  */
    const char *xdg = has_caller ? NULL : absolute (getenv_ ("XDG_CONFIG_HOME"));
    if (explicit_text != NULL && explicit_text[0] != '\0') {
        self->dir = explicit_dir (explicit_text);
    } else if (xdg != NULL) {
        self->dir = bg_path_join (xdg, "bugle");
    } else if (home != NULL) {
        self->dir = bg_path_join (home, ".config/bugle");
    } else {
        bg_ignore (bg_fail (err, BG_IO, "there is no home directory to keep keys and contexts in"));
        return bg_hint (err, "set BUGLE_CONFIG_DIR to a directory of yours");
    }
    return bg_ok ();
}

/*  The first directory above path, or path, that exists.  */
static bool nearest_owner (const char *path, struct stat *info)
{
    char *at = bg_strdup (path);
    bool is_found = stat (at, info) == 0;
    while (!is_found && strcmp (at, "/") != 0 && strcmp (at, ".") != 0) {
        char *above = bg_path_dir (at);
        free (at);
        at = above;
        is_found = stat (at, info) == 0;
    }
    free (at);
    return is_found;
}

bg_result ctl_config_open (char *(*getenv_) (const char *), ctl_config **config, bg_error *err)
{
    ctl_config *self = bg_alloc (sizeof *self);
    uid_t user = 0;
    gid_t group = 0;
    char *home = NULL;
    bool has_caller = sudo_caller (getenv_, &user, &group, &home);
    if (!has_caller)
        home = own_home (getenv_);
    bg_result result = find_dir (self, getenv_, has_caller, home, err);
    free (home);
    if (bg_failed (result)) {
        ctl_config_close (&self);
        return result;
    }
    struct stat info;
    bool is_there = stat (self->dir, &info) == 0;
    if (geteuid () == 0 && is_there && info.st_uid != 0) {
        self->acts_as_owner = true;
        self->owner = info.st_uid;
        self->owner_group = info.st_gid;
    } else if (has_caller && !is_there && nearest_owner (self->dir, &info) && info.st_uid == user) {
        /*  Below a directory of root the caller could not make it: then it stays root's.  */
        self->acts_as_owner = true;
        self->owner = user;
        self->owner_group = group;
    }
    *config = self;
    return bg_ok ();
}

void ctl_context_fini (ctl_context *self)
{
    free (self->name);
    free (self->endpoint);
    free (self->home);
    *self = (ctl_context){0};
}

void ctl_config_close (ctl_config **self_p)
{
    ctl_config *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++)
        ctl_context_fini (&self->contexts[i]);
    free (self->contexts);
    free (self->current);
    free (self->dir);
    free (self);
    *self_p = NULL;
}

const char *ctl_config_dir (const ctl_config *self)
{
    return self->dir;
}

bg_result ctl_config_enter (const ctl_config *self, bg_owner *before, bg_error *err)
{
    *before = (bg_owner){0};
    if (!self->acts_as_owner)
        return bg_ok ();
    bg_result result = bg_owner_enter (self->owner, self->owner_group, before, err);
    return bg_failed (result) ? bg_prefix (err, "%s", self->dir) : result;
}

void ctl_config_leave (const bg_owner *before)
{
    bg_owner_leave (before);
}

bg_result ctl_config_make_dir (const ctl_config *self, bg_error *err)
{
    return bg_dir_make (self->dir, 0700, err);
}

char *ctl_identity_path (const ctl_config *self)
{
    return bg_path_join (self->dir, SIGN_FILE);
}

static bg_result load (const ctl_config *self, ctl_identity *identity, bg_error *err)
{
    BG_AUTO_CHAR sign = ctl_identity_path (self);
    BG_AUTO_CHAR curve = bg_path_join (self->dir, CURVE_FILE);
    BG_TRY (bg_keyfile_read (sign, BG_KEY_ED25519, &identity->sign, err));
    return bg_keyfile_read (curve, BG_KEY_CURVE25519, &identity->curve, err);
}

bg_result ctl_identity_load (ctl_config *self, ctl_identity *identity, bg_error *err)
{
    bg_owner before;
    ctl_identity found = {0};
    BG_TRY (ctl_config_enter (self, &before, err));
    bg_result result = load (self, &found, err);
    ctl_config_leave (&before);
    if (bg_is_ok (result)) {
        *identity = found;
        return result;
    }
    ctl_identity_fini (&found);
    if (result.code == BG_NOT_FOUND) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "there is no signing key of yours in %s", self->dir));
        return bg_hint (
            err, "make a broker with: bugle init --home DIR, or only a key with: bugle key create");
    }
    return result;
}

static bg_result ensure (const ctl_config *self, const char *comment, ctl_identity *identity,
    bool *is_new, bg_error *err)
{
    BG_AUTO_CHAR sign = ctl_identity_path (self);
    BG_AUTO_CHAR curve = bg_path_join (self->dir, CURVE_FILE);
    BG_TRY (ctl_config_make_dir (self, err));
    BG_TRY (bg_keyfile_ensure (sign, BG_KEY_ED25519, comment, &identity->sign, is_new, err));
    return bg_keyfile_ensure (curve, BG_KEY_CURVE25519, comment, &identity->curve, NULL, err);
}

bg_result ctl_identity_ensure (
    ctl_config *self, const char *comment, ctl_identity *identity, bool *is_new, bg_error *err)
{
    bg_owner before;
    ctl_identity found = {0};
    bool is_made = false;
    BG_TRY (ctl_config_enter (self, &before, err));
    bg_result result = ensure (self, comment, &found, &is_made, err);
    ctl_config_leave (&before);
    if (bg_failed (result)) {
        ctl_identity_fini (&found);
        return result;
    }
    *identity = found;
    if (is_new != NULL)
        *is_new = is_made;
    return bg_ok ();
}

void ctl_identity_fini (ctl_identity *self)
{
    bg_keypair_fini (&self->sign);
    bg_keypair_fini (&self->curve);
}

void ctl_identity_text (const ctl_identity *self, bg_buf *out)
{
    wire_identity identity = {
        .sign_key = self->sign.public_key, .curve_key = self->curve.public_key};
    wire_identity_encode (&identity, out);
}
