/*  Structs of every message and document, and the codec over them.

    The structs are expanded from messages.def and inner.def. Slices in a decoded struct point into the bytes that were
    decoded; lists live in the arena. Encoding is canonical: maps by ascending integer key, shortest forms, no floats,
    no nil, OPT fields that are zero or empty left out (design.md section 16).

    Decoding always passes the frame guard first (guard.h) and then msgpack-c; it refuses wrong types, limits passed,
    duplicate or unordered keys, missing REQ fields, control characters. Unknown keys are skipped in messages; in signed
    structures an unknown key below 128 is BG_TOO_NEW.
*/
#ifndef BUGLE_PROTO_WIRE_H
#define BUGLE_PROTO_WIRE_H

#include "common/base/arena.h"
#include "common/base/id.h"

#define WIRE_LEVEL 1 /*  the protocol level of this program: lowest and highest it speaks  */

/*  Sizes on the wire, bytes.  */
#define WIRE_FRAME_MAX        (256 * 1024)
#define WIRE_ENLIST_FRAME_MAX (64 * 1024)
#define WIRE_INLINE_MAX       (32 * 1024) /*  larger instructions are published by reference  */
#define WIRE_POLL_BYTES_MAX   (200 * 1024)
#define WIRE_DEPTH_MAX        8
#define WIRE_ITEMS_MAX        4096 /*  values in one signed structure  */
#define WIRE_MESSAGE_ITEMS_MAX                                                                     \
    65536 /*  values in one message: pages of answers are bounded by bytes first  */
#define WIRE_CONTAINER_MAX   1024
#define WIRE_INNER_BYTES_MAX (16 * 1024 * 1024) /*  of a blob of inner.def  */

typedef enum {
#define WIRE_KIND(NAME, number, type, sender, channel, text) WIRE_##NAME = number,
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"
} wire_kind;

typedef enum {
#define WIRE_TYPE(NAME, number, word, type, text) WIRE_TYPE_##NAME = number,
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/def_undo.h"
} wire_type;

#define WIRE_STRUCT(s)                                                                             \
    typedef struct wire_##s wire_##s;                                                              \
    struct wire_##s {
#define WIRE_U(s, n, name, max, req, since)     uint64_t name;
#define WIRE_I(s, n, name, req, since)          int64_t name;
#define WIRE_BOOL(s, n, name, since)            bool name;
#define WIRE_ID(s, n, name, req, since)         bg_id name;
#define WIRE_KEY(s, n, name, req, since)        bg_key name;
#define WIRE_FIX(s, n, name, bytes, req, since) uint8_t name[bytes];
#define WIRE_BIN(s, n, name, max, req, since)   bg_slice name;
#define WIRE_STR(s, n, name, max, req, since)   bg_slice name;
#define WIRE_TEXT(s, n, name, max, req, since)  bg_slice name;
#define WIRE_OBJ(s, n, name, type, req, since)                                                     \
    bool has_##name;                                                                               \
    wire_##type name;
#define WIRE_LIST(s, n, name, type, max, since)                                                    \
    wire_##type *name;                                                                             \
    size_t name##_count;
#define WIRE_STRS(s, n, name, max_count, max_bytes, since)                                         \
    bg_slice *name;                                                                                \
    size_t name##_count;
#define WIRE_UINTS(s, n, name, max_count, since)                                                   \
    uint64_t *name;                                                                                \
    size_t name##_count;
#define WIRE_END(s)                                                                                \
    }                                                                                              \
    ;
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"

/*  Who may send a kind, and where. Roles above READER are ordered: a higher one may do what a lower one may.  */
typedef enum {
    WIRE_FROM_ANY,
    WIRE_FROM_BROKER,
    WIRE_FROM_TARGET,
    WIRE_FROM_STRANGER,
    WIRE_FROM_READER,
    WIRE_FROM_OPERATOR,
    WIRE_FROM_AUTHOR,
    WIRE_FROM_ADMIN,
    WIRE_FROM_FRONT,
    WIRE_FROM_CORE,
    WIRE_FROM_NODE,
    WIRE_FROM_EXEC
} wire_sender;

typedef enum {
    WIRE_ON_ANY,
    WIRE_ON_DESK = 1,
    WIRE_ON_ENLIST = 2,
    WIRE_ON_OPS = 3,
    WIRE_ON_ORDERS = 4,
    WIRE_ON_INNER = 5
} wire_channel;

/*  Values of enumerated fields.  */
enum { WIRE_ROLE_READER = 1, WIRE_ROLE_OPERATOR = 2, WIRE_ROLE_AUTHOR = 3, WIRE_ROLE_ADMIN = 4 };
enum { WIRE_MEMBER = 1, WIRE_DEFECTED_MEMBER = 2 }; /*  membership.state  */
enum { WIRE_STEP_RUN = 1, WIRE_STEP_SCRIPT = 2 };   /*  job_step.kind  */
enum {
    WIRE_FLOW_DEFAULT = 0,
    WIRE_FLOW_NEXT = 1,
    WIRE_FLOW_SUCCEED = 2,
    WIRE_FLOW_FAIL = 3,
    WIRE_FLOW_GOTO = 4
};
enum { /*  job_schedule.kind  */
    WIRE_SCHEDULE_CRON = 1,
    WIRE_SCHEDULE_EVERY = 2,
    WIRE_SCHEDULE_ONCE = 3,
    WIRE_SCHEDULE_DAILY = 4,
    WIRE_SCHEDULE_WEEKLY = 5,
    WIRE_SCHEDULE_MONTHLY = 6,
    WIRE_SCHEDULE_RELATIVE = 7,
    WIRE_SCHEDULE_NODE_START = 8, /*  when the node starts  */
    WIRE_SCHEDULE_IDLE = 9,       /*  when the processors have become idle  */
    WIRE_SCHEDULE_USE = 10        /*  as the named schedule document says  */
};
enum { WIRE_GAP_EDGE = 0, WIRE_GAP_SHIFT = 1, WIRE_GAP_SKIP = 2 };
enum { WIRE_FOLD_FIRST = 0, WIRE_FOLD_SECOND = 1, WIRE_FOLD_BOTH = 2 };
enum { WIRE_MISFIRE_SKIP = 0, WIRE_MISFIRE_LAST = 1, WIRE_MISFIRE_ALL = 2 };
enum {
    WIRE_OVERLAP_SKIP = 0,
    WIRE_OVERLAP_QUEUE = 1,
    WIRE_OVERLAP_REPLACE = 2
};     /*  job.overlap  */
enum { /*  job.delete_level  */
    WIRE_DELETE_NEVER = 0,
    WIRE_DELETE_ON_SUCCESS = 1,
    WIRE_DELETE_ON_FAILURE = 2,
    WIRE_DELETE_ALWAYS = 3
};
enum { WIRE_START_BY_LOGIN = 0, WIRE_START_BY_BROKER = 1, WIRE_START_BY_NOBODY = 2 };
enum {
    WIRE_DEED_START = 1,
    WIRE_DEED_STOP = 2,
    WIRE_DEED_POLL = 3,
    WIRE_DEED_SYNC_TIME = 4,
    WIRE_DEED_RE_ENLIST = 5
};
enum { /*  run.state  */
    WIRE_RUN_RUNNING = 0,
    WIRE_RUN_SUCCEEDED = 1,
    WIRE_RUN_FAILED = 2,
    WIRE_RUN_CANCELED = 3,
    WIRE_RUN_INTERRUPTED = 4,
    WIRE_RUN_NOT_RUN = 5,
    WIRE_RUN_WAITING = 6 /*  accepted, and waits for its turn  */
};
enum {
    WIRE_RESULT_SUCCEEDED = 1,
    WIRE_RESULT_FAILED = 2,
    WIRE_RESULT_CANCELED = 3,
    WIRE_RESULT_INTERRUPTED = 4
};
enum { /*  delivery_row.state, ack_item.state  */
    WIRE_DELIVERY_PENDING = 1,
    WIRE_DELIVERY_WAITING = 2,
    WIRE_DELIVERY_APPLIED = 3,
    WIRE_DELIVERY_FAILED = 4,
    WIRE_DELIVERY_SUPERSEDED = 5,
    WIRE_DELIVERY_EXPIRED = 6,
    WIRE_DELIVERY_SKIPPED = 7
};
enum {
    WIRE_POSTED_CREATED = 1,
    WIRE_POSTED_CHANGED = 2,
    WIRE_POSTED_UNCHANGED = 3,
    WIRE_POSTED_DELETED = 4
};
enum { /*  target_row.state  */
    WIRE_TARGET_NORMAL = 1,
    WIRE_TARGET_PROVISIONAL = 2,
    WIRE_TARGET_SUSPECTED_OFFLINE = 3,
    WIRE_TARGET_QUARANTINED = 4,
    WIRE_TARGET_WAITING = 5,
    WIRE_TARGET_DEFECTED = 6,
    WIRE_TARGET_NEVER_SEEN = 7
};
enum {                             /*  request.what  */
    WIRE_REQUEST_TOKEN_REVOKE = 1, /*  token_key  */
    WIRE_REQUEST_REJECT = 2,       /*  ids: target ids of pending enlistments  */
    WIRE_REQUEST_RESYNC = 3,       /*  to, full  */
    WIRE_REQUEST_OP_RETRY = 4,     /*  ops  */
    WIRE_REQUEST_OP_SKIP = 5,      /*  ops, reason  */
    WIRE_REQUEST_SET = 6,          /*  name, value; empty value: the default again  */
    WIRE_REQUEST_BACKUP = 7,       /*  name: empty for one made of the time  */
    WIRE_REQUEST_RESUME = 8,       /*  after a restore  */
    WIRE_REQUEST_DISMANTLE = 9,
    WIRE_REQUEST_FORGET = 10, /*  to or ids: defected targets leave the lists  */
    WIRE_REQUEST_PURGE = 11,  /*  before_us, and name of a job or full: history is removed  */
    WIRE_REQUEST_CATEGORY_CREATE = 12, /*  name, value: what it is for  */
    WIRE_REQUEST_CATEGORY_DELETE = 13  /*  name  */
};
enum { /*  op_row.operation: the codes of the download list  */
    WIRE_OP_INSERT = 1,
    WIRE_OP_UPDATE = 2,
    WIRE_OP_DELETE = 3,
    WIRE_OP_START = 4,
    WIRE_OP_STOP = 5,
    WIRE_OP_RE_ENLIST = 6,
    WIRE_OP_DEFECT = 7,
    WIRE_OP_SYNC_TIME = 8,
    WIRE_OP_SET_POLL = 9,
    WIRE_OP_POLL = 10,
    WIRE_OP_ENABLE = 11,
    WIRE_OP_DISABLE = 12,
    WIRE_OP_MEMBERSHIP = 13,
    WIRE_OP_AUTHORITY = 14
};
enum {
    WIRE_BACKUP_RUNNING = 1,
    WIRE_BACKUP_DONE = 2,
    WIRE_BACKUP_FAILED = 3
};                                                                      /*  status.backup_state  */
enum { WIRE_ASK_STATE = 1, WIRE_ASK_BELIEFS = 2, WIRE_ASK_OUTPUT = 3 }; /*  ask.what  */
enum {                                                                  /*  belief.place  */
    WIRE_BELIEF_HELD = 1,
    WIRE_BELIEF_REFUSED = 2,
    WIRE_BELIEF_WAITING = 3,
    WIRE_BELIEF_KEPT = 4 /*  the version is held, but not for this target  */
};
enum {
    WIRE_CLAIM_MEMBER = 1,
    WIRE_CLAIM_DEFECTED = 2,
    WIRE_CLAIM_UNKNOWN = 3,
    WIRE_CLAIM_PROVE = 4
};
enum { /*  one target in an execution; as bits (1 << state) in target_query.exec_states  */
    WIRE_EXEC_PENDING = 1,
    WIRE_EXEC_RUNNING = 2,
    WIRE_EXEC_SUCCEEDED = 3,
    WIRE_EXEC_FAILED = 4,
    WIRE_EXEC_CANCELED = 5,
    WIRE_EXEC_INTERRUPTED = 6,
    WIRE_EXEC_NOT_RUN = 7,
    WIRE_EXEC_SILENT = 8
};

/*  The word of an enumerated value, for people, logs and JSON; NULL when there is none.  */
const char *wire_run_state_word (
    uint64_t state); /*  running, succeeded, failed, canceled, interrupted, not-run  */
const char *wire_step_state_word (uint64_t state);
const char *wire_delivery_state_word (uint64_t state); /*  pending, waiting, applied, ...  */
const char *wire_target_state_word (
    uint64_t state);                             /*  normal, provisional, suspected offline, ...  */
const char *wire_posted_word (uint64_t outcome); /*  created, changed, unchanged, deleted  */
const char *wire_role_word (uint64_t role);
const char *wire_deed_word (uint64_t what);
const char *wire_request_word (uint64_t what);
const char *wire_op_word (uint64_t operation); /*  insert, update, delete, start, ...  */
const char *wire_exec_state_word (uint64_t state);
const char *wire_type_word (uint64_t type); /*  the word inside signatures  */

/*  ---- descriptors: what the tables expand to ----  */

typedef enum {
    WIRE_FIELD_U,
    WIRE_FIELD_I,
    WIRE_FIELD_BOOL,
    WIRE_FIELD_ID,
    WIRE_FIELD_KEY,
    WIRE_FIELD_FIX,
    WIRE_FIELD_BIN,
    WIRE_FIELD_STR,
    WIRE_FIELD_TEXT,
    WIRE_FIELD_OBJ,
    WIRE_FIELD_LIST,
    WIRE_FIELD_STRS,
    WIRE_FIELD_UINTS
} wire_field_type;

typedef struct wire_desc wire_desc;

/*  A field, without a pointer: the table of all fields is half of what a program would otherwise relocate at its
    start, and pages that were relocated are no longer shared by the processes of a machine.  */
typedef struct {
    uint64_t max;          /*  largest value, bytes, or items  */
    uint32_t max_bytes;    /*  of each string of a STRS  */
    uint32_t name_at;      /*  see wire_field_name  */
    uint32_t offset;       /*  of the value in the struct  */
    uint32_t extra_offset; /*  of has_NAME or NAME_count  */
    uint16_t number;
    uint16_t desc_at; /*  see wire_field_desc; 0: none  */
    uint8_t type;     /*  wire_field_type  */
    bool required;
    uint8_t since;
} wire_field;

const char *wire_field_name (const wire_field *field);
/*  Of OBJ and LIST: what it holds; else NULL.  */
const wire_desc *wire_field_desc (const wire_field *field);

struct wire_desc {
    const char *name;
    const wire_field *fields; /*  ascending numbers  */
    size_t field_count;
    size_t size; /*  sizeof the struct  */
};

typedef struct {
    wire_kind kind;
    const char *name; /*  "HELLO"  */
    const wire_desc *desc;
    wire_sender sender;
    wire_channel channel;
    const char *text;
} wire_kind_row;

typedef struct {
    wire_type type;
    const char *word;
    const wire_desc *desc;
    const char *text;
} wire_type_row;

/*  Tables end with a row of kind 0 / type 0.  */
extern const wire_kind_row wire_kinds[];
extern const wire_type_row wire_types[];
const wire_kind_row *wire_kind_find (uint64_t kind);
const wire_type_row *wire_type_find (uint64_t type);

/*  extern const wire_desc wire_desc_<name>, one per struct.  */
#define WIRE_STRUCT(s) extern const wire_desc wire_desc_##s;
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/inner.def"
#include "proto/def_undo.h"

/*  ---- codec ----  */

typedef enum {
    WIRE_AS_MESSAGE, /*  unknown fields are skipped  */
    WIRE_AS_SIGNED /*  unknown fields below 128 are BG_TOO_NEW; anything not canonical is BG_MALFORMED  */
} wire_strictness;

/*  Appends the canonical bytes of the struct to out. Numbers, sizes and counts must be within their limits (asserted);
    what texts hold is not looked at: wire_check and wire_fit_text are there for texts of others.  */
void wire_encode (const wire_desc *desc, const void *value, bg_buf *out);
/*  Checks a struct against its limits before it is encoded; for values that come from people.
    BG_INVALID or BG_TOO_LARGE with the field's name.  */
bg_result wire_check (const wire_desc *desc, const void *value, bg_error *err) BG_CHECKED;
/*  Fills *value (sizeof the struct) from bytes, which must outlive it. On failure *value is zeroed.
    Errors: BG_MALFORMED, BG_TOO_LARGE, BG_TOO_NEW (WIRE_AS_SIGNED), BG_INVALID (text).  */
bg_result wire_decode (const wire_desc *desc, bg_slice bytes, wire_strictness strictness,
    bg_arena *arena, void *value, bg_error *err) BG_CHECKED;
/*  One line per field, indented; secrets are never in these structs. For logs, tests and people.  */
void wire_print (const wire_desc *desc, const void *value, bg_buf *out);
/*  A random value within the limits, small with high probability; next (ctx) gives 64 random bits.  */
void wire_random (
    const wire_desc *desc, bg_arena *arena, uint64_t (*next) (void *ctx), void *ctx, void *value);
bool wire_equal (const wire_desc *desc, const void *a, const void *b);
/*  Text that fits a STR or TEXT field whatever it was: bytes that are not allowed become '?' (newline and tab too unless
    multiline), cut to max bytes at the end of a character. Returns text itself when nothing had to change, else a copy
    in the arena. For messages to people, never for names.  */
bg_slice wire_fit_text (bg_slice text, size_t max, bool multiline, bg_arena *arena);
/*  Deep copy: everything the copy points to lives in the arena.  */
void wire_copy (const wire_desc *desc, bg_arena *arena, const void *from, void *to);

/*  Typed wrappers: WIRE_ENCODE (hello, &value, &out), WIRE_DECODE (hello, bytes, strictness, &arena, &value, err).  */
#define WIRE_ENCODE(s, value, out) wire_encode (&wire_desc_##s, (const wire_##s *){(value)}, (out))
#define WIRE_DECODE(s, bytes, strictness, arena, value, err)                                       \
    wire_decode (&wire_desc_##s, (bytes), (strictness), (arena), (value), (err))

/*  Inner messages as one blob: header (kind, request) and body in one msgpack array of two binaries, for frames.h.  */
void wire_inner_encode (wire_kind kind, bg_id request, const void *value, bg_buf *out);
/*  Decodes into *value_p, allocated in the arena, of the kind's struct. Only kinds on channel INNER.  */
bg_result wire_inner_decode (
    bg_slice blob, bg_arena *arena, wire_header *header, void **value_p, bg_error *err) BG_CHECKED;

#endif
