/*  Lock file: one process at a time works on a home.

    flock() on a file that stays in place; its text says which program and pid hold it. The lock
   dies with the process (the descriptor is close-on-exec), the text may outlive it and only counts
   while the lock is held.
*/
#ifndef BUGLE_SYS_LOCK_H
#define BUGLE_SYS_LOCK_H

#include "common/base/slice.h"

typedef struct bg_lock bg_lock;

/*  Takes the lock without waiting. program: one word for the text. Held by another: BG_BUSY, the
   sentence says by whom
    ("held by bugle-broker (pid 123)"). Release with bg_lock_release.  */
bg_result bg_lock_take (
    const char *path, const char *program, bg_lock **lock, bg_error *err) BG_CHECKED;
/*  The same, but a holder that is ending has wait_us to let go: a process that was killed, or whose keeper was, gives
    its lock back a moment later.  */
bg_result bg_lock_await (const char *path, const char *program, int64_t wait_us, bg_lock **lock,
    bg_error *err) BG_CHECKED;
void bg_lock_release (bg_lock **self_p);
/*  Who holds it now: program (at most 63 characters) and pid; *pid is 0 when nobody does. Never
   takes the lock for longer than the look.  */
bg_result bg_lock_holder (const char *path, char program[64], int *pid, bg_error *err) BG_CHECKED;

#endif
