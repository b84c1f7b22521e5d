/*  What the node's core keeps across restarts, as a table of functions.

    The shell opens and commits transactions; the core only reads and writes inside one. Every function returns a
    failure of the store (BG_STORAGE_FULL, BG_STORE_IO, BG_STORE) and nothing else: "not there" is a value. Slices that
    a visitor gets are borrowed for the call; a visitor must not call the store. Slices put into the store are copied.

    Signed structures are kept as the encoding of wire_signed, runs as the encoding of wire_run.
*/
#ifndef BUGLE_NODE_CORE_STORE_PORT_H
#define BUGLE_NODE_CORE_STORE_PORT_H

#include "common/base/arena.h"
#include "common/base/id.h"

/*  Who this node is. One or none.  */
typedef struct {
    bg_id installation;
    bg_id target;
    uint64_t number;
    bg_slice name;
    bg_slice broker; /*  the broker's name, for people  */
    bg_key broker_curve_key;
    bg_slice endpoints;         /*  separated by newlines, as the token gave them  */
    uint8_t authority_hash[32]; /*  pinned by the token  */
    bg_key sign_key;
    bg_key curve_key;
    bg_id outbox;
    int64_t enlisted_us;
} node_identity;

/*  Whole numbers that are 0 until set.  */
typedef enum {
    NODE_NUMBER_BOOT = 1,      /*  starts of the node on this store  */
    NODE_NUMBER_STATE_SEQ = 2, /*  changes of what is held or refused  */
    NODE_NUMBER_OUTBOX = 3,    /*  last sequence given out  */
    NODE_NUMBER_TERM = 4,      /*  of the highest attestation  */
    NODE_NUMBER_POSITION = 5,
    NODE_NUMBER_LEAVING = 6, /*  node_leaving_mark  */
} node_number;

typedef enum {
    NODE_BLOB_INSTANCE = 1,    /*  16 bytes: the process that raised the boot counter last  */
    NODE_BLOB_ATTESTATION = 2, /*  the highest attestation, encoded wire_signed  */
    /*  Of an enlistment that waits to be approved; empty: none does.  */
    NODE_BLOB_ASKED = 3,  /*  what the person said, encoded wire_control_enlist  */
    NODE_BLOB_PINNED = 4, /*  the broker's first answer, encoded wire_enlist_pending  */
} node_blob;

/*  One key may have a version in each place: what counts, what was refused for good, what waits for its needs.  */
typedef enum {
    NODE_PLACE_HELD = 1,
    NODE_PLACE_REFUSED = 2,
    NODE_PLACE_WAITING = 3,
    NODE_PLACE_LOCAL = 4, /*  the machine's own, whoever it is enlisted with  */
} node_place;

typedef struct {
    node_place place;
    bg_id key;
    uint64_t type;
    uint64_t version;
    uint8_t hash[32]; /*  of the signed bytes  */
    bool dropped;     /*  held as a version, but not addressed to this target  */
    bg_slice code;    /*  why refused or waiting  */
    bg_slice message;
    bg_slice signed_item;
} node_document_row;

typedef enum {
    NODE_DEED_DONE = 1, /*  a START has begun, a STOP is in force  */
    NODE_DEED_REFUSED = 2,
    NODE_DEED_WAITING = 3, /*  parked, with its bytes  */
} node_deed_state;

typedef struct {
    bg_id id;
    uint64_t what;
    bg_id job_key;
    node_deed_state state;
    int64_t expires_us;
    bg_slice code;
    bg_slice message;
    bg_slice signed_item; /*  only while waiting  */
} node_deed_row;

/*  The newest occurrence of a schedule that was dealt with: later ones count, others do not.  */
typedef struct {
    bg_id job_key;
    bg_slice schedule;
    int64_t nominal_us;
} node_mark_row;

/*  An occurrence that is due and of which bugle-exec has not said yet what became of it.  */
typedef struct {
    bg_id occurrence;
    bg_id job_key;
    bg_slice schedule;
    int64_t nominal_us;
    uint64_t fold;
} node_occurrence_row;

typedef struct {
    bg_id run;
    bg_id job_key;
    bg_id exec;       /*  zero when of a schedule  */
    bg_id occurrence; /*  zero when of a deed  */
    uint64_t state;   /*  wire run state; 0 is running, 6 waiting: both are open  */
    int64_t started_us;
    int64_t finished_us;
    bg_slice blob; /*  encoded wire_run  */
    uint64_t row;  /*  rises with each run that was inserted; not used by put  */
} node_history_row;

typedef struct {
    uint64_t sequence;
    bg_slice blob; /*  encoded wire_run  */
} node_outbox_row;

typedef struct {
    uint64_t sequence;
    bg_slice code;
    bg_slice message;
    bg_slice blob;
} node_refused_row;

/*  How long and how many finished runs of one job are kept; 0: as those of all.  */
typedef struct {
    bg_id job_key;
    int64_t keep_us;
    uint64_t keep_runs;
} node_history_limit;

typedef struct {
    uint64_t rows;
    uint64_t bytes; /*  of the blobs  */
    uint64_t first; /*  lowest sequence, 0 when empty  */
} node_outbox_size;

typedef bool node_document_visit (
    void *visitor, const node_document_row *row); /*  false ends it  */
typedef bool node_deed_visit (void *visitor, const node_deed_row *row);
typedef bool node_mark_visit (void *visitor, const node_mark_row *row);
typedef bool node_occurrence_visit (void *visitor, const node_occurrence_row *row);
typedef bool node_outbox_visit (void *visitor, const node_outbox_row *row);
typedef bool node_history_visit (void *visitor, const node_history_row *row);
typedef bool node_spent_visit (void *visitor, bg_id job_key, uint64_t version);
typedef bool node_authority_visit (void *visitor, uint64_t version, bg_slice signed_item);

typedef struct {
    void *ctx;

    bg_result (*identity_get) (
        void *ctx, bg_arena *arena, node_identity *identity, bool *found, bg_error *err);
    bg_result (*identity_put) (void *ctx, const node_identity *identity, bg_error *err);
    bg_result (*number_get) (void *ctx, node_number which, uint64_t *value, bg_error *err);
    bg_result (*number_put) (void *ctx, node_number which, uint64_t value, bg_error *err);
    /*  Empty when not set.  */
    bg_result (*blob_get) (
        void *ctx, node_blob which, bg_arena *arena, bg_slice *value, bg_error *err);
    bg_result (*blob_put) (void *ctx, node_blob which, bg_slice value, bg_error *err);

    /*  Every authority version that was taken over; visited in ascending order, later than after.  */
    bg_result (*authority_put) (void *ctx, uint64_t version, bg_slice signed_item, bg_error *err);
    bg_result (*authority_each) (
        void *ctx, uint64_t after, node_authority_visit *visit, void *visitor, bg_error *err);

    bg_result (*document_put) (void *ctx, const node_document_row *row, bg_error *err);
    bg_result (*document_remove) (void *ctx, node_place place, bg_id key, bg_error *err);
    bg_result (*document_get) (void *ctx, node_place place, bg_id key, bg_arena *arena,
        node_document_row *row, bool *found, bg_error *err);
    /*  In the order of types, then keys.  */
    bg_result (*document_each) (
        void *ctx, node_place place, node_document_visit *visit, void *visitor, bg_error *err);

    bg_result (*deed_put) (void *ctx, const node_deed_row *row, bg_error *err);
    bg_result (*deed_each) (void *ctx, node_deed_visit *visit, void *visitor, bg_error *err);
    /*  Removes those that expired before the time.  */
    bg_result (*deed_prune) (void *ctx, int64_t before_us, bg_error *err);

    bg_result (*mark_put) (void *ctx, const node_mark_row *row, bg_error *err);
    bg_result (*mark_each) (void *ctx, node_mark_visit *visit, void *visitor, bg_error *err);
    bg_result (*mark_remove_job) (void *ctx, bg_id job_key, bg_error *err);

    bg_result (*occurrence_put) (void *ctx, const node_occurrence_row *row, bg_error *err);
    bg_result (*occurrence_remove) (void *ctx, bg_id occurrence, bg_error *err);
    bg_result (*occurrence_each) (
        void *ctx, node_occurrence_visit *visit, void *visitor, bg_error *err);

    bg_result (*outbox_append) (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err);
    /*  Ascending, sequence > after, at most limit.  */
    bg_result (*outbox_each) (void *ctx, uint64_t after, size_t limit, node_outbox_visit *visit,
        void *visitor, bg_error *err);
    /*  Replaces the blob (output cut away).  */
    bg_result (*outbox_replace) (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err);
    bg_result (*outbox_remove_through) (void *ctx, uint64_t sequence, bg_error *err);
    /*  All sequences lower by so much: a new outbox begins at 1.  */
    bg_result (*outbox_renumber) (void *ctx, uint64_t less, bg_error *err);
    bg_result (*outbox_size) (void *ctx, node_outbox_size *size, bg_error *err);
    /*  Sets an item that the broker refused aside; the newest 100 are kept.  */
    bg_result (*refused_put) (void *ctx, const node_refused_row *row, bg_error *err);

    /*  Inserts the run or replaces it.  */
    bg_result (*history_put) (void *ctx, const node_history_row *row, bg_error *err);
    bg_result (*history_get) (
        void *ctx, bg_id run, bg_arena *arena, node_history_row *row, bool *found, bg_error *err);
    /*  Newest first (by insertion), at most limit; open_only: those that go on or wait.  */
    bg_result (*history_each) (void *ctx, bool open_only, size_t limit, node_history_visit *visit,
        void *visitor, bg_error *err);
    /*  Newest first, rows below before only (0: all), of one job only when its key is not zero.  */
    bg_result (*history_page) (void *ctx, bg_id job_key, uint64_t before, size_t limit,
        node_history_visit *visit, void *visitor, bg_error *err);
    /*  Removes finished runs that ended before the time, but those of jobs with a time of their own, and the oldest of all
        while all blobs are over max_bytes: at most limit rows a call. *removed: how many.  */
    bg_result (*history_prune) (void *ctx, int64_t before_us, uint64_t max_bytes, size_t limit,
        size_t *removed, bg_error *err);

    /*  Removes finished runs beyond the limits of their jobs, likewise.  */
    bg_result (*history_prune_jobs) (
        void *ctx, int64_t now_us, size_t limit, size_t *removed, bg_error *err);
    /*  Both zero: the job has no limits.  */
    bg_result (*history_limit_put) (void *ctx, const node_history_limit *limit, bg_error *err);

    /*  Versions up to which jobs have deleted themselves; 0: none.  */
    bg_result (*spent_put) (void *ctx, bg_id job_key, uint64_t version, bg_error *err);
    bg_result (*spent_get) (void *ctx, bg_id job_key, uint64_t *version, bg_error *err);
    bg_result (*spent_each) (void *ctx, node_spent_visit *visit, void *visitor, bg_error *err);

    /*  Removes everything of the enlistment: all but history, local documents with what is due of them, the boot counter
        and the instance.  */
    bg_result (*forget) (void *ctx, bg_error *err);
} node_store;

#endif
