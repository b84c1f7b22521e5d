/*  Output that is kept on the target: one file for each step of a run, RUN.STEP.out beside the files
    of runs. The supervisor writes it while the step runs, bugle-exec reads it.

        "bgout 1\n"  8 bytes
        total        8 bytes, big endian: what the step has written, kept or not
        bytes        from the first one on, up to the limit of the plan

    The count makes exact what was lost. There is no file for a step that said little and was over
    soon: the report of the run holds all of it.
*/
#ifndef BUGLE_EXEC_KEPT_OUTPUT_H
#define BUGLE_EXEC_KEPT_OUTPUT_H

#include "common/base/arena.h"
#include "common/base/id.h"
#include "proto/wire.h"

#define KEPT_OUTPUT_HEADER_BYTES 16

typedef struct {
    char text[64];
} kept_output_name;

/*  run: the text of its id.  */
kept_output_name kept_output_name_of (const char *run, size_t step);
/*  True for a name that ends as those of kept output do.  */
bool kept_output_is_name (const char *name);

/*  Writes the header of an empty file.  */
bg_result kept_output_begin (int fd) BG_CHECKED;
void kept_output_total (int fd, uint64_t total);

/*  A piece of a run's output, from the kept file or, where there is none, from the run's file as long
    as that is there; behind the last kept byte, the tail of the result once it is recorded, at an offset
    that says how much is missing before it. Step 0 is the newest one that has begun. Everything in the arena. The code is
    "ok", or "not-found" with a sentence.  */
void kept_output_read (
    const char *dir, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part);

#endif
