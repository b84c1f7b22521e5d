/*  Control groups of steps: see supervisor_cgroup.h. Everything here is files; what cannot be read or
    written is taken as not given to us.  */
#include "node/exec/supervisor_cgroup.h"

#include "common/sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OWN_GROUP "/exec"
#define PREFIX    "run-"
#define TEXT_MAX  ((size_t) 65536)

#define KILLED_TRIES   50
#define KILLED_WAIT_US 1000

/*  ---- files ----  */

static bool read_text (const char *dir, const char *name, bg_buf *out)
{
    BG_AUTO_CHAR path = bg_path_join (dir, name);
    return bg_is_ok (bg_file_read (path, TEXT_MAX, out, NULL));
}

static bool write_text (const char *dir, const char *name, const char *text)
{
    BG_AUTO_CHAR path = bg_path_join (dir, name);
    BG_AUTO_FD fd = open (path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text);
}

static bool has_word (bg_slice text, const char *word)
{
    for (size_t at = 0; at < text.size;) {
        size_t end = at;
        while (end < text.size && text.data[end] > ' ')
            end++;
        if (bg_slice_is (bg_slice_of (text.data + at, end - at), word))
            return true;
        at = end + 1;
    }
    return false;
}

/*  The number behind a word, as in "usage_usec 42\n"; an empty word: the first one.  */
static uint64_t number_behind (bg_slice text, const char *word)
{
    BG_AUTO_CHAR copy = bg_slice_dup (text);
    size_t size = strlen (word);
    for (const char *line = copy; line; line = strchr (line, '\n')) {
        line += *line == '\n';
        if (strncmp (line, word, size) == 0)
            return strtoull (line + size, NULL, 10);
    }
    return 0;
}

/*  ---- what we have been given ----  */

char *step_cgroups_dir (bg_slice self_cgroup, const char *mount)
{
    BG_AUTO_CHAR text = bg_slice_dup (self_cgroup);
    char *path = strncmp (text, "0::/", 4) == 0 ? text + 3 : strstr (text, "\n0::/");
    if (!path)
        return NULL;
    path += *path == '\n' ? 4 : 0;
    path[strcspn (path, "\n")] = 0;
    size_t size = strlen (path);
    const size_t own = sizeof OWN_GROUP - 1;
    if (size < own || strcmp (path + size - own, OWN_GROUP) != 0 || strstr (path, "/.."))
        return NULL;
    path[size - own] = 0;
    return bg_strdup_printf ("%s%s", mount, path);
}

static const char *find_mount (void)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct statfs info;
        if (statfs (places[i], &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC)
            return places[i];
    }
    return NULL;
}

void step_cgroups_find (step_cgroups *self)
{
    *self = (step_cgroups){0};
    const char *mount = find_mount ();
    BG_AUTO_BUF own = {0};
    if (!mount || !read_text ("/proc/self", "cgroup", &own))
        return;
    char *dir = step_cgroups_dir (bg_buf_slice (&own), mount);
    BG_AUTO_BUF active = {0};
    if (!dir || access (dir, W_OK) < 0) {
        free (dir);
        return;
    }
    /*  One by one: a controller that is not to be had does not keep the others away.  */
    (void) write_text (dir, "cgroup.subtree_control", "+memory");
    (void) write_text (dir, "cgroup.subtree_control", "+pids");
    (void) write_text (dir, "cgroup.subtree_control", "+cpu");
    self->dir = dir;
    if (!read_text (dir, "cgroup.subtree_control", &active))
        return;
    self->controllers = (step_controllers){.memory = has_word (bg_buf_slice (&active), "memory"),
        .pids = has_word (bg_buf_slice (&active), "pids"),
        .cpu = has_word (bg_buf_slice (&active), "cpu")};
}

void step_cgroups_fini (step_cgroups *self)
{
    free (self->dir);
    *self = (step_cgroups){0};
}

void step_cgroups_sweep (const step_cgroups *self)
{
    DIR *stream = self->dir ? opendir (self->dir) : NULL;
    if (!stream)
        return;
    for (struct dirent *entry = readdir (stream); entry; entry = readdir (stream)) {
        if (strncmp (entry->d_name, PREFIX, sizeof PREFIX - 1) == 0)
            (void) unlinkat (dirfd (stream), entry->d_name, AT_REMOVEDIR); /*  busy: it stays  */
    }
    closedir (stream);
}

static char *dir_of (const step_cgroups *groups, bg_id run)
{
    return bg_strdup_printf ("%s/" PREFIX "%s", groups->dir, bg_id_text (run).text);
}

void step_cgroups_kill_run (const step_cgroups *self, bg_id run)
{
    if (!self->dir)
        return;
    step_cgroup group = {dir_of (self, run)};
    step_cgroup_kill (&group);
    /*  What was killed goes within milliseconds; a group that stays busy is for the sweep.  */
    for (int tries = 0; tries < KILLED_TRIES && rmdir (group.dir) < 0 && errno == EBUSY; tries++)
        (void) usleep (KILLED_WAIT_US);
    step_cgroup_remove (&group);
}

/*  ---- the group of a step ----  */

static bool set_limits (const char *dir, const step_limits *limits)
{
    char text[64];
    if (limits->group_memory_bytes) {
        snprintf (text, sizeof text, "%llu", (unsigned long long) limits->group_memory_bytes);
        if (!write_text (dir, "memory.max", text))
            return false;
        (void) write_text (dir, "memory.swap.max", "0"); /*  else the limit is only one of speed  */
        (void) write_text (dir, "memory.oom.group", "1");
    }
    if (limits->group_processes) {
        snprintf (text, sizeof text, "%llu", (unsigned long long) limits->group_processes);
        if (!write_text (dir, "pids.max", text))
            return false;
    }
    if (limits->group_cpu_percent) {
        snprintf (text, sizeof text, "%llu 100000",
            (unsigned long long) limits->group_cpu_percent * 1000);
        return write_text (dir, "cpu.max", text);
    }
    return true;
}

bool step_cgroup_make (
    const step_cgroups *groups, bg_id run, const step_limits *limits, step_cgroup *self)
{
    *self = (step_cgroup){0};
    if (!groups->dir)
        return false;
    self->dir = dir_of (groups, run);
    if ((mkdir (self->dir, 0755) < 0 && errno != EEXIST) || !set_limits (self->dir, limits)) {
        step_cgroup_remove (self);
        return false;
    }
    return true;
}

int step_cgroup_door (const step_cgroup *self)
{
    if (!self->dir)
        return -1;
    BG_AUTO_CHAR path = bg_path_join (self->dir, "cgroup.procs");
    return open (path, O_WRONLY | O_CLOEXEC);
}

void step_cgroup_kill (const step_cgroup *self)
{
    if (self->dir)
        (void) write_text (self->dir, "cgroup.kill", "1");
}

void step_cgroup_usage (const step_cgroup *self, uint64_t *cpu_us, uint64_t *memory_bytes)
{
    BG_AUTO_BUF cpu = {0};
    BG_AUTO_BUF memory = {0};
    *cpu_us = 0;
    *memory_bytes = 0;
    if (!self->dir)
        return;
    if (read_text (self->dir, "cpu.stat", &cpu))
        *cpu_us = number_behind (bg_buf_slice (&cpu), "usage_usec ");
    if (read_text (self->dir, "memory.peak", &memory))
        *memory_bytes = number_behind (bg_buf_slice (&memory), "");
}

bool step_cgroup_ran_out (const step_cgroup *self)
{
    BG_AUTO_BUF events = {0};
    return self->dir && read_text (self->dir, "memory.events", &events) &&
           number_behind (bg_buf_slice (&events), "oom_kill ") > 0;
}

void step_cgroup_remove (step_cgroup *self)
{
    if (self->dir)
        (void) rmdir (self->dir);
    free (self->dir);
    self->dir = NULL;
}
