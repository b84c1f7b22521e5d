/*  The inside of the shell, shared by shell.c (life, turn), shell_ports.c (what the core asks
    for), shell_links.c (sockets) and shell_runs.c (supervisors and run files).  */
#ifndef BUGLE_EXEC_SHELL_PRIVATE_H
#define BUGLE_EXEC_SHELL_PRIVATE_H

#include "common/sys/frames.h"
#include "common/sys/lock.h"
#include "common/sys/process.h"
#include "node/exec/log_file.h"
#include "node/exec/machine.h"
#include "node/exec/shell.h"
#include "node/exec/supervisor_cgroup.h"
#include "node/exec/table.h"

#define SHELL_MESSAGE_BYTES (2 * 1024 * 1024)
#define SHELL_QUEUE_BYTES   (16 * 1024 * 1024)
/*  Connections by kind, so that a node account that opens many keeps no supervisor away.  */
#define SHELL_NODES_MAX       32
#define SHELL_SUPERVISORS_MAX 2048
#define SHELL_FLUSH_US        BG_SEC (1) /*  records that nothing waits for are written within  */
#define SHELL_LOCK_WAIT_US    BG_SEC (2) /*  for a predecessor that is ending  */
#define SHELL_RECHECK_US      BG_SEC (1) /*  runs whose supervisor is no child of ours are checked  */
#define SHELL_FULL_US         BG_SEC (2) /*  so long nothing is tried after a write found no space  */
#define SHELL_SWEEP_US        BG_MIN (10)
#define SHELL_SETTLED_US      BG_SEC (5)

typedef enum {
    WATCH_SIGNALS,
    WATCH_NODE_LISTENER,
    WATCH_SUPERVISOR_LISTENER,
    WATCH_NODE,
    WATCH_SUPERVISOR,
    WATCH_CHILD,
    WATCH_POLICY
} watch_kind;

/*  Something epoll tells about. Links and children live in lists; what is closed within a turn
    is freed at its end.  */
typedef struct watch watch;
struct watch {
    watch_kind kind;
    watch *next;
    bool is_closed;
    uint64_t id;        /*  of a link: peer id  */
    bool privileged;    /*  of a link  */
    bg_frames *frames;  /*  of a link  */
    uint32_t events;    /*  what epoll was asked for  */
    bg_id run;          /*  of a child, and of a supervisor's link after its hello  */
    bg_process process; /*  of a child  */
};

typedef enum { EFFECT_SEND, EFFECT_SPAWN, EFFECT_STOP, EFFECT_DISCARD } effect_kind;

typedef struct {
    effect_kind kind;
    uint64_t peer;
    bg_id run;
    bg_buf blob; /*  of SEND and SPAWN; of STOP the reason  */
} effect;

typedef struct {
    effect *items;
    size_t count;
    size_t capacity;
} effects;

typedef struct {
    exec_shell_config config;
    exec_machine machine;
    exec_core *core;
    exec_log_file *log_file;
    bg_lock *lock;
    char *log_path;
    char *local_path; /*  key of local jobs, both halves; only the public one is kept in memory  */
    char *runs_dir;
    char *node_path; /*  sockets  */
    char *supervisor_path;
    char host[256];
    step_cgroups cgroups;
    bg_id boot;

    int epoll_fd;
    int null_fd;
    watch signals;
    watch policy;
    int policy_fd; /*  inotify of the policy's directory; -1: there is none  */
    watch node_listener;
    watch supervisor_listener;
    int signal_fd;
    int node_listener_fd;
    int supervisor_listener_fd;
    watch *watches; /*  links and children  */
    size_t node_count;
    size_t supervisor_count;
    uint64_t last_peer;

    bool wants_sync; /*  a durable record is in the batch  */
    bool is_replaying;
    effects queue;    /*  of this turn  */
    effects discards; /*  wait for the next commit  */
    int64_t flush_due_us;
    int64_t recheck_due_us;
    int64_t sweep_due_us;
    int64_t settled_due_us; /*  when what only the start needed is given back  */
    bool storage_full;
    int64_t
        storage_full_until_us; /*  after a write that failed: what statvfs says is not believed  */
    bool stopping;
} shell;

bg_now shell_now (void);

/*  ---- shell_ports.c ----  */
exec_ports shell_make_ports (shell *self);
void effects_fini (effects *self);
/*  Moves all to another list.  */
void effects_move (effects *from, effects *to);

/*  ---- shell_links.c ----  */
bg_result shell_listen (shell *self, bg_error *err) BG_CHECKED;
void shell_unlisten (shell *self);
void shell_accept (shell *self, watch *listener);
void shell_link_ready (shell *self, watch *link, uint32_t events);
void shell_link_send (shell *self, uint64_t peer, bg_slice blob);
void shell_flush_links (shell *self);
void shell_close_links (shell *self, watch_kind kind);
void shell_close_watch (shell *self, watch *item);
/*  Frees what was closed.  */
void shell_bury (shell *self);
bg_result shell_watch (shell *self, int fd, watch *item, uint32_t events, bg_error *err) BG_CHECKED;

/*  ---- shell_runs.c ----  */
void shell_spawn (shell *self, bg_id run, bg_slice plan);
void shell_stop (shell *self, bg_id run, const char *reason);
void shell_look_at_run (shell *self, bg_id run);
/*  All open runs that no child of ours supervises; true when there are any.  */
bool shell_look_at_runs (shell *self, bool all);
void shell_child_ready (shell *self, watch *child);
void shell_supervisor_message (shell *self, watch *link, bg_slice blob);
void shell_sweep (shell *self);

#endif
