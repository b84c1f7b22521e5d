/*  The output file of a step: see supervisor_file.h. It is a regular file whatever its name leads to, and one of a
    disk: a device or FIFO would make the supervisor wait, or do worse by being opened.  */
#include "node/exec/supervisor_file.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CONFIGFS_MAGIC 0x62656570U /*  in no header  */

/*  ---- in the child ----  */

/*  Files of the kernel ask who writes, not who opened them, and the supervisor writes as root: what the step's account
    may open there it may not thereby write.  */
static bool is_of_kernel (int fd)
{
    static const uint32_t kinds[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
        CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
        SMACK_MAGIC, BPF_FS_MAGIC, EFIVARFS_MAGIC, NSFS_MAGIC, BINFMTFS_MAGIC, CONFIGFS_MAGIC};
    struct statfs info;
    if (fstatfs (fd, &info) < 0)
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if ((uint32_t) info.f_type == kinds[i])
            return true;
    }
    return false;
}

static int open_regular (const char *path, bool append, int *fd)
{
    struct stat state;
    /*  Looked at first, since some devices act when they are opened.  */
    if (stat (path, &state) == 0 && !S_ISREG (state.st_mode))
        return STEP_FILE_IRREGULAR;
    int flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (append ? O_APPEND : 0);
    *fd = open (path, flags, 0666);
    if (*fd < 0)
        return errno;
    if (fstat (*fd, &state) < 0)
        return errno;
    if (!S_ISREG (state.st_mode) || is_of_kernel (*fd))
        return STEP_FILE_IRREGULAR;
    return append || ftruncate (*fd, 0) == 0 ? 0 : errno;
}

static int send_file (int socket_fd, int fd)
{
    char byte = 0;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof (int))];
    } control = {.room = {0}};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = control.room,
        .msg_controllen = sizeof control.room};
    struct cmsghdr *item = CMSG_FIRSTHDR (&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN (sizeof fd);
    memcpy (CMSG_DATA (item), &fd, sizeof fd);
    return sendmsg (socket_fd, &message, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

int step_file_hand_over (const char *path, bool append, int socket_fd)
{
    BG_AUTO_FD fd = -1;
    int error = open_regular (path, append, &fd);
    return error ? error : send_file (socket_fd, fd);
}

/*  ---- in the supervisor ----  */

void step_file_init (step_file *self, bool is_wanted, uint64_t limit_bytes)
{
    *self = (step_file){
        .fd = -1, .left = limit_bytes ? limit_bytes : UINT64_MAX, .is_wanted = is_wanted};
}

void step_file_take (step_file *self, int socket_fd)
{
    char byte;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof (int))];
    } control = {.room = {0}};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = control.room,
        .msg_controllen = sizeof control.room};
    if (!self->is_wanted || self->fd >= 0 || socket_fd < 0 ||
        recvmsg (socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return;
    struct cmsghdr *item = CMSG_FIRSTHDR (&message);
    if (item && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS &&
        item->cmsg_len == CMSG_LEN (sizeof self->fd))
        memcpy (&self->fd, CMSG_DATA (item), sizeof self->fd);
}

static void give_up (step_file *self, int error)
{
    if (!self->error)
        self->error = error;
}

void step_file_write (step_file *self, bg_slice bytes)
{
    if (self->fd < 0 || self->error)
        return;
    if (bytes.size > self->left) {
        self->is_full = true;
        bytes.size = (size_t) self->left;
    }
    self->left -= bytes.size;
    while (bytes.size) {
        ssize_t done = write (self->fd, bytes.data, bytes.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            give_up (self, errno);
            return;
        }
        bytes = bg_slice_of (bytes.data + done, bytes.size - (size_t) done);
    }
}

void step_file_close (step_file *self)
{
    if (self->fd >= 0 && close (self->fd) < 0 && errno != EINTR)
        give_up (self, errno);
    self->fd = -1;
}
