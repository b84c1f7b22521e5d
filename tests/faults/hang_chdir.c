/*  A working directory on a file system that does not answer: preloaded into bugle-exec, chdir to BUGLE_HANG_DIR
    never comes back as long as that directory exists. Signals that are blocked stay blocked, as in a process that
    waits for a dead server.

    Not a test: tests/e2e/test_steps_flow.py puts it under bugle-exec.  */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  ISO C has no conversion from object to function pointers; POSIX promises that the bytes fit.  */
typedef int (*chdir_function) (const char *path);

int chdir (const char *path)
{
    const char *hanging = getenv ("BUGLE_HANG_DIR");
    while (hanging && strcmp (hanging, path) == 0)
        (void) pause ();
    void *found = dlsym (RTLD_NEXT, "chdir");
    chdir_function real;
    memcpy (&real, &found, sizeof real);
    return real (path);
}
