/*  The state of the core, shared by its rooms and by nobody else.

    Ownership: the core owns every target, document, execution, stream and so on that hangs in its
    tables; pointers to them are borrowed and stay valid until the core is destroyed, except
    executions and reservations, which the tick may drop. What has to reach the store before the
    next commit is marked dirty and hangs in a list of its kind.

    Deliveries are bitmaps over target numbers in each document. Invariants (broker_core_check):
      - applied, waiting, failed and skipped are disjoint subsets of rows; a row in none of them is
        pending;
      - all rows of a document stand at its newest version;
      - a target's digest is the XOR over its rows and its membership, its counts are those of its
        rows; a skipped row adds the version that the target had settled before, if any;
      - only targets that are members have rows.
*/
#ifndef BUGLE_BROKER_CORE_STATE_H
#define BUGLE_BROKER_CORE_STATE_H

#include "broker/core/bitmap.h"
#include "broker/core/core.h"
#include "broker/core/hash.h"
#include "broker/core/held.h"
#include "proto/audience.h"
#include "proto/digest.h"
#include "proto/frame.h"
#include "proto/seal.h"
#include "proto/trust.h"

/*  Values of SEMANTICS: design.md sections 7 and 16.  */
#define BROKER_TICK_US          BG_SEC (15)
#define BROKER_SCAN_US          BG_SEC (5)
#define BROKER_ROTATE_CHECK_US  BG_SEC (1)
#define BROKER_ROTATE_MAX_US    BG_SEC (120)
#define BROKER_WATCH_US         BG_MS (100)
#define BROKER_PRUNE_US         BG_MIN (10)
#define BROKER_RESERVE_US       BG_SEC (60)
#define BROKER_RESERVATIONS_MAX 20000
#define BROKER_CLOCK_DEED_US    BG_SEC (60)
#define BROKER_CLOCK_DOC_US     BG_HOUR (1)
#define BROKER_RUN_WAIT_US                                                                         \
    BG_HOUR (24) /*  how long an expired execution waits for runs that began  */
#define BROKER_DEFECT_WAIT_US                                                                      \
    BG_DAY (7) /*  how long a defected target's key is kept for its last instruction  */
#define BROKER_INVENTORY_US BG_MIN (10) /*  between inventories after the same difference twice  */
#define BROKER_OPEN_RUNS_MAX                                                                       \
    2048 /*  of one target, those that wait included: bugle-exec has no more  */
#define BROKER_PIECE         1000 /*  targets or rows in one piece of work  */
#define BROKER_PAGE_BYTES    (200 * 1024)
#define BROKER_CACHE_BYTES   ((size_t) 64 * 1024 * 1024)
#define BROKER_WATCHERS_MAX  1000
#define BROKER_NUMBERS_AHEAD 65536u /*  target numbers that RESUME leaves to the lost part  */
#define BROKER_QUESTIONS_MAX 256
#define BROKER_QUESTION_US   BG_SEC (10) /*  a target has to answer  */
#define BROKER_COUNTERS_MAX  96
#define BROKER_OP_EVENTS     4096 /*  changes of the download list that are remembered  */
#define BROKER_OP_SERIAL_MAX ((UINT64_C (1) << 37) - 1)

typedef struct broker_target broker_target;
typedef struct broker_document broker_document;
typedef struct broker_execution broker_execution;
typedef struct broker_stream broker_stream;
typedef struct broker_open_run broker_open_run;
typedef struct broker_reservation broker_reservation;
typedef struct broker_pending broker_pending;
typedef struct broker_push broker_push;
typedef struct broker_watcher broker_watcher;
typedef struct broker_question broker_question;

/*  One enlisted or once enlisted machine. States in words: broker_target_state.  */
struct broker_target {
    uint32_t number;
    bg_id id;
    bg_key curve_key;
    bg_key sign_key;
    bool provisional;
    bool key_cut;
    int64_t defected_us;  /*  0 = member  */
    int64_t forgotten_us; /*  0 = in the lists  */
    uint64_t membership_version;
    uint64_t membership_revision;
    uint64_t membership_state;
    int64_t membership_us;
    bg_arena arena;             /*  of the two below; replaced as a whole with each membership  */
    wire_membership membership; /*  decoded  */
    bg_slice membership_bytes;  /*  encoded wire_signed  */
    char *name;                 /*  of the membership  */
    char *name_key;
    char *enlisted_by;
    int64_t enlisted_us;
    broker_target_marks marks; /*  its slices point to the two strings below  */
    char *zone;
    char *version;
    char *facts_text;
    bg_arena facts_arena;
    wire_pair *facts;
    size_t fact_count;

    bool has_session;
    bg_id session;
    uint64_t session_epoch;
    int64_t told_heartbeat_us;
    bool inventoried;      /*  in this session, while the broker is restored  */
    int64_t heard_mono_us; /*  0 = not since this core started  */
    int64_t polled_mono_us;
    uint64_t acked_state_seq;
    uint8_t differed[16];      /*  the node's digest of the last difference; all zero = none  */
    int64_t inventory_mono_us; /*  no inventory is asked for before  */
    bool resync;               /*  somebody wants one, whatever the digests say  */

    uint32_t pending; /*  documents, authority and membership included, by state  */
    uint32_t waiting;
    uint32_t failed;
    uint32_t skipped;
    uint32_t blind; /*  skipped ones of which it is not known what the target has settled  */
    uint32_t rows;
    uint32_t deeds; /*  open ones it has not taken up  */
    uint32_t running;
    uint32_t waiting_runs;
    uint8_t digest[16];
    bool flag_sent; /*  the front answers heartbeats with pending  */

    bool mark_dirty;  /*  it is in the list; of its marks only the outbox's have changed  */
    bool marks_dirty; /*  all of them may have; implies mark_dirty  */
    broker_target *next_dirty;
    UT_hash_handle by_id;
    UT_hash_handle by_key;
    UT_hash_handle by_name;
};

/*  The newest version of one key. For a withdrawn object the name, audience and switch of its last
    definition stay.  */
struct broker_document {
    bg_id key;
    uint64_t type; /*  WITHDRAWAL when withdrawn  */
    uint64_t object_type;
    uint64_t version;
    uint64_t revision;
    uint64_t withdrawn_version;
    char *name;
    char *name_key;
    uint8_t content_hash[32];
    uint8_t hash[32];
    char *posted_by;
    int64_t posted_us;
    size_t signed_size;
    uint8_t *cached; /*  encoded wire_signed, or NULL: then the store has it  */

    bg_arena arena;         /*  of the decoded parts below  */
    wire_audience audience; /*  of a job  */
    bg_id *uses; /*  keys of the schedules and calendars that a live job or schedule uses  */
    size_t use_count;
    bool is_wanted; /*  of a schedule or calendar, only while one target is looked at (shared.c)  */
    uint64_t start_by;
    char *category;
    char *owner; /*  as the job says; empty: who posted it  */
    int64_t history_us;
    uint32_t history_runs;
    int64_t enabled_until_us;
    uint32_t steps;
    uint32_t schedules;
    bg_id object_key;          /*  of a switch: its job or schedule; of these: its switch  */
    bool disabled;             /*  by a switch; of a job: by its definition  */
    int64_t disabled_until_us; /*  of a switch: from then on it is the other way round; 0: never  */
    char *disabled_reason;
    uint64_t switch_of; /*  of a switch: the type of what it switches  */
    int64_t poll_us;    /*  of a target's switch; 0: the broker's  */

    broker_bitmap addressed; /*  by the audience of the newest version  */
    broker_bitmap rows;
    broker_bitmap applied;
    broker_bitmap waiting;
    broker_bitmap failed;
    broker_bitmap skipped;
    broker_bitmap noted;    /*  the store has a note about the row  */
    broker_bitmap spent;    /*  of a job: targets on which this version has deleted itself  */
    broker_held held;       /*  older versions that are in force where the newest is not  */
    broker_held settled;    /*  what was settled last where the newest is not: in the digest  */
    uint64_t first_version; /*  the first since it was created; 0: not known  */

    uint32_t running;
    uint32_t waiting_runs;
    bool last_known; /*  last_state and last_us are those of the store  */
    uint64_t last_state;
    int64_t last_us;

    bool dirty;
    broker_document *next_dirty;
    UT_hash_handle hh;
};

struct broker_watcher {
    bg_key peer;
    bg_id request;
    broker_watcher *next;
};

/*  A deed: open, or done and not yet dropped from memory.  */
struct broker_execution {
    bg_id id;
    uint64_t what;
    bg_id job_key;
    char *job_name;
    char *login;
    char *reason;
    int64_t issued_us;
    int64_t expires_us;
    uint8_t *bytes; /*  encoded wire_signed  */
    size_t size;
    broker_bitmap addressed;
    broker_bitmap begun; /*  begun, over, refused or gone  */
    broker_bitmap over;
    broker_bitmap canceled; /*  before they had begun, as far as was known; over without a run  */
    bg_id canceled_by;      /*  the newest STOP of this execution; zero: none  */
    bool one_shot;          /*  the deed brings its job  */
    uint32_t targets;
    uint32_t begun_count;
    uint32_t over_count;
    uint32_t silent;
    uint32_t counts[BROKER_RUN_STATES];
    bool expired;
    int64_t done_us;

    broker_watcher *watchers;
    bool watch_due;
    int64_t watched_mono_us;
    int64_t touched_mono_us;
    bool dirty;
    broker_execution *next_dirty;
    UT_hash_handle hh;
};

struct broker_open_run {
    bg_id run;
    uint32_t number;
    bg_id job_key;
    bg_id exec;
    int64_t started_us;
    bg_buf bytes; /*  encoded wire_run; empty once it is in the store  */
    bool stored;
    bool waiting; /*  for its turn  */
    bool of_job;  /*  counted in the job's figures  */
    bool dirty;
    broker_open_run *next_dirty;
    UT_hash_handle hh;
};

/*  An answered ENLIST_HELLO, for a minute.  */
struct broker_reservation {
    bg_key curve_key;
    bg_key sign_key;
    bg_key token_key;
    bg_id target;
    uint32_t number;
    char *name;
    uint8_t broker_nonce[16];
    uint8_t target_nonce[16];
    int64_t until_mono_us;
    UT_hash_handle hh;
};

/*  A machine that asks to be enlisted without a token.  */
struct broker_pending {
    bg_key curve_key;
    bg_arena arena; /*  of the row  */
    wire_pending_row row;
    int64_t stored_us;   /*  row.seen_us as the store has it  */
    int64_t rejected_us; /*  0 = it waits  */
    UT_hash_handle hh;
};

struct broker_stream {
    char *name; /*  "all", "g/<group in lower case>"  */
    uint64_t sequence;
    uint32_t key_number;
    bg_key key;
    bool rotating;
    uint32_t next_key_number;
    bg_key next_key;
    int64_t rotate_mono_us;
    wire_instruct queued; /*  instructions and references not yet published  */
    size_t queued_bytes;
    bg_arena queue_arena;
    UT_hash_handle hh;
};

/*  A question that a target was asked and who wants to know.  */
struct broker_question {
    bg_id id; /*  request id of the ASK  */
    bg_key asker;
    bg_id request; /*  of the asker  */
    uint32_t number;
    bg_id session;
    int64_t until_mono_us;
    UT_hash_handle hh;
};

/*  Instructions on their way to single targets, a piece at a time.  */
struct broker_push {
    bool is_deed;
    bool rest_only; /*  only rows that the audience does not address: the others have a stream  */
    bg_id key;      /*  of the document or execution  */
    uint64_t version;
    uint32_t cursor;
    bg_buf body; /*  encoded wire_instruct  */
    broker_push *next;
};

/*  One change of the download list: of one row, or (number 0) of all rows of a document or deed.  */
typedef struct {
    int64_t at_us;
    bg_id key;
    uint64_t version;
    uint64_t state;
    uint32_t number;
} broker_op_event;

typedef struct {
    char name[65];
    uint64_t value;
} broker_counter;

/*  mode.c: what holds for the whole installation. Numbers as in the store.  */
typedef struct {
    int64_t set[BROKER_SETTING_COUNT]; /*  value + 1; 0: the default  */
    uint64_t session_epoch;            /*  sessions of an older one have to say hello again  */
    uint32_t ending;                   /*  the next number that is told so; 0: all are  */
    int64_t restored;                  /*  0 or 1  */
    int64_t restores;                  /*  how often it was resumed  */
    int64_t restored_from_us;
    int64_t proof_term;
    int64_t proof_position;
    int64_t lost_outcomes;
    int64_t adopted;
    int64_t number_floor; /*  target numbers below were given out, here or in the lost part  */
    int64_t dismantled_us;
    int64_t backup_us;
} broker_mode;

struct broker_core {
    broker_mode mode;
    broker_settings settings; /*  its slices are owned copies in the arena  */
    bg_arena arena;
    const broker_ports *ports;
    const wire_crypto *crypto;
    const broker_store *store;
    wire_keyring *keyring;
    bool recovered;
    bool front_up;

    int64_t term;
    int64_t position;
    int64_t runs_total;
    bool runs_dirty;
    bool changed; /*  something durable was written in this batch  */

    broker_target **targets; /*  by number  */
    uint32_t target_capacity;
    uint32_t next_number;
    uint32_t *spare_numbers; /*  of reservations that nobody proved: given out again first  */
    size_t spare_count;
    size_t spare_capacity;
    uint32_t members;
    broker_target *target_ids;
    broker_target *target_keys;
    broker_target *target_names;

    broker_document *documents;
    broker_document **job_order; /*  jobs by name key; NULL when it has to be made again  */
    size_t job_order_count;
    size_t cached_bytes;

    uint8_t stream_session[8];
    broker_stream *streams;
    broker_execution *executions;
    broker_open_run *open_runs;
    uint32_t waiting_runs; /*  of them  */
    broker_reservation *reservations;
    broker_question *questions;
    broker_pending *pendings;
    uint8_t nonce_secret[32]; /*  of what strangers are asked to sign; another one in each core  */
    broker_push *pushes;
    broker_push **push_end;
    size_t watchers;
    bool prune_due;

    int64_t event_us;           /*  wall clock of the event in work  */
    broker_op_event *op_events; /*  BROKER_OP_EVENTS of them, a ring; NULL until the first  */
    uint64_t op_first;          /*  serial before the first event of this process  */
    uint64_t op_last;           /*  serial of the newest  */

    broker_target *dirty_targets;
    broker_document *dirty_documents;
    broker_execution *dirty_executions;
    broker_open_run *dirty_runs;
    bg_buf scratch;

    broker_counter counters[BROKER_COUNTERS_MAX];
    size_t counter_count;
    broker_counter front_counters[128];
    size_t front_counter_count;

    int64_t tick_mono_us;
    int64_t scan_mono_us;
    int64_t rotate_mono_us;
    int64_t expiry_mono_us;
    int64_t watch_mono_us;
    int64_t prune_mono_us;
    int64_t question_mono_us;
    int64_t recovered_mono_us;
};

/*  One message in work. A handler answers with broker_answer, or fails: then the peer gets the
    error. Failures of the store (broker_is_store_failure) end the batch instead, so a handler
    checks everything before it writes anything.  */
typedef struct {
    broker_core *core;
    bg_now now;
    const broker_message *message;
    wire_header header;
    const wire_kind_row *row;
    const void *body;
    bg_arena *arena;
    broker_target *target;   /*  DESK  */
    const wire_login *login; /*  OPS  */
    uint64_t item;           /*  from 1: which item of the request the error is about  */
} broker_request;

typedef bg_result (*broker_handler) (broker_request *request, bg_error *err);

#endif
