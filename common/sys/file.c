/*  Files and directories: see file.h. Not for stores and not for anything large. Every path that is
   written is written through a descriptor opened here, never through stdio, so that what is synced
   is what was written.  */
#include "common/sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define READ_CHUNK    ((size_t) 64 * 1024)
#define UNKNOWN_CHUNK ((size_t) 4096)

static bg_code code_of_errno (void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return BG_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
        return BG_STORAGE_FULL;
    case EEXIST:
        return BG_EXISTS;
    case EPIPE:
        return BG_CLOSED;
    default:
        return BG_IO;
    }
}

void bg_fd_close (int *fd)
{
    if (*fd >= 0)
        (void) close (*fd);
    *fd = -1;
}

/*  One byte more than a file says that it has, so that its end is seen without more room; /proc says 0.  */
static size_t first_chunk (int fd)
{
    struct stat info;
    if (fstat (fd, &info) < 0 || !S_ISREG (info.st_mode) || info.st_size == 0)
        return UNKNOWN_CHUNK;
    return info.st_size < (off_t) READ_CHUNK ? (size_t) info.st_size + 1 : READ_CHUNK;
}

bg_result bg_fd_read (int fd, const char *name, size_t limit, bg_buf *out, bg_error *err)
{
    size_t start = out->size;
    size_t chunk = first_chunk (fd);
    for (;;) {
        uint8_t *place = bg_buf_reserve (out, chunk);
        ssize_t got = read (fd, place, chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            out->size = start;
            return bg_fail_errno (err, BG_IO, "cannot read %s", name);
        }
        if (got == 0)
            return bg_ok ();
        out->size += (size_t) got;
        /*  What is left of the room; more where the file has more than it said.  */
        chunk = (size_t) got < chunk ? chunk - (size_t) got : READ_CHUNK;
        if (out->size - start > limit) {
            out->size = start;
            return bg_fail (err, BG_TOO_LARGE, "%s is larger than %zu bytes", name, limit);
        }
    }
}

bg_result bg_file_read (const char *path, size_t limit, bg_buf *out, bg_error *err)
{
    /*  O_NONBLOCK: opening a FIFO would otherwise wait for a writer.  */
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot open %s", path);
    struct stat info;
    if (fstat (fd, &info) < 0)
        return bg_fail_errno (err, BG_IO, "cannot look at %s", path);
    if (!S_ISREG (info.st_mode))
        return bg_fail (err, BG_IO, "%s is not a regular file", path);
    return bg_fd_read (fd, path, limit, out, err);
}

bg_result bg_fd_write (int fd, const char *name, bg_slice content, bg_error *err)
{
    for (size_t done = 0; done < content.size;) {
        ssize_t put = write (fd, content.data + done, content.size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return bg_fail_errno (err, code_of_errno (), "cannot write %s", name);
        done += (size_t) put;
    }
    return bg_ok ();
}

char *bg_path_join (const char *dir, const char *name)
{
    if (name[0] == '/')
        return bg_strdup (name);
    size_t size = strlen (dir);
    bool has_slash = size > 0 && dir[size - 1] == '/';
    return bg_strdup_printf ("%s%s%s", dir, has_slash ? "" : "/", name);
}

char *bg_path_dir (const char *path)
{
    const char *slash = strrchr (path, '/');
    if (!slash)
        return bg_strdup (".");
    if (slash == path)
        return bg_strdup ("/");
    return bg_slice_dup (bg_slice_of (path, (size_t) (slash - path)));
}

bool bg_path_exists (const char *path)
{
    struct stat info;
    return lstat (path, &info) == 0;
}

bg_result bg_dir_sync_parent (const char *path, bg_error *err)
{
    BG_AUTO_CHAR dir = bg_path_dir (path);
    BG_AUTO_FD fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot open directory %s", dir);
    /*  Some file systems cannot sync a directory and say EINVAL; there is nothing more to do then.
     */
    if (fsync (fd) < 0 && errno != EINVAL)
        return bg_fail_errno (err, code_of_errno (), "cannot sync directory %s", dir);
    return bg_ok ();
}

/*  Writes, sets the mode in spite of the umask, syncs. Takes over the descriptor.  */
static bg_result fill_and_close (
    int file, const char *path, bg_slice content, mode_t mode, bg_error *err)
{
    BG_AUTO_FD fd = file;
    BG_TRY (bg_fd_write (fd, path, content, err));
    if (fchmod (fd, mode) < 0)
        return bg_fail_errno (err, BG_IO, "cannot set the mode of %s", path);
    if (fsync (fd) < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot sync %s", path);
    /*  close() is where some file systems tell of a write that failed.  */
    int closing = fd;
    fd = -1;
    if (close (closing) < 0 && errno != EINTR)
        return bg_fail_errno (err, code_of_errno (), "cannot write %s", path);
    return bg_ok ();
}

bg_result bg_file_replace (const char *path, bg_slice content, mode_t mode, bg_error *err)
{
    BG_AUTO_CHAR temporary = bg_strdup_printf ("%s.XXXXXX", path);
    int fd = mkostemp (temporary, O_CLOEXEC);
    if (fd < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot write beside %s", path);
    bg_result result = fill_and_close (fd, temporary, content, mode, err);
    if (bg_is_ok (result) && rename (temporary, path) < 0)
        result = bg_fail_errno (err, code_of_errno (), "cannot put %s in place", path);
    if (bg_failed (result)) {
        (void) unlink (temporary);
        return result;
    }
    return bg_dir_sync_parent (path, err);
}

bg_result bg_file_create (const char *path, bg_slice content, bg_error *err)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return bg_fail (err, BG_EXISTS, "%s exists already", path);
    if (fd < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot create %s", path);
    bg_result result = fill_and_close (fd, path, content, 0600, err);
    if (bg_is_ok (result))
        result = bg_dir_sync_parent (path, err);
    if (bg_failed (result))
        (void) unlink (path);
    return result;
}

static bg_result make_one (const char *path, mode_t mode, bg_error *err)
{
    if (mkdir (path, mode) == 0) {
        if (chmod (path, mode) < 0)
            return bg_fail_errno (err, BG_IO, "cannot set the mode of %s", path);
        return bg_ok ();
    }
    int saved = errno;
    struct stat info;
    bool is_there = stat (path, &info) == 0;
    if (is_there && S_ISDIR (info.st_mode))
        return bg_ok ();
    if (is_there || saved == EEXIST)
        return bg_fail (err, BG_EXISTS, "%s is in the way: it is not a directory", path);
    errno = saved;
    return bg_fail_errno (err, code_of_errno (), "cannot make directory %s", path);
}

bg_result bg_dir_make (const char *path, mode_t mode, bg_error *err)
{
    BG_AUTO_CHAR copy = bg_strdup (path);
    for (char *slash = strchr (copy + (copy[0] == '/'), '/'); slash;
         slash = strchr (slash + 1, '/')) {
        *slash = 0;
        if (slash[-1] != 0)
            BG_TRY (make_one (copy, mode, err));
        *slash = '/';
    }
    size_t size = strlen (copy);
    return size > 0 && copy[size - 1] == '/' ? bg_ok () : make_one (copy, mode, err);
}

bg_result bg_dir_is_empty (const char *path, bool *is_empty, bg_error *err)
{
    DIR *dir = opendir (path);
    if (!dir)
        return bg_fail_errno (err, code_of_errno (), "cannot open directory %s", path);
    bool empty = true;
    errno = 0;
    for (struct dirent *entry = readdir (dir); entry && empty; entry = readdir (dir))
        empty = strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0;
    int saved = errno;
    (void) closedir (dir);
    errno = saved;
    if (empty && saved != 0)
        return bg_fail_errno (err, BG_IO, "cannot read directory %s", path);
    *is_empty = empty;
    return bg_ok ();
}

static bg_result check_private (const struct stat *info, const char *path, bg_error *err)
{
    if (S_ISLNK (info->st_mode)) {
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is a symbolic link", path));
        bg_ignore (bg_hint (err, "put the file itself there"));
        return (bg_result){BG_FOREIGN_FILE};
    }
    if (info->st_uid != geteuid () && info->st_uid != 0) {
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s belongs to user %u, not to us (user %u)",
            path, (unsigned) info->st_uid, (unsigned) geteuid ()));
        bg_ignore (bg_hint (err, "run as its owner, or: chown %u %s", (unsigned) geteuid (), path));
        return (bg_result){BG_FOREIGN_FILE};
    }
    if (info->st_mode & (S_IRWXG | S_IRWXO)) {
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE,
            "%s is open to other users (mode %04o); it must be private", path,
            (unsigned) (info->st_mode & 07777)));
        bg_ignore (bg_hint (err, "chmod go= %s", path));
        return (bg_result){BG_FOREIGN_FILE};
    }
    return bg_ok ();
}

bg_result bg_private_check (const char *path, bg_error *err)
{
    struct stat info;
    if (lstat (path, &info) < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot look at %s", path);
    return check_private (&info, path, err);
}

bg_result bg_private_check_fd (int fd, const char *path, bg_error *err)
{
    struct stat info;
    if (fstat (fd, &info) < 0)
        return bg_fail_errno (err, BG_IO, "cannot look at %s", path);
    return check_private (&info, path, err);
}

bg_result bg_disk_free (const char *path, uint64_t *bytes, bg_error *err)
{
    struct statvfs info;
    if (statvfs (path, &info) < 0)
        return bg_fail_errno (err, code_of_errno (), "cannot ask for the free space of %s", path);
    *bytes = (uint64_t) info.f_bavail * info.f_frsize;
    return bg_ok ();
}
