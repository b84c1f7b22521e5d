/*  The real bugle-exec in a home of its own, driven over its socket by a node that is the test.

    One at a time: cases name it t. Everything waits with a deadline and fails the case after it.  */
#ifndef BUGLE_TESTS_LIVE_EXEC_H
#define BUGLE_TESTS_LIVE_EXEC_H

#include "../unit/signing_fixture.h"
#include "common/base/now.h"
#include "common/sys/frames.h"
#include "common/sys/process.h"

#define WAIT_MS 20000

typedef struct {
    char *home;
    bg_process exec;
    int log_fd; /*  standard error of bugle-exec  */
    bg_buf log;
    bg_frames *link;
    signing_fixture signing;
    bg_arena arena;
    uint64_t requests;
    int jobs;
    bool on_full_disk; /*  bugle-exec runs with the shim of exec_full_disk.c  */
} live_exec;

extern live_exec t;

/*  With a home and keys; and with a bugle-exec that runs, is connected and is a member.  */
int live_setup_bare (void **state);
int live_setup (void **state);
int live_teardown (void **state);
#define CASE(name) cmocka_unit_test_setup_teardown (name, live_setup, live_teardown)
#define BARE(name) cmocka_unit_test_setup_teardown (name, live_setup_bare, live_teardown)

/*  A path below the home, to be freed.  */
char *live_path (const char *name);
/*  The program on the home of t; log_fd is its standard error, to be closed.  */
void live_spawn (bg_process *process, int *log_fd);
/*  Reads standard error until it holds the word or ends.  */
bool live_read_log_until (int fd, bg_buf *log, const char *word);
/*  Waits until it is ready.  */
void live_start (void);
/*  Ends it by a signal; nothing happens when it does not run.  */
bg_exit live_end (int signal_number);

/*  The node's part. What is heard lives until the case ends.  */
void live_connect (void);
void live_say (wire_kind kind, const void *value);
const void *live_hear (wire_kind *kind);
/*  Passes over all other kinds.  */
const void *live_hear_kind (wire_kind wanted);
const char *live_code (const wire_exec_verdict *verdict);
/*  Code of the verdict.  */
const char *live_offer (wire_signed item);
void live_attest (const wire_exec_nonce *nonce);
void live_enlist (bool write_policy);

/*  A job for all with a name of its own and no steps yet.  */
wire_job live_job (void);
wire_exec_start live_start_message (const wire_job *job);
wire_run live_begin_with (const wire_exec_start *start);
wire_run live_begin (const wire_job *job);
wire_run live_wait_for_end (bg_id run);
/*  From the START to the outcome, which is taken.  */
wire_run live_run (const wire_job *job);
const char *live_head (const wire_step_result *step);
wire_signed live_stop_of (const wire_job *job);

/*  Processes that bugle-exec and its steps have started.  */
bool live_is_alive (pid_t pid);
/*  Ends only when that process has.  */
void live_wait_until_gone (pid_t pid);
/*  0: none.  */
pid_t live_supervisor_of (bg_id run);

/*  A FIFO in the home: a step that opens it waits until the test does.  */
void live_make_fifo (const char *name);
/*  Reads one number that a step writes into a FIFO.  */
pid_t live_read_pid (const char *name);
void live_open_gate (const char *name);
/*  A job that writes its process into the FIFO pid, and waits for the FIFO gate.  */
wire_job live_gated_job (void);

#endif
