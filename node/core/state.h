/*  The inside of the node's core: its state, and what its rooms ask of each other. Not for anybody else.

    Every room changes the store first and its own memory after; when the store fails in between, the whole core is
    thrown away (core.h), so memory and store never differ in a core that lives.
*/
#ifndef BUGLE_NODE_CORE_STATE_H
#define BUGLE_NODE_CORE_STATE_H

#include "common/job/calendar.h"
#include "common/job/schedule.h"
#include "node/core/core.h"
#include "node/core/table.h"
#include "proto/trust.h"

/*  Times that are not the broker's to say.  */
#define NODE_HELLO_RETRY_US   BG_SEC (10)
#define NODE_HELLO_TRIES      3
#define NODE_POLL_ANSWER_US   BG_SEC (20)
#define NODE_REPORT_ANSWER_US BG_SEC (30)
/*  That a run began is told this much later: a short run is then one commit and one report.  */
#define NODE_BEGINNING_WAIT_US BG_MS (250)
#define NODE_SPREAD_US         BG_SEC (5) /*  until the broker says otherwise  */
#define NODE_BACK_OFF_MAX_US   BG_MIN (1)
#define NODE_TICK_SILENCE_US   BG_SEC (45) /*  three ticks of the stream all  */
#define NODE_BEATS_MISSED_MAX  3
#define NODE_LATE_US           BG_MIN (1) /*  an occurrence that is later than this is a misfire  */
#define NODE_PROMPT_US         BG_SEC (5) /*  one that is later waits for other runs, if it may  */
#define NODE_CLOCK_JUMP_US     BG_SEC (2)
#define NODE_CLOCK_BACK_US     BG_HOUR (3) /*  set back by more: a correction, schedules begin anew  */
#define NODE_MISSED_ROWS_MAX   100 /*  per schedule and outage; the rest is one row with a count  */
#define NODE_MISSED_WALK_MAX   100000 /*  occurrences counted one by one  */
#define NODE_QUIET_WALK_MAX                                                                        \
    10000 /*  occurrences looked at ahead, past those that a calendar keeps out  */
#define NODE_ENLIST_RETRY_US    BG_SEC (5)
#define NODE_CONTROL_TIMEOUT_US BG_SEC (60)
#define NODE_LEAVE_US           BG_SEC (2) /*  between the acknowledgement of one's own end and the cut  */
#define NODE_PRUNE_EVERY_US     BG_MIN (10)
#define NODE_HISTORY_KEEP_US    BG_DAY (30)
#define NODE_HISTORY_BYTES_MAX  (UINT64_C (64) * 1024 * 1024)
#define NODE_PRUNE_ROWS         500
#define NODE_OUTBOX_BYTES_MAX   (UINT64_C (64) * 1024 * 1024)
#define NODE_REPORT_BYTES_MAX   (64 * 1024)
#define NODE_REPORT_ITEMS_MAX   64
#define NODE_DEED_KEEP_US       BG_DAY (1) /*  after it expired  */
#define NODE_FETCHES_MAX        8
#define NODE_OFFERS_MAX         1024 /*  of the broker's instructions at bugle-exec, of each kind  */
#define NODE_ACKS_MAX           64
#define NODE_STREAMS_MAX        34
#define NODE_STREAM_KEYS        3

/*  ---- timers: one table, one slot each, mono_us ----  */

typedef enum {
    NODE_TIMER_CONNECT, /*  open the desk again  */
    NODE_TIMER_HELLO,   /*  no WELCOME yet, or time to say hello again  */
    NODE_TIMER_HEARTBEAT,
    NODE_TIMER_POLL,
    NODE_TIMER_POLL_ANSWER,
    NODE_TIMER_SILENCE, /*  no tick on the stream all  */
    NODE_TIMER_REPORT,
    NODE_TIMER_ENLIST, /*  say it again  */
    NODE_TIMER_ENLIST_END,
    NODE_TIMER_CLAIM, /*  no answer to a claim  */
    NODE_TIMER_DEFECT_END,
    NODE_TIMER_LEAVE,
    NODE_TIMER_PRUNE,
    NODE_TIMER_COUNT
} node_timer;

/*  ---- documents ----  */

typedef struct {
    bool there;
    bool dropped;
    uint64_t version;
    uint8_t hash[32];
    uint64_t inputs; /*  of the core when it was offered last (waiting), else its trust  */
    uint64_t poll;   /*  serial of the last poll when the verdict came  */
} node_version;

/*  One key of a document. What is settled (held or refused, the higher one) is in the digest.  */
typedef struct {
    bg_id key;
    uint64_t type;
    node_version held;
    node_version refused;
    node_version waiting;
} node_slot;

/*  A document of the machine's own. Beside the slots: no broker has a row for it, and it is in no digest.  */
typedef struct {
    bg_id key;
    uint64_t type; /*  WIRE_TYPE_WITHDRAWAL: gone, its version stays  */
    uint64_t version;
    bg_id installation; /*  that of the machine's key, as long as that is the same  */
    char code[32];      /*  what bugle-exec says of it now, when that is not ok  */
    char message[256];
} node_local;

/*  A switch in force, under its own key.  */
typedef struct {
    bg_id key;
    uint64_t object_type; /*  WIRE_TYPE_JOB or WIRE_TYPE_SCHEDULE  */
    bg_id object_key;
    bool disabled;
    bool local;       /*  of a local job  */
    int64_t until_us; /*  from then on it is the other way round; 0: without end  */
} node_switch;

/*  A schedule or calendar that jobs share, as it is held.  */
typedef struct {
    bg_id key;
    uint64_t type;
    bool local;     /*  the machine's own  */
    bool is_usable; /*  it could be read  */
    bg_buf body;    /*  encoded; what is below borrows of it  */
    bg_arena arena;
    wire_schedule schedule;
    job_calendar calendar;
} node_shared;

/*  Disabled, or not, before until_us, and the other way round from then on; INT64_MAX: for ever.  */
typedef struct {
    bool disabled;
    int64_t until_us;
} node_phase;

/*  What becomes of an occurrence as far as schedules decide it.  */
typedef enum {
    NODE_CLASS_RUNS,
    NODE_CLASS_DISABLED,
    NODE_CLASS_WINDOW, /*  a calendar keeps it from running  */
    NODE_CLASSES
} node_class;

typedef struct node_job node_job;

/*  One schedule of one held job.  */
typedef struct {
    node_job *job;
    uint64_t index; /*  from 1, as in the document  */
    char *name;
    bg_buf blob;   /*  as the document has it, encoded wire_job_schedule  */
    bg_id use_key; /*  of the shared schedule that it uses; zero: none  */
    job_schedule spec;
    bool usable;
    char *problem;     /*  why it is not; NULL when it is  */
    bool names_shared; /*  calendars  */
    bool wants_idle;   /*  counted in idle_entries  */
    bool disabled;     /*  in the job  */
    bool shared_disabled;
    node_phase phase; /*  of both, and of the switch of the shared one  */
    uint8_t misfire;
    uint16_t misfire_max;      /*  at least 1  */
    int64_t misfire_window_us; /*  0: what is late does not run  */
    int64_t splay_us;          /*  between a nominal time and the start  */
    int64_t mark_us;           /*  newest occurrence dealt with, nominal  */
    int64_t next_us;           /*  nominal; valid while heap_index is not 0, as is due_us  */
    int64_t due_us;
    int next_fold;
    node_class streak;  /*  what kept the newest ones from running  */
    size_t streak_rows; /*  listed since it began, or since the start  */
    size_t heap_index;  /*  from 1; 0: not in the heap  */
} node_entry;

struct node_job {
    bg_id key;
    uint64_t version;
    char *name;
    bool local;    /*  the machine's own: runs without a broker, and is told to nobody  */
    bool spent;    /*  it has deleted itself here  */
    bool disabled; /*  in its document  */
    int64_t enabled_until_us; /*  0: without end  */
    node_phase phase;         /*  of its switch, else its document  */
    int64_t history_us;       /*  0: as all  */
    uint64_t history_runs;    /*  0: as all  */
    node_entry *entries;
    size_t entry_count;
};

typedef struct {
    bg_id id;
    bg_id job_key;
    char *job_name; /*  NULL: in the document that is held  */
    char *schedule;
    int64_t nominal_us;
    int64_t start_us; /*  nominal and splay  */
    int64_t late_us;  /*  after that it is a misfire  */
    bool
        may_queue; /*  its schedule has late ones run: they wait until no run of the job is open  */
    bool queues;   /*  it waits so although it is not late: others were before it  */
    uint8_t fold;
    bool sent;       /*  to the bugle-exec that is connected  */
    bool maybe_sent; /*  to any: only bugle-exec knows what became of it  */
    bool waiting;    /*  bugle-exec said so, with inputs  */
    uint64_t inputs;
} node_occurrence;

/*  ---- deeds ----  */

typedef enum {
    NODE_DEED_IS_QUEUED,
    NODE_DEED_IS_SENT,
    NODE_DEED_IS_WAITING,
    NODE_DEED_IS_DONE,
    NODE_DEED_IS_REFUSED
} node_deed_phase;

typedef struct {
    bg_id id;
    uint64_t what;
    bg_id job_key;
    char *job_name;
    int64_t issued_us;
    int64_t expires_us;
    node_deed_phase phase;
    bool proven;    /*  a login has signed it; false: not looked at  */
    bool needs_job; /*  it names the version of the job it needs  */
    bool has_job;   /*  it brings its job along  */
    uint64_t inputs;
    uint64_t poll; /*  serial of the last poll when it came  */
    char code[32];
    bg_buf signed_item; /*  empty when done or refused  */
} node_deed;

/*  ---- requests that bugle-exec has not answered ----  */

typedef enum {
    NODE_ASK_DOCUMENT,
    NODE_ASK_STOP,
    NODE_ASK_START,
    NODE_ASK_OCCURRENCE,
    NODE_ASK_ANCHOR,
    NODE_ASK_FORGET,
    NODE_ASK_BARRIER,
    NODE_ASK_LOCAL, /*  a document of the machine's own  */
    NODE_ASK_LOCAL_START,
    NODE_ASK_LOCAL_STOP,
    NODE_ASK_OUTPUT
} node_ask_kind;

typedef struct {
    bg_id id;
    node_ask_kind kind;
    bg_id subject; /*  document key, deed, occurrence or run  */
    bg_id asked;   /*  the broker's request that this one is for  */
    uint64_t type;
    uint64_t version;
    uint8_t hash[32];
    bool hinted;        /*  came by a stream only: the broker may not mean this target  */
    bg_buf signed_item; /*  of documents  */
    uint64_t control;   /*  of local ones: who asked; 0: nobody  */
} node_ask;

/*  Local documents of one request, until bugle-exec has said what it thinks of all.  */
typedef struct {
    bg_id id;
    uint64_t control;
    bg_arena arena;
    wire_control_job *rows; /*  one for each document: name, version, code, message  */
    size_t count;
    size_t open;
} node_local_post;

typedef struct {
    bg_id run;
    bg_id job_key;
    bg_id exec;   /*  zero when of a schedule  */
    bool waiting; /*  accepted, and waits for its turn  */
    uint64_t
        told; /*  sequence in the outbox of what was told of it last; 0: none, or of before the start  */
    size_t told_bytes;
} node_open_run;

/*  ---- links ----  */

typedef enum {
    NODE_SESSION_OFF,   /*  not enlisted, or must not  */
    NODE_SESSION_WAIT,  /*  closed, back-off runs  */
    NODE_SESSION_HELLO, /*  hello said  */
    NODE_SESSION_UP
} node_session_state;

typedef struct {
    uint32_t number;
    bg_key key;
} node_stream_key;

typedef struct {
    char name[160 + 1];
    bool subscribed;
    bool known; /*  session and sequence are known from a head  */
    uint8_t session[8];
    uint64_t sequence;
    node_stream_key keys[NODE_STREAM_KEYS]; /*  newest first  */
    size_t key_count;
} node_stream;

typedef struct {
    node_session_state state;
    bg_id id;
    bg_id hello;          /*  request id of the last HELLO  */
    int tries;            /*  hellos without an answer  */
    int failures;         /*  connections given up in a row  */
    int refusals;         /*  of the desk, in a row  */
    bool broken;          /*  the link went down under an open session  */
    int64_t down_mono_us; /*  when it did  */
    int missed;           /*  heartbeats without an answer  */
    bool beat_open;
    int64_t heartbeat_us;
    int64_t poll_us;
    int64_t spread_us;
    int64_t stale_mono_us; /*  last hello because of an ERROR stale  */
    bool orders_open;
} node_session;

typedef struct {
    bool in_flight;
    bool wanted;   /*  as soon as the one in flight is answered  */
    bool more;     /*  the broker has more once these are settled  */
    bool settling; /*  its instructions are not all settled yet  */
    uint64_t news_before;
    uint64_t serial;  /*  polls sent  */
    uint64_t settled; /*  serial of the newest poll of which everything is settled  */
    bg_id request;
    uint8_t nonce[16];
    bool with_exec_nonce;
    bg_id inventory;           /*  request of the page on its way; zero: none  */
    uint64_t inventory_serial; /*  poll serial when it was sent  */
    bg_id inventory_last_key;
    bool inventory_last;
} node_polling;

typedef struct {
    bool connected;
    bool heard;           /*  it has said what it holds  */
    bool shown;           /*  and was shown the local documents  */
    bool ready;           /*  and it is anchored, and ours  */
    bool synced;          /*  every run it had at connect is known here, and it has what we have  */
    bool runs_known;      /*  the first half of that, also without a broker  */
    uint64_t synced_poll; /*  serial of the last poll by then  */
    bool foreign;
    bool anchor_asked;
    bool anchor_refused;
    bool anchored;
    bg_id installation;
    bg_id local_installation; /*  zero: it has no key of local jobs  */
    uint64_t authority;
    uint64_t membership;
    bool time_known;
    bool has_nonce;
    uint8_t nonce[16];
    char problem[512]; /*  of its policy, for people  */
    char version[64];
} node_exec_link;

/*  ---- dialogues with people ----  */

typedef enum {
    NODE_ENLIST_NONE,
    NODE_ENLIST_ANCHORING, /*  bugle-exec first: no use of the token is burned before it is ready  */
    NODE_ENLIST_HELLO,
    NODE_ENLIST_PROVE,
    NODE_ENLIST_SETTLING, /*  stored by the broker; the first documents are on their way  */
    /*  Without a token (pending.c):  */
    NODE_ENLIST_ASKING, /*  nobody has answered yet  */
    NODE_ENLIST_PINNING, /*  what the code is made of is known and stored; bugle-exec takes the pin  */
    NODE_ENLIST_PENDING /*  an admin has to approve it; asked again and again  */
} node_enlist_phase;

/*  The broker that a node joins, as its token or its person said.  */
typedef struct {
    bg_slice endpoints; /*  separated by newlines  */
    bg_slice name;      /*  for people; empty until it is known  */
    bg_key curve_key;
    uint8_t authority_hash[32]; /*  pinned  */
    bg_id installation;
} node_enlist_broker;

typedef struct {
    node_enlist_phase phase;
    bool answered;
    uint64_t control;
    bg_arena arena; /*  everything below, whatever was received  */
    node_enlist_broker broker;
    uint8_t token_seed[16];
    uint8_t token_secret[64];
    bg_key token_public;
    bg_slice name;
    bg_slice location;
    bg_slice note; /*  what bugle-exec had to say about its policy, for the person  */
    bg_key sign_key;
    bg_key curve_key;
    uint8_t nonce[16];
    bg_id request;
    bg_buf message_header; /*  to be said again  */
    bg_buf message_body;
    bool has_challenge;
    wire_enlist_challenge challenge;
    wire_signed *authority; /*  as the broker showed it  */
    size_t authority_count;
    wire_keyring *keyring;
    /*  of pending.c  */
    uint8_t broker_nonce[16];
    bool has_nonce;
    bool until_listed; /*  who asks waits for that only  */
    bool pin_refused;  /*  the node may not pin: the privileged enlist command does  */
    bool listed;       /*  the broker keeps it  */
    bool was_listed;   /*  now or before a restart  */
    unsigned silent;   /*  questions without an answer  */
    unsigned proofs;   /*  questions in a row that the broker did not list  */
} node_enlistment;

/*  Of claim.c.  */
typedef struct {
    bool open;    /*  asked, on the enlist link  */
    bool unknown; /*  the broker does not know this target  */
    unsigned proofs;
    unsigned unanswered; /*  questions in a row  */
    bool has_nonce;
    uint8_t nonce[16]; /*  of the broker  */
    bg_id request;
    int64_t next_mono_us; /*  not asked before  */
} node_claim;

typedef struct {
    bool wanted;
    bool answered;
    bool sent;
    uint64_t control;
    bg_id request;
} node_defection;

/*  What is kept of a defection that the broker was asked for. The broker may have removed this target although its answer
    never came: then it refuses the connection, and that is the answer.  */
typedef enum {
    NODE_LEAVING_NOT = 0,
    NODE_LEAVING_ASKED = 1,   /*  goes on after a restart  */
    NODE_LEAVING_DOUBTED = 2, /*  given up without an answer  */
} node_leaving_mark;

typedef struct {
    bool open;
    bool single; /*  a batch was refused: one item at a time  */
    bg_id request;
    uint64_t last; /*  sequence of the last item on its way  */
    uint64_t rows;
    uint64_t bytes;
    uint64_t sequence; /*  last one given out  */
    uint64_t said;     /*  highest one that may have been sent: behind it rows may still change  */
    uint64_t stripped; /*  output is cut off up to here  */
    int64_t wait_until_us; /*  nothing but beginnings is in it, they wait until then; mono  */
} node_outbox;

enum {
#define NODE_COUNTER(name, word) NODE_COUNT_##name,
#include "node/core/counters.def"
#undef NODE_COUNTER
    NODE_COUNT_COUNT
};

struct node_core {
    node_ports ports;
    char *name;
    char *default_name;
    char *location;
    char *zone;
    char *version;
    bg_arena fact_arena;
    wire_pair *facts;
    size_t fact_count;
    bg_id instance;

    bg_now now;       /*  of the event in progress  */
    bg_arena scratch; /*  of the event in progress  */
    int64_t started_us;
    int64_t last_poll_us;    /*  when the last poll was answered  */
    int64_t own_poll_us;     /*  of this target's switch; 0: none  */
    int64_t clock_offset_us; /*  utc - boot, at the last event  */
    int64_t timers[NODE_TIMER_COUNT];
    int64_t book_due_us; /*  wall time of the next thing to do about schedules; INT64_MAX: none  */
    node_counter counters[NODE_COUNT_COUNT + 1];
    char *problem;
    bool full;
    bool recovering; /*  nothing may be written  */

    bool enlisted;
    bg_arena identity_arena;
    node_identity identity;
    wire_keyring *keyring;
    bool leaving; /*  defected by a signed membership; cut soon  */

    uint64_t boot;
    bool boot_dirty;
    bool starts; /*  schedules of the node's start were not looked at yet  */
    uint64_t state_seq;
    bool state_dirty;
    uint64_t saved_outbox;
    uint64_t term;
    uint64_t position;
    bg_buf attestation;
    bool attestation_dirty;
    bool has_broker_time;
    int64_t broker_offset_us; /*  attested time - boot time  */

    uint64_t inputs;      /*  rises when something that waiting items may need has changed  */
    uint64_t trust;       /*  rises with a new authority or membership, and with exec_inputs  */
    uint64_t exec_inputs; /*  of bugle-exec, as it said last: policy, version, local key  */
    uint8_t digest[16];
    node_table slots;
    node_table locals;      /*  node_local  */
    node_table local_posts; /*  node_local_post  */
    node_table switches;
    node_table shared; /*  node_shared  */
    node_table jobs;
    size_t idle_entries; /*  schedules that wait for idle processors  */
    bool book_paused;    /*  downloaded jobs are out of the heap  */
    node_entry **heap;   /*  heap[0] is not used  */
    size_t heap_count;
    size_t heap_capacity;
    const char *missed_reason;

    node_table occurrences;
    node_table deeds;
    bool deeds_moved; /*  something may be sent  */
    node_table asks;
    size_t document_asks;
    uint64_t news;           /*  instructions that were new, ever  */
    uint64_t retried_inputs; /*  what was offered again, was with these  */
    uint64_t retried_trust;
    node_table open_runs;

    node_session session;
    node_stream *streams;
    size_t stream_count;
    size_t stream_capacity;
    node_polling poll;
    node_table fetches; /*  node_ask, kind DOCUMENT  */
    node_exec_link exec;
    node_enlistment enlist;
    node_claim claim;
    node_defection defect;
    uint64_t leaving_mark; /*  node_leaving_mark, as stored  */
    node_outbox outbox;

    bg_arena ack_arena;
    wire_ack_item *acks; /*  their texts are in the arena  */
    size_t ack_count;    /*  at most NODE_ACKS_MAX  */
    size_t ack_capacity;
    bool hinted; /*  what is applied now came by a stream  */
    bool polled; /*  what is applied now is the answer to a poll  */
};

#endif
