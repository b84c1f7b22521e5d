/*  A broker's core with a store in memory, people with keys, and small fake nodes with keys of
    their own.

    Real signatures, real codec, no sockets and no threads; time and randomness are the test's. Each
    message is a batch of its own: begin, message, before_commit, commit, and then the invariants
    are checked. What the core sent is kept, decoded, until the next message. Everything handed out
    lives until the fixture is closed.
*/
#ifndef BUGLE_TESTS_BROKER_FIXTURE_H
#define BUGLE_TESTS_BROKER_FIXTURE_H

#include "broker/core/core.h"
#include "broker/store/store.h"
#include "proto/digest.h"
#include "proto/frame.h"
#include "proto/trust.h"

enum { FX_ADMIN, FX_AUTHOR, FX_OPERATOR, FX_READER, FX_BROKER, FX_PEOPLE };

typedef struct {
    bg_key sign_key;
    uint8_t secret[64];
    bg_key curve_key;
} fx_person;

/*  One message that the core sent, or one publication.  */
typedef struct {
    bool published;
    wire_channel channel;
    bg_key peer;
    wire_header header;
    const wire_kind_row *row;
    const void *body; /*  decoded; of a publication the frames below  */
    bg_slice frame0;
    bg_slice header_bytes;
    bg_slice sealed;
} fx_sent;

#define FX_SENT_MAX 20000

typedef struct {
    wire_channel channel;
    bg_key key;
} fx_key;

typedef struct {
    bg_arena arena;
    broker_db *db;
    broker_core *core;
    broker_ports ports;
    broker_settings settings;
    bg_now now;
    uint64_t random; /*  state of the random stream, from a printed seed  */
    uint64_t ids;
    fx_person people[FX_PEOPLE];
    wire_login logins[FX_BROKER];
    wire_signed authority; /*  the first one  */
    fx_sent *sent;
    size_t sent_count;
    fx_key *admitted; /*  what the front would admit  */
    size_t admitted_count;
    bool keys_ready;
    bg_key *flagged; /*  targets whose heartbeats would say pending  */
    size_t flagged_count;
    bool crashed;     /*  the store failed under the last message  */
    bg_slice address; /*  whence messages come; empty: not known  */
} fx;

typedef struct {
    char name[64];
    fx_person keys;
    bg_id target;
    uint32_t number;
    bg_id session;
    bg_id outbox;
    bg_id instance;
    uint64_t boots;
    uint64_t sequence; /*  last one reported  */
    uint64_t state_seq;
    bg_slice membership; /*  encoded wire_signed  */
    wire_held *slots;    /*  what it has settled  */
    size_t slot_count;
    wire_signed deeds[64]; /*  taken from poll answers and pushes  */
    size_t deed_count;
    uint64_t authority;
    uint64_t refused; /*  what it says in its polls; fx_node_ack counts  */
} fx_node;

fx *fx_open (void);
void fx_close (fx **self_p);
/*  Lets time pass without an event.  */
void fx_pass (fx *self, int64_t us);
/*  One batch with broker_core_tick, work until there is none.  */
void fx_tick (fx *self);
/*  Throws the core away and makes a new one from the store, as after a crash.  */
void fx_restart (fx *self);
fx_person fx_person_make (unsigned char seed);
bg_id fx_id (fx *self);

/*  Sends one message and returns its request id. from: the peer's CURVE key. session may be zero.
*/
bg_id fx_send (fx *self, wire_channel channel, const bg_key *from, bg_id session, wire_kind kind,
    const void *value);
/*  The same with a request id that was used before.  */
void fx_send_again (fx *self, wire_channel channel, const bg_key *from, bg_id session,
    bg_id request, wire_kind kind, const void *value);
/*  The answer to the last request, of exactly this kind; fails the test when there is none. Cast to
    its struct.  */
const void *fx_answer (fx *self, wire_kind kind);
/*  The answer must be an ERROR with this code.  */
const wire_error *fx_refused (fx *self, bg_code code);
/*  How many messages of this kind the last batch sent (publications by their kind too).  */
size_t fx_count (const fx *self, wire_kind kind);
/*  As fx_send on ops for one of the people; returns the answer.  */
const void *fx_ask (fx *self, int person, wire_kind kind, const void *value, wire_kind answer);
bool fx_admitted (const fx *self, wire_channel channel, const bg_key *key);

/*  Documents. version 0: the fixture's clock in ms.  */
wire_signed fx_job (fx *self, int person, const char *name, const wire_audience *audience,
    uint64_t version, const char *command);
wire_signed fx_document (
    fx *self, int person, wire_type type, bg_id key, uint64_t version, const void *body);
wire_signed fx_withdrawal (fx *self, int person, const char *name, uint64_t version);
wire_signed fx_switch (fx *self, int person, const char *name, bool disabled, uint64_t version);
wire_signed fx_deed (fx *self, int person, uint64_t what, const char *job, const wire_audience *to,
    int64_t life_us, bg_id *id);
wire_audience fx_all (void);
wire_audience fx_names (fx *self, const char *first, const char *second);
wire_audience fx_group (fx *self, const char *group);
bg_id fx_job_key (const fx *self, const char *name);
/*  Posts one document as this person; fails the test when it is refused.  */
const wire_posted_item *fx_post (fx *self, int person, const wire_signed *document, uint64_t seen);
/*  Sends the POST and leaves the answer to the caller.  */
void fx_try_post (fx *self, int person, const wire_signed *document, uint64_t seen);
const wire_issued *fx_issue (fx *self, int person, const wire_signed *deed);
void fx_try_issue (fx *self, int person, const wire_signed *deed);

/*  Tokens and nodes.  */
typedef struct {
    bg_key key;
    uint8_t secret[64];
    wire_signed record;
} fx_token;
fx_token fx_token_make (
    fx *self, unsigned char seed, const char *names, const char *group, uint64_t uses);
void fx_token_post (fx *self, const fx_token *token);
fx_node fx_node_make (fx *self, const char *name, unsigned char seed);
wire_enlist_hello fx_enlist_hello (fx *self, const fx_node *node, const fx_token *token);
/*  The prove that belongs to a challenge.  */
wire_enlist_prove fx_enlist_prove (fx *self, fx_node *node, const fx_token *token,
    const wire_enlist_hello *hello, const wire_enlist_challenge *challenge);
void fx_node_enlist (fx *self, fx_node *node, const fx_token *token);
/*  token, enlist, hello and polls until nothing is pending.  */
fx_node fx_member (fx *self, const char *name, const char *group);
const wire_welcome *fx_node_hello (fx *self, fx_node *node);
const wire_poll_answer *fx_node_poll (fx *self, fx_node *node);
/*  Takes over what an answer brought: documents become slots and are acknowledged as applied, deeds
    are kept.  */
void fx_node_apply (fx *self, fx_node *node, const wire_poll_answer *answer);
void fx_node_settle (fx *self, fx_node *node); /*  polls and applies until nothing comes  */
void fx_node_ack (
    fx *self, fx_node *node, bg_id key, uint64_t version, uint64_t state, const char *code);
void fx_node_hold (fx *self, fx_node *node, bg_id key, uint64_t version);
void fx_node_digest (const fx_node *node, uint8_t digest[16]);
wire_run fx_run (fx *self, const char *job, bg_id exec, uint64_t state);
const wire_report_answer *fx_node_report (
    fx *self, fx_node *node, const wire_run *runs, size_t count);

/*  broker_scenes.c: opening moves that many cases share.  */

/*  Members web01 and web02 in the group web, and db01 in db.  */
typedef struct {
    fx *fx;
    fx_node web[2];
    fx_node db;
} fx_fleet;
fx_fleet fx_fleet_open (void);
/*  One member, web01, and the job "clean" for all, which it has not fetched.  */
fx *fx_open_member (fx_node *node);
/*  The author posts the first version of a job that runs /bin/true.  */
void fx_post_job (fx *self, const char *name, const wire_audience *audience);
/*  The author posts a job as the next version of what the broker has; returns the version.  */
uint64_t fx_post_next (fx *self, const char *name, wire_audience audience, const char *command);
/*  A target has shown more of the broker's state than the broker has: it was restored.  */
void fx_make_restored (fx *self);
/*  The operator issues a START that is valid for an hour.  */
bg_id fx_start (fx *self, const char *job, const wire_audience *to);
/*  The one row of that execution; details: with its groups and its deeds.  */
wire_exec_row fx_exec_row (fx *self, bg_id exec, bool details);

#endif
