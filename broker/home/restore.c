/*  A broker's home from a backup set. Whole or not at all: the new files are made beside their places, and what was there
    is moved aside, never removed.

    The store that is put in place says that it was restored: its core changes nothing before an admin lets it go on,
    since targets may have seen what it does not know of.  */
#include "broker/home/backup.h"

#include "broker/store/store.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (256 * 1024)

static bg_result copy_bytes (
    int from, int to, const char *from_path, const char *to_path, bg_error *err)
{
    BG_AUTO_CHAR piece = bg_alloc (PIECE);
    for (;;) {
        ssize_t got = read (from, piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bg_fail_errno (err, BG_IO, "cannot read %s", from_path);
        if (got == 0)
            break;
        BG_TRY (bg_fd_write (to, to_path, bg_slice_of (piece, (size_t) got), err));
    }
    if (fsync (to) < 0)
        return bg_fail_errno (err, BG_IO, "cannot sync %s", to_path);
    return bg_ok ();
}

bg_result broker_backup_copy_file (const char *from, const char *to, bg_error *err)
{
    BG_AUTO_FD in = open (from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (in < 0)
        return bg_fail_errno (err, errno == ENOENT ? BG_NOT_FOUND : BG_IO, "cannot open %s", from);
    BG_AUTO_FD out = open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        return bg_fail_errno (err, errno == EEXIST ? BG_EXISTS : BG_IO, "cannot create %s", to);
    bg_result result = copy_bytes (in, out, from, to, err);
    if (bg_failed (result))
        (void) unlink (to);
    return result;
}

typedef struct {
    const broker_restore_options *options;
    broker_backup_report *report;
    broker_home home; /*  only its paths  */
    bool had_broker;
    char *state;  /*  where the broker's directory comes  */
    char *made;   /*  the new one beside it  */
    char *aside;  /*  where the old one goes  */
    char *config; /*  as state  */
    char *config_made;
    char *config_aside;
    char *key; /*  in the system's directories: the front's key, which lies by itself; else NULL  */
    char *key_made;
    char *key_aside;
} restoring;

static void restoring_fini (restoring *self)
{
    broker_home_fini (&self->home);
    free (self->state);
    free (self->made);
    free (self->aside);
    free (self->config);
    free (self->config_made);
    free (self->config_aside);
    free (self->key);
    free (self->key_made);
    free (self->key_aside);
}

/*  ---- what is there ----  */

static bg_result check_not_running (restoring *self, bg_error *err)
{
    static const struct {
        bg_home_part part;
        const char *name;
    } locks[] = {{BG_HOME_BROKER, "broker.lock"}, {BG_HOME_BROKER, "core.lock"},
        {BG_HOME_FRONT, "front.lock"}};
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) {
        BG_AUTO_CHAR path = bg_home_path (&self->home.home, locks[i].part, locks[i].name);
        char program[64];
        int pid = 0;
        if (!bg_path_exists (path))
            continue;
        BG_TRY (bg_lock_holder (path, program, &pid, err));
        if (pid == 0)
            continue;
        bg_ignore (bg_fail (err, BG_BUSY, "the broker in %s is running (%s, pid %d)",
            self->home.home.state, program, pid));
        return bg_hint (err, "stop it first; nothing was changed");
    }
    return bg_ok ();
}

static bg_result look (restoring *self, bg_error *err)
{
    const broker_restore_options *options = self->options;
    if (options->dry_run && options->home && !bg_path_exists (options->home))
        return bg_ok ();
    BG_TRY (options->dry_run ? bg_home_look (&self->home.home, options->home, err)
                             : bg_home_init (&self->home.home, options->home, err));
    if (self->home.home.is_system)
        BG_TRY (broker_system_check (err));
    self->state = broker_home_state_path (&self->home, NULL);
    self->config = bg_home_path (&self->home.home, BG_HOME_CONF, "broker.yaml");
    self->had_broker =
        bg_path_exists (self->config) || bg_home_is_occupied (&self->home.home, BG_HOME_BROKER);
    BG_TRY (check_not_running (self, err));
    if (self->had_broker && !options->replace) {
        bg_ignore (
            bg_fail (err, BG_EXISTS, "there is a broker in %s already", self->home.home.state));
        return bg_hint (err, "move it aside with --aside, or restore into another --home");
    }
    const long long stamp = (long long) (bg_clock_utc_us () / 1000);
    self->made = bg_strdup_printf ("%s.restoring-%lld", self->state, stamp);
    self->aside = bg_strdup_printf ("%s.replaced-%lld", self->state, stamp);
    self->config_made = bg_strdup_printf ("%s.restoring-%lld", self->config, stamp);
    self->config_aside = bg_strdup_printf ("%s.replaced-%lld", self->config, stamp);
    if (self->home.home.is_system) {
        self->key = broker_home_front_path (&self->home, "broker.curve.key");
        self->key_made = bg_strdup_printf ("%s.restoring-%lld", self->key, stamp);
        self->key_aside = bg_strdup_printf ("%s.replaced-%lld", self->key, stamp);
    }
    return bg_ok ();
}

/*  ---- making ----  */

static bg_result mark_store (const restoring *self, bg_error *err)
{
    BG_AUTO_CHAR path = bg_path_join (self->made, "broker.db");
    broker_db *db = NULL;
    BG_TRY (broker_db_open (path, &db, err));
    const broker_store *store = broker_db_port (db);
    bg_result result = broker_db_begin (db, err);
    if (bg_is_ok (result)) {
        result = store->meta_set (store->ctx, "restored", 1, err);
        if (bg_is_ok (result))
            result =
                store->meta_set (store->ctx, "restored-from", self->report->manifest.made_us, err);
        if (bg_is_ok (result))
            result = store->meta_set (store->ctx, "backup", self->report->manifest.made_us, err);
        if (bg_is_ok (result))
            result = store->meta_set (store->ctx, "dismantled", 0, err);
        if (bg_is_ok (result))
            result = broker_db_commit (db, err);
        broker_db_rollback (db);
    }
    broker_db_close (&db);
    return result;
}

/*  What stays with the machine, not with the backup: how far this installation has come here.  */
static bg_result keep_high_water (const restoring *self, bg_error *err)
{
    BG_AUTO_CHAR from = broker_home_state_path (&self->home, "high-water");
    BG_AUTO_CHAR to = bg_path_join (self->made, "high-water");
    return bg_path_exists (from) ? broker_backup_copy_file (from, to, err) : bg_ok ();
}

/*  In the system's directories each part has an account of its own.  */
static bg_result give_to (const restoring *self, const char *path, bg_home_part part, bg_error *err)
{
    uid_t user = 0;
    gid_t group = 0;
    BG_TRY (bg_home_account (&self->home.home, part, &user, &group, err));
    if (lchown (path, user, group) < 0)
        return bg_fail_errno (err, BG_IO, "cannot give %s to its account", path);
    return bg_ok ();
}

static bg_result set_owners (const restoring *self, bg_error *err)
{
    static const char *const files[] = {"broker.db", "broker.sign.key", "ports", "high-water"};
    if (!self->home.home.is_system)
        return bg_ok ();
    BG_TRY (give_to (self, self->key_made, BG_HOME_FRONT, err));
    BG_TRY (give_to (self, self->made, BG_HOME_BROKER, err));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        BG_AUTO_CHAR path = bg_path_join (self->made, files[i]);
        if (bg_path_exists (path))
            BG_TRY (give_to (self, path, BG_HOME_BROKER, err));
    }
    return bg_ok ();
}

static char *made_path (const restoring *self, const char *name)
{
    if (strcmp (name, "broker.yaml") == 0)
        return bg_strdup (self->config_made);
    if (strcmp (name, "broker.curve.key") == 0 && self->key)
        return bg_strdup (self->key_made);
    return bg_path_join (self->made, strcmp (name, BROKER_BACKUP_STORE) == 0 ? "broker.db" : name);
}

static bg_result make (const restoring *self, bg_error *err)
{
    const broker_manifest *manifest = &self->report->manifest;
    BG_TRY (bg_dir_make (self->made, 0700, err));
    for (size_t i = 0; i < manifest->file_count; i++) {
        const char *name = manifest->files[i].name;
        BG_AUTO_CHAR from = bg_path_join (self->options->dir, name);
        BG_AUTO_CHAR to = made_path (self, name);
        BG_TRY (broker_backup_copy_file (from, to, err));
    }
    /*  broker.yaml of a system installation is read by both parts.  */
    if (self->home.home.is_system && chmod (self->config_made, 0644) < 0)
        return bg_fail_errno (err, BG_IO, "cannot set the mode of %s", self->config_made);
    BG_TRY (mark_store (self, err));
    BG_TRY (keep_high_water (self, err));
    return set_owners (self, err);
}

/*  ---- putting it in place ----  */

static bg_result move (const char *from, const char *to, bg_error *err)
{
    if (rename (from, to) < 0)
        return bg_fail_errno (err, BG_IO, "cannot move %s to %s", from, to);
    return bg_dir_sync_parent (to, err);
}

/*  The backups of the broker that was there stay where people look for them.  */
static void keep_backups (const restoring *self)
{
    static const char *const dirs[] = {"backups", "archive"};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        BG_AUTO_CHAR from = bg_path_join (self->aside, dirs[i]);
        BG_AUTO_CHAR to = bg_path_join (self->state, dirs[i]);
        (void) rename (from, to);
    }
}

static bg_result put (const restoring *self, bg_error *err)
{
    if (bg_path_exists (self->config))
        BG_TRY (move (self->config, self->config_aside, err));
    if (bg_path_exists (self->state))
        BG_TRY (move (self->state, self->aside, err));
    BG_TRY (move (self->made, self->state, err));
    keep_backups (self);
    if (self->key && bg_path_exists (self->key))
        BG_TRY (move (self->key, self->key_aside, err));
    if (self->key)
        BG_TRY (move (self->key_made, self->key, err));
    /*  Last: a home that has it is whole.  */
    return move (self->config_made, self->config, err);
}

static void take_back (const restoring *self)
{
    static const char *const names[] = {"broker.db", "broker.db-wal", "broker.db-shm",
        "broker.sign.key", "broker.curve.key", "ports", "high-water"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        BG_AUTO_CHAR path = bg_path_join (self->made, names[i]);
        (void) unlink (path);
    }
    (void) rmdir (self->made);
    (void) unlink (self->config_made);
    if (self->key_made)
        (void) unlink (self->key_made);
}

/*  A set that lies in the directory that is moved is named by a path that will be another one.  */
static bg_result check_set (const restoring *self, bg_error *err)
{
    if (self->report->has_curve_key)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID,
        "%s has no broker.curve.key: targets would not know the broker again", self->options->dir));
    return bg_hint (
        err, "copy the key of the broker's front into it: bugle broker backup as root does that");
}

static bg_result restore (restoring *self, char **aside, bg_error *err)
{
    BG_TRY (
        broker_backup_verify (self->options->dir, self->options->pinned_hash, self->report, err));
    BG_TRY (check_set (self, err));
    BG_TRY (look (self, err));
    if (self->options->dry_run)
        return bg_ok ();
    bg_result result = make (self, err);
    if (bg_failed (result)) {
        take_back (self);
        return result;
    }
    BG_TRY (put (self, err));
    *aside = self->had_broker ? bg_strdup (self->aside) : NULL;
    return bg_ok ();
}

bg_result broker_backup_restore (const broker_restore_options *options,
    broker_backup_report *report, char **aside, bg_error *err)
{
    restoring self = {.options = options, .report = report};
    *aside = NULL;
    bg_result result = restore (&self, aside, err);
    restoring_fini (&self);
    return result;
}
