/*  For tests: a zone of the system, read as the shell would.  */
#ifndef BUGLE_TEST_ZONE_FILE_H
#define BUGLE_TEST_ZONE_FILE_H

#include "common/job/zone.h"

#include <stdio.h>

/*  The bytes of a file into an empty buffer; false when it cannot be read.  */
static inline bool zone_file_read (const char *path, bg_buf *bytes)
{
    FILE *file = fopen (path, "rb");
    if (!file)
        return false;
    for (size_t got = 1; got > 0;) {
        got = fread (bg_buf_reserve (bytes, 4096), 1, 4096, file);
        bytes->size += got;
    }
    bool is_read = !ferror (file);
    fclose (file);
    return is_read;
}

/*  NULL with a line on stderr when there is no such zone or it is refused.  */
static inline job_zone *zone_file_load (const char *name)
{
    BG_AUTO_BUF bytes = {0};
    char path[256];
    (void) snprintf (path, sizeof path, "/usr/share/zoneinfo/%s", name);
    if (!zone_file_read (path, &bytes)) {
        fprintf (stderr, "no file %s\n", path);
        return NULL;
    }
    bg_error err = {0};
    job_zone *zone = job_zone_load (name, bg_buf_slice (&bytes), &err);
    if (!zone)
        fprintf (stderr, "%s\n", err.message);
    return zone;
}

#endif
