/*  Finding and killing what a dead supervisor left: see leftovers.h.

    A process is held by a pidfd before its environment is read, so the one that is killed is
    the one that was read, also when its number is given away in between.
*/
#include "node/exec/leftovers.h"

#include "common/sys/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define ENVIRONMENT_MAX ((size_t) 4 << 20)
#define PASSES_MAX      16 /*  what is killed may just have had a child  */

static bool carries (pid_t pid, bg_slice wanted)
{
    BG_AUTO_CHAR path = bg_strdup_printf ("/proc/%d/environ", (int) pid);
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC);
    BG_AUTO_BUF text = {0};
    if (fd < 0 || bg_failed (bg_fd_read (fd, path, ENVIRONMENT_MAX, &text, NULL)))
        return false;
    bg_buf_append_byte (&text, 0);
    for (size_t at = 0; at < text.size;) {
        bg_slice variable = bg_slice_str ((const char *) text.data + at);
        if (bg_slice_equal (variable, wanted))
            return true;
        at += variable.size + 1;
    }
    return false;
}

static size_t kill_all (bg_slice wanted)
{
    DIR *stream = opendir ("/proc");
    size_t count = 0;
    if (!stream)
        return 0;
    for (struct dirent *entry = readdir (stream); entry; entry = readdir (stream)) {
        pid_t pid = entry->d_name[0] >= '1' && entry->d_name[0] <= '9'
                        ? (pid_t) strtol (entry->d_name, NULL, 10)
                        : 0;
        if (pid <= 1 || pid == getpid ())
            continue;
        BG_AUTO_FD process = pidfd_open (pid, 0);
        if (process >= 0 && carries (pid, wanted) &&
            pidfd_send_signal (process, SIGKILL, NULL, 0) == 0)
            count++;
    }
    closedir (stream);
    return count;
}

size_t exec_kill_leftovers (bg_id run, const step_cgroups *cgroups)
{
    step_cgroups_kill_run (cgroups, run);
    BG_AUTO_CHAR text = bg_strdup_printf ("BUGLE_RUNID=%s", bg_id_text (run).text);
    bg_slice wanted = bg_slice_str (text);
    size_t most = 0;
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        size_t found = kill_all (wanted);
        if (found == 0)
            break;
        most = found > most ? found : most;
    }
    return most;
}
