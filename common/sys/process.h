/*  Child processes: our own programs, started, watched by pidfd and ended.

    Children start with default signal dispositions and an empty mask; of our descriptors they
   inherit 0, 1, 2 and the ones listed, nothing else as long as everything is close-on-exec, which
   is the rule here. There is no SIGCHLD handling: watch bg_process.pidfd for readability, then
   bg_process_reap. Take the pidfd out of epoll before closing it: a child between vfork and exec
   may still hold it.
*/
#ifndef BUGLE_SYS_PROCESS_H
#define BUGLE_SYS_PROCESS_H

#include "common/base/slice.h"

#include <sys/types.h>

/*  Full path of one of our programs: beside the running executable, in ../libexec/bugle from there, else
    on PATH. BG_NOT_FOUND. free() releases it.  */
bg_result bg_program_path (const char *name, char **path, bg_error *err) BG_CHECKED;

typedef struct {
    int fd; /*  ours  */
    int as; /*  its number in the child  */
} bg_spawn_fd;

typedef struct {
    const char *path;        /*  program file; a name without "/" goes through bg_program_path  */
    const char *const *argv; /*  NULL-terminated, argv[0] included  */
    const char *const *envp; /*  NULL-terminated; NULL: ours  */
    const char *cwd;         /*  NULL: ours  */
    const bg_spawn_fd *fds;  /*  may name 0, 1, 2 too; the rest of 0, 1, 2 is inherited  */
    size_t fd_count;         /*  at most BG_SPAWN_FDS  */
    bool new_session;        /*  setsid(): away from our terminal and process group  */
} bg_spawn;

#define BG_SPAWN_FDS 16

typedef struct {
    pid_t pid; /*  0: none  */
    int pidfd; /*  readable once it has ended; -1: none  */
} bg_process;

typedef struct {
    bool is_signal; /*  ended by a signal  */
    int value;      /*  exit code or signal number  */
} bg_exit;

/*  BG_NOT_FOUND when there is no such program, BG_OVERLOADED when the system has no process left,
 * BG_IO.  */
bg_result bg_process_spawn (const bg_spawn *spawn, bg_process *process, bg_error *err) BG_CHECKED;
/*  A copy of this process that runs body (ctx) and ends, as by exit(), with what that returns. For a part of our
    own program that must outlive us: neither a program file is read nor libraries are bound again.
    It starts like other children: default signals, an empty mask, a session of its own, "/" as
    directory, and of our descriptors those listed, which must cover 0, 1 and 2. Only for a
    process with one thread. Both sides keep their own memory: what body does not release is gone
    with it. BG_OVERLOADED.  */
typedef struct {
    const bg_spawn_fd *fds; /*  numbers from 0 on, in order, without gaps  */
    size_t fd_count;        /*  at most BG_SPAWN_FDS  */
    int (*body) (void *ctx);
    void *ctx;
} bg_split;
bg_result bg_process_split (const bg_split *split, bg_process *process, bg_error *err) BG_CHECKED;
/*  Collects a child that has ended and closes the pidfd; process becomes {0, -1}. Still running:
 * BG_AGAIN.  */
bg_result bg_process_reap (bg_process *process, bg_exit *result, bg_error *err) BG_CHECKED;
/*  Waits up to timeout_ms (< 0: for ever), then reaps. BG_TIMEOUT.  */
bg_result bg_process_wait (
    bg_process *process, int64_t timeout_ms, bg_exit *result, bg_error *err) BG_CHECKED;
/*  Sends a signal through the pidfd, so never to a stranger with a reused pid; a child that has
 * ended is fine.  */
bg_result bg_process_kill (const bg_process *process, int signal_number, bg_error *err) BG_CHECKED;
/*  Takes up a process that is not our child: BG_NOT_FOUND when it is gone. It can be watched and
 * killed, not reaped. */
bg_result bg_process_adopt (pid_t pid, bg_process *process, bg_error *err) BG_CHECKED;
/*  Closes the pidfd, leaves the process alone.  */
void bg_process_forget (bg_process *process);
/*  "exit code 3" or "signal 9 (Killed)".  */
typedef struct {
    char text[64];
} bg_exit_string;
bg_exit_string bg_exit_text (bg_exit result);

#endif
