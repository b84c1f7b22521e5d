/*  The store as the core sees it: durable tables behind a struct of functions.

    The shell owns the transaction: it begins one, feeds a batch of events to the core, calls
    broker_core_before_commit, commits, and only then releases what the core has sent. All functions
    here work inside that transaction and see its own writes. The core never asks for a transaction,
    a lock or a thread.

    Records are plain structs. Slices in a record given to the store are borrowed for the call.
    Slices in a record handed to a visitor are valid only until the visitor returns; a visitor may
    call reading functions of the store. *_get functions copy into the caller's arena, and set
    *found instead of failing when there is no such row.

    Pages are keyset pages: rows strictly after (or before) a key, in the order of the key, at most
    limit of them. A visitor that fails ends the page with its own result.

    Errors: BG_STORAGE_FULL (no space), BG_STORE (anything else that a rollback cures), BG_STORE_IO
    (the process has to end). A BG_NOT_FOUND from an update is a bug of the core and may be an
    assertion of the store.
*/
#ifndef BUGLE_BROKER_CORE_STORE_PORT_H
#define BUGLE_BROKER_CORE_STORE_PORT_H

#include "common/base/arena.h"
#include "common/base/id.h"

/*  One version of a document. Every version ever posted is kept; the newest of a key is its head.
*/
typedef struct {
    bg_id key;            /*  document key; all zero for the authority  */
    uint64_t version;     /*  with key unique  */
    uint64_t type;        /*  wire_type of these bytes; WITHDRAWAL for a withdrawn object  */
    uint64_t object_type; /*  the type that the key belongs to: the withdrawn type, else as type  */
    bg_slice name;        /*  for people: job name, "job:NAME" of a switch, "authority"  */
    uint64_t revision;    /*  1, 2, ... of this key at this broker  */
    uint64_t withdrawn_version; /*  newest withdrawal of this key up to this version; 0 = none  */
    uint8_t content_hash[32];   /*  of the document without its version: equal means "unchanged"  */
    uint8_t hash[32];           /*  BLAKE2b-256 of the signed bytes  */
    bg_slice signed_bytes;      /*  encoded wire_signed, as received  */
    bg_slice posted_by;         /*  login name  */
    int64_t posted_us;
} broker_document_record;

/*  The newest version of a key, with the state of its deliveries: bitmaps over target numbers, the
    core's own format, empty when there were never any.  */
typedef struct {
    broker_document_record document;
    bg_slice deliveries;
} broker_head_record;

/*  A target, live or defected. Rows are never removed; numbers and ids are never reused.  */
typedef struct {
    uint32_t number; /*  primary key, from 1  */
    bg_id id;
    bg_slice name; /*  several defected targets and one live one may have the same  */
    bg_key sign_key;
    bg_key curve_key;
    bool provisional;
    int64_t defected_us;  /*  0 = member  */
    int64_t forgotten_us; /*  0 = not; implies defected  */
    bool key_cut;         /*  defected, and its key is no longer admitted  */
    uint64_t membership_version;
    uint64_t membership_revision;
    uint64_t membership_state; /*  WIRE_DELIVERY_*: pending, waiting, applied, failed  */
    bg_slice membership;       /*  encoded wire_signed of the newest membership  */
    int64_t membership_us;     /*  when it was posted  */
    bg_slice enlisted_by;      /*  login that signed the token  */
    int64_t enlisted_us;
} broker_target_record;

/*  What changes often about a target: columns of the same row, all zero or empty at enlistment.  */
typedef struct {
    bg_id outbox;
    uint64_t outbox_mark; /*  highest stored sequence of that outbox  */
    uint64_t boot_counter;
    bg_id instance;
    bg_slice zone;
    bg_slice version; /*  of the node's program  */
    int64_t utc_offset_s;
    int64_t last_poll_us;
    int64_t last_seen_us;
    int64_t clock_offset_us;
    bg_slice facts; /*  "key=value\n" for each  */
} broker_target_marks;

typedef struct {
    bg_key token_key;      /*  primary key  */
    bg_slice signed_bytes; /*  encoded wire_signed of the record, as received  */
    bg_slice created_by;
    int64_t created_us;
    int64_t expires_us;
    uint64_t uses;
    uint64_t used;
    int64_t revoked_us; /*  0 = it counts  */
    bg_slice revoked_by;
} broker_token_record;

/*  A machine that asks to be enlisted without a token. A rejected one stays for a while, to be told.  */
typedef struct {
    bg_id target;        /*  primary key; reserved for it  */
    bg_slice row;        /*  encoded wire_pending_row  */
    int64_t rejected_us; /*  0 = it waits  */
} broker_pending_record;

/*  A deed and what became of it. counts is indexed by run state (WIRE_RUN_*), counts[0] unused.  */
#define BROKER_RUN_STATES 6
typedef struct {
    bg_id id;      /*  primary key; ids sort by time  */
    uint64_t what; /*  WIRE_DEED_*  */
    bg_id job_key;
    bg_slice job_name;
    bg_slice login;
    bg_slice reason;
    int64_t issued_us;
    int64_t expires_us;
    bg_slice signed_bytes; /*  encoded wire_signed, as received  */
    /*  what execution_update changes:  */
    uint32_t targets;
    uint32_t begun;  /*  of them begun, running or over  */
    uint32_t over;   /*  of them over  */
    uint32_t silent; /*  never began before it expired  */
    uint32_t counts[BROKER_RUN_STATES];
    int64_t done_us;  /*  0 = open  */
    bg_slice bitmaps; /*  the core's own format; addressed, begun and done numbers  */
} broker_execution_record;

/*  What there is to say about one object (document key or execution id) on one target. Unique
    together.  */
typedef struct {
    bg_id object;
    uint32_t number;
    uint64_t version; /*  of the document; 0 for a deed  */
    uint64_t state;   /*  WIRE_DELIVERY_WAITING, FAILED or SKIPPED  */
    bg_slice code;
    bg_slice message;
    int64_t at_us;
    uint32_t attempts; /*  how often the target refused it  */
    bg_slice by;       /*  login that skipped it, or had it tried again  */
    bg_slice reason;   /*  why it was skipped  */
} broker_note_record;

/*  A run that began and has not ended.  */
typedef struct {
    bg_id run;       /*  primary key  */
    uint32_t number; /*  of the target  */
    bg_id job_key;
    bg_id exec; /*  zero when a schedule began it  */
    int64_t started_us;
    bg_slice bytes; /*  encoded wire_run  */
} broker_open_run_record;

/*  A run that is over. row is given by the store on reading: ascending in order of insertion, from
    1.  */
typedef struct {
    int64_t row;
    bg_id run; /*  not necessarily unique: exactly-once comes from the outbox mark  */
    bg_id job_key;
    bg_slice job_name;
    uint32_t number; /*  of the target  */
    bg_id exec;      /*  zero when none  */
    uint64_t state;  /*  WIRE_RUN_*  */
    bg_slice reason; /*  of a not-run; may be empty  */
    int64_t started_us;
    int64_t finished_us;
    int64_t stored_us;
    int64_t due_us; /*  of an occurrence: when it was due; 0: started by hand  */
    bg_slice bytes; /*  encoded wire_run, its steps without head and tail  */
    /*  Encoded wire_run with head and tail, empty when no step has any; a table of its own with its
        own retention. On reading only when asked for and still there.  */
    bg_slice output;
} broker_run_record;

/*  Zero or false members do not restrict. Order is newest first by when the run started (was stored, when it never
    started), then by row. With due_since_us or due_until_us, which need a job, order is by when it was due, and
    since_us and until_us do not count.  */
typedef struct {
    bg_id job_key;
    uint32_t number; /*  of the target  */
    bg_id exec;
    int64_t since_us; /*  started at or after it (stored, when it never started)  */
    int64_t until_us; /*  started before it (stored, when it never started)  */
    uint32_t states;  /*  bit (1 << WIRE_RUN_*) set: wanted; 0 = all  */
    int64_t before;   /*  what comes after this row in that order; 0 = from the newest  */
    uint32_t limit;   /*  at least 1  */
    bool output;      /*  fill broker_run_record.output  */
    bool oldest_first;
    bg_slice reason;
    int64_t min_duration_us; /*  from start to end  */
    int64_t due_since_us;
    int64_t due_until_us;
    /*  Not 0: at most so many rows of the index are looked at, and *scan_end is the last of them, to go on behind (as
        before), or 0 when there are no more.  */
    uint32_t scan;
    int64_t *scan_end;
} broker_run_filter;

/*  A category that somebody has created. key: its name without case.  */
typedef struct {
    bg_slice key;
    bg_slice name;
    bg_slice description;
    bg_slice created_by;
    int64_t created_us;
} broker_category_record;

typedef struct {
    bg_id before;     /*  ids below this one; zero = from the newest  */
    bg_id job_key;    /*  zero = of every job  */
    bool open_only;   /*  done_us = 0  */
    bg_slice login;   /*  of this login, without regard to case; empty = of all  */
    int64_t since_us; /*  issued at or after it; 0 = ever  */
    int64_t until_us; /*  issued before it; 0 = ever  */
    uint32_t limit;
} broker_execution_filter;

/*  What stays of the history.  */
typedef struct {
    int64_t history_us; /*  runs younger than that  */
    uint32_t
        history_least; /*  so many of the last runs of a job on a target, whatever their age  */
} broker_retention;

typedef bg_result (*broker_visit_head) (
    void *visitor, const broker_head_record *record, bg_error *err);
typedef bg_result (*broker_visit_document) (
    void *visitor, const broker_document_record *record, bg_error *err);
typedef bg_result (*broker_visit_target) (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err);
typedef bg_result (*broker_visit_token) (
    void *visitor, const broker_token_record *record, bg_error *err);
typedef bg_result (*broker_visit_pending) (
    void *visitor, const broker_pending_record *record, bg_error *err);
typedef bg_result (*broker_visit_execution) (
    void *visitor, const broker_execution_record *record, bg_error *err);
typedef bg_result (*broker_visit_note) (
    void *visitor, const broker_note_record *record, bg_error *err);
typedef bg_result (*broker_visit_open_run) (
    void *visitor, const broker_open_run_record *record, bg_error *err);
typedef bg_result (*broker_visit_run) (
    void *visitor, const broker_run_record *record, bg_error *err);

typedef bg_result (*broker_visit_category) (
    void *visitor, const broker_category_record *record, bg_error *err);

typedef struct broker_store broker_store;
struct broker_store {
    void *ctx;
    const char *name; /*  for status: "sqlite"  */

    /*  Named counters (term, position, runs, ...); one that was never set is 0. Names are at most
        32 letters.  */
    bg_result (*meta_get) (void *ctx, const char *name, int64_t *value, bg_error *err);
    bg_result (*meta_set) (void *ctx, const char *name, int64_t value, bg_error *err);

    /*  Documents. append inserts a new version, which becomes the head of its key.  */
    bg_result (*document_append) (void *ctx, const broker_document_record *record, bg_error *err);
    /*  version 0: the newest.  */
    bg_result (*document_get) (void *ctx, bg_id key, uint64_t version, bg_arena *arena,
        broker_document_record *record, bool *found, bg_error *err);
    /*  Versions of one key in ascending order, those >= from.  */
    bg_result (*document_versions) (void *ctx, bg_id key, uint64_t from, uint32_t limit,
        broker_visit_document visit, void *visitor, bg_error *err);
    /*  The same in descending order, those < before (0: from the newest); revision not 0: only that
        one.  */
    bg_result (*document_versions_down) (void *ctx, bg_id key, uint64_t before, uint64_t revision,
        uint32_t limit, broker_visit_document visit, void *visitor, bg_error *err);
    /*  Heads by ascending key; after NULL: from the first (the all-zero key is one).  */
    bg_result (*heads) (void *ctx, const bg_id *after, uint32_t limit, broker_visit_head visit,
        void *visitor, bg_error *err);
    /*  Replaces the delivery state of a key that has a head.  */
    bg_result (*deliveries_put) (void *ctx, bg_id key, bg_slice deliveries, bg_error *err);

    /*  Targets. put inserts, or replaces all of broker_target_record of that number and leaves the
        marks.  */
    bg_result (*target_put) (void *ctx, const broker_target_record *record, bg_error *err);
    bg_result (*target_marks) (
        void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err);
    /*  Only outbox, outbox_mark and last_seen_us of them, which is all that a report changes.  */
    bg_result (*target_mark) (
        void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err);
    bg_result (*targets) (void *ctx, uint32_t after, uint32_t limit, broker_visit_target visit,
        void *visitor, bg_error *err);

    /*  Tokens. put inserts; BG_EXISTS when the key is there.  */
    bg_result (*token_put) (void *ctx, const broker_token_record *record, bg_error *err);
    bg_result (*token_get) (void *ctx, const bg_key *token_key, bg_arena *arena,
        broker_token_record *record, bool *found, bg_error *err);
    bg_result (*token_used) (void *ctx, const bg_key *token_key, uint64_t used, bg_error *err);
    bg_result (*token_revoked) (
        void *ctx, const bg_key *token_key, int64_t at_us, bg_slice by, bg_error *err);
    /*  By ascending key, after NULL: from the first. usable_us not 0: only those that can be used at that time.  */
    bg_result (*tokens) (void *ctx, const bg_key *after, int64_t usable_us, uint32_t limit,
        broker_visit_token visit, void *visitor, bg_error *err);

    /*  Pending enlistments. put inserts or replaces; pendings gives all of them (they are bounded).  */
    bg_result (*pending_put) (void *ctx, const broker_pending_record *record, bg_error *err);
    bg_result (*pending_remove) (void *ctx, bg_id target, bg_error *err);
    bg_result (*pendings) (void *ctx, broker_visit_pending visit, void *visitor, bg_error *err);

    /*  Requests that were done, with the encoded answer. put inserts.  */
    bg_result (*request_put) (void *ctx, bg_id id, int64_t done_us, bg_slice answer, bg_error *err);
    bg_result (*request_get) (
        void *ctx, bg_id id, bg_arena *arena, bg_slice *answer, bool *found, bg_error *err);

    /*  Executions.  */
    bg_result (*execution_put) (void *ctx, const broker_execution_record *record, bg_error *err);
    bg_result (*execution_update) (void *ctx, const broker_execution_record *record, bg_error *err);
    bg_result (*execution_get) (void *ctx, bg_id id, bg_arena *arena,
        broker_execution_record *record, bool *found, bg_error *err);
    /*  Newest (highest id) first.  */
    bg_result (*executions) (void *ctx, const broker_execution_filter *filter,
        broker_visit_execution visit, void *visitor, bg_error *err);

    /*  Notes. put inserts or replaces; remove of one that is not there does nothing; number 0
        removes all of the object.  */
    bg_result (*note_put) (void *ctx, const broker_note_record *record, bg_error *err);
    bg_result (*note_remove) (void *ctx, bg_id object, uint32_t number, bg_error *err);
    bg_result (*note_get) (void *ctx, bg_id object, uint32_t number, bg_arena *arena,
        broker_note_record *record, bool *found, bg_error *err);
    /*  Of one object by ascending number, those > after.  */
    bg_result (*notes) (void *ctx, bg_id object, uint32_t after, uint32_t limit,
        broker_visit_note visit, void *visitor, bg_error *err);

    /*  Open runs. put inserts or replaces.  */
    bg_result (*open_run_put) (void *ctx, const broker_open_run_record *record, bg_error *err);
    bg_result (*open_run_remove) (void *ctx, bg_id run, bg_error *err);
    bg_result (*open_run_get) (void *ctx, bg_id run, bg_arena *arena,
        broker_open_run_record *record, bool *found, bg_error *err);
    bg_result (*open_runs) (void *ctx, const bg_id *after, uint32_t limit,
        broker_visit_open_run visit, void *visitor, bg_error *err);

    /*  History.  */
    bg_result (*runs_append) (void *ctx, const broker_run_record *record, bg_error *err);
    bg_result (*runs) (void *ctx, const broker_run_filter *filter, broker_visit_run visit,
        void *visitor, bg_error *err);

    /*  What a job says about its own history: how long (0: as for all) and how many of its last runs on a target (0: as
        for all).  */
    bg_result (*job_keep) (
        void *ctx, bg_id key, bg_slice name, int64_t keep_us, uint32_t keep_runs, bg_error *err);
    /*  Runs that started (were stored, when they never did) before a time, of a job or (zero) of all: count at most
        limit of them; have them removed by prune, also after a restart; is there such work?  */
    bg_result (*purge_count) (void *ctx, bg_id job_key, int64_t before_us, uint32_t limit,
        uint32_t *count, bg_error *err);
    bg_result (*purge_put) (void *ctx, bg_id job_key, int64_t before_us, bg_error *err);
    bg_result (*purge_pending) (void *ctx, bool *pending, bg_error *err);

    /*  Categories, by ascending key, those > after. put inserts; BG_EXISTS.  */
    bg_result (*category_put) (void *ctx, const broker_category_record *record, bg_error *err);
    bg_result (*category_remove) (void *ctx, bg_slice key, bool *found, bg_error *err);
    bg_result (*categories) (void *ctx, bg_slice after, uint32_t limit, broker_visit_category visit,
        void *visitor, bg_error *err);

    /*  Removes a bounded piece (at most 500 rows) of what was purged or is past its retention (design.md section
        8); *more says that there is more to remove.  */
    bg_result (*prune) (
        void *ctx, int64_t now_us, const broker_retention *keep, bool *more, bg_error *err);
};

#endif
