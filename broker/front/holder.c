/*  From a port to the socket that listens on it (/proc/net/tcp), from the socket to a process
    (/proc/PID/fd).  */
#include "broker/front/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a /*  net/tcp_states.h  */

typedef struct {
    unsigned long inode;
    unsigned uid;
} listener;

static bool find_listener (const char *path, unsigned port, listener *found)
{
    FILE *file = fopen (path, "re");
    if (!file)
        return false;
    char line[512];
    bool is_found = false;
    while (!is_found && fgets (line, sizeof line, file)) {
        unsigned local = 0, state = 0, uid = 0;
        unsigned long inode = 0;
        int fields = sscanf (line,
            " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*d %lu", &local,
            &state, &uid, &inode);
        if (fields == 4 && local == port && state == STATE_LISTEN) {
            *found = (listener){inode, uid};
            is_found = true;
        }
    }
    fclose (file);
    return is_found;
}

static bool holds (const char *pid, unsigned long inode)
{
    char path[512], wanted[64], link[64];
    snprintf (path, sizeof path, "/proc/%s/fd", pid);
    snprintf (wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *dir = opendir (path);
    if (!dir)
        return false;
    bool is_held = false;
    for (struct dirent *item; !is_held && (item = readdir (dir));) {
        ssize_t size = readlinkat (dirfd (dir), item->d_name, link, sizeof link - 1);
        is_held = size > 0 && (size_t) size == strlen (wanted) &&
                  memcmp (link, wanted, (size_t) size) == 0;
    }
    closedir (dir);
    return is_held;
}

static bool name_process (const char *pid, broker_holder *out)
{
    char path[300], name[64] = "";
    snprintf (path, sizeof path, "/proc/%s/comm", pid);
    FILE *file = fopen (path, "re");
    if (!file)
        return false;
    bool is_read = fgets (name, sizeof name, file) != NULL;
    fclose (file);
    name[strcspn (name, "\n")] = 0;
    for (char *at = name; *at; at++)
        if (!isprint ((unsigned char) *at))
            *at = '?';
    if (is_read)
        snprintf (out->text, sizeof out->text, "%s (pid %.20s)", name, pid);
    return is_read;
}

broker_holder broker_port_holder (unsigned port)
{
    broker_holder holder = {""};
    listener found;
    if (!find_listener ("/proc/net/tcp", port, &found) &&
        !find_listener ("/proc/net/tcp6", port, &found))
        return holder;
    DIR *dir = opendir ("/proc");
    if (!dir)
        return holder;
    bool is_named = false;
    for (struct dirent *item; !is_named && (item = readdir (dir));)
        is_named = isdigit ((unsigned char) item->d_name[0]) && holds (item->d_name, found.inode) &&
                   name_process (item->d_name, &holder);
    closedir (dir);
    if (!is_named)
        snprintf (holder.text, sizeof holder.text, "a program of the user with id %u", found.uid);
    return holder;
}

unsigned broker_endpoint_port (const char *endpoint)
{
    const char *colon = strrchr (endpoint, ':');
    if (strncmp (endpoint, "tcp://", 6) != 0 || !colon || !isdigit ((unsigned char) colon[1]))
        return 0;
    return (unsigned) strtoul (colon + 1, NULL, 10);
}
