/*  The connection of one command to its broker: the ops socket, CURVE with the login's key, one
    hello.

    All calls are synchronous and bounded in time. When nobody is there (no connection within 1.2 s, a probe says why,
    or within --timeout when the command does not use that for something else) the answer is
    BG_UNREACHABLE; once the connection stands, an answer may take 30 s. A broker that does not know
    the login's key is BG_NOT_ALLOWED.

    An error answer of the broker becomes our bg_error: code, message, hint (wire_error_to).
*/
#ifndef BUGLE_CTL_CLIENT_H
#define BUGLE_CTL_CLIENT_H

#include "ctl/identity.h"
#include "ctl/run.h"
#include "proto/trust.h"
#include "proto/wire.h"

/*  Connects and says hello.  */
bg_result ctl_client_open (ctl_run *run, const ctl_context *context, const ctl_identity *identity,
    ctl_client **client, bg_error *err) BG_CHECKED;
void ctl_client_close (ctl_client **self_p);

/*  What the broker said first: its name, our login and role, time, authority version.  */
const wire_ops_welcome *ctl_client_welcome (const ctl_client *self);
const ctl_context *ctl_client_context (const ctl_client *self);
const ctl_identity *ctl_client_identity (const ctl_client *self);
/*  Broker time now, microseconds UTC: that of the welcome plus our own monotonic clock.  */
int64_t ctl_client_now_us (const ctl_client *self);

/*  Sends one request and waits for its answer: *answer is the struct of the kind expected, in the
    run's arena. Any other kind but ERROR is BG_MALFORMED.  */
bg_result ctl_call (ctl_client *self, wire_kind kind, const void *request, wire_kind expected,
    void **answer, bg_error *err) BG_CHECKED;

/*  For messages that come by themselves (EXEC_STATE): send once, then receive as often as wanted.
    Answers to the last request sent count; others are dropped. receive waits at most timeout_us
    (BG_TIMEOUT) and puts the struct into arena. BG_CLOSED: the connection went away; connect anew
    with ctl_client_reconnect and send again. A SIGINT makes it BG_INTERRUPTED when the caller has a
    handler installed that only sets a flag.  */
bg_result ctl_send (
    ctl_client *self, wire_kind kind, const void *request, bg_error *err) BG_CHECKED;
bg_result ctl_receive (ctl_client *self, wire_kind expected, int64_t timeout_us, bg_arena *arena,
    void **answer, bg_error *err) BG_CHECKED;
/*  A new connection and hello, waiting at most timeout_us.  */
bg_result ctl_client_reconnect (ctl_client *self, int64_t timeout_us, bg_error *err) BG_CHECKED;

/*  The authority, verified from the context's pin up to the version of the welcome. Fetched at the
    first call; belongs to the client.  */
bg_result ctl_client_authority (
    ctl_client *self, const wire_keyring **keyring, bg_error *err) BG_CHECKED;
/*  After ctl_client_authority: whether this is the hash of one of the versions that were verified.  */
bool ctl_client_trusts_authority (const ctl_client *self, const uint8_t hash[32]);

#endif
