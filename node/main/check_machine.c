/*  What bugle-node check looks at on the machine: see check.h. Asks the system as bugle-exec does (node/exec/machine.h)
    where the answer has to be the same.  */
#include "node/main/check.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/process.h"
#include "common/sys/unixsock.h"
#include "node/shell/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define AREA         "machine"
#define PART_MS      5000
#define MIB          (1024 * 1024)
#define SPACE_LEAST  (32 * MIB)
#define SPACE_FINE   (256 * MIB)
#define FILES_FINE   1000
#define SYNC_FINE_US BG_SEC (1)
#define CLOCK_LEAST_US                                                                             \
    INT64_C (1700000000000000) /*  November 2023: before this program was made  */
#define KNOWN_ZONE "Europe/Berlin"

/*  ---- versions ----  */

/*  What a program of ours prints with --version, without the newline; empty when it cannot be run.  */
static void version_of (const char *program, char *text, size_t size)
{
    int ends[2];
    text[0] = 0;
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return;
    const char *const arguments[] = {program, "--version", NULL};
    const bg_spawn_fd fds[] = {{ends[1], 1}};
    const bg_spawn spawn = {.path = program, .argv = arguments, .fds = fds, .fd_count = 1};
    bg_process process;
    bg_result result = bg_process_spawn (&spawn, &process, NULL);
    close (ends[1]);
    if (bg_is_ok (result)) {
        bg_exit ended;
        ssize_t got = read (ends[0], text, size - 1);
        text[got > 0 ? got : 0] = 0;
        text[strcspn (text, "\n")] = 0;
        if (bg_failed (bg_process_wait (&process, PART_MS, &ended, NULL)))
            bg_process_forget (&process);
    }
    close (ends[0]);
}

void node_check_versions (node_check *self)
{
    char exec[128];
    version_of ("bugle-exec", exec, sizeof exec);
    if (!exec[0])
        node_check_say (self, CHECK_PROBLEM, AREA, "versions",
            "install the package bugle-node whole; bugle-exec belongs beside bugle-node",
            "bugle-exec is not found or does not run");
    else if (strcmp (exec, "bugle-exec " BUGLE_VERSION) != 0)
        node_check_say (self, CHECK_PROBLEM, AREA, "versions",
            "install both from one package: bugle-node and bugle-exec go together",
            "bugle-node is " BUGLE_VERSION ", the other part is %s", exec);
    else
        node_check_say (self, CHECK_OK, AREA, "versions", "",
            "bugle-node and bugle-exec " BUGLE_VERSION ", protocol level %d", WIRE_LEVEL);
}

/*  ---- accounts ----  */

static const char *account_name (void)
{
    const struct passwd *entry = getpwuid (geteuid ());
    return entry ? entry->pw_name : "without a name";
}

#define INSTALL                                                                                    \
    "install the package bugle-node, which makes them; or look at a directory of your own with "   \
    "--home DIR"

static void check_system_accounts (node_check *self)
{
    static const char *const accounts[] = {"bugle-node", EXEC_SYSTEM_ACCOUNT};
    BG_AUTO_BUF missing = {0};
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++)
        if (!getpwnam (accounts[i]))
            bg_buf_printf (&missing, "%s%s", missing.size ? ", " : "", accounts[i]);
    if (!getgrnam ("bugle-target"))
        bg_buf_printf (&missing, "%sgroup bugle-target", missing.size ? ", " : "");
    if (missing.size)
        node_check_say (self, CHECK_PROBLEM, AREA, "account", INSTALL,
            "accounts of the system installation are missing: %s", bg_buf_cstr (&missing));
    else
        node_check_say (self, CHECK_OK, AREA, "account", "",
            "the node runs as bugle-node, bugle-exec as root, steps as " EXEC_SYSTEM_ACCOUNT);
    if (geteuid () != 0)
        node_check_say (self, CHECK_WARNING, AREA, "account", "type: sudo bugle-node check",
            "you are %s: what belongs to root or to the services is not looked at",
            account_name ());
}

void node_check_accounts (node_check *self)
{
    if (self->home.is_system)
        check_system_accounts (self);
    else if (geteuid () == 0)
        node_check_say (self, CHECK_WARNING, AREA, "account",
            "run it as an ordinary user, or use the system installation (without --home)",
            "node, bugle-exec and all steps run as root");
    else
        node_check_say (self, CHECK_OK, AREA, "account", "",
            "node, bugle-exec and steps run as %s (uid %u), not as root", account_name (),
            (unsigned) geteuid ());
}

/*  ---- directories ----  */

/*  The nearest directory above path that is there; free() releases it.  */
static char *nearest (const char *path)
{
    char *at = bg_strdup (path);
    while (!bg_path_exists (at) && strcmp (at, "/") != 0 && strcmp (at, ".") != 0) {
        char *up = bg_path_dir (at);
        free (at);
        at = up;
    }
    return at;
}

static void check_home (node_check *self)
{
    bg_error err = {0};
    if (self->has_home) {
        if (bg_failed (bg_private_check (self->home.state, &err)))
            node_check_failed (self, CHECK_PROBLEM, AREA, "home", &err);
        else
            node_check_say (self, CHECK_OK, AREA, "home", "", "%s is private", self->home.state);
        return;
    }
    BG_AUTO_CHAR above = nearest (self->home.state);
    if (access (above, W_OK | X_OK) == 0)
        node_check_say (self, CHECK_OK, AREA, "home", "", "%s is not there yet; enlist makes it",
            self->home.state);
    else
        node_check_say (self, CHECK_PROBLEM, AREA, "home",
            "choose another directory, or become the user whom it belongs to",
            "%s is not there and cannot be made in %s", self->home.state, above);
}

void node_check_directories (node_check *self)
{
    static const bg_home_part parts[] = {BG_HOME_CONF, BG_HOME_NODE, BG_HOME_EXEC, BG_HOME_RUN};
    if (!self->home.is_system) {
        check_home (self);
        return;
    }
    BG_AUTO_BUF missing = {0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        BG_AUTO_CHAR path = bg_home_path (&self->home, parts[i], NULL);
        if (!bg_path_exists (path))
            bg_buf_printf (&missing, "%s%s", missing.size ? ", " : "", path);
    }
    if (missing.size)
        node_check_say (self, CHECK_PROBLEM, AREA, "home", INSTALL,
            "directories of the system installation are missing: %s", bg_buf_cstr (&missing));
    else
        node_check_say (self, CHECK_OK, AREA, "home", "", "%s, %s and %s are there",
            self->home.state, self->home.conf, self->home.run);
}

/*  ---- policy ----  */

static void check_policy_account (
    node_check *self, const exec_machine *machine, const exec_policy *policy)
{
    exec_account account;
    bg_error err = {0};
    if (bg_failed (exec_machine_account (machine, policy->account, &account, &err)))
        node_check_failed (self, CHECK_PROBLEM, AREA, "policy", &err);
    else if (account.uid == 0 && !policy->root)
        node_check_say (self, CHECK_PROBLEM, AREA, "policy",
            "name another account there, or write root = yes",
            "%s lets steps run as %s, which is root, and does not allow root", machine->policy_path,
            policy->account);
    else
        node_check_say (self, CHECK_OK, AREA, "policy", "", "%s: steps run as %s",
            machine->policy_path, policy->account);
}

void node_check_policy (node_check *self)
{
    exec_machine machine;
    exec_policy policy;
    bool has_policy = false;
    char problem[EXEC_PROBLEM_BYTES] = "";
    exec_machine_init (&machine, &self->home);
    bool is_there = bg_path_exists (machine.policy_path);
    bool is_readable = access (self->home.conf, X_OK) == 0 || !bg_path_exists (self->home.conf);
    if (is_there)
        (void) exec_machine_policy (&machine, &policy, &has_policy, problem);
    if (!is_there && is_readable)
        node_check_say (self, CHECK_OK, AREA, "policy", "",
            "%s is not there yet; enlist writes the default one", machine.policy_path);
    else if (!is_there)
        node_check_say (self, CHECK_WARNING, AREA, "policy", "look as root",
            "%s cannot be looked at", machine.policy_path);
    else if (!has_policy)
        node_check_say (self, CHECK_PROBLEM, AREA, "policy",
            "mend the file: bugle-exec starts nothing without one", "%s", problem);
    else
        check_policy_account (self, &machine, &policy);
    exec_machine_fini (&machine);
}

/*  ---- clock and zone ----  */

void node_check_clock (node_check *self)
{
    struct timex state = {0};
    int64_t now_us = bg_clock_utc_us ();
    if (now_us < CLOCK_LEAST_US)
        node_check_say (self, CHECK_PROBLEM, AREA, "clock",
            "set it and install a time service: apt install systemd-timesyncd",
            "the clock is wrong: it says %s", bg_clock_text (now_us).text);
    else if (adjtimex (&state) < 0)
        node_check_say (self, CHECK_WARNING, AREA, "clock", "",
            "the kernel does not say whether the clock is synchronised");
    else if (state.status & STA_UNSYNC)
        node_check_say (self, CHECK_WARNING, AREA, "clock",
            "install a time service (apt install systemd-timesyncd, or chrony), or see what it "
            "says: timedatectl",
            "the clock is not synchronised; schedules go by it");
    else
        node_check_say (
            self, CHECK_OK, AREA, "clock", "", "synchronised, %s", bg_clock_text (now_us).text);
}

void node_check_zone (node_check *self)
{
    const char *configured = self->has_config ? self->config.zone : NULL;
    node_zones *zones = node_zones_create (configured, NULL);
    const job_zone *own = node_zones_get (zones, bg_slice_str (""));
    if (!own)
        node_check_say (self, CHECK_PROBLEM, AREA, "zone",
            configured ? "correct zone in node.yaml, or install the zones: apt install tzdata"
                       : "install the zones and choose one: apt install tzdata; timedatectl "
                         "set-timezone ZONE",
            "the time zone %s cannot be read", node_zones_local_name (zones));
    else
        node_check_say (self, CHECK_OK, AREA, "zone", "", "%s%s", node_zones_local_name (zones),
            configured ? " (node.yaml)" : "");
    if (own && !node_zones_get (zones, bg_slice_str (KNOWN_ZONE)))
        node_check_say (self, CHECK_WARNING, AREA, "zone", "apt install tzdata",
            "zones of other places are not installed: jobs that name one will wait");
    node_zones_destroy (&zones);
}

/*  ---- disk ----  */

/*  Writes and syncs a small file; *took_us how long the sync was.  */
static bg_result try_writing (const char *dir, int64_t *took_us, bg_error *err)
{
    static const char bytes[4096];
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/.check-XXXXXX", dir);
    BG_AUTO_FD fd = mkostemp (path, O_CLOEXEC);
    if (fd < 0)
        return bg_fail_errno (err, BG_IO, "cannot write in %s", dir);
    bg_result result = bg_fd_write (fd, path, bg_slice_of (bytes, sizeof bytes), err);
    int64_t start_us = bg_clock_mono_us ();
    if (bg_is_ok (result) && fsync (fd) != 0)
        result = bg_fail_errno (err, BG_IO, "cannot sync a file in %s", dir);
    *took_us = bg_clock_mono_us () - start_us;
    (void) unlink (path);
    return result;
}

static void check_space (node_check *self, const char *dir)
{
    struct statvfs disk;
    if (statvfs (dir, &disk) != 0)
        return;
    uint64_t bytes = (uint64_t) disk.f_bavail * disk.f_frsize;
    check_state state = bytes < SPACE_LEAST  ? CHECK_PROBLEM
                        : bytes < SPACE_FINE ? CHECK_WARNING
                                             : CHECK_OK;
    node_check_say (self, state, AREA, "disk",
        state == CHECK_OK ? "" : "make room: outcomes and output of steps are kept there",
        "%llu MiB are free for %s", (unsigned long long) (bytes / MIB), self->home.state);
    /*  Some file systems have no fixed number of files and say 0 of 0.  */
    if (disk.f_files > 0 && disk.f_favail < FILES_FINE)
        node_check_say (self, disk.f_favail ? CHECK_WARNING : CHECK_PROBLEM, AREA, "disk",
            "remove files: the file system has no inodes left for new ones",
            "%llu more files can be made in %s", (unsigned long long) disk.f_favail, dir);
}

void node_check_disk (node_check *self)
{
    bg_error err = {0};
    int64_t took_us = 0;
    BG_AUTO_CHAR wanted = self->home.is_system ? bg_home_path (&self->home, BG_HOME_NODE, NULL)
                                               : bg_strdup (self->home.state);
    BG_AUTO_CHAR dir = nearest (wanted);
    check_space (self, dir);
    if (self->home.is_system && geteuid () != 0)
        return;
    bg_result result = try_writing (dir, &took_us, &err);
    if (bg_failed (result)) {
        if (!err.hint[0])
            bg_ignore (bg_hint (&err, "is the file system read-only or full, or does the directory "
                                      "belong to somebody else?"));
        node_check_failed (self, CHECK_PROBLEM, AREA, "disk", &err);
    } else if (took_us > SYNC_FINE_US)
        node_check_say (self, CHECK_WARNING, AREA, "disk",
            "see whether the disk is failing or very busy", "syncing a small file took %.1f s",
            (double) took_us / 1e6);
    else
        node_check_say (self, CHECK_OK, AREA, "disk", "", "writing and syncing work in %s", dir);
}

/*  ---- parts ----  */

static bool answers (const node_check *self, bg_home_part part, const char *name)
{
    BG_AUTO_CHAR path = bg_home_path (&self->home, part, name);
    BG_AUTO_FD fd = -1;
    return bg_is_ok (bg_unix_connect (path, &fd, NULL));
}

void node_check_parts (node_check *self)
{
    bool has_exec = answers (self, BG_HOME_RUN_EXEC, "exec.sock");
    bool has_node = answers (self, BG_HOME_RUN_NODE, "node.sock");
    if (self->home.is_system && geteuid () != 0)
        return;
    if (has_exec && has_node)
        node_check_say (self, CHECK_OK, AREA, "parts", "", "node and bugle-exec run");
    else if (!self->home.is_system && !has_exec && !has_node)
        node_check_say (self, CHECK_OK, AREA, "parts", "",
            "node and bugle-exec do not run; enlist starts them for as long as it needs them");
    else
        node_check_say (self, self->home.is_system ? CHECK_PROBLEM : CHECK_WARNING, AREA, "parts",
            self->home.is_system ? "type: systemctl start bugle-exec bugle-node; then journalctl "
                                   "-u bugle-node -u bugle-exec"
                                 : "end it and start both: bugle-node --home DIR",
            "%s",
            has_node   ? "bugle-exec does not run"
            : has_exec ? "the node does not run"
                       : "node and bugle-exec do not run");
}
