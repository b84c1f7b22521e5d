/*  A full disk without a disk: preloaded, it lets writes to regular files fail with ENOSPC as
    long as the file named by FULL_DISK_FLAG exists. Half of what was to be written is written
    first, as a real disk would do.  */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef ssize_t write_function (int fd, const void *bytes, size_t size);

static int is_full (int fd)
{
    const char *flag = getenv ("FULL_DISK_FLAG");
    struct stat state;
    return flag && access (flag, F_OK) == 0 && fstat (fd, &state) == 0 && S_ISREG (state.st_mode);
}

ssize_t write (int fd, const void *bytes, size_t size)
{
    /*  POSIX says that a symbol of dlsym may be a function; C has no cast for it.  */
    union {
        void *symbol;
        write_function *call;
    } next = {.symbol = dlsym (RTLD_NEXT, "write")};
    int saved = errno;
    int full = is_full (fd);
    errno = saved;
    if (!full)
        return next.call (fd, bytes, size);
    if (size > 1)
        return next.call (fd, bytes, size / 2);
    errno = ENOSPC;
    return -1;
}
