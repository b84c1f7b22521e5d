/*  Answers questions about zones, for zone_oracle.py to compare with its own library.

    Reads lines, writes one line each:
        zone NAME PATH   ->  ok | refused SENTENCE
        offset UTC       ->  seconds east
        local LOCAL      ->  unique UTC | gap INSTANT SHIFTED | fold FIRST SECOND
*/
#include "zone_file.h"

#include <inttypes.h>

static void answer_zone (const char *name, const char *path, job_zone **zone)
{
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    job_zone_destroy (zone);
    if (!zone_file_read (path, &bytes)) {
        printf ("refused cannot read %s\n", path);
        return;
    }
    *zone = job_zone_load (name, bg_buf_slice (&bytes), &err);
    if (*zone)
        printf ("ok\n");
    else
        printf ("refused %s\n", err.message);
}

static void answer_local (const job_zone *zone, int64_t local)
{
    int64_t first = 0;
    int64_t second = 0;
    switch (job_zone_to_utc (zone, local, &first, &second)) {
    case JOB_LOCAL_UNIQUE:
        printf ("unique %" PRId64 "\n", first);
        break;
    case JOB_LOCAL_GAP:
        printf ("gap %" PRId64 " %" PRId64 "\n", first, second);
        break;
    case JOB_LOCAL_FOLD:
        printf ("fold %" PRId64 " %" PRId64 "\n", first, second);
        break;
    }
}

int main (void)
{
    char line[1024];
    char name[128];
    char path[512];
    int64_t seconds = 0;
    job_zone *zone = NULL;
    while (fgets (line, sizeof line, stdin)) {
        if (sscanf (line, "zone %127s %511s", name, path) == 2)
            answer_zone (name, path, &zone);
        else if (zone && sscanf (line, "offset %" SCNd64, &seconds) == 1)
            printf ("%d\n", job_zone_offset (zone, seconds));
        else if (zone && sscanf (line, "local %" SCNd64, &seconds) == 1)
            answer_local (zone, seconds);
        else
            printf ("?\n");
    }
    job_zone_destroy (&zone);
    return 0;
}
