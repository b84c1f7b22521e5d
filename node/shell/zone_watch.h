/*  Tells when something happens in the directories of the zone files, by inotify: between two changes it costs nothing.

    It says "look again", not what changed: a package that brings new zone files touches hundreds of them, and the owner
    is called once for all that come within a moment.
*/
#ifndef BUGLE_NODE_SHELL_ZONE_WATCH_H
#define BUGLE_NODE_SHELL_ZONE_WATCH_H

#include "common/sys/log.h"
#include "common/sys/loop.h"

typedef struct node_zone_watch node_zone_watch;
typedef void node_zone_watch_fn (void *arg);

/*  NULL when the kernel gives no watch: logged, and the owner looks when he has to.  */
node_zone_watch *node_zone_watch_create (
    bg_loop *loop, bg_log *log, node_zone_watch_fn *fn, void *arg);
void node_zone_watch_destroy (node_zone_watch **self_p);
/*  From now on also this file, whether it exists or not, and what it points to when it is a link. Adding it again changes
    nothing. self may be NULL.  */
void node_zone_watch_add (node_zone_watch *self, const char *path);

#endif
