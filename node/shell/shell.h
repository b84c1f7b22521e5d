/*  The node's process: one loop around the pure core.

    Feeds events to node_core inside store transactions and releases what the core wanted done after the commit. When
    a commit fails it rolls back and builds a new core from the store; a full disk puts that core into its storage mode
    and is tried again every few seconds, a disk that fails ends the process.
*/
#ifndef BUGLE_NODE_SHELL_SHELL_H
#define BUGLE_NODE_SHELL_SHELL_H

#include "common/sys/log.h"
#include "node/shell/config.h"

/*  All borrowed for the run.  */
typedef struct {
    const bg_home *home;
    const node_config *config;
    bg_log *log;
    bool is_kept; /*  as a part of bugle-node, whose word "ready" is then  */
} node_shell_options;

/*  Runs `bugle-node node` until SIGTERM; says READY=1 when it serves. *exit_code for the program. Fails only before it
    serves, with a sentence: BG_BUSY (another node on this home), BG_FOREIGN_FILE, BG_TOO_NEW, BG_INVALID (node_core_problem),
    BG_IO.  */
bg_result node_shell_run (
    const node_shell_options *options, int *exit_code, bg_error *err) BG_CHECKED;

#endif
