/*  A broker's core with its SQLite store, one admin, and N targets that have keys but no process: what
    the load bench of the core measures with. No socket, no thread; time is the bench's.

    Messages are made before the clock runs and fed in rounds of BENCH_ROUND as the shell does: begin,
    messages, before_commit, commit. What the core sends is kept as bytes until the next phase begins.
*/
#ifndef BUGLE_TESTS_CORE_BENCH_WORLD_H
#define BUGLE_TESTS_CORE_BENCH_WORLD_H

#include "broker/core/core.h"
#include "broker/store/store.h"
#include "proto/digest.h"
#include "proto/frame.h"
#include "proto/trust.h"

#define BENCH_ROUND 256

typedef struct {
    bg_key sign_key;
    uint8_t secret[64];
    bg_key curve_key;
} bench_keys;

typedef struct {
    char name[32];
    bench_keys keys;
    bg_id id;
    uint32_t number;
    bg_id session;
    bg_id outbox;
    bg_id instance;
    uint64_t sequence;
    uint64_t state_seq;
    uint8_t nonce[16];
    uint8_t digest[16];
} bench_target;

/*  A message on its way to the core, or an answer of it: offsets into a buffer.  */
typedef struct {
    wire_channel channel;
    uint32_t index; /*  of the target; UINT32_MAX: the admin  */
    bg_key peer;
    size_t header, header_size;
    size_t body, body_size;
} bench_message;

typedef struct {
    bench_message *items;
    size_t count, room;
    bg_buf bytes;
} bench_queue;

/*  What a phase cost, CPU of this thread in microseconds unless it says otherwise.  */
typedef struct {
    double messages_us; /*  in broker_core_message and its like  */
    double write_us;    /*  in before_commit  */
    double commit_us;   /*  in the store's commit  */
    double wall_us;
    size_t rounds;
    size_t sent;
    size_t sent_bytes;
    size_t published;
    size_t published_bytes;
} bench_cost;

typedef struct {
    bg_arena arena; /*  of the world's own documents  */
    broker_db *db;
    broker_core *core;
    broker_ports ports;
    broker_settings settings;
    bg_now now;
    uint64_t random;
    uint64_t ids;
    bench_keys admin, broker;
    bg_key token_key;
    uint8_t token_secret[64];
    wire_signed token;
    bench_target *targets;
    uint32_t count;
    bench_queue in, out;
    size_t published, published_bytes, keys;
} bench_world;

/*  A new installation with a store at path and a token for count targets. Ends the process with a
    sentence when anything fails, as all functions here.  */
void bench_open (bench_world *self, const char *path, uint32_t count);
void bench_close (bench_world *self);
void bench_must (bg_result result, const bg_error *err);
bg_id bench_id (bench_world *self);
void bench_random (bench_world *self, void *bytes, size_t size);

/*  Puts a message of a target (UINT32_MAX: of the admin) into the queue.  */
void bench_put (
    bench_world *self, wire_channel channel, uint32_t index, wire_kind kind, const void *value);
/*  Feeds the queue and empties it. The answers are in out until the next call.  */
bench_cost bench_feed (bench_world *self);
/*  One round without a message in which fn is called.  */
bench_cost bench_round (
    bench_world *self, bg_result (*fn) (broker_core *core, bg_now now, bg_error *err));
/*  Throws the core away and makes it anew from the store, with the front's key table.  */
bench_cost bench_restart (bench_world *self);
/*  Decodes one answer; ends the process when it is not of this kind.  */
const void *bench_answer (
    bench_world *self, const bench_message *message, wire_kind kind, bg_arena *arena);
void bench_pass (bench_world *self, int64_t us);

/*  documents.c: what is signed.  */
wire_signed bench_document (
    bench_world *self, wire_type type, bg_id key, uint64_t version, const void *body);
wire_signed bench_job (bench_world *self, const char *name, uint64_t version);
wire_signed bench_start (bench_world *self, const char *job, bg_id *id);
bg_id bench_job_key (const bench_world *self, const char *name);
void bench_found (bench_world *self);
void bench_token (bench_world *self);
wire_enlist_prove bench_prove (bench_world *self, bench_target *target,
    const wire_enlist_challenge *challenge, bg_arena *arena);

#endif
