/*  Samples the processors from /proc/stat, only while somebody waits for them to become idle. What idle means is decided
    in node/core/idle.h.
*/
#ifndef BUGLE_NODE_SHELL_IDLE_WATCH_H
#define BUGLE_NODE_SHELL_IDLE_WATCH_H

#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "node/core/idle.h"

typedef struct node_idle_watch node_idle_watch;
typedef void node_idle_watch_fn (void *arg);

/*  fn is called each time the processors have become idle. log is borrowed. BG_IO.  */
bg_result node_idle_watch_create (bg_loop *loop, bg_log *log, uint64_t below, int64_t for_us,
    node_idle_watch_fn *fn, void *arg, node_idle_watch **watch, bg_error *err) BG_CHECKED;
void node_idle_watch_destroy (node_idle_watch **self_p);
/*  Whether anybody waits: to be said as often as one likes.  */
void node_idle_watch_set (node_idle_watch *self, bool is_wanted);

#endif
