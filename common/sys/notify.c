/*  Readiness for systemd: see notify.h. One datagram; an abstract address is written with '@' for
 * its first byte.  */
#include "common/sys/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool bg_notify (const char *state)
{
    const char *path = getenv ("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen (path) >= sizeof address.sun_path)
        return false;
    memcpy (address.sun_path, path, strlen (path));
    if (path[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    socklen_t size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (path));
    ssize_t sent =
        sendto (fd, state, strlen (state), MSG_NOSIGNAL, (const struct sockaddr *) &address, size);
    (void) close (fd);
    return sent == (ssize_t) strlen (state);
}
