/*  Unix sockets: see unixsock.h. An address holds 107 bytes of path; a longer one goes through the
   descriptor of its directory in /proc/self/fd, so only the last component must be short.  */
#include "common/sys/unixsock.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_QUEUE 128

/*  dir_fd stays open as long as the address is used; -1 when the path fits by itself.  */
static bg_result make_address (
    const char *path, struct sockaddr_un *address, int *dir_fd, bg_error *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    *dir_fd = -1;
    if (strlen (path) < sizeof address->sun_path) {
        memcpy (address->sun_path, path, strlen (path));
        return bg_ok ();
    }
    BG_AUTO_CHAR dir = bg_path_dir (path);
    const char *slash = strrchr (path, '/');
    const char *name = slash ? slash + 1 : path;
    int fd = open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        bg_code code = errno == ENOENT ? BG_UNREACHABLE : BG_IO;
        return bg_fail_errno (err, code, "cannot open directory %s", dir);
    }
    int size =
        snprintf (address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", fd, name);
    if (size < 0 || (size_t) size >= sizeof address->sun_path) {
        (void) close (fd);
        return bg_fail (err, BG_INVALID, "socket name %s is too long", name);
    }
    *dir_fd = fd;
    return bg_ok ();
}

static int stream_socket (void)
{
    return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

bg_result bg_unix_connect (const char *path, int *fd, bg_error *err)
{
    struct sockaddr_un address;
    BG_AUTO_FD dir_fd = -1;
    BG_TRY (make_address (path, &address, &dir_fd, err));
    BG_AUTO_FD made = stream_socket ();
    if (made < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a socket");
    int done;
    do {
        done = connect (made, (const struct sockaddr *) &address, sizeof address);
    } while (done < 0 && errno == EINTR);
    if (done < 0 && (errno == ENOENT || errno == ECONNREFUSED))
        return bg_fail_errno (err, BG_UNREACHABLE, "nobody answers on %s", path);
    if (done < 0 && errno == EAGAIN)
        return bg_fail (err, BG_AGAIN, "too many are waiting to be let in on %s", path);
    if (done < 0)
        return bg_fail_errno (err, BG_IO, "cannot connect to %s", path);
    *fd = made;
    made = -1;
    return bg_ok ();
}

/*  Removes the file of a listener that is gone. The window between asking and removing is closed by
   the home's lock, which every listening program holds.  */
static bg_result remove_stale (const char *path, bg_error *err)
{
    struct stat info;
    if (lstat (path, &info) < 0)
        return bg_ok ();
    if (!S_ISSOCK (info.st_mode)) {
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is in the way: it is not a socket", path));
        bg_ignore (bg_hint (err, "move that file away"));
        return (bg_result){BG_FOREIGN_FILE};
    }
    BG_AUTO_FD probe = -1;
    bg_result result = bg_unix_connect (path, &probe, err);
    if (bg_is_ok (result) || result.code == BG_AGAIN)
        return bg_fail (err, BG_BUSY, "another process listens on %s already", path);
    if (result.code != BG_UNREACHABLE)
        return result;
    if (unlink (path) < 0 && errno != ENOENT)
        return bg_fail_errno (err, BG_IO, "cannot remove the left-over socket %s", path);
    return bg_ok ();
}

bg_result bg_unix_listen (const char *path, mode_t mode, int *fd, bg_error *err)
{
    BG_TRY (remove_stale (path, err));
    struct sockaddr_un address;
    BG_AUTO_FD dir_fd = -1;
    BG_TRY (make_address (path, &address, &dir_fd, err));
    BG_AUTO_FD made = stream_socket ();
    if (made < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a socket");
    if (bind (made, (const struct sockaddr *) &address, sizeof address) < 0) {
        bg_code code = errno == EADDRINUSE ? BG_BUSY : BG_IO;
        return bg_fail_errno (err, code, "cannot make the socket %s", path);
    }
    if (chmod (path, mode) < 0 || listen (made, LISTEN_QUEUE) < 0) {
        bg_result result = bg_fail_errno (err, BG_IO, "cannot listen on %s", path);
        (void) unlink (path);
        return result;
    }
    *fd = made;
    made = -1;
    return bg_ok ();
}

void bg_unix_unlisten (int *fd, const char *path)
{
    if (*fd >= 0)
        (void) unlink (path);
    bg_fd_close (fd);
}

bg_result bg_unix_peer (int fd, bg_peer *peer, bg_error *err)
{
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return bg_fail_errno (err, BG_IO, "cannot ask who is on the other side of a socket");
    *peer = (bg_peer){who.uid, who.gid, who.pid};
    return bg_ok ();
}

bg_result bg_unix_accept (int listener, int *fd, bg_peer *peer, bg_error *err)
{
    int taken;
    do {
        taken = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (taken < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (taken < 0 && errno == EAGAIN)
        return bg_fail (err, BG_AGAIN, "no connection is waiting");
    if (taken < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        return bg_fail_errno (err, BG_OVERLOADED, "cannot take a connection");
    if (taken < 0)
        return bg_fail_errno (err, BG_IO, "cannot take a connection");
    BG_AUTO_FD made = taken;
    BG_TRY (bg_unix_peer (made, peer, err));
    *fd = made;
    made = -1;
    return bg_ok ();
}

bg_result bg_unix_pair (int fds[2], bg_error *err)
{
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return bg_fail_errno (err, BG_IO, "cannot make a pair of sockets");
    return bg_ok ();
}

bg_result bg_unix_require (const bg_peer *peer, uid_t other, bg_error *err)
{
    if (peer->uid == 0 || peer->uid == geteuid () || peer->uid == other)
        return bg_ok ();
    return bg_fail (err, BG_NOT_ALLOWED, "process %d of user %u is not one of ours",
        (int) peer->pid, (unsigned) peer->uid);
}

bg_result bg_unix_require_own (const bg_peer *peer, bg_error *err)
{
    return bg_unix_require (peer, geteuid (), err);
}

/*  Gives fd on, or closes it when the peer is a stranger.  */
static bg_result only (uid_t other, int found, const bg_peer *peer, int *fd, bg_error *err)
{
    bg_result result = bg_unix_require (peer, other, err);
    if (bg_failed (result))
        bg_fd_close (&found);
    else
        *fd = found;
    return result;
}

bg_result bg_unix_connect_to (const char *path, uid_t other, int *fd, bg_peer *peer, bg_error *err)
{
    BG_AUTO_FD found = -1;
    BG_TRY (bg_unix_connect (path, &found, err));
    BG_TRY (bg_unix_peer (found, peer, err));
    int made = found;
    found = -1;
    return only (other, made, peer, fd, err);
}

bg_result bg_unix_accept_from (int listener, uid_t other, int *fd, bg_peer *peer, bg_error *err)
{
    int made = -1;
    BG_TRY (bg_unix_accept (listener, &made, peer, err));
    return only (other, made, peer, fd, err);
}

bg_result bg_unix_connect_own (const char *path, int *fd, bg_peer *peer, bg_error *err)
{
    return bg_unix_connect_to (path, geteuid (), fd, peer, err);
}

bg_result bg_unix_accept_own (int listener, int *fd, bg_peer *peer, bg_error *err)
{
    return bg_unix_accept_from (listener, geteuid (), fd, peer, err);
}
