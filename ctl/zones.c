/*  Zone files: from a name to the bytes. What they mean is common/job's.  */
#include "ctl/zones.h"

#include "common/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ZONE_BYTES_MAX (128 * 1024)
#define ZONES_DIR      "/usr/share/zoneinfo"

static const char *zones_dir (void)
{
    const char *dir = getenv ("TZDIR");
    return dir && dir[0] == '/' ? dir : ZONES_DIR;
}

bool ctl_zones_are_here (void)
{
    struct stat st;
    return stat (zones_dir (), &st) == 0 && S_ISDIR (st.st_mode);
}

/*  NULL without a zone of that name; a fixed UTC needs no file.  */
static job_zone *load (const char *name, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    if (!job_zone_name_valid (bg_slice_str (name))) {
        bg_ignore (bg_fail (err, BG_INVALID, "'%.64s' is no name of a zone", name));
        return NULL;
    }
    BG_AUTO_CHAR path = bg_path_join (zones_dir (), name);
    if (bg_is_ok (bg_file_read (path, ZONE_BYTES_MAX, &bytes, err)))
        return job_zone_load (name, bg_buf_slice (&bytes), err);
    return strcmp (name, "UTC") == 0 ? job_zone_fixed_utc () : NULL;
}

bool ctl_zone_exists (void *ctx, const char *name)
{
    (void) ctx;
    job_zone *zone = load (name, NULL);
    bool exists = zone != NULL;
    job_zone_destroy (&zone);
    return exists;
}

const job_zone *ctl_zone_lookup (void *ctx, bg_slice name, bg_error *err)
{
    ctl_zones *self = ctx;
    for (size_t i = 0; i < self->count; i++) {
        if (bg_slice_is (name, job_zone_name (self->items[i])))
            return self->items[i];
    }
    BG_AUTO_CHAR text = bg_slice_dup (name.size > 0 ? name : bg_slice_str ("UTC"));
    job_zone *zone = load (text, err);
    if (!zone)
        return NULL;
    self->items = bg_realloc (self->items, (self->count + 1) * sizeof *self->items);
    self->items[self->count++] = zone;
    return zone;
}

void ctl_zones_fini (ctl_zones *self)
{
    for (size_t i = 0; i < self->count; i++)
        job_zone_destroy (&self->items[i]);
    free (self->items);
    *self = (ctl_zones){0};
}
