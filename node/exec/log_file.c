/*  The log on disk: see log_file.h. Invariant: size is where the next frame goes, and
    everything before it is whole and synced.  */
#include "node/exec/log_file.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_BYTES_MAX ((size_t) 1 << 30)

struct exec_log_file {
    char *path;
    int fd;
    size_t size;
    size_t compact_at;
    bg_buf batch;
    bool is_broken; /*  a failed write could not be cut back  */
};

void exec_log_close (exec_log_file **self_p)
{
    exec_log_file *self = *self_p;
    if (!self)
        return;
    bg_fd_close (&self->fd);
    bg_buf_fini (&self->batch);
    free (self->path);
    free (self);
    *self_p = NULL;
}

/*  Cuts the file to size and puts the place of writing there.  */
static bg_result cut (exec_log_file *self, bg_error *err)
{
    if (ftruncate (self->fd, (off_t) self->size) < 0 ||
        lseek (self->fd, (off_t) self->size, SEEK_SET) < 0)
        return bg_fail_errno (err, BG_IO, "cannot cut %s", self->path);
    return bg_ok ();
}

static bg_result begin_file (exec_log_file *self, bg_error *err)
{
    self->size = 0;
    BG_TRY (cut (self, err));
    BG_TRY (exec_record_write (
        self->fd, self->path, bg_slice_of (RECORD_MAGIC, RECORD_MAGIC_BYTES), err));
    self->size = RECORD_MAGIC_BYTES;
    return bg_dir_sync_parent (self->path, err);
}

static bg_result load (exec_log_file *self,
    bg_result (*take) (void *ctx, bg_slice record, bg_error *err), void *ctx, size_t *torn_bytes,
    bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    BG_TRY (bg_private_check_fd (self->fd, self->path, err));
    BG_TRY (bg_fd_read (self->fd, self->path, LOG_BYTES_MAX, &bytes, err));
    size_t good = 0;
    BG_TRY (exec_record_scan (bg_buf_slice (&bytes), self->path, take, ctx, &good, err));
    if (good == 0) {
        *torn_bytes = 0;
        return begin_file (self, err);
    }
    self->size = good;
    *torn_bytes = bytes.size - good;
    return cut (self, err);
}

bg_result exec_log_open (const char *path,
    bg_result (*take) (void *ctx, bg_slice record, bg_error *err), void *ctx, exec_log_file **log,
    size_t *torn_bytes, bg_error *err)
{
    exec_log_file *self = bg_alloc (sizeof *self);
    self->path = bg_strdup (path);
    self->compact_at = EXEC_LOG_COMPACT_BYTES;
    self->fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    bg_result result = self->fd < 0 ? bg_fail_errno (err, BG_IO, "cannot open %s", path)
                                    : load (self, take, ctx, torn_bytes, err);
    if (bg_failed (result)) {
        if (result.code == BG_FOREIGN_FILE && err != NULL && err->hint[0] == '\0')
            bg_ignore (
                bg_hint (err, "move %.160s away; bugle-exec then has to be enlisted again", path));
        exec_log_close (&self);
        return result;
    }
    *log = self;
    return bg_ok ();
}

void exec_log_append (exec_log_file *self, bg_slice record)
{
    exec_record_add (&self->batch, record);
}

bool exec_log_has_pending (const exec_log_file *self)
{
    return self->batch.size > 0;
}

void exec_log_drop (exec_log_file *self)
{
    bg_buf_clear (&self->batch);
}

bg_result exec_log_commit (exec_log_file *self, bg_error *err)
{
    if (self->batch.size == 0)
        return bg_ok ();
    if (self->is_broken)
        return bg_fail (err, BG_STORE_IO,
            "%s could not be written earlier and is not used any more", self->path);
    BG_AUTO_BUF frame = {0};
    exec_record_frame (bg_buf_slice (&self->batch), &frame);
    bg_buf_clear (&self->batch);
    bg_result result = exec_record_write (self->fd, self->path, bg_buf_slice (&frame), err);
    if (bg_failed (result)) {
        /*  After a failed sync nobody knows what is on disk: only a restart that reads it does.  */
        self->is_broken = result.code == BG_STORE_IO || bg_failed (cut (self, NULL));
        return result;
    }
    self->size += frame.size;
    return bg_ok ();
}

bool exec_log_is_long (const exec_log_file *self)
{
    return self->size > self->compact_at;
}

bg_result exec_log_replace (exec_log_file *self, const bg_buf *payload, bg_error *err)
{
    bg_assert (self->batch.size == 0);
    BG_AUTO_BUF file = {0};
    bg_buf_append (&file, RECORD_MAGIC, RECORD_MAGIC_BYTES);
    if (payload->size)
        exec_record_frame (bg_buf_slice (payload), &file);
    BG_TRY (bg_file_replace (self->path, bg_buf_slice (&file), 0600, err));
    int fd = open (self->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || lseek (fd, (off_t) file.size, SEEK_SET) < 0) {
        bg_fd_close (&fd);
        self->is_broken = true; /*  the old descriptor is of a file that has no name any more  */
        return bg_fail_errno (err, BG_IO, "cannot open %s again", self->path);
    }
    bg_fd_close (&self->fd);
    self->fd = fd;
    self->size = file.size;
    self->compact_at =
        file.size * 2 > EXEC_LOG_COMPACT_BYTES ? file.size * 2 : EXEC_LOG_COMPACT_BYTES;
    return bg_ok ();
}
