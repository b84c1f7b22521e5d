/*  What the core has sent in the batch that is open: kept until the commit, then released to the
    front in order, or dropped with the transaction. Implements broker_ports except crypto and
    store.
*/
#ifndef BUGLE_BROKER_SHELL_OUTPUTS_H
#define BUGLE_BROKER_SHELL_OUTPUTS_H

#include "broker/core/ports.h"
#include "broker/shell/backup.h"
#include "common/sys/frames.h"
#include "common/sys/log.h"

typedef struct broker_outputs broker_outputs;

/*  log, backup and home are borrowed.  */
broker_outputs *broker_outputs_create (bg_log *log, broker_backup *backup, const broker_home *home);
void broker_outputs_destroy (broker_outputs **self_p);
/*  Fills the functions and ctx of ports.  */
void broker_outputs_ports (broker_outputs *self, broker_ports *ports);
/*  Queues everything on the connection, or throws it away when link is NULL; what did not fit is
    counted in dropped. BG_OVERLOADED: a change of the key table did not fit; the connection has
    to be made anew. BG_CLOSED.  */
bg_result broker_outputs_release (broker_outputs *self, bg_frames *link, bg_error *err) BG_CHECKED;
void broker_outputs_drop (broker_outputs *self);
/*  Messages to peers that did not fit into the queue to the front, ever.  */
uint64_t broker_outputs_dropped (const broker_outputs *self);

#endif
