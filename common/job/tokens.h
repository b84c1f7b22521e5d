/*  Tokens: words in a job that mean something else on every target.

        echo $(ESCAPE_SHELL(JOBNAME)) failed on $(ESCAPE_SHELL(MACH))

    Only `$(ESCAPE_X(NAME))` is a token; every other `$(...)` belongs to the shell and passes
    untouched. Names and macros are written in capitals, without blanks inside. Whoever writes
    `$(JOBNAME)` means a token and forgot the macro: refused, with the right form as hint.
    Everything that begins with `$(ESCAPE_` is meant as a token and must be a whole and known one.

    Replaced in: the arguments of `run` and `shell`, the text of `script`, the directory, the name
    of the output file and the values of environments, when the step begins. The value is put in
    once and not looked at again, so a value cannot bring in a token.

    VAR_ and a name is a variable of the target's signed membership; one that the target does not
    have is a failure that says how it gets one.

    Every token is also an environment variable, BUGLE_ and its name, which needs no quoting in a
    script and is the better way there. One without a value (SCHEDULE of a run that a person
    started) is empty.

    Names close to sqlagent.md 6.6.  */
#ifndef BUGLE_JOB_TOKENS_H
#define BUGLE_JOB_TOKENS_H

#include "common/base/arena.h"

/*  JOB_TOKEN (NAME, what it stands for)  */
#define JOB_TOKENS(JOB_TOKEN)                                                                      \
    JOB_TOKEN (JOBNAME, "name of the job")                                                         \
    JOB_TOKEN (JOBID, "id of the job's document")                                                  \
    JOB_TOKEN (STEPNAME, "name of the step")                                                       \
    JOB_TOKEN (STEPID, "number of the step, from 1")                                               \
    JOB_TOKEN (STEPCT, "how often the step has begun in this run, from 1; retries not counted")    \
    JOB_TOKEN (ATTEMPT, "the attempt at the step, from 1; above 1 it is a retry")                  \
    JOB_TOKEN (MACH, "host name of the machine")                                                   \
    JOB_TOKEN (TARGET, "name of the target at the broker")                                         \
    JOB_TOKEN (TARGETID, "id of the target")                                                       \
    JOB_TOKEN (RUNID, "id of this run")                                                            \
    JOB_TOKEN (EXECID, "id of the execution; empty in a scheduled run")                            \
    JOB_TOKEN (SCHEDULE, "name of the schedule; empty in a run started by command")                \
    JOB_TOKEN (STRTDT, "date the run was due or started, YYYYMMDD in the target's zone")           \
    JOB_TOKEN (STRTTM, "time the run was due or started, HHMMSS in the target's zone")             \
    JOB_TOKEN (DATE, "date at which the step begins, YYYYMMDD in the target's zone")               \
    JOB_TOKEN (TIME, "time at which the step begins, HHMMSS in the target's zone")                 \
    JOB_TOKEN (BROKER, "name of the broker's installation")

typedef enum {
#define JOB_TOKEN(name, text) JOB_TOKEN_##name,
    JOB_TOKENS (JOB_TOKEN)
#undef JOB_TOKEN
        JOB_TOKEN_COUNT
} job_token;

#define JOB_VARIABLE_PREFIX   "VAR_"
#define JOB_VARIABLE_NAME_MAX 63

/*  A variable of a target: the token VAR_name.  */
typedef struct {
    bg_slice name, value;
} job_variable;

/*  How a value is made safe for the place it stands in.

    ESCAPE_NONE       as it is
    ESCAPE_SQUOTE     ' doubled, for texts within single quotes (SQL)
    ESCAPE_DQUOTE     " doubled
    ESCAPE_RBRACKET   ] doubled
    ESCAPE_SHELL      a whole word of the POSIX shell with its quotes; stands outside quotes
*/
typedef struct {
    bg_slice values[JOB_TOKEN_COUNT]; /*  UTF-8 without control characters  */
    const job_variable *variables;    /*  of the target; borrowed  */
    size_t variable_count;
} job_token_values;

/*  [A-Za-z_][A-Za-z0-9_]*, at most JOB_VARIABLE_NAME_MAX bytes. BG_INVALID.  */
bg_result job_variable_name_valid (bg_slice name, bg_error *err) BG_CHECKED;

/*  "JOBNAME".  */
const char *job_token_name (job_token token);
/*  What it stands for, for help and documents.  */
const char *job_token_text (job_token token);

/*  Checks all tokens in a text. BG_INVALID with a hint for the first wrong one; offset (may be
    NULL) is the byte where its `$` stands, from 0.  */
bg_result job_tokens_check (bg_slice text, bg_error *err, size_t *offset) BG_CHECKED;
/*  Appends the text with all tokens replaced to out. Failures as of the check, and BG_NOT_FOUND for
    a variable that is not among the values; out is then as it was.  */
bg_result job_tokens_expand (
    bg_slice text, const job_token_values *values, bg_buf *out, bg_error *err) BG_CHECKED;
/*  "BUGLE_JOBNAME=nightly" and so on, one for each token in order, in the arena with a NUL
    behind.  */
void job_tokens_environment (
    const job_token_values *values, bg_arena *arena, bg_slice pairs[JOB_TOKEN_COUNT]);
/*  "BUGLE_VAR_name=value" for each variable, in order; pairs has room for variable_count.  */
void job_tokens_variables (const job_token_values *values, bg_arena *arena, bg_slice *pairs);

#endif
