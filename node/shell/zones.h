/*  Time zones of this machine: loaded from the system's TZif files when they are first asked for, kept until the files
    change. The mathematics is in common/job/zone.h.
*/
#ifndef BUGLE_NODE_SHELL_ZONES_H
#define BUGLE_NODE_SHELL_ZONES_H

#include "common/job/zone.h"
#include "common/sys/log.h"

typedef struct node_zones node_zones;

/*  local: the configured zone, or NULL for /etc/localtime. log is borrowed.  */
node_zones *node_zones_create (const char *local, bg_log *log) __attribute__ ((returns_nonnull));
void node_zones_destroy (node_zones **self_p);
/*  Told the path of every zone file that is looked for, whether it is there or not.  */
typedef void node_zones_looked_fn (void *arg, const char *path);
void node_zones_tell (node_zones *self, node_zones_looked_fn *fn, void *arg);
/*  The zone of a name, of this machine when the name is empty; NULL when there is none. Valid until
    node_zones_forget_old after the next node_zones_renew.  */
const job_zone *node_zones_get (node_zones *self, bg_slice name);
/*  Name of the machine's zone: configured, or what /etc/localtime points to, else UTC. Borrowed.  */
const char *node_zones_local_name (const node_zones *self);
/*  True when a file behind a loaded zone is no longer what was read. Cheap: one stat a zone.  */
bool node_zones_changed (node_zones *self);
/*  From now on all zones are read anew when they are asked for. What was given out before stays until
    node_zones_forget_old: whoever holds such zones exchanges them in between.  */
void node_zones_renew (node_zones *self);
void node_zones_forget_old (node_zones *self);

#endif
