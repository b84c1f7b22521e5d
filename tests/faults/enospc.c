/*  A full disk where nothing can be mounted: preloaded into a program, everything that would put bytes into a file below
    BUGLE_FULL_DIR fails with ENOSPC as long as the file BUGLE_FULL_FLAG exists. What is in the files can be read, and
    files can be removed, as on a real disk. Half of a large write is written before the rest fails, as a disk does with
    its last blocks.

    As long as the file BUGLE_NEARLY_FULL exists, nothing fails, but a disk says that no room is left.

    Not a test: tests/e2e/test_storage.py puts it under broker, node and bugle-exec.  */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096

/*  Both from the environment of the process; its own file descriptors are asked for their path each time, because names
    may have been changed since they were opened.  */
static int is_full (int fd)
{
    const char *dir = getenv ("BUGLE_FULL_DIR");
    const char *flag = getenv ("BUGLE_FULL_FLAG");
    int saved = errno;
    char link[64], path[4096];
    ssize_t size = -1;
    if (dir && flag && access (flag, F_OK) == 0) {
        (void) snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
        size = readlink (link, path, sizeof path - 1);
    }
    errno = saved;
    if (size <= 0)
        return 0;
    path[size] = 0;
    size_t length = strlen (dir);
    return strncmp (path, dir, length) == 0 && path[length] == '/';
}

/*  ISO C has no conversion from object to function pointers; POSIX promises that the bytes fit.  */
static void find_next (const char *name, void *function, size_t size)
{
    void *found = dlsym (RTLD_NEXT, name);
    memcpy (function, &found, size);
}

static int refuse (void)
{
    errno = ENOSPC;
    return -1;
}

int fstatvfs (int fd, struct statvfs *disk)
{
    int (*next) (int, struct statvfs *);
    const char *flag = getenv ("BUGLE_NEARLY_FULL");
    find_next ("fstatvfs", &next, sizeof next);
    int result = next (fd, disk);
    if (result == 0 && flag && access (flag, F_OK) == 0)
        disk->f_bavail = 0;
    return result;
}

ssize_t write (int fd, const void *bytes, size_t size)
{
    ssize_t (*next) (int, const void *, size_t);
    find_next ("write", &next, sizeof next);
    if (!is_full (fd))
        return next (fd, bytes, size);
    return size > BLOCK ? next (fd, bytes, size / 2) : refuse ();
}

ssize_t writev (int fd, const struct iovec *parts, int count)
{
    ssize_t (*next) (int, const struct iovec *, int);
    find_next ("writev", &next, sizeof next);
    return is_full (fd) ? refuse () : next (fd, parts, count);
}

ssize_t pwrite (int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t (*next) (int, const void *, size_t, off_t);
    find_next ("pwrite", &next, sizeof next);
    return is_full (fd) ? refuse () : next (fd, bytes, size, offset);
}

ssize_t pwrite64 (int fd, const void *bytes, size_t size, off64_t offset)
{
    ssize_t (*next) (int, const void *, size_t, off64_t);
    find_next ("pwrite64", &next, sizeof next);
    return is_full (fd) ? refuse () : next (fd, bytes, size, offset);
}

ssize_t pwritev (int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t (*next) (int, const struct iovec *, int, off_t);
    find_next ("pwritev", &next, sizeof next);
    return is_full (fd) ? refuse () : next (fd, parts, count, offset);
}

/*  Making a file shorter works on a full disk; making it longer is what fails.  */
static int grows (int fd, off64_t size)
{
    return size > lseek64 (fd, 0, SEEK_END);
}

int ftruncate (int fd, off_t size)
{
    int (*next) (int, off_t);
    find_next ("ftruncate", &next, sizeof next);
    if (!is_full (fd))
        return next (fd, size);
    off_t at = lseek (fd, 0, SEEK_CUR);
    int is_refused = grows (fd, size);
    (void) lseek (fd, at, SEEK_SET);
    return is_refused ? refuse () : next (fd, size);
}

int ftruncate64 (int fd, off64_t size)
{
    return ftruncate (fd, (off_t) size);
}

int fallocate (int fd, int mode, off_t offset, off_t size)
{
    int (*next) (int, int, off_t, off_t);
    find_next ("fallocate", &next, sizeof next);
    return is_full (fd) ? refuse () : next (fd, mode, offset, size);
}

int fallocate64 (int fd, int mode, off64_t offset, off64_t size)
{
    return fallocate (fd, mode, (off_t) offset, (off_t) size);
}

int posix_fallocate (int fd, off_t offset, off_t size)
{
    int (*next) (int, off_t, off_t);
    find_next ("posix_fallocate", &next, sizeof next);
    return is_full (fd) ? ENOSPC : next (fd, offset, size);
}
