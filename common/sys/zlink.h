/*  What happens to the connection of a client socket: a libzmq monitor that is always read.

    For sockets that connect, never for sockets that listen: strangers make a listening socket's
    monitor talk, and a monitor nobody reads freezes libzmq's I/O thread. Only four kinds of event
    are asked for and the queue has no limit, so a slow reader is safe.
*/
#ifndef BUGLE_SYS_ZLINK_H
#define BUGLE_SYS_ZLINK_H

#include "common/base/err.h"

#include <stdbool.h>

/*  UP: the handshake is done; the other side proved its key and admitted ours. DOWN: the connection
    went away or its handshake came to nothing; libzmq tries again by itself. A wrong server key
    looks like this too, again and again and never UP: the server cannot read our hello and hangs up
    without a word. REFUSED: the other side does not admit our key. Final: reopen the socket after a
    back-off of your own. MISMATCH: the other side speaks no CURVE or breaks its rules; libzmq may
    or may not try again, so treat it like REFUSED.  */
typedef enum { BG_LINK_UP = 1, BG_LINK_DOWN, BG_LINK_REFUSED, BG_LINK_MISMATCH } bg_link_state;

typedef struct bg_zlink bg_zlink;

/*  socket: a raw libzmq socket before its first connect; it must outlive the link.  */
bg_result bg_zlink_create (void *socket, bg_zlink **link, bg_error *err) BG_CHECKED;
void bg_zlink_destroy (bg_zlink **self_p);
/*  The next event without waiting; false when there is none.  */
bool bg_zlink_next (bg_zlink *self, bg_link_state *state);
/*  The monitor's own socket, for a watch or a poll; borrowed.  */
void *bg_zlink_socket (bg_zlink *self);
const char *bg_link_word (bg_link_state state);

#endif
