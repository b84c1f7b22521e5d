/*  A private directory for one test, removed with all it holds. Lies in $TMPDIR or /tmp.  */
#ifndef BUGLE_TESTS_TEMP_DIR_H
#define BUGLE_TESTS_TEMP_DIR_H

#include "common/sys/file.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline char *temp_dir_make (void)
{
    const char *base = getenv ("TMPDIR");
    char *path = bg_path_join (base ? base : "/tmp", "bugle-test-XXXXXX");
    bg_assert (mkdtemp (path) != NULL);
    return path;
}

static inline int temp_dir_remove_one (
    const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void) info;
    (void) type;
    (void) where;
    return remove (path);
}

static inline void temp_dir_remove (char **path)
{
    (void) nftw (*path, temp_dir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free (*path);
    *path = NULL;
}

/*  For cmocka: *state is the directory's path.  */
static inline int temp_dir_setup (void **state)
{
    *state = temp_dir_make ();
    return 0;
}

static inline int temp_dir_teardown (void **state)
{
    char *path = *state;
    temp_dir_remove (&path);
    *state = NULL;
    return 0;
}

#endif
