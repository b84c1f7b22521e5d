/*  Files of runs: see run_file.h.  */
#include "node/exec/run_file.h"

#include "common/sys/file.h"
#include "node/exec/kept_output.h"
#include "node/exec/record_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_FILE_MAX ((size_t) 64 << 20)

char *run_file_path (const char *dir, bg_id run, const char *suffix)
{
    return bg_strdup_printf ("%s/%s.%s", dir, bg_id_text (run).text, suffix);
}

bg_result run_file_create (const char *dir, bg_id run, bg_slice plan, int *fd, bg_error *err)
{
    BG_AUTO_CHAR path = run_file_path (dir, run, "run");
    BG_AUTO_FD file = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return bg_fail_errno (
            err, errno == ENOSPC ? BG_STORAGE_FULL : BG_IO, "cannot create %s", path);
    BG_AUTO_BUF payload = {0};
    BG_AUTO_BUF bytes = {0};
    exec_record_add (&payload, plan);
    bg_buf_append (&bytes, RECORD_MAGIC, RECORD_MAGIC_BYTES);
    exec_record_frame (bg_buf_slice (&payload), &bytes);
    bg_result result = bg_ok ();
    if (flock (file, LOCK_EX | LOCK_NB) < 0)
        result = bg_fail_errno (err, BG_IO, "cannot lock %s", path);
    else
        result = bg_fd_write (
            file, path, bg_buf_slice (&bytes), err); /*  synced with the first step's result  */
    if (bg_failed (result)) {
        (void) unlink (path);
        return result;
    }
    *fd = file;
    file = -1;
    return bg_ok ();
}

typedef struct {
    bg_arena *arena;
    run_file *file;
    size_t capacity;
} gather;

static bg_result take_record (void *ctx, bg_slice record, bg_error *err)
{
    (void) err;
    gather *self = ctx;
    if (self->file->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 8;
        bg_slice *grown = bg_arena_array (self->arena, bg_slice, capacity);
        if (self->file->count)
            memcpy (grown, self->file->records, self->file->count * sizeof *grown);
        self->file->records = grown;
        self->capacity = capacity;
    }
    self->file->records[self->file->count++] = bg_arena_copy (self->arena, record);
    return bg_ok ();
}

void run_file_look (const char *dir, bg_id run, bg_arena *arena, run_file *out)
{
    *out = (run_file){0};
    BG_AUTO_CHAR path = run_file_path (dir, run, "run");
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    /*  First who holds it, then what it says: a supervisor that ends in between has written its
        end by then.  */
    out->is_alive = flock (fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    BG_AUTO_BUF bytes = {0};
    if (bg_failed (bg_fd_read (fd, path, RUN_FILE_MAX, &bytes, NULL)))
        return;
    gather to = {arena, out, 0};
    size_t good = 0;
    /*  Damage behind whole frames ends the story there; the run then counts by what is left.  */
    bg_ignore (exec_record_scan (bg_buf_slice (&bytes), path, take_record, &to, &good, NULL));
}

void run_file_remove (const char *dir, bg_id run)
{
    BG_AUTO_CHAR path = run_file_path (dir, run, "run");
    (void) unlink (path);
}

static bool is_held (int dir_fd, const char *name)
{
    BG_AUTO_FD fd = openat (dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd >= 0 && flock (fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

typedef struct {
    char name[64];
    int64_t written_us;
    uint64_t bytes;
} kept_file;

typedef struct {
    kept_file *items;
    size_t count;
    size_t capacity;
    uint64_t bytes;
} kept_files;

static void add_kept (kept_files *self, const char *name, const struct stat *state)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    kept_file *item = &self->items[self->count++];
    (void) snprintf (item->name, sizeof item->name, "%s", name);
    item->written_us =
        (int64_t) state->st_mtim.tv_sec * 1000000 + (int64_t) state->st_mtim.tv_nsec / 1000;
    item->bytes = (uint64_t) state->st_size;
    self->bytes += item->bytes;
}

static int by_age (const void *a, const void *b)
{
    const kept_file *left = a;
    const kept_file *right = b;
    return left->written_us < right->written_us ? -1 : left->written_us > right->written_us;
}

static void remove_kept (kept_files *self, int dir_fd, int64_t now_us)
{
    if (self->count > 1) /*  an empty list has no array  */
        qsort (self->items, self->count, sizeof *self->items, by_age);
    for (size_t i = 0; i < self->count; i++) {
        const kept_file *item = &self->items[i];
        if (item->written_us >= now_us - RUN_OUTPUT_KEEP_US && self->bytes <= RUN_OUTPUT_BYTES_MAX)
            break;
        (void) unlinkat (dir_fd, item->name, 0);
        self->bytes -= item->bytes;
    }
    free (self->items);
}

void run_file_sweep (
    const char *dir, int64_t now_us, bool (*is_needed) (void *ctx, bg_id run), void *ctx)
{
    DIR *stream = opendir (dir);
    kept_files kept = {0};
    if (!stream)
        return;
    for (struct dirent *entry = readdir (stream); entry; entry = readdir (stream)) {
        const char *dot = strchr (entry->d_name, '.');
        bg_id run;
        struct stat state;
        if (!dot || dot == entry->d_name ||
            bg_failed (bg_id_parse (
                bg_slice_of (entry->d_name, (size_t) (dot - entry->d_name)), &run, NULL)) ||
            fstatat (dirfd (stream), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (kept_output_is_name (dot) && strlen (entry->d_name) < sizeof kept.items->name)
            add_kept (&kept, entry->d_name, &state);
        else if (strcmp (dot, ".run") == 0 && !is_needed (ctx, run) &&
                 !is_held (dirfd (stream), entry->d_name))
            (void) unlinkat (dirfd (stream), entry->d_name, 0);
    }
    remove_kept (&kept, dirfd (stream), now_us);
    closedir (stream);
}
