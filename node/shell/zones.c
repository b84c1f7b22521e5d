/*  Zones from the system's files: see zones.h. A zone that cannot be read is remembered as missing until the files
    change, so that a broken file costs one read and one log line.  */
#include "node/shell/zones.h"

#include "common/sys/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_FILE_MAX (128 * 1024) /*  as job_zone_load  */
#define LOCALTIME     "/etc/localtime"

typedef struct loaded_zone loaded_zone;
struct loaded_zone {
    loaded_zone *next;
    char *name; /*  as asked for, "" for the machine's  */
    char *path;
    job_zone *zone; /*  NULL: cannot be read  */
    struct timespec changed;
    ino_t inode;
};

struct node_zones {
    loaded_zone *zones;
    loaded_zone *old; /*  replaced, and perhaps still held by somebody  */
    node_zones_looked_fn *looked;
    void *looked_arg;
    char *local; /*  configured, or NULL  */
    char local_name[PATH_MAX];
    bg_log *log;
};

static const char *zone_directory (void)
{
    const char *directory = getenv ("TZDIR");
    return directory && directory[0] == '/' ? directory : "/usr/share/zoneinfo";
}

/*  The IANA name behind /etc/localtime when it is a link into a zoneinfo directory, else "UTC".  */
static void find_local_name (node_zones *self)
{
    (void) strcpy (self->local_name, "UTC");
    if (self->local) {
        (void) snprintf (self->local_name, sizeof self->local_name, "%s", self->local);
        return;
    }
    char target[PATH_MAX];
    ssize_t size = readlink (LOCALTIME, target, sizeof target - 1);
    if (size <= 0)
        return;
    target[size] = 0;
    const char *found = strstr (target, "zoneinfo/");
    if (found && job_zone_name_valid (bg_slice_str (found + 9)))
        (void) snprintf (self->local_name, sizeof self->local_name, "%s", found + 9);
}

node_zones *node_zones_create (const char *local, bg_log *log)
{
    node_zones *self = bg_alloc (sizeof *self);
    self->local = local ? bg_strdup (local) : NULL;
    self->log = log;
    find_local_name (self);
    return self;
}

void node_zones_tell (node_zones *self, node_zones_looked_fn *fn, void *arg)
{
    self->looked = fn;
    self->looked_arg = arg;
}

void node_zones_renew (node_zones *self)
{
    loaded_zone **end = &self->old;
    while (*end)
        end = &(*end)->next;
    *end = self->zones;
    self->zones = NULL;
    find_local_name (self);
}

void node_zones_forget_old (node_zones *self)
{
    while (self->old) {
        loaded_zone *next = self->old->next;
        job_zone_destroy (&self->old->zone);
        free (self->old->name);
        free (self->old->path);
        free (self->old);
        self->old = next;
    }
}

void node_zones_destroy (node_zones **self_p)
{
    if (!self_p || !*self_p)
        return;
    node_zones_renew (*self_p);
    node_zones_forget_old (*self_p);
    free ((*self_p)->local);
    free (*self_p);
    *self_p = NULL;
}

const char *node_zones_local_name (const node_zones *self)
{
    return self->local_name;
}

static void remember_file (loaded_zone *entry)
{
    struct stat info;
    if (stat (entry->path, &info) == 0) {
        entry->changed = info.st_mtim;
        entry->inode = info.st_ino;
    }
}

static bool file_differs (const loaded_zone *entry)
{
    struct stat info;
    if (stat (entry->path, &info) != 0)
        return entry->inode != 0;
    return info.st_ino != entry->inode || info.st_mtim.tv_sec != entry->changed.tv_sec ||
           info.st_mtim.tv_nsec != entry->changed.tv_nsec;
}

bool node_zones_changed (node_zones *self)
{
    for (loaded_zone *entry = self->zones; entry; entry = entry->next) {
        if (file_differs (entry))
            return true;
    }
    return false;
}

static void load_zone (node_zones *self, loaded_zone *entry)
{
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    if (self->looked)
        self->looked (self->looked_arg, entry->path); /*  before it is read: no change is missed  */
    remember_file (entry);
    bg_result read = bg_file_read (entry->path, ZONE_FILE_MAX, &bytes, &err);
    if (bg_is_ok (read))
        entry->zone = job_zone_load (
            entry->name[0] ? entry->name : self->local_name, bg_buf_slice (&bytes), &err);
    if (entry->zone)
        return;
    /*  A machine without /etc/localtime runs on UTC; that is no mistake.  */
    if (!entry->name[0] && !self->local && read.code == BG_NOT_FOUND)
        entry->zone = job_zone_fixed_utc ();
    else
        bg_log_failure (self->log, BG_LOG_ERROR, "zone-unusable", &err, "zone=%s",
            bg_log_cstr (entry->name[0] ? entry->name : self->local_name).text);
}

const job_zone *node_zones_get (node_zones *self, bg_slice name)
{
    for (loaded_zone *entry = self->zones; entry; entry = entry->next) {
        if (bg_slice_is (name, entry->name))
            return entry->zone;
    }
    if (name.size && !job_zone_name_valid (name))
        return NULL;
    loaded_zone *entry = bg_alloc (sizeof *entry);
    entry->name = bg_slice_dup (name);
    if (name.size)
        entry->path = bg_path_join (zone_directory (), entry->name);
    else
        entry->path =
            self->local ? bg_path_join (zone_directory (), self->local) : bg_strdup (LOCALTIME);
    entry->next = self->zones;
    self->zones = entry;
    load_zone (self, entry);
    return entry->zone;
}
