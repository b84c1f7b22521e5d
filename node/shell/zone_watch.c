/*  Directories of zone files, watched: see zone_watch.h. The kernel knows which of them are watched already; nothing is
    kept here. A directory that does not exist is stood for by the nearest one above it.  */
#include "node/shell/zone_watch.h"

#include "common/sys/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_US INT64_C (500000) /*  after the first change of several  */
#define LOOKED_AT                                                                                  \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB |            \
        IN_DELETE_SELF | IN_MOVE_SELF)

struct node_zone_watch {
    int fd;
    bg_fd_watch *watch;
    bg_timer *settle;
    node_zone_watch_fn *fn;
    void *arg;
};

static void on_change (int fd, unsigned events, void *arg)
{
    (void) events;
    node_zone_watch *self = arg;
    char bytes[4096];
    while (read (fd, bytes, sizeof bytes) > 0)
        continue;
    if (!bg_timer_is_armed (self->settle))
        bg_timer_arm (self->settle, SETTLE_US);
}

static void on_settled (void *arg)
{
    node_zone_watch *self = arg;
    self->fn (self->arg);
}

node_zone_watch *node_zone_watch_create (
    bg_loop *loop, bg_log *log, node_zone_watch_fn *fn, void *arg)
{
    node_zone_watch *self = bg_alloc (sizeof *self);
    self->fn = fn;
    self->arg = arg;
    self->fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
    bg_error err = {0};
    bg_result made = self->fd < 0 ? bg_fail_errno (&err, BG_IO, "cannot watch the zone files")
                                  : bg_timer_create (loop, on_settled, self, &self->settle, &err);
    if (bg_is_ok (made))
        made = bg_fd_watch_create (loop, self->fd, BG_FD_READ, on_change, self, &self->watch, &err);
    if (bg_is_ok (made))
        return self;
    bg_log_failure (log, BG_LOG_WARNING, "zones-unwatched", &err, "effect=%s",
        bg_log_cstr ("new zone files are noticed when a schedule is due").text);
    node_zone_watch_destroy (&self);
    return NULL;
}

void node_zone_watch_destroy (node_zone_watch **self_p)
{
    node_zone_watch *self = *self_p;
    if (!self)
        return;
    bg_fd_watch_destroy (&self->watch);
    bg_timer_destroy (&self->settle);
    bg_fd_close (&self->fd);
    free (self);
    *self_p = NULL;
}

/*  The directory of the path, or the first one above it that exists.  */
static void add_directory (const node_zone_watch *self, const char *path)
{
    char directory[PATH_MAX];
    (void) snprintf (directory, sizeof directory, "%s", path);
    for (char *end = strrchr (directory, '/'); end; end = strrchr (directory, '/')) {
        *end = '\0';
        const char *name = *directory ? directory : "/";
        if (inotify_add_watch (self->fd, name, LOOKED_AT | IN_ONLYDIR) >= 0)
            return;
    }
}

void node_zone_watch_add (node_zone_watch *self, const char *path)
{
    if (!self)
        return;
    add_directory (self, path);
    char target[PATH_MAX];
    if (realpath (path, target))
        add_directory (self, target);
}
