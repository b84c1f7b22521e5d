/*  The inside of the node's core: its state, and what its rooms ask of each other. Not for anybody else.

    Every room changes the store first and its own memory after; when the store fails in between, the whole core is
    thrown away (core.h), so memory and store never differ in a core that lives.
*/
#ifndef BUGLE_NODE_CORE_STATE_H
#define BUGLE_NODE_CORE_STATE_H

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
#define NODE_CLOCK_LOOK_US                                                                         \
    BG_SEC (15) /*  the wall clock may be set at any time: looked at so often  */
#define NODE_CLOCK_JUMP_US      BG_SEC (2)
#define NODE_CLOCK_BACK_US      BG_HOUR (3) /*  set back by more: a correction, schedules begin anew  */
#define NODE_MISSED_ROWS_MAX    100 /*  per schedule and outage; the rest is one row with a count  */
#define NODE_MISSED_WALK_MAX    100000 /*  occurrences counted one by one  */
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
    NODE_TIMER_SCHEDULES,
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
    bg_id object_key;
    bool disabled;
    bool local;       /*  of a local job  */
    int64_t until_us; /*  0: without end  */
} node_switch;

typedef struct node_job node_job;

/*  One schedule of one held job.  */
typedef struct {
    node_job *job;
    uint64_t index; /*  from 1, as in the document  */
    char *name;
    char *cron;
    char *zone;
    wire_job_schedule wire; /*  its slices point to the strings above  */
    job_schedule spec;
    bool usable;
    int64_t mark_us; /*  newest occurrence dealt with  */
    int64_t next_us; /*  valid while heap_index is not 0  */
    int next_fold;
    size_t disabled_rows; /*  recorded since the job was disabled, or since the start  */
    size_t heap_index;    /*  from 1; 0: not in the heap  */
} node_entry;

struct node_job {
    bg_id key;
    uint64_t version;
    char *name;
    bool local; /*  the machine's own: runs without a broker, and is told to nobody  */
    bool disabled;
    int64_t until_us;
    node_entry *entries;
    size_t entry_count;
};

typedef struct {
    bg_id id;
    bg_id job_key;
    char *job_name; /*  NULL: in the document that is held  */
    char *schedule;
    int64_t nominal_us;
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
    bg_id exec; /*  zero when of a schedule  */
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
    bg_id hello;  /*  request id of the last HELLO  */
    int tries;    /*  hellos without an answer  */
    int failures; /*  connections given up in a row  */
    int refusals; /*  of the desk, in a row  */
    bool broken;  /*  the link went down under an open session  */
    int missed;   /*  heartbeats without an answer  */
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
    uint64_t sequence;     /*  last one given out  */
    uint64_t stripped;     /*  output is cut off up to here  */
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
    node_table jobs;
    bool book_paused;  /*  downloaded jobs are out of the heap  */
    node_entry **heap; /*  heap[0] is not used  */
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
    wire_ack_item *acks; /*  NODE_ACKS_MAX of them in the arena, or NULL  */
    size_t ack_count;
    bool hinted; /*  what is applied now came by a stream  */
    bool polled; /*  what is applied now is the answer to a poll  */
};

/*  ---- core.c ----  */

void node_count (node_core *self, int which);
void node_log (node_core *self, node_log_level level, const char *event, const char *format, ...)
    BG_PRINTF (4, 5);
void node_timer_in (node_core *self, node_timer timer, int64_t delay_us);
void node_timer_off (node_core *self, node_timer timer);
/*  Uniform in 0 .. below-1; 0 when below is not positive.  */
int64_t node_random_below (node_core *self, int64_t below);
bg_id node_new_id (node_core *self);
/*  Everything of the enlistment is gone; history stays. Returns to how a new node is.  */
bg_result node_forget (node_core *self, bg_error *err) BG_CHECKED;
/*  Takes an identity over into memory.  */
void node_set_identity (node_core *self, const node_identity *identity);
void node_check_name (node_core *self);

/*  ---- messages.c ----  */

/*  Sends a message of the node on a link; returns its request id.  */
bg_id node_say (node_core *self, node_link link, wire_kind kind, const void *value);
/*  The answer to a request of the broker.  */
void node_say_as (
    node_core *self, node_link link, bg_id request, wire_kind kind, const void *value);
bg_id node_say_exec (node_core *self, wire_kind kind, const void *value);
void node_reply (node_core *self, uint64_t control, const wire_control_answer *answer);
void node_reply_error (node_core *self, uint64_t control, const bg_error *err);
/*  Decodes a wire_signed that was stored.  */
bg_result node_decode_signed (
    bg_slice bytes, bg_arena *arena, wire_signed *out, bg_error *err) BG_CHECKED;
/*  A name, sentence or word within the limits of the wire, cut where it must be.  */
bg_slice node_cut (bg_slice text, size_t max);

/*  ---- session.c ----  */

bg_result node_session_open (node_core *self, bg_error *err) BG_CHECKED;
void node_session_close (node_core *self);
/*  Gives the connection up and tries again after a back-off.  */
void node_session_rebuild (node_core *self, const char *why);
bg_result node_session_link (
    node_core *self, node_link link, node_link_event event, bg_error *err) BG_CHECKED;
bg_result node_session_welcome (node_core *self, const wire_header *header,
    const wire_welcome *welcome, bg_error *err) BG_CHECKED;
void node_session_heartbeat_answer (node_core *self, const wire_heartbeat_answer *answer);
bg_result node_session_error (
    node_core *self, const wire_header *header, const wire_error *error, bg_error *err) BG_CHECKED;
void node_session_connect_timer (node_core *self);
void node_session_hello_timer (node_core *self);
void node_session_heartbeat_timer (node_core *self);
bool node_session_is_up (const node_core *self);

/*  ---- adopt.c ----  */

/*  A restored broker asks for what it lacks.  */
bg_result node_adopt (node_core *self, const wire_adopt *ask, bg_error *err) BG_CHECKED;

/*  ---- polling.c ----  */

/*  How often; of this target's own switch, else as the broker says. 0 in every: as the broker says.  */
int64_t node_poll_interval (const node_core *self);
void node_poll_every (node_core *self, int64_t every_us);
/*  Polls now, or right after the answer that is on its way.  */
void node_poll_want (node_core *self);
void node_poll_reset (node_core *self);
void node_poll_timer (node_core *self);
/*  Documents that wait for something.  */
uint64_t node_poll_waiting (const node_core *self);
void node_poll_answer_timer (node_core *self);
bg_result node_poll_answered (node_core *self, const wire_header *header,
    const wire_poll_answer *answer, bg_error *err) BG_CHECKED;
/*  End of an event: says whether the answer's instructions are settled, and goes on.  */
bg_result node_poll_settle (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_poll_inventory_answered (node_core *self, const wire_header *header,
    const wire_inventory_answer *answer, bg_error *err) BG_CHECKED;

/*  ---- questions.c ----  */

/*  Answers a question that came from the desk.  */
/*  What bugle-exec says of the output that somebody asked for.  */
void node_question_output (node_core *self, const node_ask *ask, const wire_exec_output_part *part);
bg_result node_question (
    node_core *self, const wire_header *header, const wire_ask *ask, bg_error *err) BG_CHECKED;

/*  ---- streams.c ----  */

/*  The names this target listens to; opens the socket when it is closed.  */
void node_streams_set (node_core *self, const bg_slice *names, size_t count);
void node_streams_close (node_core *self);
void node_streams_heads (node_core *self, const wire_stream_head *heads, size_t count);
void node_streams_silence_timer (node_core *self);
bg_result node_streams_order (node_core *self, bg_slice frame0, bg_slice header, bg_slice body,
    bg_slice sigs, bg_error *err) BG_CHECKED;

/*  ---- apply.c ----  */

/*  One instruction of a poll, a push, a publication or a fetch.  */
bg_result node_apply (node_core *self, const wire_signed *item, bg_error *err) BG_CHECKED;
bg_result node_apply_all (node_core *self, const wire_signed *items, size_t count,
    const wire_reference *references, size_t reference_count, bg_error *err) BG_CHECKED;
bg_result node_apply_fetched (node_core *self, const wire_header *header,
    const wire_fetched *fetched, bg_error *err) BG_CHECKED;
bg_result node_apply_verdict (node_core *self, const node_ask *ask,
    const wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
/*  A login of the authority that is held here has signed these very bytes. What is refused and not even that is nobody's
    word, and nothing of it is kept.  */
bool node_is_proven (const node_core *self, const wire_signed *item);
/*  Offers a document; nothing when bugle-exec is not there or has it already.  */
void node_apply_offer (node_core *self, const wire_signed *item, const wire_document *document);
/*  Offers what waits or was refused again, when what it may need has changed.  */
bg_result node_apply_retry (node_core *self, bg_error *err) BG_CHECKED;
void node_ack (
    node_core *self, bg_id key, uint64_t version, uint64_t state, bg_slice code, bg_slice message);
void node_ack_flush (node_core *self);
void node_ack_drop (node_core *self);

/*  ---- documents.c ----  */

bg_result node_documents_recover (node_core *self, bg_error *err) BG_CHECKED;
node_slot *node_slot_find (const node_core *self, bg_id key);
uint64_t node_slot_settled (const node_slot *slot);
/*  Parks the document until its needs are met.  */
bg_result node_document_wait (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bg_slice code, bg_slice message, bg_error *err) BG_CHECKED;
bg_result node_document_refuse (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bg_slice code, bg_slice message, bg_error *err) BG_CHECKED;
bg_result node_document_hold (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bool addressed, bg_error *err) BG_CHECKED;
/*  What holds in force under a key, in the scratch arena.  */
bg_result node_document_held (
    node_core *self, bg_id key, wire_signed *item, bool *found, bg_error *err) BG_CHECKED;
/*  Lets a document count that bugle-exec has verified; live: not while recovering.  */
bg_result node_document_effect (node_core *self, const wire_signed *item, bg_id key, bool addressed,
    bool live, bg_error *err) BG_CHECKED;
/*  Its name for people, in the scratch arena; empty when it cannot be read.  */
bg_slice node_document_name (node_core *self, bg_slice signed_item);

/*  ---- local.c ----  */

bg_result node_locals_recover (node_core *self, bg_error *err) BG_CHECKED;
node_local *node_local_find (const node_core *self, bg_id key);
bg_result node_local_post_documents (
    node_core *self, uint64_t control, const wire_control_post *post, bg_error *err) BG_CHECKED;
bg_result node_local_issue (
    node_core *self, uint64_t control, const wire_control_issue *issue, bg_error *err) BG_CHECKED;
/*  bugle-exec has said what it holds: shown all that is held here.  */
bg_result node_locals_offer (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_local_verdict (node_core *self, const node_ask *ask,
    const wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
/*  The run that a local START began.  */
void node_local_began (node_core *self, const node_ask *ask, const wire_run *run);
/*  bugle-exec is gone: who waits for it is told.  */
void node_locals_exec_lost (node_core *self);
void node_locals_control_gone (node_core *self, uint64_t control);
void node_local_post_release (void *object);

/*  ---- schedule_book.c, occurrences.c ----  */

bg_result node_book_hold (
    node_core *self, bg_id key, uint64_t version, const wire_job *job, bg_error *err) BG_CHECKED;
bg_result node_book_drop (node_core *self, bg_id key, bg_error *err) BG_CHECKED;
/*  Of an enlistment that is over: downloaded jobs, their switches and what is due of them, in memory.  */
void node_book_forget (node_core *self);
bg_result node_book_switch (node_core *self, bg_id object_key, bg_error *err) BG_CHECKED;
bg_result node_book_recover (node_core *self, bg_error *err) BG_CHECKED;
void node_book_zones (node_core *self);
void node_book_clock_set (node_core *self);
/*  Takes what is due, and sets the timer.  */
bg_result node_book_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  The schedule of a job by which it runs next, and when; NULL when none does.  */
const node_entry *node_book_next_of (const node_job *job, int64_t *next_us);
void node_job_release (void *object);
/*  The id under which bugle-exec knows an occurrence.  */
bg_id node_occurrence_id (
    const node_core *self, const node_job *job, bg_slice schedule, int64_t nominal_us, int fold);
void node_occurrence_release (void *object);
bg_result node_occurrence_due (node_core *self, const node_entry *entry, int64_t nominal_us,
    int fold, bg_error *err) BG_CHECKED;
bg_result node_occurrences_recover (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_occurrences_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  mono_us of the next thing to do about pending occurrences; INT64_MAX: none.  */
int64_t node_occurrences_deadline (const node_core *self);
bg_result node_occurrence_verdict (
    node_core *self, bg_id occurrence, const wire_exec_verdict *verdict, bg_error *err) BG_CHECKED;
bg_result node_occurrence_done (node_core *self, bg_id occurrence, bg_error *err) BG_CHECKED;

/*  ---- deeds.c ----  */

bg_result node_deeds_recover (node_core *self, bg_error *err) BG_CHECKED;
void node_deed_release (void *object);
bg_result node_deed_take (node_core *self, const wire_signed *item, bg_error *err) BG_CHECKED;
bg_result node_deeds_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  A poll sent after serial is settled: what needs a job that nobody sent will not come.  */
bg_result node_deeds_polled (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_deed_verdict (node_core *self, const node_ask *ask, const wire_exec_verdict *verdict,
    bg_error *err) BG_CHECKED;
/*  bugle-exec shows a run of it.  */
bg_result node_deed_began (node_core *self, const wire_run *run, bg_error *err) BG_CHECKED;
/*  bugle-exec is gone: what was with it is to be sent again.  */
void node_deeds_exec_lost (node_core *self);
bg_result node_deeds_prune (node_core *self, bg_error *err) BG_CHECKED;

/*  ---- runs.c ----  */

bg_result node_runs_recover (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_run_heard (node_core *self, const wire_run *run, bg_error *err) BG_CHECKED;

typedef struct {
    bg_id job_key;
    bg_slice job_name;
    uint64_t job_version;
    bg_id exec;
    bg_slice schedule;
    int64_t nominal_us;
    bg_id occurrence;
    bg_slice reason;
    bg_slice message;
} node_not_run;

/*  Something that should have run and did not: history too.  */
bg_result node_run_not_run (node_core *self, const node_not_run *what, bg_error *err) BG_CHECKED;

/*  ---- outbox.c ----  */

bg_result node_outbox_recover (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_outbox_add (node_core *self, const wire_run *run, bg_error *err) BG_CHECKED;
bg_result node_outbox_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  A session opened; mark: what the broker has.  */
bg_result node_outbox_opened (node_core *self, uint64_t mark, bg_error *err) BG_CHECKED;
bg_result node_outbox_answered (node_core *self, const wire_header *header,
    const wire_report_answer *answer, bg_error *err) BG_CHECKED;
bg_result node_outbox_refused (node_core *self, const wire_error *error, bg_error *err) BG_CHECKED;
void node_outbox_timer (node_core *self);

/*  ---- exec_link.c ----  */

bg_result node_exec_connected (node_core *self, bg_error *err) BG_CHECKED;
void node_exec_lost (node_core *self);
bg_result node_exec_message (node_core *self, bg_slice blob, bg_error *err) BG_CHECKED;
/*  Sends a request and remembers what it was about. The core owns the ask; its id is set here.  */
void node_ask_exec (node_core *self, node_ask *ask, wire_kind kind, const void *value);
node_ask *node_ask_new (node_ask_kind kind, bg_id subject);
void node_ask_release (void *object);
/*  What bugle-exec should know by now and does not: pin, authorities, membership.  */
bg_result node_exec_settle (node_core *self, bg_error *err) BG_CHECKED;
/*  With each poll: what bugle-exec could not take when it was offered (no space for its log) is offered again, the
    chain of authorities first.  */
bg_result node_exec_remind (node_core *self, bg_error *err) BG_CHECKED;
void node_exec_anchor (node_core *self, const uint8_t authority_hash[32]);

/*  ---- enlistment.c, pending.c, membership.c, defect.c, control.c ----  */

bg_result node_enlist_begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err) BG_CHECKED;
/*  bugle-exec changed: an enlistment may go on.  */
bg_result node_enlist_exec (node_core *self, bg_error *err) BG_CHECKED;
void node_enlist_anchored (node_core *self, const wire_exec_verdict *verdict);
bg_result node_enlist_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err) BG_CHECKED;
void node_enlist_again (node_core *self);
bg_result node_enlist_timeout (node_core *self, bg_error *err) BG_CHECKED;
/*  End of an event: answers when all is settled.  */
void node_enlist_settle (node_core *self);
void node_enlist_fail (node_core *self, const bg_error *why);
void node_enlist_drop (node_core *self);
/*  The name that the person, the configuration or the machine says.  */
bg_slice node_enlist_name (const node_core *self, bg_slice wanted);
bg_result node_enlist_name_fits (const node_core *self, bg_slice name, bg_error *why) BG_CHECKED;
/*  Makes the message that is said from now on; node_enlist_say says it.  */
void node_enlist_prepare (node_core *self, wire_kind kind, const void *value);
void node_enlist_say (node_core *self, int64_t again_us);
/*  The chain from the pinned version on becomes the keyring.  */
bg_result node_enlist_authorities (node_core *self, const wire_signed *authority, size_t count,
    bg_id installation, bg_error *why) BG_CHECKED;
/*  The broker has stored this membership: it is checked, stored here, and the session begins. *why says what was wrong
    with it; then nothing has happened.  */
bg_result node_enlist_stored (
    node_core *self, const wire_signed *membership, bg_error *why, bg_error *err) BG_CHECKED;

bg_result node_pending_begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err) BG_CHECKED;
/*  After a start: an enlistment that waits goes on waiting.  */
bg_result node_pending_recover (node_core *self, bg_error *err) BG_CHECKED;
bool node_pending_is (const node_core *self);
bg_result node_pending_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err) BG_CHECKED;
void node_pending_again (node_core *self);
void node_pending_exec (node_core *self);
void node_pending_anchored (node_core *self, const wire_exec_verdict *verdict);
/*  Nobody waits for it any more: here nothing of it stays. The broker forgets it in a day. keep_keys: another
    enlistment follows at once.  */
bg_result node_pending_withdraw (node_core *self, bool keep_keys, bg_error *err) BG_CHECKED;
void node_pending_describe (const node_core *self, wire_control_answer *answer);
/*  ---- claim.c ----  */

/*  The desk has refused this target again and again: asks why, now and then.  */
bg_result node_claim_begin (node_core *self, bg_error *err) BG_CHECKED;
/*  The session stands, or the enlistment is gone: there is nothing to ask.  */
void node_claim_reset (node_core *self);
bg_result node_claim_timer (node_core *self, bg_error *err) BG_CHECKED;
bool node_claim_answers (const node_core *self, const wire_header *header);
bg_result node_claim_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err) BG_CHECKED;

/*  The membership that the target asks for, and the proof over the whole transcript.  */
void node_membership_make (
    node_core *self, wire_enlist_prove *prove, bg_arena *arena, const wire_token *record);

/*  The same without a token: by the target's own key alone.  */
void node_membership_prove (
    node_core *self, const wire_enlist_proof *proof, bg_arena *arena, wire_signed *out);

bg_result node_defect_begin (
    node_core *self, uint64_t control, const wire_control_defect *wanted, bg_error *err) BG_CHECKED;
bg_result node_defect_pump (node_core *self, bg_error *err) BG_CHECKED;
/*  After a start: a defection that was asked for goes on.  */
void node_defect_recover (node_core *self);
/*  The broker does not admit this target. *left: that was the answer to a defection.  */
bg_result node_defect_unadmitted (node_core *self, bool *left, bg_error *err) BG_CHECKED;
bg_result node_defected (node_core *self, const wire_header *header, bg_error *err) BG_CHECKED;
/*  A membership says so: a defection that is asked for here at the same time ends well with it.  */
bg_result node_defect_by_membership (node_core *self, bg_error *err) BG_CHECKED;
bg_result node_defect_refused (node_core *self, const wire_error *error, bg_error *err) BG_CHECKED;
bg_result node_defect_timeout (node_core *self, bg_error *err) BG_CHECKED;

/*  with_jobs: with the downloaded ones, as after an enlistment.  */
void node_control_describe (node_core *self, wire_control_answer *answer, bool with_jobs);
/*  Name, version, whether it runs and when next.  */
void node_describe_job (const node_core *self, const node_job *job, wire_control_job *out);

/*  ---- query.c ----  */

bg_result node_control_query (
    node_core *self, uint64_t control, const wire_control_query *wanted, bg_error *err) BG_CHECKED;

/*  ---- status.c ----  */

/*  How this target is, in its own words; all of it in the scratch arena.  */
bg_result node_describe_state (node_core *self, wire_node_state *out, bg_error *err) BG_CHECKED;
/*  What keeps it from working, as sentences for people; how many.  */
size_t node_describe_warnings (node_core *self, bg_slice **warnings);

#endif
