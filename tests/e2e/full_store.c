/*  A disk that is full when a test says so: preloaded into a program, it lets every write to a
    store fail with ENOSPC as long as the file named by BUGLE_TEST_FULL exists. A store is a file
    whose name has ".db" in it. Nothing else is touched.  */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_full (int fd)
{
    const char *mark = getenv ("BUGLE_TEST_FULL");
    if (!mark || access (mark, F_OK) != 0)
        return 0;
    char link[64], path[4096];
    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink (link, path, sizeof path - 1);
    if (size <= 0)
        return 0;
    path[size] = 0;
    return strstr (path, ".db") != NULL;
}

/*  ISO C has no conversion from object to function pointers; POSIX promises that the bytes fit.  */
static void find_next (const char *name, void *function, size_t size)
{
    void *found = dlsym (RTLD_NEXT, name);
    memcpy (function, &found, size);
}

#define REFUSE_WHEN_FULL(fd)                                                                       \
    do {                                                                                           \
        if (is_full (fd)) {                                                                        \
            errno = ENOSPC;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

ssize_t write (int fd, const void *bytes, size_t size)
{
    ssize_t (*next) (int, const void *, size_t);
    REFUSE_WHEN_FULL (fd);
    find_next ("write", &next, sizeof next);
    return next (fd, bytes, size);
}

ssize_t pwrite (int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t (*next) (int, const void *, size_t, off_t);
    REFUSE_WHEN_FULL (fd);
    find_next ("pwrite", &next, sizeof next);
    return next (fd, bytes, size, offset);
}

ssize_t pwrite64 (int fd, const void *bytes, size_t size, off64_t offset)
{
    ssize_t (*next) (int, const void *, size_t, off64_t);
    REFUSE_WHEN_FULL (fd);
    find_next ("pwrite64", &next, sizeof next);
    return next (fd, bytes, size, offset);
}
