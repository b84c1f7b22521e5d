/*  Why is a broker's socket not reached? One endpoint, one attempt, one verdict for a person.

    A diagnosis beside the real connection, never instead of it: the name is resolved, TCP connects, the other side has
    to greet in ZMTP, and a CURVE hello has to be answered by who holds the key. That needs no key of ours that the
    broker knows, so it tells the same to a stranger, a target and a login; whether ours is admitted is not asked.
    Nothing is logged, nothing kept, and the other side sees a client that went away.

        bg_probe probe;
        BG_TRY (bg_probe_run ("tcp://broker.example.org:7413", &broker_key, 3000000, &probe, err));
        if (probe.state != BG_PROBE_WELL)
            return bg_probe_fail (&probe, err);
*/
#ifndef BUGLE_SYS_PROBE_H
#define BUGLE_SYS_PROBE_H

#include "common/base/id.h"

/*  In the order of how far the attempt came; WELL is the end.  */
typedef enum {
    BG_PROBE_NO_NAME = 1, /*  the name has no address  */
    BG_PROBE_NO_RESOLVER, /*  nobody could say whether it has one  */
    BG_PROBE_NO_ROUTE,    /*  this machine or a router on the way knows no way there  */
    BG_PROBE_FORBIDDEN,   /*  this machine's own firewall does not let it out  */
    BG_PROBE_FILTERED,    /*  no answer at all within the time  */
    BG_PROBE_REFUSED,     /*  the machine answers, nobody listens on the port  */
    BG_PROBE_SILENT,      /*  somebody listens and says nothing  */
    BG_PROBE_FOREIGN,     /*  something else than a ZeroMQ socket with CURVE listens  */
    BG_PROBE_WRONG_KEY,   /*  a CURVE socket whose secret is not that of the key given  */
    BG_PROBE_WELL,
} bg_probe_state;

#define BG_PROBE_ADDRESSES_MAX 256
#define BG_PROBE_PORTS_MAX     64

typedef struct {
    bg_probe_state state;
    char endpoint[256];                     /*  as asked  */
    char host[256];                         /*  name or address in it; the path of an ipc:// one  */
    uint16_t port;                          /*  0 for ipc://  */
    bool is_name;                           /*  host was resolved  */
    char addresses[BG_PROBE_ADDRESSES_MAX]; /*  what it resolved to: "10.0.0.5, fd00::5"  */
    char address[64];                       /*  the one that was tried: libzmq's choice, too  */
    char ports[BG_PROBE_PORTS_MAX];         /*  to open, for the advice; the caller may say more  */
    bool has_key; /*  a key was given; without it WELL means a greeting  */
    int64_t took_us;
} bg_probe;

/*  endpoint: tcp://HOST:PORT or ipc://PATH. key: the broker's, or NULL to stop after the greeting. All of it takes at
    most timeout_us (at least 1 s is sensible). Errors only for what cannot be asked: BG_INVALID (no such endpoint),
    BG_IO. Needs bg_crypto_init.  */
bg_result bg_probe_run (const char *endpoint, const bg_key *key, int64_t timeout_us,
    bg_probe *probe, bg_error *err) BG_CHECKED;

/*  A stable word for JSON: "ok", "no-name", "no-resolver", "no-route", "forbidden", "filtered", "refused", "silent",
    "foreign", "wrong-key".  */
const char *bg_probe_word (bg_probe_state state);
/*  Appends one sentence without a full stop: what was found. "127.0.0.1 port 7413 refused the connection: nobody
    listens there".  */
void bg_probe_say (const bg_probe *probe, bg_buf *sentence);
/*  Appends what to do and on which side; nothing when all is well.  */
void bg_probe_advise (const bg_probe *probe, bg_buf *advice);
/*  Both as an error: BG_UNREACHABLE, sentence and hint. probe->state is not WELL.  */
bg_result bg_probe_fail (const bg_probe *probe, bg_error *err);

#endif
