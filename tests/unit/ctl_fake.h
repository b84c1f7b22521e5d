/*  A command run in the test: a real command line and the real handler, with a broker that plays a script.

    Takes the place of ctl/client.c and ctl/sign.c at link time. Each call has to be the next one of the script: its kind is
    checked, its request is kept for the test to look at, its answer comes back. Documents and deeds are really encoded, so
    that tests see what would have been signed.
*/
#ifndef BUGLE_TESTS_CTL_FAKE_H
#define BUGLE_TESTS_CTL_FAKE_H

#include "ctl/client.h"

#define FAKE_STEPS 32

/*  One request and what comes back: an answer, or an error.  */
typedef struct {
    wire_kind kind;
    const void *answer; /*  of the kind that belongs to it; NULL: error  */
    bg_error error;
} fake_step;

/*  What ctl_receive gives: a row, or a failure (BG_TIMEOUT, BG_CLOSED), or BG_INTERRUPTED, which also raises SIGINT.  */
typedef struct {
    const wire_exec_row *row;
    bg_code code;
} fake_event;

typedef struct {
    fake_step steps[FAKE_STEPS];
    size_t step_count;
    fake_event events[FAKE_STEPS];
    size_t event_count;
    size_t reconnects_fail;             /*  so many reconnects fail first  */
    const struct wire_keyring *keyring; /*  the authority; NULL: there is none  */

    /*  What happened.  */
    size_t calls;
    size_t received;
    size_t watches;
    size_t reconnects;
    const void *requests[FAKE_STEPS]; /*  of each call, in the arena  */
    bg_arena arena;
    bg_result result;
    bg_error err;
    int exit_code;
    char *data; /*  what was printed on stdout  */
    char *talk; /*  and on stderr  */
} fake_run;

#define FAKE_NOW_US INT64_C (1772366400000000) /*  2026-03-01T12:00:00Z  */

/*  Adds a step to the script.  */
void fake_answer (fake_run *self, wire_kind kind, const void *answer);
void fake_error (fake_run *self, wire_kind kind, bg_code code, const char *message);
void fake_event_row (fake_run *self, const wire_exec_row *row);
void fake_event_code (fake_run *self, bg_code code);

/*  Runs "bugle LINE" (words separated by blanks, '' quotes) in UTC; input is stdin. Every step of the script must be used.  */
void fake_command (fake_run *self, const char *line, const char *input);
void fake_fini (fake_run *self);

/*  The document inside item of the post that was call number index, and its body, a struct of desc.  */
void fake_posted (const fake_run *self, size_t index, size_t item, wire_document *document,
    const wire_desc *desc, void *body);
/*  A signed document of a job, as the broker would show it. In arena.  */
wire_signed fake_signed (bg_arena *arena, wire_type type, const void *body, uint64_t version);

bg_id fake_id (uint8_t last);

/*  ---- for the tests of commands ---- */

#define S INT64_C (1000000)
#define STR(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }

/*  cmocka's fixtures: *state is an empty fake_run.  */
int fake_setup (void **state);
int fake_teardown (void **state);
/*  The command ended well, with this exit code.  */
void fake_done (const fake_run *run, int exit_code);
/*  It failed with this code, and part stands in its sentence or its hint.  */
void fake_refused (const fake_run *run, bg_code code, const char *part);
void fake_has (const char *text, const char *part);
void fake_slice (bg_slice slice, const char *want);

/*  A job 'nightly' for group web with one step, as a file and as the broker's row: v4, version 1000, 5 targets.  */
extern const char fake_job_file[];
wire_job_row fake_job_row (bg_arena *arena);

/*  A run of it on web1 whose only step has failed a minute ago with exit code 2 and "no disk".  */
wire_history_row fake_failed_run (void);

#endif
