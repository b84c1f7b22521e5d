/*  bugle-exec as a process: sockets, log, run files and supervisors around the decisions of
    exec_core.

    One thread, plain epoll. Each turn: events go into the core, the records they made are
    committed as one frame, then the effects are released. A commit that fails for want of space
    drops the turn: the core is made from the log again and the connections are closed, so that
    the other side starts over from what is true.
*/
#ifndef BUGLE_EXEC_SHELL_H
#define BUGLE_EXEC_SHELL_H

#include "common/sys/home.h"
#include "common/sys/log.h"

typedef struct {
    const bg_home *home; /*  borrowed, as all here  */
    char *title;         /*  the arguments as the kernel shows them; supervisors write theirs  */
    size_t title_size;   /*  0: nothing is written  */
    bg_log *log;
    bool is_kept; /*  by bugle-node: "ready" is its word then  */
} exec_shell_config;

/*  Runs until SIGTERM or SIGINT; supervisors go on. Failures to start or to go on come back
    with a sentence.  */
bg_result exec_shell_run (const exec_shell_config *config, bg_error *err) BG_CHECKED;

#endif
