/*  A bugle-exec core for tests: ports that remember, a clock to be moved, a node that speaks.
    The log is kept record by record, so that a core can be made from any beginning of it.  */
#ifndef BUGLE_TESTS_EXEC_FIXTURE_H
#define BUGLE_TESTS_EXEC_FIXTURE_H

#include "node/exec/exec_core.h"
#include "signing_fixture.h"

#define EXEC_RECORDS_MAX 4096
#define EXEC_SENT_MAX    256

typedef struct {
    bg_buf bytes;
    bool durable;
} logged;

typedef struct {
    signing_fixture signing;
    exec_core *core;
    bg_now now;
    bg_id boot;
    exec_policy policy;
    logged log[EXEC_RECORDS_MAX];
    size_t log_count;
    bg_buf sent[EXEC_SENT_MAX]; /*  since the last clear  */
    size_t sent_count;
    bg_arena arena; /*  of what is decoded  */
    bg_id spawned;
    bg_buf plan; /*  of the last spawn  */
    size_t spawn_count;
    bg_id stopped;
    size_t stop_count;
    size_t discard_count;
    uint64_t random;
    uint32_t account_uid;
    bool account_changes; /*  bugle-exec is root  */
    int32_t utc_offset_s;
    uint64_t requests;
    bool has_local; /*  the machine has this key for local jobs  */
    fixture_pair local;
} exec_fixture;

#define EXEC_NODE ((exec_peer){1, true})

void exec_fixture_init (exec_fixture *self);
void exec_fixture_fini (exec_fixture *self);
/*  Anchored, with authority 1, membership 1, policy, hello of the node and attested time.  */
void exec_fixture_enlist (exec_fixture *self);
/*  Another core from the first count records; the old one goes.  */
void exec_fixture_restart (exec_fixture *self, size_t count);
/*  A core on its own from records, for comparison.  */
exec_core *exec_fixture_replay (exec_fixture *self, const logged *records, size_t count);

void exec_fixture_tell (exec_fixture *self, exec_peer peer, wire_kind kind, const void *value);
/*  The last message of a kind that was sent; NULL when there is none.  */
const void *exec_fixture_last (exec_fixture *self, wire_kind kind);
void exec_fixture_clear (exec_fixture *self);
/*  Code of the verdict about an offer.  */
const char *exec_fixture_offer (exec_fixture *self, wire_signed item);
const wire_exec_verdict *exec_fixture_verdict (exec_fixture *self);
/*  What the last verdict says to people.  */
const char *exec_fixture_message (exec_fixture *self);
/*  "running" when a run began, else the verdict's code.  */
const char *exec_fixture_start (exec_fixture *self, wire_signed job, const wire_signed *deed);
const char *exec_fixture_occurrence (
    exec_fixture *self, wire_signed job, uint64_t schedule, int64_t nominal_us);
/*  A START of the job by the admin, valid for an hour.  */
wire_signed exec_fixture_start_deed (exec_fixture *self, const char *job_name);
/*  A job of one step for all, without a schedule; and with one that comes every so many microseconds.  */
wire_signed exec_fixture_job (exec_fixture *self, const char *name);
wire_signed exec_fixture_scheduled_job (exec_fixture *self, const char *name, uint64_t every_us);
/*  A STOP of the job by the admin, valid for ten minutes.  */
wire_signed exec_fixture_stop (exec_fixture *self, const char *job_name);
/*  The last run spawned ends with this state.  */
void exec_fixture_end (exec_fixture *self, bg_id run, uint64_t state);
void exec_fixture_taken (exec_fixture *self, bg_id run);
void exec_fixture_attest (exec_fixture *self);
void exec_fixture_advance (exec_fixture *self, int64_t us);

#endif
