/*  bugle-exec: its decisions.

    bugle-exec is the part of a target that may start processes. It trusts nothing that the node
    says: every document and deed is verified here, against the authority chain that begins at
    the pinned hash, the target's own signed membership, attested time and the machine's own
    policy. What is decided is written to a log before it has an effect, so that a start happens
    at most once whatever crashes.

    Pure: no clock, no files, no processes, no randomness of its own. Time comes in with every
    event, everything else goes through ports. The same code runs in bugle-exec and in the
    simulator.

    Commit before send. A call below may append log records and hand out effects (send, spawn,
    stop, discard). The shell keeps the effects back until the records appended before them are
    on disk if any of those was durable, and then releases them in order. A crash in between
    loses both. The core does not expect an effect to have happened.

    Life: create, replay every record of the log, replayed, then events. For every run that
    exec_core_next_run tells, the shell looks at the run's file and says what it found with
    exec_core_run_file.
*/
#ifndef BUGLE_EXEC_CORE_H
#define BUGLE_EXEC_CORE_H

#include "common/base/now.h"
#include "node/exec/policy.h"
#include "proto/sign.h"
#include "proto/wire.h"

typedef struct exec_core exec_core;

/*  Who sent a message: a number of the shell's for the connection (not 0), and whether the
    kernel says that it is root or bugle-exec's own account.  */
typedef struct {
    uint64_t id;
    bool privileged;
} exec_peer;

#define EXEC_GROUPS_MAX 256 /*  supplementary ones of an account  */

/*  A local account as the system knows it.  */
typedef struct {
    uint32_t uid;
    uint32_t gid;
    bool change; /*  not the account that bugle-exec runs as: the supervisor changes to it  */
    char name[65];
    char home[4096]; /*  for HOME; a step without a directory begins there, or in "/"  */
    char shell[4096];
    uint32_t groups[EXEC_GROUPS_MAX]; /*  supplementary; none when nothing changes  */
    size_t group_count;
} exec_account;

typedef enum { EXEC_SAY_WARNING, EXEC_SAY_NOTICE, EXEC_SAY_INFO, EXEC_SAY_DEBUG } exec_say;

typedef struct {
    void *ctx;
    const wire_crypto *crypto;
    /*  Appends one record (a blob of wire_inner_encode, kind RECORD_*). durable: the effects
        that follow wait for it.  */
    void (*log_append) (void *ctx, bg_slice record, bool durable);
    /*  Sends one inner message to a peer; a peer that is gone is nothing to worry about.  */
    void (*send) (void *ctx, uint64_t peer, bg_slice blob);
    /*  Starts a supervisor with the plan (a RECORD_PLAN blob). Then: exec_core_spawned, or
        exec_core_spawn_failed.  */
    void (*spawn) (void *ctx, bg_id run, bg_slice plan);
    /*  Tells the run's supervisor, if it is connected, to end the run.  */
    void (*supervisor_stop) (void *ctx, bg_id run, const char *reason);
    /*  The outcome is with the node: the run's file may go (its kept output stays for its
        time).  */
    void (*discard) (void *ctx, bg_id run);
    /*  Fills the answer with a piece of the kept output of a run, in the arena.  */
    void (*read_output) (
        void *ctx, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part);
    void (*random) (void *ctx, void *bytes, size_t size);
    /*  One line for the log: a fixed event word and key=value pairs.  */
    void (*say) (void *ctx, exec_say level, const char *event, const char *pairs);
    /*  Looks up a local account. BG_POLICY when it is not there or cannot be used here, with
        the reason.  */
    bg_result (*account) (void *ctx, const char *name, exec_account *account, bg_error *err);
    /*  The number of a local group. BG_POLICY when there is none.  */
    bg_result (*group) (void *ctx, const char *name, uint32_t *gid, bg_error *err);
    /*  Seconds that the machine's own zone is ahead of UTC at a time: for the policy's hours
        and the tokens of time.  */
    int32_t (*utc_offset_s) (void *ctx, int64_t utc_us);
    /*  Writes the default policy when there is none, and gives the policy that holds now. note:
        one sentence for people about what was written, empty when one was there.  */
    bg_result (*policy_write) (void *ctx, exec_policy *policy, char note[256], bg_error *err);
    /*  Makes the key of local jobs when there is none, durably, and gives its public half.  */
    bg_result (*local_key) (void *ctx, bg_key *public_key, bg_error *err);
} exec_ports;

typedef struct {
    bg_id boot;              /*  the kernel's id of this boot  */
    const char *version;     /*  borrowed for the core's life  */
    const char *policy_path; /*  for sentences; borrowed for the core's life  */
    const char *host; /*  name of the machine, for the token MACH; borrowed for the core's life  */
} exec_config;

/*  Constants that others may want to know.  */
#define EXEC_NONCE_EVERY_US BG_MIN (15)
#define EXEC_NONCE_LIFE_US                                                                         \
    BG_MIN (1) /*  an answer that took longer says too little about the time  */
#define EXEC_NOMINAL_LATE_US                                                                       \
    BG_MIN (10) /*  an occurrence is started at most so late: else reason misfire  */
#define EXEC_NOMINAL_EARLY_US BG_MIN (1)
#define EXEC_AHEAD_US         BG_MIN (5) /*  a deed is issued at most so far ahead of the broker's time  */
#define EXEC_RUNS_MAX         2048 /*  open or not yet taken  */
#define EXEC_WAITING_MAX      1000 /*  for their turn  */
#define EXEC_WAITING_BYTES                                                                         \
    ((size_t) 32 << 20) /*  that runs hold in memory and log, before one has to wait  */

/*  ports and config are copied, what they point to is borrowed.  */
exec_core *exec_core_create (const exec_ports *ports, const exec_config *config);
void exec_core_destroy (exec_core **self_p);

/*  Start: every record of the log, in order. BG_FOREIGN_FILE (with what is wrong) when a record
    cannot follow the ones before it or has a kind that does not belong there.  */
bg_result exec_core_replay (exec_core *self, bg_slice record, bg_error *err) BG_CHECKED;
/*  After the last record. policy as in exec_core_set_policy.  */
void exec_core_replayed (exec_core *self, bg_now now);

/*  The policy that holds from now on; NULL when there is none or it cannot be used, with the
    reason for people.  */
void exec_core_set_policy (
    exec_core *self, bg_now now, const exec_policy *policy, const char *problem);

/*  The public half of the machine's own key: documents named local/NAME that it signed count. Without a call
    there is none.  */
void exec_core_set_local (exec_core *self, const bg_key *public_key);

/*  Whether there is room for records. While there is none, nothing starts (reason storage) and
    documents wait.  */
void exec_core_set_storage_full (exec_core *self, bg_now now, bool is_full);

/*  One message of a peer on the node's socket. A blob that does not decode or is no request is
    BG_MALFORMED or BG_UNKNOWN_KIND: the shell closes that connection. Everything else is
    answered.  */
bg_result exec_core_handle (
    exec_core *self, bg_now now, exec_peer peer, bg_slice blob, bg_error *err) BG_CHECKED;
void exec_core_peer_gone (exec_core *self, uint64_t peer);

/*  What a run's file says: its records (blobs of RECORD_PLAN, RECORD_STEP, RECORD_END), and
    whether a supervisor holds it. Without RECORD_END and supervisor the run is interrupted; no
    file: no records and not alive. A run that is not open is ignored.  */
void exec_core_run_file (
    exec_core *self, bg_now now, bg_id run, const bg_slice *records, size_t count, bool alive);
/*  The supervisor that was ordered exists. Until then the run is starting, and nothing can be said about its file.  */
void exec_core_spawned (exec_core *self, bg_id run);
/*  The supervisor of a run could not be started.  */
void exec_core_spawn_failed (exec_core *self, bg_now now, bg_id run, const bg_error *why);
/*  A supervisor has connected: it is told to stop when its run should be.  */
void exec_core_supervisor_here (exec_core *self, bg_now now, bg_id run);

/*  Due work: nonces, forgetting what has expired.  */
void exec_core_tick (exec_core *self, bg_now now);
/*  mono_us at which tick wants to be called; INT64_MAX: never.  */
int64_t exec_core_deadline (const exec_core *self);

/*  Emits the records of a new log that says the same as the old one, in order.  */
void exec_core_compact (
    exec_core *self, bg_now now, void (*emit) (void *ctx, bg_slice record), void *ctx);

/*  Runs that have begun, are not starting and have no outcome yet, in order of their ids, after the given one (all zero:
    the first).  */
bool exec_core_next_run (const exec_core *self, bg_id after, bg_id *run);
/*  True for a run whose file is still needed: open, or finished and not taken.  */
bool exec_core_has_run (const exec_core *self, bg_id run);
/*  Whether it has begun, is not starting and has no outcome yet.  */
bool exec_core_is_open (const exec_core *self, bg_id run);

/*  For tests, status lines and the simulator.  */
typedef struct {
    bool anchored;
    bool time_known;
    bool is_member; /*  has a membership of state member  */
    bg_id installation;
    bg_id target;
    uint64_t authority; /*  versions, 0: none  */
    uint64_t membership;
    size_t floors;
    size_t done;     /*  deeds and occurrences that are remembered  */
    size_t running;  /*  runs without an outcome that have begun  */
    size_t waiting;  /*  runs that wait for their turn  */
    size_t finished; /*  runs with an outcome that is not taken  */
    uint64_t starts; /*  runs begun since creation  */
} exec_status;
exec_status exec_core_status (const exec_core *self);
/*  Offers and starts that ended with a code, since creation; BG_OK counts what was taken.  */
uint64_t exec_core_count (const exec_core *self, bg_code code);
/*  A run of this deed or occurrence was begun here (as long as that is remembered).  */
bool exec_core_is_done (const exec_core *self, bg_id deed_or_occurrence);

#endif
