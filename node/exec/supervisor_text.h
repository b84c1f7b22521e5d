/*  What a step's process is given, as texts: arguments, environment, directory, file names, script. The
    plan has them as signed; here tokens are replaced, at the moment the step begins (ADR 16).  */
#ifndef BUGLE_EXEC_SUPERVISOR_TEXT_H
#define BUGLE_EXEC_SUPERVISOR_TEXT_H

#include "common/base/arena.h"
#include "proto/wire.h"

/*  Which beginning of the step this is.  */
typedef struct {
    size_t number;    /*  of the step, from 1  */
    uint64_t count;   /*  how often the step has begun in this run  */
    uint64_t attempt; /*  of this time, from 1  */
    int64_t utc_us;   /*  now  */
} step_moment;

/*  All in the arena, ended by NUL.  */
typedef struct {
    char **argv; /*  ended by NULL; room for one more  */
    size_t argc;
    char **environment; /*  ended by NULL  */
    const char *path;   /*  PATH of it; NULL: none  */
    const char *directory;
    const char *output_file; /*  NULL: none  */
    bg_slice script;
} step_text;

/*  BG_NOT_FOUND: a variable that the target lacks; BG_INVALID, BG_TOO_LARGE: the sentence says which text
    of the step.  */
bg_result step_text_make (const wire_plan *plan, const wire_plan_step *step,
    const step_moment *moment, bg_arena *arena, step_text *out, bg_error *err) BG_CHECKED;

#endif
