/*  A disk that forgets: preloaded into programs, it keeps beside what they write an image of what would be left if the
    power failed. Of a file that is its content when it was synced last, of a directory the names when it was synced
    last; what was never synced is not there. (Directories themselves stay: who makes them does so long before.)

    Everything below BUGLE_POWER_DIR, into BUGLE_POWER_IMAGE on the same file system:

        files/INODE     content at the last sync of the file
        dirs/PATH       "NAME INODE" lines at the last sync of the directory; PATH has '%' for '/'
        keep/...        files that were removed or replaced, so that no other file gets their inode number

    A copy is complete before fsync returns, so whatever a program says after a sync is in the image. Not a test:
    tests/e2e/test_no_run_is_lost.py kills the programs and puts the image in place of the directory.  */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

/*  ISO C has no conversion from object to function pointers; POSIX promises that the bytes fit.  */
static void find_next (const char *name, void *function, size_t size)
{
    void *found = dlsym (RTLD_NEXT, name);
    memcpy (function, &found, size);
}

/*  The path behind BUGLE_POWER_DIR; NULL when it is elsewhere or gone.  */
static const char *below (const char *path)
{
    const char *dir = getenv ("BUGLE_POWER_DIR");
    const size_t length = dir ? strlen (dir) : 0;
    if (!dir || !getenv ("BUGLE_POWER_IMAGE") || strncmp (path, dir, length) != 0)
        return NULL;
    return path[length] == '/' ? path + length + 1 : path[length] == 0 ? path + length : NULL;
}

static int path_of (int fd, char path[PATH_BYTES])
{
    char link[64];
    (void) snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink (link, path, PATH_BYTES - 1);
    if (size <= 0)
        return 0;
    path[size] = 0;
    return 1;
}

static FILE *begin (char temporary[PATH_BYTES])
{
    (void) snprintf (
        temporary, PATH_BYTES, "%s/new.%d.XXXXXX", getenv ("BUGLE_POWER_IMAGE"), (int) getpid ());
    int fd = mkstemp (temporary);
    return fd < 0 ? NULL : fdopen (fd, "w");
}

static void end (FILE *file, const char *temporary, const char *kind, const char *name)
{
    int (*next) (const char *, const char *);
    char path[2 * PATH_BYTES];
    find_next ("rename", &next, sizeof next);
    (void) snprintf (path, sizeof path, "%s/%s/%s", getenv ("BUGLE_POWER_IMAGE"), kind, name);
    if (fclose (file) != 0 || next (temporary, path) != 0)
        abort (); /*  an image with holes would prove nothing  */
}

/*  To close another descriptor of a file ends all locks that the process has on it (SQLite's too), so that is the last
    resort: for what is open for writing only.  */
static int readable (int fd, const char *path)
{
    return (fcntl (fd, F_GETFL) & O_ACCMODE) == O_WRONLY ? open (path, O_RDONLY | O_CLOEXEC) : fd;
}

static void keep_file (int fd, const char *path, const struct stat *state)
{
    char temporary[PATH_BYTES], name[32], bytes[65536];
    const int from = readable (fd, path);
    FILE *file = from < 0 ? NULL : begin (temporary);
    ssize_t size;
    for (off_t at = 0; file && (size = pread (from, bytes, sizeof bytes, at)) > 0; at += size)
        (void) fwrite (bytes, 1, (size_t) size, file);
    if (from >= 0 && from != fd)
        (void) close (from);
    if (!file)
        return;
    (void) snprintf (name, sizeof name, "%llu", (unsigned long long) state->st_ino);
    end (file, temporary, "files", name);
}

static void keep_names (const char *path, const char *inner)
{
    char temporary[PATH_BYTES], name[PATH_BYTES];
    DIR *dir = opendir (path);
    FILE *file = dir ? begin (temporary) : NULL;
    if (!file)
        return;
    for (struct dirent *entry = readdir (dir); entry; entry = readdir (dir)) {
        if (entry->d_type == DT_REG)
            (void) fprintf (file, "%s %llu\n", entry->d_name, (unsigned long long) entry->d_ino);
    }
    (void) closedir (dir);
    (void) snprintf (name, sizeof name, "%s", inner);
    for (char *at = name; *at; at++)
        *at = *at == '/' ? '%' : *at;
    end (file, temporary, "dirs", name[0] ? name : "%");
}

static void keep (int fd)
{
    const int saved = errno;
    char path[PATH_BYTES];
    struct stat state;
    const char *inner = path_of (fd, path) ? below (path) : NULL;
    if (inner && fstat (fd, &state) == 0) {
        if (S_ISDIR (state.st_mode))
            keep_names (path, inner);
        else if (S_ISREG (state.st_mode))
            keep_file (fd, path, &state);
    }
    errno = saved;
}

int fsync (int fd)
{
    int (*next) (int);
    find_next ("fsync", &next, sizeof next);
    const int result = next (fd);
    if (result == 0)
        keep (fd);
    return result;
}

int fdatasync (int fd)
{
    int (*next) (int);
    find_next ("fdatasync", &next, sizeof next);
    const int result = next (fd);
    if (result == 0)
        keep (fd);
    return result;
}

/*  ---- names that go ---- */

static void keep_inode (const char *path)
{
    static int count;
    char name[PATH_BYTES];
    const int saved = errno;
    if (below (path)) {
        (void) snprintf (name, sizeof name, "%s/keep/%d.%d", getenv ("BUGLE_POWER_IMAGE"),
            (int) getpid (), ++count);
        (void) link (path, name);
    }
    errno = saved;
}

int unlink (const char *path)
{
    int (*next) (const char *);
    find_next ("unlink", &next, sizeof next);
    keep_inode (path);
    return next (path);
}

int unlinkat (int dir_fd, const char *name, int flags)
{
    int (*next) (int, const char *, int);
    char dir[PATH_BYTES], path[2 * PATH_BYTES];
    find_next ("unlinkat", &next, sizeof next);
    if (flags == 0 && name[0] != '/' && path_of (dir_fd, dir)) {
        (void) snprintf (path, sizeof path, "%s/%s", dir, name);
        keep_inode (path);
    }
    return next (dir_fd, name, flags);
}

int rename (const char *from, const char *to)
{
    int (*next) (const char *, const char *);
    find_next ("rename", &next, sizeof next);
    keep_inode (to);
    return next (from, to);
}
