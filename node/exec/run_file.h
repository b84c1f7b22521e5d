/*  The files of runs, in exec/runs: ID.run with plan, results of steps and end (record_file.h),
    and ID.STEP.out with the output that is kept on the target (kept_output.h).

    Whoever holds the flock of ID.run is the run's supervisor: bugle-exec takes it when it makes
    the file and hands the open file to the supervisor, so there is no moment without a holder
    while the run is alive.
*/
#ifndef BUGLE_EXEC_RUN_FILE_H
#define BUGLE_EXEC_RUN_FILE_H

#include "common/base/arena.h"
#include "common/base/id.h"

#define RUN_OUTPUT_KEEP_US   (INT64_C (7) * 86400 * 1000000)
#define RUN_OUTPUT_BYTES_MAX (UINT64_C (1) << 30) /*  of all kept output together  */

typedef struct {
    bg_slice *records; /*  in the arena  */
    size_t count;
    bool is_alive; /*  a supervisor holds the file  */
} run_file;

/*  Path of a run's file; suffix "run" or "N.out". free() releases it.  */
char *run_file_path (const char *dir, bg_id run, const char *suffix)
    __attribute__ ((malloc, returns_nonnull));
/*  Creates the file with its plan (a RECORD_PLAN blob), locked. *fd is the caller's.  */
bg_result run_file_create (
    const char *dir, bg_id run, bg_slice plan, int *fd, bg_error *err) BG_CHECKED;
/*  What it says now. A missing or unreadable file says nothing and is not alive: that is no
    failure.  */
void run_file_look (const char *dir, bg_id run, bg_arena *arena, run_file *out);
void run_file_remove (const char *dir, bg_id run);
/*  Removes kept output older than RUN_OUTPUT_KEEP_US, the oldest beyond RUN_OUTPUT_BYTES_MAX, and run
    files that is_needed does not know and nobody holds.  */
void run_file_sweep (
    const char *dir, int64_t now_us, bool (*is_needed) (void *ctx, bg_id run), void *ctx);

#endif
