/*  Files and directories: whole reads, replacements that survive a crash, and what must be private.

    Everything here is synchronous and meant for small files; stores use SQLite. Paths are C
   strings. Sentences in errors name the path. "Private" means owned by us or root and closed to
   group and others.
*/
#ifndef BUGLE_SYS_FILE_H
#define BUGLE_SYS_FILE_H

#include "common/base/slice.h"

#include <sys/types.h>

/*  Appends the whole file to out. limit in bytes: a larger file is BG_TOO_LARGE. Missing:
   BG_NOT_FOUND; not a regular file or unreadable: BG_IO. FIFOs do not block.  */
bg_result bg_file_read (const char *path, size_t limit, bg_buf *out, bg_error *err) BG_CHECKED;
/*  The same from an open descriptor (borrowed), to its end; also pipes. name is for the sentence.
 */
bg_result bg_fd_read (
    int fd, const char *name, size_t limit, bg_buf *out, bg_error *err) BG_CHECKED;
/*  Writes content to a temporary neighbour, syncs, renames over path, syncs the directory. After a
   crash path has the old or the new content. mode is set whatever the umask. BG_STORAGE_FULL,
   BG_IO.  */
bg_result bg_file_replace (
    const char *path, bg_slice content, mode_t mode, bg_error *err) BG_CHECKED;
/*  Creates path 0600 with O_EXCL and syncs it and its directory. There already: BG_EXISTS; nothing
   is left behind when it fails.  */
bg_result bg_file_create (const char *path, bg_slice content, bg_error *err) BG_CHECKED;
/*  Writes all of it to a blocking descriptor. BG_STORAGE_FULL, BG_CLOSED (EPIPE), BG_IO.  */
bg_result bg_fd_write (int fd, const char *name, bg_slice content, bg_error *err) BG_CHECKED;
/*  Syncs the directory that holds path.  */
bg_result bg_dir_sync_parent (const char *path, bg_error *err) BG_CHECKED;
/*  True when something, also a dangling link, has that name.  */
bool bg_path_exists (const char *path);
/*  dir "/" name, or name alone when it is absolute. free() releases it.  */
char *bg_path_join (const char *dir, const char *name) __attribute__ ((malloc, returns_nonnull));
/*  The directory of path, "." when it has none. free() releases it.  */
char *bg_path_dir (const char *path) __attribute__ ((malloc, returns_nonnull));

/*  mkdir -p: makes what is missing, each new directory with mode (whatever the umask); one that
   exists stays as it is. Something else in the way: BG_EXISTS.  */
bg_result bg_dir_make (const char *path, mode_t mode, bg_error *err) BG_CHECKED;
/*  *is_empty is true for a directory without entries. Missing: BG_NOT_FOUND.  */
bg_result bg_dir_is_empty (const char *path, bool *is_empty, bg_error *err) BG_CHECKED;

/*  The file or directory is owned by us or root and neither group nor others may do anything with
   it. Otherwise BG_FOREIGN_FILE with a sentence which one and a hint what to type. Links are not
   followed. Missing: BG_NOT_FOUND.  */
bg_result bg_private_check (const char *path, bg_error *err) BG_CHECKED;
/*  The same for an open descriptor; path is for the sentence.  */
bg_result bg_private_check_fd (int fd, const char *path, bg_error *err) BG_CHECKED;

/*  Bytes that an ordinary process may still write to the file system of path.  */
bg_result bg_disk_free (const char *path, uint64_t *bytes, bg_error *err) BG_CHECKED;

/*  Closes *fd when it is open and sets it to -1.  */
void bg_fd_close (int *fd);
#define BG_AUTO_FD __attribute__ ((cleanup (bg_fd_close))) int

#endif
