/*  The control socket: a line in, a line of JSON out, any number of connections, one question at a time on each. What each
    word means stands in the help of bugle-swarm.  */
#include "common/sys/unixsock.h"
#include "tests/load/swarm/parent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES  512
#define CONNECTIONS_MAX 16
#define WORDS_MAX       5
#define WAIT_DEFAULT_S  60

typedef struct {
    swarm_control *control;
    int fd;
    bg_fd_watch *watch;
    char line[LINE_MAX_BYTES];
    size_t size;
    bool is_waiting; /*  for an answer; what comes meanwhile stays in line  */
} connection;

struct swarm_control {
    swarm_parent *parent;
    bg_loop *loop;
    char *path;
    int listener;
    bg_fd_watch *watch;
    connection connections[CONNECTIONS_MAX];
};

/*  ---- words to orders ----  */

typedef bg_result reader (char **words, size_t count, swarm_order *order, bg_error *err);

static bg_result read_nothing (char **words, size_t count, swarm_order *order, bg_error *err)
{
    (void) order;
    return count == 1 ? bg_ok () : bg_fail (err, BG_USAGE, "%s takes nothing", words[0]);
}

static bool read_number (const char *word, double low, double high, double *number)
{
    char *end = NULL;
    *number = strtod (word, &end);
    return end != word && *end == 0 && *number >= low && *number <= high;
}

static bg_result read_wait (char **words, size_t count, swarm_order *order, bg_error *err)
{
    static const char *const whats[SWARM_WHAT_COUNT] = {
        "enlisted", "connected", "current", "quiet"};
    double seconds = WAIT_DEFAULT_S;
    int what = 0;
    while (count > 1 && what < SWARM_WHAT_COUNT && strcmp (whats[what], words[1]) != 0)
        what++;
    if (count < 2 || count > 3 || what == SWARM_WHAT_COUNT ||
        (count == 3 && !read_number (words[2], 0, 86400, &seconds)))
        return bg_fail (
            err, BG_USAGE, "wait enlisted|connected|current|quiet, then perhaps seconds");
    order->what = (swarm_what) what;
    order->timeout_us = (int64_t) (seconds * 1e6);
    return bg_ok ();
}

static bg_result read_exec (char **words, size_t count, swarm_order *order, bg_error *err)
{
    if (count != 2 || bg_failed (bg_id_parse (bg_slice_str (words[1]), &order->id, NULL)))
        return bg_fail (err, BG_USAGE, "exec takes the whole id of a start");
    return bg_ok ();
}

static bg_result read_held (char **words, size_t count, swarm_order *order, bg_error *err)
{
    double version = 0;
    const bool is_newest = count == 3 && strcmp (words[2], "newest") == 0;
    if (count != 3 || (!is_newest && !read_number (words[2], 1, 1e15, &version)) ||
        strlen (words[1]) >= sizeof order->name)
        return bg_fail (
            err, BG_USAGE, "held takes a job's name or a document's key, and a version or newest");
    order->count = (uint64_t) version;
    if (bg_failed (bg_id_parse (bg_slice_str (words[1]), &order->id, NULL)))
        (void) snprintf (order->name, sizeof order->name, "%s", words[1]);
    return bg_ok ();
}

static bg_result read_produce (char **words, size_t count, swarm_order *order, bg_error *err)
{
    double many = 0, per = 0, rate = 0;
    if (count < 3 || count > 4 || !read_number (words[1], 1, 1e9, &many) ||
        !read_number (words[2], 1, 64, &per) ||
        (count == 4 && !read_number (words[3], 1, 1e9, &rate)))
        return bg_fail (err, BG_USAGE,
            "produce takes a count for each target, how many go in one message (1 to 64), and "
            "perhaps a rate per second over all targets");
    order->count = (uint64_t) many;
    order->per = (uint64_t) per;
    order->rate = rate;
    return bg_ok ();
}

static bg_result read_percent (char **words, size_t count, swarm_order *order, bg_error *err)
{
    if (count != 2 || !read_number (words[1], 0, 100, &order->percent))
        return bg_fail (err, BG_USAGE, "%s takes a percentage", words[0]);
    return bg_ok ();
}

static const struct {
    const char *text;
    swarm_word word;
    reader *read;
} words_known[] = {
    {"status", SWARM_STATUS, read_nothing},
    {"wait", SWARM_WAIT, read_wait},
    {"exec", SWARM_EXEC, read_exec},
    {"held", SWARM_HELD, read_held},
    {"produce", SWARM_PRODUCE, read_produce},
    {"produced", SWARM_PRODUCED, read_nothing},
    {"cut", SWARM_CUT, read_percent},
    {"heal", SWARM_HEAL, read_nothing},
    {"restart", SWARM_RESTART, read_percent},
    {"reset", SWARM_RESET, read_nothing},
    {"stop", SWARM_STOP, read_nothing},
};

static bg_result read_line (char *line, swarm_order *order, bg_error *err)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    for (char *word = strsep (&line, " \t\r"); word; word = strsep (&line, " \t\r"))
        if (*word && count < WORDS_MAX)
            words[count++] = word;
    for (size_t i = 0; count && i < sizeof words_known / sizeof *words_known; i++) {
        if (strcmp (words[0], words_known[i].text) != 0)
            continue;
        *order = (swarm_order){.word = words_known[i].word};
        return words_known[i].read (words, count, order, err);
    }
    return bg_fail (err, BG_USAGE,
        "one of status, wait, exec, held, produce, produced, cut, heal, restart, reset, stop");
}

/*  ---- connections ----  */

static void close_connection (connection *self)
{
    swarm_parent_forget (self->control->parent, self);
    bg_fd_watch_destroy (&self->watch);
    if (self->fd >= 0)
        (void) close (self->fd);
    self->fd = -1;
    self->size = 0;
    self->is_waiting = false;
}

/*  Lines are short and who asks waits for them: a socket that takes none is given up.  */
static void say (connection *self, bg_slice json)
{
    BG_AUTO_BUF line = {0};
    bg_buf_append_slice (&line, json);
    bg_buf_append_byte (&line, '\n');
    if (write (self->fd, line.data, line.size) != (ssize_t) line.size)
        close_connection (self);
}

static void take_lines (connection *self);

static void answered (void *ctx, bg_slice json, bool ok)
{
    (void) ok;
    connection *self = ctx;
    self->is_waiting = false;
    say (self, json);
    if (self->fd >= 0)
        take_lines (self);
}

static void take_line (connection *self, char *line)
{
    swarm_order order;
    bg_error err = {0};
    if (bg_failed (read_line (line, &order, &err))) {
        BG_AUTO_BUF json = {0};
        bg_buf_printf (&json, "{\"ok\": false, \"error\": \"%s\"}", err.message);
        say (self, bg_buf_slice (&json));
        return;
    }
    self->is_waiting = true;
    if (order.word == SWARM_STOP) {
        self->is_waiting = false;
        say (self, bg_slice_str ("{\"ok\": true}"));
        swarm_parent_end (self->control->parent);
        return;
    }
    swarm_parent_ask (self->control->parent, &order, answered, self);
}

static void take_lines (connection *self)
{
    while (self->fd >= 0 && !self->is_waiting) {
        char *end = memchr (self->line, '\n', self->size);
        if (!end)
            return;
        char line[LINE_MAX_BYTES];
        const size_t size = (size_t) (end - self->line);
        memcpy (line, self->line, size);
        line[size] = 0;
        self->size -= size + 1;
        memmove (self->line, end + 1, self->size);
        take_line (self, line);
    }
}

static void on_readable (int fd, unsigned events, void *arg)
{
    (void) events;
    connection *self = arg;
    const ssize_t count = read (fd, self->line + self->size, sizeof self->line - self->size);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        close_connection (self);
        return;
    }
    self->size += (size_t) count;
    take_lines (self);
    if (self->size == sizeof self->line)
        close_connection (self); /*  no line is that long  */
}

static void on_connect (int fd, unsigned events, void *arg)
{
    (void) events;
    swarm_control *self = arg;
    bg_peer peer;
    int accepted = -1;
    if (bg_failed (bg_unix_accept_own (fd, &accepted, &peer, NULL)))
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection *free_one = &self->connections[i];
        if (free_one->fd >= 0)
            continue;
        free_one->fd = accepted;
        if (bg_failed (bg_fd_watch_create (
                self->loop, accepted, BG_FD_READ, on_readable, free_one, &free_one->watch, NULL)))
            close_connection (free_one);
        return;
    }
    (void) close (accepted);
}

bg_result swarm_control_create (
    swarm_parent *parent, bg_loop *loop, const char *path, swarm_control **control, bg_error *err)
{
    swarm_control *self = bg_alloc (sizeof *self);
    self->parent = parent;
    self->loop = loop;
    self->listener = -1;
    self->path = bg_strdup (path);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        self->connections[i] = (connection){.control = self, .fd = -1};
    *control = self;
    BG_TRY (bg_unix_listen (path, 0600, &self->listener, err));
    return bg_fd_watch_create (
        loop, self->listener, BG_FD_READ, on_connect, self, &self->watch, err);
}

void swarm_control_destroy (swarm_control **self_p)
{
    swarm_control *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        close_connection (&self->connections[i]);
    bg_fd_watch_destroy (&self->watch);
    if (self->listener >= 0)
        bg_unix_unlisten (&self->listener, self->path);
    free (self->path);
    free (self);
    *self_p = NULL;
}
