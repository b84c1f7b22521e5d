/*  The broker's decisions, and nothing else.

    All state sits in the broker_core. Events come in with the time in them (bg_now); effects go out
    through broker_ports. The shell's loop, one round:

        begin a store transaction
        broker_core_message / _front_up / _front_stats / _tick / _work, a batch of them
        broker_core_before_commit (core, now, &changed, &err)
        commit (when nothing changed: or roll back, as is cheaper), then release what was sent
        wait until broker_core_deadline or for input; not at all while broker_core_has_work

    A failure of any function here is a failure of the store. The shell then rolls back, drops what
    was sent in this batch, destroys this core and makes a new one (create, recover, front_up):
    recovery is the normal start. Sessions and stream positions are lost with the core; nodes notice
    (stale, other stream session) and poll. Everything else that can be wrong is answered to the
    peer or counted inside.

    Sizes are those of design.md section 16. Not thread-safe; one core per store.
*/
#ifndef BUGLE_BROKER_CORE_CORE_H
#define BUGLE_BROKER_CORE_CORE_H

#include "broker/core/ports.h"
#include "broker/core/settings.h"
#include "common/base/now.h"

#define BROKER_ENDPOINTS_MAX 8

/*  Copied by broker_core_create; the secret is wiped by destroy.  */
typedef struct {
    bg_id installation;
    bg_slice name;           /*  of the broker, for people  */
    bg_key sign_key;         /*  public half; must be the authority's broker_sign_key  */
    uint8_t sign_secret[64]; /*  Ed25519 secret key  */
    bg_key curve_key;        /*  public half of the front's CURVE key  */
    bg_slice version;        /*  of this program  */
    /*  Handed out in tokens: host or host:port of enlist, desk and orders, as the shell's
        configuration writes them.  */
    bg_slice endpoints[BROKER_ENDPOINTS_MAX];
    size_t endpoint_count;
    int64_t started_us;
    /*  start degraded: refuse what would write (storage-full), answer the rest  */
    bool storage_full;
} broker_settings;

/*  One message of an authenticated peer. Slices are borrowed for the call.  */
typedef struct {
    wire_channel channel; /*  DESK, ENLIST or OPS: the socket it came in by  */
    bg_key peer;          /*  the CURVE key that the front authenticated  */
    bg_slice address;     /*  for logs only; may be empty  */
    bg_slice header;
    bg_slice body;
    bg_slice sigs;
} broker_message;

typedef struct broker_core broker_core;

/*  An empty core. ports and what they point to must outlive it.  */
broker_core *broker_core_create (const broker_settings *settings, const broker_ports *ports)
    __attribute__ ((returns_nonnull));
void broker_core_destroy (broker_core **self_p);

/*  Puts the first authority version into a store that has none (`bugle init`): encoded wire_signed
    bytes, whose installation and broker keys must be those of the settings. To be called instead of
    recover, in a transaction. Errors: BG_EXISTS, BG_WRONG_INSTALLATION, BG_INVALID, BG_MALFORMED,
    BG_BAD_SIGNATURE, store failures.  */
bg_result broker_core_found (
    broker_core *self, bg_now now, bg_slice authority, bg_error *err) BG_CHECKED;
/*  Loads targets, heads of documents, open executions and open runs; draws the stream session.
    Called once, first. BG_NOT_FOUND when there is no authority in the store; BG_INVALID when the
    authority names other broker keys.  */
bg_result broker_core_recover (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;

/*  Store failures only.  */
bg_result broker_core_message (
    broker_core *self, bg_now now, const broker_message *message, bg_error *err) BG_CHECKED;
/*  The front (re)connected: sends the whole key table and the pending flags.  */
bg_result broker_core_front_up (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;
bg_result broker_core_front_stats (
    broker_core *self, bg_now now, const wire_front_stats *stats, bg_error *err) BG_CHECKED;
/*  What is due: ticks, liveness, expiry, key rotation, watchers. Safe to call early.  */
bg_result broker_core_tick (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  mono_us at which broker_core_tick wants to be called next; always in the future of the last
    tick.  */
int64_t broker_core_deadline (const broker_core *self);

/*  Long work is cut into pieces of at most 1,000 targets or rows. While has_work is true the shell
    calls work, one piece per round is enough, input goes first.  */
bool broker_core_has_work (const broker_core *self);
bg_result broker_core_work (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;

/*  Writes what is kept in memory during a batch (bitmaps, marks, open runs), raises the position by
    one when anything durable changed, and sends watchers their state. *changed says whether there
    is anything to commit.  */
bg_result broker_core_before_commit (
    broker_core *self, bg_now now, bool *changed, bg_error *err) BG_CHECKED;

/*  What an admin has set, or the default.  */
int64_t broker_core_setting (const broker_core *self, broker_setting setting);
/*  Term and position as of the last commit, for the high-water file; and such a pair as it was found there
    at a start: a pair above our own makes the core restored.  */
void broker_core_proof (const broker_core *self, uint64_t *term, uint64_t *position);
bg_result broker_core_high_water (
    broker_core *self, bg_now now, uint64_t term, uint64_t position, bg_error *err) BG_CHECKED;
/*  A backup that ports->backup began is whole.  */
bg_result broker_core_backup_made (broker_core *self, bg_now now, bg_error *err) BG_CHECKED;

/*  ---- for tests and the simulator ----  */

/*  A counter of refused or odd input by its name, as in STATUS; 0 when it never happened.  */
uint64_t broker_core_counter (const broker_core *self, const char *name);
/*  The digest that the target should have, for oracles. False when there is no such target.  */
bool broker_core_digest (const broker_core *self, uint32_t number, uint8_t digest[16]);
/*  Checks the invariants over the whole state (counts against bitmaps, digests against rows,
    indexes against each other); asserts. Costs documents x targets.  */
void broker_core_check (const broker_core *self);

#endif
