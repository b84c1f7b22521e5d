/*  Unix stream sockets between our own processes.

    All descriptors are nonblocking and close-on-exec. A path too long for a socket address (107
   bytes) is reached through /proc/self/fd/N/name. Who is on the other side is asked of the kernel
   (SO_PEERCRED), never of the peer.
*/
#ifndef BUGLE_SYS_UNIXSOCK_H
#define BUGLE_SYS_UNIXSOCK_H

#include "common/base/slice.h"

#include <sys/types.h>

typedef struct {
    uid_t uid;
    gid_t gid;
    pid_t pid;
} bg_peer;

/*  Binds and listens. mode is that of the socket file. A socket file that nobody answers on is
   replaced; somebody answers: BG_BUSY; another kind of file in the way: BG_FOREIGN_FILE. *fd is the
   caller's.  */
bg_result bg_unix_listen (const char *path, mode_t mode, int *fd, bg_error *err) BG_CHECKED;
/*  Closes *fd (set to -1) and removes the socket file.  */
void bg_unix_unlisten (int *fd, const char *path);
/*  Nobody there: BG_UNREACHABLE; the listener's queue is full: BG_AGAIN. *fd is the caller's.  */
bg_result bg_unix_connect (const char *path, int *fd, bg_error *err) BG_CHECKED;
/*  Takes one connection and says who it is. None waiting: BG_AGAIN; out of descriptors:
 * BG_OVERLOADED.  */
bg_result bg_unix_accept (int listener, int *fd, bg_peer *peer, bg_error *err) BG_CHECKED;
/*  Who is on the other side of a connected socket.  */
bg_result bg_unix_peer (int fd, bg_peer *peer, bg_error *err) BG_CHECKED;
/*  A connected pair.  */
bg_result bg_unix_pair (int fds[2], bg_error *err) BG_CHECKED;
/*  The peer is root or runs as our own user; otherwise BG_NOT_ALLOWED with its uid and pid.  */
bg_result bg_unix_require_own (const bg_peer *peer, bg_error *err) BG_CHECKED;
/*  The same, or the peer runs as another user who may be there too: parts of the system's
   installation have accounts of their own.  */
bg_result bg_unix_require (const bg_peer *peer, uid_t other, bg_error *err) BG_CHECKED;
/*  bg_unix_connect and bg_unix_accept for which the other side has to be such a one; what it is
    instead is left again: BG_NOT_ALLOWED. _own: without another user.  */
bg_result bg_unix_connect_to (
    const char *path, uid_t other, int *fd, bg_peer *peer, bg_error *err) BG_CHECKED;
bg_result bg_unix_accept_from (
    int listener, uid_t other, int *fd, bg_peer *peer, bg_error *err) BG_CHECKED;
bg_result bg_unix_connect_own (const char *path, int *fd, bg_peer *peer, bg_error *err) BG_CHECKED;
bg_result bg_unix_accept_own (int listener, int *fd, bg_peer *peer, bg_error *err) BG_CHECKED;

#endif
