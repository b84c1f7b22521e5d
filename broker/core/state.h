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
#define BROKER_INVENTORY_US  BG_MIN (10) /*  between inventories after the same difference twice  */
#define BROKER_OPEN_RUNS_MAX 1024        /*  of one target: bugle-exec has no more either  */
#define BROKER_PIECE         1000        /*  targets or rows in one piece of work  */
#define BROKER_PAGE_BYTES    (200 * 1024)
#define BROKER_CACHE_BYTES   ((size_t) 64 * 1024 * 1024)
#define BROKER_WATCHERS_MAX  1000
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
    int64_t defected_us; /*  0 = member  */
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
    uint8_t digest[16];
    bool flag_sent; /*  the front answers heartbeats with pending  */

    bool marks_dirty;
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
    uint64_t start_by;
    char *category;
    uint32_t steps;
    uint32_t schedules;
    bg_id object_key; /*  of a switch: its job; of a job: its switch  */
    bool disabled;
    int64_t disabled_until_us;
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
    broker_held held;       /*  older versions that are in force where the newest is not  */
    broker_held settled;    /*  what was settled last where the newest is not: in the digest  */
    uint64_t first_version; /*  the first since it was created; 0: not known  */

    uint32_t running;
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
    bool of_job; /*  counted in the job's running  */
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

/*  ---- core.c ----  */

bool broker_is_store_failure (bg_result result);
/*  A text of the store that cannot be read is the store's failure, whatever the decoder called it.
*/
bg_result broker_stored_badly (bg_error *err, const char *what);
void broker_count (broker_core *self, const char *name);
void broker_count_forget (broker_core *self, const char *name);
void broker_log (broker_core *self, broker_log_level level, const char *event, const char *format,
    ...) BG_PRINTF (4, 5);
bg_id broker_make_id (broker_core *self, bg_now now);
bool broker_id_is_key (bg_id id); /*  not zero  */
void broker_replace_str (char **text, bg_slice with);
bg_slice broker_name_key (bg_arena *arena, bg_slice name);

/*  ---- mode.c ----  */

bg_result broker_mode_load (broker_core *self, bg_error *err) BG_CHECKED;
/*  Numbers go on above what the lost part of a restored store has given out.  */
void broker_mode_numbers (broker_core *self);
/*  Refuses while restored or dismantled: for whatever people and strangers change.  */
bg_result broker_mode_check (const broker_core *self, bg_error *err) BG_CHECKED;
/*  The same for what a request asks; some may be asked of a restored broker.  */
bg_result broker_mode_check_request (
    const broker_core *self, uint64_t what, bg_error *err) BG_CHECKED;
/*  Restored: nothing is handed out.  */
bool broker_mode_is_quiet (const broker_core *self);
/*  Somebody shows a pair with our own signature: above ours it makes the core restored.  */
bg_result broker_mode_proof (
    broker_core *self, uint64_t term, uint64_t position, const char *who, bg_error *err) BG_CHECKED;
bg_result broker_mode_lost (broker_core *self, uint64_t outcomes, bg_error *err) BG_CHECKED;
bg_result broker_mode_adopted (broker_core *self, bg_error *err) BG_CHECKED;
/*  Long work: targets are told that their session is over, a piece at a time.  */
bool broker_mode_has_work (const broker_core *self);
void broker_mode_work (broker_core *self, bg_now now);
broker_retention broker_mode_retention (const broker_core *self);
/*  Three beats and the front's report of them.  */
int64_t broker_silent_us (const broker_core *self, const broker_target *target);
bg_result broker_request_set (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_backup (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_resume (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_dismantle (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- dispatch.c ----  */

void broker_answer (broker_request *request, wire_kind kind, const void *value);
/*  An unasked message to a connected target.  */
void broker_send_target (
    broker_core *self, const broker_target *target, wire_kind kind, bg_slice body);
void broker_send (broker_core *self, wire_channel channel, const bg_key *peer, wire_kind kind,
    bg_id request, bg_id session, const void *value);

/*  ---- targets.c ----  */

bg_result broker_target_load (broker_core *self, const broker_target_record *record,
    const broker_target_marks *marks, broker_target **target, bg_error *err) BG_CHECKED;
void broker_target_free (broker_core *self, broker_target *target);
broker_target *broker_target_at (const broker_core *self, uint32_t number);
broker_target *broker_target_with_id (const broker_core *self, bg_id id);
broker_target *broker_target_with_key (const broker_core *self, const bg_key *key);
/*  A member with this name, without regard to case.  */
broker_target *broker_target_named (const broker_core *self, bg_slice name);
/*  The same, or by an unambiguous piece of the id; BG_NOT_FOUND with the nearest name as hint.  */
bg_result broker_target_find (
    const broker_core *self, bg_slice typed, broker_target **target, bg_error *err) BG_CHECKED;
/*  Takes a newer membership over: name, groups, labels; not the keys. The indexes follow.  */
bg_result broker_target_take_membership (
    broker_core *self, broker_target *target, bg_slice bytes, bg_error *err) BG_CHECKED;
bg_result broker_target_store (
    broker_core *self, const broker_target *target, bg_error *err) BG_CHECKED;
void broker_target_dirty (broker_core *self, broker_target *target);
bool broker_target_is_member (const broker_target *target);
bool broker_target_is_connected (const broker_core *self, const broker_target *target, bg_now now);
uint64_t broker_target_state (const broker_core *self, const broker_target *target, bg_now now);
/*  The switch of its poll interval, NULL when it never had one; and the interval that counts.  */
broker_document *broker_target_switch (const broker_core *self, const broker_target *target);
int64_t broker_target_poll_us (const broker_core *self, const broker_target *target);
bool broker_target_in_group (const broker_target *target, bg_slice group);
bool broker_target_matches (const broker_target *target, const wire_audience *audience);
/*  The target leaves: no deliveries, no deeds, no streams; its name is free. With cut its key goes
    too, else that happens when it has taken its last membership.  */
bg_result broker_target_leave (
    broker_core *self, broker_target *target, bg_now now, bool cut, bg_error *err) BG_CHECKED;
bg_result broker_target_cut (broker_core *self, broker_target *target, bg_error *err) BG_CHECKED;
void broker_target_heard (broker_target *target, bg_now now);
/*  Sends the front what changed of the pending flags; drops keys whose time is over.  */
bg_result broker_targets_scan (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;
void broker_targets_send_keys (broker_core *self);
/*  Its key may connect from now on.  */
void broker_target_admit (broker_core *self, const broker_target *target);

/*  ---- facts.c ----  */

/*  Facts as they are stored; what is no pair of label words is left out.  */
bg_slice broker_facts_text (const wire_pair *facts, size_t count, bg_arena *arena);
/*  Takes facts over from that form.  */
void broker_target_take_facts (broker_target *target, bg_slice text);
/*  The labels of a target and its facts as fact.KEY, for a query's selector. Returns how many; at most limit.  */
size_t broker_target_described (
    const broker_target *target, wire_pair *pairs, size_t limit, bg_arena *arena);

/*  ---- enlist.c ----  */

bg_result broker_on_enlist_hello (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_enlist_prove (broker_request *request, bg_error *err) BG_CHECKED;
void broker_reservations_expire (broker_core *self, bg_now now);
void broker_reservation_free (broker_core *self, broker_reservation *reservation);
bg_result broker_enlist_level (
    const broker_core *self, uint64_t low, uint64_t high, bg_error *err) BG_CHECKED;
/*  *member is set when exactly this machine is enlisted under this name, and NULL when it is nobody here; enlisted
    under another name it is refused. A machine that was removed here and asks again does not hold what it was removed
    from: its key is cut.  */
bg_result broker_enlist_same (broker_request *request, const bg_key *sign_key, bg_slice name,
    broker_target **member, bg_error *err) BG_CHECKED;
/*  A number for a target to be, and one back of which nothing came.  */
uint32_t broker_number_take (broker_core *self);
void broker_number_spare (broker_core *self, uint32_t number);

/*  ---- tokens.c ----  */

/*  A record that was verified when it was stored.  */
typedef struct {
    broker_token_record record;
    wire_signed bytes;
    wire_token token;
} broker_token;

bg_result broker_on_token_create (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_token_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_token_find (
    broker_request *request, const bg_key *token_key, broker_token *out, bg_error *err) BG_CHECKED;
/*  Whether a machine of that name may enlist with it now.  */
bg_result broker_token_usable (
    broker_request *request, const broker_token *token, bg_slice name, bg_error *err) BG_CHECKED;
bool broker_token_replaces (const broker_token *token, bg_slice name);
bg_result broker_request_token_revoke (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- pending.c ----  */

/*  What a stranger has to sign to prove that it has this key: known to nobody before, good for a minute or two.  */
void broker_stranger_nonce (
    const broker_request *request, const bg_key *sign_key, uint8_t nonce[16]);
/*  *is_fresh false: it is well signed, but of an older nonce; the peer is given a new one. hash: what else is in it.  */
bg_result broker_stranger_proof (broker_request *request, const wire_signed *proof,
    const bg_key *sign_key, const uint8_t target_nonce[16], const uint8_t hash[32], bool *is_fresh,
    bg_error *err) BG_CHECKED;
bg_result broker_on_enlist_ask (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_pending_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_pending_load (
    broker_core *self, const broker_pending_record *record, bg_error *err) BG_CHECKED;
void broker_pending_free (broker_core *self, broker_pending *pending);
bg_result broker_pendings_expire (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  Who waits under this target id; NULL when nobody does.  */
broker_pending *broker_pending_with_id (const broker_core *self, bg_id target);
/*  Whether the membership is of exactly that machine, and its name free.  */
bg_result broker_pending_check (const broker_core *self, const broker_pending *pending,
    const wire_membership *membership, bg_error *err) BG_CHECKED;
/*  Makes it a target. The row is gone afterwards.  */
bg_result broker_pending_approve (broker_request *request, broker_pending *pending,
    const wire_verified *verified, const wire_signed *document, broker_target **target,
    bg_error *err) BG_CHECKED;
bg_result broker_pending_drop (
    broker_core *self, const bg_key *curve_key, bg_error *err) BG_CHECKED;
bg_result broker_request_reject (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- claims.c ----  */

bg_result broker_on_enlist_claim (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- sessions.c ----  */

bg_result broker_on_hello (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_defect (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_ops_hello (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- poll.c, inventory.c ----  */

bg_result broker_on_poll (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_fetch (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_inventory (broker_request *request, bg_error *err) BG_CHECKED;
/*  Whether the difference between the digests is to be settled now.  */
bool broker_inventory_wanted (broker_request *request, const wire_poll *poll);

/*  ---- documents.c, document_store.c ----  */

bg_result broker_on_post (broker_request *request, bg_error *err) BG_CHECKED;
broker_document *broker_document_with_key (const broker_core *self, bg_id key);
broker_document *broker_document_job (
    const broker_core *self, bg_slice name); /*  live job of that name, or NULL  */
/*  The same; BG_NOT_FOUND with the nearest name as hint.  */
bg_result broker_document_find_job (
    const broker_core *self, bg_slice name, broker_document **job, bg_error *err) BG_CHECKED;
bool broker_document_is_live (const broker_document *document);
/*  The switch of a job, if there is one that counts (newer than the job's last withdrawal).  */
broker_document *broker_document_switch (const broker_core *self, const broker_document *job);
bool broker_document_is_disabled (const broker_core *self, const broker_document *job,
    int64_t now_us, const broker_document **by);
/*  Its signed bytes, decoded into the arena.  */
bg_result broker_document_signed (broker_core *self, broker_document *document, bg_arena *arena,
    wire_signed *out, bg_error *err) BG_CHECKED;
/*  Takes a record for the newest version of its key: a new document or a newer version of the one
    in memory. Deliveries are not touched.  */
bg_result broker_document_take (broker_core *self, const broker_document_record *record,
    broker_document **document, bg_error *err) BG_CHECKED;
void broker_document_free (broker_core *self, broker_document *document);
void broker_document_dirty (broker_core *self, broker_document *document);
/*  Jobs by name, withdrawn ones too.  */
broker_document **broker_document_order (broker_core *self, size_t *count);
void broker_content_hash (const wire_document *document, uint8_t hash[32]);

/*  A signed document that a target holds and this store lacks, as if it had been posted: verified, newer than what is
    here (*taken), stored, delivered. request->target holds it, request->login is NULL.  */
bg_result broker_post_adopt (
    broker_request *request, const wire_signed *item, bool *taken, bg_error *err) BG_CHECKED;

/*  ---- adopt.c ----  */

/*  This store was restored once: what targets hold and it lacks is taken back.  */
bool broker_adopt_is_on (const broker_core *self);
/*  Asks the target for documents that an inventory named and that are not known here. Only a broker that was restored
    does; *asked is how many.  */
void broker_adopt_ask (
    broker_request *request, const wire_held *items, size_t count, size_t *asked);
bg_result broker_on_adopted (broker_request *request, bg_error *err) BG_CHECKED;
/*  A target that is not known here shows its membership (ENLIST_CLAIM; the proof of its key was checked). A broker that
    was restored takes it in again and *target is it; otherwise *target is NULL and nothing was changed.  */
bg_result broker_adopt_target (broker_request *request, const wire_signed *membership,
    broker_target **target, bg_error *err) BG_CHECKED;

/*  ---- authority.c ----  */

/*  Checks a posted authority against the current one; *next is the keyring to be.  */
bg_result broker_authority_check (broker_request *request, const wire_signed *document,
    wire_keyring **next, bg_error *err) BG_CHECKED;
/*  Makes it the current one: login keys of the front change. Takes the keyring.  */
void broker_authority_take (broker_core *self, wire_keyring *next);
bg_result broker_authority_check_settings (
    const broker_core *self, const wire_keyring *keyring, bg_error *err) BG_CHECKED;
/*  Versions >= from, at most 64 and at most bytes of them, into the arena. *more: there are more.
*/
bg_result broker_authority_versions (broker_core *self, uint64_t from, size_t bytes,
    bg_arena *arena, wire_signed **versions, size_t *count, bool *more, bg_error *err) BG_CHECKED;
/*  The version with this hash; 0: there is none.  */
bg_result broker_authority_version_of (
    broker_core *self, const uint8_t hash[32], uint64_t *version, bg_error *err) BG_CHECKED;
bg_result broker_on_authority_query (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- deliver.c ----  */

/*  0 when there is no row.  */
uint64_t broker_deliver_state (const broker_document *document, uint32_t number);
void broker_deliver_set (
    broker_core *self, broker_document *document, broker_target *target, uint64_t state);
/*  The target said what it has settled of a document (0: nothing) whose row is not at the newest:
    the row of a document that it lacks, or a skipped one.  */
void broker_deliver_learn (
    broker_core *self, broker_document *document, broker_target *target, uint64_t version);
/*  The version of a row that belongs into the target's digest: 0 for none, BROKER_HELD_OLDER when it
    is not known.  */
uint64_t broker_deliver_expected (const broker_document *document, uint32_t number);
/*  Rows in one of these states (bits 1 << WIRE_DELIVERY_*), added to out.  */
void broker_deliver_select (const broker_document *document, uint64_t states, broker_bitmap *out);
/*  Before and after a document in memory moves to a newer version: rows leave the digests of their
    targets and come back pending, addressed is computed anew, new rows are added.  */
void broker_deliver_retract (broker_core *self, broker_document *document);
void broker_deliver_renew (broker_core *self, broker_document *document);
/*  A target is new, or has other groups and labels: rows for what now addresses it.  */
void broker_deliver_readdress (broker_core *self, broker_target *target);
void broker_deliver_forget (broker_core *self, broker_target *target);
/*  Whom an audience addresses among the members, for a dry run too.  */
void broker_deliver_audience (
    const broker_core *self, const wire_audience *audience, broker_bitmap *out);
/*  The membership's own slot.  */
void broker_deliver_membership (broker_target *target, uint64_t old_version, uint64_t state);
void broker_deliver_membership_state (broker_target *target, uint64_t state);
void broker_deliver_encode (broker_document *document, bg_buf *out);
bg_result broker_deliver_decode (
    broker_core *self, broker_document *document, bg_slice bytes, bg_error *err) BG_CHECKED;
bg_result broker_on_ack (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- op_events.c ----  */

/*  Remembers a change for who follows the list. number 0: all rows, as when it was posted.  */
void broker_op_changed (
    broker_core *self, const broker_document *document, uint32_t number, uint64_t state);
void broker_op_deed_changed (
    broker_core *self, const broker_execution *deed, uint32_t number, uint64_t state);
void broker_op_member_changed (broker_core *self, const broker_target *target);
bg_result broker_on_op_tail (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- push.c ----  */

/*  One document to one target, once more.  */
bg_result broker_push_again (broker_core *self, bg_now now, broker_document *document,
    const broker_target *target, bg_error *err) BG_CHECKED;

/*  Sends a new version, or a deed, to those who are connected: by stream where the audience is one,
    else target by target. Only a hint; the poll is the truth.  */
bg_result broker_push_document (
    broker_core *self, bg_now now, broker_document *document, bg_error *err) BG_CHECKED;
bg_result broker_push_deed (broker_core *self, bg_now now, const broker_execution *execution,
    const wire_audience *to, bg_error *err) BG_CHECKED;
bg_result broker_push_membership (
    broker_core *self, bg_now now, const broker_target *target, bg_error *err) BG_CHECKED;
bool broker_push_work (broker_core *self, bg_now now);
void broker_push_free (broker_push *push);

/*  ---- streams.c ----  */

broker_stream *broker_stream_named (
    broker_core *self, bg_slice name); /*  made when it is not there  */
broker_stream *broker_stream_of_group (broker_core *self, bg_slice group);
/*  The stream that carries exactly this audience; NULL when there is none.  */
broker_stream *broker_stream_for (broker_core *self, const wire_audience *audience);
void broker_stream_queue (broker_core *self, broker_stream *stream, const wire_signed *item,
    const wire_reference *instead);
void broker_streams_flush (broker_core *self);
void broker_stream_tick (broker_core *self, bg_now now);
/*  A member leaves the stream: a new key.  */
void broker_stream_rotate (broker_core *self, broker_stream *stream, bg_now now);
void broker_streams_rotate_due (broker_core *self, bg_now now);
/*  Heads or names of the streams of a target, in the arena.  */
wire_stream_head *broker_stream_heads (
    broker_core *self, const broker_target *target, bg_arena *arena, size_t *count);
bg_slice *broker_stream_names (
    broker_core *self, const broker_target *target, bg_arena *arena, size_t *count);
void broker_stream_free (broker_core *self, broker_stream *stream);

/*  ---- deeds.c ----  */

bg_result broker_on_issue (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- executions.c ----  */

/*  In memory, else loaded from the store; NULL when there is no such one.  */
bg_result broker_execution_get (broker_core *self, bg_now now, bg_id id,
    broker_execution **execution, bg_error *err) BG_CHECKED;
bg_result broker_execution_load (broker_core *self, const broker_execution_record *record,
    broker_execution **execution, bg_error *err) BG_CHECKED;
void broker_execution_record_of (
    const broker_execution *execution, bg_buf *bitmaps, broker_execution_record *record);
/*  The three sets and the flags of a stored one.  */
bg_result broker_execution_decode (
    broker_execution *execution, bg_slice bytes, bg_error *err) BG_CHECKED;
void broker_execution_free (broker_core *self, broker_execution *execution);
/*  What a target said: it took the deed up; it is over there with a run state.  */
void broker_execution_begun (
    broker_core *self, bg_now now, broker_execution *execution, broker_target *target);
void broker_execution_over (broker_core *self, bg_now now, broker_execution *execution,
    broker_target *target, uint64_t state);
void broker_execution_gone (broker_core *self, bg_now now, broker_target *target);
/*  The target has forgotten what it had begun; what it has not taken up yet still reaches it.  */
void broker_execution_lost (broker_core *self, bg_now now, broker_target *target);
/*  A STOP of this execution: whoever of its targets has not begun is canceled.  */
void broker_execution_cancel (broker_core *self, bg_now now, broker_execution *execution,
    const broker_bitmap *targets, bg_id by);
/*  What the bitmaps of a record say of the whole execution.  */
void broker_execution_marks (bg_slice bitmaps, bool *one_shot, bg_id *canceled_by);
/*  True while this target should still get the deed.  */
bool broker_execution_is_pending (const broker_execution *execution, uint32_t number);
/*  WIRE_EXEC_* of each target of an execution by its number, 0 for others; next_number of them in the
    request's arena. BG_NOT_FOUND.  */
bg_result broker_execution_states (
    broker_request *request, bg_id id, uint8_t **states, bg_error *err) BG_CHECKED;
void broker_executions_expire (broker_core *self, bg_now now);
void broker_execution_row (const broker_execution *execution, wire_exec_row *row);
void broker_executions_watch (broker_core *self, bg_now now);
void broker_executions_drop (broker_core *self, bg_now now);
bg_result broker_on_exec_watch (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- reports.c ----  */

bg_result broker_on_report (broker_request *request, bg_error *err) BG_CHECKED;
void broker_open_run_load (broker_core *self, const broker_open_run_record *record);
void broker_open_run_free (broker_core *self, broker_open_run *run);
/*  A target whose key is cut tells nothing more: its runs are not shown as running any longer. What
    became of them it alone knows.  */
bg_result broker_open_runs_forget (
    broker_core *self, const broker_target *target, bg_error *err) BG_CHECKED;

/*  ---- requests.c ----  */

bg_result broker_on_request (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_request_op_retry (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_op_skip (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- request_members.c ----  */

bg_result broker_request_resync (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;
bg_result broker_request_forget (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err) BG_CHECKED;

/*  ---- questions.c ----  */

bg_result broker_on_ask_target (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_told (broker_request *request, bg_error *err) BG_CHECKED;
void broker_questions_expire (broker_core *self, bg_now now);
void broker_question_free (broker_core *self, broker_question *question);

/*  ---- queries ----  */

bg_result broker_on_status_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_job_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_group_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_target_query (broker_request *request, bg_error *err) BG_CHECKED;

/*  ---- target_filter.c ----  */

/*  request and query are set by the caller, the rest is filled when it is opened.  */
typedef struct {
    broker_request *request;
    const wire_target_query *query;
    wire_audience labels;
    wire_pair *described;
    broker_bitmap names; /*  wanted numbers, when names were given  */
    const broker_document *job;
    uint8_t *exec_states; /*  by number, when the query is about an execution  */
} broker_target_filter;

bg_result broker_target_filter_open (broker_target_filter *filter, bg_error *err) BG_CHECKED;
void broker_target_filter_close (broker_target_filter *filter);
bool broker_target_wanted (const broker_target_filter *filter, const broker_target *target);

bg_result broker_on_exec_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_history_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_op_query (broker_request *request, bg_error *err) BG_CHECKED;
bg_result broker_on_version_query (broker_request *request, bg_error *err) BG_CHECKED;

#endif
