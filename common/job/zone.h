/*  Time zones: which instant is 02:30 on that wall, and which wall time is that instant.

    A zone is an immutable table made from the bytes of a system zone file (TZif, RFC 8536 and 9636;
    the shell reads /usr/share/zoneinfo/NAME, or TZDIR/NAME, and loads again when the file changes).
    It may be shared by any number of readers. Nothing here looks at TZ, at the clock or at files.

    Seconds are counted since 1970-01-01 00:00:00, of UTC or of the wall ("local"); arguments lie
    within JOB_ZONE_SECONDS_MAX of zero, which is all that microseconds in an int64_t can say.

    A zone's time falls into spans of one offset each. Between two spans the wall clock jumps:
    forward over a gap of local times that do not exist, or back, so that a fold of local times
    exists twice.
*/
#ifndef BUGLE_JOB_ZONE_H
#define BUGLE_JOB_ZONE_H

#include "common/base/slice.h"

#define JOB_ZONE_NAME_MAX    64
#define JOB_ZONE_SECONDS_MAX INT64_C (10000000000000)

typedef struct job_zone job_zone;

typedef enum {
    JOB_LOCAL_UNIQUE = 1, /*  exists once: first_utc  */
    JOB_LOCAL_GAP = 2, /*  does not exist: first_utc is the instant of the jump, second_utc is later
                           by how far the local time is inside the gap (as by the old offset)  */
    JOB_LOCAL_FOLD = 3, /*  exists twice: first_utc < second_utc  */
} job_local_result;

typedef struct {
    int64_t start;  /*  first UTC second; INT64_MIN when there was no jump before  */
    int64_t end;    /*  first UTC second after it; INT64_MAX when there is no jump after  */
    int32_t offset; /*  seconds east of UTC  */
    int32_t before; /*  offset before start; offset itself when there was no jump  */
    int32_t after;  /*  offset from end on; offset itself when there is no jump  */
} job_zone_span;

/*  True for names as the IANA database has them: parts of [A-Za-z0-9_+-] joined by single '/', 1 to
    64 characters. Such a name never leads out of the directory of zone files.  */
bool job_zone_name_valid (bg_slice name);

/*  A zone from the whole bytes of its file, at most 128 KiB. NULL with BG_INVALID (name),
    BG_MALFORMED, BG_TOO_LARGE or BG_NOT_IN_VERSION in err.  */
job_zone *job_zone_load (const char *name, bg_slice tzif_bytes, bg_error *err);
/*  UTC, without a file.  */
job_zone *job_zone_fixed_utc (void);
void job_zone_destroy (job_zone **self_p);

const char *job_zone_name (const job_zone *self);
/*  The span around an instant.  */
job_zone_span job_zone_span_at (const job_zone *self, int64_t utc_seconds);
/*  Seconds east of UTC at an instant.  */
int32_t job_zone_offset (const job_zone *self, int64_t utc_seconds);
/*  The instants of a local time. second_utc is first_utc when the local time exists once.  */
job_local_result job_zone_to_utc (
    const job_zone *self, int64_t local_seconds, int64_t *first_utc, int64_t *second_utc);
/*  True when some jump since 1970 is not by whole hours (Lord Howe): minutes of the hour then shift
 * with it.  */
bool job_zone_is_uneven (const job_zone *self);

#endif
