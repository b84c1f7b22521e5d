/*  What the core may do to the world: a struct of functions that the shell (or the simulator) fills
    in.

    The core is pure. It reads no clock, opens nothing, knows no socket; time comes in with each
    event. Nothing that it sends may leave the machine before the shell has committed the
    transaction of the batch in which it was sent, and all of it is dropped when that transaction is
    rolled back. Slices are borrowed for the call: copy what you keep. No function may call back
    into the core. None of them fails: what cannot be delivered is lost, and the poll makes up for
    it.
*/
#ifndef BUGLE_BROKER_CORE_PORTS_H
#define BUGLE_BROKER_CORE_PORTS_H

#include "broker/core/store_port.h"
#include "proto/sign.h"
#include "proto/wire.h"

/*  The numbers are those of syslog(3).  */
typedef enum {
    BROKER_LOG_ERROR = 3,
    BROKER_LOG_WARNING = 4,
    BROKER_LOG_NOTICE = 5,
    BROKER_LOG_INFO = 6,
    BROKER_LOG_DEBUG = 7
} broker_log_level;

/*  What only the process knows. Slices live until the next call.  */
typedef struct {
    uint64_t store_bytes;
    uint64_t free_bytes;
    uint64_t backup_state; /*  WIRE_BACKUP_*; 0: none since the start  */
    uint32_t backup_percent;
    bg_slice backup_path;
    bg_slice backup_problem;
} broker_host;

typedef struct {
    void *ctx;

    /*  One message to the peer with this CURVE key: frames as on the wire (3 of them; sigs is
        mostly empty).  */
    void (*send) (void *ctx, wire_channel channel, const bg_key *peer, bg_slice header,
        bg_slice body, bg_slice sigs);
    /*  One publication: 4 frames, the first of which (stream) is what subscribers match.  */
    void (*publish) (void *ctx, bg_slice stream, bg_slice header, bg_slice body, bg_slice sigs);

    /*  Who may connect. keys_reset opens a snapshot of the whole table, keys_add fills it,
        keys_ready closes it: only then may the front admit anybody. Later keys_add and keys_cut
        change it. A target's key is given for DESK and for ORDERS, a login's for OPS; ENLIST admits
        every key. After keys_cut the front refuses the key at once and closes its connections
        within 5 s, after what was sent to it before.  */
    void (*keys_reset) (void *ctx);
    void (*keys_add) (void *ctx, wire_channel channel, const bg_key *key);
    void (*keys_cut) (void *ctx, wire_channel channel, const bg_key *key);
    void (*keys_ready) (void *ctx);
    /*  What the front's heartbeat answers say about this target; false until told otherwise.  */
    void (*pending) (void *ctx, const bg_key *peer, bool pending);

    /*  size random bytes that nobody can guess.  */
    void (*random) (void *ctx, void *bytes, size_t size);
    /*  event is a stable word (target-enlisted), text one line for people.  */
    void (*log) (void *ctx, broker_log_level level, const char *event, const char *text);

    /*  Both may be NULL. backup begins a copy of the store and what belongs to it (name empty: made
        of the time; archive: of a dismantled broker); how far it is comes with host. The one
        function that may fail: BG_BUSY, BG_INVALID, BG_EXISTS, BG_STORAGE_FULL, BG_IO.  */
    bg_result (*backup) (void *ctx, bg_slice name, bool archive, bg_error *err);
    void (*host) (void *ctx, broker_host *host);

    const wire_crypto *crypto;
    const broker_store *store;
} broker_ports;

#endif
