/*  Lock file: see lock.h. The file is never unlinked: removing it would let a third process lock a
   new file of the same name while the second still holds the old one.  */
#include "common/sys/lock.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS 20000000

struct bg_lock {
    int fd;
};

/*  Reads "program pid" out of the file; false when it says something else.  */
static bool read_holder (int fd, char program[64], int *pid)
{
    char text[128];
    ssize_t got = pread (fd, text, sizeof text - 1, 0);
    if (got <= 0)
        return false;
    text[got] = 0;
    return sscanf (text, "%63[A-Za-z0-9._-] %d", program, pid) == 2;
}

static bg_result open_lock (const char *path, int flags, int *fd, bg_error *err)
{
    *fd = open (path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (*fd < 0) {
        bg_code code = errno == ENOENT ? BG_NOT_FOUND : BG_IO;
        return bg_fail_errno (err, code, "cannot open lock file %s", path);
    }
    return bg_ok ();
}

bg_result bg_lock_take (const char *path, const char *program, bg_lock **lock, bg_error *err)
{
    int opened = -1;
    BG_TRY (open_lock (path, O_RDWR | O_CREAT, &opened, err));
    BG_AUTO_FD fd = opened;
    while (flock (fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return bg_fail_errno (err, BG_IO, "cannot lock %s", path);
        char holder[64];
        int pid = 0;
        if (!read_holder (fd, holder, &pid)) {
            return bg_fail (err, BG_BUSY, "%s is held by another process", path);
        }
        bg_ignore (bg_fail (err, BG_BUSY, "%s is held by %s (pid %d)", path, holder, pid));
        bg_ignore (bg_hint (err, "stop that process first"));
        return (bg_result){BG_BUSY};
    }
    char text[128];
    int size = snprintf (text, sizeof text, "%s %d\n", program, (int) getpid ());
    bg_assert (size > 0 && (size_t) size < sizeof text);
    bool is_written = ftruncate (fd, 0) == 0 && pwrite (fd, text, (size_t) size, 0) == size;
    /*  A full disk must not keep the program from starting: the lock holds without its text.  */
    if (!is_written && errno != ENOSPC && errno != EDQUOT)
        return bg_fail_errno (err, BG_IO, "cannot write lock file %s", path);
    bg_lock *self = bg_alloc (sizeof *self);
    self->fd = fd;
    fd = -1;
    *lock = self;
    return bg_ok ();
}

bg_result bg_lock_await (
    const char *path, const char *program, int64_t wait_us, bg_lock **lock, bg_error *err)
{
    int64_t until_us = bg_clock_mono_us () + wait_us;
    for (;;) {
        bg_result result = bg_lock_take (path, program, lock, err);
        if (result.code != BG_BUSY || bg_clock_mono_us () >= until_us)
            return result;
        (void) nanosleep (&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
}

void bg_lock_release (bg_lock **self_p)
{
    bg_lock *self = *self_p;
    if (!self)
        return;
    if (ftruncate (self->fd, 0) < 0) {
        /*  The old text stays; it counts only while somebody holds the lock.  */
    }
    bg_fd_close (&self->fd);
    free (self);
    *self_p = NULL;
}

bg_result bg_lock_holder (const char *path, char program[64], int *pid, bg_error *err)
{
    int opened = -1;
    bg_error local = {0};
    bg_result result = open_lock (path, O_RDONLY, &opened, err ? err : &local);
    program[0] = 0;
    *pid = 0;
    if (result.code == BG_NOT_FOUND)
        return bg_ok ();
    BG_TRY (result);
    BG_AUTO_FD fd = opened;
    /*  A shared lock cannot make another process that only looks believe that it is held.  */
    if (flock (fd, LOCK_SH | LOCK_NB) == 0)
        return bg_ok ();
    if (errno != EWOULDBLOCK)
        return bg_fail_errno (err, BG_IO, "cannot look at lock %s", path);
    if (!read_holder (fd, program, pid)) {
        (void) snprintf (program, 64, "another-process");
        *pid = -1;
    }
    return bg_ok ();
}
