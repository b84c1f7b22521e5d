/*  The inside of exec_core, shared by its files: core.c (life, dispatch, log), standing.c
    (anchor, authority, membership, attested time), verdict.c (documents, STOPs), local.c (what the
    machine signs for itself), starts.c and occurrence.c (what may start), bucket.c (limits of starts), proxy.c (as whom steps run), plan.c (what a supervisor gets), runs.c (open and
    finished runs), queue.c and replan.c (runs that wait), spent.c (jobs that delete themselves).

    Every change of state has one function that makes it from a decoded record (exec_apply_*);
    events append the record and call it, replay only calls it. So the state after a restart is
    the one before it.
*/
#ifndef BUGLE_EXEC_CORE_PRIVATE_H
#define BUGLE_EXEC_CORE_PRIVATE_H

#include "node/exec/exec_core.h"
#include "node/exec/table.h"
#include "proto/trust.h"

#define EXEC_CODES       128  /*  above every bg_code  */
#define EXEC_BUCKET_MAX  1024 /*  starts remembered for one job, each way  */
#define EXEC_NONCE_BYTES 16
#define EXEC_SLACK_US                                                                              \
    BG_HOUR (1) /*  deeds are remembered so much longer than they could be valid  */
#define EXEC_KEEP_DONE_US BG_HOUR (1)  /*  occurrences are remembered so long after their time  */
#define EXEC_REPORT_BYTES (240 * 1024) /*  an encoded run: one report item always fits a frame  */

/*  Newest version seen of a document.  */
typedef struct {
    bg_id key;
    uint64_t version;
    uint64_t type; /*  wire_type; WITHDRAWAL: gone  */
    uint8_t hash[32];
    bool disabled; /*  of a switch  */
    int64_t until_us;
    bg_id object_key;
    bool is_local; /*  of the machine's own documents: outlives enlistments  */
} exec_floor;

/*  A deed or occurrence that was done.  */
typedef struct {
    bg_id id;
    int64_t expires_us;   /*  broker's time for deeds, the machine's for occurrences  */
    int64_t held_boot_us; /*  since when this process knows of it  */
    bool is_occurrence;   /*  or a local deed: by the machine's clock  */
    bool is_local;        /*  outlives enlistments  */
} exec_done;

/*  The newest STOP of a job, or the STOP of one execution.  */
typedef struct {
    bg_id subject; /*  job key, or id of the execution  */
    bg_id deed;
    bg_id job_key;
    int64_t issued_us;
    int64_t expires_us;
} exec_stop;

typedef struct {
    bg_id job_key;
    uint64_t total;
    int64_t *deeds_us; /*  newest first, at most EXEC_BUCKET_MAX  */
    size_t deed_count;
    int64_t *scheduled_us;
    size_t scheduled_count;
    bool is_local;
} exec_bucket;

typedef struct {
    bg_id id;
    bg_id job_key;
    bg_id exec;
    uint64_t order; /*  of acceptance  */
    uint64_t job_version;
    int64_t began_us; /*  broker's time as far as known, else the machine's; of a deed its issue  */
    int64_t turn_us;  /*  when its waiting ended; 0: it did not wait, or still does  */
    bg_slice intent;  /*  the RECORD_INTENT blob, owned  */
    bg_slice turn;    /*  the RECORD_TURN blob, owned; empty when there was none  */
    bg_slice outcome; /*  the final run, encoded, owned; empty while it is open  */
    bg_id replaced_by; /*  the run that it ends for; all zero: none  */
    bool is_local;     /*  of a local job  */
    bool is_stopped;   /*  by a local STOP  */
    bool is_waiting;   /*  for its turn  */
    bool is_starting;  /*  its process is ordered and not made yet  */
    bool is_foreign;   /*  it waits from before this enlistment  */
} exec_run;

/*  A job that has deleted itself here, up to a version.  */
typedef struct {
    bg_id job_key;
    uint64_t version;
    bg_id run;
    bool is_local;
} exec_spent;

typedef struct {
    bg_slice record; /*  the RECORD_DOCUMENT blob, owned  */
    uint64_t version;
    uint8_t hash[32];
} exec_authority;

typedef struct {
    bg_arena arena; /*  of all below  */
    bg_slice record;
    uint64_t version; /*  0: none  */
    uint8_t hash[32];
    wire_membership body;
} exec_membership;

typedef struct {
    bool known; /*  in this boot  */
    int64_t time_us;
    int64_t boot_us;
    bg_id boot;
    uint64_t term;
    uint64_t position;
    uint64_t authority; /*  versions that the broker had at that position  */
    uint64_t membership;
    int64_t
        enlisted_us; /*  no deed that was issued before it can be for this enlistment; 0: not known  */
} exec_attested;

typedef struct {
    bool outstanding;
    bool wanted; /*  something waits for the time  */
    uint8_t bytes[EXEC_NONCE_BYTES];
    int64_t sent_boot_us;
    int64_t due_mono_us; /*  next one  */
} exec_nonce;

struct exec_core {
    exec_ports ports;
    exec_config config;

    bool is_anchored;
    uint8_t anchor[32];
    int64_t anchored_boot_us; /*  when that was; 0: before this process  */
    wire_keyring *keyring;    /*  NULL until the first authority  */
    exec_authority *authorities;
    size_t authority_count;
    exec_membership member;
    exec_attested attested;
    exec_nonce nonce;

    exec_table floors;        /*  exec_floor  */
    exec_table done;          /*  exec_done  */
    exec_table stops;         /*  exec_stop  */
    exec_table buckets;       /*  exec_bucket  */
    exec_table runs;          /*  exec_run  */
    exec_table spent;         /*  exec_spent  */
    uint64_t accepted;        /*  runs, since creation: gives their order  */
    int64_t turn_due_mono_us; /*  a waiting run may expire then; INT64_MAX: none  */

    bool has_local;
    bg_key local_key;
    bg_id local_installation;

    bool has_policy;
    exec_policy policy;
    char policy_problem[512];

    uint64_t node; /*  the peer that said EXEC_HELLO last, 0: none  */
    int64_t forget_due_mono_us;
    bool replaying;
    bool storage_full;
    uint64_t starts;
    uint64_t counts[EXEC_CODES];
};

/*  ---- core.c ----  */
void exec_append (exec_core *self, wire_kind kind, const void *record, bool durable);
void exec_reply (exec_core *self, uint64_t peer, wire_kind kind, bg_id request, const void *value);
/*  Encodes a record or message and copies it to the heap; free ((void *) slice.data).  */
bg_slice exec_blob (wire_kind kind, const void *value);
void exec_blob_free (bg_slice *blob);
/*  Fills code, message and hint of a verdict from a failure (or ok), all in the arena, and
    counts it.  */
void exec_fill_verdict (exec_core *self, bg_result result, const bg_error *err, const char *reason,
    bg_arena *arena, wire_exec_verdict *verdict);
void exec_log (const exec_core *self, exec_say level, const char *event, const char *format, ...)
    BG_PRINTF (4, 5);

/*  ---- standing.c ----  */
void exec_send_standing (exec_core *self, uint64_t peer, bg_id request);
/*  To the node, when there is one.  */
void exec_tell_standing (exec_core *self);
bg_result exec_anchor (exec_core *self, bg_now now, const wire_exec_anchor *anchor, char note[256],
    bg_error *err) BG_CHECKED;
bg_result exec_forget (exec_core *self, bg_error *err) BG_CHECKED;
/*  The default one, where there is none.  */
bg_result exec_write_policy (exec_core *self, char note[256], bg_error *err) BG_CHECKED;
/*  BG_WAITING while there is no room for a record.  */
bg_result exec_require_storage (const exec_core *self, bg_error *err) BG_CHECKED;
/*  Has an authority and is a member: otherwise BG_NOT_ENLISTED or BG_WAITING.  */
bg_result exec_require_member (const exec_core *self, bg_error *err) BG_CHECKED;
/*  BG_WAITING while the broker has attested a newer authority or membership than is held: what it revokes
    or takes away is not known before it is here.  */
bg_result exec_require_newest (const exec_core *self, bg_error *err) BG_CHECKED;
bg_result exec_take_authority (exec_core *self, bg_now now, const wire_signed *document,
    wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
bg_result exec_take_membership (exec_core *self, const wire_signed *document,
    const wire_verified *verified, bg_error *err) BG_CHECKED;
bg_result exec_attest (
    exec_core *self, bg_now now, const wire_signed *attestation, bg_error *err) BG_CHECKED;
/*  Broker's time now; false while it is not known since boot.  */
bool exec_broker_time (const exec_core *self, bg_now now, int64_t *time_us);
/*  Broker's time, or the machine's while that is not known.  */
int64_t exec_best_time (const exec_core *self, bg_now now);
/*  BG_EXPIRED, or BG_WAITING while the time is not known (and asks for it).  */
bg_result exec_check_expiry (
    exec_core *self, bg_now now, int64_t expires_us, const char *what, bg_error *err) BG_CHECKED;
/*  The same for a deed, which must also lie within this enlistment and not ahead of the broker's time. A
    deed is refused only by a time that is fresh: the broker's clock may have been set since the last one.  */
bg_result exec_check_deed_time (
    exec_core *self, bg_now now, const wire_deed *deed, const char *what, bg_error *err) BG_CHECKED;
/*  Sends a nonce to the node when one is due.  */
void exec_ask_time (exec_core *self, bg_now now);
void exec_apply_anchor (exec_core *self, const wire_record_anchor *record);
bg_result exec_apply_document (
    exec_core *self, const wire_record_document *record, bg_error *err) BG_CHECKED;
void exec_apply_attested (exec_core *self, const wire_record_attested *record);
void exec_standing_fini (exec_core *self);

/*  As exec_check_expiry, but refuses only by a time that is fresh.  */
bg_result exec_check_fresh_expiry (
    exec_core *self, bg_now now, int64_t expires_us, const char *what, bg_error *err) BG_CHECKED;

/*  ---- verdict.c ----  */
bg_result exec_judge (exec_core *self, bg_now now, const wire_signed *item, bg_arena *arena,
    wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
bg_result exec_needs_met (const exec_core *self, const wire_needs *needs, bg_error *err) BG_CHECKED;
/*  Everything about a verified document that is no question of whom it is for; raises its
    floor.  */
bg_result exec_take_document (
    exec_core *self, bg_now now, const wire_verified *verified, bg_error *err) BG_CHECKED;
void exec_apply_floor (exec_core *self, const wire_record_floor *record);
void exec_apply_stop (exec_core *self, const wire_record_stop *record);
void exec_apply_done (exec_core *self, const wire_record_done *record);
exec_done *exec_put_done (
    exec_core *self, bg_id id, int64_t expires_us, bool is_occurrence, int64_t boot_us);
/*  What a switch is of.  */
typedef struct {
    bg_id installation;
    bg_id key;
    bg_slice name;
} exec_switched;
/*  Whether it is disabled at that time: by its switch, or by what is said otherwise when there is none.  */
bool exec_is_disabled (const exec_core *self, wire_type type, const exec_switched *what,
    bool otherwise, int64_t time_us);
/*  A STOP that was issued later covers what began (or was issued) at that time, or there is one of
    that very execution (all zero: of none).  */
bool exec_is_stopped (const exec_core *self, bg_id job_key, bg_id exec, int64_t began_us);

/*  ---- local.c ----  */
/*  Signed by the machine's own key.  */
bool exec_is_own (const exec_core *self, const wire_signed *item);
bool exec_is_own_installation (const exec_core *self, bg_id installation);
/*  A local document, or a STOP of any job on this machine.  */
bg_result exec_judge_own (exec_core *self, bg_now now, const wire_signed *item, bg_arena *arena,
    wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
bg_result exec_read_own_deed (exec_core *self, const wire_signed *item, bg_arena *arena,
    wire_deed *deed, bg_error *err) BG_CHECKED;
/*  By the machine's clock.  */
bg_result exec_check_own_deed_time (bg_now now, const wire_deed *deed, bg_error *err) BG_CHECKED;
bg_result exec_make_local_key (
    exec_core *self, const wire_exec_local *wanted, char note[256], bg_error *err) BG_CHECKED;

/*  ---- starts.c ----  */
/*  Reasons of runs that did not run, beside the words of codes.h.  */
#define EXEC_REASON_MISFIRE       "misfire"
#define EXEC_REASON_WINDOW        "window"
#define EXEC_REASON_LEASE         "lease"
#define EXEC_REASON_STORAGE       "storage"
#define EXEC_REASON_NO_DEFINITION "no-definition"

/*  What stands between a job and its beginning at any time; *reason is set where the word is not that of the code.  */
bg_result exec_check_lease (
    exec_core *self, bg_now now, const char **reason, bg_error *err) BG_CHECKED;
bg_result exec_check_hours (
    exec_core *self, bg_now now, const char **reason, bg_error *err) BG_CHECKED;
void exec_start (exec_core *self, bg_now now, uint64_t peer, bg_id request,
    const wire_exec_start *start, bg_arena *arena);

/*  ---- occurrence.c ----  */
/*  What the schedule of an occurrence says: ask->schedule of the job, or the shared one that the start brings, under the
    job's name for it. Texts borrow from job and arena. BG_DISABLED; what verifying says; BG_SUPERSEDED for an
    older version of a shared one than is known.  */
bg_result exec_read_schedule (exec_core *self, bg_now now, const wire_exec_start *ask,
    const wire_verified *job, bg_arena *arena, wire_job_schedule *spec, bg_error *err) BG_CHECKED;
/*  So late an occurrence may begin after its nominal time.  */
int64_t exec_occurrence_late_us (const wire_job_schedule *spec);
/*  It was missed and all missed ones are made up for: it queues whatever the job says about overlap.  */
bool exec_occurrence_queues (bg_now now, const wire_job_schedule *spec, int64_t nominal_us);
/*  *reason is set where the word is not that of the code.  */
bg_result exec_check_occurrence (bg_now now, const wire_job_schedule *spec, int64_t nominal_us,
    const char **reason, bg_error *err) BG_CHECKED;
/*  By schedule it runs only so long after the broker was heard last.  */
bg_result exec_check_job_lease (exec_core *self, bg_now now, const wire_job *job,
    const char **reason, bg_error *err) BG_CHECKED;

/*  ---- bucket.c ----  */
void exec_bucket_add (
    exec_core *self, bg_id job_key, int64_t start_us, bool is_scheduled, bool is_local);
/*  BG_LIMIT when one more start now would pass what the job says, or the bound that holds when
    it says nothing. scheduled: what the schedule says (exec_read_schedule); NULL for a START.  */
bg_result exec_bucket_check (exec_core *self, const wire_job *job, bg_id job_key,
    const wire_job_schedule *scheduled, int64_t now_us, bg_error *err) BG_CHECKED;
void exec_apply_bucket (exec_core *self, const wire_record_bucket *record);
void exec_buckets_fini (exec_core *self);
/*  Of the broker's jobs.  */
void exec_buckets_forget (exec_core *self);

/*  ---- proxy.c ----  */
/*  The account of steps that name no proxy. BG_POLICY.  */
bg_result exec_default_account (
    const exec_core *self, exec_account *account, bg_error *err) BG_CHECKED;
/*  As whom the step runs, with the groups that it gets: by the proxy that it names, or as the policy's
    default account. signer: who signed the job; NULL is the machine itself, which the lists of logins
    do not concern. False when it may not; problem is then the sentence for people, with the place in
    the policy and the command that would allow it. There has to be a policy (exec_require_policy).  */
bool exec_proxy_resolve (const exec_core *self, const wire_job_step *step, const wire_login *signer,
    exec_account *account, char problem[512]);

/*  ---- plan.c ----  */
/*  BG_POLICY when there is no policy.  */
bg_result exec_require_policy (const exec_core *self, bg_error *err) BG_CHECKED;
/*  Whether anything could start here at all, whatever the hour: there is a policy, and the account that it
    names exists and may be used. BG_POLICY.  */
bg_result exec_check_policy (const exec_core *self, bg_error *err) BG_CHECKED;
/*  Resolves everything a supervisor needs into plan, all in the arena or of the job. signer: who signed the
    job, NULL is the machine itself. run is as it will be reported.  */
bg_result exec_make_plan (exec_core *self, bg_now now, const wire_job *job,
    const wire_login *signer, const wire_run *run, bg_arena *arena, wire_plan *plan,
    bg_error *err) BG_CHECKED;

/*  Another plan of the same steps for a run whose turn comes: as whom each step runs is asked again, and a step whose
    proxy does not stand any more fails. The blob is in the arena. BG_POLICY when nothing may run.  */
bg_result exec_plan_again (const exec_core *self, bg_now now, const wire_record_intent *intent,
    bg_arena *arena, bg_slice *plan, bg_error *err) BG_CHECKED;

/*  ---- queue.c ----  */
typedef struct {
    size_t begun; /*  have no outcome yet  */
    size_t waiting;
    size_t job_begun; /*  of the one job  */
    size_t job_waiting;
} exec_counted;
exec_counted exec_count_runs (const exec_core *self, bg_id job_key);
void exec_apply_turn (exec_core *self, const wire_record_turn *record, bg_slice blob);
/*  A run that waits and is covered is canceled, durably.  */
void exec_cancel_waiting (exec_core *self, bg_now now, exec_run *run);
/*  Ends what the run replaces: tells supervisors to stop, takes waiting ones out of the queue.  */
void exec_replace_runs (exec_core *self, bg_now now, bg_id by);
/*  Begins and ends what waits, as far as something can be said about it now. Harmless at any time.  */
void exec_take_turns (exec_core *self, bg_now now);
/*  All runs by the order of their acceptance, in the arena; how many.  */
size_t exec_runs_by_order (const exec_core *self, bg_arena *arena, exec_run ***runs);

/*  ---- spent.c ----  */
void exec_apply_spent (exec_core *self, const wire_record_spent *record);
/*  A run has ended: if its job deletes itself with that, the run says so (and the log).  */
void exec_note_spent (
    exec_core *self, const exec_run *run, const wire_record_intent *intent, wire_run *outcome);
/*  BG_NOT_FOUND with the reason no-definition when this version of the job has deleted itself.  */
bg_result exec_check_spent (const exec_core *self, bg_id job_key, uint64_t version,
    const char **reason, bg_error *err) BG_CHECKED;
/*  A newer version is known: the job lives again.  */
void exec_spent_renew (exec_core *self, bg_id job_key, uint64_t version);
/*  Of the broker's jobs.  */
void exec_spent_forget (exec_core *self);

/*  ---- runs.c ----  */
void exec_apply_intent (exec_core *self, const wire_record_intent *record, bg_slice blob);
void exec_apply_closed (exec_core *self, bg_id run);
/*  Orders the process of a run.  */
void exec_spawn (exec_core *self, bg_id run, bg_slice plan);
/*  The outcome of a run whose waiting ended without a beginning.  */
void exec_run_never_ran (exec_run *run, const wire_record_turn *turn);
/*  The intent, decoded into the arena.  */
const wire_record_intent *exec_read_record (const exec_run *run, bg_arena *arena);
/*  By a STOP of the broker or of the machine.  */
bool exec_run_is_stopped (const exec_core *self, const exec_run *run);
/*  It should end: by a STOP, or for another run.  */
bool exec_is_covered (const exec_core *self, const exec_run *run);
void exec_send_run (exec_core *self, const exec_run *run, uint64_t peer, bg_id request);
void exec_taken (exec_core *self, bg_id run);
/*  Counts open and finished runs as starts and as done again, after all else was forgotten.  */
void exec_recount_runs (exec_core *self);
void exec_runs_fini (exec_core *self);
/*  Ends covered runs of a job: supervisors are told, what waits is canceled. How many.  */
size_t exec_stop_runs (exec_core *self, bg_now now, bg_id job_key);
/*  Marks all open runs of the job as to be stopped.  */
void exec_mark_stopped (exec_core *self, bg_id job_key);

#endif
