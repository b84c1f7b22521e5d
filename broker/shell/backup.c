/*  See backup.h. Failures end the backup and nothing else: the store it is made of is not touched.  */
#include "broker/shell/backup.h"

#include "broker/home/backup.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/hash.h"
#include "common/sys/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE_US    INT64_C (10000)
#define COPY_PAGES  64
#define HASH_PIECE  (256 * 1024)
#define SMALL_MAX   (4 * 1024 * 1024)
#define COPY_WEIGHT 70 /*  of a hundred: the rest is reading it again  */

typedef enum { IDLE, COPY, FILES, HASH, SYNC, MANIFEST } phase;

struct broker_backup {
    const broker_home *home;
    bg_log *log;
    phase phase;
    uint64_t state; /*  WIRE_BACKUP_*  */
    unsigned percent;
    char *path; /*  of the finished set  */
    char *part;
    char *problem;
    bg_db_copy *copy;
    int fd; /*  of the copy, while it is read  */
    bg_hasher *hasher;
    uint8_t *piece;
    broker_manifest manifest;
};

broker_backup *broker_backup_create (const broker_home *home, bg_log *log)
{
    broker_backup *self = bg_alloc (sizeof *self);
    self->home = home;
    self->log = log;
    self->fd = -1;
    return self;
}

/*  ---- ending ----  */

static void let_go (broker_backup *self)
{
    bg_db_copy_end (&self->copy);
    bg_hasher_end (&self->hasher, NULL);
    bg_fd_close (&self->fd);
    free (self->piece);
    self->piece = NULL;
    self->phase = IDLE;
}

static void remove_part (const char *part)
{
    static const char *const more[] = {"MANIFEST", "store.db-journal", "store.db-wal", NULL};
    for (size_t i = 0; i < BROKER_BACKUP_FILES; i++) {
        BG_AUTO_CHAR path = bg_path_join (part, broker_backup_names[i]);
        (void) unlink (path);
    }
    for (size_t i = 0; more[i]; i++) {
        BG_AUTO_CHAR path = bg_path_join (part, more[i]);
        (void) unlink (path);
    }
    (void) rmdir (part);
}

static void fail (broker_backup *self, const bg_error *err)
{
    let_go (self);
    remove_part (self->part);
    free (self->problem);
    self->problem = bg_strdup (err->message);
    self->state = WIRE_BACKUP_FAILED;
    bg_log_failure (
        self->log, BG_LOG_ERROR, "backup-failed", err, "path=%s", bg_log_cstr (self->path).text);
}

void broker_backup_destroy (broker_backup **self_p)
{
    broker_backup *self = *self_p;
    if (!self)
        return;
    if (self->phase != IDLE)
        remove_part (self->part);
    let_go (self);
    free (self->path);
    free (self->part);
    free (self->problem);
    free (self);
    *self_p = NULL;
}

/*  ---- beginning ----  */

static bg_result check_name (const char *name, bg_error *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t size = strlen (name);
    if (size > 0 && size <= 100 && strspn (name, allowed) == size && name[0] != '.' &&
        (size < 5 || strcmp (name + size - 5, ".part") != 0))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "'%.100s' cannot be the name of a backup", name));
    return bg_hint (err, "use letters, digits, dots, underscores and dashes, no dot first");
}

static char *name_of (bg_slice name)
{
    if (name.size > 0)
        return bg_slice_dup (name);
    const time_t now = (time_t) (bg_clock_utc_us () / 1000000);
    struct tm at;
    char text[32];
    (void) gmtime_r (&now, &at);
    (void) strftime (text, sizeof text, "%Y-%m-%dT%H-%M-%SZ", &at);
    return bg_strdup (text);
}

static bg_result check_space (const broker_backup *self, const char *dir, bg_error *err)
{
    BG_AUTO_CHAR store = broker_home_state_path (self->home, "broker.db");
    struct stat info;
    uint64_t free_bytes = 0;
    BG_TRY (bg_disk_free (dir, &free_bytes, err));
    if (stat (store, &info) < 0 || free_bytes > (uint64_t) info.st_size + 16 * 1024 * 1024)
        return bg_ok ();
    bg_ignore (
        bg_fail (err, BG_STORAGE_FULL, "a backup takes %lld MiB, but %llu MiB are free in %s",
            (long long) info.st_size >> 20, (unsigned long long) free_bytes >> 20, dir));
    return bg_hint (err, "make space, or remove old backups there");
}

bg_result broker_backup_begin (broker_backup *self, bg_slice name, bool archive, bg_error *err)
{
    if (self->phase != IDLE) {
        bg_ignore (bg_fail (err, BG_BUSY, "a backup is being made already: %s", self->path));
        return bg_hint (err, "see: bugle broker status");
    }
    BG_AUTO_CHAR word = name_of (name);
    BG_TRY (check_name (word, err));
    BG_AUTO_CHAR dir = broker_home_state_path (self->home, archive ? "archive" : "backups");
    BG_TRY (bg_dir_make (dir, 0700, err));
    BG_TRY (check_space (self, dir, err));
    BG_AUTO_CHAR path = bg_path_join (dir, word);
    BG_AUTO_CHAR part = bg_strdup_printf ("%s.part", path);
    if (bg_path_exists (path))
        return bg_fail (err, BG_EXISTS, "there is a backup %s already", path);
    remove_part (part); /*  of a core that was killed while it made one  */
    if (mkdir (part, 0700) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make %s", part);
    free (self->path);
    free (self->part);
    free (self->problem);
    self->path = bg_strdup (path);
    self->part = bg_strdup (part);
    self->problem = NULL;
    self->manifest = (broker_manifest){.schema = broker_db_schema ()};
    self->percent = 0;
    self->state = WIRE_BACKUP_RUNNING;
    self->phase = COPY;
    bg_log_event (self->log, BG_LOG_NOTICE, "backup-begun", "path=%s", bg_log_cstr (path).text);
    return bg_ok ();
}

bool broker_backup_is_active (const broker_backup *self)
{
    return self->phase != IDLE;
}

/*  ---- pieces ----  */

static bg_result copy_piece (
    broker_backup *self, broker_db *db, const broker_backup_of *of, bg_error *err)
{
    const int64_t until = bg_clock_mono_us () + PIECE_US;
    bool done = false;
    if (!self->copy) {
        BG_AUTO_CHAR path = bg_path_join (self->part, BROKER_BACKUP_STORE);
        BG_TRY (broker_db_copy (db, path, &self->copy, err));
    }
    while (!done && bg_clock_mono_us () < until)
        BG_TRY (bg_db_copy_step (self->copy, COPY_PAGES, &done, err));
    self->percent = bg_db_copy_percent (self->copy) * COPY_WEIGHT / 100;
    if (!done)
        return bg_ok ();
    bg_db_copy_end (&self->copy);
    self->manifest.installation = of->installation;
    self->manifest.term = of->term;
    self->manifest.position = of->position;
    self->manifest.made_us = bg_clock_utc_us ();
    self->phase = FILES;
    return bg_ok ();
}

static bg_result add_small (broker_backup *self, const char *name, bg_error *err)
{
    BG_AUTO_CHAR from = broker_backup_source (self->home, name);
    BG_AUTO_CHAR to = bg_path_join (self->part, name);
    BG_AUTO_BUF bytes = {0};
    /*  The front's key may belong to the front's account alone: then the set says so by not having it.  */
    if (access (from, R_OK) < 0)
        return bg_ok ();
    broker_backup_file *file = &self->manifest.files[self->manifest.file_count];
    bg_result result = bg_file_read (from, SMALL_MAX, &bytes, err);
    if (bg_is_ok (result))
        result = bg_file_create (to, bg_buf_slice (&bytes), err);
    explicit_bzero (bytes.data, bytes.size);
    BG_TRY (result);
    snprintf (file->name, sizeof file->name, "%s", name);
    BG_TRY (bg_file_hash (to, file->hash, &file->size, err));
    self->manifest.file_count++;
    return bg_ok ();
}

static bg_result add_files (broker_backup *self, bg_error *err)
{
    broker_backup_file *store = &self->manifest.files[self->manifest.file_count++];
    snprintf (store->name, sizeof store->name, "%s", BROKER_BACKUP_STORE);
    for (size_t i = 1; i < BROKER_BACKUP_FILES; i++)
        BG_TRY (add_small (self, broker_backup_names[i], err));
    BG_AUTO_CHAR path = bg_path_join (self->part, BROKER_BACKUP_STORE);
    self->fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (self->fd < 0)
        return bg_fail_errno (err, BG_IO, "cannot open %s", path);
    self->hasher = bg_hasher_create ();
    self->piece = bg_alloc (HASH_PIECE);
    self->phase = HASH;
    return bg_ok ();
}

static bg_result hash_piece (broker_backup *self, bg_error *err)
{
    const int64_t until = bg_clock_mono_us () + PIECE_US;
    broker_backup_file *store = &self->manifest.files[0];
    struct stat info;
    while (bg_clock_mono_us () < until) {
        ssize_t got = read (self->fd, self->piece, HASH_PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bg_fail_errno (err, BG_IO, "cannot read the copy in %s", self->part);
        if (got == 0) {
            bg_hasher_end (&self->hasher, store->hash);
            self->phase = SYNC;
            return bg_ok ();
        }
        bg_hasher_add (self->hasher, bg_slice_of (self->piece, (size_t) got));
        /*  Written out as it is read, so that the sync at the end has little left.  */
        (void) sync_file_range (self->fd, (off_t) store->size, (off_t) got, SYNC_FILE_RANGE_WRITE);
        store->size += (uint64_t) got;
    }
    if (fstat (self->fd, &info) == 0 && info.st_size > 0)
        self->percent = COPY_WEIGHT + (unsigned) ((100 - COPY_WEIGHT) * store->size /
                                                  ((uint64_t) info.st_size + 1));
    return bg_ok ();
}

static bg_result sync_piece (broker_backup *self, bg_error *err)
{
    if (fdatasync (self->fd) < 0)
        return bg_fail_errno (err, BG_IO, "cannot sync the copy in %s", self->part);
    self->phase = MANIFEST;
    return bg_ok ();
}

static bg_result finish (broker_backup *self, bg_error *err)
{
    snprintf (self->manifest.broker, sizeof self->manifest.broker, "%s", self->home->config.name);
    snprintf (self->manifest.version, sizeof self->manifest.version, "%s", BUGLE_VERSION);
    BG_TRY (broker_manifest_write (self->part, &self->manifest, err));
    if (rename (self->part, self->path) < 0)
        return bg_fail_errno (err, BG_IO, "cannot name the backup %s", self->path);
    BG_TRY (bg_dir_sync_parent (self->path, err));
    let_go (self);
    self->percent = 100;
    self->state = WIRE_BACKUP_DONE;
    bg_log_event (self->log, BG_LOG_NOTICE, "backup-made", "path=%s position=%llu",
        bg_log_cstr (self->path).text, (unsigned long long) self->manifest.position);
    return bg_ok ();
}

static bg_result piece (
    broker_backup *self, broker_db *db, const broker_backup_of *of, bg_error *err)
{
    switch (self->phase) {
    case IDLE:
        break;
    case COPY:
        return copy_piece (self, db, of, err);
    case FILES:
        return add_files (self, err);
    case HASH:
        return hash_piece (self, err);
    case SYNC:
        return sync_piece (self, err);
    case MANIFEST:
        return finish (self, err);
    }
    return bg_ok ();
}

bool broker_backup_step (broker_backup *self, broker_db *db, const broker_backup_of *of)
{
    bg_error err = {0};
    const phase before = self->phase;
    if (before != IDLE && bg_failed (piece (self, db, of, &err)))
        fail (self, &err);
    return before == MANIFEST && self->state == WIRE_BACKUP_DONE;
}

void broker_backup_host (const broker_backup *self, broker_host *host)
{
    host->backup_state = self->state;
    host->backup_percent = self->percent;
    host->backup_path = bg_slice_str (self->path ? self->path : "");
    host->backup_problem = bg_slice_str (self->problem ? self->problem : "");
}
